/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/lookup - how a finished zone lies in memory, and how a worker finds a name in it.
 *
 *   struct mr_zone | origin | nodes with their RRsets ..... | buckets ....... | blocks | 64 spare
 *       |                       ^                             10 tags and         |
 *       |                       +------------------------------- 10 offsets       +-- prebuilt
 *       +-- bucket = (hash >> 32) * bucket_count >> 32 --------> in one line        referrals, SOA
 *
 * Owner:  const after the builder made it. Thread: any worker, under RCU. Memory: one extent; all
 * references are offsets from the start of the zone in units of 8 bytes, so a zone may have 32 GiB.
 *
 * (1) The tree is closed upwards: every ancestor of a node, down from the apex, is a node (an empty
 *     non-terminal has no RRsets). So the closest encloser is found by bisection over label counts.
 * (2) node->above says all that ancestors have to say: the topmost delegation at or above the node,
 *     or the topmost DNAME above it.
 * (3) RRsets of a node stand in ascending order of type. Each is finished wire whose owners are
 *     pointers to offset 12, followed by its RRSIGs.
 * (4) A bucket that overflowed continues in the next line; at most MR_ZONE_SPILL_MAX lines.
 * (5) MR_ZONE_SPARE_BYTES behind the last byte are readable.
 * (6) In a signed zone every node stands behind a struct mr_zone_proof. NSEC3 records stand at
 *     nodes of their own, which no bucket leads to (RFC 5155 7.2.8: their names do not exist).
 */
#ifndef MR_ZONE_LOOKUP_H
#define MR_ZONE_LOOKUP_H

#include "zone/name.h"

enum {
	MR_ZONE_UNIT_BYTES = 8,
	MR_ZONE_SLOTS = 10,
	MR_ZONE_SPILL_MAX = 16,
	MR_ZONE_SPARE_BYTES = 64,
	MR_ZONE_RR_FIXED_BYTES = 12, /* owner pointer, type, class, TTL, RDLENGTH */
	MR_ZONE_OWNER_POINTER = 0xc00c,
};

/* RR types that the store or the answer path treats in their own way. */
enum mr_zone_type {
	MR_ZONE_A = 1,
	MR_ZONE_NS = 2,
	MR_ZONE_CNAME = 5,
	MR_ZONE_SOA = 6,
	MR_ZONE_PTR = 12,
	MR_ZONE_MX = 15,
	MR_ZONE_TXT = 16,
	MR_ZONE_AAAA = 28,
	MR_ZONE_SRV = 33,
	MR_ZONE_DNAME = 39,
	MR_ZONE_OPT = 41,
	MR_ZONE_DS = 43,
	MR_ZONE_RRSIG = 46,
	MR_ZONE_NSEC = 47,
	MR_ZONE_DNSKEY = 48,
	MR_ZONE_NSEC3 = 50,
	MR_ZONE_NSEC3PARAM = 51,
	MR_ZONE_SVCB = 64,
	MR_ZONE_HTTPS = 65,
	MR_ZONE_TKEY = 249,
	MR_ZONE_TSIG = 250,
	MR_ZONE_IXFR = 251,
	MR_ZONE_AXFR = 252,
	MR_ZONE_MAILB = 253,
	MR_ZONE_MAILA = 254,
	MR_ZONE_ANY = 255,
	MR_ZONE_CAA = 257,
};

enum { MR_ZONE_CLASS_IN = 1 };

struct mr_zone {
	uint64_t hash;                          /* of the origin */
	uint64_t bytes;                         /* the whole extent */
	uint64_t extent;                        /* its offset in the store */
	uint32_t bucket_count;                  /* homes; the spill lines stand behind them */
	uint32_t buckets, apex, negative, cold; /* offsets */
	uint32_t magic;
	uint8_t origin_bytes, origin_labels, labels_max; /* labels_max: of the deepest node */
	uint8_t layout;
	uint8_t denial_kind; /* enum mr_zone_denial_kind */
	uint8_t reserved[3];
	uint32_t counter; /* the control plane's, set before it is published: which counters are
			     its own; 0: those of all others */
	uint32_t denial;  /* offset of struct mr_zone_denial; 0 in an unsigned zone */
	uint8_t origin[]; /* lower-cased wire */
};
_Static_assert(offsetof(struct mr_zone, origin) == MR_CACHE_LINE, "the hot head is one line");

struct mr_zone_bucket {
	uint16_t tags[MR_ZONE_SLOTS]; /* 0: free */
	uint32_t spills;              /* not 0: names of this home may stand in the next line */
	uint32_t nodes[MR_ZONE_SLOTS];
};
_Static_assert(sizeof(struct mr_zone_bucket) == MR_CACHE_LINE, "a bucket is one line");

enum mr_zone_node_flag {
	MR_ZONE_NODE_DELEGATION = 1, /* NS and not the apex: `link` is its referral */
	MR_ZONE_NODE_CNAME = 2,
	MR_ZONE_NODE_DNAME = 4,
	MR_ZONE_NODE_WILDCARD = 8, /* the name itself begins with "*" */
};

struct mr_zone_node {
	uint32_t above; /* (2); 0: none */
	uint32_t link;  /* a delegation's referral block; else the "*" child; 0: none */
	uint16_t rrset_count;
	uint8_t flags;      /* enum mr_zone_node_flag */
	uint8_t name_bytes; /* of the name without the origin; 0: the apex */
	uint8_t name[];     /* lower-cased labels, then a pad to an even length, then the RRsets */
};

struct mr_zone_rrset {
	uint16_t type;
	uint16_t rr_count;
	uint16_t wire_bytes; /* rr_count finished records */
	uint16_t sig_bytes;  /* the finished RRSIG records that follow them */
	uint16_t sig_count;
	uint8_t wire[]; /* padded to an even length */
};

/* How a signed zone says that something is not there. */
enum mr_zone_denial_kind { MR_ZONE_UNSIGNED, MR_ZONE_BY_NSEC, MR_ZONE_BY_NSEC3 };

/* What is known of a node beforehand. Offsets of nodes that hold an NSEC or NSEC3; 0: none. */
struct mr_zone_proof {
	uint32_t match;    /* NSEC3: has the node's hash. NSEC: is the node, or comes before it */
	uint32_t wildcard; /* covers or matches "*" below the node */
};
_Static_assert(sizeof(struct mr_zone_proof) == MR_ZONE_UNIT_BYTES, "nodes stay aligned");

/* A prebuilt part of an answer: bytes with pointers that are set when it is put in place.
 * Part 0 is authority; part 1 additional that must not be left out (in-domain glue, RFC 9471);
 * part 2 additional that may. */
struct mr_zone_block {
	uint16_t bytes[3];
	uint16_t counts[3]; /* records */
	uint16_t link_count;
	uint16_t reserved;
	struct mr_zone_block_link {
		uint16_t at;    /* where in the block, ascending */
		uint16_t value; /* SUFFIX | bytes: to that much of the end of the name asked for;
				   else to an offset in the block */
	} links[];              /* then the bytes */
};
enum { MR_ZONE_LINK_SUFFIX = 0x8000 };

static inline const void *
mr_zone_ref(const struct mr_zone *zone, uint32_t offset)
{
	return (const uint8_t *)zone + (uint64_t)offset * MR_ZONE_UNIT_BYTES;
}

static inline const uint8_t *
mr_zone_block_wire(const struct mr_zone_block *block)
{
	return (const uint8_t *)(block->links + block->link_count);
}

static inline const struct mr_zone_node *
mr_zone_apex(const struct mr_zone *zone)
{
	return mr_zone_ref(zone, zone->apex);
}

/* mr_zone_node_proof: only of a node of a signed zone. */
static inline const struct mr_zone_proof *
mr_zone_node_proof(const struct mr_zone_node *node)
{
	return (const struct mr_zone_proof *)(const void *)node - 1;
}

static inline const struct mr_zone_bucket *
mr_zone_home(const struct mr_zone *zone, uint64_t hash)
{
	const struct mr_zone_bucket *buckets = mr_zone_ref(zone, zone->buckets);

	return buckets + ((hash >> 32) * zone->bucket_count >> 32);
}

static inline uint16_t
mr_zone_tag(uint64_t hash)
{
	uint16_t tag = (uint16_t)hash;

	return tag ? tag : 1;
}

/* mr_zone_tags_match returns a mask with two bits for each slot whose tag is this one. */
static inline uint32_t
mr_zone_tags_match(const struct mr_zone_bucket *bucket, uint16_t tag)
{
	__m256i tags = _mm256_loadu_si256((const __m256i *)(const void *)bucket);
	__m256i same = _mm256_cmpeq_epi16(tags, _mm256_set1_epi16((short)tag));

	return (uint32_t)_mm256_movemask_epi8(same) & ((1u << (2 * MR_ZONE_SLOTS)) - 1);
}

/* mr_zone_candidate returns the node that hash most likely is, without touching it (to prefetch),
 * or NULL when the home line says that there is none or that it spilt. */
static inline const struct mr_zone_node *
mr_zone_candidate(const struct mr_zone *zone, uint64_t hash)
{
	const struct mr_zone_bucket *bucket = mr_zone_home(zone, hash);
	uint32_t match = mr_zone_tags_match(bucket, mr_zone_tag(hash));

	return match ? mr_zone_ref(zone, bucket->nodes[(unsigned)__builtin_ctz(match) / 2]) : NULL;
}

/* mr_zone_probe returns the node of the suffix of name with that many labels (at least the
 * origin's), or NULL. The caller knows that name is within the zone. */
static inline const struct mr_zone_node *
mr_zone_probe(const struct mr_zone *zone, const struct mr_zone_name *name, unsigned labels)
{
	uint64_t hash = name->hash[labels];
	unsigned at = mr_zone_name_at(name, labels);
	unsigned bytes = name->bytes - at - zone->origin_bytes;
	const struct mr_zone_bucket *bucket = mr_zone_home(zone, hash);

	for (unsigned line = 0; line < MR_ZONE_SPILL_MAX; line++, bucket++) {
		uint32_t match = mr_zone_tags_match(bucket, mr_zone_tag(hash));

		for (; match; match &= match - 1, match &= match - 1) {
			const struct mr_zone_node *node =
				mr_zone_ref(zone,
					    bucket->nodes[(unsigned)__builtin_ctz(match) / 2]);

			if (mr_likely(node->name_bytes == bytes &&
				      mr_zone_same(node->name, name->lower + at, bytes)))
				return node;
		}
		if (mr_likely(!bucket->spills))
			return NULL;
	}
	return NULL;
}

/* mr_zone_closest returns the closest encloser of name (RFC 4592 3.3.1), which has fewer labels
 * than limit, and its label count. By (1) it bisects; the apex always exists. */
static inline const struct mr_zone_node *
mr_zone_closest(const struct mr_zone *zone, const struct mr_zone_name *name, unsigned limit,
		unsigned *labels)
{
	unsigned low = zone->origin_labels, high = limit; /* low exists, high does not */
	const struct mr_zone_node *closest = mr_zone_apex(zone);

	if (high > zone->labels_max + 1u)
		high = zone->labels_max + 1u;
	while (high - low > 1) {
		unsigned middle = (low + high) / 2;
		const struct mr_zone_node *node = mr_zone_probe(zone, name, middle);

		if (node) {
			low = middle;
			closest = node;
		} else {
			high = middle;
		}
	}
	*labels = low;
	return closest;
}

static inline const struct mr_zone_rrset *
mr_zone_node_rrsets(const struct mr_zone_node *node)
{
	return (const void *)(node->name + ((node->name_bytes + 1u) & ~1u));
}

static inline const struct mr_zone_rrset *
mr_zone_rrset_next(const struct mr_zone_rrset *rrset)
{
	unsigned bytes = (unsigned)rrset->wire_bytes + rrset->sig_bytes;

	return (const void *)(rrset->wire + ((bytes + 1) & ~1u));
}

/* mr_zone_node_rrset returns the RRset of type at node, or NULL. */
static inline const struct mr_zone_rrset *
mr_zone_node_rrset(const struct mr_zone_node *node, uint16_t type)
{
	const struct mr_zone_rrset *rrset = mr_zone_node_rrsets(node);

	for (unsigned i = 0; i < node->rrset_count; i++, rrset = mr_zone_rrset_next(rrset)) {
		if (rrset->type >= type)
			return rrset->type == type && rrset->rr_count ? rrset : NULL;
	}
	return NULL;
}

#endif
