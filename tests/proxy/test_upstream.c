/* SPDX-License-Identifier: Apache-2.0
 *
 * Snapshots and slots: what a reload keeps, when a slot is given away, and what operators order.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "groups.h"

static void
tick(struct groups *groups)
{
	groups->now_ns += 100 * MR_NS_PER_MS;
	mr_origin_table_tick(groups->table, groups->now, groups->now_ns);
}

static void
test_reload_keeps_slots_and_what_is_in_them(void **state)
{
	struct groups groups;
	struct mr_origin_ref before, after;

	(void)state;
	groups_open(&groups, MR_UPSTREAM_ROUND_ROBIN, (int[]){ 1, 1, 0 }, 1);
	before = groups_ref(&groups, 1);
	groups_shared(&groups, 1)->health = MR_ORIGIN_DOWN;
	groups.servers[1].weight = 7;
	groups.servers[2] = groups_server(2, 1);
	groups.config.server_count = 3;
	groups_reload(&groups);
	tick(&groups);
	after = groups_ref(&groups, 1);
	assert_int_equal(before.slot, after.slot);
	assert_int_equal(before.generation, after.generation);
	assert_int_equal(groups_shared(&groups, 1)->health, MR_ORIGIN_DOWN);
	assert_int_equal(groups_group(&groups)->origins[1].weight, 7);
	assert_int_not_equal(groups_ref(&groups, 2).slot, before.slot);
	groups_close(&groups);
}

static void
test_slot_waits_for_what_runs_and_is_open(void **state)
{
	struct groups groups;
	struct mr_origin_ref ref, again;

	(void)state;
	groups_open(&groups, MR_UPSTREAM_ROUND_ROBIN, (int[]){ 1, 0 }, 2);
	assert_int_equal(groups_pick(&groups, 0, NULL, &ref), 0);
	mr_origin_opened(&groups.workers[0], ref);
	groups.servers[0] = groups_server(9, 1); /* another one */
	groups_reload(&groups);
	assert_null(mr_upstreams_origin(groups.now, ref, NULL));
	assert_false(mr_origin_keeps(groups.now, ref));
	tick(&groups);
	assert_true(groups.table->owners[ref.slot].used);
	groups_report(&groups, 0, ref, MR_ORIGIN_OK); /* of an origin that is gone */
	tick(&groups);
	assert_true(groups.table->owners[ref.slot].used);
	mr_origin_closed(&groups.workers[0], ref);
	tick(&groups);
	assert_false(groups.table->owners[ref.slot].used);
	/* Whoever gets the slot next is told from it. */
	groups.table->next_slot = (uint16_t)(ref.slot - 1);
	groups.servers[0] = groups_server(0, 1);
	groups_reload(&groups);
	again = groups_ref(&groups, 0);
	assert_int_equal(again.slot, ref.slot);
	assert_int_not_equal(again.generation, ref.generation);
	assert_null(mr_upstreams_origin(groups.now, ref, NULL));
	assert_non_null(mr_upstreams_origin(groups.now, again, NULL));
	groups_close(&groups);
}

static void
test_slot_comes_back_before_it_is_free(void **state)
{
	struct groups groups;
	struct mr_origin_ref ref;
	struct mr_upstream_server first;

	(void)state;
	groups_open(&groups, MR_UPSTREAM_ROUND_ROBIN, (int[]){ 1, 0 }, 1);
	first = groups.servers[0];
	assert_int_equal(groups_pick(&groups, 0, NULL, &ref), 0);
	groups.servers[0] = groups_server(9, 1);
	groups_reload(&groups);
	tick(&groups);
	groups.servers[0] = first;
	groups_reload(&groups);
	assert_int_equal(groups_ref(&groups, 0).slot, ref.slot);
	assert_int_equal(groups_ref(&groups, 0).generation, ref.generation);
	groups_report(&groups, 0, ref, MR_ORIGIN_OK);
	tick(&groups);
	assert_true(groups.table->owners[ref.slot].used);
	groups_close(&groups);
}

/* ---- names ---- */

static struct mr_addr named[200];
static size_t named_count;

static struct mr_origin_addrs
resolve(void *context, const char *name)
{
	(void)context;
	assert_string_equal(name, "app.example.net");
	return (struct mr_origin_addrs){ named, named_count };
}

/* names_build publishes the group with the first count of the named addresses. */
static void
names_build(struct groups *groups, size_t count)
{
	struct mr_upstreams_input input = { .groups = &groups->config,
					    .group_count = 1,
					    .resolve = resolve,
					    .way_v4.known = true,
					    .now_ns = groups->now_ns };
	struct mr_upstreams *next;
	struct mr_error error = { 0 };

	named_count = count;
	assert_int_equal(mr_upstreams_build(groups->table, &input, &next, &error), 0);
	mr_upstreams_free(groups->now);
	groups->now = next;
	groups->workers[0].upstreams = next;
}

static void
open_named(struct groups *groups)
{
	for (uint8_t i = 0; i < 200; i++)
		named[i] = mr_addr_from_v4((const uint8_t[]){ 192, 0, 2, i });
	groups_open(groups, MR_UPSTREAM_ROUND_ROBIN, (int[]){ 1, 0 }, 1);
	groups->servers[0] = (struct mr_upstream_server){
		.host = "app.example.net", .port = 80, .is_name = true, .weight = 1
	};
}

static void
test_each_address_of_a_name_is_an_origin(void **state)
{
	struct groups groups;
	struct mr_origin_ref second;

	(void)state;
	open_named(&groups);
	names_build(&groups, 0);
	assert_int_equal(groups_ask(&groups, 0), -1); /* not resolved yet */
	names_build(&groups, 3);
	assert_int_equal(groups_group(&groups)->origin_count, 3);
	second = groups_group(&groups)->origins[1].ref;
	groups_group(&groups)->origins[1].shared->health = MR_ORIGIN_DOWN;
	named[0] = named[2]; /* one address has gone, one stands there twice */
	names_build(&groups, 3);
	assert_int_equal(groups_group(&groups)->origin_count, 2);
	assert_int_equal(groups_group(&groups)->origins[1].ref.slot, second.slot);
	assert_int_equal(groups_group(&groups)->origins[1].shared->health, MR_ORIGIN_DOWN);
	for (uint8_t i = 0; i < 200; i++)
		named[i] = mr_addr_from_v4((const uint8_t[]){ 192, 0, 2, i });
	names_build(&groups, 200); /* more than a group may have */
	assert_int_equal(groups_group(&groups)->origin_count, MR_UPSTREAM_ORIGIN_MAX);
	groups_close(&groups);
}

static void
test_family_without_a_way_is_not_asked(void **state)
{
	struct groups groups;

	(void)state;
	open_named(&groups);
	assert_int_equal(mr_addr_parse("2001:db8::1", &named[0]), 0);
	names_build(&groups, 2);
	assert_int_equal(groups_group(&groups)->origin_count, 2);
	for (int i = 0; i < 4; i++) {
		struct mr_upstream_tried none = { { 0 } };
		const struct mr_origin *origin;

		assert_int_equal(mr_upstream_pick(groups_group(&groups), &groups.workers[0], 0,
						  &none, groups.now_ns, &origin),
				 MR_UPSTREAM_PICKED);
		assert_true(mr_addr_is_v4(&origin->addr));
		groups_report(&groups, 0, origin->ref, MR_ORIGIN_OK);
	}
	groups_close(&groups);
}

/* ---- orders ---- */

static void
test_drained_takes_nothing_new_and_survives_a_reload(void **state)
{
	struct groups groups;
	struct mr_error error = { 0 };
	struct mr_origin_ref ref;

	(void)state;
	groups_open(&groups, MR_UPSTREAM_ROUND_ROBIN, (int[]){ 1, 1, 0 }, 1);
	while (groups_pick(&groups, 0, NULL, &ref) != 1)
		;
	assert_int_equal(mr_origin_order(groups.table, groups.now, "app", "192.0.2.2:80",
					 MR_ORIGIN_DRAINED, &error),
			 1);
	groups_report(&groups, 0, ref, MR_ORIGIN_OK); /* what runs ends as always */
	for (int i = 0; i < 4; i++)
		assert_int_equal(groups_ask(&groups, 0), 0);
	assert_true(mr_origin_keeps(groups.now, ref));
	groups_reload(&groups);
	tick(&groups);
	assert_int_equal(groups_ask(&groups, 0), 0);
	assert_int_equal(groups_ask(&groups, 0), 0);
	assert_int_equal(mr_origin_order(groups.table, groups.now, "app", "192.0.2.2",
					 MR_ORIGIN_DISABLED, &error),
			 1);
	assert_false(mr_origin_keeps(groups.now, ref));
	assert_int_equal(mr_origin_order(groups.table, groups.now, "app", "192.0.2.2",
					 MR_ORIGIN_ENABLED, &error),
			 1);
	assert_int_equal(groups_ask(&groups, 0) + groups_ask(&groups, 0), 1);
	groups_close(&groups);
}

static void
test_order_for_a_name_is_for_later_addresses_too(void **state)
{
	struct groups groups;
	struct mr_error error = { 0 };

	(void)state;
	open_named(&groups);
	names_build(&groups, 1);
	assert_int_equal(mr_origin_order(groups.table, groups.now, "app", "APP.example.net",
					 MR_ORIGIN_DRAINED, &error),
			 1);
	names_build(&groups, 3);
	tick(&groups);
	assert_int_equal(groups_ask(&groups, 0), -1);
	/* one of its addresses is let in again */
	assert_int_equal(mr_origin_order(groups.table, groups.now, "app", "192.0.2.2",
					 MR_ORIGIN_ENABLED, &error),
			 1);
	for (int i = 0; i < 4; i++) {
		struct mr_origin_ref ref;

		assert_int_equal(groups_pick(&groups, 0, NULL, &ref), 0);
		assert_int_equal(ref.slot, groups_group(&groups)->origins[2].ref.slot);
		groups_report(&groups, 0, ref, MR_ORIGIN_OK);
	}
	/* an order for the whole overrules it */
	assert_int_equal(mr_origin_order(groups.table, groups.now, "app", "app.example.net:80",
					 MR_ORIGIN_ENABLED, &error),
			 3);
	assert_int_equal(groups_ask(&groups, 0), 0);
	groups_close(&groups);
}

static void
test_orders_for_nobody_are_refused(void **state)
{
	static const char *const servers[] = { "192.0.2.9",   "192.0.2.1:81", "",
					       "192.0.2.1:x", "[::1",         "app" };
	struct groups groups;
	struct mr_error error = { 0 };

	(void)state;
	groups_open(&groups, MR_UPSTREAM_ROUND_ROBIN, (int[]){ 1, 0 }, 1);
	for (size_t i = 0; i < MR_ARRAY_COUNT(servers); i++) {
		error.code = 0;
		assert_true(mr_origin_order(groups.table, groups.now, "app", servers[i],
					    MR_ORIGIN_DRAINED, &error) < 0);
	}
	error.code = 0;
	assert_int_equal(mr_origin_order(groups.table, groups.now, "nobody", "192.0.2.1",
					 MR_ORIGIN_DRAINED, &error),
			 -ENOENT);
	assert_int_equal(groups_ask(&groups, 0), 0);
	groups_close(&groups);
}

static void
test_order_goes_with_its_server(void **state)
{
	struct groups groups;
	struct mr_error error = { 0 };
	struct mr_upstream_server first;

	(void)state;
	groups_open(&groups, MR_UPSTREAM_ROUND_ROBIN, (int[]){ 1, 0 }, 1);
	first = groups.servers[0];
	assert_int_equal(mr_origin_order(groups.table, groups.now, "app", "192.0.2.1",
					 MR_ORIGIN_DRAINED, &error),
			 1);
	groups.servers[0] = groups_server(5, 1);
	groups_reload(&groups);
	tick(&groups); /* its slot is free, its order forgotten */
	groups.servers[0] = first;
	groups_reload(&groups);
	assert_int_equal(groups_ask(&groups, 0), 0);
	groups_close(&groups);
}

static void
test_view_adds_the_workers_up(void **state)
{
	struct mr_upstream_tried none = { { 0 } };
	struct mr_origin_view view;
	const struct mr_origin *origin;
	struct groups groups;
	struct mr_origin_ref ref;

	(void)state;
	groups_open(&groups, MR_UPSTREAM_ROUND_ROBIN, (int[]){ 3, 0 }, 3);
	assert_int_equal(groups_pick(&groups, 0, NULL, &ref), 0);
	mr_origin_opened(&groups.workers[0], ref);
	assert_int_equal(mr_upstream_pick(groups_group(&groups), &groups.workers[1], 0, &none,
					  groups.now_ns, &origin),
			 MR_UPSTREAM_PICKED);
	mr_origin_report(&groups.workers[1], ref, MR_ORIGIN_5XX, 4 * MR_NS_PER_MS, groups.now_ns);
	mr_origin_view(groups.table, groups_group(&groups), origin, groups.now_ns, &view);
	assert_int_equal(view.active, 1);
	assert_int_equal(view.open, 1);
	assert_int_equal(view.exchanges, 2);
	assert_int_equal(view.failed, 1);
	assert_int_equal(view.average_us, 4000);
	assert_int_equal(view.weight, 3 * 256);
	assert_true(view.takes);
	groups_close(&groups);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reload_keeps_slots_and_what_is_in_them),
		cmocka_unit_test(test_slot_waits_for_what_runs_and_is_open),
		cmocka_unit_test(test_slot_comes_back_before_it_is_free),
		cmocka_unit_test(test_each_address_of_a_name_is_an_origin),
		cmocka_unit_test(test_family_without_a_way_is_not_asked),
		cmocka_unit_test(test_drained_takes_nothing_new_and_survives_a_reload),
		cmocka_unit_test(test_order_for_a_name_is_for_later_addresses_too),
		cmocka_unit_test(test_orders_for_nobody_are_refused),
		cmocka_unit_test(test_order_goes_with_its_server),
		cmocka_unit_test(test_view_adds_the_workers_up),
	};

	return cmocka_run_group_tests_name("proxy_upstream", tests, NULL, NULL);
}
