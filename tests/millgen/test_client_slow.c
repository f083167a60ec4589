/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/client_slow - what each variant sends, and what it never does.
 */
#include "tcp_fixture.h"

static void
start(enum gen_slow slow)
{
	struct setup with = { .again_ms = 1000, .slow = slow };

	begin(&with);
	opened(1);
	reply(GEN_SYN | GEN_ACK, t.snd++, t.rcv, NULL, 0);
	assert_int_equal(count(GEN_TCP_ok), 1);
}

static void
test_slowloris_never_sends_the_last_byte(void **state)
{
	uint8_t request[150];
	uint32_t bytes = 0;

	(void)state;
	start(GEN_SLOW_slowloris);
	expect(GEN_ACK, 0);
	for (unsigned i = 0; i < 200; i++) {
		tick(1010);
		if (!take())
			continue;
		assert_int_equal(t.sent.bytes, 1);
		assert_int_equal(t.sent.seq, t.rcv);
		request[bytes++] = t.sent.payload[0];
		reply(GEN_ACK, t.snd, ++t.rcv, NULL, 0);
	}
	assert_int_equal(bytes, 149);
	assert_memory_equal(request, "GET / HTTP/1.1\r\n", 16);
	say(GEN_FIN, "");
	expect(GEN_FIN | GEN_ACK, 0);
	assert_int_equal(count(GEN_TCP_peer_closed), 1);
	assert_int_equal(gen_tally_sum(&t.tally, GEN_CLASS_WRONG), 0);
	end();
}

static void
test_zero_window_takes_nothing(void **state)
{
	(void)state;
	start(GEN_SLOW_zero_window);
	expect(GEN_ACK | GEN_PSH, 150);
	assert_int_equal(t.sent.window, 0);
	t.rcv += 150;
	reply(GEN_ACK, t.snd, t.rcv, "H", 1); /* a probe */
	expect(GEN_ACK, 0);
	assert_int_equal(t.sent.ack, t.snd);
	assert_int_equal(t.sent.window, 0);
	tick(5000);
	expect_nothing();
	assert_int_equal(gen_tally_sum(&t.tally, GEN_CLASS_FOREIGN), 0);
	end();
}

static void
test_slow_reader_acknowledges_when_it_looks(void **state)
{
	(void)state;
	start(GEN_SLOW_slow_reader);
	expect(GEN_ACK | GEN_PSH, 150);
	assert_int_equal((uint32_t)t.sent.window << 7, 256);
	t.rcv += 150;
	say(0, "HTTP/1.1 200 OK\r\n");
	expect_nothing();
	tick(1010);
	expect(GEN_ACK, 0);
	assert_int_equal(t.sent.ack, t.snd);
	end();
}

static void
test_out_of_order_bytes_leave_the_first_out(void **state)
{
	(void)state;
	start(GEN_SLOW_ooo_bomb);
	expect(GEN_ACK, 0);
	for (unsigned look = 0; look < 30; look++) {
		unsigned bytes = 0;

		tick(1010);
		for (; take(); bytes++) {
			assert_int_equal(t.sent.bytes, 1);
			assert_true((int32_t)(t.sent.seq - t.rcv) > 0);
			assert_true(t.sent.seq - t.rcv < 150);
		}
		assert_true(bytes >= 4);
	}
	end();
}

static void
test_sack_bomb_names_single_bytes_and_acknowledges_none(void **state)
{
	(void)state;
	start(GEN_SLOW_sack_bomb);
	expect(GEN_ACK | GEN_PSH, 150);
	t.rcv += 150;
	reply(GEN_ACK, t.snd, t.rcv, "HTTP/1.1 200 OK\r\n", 17);
	expect_nothing();
	for (unsigned look = 0; look < 10; look++) {
		unsigned segments = 0;

		tick(1010);
		for (; take(); segments++) {
			assert_int_equal(t.sent.flags, GEN_ACK);
			assert_int_equal(t.sent.ack, t.snd);
			assert_int_equal(t.sent.bytes, 0);
			for (unsigned i = 0; i < 3; i++) {
				uint32_t left = t.sent.blocks[i][0];

				assert_int_equal(t.sent.blocks[i][1] - left, 1);
				assert_in_range(left - t.snd, 1, 3000);
			}
		}
		assert_true(segments >= 4);
	}
	end();
}

static void
test_injected_resets_are_in_the_window_and_wrong(void **state)
{
	(void)state;
	start(GEN_SLOW_rst_inject);
	expect(GEN_ACK, 0);
	tick(1010);
	for (unsigned i = 0; i < 4; i++) {
		expect(GEN_RST, 0);
		assert_true(t.sent.seq != t.rcv && t.sent.seq - t.rcv < 65536);
	}
	reply(GEN_ACK, t.snd, t.rcv, NULL, 0); /* the challenge */
	assert_int_equal(t.client->held_count, 1);
	end();
}

static void
test_flood_judges_without_state(void **state)
{
	static const struct setup with = { .flood = true };

	(void)state;
	begin(&with);
	for (unsigned i = 0; i < 2; i++) {
		gen_client_flood(t.client);
		expect(GEN_SYN, 0);
		t.port = t.sent.port;
		memcpy(t.address, t.sent.client, 16);
		t.rcv = t.sent.seq + 1;
	}
	assert_int_equal(t.client->open_count, 0);
	reply(GEN_SYN | GEN_ACK, 7, t.rcv, NULL, 0);
	reply(GEN_SYN | GEN_ACK, 7, t.rcv + 1, NULL, 0);
	reply(GEN_RST | GEN_ACK, 0, t.rcv, NULL, 0);
	expect_nothing();
	assert_int_equal(count(GEN_TCP_ok), 1);
	assert_int_equal(count(GEN_TCP_bad_ack), 1);
	assert_int_equal(count(GEN_TCP_refused), 1);
	end();
}

static void
test_flood_beside_comes_from_no_client(void **state)
{
	static const struct setup with = { .requests = 1 };
	uint32_t first, last;

	(void)state;
	begin(&with);
	first = t.client->tuples.ways[0].client_base;
	last = first + t.client->tuples.client_count;
	for (uint64_t n = 0; n < 32; n++) {
		gen_client_flood_beside(t.client, n);
		expect(GEN_SYN, 0);
		assert_true(mr_load_be32(t.sent.client) >= last &&
			    mr_load_be32(t.sent.client) <= last + UINT16_MAX);
	}
	assert_int_equal(t.client->open_count, 0);
	assert_int_equal(count(GEN_TCP_flood_sent), 32);
	/* What comes back to there is nobody's. */
	t.port = t.sent.port;
	memcpy(t.address, t.sent.client, 4);
	assert_int_equal(reply_ts(GEN_SYN | GEN_ACK, 7, t.sent.seq + 1, NULL, 0, 1),
			 GEN_PARSE_FOREIGN);
	expect_nothing();
	end();
}

static void
test_variants_have_names(void **state)
{
	(void)state;
	assert_int_equal(gen_slow_read("slowloris"), GEN_SLOW_slowloris);
	assert_int_equal(gen_slow_read("zero-window"), GEN_SLOW_zero_window);
	assert_int_equal(gen_slow_read("zero"), GEN_SLOW_none);
	assert_int_equal(gen_slow_read("idler"), GEN_SLOW_none);
	assert_int_equal(gen_slow_read(NULL), GEN_SLOW_none);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slowloris_never_sends_the_last_byte),
		cmocka_unit_test(test_zero_window_takes_nothing),
		cmocka_unit_test(test_slow_reader_acknowledges_when_it_looks),
		cmocka_unit_test(test_out_of_order_bytes_leave_the_first_out),
		cmocka_unit_test(test_sack_bomb_names_single_bytes_and_acknowledges_none),
		cmocka_unit_test(test_injected_resets_are_in_the_window_and_wrong),
		cmocka_unit_test(test_flood_judges_without_state),
		cmocka_unit_test(test_flood_beside_comes_from_no_client),
		cmocka_unit_test(test_variants_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
