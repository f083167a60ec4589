/* SPDX-License-Identifier: Apache-2.0
 *
 * rcu/rcu - publish, grace periods and retiring, alone and under load.
 *
 * The stress test is also the proof of the TSan annotations: built with -Db_sanitize=thread it is
 * clean, and it is not when mr_rcu_synchronize or its mr_tsan_acquire is taken out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "mem/mem.h"
#include "rcu/rcu.h"

static unsigned released[16], released_count;
static bool ready_now;

static void
note_release(void *item)
{
	assert_true(released_count < MR_ARRAY_COUNT(released));
	released[released_count++] = *(unsigned *)item;
}

static bool
when_ready(const void *item)
{
	(void)item;
	return ready_now;
}

static void
retire_another(void *item)
{
	static unsigned another = 99;

	note_release(item);
	mr_rcu_retire(note_release, NULL, &another);
}

static int
setup(void **state)
{
	(void)state;
	released_count = 0;
	ready_now = false;
	return 0;
}

static void
test_reclaim_of_nothing_is_nothing(void **state)
{
	(void)state;
	assert_int_equal(mr_rcu_reclaim(), 0);
	assert_int_equal(mr_rcu_barrier(0), 0);
}

static void
test_retire_waits_for_reclaim_and_keeps_order(void **state)
{
	unsigned items[] = { 1, 2, 3 };

	(void)state;
	for (int i = 0; i < 3; i++)
		mr_rcu_retire(note_release, NULL, &items[i]);
	assert_int_equal(released_count, 0);
	assert_int_equal(mr_rcu_reclaim(), 0);
	assert_int_equal(released_count, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(released[i], i + 1);
}

static void
test_retire_not_ready_stays(void **state)
{
	unsigned items[] = { 1, 2, 3 };

	(void)state;
	mr_rcu_retire(note_release, when_ready, &items[0]);
	mr_rcu_retire(note_release, NULL, &items[1]);
	assert_int_equal(mr_rcu_reclaim(), 1);
	assert_int_equal(released_count, 1);
	assert_int_equal(released[0], 2);
	mr_rcu_retire(note_release, NULL, &items[2]);
	assert_int_equal(mr_rcu_barrier(3), 1); /* gives up after its time */
	assert_int_equal(released_count, 2);
	ready_now = true;
	assert_int_equal(mr_rcu_reclaim(), 0);
	assert_int_equal(released[2], 1);
}

static void
test_release_may_retire(void **state)
{
	unsigned item = 1;

	(void)state;
	mr_rcu_retire(retire_another, NULL, &item);
	assert_int_equal(mr_rcu_reclaim(), 1);
	assert_int_equal(released_count, 1);
	assert_int_equal(mr_rcu_barrier(1000), 0);
	assert_int_equal(released[1], 99);
}

static unsigned many_released;

static void
count_release(void *item)
{
	(void)item;
	many_released++;
}

static void
test_retire_many_releases_each(void **state)
{
	(void)state;
	many_released = 0;
	for (int i = 0; i < 10000; i++)
		mr_rcu_retire(count_release, NULL, NULL);
	assert_int_equal(mr_rcu_reclaim(), 0);
	assert_int_equal(many_released, 10000);
}

/* ---- a reader that holds on ---- */

struct holder {
	_Atomic int phase; /* 1: online, holds; 2: may go on; 3: quiescent; 4: may end */
	bool goes_offline;
};

static void
await(_Atomic int *phase, int value)
{
	while (atomic_load(phase) < value)
		sched_yield();
}

static void *
holder_run(void *context)
{
	struct holder *h = context;

	mr_rcu_register();
	atomic_store(&h->phase, 1);
	await(&h->phase, 2);
	if (h->goes_offline)
		mr_rcu_offline();
	else
		mr_rcu_quiescent();
	atomic_store(&h->phase, 3);
	while (!h->goes_offline && atomic_load(&h->phase) < 4) {
		mr_rcu_quiescent();
		sched_yield();
	}
	await(&h->phase, 4);
	if (h->goes_offline)
		mr_rcu_online();
	mr_rcu_unregister();
	return NULL;
}

struct waiter {
	_Atomic int done;
};

static void *
waiter_run(void *context)
{
	struct waiter *w = context;

	mr_rcu_synchronize();
	atomic_store(&w->done, 1);
	return NULL;
}

static void
hold_then(bool offline)
{
	struct holder h = { .goes_offline = offline };
	struct waiter w = { 0 };
	pthread_t holder, waiter;

	assert_int_equal(pthread_create(&holder, NULL, holder_run, &h), 0);
	await(&h.phase, 1);
	assert_int_equal(pthread_create(&waiter, NULL, waiter_run, &w), 0);
	for (int i = 0; i < 20000; i++) {
		assert_int_equal(atomic_load(&w.done), 0);
		sched_yield();
	}
	atomic_store(&h.phase, 2);
	pthread_join(waiter, NULL); /* ends though the holder lives on */
	assert_int_equal(atomic_load(&w.done), 1);
	await(&h.phase, 3);
	atomic_store(&h.phase, 4);
	pthread_join(holder, NULL);
}

static void
test_synchronize_waits_for_quiescent(void **state)
{
	(void)state;
	hold_then(false);
}

static void
test_synchronize_does_not_wait_for_offline(void **state)
{
	(void)state;
	hold_then(true);
}

/* ---- stress: snapshots that die loudly ---- */

enum { READERS = 3, PUBLICATIONS = 3000, ALIVE = 0x11fe, DEAD = 0xdead };

struct snapshot {
	uint64_t state, number, twice;
};

static struct snapshot *current;
static _Atomic bool stop;
static unsigned snapshots_freed;

static void
snapshot_free(void *item)
{
	struct snapshot *s = item;

	s->state = DEAD;
	s->number = s->twice = 0;
	snapshots_freed++;
	free(s);
}

static void *
reader_run(void *context)
{
	uint64_t *wrong = context, last = 0;

	mr_rcu_register();
	for (unsigned turn = 0; !atomic_load_explicit(&stop, memory_order_relaxed); turn++) {
		for (int packet = 0; packet < 8; packet++) {
			const struct snapshot *s = mr_rcu_load(&current);

			if (s->state != ALIVE || s->twice != 2 * s->number || s->number < last)
				(*wrong)++;
			last = s->number;
		}
		mr_rcu_quiescent();
		if (turn % 64 == 0) { /* sleeps, as an adaptive worker does */
			mr_rcu_offline();
			sched_yield();
			mr_rcu_online();
		}
	}
	mr_rcu_unregister();
	return NULL;
}

static struct snapshot *
snapshot_make(uint64_t number)
{
	struct snapshot *s = malloc(sizeof(*s));

	assert_non_null(s);
	*s = (struct snapshot){ ALIVE, number, 2 * number };
	return s;
}

static void
test_publish_retire_stress_readers_see_only_live(void **state)
{
	pthread_t threads[READERS];
	uint64_t wrong[READERS] = { 0 };

	(void)state;
	snapshots_freed = 0;
	mr_rcu_publish(&current, snapshot_make(0));
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, reader_run, &wrong[i]), 0);
	for (uint64_t n = 1; n <= PUBLICATIONS; n++) {
		struct snapshot *old = current;

		mr_rcu_publish(&current, snapshot_make(n));
		mr_rcu_retire(snapshot_free, NULL, old);
		if (n % 4 == 0)
			assert_int_equal(mr_rcu_reclaim(), 0);
	}
	assert_int_equal(mr_rcu_barrier(1000), 0);
	assert_int_equal(snapshots_freed, PUBLICATIONS);
	atomic_store(&stop, true);
	for (int i = 0; i < READERS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(wrong[i], 0);
	}
	free(current);
}

/* ---- stress: what is pinned outlives its grace period, and not longer than its pins ---- */

enum { SLOTS = 8, HELD_MAX = 4, PINNED_PUBLICATIONS = 500 };

struct pinnable {
	uint32_t slot;
	uint64_t state;
};

static struct mr_pins pins;
static struct pinnable pinnables[SLOTS];
static struct pinnable *pinned_current;
static bool slot_free[SLOTS]; /* owner: ctl */

static void
pinnable_free(void *item)
{
	struct pinnable *p = item;

	p->state = DEAD;
	slot_free[p->slot] = true;
}

static bool
pinnable_idle(const void *item)
{
	return mr_pins_idle(&pins, ((const struct pinnable *)item)->slot);
}

/* pinning_run takes a pin in each turn, keeps the last HELD_MAX over its quiescent states, and
 * looks at what it holds. */
static void *
pinning_run(void *context)
{
	const uint32_t worker = (uint32_t)(uintptr_t)context;
	const struct pinnable *held[HELD_MAX] = { 0 };
	uint64_t wrong = 0;

	mr_rcu_register();
	for (unsigned turn = 0; !atomic_load_explicit(&stop, memory_order_relaxed); turn++) {
		const struct pinnable **place = &held[turn % HELD_MAX];

		if (*place) {
			wrong += (*place)->state != ALIVE;
			mr_pin_drop(&pins, worker, (*place)->slot);
		}
		*place = mr_rcu_load(&pinned_current);
		mr_pin_take(&pins, worker, (*place)->slot);
		mr_rcu_quiescent();
		if (turn % 16 == 0)
			sched_yield();
	}
	for (unsigned i = 0; i < HELD_MAX; i++)
		if (held[i])
			mr_pin_drop(&pins, worker, held[i]->slot);
	mr_rcu_unregister();
	return (void *)(uintptr_t)wrong;
}

static uint32_t
slot_take(void)
{
	for (;;) {
		for (uint32_t i = 0; i < SLOTS; i++)
			if (slot_free[i]) {
				slot_free[i] = false;
				return i;
			}
		mr_rcu_reclaim();
		sched_yield();
	}
}

static void
test_retire_pinned_stress_frees_after_last_drop(void **state)
{
	struct mr_arena arena;
	pthread_t threads[2];

	(void)state;
	assert_int_equal(mr_arena_create(&arena, "pins", 1 << 20, false, NULL), 0);
	assert_int_equal(mr_pins_create(&pins, &arena, 2, SLOTS, NULL), 0);
	atomic_store(&stop, false);
	for (uint32_t i = 0; i < SLOTS; i++)
		slot_free[i] = true;
	for (int n = 0; n < PINNED_PUBLICATIONS; n++) {
		struct pinnable *old = pinned_current;
		uint32_t slot = slot_take();

		pinnables[slot] = (struct pinnable){ slot, ALIVE };
		mr_rcu_publish(&pinned_current, &pinnables[slot]);
		if (old)
			mr_rcu_retire(pinnable_free, pinnable_idle, old);
		for (uintptr_t i = 0; !n && i < 2; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, pinning_run, (void *)i),
					 0);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++) {
		void *wrong;

		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
	assert_int_equal(mr_rcu_barrier(1000), 0);
	for (uint32_t i = 0; i < SLOTS; i++)
		assert_int_equal(slot_free[i], &pinnables[i] != pinned_current);
	mr_arena_destroy(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_reclaim_of_nothing_is_nothing, setup),
		cmocka_unit_test_setup(test_retire_waits_for_reclaim_and_keeps_order, setup),
		cmocka_unit_test_setup(test_retire_not_ready_stays, setup),
		cmocka_unit_test_setup(test_release_may_retire, setup),
		cmocka_unit_test_setup(test_retire_many_releases_each, setup),
		cmocka_unit_test(test_synchronize_waits_for_quiescent),
		cmocka_unit_test(test_synchronize_does_not_wait_for_offline),
		cmocka_unit_test(test_publish_retire_stress_readers_see_only_live),
		cmocka_unit_test(test_retire_pinned_stress_frees_after_last_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
