/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/pace - the open-loop schedule: when query n was meant to leave, whatever the target does.
 *
 * Latency is measured from these times, so a target (or a generator) that stalls is charged for
 * every query that should have left meanwhile: no coordinated omission.
 *
 * Owner: the generator core. Thread: one. Memory: the struct.
 */
#ifndef MILLGEN_PACE_H
#define MILLGEN_PACE_H

#include "base/base.h"

struct gen_pace {
	uint64_t start_tsc;
	uint64_t period_q32; /* cycles between two queries, 32 fractional bits */
};

/* gen_pace_start lays the schedule from start_tsc on. rate_qps >= 1, tsc_hz < 2^32 or the rate is
 * high enough that a period stays below 2^32 cycles. */
static inline struct gen_pace
gen_pace_start(uint64_t start_tsc, uint64_t rate_qps, uint64_t tsc_hz)
{
	return (struct gen_pace){ start_tsc, (uint64_t)(((__uint128_t)tsc_hz << 32) / rate_qps) };
}

static inline uint64_t
gen_pace_intended(const struct gen_pace *self, uint64_t n)
{
	return self->start_tsc + (uint64_t)(((__uint128_t)n * self->period_q32) >> 32);
}

/* gen_pace_scheduled returns how many queries were meant to leave at or before now. */
static inline uint64_t
gen_pace_scheduled(const struct gen_pace *self, uint64_t now_tsc)
{
	uint64_t n;

	if (now_tsc < self->start_tsc)
		return 0;
	n = (uint64_t)((((__uint128_t)(now_tsc - self->start_tsc)) << 32) / self->period_q32);
	/* Division rounds down and intended times are rounded down too: the next may be due. */
	while (gen_pace_intended(self, n) <= now_tsc)
		n++;
	return n;
}

#endif
