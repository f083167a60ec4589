/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/tally - what is asked of one run, and what it counted.
 *
 * A run sends units on a schedule (queries, requests, connections); each unit ends with a verdict.
 * A mode has its own table of verdicts; their class says what conclusions are drawn from them.
 *
 * Owner:  the generator core writes during a run, the control thread before and after it.
 * Thread: any may read counters and histograms meanwhile (relaxed).
 * Memory: the struct, too large for a stack.
 */
#ifndef MILLGEN_TALLY_H
#define MILLGEN_TALLY_H

#include "metric/metric.h"

enum { GEN_VERDICT_MAX = 64, GEN_BURST = 64 /* frames */ };

enum gen_class {
	GEN_CLASS_RIGHT,     /* the unit was answered, rightly */
	GEN_CLASS_WRONG,     /* the unit was answered, wrongly */
	GEN_CLASS_FOREIGN,   /* something wrong that is no unit's answer */
	GEN_CLASS_DUPLICATE, /* a second answer */
	GEN_CLASS_NOTE,      /* told, and nothing concluded */
};

struct gen_verdict_row {
	const char *name, *help;
	enum gen_class class;
};

struct gen_verdict_table {
	const struct gen_verdict_row *rows; /* the first is "answered rightly" */
	unsigned count;
};

struct gen_run {
	uint64_t rate_qps; /* 0: as fast as the port takes them */
	uint64_t warm_up_ns, duration_ns, drain_ns;
};

/* Only units that were meant to leave in the MEASURE phase count, and replies to these. */
struct gen_tally {
	const struct gen_verdict_table *table;
	uint64_t sent;
	uint64_t scheduled; /* units that should have left by the end of MEASURE */
	uint64_t verdicts[GEN_VERDICT_MAX];
	uint64_t rcodes[16];   /* DNS */
	uint64_t asked_for_us; /* ARP and ND questions answered */
	uint64_t tx_full;      /* turns in which the port did not take all */
	uint64_t turns, idle_turns;
	uint64_t held_most;   /* TCP: connections open at once, at most */
	uint64_t held_last;   /* TCP: connections open when the run ended */
	uint64_t resting;     /* TCP: 4-tuples that a server may hold in TIME-WAIT, at the end */
	uint64_t ramp_ns;     /* TCP, hold: until the last connection was begun */
	const char *shortage; /* what the schedule had to wait for, beside the port; or NULL */
	uint64_t measured_ns; /* length of MEASURE as it was */
	struct mr_histogram latency; /* ns, from the intended time to receipt */
	struct mr_histogram lag;     /* ns, from the intended time to handing it to the port */
	uint64_t idle_early;      /* TCP: connections that the server closed before it was time */
	struct mr_histogram idle; /* TCP: ns by which it closed idle ones later */
};

/* gen_tally_add adds to one counter of the core's own. */
static inline void
gen_tally_add(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* gen_tally_sum adds up the verdicts of one class. */
static inline uint64_t
gen_tally_sum(const struct gen_tally *self, enum gen_class class)
{
	uint64_t sum = 0;

	for (unsigned v = 0; v < self->table->count; v++)
		if (self->table->rows[v].class == class)
			sum += __atomic_load_n(&self->verdicts[v], __ATOMIC_RELAXED);
	return sum;
}

#endif
