/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/stack, table, conn, timewait, api - what scripts cannot say: limits, many connections.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../lib/tcp/tcp_int.h"

struct rig {
	struct mr_tcp *tcp;
	struct mr_tcp_config config;
	struct mr_arena arena;
	uint64_t now_ns, metrics[MR_TCP_METRIC_COUNT];
	struct mr_tcp_segment last; /* that left */
	uint32_t closed;
};

static bool
output(void *context, const struct mr_tcp_out *out)
{
	struct rig *r = context;

	return mr_tcp_segment_parse(out->header, out->header_bytes, &r->last);
}

static void
on_closed(void *context, struct mr_tcp *tcp, uint32_t conn, enum mr_tcp_reason reason)
{
	(void)tcp;
	(void)conn;
	(void)reason;
	((struct rig *)context)->closed++;
}

static const struct mr_tcp_app_ops ops = { .name = "test", .closed = on_closed };

static void
rig_config(struct rig *r)
{
	*r = (struct rig){ .now_ns = MR_NS_PER_S };
	r->config = (struct mr_tcp_config){ .conn_limit = 8,
					    .time_wait_limit = 4,
					    .tx_limit = 8,
					    .rx_limit = 8,
					    .extent_limit = 64,
					    .run_limit = 64,
					    .chunk_limit = 64,
					    .half_open_limit = 8,
					    .table_key = { 1, 2 },
					    .isn_key = { 3, 4 },
					    .cookie_key = { 5, 6 },
					    .output = output,
					    .output_context = r,
					    .metrics = r->metrics };
}

static void
rig_create(struct rig *r)
{
	struct mr_tcp_app app = { .ops = &ops, .context = r };
	struct mr_error error = { 0 };

	assert_int_equal(mr_arena_create(&r->arena, "test", 256 << 20, false, &error), 0);
	assert_int_equal(mr_tcp_create(&r->tcp, &r->config, &r->arena, r->now_ns, &error), 0);
	mr_tcp_app_set(r->tcp, 0, &app);
}

static void
rig_destroy(struct rig *r)
{
	mr_tcp_destroy(r->tcp);
	mr_arena_destroy(&r->arena);
}

static struct mr_tcp_flow
flow_of(uint32_t client, uint16_t port)
{
	uint8_t remote[4] = { 10, (uint8_t)(client >> 16), (uint8_t)(client >> 8),
			      (uint8_t)client };

	return (struct mr_tcp_flow){ .local = mr_addr_from_v4("\xc0\x00\x02\x01"),
				     .remote = mr_addr_from_v4(remote),
				     .local_port = 80,
				     .remote_port = port };
}

static void
put(struct rig *r, const struct mr_tcp_flow *flow, uint8_t flags, uint32_t seq, uint32_t ack)
{
	struct mr_tcp_segment seg = { .src_port = flow->remote_port,
				      .dst_port = flow->local_port,
				      .seq = seq,
				      .ack = ack,
				      .flags = flags,
				      .wnd = 8192,
				      .wscale = MR_TCP_WSCALE_NONE };
	uint8_t bytes[MR_TCP_HEADER_MAX_BYTES];
	struct mr_tcp_in in = { .bytes = bytes, .flow = *flow };

	in.byte_count = mr_tcp_segment_write(&seg, bytes);
	mr_tcp_input(r->tcp, &in);
}

static void
open_flow(struct rig *r, const struct mr_tcp_flow *flow)
{
	put(r, flow, MR_TCP_SYN, 100, 0);
	put(r, flow, MR_TCP_ACK, 101, r->last.seq + 1);
}

/* Their FIN after ours: leaves a TIME_WAIT entry. */
static void
close_flow(struct rig *r, const struct mr_tcp_flow *flow)
{
	uint32_t slot = tcp_table_find(r->tcp, tcp_flow_hash(r->tcp, flow), flow);

	mr_tcp_close(r->tcp, slot);
	put(r, flow, MR_TCP_FIN | MR_TCP_ACK, 101, r->last.seq + 1);
}

static void
test_create_refuses_bad_limits(void **state)
{
	struct mr_error error;
	struct mr_tcp *tcp;
	struct rig r;

	(void)state;
#define REFUSED(field, value)                                                                   \
	do {                                                                                    \
		rig_config(&r);                                                                 \
		r.config.field = (value);                                                       \
		error = (struct mr_error){ 0 };                                                 \
		assert_int_equal(mr_tcp_create(&tcp, &r.config, &r.arena, 0, &error), -EINVAL); \
		assert_true(error.text[0] != 0);                                                \
	} while (0)
	REFUSED(output, NULL);
	REFUSED(metrics, NULL);
	REFUSED(conn_limit, 0);
	REFUSED(chunk_limit, 0);
	REFUSED(time_wait_limit, 3);
	REFUSED(time_wait_limit, 0);
	REFUSED(mtu, 575);
	REFUSED(mtu, 9217);
	REFUSED(receive_initial_bytes, 4095);
	REFUSED(receive_max_bytes, 65535);
	REFUSED(delayed_ack_ms, 501);
	REFUSED(port_value, 1);
	REFUSED(port_mask, 5);
#undef REFUSED
}

/* Two tags, say, on the way to half of the clients. */
static uint16_t
room_of(void *context, const struct mr_tcp_flow *flow)
{
	(void)context;
	return flow->remote_port & 1 ? 1472 : 9000;
}

static void
test_room_of_the_way_lowers_the_mss(void **state)
{
	struct rig r;

	(void)state;
	rig_config(&r);
	r.config.room = room_of;
	rig_create(&r);
	for (uint16_t port = 1000; port < 1002; port++) {
		struct mr_tcp_flow flow = flow_of(1, port);
		uint16_t mss = port & 1 ? 1452 : 1460; /* mtu 1500 holds all the same */
		uint32_t slot;

		open_flow(&r, &flow);
		slot = tcp_table_find(r.tcp, tcp_flow_hash(r.tcp, &flow), &flow);
		assert_int_equal(tcp_mss_of(r.tcp, &flow), mss);
		assert_int_equal(tcp_tcb(r.tcp, slot)->mss_max, 536); /* they offered none */
		put(&r, &flow, MR_TCP_RST, 101, 0);
		put(&r, &flow, MR_TCP_SYN, 100, 0);
		assert_int_equal(r.last.mss, mss);
	}
	rig_destroy(&r);
}

static void
test_table_holds_what_it_was_made_for(void **state)
{
	enum { CONNECTIONS = 20000 };
	struct rig r;

	(void)state;
	rig_config(&r);
	r.config.conn_limit = CONNECTIONS;
	rig_create(&r);
	for (uint32_t i = 0; i < CONNECTIONS; i++) {
		struct mr_tcp_flow flow = flow_of(i / 8, (uint16_t)(1000 + i % 8));

		mr_tcp_turn(r.tcp, r.now_ns, 1);
		open_flow(&r, &flow);
	}
	assert_int_equal(r.metrics[MR_TCP_accept], CONNECTIONS);
	assert_int_equal(r.tcp->tcbs.used, CONNECTIONS);
	for (uint32_t i = 0; i < CONNECTIONS; i += 2) { /* every other one goes */
		struct mr_tcp_flow flow = flow_of(i / 8, (uint16_t)(1000 + i % 8));

		put(&r, &flow, MR_TCP_RST, 101, 0);
	}
	assert_int_equal(r.metrics[MR_TCP_close_reset], CONNECTIONS / 2);
	for (uint32_t i = 0; i < CONNECTIONS; i++) {
		struct mr_tcp_flow flow = flow_of(i / 8, (uint16_t)(1000 + i % 8));
		uint32_t slot = tcp_table_find(r.tcp, tcp_flow_hash(r.tcp, &flow), &flow);

		assert_int_equal(slot != 0, i & 1);
	}
	rig_destroy(&r);
	assert_int_equal(r.closed, CONNECTIONS);
}

static void
test_no_tcb_left_means_cookies(void **state)
{
	struct mr_tcp_flow flow;
	struct rig r;

	(void)state;
	rig_config(&r);
	rig_create(&r);
	for (uint32_t i = 0; i < 8; i++) {
		flow = flow_of(i, 1000);
		open_flow(&r, &flow);
	}
	flow = flow_of(8, 1000);
	put(&r, &flow, MR_TCP_SYN, 100, 0);
	assert_int_equal(r.metrics[MR_TCP_cookie_tx], 1);
	put(&r, &flow, MR_TCP_ACK, 101, r.last.seq + 1); /* still none */
	assert_int_equal(r.metrics[MR_TCP_drop_no_connection], 1);
	mr_tcp_abort(r.tcp, 3);
	/* the same ACK again, as the peer would send it */
	put(&r, &flow, MR_TCP_SYN, 100, 0);
	put(&r, &flow, MR_TCP_ACK, 101, r.last.seq + 1);
	assert_int_equal(r.metrics[MR_TCP_accept], 9);
	rig_destroy(&r);
}

static void
test_table_that_refuses_means_cookies(void **state)
{
	struct rig r;

	(void)state;
	rig_config(&r);
	r.config.conn_limit = r.config.half_open_limit = 400;
	rig_create(&r);
	r.tcp->table.limit = r.tcp->table.count; /* it does not grow */
	r.tcp->table.overflow_fresh = r.tcp->table.overflow_end;
	for (uint32_t client = 1; client <= 300; client++) {
		struct mr_tcp_flow flow = flow_of(client, 1000);

		put(&r, &flow, MR_TCP_SYN, 100, 0);
		assert_int_equal(r.last.flags, MR_TCP_SYN | MR_TCP_ACK);
	}
	assert_true(r.metrics[MR_TCP_cookie_tx] >= 300 - 16 * TCP_BUCKET_SLOTS);
	assert_int_equal(r.metrics[MR_TCP_connection_open], 300 - r.metrics[MR_TCP_cookie_tx]);
	rig_destroy(&r); /* ends who is there, not who was refused */
}

static void
test_time_wait_full_sheds_the_oldest(void **state)
{
	struct mr_tcp_flow flow;
	struct rig r;

	(void)state;
	rig_config(&r);
	rig_create(&r);
	for (uint32_t i = 0; i < 6; i++) {
		flow = flow_of(i, 1000);
		open_flow(&r, &flow);
		close_flow(&r, &flow);
		r.now_ns += MR_NS_PER_S;
		mr_tcp_turn(r.tcp, r.now_ns, 100);
	}
	assert_int_equal(r.metrics[MR_TCP_connection_time_wait], 4);
	assert_int_equal(r.metrics[MR_TCP_time_wait_shed], 2);
	for (uint32_t i = 0; i < 6; i++) {
		flow = flow_of(i, 1000);
		assert_int_equal(tcp_table_find(r.tcp, tcp_flow_hash(r.tcp, &flow), &flow) != 0,
				 i >= 2);
	}
	/* they end in the order they came, one second apart */
	r.now_ns = MR_NS_PER_S + 62500 * MR_NS_PER_MS;
	mr_tcp_turn(r.tcp, r.now_ns, 100);
	assert_int_equal(r.metrics[MR_TCP_connection_time_wait], 3);
	assert_true(mr_tcp_next_ns(r.tcp) <= MR_NS_PER_S + 63000 * MR_NS_PER_MS);
	r.now_ns += 10 * MR_NS_PER_S;
	mr_tcp_turn(r.tcp, r.now_ns, 100);
	assert_int_equal(r.metrics[MR_TCP_connection_time_wait], 0);
	rig_destroy(&r);
}

static void
test_connect_ports_are_of_this_worker(void **state)
{
	struct mr_tcp_flow flow = flow_of(1, 443);
	struct rig r;

	(void)state;
	flow.local_port = 0;
	rig_config(&r);
	r.config.conn_limit = 200;
	r.config.port_low = 40000;
	r.config.port_high = 41023;
	r.config.port_mask = 7;
	r.config.port_value = 5;
	rig_create(&r);
	for (int i = 0; i < 128; i++) { /* all that there are: none comes twice */
		uint32_t conn = mr_tcp_connect(r.tcp, &flow, 0, 0);
		uint16_t port = tcp_tcb(r.tcp, conn)->flow.local_port;

		assert_int_not_equal(conn, 0);
		assert_int_equal(port & 7, 5);
		assert_in_range(port, 40000, 41023);
	}
	assert_int_equal(mr_tcp_connect(r.tcp, &flow, 0, 0), 0);
	assert_int_equal(r.metrics[MR_TCP_connect_no_port], 1);
	flow.remote_port = 80; /* towards somebody else they are all free */
	assert_int_not_equal(mr_tcp_connect(r.tcp, &flow, 0, 0), 0);
	/* a four-tuple in use is refused */
	flow = tcp_tcb(r.tcp, 1)->flow;
	assert_int_equal(mr_tcp_connect(r.tcp, &flow, 0, 0), 0);
	rig_destroy(&r);
}

/* RFC 9293 MUST-46. */
static void
test_connect_to_many_is_refused(void **state)
{
	static const uint8_t v4[][4] = {
		{ 224, 0, 0, 1 }, { 239, 1, 2, 3 }, { 255, 255, 255, 255 }, { 0, 0, 0, 0 }
	};
	static const uint8_t v6[][16] = { { 0xff, 2, [15] = 1 }, { 0 } };
	struct mr_tcp_flow flow = flow_of(1, 443);
	struct rig r;

	(void)state;
	flow.local_port = 0;
	rig_config(&r);
	rig_create(&r);
	for (size_t i = 0; i < MR_ARRAY_COUNT(v4); i++) {
		flow.remote = mr_addr_from_v4(v4[i]);
		assert_int_equal(mr_tcp_connect(r.tcp, &flow, 0, 0), 0);
	}
	for (size_t i = 0; i < MR_ARRAY_COUNT(v6); i++) {
		flow.remote = mr_addr_from_v6(v6[i]);
		assert_int_equal(mr_tcp_connect(r.tcp, &flow, 0, 0), 0);
	}
	assert_int_equal(r.metrics[MR_TCP_segment_tx], 0);
	flow.remote = mr_addr_from_v4("\xdf\xff\xff\x01"); /* 223.255.255.1 */
	assert_int_not_equal(mr_tcp_connect(r.tcp, &flow, 0, 0), 0);
	rig_destroy(&r);
}

/* A port comes again only when all others have been used since, and never while its four-tuple is
 * in TIME-WAIT. */
static void
test_connect_reuses_the_oldest_port(void **state)
{
	struct mr_tcp_flow flow = flow_of(1, 443), last = { 0 };
	uint64_t used = 0;
	struct rig r;

	(void)state;
	flow.local_port = 0;
	rig_config(&r);
	r.config.port_low = 40000;
	r.config.port_high = 40127;
	r.config.port_mask = 1;
	rig_create(&r);
	for (int i = 0; i < 64 * 3; i++) { /* refused, so that nothing is left of them */
		uint32_t conn = mr_tcp_connect(r.tcp, &flow, 0, 0);
		uint32_t place;

		assert_int_not_equal(conn, 0);
		last = tcp_tcb(r.tcp, conn)->flow;
		place = (last.local_port - 40000u) / 2;
		if (i % 64 == 0)
			used = 0;
		assert_false(used >> place & 1);
		used |= UINT64_C(1) << place;
		put(&r, &last, MR_TCP_RST | MR_TCP_ACK, 0, r.last.seq + 1);
	}
	assert_int_equal(r.closed, 64 * 3);
	/* the next one is closed by us first, and waits: the round after this one passes it over */
	for (int i = 0; i < 64; i++) {
		uint32_t conn = mr_tcp_connect(r.tcp, &flow, 0, 0);
		struct mr_tcp_flow f = tcp_tcb(r.tcp, conn)->flow;

		if (i) {
			assert_int_not_equal(f.local_port, last.local_port);
			put(&r, &f, MR_TCP_RST | MR_TCP_ACK, 0, r.last.seq + 1);
			continue;
		}
		last = f;
		put(&r, &f, MR_TCP_SYN | MR_TCP_ACK, 100, r.last.seq + 1);
		mr_tcp_close(r.tcp, conn);
		put(&r, &f, MR_TCP_FIN | MR_TCP_ACK, 101, r.last.seq + 1);
		assert_true(tcp_timewait_is(r.tcp,
					    tcp_table_find(r.tcp, tcp_flow_hash(r.tcp, &f), &f),
					    tcp_flow_hash(r.tcp, &f)));
	}
	rig_destroy(&r);
}

static void
test_handle_in_use_again_has_another_generation(void **state)
{
	struct mr_tcp_flow flow = flow_of(1, 1000);
	struct mr_tcp_view view;
	uint32_t generation;
	struct rig r;

	(void)state;
	rig_config(&r);
	rig_create(&r);
	assert_false(mr_tcp_view(r.tcp, 1, &view));
	open_flow(&r, &flow);
	generation = mr_tcp_generation(r.tcp, 1);
	assert_true(mr_tcp_alive(r.tcp, 1, generation));
	assert_true(mr_tcp_view(r.tcp, 1, &view));
	assert_int_equal(view.state, MR_TCP_ESTABLISHED);
	assert_int_equal(view.flow.remote_port, 1000);
	put(&r, &flow, MR_TCP_RST, 101, 0);
	assert_false(mr_tcp_alive(r.tcp, 1, generation));
	assert_false(mr_tcp_view(r.tcp, 1, &view));
	flow.remote_port = 1001;
	open_flow(&r, &flow);
	assert_true(mr_tcp_view(r.tcp, 1, &view));
	assert_int_equal(view.flow.remote_port, 1001);
	assert_false(mr_tcp_alive(r.tcp, 1, generation));
	rig_destroy(&r);
}

static void
test_idle_connection_costs_only_its_tcb(void **state)
{
	struct mr_tcp_flow flow = flow_of(1, 1000);
	struct rig r;

	(void)state;
	rig_config(&r);
	rig_create(&r);
	open_flow(&r, &flow);
	assert_int_equal(mr_tcp_send(r.tcp, 1, "x", 1), 1);
	assert_int_equal(r.tcp->txs.used, 1);
	put(&r, &flow, MR_TCP_ACK, 101, r.last.seq + 1);
	assert_int_equal(r.tcp->txs.used + r.tcp->rxs.used + r.tcp->runs.used +
				 r.tcp->extents.used + r.tcp->chunks.used,
			 0);
	/* all in: TCB, wheel node, and its share of the table */
	assert_in_range(sizeof(struct tcp_tcb) + sizeof(struct mr_wheel_node) +
				tcp_table_bytes(10000000) / 10000000,
			0, 256);
	rig_destroy(&r);
}

/* What is stated beforehand is what is taken. */
static void
test_memory_is_stated_and_counted(void **state)
{
	struct mr_tcp_flow flow = flow_of(1, 1000), other = flow_of(2, 1000);
	struct mr_tcp_usage usage;
	struct rig r;

	(void)state;
	rig_config(&r);
	r.config.conn_limit = 10000;
	r.config.time_wait_limit = 4096;
	rig_create(&r);
	assert_in_range(r.arena.taken_bytes, mr_tcp_bytes(&r.config),
			mr_tcp_bytes(&r.config) + (MR_TCP_CLASSES + 1) * MR_CACHE_LINE);
	open_flow(&r, &flow);
	close_flow(&r, &flow);
	open_flow(&r, &other);
	mr_tcp_memory(r.tcp, MR_TCP_CLASS_TCB, &usage);
	assert_int_equal(usage.used * 1000 + usage.peak, 1001);
	assert_int_equal(usage.limit * 1000 + usage.object_bytes, 10000192);
	mr_tcp_memory(r.tcp, MR_TCP_CLASS_TIME_WAIT, &usage);
	assert_int_equal(usage.used * 1000 + usage.peak, 1001);
	assert_in_range(usage.object_bytes, 1, 32);
	mr_tcp_memory(r.tcp, MR_TCP_CLASS_TX, &usage);
	assert_int_equal(usage.used * 1000 + usage.peak, 1);
	assert_int_equal(usage.limit, 8);
	rig_destroy(&r);
}

/* In one burst: a connection is made, reset, and made again; another's segments lie between. */
static void
test_burst_takes_segments_in_order(void **state)
{
	struct mr_tcp_flow flows[2] = { flow_of(1, 1000), flow_of(2, 1000) };
	static const uint8_t flags[] = { MR_TCP_SYN, MR_TCP_SYN, MR_TCP_RST, MR_TCP_SYN,
					 MR_TCP_RST };
	static const uint8_t whose[] = { 0, 1, 0, 0, 1 };
	uint8_t bytes[MR_ARRAY_COUNT(flags)][MR_TCP_HEADER_MAX_BYTES];
	struct mr_tcp_in ins[MR_ARRAY_COUNT(flags)] = { 0 };
	struct rig r;

	(void)state;
	rig_config(&r);
	rig_create(&r);
	for (uint32_t i = 0; i < MR_ARRAY_COUNT(flags); i++) {
		struct mr_tcp_segment seg = { .seq = 100 + (flags[i] == MR_TCP_RST),
					      .flags = flags[i],
					      .wscale = MR_TCP_WSCALE_NONE };

		ins[i].bytes = bytes[i];
		ins[i].byte_count = mr_tcp_segment_write(&seg, bytes[i]);
		ins[i].flow = flows[whose[i]];
	}
	mr_tcp_input_burst(r.tcp, ins, MR_ARRAY_COUNT(flags));
	assert_int_equal(r.metrics[MR_TCP_segment_rx], MR_ARRAY_COUNT(flags));
	assert_int_equal(r.metrics[MR_TCP_segment_tx], 3);
	assert_int_equal(r.tcp->tcbs.used, 1);
	assert_int_not_equal(tcp_table_find(r.tcp, tcp_flow_hash(r.tcp, &flows[0]), &flows[0]), 0);
	assert_int_equal(tcp_table_find(r.tcp, tcp_flow_hash(r.tcp, &flows[1]), &flows[1]), 0);
	rig_destroy(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create_refuses_bad_limits),
		cmocka_unit_test(test_room_of_the_way_lowers_the_mss),
		cmocka_unit_test(test_table_holds_what_it_was_made_for),
		cmocka_unit_test(test_no_tcb_left_means_cookies),
		cmocka_unit_test(test_table_that_refuses_means_cookies),
		cmocka_unit_test(test_time_wait_full_sheds_the_oldest),
		cmocka_unit_test(test_connect_ports_are_of_this_worker),
		cmocka_unit_test(test_connect_to_many_is_refused),
		cmocka_unit_test(test_connect_reuses_the_oldest_port),
		cmocka_unit_test(test_handle_in_use_again_has_another_generation),
		cmocka_unit_test(test_idle_connection_costs_only_its_tcb),
		cmocka_unit_test(test_memory_is_stated_and_counted),
		cmocka_unit_test(test_burst_takes_segments_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
