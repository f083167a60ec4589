/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/http/path - the canonical form; RFC 3986 5.4 and 6.2.2 give the examples.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "http/http.h"

struct path_row {
	const char *path, *expected; /* NULL: refused */
};

static const struct path_row rows[] = {
	{ "", "/" },
	{ "/", "/" },
	{ "/a/b/c/./../../g", "/a/g" }, /* RFC 3986 5.2.4 */
	{ "/mid/content=5/../6", "/mid/6" },
	{ "/b/c/g;x=1/../y", "/b/c/y" },
	{ "/b/c/.", "/b/c/" },
	{ "/b/c/./", "/b/c/" },
	{ "/b/c/..", "/b/" },
	{ "/b/c/../", "/b/" },
	{ "/b/c/../..", "/" },
	{ "/b/c/../../../g", "/g" },
	{ "/..", "/" },
	{ "/../", "/" },
	{ "/.", "/" },
	{ "/./", "/" },
	{ "/b/c/g.", "/b/c/g." },
	{ "/b/c/..g", "/b/c/..g" },
	{ "/b/c/...", "/b/c/..." },
	{ "/.hidden", "/.hidden" },
	{ "//", "//" },
	{ "//a//b/", "//a//b/" },
	{ "/a//../b", "/a/b" },
	{ "//..", "/" },
	{ "//../a", "/a" },
	{ "/%7Euser", "/~user" },
	{ "/%41%7a%30%2D%5f", "/Az0-_" },
	{ "/%2e%2E/%2e/a", "/a" },
	{ "/a/%2e%2e/b", "/b" },
	{ "/a%2Fb", "/a%2Fb" },
	{ "/a%2f..%2fb", "/a%2F..%2Fb" },
	{ "/a%5cb", "/a%5Cb" },
	{ "/%252e%252e/", "/%252e%252e/" }, /* decoded once only */
	{ "/%c3%a4", "/%C3%A4" },
	{ "/%21!", "/%21!" }, /* a reserved octet and its escape are different */
	{ "/a[1]|^", "/a%5B1%5D%7C%5E" },
	{ "/%3F%23", "/%3F%23" },
	{ "/a%0d%0ab", "/a%0D%0Ab" },
	{ "/%00", NULL },
	{ "/%", NULL },
	{ "/%4", NULL },
	{ "/%4g", NULL },
	{ "/%g4", NULL },
	{ "/%u0041", NULL },
	{ "/a\\b", NULL },
	{ "/a b", NULL },
	{ "/a?b", NULL },
	{ "/a#b", NULL },
	{ "/{a}", NULL },
	{ "/\xc3\xa4", NULL },
	{ "/a\x7f", NULL },
};

static void
test_paths_have_form(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MR_ARRAY_COUNT(rows); i++) {
		size_t bytes = strlen(rows[i].path), room = MR_HTTP_PATH_ROOM(bytes), length;
		uint8_t *out = malloc(room), again[256];

		length = mr_http_path((const uint8_t *)rows[i].path, bytes, out, room);
		if (rows[i].expected == NULL) {
			assert_int_equal(length, 0);
			assert_false(mr_http_path_check((const uint8_t *)rows[i].path, bytes));
			free(out);
			continue;
		}
		if (length != strlen(rows[i].expected) ||
		    memcmp(out, rows[i].expected, length) != 0)
			fail_msg("%s: %.*s", rows[i].path, (int)length, (const char *)out);
		assert_true(mr_http_path_check((const uint8_t *)rows[i].path, bytes));
		assert_int_equal(mr_http_path(out, length, again, sizeof(again)), length);
		assert_memory_equal(out, again, length);
		free(out);
	}
}

static void
test_room_is_kept(void **state)
{
	uint8_t out[16];

	(void)state;
	memset(out, 0xee, sizeof(out));
	assert_int_equal(mr_http_path((const uint8_t *)"/[[[[", 5, out, 12), 0);
	assert_int_equal(out[12], 0xee);
	assert_int_equal(mr_http_path((const uint8_t *)"/[[[[", 5, out, 13), 13);
	assert_int_equal(mr_http_path((const uint8_t *)"", 0, out, 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths_have_form),
		cmocka_unit_test(test_room_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
