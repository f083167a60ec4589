/* SPDX-License-Identifier: Apache-2.0
 *
 * http/conditional - see conditional.h.
 */
#include "http_int.h"

bool
mr_http_etag_parse(const uint8_t *text, size_t bytes, struct mr_http_etag *etag)
{
	bool weak = bytes > 1 && text[0] == 'W' && text[1] == '/';

	if (weak) {
		text += 2;
		bytes -= 2;
	}
	if (bytes < 2 || bytes > UINT16_MAX || text[0] != '"' || text[bytes - 1] != '"')
		return false;
	for (size_t i = 1; i + 1 < bytes; i++) /* etagc: no quote, blank or control octet */
		if (text[i] <= ' ' || text[i] == '"' || text[i] == 0x7f)
			return false;
	*etag = (struct mr_http_etag){ text + 1, (uint16_t)(bytes - 2), weak };
	return true;
}

bool
mr_http_etag_same(const struct mr_http_etag *a, const struct mr_http_etag *b, bool strong)
{
	if (strong && (a->weak || b->weak))
		return false;
	return a->text && b->text && a->bytes == b->bytes &&
	       memcmp(a->text, b->text, a->bytes) == 0;
}

unsigned
mr_http_etag_format(uint64_t hash, uint64_t length, char out[MR_HTTP_ETAG_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	unsigned at = 0, skip = length ? (unsigned)__builtin_clzll(length) / 4 : 15;

	out[at++] = '"';
	for (int shift = 60; shift >= 0; shift -= 4)
		out[at++] = digits[hash >> shift & 15];
	out[at++] = '-';
	for (int shift = 60 - 4 * (int)skip; shift >= 0; shift -= 4)
		out[at++] = digits[length >> shift & 15];
	out[at++] = '"';
	return at;
}

/* The next element of a list of entity-tags. Unlike other lists' elements a tag may hold commas and
 * backslashes that mean nothing, so it has a walk of its own. False at the end or at a fault. */
static bool
conditional_next(const uint8_t **at, const uint8_t *end, struct mr_http_etag *etag)
{
	const uint8_t *from, *quote;

	while (*at < end && (http_is_blank(**at) || **at == ','))
		++*at;
	from = *at;
	quote = memchr(from, '"', (size_t)(end - from));
	quote = quote ? memchr(quote + 1, '"', (size_t)(end - quote - 1)) : NULL;
	if (!quote)
		return false;
	*at = quote + 1;
	return mr_http_etag_parse(from, (size_t)(quote + 1 - from), etag);
}

/* Whether any tag of the fields with id is the validator's, or "*" stands for anything that
 * exists. */
static bool
conditional_lists(const struct mr_http_message *message, const uint8_t *bytes,
		  const struct mr_http_validator *validator, enum mr_http_field_id id, bool strong)
{
	const struct mr_http_field *field = mr_http_first(message, id);

	for (; field; field = mr_http_next(message, field)) {
		const uint8_t *at = bytes + field->value_at, *end = at + field->value_bytes;
		struct mr_http_etag etag;

		if (field->value_bytes == 1 && at[0] == '*' && validator->exists)
			return true;
		while (conditional_next(&at, end, &etag))
			if (mr_http_etag_same(&etag, &validator->etag, strong))
				return true;
	}
	return false;
}

/* conditional_date reads the date of a field; false when it is absent or none, and so to be
 * ignored. */
static bool
conditional_date(const struct mr_http_message *message, const uint8_t *bytes,
		 enum mr_http_field_id id, int64_t now_s, int64_t *seconds)
{
	const struct mr_http_field *field = mr_http_first(message, id);

	return field &&
	       mr_http_date_parse(bytes + field->value_at, field->value_bytes, now_s, seconds);
}

enum mr_http_condition
mr_http_condition(const struct mr_http_message *message, const uint8_t *bytes,
		  const struct mr_http_validator *validator, int64_t now_s)
{
	bool get = message->method == MR_HTTP_GET || message->method == MR_HTTP_HEAD;
	bool dated = validator->modified_s != INT64_MIN;
	int64_t since;

	/* 1., 2. */
	if (mr_http_first(message, MR_HTTP_FIELD_IF_MATCH)) {
		if (!conditional_lists(message, bytes, validator, MR_HTTP_FIELD_IF_MATCH, true))
			return MR_HTTP_PRECONDITION_FAILED;
	} else if (dated &&
		   conditional_date(message, bytes, MR_HTTP_FIELD_IF_UNMODIFIED_SINCE, now_s,
				    &since) &&
		   validator->modified_s > since)
		return MR_HTTP_PRECONDITION_FAILED;
	/* 3., 4. */
	if (mr_http_first(message, MR_HTTP_FIELD_IF_NONE_MATCH)) {
		if (conditional_lists(message, bytes, validator, MR_HTTP_FIELD_IF_NONE_MATCH,
				      false))
			return get ? MR_HTTP_NOT_MODIFIED : MR_HTTP_PRECONDITION_FAILED;
	} else if (get && dated &&
		   conditional_date(message, bytes, MR_HTTP_FIELD_IF_MODIFIED_SINCE, now_s,
				    &since) &&
		   validator->modified_s <= since)
		return MR_HTTP_NOT_MODIFIED;
	return MR_HTTP_PROCEED;
}

/* 13.1.5: an entity-tag is compared strongly, a date must be the very one and strong. */
bool
mr_http_range_applies(const struct mr_http_message *message, const uint8_t *bytes,
		      const struct mr_http_validator *validator, int64_t now_s)
{
	const struct mr_http_field *field = mr_http_first(message, MR_HTTP_FIELD_IF_RANGE);
	struct mr_http_etag etag;
	int64_t date;

	if (message->method != MR_HTTP_GET || !mr_http_first(message, MR_HTTP_FIELD_RANGE))
		return false;
	if (!field)
		return true;
	if (mr_http_etag_parse(bytes + field->value_at, field->value_bytes, &etag))
		return mr_http_etag_same(&etag, &validator->etag, true);
	return validator->modified_strong &&
	       conditional_date(message, bytes, MR_HTTP_FIELD_IF_RANGE, now_s, &date) &&
	       date == validator->modified_s;
}
