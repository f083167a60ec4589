/* SPDX-License-Identifier: Apache-2.0
 *
 * net/checksum - RFC 1071, against the sum written byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frames.h"

static int
setup(void **state)
{
	(void)state;
	return 0;
}

#define teardown setup

static uint16_t
fast(const uint8_t *bytes, size_t count)
{
	uint16_t sum = mr_net_sum_fold(mr_net_sum_bytes(0, bytes, count));

	return __builtin_bswap16(sum);
}

static void
test_checksum_of_the_rfc_example(void **state)
{
	static const uint8_t example[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };

	(void)state;
	assert_int_equal(fast(example, 8), 0xddf2); /* RFC 1071 3 */
}

/* Every length at every alignment, in a block of exactly that size. */
static void
test_checksum_equals_the_naive_sum(void **state)
{
	struct mr_rng rng;

	(void)state;
	mr_rng_seed(&rng, 7);
	for (size_t count = 0; count < 700; count++)
		for (size_t shift = 0; shift < 8; shift++) {
			uint8_t *block = malloc(shift + count + 1), *bytes = block + shift + 1;

			for (size_t i = 0; i < count; i++)
				bytes[i] = (uint8_t)mr_rng_next(&rng);
			assert_int_equal(fast(bytes, count), sum_naive(0, bytes, count));
			free(block);
		}
}

static void
test_checksum_carries(void **state)
{
	static uint8_t ones[65535];

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	for (size_t count = 0; count < sizeof(ones); count += 977)
		assert_int_equal(fast(ones, count), sum_naive(0, ones, count));
	assert_int_equal(fast(ones, sizeof(ones)), sum_naive(0, ones, sizeof(ones)));
	memset(ones, 0, sizeof(ones));
	assert_int_equal(fast(ones, sizeof(ones)), 0);
}

/* The mapped form of IPv4 addresses adds nothing to the pseudo-header's sum. */
static void
test_checksum_pseudo_header_of_both_families(void **state)
{
	struct mr_addr src = addr_of(PEER_V4), dst = addr_of(VIP_V4);
	uint8_t head[12] = { [9] = 17, [11] = 99 };
	uint16_t sum = mr_net_sum_fold(mr_net_sum_pseudo(&src, &dst, 17, 99));

	(void)state;
	memcpy(head, src.bytes + 12, 4);
	memcpy(head + 4, dst.bytes + 12, 4);
	assert_int_equal(__builtin_bswap16(sum), sum_naive(0, head, 12));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_checksum_of_the_rfc_example, setup, teardown),
		cmocka_unit_test_setup_teardown(test_checksum_equals_the_naive_sum, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_checksum_carries, setup, teardown),
		cmocka_unit_test_setup_teardown(test_checksum_pseudo_header_of_both_families, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
