/* SPDX-License-Identifier: Apache-2.0
 *
 * worker/worker_int - the parts that the files of this room share.
 *
 * Owner:  struct mr_worker (worker/worker.h), and with it its thread, but for the fields that say
 *         otherwise. Thread: that. Memory: taken at mr_worker_group_create.
 */
#ifndef MR_WORKER_WORKER_INT_H
#define MR_WORKER_WORKER_INT_H

#include <rte_cycles.h>
#include <rte_ring.h>

#include "worker/worker.h"

/* Frames on their way out of one port. A port that is full is asked again next turn, for
 * MR_WORKER_TX_HOLD_MS; until then the lane holds what it did not take.
 *
 * (1) Data of connections stays in their queues once the lane holds LANE_DATA_MAX and the port
 *     takes no more: what lies there is not lost, and need not be found missing by a timeout.
 * (2) The rest of the room is for what nobody would ask for again: replies, bare ACKs, others'
 *     frames. What comes beyond it is lost, counted. */
enum { LANE_DATA_MAX = MR_BURST_MAX };

struct worker_lane {
	uint16_t count;
	uint64_t taken_ns; /* the turn in which the port last took one, or the lane was empty */
	uint64_t full_ns;  /* the turn in which the port last did not take all */
	struct rte_mbuf *pkts[2 * MR_BURST_MAX];
};

/* A burst between its stages: packet i of the burst, DNS item i with the packet that it came in,
 * and TCP segment i with its buffer. */
struct worker_burst {
	struct mr_net_packet packets[MR_BURST_MAX];
	struct mr_dns_item items[MR_BURST_MAX];
	struct rte_mbuf *item_pkts[MR_BURST_MAX];
	uint16_t item_packets[MR_BURST_MAX];
	struct mr_tcp_in segments[MR_BURST_MAX];
	struct rte_mbuf *segment_pkts[MR_BURST_MAX];
	uint32_t segment_count;
};
_Static_assert((int)MR_BURST_MAX <= (int)MR_TCP_BURST_MAX, "a burst goes to lib/tcp in one call");

/* What the present turn has done, for turns.c. */
struct worker_account {
	bool timed;
	uint32_t count;      /* turns that did something */
	uint32_t timed_left; /* turns that are timed because a long one came */
	uint64_t mark_tsc;   /* when the present stage began, if timed */
	uint32_t done[MR_STAGES];
	uint64_t stage_tsc[MR_STAGES];
};

/* The transports whose answers are timed: MR_DNS_UDP, MR_DNS_TCP. */
enum { WORKER_TIMED_TRANSPORTS = MR_DNS_TCP + 1 };

struct worker_timer {
	struct mr_wheel_node node;
	mr_timer_fn *fire;
	uint32_t owner, generation;
};
_Static_assert(sizeof(struct worker_timer) == 32, "two in a cache line");

/* The ways back to the hosts that send us segments, so that a connection keeps 32 bits of it.
 * Entries stay until the process ends: a peer beyond the last slot is not served, and counted. Open
 * addressing, by hash of the entry. */
enum { WORKER_WAYS = 4096, WORKER_WAY_PROBES = 16 };

struct worker_way {
	struct mr_mac mac;
	uint8_t interface;
	uint8_t family; /* 0: the slot is free */
	uint32_t vlan;
	bool tagged;
	uint8_t reserved[3]; /* 0: the struct is hashed and compared whole */
};
_Static_assert(sizeof(struct worker_way) == 16, "no padding");

struct mr_worker {
	/* const after boot */
	struct mr_worker_group *group MR_LINE_ALIGNED;
	struct mr_evlog_ring *evlog;
	uint64_t *metrics;
	uint64_t *tcp_metrics;
	struct mr_histogram *turn_ns;                            /* of turns that did something */
	struct mr_histogram *answer_ns[WORKER_TIMED_TRANSPORTS]; /* UDP, TCP */
	struct rte_ring *job_done;                               /* helpers -> this worker */
	struct mr_job *jobs;
	uint16_t index, cpu;
	char scope[MR_NAME_MAX]; /* of its metrics */

	/* owner: worker */
	uint64_t now_ns MR_LINE_ALIGNED;
	uint64_t turn_tsc;
	struct mr_worker_clock clock; /* the group's, as last taken over */
	const struct mr_world *world; /* of this turn */
	uint32_t empty_turns;
	uint32_t sleep_us;
	uint32_t job_free[MR_JOB_MAX];
	uint32_t job_free_count;
	uint32_t timer_free; /* first of the chain of free timers, 0 at its end */
	struct worker_timer *timers;
	struct mr_wheel wheel;
	uint32_t tally[MR_WORKER_METRIC_COUNT]; /* of this turn */
	struct worker_account account;
	uint64_t answers_timed[WORKER_TIMED_TRANSPORTS]; /* messages that are in answer_ns */
	struct mr_net net;
	struct mr_dns dns;
	struct mr_dns_rrl rrl;
	struct mr_tcp *tcp; /* NULL: no connections */
	struct mr_dns_stream dns_stream;
	struct mr_tcp_services test_services;
	struct mr_site_server http;
	struct mr_proxy proxy;
	struct mr_origin_checker checker;
	struct worker_way ways[WORKER_WAYS];
	struct worker_lane lanes[MR_PORT_MAX];
	struct worker_burst burst;

	/* owner: worker; reader: any, relaxed */
	uint64_t heartbeat_ns MR_LINE_ALIGNED;
	uint64_t generation;
	bool running, asleep;

	/* shared: notes, written by the worker at note_head, read by the control thread at
	 * note_tail */
	uint32_t note_head MR_LINE_ALIGNED;
	uint32_t note_tail MR_LINE_ALIGNED;
	struct mr_worker_note notes[MR_NOTE_RING];

	/* owner: worker; reader: any, a seqlock under turn_sequence (odd while it is written) */
	uint32_t turn_sequence MR_LINE_ALIGNED;
	uint32_t turn_latest; /* the row written next */
	struct mr_turn_record turns[MR_TURN_ROWS];

	/* shared: any thread sets it */
	bool stop MR_LINE_ALIGNED;
};

_Static_assert(offsetof(struct mr_worker, now_ns) % MR_CACHE_LINE == 0, "label starts a line");
_Static_assert(offsetof(struct mr_worker, heartbeat_ns) % MR_CACHE_LINE == 0,
	       "label starts a line");
_Static_assert(offsetof(struct mr_worker, note_head) % MR_CACHE_LINE == 0, "label starts a line");
_Static_assert(offsetof(struct mr_worker, note_tail) % MR_CACHE_LINE == 0,
	       "the reader's count has a line of its own");
_Static_assert(offsetof(struct mr_worker, turn_sequence) % MR_CACHE_LINE == 0,
	       "label starts a line");
_Static_assert(offsetof(struct mr_worker, stop) % MR_CACHE_LINE == 0, "label starts a line");
_Static_assert(offsetof(struct mr_worker_group, clock) % MR_CACHE_LINE == 0, "label starts a line");
_Static_assert((MR_NOTE_RING & (MR_NOTE_RING - 1)) == 0, "note ring is a power of two");

/* clock.c. clock_start and _steer: control thread; _follow: any worker. */
void worker_clock_start(struct mr_worker_clock *self, uint64_t tsc, uint64_t now_ns,
			uint64_t tsc_hz);
/* worker_clock_steer brings self nearer to now_ns at tsc: without a step back, at once when it is
 * far behind, by its rate else. */
void worker_clock_steer(struct mr_worker_clock *self, uint64_t tsc, uint64_t now_ns);
/* worker_clock_follow copies group's into self when it changed; it never waits for the writer. */
void worker_clock_follow(struct mr_worker_clock *self, const struct mr_worker_clock *group);

static inline uint64_t
worker_clock_span_ns(const struct mr_worker_clock *self, uint64_t tsc_delta)
{
	return (uint64_t)(((__uint128_t)tsc_delta * self->scale) >> 32);
}

/* worker_clock_ns: a counter before the base (another CPU's, by some cycles) is at the base. */
static inline uint64_t
worker_clock_ns(const struct mr_worker_clock *self, uint64_t tsc)
{
	uint64_t delta = tsc > self->base_tsc ? tsc - self->base_tsc : 0;

	return self->base_ns + worker_clock_span_ns(self, delta);
}

/* turn.c: each stage returns how much it did. */
uint32_t worker_turn_queue(struct mr_worker *self, uint16_t port);
uint32_t worker_turn_dispatch(struct mr_worker *self);

/* dispatch.c: a ring entry is a packet with its port and direction in the low bits of the pointer.
 */
enum worker_direction { WORKER_IN = 0, WORKER_OUT = 1 };

static inline void *
worker_ring_entry(struct rte_mbuf *pkt, uint16_t port, enum worker_direction direction)
{
	return (void *)((uintptr_t)pkt | (uintptr_t)(port << 1) | (uintptr_t)direction);
}

static inline struct rte_mbuf *
worker_ring_pkt(void *entry)
{
	return (struct rte_mbuf *)((uintptr_t)entry & ~(uintptr_t)(2 * MR_PORT_MAX - 1));
}

static inline uint16_t
worker_ring_port(void *entry)
{
	return (uint16_t)((uintptr_t)entry >> 1 & (MR_PORT_MAX - 1));
}

static inline enum worker_direction
worker_ring_direction(void *entry)
{
	return (uintptr_t)entry & 1 ? WORKER_OUT : WORKER_IN;
}

_Static_assert(2 * MR_PORT_MAX <= RTE_CACHE_LINE_SIZE,
	       "port and direction fit below an mbuf's alignment");

/* worker_hand_over gives pkt to worker `to`, or frees and counts it when the ring is full. */
void worker_hand_over(struct mr_worker *self, uint16_t to, struct rte_mbuf *pkt, uint16_t port,
		      enum worker_direction direction);
void worker_note(struct mr_worker *self, const struct mr_worker_note *note);
int worker_rings_create(struct mr_worker_group *group, struct mr_error *error);
void worker_rings_destroy(struct mr_worker_group *group);

void worker_lane_add(struct mr_worker *self, uint16_t port, struct rte_mbuf *pkt,
		     uint16_t frame_bytes);
/* worker_lane_room: may a connection send data to port now? */
bool worker_lane_room(struct mr_worker *self, uint16_t port);
/* worker_lanes_flush returns how many frames the ports have taken. */
uint32_t worker_lanes_flush(struct mr_worker *self);
void worker_lanes_drop(struct mr_worker *self);

/* apps.c: after the stack is made; and at the start of a turn. */
int worker_apps_create(struct mr_worker *self, struct mr_error *error);
void worker_apps_turn(struct mr_worker *self);

/* The source ports of worker i are those whose low bits are i. */
static inline uint16_t
worker_port_mask(const struct mr_worker_group *group)
{
	return (uint16_t)((1u << (31 - __builtin_clz(2u * group->worker_count - 1))) - 1);
}

/* worker_port_owner says whose source port this is; MR_WORKER_MAX: nobody's. */
static inline uint16_t
worker_port_owner(const struct mr_worker_group *group, uint16_t port)
{
	uint16_t owner = port & worker_port_mask(group);

	return port >= MR_WORKER_SOURCE_PORT_LOW && owner < group->worker_count ? owner
										: MR_WORKER_MAX;
}

/* segments.c */
int worker_tcp_create(struct mr_worker *self, struct mr_error *error);
void worker_tcp_destroy(struct mr_worker *self);
uint32_t worker_tcp_turn(struct mr_worker *self);
/* worker_tcp_add takes pkt: its segment waits for worker_tcp_burst, or it is dropped, counted. */
void worker_tcp_add(struct mr_worker *self, const struct mr_net_packet *packet,
		    struct rte_mbuf *pkt);
void worker_tcp_burst(struct mr_worker *self);
void worker_tcp_icmp(struct mr_worker *self, const struct mr_net_packet *packet);

/* turns.c */
/* worker_account_close takes the account of a turn that did something. */
void worker_account_close(struct mr_worker *self, uint64_t spent_ns);

/* worker_account_open begins a turn's account at tsc. */
static inline void
worker_account_open(struct mr_worker *self, uint64_t tsc)
{
	struct worker_account *account = &self->account;

	account->timed = account->timed_left || account->count % MR_TURN_SAMPLE == 0;
	account->mark_tsc = tsc;
	for (int i = 0; i < MR_STAGES; i++) {
		account->done[i] = 0;
		account->stage_tsc[i] = 0;
	}
}

/* worker_stage_end books the time since the last mark to stage, and what it did. */
static inline void
worker_stage_end(struct mr_worker *self, enum mr_turn_stage stage, uint32_t done)
{
	struct worker_account *account = &self->account;

	account->done[stage] += done;
	if (mr_unlikely(account->timed)) {
		uint64_t tsc = rte_rdtsc();

		account->stage_tsc[stage] += tsc - account->mark_tsc;
		account->mark_tsc = tsc;
	}
}

/* timers.c */
int worker_timers_create(struct mr_worker *self, struct mr_error *error);
void worker_timers_destroy(struct mr_worker *self);
uint32_t worker_turn_timers(struct mr_worker *self);

/* jobs.c */
int worker_jobs_create(struct mr_worker *self, struct mr_error *error);
void worker_jobs_destroy(struct mr_worker *self);
uint32_t worker_turn_jobs(struct mr_worker *self);

#endif
