/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/table - growth by single buckets, chains and their bound.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../lib/tcp/tcp_int.h"

struct rig {
	struct mr_tcp tcp;
	struct mr_arena arena;
};

static struct rig rig;

static void
rig_create(uint32_t limit)
{
	struct mr_error error = { 0 };

	rig = (struct rig){
		.tcp.config = { .conn_limit = limit, .time_wait_limit = 16, .table_key = { 1, 2 } }
	};
	assert_int_equal(mr_arena_create(&rig.arena, "test", 1 << 30, false, &error), 0);
	assert_int_equal(mr_pool_create(&rig.tcp.tcbs, &rig.arena, sizeof(struct tcp_tcb), limit,
					&error),
			 0);
	assert_int_equal(tcp_table_create(&rig.tcp, &rig.arena, &error), 0);
}

static uint64_t
tcb_make(uint32_t conn)
{
	struct tcp_tcb *t = tcp_tcb(&rig.tcp, conn);

	t->flow = (struct mr_tcp_flow){ .remote_port = (uint16_t)conn,
					.remote = mr_addr_from_v4(&conn) };
	return tcp_flow_hash(&rig.tcp, &t->flow);
}

static uint32_t
find(uint32_t conn)
{
	const struct mr_tcp_flow *flow = &tcp_tcb(&rig.tcp, conn)->flow;

	return tcp_table_find(&rig.tcp, tcp_flow_hash(&rig.tcp, flow), flow);
}

static uint32_t
overflow_in_use(void)
{
	struct tcp_table *table = &rig.tcp.table;
	uint32_t count = table->overflow_fresh - table->limit;

	for (uint32_t i = table->overflow_free; i; i = table->buckets[i].overflow)
		count--;
	return count;
}

/* Half a million: beyond 2^16 buckets the tag decides, below it the four-tuple. */
static void
test_growth_loses_nothing(void **state)
{
	enum { CONNECTIONS = 500000, STEP = 4 };
	struct tcp_table *table = &rig.tcp.table;

	(void)state;
	rig_create(CONNECTIONS);
	for (uint32_t conn = 1; conn <= CONNECTIONS; conn++) {
		uint32_t before = table->count;

		table->splits_left = 1;
		assert_true(tcp_table_insert(&rig.tcp, tcb_make(conn), conn));
		assert_in_range(table->count - before, 0, 1);
		assert_int_equal(find(conn / 2 + 1), conn / 2 + 1);
	}
	assert_in_range(table->count, (1 << 16) + 1, table->limit);
	assert_int_equal(table->entries, CONNECTIONS);
	for (uint32_t conn = 1; conn <= CONNECTIONS; conn++)
		assert_int_equal(find(conn), conn);
	/* what is reserved for overflow is several times what chance asks for */
	assert_in_range(overflow_in_use(), 1, (table->overflow_end - table->limit) / 4 * 3);
	for (uint32_t conn = 1; conn <= CONNECTIONS; conn++)
		if (conn % STEP)
			tcp_table_replace(&rig.tcp,
					  tcp_flow_hash(&rig.tcp, &tcp_tcb(&rig.tcp, conn)->flow),
					  conn, 0);
	for (uint32_t conn = 1; conn <= CONNECTIONS; conn++)
		assert_int_equal(find(conn), conn % STEP ? 0 : conn);
	assert_int_equal(table->entries, CONNECTIONS / STEP);
	assert_int_equal(overflow_in_use(), 0);
	mr_arena_destroy(&rig.arena);
}

static void
test_growth_is_bounded_within_a_turn(void **state)
{
	enum { CONNECTIONS = 300 };
	struct tcp_table *table = &rig.tcp.table;
	uint32_t before;

	(void)state;
	rig_create(CONNECTIONS);
	before = table->count;
	table->splits_left = 3;
	for (uint32_t conn = 1; conn <= CONNECTIONS; conn++)
		assert_true(tcp_table_insert(&rig.tcp, tcb_make(conn), conn));
	assert_int_equal(table->count, before + 3);
	for (uint32_t conn = 1; conn <= CONNECTIONS; conn++)
		assert_int_equal(find(conn), conn);
	mr_arena_destroy(&rig.arena);
}

/* Everything in one bucket, as if the key were known: refused at the bound, and nothing lost. */
static void
test_chain_is_bounded(void **state)
{
	enum { BOUND = TCP_BUCKET_SLOTS * TCP_BUCKET_CHAIN_MAX, HASH = 5 };

	(void)state;
	rig_create(1000);
	for (uint32_t conn = 1; conn <= BOUND; conn++)
		assert_true(tcp_table_insert(&rig.tcp, HASH, conn));
	assert_int_equal(overflow_in_use(), TCP_BUCKET_CHAIN_MAX - 1);
	assert_false(tcp_table_insert(&rig.tcp, HASH, BOUND + 1));
	assert_int_equal(overflow_in_use(), TCP_BUCKET_CHAIN_MAX - 1);
	assert_true(tcp_table_insert(&rig.tcp, HASH + 1, BOUND + 2));
	tcp_table_replace(&rig.tcp, HASH, 7, 0);
	assert_true(tcp_table_insert(&rig.tcp, HASH, BOUND + 1));
	for (uint32_t conn = 1; conn <= BOUND + 1; conn++)
		if (conn != 7)
			tcp_table_replace(&rig.tcp, HASH, conn, 0);
	assert_int_equal(overflow_in_use(), 0);
	assert_int_equal(rig.tcp.table.entries, 1);
	mr_arena_destroy(&rig.arena);
}

static void
test_overflow_exhausted_refuses(void **state)
{
	struct tcp_table *table = &rig.tcp.table;
	uint32_t conn = 0, hash = 0;

	(void)state;
	rig_create(200);
	while (hash < table->count && tcp_table_insert(&rig.tcp, hash, ++conn))
		hash += conn % (TCP_BUCKET_SLOTS * TCP_BUCKET_CHAIN_MAX) == 0;
	assert_in_range(hash, 1, table->count - 1);
	assert_int_equal(table->overflow_fresh, table->overflow_end);
	tcp_table_replace(&rig.tcp, 0, 1, 0);
	assert_true(tcp_table_insert(&rig.tcp, 0, 1));
	mr_arena_destroy(&rig.arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_growth_loses_nothing),
		cmocka_unit_test(test_growth_is_bounded_within_a_turn),
		cmocka_unit_test(test_chain_is_bounded),
		cmocka_unit_test(test_overflow_exhausted_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
