/* SPDX-License-Identifier: Apache-2.0
 *
 * site/access_ring - records of various lengths from one worker to the log thread.
 *
 * head and tail count bytes since boot; a record never wraps: what is left at the end of the ring
 * is skipped when the next one does not fit there.
 */
#include <stdlib.h>
#include <string.h>

#include "access_int.h"

struct mr_site_access_ring {
	/* owner: worker; head is read by the log thread */
	MR_LINE_ALIGNED uint64_t head;
	uint64_t tail_seen;
	uint32_t skipped; /* since the last one that was sampled */
	/* owner: log thread; tail is read by the worker */
	MR_LINE_ALIGNED uint64_t tail;
	/* const after create */
	MR_LINE_ALIGNED uint64_t mask;
	uint32_t sample;
	MR_LINE_ALIGNED uint8_t bytes[];
};

static_assert(offsetof(struct mr_site_access_ring, tail) % MR_CACHE_LINE == 0 &&
		      offsetof(struct mr_site_access_ring, mask) % MR_CACHE_LINE == 0,
	      "each owner has lines of its own");

#define ACCESS_BOUND_(id, json, n) n,
static const uint16_t bounds[] = { MR_SITE_ACCESS_TEXTS(ACCESS_BOUND_) };

struct mr_site_access_ring *
access_ring_create(uint64_t buffer_bytes, uint32_t sample)
{
	struct mr_site_access_ring *self;
	uint64_t bytes = MR_SITE_ACCESS_BUFFER_MIN_BYTES;

	while (bytes < buffer_bytes)
		bytes *= 2;
	self = aligned_alloc(MR_CACHE_LINE, sizeof(*self) + bytes);
	if (!self)
		return NULL;
	memset(self, 0, sizeof(*self) + bytes); /* all pages are there: a post never faults */
	self->mask = bytes - 1;
	self->sample = sample;
	return self;
}

/* ring_reserve gives room for bytes in one piece, or NULL. */
static struct access_record *
ring_reserve(struct mr_site_access_ring *self, uint64_t bytes)
{
	uint64_t at = self->head & self->mask, left = self->mask + 1 - at;
	uint64_t wanted = bytes <= left ? bytes : left + bytes;

	if (mr_unlikely(self->head + wanted - self->tail_seen > self->mask + 1)) {
		/* acquire: the log thread's reads of the place come before our writing it again */
		self->tail_seen = __atomic_load_n(&self->tail, __ATOMIC_ACQUIRE);
		if (self->head + wanted - self->tail_seen > self->mask + 1)
			return NULL;
	}
	if (bytes > left) {
		uint32_t wrap = ACCESS_WRAP;

		memcpy(self->bytes + at, &wrap, sizeof(wrap));
		/* release: as in the post */
		__atomic_store_n(&self->head, self->head + left, __ATOMIC_RELEASE);
		at = 0;
	}
	return (struct access_record *)(void *)(self->bytes + at);
}

bool
mr_site_access_post(struct mr_site_access_ring *self, const struct mr_site_access_entry *entry)
{
	struct access_record *record;
	uint16_t lengths[MR_SITE_ACCESS_TEXT_COUNT];
	uint64_t bytes = sizeof(*record);
	uint8_t *at;

	if (++self->skipped < self->sample)
		return true;
	self->skipped = 0;
	for (int i = 0; i < MR_SITE_ACCESS_TEXT_COUNT; i++) {
		lengths[i] = (uint16_t)MR_MIN(entry->texts[i].byte_count, (uint32_t)bounds[i]);
		bytes += lengths[i];
	}
	bytes = mr_round_up(bytes, ACCESS_ALIGN);
	record = ring_reserve(self, bytes);
	if (mr_unlikely(!record))
		return false;
	record->record_bytes = (uint32_t)bytes;
	record->status = entry->status;
	record->client_port = entry->client_port;
	record->now_ns = entry->now_ns;
	record->spent_ns = entry->spent_ns;
	record->sent_bytes = entry->sent_bytes;
	record->content_bytes = entry->content_bytes;
	record->client = entry->client;
	record->version_minor = entry->version_minor;
	record->parsed = entry->parsed;
	memcpy(record->lengths, lengths, sizeof(lengths));
	at = record->texts;
	for (int i = 0; i < MR_SITE_ACCESS_TEXT_COUNT; i++) {
		if (lengths[i])
			memcpy(at, entry->texts[i].bytes, lengths[i]);
		at += lengths[i];
	}
	/* release: the record is whole before the log thread sees that it is there */
	__atomic_store_n(&self->head, self->head + bytes, __ATOMIC_RELEASE);
	return true;
}

const struct access_record *
access_ring_next(struct mr_site_access_ring *self)
{
	/* acquire: the record's bytes are read after it is known to be there */
	uint64_t head = __atomic_load_n(&self->head, __ATOMIC_ACQUIRE);

	while (self->tail != head) { /* twice at most: a skip is followed by a record */
		const struct access_record *record =
			(const void *)(self->bytes + (self->tail & self->mask));

		if (record->record_bytes != ACCESS_WRAP)
			return record;
		__atomic_store_n(&self->tail, (self->tail | self->mask) + 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

void
access_ring_release(struct mr_site_access_ring *self, const struct access_record *record)
{
	/* release: our reads of the record come before the worker writes there again */
	__atomic_store_n(&self->tail, self->tail + record->record_bytes, __ATOMIC_RELEASE);
}
