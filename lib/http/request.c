/* SPDX-License-Identifier: Apache-2.0
 *
 * http/request - what the target and the fields of a request's head mean.
 */
#include "http_int.h"

enum { REQUEST_HOST_BYTES = 255 };

struct request_authority {
	struct mr_http_span all, host;
	uint16_t port; /* 0: not named */
};

/* The port behind the colon: *DIGIT (RFC 3986 3.2.3), here 1 to 65535. */
static bool
request_port(const uint8_t *text, size_t bytes, uint16_t *port)
{
	uint64_t value = 0;

	if (bytes > 0 && (!http_digits(text, bytes, &value) || value > UINT16_MAX || value == 0))
		return false;
	*port = (uint16_t)value;
	return true;
}

/* An IPv6 literal: checked by what it is made of; whether it is an address is the router's to
 * find. */
static size_t
request_host_literal(const uint8_t *text, size_t bytes)
{
	size_t at = 1, colons = 0;

	for (; at < bytes && text[at] != ']'; at++) {
		if (text[at] == ':')
			colons++;
		else if (text[at] != '.' && http_hex_value(text[at]) == 255)
			return 0;
	}
	return at < bytes && colons >= 2 && at <= MR_ADDR_TEXT_BYTES ? at + 1 : 0;
}

/* uri-host [":" port] (RFC 9110 7.2), where a reg-name is made of unreserved octets only: names
 * with sub-delims or escapes are none that a site can have, and proxies read them differently. */
static bool
request_authority(const uint8_t *bytes, struct mr_http_span span, struct request_authority *out)
{
	const uint8_t *text = bytes + span.at;
	size_t host = 0;

	if (span.bytes == 0)
		return false;
	if (text[0] == '[') {
		host = request_host_literal(text, span.bytes);
	} else {
		while (host < span.bytes &&
		       (http_is_alpha(text[host]) || http_is_digit(text[host]) ||
			text[host] == '-' || text[host] == '.' || text[host] == '_' ||
			text[host] == '~'))
			host++;
	}
	if (host == 0 || host > REQUEST_HOST_BYTES)
		return false;
	*out = (struct request_authority){ .all = span, .host = { span.at, (uint16_t)host } };
	if (host == span.bytes)
		return true;
	return text[host] == ':' &&
	       request_port(text + host + 1, span.bytes - host - 1, &out->port);
}

static bool
request_set_authority(struct mr_http_message *message, const uint8_t *bytes,
		      struct mr_http_span span)
{
	struct request_authority authority;

	if (!request_authority(bytes, span, &authority))
		return false;
	message->authority = authority.all;
	message->host = authority.host;
	message->port = authority.port;
	return true;
}

/* request_path splits path and query and tells whether the path is canonical as it stands. */
static enum mr_http_refusal
request_path(struct mr_http_message *message, const uint8_t *bytes, struct mr_http_span span)
{
	const uint8_t *text = bytes + span.at;
	uint32_t end = span.bytes;
	uint32_t plain = http_scan(&http_class_plain, text, 0, end);
	const uint8_t *query = plain == end ? NULL : memchr(text + plain, '?', end - plain);
	const uint8_t *dot = text;

	message->path = span;
	if (query) {
		message->has_query = true;
		message->path.bytes = (uint16_t)(query - text);
		message->query = (struct mr_http_span){ (uint16_t)(query + 1 - bytes),
							(uint16_t)(end - message->path.bytes - 1) };
	}
	end = message->path.bytes;
	message->path_plain = plain == end && end > 0;
	if (plain != end)
		return mr_http_path_check(text, end) ? MR_HTTP_REFUSED_NOT
						     : MR_HTTP_REFUSED_TARGET_ESCAPE;
	while ((dot = memchr(dot, '.', (size_t)(text + end - dot)))) {
		if (dot > text && dot[-1] == '/') { /* perhaps a dot segment */
			message->path_plain = false;
			break;
		}
		dot++;
	}
	return MR_HTTP_REFUSED_NOT;
}

/* absolute-form (RFC 9112 3.2.2): scheme "://" authority path-abempty ["?" query]. */
static enum mr_http_refusal
request_absolute(struct mr_http_message *message, const uint8_t *bytes)
{
	struct mr_http_span target = message->target, span;
	const uint8_t *text = bytes + target.at;
	unsigned skip, at;

	if (target.bytes > 7 && mr_http_same(text, 7, "http://")) {
		skip = 7;
		message->scheme = MR_HTTP_SCHEME_HTTP;
	} else if (target.bytes > 8 && mr_http_same(text, 8, "https://")) {
		skip = 8;
		message->scheme = MR_HTTP_SCHEME_HTTPS;
	} else
		return MR_HTTP_REFUSED_TARGET;
	message->target_form = MR_HTTP_ABSOLUTE_FORM;
	for (at = skip; at < target.bytes && text[at] != '/' && text[at] != '?'; at++)
		;
	span = (struct mr_http_span){ (uint16_t)(target.at + skip), (uint16_t)(at - skip) };
	if (!request_set_authority(message, bytes,
				   span)) /* user information is refused with the rest */
		return MR_HTTP_REFUSED_HOST;
	span = (struct mr_http_span){ (uint16_t)(target.at + at), (uint16_t)(target.bytes - at) };
	if (span.bytes == 0 && message->method == MR_HTTP_OPTIONS) {
		message->path = span; /* RFC 9112 3.2.4: to be sent on as "*" */
		return MR_HTTP_REFUSED_NOT;
	}
	return request_path(message, bytes, span);
}

static enum mr_http_refusal
request_target(struct mr_http_message *message, const struct mr_http_limits *limits,
	       const uint8_t *bytes)
{
	struct mr_http_span target = message->target;
	const uint8_t *text = bytes + target.at;

	message->method = (uint8_t)mr_http_method_find(bytes + message->method_text.at,
						       message->method_text.bytes);
	if ((message->method == MR_HTTP_TRACE && !limits->allow_trace) ||
	    (message->method == MR_HTTP_CONNECT && !limits->allow_connect))
		return MR_HTTP_REFUSED_METHOD_POLICY;
	if (message->method == MR_HTTP_CONNECT) { /* 3.2.3: host and port, nothing else */
		message->target_form = MR_HTTP_AUTHORITY_FORM;
		return request_set_authority(message, bytes, target) && message->port
			       ? MR_HTTP_REFUSED_NOT
			       : MR_HTTP_REFUSED_TARGET;
	}
	if (mr_likely(text[0] == '/')) {
		message->target_form = MR_HTTP_ORIGIN_FORM;
		return request_path(message, bytes, target);
	}
	if (target.bytes == 1 && text[0] == '*') {
		message->target_form = MR_HTTP_ASTERISK_FORM;
		return message->method == MR_HTTP_OPTIONS ? MR_HTTP_REFUSED_NOT
							  : MR_HTTP_REFUSED_TARGET;
	}
	return request_absolute(message, bytes);
}

/* RFC 9112 3.2: Host must be there in HTTP/1.1 and must be valid, even where absolute-form
 * overrides it (3.2.2). That it stands once was seen before. */
static enum mr_http_refusal
request_host(struct mr_http_message *message, const uint8_t *bytes)
{
	const struct mr_http_field *field = mr_http_first(message, MR_HTTP_FIELD_HOST);
	struct request_authority aside;
	struct mr_http_span span;

	if (!field)
		return message->version_minor == 0 ? MR_HTTP_REFUSED_NOT
						   : MR_HTTP_REFUSED_HOST_MISSING;
	span = (struct mr_http_span){ field->value_at, field->value_bytes };
	if (mr_likely(message->authority.bytes == 0))
		return request_set_authority(message, bytes, span) ? MR_HTTP_REFUSED_NOT
								   : MR_HTTP_REFUSED_HOST;
	return span.bytes == 0 || request_authority(bytes, span, &aside) ? MR_HTTP_REFUSED_NOT
									 : MR_HTTP_REFUSED_HOST;
}

static enum mr_http_refusal
request_framing(struct mr_http_message *message, const struct mr_http_limits *limits,
		const uint8_t *bytes)
{
	bool coding = mr_http_first(message, MR_HTTP_FIELD_TRANSFER_ENCODING);
	enum mr_http_refusal refusal;

	if (coding && mr_http_first(message, MR_HTTP_FIELD_CONTENT_LENGTH))
		return MR_HTTP_REFUSED_LENGTH_AND_CODING;
	if (coding && message->version_minor == 0)
		return MR_HTTP_REFUSED_CODING_VERSION;
	refusal = coding ? http_coding(message, bytes) : http_length(message, limits, bytes);
	if (refusal != MR_HTTP_REFUSED_NOT)
		return refusal;
	if (coding)
		message->framing = MR_HTTP_CHUNKED;
	else if (message->content_length > 0)
		message->framing = MR_HTTP_LENGTH;
	/* TRACE must have no content (RFC 9110 9.3.8), CONNECT has none (9.3.6) */
	if ((message->method == MR_HTTP_TRACE || message->method == MR_HTTP_CONNECT) &&
	    (coding || message->length_given))
		return MR_HTTP_REFUSED_LENGTH;
	return MR_HTTP_REFUSED_NOT;
}

/* RFC 9110 10.1.1. An HTTP/1.0 client cannot expect anything. */
static enum mr_http_refusal
request_expect(struct mr_http_message *message, const uint8_t *bytes)
{
	const struct mr_http_field *field = mr_http_first(message, MR_HTTP_FIELD_EXPECT);

	if (!field || message->version_minor == 0)
		return MR_HTTP_REFUSED_NOT;
	for (; field; field = mr_http_next(message, field))
		if (!mr_http_same(bytes + field->value_at, field->value_bytes, "100-continue"))
			return MR_HTTP_REFUSED_EXPECT;
	message->expect_continue = message->framing != MR_HTTP_NO_BODY;
	return MR_HTTP_REFUSED_NOT;
}

static bool
request_lists(const struct mr_http_message *message, const uint8_t *bytes, enum mr_http_field_id id,
	      const char *lower)
{
	const struct mr_http_field *field = mr_http_first(message, id);

	for (; field; field = mr_http_next(message, field)) {
		struct mr_http_list list =
			mr_http_list_over(bytes + field->value_at, field->value_bytes);
		const uint8_t *element;
		size_t element_bytes;

		while (mr_http_list_next(&list, &element, &element_bytes))
			if (mr_http_same(element, element_bytes, lower))
				return true;
	}
	return false;
}

enum mr_http_refusal
http_request_finish(struct mr_http_message *message, const struct mr_http_limits *limits,
		    const uint8_t *bytes)
{
	enum mr_http_refusal refusal = request_target(message, limits, bytes);

	if (refusal == MR_HTTP_REFUSED_NOT)
		refusal = request_host(message, bytes);
	if (refusal == MR_HTTP_REFUSED_NOT)
		refusal = http_connection(message, bytes);
	if (refusal == MR_HTTP_REFUSED_NOT)
		refusal = request_framing(message, limits, bytes);
	if (refusal == MR_HTTP_REFUSED_NOT)
		refusal = request_expect(message, bytes);
	if (refusal != MR_HTTP_REFUSED_NOT)
		return refusal;
	if (message->known[MR_HTTP_FIELD_TE])
		message->te_trailers = request_lists(message, bytes, MR_HTTP_FIELD_TE, "trailers");
	if (message->upgrade)
		message->websocket =
			request_lists(message, bytes, MR_HTTP_FIELD_UPGRADE, "websocket");
	return MR_HTTP_REFUSED_NOT;
}
