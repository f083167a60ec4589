/* SPDX-License-Identifier: Apache-2.0
 *
 * sim - two or more TCP stacks against each other, in virtual time, from one seed.
 *
 * A world has one server and some clients, each a struct mr_tcp with its own pools and its own
 * options; a link (net/link) in each direction; pairs of sides, one pair a connection; and a heap
 * of what is to come: frames, things that applications do, changes of the link. Nothing asks for
 * the time or for randomness elsewhere, so a seed is a history.
 *
 * After each event the stacks check themselves (tcp_check; the simulator is built with
 * MR_SLOW_CHECKS). The world checks from outside:
 *   - each payload byte that leaves, first time or again, is the byte of that stream at that place;
 *   - nothing leaves beyond the right edge that the peer has announced (but a probe);
 *   - an announced right edge does not move left (but for the scale's rounding);
 *   - each byte that an application is shown is the right one, and comes once;
 *   - generators are asked in order, never for what they were told is acknowledged, released once;
 *   - closed comes exactly once, after accepted; and nothing after it;
 *   - when the network has healed, everything ends within a bounded virtual time; where no side was
 *     told to misbehave, everything that was sent has arrived and both sides end well;
 *   - at the end no TCB, run, extent, chunk, pin, generator or timer is left.
 */
#ifndef SIM_H
#define SIM_H

#include <stdio.h>

#include "tcp/tcp.h"
#include "net/link.h"

enum {
	SIM_HOST_MAX = 4,
	SIM_PAIR_MAX = 8,
	SIM_PATTERN = 65521, /* prime: a shift by a power of two is seen */
	SIM_EVENT_MAX = 3000000,
	SIM_SERVER_PORT = 80,
	SIM_GEN_MAX = 4096,
};

enum sim_event_kind { SIM_FRAME, SIM_APP, SIM_HEAL, SIM_LINK, SIM_ICMP, SIM_RESUME };

struct sim_event {
	uint64_t at_ns, order;
	enum sim_event_kind kind;
	uint32_t to; /* host, or side */
	uint32_t byte_count;
	uint8_t *bytes; /* SIM_FRAME: TCP header and payload; owned */
	uint8_t ecn;
	struct mr_tcp_flow flow; /* as the receiver sees it */
	uint32_t seq, mtu;       /* SIM_ICMP */
};

enum sim_write { SIM_WRITE_OWN, SIM_WRITE_REF, SIM_WRITE_GEN, SIM_WRITE_MIXED };
enum sim_finish { SIM_SHUTDOWN, SIM_CLOSE, SIM_CLOSE_EARLY, SIM_ABORT };

struct sim_side {
	uint32_t index, host, conn;
	bool active, accepted, closed, peer_closed, finished, iss_known, edge_known, ended_well;
	enum mr_tcp_reason reason;
	uint32_t base; /* where in the pattern this side's stream begins */
	uint64_t total, queued, received, acked;
	enum sim_write write;
	uint32_t write_max, write_gap_us;
	uint32_t read_max, read_gap_us; /* 0: takes everything at once */
	bool waits_to_read, app_scheduled, lazy_start;
	enum sim_finish finish;
	uint64_t quit_at; /* received bytes after which SIM_CLOSE_EARLY and SIM_ABORT strike */
	struct mr_tcp_flow flow;
	uint32_t iss,
		edge; /* as emitted: first sequence number, announced right edge of our window */
	uint32_t edge_seen; /* the highest right edge that the peer has announced */
	uint8_t wscale;
	bool wscale_sent;
};

struct sim_gen {
	uint32_t side;
	uint64_t start; /* in the stream */
	uint32_t total, planned, acked;
	bool live, waiting;
};

struct sim_host {
	struct mr_tcp *tcp;
	struct mr_arena arena;
	struct mr_tcp_config config;
	uint64_t metrics[MR_TCP_METRIC_COUNT];
	struct mr_addr addr;
	struct sim_world *world;
	uint32_t index, pins;
	struct mr_net_link up, down; /* to and from the server; unused for the server itself */
};

struct sim_world {
	uint64_t seed, now_ns, start_ns, heal_ns, order;
	struct mr_rng rng;
	uint32_t host_count, pair_count;
	struct sim_host hosts[SIM_HOST_MAX]; /* 0 is the server */
	struct sim_side
		sides[2 * SIM_PAIR_MAX]; /* 2i: the client's of pair i; 2i + 1: the server's */
	struct sim_gen gens[SIM_GEN_MAX];
	uint32_t gen_count;
	struct sim_event *heap;
	uint32_t heap_count, heap_room;
	bool strict; /* nobody misbehaves and pools suffice: everything must end well */
	bool healed, v6, icmp_quiet, ended;
	uint64_t frames, events;
	uint8_t *pattern; /* twice SIM_PATTERN */
	bool trace;
	FILE *pcap;
};

extern int mr_tcp_plant;

/* sim_fail prints the seed and what is wrong, and ends the process. */
_Noreturn void sim_fail(const struct sim_world *w, const char *format, ...) MR_PRINTF(2, 3);
void sim_trace(const struct sim_world *w, const char *format, ...) MR_PRINTF(2, 3);

static inline uint32_t
sim_below(struct sim_world *w, uint32_t bound)
{
	return bound ? (uint32_t)mr_rng_below(&w->rng, bound) : 0;
}

static inline bool
sim_chance(struct sim_world *w, uint32_t percent)
{
	return sim_below(w, 100) < percent;
}

static inline uint8_t
sim_byte(const struct sim_world *w, const struct sim_side *s, uint64_t offset)
{
	return w->pattern[(s->base + offset) % SIM_PATTERN];
}

/* ---- world.c ---- */
void sim_push(struct sim_world *w, struct sim_event *event);
void sim_app_in(struct sim_world *w, struct sim_side *s, uint64_t in_us);
bool sim_output(void *context, const struct mr_tcp_out *out);
/* Runs until everything is over; fails if it does not end. */
void sim_run(struct sim_world *w);

/* ---- scenario.c ---- */
void sim_scenario(struct sim_world *w);
void sim_scenario_end(struct sim_world *w);

/* ---- apps.c ---- */
extern const struct mr_tcp_app_ops sim_app_ops;
extern const struct mr_tcp_gen_ops sim_gen_ops;
void sim_app(struct sim_world *w, struct sim_side *s);
void sim_resume(struct sim_world *w, struct sim_side *s);
void sim_unpin(void *context, uint32_t pin);

/* ---- pcap.c ---- */
FILE *sim_pcap_open(const char *path);
void sim_pcap_frame(FILE *file, uint64_t now_ns, const struct mr_tcp_flow *flow, const uint8_t *tcp,
		    uint32_t byte_count);

#endif
