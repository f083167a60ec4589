/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/sha1 - both ways of hashing against FIPS 180's examples and against ldns.
 */
#include <ldns/ldns.h>

#include "text_fixture.h"
#include "zone/zone_int.h"

static void
test_examples_of_fips_180(void **state)
{
	static const struct {
		const char *text, *hash;
	} rows[] = {
		{ "abc", "\xa9\x99\x3e\x36\x47\x06\x81\x6a\xba\x3e"
			 "\x25\x71\x78\x50\xc2\x6c\x9c\xd0\xd8\x9d" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "\x84\x98\x3e\x44\x1c\x3b\xd2\x6e\xba\xae"
		  "\x4a\xa1\xf9\x51\x29\xe5\xe5\x46\x70\xf1" },
	};
	uint8_t out[ZONE_NSEC3_HASH_BYTES];

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(rows); i++) {
		unsigned bytes = (unsigned)strlen(rows[i].text);
		uint8_t text[64];

		memcpy(text, rows[i].text, bytes);
		zone_sha1(text, bytes, out);
		assert_memory_equal(out, rows[i].hash, sizeof(out));
		zone_sha1_plain(text, bytes, out);
		assert_memory_equal(out, rows[i].hash, sizeof(out));
	}
}

static void
test_every_length_as_ldns(void **state)
{
	uint8_t bytes[2 * 255 + 32] = { 0 }, expected[ZONE_NSEC3_HASH_BYTES],
				out[ZONE_NSEC3_HASH_BYTES];
	struct mr_rng rng;

	(void)state;
	mr_rng_seed(&rng, 7);
	for (unsigned count = 0; count <= 2 * 255; count++) {
		for (unsigned i = 0; i < count; i++)
			bytes[i] = (uint8_t)mr_rng_below(&rng, 256);
		ldns_sha1(bytes, count, expected);
		zone_sha1(bytes, count, out);
		assert_memory_equal(out, expected, sizeof(out));
		zone_sha1_plain(bytes, count, out);
		assert_memory_equal(out, expected, sizeof(out));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples_of_fips_180),
		cmocka_unit_test(test_every_length_as_ldns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
