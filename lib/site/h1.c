/* SPDX-License-Identifier: Apache-2.0
 *
 * site/h1 - HTTP/1.1 connections: from segments to requests to answers.
 *
 * The application's word of a connection: the exchange's handle in the low half (LARGE says which
 * pool), requests and flags in the high half.
 */
#include <string.h>

#include "h1_int.h"

enum {
	/* the longest that is copied for an answer */
	ROOM_BYTES = MR_SITE_HEAD_BYTES + H1_TAIL_BYTES + MR_SITE_BODY_BYTES,
	/* and how much may be queued by reference before reading stops: 64 answers, so that
	 * extents are not the bound */
	QUEUED_BYTES = 256 << 10,
};

/* ---- a connection's word ---- */

struct run
h1_run(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	return (struct run){
		.self = context, .tcp = tcp, .word = mr_tcp_app_word(tcp, conn), .conn = conn
	};
}

void
h1_run_end(const struct run *run)
{
	if (!run->ended)
		mr_tcp_app_word_set(run->tcp, run->conn, run->word);
}

static struct h1_exchange *
exchange_at(const struct run *run)
{
	uint32_t handle = (uint32_t)(run->word & WORD_HANDLE);

	return mr_pool_at(run->word & WORD_LARGE ? &run->self->larges : &run->self->exchanges,
			  handle);
}

static uint32_t
exchange_room(const struct run *run)
{
	uint32_t stride =
		run->word & WORD_LARGE ? run->self->larges.stride_bytes : H1_EXCHANGE_BYTES;

	return stride - (uint32_t)sizeof(struct h1_exchange);
}

void
h1_release(struct run *run)
{
	uint32_t handle = (uint32_t)(run->word & WORD_HANDLE);

	if (!handle)
		return;
	if (run->word & WORD_PROXY) {
		h1_proxy_leave(run);
		return;
	}
	mr_pool_put(run->word & WORD_LARGE ? &run->self->larges : &run->self->exchanges, handle);
	run->word &= ~WORD_EXCHANGE;
}

void
h1_abort(struct run *run, enum mr_site_metric metric)
{
	run->self->tally[metric]++;
	h1_release(run);
	h1_run_end(run);
	run->ended = true;
	mr_tcp_abort(run->tcp, run->conn);
}

void
h1_finish(struct run *run)
{
	h1_release(run);
	run->word |= WORD_LINGER;
	mr_tcp_shutdown(run->tcp, run->conn);
	mr_tcp_deadline(run->tcp, run->conn, run->self->config.linger_ms);
}

/* ---- answers ---- */

/* refuse_at refuses a request, and ends the connection. */
static MR_COLD void
refuse_at(struct run *run, const struct request *request, uint16_t status, uint64_t began_ns)
{
	static const struct mr_http_message unknown = { .version_minor = 1 };

	run->close = true;
	h1_id(run, request);
	h1_answer(run, &unknown,
		  site_error(run->self->sites, request->site, site_error_of(status)));
	h1_log(run, request, began_ns);
	if (!run->ended)
		h1_finish(run);
}

void
h1_refuse(struct run *run, uint16_t status)
{
	static const struct request none;
	uint64_t now_ns = run->self->now_ns;

	if (!mr_tcp_view(run->tcp, run->conn, &run->view))
		run->view = (struct mr_tcp_view){ 0 };
	refuse_at(run, &none, status,
		  run->word & WORD_HANDLE ? exchange_at(run)->began_ns : now_ns);
}

static void
request_answer(struct run *run, const struct request *request)
{
	switch ((enum mr_site_action)request->route->action) {
	case MR_SITE_RESPOND:
	case MR_SITE_REDIRECT:
		h1_answer(run, request->message, &request->route->answer);
		break;
	case MR_SITE_ROOT:
		h1_static(run, request);
		break;
	case MR_SITE_PROXY:
		h1_proxy(run, request);
		break;
	case MR_SITE_HEALTH:
		h1_answer(run, request->message,
			  run->self->draining ? &request->route->draining
					      : &request->route->answer);
		break;
	}
}

/* bound_of is the bound of a request's route, or else the server's. */
static uint64_t
bound_of(uint64_t own, uint64_t server)
{
	return own ? own : server;
}

static const struct site_limits *
limits_of(const struct request *request)
{
	static const struct site_limits none = { .meter = SITE_METER_NONE };

	return request->route && request->route->limited ? &request->route->limits : &none;
}

/* admit asks the bounds of a route that has some: NULL, or the answer that refuses the request. */
static const struct site_answer *
admit(struct run *run, const struct request *request, const struct site_limits *limits)
{
	struct mr_site_server *self = run->self;

	if (limits->header_bytes && request->message->head_bytes > limits->header_bytes) {
		self->tally[MR_SITE_refused]++;
		return site_error(self->sites, request->site, SITE_431);
	}
	if (limits->meter != SITE_METER_NONE &&
	    !site_admit(self->sites, limits->meter, self->worker, self->now_ns)) {
		self->tally[MR_SITE_over_rate]++;
		return site_error(self->sites, request->site, SITE_429);
	}
	return NULL;
}

/* How far a request has come when it is answered. */
enum respond_when {
	RESPOND_WHOLE,   /* a head, and no content */
	RESPOND_CONTENT, /* its content was read: it was admitted when its head was there */
	RESPOND_EARLY,   /* the same, but the content is not wanted any more */
};

/* respond answers the request whose head is at bytes, and whose first octet came at began_ns. */
static void
respond(struct run *run, const struct mr_http_message *message, const uint8_t *bytes,
	uint64_t began_ns, enum respond_when when)
{
	struct request request = { .message = message, .bytes = bytes };
	struct mr_site_server *self = run->self;
	const struct site_answer *answer = h1_route(run, &request);
	const struct site_limits *limits = limits_of(&request);

	h1_id(run, &request);
	run->close = (when == RESPOND_EARLY) | message->close | self->draining;
	run->word += WORD_REQUEST;
	if (mr_unlikely((run->word & WORD_REQUESTS) / WORD_REQUEST >=
			bound_of(limits->requests, self->config.request_limit))) {
		self->tally[MR_SITE_request_limit]++;
		run->close = true;
	}
	if (mr_unlikely(answer && request.missing >= 0))
		self->tally[request.missing]++;
	else if (mr_likely(!answer) && when == RESPOND_WHOLE)
		answer = admit(run, &request, limits);
	if (mr_likely(!answer))
		request_answer(run, &request);
	else
		h1_answer(run, message, answer);
	if (run->word & WORD_PROXY) /* the answer is to come */
		return;
	h1_log(run, &request, began_ns);
	if (mr_unlikely(run->ended))
		return;
	if (run->close) {
		h1_finish(run);
	} else {
		h1_release(run);
		mr_tcp_deadline(run->tcp, run->conn,
				(uint32_t)bound_of(limits->idle_ms, self->config.idle_ms));
	}
}

static void
request_count(struct mr_site_server *self, const struct mr_http_message *message)
{
	self->tally[MR_SITE_request]++;
	self->tally[MR_SITE_request_http10] += message->version_minor == 0;
	self->tally[MR_SITE_request_head] += message->method == MR_HTTP_HEAD;
	self->tally[MR_SITE_request_content] += message->framing != MR_HTTP_NO_BODY;
}

/* ---- requests that are not whole in one segment ---- */

static bool
exchange_take(struct run *run, struct mr_pool *pool, uint64_t flag)
{
	uint32_t handle = mr_pool_get(pool);

	if (!handle) {
		run->self->tally[MR_SITE_no_exchange]++;
		h1_refuse(run, 503);
		return false;
	}
	run->word = (run->word & ~WORD_EXCHANGE) | handle | flag;
	return true;
}

/* exchange_begin takes a buffer for the request that begins here. */
static bool
exchange_begin(struct run *run)
{
	struct h1_exchange *exchange;

	if (!exchange_take(run, &run->self->exchanges, 0))
		return false;
	run->self->tally[MR_SITE_request_split]++;
	exchange = exchange_at(run);
	mr_http_head_request(&exchange->head);
	exchange->have_bytes = 0;
	exchange->began_ns = run->self->now_ns;
	exchange->content = false;
	mr_tcp_deadline(run->tcp, run->conn, run->self->config.header_ms);
	return true;
}

/* exchange_grow moves a head that is longer than most into a large buffer. */
static bool
exchange_grow(struct run *run)
{
	uint32_t small = (uint32_t)(run->word & WORD_HANDLE);
	const struct h1_exchange *from = exchange_at(run);

	MR_ASSERT(!(run->word & WORD_LARGE)); /* a large one holds more than a head may have */
	run->word &= ~WORD_EXCHANGE;
	if (exchange_take(run, &run->self->larges, WORD_LARGE))
		memcpy(exchange_at(run), from, sizeof(*from) + from->have_bytes);
	mr_pool_put(&run->self->exchanges, small);
	return (run->word & WORD_LARGE) != 0;
}

/* content_begin: the head is whole, its content is not. */
static void
content_begin(struct run *run, struct h1_exchange *exchange, bool more_is_here)
{
	struct mr_site_server *self = run->self;
	const struct mr_http_message *message = &self->message;
	struct request request = { .message = message, .bytes = exchange->bytes };
	struct mr_http_limits body = self->limits;
	const struct site_answer *answer = h1_route(run, &request);
	const struct site_limits *limits = limits_of(&request);
	bool passed;

	if (!answer)
		answer = admit(run, &request, limits);
	else
		answer = NULL; /* said when the content has been read */
	passed = request.route && request.route->action == MR_SITE_PROXY;
	body.body_bytes =
		bound_of(limits->body_bytes, passed ? UINT64_MAX : self->config.body_bytes);
	if (answer ||
	    (message->framing == MR_HTTP_LENGTH && message->content_length > body.body_bytes)) {
		self->tally[MR_SITE_refused] += !answer;
		refuse_at(run, &request, answer ? answer->status : 413, exchange->began_ns);
		return;
	}
	if (passed) {
		exchange->have_bytes = message->head_bytes;
		mr_http_body_init(&exchange->body, message, &body);
		respond(run, message, exchange->bytes, exchange->began_ns, RESPOND_CONTENT);
		return;
	}
	if (message->expect_continue && !more_is_here) {
		/* No action wants the content: the answer is final, and what the client does then
		 * cannot be told from the next request (RFC 9110 10.1.1). */
		respond(run, message, exchange->bytes, exchange->began_ns, RESPOND_EARLY);
		return;
	}
	exchange->content = true;
	exchange->have_bytes = message->head_bytes;
	mr_http_body_init(&exchange->body, message, &body);
	mr_tcp_deadline(run->tcp, run->conn,
			(uint32_t)bound_of(limits->body_ms, self->config.body_ms));
}

/* exchange_request reads the head of an exchange again, which was whole before its content. */
static void
exchange_request(struct run *run, struct request *request)
{
	const struct h1_exchange *exchange = exchange_at(run);
	struct mr_site_server *self = run->self;
	struct mr_http_head head;
	enum mr_http_verdict verdict;

	mr_http_head_request(&head);
	verdict = mr_http_head_parse(&head, &self->message, &self->limits, exchange->bytes,
				     exchange->have_bytes);
	MR_ASSERT(verdict == MR_HTTP_DONE);
	*request = (struct request){ .message = &self->message, .bytes = exchange->bytes };
	(void)h1_route(run, request);
}

/* exchange_head adds to a head and returns how many bytes belong to it. */
static uint32_t
exchange_head(struct run *run, const uint8_t *bytes, uint32_t count)
{
	struct mr_site_server *self = run->self;
	struct h1_exchange *exchange = exchange_at(run);
	uint32_t taken, before;

	if (exchange->have_bytes == exchange_room(run)) {
		if (!exchange_grow(run))
			return count;
		exchange = exchange_at(run);
	}
	before = exchange->have_bytes;
	taken = MR_MIN(count, exchange_room(run) - before);
	memcpy(exchange->bytes + before, bytes, taken);
	exchange->have_bytes += taken;
	switch (mr_http_head_parse(&exchange->head, &self->message, &self->limits, exchange->bytes,
				   exchange->have_bytes)) {
	case MR_HTTP_MORE:
		return taken;
	case MR_HTTP_REFUSED:
		self->tally[MR_SITE_refused]++;
		h1_refuse(run, mr_http_status_of(self->message.refusal));
		return count;
	case MR_HTTP_DONE:
		break;
	}
	taken = self->message.head_bytes - before;
	request_count(self, &self->message);
	if (self->message.framing == MR_HTTP_NO_BODY)
		respond(run, &self->message, exchange->bytes, exchange->began_ns, RESPOND_WHOLE);
	else
		content_begin(run, exchange, taken < count);
	return taken;
}

/* exchange_content reads content that no action wants, and answers when it is whole: that it is
 * well formed is known only then. */
static uint32_t
exchange_content(struct run *run, const uint8_t *bytes, uint32_t count)
{
	struct mr_site_server *self = run->self;
	struct h1_exchange *exchange = exchange_at(run);
	struct mr_http_piece piece;
	struct request request;

	switch (mr_http_body_feed(&exchange->body, bytes, count, &piece)) {
	case MR_HTTP_MORE:
		break;
	case MR_HTTP_REFUSED:
		self->tally[MR_SITE_refused]++;
		exchange_request(run, &request);
		refuse_at(run, &request, mr_http_status_of(exchange->body.refusal),
			  exchange->began_ns);
		return count;
	case MR_HTTP_DONE:
		exchange_request(run, &request);
		respond(run, &self->message, exchange->bytes, exchange->began_ns, RESPOND_CONTENT);
		break;
	}
	return (uint32_t)piece.used_bytes;
}

/* ---- requests that are ---- */

/* request_whole answers the request at the front of count bytes where it lies, and returns its
 * bytes; of one that is not whole it takes what is there. */
static uint32_t
request_whole(struct run *run, const uint8_t *bytes, uint32_t count)
{
	struct mr_site_server *self = run->self;
	struct mr_http_head head;

	mr_http_head_request(&head);
	switch (mr_http_head_parse(&head, &self->message, &self->limits, bytes, count)) {
	case MR_HTTP_DONE:
		if (mr_unlikely(self->message.framing != MR_HTTP_NO_BODY))
			break;
		request_count(self, &self->message);
		respond(run, &self->message, bytes, self->now_ns, RESPOND_WHOLE);
		return self->message.head_bytes;
	case MR_HTTP_REFUSED:
		self->tally[MR_SITE_refused]++;
		h1_refuse(run, mr_http_status_of(self->message.refusal));
		return count;
	case MR_HTTP_MORE:
		break;
	}
	return exchange_begin(run) ? exchange_head(run, bytes, count) : count;
}

/* ---- events ---- */

static void
h1_accepted(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	struct mr_site_server *self = context;

	self->tally[MR_SITE_accept]++;
	mr_tcp_app_word_set(tcp, conn, 0);
	mr_tcp_deadline(tcp, conn, self->config.header_ms);
}

static uint32_t
h1_readable(void *context, struct mr_tcp *tcp, uint32_t conn, const uint8_t *bytes, uint32_t count)
{
	struct run run = h1_run(context, tcp, conn);
	uint32_t at = 0;

	if (mr_unlikely(!run.self->sites)) { /* a listener that is being taken away */
		h1_abort(&run, MR_SITE_no_site);
		return count;
	}
	/* Each round takes at least one byte, or is the last. */
	while (at < count && !run.ended) {
		if (mr_unlikely(run.word & WORD_LINGER)) {
			at = count;
			break;
		}
		if (mr_unlikely(run.word & WORD_PROXY)) {
			uint32_t taken = h1_proxy_readable(&run, bytes + at, count - at);

			at += taken;
			if (!taken)
				break;
			continue;
		}
		if (mr_unlikely(mr_tcp_room(tcp, conn) < ROOM_BYTES ||
				mr_tcp_queued(tcp, conn) > QUEUED_BYTES)) { /* (2) */
			run.self->tally[MR_SITE_stall]++;
			run.word |= WORD_STALLED;
			break;
		}
		if (mr_likely(!(run.word & WORD_HANDLE)))
			at += request_whole(&run, bytes + at, count - at);
		else if (exchange_at(&run)->content)
			at += exchange_content(&run, bytes + at, count - at);
		else
			at += exchange_head(&run, bytes + at, count - at);
	}
	h1_run_end(&run);
	return run.ended ? count : at;
}

static void
h1_acked(void *context, struct mr_tcp *tcp, uint32_t conn, uint32_t bytes)
{
	uint64_t word = mr_tcp_app_word(tcp, conn);

	(void)bytes;
	mr_tcp_app_word_set(tcp, conn, (word & ~WORD_STALLED) | WORD_PROGRESS);
	if (mr_unlikely(word & WORD_PROXY))
		mr_proxy_resume(((struct mr_site_server *)context)->proxy,
				(uint32_t)(word & WORD_HANDLE));
	else if (mr_unlikely(word & WORD_STALLED))
		mr_tcp_resume(tcp, conn);
}

static void
h1_peer_closed(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	struct run run = h1_run(context, tcp, conn);

	if (run.word & WORD_PROXY && h1_proxy_peer_closed(&run))
		return;
	if (run.word & WORD_HANDLE) {
		run.self->tally[MR_SITE_cut_off]++;
		h1_release(&run);
	}
	h1_run_end(&run);
	mr_tcp_close(tcp, conn); /* what is queued goes out first */
}

static void
h1_deadline(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	struct run run = h1_run(context, tcp, conn);
	struct mr_site_server *self = run.self;

	if (run.word & WORD_PROXY && self->sites) {
		h1_proxy_deadline(&run);
	} else if (run.word & WORD_HANDLE && self->sites) {
		if (exchange_at(&run)->content) {
			struct request request;

			self->tally[MR_SITE_late_content]++;
			exchange_request(&run, &request);
			refuse_at(&run, &request, 408, exchange_at(&run)->began_ns);
		} else {
			self->tally[MR_SITE_late_head]++;
			h1_refuse(&run, 408);
		}
	} else if (mr_tcp_queued(tcp, conn) && run.word & WORD_PROGRESS) {
		run.word &= ~WORD_PROGRESS;
		mr_tcp_deadline(tcp, conn, self->config.idle_ms);
	} else if (mr_tcp_queued(tcp, conn)) {
		h1_abort(&run, MR_SITE_late_send);
	} else {
		self->tally[MR_SITE_idle] += !(run.word & WORD_LINGER);
		h1_release(&run);
		h1_run_end(&run);
		run.ended = true;
		mr_tcp_close(tcp, conn);
	}
	h1_run_end(&run);
}

static void
h1_closed(void *context, struct mr_tcp *tcp, uint32_t conn, enum mr_tcp_reason reason)
{
	struct run run = h1_run(context, tcp, conn);

	(void)reason;
	h1_release(&run);
	h1_run_end(&run);
	run.self->tally[MR_SITE_close]++;
}

const struct mr_tcp_app_ops mr_site_h1_ops = {
	.name = "http",
	.accepted = h1_accepted,
	.readable = h1_readable,
	.acked = h1_acked,
	.peer_closed = h1_peer_closed,
	.deadline = h1_deadline,
	.closed = h1_closed,
};
