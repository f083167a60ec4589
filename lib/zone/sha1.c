/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/sha1 - SHA-1 of a short message (FIPS 180-4 6.1), for NSEC3 only.
 *
 * A library's would allocate its context or want one kept per thread, where a query hashes one
 * block or a few.
 */
#include "zone/zone_int.h"

enum { BLOCK_BYTES = 64 };

static inline uint32_t
rotate(uint32_t x, unsigned bits)
{
	return x << bits | x >> (32 - bits);
}

static void
compress(uint32_t state[5], const uint8_t *block)
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

void
zone_sha1(const uint8_t *bytes, unsigned byte_count, uint8_t out[ZONE_NSEC3_HASH_BYTES])
{
	uint32_t state[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
	uint8_t last[2 * BLOCK_BYTES] = { 0 };
	unsigned left = byte_count, last_bytes;

	for (; left >= BLOCK_BYTES; left -= BLOCK_BYTES, bytes += BLOCK_BYTES)
		compress(state, bytes);
	memcpy(last, bytes, left);
	last[left] = 0x80;
	last_bytes = left + 9 <= BLOCK_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES;
	mr_store_be32(last + last_bytes - 4, byte_count * 8);
	for (unsigned at = 0; at < last_bytes; at += BLOCK_BYTES)
		compress(state, last + at);
	for (unsigned i = 0; i < 5; i++)
		mr_store_be32(out + 4 * i, state[i]);
}
