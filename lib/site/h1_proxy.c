/* SPDX-License-Identifier: Apache-2.0
 *
 * site/h1_proxy - requests that an origin answers: a client over HTTP/1.1, as lib/proxy sees one.
 *
 * While an exchange lasts, the word of the connection has WORD_PROXY and its handle; what else
 * is to be known of it is the exchange's note. The way back is h1_pass.c's.
 *
 * Spec: RFC 9110 6.5 (trailers), 9.3.2 (HEAD), 15.6 (502 to 504); RFC 9112 7.1, 8, 9.6.
 */
#include "h1_note.h"

void
h1_proxy_leave(struct run *run)
{
	const struct note *note = note_at(run);
	uint32_t handle = note_handle(run);

	if (note->answered)
		note_log(run, note);
	note_forget(run);
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

#define NOTE_BOUND_(id, json, n) n,
static const uint32_t note_bounds[] = { MR_SITE_ACCESS_TEXTS(NOTE_BOUND_) };

/* note_texts keeps what the access log says of a request, as far as there is room. Returns
 * where that ends. */
static uint8_t *
note_texts(struct run *run, const struct request *request, struct note *note, uint8_t *at)
{
	const uint8_t *end = (const uint8_t *)note + MR_PROXY_NOTE_BYTES;
	struct mr_site_access_entry entry = { 0 };

	if (note->logged)
		h1_log_texts(run, request, &entry);
	entry.texts[MR_SITE_ACCESS_ID].bytes = run->id;
	entry.texts[MR_SITE_ACCESS_ID].byte_count = run->id ? run->id_bytes : 0;
	for (size_t i = 0; i < MR_SITE_ACCESS_TEXT_COUNT; i++) {
		unsigned which = note_order[i];
		uint32_t bytes = MR_MIN(entry.texts[which].byte_count, note_bounds[which]);

		bytes = MR_MIN(bytes, (uint32_t)(end - at));
		note->log_bytes[which] = (uint16_t)bytes;
		if (bytes)
			memcpy(at, entry.texts[which].bytes, bytes);
		at += bytes;
	}
	return at;
}

/* note_make writes what has to be known when the answer comes. */
static uint32_t
note_make(struct run *run, const struct request *request, struct note *note)
{
	const struct site_route *route = request->route;
	const struct site *site = request->site;
	uint8_t *at = note->text;

	*note = (struct note){
		.began_ns = run->self->now_ns,
		.site = (uint16_t)(site - run->self->sites->sites),
		.site_hash = note_site_hash(site),
		.client = run->view.flow.remote,
		.client_port = run->view.flow.remote_port,
		.page = (uint16_t)site->page,
		.extra_bytes = (uint16_t)route->extra.byte_count,
		.removed_bytes = (uint16_t)route->removed.byte_count,
		.minor = request->message->version_minor,
		.head = request->message->method == MR_HTTP_HEAD,
		.close = run->close,
		.logged = run->self->access && !site->log_off,
	};
	if (note->extra_bytes)
		memcpy(at, route->extra.bytes, note->extra_bytes);
	at += note->extra_bytes;
	if (note->removed_bytes)
		memcpy(at, route->removed.bytes, note->removed_bytes);
	at = note_texts(run, request, note, at + note->removed_bytes);
	return (uint32_t)(at - (uint8_t *)note);
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
		((struct h1_exchange *)note_held(run, note))->have_bytes = 0;
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
	bool answered = note_at(run)->answered;

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
	struct h1_exchange *held = note_held(run, note);
	struct mr_http_head head;

	mr_http_head_trailers(&head);
	if (held->have_bytes && mr_http_head_parse(&head, &self->message, &self->limits,
						   held->bytes, held->have_bytes) == MR_HTTP_DONE)
		mr_proxy_content_end(self->proxy, note_handle(run), &self->message, held->bytes);
	else
		mr_proxy_content_end(self->proxy, note_handle(run), NULL, NULL);
	note_release(run, note);
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
	struct note *note = note_at(run);
	struct h1_exchange *held = note_held(run, note);
	struct mr_http_piece piece;
	enum mr_http_verdict verdict;
	uint32_t taken;

	count = MR_MIN(count, mr_proxy_content_room(proxy, note_handle(run)));
	if (!count)
		return 0;
	verdict = mr_http_body_feed(&held->body, bytes, count, &piece);
	if (verdict == MR_HTTP_REFUSED) {
		content_fault(run, mr_http_status_of(held->body.refusal));
		return count;
	}
	run->word |= WORD_PROGRESS;
	if (piece.data_bytes) {
		taken = mr_proxy_content(proxy, note_handle(run), bytes + piece.data_at,
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
	struct note *note = note_at(run);
	uint32_t taken;

	if (note->framing == MR_HTTP_TUNNEL && note->answered) {
		taken = mr_proxy_content(run->self->proxy, note_handle(run), bytes, count);
		run->word |= taken ? WORD_PROGRESS : 0;
		return taken;
	}
	return note->held ? content_feed(run, bytes, count) : 0; /* the next request waits */
}

bool
h1_proxy_peer_closed(struct run *run)
{
	struct note *note = note_at(run);

	if (note->framing == MR_HTTP_TUNNEL && note->answered) {
		if (note->origin_fin) { /* both: it ends */
			h1_proxy_leave(run);
			h1_run_end(run);
			mr_tcp_close(run->tcp, run->conn);
			return true;
		}
		note->fin = true;
		mr_proxy_content_end(run->self->proxy, note_handle(run), NULL, NULL);
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
	const struct note *note = note_at(run);
	struct mr_site_server *self = run->self;
	bool wanted = note->held && mr_proxy_content_room(self->proxy, note_handle(run)) > 0;

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
