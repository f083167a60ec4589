/* SPDX-License-Identifier: Apache-2.0
 *
 * mem/extents - against a model: no overlap, nothing lost, all freed is one piece again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <string.h>

#include "mem/mem.h"

enum { MIB = 1 << 20 };

struct fixture {
	struct mr_arena arena;
	struct mr_extents *extents;
};

static void
setup(struct fixture *f, uint64_t bytes)
{
	assert_int_equal(mr_arena_create(&f->arena, "extents", bytes, false, NULL), 0);
	assert_int_equal(mr_extents_create(&f->extents, &f->arena), 0);
}

static void
teardown(struct fixture *f)
{
	mr_extents_destroy(f->extents);
	mr_arena_destroy(&f->arena);
}

static void
test_get_put_counts_and_joins(void **state)
{
	struct fixture f;
	struct mr_extents_stats stats;
	uint64_t a, b, c;

	(void)state;
	setup(&f, 8 * MIB);
	assert_int_equal(mr_extents_get(f.extents, 1, &a), 0);
	assert_int_equal(mr_extents_get(f.extents, 64, &b), 0);
	assert_int_equal(mr_extents_get(f.extents, 65, &c), 0);
	assert_int_equal(a % 64 | b % 64 | c % 64, 0);
	mr_extents_stats(f.extents, &stats);
	assert_int_equal(stats.used_bytes, 64 + 64 + 128);
	assert_int_equal(stats.used_pieces, 3);
	assert_int_equal(stats.limit_bytes, 8 * MIB);
	mr_extents_put(f.extents, a, 1);
	mr_extents_put(f.extents, c, 65);
	mr_extents_stats(f.extents, &stats);
	assert_int_equal(stats.free_pieces, 2);
	mr_extents_put(f.extents, b, 64);
	mr_extents_stats(f.extents, &stats);
	assert_int_equal(stats.free_pieces, 1);
	assert_int_equal(stats.used_bytes, 0);
	assert_int_equal(stats.peak_bytes, 256);
	teardown(&f);
}

/* The last byte of the arena can be had, one more cannot, and a refusal changes nothing. */
static void
test_get_at_limit_is_exact(void **state)
{
	struct fixture f;
	uint64_t offset, all = 5 * MIB - 64;

	(void)state;
	setup(&f, 5 * MIB);
	assert_int_equal(mr_extents_get(f.extents, 3 * MIB, &offset), 0);
	mr_extents_put(f.extents, offset, 3 * MIB);
	assert_int_equal(mr_extents_get(f.extents, all + 1, &offset), -ENOMEM);
	assert_int_equal(mr_extents_get(f.extents, UINT64_MAX, &offset), -ENOMEM);
	assert_int_equal(mr_extents_get(f.extents, all, &offset), 0);
	assert_int_equal(mr_extents_get(f.extents, 1, &offset), -ENOMEM);
	teardown(&f);
}

/* Somebody else takes from the arena in between: the two ranges are not joined over the gap. */
static void
test_get_after_foreign_take_keeps_gap(void **state)
{
	struct fixture f;
	struct mr_extents_stats stats;
	uint64_t a, b, foreign;

	(void)state;
	setup(&f, 32 * MIB);
	assert_int_equal(mr_extents_get(f.extents, 2 * MIB, &a), 0);
	assert_int_equal(mr_arena_take(&f.arena, 100, 1, &foreign), 0);
	memset(mr_arena_at(&f.arena, foreign), 0x77, 100);
	assert_int_equal(mr_extents_get(f.extents, 3 * MIB, &b), 0);
	assert_true(b >= foreign + 100);
	mr_extents_put(f.extents, a, 2 * MIB);
	mr_extents_put(f.extents, b, 3 * MIB);
	mr_extents_stats(f.extents, &stats);
	assert_int_equal(stats.free_pieces, 2);
	assert_int_equal(mr_extents_get(f.extents, 5 * MIB, &b), 0);
	assert_true(b > foreign);
	memset(mr_arena_at(&f.arena, b), 0, 5 * MIB);
	assert_int_equal(*(uint8_t *)mr_arena_at(&f.arena, foreign), 0x77);
	teardown(&f);
}

/* The same while the last piece is free: it is not made longer by what lies behind the gap. */
static void
test_get_after_foreign_take_leaves_free_tail(void **state)
{
	struct fixture f;
	uint64_t a, b, foreign;

	(void)state;
	setup(&f, 32 * MIB);
	assert_int_equal(mr_extents_get(f.extents, 2 * MIB, &a), 0);
	mr_extents_put(f.extents, a, 2 * MIB);
	assert_int_equal(mr_arena_take(&f.arena, 100, 1, &foreign), 0);
	memset(mr_arena_at(&f.arena, foreign), 0x77, 100);
	assert_int_equal(mr_extents_get(f.extents, 3 * MIB, &b), 0);
	assert_true(b >= foreign + 100);
	memset(mr_arena_at(&f.arena, b), 0, 3 * MIB);
	assert_int_equal(*(uint8_t *)mr_arena_at(&f.arena, foreign), 0x77);
	assert_int_equal(mr_extents_get(f.extents, 2 * MIB, &b), 0);
	assert_int_equal(a, b); /* the tail before the gap is still to be had */
	teardown(&f);
}

struct held {
	uint64_t offset, bytes;
	uint8_t mark;
};

static void
check_and_put(struct fixture *f, const struct held *h)
{
	const uint8_t *at = mr_arena_at(&f->arena, h->offset);

	/* An overlap would have written another's mark at one end or inside. */
	for (uint64_t i = 0; i < h->bytes; i += MR_MAX(h->bytes / 64, 1ull))
		assert_int_equal(at[i], h->mark);
	assert_int_equal(at[h->bytes - 1], h->mark);
	mr_extents_put(f->extents, h->offset, h->bytes);
}

static int
by_offset(const void *a, const void *b)
{
	const struct held *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static uint64_t
random_bytes(struct mr_rng *rng)
{
	uint64_t bits = mr_rng_below(rng, 18);

	return 1 + mr_rng_below(rng, 1ull << bits);
}

static void
test_random_against_model(void **state)
{
	enum { HELD_MAX = 2000, STEPS = 200000 };
	struct fixture f;
	struct mr_extents_stats stats;
	struct held *held = calloc(HELD_MAX, sizeof(*held));
	struct mr_rng rng;
	unsigned count = 0, refused = 0;
	uint64_t used = 0;

	(void)state;
	setup(&f, 8 * MIB);
	mr_rng_seed(&rng, 20);
	for (unsigned step = 0; step < STEPS; step++) {
		bool fill = mr_rng_below(&rng, 1000) < (step / 20000 % 2 ? 400 : 600);

		if (fill && count < HELD_MAX) {
			struct held h = { .bytes = random_bytes(&rng), .mark = (uint8_t)step };

			if (mr_extents_get(f.extents, h.bytes, &h.offset)) {
				refused++;
				continue;
			}
			memset(mr_arena_at(&f.arena, h.offset), h.mark, h.bytes);
			used += mr_round_up(h.bytes, 64);
			held[count++] = h;
		} else if (count) {
			unsigned i = (unsigned)mr_rng_below(&rng, count);

			check_and_put(&f, &held[i]);
			used -= mr_round_up(held[i].bytes, 64);
			held[i] = held[--count];
		}
		if (step % 10000)
			continue;
		qsort(held, count, sizeof(*held), by_offset);
		for (unsigned i = 1; i < count; i++)
			assert_true(held[i - 1].offset + held[i - 1].bytes <= held[i].offset);
		mr_extents_stats(f.extents, &stats);
		assert_int_equal(stats.used_bytes, used);
		assert_int_equal(stats.used_pieces, count);
		assert_int_equal(stats.used_bytes + stats.free_bytes, f.arena.taken_bytes - 64);
	}
	assert_true(refused > 0); /* the limit was met on the way */
	while (count)
		check_and_put(&f, &held[--count]);
	mr_extents_stats(f.extents, &stats);
	assert_int_equal(stats.used_bytes, 0);
	assert_int_equal(stats.free_pieces, 1);
	assert_int_equal(stats.free_bytes, f.arena.taken_bytes - 64);
	free(held);
	teardown(&f);
}

/* cpu_ns is this thread's own time: what others do on the machine is not in it. */
static uint64_t
cpu_ns(void)
{
	struct timespec spent;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
	return (uint64_t)spent.tv_sec * MR_NS_PER_S + (uint64_t)spent.tv_nsec;
}

/* 100,000 pieces held at once, every second one freed, then small and large ones again: each call
 * is O(1), so that all of it takes a fraction of what the bound allows. */
static void
test_many_small_pieces_are_fast(void **state)
{
	enum { PIECES = 100000 };
	struct fixture f;
	struct mr_extents_stats stats;
	uint64_t *offsets = calloc(PIECES, sizeof(*offsets)), large, start = cpu_ns();

	(void)state;
	setup(&f, 64 * MIB);
	for (int i = 0; i < PIECES; i++)
		assert_int_equal(mr_extents_get(f.extents, 100, &offsets[i]), 0);
	for (int i = 0; i < PIECES; i += 2)
		mr_extents_put(f.extents, offsets[i], 100);
	mr_extents_stats(f.extents, &stats);
	assert_true(stats.free_pieces >= PIECES / 2);
	for (int i = 0; i < 1000; i++) { /* none of the holes fits */
		assert_int_equal(mr_extents_get(f.extents, 4096, &large), 0);
		mr_extents_put(f.extents, large, 4096);
	}
	for (int i = 0; i < PIECES; i += 2)
		assert_int_equal(mr_extents_get(f.extents, 100, &offsets[i]), 0);
	for (int i = 0; i < PIECES; i++)
		mr_extents_put(f.extents, offsets[i], 100);
	mr_extents_stats(f.extents, &stats);
	assert_int_equal(stats.free_pieces, 1);
	print_message("300,000 calls in %.1f ms\n", (double)(cpu_ns() - start) / 1e6);
	assert_true(cpu_ns() - start <
		    5 * MR_NS_PER_S); /* 18 ms here; walks of 50,000 holes need more */
	free(offsets);
	teardown(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get_put_counts_and_joins),
		cmocka_unit_test(test_get_at_limit_is_exact),
		cmocka_unit_test(test_get_after_foreign_take_keeps_gap),
		cmocka_unit_test(test_get_after_foreign_take_leaves_free_tail),
		cmocka_unit_test(test_random_against_model),
		cmocka_unit_test(test_many_small_pieces_are_fast),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
