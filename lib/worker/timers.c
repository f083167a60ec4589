/* SPDX-License-Identifier: Apache-2.0
 *
 * worker/timers - deadlines of the worker's own things. (Connections have a wheel of their own.)
 *
 * A timer lies in a fixed array; its number is its handle in the wheel. Free ones are chained
 * through `owner`.
 */
#include "worker/worker_int.h"

#include <errno.h>
#include <stdlib.h>

enum { TICK_SHIFT = 20 /* 1.05 ms */ };

int
worker_timers_create(struct mr_worker *self, struct mr_error *error)
{
	self->timers = calloc(MR_TIMER_MAX + 1, sizeof(*self->timers));
	if (!self->timers)
		return mr_error_set(error, -ENOMEM, "no memory for the timers of worker %u",
				    self->index);
	for (uint32_t i = 1; i < MR_TIMER_MAX; i++)
		self->timers[i].owner = i + 1;
	self->timer_free = 1;
	mr_wheel_init(&self->wheel, self->timers, sizeof(*self->timers),
		      offsetof(struct worker_timer, node), TICK_SHIFT, mr_clock_now_ns());
	return 0;
}

void
worker_timers_destroy(struct mr_worker *self)
{
	free(self->timers);
	self->timers = NULL;
}

static void
timer_free(struct mr_worker *self, uint32_t timer)
{
	self->timers[timer].fire = NULL;
	self->timers[timer].owner = self->timer_free;
	self->timer_free = timer;
}

uint32_t
mr_timer_start(struct mr_worker *self, uint64_t delay_ns, mr_timer_fn *fire, uint32_t owner,
	       uint32_t generation)
{
	uint32_t timer = self->timer_free;
	struct worker_timer *slot = &self->timers[timer];

	if (!timer) {
		self->tally[MR_WORKER_timer_refused]++;
		return 0;
	}
	self->timer_free = slot->owner;
	slot->fire = fire;
	slot->owner = owner;
	slot->generation = generation;
	mr_wheel_schedule(&self->wheel, timer, self->now_ns + delay_ns);
	return timer;
}

void
mr_timer_cancel(struct mr_worker *self, uint32_t timer)
{
	MR_ASSERT_SLOW(timer > 0 && timer <= MR_TIMER_MAX && self->timers[timer].fire);
	mr_wheel_cancel(&self->wheel, timer);
	timer_free(self, timer);
}

static uint64_t
timer_expire(void *context, uint32_t timer, uint64_t now_ns)
{
	struct mr_worker *self = context;
	struct worker_timer fired = self->timers[timer];

	(void)now_ns;
	timer_free(self, timer); /* before fire, which may start another */
	fired.fire(self, fired.owner, fired.generation);
	self->tally[MR_WORKER_timer_fired]++;
	return 0;
}

uint32_t
worker_turn_timers(struct mr_worker *self)
{
	return mr_wheel_advance(&self->wheel, self->now_ns, MR_WORKER_TIMERS_PER_TURN, timer_expire,
				self);
}
