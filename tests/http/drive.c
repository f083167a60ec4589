/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/http/drive - see drive.h. Uses MR_ASSERT, so that fuzz targets can share it.
 */
#include <stdlib.h>

#include "drive.h"

/* What has come so far, in a block that ends where the bytes end: reading on is seen. */
static uint8_t *
drive_copy(const void *bytes, size_t byte_count)
{
	uint8_t *copy = malloc(byte_count ? byte_count : 1);

	MR_ASSERT(copy);
	memcpy(copy, bytes, byte_count);
	return copy;
}

static size_t
drive_next(size_t at, size_t byte_count, size_t step_bytes, size_t cut_at)
{
	size_t next = step_bytes ? at + step_bytes : byte_count;

	if (at < cut_at && next > cut_at)
		next = cut_at;
	return MR_MIN(next, byte_count);
}

static void
drive_body(struct drive_result *result, const struct mr_http_limits *limits, const uint8_t *bytes,
	   size_t byte_count, size_t step_bytes, size_t cut_at, bool ended)
{
	struct mr_http_body body;
	struct mr_http_piece piece;
	size_t at = result->message.head_bytes, end = at;

	mr_http_body_init(&body, &result->message, limits);
	for (;;) {
		uint8_t *copy = drive_copy(bytes + at, end - at);

		result->verdict = mr_http_body_feed(&body, copy, end - at, &piece);
		MR_ASSERT(piece.used_bytes <= end - at);
		MR_ASSERT(result->verdict != MR_HTTP_MORE || piece.used_bytes > 0 || end == at);
		MR_ASSERT(piece.data_at + piece.data_bytes <= piece.used_bytes &&
			  piece.trailer_at + piece.trailer_bytes <= piece.used_bytes);
		memcpy(result->data + result->data_bytes, copy + piece.data_at, piece.data_bytes);
		memcpy(result->trailers + result->trailer_bytes, copy + piece.trailer_at,
		       piece.trailer_bytes);
		result->data_bytes += piece.data_bytes;
		result->trailer_bytes += piece.trailer_bytes;
		free(copy);
		at += piece.used_bytes;
		if (result->verdict != MR_HTTP_MORE)
			break;
		if (at == end && end == byte_count) {
			if (ended)
				result->verdict = mr_http_body_end(&body);
			break;
		}
		end = at == end ? drive_next(end, byte_count, step_bytes, cut_at) : end;
	}
	MR_ASSERT(mr_http_body_is_done(&body) == (result->verdict == MR_HTTP_DONE));
	result->refusal = body.refusal;
	result->used_bytes = at;
}

void
drive(struct drive_result *result, enum mr_http_kind kind, enum mr_http_method method,
      const struct mr_http_limits *limits, const void *bytes, size_t byte_count, size_t step_bytes,
      size_t cut_at, bool ended)
{
	struct mr_http_head head;
	size_t end = 0;

	MR_ASSERT(byte_count <= DRIVE_BYTES);
	memset(result, 0, offsetof(struct drive_result, data));
	if (kind == MR_HTTP_REQUEST)
		mr_http_head_request(&head);
	else if (kind == MR_HTTP_RESPONSE)
		mr_http_head_response(&head, method);
	else
		mr_http_head_trailers(&head);
	do {
		uint8_t *copy;

		end = drive_next(end, byte_count, step_bytes, cut_at);
		copy = drive_copy(bytes, end);
		result->verdict = mr_http_head_parse(&head, &result->message, limits, copy, end);
		MR_ASSERT(head.at <= end);
		free(copy);
	} while (result->verdict == MR_HTTP_MORE && end < byte_count);
	result->refusal = result->message.refusal;
	MR_ASSERT((result->verdict == MR_HTTP_REFUSED) == (result->refusal != 0));
	result->used_bytes = result->message.head_bytes;
	if (result->verdict == MR_HTTP_DONE && result->message.framing != MR_HTTP_TUNNEL)
		drive_body(result, limits, bytes, byte_count, step_bytes, cut_at, ended);
}

void
drive_same(const struct drive_result *a, const struct drive_result *b)
{
	MR_ASSERT(a->verdict == b->verdict && a->refusal == b->refusal);
	if (a->verdict == MR_HTTP_REFUSED)
		return;
	MR_ASSERT(a->used_bytes == b->used_bytes);
	MR_ASSERT(memcmp(&a->message, &b->message, offsetof(struct mr_http_message, fields)) == 0);
	MR_ASSERT(memcmp(a->message.fields, b->message.fields,
			 a->message.field_count * sizeof(a->message.fields[0])) == 0);
	MR_ASSERT(a->data_bytes == b->data_bytes && a->trailer_bytes == b->trailer_bytes);
	MR_ASSERT(memcmp(a->data, b->data, a->data_bytes) == 0);
	MR_ASSERT(memcmp(a->trailers, b->trailers, a->trailer_bytes) == 0);
}

static bool
drive_same_span(const uint8_t *bytes_a, struct mr_http_span a, const uint8_t *bytes_b,
		struct mr_http_span b)
{
	return a.bytes == b.bytes && memcmp(bytes_a + a.at, bytes_b + b.at, a.bytes) == 0;
}

/* The fields that pass on a message as they are. */
static bool
drive_passes(const struct mr_http_message *message, unsigned i)
{
	enum mr_http_field_id id = (enum mr_http_field_id)message->fields[i].id;

	if (id == MR_HTTP_FIELD_OTHER)
		return !(message->hop_other[i / 64] >> (i % 64) & 1);
	return id != MR_HTTP_FIELD_HOST && id != MR_HTTP_FIELD_CONTENT_LENGTH &&
	       id != MR_HTTP_FIELD_TRAILER && id != MR_HTTP_FIELD_EXPECT &&
	       !(mr_http_field_flags(id) & FIELD_HOP) && !mr_http_field_set_has(&message->hop, id);
}

void
drive_same_message(const struct mr_http_message *a, const uint8_t *bytes_a,
		   const struct mr_http_message *b, const uint8_t *bytes_b)
{
	unsigned i = 0, k = 0;

	MR_ASSERT(a->kind == b->kind && a->method == b->method && a->status == b->status &&
		  a->framing == b->framing && a->port == b->port && a->has_query == b->has_query &&
		  a->expect_continue == b->expect_continue);
	MR_ASSERT(a->framing != MR_HTTP_LENGTH || a->content_length == b->content_length);
	MR_ASSERT(drive_same_span(bytes_a, a->method_text, bytes_b, b->method_text));
	MR_ASSERT(drive_same_span(bytes_a, a->query, bytes_b, b->query));
	MR_ASSERT(drive_same_span(bytes_a, a->authority, bytes_b, b->authority));
	MR_ASSERT(drive_same_span(bytes_a, a->host, bytes_b, b->host));
	MR_ASSERT(drive_same_span(bytes_a, a->path, bytes_b, b->path) ||
		  (a->path.bytes == 0 && b->path.bytes == 1 && bytes_b[b->path.at] == '/'));
	for (;;) {
		while (i < a->field_count && !drive_passes(a, i))
			i++;
		while (k < b->field_count && !drive_passes(b, k))
			k++;
		if (i == a->field_count || k == b->field_count)
			break;
		const struct mr_http_field *f = &a->fields[i++], *g = &b->fields[k++];

		MR_ASSERT(f->id == g->id && f->name_bytes == g->name_bytes &&
			  f->value_bytes == g->value_bytes);
		MR_ASSERT(memcmp(bytes_a + f->name_at, bytes_b + g->name_at, f->name_bytes) == 0);
		MR_ASSERT(memcmp(bytes_a + f->value_at, bytes_b + g->value_at, f->value_bytes) ==
			  0);
	}
	MR_ASSERT(i == a->field_count && k == b->field_count);
}
