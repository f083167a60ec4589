/* SPDX-License-Identifier: Apache-2.0
 *
 * sim - two or more TCP stacks against each other, in virtual time, from one seed.
 *
 * A world has one server and some clients, each a struct mr_tcp with its own pools and its own
 * options; a link (net/link) in each direction; pairs of sides, one pair a connection; and a heap
 * of what is to come: frames, things that applications do, changes of the link, forged segments and
 * errors. Nothing asks for the time or for randomness elsewhere, so a seed is a history. What a run
 * of seeds has met is counted (coverage.h).
 *
 * In a strict seed everything must end well, whatever the network and a blind attacker do. In the
 * others applications abort, pools are too small, hosts vanish: there only order and bounds hold.
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
 *   - every object of a pool is in one place (audit.c);
 *   - at the end no TCB, run, extent, chunk, pin, generator or timer is left.
 */
#ifndef SIM_H
#define SIM_H

#include <stdio.h>

#include "../../lib/tcp/tcp_int.h" /* what is left at the end, where numbers stand, planted mistakes */
#include "coverage.h"
#include "net/link.h"

enum {
	SIM_HOST_MAX = 9,
	SIM_PAIR_MAX = 16,
	SIM_PATTERN = 65521, /* prime: a shift by a power of two is seen */
	SIM_EVENT_MAX = 3000000,
	SIM_SERVER_PORT = 80,
	SIM_FORGED_BYTES_MAX = 256,
	SIM_AUDIT_EVENTS = 128, /* one event in so many is followed by an audit */
	SIM_GEN_MAX = 4096,
	SIM_PATH_FIRST = 1,
	SIM_PATH_LIE = 1000, /* paths from here on lead nowhere */
};

enum sim_event_kind {
	SIM_FRAME,
	SIM_APP,
	SIM_HEAL,
	SIM_LINK_MTU,
	SIM_LINK_DELAY,
	SIM_ICMP,
	SIM_RESUME,
	SIM_REOPEN, /* a pair whose four-tuple is free again opens */
	SIM_FORGE,  /* somebody who knows the four-tuple sends a segment or an ICMP error */
	SIM_DEATH,  /* a host is heard of no more */
	SIM_BURST,  /* a host looks at its queue */
	SIM_PATH,   /* a host is reached by another router from now on */
};

struct sim_event {
	uint64_t at_ns, order;
	enum sim_event_kind kind;
	uint32_t to; /* host, or side, or pair */
	uint32_t byte_count;
	uint8_t *bytes; /* SIM_FRAME: TCP header and payload; owned */
	uint8_t ecn;
	struct mr_tcp_flow flow; /* as the receiver sees it */
	uint32_t seq, mtu;       /* SIM_ICMP */
	uint64_t delay_ns;       /* SIM_LINK_DELAY */
};

enum sim_write { SIM_WRITE_OWN, SIM_WRITE_REF, SIM_WRITE_GEN, SIM_WRITE_MIXED };
enum sim_finish { SIM_SHUTDOWN, SIM_CLOSE, SIM_CLOSE_EARLY, SIM_ABORT };

struct sim_side {
	uint32_t index, host, conn;
	bool started, active, accepted, closed, peer_closed, finished, iss_known, edge_known;
	bool ended_well;
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
	bool wscale_sent, lied;
};

struct sim_gen {
	uint32_t side;
	uint64_t start; /* in the stream */
	uint32_t total, planned, acked;
	bool live, waiting;
};

struct sim_host {
	struct mr_tcp *tcp;
	struct mr_tcp_config config;
	uint64_t metrics[MR_TCP_METRIC_COUNT];
	struct mr_addr addr;
	struct sim_world *world;
	uint32_t index, pins;
	bool dead;
	uint64_t
		moderation_ns; /* how long frames wait for others to be taken with; 0: not at all */
	struct sim_event held[MR_TCP_BURST_MAX]; /* SIM_FRAME; bytes are owned */
	uint32_t held_count;
	/* The path by which the others reach this host; its frames come in by it. Until the network
	 * heals an earlier one leads nowhere. */
	uint16_t path;
	struct mr_net_link up, down; /* to and from the server; unused for the server itself */
};

struct sim_world {
	uint64_t seed, now_ns, start_ns, heal_ns, order;
	struct mr_rng rng;
	uint32_t host_count, pair_count;
	struct sim_host hosts[SIM_HOST_MAX]; /* 0 is the server */
	/* 2i: the client's of pair i; 2i + 1: the server's */
	struct sim_side sides[2 * SIM_PAIR_MAX];
	uint8_t again[SIM_PAIR_MAX]; /* the pair that opens when this one has ended; 0: none */
	struct sim_gen gens[SIM_GEN_MAX];
	uint32_t gen_count;
	struct sim_event *heap;
	uint32_t heap_count, heap_room;
	bool strict; /* nobody misbehaves and pools suffice: everything must end well */
	bool healed, v6, icmp_quiet, ended, reneging, mortal;
	uint32_t urgent_percent;
	/* for what was added later: by a generator of its own, so that what else a seed stands for
	 * stays as it was */
	struct mr_rng more_rng;
	bool path_lies; /* some frames seem to have come by a path that there is not */
	bool features[SIM_FEATURE_COUNT];
	uint64_t frames, events;
	uint8_t *pattern; /* twice SIM_PATTERN */
	bool trace;
	FILE *pcap;
};

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

static inline void
sim_note(struct sim_world *w, enum sim_feature feature)
{
	w->features[feature] = true;
}

static inline uint8_t
sim_byte(const struct sim_world *w, const struct sim_side *s, uint64_t offset)
{
	return w->pattern[(s->base + offset) % SIM_PATTERN];
}

/* The count bytes of a side's stream from offset on; count is at most SIM_PATTERN. */
static inline const uint8_t *
sim_bytes(const struct sim_world *w, const struct sim_side *s, uint64_t offset)
{
	return w->pattern + (s->base + offset) % SIM_PATTERN;
}

/* Where bytes differ from a side's stream; count: nowhere. */
static inline uint32_t
sim_differ(const struct sim_world *w, const struct sim_side *s, uint64_t offset,
	   const uint8_t *bytes, uint32_t count)
{
	const uint8_t *right = sim_bytes(w, s, offset);
	uint32_t i = 0;

	if (count <= SIM_PATTERN && memcmp(bytes, right, count) == 0)
		return count;
	while (i < count && bytes[i] == sim_byte(w, s, offset + i))
		i++;
	return i;
}

/* ---- world.c ---- */
void sim_push(struct sim_world *w, struct sim_event *event);
void sim_app_in(struct sim_world *w, struct sim_side *s, uint64_t in_us);
bool sim_output(void *context, const struct mr_tcp_out *out);
/* Runs until everything is over; fails if it does not end. */
void sim_run(struct sim_world *w);

static inline bool
sim_more_chance(struct sim_world *w, uint32_t percent)
{
	return mr_rng_below(&w->more_rng, 100) < percent;
}

struct sim_host *sim_host_at(struct sim_world *w, const struct mr_addr *addr);

/* sim_put lets a host take TCP bytes from the network. */
void sim_put(struct sim_world *w, uint32_t host, const struct mr_tcp_flow *flow,
	     const uint8_t *bytes, uint32_t byte_count, uint8_t ecn);

/* ---- hostile.c ---- */
/* sim_hostile_plan decides what the network and strangers will do to this world. */
void sim_hostile_plan(struct sim_world *w);
void sim_forge(struct sim_world *w, struct sim_side *s);
void sim_renege(struct sim_world *w, struct sim_side *s);
void sim_icmp(struct sim_world *w, const struct sim_event *e);
/* sim_look notes what there is to be seen in the TCBs of a host. */
void sim_look(struct sim_world *w, uint32_t host);

/* ---- audit.c ---- */
/* sim_audit fails when an object of a pool is in two places, or in none. */
void sim_audit(struct sim_world *w, uint32_t host);

/* ---- scenario.c ---- */
void sim_scenario(struct sim_world *w);
/* sim_reopen opens a pair whose four-tuple another has just left. */
void sim_reopen(struct sim_world *w, uint32_t pair);
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
