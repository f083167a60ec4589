/* SPDX-License-Identifier: Apache-2.0
 *
 * base/wheel - lists of handles under bits that say which are not empty.
 *
 * A node of level l shares all digits above l with `tick` and has a greater digit l. So the next
 * slot to look at is the lowest level's first one, and going to its start breaks no other node's
 * place. The one exception is the slot that `tick` has just come to and that is moved down node by
 * node: `moving` names it, and it goes first, since its nodes may be due before all others.
 */
#include "base/wheel.h"

enum { SLOT_FLAG = 1u << 31, DIGIT_MASK = MR_WHEEL_SLOTS - 1, SHIFT_MAX = 40 };

void
mr_wheel_init(struct mr_wheel *self, void *base, uint32_t stride_bytes, uint32_t offset_bytes,
	      uint32_t tick_shift, uint64_t now_ns)
{
	MR_ASSERT(tick_shift <= SHIFT_MAX);
	MR_ASSERT(stride_bytes % 8 == 0 && ((uintptr_t)base + offset_bytes) % 8 == 0);
	*self = (struct mr_wheel){ .nodes = (uint8_t *)base + offset_bytes,
				   .stride_bytes = stride_bytes,
				   .tick_shift = tick_shift,
				   .tick = now_ns >> tick_shift,
				   .now_tick = now_ns >> tick_shift };
}

/* due_tick is the first tick that is not before deadline_ns. */
static uint64_t
due_tick(const struct mr_wheel *self, uint64_t deadline_ns)
{
	uint64_t part = deadline_ns & ((1ull << self->tick_shift) - 1);

	return (deadline_ns >> self->tick_shift) + (part != 0);
}

/* slot_of returns the number of the slot for a tick that is not before the current one. */
static uint32_t
slot_of(const struct mr_wheel *self, uint64_t tick)
{
	uint64_t differs = tick ^ self->tick;
	unsigned level =
		differs ? (63 - (unsigned)__builtin_clzll(differs)) / MR_WHEEL_DIGIT_BITS : 0;

	return level * MR_WHEEL_SLOTS +
	       (uint32_t)(tick >> (level * MR_WHEEL_DIGIT_BITS) & DIGIT_MASK);
}

static void
slot_mark_empty(struct mr_wheel *self, uint32_t slot)
{
	uint32_t level = slot / MR_WHEEL_SLOTS;

	self->slots[level] &= ~(1ull << (slot & DIGIT_MASK));
	if (!self->slots[level])
		self->levels &= ~(1u << level);
	if (self->moving == slot + 1)
		self->moving = 0;
}

static void
link_node(struct mr_wheel *self, uint32_t handle, uint32_t slot)
{
	struct mr_wheel_node *node = mr_wheel_node(self, handle);

	node->next = self->heads[slot];
	node->prev = SLOT_FLAG | slot;
	if (node->next)
		mr_wheel_node(self, node->next)->prev = handle;
	self->heads[slot] = handle;
	self->slots[slot / MR_WHEEL_SLOTS] |= 1ull << (slot & DIGIT_MASK);
	self->levels |= 1u << slot / MR_WHEEL_SLOTS;
}

static void
unlink_node(struct mr_wheel *self, struct mr_wheel_node *node)
{
	if (node->next)
		mr_wheel_node(self, node->next)->prev = node->prev;
	if (node->prev & SLOT_FLAG) {
		uint32_t slot = node->prev & ~SLOT_FLAG;

		self->heads[slot] = node->next;
		if (!node->next)
			slot_mark_empty(self, slot);
	} else {
		mr_wheel_node(self, node->prev)->next = node->next;
	}
	node->next = node->prev = 0;
}

static void
count_set(struct mr_wheel *self, uint64_t count)
{
	__atomic_store_n(&self->count, count, __ATOMIC_RELAXED);
}

void
mr_wheel_schedule(struct mr_wheel *self, uint32_t handle, uint64_t deadline_ns)
{
	struct mr_wheel_node *node = mr_wheel_node(self, handle);
	/* Past deadlines go behind now, not into the slot that is being emptied: what is
	 * scheduled again and again must not push the others of that slot back. */
	uint64_t tick = MR_MAX(due_tick(self, deadline_ns), self->now_tick + 1);

	MR_ASSERT_SLOW(handle > 0 && handle <= MR_WHEEL_HANDLE_MAX);
	if (node->prev)
		unlink_node(self, node);
	else
		count_set(self, self->count + 1);
	node->deadline_ns = deadline_ns;
	link_node(self, handle, slot_of(self, tick));
}

void
mr_wheel_cancel(struct mr_wheel *self, uint32_t handle)
{
	struct mr_wheel_node *node = mr_wheel_node(self, handle);

	if (!node->prev)
		return;
	unlink_node(self, node);
	count_set(self, self->count - 1);
}

/* next_slot finds the slot that comes first and the tick that it starts at; false when all are
 * empty. */
static bool
next_slot(const struct mr_wheel *self, uint32_t *slot, uint64_t *start)
{
	unsigned level, shift;

	if (self->moving) {
		*slot = self->moving - 1;
		*start = self->tick;
		return true;
	}
	if (!self->levels)
		return false;
	level = (unsigned)__builtin_ctz(self->levels);
	shift = level * MR_WHEEL_DIGIT_BITS;
	*slot = level * MR_WHEEL_SLOTS + (uint32_t)__builtin_ctzll(self->slots[level]);
	*start = (self->tick >> shift & ~(uint64_t)DIGIT_MASK) | (*slot & DIGIT_MASK);
	*start <<= shift;
	return true;
}

/* slot_take_one takes the head of a slot that is due: fires it, or moves it down. */
static void
slot_take_one(struct mr_wheel *self, uint32_t slot, uint64_t now_ns,
	      uint64_t (*expire)(void *context, uint32_t handle, uint64_t now_ns), void *context)
{
	uint32_t handle = self->heads[slot];
	struct mr_wheel_node *node = mr_wheel_node(self, handle);
	uint64_t deadline_ns = node->deadline_ns;

	if (node->next) /* cold memory: it is wanted by the next unit of work */
		__builtin_prefetch(mr_wheel_node(self, node->next), 1);
	unlink_node(self, node);
	if (slot >= MR_WHEEL_SLOTS) {
		uint64_t tick = due_tick(self, deadline_ns);

		/* A deadline that was past when it was scheduled lies later than it says. */
		link_node(self, handle, slot_of(self, MR_MAX(tick, self->tick)));
		return;
	}
	count_set(self, self->count - 1);
	deadline_ns = expire(context, handle, now_ns);
	if (deadline_ns)
		mr_wheel_schedule(self, handle, deadline_ns);
}

uint32_t
mr_wheel_advance(struct mr_wheel *self, uint64_t now_ns, uint32_t limit,
		 uint64_t (*expire)(void *context, uint32_t handle, uint64_t now_ns), void *context)
{
	uint32_t work = 0, slot;
	uint64_t start;

	self->now_tick = MR_MAX(now_ns >> self->tick_shift, self->now_tick);
	while (next_slot(self, &slot, &start) && start <= self->now_tick) {
		if (work == limit)
			return work;
		self->tick = start;
		if (slot >= MR_WHEEL_SLOTS)
			self->moving = slot + 1;
		slot_take_one(self, slot, now_ns, expire, context);
		work++;
	}
	self->tick = self->now_tick; /* nothing starts in between */
	return work;
}

uint64_t
mr_wheel_next_ns(const struct mr_wheel *self)
{
	uint32_t slot;
	uint64_t start;

	if (!next_slot(self, &slot, &start) || start > UINT64_MAX >> self->tick_shift)
		return UINT64_MAX;
	return start << self->tick_shift;
}
