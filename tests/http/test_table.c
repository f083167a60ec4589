/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/http/table - the tables against plain searches of themselves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <ctype.h>
#include <stdlib.h>
#include <cmocka.h>

#include "http/http_int.h"

struct name_row {
	const char *name;
	unsigned slot;
};

#define NAME_ROW(id, name, slot, flags) { name, slot },
static const struct name_row rows[] = { HTTP_FIELDS(NAME_ROW) };

static void
test_slots_match_hash(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (unsigned i = 0; i < MR_ARRAY_COUNT(rows); i++) {
		unsigned slot = http_name_slot((const uint8_t *)rows[i].name, strlen(rows[i].name));

		for (unsigned k = 0; k < i; k++)
			assert_int_not_equal(rows[i].slot, rows[k].slot);
		if (slot != rows[i].slot && ++wrong)
			print_error("\"%s\" wants slot %u\n", rows[i].name, slot);
		assert_string_equal(mr_http_field_name((enum mr_http_field_id)(i + 1)),
				    rows[i].name);
		assert_true(strlen(rows[i].name) <= 32);
	}
	assert_int_equal(wrong, 0);
}

/* In any case, at the end of what may be read and before more of it; and not with an octet
 * changed. */
static void
test_find_any_case(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MR_ARRAY_COUNT(rows); i++) {
		size_t bytes = strlen(rows[i].name);
		uint8_t *tight = malloc(bytes), wide[64] = { 0 };

		for (size_t k = 0; k < bytes; k++)
			tight[k] = (uint8_t)(k % 3 ? rows[i].name[k] : toupper(rows[i].name[k]));
		memcpy(wide, tight, bytes);
		wide[bytes] = ':';
		assert_int_equal(mr_http_field_find(tight, bytes, bytes), i + 1);
		assert_int_equal(mr_http_field_find(wide, bytes, sizeof(wide)), i + 1);
		for (size_t k = 0; k < bytes; k++) {
			wide[k] ^= 1;
			assert_int_not_equal(mr_http_field_find(wide, bytes, sizeof(wide)), i + 1);
			wide[k] ^= 1;
		}
		assert_int_not_equal(mr_http_field_find(wide, bytes - 1, sizeof(wide)), i + 1);
		free(tight);
	}
	assert_int_equal(mr_http_field_find((const uint8_t *)"x-other", 7, 7), 0);
}

static bool
is_token(int c)
{
	return c < 128 && c && (isalnum(c) || strchr("!#$%&'*+-.^_`|~", c));
}

static bool
is_value(int c)
{
	return c == '\t' || (c >= ' ' && c != 127);
}

static bool
is_target(int c)
{
	return c > ' ' && c < 127 && !strchr("\"<>#", c);
}

static bool
is_plain(int c)
{
	return c > ' ' && c < 127 && (isalnum(c) || strchr("-._~!$&'()*+,;=:@/", c));
}

static void
test_classes_each_octet(void **state)
{
	static const struct {
		const struct http_class *class;
		bool (*has)(int c);
		char inside;
	} cases[] = { { &http_class_token, is_token, 'a' },
		      { &http_class_value, is_value, 'a' },
		      { &http_class_target, is_target, 'a' },
		      { &http_class_plain, is_plain, 'a' } };
	uint8_t block[100];

	(void)state;
	for (unsigned i = 0; i < MR_ARRAY_COUNT(cases); i++)
		for (int c = 0; c < 256; c++) {
			assert_int_equal(http_class_has(cases[i].class, (uint8_t)c),
					 cases[i].has(c));
			memset(block, cases[i].inside, sizeof(block));
			block[40] = (uint8_t)c;
			assert_int_equal(http_scan(cases[i].class, block, 3, 100),
					 cases[i].has(c) ? 100 : 40);
		}
}

/* Every start, end and place of the octet that ends the scan. */
static void
test_scan_every_place(void **state)
{
	(void)state;
	for (uint32_t end = 1; end <= 80; end++) {
		uint8_t *block = malloc(end);

		for (uint32_t stop = 0; stop < end; stop++) {
			memset(block, 'x', end);
			block[stop] = ':';
			for (uint32_t at = 0; at <= end; at++)
				assert_int_equal(http_scan(&http_class_token, block, at, end),
						 at <= stop ? stop : end);
		}
		free(block);
	}
}

static void
test_methods_and_statuses(void **state)
{
	(void)state;
	for (unsigned i = MR_HTTP_GET; i < MR_HTTP_METHOD_COUNT; i++) {
		const char *name = mr_http_method_name((enum mr_http_method)i);

		assert_int_equal(mr_http_method_find((const uint8_t *)name, strlen(name)), i);
	}
	assert_int_equal(mr_http_method_find((const uint8_t *)"get", 3), MR_HTTP_METHOD_OTHER);
	assert_true(mr_http_method_is_safe(MR_HTTP_GET) && !mr_http_method_is_safe(MR_HTTP_PUT));
	assert_true(mr_http_method_is_idempotent(MR_HTTP_PUT));
	assert_false(mr_http_method_is_idempotent(MR_HTTP_POST));
	assert_false(mr_http_method_is_idempotent(MR_HTTP_METHOD_OTHER));
	assert_string_equal(mr_http_reason(404), "Not Found");
	assert_string_equal(mr_http_reason(299), "");
	for (unsigned i = 1; i < MR_HTTP_REFUSAL_COUNT; i++)
		assert_string_not_equal(mr_http_reason(mr_http_status_of((enum mr_http_refusal)i)),
					"");
}

static void
test_list_elements(void **state)
{
	static const char value[] = " a, ,\"b,\\\"c\" ;q ,,d\t,";
	static const char *const expected[] = { "a", "\"b,\\\"c\" ;q", "d" };
	struct mr_http_list list = mr_http_list_over((const uint8_t *)value, sizeof(value) - 1);
	const uint8_t *element;
	size_t bytes;

	(void)state;
	for (unsigned i = 0; i < MR_ARRAY_COUNT(expected); i++) {
		assert_true(mr_http_list_next(&list, &element, &bytes));
		assert_int_equal(bytes, strlen(expected[i]));
		assert_memory_equal(element, expected[i], bytes);
	}
	assert_false(mr_http_list_next(&list, &element, &bytes));
	assert_true(list.empty_seen);
}

static void
test_digits_bounds(void **state)
{
	uint64_t value;

	(void)state;
	assert_true(http_digits((const uint8_t *)"18446744073709551614", 20, &value));
	assert_true(value == UINT64_MAX - 1);
	assert_true(http_digits((const uint8_t *)"18446744073709551616", 20, &value));
	assert_true(value == UINT64_MAX);
	assert_true(http_digits((const uint8_t *)"99999999999999999999999990", 26, &value));
	assert_true(value == UINT64_MAX);
	assert_false(http_digits((const uint8_t *)"", 0, &value));
	assert_false(http_digits((const uint8_t *)"1a", 2, &value));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slots_match_hash),
		cmocka_unit_test(test_find_any_case),
		cmocka_unit_test(test_classes_each_octet),
		cmocka_unit_test(test_scan_every_place),
		cmocka_unit_test(test_methods_and_statuses),
		cmocka_unit_test(test_list_elements),
		cmocka_unit_test(test_digits_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
