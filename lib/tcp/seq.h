/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/seq - arithmetic on sequence numbers and on clocks that wrap at 32 bits.
 *
 * Owner:  nobody; pure functions.
 * Thread: any.
 * Memory: none.
 * Spec:   RFC 9293 3.4 (all comparisons are modulo 2^32), RFC 7323 5.2 (timestamps too).
 */
#ifndef MR_TCP_SEQ_H
#define MR_TCP_SEQ_H

#include "base/base.h"

/* a comes before b when the shorter way from a to b goes up. */
static inline bool
seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool
seq_leq(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

static inline bool
seq_gt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static inline bool
seq_geq(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) >= 0;
}

static inline uint32_t
seq_max(uint32_t a, uint32_t b)
{
	return seq_gt(a, b) ? a : b;
}

static inline uint32_t
seq_min(uint32_t a, uint32_t b)
{
	return seq_lt(a, b) ? a : b;
}

#endif
