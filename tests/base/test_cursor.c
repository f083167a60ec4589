/* SPDX-License-Identifier: Apache-2.0
 *
 * base/cursor - reading and writing to the last byte, and staying failed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

static const uint8_t bytes[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08 };

static void
test_cursor_reads_network_order(void **state)
{
	struct mr_cursor c = mr_cursor_over(bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(mr_cursor_u8(&c), 0x01);
	assert_int_equal(mr_cursor_be16(&c), 0x0203);
	assert_int_equal(mr_cursor_be32(&c), 0x04050607);
	assert_int_equal(mr_cursor_left(&c), 1);
	assert_int_equal(mr_cursor_u8(&c), 0x08);
	assert_int_equal(mr_cursor_left(&c), 0);
	assert_false(c.failed);
	assert_non_null(mr_cursor_take(&c, 0)); /* nothing is always there */
	assert_false(c.failed);
}

/* Each read with as many bytes as it wants, and with one fewer. */
static void
test_cursor_end_is_exact(void **state)
{
	(void)state;
	for (size_t n = 0; n <= 4; n++) {
		struct mr_cursor one = mr_cursor_over(bytes, n), two = one, four = one, take = one;

		assert_int_equal(mr_cursor_u8(&one), n >= 1 ? 0x01 : 0);
		assert_int_equal(one.failed, n < 1);
		assert_int_equal(mr_cursor_be16(&two), n >= 2 ? 0x0102 : 0);
		assert_int_equal(two.failed, n < 2);
		assert_int_equal(mr_cursor_be32(&four), n >= 4 ? 0x01020304 : 0);
		assert_int_equal(four.failed, n < 4);
		assert_ptr_equal(mr_cursor_take(&take, 3), n >= 3 ? bytes : NULL);
		assert_int_equal(take.failed, n < 3);
	}
}

static void
test_cursor_failed_stays_failed(void **state)
{
	struct mr_cursor c = mr_cursor_over(bytes, 3);

	(void)state;
	assert_int_equal(mr_cursor_be32(&c), 0);
	assert_true(c.failed);
	assert_int_equal(mr_cursor_u8(&c), 0); /* though a byte is there */
	assert_null(mr_cursor_take(&c, 0));
	assert_int_equal(mr_cursor_left(&c), 3);
}

static void
test_cursor_take_of_everything_does_not_wrap(void **state)
{
	struct mr_cursor c = mr_cursor_over(bytes, sizeof(bytes));

	(void)state;
	assert_null(mr_cursor_take(&c, SIZE_MAX));
	assert_true(c.failed);
}

static void
test_writer_writes_network_order_to_the_last_byte(void **state)
{
	uint8_t out[10];
	struct mr_writer w = mr_writer_over(out, sizeof(out) - 1);
	const uint8_t want[] = { 0xaa, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 'h', 'i', 0x55 };

	(void)state;
	memset(out, 0x55, sizeof(out));
	mr_writer_u8(&w, 0xaa);
	mr_writer_be16(&w, 0x0102);
	mr_writer_be32(&w, 0x03040506);
	mr_writer_bytes(&w, "hi", 2);
	assert_false(w.failed);
	assert_int_equal(mr_writer_room(&w), 0);
	mr_writer_bytes(&w, "", 0);
	assert_false(w.failed);
	mr_writer_u8(&w, 0x99);
	assert_true(w.failed);
	assert_memory_equal(out, want, sizeof(out));
}

static void
test_writer_failed_writes_nothing(void **state)
{
	uint8_t out[4] = { 9, 9, 9, 9 };
	struct mr_writer w = mr_writer_over(out, 3);

	(void)state;
	mr_writer_be32(&w, 0);
	assert_true(w.failed);
	mr_writer_u8(&w, 0);
	mr_writer_be16(&w, 0);
	mr_writer_bytes(&w, "a", 1);
	assert_null(mr_writer_reserve(&w, 0));
	assert_memory_equal(out, "\x09\x09\x09\x09", 4);
}

static void
test_load_and_store_unaligned(void **state)
{
	uint8_t out[9] = { 0 };

	(void)state;
	mr_store_be64(out + 1, 0x0102030405060708ull);
	assert_memory_equal(out + 1, bytes, 8);
	assert_true(mr_load_be64(out + 1) == 0x0102030405060708ull);
	mr_store_be32(out + 1, 0xfffefdfc);
	assert_int_equal(mr_load_be32(out + 1), 0xfffefdfc);
	mr_store_be16(out + 3, 0x8001);
	assert_int_equal(mr_load_be16(out + 3), 0x8001);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cursor_reads_network_order),
		cmocka_unit_test(test_cursor_end_is_exact),
		cmocka_unit_test(test_cursor_failed_stays_failed),
		cmocka_unit_test(test_cursor_take_of_everything_does_not_wrap),
		cmocka_unit_test(test_writer_writes_network_order_to_the_last_byte),
		cmocka_unit_test(test_writer_failed_writes_nothing),
		cmocka_unit_test(test_load_and_store_unaligned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
