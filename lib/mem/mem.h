/* SPDX-License-Identifier: Apache-2.0
 *
 * mem - hugepage arenas, extents, object pools, and pins for what outlives a burst.
 *
 * An arena is one file mapping of ours: a memfd on hugetlbfs, or on ordinary pages when hugepages
 * are off. It grows in place inside a reserved address range, so an offset in it stays true for
 * ever. Nothing is left behind after a crash, because the file has no name; a successor process
 * gets the descriptor. What lies in it is pointer-free: handles and offsets only.
 *
 * Extents are variable-sized pieces of one arena: zone snapshots and other immutable things.
 *
 * A pool holds fixed-size objects addressed by 32-bit handles. Handle 0 is nobody.
 *
 * Pins are per-worker, single-writer counts that keep an immutable thing alive after the burst
 * that saw it.
 *
 * Owner:  arena and extents: the control thread, or who made them; a pool: the one thread that
 *         uses it; a pin count: its worker.
 * Thread: only what is labelled `reader: any` may be read by others.
 * Memory: reserved at boot; exhaustion is a counted verdict, never a crash.
 * Source: extents are a two-level segregated fit (Masmano, Ripoll, Crespo and Real, "TLSF: a new
 *         dynamic memory allocator for real-time systems", 2004), book-keeping kept outside.
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

/* mr_arena_create reserves reserved_bytes of address space (rounded up to pages). huge asks for
 * 2 MiB pages and takes the first one at once, so that a machine without them is told at boot; an
 * arena of ordinary pages maps nothing yet. Returns 0 or -errno with error filled (for hugepages it
 * says how many are missing and how to get them). */
MR_MUST_USE int mr_arena_create(struct mr_arena *self, const char *name, uint64_t reserved_bytes,
				bool huge, struct mr_error *error);

/* mr_arena_take gives bytes at an alignment (a power of two, at most 4096), zeroed, growing the
 * mapping when needed. All pages are there when it returns: nobody faults later, and no SIGBUS can
 * come. Returns 0 and *offset, or -ENOMEM when the reserve or the machine's pages are exhausted,
 * with nothing changed. Offset 0 is never given: the first cache line of every arena stays unused,
 * so that 0 can mean none. */
MR_MUST_USE int mr_arena_take(struct mr_arena *self, uint64_t bytes, uint32_t align_bytes,
			      uint64_t *offset);

/* mr_arena_shortage says in error why bytes more could not be taken just now, and what to do.
 * Returns -ENOMEM. */
int mr_arena_shortage(const struct mr_arena *self, uint64_t bytes, struct mr_error *error);

/* mr_mem_available_bytes is how much arenas can still take on this machine: 2 MiB hugepages that
 * are free and that nobody has reserved, or what the kernel could give without swapping. 0: not
 * known. */
uint64_t mr_mem_available_bytes(bool huge);

static inline void *
mr_arena_at(const struct mr_arena *self, uint64_t offset)
{
	MR_ASSERT_SLOW(offset > 0 && offset < self->taken_bytes);
	return self->base + offset;
}

/* mr_arena_destroy unmaps all and closes the file. A zeroed or destroyed arena is left alone. */
void mr_arena_destroy(struct mr_arena *self);

/* ---- extents ---- */

/* Pieces of one arena, found by size class in O(1), freed neighbours joined. Its own book-keeping
 * (some 48 bytes a piece) lies on the heap, not in the arena, so a piece holds nothing but its
 * owner's bytes. It asks the arena for more as it needs it; nothing goes back to the arena. */
struct mr_extents;

MR_MUST_USE int mr_extents_create(struct mr_extents **self, struct mr_arena *arena);
/* mr_extents_get gives at least bytes at 64-byte alignment; contents are undefined. Returns 0 or
 * -ENOMEM. */
MR_MUST_USE int mr_extents_get(struct mr_extents *self, uint64_t bytes, uint64_t *offset);
/* mr_extents_put takes back what mr_extents_get gave; bytes must be the same number. Never fails;
 * a wrong offset or size is a programmer's error and ends the process. */
void mr_extents_put(struct mr_extents *self, uint64_t offset, uint64_t bytes);

struct mr_extents_stats {
	uint64_t used_bytes; /* in pieces, rounded up to cache lines */
	uint64_t peak_bytes; /* the most that used_bytes has been */
	uint64_t free_bytes; /* taken from the arena, in no piece now */
	uint64_t free_pieces;
	uint64_t used_pieces;
	uint64_t limit_bytes; /* the arena's reserve */
};
void mr_extents_stats(const struct mr_extents *self, struct mr_extents_stats *out);
void mr_extents_destroy(struct mr_extents *self);

/* ---- pool ---- */

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

/* mr_pool_create takes room for limit objects (1 .. 2^32 - 2) of stride_bytes (>= 4, a multiple of
 * 4) from arena. Objects are aligned as far as their stride is, up to a cache line. */
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

/* ---- pins ---- */

/* A pinnable thing has a slot number. A worker counts its own pins on it, in its own table; nobody
 * else writes there. Retiring, on the control thread: unpublish, wait one grace period (so no
 * worker can take a new first pin), then poll mr_pins_idle until every worker's count is zero, then
 * free. mr_rcu_retire with a `ready` function does just that.
 *
 * (1) take and drop run for one worker on that worker's thread only.
 * (2) A pin is not handed to another worker: between the taker's take and the giver's drop the poll
 *     could see both at zero.
 * (3) The drop is a release, the poll an acquire: all reads of the pinned thing come before its
 *     freeing.
 * (4) Each worker's table starts and ends on cache lines of its own. */
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
