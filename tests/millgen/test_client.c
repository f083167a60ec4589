/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/client - the life of a connection: what is lost, doubled, late, wrapped or wrong.
 */
#include "tcp_fixture.h"

static const struct setup once = { .requests = 1 };

static void
test_server_closes_all_is_counted_once(void **state)
{
	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++)
		for (unsigned bare = 0; bare < 2; bare++) {
			struct setup with = { .requests = 1, .v6 = v6, .no_timestamps = bare };

			begin(&with);
			established(1);
			assert_memory_equal(t.sent.payload, "GET / HTTP/1.1\r\nHost: test\r\n", 28);
			assert_non_null(strstr((char *)t.sent.payload, "Connection: close\r\n"));
			assert_int_equal(t.sent.bytes, 150);
			say(GEN_FIN, ANSWER);
			assert_int_equal(count(GEN_TCP_ok), 0);
			closed();
			assert_int_equal(count(GEN_TCP_ok), 1);
			assert_int_equal(count(GEN_TCP_closed), 1);
			assert_int_equal(gen_tally_sum(&t.tally, GEN_CLASS_FOREIGN), 0);
			assert_int_equal(mr_histogram_count(&t.tally.latency), 1);
			end();
		}
}

static void
test_client_closes_and_late_fin_is_acknowledged_without_state(void **state)
{
	static const struct setup with = { .requests = 1, .client_closes = true };

	(void)state;
	begin(&with);
	established(1);
	assert_null(strstr((char *)t.sent.payload, "close"));
	say(GEN_PSH, ALIVE);
	expect(GEN_FIN | GEN_ACK, 0);
	assert_int_equal(t.sent.ack, t.snd);
	reply(GEN_ACK, t.snd, ++t.rcv, NULL, 0);
	expect_nothing();
	say(GEN_FIN, "");
	expect(GEN_ACK, 0);
	assert_int_equal(count(GEN_TCP_ok), 1);
	assert_int_equal(t.client->open_count, 0);
	/* The last ACK was lost: the FIN comes again. */
	reply(GEN_FIN | GEN_ACK, t.snd - 1, t.rcv, NULL, 0);
	expect(GEN_ACK, 0);
	assert_int_equal(t.sent.seq, t.rcv);
	assert_int_equal(t.sent.ack, t.snd);
	assert_int_equal(count(GEN_TCP_late_fin), 1);
	/* When it has rested, nobody is there. */
	tick(60001);
	reply(GEN_FIN | GEN_ACK, t.snd - 1, t.rcv, NULL, 0);
	expect(GEN_RST, 0);
	assert_int_equal(t.sent.seq, t.rcv);
	end();
}

static void
test_both_close_at_once(void **state)
{
	static const struct setup with = { .requests = 1, .client_closes = true };

	(void)state;
	begin(&with);
	established(1);
	say(GEN_PSH, ALIVE);
	expect(GEN_FIN | GEN_ACK, 0);
	say(GEN_FIN, ""); /* sent before ours came there */
	expect(GEN_ACK, 0);
	assert_int_equal(t.sent.seq, t.rcv + 1);
	assert_int_equal(t.client->open_count, 1);
	reply(GEN_ACK, t.snd, ++t.rcv, NULL, 0);
	assert_int_equal(t.client->open_count, 0);
	assert_int_equal(count(GEN_TCP_ok), 1);
	end();
}

static void
test_what_is_lost_is_sent_again(void **state)
{
	uint8_t request[1600];
	uint32_t bytes, iss;

	(void)state;
	begin(&once);
	opened(1);
	iss = t.sent.seq;
	tick(900);
	expect_nothing();
	tick(320);
	expect(GEN_SYN, 0); /* RFC 6298 2.1: one second */
	assert_int_equal(t.sent.seq, iss);
	tick(1500);
	expect_nothing(); /* backed off */
	tick(700);
	expect(GEN_SYN, 0);
	reply(GEN_SYN | GEN_ACK, t.snd++, t.rcv, NULL, 0);
	assert_true(take());
	bytes = t.sent.bytes;
	memcpy(request, t.sent.payload, bytes);
	tick(450);
	expect(GEN_ACK | GEN_PSH, bytes); /* the request, byte for byte */
	assert_memory_equal(t.sent.payload, request, bytes);
	assert_int_equal(t.sent.seq, t.rcv);
	t.rcv += bytes;
	say(GEN_FIN, ANSWER);
	expect(GEN_FIN | GEN_ACK, 0);
	tick(450);
	expect(GEN_FIN | GEN_ACK, 0);
	assert_int_equal(t.sent.seq, t.rcv);
	reply(GEN_ACK, t.snd, ++t.rcv, NULL, 0);
	assert_int_equal(count(GEN_TCP_syn_again), 2);
	assert_int_equal(count(GEN_TCP_data_again), 1);
	assert_int_equal(count(GEN_TCP_fin_again), 1);
	assert_int_equal(count(GEN_TCP_ok), 1);
	end();
}

static void
test_reordered_and_doubled_segments(void **state)
{
	static const char text[] = ANSWER;
	uint32_t first, total = sizeof(text) - 1, cut = 40;

	(void)state;
	begin(&once);
	established(1);
	first = t.snd;
	reply(GEN_ACK | GEN_FIN, first + cut, t.rcv, text + cut, total - cut);
	expect(GEN_ACK, 0); /* at once, and of nothing new */
	assert_int_equal(t.sent.ack, first);
	assert_int_equal(count(GEN_TCP_reordered), 1);
	reply(GEN_ACK, first, t.rcv, text, cut);
	expect(GEN_ACK, 0);
	assert_int_equal(t.sent.ack, first + cut);
	reply(GEN_ACK, first, t.rcv, text, cut); /* doubled */
	expect(GEN_ACK, 0);
	assert_int_equal(count(GEN_TCP_old_segment), 1);
	/* Half of it is old, half is new. */
	reply(GEN_ACK, first + 10, t.rcv, text + 10, cut);
	expect(GEN_ACK, 0);
	assert_int_equal(t.sent.ack, first + cut + 10);
	t.snd = first + total + 1;
	reply(GEN_ACK | GEN_FIN, first + cut, t.rcv, text + cut, total - cut);
	closed();
	assert_int_equal(count(GEN_TCP_ok), 1);
	end();
}

static void
test_sequence_numbers_wrap(void **state)
{
	struct setup with = { .requests = 1, .no_timestamps = true };

	(void)state;
	/* A seed whose first connection begins within a request of the wrap. */
	for (with.seed = 1;; with.seed++) {
		uint32_t iss = (uint32_t)gen_mix(with.seed) + 250;

		if (iss > UINT32_MAX - 100)
			break;
	}
	begin(&with);
	opened(1);
	assert_true(t.sent.seq > UINT32_MAX - 100);
	reply(GEN_SYN | GEN_ACK, t.snd++, t.rcv, NULL, 0);
	expect(GEN_ACK | GEN_PSH, 150);
	tick(450); /* lost, and half of what comes again is taken */
	if (!t.out.count)
		tick(1000);
	expect(GEN_ACK | GEN_PSH, 150);
	reply(GEN_ACK, t.snd, t.rcv + 80, NULL, 0);
	expect(GEN_ACK | GEN_PSH, 70);
	assert_int_equal(t.sent.seq, t.rcv + 80);
	assert_memory_equal(t.sent.payload + 66, "\r\n\r\n", 4);
	t.rcv += 150;
	assert_true(t.rcv < 150);
	say(GEN_FIN, ANSWER);
	closed();
	assert_int_equal(count(GEN_TCP_ok), 1);
	end();
}

static void
test_handshake_with_wrong_ack_is_reset(void **state)
{
	(void)state;
	begin(&once);
	opened(1);
	reply(GEN_SYN | GEN_ACK, t.snd, t.rcv + 1, NULL, 0);
	expect(GEN_RST, 0);
	assert_int_equal(t.sent.seq, t.rcv + 1);
	assert_int_equal(count(GEN_TCP_bad_ack), 1);
	reply(GEN_RST | GEN_ACK, 0, t.rcv, NULL, 0);
	assert_int_equal(count(GEN_TCP_refused), 1);
	assert_int_equal(t.client->open_count, 0);
	end();
}

static void
test_resets_and_blind_attacks(void **state)
{
	(void)state;
	begin(&once);
	established(1);
	reply(GEN_RST, t.snd + 100, 0, NULL, 0);
	expect(GEN_ACK, 0); /* RFC 5961 3.2: a challenge */
	reply(GEN_RST, t.snd - 5, 0, NULL, 0);
	expect_nothing();
	assert_int_equal(count(GEN_TCP_bad_reset), 2);
	reply(GEN_SYN | GEN_ACK, t.snd, t.rcv, NULL, 0);
	expect(GEN_ACK, 0); /* RFC 5961 4.2 */
	reply(GEN_ACK, t.snd, t.rcv + 1000, NULL, 0);
	expect(GEN_ACK, 0); /* never sent */
	assert_int_equal(count(GEN_TCP_bad_ack), 1);
	assert_int_equal(t.client->open_count, 1);
	reply(GEN_RST, t.snd, 0, NULL, 0);
	expect_nothing();
	assert_int_equal(count(GEN_TCP_reset), 1);
	assert_int_equal(t.client->open_count, 0);
	end();
}

static void
test_old_timestamps_and_bad_checksums_are_not_believed(void **state)
{
	(void)state;
	begin(&once);
	tick(5000);
	established(1);
	assert_int_equal(reply_ts(GEN_ACK, t.snd, t.rcv, "x", 1, 1), GEN_PARSE_OK);
	expect(GEN_ACK, 0);
	assert_int_equal(count(GEN_TCP_paws), 1);
	t.port ^= 0x8000; /* to nobody's port */
	assert_int_equal(reply_ts(GEN_ACK, t.snd, t.rcv, "x", 1, 5000), GEN_PARSE_FOREIGN);
	end();
}

static void
answer_counts(const char *text, enum gen_tcp_verdict verdict, bool aborts)
{
	begin(&once);
	t.client->ask.objects[0] = (struct gen_object){ 5, 0 };
	/* CRC32C of "hello" is learned from a right answer. */
	established(1);
	t.client->ask.objects[0].bytes = GEN_OBJECT_UNKNOWN;
	say(GEN_FIN, ANSWER);
	closed();
	memset(t.tally.verdicts, 0, sizeof(t.tally.verdicts));
	established(1);
	say(GEN_FIN, text);
	if (aborts) {
		expect(GEN_RST | GEN_ACK, 0);
	} else {
		closed();
	}
	assert_int_equal(count(verdict), 1);
	assert_int_equal(gen_tally_sum(&t.tally, GEN_CLASS_RIGHT) +
				 gen_tally_sum(&t.tally, GEN_CLASS_WRONG),
			 1);
	assert_int_equal(t.client->open_count, 0);
	end();
}

static void
test_answers_and_their_verdicts(void **state)
{
#define HEAD "HTTP/1.1 200 OK\r\n"
	(void)state;
	answer_counts(ANSWER, GEN_TCP_ok, false);
	answer_counts("HTTP/1.0 200 OK\r\n\r\nhello", GEN_TCP_ok, false);
	answer_counts(HEAD "connection: Close\r\ncontent-length:5\r\n\r\nhello", GEN_TCP_ok, false);
	answer_counts(HEAD "Content-Length: 5\r\n\r\nhallo", GEN_TCP_wrong_body, false);
	answer_counts(HEAD "Content-Length: 6\r\n\r\nhello!", GEN_TCP_wrong_length, false);
	answer_counts(HEAD "Connection: close\r\n\r\nhell", GEN_TCP_wrong_length, false);
	answer_counts("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno!",
		      GEN_TCP_wrong_status, false);
	answer_counts("HTTP/1.1 500\r\nConnection: close\r\n\r\nno!", GEN_TCP_wrong_status, false);
	answer_counts(HEAD "Content-Length: 5\r\n\r\nhell", GEN_TCP_closed_early, false);
	answer_counts(HEAD "Content-Le", GEN_TCP_closed_early, false);
	answer_counts("", GEN_TCP_closed_early, false);
	answer_counts(HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", GEN_TCP_malformed, true);
	answer_counts(HEAD "Content-Length: 5x\r\n\r\nhello", GEN_TCP_malformed, true);
	answer_counts(HEAD "Content-Length: 99999999999\r\n\r\nhello", GEN_TCP_malformed, true);
	answer_counts(HEAD "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", GEN_TCP_malformed,
		      true);
	answer_counts(HEAD "\r\nhello", GEN_TCP_malformed, true); /* no end */
	answer_counts("SSH-2.0-OpenSSH\r\n\r\n", GEN_TCP_malformed, true);
	answer_counts("HTTP/1.1 100 Continue\r\n\r\n", GEN_TCP_malformed, true);
}

static void
test_an_answer_cut_at_every_byte(void **state)
{
	static const char text[] = ALIVE;
	uint32_t total = sizeof(text) - 1;

	(void)state;
	for (uint32_t cut = 1; cut < total; cut++) {
		uint32_t partials;

		begin(&once);
		partials = t.client->ask.partial_count;
		established(1);
		reply(GEN_ACK, t.snd, t.rcv, text, cut);
		expect(GEN_ACK, 0);
		t.snd += cut;
		say(GEN_FIN, text + cut);
		closed();
		assert_int_equal(count(GEN_TCP_ok), 1);
		assert_int_equal(t.client->ask.partial_count, partials);
		end();
	}
}

static void
test_bytes_that_nobody_asked_for(void **state)
{
	(void)state;
	begin(&once);
	established(1);
	say(GEN_FIN, ANSWER "more");
	closed();
	assert_int_equal(count(GEN_TCP_unasked), 1);
	end();
}

static void
test_no_answer_is_given_up(void **state)
{
	(void)state;
	begin(&once);
	established(1);
	reply(GEN_ACK, t.snd, t.rcv, NULL, 0); /* it took the request */
	for (unsigned i = 0; i < 24; i++)
		tick(200);
	expect_nothing();
	tick(400);
	expect(GEN_RST | GEN_ACK, 0);
	assert_int_equal(count(GEN_TCP_no_answer), 1);
	assert_int_equal(count(GEN_TCP_data_again), 0);
	assert_int_equal(t.client->open_count, 0);
	end();
}

static void
test_no_close_is_not_right(void **state)
{
	(void)state;
	begin(&once);
	established(1);
	say(0, ANSWER);
	expect(GEN_ACK, 0);
	for (unsigned i = 0; i < 30; i++)
		tick(200);
	expect(GEN_RST | GEN_ACK, 0);
	assert_int_equal(count(GEN_TCP_ok), 0);
	assert_int_equal(count(GEN_TCP_not_closed), 1);
	end();
}

static void
test_keepalive_pipelines_and_goes_on_after_loss(void **state)
{
	static const struct setup with = {
		.connections = 1, .pipeline = 12, .mss = 512, .path = "/o/%u", .objects = 1000
	};
	uint8_t stream[4096];
	uint32_t total = 0, first;

	(void)state;
	begin(&with);
	established(0);
	assert_int_equal(t.sent.flags, GEN_ACK);
	first = t.rcv;
	assert_true(gen_client_ask(t.client, t.now_ns, 12));
	assert_false(gen_client_ask(t.client, t.now_ns, 12)); /* it is busy */
	while (take()) {
		assert_true(t.sent.bytes <= 500); /* the MSS, less the timestamps */
		assert_int_equal(t.sent.seq, first + total);
		memcpy(stream + total, t.sent.payload, t.sent.bytes);
		total += t.sent.bytes;
	}
	assert_true(total > 12 * 150);
	/* The first segment came, the others did not: one, and then each next hole. */
	reply(GEN_ACK, t.snd, first + 500, NULL, 0);
	tick(450);
	for (uint32_t at = 500; at < total;) {
		assert_true(take());
		assert_int_equal(t.sent.seq, first + at);
		assert_memory_equal(t.sent.payload, stream + at, t.sent.bytes);
		at += t.sent.bytes;
		expect_nothing();
		reply(GEN_ACK, t.snd, first + at, NULL, 0);
	}
	t.rcv = first + total;
	for (unsigned i = 0; i < 12; i++) {
		say(0, ALIVE);
		expect(GEN_ACK, 0);
	}
	assert_int_equal(count(GEN_TCP_ok), 12);
	assert_int_equal(mr_histogram_count(&t.tally.latency), 12);
	/* Idle again; and closed from this side at the end. */
	gen_client_close_begin(t.client);
	assert_false(gen_client_close_some(t.client, 64));
	expect(GEN_FIN | GEN_ACK, 0);
	reply(GEN_ACK | GEN_FIN, t.snd, t.rcv + 1, NULL, 0);
	expect(GEN_ACK, 0);
	assert_int_equal(t.client->open_count, 0);
	assert_int_equal(count(GEN_TCP_closed), 1);
	end();
}

static void
test_held_connection_asks_again_by_itself(void **state)
{
	static const struct setup with = { .again_ms = 10000, .active_ppm = 1000000 };

	(void)state;
	begin(&with);
	established(1);
	say(0, ALIVE);
	expect(GEN_ACK, 0);
	tick(9990);
	expect_nothing();
	tick(20);
	expect(GEN_ACK | GEN_PSH, 150);
	t.rcv += 150;
	tick(450); /* what is busy is looked at often: the loss is seen in time */
	expect(GEN_ACK | GEN_PSH, 150);
	say(0, ALIVE);
	expect(GEN_ACK, 0);
	assert_int_equal(count(GEN_TCP_ok), 2);
	assert_int_equal(t.client->held_count, 1);
	t.client->asking = false; /* the run is at its end */
	tick(11000);
	expect_nothing();
	end();
}

/* held_idle asks twice and is then silent until the server closes it after so many ms. */
static void
held_idle(uint64_t closed_ms)
{
	static const struct setup with = { .again_ms = 10000, .idle_ns = 20000 * MR_NS_PER_MS };

	begin(&with);
	established(1);
	say(GEN_PSH, ALIVE);
	expect(GEN_ACK, 0);
	tick(10001);
	assert_true(take());
	t.rcv += t.sent.bytes;
	say(GEN_PSH, ALIVE);
	expect(GEN_ACK, 0);
	tick(closed_ms);
	expect_nothing();
	say(GEN_FIN, "");
	closed();
	assert_int_equal(count(GEN_TCP_ok), 2);
	assert_int_equal(count(GEN_TCP_peer_closed), 1);
}

static void
test_held_connection_that_is_idle_is_closed_in_time(void **state)
{
	(void)state;
	held_idle(19900); /* 0.5 % early */
	assert_int_equal(t.tally.idle_early, 1);
	assert_int_equal(mr_histogram_count(&t.tally.idle), 0);
	end();
	held_idle(20003);
	assert_int_equal(t.tally.idle_early, 0);
	assert_int_equal(mr_histogram_count(&t.tally.idle), 1);
	assert_int_equal(t.tally.idle.max, 3 * MR_NS_PER_MS);
	end();
}

static void
test_a_tuple_rests_before_it_is_used_again(void **state)
{
	struct setup with = { .requests = 1, .source = "10.1.0.7/32" };

	(void)state;
	begin(&with);
	for (unsigned i = 0; i < 64; i++) { /* one address, 64 ports */
		established(1);
		assert_int_equal(t.port, 1024 + i);
		say(GEN_FIN, ANSWER);
		closed();
		tick(100);
	}
	assert_int_equal(gen_tuples_live(&t.client->tuples, t.client->now_ms), 64);
	assert_false(gen_client_can_open(t.client));
	assert_true(count(GEN_TCP_no_tuple) > 0);
	tick(60000 - 64 * 100 - 10);
	assert_false(gen_client_can_open(t.client));
	tick(20); /* the first one, and only that */
	established(1);
	assert_int_equal(t.port, 1024);
	assert_false(gen_client_can_open(t.client));
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server_closes_all_is_counted_once),
		cmocka_unit_test(test_client_closes_and_late_fin_is_acknowledged_without_state),
		cmocka_unit_test(test_both_close_at_once),
		cmocka_unit_test(test_what_is_lost_is_sent_again),
		cmocka_unit_test(test_reordered_and_doubled_segments),
		cmocka_unit_test(test_sequence_numbers_wrap),
		cmocka_unit_test(test_handshake_with_wrong_ack_is_reset),
		cmocka_unit_test(test_resets_and_blind_attacks),
		cmocka_unit_test(test_old_timestamps_and_bad_checksums_are_not_believed),
		cmocka_unit_test(test_answers_and_their_verdicts),
		cmocka_unit_test(test_an_answer_cut_at_every_byte),
		cmocka_unit_test(test_bytes_that_nobody_asked_for),
		cmocka_unit_test(test_no_answer_is_given_up),
		cmocka_unit_test(test_no_close_is_not_right),
		cmocka_unit_test(test_keepalive_pipelines_and_goes_on_after_loss),
		cmocka_unit_test(test_held_connection_asks_again_by_itself),
		cmocka_unit_test(test_held_connection_that_is_idle_is_closed_in_time),
		cmocka_unit_test(test_a_tuple_rests_before_it_is_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
