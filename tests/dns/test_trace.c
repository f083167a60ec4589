/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/trace - the same bytes as the answering code gives, and the steps that lead to them.
 */
#include "fixture.h"

#define ZONE                                                                                    \
	"example.com. 3600 IN SOA ns1.example.com. host.example.com. 7 7200 3600 1209600 300\n" \
	"example.com. 3600 IN NS ns1.example.com.\n"                                            \
	"ns1.example.com. 3600 IN A 192.0.2.1\n"                                                \
	"www.example.com. 60 IN CNAME ns1.example.com.\n"                                       \
	"loop.example.com. 60 IN CNAME loop.example.com.\n"                                     \
	"out.example.com. 60 IN CNAME www.example.net.\n"                                       \
	"*.wild.example.com. 60 IN TXT \"w\"\n"                                                 \
	"sub.example.com. 60 IN NS ns.sub.example.com.\n"                                       \
	"ns.sub.example.com. 60 IN A 192.0.2.9\n"                                               \
	"from.example.com. 60 IN DNAME wild.example.com.\n"

struct row {
	const char *name;
	uint16_t qtype;
	uint16_t steps[8]; /* in order; 0 ends */
};

#define IN_ZONE(mark) MR_DNS_TRACE_ZONE, MR_DNS_TRACE_##mark
static const struct row rows[] = {
	{ "ns1.example.com.", 1, { IN_ZONE(EXACT), MR_DNS_found_rrset } },
	{ "ns1.example.com.", 16, { IN_ZONE(EXACT), MR_DNS_found_nodata } },
	{ "none.example.com.", 1, { IN_ZONE(CLOSEST), MR_DNS_found_missing } },
	{ "www.example.com.",
	  1,
	  { IN_ZONE(EXACT), MR_DNS_found_cname, IN_ZONE(EXACT), MR_DNS_found_rrset } },
	{ "loop.example.com.", 1, { IN_ZONE(EXACT), MR_DNS_found_cname, MR_DNS_chain_loop } },
	{ "out.example.com.", 1, { IN_ZONE(EXACT), MR_DNS_found_cname, MR_DNS_found_outside } },
	{ "a.wild.example.com.",
	  16,
	  { IN_ZONE(CLOSEST), MR_DNS_found_wildcard, MR_DNS_found_rrset } },
	{ "a.sub.example.com.", 1, { IN_ZONE(CLOSEST), MR_DNS_found_referral } },
	{ "x.from.example.com.",
	  16,
	  { IN_ZONE(CLOSEST), MR_DNS_found_dname, IN_ZONE(CLOSEST), MR_DNS_found_wildcard,
	    MR_DNS_found_rrset } },
	{ "www.example.net.", 1, { MR_DNS_found_no_zone } },
	{ "example.com.", 252, { 0 } }, /* not looked up */
};

static void
test_steps_and_the_same_bytes(void **state)
{
	static struct mr_dns_trace trace;
	static uint8_t message[FIXTURE_BYTES + 64];
	struct fixture f;

	(void)state;
	fixture_open(&f);
	fixture_zone(&f, "example.com.", ZONE);
	fixture_set(&f);
	for (size_t i = 0; i < MR_ARRAY_COUNT(rows); i++) {
		for (int edns = 0; edns < 3; edns++) {
			ldns_rdf *wire = ldns_dname_new_frm_str(rows[i].name);
			const struct ask ask = { .edns_bytes = edns ? 1232 : 0,
						 .dnssec_ok = edns == 2 };
			struct mr_dns dns = { .config = &f.config };
			struct mr_dns_item item = { .message = message,
						    .room_bytes = FIXTURE_BYTES };
			unsigned count = 0;

			item.message_bytes =
				fixture_question(message, ldns_rdf_data(wire), ldns_rdf_size(wire),
						 rows[i].qtype, &ask);
			memcpy(f.message, message, item.message_bytes);
			item.client.addr = mr_addr_from_v4("\300\0\2\1");
			mr_dns_trace(&dns, f.set, &item, &trace);
			fixture_send(&f, item.message_bytes, &ask);
			assert_int_equal(item.outcome, MR_DNS_ANSWER);
			assert_int_equal(item.answer_bytes, f.answer_bytes);
			assert_memory_equal(message, f.message, f.answer_bytes);
			while (rows[i].steps[count]) {
				assert_int_equal(trace.steps[count].what, rows[i].steps[count]);
				assert_non_null(mr_dns_trace_text(rows[i].steps[count]));
				count++;
			}
			assert_int_equal(trace.count, count);
			assert_int_equal(trace.dnssec_ok, ask.dnssec_ok);
			ldns_rdf_deep_free(wire);
		}
	}
	fixture_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps_and_the_same_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
