/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/neigh - ARP and neighbour discovery, two of them talking to each other.
 */
#include "fixture.h"

#include "neigh.h"

static const struct gen_match_options answers = { .rcodes = 1 };
static const struct mr_mac ours = { { 2, 0, 0, 0, 0, 1 } };
static const struct mr_mac theirs = { { 2, 0, 0, 0, 0, 9 } };

/* The other side: its clients are our targets, so it answers for them. */
static struct fixture f, other;
static struct gen_neigh neigh, peer;

static void
add_lane(struct fixture *fixture, const char *target, const char *source)
{
	struct mr_addr addr;
	struct mr_prefix prefix;

	assert_int_equal(mr_addr_parse(target, &addr), 0);
	assert_int_equal(mr_prefix_parse(source, &prefix), 0);
	assert_int_equal(gen_frames_add_lane(&fixture->frames, &addr, 53, &prefix, 0, NULL), 0);
}

static int
setup(void **state)
{
	struct gen_frame_options options = fixture_options();

	(void)state;
	fixture_make(&f, "h%u.x A", &options, true, &answers);
	neigh = (struct gen_neigh){ .way_count = 2, .mac = ours };
	for (unsigned i = 0; i < 2; i++) {
		neigh.ways[i] = &f.frames.lanes[i].way;
		neigh.hops[i].addr = f.frames.lanes[i].way.target;
	}
	fixture_make(&other, "h%u.x A", &options, false, &answers);
	other.frames.lane_count = 0;
	add_lane(&other, "10.64.0.9", "192.0.2.0/24");
	add_lane(&other, "2001:db8:1::9", "2001:db8::/64");
	peer = (struct gen_neigh){ .way_count = 2, .mac = theirs };
	for (unsigned i = 0; i < 2; i++) {
		peer.ways[i] = &other.frames.lanes[i].way;
		peer.hops[i].addr = other.frames.lanes[i].way.target;
	}
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fixture_end(&f);
	fixture_end(&other);
	return 0;
}

static void
test_asked_peer_answers_and_is_learned(void **state)
{
	uint8_t frame[256];

	(void)state;
	for (uint16_t lane = 0; lane < 2; lane++) {
		uint16_t bytes = gen_neigh_ask(&neigh, lane, frame);

		assert_false(gen_neigh_known(&neigh));
		bytes = gen_neigh_input(&peer, frame, bytes);
		assert_int_equal(bytes, lane == 0 ? 42 : 86);
		assert_memory_equal(frame, ours.bytes, 6);
		assert_memory_equal(frame + 6, theirs.bytes, 6);
		assert_int_equal(gen_neigh_input(&neigh, frame, bytes), 0);
		assert_true(neigh.hops[lane].known);
		assert_memory_equal(neigh.hops[lane].mac.bytes, theirs.bytes, 6);
	}
	assert_true(gen_neigh_known(&neigh));
}

static void
test_question_for_a_stranger_is_silence(void **state)
{
	uint8_t frame[256];

	(void)state;
	/* Asked itself, the generator does not answer for its target. */
	for (uint16_t lane = 0; lane < 2; lane++)
		assert_int_equal(gen_neigh_input(&neigh, frame, gen_neigh_ask(&neigh, lane, frame)),
				 0);
}

static void
test_damaged_solicitation_is_silence(void **state)
{
	uint8_t frame[256];

	(void)state;
	for (unsigned offset = 14; offset < 86; offset++) {
		uint16_t bytes = gen_neigh_ask(&neigh, 1, frame);

		if (offset >= 15 && offset < 18)
			continue; /* traffic class and flow label: nobody's business */
		frame[offset] ^= 0x10;
		assert_int_equal(gen_neigh_input(&peer, frame, bytes), 0);
	}
}

static void
test_cut_frames_are_silence(void **state)
{
	uint8_t frame[256];

	(void)state;
	for (uint16_t lane = 0; lane < 2; lane++)
		for (uint16_t bytes = 0; bytes < (lane ? 86 : 42); bytes++) {
			(void)gen_neigh_ask(&neigh, lane, frame);
			assert_int_equal(gen_neigh_input(&peer, frame, bytes), 0);
		}
}

/* Duplicate address detection asks from nobody: the answer goes to all nodes, unsolicited. */
static void
test_probe_is_answered_to_all_nodes(void **state)
{
	uint8_t frame[256], *ip = frame + 14, *nd = frame + 54;
	uint32_t sum = 58 + 32;

	(void)state;
	(void)gen_neigh_ask(&neigh, 1, frame);
	memset(ip + 8, 0, 16);
	memset(nd + 2, 0, 2);
	sum = fixture_sum(fixture_sum(sum, ip + 8, 32), nd, 32);
	mr_store_be16(nd + 2, (uint16_t)~fixture_fold(sum));
	assert_int_equal(gen_neigh_input(&peer, frame, 86), 86);
	assert_memory_equal(frame, "\x33\x33\0\0\0\1", 6);
	assert_int_equal(mr_load_be16(ip + 24), 0xff02);
	assert_int_equal(mr_load_be32(nd + 4), 0x20000000);
	sum = fixture_sum(fixture_sum(58 + 32, ip + 8, 32), nd, 32);
	assert_int_equal(fixture_fold(sum), 0xffff);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_asked_peer_answers_and_is_learned),
		TEST(test_question_for_a_stranger_is_silence),
		TEST(test_damaged_solicitation_is_silence),
		TEST(test_cut_frames_are_silence),
		TEST(test_probe_is_answered_to_all_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
