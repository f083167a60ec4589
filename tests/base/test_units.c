/* SPDX-License-Identifier: Apache-2.0
 *
 * base/units - what an operator may write, and what not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/base.h"

struct row {
	const char *text;
	int result;
	uint64_t value;
};

static void
test_rate_rows(void **state)
{
	static const struct row rows[] = {
		{ "64kbit", 0, 64000 },
		{ "10Mbit", 0, 10000000 },
		{ "1Gbit", 0, 1000000000 },
		{ "9 bit", 0, 9 },
		{ "10", -EINVAL, 0 },
		{ "10mbit", -EINVAL, 0 },
		{ "1.5Gbit", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "99999999999Gbit", -ERANGE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(rows); i++) {
		uint64_t rate_bps = 0;
		int result = mr_units_rate(rows[i].text, &rate_bps);

		if (result != rows[i].result || (!result && rate_bps != rows[i].value))
			fail_msg("\"%s\": %d, %llu", rows[i].text, result,
				 (unsigned long long)rate_bps);
	}
}

static void
test_percent_rows(void **state)
{
	static const struct row rows[] = {
		{ "0%", 0, 0 },
		{ "1%", 0, 10000 },
		{ "0.01%", 0, 100 },
		{ "0.0001%", 0, 1 },
		{ "2.5%", 0, 25000 },
		{ "100%", 0, 1000000 },
		{ "100.0%", 0, 1000000 },
		{ "100.0001%", -ERANGE, 0 },
		{ "101%", -ERANGE, 0 },
		{ "99999999999%", -ERANGE, 0 },
		{ "0.00001%", -EINVAL, 0 },
		{ "1", -EINVAL, 0 },
		{ "%", -EINVAL, 0 },
		{ "1.%", -EINVAL, 0 },
		{ ".5%", -EINVAL, 0 },
		{ "-1%", -EINVAL, 0 },
		{ "1%%", -EINVAL, 0 },
		{ "1 %", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(rows); i++) {
		uint32_t ppm = 0;
		int result = mr_units_percent(rows[i].text, &ppm);

		if (result != rows[i].result || (!result && ppm != rows[i].value))
			fail_msg("\"%s\": %d, %u", rows[i].text, result, ppm);
	}
}

static void
test_bytes_rows(void **state)
{
	static const struct row rows[] = {
		{ "0", 0, 0 },
		{ "4096", 0, 4096 },
		{ "7B", 0, 7 },
		{ "64KiB", 0, 65536 },
		{ "2 MiB", 0, 2 << 20 },
		{ "1GiB", 0, 1 << 30 },
		{ "3TiB", 0, 3ull << 40 },
		{ "10kB", 0, 10000 },
		{ "5MB", 0, 5000000 },
		{ "1GB", 0, 1000000000 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "16777215TiB", 0, 16777215ull << 40 },
		{ "16777216TiB", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "KiB", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1.5GiB", -EINVAL, 0 },
		{ "1kib", -EINVAL, 0 },
		{ "1KiBs", -EINVAL, 0 },
		{ "1 ", 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(rows); i++) {
		uint64_t bytes = 0;
		int result = mr_units_bytes(rows[i].text, &bytes);

		if (result != rows[i].result || (!result && bytes != rows[i].value))
			fail_msg("\"%s\": %d, %llu", rows[i].text, result,
				 (unsigned long long)bytes);
	}
}

static void
test_duration_rows(void **state)
{
	static const struct row rows[] = {
		{ "0s", 0, 0 },
		{ "250ns", 0, 250 },
		{ "10us", 0, 10000 },
		{ "5ms", 0, 5000000 },
		{ "3 s", 0, 3000000000 },
		{ "2m", 0, 120000000000 },
		{ "1h", 0, 3600000000000 },
		{ "1d", 0, 86400000000000 },
		{ "213503d", 0, 213503 * 86400ull * 1000000000ull },
		{ "213504d", -ERANGE, 0 },
		{ "10", -EINVAL, 0 }, /* ten what? */
		{ "", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "1.5s", -EINVAL, 0 },
		{ "1S", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(rows); i++) {
		uint64_t duration_ns = 0;
		int result = mr_units_duration(rows[i].text, &duration_ns);

		if (result != rows[i].result || (!result && duration_ns != rows[i].value))
			fail_msg("\"%s\": %d, %llu", rows[i].text, result,
				 (unsigned long long)duration_ns);
	}
}

static void
test_format_both_sides_of_each_unit(void **state)
{
	static const struct row bytes[] = {
		{ "0 B", 0, 0 },
		{ "1023 B", 0, 1023 },
		{ "1.0 KiB", 0, 1024 },
		{ "1024.0 KiB", 0, (1 << 20) - 1 },
		{ "1.0 MiB", 0, 1 << 20 },
		{ "1.5 GiB", 0, 3ull << 29 },
		{ "2.0 TiB", 0, 2ull << 40 },
		{ "16777216.0 TiB", 0, UINT64_MAX },
	};
	static const struct row durations[] = {
		{ "0 ns", 0, 0 },
		{ "999 ns", 0, 999 },
		{ "1.0 us", 0, 1000 },
		{ "12.5 us", 0, 12500 },
		{ "1.0 ms", 0, 1000000 },
		{ "1.0 s", 0, 1000000000 },
		{ "90.0 s", 0, 90000000000 },
	};
	char out[MR_UNITS_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(bytes); i++)
		assert_string_equal(mr_units_format_bytes(bytes[i].value, out), bytes[i].text);
	for (size_t i = 0; i < MR_ARRAY_COUNT(durations); i++)
		assert_string_equal(mr_units_format_duration(durations[i].value, out),
				    durations[i].text);
	assert_true(strlen(mr_units_format_duration(UINT64_MAX, out)) < sizeof(out) - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_rows),
		cmocka_unit_test(test_rate_rows),
		cmocka_unit_test(test_percent_rows),
		cmocka_unit_test(test_duration_rows),
		cmocka_unit_test(test_format_both_sides_of_each_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
