/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/http/body - content of every framing, its end, its bounds; and the encoder.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "drive.h"

#define HEAD "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

static struct drive_result whole, split;
static struct mr_http_limits limits = MR_HTTP_LIMITS_DEFAULT;

/* The status of a chunked body, which must be the same for each split. */
static unsigned
status_of(const char *body)
{
	char bytes[8192];
	size_t length = (size_t)snprintf(bytes, sizeof(bytes), "%s%s", HEAD, body);

	drive(&whole, MR_HTTP_REQUEST, MR_HTTP_METHOD_OTHER, &limits, bytes, length, 0, 0, false);
	for (size_t cut = sizeof(HEAD) - 1; cut < length; cut++) {
		drive(&split, MR_HTTP_REQUEST, MR_HTTP_METHOD_OTHER, &limits, bytes, length, 0, cut,
		      false);
		drive_same(&whole, &split);
	}
	drive(&split, MR_HTTP_REQUEST, MR_HTTP_METHOD_OTHER, &limits, bytes, length, 1, 0, false);
	drive_same(&whole, &split);
	if (whole.verdict == MR_HTTP_REFUSED)
		return mr_http_status_of((enum mr_http_refusal)whole.refusal);
	return whole.verdict == MR_HTTP_DONE ? 200 : 0;
}

static void
test_chunked_gives_content(void **state)
{
	(void)state;
	assert_int_equal(status_of("5\r\nhello\r\n1;n=v\r\n,\r\nB\r\n 0123456\r\n\r\n0\r\n\r\n"),
			 400); /* the third chunk is one octet short */
	assert_int_equal(status_of("2\r\n\r\n\r\n0\r\n\r\n"), 200); /* a line end as content */
	assert_int_equal(status_of("5\r\nhello\r\n1;n=v\r\n,\r\n8\r\n 0123456\r\n0\r\n\r\n"), 200);
	assert_int_equal(whole.data_bytes, 14);
	assert_memory_equal(whole.data, "hello, 0123456", 14);
	assert_int_equal(status_of("0\r\nA: b\r\nExpires: x\r\n\r\nGET"), 200);
	assert_int_equal(whole.trailer_bytes, 20);
	assert_memory_equal(whole.trailers, "A: b\r\nExpires: x\r\n\r\n", 20);
	assert_int_equal(status_of("5\r\nhel"), 0);
	assert_int_equal(status_of("0\r\n\r"), 0);
}

static void
test_chunked_bounds(void **state)
{
	char body[4200];

	(void)state;
	limits.body_bytes = 20;
	assert_int_equal(status_of("14\r\n01234567890123456789\r\n0\r\n\r\n"), 200);
	assert_int_equal(status_of("15\r\n"), 413);
	assert_int_equal(status_of("a\r\n0123456789\r\nb\r\n"), 413);
	assert_int_equal(status_of("a\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n"), 200);
	limits.body_bytes = UINT64_MAX;
	assert_int_equal(status_of("7fffffffffffffff\r\n"), 0); /* it may come */
	assert_int_equal(status_of("8000000000000000\r\n"), 400);
	assert_int_equal(status_of("ffffffffffffffff\r\n"), 400);
	assert_int_equal(status_of("00000000000000000\r\n"), 400);
	limits.extension_bytes = 8;
	assert_int_equal(status_of("1;a=b\r\nx\r\n1;a\r\nx\r\n0;\r\n"), 400);
	assert_int_equal(status_of("1;a=b\r\nx\r\n1;a\r\nx\r\n0\r\n\r\n"), 200);
	assert_int_equal(status_of("1;a=bcdefg\r\n"), 400);
	limits.extension_bytes = 4096;
	limits.trailer_bytes = 10;
	assert_int_equal(status_of("0\r\nabc: d\r\n\r\n"), 200);
	assert_int_equal(status_of("0\r\nabc: de\r\n\r\n"), 431);
	limits.trailer_bytes = 4096;
	memset(body, '0', sizeof(body));
	memcpy(body + 17, "\r\n", 3);
	assert_int_equal(status_of(body), 400);
}

static void
test_length_and_close(void **state)
{
	static const char fixed[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n123";
	static const char open[] = "HTTP/1.1 200 OK\r\n\r\nabc";

	(void)state;
	drive(&whole, MR_HTTP_REQUEST, MR_HTTP_METHOD_OTHER, &limits, fixed, sizeof(fixed) - 1, 0,
	      0, false);
	assert_int_equal(whole.verdict, MR_HTTP_MORE);
	drive(&whole, MR_HTTP_REQUEST, MR_HTTP_METHOD_OTHER, &limits, fixed, sizeof(fixed) - 1, 0,
	      0, true);
	assert_int_equal(whole.verdict, MR_HTTP_REFUSED);
	assert_int_equal(whole.refusal, MR_HTTP_REFUSED_CUT_OFF);
	drive(&whole, MR_HTTP_RESPONSE, MR_HTTP_GET, &limits, open, sizeof(open) - 1, 0, 0, true);
	assert_int_equal(whole.verdict, MR_HTTP_DONE);
	assert_int_equal(whole.data_bytes, 3);
	limits.body_bytes = 2;
	drive(&whole, MR_HTTP_RESPONSE, MR_HTTP_GET, &limits, open, sizeof(open) - 1, 0, 0, true);
	assert_int_equal(whole.refusal, MR_HTTP_REFUSED_BODY_LARGE);
	limits.body_bytes = 3;
	drive(&whole, MR_HTTP_RESPONSE, MR_HTTP_GET, &limits, open, sizeof(open) - 1, 1, 0, true);
	assert_int_equal(whole.verdict, MR_HTTP_DONE);
	limits.body_bytes = UINT64_MAX;
}

static void
test_encoder_sizes(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = { { 1, "1\r\n" },       { 15, "f\r\n" },
		      { 16, "10\r\n" },     { 255, "ff\r\n" },
		      { 4096, "1000\r\n" }, { UINT64_MAX, "ffffffffffffffff\r\n" } };
	uint8_t out[MR_HTTP_CHUNK_OPEN_BYTES];

	(void)state;
	for (unsigned i = 0; i < MR_ARRAY_COUNT(cases); i++) {
		struct mr_writer writer = mr_writer_over(out, sizeof(out));

		mr_http_chunk_open(&writer, cases[i].bytes);
		assert_false(writer.failed);
		assert_int_equal(writer.at - out, strlen(cases[i].text));
		assert_memory_equal(out, cases[i].text, strlen(cases[i].text));
		writer = mr_writer_over(out, strlen(cases[i].text) - 1);
		mr_http_chunk_open(&writer, cases[i].bytes);
		assert_true(writer.failed);
	}
}

/* Trailers that may not stand there are dropped when the section is written on. */
static void
test_trailers_pass_on(void **state)
{
	static const char section[] =
		"Digest-X: a\r\nContent-Length: 5\r\nContent-Length: 6\r\nETag: \"x\"\r\n"
		"Transfer-Encoding: chunked\r\nAuthorization: b\r\n\r\n";
	static struct mr_http_message trailers;
	struct mr_http_head head;
	uint8_t out[200];
	struct mr_writer writer = mr_writer_over(out, sizeof(out));

	(void)state;
	mr_http_head_trailers(&head);
	assert_int_equal(mr_http_head_parse(&head, &trailers, &limits, (const uint8_t *)section,
					    sizeof(section) - 1),
			 MR_HTTP_DONE);
	mr_http_write_trailers(&writer, &trailers, (const uint8_t *)section);
	assert_int_equal(writer.at - out, 26);
	assert_memory_equal(out, "Digest-X: a\r\nETag: \"x\"\r\n\r\n", 26);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chunked_gives_content), cmocka_unit_test(test_chunked_bounds),
		cmocka_unit_test(test_length_and_close),      cmocka_unit_test(test_encoder_sizes),
		cmocka_unit_test(test_trailers_pass_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
