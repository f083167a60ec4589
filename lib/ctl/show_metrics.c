/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/show_metrics - all metrics as Prometheus reads them, and latency for people.
 *
 * Series are bounded: one for each row and scope of a table, some thirty for a histogram, and
 * MR_DNS_ZONE_COUNTS for each of the zones that have counters of their own.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl_int.h"

/* The bounds of a histogram's series: powers of two, from 1 us to 17 s. */
enum { LEAST_BITS = 10, MOST_BITS = 34 };

/* ---- Prometheus text ---- */

struct page {
	FILE *out;
	const void *last; /* the row that has its HELP and TYPE */
};

static void
page_counter(void *context, const struct mr_metric_table *table, const struct mr_metric_def *def,
	     const char *scope, uint64_t value)
{
	struct page *self = context;
	const char *total = def->kind == MR_METRIC_COUNTER ? "_total" : "";

	if (self->last != def)
		fprintf(self->out, "# HELP millrace_%s_%s%s %s\n# TYPE millrace_%s_%s%s %s\n",
			table->module, def->name, total, def->help, table->module, def->name, total,
			def->kind == MR_METRIC_COUNTER ? "counter" : "gauge");
	self->last = def;
	fprintf(self->out, "millrace_%s_%s%s{scope=\"%s\"} %" PRIu64 "\n", table->module, def->name,
		total, scope, value);
}

static void
page_histogram(void *context, const struct mr_histogram_def *def, const char *scope,
	       const struct mr_histogram *histogram)
{
	struct page *self = context;
	struct mr_histogram *copy = calloc(1, sizeof(*copy));
	uint64_t below = 0;
	unsigned bucket = 0;

	if (!copy)
		return;
	mr_histogram_merge(copy, histogram);
	if (self->last != def)
		fprintf(self->out,
			"# HELP millrace_%s_%s_seconds %s\n"
			"# TYPE millrace_%s_%s_seconds histogram\n",
			def->module, def->name, def->help, def->module, def->name);
	self->last = def;
	/* a bucket that ends at a bound lies below it whole */
	for (unsigned bits = LEAST_BITS; bits <= MOST_BITS; bits++) {
		while (bucket < MR_HISTOGRAM_BUCKETS && mr_histogram_upper(bucket) <= 1ull << bits)
			below += copy->counts[bucket++];
		fprintf(self->out,
			"millrace_%s_%s_seconds_bucket{scope=\"%s\",le=\"%.9f\"} %" PRIu64 "\n",
			def->module, def->name, scope, (double)(1ull << bits) / 1e9, below);
	}
	fprintf(self->out,
		"millrace_%s_%s_seconds_bucket{scope=\"%s\",le=\"+Inf\"} %" PRIu64 "\n"
		"millrace_%s_%s_seconds_sum{scope=\"%s\"} %.9f\n"
		"millrace_%s_%s_seconds_count{scope=\"%s\"} %" PRIu64 "\n",
		def->module, def->name, scope, mr_histogram_count(copy), def->module, def->name,
		scope, (double)copy->sum / 1e9, def->module, def->name, scope,
		mr_histogram_count(copy));
	free(copy);
}

/* page_zone writes name as a label's value: a backslash is written twice. */
static void
page_zone(struct page *self, const char *name, const uint64_t counts[MR_DNS_ZONE_COUNTS])
{
	for (enum mr_dns_zone_count which = 0; which < MR_DNS_ZONE_COUNTS; which++) {
		fputs("millrace_zone_queries_total{zone=\"", self->out);
		for (const char *c = name; *c; c++)
			fprintf(self->out, *c == '\\' || *c == '"' ? "\\%c" : "%c", *c);
		fprintf(self->out, "\",result=\"%s\"} %" PRIu64 "\n", mr_dns_zone_count_name(which),
			counts[which]);
	}
}

static void
page_zones(struct page *self, const struct worlds *worlds)
{
	const struct world *world = worlds->running;
	uint64_t counts[MR_DNS_ZONE_COUNTS];

	if (!worlds->counters)
		return;
	fputs("# HELP millrace_zone_queries_total Questions for names in a zone, by what became of "
	      "them; truncated: of these, sent with TC; no zone: all zones without counters\n"
	      "# TYPE millrace_zone_queries_total counter\n",
	      self->out);
	for (size_t i = 0; i < world->zone_count; i++) {
		uint32_t counter = world->zones[i].zone->counter;

		if (!counter)
			continue;
		world_counts(worlds, counter, counts);
		page_zone(self, world->config->dns.zones[i].name, counts);
	}
	world_counts(worlds, 0, counts);
	page_zone(self, "", counts);
}

json_t *
command_show_metrics(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	char *text = NULL;
	size_t bytes = 0;
	struct page page = { .out = open_memstream(&text, &bytes) };
	json_t *result = NULL;

	(void)call;
	if (page.out) {
		mr_metric_visit(self->box.group->metrics, page_counter, &page);
		mr_metric_visit_histograms(self->box.group->metrics, page_histogram, &page);
		page_zones(&page, &self->worlds);
	}
	if (page.out && !fclose(page.out))
		result = json_pack("{ss}", "text", text);
	free(text);
	if (!result)
		(void)mr_error_set(error, -ENOMEM, "out of memory");
	return result;
}

/* ---- latency ---- */

struct latency {
	const struct mr_histogram_def *def;
	struct mr_histogram *sum; /* of all scopes of def */
	json_t *rows;
};

static void
latency_row(struct latency *self)
{
	const struct mr_histogram *sum = self->sum;

	if (!self->def)
		return;
	json_array_append_new(self->rows,
			      json_pack("{ss ss sI sI sI sI sI sI ss}", "module", self->def->module,
					"metric", self->def->name, "count",
					(json_int_t)mr_histogram_count(sum), "p50_ns",
					(json_int_t)mr_histogram_quantile(sum, 0.5), "p90_ns",
					(json_int_t)mr_histogram_quantile(sum, 0.9), "p99_ns",
					(json_int_t)mr_histogram_quantile(sum, 0.99), "p999_ns",
					(json_int_t)mr_histogram_quantile(sum, 0.999), "max_ns",
					(json_int_t)sum->max, "help", self->def->help));
}

static void
latency_visit(void *context, const struct mr_histogram_def *def, const char *scope,
	      const struct mr_histogram *histogram)
{
	struct latency *self = context;

	(void)scope;
	if (self->def != def) { /* the scopes of one def come together */
		latency_row(self);
		memset(self->sum, 0, sizeof(*self->sum));
		self->def = def;
	}
	mr_histogram_merge(self->sum, histogram);
}

json_t *
command_show_latency(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	struct latency latency = { .sum = calloc(1, sizeof(*latency.sum)), .rows = json_array() };

	(void)call;
	if (!latency.sum) {
		(void)mr_error_set(error, -ENOMEM, "out of memory");
		json_decref(latency.rows);
		return NULL;
	}
	mr_metric_visit_histograms(self->box.group->metrics, latency_visit, &latency);
	latency_row(&latency);
	free(latency.sum);
	return json_pack("{so}", "latency", latency.rows);
}
