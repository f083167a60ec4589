/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/defence - the bounds of tcp.h under those who try them, with somebody honest beside them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../lib/tcp/tcp_int.h"

enum { ANSWER_BYTES = 100, CLIENTS = 4096 };

struct rig {
	struct mr_tcp *tcp;
	struct mr_tcp_config config;
	struct mr_arena arena;
	uint64_t now_ns, metrics[MR_TCP_METRIC_COUNT];
	struct mr_tcp_segment last; /* that left */
	uint32_t sent;
	uint32_t answer_bytes; /* sent when asked */
	uint32_t reasons[MR_TCP_END_REASONS];
	uint32_t iss[CLIENTS];
};

static struct rig rig;
static const uint8_t zeros[1 << 18];

static bool
output(void *context, const struct mr_tcp_out *out)
{
	struct rig *r = context;

	r->sent++;
	return mr_tcp_segment_parse(out->header, out->header_bytes, &r->last);
}

static uint32_t
on_readable(void *context, struct mr_tcp *tcp, uint32_t conn, const uint8_t *bytes, uint32_t count)
{
	struct rig *r = context;
	uint32_t taken = mr_tcp_send(tcp, conn, zeros, r->answer_bytes);

	(void)bytes;
	(void)taken;
	return count;
}

static void
on_closed(void *context, struct mr_tcp *tcp, uint32_t conn, enum mr_tcp_reason reason)
{
	(void)tcp;
	(void)conn;
	((struct rig *)context)->reasons[reason]++;
}

static const struct mr_tcp_app_ops ops = { .name = "test",
					   .readable = on_readable,
					   .closed = on_closed };

static struct rig *
rig_create(const struct mr_tcp_config *limits)
{
	struct mr_tcp_app app = { .ops = &ops, .context = &rig, .nodelay = true };
	struct mr_error error = { 0 };
	struct rig *r = &rig;

	*r = (struct rig){ .now_ns = MR_NS_PER_S, .config = *limits, .answer_bytes = ANSWER_BYTES };
	r->config.table_key = (struct mr_hash_key){ 1, 2 };
	r->config.cookie_key = (struct mr_hash_key){ 3, 4 };
	r->config.output = output;
	r->config.output_context = r;
	r->config.metrics = r->metrics;
	assert_int_equal(mr_arena_create(&r->arena, "test", 1 << 30, false, &error), 0);
	assert_int_equal(mr_tcp_create(&r->tcp, &r->config, &r->arena, r->now_ns, &error), 0);
	mr_tcp_app_set(r->tcp, 0, &app);
	return r;
}

static void
rig_destroy(struct rig *r)
{
	mr_tcp_destroy(r->tcp);
	mr_arena_destroy(&r->arena);
}

static const struct mr_tcp_config usual = { .conn_limit = 256,
					    .time_wait_limit = 256,
					    .tx_limit = 64,
					    .rx_limit = 64,
					    .extent_limit = 512,
					    .run_limit = 4096,
					    .chunk_limit = 512,
					    .half_open_limit = 16 };

/* Client numbers: the upper bits are the /24, the lower 8 the host. */
static struct mr_tcp_flow
flow_of(uint32_t client)
{
	uint8_t remote[4] = { 10, (uint8_t)(client >> 16), (uint8_t)(client >> 8),
			      (uint8_t)client };

	return (struct mr_tcp_flow){ .local = mr_addr_from_v4("\xc0\x00\x02\x01"),
				     .remote = mr_addr_from_v4(remote),
				     .local_port = 80,
				     .remote_port = 1000 };
}

static void
put(struct rig *r, uint32_t client, struct mr_tcp_segment *seg)
{
	struct mr_tcp_flow flow = flow_of(client);
	uint8_t bytes[MR_TCP_HEADER_MAX_BYTES + 2048] = { 0 };
	struct mr_tcp_in in = { .bytes = bytes, .flow = flow };

	seg->src_port = flow.remote_port;
	seg->dst_port = flow.local_port;
	if (!(seg->flags & MR_TCP_SYN))
		seg->wscale = MR_TCP_WSCALE_NONE;
	in.byte_count = (uint16_t)(mr_tcp_segment_write(seg, bytes) + seg->payload_bytes);
	mr_tcp_input(r->tcp, &in);
}

static void
pass(struct rig *r, uint64_t ms)
{
	r->now_ns += ms * MR_NS_PER_MS;
	mr_tcp_turn(r->tcp, r->now_ns, 256);
}

static void
syn(struct rig *r, uint32_t client)
{
	put(r, client,
	    &(struct mr_tcp_segment){ .seq = 100,
				      .flags = MR_TCP_SYN,
				      .wnd = 65535,
				      .mss = 1460,
				      .wscale = 0,
				      .sack_permitted = true });
	r->iss[client % CLIENTS] = r->last.seq;
}

static void
ack(struct rig *r, uint32_t client, uint32_t seq, uint32_t acked, uint16_t wnd, uint16_t bytes)
{
	put(r, client,
	    &(struct mr_tcp_segment){ .seq = 101 + seq,
				      .ack = r->iss[client % CLIENTS] + 1 + acked,
				      .flags = MR_TCP_ACK,
				      .wnd = wnd,
				      .payload_bytes = bytes });
}

/* ask returns whether client has a connection and an answer now. */
static bool
ask(struct rig *r, uint32_t client)
{
	uint32_t before;

	syn(r, client);
	if (!(r->last.flags & MR_TCP_SYN))
		return false;
	ack(r, client, 0, 0, 65535, 0);
	before = r->sent;
	ack(r, client, 0, 0, 65535, 10);
	if (r->sent == before || r->last.ack != 111)
		return false;
	ack(r, client, 10, r->answer_bytes, 65535, 0);
	return true;
}

static uint32_t
objects(const struct rig *r)
{
	const struct mr_tcp *tcp = r->tcp;

	return tcp->tcbs.used + tcp->txs.used + tcp->rxs.used + tcp->runs.used + tcp->extents.used +
	       tcp->chunks.used;
}

static void
test_syn_flood_costs_half_open_limit(void **state)
{
	struct rig *r = rig_create(&usual);

	(void)state;
	for (uint32_t i = 0; i < 10000; i++) {
		syn(r, 0x10000 + i);
		if (i % 64 == 63)
			pass(r, 1);
	}
	assert_int_equal(objects(r), usual.half_open_limit);
	assert_int_equal(r->metrics[MR_TCP_cookie_tx], 10000 - usual.half_open_limit);
	assert_true(ask(r, 1));
	assert_int_equal(r->metrics[MR_TCP_cookie_accept], 1);
	rig_destroy(r);
}

static void
test_prefix_limit_stops_one_prefix_only(void **state)
{
	struct mr_tcp_config config = usual;
	struct rig *r;

	(void)state;
	config.prefix_limit = 8;
	r = rig_create(&config);
	for (uint32_t i = 0; i < 8; i++)
		assert_true(ask(r, 0x100 + i));
	assert_false(ask(r, 0x108));
	assert_int_equal(r->metrics[MR_TCP_drop_prefix] > 0, true);
	assert_true(ask(r, 0x200));
	assert_int_equal(r->tcp->tcbs.used, 9);
	/* one goes, another may come */
	put(r, 0x100, &(struct mr_tcp_segment){ .seq = 111, .flags = MR_TCP_RST });
	assert_int_equal(r->tcp->tcbs.used, 8);
	assert_true(ask(r, 0x108));
	assert_false(ask(r, 0x109));
	rig_destroy(r);
}

/* A prefix that has taken every TCB makes room for others, but not for more of its own. */
static void
test_full_table_evicts_from_the_heavy_prefix(void **state)
{
	struct rig *r = rig_create(&usual);
	uint32_t served = 0, own = 0;

	(void)state;
	for (uint32_t i = 0; i < usual.conn_limit; i++) {
		assert_true(ask(r, 0x100 + i));
		pass(r, 1);
	}
	assert_int_equal(r->tcp->tcbs.used, usual.conn_limit);
	for (uint32_t i = 0; i < 32; i++) {
		served += ask(r, 0x20000 + (i << 8));
		pass(r, 1);
	}
	assert_int_equal(served, 32);
	assert_int_equal(r->metrics[MR_TCP_close_shed], 32);
	for (uint32_t i = 0; i < 32; i++) {
		struct mr_tcp_flow flow = flow_of(0x100 + i);

		pass(r, 1);
		own += tcp_evict(r->tcp, &flow.remote);
	}
	assert_int_equal(own, 0);
	rig_destroy(r);
}

static void
test_eviction_is_bounded_within_a_turn(void **state)
{
	struct rig *r = rig_create(&usual);
	uint32_t served = 0;

	(void)state;
	for (uint32_t i = 0; i < usual.conn_limit; i++)
		assert_true(ask(r, 0x100 + i % 256));
	pass(r, 1);
	for (uint32_t i = 0; i < 40; i++)
		served += ask(r, 0x20000 + (i << 8));
	assert_in_range(served, 1, 16);
	rig_destroy(r);
}

/* Peers that ask and never take the answer hold every chunk and send state; a newcomer is served
 * all the same, and what they hold comes back. */
static void
test_silent_readers_do_not_lock_others_out(void **state)
{
	struct rig *r = rig_create(&usual);
	uint32_t served = 0;

	(void)state;
	r->answer_bytes = sizeof(zeros);
	for (uint32_t i = 0; i < 200; i++) {
		uint32_t client = 0x10000 + (i << 8);

		syn(r, client);
		ack(r, client, 0, 0, 65535, 0);
		ack(r, client, 0, 0, 0, 10); /* window shut */
	}
	assert_true(tcp_pool_reserved(&r->tcp->txs));
	r->answer_bytes = ANSWER_BYTES;
	for (uint32_t ms = 0; ms < 3000; ms++)
		pass(r, 1);
	for (uint32_t i = 0; i < 50; i++)
		served += ask(r, 0x80000 + (i << 8));
	assert_int_equal(served, 50);
	assert_in_range(r->reasons[MR_TCP_END_SHED], 1, 200);
	assert_false(tcp_pool_reserved(&r->tcp->txs));
	assert_false(tcp_pool_reserved(&r->tcp->chunks));
	rig_destroy(r);
}

/* Peers that say nothing are closed by us, and do not answer that either: their FINs do not take
 * the last send states. */
static void
test_silent_closers_do_not_lock_others_out(void **state)
{
	struct rig *r = rig_create(&usual);
	uint32_t served = 0, opened = 0, end;

	(void)state;
	r->answer_bytes = ANSWER_BYTES;
	for (uint32_t i = 0; i < 200; i++) {
		uint32_t client = 0x10000 + (i << 8);

		syn(r, client);
		ack(r, client, 0, 0, 65535, 0);
	}
	end = r->tcp->tcbs.fresh;
	for (uint32_t conn = 1; conn < end; conn++)
		if (!(tcp_tcb(r->tcp, conn)->generation & 1)) {
			opened++;
			mr_tcp_close(r->tcp, conn);
		}
	assert_true(opened > r->tcp->txs.limit);
	assert_in_range(r->tcp->txs.used, 1, r->tcp->txs.limit - r->tcp->txs.limit / 8 + 1);
	assert_in_range(r->reasons[MR_TCP_END_SHED], 1, 200);
	for (uint32_t i = 0; i < 50; i++)
		served += ask(r, 0x80000 + (i << 8));
	assert_int_equal(served, 50);
	rig_destroy(r);
}

/* One peer may not take the last eighth of the chunks: they are for who has none. */
static void
test_last_chunks_are_for_who_has_none(void **state)
{
	struct mr_tcp_config config = usual;
	struct rig *r;

	(void)state;
	config.chunk_limit = 64;
	r = rig_create(&config);
	r->answer_bytes = sizeof(zeros);
	syn(r, 1);
	ack(r, 1, 0, 0, 65535, 0);
	ack(r, 1, 0, 0, 0, 10);
	assert_int_equal(r->tcp->chunks.used, 64 - 64 / 8 + 1);
	r->answer_bytes = ANSWER_BYTES;
	assert_true(ask(r, 2));
	rig_destroy(r);
}

static void
test_slow_reader_is_reset_a_steady_one_not(void **state)
{
	struct mr_tcp_config config = usual;
	struct mr_tcp_flow flow;
	struct rig *r;

	(void)state;
	config.progress_ms = 10000;
	config.progress_bytes = 1000;
	r = rig_create(&config);
	r->answer_bytes = 100000;
	for (uint32_t client = 1; client <= 2; client++) {
		syn(r, client);
		ack(r, client, 0, 0, 65535, 0);
		ack(r, client, 0, 0, 65535, 10);
	}
	for (uint32_t s = 1; s <= 25; s++) { /* 90 bytes a second, and 101 */
		pass(r, 1000);
		for (uint32_t client = 1; client <= 2; client++)
			ack(r, client, 10, s * (client == 1 ? 90 : 101), 65535, 0);
	}
	assert_int_equal(r->metrics[MR_TCP_close_slow], 1);
	assert_int_equal(r->tcp->tcbs.used, 1);
	flow = flow_of(1);
	assert_int_equal(tcp_table_find(r->tcp, tcp_flow_hash(r->tcp, &flow), &flow), 0);
	rig_destroy(r);
}

/* Single bytes with holes between: few chunks, and few steps in one turn for all such peers. */
static void
test_crumbs_out_of_order_are_bounded(void **state)
{
	struct mr_tcp_config config = usual;
	struct rig *r;

	(void)state;
	config.chunk_limit = 4096;
	r = rig_create(&config);
	syn(r, 1);
	ack(r, 1, 0, 0, 65535, 0);
	for (uint32_t i = 0; i < 20000; i++)
		ack(r, 1, 2 + 2 * (i * 7919 % 30000), 0, 65535, 1);
	assert_in_range(r->tcp->chunks.used, 1, 40);
	assert_int_equal(r->tcp->walk_left, 0);
	assert_true(r->metrics[MR_TCP_walk_shed] > 10000);
	/* it did no harm: the next turn goes on, and what is in order is taken */
	pass(r, 1);
	assert_true(ask(r, 2));
	ack(r, 1, 0, 0, 65535, 1);
	assert_int_equal(r->last.ack, 102);
	rig_destroy(r);
}

static void
sack(struct rig *r, uint32_t client, uint32_t from)
{
	struct mr_tcp_segment seg = { .seq = 111,
				      .ack = r->iss[client % CLIENTS] + 1,
				      .flags = MR_TCP_ACK,
				      .wnd = 65535,
				      .sack_count = 4 };

	for (uint32_t i = 0; i < 4; i++) {
		seg.sacks[i].left = seg.ack + from + 4 * i;
		seg.sacks[i].right = seg.sacks[i].left + 1;
	}
	put(r, client, &seg);
}

/* SACKs of single bytes cut the board into as many runs as it may have. */
static void
test_sack_bomb_is_bounded(void **state)
{
	struct rig *r = rig_create(&usual);
	uint32_t runs;

	(void)state;
	r->answer_bytes = 14000;
	syn(r, 1);
	ack(r, 1, 0, 0, 65535, 0);
	ack(r, 1, 0, 0, 65535, 10);
	for (uint32_t i = 0; i < 2000; i++)
		sack(r, 1, 2 + i * 16 % 13900);
	assert_int_equal(r->tcp->walk_left, 0);
	assert_true(r->metrics[MR_TCP_walk_shed] > 1000);
	runs = r->tcp->runs.used;
	assert_in_range(runs, 100, MR_TCP_RUN_MAX);
	for (uint32_t turn = 0; turn < 100; turn++) {
		pass(r, 1);
		for (uint32_t i = 0; i < 64; i++)
			sack(r, 1, 2 + (turn * 64 + i) * 16 % 13900);
	}
	assert_in_range(r->tcp->runs.used, runs, MR_TCP_RUN_MAX);
	/* all is acknowledged: nothing stays behind */
	ack(r, 1, 10, 14000, 65535, 0);
	assert_int_equal(r->tcp->runs.used + r->tcp->txs.used, 0);
	rig_destroy(r);
}

static void
test_blind_resets_and_acks_are_challenged_within_limits(void **state)
{
	struct rig *r = rig_create(&usual);
	uint32_t sent;

	(void)state;
	assert_true(ask(r, 1));
	sent = r->sent;
	for (uint32_t i = 1; i < 1000; i++) /* in the window, but not exact */
		put(r, 1, &(struct mr_tcp_segment){ .seq = 111 + i, .flags = MR_TCP_RST });
	assert_int_equal(r->sent - sent, TCP_CHALLENGE_PER_S);
	for (uint32_t i = 1; i < 1000; i++)
		put(r, 1, &(struct mr_tcp_segment){ .seq = 111, .flags = MR_TCP_SYN });
	assert_int_equal(r->sent - sent, TCP_CHALLENGE_PER_S);
	assert_int_equal(r->tcp->tcbs.used, 1);
	/* another connection has its own allowance */
	assert_true(ask(r, 2));
	sent = r->sent;
	put(r, 2, &(struct mr_tcp_segment){ .seq = 112, .flags = MR_TCP_RST });
	assert_int_equal(r->sent - sent, 1);
	rig_destroy(r);
}

/* All deadlines at one moment: no turn does more than its budget, and none is lost. */
static void
test_timers_due_together_are_spread_over_turns(void **state)
{
	enum { CONNECTIONS = 5000, BUDGET = 64 };
	struct mr_tcp_config config = usual;
	struct mr_tcp_app app = { .ops = &ops, .context = &rig, .keepalive = true };
	uint32_t turns = 0, probes = 0;
	struct rig *r;

	(void)state;
	config.conn_limit = CONNECTIONS;
	config.keepalive_idle_ms = 1000;
	r = rig_create(&config);
	mr_tcp_app_set(r->tcp, 0, &app);
	for (uint32_t i = 0; i < CONNECTIONS; i++) {
		mr_tcp_turn(r->tcp, r->now_ns, BUDGET);
		syn(r, i);
		ack(r, i, 0, 0, 65535, 0);
	}
	assert_int_equal(r->tcp->tcbs.used, CONNECTIONS);
	r->now_ns += 2 * MR_NS_PER_S;
	while (probes < CONNECTIONS && turns < CONNECTIONS) {
		uint32_t before = r->sent, done = mr_tcp_turn(r->tcp, r->now_ns, BUDGET);

		assert_in_range(done, 1, BUDGET);
		assert_in_range(r->sent - before, 0, BUDGET);
		probes += r->sent - before;
		r->now_ns += MR_NS_PER_US;
		turns++;
	}
	assert_int_equal(probes, CONNECTIONS);
	assert_in_range(turns, CONNECTIONS / BUDGET, 10 * CONNECTIONS / BUDGET);
	rig_destroy(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_syn_flood_costs_half_open_limit),
		cmocka_unit_test(test_prefix_limit_stops_one_prefix_only),
		cmocka_unit_test(test_full_table_evicts_from_the_heavy_prefix),
		cmocka_unit_test(test_eviction_is_bounded_within_a_turn),
		cmocka_unit_test(test_silent_readers_do_not_lock_others_out),
		cmocka_unit_test(test_silent_closers_do_not_lock_others_out),
		cmocka_unit_test(test_last_chunks_are_for_who_has_none),
		cmocka_unit_test(test_slow_reader_is_reset_a_steady_one_not),
		cmocka_unit_test(test_crumbs_out_of_order_are_bounded),
		cmocka_unit_test(test_sack_bomb_is_bounded),
		cmocka_unit_test(test_blind_resets_and_acks_are_challenged_within_limits),
		cmocka_unit_test(test_timers_due_together_are_spread_over_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
