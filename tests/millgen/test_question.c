/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/question - patterns, files, digits, choices.
 */
#include "fixture.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
test_digits_are_printf_s(void **state)
{
	static const uint32_t edges[] = { 0,       1,        9,        10,       99,
					  100,     999,      1000,     9999,     10000,
					  10001,   99999,    100000,   999999,   1000000,
					  9999999, 10000000, 12345678, 90000009, 99999999 };
	struct mr_rng rng;

	(void)state;
	mr_rng_seed(&rng, 1);
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t number =
			i < MR_ARRAY_COUNT(edges)
				? edges[i]
				: (uint32_t)(mr_rng_next(&rng) % GEN_NUMBER_LIMIT) >> (i % 24);
		char expected[16] = { 0 }, got[9] = { 0 };
		uint64_t digits;
		unsigned count = gen_digits(number, &digits);

		snprintf(expected, sizeof(expected), "%u", number);
		memcpy(got, &digits, 8);
		assert_int_equal(count, strlen(expected));
		assert_string_equal(got, expected);
	}
}

static void
test_pattern_writes_wire(void **state)
{
	static const uint8_t expected[] = "\003www\004h421\007example\003com\0\0\034\0\1";
	uint8_t wire[GEN_QUESTION_MAX_BYTES];
	struct gen_question_set set;
	struct mr_error error = { 0 };

	(void)state;
	assert_int_equal(gen_question_pattern(&set, "www.h%u.example.com. AAAA", 1000, &error), 0);
	assert_int_equal(gen_question_write(&set, 421, wire), sizeof(expected) - 1);
	assert_memory_equal(wire, expected, sizeof(expected) - 1);
	assert_int_equal(set.qtype, GEN_QTYPE_AAAA);
	assert_int_equal(gen_question_pattern(&set, "a.%u TXT", 10, &error), 0);
	assert_int_equal(gen_question_write(&set, 7, wire), 9);
	assert_memory_equal(wire, "\001a\0017\0\0\020\0\1", 9);
}

static void
test_pattern_rejects_what_is_no_pattern(void **state)
{
	static const char *const wrong[] = {
		"example.com A",
		"h%u..com A",
		"h%u.example.com WHAT",
		"",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%u.com A", /* 56 + 8 */
	};
	struct gen_question_set set;

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(wrong); i++) {
		struct mr_error error = { 0 };

		assert_int_not_equal(gen_question_pattern(&set, wrong[i], 10, &error), 0);
		assert_true(error.text[0]);
	}
	assert_int_equal(gen_question_pattern(
				 &set,
				 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%u.com A",
				 10, NULL),
			 0);
	assert_int_equal(gen_question_pattern(&set, "h%u.com", 0, NULL), -ERANGE);
	assert_int_equal(gen_question_pattern(&set, "h%u.com", GEN_NUMBER_LIMIT, NULL), -ERANGE);
	assert_int_equal(gen_question_pattern(&set, "h%u.com", GEN_NUMBER_LIMIT - 1, NULL), 0);
}

static int
load_text(struct gen_question_set *set, const char *text, struct mr_error *error)
{
	char path[] = "/tmp/millgen-test-XXXXXX";
	int fd = mkstemp(path), code;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	code = gen_question_load(set, path, error);
	unlink(path);
	return code;
}

static void
test_file_reads_lines_and_comments(void **state)
{
	static const uint8_t third[] = "\005a.b c\001z\0\0\101\0\1";
	uint8_t wire[GEN_QUESTION_MAX_BYTES];
	struct gen_question_set set;
	struct mr_error error = { 0 };

	(void)state;
	assert_int_equal(load_text(&set,
				   "# comment\nwww.example.com A\n\n; more\n. NS\n"
				   "a\\.b\\032c.z TYPE65",
				   &error),
			 0);
	assert_int_equal(set.count, 3);
	assert_int_equal(gen_question_write(&set, 1, wire), 5);
	assert_memory_equal(wire, "\0\0\2\0\1", 5);
	assert_int_equal(gen_question_write(&set, 2, wire), sizeof(third) - 1);
	assert_memory_equal(wire, third, sizeof(third) - 1);
	gen_question_free(&set);
}

static void
test_file_errors_name_the_line(void **state)
{
	static const struct {
		const char *text, *says;
	} wrong[] = {
		{ "a A\nb\n", ":2: expected" },
		{ "a A\nb WHAT\n", ":2: expected 'name TYPE'; unknown type WHAT" },
		{ "a..b A\n", ":1: an empty label" },
		{ "a\\300 A\n", ":1: a malformed escape" },
		{ "a TYPE65536\n", ":1: expected" },
		{ "# nothing\n", "no questions" },
	};
	struct gen_question_set set;

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(wrong); i++) {
		struct mr_error error = { 0 };

		assert_int_not_equal(load_text(&set, wrong[i].text, &error), 0);
		assert_non_null(strstr(error.text, wrong[i].says));
	}
}

static void
test_file_label_and_name_bounds(void **state)
{
	char text[600];
	struct gen_question_set set;
	struct mr_error error = { 0 };

	(void)state;
	snprintf(text, sizeof(text), "%063d A\n", 1);
	assert_int_equal(load_text(&set, text, NULL), 0);
	gen_question_free(&set);
	snprintf(text, sizeof(text), "%064d A\n", 1);
	assert_int_not_equal(load_text(&set, text, &error), 0);
	/* 3 x 64 + 62 = 254, and the root: 255 bytes, the most there is. */
	snprintf(text, sizeof(text), "%063d.%063d.%063d.%061d A\n", 1, 1, 1, 1);
	assert_int_equal(load_text(&set, text, NULL), 0);
	assert_int_equal(set.list[0].bytes, 255 + 4);
	gen_question_free(&set);
	snprintf(text, sizeof(text), "%063d.%063d.%063d.%062d A\n", 1, 1, 1, 1);
	assert_int_not_equal(load_text(&set, text, NULL), 0);
}

static void
test_chooser_uniform_is_uniform(void **state)
{
	unsigned counts[10] = { 0 };
	struct gen_chooser chooser;

	(void)state;
	assert_int_equal(gen_chooser_create(&chooser, GEN_CHOICE_UNIFORM, 10, 1, 1, NULL), 0);
	for (uint64_t seq = 0; seq < 100000; seq++)
		counts[gen_chooser_pick(&chooser, seq, (uint32_t)(gen_mix(seq) >> 32))]++;
	for (unsigned i = 0; i < 10; i++) /* 10,000 each; sigma is 95 */
		assert_in_range(counts[i], 9500, 10500);
	gen_chooser_destroy(&chooser);
}

static void
test_chooser_sequential_goes_round(void **state)
{
	struct gen_chooser chooser;

	(void)state;
	assert_int_equal(gen_chooser_create(&chooser, GEN_CHOICE_SEQUENTIAL, 3, 1, 1, NULL), 0);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(gen_chooser_pick(&chooser, i, 12345), i % 3);
}

static void
test_chooser_missing_is_outside_the_zone(void **state)
{
	struct gen_chooser chooser;

	(void)state;
	assert_int_equal(gen_chooser_create(&chooser, GEN_CHOICE_MISSING, 1000, 1, 1, NULL), 0);
	assert_int_equal(gen_chooser_pick(&chooser, 0, 0), 1000);
	assert_int_equal(gen_chooser_pick(&chooser, 0, UINT32_MAX), GEN_NUMBER_LIMIT - 1);
}

/* The share of the first ranks is what the law says: k^-s / sum, for s below, at and above one. */
static void
test_chooser_zipf_follows_the_law(void **state)
{
	static const double exponents[] = { 0.8, 1.0, 1.2 };
	enum { COUNT = 10000 };

	(void)state;
	for (size_t e = 0; e < MR_ARRAY_COUNT(exponents); e++) {
		struct gen_chooser chooser;
		double sum = 0, drawn;
		unsigned *counts = calloc(COUNT, sizeof(*counts));

		assert_int_equal(gen_chooser_create(&chooser, GEN_CHOICE_ZIPF, COUNT, exponents[e],
						    1, NULL),
				 0);
		drawn = (double)chooser.drawn_mask + 1;
		for (uint32_t i = 0; i <= chooser.drawn_mask; i++) {
			uint32_t pick = gen_chooser_pick(&chooser, i, 0);

			assert_true(pick < COUNT);
			counts[pick]++;
		}
		for (unsigned k = 1; k <= COUNT; k++)
			sum += pow(k, -exponents[e]);
		for (unsigned k = 1; k <= 100; k = k * 3 + 1) {
			double expected = drawn * pow(k, -exponents[e]) / sum;

			assert_true(fabs(counts[k - 1] - expected) < 5 * sqrt(expected) + 1);
		}
		free(counts);
		gen_chooser_destroy(&chooser);
	}
	assert_int_equal(gen_chooser_create(&(struct gen_chooser){ 0 }, GEN_CHOICE_ZIPF, 10, 0, 1,
					    NULL),
			 -ERANGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digits_are_printf_s),
		cmocka_unit_test(test_pattern_writes_wire),
		cmocka_unit_test(test_pattern_rejects_what_is_no_pattern),
		cmocka_unit_test(test_file_reads_lines_and_comments),
		cmocka_unit_test(test_file_errors_name_the_line),
		cmocka_unit_test(test_file_label_and_name_bounds),
		cmocka_unit_test(test_chooser_uniform_is_uniform),
		cmocka_unit_test(test_chooser_sequential_goes_round),
		cmocka_unit_test(test_chooser_missing_is_outside_the_zone),
		cmocka_unit_test(test_chooser_zipf_follows_the_law),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
