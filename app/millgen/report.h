/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/report - what a run says: lines for people, NDJSON for programs, plots.
 *
 * A result is clean when the generator kept its own schedule: it sent what it had to, and the time
 * from the intended moment to handing a query to the port stayed small. Otherwise the figures say
 * something about the generator, and the report says that.
 *
 * Owner:  the mode that reports. Thread: the control thread.
 * Memory: none beside the struct; texts of a line are made and freed within a call.
 */
#ifndef MILLGEN_REPORT_H
#define MILLGEN_REPORT_H

#include "tally.h"

/* Above these a result is not clean. */
#define GEN_LAG_LIMIT_NS      1000000ull /* at the 99th percentile */
#define GEN_SCHEDULE_SHORTAGE 0.001      /* of what was scheduled, not sent by the end */

struct gen_outcome {
	uint64_t asked_qps; /* 0: flood */
	uint64_t sent, scheduled, right, replied, missing, wrong, duplicate;
	double seconds, sent_qps, answered_qps;
	double loss; /* share of the sent that was not answered rightly */
	uint64_t lag_p99_ns, lag_max_ns;
	uint64_t latency_ns[6]; /* p50 p90 p99 p99.9 p99.99 max */
	uint64_t latency_mean_ns;
	bool clean;
	char why[128]; /* when not clean */
};

extern const double gen_quantiles[5];

/* gen_outcome_make draws the conclusions from a tally. */
void gen_outcome_make(struct gen_outcome *self, const struct gen_run *run,
		      const struct gen_tally *tally);

struct gen_report {
	bool json, quiet, terminal;
	const char *mode;
	uint16_t frame_bytes;
	struct gen_tally last; /* what the last line had seen */
	uint64_t last_ns, start_ns;
};

/* gen_report_second prints one line on a run that goes on. label says which ("search", ...). */
void gen_report_second(struct gen_report *self, const char *label, const struct gen_tally *tally);
void gen_report_begin(struct gen_report *self);
/* gen_report_trial prints one line on a step of a search or a curve. */
void gen_report_trial(struct gen_report *self, const char *label, const struct gen_outcome *outcome,
		      bool good);
/* gen_report_summary prints the result. */
void gen_report_summary(struct gen_report *self, const struct gen_outcome *outcome,
			const struct gen_tally *tally, bool searched, double loss_limit);

/* gen_plot_latency and gen_plot_curve draw an SVG by gnuplot; 0 or -errno. */
MR_MUST_USE int gen_plot_latency(const char *path, const struct gen_outcome *outcome,
				 const struct mr_histogram *latency, struct mr_error *error);
MR_MUST_USE int gen_plot_curve(const char *path, const struct gen_outcome *points, size_t count,
			       struct mr_error *error);

#endif
