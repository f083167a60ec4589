/* SPDX-License-Identifier: Apache-2.0
 *
 * base/addr - text forms and their limits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"

static void
test_addr_parse_v4_is_mapped(void **state)
{
	struct mr_addr a;
	char text[MR_ADDR_TEXT_BYTES];

	(void)state;
	assert_int_equal(mr_addr_parse("192.0.2.1", &a), 0);
	assert_true(mr_addr_is_v4(&a));
	assert_string_equal(mr_addr_format(&a, text), "192.0.2.1");
	assert_int_not_equal(mr_addr_parse("192.0.2.256", &a), 0);
	assert_int_not_equal(mr_addr_parse("::ffff:192.0.2.1", &a), 0);
}

static void
test_prefix_parse_refuses_host_bits(void **state)
{
	struct mr_prefix p;
	struct mr_addr inside, outside;
	char text[MR_PREFIX_TEXT_BYTES];

	(void)state;
	assert_int_equal(mr_prefix_parse("10.0.0.0/8", &p), 0);
	assert_string_equal(mr_prefix_format(&p, text), "10.0.0.0/8");
	assert_int_equal(mr_addr_parse("10.255.255.255", &inside), 0);
	assert_int_equal(mr_addr_parse("11.0.0.0", &outside), 0);
	assert_true(mr_prefix_covers(&p, &inside));
	assert_false(mr_prefix_covers(&p, &outside));
	assert_int_not_equal(mr_prefix_parse("10.0.0.1/8", &p), 0);
	assert_int_not_equal(mr_prefix_parse("10.0.0.0/33", &p), 0);
	assert_int_not_equal(mr_prefix_parse("10.0.0.0/", &p), 0);
	assert_int_equal(mr_prefix_parse("2001:db8::/32", &p), 0);
	assert_int_equal(mr_prefix_parse("2001:db8::1", &p), 0);
	assert_int_equal(p.bits, 128);
}

static void
test_mac_parse_is_exact(void **state)
{
	struct mr_mac m;
	char text[MR_MAC_TEXT_BYTES];

	(void)state;
	assert_int_equal(mr_mac_parse("02:00:5e:10:00:ff", &m), 0);
	assert_string_equal(mr_mac_format(&m, text), "02:00:5e:10:00:ff");
	assert_int_not_equal(mr_mac_parse("02:00:5e:10:00", &m), 0);
	assert_int_not_equal(mr_mac_parse("02:00:5e:10:00:ff0", &m), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addr_parse_v4_is_mapped),
		cmocka_unit_test(test_prefix_parse_refuses_host_bits),
		cmocka_unit_test(test_mac_parse_is_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
