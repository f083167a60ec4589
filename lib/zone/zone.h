/* SPDX-License-Identifier: Apache-2.0
 *
 * zone - immutable zone snapshots: text in, finished wire out.
 *
 *   file  -> [mr_zone_text_read] -> records -> [mr_zone_builder_*] -> struct mr_zone, in a store
 *   zones -> [mr_zone_set_build] -> struct mr_zone_set -> mr_rcu_publish -> workers look up
 *
 * Owner:  a builder and a text reader belong to one loader thread; a finished zone to the store;
 *         the set to the control thread, which publishes it and retires the one before.
 * Thread: lookups by any worker, under RCU, inside one burst; all else on loader or control
 *         threads.
 * Memory: a builder works on the heap and copies the finished zone, pointer-free, into one extent
 *         of the store.
 * Spec:   RFC 1034, 1035, 2181, 2308, 3597, 4034 6.1 (canonical order), 4343 (case),
 *         4592 (wildcards), 5155 (NSEC3).
 *
 * (1) A zone is never written after mr_zone_builder_finish, but for its counter's number before any
 *     worker sees it.
 * (2) Everything in a zone is addressed by offset from its start.
 * (3) A zone has exactly one SOA, at its apex, and at least one NS there; every RRset is of class
 *     IN.
 */
#ifndef MR_ZONE_ZONE_H
#define MR_ZONE_ZONE_H

#include "base/base.h"
#include "mem/mem.h"
#include "zone/lookup.h" /* what a worker needs: names, nodes, RRsets */

enum {
	MR_ZONE_INCLUDE_DEPTH = 10,
	MR_ZONE_RRS_PER_SET = 4096,
	/* RFC 5155 10.3; more would let a query cost what its sender does not pay. RFC 9276 3.1
	 * wants 0. */
	MR_ZONE_NSEC3_ITERATIONS = 150,
	/* An RRset with its RRSIGs that is larger fits no message beside its question. */
	MR_ZONE_RRSET_BYTES = 65000,
};

/* ---- text ---- */

/* One record as the reader gives it: wire form, names uncompressed; borrowed until the call
 * returns. */
struct mr_zone_record {
	const uint8_t *owner; /* wire, as written (case kept) */
	const uint8_t *rdata; /* wire, uncompressed */
	uint32_t ttl;
	uint16_t owner_bytes, rdata_bytes;
	uint16_t type, rr_class;
	const char *file;      /* where it was written, for errors */
	uint32_t line, column; /* column 0: not known */
};

typedef int mr_zone_record_fn(void *context, const struct mr_zone_record *record,
			      struct mr_error *error);

/* mr_zone_text_read streams the master file at path (RFC 1035 5.1; $ORIGIN, $TTL, $INCLUDE,
 * $GENERATE), one record at a time, to on_record. origin is the zone's name in text. Relative
 * $INCLUDE paths are taken from the including file's folder. Returns 0, or the first failure with
 * "file:line: what" in error (on_record's own errors as they are). */
MR_MUST_USE int mr_zone_text_read(const char *path, const char *origin,
				  mr_zone_record_fn *on_record, void *context,
				  struct mr_error *error);

/* mr_zone_text_scan is mr_zone_text_read that goes on behind an entry with an error, as long as
 * on_error, which gets that error, returns 0. What ends no entry (a parenthesis that is never
 * closed), and what is not about the text, ends it as ever. origin may be NULL: then names are
 * absolute until $ORIGIN. */
typedef int mr_zone_text_error_fn(void *context, const struct mr_error *error);
MR_MUST_USE int mr_zone_text_scan(const char *path, const char *origin,
				  mr_zone_record_fn *on_record, mr_zone_text_error_fn *on_error,
				  void *context, struct mr_error *error);

/* mr_zone_name_from_text reads a presentation name (escapes, RFC 1035 5.1) into wire; returns its
 * bytes or -EINVAL. A name without a final dot is taken as absolute. mr_zone_name_to_text writes
 * "www.example.com." and returns out. */
enum { MR_ZONE_NAME_TEXT_BYTES = 1024 };
MR_MUST_USE int mr_zone_name_from_text(const char *text, uint8_t wire[MR_ZONE_NAME_BYTES]);
const char *mr_zone_name_to_text(const uint8_t *wire, char out[MR_ZONE_NAME_TEXT_BYTES]);

/* ---- store and builder ---- */

struct mr_zone_store; /* one arena of extents; the hash key of all names */
struct mr_zone_builder;

MR_MUST_USE int mr_zone_store_create(struct mr_zone_store **self, uint64_t reserved_bytes,
				     bool huge, struct mr_error *error);
void mr_zone_store_destroy(struct mr_zone_store *self);
void mr_zone_store_stats(const struct mr_zone_store *self, struct mr_extents_stats *out);

MR_MUST_USE int mr_zone_builder_create(struct mr_zone_builder **self, const uint8_t *origin,
				       uint16_t origin_bytes, struct mr_error *error);
/* mr_zone_builder_add takes one record in any order. -EINVAL for what can be seen in one record: an
 * owner outside the zone, another class, a second SOA, RDATA that is not what its type says. A
 * record that fails is not added, so a caller may count it and go on. */
MR_MUST_USE int mr_zone_builder_add(struct mr_zone_builder *self,
				    const struct mr_zone_record *record, struct mr_error *error);
/* mr_zone_builder_finish checks (3) and what concerns whole RRsets, lays the zone out in store and
 * gives it. Identical records are merged (RFC 2181 5); differing TTLs of one set become the lowest,
 * with a warning counted. -EINVAL for a CNAME beside other data, two CNAMEs or DNAMEs at one name,
 * an RRset above MR_ZONE_RRSET_BYTES or MR_ZONE_RRS_PER_SET, NSEC3 of more iterations than
 * MR_ZONE_NSEC3_ITERATIONS; -ENOMEM. The builder is empty afterwards, also on failure. */
MR_MUST_USE int mr_zone_builder_finish(struct mr_zone_builder *self, struct mr_zone_store *store,
				       struct mr_zone **zone, struct mr_error *error);
void mr_zone_builder_destroy(struct mr_zone_builder *self);

/* mr_zone_load is read + build + finish of one file. Loader thread. */
MR_MUST_USE int mr_zone_load(struct mr_zone_store *store, const char *origin, const char *path,
			     struct mr_zone **zone, struct mr_error *error);
/* mr_zone_counter_set says which counters are the zone's, before it is published. */
static inline void
mr_zone_counter_set(struct mr_zone *zone, uint32_t counter)
{
	zone->counter = counter;
}
/* mr_zone_release gives the zone's memory back. After a grace period, pins dropped; the thread that
 * builds sets. */
void mr_zone_release(struct mr_zone_store *store, struct mr_zone *zone);

struct mr_zone_info {
	char origin[MR_ZONE_NAME_TEXT_BYTES];
	uint32_t serial;
	uint32_t warnings;                      /* duplicates merged and TTLs lowered */
	uint64_t records, rrsets, names, bytes; /* bytes: all-in, in the store */
	/* of bytes: hash lines; node heads and names; finished records; prebuilt referrals and
	 * tail; the order of a signed zone */
	uint64_t bucket_bytes, node_bytes, wire_bytes, block_bytes, denial_bytes;
};
void mr_zone_info(const struct mr_zone *zone, struct mr_zone_info *out);

/* One RRset as the control plane sees it; borrowed until the zone is released. */
struct mr_zone_view {
	uint8_t owner[MR_ZONE_NAME_BYTES]; /* wire, lower-cased */
	uint8_t owner_bytes;
	uint16_t type, rr_count, sig_count;
	uint32_t ttl;
	const struct mr_zone_rrset *rrset; /* NULL: an empty non-terminal */
};
/* mr_zone_visit calls visit for every RRset (and every empty non-terminal) in no stated order,
 * until it returns other than 0; returns that. */
int mr_zone_visit(const struct mr_zone *zone,
		  int (*visit)(void *context, const struct mr_zone_view *view), void *context);
/* mr_zone_find_rrset fills view with the RRset of exactly this wire name and type; -ENOENT.
 * Wildcards and delegations are not applied: this shows what the file says. */
MR_MUST_USE int mr_zone_find_rrset(const struct mr_zone_store *store, const struct mr_zone *zone,
				   const uint8_t *name, uint16_t name_bytes, uint16_t type,
				   struct mr_zone_view *view);
/* mr_zone_rr returns record index of view (signatures follow the records) as RDATA; NULL past the
 * end. */
const uint8_t *mr_zone_rr(const struct mr_zone_view *view, unsigned index, uint16_t *type,
			  uint32_t *ttl, uint16_t *rdata_bytes);

/* ---- check ---- */

#include "zone/check.h"

/* ---- walk ---- */

/* A place between two records of a zone; all zeros: before the first. */
struct mr_zone_mark {
	uint64_t entry;
	uint16_t rrset, rr;
};

/* Every record of a zone once (SOA, RRSIGs, NSEC3, glue and occluded names with the rest), in an
 * order that is the zone's own and stays as long as the zone does. */
struct mr_zone_walk {
	const struct mr_zone *zone;
	const struct mr_zone_node *node; /* the owner of rr */
	const uint8_t *rr;               /* fixed part, whose owner means nothing, and RDATA */
	struct mr_zone_mark mark;        /* behind rr */
	/* private */
	const struct mr_zone_rrset *rrset;
	const uint8_t *next;
};

/* mr_zone_walk_start puts self at mark; mr_zone_walk_next gives the next record in node, rr and
 * mark, or false at the end. Any thread that may read the zone. */
void mr_zone_walk_start(struct mr_zone_walk *self, const struct mr_zone *zone,
			const struct mr_zone_mark *mark);
bool mr_zone_walk_next(struct mr_zone_walk *self);

/* ---- set ---- */

/* Immutable: apex name -> zone. */
struct mr_zone_set_slot {
	uint64_t hash;
	int64_t zone_offset; /* from the slot array; 0: free */
};

struct mr_zone_set {
	/* reader: any, under RCU */
	struct mr_hash_key key;
	uint64_t mask; /* slots - 1 */
	const struct mr_zone_set_slot *slots;
	uint64_t label_bits[2]; /* label counts that origins have */
	/* owner: control thread */
	struct mr_zone_store *store;
	uint64_t extent, extent_bytes;
	size_t count;
	struct mr_zone **zones;
} MR_LINE_ALIGNED;

/* mr_zone_set_build makes a set of zones (borrowed; each origin once). An empty set is legal: it
 * refuses everything. */
MR_MUST_USE int mr_zone_set_build(struct mr_zone_store *store, struct mr_zone *const *zones,
				  size_t count, struct mr_zone_set **out, struct mr_error *error);
void mr_zone_set_free(struct mr_zone_set *self); /* the set only, not its zones */
size_t mr_zone_set_count(const struct mr_zone_set *self);
struct mr_zone *mr_zone_set_at(const struct mr_zone_set *self, size_t index);
/* mr_zone_set_find returns the zone whose origin is exactly this wire name, or NULL. */
struct mr_zone *mr_zone_set_find(const struct mr_zone_set *self, const uint8_t *origin,
				 uint16_t origin_bytes);

/* mr_zone_set_match returns the zone with the longest origin that is a suffix of name with at most
 * limit labels, or NULL. Worker. */
MR_HOT const struct mr_zone *mr_zone_set_match(const struct mr_zone_set *self,
					       const struct mr_zone_name *name, unsigned limit);

/* mr_zone_cover returns the node with the NSEC or NSEC3 that covers (or matches) the suffix of name
 * with that many labels, in a signed zone; NULL when the zone has none at all. One hashing of at
 * most MR_ZONE_NSEC3_ITERATIONS + 1 rounds, one search of log16 steps. Worker. */
const struct mr_zone_node *mr_zone_cover(const struct mr_zone *zone,
					 const struct mr_zone_name *name, unsigned labels);

/* mr_zone_cover_burst answers count questions (at most MR_BURST_MAX), each as mr_zone_cover would;
 * all zones are signed. The searches go down together, so that none waits for another's memory. */
struct mr_zone_cover {
	const struct mr_zone *zone;
	const struct mr_zone_name *name;
	unsigned labels;
	const struct mr_zone_node *node; /* out */
};
MR_HOT void mr_zone_cover_burst(struct mr_zone_cover *questions, unsigned count);

/* mr_zone_set_prefetch fetches what mr_zone_set_match will look at first. */
MR_HOT void mr_zone_set_prefetch(const struct mr_zone_set *self, const struct mr_zone_name *name);

#endif
