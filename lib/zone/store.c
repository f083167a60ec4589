/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/store - where finished zones live, and what the control plane reads of them.
 */
#include <errno.h>
#include <stdlib.h>

#include "zone/zone_int.h"

int
mr_zone_store_create(struct mr_zone_store **out, uint64_t reserved_bytes, bool huge,
		     struct mr_error *error)
{
	struct mr_zone_store *self = calloc(1, sizeof(*self));
	int code;

	if (!self)
		return mr_error_set(error, -ENOMEM, "no memory for the zone store");
	code = mr_arena_create(&self->arena, "zones", reserved_bytes, huge, error);
	if (code) {
		free(self);
		return code;
	}
	code = mr_extents_create(&self->extents, &self->arena);
	if (code) {
		mr_arena_destroy(&self->arena);
		free(self);
		return mr_error_set(error, code, "no memory for the zone store");
	}
	mr_rng_secret(&self->key, sizeof(self->key));
	*out = self;
	return 0;
}

void
mr_zone_store_destroy(struct mr_zone_store *self)
{
	if (!self)
		return;
	mr_extents_destroy(self->extents);
	mr_arena_destroy(&self->arena);
	free(self);
}

void
mr_zone_store_stats(const struct mr_zone_store *self, struct mr_extents_stats *out)
{
	mr_extents_stats(self->extents, out);
}

void
mr_zone_release(struct mr_zone_store *store, struct mr_zone *zone)
{
	uint64_t offset = zone->extent, bytes = zone->bytes;

	MR_ASSERT(zone->magic == ZONE_MAGIC);
	zone->magic = 0;
	mr_extents_put(store->extents, offset, bytes);
}

static const struct zone_cold *
zone_cold(const struct mr_zone *zone)
{
	MR_ASSERT(zone->magic == ZONE_MAGIC && zone->layout == ZONE_LAYOUT);
	return mr_zone_ref(zone, zone->cold);
}

void
mr_zone_info(const struct mr_zone *zone, struct mr_zone_info *out)
{
	const struct zone_cold *cold = zone_cold(zone);

	mr_zone_name_to_text(zone->origin, out->origin);
	out->serial = cold->serial;
	out->warnings = cold->warnings;
	out->records = cold->records;
	out->rrsets = cold->rrsets;
	out->names = cold->names;
	out->bytes = zone->bytes;
	out->bucket_bytes = cold->bucket_bytes;
	out->node_bytes = cold->node_bytes;
	out->wire_bytes = cold->wire_bytes;
	out->block_bytes = cold->block_bytes;
	out->denial_bytes = cold->denial_bytes;
}

static void
view_fill(const struct mr_zone *zone, const struct mr_zone_node *node,
	  const struct mr_zone_rrset *rrset, struct mr_zone_view *view)
{
	memcpy(view->owner, node->name, node->name_bytes);
	memcpy(view->owner + node->name_bytes, zone->origin, zone->origin_bytes);
	view->owner_bytes = (uint8_t)(node->name_bytes + zone->origin_bytes);
	view->type = rrset ? rrset->type : 0;
	view->rr_count = rrset ? rrset->rr_count : 0;
	view->sig_count = rrset ? rrset->sig_count : 0;
	view->ttl = rrset ? mr_load_be32(rrset->wire + 6) : 0;
	view->rrset = rrset;
}

static int
visit_node(const struct mr_zone *zone, const struct mr_zone_node *node,
	   int (*visit)(void *context, const struct mr_zone_view *view), void *context)
{
	const struct mr_zone_rrset *rrset = mr_zone_node_rrsets(node);
	struct mr_zone_view view;
	int verdict = 0;

	if (node->rrset_count == 0) {
		view_fill(zone, node, NULL, &view);
		return visit(context, &view);
	}
	for (unsigned i = 0; !verdict && i < node->rrset_count; i++) {
		view_fill(zone, node, rrset, &view);
		verdict = visit(context, &view);
		rrset = mr_zone_rrset_next(rrset);
	}
	return verdict;
}

int
mr_zone_visit(const struct mr_zone *zone,
	      int (*visit)(void *context, const struct mr_zone_view *view), void *context)
{
	const struct mr_zone_bucket *buckets = mr_zone_ref(zone, zone->buckets);
	uint64_t lines = zone_cold(zone)->bucket_bytes / sizeof(*buckets);

	for (uint64_t line = 0; line < lines; line++) {
		for (unsigned slot = 0; slot < MR_ZONE_SLOTS && buckets[line].tags[slot]; slot++) {
			int verdict = visit_node(zone, mr_zone_ref(zone, buckets[line].nodes[slot]),
						 visit, context);

			if (verdict)
				return verdict;
		}
	}
	const uint32_t *nsec3s = mr_zone_ref(zone, zone_cold(zone)->nsec3_nodes);

	for (uint32_t i = 0; i < zone_cold(zone)->nsec3_count; i++) {
		int verdict = visit_node(zone, mr_zone_ref(zone, nsec3s[i]), visit, context);

		if (verdict)
			return verdict;
	}
	return 0;
}

/* Nobody is in a hurry here: an NSEC3 is asked for by a person. */
static const struct mr_zone_node *
find_nsec3(const struct mr_zone *zone, const uint8_t *name, unsigned bytes)
{
	const uint32_t *nsec3s = mr_zone_ref(zone, zone_cold(zone)->nsec3_nodes);

	for (uint32_t i = 0; i < zone_cold(zone)->nsec3_count; i++) {
		const struct mr_zone_node *node = mr_zone_ref(zone, nsec3s[i]);

		if (node->name_bytes == bytes && memcmp(node->name, name, bytes) == 0)
			return node;
	}
	return NULL;
}

int
mr_zone_find_rrset(const struct mr_zone_store *store, const struct mr_zone *zone,
		   const uint8_t *name, uint16_t name_bytes, uint16_t type,
		   struct mr_zone_view *view)
{
	struct mr_zone_name scanned;
	const struct mr_zone_node *node;
	const struct mr_zone_rrset *rrset;
	unsigned at;

	if (mr_zone_name_scan(&scanned, &store->key, name, name_bytes, name_bytes) != name_bytes ||
	    scanned.labels < zone->origin_labels)
		return -ENOENT;
	at = mr_zone_name_at(&scanned, zone->origin_labels);
	if (scanned.bytes - at != zone->origin_bytes ||
	    memcmp(scanned.lower + at, zone->origin, zone->origin_bytes))
		return -ENOENT;
	node = type == MR_ZONE_NSEC3 ? find_nsec3(zone, scanned.lower, at)
				     : mr_zone_probe(zone, &scanned, scanned.labels);
	rrset = node ? mr_zone_node_rrset(node, type) : NULL;
	if (!rrset)
		return -ENOENT;
	view_fill(zone, node, rrset, view);
	return 0;
}

const uint8_t *
mr_zone_rr(const struct mr_zone_view *view, unsigned index, uint16_t *type, uint32_t *ttl,
	   uint16_t *rdata_bytes)
{
	const uint8_t *rr;

	if (!view->rrset || index >= (unsigned)view->rr_count + view->sig_count)
		return NULL;
	rr = view->rrset->wire;
	for (; index > 0; index--)
		rr += MR_ZONE_RR_FIXED_BYTES + mr_load_be16(rr + 10);
	*type = mr_load_be16(rr + 2);
	*ttl = mr_load_be32(rr + 6);
	*rdata_bytes = mr_load_be16(rr + 10);
	return rr + MR_ZONE_RR_FIXED_BYTES;
}
