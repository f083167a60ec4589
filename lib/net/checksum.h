/* SPDX-License-Identifier: Apache-2.0
 *
 * net/checksum - the Internet checksum, in 64-bit steps.
 *
 * A sum is a uint64_t to which end-around carries have been added; the order of the bytes does not
 * matter until it is stored (RFC 1071 2 (B)), so nothing here swaps. Every piece but the last has
 * an even number of bytes.
 *
 * Owner: nobody. Thread: any. Memory: none. Spec: RFC 1071; RFC 8200 8.1 and 768 (pseudo-header).
 */
#ifndef MR_NET_CHECKSUM_H
#define MR_NET_CHECKSUM_H

#include <string.h>

#include "base/base.h"

static inline uint64_t
mr_net_sum_add(uint64_t sum, uint64_t value)
{
	sum += value;
	return sum + (sum < value);
}

/* Four 64-bit lanes: AVX2 where the build has it, SSE2 otherwise. */
typedef uint64_t net_sum_lanes __attribute__((vector_size(32)));

/* mr_net_sum_bytes adds byte_count bytes (< 2^32) to sum. */
static inline uint64_t
mr_net_sum_bytes(uint64_t sum, const void *bytes, size_t byte_count)
{
	const uint8_t *p = bytes;
	uint64_t low = 0, high = 0, word, tail = 0;

	if (byte_count >= 32) {
		net_sum_lanes lows = { 0 }, highs = { 0 }, words, more;

		for (; byte_count >= 64; p += 64, byte_count -= 64) {
			memcpy(&words, p, 32);
			memcpy(&more, p + 32, 32);
			lows += (words & 0xffffffff) + (more & 0xffffffff);
			highs += (words >> 32) + (more >> 32);
		}
		for (; byte_count >= 32; p += 32, byte_count -= 32) {
			memcpy(&words, p, 32);
			lows += words & 0xffffffff;
			highs += words >> 32;
		}
		lows += highs;
		low = lows[0] + lows[1] + lows[2] + lows[3];
	}
	for (; byte_count >= 8; p += 8, byte_count -= 8) {
		memcpy(&word, p, 8);
		low += (uint32_t)word;
		high += word >> 32;
	}
	if (byte_count & 4) {
		uint32_t four;

		memcpy(&four, p, 4);
		tail = four;
		p += 4;
	}
	if (byte_count & 2) {
		uint16_t two;

		memcpy(&two, p, 2);
		tail += two;
		p += 2;
	}
	if (byte_count & 1)
		tail += *p; /* the padding byte behind it is zero: low byte of a little-endian word
			     */
	return mr_net_sum_add(mr_net_sum_add(sum, low), high + tail);
}

/* mr_net_sum_fold returns the 16-bit one's complement sum, as it lies in memory. Over bytes with
 * their checksum in place it is 0xffff when they are whole. Added to itself turned by half its
 * width, a number's upper half is the sum of both, with the carry that the lower halves gave. */
static inline uint16_t
mr_net_sum_fold(uint64_t sum)
{
	uint32_t half;

	sum += sum << 32 | sum >> 32;
	half = (uint32_t)(sum >> 32);
	half += half << 16 | half >> 16;
	return (uint16_t)(half >> 16);
}

/* mr_net_sum_pseudo is the pseudo-header's part for l4_bytes of protocol between two addresses. One
 * formula for both families: the ::ffff:0:0/96 of a mapped IPv4 address adds 0xffff, which is
 * nothing in one's complement. */
static inline uint64_t
mr_net_sum_pseudo(const struct mr_addr *src, const struct mr_addr *dst, uint8_t protocol,
		  uint16_t l4_bytes)
{
	uint64_t sum = (uint64_t)__builtin_bswap16(l4_bytes) + ((uint64_t)protocol << 8);

	sum = mr_net_sum_add(sum, src->halves[0]);
	sum = mr_net_sum_add(sum, src->halves[1]);
	sum = mr_net_sum_add(sum, dst->halves[0]);
	return mr_net_sum_add(sum, dst->halves[1]);
}

/* mr_net_checksum_store writes the checksum that belongs to sum at out. */
static inline void
mr_net_checksum_store(void *out, uint64_t sum)
{
	uint16_t check = (uint16_t)~mr_net_sum_fold(sum);

	memcpy(out, &check, sizeof(check));
}

#endif
