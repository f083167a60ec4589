/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/zone - writes the zone file that gives a pattern's answers.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dns.h"
#include "question.h"

/* zone_owner writes question number i's name as text. */
static void
zone_owner(const struct gen_question_set *set, uint32_t number, FILE *out)
{
	uint8_t wire[GEN_QUESTION_MAX_BYTES];
	unsigned at = 0;

	(void)gen_question_write(set, number, wire);
	while (wire[at]) {
		for (unsigned i = 0; i < wire[at]; i++) {
			uint8_t byte = wire[at + 1 + i];

			if (byte <= 32 || byte >= 127)
				fprintf(out, "\\%03u", byte);
			else
				fprintf(out, strchr(".\\\"();@$", byte) ? "\\%c" : "%c", byte);
		}
		fputc('.', out);
		at += wire[at] + 1u;
	}
}

/* zone_apex writes the part of the pattern's name that has no number: the labels after its own. */
static void
zone_apex(const struct gen_question_set *set, char *out, size_t room)
{
	const uint8_t *at = set->tail;
	size_t used = 0;

	/* The tail begins inside the number's label. */
	at += set->head[set->label_offset] - (set->head_bytes - set->label_offset - 1);
	if (!*at)
		snprintf(out, room, ".");
	for (; *at; at += *at + 1)
		used += (size_t)snprintf(out + used, room - used, "%.*s.", *at,
					 (const char *)at + 1);
}

static void
zone_write(const struct gen_question_set *set, FILE *out)
{
	char apex[1024], text[MR_ADDR_TEXT_BYTES];
	uint8_t rdata[GEN_RDATA_MAX_BYTES];

	zone_apex(set, apex, sizeof(apex));
	fprintf(out,
		"; %u names of a pattern, written by millgen zone\n$ORIGIN %s\n$TTL 3600\n"
		"@ SOA ns.%s hostmaster.%s 1 7200 3600 1209600 300\n@ NS ns.%s\n"
		"ns.%s A 192.0.2.53\nns.%s AAAA 2001:db8::53\n",
		set->count, apex, apex, apex, apex, apex, apex);
	for (uint32_t i = 0; i < set->count; i++) {
		struct mr_addr addr;
		uint16_t bytes = gen_question_rdata(set->qtype, i, rdata);

		zone_owner(set, i, out);
		if (bytes == 4)
			addr = mr_addr_from_v4(rdata);
		else if (bytes == 16)
			addr = mr_addr_from_v6(rdata);
		if (bytes)
			fprintf(out, " %s %s\n", bytes == 4 ? "A" : "AAAA",
				mr_addr_format(&addr, text));
		else
			fprintf(out, " TXT \"%u\"\n", i);
	}
}

int
gen_zone_main(const struct gen_options *options, struct mr_error *error)
{
	struct gen_question_set set;
	FILE *out = stdout;
	int failed;

	if (!options->pattern) {
		mr_error_set(error, -EINVAL, "--pattern is missing");
		return GEN_EXIT_USAGE;
	}
	if (gen_question_pattern(&set, options->pattern, (uint32_t)options->count, error))
		return GEN_EXIT_USAGE;
	if (set.qtype != GEN_QTYPE_A && set.qtype != GEN_QTYPE_AAAA && set.qtype != GEN_QTYPE_TXT) {
		mr_error_set(error, -EINVAL, "only A, AAAA and TXT have a rule for their data");
		return GEN_EXIT_USAGE;
	}
	if (options->out)
		out = fopen(options->out, "we");
	if (!out) {
		mr_error_set(error, -errno, "%s: %s", options->out, strerror(errno));
		return GEN_EXIT_USAGE;
	}
	zone_write(&set, out);
	failed = ferror(out);
	failed |= options->out ? fclose(out) : fflush(out);
	if (failed) {
		mr_error_set(error, -EIO, "%s: cannot write",
			     options->out ? options->out : "standard output");
		return GEN_EXIT_USAGE;
	}
	return GEN_EXIT_OK;
}
