/* SPDX-License-Identifier: Apache-2.0
 *
 * mem/pins - one table of counts for each worker.
 */
#include "mem/mem.h"

#include <errno.h>

int
mr_pins_create(struct mr_pins *self, struct mr_arena *arena, uint32_t worker_count,
	       uint32_t slot_count, struct mr_error *error)
{
	uint64_t bytes = mr_round_up((uint64_t)slot_count * sizeof(uint32_t), MR_CACHE_LINE);

	*self = (struct mr_pins){ .slot_count = slot_count, .worker_count = worker_count };
	if (!worker_count || worker_count > MR_WORKER_MAX || !slot_count)
		return mr_error_set(error, -EINVAL, "arena %s: pins of %u slots for %u workers",
				    arena->name, slot_count, worker_count);
	for (uint32_t i = 0; i < worker_count; i++) {
		uint64_t offset;

		if (mr_arena_take(arena, bytes, MR_CACHE_LINE, &offset))
			return mr_arena_shortage(arena, bytes, error);
		self->counts[i] = mr_arena_at(arena, offset);
	}
	return 0;
}

bool
mr_pins_idle(const struct mr_pins *self, uint32_t slot)
{
	MR_ASSERT(slot < self->slot_count);
	for (uint32_t i = 0; i < self->worker_count; i++)
		if (__atomic_load_n(&self->counts[i][slot], __ATOMIC_ACQUIRE))
			return false;
	return true;
}
