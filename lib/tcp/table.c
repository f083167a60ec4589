/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/table - from four-tuple to TCB or TIME_WAIT entry, in one or two cache lines.
 *
 * The hash is SipHash under a secret key, so nobody outside can fill one bucket. A bucket that is
 * full goes on in an overflow bucket; chains are bounded, and an insert beyond them is refused.
 */
#include "tcp/tcp_int.h"

enum { FLOW_KEY_BYTES = 36 };
static_assert(offsetof(struct mr_tcp_flow, path) == FLOW_KEY_BYTES,
	      "addresses and ports come first");

int
tcp_table_create(struct mr_tcp *self, struct mr_arena *arena, struct mr_error *error)
{
	uint64_t entries = (uint64_t)self->config.conn_limit + self->config.time_wait_limit;
	uint64_t count = 16, overflow_count, offset;

	while (count * 7 < entries) /* seven of ten slots used when all limits are reached */
		count *= 2;
	overflow_count = MR_MAX(count / 8, 16ull);
	if (mr_arena_take(arena, (count + overflow_count) * sizeof(struct tcp_bucket),
			  MR_CACHE_LINE, &offset) != 0)
		return mr_arena_shortage(arena,
					 (count + overflow_count) * sizeof(struct tcp_bucket),
					 error);
	self->buckets = mr_arena_at(arena, offset);
	self->bucket_mask = (uint32_t)(count - 1);
	self->overflow_fresh = (uint32_t)count;
	self->overflow_end = (uint32_t)(count + overflow_count);
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
	return (uint16_t)(hash >> 48);
}

static bool
same_ends(const struct mr_tcp_flow *a, const struct mr_tcp_flow *b)
{
	return memcmp(a, b, FLOW_KEY_BYTES) == 0;
}

uint32_t
tcp_table_find(const struct mr_tcp *self, uint64_t hash, const struct mr_tcp_flow *flow)
{
	uint32_t index = (uint32_t)hash & self->bucket_mask;

	for (int chain = 0; chain < TCP_BUCKET_CHAIN_MAX; chain++) {
		const struct tcp_bucket *b = &self->buckets[index];

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

bool
tcp_table_insert(struct mr_tcp *self, uint64_t hash, uint32_t slot)
{
	uint32_t index = (uint32_t)hash & self->bucket_mask;

	for (int chain = 0; chain < TCP_BUCKET_CHAIN_MAX; chain++) {
		struct tcp_bucket *b = &self->buckets[index];

		for (int i = 0; i < TCP_BUCKET_SLOTS; i++)
			if (b->slots[i] == 0) {
				b->tags[i] = tag_of(hash);
				b->slots[i] = slot;
				return true;
			}
		if (b->overflow == 0) {
			if (self->overflow_fresh == self->overflow_end)
				return false;
			b->overflow = self->overflow_fresh++; /* stays in this chain for good */
		}
		index = b->overflow;
	}
	return false;
}

void
tcp_table_replace(struct mr_tcp *self, uint64_t hash, uint32_t old, uint32_t slot)
{
	uint32_t index = (uint32_t)hash & self->bucket_mask;

	for (int chain = 0; chain < TCP_BUCKET_CHAIN_MAX; chain++) {
		struct tcp_bucket *b = &self->buckets[index];

		for (int i = 0; i < TCP_BUCKET_SLOTS; i++)
			if (b->slots[i] == old && b->tags[i] == tag_of(hash)) {
				b->slots[i] = slot;
				return;
			}
		index = b->overflow;
		if (index == 0)
			break;
	}
	MR_ASSERT(0); /* what is in the table is found in its chain */
}
