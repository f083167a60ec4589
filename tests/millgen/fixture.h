/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/fixture - frames for the tests: a plain checksum, and a server that answers in place.
 *
 * Written apart from millgen's own arithmetic (16 bits at a time, no partial sums), so that the two
 * check each other.
 */
#ifndef TEST_MILLGEN_FIXTURE_H
#define TEST_MILLGEN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "match.h"

struct fixture {
	struct gen_question_set questions;
	struct gen_frames frames;
	struct gen_match match;
	uint8_t frame[2048];
	uint16_t frame_bytes;
	uint64_t seq;
	uint32_t question;
};

static inline uint32_t
fixture_sum(uint32_t sum, const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		sum += i & 1 ? bytes[i] : (uint32_t)bytes[i] << 8;
	return sum;
}

static inline uint16_t
fixture_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static inline uint16_t
fixture_udp_sum(const uint8_t *frame, unsigned l4, uint16_t udp_bytes)
{
	uint32_t sum = 17u + udp_bytes;

	sum = l4 == 34 ? fixture_sum(sum, frame + 26, 8) : fixture_sum(sum, frame + 22, 32);
	return fixture_fold(fixture_sum(sum, frame + l4, udp_bytes));
}

static inline unsigned
fixture_l4(const uint8_t *frame)
{
	return frame[12] == 0x08 ? 34 : 54;
}

/* fixture_frame_holds checks lengths and both checksums. */
static inline void
fixture_frame_holds(const uint8_t *frame, uint16_t frame_bytes)
{
	unsigned l4 = fixture_l4(frame);

	if (l4 == 34) {
		assert_int_equal(mr_load_be16(frame + 16), frame_bytes - 14);
		assert_int_equal(fixture_fold(fixture_sum(0, frame + 14, 20)), 0xffff);
	} else {
		assert_int_equal(mr_load_be16(frame + 18), frame_bytes - 54);
	}
	assert_int_equal(mr_load_be16(frame + l4 + 4), frame_bytes - l4);
	assert_int_not_equal(mr_load_be16(frame + l4 + 6), 0);
	assert_int_equal(fixture_udp_sum(frame, l4, (uint16_t)(frame_bytes - l4)), 0xffff);
}

/* fixture_finish writes lengths and checksums anew. */
static inline void
fixture_finish(uint8_t *frame, uint16_t frame_bytes)
{
	unsigned l4 = fixture_l4(frame);
	uint16_t udp_bytes = (uint16_t)(frame_bytes - l4), sum;

	if (l4 == 34) {
		mr_store_be16(frame + 16, (uint16_t)(frame_bytes - 14));
		mr_store_be16(frame + 24, 0);
		mr_store_be16(frame + 24, (uint16_t)~fixture_fold(fixture_sum(0, frame + 14, 20)));
	} else {
		mr_store_be16(frame + 18, udp_bytes);
	}
	mr_store_be16(frame + l4 + 4, udp_bytes);
	mr_store_be16(frame + l4 + 6, 0);
	sum = (uint16_t)~fixture_udp_sum(frame, l4, udp_bytes);
	mr_store_be16(frame + l4 + 6, sum ? sum : 0xffff);
}

static inline void
fixture_swap(uint8_t *a, uint8_t *b, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++) {
		uint8_t kept = a[i];

		a[i] = b[i];
		b[i] = kept;
	}
}

static inline struct gen_frame_options
fixture_options(void)
{
	return (struct gen_frame_options){
		.ttl = 64, .slot_bits = 12, .port_low = 16384, .port_count = 32768, .seed = 7
	};
}

/* fixture_make makes everything for a pattern, asked of an IPv4 and, when both, an IPv6 target. */
static inline void
fixture_make(struct fixture *self, const char *pattern, const struct gen_frame_options *options,
	     bool both, const struct gen_match_options *match)
{
	static const struct mr_mac ours = { { 2, 0, 0, 0, 0, 1 } },
				   theirs = { { 2, 0, 0, 0, 0, 2 } };
	struct mr_error error = { 0 };
	struct mr_prefix prefix;
	struct mr_addr target;

	memset(self, 0, sizeof(*self));
	assert_int_equal(gen_question_pattern(&self->questions, pattern, 50000000, &error), 0);
	assert_int_equal(gen_frames_create(&self->frames, &self->questions, options, &error), 0);
	assert_int_equal(mr_addr_parse("192.0.2.53", &target), 0);
	assert_int_equal(mr_prefix_parse("10.64.0.0/10", &prefix), 0);
	assert_int_equal(gen_frames_add_lane(&self->frames, &target, 53, &prefix, 0, &error), 0);
	if (both) {
		assert_int_equal(mr_addr_parse("2001:db8::53", &target), 0);
		assert_int_equal(mr_prefix_parse("2001:db8:1::/64", &prefix), 0);
		assert_int_equal(gen_frames_add_lane(&self->frames, &target, 5300, &prefix, 0,
						     &error),
				 0);
	}
	for (uint16_t lane = 0; lane < self->frames.lane_count; lane++)
		gen_frames_set_macs(&self->frames, lane, &ours, &theirs);
	assert_int_equal(gen_match_create(&self->match, &self->frames, match, &error), 0);
}

static inline void
fixture_end(struct fixture *self)
{
	gen_match_destroy(&self->match);
	gen_question_free(&self->questions);
}

/* fixture_ask sends query seq. */
static inline void
fixture_ask(struct fixture *self, uint64_t seq, uint32_t question, uint64_t intended_tsc)
{
	self->seq = seq;
	self->question = question;
	self->frame_bytes = gen_frame_build(&self->frames, self->frame, seq,
					    gen_frame_random(&self->frames, seq), question);
	gen_match_take(&self->match, seq, intended_tsc, question);
}

/* fixture_turn makes a reply with flags, without records, out of the query in the frame. */
static inline void
fixture_turn(struct fixture *self, uint16_t flags)
{
	unsigned l4 = fixture_l4(self->frame);

	fixture_swap(self->frame, self->frame + 6, 6);
	if (l4 == 34)
		fixture_swap(self->frame + 26, self->frame + 30, 4);
	else
		fixture_swap(self->frame + 22, self->frame + 38, 16);
	fixture_swap(self->frame + l4, self->frame + l4 + 2, 2);
	mr_store_be16(self->frame + l4 + 10, flags);
	fixture_finish(self->frame, self->frame_bytes);
}

/* fixture_answer makes a right reply: an A record that points at the question. */
static inline void
fixture_answer(struct fixture *self, uint32_t number)
{
	unsigned l4 = fixture_l4(self->frame);
	uint8_t *at = self->frame + self->frame_bytes;

	mr_store_be16(self->frame + l4 + 14, 1); /* ANCOUNT */
	mr_store_be16(at, 0xc00c);
	mr_store_be16(at + 2, 1);
	mr_store_be16(at + 4, 1);
	mr_store_be32(at + 6, 3600);
	mr_store_be16(at + 10, 4);
	mr_store_be32(at + 12, 0x0a000000 + number);
	self->frame_bytes = (uint16_t)(self->frame_bytes + 16);
	fixture_turn(self, 0x8400);
}

static inline enum gen_verdict
fixture_judge(struct fixture *self, uint64_t now_tsc, struct gen_reply *reply)
{
	return gen_match_reply(&self->match, self->frame, self->frame_bytes, now_tsc, reply);
}

#endif
