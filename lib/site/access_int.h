/* SPDX-License-Identifier: Apache-2.0
 *
 * site/access_int - a record as it lies in a ring, and the line that it becomes.
 *
 * Owner:  see access.h. Thread: likewise. Memory: likewise.
 */
#ifndef MR_SITE_ACCESS_INT_H
#define MR_SITE_ACCESS_INT_H

#include "site/access.h"

struct access_record {
	uint32_t record_bytes; /* with its texts, a multiple of ACCESS_ALIGN; ACCESS_WRAP: skip */
	uint16_t status;
	uint16_t client_port;
	uint64_t now_ns, spent_ns, sent_bytes, content_bytes;
	struct mr_addr client;
	uint16_t lengths[MR_SITE_ACCESS_TEXT_COUNT];
	uint8_t version_minor;
	bool parsed;
	uint8_t texts[];
};

enum {
	ACCESS_ALIGN = 8,
	ACCESS_WRAP = 1u << 31, /* the rest of the ring is not used: go on at its start */
	/* the longest line: every octet of every text as \u00NN, and what stands between */
	ACCESS_LINE_BYTES = 6 * MR_SITE_ACCESS_TEXT_BYTES + 1024,
};

/* access_line writes a record as a line, with its line feed, and returns its length. realtime_ns is
 * when it was answered. room is ACCESS_LINE_BYTES. */
size_t access_line(const struct access_record *record, enum mr_site_access_format format,
		   uint64_t realtime_ns, char *room);

/* access_ring_next gives the oldest record, or NULL; access_ring_release lets it go. */
const struct access_record *access_ring_next(struct mr_site_access_ring *self);
void access_ring_release(struct mr_site_access_ring *self, const struct access_record *record);

struct mr_site_access_ring *access_ring_create(uint64_t buffer_bytes, uint32_t sample);

#endif
