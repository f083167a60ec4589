/* SPDX-License-Identifier: Apache-2.0
 *
 * http/table - the tables of fields.h: looked up both ways; and the classes of octets of scan.h.
 */
#include "http_int.h"

enum { TABLE_SLOTS = 512, TABLE_NAME_BYTES = 32 };

struct table_field {
	char name[TABLE_NAME_BYTES + 1]; /* lower case; NULs behind it */
	uint8_t bytes;
	uint8_t flags;
};

#define TABLE_FIELD(id, name, slot, flags) [MR_HTTP_FIELD_##id] = { name, sizeof(name) - 1, flags },
static const struct table_field table_fields[MR_HTTP_FIELD_COUNT] = { HTTP_FIELDS(TABLE_FIELD) };

/* clang-format off */
#define TABLE_SLOT(id, name, slot, flags) [slot] = MR_HTTP_FIELD_##id,
static const uint8_t table_slots[TABLE_SLOTS] = { HTTP_FIELDS(TABLE_SLOT) };

/* Octets from 0x80 on belong to none of the first three. */
#define HTTP_ASCII { 1, 2, 4, 8, 16, 32, 64, 128 }

/* tchar: letters, digits and !#$%&'*+-.^_`|~ */
const struct http_class http_class_token = {
	{ 0xe8, 0xfc, 0xf8, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc,
	  0xf8, 0xf8, 0xf4, 0x54, 0xd0, 0x54, 0xf4, 0x70 },
	HTTP_ASCII,
};

/* VCHAR but for "<># */
const struct http_class http_class_target = {
	{ 0xf8, 0xfc, 0xf8, 0xf8, 0xfc, 0xfc, 0xfc, 0xfc,
	  0xfc, 0xfc, 0xfc, 0xfc, 0xf4, 0xfc, 0xf4, 0x7c },
	HTTP_ASCII,
};

/* unreserved, sub-delims, ":@/" */
const struct http_class http_class_plain = {
	{ 0xb8, 0xfc, 0xf8, 0xf8, 0xfc, 0xf8, 0xfc, 0xfc,
	  0xfc, 0xfc, 0xfc, 0x5c, 0x54, 0x5c, 0xd4, 0x74 },
	HTTP_ASCII,
};

/* HTAB, SP to ~, and obs-text: bit 0 is for HTAB, bit 2 for 0x70 to 0x7e, bit 1 for all others */
const struct http_class http_class_value = {
	{ 6, 6, 6, 6, 6, 6, 6, 6, 6, 7, 6, 6, 6, 6, 6, 2 },
	{ 1, 0, 2, 2, 2, 2, 2, 4, 2, 2, 2, 2, 2, 2, 2, 2 },
};
/* clang-format on */

/* The multipliers were drawn until no two names of the table met. */
static inline unsigned
table_slot(const uint8_t *name, size_t bytes)
{
	const uint64_t lower = 0x2020202020202020ull;
	uint64_t first = mr_load_tail8(name, bytes) | lower;
	uint64_t last = (mr_load_tail8(name + (bytes >= 8 ? bytes - 8 : 0), bytes) | lower) + bytes;

	return (unsigned)(((first ^ last * 0x0b97e55f4b7c7877ull) * 0x1e833fdc1ff65d07ull) >> 55);
}

unsigned
http_name_slot(const uint8_t *name, size_t bytes)
{
	return table_slot(name, bytes);
}

/* Letters and the other characters of the table's names differ from no other token character by bit
 * 5 alone, so setting it on both sides compares without regard to case. */
static bool
table_same(const char *lower, const uint8_t *name, size_t bytes, size_t readable_bytes)
{
	const __m256i bit = _mm256_set1_epi8(0x20);
	__m256i a, b;

	if (mr_unlikely(readable_bytes < TABLE_NAME_BYTES))
		return mr_http_same(name, bytes, lower);
	a = _mm256_loadu_si256((const __m256i *)(const void *)name);
	b = _mm256_loadu_si256((const __m256i *)(const void *)lower);
	a = _mm256_cmpeq_epi8(_mm256_or_si256(a, bit), _mm256_or_si256(b, bit));
	return _bzhi_u32(~(uint32_t)_mm256_movemask_epi8(a), (unsigned)bytes) == 0;
}

enum mr_http_field_id
mr_http_field_find(const uint8_t *name, size_t bytes, size_t readable_bytes)
{
	enum mr_http_field_id id = (enum mr_http_field_id)table_slots[table_slot(name, bytes)];
	const struct table_field *field = &table_fields[id];

	if (field->bytes != bytes || !table_same(field->name, name, bytes, readable_bytes))
		return MR_HTTP_FIELD_OTHER;
	return id;
}

const char *
mr_http_field_name(enum mr_http_field_id id)
{
	return table_fields[id].name;
}

uint8_t
mr_http_field_name_bytes(enum mr_http_field_id id)
{
	return table_fields[id].bytes;
}

uint8_t
mr_http_field_flags(enum mr_http_field_id id)
{
	return table_fields[id].flags;
}

struct table_method {
	char name[8];
	uint8_t bytes;
	bool safe, idempotent;
};

#define TABLE_METHOD(id, name, safe, idempotent) \
	[MR_HTTP_##id] = { name, sizeof(name) - 1, safe, idempotent },
static const struct table_method table_methods[MR_HTTP_METHOD_COUNT] = { HTTP_METHODS(
	TABLE_METHOD) };

enum mr_http_method
mr_http_method_find(const uint8_t *text, size_t bytes)
{
	for (unsigned i = MR_HTTP_GET; i < MR_HTTP_METHOD_COUNT; i++)
		if (table_methods[i].bytes == bytes &&
		    memcmp(table_methods[i].name, text, bytes) == 0)
			return (enum mr_http_method)i;
	return MR_HTTP_METHOD_OTHER;
}

const char *
mr_http_method_name(enum mr_http_method method)
{
	return table_methods[method].name;
}

bool
mr_http_method_is_safe(enum mr_http_method method)
{
	return table_methods[method].safe;
}

bool
mr_http_method_is_idempotent(enum mr_http_method method)
{
	return table_methods[method].idempotent;
}

const char *
mr_http_reason(uint16_t status)
{
#define TABLE_STATUS(code, reason) \
	case code:                 \
		return reason;
	switch (status) {
		HTTP_STATUSES(TABLE_STATUS)
	default:
		return "";
	}
}

struct table_refusal {
	const char *name, *help;
	uint16_t status;
};

#define TABLE_REFUSAL(id, status, help) [MR_HTTP_REFUSED_##id] = { #id, help, status },
static const struct table_refusal table_refusals[MR_HTTP_REFUSAL_COUNT] = {
	[MR_HTTP_REFUSED_NOT] = { "NOT", "Not refused", 0 }, HTTP_REFUSALS(TABLE_REFUSAL)
};

uint16_t
mr_http_status_of(enum mr_http_refusal refusal)
{
	return table_refusals[refusal].status;
}

const char *
mr_http_refusal_name(enum mr_http_refusal refusal)
{
	return table_refusals[refusal].name;
}

const char *
mr_http_refusal_help(enum mr_http_refusal refusal)
{
	return table_refusals[refusal].help;
}
