/* SPDX-License-Identifier: Apache-2.0
 *
 * http/framing - the fields that decide where a message ends, and what a connection is for after
 * it.
 */
#include "http_int.h"

/* framing_nominate marks the fields that one connection option names (RFC 9110 7.6.1). */
static enum mr_http_refusal
framing_nominate(struct mr_http_message *message, const uint8_t *bytes, const uint8_t *option,
		 size_t option_bytes)
{
	enum mr_http_field_id id = mr_http_field_find(option, option_bytes, option_bytes);

	if (id != MR_HTTP_FIELD_OTHER) {
		if (mr_http_field_flags(id) & FIELD_PINNED)
			return MR_HTTP_REFUSED_CONNECTION;
		mr_http_field_set_add(&message->hop, id);
		return MR_HTTP_REFUSED_NOT;
	}
	for (unsigned i = 0; i < message->field_count; i++) {
		const struct mr_http_field *field = &message->fields[i];
		const uint8_t *name = bytes + field->name_at;
		unsigned at = 0;

		if (field->id != MR_HTTP_FIELD_OTHER || field->name_bytes != option_bytes)
			continue;
		while (at < option_bytes &&
		       (name[at] == option[at] ||
			(http_is_alpha(name[at]) && (name[at] ^ option[at]) == 0x20)))
			at++;
		if (at == option_bytes)
			message->hop_other[i / 64] |= 1ull << (i % 64);
	}
	return MR_HTTP_REFUSED_NOT;
}

/* Persistence: RFC 9112 9.3. Of an HTTP/1.0 peer only an explicit keep-alive is believed. */
enum mr_http_refusal
http_connection(struct mr_http_message *message, const uint8_t *bytes)
{
	const struct mr_http_field *field = mr_http_first(message, MR_HTTP_FIELD_CONNECTION);
	bool close = false, keep_alive = false, upgrade = false;
	unsigned options = 0;

	for (; field; field = mr_http_next(message, field)) {
		struct mr_http_list list =
			mr_http_list_over(bytes + field->value_at, field->value_bytes);
		enum mr_http_refusal refusal;
		const uint8_t *option;
		size_t option_bytes;

		while (mr_http_list_next(&list, &option, &option_bytes)) {
			if (!http_is_token(option, option_bytes) || ++options > MR_HTTP_OPTIONS_MAX)
				return MR_HTTP_REFUSED_CONNECTION;
			if (mr_http_same(option, option_bytes, "close"))
				close = true;
			else if (mr_http_same(option, option_bytes, "keep-alive"))
				keep_alive = true;
			else if (mr_http_same(option, option_bytes, "upgrade"))
				upgrade = true;
			refusal = framing_nominate(message, bytes, option, option_bytes);
			if (refusal != MR_HTTP_REFUSED_NOT)
				return refusal;
		}
	}
	message->close = close || (message->version_minor == 0 && !keep_alive);
	message->upgrade = upgrade && message->version_minor > 0 &&
			   mr_http_first(message, MR_HTTP_FIELD_UPGRADE);
	return MR_HTTP_REFUSED_NOT;
}

/* Codings of the registry that are not implemented: nobody may send them who was not offered
 * them. */
static bool
framing_is_known_coding(const uint8_t *name, size_t bytes)
{
	return mr_http_same(name, bytes, "gzip") || mr_http_same(name, bytes, "x-gzip") ||
	       mr_http_same(name, bytes, "deflate") || mr_http_same(name, bytes, "compress") ||
	       mr_http_same(name, bytes, "x-compress");
}

/* RFC 9112 6.1, 6.3. Only "chunked" alone is implemented. An unknown coding is 501 wherever it
 * stands; a known one behind or without chunked leaves the length unknown, which is 400. */
enum mr_http_refusal
http_coding(const struct mr_http_message *message, const uint8_t *bytes)
{
	const struct mr_http_field *field = mr_http_first(message, MR_HTTP_FIELD_TRANSFER_ENCODING);
	unsigned codings = 0, chunked = 0;
	bool chunked_last = false, unknown = false;

	for (; field; field = mr_http_next(message, field)) {
		struct mr_http_list list =
			mr_http_list_over(bytes + field->value_at, field->value_bytes);
		const uint8_t *name;
		size_t name_bytes;

		if (field->value_bytes == 0)
			return MR_HTTP_REFUSED_CODING;
		while (mr_http_list_next(&list, &name, &name_bytes)) {
			if (++codings > MR_HTTP_CODINGS_MAX || !http_is_token(name, name_bytes))
				return MR_HTTP_REFUSED_CODING;
			chunked_last = mr_http_same(name, name_bytes, "chunked");
			chunked += chunked_last;
			unknown |= !chunked_last && !framing_is_known_coding(name, name_bytes);
		}
		if (list.empty_seen)
			return MR_HTTP_REFUSED_CODING;
	}
	if (unknown)
		return MR_HTTP_REFUSED_CODING_UNKNOWN;
	if (!chunked_last || chunked != 1)
		return MR_HTTP_REFUSED_CODING;
	return codings == 1 ? MR_HTTP_REFUSED_NOT : MR_HTTP_REFUSED_CODING_UNKNOWN;
}

enum mr_http_refusal
http_length(struct mr_http_message *message, const struct mr_http_limits *limits,
	    const uint8_t *bytes)
{
	const struct mr_http_field *field = mr_http_first(message, MR_HTTP_FIELD_CONTENT_LENGTH);

	if (!field)
		return MR_HTTP_REFUSED_NOT;
	if (!http_digits(bytes + field->value_at, field->value_bytes, &message->content_length))
		return MR_HTTP_REFUSED_LENGTH;
	message->length_given = true;
	if (message->content_length > (uint64_t)INT64_MAX ||
	    message->content_length > limits->body_bytes)
		return MR_HTTP_REFUSED_LENGTH_LARGE;
	return MR_HTTP_REFUSED_NOT;
}
