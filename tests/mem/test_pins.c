/* SPDX-License-Identifier: Apache-2.0
 *
 * mem/pins - counts per worker, and that a drop lets the freeing see all reads done.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "mem/mem.h"

static void
test_pins_count_per_worker(void **state)
{
	struct mr_arena arena;
	struct mr_pins pins;

	(void)state;
	assert_int_equal(mr_arena_create(&arena, "pins", 1 << 20, false, NULL), 0);
	assert_int_equal(mr_pins_create(&pins, &arena, 3, 17, NULL), 0);
	for (int w = 0; w < 3; w++) {
		assert_int_equal((uintptr_t)pins.counts[w] % MR_CACHE_LINE, 0);
		if (w) /* 17 counts need two lines */
			assert_true(pins.counts[w] - pins.counts[w - 1] >= 32);
	}
	assert_true(mr_pins_idle(&pins, 16));
	mr_pin_take(&pins, 0, 16);
	mr_pin_take(&pins, 2, 16);
	mr_pin_take(&pins, 2, 16);
	assert_true(mr_pins_idle(&pins, 15));
	assert_false(mr_pins_idle(&pins, 16));
	mr_pin_drop(&pins, 0, 16);
	mr_pin_drop(&pins, 2, 16);
	assert_false(mr_pins_idle(&pins, 16));
	mr_pin_drop(&pins, 2, 16);
	assert_true(mr_pins_idle(&pins, 16));
	mr_arena_destroy(&arena);
}

static void
test_pins_create_refuses_bad_counts(void **state)
{
	struct mr_arena arena;
	struct mr_pins pins;
	struct mr_error error = { 0 };

	(void)state;
	assert_int_equal(mr_arena_create(&arena, "pins", 1 << 16, false, NULL), 0);
	assert_int_equal(mr_pins_create(&pins, &arena, 0, 1, NULL), -EINVAL);
	assert_int_equal(mr_pins_create(&pins, &arena, MR_WORKER_MAX + 1, 1, NULL), -EINVAL);
	assert_int_equal(mr_pins_create(&pins, &arena, 1, 0, NULL), -EINVAL);
	assert_int_equal(mr_pins_create(&pins, &arena, 2, 1 << 14, &error), -ENOMEM);
	assert_non_null(strstr(error.text, "arena pins"));
	assert_int_equal(mr_pins_create(&pins, &arena, MR_WORKER_MAX, 1, NULL), 0);
	mr_arena_destroy(&arena);
}

enum { ROUNDS = 2000 };

struct pinned_reader {
	struct mr_pins *pins;
	uint64_t payload; /* written by the freer when idle, read by the holder while pinned */
	_Atomic int turn; /* round that the reader may work on */
	uint64_t sum;
};

static void *
pinned_reader_run(void *context)
{
	struct pinned_reader *r = context;

	for (int round = 1; round <= ROUNDS; round++) {
		while (atomic_load_explicit(&r->turn, memory_order_acquire) < round)
			sched_yield();
		for (int i = 0; i < 10; i++)
			r->sum += *(volatile uint64_t *)&r->payload;
		mr_pin_drop(r->pins, 1, 0); /* the only thing that the freer sees of us */
	}
	return NULL;
}

static void
test_pins_drop_orders_reads_before_free(void **state)
{
	struct mr_arena arena;
	struct mr_pins pins;
	struct pinned_reader r = { .pins = &pins };
	pthread_t thread;
	uint64_t expected = 0;

	(void)state;
	assert_int_equal(mr_arena_create(&arena, "pins", 1 << 20, false, NULL), 0);
	assert_int_equal(mr_pins_create(&pins, &arena, 2, 1, NULL), 0);
	assert_int_equal(pthread_create(&thread, NULL, pinned_reader_run, &r), 0);
	for (int round = 1; round <= ROUNDS; round++) {
		while (!mr_pins_idle(&pins, 0))
			sched_yield();
		r.payload = (uint64_t)round; /* "freed" and used again */
		expected += 10 * (uint64_t)round;
		mr_pin_take(&pins, 1, 0); /* on the reader's behalf: it waits for its turn */
		atomic_store_explicit(&r.turn, round, memory_order_release);
	}
	pthread_join(thread, NULL);
	assert_int_equal(r.sum, expected);
	assert_true(mr_pins_idle(&pins, 0));
	mr_arena_destroy(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pins_count_per_worker),
		cmocka_unit_test(test_pins_create_refuses_bad_counts),
		cmocka_unit_test(test_pins_drop_orders_reads_before_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
