/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/load - runs at the rates that were asked for.
 */
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "search.h"

enum { LOAD_CURVE_MAX = 100 };

int
gen_load_read(struct gen_load *self, const struct gen_options *options, const char *mode,
	      struct mr_error *error)
{
	const char *rate = options->rate, *step = options->step;
	char low[32], high[32];

	self->options = options;
	self->report =
		(struct gen_report){ .json = options->json, .quiet = options->quiet, .mode = mode };
	self->rate_qps = 1000;
	self->loss_limit = options->loss_percent / 100;
	if (step) {
		if (rate)
			return mr_error_set(error, -EINVAL, "--rate and --step exclude each other");
		if (sscanf(step, "%31[^-]-%31[^:]:%u", low, high, &self->step_count) != 3 ||
		    gen_options_number(low, &self->step_low) ||
		    gen_options_number(high, &self->step_high) || !self->step_low ||
		    self->step_low > self->step_high || self->step_count < 2 ||
		    self->step_count > LOAD_CURVE_MAX)
			return mr_error_set(error, -EINVAL,
					    "--step: '%s' is not LOW-HIGH:N, N 2..%d", step,
					    LOAD_CURVE_MAX);
		return 0;
	}
	if (!rate)
		return 0;
	if (strcmp(rate, "max") == 0) {
		self->search = true;
		self->rate_qps = 0;
	} else if (strcmp(rate, "flood") == 0) {
		self->rate_qps = 0;
	} else if (gen_options_number(rate, &self->rate_qps) || !self->rate_qps ||
		   self->rate_qps > 1000000000) {
		return mr_error_set(error, -EINVAL, "--rate: '%s' is no rate, max or flood", rate);
	}
	return 0;
}

uint64_t
gen_load_fastest(const struct gen_load *self)
{
	return self->step_count ? self->step_high : self->rate_qps;
}

static void
load_second(void *context)
{
	struct gen_load *self = context;

	gen_report_second(&self->report, self->label, self->tally);
}

/* load_run makes one run and draws its conclusions. */
static int
load_run(struct gen_load *self, const char *label, uint64_t rate_qps, uint64_t warm_up_ns,
	 uint64_t duration_ns)
{
	int code;

	self->label = label;
	*self->run =
		(struct gen_run){ .rate_qps = rate_qps,
				  .warm_up_ns = warm_up_ns,
				  .duration_ns = duration_ns,
				  .drain_ns = self->options->timeout_ns + self->drain_spare_ns };
	*self->done = *self->stop = false;
	gen_report_begin(&self->report);
	code = gen_rig_launch(self->rig, self->function, self->context, self->stop, self->done,
			      load_second, self);
	gen_outcome_make(&self->outcome, self->run, self->tally);
	return code;
}

static bool
load_good(const struct gen_load *self)
{
	return self->outcome.right && self->outcome.loss <= self->loss_limit;
}

static int
load_trial(void *context, uint64_t rate_qps, struct gen_trial *out)
{
	struct gen_load *self = context;
	int code = load_run(self, "search", rate_qps, self->options->probe_ns / 4,
			    self->options->probe_ns);

	out->sent_qps = self->outcome.sent_qps;
	out->answered_qps = self->outcome.answered_qps;
	out->good = load_good(self) && (self->outcome.clean || !rate_qps);
	gen_report_trial(&self->report, "search", &self->outcome, load_good(self));
	return code;
}

/* load_search finds the highest rate and confirms it by a whole run. */
static int
load_search(struct gen_load *self, bool *found)
{
	bool flood_is_best;
	int code;
	uint64_t rate = gen_search_highest(load_trial, self, &flood_is_best, &code);

	*found = false;
	if (code || !rate)
		return code;
	for (unsigned i = 0; i < GEN_SEARCH_CONFIRM_MAX && !*found; i++) {
		/* A flood has no schedule to keep: when it was good, it is the first to confirm. */
		uint64_t asked = i == 0 && flood_is_best ? 0 : rate;

		code = load_run(self, "confirm", asked, self->options->warm_up_ns,
				self->options->duration_ns);
		if (code)
			return code;
		*found = load_good(self) && self->outcome.clean;
		if (!*found)
			gen_report_trial(&self->report, "confirm", &self->outcome, load_good(self));
		rate -= rate / 33;
	}
	return 0;
}

static int
load_curve(struct gen_load *self, struct gen_outcome *points)
{
	int code = 0;

	for (unsigned i = 0; i < self->step_count && !code; i++) {
		uint64_t rate = self->step_low +
				(self->step_high - self->step_low) * i / (self->step_count - 1);

		code = load_run(self, "step", rate, self->options->probe_ns / 4,
				self->options->probe_ns);
		points[i] = self->outcome;
		gen_report_trial(&self->report, "step", &self->outcome, load_good(self));
	}
	return code;
}

int
gen_load_measure(struct gen_load *self, struct mr_error *error)
{
	static struct gen_outcome points[LOAD_CURVE_MAX];
	const struct gen_options *options = self->options;
	bool good;
	int code;

	if (self->step_count) {
		code = load_curve(self, points);
		good = !code;
		for (unsigned i = 0; good && i < self->step_count; i++)
			good = points[i].right && points[i].loss <= self->loss_limit;
	} else if (self->search) {
		code = load_search(self, &good);
	} else {
		code = load_run(self, self->report.mode, self->rate_qps, options->warm_up_ns,
				options->duration_ns);
		good = load_good(self);
	}
	if (!self->step_count)
		gen_report_summary(&self->report, &self->outcome, self->tally, self->search,
				   self->loss_limit);
	if (code == -ENOLINK || code == -EINTR) {
		mr_error_set(error, code, code == -EINTR ? "interrupted" : "the link was lost");
		return code == -EINTR ? GEN_EXIT_WRONG : GEN_EXIT_LINK;
	}
	if (options->plot &&
	    (self->step_count ? gen_plot_curve(options->plot, points, self->step_count, error)
			      : gen_plot_latency(options->plot, &self->outcome,
						 &self->tally->latency, error)))
		return GEN_EXIT_USAGE;
	return good ? GEN_EXIT_OK : GEN_EXIT_WRONG;
}
