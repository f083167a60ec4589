/* SPDX-License-Identifier: Apache-2.0
 *
 * base/wheel - a hierarchical timer wheel over nodes that lie in the caller's objects.
 *
 * A node is 16 bytes inside an object of the caller; objects are addressed by 32-bit handles in an
 * array of equal strides (struct mr_pool is one). So 10 M timers cost nothing beyond their nodes,
 * and a node has no pointer in it. A zeroed node is idle.
 *
 * Time comes in as nanoseconds on any scale that does not go back; the wheel turns in ticks of
 * 2^tick_shift ns (20: 1.05 ms).
 *
 * Lazy re-arming: who pushes a deadline further out leaves the wheel alone, keeps the new deadline
 * in the object, and returns it when the callback comes. Only a nearer deadline needs
 * mr_wheel_schedule.
 *
 * Owner:  one thread. Thread: its own only. Memory: the struct (3 KiB) and the caller's nodes.
 * Source: Varghese and Lauck, "Hashed and hierarchical timing wheels" (1987), scheme 7. A deadline
 *         lies on the level of the highest 6-bit digit in which it differs from the current tick.
 *
 * State                next                                           [function]
 *   IDLE      -> SCHEDULED                                        [mr_wheel_schedule]
 *   SCHEDULED -> SCHEDULED  another deadline                      [mr_wheel_schedule]
 *   SCHEDULED -> SCHEDULED  a level down, as its time comes near  [mr_wheel_advance]
 *   SCHEDULED -> IDLE                                             [mr_wheel_cancel]
 *   SCHEDULED -> IDLE       due: the callback runs                [mr_wheel_advance]
 *   IDLE      -> SCHEDULED  the callback returned a deadline      [mr_wheel_advance]
 *
 * (1) A timer fires once, never before its deadline, and in the first mr_wheel_advance whose now is
 *     a whole tick past it, unless limit cut that call short: then in one of the next.
 * (2) schedule and cancel are O(1). advance does at most limit units of work: a unit is one timer
 *     fired or moved down a level. A timer moves at most once per level (8 of them for a tick of
 *     1 ms, and as few as its deadline was far). Empty ticks cost nothing.
 * (3) Within one tick timers fire in no particular order.
 */
#ifndef MR_BASE_WHEEL_H
#define MR_BASE_WHEEL_H

#include "base/assert.h"
#include "base/types.h"

enum {
	MR_WHEEL_DIGIT_BITS = 6,
	MR_WHEEL_SLOTS = 1 << MR_WHEEL_DIGIT_BITS,
	MR_WHEEL_LEVELS = 11, /* 66 bits: every 64-bit tick has its place */
	MR_WHEEL_HANDLE_MAX = 0x7fffffff,
};

struct mr_wheel_node {
	uint32_t next; /* handle; 0 at the end */
	uint32_t prev; /* handle, or a slot's number with the top bit set; 0: idle */
	uint64_t deadline_ns;
};
static_assert(sizeof(struct mr_wheel_node) == 16, "10 M of them");

struct mr_wheel {
	/* const after init: the node of handle h lies at nodes + h * stride_bytes */
	uint8_t *nodes;
	uint32_t stride_bytes;
	uint32_t tick_shift;
	uint64_t tick;     /* all slots before it are empty */
	uint64_t now_tick; /* the latest now; >= tick, and more by the backlog */
	uint64_t count;    /* scheduled nodes; reader: any, relaxed */
	uint32_t moving;   /* slot that is being moved down, its number + 1; 0 is none */
	uint32_t levels;   /* bit l: level l holds nodes */
	uint64_t slots[MR_WHEEL_LEVELS]; /* bit s: slot s of the level holds nodes */
	uint32_t heads[MR_WHEEL_LEVELS * MR_WHEEL_SLOTS];
};

/* mr_wheel_init makes an empty wheel at now_ns. The node of handle h (1 .. MR_WHEEL_HANDLE_MAX) is
 * at base + h * stride_bytes + offset_bytes, aligned to 8. tick_shift is at most 40. */
void mr_wheel_init(struct mr_wheel *self, void *base, uint32_t stride_bytes, uint32_t offset_bytes,
		   uint32_t tick_shift, uint64_t now_ns);

static inline struct mr_wheel_node *
mr_wheel_node(const struct mr_wheel *self, uint32_t handle)
{
	return (struct mr_wheel_node *)(void *)(self->nodes + (size_t)handle * self->stride_bytes);
}

static inline bool
mr_wheel_is_scheduled(const struct mr_wheel *self, uint32_t handle)
{
	return mr_wheel_node(self, handle)->prev != 0;
}

/* mr_wheel_schedule puts handle at deadline_ns, from wherever it was. A deadline that is past fires
 * at the next tick. */
void mr_wheel_schedule(struct mr_wheel *self, uint32_t handle, uint64_t deadline_ns);

/* mr_wheel_cancel takes handle out; nothing when it is idle. */
void mr_wheel_cancel(struct mr_wheel *self, uint32_t handle);

/* mr_wheel_advance fires what is due at now_ns, with at most limit units of work, and returns how
 * many units it did: limit means that there may be more, to be had by calling again.
 *
 * expire runs with its node idle, and may schedule or cancel any node and give its object back. It
 * returns the next deadline, or 0 to stay as it left things; a deadline not after now_ns means the
 * next tick, so that no timer fires twice in one tick. */
uint32_t mr_wheel_advance(struct mr_wheel *self, uint64_t now_ns, uint32_t limit,
			  uint64_t (*expire)(void *context, uint32_t handle, uint64_t now_ns),
			  void *context);

/* mr_wheel_next_ns returns a time before which mr_wheel_advance has nothing to do: how long a
 * worker may sleep. UINT64_MAX when the wheel is empty. It is early, by up to the width of a slot,
 * for far deadlines. */
uint64_t mr_wheel_next_ns(const struct mr_wheel *self);

#endif
