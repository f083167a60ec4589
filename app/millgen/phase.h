/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/phase - where a run is: warming up, measuring, or waiting for the last answers.
 *
 * Phase      next                                               [function]
 *   WARM_UP -> MEASURE  after warm_up: counted from here on      [gen_phase_turn]
 *   MEASURE -> DRAIN    after duration: nothing more is sent     [gen_phase_turn]
 *   DRAIN   -> over     all answered, or the time limit          [the loop]
 *
 * Units are numbered from 0 in the order of the schedule.
 *
 * Owner: the generator core. Thread: one. Memory: the struct.
 */
#ifndef MILLGEN_PHASE_H
#define MILLGEN_PHASE_H

#include "pace.h"
#include "tally.h"

struct gen_phase {
	struct gen_pace pace; /* period 0: as fast as possible */
	uint64_t measure_n;   /* the first unit that counts; UINT64_MAX: not known yet */
	uint64_t measure_tsc, end_tsc, drain_tsc;
	bool measuring;
};

/* gen_phase_start lays the times of a run that begins at start_tsc. */
static inline void
gen_phase_start(struct gen_phase *self, const struct gen_run *run, uint64_t tsc_hz,
		uint64_t start_tsc)
{
	double cycles_per_ns = (double)tsc_hz / 1e9;

	*self = (struct gen_phase){ .measure_n = UINT64_MAX };
	self->measure_tsc = start_tsc + (uint64_t)((double)run->warm_up_ns * cycles_per_ns);
	self->end_tsc = self->measure_tsc + (uint64_t)((double)run->duration_ns * cycles_per_ns);
	self->drain_tsc = self->end_tsc + (uint64_t)((double)run->drain_ns * cycles_per_ns);
	self->pace.start_tsc = start_tsc;
	if (run->rate_qps) {
		self->pace = gen_pace_start(start_tsc, run->rate_qps, tsc_hz);
		self->measure_n = gen_pace_scheduled(&self->pace, self->measure_tsc - 1);
	}
}

/* gen_phase_turn opens MEASURE when it is time; next_n is the next unit to be sent. It returns
 * whether units may still be sent. */
static inline bool
gen_phase_turn(struct gen_phase *self, uint64_t now_tsc, uint64_t next_n)
{
	if (mr_unlikely(!self->measuring && now_tsc >= self->measure_tsc)) {
		self->measuring = true;
		if (!self->pace.period_q32)
			self->measure_n = next_n;
	}
	return now_tsc < self->end_tsc;
}

/* gen_phase_counts returns how many of the units [n .. n + count) count. */
static inline uint64_t
gen_phase_counts(const struct gen_phase *self, uint64_t n, uint64_t count)
{
	if (mr_likely(n >= self->measure_n))
		return count;
	return n + count > self->measure_n ? n + count - self->measure_n : 0;
}

/* gen_phase_finish fills in what was scheduled and how long was measured, at now_tsc. */
static inline void
gen_phase_finish(const struct gen_phase *self, struct gen_tally *tally, uint64_t now_tsc,
		 uint64_t tsc_hz)
{
	now_tsc = MR_MIN(now_tsc, self->end_tsc);
	tally->scheduled = tally->sent;
	if (now_tsc <= self->measure_tsc)
		return;
	tally->measured_ns =
		(uint64_t)((double)(now_tsc - self->measure_tsc) * 1e9 / (double)tsc_hz);
	if (self->pace.period_q32)
		tally->scheduled = gen_pace_scheduled(&self->pace, now_tsc - 1) - self->measure_n;
}

#endif
