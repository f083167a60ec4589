/* SPDX-License-Identifier: Apache-2.0
 *
 * millctl/render - views (one table of columns per list) and how a value of each format looks.
 */
#include "render.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "ctl/ctl.h"

enum format { TEXT, COUNT, BYTES, DURATION, RATE, YES };

/* A column of a table or a field of an object; key is a path: "ports.up". */
struct column {
	const char *key, *title;
	enum format format;
};

enum { COLUMN_MAX = 20, CELL_BYTES = 1100 };

struct view {
	const char *command;
	const char *list;  /* key of the list of rows; NULL: the result's own fields */
	const char *title; /* printed before, when there is more than one view */
	const char *empty; /* instead of an empty table; NULL: nothing is printed */
	struct column columns[COLUMN_MAX];
};

#define ZONE_COLUMNS                                                                       \
	{                                                                                  \
		{ "name", "ZONE", TEXT }, { "serial", "SERIAL", TEXT },                    \
			{ "records", "RECORDS", COUNT }, { "names", "NAMES", COUNT },      \
			{ "bytes", "MEMORY", BYTES }, { "queries", "QUERIES", COUNT },     \
			{ "load_ns", "READ IN", DURATION }, { "loaded", "READ AT", TEXT }, \
			{ "file", "FILE", TEXT },                                          \
	}

#define CHANGE_COLUMNS                                                                  \
	{                                                                               \
		{ "key", "KEY", TEXT }, { "from", "FROM", TEXT }, { "to", "TO", TEXT }, \
			{ "applies", "APPLIES", TEXT },                                 \
	}

static const struct view views[] = {
	{ "status",
	  NULL,
	  NULL,
	  NULL,
	  { { "name", "instance", TEXT },
	    { "version", "version", TEXT },
	    { "pid", "process", TEXT },
	    { "uptime_ns", "up for", DURATION },
	    { "config", "configuration", TEXT },
	    { "generation", "generation", TEXT },
	    { "hugepages", "hugepages", YES },
	    { "draining", "draining", YES },
	    { "workers.running", "workers running", COUNT },
	    { "workers.stalled", "workers stalled", COUNT },
	    { "ports.up", "ports up", COUNT },
	    { "ports.count", "ports", COUNT },
	    { "zones.count", "zones", COUNT },
	    { "zones.records", "records", COUNT },
	    { "queries", "queries", COUNT },
	    { "queries_per_s", "queries now", RATE },
	    { "transaction.what", "at work on", TEXT } } },
	{ "drain", NULL, NULL, NULL, { { "draining", "draining", YES } } },
	{ "show workers",
	  "workers",
	  NULL,
	  "no workers",
	  { { "worker", "WORKER", TEXT },
	    { "cpu", "CPU", TEXT },
	    { "state", "STATE", TEXT },
	    { "heartbeat_ns", "LAST TURN", DURATION },
	    { "generation", "GENERATION", COUNT },
	    { "turns", "BUSY TURNS", COUNT },
	    { "turn_p50_ns", "P50", DURATION },
	    { "turn_p99_ns", "P99", DURATION },
	    { "turn_max_ns", "MAX", DURATION } } },
	{ "show turns",
	  "turns",
	  NULL,
	  "no turn has done anything yet",
	  { { "worker", "WORKER", TEXT },
	    { "which", "TURN", TEXT },
	    { "spent_ns", "TOOK", DURATION },
	    { "age_ns", "AGO", DURATION },
	    { "did", "DID", TEXT } } },
	{ "show ports",
	  "ports",
	  NULL,
	  "no ports",
	  { { "name", "PORT", TEXT },
	    { "kind", "KIND", TEXT },
	    { "target", "DEVICE", TEXT },
	    { "link", "LINK", TEXT },
	    { "mac", "ADDRESS", TEXT },
	    { "mtu", "MTU", TEXT },
	    { "queues", "QUEUES", COUNT },
	    { "rx_frames", "RX", COUNT },
	    { "rx_bytes", "RX BYTES", BYTES },
	    { "rx_lost", "RX LOST", COUNT },
	    { "tx_frames", "TX", COUNT },
	    { "tx_bytes", "TX BYTES", BYTES },
	    { "tx_errors", "TX ERRORS", COUNT } } },
	{ "show latency",
	  "latency",
	  NULL,
	  "nothing is timed",
	  { { "module", "OF", TEXT },
	    { "metric", "TIME", TEXT },
	    { "count", "COUNT", COUNT },
	    { "p50_ns", "P50", DURATION },
	    { "p90_ns", "P90", DURATION },
	    { "p99_ns", "P99", DURATION },
	    { "p999_ns", "P99.9", DURATION },
	    { "max_ns", "MAX", DURATION } } },
	{ "show metrics", NULL, NULL, NULL, { { NULL, NULL, TEXT } } },
	{ "trace query",
	  NULL,
	  NULL,
	  NULL,
	  { { "client", "client", TEXT },
	    { "transport", "over", TEXT },
	    { "outcome", "outcome", TEXT },
	    { "rrl", "rate limit", TEXT } } },
	{ "trace query",
	  "steps",
	  NULL,
	  "nothing is looked up",
	  { { "name", "NAME", TEXT },
	    { "zone", "ZONE", TEXT },
	    { "node", "AT", TEXT },
	    { "step", "STEP", TEXT } } },
	{ "show rrl",
	  "prefixes",
	  NULL,
	  "nobody is rate limited",
	  { { "prefix", "NETWORK", TEXT },
	    { "class", "CLASS", TEXT },
	    { "worker", "WORKER", TEXT },
	    { "limited", "LIMITED", COUNT },
	    { "since_ns", "SINCE", DURATION },
	    { "last_ns", "LAST", DURATION } } },
	{ "show zones", "zones", NULL, "no zones", ZONE_COLUMNS },
	{ "show sites",
	  "sites",
	  NULL,
	  "no sites",
	  { { "name", "SITE", TEXT },
	    { "listen", "LISTEN", TEXT },
	    { "hosts", "HOSTS", TEXT },
	    { "routes", "ROUTES", COUNT },
	    { "files", "FILES", COUNT },
	    { "bytes", "BYTES", BYTES },
	    { "skipped", "SKIPPED", COUNT },
	    { "requests", "REQUESTS", COUNT },
	    { "status_4xx", "4XX", COUNT },
	    { "status_5xx", "5XX", COUNT },
	    { "sent_bytes", "SENT", BYTES },
	    { "time_p99_ns", "P99", DURATION } } },
	{ "log reopen", NULL, NULL, NULL, { { "asked", "asked", YES } } },
	{ "origin list",
	  "origins",
	  NULL,
	  "no upstreams",
	  { { "upstream", "UPSTREAM", TEXT },
	    { "server", "SERVER", TEXT },
	    { "address", "ADDRESS", TEXT },
	    { "state", "STATE", TEXT },
	    { "check", "LAST CHECK", TEXT },
	    { "checked_ns", "AGO", DURATION },
	    { "ejections", "EJECTED", COUNT },
	    { "active", "ACTIVE", COUNT },
	    { "open", "OPEN", COUNT },
	    { "exchanges", "REQUESTS", COUNT },
	    { "failed", "FAILED", COUNT },
	    { "connect_failed", "REFUSED", COUNT },
	    { "latency_ns", "LATENCY", DURATION },
	    { "weight", "WEIGHT", TEXT } } },
	{ "origin list",
	  "names",
	  "names:",
	  NULL,
	  { { "name", "NAME", TEXT },
	    { "addresses", "ADDRESSES", COUNT },
	    { "next_ns", "ASKED AGAIN IN", DURATION },
	    { "failures", "FAILURES", COUNT },
	    { "fault", "LAST FAILURE", TEXT } } },
	{ "origin drain", NULL, NULL, NULL, { { "origins", "origins drained", COUNT } } },
	{ "origin disable", NULL, NULL, NULL, { { "origins", "origins disabled", COUNT } } },
	{ "origin enable", NULL, NULL, NULL, { { "origins", "origins enabled", COUNT } } },
	{ "zone list", "zones", NULL, "no zones", ZONE_COLUMNS },
	{ "zone reload", "zones", NULL, "no zones", ZONE_COLUMNS },
	{ "zone show",
	  NULL,
	  NULL,
	  NULL,
	  { { "zone.name", "zone", TEXT },
	    { "zone.serial", "serial", TEXT },
	    { "zone.records", "records", COUNT },
	    { "zone.rrsets", "record sets", COUNT },
	    { "zone.names", "names", COUNT },
	    { "zone.bytes", "memory", BYTES },
	    { "zone.file", "file", TEXT },
	    { "zone.loaded", "read at", TEXT },
	    { "zone.load_ns", "read in", DURATION },
	    { "zone.queries", "queries", COUNT },
	    { "zone.results.answer", "answered", COUNT },
	    { "zone.results.nodata", "no such type", COUNT },
	    { "zone.results.nxdomain", "no such name", COUNT },
	    { "zone.results.referral", "referred", COUNT },
	    { "zone.results.fail", "failed", COUNT },
	    { "zone.results.truncated", "truncated", COUNT } } },
	{ "show counters",
	  "counters",
	  NULL,
	  "no counters yet (all are zero)",
	  { { "counter", "COUNTER", TEXT },
	    { "value", "VALUE", COUNT },
	    { "unit", "UNIT", TEXT },
	    { "help", "WHAT", TEXT } } },
	{ "show memory",
	  "memory",
	  NULL,
	  NULL,
	  { { "memory", "MEMORY", TEXT },
	    { "used", "USED", BYTES },
	    { "peak", "PEAK", BYTES },
	    { "limit", "LIMIT", BYTES },
	    { "object_bytes", "EACH", COUNT } } },
	{ "show memory",
	  NULL,
	  NULL,
	  NULL,
	  { { "zones.records", "records", COUNT },
	    { "zones.bytes", "their memory", BYTES },
	    { "zones.bytes_per_record", "bytes per record", TEXT } } },
	{ "show neighbours",
	  "neighbours",
	  NULL,
	  "no next hops are configured",
	  { { "address", "NEXT HOP", TEXT },
	    { "port", "PORT", TEXT },
	    { "vlan", "VLAN", TEXT },
	    { "mac", "ADDRESS", TEXT },
	    { "state", "STATE", TEXT },
	    { "age_ns", "AGE", DURATION } } },
	{ "show connections",
	  "connections",
	  NULL,
	  "no connections",
	  { { "worker", "WORKER", TEXT },
	    { "state", "STATE", TEXT },
	    { "local", "LOCAL", TEXT },
	    { "remote", "REMOTE", TEXT },
	    { "app", "SERVICE", TEXT } } },
	{ "show connections", NULL, NULL, NULL, { { "total", "in all", COUNT } } },
	{ "config check", "changes", NULL, "OK; nothing would change", CHANGE_COLUMNS },
	{ "config check", NULL, NULL, NULL, { { "needs_restart", "needs a restart", YES } } },
	{ "config load", "changes", "changed:", "nothing has changed", CHANGE_COLUMNS },
	{ "config load", "zones", "read:", NULL, ZONE_COLUMNS },
	{ "config schema",
	  "keys",
	  NULL,
	  NULL,
	  { { "key", "KEY", TEXT },
	    { "value", "VALUE", TEXT },
	    { "default", "DEFAULT", TEXT },
	    { "unit", "UNIT", TEXT },
	    { "applies", "APPLIES", TEXT },
	    { "help", "WHAT", TEXT } } },
	{ "stop", NULL, NULL, NULL, { { "stopping", "stopping", YES } } },
};

/* ---- cells ---- */

static const json_t *
value_at(const json_t *from, const char *path)
{
	char key[64];

	while (from) {
		size_t bytes = strcspn(path, ".");

		snprintf(key, sizeof(key), "%.*s", (int)bytes, path);
		from = json_object_get(from, key);
		if (!path[bytes])
			break;
		path += bytes + 1;
	}
	return from;
}

/* 1234567 as "1 234 567": what a person can read. */
static void
format_count(json_int_t value, char *cell)
{
	char digits[32];
	size_t count = (size_t)snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT, value);
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		if (i && (count - i) % 3 == 0 && digits[i - 1] != '-')
			cell[used++] = ' ';
		cell[used++] = digits[i];
	}
	cell[used] = 0;
}

static void
format_duration(uint64_t ns, char *cell)
{
	uint64_t s = ns / MR_NS_PER_S;

	if (s >= 86400)
		snprintf(cell, CELL_BYTES, "%" PRIu64 "d %" PRIu64 "h", s / 86400,
			 s % 86400 / 3600);
	else if (s >= 3600)
		snprintf(cell, CELL_BYTES, "%" PRIu64 "h %" PRIu64 "m", s / 3600, s % 3600 / 60);
	else if (s >= 60)
		snprintf(cell, CELL_BYTES, "%" PRIu64 "m %" PRIu64 "s", s / 60, s % 60);
	else if (ns)
		mr_units_format_duration(ns, cell);
	else
		strcpy(cell, "0");
}

static void
format_text(const json_t *value, char *cell)
{
	char *text;

	if (json_is_string(value)) {
		snprintf(cell, CELL_BYTES, "%s", json_string_value(value));
		return;
	}
	if (json_is_real(value)) {
		snprintf(cell, CELL_BYTES, "%.1f", json_real_value(value));
		return;
	}
	text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	snprintf(cell, CELL_BYTES, "%s", text ? text : "?");
	free(text);
}

static void
format_cell(const struct column *column, const json_t *row, char cell[CELL_BYTES])
{
	const json_t *value = value_at(row, column->key);

	cell[0] = 0;
	if (!value || json_is_null(value)) {
		strcpy(cell, "-");
		return;
	}
	switch (column->format) {
	case TEXT:
		format_text(value, cell);
		return;
	case COUNT:
		format_count(json_integer_value(value), cell);
		return;
	case RATE:
		format_count(json_integer_value(value), cell);
		strcat(cell, "/s");
		return;
	case BYTES:
		mr_units_format_bytes((uint64_t)json_integer_value(value), cell);
		return;
	case DURATION:
		format_duration((uint64_t)json_integer_value(value), cell);
		return;
	case YES:
		strcpy(cell, json_is_true(value) ? "yes" : "no");
		return;
	}
}

/* ---- tables and fields ---- */

static size_t
column_count(const struct view *view)
{
	size_t count = 0;

	while (count < COLUMN_MAX && view->columns[count].key)
		count++;
	return count;
}

static void
render_fields(FILE *out, const struct view *view, const json_t *result)
{
	char cell[CELL_BYTES];
	int width = 0;

	for (size_t i = 0; i < column_count(view); i++)
		width = MR_MAX(width, (int)strlen(view->columns[i].title));
	for (size_t i = 0; i < column_count(view); i++) {
		const json_t *value = value_at(result, view->columns[i].key);

		if (!value || json_is_null(value))
			continue;
		format_cell(&view->columns[i], result, cell);
		fprintf(out, "%-*s  %s\n", width, view->columns[i].title, cell);
	}
}

static void
render_table(FILE *out, const struct view *view, const json_t *list)
{
	size_t count = column_count(view), i;
	int widths[COLUMN_MAX];
	char cell[CELL_BYTES];
	json_t *row;

	for (size_t c = 0; c < count; c++)
		widths[c] = (int)strlen(view->columns[c].title);
	json_array_foreach(list, i, row) for (size_t c = 0; c < count; c++)
	{
		format_cell(&view->columns[c], row, cell);
		widths[c] = MR_MAX(widths[c], (int)strlen(cell));
	}
	for (size_t c = 0; c < count; c++) {
		bool right = view->columns[c].format != TEXT;

		/* the last column is not padded */
		fprintf(out, "%*s%s",
			right           ? widths[c]
			: c + 1 < count ? -widths[c]
					: 0,
			view->columns[c].title, c + 1 < count ? "  " : "\n");
	}
	json_array_foreach(list, i, row) for (size_t c = 0; c < count; c++)
	{
		bool right = view->columns[c].format != TEXT;

		format_cell(&view->columns[c], row, cell);
		fprintf(out, "%*s%s",
			right           ? widths[c]
			: c + 1 < count ? -widths[c]
					: 0,
			cell, c + 1 < count ? "  " : "\n");
	}
}

void
render_json(FILE *out, const json_t *value)
{
	json_dumpf(value, out, JSON_INDENT(2) | JSON_ENCODE_ANY);
	fputc('\n', out);
}

static void
render_view(FILE *out, const struct view *view, const json_t *result)
{
	const json_t *list = view->list ? json_object_get(result, view->list) : NULL;

	if (!view->list) {
		render_fields(out, view, result);
	} else if (json_array_size(list)) {
		if (view->title)
			fprintf(out, "%s\n", view->title);
		render_table(out, view, list);
	} else if (view->empty) {
		fprintf(out, "%s\n", view->empty);
	}
}

void
render_result(FILE *out, const char *name, const json_t *result)
{
	bool found = false;

	if (!strcmp(name, "config show")) {
		char *yaml = mr_config_yaml(json_object_get(result, "config"));

		fprintf(out, "# %s, with defaults\n%s",
			json_string_value(json_object_get(result, "file")), yaml ? yaml : "");
		free(yaml);
		return;
	}
	for (size_t i = 0; i < MR_ARRAY_COUNT(views); i++) {
		if (strcmp(views[i].command, name))
			continue;
		found = true;
		render_view(out, &views[i], result);
	}
	if (json_object_get(result, "text")) /* lines that are ready */
		fputs(json_string_value(json_object_get(result, "text")), out);
	if (!found)
		render_json(out, result);
}
