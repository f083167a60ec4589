/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/builder - records checked one by one and appended to a log.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "zone/zone_int.h"

int
zone_heap_take(struct zone_heap *self, uint64_t bytes, uint64_t *at)
{
	bytes = mr_round_up(bytes, MR_ZONE_UNIT_BYTES);
	if (self->used + bytes + MR_ZONE_SPARE_BYTES > self->room) {
		uint64_t room = MR_MAX(self->room * 2, self->used + bytes + 4096);
		uint8_t *base = realloc(self->base, room); /* large ones move by page tables */

		if (!base)
			return -ENOMEM;
		self->base = base;
		self->room = room;
	}
	*at = self->used;
	memset(self->base + self->used, 0, bytes);
	self->used += bytes;
	return 0;
}

void
zone_heap_free(struct zone_heap *self)
{
	free(self->base);
	*self = (struct zone_heap){ 0 };
}

int
zone_list_add(struct zone_list *self, uint32_t item)
{
	if (self->count == self->room) {
		size_t room = self->room ? self->room * 2 : 16;
		uint32_t *items = realloc(self->items, room * sizeof(*items));

		if (!items)
			return -ENOMEM;
		self->items = items;
		self->room = room;
	}
	self->items[self->count++] = item;
	return 0;
}

unsigned
zone_name_length(const uint8_t *wire, size_t wire_bytes)
{
	size_t bound = MR_MIN(wire_bytes, (size_t)MR_ZONE_NAME_BYTES);

	for (size_t at = 0; at < bound && wire[at] <= MR_ZONE_LABEL_BYTES; at += wire[at] + 1u)
		if (wire[at] == 0)
			return (unsigned)at + 1;
	return 0;
}

static void
lower(uint8_t *to, const uint8_t *from, size_t byte_count)
{
	for (size_t i = 0; i < byte_count; i++)
		to[i] = from[i] >= 'A' && from[i] <= 'Z' ? from[i] | 0x20 : from[i];
}

static unsigned
count_labels(const uint8_t *wire)
{
	unsigned labels = 0;

	for (; *wire; wire += *wire + 1)
		labels++;
	return labels;
}

const char *
zone_owner_text(const struct mr_zone_builder *self, const struct zone_log *record,
		char out[MR_ZONE_NAME_TEXT_BYTES])
{
	uint8_t wire[2 * MR_ZONE_NAME_BYTES];

	memcpy(wire, record->bytes, record->name_bytes);
	memcpy(wire + record->name_bytes, self->origin, self->origin_bytes);
	return mr_zone_name_to_text(wire, out);
}

int
mr_zone_builder_create(struct mr_zone_builder **out, const uint8_t *origin, uint16_t origin_bytes,
		       struct mr_error *error)
{
	struct mr_zone_builder *self;
	unsigned bytes = zone_name_length(origin, origin_bytes);

	if (bytes == 0 || bytes != origin_bytes)
		return mr_error_set(error, -EINVAL, "the zone's origin is not a domain name");
	self = calloc(1, sizeof(*self));
	if (!self)
		return mr_error_set(error, -ENOMEM, "no memory for a zone builder");
	lower(self->origin, origin, bytes);
	self->origin_bytes = (uint8_t)bytes;
	self->origin_labels = (uint8_t)count_labels(self->origin);
	*out = self;
	return 0;
}

static bool
type_is_data(uint16_t type)
{
	/* RFC 6895 3.1: 0, OPT and 128..255 are not data. */
	return type != 0 && type != MR_ZONE_OPT && (type < 128 || type > 255);
}

/* Names in the RDATA of these types are read on the data path, so they are checked here. */
static bool
rdata_is_sound(uint16_t type, const uint8_t *rdata, uint16_t bytes)
{
	unsigned first, second;

	switch (type) {
	case MR_ZONE_NS:
	case MR_ZONE_CNAME:
	case MR_ZONE_DNAME:
	case MR_ZONE_PTR:
		first = zone_name_length(rdata, bytes);
		return first > 0 && first == bytes;
	case MR_ZONE_SOA:
		first = zone_name_length(rdata, bytes);
		second = first ? zone_name_length(rdata + first, bytes - first) : 0;
		return second > 0 && first + second + 20 == bytes;
	case MR_ZONE_MX:
		return bytes > 2 && zone_name_length(rdata + 2, bytes - 2u) + 2 == bytes;
	case MR_ZONE_SRV:
		return bytes > 6 && zone_name_length(rdata + 6, bytes - 6u) + 6 == bytes;
	case MR_ZONE_A:
		return bytes == 4;
	case MR_ZONE_AAAA:
		return bytes == 16;
	case MR_ZONE_RRSIG:
		return bytes > 18 && type_is_data(mr_load_be16(rdata)) &&
		       zone_name_length(rdata + 18, bytes - 18u) > 0;
	case MR_ZONE_NSEC:
		return zone_name_length(rdata, bytes) > 0;
	case MR_ZONE_NSEC3: /* RFC 5155 3.2: salt, next hash, types */
		return bytes > 5 && bytes > 5u + rdata[4] &&
		       bytes >= 6u + rdata[4] + rdata[5u + rdata[4]];
	case MR_ZONE_NSEC3PARAM:
		return bytes >= 5 && bytes == 5u + rdata[4];
	default:
		return true;
	}
}

static int
number_of_file(struct mr_zone_builder *self, const char *file, uint16_t *number)
{
	if (!file)
		file = "-";
	for (size_t i = self->file_count; i-- > 0;) {
		if (self->files[i] == file || strcmp(self->files[i], file) == 0) {
			*number = (uint16_t)i;
			return 0;
		}
	}
	if (self->file_count > ZONE_FILE_MAX)
		return -ENOSPC;
	const char **files = realloc(self->files, (self->file_count + 1) * sizeof(*files));
	if (!files)
		return -ENOMEM;
	self->files = files;
	files[self->file_count] = strdup(file);
	if (!files[self->file_count])
		return -ENOMEM;
	*number = (uint16_t)self->file_count++;
	return 0;
}

/* record_fail says where record was written, and what is wrong with it. */
static MR_PRINTF(3, 4) int record_fail(const struct mr_zone_record *record, struct mr_error *error,
				       const char *format, ...)
{
	char what[MR_ERROR_TEXT_BYTES], column[16] = "";
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	if (record->column)
		snprintf(column, sizeof(column), "%u:", record->column);
	return mr_error_set(error, -EINVAL, "%s:%u:%s %s", record->file ? record->file : "-",
			    record->line, column, what);
}

static int
check_record(const struct mr_zone_builder *self, const struct mr_zone_record *record,
	     struct mr_error *error)
{
	unsigned bytes = zone_name_length(record->owner, record->owner_bytes);
	uint8_t tail[MR_ZONE_NAME_BYTES];
	unsigned at = 0;

	if (bytes == 0 || bytes != record->owner_bytes)
		return record_fail(record, error, "the owner is not a domain name");
	while (bytes - at > self->origin_bytes)
		at += record->owner[at] + 1u;
	if (bytes - at == self->origin_bytes)
		lower(tail, record->owner + at, self->origin_bytes);
	if (bytes - at != self->origin_bytes || memcmp(tail, self->origin, self->origin_bytes)) {
		char owner[MR_ZONE_NAME_TEXT_BYTES], origin[MR_ZONE_NAME_TEXT_BYTES];

		return record_fail(record, error, "%.200s is not within the zone %.200s",
				   mr_zone_name_to_text(record->owner, owner),
				   mr_zone_name_to_text(self->origin, origin));
	}
	if (record->rr_class != MR_ZONE_CLASS_IN)
		return record_fail(record, error, "class %u, where only IN is served",
				   record->rr_class);
	if (!type_is_data(record->type))
		return record_fail(record, error, "type %u cannot stand in a zone", record->type);
	if (!rdata_is_sound(record->type, record->rdata, record->rdata_bytes))
		return record_fail(record, error, "the data is not what type %u says",
				   record->type);
	if (record->type == MR_ZONE_SOA && at > 0)
		return record_fail(record, error, "an SOA below the zone's apex");
	return 0;
}

int
mr_zone_builder_add(struct mr_zone_builder *self, const struct mr_zone_record *record,
		    struct mr_error *error)
{
	int code = check_record(self, record, error);
	unsigned name_bytes = record->owner_bytes - self->origin_bytes;
	uint16_t file;
	uint64_t at;

	if (code)
		return code;
	code = number_of_file(self, record->file, &file);
	if (!code)
		code = zone_heap_take(&self->log,
				      sizeof(struct zone_log) + name_bytes + record->rdata_bytes,
				      &at);
	if (code)
		return mr_error_set(error, code, "no memory for the records of a zone");
	struct zone_log *log = zone_log_at(self, at);

	/* RFC 2181 8: a TTL with the top bit set counts as 0. */
	log->ttl = record->ttl >> 31 ? 0 : record->ttl;
	log->line = record->line;
	log->type = record->type;
	log->rdata_bytes = record->rdata_bytes;
	log->file = file;
	log->name_bytes = (uint8_t)name_bytes;
	log->labels = self->origin_labels;
	lower(log->bytes, record->owner, name_bytes);
	for (unsigned i = 0; i < name_bytes; i += log->bytes[i] + 1u)
		log->labels++;
	memcpy(log->bytes + name_bytes, record->rdata, record->rdata_bytes);
	self->record_count++;
	self->is_signed |= record->type == MR_ZONE_NSEC || record->type == MR_ZONE_NSEC3;
	return 0;
}

static void
builder_empty(struct mr_zone_builder *self)
{
	zone_heap_free(&self->log);
	zone_heap_free(&self->image);
	for (size_t i = 0; i < self->file_count; i++)
		free((void *)(uintptr_t)self->files[i]);
	free((void *)(uintptr_t)self->files);
	free(self->entries);
	free(self->scratch);
	free(self->cuts.items);
	free(self->wildcards.items);
	free(self->nsec3s.items);
	struct mr_zone_builder fresh = { .origin_bytes = self->origin_bytes,
					 .origin_labels = self->origin_labels };

	memcpy(fresh.origin, self->origin, sizeof(fresh.origin));
	*self = fresh;
}

void
mr_zone_builder_destroy(struct mr_zone_builder *self)
{
	if (!self)
		return;
	builder_empty(self);
	free(self);
}

/* The image ends here as it will lie in the store. */
static int
image_to_store(struct mr_zone_builder *self, struct mr_zone_store *store, struct mr_zone **zone,
	       struct mr_error *error)
{
	uint64_t bytes = mr_round_up(self->image.used + MR_ZONE_SPARE_BYTES, MR_CACHE_LINE);
	uint64_t offset;
	uint8_t *place;

	if (mr_extents_get(store->extents, bytes, &offset))
		return mr_error_set(error, -ENOMEM,
				    "no room for a zone of %llu bytes in the zone store",
				    (unsigned long long)bytes);
	place = mr_arena_at(&store->arena, offset);
	memcpy(place, self->image.base, self->image.used);
	memset(place + self->image.used, 0, bytes - self->image.used);
	*zone = (struct mr_zone *)(void *)place;
	(*zone)->bytes = bytes;
	(*zone)->extent = offset;
	return 0;
}

int
mr_zone_builder_finish(struct mr_zone_builder *self, struct mr_zone_store *store,
		       struct mr_zone **zone, struct mr_error *error)
{
	int code;

	self->key = &store->key;
	code = zone_layout(self, error);
	if (!code)
		code = zone_link(self, error);
	if (!code)
		code = image_to_store(self, store, zone, error);
	builder_empty(self);
	return code;
}
