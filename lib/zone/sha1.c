/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/sha1 - SHA-1 of a short message (FIPS 180-4 6.1), for NSEC3 only.
 *
 * A library's would allocate its context or want one kept per thread, where a query hashes one
 * block or a few.
 */
#include <cpuid.h>

#include "zone/zone_int.h"

enum { BLOCK_BYTES = 64, HALF_BYTES = 32, BLOCK_GROUPS = 20 }; /* groups of four rounds */
enum { END_BYTES = 9 }; /* behind the message: a bit and the length */
enum { CPUID_FEATURES = 7, CPUID_SHA_BIT = 29 };

typedef void compress_fn(uint32_t state[5], const uint8_t *block);

static inline uint32_t
rotate(uint32_t x, unsigned bits)
{
	return x << bits | x >> (32 - bits);
}

static void
compress_plain(uint32_t state[5], const uint8_t *block)
{
	uint32_t w[16], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];

	for (unsigned t = 0; t < 16; t++)
		w[t] = mr_load_be32(block + 4 * t);
	for (unsigned t = 0; t < 80; t++) {
		uint32_t f, k, next;

		if (t >= 16)
			w[t & 15] = rotate(w[(t + 13) & 15] ^ w[(t + 8) & 15] ^ w[(t + 2) & 15] ^
						   w[t & 15],
					   1);
		if (t < 20) {
			f = (b & c) | (~b & d);
			k = 0x5a827999;
		} else if (t < 40) {
			f = b ^ c ^ d;
			k = 0x6ed9eba1;
		} else if (t < 60) {
			f = (b & c) | (b & d) | (c & d);
			k = 0x8f1bbcdc;
		} else {
			f = b ^ c ^ d;
			k = 0xca62c1d6;
		}
		next = rotate(a, 5) + f + e + k + w[t & 15];
		e = d;
		d = c;
		c = rotate(b, 30);
		b = a;
		a = next;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
}

/* The same with the CPU's own instructions: a group of four rounds each. */
__attribute__((target("sha,sse4.1"))) static void
compress_cpu(uint32_t state[5], const uint8_t *block)
{
	const __m128i swap = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
	__m128i w[BLOCK_GROUPS + 1], abcd, e, first_abcd, before;

	for (unsigned g = 0; g < 4; g++)
		w[g] = _mm_shuffle_epi8(_mm_loadu_si128(
						(const __m128i *)(const void *)(block + 16 * g)),
					swap);
	for (unsigned g = 4; g < BLOCK_GROUPS; g++)
		w[g] = _mm_sha1msg2_epu32(_mm_xor_si128(_mm_sha1msg1_epu32(w[g - 4], w[g - 3]),
							w[g - 2]),
					  w[g - 1]);
	abcd = _mm_loadu_si128((const __m128i *)(const void *)state);
	abcd = first_abcd = _mm_shuffle_epi32(abcd, 0x1b);
	w[BLOCK_GROUPS] = _mm_set_epi32((int)state[4], 0, 0, 0);
	e = _mm_add_epi32(w[BLOCK_GROUPS], w[0]);
#define GROUPS(function)                                                      \
	for (unsigned g = 5 * (function) + 1; g <= 5 * (function) + 5; g++) { \
		before = abcd;                                                \
		abcd = _mm_sha1rnds4_epu32(abcd, e, function);                \
		e = _mm_sha1nexte_epu32(before, w[g]);                        \
	}
	GROUPS(0)
	GROUPS(1)
	GROUPS(2)
	GROUPS(3)
#undef GROUPS
	abcd = _mm_shuffle_epi32(_mm_add_epi32(abcd, first_abcd), 0x1b);
	_mm_storeu_si128((__m128i *)(void *)state, abcd);
	state[4] = (uint32_t)_mm_extract_epi32(e, 3);
}

static bool
cpu_has_sha(void)
{
	enum { UNKNOWN, NO, YES };
	static uint8_t known; /* relaxed: whoever asks first finds the same */
	uint8_t has = __atomic_load_n(&known, __ATOMIC_RELAXED);

	if (mr_unlikely(has == UNKNOWN)) {
		unsigned a, b = 0, c, d;

		has = __get_cpuid_count(CPUID_FEATURES, 0, &a, &b, &c, &d) && b >> CPUID_SHA_BIT & 1
			      ? YES
			      : NO;
		__atomic_store_n(&known, has, __ATOMIC_RELAXED);
	}
	return has == YES;
}

static void
compress_long(compress_fn *compress, uint32_t state[5], const uint8_t *bytes, unsigned byte_count)
{
	uint8_t last[2 * BLOCK_BYTES] = { 0 };
	unsigned left = byte_count, last_bytes;

	for (; left >= BLOCK_BYTES; left -= BLOCK_BYTES, bytes += BLOCK_BYTES)
		compress(state, bytes);
	memcpy(last, bytes, left);
	last[left] = 0x80;
	last_bytes = left + END_BYTES <= BLOCK_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES;
	mr_store_be32(last + last_bytes - 4, byte_count * 8);
	for (unsigned at = 0; at < last_bytes; at += BLOCK_BYTES)
		compress(state, last + at);
}

/* A short message's only block, made in registers and stored by halves: what is loaded soon after
 * would wait for smaller stores. */
static inline void
make_block(uint8_t *block, const uint8_t *bytes, unsigned byte_count)
{
	const __m256i index =
		_mm256_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
				 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31);

	for (unsigned half = 0; half < BLOCK_BYTES; half += HALF_BYTES) {
		__m256i end = _mm256_set1_epi8((char)((int)byte_count - (int)half));
		__m256i one = _mm256_and_si256(_mm256_cmpeq_epi8(index, end),
					       _mm256_set1_epi8((char)0x80));
		__m256i text = _mm256_setzero_si256();

		if (byte_count > half)
			text = _mm256_loadu_si256((const __m256i *)(const void *)(bytes + half));
		text = _mm256_and_si256(text, _mm256_cmpgt_epi8(end, index));
		text = _mm256_or_si256(text, one);
		if (half) /* the length in bits, at the end */
			text = _mm256_insert_epi16(text,
						   __builtin_bswap16((uint16_t)(byte_count * 8)),
						   15);
		_mm256_storeu_si256((__m256i *)(void *)(block + half), text);
	}
}

static inline void
hash(compress_fn *compress, const uint8_t *bytes, unsigned byte_count,
     uint8_t out[ZONE_NSEC3_HASH_BYTES])
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
	uint32_t state[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };

	if (mr_likely(byte_count <= BLOCK_BYTES - END_BYTES)) {
		uint8_t block[BLOCK_BYTES];

		make_block(block, bytes, byte_count);
		compress(state, block);
	} else {
		compress_long(compress, state, bytes, byte_count);
	}
	_mm_storeu_si128((__m128i *)(void *)out,
			 _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)state),
					  swap));
	mr_store_be32(out + 16, state[4]);
}

void
zone_sha1(const uint8_t *bytes, unsigned byte_count, uint8_t out[ZONE_NSEC3_HASH_BYTES])
{
	if (mr_likely(cpu_has_sha()))
		hash(compress_cpu, bytes, byte_count, out);
	else
		hash(compress_plain, bytes, byte_count, out);
}

void
zone_sha1_plain(const uint8_t *bytes, unsigned byte_count, uint8_t out[ZONE_NSEC3_HASH_BYTES])
{
	hash(compress_plain, bytes, byte_count, out);
}
