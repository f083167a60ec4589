/* SPDX-License-Identifier: Apache-2.0
 *
 * base/rng - seeding.
 */
#include "base/rng.h"

#include <sys/random.h>

#include "base/assert.h"

void
mr_rng_seed(struct mr_rng *self, uint64_t seed)
{
	for (int i = 0; i < 4; i++) { /* splitmix64 */
		uint64_t z = seed += 0x9e3779b97f4a7c15ull;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
		z = (z ^ z >> 27) * 0x94d049bb133111ebull;
		self->s[i] = z ^ z >> 31;
	}
}

void
mr_rng_secret(void *bytes, size_t byte_count)
{
	MR_ASSERT(byte_count <= 256); /* getrandom gives up to 256 bytes in one piece */
	MR_ASSERT(getrandom(bytes, byte_count, 0) == (ssize_t)byte_count);
}
