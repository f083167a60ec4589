/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/client - a small honest TCP client for very many connections. Sans-IO: time and segments
 * come in, frames go out.
 *
 * Honest means: real handshakes; every sequence number, acknowledgement and checksum is checked,
 * and an odd one has its counter; what is lost is sent again (RFC 6298, coarsely); answers are
 * judged to the last byte; both FINs are sent and acknowledged; a 4-tuple rests for time_wait after
 * its close. Small means: out-of-order data is not kept, only acknowledged again (so no SACK is
 * ever due from this side); one batch of requests is outstanding, far below the initial window, so
 * congestion control is the retransmission timer and its back-off alone.
 *
 * State         next                                                          [function]
 *   CLOSED      -> SYN_SENT      a unit is due: SYN                             [gen_client_open]
 *   SYN_SENT    -> ESTABLISHED   SYN,ACK of our SYN: ACK, with the request      [client_syn_sent]
 *   SYN_SENT    -> CLOSED        RST: refused                                   [client_syn_sent]
 *   ESTABLISHED -> LAST_ACK      FIN: ours, with the acknowledgement            [client_fin]
 *   ESTABLISHED -> FIN_WAIT_1    all is answered, and we are to close           [client_idle]
 *   FIN_WAIT_1  -> FIN_WAIT_2    our FIN is acknowledged                        [client_acked]
 *   FIN_WAIT_1  -> CLOSING       FIN, ours not acknowledged yet                 [client_fin]
 *   FIN_WAIT_2  -> CLOSED        FIN: acknowledged (TIME-WAIT, without state)   [client_fin]
 *   CLOSING, LAST_ACK -> CLOSED  our FIN is acknowledged                        [client_acked]
 *   any         -> CLOSED        RST, or nothing came for too long              [client_end]
 *
 * TIME-WAIT: a FIN that comes again for a tuple that still rests (tuple.h) is acknowledged from
 * what the segment itself says, which is what a remembered state would say.
 *
 * Owner:  the generator core. Thread: one.
 * Memory: 64 bytes a connection, from the heap (hugepages where the kernel gives them); frames are
 *         the caller's.
 * Spec:   RFC 9293 3.10.7, 6298, 7323, 5961 (challenge ACKs), 2018 (SACK-permitted).
 */
#ifndef MILLGEN_CLIENT_H
#define MILLGEN_CLIENT_H

#include "ask.h"
#include "segment.h"
#include "timer.h"

enum {
	GEN_OUT_MAX = 256,
	GEN_CLIENT_SLOT_BITS_MIN = 6,
	GEN_CLIENT_SLOT_BITS_MAX = 24,
	GEN_CLIENT_FRAME_BYTES = 1600, /* room that a frame needs */
	GEN_CLIENT_OUT_PER_INPUT = 8,  /* frames that one segment or timer leads to, at most */
};

/* X(name, help): what a client does badly on purpose (client_slow.c). */
#define GEN_SLOW_VARIANTS(X)                                                            \
	X(idle, "says nothing")                                                         \
	X(slowloris, "sends its request a byte at a time, and never the last")          \
	X(zero_window, "asks, and never opens its window")                              \
	X(slow_reader, "asks, and reads 256 bytes at a time")                           \
	X(ooo_bomb, "sends every other byte of a request, behind one that never comes") \
	X(sack_bomb, "asks, reads nothing, and SACKs single bytes of the answer")       \
	X(rst_inject, "resets by guessed sequence numbers: in the window, and not the next")

enum gen_slow {
	GEN_SLOW_none,
#define GEN_SLOW_ID(name, help) GEN_SLOW_##name,
	GEN_SLOW_VARIANTS(GEN_SLOW_ID)
#undef GEN_SLOW_ID
};

struct gen_client_options {
	struct gen_segment_options segment;
	uint32_t window_bytes;
	uint64_t timeout_tsc; /* a unit's, from its intended time */
	uint32_t timeout_ms;
	uint32_t connections; /* kept open; 0: as many as the schedule needs */
	uint32_t again_ms;    /* hold: each connection asks again after so long; 0: not */
	uint32_t active_ppm;  /* of the held ones go on asking; the others ask twice */
	uint64_t idle_ns;     /* after which the server is to close who does not ask; 0: unknown */
	bool flood;           /* SYNs only (gen_client_flood) */
	enum gen_slow slow;   /* what is done every again_ms instead of asking */
	uint8_t slot_bits;
	uint64_t seed;
};

/* Frames to be sent: the caller sets frames and room, and takes count of them away. */
struct gen_out {
	uint8_t *frames[GEN_OUT_MAX];
	uint16_t bytes[GEN_OUT_MAX];
	uint16_t count, room;
};

struct gen_client {
	/* const during a run */
	struct gen_client_options options;
	struct gen_tuples tuples;
	struct gen_segment_templates templates;
	struct gen_ask ask;
	struct gen_out *out;
	struct gen_tally *tally;
	uint64_t tsc_hz, base_tsc;
	uint32_t ts_base; /* TSval is this plus now_ms: one clock for all runs on this machine */
	uint64_t ms_per_cycle_q64, ns_per_cycle_q32;
	uint64_t measure_tsc; /* units that were meant to leave from then on count */
	uint32_t slot_mask;
	uint16_t window; /* as advertised */
	/* owner: the generator core */
	struct gen_conn *conns; /* [slot_mask + 1] */
	uint64_t now_tsc;
	uint32_t now_ms;
	uint32_t open_count; /* not CLOSED */
	uint32_t held_count; /* ESTABLISHED */
	uint32_t handshakes; /* SYN_SENT */
	uint32_t *ready;     /* a ring of connections that may be asked */
	uint32_t ready_first, ready_count;
	bool asking;                 /* held connections ask again; not at the end of a run */
	uint32_t due[GEN_BURST * 8]; /* connections that owe an ACK */
	uint32_t due_count;
	uint32_t close_next; /* slot that gen_client_close_some looks at next */
	struct gen_timer timer;
};

/* gen_client_create makes the table; options, tuples and ask are set. Templates are made by
 * gen_segment_templates_make when link addresses are known; out and tally are set before use. */
MR_MUST_USE int gen_client_create(struct gen_client *self, uint64_t tsc_hz, uint64_t now_tsc,
				  struct mr_error *error);
void gen_client_destroy(struct gen_client *self);

/* gen_client_time tells the time, never going back; before anything else in a turn. */
static inline void
gen_client_time(struct gen_client *self, uint64_t now_tsc)
{
	self->now_tsc = now_tsc;
	self->now_ms =
		(uint32_t)(((__uint128_t)(now_tsc - self->base_tsc) * self->ms_per_cycle_q64) >>
			   64) +
		1;
}

/* gen_client_can_open says whether a connection can be begun now, and finds the tuple for it. */
bool gen_client_can_open(struct gen_client *self);
/* gen_client_open begins a connection at the tuple that was found; batch requests (0: none yet) are
 * sent when it is established, and were meant to be at intended_tsc. */
void gen_client_open(struct gen_client *self, uint64_t intended_tsc, uint8_t batch);
/* gen_client_ask sends a batch on a connection that is idle; false when there is none. */
MR_MUST_USE bool gen_client_ask(struct gen_client *self, uint64_t intended_tsc, uint8_t batch);

/* gen_client_flood sends a SYN of the next tuple and forgets it; a SYN,ACK counts as its answer. */
void gen_client_flood(struct gen_client *self);
/* gen_client_flood_beside sends SYN n of a flood from addresses that are no client's. */
void gen_client_flood_beside(struct gen_client *self, uint64_t n);
/* gen_slow_read reads a variant's name; GEN_SLOW_none when it is none. */
enum gen_slow gen_slow_read(const char *text);

/* gen_client_prefetch fetches the connection of a segment that will be given to
 * gen_client_segment. */
static inline void
gen_client_prefetch(const struct gen_client *self, const struct gen_segment *segment)
{
	__builtin_prefetch(&self->conns[segment->tuple & self->slot_mask], 1);
}
void gen_client_segment(struct gen_client *self, const struct gen_segment *segment);

/* gen_client_flush sends the acknowledgements that nothing else has carried. */
void gen_client_flush(struct gen_client *self);

/* gen_client_timers does what is due, at most limit timers. */
void gen_client_timers(struct gen_client *self, uint32_t limit);

/* gen_client_close_some begins to close at most limit idle connections of the next slots; false
 * when all slots have been seen since gen_client_close_begin. */
void gen_client_close_begin(struct gen_client *self);
MR_MUST_USE bool gen_client_close_some(struct gen_client *self, uint32_t limit);

/* gen_client_forget drops all connections without a word, between two runs. */
void gen_client_forget(struct gen_client *self);

/* gen_client_iss returns the initial sequence number of a connection begun now (RFC 6528). */
uint32_t gen_client_iss(const struct gen_client *self, uint32_t tuple);

#endif
