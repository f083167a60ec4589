/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/test_options - EDNS options there and back, and class CH. Cookies as in RFC 9018 appendix A.
 */
#include "fixture.h"

enum { BADCOOKIE = 23 };

static struct fixture f;
static uint8_t options[512]; /* of the answer */
static unsigned options_bytes;
static unsigned rcode;
static uint16_t idle_100ms; /* of the transport */
static bool encrypted;

static unsigned
unhex(const char *text, uint8_t *out)
{
	unsigned bytes = 0;

	for (unsigned value; sscanf(text + 2 * bytes, "%2x", &value) == 1; bytes++) {
		out[bytes] = (uint8_t)value;
		if (!text[2 * bytes + 2])
			return bytes + 1;
	}
	return bytes;
}

static void
open_zone(void)
{
	fixture_open(&f);
	fixture_zone(&f, "example.",
		     "example. 60 IN SOA ns.example. h.example. 1 1 1 1 1\n"
		     "example. 60 IN NS ns.example.\nns.example. 60 IN A 192.0.2.1\n");
	fixture_set(&f);
}

/* Asks with raw options (hex); returns the answer, whose OPT is read here, not by ldns. */
static ldns_pkt *
ask(const char *name, uint16_t type, uint16_t rr_class, const char *hex, const char *client,
    uint64_t now_s, uint8_t transport)
{
	struct mr_writer w = mr_writer_over(f.message, 1024);
	struct mr_dns_item item = { .message = f.message,
				    .room_bytes = 4096,
				    .client = { .transport = transport,
						.idle_100ms = idle_100ms,
						.encrypted = encrypted,
						.now_ns = now_s * MR_NS_PER_S } };
	ldns_rdf *owner = name ? ldns_dname_new_frm_str(name) : NULL;
	uint8_t raw[256];
	unsigned bytes = unhex(hex, raw);
	ldns_pkt *answer = NULL;

	mr_writer_be32(&w, 0x12340000);
	mr_writer_be16(&w, name != NULL);
	mr_writer_be32(&w, 0);
	mr_writer_be16(&w, 1);
	if (name) {
		mr_writer_bytes(&w, ldns_rdf_data(owner), ldns_rdf_size(owner));
		mr_writer_be16(&w, type);
		mr_writer_be16(&w, rr_class);
	}
	mr_writer_bytes(&w, "\0\0\x29\x04\xd0\0\0\0\0", 9);
	mr_writer_be16(&w, (uint16_t)bytes);
	mr_writer_bytes(&w, raw, bytes);
	item.message_bytes = (uint16_t)(w.at - f.message);
	assert_int_equal(mr_addr_parse(client, &item.client.addr), 0);
	mr_dns_answer(&f.dns, f.set, &item);
	mr_dns_flush(&f.dns);
	assert_int_equal(item.outcome, MR_DNS_ANSWER);
	assert_int_equal(ldns_wire2pkt(&answer, f.message, item.answer_bytes), LDNS_STATUS_OK);
	options_bytes = 0;
	if (ldns_pkt_edns_data(answer)) {
		options_bytes = (unsigned)ldns_rdf_size(ldns_pkt_edns_data(answer));
		memcpy(options, ldns_rdf_data(ldns_pkt_edns_data(answer)), options_bytes);
	}
	rcode = (unsigned)ldns_pkt_get_rcode(answer) |
		(unsigned)ldns_pkt_edns_extended_rcode(answer) << 4;
	ldns_rdf_deep_free(owner);
	return answer;
}

static void
send_options(const char *hex)
{
	ldns_pkt_free(ask("ns.example.", 1, 1, hex, "192.0.2.9", 0, MR_DNS_UDP));
}

static void
assert_options(const char *hex)
{
	uint8_t want[512];
	unsigned bytes = *hex ? unhex(hex, want) : 0;

	assert_int_equal(options_bytes, bytes);
	assert_memory_equal(options, want, bytes);
}

static void
set_secret(unsigned index, const char *hex)
{
	assert_int_equal(unhex(hex, f.config.cookie_secrets[index]), 16);
	f.config.cookie_secret_count = (uint8_t)(index + 1);
}

static void
test_nsid_is_given_to_who_asks(void **state)
{
	(void)state;
	open_zone();
	send_options("00030000");
	assert_options(""); /* we have none */
	memcpy(f.config.nsid, "lab1", 4);
	f.config.nsid_bytes = 4;
	send_options("00030000");
	assert_options("000300046c616231");
	send_options("000c00020000"); /* padding over UDP */
	assert_options("");
	fixture_close(&f);
}

static void
test_keepalive_is_told_over_connections(void **state)
{
	(void)state;
	open_zone();
	send_options("000b0000"); /* UDP: ignored, with a timeout in it too */
	assert_options("");
	send_options("000b0002ffff");
	assert_options("");
	assert_int_equal(rcode, 0);
	idle_100ms = 100;
	ldns_pkt_free(ask("ns.example.", 1, 1, "000b0000", "192.0.2.9", 0, MR_DNS_TCP));
	assert_options("000b00020064");
	assert_int_equal(f.metrics[MR_DNS_edns_keepalive], 1);
	ldns_pkt_free(ask("ns.example.", 1, 1, "", "192.0.2.9", 0, MR_DNS_TCP));
	assert_options(""); /* nobody asked */
	ldns_pkt_free(ask("ns.example.", 1, 1, "000b00020064", "192.0.2.9", 0, MR_DNS_TCP));
	assert_int_equal(rcode, 1); /* RFC 7828 3.2.1: a client's has no timeout */
	idle_100ms = 0;
	fixture_close(&f);
}

static void
test_padding_fills_blocks_where_encrypted(void **state)
{
	ldns_pkt *answer;

	(void)state;
	open_zone();
	ldns_pkt_free(ask("ns.example.", 1, 1, "000c0000", "192.0.2.9", 0, MR_DNS_TCP));
	assert_options("");
	encrypted = true;
	for (unsigned transport = MR_DNS_TLS; transport <= MR_DNS_QUIC; transport++) {
		answer = ask("ns.example.", 1, 1, "000c0003ffffff", "192.0.2.9", 0,
			     (uint8_t)transport);
		assert_int_equal(ldns_pkt_size(answer), 468);
		assert_int_equal(ldns_pkt_ancount(answer), 1);
		assert_true(options_bytes > 4 && mr_load_be16(options) == 12);
		for (unsigned i = 4; i < options_bytes; i++)
			assert_int_equal(options[i], 0);
		ldns_pkt_free(answer);
	}
	answer = ask("ns.example.", 1, 1, "", "192.0.2.9", 0, MR_DNS_TLS); /* not asked for */
	assert_true(ldns_pkt_size(answer) < 468);
	ldns_pkt_free(answer);
	/* the last, behind what it counts */
	idle_100ms = 7;
	answer = ask("ns.example.", 1, 1, "000c0000000b0000", "192.0.2.9", 0, MR_DNS_TLS);
	assert_int_equal(ldns_pkt_size(answer), 468);
	assert_int_equal(mr_load_be16(options), 11);
	assert_int_equal(mr_load_be16(options + 6), 12);
	ldns_pkt_free(answer);
	idle_100ms = 0;
	encrypted = false;
	fixture_close(&f);
}

static void
test_ecs_comes_back_with_scope_0(void **state)
{
	(void)state;
	open_zone();
	send_options("0008000700011800c00002");
	assert_options("0008000700011800c00002");
	send_options("00080004000200001234"); /* an option cut short */
	assert_int_equal(rcode, 1);
	send_options("0008000700011808c00002"); /* a scope in a query */
	assert_int_equal(rcode, 1);
	send_options("000800050063080001"); /* a family that nobody knows */
	assert_int_equal(rcode, 0);
	assert_options("");
	fixture_close(&f);
}

static void
test_extended_errors_say_why(void **state)
{
	(void)state;
	open_zone();
	ldns_pkt_free(ask("elsewhere.", 1, 1, "", "192.0.2.9", 0, MR_DNS_UDP));
	assert_int_equal(rcode, 5);
	assert_options("000f00020014");
	ldns_pkt_free(ask("example.", 252, 1, "", "192.0.2.9", 0, MR_DNS_UDP));
	assert_int_equal(rcode, 4);
	assert_options("000f00020015");
	fixture_close(&f);
}

/* RFC 9018 A.1, A.2: learning a new server cookie; the same one comes back while it is fresh. */
static void
test_cookie_learned_and_renewed_as_in_rfc_9018(void **state)
{
	static const char fresh[] = "000a00182464c4abcf10c957010000005cf79f111f8130c3eee29480";

	(void)state;
	open_zone();
	set_secret(0, "e5e973e5a6b2a43f48e7dc849e37bfcf");
	ldns_pkt_free(ask("ns.example.", 1, 1, "000a00082464c4abcf10c957", "198.51.100.100",
			  1559731985, MR_DNS_UDP));
	assert_options(fresh);
	ldns_pkt_free(
		ask("ns.example.", 1, 1, fresh, "198.51.100.100", 1559731985 + 1800, MR_DNS_UDP));
	assert_options(fresh);
	assert_int_equal(f.metrics[MR_DNS_edns_cookie_valid], 1);
	/* 40 minutes later A.2 gets another */
	ldns_pkt_free(ask("ns.example.", 1, 1, fresh, "198.51.100.100", 1559734385, MR_DNS_UDP));
	assert_options("000a00182464c4abcf10c957010000005cf7a871d4a564a1442aca77");
	assert_int_equal(f.metrics[MR_DNS_edns_cookie_valid], 2);
	/* another client, another address, too old, from the future: none is valid */
	ldns_pkt_free(ask("ns.example.", 1, 1, fresh, "198.51.100.101", 1559731985, MR_DNS_UDP));
	ldns_pkt_free(
		ask("ns.example.", 1, 1, fresh, "198.51.100.100", 1559731985 + 3601, MR_DNS_UDP));
	ldns_pkt_free(
		ask("ns.example.", 1, 1, fresh, "198.51.100.100", 1559731985 - 301, MR_DNS_UDP));
	assert_int_equal(f.metrics[MR_DNS_edns_cookie_valid], 2);
	ldns_pkt_free(
		ask("ns.example.", 1, 1, fresh, "198.51.100.100", 1559731985 + 3600, MR_DNS_UDP));
	ldns_pkt_free(
		ask("ns.example.", 1, 1, fresh, "198.51.100.100", 1559731985 - 300, MR_DNS_UDP));
	assert_int_equal(f.metrics[MR_DNS_edns_cookie_valid], 4);
	fixture_close(&f);
}

/* RFC 9018 A.4: IPv6, and a secret that another has taken the place of. */
static void
test_cookie_of_old_secret_is_accepted_and_replaced(void **state)
{
	(void)state;
	open_zone();
	set_secret(0, "445536bcd2513298075a5d379663c962");
	set_secret(1, "dd3bdf9344b678b185a6f5cb60fca715");
	ldns_pkt_free(ask("ns.example.", 1, 1,
			  "000a001822681ab97d52c298010000005cf7c57926556bd0934c72f8",
			  "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961, MR_DNS_UDP));
	assert_options("000a001822681ab97d52c298010000005cf7c609a6bb79d16625507a");
	assert_int_equal(f.metrics[MR_DNS_edns_cookie_valid], 1);
	fixture_close(&f);
}

static void
test_cookie_lengths(void **state)
{
	static const struct {
		unsigned bytes, rcode;
	} cases[] = { { 7, 1 }, { 8, 0 }, { 9, 1 }, { 15, 1 }, { 16, 0 }, { 40, 0 }, { 41, 1 } };

	(void)state;
	open_zone();
	set_secret(0, "e5e973e5a6b2a43f48e7dc849e37bfcf");
	for (size_t i = 0; i < MR_ARRAY_COUNT(cases); i++) {
		char hex[200];

		sprintf(hex, "000a%04x%0*d", cases[i].bytes, (int)cases[i].bytes * 2, 0);
		send_options(hex);
		assert_int_equal(rcode, cases[i].rcode);
	}
	fixture_close(&f);
}

static void
test_cookie_without_question(void **state)
{
	(void)state;
	open_zone();
	set_secret(0, "e5e973e5a6b2a43f48e7dc849e37bfcf");
	ldns_pkt_free(ask(NULL, 0, 0, "000a00082464c4abcf10c957", "198.51.100.100", 1559731985,
			  MR_DNS_UDP));
	assert_int_equal(rcode, 0);
	assert_options("000a00182464c4abcf10c957010000005cf79f111f8130c3eee29480");
	ldns_pkt_free(ask(NULL, 0, 0, "", "198.51.100.100", 0, MR_DNS_UDP));
	assert_int_equal(rcode, 1);
	fixture_close(&f);
}

static void
test_cookie_required_over_udp_only(void **state)
{
	ldns_pkt *answer;

	(void)state;
	open_zone();
	set_secret(0, "e5e973e5a6b2a43f48e7dc849e37bfcf");
	f.config.cookie_policy = MR_DNS_COOKIE_REQUIRE;
	answer = ask("ns.example.", 1, 1, "", "192.0.2.9", 0, MR_DNS_UDP);
	assert_true(ldns_pkt_tc(answer) && ldns_pkt_ancount(answer) == 0 && rcode == 0);
	ldns_pkt_free(answer);
	answer = ask("ns.example.", 1, 1, "000a00082464c4abcf10c957", "198.51.100.100", 1559731985,
		     MR_DNS_UDP);
	assert_int_equal(rcode, BADCOOKIE);
	assert_int_equal(ldns_pkt_ancount(answer), 0);
	assert_options("000a00182464c4abcf10c957010000005cf79f111f8130c3eee29480");
	ldns_pkt_free(answer);
	answer =
		ask("ns.example.", 1, 1, "000a00182464c4abcf10c957010000005cf79f111f8130c3eee29480",
		    "198.51.100.100", 1559731985, MR_DNS_UDP);
	assert_true(rcode == 0 && ldns_pkt_ancount(answer) == 1);
	ldns_pkt_free(answer);
	answer = ask("ns.example.", 1, 1, "", "192.0.2.9", 0, MR_DNS_TCP);
	assert_true(!ldns_pkt_tc(answer) && ldns_pkt_ancount(answer) == 1);
	ldns_pkt_free(answer);
	fixture_close(&f);
}

static void
test_chaos_names_answer_when_configured(void **state)
{
	static const struct {
		const char *name, *text;
	} cases[] = { { "VERSION.bind.", "\"v1\"" },
		      { "version.server.", "\"v1\"" },
		      { "id.server.", "\"box\"" },
		      { "hostname.bind.", "\"box\"" } };

	(void)state;
	open_zone();
	for (size_t i = 0; i < MR_ARRAY_COUNT(cases); i++) {
		ldns_pkt_free(ask(cases[i].name, 16, 3, "", "192.0.2.9", 0, MR_DNS_UDP));
		assert_int_equal(rcode, 5);
	}
	strcpy(f.config.version, "v1");
	strcpy(f.config.identity, "box");
	for (size_t i = 0; i < MR_ARRAY_COUNT(cases); i++) {
		ldns_pkt *answer = ask(cases[i].name, 16, 3, "", "192.0.2.9", 0, MR_DNS_UDP);
		char *text;

		assert_int_equal(ldns_pkt_ancount(answer), 1);
		assert_int_equal(ldns_rr_get_class(ldns_rr_list_rr(ldns_pkt_answer(answer), 0)), 3);
		text = ldns_rdf2str(ldns_rr_rdf(ldns_rr_list_rr(ldns_pkt_answer(answer), 0), 0));
		assert_string_equal(text, cases[i].text);
		free(text);
		ldns_pkt_free(answer);
		answer = ask(cases[i].name, 1, 3, "", "192.0.2.9", 0, MR_DNS_UDP);
		assert_true(rcode == 0 && ldns_pkt_ancount(answer) == 0);
		ldns_pkt_free(answer);
	}
	ldns_pkt_free(ask("authors.bind.", 16, 3, "", "192.0.2.9", 0, MR_DNS_UDP));
	assert_int_equal(rcode, 5);
	fixture_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nsid_is_given_to_who_asks),
		cmocka_unit_test(test_keepalive_is_told_over_connections),
		cmocka_unit_test(test_padding_fills_blocks_where_encrypted),
		cmocka_unit_test(test_ecs_comes_back_with_scope_0),
		cmocka_unit_test(test_extended_errors_say_why),
		cmocka_unit_test(test_cookie_learned_and_renewed_as_in_rfc_9018),
		cmocka_unit_test(test_cookie_of_old_secret_is_accepted_and_replaced),
		cmocka_unit_test(test_cookie_lengths),
		cmocka_unit_test(test_cookie_without_question),
		cmocka_unit_test(test_cookie_required_over_udp_only),
		cmocka_unit_test(test_chaos_names_answer_when_configured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
