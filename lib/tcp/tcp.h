/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp - the whole of TCP as a function of (state, segment, now): the manual of the stack.
 *
 * Sans-IO. The stack reads no clock, no random device and no global: mr_tcp_turn gives it the time,
 * mr_tcp_input a segment, the application calls; it answers by config.output (segments) and by the
 * application's ops (events). The worker, the simulator and the fuzzers run the same code.
 *
 * Owner:  one struct mr_tcp belongs to one worker and is touched by that worker only, except for
 *         identity lines (mr_tcp_view), which any thread may read at any time.
 * Thread: its worker, for every call but mr_tcp_view, mr_tcp_memory and the names; at boot also who
 *         makes it.
 * Memory: pools taken from one arena at create; nothing after. Everything in them is pointer-free:
 *         32-bit handles, enum ids, sequence numbers, times on the caller's clock.
 * Spec:   RFC 9293 and what it leans on; each part names its own.
 *
 * States, and what makes the transitions                                   [function]
 *   (no TCB)     -> SYN_RECEIVED   SYN to a service                        [listen_syn]
 *   (no TCB)     -> ESTABLISHED    ACK that bears a SYN cookie             [tcp_listen_cookie]
 *   (no TCB)     -> SYN_SENT       mr_tcp_connect                          [mr_tcp_connect]
 *   SYN_SENT     -> ESTABLISHED    SYN+ACK of our SYN                      [input_syn_sent]
 *   SYN_SENT     -> SYN_RECEIVED   SYN alone: simultaneous open            [input_syn_sent]
 *   SYN_RECEIVED -> ESTABLISHED    ACK of our SYN                          [input_syn_received]
 *   ESTABLISHED  -> FIN_WAIT_1     mr_tcp_close, mr_tcp_shutdown           [tcp_conn_finish]
 *   CLOSE_WAIT   -> LAST_ACK       the same                                [tcp_conn_finish]
 *   ESTABLISHED  -> CLOSE_WAIT     FIN                                     [tcp_receive_fin]
 *   FIN_WAIT_1   -> FIN_WAIT_2     ACK of our FIN                          [input_fin_acked]
 *   FIN_WAIT_1   -> CLOSING        FIN, ours not acknowledged              [tcp_receive_fin]
 *   FIN_WAIT_1,2 -> TIME_WAIT      FIN, ours acknowledged                  [tcp_receive_fin]
 *   CLOSING      -> TIME_WAIT      ACK of our FIN                          [input_fin_acked]
 *   LAST_ACK     -> (no TCB)       ACK of our FIN                          [tcp_conn_settle_end]
 *   TIME_WAIT    -> (no TCB)       2 MSL, or RFC 6191 reuse                [timewait_*]
 *   any          -> (no TCB)       RST in its place, abort, time-outs      [tcp_conn_end]
 *   TIME_WAIT is left for the compact table as soon as the application has read everything
 *                                                                          [tcp_timewait_enter]
 *   All transitions are assigned by tcp_conn_state; LISTEN is not a TCB but a service of lib/net.
 *   A TCB whose application has not read everything stays in LAST_ACK or TIME_WAIT until it has.
 *
 * Cache lines of a TCB (tcp/tcb.h; 192 bytes), and who touches which
 *   line 0  identity, application word   look-up compares the flow; other threads read it
 *   line 1  sequence variables, windows  every segment in and out
 *   line 2  RTT, congestion, deadlines   every ACK of new data, every transmission of data
 *   A send queue with its retransmission board (struct tcp_tx) and kept input (struct tcp_rx) are
 *   pooled, and held only while there is something in them: an idle connection is its TCB, a timer
 *   node and a table slot.
 *
 * Sending: a queue of extents, pulled when the windows have room
 *   OWN  bytes copied at mr_tcp_send, kept until acknowledged
 *   REF  a range of a pinned immutable region; the pin goes back when the last byte is acknowledged
 *   GEN  a generator: plan says how much there is, fill writes any part of it, as often as asked,
 *        always the same bytes for the same offset; acked says what will never be asked again
 *   A segment is made from extents when it leaves; a retransmission is made again from the same.
 *
 * Receiving: in place. `readable` gets the bytes where they lie in the segment and says how many it
 *   has taken; only the rest is kept. Out-of-order data is kept in chunks. A burst of segments is
 *   acknowledged when all of it has been taken (RFC 9293 MUST-59); what is out of order, a filled
 *   gap and CE at once; a lone segment within delayed_ack_ms.                     [tcp_ack_soon]
 *
 * Two ways to the peer: answers go by the path of the latest segment (`path` of the flow means
 *   something to the caller only: an interface and a MAC address); one segment may lie, so the path
 *   that two in a row came by is kept beside it, and tried when nothing is answered.
 *                                                                               [tcp_conn_path]
 *
 * Shedding, in this order; each has its counter
 *   half-open connections above half_open_limit, or no TCB left  -> SYN cookies, no state
 *   no TCB left for a valid cookie's ACK                         -> an idle connection of a prefix
 *     that has more than twice as many as the peer's is reset         [tcp_evict: close_shed]
 *     none such                                                  -> dropped (peer sends again)
 *   TIME_WAIT table full                                         -> oldest entry goes early
 *   less than 1/8 of a pool left                                 -> who holds a chunk gets no more
 *     and who is closed by us with nothing in flight       -> reset, no FIN [tcp_conn_finish]
 *     and who has made no progress for 10 s (1 s below 1/16)     -> reset [tcp_reclaim: close_shed]
 *   the same, of chunks                                          -> and no larger window is told
 *     to who holds one: the right edge stays where it is              [window_edge]
 *   no chunk for out-of-order or unread data                     -> dropped (peer sends again)
 *   no run left on the retransmission board                      -> sending waits
 *   no send state left                                           -> mr_tcp_send takes 0 bytes
 *
 * What a peer may cost, by attack                                bound                [counter]
 *   SYN flood            half_open_limit TCBs, then no bytes: cookies with MSS, window scale,
 *                        SACK and timestamps kept                                 [cookie_tx]
 *   connections          prefix_limit of one prefix_v4/v6_bits                    [drop_prefix]
 *   half-open, idle      synack_retries; keep-alive, the application's deadline   [close_*]
 *   SACK bomb            MR_TCP_RUN_MAX runs of one connection; TCP_WALK_PER_TURN steps through
 *                        boards and kept chunks in one turn, for all              [walk_shed]
 *   out-of-order bomb    the window; 32 chunks, further ones must be half full; the same steps
 *                                                                   [drop_no_chunk, walk_shed]
 *   tiny MSS             taken as MR_TCP_MSS_MIN
 *   shut window          persist_limit_ms                                         [close_persist]
 *   slow reader          progress_bytes in progress_ms                            [close_slow]
 *   silent reader        data_retries; 1 s when pools are low       [close_timeout, close_shed]
 *   slow sender          keeps at most its window; stalled for 1 s when pools are low [close_shed]
 *   challenge ACKs       10 a second, per connection                    [challenge_ack_limited]
 *   chosen four-tuples   a secret key; chains of 8 buckets, then refused  [drop_no_connection]
 *   table growth         16 splits of a bucket in one turn
 *   RST, SYN, ACK blind  RFC 5961: exact, challenged, in range       [challenge_ack, drop_ack]
 *   ICMP                 RFC 5927: the number quoted is in flight; never fatal once established;
 *                        no MTU below 576 and 1,280                              [icmp_ignored]
 *   Nothing of lib/tcp holds a packet buffer: what waits lies in chunks.
 *
 * Where we depart from the letter of an RFC, and why
 *   an urgent pointer is ignored (RFC 6093 discourages it; nobody here can use it)
 *   a zero window is borne for persist_limit_ms only, and FIN-WAIT-2 of a closed reader for
 *     fin_wait_ms: bounds on what a peer can hold (RFC 9293 3.8.6.1 and 3.6 leave it to us)
 *   an ACK without a valid cookie is dropped in silence while cookies are out: it may be a later
 *     segment that has overtaken the one with the cookie
 *   SND.WND follows an ACK that advances even when its segment is an older one [input_window]
 *   an episode found spurious (timestamps, DSACKs, F-RTO) gives cwnd and ssthresh back as they
 *     were, as Linux does; RFC 4015 would slow-start towards them [tcp/undo]
 *   the RTO's floor is 200 ms, not 1 s (RFC 6298 2.4 is a SHOULD; RFC 8985 and practice)
 *   RST does not take a TIME-WAIT away whose application is still reading (RFC 1337)
 *
 * Invariants, checked after every entry when MR_SLOW_CHECKS is on [tcp_check]
 *  (1) SND.UNA <= SND.NXT <= end of the queue (+1 for FIN).
 *  (2) RCV.NXT <= the right edge that was advertised, which never moves left.
 *  (3) The board covers [SND.UNA .. SND.NXT) exactly, in order; its sums of SACKed and lost bytes
 *      are the sums over its runs.
 *  (4) Extents cover [SND.UNA .. end of queue) exactly, in order.
 *  (5) Kept chunks do not overlap, ascend, and lie below the advertised right edge.
 *  (6) A connection that has something in flight, or something queued, has its timer armed.
 *  (7) GEN and REF extents are released exactly once.
 */
#ifndef MR_TCP_TCP_H
#define MR_TCP_TCP_H

#include "base/base.h"
#include "mem/mem.h"
#include "metric/metric.h"
#include "tcp/congestion.h"
#include "tcp/segment.h"

enum {
	MR_TCP_APP_MAX = 16,
	MR_TCP_APP_NONE = 0xff, /* nobody listens: a SYN is answered by RST */
	MR_TCP_REGION_MAX = 16,
	MR_TCP_GEN_MAX = 16,
	MR_TCP_PIECE_MAX = 8,    /* places that one segment's payload is gathered from */
	MR_TCP_EXTENT_MAX = 256, /* extents of one connection */
	MR_TCP_CHUNK_BYTES = 2032,
	MR_TCP_SEND_BURST = 64, /* segments that one entry sends on one connection */
	MR_TCP_MSS_MIN = 216, /* a peer's smaller MSS is taken as this: a bound on work per byte */
	MR_TCP_MSS_DEFAULT_V4 = 536, /* RFC 9293 MUST-15 */
	MR_TCP_MSS_DEFAULT_V6 = 1220,
	MR_TCP_PMTU_MIN_V4 = 576, /* ICMP never takes us below: RFC 1191 7.1 plateaus, 5927 7.2 */
	MR_TCP_PMTU_MIN_V6 = 1280,
	MR_TCP_RUN_MAX = 1024, /* runs on one connection's board */
	MR_TCP_EXTENT_BYTES_MAX = 1 << 30,
	MR_TCP_BURST_MAX = 64, /* segments of one mr_tcp_input_burst */
};

enum mr_tcp_state {
	MR_TCP_CLOSED,
	MR_TCP_SYN_SENT,
	MR_TCP_SYN_RECEIVED,
	MR_TCP_ESTABLISHED,
	MR_TCP_FIN_WAIT_1,
	MR_TCP_FIN_WAIT_2,
	MR_TCP_CLOSE_WAIT,
	MR_TCP_CLOSING,
	MR_TCP_LAST_ACK,
	MR_TCP_TIME_WAIT,
	MR_TCP_STATES,
};

/* Why a connection is no more. */
enum mr_tcp_reason {
	MR_TCP_END_OK,          /* both sides sent FIN and it was acknowledged */
	MR_TCP_END_RESET,       /* the peer's RST */
	MR_TCP_END_REFUSED,     /* RST in answer to our SYN */
	MR_TCP_END_TIMEOUT,     /* retransmissions unanswered (R2 of RFC 9293 3.8.3) */
	MR_TCP_END_KEEPALIVE,   /* keep-alive probes unanswered */
	MR_TCP_END_PERSIST,     /* the peer's window shut for longer than persist_limit_ms */
	MR_TCP_END_UNREACHABLE, /* ICMP hard error before the connection was established */
	MR_TCP_END_ABORT,       /* mr_tcp_abort, or a close that threw input away */
	MR_TCP_END_FIN_WAIT,    /* the peer did not send its FIN within fin_wait_ms of our close */
	MR_TCP_END_SLOW,        /* the peer acknowledged less than progress_bytes in progress_ms */
	MR_TCP_END_SHED,        /* stalled, or idle, and others need what it holds */
	MR_TCP_END_REASONS,
};

struct mr_tcp;

/* ---- the application's side: events ---- */

/* All run inside mr_tcp_input or mr_tcp_turn, on the worker. Any call below may be made from any of
 * them, on any connection. NULL members are events nobody wants; a NULL `readable` takes all. */
struct mr_tcp_app_ops {
	const char *name;
	/* established, by the peer or by our connect */
	void (*accepted)(void *context, struct mr_tcp *tcp, uint32_t conn);
	/* readable returns how many of the next count bytes are taken. What is not taken is kept
	 * and shown again with what follows, in pieces that end where they end. bytes are borrowed.
	 */
	uint32_t (*readable)(void *context, struct mr_tcp *tcp, uint32_t conn, const uint8_t *bytes,
			     uint32_t count);
	/* bytes of the send queue were acknowledged: there is room, and REF and GEN parts are free
	 */
	void (*acked)(void *context, struct mr_tcp *tcp, uint32_t conn, uint32_t bytes);
	/* the peer's FIN: all input has been shown and taken */
	void (*peer_closed)(void *context, struct mr_tcp *tcp, uint32_t conn);
	/* the deadline set by mr_tcp_deadline passed; it is no longer set */
	void (*deadline)(void *context, struct mr_tcp *tcp, uint32_t conn);
	/* an ICMP soft error (RFC 5927, RFC 9293 3.9.2.2): information only */
	void (*error)(void *context, struct mr_tcp *tcp, uint32_t conn, uint8_t icmp_type,
		      uint8_t icmp_code);
	/* the last event; conn means nothing afterwards. Comes exactly once for every connection
	 * that was accepted or connected, also when mr_tcp_abort asked for it. */
	void (*closed)(void *context, struct mr_tcp *tcp, uint32_t conn, enum mr_tcp_reason reason);
};

struct mr_tcp_app {
	const struct mr_tcp_app_ops *ops;
	void *context;
	uint32_t receive_max_bytes; /* the window may grow to this; 0: config's */
	bool nodelay;               /* Nagle's algorithm off */
	bool keepalive;
};

/* A generator of bytes. cookie is the application's; offset counts from the extent's start. */
struct mr_tcp_gen_ops {
	/* plan fixes up to room_bytes more bytes from offset on and returns how many; *end says
	 * that they are the last. 0 without *end: nothing yet, mr_tcp_resume tells when. */
	uint32_t (*plan)(void *context, uint64_t cookie, uint32_t offset, uint32_t room_bytes,
			 bool *end);
	/* fill writes bytes [offset .. offset + count) that plan has fixed; same offset, same bytes
	 */
	void (*fill)(void *context, uint64_t cookie, uint32_t offset, uint8_t *out, uint32_t count);
	/* acked: bytes below offset will not be asked for again */
	void (*acked)(void *context, uint64_t cookie, uint32_t offset);
	/* release: the extent is gone, acknowledged or not; exactly once */
	void (*release)(void *context, uint64_t cookie);
};

struct mr_tcp_gen {
	const struct mr_tcp_gen_ops *ops;
	void *context;
};

/* Immutable bytes that REF extents point into. */
struct mr_tcp_region {
	const uint8_t *base;
	uint64_t byte_count;
	void (*unpin)(void *context, uint32_t pin); /* exactly once for each REF extent */
	void *context;
};

/* ---- segments in and out ---- */

struct mr_tcp_in {
	const uint8_t *bytes; /* TCP header; its checksum has been verified (lib/net) */
	uint16_t byte_count;  /* header and payload */
	uint8_t ecn;          /* the two bits of the IP header */
	uint8_t app;          /* who listens on (local address, port), or MR_TCP_APP_NONE */
	struct mr_tcp_flow flow;
};

struct mr_tcp_piece {
	const uint8_t *bytes;
	uint32_t byte_count;
};

/* One segment to send: header, then pieces. All is borrowed for the duration of the call. The
 * checksum field is zero: the port or mr_tcp_checksum fills it. */
struct mr_tcp_out {
	struct mr_tcp_flow flow;
	uint8_t ecn; /* for the IP header: 0 or 2 (ECT(0)) */
	uint8_t header_bytes;
	uint8_t piece_count;
	uint16_t payload_bytes;
	uint8_t header[MR_TCP_HEADER_MAX_BYTES];
	struct mr_tcp_piece pieces[MR_TCP_PIECE_MAX];
};

enum { MR_TCP_ECT_0 = 2, MR_TCP_CE = 3 };

enum mr_tcp_icmp {
	MR_TCP_ICMP_SOFT,    /* net or host unreachable, time exceeded, parameter problem */
	MR_TCP_ICMP_HARD,    /* protocol or port unreachable, prohibited */
	MR_TCP_ICMP_TOO_BIG, /* fragmentation needed / packet too big; mtu says how big */
};

/* ---- one worker's stack ---- */

/* Zero in a field that says so means its default. */
struct mr_tcp_config {
	uint32_t conn_limit;      /* TCBs */
	uint32_t time_wait_limit; /* entries of the TIME_WAIT table; a power of two */
	uint32_t tx_limit;        /* connections with something to send or in flight */
	uint32_t rx_limit;        /* connections with kept input */
	uint32_t extent_limit, run_limit, chunk_limit;
	uint32_t half_open_limit;                          /* SYN_RECEIVED above this: cookies */
	uint16_t mtu;                                      /* of the way out; 0: 1500 */
	uint32_t receive_initial_bytes, receive_max_bytes; /* 0: 65,536 and 1,048,576 */
	uint32_t send_max_bytes;                           /* OWN bytes queued; 0: 262,144 */
	uint32_t rto_initial_ms, rto_min_ms, rto_max_ms;   /* 0: 1,000; 200; 60,000 */
	uint32_t delayed_ack_ms;                           /* 0: 40; at most 500 */
	uint32_t time_wait_ms;                             /* 0: 60,000 */
	uint32_t fin_wait_ms;                              /* after mr_tcp_close; 0: 60,000 */
	uint32_t persist_limit_ms;                         /* 0: 300,000 */
	uint32_t pmtu_raise_ms; /* until larger segments are tried again; 0: 600,000 */
	uint32_t progress_ms, progress_bytes;   /* the least that a reader takes; 0: any; 2,048 */
	uint32_t prefix_limit;                  /* connections of one source prefix; 0: any */
	uint8_t prefix_v4_bits, prefix_v6_bits; /* 0: /24 and /64 */
	uint32_t keepalive_idle_ms, keepalive_interval_ms; /* 0: 7,200,000 and 75,000 */
	uint8_t keepalive_probes;                          /* 0: 9 */
	uint8_t syn_retries, synack_retries, data_retries; /* 0: 7, 5, 15 */
	bool no_sack, no_timestamps, no_window_scale, no_ecn;
	const struct mr_tcp_cc_ops *cc; /* NULL: CUBIC */
	struct mr_hash_key table_key, isn_key, cookie_key;
	uint64_t rng_seed;              /* source ports */
	uint16_t port_low, port_high;   /* of active opens; 0: 32,768 and 65,535 */
	uint16_t port_mask, port_value; /* (port & mask) == value: ours; the mask is of low bits */
	bool (*output)(void *context, const struct mr_tcp_out *segment); /* false: no room now */
	/* room is how many bytes of TCP header and payload a packet of flow may have, where that is
	 * less than mtu allows; asked once a SYN. NULL: mtu holds for all. */
	uint16_t (*room)(void *context, const struct mr_tcp_flow *flow);
	void *output_context; /* of both */
	uint64_t *metrics;    /* MR_TCP_METRIC_COUNT */
};

#define TCP_METRIC_ID(name, ...) MR_TCP_##name,
#include "tcp/metrics.h"
enum mr_tcp_metric { TCP_METRICS(TCP_METRIC_ID) MR_TCP_METRIC_COUNT };
MR_METRIC_DECLARE(mr_tcp_metric_table);

/* Where the memory of a stack is, by class of object. */
enum mr_tcp_class {
	MR_TCP_CLASS_TCB,       /* identity line, sequence numbers, RTT and congestion */
	MR_TCP_CLASS_TIMER,     /* a node of the wheel for each TCB */
	MR_TCP_CLASS_TABLE,     /* buckets: used are those that the table has grown to */
	MR_TCP_CLASS_TIME_WAIT, /* entries of the TIME_WAIT ring */
	MR_TCP_CLASS_PREFIX,    /* counts of connections by source prefix: all in use */
	MR_TCP_CLASS_TX,        /* send states: connections with something queued or in flight */
	MR_TCP_CLASS_RX,        /* connections with kept input */
	MR_TCP_CLASS_EXTENT,
	MR_TCP_CLASS_RUN,
	MR_TCP_CLASS_CHUNK,
	MR_TCP_CLASSES,
};

struct mr_tcp_usage {
	const char *name;
	uint32_t object_bytes;
	uint64_t used, peak, limit; /* objects */
};

/* mr_tcp_bytes returns how many bytes mr_tcp_create will take from its arena for config's limits,
 * but for alignment. */
uint64_t mr_tcp_bytes(const struct mr_tcp_config *config);

/* mr_tcp_memory tells of one class, to any thread. */
void mr_tcp_memory(const struct mr_tcp *self, enum mr_tcp_class which, struct mr_tcp_usage *out);

/* mr_tcp_create takes all memory from arena (which outlives the stack) and gives a stack without
 * applications. now_ns is the caller's clock. Returns 0 or -errno with error filled. */
MR_MUST_USE int mr_tcp_create(struct mr_tcp **out, const struct mr_tcp_config *config,
			      struct mr_arena *arena, uint64_t now_ns, struct mr_error *error);
/* mr_tcp_destroy ends every connection without sending (closed events with MR_TCP_END_ABORT). */
void mr_tcp_destroy(struct mr_tcp *self);

/* At boot: what `app`, `region` and `gen` numbers mean. The structs are copied. */
void mr_tcp_app_set(struct mr_tcp *self, uint8_t app, const struct mr_tcp_app *what);
void mr_tcp_region_set(struct mr_tcp *self, uint8_t region, const struct mr_tcp_region *what);
void mr_tcp_gen_set(struct mr_tcp *self, uint8_t gen, const struct mr_tcp_gen *what);

/* mr_tcp_turn sets the time and lets at most timer_budget timers fire. Once per turn of the worker,
 * before its segments. Returns how many fired. */
uint32_t mr_tcp_turn(struct mr_tcp *self, uint64_t now_ns, uint32_t timer_budget);

/* mr_tcp_next_ns returns when mr_tcp_turn has something to do next, or UINT64_MAX. It may be early,
 * never late. */
uint64_t mr_tcp_next_ns(const struct mr_tcp *self);

/* mr_tcp_input takes one segment at the time of the last turn. What comes of it has been sent,
 * shown and counted when it returns. */
MR_HOT void mr_tcp_input(struct mr_tcp *self, const struct mr_tcp_in *in);

/* mr_tcp_input_burst takes count (at most MR_TCP_BURST_MAX) segments, in order, as mr_tcp_input
 * does; their buckets and TCBs are fetched ahead, in two stages. */
MR_HOT void mr_tcp_input_burst(struct mr_tcp *self, const struct mr_tcp_in *ins, uint32_t count);

/* mr_tcp_icmp takes an ICMP error about a segment that we sent: flow and sequence number are from
 * the quoted header. Ignored (and counted) when the number is not in flight: RFC 5927 4.1. */
void mr_tcp_icmp(struct mr_tcp *self, const struct mr_tcp_flow *flow, uint32_t seq,
		 enum mr_tcp_icmp kind, uint8_t icmp_type, uint8_t icmp_code, uint32_t mtu);

/* ---- the application's side: calls ---- */

/* mr_tcp_connect opens towards flow->remote from flow->local; a local_port of 0 lets the stack
 * choose one whose answers come to this worker. Returns the connection, or 0 (no TCB, no port, the
 * four-tuple is in use, or the remote address is not one host's). accepted or closed follows. */
MR_MUST_USE uint32_t mr_tcp_connect(struct mr_tcp *self, const struct mr_tcp_flow *flow,
				    uint8_t app, uint64_t app_word);

/* mr_tcp_send queues a copy of bytes and returns how many were taken: fewer than count when
 * send_max_bytes or a pool is reached; `acked` tells when to come again. */
MR_MUST_USE uint32_t mr_tcp_send(struct mr_tcp *self, uint32_t conn, const void *bytes,
				 uint32_t count);
/* mr_tcp_send_ref queues bytes [offset .. offset + count) of a region, takes one pin. false: not
 * queued, the pin stays the caller's. */
MR_MUST_USE bool mr_tcp_send_ref(struct mr_tcp *self, uint32_t conn, uint8_t region,
				 uint64_t offset, uint32_t count, uint32_t pin);
/* mr_tcp_send_gen queues all that a generator will make. false: not queued, not to be released. */
MR_MUST_USE bool mr_tcp_send_gen(struct mr_tcp *self, uint32_t conn, uint8_t gen, uint64_t cookie);

/* mr_tcp_resume asks the generator at the end of the queue again, and shows kept input again. */
void mr_tcp_resume(struct mr_tcp *self, uint32_t conn);
/* mr_tcp_peek copies up to count kept bytes from offset behind the first unread one into out and
 * returns how many; for messages that straddle pieces. Inside `readable` kept input is only what
 * had been left earlier. */
uint32_t mr_tcp_peek(const struct mr_tcp *self, uint32_t conn, uint32_t offset, void *out,
		     uint32_t count);

/* mr_tcp_shutdown says that nothing more will be sent: FIN follows the queue. Reading goes on. */
void mr_tcp_shutdown(struct mr_tcp *self, uint32_t conn);
/* mr_tcp_close is shutdown, and nothing more will be read: kept or later input is answered by RST
 * (RFC 9293 SHLD-3), and the peer's FIN is awaited for fin_wait_ms. */
void mr_tcp_close(struct mr_tcp *self, uint32_t conn);
/* mr_tcp_abort sends RST and forgets. */
void mr_tcp_abort(struct mr_tcp *self, uint32_t conn);
/* mr_tcp_deadline asks for the `deadline` event after in_ms (at most 2^31 - 1; 0: no longer). */
void mr_tcp_deadline(struct mr_tcp *self, uint32_t conn, uint32_t in_ms);

/* The application's own 64 bits in the TCB: a handle into its pool, or small state. */
uint64_t mr_tcp_app_word(const struct mr_tcp *self, uint32_t conn);
void mr_tcp_app_word_set(struct mr_tcp *self, uint32_t conn, uint64_t word);

/* A job's completion may come when its connection is gone and its handle in use again: keep the
 * generation with the job and ask before using conn. */
uint32_t mr_tcp_generation(const struct mr_tcp *self, uint32_t conn);
bool mr_tcp_alive(const struct mr_tcp *self, uint32_t conn, uint32_t generation);
/* Bytes that mr_tcp_send would take now. */
uint32_t mr_tcp_room(const struct mr_tcp *self, uint32_t conn);
/* Bytes queued and not yet acknowledged (planned part of generators). */
uint32_t mr_tcp_queued(const struct mr_tcp *self, uint32_t conn);

/* ---- any thread ---- */

struct mr_tcp_view {
	uint32_t conn, generation, opened_ms;
	uint8_t app;
	enum mr_tcp_state state;
	struct mr_tcp_flow flow;
};

/* mr_tcp_view reads the identity line of handle conn (1 .. conn_limit), from any thread. Returns
 * false when there is no connection, or it changed hands while being read. */
MR_MUST_USE bool mr_tcp_view(const struct mr_tcp *self, uint32_t conn, struct mr_tcp_view *out);

const char *mr_tcp_state_name(enum mr_tcp_state state);
const char *mr_tcp_reason_name(enum mr_tcp_reason reason);
/* The name of the application with this number; "-" when there is none. */
const char *mr_tcp_app_name(const struct mr_tcp *self, uint8_t app);

#include "tcp/service.h"

#endif
