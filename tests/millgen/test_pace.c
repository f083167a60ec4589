/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/pace - the schedule's arithmetic.
 */
#include "fixture.h"

#include "pace.h"

static const uint64_t hz = 2600000000u;

static void
test_intended_keeps_the_rate_for_hours(void **state)
{
	static const uint64_t rates[] = { 1, 3, 1000, 999983, 14000000, 100000000 };

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(rates); i++) {
		struct gen_pace pace = gen_pace_start(1000, rates[i], hz);
		uint64_t n = rates[i] * 36000; /* ten hours */
		int64_t off = (int64_t)(gen_pace_intended(&pace, n) - 1000 - hz * 36000);

		assert_int_equal(gen_pace_intended(&pace, 0), 1000);
		assert_true(off <= 0 && off > -(int64_t)hz / 1000); /* within a millisecond */
	}
}

static void
test_scheduled_counts_what_is_due(void **state)
{
	struct gen_pace pace = gen_pace_start(5000, 1000000, hz);
	struct mr_rng rng;

	(void)state;
	mr_rng_seed(&rng, 3);
	assert_int_equal(gen_pace_scheduled(&pace, 4999), 0);
	assert_int_equal(gen_pace_scheduled(&pace, 5000), 1);
	assert_int_equal(gen_pace_scheduled(&pace, 5000 + 2599), 1);
	assert_int_equal(gen_pace_scheduled(&pace, 5000 + 2600), 2);
	for (unsigned i = 0; i < 10000; i++) {
		uint64_t now, n;

		pace = gen_pace_start(77, 1 + mr_rng_below(&rng, 50000000), hz);
		now = 77 + mr_rng_below(&rng, hz * 100);
		n = gen_pace_scheduled(&pace, now);
		assert_true(gen_pace_intended(&pace, n - 1) <= now);
		assert_true(gen_pace_intended(&pace, n) > now);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_intended_keeps_the_rate_for_hours),
		cmocka_unit_test(test_scheduled_counts_what_is_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
