/* SPDX-License-Identifier: Apache-2.0
 *
 * base/hash - keyed hashes. The key is drawn at boot, so that nobody outside can aim at a bucket.
 *
 * mr_hash_bytes  SipHash-1-3 over any bytes: for tables that strangers write into (connections).
 * mr_hash_fold   one multiply-and-fold step of 8 bytes: for tables that only the operator writes
 *                into (zone names), where a stranger can look up but not insert. Labels are folded
 *                root first, so one pass gives the hash of a name and of each of its ancestors.
 *
 * Owner: nobody. Thread: any. Memory: none.
 * Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012); folded multiply as in
 * wyhash.
 */
#ifndef MR_BASE_HASH_H
#define MR_BASE_HASH_H

#include <string.h>

#include "base/types.h"

struct mr_hash_key {
	uint64_t k0, k1;
};

/* mr_hash_bytes returns the SipHash-1-3 of byte_count bytes under key. */
uint64_t mr_hash_bytes(const struct mr_hash_key *key, const void *bytes, size_t byte_count);

/* mr_hash_fold mixes 64 bits of input into state; k1 of the key should be xored into input by the
 * caller. */
static inline uint64_t
mr_hash_fold(uint64_t state, uint64_t input)
{
	__uint128_t product =
		(__uint128_t)(state ^ 0x9e3779b97f4a7c15ull) * (input ^ 0xd6e8feb86659fd93ull);

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* mr_hash_finish makes a table's bits of a folded state. One fold keeps the lattice of inputs that
 * differ in few digits: spread over 1,024 buckets, numbered labels were found with up to four times
 * the variance of chance; after this second fold they are as even as chance. What is folded on is
 * the state, not the finished value. */
static inline uint64_t
mr_hash_finish(uint64_t state)
{
	return mr_hash_fold(state, 0xa0761d6478bd642full);
}

/* mr_load_tail8 returns up to 8 bytes (count <= 8) as a little-endian number without reading past
 * them. */
static inline uint64_t
mr_load_tail8(const uint8_t *p, size_t count)
{
	if (count >= 8) {
		uint64_t v;

		memcpy(&v, p, 8);
		return v;
	}
	if (count >= 4) {
		uint32_t low, high;

		memcpy(&low, p, 4);
		memcpy(&high, p + count - 4, 4);
		return low | (uint64_t)high << 32;
	}
	if (count == 0)
		return 0;
	return p[0] | (uint64_t)p[count / 2] << 8 | (uint64_t)p[count - 1] << 16;
}

#endif
