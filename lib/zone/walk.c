/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/walk - every record of a zone once, from any place on.
 */
#include "zone/zone_int.h"

/* The node at *entry or the first behind it that has records; NULL at the end. Entries are the
 * slots of the buckets, line by line, then the nodes of NSEC3 records. */
static const struct mr_zone_node *
entry_node(const struct mr_zone *zone, uint64_t *entry)
{
	const struct mr_zone_bucket *buckets = mr_zone_ref(zone, zone->buckets);
	const struct zone_cold *cold = mr_zone_ref(zone, zone->cold);
	const uint32_t *nsec3s = mr_zone_ref(zone, cold->nsec3_nodes);
	const uint64_t slots = cold->bucket_bytes / sizeof(*buckets) * MR_ZONE_SLOTS;
	const struct mr_zone_node *node;

	while (*entry < slots) {
		const struct mr_zone_bucket *bucket = buckets + *entry / MR_ZONE_SLOTS;
		unsigned slot = (unsigned)(*entry % MR_ZONE_SLOTS);

		if (!bucket->tags[slot]) { /* a line is filled from its first slot */
			*entry += MR_ZONE_SLOTS - slot;
			continue;
		}
		for (unsigned i = 1; slot == 0 && i < MR_ZONE_SLOTS && bucket->tags[i]; i++)
			mr_zone_prefetch(mr_zone_ref(zone, bucket->nodes[i]));
		node = mr_zone_ref(zone, bucket->nodes[slot]);
		if (node->rrset_count > 0)
			return node;
		++*entry;
	}
	return *entry - slots < cold->nsec3_count ? mr_zone_ref(zone, nsec3s[*entry - slots])
						  : NULL;
}

static bool
walk_open(struct mr_zone_walk *self)
{
	self->node = entry_node(self->zone, &self->mark.entry);
	if (!self->node)
		return false;
	self->rrset = mr_zone_node_rrsets(self->node);
	for (unsigned i = 0; i < self->mark.rrset; i++)
		self->rrset = mr_zone_rrset_next(self->rrset);
	self->next = self->rrset->wire;
	for (unsigned i = 0; i < self->mark.rr; i++)
		self->next += MR_ZONE_RR_FIXED_BYTES + mr_load_be16(self->next + 10);
	return true;
}

void
mr_zone_walk_start(struct mr_zone_walk *self, const struct mr_zone *zone,
		   const struct mr_zone_mark *mark)
{
	*self = (struct mr_zone_walk){ .zone = zone, .mark = *mark };
}

bool
mr_zone_walk_next(struct mr_zone_walk *self)
{
	for (;;) { /* a round gives a record or goes on to the next RRset or node */
		if (!self->rrset && !walk_open(self))
			return false;
		if (self->mark.rr < (unsigned)self->rrset->rr_count + self->rrset->sig_count) {
			self->rr = self->next;
			self->next += MR_ZONE_RR_FIXED_BYTES + mr_load_be16(self->next + 10);
			self->mark.rr++;
			return true;
		}
		self->mark.rr = 0;
		if (++self->mark.rrset < self->node->rrset_count) {
			self->rrset = mr_zone_rrset_next(self->rrset);
			self->next = self->rrset->wire;
			continue;
		}
		self->mark.rrset = 0;
		self->mark.entry++;
		self->rrset = NULL;
	}
}
