/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/sum - the Internet checksum, eight bytes at a time and by parts.
 *
 * Sums are kept as any 64-bit number that is congruent to the ones' complement sum of the bytes'
 * 16-bit words as they lie in memory: 2^64 - 1 is a multiple of 65535, so 64-bit end-around-carry
 * addition keeps the residue, and a rotation by 8 is the byte swap that an odd offset asks for.
 *
 * Owner: nobody. Thread: any. Memory: none. Spec: RFC 1071, 1624.
 */
#ifndef MILLGEN_SUM_H
#define MILLGEN_SUM_H

#include "base/base.h"

/* gen_sum_add adds with end-around carry. */
static inline uint64_t
gen_sum_add(uint64_t sum, uint64_t words)
{
	uint64_t total = sum + words;

	return total + (total < words);
}

/* gen_sum_at puts eight bytes that lie at an odd offset in step with those at even ones. */
static inline uint64_t
gen_sum_at(uint64_t words, unsigned offset)
{
	unsigned turn = (offset & 1) * 8;

	return words << turn | words >> (-turn & 63);
}

/* gen_sum_bytes adds byte_count bytes that begin at an even offset. */
static inline uint64_t
gen_sum_bytes(uint64_t sum, const uint8_t *bytes, size_t byte_count)
{
	uint64_t words, low = 0, high = 0;

	/* Halves of words into two sums that cannot overflow: nothing waits for a carry. */
	for (; byte_count >= 8; bytes += 8, byte_count -= 8) {
		memcpy(&words, bytes, 8);
		low += (uint32_t)words;
		high += words >> 32;
	}
	if (byte_count & 4) {
		uint32_t four;

		memcpy(&four, bytes, 4);
		low += four;
		bytes += 4;
	}
	if (byte_count & 2) {
		uint16_t two;

		memcpy(&two, bytes, 2);
		low += two;
		bytes += 2;
	}
	if (byte_count & 1)
		low += *bytes;
	return gen_sum_add(gen_sum_add(sum, low), high);
}

/* gen_sum_fold returns the 16-bit ones' complement sum, as it would be loaded from memory. */
static inline uint16_t
gen_sum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

#endif
