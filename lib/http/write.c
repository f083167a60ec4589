/* SPDX-License-Identifier: Apache-2.0
 *
 * http/write - see write.h.
 */
#include "http_int.h"

enum { WRITE_NUMBER_BYTES = 20 };

static void
write_text(struct mr_writer *out, const char *text)
{
	mr_writer_bytes(out, text, strlen(text));
}

static void
write_span(struct mr_writer *out, const uint8_t *bytes, struct mr_http_span span)
{
	mr_writer_bytes(out, bytes + span.at, span.bytes);
}

void
mr_http_put(struct mr_writer *out, const void *name, size_t name_bytes, const void *value,
	    size_t value_bytes)
{
	uint8_t *at = mr_writer_reserve(out, name_bytes + value_bytes + 4);

	if (!at)
		return;
	memcpy(at, name, name_bytes);
	at += name_bytes;
	*at++ = ':';
	*at++ = ' ';
	memcpy(at, value, value_bytes);
	memcpy(at + value_bytes, "\r\n", 2);
}

void
mr_http_put_field(struct mr_writer *out, enum mr_http_field_id id, const void *value,
		  size_t value_bytes)
{
	mr_http_put(out, mr_http_field_name(id), mr_http_field_name_bytes(id), value, value_bytes);
}

void
mr_http_put_number(struct mr_writer *out, enum mr_http_field_id id, uint64_t value)
{
	char digits[WRITE_NUMBER_BYTES];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + value % 10);
	while (value /= 10);
	mr_http_put_field(out, id, digits + at, sizeof(digits) - at);
}

void
mr_http_put_end(struct mr_writer *out)
{
	mr_writer_bytes(out, "\r\n", 2);
}

static void
write_status_line(struct mr_writer *out, uint16_t status, const void *reason, size_t reason_bytes)
{
	char code[] = { 'H', 'T', 'T', 'P', '/', '1', '.', '1', ' ', '0', '0', '0', ' ' };

	MR_ASSERT(status >= 100 && status <= 999);
	code[9] = (char)('0' + status / 100);
	code[10] = (char)('0' + status / 10 % 10);
	code[11] = (char)('0' + status % 10);
	mr_writer_bytes(out, code, sizeof(code));
	mr_writer_bytes(out, reason, reason_bytes);
	mr_writer_bytes(out, "\r\n", 2);
}

void
mr_http_put_status(struct mr_writer *out, uint16_t status)
{
	const char *reason = mr_http_reason(status);

	write_status_line(out, status, reason, strlen(reason));
}

/* write_copies tells whether the field at index is copied as it came. */
static bool
write_copies(const struct mr_http_message *message, const struct mr_http_forward *how,
	     unsigned index)
{
	enum mr_http_field_id id = (enum mr_http_field_id)message->fields[index].id;

	if (id == MR_HTTP_FIELD_OTHER)
		return !(message->hop_other[index / 64] >> (index % 64) & 1);
	if (id == MR_HTTP_FIELD_HOST || id == MR_HTTP_FIELD_CONTENT_LENGTH)
		return false;
	if (id == MR_HTTP_FIELD_TRAILER && !how->trailers)
		return false;
	if (id == MR_HTTP_FIELD_EXPECT && !message->expect_continue)
		return false;
	return !(mr_http_field_flags(id) & FIELD_HOP) &&
	       !mr_http_field_set_has(&message->hop, id) && !mr_http_field_set_has(&how->drop, id);
}

static void
write_fields(struct mr_writer *out, const struct mr_http_message *message, const uint8_t *bytes,
	     const struct mr_http_forward *how)
{
	for (unsigned i = 0; i < message->field_count; i++) {
		const struct mr_http_field *field = &message->fields[i];

		if (write_copies(message, how, i))
			mr_http_put(out, bytes + field->name_at, field->name_bytes,
				    bytes + field->value_at, field->value_bytes);
	}
	if (how->via) {
		write_text(out, message->version_minor == 0 ? "via: 1.0 " : "via: 1.1 ");
		write_text(out, how->via);
		mr_http_put_end(out);
	}
	for (unsigned i = 0; i < how->extra_count; i++)
		mr_http_put(out, how->extras[i].name, how->extras[i].name_bytes,
			    how->extras[i].value, how->extras[i].value_bytes);
}

/* Connection and what it names, in one place. */
static void
write_connection(struct mr_writer *out, const char *first, bool close, bool te)
{
	if (!first && !close && !te)
		return;
	write_text(out, "connection: ");
	if (first)
		write_text(out, first);
	if (te)
		write_text(out, first ? ", te" : "te");
	if (close)
		write_text(out, first || te ? ", close" : "close");
	mr_http_put_end(out);
	if (te)
		write_text(out, "te: trailers\r\n");
}

static void
write_target(struct mr_writer *out, const struct mr_http_message *message, const uint8_t *bytes,
	     const struct mr_http_forward *how)
{
	if (how->target) {
		mr_writer_bytes(out, how->target, how->target_bytes);
	} else if (message->target_form == MR_HTTP_AUTHORITY_FORM) {
		write_span(out, bytes, message->target);
	} else if (message->path.bytes == 0 && !message->has_query &&
		   message->method == MR_HTTP_OPTIONS) {
		write_text(out, "*");
	} else {
		if (message->path.bytes == 0)
			write_text(out, "/");
		write_span(out, bytes, message->path);
		if (message->has_query) {
			write_text(out, "?");
			write_span(out, bytes, message->query);
		}
	}
}

enum mr_http_framing
mr_http_write_request(struct mr_writer *out, const struct mr_http_message *message,
		      const uint8_t *bytes, const struct mr_http_forward *how)
{
	bool upgrade = how->upgrade && message->websocket;

	MR_ASSERT(message->kind == MR_HTTP_REQUEST);
	if (!how->authority && message->authority.bytes == 0)
		out->failed = true;
	write_span(out, bytes, message->method_text);
	write_text(out, " ");
	write_target(out, message, bytes, how);
	write_text(out, " HTTP/1.1\r\n");
	if (how->authority)
		mr_http_put(out, "host", 4, how->authority, how->authority_bytes);
	else
		mr_http_put(out, "host", 4, bytes + message->authority.at,
			    message->authority.bytes);
	write_fields(out, message, bytes, how);
	if (message->framing == MR_HTTP_CHUNKED)
		write_text(out, "transfer-encoding: chunked\r\n");
	else if (message->length_given)
		mr_http_put_number(out, MR_HTTP_FIELD_CONTENT_LENGTH, message->content_length);
	write_connection(out, upgrade ? "upgrade" : NULL, how->close,
			 how->trailers && message->te_trailers);
	if (upgrade)
		write_text(out, "upgrade: websocket\r\n");
	mr_http_put_end(out);
	return (enum mr_http_framing)message->framing;
}

/* What the content of a response is sent as (RFC 9112 6.1, 6.3). */
static enum mr_http_framing
write_response_framing(const struct mr_http_message *message, const struct mr_http_forward *how)
{
	switch ((enum mr_http_framing)message->framing) {
	case MR_HTTP_CHUNKED:
	case MR_HTTP_CLOSE:
		return how->client_minor == 0 ? MR_HTTP_CLOSE : MR_HTTP_CHUNKED;
	case MR_HTTP_NO_BODY:
	case MR_HTTP_LENGTH:
	case MR_HTTP_TUNNEL:
		break;
	}
	return (enum mr_http_framing)message->framing;
}

enum mr_http_framing
mr_http_write_response(struct mr_writer *out, const struct mr_http_message *message,
		       const uint8_t *bytes, const struct mr_http_forward *how)
{
	enum mr_http_framing framing = write_response_framing(message, how);
	bool bodiless = message->status < 200 || message->status == 204;
	bool close = (how->close || framing == MR_HTTP_CLOSE) && message->status >= 200;
	const struct mr_http_field *upgrade = mr_http_first(message, MR_HTTP_FIELD_UPGRADE);
	const char *first = NULL;

	MR_ASSERT(message->kind == MR_HTTP_RESPONSE);
	if (message->reason.bytes > 0)
		write_status_line(out, message->status, bytes + message->reason.at,
				  message->reason.bytes);
	else
		mr_http_put_status(out, message->status);
	write_fields(out, message, bytes, how);
	if (how->date && !mr_http_first(message, MR_HTTP_FIELD_DATE))
		mr_http_put_field(out, MR_HTTP_FIELD_DATE, how->date, MR_HTTP_DATE_BYTES);
	if (framing == MR_HTTP_CHUNKED)
		write_text(out, "transfer-encoding: chunked\r\n");
	else if (message->length_given && !bodiless && framing != MR_HTTP_TUNNEL)
		mr_http_put_number(out, MR_HTTP_FIELD_CONTENT_LENGTH, message->content_length);
	if (message->status == 101 && how->upgrade)
		first = "upgrade";
	else if (how->client_minor == 0 && !close && message->status >= 200)
		first = "keep-alive";
	write_connection(out, first, close, false);
	if (upgrade && (message->status == 426 || (message->status == 101 && how->upgrade)))
		mr_http_put_field(out, MR_HTTP_FIELD_UPGRADE, bytes + upgrade->value_at,
				  upgrade->value_bytes);
	mr_http_put_end(out);
	return framing;
}

void
mr_http_write_trailers(struct mr_writer *out, const struct mr_http_message *message,
		       const uint8_t *bytes)
{
	MR_ASSERT(message->kind == MR_HTTP_TRAILERS);
	for (unsigned i = 0; i < message->field_count; i++) {
		const struct mr_http_field *field = &message->fields[i];

		if (!(mr_http_field_flags((enum mr_http_field_id)field->id) & FIELD_NO_TRAILER))
			mr_http_put(out, bytes + field->name_at, field->name_bytes,
				    bytes + field->value_at, field->value_bytes);
	}
	mr_http_put_end(out);
}
