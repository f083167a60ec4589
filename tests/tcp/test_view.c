/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/conn, mr_tcp_view - other threads walk the identity lines, as `show connections` does, while
 * the worker opens and closes connections as fast as it can.
 *
 * Everything in an identity is a function of its client's number, so a view that mixes two
 * connections shows. How often a mixture lay there to be read is counted too, by reading without
 * the generation.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "../../lib/tcp/tcp_int.h"

enum {
	CONNS = 64, /* few, so that each is opened again and again while it is looked at */
	CLIENTS = 60000,
	WATCHERS = 2,
	SECONDS = 3,
	ROUNDS_MIN = 20000,
};

struct rig {
	struct mr_tcp *tcp;
	struct mr_arena arena;
	uint64_t now_ns, metrics[MR_TCP_METRIC_COUNT];
	uint32_t iss; /* of the last SYN+ACK that left */
};

static bool
output(void *context, const struct mr_tcp_out *out)
{
	struct rig *r = context;

	if (out->header[13] & MR_TCP_SYN)
		r->iss = mr_load_be32(out->header + 4);
	return true;
}

static const struct mr_tcp_app_ops ops = { .name = "view" };

static void
rig_create(struct rig *r)
{
	struct mr_tcp_config config = { .conn_limit = CONNS,
					.time_wait_limit = 256,
					.tx_limit = CONNS,
					.rx_limit = CONNS,
					.extent_limit = 256,
					.run_limit = 256,
					.chunk_limit = 256,
					.half_open_limit = CONNS,
					.time_wait_ms = 10,
					.table_key = { 1, 2 },
					.isn_key = { 3, 4 },
					.cookie_key = { 5, 6 },
					.output = output,
					.output_context = r,
					.metrics = r->metrics };
	struct mr_tcp_app app = { .ops = &ops, .context = r };
	struct mr_error error = { 0 };

	*r = (struct rig){ .now_ns = MR_NS_PER_S };
	assert_int_equal(mr_arena_create(&r->arena, "test", 64 << 20, false, &error), 0);
	assert_int_equal(mr_tcp_create(&r->tcp, &config, &r->arena, r->now_ns, &error), 0);
	for (uint8_t i = 0; i < MR_TCP_APP_MAX; i++)
		mr_tcp_app_set(r->tcp, i, &app);
}

/* The identity of client n: its number is in every field. */
static struct mr_tcp_flow
flow_of(uint32_t n)
{
	uint8_t address[16] = { [0] = 0x20,
				[7] = (uint8_t)(n >> 8),
				[8] = (uint8_t)n,
				[14] = (uint8_t)(n >> 8),
				[15] = (uint8_t)n };

	return (struct mr_tcp_flow){ .local = mr_addr_from_v6(address),
				     .remote = mr_addr_from_v6(address),
				     .local_port = (uint16_t)(n + 2000),
				     .remote_port = (uint16_t)(n + 1000) };
}

static bool
is_whole(const struct mr_tcp_flow *flow, uint8_t app)
{
	uint32_t n = (uint16_t)(flow->remote_port - 1000);
	struct mr_tcp_flow wanted = flow_of(n);

	return n < CLIENTS && app == n % MR_TCP_APP_MAX && flow->local_port == wanted.local_port &&
	       mr_addr_equal(&flow->local, &wanted.local) &&
	       mr_addr_equal(&flow->remote, &wanted.remote);
}

struct watcher {
	const struct mr_tcp *tcp;
	bool stop;
	uint64_t seen, torn, backwards, mixtures;
	uint32_t generations[CONNS + 1];
};

/* peek reads what lies there, whether the owner is writing it or not. */
static bool
peek_is_whole(const struct mr_tcp *tcp, uint32_t conn)
{
	const struct tcp_tcb *t = tcp_tcb(tcp, conn);
	struct mr_tcp_flow flow;
	uint32_t words[sizeof(flow) / 4];
	uint8_t app;

	for (size_t i = 0; i < MR_ARRAY_COUNT(words); i++)
		words[i] = __atomic_load_n((const uint32_t *)(const void *)&t->flow + i,
					   __ATOMIC_RELAXED);
	app = __atomic_load_n(&t->app, __ATOMIC_RELAXED);
	memcpy(&flow, words, sizeof(flow));
	return flow.remote_port == 0 || is_whole(&flow, app); /* 0: never used yet */
}

static void *
watch(void *context)
{
	struct watcher *w = context;

	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED))
		for (uint32_t conn = 1; conn <= CONNS; conn++) {
			struct mr_tcp_view view;

			w->mixtures += !peek_is_whole(w->tcp, conn);
			if (!mr_tcp_view(w->tcp, conn, &view))
				continue;
			w->seen++;
			w->torn += !is_whole(&view.flow, view.app) || view.generation & 1 ||
				   view.state >= MR_TCP_STATES;
			w->backwards += (int32_t)(view.generation - w->generations[conn]) < 0;
			w->generations[conn] = view.generation;
		}
	return NULL;
}

static void
put(struct rig *r, uint32_t n, uint8_t flags, uint32_t seq, uint32_t ack)
{
	struct mr_tcp_flow flow = flow_of(n);
	struct mr_tcp_segment seg = { .src_port = flow.remote_port,
				      .dst_port = flow.local_port,
				      .seq = seq,
				      .ack = ack,
				      .flags = flags,
				      .wnd = 8192,
				      .wscale = MR_TCP_WSCALE_NONE };
	uint8_t bytes[MR_TCP_HEADER_MAX_BYTES];
	struct mr_tcp_in in = { .bytes = bytes, .flow = flow, .app = n % MR_TCP_APP_MAX };

	in.byte_count = mr_tcp_segment_write(&seg, bytes);
	mr_tcp_input(r->tcp, &in);
}

/* One connection is opened, and one that was opened earlier ends: by RST, or with both FINs. */
static void
round_of(struct rig *r, uint32_t round, uint32_t *iss)
{
	uint32_t n = round % CLIENTS, old = (round + CLIENTS - CONNS / 2) % CLIENTS;

	put(r, n, MR_TCP_SYN, 100, 0);
	iss[n] = r->iss;
	put(r, n, MR_TCP_ACK, 101, iss[n] + 1);
	if (round < CONNS / 2)
		return;
	if (round & 1) {
		put(r, old, MR_TCP_RST, 101, 0);
	} else {
		struct mr_tcp_flow flow = flow_of(old);

		mr_tcp_close(r->tcp, tcp_table_find(r->tcp, tcp_flow_hash(r->tcp, &flow), &flow));
		put(r, old, MR_TCP_FIN | MR_TCP_ACK, 101, iss[old] + 2);
	}
	if (round % 64 == 0)
		mr_tcp_turn(r->tcp, r->now_ns += MR_NS_PER_MS, 1000);
}

static uint64_t
wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * MR_NS_PER_S + (uint64_t)now.tv_nsec;
}

static void
test_view_while_the_owner_opens_and_closes(void **state)
{
	static struct watcher watchers[WATCHERS];
	static uint32_t iss[CLIENTS];
	static struct rig r;
	pthread_t threads[WATCHERS];
	uint64_t end_ns, seen = 0, mixtures = 0;
	uint32_t round = 0;

	(void)state;
	rig_create(&r);
	for (int i = 0; i < WATCHERS; i++) {
		watchers[i] = (struct watcher){ .tcp = r.tcp };
		assert_int_equal(pthread_create(&threads[i], NULL, watch, &watchers[i]), 0);
	}
	end_ns = wall_ns() + SECONDS * MR_NS_PER_S;
	while (round < ROUNDS_MIN || wall_ns() < end_ns)
		for (int i = 0; i < 1000; i++)
			round_of(&r, round++, iss);
	for (int i = 0; i < WATCHERS; i++) {
		__atomic_store_n(&watchers[i].stop, true, __ATOMIC_RELAXED);
		pthread_join(threads[i], NULL);
		assert_int_equal(watchers[i].torn, 0);
		assert_int_equal(watchers[i].backwards, 0);
		assert_true(watchers[i].seen > 1000);
		seen += watchers[i].seen;
		mixtures += watchers[i].mixtures;
	}
	assert_int_equal(r.metrics[MR_TCP_accept], round);
	print_message("%u connections, %llu views; %llu times a mixture lay there\n", round,
		      (unsigned long long)seen, (unsigned long long)mixtures);
	mr_tcp_destroy(r.tcp);
	mr_arena_destroy(&r.arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_view_while_the_owner_opens_and_closes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
