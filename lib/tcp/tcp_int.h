/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/tcp_int - the stack's own struct, and what its parts call of each other.
 *
 * Owner:  the worker.
 * Thread: its worker alone.
 * Memory: struct mr_tcp lies on the heap, everything it points to in the arena.
 * Spec:   RFC 9293; each part names what else it follows.
 *
 * Entries. Each public call and each timer is an entry on one connection: tcp_enter marks it busy,
 * tcp_leave sends what may be sent, arms its timer, and frees it when it has ended. A call made
 * from inside an event on a connection that is already busy leaves all that to the outer entry; on
 * another connection it is an entry of its own.
 */
#ifndef MR_TCP_TCP_INT_H
#define MR_TCP_TCP_INT_H

#include "tcp/seq.h"
#include "tcp/tcb.h"
#include "tcp/tcp.h"

/* Mistakes planted by tests/sim to show that the simulator finds them; never in a product build. */
#define TCP_PLANTS(X)         \
	X(NONE)               \
	X(SACK_OFF_BY_ONE)    \
	X(PERSIST_LOST)       \
	X(PAWS_COMPARE)       \
	X(GEN_OFFSET)         \
	X(ACK_FORGOTTEN)      \
	X(REASSEMBLY_OVERLAP) \
	X(PIN_LEAK)           \
	X(RTO_LOST)           \
	X(FIN_EARLY)          \
	X(WRAP_COMPARE)
#define TCP_PLANT_ID(name)   TCP_PLANT_##name,
#define TCP_PLANT_NAME(name) #name,
enum tcp_plant { TCP_PLANTS(TCP_PLANT_ID) TCP_PLANT_COUNT };
#ifdef MR_TCP_PLANTS
extern int mr_tcp_plant;
#define TCP_PLANTED(which) (mr_tcp_plant == TCP_PLANT_##which)
#else
#define TCP_PLANTED(which) 0
#endif

enum {
	TCP_BUCKET_SLOTS = 10,
	TCP_BUCKET_CHAIN_MAX = 8,
	TCP_SPLITS_PER_TURN = 16, /* of 6 entries each: more than a burst of SYNs brings */
	TCP_WALK_PER_TURN = 8192,
	TCP_SCRATCH_BYTES = 9216,
	TCP_QUICK_ACKS = 16, /* at the start of a connection and after a gap */
	TCP_CHALLENGE_PER_S = 10,
	TCP_DUP_THRESH = 3,
	TCP_PORT_TRIES = 32,
	TCP_PORT_COUNTERS = 256, /* of destinations, by hash: a power of two */
};
#define TCP_SLOT_TIME_WAIT 0x80000000u

/* Ten tags and ten slots in one line: a slot is a TCB's handle, or with the top bit an index into
 * the TIME_WAIT ring. */
struct tcp_bucket {
	uint16_t tags[TCP_BUCKET_SLOTS];
	uint32_t slots[TCP_BUCKET_SLOTS];
	uint32_t overflow; /* the next bucket of this chain; 0: none */
};
static_assert(sizeof(struct tcp_bucket) == MR_CACHE_LINE, "one line");

/* See table.c. buckets[0 .. count) are in use, [count .. limit) to come, then the overflow buckets.
 */
struct tcp_table {
	struct tcp_bucket *buckets;
	uint32_t count, half, limit;
	uint32_t overflow_fresh, overflow_end, overflow_free;
	uint32_t splits_left; /* of this turn */
	uint64_t entries;
};

/* 24 bytes, and 8 of a slot: 32. The four-tuple is its 64-bit keyed hash. ts_offset is a function
 * of the hash too. */
struct tcp_time_wait {
	uint64_t hash; /* 0: gone */
	uint32_t snd_nxt, rcv_nxt;
	uint32_t ts_recent;
	uint32_t expires_ms;
};
static_assert(sizeof(struct tcp_time_wait) == 24, "layout");

struct mr_tcp {
	struct mr_tcp_config config; /* const after create, defaults filled in */
	/* owner: worker */
	uint64_t now_ns;
	uint32_t now_us, now_ms; /* wrap */
	struct mr_pool tcbs, txs, rxs, runs, extents, chunks;
	struct mr_wheel wheel; /* one node per TCB */
	struct mr_wheel_node *timers;
	struct tcp_table table;
	struct tcp_time_wait *time_waits; /* a ring */
	uint32_t tw_head, tw_tail;        /* free running; live entries lie between */
	uint64_t tw_peak;                 /* reader: any, relaxed */
	uint32_t *prefixes;               /* two rows of prefix_mask + 1 counters */
	uint32_t prefix_mask;
	uint32_t walk_left, evicts_left; /* of this turn */
	uint32_t tx_hand, rx_hand;       /* where reclaim goes on */
	uint32_t half_open;
	uint32_t cookie_last_ms; /* when the last cookie left */
	bool cookies_out, in_burst;
	uint32_t burst_ack_count;
	uint32_t burst_acks[MR_TCP_BURST_MAX]; /* connections: see tcp_ack_soon */
	struct mr_rng rng;
	uint32_t port_next[TCP_PORT_COUNTERS];
	uint64_t *metrics;
	struct mr_tcp_app apps[MR_TCP_APP_MAX];
	struct mr_tcp_region regions[MR_TCP_REGION_MAX];
	struct mr_tcp_gen gens[MR_TCP_GEN_MAX];
	struct mr_tcp_out out;              /* the segment being made */
	uint8_t scratch[TCP_SCRATCH_BYTES]; /* GEN bytes of the segment being made */
};

/* What one ACK brought; on the stack of input. */
struct tcp_ack {
	const struct mr_tcp_segment *seg;
	uint32_t prior_una, prior_flight, prior_pipe;
	uint32_t acked_bytes;     /* cumulatively */
	uint32_t delivered_bytes; /* newly acknowledged or SACKed */
	uint32_t rtt_us;          /* newest sample, for min_rtt and HyStart++; 0: none */
	uint32_t srtt_rtt_us;     /* oldest sample, for SRTT; 0: none */
	bool una_advanced, dsack, duplicate, original, lost_again;
};

static inline struct tcp_tcb *
tcp_tcb(const struct mr_tcp *self, uint32_t conn)
{
	return mr_pool_at(&self->tcbs, conn);
}

static inline uint32_t
tcp_conn(const struct mr_tcp *self, const struct tcp_tcb *t)
{
	return (uint32_t)(((const uint8_t *)t - self->tcbs.base) / sizeof(*t));
}

static inline struct tcp_tx *
tcp_tx(const struct mr_tcp *self, const struct tcp_tcb *t)
{
	return t->tx ? mr_pool_at(&self->txs, t->tx) : NULL;
}

static inline struct tcp_rx *
tcp_rx(const struct mr_tcp *self, const struct tcp_tcb *t)
{
	return t->rx ? mr_pool_at(&self->rxs, t->rx) : NULL;
}

static inline struct tcp_run *
tcp_run(const struct mr_tcp *self, uint32_t run)
{
	return mr_pool_at(&self->runs, run);
}

static inline struct tcp_extent *
tcp_extent(const struct mr_tcp *self, uint32_t extent)
{
	return mr_pool_at(&self->extents, extent);
}

static inline struct tcp_chunk *
tcp_chunk(const struct mr_tcp *self, uint32_t chunk)
{
	return mr_pool_at(&self->chunks, chunk);
}

static inline void
tcp_count(struct mr_tcp *self, enum mr_tcp_metric metric)
{
	mr_metric_add(self->metrics, metric, 1);
}

static inline const struct mr_tcp_app *
tcp_app(const struct mr_tcp *self, const struct tcp_tcb *t)
{
	return &self->apps[t->app];
}

/* Bytes in the network by our reckoning: RFC 6675's pipe. */
static inline uint32_t
tcp_pipe(const struct tcp_tcb *t, const struct tcp_tx *tx)
{
	uint32_t flight = t->snd_nxt - t->snd_una, gone = tx->sacked_bytes + tx->lost_bytes;

	return flight > gone ? flight - gone : 0;
}

/* Our TSval now. */
static inline uint32_t
tcp_tsval(const struct mr_tcp *self, const struct tcp_tcb *t)
{
	return self->now_ms + t->ts_offset;
}

static inline bool
tcp_state_synchronized(uint8_t state)
{
	return state >= MR_TCP_ESTABLISHED;
}

/* What a segment for a connection touches: the TCB and its timer's node. */
static inline void
tcp_tcb_prefetch(const struct mr_tcp *self, uint32_t conn)
{
	const uint8_t *t = mr_pool_at(&self->tcbs, conn);

	__builtin_prefetch(t, 1);
	__builtin_prefetch(t + MR_CACHE_LINE, 1);
	__builtin_prefetch(t + 2 * MR_CACHE_LINE, 1);
	__builtin_prefetch(&self->timers[conn], 1);
}

static inline void
tcp_timewait_prefetch(const struct mr_tcp *self, uint32_t slot)
{
	__builtin_prefetch(&self->time_waits[slot & ~TCP_SLOT_TIME_WAIT], 1);
}

/* tcp_walk takes steps through lists that a peer can make long off this turn's budget. */
static inline void
tcp_walk(struct mr_tcp *self, uint32_t steps)
{
	self->walk_left -= MR_MIN(self->walk_left, steps);
}

/* ---- defence ---- */
int tcp_prefix_create(struct mr_tcp *self, struct mr_arena *arena, struct mr_error *error);
uint64_t tcp_prefix_bytes(const struct mr_tcp_config *config);
void tcp_prefix_add(struct mr_tcp *self, const struct mr_addr *addr, int change);
bool tcp_prefix_allows(struct mr_tcp *self, const struct mr_addr *addr);
bool tcp_evict(struct mr_tcp *self, const struct mr_addr *addr);
/* Once per turn. */
void tcp_reclaim(struct mr_tcp *self);
bool tcp_pool_reserved(const struct mr_pool *pool);
bool tcp_progress(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx);

/* ---- memory ---- */
int tcp_memory_create(struct mr_tcp *self, struct mr_arena *arena, struct mr_error *error);

/* ---- table ---- */
int tcp_table_create(struct mr_tcp *self, struct mr_arena *arena, struct mr_error *error);
/* What the table takes for as many connections and TIME_WAIT entries. */
uint64_t tcp_table_bytes(uint64_t entries);
void tcp_table_prefetch_bucket(const struct mr_tcp *self, uint64_t hash);
void tcp_table_prefetch_entry(const struct mr_tcp *self, uint64_t hash);
uint64_t tcp_flow_hash(const struct mr_tcp *self, const struct mr_tcp_flow *flow);
/* The slot's value, or 0. */
uint32_t tcp_table_find(const struct mr_tcp *self, uint64_t hash, const struct mr_tcp_flow *flow);
bool tcp_table_insert(struct mr_tcp *self, uint64_t hash, uint32_t slot);
/* Puts `slot` where `old` was; 0 removes. */
void tcp_table_replace(struct mr_tcp *self, uint64_t hash, uint32_t old, uint32_t slot);

/* ---- conn: life of a TCB ---- */
struct tcp_tcb *tcp_conn_open(struct mr_tcp *self, const struct mr_tcp_flow *flow, uint64_t hash,
			      uint8_t app, enum mr_tcp_state state, uint64_t app_word);
void tcp_conn_state(struct mr_tcp *self, struct tcp_tcb *t, enum mr_tcp_state state);
/* What a SYN's options agree on; after iss and irs are set. */
void tcp_conn_negotiate(struct mr_tcp *self, struct tcp_tcb *t, const struct mr_tcp_segment *syn);
void tcp_conn_established(struct mr_tcp *self, struct tcp_tcb *t);
void tcp_conn_finish(struct mr_tcp *self, struct tcp_tcb *t);
void tcp_conn_end(struct mr_tcp *self, struct tcp_tcb *t, enum mr_tcp_reason reason);
void tcp_conn_reset(struct mr_tcp *self, struct tcp_tcb *t, enum mr_tcp_reason reason);
/* Ends LAST_ACK, or turns TIME_WAIT into its compact form, once the application has read all. */
void tcp_conn_settle_end(struct mr_tcp *self, struct tcp_tcb *t);
/* A segment came by path; what was sent stays unanswered. */
void tcp_conn_path(struct tcp_tcb *t, uint16_t path);
void tcp_conn_path_other(struct mr_tcp *self, struct tcp_tcb *t);
bool tcp_enter(struct tcp_tcb *t);
void tcp_leave(struct mr_tcp *self, struct tcp_tcb *t, bool entered);
void tcp_check(const struct mr_tcp *self, const struct tcp_tcb *t);

/* ---- sendq: the queue of extents ---- */
struct tcp_tx *tcp_tx_get(struct mr_tcp *self, struct tcp_tcb *t);
void tcp_tx_release(struct mr_tcp *self, struct tcp_tcb *t);
void tcp_tx_release_idle(struct mr_tcp *self, struct tcp_tcb *t);
uint32_t tcp_sendq_own(struct mr_tcp *self, struct tcp_tcb *t, const uint8_t *bytes,
		       uint32_t count);
bool tcp_sendq_ref(struct mr_tcp *self, struct tcp_tcb *t, uint8_t region, uint64_t offset,
		   uint32_t count, uint32_t pin);
bool tcp_sendq_gen(struct mr_tcp *self, struct tcp_tcb *t, uint8_t gen, uint64_t cookie);
/* The sequence number up to which bytes can be made now, asking generators for up to want more. */
uint32_t tcp_sendq_plan(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, uint32_t want);
/* The same without asking anybody. */
uint32_t tcp_sendq_ready(const struct mr_tcp *self, const struct tcp_tcb *t,
			 const struct tcp_tx *tx);
uint32_t tcp_sendq_gather(struct mr_tcp *self, const struct tcp_tcb *t, const struct tcp_tx *tx,
			  uint32_t seq, uint32_t count);
void tcp_sendq_acked(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, uint32_t una);

/* ---- board: what is in flight ---- */
bool tcp_board_sent(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, uint32_t seq,
		    uint32_t end);
bool tcp_board_room(const struct mr_tcp *self, const struct tcp_tx *tx);
struct tcp_run *tcp_board_lost(struct mr_tcp *self, const struct tcp_tx *tx);
/* Cuts `run` so that it ends at end; false when no run is left. */
bool tcp_board_cut(struct mr_tcp *self, struct tcp_tx *tx, struct tcp_run *run, uint32_t end);
void tcp_board_again(struct mr_tcp *self, struct tcp_tx *tx, struct tcp_run *run);
void tcp_board_acked(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx,
		     struct tcp_ack *ack);
void tcp_board_sacked(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx,
		      struct tcp_ack *ack);
void tcp_board_mark(struct mr_tcp *self, struct tcp_tx *tx, struct tcp_run *run);
void tcp_board_forget_sacks(struct mr_tcp *self, struct tcp_tx *tx);
void tcp_board_release(struct mr_tcp *self, struct tcp_tx *tx);
bool tcp_sent_after(uint32_t us_1, uint32_t end_1, uint32_t us_2, uint32_t end_2);

/* ---- recovery ---- */
void tcp_recovery_ack(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx,
		      struct tcp_ack *ack);
void tcp_recovery_timeout(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx);
void tcp_recovery_reorder_timer(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx);
void tcp_recovery_probe(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx);
uint32_t tcp_reo_wnd_us(const struct tcp_tcb *t, const struct tcp_tx *tx);
void tcp_cc_env(const struct mr_tcp *self, const struct tcp_tcb *t, struct mr_tcp_cc_env *env);

/* ---- undo ---- */
void tcp_undo_begin(const struct tcp_tcb *t, struct tcp_tx *tx);
void tcp_undo_sent(const struct mr_tcp *self, const struct tcp_tcb *t, struct tcp_tx *tx,
		   uint32_t seq, uint32_t count);
void tcp_undo_ack(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx,
		  const struct tcp_ack *ack);
void tcp_undo_window(const struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx);

/* ---- pmtu ---- */
void tcp_pmtu_lower(struct mr_tcp *self, struct tcp_tcb *t, uint32_t mss);
uint32_t tcp_pmtu_probe_size(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx,
			     uint32_t usable);
void tcp_pmtu_probe_sent(struct mr_tcp *self, struct tcp_tx *tx, uint32_t end, uint32_t size);
void tcp_pmtu_acked(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx);
bool tcp_pmtu_lost(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx);
void tcp_pmtu_timeout(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx);
bool tcp_pmtu_told(struct mr_tcp *self, struct tcp_tcb *t, uint32_t mss);

/* The size of the probe that is to leave now; 0: none, as nearly always. */
static inline uint32_t
tcp_pmtu_probe_due(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, uint32_t usable)
{
	return mr_likely(t->snd_mss >= t->mss_max) ? 0 : tcp_pmtu_probe_size(self, t, tx, usable);
}

/* ---- timer ---- */
void tcp_rtt_sample(struct mr_tcp *self, struct tcp_tcb *t, uint32_t rtt_us);
/* A retransmission was acknowledged: its timeouts are over, the longer RTO is not. */
void tcp_backoff_keep(struct tcp_tcb *t);
uint32_t tcp_rto_us(const struct mr_tcp *self, const struct tcp_tcb *t);
void tcp_timer_set(struct mr_tcp *self, struct tcp_tcb *t, enum tcp_timer timer, uint32_t in_us);
/* Arms what the send side needs now; restart: from now on, even if it was running. */
void tcp_timer_send_side(struct mr_tcp *self, struct tcp_tcb *t, bool restart);
void tcp_timer_arm(struct mr_tcp *self, struct tcp_tcb *t);
uint64_t tcp_timer_expire(void *context, uint32_t conn, uint64_t now_ns);

/* ---- output ---- */
void tcp_output(struct mr_tcp *self, struct tcp_tcb *t);
void tcp_send_syn(struct mr_tcp *self, struct tcp_tcb *t);
void tcp_send_ack(struct mr_tcp *self, struct tcp_tcb *t);
/* An ACK is due: at the end of the burst when more segments may follow, else of the entry. */
void tcp_ack_soon(struct mr_tcp *self, struct tcp_tcb *t);
/* At the end of a burst: sends what tcp_ack_soon has put off. */
void tcp_ack_burst(struct mr_tcp *self);
void tcp_send_dsack(struct mr_tcp *self, struct tcp_tcb *t, uint32_t left, uint32_t right);
void tcp_send_keepalive(struct mr_tcp *self, struct tcp_tcb *t);
void tcp_send_rst(struct mr_tcp *self, struct tcp_tcb *t);
/* Sends new data up to window_end whatever SWS and cwnd say; returns how many numbers went out. */
uint32_t tcp_send_probe(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, uint32_t count);
/* Sends `run` again, at most one segment of it. */
bool tcp_send_again(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, struct tcp_run *run,
		    uint32_t count_max);
/* Answers a segment that belongs to no connection (RFC 9293 3.10.7.1). */
void tcp_reply_rst(struct mr_tcp *self, const struct mr_tcp_in *in,
		   const struct mr_tcp_segment *seg);
/* A segment without payload outside any TCB. */
void tcp_reply(struct mr_tcp *self, const struct mr_tcp_flow *flow, struct mr_tcp_segment *seg);
uint32_t tcp_mss_of(const struct mr_tcp *self, const struct mr_tcp_flow *flow);
bool tcp_challenge_allowed(struct mr_tcp *self, struct tcp_tcb *t);
void tcp_challenge(struct mr_tcp *self, struct tcp_tcb *t);

/* ---- receive ---- */
/* Takes payload at seq (within the window); shows what is in order. */
void tcp_receive(struct mr_tcp *self, struct tcp_tcb *t, uint32_t seq, const uint8_t *bytes,
		 uint32_t count, bool fin);
void tcp_receive_show(struct mr_tcp *self, struct tcp_tcb *t);
void tcp_receive_tell(struct mr_tcp *self, struct tcp_tcb *t);
uint32_t tcp_receive_sacks(struct mr_tcp *self, const struct tcp_tcb *t, struct mr_tcp_block *out,
			   uint32_t room);
uint32_t tcp_receive_unread(const struct mr_tcp *self, const struct tcp_tcb *t);
void tcp_receive_release(struct mr_tcp *self, struct tcp_tcb *t);
uint16_t tcp_receive_window(struct mr_tcp *self, struct tcp_tcb *t);
bool tcp_receive_window_due(const struct mr_tcp *self, const struct tcp_tcb *t);
void tcp_receive_fin(struct mr_tcp *self, struct tcp_tcb *t);

/* ---- listen ---- */
void tcp_listen(struct mr_tcp *self, const struct mr_tcp_in *in, const struct mr_tcp_segment *seg,
		uint64_t hash, uint32_t iss_above);
/* The connection that an ACK with a valid cookie makes, in SYN_RECEIVED, or NULL. */
struct tcp_tcb *tcp_listen_cookie(struct mr_tcp *self, const struct mr_tcp_in *in,
				  const struct mr_tcp_segment *seg, uint64_t hash);
uint32_t tcp_iss(const struct mr_tcp *self, const struct mr_tcp_flow *flow);
uint32_t tcp_ts_offset(uint64_t hash);

/* ---- ports ---- */
void tcp_ports_create(struct mr_tcp *self);
/* Sets flow->local_port to a port of this worker whose four-tuple is free, and *hash. */
bool tcp_port_choose(struct mr_tcp *self, struct mr_tcp_flow *flow, uint64_t *hash);

/* ---- timewait ---- */
int tcp_timewait_create(struct mr_tcp *self, struct mr_arena *arena, struct mr_error *error);
void tcp_timewait_enter(struct mr_tcp *self, struct tcp_tcb *t, uint64_t hash);
/* Answers a segment for an entry. */
void tcp_timewait_input(struct mr_tcp *self, uint32_t slot, const struct mr_tcp_in *in,
			const struct mr_tcp_segment *seg, uint64_t hash);
uint32_t tcp_timewait_expire(struct mr_tcp *self, uint32_t budget);
bool tcp_timewait_is(const struct mr_tcp *self, uint32_t slot, uint64_t hash);
uint64_t tcp_timewait_hash(const struct mr_tcp *self, uint32_t slot);

#endif
