/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/check - each rule found where it is, and not found where it is not.
 */
#include "text_fixture.h"

enum { NOW_S = 1700000000 }; /* 20231114221320 */

#define HEAD                                              \
	"$TTL 60\n"                                       \
	"@ SOA ns1 hostmaster 9 7200 3600 1209600 3600\n" \
	"@ NS ns1\n"                                      \
	"@ NS ns2.example.net.\n"                         \
	"ns1 A 192.0.2.1\n"

struct told {
	unsigned count;
	struct {
		enum mr_zone_check_rule rule;
		bool warning;
		char text[512];
	} findings[64];
};

static void
on_finding(void *context, const struct mr_zone_finding *finding)
{
	struct told *told = context;

	assert_true(told->count < MR_ARRAY_COUNT(told->findings));
	told->findings[told->count].rule = finding->rule;
	told->findings[told->count].warning = finding->warning;
	snprintf(told->findings[told->count++].text, 512, "%s", finding->text);
}

static void
check_text(struct fixture *self, const char *text, struct told *told,
	   struct mr_zone_check_result *result)
{
	struct mr_error error = { 0 };

	memset(told, 0, sizeof(*told));
	assert_int_equal(mr_zone_check(fixture_file(self, "zone", text), "example.com", NOW_S,
				       on_finding, told, result, &error),
			 0);
}

#define RRSIG(covers, expires, from) \
	"RRSIG " covers " 13 2 60 " expires " " from " 1234 example.com. AAAA\n"

/* What stands behind HEAD, and what has to be told of it: place and words. */
static const struct {
	const char *lines;
	enum mr_zone_check_rule rule;
	const char *says[2];
} cases[] = {
	{ "a CNAME b\nb CNAME a\n", MR_ZONE_CHECK_CNAME_LOOP, { "zone:6:1: a.", "zone:7:1: b." } },
	{ "a CNAME a\n", MR_ZONE_CHECK_CNAME_LOOP, { "zone:6:1: a." } },
	{ "a CNAME gone\n", MR_ZONE_CHECK_TARGET_MISSING, { "zone:6:1: a.", "gone.example.com." } },
	{ "a MX 5 gone\n", MR_ZONE_CHECK_TARGET_MISSING, { "zone:6:1: a." } },
	{ "a MX 5 t\nt TXT x\n", MR_ZONE_CHECK_TARGET_MISSING, { "no A or AAAA" } },
	{ "a SRV 1 1 1 gone\n", MR_ZONE_CHECK_TARGET_MISSING, { "zone:6:1: a." } },
	{ "a HTTPS 1 gone\n", MR_ZONE_CHECK_TARGET_MISSING, { "zone:6:1: a." } },
	{ "sub NS ns.sub\n", MR_ZONE_CHECK_MISSING_GLUE, { "zone:6:1: sub.", "as glue" } },
	{ "sub NS sub\n", MR_ZONE_CHECK_MISSING_GLUE, { "zone:6:1: sub." } },
	{ "sub NS al\nal CNAME ns1\n", MR_ZONE_CHECK_TARGET_ALIAS, { "zone:6:1: sub." } },
	{ " MX 5 al\nal CNAME ns1\n", MR_ZONE_CHECK_TARGET_ALIAS, { "zone:6:2: ns1." } },
	{ "d DNAME o.test.\na MX 5 x.d\n", MR_ZONE_CHECK_TARGET_ALIAS, { "zone:7:1: a." } },
	{ "a A 192.0.2.1\nA.example.com A 192.0.2.1\n",
	  MR_ZONE_CHECK_MISSING_DOT,
	  { "zone:7:1: A.example.com.example.com." } },
	{ "a MX 5 mail.example.com\nmail.example.com A 192.0.2.1\n",
	  MR_ZONE_CHECK_MISSING_DOT,
	  { "zone:6:1: a.example.com. points" } },
	{ "sub NS ns1\nx.sub TXT x\n", MR_ZONE_CHECK_OCCLUDED, { "x.sub.example.com. TXT" } },
	{ "sub NS ns1\nsub TXT x\n", MR_ZONE_CHECK_OCCLUDED, { "sub.example.com. TXT" } },
	{ "d DNAME o.test.\nx.d A 192.0.2.1\n", MR_ZONE_CHECK_OCCLUDED, { "x.d.example.com. A" } },
	{ "*.w NS ns1\n", MR_ZONE_CHECK_WILDCARD, { "zone:6:1: *.w." } },
	{ "a A 192.0.2.1\na A 192.0.2.1\n", MR_ZONE_CHECK_MERGED, { "1 times" } },
	{ "a A 192.0.2.1\na 61 A 192.0.2.2\n", MR_ZONE_CHECK_MERGED, { "1 times" } },
	{ "a DS 1 13 2 00\n", MR_ZONE_CHECK_DS_PLACE, { "a.example.com. DS" } },
	{ "a DNSKEY 257 3 13 AAAA\n", MR_ZONE_CHECK_DNSKEY_PLACE, { "zone:6:1: a." } },
	{ "@ NSEC3PARAM 1 0 1 -\n", MR_ZONE_CHECK_NSEC3_COST, { "zone:6:1: example.com." } },
	{ "@ " RRSIG("NS", "20231114221319", "20230101000000"),
	  MR_ZONE_CHECK_SIGNATURE_EXPIRED,
	  { "zone:6:1: example.com." } },
	{ "@ " RRSIG("NS", "20231117221319", "20230101000000"),
	  MR_ZONE_CHECK_SIGNATURE_SOON,
	  { "zone:6:1: example.com." } },
	{ "@ " RRSIG("NS", "20240101000000", "20231114221321"),
	  MR_ZONE_CHECK_SIGNATURE_FUTURE,
	  { "zone:6:1: example.com." } },
	{ "@ " RRSIG("NS", "20240101000000", "20231114221320"),
	  MR_ZONE_CHECK_SIGNATURE_SIGNER,
	  { "key 1234 of algorithm 13" } },
	{ "@ NSEC ns1 NS SOA\n", MR_ZONE_CHECK_SIGNATURE_MISSING, { "example.com. SOA has no" } },
	{ "x.example.org. A 192.0.2.1\na A x\nb A 192.0.2.1\n",
	  MR_ZONE_CHECK_REFUSED,
	  { "zone:6:1: x.example.org.", "zone:7:5: " } },
	{ "a CNAME b\na A 192.0.2.1\n", MR_ZONE_CHECK_REFUSED, { "CNAME beside" } },
	{ "a TXT ( x\n", MR_ZONE_CHECK_REFUSED, { "zone:6:" } },
};

static void
test_each_rule_is_found_in_its_place(void **state)
{
	struct fixture *self = *state;
	struct mr_zone_check_result result;
	struct told told;
	char text[1024];

	for (size_t i = 0; i < MR_ARRAY_COUNT(cases); i++) {
		bool refused = cases[i].rule == MR_ZONE_CHECK_REFUSED;

		snprintf(text, sizeof(text), HEAD "%s", cases[i].lines);
		check_text(self, text, &told, &result);
		assert_int_equal(result.errors > 0, refused);
		assert_int_equal(result.errors + result.warnings, told.count);
		for (unsigned s = 0; s < 2 && cases[i].says[s]; s++) {
			bool found = false;

			for (unsigned f = 0; f < told.count; f++)
				found |= told.findings[f].rule == cases[i].rule &&
					 told.findings[f].warning == !refused &&
					 strstr(told.findings[f].text, cases[i].says[s]);
			if (!found)
				fail_msg("case %zu: no %s \"%s\" in:\n%s", i,
					 mr_zone_check_name(cases[i].rule), cases[i].says[s],
					 told.count ? told.findings[0].text : "nothing");
		}
	}
}

/* What looks like a rule's case and is none. */
static const char *const clean[] = {
	"",
	"a CNAME ns1\n",
	"a CNAME x.w\n*.w A 192.0.2.1\n",
	"a CNAME elsewhere.test.\n",
	"a MX 0 .\n",
	"a MX 5 ns1\n",
	"a SRV 0 0 0 .\n",
	"a HTTPS 1 .\n",
	"sub NS ns.sub\nns.sub AAAA 2001:db8::1\n",
	"sub NS ns.other\nother NS ns1\n", /* sibling: RFC 9471 asks for what there is */
	"sub NS ns1\nsub DS 1 13 2 00\n",
	"@ NSEC3PARAM 1 0 0 -\n",
	"a.example.com.example.com.test.example.com. A 192.0.2.1\n",
};

static void
test_what_is_right_is_not_told(void **state)
{
	struct fixture *self = *state;
	struct mr_zone_check_result result;
	struct told told;
	char text[1024];

	for (size_t i = 0; i < MR_ARRAY_COUNT(clean); i++) {
		snprintf(text, sizeof(text), HEAD "%s", clean[i]);
		check_text(self, text, &told, &result);
		if (told.count)
			fail_msg("case %zu: [%s] %s", i, mr_zone_check_name(told.findings[0].rule),
				 told.findings[0].text);
		assert_int_equal(result.serial, 9);
		assert_string_equal(result.origin, "example.com.");
		assert_true(result.records >= 4 && result.names >= 2);
	}
}

static void
test_apex_is_judged(void **state)
{
	struct fixture *self = *state;
	struct mr_zone_check_result result;
	struct told told;

	check_text(self,
		   "$TTL 60\n@ SOA ns1 host\\@x 9 60 61 100 86401\n@ NS ns1\nns1 A 192.0.2.1\n",
		   &told, &result);
	assert_int_equal(result.found[MR_ZONE_CHECK_SOA_TIMES], 3);
	assert_int_equal(result.found[MR_ZONE_CHECK_SOA_MAILBOX], 1);
	assert_int_equal(result.found[MR_ZONE_CHECK_NS_SINGLE], 1);
	check_text(self, "$TTL 60\n@ SOA ns1 host 9 61 61 122 86400\n@ NS n.test.\n@ NS m.test.\n",
		   &told, &result);
	assert_int_equal(result.warnings, 0);
	check_text(self, "$TTL 60\n@ NS n.test.\n", &told, &result);
	assert_int_equal(result.errors, 1);
	assert_non_null(strstr(told.findings[0].text, "no SOA"));
}

static void
test_findings_of_one_rule_are_bounded_and_counted(void **state)
{
	struct fixture *self = *state;
	struct mr_zone_check_result result;
	struct told told;

	check_text(self, HEAD "$GENERATE 1-100 a$ CNAME gone\n", &told, &result);
	assert_int_equal(result.found[MR_ZONE_CHECK_TARGET_MISSING], 100);
	assert_int_equal(told.count, MR_ZONE_CHECK_SHOWN);
}

static void
test_origin_is_found_or_asked_for(void **state)
{
	struct fixture *self = *state;
	struct mr_zone_check_result result;
	struct mr_error error = { 0 };
	struct told told = { 0 };
	const char *path =
		fixture_file(self, "..zone",
			     "$TTL 1\n$ORIGIN example.org.\n@ SOA a b 1 2 1 4 5\n@ NS n.test.\n");

	assert_int_equal(mr_zone_check(path, NULL, NOW_S, on_finding, &told, &result, &error), 0);
	assert_string_equal(result.origin, "example.org.");
	assert_int_equal(result.errors, 0);
	path = fixture_file(self, "example.net.zone", HEAD);
	assert_int_equal(mr_zone_check(path, NULL, NOW_S, on_finding, &told, &result, &error), 0);
	assert_string_equal(result.origin, "example.net.");
	path = fixture_file(self, "a..b", HEAD);
	assert_int_equal(mr_zone_check(path, NULL, NOW_S, on_finding, &told, &result, &error),
			 -EINVAL);
	assert_non_null(strstr(error.text, "--origin"));
	memset(&error, 0, sizeof(error));
	assert_int_equal(mr_zone_check("/nonexistent/zone", "a.", NOW_S, on_finding, &told, &result,
				       &error),
			 -ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_each_rule_is_found_in_its_place),
		FIXTURE_TEST(test_what_is_right_is_not_told),
		FIXTURE_TEST(test_apex_is_judged),
		FIXTURE_TEST(test_findings_of_one_rule_are_bounded_and_counted),
		FIXTURE_TEST(test_origin_is_found_or_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
