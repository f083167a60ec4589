/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/int - what the parts of the store and of the builder share.
 *
 *   builder.c  records checked one by one and appended to a log
 *   layout.c   log -> sorted -> nodes, RRsets and buckets in an image on the heap
 *   block.c    wildcards, cuts, prebuilt referrals and the negative tail
 *   store.c    image -> extent; release; figures
 */
#ifndef MR_ZONE_ZONE_INT_H
#define MR_ZONE_ZONE_INT_H

#include "zone/zone.h"

enum {
	ZONE_MAGIC = 0x315a524d, /* "MRZ1" */
	ZONE_LAYOUT = 1,
	ZONE_NAMES_PER_BUCKET = 6, /* of 10 slots: 4 % of the homes spill */
	ZONE_FILE_MAX = 65535,
	ZONE_POINTER_REACH = 7000, /* a block's inner pointers stay below this, see dns/answer */
};

struct mr_zone_store {
	struct mr_arena arena;
	struct mr_extents *extents;
	struct mr_hash_key key;
};

/* Behind the origin: what only the control plane asks. */
struct zone_cold {
	uint64_t records, rrsets, names;
	uint64_t bucket_bytes, node_bytes, wire_bytes, block_bytes;
	uint32_t serial, warnings;
};

/* ---- builder ---- */

/* One record of the log; the lower-cased owner without the origin and the RDATA follow, padded
 * to 8. */
struct zone_log {
	uint32_t ttl, line;
	uint16_t type; /* 0: an empty non-terminal */
	uint16_t rdata_bytes;
	uint16_t file;
	uint8_t name_bytes, labels; /* labels: of the whole owner */
	uint8_t bytes[];
};

struct zone_entry {
	uint64_t hash; /* of the owner */
	uint64_t at;   /* of its record in the log */
};

/* A growing piece of heap; places in it are offsets, because it moves. */
struct zone_heap {
	uint8_t *base;
	uint64_t used, room;
};

struct zone_list {
	uint32_t *items; /* offsets of nodes in the image */
	size_t count, room;
};

struct mr_zone_builder {
	uint8_t origin[MR_ZONE_NAME_BYTES + 1]; /* lower-cased */
	uint8_t origin_bytes, origin_labels;
	uint32_t warnings;
	uint64_t record_count;
	struct zone_heap log;
	const char **files;
	size_t file_count;

	/* while finishing */
	const struct mr_hash_key *key;
	struct mr_zone_name name; /* the origin at first, then scratch */
	struct zone_entry *entries, *scratch;
	size_t entry_count, entry_room;
	struct zone_heap image;
	struct zone_list cuts, wildcards; /* nodes */
	uint64_t label_bits[2];           /* label counts that cuts and DNAMEs have */
	struct zone_cold cold;
};

/* zone_heap_take gives bytes (rounded up to 8) at *at, zeroed; -ENOMEM. */
MR_MUST_USE int zone_heap_take(struct zone_heap *self, uint64_t bytes, uint64_t *at);
void zone_heap_free(struct zone_heap *self);
MR_MUST_USE int zone_list_add(struct zone_list *self, uint32_t item);

static inline struct zone_log *
zone_log_at(const struct mr_zone_builder *self, uint64_t at)
{
	return (struct zone_log *)(void *)(self->log.base + at);
}

static inline const uint8_t *
zone_log_rdata(const struct zone_log *record)
{
	return record->bytes + record->name_bytes;
}

static inline struct mr_zone *
zone_image(struct mr_zone_builder *self)
{
	return (struct mr_zone *)(void *)self->image.base;
}

static inline struct mr_zone_node *
zone_image_node(struct mr_zone_builder *self, uint32_t offset)
{
	return (struct mr_zone_node *)(void *)(self->image.base +
					       (uint64_t)offset * MR_ZONE_UNIT_BYTES);
}

/* zone_name_length returns the bytes of the uncompressed name at wire, or 0 when it is malformed.
 */
unsigned zone_name_length(const uint8_t *wire, size_t wire_bytes);

/* zone_owner_text writes a record's owner for an error message. */
const char *zone_owner_text(const struct mr_zone_builder *self, const struct zone_log *record,
			    char out[MR_ZONE_NAME_TEXT_BYTES]);

/* zone_log_kind orders the RRsets of a name: by type, RRSIGs behind what they cover. */
uint32_t zone_log_kind(const struct zone_log *record);
int zone_log_compare_data(const struct zone_log *a, const struct zone_log *b);
bool zone_log_same_name(const struct zone_log *a, const struct zone_log *b);

/* zone_scan_relative hashes the name that is relative (without root) before the origin. */
void zone_scan_relative(struct mr_zone_builder *self, const uint8_t *relative, unsigned bytes,
			struct mr_zone_name *name);

/* zone_sort orders entries; scratch has as much room and undefined contents afterwards. */
MR_MUST_USE int zone_sort(struct mr_zone_builder *self);

/* zone_layout makes nodes and buckets of the log. zone_link then fills above, link, the referrals
 * and the negative tail. Both 0 or -errno. */
MR_MUST_USE int zone_layout(struct mr_zone_builder *self, struct mr_error *error);
MR_MUST_USE int zone_link(struct mr_zone_builder *self, struct mr_error *error);

#endif
