/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/http/date - the three forms, the calendar against the C library's, and what is no date.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <cmocka.h>

#include "http/http.h"

enum { NOW_S = 1700000000 }; /* November 2023 */

static bool
parse(const char *text, int64_t *seconds)
{
	return mr_http_date_parse((const uint8_t *)text, strlen(text), NOW_S, seconds);
}

static void
test_three_forms(void **state)
{
	static const char *const forms[] = { "Sun, 06 Nov 1994 08:49:37 GMT",
					     "Sunday, 06-Nov-94 08:49:37 GMT",
					     "Sun Nov  6 08:49:37 1994" };
	int64_t seconds;

	(void)state;
	for (unsigned i = 0; i < MR_ARRAY_COUNT(forms); i++) {
		assert_true(parse(forms[i], &seconds));
		assert_int_equal(seconds, 784111777);
	}
	assert_true(parse("Sunday, 06-Nov-73 00:00:00 GMT", &seconds)); /* 50 years ahead */
	assert_true(seconds > NOW_S);
	assert_true(parse("Tuesday, 06-Nov-74 00:00:00 GMT", &seconds)); /* 51: 1974 */
	assert_true(seconds < NOW_S);
	assert_true(parse("Sun, 31 Dec 2016 23:59:60 GMT", &seconds));
	assert_int_equal(seconds, 1483228800);
	assert_true(parse("Tue, 29 Feb 2000 00:00:00 GMT", &seconds));
}

static void
test_no_dates(void **state)
{
	static const char *const bad[] = {
		"",
		"0",
		"Sun, 06 Nov 1994 08:49:37",
		"Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 06 Nov 1994 08:49:37 GMT ",
		"Sun, 6 Nov 1994 08:49:37 GMT",
		"sun, 06 Nov 1994 08:49:37 GMT",
		"Xun, 06 Nov 1994 08:49:37 GMT",
		"Sun, 06 nov 1994 08:49:37 GMT",
		"Sun, 00 Nov 1994 08:49:37 GMT",
		"Sun, 31 Nov 1994 08:49:37 GMT",
		"Sun, 29 Feb 1900 00:00:00 GMT",
		"Sun, 06 Nov 1994 24:00:00 GMT",
		"Sun, 06 Nov 1994 08:60:00 GMT",
		"Sun, 06 Nov 1994 08:49:61 GMT",
		"Sun, 06 Nov 94 08:49:37 GMT",
		"Sunday, 06-Nov-1994 08:49:37 GMT",
		"Sun, 06-Nov-94 08:49:37 GMT",
		"Sun Nov 06 08:49:37 1994 GMT",
		"Sun Nov x6 08:49:37 1994",
		"Sun",
		"Su",
	};
	int64_t seconds;

	(void)state;
	for (unsigned i = 0; i < MR_ARRAY_COUNT(bad); i++)
		if (parse(bad[i], &seconds))
			fail_msg("%s", bad[i]);
}

/* Every 40,000 s or so of four centuries around the epoch, and the ends of the range. */
static void
test_format_as_library(void **state)
{
	char out[MR_HTTP_DATE_BYTES + 1] = { 0 }, expected[64];
	int64_t again;

	(void)state;
	for (int64_t seconds = -6000000000ll; seconds < 7000000000ll; seconds += 399989) {
		time_t t = (time_t)seconds;
		struct tm tm;

		strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S GMT",
			 gmtime_r(&t, &tm));
		mr_http_date_format(seconds, out);
		assert_string_equal(out, expected);
		assert_true(parse(out, &again));
		assert_int_equal(again, seconds);
	}
	mr_http_date_format(INT64_MIN, out);
	assert_string_equal(out, "Sat, 01 Jan 0000 00:00:00 GMT");
	assert_true(parse(out, &again));
	assert_int_equal(again, MR_HTTP_DATE_MIN_S);
	mr_http_date_format(INT64_MAX, out);
	assert_string_equal(out, "Fri, 31 Dec 9999 23:59:59 GMT");
	assert_true(parse(out, &again));
	assert_int_equal(again, MR_HTTP_DATE_MAX_S);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_three_forms),
		cmocka_unit_test(test_no_dates),
		cmocka_unit_test(test_format_as_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
