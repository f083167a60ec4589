/* SPDX-License-Identifier: Apache-2.0
 *
 * worker/segments and turn: connections that workers open, over a port whose queues bring answers
 * to whichever worker they like, and may be full. Three workers driven by hand; the port is the
 * test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>

#include "worker/worker_int.h"

enum {
	WORKERS = 3,
	APP = MR_TCP_APP_MAX - 1,
	WIRE = 256,
	OPENS = 200, /* by each worker */
	ETH = 14,
	IP = 20,
	LANE = MR_ARRAY_COUNT(((struct worker_lane *)0)->pkts),
};

static struct mr_worker_group group;
static struct mr_world world;
static const struct mr_world *published = &world;
static struct mr_net_snapshot *snapshot;
static struct mr_arena arena;
static struct rte_mempool *pools[WORKERS];
static struct mr_port port;
static struct mr_port *ports[] = { &port };
static uint32_t opened[WORKERS], ended[WORKERS], softs[WORKERS];

/* ---- the wire: what left, and what waits to be received by each queue ---- */

static struct rte_mbuf *out[WIRE], *in[WORKERS][WIRE];
static uint32_t out_count, in_count[WORKERS], last_conn;
static uint32_t wire_room = UINT32_MAX; /* that the port still takes */

static uint16_t
wire_rx(const struct mr_port *self, uint16_t queue, struct rte_mbuf **pkts, uint16_t count)
{
	uint16_t n = (uint16_t)MR_MIN(in_count[queue], (uint32_t)count);

	(void)self;
	memcpy(pkts, in[queue], n * sizeof(*pkts));
	in_count[queue] -= n;
	return n;
}

static uint16_t
wire_tx(const struct mr_port *self, uint16_t queue, struct rte_mbuf **pkts, uint16_t count)
{
	(void)self;
	assert_in_range(queue, 0, port.queue_count - 1);
	count = (uint16_t)MR_MIN(wire_room, (uint32_t)count);
	wire_room -= wire_room == UINT32_MAX ? 0 : count;
	for (uint16_t i = 0; i < count; i++) {
		assert_true(out_count < WIRE);
		out[out_count++] = pkts[i];
	}
	return count;
}

static const struct mr_port_hook wire_hook = { .rx = wire_rx, .tx = wire_tx };

static void
wire_give(uint16_t queue, struct rte_mbuf *pkt)
{
	pkt->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	assert_true(in_count[queue] < WIRE);
	in[queue][in_count[queue]++] = pkt;
}

/* reply makes of a segment that left the peer's answer, in place. */
static void
reply(struct rte_mbuf *pkt, uint8_t flags)
{
	uint8_t *frame = rte_pktmbuf_mtod(pkt, uint8_t *), *tcp = frame + ETH + IP, swap[6];
	uint32_t seq = mr_load_be32(tcp + 4);

	memcpy(swap, frame, 6);
	memcpy(frame, frame + 6, 6);
	memcpy(frame + 6, swap, 6);
	memcpy(swap, frame + ETH + 12, 4);
	memcpy(frame + ETH + 12, frame + ETH + 16, 4);
	memcpy(frame + ETH + 16, swap, 4);
	memcpy(swap, tcp, 2);
	memcpy(tcp, tcp + 2, 2);
	memcpy(tcp + 2, swap, 2);
	mr_store_be32(tcp + 4, 7000);
	mr_store_be32(tcp + 8, seq + 1);
	tcp[13] = flags;
}

/* complaint makes of it a router's "fragmentation needed", or such, about it. */
static void
complaint(struct rte_mbuf *pkt, uint8_t type, uint8_t code)
{
	uint8_t *frame = rte_pktmbuf_mtod(pkt, uint8_t *), *ip = frame + ETH, inner[IP + 8];
	const uint16_t bytes = IP + 8 + sizeof(inner);

	memcpy(inner, ip, sizeof(inner));
	memcpy(frame + 6, frame, 6);
	memcpy(frame, &port.mac, 6);
	mr_store_be16(ip + 2, bytes);
	ip[9] = IPPROTO_ICMP;
	memcpy(ip + 16, ip + 12, 4);
	memcpy(ip + 12, "\xc0\x00\x02\xfe", 4);
	memset(ip + 10, 0, 2);
	mr_net_checksum_store(ip + 10, mr_net_sum_bytes(0, ip, IP));
	memset(ip + IP, 0, 8);
	ip[IP] = type;
	ip[IP + 1] = code;
	memcpy(ip + IP + 8, inner, sizeof(inner));
	mr_net_checksum_store(ip + IP + 2, mr_net_sum_bytes(0, ip + IP, 8 + sizeof(inner)));
	pkt->data_len = ETH + bytes;
	pkt->pkt_len = pkt->data_len;
}

/* ---- the workers ---- */

static uint16_t
worker_of(void *context)
{
	return (uint16_t)((struct mr_worker **)context - group.workers);
}

static void
on_accepted(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	(void)tcp;
	last_conn = conn;
	opened[worker_of(context)]++;
}

static void
on_error(void *context, struct mr_tcp *tcp, uint32_t conn, uint8_t type, uint8_t code)
{
	(void)tcp;
	(void)conn;
	(void)type;
	(void)code;
	softs[worker_of(context)]++;
}

static void
on_closed(void *context, struct mr_tcp *tcp, uint32_t conn, enum mr_tcp_reason reason)
{
	(void)tcp;
	(void)conn;
	(void)reason;
	ended[worker_of(context)]++;
}

static const struct mr_tcp_app_ops ops = {
	.name = "test",
	.accepted = on_accepted,
	.error = on_error,
	.closed = on_closed,
};

static void
world_make(void)
{
	static const struct mr_mac router = { { 2, 0, 0, 0, 0, 9 } };
	const struct mr_addr vip = mr_addr_from_v4("\xc0\x00\x02\x01");
	const struct mr_net_next_hop hop = { .addr = mr_addr_from_v4("\xc0\x00\x02\xfe") };
	const struct mr_net_interface interface = { .mac = port.mac, .mtu = 1500 };
	const struct mr_net_config net = { .vips = &vip,
					   .vip_count = 1,
					   .interfaces = &interface,
					   .interface_count = 1,
					   .next_hops = &hop,
					   .next_hop_count = 1 };
	struct mr_error error = { 0 };

	assert_int_equal(mr_net_snapshot_build(&net, &snapshot, &error), 0);
	mr_net_neighbours_set(group.neighbours, &hop, 1);
	mr_net_neighbours_learn(group.neighbours, &hop, &router, MR_NS_PER_S);
	world.net = snapshot;
}

static int
setup(void **state)
{
	struct mr_port_eal_config eal = { .memory_bytes = 64 << 20,
					  .worker_count = WORKERS,
					  .worker_cpus = { 0, 0, 0 } };
	const uint16_t cpus[WORKERS] = { 0 };
	struct mr_error error = { 0 };

	(void)state;
	assert_int_equal(mr_port_eal_start(&eal, &error), 0);
	assert_int_equal(mr_arena_create(&arena, "test", 512 << 20, false, &error), 0);
	port = (struct mr_port){ .mtu = 1500, .mac = { { 2, 0, 0, 0, 0, 1 } }, .hook = &wire_hook };
	group = (struct mr_worker_group){
		.worker_count = WORKERS,
		.port_count = 1,
		.ports = ports,
		.world = &published,
		.metrics = mr_metric_registry_create(),
		.neighbours = mr_net_neighbours_create(),
		.control_pool = mr_port_mbuf_pool_create(WORKERS, 1023, &error),
		.pools = pools,
		.arena = &arena,
		.tcp = { .connections = 1024 },
	};
	for (uint16_t i = 0; i < WORKERS; i++) {
		pools[i] = mr_port_mbuf_pool_create(i, 1023, &error);
		assert_non_null(pools[i]);
	}
	assert_int_equal(mr_worker_group_create(&group, cpus, &error), 0);
	world_make();
	for (uint16_t i = 0; i < WORKERS; i++) {
		struct mr_worker *worker = group.workers[i];
		struct mr_tcp_app app = { .ops = &ops, .context = &group.workers[i] };

		mr_tcp_app_set(worker->tcp, APP, &app);
		worker->world = &world;
		worker->net.snapshot = snapshot;
		worker->now_ns = mr_clock_now_ns();
		mr_tcp_turn(worker->tcp, worker->now_ns, 0);
	}
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	mr_worker_group_destroy(&group);
	mr_net_neighbours_destroy(group.neighbours);
	mr_metric_registry_destroy(group.metrics);
	mr_net_snapshot_free(snapshot);
	for (uint16_t i = 0; i < WORKERS; i++)
		rte_mempool_free(pools[i]);
	rte_mempool_free(group.control_pool);
	mr_arena_destroy(&arena);
	mr_port_eal_stop();
	return 0;
}

/* settle turns all workers until nothing moves. */
static void
settle(void)
{
	uint32_t done = 1;

	for (int round = 0; done && round < 100; round++) {
		done = 0;
		for (uint16_t i = 0; i < WORKERS; i++)
			worker_lanes_flush(group.workers[i]);
		for (uint16_t i = 0; i < WORKERS; i++) {
			done += worker_turn_queue(group.workers[i], 0);
			done += worker_turn_dispatch(group.workers[i]);
		}
	}
	assert_int_equal(done, 0);
}

static void
out_drop(void)
{
	rte_pktmbuf_free_bulk(out, out_count);
	out_count = 0;
}

/* open_one opens from worker i and gives the SYN, the only thing that left. */
static struct rte_mbuf *
open_one(uint16_t i)
{
	const struct mr_worker_origin to = { .source = mr_addr_from_v4("\xc0\x00\x02\x01"),
					     .remote = mr_addr_from_v4("\xc6\x33\x64\x07"),
					     .remote_port = 8080 };
	const uint8_t *tcp;
	uint16_t source;

	assert_int_not_equal(mr_worker_connect(group.workers[i], &to, APP, 0), 0);
	settle();
	assert_int_equal(out_count, 1);
	out_count = 0;
	tcp = rte_pktmbuf_mtod(out[0], const uint8_t *) + ETH + IP;
	source = mr_load_be16(tcp);
	assert_true(source >= MR_WORKER_SOURCE_PORT_LOW);
	assert_int_equal(worker_port_owner(&group, source), i);
	assert_int_equal(tcp[13], MR_TCP_SYN | MR_TCP_ECE | MR_TCP_CWR);
	return out[0];
}

/* Each answer comes by some queue, mostly another worker's; the connection opens where it was
 * begun, and nobody says RST. */
static void
answers_reach_their_worker(uint16_t queue_count)
{
	struct mr_rng rng;

	mr_rng_seed(&rng, queue_count);
	port.queue_count = queue_count;
	memset(opened, 0, sizeof(opened));
	memset(ended, 0, sizeof(ended));
	for (uint32_t n = 0; n < OPENS * WORKERS; n++) {
		uint16_t i = (uint16_t)(n % WORKERS);
		struct rte_mbuf *pkt = open_one(i);

		reply(pkt, MR_TCP_SYN | MR_TCP_ACK);
		wire_give((uint16_t)mr_rng_below(&rng, queue_count), pkt);
		settle();
		assert_int_equal(opened[i], n / WORKERS + 1);
		assert_int_equal(out_count, 1);
		assert_int_equal(rte_pktmbuf_mtod(out[0], const uint8_t *)[ETH + IP + 13],
				 MR_TCP_ACK);
		out_count = 0;
		reply(out[0], MR_TCP_RST | MR_TCP_ACK);
		mr_store_be32(rte_pktmbuf_mtod(out[0], uint8_t *) + ETH + IP + 4, 7001);
		wire_give((uint16_t)mr_rng_below(&rng, queue_count), out[0]);
		settle();
		assert_int_equal(ended[i], n / WORKERS + 1);
		assert_int_equal(out_count, 0);
	}
	for (uint16_t i = 0; i < WORKERS; i++)
		assert_int_equal(opened[i], OPENS);
}

static void
test_answers_by_any_queue_reach_who_opened(void **state)
{
	(void)state;
	answers_reach_their_worker(WORKERS);
}

static void
test_answers_by_one_queue_reach_who_opened(void **state)
{
	(void)state;
	answers_reach_their_worker(1);
}

static void
test_icmp_error_reaches_who_opened(void **state)
{
	(void)state;
	for (uint16_t queues = 1; queues <= WORKERS; queues += WORKERS - 1) {
		port.queue_count = queues;
		memset(softs, 0, sizeof(softs));
		for (uint16_t i = 0; i < WORKERS; i++) {
			struct rte_mbuf *pkt = open_one(i);

			complaint(pkt, 11, 0); /* time exceeded */
			wire_give((uint16_t)((i + 1) % queues), pkt);
			settle();
			assert_int_equal(softs[i], 1);
		}
		out_drop();
	}
}

static void
test_port_of_nobody_is_refused_where_it_comes(void **state)
{
	struct rte_mbuf *pkt;

	(void)state;
	port.queue_count = WORKERS;
	pkt = open_one(0);
	reply(pkt, MR_TCP_SYN | MR_TCP_ACK);
	/* of four that two bits can say, the fourth worker is not there */
	rte_pktmbuf_mtod(pkt, uint8_t *)[ETH + IP + 3] |= 3;
	wire_give(1, pkt);
	settle();
	assert_int_equal(out_count, 1);
	assert_true(rte_pktmbuf_mtod(out[0], const uint8_t *)[ETH + IP + 13] & MR_TCP_RST);
	out_drop();
}

/* ---- a full port ---- */

enum { PUT_OFF = 3, SENT_BYTES = 100 };

/* established_one opens from worker 0 and returns the connection. */
static uint32_t
established_one(void)
{
	struct rte_mbuf *pkt = open_one(0);

	reply(pkt, MR_TCP_SYN | MR_TCP_ACK);
	wire_give(0, pkt);
	settle();
	out_drop();
	return last_conn;
}

/* each_leaves_once: what lies on the wire is data of as many connections, none of them twice. */
static void
each_leaves_once(uint32_t count)
{
	static bool seen[UINT16_MAX + 1];

	assert_int_equal(out_count, count);
	memset(seen, 0, sizeof(seen));
	for (uint32_t i = 0; i < out_count; i++) {
		const uint8_t *tcp = rte_pktmbuf_mtod(out[i], const uint8_t *) + ETH + IP;

		assert_int_equal(out[i]->data_len - ETH - IP - (tcp[12] >> 4) * 4, SENT_BYTES);
		assert_false(seen[mr_load_be16(tcp)]);
		seen[mr_load_be16(tcp)] = true;
	}
	out_drop();
}

static void
test_full_port_puts_data_off_and_loses_none(void **state)
{
	static const uint8_t bytes[SENT_BYTES];
	struct mr_worker *worker = group.workers[0];
	const struct worker_lane *lane = &worker->lanes[0];
	uint32_t conns[LANE_DATA_MAX + PUT_OFF];

	(void)state;
	port.queue_count = WORKERS;
	for (unsigned i = 0; i < MR_ARRAY_COUNT(conns); i++)
		conns[i] = established_one();
	memset(worker->tally, 0, sizeof(worker->tally));
	wire_room = 0;
	for (unsigned i = 0; i < MR_ARRAY_COUNT(conns); i++)
		assert_int_equal(mr_tcp_send(worker->tcp, conns[i], bytes, SENT_BYTES), SENT_BYTES);
	assert_int_equal(lane->count, LANE_DATA_MAX);
	assert_int_equal(worker->tally[MR_WORKER_tcp_put_off], PUT_OFF);
	assert_int_equal(worker_lanes_flush(worker), 0);
	assert_int_equal(lane->count, LANE_DATA_MAX);
	/* the port takes some: the rest stays, in its order */
	wire_room = 10;
	assert_int_equal(worker_lanes_flush(worker), 10);
	assert_int_equal(lane->count, LANE_DATA_MAX - 10);
	wire_room = UINT32_MAX;
	assert_int_equal(worker_lanes_flush(worker), LANE_DATA_MAX - 10);
	/* what was put off comes by itself, soon */
	worker->now_ns += 2 * MR_NS_PER_MS;
	mr_tcp_turn(worker->tcp, worker->now_ns, 128);
	worker_lanes_flush(worker);
	each_leaves_once(MR_ARRAY_COUNT(conns));
	assert_int_equal(worker->tally[MR_WORKER_tx_full], 0);
	for (unsigned i = 0; i < MR_ARRAY_COUNT(conns); i++)
		mr_tcp_abort(worker->tcp, conns[i]);
	settle();
	out_drop();
}

static void
lane_fill(struct mr_worker *worker, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		worker_lane_add(worker, 0, rte_pktmbuf_alloc(pools[0]), 60);
}

static void
test_full_port_loses_what_has_no_room(void **state)
{
	struct mr_worker *worker = group.workers[0];

	(void)state;
	memset(worker->tally, 0, sizeof(worker->tally));
	wire_room = 0;
	lane_fill(worker, LANE);
	assert_int_equal(worker->tally[MR_WORKER_tx_full], 0);
	lane_fill(worker, 1);
	assert_int_equal(worker->tally[MR_WORKER_tx_full], 1);
	wire_room = UINT32_MAX;
	assert_int_equal(worker_lanes_flush(worker), LANE);
	out_drop();
}

static void
test_port_that_takes_nothing_for_long_loses_what_is_held(void **state)
{
	struct mr_worker *worker = group.workers[0];
	const struct worker_lane *lane = &worker->lanes[0];

	(void)state;
	memset(worker->tally, 0, sizeof(worker->tally));
	wire_room = 1;
	lane_fill(worker, 3);
	worker_lanes_flush(worker);
	worker->now_ns += MR_WORKER_TX_HOLD_MS * MR_NS_PER_MS;
	worker_lanes_flush(worker);
	assert_int_equal(lane->count, 2);
	worker->now_ns++;
	worker_lanes_flush(worker);
	assert_int_equal(lane->count, 0);
	assert_int_equal(worker->tally[MR_WORKER_tx_full], 2);
	/* the next is held as long again */
	lane_fill(worker, 1);
	worker_lanes_flush(worker);
	assert_int_equal(lane->count, 1);
	worker_lanes_drop(worker);
	assert_int_equal(lane->count, 0);
	wire_room = UINT32_MAX;
	out_drop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_by_any_queue_reach_who_opened),
		cmocka_unit_test(test_answers_by_one_queue_reach_who_opened),
		cmocka_unit_test(test_icmp_error_reaches_who_opened),
		cmocka_unit_test(test_port_of_nobody_is_refused_where_it_comes),
		cmocka_unit_test(test_full_port_puts_data_off_and_loses_none),
		cmocka_unit_test(test_full_port_loses_what_has_no_room),
		cmocka_unit_test(test_port_that_takes_nothing_for_long_loses_what_is_held),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
