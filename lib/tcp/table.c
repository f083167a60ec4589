/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/table - from four-tuple to TCB or TIME_WAIT entry, in one or two cache lines.
 *
 * Linear hashing: the table begins small, so that few connections stay in few cache lines, and
 * grows by one bucket at a time. Bucket b of a table of `count` buckets holds the hashes whose low
 * bits are b; the buckets from `count` up to the next power of two are not there yet: what belongs
 * to them waits in the bucket without their top bit.
 *
 *   0 .......... next .......... half ....... count            half: a power of two <= count
 *   | split: hash & (2 half - 1) | not split: hash & (half - 1) |   next = count - half
 *
 * A split moves about half of bucket `next` to the new bucket `count`. From TAG_SHIFT bits on, the
 * bit that decides is one of the tag's, and no TCB is looked at. All room is taken at create.
 *
 * The hash is SipHash under a secret key, so nobody outside can fill one bucket. A bucket that is
 * full goes on in an overflow bucket; a chain has no holes, is bounded, and an insert beyond it is
 * refused.
 */
#include "tcp/tcp_int.h"

enum {
	FLOW_KEY_BYTES = 36,
	TAG_SHIFT = 16,
	TABLE_START = 16, /* buckets; a power of two */
};
static_assert(offsetof(struct mr_tcp_flow, path) == FLOW_KEY_BYTES,
	      "addresses and ports come first");

/* tcp_table_buckets: how many buckets hold as many entries. */
static uint32_t
buckets_for(uint64_t entries)
{
	return (uint32_t)MR_MAX(entries / TCP_BUCKET_FILL + 1, (uint64_t)TABLE_START);
}

static uint32_t
overflow_for(uint32_t buckets)
{
	return buckets / 8 + TABLE_START;
}

uint64_t
tcp_table_bytes(uint64_t entries)
{
	uint32_t buckets = buckets_for(entries);

	return ((uint64_t)buckets + overflow_for(buckets)) * sizeof(struct tcp_bucket);
}

int
tcp_table_create(struct mr_tcp *self, struct mr_arena *arena, struct mr_error *error)
{
	uint64_t entries = (uint64_t)self->config.conn_limit + self->config.time_wait_limit;
	uint64_t bytes = tcp_table_bytes(entries), offset;
	struct tcp_table *table = &self->table;

	if (mr_arena_take(arena, bytes, MR_CACHE_LINE, &offset) != 0)
		return mr_arena_shortage(arena, bytes, error);
	table->buckets = mr_arena_at(arena, offset);
	table->limit = buckets_for(entries);
	table->half = table->count = TABLE_START;
	table->overflow_fresh = table->limit;
	table->overflow_end = table->limit + overflow_for(table->limit);
	return 0;
}

uint64_t
tcp_flow_hash(const struct mr_tcp *self, const struct mr_tcp_flow *flow)
{
	uint64_t hash = mr_hash_bytes(&self->config.table_key, flow, FLOW_KEY_BYTES);

	return hash ? hash : 1; /* 0 marks a TIME_WAIT entry that is gone */
}

static uint16_t
tag_of(uint64_t hash)
{
	return (uint16_t)(hash >> TAG_SHIFT);
}

static uint32_t
index_of(const struct tcp_table *table, uint64_t hash)
{
	uint32_t index = (uint32_t)hash & (2 * table->half - 1);

	return index < table->count ? index : index & (table->half - 1);
}

static bool
same_ends(const struct mr_tcp_flow *a, const struct mr_tcp_flow *b)
{
	return memcmp(a, b, FLOW_KEY_BYTES) == 0;
}

void
tcp_table_prefetch_bucket(const struct mr_tcp *self, uint64_t hash)
{
	__builtin_prefetch(&self->table.buckets[index_of(&self->table, hash)], 1);
}

/* tcp_table_prefetch_entry: of a chain only the first bucket; a tag that lies costs a line. */
void
tcp_table_prefetch_entry(const struct mr_tcp *self, uint64_t hash)
{
	const struct tcp_bucket *b = &self->table.buckets[index_of(&self->table, hash)];

	for (int i = 0; i < TCP_BUCKET_SLOTS; i++) {
		if (b->tags[i] != tag_of(hash) || b->slots[i] == 0)
			continue;
		if (b->slots[i] & TCP_SLOT_TIME_WAIT)
			tcp_timewait_prefetch(self, b->slots[i]);
		else
			tcp_tcb_prefetch(self, b->slots[i]);
	}
}

uint32_t
tcp_table_find(const struct mr_tcp *self, uint64_t hash, const struct mr_tcp_flow *flow)
{
	uint32_t index = index_of(&self->table, hash);

	for (int chain = 0; chain < TCP_BUCKET_CHAIN_MAX; chain++) {
		const struct tcp_bucket *b = &self->table.buckets[index];

		for (int i = 0; i < TCP_BUCKET_SLOTS; i++) {
			uint32_t slot = b->slots[i];

			if (b->tags[i] != tag_of(hash) || slot == 0)
				continue;
			if (slot & TCP_SLOT_TIME_WAIT ? tcp_timewait_is(self, slot, hash)
						      : same_ends(&tcp_tcb(self, slot)->flow, flow))
				return slot;
		}
		if (b->overflow == 0)
			break;
		index = b->overflow;
	}
	return 0;
}

static uint32_t
overflow_get(struct tcp_table *table)
{
	uint32_t index = table->overflow_free;

	if (index)
		table->overflow_free = table->buckets[index].overflow;
	else if (table->overflow_fresh < table->overflow_end)
		index = table->overflow_fresh++;
	else
		return 0;
	table->buckets[index] = (struct tcp_bucket){ 0 };
	return index;
}

static void
overflow_put(struct tcp_table *table, uint32_t index)
{
	table->buckets[index].overflow = table->overflow_free;
	table->overflow_free = index;
}

/* put writes an entry into the chain that begins at index; false when there is no room. */
static bool
put(struct tcp_table *table, uint32_t index, uint16_t tag, uint32_t slot)
{
	for (int chain = 0; chain < TCP_BUCKET_CHAIN_MAX; chain++) {
		struct tcp_bucket *b = &table->buckets[index];

		for (int i = 0; i < TCP_BUCKET_SLOTS; i++)
			if (b->slots[i] == 0) {
				b->tags[i] = tag;
				b->slots[i] = slot;
				return true;
			}
		if (b->overflow == 0 && chain + 1 < TCP_BUCKET_CHAIN_MAX) {
			uint32_t more = overflow_get(table);

			if (more == 0)
				return false;
			b->overflow = more;
		}
		index = b->overflow;
	}
	return false;
}

static uint64_t
slot_hash(const struct mr_tcp *self, uint32_t slot)
{
	return slot & TCP_SLOT_TIME_WAIT ? tcp_timewait_hash(self, slot)
					 : tcp_flow_hash(self, &tcp_tcb(self, slot)->flow);
}

/* moves says whether an entry of the bucket that is split goes to the new one. */
static bool
moves(const struct mr_tcp *self, uint16_t tag, uint32_t slot, uint32_t half)
{
	if (half >= 1u << TAG_SHIFT)
		return (uint32_t)tag << TAG_SHIFT & half;
	return slot_hash(self, slot) & half;
}

/* split_ahead fetches what the next split will touch, and the bucket of the one after it: growing
 * comes in runs of splits, one with each connection, over memory that nobody has looked at. */
static void
split_ahead(const struct mr_tcp *self)
{
	const struct tcp_table *table = &self->table;
	uint32_t next = table->count - table->half;
	const struct tcp_bucket *b = &table->buckets[next];

	__builtin_prefetch(b + 1, 1);
	__builtin_prefetch(&table->buckets[table->count], 1);
	if (table->half >= 1u << TAG_SHIFT)
		return;
	for (int i = 0; i < TCP_BUCKET_SLOTS && b->slots[i]; i++) {
		if (b->slots[i] & TCP_SLOT_TIME_WAIT)
			tcp_timewait_prefetch(self, b->slots[i]);
		else
			__builtin_prefetch(&tcp_tcb(self, b->slots[i])->flow);
	}
}

/* split makes one bucket more. The entries of the old chain, at most SLOTS * CHAIN_MAX, are taken
 * out and put back, each to its own; the overflow buckets go back first, so there is room. */
static void
split(struct mr_tcp *self)
{
	struct tcp_table *table = &self->table;
	uint32_t old = table->count - table->half, made = table->count, count = 0;
	uint16_t tags[TCP_BUCKET_SLOTS * TCP_BUCKET_CHAIN_MAX];
	uint32_t slots[TCP_BUCKET_SLOTS * TCP_BUCKET_CHAIN_MAX];

	for (uint32_t index = old, next; true; index = next) { /* at most CHAIN_MAX */
		struct tcp_bucket *b = &table->buckets[index];

		next = b->overflow;
		for (int i = 0; i < TCP_BUCKET_SLOTS && b->slots[i]; i++) {
			tags[count] = b->tags[i];
			slots[count++] = b->slots[i];
		}
		*b = (struct tcp_bucket){ 0 };
		if (index != old)
			overflow_put(table, index);
		if (next == 0)
			break;
	}
	table->buckets[made] = (struct tcp_bucket){ 0 };
	for (uint32_t i = 0; i < count; i++) {
		uint32_t to = moves(self, tags[i], slots[i], table->half) ? made : old;
		bool stored = put(table, to, tags[i], slots[i]);

		MR_ASSERT(stored); /* no chain is longer than the one it was */
	}
	table->count++;
	if (table->count == 2 * table->half)
		table->half *= 2;
	table->splits_left--;
	split_ahead(self);
}

bool
tcp_table_insert(struct mr_tcp *self, uint64_t hash, uint32_t slot)
{
	struct tcp_table *table = &self->table;

	if (table->entries >= (uint64_t)table->count * TCP_BUCKET_FILL &&
	    table->count < table->limit && table->splits_left)
		split(self);
	if (!put(table, index_of(table, hash), tag_of(hash), slot))
		return false;
	table->entries++;
	return true;
}

/* remove_at fills slot i of `hole` with the last entry of the chain that begins at head, so that a
 * chain is never longer than it must be. */
static void
remove_at(struct tcp_table *table, uint32_t head, struct tcp_bucket *hole, int i)
{
	struct tcp_bucket *b = &table->buckets[head], *before = NULL;
	int last = TCP_BUCKET_SLOTS - 1;

	while (b->overflow) { /* at most CHAIN_MAX */
		before = b;
		b = &table->buckets[b->overflow];
	}
	while (b->slots[last] == 0)
		last--;
	hole->tags[i] = b->tags[last];
	hole->slots[i] = b->slots[last];
	b->slots[last] = 0;
	table->entries--;
	if (last == 0 && before) {
		overflow_put(table, before->overflow);
		before->overflow = 0;
	}
}

void
tcp_table_replace(struct mr_tcp *self, uint64_t hash, uint32_t old, uint32_t slot)
{
	struct tcp_table *table = &self->table;
	uint32_t head = index_of(table, hash), index = head;

	for (int chain = 0; chain < TCP_BUCKET_CHAIN_MAX; chain++) {
		struct tcp_bucket *b = &table->buckets[index];

		for (int i = 0; i < TCP_BUCKET_SLOTS; i++) {
			if (b->slots[i] != old)
				continue;
			if (slot)
				b->slots[i] = slot;
			else
				remove_at(table, head, b, i);
			return;
		}
		index = b->overflow;
		if (index == 0)
			break;
	}
	MR_ASSERT(0); /* what is in the table is found in its chain */
}
