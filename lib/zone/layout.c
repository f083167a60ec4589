/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/layout - a log of records becomes nodes with finished RRsets, and buckets that lead to them.
 */
#include <errno.h>
#include <stdlib.h>

#include "zone/zone_int.h"

enum { PREFETCH_AHEAD = 8, BUCKET_TRIES = 64 };

static int
entry_add(struct mr_zone_builder *self, uint64_t hash, uint64_t at)
{
	if (self->entry_count == self->entry_room) {
		size_t room = MR_MAX(self->entry_room * 2, self->record_count + 16);
		struct zone_entry *entries = realloc(self->entries, room * sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		self->entries = entries;
		self->entry_room = room;
	}
	self->entries[self->entry_count++] = (struct zone_entry){ hash, at };
	return 0;
}

void
zone_scan_relative(struct mr_zone_builder *self, const uint8_t *relative, unsigned bytes,
		   struct mr_zone_name *name)
{
	uint8_t wire[MR_ZONE_NAME_BYTES + 1];
	unsigned total = bytes + self->origin_bytes, scanned;

	memcpy(wire, relative, bytes);
	memcpy(wire + bytes, self->origin, self->origin_bytes);
	scanned = mr_zone_name_scan(name, self->key, wire, total, total);
	MR_ASSERT(scanned == total);
}

/* Every ancestor of a name exists (lookup.h (1)): one that has no record gets one of type 0. The
 * ancestors that the name written before has in common were added with that one. */
static int
add_ancestors(struct mr_zone_builder *self, uint64_t at, const struct mr_zone_name *name,
	      const struct mr_zone_name *before)
{
	int code = 0;

	for (unsigned d = name->labels - 1u; !code && d > self->origin_labels && d < name->labels;
	     d--) {
		unsigned skip = mr_zone_name_at(name, d);
		unsigned bytes = name->bytes - skip - self->origin_bytes;
		uint64_t made;

		if (d <= before->labels && before->hash[d] == name->hash[d])
			break;
		code = zone_heap_take(&self->log, sizeof(struct zone_log) + bytes, &made);
		if (code)
			break;
		const struct zone_log *child = zone_log_at(self, at);
		struct zone_log *ancestor = zone_log_at(self, made);

		*ancestor = (struct zone_log){ .line = child->line,
					       .file = child->file,
					       .name_bytes = (uint8_t)bytes,
					       .labels = (uint8_t)d };
		memcpy(ancestor->bytes, child->bytes + skip, bytes);
		code = entry_add(self, name->hash[d], made);
	}
	return code;
}

static int
hash_log(struct mr_zone_builder *self)
{
	struct mr_zone_name names[2] = { 0 };
	struct mr_zone_name *name = &names[0], *before = &names[1];
	const uint64_t end = self->log.used; /* what is added here comes behind it */
	uint64_t last = UINT64_MAX;
	int code = 0;

	for (uint64_t at = 0; !code && at < end;) {
		const struct zone_log *record = zone_log_at(self, at);
		uint64_t bytes = sizeof(*record) + record->name_bytes + record->rdata_bytes;

		if (last == UINT64_MAX || !zone_log_same_name(record, zone_log_at(self, last))) {
			struct mr_zone_name *swap = name;

			name = before;
			before = swap;
			zone_scan_relative(self, record->bytes, record->name_bytes, name);
			code = add_ancestors(self, at, name, before);
		}
		if (!code)
			code = entry_add(self, name->hash[name->labels], at);
		last = at;
		at += mr_round_up(bytes, MR_ZONE_UNIT_BYTES);
	}
	return code;
}

/* ---- one name ---- */

struct group {
	struct zone_entry *entries;
	size_t count;
	uint64_t bytes; /* of the node */
	uint8_t flags;
	bool nsec3; /* its NSEC3 records, or all but them: lookup.h (6) */
};

static bool
of_group(const struct group *group, const struct zone_log *record)
{
	return (zone_log_kind(record) >> 1 == MR_ZONE_NSEC3) == group->nsec3;
}

static int
record_error(const struct mr_zone_builder *self, const struct zone_log *record,
	     struct mr_error *error, const char *what)
{
	char owner[MR_ZONE_NAME_TEXT_BYTES];

	return mr_error_set(error, -EINVAL, "%.200s:%u: %.200s %s", self->files[record->file],
			    record->line, zone_owner_text(self, record, owner), what);
}

static bool
beside_cname(uint16_t type)
{
	return type == MR_ZONE_CNAME || type == MR_ZONE_RRSIG || type == MR_ZONE_NSEC || type == 0;
}

/* One RRset, or the RRSIGs of one: duplicates leave, the lowest TTL stays, bounds are checked.
 * Returns its wire bytes or -EINVAL. */
static int
group_rrset(struct mr_zone_builder *self, struct group *group, size_t first, size_t end,
	    struct mr_error *error)
{
	const struct zone_log *kept = NULL;
	uint32_t lowest = UINT32_MAX;
	bool differs = false;
	uint64_t bytes = 0;
	size_t rr_count = 0;

	for (size_t i = first; i < end; i++) {
		const struct zone_log *record = zone_log_at(self, group->entries[i].at);

		if (kept && zone_log_compare_data(kept, record) == 0) {
			group->entries[i].hash = 0; /* dropped; the hash is known from the first */
			self->warnings++;
			continue;
		}
		differs |= kept && record->ttl != kept->ttl;
		lowest = MR_MIN(lowest, record->ttl);
		kept = record;
		bytes += MR_ZONE_RR_FIXED_BYTES + record->rdata_bytes;
		rr_count++;
	}
	if (kept->type != MR_ZONE_RRSIG && differs) {
		self->warnings++;
		for (size_t i = first; i < end; i++)
			zone_log_at(self, group->entries[i].at)->ttl = lowest;
	}
	if (rr_count > 1 && kept->type == MR_ZONE_SOA)
		return record_error(self, kept, error, "has a second SOA");
	if (rr_count > 1 && kept->type == MR_ZONE_CNAME)
		return record_error(self, kept, error, "has a second CNAME");
	if (rr_count > 1 && kept->type == MR_ZONE_DNAME)
		return record_error(self, kept, error, "has a second DNAME");
	if (rr_count > MR_ZONE_RRS_PER_SET || bytes > MR_ZONE_RRSET_BYTES)
		return record_error(self, kept, error, "has an RRset that fits no message");
	return (int)bytes;
}

/* First walk over the records of one name: what is to be written, and how large. */
static int
group_measure(struct mr_zone_builder *self, struct group *group, struct mr_error *error)
{
	const struct zone_log *first = zone_log_at(self, group->entries[0].at);
	bool apex = first->name_bytes == 0;
	bool other = false;

	group->bytes = sizeof(struct mr_zone_node) + ((first->name_bytes + 1u) & ~1u);
	group->flags = first->name_bytes >= 2 && first->bytes[0] == 1 && first->bytes[1] == '*'
			       ? MR_ZONE_NODE_WILDCARD
			       : 0;
	uint16_t open = 0; /* the type whose RRset head is counted */
	uint64_t set_bytes = 0;

	for (size_t i = 0, end; i < group->count; i = end) {
		const struct zone_log *record = zone_log_at(self, group->entries[i].at);
		uint32_t kind = zone_log_kind(record);

		for (end = i + 1; end < group->count; end++)
			if (zone_log_kind(zone_log_at(self, group->entries[end].at)) != kind)
				break;
		if (kind == 0 || !of_group(group, record)) /* 0: an empty non-terminal's mark */
			continue;
		int bytes = group_rrset(self, group, i, end, error);

		if (bytes < 0)
			return bytes;
		if (open != kind >> 1) {
			group->bytes += sizeof(struct mr_zone_rrset) + (set_bytes & 1);
			open = (uint16_t)(kind >> 1);
			set_bytes = 0;
		}
		set_bytes += (uint64_t)bytes;
		group->bytes += (uint64_t)bytes;
		if (set_bytes > MR_ZONE_RRSET_BYTES)
			return record_error(self, record, error,
					    "has an RRset that fits no message");
		other |= !beside_cname(record->type);
		if (record->type == MR_ZONE_CNAME)
			group->flags |= MR_ZONE_NODE_CNAME;
		if (record->type == MR_ZONE_DNAME)
			group->flags |= MR_ZONE_NODE_DNAME;
		if (record->type == MR_ZONE_NS && !apex)
			group->flags |= MR_ZONE_NODE_DELEGATION;
	}
	group->bytes += set_bytes & 1;
	if ((group->flags & MR_ZONE_NODE_CNAME) && other)
		return record_error(self, first, error, "has a CNAME beside other data");
	return 0;
}

static uint8_t *
put_rr(uint8_t *to, const struct zone_log *record)
{
	mr_store_be16(to, MR_ZONE_OWNER_POINTER);
	mr_store_be16(to + 2, record->type);
	mr_store_be16(to + 4, MR_ZONE_CLASS_IN);
	mr_store_be32(to + 6, record->ttl);
	mr_store_be16(to + 10, record->rdata_bytes);
	memcpy(to + MR_ZONE_RR_FIXED_BYTES, zone_log_rdata(record), record->rdata_bytes);
	return to + MR_ZONE_RR_FIXED_BYTES + record->rdata_bytes;
}

/* Second walk: the RRsets, one behind the other. */
static void
group_write(struct mr_zone_builder *self, const struct group *group, struct mr_zone_node *node)
{
	const struct zone_log *first = zone_log_at(self, group->entries[0].at);
	struct mr_zone_rrset *rrset = NULL;
	uint8_t *to;

	node->flags = group->flags;
	node->name_bytes = first->name_bytes;
	memcpy(node->name, first->bytes, first->name_bytes);
	to = node->name + ((first->name_bytes + 1u) & ~1u);
	for (size_t i = 0; i < group->count; i++) {
		const struct zone_log *record = zone_log_at(self, group->entries[i].at);
		uint16_t type = (uint16_t)(zone_log_kind(record) >> 1);

		if (record->type == 0 || group->entries[i].hash == 0 || !of_group(group, record))
			continue;
		if (!rrset || rrset->type != type) {
			to += rrset ? ((unsigned)rrset->wire_bytes + rrset->sig_bytes) & 1 : 0;
			rrset = (struct mr_zone_rrset *)(void *)to;
			rrset->type = type;
			to = rrset->wire;
			node->rrset_count++;
		}
		uint8_t *end = put_rr(to, record);

		if (record->type == MR_ZONE_RRSIG) {
			rrset->sig_count++;
			rrset->sig_bytes = (uint16_t)(rrset->sig_bytes + (end - to));
		} else {
			rrset->rr_count++;
			rrset->wire_bytes = (uint16_t)(rrset->wire_bytes + (end - to));
		}
		self->cold.records++;
		self->cold.wire_bytes += (uint64_t)(end - to);
		to = end;
	}
	self->cold.rrsets += node->rrset_count;
}

/* A node takes no more cache lines than its size needs: it starts a new one where it would. */
static int
node_place(struct mr_zone_builder *self, uint64_t bytes, uint32_t *offset)
{
	uint64_t proof_bytes = self->is_signed ? sizeof(struct mr_zone_proof) : 0;
	uint64_t start = self->image.used % MR_CACHE_LINE, at, lines;

	bytes += proof_bytes;
	lines = (start + bytes + MR_CACHE_LINE - 1) / MR_CACHE_LINE;

	if (lines > (bytes + MR_CACHE_LINE - 1) / MR_CACHE_LINE &&
	    zone_heap_take(&self->image, MR_CACHE_LINE - start, &at))
		return -ENOMEM;
	if (zone_heap_take(&self->image, bytes, &at))
		return -ENOMEM;
	if (at / MR_ZONE_UNIT_BYTES > UINT32_MAX)
		return -EFBIG;
	*offset = (uint32_t)((at + proof_bytes) / MR_ZONE_UNIT_BYTES);
	return 0;
}

static int
note_node(struct mr_zone_builder *self, const struct zone_log *first, uint8_t flags, bool nsec3,
	  uint32_t offset)
{
	int code = 0;

	if (nsec3)
		return zone_list_add(&self->nsec3s, offset);
	if (flags & (MR_ZONE_NODE_DELEGATION | MR_ZONE_NODE_DNAME))
		self->label_bits[first->labels / 64] |= 1ull << (first->labels % 64);
	if (flags & MR_ZONE_NODE_DELEGATION)
		code = zone_list_add(&self->cuts, offset);
	if (!code && (flags & MR_ZONE_NODE_WILDCARD))
		code = zone_list_add(&self->wildcards, offset);
	if (first->name_bytes == 0)
		zone_image(self)->apex = offset;
	if (first->labels > zone_image(self)->labels_max)
		zone_image(self)->labels_max = first->labels;
	return code;
}

static int
make_node(struct mr_zone_builder *self, struct group *group, uint32_t *offset,
	  struct mr_error *error)
{
	const struct zone_log *first = zone_log_at(self, group->entries[0].at);
	int code = group_measure(self, group, error);

	if (code)
		return code;
	code = node_place(self, group->bytes, offset);
	if (!code)
		code = note_node(self, first, group->flags, group->nsec3, *offset);
	if (code)
		return mr_error_set(error, code, "no memory to lay out a zone");
	group_write(self, group, zone_image_node(self, *offset));
	return 0;
}

/* The records of one name: a node, or one for its NSEC3 and one for the rest. */
static int
make_nodes_of(struct mr_zone_builder *self, struct group *group, uint64_t hash,
	      struct mr_error *error)
{
	size_t nsec3_count = 0;
	uint32_t offset;
	int code = 0;

	for (size_t i = 0; self->is_signed && i < group->count; i++)
		nsec3_count += zone_log_kind(zone_log_at(self, group->entries[i].at)) >> 1 ==
			       MR_ZONE_NSEC3;
	/* A dropped record is marked by hash 0; nobody's hash may be. */
	for (size_t i = 0; i < group->count; i++)
		group->entries[i].hash = 1;
	if (nsec3_count > 0) {
		group->nsec3 = true;
		code = make_node(self, group, &offset, error);
		group->nsec3 = false;
	}
	if (code || nsec3_count == group->count)
		return code;
	code = make_node(self, group, &offset, error);
	if (!code)
		self->scratch[self->cold.names++] = (struct zone_entry){ hash, offset };
	return code;
}

/* scratch becomes the list of (hash, node). */
static int
make_nodes(struct mr_zone_builder *self, struct mr_error *error)
{
	struct group group;

	for (size_t i = 0; i < self->entry_count; i += group.count) {
		const struct zone_log *first = zone_log_at(self, self->entries[i].at);
		uint64_t hash = self->entries[i].hash;
		int code;

		if (i + PREFETCH_AHEAD < self->entry_count)
			mr_zone_prefetch(zone_log_at(self, self->entries[i + PREFETCH_AHEAD].at));
		group = (struct group){ .entries = self->entries + i, .count = 1 };
		while (i + group.count < self->entry_count &&
		       self->entries[i + group.count].hash == hash &&
		       zone_log_same_name(first,
					  zone_log_at(self, self->entries[i + group.count].at)))
			group.count++;
		code = make_nodes_of(self, &group, hash, error);
		if (code)
			return code;
	}
	return 0;
}

/* ---- buckets ---- */

static bool
fill_buckets(const struct mr_zone_builder *self, struct mr_zone_bucket *buckets, uint64_t homes,
	     uint64_t lines)
{
	for (uint64_t i = 0; i < self->cold.names; i++) {
		uint64_t hash = self->scratch[i].hash;
		uint64_t home = (hash >> 32) * homes >> 32;
		unsigned slot = MR_ZONE_SLOTS;
		uint64_t line = home;

		for (; line < lines && line - home < MR_ZONE_SPILL_MAX; line++) {
			for (slot = 0; slot < MR_ZONE_SLOTS && buckets[line].tags[slot]; slot++)
				;
			if (slot < MR_ZONE_SLOTS)
				break;
		}
		if (slot == MR_ZONE_SLOTS)
			return false;
		for (uint64_t full = home; full < line; full++)
			buckets[full].spills = 1;
		buckets[line].tags[slot] = mr_zone_tag(hash);
		buckets[line].nodes[slot] = (uint32_t)self->scratch[i].at;
	}
	return true;
}

static int
make_buckets(struct mr_zone_builder *self)
{
	uint64_t homes = self->cold.names / ZONE_NAMES_PER_BUCKET + 1, at, pad;

	if (zone_heap_take(&self->image, (0 - self->image.used) & (MR_CACHE_LINE - 1), &pad))
		return -ENOMEM;
	for (unsigned try = 0; try < BUCKET_TRIES; try++, homes += homes / 8 + 1) {
		uint64_t lines = homes + (homes > 64 ? MR_ZONE_SPILL_MAX : 0);

		if (zone_heap_take(&self->image, lines * MR_CACHE_LINE, &at))
			return -ENOMEM;
		struct mr_zone_bucket *buckets = (void *)(self->image.base + at);

		if (homes <= UINT32_MAX && at / MR_ZONE_UNIT_BYTES <= UINT32_MAX &&
		    fill_buckets(self, buckets, homes, lines)) {
			zone_image(self)->bucket_count = (uint32_t)homes;
			zone_image(self)->buckets = (uint32_t)(at / MR_ZONE_UNIT_BYTES);
			self->cold.bucket_bytes = lines * MR_CACHE_LINE;
			return 0;
		}
		self->image.used = at;
	}
	return -EFBIG;
}

/* ---- all ---- */

static int
make_head(struct mr_zone_builder *self)
{
	uint64_t at, cold;
	struct mr_zone *zone;

	if (zone_heap_take(&self->image, sizeof(*zone) + self->origin_bytes, &at) ||
	    zone_heap_take(&self->image, sizeof(struct zone_cold), &cold))
		return -ENOMEM;
	zone_scan_relative(self, self->origin, 0, &self->name);
	zone = zone_image(self);
	zone->hash = self->name.hash[self->origin_labels];
	zone->cold = (uint32_t)(cold / MR_ZONE_UNIT_BYTES);
	zone->magic = ZONE_MAGIC;
	zone->layout = ZONE_LAYOUT;
	zone->origin_bytes = self->origin_bytes;
	zone->origin_labels = self->origin_labels;
	zone->labels_max = self->origin_labels;
	memcpy(zone->origin, self->origin, self->origin_bytes);
	return 0;
}

static int
check_apex(struct mr_zone_builder *self, struct mr_error *error)
{
	char origin[MR_ZONE_NAME_TEXT_BYTES];
	const struct mr_zone *zone = zone_image(self);
	const char *lacks = NULL;

	if (!zone->apex || !mr_zone_node_rrset(mr_zone_apex(zone), MR_ZONE_SOA))
		lacks = "SOA";
	else if (!mr_zone_node_rrset(mr_zone_apex(zone), MR_ZONE_NS))
		lacks = "NS";
	if (!lacks)
		return 0;
	return mr_error_set(error, -EINVAL, "the zone %.300s has no %s at its apex",
			    mr_zone_name_to_text(self->origin, origin), lacks);
}

int
zone_layout(struct mr_zone_builder *self, struct mr_error *error)
{
	int code = make_head(self);

	if (!code)
		code = hash_log(self);
	if (!code) {
		self->scratch = malloc((self->entry_count + 1) * sizeof(*self->scratch));
		code = self->scratch ? zone_sort(self) : -ENOMEM;
	}
	if (code)
		return mr_error_set(error, code, "no memory to sort a zone");
	code = make_nodes(self, error);
	if (code)
		return code;
	code = check_apex(self, error);
	if (code)
		return code;
	self->cold.node_bytes = self->image.used - self->cold.wire_bytes;
	zone_heap_free(&self->log);
	code = make_buckets(self);
	return code ? mr_error_set(error, code, "the zone is too large to lay out") : 0;
}
