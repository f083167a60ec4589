/* SPDX-License-Identifier: Apache-2.0
 *
 * Ejection: when, for how long, how many at once, and the way back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "groups.h"

/* A group of count origins: out after 3 failures or 2 failed connections, for 10 s, at most 25 s,
 * at most half of them. */
static void
open_group(struct groups *groups, unsigned count, uint16_t worker_count)
{
	int weights[MR_UPSTREAM_SERVER_MAX + 1] = { 0 };

	for (unsigned i = 0; i < count; i++)
		weights[i] = 1;
	groups_open(groups, MR_UPSTREAM_ROUND_ROBIN, weights, worker_count);
	groups->config.ejection = (struct mr_upstream_ejection_config){
		.failures = 3,
		.connect_failures = 2,
		.max_percent = 50,
		.time_ns = 10 * MR_NS_PER_S,
		.max_time_ns = 25 * MR_NS_PER_S,
	};
	groups_reload(groups);
}

/* An exchange of worker `worker` with origin `index`, ended so. */
static void
exchange(struct groups *groups, unsigned worker, unsigned index, enum mr_origin_outcome outcome)
{
	struct mr_upstream_tried tried = { { UINT64_MAX, UINT64_MAX } };
	const struct mr_origin *origin;

	tried.bits[0] &= ~(1ull << index);
	/* picked although it is out: as one that began before */
	uint64_t until_ns = groups_shared(groups, index)->ejected_until_ns;

	groups_shared(groups, index)->ejected_until_ns = 0;
	assert_int_equal(mr_upstream_pick(groups_group(groups), &groups->workers[worker], 0, &tried,
					  groups->now_ns, &origin),
			 MR_UPSTREAM_PICKED);
	groups_shared(groups, index)->ejected_until_ns = until_ns;
	groups_report(groups, worker, origin->ref, outcome);
}

static bool
is_out(const struct groups *groups, unsigned index)
{
	return groups_shared(groups, index)->ejected_until_ns != 0;
}

static void
tick(struct groups *groups, uint64_t later_ns)
{
	groups->now_ns += later_ns;
	mr_origin_table_tick(groups->table, groups->now, groups->now_ns);
}

static void
test_failures_in_a_row_eject(void **state)
{
	static const enum mr_origin_outcome kinds[] = { MR_ORIGIN_5XX, MR_ORIGIN_TIMED_OUT,
							MR_ORIGIN_BROKEN };
	struct groups groups;

	(void)state;
	open_group(&groups, 4, 1);
	exchange(&groups, 0, 1, MR_ORIGIN_5XX);
	exchange(&groups, 0, 1, MR_ORIGIN_5XX);
	exchange(&groups, 0, 1, MR_ORIGIN_OK); /* the row is broken */
	exchange(&groups, 0, 1, MR_ORIGIN_5XX);
	exchange(&groups, 0, 1, MR_ORIGIN_LEFT); /* says nothing */
	exchange(&groups, 0, 1, MR_ORIGIN_5XX);
	assert_false(is_out(&groups, 1));
	for (size_t i = 0; i < MR_ARRAY_COUNT(kinds); i++)
		exchange(&groups, 0, 2, kinds[i]);
	assert_true(is_out(&groups, 2));
	assert_int_equal(groups_shared(&groups, 2)->ejected_until_ns,
			 groups.now_ns + 10 * MR_NS_PER_S);
	for (int i = 0; i < 12; i++)
		assert_int_not_equal(groups_ask(&groups, 0), 2);
	groups_close(&groups);
}

static void
test_failed_connections_have_their_own_row(void **state)
{
	struct groups groups;

	(void)state;
	open_group(&groups, 4, 1);
	exchange(&groups, 0, 0, MR_ORIGIN_CONNECT_FAILED);
	exchange(&groups, 0, 0, MR_ORIGIN_5XX); /* it connected */
	exchange(&groups, 0, 0, MR_ORIGIN_CONNECT_FAILED);
	assert_false(is_out(&groups, 0));
	exchange(&groups, 0, 0, MR_ORIGIN_CONNECT_FAILED);
	assert_true(is_out(&groups, 0));
	groups_close(&groups);
}

static void
test_zero_never_ejects(void **state)
{
	struct groups groups;

	(void)state;
	open_group(&groups, 4, 1);
	groups.config.ejection.failures = groups.config.ejection.connect_failures = 0;
	groups_reload(&groups);
	for (int i = 0; i < 70000; i++) { /* past what a count holds */
		exchange(&groups, 0, 0, MR_ORIGIN_5XX);
		exchange(&groups, 0, 1, MR_ORIGIN_CONNECT_FAILED);
	}
	assert_false(is_out(&groups, 0) || is_out(&groups, 1));
	groups_close(&groups);
}

static void
test_each_time_is_longer_up_to_a_bound_and_forgiven(void **state)
{
	static const unsigned expected_s[] = { 10, 20, 25, 25 };
	struct groups groups;

	(void)state;
	open_group(&groups, 4, 1);
	for (size_t i = 0; i < MR_ARRAY_COUNT(expected_s); i++) {
		for (int k = 0; k < 3; k++)
			exchange(&groups, 0, 0, MR_ORIGIN_5XX);
		assert_int_equal(groups_shared(&groups, 0)->ejected_until_ns - groups.now_ns,
				 expected_s[i] * MR_NS_PER_S);
		tick(&groups, expected_s[i] * MR_NS_PER_S - 1);
		assert_true(is_out(&groups, 0));
		tick(&groups, 1);
		assert_false(is_out(&groups, 0));
	}
	assert_int_equal(groups_shared(&groups, 0)->ejections, 4);
	/* Three good times of 10 s leave one of four; the next is 20 s. */
	for (int i = 0; i < 3; i++) {
		tick(&groups, 10 * MR_NS_PER_S - 1);
		tick(&groups, 1);
	}
	assert_int_equal(groups_shared(&groups, 0)->eject_times, 1);
	for (int k = 0; k < 3; k++)
		exchange(&groups, 0, 0, MR_ORIGIN_5XX);
	assert_int_equal(groups_shared(&groups, 0)->ejected_until_ns - groups.now_ns,
			 20 * MR_NS_PER_S);
	groups_close(&groups);
}

static void
test_no_more_than_the_share_is_out(void **state)
{
	struct groups groups;

	(void)state;
	open_group(&groups, 5, 2); /* half of five: two */
	for (unsigned i = 0; i < 5; i++)
		for (int k = 0; k < 3; k++)
			exchange(&groups, i % 2, i, MR_ORIGIN_5XX);
	assert_true(is_out(&groups, 0) && is_out(&groups, 1));
	assert_false(is_out(&groups, 2) || is_out(&groups, 3) || is_out(&groups, 4));
	/* once one is back, the next failure of another is enough */
	tick(&groups, 10 * MR_NS_PER_S);
	assert_false(is_out(&groups, 0) || is_out(&groups, 1));
	exchange(&groups, 0, 2, MR_ORIGIN_5XX);
	assert_true(is_out(&groups, 2));
	groups_close(&groups);
}

static void
test_one_alone_stays(void **state)
{
	struct groups groups;

	(void)state;
	open_group(&groups, 1, 1);
	for (int k = 0; k < 10; k++)
		exchange(&groups, 0, 0, MR_ORIGIN_5XX);
	assert_false(is_out(&groups, 0));
	assert_int_equal(groups_ask(&groups, 0), 0);
	groups_close(&groups);
}

static void
test_workers_count_for_themselves_and_eject_once(void **state)
{
	struct groups groups;

	(void)state;
	open_group(&groups, 4, 2);
	exchange(&groups, 0, 3, MR_ORIGIN_5XX);
	exchange(&groups, 1, 3, MR_ORIGIN_5XX);
	exchange(&groups, 0, 3, MR_ORIGIN_5XX);
	exchange(&groups, 1, 3, MR_ORIGIN_5XX);
	assert_false(is_out(&groups, 3));
	exchange(&groups, 0, 3, MR_ORIGIN_5XX);
	assert_true(is_out(&groups, 3));
	exchange(&groups, 1, 3, MR_ORIGIN_5XX); /* enough for worker 1, too */
	assert_int_equal(groups_shared(&groups, 3)->ejections, 1);
	assert_int_equal(groups.table->groups[groups_group(&groups)->slot].ejected, 1);
	groups_close(&groups);
}

static void
test_who_leaves_the_group_leaves_the_count(void **state)
{
	struct groups groups;

	(void)state;
	open_group(&groups, 4, 1);
	for (unsigned i = 2; i < 4; i++)
		for (int k = 0; k < 3; k++)
			exchange(&groups, 0, i, MR_ORIGIN_5XX);
	assert_true(is_out(&groups, 2) && is_out(&groups, 3));
	groups.config.server_count = 2;
	groups_reload(&groups);
	tick(&groups, MR_NS_PER_MS);
	assert_int_equal(groups.table->groups[groups_group(&groups)->slot].ejected, 0);
	for (int k = 0; k < 3; k++)
		exchange(&groups, 0, 0, MR_ORIGIN_5XX);
	assert_true(is_out(&groups, 0));
	groups_close(&groups);
}

static void
test_mean_rises_at_once_and_falls_slowly(void **state)
{
	struct groups groups;
	struct mr_origin_ref ref;
	struct mr_origin_worker *line;

	(void)state;
	open_group(&groups, 1, 1);
	ref = groups_ref(&groups, 0);
	line = &groups.workers[0].origins[ref.slot];
	assert_int_equal(groups_pick(&groups, 0, NULL, &ref), 0);
	mr_origin_report(&groups.workers[0], ref, MR_ORIGIN_OK, 20 * MR_NS_PER_MS, groups.now_ns);
	assert_int_equal(line->average_us, 20000);
	assert_int_equal(groups_pick(&groups, 0, NULL, &ref), 0);
	mr_origin_report(&groups.workers[0], ref, MR_ORIGIN_OK, 0, groups.now_ns); /* none */
	assert_int_equal(line->average_us, 20000);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(groups_pick(&groups, 0, NULL, &ref), 0);
		mr_origin_report(&groups.workers[0], ref, MR_ORIGIN_OK, 10 * MR_NS_PER_MS,
				 groups.now_ns + 10 * MR_NS_PER_S);
	}
	/* half of the difference after one time constant; a 65th at once */
	assert_int_equal(line->average_us, 15000 - 5000 * 156 / 10156);
	groups_close(&groups);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failures_in_a_row_eject),
		cmocka_unit_test(test_failed_connections_have_their_own_row),
		cmocka_unit_test(test_zero_never_ejects),
		cmocka_unit_test(test_each_time_is_longer_up_to_a_bound_and_forgiven),
		cmocka_unit_test(test_no_more_than_the_share_is_out),
		cmocka_unit_test(test_one_alone_stays),
		cmocka_unit_test(test_workers_count_for_themselves_and_eject_once),
		cmocka_unit_test(test_who_leaves_the_group_leaves_the_count),
		cmocka_unit_test(test_mean_rises_at_once_and_falls_slowly),
	};

	return cmocka_run_group_tests_name("proxy_outlier", tests, NULL, NULL);
}
