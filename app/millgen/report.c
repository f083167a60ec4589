/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/report - conclusions, lines and NDJSON.
 */
#include "report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const double gen_quantiles[5] = { 0.5, 0.9, 0.99, 0.999, 0.9999 };

void
gen_outcome_make(struct gen_outcome *self, const struct gen_run *run, const struct gen_tally *tally)
{
	memset(self, 0, sizeof(*self));
	self->asked_qps = run->rate_qps;
	self->sent = tally->sent;
	self->scheduled = tally->scheduled;
	self->right = gen_tally_sum(tally, GEN_CLASS_RIGHT);
	self->replied = self->right + gen_tally_sum(tally, GEN_CLASS_WRONG);
	self->missing = self->sent > self->replied ? self->sent - self->replied : 0;
	self->wrong = self->replied - self->right + gen_tally_sum(tally, GEN_CLASS_FOREIGN);
	self->duplicate = gen_tally_sum(tally, GEN_CLASS_DUPLICATE);
	self->seconds = (double)tally->measured_ns / 1e9;
	if (self->seconds > 0) {
		self->sent_qps = (double)self->sent / self->seconds;
		self->answered_qps = (double)self->right / self->seconds;
	}
	self->loss =
		self->sent ? 1 - (double)MR_MIN(self->right, self->sent) / (double)self->sent : 1;
	for (size_t i = 0; i < MR_ARRAY_COUNT(gen_quantiles); i++)
		self->latency_ns[i] = mr_histogram_quantile(&tally->latency, gen_quantiles[i]);
	self->latency_ns[5] = tally->latency.max;
	if (self->replied)
		self->latency_mean_ns = tally->latency.sum / self->replied;
	self->lag_p99_ns = mr_histogram_quantile(&tally->lag, 0.99);
	self->lag_max_ns = tally->lag.max;
	self->clean = true;
	if ((double)self->sent < (double)self->scheduled * (1 - GEN_SCHEDULE_SHORTAGE)) {
		self->clean = false;
		snprintf(self->why, sizeof(self->why), "%.2f %% of the schedule was sent: %s",
			 100.0 * (double)self->sent / (double)self->scheduled,
			 tally->shortage  ? tally->shortage
			 : tally->tx_full ? "the port took no more"
					  : "the generator is too slow");
	} else if (run->rate_qps && self->lag_p99_ns > GEN_LAG_LIMIT_NS) {
		self->clean = false;
		snprintf(self->why, sizeof(self->why),
			 "the generator was late itself: send lag p99 is %.1f us",
			 (double)self->lag_p99_ns / 1e3);
	}
}

static const char *
report_time(uint64_t ns, char out[16])
{
	if (ns < 10000)
		snprintf(out, 16, "%.2f us", (double)ns / 1e3);
	else if (ns < 1000000)
		snprintf(out, 16, "%.1f us", (double)ns / 1e3);
	else if (ns < 1000000000)
		snprintf(out, 16, "%.1f ms", (double)ns / 1e6);
	else
		snprintf(out, 16, "%.2f s", (double)ns / 1e9);
	return out;
}

/* report_count writes n with thousands set apart. */
static const char *
report_count(uint64_t n, char out[32])
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, n), at = 0;

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = 0;
	return out;
}

static const char *
report_rate(double qps, char out[24])
{
	if (qps >= 1e6)
		snprintf(out, 24, "%.3f M/s", qps / 1e6);
	else if (qps >= 1e3)
		snprintf(out, 24, "%.2f k/s", qps / 1e3);
	else
		snprintf(out, 24, "%.1f /s", qps);
	return out;
}

static void
report_json(json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));

	if (text)
		puts(text);
	fflush(stdout);
	free(text);
	json_decref(object);
}

void
gen_report_begin(struct gen_report *self)
{
	self->start_ns = self->last_ns = mr_clock_now_ns();
	memset(&self->last, 0, sizeof(self->last));
	self->terminal = isatty(STDERR_FILENO);
}

void
gen_report_second(struct gen_report *self, const char *label, const struct gen_tally *tally)
{
	static struct mr_histogram since; /* too large for a stack frame; control thread only */
	uint64_t now_ns = mr_clock_now_ns(), sent, right, wrong, p50, p99, max;
	double seconds = (double)(now_ns - self->last_ns) / 1e9;
	char times[3][16], rates[2][24];

	self->last.table = tally->table;
	sent = __atomic_load_n(&tally->sent, __ATOMIC_RELAXED) - self->last.sent;
	right = gen_tally_sum(tally, GEN_CLASS_RIGHT) - gen_tally_sum(&self->last, GEN_CLASS_RIGHT);
	wrong = gen_tally_sum(tally, GEN_CLASS_WRONG) + gen_tally_sum(tally, GEN_CLASS_FOREIGN) -
		gen_tally_sum(&self->last, GEN_CLASS_WRONG) -
		gen_tally_sum(&self->last, GEN_CLASS_FOREIGN);
	memset(&since, 0, sizeof(since));
	mr_histogram_merge(&since, &tally->latency);
	for (unsigned b = 0; b < MR_HISTOGRAM_BUCKETS; b++)
		since.counts[b] -= self->last.latency.counts[b];
	p50 = mr_histogram_quantile(&since, 0.5);
	p99 = mr_histogram_quantile(&since, 0.99);
	max = mr_histogram_quantile(&since, 1);
	self->last.sent += sent;
	memcpy(self->last.verdicts, tally->verdicts, sizeof(self->last.verdicts));
	for (unsigned b = 0; b < MR_HISTOGRAM_BUCKETS; b++)
		self->last.latency.counts[b] += since.counts[b];
	self->last_ns = now_ns;
	if (self->quiet || seconds <= 0)
		return;
	if (self->json) {
		report_json(json_pack("{s:s, s:s, s:f, s:f, s:f, s:I, s:I, s:I, s:I}", "type",
				      "second", "phase", label, "time_s",
				      (double)(now_ns - self->start_ns) / 1e9, "sent_qps",
				      (double)sent / seconds, "answered_qps",
				      (double)right / seconds, "wrong", (json_int_t)wrong,
				      "latency_p50_ns", (json_int_t)p50, "latency_p99_ns",
				      (json_int_t)p99, "latency_max_ns", (json_int_t)max));
		return;
	}
	fprintf(stderr,
		"%s%-8s %3.0f s  sent %-11s answered %-11s wrong %-6" PRIu64
		" p50 %-9s p99 %-9s max %-9s%s",
		self->terminal ? "\r\033[K" : "", label, (double)(now_ns - self->start_ns) / 1e9,
		report_rate((double)sent / seconds, rates[0]),
		report_rate((double)right / seconds, rates[1]), wrong, report_time(p50, times[0]),
		report_time(p99, times[1]), report_time(max, times[2]), self->terminal ? "" : "\n");
}

void
gen_report_trial(struct gen_report *self, const char *label, const struct gen_outcome *outcome,
		 bool good)
{
	char rates[3][24], times[2][16];

	if (self->quiet)
		return;
	if (self->json) {
		report_json(json_pack("{s:s, s:s, s:I, s:f, s:f, s:f, s:I, s:I, s:I, s:b, s:b}",
				      "type", "trial", "phase", label, "asked_qps",
				      (json_int_t)outcome->asked_qps, "sent_qps", outcome->sent_qps,
				      "answered_qps", outcome->answered_qps, "loss", outcome->loss,
				      "wrong", (json_int_t)outcome->wrong, "latency_p50_ns",
				      (json_int_t)outcome->latency_ns[0], "latency_p99_ns",
				      (json_int_t)outcome->latency_ns[2], "clean",
				      (int)outcome->clean, "good", (int)good));
		return;
	}
	fprintf(stderr,
		"%s%-8s asked %-11s sent %-11s answered %-11s loss %8.4f %%  p50 %-9s p99 %-9s %s\n",
		self->terminal ? "\r\033[K" : "", label,
		outcome->asked_qps ? report_rate((double)outcome->asked_qps, rates[0]) : "flood",
		report_rate(outcome->sent_qps, rates[1]),
		report_rate(outcome->answered_qps, rates[2]), outcome->loss * 100,
		report_time(outcome->latency_ns[0], times[0]),
		report_time(outcome->latency_ns[2], times[1]),
		!outcome->clean ? "not clean"
		: good          ? "good"
				: "too much loss");
}

static void
report_summary_json(const struct gen_report *self, const struct gen_outcome *outcome,
		    const struct gen_tally *tally, bool searched, double loss_limit)
{
	json_t *verdicts = json_object(), *rcodes = json_object(), *root;
	char name[8];

	for (unsigned v = 0; v < tally->table->count; v++)
		json_object_set_new(verdicts, tally->table->rows[v].name,
				    json_integer((json_int_t)tally->verdicts[v]));
	for (unsigned r = 0; r < 16; r++) {
		snprintf(name, sizeof(name), "%u", r);
		if (tally->rcodes[r])
			json_object_set_new(rcodes, name,
					    json_integer((json_int_t)tally->rcodes[r]));
	}
	root = json_pack(
		"{s:s, s:s, s:b, s:I, s:f, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:i}",
		"type", "result", "mode", self->mode, "searched", (int)searched, "asked_qps",
		(json_int_t)outcome->asked_qps, "duration_s", outcome->seconds, "sent_qps",
		outcome->sent_qps, "answered_qps", outcome->answered_qps, "scheduled",
		(json_int_t)outcome->scheduled, "sent", (json_int_t)outcome->sent, "answered",
		(json_int_t)outcome->right, "missing", (json_int_t)outcome->missing, "wrong",
		(json_int_t)outcome->wrong, "duplicate", (json_int_t)outcome->duplicate, "loss",
		outcome->loss, "loss_limit", loss_limit, "frame_bytes", (int)self->frame_bytes);
	json_object_set_new(root, "latency_ns",
			    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "mean",
				      (json_int_t)outcome->latency_mean_ns, "p50",
				      (json_int_t)outcome->latency_ns[0], "p90",
				      (json_int_t)outcome->latency_ns[1], "p99",
				      (json_int_t)outcome->latency_ns[2], "p999",
				      (json_int_t)outcome->latency_ns[3], "p9999",
				      (json_int_t)outcome->latency_ns[4], "max",
				      (json_int_t)outcome->latency_ns[5]));
	json_object_set_new(root, "send_lag_ns",
			    json_pack("{s:I, s:I}", "p99", (json_int_t)outcome->lag_p99_ns, "max",
				      (json_int_t)outcome->lag_max_ns));
	if (tally->held_most)
		json_object_set_new(root, "tcp",
				    json_pack("{s:I, s:I, s:I, s:f}", "open_most",
					      (json_int_t)tally->held_most, "open_last",
					      (json_int_t)tally->held_last, "time_wait_live",
					      (json_int_t)tally->resting, "ramp_s",
					      (double)tally->ramp_ns / 1e9));
	if (mr_histogram_count(&tally->idle) || tally->idle_early)
		json_object_set_new(root, "idle_closed",
				    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "in_time",
					      (json_int_t)mr_histogram_count(&tally->idle), "early",
					      (json_int_t)tally->idle_early, "late_p50_ns",
					      (json_int_t)mr_histogram_quantile(&tally->idle, 0.5),
					      "late_p99_ns",
					      (json_int_t)mr_histogram_quantile(&tally->idle, 0.99),
					      "late_p9999_ns",
					      (json_int_t)mr_histogram_quantile(&tally->idle,
										0.9999),
					      "late_max_ns", (json_int_t)tally->idle.max));
	json_object_set_new(root, "generator_idle",
			    json_real(tally->turns
					      ? (double)tally->idle_turns / (double)tally->turns
					      : 0));
	json_object_set_new(root, "replies", verdicts);
	json_object_set_new(root, "rcodes", rcodes);
	json_object_set_new(root, "clean", json_boolean(outcome->clean));
	if (!outcome->clean)
		json_object_set_new(root, "why", json_string(outcome->why));
	json_object_set_new(root, "passed",
			    json_boolean(outcome->right && outcome->loss <= loss_limit));
	report_json(root);
}

void
gen_report_summary(struct gen_report *self, const struct gen_outcome *outcome,
		   const struct gen_tally *tally, bool searched, double loss_limit)
{
	char count[32], rate[24], times[7][16];

	if (self->terminal && !self->quiet && !self->json)
		fprintf(stderr, "\r\033[K");
	if (self->json) {
		report_summary_json(self, outcome, tally, searched, loss_limit);
		return;
	}
	printf("%s: %.1f s at %s%s%s\n", self->mode, outcome->seconds,
	       outcome->asked_qps ? report_rate((double)outcome->asked_qps, rate) : "flood",
	       outcome->asked_qps ? " asked for" : "",
	       searched ? ", the highest rate with loss in the limit" : "");
	printf("  sent        %15s   %s, frames of %u bytes, %.2f Gbit/s\n",
	       report_count(outcome->sent, count), report_rate(outcome->sent_qps, rate),
	       self->frame_bytes, outcome->sent_qps * self->frame_bytes * 8 / 1e9);
	printf("  answered    %15s   %s rightly\n", report_count(outcome->right, count),
	       report_rate(outcome->answered_qps, rate));
	printf("  missing     %15s   %.4f %% of the sent; the limit is %g %%\n",
	       report_count(outcome->missing, count), outcome->loss * 100, loss_limit * 100);
	for (unsigned v = 1; v < tally->table->count; v++)
		if (tally->verdicts[v])
			printf("  %-14s %12s   %s\n", tally->table->rows[v].name,
			       report_count(tally->verdicts[v], count), tally->table->rows[v].help);
	if (tally->held_most)
		printf("  %-14s %12s   connections at once, at most; %llu tuples rest for TIME-WAIT\n",
		       "open", report_count(tally->held_most, count),
		       (unsigned long long)tally->resting);
	printf("  latency     p50 %s  p90 %s  p99 %s  p99.9 %s  p99.99 %s  max %s  mean %s\n",
	       report_time(outcome->latency_ns[0], times[0]),
	       report_time(outcome->latency_ns[1], times[1]),
	       report_time(outcome->latency_ns[2], times[2]),
	       report_time(outcome->latency_ns[3], times[3]),
	       report_time(outcome->latency_ns[4], times[4]),
	       report_time(outcome->latency_ns[5], times[5]),
	       report_time(outcome->latency_mean_ns, times[6]));
	if (mr_histogram_count(&tally->idle))
		printf("  idle        closed by the server p50 %s  max %s late\n",
		       report_time(mr_histogram_quantile(&tally->idle, 0.5), times[0]),
		       report_time(tally->idle.max, times[1]));
	printf("  send lag    p99 %s  max %s\n", report_time(outcome->lag_p99_ns, times[0]),
	       report_time(outcome->lag_max_ns, times[1]));
	if (!outcome->clean)
		printf("  NOT CLEAN   %s\n", outcome->why);
	fflush(stdout);
}
