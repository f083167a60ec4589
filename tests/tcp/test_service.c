/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/service - echo, discard and chargen, asked by a second stack over a perfect link.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tcp/tcp.h"

enum {
	WIRE_SEGMENTS = 1024,
	WIRE_BYTES = 1600,
	STEPS_MAX = 200000,
	ECHO_PORT = 7,
	DISCARD_PORT = 9,
	CHARGEN_PORT = 19,  /* without end */
	SHORT_PORT = 1900,  /* 128 bytes after 64 */
	LONG_PORT = 1901,   /* 3 MB */
	SEND_BOUND = 20000, /* what a side may queue */
};

struct wire {
	struct {
		struct mr_tcp_flow flow;
		uint16_t byte_count;
		uint8_t bytes[WIRE_BYTES];
	} segments[WIRE_SEGMENTS];
	uint32_t head, tail;
};

struct side {
	struct mr_tcp *tcp;
	struct mr_arena arena;
	struct wire out;
	uint64_t metrics[MR_TCP_METRIC_COUNT];
};

struct rig {
	struct side client, server;
	struct mr_tcp_services services;
	uint64_t service_metrics[MR_TCP_SERVICE_METRIC_COUNT];
	uint64_t now_ns;
	/* the client as the tests see it */
	uint8_t got[4 << 20];
	uint32_t conn, got_bytes;
	bool opened, peer_closed, closed, reads;
	enum mr_tcp_reason reason;
};

static bool
wire_put(void *context, const struct mr_tcp_out *out)
{
	struct wire *wire = context;
	uint32_t at = wire->head % WIRE_SEGMENTS, bytes = out->header_bytes;

	assert_true(wire->head - wire->tail < WIRE_SEGMENTS);
	wire->segments[at].flow = (struct mr_tcp_flow){ .local = out->flow.remote,
							.remote = out->flow.local,
							.local_port = out->flow.remote_port,
							.remote_port = out->flow.local_port };
	memcpy(wire->segments[at].bytes, out->header, bytes);
	for (unsigned i = 0; i < out->piece_count; i++) {
		assert_true(bytes + out->pieces[i].byte_count <= WIRE_BYTES);
		memcpy(wire->segments[at].bytes + bytes, out->pieces[i].bytes,
		       out->pieces[i].byte_count);
		bytes += out->pieces[i].byte_count;
	}
	wire->segments[at].byte_count = (uint16_t)bytes;
	wire->head++;
	return true;
}

static uint8_t
listener_of(uint16_t port)
{
	switch (port) {
	case ECHO_PORT:
		return MR_TCP_ECHO;
	case DISCARD_PORT:
		return MR_TCP_DISCARD;
	default:
		return MR_TCP_CHARGEN;
	}
}

static void
wire_take(struct wire *wire, struct mr_tcp *to, bool serves)
{
	uint32_t at = wire->tail++ % WIRE_SEGMENTS;
	struct mr_tcp_in in = { .bytes = wire->segments[at].bytes,
				.byte_count = wire->segments[at].byte_count,
				.app = MR_TCP_APP_NONE,
				.flow = wire->segments[at].flow };

	if (serves)
		in.app = listener_of(in.flow.local_port);
	mr_tcp_input(to, &in);
}

/* ---- the client ---- */

static void
client_accepted(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	(void)tcp;
	(void)conn;
	((struct rig *)context)->opened = true;
}

static uint32_t
client_readable(void *context, struct mr_tcp *tcp, uint32_t conn, const uint8_t *bytes,
		uint32_t count)
{
	struct rig *r = context;

	(void)tcp;
	(void)conn;
	if (!r->reads)
		return 0;
	count = MR_MIN(count, (uint32_t)sizeof(r->got) - r->got_bytes);
	memcpy(r->got + r->got_bytes, bytes, count);
	r->got_bytes += count;
	return count;
}

static void
client_peer_closed(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	((struct rig *)context)->peer_closed = true;
	mr_tcp_close(tcp, conn);
}

static void
client_closed(void *context, struct mr_tcp *tcp, uint32_t conn, enum mr_tcp_reason reason)
{
	struct rig *r = context;

	(void)tcp;
	(void)conn;
	r->closed = true;
	r->reason = reason;
}

static const struct mr_tcp_app_ops client_ops = {
	.name = "client",
	.accepted = client_accepted,
	.readable = client_readable,
	.peer_closed = client_peer_closed,
	.closed = client_closed,
};

/* ---- the rig ---- */

static void
side_create(struct side *side, uint64_t now_ns, uint64_t key)
{
	struct mr_tcp_config config = { .conn_limit = 8,
					.time_wait_limit = 8,
					.tx_limit = 8,
					.rx_limit = 8,
					.extent_limit = 256,
					.run_limit = 1024,
					.chunk_limit = 1024,
					.half_open_limit = 8,
					.send_max_bytes = SEND_BOUND,
					.table_key = { key, 2 },
					.isn_key = { key, 4 },
					.cookie_key = { key, 6 },
					.output = wire_put,
					.output_context = &side->out,
					.metrics = side->metrics };
	struct mr_error error = { 0 };

	assert_int_equal(mr_arena_create(&side->arena, "test", 256 << 20, false, &error), 0);
	assert_int_equal(mr_tcp_create(&side->tcp, &config, &side->arena, now_ns, &error), 0);
}

static struct rig rig; /* large */

static struct rig *
rig_create(void)
{
	static const struct mr_tcp_service_config config = {
		.listeners = { { .every_vip = true, .kind = MR_TCP_ECHO, .port = ECHO_PORT },
			       { .every_vip = true, .kind = MR_TCP_DISCARD, .port = DISCARD_PORT },
			       { .every_vip = true, .kind = MR_TCP_CHARGEN, .port = CHARGEN_PORT },
			       { .every_vip = true,
				 .kind = MR_TCP_CHARGEN,
				 .port = SHORT_PORT,
				 .request_bytes = 64,
				 .byte_count = 128 },
			       { .every_vip = true,
				 .kind = MR_TCP_CHARGEN,
				 .port = LONG_PORT,
				 .byte_count = 3000000 } },
		.listener_count = 5,
	};
	struct rig *r = &rig;
	struct mr_tcp_app client = { .ops = &client_ops, .context = r };

	memset(r, 0, sizeof(*r));
	r->now_ns = MR_NS_PER_S;
	r->reads = true;
	side_create(&r->client, r->now_ns, 1);
	side_create(&r->server, r->now_ns, 2);
	mr_tcp_app_set(r->client.tcp, 0, &client);
	mr_tcp_services_create(&r->services, &config, r->server.tcp, 3, r->service_metrics);
	for (uint8_t kind = 0; kind < MR_TCP_SERVICE_KINDS; kind++) {
		struct mr_tcp_app app = { .ops = &mr_tcp_service_ops[kind],
					  .context = &r->services };

		mr_tcp_app_set(r->server.tcp, kind, &app);
	}
	return r;
}

static void
rig_destroy(struct rig *r)
{
	mr_tcp_destroy(r->client.tcp);
	mr_tcp_destroy(r->server.tcp);
	assert_int_equal(r->service_metrics[MR_TCP_SERVICE_accept],
			 r->service_metrics[MR_TCP_SERVICE_close]);
	mr_arena_destroy(&r->client.arena);
	mr_arena_destroy(&r->server.arena);
}

/* rig_step carries one segment each way, or lets a millisecond pass. */
static void
rig_step(struct rig *r)
{
	bool moved = false;

	if (r->client.out.tail != r->client.out.head) {
		wire_take(&r->client.out, r->server.tcp, true);
		moved = true;
	}
	if (r->server.out.tail != r->server.out.head) {
		wire_take(&r->server.out, r->client.tcp, false);
		moved = true;
	}
	r->now_ns += moved ? 10 * MR_NS_PER_US : MR_NS_PER_MS;
	mr_tcp_turn(r->client.tcp, r->now_ns, 16);
	mr_tcp_turn(r->server.tcp, r->now_ns, 16);
}

static void
rig_until(struct rig *r, const bool *what)
{
	for (int i = 0; i < STEPS_MAX && !*what; i++)
		rig_step(r);
	assert_true(*what);
}

static void
rig_run(struct rig *r, uint64_t for_ms)
{
	uint64_t until_ns = r->now_ns + for_ms * MR_NS_PER_MS;

	while (r->now_ns < until_ns)
		rig_step(r);
}

static void
rig_open(struct rig *r, uint16_t port)
{
	struct mr_tcp_flow flow = { .local = mr_addr_from_v4("\xc0\x00\x02\x02"),
				    .remote = mr_addr_from_v4("\xc0\x00\x02\x01"),
				    .remote_port = port };

	r->conn = mr_tcp_connect(r->client.tcp, &flow, 0, 0);
	assert_int_not_equal(r->conn, 0);
	rig_until(r, &r->opened);
}

/* What RFC 864's pattern has at offset. */
static uint8_t
pattern_at(uint64_t offset)
{
	uint64_t line = offset / 74, column = offset % 74;

	return column == 72 ? '\r' : column == 73 ? '\n' : (uint8_t)(' ' + (line + column) % 95);
}

static void
assert_pattern(const struct rig *r)
{
	for (uint32_t i = 0; i < r->got_bytes; i++)
		if (r->got[i] != pattern_at(i))
			fail_msg("byte %u is %02x", i, r->got[i]);
}

/* ---- tests ---- */

static void
test_echo_gives_back_and_closes(void **state)
{
	struct rig *r = rig_create();
	uint8_t bytes[5000];

	(void)state;
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	rig_open(r, ECHO_PORT);
	assert_int_equal(mr_tcp_send(r->client.tcp, r->conn, bytes, sizeof(bytes)), sizeof(bytes));
	mr_tcp_shutdown(r->client.tcp, r->conn);
	rig_until(r, &r->peer_closed);
	assert_int_equal(r->got_bytes, sizeof(bytes));
	assert_memory_equal(r->got, bytes, sizeof(bytes));
	assert_int_equal(r->service_metrics[MR_TCP_SERVICE_echo_bytes], sizeof(bytes));
	rig_destroy(r);
}

/* (1): the client sends and does not read. Its window and echo's queue fill, and then nothing more
 * is taken; all arrives once it reads. */
static void
test_echo_stops_reading_who_does_not_read(void **state)
{
	struct rig *r = rig_create();
	static uint8_t bytes[1000];
	uint32_t sent = 0, echoed;

	(void)state;
	r->reads = false;
	rig_open(r, ECHO_PORT);
	for (int i = 0; i < 1000; i++) {
		sent += mr_tcp_send(r->client.tcp, r->conn, bytes, sizeof(bytes));
		rig_run(r, 5);
	}
	echoed = (uint32_t)r->service_metrics[MR_TCP_SERVICE_echo_bytes];
	assert_true(sent > echoed);
	/* what the client keeps unread, and what echo may queue */
	assert_true(echoed < (1 << 20) + SEND_BOUND);
	r->reads = true;
	mr_tcp_resume(r->client.tcp, r->conn);
	mr_tcp_shutdown(r->client.tcp, r->conn);
	rig_until(r, &r->peer_closed);
	assert_int_equal(r->got_bytes, sent);
	rig_destroy(r);
}

static void
test_discard_counts_and_says_nothing(void **state)
{
	struct rig *r = rig_create();
	static uint8_t bytes[10000];

	(void)state;
	rig_open(r, DISCARD_PORT);
	for (int i = 0; i < 30; i++) {
		assert_int_equal(mr_tcp_send(r->client.tcp, r->conn, bytes, sizeof(bytes)),
				 sizeof(bytes));
		rig_run(r, 50);
	}
	mr_tcp_shutdown(r->client.tcp, r->conn);
	rig_until(r, &r->peer_closed);
	assert_int_equal(r->service_metrics[MR_TCP_SERVICE_discard_bytes], 300000);
	assert_int_equal(r->got_bytes, 0);
	rig_destroy(r);
}

static void
test_chargen_sends_its_length_and_closes(void **state)
{
	struct rig *r = rig_create();

	(void)state;
	rig_open(r, LONG_PORT);
	rig_until(r, &r->peer_closed);
	assert_int_equal(r->got_bytes, 3000000);
	assert_pattern(r);
	rig_run(r, 100);
	assert_int_equal(r->service_metrics[MR_TCP_SERVICE_chargen_bytes], 3000000);
	rig_destroy(r);
}

static void
test_chargen_waits_for_its_request(void **state)
{
	struct rig *r = rig_create();
	uint8_t request[64] = { 0 };

	(void)state;
	rig_open(r, SHORT_PORT);
	assert_int_equal(mr_tcp_send(r->client.tcp, r->conn, request, 63), 63);
	rig_run(r, 1000);
	assert_int_equal(r->got_bytes, 0);
	assert_int_equal(mr_tcp_send(r->client.tcp, r->conn, request, 1), 1);
	rig_until(r, &r->peer_closed);
	assert_int_equal(r->got_bytes, 128);
	assert_pattern(r);
	rig_destroy(r);
}

static void
test_chargen_closes_when_the_request_will_not_come(void **state)
{
	struct rig *r = rig_create();
	uint8_t request[63] = { 0 };

	(void)state;
	rig_open(r, SHORT_PORT);
	assert_int_equal(mr_tcp_send(r->client.tcp, r->conn, request, 63), 63);
	mr_tcp_shutdown(r->client.tcp, r->conn);
	rig_until(r, &r->peer_closed);
	assert_int_equal(r->got_bytes, 0);
	rig_destroy(r);
}

static void
test_chargen_without_end_is_ended_by_the_client(void **state)
{
	struct rig *r = rig_create();

	(void)state;
	rig_open(r, CHARGEN_PORT);
	rig_run(r, 100);
	assert_true(r->got_bytes > 100000);
	assert_pattern(r);
	mr_tcp_shutdown(r->client.tcp, r->conn);
	rig_until(r, &r->closed);
	assert_int_equal(r->reason, MR_TCP_END_RESET);
	rig_destroy(r);
}

/* A generator at any offset gives what a stream gives there, also past its first pattern. */
static void
test_chargen_fill_is_a_function_of_its_offset(void **state)
{
	struct rig *r = rig_create();

	(void)state;
	for (uint32_t offset = 0; offset < 3 * MR_TCP_CHARGEN_BYTES; offset++)
		assert_int_equal(r->services.pattern[offset % MR_TCP_CHARGEN_BYTES],
				 pattern_at(offset));
	rig_destroy(r);
}

static void
test_idle_connection_is_aborted(void **state)
{
	struct rig *r = rig_create();

	(void)state;
	rig_open(r, DISCARD_PORT);
	rig_run(r, MR_TCP_SERVICE_IDLE_MS - 1000);
	assert_false(r->closed);
	rig_run(r, 2000);
	assert_true(r->closed);
	assert_int_equal(r->service_metrics[MR_TCP_SERVICE_idle], 1);
	rig_destroy(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_echo_gives_back_and_closes),
		cmocka_unit_test(test_echo_stops_reading_who_does_not_read),
		cmocka_unit_test(test_discard_counts_and_says_nothing),
		cmocka_unit_test(test_chargen_sends_its_length_and_closes),
		cmocka_unit_test(test_chargen_waits_for_its_request),
		cmocka_unit_test(test_chargen_closes_when_the_request_will_not_come),
		cmocka_unit_test(test_chargen_without_end_is_ended_by_the_client),
		cmocka_unit_test(test_chargen_fill_is_a_function_of_its_offset),
		cmocka_unit_test(test_idle_connection_is_aborted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
