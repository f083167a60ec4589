/* SPDX-License-Identifier: Apache-2.0
 *
 * What becomes of an origin's answer beside its octets: lines of the access log, counters of sites,
 * and a site's own pages where there is no answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "chain.h"

#define OK5    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define DAY_NS (1445412480ull * MR_NS_PER_S)

static const char *hosts[] = { "*" };
static struct mr_site_listen listen_any = { .any = true, .port = 80 };
static struct mr_site_route_config route = { .prefix = "/",
					     .action = MR_SITE_PROXY,
					     .proxy = "app" };
static struct mr_site_error_config page = { 502, "our own page", "text/plain" };

struct rig {
	struct chain *chain;
	struct mr_site_access *access;
	struct mr_site_books *books;
	uint64_t metrics[MR_SITE_LOG_METRIC_COUNT];
	char file[40], got[65536];
};

/* sites_set publishes the site, as a reload does. */
static void
sites_set(struct rig *self, const char *name, bool log)
{
	struct mr_site_config site = { .hosts = hosts,
				       .host_count = 1,
				       .listens = &listen_any,
				       .listen_count = 1,
				       .routes = &route,
				       .route_count = 1,
				       .errors = &page,
				       .error_count = 1,
				       .log = log };
	struct mr_error error = { 0 };

	snprintf(site.name, sizeof(site.name), "%s", name);
	mr_site_set_free(self->chain->set);
	assert_int_equal(mr_site_set_build(&site, 1, NULL, 0, 1, &self->chain->set, &error), 0);
	mr_site_books_assign(self->books, self->chain->set);
	self->chain->server.sites = self->chain->set;
}

static int
setup(void **state)
{
	struct rig *self = calloc(1, sizeof(*self));
	struct mr_site_access_config config = { .format = MR_SITE_ACCESS_JSON };
	struct mr_error error = { 0 };
	int fd;

	strcpy(self->file, "/tmp/millrace-pass-XXXXXX");
	fd = mkstemp(self->file);
	assert_true(fd >= 0);
	close(fd);
	strcpy(config.file, self->file);
	assert_int_equal(mr_site_access_create(&self->access, &config, 1, self->metrics, &error),
			 0);
	self->books = mr_site_books_create(1, &error);
	assert_non_null(self->books);
	self->chain = chain_start(&route, 1, 1, NULL);
	self->chain->server.access = mr_site_access_ring(self->access, 0);
	self->chain->server.pages = mr_site_books_pages(self->books, 0);
	sites_set(self, "a", true);
	chain_connect(self->chain);
	*state = self;
	return 0;
}

static int
teardown(void **state)
{
	struct rig *self = *state;

	chain_stop(self->chain);
	mr_site_books_destroy(self->books);
	mr_site_access_destroy(self->access);
	assert_int_equal(unlink(self->file), 0);
	free(self);
	return 0;
}

/* assert_lines drains the log, which then has count lines, and what in the last of them. */
static void
assert_lines(struct rig *self, uint64_t count, const char *what)
{
	FILE *in;
	size_t bytes;
	char *last;

	mr_site_access_drain(self->access, self->chain->now_ns, DAY_NS);
	assert_int_equal(self->metrics[MR_SITE_LOG_line], count);
	if (!count)
		return;
	in = fopen(self->file, "r");
	assert_non_null(in);
	bytes = fread(self->got, 1, sizeof(self->got) - 1, in);
	fclose(in);
	self->got[bytes ? bytes - 1 : 0] = 0;
	last = strrchr(self->got, '\n');
	last = last ? last + 1 : self->got;
	if (!strstr(last, what))
		fail_msg("\"%s\" is not in \"%s\"", what, last);
}

static void
test_answer_is_logged_and_counted(void **state)
{
	struct rig *self = *state;
	struct mr_site_page sum;

	chain_text(self->chain, "GET /a?b HTTP/1.1\r\nHost: a.example\r\nReferer: http://r/\r\n"
				"User-Agent: me\r\n\r\n");
	assert_lines(self, 0, "");
	chain_wait(self->chain, 100);
	chain_reply(self->chain, OK5);
	assert_lines(self, 1,
		     "\"site\":\"a\",\"method\":\"GET\",\"target\":\"/a?b\","
		     "\"host\":\"a.example\",\"referer\":\"http://r/\",\"agent\":\"me\"");
	assert_lines(self, 1, "\"client\":\"192.0.2.1\"");
	assert_lines(self, 1, "\"status\":200,");
	assert_lines(self, 1, "\"content\":5,\"spent_ns\":100000000}");
	mr_site_books_sum(self->books, "a", &sum);
	assert_int_equal(sum.counts[MR_SITE_COUNT_REQUEST], 1);
	assert_int_equal(sum.counts[MR_SITE_COUNT_2XX], 1);
	assert_int_equal(sum.counts[MR_SITE_COUNT_BYTE], self->chain->got_bytes);
}

static void
test_long_target_is_cut(void **state)
{
	struct rig *self = *state;
	char target[2001], expected[MR_PROXY_NOTE_BYTES + 32];
	int bytes;

	memset(target, 'x', sizeof(target) - 1);
	target[0] = '/';
	target[sizeof(target) - 1] = 0;
	chain_text(self->chain, "GET ");
	chain_text(self->chain, target);
	chain_text(self->chain, " HTTP/1.1\r\nHost: a.example\r\nUser-Agent: me\r\n\r\n");
	chain_reply(self->chain, OK5);
	bytes = snprintf(expected, sizeof(expected), "\"target\":\"%.1200s", target);
	assert_true(bytes > 1200);
	assert_lines(self, 1, expected);
	assert_lines(self, 1, "x\",\"host\":\"a.example\"");
	assert_lines(self, 1, "\"agent\":\"me\"");
}

static void
test_cut_answers_are_logged(void **state)
{
	struct rig *self = *state;

	chain_text(self->chain, "GET /1 HTTP/1.1\r\nHost: a.example\r\n\r\n");
	chain_reply(self->chain, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhello");
	chain_origin_abort(self->chain);
	assert_lines(self, 1, "\"target\":\"/1\"");
	assert_lines(self, 1, "\"content\":5,");
	chain_connect(self->chain);
	chain_text(self->chain, "GET /2 HTTP/1.1\r\nHost: a.example\r\n\r\n");
	chain_reply(self->chain, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhel");
	chain_client_abort(self->chain);
	assert_lines(self, 2, "\"target\":\"/2\"");
	assert_lines(self, 2, "\"client\":\"192.0.2.1\"");
	assert_lines(self, 2, "\"content\":3,");
	chain_connect(self->chain);
	chain_text(self->chain, "GET /3 HTTP/1.1\r\nHost: a.example\r\n\r\n");
	chain_client_abort(self->chain); /* before any answer: there is none to log */
	assert_lines(self, 2, "");
}

static void
test_site_without_log(void **state)
{
	struct rig *self = *state;

	sites_set(self, "a", false);
	chain_text(self->chain, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
	chain_reply(self->chain, OK5);
	assert_lines(self, 0, "");
}

static void
post_fails(struct rig *self)
{
	chain_text(self->chain, "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\n\r\nx");
	chain_origin_abort(self->chain);
}

static void
test_failure_has_the_page_of_its_site(void **state)
{
	struct rig *self = *state;

	post_fails(self);
	assert_int_equal(strncmp(self->chain->got, "HTTP/1.1 502 ", 13), 0);
	assert_non_null(strstr(self->chain->got, "\r\n\r\nour own page"));
	assert_lines(self, 1, "\"status\":502,");
	assert_lines(self, 1, "\"content\":12,");
}

/* The exchange began under a set in which another site stood in that place. */
static void
test_failure_after_a_reload_has_no_other_sites_page(void **state)
{
	struct rig *self = *state;

	chain_text(self->chain, "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\n\r\nx");
	sites_set(self, "another", true);
	chain_origin_abort(self->chain);
	assert_int_equal(strncmp(self->chain->got, "HTTP/1.1 502 ", 13), 0);
	assert_null(strstr(self->chain->got, "our own page"));
	assert_lines(self, 1, "\"site\":\"a\"");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_answer_is_logged_and_counted),
		TEST(test_long_target_is_cut),
		TEST(test_cut_answers_are_logged),
		TEST(test_site_without_log),
		TEST(test_failure_has_the_page_of_its_site),
		TEST(test_failure_after_a_reload_has_no_other_sites_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
