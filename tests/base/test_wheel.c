/* SPDX-License-Identifier: Apache-2.0
 *
 * base/wheel - against a model: each timer once, never early, never lost, in bounded slices.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum { TICK_SHIFT = 20 };
#define TICK (1ull << TICK_SHIFT)

/* What an object of a caller may look like: the node is somewhere in it. */
struct object {
	uint64_t payload;
	struct mr_wheel_node node;
	uint64_t deadline_ns; /* the model's: 0 is idle */
	uint64_t fires_by_ns; /* an advance to here or later must have fired it */
	uint64_t rearm_ns;    /* what expire returns */
	unsigned fired;
};

struct fixture {
	struct mr_wheel wheel;
	struct object *objects; /* [count + 1] */
	uint32_t count;
	uint64_t now_ns; /* of the latest advance */
	uint32_t fired;
};

static void
setup(struct fixture *f, uint32_t count, uint32_t shift, uint64_t now_ns)
{
	*f = (struct fixture){ .count = count, .now_ns = now_ns };
	f->objects = calloc(count + 1, sizeof(*f->objects));
	assert_non_null(f->objects);
	mr_wheel_init(&f->wheel, f->objects, sizeof(struct object), offsetof(struct object, node),
		      shift, now_ns);
}

static void
teardown(struct fixture *f)
{
	free(f->objects);
}

static void
model_set(struct fixture *f, struct object *object, uint64_t deadline_ns, uint64_t now_ns)
{
	uint64_t tick = 1ull << f->wheel.tick_shift;
	uint64_t next_tick = (now_ns / tick + 1) * tick;

	object->deadline_ns = deadline_ns;
	object->fires_by_ns = MR_MAX(deadline_ns, next_tick) + tick - 1;
}

static uint64_t
on_expire(void *context, uint32_t handle, uint64_t now_ns)
{
	struct fixture *f = context;
	struct object *object = &f->objects[handle];

	assert_in_range(handle, 1, f->count);
	assert_true(object->deadline_ns > 0); /* not idle, not cancelled */
	assert_true(object->deadline_ns <= now_ns);
	assert_false(mr_wheel_is_scheduled(&f->wheel, handle));
	object->deadline_ns = 0;
	object->fired++;
	f->fired++;
	if (object->rearm_ns)
		model_set(f, object, object->rearm_ns, now_ns);
	return object->rearm_ns;
}

static uint32_t
advance(struct fixture *f, uint64_t now_ns, uint32_t limit)
{
	uint32_t before = f->fired, work;

	f->now_ns = now_ns;
	work = mr_wheel_advance(&f->wheel, now_ns, limit, on_expire, f);
	assert_true(work <= limit);
	assert_true(f->fired - before <= work);
	return work;
}

static void
schedule(struct fixture *f, uint32_t handle, uint64_t deadline_ns)
{
	model_set(f, &f->objects[handle], deadline_ns, f->now_ns);
	mr_wheel_schedule(&f->wheel, handle, deadline_ns);
}

static void
test_empty_advance_does_nothing(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 1, TICK_SHIFT, 5 * TICK);
	assert_true(mr_wheel_next_ns(&f.wheel) == UINT64_MAX);
	assert_int_equal(advance(&f, 1ull << 62, 10), 0);
	assert_false(mr_wheel_is_scheduled(&f.wheel, 1));
	mr_wheel_cancel(&f.wheel, 1); /* idle: nothing */
	assert_int_equal(f.wheel.count, 0);
	teardown(&f);
}

/* For deadlines on every level: not one nanosecond early, and due a tick later. */
static void
test_fire_both_sides_of_deadline(void **state)
{
	(void)state;
	for (uint64_t far = 1; far < 1ull << 60; far = far * 3 + 1) {
		struct fixture f;
		uint64_t start = 123456789, deadline = start + far;

		setup(&f, 1, TICK_SHIFT, start);
		schedule(&f, 1, deadline);
		while (advance(&f, deadline - 1, 64)) /* moves down only */
			assert_int_equal(f.fired, 0);
		assert_int_equal(f.fired, 0);
		assert_true(mr_wheel_is_scheduled(&f.wheel, 1));
		assert_true(mr_wheel_next_ns(&f.wheel) <= f.objects[1].fires_by_ns);
		while (advance(&f, f.objects[1].fires_by_ns, 64))
			;
		assert_int_equal(f.fired, 1);
		assert_int_equal(f.wheel.count, 0);
		teardown(&f);
	}
}

static void
test_deadline_on_a_tick_fires_on_it(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 1, TICK_SHIFT, 0);
	schedule(&f, 1, 7 * TICK);
	assert_true(mr_wheel_next_ns(&f.wheel) == 7 * TICK);
	advance(&f, 7 * TICK - 1, 10);
	assert_int_equal(f.fired, 0);
	advance(&f, 7 * TICK, 10);
	assert_int_equal(f.fired, 1);
	teardown(&f);
}

static void
test_past_deadline_fires_at_next_tick(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 1, TICK_SHIFT, 100 * TICK);
	schedule(&f, 1, 3);
	advance(&f, 101 * TICK - 1, 10);
	assert_int_equal(f.fired, 0);
	advance(&f, 101 * TICK, 10);
	assert_int_equal(f.fired, 1);
	teardown(&f);
}

static void
test_never_stays_for_ever(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 1, TICK_SHIFT, 100 * TICK);
	schedule(&f, 1, UINT64_MAX);
	assert_true(mr_wheel_next_ns(&f.wheel) > 1ull << 62);
	advance(&f, UINT64_MAX - TICK, 100);
	assert_int_equal(f.fired, 0);
	mr_wheel_cancel(&f.wheel, 1);
	assert_int_equal(f.wheel.count, 0);
	teardown(&f);
}

static void
test_reschedule_moves_and_cancel_removes(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 3, TICK_SHIFT, 0);
	for (uint32_t h = 1; h <= 3; h++)
		schedule(&f, h, 10 * TICK);
	schedule(&f, 2, 5 * TICK);
	mr_wheel_cancel(&f.wheel, 3);
	f.objects[3].deadline_ns = 0;
	assert_int_equal(f.wheel.count, 2);
	advance(&f, 5 * TICK, 10);
	assert_int_equal(f.objects[2].fired, 1);
	assert_int_equal(f.fired, 1);
	schedule(&f, 1, 5000 * TICK); /* further out */
	advance(&f, 4999 * TICK, 10);
	assert_int_equal(f.fired, 1);
	advance(&f, 5000 * TICK, 10);
	assert_int_equal(f.objects[1].fired, 1);
	assert_int_equal(f.objects[3].fired, 0);
	teardown(&f);
}

/* A callback that asks for a past deadline again and again fires once a tick, and others of the
 * same tick get their turn. */
static void
test_rearm_in_the_past_fires_once_a_tick(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 2, TICK_SHIFT, 0);
	f.objects[1].rearm_ns = 1;
	schedule(&f, 1, TICK);
	schedule(&f, 2, TICK);
	assert_int_equal(advance(&f, TICK, 100), 2);
	assert_int_equal(f.objects[1].fired, 1);
	assert_int_equal(f.objects[2].fired, 1);
	assert_int_equal(advance(&f, TICK + 1, 100), 0);
	assert_int_equal(advance(&f, 2 * TICK, 100), 1);
	assert_int_equal(f.objects[1].fired, 2);
	teardown(&f);
}

/* ---- a callback that changes its neighbours ---- */

static uint64_t
cancel_others(void *context, uint32_t handle, uint64_t now_ns)
{
	struct fixture *f = context;

	(void)now_ns;
	f->fired++;
	for (uint32_t h = 1; h <= f->count; h++)
		mr_wheel_cancel(&f->wheel, h);
	mr_wheel_schedule(&f->wheel, handle % f->count + 1, now_ns + TICK);
	return 0;
}

static void
test_callback_may_cancel_and_schedule_others(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 5, TICK_SHIFT, 0);
	for (uint32_t h = 1; h <= 5; h++)
		mr_wheel_schedule(&f.wheel, h, 3 * TICK);
	assert_int_equal(mr_wheel_advance(&f.wheel, 3 * TICK, 100, cancel_others, &f), 1);
	assert_int_equal(f.fired, 1);
	assert_int_equal(f.wheel.count, 1);
	assert_int_equal(mr_wheel_advance(&f.wheel, 4 * TICK, 100, cancel_others, &f), 1);
	assert_int_equal(f.fired, 2);
	teardown(&f);
}

/* Cancelling what is half moved down, and scheduling beside it, leaves the rest in place. */
static void
test_cancel_in_the_middle_of_a_move(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 101, TICK_SHIFT, 0);
	for (uint32_t h = 1; h <= 100; h++)
		schedule(&f, h, 64 * TICK + h % 64 * TICK); /* one slot of level 1 */
	assert_int_equal(advance(&f, 64 * TICK, 30), 30);
	for (uint32_t h = 1; h <= 100; h += 2) {
		mr_wheel_cancel(&f.wheel, h);
		f.objects[h].deadline_ns = 0;
	}
	schedule(&f, 101, 65 * TICK);
	while (advance(&f, 127 * TICK, 7))
		;
	assert_int_equal(f.fired, 51);
	assert_int_equal(f.wheel.count, 0);
	assert_int_equal(f.wheel.levels, 0);
	assert_int_equal(f.wheel.moving, 0);
	teardown(&f);
}

/* ---- the model ---- */

static void
check_none_overdue(struct fixture *f)
{
	uint64_t scheduled = 0;

	for (uint32_t h = 1; h <= f->count; h++) {
		const struct object *object = &f->objects[h];

		assert_int_equal(object->deadline_ns != 0, mr_wheel_is_scheduled(&f->wheel, h));
		scheduled += object->deadline_ns != 0;
		if (object->deadline_ns)
			assert_true(object->fires_by_ns > f->now_ns);
	}
	assert_int_equal(f->wheel.count, scheduled);
}

static uint64_t
random_delay(struct mr_rng *rng, uint32_t shift)
{
	return mr_rng_below(rng, 1ull << (1 + mr_rng_below(rng, shift + 22)));
}

static void
random_run(uint64_t seed, uint32_t shift, uint32_t limit)
{
	enum { TIMERS = 300, STEPS = 60000 };
	struct fixture f;
	struct mr_rng rng;
	uint64_t now, work = 0, schedules = 0;

	mr_rng_seed(&rng, seed);
	now = mr_rng_next(&rng) >> (mr_rng_below(&rng, 20) + 2);
	setup(&f, TIMERS, shift, now);
	for (int step = 0; step < STEPS; step++) {
		uint32_t h = 1 + (uint32_t)mr_rng_below(&rng, TIMERS), done;
		struct object *object = &f.objects[h];

		switch (mr_rng_below(&rng, 8)) {
		case 0:
		case 1:
		case 2:
		case 3:
			schedule(&f, h, now + random_delay(&rng, shift) - mr_rng_below(&rng, 9));
			schedules++;
			break;
		case 4:
			mr_wheel_cancel(&f.wheel, h);
			object->deadline_ns = 0;
			break;
		case 5: /* lazy re-arm, to far or to the past */
			object->rearm_ns = now + random_delay(&rng, shift);
			break;
		case 6:
			object->rearm_ns = 0;
			break;
		case 7:
			now += random_delay(&rng, shift);
			assert_true(mr_wheel_next_ns(&f.wheel) > 0);
			done = advance(&f, now, limit);
			work += done;
			if (done < limit)
				check_none_overdue(&f);
			break;
		}
	}
	for (uint32_t h = 1; h <= TIMERS; h++)
		f.objects[h].rearm_ns = 0;
	now += 1ull << (shift + 24);
	for (uint32_t calls = 0; f.wheel.count; calls++) {
		uint32_t done = advance(&f, now, limit);

		assert_int_equal(done, f.wheel.count ? limit : done);
		assert_true(calls < TIMERS * MR_WHEEL_LEVELS);
	}
	check_none_overdue(&f);
	/* fired timers were scheduled by us or re-armed by themselves: 1 unit each and the moves */
	assert_true(work <= (schedules + f.fired) * MR_WHEEL_LEVELS);
	teardown(&f);
}

static void
test_random_against_model(void **state)
{
	static const uint32_t shifts[] = { 0, 1, 10, 20, 23, 30 };

	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++)
		random_run(seed, shifts[seed % MR_ARRAY_COUNT(shifts)],
			   seed % 2 ? 1000000 : (uint32_t)seed);
}

/* ---- 10 M at once ---- */

static uint64_t
count_expiry(void *context, uint32_t handle, uint64_t now_ns)
{
	uint8_t *fired = context;

	(void)now_ns;
	fired[handle]++;
	return 0;
}

static void
test_ten_million_due_together_drain_in_slices(void **state)
{
	enum { TIMERS = 10000000, SLICE = 1024 };
	struct mr_wheel_node *nodes = calloc(TIMERS + 1, sizeof(*nodes));
	uint8_t *fired = calloc(TIMERS + 1, 1);
	struct mr_wheel *wheel = malloc(sizeof(*wheel));
	uint64_t start, slices = 0, worst_ns = 0;

	(void)state;
	assert_true(nodes && fired && wheel);
	mr_wheel_init(wheel, nodes, sizeof(*nodes), 0, TICK_SHIFT, 0);
	start = mr_clock_now_ns();
	for (uint32_t h = 1; h <= TIMERS; h++)
		mr_wheel_schedule(wheel, h, 30 * MR_NS_PER_S + h % 3);
	print_message("schedule: %.1f ns each\n", (double)(mr_clock_now_ns() - start) / TIMERS);
	start = mr_clock_now_ns();
	while (wheel->count) {
		uint64_t slice_start = mr_clock_now_ns(), slice_ns;

		assert_true(mr_wheel_advance(wheel, 31 * MR_NS_PER_S, SLICE, count_expiry, fired) <=
			    SLICE);
		slice_ns = mr_clock_now_ns() - slice_start;
		worst_ns = MR_MAX(worst_ns, slice_ns);
		assert_true(++slices <= (uint64_t)TIMERS * MR_WHEEL_LEVELS / SLICE);
	}
	print_message("%llu slices of %d, %.1f ns a timer, worst slice %.0f us\n",
		      (unsigned long long)slices, SLICE,
		      (double)(mr_clock_now_ns() - start) / TIMERS, (double)worst_ns / 1e3);
	for (uint32_t h = 1; h <= TIMERS; h++)
		if (fired[h] != 1)
			fail_msg("timer %u fired %u times", h, fired[h]);
	free(nodes);
	free(fired);
	free(wheel);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_advance_does_nothing),
		cmocka_unit_test(test_fire_both_sides_of_deadline),
		cmocka_unit_test(test_deadline_on_a_tick_fires_on_it),
		cmocka_unit_test(test_past_deadline_fires_at_next_tick),
		cmocka_unit_test(test_never_stays_for_ever),
		cmocka_unit_test(test_reschedule_moves_and_cancel_removes),
		cmocka_unit_test(test_rearm_in_the_past_fires_once_a_tick),
		cmocka_unit_test(test_callback_may_cancel_and_schedule_others),
		cmocka_unit_test(test_cancel_in_the_middle_of_a_move),
		cmocka_unit_test(test_random_against_model),
		cmocka_unit_test(test_ten_million_due_together_drain_in_slices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
