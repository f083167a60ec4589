/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/loop - the generator core: receives, judges, sends on schedule, over and over.
 *
 * Owner:  struct gen_loop belongs to the control thread before and after a run, and to the
 * generator core during it. Counters and histograms may be read meanwhile (relaxed).
 * Thread: one core; it makes no system call while it runs.
 * Memory: mbufs of its own pool.
 *
 * Phase      next                                         [function]
 *   WARM_UP -> MEASURE  after warm_up: counted from here on  [loop_turn]
 *   MEASURE -> DRAIN    after duration: nothing more is sent
 *   DRAIN   -> DONE     all answered, or the time limit
 */
#ifndef MILLGEN_LOOP_H
#define MILLGEN_LOOP_H

#include "frame.h"
#include "match.h"
#include "metric/metric.h"
#include "neigh.h"
#include "pace.h"
#include "port/port.h"

enum { GEN_BURST = 64 };

struct gen_run {
	uint64_t rate_qps; /* 0: as fast as the port takes them */
	uint64_t warm_up_ns, duration_ns, drain_ns;
};

/* What one run counted. Single writer: the generator core. Only queries that were meant to leave
 * in the MEASURE phase count, and replies to these. */
struct gen_tally {
	uint64_t sent;
	uint64_t scheduled; /* queries that should have left by the end of MEASURE */
	uint64_t verdicts[GEN_VERDICT_COUNT];
	uint64_t rcodes[16];
	uint64_t asked_for_us; /* ARP and ND questions answered */
	uint64_t tx_full;      /* turns in which the port did not take all */
	uint64_t turns, idle_turns;
	uint64_t measured_ns;        /* length of MEASURE as it was */
	struct mr_histogram latency; /* ns, from the intended time to receipt */
	struct mr_histogram lag;     /* ns, from the intended time to handing it to the port */
};

struct gen_loop {
	/* const during a run */
	struct mr_port *port;
	struct rte_mempool *pool;
	const struct gen_frames *frames;
	struct gen_match match;
	struct gen_run run;
	uint64_t tsc_hz;
	uint64_t ns_per_cycle_q32;
	/* owner: the generator core */
	struct gen_chooser chooser;
	struct gen_neigh neigh;
	uint64_t seq; /* of the next query; goes on from run to run */
	struct gen_tally tally;
	/* shared: relaxed */
	bool stop; /* set by the control thread */
	bool done;
};

/* gen_loop_run does one run; gives it to rte_eal_remote_launch. context is a struct gen_loop. */
int gen_loop_run(void *context);

/* gen_loop_resolve asks for the next hops of all lanes until they are known, at most timeout_ns.
 * Control thread, while no run is on. Returns 0 or -ETIMEDOUT. */
MR_MUST_USE int gen_loop_resolve(struct gen_loop *self, uint64_t timeout_ns);

static inline uint64_t
gen_loop_ns(const struct gen_loop *self, uint64_t cycles)
{
	return (uint64_t)(((__uint128_t)cycles * self->ns_per_cycle_q32) >> 32);
}

#endif
