/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy/queue - exchanges that wait for room in their group, in the order of their coming.
 */
#include "proxy_int.h"

const struct mr_upstream *
proxy_group_of(struct mr_proxy *self, struct proxy_exchange *exchange)
{
	const struct mr_upstreams *upstreams = self->policy.upstreams;
	const struct mr_upstream *group;

	if (!upstreams)
		return NULL;
	if (mr_likely(exchange->epoch == self->epoch))
		return mr_upstreams_at(upstreams, exchange->group);
	group = mr_upstreams_find(upstreams, exchange->group_name);
	if (group) {
		exchange->group = group->index;
		exchange->epoch = self->epoch;
	}
	return group;
}

static void
queue_append(struct mr_proxy *self, struct proxy_group *group, uint32_t handle)
{
	struct proxy_exchange *exchange = proxy_exchange_at(self, handle);

	exchange->next = 0;
	exchange->prev = group->last;
	if (group->last)
		proxy_exchange_at(self, group->last)->next = handle;
	else
		group->first = handle;
	group->last = handle;
	group->count++;
}

bool
proxy_queue_add(struct mr_proxy *self, uint32_t handle, uint32_t limit)
{
	struct proxy_exchange *exchange = proxy_exchange_at(self, handle);
	struct proxy_group *group = &self->groups[exchange->group];

	if (group->count >= limit)
		return false;
	queue_append(self, group, handle);
	exchange->waits_room = true;
	self->waiting++;
	return true;
}

void
proxy_queue_remove(struct mr_proxy *self, uint32_t handle)
{
	struct proxy_exchange *exchange = proxy_exchange_at(self, handle);
	struct proxy_group *group = &self->groups[exchange->group];

	if (!exchange->waits_room)
		return;
	if (exchange->prev)
		proxy_exchange_at(self, exchange->prev)->next = exchange->next;
	else
		group->first = exchange->next;
	if (exchange->next)
		proxy_exchange_at(self, exchange->next)->prev = exchange->prev;
	else
		group->last = exchange->prev;
	group->count--;
	exchange->waits_room = false;
	self->waiting--;
}

void
proxy_queue_wake(struct mr_proxy *self)
{
	uint32_t left = MR_PROXY_WAKE_PER_TURN;

	for (uint32_t i = 0; i < MR_UPSTREAM_MAX && self->waiting; i++)
		for (; self->groups[i].first && left; left--) {
			uint32_t handle = self->groups[i].first;

			proxy_exchange_go(self, handle);
			if (self->groups[i].first == handle) /* still no room */
				break;
		}
}

void
proxy_queue_move(struct mr_proxy *self)
{
	uint32_t chain = 0, *end = &chain, next;

	for (uint32_t i = 0; i < MR_UPSTREAM_MAX; i++) {
		struct proxy_group *group = &self->groups[i];

		if (!group->first)
			continue;
		*end = group->first;
		end = &proxy_exchange_at(self, group->last)->next;
		group->first = group->last = group->count = 0;
	}
	*end = 0;
	for (; chain; chain = next) { /* at most exchange_limit */
		struct proxy_exchange *exchange = proxy_exchange_at(self, chain);

		next = exchange->next;
		exchange->waits_room = false;
		self->waiting--;
		if (proxy_group_of(self, exchange)) {
			queue_append(self, &self->groups[exchange->group], chain);
			exchange->waits_room = true;
			self->waiting++;
		} else {
			proxy_exchange_fail(self, chain, MR_ORIGIN_LEFT, MR_PROXY_no_group, 503);
		}
	}
}
