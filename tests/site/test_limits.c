/* SPDX-License-Identifier: Apache-2.0
 *
 * Bounds of routes and sites, request rates, health and draining; both sides of each bound.
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

#define HOST      "Host: a.example\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

static const char *hosts[] = { "a.example" };
static struct mr_site_listen listens[] = { { .any = true, .port = PAIR_PORT } };
static struct mr_site_error_config pages[] = { { 413, "too much", NULL },
					       { 429, "too often", NULL },
					       { 431, "too long", NULL },
					       { 408, "too late", NULL } };
static struct mr_site_route_config routes[] = {
	{ .path = "/", .action = MR_SITE_RESPOND, .status = 200, .body = "hello" },
	{ .path = "/head",
	  .action = MR_SITE_RESPOND,
	  .status = 200,
	  .body = "hello",
	  .limits = { .header_bytes = 100 } },
	{ .path = "/body",
	  .action = MR_SITE_RESPOND,
	  .status = 200,
	  .body = "hello",
	  .limits = { .body_bytes = 10, .body_ms = 200 } },
	{ .path = "/many",
	  .action = MR_SITE_RESPOND,
	  .status = 200,
	  .body = "hello",
	  .limits = { .requests = 3, .idle_ms = 300 } },
	{ .path = "/rate",
	  .action = MR_SITE_RESPOND,
	  .status = 200,
	  .body = "hello",
	  .limits = { .rate = 10, .burst = 2 } },
	{ .path = "/health", .action = MR_SITE_HEALTH },
	{ .path = "/upload",
	  .action = MR_SITE_RESPOND,
	  .status = 200,
	  .body = "hello",
	  .limits = { .body_bytes = 3 << 20 } },
};
static const struct mr_site_config site = {
	"a", hosts, 1, listens, 1, routes, 7, pages, 4, .limits = { .body_bytes = 20 }
};
static const struct mr_site_server_config plain = { 0 };

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

static void
assert_status(const struct pair *pair, unsigned status)
{
	char text[16];

	snprintf(text, sizeof(text), "HTTP/1.1 %u ", status);
	if (strncmp(pair->got, text, strlen(text)))
		fail_msg("expected %u, got \"%.200s\"", status, pair->got);
}

/* A head of exactly `bytes` octets. */
static void
ask_head(struct pair *pair, size_t bytes)
{
	static const char begin[] = "GET /head HTTP/1.1\r\n" HOST "A: ";
	char text[256];

	memset(text, 'x', sizeof(text));
	memcpy(text, begin, sizeof(begin) - 1);
	memcpy(text + bytes - 4, "\r\n\r\n", 4);
	pair_connect(pair);
	pair_say(pair, text, bytes);
}

static void
test_head_of_route_bounded(void **state)
{
	struct pair *pair = *state;

	ask_head(pair, 100);
	assert_status(pair, 200);
	ask_head(pair, 101);
	assert_status(pair, 431);
	assert_non_null(strstr(pair->got, "too long"));
	assert_false(pair->peer_closed); /* framing is not lost */
	pair_text(pair, GET("/"));
	assert_non_null(strstr(pair->got, "hello"));
}

static void
post(struct pair *pair, const char *path, size_t content_bytes, bool chunked)
{
	static char content[4 << 20];
	char head[256];

	memset(content, 'x', sizeof(content));
	pair_connect(pair);
	if (chunked)
		snprintf(head, sizeof(head),
			 "POST %s HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n%zx\r\n",
			 path, content_bytes);
	else
		snprintf(head, sizeof(head),
			 "POST %s HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", path,
			 content_bytes);
	pair_text(pair, head);
	for (size_t at = 0; at < content_bytes && !pair->peer_closed; at += 100000)
		pair_say(pair, content, MR_MIN(content_bytes - at, (size_t)100000));
	if (chunked)
		pair_text(pair, "\r\n0\r\n\r\n");
}

static void
test_content_of_route_bounded(void **state)
{
	struct pair *pair = *state;

	for (int chunked = 0; chunked < 2; chunked++) {
		post(pair, "/body", 10, chunked);
		assert_status(pair, 200);
		post(pair, "/body", 11, chunked);
		assert_status(pair, 413);
		assert_non_null(strstr(pair->got, "too much"));
		assert_true(pair->peer_closed);
		post(pair, "/", 20, chunked); /* the site's */
		assert_status(pair, 200);
		post(pair, "/", 21, chunked);
		assert_status(pair, 413);
	}
	post(pair, "/upload", 3 << 20, false); /* more than the server's megabyte */
	assert_status(pair, 200);
	post(pair, "/upload", (3 << 20) + 1, false);
	assert_status(pair, 413);
	assert_int_equal(pair_metric(pair, MR_SITE_refused), 5);
}

static void
test_content_of_route_late_told(void **state)
{
	struct pair *pair = *state;

	pair_text(pair, "POST /body HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\na");
	pair_wait(pair, 150);
	assert_int_equal(pair->got_bytes, 0);
	pair_wait(pair, 100);
	assert_status(pair, 408);
	assert_non_null(strstr(pair->got, "too late"));
	assert_int_equal(pair_metric(pair, MR_SITE_late_content), 1);
}

static void
test_idle_of_route(void **state)
{
	struct pair *pair = *state;

	pair_text(pair, GET("/many") GET("/many"));
	assert_false(pair->peer_closed);
	pair_wait(pair, 250);
	assert_false(pair->peer_closed);
	pair_wait(pair, 100);
	assert_true(pair->peer_closed);
	pair_connect(pair);
	pair_text(pair, GET("/") GET("/many") GET("/many") GET("/"));
	assert_true(pair->peer_closed); /* the third, and nothing behind it */
	assert_int_equal(pair_metric(pair, MR_SITE_request_limit), 1);
	assert_int_equal(pair_metric(pair, MR_SITE_request), 5);
}

static void
test_rate_of_route(void **state)
{
	struct pair *pair = *state;

	pair_text(pair, GET("/rate") GET("/rate"));
	assert_null(strstr(pair->got, "429"));
	pair_text(pair, GET("/rate"));
	assert_non_null(strstr(pair->got, "HTTP/1.1 429 Too Many Requests"));
	assert_non_null(strstr(pair->got, "Retry-After: 1\r\n"));
	assert_non_null(strstr(pair->got, "too often"));
	assert_false(pair->peer_closed);
	pair_connect(pair);
	pair_wait(pair, 100); /* one more tenth of a second, one more request */
	pair_text(pair, GET("/rate"));
	assert_status(pair, 200);
	pair_text(pair, GET("/rate") GET("/"));
	assert_int_equal(pair_metric(pair, MR_SITE_over_rate), 2);
	assert_int_equal(pair_metric(pair, MR_SITE_status_4xx), 2);
	assert_int_equal(pair_metric(pair, MR_SITE_status_2xx), 4);
}

static void
test_rate_shared_by_workers(void **state)
{
	struct pair *pair = *state;
	struct mr_error error = { 0 };

	/* as one of two workers: half of the burst */
	mr_site_set_free(pair->set);
	assert_int_equal(mr_site_set_build(&site, 1, NULL, 0, 2, &pair->set, &error), 0);
	pair->server.sites = pair->set;
	pair_text(pair, GET("/rate") GET("/rate"));
	assert_int_equal(pair_metric(pair, MR_SITE_over_rate), 1);
	pair->server.worker = 1;
	pair_text(pair, GET("/rate"));
	assert_int_equal(pair_metric(pair, MR_SITE_over_rate), 1);
	pair->server.worker = 0;
}

static void
test_health_and_draining(void **state)
{
	struct pair *pair = *state;

	pair_text(pair, GET("/health"));
	assert_status(pair, 200);
	assert_non_null(strstr(pair->got, "Cache-Control: no-store\r\n"));
	assert_non_null(strstr(pair->got, "\r\n\r\nok\n"));
	assert_false(pair->peer_closed);
	pair->server.draining = true;
	pair_connect(pair);
	pair_text(pair, GET("/health"));
	assert_status(pair, 503);
	assert_non_null(strstr(pair->got, "Connection: close\r\n"));
	assert_non_null(strstr(pair->got, "draining\n"));
	assert_true(pair->peer_closed);
	pair_connect(pair);
	pair_text(pair, GET("/") GET("/")); /* served, but it is the last */
	assert_status(pair, 200);
	assert_non_null(strstr(pair->got, "Connection: close\r\n"));
	assert_true(pair->peer_closed);
	assert_int_equal(pair_metric(pair, MR_SITE_request), 3);
	pair->server.draining = false;
	pair_connect(pair);
	pair_text(pair, GET("/health"));
	assert_status(pair, 200);
}

static void
test_checks(void **state)
{
	struct mr_site_limits limits = { .header_bytes = 16384, .rate = 1, .burst = 1 };
	struct mr_site_error_config page = { .status = 429 };

	(void)state;
	assert_null(mr_site_limits_check(&limits));
	limits.header_bytes++;
	assert_non_null(mr_site_limits_check(&limits));
	limits = (struct mr_site_limits){ .burst = 1 };
	assert_non_null(mr_site_limits_check(&limits));
	assert_null(mr_site_error_check(&page));
	page.status = 400; /* no site is known then */
	assert_non_null(mr_site_error_check(&page));
}

int
main(void)
{
#define PAIR_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		PAIR_TEST(test_head_of_route_bounded),
		PAIR_TEST(test_content_of_route_bounded),
		PAIR_TEST(test_content_of_route_late_told),
		PAIR_TEST(test_idle_of_route),
		PAIR_TEST(test_rate_of_route),
		PAIR_TEST(test_rate_shared_by_workers),
		PAIR_TEST(test_health_and_draining),
		cmocka_unit_test(test_checks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
