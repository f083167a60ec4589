/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/rrl, limits - in virtual time: what gets through is the rate and the burst, no more, no less.
 */
#include "fixture.h"

#define ZONE                                                                                    \
	"example.com. 3600 IN SOA ns1.example.com. host.example.com. 7 7200 3600 1209600 300\n" \
	"example.com. 3600 IN NS ns1.example.com.\n"                                            \
	"ns1.example.com. 3600 IN A 192.0.2.1\n"                                                \
	"www.example.com. 60 IN A 192.0.2.80\n"                                                 \
	"sub.example.com. 60 IN NS ns1.example.net.\n"
#define OTHER                                                                                   \
	"example.org. 3600 IN SOA ns1.example.com. host.example.com. 7 7200 3600 1209600 300\n" \
	"example.org. 3600 IN NS ns1.example.com.\n"

static struct fixture f;
static struct mr_arena arena;
static struct mr_dns_rrl rrl;
static uint64_t now_ns;

static int
setup(void **state)
{
	struct mr_error error = { 0 };

	(void)state;
	fixture_open(&f);
	fixture_zone(&f, "example.com.", ZONE);
	fixture_zone(&f, "example.org.", OTHER);
	fixture_set(&f);
	if (mr_arena_create(&arena, "rrl", 16 << 20, false, &error) ||
	    mr_dns_rrl_create(&rrl, 1000, &arena, &error))
		return -1;
	f.dns.rrl = &rrl;
	f.config.rrl = (struct mr_dns_rrl_config){ .mode = MR_DNS_RRL_ON,
						   .v4_bits = 24,
						   .v6_bits = 56,
						   .rates = { 100, 50, 20, 10, 5 },
						   .burst_ms = 1000 };
	now_ns = 5 * MR_NS_PER_S;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	mr_arena_destroy(&arena);
	fixture_close(&f);
	return 0;
}

/* Asks over transport from `from`; returns the outcome, with the answer in f.message. */
static enum mr_dns_outcome
ask(const char *from, const char *name, uint16_t qtype, uint8_t transport)
{
	ldns_rdf *wire = ldns_dname_new_frm_str(name);
	const struct ask how = { .edns_bytes = 1232 };
	struct mr_dns_item item = { .message = f.message,
				    .room_bytes = FIXTURE_BYTES,
				    .client = { .transport = transport, .now_ns = now_ns } };

	item.message_bytes =
		fixture_question(f.message, ldns_rdf_data(wire), ldns_rdf_size(wire), qtype, &how);
	assert_int_equal(mr_addr_parse(from, &item.client.addr), 0);
	mr_dns_answer(&f.dns, f.set, &item);
	mr_dns_flush(&f.dns);
	ldns_rdf_deep_free(wire);
	f.answer_bytes = item.answer_bytes;
	return item.outcome;
}

/* How many of count questions, spread over span_ms, are answered. */
static unsigned
answered(unsigned count, unsigned span_ms, const char *from, const char *name, uint16_t qtype)
{
	unsigned got = 0;

	for (unsigned i = 0; i < count; i++) {
		got += ask(from, name, qtype, MR_DNS_UDP) == MR_DNS_ANSWER;
		now_ns += span_ms * MR_NS_PER_MS / count;
	}
	return got;
}

static void
test_each_class_has_its_rate(void **state)
{
	static const struct {
		const char *name;
		uint16_t qtype;
		unsigned rate;
	} rows[] = {
		{ "www.example.com.", 1, 100 }, { "none.example.com.", 1, 50 },
		{ "www.example.com.", 16, 20 }, { "a.sub.example.com.", 1, 10 },
		{ "www.example.net.", 1, 5 },
	};

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(rows); i++) {
		unsigned in_burst, in_ten;

		in_burst = answered(1000, 0, "198.51.100.7", rows[i].name, rows[i].qtype);
		assert_int_equal(in_burst, rows[i].rate);
		in_ten = answered(10000, 10000, "198.51.100.7", rows[i].name, rows[i].qtype);
		assert_in_range(in_ten, rows[i].rate * 10 - 1, rows[i].rate * 10 + 1);
		now_ns += 2 * MR_NS_PER_S; /* idle: the burst is back, and no more */
		assert_int_equal(answered(1000, 0, "198.51.100.7", rows[i].name, rows[i].qtype),
				 in_burst);
	}
	assert_int_equal(f.metrics[MR_DNS_rrl_slip], 0);
	assert_true(f.metrics[MR_DNS_rrl_drop] > 10000);
	assert_int_equal(f.metrics[MR_DNS_rrl_answer] + f.metrics[MR_DNS_rrl_nxdomain] +
				 f.metrics[MR_DNS_rrl_nodata] + f.metrics[MR_DNS_rrl_referral] +
				 f.metrics[MR_DNS_rrl_error],
			 f.metrics[MR_DNS_rrl_drop]);
	/* what was taken back is in no other counter */
	assert_int_equal(f.metrics[MR_DNS_rcode_noerror] + f.metrics[MR_DNS_rcode_nxdomain] +
				 f.metrics[MR_DNS_rcode_refused] + f.metrics[MR_DNS_rrl_drop],
			 f.metrics[MR_DNS_query]);
}

static void
test_prefixes_classes_and_zones_do_not_touch_each_other(void **state)
{
	(void)state;
	assert_int_equal(answered(200, 0, "198.51.100.7", "none.example.com.", 1), 50);
	assert_int_equal(answered(200, 0, "198.51.100.250", "none.example.com.", 1), 0);
	assert_int_equal(answered(200, 0, "198.51.101.7", "none.example.com.", 1), 50);
	assert_int_equal(answered(200, 0, "198.51.100.7", "none.example.org.", 1), 50);
	assert_int_equal(answered(200, 0, "198.51.100.7", "www.example.com.", 1), 100);
	assert_int_equal(answered(200, 0, "2001:db8:0:100::1", "none.example.com.", 1), 50);
	assert_int_equal(answered(200, 0, "2001:db8:0:1ff::1", "none.example.com.", 1), 0);
	assert_int_equal(answered(200, 0, "2001:db8:0:200::1", "none.example.com.", 1), 50);
}

static void
test_slip_is_empty_with_tc_and_opt(void **state)
{
	unsigned slipped;

	(void)state;
	f.config.rrl.slip = 1;
	assert_int_equal(answered(300, 0, "198.51.100.7", "www.example.com.", 1), 300);
	assert_int_equal(f.metrics[MR_DNS_rrl_slip], 200);
	assert_true(f.message[2] & 2);
	assert_int_equal(mr_load_be16(f.message + 6), 0);
	assert_int_equal(mr_load_be16(f.message + 8), 0);
	assert_int_equal(mr_load_be16(f.message + 10), 1);
	assert_int_equal(f.answer_bytes, 12 + 17 + 4 + 11);
	answered(100, 0, "198.51.100.7", "none.example.com.", 1);
	assert_int_equal(f.message[3] & 15, 3); /* the RCODE stays */
	f.config.rrl.slip = 4;
	slipped = answered(4000, 0, "198.51.100.7", "www.example.com.", 1);
	assert_in_range(slipped, 850, 1150);
}

static void
test_streams_and_allowed_are_not_limited(void **state)
{
	struct mr_prefix allow;

	(void)state;
	assert_int_equal(answered(300, 0, "198.51.100.7", "www.example.com.", 1), 100);
	assert_int_equal(ask("198.51.100.7", "www.example.com.", 1, MR_DNS_TCP), MR_DNS_ANSWER);
	assert_int_equal(mr_prefix_parse("198.51.100.0/25", &allow), 0);
	f.config.rrl.allow = &allow;
	f.config.rrl.allow_count = 1;
	assert_int_equal(answered(300, 0, "198.51.100.7", "www.example.com.", 1), 300);
	assert_int_equal(answered(300, 0, "198.51.100.130", "www.example.com.", 1), 0);
	assert_int_equal(f.metrics[MR_DNS_rrl_allowed], 300);
}

static void
test_valid_cookie_is_not_limited(void **state)
{
	uint8_t query[256];
	uint16_t bytes;
	unsigned got = 0;

	(void)state;
	f.config.cookie_secret_count = 1;
	answered(300, 0, "198.51.100.7", "www.example.com.", 1);
	for (int round = 0; round < 3; round++) { /* the second brings what the first was given */
		struct mr_dns_item item = { .message = f.message, .room_bytes = FIXTURE_BYTES };
		struct mr_writer w = mr_writer_over(query, sizeof(query));

		mr_writer_bytes(&w, "\x12\x34\0\0\0\1\0\0\0\0\0\1\3www\7example\3com\0\0\1\0\1",
				33);
		mr_writer_bytes(&w, "\0\0\x29\x04\xd0\0\0\0\0", 9);
		mr_writer_be16(&w, round ? 28 : 12);
		mr_writer_be16(&w, 10);
		mr_writer_be16(&w, round ? 24 : 8);
		mr_writer_bytes(&w, "clientck", 8);
		if (round)
			mr_writer_bytes(&w, f.message + f.answer_bytes - 16, 16);
		bytes = (uint16_t)(w.at - query);
		memcpy(f.message, query, bytes);
		item.message_bytes = bytes;
		item.client.now_ns = now_ns;
		assert_int_equal(mr_addr_parse("198.51.100.7", &item.client.addr), 0);
		f.config.rrl.mode = round ? MR_DNS_RRL_ON : MR_DNS_RRL_OFF;
		mr_dns_answer(&f.dns, f.set, &item);
		f.answer_bytes = item.answer_bytes;
		got += item.outcome == MR_DNS_ANSWER;
	}
	mr_dns_flush(&f.dns);
	assert_int_equal(got, 3);
	assert_int_equal(f.metrics[MR_DNS_rrl_cookie], 2);
}

static void
test_log_mode_limits_nothing_and_remembers(void **state)
{
	struct mr_dns_rrl_seen seen[MR_DNS_RRL_SEEN];

	(void)state;
	f.config.rrl.mode = MR_DNS_RRL_LOG;
	assert_int_equal(answered(300, 0, "198.51.100.7", "www.example.com.", 1), 300);
	assert_int_equal(f.metrics[MR_DNS_rrl_would], 200);
	assert_int_equal(f.metrics[MR_DNS_rrl_drop], 0);
	assert_int_equal(mr_dns_rrl_list(&rrl, seen, MR_DNS_RRL_SEEN), 1);
	assert_int_equal(seen[0].limited, 200);
	assert_int_equal(seen[0].rrl_class, MR_DNS_RRL_ANSWER);
	assert_int_equal(seen[0].prefix.bits, 120);
	f.config.rrl.mode = MR_DNS_RRL_OFF;
	assert_int_equal(answered(300, 0, "198.51.100.7", "www.example.com.", 1), 300);
	assert_int_equal(f.metrics[MR_DNS_rrl_would], 200);
}

/* A flood of forged prefixes, far more than there are lines, does not take answers from others. */
static void
test_flood_of_prefixes_costs_nobody_an_answer(void **state)
{
	unsigned got = 0;
	char from[32];

	(void)state;
	for (unsigned i = 0; i < 30000; i++) {
		snprintf(from, sizeof(from), "10.%u.%u.1", i >> 8 & 255, i & 255);
		got += ask(from, "www.example.com.", 1, MR_DNS_UDP) == MR_DNS_ANSWER;
	}
	assert_int_equal(got, 30000);
}

static void
test_shares_follow_demand_and_make_one(void **state)
{
	static struct mr_dns_rrl workers[4];
	struct mr_dns_rrl *all[4] = { &workers[0], &workers[1], &workers[2], &workers[3] };
	uint32_t sum = 0;

	(void)state;
	memset(workers, 0, sizeof(workers));
	mr_dns_rrl_rebalance(all, 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(workers[i].share[MR_DNS_RRL_ANSWER], 16384);
	workers[2].demand[MR_DNS_RRL_ANSWER] = 3000;
	workers[3].demand[MR_DNS_RRL_ANSWER] = 1000;
	mr_dns_rrl_rebalance(all, 4);
	assert_int_equal(workers[0].share[MR_DNS_RRL_ANSWER], 8192);
	assert_int_equal(workers[2].share[MR_DNS_RRL_ANSWER], 8192 + 24576);
	for (int i = 0; i < 4; i++)
		sum += workers[i].share[MR_DNS_RRL_ANSWER];
	assert_int_equal(sum, 65536);
	mr_dns_rrl_rebalance(all, 4); /* nothing was asked since: alike again */
	assert_int_equal(workers[2].share[MR_DNS_RRL_ANSWER], 16384);
	mr_dns_rrl_rebalance(all, 1);
	assert_int_equal(workers[0].share[MR_DNS_RRL_ANSWER], 65536);

	rrl.share[MR_DNS_RRL_ANSWER] = 16384; /* a quarter of 100 */
	assert_int_equal(answered(300, 0, "198.51.100.7", "www.example.com.", 1), 25);
}

/* The clock of a cell goes round in 71 minutes: that is not held against who comes back. */
static void
test_clock_goes_round(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++) {
		assert_int_equal(answered(150, 0, "198.51.100.7", "www.example.com.", 1), 100);
		now_ns += 97 * MR_NS_PER_S;
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_each_class_has_its_rate),
		TEST(test_prefixes_classes_and_zones_do_not_touch_each_other),
		TEST(test_slip_is_empty_with_tc_and_opt),
		TEST(test_streams_and_allowed_are_not_limited),
		TEST(test_valid_cookie_is_not_limited),
		TEST(test_log_mode_limits_nothing_and_remembers),
		TEST(test_flood_of_prefixes_costs_nobody_an_answer),
		TEST(test_shares_follow_demand_and_make_one),
		TEST(test_clock_goes_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
