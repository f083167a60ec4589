/* SPDX-License-Identifier: Apache-2.0
 *
 * The access log: rings, lines, the file; the counters of sites; and what a request leaves in both.
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

#include "pair.h"

#define HOST "Host: a.example\r\n"
/* Wednesday, 21 October 2015 07:28:00.250 GMT */
#define DAY_NS  (1445412480ull * MR_NS_PER_S + 250 * MR_NS_PER_MS)
#define DAY     "[21/Oct/2015:07:28:00 +0000]"
#define TURN_NS (5000 * MR_NS_PER_S)

struct rig {
	char folder[32], file[64];
	uint64_t metrics[MR_SITE_LOG_METRIC_COUNT];
	struct mr_site_access *access;
	char got[1 << 20];
};

static void
rig_open(struct rig *self, struct mr_site_access_config config)
{
	struct mr_error error = { 0 };

	strcpy(self->folder, "/tmp/millrace-log-XXXXXX");
	assert_non_null(mkdtemp(self->folder));
	snprintf(self->file, sizeof(self->file), "%s/log", self->folder);
	if (!config.file[0])
		memcpy(config.file, self->file, sizeof(self->file));
	if (mr_site_access_create(&self->access, &config, 2, self->metrics, &error))
		fail_msg("%s", error.text);
	assert_non_null(self->access);
}

static struct rig *
rig_make(int format, uint32_t sample)
{
	struct rig *self = calloc(1, sizeof(*self));
	struct mr_site_access_config config = { .format = format,
						.sample = sample,
						.buffer_bytes = 16384 };

	rig_open(self, config);
	return self;
}

static void
rig_free(struct rig *self)
{
	char old[80];

	mr_site_access_destroy(self->access);
	snprintf(old, sizeof(old), "%s.1", self->file);
	(void)unlink(self->file);
	(void)unlink(old);
	assert_int_equal(rmdir(self->folder), 0);
	free(self);
}

static const char *
rig_read(struct rig *self, const char *path)
{
	FILE *in = fopen(path, "r");
	size_t bytes;

	assert_non_null(in);
	bytes = fread(self->got, 1, sizeof(self->got) - 1, in);
	self->got[bytes] = 0;
	fclose(in);
	return self->got;
}

static uint32_t
rig_drain(struct rig *self)
{
	return mr_site_access_drain(self->access, TURN_NS, DAY_NS);
}

static void
text_set(struct mr_site_access_entry *entry, enum mr_site_access_text which, const char *text)
{
	entry->texts[which].bytes = (const uint8_t *)text;
	entry->texts[which].byte_count = (uint32_t)strlen(text);
}

static struct mr_site_access_entry
entry_make(const char *target)
{
	struct mr_site_access_entry entry = { .now_ns = TURN_NS,
					      .spent_ns = 1500,
					      .sent_bytes = 300,
					      .content_bytes = 100,
					      .client_port = 4321,
					      .status = 200,
					      .version_minor = 1,
					      .parsed = true };

	assert_int_equal(mr_addr_parse("2001:db8::7", &entry.client), 0);
	text_set(&entry, MR_SITE_ACCESS_METHOD, "GET");
	text_set(&entry, MR_SITE_ACCESS_TARGET, target);
	return entry;
}

static void
test_combined(void **state)
{
	struct rig *rig = rig_make(MR_SITE_ACCESS_COMBINED, 1);
	struct mr_site_access_entry entry = entry_make("/a?b");

	(void)state;
	assert_true(mr_site_access_post(mr_site_access_ring(rig->access, 0), &entry));
	entry.now_ns -= 2 * MR_NS_PER_S; /* it waited in its ring */
	entry.status = 400;
	entry.parsed = false;
	text_set(&entry, MR_SITE_ACCESS_METHOD, "");
	assert_true(mr_site_access_post(mr_site_access_ring(rig->access, 0), &entry));
	entry = entry_make("/\"\\\n\xe9");
	text_set(&entry, MR_SITE_ACCESS_REFERER, "http://x/");
	text_set(&entry, MR_SITE_ACCESS_AGENT, "a\tb");
	assert_true(mr_site_access_post(mr_site_access_ring(rig->access, 1), &entry));
	assert_int_equal(rig_drain(rig), 3);
	assert_string_equal(
		rig_read(rig, rig->file),
		"2001:db8::7 - - " DAY " \"GET /a?b HTTP/1.1\" 200 100 \"-\" \"-\"\n"
		"2001:db8::7 - - [21/Oct/2015:07:27:58 +0000] \"-\" 400 100 \"-\" \"-\"\n"
		"2001:db8::7 - - " DAY " \"GET /\\x22\\x5c\\x0a\\xe9 HTTP/1.1\" 200 100 "
		"\"http://x/\" \"a\\x09b\"\n");
	assert_int_equal(rig->metrics[MR_SITE_LOG_line], 3);
	assert_int_equal(rig->metrics[MR_SITE_LOG_byte], strlen(rig->got));
	assert_int_equal(rig_drain(rig), 0);
	rig_free(rig);
}

static void
test_json(void **state)
{
	struct rig *rig = rig_make(MR_SITE_ACCESS_JSON, 1);
	struct mr_site_access_entry entry = entry_make("/\"\xe9");

	(void)state;
	text_set(&entry, MR_SITE_ACCESS_SITE, "www");
	text_set(&entry, MR_SITE_ACCESS_ID, "abc");
	assert_true(mr_site_access_post(mr_site_access_ring(rig->access, 0), &entry));
	assert_int_equal(rig_drain(rig), 1);
	assert_string_equal(rig_read(rig, rig->file),
			    "{\"time\":\"2015-10-21T07:28:00.250Z\",\"client\":\"2001:db8::7\","
			    "\"port\":4321,\"site\":\"www\",\"method\":\"GET\","
			    "\"target\":\"/\\u0022\\u00e9\",\"id\":\"abc\",\"version\":\"1.1\","
			    "\"status\":200,\"sent\":300,\"content\":100,\"spent_ns\":1500}\n");
	rig_free(rig);
}

static void
test_texts_bounded(void **state)
{
	struct rig *rig = rig_make(MR_SITE_ACCESS_JSON, 1);
	struct mr_site_access_entry entry = entry_make("/");
	char *octets = malloc(65536);
	size_t quotes = 0;

	(void)state;
	memset(octets, '"', 65536);
	for (int i = 0; i < MR_SITE_ACCESS_TEXT_COUNT; i++) {
		entry.texts[i].bytes = (const uint8_t *)octets;
		entry.texts[i].byte_count = 65535;
	}
	assert_true(mr_site_access_post(mr_site_access_ring(rig->access, 0), &entry));
	assert_int_equal(rig_drain(rig), 1);
	for (const char *at = rig_read(rig, rig->file); (at = strstr(at, "\\u0022")); at++)
		quotes++;
	assert_int_equal(quotes, MR_SITE_ACCESS_TEXT_BYTES);
	free(octets);
	rig_free(rig);
}

/* Records of all lengths through a ring that is far smaller than they are together. */
static void
test_ring_order_and_drops(void **state)
{
	struct rig *rig = rig_make(MR_SITE_ACCESS_COMBINED, 1);
	struct mr_site_access_ring *ring = mr_site_access_ring(rig->access, 0);
	uint32_t posted = 0, refused = 0, drained = 0, seen = 0;
	char target[600];

	(void)state;
	for (uint32_t i = 0; i < 3000; i++) {
		int bytes = snprintf(target, sizeof(target), "/%u/", i);
		struct mr_site_access_entry entry;

		memset(target + bytes, 'x', i % 500);
		target[bytes + (int)(i % 500)] = 0;
		entry = entry_make(target);
		if (mr_site_access_post(ring, &entry))
			posted++;
		else
			refused++;
		if (i % 61 == 0)
			drained += rig_drain(rig);
	}
	drained += rig_drain(rig);
	assert_int_equal(posted, drained);
	assert_int_equal(posted + refused, 3000);
	assert_true(refused > 0 && posted > 1500);
	/* each line whole, in order */
	for (const char *at = rig_read(rig, rig->file), *next; *at; at = next + 1) {
		unsigned number, last;

		next = strchr(at, '\n');
		assert_non_null(next);
		assert_int_equal(sscanf(strstr(at, "GET /") + 5, "%u/", &number), 1);
		assert_true(seen == 0 || number > last);
		assert_int_equal(next - strstr(at, "GET /"),
				 (ptrdiff_t)(snprintf(target, sizeof(target), "GET /%u/", number) +
					     number % 500 +
					     strlen(" HTTP/1.1\" 200 100 \"-\" \"-\"")));
		last = number;
		seen++;
	}
	assert_int_equal(seen, posted);
	rig_free(rig);
}

static void
test_sampled(void **state)
{
	struct rig *rig = rig_make(MR_SITE_ACCESS_COMBINED, 10);
	struct mr_site_access_entry entry = entry_make("/");

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_true(mr_site_access_post(mr_site_access_ring(rig->access, 0), &entry));
	assert_int_equal(rig_drain(rig), 10);
	rig_free(rig);
}

static void
test_reopened(void **state)
{
	struct rig *rig = rig_make(MR_SITE_ACCESS_COMBINED, 1);
	struct mr_site_access_entry entry = entry_make("/before");
	char old[80];

	(void)state;
	snprintf(old, sizeof(old), "%s.1", rig->file);
	assert_true(mr_site_access_post(mr_site_access_ring(rig->access, 0), &entry));
	assert_int_equal(rename(rig->file, old), 0);
	mr_site_access_reopen(rig->access);
	assert_int_equal(rig_drain(rig), 1);
	entry = entry_make("/after");
	assert_true(mr_site_access_post(mr_site_access_ring(rig->access, 0), &entry));
	assert_int_equal(rig_drain(rig), 1);
	assert_non_null(strstr(rig_read(rig, old), "/before"));
	assert_null(strstr(rig->got, "/after"));
	assert_non_null(strstr(rig_read(rig, rig->file), "/after"));
	assert_int_equal(rig->metrics[MR_SITE_LOG_reopen], 1);
	rig_free(rig);
}

static void
test_disk_full_counted(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct mr_site_access_config config = { .file = "/dev/full" };
	struct mr_site_access_entry entry = entry_make("/");

	(void)state;
	rig_open(rig, config);
	for (int i = 0; i < 5; i++)
		assert_true(mr_site_access_post(mr_site_access_ring(rig->access, 0), &entry));
	assert_int_equal(rig_drain(rig), 5);
	assert_int_equal(rig->metrics[MR_SITE_LOG_drop], 5);
	assert_int_equal(rig->metrics[MR_SITE_LOG_line], 0);
	rig_free(rig);
}

static void
test_no_file_no_log(void **state)
{
	struct mr_site_access_config config = { .file = "" };
	struct mr_site_access *access;
	struct mr_error error = { 0 };

	(void)state;
	assert_int_equal(mr_site_access_create(&access, &config, 1, NULL, &error), 0);
	assert_null(access);
	assert_null(mr_site_access_ring(access, 0));
	strcpy(config.file, "/nowhere/at/all");
	assert_int_not_equal(mr_site_access_create(&access, &config, 1, NULL, &error), 0);
	assert_non_null(strstr(error.text, "access log /nowhere/at/all: No such file"));
}

/* ---- what requests leave ---- */

static const char *hosts[] = { "a.example" }, *others[] = { "b.example" };
static struct mr_site_listen listens[] = { { .any = true, .port = PAIR_PORT } };
static struct mr_site_route_config routes[] = {
	{ .path = "/", .action = MR_SITE_RESPOND, .status = 200, .body = "hello" },
	{ .path = "/go", .action = MR_SITE_REDIRECT, .status = 302, .to = "http://x/" },
};
static const struct mr_site_config sites[] = {
	{ "a", hosts, 1, listens, 1, routes, 2, .log = true, .request_id = true },
	{ "b", others, 1, listens, 1, routes, 2, .log = false },
};

static void
test_requests_are_logged_and_counted(void **state)
{
	const struct mr_site_server_config plain = { .header_ms = 500, .body_ms = 500 };
	struct rig *rig = rig_make(MR_SITE_ACCESS_JSON, 1);
	struct pair *pair = pair_start(sites, 2, &plain);
	struct mr_error error = { 0 };
	struct mr_site_books *books = mr_site_books_create(1, &error);
	struct mr_site_page page;
	static const char *const expected[] = {
		"\"site\":\"a\",\"method\":\"GET\",\"target\":\"/?q\",\"host\":\"a.example\","
		"\"referer\":\"http://r/\",\"agent\":\"me\",\"id\":\"i1\",\"version\":\"1.1\","
		"\"status\":200,",
		"\"content\":5,\"spent_ns\":0}\n",
		"\"method\":\"HEAD\",\"target\":\"/\"",
		"\"target\":\"/none\"",
		"\"status\":404,",
		"\"method\":\"POST\",\"target\":\"/go\"",
		"\"status\":302,",
		"\"content\":0,\"spent_ns\":100000000}\n", /* the content came 100 ms later */
		"\"port\":",                               /* no request at all */
		"\"status\":400,",
		"\"status\":408,",
	};
	const char *at;

	(void)state;
	assert_non_null(books);
	mr_site_books_assign(books, pair->set);
	pair->server.access = mr_site_access_ring(rig->access, 0);
	pair->server.pages = mr_site_books_pages(books, 0);
	pair_connect(pair);
	pair_text(pair, "GET /?q HTTP/1.1\r\n" HOST
			"Referer: http://r/\r\nUser-Agent: me\r\nX-Request-ID: i1\r\n\r\n"
			"HEAD / HTTP/1.1\r\n" HOST "\r\nGET /none HTTP/1.1\r\n" HOST "\r\n"
			"GET / HTTP/1.1\r\nHost: b.example\r\n\r\n");
	pair_text(pair, "POST /go HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\na");
	pair_wait(pair, 100);
	pair_text(pair, "b");
	pair_text(pair, "nonsense\r\n\r\n");
	pair_connect(pair);
	pair_text(pair, "POST / HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\na");
	pair_wait(pair, 600);
	assert_int_equal(mr_site_access_drain(rig->access, pair->now_ns, DAY_NS), 6);
	at = rig_read(rig, rig->file);
	for (size_t i = 0; i < MR_ARRAY_COUNT(expected); i++) {
		const char *found = strstr(at, expected[i]);

		if (!found)
			fail_msg("no %s in %s", expected[i], at);
		at = found;
	}
	assert_null(strstr(rig->got, "b.example"));
	mr_site_books_sum(books, "a", &page);
	assert_int_equal(page.counts[MR_SITE_COUNT_REQUEST], 5);
	assert_int_equal(page.counts[MR_SITE_COUNT_2XX], 2);
	assert_int_equal(page.counts[MR_SITE_COUNT_3XX], 1);
	assert_int_equal(page.counts[MR_SITE_COUNT_4XX], 2);
	assert_int_equal(mr_site_page_quantile(&page, 0.5), 1 << 10);
	assert_true(mr_site_page_quantile(&page, 0.99) >= 500 * MR_NS_PER_MS);
	mr_site_books_sum(books, "b", &page);
	assert_int_equal(page.counts[MR_SITE_COUNT_REQUEST], 1);
	/* a site keeps its page when its set goes */
	pair_replace(pair, sites + 1, 1);
	mr_site_books_assign(books, pair->set);
	pair_connect(pair);
	pair_text(pair, "GET / HTTP/1.1\r\nHost: b.example\r\n\r\n");
	mr_site_books_sum(books, "b", &page);
	assert_int_equal(page.counts[MR_SITE_COUNT_REQUEST], 2);
	pair_stop(pair);
	mr_site_books_destroy(books);
	rig_free(rig);
}

static void
test_log_full_counted(void **state)
{
	const struct mr_site_server_config plain = { 0 };
	struct rig *rig = rig_make(MR_SITE_ACCESS_COMBINED, 1);
	struct pair *pair = pair_start(sites, 1, &plain);

	(void)state;
	pair->server.access = mr_site_access_ring(rig->access, 0);
	pair_connect(pair);
	for (int i = 0; i < 500; i++) /* 16 KiB hold about a hundred */
		pair_text(pair, "GET / HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(pair_metric(pair, MR_SITE_status_2xx), 500);
	assert_int_equal(pair_metric(pair, MR_SITE_log_drop), 500 - rig_drain(rig));
	assert_true(pair_metric(pair, MR_SITE_log_drop) > 200);
	pair_stop(pair);
	rig_free(rig);
}

static void
test_books_bounded(void **state)
{
	struct mr_site_config one = { 0 };
	struct mr_error error = { 0 };
	struct mr_site_books *books = mr_site_books_create(1, &error);
	struct mr_site_page page, *pages = mr_site_books_pages(books, 0);
	struct mr_site_set *set;
	char name[16];
	const char *host = name;

	(void)state;
	for (int i = 0; i < MR_SITE_BOOK_MAX + 10; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		strcpy(one.name, name);
		one.hosts = &host;
		one.host_count = 1;
		one.listens = listens;
		one.listen_count = 1;
		one.routes = routes;
		one.route_count = 1;
		assert_int_equal(mr_site_set_build(&one, 1, NULL, 0, 1, &set, &error), 0);
		mr_site_books_assign(books, set);
		mr_site_set_free(set);
	}
	pages[0].counts[MR_SITE_COUNT_REQUEST] = 7;
	pages[MR_SITE_BOOK_MAX - 1].counts[MR_SITE_COUNT_REQUEST] = 9;
	mr_site_books_sum(books, "s1022", &page); /* the last that has a page of its own */
	assert_int_equal(page.counts[MR_SITE_COUNT_REQUEST], 9);
	mr_site_books_sum(books, "s1023", &page);
	assert_int_equal(page.counts[MR_SITE_COUNT_REQUEST], 7);
	mr_site_books_destroy(books);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_combined),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_texts_bounded),
		cmocka_unit_test(test_ring_order_and_drops),
		cmocka_unit_test(test_sampled),
		cmocka_unit_test(test_reopened),
		cmocka_unit_test(test_disk_full_counted),
		cmocka_unit_test(test_no_file_no_log),
		cmocka_unit_test(test_requests_are_logged_and_counted),
		cmocka_unit_test(test_log_full_counted),
		cmocka_unit_test(test_books_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
