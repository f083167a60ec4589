/* SPDX-License-Identifier: Apache-2.0
 *
 * rcu/rcu - grace periods, and the list of what waits for one.
 *
 * items[0 .. aged) have seen a grace period and wait for their pins; items[aged .. count) have not.
 */
#include "rcu/rcu.h"

#include <stdlib.h>
#include <time.h>

char mr_rcu_grace;

struct retired {
	void (*release)(void *item);
	bool (*ready)(const void *item);
	void *item;
};

static struct { /* owner: ctl */
	struct retired *items;
	size_t count, room, aged;
	bool reclaiming;
} waiting;

void
mr_rcu_synchronize(void)
{
	urcu_qsbr_synchronize_rcu();
	mr_tsan_acquire(&mr_rcu_grace);
}

static bool
waiting_grow(void)
{
	size_t room = waiting.room ? 2 * waiting.room : 64;
	struct retired *items = realloc(waiting.items, room * sizeof(*items));

	if (!items)
		return false;
	waiting.items = items;
	waiting.room = room;
	return true;
}

void
mr_rcu_retire(void (*release)(void *item), bool (*ready)(const void *item), void *item)
{
	if (waiting.count == waiting.room && !waiting_grow()) {
		mr_rcu_reclaim();
		if (waiting.count == waiting.room) {
			mr_log(MR_LOG_ERROR, "no memory to retire an object: it is never freed");
			return;
		}
	}
	waiting.items[waiting.count++] = (struct retired){ release, ready, item };
}

size_t
mr_rcu_reclaim(void)
{
	size_t kept = 0, looked_at;

	if (!waiting.count || waiting.reclaiming)
		return waiting.count;
	if (waiting.aged < waiting.count)
		mr_rcu_synchronize();
	waiting.reclaiming = true;
	looked_at = waiting.count; /* what release() retires now comes behind, and waits its turn */
	for (size_t i = 0; i < looked_at; i++) {
		struct retired one = waiting.items[i]; /* release may move the array */

		if (one.ready && !one.ready(one.item))
			waiting.items[kept++] = one;
		else
			one.release(one.item);
	}
	for (size_t i = looked_at; i < waiting.count; i++)
		waiting.items[kept + i - looked_at] = waiting.items[i];
	waiting.count -= looked_at - kept;
	waiting.aged = kept;
	waiting.reclaiming = false;
	if (!waiting.count) {
		free(waiting.items);
		waiting.items = NULL;
		waiting.room = 0;
	}
	return waiting.count;
}

size_t
mr_rcu_barrier(uint32_t timeout_ms)
{
	uint64_t end_ns = mr_clock_now_ns() + timeout_ms * MR_NS_PER_MS;
	const struct timespec pause = { .tv_nsec = MR_NS_PER_MS };

	while (mr_rcu_reclaim() && mr_clock_now_ns() < end_ns)
		nanosleep(&pause, NULL);
	return waiting.count;
}
