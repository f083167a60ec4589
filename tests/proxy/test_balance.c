/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is asked next: shares, ties, tries, backups, room, slow start, and what a change moves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "groups.h"

enum { ASKED = 60000 };

/* What the chi-square of count counts may be, by chance once in 10,000 (3 to 8 shares). */
static const double chi_bound[] = { 0, 0, 15.14, 18.42, 21.11, 23.51, 25.74, 27.86, 29.88 };

static double
chi_square(const unsigned *counts, const double *shares, unsigned count, unsigned total)
{
	double sum = 0, whole = 0;

	for (unsigned i = 0; i < count; i++)
		whole += shares[i];
	for (unsigned i = 0; i < count; i++) {
		double expected = total * shares[i] / whole, off = counts[i] - expected;

		sum += off * off / expected;
	}
	return sum;
}

static void
test_turns_follow_weights_smoothly(void **state)
{
	/* The example of the algorithm's own description: 5 1 1 gives a a b a c a a. */
	static const int expected[] = { 0, 0, 1, 0, 2, 0, 0 };
	struct groups groups;

	(void)state;
	groups_open(&groups, MR_UPSTREAM_ROUND_ROBIN, (int[]){ 5, 1, 1, 0 }, 1);
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 7; i++)
			assert_int_equal(groups_ask(&groups, 0), expected[i]);
	groups_close(&groups);
}

static void
test_turns_are_exact_with_one_away_and_back(void **state)
{
	struct groups groups;
	unsigned counts[3] = { 0 };

	(void)state;
	groups_open(&groups, MR_UPSTREAM_ROUND_ROBIN, (int[]){ 1, 2, 3, 0 }, 1);
	groups_shared(&groups, 2)->health = MR_ORIGIN_DOWN;
	for (int i = 0; i < 300; i++)
		counts[groups_ask(&groups, 0)]++;
	assert_int_equal(counts[0], 100);
	assert_int_equal(counts[1], 200);
	groups_shared(&groups, 2)->health = MR_ORIGIN_UP;
	memset(counts, 0, sizeof(counts));
	for (int i = 0; i < 600; i++)
		counts[groups_ask(&groups, 0)]++;
	assert_int_equal(counts[0], 100);
	assert_int_equal(counts[1], 200);
	assert_int_equal(counts[2], 300);
	groups_close(&groups);
}

static void
test_least_evens_out_what_runs(void **state)
{
	struct groups groups;
	struct mr_origin_ref ref;
	unsigned counts[3] = { 0 };

	(void)state;
	groups_open(&groups, MR_UPSTREAM_LEAST, (int[]){ 1, 1, 2, 0 }, 1);
	for (int i = 0; i < 400; i++) /* none of them ends */
		counts[groups_pick(&groups, 0, NULL, &ref)]++;
	assert_int_equal(counts[0], 100);
	assert_int_equal(counts[1], 100);
	assert_int_equal(counts[2], 200);
	/* one that ends is the next to be asked */
	groups_report(&groups, 0, groups_ref(&groups, 1), MR_ORIGIN_OK);
	groups_report(&groups, 0, groups_ref(&groups, 1), MR_ORIGIN_OK);
	assert_int_equal(groups_pick(&groups, 0, NULL, &ref), 1);
	groups_close(&groups);
}

static void
test_least_knows_what_other_workers_run(void **state)
{
	struct groups groups;
	const struct mr_origin *origin;

	(void)state;
	groups_open(&groups, MR_UPSTREAM_LEAST, (int[]){ 1, 1, 0 }, 2);
	groups_shared(&groups, 1)->admin = MR_ORIGIN_DRAINED;
	for (int i = 0; i < 10; i++) { /* worker 1 has ten at origin 0 */
		struct mr_upstream_tried none = { { 0 } };

		assert_int_equal(mr_upstream_pick(groups_group(&groups), &groups.workers[1], 0,
						  &none, groups.now_ns, &origin),
				 MR_UPSTREAM_PICKED);
	}
	groups_shared(&groups, 1)->admin = MR_ORIGIN_ENABLED;
	mr_origin_table_tick(groups.table, groups.now, groups.now_ns);
	for (int i = 0; i < 10; i++)
		assert_int_equal(groups_pick(&groups, 0, NULL, NULL), 1);
	groups_close(&groups);
}

static void
test_least_breaks_ties_evenly(void **state)
{
	struct groups groups;
	unsigned counts[4] = { 0 };

	(void)state;
	groups_open(&groups, MR_UPSTREAM_LEAST, (int[]){ 1, 1, 1, 1, 0 }, 1);
	for (int i = 0; i < ASKED; i++)
		counts[groups_ask(&groups, 0)]++;
	assert_true(chi_square(counts, (double[]){ 1, 1, 1, 1 }, 4, ASKED) < chi_bound[4]);
	groups_close(&groups);
}

static void
test_two_draws_evenly_and_avoids_the_busy(void **state)
{
	struct groups groups;
	unsigned counts[5] = { 0 };
	struct mr_origin_ref ref;

	(void)state;
	groups_open(&groups, MR_UPSTREAM_TWO, (int[]){ 1, 1, 1, 1, 1, 0 }, 1);
	for (int i = 0; i < ASKED; i++)
		counts[groups_ask(&groups, 0)]++;
	assert_true(chi_square(counts, (double[]){ 1, 1, 1, 1, 1 }, 5, ASKED) < chi_bound[5]);
	/* The busiest of five never wins a draw of two. */
	groups.workers[0].origins[groups_ref(&groups, 3).slot].active += 7;
	for (int i = 0; i < 1000; i++)
		assert_int_not_equal(groups_ask(&groups, 0), 3);
	/* None ends: the most and the least stay close together. */
	groups.workers[0].origins[groups_ref(&groups, 3).slot].active -= 7;
	memset(counts, 0, sizeof(counts));
	for (int i = 0; i < 10000; i++)
		counts[groups_pick(&groups, 0, NULL, &ref)]++;
	for (int i = 0; i < 5; i++)
		assert_in_range(counts[i], 1990, 2010);
	groups_close(&groups);
}

static void
test_two_by_average_prefers_the_quick_and_forgets(void **state)
{
	struct groups groups;
	struct mr_origin_ref ref;
	unsigned counts[2] = { 0 };

	(void)state;
	groups_open(&groups, MR_UPSTREAM_TWO_AVERAGE, (int[]){ 1, 1, 0 }, 1);
	for (int i = 0; i < 2; i++) {
		int server = groups_pick(&groups, 0, NULL, &ref);

		mr_origin_report(&groups.workers[0], ref, MR_ORIGIN_OK,
				 server ? 50 * MR_NS_PER_MS : MR_NS_PER_MS, groups.now_ns);
	}
	for (int i = 0; i < 100; i++)
		counts[groups_ask(&groups, 0)]++;
	assert_int_equal(counts[1], 0);
	/* 49 parts of 50 are forgotten after 490 s: then both are alike, with the quick one's own
	 * mean kept fresh */
	groups.now_ns += 1000 * MR_NS_PER_S;
	assert_int_equal(groups_pick(&groups, 0, NULL, &ref), 0);
	mr_origin_report(&groups.workers[0], ref, MR_ORIGIN_OK, MR_NS_PER_MS, groups.now_ns);
	counts[1] = 0;
	for (int i = 0; i < 10; i++)
		counts[groups_ask(&groups, 0)]++;
	assert_true(counts[1] > 0);
	groups_close(&groups);
}

static void
test_hash_shares_by_weight(void **state)
{
	struct groups groups;
	unsigned counts[4] = { 0 }, places[4] = { 0 };

	(void)state;
	groups_open(&groups, MR_UPSTREAM_HASH, (int[]){ 1, 1, 2, 4, 0 }, 1);
	for (unsigned i = 0; i < MR_MAGLEV_SIZE; i++)
		places[groups_group(&groups)->maglev[0][i]]++;
	for (unsigned i = 0; i < 4; i++) /* to the place: the remainder goes round */
		assert_in_range(places[i], MR_MAGLEV_SIZE / 8 * groups.servers[i].weight,
				MR_MAGLEV_SIZE / 8 * groups.servers[i].weight +
					groups.servers[i].weight);
	for (uint64_t i = 0; i < ASKED; i++)
		counts[groups_ask(&groups, mr_upstream_hash(&i, sizeof(i)))]++;
	assert_true(chi_square(counts, (double[]){ 1, 1, 2, 4 }, 4, ASKED) < chi_bound[4]);
	groups_close(&groups);
}

static void
test_hash_moves_only_the_keys_of_who_is_out(void **state)
{
	struct groups groups;
	static int8_t before[ASKED];
	unsigned counts[8] = { 0 };

	(void)state;
	groups_open(&groups, MR_UPSTREAM_HASH, (int[]){ 1, 1, 1, 1, 1, 1, 1, 1, 0 }, 1);
	for (uint64_t i = 0; i < ASKED; i++)
		before[i] = (int8_t)groups_ask(&groups, mr_upstream_hash(&i, sizeof(i)));
	groups_shared(&groups, 5)->ejected_until_ns = UINT64_MAX;
	for (uint64_t i = 0; i < ASKED; i++) {
		int now = groups_ask(&groups, mr_upstream_hash(&i, sizeof(i)));

		if (before[i] != 5)
			assert_int_equal(now, before[i]);
		else
			counts[now < 5 ? now : now - 1]++;
		assert_int_not_equal(now, 5);
	}
	/* and those are shared by all the others */
	unsigned moved = 0;

	for (unsigned i = 0; i < 7; i++)
		moved += counts[i];
	assert_in_range(moved, ASKED / 8 - 500, ASKED / 8 + 500);
	assert_true(chi_square(counts, (double[]){ 1, 1, 1, 1, 1, 1, 1 }, 7, moved) < chi_bound[7]);
	/* back again: as before */
	groups_shared(&groups, 5)->ejected_until_ns = 0;
	for (uint64_t i = 0; i < ASKED; i++)
		assert_int_equal(groups_ask(&groups, mr_upstream_hash(&i, sizeof(i))), before[i]);
	groups_close(&groups);
}

static void
test_hash_of_a_removed_server_moves_few_others(void **state)
{
	struct groups groups;
	static int8_t before[ASKED];
	unsigned moved = 0;

	(void)state;
	groups_open(&groups, MR_UPSTREAM_HASH, (int[]){ 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0 }, 1);
	for (uint64_t i = 0; i < ASKED; i++)
		before[i] = (int8_t)groups_ask(&groups, mr_upstream_hash(&i, sizeof(i)));
	groups.config.server_count = 9; /* the last is removed */
	groups_reload(&groups);
	for (uint64_t i = 0; i < ASKED; i++) {
		int now = groups_ask(&groups, mr_upstream_hash(&i, sizeof(i)));

		moved += before[i] != 9 && now != before[i];
	}
	/* A modulus would move nine tenths of them. */
	assert_true(moved < ASKED * 4 / 100);
	groups_close(&groups);
}

static void
test_hash_does_not_depend_on_the_order_of_servers(void **state)
{
	struct groups groups;
	static int8_t before[1000];
	struct mr_upstream_server first;

	(void)state;
	groups_open(&groups, MR_UPSTREAM_HASH, (int[]){ 3, 1, 2, 0 }, 1);
	for (uint64_t i = 0; i < 1000; i++)
		before[i] = (int8_t)groups_ask(&groups, mr_upstream_hash(&i, sizeof(i)));
	first = groups.servers[0];
	groups.servers[0] = groups.servers[2];
	groups.servers[2] = first;
	groups_reload(&groups);
	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(groups_ask(&groups, mr_upstream_hash(&i, sizeof(i))),
				 2 - before[i]);
	groups_close(&groups);
}

static void
test_hash_finds_the_last_one_left(void **state)
{
	struct groups groups;
	int weights[MR_UPSTREAM_SERVER_MAX + 1];

	(void)state;
	for (int i = 0; i < MR_UPSTREAM_SERVER_MAX; i++)
		weights[i] = 1;
	weights[MR_UPSTREAM_SERVER_MAX] = 0;
	groups_open(&groups, MR_UPSTREAM_HASH, weights, 1);
	for (unsigned i = 0; i < MR_UPSTREAM_SERVER_MAX; i++)
		if (i != 17)
			groups_shared(&groups, i)->health = MR_ORIGIN_DOWN;
	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(groups_ask(&groups, mr_upstream_hash(&i, sizeof(i))), 17);
	groups_close(&groups);
}

static void
test_tries_go_to_each_once_backups_last(void **state)
{
	static const enum mr_upstream_policy policies[] = { MR_UPSTREAM_ROUND_ROBIN,
							    MR_UPSTREAM_LEAST, MR_UPSTREAM_TWO,
							    MR_UPSTREAM_TWO_AVERAGE,
							    MR_UPSTREAM_HASH };

	(void)state;
	for (size_t p = 0; p < MR_ARRAY_COUNT(policies); p++) {
		struct mr_upstream_tried tried = { { 0 } };
		struct groups groups;
		unsigned seen = 0;

		groups_open(&groups, policies[p], (int[]){ -1, 1, 1, -1, 1, 0 }, 1);
		for (int i = 0; i < 5; i++) {
			int server = groups_pick(&groups, 99, &tried, NULL);

			assert_true(server >= 0 && !(seen & 1u << server));
			assert_int_equal(server == 0 || server == 3, i >= 3);
			seen |= 1u << server;
		}
		assert_int_equal(groups_pick(&groups, 99, &tried, NULL), -1);
		groups_close(&groups);
	}
}

static void
test_full_is_told_from_none(void **state)
{
	struct mr_upstream_tried none = { { 0 } };
	const struct mr_origin *origin;
	struct mr_origin_ref ref;
	struct groups groups;

	(void)state;
	groups_open(&groups, MR_UPSTREAM_ROUND_ROBIN, (int[]){ 1, 1, 0 }, 2);
	groups.servers[0].max_exchanges = 3; /* of two workers: two of each */
	groups.servers[1].max_exchanges = 1;
	groups_reload(&groups);
	for (int i = 0; i < 3; i++)
		assert_true(groups_pick(&groups, 0, NULL, &ref) >= 0);
	assert_int_equal(mr_upstream_pick(groups_group(&groups), &groups.workers[0], 0, &none,
					  groups.now_ns, &origin),
			 MR_UPSTREAM_FULL);
	assert_null(origin);
	groups_report(&groups, 0, groups_ref(&groups, 1), MR_ORIGIN_OK);
	assert_int_equal(groups_pick(&groups, 0, NULL, NULL), 1);
	for (unsigned i = 0; i < 2; i++)
		groups_shared(&groups, i)->admin = MR_ORIGIN_DRAINED;
	memset(&none, 0, sizeof(none));
	assert_int_equal(mr_upstream_pick(groups_group(&groups), &groups.workers[0], 0, &none,
					  groups.now_ns, &origin),
			 MR_UPSTREAM_NONE);
	groups_close(&groups);
}

static void
test_slow_start_grows_from_a_tenth(void **state)
{
	struct groups groups;
	unsigned counts[2] = { 0 };

	(void)state;
	groups_open(&groups, MR_UPSTREAM_ROUND_ROBIN, (int[]){ 1, 0 }, 1);
	groups.config.slow_start_ns = 100 * MR_NS_PER_S;
	groups.servers[1] = groups_server(1, 1);
	groups.config.server_count = 2;
	groups_reload(&groups); /* the second comes now, the first has been there */
	for (int i = 0; i < 282; i++)
		counts[groups_ask(&groups, 0)]++;
	assert_int_equal(counts[1], 26); /* 26 of 26 + 256 */
	groups.now_ns += 50 * MR_NS_PER_S;
	memset(counts, 0, sizeof(counts));
	for (int i = 0; i < 397; i++)
		counts[groups_ask(&groups, 0)]++;
	assert_int_equal(counts[1], 141); /* 26 + 230 / 2 */
	groups.now_ns += 50 * MR_NS_PER_S;
	memset(counts, 0, sizeof(counts));
	for (int i = 0; i < 200; i++)
		counts[groups_ask(&groups, 0)]++;
	assert_in_range(counts[1], 99, 101);
	groups_close(&groups);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turns_follow_weights_smoothly),
		cmocka_unit_test(test_turns_are_exact_with_one_away_and_back),
		cmocka_unit_test(test_least_evens_out_what_runs),
		cmocka_unit_test(test_least_knows_what_other_workers_run),
		cmocka_unit_test(test_least_breaks_ties_evenly),
		cmocka_unit_test(test_two_draws_evenly_and_avoids_the_busy),
		cmocka_unit_test(test_two_by_average_prefers_the_quick_and_forgets),
		cmocka_unit_test(test_hash_shares_by_weight),
		cmocka_unit_test(test_hash_moves_only_the_keys_of_who_is_out),
		cmocka_unit_test(test_hash_of_a_removed_server_moves_few_others),
		cmocka_unit_test(test_hash_does_not_depend_on_the_order_of_servers),
		cmocka_unit_test(test_hash_finds_the_last_one_left),
		cmocka_unit_test(test_tries_go_to_each_once_backups_last),
		cmocka_unit_test(test_full_is_told_from_none),
		cmocka_unit_test(test_slow_start_grows_from_a_tenth),
	};

	return cmocka_run_group_tests_name("proxy_balance", tests, NULL, NULL);
}
