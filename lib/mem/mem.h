/* SPDX-License-Identifier: Apache-2.0
 *
 * mem - hugepage arenas, extents, object pools, and pins for what outlives a burst.
 *
 *  arena    one file mapping of ours (memfd on hugetlbfs, or ordinary pages when hugepages are
 * off). Grows in place inside a reserved address range; an offset in it stays true for ever.
 * Nothing is left behind after a crash, because the file has no name; a successor process gets the
 * descriptor. extents  variable-sized pieces of one arena: zone snapshots and other immutable
 * things. Control thread only. pool     fixed-size objects addressed by 32-bit handles, owned by
 * one thread. Handle 0 is nobody. pins     per-worker, single-writer counts that keep an immutable
 * thing alive after the burst that saw it.
 *
 * Owner:  each struct says. Memory is reserved at boot; exhaustion is a counted verdict, never a
 * crash. Spec:   ../DESIGN "Memory". State in arenas is pointer-free: handles and offsets only.
 */
#ifndef MR_MEM_MEM_H
#define MR_MEM_MEM_H

#include "base/base.h"

/* ---- arena ---- */

struct mr_arena {
	/* owner: the thread that created it; base is const after create */
	uint8_t *base;
	uint64_t reserved_bytes; /* address space; the arena never moves and never exceeds this */
	uint64_t mapped_bytes;   /* backed by pages now */
	uint64_t taken_bytes;    /* handed out by mr_arena_take */
	uint32_t page_bytes;     /* 2 MiB, or 4 KiB when hugepages are off */
	int fd;
	bool huge;
	char name[MR_NAME_MAX];
};

/* mr_arena_create reserves reserved_bytes of address space and maps nothing yet. huge asks for 2
 * MiB pages. Returns 0 or -errno with error filled (for hugepages it says how many are missing and
 * how to get them). */
MR_MUST_USE int mr_arena_create(struct mr_arena *self, const char *name, uint64_t reserved_bytes,
				bool huge, struct mr_error *error);

/* mr_arena_take gives bytes at an alignment (a power of two, at most 4096), zeroed, growing the
 * mapping when needed. Returns 0 and *offset, or -ENOMEM when the reserve or the machine's pages
 * are exhausted. Offset 0 is never given: the first cache line of every arena stays unused, so that
 * 0 can mean none. */
MR_MUST_USE int mr_arena_take(struct mr_arena *self, uint64_t bytes, uint32_t align_bytes,
			      uint64_t *offset);

static inline void *
mr_arena_at(const struct mr_arena *self, uint64_t offset)
{
	MR_ASSERT_SLOW(offset > 0 && offset < self->taken_bytes);
	return self->base + offset;
}

void mr_arena_destroy(struct mr_arena *self);

/* ---- extents ---- */

/* A first-fit allocator by size classes over one arena; its own book-keeping lies on the heap, not
 * in the arena. Freed neighbours are joined. */
struct mr_extents;

MR_MUST_USE int mr_extents_create(struct mr_extents **self, struct mr_arena *arena);
/* mr_extents_get gives at least bytes at 64-byte alignment; contents are undefined. Returns 0 or
 * -ENOMEM. */
MR_MUST_USE int mr_extents_get(struct mr_extents *self, uint64_t bytes, uint64_t *offset);
/* mr_extents_put takes back what mr_extents_get gave; bytes must be the same number. */
void mr_extents_put(struct mr_extents *self, uint64_t offset, uint64_t bytes);

struct mr_extents_stats {
	uint64_t used_bytes, peak_bytes, free_bytes, free_pieces, limit_bytes;
};
void mr_extents_stats(const struct mr_extents *self, struct mr_extents_stats *out);
void mr_extents_destroy(struct mr_extents *self);

/* ---- pool
 * -----------------------------------------------------------------------------------------------
 */

/* Free objects are chained through their first four bytes; never-used ones are taken by bumping
 * `fresh`, so a pool of 10 M objects costs nothing to create. */
struct mr_pool {
	/* owner: one worker (or the control thread) */
	uint8_t *base; /* const after create; object h lies at base + h * stride_bytes */
	uint32_t stride_bytes;
	uint32_t limit;     /* objects, handles 1..limit */
	uint32_t free_head; /* handle, 0 when none */
	uint32_t fresh;     /* the lowest handle never given */
	/* reader: any, relaxed */
	uint32_t used, peak;
	uint64_t refused; /* times that mr_pool_get returned 0 */
};

/* mr_pool_create takes room for limit objects of stride_bytes (>= 4, a multiple of 4) from arena.
 */
MR_MUST_USE int mr_pool_create(struct mr_pool *self, struct mr_arena *arena, uint32_t stride_bytes,
			       uint32_t limit, struct mr_error *error);

static inline void *
mr_pool_at(const struct mr_pool *self, uint32_t handle)
{
	MR_ASSERT_SLOW(handle > 0 && handle <= self->limit);
	return self->base + (size_t)handle * self->stride_bytes;
}

/* mr_pool_get gives the handle of an object with undefined contents, or 0 when all are taken
 * (counted). */
static inline uint32_t
mr_pool_get(struct mr_pool *self)
{
	uint32_t handle = self->free_head;

	if (mr_likely(handle))
		self->free_head = *(uint32_t *)mr_pool_at(self, handle);
	else if (self->fresh <= self->limit)
		handle = self->fresh++;
	else {
		__atomic_store_n(&self->refused, self->refused + 1, __ATOMIC_RELAXED);
		return 0;
	}
	__atomic_store_n(&self->used, self->used + 1, __ATOMIC_RELAXED);
	if (self->used > self->peak)
		__atomic_store_n(&self->peak, self->used, __ATOMIC_RELAXED);
	return handle;
}

/* mr_pool_put takes handle back. */
static inline void
mr_pool_put(struct mr_pool *self, uint32_t handle)
{
	MR_ASSERT_SLOW(handle > 0 && handle < self->fresh && self->used > 0);
	*(uint32_t *)mr_pool_at(self, handle) = self->free_head;
	self->free_head = handle;
	__atomic_store_n(&self->used, self->used - 1, __ATOMIC_RELAXED);
}

/* ---- pins
 * -----------------------------------------------------------------------------------------------
 */

/* A pinnable thing has a slot number. A worker counts its own pins on it, in its own table; nobody
 * else writes there. Retiring, on the control thread: unpublish, wait one grace period (so no
 * worker can take a new pin), then poll mr_pins_idle until every worker's count is zero, then free.
 *
 * take and drop may run for one worker on that worker's thread only. The drop is a release, the
 * poll an acquire: all reads of the pinned thing come before its freeing. */
struct mr_pins {
	uint32_t slot_count;             /* const after boot */
	uint32_t worker_count;           /* const after boot */
	uint32_t *counts[MR_WORKER_MAX]; /* owner: worker i; reader: control thread */
};

MR_MUST_USE int mr_pins_create(struct mr_pins *self, struct mr_arena *arena, uint32_t worker_count,
			       uint32_t slot_count, struct mr_error *error);

static inline void
mr_pin_take(struct mr_pins *self, uint32_t worker, uint32_t slot)
{
	uint32_t *count = &self->counts[worker][slot];

	MR_ASSERT_SLOW(slot < self->slot_count && worker < self->worker_count);
	__atomic_store_n(count, *count + 1, __ATOMIC_RELAXED);
}

static inline void
mr_pin_drop(struct mr_pins *self, uint32_t worker, uint32_t slot)
{
	uint32_t *count = &self->counts[worker][slot];

	MR_ASSERT_SLOW(*count > 0);
	__atomic_store_n(count, *count - 1, __ATOMIC_RELEASE);
}

/* mr_pins_idle says whether no worker holds slot. Control thread, after a grace period. */
bool mr_pins_idle(const struct mr_pins *self, uint32_t slot);

#endif
