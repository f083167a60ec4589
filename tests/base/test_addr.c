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

static void
test_vlan_parse_and_format(void **state)
{
	static const struct {
		const char *text;
		uint32_t vlan;
	} good[] = { { "0", 0 },
		     { "1", 1 },
		     { "4094", 4094 },
		     { "1/1", 0x00010001 },
		     { "200/100", 200 << 16 | 100 },
		     { "4094/4094", 0x0ffe0ffe } };
	static const char *const bad[] = { "",      "/",    "4095",   "1/",     "/1",
					   "0/1",   "1/0",  "1/4095", "4095/1", "1/2/3",
					   " 1",    "1 ",   "01",     "-1",     "1.2",
					   "99999", "1/ 2", "x",      "65537/1" };
	char text[MR_VLAN_TEXT_BYTES];
	uint32_t vlan;

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(good); i++) {
		assert_int_equal(mr_vlan_parse(good[i].text, &vlan), 0);
		assert_int_equal(vlan, good[i].vlan);
		assert_string_equal(mr_vlan_format(vlan, text), good[i].text);
	}
	for (size_t i = 0; i < MR_ARRAY_COUNT(bad); i++)
		assert_int_not_equal(mr_vlan_parse(bad[i], &vlan), 0);
	assert_int_equal(mr_vlan_outer(mr_vlan_pair(200, 100)), 200);
	assert_int_equal(mr_vlan_inner(mr_vlan_pair(200, 100)), 100);
	/* What no text can say still fits the room. */
	assert_string_equal(mr_vlan_format(UINT32_MAX, text), "65535/65535");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addr_parse_v4_is_mapped),
		cmocka_unit_test(test_prefix_parse_refuses_host_bits),
		cmocka_unit_test(test_mac_parse_is_exact),
		cmocka_unit_test(test_vlan_parse_and_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
