/* SPDX-License-Identifier: Apache-2.0
 *
 * evlog/ring - one producer, one consumer, and an honest count of what did not fit.
 *
 * head and tail count records since boot and wrap; the place of record n is n & mask. Each side
 * keeps its last sight of the other's number, so that a post touches the consumer's line only when
 * the ring looks full.
 */
#include "evlog/evlog.h"

#include <stdio.h>
#include <stdlib.h>

enum { RECORDS_MAX = 1 << 20 };

struct mr_evlog_ring {
	/* owner: producer; head and lost are read by others */
	MR_LINE_ALIGNED uint32_t head;
	uint32_t tail_seen;
	uint32_t lost_pending; /* not told by any record yet */
	uint64_t lost;         /* since boot */
	/* owner: consumer; tail is read by the producer */
	MR_LINE_ALIGNED uint32_t tail;
	/* const after create */
	MR_LINE_ALIGNED uint32_t mask;
	char scope[MR_NAME_MAX];
	MR_LINE_ALIGNED struct mr_evlog_record records[];
};

static_assert(offsetof(struct mr_evlog_ring, tail) % MR_CACHE_LINE == 0 &&
		      offsetof(struct mr_evlog_ring, mask) % MR_CACHE_LINE == 0 &&
		      offsetof(struct mr_evlog_ring, records) % MR_CACHE_LINE == 0,
	      "each owner has lines of its own");

struct mr_evlog_ring *
mr_evlog_ring_create(const char *scope, uint32_t record_count)
{
	struct mr_evlog_ring *self;
	size_t bytes = sizeof(*self) + (size_t)record_count * sizeof(self->records[0]);

	MR_ASSERT(record_count && record_count <= RECORDS_MAX &&
		  (record_count & (record_count - 1)) == 0);
	self = aligned_alloc(MR_CACHE_LINE, bytes);
	if (!self)
		return NULL;
	memset(self, 0, bytes); /* all pages are there: a post never faults */
	self->mask = record_count - 1;
	snprintf(self->scope, sizeof(self->scope), "%s", scope);
	return self;
}

void
mr_evlog_ring_destroy(struct mr_evlog_ring *self)
{
	free(self);
}

void
mr_evlog_post(struct mr_evlog_ring *self, const struct mr_evlog_record *record)
{
	uint32_t head = self->head;
	struct mr_evlog_record *place = &self->records[head & self->mask];

	if (mr_unlikely(head - self->tail_seen > self->mask)) {
		/* acquire: the consumer's reads of the place come before our writing it again */
		self->tail_seen = __atomic_load_n(&self->tail, __ATOMIC_ACQUIRE);
		if (head - self->tail_seen > self->mask) {
			self->lost_pending += self->lost_pending < UINT32_MAX;
			__atomic_store_n(&self->lost, self->lost + 1, __ATOMIC_RELAXED);
			return;
		}
	}
	*place = *record;
	place->lost_before = self->lost_pending;
	self->lost_pending = 0;
	/* release: the record is whole before the consumer sees its number */
	__atomic_store_n(&self->head, head + 1, __ATOMIC_RELEASE);
}

/* drain_one says one record, and before it what was lost on the way to it. */
static void
drain_one(const struct mr_evlog_ring *self, const struct mr_evlog_record *record,
	  void (*sink)(void *context, enum mr_log_level level, const char *line), void *context)
{
	const struct mr_evlog_table *table = record->table;
	char line[MR_EVLOG_LINE_BYTES];
	enum mr_log_level level = MR_LOG_ERROR; /* an unknown kind is a fault of ours */
	size_t used;

	if (record->lost_before) {
		snprintf(line, sizeof(line), "%s: %u events lost here: the ring was full",
			 self->scope, record->lost_before);
		sink(context, MR_LOG_WARNING, line);
	}
	used = (size_t)snprintf(line, sizeof(line), "%s: ", self->scope);
	mr_evlog_format(record, line + used, sizeof(line) - used);
	if (table && record->kind < table->count)
		level = table->defs[record->kind].level;
	sink(context, level, line);
}

uint32_t
mr_evlog_drain(struct mr_evlog_ring *self, uint32_t limit,
	       void (*sink)(void *context, enum mr_log_level level, const char *line),
	       void *context)
{
	/* acquire: what we read of a record is what was written before its number */
	uint32_t head = __atomic_load_n(&self->head, __ATOMIC_ACQUIRE), tail = self->tail;
	uint32_t count = MR_MIN(head - tail, limit);

	for (uint32_t i = 0; i < count; i++) {
		struct mr_evlog_record record = self->records[(tail + i) & self->mask];

		/* release: the copy is done before the producer may write the place again; and it
		 * is given back before the slow part, the sink */
		__atomic_store_n(&self->tail, tail + i + 1, __ATOMIC_RELEASE);
		drain_one(self, &record, sink, context);
	}
	return count;
}

uint64_t
mr_evlog_lost(const struct mr_evlog_ring *self)
{
	return __atomic_load_n(&self->lost, __ATOMIC_RELAXED);
}
