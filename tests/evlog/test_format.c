/* SPDX-License-Identifier: Apache-2.0
 *
 * evlog/format - every placeholder, and what goes wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "evlog/evlog.h"

#define TEST_EVENTS(X)                                         \
	X(numbers, INFO, "u {u} x {x} ns {ns}")                \
	X(claimed, WARNING, "{addr} is also claimed by {mac}") \
	X(named, NOTICE, "name '{text}' of {addr}, {u}")       \
	X(greedy, ERROR, "{addr} {addr} {u} {u} {text}!")      \
	X(odd, DEBUG, "{} {v} { {u {u}} 100% %s {ns")          \
	X(plain, INFO, "nothing to add")
#define TEST_ID(name, ...) TEST_##name,
enum { TEST_EVENTS(TEST_ID) TEST_COUNT };

extern const struct mr_evlog_table test_table;
MR_EVLOG_DEFINE("test", test_table, TEST_EVENTS);

static char line[MR_EVLOG_LINE_BYTES];

static const char *
format(const struct mr_evlog_record *record)
{
	size_t length = mr_evlog_format(record, line, sizeof(line));

	assert_int_equal(length, strlen(line));
	return line;
}

static void
test_format_numbers(void **state)
{
	struct mr_evlog_record r = { .table = &test_table,
				     .kind = TEST_numbers,
				     .arguments = { UINT64_MAX, 0xbeef, 1500 } };

	(void)state;
	assert_string_equal(format(&r), "test.numbers: u 18446744073709551615 x 0xbeef ns 1.5 us");
	r.kind = TEST_plain;
	assert_string_equal(format(&r), "test.plain: nothing to add");
}

static void
test_format_addresses(void **state)
{
	struct mr_evlog_record r = { .table = &test_table, .kind = TEST_claimed };
	struct mr_addr addr;
	struct mr_mac mac;

	(void)state;
	assert_int_equal(mr_addr_parse("192.0.2.7", &addr), 0);
	assert_int_equal(mr_mac_parse("02:00:5e:10:00:ff", &mac), 0);
	mr_evlog_put_addr(&r, 0, &addr);
	mr_evlog_put_mac(&r, 2, &mac);
	assert_string_equal(format(&r),
			    "test.claimed: 192.0.2.7 is also claimed by 02:00:5e:10:00:ff");
	assert_int_equal(mr_addr_parse("2001:db8::53", &addr), 0);
	mr_evlog_put_addr(&r, 0, &addr);
	assert_string_equal(format(&r),
			    "test.claimed: 2001:db8::53 is also claimed by 02:00:5e:10:00:ff");
}

static void
test_format_text_is_cut_and_escaped(void **state)
{
	struct mr_evlog_record r = { .table = &test_table, .kind = TEST_named };
	struct mr_addr addr;

	(void)state;
	assert_int_equal(mr_addr_parse("192.0.2.7", &addr), 0);
	mr_evlog_put_addr(&r, 2, &addr);
	r.arguments[4] = 12;
	mr_evlog_put_text(&r, 0, "0123456789abcdefg", 17);
	assert_string_equal(format(&r), "test.named: name '0123456789abcdef' of 192.0.2.7, 12");
	mr_evlog_put_text(&r, 0, "a\n\x1b\\\x7f\xff~", 7);
	assert_string_equal(format(&r), "test.named: name 'a\\x0a\\x1b\\x5c\\x7f\\xff~' of "
					"192.0.2.7, 12");
	mr_evlog_put_text(&r, 0, "", 0);
	assert_string_equal(format(&r), "test.named: name '' of 192.0.2.7, 12");
}

static void
test_format_arguments_run_out(void **state)
{
	struct mr_evlog_record r = { .table = &test_table, .kind = TEST_greedy };

	(void)state;
	assert_string_equal(format(&r), "test.greedy: :: :: 0 ? ?!");
}

static void
test_format_not_placeholders_stand(void **state)
{
	struct mr_evlog_record r = { .table = &test_table, .kind = TEST_odd, .arguments = { 5 } };

	(void)state;
	assert_string_equal(format(&r), "test.odd: {} {v} { {u 5} 100% %s {ns");
}

static void
test_format_unknown_kind_is_said(void **state)
{
	struct mr_evlog_record r = { .table = &test_table, .kind = TEST_COUNT };

	(void)state;
	assert_string_equal(format(&r), "test: unknown event 6");
	r.table = NULL;
	assert_string_equal(format(&r), "?: unknown event 6");
}

static void
test_format_is_cut_to_room(void **state)
{
	struct mr_evlog_record r = { .table = &test_table, .kind = TEST_plain };
	const char *whole = "test.plain: nothing to add";

	(void)state;
	for (size_t room = 1; room <= strlen(whole) + 1; room++) {
		char out[64];

		memset(out, 0x55, sizeof(out));
		assert_int_equal(mr_evlog_format(&r, out, room), room - 1);
		assert_memory_equal(out, whole, room - 1);
		assert_int_equal(out[room - 1], '\0');
		assert_int_equal(out[room], 0x55);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format_numbers),
		cmocka_unit_test(test_format_addresses),
		cmocka_unit_test(test_format_text_is_cut_and_escaped),
		cmocka_unit_test(test_format_arguments_run_out),
		cmocka_unit_test(test_format_not_placeholders_stand),
		cmocka_unit_test(test_format_unknown_kind_is_said),
		cmocka_unit_test(test_format_is_cut_to_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
