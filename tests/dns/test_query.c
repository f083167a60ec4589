/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/query - what is no proper query: dropped, or answered with the RCODE that the RFC names.
 */
#include "fixture.h"

static const char zone[] =
	"example.com. 3600 IN SOA ns1.example.com. host.example.com. 7 7200 3600 1209600 300\n"
	"example.com. 3600 IN NS ns1.example.com.\n"
	"ns1.example.com. 3600 IN A 192.0.2.1\n"
	"www.example.com. 60 IN A 192.0.2.80\n";

#define HEADER_QUERY   "\x12\x34\0\0\0\1\0\0\0\0\0\0"
#define HEADER_QUERY_1 "\x12\x34\0\0\0\1\0\0\0\0\0\1" /* one additional record */
#define HEADER_QUERY_2 "\x12\x34\0\0\0\1\0\0\0\0\0\2"
#define WWW            "\3www\7example\3com\0"
#define IN_A           "\0\1\0\1"
#define QUESTION       WWW IN_A
#define OPT(rest)      "\0\0\x29\x04\xd0" rest
#define TSIG_START     "\3key\0\0\xfa\0\xff\0\0\0\0"
#define TSIG_DATA      "\0\x1d\x0bhmac-sha256\0\0\0\x65\0\0\0\1\x2c\0\0\x12\x34\0\0\0\0"

enum { DROPPED = -1 };

struct row {
	const char *what;
	const char *bytes;
	size_t count;
	int rcode;           /* of 12 bits, or DROPPED */
	bool question_given; /* comes back */
	enum mr_dns_metric metric;
};

#define ROW(what, bytes, rcode, question, metric)                                \
	{                                                                        \
		what, bytes, sizeof(bytes) - 1, rcode, question, MR_DNS_##metric \
	}

static const struct row rows[] = {
	ROW("a good one", HEADER_QUERY QUESTION, 0, true, found_rrset),
	ROW("nothing", "", DROPPED, false, drop_short),
	ROW("11 bytes", "\x12\x34\0\0\0\1\0\0\0\0\0", DROPPED, false, drop_short),
	ROW("a response", "\x12\x34\x80\0\0\1\0\0\0\0\0\0" QUESTION, DROPPED, false, drop_response),
	ROW("a response with a rare opcode", "\x12\x34\xf8\0\0\0\0\0\0\0\0\0", DROPPED, false,
	    drop_response),
	ROW("IQUERY", "\x12\x34\x08\0\0\1\0\0\0\0\0\0" QUESTION, 4, false, notimp_opcode),
	ROW("STATUS", "\x12\x34\x10\0\0\0\0\0\0\0\0\0", 4, false, notimp_opcode),
	ROW("NOTIFY", "\x12\x34\x20\0\0\1\0\0\0\0\0\0" QUESTION, 4, false, notimp_notify),
	ROW("UPDATE", "\x12\x34\x28\0\0\1\0\0\0\0\0\0" QUESTION, 4, false, notimp_update),
	ROW("opcode 15", "\x12\x34\x78\0\0\0\0\0\0\0\0\0", 4, false, notimp_opcode),
	ROW("no question", "\x12\x34\0\0\0\0\0\0\0\0\0\0", 1, false, formerr_qdcount),
	ROW("two questions", "\x12\x34\0\0\0\2\0\0\0\0\0\0" QUESTION QUESTION, 1, false,
	    formerr_qdcount),
	ROW("a question that is not there", HEADER_QUERY, 1, false, formerr_question),
	ROW("a name without end", HEADER_QUERY "\3www\7examp", 1, false, formerr_question),
	ROW("no class", HEADER_QUERY WWW "\0\1\0", 1, false, formerr_question),
	ROW("a name that points at itself", HEADER_QUERY "\xc0\x0c" IN_A, 1, false,
	    formerr_question),
	ROW("a name that points ahead", HEADER_QUERY "\3www\xc0\x12\3com\0" IN_A, 1, false,
	    formerr_question),
	ROW("label type 01", HEADER_QUERY "\x41\1\0" IN_A, 1, false, formerr_question),
	ROW("an answer in a query", "\x12\x34\0\0\0\1\0\1\0\0\0\0" QUESTION, 1, true,
	    formerr_sections),
	ROW("an authority in a query", "\x12\x34\0\0\0\1\0\0\0\1\0\0" QUESTION, 1, true,
	    formerr_sections),
	ROW("bytes behind the question", HEADER_QUERY QUESTION "x", 1, true, formerr_trailing),
	ROW("an additional that is not there", HEADER_QUERY_1 QUESTION, 1, true,
	    formerr_additional),
	ROW("65535 additionals", "\x12\x34\0\0\0\1\0\0\0\0\xff\xff" QUESTION, 1, true,
	    formerr_additional),
	ROW("an additional that lies", HEADER_QUERY_1 QUESTION "\0\0\1\0\1\0\0\0\0\0\5abcd", 1,
	    true, formerr_additional),
	ROW("an owner that points at itself",
	    HEADER_QUERY_1 QUESTION "\xc0\x21\0\1\0\1\0\0\0\0\0\0", 1, true, formerr_additional),
	ROW("an additional that we do not know",
	    HEADER_QUERY_1 QUESTION "\xc0\x0c\0\1\0\1\0\0\0\0\0\4abcd", 0, true, found_rrset),
	ROW("EDNS", HEADER_QUERY_1 QUESTION OPT("\0\0\0\0\0\0"), 0, true, edns),
	ROW("EDNS with DO", HEADER_QUERY_1 QUESTION OPT("\0\0\x80\0\0\0"), 0, true, edns_do),
	ROW("EDNS version 1", HEADER_QUERY_1 QUESTION OPT("\0\1\0\0\0\0"), 16, true, rcode_badvers),
	ROW("EDNS version 1 and options that lie",
	    HEADER_QUERY_1 QUESTION OPT("\0\1\0\0\0\3\0\1\0"), 16, true, rcode_badvers),
	ROW("an option that we do not know",
	    HEADER_QUERY_1 QUESTION OPT("\0\0\0\0\0\6\xff\xf0\0\2hi"), 0, true, found_rrset),
	ROW("an option that lies", HEADER_QUERY_1 QUESTION OPT("\0\0\0\0\0\6\xff\xf0\0\3hi"), 1,
	    true, formerr_opt),
	ROW("half an option", HEADER_QUERY_1 QUESTION OPT("\0\0\0\0\0\3\xff\xf0\0"), 1, true,
	    formerr_opt),
	ROW("an OPT that is not at the root",
	    HEADER_QUERY_1 QUESTION "\1x\0\0\x29\x04\xd0\0\0\0\0\0\0", 1, true, formerr_opt),
	ROW("two OPTs", HEADER_QUERY_2 QUESTION OPT("\0\0\0\0\0\0") OPT("\0\0\0\0\0\0"), 1, true,
	    formerr_opt),
	ROW("client subnet",
	    HEADER_QUERY_1 QUESTION OPT("\0\0\0\0\0\xb\0\x8\0\7\0\1\x18\0\xc6\x33\x64"), 0, true,
	    edns_ecs),
	ROW("client subnet with a scope",
	    HEADER_QUERY_1 QUESTION OPT("\0\0\0\0\0\xb\0\x8\0\7\0\1\x18\1\xc6\x33\x64"), 1, true,
	    formerr_opt),
	ROW("client subnet with host bits",
	    HEADER_QUERY_1 QUESTION OPT("\0\0\0\0\0\xb\0\x8\0\7\0\1\x17\0\xc6\x33\x65"), 1, true,
	    formerr_opt),
	ROW("client subnet of 33 bits",
	    HEADER_QUERY_1 QUESTION OPT("\0\0\0\0\0\xd\0\x8\0\x9\0\1\x21\0\xc6\x33\x64\1\0"), 1,
	    true, formerr_opt),
	ROW("class CH", HEADER_QUERY WWW "\0\1\0\3", 5, true, refused_class),
	ROW("class ANY", HEADER_QUERY WWW "\0\1\0\xff", 5, true, refused_class),
	ROW("type OPT", HEADER_QUERY WWW "\0\x29\0\1", 1, true, formerr_qtype),
	ROW("type TSIG", HEADER_QUERY WWW "\0\xfa\0\1", 1, true, formerr_qtype),
	ROW("type AXFR", HEADER_QUERY WWW "\0\xfc\0\1", 4, true, qtype_xfr),
	ROW("type IXFR with its SOA",
	    "\x12\x34\0\0\0\1\0\0\0\1\0\0" WWW "\0\xfb\0\1"
	    "\xc0\x0c\0\6\0\1\0\0\0\0\0\x16\0\0\0\0\0\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
	    4, true, qtype_xfr),
	ROW("type IXFR without", HEADER_QUERY WWW "\0\xfb\0\1", 1, true, formerr_sections),
	ROW("type IXFR with a SOA that is not there",
	    "\x12\x34\0\0\0\1\0\0\0\1\0\0" WWW "\0\xfb\0\1", 1, true, formerr_sections),
	ROW("type IXFR with a SOA that is cut",
	    "\x12\x34\0\0\0\1\0\0\0\1\0\0" WWW "\0\xfb\0\1"
	    "\xc0\x0c\0\6\0\1\0\0\0\0\0\x15\0\0\0\0\0\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
	    1, true, formerr_sections),
	ROW("type MAILB", HEADER_QUERY WWW "\0\xfd\0\1", 4, true, qtype_meta),
	ROW("a TSIG", HEADER_QUERY_1 QUESTION TSIG_START TSIG_DATA, 9, true, rcode_notauth),
	ROW("a TSIG that is not last",
	    HEADER_QUERY_2 QUESTION TSIG_START TSIG_DATA OPT("\0\0\0\0\0\0"), 1, true,
	    formerr_tsig),
	ROW("a TSIG that lies", HEADER_QUERY_1 QUESTION TSIG_START "\0\4\0abc", 1, true,
	    formerr_tsig),
	ROW("another zone", HEADER_QUERY "\7example\3org\0" IN_A, 5, true, found_no_zone),
	ROW("the root", HEADER_QUERY "\0" IN_A, 5, true, found_no_zone),
	ROW("a name of any octets", HEADER_QUERY "\3\0\xff.\7example\3com\0" IN_A, 3, true,
	    found_missing),
};

static void
check_row(struct fixture *f, const struct row *row)
{
	static const struct ask ask;
	uint64_t before = f->metrics[row->metric];
	ldns_pkt *answer = NULL;
	uint16_t bytes;

	memcpy(f->message, row->bytes, row->count);
	bytes = fixture_send(f, (uint16_t)row->count, &ask);
	if (f->metrics[row->metric] != before + 1)
		fail_msg("%s: its counter did not move", row->what);
	if (row->rcode == DROPPED) {
		if (bytes)
			fail_msg("%s: answered", row->what);
		return;
	}
	if (bytes < 12 || ldns_wire2pkt(&answer, f->message, bytes) != LDNS_STATUS_OK)
		fail_msg("%s: no answer that ldns reads", row->what);
	int rcode = ldns_pkt_get_rcode(answer) |
		    (ldns_pkt_edns(answer) ? ldns_pkt_edns_extended_rcode(answer) << 4 : 0);

	if (rcode != row->rcode)
		fail_msg("%s: rcode %d, not %d", row->what, rcode, row->rcode);
	if (ldns_pkt_qdcount(answer) != row->question_given)
		fail_msg("%s: %u questions", row->what, ldns_pkt_qdcount(answer));
	if (!ldns_pkt_qr(answer) || ldns_pkt_ra(answer) || ldns_pkt_ad(answer) ||
	    ldns_pkt_id(answer) != 0x1234)
		fail_msg("%s: header", row->what);
	if ((f->message[2] & 0x78) != (row->bytes[2] & 0x78))
		fail_msg("%s: opcode", row->what);
	if (row->rcode != 0 && row->rcode != 3 && ldns_pkt_aa(answer))
		fail_msg("%s: authoritative", row->what);
	ldns_pkt_free(answer);
}

static void
test_rows(void **state)
{
	static struct fixture f;

	(void)state;
	fixture_open(&f);
	fixture_zone(&f, "example.com.", zone);
	fixture_set(&f);
	for (size_t i = 0; i < MR_ARRAY_COUNT(rows); i++)
		check_row(&f, &rows[i]);
	fixture_close(&f);
}

/* RFC 8945 5.2.1 and 5.3.2: the key's name and algorithm, BADKEY, and no MAC. */
static void
test_tsig_gets_badkey(void **state)
{
	static const char query[] =
		HEADER_QUERY_2 QUESTION OPT("\0\0\0\0\0\0") TSIG_START TSIG_DATA;
	static const struct ask ask;
	static struct fixture f;
	ldns_pkt *answer;
	uint16_t bytes;

	(void)state;
	fixture_open(&f);
	fixture_zone(&f, "example.com.", zone);
	fixture_set(&f);
	memcpy(f.message, query, sizeof(query) - 1);
	bytes = fixture_send(&f, sizeof(query) - 1, &ask);
	assert_int_equal(ldns_wire2pkt(&answer, f.message, bytes), LDNS_STATUS_OK);
	assert_true(ldns_pkt_edns(answer));
	ldns_rr *tsig = ldns_pkt_tsig(answer);

	assert_non_null(tsig);
	char *text = ldns_rr2str(tsig);

	assert_non_null(strstr(text, "key."));
	assert_non_null(strstr(text, "hmac-sha256."));
	free(text);
	assert_int_equal(ldns_rdf2native_int16(ldns_rr_rdf(tsig, 5)), 17);
	assert_int_equal(ldns_rdf_size(ldns_rr_rdf(tsig, 3)), 2); /* MAC: only its length, 0 */
	ldns_pkt_free(answer);
	fixture_close(&f);
}

/* RFC 7871 6: what the parser hands on. */
static void
test_client_subnet_is_read(void **state)
{
	static const char query[] =
		HEADER_QUERY_1 QUESTION OPT("\0\0\0\0\0\xb\0\x8\0\7\0\1\x18\0\xc6\x33\x64");
	static struct fixture f;
	char text[MR_PREFIX_TEXT_BYTES];

	(void)state;
	fixture_open(&f);
	fixture_set(&f);
	memcpy(f.message, query, sizeof(query) - 1);
	struct mr_dns_item item = { .message = f.message,
				    .message_bytes = sizeof(query) - 1,
				    .room_bytes = 1232 };

	mr_dns_answer(&f.dns, f.set, &item);
	assert_int_equal(item.outcome, MR_DNS_ANSWER);
	assert_string_equal(mr_prefix_format(&item.client.ecs, text), "198.51.100.0/24");
	fixture_close(&f);
}

static void
test_group_is_never_answered(void **state)
{
	static struct fixture f;

	(void)state;
	fixture_open(&f);
	fixture_set(&f);
	memcpy(f.message, HEADER_QUERY QUESTION, sizeof(HEADER_QUERY QUESTION) - 1);
	struct mr_dns_item item = { .message = f.message,
				    .message_bytes = sizeof(HEADER_QUERY QUESTION) - 1,
				    .room_bytes = 512,
				    .client.multicast = true };

	mr_dns_answer(&f.dns, f.set, &item);
	assert_int_equal(item.outcome, MR_DNS_DROP);
	assert_int_equal(f.dns.tally[MR_DNS_drop_multicast], 1);
	fixture_close(&f);
}

static void
test_name_of_255_bytes_is_the_longest(void **state)
{
	static const struct ask ask;
	static struct fixture f;
	uint8_t name[300];
	unsigned at = 0;

	(void)state;
	fixture_open(&f);
	fixture_zone(&f, "example.com.", zone);
	fixture_set(&f);
	/* 242 bytes of labels before the 13 of example.com. */
	for (unsigned left = 242; left;) {
		unsigned label = MR_MIN(left - 1, 63u);

		if (left - 1 - label == 1)
			label--;
		name[at] = (uint8_t)label;
		memset(name + at + 1, 'x', label);
		at += label + 1;
		left -= label + 1;
	}
	memcpy(name + at, "\7example\3com", 13);
	uint16_t bytes = fixture_question(f.message, name, at + 13u, 1, &ask);

	assert_int_equal(at + 13, 255);
	assert_true(fixture_send(&f, bytes, &ask) > 0);
	assert_int_equal(f.message[3] & 15, 3);
	memmove(name + 2, name, at + 13);
	memcpy(name, "\1y", 2);
	bytes = fixture_question(f.message, name, at + 15u, 1, &ask);
	assert_true(fixture_send(&f, bytes, &ask) > 0);
	assert_int_equal(f.message[3] & 15, 1);
	fixture_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_tsig_gets_badkey),
		cmocka_unit_test(test_client_subnet_is_read),
		cmocka_unit_test(test_group_is_never_answered),
		cmocka_unit_test(test_name_of_255_bytes_is_the_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
