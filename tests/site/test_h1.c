/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP/1.1 connections over lib/tcp, in virtual time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pair.h"

#define GET "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
#define HELLO                                                                                \
	"HTTP/1.1 200 OK\r\nServer: millrace\r\nContent-Type: text/plain; charset=utf-8\r\n" \
	"Content-Length: 5\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

static char large[MR_SITE_BODY_BYTES + 1];
static const char *hosts[] = { "a.example", "192.0.2.80" };
static struct mr_site_listen listens[] = { { .any = true, .port = PAIR_PORT } };
static struct mr_site_edit edits[] = {
	{ "Server", "other", MR_SITE_EDIT_SET }, { "X-A", "1", MR_SITE_EDIT_ADD },
	{ "X-A", "2", MR_SITE_EDIT_ADD },        { "X-B", "gone", MR_SITE_EDIT_SET },
	{ "x-b", NULL, MR_SITE_EDIT_REMOVE },
};
static struct mr_site_route_config routes[] = {
	{ .path = "/", .action = MR_SITE_RESPOND, .status = 200, .body = "hello" },
	{ .path = "/large", .action = MR_SITE_RESPOND, .status = 200, .body = large },
	{ .path = "/none", .action = MR_SITE_RESPOND, .status = 204 },
	{ .prefix = "/go",
	  .action = MR_SITE_REDIRECT,
	  .status = 308,
	  .to = "https://b.example/",
	  .edits = edits,
	  .edit_count = 5 },
};
static const struct mr_site_config site = { "a", hosts, 2, listens, 1, routes, 4 };
static const struct mr_site_server_config plain = { 0 };

static int
group_setup(void **state)
{
	(void)state;
	memset(large, 'x', sizeof(large) - 1);
	return 0;
}

static int
setup(void **state)
{
	*state = pair_start(&site, 1, &plain);
	pair_connect(*state);
	return 0;
}

static int
teardown(void **state)
{
	pair_stop(*state);
	return 0;
}

static size_t
count_of(const char *text, const char *what)
{
	size_t count = 0;

	for (; (text = strstr(text, what)); text++)
		count++;
	return count;
}

static void
assert_begins(const struct pair *pair, const char *text)
{
	if (strncmp(pair->got, text, strlen(text)))
		fail_msg("expected \"%s\", got \"%.200s\"", text, pair->got);
}

static void
test_idle_get_answered(void **state)
{
	struct pair *pair = *state;

	pair_text(pair, GET);
	assert_string_equal(pair->got, HELLO "\r\nhello");
	assert_false(pair->peer_closed);
	assert_int_equal(pair_held(pair), 0);
	assert_int_equal(pair_metric(pair, MR_SITE_request_split), 0);
}

static void
test_idle_head_answered_without_content(void **state)
{
	struct pair *pair = *state;

	pair_text(pair, "HEAD / HTTP/1.1\r\nHost: a.example\r\n\r\n");
	assert_string_equal(pair->got, HELLO "\r\n");
}

static void
test_idle_http10_closed_or_told(void **state)
{
	struct pair *pair = *state;

	pair_text(pair, "GET / HTTP/1.0\r\nHost: a.example\r\nConnection: keep-alive\r\n\r\n");
	assert_string_equal(pair->got, HELLO "Connection: keep-alive\r\n\r\nhello");
	pair_text(pair, "GET / HTTP/1.0\r\nHost: a.example\r\n\r\n");
	assert_int_equal(count_of(pair->got, "Connection: close\r\n\r\nhello"), 1);
	assert_true(pair->peer_closed);
}

static void
test_idle_close_asked_for(void **state)
{
	struct pair *pair = *state;

	pair_text(pair, "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n" GET);
	assert_string_equal(pair->got, HELLO "Connection: close\r\n\r\nhello");
	assert_true(pair->peer_closed);
	pair_wait(pair, 100);
	assert_true(pair->closed);
	assert_int_equal(pair->reason, MR_TCP_END_OK);
}

static void
test_idle_pipeline_answered_in_order(void **state)
{
	struct pair *pair = *state;

	pair_text(pair, GET "GET /none HTTP/1.1\r\nHost: a.example\r\n\r\n"
			    "GET /missing HTTP/1.1\r\nHost: a.example\r\n\r\n" GET);
	assert_begins(pair, HELLO "\r\nhelloHTTP/1.1 204 No Content\r\nServer: millrace\r\nDate: ");
	assert_int_equal(count_of(pair->got, "HTTP/1.1 404 Not Found\r\n"), 1);
	assert_int_equal(count_of(pair->got, HELLO), 2);
	assert_int_equal(pair_metric(pair, MR_SITE_request), 4);
	assert_int_equal(pair_metric(pair, MR_SITE_status_2xx), 3);
	assert_int_equal(pair_metric(pair, MR_SITE_status_4xx), 1);
}

static void
test_idle_edits_carried_out(void **state)
{
	struct pair *pair = *state;

	pair_text(pair, "GET /go/x HTTP/1.1\r\nHost: a.example\r\n\r\n");
	assert_string_equal(pair->got,
			    "HTTP/1.1 308 Permanent Redirect\r\nLocation: https://b.example/\r\n"
			    "Server: other\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 0\r\n"
			    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n");
}

static void
test_idle_options_all(void **state)
{
	struct pair *pair = *state;

	pair_text(pair, "OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n");
	assert_begins(pair, "HTTP/1.1 204 No Content\r\n");
	assert_int_equal(count_of(pair->got, "Allow: GET, HEAD, OPTIONS\r\n"), 1);
	assert_false(pair->peer_closed);
}

static void
test_idle_absolute_form_overrides_host(void **state)
{
	struct pair *pair = *state;

	pair_text(pair, "GET http://a.example HTTP/1.1\r\nHost: other\r\n\r\n");
	assert_begins(pair, HELLO);
	pair_text(pair, "GET http://other/ HTTP/1.1\r\nHost: a.example\r\n\r\n");
	assert_int_equal(count_of(pair->got, "HTTP/1.1 421 "), 1);
}

static void
test_idle_path_canonical_before_route(void **state)
{
	struct pair *pair = *state;

	pair_text(pair, "GET /x/%2e%2E/%6eone HTTP/1.1\r\nHost: a.example\r\n\r\n");
	assert_begins(pair, "HTTP/1.1 204 ");
}

static void
test_content_read_and_answered(void **state)
{
	struct pair *pair = *state;

	pair_text(pair, "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\n\r\n");
	assert_int_equal(pair->got_bytes, 0);
	assert_int_equal(pair_held(pair), 1);
	pair_text(pair, "ab");
	assert_int_equal(pair->got_bytes, 0);
	pair_text(pair, "cd" GET);
	assert_string_equal(pair->got, HELLO "\r\nhello" HELLO "\r\nhello");
	assert_int_equal(pair_held(pair), 0);
	pair_text(pair, "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n"
			"3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n" GET);
	assert_int_equal(count_of(pair->got, HELLO), 4);
	assert_false(pair->peer_closed);
}

static void
test_content_expected_not_wanted(void **state)
{
	struct pair *pair = *state;

	pair_text(pair, "POST / HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\n"
			"Content-Length: 4\r\n\r\n");
	assert_string_equal(pair->got, HELLO "Connection: close\r\n\r\nhello");
	assert_true(pair->peer_closed);
	/* where it has been sent all the same, nothing is in doubt */
	pair_connect(pair);
	pair_text(pair, "POST / HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\n"
			"Content-Length: 4\r\n\r\nabcd" GET);
	assert_string_equal(pair->got, HELLO "\r\nhello" HELLO "\r\nhello");
}

/* The same requests cut into two at every octet, and octet by octet, get the same answers. */
static void
test_any_cut_changes_nothing(void **state)
{
	static const char text[] =
		GET "POST /none HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "5\r\nhello\r\n0\r\nA: b\r\n\r\n"
		    "HEAD / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\nabc" GET
		    "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";
	const size_t bytes = sizeof(text) - 1;
	struct pair *pair = *state;
	char *whole;

	pair_say(pair, text, bytes);
	whole = strdup(pair->got);
	assert_int_equal(count_of(whole, "HTTP/1.1 2"), 5);
	for (size_t cut = 1; cut < bytes; cut++) {
		pair_connect(pair);
		pair_say(pair, text, cut);
		pair_say(pair, text + cut, bytes - cut);
		if (strcmp(pair->got, whole))
			fail_msg("cut at %zu: \"%s\"", cut, pair->got);
		assert_int_equal(pair_held(pair), 0);
	}
	pair_connect(pair);
	for (size_t i = 0; i < bytes; i++)
		pair_say(pair, text + i, 1);
	assert_string_equal(pair->got, whole);
	free(whole);
}

static void
test_head_late_told(void **state)
{
	struct pair *pair = *state;

	pair_text(pair, "GET /");
	for (int i = 0; i < 9; i++) { /* more octets do not move the deadline */
		pair_wait(pair, 1000);
		pair_text(pair, "x");
	}
	assert_int_equal(pair->got_bytes, 0);
	pair_wait(pair, 1100);
	assert_begins(pair, "HTTP/1.1 408 ");
	assert_true(pair->peer_closed);
	assert_int_equal(pair_metric(pair, MR_SITE_late_head), 1);
}

static void
test_content_late_told(void **state)
{
	struct pair *pair = *state;

	pair_text(pair, "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\n\r\nab");
	pair_wait(pair, 29000);
	assert_int_equal(pair->got_bytes, 0);
	pair_wait(pair, 1100);
	assert_begins(pair, "HTTP/1.1 408 ");
	assert_int_equal(pair_metric(pair, MR_SITE_late_content), 1);
}

static void
test_idle_late_closed(void **state)
{
	struct pair *pair = *state;

	pair_text(pair, GET);
	pair_wait(pair, 59000);
	assert_false(pair->peer_closed);
	pair_wait(pair, 1100);
	assert_true(pair->peer_closed);
	assert_string_equal(pair->got, HELLO "\r\nhello");
	assert_int_equal(pair_metric(pair, MR_SITE_idle), 1);
}

static void
test_idle_peer_that_does_not_read_not_read_from(void **state)
{
	struct pair *pair = *state;
	size_t said = 0;

	pair->paused = true;
	for (int i = 0; i < 64; i++, said++)
		pair_text(pair, "GET /large HTTP/1.1\r\nHost: a.example\r\n\r\n");
	assert_true(pair_metric(pair, MR_SITE_stall) > 0);
	assert_true(pair_metric(pair, MR_SITE_request) < said);
	for (int i = 0; i < 200 && pair_metric(pair, MR_SITE_request) < said; i++) {
		pair_resume(pair);
		pair_wait(pair, 50);
	}
	assert_int_equal(pair_metric(pair, MR_SITE_request), said);
	assert_int_equal(pair_metric(pair, MR_SITE_no_memory), 0);
}

static void
test_idle_no_progress_aborted(void **state)
{
	struct pair *pair = *state;

	pair->paused = true;
	for (int i = 0; i < 64; i++)
		pair_text(pair, "GET /large HTTP/1.1\r\nHost: a.example\r\n\r\n");
	pair_wait(pair, 130000);
	assert_int_equal(pair_metric(pair, MR_SITE_late_send), 1);
	pair_resume(pair); /* the reset lay outside of a window that was shut: RFC 5961 3 */
	assert_true(pair->closed);
	assert_int_equal(pair->reason, MR_TCP_END_RESET);
}

static void
test_head_peer_closed_counted(void **state)
{
	struct pair *pair = *state;

	pair_text(pair, GET "GET / HTTP/1.1\r\n");
	mr_tcp_shutdown(pair->tcp[0], pair->conn);
	pair_run(pair);
	assert_string_equal(pair->got, HELLO "\r\nhello");
	assert_true(pair->peer_closed);
	assert_int_equal(pair_metric(pair, MR_SITE_cut_off), 1);
	assert_int_equal(pair_held(pair), 0);
}

static void
test_idle_requests_bounded(void **state)
{
	const struct mr_site_server_config config = { .request_limit = 3 };
	struct pair *pair = pair_start(&site, 1, &config);

	(void)state;
	pair_connect(pair);
	pair_text(pair, GET GET GET GET);
	assert_int_equal(count_of(pair->got, HELLO), 3);
	assert_int_equal(count_of(pair->got, "Connection: close"), 1);
	assert_true(pair->peer_closed);
	assert_int_equal(pair_metric(pair, MR_SITE_request_limit), 1);
	pair_stop(pair);
}

static void
test_head_exchanges_bounded(void **state)
{
	const struct mr_site_server_config config = { .exchange_limit = 2, .large_limit = 1 };
	struct pair *pair = pair_start(&site, 1, &config);

	(void)state;
	for (int i = 0; i < 2; i++) {
		pair_connect(pair);
		pair_text(pair, "GET / ");
	}
	pair_connect(pair);
	pair_text(pair, "GET / ");
	assert_begins(pair, "HTTP/1.1 503 ");
	pair_connect(pair);
	pair_text(pair, GET); /* whole requests need none */
	assert_begins(pair, HELLO);
	assert_int_equal(pair_metric(pair, MR_SITE_no_exchange), 1);
	pair_stop(pair);
}

/* A long head that finds no large buffer gives its small one back, once. */
static void
test_head_large_exchanges_bounded(void **state)
{
	const struct mr_site_server_config config = { .exchange_limit = 4, .large_limit = 1 };
	struct pair *pair = pair_start(&site, 1, &config);
	char text[3000];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "GET /", 5);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pair_held(pair), i);
		pair_connect(pair);
		pair_say(pair, text, sizeof(text));
	}
	assert_begins(pair, "HTTP/1.1 503 ");
	assert_true(pair->peer_closed);
	assert_int_equal(pair_held(pair), 1);
	assert_int_equal(pair_metric(pair, MR_SITE_no_exchange), 1);
	for (int i = 0; i < 3; i++) { /* each of those that begin now has one of its own */
		pair_connect(pair);
		pair_text(pair, "GET / ");
		assert_int_equal(pair_held(pair), 2 + i);
	}
	pair_text(pair, "HTTP/1.1\r\nHost: a.example\r\n\r\n");
	assert_begins(pair, HELLO);
	assert_int_equal(pair_held(pair), 3);
	pair_stop(pair);
}

static void
test_head_other_sites_meanwhile(void **state)
{
	struct mr_site_route_config other = {
		.prefix = "/", .action = MR_SITE_RESPOND, .status = 200, .body = "other"
	};
	struct mr_site_config sites = site;
	struct pair *pair = *state;

	sites.routes = &other;
	sites.route_count = 1;
	pair_text(pair, "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\n\r\nab");
	pair_replace(pair, &sites, 1);
	pair_text(pair, "cd");
	assert_begins(pair, HELLO "\r\nother");
}

int
main(void)
{
#define PAIR_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		PAIR_TEST(test_idle_get_answered),
		PAIR_TEST(test_idle_head_answered_without_content),
		PAIR_TEST(test_idle_http10_closed_or_told),
		PAIR_TEST(test_idle_close_asked_for),
		PAIR_TEST(test_idle_pipeline_answered_in_order),
		PAIR_TEST(test_idle_edits_carried_out),
		PAIR_TEST(test_idle_options_all),
		PAIR_TEST(test_idle_absolute_form_overrides_host),
		PAIR_TEST(test_idle_path_canonical_before_route),
		PAIR_TEST(test_content_read_and_answered),
		PAIR_TEST(test_content_expected_not_wanted),
		PAIR_TEST(test_any_cut_changes_nothing),
		PAIR_TEST(test_head_late_told),
		PAIR_TEST(test_content_late_told),
		PAIR_TEST(test_idle_late_closed),
		PAIR_TEST(test_idle_peer_that_does_not_read_not_read_from),
		PAIR_TEST(test_idle_no_progress_aborted),
		PAIR_TEST(test_head_peer_closed_counted),
		cmocka_unit_test(test_idle_requests_bounded),
		cmocka_unit_test(test_head_exchanges_bounded),
		cmocka_unit_test(test_head_large_exchanges_bounded),
		PAIR_TEST(test_head_other_sites_meanwhile),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
