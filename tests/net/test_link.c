/* SPDX-License-Identifier: Apache-2.0
 *
 * net/link - each impairment alone, and the same history for the same seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/link.h"

enum { FRAMES = 100000 };

static void
test_clean_link_only_delays(void **state)
{
	struct mr_net_link_config c = { .delay_ns = 500 };
	struct mr_net_link_fate fate;
	struct mr_net_link link;

	(void)state;
	mr_net_link_init(&link, &c, 1);
	for (uint64_t now_ns = 0; now_ns < 1000; now_ns++) {
		mr_net_link_offer(&link, 1500, true, now_ns, &fate);
		assert_int_equal(fate.verdict, MR_NET_LINK_PASS);
		assert_int_equal(fate.copy_count, 1);
		assert_int_equal(fate.copies[0].arrive_ns, now_ns + 500);
		assert_int_equal(fate.copies[0].corrupt_bit, -1);
		assert_false(fate.marked);
	}
}

static void
test_mtu_both_sides(void **state)
{
	struct mr_net_link_config c = { .mtu = 1000 };
	struct mr_net_link_fate fate;
	struct mr_net_link link;

	(void)state;
	mr_net_link_init(&link, &c, 1);
	mr_net_link_offer(&link, 1000, false, 0, &fate);
	assert_int_equal(fate.verdict, MR_NET_LINK_PASS);
	mr_net_link_offer(&link, 1001, false, 0, &fate);
	assert_int_equal(fate.verdict, MR_NET_LINK_TOO_BIG);
	assert_int_equal(fate.copy_count, 0);
}

static void
test_rate_and_queue(void **state)
{
	/* 8 Mbit/s: a frame of 1000 bytes takes 1 ms; three wait at most */
	struct mr_net_link_config c = { .rate_bps = 8000000,
					.queue_bytes = 3000,
					.mark_bytes = 1500 };
	struct mr_net_link_fate fate;
	struct mr_net_link link;

	(void)state;
	mr_net_link_init(&link, &c, 1);
	for (uint64_t i = 1; i <= 3; i++) {
		mr_net_link_offer(&link, 1000, true, 0, &fate);
		assert_int_equal(fate.copies[0].arrive_ns, i * 1000000);
		assert_int_equal(fate.marked, i == 3); /* it finds 2000 bytes waiting */
	}
	mr_net_link_offer(&link, 1000, true, 0, &fate);
	assert_int_equal(fate.verdict, MR_NET_LINK_DROPPED);
	mr_net_link_offer(&link, 1000, false, 1000000, &fate);
	assert_int_equal(fate.copies[0].arrive_ns, 4000000);
	assert_false(fate.marked);
}

static uint64_t
count_of(const struct mr_net_link_config *c, uint64_t seed, struct mr_net_link *link)
{
	struct mr_net_link_fate fate;
	uint64_t history = 0;

	mr_net_link_init(link, c, seed);
	for (uint64_t i = 0; i < FRAMES; i++) {
		mr_net_link_offer(link, 1000, true, i * 1000, &fate);
		history = history * 31 + fate.copy_count + fate.copies[0].arrive_ns +
			  (uint64_t)fate.copies[0].corrupt_bit;
	}
	return history;
}

static void
test_shares_are_as_asked(void **state)
{
	struct mr_net_link_config c = { .loss_ppm = 100000,
					.duplicate_ppm = 50000,
					.corrupt_ppm = 20000,
					.reorder_ppm = 30000,
					.reorder_ns = 1000000,
					.mark_ppm = 10000 };
	struct mr_net_link link;

	(void)state;
	count_of(&c, 7, &link);
	assert_in_range(link.lost, 9500, 10500);
	assert_in_range(link.duplicated, 4250, 4750); /* of those that were not lost */
	assert_in_range(link.marked, 800, 1000);
	assert_in_range(link.corrupted, 1750, 2050); /* copies too */
	assert_in_range(link.reordered, 2650, 3050);
}

static void
test_same_seed_same_history(void **state)
{
	struct mr_net_link_config c = {
		.loss_ppm = 100000, .duplicate_ppm = 50000, .jitter_ns = 5000, .corrupt_ppm = 20000
	};
	struct mr_net_link a, b;

	(void)state;
	assert_true(count_of(&c, 7, &a) == count_of(&c, 7, &b));
	assert_false(count_of(&c, 7, &a) == count_of(&c, 8, &b));
}

static void
test_jitter_keeps_order_reordering_does_not(void **state)
{
	struct mr_net_link_config c = { .jitter_ns = 1000000 };
	struct mr_net_link_fate fate;
	struct mr_net_link link;
	uint64_t last_ns = 0;
	bool reordered = false;

	(void)state;
	mr_net_link_init(&link, &c, 3);
	for (uint64_t i = 0; i < 1000; i++) {
		mr_net_link_offer(&link, 100, false, i * 1000, &fate);
		assert_true(fate.copies[0].arrive_ns >= last_ns);
		last_ns = fate.copies[0].arrive_ns;
	}
	c = (struct mr_net_link_config){ .reorder_ns = 1000000, .reorder_ppm = 500000 };
	mr_net_link_init(&link, &c, 3);
	last_ns = 0;
	for (uint64_t i = 0; i < 1000; i++) {
		mr_net_link_offer(&link, 100, false, i * 1000, &fate);
		reordered |= fate.copies[0].arrive_ns < last_ns;
		last_ns = fate.copies[0].arrive_ns;
	}
	assert_true(reordered);
}

static void
test_losses_come_in_bursts(void **state)
{
	struct mr_net_link_config c = { .loss_ppm = 10000, .burst_loss_ppm = 900000 };
	struct mr_net_link_fate fate;
	struct mr_net_link link;
	uint32_t bursts = 0;
	bool before = false;

	(void)state;
	mr_net_link_init(&link, &c, 3);
	for (uint64_t i = 0; i < FRAMES; i++) {
		mr_net_link_offer(&link, 100, false, i, &fate);
		bursts += fate.verdict == MR_NET_LINK_LOST && !before;
		before = fate.verdict == MR_NET_LINK_LOST;
	}
	assert_in_range(link.lost / bursts, 8, 12); /* ten on average */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean_link_only_delays),
		cmocka_unit_test(test_mtu_both_sides),
		cmocka_unit_test(test_rate_and_queue),
		cmocka_unit_test(test_shares_are_as_asked),
		cmocka_unit_test(test_same_seed_same_history),
		cmocka_unit_test(test_jitter_keeps_order_reordering_does_not),
		cmocka_unit_test(test_losses_come_in_bursts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
