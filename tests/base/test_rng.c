/* SPDX-License-Identifier: Apache-2.0
 *
 * base/rng - the published sequences, bounds and evenness.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"

/* splitmix64 from 1234567 begins 6457827717110365317, 3203168211198807973, 9817491932198370423 (the
 * values that its reference implementation is known by). */
static void
test_seed_is_splitmix64(void **state)
{
	struct mr_rng rng;

	(void)state;
	mr_rng_seed(&rng, 1234567);
	assert_true(rng.s[0] == 6457827717110365317ull);
	assert_true(rng.s[1] == 3203168211198807973ull);
	assert_true(rng.s[2] == 9817491932198370423ull);
}

/* Computed in Python from the paper's definition of xoshiro256**. */
static void
test_next_is_xoshiro256(void **state)
{
	static const uint64_t want[] = { 0x15780b2e0c2ec716ull, 0x6104d9866d113a7eull,
					 0xae17533239e499a1ull, 0xecb8ad4703b360a1ull,
					 0xfde6dc7fe2ec5e64ull };
	struct mr_rng rng;

	(void)state;
	mr_rng_seed(&rng, 42);
	for (size_t i = 0; i < MR_ARRAY_COUNT(want); i++)
		assert_true(mr_rng_next(&rng) == want[i]);
}

static void
test_same_seed_same_sequence(void **state)
{
	struct mr_rng a, b, c;
	bool differs = false;

	(void)state;
	mr_rng_seed(&a, 7);
	mr_rng_seed(&b, 7);
	mr_rng_seed(&c, 8);
	for (int i = 0; i < 100; i++) {
		uint64_t next = mr_rng_next(&a);

		assert_true(next == mr_rng_next(&b));
		differs |= next != mr_rng_next(&c);
	}
	assert_true(differs);
}

static void
test_below_stays_below_and_is_even(void **state)
{
	enum { DRAWS = 100000, BOUND = 10 };
	uint32_t seen[BOUND] = { 0 };
	struct mr_rng rng;

	(void)state;
	mr_rng_seed(&rng, 1);
	for (int i = 0; i < DRAWS; i++) {
		uint64_t n = mr_rng_below(&rng, BOUND);

		assert_true(n < BOUND);
		seen[n]++;
		assert_int_equal(mr_rng_below(&rng, 1), 0);
		assert_true(mr_rng_below(&rng, UINT64_MAX) < UINT64_MAX);
	}
	for (int n = 0; n < BOUND; n++) /* 5 deviations of 95 */
		assert_in_range(seen[n], DRAWS / BOUND - 475, DRAWS / BOUND + 475);
}

static void
test_secret_fills_all_and_differs(void **state)
{
	uint8_t a[256 + 1] = { 0 }, b[256] = { 0 };
	unsigned zeros = 0;

	(void)state;
	mr_rng_secret(a, 256);
	mr_rng_secret(b, 256);
	assert_memory_not_equal(a, b, 256);
	assert_int_equal(a[256], 0);
	for (int i = 0; i < 256; i++)
		zeros += a[i] == 0;
	assert_true(zeros < 32); /* 1 expected */
	mr_rng_secret(a, 0);
}

static void
file_write(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void
test_secret_file_is_made_once_and_kept(void **state)
{
	char folder[] = "/tmp/mr-rng-XXXXXX", path[64];
	uint8_t a[48], b[48];
	struct stat stat_of;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/secret", folder);
	assert_int_equal(mr_rng_secret_file(path, a, sizeof(a), NULL), 0);
	assert_int_equal(stat(path, &stat_of), 0);
	assert_int_equal(stat_of.st_mode & 0777, 0600);
	assert_int_equal(mr_rng_secret_file(path, b, sizeof(b), NULL), 0);
	assert_memory_equal(a, b, sizeof(a));
	assert_int_equal(mr_rng_secret_file(path, b, 47, NULL), -EINVAL); /* it has more */
	file_write(path, "00 fF\n1a2B", 0600);
	assert_int_equal(mr_rng_secret_file(path, b, 4, NULL), 0);
	assert_memory_equal(b, "\x00\xff\x1a\x2b", 4);
	assert_int_equal(mr_rng_secret_file(path, b, 5, NULL), -EINVAL); /* it has fewer */
	file_write(path, "00ff1a2g", 0600);
	assert_int_equal(mr_rng_secret_file(path, b, 4, NULL), -EINVAL);
	file_write(path, "00ff1a2b", 0640);
	assert_int_equal(mr_rng_secret_file(path, b, 4, NULL), -EPERM);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0); /* nothing else is left */
	assert_int_equal(mr_rng_secret_file(path, b, 4, NULL), -ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seed_is_splitmix64),
		cmocka_unit_test(test_next_is_xoshiro256),
		cmocka_unit_test(test_same_seed_same_sequence),
		cmocka_unit_test(test_below_stays_below_and_is_even),
		cmocka_unit_test(test_secret_fills_all_and_differs),
		cmocka_unit_test(test_secret_file_is_made_once_and_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
