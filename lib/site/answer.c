/* SPDX-License-Identifier: Apache-2.0
 *
 * site/answer - answers whose bytes are known when the configuration is.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "site_int.h"

static const uint16_t error_statuses[SITE_ERRORS] = { 400, 404, 405, 408, 413, 414, 417, 421,
						      429, 431, 500, 501, 502, 503, 504, 505 };

uint16_t
site_error_status(enum site_error error)
{
	return error_statuses[error];
}

enum site_error
site_error_of(uint16_t status)
{
	for (int i = 0; i < SITE_ERRORS; i++)
		if (error_statuses[i] == status)
			return (enum site_error)i;
	return SITE_400;
}

/* edited says whether a field of ours is replaced or taken away. */
static bool
edited(const char *name, const struct mr_site_edit *edits, size_t edit_count)
{
	for (size_t i = 0; i < edit_count; i++)
		if (edits[i].kind != MR_SITE_EDIT_ADD && !strcasecmp(edits[i].name, name))
			return true;
	return false;
}

/* superseded says whether a later edit takes edit's field away again. */
static bool
superseded(const struct mr_site_edit *edit, const struct mr_site_edit *end)
{
	return edited(edit->name, edit + 1, (size_t)(end - edit - 1));
}

static void
put(struct mr_writer *out, const char *name, const char *value, const struct mr_site_edit *edits,
    size_t edit_count)
{
	if (value && !edited(name, edits, edit_count))
		mr_http_put(out, name, strlen(name), value, strlen(value));
}

void
site_edits_put(struct mr_writer *out, const struct mr_site_edit *edits, size_t edit_count)
{
	for (size_t i = 0; i < edit_count; i++)
		if (edits[i].kind != MR_SITE_EDIT_REMOVE &&
		    !superseded(&edits[i], edits + edit_count))
			mr_http_put(out, edits[i].name, strlen(edits[i].name),
				    edits[i].value ? edits[i].value : "",
				    edits[i].value ? strlen(edits[i].value) : 0);
}

void
site_answer_make(struct site_memory *memory, struct site_answer *out, uint16_t status,
		 const char *type, const void *body, size_t body_bytes, const char *location,
		 const struct mr_site_edit *edits, size_t edit_count)
{
	uint8_t room[MR_SITE_HEAD_BYTES];
	struct mr_writer writer = mr_writer_over(room, sizeof(room));
	char length[24];

	mr_http_put_status(&writer, status);
	put(&writer, "Server", "millrace", edits, edit_count);
	put(&writer, "Content-Type", body_bytes ? type : NULL, edits, edit_count);
	put(&writer, "Location", location, edits, edit_count);
	site_edits_put(&writer, edits, edit_count);
	/* RFC 9110 8.6: not in 204; RFC 9110 15.4.5: a 304 has none of ours */
	if (status != 204 && status != 304) {
		snprintf(length, sizeof(length), "%zu", body_bytes);
		mr_http_put(&writer, "Content-Length", 14, length, strlen(length));
	}
	memory->failed |= writer.failed;
	out->status = status;
	out->head = site_text_copy(memory, room, (size_t)(writer.at - room));
	out->body = site_text_copy(memory, body, body_bytes);
}
