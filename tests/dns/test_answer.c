/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/answer - sizes, flags, glue, signatures and bursts: what the reference does not look at.
 */
#include "fixture.h"

#define APEX                                                                                    \
	"example.com. 3600 IN SOA ns1.example.com. host.example.com. 7 7200 3600 1209600 300\n" \
	"example.com. 3600 IN NS ns1.example.com.\n"

static const char zone[] = APEX
	"ns1.example.com. 3600 IN A 192.0.2.1\n"
	"www.example.com. 60 IN A 192.0.2.80\n"
	"www.example.com. 60 IN RRSIG A 13 3 60 20300101000000 20200101000000 1 example.com. AAAA\n"
	"www.example.com. 60 IN AAAA 2001:db8::80\n"
	"alias.example.com. 60 IN CNAME big.example.com.\n"
	"sub.example.com. 60 IN NS ns.sub.example.com.\n"
	"sub.example.com. 60 IN NS ns.peer.example.com.\n"
	"sub.example.com. 60 IN DS 1 13 2 "
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
	"ns.sub.example.com. 60 IN A 192.0.2.53\n"
	"peer.example.com. 60 IN NS ns.peer.example.com.\n"
	"ns.peer.example.com. 60 IN A 192.0.2.54\n";

/* 40 TXT records of 23 bytes each: 920 at big, and more in-domain glue than 512 bytes hold. */
static struct fixture *
open_zone(void)
{
	static struct fixture f;
	static char text[32768];
	size_t at;

	fixture_open(&f);
	at = (size_t)snprintf(text, sizeof(text), "%s", zone);
	for (int i = 0; i < 40; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       "big.example.com. 60 IN TXT \"number %03d\"\n", i);
	for (int i = 0; i < 30; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       "wide.example.com. 60 IN NS n%02d.wide.example.com.\n"
				       "n%02d.wide.example.com. 60 IN A 192.0.2.%d\n"
				       "broad.example.com. 60 IN NS n%02d.wide.example.com.\n",
				       i, i, i, i);
	fixture_zone(&f, "example.com.", text);
	fixture_set(&f);
	return &f;
}

static void
test_rrset_that_does_not_fit_sets_tc(void **state)
{
	static const struct ask small = { 0 }, tcp = { .transport = MR_DNS_TCP },
				edns = { .edns_bytes = 4096 }, mean = { .edns_bytes = 100 };
	struct fixture *f = open_zone();
	ldns_pkt *p = fixture_ask(f, "big.example.com.", 16, &small);

	(void)state;
	assert_true(ldns_pkt_tc(p));
	assert_int_equal(ldns_pkt_ancount(p), 0);
	assert_true(f->answer_bytes <= 512);
	ldns_pkt_free(p);
	p = fixture_ask(f, "big.example.com.", 16, &mean); /* RFC 6891 6.2.3 */
	assert_true(ldns_pkt_tc(p));
	assert_true(f->answer_bytes <= 512);
	ldns_pkt_free(p);
	p = fixture_ask(f, "big.example.com.", 16, &tcp);
	assert_false(ldns_pkt_tc(p));
	assert_int_equal(ldns_pkt_ancount(p), 40);
	ldns_pkt_free(p);
	p = fixture_ask(f, "big.example.com.", 16, &edns);
	assert_false(ldns_pkt_tc(p));
	assert_int_equal(ldns_pkt_ancount(p), 40);
	ldns_pkt_free(p);
	assert_int_equal(f->metrics[MR_DNS_truncated], 2);
	fixture_close(f);
}

/* The set at big is bytes long with its question; one byte of room less and it is left out. */
static void
test_room_is_obeyed_to_the_byte(void **state)
{
	struct ask ask = { .transport = MR_DNS_TCP };
	struct fixture *f = open_zone();
	ldns_pkt *p = fixture_ask(f, "big.example.com.", 16, &ask);
	uint16_t whole = f->answer_bytes;

	(void)state;
	ldns_pkt_free(p);
	for (int less = 0; less <= 1; less++) {
		ask.room_bytes = (uint16_t)(whole - less);
		memset(f->message + ask.room_bytes, 0xee, 64);
		p = fixture_ask(f, "big.example.com.", 16, &ask);
		assert_int_equal(ldns_pkt_tc(p), less);
		assert_int_equal(ldns_pkt_ancount(p), less ? 0 : 40);
		for (int i = 0; i < 64; i++)
			assert_int_equal(f->message[ask.room_bytes + i], 0xee);
		ldns_pkt_free(p);
	}
	fixture_close(f);
}

static void
test_chain_keeps_what_fits(void **state)
{
	struct fixture *f = open_zone();
	ldns_pkt *p = fixture_ask(f, "alias.example.com.", 16, NULL);

	(void)state;
	assert_true(ldns_pkt_tc(p));
	assert_int_equal(ldns_pkt_ancount(p), 1);
	ldns_pkt_free(p);
	fixture_close(f);
}

static void
test_payload_of_each_family_is_obeyed(void **state)
{
	static const struct ask v4 = { .edns_bytes = 4096 },
				v6 = { .edns_bytes = 4096, .v6 = true };
	struct fixture *f = open_zone();
	ldns_pkt *p;

	(void)state;
	f->config.udp_payload_v6_bytes = 600;
	p = fixture_ask(f, "big.example.com.", 16, &v6);
	assert_true(ldns_pkt_tc(p));
	assert_int_equal(ldns_pkt_edns_udp_size(p), 600);
	ldns_pkt_free(p);
	p = fixture_ask(f, "big.example.com.", 16, &v4);
	assert_false(ldns_pkt_tc(p));
	assert_int_equal(ldns_pkt_edns_udp_size(p), 1232);
	ldns_pkt_free(p);
	fixture_close(f);
}

/* RFC 9471: in-domain glue is not left out without TC; sibling glue is. */
static void
test_glue_that_does_not_fit(void **state)
{
	static const struct ask udp = { .edns_bytes = 1000 }, tcp = { .transport = MR_DNS_TCP };
	struct fixture *f = open_zone();
	ldns_pkt *p = fixture_ask(f, "x.wide.example.com.", 1, &tcp);

	(void)state;
	assert_false(ldns_pkt_tc(p));
	assert_int_equal(ldns_pkt_nscount(p), 30);
	assert_int_equal(ldns_pkt_arcount(p), 30);
	ldns_pkt_free(p);
	p = fixture_ask(f, "x.wide.example.com.", 1, &udp);
	assert_true(ldns_pkt_tc(p));
	assert_int_equal(ldns_pkt_nscount(p), 30);
	ldns_pkt_free(p);
	p = fixture_ask(f, "x.broad.example.com.", 1, &udp);
	assert_false(ldns_pkt_tc(p));
	assert_int_equal(ldns_pkt_nscount(p), 30);
	assert_int_equal(ldns_rr_list_rr_count(ldns_pkt_additional(p)), 0);
	assert_int_equal(f->metrics[MR_DNS_glue_left_out], 1);
	ldns_pkt_free(p);
	fixture_close(f);
}

static void
test_signatures_come_with_do_only(void **state)
{
	static const struct ask plain = { .edns_bytes = 1232 },
				with = { .edns_bytes = 1232, .dnssec_ok = true };
	struct fixture *f = open_zone();
	ldns_pkt *p = fixture_ask(f, "www.example.com.", 1, &plain);

	(void)state;
	assert_int_equal(ldns_pkt_ancount(p), 1);
	assert_false(ldns_pkt_edns_do(p));
	ldns_pkt_free(p);
	p = fixture_ask(f, "www.example.com.", 1, &with);
	assert_int_equal(ldns_pkt_ancount(p), 2);
	assert_true(ldns_pkt_edns_do(p));
	ldns_pkt_free(p);
	p = fixture_ask(f, "q.sub.example.com.", 1, &with); /* 2 NS, and the DS */
	assert_int_equal(ldns_pkt_nscount(p), 3);
	ldns_pkt_free(p);
	p = fixture_ask(f, "q.sub.example.com.", 1, &plain);
	assert_int_equal(ldns_pkt_nscount(p), 2);
	ldns_pkt_free(p);
	fixture_close(f);
}

static void
test_flags_are_copied_or_cleared(void **state)
{
	/* RD and CD come back (RFC 1035 4.1.1, RFC 4035 3.1.6); RA, Z, AD, AA, TC are ours. */
	static const struct ask ask = { .flags = 0x0100 | 0x0010 | 0x0400 | 0x0200 | 0x00e0 };
	struct fixture *f = open_zone();
	ldns_pkt *p = fixture_ask(f, "www.example.com.", 1, &ask);

	(void)state;
	assert_int_equal(f->message[2], 0x85); /* QR AA RD */
	assert_int_equal(f->message[3], 0x10); /* CD */
	ldns_pkt_free(p);
	fixture_close(f);
}

/* A burst gives what the same queries give one by one; odd ones among them change nothing. */
static void
test_burst_equals_singles(void **state)
{
	static const char *const names[] = { "www.example.com.", "none.example.com.",
					     "example.org.", "alias.example.com.",
					     "q.sub.example.com." };
	static uint8_t messages[MR_BURST_MAX][2048];
	static const struct ask ask = { .edns_bytes = 1232 };
	struct mr_dns_item items[MR_BURST_MAX] = { 0 };
	struct fixture *f = open_zone();

	(void)state;
	for (unsigned i = 0; i < MR_BURST_MAX; i++) {
		ldns_rdf *name = ldns_dname_new_frm_str(names[i % 5]);

		items[i].message = messages[i];
		items[i].room_bytes = 1472;
		items[i].message_bytes = fixture_question(messages[i], ldns_rdf_data(name),
							  ldns_rdf_size(name), 1, &ask);
		if (i % 7 == 3)
			items[i].message_bytes = (uint16_t)(i % 12);
		ldns_rdf_deep_free(name);
	}
	mr_dns_answer_burst(&f->dns, f->set, items, MR_BURST_MAX);
	for (unsigned i = 0; i < MR_BURST_MAX; i++) {
		if (i % 7 == 3) {
			assert_int_equal(items[i].outcome, MR_DNS_DROP);
			continue;
		}
		ldns_pkt *p = fixture_ask(f, names[i % 5], 1, &ask);

		assert_int_equal(items[i].outcome, MR_DNS_ANSWER);
		assert_int_equal(items[i].answer_bytes, f->answer_bytes);
		assert_memory_equal(messages[i], f->message, f->answer_bytes);
		ldns_pkt_free(p);
	}
	fixture_close(f);
}

/* RFC 2782, 9460 4.1, 1035 3.3: what a record leads to comes along, once, while there is room. */
static void
test_related_addresses_come_along_where_they_fit(void **state)
{
	static const struct {
		const char *name;
		uint16_t type;
		unsigned additional;
	} cases[] = {
		{ "example.", 15, 3 }, /* mail has A and AAAA, mail2 A; nobody else twice */
		{ "example.", 2, 2 },  /* ns, and glue of below */
		{ "_s.example.", 33, 2 },    { "h.example.", 65, 1 },
		{ "alias.example.", 65, 2 }, { "null.example.", 65, 0 },
		{ "cut.example.", 15, 0 },   { "svc.example.", 65, 2 }, /* A and HTTPS of h */
		{ "self.example.", 65, 1 }, /* its HTTPS is the answer */
		{ "s.example.", 64, 3 },    /* A and AAAA of mail, A of h; neither has SVCB */
	};
	static struct fixture f;
	struct ask ask = { .edns_bytes = 1232 };

	(void)state;
	fixture_open(&f);
	fixture_zone(
		&f, "example.",
		"example. 60 IN SOA ns.example. h.example. 1 1 1 1 1\n"
		"example. 60 IN NS ns.example.\nexample. 60 IN NS ns.below.example.\n"
		"ns.example. 60 IN A 192.0.2.1\nbelow.example. 60 IN NS ns.below.example.\n"
		"ns.below.example. 60 IN A 192.0.2.2\n"
		"example. 60 IN MX 1 mail.example.\nexample. 60 IN MX 2 mail2.example.\n"
		"example. 60 IN MX 3 mail.example.\nexample. 60 IN MX 4 away.\n"
		"mail.example. 60 IN A 192.0.2.3\nmail.example. 60 IN AAAA 2001:db8::3\n"
		"mail2.example. 60 IN A 192.0.2.4\n"
		"_s.example. 60 IN SRV 1 2 53 mail.example.\n"
		"h.example. 60 IN HTTPS 1 . alpn=h2\nh.example. 60 IN A 192.0.2.5\n"
		"alias.example. 60 IN HTTPS 0 h.example.\nnull.example. 60 IN HTTPS 0 .\n"
		"svc.example. 60 IN HTTPS 1 h.example.\nself.example. 60 IN HTTPS 1 Self.example.\n"
		"self.example. 60 IN A 192.0.2.7\ns.example. 60 IN SVCB 1 mail.example.\n"
		"s.example. 60 IN SVCB 2 h.example.\n"
		"null.example. 60 IN A 192.0.2.6\ncut.example. 60 IN MX 1 ns.below.example.\n");
	fixture_set(&f);
	for (size_t i = 0; i < MR_ARRAY_COUNT(cases); i++) {
		ldns_pkt *answer = fixture_ask(&f, cases[i].name, cases[i].type, &ask);

		assert_int_equal(ldns_pkt_arcount(answer), cases[i].additional);
		assert_int_equal(ldns_pkt_nscount(answer), 0); /* minimal */
		ldns_pkt_free(answer);
	}
	for (unsigned room = 600; room > 100; room--) {
		struct ask small = { .transport = MR_DNS_TCP, .room_bytes = (uint16_t)room };
		ldns_pkt *answer = fixture_ask(&f, "example.", 15, &small);

		if (ldns_pkt_ancount(answer) == 4) { /* no TC while the answer is whole */
			assert_false(ldns_pkt_tc(answer));
		} else {
			assert_true(ldns_pkt_tc(answer));
			assert_int_equal(ldns_pkt_arcount(answer), 0);
		}
		ldns_pkt_free(answer);
	}
	fixture_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_related_addresses_come_along_where_they_fit),
		cmocka_unit_test(test_rrset_that_does_not_fit_sets_tc),
		cmocka_unit_test(test_room_is_obeyed_to_the_byte),
		cmocka_unit_test(test_chain_keeps_what_fits),
		cmocka_unit_test(test_payload_of_each_family_is_obeyed),
		cmocka_unit_test(test_glue_that_does_not_fit),
		cmocka_unit_test(test_signatures_come_with_do_only),
		cmocka_unit_test(test_flags_are_copied_or_cleared),
		cmocka_unit_test(test_burst_equals_singles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
