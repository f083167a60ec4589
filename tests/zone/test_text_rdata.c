/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/text_rdata - data of every type: compared with ldns, octet by octet, and refused alike.
 */
#include <ldns/ldns.h>

#include "text_fixture.h"

/* rdata_as_ldns reads "type data" with ldns; returns the octets, or -1 when ldns refuses. */
static int
rdata_as_ldns(const char *type_and_data, uint8_t *out, uint16_t *type)
{
	ldns_rdf *origin = ldns_dname_new_frm_str("example.com.");
	ldns_rr *rr = NULL;
	char line[4096];
	int at = -1;

	snprintf(line, sizeof(line), "x 1 IN %s", type_and_data);
	if (ldns_rr_new_frm_str(&rr, line, 1, origin, NULL) == LDNS_STATUS_OK) {
		at = 0;
		*type = (uint16_t)ldns_rr_get_type(rr);
		for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
			memcpy(out + at, ldns_rdf_data(ldns_rr_rdf(rr, i)),
			       ldns_rdf_size(ldns_rr_rdf(rr, i)));
			at += (int)ldns_rdf_size(ldns_rr_rdf(rr, i));
		}
		ldns_rr_free(rr);
	}
	ldns_rdf_deep_free(origin);
	return at;
}

static void
rdata_compare(struct fixture *self, const char *type_and_data)
{
	uint8_t expected[4096];
	char text[4200];
	uint16_t type = 0;
	int bytes = rdata_as_ldns(type_and_data, expected, &type), status;

	snprintf(text, sizeof(text), "x 1 IN %s\n", type_and_data);
	status = fixture_read(self, text);
	if (status && strstr(self->error.text, "is not a preference"))
		return; /* ldns lets it wrap: test_rdata_out_of_range_is_told */
	if ((status == 0) != (bytes >= 0))
		fail_msg("ldns %s \"%s\", we say %d %s", bytes < 0 ? "refuses" : "takes",
			 type_and_data, status, self->error.text);
	if (bytes < 0)
		return;
	if (self->records[0].rdata_bytes != bytes || self->records[0].type != type ||
	    memcmp(self->records[0].rdata, expected, (size_t)bytes) != 0)
		fail_msg("\"%s\" differs from what ldns reads", type_and_data);
}

static const char *const rdata_rows[] = {
	/* read here */
	"A 192.0.2.1",
	"A 0.0.0.0",
	"A 255.255.255.255",
	"A 256.0.0.1",
	"A 1.2.3",
	"A",
	"A x",
	"A 1.2.3.4 5",
	"A 01.2.3.4",
	"A 1.2.3.4.",
	"AAAA ::",
	"AAAA 2001:DB8::1",
	"AAAA ::ffff:192.0.2.1",
	"AAAA 1::2::3",
	"AAAA 12345::",
	"AAAA",
	"AAAA :: ::",
	"NS ns",
	"NS ns.Other.ORG.",
	"NS @",
	"NS .",
	"NS",
	"NS a b",
	"NS a..b",
	"NS a\\.b\\032c",
	"CNAME *.x",
	"CNAME \\000.x.",
	"PTR 1.2.0.192.in-addr.arpa.",
	"PTR",
	"MX 0 .",
	"MX 65535 mail",
	"MX 10",
	"MX",
	"MX 10 a b",
	"MX 10 @",
	"TXT a",
	"TXT \"a b\" c",
	"TXT \"\"",
	"TXT",
	"TXT \"a\\\"b\" \\065",
	"TXT a\\256",
	"TXT \"semi;colon\"",
	"TXT a a a a a a a",
	/* through ldns */
	"SOA a b 1 2 3 4 5",
	"SOA a b 1 1h 2h30m 3d 4w",
	"SOA a b 1 2 3 4",
	"SOA a b x 2 3 4 5",
	"SRV 1 2 3 target",
	"SRV 1 2 3",
	"DNAME other.",
	"HINFO \"a b\" c",
	"RP a b",
	"AFSDB 1 a",
	"NAPTR 100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:a@b!\" .",
	"CAA 0 issue \"ca.example\"",
	"CAA 128 tbs \"Unknown\"",
	"SSHFP 1 1 0123456789abcdef "
	"0123456789abcdef01234567",
	"TLSA 3 1 1 aabb ccdd",
	"DS 1 8 2 aa bb",
	"DNSKEY 256 3 8 AwEA AQ==",
	"NSEC a. A NS TYPE700",
	"LOC 52 22 23.000 N 4 53 32.000 E "
	"-2.00m 0.00m 10000m 10m",
	"URI 10 1 \"ftp://a/b\"",
	"SPF \"v=spf1 -all\"",
	"RRSIG A 8 2 3600 20300101000000 20290101000000 1 example. AAAA",
	"NSEC3 1 0 5 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A",
	"NSEC3PARAM 1 0 0 -",
	"EUI48 00-00-5e-00-53-2a",
	"HTTPS 1 . alpn=\"h2,h3\" port=443 ipv4hint=192.0.2.1",
	"HTTPS 0 other",
	"SVCB 1 . key667=\"hello\\210qoo\"",
	"APL 1:192.168.32.0/21 "
	"!1:192.168.38.0/28",
	"OPENPGPKEY AwEAAQ==",
	"CSYNC 1 3 A NS",
	"CERT 1 2 8 AwEAAQ==",
	"DHCID AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=",
	"KX 1 a",
	"PX 1 a b",
	"HIP 2 200100107B1A74DF365639CC39F1D578 AwEAAQ== rvs.example.com.",
	"IPSECKEY 10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==",
	"TYPE65280 \\# 3 01 0203",
	"TYPE65280 \\# 0",
	"DS 1 8 2 xx",
	"DNSKEY x",
	"LOC a",
	"CAA issue",
	"TYPE1 192.0.2.1",
	"TYPE16 a b",
};

static void
test_rdata_is_as_ldns_reads_it(void **state)
{
	for (size_t i = 0; i < MR_ARRAY_COUNT(rdata_rows); i++)
		rdata_compare(*state, rdata_rows[i]);
}

/* Random data of the types read here, good and bad. */
static void
test_rdata_random_is_as_ldns_reads_it(void **state)
{
	static const char *const types[] = { "A", "AAAA", "NS", "CNAME", "PTR", "MX", "TXT" };
	static const char *const pieces[] = { "1",     "0",   ".",   "255", "192.0.2.", ":",
					      "::",    "ab",  "f00", "X",   "-",        "*",
					      "\\065", "\\.", "\\x", " ",   "10 ",      "a.",
					      ".b",    "@ ",  "_" };
	struct mr_rng rng;

	mr_rng_seed(&rng, 20260101);
	for (int i = 0; i < 4000; i++) {
		char text[256];
		size_t at = (size_t)sprintf(text, "%s ",
					    types[mr_rng_below(&rng, MR_ARRAY_COUNT(types))]);

		for (uint32_t k = 1 + mr_rng_below(&rng, 6); k > 0; k--)
			at += (size_t)sprintf(text + at, "%s",
					      pieces[mr_rng_below(&rng, MR_ARRAY_COUNT(pieces))]);
		rdata_compare(*state, text);
	}
}

/* What ldns lets through, and we do not. */
static void
test_rdata_out_of_range_is_told(void **state)
{
	struct fixture *self = *state;
	static const struct {
		const char *text, *place, *words;
	} rows[] = {
		{ "x 1 MX 65536 a\n", "1:8:", "0 to 65535" },
		{ "x 1 MX -1 a\n", "1:8:", "0 to 65535" },
		{ "x 1 SRV 1 70000 3 a\n", "1:11:", "\"70000\" is out of range" },
		{ "x 1 DS 1 8 256 aa\n", "1:12:", "out of range" },
		{ "x 1 SOA a b 4294967296 2 3 4 5\n", "1:13:", "out of range" },
		{ "x 1 SOA a b 1 2 3 4 9999999w\n", "1:21:", "out of range" },
		{ "x 1 NSEC a. A NOTYPE\n", "1:15:", "unknown type \"NOTYPE\"" },
		{ "x 1 RRSIG NOTYPE 8 2 1 1 1 1 a. AA==\n", "1:11:", "unknown type" },
		{ "x 1 A 192.0.2.256\n", "1:7:", "not an IPv4 address" },
		{ "x 1 A\n", "1:5:", "data is missing after A" },
		{ "x 1 A 192.0.2.1 2\n", "1:17:", "\"2\" is too much for A" },
		{ "x 1 SRV 1 2 3\n", "1:9:", "bad data for type SRV" },
		{ "x 1 HTTPS 1 . port=1 port=2\n", "1:11:", "given twice" },
		{ "x 1 IPSECKEY 10 1 2 192.0.2.38 A$Q\n", "1:32:", "not base64" },
		{ "x 1 IPSECKEY 10 1 2 192.0.2.38 AQNR AQNR\n", "1:37:", "one word" },
		{ "x 1 IPSECKEY 10 1 2\n", "1:14:", "four fields" },
		{ "x 1 IPSECKEY 10 1 2 nowhere AQNR\n", "1:21:", "no gateway" },
		{ "x 1 IPSECKEY 10 4 2 192.0.2.38 AQNR\n", "1:17:", "gateway type" },
		{ "x 1 NULL abc\n", "1:5:", "generic form only" },
		{ "x 1 RESINFO a=b\n", "1:5:", "generic form only" },
		{ "x 1 TYPE65280 abc\n", "1:5:", "generic form only" },
		{ "x 1 TYPE65280\n", "1:5:", "generic form only" },
		{ "x 1 TYPE65280 \\# 2 01\n", "1:18:", "2 octets announced, 2 hex" },
		{ "x 1 TYPE65280 \\# 2 010\n", "1:18:", "2 octets announced, 3 hex" },
		{ "x 1 TYPE65280 \\# 1 0102\n", "1:20:", "more data than the 1 octets" },
		{ "x 1 TYPE65280 \\# 1 0g\n", "1:20:", "not hexadecimal" },
		{ "x 1 TYPE65280 \\# 65536 00\n", "1:15:", "the length, 0 to 65535" },
		{ "x 1 TYPE65280 \\#\n", "1:15:", "the length, 0 to 65535" },
		{ "x 1 SVCB \\# 4 00010000\n", "1:10:", "cut, or not in order" },
		{ "x 1 HTTPS \\# 11 000100 00030000 00010000\n", "1:11:", "cut, or not in order" },
		{ "x 1 A \\# 3 010203\n", "1:7:", "no data of this type" },
		{ "x 1 A \\# 5 0102030405\n", "1:7:", "no data of this type" },
		{ "x 1 NS \\# 2 c000\n", "1:8:", "no data of this type" },
	};

	for (size_t i = 0; i < MR_ARRAY_COUNT(rows); i++)
		fixture_bad(self, rows[i].text, rows[i].place, rows[i].words);
	/* a label that is an @ is not the origin, as ldns has it */
	fixture_good(self, "x 1 PTR @.a.\n", 1);
	fixture_rdata(self, 0, "\1@\1a", 5);
	fixture_bad(self, "x 1 SRV 1 2 3 \\@.a.\n", "1:15:", "generic form");
	fixture_bad(self, "x 1 SRV 1 2 3 a..b\n", "1:15:", "an empty label");
	fixture_good(self,
		     "x 1 A \\# 4 c0000201\nx 1 NS \\# 3 016100\nx 1 RESINFO \\# 1 00\n"
		     "x 1 NSEC a. A RESINFO\nx 1 TXT \"\\\\#\" 1 00\n",
		     5);
	fixture_rdata(self, 0, "\xc0\0\2\1", 4);
	fixture_rdata(self, 1, "\1a", 3);
	assert_int_equal(self->records[2].type, 261);
	fixture_rdata(self, 3, "\1a\0\0\1\x40\1\1\4", 9);
	fixture_rdata(self, 4, "\2\\#\0011\00200", 8);
}

static void
test_rdata_string_of_255_and_256(void **state)
{
	struct fixture *self = *state;
	char text[512];

	snprintf(text, sizeof(text), "x 1 TXT \"%0255d\"\n", 0);
	fixture_good(self, text, 1);
	assert_int_equal(self->records[0].rdata_bytes, 256);
	snprintf(text, sizeof(text), "x 1 TXT \"%0256d\"\n", 0);
	fixture_bad(self, text, "1:9:", "longer than 255");
}

/* ---- whole files ---- */

struct rdata_whole {
	ldns_rr_list *records;
	size_t at;
};

static int
rdata_on_whole(void *context, const struct mr_zone_record *record, struct mr_error *error)
{
	struct rdata_whole *self = context;
	const ldns_rr *rr = ldns_rr_list_rr(self->records, self->at++);
	size_t at = 0;

	(void)error;
	assert_non_null(rr);
	assert_int_equal(record->ttl, ldns_rr_ttl(rr));
	assert_int_equal(record->type, ldns_rr_get_type(rr));
	assert_int_equal(record->owner_bytes, ldns_rdf_size(ldns_rr_owner(rr)));
	assert_memory_equal(record->owner, ldns_rdf_data(ldns_rr_owner(rr)), record->owner_bytes);
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *field = ldns_rr_rdf(rr, i);

		assert_true(at + ldns_rdf_size(field) <= record->rdata_bytes);
		assert_memory_equal(record->rdata + at, ldns_rdf_data(field), ldns_rdf_size(field));
		at += ldns_rdf_size(field);
	}
	assert_int_equal(at, record->rdata_bytes);
	return 0;
}

static void
test_whole_zone_is_as_ldns_reads_it(void **state)
{
	static const char zone[] = "@ 3600 IN SOA ns Host\\.master ( 2026010101 7200 ; refresh\n"
				   "   3600 1209600\n 300 )\n"
				   "@ 3600 IN NS ns\n"
				   "  3600 IN NS ns2.Other.org.\n"
				   "ns 300 IN A 192.0.2.1\n"
				   "   300 IN AAAA 2001:db8::1\n"
				   "@ 60 IN MX 10 mail\n"
				   "* 60 IN TXT \"wild; card\" ( \"two\"\n three )\n"
				   "www 60 IN CNAME web.Example.COM.\n"
				   "sub 60 IN NS ns.sub\nns.sub 60 IN A 192.0.2.5\n"
				   "_sip._udp 60 IN SRV 1 2 5060 sip\n"
				   "k 60 IN DNSKEY 256 3 8 ( AwEA\n AQ== ) ; key\n"
				   "u 60 IN TYPE65280 \\# 4 0a0b 0c0d\n"
				   "UPPER.Case 60 IN A 192.0.2.77\n";
	struct rdata_whole whole = { 0 };
	ldns_rdf *origin = ldns_dname_new_frm_str("example.com.");
	const char *path = fixture_file(*state, "zone", zone);
	struct mr_error error = { 0 };
	FILE *file = fopen(path, "r");
	ldns_rdf *previous = NULL, *where = ldns_rdf_clone(origin);
	uint32_t ttl = 0;
	int line = 0;

	whole.records = ldns_rr_list_new();
	while (!feof(file)) {
		ldns_rr *rr = NULL;

		if (ldns_rr_new_frm_fp_l(&rr, file, &ttl, &where, &previous, &line) ==
		    LDNS_STATUS_OK)
			ldns_rr_list_push_rr(whole.records, rr);
	}
	fclose(file);
	assert_int_equal(ldns_rr_list_rr_count(whole.records), 14);
	assert_int_equal(mr_zone_text_read(path, "example.com", rdata_on_whole, &whole, &error), 0);
	assert_int_equal(whole.at, 14);
	ldns_rr_list_deep_free(whole.records);
	ldns_rdf_deep_free(origin);
	ldns_rdf_deep_free(where);
	ldns_rdf_deep_free(previous);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_rdata_is_as_ldns_reads_it),
		FIXTURE_TEST(test_rdata_random_is_as_ldns_reads_it),
		FIXTURE_TEST(test_rdata_out_of_range_is_told),
		FIXTURE_TEST(test_rdata_string_of_255_and_256),
		FIXTURE_TEST(test_whole_zone_is_as_ldns_reads_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
