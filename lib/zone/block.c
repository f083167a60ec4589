/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/block - what ancestors say (cuts, DNAMEs, wildcards), and the prebuilt parts of answers.
 *
 * A block is put behind any question whose name ends with its anchor (the cut's or the zone's
 * name), so names compress against the anchor ("so many bytes from the end of the name asked for")
 * and against names earlier in the block.
 */
#include <errno.h>
#include <stdlib.h>

#include "zone/zone_int.h"

enum {
	BLOCK_BYTES = 65535,
	BLOCK_LINKS = 16384,
	BLOCK_TARGETS = 16, /* names remembered for compression */
};

/* A name that stands in the block; its first literal_bytes are labels, not a pointer. */
struct target {
	uint8_t lower[MR_ZONE_NAME_BYTES];
	uint8_t bytes, literal_bytes;
	uint16_t at;
};

struct maker {
	uint16_t part_bytes[3], part_counts[3], link_count;
	uint8_t anchor[MR_ZONE_NAME_BYTES + 1]; /* lower-cased */
	uint8_t anchor_bytes;
	unsigned used;
	bool full;
	unsigned target_count;
	struct target targets[BLOCK_TARGETS];
	struct mr_zone_block_link links[BLOCK_LINKS];
	uint8_t bytes[BLOCK_BYTES];
};

static void
maker_start(struct maker *self, const uint8_t *anchor, unsigned anchor_bytes)
{
	memset(self->part_bytes, 0, sizeof(self->part_bytes));
	memset(self->part_counts, 0, sizeof(self->part_counts));
	self->link_count = 0;
	memcpy(self->anchor, anchor, anchor_bytes);
	self->anchor_bytes = (uint8_t)anchor_bytes;
	self->used = 0;
	self->full = false;
	self->target_count = 0;
}

static uint8_t *
maker_take(struct maker *self, unsigned bytes)
{
	uint8_t *taken = self->bytes + self->used;

	if (self->full || self->used + bytes > BLOCK_BYTES) {
		self->full = true;
		return NULL;
	}
	self->used += bytes;
	return taken;
}

static void
maker_put(struct maker *self, const uint8_t *bytes, unsigned count)
{
	uint8_t *to = maker_take(self, count);

	if (to)
		memcpy(to, bytes, count);
}

static void
maker_put_link(struct maker *self, uint16_t value)
{
	unsigned at = self->used;

	if (self->link_count == BLOCK_LINKS || !maker_take(self, 2)) {
		self->full = true;
		return;
	}
	self->links[self->link_count++] = (struct mr_zone_block_link){ (uint16_t)at, value };
}

/* Says whether the last `bytes` bytes of name start at one of its labels. */
static bool
is_suffix_start(const uint8_t *name, unsigned name_bytes, unsigned bytes)
{
	unsigned at = 0;

	while (name_bytes - at > bytes)
		at += name[at] + 1u;
	return name_bytes - at == bytes;
}

/* Finds where the tail of a name (bytes > 1) already stands; the link's value, or -1. */
static int
find_tail(const struct maker *self, const uint8_t *tail, unsigned bytes)
{
	if (bytes <= self->anchor_bytes &&
	    is_suffix_start(self->anchor, self->anchor_bytes, bytes) &&
	    memcmp(self->anchor + self->anchor_bytes - bytes, tail, bytes) == 0)
		return (int)(MR_ZONE_LINK_SUFFIX | bytes);
	for (unsigned i = 0; i < self->target_count; i++) {
		const struct target *t = &self->targets[i];
		unsigned at = (unsigned)t->bytes - bytes;

		if (bytes <= t->bytes && at < t->literal_bytes && t->at + at < ZONE_POINTER_REACH &&
		    is_suffix_start(t->lower, t->bytes, bytes) &&
		    memcmp(t->lower + at, tail, bytes) == 0)
			return (int)(t->at + at);
	}
	return -1;
}

static void
maker_put_name(struct maker *self, const uint8_t *wire)
{
	struct target target = { .at = (uint16_t)self->used };
	unsigned at = 0;
	int value = -1;

	target.bytes = (uint8_t)zone_name_length(wire, MR_ZONE_NAME_BYTES);
	for (unsigned i = 0; i < target.bytes; i++)
		target.lower[i] = wire[i] >= 'A' && wire[i] <= 'Z' ? wire[i] | 0x20 : wire[i];
	for (; wire[at]; at += wire[at] + 1u) {
		value = find_tail(self, target.lower + at, target.bytes - at);
		if (value >= 0)
			break;
	}
	target.literal_bytes = (uint8_t)at;
	maker_put(self, wire, value >= 0 ? at : at + 1);
	if (value >= 0)
		maker_put_link(self, (uint16_t)value);
	if (self->target_count < BLOCK_TARGETS)
		self->targets[self->target_count++] = target;
}

/* Closes part (0, 1, 2) of the block, which began at start and holds count records. */
static void
maker_part(struct maker *self, unsigned part, unsigned start, unsigned count)
{
	self->part_bytes[part] = (uint16_t)(self->used - start);
	self->part_counts[part] = (uint16_t)count;
}

static int
maker_finish(struct maker *self, struct mr_zone_builder *builder, uint32_t *offset)
{
	uint64_t links_bytes = self->link_count * sizeof(self->links[0]);
	uint64_t bytes = sizeof(struct mr_zone_block) + links_bytes + self->used, at;

	if (self->full)
		return -EFBIG;
	if (zone_heap_take(&builder->image, bytes, &at))
		return -ENOMEM;
	if (at / MR_ZONE_UNIT_BYTES > UINT32_MAX)
		return -EFBIG;
	struct mr_zone_block *block = (void *)(builder->image.base + at);

	memcpy(block->bytes, self->part_bytes, sizeof(block->bytes));
	memcpy(block->counts, self->part_counts, sizeof(block->counts));
	block->link_count = self->link_count;
	memcpy(block->links, self->links, links_bytes);
	memcpy(block->links + block->link_count, self->bytes, self->used);
	*offset = (uint32_t)(at / MR_ZONE_UNIT_BYTES);
	builder->cold.block_bytes += mr_round_up(bytes, MR_ZONE_UNIT_BYTES);
	return 0;
}

static void
node_full_name(const struct mr_zone_builder *self, const struct mr_zone_node *node, uint8_t *wire)
{
	memcpy(wire, node->name, node->name_bytes);
	memcpy(wire + node->name_bytes, self->origin, self->origin_bytes);
}

static void
put_negative_sigs(struct mr_zone_builder *self, struct maker *maker,
		  const struct mr_zone_rrset *soa, uint32_t ttl)
{
	const uint8_t *rr = soa->wire + soa->wire_bytes;
	unsigned start = maker->used;

	for (unsigned i = 0; i < soa->sig_count; i++) {
		unsigned bytes = MR_ZONE_RR_FIXED_BYTES + mr_load_be16(rr + 10);
		unsigned at = maker->used;

		maker_put_link(maker, (uint16_t)(MR_ZONE_LINK_SUFFIX | self->origin_bytes));
		maker_put(maker, rr + 2, bytes - 2);
		if (!maker->full)
			mr_store_be32(maker->bytes + at + 6, MR_MIN(ttl, mr_load_be32(rr + 6)));
		rr += bytes;
	}
	maker_part(maker, 1, start, soa->sig_count);
}

/* RFC 2308 3: the SOA with the lower of its TTL and its MINIMUM; its RRSIGs, with that TTL too
 * (RFC 4035 2.2), are part 1. */
static int
make_negative(struct mr_zone_builder *self, struct maker *maker)
{
	const struct mr_zone *zone = zone_image(self);
	const struct mr_zone_rrset *soa = mr_zone_node_rrset(mr_zone_apex(zone), MR_ZONE_SOA);
	const uint8_t *rdata = soa->wire + MR_ZONE_RR_FIXED_BYTES;
	unsigned mname_bytes = zone_name_length(rdata, MR_ZONE_NAME_BYTES);
	const uint8_t *rname = rdata + mname_bytes;
	const uint8_t *numbers = rname + zone_name_length(rname, MR_ZONE_NAME_BYTES);
	uint32_t ttl = mr_load_be32(soa->wire + 6), minimum = mr_load_be32(numbers + 16);
	uint8_t fixed[10];
	unsigned start;

	self->cold.serial = mr_load_be32(numbers);
	maker_start(maker, self->origin, self->origin_bytes);
	maker_put_link(maker, (uint16_t)(MR_ZONE_LINK_SUFFIX | self->origin_bytes));
	ttl = MR_MIN(ttl, minimum >> 31 ? 0 : minimum);
	memcpy(fixed, soa->wire + 2, 4);
	mr_store_be32(fixed + 4, ttl);
	maker_put(maker, fixed, sizeof(fixed));
	start = maker->used;
	maker_put_name(maker, rdata);
	maker_put_name(maker, rname);
	maker_put(maker, numbers, 20);
	mr_store_be16(maker->bytes + start - 2, (uint16_t)(maker->used - start));
	maker_part(maker, 0, 0, 1);
	put_negative_sigs(self, maker, soa, ttl);

	uint32_t offset;
	int code = maker_finish(maker, self, &offset);

	if (!code)
		zone_image(self)->negative = offset;
	return code;
}

/* ---- referrals ---- */

static unsigned
put_glue_rrset(struct maker *maker, const struct mr_zone_rrset *rrset, unsigned owner_at,
	       const uint8_t *owner)
{
	const uint8_t *rr = rrset->wire;

	for (unsigned i = 0; i < rrset->rr_count; i++) {
		unsigned bytes = MR_ZONE_RR_FIXED_BYTES + mr_load_be16(rr + 10);

		if (owner_at < ZONE_POINTER_REACH)
			maker_put_link(maker, (uint16_t)owner_at);
		else
			maker_put_name(maker, owner);
		maker_put(maker, rr + 2, bytes - 2);
		rr += bytes;
	}
	return rrset->rr_count;
}

/* Puts the addresses of one name server, when they are of this part; returns how many records. */
static unsigned
put_glue(struct mr_zone_builder *self, struct maker *maker, const uint8_t *target, unsigned part,
	 unsigned owner_at)
{
	unsigned bytes = zone_name_length(target, MR_ZONE_NAME_BYTES), before, records = 0;
	const struct mr_zone *zone = zone_image(self);
	struct mr_zone_name *name = &self->name;
	const struct mr_zone_node *node;
	bool in_domain;

	mr_zone_name_scan(name, self->key, target, bytes, bytes);
	if (bytes < self->origin_bytes || name->labels < self->origin_labels ||
	    memcmp(name->lower + bytes - self->origin_bytes, self->origin, self->origin_bytes) ||
	    mr_zone_name_at(name, self->origin_labels) != bytes - self->origin_bytes)
		return 0;
	in_domain = bytes >= maker->anchor_bytes &&
		    is_suffix_start(name->lower, bytes, maker->anchor_bytes) &&
		    memcmp(name->lower + bytes - maker->anchor_bytes, maker->anchor,
			   maker->anchor_bytes) == 0;
	node = mr_zone_probe(zone, name, name->labels);
	if (!node || in_domain != (part == 1))
		return 0;
	static const uint16_t types[] = { MR_ZONE_A, MR_ZONE_AAAA };

	before = maker->used;
	for (unsigned i = 0; i < MR_ARRAY_COUNT(types); i++) {
		const struct mr_zone_rrset *rrset = mr_zone_node_rrset(node, types[i]);

		if (rrset)
			records += put_glue_rrset(maker, rrset, owner_at, target);
	}
	if (part == 2 && maker->full) { /* may be left out */
		maker->used = before;
		maker->full = false;
		while (maker->link_count && maker->links[maker->link_count - 1].at >= before)
			maker->link_count--;
		return 0;
	}
	return records;
}

static int
make_referral(struct mr_zone_builder *self, struct maker *maker, uint32_t cut)
{
	uint8_t wire[2 * MR_ZONE_NAME_BYTES];
	uint16_t at[MR_ZONE_RRS_PER_SET];
	const struct mr_zone_node *node = zone_image_node(self, cut);
	const struct mr_zone_rrset *ns = mr_zone_node_rrset(node, MR_ZONE_NS);
	const uint8_t *rr = ns->wire;
	uint32_t offset;

	node_full_name(self, node, wire);
	maker_start(maker, wire, (unsigned)node->name_bytes + self->origin_bytes);
	for (unsigned i = 0; i < ns->rr_count; i++) {
		unsigned start;

		maker_put_link(maker, MR_ZONE_LINK_SUFFIX | maker->anchor_bytes);
		maker_put(maker, rr + 2, 10);
		start = maker->used;
		at[i] = (uint16_t)start;
		maker_put_name(maker, rr + MR_ZONE_RR_FIXED_BYTES);
		if (!maker->full)
			mr_store_be16(maker->bytes + start - 2, (uint16_t)(maker->used - start));
		rr += MR_ZONE_RR_FIXED_BYTES + mr_load_be16(rr + 10);
	}
	maker_part(maker, 0, 0, ns->rr_count);
	for (unsigned part = 1; part <= 2; part++) {
		unsigned start = maker->used, records = 0;

		rr = ns->wire;
		for (unsigned i = 0; i < ns->rr_count; i++) {
			records += put_glue(self, maker, rr + MR_ZONE_RR_FIXED_BYTES, part, at[i]);
			rr += MR_ZONE_RR_FIXED_BYTES + mr_load_be16(rr + 10);
		}
		maker_part(maker, part, start, records);
	}
	int code = maker_finish(maker, self, &offset);

	if (!code)
		zone_image_node(self, cut)->link = offset;
	return code;
}

/* ---- what ancestors say ---- */

static void
set_above(struct mr_zone_builder *self, uint32_t offset)
{
	struct mr_zone *zone = zone_image(self);
	struct mr_zone_node *node = zone_image_node(self, offset);
	struct mr_zone_name *name = &self->name;

	zone_scan_relative(self, node->name, node->name_bytes, name);
	for (unsigned d = self->origin_labels; d <= name->labels; d++) {
		if (!(self->label_bits[d / 64] >> (d % 64) & 1))
			continue;
		const struct mr_zone_node *ancestor = mr_zone_probe(zone, name, d);

		MR_ASSERT(ancestor != NULL); /* lookup.h (1) */
		if ((ancestor->flags & MR_ZONE_NODE_DELEGATION) ||
		    ((ancestor->flags & MR_ZONE_NODE_DNAME) && ancestor != node)) {
			node->above = (uint32_t)(((const uint8_t *)ancestor - self->image.base) /
						 MR_ZONE_UNIT_BYTES);
			return;
		}
	}
}

static void
set_wildcard(struct mr_zone_builder *self, uint32_t offset)
{
	struct mr_zone *zone = zone_image(self);
	const struct mr_zone_node *node = zone_image_node(self, offset);
	struct mr_zone_node *parent;

	zone_scan_relative(self, node->name, node->name_bytes, &self->name);
	parent = (struct mr_zone_node *)(uintptr_t)mr_zone_probe(zone, &self->name,
								 self->name.labels - 1u);
	MR_ASSERT(parent != NULL);
	/* Nothing is synthesised below a cut, so there the field can be the referral's. */
	if (!(parent->flags & MR_ZONE_NODE_DELEGATION))
		parent->link = offset;
}

int
zone_link(struct mr_zone_builder *self, struct mr_error *error)
{
	struct maker *maker = malloc(sizeof(*maker));
	int code;

	if (!maker)
		return mr_error_set(error, -ENOMEM, "no memory to link a zone");
	for (size_t i = 0; i < self->wildcards.count; i++)
		set_wildcard(self, self->wildcards.items[i]);
	if (self->label_bits[0] | self->label_bits[1])
		for (uint64_t i = 0; i < self->cold.names; i++)
			set_above(self, (uint32_t)self->scratch[i].at);
	code = make_negative(self, maker);
	for (size_t i = 0; !code && i < self->cuts.count; i++)
		code = make_referral(self, maker, self->cuts.items[i]);
	free(maker);
	if (code)
		return mr_error_set(error, code, "a delegation is too large for a message");
	code = zone_chain(self, error);
	if (code)
		return code;
	self->cold.warnings = self->warnings;
	struct mr_zone *zone = zone_image(self);

	memcpy(self->image.base + (uint64_t)zone->cold * MR_ZONE_UNIT_BYTES, &self->cold,
	       sizeof(self->cold));
	return 0;
}
