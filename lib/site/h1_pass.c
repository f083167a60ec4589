/* SPDX-License-Identifier: Apache-2.0
 *
 * site/h1_pass - an origin's answer on its way to a client over HTTP/1.1.
 *
 * Octets of an answer are gathered in the server's `passing` within one event, so that a head and
 * its first content leave in one segment.
 *
 * Spec: RFC 9110 6.5 (trailers), 15.6 (502 to 504); RFC 9112 7.1, 8, 9.6.
 */
#include "h1_note.h"

enum {
	/* kept free for a chunk's size and end, trailers and the last chunk, so that they never
	 * lack room */
	END_ROOM = 8192,
};

static uint32_t
pass_room(void *context, uint32_t client)
{
	struct mr_site_server *self = context;
	const struct mr_tcp *tcp = self->proxy->tcp;
	uint32_t used = mr_tcp_queued(tcp, client) + self->passing_bytes + END_ROOM;
	uint32_t room = mr_tcp_room(tcp, client), limit = self->proxy->config.buffer_bytes;

	if (used >= limit || room <= self->passing_bytes + END_ROOM)
		return 0;
	return MR_MIN(limit - used, room - self->passing_bytes - END_ROOM);
}

void
note_log(struct run *run, const struct note *note)
{
	struct mr_site_server *self = run->self;
	struct mr_site_access_entry entry = { .parsed = true, .version_minor = note->minor };
	uint64_t spent_ns = self->now_ns - note->began_ns;
	const uint8_t *at = note_id(note);

	if (!note->status)
		return;
	run->status = note->status;
	run->sent_bytes = note->sent_bytes;
	run->head_bytes = note->head_bytes;
	if (self->pages)
		h1_count(run, note->page, spent_ns);
	if (!note->logged || !self->access)
		return;
	run->view.flow.remote = note->client;
	run->view.flow.remote_port = note->client_port;
	for (size_t i = 0; i < MR_SITE_ACCESS_TEXT_COUNT; i++) {
		unsigned which = note_order[i];

		entry.texts[which].bytes = at;
		entry.texts[which].byte_count = note->log_bytes[which];
		at += note->log_bytes[which];
	}
	h1_log_post(run, &entry, spent_ns);
}

/* pass_flush sends what was gathered; false: the connection was aborted. */
static bool
pass_flush(struct run *run)
{
	struct mr_site_server *self = run->self;
	uint32_t count = self->passing_bytes;

	self->passing_bytes = 0;
	return !count || h1_send(run, self->passing, count);
}

static bool
pass_bytes(struct run *run, const uint8_t *bytes, uint32_t count)
{
	struct mr_site_server *self = run->self;

	if (self->passing_bytes + count > H1_PASSING_BYTES && !pass_flush(run))
		return false;
	if (!self->passing_bytes && count > H1_PASSING_BYTES / 8)
		return h1_send(run, bytes, count); /* one copy is enough */
	memcpy(self->passing + self->passing_bytes, bytes, count);
	self->passing_bytes += count;
	return true;
}

/* head_edit takes the fields away that the route's edits remove or replace. */
static void
head_edit(const struct note *note, struct mr_http_message *message, const uint8_t *bytes,
	  struct mr_http_forward *how)
{
	const uint8_t *at = note->text + note->extra_bytes;
	const uint8_t *end = at + note->removed_bytes;

	while (at < end) { /* at most MR_SITE_EDIT_MAX */
		const uint8_t *line = memchr(at, '\n', (size_t)(end - at));
		size_t name_bytes = (size_t)(line - at);
		enum mr_http_field_id id = mr_http_field_find(at, name_bytes, name_bytes);

		if (id != MR_HTTP_FIELD_OTHER)
			mr_http_field_set_add(&how->drop, id);
		for (unsigned i = 0; id == MR_HTTP_FIELD_OTHER && i < message->field_count; i++)
			if (message->fields[i].name_bytes == name_bytes &&
			    !strncasecmp((const char *)bytes + message->fields[i].name_at,
					 (const char *)at, name_bytes))
				message->hop_other[i / 64] |= 1ull << (i % 64);
		at = line + 1;
	}
}

static bool
pass_head(void *context, uint32_t client, struct mr_http_message *message, const uint8_t *bytes,
	  struct mr_http_forward *how, bool whole)
{
	struct mr_site_server *self = context;
	struct run run = h1_run(self, self->proxy->tcp, client);
	struct note *note = note_at(&run);
	uint16_t id_bytes = note->log_bytes[MR_SITE_ACCESS_ID];
	bool final = message->status >= 200;
	struct mr_writer out = mr_writer_over(self->passing + self->passing_bytes,
					      H1_PASSING_BYTES - self->passing_bytes);
	enum mr_http_framing framing;

	self->tally[MR_SITE_status_1xx + MR_MIN(message->status / 100 - 1, 4)]++;
	if (final) {
		note->close |= !whole;
		how->close = note->close;
		how->date = (const char *)self->clock.date;
		if (id_bytes)
			mr_http_field_set_add(&how->drop, MR_HTTP_FIELD_X_REQUEST_ID);
		head_edit(note, message, bytes, how);
	}
	framing = mr_http_write_response(&out, message, bytes, how);
	if (final && !out.failed) { /* ours stand before the empty line */
		out.at -= 2;
		mr_writer_bytes(&out, note->text, note->extra_bytes);
		if (id_bytes)
			mr_http_put_field(&out, MR_HTTP_FIELD_X_REQUEST_ID, note_id(note),
					  id_bytes);
		mr_http_put_end(&out);
	}
	if (mr_unlikely(out.failed)) { /* longer than any that we write */
		self->passing_bytes = 0;
		h1_abort(&run, MR_SITE_no_memory);
		return false;
	}
	note->head_bytes += (uint32_t)(out.at - self->passing) - self->passing_bytes;
	note->sent_bytes += (uint32_t)(out.at - self->passing) - self->passing_bytes;
	self->passing_bytes = (uint32_t)(out.at - self->passing);
	note->status = message->status;
	if (final || framing == MR_HTTP_TUNNEL) {
		note->answered = true;
		note->framing = (uint8_t)framing;
		note->close |= framing == MR_HTTP_CLOSE;
	}
	return true;
}

static bool
pass_data(void *context, uint32_t client, const uint8_t *bytes, uint32_t count)
{
	struct mr_site_server *self = context;
	struct run run = h1_run(self, self->proxy->tcp, client);
	uint8_t around[MR_HTTP_CHUNK_OPEN_BYTES];
	struct mr_writer out = mr_writer_over(around, sizeof(around));
	struct note *note = note_at(&run);

	note->sent_bytes += count;
	if (note->framing != MR_HTTP_CHUNKED)
		return pass_bytes(&run, bytes, count);
	mr_http_chunk_open(&out, count);
	return pass_bytes(&run, around, (uint32_t)(out.at - around)) &&
	       pass_bytes(&run, bytes, count) && pass_bytes(&run, (const uint8_t *)"\r\n", 2);
}

static bool
pass_flushed(void *context, uint32_t client)
{
	struct mr_site_server *self = context;
	struct run run = h1_run(self, self->proxy->tcp, client);

	return pass_flush(&run);
}

/* pass_over: the answer is out, and the exchange is gone; the connection goes on, or not. */
static void
pass_over(struct run *run, bool fin)
{
	if (run->ended)
		return;
	if (fin) { /* the client has closed its side already */
		h1_run_end(run);
		mr_tcp_close(run->tcp, run->conn);
		return;
	}
	if (run->close) {
		h1_finish(run);
		h1_run_end(run);
		mr_tcp_resume(run->tcp, run->conn); /* what waits is read and dropped */
		return;
	}
	mr_tcp_deadline(run->tcp, run->conn, run->self->config.idle_ms);
	h1_run_end(run);
	mr_tcp_resume(run->tcp, run->conn); /* the next request may be there */
}

/* tunnel_end: the origin's side is closed. */
static void
tunnel_end(struct run *run, struct note *note)
{
	bool both = note->fin;

	note->origin_fin = true;
	if (!pass_flush(run))
		return;
	if (!both) {
		mr_tcp_shutdown(run->tcp, run->conn);
		return;
	}
	h1_proxy_leave(run);
	h1_run_end(run);
	mr_tcp_close(run->tcp, run->conn);
}

static void
pass_end(void *context, uint32_t client, const struct mr_http_message *trailers,
	 const uint8_t *bytes)
{
	struct mr_site_server *self = context;
	struct run run = h1_run(self, self->proxy->tcp, client);
	struct note *note = note_at(&run);
	struct mr_writer out;
	bool fin = note->fin;

	if (note->framing == MR_HTTP_TUNNEL) {
		tunnel_end(&run, note);
		return;
	}
	run.close = note->close;
	if (note->framing == MR_HTTP_CHUNKED) {
		if (self->passing_bytes + END_ROOM > H1_PASSING_BYTES && !pass_flush(&run))
			return;
		out = mr_writer_over(self->passing + self->passing_bytes,
				     H1_PASSING_BYTES - self->passing_bytes);
		mr_http_chunk_last(&out);
		if (trailers)
			mr_http_write_trailers(&out, trailers, bytes);
		else
			mr_http_put_end(&out);
		MR_ASSERT_SLOW(!out.failed);
		self->passing_bytes = (uint32_t)(out.at - self->passing);
	}
	note_log(&run, note);
	note_forget(&run);
	if (pass_flush(&run))
		pass_over(&run, fin);
}

/* site_of gives the site that was asked, or NULL when a reload has put it elsewhere. */
static const struct site *
site_of(const struct mr_site_set *sites, const struct note *note)
{
	const struct site *site = &sites->sites[note->site];

	return note->site < sites->site_count && note_site_hash(site) == note->site_hash ? site
											 : NULL;
}

static void
pass_fail(void *context, uint32_t client, uint16_t status)
{
	struct mr_site_server *self = context;
	struct run run = h1_run(self, self->proxy->tcp, client);
	struct note *note = note_at(&run);
	struct mr_http_message message = { .method = note->head ? MR_HTTP_HEAD : MR_HTTP_GET,
					   .version_minor = note->minor };
	bool unread = note->held != 0, fin = note->fin;
	bool cut = !status && (note->framing == MR_HTTP_CLOSE || note->framing == MR_HTTP_TUNNEL);

	self->passing_bytes = status ? self->passing_bytes : 0;
	run.close = note->close || unread || !status;
	run.id_bytes = (uint8_t)note->log_bytes[MR_SITE_ACCESS_ID];
	run.id = run.id_bytes ? note_id(note) : NULL;
	if (!status)
		note_log(&run, note);
	note_forget(&run);
	if (!status)
		self->tally[MR_SITE_cut_short]++;
	if (cut || !self->sites) { /* only a reset says that this was not all */
		mr_tcp_app_word_set(run.tcp, run.conn, run.word);
		mr_tcp_abort(run.tcp, run.conn);
		return;
	}
	if (status && pass_flush(&run)) {
		h1_answer(&run, &message,
			  site_error(self->sites, site_of(self->sites, note),
				     site_error_of(status)));
		note->status = status;
		note->sent_bytes += run.sent_bytes;
		note->head_bytes += run.head_bytes;
		note_log(&run, note);
	}
	pass_over(&run, fin);
}

static void
pass_want(void *context, uint32_t client)
{
	const struct mr_site_server *self = context;

	mr_tcp_resume(self->proxy->tcp, client);
}

static const struct mr_proxy_client_ops pass_ops = {
	.room = pass_room,
	.head = pass_head,
	.data = pass_data,
	.flush = pass_flushed,
	.end = pass_end,
	.fail = pass_fail,
	.want = pass_want,
};

int
mr_site_server_proxy(struct mr_site_server *self, struct mr_proxy *proxy, struct mr_arena *arena,
		     struct mr_error *error)
{
	uint64_t offset;

	if (mr_arena_take(arena, H1_PASSING_BYTES, MR_CACHE_LINE, &offset))
		return mr_arena_shortage(arena, H1_PASSING_BYTES, error);
	self->passing = mr_arena_at(arena, offset);
	self->proxy = proxy;
	proxy->client = &pass_ops;
	proxy->client_context = self;
	return 0;
}
