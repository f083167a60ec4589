/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/timer - a coarse ring of timers, 8 bytes each, that is never cancelled.
 *
 * A ring of lists, one for each tick of 4 ms, reaching a minute ahead. An object is linked at most
 * once, and says when it fires what it really waits for (lazy re-arming): so there is no unlinking,
 * no second pointer, and a closed connection's timer is met once more and dropped.
 *
 * Owner:  the client (client.h). Thread: the generator core.
 * Memory: heads, 64 KiB, in the struct; nodes in the connections.
 * Source: Varghese and Lauck, "Hashed and hierarchical timing wheels" (1987), scheme 6.
 */
#ifndef MILLGEN_TIMER_H
#define MILLGEN_TIMER_H

#include "base/base.h"

enum {
	GEN_TIMER_SHIFT = 2, /* ms to ticks */
	GEN_TIMER_SLOTS = 1 << 14,
	GEN_TIMER_NEAR_MS = 200, /* what is not idle is looked at this often */
};

struct gen_timer {
	uint32_t tick;                   /* the next to be looked at */
	uint32_t heads[GEN_TIMER_SLOTS]; /* handle + 1; 0: empty */
};

/* gen_timer_slot returns the list for deadline_ms: never one that was passed, never a whole turn
 * ahead. */
static inline uint32_t *
gen_timer_slot(struct gen_timer *self, uint32_t deadline_ms)
{
	uint32_t tick = (deadline_ms >> GEN_TIMER_SHIFT) + 1;
	uint32_t ahead = tick > self->tick ? tick - self->tick : 0;

	ahead = MR_MIN(ahead, (uint32_t)GEN_TIMER_SLOTS - 1);
	return &self->heads[(self->tick + ahead) & (GEN_TIMER_SLOTS - 1)];
}

#endif
