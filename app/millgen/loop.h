/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/loop - the generator core: receives, judges, sends on schedule, over and over.
 *
 * Owner:  struct gen_loop belongs to the control thread before and after a run, and to the
 * generator core during it. Counters and histograms may be read meanwhile (relaxed).
 * Thread: one core; it makes no system call while it runs.
 * Memory: mbufs of its own pool.
 */
#ifndef MILLGEN_LOOP_H
#define MILLGEN_LOOP_H

#include "frame.h"
#include "hop.h"
#include "match.h"
#include "phase.h"

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

static inline uint64_t
gen_loop_ns(const struct gen_loop *self, uint64_t cycles)
{
	return (uint64_t)(((__uint128_t)cycles * self->ns_per_cycle_q32) >> 32);
}

#endif
