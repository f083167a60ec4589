/* SPDX-License-Identifier: Apache-2.0
 *
 * metric/histogram - bounds of each bucket, error of quantiles, merging.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "metric/metric.h"

static void
test_bucket_both_sides_of_each_bound(void **state)
{
	(void)state;
	assert_int_equal(mr_histogram_lower(0), 0);
	for (unsigned b = 0; b < MR_HISTOGRAM_BUCKETS; b++) {
		uint64_t lower = mr_histogram_lower(b), upper = mr_histogram_upper(b);

		assert_true(lower < upper);
		assert_int_equal(mr_histogram_bucket(lower), b);
		assert_int_equal(mr_histogram_bucket(upper - 1), b);
		if (b)
			assert_int_equal(mr_histogram_bucket(lower - 1), b - 1);
		if (b < MR_HISTOGRAM_BUCKETS - 1) {
			assert_int_equal(mr_histogram_bucket(upper), b + 1);
			/* the width is at most 1/32 of the value */
			assert_true((upper - 1 - lower) * 32 <= lower);
		}
	}
	assert_int_equal(mr_histogram_bucket((1ull << 40) - 1), MR_HISTOGRAM_BUCKETS - 1);
	assert_int_equal(mr_histogram_bucket(1ull << 40), MR_HISTOGRAM_BUCKETS - 1);
	assert_int_equal(mr_histogram_bucket(UINT64_MAX), MR_HISTOGRAM_BUCKETS - 1);
	assert_int_equal(mr_histogram_lower(MR_HISTOGRAM_BUCKETS - 1), 63ull << 34);
	assert_int_equal(mr_histogram_upper(MR_HISTOGRAM_BUCKETS - 1), UINT64_MAX);
}

static int
by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void
test_quantile_within_one_in_32(void **state)
{
	enum { VALUES = 50000 };
	static const double qs[] = { 0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1 };
	struct mr_histogram *h = calloc(1, sizeof(*h));
	uint64_t *values = calloc(VALUES, sizeof(*values)), sum = 0;
	struct mr_rng rng;

	(void)state;
	mr_rng_seed(&rng, 9);
	for (int i = 0; i < VALUES; i++) {
		values[i] = mr_rng_below(&rng, 1ull << mr_rng_below(&rng, 40));
		sum += values[i];
		mr_histogram_record(h, values[i], 1);
	}
	qsort(values, VALUES, sizeof(*values), by_value);
	for (unsigned i = 0; i < MR_ARRAY_COUNT(qs); i++) {
		double exact_rank = qs[i] * VALUES;
		int rank = (int)exact_rank;
		uint64_t truth, said = mr_histogram_quantile(h, qs[i]);

		if (rank < exact_rank)
			rank++;
		truth = values[MR_MAX(rank, 1) - 1];
		assert_true(said >= truth);
		assert_true(said - truth <= truth / 32);
	}
	assert_int_equal(mr_histogram_quantile(h, 1), values[VALUES - 1]);
	assert_int_equal(mr_histogram_quantile(h, 7), values[VALUES - 1]);
	assert_int_equal(mr_histogram_quantile(h, -7), mr_histogram_quantile(h, 0));
	assert_int_equal(mr_histogram_count(h), VALUES);
	assert_int_equal(h->sum, sum);
	assert_int_equal(h->max, values[VALUES - 1]);
	free(values);
	free(h);
}

static void
test_quantile_empty_one_and_beyond(void **state)
{
	struct mr_histogram *h = calloc(1, sizeof(*h));

	(void)state;
	assert_int_equal(mr_histogram_quantile(h, 0.5), 0);
	mr_histogram_record(h, 1000003, 1);
	assert_int_equal(mr_histogram_quantile(h, 0), 1000003);
	assert_int_equal(mr_histogram_quantile(h, 1), 1000003);
	mr_histogram_record(h, 3ull << 50, 9);
	assert_int_equal(mr_histogram_quantile(h, 0.5), 3ull << 50);
	assert_int_equal(h->sum, 1000003 + 9 * (3ull << 50));
	free(h);
}

static void
test_merge_adds_all(void **state)
{
	struct mr_histogram *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));
	struct mr_histogram *all = calloc(1, sizeof(*all)), *merged = calloc(1, sizeof(*merged));
	struct mr_rng rng;

	(void)state;
	mr_rng_seed(&rng, 4);
	for (int i = 0; i < 1000; i++) {
		uint64_t value = mr_rng_next(&rng) >> mr_rng_below(&rng, 64), n = i % 3;

		mr_histogram_record(i % 2 ? a : b, value, n);
		mr_histogram_record(all, value, n);
	}
	mr_histogram_merge(merged, a);
	mr_histogram_merge(merged, b);
	assert_memory_equal(merged, all, sizeof(*all));
	free(a);
	free(b);
	free(all);
	free(merged);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bucket_both_sides_of_each_bound),
		cmocka_unit_test(test_quantile_within_one_in_32),
		cmocka_unit_test(test_quantile_empty_one_and_beyond),
		cmocka_unit_test(test_merge_adds_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
