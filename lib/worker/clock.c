/* SPDX-License-Identifier: Apache-2.0
 *
 * worker/clock - the time stamp counter, kept in step with the kernel's monotonic clock.
 *
 * DPDK rounds the counter's frequency to 10 MHz where the CPU does not tell it: up to 0.2 %, so a
 * worker's time would be two seconds off after a quarter of an hour. Each tick takes the rate of
 * the time since the tick before, and adds what brings the error to zero within CLOCK_AIM_NS.
 */
#include "worker/worker_int.h"

enum { CLOCK_TRIES = 4 };

#define CLOCK_AIM_NS   MR_NS_PER_S
#define CLOCK_STEP_NS  (100 * MR_NS_PER_MS) /* further behind than this: set, not steered */
#define CLOCK_SLOW_NS  (CLOCK_AIM_NS / 2)   /* the most that counts as ahead: half speed */
#define CLOCK_LEAST_NS MR_NS_PER_MS         /* a shorter time between ticks tells no rate */
#define CLOCK_GAP_NS   (5 * MR_NS_PER_US)   /* a sample that took longer says too little */

static void
clock_publish(struct mr_worker_clock *self, uint64_t tsc, uint64_t now_ns, uint64_t scale)
{
	uint32_t sequence = self->sequence;

	__atomic_store_n(&self->sequence, sequence + 1, __ATOMIC_RELAXED);
	/* The odd number is seen before any of the new values is. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	__atomic_store_n(&self->base_tsc, tsc, __ATOMIC_RELAXED);
	__atomic_store_n(&self->base_ns, now_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&self->scale, scale, __ATOMIC_RELAXED);
	/* release: the new values are seen before the even number is. */
	__atomic_store_n(&self->sequence, sequence + 2, __ATOMIC_RELEASE);
}

void
worker_clock_start(struct mr_worker_clock *self, uint64_t tsc, uint64_t now_ns, uint64_t tsc_hz)
{
	self->seen_tsc = tsc;
	self->seen_ns = now_ns;
	clock_publish(self, tsc, now_ns, (uint64_t)(((__uint128_t)MR_NS_PER_S << 32) / tsc_hz));
}

void
worker_clock_steer(struct mr_worker_clock *self, uint64_t tsc, uint64_t now_ns)
{
	uint64_t passed_tsc = tsc - self->seen_tsc, passed_ns = now_ns - self->seen_ns;
	uint64_t told_ns = worker_clock_ns(self, tsc), rate;

	if (tsc <= self->seen_tsc || now_ns < self->seen_ns + CLOCK_LEAST_NS)
		return;
	self->seen_tsc = tsc;
	self->seen_ns = now_ns;
	rate = (uint64_t)(((__uint128_t)passed_ns << 32) / passed_tsc);
	if (now_ns > told_ns + CLOCK_STEP_NS) {
		clock_publish(self, tsc, now_ns, rate);
	} else if (now_ns >= told_ns) {
		uint64_t aim_ns = CLOCK_AIM_NS + (now_ns - told_ns);

		clock_publish(self, tsc, told_ns,
			      (uint64_t)((__uint128_t)rate * aim_ns / CLOCK_AIM_NS));
	} else {
		uint64_t aim_ns = CLOCK_AIM_NS - MR_MIN(told_ns - now_ns, CLOCK_SLOW_NS);

		clock_publish(self, tsc, told_ns,
			      (uint64_t)((__uint128_t)rate * aim_ns / CLOCK_AIM_NS));
	}
}

void
worker_clock_follow(struct mr_worker_clock *self, const struct mr_worker_clock *group)
{
	struct mr_worker_clock next = { 0 };

	/* acquire: the values are read after the number that they belong to */
	next.sequence = __atomic_load_n(&group->sequence, __ATOMIC_ACQUIRE);
	if (mr_likely(next.sequence == self->sequence) || next.sequence & 1)
		return;
	next.base_tsc = __atomic_load_n(&group->base_tsc, __ATOMIC_RELAXED);
	next.base_ns = __atomic_load_n(&group->base_ns, __ATOMIC_RELAXED);
	next.scale = __atomic_load_n(&group->scale, __ATOMIC_RELAXED);
	/* The values are read before the number is looked at again. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (__atomic_load_n(&group->sequence, __ATOMIC_RELAXED) == next.sequence)
		*self = next;
}

void
mr_worker_clock_tick(struct mr_worker_group *group)
{
	mr_site_clock_tick(&group->day, (int64_t)time(NULL));
	/* The counter is read on both sides of the clock, and again when we were interrupted in
	 * between. */
	for (int i = 0; i < CLOCK_TRIES; i++) {
		uint64_t before = rte_rdtsc(), now_ns = mr_clock_now_ns(), after = rte_rdtsc();

		if (worker_clock_span_ns(&group->clock, after - before) < CLOCK_GAP_NS) {
			worker_clock_steer(&group->clock, before + (after - before) / 2, now_ns);
			return;
		}
	}
}
