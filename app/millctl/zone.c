/* SPDX-License-Identifier: Apache-2.0
 *
 * millctl/zone - the words of `zone check`, and how findings are printed.
 */
#include "zone.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl/ctl.h"
#include "exit.h"
#include "render.h"
#include "zone/zone.h"

struct printer {
	json_t *list; /* NULL: lines to standard output */
};

static void
on_finding(void *context, const struct mr_zone_finding *finding)
{
	struct printer *self = context;
	const char *level = finding->warning ? "warning" : "error";
	const char *rule = mr_zone_check_name(finding->rule);

	if (!self->list) {
		printf("%s [%s] %s\n", level, rule, finding->text);
		return;
	}
	json_array_append_new(self->list,
			      json_pack("{ss ss so}", "level", level, "rule", rule, "text",
					json_stringn_nocheck(finding->text,
							     strlen(finding->text))));
}

/* What was found more often than it was told. */
static void
print_more(const struct mr_zone_check_result *result)
{
	for (unsigned rule = 0; rule < MR_ZONE_CHECK_COUNT; rule++)
		if (result->found[rule] > MR_ZONE_CHECK_SHOWN)
			printf("%s [%s] and %" PRIu64 " more of these\n",
			       rule == MR_ZONE_CHECK_REFUSED ? "error" : "warning",
			       mr_zone_check_name((enum mr_zone_check_rule)rule),
			       result->found[rule] - MR_ZONE_CHECK_SHOWN);
}

static void
print_summary(const struct printer *printer, const char *file,
	      const struct mr_zone_check_result *result)
{
	json_t *value;

	if (!printer->list) {
		print_more(result);
		printf("%s: zone %s serial %" PRIu32 ", %" PRIu64 " records, %" PRIu64
		       " errors, %" PRIu64 " warnings: %s\n",
		       file, result->origin, result->serial, result->records, result->errors,
		       result->warnings,
		       result->errors     ? "it would be refused"
		       : result->warnings ? "it would be served"
					  : "OK");
		return;
	}
	value = json_pack("{ss ss sI sI sI sI sI sO}", "file", file, "origin", result->origin,
			  "serial", (json_int_t)result->serial, "records",
			  (json_int_t)result->records, "names", (json_int_t)result->names, "errors",
			  (json_int_t)result->errors, "warnings", (json_int_t)result->warnings,
			  "findings", printer->list);
	render_json(stdout, value);
	json_decref(value);
}

int
zone_check(const json_t *args, bool json, struct mr_error *error)
{
	const char *words[MR_COMMAND_WORDS_MAX], *file = NULL, *origin = NULL;
	size_t count = mr_command_words(json_object_get(args, "file"), words);
	struct printer printer = { json ? json_array() : NULL };
	struct mr_zone_check_result result;
	bool strict = false;
	int status = EXIT_USAGE;

	for (size_t i = 0; i < count && !error->code; i++) {
		if (!strcmp(words[i], "--strict"))
			strict = true;
		else if (!strcmp(words[i], "--origin") && i + 1 < count)
			origin = words[++i];
		else if (words[i][0] != '-' && !file)
			file = words[i];
		else
			(void)mr_error_set(error, -EINVAL, "zone check: '%.64s' is not understood",
					   words[i]);
	}
	if (!error->code && !file)
		(void)mr_error_set(error, -EINVAL, "zone check: which file?");
	if (!error->code) {
		status = EXIT_FAILED;
		if (!mr_zone_check(file, origin, (int64_t)time(NULL), on_finding, &printer, &result,
				   error)) {
			print_summary(&printer, file, &result);
			status = result.errors || (strict && result.warnings) ? EXIT_FAILED
									      : EXIT_DONE;
		}
	}
	json_decref(printer.list);
	return status;
}
