/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/set - which zone a name belongs to: a hash of origins, asked only at label counts that
 * occur.
 */
#include <errno.h>
#include <stdlib.h>

#include "zone/zone_int.h"

static inline struct mr_zone *
slot_zone(const struct mr_zone_set *self, const struct mr_zone_set_slot *slot)
{
	return (struct mr_zone *)(uintptr_t)((const uint8_t *)self->slots + slot->zone_offset);
}

static inline bool
origin_is(const struct mr_zone *zone, const uint8_t *lower, unsigned bytes)
{
	/* Behind the origin lies the rest of the zone, so 32 bytes a step can be read. */
	return zone->origin_bytes == bytes && mr_zone_same(zone->origin, lower, bytes);
}

/* How many labels of at most limit the longest origin has; -1 when none is that short. */
static inline int
next_labels(const struct mr_zone_set *self, unsigned limit)
{
	if (limit >= 64) {
		uint64_t high = _bzhi_u64(self->label_bits[1], limit - 63);

		if (high)
			return 127 - __builtin_clzll(high);
		limit = 63;
	}
	uint64_t low = _bzhi_u64(self->label_bits[0], limit + 1);

	return low ? 63 - __builtin_clzll(low) : -1;
}

static const struct mr_zone *
match_at(const struct mr_zone_set *self, const struct mr_zone_name *name, unsigned labels)
{
	uint64_t hash = name->hash[labels];
	unsigned at = mr_zone_name_at(name, labels);

	/* At most half of the slots are taken, so a free one ends the walk. */
	for (uint64_t i = hash & self->mask; self->slots[i].zone_offset; i = (i + 1) & self->mask) {
		if (self->slots[i].hash != hash)
			continue;
		const struct mr_zone *zone = slot_zone(self, &self->slots[i]);

		if (origin_is(zone, name->lower + at, name->bytes - at))
			return zone;
	}
	return NULL;
}

const struct mr_zone *
mr_zone_set_match(const struct mr_zone_set *self, const struct mr_zone_name *name, unsigned limit)
{
	int labels = next_labels(self, MR_MIN(limit, name->labels));

	while (labels >= 0) {
		const struct mr_zone *zone = match_at(self, name, (unsigned)labels);

		if (zone)
			return zone;
		labels = labels ? next_labels(self, (unsigned)labels - 1) : -1;
	}
	return NULL;
}

void
mr_zone_set_prefetch(const struct mr_zone_set *self, const struct mr_zone_name *name)
{
	int labels = next_labels(self, name->labels);

	if (labels >= 0)
		mr_zone_prefetch(&self->slots[name->hash[labels] & self->mask]);
}

static int
set_insert(struct mr_zone_set *self, struct mr_zone_set_slot *slots, struct mr_zone *zone,
	   struct mr_error *error)
{
	uint64_t i = zone->hash & self->mask;

	for (; slots[i].zone_offset; i = (i + 1) & self->mask) {
		const struct mr_zone *other = slot_zone(self, &slots[i]);
		char origin[MR_ZONE_NAME_TEXT_BYTES];

		if (other->origin_bytes == zone->origin_bytes &&
		    memcmp(other->origin, zone->origin, zone->origin_bytes) == 0)
			return mr_error_set(error, -EEXIST, "the zone %.300s is there twice",
					    mr_zone_name_to_text(zone->origin, origin));
	}
	slots[i].hash = zone->hash;
	slots[i].zone_offset = (uint8_t *)zone - (uint8_t *)slots;
	self->label_bits[zone->origin_labels / 64] |= 1ull << (zone->origin_labels % 64);
	return 0;
}

int
mr_zone_set_build(struct mr_zone_store *store, struct mr_zone *const *zones, size_t count,
		  struct mr_zone_set **out, struct mr_error *error)
{
	struct mr_zone_set *self = aligned_alloc(MR_CACHE_LINE, sizeof(*self));
	uint64_t slot_count = 4, extent;
	int code;

	if (!self)
		return mr_error_set(error, -ENOMEM, "no memory for a zone set");
	while (slot_count < 2 * (uint64_t)count)
		slot_count *= 2;
	*self = (struct mr_zone_set){ .key = store->key,
				      .mask = slot_count - 1,
				      .store = store,
				      .extent_bytes = slot_count * sizeof(struct mr_zone_set_slot),
				      .count = count };
	self->zones = calloc(count + 1, sizeof(struct mr_zone *));
	if (!self->zones || mr_extents_get(store->extents, self->extent_bytes, &extent)) {
		free(self->zones);
		free(self);
		return mr_error_set(error, -ENOMEM, "no memory for a set of %zu zones", count);
	}
	self->extent = extent;
	struct mr_zone_set_slot *slots = mr_arena_at(&store->arena, extent);

	memset(slots, 0, self->extent_bytes);
	self->slots = slots;
	for (size_t i = 0; i < count; i++) {
		code = set_insert(self, slots, zones[i], error);
		if (code) {
			mr_zone_set_free(self);
			return code;
		}
		self->zones[i] = zones[i];
	}
	*out = self;
	return 0;
}

void
mr_zone_set_free(struct mr_zone_set *self)
{
	if (!self)
		return;
	mr_extents_put(self->store->extents, self->extent, self->extent_bytes);
	free(self->zones);
	free(self);
}

size_t
mr_zone_set_count(const struct mr_zone_set *self)
{
	return self->count;
}

struct mr_zone *
mr_zone_set_at(const struct mr_zone_set *self, size_t index)
{
	MR_ASSERT(index < self->count);
	return self->zones[index];
}

struct mr_zone *
mr_zone_set_find(const struct mr_zone_set *self, const uint8_t *origin, uint16_t origin_bytes)
{
	struct mr_zone_name name;

	if (mr_zone_name_scan(&name, &self->key, origin, origin_bytes, origin_bytes) !=
		    origin_bytes ||
	    self->count == 0)
		return NULL;
	return (struct mr_zone *)(uintptr_t)match_at(self, &name, name.labels);
}
