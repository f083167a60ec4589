/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/frame - built frames against frames written the plain way.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct gen_match_options answers = {
	.expect = GEN_EXPECT_ANSWER, .rcodes = 1, .check_rdata = true, .time_limit = 1000
};

static const struct gen_frame_options variants[] = {
	{ .ttl = 64, .slot_bits = 12, .port_low = 1024, .port_count = 60000, .seed = 1 },
	{ .ttl = 1, .slot_bits = 20, .port_low = 16384, .port_count = 32768, .edns_bytes = 1232 },
	{ .ttl = 255,
	  .slot_bits = 16,
	  .port_low = 5000,
	  .port_count = 16,
	  .edns_bytes = 4096,
	  .dnssec_ok = true },
	{ .ttl = 64,
	  .slot_bits = 16,
	  .port_low = 5000,
	  .port_count = 1024,
	  .edns_bytes = 512,
	  .cookie = true },
	{ .ttl = 64,
	  .slot_bits = 16,
	  .port_low = 5000,
	  .port_count = 1024,
	  .random_case = true,
	  .recursion_desired = true },
	{ .ttl = 64,
	  .slot_bits = 21,
	  .port_low = 5000,
	  .port_count = 1024,
	  .random_case = true,
	  .cookie = true,
	  .dnssec_ok = true,
	  .edns_bytes = 1232 },
};

/* frame_matches checks one frame: checksums, question and OPT by plain reading. */
static void
frame_matches(const struct fixture *f, const struct gen_frame_options *options)
{
	unsigned l4 = fixture_l4(f->frame);
	const uint8_t *dns = f->frame + l4 + 8;
	uint8_t wire[GEN_QUESTION_MAX_BYTES];
	uint16_t bytes = gen_question_write(&f->questions, f->question, wire);
	unsigned edns = options->edns_bytes ? options->cookie ? 23 : 11 : 0;

	fixture_frame_holds(f->frame, f->frame_bytes);
	assert_int_equal(f->frame_bytes, l4 + 8 + 12 + bytes + edns);
	for (unsigned i = 0; i < bytes; i++)
		assert_int_equal(options->random_case ? dns[12 + i] | 0x20 : dns[12 + i],
				 options->random_case ? wire[i] | 0x20 : wire[i]);
	assert_int_equal(mr_load_be16(dns + 2), options->recursion_desired ? 0x0100 : 0);
	assert_int_equal(mr_load_be16(dns + 4), 1);
	assert_int_equal(mr_load_be16(dns + 10), edns ? 1 : 0);
	if (edns) {
		const uint8_t *opt = dns + 12 + bytes;

		assert_int_equal(opt[0], 0);
		assert_int_equal(mr_load_be16(opt + 1), 41);
		assert_int_equal(mr_load_be16(opt + 3), options->edns_bytes);
		assert_int_equal(mr_load_be32(opt + 5), options->dnssec_ok ? 0x8000 : 0);
		assert_int_equal(mr_load_be16(opt + 9), options->cookie ? 12 : 0);
		if (options->cookie)
			assert_int_equal(mr_load_be32(opt + 11), 10 << 16 | 8);
	}
	assert_in_range(mr_load_be16(f->frame + l4), options->port_low,
			options->port_low + options->port_count - 1);
}

static void
test_pattern_frames_hold(void **state)
{
	static const char *const patterns[] = { "h%u.example.com A", "%u.b A", "ab%u.x AAAA" };
	struct fixture *f = malloc(sizeof(*f));
	struct mr_rng rng;

	(void)state;
	mr_rng_seed(&rng, 2);
	for (size_t v = 0; v < MR_ARRAY_COUNT(variants); v++)
		for (size_t p = 0; p < MR_ARRAY_COUNT(patterns); p++) {
			fixture_make(f, patterns[p], &variants[v], true, &answers);
			for (unsigned i = 0; i < 2000; i++) {
				uint32_t number =
					(uint32_t)(mr_rng_next(&rng) % GEN_NUMBER_LIMIT) >>
					(i % 27);

				fixture_ask(f, mr_rng_next(&rng) >> 24, number, 0);
				frame_matches(f, &variants[v]);
			}
			fixture_end(f);
		}
	free(f);
}

static void
test_list_frames_hold(void **state)
{
	static const struct mr_mac ours = { { 2, 0, 0, 0, 0, 1 } },
				   theirs = { { 2, 0, 0, 0, 0, 2 } };
	char path[] = "/tmp/millgen-test-XXXXXX";
	struct fixture *f = malloc(sizeof(*f));
	FILE *file = fdopen(mkstemp(path), "w");

	(void)state;
	assert_non_null(file);
	for (unsigned i = 1; i < 60; i++)
		fprintf(file, "%0*d.Example.com TYPE%u\n", (int)i, 7, i);
	fprintf(file, ". A\n%063d.%063d.%063d.%061d A\n", 1, 2, 3, 4);
	fclose(file);
	for (size_t v = 0; v < MR_ARRAY_COUNT(variants); v++) {
		struct gen_question_set list;

		fixture_make(f, "h%u.x A", &variants[v], true, &answers);
		assert_int_equal(gen_question_load(&list, path, NULL), 0);
		f->questions = list;
		for (uint16_t lane = 0; lane < 2; lane++)
			gen_frames_set_macs(&f->frames, lane, &ours, &theirs);
		for (uint32_t i = 0; i < 4 * list.count; i++) {
			fixture_ask(f, i * 977, i % list.count, 0);
			frame_matches(f, &variants[v]);
		}
		fixture_end(f);
	}
	unlink(path);
	free(f);
}

/* Within one round of slots no two queries share port and ID, and the slot comes back from them. */
static void
test_port_and_id_name_the_slot(void **state)
{
	struct fixture *f = malloc(sizeof(*f));
	static uint8_t seen[65536][64];

	(void)state;
	for (size_t v = 0; v < MR_ARRAY_COUNT(variants); v++) {
		uint64_t slots = 1ull << variants[v].slot_bits;

		fixture_make(f, "h%u.x A", &variants[v], false, &answers);
		memset(seen, 0, sizeof(seen));
		for (uint64_t seq = slots * 5; seq < slots * 6; seq++) {
			unsigned port = gen_frame_port(&f->frames, seq) - variants[v].port_low;
			unsigned id = gen_frame_id(&f->frames, seq);

			assert_true(port < variants[v].port_count);
			port %= 1u << f->frames.port_bits;
			assert_true(port < 64);
			assert_int_equal(seen[id][port], 0);
			seen[id][port] = 1;
		}
		fixture_end(f);
	}
	free(f);
}

static void
test_clients_stay_in_the_prefix(void **state)
{
	static const struct {
		const char *prefix;
		uint32_t limit, count;
		const char *first;
	} rows[] = {
		{ "10.1.2.0/24", 0, 254, "10.1.2.1" },     { "10.1.2.0/24", 7, 7, "10.1.2.1" },
		{ "10.1.2.4/31", 0, 2, "10.1.2.4" },       { "10.1.2.3/32", 0, 1, "10.1.2.3" },
		{ "10.0.0.0/8", 0, 16777214, "10.0.0.1" }, { "10.1.2.4/30", 0, 2, "10.1.2.5" },
	};
	struct gen_question_set set;
	struct gen_frames *frames = malloc(sizeof(*frames));
	struct gen_frame_options options = fixture_options();
	struct mr_addr target, first;

	(void)state;
	assert_int_equal(gen_question_pattern(&set, "h%u.x A", 10, NULL), 0);
	assert_int_equal(mr_addr_parse("192.0.2.1", &target), 0);
	for (size_t i = 0; i < MR_ARRAY_COUNT(rows); i++) {
		struct mr_prefix prefix;

		assert_int_equal(gen_frames_create(frames, &set, &options, NULL), 0);
		assert_int_equal(mr_prefix_parse(rows[i].prefix, &prefix), 0);
		assert_int_equal(mr_addr_parse(rows[i].first, &first), 0);
		assert_int_equal(gen_frames_add_lane(frames, &target, 53, &prefix, rows[i].limit,
						     NULL),
				 0);
		assert_int_equal(frames->lanes[0].way.client_count, rows[i].count);
		assert_true(mr_addr_equal(&frames->lanes[0].way.source, &first));
		assert_true(gen_frame_client(&frames->lanes[0], UINT32_MAX) < rows[i].count);
	}
	free(frames);
}

static void
test_options_out_of_range_are_refused(void **state)
{
	static const struct gen_frame_options wrong[] = {
		{ .slot_bits = 16, .port_low = 1024, .port_count = 16, .cookie = true },
		{ .slot_bits = 16, .port_low = 1024, .port_count = 16, .edns_bytes = 511 },
		{ .slot_bits = 7, .port_low = 1024, .port_count = 16 },
		{ .slot_bits = 25, .port_low = 1024, .port_count = 16 },
		{ .slot_bits = 16, .port_low = 0, .port_count = 16 },
		{ .slot_bits = 16, .port_low = 65530, .port_count = 16 },
		{ .slot_bits = 20, .port_low = 1024, .port_count = 8 },
	};
	struct gen_frames *frames = malloc(sizeof(*frames));

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(wrong); i++)
		assert_int_not_equal(gen_frames_create(frames, NULL, &wrong[i], NULL), 0);
	free(frames);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pattern_frames_hold),
		cmocka_unit_test(test_list_frames_hold),
		cmocka_unit_test(test_port_and_id_name_the_slot),
		cmocka_unit_test(test_clients_stay_in_the_prefix),
		cmocka_unit_test(test_options_out_of_range_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
