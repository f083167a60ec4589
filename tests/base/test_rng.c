/* SPDX-License-Identifier: Apache-2.0
 *
 * base/rng - the published sequences, bounds and evenness.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seed_is_splitmix64),
		cmocka_unit_test(test_next_is_xoshiro256),
		cmocka_unit_test(test_same_seed_same_sequence),
		cmocka_unit_test(test_below_stays_below_and_is_even),
		cmocka_unit_test(test_secret_fills_all_and_differs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
