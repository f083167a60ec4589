/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/http/head - messages from the RFCs' text, what they mean, and both sides of each bound.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "drive.h"

static const struct mr_http_limits limits = MR_HTTP_LIMITS_DEFAULT;
static struct drive_result whole, split;

struct request_row {
	const char *name, *bytes;
	enum mr_http_method method;
	enum mr_http_target_form form;
	const char *host, *path, *query; /* query NULL: none */
	uint16_t port;
	enum mr_http_framing framing;
	unsigned length;
	bool close, plain;
};

/* clang-format off */
static const struct request_row requests[] = {
	{ "RFC 9112 3.2.1", "GET /where?q=now HTTP/1.1\r\nHost: www.example.org\r\n\r\n",
	  MR_HTTP_GET, MR_HTTP_ORIGIN_FORM, "www.example.org", "/where", "q=now", 0, MR_HTTP_NO_BODY, 0, false, true },
	{ "RFC 9112 3.2.2", "GET http://www.example.org/pub/WWW/TheProject.html HTTP/1.1\r\nHost: www.example.org\r\n\r\n",
	  MR_HTTP_GET, MR_HTTP_ABSOLUTE_FORM, "www.example.org", "/pub/WWW/TheProject.html", NULL, 0, MR_HTTP_NO_BODY, 0, false, true },
	{ "RFC 9112 3.2.4", "OPTIONS * HTTP/1.1\r\nHost: www.example.org:8001\r\n\r\n",
	  MR_HTTP_OPTIONS, MR_HTTP_ASTERISK_FORM, "www.example.org", "", NULL, 8001, MR_HTTP_NO_BODY, 0, false, false },
	{ "RFC 9112 3.2.4 absolute", "OPTIONS http://www.example.org:8001 HTTP/1.1\r\nHost: x\r\n\r\n",
	  MR_HTTP_OPTIONS, MR_HTTP_ABSOLUTE_FORM, "www.example.org", "", NULL, 8001, MR_HTTP_NO_BODY, 0, false, false },
	{ "absolute without a path", "GET HTTPS://h?q HTTP/1.1\r\nHost: x\r\n\r\n",
	  MR_HTTP_GET, MR_HTTP_ABSOLUTE_FORM, "h", "", "q", 0, MR_HTTP_NO_BODY, 0, false, false },
	{ "RFC 9110 3.9", "GET /hello.txt HTTP/1.1\r\nUser-Agent: curl/7.64.1\r\nHost: www.example.com\r\nAccept-Language: en, mi\r\n\r\n",
	  MR_HTTP_GET, MR_HTTP_ORIGIN_FORM, "www.example.com", "/hello.txt", NULL, 0, MR_HTTP_NO_BODY, 0, false, true },
	{ "IPv6 host", "GET / HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n",
	  MR_HTTP_GET, MR_HTTP_ORIGIN_FORM, "[2001:db8::1]", "/", NULL, 8080, MR_HTTP_NO_BODY, 0, false, true },
	{ "empty port", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n",
	  MR_HTTP_GET, MR_HTTP_ORIGIN_FORM, "a", "/", NULL, 0, MR_HTTP_NO_BODY, 0, false, true },
	{ "empty query", "GET /? HTTP/1.1\r\nHost: a\r\n\r\n",
	  MR_HTTP_GET, MR_HTTP_ORIGIN_FORM, "a", "/", "", 0, MR_HTTP_NO_BODY, 0, false, true },
	{ "what browsers leave", "GET /a[1]|^?{`}\\\\%zz HTTP/1.1\r\nHost: a\r\n\r\n",
	  MR_HTTP_GET, MR_HTTP_ORIGIN_FORM, "a", "/a[1]|^", "{`}\\\\%zz", 0, MR_HTTP_NO_BODY, 0, false, false },
	{ "dot segment", "GET /a/.b HTTP/1.1\r\nHost: a\r\n\r\n",
	  MR_HTTP_GET, MR_HTTP_ORIGIN_FORM, "a", "/a/.b", NULL, 0, MR_HTTP_NO_BODY, 0, false, false },
	{ "content", "POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
	  MR_HTTP_POST, MR_HTTP_ORIGIN_FORM, "a", "/form", NULL, 0, MR_HTTP_LENGTH, 5, false, true },
	{ "chunked", "PUT /f HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
	  MR_HTTP_PUT, MR_HTTP_ORIGIN_FORM, "a", "/f", NULL, 0, MR_HTTP_CHUNKED, 0, false, true },
	{ "other method", "PURGE /f HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n",
	  MR_HTTP_METHOD_OTHER, MR_HTTP_ORIGIN_FORM, "a", "/f", NULL, 0, MR_HTTP_NO_BODY, 0, true, true },
	{ "HTTP/1.0", "GET / HTTP/1.0\r\n\r\n",
	  MR_HTTP_GET, MR_HTTP_ORIGIN_FORM, "", "/", NULL, 0, MR_HTTP_NO_BODY, 0, true, true },
	{ "HTTP/1.0 that stays", "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
	  MR_HTTP_GET, MR_HTTP_ORIGIN_FORM, "a", "/", NULL, 0, MR_HTTP_NO_BODY, 0, false, true },
	{ "HTTP/1.0 expects nothing", "GET / HTTP/1.0\r\nHost: a\r\nExpect: x\r\n\r\n",
	  MR_HTTP_GET, MR_HTTP_ORIGIN_FORM, "a", "/", NULL, 0, MR_HTTP_NO_BODY, 0, true, true },
	{ "no field but Host, blanks around", "GET / HTTP/1.1\r\nHost: \t a \t \r\nX:\r\n\r\n",
	  MR_HTTP_GET, MR_HTTP_ORIGIN_FORM, "a", "/", NULL, 0, MR_HTTP_NO_BODY, 0, false, true },
};
/* clang-format on */

static void
assert_span(const char *bytes, struct mr_http_span span, const char *expected)
{
	assert_int_equal(span.bytes, strlen(expected));
	assert_memory_equal(bytes + span.at, expected, span.bytes);
}

static void
run(enum mr_http_kind kind, enum mr_http_method method, const void *bytes, size_t byte_count)
{
	drive(&whole, kind, method, &limits, bytes, byte_count, 0, 0, true);
	for (size_t cut = 1; cut < byte_count; cut++) {
		drive(&split, kind, method, &limits, bytes, byte_count, 0, cut, true);
		drive_same(&whole, &split);
	}
	for (size_t step = 1; step < 4; step++) {
		drive(&split, kind, method, &limits, bytes, byte_count, step, 0, true);
		drive_same(&whole, &split);
	}
}

static void
test_requests_mean(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MR_ARRAY_COUNT(requests); i++) {
		const struct request_row *row = &requests[i];
		const struct mr_http_message *m = &whole.message;

		run(MR_HTTP_REQUEST, MR_HTTP_METHOD_OTHER, row->bytes, strlen(row->bytes));
		if (whole.verdict != MR_HTTP_DONE)
			fail_msg("%s: %s", row->name,
				 mr_http_refusal_name((enum mr_http_refusal)whole.refusal));
		assert_int_equal(m->method, row->method);
		assert_int_equal(m->target_form, row->form);
		assert_span(row->bytes, m->host, row->host);
		assert_span(row->bytes, m->path, row->path);
		assert_int_equal(m->has_query, row->query != NULL);
		assert_span(row->bytes, m->query, row->query ? row->query : "");
		assert_int_equal(m->port, row->port);
		assert_int_equal(m->framing, row->framing);
		assert_int_equal(m->content_length, row->length);
		assert_int_equal(m->close, row->close);
		assert_int_equal(m->path_plain, row->plain);
		assert_int_equal(whole.used_bytes, strlen(row->bytes));
	}
}

struct response_row {
	const char *name;
	enum mr_http_method method;
	const char *bytes;
	unsigned status; /* 0: refused */
	enum mr_http_framing framing;
	unsigned data_bytes;
	bool close, odd_body;
};

/* clang-format off */
static const struct response_row responses[] = {
	{ "RFC 9110 3.9", MR_HTTP_GET, "HTTP/1.1 200 OK\r\nDate: Mon, 27 Jul 2009 12:28:53 GMT\r\nContent-Length: 3\r\n\r\nabc",
	  200, MR_HTTP_LENGTH, 3, false, false },
	{ "HEAD", MR_HTTP_HEAD, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", 200, MR_HTTP_NO_BODY, 0, false, false },
	{ "HEAD chunked", MR_HTTP_HEAD, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, MR_HTTP_NO_BODY, 0, false, false },
	{ "100", MR_HTTP_POST, "HTTP/1.1 100 Continue\r\n\r\n", 100, MR_HTTP_NO_BODY, 0, false, false },
	{ "103 with a length", MR_HTTP_GET, "HTTP/1.1 103 Early Hints\r\nContent-Length: 1\r\n\r\n", 103, MR_HTTP_NO_BODY, 0, true, true },
	{ "101", MR_HTTP_GET, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", 101, MR_HTTP_TUNNEL, 0, false, false },
	{ "204", MR_HTTP_GET, "HTTP/1.1 204 No Content\r\n\r\n", 204, MR_HTTP_NO_BODY, 0, false, false },
	{ "204 with length 0", MR_HTTP_GET, "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", 204, MR_HTTP_NO_BODY, 0, false, false },
	{ "204 with content", MR_HTTP_GET, "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", 204, MR_HTTP_NO_BODY, 0, true, true },
	{ "204 chunked", MR_HTTP_GET, "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", 204, MR_HTTP_NO_BODY, 0, true, true },
	{ "304", MR_HTTP_GET, "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, MR_HTTP_NO_BODY, 0, false, false },
	{ "until the end", MR_HTTP_GET, "HTTP/1.1 200 OK\r\n\r\nabcd", 200, MR_HTTP_CLOSE, 4, true, false },
	{ "HTTP/1.0", MR_HTTP_GET, "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", 200, MR_HTTP_LENGTH, 1, true, false },
	{ "chunked", MR_HTTP_GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n", 200, MR_HTTP_CHUNKED, 3, false, false },
	{ "no reason", MR_HTTP_GET, "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", 200, MR_HTTP_NO_BODY, 0, false, false },
	{ "no reason, no blank", MR_HTTP_GET, "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, MR_HTTP_NO_BODY, 0, false, false },
	{ "CONNECT", MR_HTTP_CONNECT, "HTTP/1.1 200 OK\r\n\r\n", 200, MR_HTTP_TUNNEL, 0, false, false },
	{ "CONNECT refused", MR_HTTP_CONNECT, "HTTP/1.1 403 No\r\nContent-Length: 1\r\n\r\na", 403, MR_HTTP_LENGTH, 1, false, false },
	{ "status 599", MR_HTTP_GET, "HTTP/1.1 599 X\r\nContent-Length: 0\r\n\r\n", 599, MR_HTTP_NO_BODY, 0, false, false },
	{ "status 600", MR_HTTP_GET, "HTTP/1.1 600 X\r\n\r\n", 0, 0, 0, true, false },
	{ "status 099", MR_HTTP_GET, "HTTP/1.1 099 X\r\n\r\n", 0, 0, 0, true, false },
	{ "status 20", MR_HTTP_GET, "HTTP/1.1 20 OK\r\n\r\n", 0, 0, 0, true, false },
	{ "status 2000", MR_HTTP_GET, "HTTP/1.1 2000 OK\r\n\r\n", 0, 0, 0, true, false },
	{ "length and coding", MR_HTTP_GET, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 0, 0, true, false },
	{ "length twice", MR_HTTP_GET, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", 0, 0, 0, true, false },
	{ "unknown coding", MR_HTTP_GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: x\r\n\r\n", 0, 0, 0, true, false },
	{ "coding in 1.0", MR_HTTP_GET, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 0, 0, true, false },
	{ "folded", MR_HTTP_GET, "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", 0, 0, 0, true, false },
	{ "empty line first", MR_HTTP_GET, "\r\nHTTP/1.1 200 OK\r\n\r\n", 0, 0, 0, true, false },
	{ "reason with NUL-like octet", MR_HTTP_GET, "HTTP/1.1 200 O\001K\r\n\r\n", 0, 0, 0, true, false },
	{ "location twice", MR_HTTP_GET, "HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\n\r\n", 0, 0, 0, true, false },
};
/* clang-format on */

static void
test_responses_mean(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MR_ARRAY_COUNT(responses); i++) {
		const struct response_row *row = &responses[i];

		run(MR_HTTP_RESPONSE, row->method, row->bytes, strlen(row->bytes));
		if ((whole.verdict == MR_HTTP_DONE) != (row->status != 0))
			fail_msg("%s: %d %s", row->name, whole.verdict,
				 mr_http_refusal_name((enum mr_http_refusal)whole.refusal));
		assert_int_equal(whole.message.close, row->close);
		if (!row->status)
			continue;
		assert_int_equal(whole.message.status, row->status);
		assert_int_equal(whole.message.framing, row->framing);
		assert_int_equal(whole.data_bytes, row->data_bytes);
		assert_int_equal(whole.message.odd_body, row->odd_body);
		assert_int_equal(whole.used_bytes, strlen(row->bytes));
	}
}

static unsigned
status_of(const struct mr_http_limits *used, const char *bytes, size_t byte_count)
{
	drive(&whole, MR_HTTP_REQUEST, MR_HTTP_METHOD_OTHER, used, bytes, byte_count, 0, 0, false);
	drive(&split, MR_HTTP_REQUEST, MR_HTTP_METHOD_OTHER, used, bytes, byte_count, 1, 0, false);
	drive_same(&whole, &split);
	if (whole.verdict == MR_HTTP_REFUSED)
		return mr_http_status_of((enum mr_http_refusal)whole.refusal);
	return whole.verdict == MR_HTTP_DONE ? 200 : 0;
}

#define STATUS_OF(used, text) status_of(used, text, sizeof(text) - 1)

/* One request with a target, a field and a number of fields of given sizes. */
static unsigned
sized(const struct mr_http_limits *used, int target, int name, int value, int fields)
{
	static char bytes[1 << 16];
	int at = sprintf(bytes, "GET /%0*d HTTP/1.1\r\nHost: a\r\n", target - 1, 0);

	for (int i = 1; i < fields; i++)
		at += sprintf(bytes + at, "%0*d:%0*d\r\n", name, i, value, 0);
	at += sprintf(bytes + at, "\r\n");
	return status_of(used, bytes, (size_t)at);
}

static void
test_bounds_both_sides(void **state)
{
	struct mr_http_limits small = { .head_bytes = 2000,
					.target_bytes = 100,
					.field_line_bytes = 300,
					.body_bytes = 5,
					.fields = 4 };

	(void)state;
	assert_int_equal(sized(&small, 100, 3, 3, 3), 200);
	assert_int_equal(sized(&small, 101, 3, 3, 3), 414);
	assert_int_equal(sized(&small, 10, 3, 296, 2), 200);
	assert_int_equal(sized(&small, 10, 3, 297, 2), 431);
	assert_int_equal(sized(&small, 10, 255, 3, 2), 200);
	assert_int_equal(sized(&small, 10, 256, 3, 2), 431);
	assert_int_equal(sized(&small, 10, 3, 3, 4), 200);
	assert_int_equal(sized(&small, 10, 3, 3, 5), 431);
	/* 22 + 12 + 2 octets around the target of 10 and the field of 3 + 1 + 3 + 2 */
	small.head_bytes = 10 + 15 + 9 + 9 + 2;
	assert_int_equal(sized(&small, 10, 3, 3, 2), 200);
	small.head_bytes--;
	assert_int_equal(sized(&small, 10, 3, 3, 2), 431);
	small.head_bytes = 12;
	assert_int_equal(sized(&small, 10, 3, 3, 2), 414);
	small.head_bytes = 2000;
#define SIZED_BODY "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: "
	assert_int_equal(STATUS_OF(&small, SIZED_BODY "5\r\n\r\n12345"), 200);
	assert_int_equal(STATUS_OF(&small, SIZED_BODY "6\r\n\r\n123456"), 413);
	assert_int_equal(STATUS_OF(&limits, "A23456789012345678901234567890 2 / HTTP/1.1\r\n"),
			 400);
	assert_int_equal(STATUS_OF(&limits,
				   "A2345678901234567890123456789012 / HTTP/1.1\r\nHost:a\r\n\r\n"),
			 200);
	assert_int_equal(
		STATUS_OF(&limits,
			  "A23456789012345678901234567890123 / HTTP/1.1\r\nHost:a\r\n\r\n"),
		501);
}

static void
test_connection_options(void **state)
{
	static const char bytes[] =
		"GET / HTTP/1.1\r\nHost: a\r\nX-One: 1\r\nConnection: x-ONE,,TE, "
		"Cookie\r\nX-Two: 2\r\nConnection: upgrade\r\nUpgrade: h2c, "
		"WebSocket\r\nTE: trailers, deflate;q=0.5\r\nCookie: c\r\n\r\n";
	const struct mr_http_message *m = &whole.message;

	(void)state;
	run(MR_HTTP_REQUEST, MR_HTTP_METHOD_OTHER, bytes, sizeof(bytes) - 1);
	assert_int_equal(whole.verdict, MR_HTTP_DONE);
	assert_true(m->upgrade && m->websocket && m->te_trailers && !m->close);
	assert_true(mr_http_field_set_has(&m->hop, MR_HTTP_FIELD_COOKIE));
	assert_false(mr_http_field_set_has(&m->hop, MR_HTTP_FIELD_HOST));
	assert_int_equal(m->hop_other[0], 1 << 1);
	/* HTTP/1.0 has no upgrades */
	static const char old[] =
		"GET / HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";

	run(MR_HTTP_REQUEST, MR_HTTP_METHOD_OTHER, old, sizeof(old) - 1);
	assert_int_equal(whole.verdict, MR_HTTP_DONE);
	assert_false(m->upgrade || m->websocket);
}

static void
test_expectations(void **state)
{
	static const char wants[] =
		"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\nx";
	static const char nothing[] = "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n";

	(void)state;
	run(MR_HTTP_REQUEST, MR_HTTP_METHOD_OTHER, wants, sizeof(wants) - 1);
	assert_true(whole.verdict == MR_HTTP_DONE && whole.message.expect_continue);
	run(MR_HTTP_REQUEST, MR_HTTP_METHOD_OTHER, nothing, sizeof(nothing) - 1);
	assert_true(whole.verdict == MR_HTTP_DONE && !whole.message.expect_continue);
}

static void
test_policy_allows(void **state)
{
	struct mr_http_limits open = limits;

	(void)state;
	open.allow_trace = open.allow_connect = true;
	assert_int_equal(STATUS_OF(&open, "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
	assert_int_equal(STATUS_OF(&open,
				   "TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
			 400);
	assert_int_equal(STATUS_OF(&open, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 200);
	assert_int_equal(whole.message.target_form, MR_HTTP_AUTHORITY_FORM);
	assert_int_equal(STATUS_OF(&open, "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
	assert_int_equal(STATUS_OF(&open, "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
}

/* Pipelined: each message begins where the one before said that it ends. */
static void
test_pipeline_each_byte_once(void **state)
{
	static char bytes[1 << 14];
	size_t length = 0, at = 0;
	unsigned count = 0;

	(void)state;
	for (unsigned i = 0; i < MR_ARRAY_COUNT(requests); i++)
		length += (size_t)sprintf(bytes + length, "%s", requests[i].bytes);
	for (; at < length; count++) {
		drive(&whole, MR_HTTP_REQUEST, MR_HTTP_METHOD_OTHER, &limits, bytes + at,
		      length - at, 0, 0, false);
		assert_int_equal(whole.verdict, MR_HTTP_DONE);
		assert_int_equal(whole.message.method, requests[count].method);
		assert_int_equal(whole.used_bytes, strlen(requests[count].bytes));
		at += whole.used_bytes;
	}
	assert_int_equal(count, MR_ARRAY_COUNT(requests));
}

static void
test_begun_and_done_for_ever(void **state)
{
	static const uint8_t bytes[] = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nG";
	static struct mr_http_message message;
	struct mr_http_head head;

	(void)state;
	mr_http_head_request(&head);
	assert_int_equal(mr_http_head_parse(&head, &message, &limits, bytes, 2), MR_HTTP_MORE);
	assert_false(mr_http_head_begun(&head));
	assert_int_equal(mr_http_head_parse(&head, &message, &limits, bytes, 3), MR_HTTP_MORE);
	assert_true(mr_http_head_begun(&head));
	assert_int_equal(mr_http_head_parse(&head, &message, &limits, bytes, 31), MR_HTTP_DONE);
	assert_int_equal(message.head_bytes, 29);
	assert_int_equal(mr_http_head_parse(&head, &message, &limits, bytes, 30), MR_HTTP_DONE);
	mr_http_head_request(&head);
	assert_int_equal(mr_http_head_parse(&head, &message, &limits, bytes + 1, 5),
			 MR_HTTP_REFUSED);
	assert_int_equal(mr_http_head_parse(&head, &message, &limits, bytes + 1, 6),
			 MR_HTTP_REFUSED);
	assert_int_equal(message.refusal, MR_HTTP_REFUSED_START_LINE);
	assert_true(message.close);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests_mean),
		cmocka_unit_test(test_responses_mean),
		cmocka_unit_test(test_bounds_both_sides),
		cmocka_unit_test(test_connection_options),
		cmocka_unit_test(test_expectations),
		cmocka_unit_test(test_policy_allows),
		cmocka_unit_test(test_pipeline_each_byte_once),
		cmocka_unit_test(test_begun_and_done_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
