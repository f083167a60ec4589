/* SPDX-License-Identifier: Apache-2.0
 *
 * base/error - the first error stands.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/base.h"

static void
test_set_keeps_code_and_text(void **state)
{
	struct mr_error error = { 0 };

	(void)state;
	assert_int_equal(mr_error_set(&error, -ENOENT, "%s:%d: no such %s", "a.yaml", 3, "zone"),
			 -ENOENT);
	assert_int_equal(error.code, -ENOENT);
	assert_string_equal(error.text, "a.yaml:3: no such zone");
}

static void
test_set_twice_first_stands(void **state)
{
	struct mr_error error = { 0 };

	(void)state;
	assert_int_equal(mr_error_set(&error, -ENOENT, "the cause"), -ENOENT);
	assert_int_equal(mr_error_set(&error, -EBUSY, "the clean-up"), -ENOENT);
	assert_string_equal(error.text, "the cause");
}

static void
test_set_on_null_returns_code(void **state)
{
	(void)state;
	assert_int_equal(mr_error_set(NULL, -EBUSY, "unheard %d", 1), -EBUSY);
}

/* Who passes no negative code by mistake must not be told "success". */
static void
test_set_of_no_error_is_an_error(void **state)
{
	struct mr_error error = { 0 };

	(void)state;
	assert_int_equal(mr_error_set(NULL, 0, "x"), -EINVAL);
	assert_int_equal(mr_error_set(&error, EBUSY, "x"), -EINVAL);
	assert_int_equal(error.code, -EINVAL);
}

static void
test_set_long_text_is_cut(void **state)
{
	struct {
		struct mr_error error;
		char after[8];
	} e = { .after = "intact" };
	char text[2 * MR_ERROR_TEXT_BYTES];

	(void)state;
	memset(text, 't', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	mr_error_set(&e.error, -EINVAL, "%s", text);
	assert_int_equal(strlen(e.error.text), MR_ERROR_TEXT_BYTES - 1);
	assert_string_equal(e.after, "intact");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_keeps_code_and_text),
		cmocka_unit_test(test_set_twice_first_stands),
		cmocka_unit_test(test_set_on_null_returns_code),
		cmocka_unit_test(test_set_of_no_error_is_an_error),
		cmocka_unit_test(test_set_long_text_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
