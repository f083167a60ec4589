/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/ask_dns - answers in a stream: in any order, cut anywhere, and wrong ones.
 */
#include "fixture.h"

#include <string.h>

#include "ask.h"

enum { BATCH = 4, TUPLE = 77 };

static const struct gen_match_options answers = {
	.expect = GEN_EXPECT_ANSWER, .rcodes = 1, .check_rdata = true, .time_limit = 1000
};
static struct fixture f;
static struct gen_ask ask;
static struct gen_conn conn;
static uint8_t stream[4096];
static uint32_t stream_bytes;

static int
setup(void **state)
{
	struct gen_frame_options options = fixture_options();
	struct mr_error error = { 0 };

	(void)state;
	options.edns_bytes = 1232;
	fixture_make(&f, "h%u.example.com A", &options, false, &answers);
	memset(&ask, 0, sizeof(ask));
	ask.pipeline = BATCH;
	ask.match = &f.match;
	assert_int_equal(gen_chooser_create(&ask.chooser, GEN_CHOICE_UNIFORM, f.questions.count, 1,
					    1, &error),
			 0);
	assert_int_equal(gen_ask_dns(&ask, &error), 0);
	conn = (struct gen_conn){ .tuple = TUPLE, .batch = BATCH, .open = BATCH, .ask_done = 8 };
	stream_bytes = 0;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	gen_ask_free(&ask);
	fixture_end(&f);
	return 0;
}

/* answer appends the answer to query `number`: the query turned round, with one record. */
static uint8_t *
answer(uint32_t number)
{
	uint8_t *at = stream + stream_bytes, *dns = at + 2;
	uint16_t bytes = gen_ask_write(&ask, TUPLE, number, at);
	uint16_t question_end = (uint16_t)(bytes - 2 - f.frames.edns_bytes);
	uint8_t *record = dns + question_end;

	assert_int_equal(bytes, gen_ask_bytes(&ask, TUPLE, number));
	assert_int_equal(mr_load_be16(at), bytes - 2);
	dns[2] |= 0x80;
	mr_store_be16(dns + 6, 1);
	mr_store_be16(dns + 10, 0);
	mr_store_be16(record, 0xc00c);
	mr_store_be32(record + 2, 0x00010001);
	mr_store_be32(record + 6, 300);
	mr_store_be16(record + 10, 4);
	mr_store_be32(record + 12, 0x0a000000u + gen_ask_object(&ask, TUPLE, number));
	mr_store_be16(at, (uint16_t)(question_end + 16));
	stream_bytes += 2u + question_end + 16;
	return dns;
}

/* eat feeds [from .. to) and notes who was answered; returns the last bite. */
static struct gen_bite
eat(uint32_t from, uint32_t to, uint8_t *order, unsigned *count)
{
	struct gen_bite bite = { 0 };

	while (from < to) {
		bite = gen_ask_eat(&ask, &conn, stream + from, to - from);
		if (bite.broken)
			return bite;
		assert_true(bite.bytes > 0);
		from += bite.bytes;
		if (!bite.done)
			continue;
		assert_int_equal(bite.verdict, GEN_TCP_ok);
		order[(*count)++] = (uint8_t)(conn.ask_done + bite.index);
		for (conn.left |= 1u << bite.index; conn.left & 1; conn.left >>= 1)
			conn.ask_done++;
	}
	return bite;
}

static void
test_any_order_cut_at_every_byte(void **state)
{
	static const uint8_t wanted[BATCH] = { 10, 8, 11, 9 };

	(void)state;
	for (unsigned i = 0; i < BATCH; i++)
		answer(wanted[i]);
	for (uint32_t cut = 0; cut <= stream_bytes; cut++) {
		uint8_t order[BATCH];
		unsigned count = 0;

		conn.ask_done = 8;
		conn.left = 0;
		eat(0, cut, order, &count);
		eat(cut, stream_bytes, order, &count);
		assert_int_equal(count, BATCH);
		assert_memory_equal(order, wanted, BATCH);
		assert_int_equal(conn.ask_done, 12);
		assert_int_equal(ask.partial_count, GEN_ASK_PARTIALS);
	}
}

static void
test_byte_by_byte(void **state)
{
	uint8_t order[BATCH];
	unsigned count = 0;

	(void)state;
	answer(8);
	answer(9);
	for (uint32_t at = 0; at < stream_bytes; at++)
		eat(at, at + 1, order, &count);
	assert_int_equal(count, 2);
}

static void
test_what_nobody_asked(void **state)
{
	uint8_t order[BATCH];
	unsigned count = 0;

	(void)state;
	answer(12); /* behind the batch */
	assert_int_equal(eat(0, stream_bytes, order, &count).verdict, GEN_TCP_unasked);
	stream_bytes = 0;
	answer(9);
	answer(9); /* twice */
	assert_int_equal(eat(0, stream_bytes, order, &count).verdict, GEN_TCP_unasked);
	assert_int_equal(count, 1);
	stream_bytes = 0;
	answer(8)[2] &= 0x7f; /* a query */
	assert_int_equal(eat(0, stream_bytes, order, &count).verdict, GEN_TCP_malformed);
}

static void
test_wrong_answers(void **state)
{
	struct gen_bite bite;

	(void)state;
	answer(8)[3] |= 3;
	bite = gen_ask_eat(&ask, &conn, stream, stream_bytes);
	assert_true(bite.done);
	assert_int_equal(bite.verdict, GEN_TCP_wrong_status);
	stream_bytes = 0;
	answer(8);
	stream[stream_bytes - 1] ^= 1;
	assert_int_equal(gen_ask_eat(&ask, &conn, stream, stream_bytes).verdict,
			 GEN_TCP_wrong_body);
	stream_bytes = 0;
	answer(8)[13] ^= 1; /* the name */
	assert_int_equal(gen_ask_eat(&ask, &conn, stream, stream_bytes).verdict,
			 GEN_TCP_wrong_question);
	mr_store_be16(stream, 5);
	assert_true(gen_ask_eat(&ask, &conn, stream, 7).broken);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_any_order_cut_at_every_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(test_byte_by_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_nobody_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_answers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
