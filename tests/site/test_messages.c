/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages of RFC 9110 and 9112 as a client sees them: which are answered, which refused, and what
 * becomes of the connection. The parser's own tests are in tests/http.
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

#define HOST    "Host: a.example\r\n"
#define GET     "GET / HTTP/1.1\r\n" HOST
#define POST    "POST / HTTP/1.1\r\n" HOST
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

static char large[MR_SITE_BODY_BYTES + 1];
static const char *hosts[] = { "a.example", "192.0.2.80" };
static struct mr_site_listen listens[] = { { .any = true, .port = PAIR_PORT } };
static struct mr_site_route_config routes[] = {
	{ .path = "/", .action = MR_SITE_RESPOND, .status = 200, .body = "hello" },
	{ .path = "/large", .action = MR_SITE_RESPOND, .status = 200, .body = large },
	{ .path = "/none", .action = MR_SITE_RESPOND, .status = 204 },
};
static const struct mr_site_config site = { "a", hosts, 2, listens, 1, routes, 3 };
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

struct message {
	const char *text, *status;
	const char *has; /* something of the answer */
	bool closed;     /* the connection ends with it */
};

/* clang-format off */
static const struct message answered[] = {
	/* RFC 9112 3.2: the forms of a target */
	{ "GET /none?a=b HTTP/1.1\r\nHost: a.example\r\n\r\n", "204", "", false },
	{ "GET HTTP://A.Example:80/none HTTP/1.1\r\nHost: x\r\n\r\n", "204", "", false },
	{ "GET https://a.example?q HTTP/1.1\r\nHost: x\r\n\r\n", "200", "hello", false },
	{ "OPTIONS * HTTP/1.0\r\n\r\n", "204", "Allow: GET, HEAD, OPTIONS\r\n", true },
	{ "OPTIONS http://a.example HTTP/1.1\r\nHost: x\r\n\r\n", "200", "", false },
	/* RFC 9110 4.2.3, 7.2: whose it is; the port is the connection's */
	{ "GET / HTTP/1.1\r\nHost: A.EXAMPLE:81\r\n\r\n", "200", "hello", false },
	{ "GET / HTTP/1.1\r\nHost: a.example.\r\n\r\n", "200", "hello", false },
	{ "GET / HTTP/1.1\r\nHost: 192.0.2.80\r\n\r\n", "200", "hello", false },
	{ "GET / HTTP/1.1\r\nHost: b.example\r\n\r\n", "421", "", false },
	{ "GET / HTTP/1.0\r\n\r\n", "421", "", true }, /* no site is for any host */
	/* RFC 9110 10.1.1: not for 1.0, and not without content */
	{ "GET / HTTP/1.0\r\nHost: a.example\r\nExpect: tea\r\n\r\n", "200", "hello", true },
	{ "POST / HTTP/1.0\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx", "200", "hello", true },
	{ POST "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n", "200", "hello", false },
	/* RFC 9110 9.3.2: HEAD says what GET would */
	{ "HEAD /missing HTTP/1.1\r\nHost: a.example\r\n\r\n", "404", "Content-Length: ", false },
	{ "HEAD /large HTTP/1.1\r\nHost: a.example\r\n\r\n", "200", "Content-Length: 65536\r\n", false },
	/* RFC 9112 2.2, 9.3, RFC 9110 2.5 */
	{ "\r\n\r\n" GET "\r\n", "200", "hello", false },
	{ "GET / HTTP/1.9\r\nHost: a.example\r\n\r\n", "200", "HTTP/1.1 200 ", false },
	{ GET "Connection: x, CLOSE\r\n\r\n", "200", "hello", true },
};

/* All of them end the connection. */
static const struct message refused[] = {
	{ "GET / HTTP/1.1\r\n\r\n", "400" },
	{ "GET / HTTP/1.1\nHost: a.example\n\n", "400" },
	{ "GET /\r\n\r\n", "400" },
	{ "GET * HTTP/1.1\r\nHost: a.example\r\n\r\n", "400" },
	{ "GET a.example:80 HTTP/1.1\r\nHost: a.example\r\n\r\n", "400" },
	{ "GET /%00 HTTP/1.1\r\nHost: a.example\r\n\r\n", "400" },
	{ "GET http://a.example/ HTTP/1.1\r\n\r\n", "400" },
	{ "GET http://u@a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "400" },
	{ GET "Host: a.example\r\n\r\n", "400" },
	{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", "400" },
	{ "GET / HTTP/1.1\r\nHost: u@a.example\r\n\r\n", "400" },
	{ GET "X : a\r\n\r\n", "400" },
	{ GET "X: a\r\n b\r\n\r\n", "400" },
	{ GET "X: a\rb\r\n\r\n", "400" },
	{ GET "X: \001\r\n\r\n", "400" },
	{ GET "Connection: host\r\n\r\n", "400" },
	{ "AAAAAAAAAABBBBBBBBBBCCCCCCCCCCDDD / HTTP/1.1\r\nHost: a.example\r\n\r\n", "501" },
	{ "CONNECT a.example:80 HTTP/1.1\r\nHost: a.example:80\r\n\r\n", "405" },
	{ POST "Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd", "400" },
	{ POST "Content-Length: +4\r\n\r\nabcd", "400" },
	{ "POST / HTTP/1.0\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400" },
	{ POST "Transfer-Encoding: tea\r\n\r\n", "501" },
	{ CHUNKED "1;=\r\na\r\n0\r\n\r\n", "400" },
	{ CHUNKED "1\r\nab\r\n0\r\n\r\n", "400" },
	{ CHUNKED "0\r\nX : a\r\n\r\n", "400" },
	{ "GET / HTTP/2.0\r\nHost: a.example\r\n\r\n", "505" },
	{ "TRACE / HTTP/1.1\r\nHost: a.example\r\n\r\n", "405" },
	{ GET "Expect: tea\r\n\r\n", "417" },
	{ GET "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400" },
	{ POST "Transfer-Encoding: gzip, chunked\r\n\r\n", "501" },
	{ POST "Content-Length: 1048577\r\n\r\n", "413" },
	{ CHUNKED "x\r\n", "400" },
	{ CHUNKED "100001\r\n", "413" },
};
/* clang-format on */

static void
assert_answer(struct pair *pair, const struct message *message)
{
	if (strncmp(pair->got, "HTTP/1.1 ", 9) || strncmp(pair->got + 9, message->status, 3) ||
	    (message->has && !strstr(pair->got, message->has)))
		fail_msg("\"%.300s\": expected %s, got \"%.200s\"", message->text, message->status,
			 pair->got);
	assert_int_equal(count_of(pair->got, "HTTP/1.1 "), 1);
	assert_int_equal(pair->peer_closed, message->closed);
	assert_int_equal(count_of(pair->got, "\r\nConnection: close\r\n"), message->closed);
	assert_int_equal(pair_held(pair), 0);
}

static void
test_messages_answered(void **state)
{
	struct pair *pair = *state;

	for (size_t i = 0; i < MR_ARRAY_COUNT(answered); i++) {
		const struct message *message = &answered[i];

		pair_connect(pair);
		pair_text(pair, message->text);
		assert_answer(pair, message);
		if (!strncmp(message->text, "HEAD", 4))
			assert_string_equal(strstr(pair->got, "\r\n\r\n"), "\r\n\r\n");
	}
	assert_int_equal(pair_metric(pair, MR_SITE_refused), 0);
}

/* What comes behind a refused message is no request. */
static void
test_messages_refused(void **state)
{
	struct pair *pair = *state;

	for (size_t i = 0; i < MR_ARRAY_COUNT(refused); i++) {
		struct message message = refused[i];

		message.closed = true;
		pair_connect(pair);
		pair_text(pair, message.text);
		assert_answer(pair, &message);
		/* RFC 9110 15.5.6 */
		assert_int_equal(count_of(pair->got, "\r\nAllow: GET, HEAD, OPTIONS\r\n"),
				 !strcmp(message.status, "405"));
	}
	assert_int_equal(pair_metric(pair, MR_SITE_refused), MR_ARRAY_COUNT(refused));
}

static void
test_head_bounds(void **state)
{
	static const struct message whole = { "a long head", "200", "hello", false };
	static const struct message longer = { "a longer head", "431", NULL, true };
	static const struct message target = { "a long target", "414", NULL, true };
	struct pair *pair = *state;
	char *text = malloc(40000);
	int at = sprintf(text, "GET / HTTP/1.1\r\nHost: a.example\r\n");

	/* as long as a head may be, in five fields */
	for (int i = 0; i < 5; i++) {
		int bytes = i < 4 ? 3300 : 16384 - at - 2 - 7;

		at += sprintf(text + at, "X-%d: %0*d\r\n", i, bytes, 0);
	}
	at += sprintf(text + at, "\r\n");
	assert_int_equal(at, 16384);
	pair_connect(pair);
	pair_say(pair, text, 16384);
	assert_answer(pair, &whole);
	pair_connect(pair);
	memcpy(text + at - 4, "0\r\n\r\n", 5);
	pair_say(pair, text, 16385);
	assert_answer(pair, &longer);
	pair_connect(pair);
	memset(text, 'x', 40000);
	memcpy(text, "GET /", 5);
	pair_say(pair, text, 9000);
	assert_answer(pair, &target);
	free(text);
}

/* A part of a message that has a bound of its own: as long as it may be, and an octet more. */
static const struct bounded {
	const char *before, *behind, *status;
	uint32_t most_bytes;
} bounded[] = {
	{ "GET /", " HTTP/1.1\r\n" HOST "\r\n", "414", 8192 - 1 },
	{ GET "X: ", "\r\n\r\n", "431", 8192 - 3 },
	{ CHUNKED "1;", "\r\na\r\n0\r\n\r\n", "400", 4096 - 1 },
	{ CHUNKED "0\r\nX: ", "\r\n\r\n", "431", 4096 - 7 },
	{ CHUNKED, "1\r\na\r\n0\r\n\r\n", "400", 15 }, /* digits of a size */
};

static void
test_parts_bounded(void **state)
{
	struct pair *pair = *state;
	char text[16384], room[16384];

	for (size_t i = 0; i < MR_ARRAY_COUNT(bounded); i++) {
		const struct bounded *part = &bounded[i];

		for (uint32_t more = 0; more < 2; more++) {
			struct message message = { text, more ? part->status : "200", NULL, more };

			memset(room, '0', sizeof(room));
			room[part->most_bytes + more] = 0;
			snprintf(text, sizeof(text), "%s%s%s", part->before, room, part->behind);
			if (!more && !strcmp(part->status, "414"))
				message.status = "404"; /* read, and no such thing */
			pair_connect(pair);
			pair_text(pair, text);
			assert_answer(pair, &message);
		}
	}
}

static void
test_fields_bounded(void **state)
{
	struct pair *pair = *state;

	for (int more = 0; more < 2; more++) {
		struct message message = { "fields", more ? "431" : "200", NULL, more };
		char text[2048];
		int at = sprintf(text, GET);

		for (int i = 1; i < 100 + more; i++)
			at += sprintf(text + at, "X: %d\r\n", i);
		sprintf(text + at, "\r\n");
		pair_connect(pair);
		pair_text(pair, text);
		assert_answer(pair, &message);
	}
}

int
main(void)
{
#define PAIR_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		PAIR_TEST(test_messages_answered), PAIR_TEST(test_messages_refused),
		PAIR_TEST(test_head_bounds),       PAIR_TEST(test_parts_bounded),
		PAIR_TEST(test_fields_bounded),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
