/* SPDX-License-Identifier: Apache-2.0
 *
 * worker/clock - a counter whose frequency is known badly, followed for an hour of virtual time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/worker_int.h"

#define TICK_NS (100 * MR_NS_PER_MS)
enum { HOUR_TICKS = 36000, SETTLE_TICKS = 100 };

static const uint64_t hz_told = 2450000000;
static struct mr_worker_clock kept;

/* The machine: its counter at a time, for a frequency that is off by parts per million. */
static uint64_t
tsc_at(uint64_t now_ns, int ppm)
{
	return 7000 +
	       (uint64_t)((__uint128_t)now_ns * (uint64_t)(2450000000 + 2450 * ppm) / MR_NS_PER_S);
}

static uint64_t
off_ns(uint64_t now_ns, int ppm)
{
	uint64_t told_ns = worker_clock_ns(&kept, tsc_at(now_ns, ppm));

	return told_ns > now_ns ? told_ns - now_ns : now_ns - told_ns;
}

static void
follows(int ppm)
{
	uint64_t now_ns = 5 * MR_NS_PER_S, last_ns = 0;

	kept = (struct mr_worker_clock){ 0 };
	worker_clock_start(&kept, tsc_at(now_ns, ppm), now_ns, hz_told);
	for (uint32_t i = 0; i < HOUR_TICKS; i++) {
		uint64_t told_ns;

		now_ns += TICK_NS;
		told_ns = worker_clock_ns(&kept, tsc_at(now_ns, ppm));
		worker_clock_steer(&kept, tsc_at(now_ns, ppm), now_ns);
		/* no step at the tick, and never back */
		assert_true(worker_clock_ns(&kept, tsc_at(now_ns, ppm)) >= told_ns);
		assert_true(told_ns > last_ns);
		last_ns = told_ns;
		if (i > SETTLE_TICKS)
			assert_true(off_ns(now_ns, ppm) < 2 * MR_NS_PER_US);
	}
}

static void
test_clock_steered_stays_within_two_microseconds(void **state)
{
	(void)state;
	follows(0);
	follows(2000);
	follows(-2000);
}

static void
test_clock_not_steered_is_seconds_off(void **state)
{
	uint64_t start_ns = 5 * MR_NS_PER_S;

	(void)state;
	kept = (struct mr_worker_clock){ 0 };
	worker_clock_start(&kept, tsc_at(start_ns, 2000), start_ns, hz_told);
	assert_true(off_ns(start_ns + 3600 * MR_NS_PER_S, 2000) > 7 * MR_NS_PER_S);
}

static void
test_clock_far_behind_is_set_at_once(void **state)
{
	uint64_t now_ns = 5 * MR_NS_PER_S;

	(void)state;
	kept = (struct mr_worker_clock){ 0 };
	worker_clock_start(&kept, 1000, now_ns, hz_told);
	/* the counter stood still for a minute (a virtual machine that was paused) */
	worker_clock_steer(&kept, 1000 + hz_told / 10, now_ns + 60 * MR_NS_PER_S);
	assert_int_equal(worker_clock_ns(&kept, 1000 + hz_told / 10), now_ns + 60 * MR_NS_PER_S);
}

static void
test_clock_ahead_goes_slower_never_back(void **state)
{
	uint64_t now_ns = 5 * MR_NS_PER_S, tsc = 1000, last_ns;

	(void)state;
	kept = (struct mr_worker_clock){ 0 };
	worker_clock_start(&kept, tsc, now_ns, hz_told);
	tsc += 3 * hz_told; /* the counter went on for three seconds, the clock for one tick */
	last_ns = worker_clock_ns(&kept, tsc);
	now_ns += TICK_NS;
	worker_clock_steer(&kept, tsc, now_ns);
	for (int i = 0; i < 2 * SETTLE_TICKS; i++) {
		uint64_t told_ns = worker_clock_ns(&kept, tsc);

		assert_true(told_ns >= last_ns);
		last_ns = told_ns;
		tsc += hz_told / 10;
		now_ns += TICK_NS;
		worker_clock_steer(&kept, tsc, now_ns);
	}
	assert_true(worker_clock_ns(&kept, tsc) - now_ns < 10 * MR_NS_PER_US);
}

static void
test_clock_short_tick_and_counter_back_change_nothing(void **state)
{
	struct mr_worker_clock before;

	(void)state;
	kept = (struct mr_worker_clock){ 0 };
	worker_clock_start(&kept, 1000000, MR_NS_PER_S, hz_told);
	before = kept;
	worker_clock_steer(&kept, 1000001, MR_NS_PER_S + MR_NS_PER_MS - 1);
	assert_memory_equal(&kept, &before, sizeof(kept));
	worker_clock_steer(&kept, 999999, 2 * MR_NS_PER_S);
	assert_memory_equal(&kept, &before, sizeof(kept));
	/* another CPU's counter may be some cycles behind the base */
	assert_int_equal(worker_clock_ns(&kept, 999999), MR_NS_PER_S);
}

static void
test_clock_half_written_is_not_taken_over(void **state)
{
	struct mr_worker_clock mine = { 0 };

	(void)state;
	kept = (struct mr_worker_clock){ 0 };
	worker_clock_start(&kept, 1000, MR_NS_PER_S, hz_told);
	worker_clock_follow(&mine, &kept);
	assert_int_equal(mine.base_ns, MR_NS_PER_S);
	kept.sequence++;
	kept.base_ns = 2 * MR_NS_PER_S;
	worker_clock_follow(&mine, &kept);
	assert_int_equal(mine.base_ns, MR_NS_PER_S);
	kept.sequence++;
	worker_clock_follow(&mine, &kept);
	assert_int_equal(mine.base_ns, 2 * MR_NS_PER_S);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clock_steered_stays_within_two_microseconds),
		cmocka_unit_test(test_clock_not_steered_is_seconds_off),
		cmocka_unit_test(test_clock_far_behind_is_set_at_once),
		cmocka_unit_test(test_clock_ahead_goes_slower_never_back),
		cmocka_unit_test(test_clock_short_tick_and_counter_back_change_nothing),
		cmocka_unit_test(test_clock_half_written_is_not_taken_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
