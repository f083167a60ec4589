/* SPDX-License-Identifier: Apache-2.0
 *
 * Active checks: two stacks of lib/tcp back to back, the checker on one, a scripted origin on the
 * other, the clock the test's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../lib/proxy/check.h"
#include "groups.h"

enum { CHECKER, ORIGIN, APP = 1, QUEUE = 256, ROUNDS = 10000 };

struct segment {
	struct mr_tcp_flow flow;
	uint16_t byte_count;
	uint8_t bytes[2048];
};

/* One group of one origin, 192.0.2.1, and what that origin does. */
static struct {
	struct groups groups;
	struct mr_arena arena;
	struct mr_tcp *tcp[2];
	struct mr_origin_checker checker;
	uint64_t tcp_metrics[2][MR_TCP_METRIC_COUNT], metrics[MR_CHECK_METRIC_COUNT];
	struct segment queue[2][QUEUE];
	uint32_t head[2], tail[2];
	bool refuse, silent, byte_by_byte, closes, no_connection;
	const char *answer; /* NULL: none */
	char asked[2048];
	size_t asked_bytes;
	uint16_t asked_port;
	uint64_t generation;
} rig;

static bool
output(int to, const struct mr_tcp_out *out)
{
	struct segment *segment = &rig.queue[to][rig.tail[to]++ % QUEUE];
	uint8_t *at = segment->bytes;

	if (rig.silent) {
		rig.tail[to]--;
		return true;
	}
	assert_true(rig.tail[to] - rig.head[to] <= QUEUE);
	segment->flow = (struct mr_tcp_flow){ .local = out->flow.remote,
					      .remote = out->flow.local,
					      .local_port = out->flow.remote_port,
					      .remote_port = out->flow.local_port };
	segment->byte_count = (uint16_t)(out->header_bytes + out->payload_bytes);
	memcpy(at, out->header, out->header_bytes);
	at += out->header_bytes;
	for (int i = 0; i < out->piece_count; i++) {
		memcpy(at, out->pieces[i].bytes, out->pieces[i].byte_count);
		at += out->pieces[i].byte_count;
	}
	return true;
}

static bool
checker_output(void *context, const struct mr_tcp_out *out)
{
	(void)context;
	return output(ORIGIN, out);
}

static bool
origin_output(void *context, const struct mr_tcp_out *out)
{
	(void)context;
	return output(CHECKER, out);
}

static uint32_t
origin_readable(void *context, struct mr_tcp *tcp, uint32_t conn, const uint8_t *bytes,
		uint32_t count)
{
	(void)context;
	assert_true(rig.asked_bytes + count < sizeof(rig.asked));
	memcpy(rig.asked + rig.asked_bytes, bytes, count);
	rig.asked_bytes += count;
	rig.asked[rig.asked_bytes] = 0;
	if (!strstr(rig.asked, "\r\n\r\n"))
		return count;
	for (const char *at = rig.answer; at && *at; at += rig.byte_by_byte ? 1 : strlen(at))
		assert_true(mr_tcp_send(tcp, conn, at,
					rig.byte_by_byte ? 1 : (uint32_t)strlen(at)) > 0);
	if (rig.closes)
		mr_tcp_shutdown(tcp, conn);
	return count;
}

static void
origin_peer_closed(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	(void)context;
	mr_tcp_close(tcp, conn);
}

static const struct mr_tcp_app_ops origin_ops = { .name = "origin",
						  .readable = origin_readable,
						  .peer_closed = origin_peer_closed };

static uint32_t
rig_connect(void *context, const struct mr_origin *origin, uint16_t port, uint64_t word)
{
	struct mr_tcp_flow flow = { .remote = origin->addr, .remote_port = port };

	(void)context;
	assert_int_equal(mr_addr_parse("192.0.2.200", &flow.local), 0);
	rig.asked_bytes = 0;
	rig.asked[0] = 0;
	rig.asked_port = port;
	return rig.no_connection ? 0 : mr_tcp_connect(rig.tcp[CHECKER], &flow, APP, word);
}

static void
rig_run(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		bool moved = false;

		mr_origin_checker_turn(&rig.checker, rig.groups.now, rig.generation,
				       rig.groups.now_ns);
		for (int to = 0; to < 2; to++) {
			const struct segment *segment;
			struct mr_tcp_in in;

			mr_tcp_turn(rig.tcp[to], rig.groups.now_ns, 64);
			if (rig.head[to] == rig.tail[to])
				continue;
			segment = &rig.queue[to][rig.head[to]++ % QUEUE];
			in = (struct mr_tcp_in){ .bytes = segment->bytes,
						 .byte_count = segment->byte_count,
						 .app = to == ORIGIN && rig.refuse ? MR_TCP_APP_NONE
										   : APP,
						 .flow = segment->flow };
			mr_tcp_input(rig.tcp[to], &in);
			moved = true;
		}
		if (!moved)
			return;
	}
	fail_msg("segments never end");
}

static void
rig_wait(uint64_t ms)
{
	for (uint64_t i = 0; i < ms; i += 5) {
		rig.groups.now_ns += 5 * MR_NS_PER_MS;
		rig_run();
	}
}

/* rig_reload publishes the group as its configuration is now. */
static void
rig_reload(void)
{
	groups_reload(&rig.groups);
	rig.generation++;
}

static int
setup(void **state)
{
	struct mr_error error = { 0 };
	struct mr_tcp_config tcp = { .conn_limit = 256,
				     .time_wait_limit = 256,
				     .tx_limit = 256,
				     .rx_limit = 256,
				     .extent_limit = 4096,
				     .run_limit = 4096,
				     .chunk_limit = 4096,
				     .half_open_limit = 64 };
	struct mr_tcp_app apps[2] = { { .ops = &mr_origin_check_ops, .context = &rig.checker },
				      { .ops = &origin_ops, .nodelay = true } };

	(void)state;
	memset(&rig, 0, sizeof(rig));
	groups_open(&rig.groups, MR_UPSTREAM_ROUND_ROBIN, (int[]){ 1, 0 }, 1);
	rig.groups.config.check = (struct mr_upstream_check_config){
		.kind = MR_UPSTREAM_CHECK_HTTP,
		.interval_ns = 2 * MR_NS_PER_S,
		.timeout_ns = MR_NS_PER_S,
		.rise = 2,
		.fall = 3,
		.path = "/health",
	};
	assert_int_equal(mr_arena_create(&rig.arena, "check", 1ull << 32, false, &error), 0);
	for (int i = 0; i < 2; i++) {
		tcp.output = i == CHECKER ? checker_output : origin_output;
		tcp.metrics = rig.tcp_metrics[i];
		tcp.isn_key.k0 = (uint64_t)i + 1;
		assert_int_equal(mr_tcp_create(&rig.tcp[i], &tcp, &rig.arena, rig.groups.now_ns,
					       &error),
				 0);
		mr_tcp_app_set(rig.tcp[i], APP, &apps[i]);
	}
	rig.checker = (struct mr_origin_checker){ .worker_count = 1,
						  .tcp = rig.tcp[CHECKER],
						  .connect = rig_connect,
						  .metrics = rig.metrics };
	assert_int_equal(mr_origin_checker_create(&rig.checker, &rig.arena, 1, rig.groups.now_ns,
						  &error),
			 0);
	rig.answer = "HTTP/1.1 204 No Content\r\n\r\n";
	rig_reload();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		mr_tcp_destroy(rig.tcp[i]);
	assert_int_equal(rig.checker.checks.used, 0);
	mr_arena_destroy(&rig.arena);
	groups_close(&rig.groups);
	return 0;
}

static const struct mr_origin_shared *
shared(void)
{
	return groups_shared(&rig.groups, 0);
}

/* checked waits for one more check to have ended, and gives its result. */
static enum mr_check_result
checked(void)
{
	uint32_t before = shared()->checks;

	for (int i = 0; i < 1000 && shared()->checks == before; i++)
		rig_wait(5);
	assert_int_equal(shared()->checks, before + 1);
	return shared()->last_result;
}

static void
test_first_result_decides_then_rise_and_fall(void **state)
{
	(void)state;
	assert_int_equal(shared()->health, MR_ORIGIN_UNKNOWN);
	rig.refuse = true;
	assert_int_equal(checked(), MR_CHECK_REFUSED);
	assert_int_equal(shared()->health, MR_ORIGIN_DOWN);
	rig.refuse = false;
	assert_int_equal(checked(), MR_CHECK_OK);
	assert_int_equal(shared()->health, MR_ORIGIN_DOWN);
	assert_int_equal(checked(), MR_CHECK_OK); /* rise: 2 */
	assert_int_equal(shared()->health, MR_ORIGIN_UP);
	assert_int_not_equal(shared()->since_ns, 0); /* slow start */
	for (int i = 0; i < 2; i++) {
		rig.refuse = true;
		assert_int_equal(checked(), MR_CHECK_REFUSED);
		assert_int_equal(checked(), MR_CHECK_REFUSED);
		assert_int_equal(shared()->health, MR_ORIGIN_UP); /* two are not three */
		rig.refuse = false;
		assert_int_equal(checked(), MR_CHECK_OK); /* nor are two and two */
	}
	rig.refuse = true;
	for (int i = 0; i < 3; i++)
		assert_int_equal(checked(), MR_CHECK_REFUSED);
	assert_int_equal(shared()->health, MR_ORIGIN_DOWN);
	assert_int_equal(groups_ask(&rig.groups, 0), -1);
	assert_int_equal(rig.metrics[MR_CHECK_METRIC_origin_down], 1);
	assert_int_equal(rig.metrics[MR_CHECK_METRIC_origin_up], 1);
}

static void
test_request_is_what_is_configured(void **state)
{
	(void)state;
	assert_int_equal(checked(), MR_CHECK_OK);
	assert_string_equal(rig.asked, "GET /health HTTP/1.1\r\nHost: 192.0.2.1\r\n"
				       "User-Agent: millrace-check\r\nConnection: close\r\n\r\n");
	assert_int_equal(rig.asked_port, 80);
	assert_int_equal(shared()->last_status, 204);
	rig.groups.config.check.host = "app.example";
	rig.groups.config.check.path = NULL;
	rig.groups.config.check.port = 9000;
	rig_reload();
	assert_int_equal(checked(), MR_CHECK_OK);
	assert_non_null(strstr(rig.asked, "GET / HTTP/1.1\r\nHost: app.example\r\n"));
	assert_int_equal(rig.asked_port, 9000);
	rig.groups.config.announce = MR_UPSTREAM_ANNOUNCE_V1; /* there it speaks for itself */
	rig_reload();
	assert_int_equal(checked(), MR_CHECK_OK);
	assert_int_equal(strncmp(rig.asked, "PROXY UNKNOWN\r\nGET / HTTP/1.1\r\n", 31), 0);
}

static void
test_answers_are_judged(void **state)
{
	static struct mr_upstream_status only[] = { { 200, 200 }, { 404, 410 } };
	static const struct {
		const char *answer, *body;
		bool statuses, closes;
		enum mr_check_result result;
		uint16_t status;
	} rows[] = {
		{ "HTTP/1.1 200 OK\r\n\r\n", NULL, false, false, MR_CHECK_OK, 200 },
		{ "HTTP/1.1 399 x\r\n\r\n", NULL, false, false, MR_CHECK_OK, 399 },
		{ "HTTP/1.1 400 x\r\n\r\n", NULL, false, false, MR_CHECK_STATUS, 400 },
		{ "HTTP/1.1 204 x\r\n\r\n", NULL, true, false, MR_CHECK_STATUS, 204 },
		{ "HTTP/1.1 404 x\r\n\r\n", NULL, true, false, MR_CHECK_OK, 404 },
		{ "HTTP/1.1 411 x\r\n\r\n", NULL, true, false, MR_CHECK_STATUS, 411 },
		{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 E\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
		  NULL, false, false, MR_CHECK_OK, 200 },
		{ "SSH-2.0-OpenSSH\r\n", NULL, false, false, MR_CHECK_BROKEN, 0 },
		{ "HTTP/1.1 200", NULL, false, true, MR_CHECK_BROKEN, 0 },
		{ "", NULL, false, true, MR_CHECK_BROKEN, 0 },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nis fine", "fine", false, false,
		  MR_CHECK_OK, 200 },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nis foul", "fine", false, false,
		  MR_CHECK_BODY, 200 },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nfi\r\n2\r\nne\r\n",
		  "fine", false, false, MR_CHECK_OK, 200 },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx", "fine", false, false,
		  MR_CHECK_BROKEN, 200 },
		{ "HTTP/1.1 200 OK\r\n\r\nall is fine", "fine", false, true, MR_CHECK_OK, 200 },
		{ "HTTP/1.1 200 OK\r\n\r\nall is", "fine", false, true, MR_CHECK_BODY, 200 },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall is", "fine", false, true,
		  MR_CHECK_BROKEN, 200 },
		{ "HTTP/1.1 204 OK\r\n\r\n", "fine", false, false, MR_CHECK_BODY, 204 },
	};

	(void)state;
	for (size_t i = 0; i < 2 * MR_ARRAY_COUNT(rows); i++) {
		size_t row = i / 2;

		rig.byte_by_byte = i % 2;
		rig.answer = rows[row].answer;
		rig.closes = rows[row].closes;
		rig.groups.config.check.body = rows[row].body;
		rig.groups.config.check.statuses = only;
		rig.groups.config.check.status_count = rows[row].statuses ? 2 : 0;
		rig_reload();
		if (checked() != rows[row].result || shared()->last_status != rows[row].status)
			fail_msg("row %zu: %s, status %u", row,
				 mr_check_result_name(shared()->last_result),
				 shared()->last_status);
	}
}

static void
test_silence_is_a_timeout(void **state)
{
	uint64_t began_ns;

	(void)state;
	rig.answer = NULL; /* connected, asked, no answer */
	assert_int_equal(checked(), MR_CHECK_TIMEOUT);
	rig.silent = true; /* no connection either */
	began_ns = rig.groups.now_ns;
	assert_int_equal(checked(), MR_CHECK_TIMEOUT);
	/* the next begins interval after this one has begun, give or take a tenth */
	assert_in_range(rig.groups.now_ns - began_ns, 1800 * MR_NS_PER_MS, 2220 * MR_NS_PER_MS);
	rig.silent = false;
}

static void
test_tcp_check_needs_a_connection_only(void **state)
{
	(void)state;
	rig.groups.config.check = (struct mr_upstream_check_config){
		.kind = MR_UPSTREAM_CHECK_TCP,
		.interval_ns = MR_NS_PER_S,
		.timeout_ns = MR_NS_PER_S,
		.rise = 1,
		.fall = 1,
	};
	rig_reload();
	assert_int_equal(checked(), MR_CHECK_OK);
	assert_string_equal(rig.asked, "");
	rig.refuse = true;
	assert_int_equal(checked(), MR_CHECK_REFUSED);
	assert_int_equal(shared()->health, MR_ORIGIN_DOWN);
	rig.refuse = false;
	assert_int_equal(checked(), MR_CHECK_OK);
	assert_int_equal(shared()->health, MR_ORIGIN_UP);
}

static void
test_checks_stop_and_go_on(void **state)
{
	uint32_t checks;

	(void)state;
	rig.refuse = true;
	assert_int_equal(checked(), MR_CHECK_REFUSED);
	groups_shared(&rig.groups, 0)->admin = MR_ORIGIN_DISABLED;
	checks = shared()->checks;
	rig_wait(10000);
	assert_int_equal(shared()->checks, checks);
	groups_shared(&rig.groups, 0)->admin = MR_ORIGIN_DRAINED; /* is checked */
	assert_int_equal(checked(), MR_CHECK_REFUSED);
	groups_shared(&rig.groups, 0)->admin = MR_ORIGIN_ENABLED;
	assert_int_equal(groups_ask(&rig.groups, 0), -1);
	/* Without checks, what they said does not count any more. */
	rig.groups.config.check.kind = MR_UPSTREAM_CHECK_OFF;
	rig_reload();
	checks = shared()->checks;
	rig_wait(10000);
	assert_int_equal(shared()->checks, checks);
	assert_int_equal(groups_ask(&rig.groups, 0), 0);
	rig.groups.config.check.kind = MR_UPSTREAM_CHECK_HTTP;
	rig.refuse = false;
	rig_reload();
	assert_int_equal(checked(), MR_CHECK_OK);
}

static void
test_origin_that_leaves_in_a_check_is_let_go(void **state)
{
	uint32_t checks;

	(void)state;
	rig.answer = NULL;
	rig_wait(600); /* one is under way */
	assert_int_equal(rig.checker.checks.used, 1);
	checks = shared()->checks;
	rig.groups.servers[0] = groups_server(7, 1);
	rig_reload();
	rig.answer = "HTTP/1.1 200 OK\r\n\r\n";
	assert_int_equal(shared()->checks, 0); /* of the other one */
	assert_int_equal(checked(), MR_CHECK_OK);
	assert_int_equal(checks, 0);
	rig_wait(2000);
	assert_int_equal(rig.checker.checks.used, 0);
}

static void
test_what_cannot_begin_says_nothing(void **state)
{
	(void)state;
	rig.no_connection = true;
	rig_wait(5000);
	assert_int_equal(shared()->checks, 0);
	assert_int_equal(shared()->health, MR_ORIGIN_UNKNOWN);
	assert_true(rig.metrics[MR_CHECK_METRIC_check_no_connection] >= 2);
	rig.no_connection = false;
	assert_int_equal(checked(), MR_CHECK_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_first_result_decides_then_rise_and_fall, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_request_is_what_is_configured, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_answers_are_judged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silence_is_a_timeout, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tcp_check_needs_a_connection_only, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_checks_stop_and_go_on, setup, teardown),
		cmocka_unit_test_setup_teardown(test_origin_that_leaves_in_a_check_is_let_go, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_what_cannot_begin_says_nothing, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("proxy_check", tests, NULL, NULL);
}
