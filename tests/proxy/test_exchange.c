/* SPDX-License-Identifier: Apache-2.0
 *
 * One request and its answer through the box, in virtual time: what goes on, and what becomes of
 * failures.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chain.h"

#define GET  "GET /a?b=c HTTP/1.1\r\nHost: a.example\r\n\r\n"
#define OK5  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define DATE "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
#define TOLD                                                                         \
	"via: 1.1 box\r\nforwarded: for=192.0.2.1;host=\"a.example\";proto=http\r\n" \
	"x-forwarded-for: 192.0.2.1\r\nx-forwarded-proto: http\r\n"                  \
	"x-forwarded-host: a.example\r\n"

static struct mr_site_edit edits[] = { { "X-Added", "1", MR_SITE_EDIT_ADD },
				       { "Server", "box", MR_SITE_EDIT_SET },
				       { "X-Inner", NULL, MR_SITE_EDIT_REMOVE } };
static const struct mr_site_route_config routes[] = {
	{ .prefix = "/", .action = MR_SITE_PROXY, .proxy = "app" },
	{ .prefix = "/old", .action = MR_SITE_PROXY, .proxy = "app", .rewrite = "/new" },
	{ .prefix = "/edited",
	  .action = MR_SITE_PROXY,
	  .proxy = "app",
	  .edits = edits,
	  .edit_count = 3 },
};

static int
setup(void **state)
{
	struct chain *chain = chain_start(routes, MR_ARRAY_COUNT(routes), 1, NULL);

	*state = chain;
	chain_connect(chain);
	return 0;
}

static int
setup_two(void **state)
{
	struct chain *chain = chain_start(routes, MR_ARRAY_COUNT(routes), 2, NULL);

	*state = chain;
	chain_connect(chain);
	return 0;
}

static int
teardown(void **state)
{
	chain_stop(*state);
	return 0;
}

static bool
has(const char *text, const char *what)
{
	return strstr(text, what) != NULL;
}

static void
assert_got(struct chain *chain, const char *what)
{
	if (!has(chain->got, what))
		fail_msg("\"%s\" is not in \"%.600s\"", what, chain->got);
}

static void
assert_asked(struct chain *chain, const char *what)
{
	if (!has(chain->asked, what))
		fail_msg("\"%s\" is not in \"%.600s\"", what, chain->asked);
}

static void
test_get_passed_on_and_answered(void **state)
{
	struct chain *chain = *state;

	chain_text(chain, GET);
	assert_string_equal(chain->asked, "GET /a?b=c HTTP/1.1\r\nhost: a.example\r\n" TOLD "\r\n");
	chain_reply(chain, OK5);
	assert_string_equal(chain->got, "HTTP/1.1 200 OK\r\nvia: 1.1 box\r\n" DATE
					"content-length: 5\r\n\r\nhello");
	assert_int_equal(chain_held(chain), 0);
	assert_int_equal(chain_metric(chain, MR_PROXY_keep), 1);
	chain_forget(chain);
	chain_text(chain, GET);
	assert_int_equal(chain->link_count, 1);
	assert_int_equal(chain_metric(chain, MR_PROXY_reuse), 1);
	chain_reply(chain, OK5);
	assert_got(chain, "\r\n\r\nhello");
}

static void
test_pipeline_answered_in_order(void **state)
{
	struct chain *chain = *state;

	chain_text(chain, GET "GET /second HTTP/1.1\r\nHost: a.example\r\n\r\n");
	assert_asked(chain, "GET /a?b=c ");
	assert_false(has(chain->asked, "/second"));
	chain_reply(chain, OK5);
	assert_asked(chain, "GET /second ");
	chain_reply(chain, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond");
	assert_true(strstr(chain->got, "hello") < strstr(chain->got, "second"));
	assert_int_equal(chain->link_count, 1);
}

static void
test_answer_octet_by_octet(void **state)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
				     "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n";
	struct chain *chain = *state;

	chain_text(chain, GET);
	for (size_t i = 0; i < sizeof(answer) - 1; i++)
		chain_reply_bytes(chain, answer + i, 1);
	assert_got(chain, "transfer-encoding: chunked\r\n\r\n");
	assert_got(chain, "0\r\nX-Sum: 1\r\n\r\n");
	assert_int_equal(chain_held(chain), 0);
	assert_int_equal(chain_metric(chain, MR_PROXY_keep), 1);
}

static void
test_answer_to_close_becomes_chunks(void **state)
{
	struct chain *chain = *state;

	chain_text(chain, GET);
	chain_reply(chain, "HTTP/1.0 200 OK\r\n\r\nhel");
	chain_reply(chain, "lo");
	assert_got(chain, "transfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n");
	assert_int_equal(chain_metric(chain, MR_PROXY_answer), 0);
	chain_origin_fin(chain);
	assert_got(chain, "\r\n0\r\n\r\n");
	assert_false(chain->peer_closed);
	assert_int_equal(chain_metric(chain, MR_PROXY_keep), 0);
}

static void
test_http10_client_gets_no_chunks_and_no_interim(void **state)
{
	struct chain *chain = *state;

	chain_text(chain, "GET / HTTP/1.0\r\n\r\n");
	assert_asked(chain, "host: 192.0.2.80\r\n");
	chain_reply(chain,
		    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
		    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
	assert_false(has(chain->got, "103"));
	assert_false(has(chain->got, "chunked"));
	assert_got(chain, "connection: close\r\n\r\nhello");
	assert_true(chain->peer_closed);
}

static void
test_bodiless_answers_end_with_their_head(void **state)
{
	struct chain *chain = *state;

	chain_text(chain, "HEAD / HTTP/1.1\r\nHost: a.example\r\n\r\n");
	chain_reply(chain, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
	assert_got(chain, "content-length: 500\r\n\r\n");
	assert_int_equal(chain_held(chain), 0);
	chain_text(chain, GET);
	chain_reply(chain, "HTTP/1.1 204 No Content\r\n\r\n");
	assert_got(chain, "204 No Content");
	chain_text(chain, GET);
	chain_reply(chain, "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 9\r\n\r\n");
	assert_got(chain, "304 Not Modified");
	assert_int_equal(chain_held(chain), 0);
	assert_int_equal(chain->link_count, 1);
}

static void
test_hop_by_hop_stays_here(void **state)
{
	struct chain *chain = *state;

	chain_text(
		chain,
		"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: X-Mine, keep-alive\r\n"
		"X-Mine: 1\r\nKeep-Alive: 5\r\nProxy-Authorization: x\r\nX-Forwarded-For: 6.6.6.6\r\n"
		"Forwarded: for=6.6.6.6\r\nX-Kept: 1\r\n\r\n");
	assert_asked(chain, "X-Kept: 1\r\n");
	assert_false(has(chain->asked, "X-Mine") || has(chain->asked, "Keep-Alive") ||
		     has(chain->asked, "Proxy-Auth") || has(chain->asked, "6.6.6.6"));
	chain_reply(chain, "HTTP/1.1 200 OK\r\nConnection: X-Theirs\r\nX-Theirs: 1\r\nX-Kept: 2\r\n"
			   "Content-Length: 0\r\n\r\n");
	assert_got(chain, "X-Kept: 2\r\n");
	assert_false(has(chain->got, "X-Theirs"));
}

static void
test_rewrite_and_edits(void **state)
{
	struct chain *chain = *state;

	chain_text(chain, "GET /old/x/./y?q HTTP/1.1\r\nHost: a.example\r\n\r\n");
	assert_asked(chain, "GET /new/x/y?q HTTP/1.1\r\n");
	chain_reply(chain, OK5);
	chain_forget(chain);
	chain_text(chain, "GET /edited HTTP/1.1\r\nHost: a.example\r\n\r\n");
	chain_reply(chain,
		    "HTTP/1.1 200 OK\r\nServer: inner\r\nX-Inner: 1\r\nContent-Length: 0\r\n\r\n");
	assert_got(chain, "X-Added: 1\r\n");
	assert_got(chain, "Server: box\r\n");
	assert_false(has(chain->got, "inner") || has(chain->got, "X-Inner"));
}

static void
test_content_streamed(void **state)
{
	struct chain *chain = *state;

	chain_text(chain, "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 10\r\n\r\nhello");
	assert_asked(chain, "content-length: 10\r\n\r\nhello");
	chain_text(chain, "world");
	assert_asked(chain, "helloworld");
	chain_reply(chain, OK5);
	assert_got(chain, "\r\n\r\nhello");
	chain_forget(chain);
	chain_text(
		chain,
		"PUT / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
	assert_asked(chain, "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n");
	chain_text(chain, "2\r\nde\r\n0\r\nX-Sum: 2\r\n\r\n");
	assert_asked(chain, "2\r\nde\r\n0\r\nX-Sum: 2\r\n\r\n");
	chain_reply(chain, OK5);
	assert_got(chain, "\r\n\r\nhello");
	assert_false(chain->peer_closed);
	assert_int_equal(chain_held(chain), 0);
}

static void
test_expect_continue_passed_both_ways(void **state)
{
	struct chain *chain = *state;

	chain_text(chain, "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n"
			  "Expect: 100-continue\r\n\r\n");
	assert_asked(chain, "Expect: 100-continue\r\n");
	assert_int_equal(chain->got_bytes, 0);
	chain_reply(chain, "HTTP/1.1 100 Continue\r\n\r\n");
	assert_got(chain, "HTTP/1.1 100 Continue\r\n");
	chain_text(chain, "abc");
	assert_asked(chain, "\r\n\r\nabc");
	chain_reply(chain, OK5);
	assert_got(chain, "\r\n\r\nhello");
	assert_false(chain->peer_closed);
}

static void
test_early_answer_closes_both(void **state)
{
	struct chain *chain = *state;

	chain_text(chain, "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 10\r\n\r\nhello");
	chain_reply(chain, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
	assert_got(chain, "413 Content Too Large");
	assert_got(chain, "connection: close\r\n");
	assert_true(chain->peer_closed);
	assert_int_equal(chain_metric(chain, MR_PROXY_answer_early), 1);
	assert_int_equal(chain_metric(chain, MR_PROXY_keep), 0);
}

static void
test_post_is_not_sent_twice(void **state)
{
	struct chain *chain = *state;

	chain_text(chain, "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n");
	chain_origin_abort(chain);
	assert_got(chain, "HTTP/1.1 502 Bad Gateway\r\n");
	assert_int_equal(chain_metric(chain, MR_PROXY_retry_refused), 1);
	assert_int_equal(chain->link_count, 1);
}

static void
test_get_tried_at_another_origin(void **state)
{
	struct chain *chain = *state;
	uint16_t first;

	chain_text(chain, GET);
	first = chain->links[0].port;
	chain_origin_fin(chain);
	assert_int_equal(chain_metric(chain, MR_PROXY_retry), 1);
	assert_int_equal(chain->link_count, 2);
	assert_int_not_equal(chain->links[1].port, first);
	chain_reply(chain, OK5);
	assert_got(chain, "\r\n\r\nhello");
}

static void
test_refused_connections_are_paused_for(void **state)
{
	struct chain *chain = *state;

	chain->refuses = true;
	chain_text(chain, GET);
	chain_wait(chain, 15);
	assert_int_equal(chain->got_bytes, 0);
	chain->refuses = false;
	chain_wait(chain, 50);
	assert_int_equal(chain->link_count, 1);
	chain_reply(chain, OK5);
	assert_got(chain, "\r\n\r\nhello");
	chain_forget(chain);
	chain->refuses = true;
	chain_origin_fin(chain); /* no kept one */
	chain_text(chain, GET);
	chain_wait(chain, 200);
	assert_got(chain, "HTTP/1.1 502 Bad Gateway\r\n");
	assert_int_equal(chain_metric(chain, MR_PROXY_fail_connect), 1);
}

static void
test_times(void **state)
{
	struct chain *chain = *state;

	chain->deaf = true;
	chain_text(chain, "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n");
	chain_wait(chain, 3500); /* connect_ms, three times, and pauses */
	assert_got(chain, "HTTP/1.1 504 Gateway Timeout\r\n");
	chain->deaf = false;
	chain_wait(chain, 10000); /* what was under way is given up */
	chain_forget(chain);
	chain_text(chain, GET);
	chain_wait(chain, 1900);
	assert_int_equal(chain->got_bytes, 0);
	chain_wait(chain, 200); /* first_byte_ms */
	assert_got(chain, "HTTP/1.1 504 Gateway Timeout\r\n");
	assert_int_equal(chain_metric(chain, MR_PROXY_late_answer), 1);
	chain_forget(chain);
	chain_text(chain, GET);
	chain_reply(chain, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel");
	chain_wait(chain, 1100); /* between_ms */
	assert_int_equal(chain_metric(chain, MR_PROXY_late_octet), 1);
	assert_true(chain->peer_closed);
}

static void
test_cut_answers_are_cut(void **state)
{
	struct chain *chain = *state;

	chain_text(chain, GET);
	chain_reply(chain, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel");
	chain_origin_fin(chain);
	assert_got(chain, "hel");
	assert_true(chain->peer_closed);
	chain_wait(chain, 100);
	chain_connect(chain);
	chain_text(chain, GET);
	chain_reply(chain, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n");
	chain_origin_abort(chain);
	assert_false(has(chain->got, "0\r\n\r\n"));
	assert_true(chain->peer_closed);
	assert_int_equal(chain_metric(chain, MR_PROXY_fail_cut), 2);
	chain_wait(chain, 100);
	/* only a reset tells an HTTP/1.0 client */
	chain_connect(chain);
	chain_text(chain, "GET / HTTP/1.0\r\n\r\n");
	chain_reply(chain, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n");
	chain_origin_abort(chain);
	assert_true(chain->closed);
	assert_false(chain->peer_closed);
}

static void
test_wrong_answers_refused(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
		"SSH-2.0-OpenSSH_9.2p1\r\n",
		"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
	};
	struct chain *chain = *state;

	for (size_t i = 0; i < MR_ARRAY_COUNT(answers); i++) {
		chain_forget(chain);
		chain_text(chain, GET);
		chain_reply(chain, answers[i]);
		assert_got(chain, "HTTP/1.1 502 Bad Gateway\r\n");
		assert_int_equal(chain_metric(chain, MR_PROXY_answer_refused), i + 1);
		assert_int_equal(chain_held(chain), 0);
	}
}

static void
test_interim_answers_are_bounded(void **state)
{
	struct chain *chain = *state;

	chain_text(chain, GET);
	for (int i = 0; i < MR_PROXY_INTERIM_MAX; i++)
		chain_reply(chain, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
	assert_got(chain, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n");
	assert_false(has(chain->got, "502"));
	chain_reply(chain, "HTTP/1.1 103 Early Hints\r\n\r\n");
	assert_got(chain, "HTTP/1.1 502 Bad Gateway\r\n");
}

static void
test_websocket_is_a_tunnel(void **state)
{
	struct chain *chain = *state;

	chain_text(chain, "GET /ws HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\n"
			  "Upgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n");
	assert_asked(chain, "connection: upgrade\r\nupgrade: websocket\r\n");
	chain_reply(chain, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
			   "Upgrade: websocket\r\nSec-WebSocket-Accept: y\r\n\r\nfirst");
	assert_got(chain, "connection: upgrade\r\nupgrade: websocket\r\n\r\nfirst");
	chain_text(chain, "GET / ping");
	assert_asked(chain, "GET / ping");
	chain_reply(chain, "pong");
	assert_got(chain, "firstpong");
	chain_client_fin(chain);
	assert_true(chain->links[0].closed);
	assert_false(chain->peer_closed);
	chain_reply(chain, "last");
	assert_got(chain, "ponglast");
	chain_origin_fin(chain);
	assert_true(chain->peer_closed);
	assert_int_equal(chain_held(chain), 0);
}

static void
test_answer_waits_for_a_slow_client(void **state)
{
	struct chain *chain = *state;
	static char large[64 << 10];
	uint64_t sent = 0;

	memset(large, 'x', sizeof(large));
	chain_text(chain, GET);
	chain->paused = true;
	chain_reply(chain, "HTTP/1.1 200 OK\r\nContent-Length: 2097152\r\n\r\n");
	for (int i = 0; i < 200 && sent < 2 << 20; i++) {
		uint32_t took = mr_tcp_send(chain->tcp[CHAIN_ORIGIN], chain->asked_by, large,
					    (uint32_t)MR_MIN(sizeof(large), (2 << 20) - sent));

		sent += took;
		chain_wait(chain, 5);
		if (!took)
			break;
	}
	/* the client's queue and window, the link's window, the origin's queue: no more */
	assert_true(sent < 1 << 20);
	assert_true(chain_metric(chain, MR_PROXY_stall_client) > 0);
	chain_wait(chain, 3000); /* nobody's time runs out meanwhile */
	assert_int_equal(chain_metric(chain, MR_PROXY_late_octet), 0);
	chain_client_resume(chain);
	for (int i = 0; i < 2000 && sent < 2 << 20; i++) {
		sent += mr_tcp_send(chain->tcp[CHAIN_ORIGIN], chain->asked_by, large,
				    (uint32_t)MR_MIN(sizeof(large), (2 << 20) - sent));
		chain_wait(chain, 5);
	}
	chain_wait(chain, 500);
	assert_int_equal(chain_metric(chain, MR_PROXY_answer), 1);
	assert_int_equal(chain_metric(chain, MR_PROXY_answer_byte), 2 << 20);
}

static void
test_content_waits_for_a_slow_origin(void **state)
{
	struct chain *chain = *state;
	static char large[64 << 10];
	uint64_t sent = 0;

	memset(large, 'x', sizeof(large));
	chain->origin_paused = true;
	chain_text(chain, "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2097152\r\n\r\n");
	for (int i = 0; i < 200 && sent < 2 << 20; i++) {
		uint32_t took = mr_tcp_send(chain->tcp[CHAIN_CLIENT], chain->conn, large,
					    (uint32_t)MR_MIN(sizeof(large), (2 << 20) - sent));

		sent += took;
		chain_run(chain);
		if (!took)
			break;
	}
	assert_true(sent < 2 << 20);
	assert_true(chain_metric(chain, MR_PROXY_stall_origin) > 0);
	chain_origin_resume(chain);
	for (int i = 0; i < 2000 && sent < 2 << 20; i++) {
		sent += mr_tcp_send(chain->tcp[CHAIN_CLIENT], chain->conn, large,
				    (uint32_t)MR_MIN(sizeof(large), (2 << 20) - sent));
		chain_wait(chain, 5);
	}
	chain_wait(chain, 500);
	assert_int_equal(chain_metric(chain, MR_PROXY_content_byte), 2 << 20);
	chain_reply(chain, OK5);
	assert_got(chain, "\r\n\r\nhello");
}

static void
test_client_that_leaves_resets_the_link(void **state)
{
	struct chain *chain = *state;

	chain_text(chain, GET);
	chain_client_abort(chain);
	assert_int_equal(chain_held(chain), 0);
	assert_int_equal(chain_metric(chain, MR_PROXY_client_left), 1);
	assert_true(chain->links[0].closed);
}

static void
test_client_that_has_said_all_is_answered(void **state)
{
	struct chain *chain = *state;

	chain_text(chain, GET);
	chain_client_fin(chain);
	chain_reply(chain, OK5);
	assert_got(chain, "connection: close\r\n\r\nhello");
	assert_true(chain->peer_closed);
}

static void
test_full_origins_are_waited_for(void **state)
{
	struct chain *chain = *state;
	uint32_t first = chain->conn, other;

	chain->servers[0].max_exchanges = 1;
	chain->group.limits.queue_limit = 1;
	chain->group.limits.queue_ms = 500;
	chain_upstreams(chain, 1);
	chain_text(chain, GET);
	chain_connect(chain);
	chain_text(chain, GET);
	assert_int_equal(chain_metric(chain, MR_PROXY_wait), 1);
	assert_int_equal(chain->asked_bytes, 0);
	other = chain->conn;
	chain_connect(chain);
	chain_text(chain, GET);
	assert_got(chain, "HTTP/1.1 503 Service Unavailable\r\n");
	assert_int_equal(chain_metric(chain, MR_PROXY_queue_full), 1);
	chain->conn = other;
	chain_forget(chain);
	chain_upstreams(chain, 1); /* a reload moves who waits */
	chain_reply(chain, OK5);
	assert_asked(chain, "GET /a?b=c ");
	chain_reply(chain, OK5);
	assert_got(chain, "\r\n\r\nhello");
	/* and for queue_ms only */
	chain->conn = first;
	chain_text(chain, GET);
	chain->conn = other;
	chain_forget(chain);
	chain_text(chain, GET);
	chain_wait(chain, 450);
	assert_int_equal(chain->got_bytes, 0);
	chain_wait(chain, 100);
	assert_got(chain, "HTTP/1.1 503 Service Unavailable\r\n");
	assert_int_equal(chain_metric(chain, MR_PROXY_late_queue), 1);
}

static void
test_budget_bounds_tries(void **state)
{
	struct chain *chain = *state;

	chain->group.limits.retry_percent = 0;
	chain_upstreams(chain, 1);
	for (int i = 0; i < 60; i++) {
		chain_forget(chain);
		chain_text(chain, GET);
		for (int k = 0; k < 3 && !chain->got_bytes; k++) {
			chain_origin_abort(chain);
			chain_wait(chain, 60);
		}
	}
	assert_int_equal(chain_metric(chain, MR_PROXY_retry), MR_PROXY_BUDGET);
	assert_int_equal(chain_metric(chain, MR_PROXY_fail_broken), 60);
}

static void
test_memory_is_told(void **state)
{
	struct chain *chain = *state;
	struct mr_tcp_usage usage;
	uint64_t bytes = 0;

	chain_text(chain, GET);
	for (enum mr_proxy_pool i = 0; i < MR_PROXY_POOLS; i++) {
		mr_proxy_memory(&chain->proxy, i, &usage);
		assert_int_equal(usage.used, i != MR_PROXY_LARGES);
		assert_int_equal(usage.peak, usage.used);
		bytes += usage.limit * usage.object_bytes;
	}
	mr_proxy_memory(&chain->proxy, MR_PROXY_EXCHANGES, &usage);
	assert_int_equal(usage.limit, 32);
	/* what is not in pools is some tables */
	assert_in_range(mr_proxy_bytes(&chain->proxy.config), bytes, bytes + (64 << 10));
	chain_reply(chain, OK5);
	mr_proxy_memory(&chain->proxy, MR_PROXY_EXCHANGES, &usage);
	assert_int_equal(usage.used, 0);
	assert_int_equal(usage.peak, 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_get_passed_on_and_answered),
		TEST(test_pipeline_answered_in_order),
		TEST(test_answer_octet_by_octet),
		TEST(test_answer_to_close_becomes_chunks),
		TEST(test_http10_client_gets_no_chunks_and_no_interim),
		TEST(test_bodiless_answers_end_with_their_head),
		TEST(test_hop_by_hop_stays_here),
		TEST(test_rewrite_and_edits),
		TEST(test_content_streamed),
		TEST(test_expect_continue_passed_both_ways),
		TEST(test_early_answer_closes_both),
		TEST(test_post_is_not_sent_twice),
		cmocka_unit_test_setup_teardown(test_get_tried_at_another_origin, setup_two,
						teardown),
		TEST(test_refused_connections_are_paused_for),
		TEST(test_times),
		TEST(test_cut_answers_are_cut),
		TEST(test_wrong_answers_refused),
		TEST(test_interim_answers_are_bounded),
		TEST(test_websocket_is_a_tunnel),
		TEST(test_answer_waits_for_a_slow_client),
		TEST(test_content_waits_for_a_slow_origin),
		TEST(test_client_that_leaves_resets_the_link),
		TEST(test_client_that_has_said_all_is_answered),
		TEST(test_full_origins_are_waited_for),
		TEST(test_budget_bounds_tries),
		TEST(test_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
