/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/http/write - what of a received message goes on, octet for octet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "drive.h"

static struct drive_result parsed;
static struct mr_http_limits limits = MR_HTTP_LIMITS_DEFAULT;

static void
check(enum mr_http_kind kind, enum mr_http_method method, const char *bytes,
      const struct mr_http_forward *how, enum mr_http_framing framing, const char *expected)
{
	char out[1024];
	size_t length = strlen(expected);
	struct mr_writer writer = mr_writer_over(out, sizeof(out));

	drive(&parsed, kind, method, &limits, bytes, strlen(bytes), 0, 0, false);
	assert_int_not_equal(parsed.verdict, MR_HTTP_REFUSED);
	for (size_t room = 0; room <= length; room++) {
		enum mr_http_framing chosen;

		writer = mr_writer_over(out, room);
		chosen = kind == MR_HTTP_REQUEST
				 ? mr_http_write_request(&writer, &parsed.message,
							 (const uint8_t *)bytes, how)
				 : mr_http_write_response(&writer, &parsed.message,
							  (const uint8_t *)bytes, how);
		assert_int_equal(chosen, framing);
		assert_int_equal(writer.failed, room < length);
	}
	if (memcmp(out, expected, length) != 0)
		fail_msg("%.*s", (int)length, out);
}

static void
test_request_afresh(void **state)
{
	static const struct mr_http_forward plain = { 0 };
	static const struct mr_http_extra extra = { "x-forwarded-for", "192.0.2.1", 15, 9 };
	struct mr_http_forward how = { .target = (const uint8_t *)"/b?c",
				       .target_bytes = 4,
				       .authority = (const uint8_t *)"o:81",
				       .authority_bytes = 4,
				       .via = "mill",
				       .extras = &extra,
				       .extra_count = 1,
				       .close = true,
				       .trailers = true };

	(void)state;
	check(MR_HTTP_REQUEST, 0,
	      "GET http://h/a?q HTTP/1.0\r\nHost: x\r\nAccept: */*\r\nConnection: foo\r\nFoo: 1\r\n"
	      "Keep-Alive: 3\r\nProxy-Connection: keep-alive\r\nTE: trailers\r\nBar:  2 \r\n\r\n",
	      &plain, MR_HTTP_NO_BODY,
	      "GET /a?q HTTP/1.1\r\nhost: h\r\nAccept: */*\r\nBar: 2\r\n\r\n");
	mr_http_field_set_add(&how.drop, MR_HTTP_FIELD_COOKIE);
	check(MR_HTTP_REQUEST, 0,
	      "PUT / HTTP/1.1\r\nHost: h\r\nCookie: c\r\nTE: trailers\r\nVia: 1.0 x\r\n"
	      "Transfer-Encoding:chunked\r\nTrailer: X\r\n\r\n",
	      &how, MR_HTTP_CHUNKED,
	      "PUT /b?c HTTP/1.1\r\nhost: o:81\r\nVia: 1.0 x\r\nTrailer: X\r\nvia: 1.1 mill\r\n"
	      "x-forwarded-for: 192.0.2.1\r\ntransfer-encoding: chunked\r\nconnection: te, close\r\n"
	      "te: trailers\r\n\r\n");
	check(MR_HTTP_REQUEST, 0,
	      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 007\r\nExpect: 100-continue\r\n\r\n",
	      &plain, MR_HTTP_LENGTH,
	      "POST / HTTP/1.1\r\nhost: h\r\nExpect: 100-continue\r\ncontent-length: 7\r\n\r\n");
	check(MR_HTTP_REQUEST, 0, "OPTIONS http://h HTTP/1.1\r\nHost: h\r\n\r\n", &plain,
	      MR_HTTP_NO_BODY, "OPTIONS * HTTP/1.1\r\nhost: h\r\n\r\n");
	check(MR_HTTP_REQUEST, 0, "GET http://h?q HTTP/1.1\r\nHost: h\r\n\r\n", &plain,
	      MR_HTTP_NO_BODY, "GET /?q HTTP/1.1\r\nhost: h\r\n\r\n");
}

static void
test_request_upgrade(void **state)
{
	static const char bytes[] = "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, "
				    "HTTP2-Settings\r\nUpgrade: websocket, h2c\r\n"
				    "HTTP2-Settings: x\r\nSec-WebSocket-Version: 13\r\n\r\n";
	struct mr_http_forward how = { 0 };

	(void)state;
	check(MR_HTTP_REQUEST, 0, bytes, &how, MR_HTTP_NO_BODY,
	      "GET / HTTP/1.1\r\nhost: h\r\nSec-WebSocket-Version: 13\r\n\r\n");
	how.upgrade = true;
	check(MR_HTTP_REQUEST, 0, bytes, &how, MR_HTTP_NO_BODY,
	      "GET / HTTP/1.1\r\nhost: h\r\nSec-WebSocket-Version: 13\r\n"
	      "connection: upgrade\r\nupgrade: websocket\r\n\r\n");
}

static void
test_request_without_authority(void **state)
{
	static const char bytes[] = "GET / HTTP/1.0\r\n\r\n";
	struct mr_http_forward how = { 0 };
	uint8_t out[100];
	struct mr_writer writer = mr_writer_over(out, sizeof(out));

	(void)state;
	drive(&parsed, MR_HTTP_REQUEST, 0, &limits, bytes, sizeof(bytes) - 1, 0, 0, false);
	mr_http_write_request(&writer, &parsed.message, (const uint8_t *)bytes, &how);
	assert_true(writer.failed);
	how.authority = (const uint8_t *)"d";
	how.authority_bytes = 1;
	check(MR_HTTP_REQUEST, 0, bytes, &how, MR_HTTP_NO_BODY,
	      "GET / HTTP/1.1\r\nhost: d\r\n\r\n");
}

static void
test_response_afresh(void **state)
{
	static const char chunked[] =
		"HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\nDate: d\r\nTrailer: X\r\n\r\n";
	static const char date[] = "Sun, 06 Nov 1994 08:49:37 GMT";
	struct mr_http_forward how = { .client_minor = 1 };

	(void)state;
	check(MR_HTTP_RESPONSE, MR_HTTP_GET, chunked, &how, MR_HTTP_CHUNKED,
	      "HTTP/1.1 200 Fine\r\nDate: d\r\ntransfer-encoding: chunked\r\n\r\n");
	how.date = date;
	check(MR_HTTP_RESPONSE, MR_HTTP_GET,
	      "HTTP/1.0 404\r\nConnection: x\r\nX: 1\r\nContent-Length: 3\r\n\r\nabc", &how,
	      MR_HTTP_LENGTH,
	      "HTTP/1.1 404 Not Found\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
	      "content-length: 3\r\n\r\n");
	how.date = NULL;
	how.client_minor = 0;
	check(MR_HTTP_RESPONSE, MR_HTTP_GET, chunked, &how, MR_HTTP_CLOSE,
	      "HTTP/1.1 200 Fine\r\nDate: d\r\nconnection: close\r\n\r\n");
	check(MR_HTTP_RESPONSE, MR_HTTP_HEAD, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", &how,
	      MR_HTTP_NO_BODY,
	      "HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: keep-alive\r\n\r\n");
	check(MR_HTTP_RESPONSE, MR_HTTP_GET, "HTTP/1.1 204 No\r\nContent-Length: 9\r\n\r\n", &how,
	      MR_HTTP_NO_BODY, "HTTP/1.1 204 No\r\nconnection: keep-alive\r\n\r\n");
	check(MR_HTTP_RESPONSE, MR_HTTP_GET, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", &how,
	      MR_HTTP_NO_BODY, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
	how.client_minor = 1;
	how.upgrade = true;
	check(MR_HTTP_RESPONSE, MR_HTTP_GET,
	      "HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", &how,
	      MR_HTTP_TUNNEL,
	      "HTTP/1.1 101 Go\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
}

static void
test_own_response(void **state)
{
	static const char expected[] =
		"HTTP/1.1 405 Method Not Allowed\r\nallow: GET\r\ncontent-length: 0\r\n"
		"x: y\r\n\r\n";
	uint8_t out[200];
	struct mr_writer writer = mr_writer_over(out, sizeof(out));

	(void)state;
	mr_http_put_status(&writer, 405);
	mr_http_put_field(&writer, MR_HTTP_FIELD_ALLOW, "GET", 3);
	mr_http_put_number(&writer, MR_HTTP_FIELD_CONTENT_LENGTH, 0);
	mr_http_put(&writer, "x", 1, "y", 1);
	mr_http_put_end(&writer);
	assert_int_equal(writer.at - out, sizeof(expected) - 1);
	assert_memory_equal(out, expected, sizeof(expected) - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_afresh),
		cmocka_unit_test(test_request_upgrade),
		cmocka_unit_test(test_request_without_authority),
		cmocka_unit_test(test_response_afresh),
		cmocka_unit_test(test_own_response),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
