/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/chain - a signed zone's denial records in order, and what can be proved of each node.
 *
 * NSEC3PARAM at the apex says that a whole NSEC3 chain of these parameters stands in the zone
 * (RFC 5155 4, 10.4); else an NSEC at the apex says the same of NSEC. Records of other chains are
 * kept, as data, and prove nothing.
 */
#include <errno.h>
#include <stdlib.h>

#include "zone/zone_int.h"

enum { NSEC3_SHA1 = 1, NSEC3PARAM_FIXED_BYTES = 5 };

struct link {
	uint64_t key;
	uint32_t node;
};

struct chain {
	struct link *links;
	size_t count;
	struct mr_zone_denial denial;
	uint8_t kind; /* enum mr_zone_denial_kind */
};

static bool
is_occluded(const struct mr_zone *zone, const struct mr_zone_node *node)
{
	return node->above && mr_zone_ref(zone, node->above) != node;
}

/* RFC 5155 4.1.2: flags other than zero make a server pass an NSEC3PARAM over. */
static int
choose_kind(const struct mr_zone_builder *self, const struct mr_zone *zone, struct chain *chain,
	    struct mr_error *error)
{
	const struct mr_zone_node *apex = mr_zone_apex(zone);
	const struct mr_zone_rrset *params = mr_zone_node_rrset(apex, MR_ZONE_NSEC3PARAM);
	const uint8_t *rr = params ? params->wire : NULL;
	struct mr_zone_denial *denial = &chain->denial;

	for (unsigned i = 0; params && i < params->rr_count; i++) {
		const uint8_t *rdata = rr + MR_ZONE_RR_FIXED_BYTES;
		unsigned iterations = mr_load_be16(rdata + 2);

		rr = rdata + mr_load_be16(rdata - 2);
		if (rdata[0] != NSEC3_SHA1 || rdata[1] != 0)
			continue;
		if (iterations > MR_ZONE_NSEC3_ITERATIONS) {
			char origin[MR_ZONE_NAME_TEXT_BYTES];

			return mr_error_set(
				error, -EINVAL,
				"the zone %.300s has NSEC3 with %u iterations, where %u "
				"are allowed and 0 is advised",
				mr_zone_name_to_text(self->origin, origin), iterations,
				MR_ZONE_NSEC3_ITERATIONS);
		}
		denial->iterations = (uint16_t)iterations;
		denial->salt_bytes = rdata[4];
		memcpy(denial->salt, rdata + NSEC3PARAM_FIXED_BYTES, rdata[4]);
		chain->kind = MR_ZONE_BY_NSEC3;
		return 0;
	}
	chain->kind = mr_zone_node_rrset(apex, MR_ZONE_NSEC) ? MR_ZONE_BY_NSEC : MR_ZONE_UNSIGNED;
	return 0;
}

/* One label that is a hash, over an NSEC3 of the chain's parameters. */
static bool
is_of_chain(const struct mr_zone_denial *denial, const struct mr_zone_node *node)
{
	const struct mr_zone_rrset *nsec3 = mr_zone_node_rrset(node, MR_ZONE_NSEC3);
	const uint8_t *rdata;

	if (!nsec3 || node->name_bytes != ZONE_NSEC3_LABEL_BYTES + 1 ||
	    node->name[0] != ZONE_NSEC3_LABEL_BYTES)
		return false;
	for (unsigned i = 1; i <= ZONE_NSEC3_LABEL_BYTES; i++)
		if (!(node->name[i] >= '0' && node->name[i] <= '9') &&
		    !(node->name[i] >= 'a' && node->name[i] <= 'v'))
			return false;
	rdata = nsec3->wire + MR_ZONE_RR_FIXED_BYTES;
	return rdata[0] == NSEC3_SHA1 && mr_load_be16(rdata + 2) == denial->iterations &&
	       rdata[4] == denial->salt_bytes &&
	       memcmp(rdata + NSEC3PARAM_FIXED_BYTES, denial->salt, denial->salt_bytes) == 0;
}

static void
collect(struct mr_zone_builder *self, const struct mr_zone *zone, struct chain *chain)
{
	uint64_t candidates =
		chain->kind == MR_ZONE_BY_NSEC3 ? self->nsec3s.count : self->cold.names;
	struct zone_order order;

	for (uint64_t i = 0; i < candidates; i++) {
		uint32_t offset = chain->kind == MR_ZONE_BY_NSEC3 ? self->nsec3s.items[i]
								  : (uint32_t)self->scratch[i].at;
		const struct mr_zone_node *node = mr_zone_ref(zone, offset);

		if (chain->kind == MR_ZONE_BY_NSEC3
			    ? !is_of_chain(&chain->denial, node)
			    : is_occluded(zone, node) || !mr_zone_node_rrset(node, MR_ZONE_NSEC))
			continue;
		zone_order_node(zone, node, &order);
		chain->links[chain->count++] = (struct link){ zone_order_key(&order), offset };
	}
}

static int
compare_links(const void *left, const void *right, void *context)
{
	const struct link *a = left, *b = right;
	const struct mr_zone *zone = context;
	struct zone_order x, y;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	zone_order_node(zone, mr_zone_ref(zone, a->node), &x);
	zone_order_node(zone, mr_zone_ref(zone, b->node), &y);
	return zone_order_compare(&x, &y);
}

/* Adds one level: every stride-th key. */
static int
write_level(struct mr_zone_builder *self, struct chain *chain, uint64_t stride)
{
	struct mr_zone_denial *denial = &chain->denial;
	uint64_t count = (chain->count + stride - 1) / stride;
	uint64_t room = mr_round_up(count, ZONE_CHAIN_STEP), at;
	uint64_t *keys;

	/* to a line: the image will begin with one */
	if (zone_heap_take(&self->image, room * sizeof(uint64_t) + MR_CACHE_LINE, &at))
		return -ENOMEM;
	if (self->image.used / MR_ZONE_UNIT_BYTES > UINT32_MAX)
		return -EFBIG;
	at = mr_round_up(at, MR_CACHE_LINE);
	keys = (uint64_t *)(void *)(self->image.base + at);
	for (uint64_t i = 0; i < room; i++)
		keys[i] = i < count ? chain->links[i * stride].key : UINT64_MAX;
	MR_ASSERT(denial->level_count < ZONE_CHAIN_LEVELS);
	denial->levels[denial->level_count++] = (uint32_t)(at / MR_ZONE_UNIT_BYTES);
	return 0;
}

static int
write_chain(struct mr_zone_builder *self, struct chain *chain)
{
	struct mr_zone_denial *denial = &chain->denial;
	uint64_t stride = 1, at, nodes;
	int code = write_level(self, chain, stride);

	for (; !code && stride * ZONE_CHAIN_STEP < chain->count; stride *= ZONE_CHAIN_STEP)
		code = write_level(self, chain, stride * ZONE_CHAIN_STEP);
	if (code)
		return code;
	if (zone_heap_take(&self->image, chain->count * sizeof(uint32_t), &nodes) ||
	    zone_heap_take(&self->image, sizeof(*denial), &at))
		return -ENOMEM;
	if (self->image.used / MR_ZONE_UNIT_BYTES > UINT32_MAX)
		return -EFBIG;
	for (size_t i = 0; i < chain->count; i++)
		((uint32_t *)(void *)(self->image.base + nodes))[i] = chain->links[i].node;
	denial->count = (uint32_t)chain->count;
	denial->nodes = (uint32_t)(nodes / MR_ZONE_UNIT_BYTES);
	memcpy(self->image.base + at, denial, sizeof(*denial));
	zone_image(self)->denial = (uint32_t)(at / MR_ZONE_UNIT_BYTES);
	zone_image(self)->denial_kind = chain->kind;
	return 0;
}

static void
prove_node(struct mr_zone_builder *self, const struct chain *chain, uint32_t offset)
{
	const struct mr_zone *zone = zone_image(self);
	struct mr_zone_node *node = zone_image_node(self, offset);
	struct mr_zone_proof *proof = (struct mr_zone_proof *)(void *)node - 1;
	uint8_t name[2 + 2 * MR_ZONE_NAME_BYTES] = "\1*";
	unsigned relative = node->name_bytes, whole = relative + self->origin_bytes;
	struct zone_order order;
	bool exact;
	uint32_t index;

	if (is_occluded(zone, node))
		return;
	memcpy(name + 2, node->name, relative);
	memcpy(name + 2 + relative, self->origin, self->origin_bytes);
	if (chain->kind == MR_ZONE_BY_NSEC)
		zone_order_name(name + 2, relative, ZONE_ORDER_BYTES, &order);
	else
		zone_order_hash(&chain->denial, name + 2, whole, &order);
	index = zone_order_find(zone, &order, &exact);
	if (exact || chain->kind == MR_ZONE_BY_NSEC)
		proof->match = chain->links[index].node;
	if (whole + 2 > MR_ZONE_NAME_BYTES) /* nor can a question be below it */
		return;
	if (chain->kind == MR_ZONE_BY_NSEC)
		zone_order_name(name, relative + 2, ZONE_ORDER_BYTES, &order);
	else
		zone_order_hash(&chain->denial, name, whole + 2, &order);
	proof->wildcard = chain->links[zone_order_find(zone, &order, &exact)].node;
}

/* Every NSEC3 that the zone has is kept for those who want the zone as it is. */
static int
keep_nsec3s(struct mr_zone_builder *self)
{
	uint64_t at;

	if (zone_heap_take(&self->image, self->nsec3s.count * sizeof(uint32_t), &at))
		return -ENOMEM;
	memcpy(self->image.base + at, self->nsec3s.items, self->nsec3s.count * sizeof(uint32_t));
	self->cold.nsec3_nodes = (uint32_t)(at / MR_ZONE_UNIT_BYTES);
	self->cold.nsec3_count = (uint32_t)self->nsec3s.count;
	return 0;
}

int
zone_chain(struct mr_zone_builder *self, struct mr_error *error)
{
	struct chain chain = { 0 };
	uint64_t before = self->image.used;
	struct mr_zone *zone = zone_image(self);
	int code = choose_kind(self, zone, &chain, error);

	if (code || !self->is_signed)
		return code;
	if (self->nsec3s.count > 0)
		code = keep_nsec3s(self);
	zone = zone_image(self);
	chain.links = malloc((self->cold.names + self->nsec3s.count) * sizeof(struct link));
	if (!chain.links)
		code = -ENOMEM;
	if (!code && chain.kind != MR_ZONE_UNSIGNED) {
		zone->denial_kind = chain.kind; /* says what orders a node */
		collect(self, zone, &chain);
	}
	if (!code && chain.count == 0)
		zone->denial_kind = MR_ZONE_UNSIGNED;
	if (!code && chain.count > 0) {
		qsort_r(chain.links, chain.count, sizeof(struct link), compare_links, zone);
		code = write_chain(self, &chain);
		for (uint64_t i = 0; !code && i < self->cold.names; i++)
			prove_node(self, &chain, (uint32_t)self->scratch[i].at);
	}
	free(chain.links);
	self->cold.denial_bytes = self->image.used - before;
	return code ? mr_error_set(error, code, "no memory to order a signed zone") : 0;
}
