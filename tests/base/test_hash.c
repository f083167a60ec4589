/* SPDX-License-Identifier: Apache-2.0
 *
 * base/hash - SipHash-1-3 against vectors, and how evenly the folded multiply spreads.
 *
 * The vectors were computed by this Python, written from the paper; with 2 and 4 rounds in place of
 * 1 and 3 it gives the paper's own value, sip(2, 4, bytes(range(16)), bytes(range(15))) =
 * 0xa129ca6149be45e5.
 *
 *   M = 2**64 - 1
 *   def rotl(x, b): return (x << b | x >> (64 - b)) & M
 *   def sip(c, d, key, msg):
 *       k0, k1 = (int.from_bytes(key[i:i+8], 'little') for i in (0, 8))
 *       v = [k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d,
 *            k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573]
 *       def rnd():
 *           v[0] = v[0] + v[1] & M; v[2] = v[2] + v[3] & M
 *           v[1] = rotl(v[1], 13) ^ v[0]; v[3] = rotl(v[3], 16) ^ v[2]
 *           v[0] = rotl(v[0], 32)
 *           v[2] = v[2] + v[1] & M; v[0] = v[0] + v[3] & M
 *           v[1] = rotl(v[1], 17) ^ v[2]; v[3] = rotl(v[3], 21) ^ v[0]
 *           v[2] = rotl(v[2], 32)
 *       n = len(msg); m = msg + bytes(-(n + 1) % 8) + bytes([n & 255])
 *       for i in range(0, len(m), 8):
 *           w = int.from_bytes(m[i:i+8], 'little'); v[3] ^= w
 *           for _ in range(c): rnd()
 *           v[0] ^= w
 *       v[2] ^= 255
 *       for _ in range(d): rnd()
 *       return v[0] ^ v[1] ^ v[2] ^ v[3]
 *   for n in range(33): print(hex(sip(1, 3, bytes(range(16)), bytes(range(n)))))
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

static const uint64_t vectors[] = {
	0xabac0158050fc4dcull, 0xc9f49bf37d57ca93ull, 0x82cb9b024dc7d44dull, 0x8bf80ab8e7ddf7fbull,
	0xcf75576088d38328ull, 0xdef9d52f49533b67ull, 0xc50d2b50c59f22a7ull, 0xd3927d989bb11140ull,
	0x369095118d299a8eull, 0x25a48eb36c063de4ull, 0x79de85ee92ff097full, 0x70c118c1f94dc352ull,
	0x78a384b157b4d9a2ull, 0x306f760c1229ffa7ull, 0x605aa111c0f95d34ull, 0xd320d86d2a519956ull,
	0xcc4fdd1a7d908b66ull, 0x9cf2689063dbd80cull, 0x8ffc389cb473e63eull, 0xf21f9de58d297d1cull,
	0xc0dc2f46a6cce040ull, 0xb992abfe2b45f844ull, 0x7ffe7b9ba320872eull, 0x525a0e7fdae6c123ull,
	0xf464aeb267349c8cull, 0x45cd5928705b0979ull, 0x3a3e35e3ca9913a5ull, 0xa91dc74e4ade3b35ull,
	0xfb0bed02ef6cd00dull, 0x88d93cb44ab1e1f4ull, 0x540f11d643c5e663ull, 0x2370dd1f8c21d1bcull,
	0x81157b6c16a7b60dull,
};

static void
test_hash_bytes_gives_the_vectors(void **state)
{
	const struct mr_hash_key key = { 0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull };
	const struct mr_hash_key other = { 0xf7f6f5f4f3f2f1f0ull, 0xfffefdfcfbfaf9f8ull };
	uint8_t long_input[300];

	(void)state;
	for (size_t n = 0; n < MR_ARRAY_COUNT(vectors); n++) {
		uint8_t *block = malloc(64), *exact = block + 64 - n; /* a read past it is seen */

		for (size_t i = 0; i < n; i++)
			exact[i] = (uint8_t)i;
		assert_true(mr_hash_bytes(&key, exact, n) == vectors[n]);
		free(block);
	}
	/* longer than the length byte counts: sip(1, 3, bytes(range(0xf0, 0x100)), b'\xff' * 300)
	 */
	memset(long_input, 0xff, sizeof(long_input));
	assert_true(mr_hash_bytes(&other, long_input, sizeof(long_input)) == 0x7fcc948c572cf903ull);
}

static void
test_hash_bytes_does_not_depend_on_alignment(void **state)
{
	const struct mr_hash_key key = { 1, 2 };
	uint8_t bytes[64 + 8];
	uint64_t want = 0;

	(void)state;
	for (size_t shift = 0; shift < 8; shift++) {
		uint64_t hash;

		for (size_t i = 0; i < 61; i++)
			bytes[shift + i] = (uint8_t)(i * 7);
		hash = mr_hash_bytes(&key, bytes + shift, 61);
		if (!shift)
			want = hash;
		assert_true(hash == want);
	}
}

static void
test_load_tail8_reads_only_what_is_there(void **state)
{
	static const uint8_t pattern[] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88 };
	uint64_t seen[9];

	(void)state;
	for (size_t n = 0; n <= 8; n++) {
		uint8_t *block = malloc(64), *exact = block + 64 - n;

		memcpy(exact, pattern, n);
		seen[n] = mr_load_tail8(exact, n);
		/* every byte counts: changing it changes the number */
		for (size_t i = 0; i < n; i++) {
			exact[i] ^= 0x80;
			assert_true(mr_load_tail8(exact, n) != seen[n]);
			exact[i] ^= 0x80;
		}
		free(block);
	}
	assert_true(seen[0] == 0);
	assert_true(seen[8] == 0x8877665544332211ull);
}

/* chi_square of hashes over 1,024 buckets, taken at a shift; degrees of freedom 1,023, so that an
 * even spread is near 1,023 with a deviation of 45. */
static double
chi_square(const uint64_t *hashes, size_t count, unsigned shift)
{
	enum { BUCKETS = 1024 };
	uint32_t seen[BUCKETS] = { 0 };
	double expected = (double)count / BUCKETS, sum = 0;

	for (size_t i = 0; i < count; i++)
		seen[hashes[i] >> shift & (BUCKETS - 1)]++;
	for (size_t b = 0; b < BUCKETS; b++)
		sum += (seen[b] - expected) * (seen[b] - expected) / expected;
	return sum;
}

static int
by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Names as zones have them: counted labels that differ in a digit, under one parent. */
static void
test_hash_finish_spreads_like_chance(void **state)
{
	enum { NAMES = 200000 };
	uint64_t *hashes = calloc(NAMES, sizeof(*hashes));
	uint64_t *folds = calloc(NAMES, sizeof(*folds));
	struct mr_rng rng;

	(void)state;
	mr_rng_seed(&rng, 5);
	for (int trial = 0; trial < 4; trial++) {
		uint64_t k0 = mr_rng_next(&rng), k1 = mr_rng_next(&rng), parent;

		parent = mr_hash_fold(k0, mr_load_tail8((const uint8_t *)"example", 7) ^ k1);
		for (uint64_t i = 0; i < NAMES; i++) {
			char label[16];

			snprintf(label, sizeof(label), "h%07u", (unsigned)i);
			folds[i] =
				mr_hash_fold(parent, mr_load_tail8((const uint8_t *)label, 8) ^ k1);
			hashes[i] = mr_hash_finish(folds[i]);
		}
		for (unsigned shift = 0; shift <= 54; shift += 6) {
			assert_true(chi_square(folds, NAMES, shift) < 8 * 1023);
			assert_true(chi_square(hashes, NAMES, shift) < 1023 + 6 * 45.2);
		}
		qsort(hashes, NAMES, sizeof(*hashes), by_value);
		for (int i = 1; i < NAMES; i++) /* equal by chance: one in 2^29 */
			assert_true(hashes[i] != hashes[i - 1]);
	}
	free(hashes);
	free(folds);
}

/* One flipped bit of input flips half the bits of the hash, on average over states and inputs. */
static void
test_hash_fold_bits_avalanche(void **state)
{
	enum { SAMPLES = 2000 };
	struct mr_rng rng;

	(void)state;
	mr_rng_seed(&rng, 6);
	for (unsigned bit = 0; bit < 64; bit++) {
		uint64_t flipped = 0;

		for (int i = 0; i < SAMPLES; i++) {
			uint64_t s = mr_rng_next(&rng), input = mr_rng_next(&rng);
			uint64_t change =
				mr_hash_fold(s, input) ^ mr_hash_fold(s, input ^ 1ull << bit);

			flipped += (uint64_t)__builtin_popcountll(change);
		}
		assert_in_range(flipped, SAMPLES * 28, SAMPLES * 36);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash_bytes_gives_the_vectors),
		cmocka_unit_test(test_hash_bytes_does_not_depend_on_alignment),
		cmocka_unit_test(test_load_tail8_reads_only_what_is_there),
		cmocka_unit_test(test_hash_finish_spreads_like_chance),
		cmocka_unit_test(test_hash_fold_bits_avalanche),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
