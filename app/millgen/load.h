/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/load - how much is sent: one rate, a search for the highest, or a curve; and what comes
 * of it: lines, the summary, the plot, the exit status. Every mode that is paced uses it.
 *
 * Owner:  the mode that is paced by it.
 * Thread: the control thread, while the generator core runs `function`.
 * Memory: none beside the struct; what it points at is borrowed.
 */
#ifndef MILLGEN_LOAD_H
#define MILLGEN_LOAD_H

#include "options.h"
#include "report.h"
#include "rig.h"

struct gen_load {
	const struct gen_options *options;
	struct gen_report report;
	struct gen_outcome outcome;
	/* as read */
	uint64_t rate_qps; /* 0: flood */
	bool search;
	uint64_t step_low, step_high;
	unsigned step_count;
	double loss_limit;
	/* set by the mode before gen_load_measure: what makes one run */
	struct gen_rig *rig;
	int (*function)(void *); /* on the generator core, with context */
	void *context;
	struct gen_run *run;
	struct gen_tally *tally;
	bool *stop, *done;
	uint64_t drain_spare_ns; /* that the last answers are waited for beyond the time limit */
	const char *label;       /* of the run that is on */
};

/* gen_load_read reads --rate, --step and --loss. */
MR_MUST_USE int gen_load_read(struct gen_load *self, const struct gen_options *options,
			      const char *mode, struct mr_error *error);

/* gen_load_fastest returns the highest rate that is asked for, 0 when that is open. */
uint64_t gen_load_fastest(const struct gen_load *self);

/* gen_load_measure does what was asked for; returns an exit status. */
MR_MUST_USE int gen_load_measure(struct gen_load *self, struct mr_error *error);

#endif
