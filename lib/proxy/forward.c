/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy/forward - a request as an origin gets it: made afresh, with what is told of its client.
 *
 * Spec: RFC 9110 7.6; RFC 7239 4 to 6 (Forwarded: a node is an address, IPv6 in brackets and
 * quoted).
 */
#include "proxy_int.h"

#include <stdio.h>

enum {
	FORWARD_FIELDS = 6,
	FORWARD_BYTES = MR_PROXY_HEAD_BYTES, /* of scratch */
	FORWARD_CHAIN_MAX = 4096,            /* of a chain of proxies that is passed on */
};

struct forward {
	struct mr_http_extra extras[FORWARD_FIELDS];
	uint16_t count;
	struct mr_writer text; /* the values */
};

uint64_t
proxy_forward_key(const struct mr_upstream *group, const struct mr_proxy_request *request)
{
	const struct mr_http_message *message = request->message;
	const char *name = group->config->key_header;

	switch ((enum mr_upstream_key)group->config->key) {
	case MR_UPSTREAM_KEY_CLIENT:
		return mr_upstream_hash(&request->client, sizeof(request->client));
	case MR_UPSTREAM_KEY_HEADER:
		for (unsigned i = 0; name && i < message->field_count; i++) {
			const struct mr_http_field *field = &message->fields[i];

			if (strlen(name) == field->name_bytes &&
			    !strncasecmp(name, (const char *)request->bytes + field->name_at,
					 field->name_bytes))
				return mr_upstream_hash(request->bytes + field->value_at,
							field->value_bytes);
		}
		break; /* not there: as by URL */
	case MR_UPSTREAM_KEY_URL:
		break;
	}
	return mr_upstream_hash(request->target, request->target_bytes);
}

/* ---- what is told of the client ---- */

static void
text_addr(struct mr_writer *out, const struct mr_addr *addr, bool bracketed)
{
	char text[MR_ADDR_TEXT_BYTES];

	mr_addr_format(addr, text);
	bracketed = bracketed && !mr_addr_is_v4(addr);
	if (bracketed)
		mr_writer_u8(out, '[');
	mr_writer_bytes(out, text, strlen(text));
	if (bracketed)
		mr_writer_u8(out, ']');
}

static void
text_put(struct mr_writer *out, const char *text)
{
	mr_writer_bytes(out, text, strlen(text));
}

/* chain_put begins a value with those that came, joined by commas (RFC 9110 5.3), for ours to
 * follow. */
static void
chain_put(struct mr_writer *out, const struct mr_proxy_request *request, enum mr_http_field_id id)
{
	const struct mr_http_field *field = mr_http_first(request->message, id);
	uint32_t left = FORWARD_CHAIN_MAX;

	for (; field; field = mr_http_next(request->message, field)) { /* at most FIELDS_MAX */
		if (!field->value_bytes || field->value_bytes > left)
			continue;
		left -= field->value_bytes;
		mr_writer_bytes(out, request->bytes + field->value_at, field->value_bytes);
		text_put(out, ", ");
	}
}

static void
extra_add(struct forward *self, const char *name, const uint8_t *value)
{
	self->extras[self->count++] =
		(struct mr_http_extra){ .name = name,
					.name_bytes = (uint16_t)strlen(name),
					.value = (const char *)value,
					.value_bytes = (uint16_t)(self->text.at - value) };
}

/* Forwarded: for=…;host="…";proto=http (RFC 7239 4); host is a token or quoted. */
static void
forwarded_put(struct mr_writer *out, const struct mr_proxy_request *request)
{
	const struct mr_http_message *message = request->message;
	bool v4 = mr_addr_is_v4(&request->client);

	text_put(out, v4 ? "for=" : "for=\"");
	text_addr(out, &request->client, true);
	if (!v4)
		mr_writer_u8(out, '"');
	if (message->authority.bytes) {
		text_put(out, ";host=\"");
		mr_writer_bytes(out, request->bytes + message->authority.at,
				message->authority.bytes);
		mr_writer_u8(out, '"');
	}
	text_put(out, request->https ? ";proto=https" : ";proto=http");
}

static void
forward_client(const struct mr_proxy *self, struct forward *forward,
	       const struct mr_proxy_request *request, struct mr_http_forward *how)
{
	static const enum mr_http_field_id ours[] = {
		MR_HTTP_FIELD_FORWARDED,        MR_HTTP_FIELD_X_FORWARDED_FOR,
		MR_HTTP_FIELD_X_FORWARDED_HOST, MR_HTTP_FIELD_X_FORWARDED_PROTO,
		MR_HTTP_FIELD_X_FORWARDED_PORT, MR_HTTP_FIELD_X_REAL_IP,
	};
	const struct mr_http_message *message = request->message;
	bool append = self->config.forwarded == MR_PROXY_FORWARDED_APPEND;
	struct mr_writer *out = &forward->text;
	const uint8_t *value = out->at;

	if (self->config.forwarded == MR_PROXY_FORWARDED_OFF)
		return;
	for (size_t i = 0; i < MR_ARRAY_COUNT(ours); i++)
		if (!append || i < 2)
			mr_http_field_set_add(&how->drop, ours[i]);
	if (append)
		chain_put(out, request, MR_HTTP_FIELD_FORWARDED);
	forwarded_put(out, request);
	extra_add(forward, "forwarded", value);
	value = out->at;
	if (append)
		chain_put(out, request, MR_HTTP_FIELD_X_FORWARDED_FOR);
	text_addr(out, &request->client, false);
	extra_add(forward, "x-forwarded-for", value);
	value = out->at;
	/* what a proxy before us said of the first request stays */
	if (!append || !mr_http_first(message, MR_HTTP_FIELD_X_FORWARDED_PROTO)) {
		text_put(out, request->https ? "https" : "http");
		extra_add(forward, "x-forwarded-proto", value);
		value = out->at;
	}
	if (message->authority.bytes &&
	    (!append || !mr_http_first(message, MR_HTTP_FIELD_X_FORWARDED_HOST))) {
		mr_writer_bytes(out, request->bytes + message->authority.at,
				message->authority.bytes);
		extra_add(forward, "x-forwarded-host", value);
	}
}

/* ---- the head ---- */

/* local_authority stands for Host where an HTTP/1.0 client sends none: the address it came to. */
static void
local_authority(const struct mr_proxy_request *request, struct forward *forward,
		struct mr_http_forward *how)
{
	struct mr_writer *out = &forward->text;
	char port[8];

	how->authority = out->at;
	text_addr(out, &request->local, true);
	if (request->local_port != 80) {
		snprintf(port, sizeof(port), ":%u", request->local_port);
		text_put(out, port);
	}
	how->authority_bytes = (uint16_t)(out->at - how->authority);
}

/* announce_put says whose connection this is, before the request (the PROXY protocol). */
static void
announce_put(struct mr_writer *out, enum mr_upstream_announce announce,
	     const struct mr_proxy_request *request)
{
	const struct mr_proxy_header header = { .source = request->client,
						.destination = request->local,
						.source_port = request->client_port,
						.destination_port = request->local_port };

	switch (announce) {
	case MR_UPSTREAM_ANNOUNCE_NO:
		break;
	case MR_UPSTREAM_ANNOUNCE_V1:
		mr_proxy_header_write_v1(out, &header);
		break;
	case MR_UPSTREAM_ANNOUNCE_V2:
		mr_proxy_header_write_v2(out, &header);
		break;
	}
}

uint16_t
proxy_forward_write(struct mr_proxy *self, struct proxy_exchange *exchange,
		    const struct mr_upstream *group, const struct mr_proxy_request *request)
{
	const enum mr_upstream_announce announce =
		(enum mr_upstream_announce)group->config->announce;
	const struct mr_http_message *message = request->message;
	struct forward forward = { .text = mr_writer_over(self->scratch, FORWARD_BYTES) };
	struct mr_http_forward how = { .target = request->target,
				       .target_bytes = request->target_bytes,
				       .via = self->config.name,
				       .upgrade = true,
				       .trailers = true };
	struct mr_writer out;
	const uint8_t *work, *head;

	exchange->announced = announce != MR_UPSTREAM_ANNOUNCE_NO;
	forward_client(self, &forward, request, &how);
	if (request->id) {
		mr_http_field_set_add(&how.drop, MR_HTTP_FIELD_X_REQUEST_ID);
		forward.extras[forward.count++] =
			(struct mr_http_extra){ .name = "x-request-id",
						.name_bytes = 12,
						.value = (const char *)request->id,
						.value_bytes = request->id_bytes };
	}
	if (!message->authority.bytes)
		local_authority(request, &forward, &how);
	how.extras = forward.extras;
	how.extra_count = forward.count;
	if (forward.text.failed) {
		self->tally[MR_PROXY_head_long]++;
		return 431;
	}
	for (;;) { /* at most twice */
		work = proxy_work(self, exchange);
		out = mr_writer_over(proxy_work(self, exchange), proxy_work_room(exchange));
		announce_put(&out, announce, request);
		head = out.at;
		exchange->request_framing =
			(uint8_t)mr_http_write_request(&out, message, request->bytes, &how);
		if (!out.failed)
			break;
		if (exchange->large) {
			self->tally[MR_PROXY_head_long]++;
			return 431;
		}
		if (!proxy_work_grow(self, exchange))
			return 503;
	}
	exchange->work_bytes = (uint32_t)(out.at - work);
	/* "METHOD TARGET HTTP/1.1\r\nhost: " */
	exchange->host_at = (uint16_t)(head - work + message->method_text.bytes + 1 +
				       request->target_bytes + 11 + 6);
	exchange->host_bytes = how.authority ? how.authority_bytes : message->authority.bytes;
	return 0;
}

bool
proxy_forward_host(struct mr_proxy *self, struct proxy_exchange *exchange, const char *host,
		   size_t host_bytes)
{
	uint32_t rest = exchange->host_at + exchange->host_bytes, longer;
	uint8_t *work;

	longer = exchange->work_bytes - exchange->host_bytes + (uint32_t)host_bytes;
	if (longer > proxy_work_room(exchange) &&
	    (exchange->large || !proxy_work_grow(self, exchange)))
		return false;
	work = proxy_work(self, exchange);
	memmove(work + exchange->host_at + host_bytes, work + rest, exchange->work_bytes - rest);
	memcpy(work + exchange->host_at, host, host_bytes);
	exchange->host_bytes = (uint16_t)host_bytes;
	exchange->work_bytes = longer;
	return true;
}
