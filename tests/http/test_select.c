/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/http/select - ranges, conditions and codings: what a request selects of a representation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "http/http.h"

static const struct mr_http_limits limits = MR_HTTP_LIMITS_DEFAULT;
static struct mr_http_message message;
static char bytes[1024];

/* A request with the fields given. */
static void
request(const char *method, const char *fields)
{
	struct mr_http_head head;
	int length = snprintf(bytes, sizeof(bytes), "%s / HTTP/1.1\r\nHost: a\r\n%s\r\n", method,
			      fields);

	mr_http_head_request(&head);
	assert_int_equal(mr_http_head_parse(&head, &message, &limits, (const uint8_t *)bytes,
					    (size_t)length),
			 MR_HTTP_DONE);
}

struct range_row {
	const char *value;
	uint64_t length;
	enum mr_http_range_verdict verdict;
	unsigned count;
	struct mr_http_range ranges[3];
};

#define WHOLE  MR_HTTP_RANGE_WHOLE
#define PARTS  MR_HTTP_RANGE_PARTS
#define BEYOND MR_HTTP_RANGE_BEYOND
/* clang-format off */
static const struct range_row ranges[] = { /* RFC 9110 14.1.2 */
	{ "bytes=0-499", 10000, PARTS, 1, { { 0, 499 } } },
	{ "bytes=500-999", 10000, PARTS, 1, { { 500, 999 } } },
	{ "bytes=-500", 10000, PARTS, 1, { { 9500, 9999 } } },
	{ "bytes=9500-", 10000, PARTS, 1, { { 9500, 9999 } } },
	{ "bytes=0-0,-1", 10000, PARTS, 2, { { 0, 0 }, { 9999, 9999 } } },
	{ "bytes= 0-999, 4500-5499, -1000", 10000, PARTS, 3, { { 0, 999 }, { 4500, 5499 }, { 9000, 9999 } } },
	{ "bytes=500-700,601-999", 10000, PARTS, 2, { { 500, 700 }, { 601, 999 } } },
	{ "bytes=0-9,5-9,5-9", 10000, WHOLE, 0, { { 0 } } },
	{ "bytes=0-99999", 100, PARTS, 1, { { 0, 99 } } },
	{ "bytes=-99999", 100, PARTS, 1, { { 0, 99 } } },
	{ "bytes=0-99999999999999999999999", 100, PARTS, 1, { { 0, 99 } } },
	{ "bytes=100-", 100, BEYOND, 0, { { 0 } } },
	{ "bytes=99-", 100, PARTS, 1, { { 99, 99 } } },
	{ "bytes=100-200,0-1", 100, PARTS, 1, { { 0, 1 } } },
	{ "bytes=-0", 100, BEYOND, 0, { { 0 } } },
	{ "bytes=0-", 0, BEYOND, 0, { { 0 } } },
	{ "bytes=-5", 0, BEYOND, 0, { { 0 } } },
	{ "BYTES=0-1", 100, PARTS, 1, { { 0, 1 } } },
	{ "bytes=1-0", 100, WHOLE, 0, { { 0 } } },
	{ "bytes=", 100, WHOLE, 0, { { 0 } } },
	{ "bytes=,", 100, WHOLE, 0, { { 0 } } },
	{ "bytes=-", 100, WHOLE, 0, { { 0 } } },
	{ "bytes=a-b", 100, WHOLE, 0, { { 0 } } },
	{ "bytes=0-1,x", 100, WHOLE, 0, { { 0 } } },
	{ "bytes=+0-1", 100, WHOLE, 0, { { 0 } } },
	{ "bytes 0-1", 100, WHOLE, 0, { { 0 } } },
	{ "lines=0-1", 100, WHOLE, 0, { { 0 } } },
	{ "bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,30-30,32-32", 100, WHOLE, 0, { { 0 } } },
};
/* clang-format on */

static void
test_ranges(void **state)
{
	struct mr_http_range found[MR_HTTP_RANGES_MAX];
	unsigned count;

	(void)state;
	for (unsigned i = 0; i < MR_ARRAY_COUNT(ranges); i++) {
		const struct range_row *row = &ranges[i];

		if (mr_http_range((const uint8_t *)row->value, strlen(row->value), row->length,
				  found, &count) != row->verdict ||
		    count != row->count)
			fail_msg("%s: %u", row->value, count);
		for (unsigned k = 0; k < count; k++)
			assert_true(found[k].first == row->ranges[k].first &&
				    found[k].last == row->ranges[k].last);
	}
}

static void
test_content_range(void **state)
{
	static const char *const bad[] = { "bytes */100", "bytes 1-0/5",   "bytes 0-5/5",
					   "bytes 0-4",   "lines 0-4/5",   "bytes 0-4/",
					   "bytes 0-4/x", "bytes 0- 4/10", "bytes -4/10" };
	struct mr_http_range range = { 0, 4 };
	uint64_t length;
	char out[64] = { 0 };
	struct mr_writer writer = mr_writer_over(out, sizeof(out));

	(void)state;
	mr_http_put_content_range(&writer, &range, 5);
	mr_http_put_content_range(&writer, NULL, 0);
	assert_string_equal(out, "content-range: bytes 0-4/5\r\ncontent-range: bytes */0\r\n");
	assert_true(mr_http_content_range((const uint8_t *)"bytes 7-9/10", 12, &range, &length));
	assert_true(range.first == 7 && range.last == 9 && length == 10);
	assert_true(mr_http_content_range((const uint8_t *)"bytes 7-9/*", 11, &range, &length));
	assert_true(length == UINT64_MAX);
	for (unsigned i = 0; i < MR_ARRAY_COUNT(bad); i++)
		if (mr_http_content_range((const uint8_t *)bad[i], strlen(bad[i]), &range, &length))
			fail_msg("%s", bad[i]);
}

#define OLDER "Sun, 06 Nov 1994 08:49:36 GMT"
#define SAME  "Sun, 06 Nov 1994 08:49:37 GMT"
#define NEWER "Sun, 06 Nov 1994 08:49:38 GMT"

struct condition_row {
	const char *method, *fields;
	enum mr_http_condition expected;
};

#define GO   MR_HTTP_PROCEED
#define NOT  MR_HTTP_NOT_MODIFIED
#define FAIL MR_HTTP_PRECONDITION_FAILED
/* clang-format off */
static const struct condition_row conditions[] = { /* the representation is "a,b" of SAME */
	{ "GET", "", GO },
	{ "GET", "If-Match: \"a,b\"\r\n", GO },
	{ "GET", "If-Match: \"x\", \"a,b\"\r\n", GO },
	{ "GET", "If-Match: *\r\n", GO },
	{ "GET", "If-Match: W/\"a,b\"\r\n", FAIL },
	{ "PUT", "If-Match: \"x\"\r\n", FAIL },
	{ "PUT", "If-Match: \"a\", \"b\"\r\n", FAIL },
	{ "PUT", "If-Match: \"x\"\r\nIf-Match: \"a,b\"\r\n", GO },
	{ "PUT", "If-Unmodified-Since: " OLDER "\r\n", FAIL },
	{ "PUT", "If-Unmodified-Since: " SAME "\r\n", GO },
	{ "PUT", "If-Unmodified-Since: nonsense\r\n", GO },
	{ "PUT", "If-Match: \"a,b\"\r\nIf-Unmodified-Since: " OLDER "\r\n", GO },
	{ "GET", "If-None-Match: \"a,b\"\r\n", NOT },
	{ "HEAD", "If-None-Match: \"x\",W/\"a,b\"\r\n", NOT },
	{ "GET", "If-None-Match: *\r\n", NOT },
	{ "PUT", "If-None-Match: *\r\n", FAIL },
	{ "GET", "If-None-Match: \"x\"\r\n", GO },
	{ "GET", "If-None-Match: a,b\r\n", GO },
	{ "GET", "If-Modified-Since: " SAME "\r\n", NOT },
	{ "GET", "If-Modified-Since: " NEWER "\r\n", NOT },
	{ "GET", "If-Modified-Since: " OLDER "\r\n", GO },
	{ "POST", "If-Modified-Since: " SAME "\r\n", GO },
	{ "GET", "If-None-Match: \"x\"\r\nIf-Modified-Since: " NEWER "\r\n", GO },
	{ "GET", "If-Match: \"x\"\r\nIf-None-Match: \"a,b\"\r\n", FAIL },
	{ "GET", "If-Match: \"a,b\"\r\nIf-None-Match: \"a,b\"\r\n", NOT },
};
/* clang-format on */

static void
test_conditions_in_order(void **state)
{
	struct mr_http_validator validator = { .etag = { (const uint8_t *)"a,b", 3, false },
					       .modified_s = 784111777,
					       .exists = true };

	(void)state;
	for (unsigned i = 0; i < MR_ARRAY_COUNT(conditions); i++) {
		request(conditions[i].method, conditions[i].fields);
		if (mr_http_condition(&message, (const uint8_t *)bytes, &validator, 0) !=
		    conditions[i].expected)
			fail_msg("%s %s", conditions[i].method, conditions[i].fields);
	}
	validator = (struct mr_http_validator){ .modified_s = INT64_MIN };
	request("PUT", "If-None-Match: *\r\n");
	assert_int_equal(mr_http_condition(&message, (const uint8_t *)bytes, &validator, 0), GO);
	request("PUT", "If-Match: *\r\n");
	assert_int_equal(mr_http_condition(&message, (const uint8_t *)bytes, &validator, 0), FAIL);
}

static void
test_if_range(void **state)
{
	struct mr_http_validator validator = { .etag = { (const uint8_t *)"a", 1, false },
					       .modified_s = 784111777,
					       .exists = true };
	static const struct {
		const char *method, *fields;
		bool applies, applies_strong;
	} cases[] = {
		{ "GET", "", false, false },
		{ "GET", "Range: bytes=0-1\r\n", true, true },
		{ "PUT", "Range: bytes=0-1\r\n", false, false },
		{ "GET", "Range: bytes=0-1\r\nIf-Range: \"a\"\r\n", true, true },
		{ "GET", "Range: bytes=0-1\r\nIf-Range: W/\"a\"\r\n", false, false },
		{ "GET", "Range: bytes=0-1\r\nIf-Range: \"b\"\r\n", false, false },
		{ "GET", "Range: bytes=0-1\r\nIf-Range: " SAME "\r\n", false, true },
		{ "GET", "Range: bytes=0-1\r\nIf-Range: " NEWER "\r\n", false, false },
		{ "GET", "Range: bytes=0-1\r\nIf-Range: x\r\n", false, false },
	};

	(void)state;
	for (unsigned i = 0; i < MR_ARRAY_COUNT(cases); i++) {
		request(cases[i].method, cases[i].fields);
		validator.modified_strong = false;
		assert_int_equal(mr_http_range_applies(&message, (const uint8_t *)bytes, &validator,
						       0),
				 cases[i].applies);
		validator.modified_strong = true;
		assert_int_equal(mr_http_range_applies(&message, (const uint8_t *)bytes, &validator,
						       0),
				 cases[i].applies_strong);
	}
}

static void
test_etags(void **state)
{
	static const char *const bad[] = { "",        "\"",       "a",       "\"a",    "a\"",
					   "w/\"a\"", "\"a\"b\"", "\"a b\"", "\"a\"x", "W/" };
	struct mr_http_etag etag;
	char out[MR_HTTP_ETAG_BYTES];
	unsigned length;

	(void)state;
	for (unsigned i = 0; i < MR_ARRAY_COUNT(bad); i++)
		assert_false(mr_http_etag_parse((const uint8_t *)bad[i], strlen(bad[i]), &etag));
	length = mr_http_etag_format(0x0123456789abcdefull, 0x1f2, out);
	assert_int_equal(length, 22);
	assert_memory_equal(out, "\"0123456789abcdef-1f2\"", 22);
	assert_true(mr_http_etag_parse((const uint8_t *)out, length, &etag));
	assert_int_equal(mr_http_etag_format(UINT64_MAX, UINT64_MAX, out), MR_HTTP_ETAG_BYTES);
	assert_memory_equal(out + mr_http_etag_format(1, 0, out) - 3, "-0\"", 3);
}

static void
test_codings(void **state)
{
	enum { ALL = 1 << MR_HTTP_GZIP | 1 << MR_HTTP_ZSTD | 1 << MR_HTTP_BROTLI };
	static const struct {
		const char *fields;
		unsigned available;
		int expected;
	} cases[] = {
		{ "", ALL, MR_HTTP_IDENTITY },
		{ "Accept-Encoding: gzip, deflate, br, zstd\r\n", ALL, MR_HTTP_BROTLI },
		{ "Accept-Encoding: gzip, deflate, br, zstd\r\n", 1 << MR_HTTP_GZIP, MR_HTTP_GZIP },
		{ "Accept-Encoding: x-gzip\r\n", ALL, MR_HTTP_GZIP },
		{ "Accept-Encoding: br;q=0.5, gzip;q=0.8\r\n", ALL, MR_HTTP_GZIP },
		{ "Accept-Encoding: br;q=0.5\r\nAccept-Encoding: zstd; Q=0.501\r\n", ALL,
		  MR_HTTP_ZSTD },
		{ "Accept-Encoding:\r\n", ALL, MR_HTTP_IDENTITY },
		{ "Accept-Encoding: *\r\n", ALL, MR_HTTP_BROTLI },
		{ "Accept-Encoding: br;q=0, *;q=0.1\r\n", ALL, MR_HTTP_ZSTD },
		{ "Accept-Encoding: deflate\r\n", ALL, MR_HTTP_IDENTITY },
		{ "Accept-Encoding: identity;q=0\r\n", ALL, -1 },
		{ "Accept-Encoding: *;q=0\r\n", ALL, -1 },
		{ "Accept-Encoding: *;q=0, identity\r\n", ALL, MR_HTTP_IDENTITY },
		{ "Accept-Encoding: identity, gzip;q=0.9\r\n", ALL, MR_HTTP_IDENTITY },
		{ "Accept-Encoding: gzip;q=1.1\r\n", ALL, MR_HTTP_IDENTITY },
		{ "Accept-Encoding: gzip;q=0.0001\r\n", ALL, MR_HTTP_IDENTITY },
		{ "Accept-Encoding: gzip\r\n", 0, MR_HTTP_IDENTITY },
	};

	(void)state;
	for (unsigned i = 0; i < MR_ARRAY_COUNT(cases); i++) {
		request("GET", cases[i].fields);
		if (mr_http_coding_choose(&message, (const uint8_t *)bytes, cases[i].available) !=
		    cases[i].expected)
			fail_msg("%s", cases[i].fields);
	}
	assert_string_equal(mr_http_coding_name(MR_HTTP_BROTLI), "br");
}

static void
test_media_types(void **state)
{
	bool text;

	(void)state;
	assert_string_equal(mr_http_media_type((const uint8_t *)"/a/b.HTML", 9, &text),
			    "text/html; charset=utf-8");
	assert_true(text);
	assert_string_equal(mr_http_media_type((const uint8_t *)"x.tar.gz", 8, &text),
			    "application/gzip");
	assert_false(text);
	assert_string_equal(mr_http_media_type((const uint8_t *)"/a.b/README", 11, &text),
			    "application/octet-stream");
	assert_string_equal(mr_http_media_type((const uint8_t *)"x.", 2, &text),
			    "application/octet-stream");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_content_range),
		cmocka_unit_test(test_conditions_in_order),
		cmocka_unit_test(test_if_range),
		cmocka_unit_test(test_etags),
		cmocka_unit_test(test_codings),
		cmocka_unit_test(test_media_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
