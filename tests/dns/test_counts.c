/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/test_counts - each question is in one class of its zone's counters.
 */
#include "fixture.h"

enum { LINES = 3 };

static struct fixture f;
static struct mr_dns_zone_line lines[LINES];

static const struct {
	const char *name;
	uint16_t type;
	uint8_t transport;
	uint8_t line;
	enum mr_dns_zone_count which;
	bool truncated;
} cases[] = {
	{ "ns.one.", 1, MR_DNS_UDP, 1, MR_DNS_ZONE_ANSWER, false },
	{ "ns.one.", 1, MR_DNS_TCP, 1, MR_DNS_ZONE_ANSWER, false },
	{ "ns.one.", 28, MR_DNS_UDP, 1, MR_DNS_ZONE_NODATA, false },
	{ "no.one.", 1, MR_DNS_UDP, 1, MR_DNS_ZONE_NXDOMAIN, false },
	{ "x.sub.one.", 1, MR_DNS_UDP, 1, MR_DNS_ZONE_REFERRAL, false },
	{ "alias.one.", 1, MR_DNS_UDP, 1, MR_DNS_ZONE_ANSWER, false },
	{ "gone.one.", 1, MR_DNS_UDP, 1, MR_DNS_ZONE_NXDOMAIN, false },
	{ "big.one.", 16, MR_DNS_UDP, 1, MR_DNS_ZONE_ANSWER, true },
	{ "big.one.", 16, MR_DNS_TCP, 1, MR_DNS_ZONE_ANSWER, false },
	{ "ns.two.", 1, MR_DNS_UDP, 2, MR_DNS_ZONE_ANSWER, false },
	{ "to.two.", 1, MR_DNS_UDP, 2, MR_DNS_ZONE_ANSWER, false }, /* into one.: the question's */
	{ "ns.three.", 1, MR_DNS_UDP, 0, MR_DNS_ZONE_ANSWER, false },
};

#define APEX(zone)                                                                  \
	zone " 60 IN SOA ns." zone " h. 1 1 1 1 1\n" zone " 60 IN NS ns." zone "\n" \
	     "ns." zone " 60 IN A 192.0.2.1\n"

static void
open_zones(void)
{
	char text[4096] = APEX("one.") "sub.one. 60 IN NS ns.sub.one.\n"
				       "ns.sub.one. 60 IN A 192.0.2.2\n"
				       "alias.one. 60 IN CNAME ns.one.\n"
				       "gone.one. 60 IN CNAME no.one.\n";

	for (unsigned i = 0; i < 4; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "big.one. 60 IN TXT \"%u%0200u\"\n", i, 0);
	fixture_open(&f);
	fixture_zone(&f, "one.", text);
	fixture_zone(&f, "two.", APEX("two.") "to.two. 60 IN CNAME ns.one.\n");
	fixture_zone(&f, "three.", APEX("three."));
	mr_zone_counter_set(f.zones[0], 1);
	mr_zone_counter_set(f.zones[1], 2);
	fixture_set(&f);
}

static void
test_each_question_is_counted_once(void **state)
{
	(void)state;
	open_zones();
	f.dns.zone_lines = lines;
	f.dns.zone_line_count = LINES;
	for (size_t i = 0; i < MR_ARRAY_COUNT(cases); i++) {
		struct ask ask = { .transport = cases[i].transport };

		memset(lines, 0, sizeof(lines));
		ldns_pkt_free(fixture_ask(&f, cases[i].name, cases[i].type, &ask));
		for (unsigned line = 0; line < LINES; line++)
			for (unsigned which = 0; which < MR_DNS_ZONE_COUNTS; which++) {
				bool mine =
					line == cases[i].line &&
					(which == cases[i].which ||
					 (which == MR_DNS_ZONE_TRUNCATED && cases[i].truncated));

				if (lines[line].counts[which] != (uint64_t)mine)
					fail_msg("case %zu: line %u, %s: %lu", i, line,
						 mr_dns_zone_count_name(which),
						 (unsigned long)lines[line].counts[which]);
			}
	}
	memset(lines, 0, sizeof(lines));
	ldns_pkt_free(fixture_ask(&f, "elsewhere.", 1, NULL)); /* in no zone */
	for (unsigned i = 0; i < LINES * MR_DNS_ZONE_COUNTS; i++)
		assert_int_equal(lines[i / MR_DNS_ZONE_COUNTS].counts[i % MR_DNS_ZONE_COUNTS], 0);
	fixture_close(&f);
}

static void
test_nothing_is_counted_without_lines(void **state)
{
	(void)state;
	open_zones();
	ldns_pkt_free(fixture_ask(&f, "ns.one.", 1, NULL));
	assert_int_equal(f.metrics[MR_DNS_rcode_noerror], 1);
	fixture_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_question_is_counted_once),
		cmocka_unit_test(test_nothing_is_counted_without_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
