/* SPDX-License-Identifier: Apache-2.0
 *
 * http/scan - find the first octet outside a class, 32 at a time.
 *
 * A class of octets is two 16-entry tables: low[c & 15] has a bit for each high nibble that may
 * stand with it, high[c >> 4] is that bit (0 from 0x80 on, unless the class takes all of those). An
 * octet belongs to the class if the two have a bit in common, so any set of ASCII octets can be had
 * with two shuffles.
 *
 * The last, partial block is loaded so that it ends where the bytes end, and what lies before the
 * start is shifted out: nothing outside [bytes .. bytes + end) is ever read. So one call looks at
 * fewer than 32 octets behind its start, whatever came before: dripping a head octet by octet costs
 * O(1) each.
 *
 * Owner:  nobody; classes are constants. Thread: any. Memory: reads the caller's bytes only.
 */
#ifndef MR_HTTP_SCAN_H
#define MR_HTTP_SCAN_H

#include <immintrin.h>

#include "base/base.h"

struct http_class {
	uint8_t low[16];
	uint8_t high[16];
};

extern const struct http_class http_class_token;  /* RFC 9110 5.6.2 tchar */
extern const struct http_class http_class_value;  /* field-content: HTAB, SP, VCHAR, obs-text */
extern const struct http_class http_class_target; /* what a request target may hold: http/path.h */
extern const struct http_class http_class_plain;  /* a path that needs no rewriting, but for dots */

static inline bool
http_class_has(const struct http_class *class, uint8_t c)
{
	return class->low[c & 15] & class->high[c >> 4];
}

/* A mask of the octets of a block that are outside the class. */
static inline uint32_t
http_class_outside(const struct http_class *class, __m256i block)
{
	const __m256i low = _mm256_broadcastsi128_si256(
		_mm_loadu_si128((const __m128i *)(const void *)class->low));
	const __m256i high = _mm256_broadcastsi128_si256(
		_mm_loadu_si128((const __m128i *)(const void *)class->high));
	const __m256i nibble = _mm256_set1_epi8(15);
	__m256i l = _mm256_shuffle_epi8(low, _mm256_and_si256(block, nibble));
	__m256i h =
		_mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(block, 4), nibble));

	return (uint32_t)_mm256_movemask_epi8(
		_mm256_cmpeq_epi8(_mm256_and_si256(l, h), _mm256_setzero_si256()));
}

/* http_scan returns the offset in [at .. end] of the first octet outside the class; end if there is
 * none. */
static inline uint32_t
http_scan(const struct http_class *class, const uint8_t *bytes, uint32_t at, uint32_t end)
{
	uint32_t outside;

	for (; end - at >= 32; at += 32) {
		outside = http_class_outside(class,
					     _mm256_loadu_si256(
						     (const __m256i *)(const void *)(bytes + at)));
		if (outside)
			return at + (uint32_t)__builtin_ctz(outside);
	}
	if (at == end)
		return end;
	if (end >= 32) {
		outside = http_class_outside(
			class,
			_mm256_loadu_si256((const __m256i *)(const void *)(bytes + end - 32)));
		outside >>= 32 - (end - at);
		return outside ? at + (uint32_t)__builtin_ctz(outside) : end;
	}
	while (at < end && http_class_has(class, bytes[at]))
		at++;
	return at;
}

#endif
