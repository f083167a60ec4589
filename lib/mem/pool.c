/* SPDX-License-Identifier: Apache-2.0
 *
 * mem/pool - room for fixed-size objects.
 */
#include "mem/mem.h"

#include <errno.h>

int
mr_pool_create(struct mr_pool *self, struct mr_arena *arena, uint32_t stride_bytes, uint32_t limit,
	       struct mr_error *error)
{
	uint64_t bytes = ((uint64_t)limit + 1) * stride_bytes, offset; /* place 0 is nobody's */
	uint32_t align_bytes = MR_MIN(stride_bytes & -stride_bytes, (uint32_t)MR_CACHE_LINE);

	*self = (struct mr_pool){ 0 };
	if (stride_bytes < sizeof(uint32_t) || stride_bytes % sizeof(uint32_t) || !limit ||
	    limit == UINT32_MAX)
		return mr_error_set(error, -EINVAL, "arena %s: a pool of %u objects of %u bytes",
				    arena->name, limit, stride_bytes);
	if (mr_arena_take(arena, bytes, align_bytes, &offset))
		return mr_arena_shortage(arena, bytes, error);
	self->base = mr_arena_at(arena, offset);
	self->stride_bytes = stride_bytes;
	self->limit = limit;
	self->fresh = 1;
	return 0;
}
