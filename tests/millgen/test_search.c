/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/search - the search against targets of known capacity.
 */
#include "fixture.h"

#include "search.h"

struct model {
	double capacity_qps, generator_qps;
	unsigned trials;
	int fail_at;
};

static int
trial(void *context, uint64_t rate_qps, struct gen_trial *out)
{
	struct model *self = context;

	self->trials++;
	if (self->fail_at && self->trials == (unsigned)self->fail_at)
		return -19;
	out->sent_qps = rate_qps && (double)rate_qps < self->generator_qps ? (double)rate_qps
									   : self->generator_qps;
	out->answered_qps = MR_MIN(out->sent_qps, self->capacity_qps);
	out->good = out->sent_qps <= self->capacity_qps * 1.001;
	return 0;
}

static void
test_search_finds_the_capacity(void **state)
{
	static const double capacities[] = { 1000, 20000, 333333, 5e6, 9.7e6 };

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(capacities); i++) {
		struct model model = { .capacity_qps = capacities[i], .generator_qps = 1e7 };
		bool flood;
		int code;
		uint64_t found = gen_search_highest(trial, &model, &flood, &code);

		assert_int_equal(code, 0);
		assert_false(flood);
		assert_true((double)found <= capacities[i] * 1.002);
		assert_true((double)found >= capacities[i] * 0.96);
		assert_true(model.trials <= 10);
	}
}

static void
test_search_target_faster_than_generator_takes_the_flood(void **state)
{
	struct model model = { .capacity_qps = 2e7, .generator_qps = 1e7 };
	bool flood;
	int code;

	(void)state;
	assert_int_equal(gen_search_highest(trial, &model, &flood, &code), 10000000);
	assert_true(flood);
	assert_int_equal(model.trials, 1);
}

static void
test_search_dead_target_finds_nothing(void **state)
{
	struct model model = { .capacity_qps = 0, .generator_qps = 1e7 };
	bool flood;
	int code;

	(void)state;
	assert_int_equal(gen_search_highest(trial, &model, &flood, &code), 0);
	assert_int_equal(code, 0);
	assert_true(model.trials <= GEN_SEARCH_TRIALS_MAX + 1);
}

static void
test_search_ends_when_a_trial_fails(void **state)
{
	struct model model = { .capacity_qps = 5e6, .generator_qps = 1e7, .fail_at = 3 };
	bool flood;
	int code;

	(void)state;
	assert_int_equal(gen_search_highest(trial, &model, &flood, &code), 0);
	assert_int_equal(code, -19);
	assert_int_equal(model.trials, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_search_finds_the_capacity),
		cmocka_unit_test(test_search_target_faster_than_generator_takes_the_flood),
		cmocka_unit_test(test_search_dead_target_finds_nothing),
		cmocka_unit_test(test_search_ends_when_a_trial_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
