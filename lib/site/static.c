/* SPDX-License-Identifier: Apache-2.0
 *
 * site/static - answers from a root: which file, which form of it, which part.
 *
 * Spec: RFC 9110 8.4 (codings), 9.3.1, 9.3.2, 12.5.3, 13 (conditions), 14 (ranges), 15.4.5.
 */
#include <string.h>

#include "h1_int.h"
#include "tree.h"

enum { PART_HEAD_BYTES = 512, BOUNDARY_BYTES = sizeof(((struct mr_site_server *)0)->boundary) };

static struct mr_writer
answer_over(struct mr_site_server *self)
{
	return mr_writer_over(self->answer, H1_ANSWER_BYTES);
}

/* ---- heads ---- */

/* lines_put copies field lines, without those that the route's edits take away. */
static void
lines_put(struct mr_writer *out, const struct site_route *route, struct site_text lines)
{
	const uint8_t *at = lines.bytes, *end = at + lines.byte_count;

	if (mr_likely(!route->edited)) {
		mr_writer_bytes(out, at, lines.byte_count);
		return;
	}
	while (at < end) { /* a line each: at most TREE_LINES_MAX */
		const uint8_t *next = (const uint8_t *)memchr(at, '\n', (size_t)(end - at)) + 1;
		const uint8_t *colon = memchr(at, ':', (size_t)(next - at));

		if (!site_route_takes(route, at, (size_t)(colon - at)))
			mr_writer_bytes(out, at, (size_t)(next - at));
		at = next;
	}
}

/* head_put begins the head of any answer about object but 200; with_type as 15.4.5 and 15.5.17 want
 * it. */
static void
head_put(struct run *run, struct mr_writer *out, const struct site_route *route,
	 const struct site_object *object, uint16_t status, bool with_type)
{
	h1_status(run, status);
	mr_http_put_status(out, status);
	if (with_type)
		lines_put(out, route, object->type);
	lines_put(out, route, object->fields);
	mr_writer_bytes(out, route->extra.bytes, route->extra.byte_count);
}

static void
head_send(struct run *run, const struct request *request, struct mr_writer *out)
{
	h1_tail(run, out, request->message->version_minor);
	MR_ASSERT_SLOW(!out->failed);
	h1_send(run, run->self->answer, (uint32_t)(out->at - run->self->answer));
}

/* ---- the parts of a representation ---- */

static bool
body_send(struct run *run, const struct mr_site_tree *tree, const struct site_object *object,
	  uint64_t first, uint64_t byte_count)
{
	if (byte_count <= H1_SHORT_BODY_BYTES)
		return h1_send(run, site_tree_bytes(tree, object->offset + first),
			       (uint32_t)byte_count);
	return h1_send_ref(run, tree, object->offset + first, byte_count);
}

static void
whole_send(struct run *run, const struct request *request, const struct mr_site_tree *tree,
	   const struct site_object *object)
{
	struct mr_writer out = answer_over(run->self);
	bool wanted = request->message->method != MR_HTTP_HEAD && object->byte_count;
	bool together = wanted && object->byte_count <= H1_SHORT_BODY_BYTES;

	h1_status(run, 200);
	if (mr_likely(!request->route->edited)) {
		mr_writer_bytes(&out, object->head.bytes, object->head.byte_count);
	} else {
		mr_http_put_status(&out, 200);
		lines_put(&out, request->route, object->length);
		lines_put(&out, request->route, object->type);
		lines_put(&out, request->route, object->fields);
	}
	mr_writer_bytes(&out, request->route->extra.bytes, request->route->extra.byte_count);
	h1_tail(run, &out, request->message->version_minor);
	if (together)
		mr_writer_bytes(&out, site_tree_bytes(tree, object->offset), object->byte_count);
	MR_ASSERT_SLOW(!out.failed);
	if (h1_send(run, run->self->answer, (uint32_t)(out.at - run->self->answer)) && wanted &&
	    !together)
		h1_send_ref(run, tree, object->offset, object->byte_count);
}

static void
part_send(struct run *run, const struct request *request, const struct mr_site_tree *tree,
	  const struct site_object *object, const struct mr_http_range *range)
{
	struct mr_writer out = answer_over(run->self);
	uint64_t byte_count = range->last - range->first + 1;

	head_put(run, &out, request->route, object, 206, true);
	mr_http_put_content_range(&out, range, object->byte_count);
	mr_http_put_number(&out, MR_HTTP_FIELD_CONTENT_LENGTH, byte_count);
	head_send(run, request, &out);
	if (!run->ended && request->message->method != MR_HTTP_HEAD)
		body_send(run, tree, object, range->first, byte_count);
}

/* part_head writes what stands before one part of several (RFC 9110 14.6); range NULL: what ends
 * them. */
static size_t
part_head(const struct run *run, const struct site_object *object,
	  const struct mr_http_range *range, uint8_t room[PART_HEAD_BYTES])
{
	struct mr_writer out = mr_writer_over(room, PART_HEAD_BYTES);

	mr_writer_bytes(&out, "\r\n--", 4);
	mr_writer_bytes(&out, run->self->boundary, BOUNDARY_BYTES);
	if (range) {
		mr_writer_bytes(&out, "\r\n", 2);
		mr_writer_bytes(&out, object->type.bytes, object->type.byte_count);
		mr_http_put_content_range(&out, range, object->byte_count);
		mr_http_put_end(&out);
	} else {
		mr_writer_bytes(&out, "--\r\n", 4);
	}
	MR_ASSERT_SLOW(!out.failed);
	return (size_t)(out.at - room);
}

static void
parts_send(struct run *run, const struct request *request, const struct mr_site_tree *tree,
	   const struct site_object *object, const struct mr_http_range *ranges, unsigned count)
{
	static const char type[] = "multipart/byteranges; boundary=";
	char value[sizeof(type) - 1 + BOUNDARY_BYTES];
	struct mr_writer out = answer_over(run->self);
	uint8_t room[PART_HEAD_BYTES];
	uint64_t byte_count = part_head(run, object, NULL, room);

	for (unsigned i = 0; i < count; i++)
		byte_count += part_head(run, object, &ranges[i], room) + ranges[i].last -
			      ranges[i].first + 1;
	memcpy(value, type, sizeof(type) - 1);
	memcpy(value + sizeof(type) - 1, run->self->boundary, BOUNDARY_BYTES);
	head_put(run, &out, request->route, object, 206, false);
	mr_http_put_field(&out, MR_HTTP_FIELD_CONTENT_TYPE, value, sizeof(value));
	mr_http_put_number(&out, MR_HTTP_FIELD_CONTENT_LENGTH, byte_count);
	head_send(run, request, &out);
	if (request->message->method == MR_HTTP_HEAD)
		return;
	for (unsigned i = 0; i < count && !run->ended; i++) {
		size_t bytes = part_head(run, object, &ranges[i], room);

		if (h1_send(run, room, (uint32_t)bytes))
			body_send(run, tree, object, ranges[i].first,
				  ranges[i].last - ranges[i].first + 1);
	}
	if (!run->ended)
		h1_send(run, room, (uint32_t)part_head(run, object, NULL, room));
}

/* ---- which answer ---- */

static void
range_send(struct run *run, const struct request *request, const struct mr_site_tree *tree,
	   const struct site_object *object)
{
	const struct mr_http_field *field = mr_http_first(request->message, MR_HTTP_FIELD_RANGE);
	struct mr_http_range ranges[MR_HTTP_RANGES_MAX];
	struct mr_writer out = answer_over(run->self);
	unsigned count = 0;

	switch (mr_http_range(request->bytes + field->value_at, field->value_bytes,
			      object->byte_count, ranges, &count)) {
	case MR_HTTP_RANGE_WHOLE:
		whole_send(run, request, tree, object);
		break;
	case MR_HTTP_RANGE_PARTS:
		if (count == 1)
			part_send(run, request, tree, object, ranges);
		else
			parts_send(run, request, tree, object, ranges, count);
		break;
	case MR_HTTP_RANGE_BEYOND:
		head_put(run, &out, request->route, object, 416, false);
		mr_http_put_content_range(&out, NULL, object->byte_count);
		mr_http_put_number(&out, MR_HTTP_FIELD_CONTENT_LENGTH, 0);
		head_send(run, request, &out);
		break;
	}
}

static bool
conditional(const struct mr_http_message *message)
{
	return message->known[MR_HTTP_FIELD_IF_MATCH] |
	       message->known[MR_HTTP_FIELD_IF_NONE_MATCH] |
	       message->known[MR_HTTP_FIELD_IF_MODIFIED_SINCE] |
	       message->known[MR_HTTP_FIELD_IF_UNMODIFIED_SINCE];
}

static void
object_send(struct run *run, const struct request *request, const struct mr_site_tree *tree,
	    const struct site_object *object)
{
	const struct mr_http_message *message = request->message;
	const struct mr_http_validator validator = { .etag = object->etag,
						     .modified_s = object->modified_s,
						     .exists = true };
	int64_t now_s = run->self->clock.now_s;
	enum mr_http_condition condition = MR_HTTP_PROCEED;
	struct mr_writer out = answer_over(run->self);

	if (mr_unlikely(conditional(message)))
		condition = mr_http_condition(message, request->bytes, &validator, now_s);
	switch (condition) {
	case MR_HTTP_NOT_MODIFIED:
		head_put(run, &out, request->route, object, 304, false);
		head_send(run, request, &out);
		return;
	case MR_HTTP_PRECONDITION_FAILED:
		head_put(run, &out, request->route, object, 412, false);
		mr_http_put_number(&out, MR_HTTP_FIELD_CONTENT_LENGTH, 0);
		head_send(run, request, &out);
		return;
	case MR_HTTP_PROCEED:
		break;
	}
	if (mr_unlikely(message->known[MR_HTTP_FIELD_RANGE]) &&
	    mr_http_range_applies(message, request->bytes, &validator, now_s))
		range_send(run, request, tree, object);
	else
		whole_send(run, request, tree, object);
}

/* folder_send: a folder is asked for without its final slash. */
static void
folder_send(struct run *run, const struct request *request)
{
	const struct mr_http_message *message = request->message;
	uint8_t location[MR_SITE_PATH_BYTES];
	struct mr_writer to = mr_writer_over(location, sizeof(location));
	struct mr_writer out = answer_over(run->self);

	mr_writer_bytes(&to, request->path, request->path_bytes);
	mr_writer_bytes(&to, "/", 1);
	if (message->has_query) {
		mr_writer_bytes(&to, "?", 1);
		mr_writer_bytes(&to, request->bytes + message->query.at, message->query.bytes);
	}
	if (to.failed) {
		h1_answer(run, message, &run->self->sites->errors[SITE_414]);
		return;
	}
	h1_status(run, 301);
	mr_http_put_status(&out, 301);
	mr_http_put_field(&out, MR_HTTP_FIELD_LOCATION, location, (size_t)(to.at - location));
	mr_http_put_number(&out, MR_HTTP_FIELD_CONTENT_LENGTH, 0);
	mr_writer_bytes(&out, request->route->extra.bytes, request->route->extra.byte_count);
	head_send(run, request, &out);
}

/* file_find looks for what is left of the path when the route has cut and rewritten it. */
static const struct site_file *
file_find(const struct mr_site_server *self, const struct request *request,
	  const struct mr_site_tree *tree)
{
	const struct site_route *route = request->route;
	const uint8_t *rest = request->path + route->cut_bytes;
	size_t rest_bytes = request->path_bytes - route->cut_bytes;
	uint8_t *rewritten = self->path + MR_HTTP_PATH_ROOM(MR_HTTP_HEAD_BYTES_MAX) / 2;
	size_t bytes = route->rewrite.byte_count;

	if (mr_likely(!route->rewrite.bytes))
		return site_tree_find(tree, rest, rest_bytes);
	if (route->cut_all)
		rest_bytes = 0;
	if (bytes && rest_bytes && route->rewrite.bytes[bytes - 1] == '/' && rest[0] == '/')
		bytes--; /* one slash between the two */
	memcpy(rewritten, route->rewrite.bytes, bytes);
	memcpy(rewritten + bytes, rest, rest_bytes);
	return site_tree_find(tree, rewritten, bytes + rest_bytes);
}

void
h1_static(struct run *run, const struct request *request)
{
	const struct mr_site_server *self = run->self;
	const struct mr_http_message *message = request->message;
	const struct mr_site_tree *tree = self->roots[request->route->root];
	const struct site_file *file;
	int coding = MR_HTTP_IDENTITY;

	if (message->method != MR_HTTP_GET && message->method != MR_HTTP_HEAD) {
		h1_answer(run, message,
			  message->method == MR_HTTP_OPTIONS ? &self->sites->options_all
			  : message->method == MR_HTTP_METHOD_OTHER
				  ? site_error(self->sites, request->site, SITE_501)
				  : site_error(self->sites, request->site, SITE_405));
		return;
	}
	file = file_find(self, request, tree);
	if (mr_unlikely(!file)) {
		run->self->tally[MR_SITE_no_file]++;
		h1_answer(run, message, site_error(self->sites, request->site, SITE_404));
		return;
	}
	if (mr_unlikely(file->folder)) {
		folder_send(run, request);
		return;
	}
	if (file->available != 1u << MR_HTTP_IDENTITY)
		coding = mr_http_coding_choose(message, request->bytes, file->available);
	/* one who refuses even identity gets it all the same (RFC 9110 12.5.3) */
	object_send(run, request, tree, file->forms[coding < 0 ? MR_HTTP_IDENTITY : coding]);
}
