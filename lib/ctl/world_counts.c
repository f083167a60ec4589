/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/world_counts - which zones have counters of their own, and what these say.
 *
 * Workers count by a zone's number and only ever add. A number that goes to another zone keeps its
 * workers' values: what they were is its base, and is taken off.
 */
#include <errno.h>
#include <stdlib.h>

#include "ctl/world.h"

static void
counter_sum(const struct worlds *worlds, uint32_t counter, uint64_t out[MR_DNS_ZONE_COUNTS])
{
	const struct mr_worker_group *group = worlds->box->group;

	for (unsigned which = 0; which < MR_DNS_ZONE_COUNTS; which++)
		out[which] = 0;
	for (uint16_t i = 0; i < group->worker_count; i++) {
		struct mr_worker_view view;

		mr_worker_view(group->workers[i], &view);
		for (unsigned which = 0; view.zone_lines && which < MR_DNS_ZONE_COUNTS; which++)
			out[which] += mr_metric_read(view.zone_lines[counter].counts, which);
	}
}

/* counter_take gives a free counter, or 0. */
static uint32_t
counter_take(struct worlds *worlds)
{
	uint32_t limit = worlds->box->group->zone_counters;

	for (uint32_t i = worlds->counter_next; i <= limit; i++) {
		struct world_counter *counter = &worlds->counters[i];

		if (counter->taken)
			continue;
		counter->taken = true;
		counter_sum(worlds, i, counter->base);
		worlds->counter_next = i + 1;
		return i;
	}
	worlds->counter_next = limit + 1;
	return 0;
}

int
world_counters_give(struct world *next, const struct world *running, struct mr_error *error)
{
	struct worlds *worlds = next->worlds;
	uint32_t limit = worlds->box->group->zone_counters;

	if (!limit)
		return 0;
	if (!worlds->counters) {
		worlds->counters = calloc(limit + 1, sizeof(*worlds->counters));
		worlds->counter_next = 1;
	}
	if (!worlds->counters)
		return mr_error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < next->zone_count; i++) {
		struct mr_zone *zone = next->zones[i].zone;
		const struct mr_zone *before =
			running ? mr_zone_set_find(running->set, zone->origin, zone->origin_bytes)
				: NULL;

		if (before == zone) /* workers read it already */
			continue;
		mr_zone_counter_set(zone, before && before->counter ? before->counter
								    : counter_take(worlds));
	}
	return 0;
}

void
world_counters_keep(struct worlds *worlds, const struct world *self)
{
	uint32_t limit = worlds->box->group->zone_counters;

	if (!worlds->counters)
		return;
	for (uint32_t i = 1; i <= limit; i++)
		worlds->counters[i].taken = false;
	for (size_t i = 0; self && i < self->zone_count; i++)
		worlds->counters[self->zones[i].zone->counter].taken = true;
	worlds->counter_next = 1;
}

void
world_counts(const struct worlds *worlds, uint32_t counter, uint64_t out[MR_DNS_ZONE_COUNTS])
{
	counter_sum(worlds, counter, out);
	for (unsigned which = 0; worlds->counters && which < MR_DNS_ZONE_COUNTS; which++)
		out[which] -= worlds->counters[counter].base[which];
}
