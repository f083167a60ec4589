/* SPDX-License-Identifier: Apache-2.0
 *
 * mem/pool - handles, limits and counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "mem/mem.h"

static void
test_pool_get_to_limit_then_refuses(void **state)
{
	struct mr_arena arena;
	struct mr_pool pool;
	bool seen[101] = { false };

	(void)state;
	assert_int_equal(mr_arena_create(&arena, "pool", 1 << 20, false, NULL), 0);
	assert_int_equal(mr_pool_create(&pool, &arena, 192, 100, NULL), 0);
	for (int i = 0; i < 100; i++) {
		uint32_t handle = mr_pool_get(&pool);

		assert_in_range(handle, 1, 100);
		assert_false(seen[handle]);
		seen[handle] = true;
		assert_int_equal((uintptr_t)mr_pool_at(&pool, handle) % 64, 0);
		memset(mr_pool_at(&pool, handle), (int)handle, 192);
	}
	assert_int_equal(mr_pool_get(&pool), 0);
	assert_int_equal(mr_pool_get(&pool), 0);
	assert_int_equal(pool.refused, 2);
	assert_int_equal(pool.used, 100);
	for (uint32_t h = 1; h <= 100; h++)
		for (int i = 0; i < 192; i++)
			assert_int_equal(((uint8_t *)mr_pool_at(&pool, h))[i], h);
	mr_pool_put(&pool, 7);
	assert_int_equal(pool.used, 99);
	assert_int_equal(mr_pool_get(&pool), 7);
	assert_int_equal(pool.peak, 100);
	mr_arena_destroy(&arena);
}

static void
test_pool_random_handles_are_unique(void **state)
{
	enum { LIMIT = 1000 };
	struct mr_arena arena;
	struct mr_pool pool;
	struct mr_rng rng;
	uint32_t held[LIMIT], count = 0, peak = 0;
	bool taken[LIMIT + 1] = { false };

	(void)state;
	mr_rng_seed(&rng, 3);
	assert_int_equal(mr_arena_create(&arena, "pool", 1 << 20, false, NULL), 0);
	assert_int_equal(mr_pool_create(&pool, &arena, 4, LIMIT, NULL), 0);
	for (int step = 0; step < 100000; step++) {
		if (mr_rng_below(&rng, 2)) {
			uint32_t handle = mr_pool_get(&pool);

			if (count == LIMIT) {
				assert_int_equal(handle, 0);
				continue;
			}
			assert_in_range(handle, 1, LIMIT);
			assert_false(taken[handle]);
			taken[handle] = true;
			held[count++] = handle;
			peak = MR_MAX(peak, count);
		} else if (count) {
			uint32_t i = (uint32_t)mr_rng_below(&rng, count);

			mr_pool_put(&pool, held[i]);
			taken[held[i]] = false;
			held[i] = held[--count];
		}
		assert_int_equal(pool.used, count);
	}
	assert_int_equal(pool.peak, peak);
	mr_arena_destroy(&arena);
}

static void
test_pool_create_refuses_bad_shapes(void **state)
{
	struct mr_arena arena;
	struct mr_pool pool;
	struct mr_error error = { 0 };

	(void)state;
	assert_int_equal(mr_arena_create(&arena, "pool", 1 << 20, false, NULL), 0);
	assert_int_equal(mr_pool_create(&pool, &arena, 0, 10, NULL), -EINVAL);
	assert_int_equal(mr_pool_create(&pool, &arena, 6, 10, NULL), -EINVAL);
	assert_int_equal(mr_pool_create(&pool, &arena, 8, 0, NULL), -EINVAL);
	assert_int_equal(mr_pool_create(&pool, &arena, 8, UINT32_MAX, NULL), -EINVAL);
	/* 1 MiB less the arena's first line holds 16,383 objects of a line: place 0 and 16,382. */
	assert_int_equal(mr_pool_create(&pool, &arena, 64, 16383, &error), -ENOMEM);
	assert_non_null(strstr(error.text, "limit"));
	assert_int_equal(mr_pool_create(&pool, &arena, 64, 16382, NULL), 0);
	mr_arena_destroy(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pool_get_to_limit_then_refuses),
		cmocka_unit_test(test_pool_random_handles_are_unique),
		cmocka_unit_test(test_pool_create_refuses_bad_shapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
