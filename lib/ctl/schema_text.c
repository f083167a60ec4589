/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/schema_text - what the table says of each key: what is expected there, as text and as JSON.
 */
#include <inttypes.h>
#include <string.h>

#include "ctl/schema.h"

static const char *
expected_choice(const struct mr_schema_row *row, char out[MR_SCHEMA_EXPECTED_BYTES])
{
	struct mr_writer writer = mr_writer_over(out, MR_SCHEMA_EXPECTED_BYTES - 1);

	for (const struct mr_schema_choice *choice = row->choices; choice->text; choice++) {
		const char *joint = choice == row->choices ? "" : choice[1].text ? ", " : " or ";

		mr_writer_bytes(&writer, joint, strlen(joint));
		mr_writer_bytes(&writer, choice->text, strlen(choice->text));
	}
	*writer.at = 0;
	return out;
}

static const char *
expected_text(const char *what, const struct mr_schema_row *row, char out[MR_SCHEMA_EXPECTED_BYTES])
{
	snprintf(out, MR_SCHEMA_EXPECTED_BYTES, "%s of %s%" PRIu64 " characters", what,
		 row->low ? "1 to " : "at most ", row->high);
	return out;
}

const char *
mr_schema_expected(const struct mr_schema_row *row, char out[MR_SCHEMA_EXPECTED_BYTES])
{
	char low[MR_UNITS_TEXT_BYTES], high[MR_UNITS_TEXT_BYTES];

	switch (row->type) {
	case MR_SCHEMA_MAP:
		return "a mapping (key: value)";
	case MR_SCHEMA_LIST:
		snprintf(out, MR_SCHEMA_EXPECTED_BYTES,
			 "a list of %" PRIu64 " to %" PRIu64 " entries", row->low, row->high);
		return out;
	case MR_SCHEMA_NAME:
		return expected_text("a name (letters, digits, '-', '_', '.')", row, out);
	case MR_SCHEMA_PATH:
	case MR_SCHEMA_KIND_PATH:
		return expected_text("a file name", row, out);
	case MR_SCHEMA_KIND_PCI:
		return "a PCI address like 0000:03:00.0";
	case MR_SCHEMA_KIND:
		return expected_text("an interface name", row, out);
	case MR_SCHEMA_DOMAIN:
		return "a domain name";
	case MR_SCHEMA_TEXT:
		return expected_text("a text", row, out);
	case MR_SCHEMA_LISTEN:
		return "PORT, ADDRESS:PORT or [ADDRESS]:PORT";
	case MR_SCHEMA_SERVER:
		return "HOST, HOST:PORT or [ADDRESS]:PORT";
	case MR_SCHEMA_STATUS:
		return "a status like 200, or a range like 200-299";
	case MR_SCHEMA_BOOL:
		return "on or off";
	case MR_SCHEMA_U16:
	case MR_SCHEMA_U32:
		snprintf(out, MR_SCHEMA_EXPECTED_BYTES, "a number from %" PRIu64 " to %" PRIu64,
			 row->low, row->high);
		return out;
	case MR_SCHEMA_SIZE:
		snprintf(out, MR_SCHEMA_EXPECTED_BYTES, "a size from %s to %s, like 64MiB",
			 mr_units_format_bytes(row->low, low),
			 mr_units_format_bytes(row->high, high));
		return out;
	case MR_SCHEMA_DURATION:
		snprintf(out, MR_SCHEMA_EXPECTED_BYTES, "a duration of at most %s, like 10ms",
			 mr_units_format_duration(row->high, high));
		return out;
	case MR_SCHEMA_RATE:
		return "a rate in bit, kbit, Mbit or Gbit a second, like 10Mbit";
	case MR_SCHEMA_PERCENT:
		return "a percentage from 0% to 100%, like 0.5%";
	case MR_SCHEMA_CHOICE:
		return expected_choice(row, out);
	case MR_SCHEMA_PREFIX:
		return "a network (192.0.2.0/24, 2001:db8::/32) or an address";
	case MR_SCHEMA_ADDR:
		return "an IPv4 or IPv6 address";
	case MR_SCHEMA_MAC:
		return "an Ethernet address like 02:00:00:00:00:01";
	case MR_SCHEMA_VLAN:
		return "a number from 0 to 4094, or OUTER/INNER from 1/1 to 4094/4094";
	case MR_SCHEMA_NEXT_HOP:
		return "ADDRESS or ADDRESS@VLAN";
	}
	return "";
}

static const char *
apply_text(const struct mr_schema_row *row)
{
	switch (row->apply) {
	case MR_SCHEMA_BOOT:
		return "restart";
	case MR_SCHEMA_LIVE:
		return "live";
	}
	return "";
}

json_t *
mr_schema_json(void)
{
	json_t *list = json_array();

	for (size_t i = 0; mr_schema_at(i); i++) {
		const struct mr_schema_row *row = mr_schema_at(i);
		char expected[MR_SCHEMA_EXPECTED_BYTES];

		json_array_append_new(
			list, json_pack("{ss ss ss* ss* ss* sb ss}", "key", row->path, "value",
					mr_schema_expected(row, expected), "default",
					row->fallback && *row->fallback ? row->fallback : NULL,
					"unit", row->unit, "applies",
					row->type == MR_SCHEMA_MAP ? NULL : apply_text(row),
					"required", row->required, "help", row->help));
	}
	return list;
}

void
mr_schema_print(FILE *out)
{
	for (size_t i = 0; mr_schema_at(i); i++) {
		const struct mr_schema_row *row = mr_schema_at(i);
		char expected[MR_SCHEMA_EXPECTED_BYTES];

		if (row->type == MR_SCHEMA_MAP) {
			if (!strchr(row->path, '['))
				fprintf(out, "\n%s: %s\n", row->path, row->help);
			continue;
		}
		fprintf(out, "  %-24s %s\n", row->path, row->help);
		fprintf(out, "  %-24s   %s", "", mr_schema_expected(row, expected));
		if (row->unit && *row->unit)
			fprintf(out, " [%s]", row->unit);
		if (row->required)
			fprintf(out, "; required");
		else if (row->fallback && *row->fallback)
			fprintf(out, "; default %s", row->fallback);
		fprintf(out, "; %s\n",
			row->apply == MR_SCHEMA_LIVE ? "changed by `config load`"
						     : "changed by a restart");
	}
}
