/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/int - what the parts of the store and of the builder share.
 *
 *   builder.c  records checked one by one and appended to a log
 *   layout.c   log -> sorted -> nodes, RRsets and buckets in an image on the heap
 *   block.c    wildcards, cuts, prebuilt referrals and the negative tail
 *   chain.c    a signed zone's NSEC or NSEC3 records in their order, and each node's proofs
 *   denial.c   the same order asked by a worker
 *   store.c    image -> extent; release; figures
 *
 * Owner:  a builder is its loader's; a zone's image is nobody's, as it never changes (zone/zone.h).
 * Thread: building on a loader; finding and denial on any worker, inside one burst.
 * Memory: the heap while building; a finished zone is one extent of the store.
 */
#ifndef MR_ZONE_ZONE_INT_H
#define MR_ZONE_ZONE_INT_H

#include "zone/zone.h"

enum {
	ZONE_MAGIC = 0x315a524d, /* "MRZ1" */
	ZONE_LAYOUT = 2,
	ZONE_NAMES_PER_BUCKET = 6, /* of 10 slots: 4 % of the homes spill */
	ZONE_FILE_MAX = 65535,
	ZONE_POINTER_REACH = 7000, /* a block's inner pointers stay below this, see dns/answer */
	ZONE_CHAIN_STEP = 16,      /* keys compared at once: two lines */
	ZONE_CHAIN_LEVELS = 8,     /* 16^8 is more than offsets can be */
};

struct mr_zone_store {
	struct mr_arena arena;
	struct mr_extents *extents;
	struct mr_hash_key key;
};

/* The denial records of a signed zone in their order: that of the names (RFC 4034 6.1) for NSEC,
 * that of the hashes for NSEC3. An entry's key is the first 8 bytes of what it is ordered by. A
 * search looks at one step of each level, the upper ones of which stay in the cache. */
struct mr_zone_denial {
	uint32_t count;
	uint32_t nodes; /* offset of a uint32_t for each key */
	/* Offsets of uint64_t arrays: levels[0] has all keys, levels[i + 1] the first of each
	 * ZONE_CHAIN_STEP of levels[i]; the last no more than that. Each begins with a line and
	 * ends in a whole step, filled up with UINT64_MAX. */
	uint32_t levels[ZONE_CHAIN_LEVELS];
	uint32_t level_count;
	uint16_t iterations;
	uint8_t salt_bytes;
	uint8_t salt[255];
};

enum {
	ZONE_KEY_BYTES = 8,
	ZONE_NSEC3_HASH_BYTES = 20,
	ZONE_NSEC3_LABEL_BYTES = 32, /* base32hex of it */
	/* The labels from the right, each octet at most doubled, each label with an end. */
	ZONE_ORDER_BYTES = 2 * MR_ZONE_NAME_BYTES + MR_ZONE_LABELS,
};

/* What an entry or a question is ordered by; compares by memcmp, then by length. */
struct zone_order {
	unsigned bytes;
	uint8_t key[ZONE_ORDER_BYTES + 8];
};

/* Behind the origin: what only the control plane asks. */
struct zone_cold {
	uint64_t records, rrsets, names;
	uint64_t bucket_bytes, node_bytes, wire_bytes, block_bytes;
	uint64_t denial_bytes;
	uint32_t serial, warnings;
	uint32_t nsec3_nodes, nsec3_count; /* offset of their nodes' offsets; how many */
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
	struct zone_list cuts, wildcards, nsec3s; /* nodes */
	bool is_signed;         /* an NSEC or NSEC3 was seen: nodes have room for their proofs */
	uint64_t label_bits[2]; /* label counts that cuts and DNAMEs have */
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

/* zone_chain puts a signed zone's denial records in order and fills every node's proofs. */
MR_MUST_USE int zone_chain(struct mr_zone_builder *self, struct mr_error *error);

/* ---- denial ---- */

/* zone_sha1 hashes byte_count bytes, at most 2 * 255 (FIPS 180-4), which are readable up to the
 * next multiple of 32; zone_sha1_plain does it on any CPU. */
void zone_sha1(const uint8_t *bytes, unsigned byte_count, uint8_t out[ZONE_NSEC3_HASH_BYTES]);
void zone_sha1_plain(const uint8_t *bytes, unsigned byte_count, uint8_t out[ZONE_NSEC3_HASH_BYTES]);

/* zone_order_name: the order of a lower-cased name of that many bytes, without its root label; at
 * least its first `enough` bytes. zone_order_hash: of its hash (RFC 5155 5), where name has its
 * root label and is readable up to the next multiple of 32. zone_order_node: of a node that holds
 * a record of the chain. */
void zone_order_name(const uint8_t *relative, unsigned bytes, unsigned enough,
		     struct zone_order *order);
void zone_order_hash(const struct mr_zone_denial *denial, const uint8_t *name, unsigned bytes,
		     struct zone_order *order);
void zone_order_node(const struct mr_zone *zone, const struct mr_zone_node *node,
		     struct zone_order *order);
int zone_order_compare(const struct zone_order *a, const struct zone_order *b);
/* zone_order_key is an order's first 8 bytes as a number, zeros where it is shorter. */
uint64_t zone_order_key(const struct zone_order *order);

/* zone_order_find returns the index of the last entry that is not behind order, wrapping to the
 * last of all; *exact says that it is equal. count > 0. */
uint32_t zone_order_find(const struct mr_zone *zone, const struct zone_order *order, bool *exact);

#endif
