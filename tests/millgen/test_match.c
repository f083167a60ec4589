/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/match - each verdict has a reply that earns it.
 */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

static const struct gen_match_options answers = {
	.expect = GEN_EXPECT_ANSWER, .rcodes = 1, .check_rdata = true, .time_limit = 1000
};

static struct fixture f;
static struct gen_reply reply;

static int
setup(void **state)
{
	struct gen_frame_options options = fixture_options();

	(void)state;
	fixture_make(&f, "h%u.example.com A", &options, true, &answers);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fixture_end(&f);
	return 0;
}

static void
test_sent_right_answer_is_ok(void **state)
{
	struct mr_rng rng;

	(void)state;
	mr_rng_seed(&rng, 4);
	for (uint64_t seq = 0; seq < 20000; seq++) {
		uint32_t number = (uint32_t)mr_rng_below(&rng, GEN_NUMBER_LIMIT) >> (seq % 27);

		fixture_ask(&f, seq, number, seq);
		fixture_answer(&f, number);
		assert_int_equal(fixture_judge(&f, seq + 1000, &reply), GEN_ok);
		assert_true(reply.found);
		assert_int_equal(reply.seq, seq);
		assert_int_equal(reply.intended_tsc, seq);
	}
}

/* Replies may come in any order within one round. */
static void
test_sent_out_of_order_is_ok(void **state)
{
	(void)state;
	for (uint64_t seq = 4096; seq < 8192; seq++)
		fixture_ask(&f, seq, 5, 0);
	for (uint64_t i = 0; i < 4096; i++) {
		uint64_t seq = 4096 + (i * 1237) % 4096;

		f.frame_bytes = gen_frame_build(&f.frames, f.frame, seq,
						gen_frame_random(&f.frames, seq), 5);
		fixture_answer(&f, 5);
		assert_int_equal(fixture_judge(&f, 1, &reply), GEN_ok);
		assert_int_equal(reply.seq, seq);
	}
}

static void
test_answered_again_is_duplicate(void **state)
{
	(void)state;
	fixture_ask(&f, 3, 77, 0);
	fixture_answer(&f, 77);
	assert_int_equal(fixture_judge(&f, 1, &reply), GEN_ok);
	assert_int_equal(fixture_judge(&f, 2, &reply), GEN_duplicate);
	assert_false(reply.found);
}

static void
test_sent_reply_at_and_after_the_limit(void **state)
{
	(void)state;
	fixture_ask(&f, 3, 77, 100);
	fixture_answer(&f, 77);
	assert_int_equal(fixture_judge(&f, 1100, &reply), GEN_ok);
	fixture_ask(&f, 4, 77, 100);
	fixture_answer(&f, 77);
	assert_int_equal(fixture_judge(&f, 1101, &reply), GEN_late);
	assert_false(reply.found);
}

static void
test_slot_given_on_is_late(void **state)
{
	uint8_t kept[2048];
	uint16_t kept_bytes;

	(void)state;
	fixture_ask(&f, 4, 77, 0);
	fixture_answer(&f, 77);
	memcpy(kept, f.frame, sizeof(kept));
	kept_bytes = f.frame_bytes;
	fixture_ask(&f, 4 + 4096, 78, 0); /* the same slot, one round later */
	memcpy(f.frame, kept, sizeof(kept));
	f.frame_bytes = kept_bytes;
	assert_int_equal(fixture_judge(&f, 1, &reply), GEN_late);
	assert_false(reply.found);
}

static void
test_free_slot_is_stray(void **state)
{
	(void)state;
	fixture_ask(&f, 3, 77, 0);
	fixture_answer(&f, 77);
	gen_match_forget(&f.match);
	assert_int_equal(fixture_judge(&f, 1, &reply), GEN_stray);
}

static void
test_query_coming_back_is_stray(void **state)
{
	(void)state;
	fixture_ask(&f, 2, 77, 0);
	fixture_turn(&f, 0); /* no QR */
	assert_int_equal(fixture_judge(&f, 1, &reply), GEN_stray);
}

/* damage changes one byte of a right reply, mends the checksums, and judges. */
static enum gen_verdict
damage(uint64_t seq, unsigned offset, uint8_t change)
{
	fixture_ask(&f, seq, 421, 0);
	fixture_answer(&f, 421);
	f.frame[offset] ^= change;
	fixture_finish(f.frame, f.frame_bytes);
	return fixture_judge(&f, 1, &reply);
}

static void
test_wrong_address_by_family(void **state)
{
	(void)state;
	assert_int_equal(damage(2, 26, 1), GEN_wrong_address);      /* from another IPv4 */
	assert_int_equal(damage(4, 33, 1), GEN_wrong_address);      /* to another client */
	assert_int_equal(damage(6, 35, 1), GEN_wrong_address);      /* from another port */
	assert_int_equal(damage(3, 22 + 15, 1), GEN_wrong_address); /* from another IPv6 */
	assert_int_equal(damage(5, 38, 1), GEN_wrong_address);      /* to another prefix */
	assert_int_equal(damage(7, 38 + 15, 1), GEN_wrong_address); /* to another client */
	assert_false(reply.found);
}

static void
test_wrong_question_in_each_part(void **state)
{
	unsigned dns = 34 + 8;

	(void)state;
	/* 12: length, 13: "h", 14..16: "421", then the suffix, QTYPE and QCLASS */
	for (unsigned i = 12; i < 12 + 18 + 4; i++)
		assert_int_equal(damage(2 * i, dns + i, 1), GEN_wrong_question);
	assert_int_equal(damage(100, dns + 5, 2), GEN_wrong_question); /* QDCOUNT 3 */
	assert_false(reply.found);
}

static void
test_wrong_rcode_is_answered_but_wrong(void **state)
{
	(void)state;
	fixture_ask(&f, 2, 9, 0);
	fixture_turn(&f, 0x8403);
	assert_int_equal(fixture_judge(&f, 1, &reply), GEN_wrong_rcode);
	assert_true(reply.found);
	assert_int_equal(reply.rcode, 3);
}

static void
test_wrong_answer_by_rdata_type_count(void **state)
{
	unsigned question = 12 + 18 + 4; /* header, h421.example.com, type and class */
	unsigned record = 34 + 8 + question;

	(void)state;
	assert_int_equal(damage(2, record + 15, 1), GEN_wrong_answer);
	assert_int_equal(damage(4, record + 12, 1), GEN_wrong_answer);
	assert_int_equal(damage(6, record + 3, 2), GEN_wrong_answer);   /* another type */
	assert_int_equal(damage(8, record + 5, 2), GEN_wrong_answer);   /* another class */
	assert_int_equal(damage(10, record + 11, 1), GEN_wrong_answer); /* another length */
	fixture_ask(&f, 12, 9, 0);
	fixture_turn(&f, 0x8400); /* NOERROR without an answer */
	assert_int_equal(fixture_judge(&f, 1, &reply), GEN_wrong_answer);
	assert_true(reply.found);
}

static void
test_truncated_is_told_apart(void **state)
{
	(void)state;
	fixture_ask(&f, 2, 9, 0);
	fixture_turn(&f, 0x8600);
	assert_int_equal(fixture_judge(&f, 1, &reply), GEN_truncated);
	assert_true(reply.found);
}

/* The owner may be spelled out instead of pointed at. */
static void
test_owner_in_full_is_ok(void **state)
{
	unsigned l4, name_bytes = 18;
	uint8_t *at;

	(void)state;
	fixture_ask(&f, 2, 421, 0);
	l4 = fixture_l4(f.frame);
	at = f.frame + f.frame_bytes;
	memcpy(at, f.frame + l4 + 8 + 12, name_bytes);
	at += name_bytes;
	mr_store_be32(at, 1 << 16 | 1);
	mr_store_be32(at + 4, 60);
	mr_store_be16(at + 8, 4);
	mr_store_be32(at + 10, 0x0a000000 + 421);
	f.frame_bytes = (uint16_t)(f.frame_bytes + name_bytes + 14);
	mr_store_be16(f.frame + l4 + 14, 1);
	fixture_turn(&f, 0x8400);
	assert_int_equal(fixture_judge(&f, 1, &reply), GEN_ok);
}

static void
test_bad_checksum_and_none(void **state)
{
	(void)state;
	for (unsigned seq = 2; seq < 4; seq++) { /* IPv4, IPv6 */
		fixture_ask(&f, seq, 9, 0);
		fixture_answer(&f, 9);
		f.frame[f.frame_bytes - 1] ^= 1;
		assert_int_equal(fixture_judge(&f, 1, &reply), GEN_checksum);
		f.frame[f.frame_bytes - 1] ^= 1;
		mr_store_be16(f.frame + fixture_l4(f.frame) + 6, 0);
		assert_int_equal(fixture_judge(&f, 1, &reply), GEN_checksum);
	}
	fixture_ask(&f, 2, 9, 0);
	fixture_answer(&f, 9);
	f.frame[24] ^= 1; /* IPv4 header */
	assert_int_equal(fixture_judge(&f, 1, &reply), GEN_checksum);
}

/* A reply cut at any byte is never read past its end, and never right. */
static void
test_cut_anywhere_is_no_answer(void **state)
{
	(void)state;
	for (unsigned seq = 2; seq < 4; seq++) {
		uint8_t *tight;
		uint16_t whole;

		fixture_ask(&f, seq, 9, 0);
		fixture_answer(&f, 9);
		whole = f.frame_bytes;
		for (uint16_t bytes = 0; bytes < whole; bytes++) {
			enum gen_verdict verdict;

			tight = calloc(1, bytes + 64u); /* what the contract lends */
			memcpy(tight, f.frame, bytes);
			verdict = gen_match_reply(&f.match, tight, bytes, 1, &reply);
			assert_true(verdict == GEN_other || verdict == GEN_malformed);
			free(tight);
		}
	}
}

static void
test_cookie_is_looked_for(void **state)
{
	struct gen_frame_options options = fixture_options();

	(void)state;
	fixture_end(&f);
	options.edns_bytes = 1232;
	options.cookie = true;
	fixture_make(&f, "h%u.example.com A", &options, false, &answers);
	/* The query's OPT comes back as it is: right. Its eight bytes are the frame's last. */
	fixture_ask(&f, 2, 9, 0);
	fixture_turn(&f, 0x8600);
	assert_int_equal(fixture_judge(&f, 1, &reply), GEN_truncated);
	fixture_ask(&f, 3, 9, 0);
	f.frame[f.frame_bytes - 1] ^= 1;
	fixture_turn(&f, 0x8600);
	assert_int_equal(fixture_judge(&f, 1, &reply), GEN_wrong_cookie);
	/* An option that runs out of the record. */
	fixture_ask(&f, 4, 9, 0);
	mr_store_be16(f.frame + f.frame_bytes - 10, 9);
	fixture_turn(&f, 0x8600);
	assert_int_equal(fixture_judge(&f, 1, &reply), GEN_malformed);
}

static void
test_random_case_must_come_back(void **state)
{
	struct gen_frame_options options = fixture_options();

	(void)state;
	fixture_end(&f);
	options.random_case = true;
	fixture_make(&f, "h%u.example.com A", &options, false, &answers);
	for (uint64_t seq = 0; seq < 1000; seq++) {
		fixture_ask(&f, seq, 421, 0);
		fixture_answer(&f, 421);
		assert_int_equal(fixture_judge(&f, 1, &reply), GEN_ok);
	}
	fixture_ask(&f, 1000, 421, 0);
	f.frame[34 + 8 + 12 + 1] ^= 0x20; /* the "h" in the other case */
	fixture_answer(&f, 421);
	assert_int_equal(fixture_judge(&f, 1, &reply), GEN_wrong_question);
}

/* Both kinds of reflector: one that swaps only link addresses, one that swaps all ends. */
static void
test_reflection_both_ways_is_ok(void **state)
{
	struct gen_match_options options = { .expect = GEN_EXPECT_REFLECTION, .time_limit = 10 };
	struct gen_frame_options frame_options = fixture_options();

	(void)state;
	fixture_end(&f);
	fixture_make(&f, "h%u.example.com A", &frame_options, false, &options);
	fixture_ask(&f, 2, 9, 0);
	assert_int_equal(fixture_judge(&f, 1, &reply), GEN_ok);
	fixture_ask(&f, 3, 9, 0);
	fixture_turn(&f, 0);
	assert_int_equal(fixture_judge(&f, 1, &reply), GEN_ok);
	fixture_ask(&f, 4, 9, 0);
	fixture_turn(&f, 0x8400);
	assert_int_equal(fixture_judge(&f, 1, &reply), GEN_stray);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sent_right_answer_is_ok),
		TEST(test_sent_out_of_order_is_ok),
		TEST(test_answered_again_is_duplicate),
		TEST(test_sent_reply_at_and_after_the_limit),
		TEST(test_slot_given_on_is_late),
		TEST(test_free_slot_is_stray),
		TEST(test_query_coming_back_is_stray),
		TEST(test_wrong_address_by_family),
		TEST(test_wrong_question_in_each_part),
		TEST(test_wrong_rcode_is_answered_but_wrong),
		TEST(test_wrong_answer_by_rdata_type_count),
		TEST(test_truncated_is_told_apart),
		TEST(test_owner_in_full_is_ok),
		TEST(test_bad_checksum_and_none),
		TEST(test_cut_anywhere_is_no_answer),
		TEST(test_cookie_is_looked_for),
		TEST(test_random_case_must_come_back),
		TEST(test_reflection_both_ways_is_ok),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
