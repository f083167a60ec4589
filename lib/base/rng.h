/* SPDX-License-Identifier: Apache-2.0
 *
 * base/rng - a seeded pseudo-random sequence, passed in like the clock (sans-IO code draws from
 * nothing else).
 *
 * Not for secrets: keys come from mr_rng_secret, which asks the kernel, at boot and on the control
 * thread.
 *
 * Owner: the caller. Thread: one at a time. Memory: the struct.
 * Source: Blackman and Vigna, "Scrambled linear pseudorandom number generators" (xoshiro256**), and
 * splitmix64.
 */
#ifndef MR_BASE_RNG_H
#define MR_BASE_RNG_H

#include "base/error.h"
#include "base/types.h"

struct mr_rng {
	uint64_t s[4];
};

/* mr_rng_seed makes the whole sequence a function of seed. */
void mr_rng_seed(struct mr_rng *self, uint64_t seed);

/* mr_rng_secret fills bytes from the kernel's generator; ends the process if the kernel cannot. */
void mr_rng_secret(void *bytes, size_t byte_count);

enum { MR_RNG_SECRET_MAX = 256 };

/* mr_rng_secret_file reads byte_count (at most MR_RNG_SECRET_MAX) bytes from a file of hex digits,
 * spaces between them as one likes. A file that is not there is made of new ones, readable by its
 * owner only. Returns 0 or -errno with error filled: -EPERM when others may read it. At boot. */
MR_MUST_USE int mr_rng_secret_file(const char *path, void *bytes, size_t byte_count,
				   struct mr_error *error);

static inline uint64_t
mr_rng_next(struct mr_rng *self)
{
	uint64_t *s = self->s, result = (s[1] * 5 << 7 | s[1] * 5 >> 57) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = s[3] << 45 | s[3] >> 19;
	return result;
}

/* mr_rng_below returns a number in [0 .. bound); bound > 0. Bias is below 2^-32 for bounds under
 * 2^32. */
static inline uint64_t
mr_rng_below(struct mr_rng *self, uint64_t bound)
{
	return (uint64_t)(((__uint128_t)mr_rng_next(self) * bound) >> 64);
}

#endif
