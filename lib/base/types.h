/* SPDX-License-Identifier: Apache-2.0
 *
 * base/types - the words that every file uses: attributes, bounds of the box, small helpers.
 *
 * Owner:  nobody. Thread: any. Memory: none.
 */
#ifndef MR_BASE_TYPES_H
#define MR_BASE_TYPES_H

#include <assert.h> /* static_assert */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bounds of one box. Everything that is sized by them is sized at boot. */
enum {
	MR_CACHE_LINE = 64,
	MR_BURST_MAX = 64,  /* packets that one turn of a worker takes from one queue */
	MR_WORKER_MAX = 64, /* workers of one process */
	MR_PORT_MAX = 16,   /* ports of one process */
	MR_QUEUE_MAX = 64,  /* queues of one port */
	MR_NAME_MAX = 32,   /* bytes of a port's, worker's, metric scope's name, NUL included */
};

#define MR_HOT      __attribute__((hot))
#define MR_COLD     __attribute__((cold, noinline))
#define MR_NONNULL  __attribute__((nonnull))
#define MR_MUST_USE __attribute__((warn_unused_result))
#define MR_PRINTF(format_index, first_index) \
	__attribute__((format(printf, format_index, first_index)))
#define MR_LINE_ALIGNED __attribute__((aligned(MR_CACHE_LINE)))
#define MR_PACKED       __attribute__((packed))

#define mr_likely(x)   __builtin_expect(!!(x), 1)
#define mr_unlikely(x) __builtin_expect(!!(x), 0)

#define MR_ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MR_CONTAINER_OF(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#define MR_MIN(a, b) ((a) < (b) ? (a) : (b))
#define MR_MAX(a, b) ((a) > (b) ? (a) : (b))

/* mr_round_up rounds value up to a multiple of step, which is a power of two. */
static inline uint64_t
mr_round_up(uint64_t value, uint64_t step)
{
	return (value + step - 1) & ~(step - 1);
}

/* Nanoseconds and their multiples. Durations are uint64_t with the unit last in the name. */
#define MR_NS_PER_US 1000ull
#define MR_NS_PER_MS 1000000ull
#define MR_NS_PER_S  1000000000ull

#endif
