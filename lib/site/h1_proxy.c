/* SPDX-License-Identifier: Apache-2.0
 *
 * site/h1_proxy - requests that an origin answers: a client over HTTP/1.1, as lib/proxy sees one.
 *
 * While an exchange lasts, the word of the connection has WORD_PROXY and its handle; what else
 * is to be known of it is the exchange's note. Octets of an answer are gathered in the server's
 * `passing` within one event, so that a head and its first content leave in one segment.
 *
 * Spec: RFC 9110 6.5 (trailers), 9.3.2 (HEAD), 15.6 (502 to 504); RFC 9112 7.1, 8, 9.6.
 */
#include <string.h>

#include "h1_int.h"

enum {
	PASS_ROOM = 64, /* a chunk's size and end, and the last chunk */
	/* kept free for trailers and the end, so that they never lack room */
	END_ROOM = 8192,
};

/* What an exchange keeps for us. text: the id, lines that edits add, names that they remove. */
struct note {
	uint64_t began_ns, sent_bytes;
	uint32_t page; /* of the site */
	uint16_t status;
	uint32_t held; /* the request's exchange while its content comes, as in the word; 0: none */
	uint16_t extra_bytes, removed_bytes;
	uint8_t id_bytes;
	uint8_t minor;   /* of the client's version */
	uint8_t framing; /* of the answer to it */
	bool head;       /* HEAD: no content of ours either */
	bool close;      /* the connection ends with the answer */
	bool answered;   /* the head of the answer has gone */
	bool fin;        /* the client has closed its side */
	bool origin_fin; /* in a tunnel: the origin has */
	uint8_t text[];
};
static_assert(sizeof(struct note) + 64 + H1_PROXY_EDIT_BYTES <= MR_PROXY_NOTE_BYTES,
	      "all that may be noted has room");

static uint32_t
handle_of(const struct run *run)
{
	return (uint32_t)(run->word & WORD_HANDLE);
}

static struct note *
note_of(const struct run *run)
{
	return mr_proxy_note(run->self->proxy, handle_of(run));
}

/* held is the exchange of ours that has the decoder of the content. */
static struct h1_exchange *
held_at(const struct run *run, const struct note *note)
{
	return mr_pool_at(note->held & WORD_LARGE ? &run->self->larges : &run->self->exchanges,
			  note->held & (uint32_t)WORD_HANDLE);
}

static void
held_release(const struct run *run, struct note *note)
{
	if (note->held)
		mr_pool_put(note->held & WORD_LARGE ? &run->self->larges : &run->self->exchanges,
			    note->held & (uint32_t)WORD_HANDLE);
	note->held = 0;
}

/* forget: the exchange is, or will be, gone. */
static void
forget(struct run *run)
{
	held_release(run, note_of(run));
	run->word &= ~(WORD_EXCHANGE | WORD_PROXY);
}

void
h1_proxy_leave(struct run *run)
{
	uint32_t handle = handle_of(run);

	forget(run);
	mr_proxy_leave(run->self->proxy, handle);
}

/* ---- the request ---- */

/* target_make gives the path and query to ask for: the canonical path, rewritten. */
static const uint8_t *
target_make(const struct run *run, const struct request *request, uint16_t *bytes)
{
	const struct mr_http_message *message = request->message;
	const struct site_route *route = request->route;
	struct mr_writer out = mr_writer_over(run->self->passing, H1_PASSING_BYTES);
	size_t cut = route->rewrite.bytes ? route->cut_bytes : 0;
	const struct site_text *rewrite = &route->rewrite;
	size_t rewrite_bytes = rewrite->byte_count;

	MR_ASSERT_SLOW(!run->self->passing_bytes);
	if (mr_likely(message->path_plain && !rewrite->bytes)) {
		*bytes = (uint16_t)(message->path.bytes +
				    (message->has_query ? message->query.bytes + 1 : 0));
		return request->bytes + message->path.at;
	}
	if (route->cut_all)
		cut = request->path_bytes;
	/* "/b/" for "/a" of "/a/x" is "/b/x" */
	if (rewrite_bytes && rewrite->bytes[rewrite_bytes - 1] == '/' && cut < request->path_bytes)
		rewrite_bytes--;
	if (rewrite->bytes)
		mr_writer_bytes(&out, rewrite->bytes, rewrite_bytes);
	mr_writer_bytes(&out, request->path + cut, request->path_bytes - cut);
	if (message->has_query) {
		mr_writer_u8(&out, '?');
		mr_writer_bytes(&out, request->bytes + message->query.at, message->query.bytes);
	}
	MR_ASSERT_SLOW(!out.failed);
	*bytes = (uint16_t)(out.at - run->self->passing);
	return run->self->passing;
}

/* note_make writes what has to be known when the answer comes. */
static uint32_t
note_make(const struct run *run, const struct request *request, struct note *note)
{
	const struct site_route *route = request->route;
	uint8_t *at = note->text;

	*note = (struct note){
		.began_ns = run->self->now_ns,
		.page = request->site->page,
		.extra_bytes = (uint16_t)route->extra.byte_count,
		.removed_bytes = (uint16_t)route->removed.byte_count,
		.id_bytes = run->id ? run->id_bytes : 0,
		.minor = request->message->version_minor,
		.head = request->message->method == MR_HTTP_HEAD,
		.close = run->close,
	};
	if (note->id_bytes)
		memcpy(at, run->id, note->id_bytes);
	at += note->id_bytes;
	if (note->extra_bytes)
		memcpy(at, route->extra.bytes, note->extra_bytes);
	at += note->extra_bytes;
	if (note->removed_bytes)
		memcpy(at, route->removed.bytes, note->removed_bytes);
	return (uint32_t)(at + note->removed_bytes - (uint8_t *)note);
}

void
h1_proxy(struct run *run, const struct request *request)
{
	_Alignas(8) uint8_t bytes[MR_PROXY_NOTE_BYTES];
	struct note *note = (struct note *)(void *)bytes;
	struct mr_site_server *self = run->self;
	const struct mr_http_message *message = request->message;
	bool content = message->framing != MR_HTTP_NO_BODY;
	uint64_t held = run->word & WORD_EXCHANGE;
	struct mr_proxy_request to = { .message = message,
				       .bytes = request->bytes,
				       .group = request->route->upstream,
				       .id = run->id,
				       .id_bytes = run->id_bytes,
				       .note = note };
	uint16_t status = 503;
	uint32_t handle = 0;

	if (mr_likely(self->proxy != NULL)) {
		to.client = run->view.flow.remote;
		to.local = run->view.flow.local;
		to.client_port = run->view.flow.remote_port;
		to.local_port = run->view.flow.local_port;
		to.note_bytes = note_make(run, request, note);
		note->held = content ? (uint32_t)held : 0;
		to.target = target_make(run, request, &to.target_bytes);
		status = mr_proxy_begin(self->proxy, &to, run->conn, &handle);
	}
	if (mr_unlikely(status)) {
		run->close |= content; /* it was not read */
		h1_answer(run, message,
			  site_error(self->sites, request->site, site_error_of(status)));
		return;
	}
	if (content) { /* its exchange is the decoder's */
		run->word &= ~WORD_EXCHANGE;
		((struct h1_exchange *)held_at(run, note))->have_bytes = 0;
	} else {
		h1_release(run);
	}
	run->word = (run->word & ~WORD_PROGRESS) | handle | WORD_PROXY;
	mr_tcp_deadline(run->tcp, run->conn, self->config.idle_ms);
}

/* content_fault: what the client sends is no content. */
static MR_COLD void
content_fault(struct run *run, uint16_t status)
{
	bool answered = note_of(run)->answered;

	run->self->tally[MR_SITE_refused]++;
	if (answered) {
		h1_abort(run, MR_SITE_cut_off);
		return;
	}
	h1_proxy_leave(run);
	h1_refuse(run, status);
}

/* content_end passes the end on, with trailers if any were kept. */
static void
content_end(struct run *run, struct note *note)
{
	struct mr_site_server *self = run->self;
	struct h1_exchange *held = held_at(run, note);
	struct mr_http_head head;

	mr_http_head_trailers(&head);
	if (held->have_bytes && mr_http_head_parse(&head, &self->message, &self->limits,
						   held->bytes, held->have_bytes) == MR_HTTP_DONE)
		mr_proxy_content_end(self->proxy, handle_of(run), &self->message, held->bytes);
	else
		mr_proxy_content_end(self->proxy, handle_of(run), NULL, NULL);
	held_release(run, note);
}

/* trailers_keep: those that do not fit beside the decoder are dropped (RFC 9110 6.5.1). */
static void
trailers_keep(struct run *run, struct h1_exchange *held, bool large, const uint8_t *bytes,
	      size_t count)
{
	size_t room = (large ? run->self->larges.stride_bytes : (uint32_t)H1_EXCHANGE_BYTES) -
		      sizeof(*held);

	if (held->have_bytes + count > room) {
		run->self->tally[MR_SITE_trailer_drop]++;
		held->have_bytes = 0;
		return;
	}
	memcpy(held->bytes + held->have_bytes, bytes, count);
	held->have_bytes += (uint32_t)count;
}

/* content_chunked: what the origin does not take now must come again, but the decoder has seen it;
 * so it is asked first, and given no more octets than the origin takes. */
static uint32_t
content_feed(struct run *run, const uint8_t *bytes, uint32_t count)
{
	struct mr_proxy *proxy = run->self->proxy;
	struct note *note = note_of(run);
	struct h1_exchange *held = held_at(run, note);
	struct mr_http_piece piece;
	enum mr_http_verdict verdict;
	uint32_t taken;

	count = MR_MIN(count, mr_proxy_content_room(proxy, handle_of(run)));
	if (!count)
		return 0;
	verdict = mr_http_body_feed(&held->body, bytes, count, &piece);
	if (verdict == MR_HTTP_REFUSED) {
		content_fault(run, mr_http_status_of(held->body.refusal));
		return count;
	}
	run->word |= WORD_PROGRESS;
	if (piece.data_bytes) {
		taken = mr_proxy_content(proxy, handle_of(run), bytes + piece.data_at,
					 (uint32_t)piece.data_bytes);
		if (taken < piece.data_bytes) { /* a pool is empty: the rest is lost */
			h1_abort(run, MR_SITE_no_memory);
			return count;
		}
	}
	if (piece.trailer_bytes)
		trailers_keep(run, held, note->held & WORD_LARGE, bytes + piece.trailer_at,
			      piece.trailer_bytes);
	if (verdict == MR_HTTP_DONE)
		content_end(run, note);
	return (uint32_t)piece.used_bytes;
}

uint32_t
h1_proxy_readable(struct run *run, const uint8_t *bytes, uint32_t count)
{
	struct note *note = note_of(run);
	uint32_t taken;

	if (note->framing == MR_HTTP_TUNNEL && note->answered) {
		taken = mr_proxy_content(run->self->proxy, handle_of(run), bytes, count);
		run->word |= taken ? WORD_PROGRESS : 0;
		return taken;
	}
	return note->held ? content_feed(run, bytes, count) : 0; /* the next request waits */
}

bool
h1_proxy_peer_closed(struct run *run)
{
	struct note *note = note_of(run);

	if (note->framing == MR_HTTP_TUNNEL && note->answered) {
		if (note->origin_fin) { /* both: it ends */
			h1_proxy_leave(run);
			h1_run_end(run);
			mr_tcp_close(run->tcp, run->conn);
			return true;
		}
		note->fin = true;
		mr_proxy_content_end(run->self->proxy, handle_of(run), NULL, NULL);
		return true;
	}
	if (note->held)
		return false; /* cut off within its content */
	note->fin = note->close = true;
	return true;
}

void
h1_proxy_deadline(struct run *run)
{
	const struct note *note = note_of(run);
	struct mr_site_server *self = run->self;
	bool wanted = note->held && mr_proxy_content_room(self->proxy, handle_of(run)) > 0;

	if (!(run->word & WORD_PROGRESS) && mr_tcp_queued(run->tcp, run->conn)) {
		h1_abort(run, MR_SITE_late_send);
		return;
	}
	if (!(run->word & WORD_PROGRESS) && wanted) {
		self->tally[MR_SITE_late_content]++;
		content_fault(run, 408);
		return;
	}
	run->word &= ~WORD_PROGRESS; /* it waits for the origin, whose times are lib/proxy's */
	mr_tcp_deadline(run->tcp, run->conn, self->config.idle_ms);
}

/* ---- the answer ---- */

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

/* pass_count counts the answer, as far as it has come. */
static void
pass_count(struct run *run, const struct note *note)
{
	if (!run->self->pages || !note->status)
		return;
	run->status = note->status;
	run->sent_bytes = note->sent_bytes;
	h1_count(run, note->page, run->self->now_ns - note->began_ns);
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
	const uint8_t *at = note->text + note->id_bytes + note->extra_bytes;
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
	struct note *note = note_of(&run);
	bool final = message->status >= 200;
	struct mr_writer out = mr_writer_over(self->passing + self->passing_bytes,
					      H1_PASSING_BYTES - self->passing_bytes);
	enum mr_http_framing framing;

	self->tally[MR_SITE_status_1xx + MR_MIN(message->status / 100 - 1, 4)]++;
	if (final) {
		note->close |= !whole;
		how->close = note->close;
		how->date = (const char *)self->clock.date;
		if (note->id_bytes)
			mr_http_field_set_add(&how->drop, MR_HTTP_FIELD_X_REQUEST_ID);
		head_edit(note, message, bytes, how);
	}
	framing = mr_http_write_response(&out, message, bytes, how);
	if (final && !out.failed) { /* ours stand before the empty line */
		out.at -= 2;
		mr_writer_bytes(&out, note->text + note->id_bytes, note->extra_bytes);
		if (note->id_bytes)
			mr_http_put_field(&out, MR_HTTP_FIELD_X_REQUEST_ID, note->text,
					  note->id_bytes);
		mr_http_put_end(&out);
	}
	if (mr_unlikely(out.failed)) { /* longer than any that we write */
		self->passing_bytes = 0;
		h1_abort(&run, MR_SITE_no_memory);
		return false;
	}
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
	struct note *note = note_of(&run);

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
	struct note *note = note_of(&run);
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
	pass_count(&run, note);
	forget(&run);
	if (pass_flush(&run))
		pass_over(&run, fin);
}

static void
pass_fail(void *context, uint32_t client, uint16_t status)
{
	struct mr_site_server *self = context;
	struct run run = h1_run(self, self->proxy->tcp, client);
	struct note *note = note_of(&run);
	struct mr_http_message message = { .method = note->head ? MR_HTTP_HEAD : MR_HTTP_GET,
					   .version_minor = note->minor };
	bool unread = note->held != 0, fin = note->fin;
	bool cut = !status && (note->framing == MR_HTTP_CLOSE || note->framing == MR_HTTP_TUNNEL);

	self->passing_bytes = status ? self->passing_bytes : 0;
	run.close = note->close || unread || !status;
	run.id = note->id_bytes ? note->text : NULL;
	run.id_bytes = note->id_bytes;
	note->status = status ? status : note->status;
	pass_count(&run, note);
	forget(&run);
	if (!status)
		self->tally[MR_SITE_cut_short]++;
	if (cut || !self->sites) { /* only a reset says that this was not all */
		mr_tcp_app_word_set(run.tcp, run.conn, run.word);
		mr_tcp_abort(run.tcp, run.conn);
		return;
	}
	if (status && pass_flush(&run))
		h1_answer(&run, &message, &self->sites->errors[site_error_of(status)]);
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
