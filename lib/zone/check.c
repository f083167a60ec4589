/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/check - the reading half: every record once, as it is written.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/check_int.h"

/* A finished zone beside its records as they were read: names, lines, prebuilt referrals. What is
 * not used is only address space. */
enum {
	CHECK_STORE_PER_BYTE = 8,
	CHECK_STORE_PER_RECORD = 1024,
	CHECK_STORE_LEAST_BYTES = 64 << 20,
};

#define CHECK_NAME_(symbol, name, help) name,
static const char *const rule_names[] = { ZONE_CHECK_RULES(CHECK_NAME_) };

const char *
mr_zone_check_name(enum mr_zone_check_rule rule)
{
	return rule_names[rule];
}

static void
tell_text(struct check *self, enum mr_zone_check_rule rule, const char *text)
{
	struct mr_zone_finding finding = { rule, rule != MR_ZONE_CHECK_REFUSED, text };

	if (finding.warning)
		self->result->warnings++;
	else
		self->result->errors++;
	if (self->result->found[rule]++ < MR_ZONE_CHECK_SHOWN)
		self->on_finding(self->context, &finding);
}

void
check_tell(struct check *self, enum mr_zone_check_rule rule, const char *file, uint32_t line,
	   uint32_t column, const char *format, ...)
{
	char what[3 * MR_ZONE_NAME_TEXT_BYTES], text[4096], place[32] = "";
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	if (line && column)
		snprintf(place, sizeof(place), ":%u:%u", line, column);
	else if (line)
		snprintf(place, sizeof(place), ":%u", line);
	snprintf(text, sizeof(text), "%.500s%s: %s", file ? file : self->path, place, what);
	tell_text(self, rule, text);
}

static void
tell_record(struct check *self, enum mr_zone_check_rule rule, const struct mr_zone_record *record,
	    const char *what)
{
	char owner[MR_ZONE_NAME_TEXT_BYTES];

	check_tell(self, rule, record->file, record->line, record->column, "%s %s",
		   mr_zone_name_to_text(record->owner, owner), what);
}

static void
lower_name(uint8_t *to, const uint8_t *from, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		to[i] = from[i] >= 'A' && from[i] <= 'Z' ? from[i] | 0x20 : from[i];
}

/* ends_with: name ends with the labels of tail (both lower-cased). */
static bool
ends_with(const uint8_t *name, unsigned bytes, const uint8_t *tail, unsigned tail_bytes)
{
	unsigned at = 0;

	while (bytes - at > tail_bytes)
		at += name[at] + 1u;
	return bytes - at == tail_bytes && !memcmp(name + at, tail, tail_bytes);
}

bool
check_within(const struct check *self, const uint8_t *name, unsigned bytes)
{
	return ends_with(name, bytes, self->origin, self->origin_bytes);
}

/* ---- what is kept ---- */

static uint16_t
file_number(struct check *self, const char *file)
{
	char **files;

	if (!file)
		return UINT16_MAX;
	for (uint16_t i = self->file_count; i-- > 0;)
		if (!strcmp(self->files[i], file))
			return i;
	files = realloc(self->files, (self->file_count + 1u) * sizeof(*files));
	if (files)
		self->files = files;
	if (!files || self->file_count == UINT16_MAX - 1 ||
	    !(files[self->file_count] = strdup(file)))
		return UINT16_MAX;
	return self->file_count++;
}

/* The name that a record of type points at; NULL: at none. */
static const uint8_t *
record_target(const struct mr_zone_record *record)
{
	switch (record->type) {
	case MR_ZONE_NS:
	case MR_ZONE_CNAME:
		return record->rdata;
	case MR_ZONE_MX:
	case MR_ZONE_SVCB:
	case MR_ZONE_HTTPS:
		return record->rdata + 2;
	case MR_ZONE_SRV:
		return record->rdata + 6;
	default:
		return NULL;
	}
}

static void
note_target(struct check *self, const struct mr_zone_record *record)
{
	const uint8_t *target = record_target(record);
	unsigned bytes;
	struct check_note *note;
	uint64_t at;

	if (!target)
		return;
	bytes = zone_name_length(target, record->rdata_bytes - (size_t)(target - record->rdata));
	if (bytes <= 1) /* "." says that there is no target: RFC 2782, 7505, 9460 */
		return;
	if (zone_heap_take(&self->notes, sizeof(*note) + record->owner_bytes + bytes, &at)) {
		self->lost_memory = true;
		return;
	}
	note = (struct check_note *)(void *)(self->notes.base + at);
	*note = (struct check_note){ .line = record->line,
				     .column = record->column,
				     .file = file_number(self, record->file),
				     .type = record->type,
				     .owner_bytes = (uint8_t)record->owner_bytes,
				     .target_bytes = (uint8_t)bytes };
	lower_name(note->names, record->owner, record->owner_bytes);
	lower_name(note->names + record->owner_bytes, target, bytes);
}

/* ---- one record ---- */

/* RFC 1912 2.2, RFC 2308 5: what secondaries and caches do with them. */
static void
check_soa(struct check *self, const struct mr_zone_record *record)
{
	unsigned mname = zone_name_length(record->rdata, record->rdata_bytes);
	const uint8_t *rname = record->rdata + mname, *times;
	uint32_t refresh, retry, expire, minimum;

	times = rname + zone_name_length(rname, record->rdata_bytes - mname);
	self->result->serial = mr_load_be32(times);
	refresh = mr_load_be32(times + 4);
	retry = mr_load_be32(times + 8);
	expire = mr_load_be32(times + 12);
	minimum = mr_load_be32(times + 16);
	if (retry > refresh)
		tell_record(self, MR_ZONE_CHECK_SOA_TIMES, record,
			    "SOA: RETRY is longer than REFRESH; make it a fraction of it");
	if (expire < (uint64_t)refresh + retry)
		tell_record(self, MR_ZONE_CHECK_SOA_TIMES, record,
			    "SOA: EXPIRE is shorter than REFRESH and RETRY together, so a "
			    "secondary gives up after one failure; two to four weeks are usual");
	if (minimum > 86400)
		tell_record(self, MR_ZONE_CHECK_SOA_TIMES, record,
			    "SOA: MINIMUM keeps names that do not exist in caches for more than a "
			    "day; one to three hours are usual");
	if (*rname == 0 || memchr(rname + 1, '@', *rname))
		tell_record(self, MR_ZONE_CHECK_SOA_MAILBOX, record,
			    "SOA: RNAME is a mailbox with a dot where the @ is: "
			    "hostmaster.example.com.");
}

static void
signer_seen(struct check *self, const struct mr_zone_record *record)
{
	uint16_t tag = mr_load_be16(record->rdata + 16);
	uint8_t algorithm = record->rdata[2];

	for (unsigned i = 0; i < self->signer_count; i++)
		if (self->signers[i].tag == tag && self->signers[i].algorithm == algorithm)
			return;
	if (self->signer_count < CHECK_SIGNERS)
		self->signers[self->signer_count++] =
			(struct check_signer){ tag, file_number(self, record->file), algorithm,
					       record->line, record->column };
}

/* RFC 4034 3.1: times are 32 bits of seconds that wrap (RFC 1982). */
static void
check_rrsig(struct check *self, const struct mr_zone_record *record)
{
	uint32_t expiration = mr_load_be32(record->rdata + 8);
	uint32_t inception = mr_load_be32(record->rdata + 12);
	unsigned bytes = zone_name_length(record->rdata + 18, record->rdata_bytes - 18u);
	int32_t left = (int32_t)(expiration - self->now_s);
	uint8_t signer[MR_ZONE_NAME_BYTES];

	if (left < 0)
		tell_record(self, MR_ZONE_CHECK_SIGNATURE_EXPIRED, record,
			    "RRSIG has expired: resolvers that validate refuse it; sign the zone "
			    "again");
	else if (left < CHECK_SOON_S)
		tell_record(self, MR_ZONE_CHECK_SIGNATURE_SOON, record,
			    "RRSIG expires within three days; sign the zone again");
	if ((int32_t)(self->now_s - inception) < 0)
		tell_record(self, MR_ZONE_CHECK_SIGNATURE_FUTURE, record,
			    "RRSIG is not valid yet; look at the clock of this machine and of the "
			    "signer's");
	lower_name(signer, record->rdata + 18, bytes);
	if (bytes != self->origin_bytes || memcmp(signer, self->origin, bytes))
		tell_record(self, MR_ZONE_CHECK_SIGNATURE_SIGNER, record,
			    "RRSIG names a signer that is not this zone");
	else
		signer_seen(self, record);
}

/* "www.example.com" without its last dot becomes www.example.com.example.com. */
static bool
origin_twice(const struct check *self, const uint8_t *name, unsigned bytes)
{
	uint8_t twice[2 * MR_ZONE_NAME_BYTES];
	unsigned once = self->origin_bytes - 1;

	if (self->origin_bytes <= 1)
		return false;
	memcpy(twice, self->origin, once);
	memcpy(twice + once, self->origin, self->origin_bytes);
	return ends_with(name, bytes, twice, once + self->origin_bytes);
}

static void
check_dots(struct check *self, const struct mr_zone_record *record)
{
	const uint8_t *target = record_target(record);
	uint8_t name[MR_ZONE_NAME_BYTES];
	unsigned bytes;

	lower_name(name, record->owner, record->owner_bytes);
	if (origin_twice(self, name, record->owner_bytes))
		tell_record(self, MR_ZONE_CHECK_MISSING_DOT, record,
			    "has the zone's name twice; is a final dot missing?");
	if (!target)
		return;
	bytes = zone_name_length(target, record->rdata_bytes - (size_t)(target - record->rdata));
	lower_name(name, target, bytes);
	if (origin_twice(self, name, bytes))
		tell_record(self, MR_ZONE_CHECK_MISSING_DOT, record,
			    "points at a name with the zone's name twice; is a final dot missing?");
}

static void
check_one(struct check *self, const struct mr_zone_record *record)
{
	bool wildcard = record->owner[0] == 1 && record->owner[1] == '*';

	check_dots(self, record);
	switch (record->type) {
	case MR_ZONE_SOA:
		check_soa(self, record);
		break;
	case MR_ZONE_NS:
	case MR_ZONE_DNAME:
		if (wildcard)
			tell_record(self, MR_ZONE_CHECK_WILDCARD, record,
				    "is a wildcard with NS or DNAME, which resolvers take "
				    "differently (RFC 4592 4); write the names out");
		break;
	case MR_ZONE_RRSIG:
		check_rrsig(self, record);
		break;
	case MR_ZONE_DNSKEY:
		if (record->owner_bytes != self->origin_bytes)
			tell_record(self, MR_ZONE_CHECK_DNSKEY_PLACE, record,
				    "DNSKEY is not at the zone's apex, where alone it is a key");
		break;
	case MR_ZONE_NSEC3PARAM:
		if (mr_load_be16(record->rdata + 2) > 0)
			tell_record(self, MR_ZONE_CHECK_NSEC3_COST, record,
				    "NSEC3PARAM has extra iterations; sign with 0 (RFC 9276 3.1), "
				    "or resolvers may take the zone for unsigned");
		break;
	default:
		break;
	}
	note_target(self, record);
}

static int
on_record(void *context, const struct mr_zone_record *record, struct mr_error *error)
{
	struct check *self = context;
	int status = mr_zone_builder_add(self->builder, record, error);

	self->result->records++;
	if (!status)
		check_one(self, record);
	return status;
}

static int
on_error(void *context, const struct mr_error *error)
{
	tell_text(context, MR_ZONE_CHECK_REFUSED, error->text);
	return 0;
}

/* ---- the whole ---- */

/* Which zone it is, when nobody says: the one whose SOA it has. */
struct apex {
	uint8_t wire[MR_ZONE_NAME_BYTES];
	unsigned bytes;
};

enum { APEX_FOUND = 1 };

static int
apex_record(void *context, const struct mr_zone_record *record, struct mr_error *error)
{
	struct apex *apex = context;

	(void)error;
	if (record->type != MR_ZONE_SOA)
		return 0;
	memcpy(apex->wire, record->owner, record->owner_bytes);
	apex->bytes = record->owner_bytes;
	return APEX_FOUND;
}

static int
apex_pass(void *context, const struct mr_error *error)
{
	(void)context, (void)error;
	return 0;
}

/* "zones/example.com.zone" is most likely the zone example.com. */
static unsigned
name_of_file(const char *path, uint8_t wire[MR_ZONE_NAME_BYTES])
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	size_t bytes = strlen(base);
	char text[MR_ZONE_NAME_TEXT_BYTES];
	int got;

	if (bytes > 5 && !strcmp(base + bytes - 5, ".zone"))
		bytes -= 5;
	snprintf(text, sizeof(text), "%.*s", (int)MR_MIN(bytes, sizeof(text) - 1), base);
	got = mr_zone_name_from_text(text, wire);
	return got > 0 ? (unsigned)got : 0;
}

static int
find_origin(struct check *self, const char *origin, struct mr_error *error)
{
	struct apex apex = { .bytes = 0 };
	struct mr_error why = { 0 };
	int bytes = -1;

	if (origin) {
		bytes = mr_zone_name_from_text(origin, apex.wire);
		if (bytes < 0)
			return mr_error_set(error, -EINVAL, "\"%.256s\" is not a zone's name",
					    origin);
		apex.bytes = (unsigned)bytes;
	} else if (mr_zone_text_scan(self->path, NULL, apex_record, apex_pass, &apex, &why) !=
			   APEX_FOUND &&
		   why.code != 0 && why.code != -EINVAL) {
		return mr_error_set(error, why.code, "%s", why.text);
	}
	if (apex.bytes == 0)
		apex.bytes = name_of_file(self->path, apex.wire);
	if (apex.bytes == 0)
		return mr_error_set(error, -EINVAL,
				    "%s: no SOA with a whole name, and the file's name is none: "
				    "which zone is it? Say --origin NAME",
				    self->path);
	lower_name(self->origin, apex.wire, apex.bytes);
	self->origin_bytes = apex.bytes;
	mr_zone_name_to_text(self->origin, self->result->origin);
	return 0;
}

static int
finish(struct check *self, struct mr_error *error)
{
	uint64_t room = CHECK_STORE_LEAST_BYTES + self->builder->log.used * CHECK_STORE_PER_BYTE +
			self->result->records * CHECK_STORE_PER_RECORD;
	struct mr_zone_store *store;
	struct mr_error refused = { 0 };
	struct mr_zone *zone;
	struct mr_zone_info info;
	int status = mr_zone_store_create(&store, mr_round_up(room, 2ull << 20), false, error);

	if (status)
		return status;
	status = mr_zone_builder_finish(self->builder, store, &zone, &refused);
	if (status == -EINVAL) {
		tell_text(self, MR_ZONE_CHECK_REFUSED, refused.text);
		status = 0;
	} else if (status) {
		mr_error_set(error, status, "%s", refused.text);
	} else {
		mr_zone_info(zone, &info);
		self->result->names = info.names;
		check_data(self, store, zone);
		mr_zone_release(store, zone);
	}
	mr_zone_store_destroy(store);
	return status;
}

int
mr_zone_check(const char *path, const char *origin, int64_t now_s,
	      void (*on_finding)(void *context, const struct mr_zone_finding *finding),
	      void *context, struct mr_zone_check_result *result, struct mr_error *error)
{
	struct check self = { .path = path,
			      .now_s = (uint32_t)now_s,
			      .on_finding = on_finding,
			      .context = context,
			      .result = result };
	struct mr_error text = { 0 };
	int status;

	memset(result, 0, sizeof(*result));
	status = find_origin(&self, origin, error);
	if (!status)
		status = mr_zone_builder_create(&self.builder, self.origin,
						(uint16_t)self.origin_bytes, error);
	if (status)
		return status;
	status = mr_zone_text_scan(path, result->origin, on_record, on_error, &self, &text);
	if (status == -EINVAL) { /* what could not be gone on behind */
		tell_text(&self, MR_ZONE_CHECK_REFUSED, text.text);
		status = 0;
	} else if (status) {
		mr_error_set(error, status, "%s", text.text);
	}
	if (!status && result->errors == 0)
		status = finish(&self, error);
	if (!status && self.lost_memory)
		status = mr_error_set(error, -ENOMEM, "no memory to check %s", path);
	mr_zone_builder_destroy(self.builder);
	zone_heap_free(&self.notes);
	for (uint16_t i = 0; i < self.file_count; i++)
		free(self.files[i]);
	free(self.files);
	return status;
}
