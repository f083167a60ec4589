/* SPDX-License-Identifier: Apache-2.0
 *
 * site/h1 - HTTP/1.1 connections: from segments to requests to answers.
 *
 * The application's word of a connection: the exchange's handle in the low half (LARGE says which
 * pool), requests and flags in the high half.
 */
#include <string.h>

#include "h1_int.h"
#include "tree.h"

enum {
	SMALL_BYTES = 2048, /* an exchange: most heads */
	/* the longest that is copied for an answer */
	ROOM_BYTES = MR_SITE_HEAD_BYTES + H1_TAIL_BYTES + MR_SITE_BODY_BYTES,
	/* and how much may be queued by reference before reading stops: 64 answers, so that
	 * extents are not the bound */
	QUEUED_BYTES = 256 << 10,
};

#define WORD_HANDLE   0x7fffffffull
#define WORD_LARGE    (1ull << 31)
#define WORD_EXCHANGE (WORD_HANDLE | WORD_LARGE)
#define WORD_REQUEST  (1ull << 32) /* one of 20 bits */
#define WORD_REQUESTS (((1ull << 20) - 1) << 32)
#define WORD_LINGER   (1ull << 52)
#define WORD_STALLED  (1ull << 53) /* reading waits for room in the send queue */
#define WORD_PROGRESS (1ull << 54) /* something was acknowledged since the last deadline */

/* A request that is not whole: its head, from its first octet. */
struct exchange {
	struct mr_http_head head;
	struct mr_http_body body;
	uint32_t have_bytes;
	bool content; /* the head is whole: have_bytes octets */
	uint8_t bytes[];
};

MR_METRIC_DEFINE("http", mr_site_metric_table, SITE_METRICS);

int
mr_site_server_create(struct mr_site_server *self, const struct mr_site_server_config *config,
		      struct mr_arena *arena, struct mr_error *error)
{
	const uint64_t path_bytes = MR_HTTP_PATH_ROOM(MR_HTTP_HEAD_BYTES_MAX);
	const uint64_t answer_bytes = H1_ANSWER_BYTES;
	struct mr_http_limits limits = MR_HTTP_LIMITS_DEFAULT;
	struct mr_site_server_config *c = &self->config;
	uint8_t drawn[sizeof(self->boundary)];
	uint64_t offset;

	c->header_ms = config->header_ms ? config->header_ms : 10000;
	c->body_ms = config->body_ms ? config->body_ms : 30000;
	c->idle_ms = config->idle_ms ? config->idle_ms : 60000;
	c->linger_ms = config->linger_ms ? config->linger_ms : 3000;
	c->request_limit = config->request_limit ? config->request_limit : 100000;
	c->body_bytes = config->body_bytes ? config->body_bytes : 1 << 20;
	c->exchange_limit = config->exchange_limit ? config->exchange_limit : 2048;
	c->large_limit = config->large_limit ? config->large_limit : (c->exchange_limit + 15) / 16;
	MR_ASSERT(c->request_limit <= WORD_REQUESTS / WORD_REQUEST);
	limits.body_bytes = c->body_bytes;
	self->limits = limits;
	mr_rng_secret(drawn, sizeof(drawn));
	mr_rng_secret(&self->id_key, sizeof(self->id_key));
	for (size_t i = 0; i < sizeof(self->boundary); i++)
		self->boundary[i] = "0123456789abcdef"[drawn[i] & 15];
	if (mr_arena_take(arena, path_bytes + answer_bytes, MR_CACHE_LINE, &offset))
		return mr_arena_shortage(arena, path_bytes + answer_bytes, error);
	self->path = mr_arena_at(arena, offset);
	self->answer = self->path + path_bytes;
	if (mr_pool_create(&self->exchanges, arena, SMALL_BYTES, c->exchange_limit, error))
		return error ? error->code : -1;
	/* one octet more than a head may have: the parser refuses before there is no room */
	return mr_pool_create(&self->larges, arena,
			      (uint32_t)mr_round_up(sizeof(struct exchange) + limits.head_bytes + 1,
						    MR_CACHE_LINE),
			      c->large_limit, error);
}

void
mr_site_server_flush(struct mr_site_server *self)
{
	mr_metric_flush(self->metrics, self->tally, MR_SITE_METRIC_COUNT);
	memset(self->tally, 0, sizeof(self->tally));
}

/* ---- a connection's word ---- */

static struct run
run_begin(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	return (struct run){
		.self = context, .tcp = tcp, .word = mr_tcp_app_word(tcp, conn), .conn = conn
	};
}

static void
run_end(const struct run *run)
{
	if (!run->ended)
		mr_tcp_app_word_set(run->tcp, run->conn, run->word);
}

static struct exchange *
exchange_at(const struct run *run)
{
	uint32_t handle = (uint32_t)(run->word & WORD_HANDLE);

	return mr_pool_at(run->word & WORD_LARGE ? &run->self->larges : &run->self->exchanges,
			  handle);
}

static uint32_t
exchange_room(const struct run *run)
{
	uint32_t stride = run->word & WORD_LARGE ? run->self->larges.stride_bytes : SMALL_BYTES;

	return stride - (uint32_t)sizeof(struct exchange);
}

static void
exchange_release(struct run *run)
{
	uint32_t handle = (uint32_t)(run->word & WORD_HANDLE);

	if (!handle)
		return;
	mr_pool_put(run->word & WORD_LARGE ? &run->self->larges : &run->self->exchanges, handle);
	run->word &= ~WORD_EXCHANGE;
}

static void
run_abort(struct run *run, enum mr_site_metric metric)
{
	run->self->tally[metric]++;
	exchange_release(run);
	run_end(run);
	run->ended = true;
	mr_tcp_abort(run->tcp, run->conn);
}

/* run_finish: FIN follows what is queued; what still comes is read and dropped for a while, since
 * a reset for it could overtake the answer (RFC 9112 9.6). */
static void
run_finish(struct run *run)
{
	exchange_release(run);
	run->word |= WORD_LINGER;
	mr_tcp_shutdown(run->tcp, run->conn);
	mr_tcp_deadline(run->tcp, run->conn, run->self->config.linger_ms);
}

/* ---- answers ---- */

void
h1_tail(const struct run *run, struct mr_writer *out, uint8_t minor)
{
	mr_writer_bytes(out, "Date: ", 6);
	mr_writer_bytes(out, run->self->clock.date, MR_HTTP_DATE_BYTES);
	if (mr_unlikely(run->id != NULL)) {
		mr_writer_bytes(out, "\r\nX-Request-ID: ", 16);
		mr_writer_bytes(out, run->id, run->id_bytes);
	}
	if (mr_unlikely(run->close))
		mr_writer_bytes(out, "\r\nConnection: close\r\n\r\n", 23);
	else if (mr_unlikely(minor == 0)) /* RFC 9112 9.3: 1.0 must be told */
		mr_writer_bytes(out, "\r\nConnection: keep-alive\r\n\r\n", 28);
	else
		mr_writer_bytes(out, "\r\n\r\n", 4);
}

bool
h1_send(struct run *run, const uint8_t *bytes, uint32_t count)
{
	run->self->tally[MR_SITE_answer_byte] += count;
	if (mr_likely(mr_tcp_send(run->tcp, run->conn, bytes, count) == count))
		return true;
	/* a pool of the stack is empty: half an answer would be a lie */
	run_abort(run, MR_SITE_no_memory);
	return false;
}

bool
h1_send_ref(struct run *run, const struct mr_site_tree *tree, uint64_t offset, uint64_t byte_count)
{
	struct mr_site_server *self = run->self;

	static_assert((int)TREE_FILE_BYTES_MAX <= (int)MR_TCP_EXTENT_BYTES_MAX, "one extent");
	mr_metric_add(self->metrics, MR_SITE_answer_byte, byte_count);
	mr_pin_take(&self->store->pins, self->worker, tree->slot);
	if (mr_likely(mr_tcp_send_ref(run->tcp, run->conn, MR_SITE_REGION, offset,
				      (uint32_t)byte_count, tree->slot)))
		return true;
	mr_pin_drop(&self->store->pins, self->worker, tree->slot);
	run_abort(run, MR_SITE_no_memory);
	return false;
}

void
h1_answer(struct run *run, const struct mr_http_message *message, const struct site_answer *answer)
{
	struct mr_site_server *self = run->self;
	struct mr_writer out = mr_writer_over(self->answer, H1_ANSWER_BYTES);
	bool wanted = message->method != MR_HTTP_HEAD && answer->body.byte_count;
	bool together = wanted && answer->body.byte_count <= H1_SHORT_BODY_BYTES;

	self->tally[MR_SITE_status_1xx + answer->status / 100 - 1]++;
	mr_writer_bytes(&out, answer->head.bytes, answer->head.byte_count);
	h1_tail(run, &out, message->version_minor);
	if (together)
		mr_writer_bytes(&out, answer->body.bytes, answer->body.byte_count);
	MR_ASSERT_SLOW(!out.failed);
	if (h1_send(run, self->answer, (uint32_t)(out.at - self->answer)) && wanted && !together)
		h1_send(run, answer->body.bytes, answer->body.byte_count);
}

/* refuse answers what is no request, or none that can be served, and ends the connection. */
static MR_COLD void
refuse(struct run *run, uint16_t status)
{
	static const struct mr_http_message unknown = { .version_minor = 1 };

	run->close = true;
	run->id = NULL;
	h1_answer(run, &unknown, &run->self->sites->errors[site_error_of(status)]);
	if (!run->ended)
		run_finish(run);
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
	}
}

/* respond answers the request whose head is at bytes and whose content, if any, has been read or is
 * not wanted (then close is set). */
static void
respond(struct run *run, const struct mr_http_message *message, const uint8_t *bytes, bool close)
{
	struct request request = { .message = message, .bytes = bytes };
	struct mr_site_server *self = run->self;
	const struct site_answer *answer;

	run->id = NULL;
	answer = h1_route(run, &request);
	run->close = close | message->close;
	run->word += WORD_REQUEST;
	if (mr_unlikely((run->word & WORD_REQUESTS) / WORD_REQUEST >= self->config.request_limit)) {
		self->tally[MR_SITE_request_limit]++;
		run->close = true;
	}
	if (mr_likely(!answer))
		request_answer(run, &request);
	else
		h1_answer(run, message, answer);
	if (mr_unlikely(run->ended))
		return;
	if (run->close) {
		run_finish(run);
	} else {
		exchange_release(run);
		mr_tcp_deadline(run->tcp, run->conn, self->config.idle_ms);
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
		refuse(run, 503);
		return false;
	}
	run->word = (run->word & ~WORD_EXCHANGE) | handle | flag;
	return true;
}

/* exchange_begin takes a buffer for the request that begins here. */
static bool
exchange_begin(struct run *run)
{
	struct exchange *exchange;

	if (!exchange_take(run, &run->self->exchanges, 0))
		return false;
	run->self->tally[MR_SITE_request_split]++;
	exchange = exchange_at(run);
	mr_http_head_request(&exchange->head);
	exchange->have_bytes = 0;
	exchange->content = false;
	mr_tcp_deadline(run->tcp, run->conn, run->self->config.header_ms);
	return true;
}

/* exchange_grow moves a head that is longer than most into a large buffer. */
static bool
exchange_grow(struct run *run)
{
	uint32_t small = (uint32_t)(run->word & WORD_HANDLE);
	const struct exchange *from = exchange_at(run);

	MR_ASSERT(!(run->word & WORD_LARGE)); /* a large one holds more than a head may have */
	run->word &= ~WORD_EXCHANGE;
	if (exchange_take(run, &run->self->larges, WORD_LARGE))
		memcpy(exchange_at(run), from, sizeof(*from) + from->have_bytes);
	mr_pool_put(&run->self->exchanges, small);
	return (run->word & WORD_LARGE) != 0;
}

/* content_begin: the head is whole, its content is not. */
static void
content_begin(struct run *run, struct exchange *exchange, bool more_is_here)
{
	const struct mr_http_message *message = &run->self->message;

	if (message->expect_continue && !more_is_here) {
		/* No action wants the content: the answer is final, and what the client does then
		 * cannot be told from the next request (RFC 9110 10.1.1). */
		respond(run, message, exchange->bytes, true);
		return;
	}
	exchange->content = true;
	exchange->have_bytes = message->head_bytes;
	mr_http_body_init(&exchange->body, message, &run->self->limits);
	mr_tcp_deadline(run->tcp, run->conn, run->self->config.body_ms);
}

/* exchange_head adds to a head and returns how many bytes belong to it. */
static uint32_t
exchange_head(struct run *run, const uint8_t *bytes, uint32_t count)
{
	struct mr_site_server *self = run->self;
	struct exchange *exchange = exchange_at(run);
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
		refuse(run, mr_http_status_of(self->message.refusal));
		return count;
	case MR_HTTP_DONE:
		break;
	}
	taken = self->message.head_bytes - before;
	request_count(self, &self->message);
	if (self->message.framing == MR_HTTP_NO_BODY)
		respond(run, &self->message, exchange->bytes, false);
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
	struct exchange *exchange = exchange_at(run);
	struct mr_http_head head;
	struct mr_http_piece piece;
	enum mr_http_verdict verdict;

	switch (mr_http_body_feed(&exchange->body, bytes, count, &piece)) {
	case MR_HTTP_MORE:
		break;
	case MR_HTTP_REFUSED:
		self->tally[MR_SITE_refused]++;
		refuse(run, mr_http_status_of(exchange->body.refusal));
		return count;
	case MR_HTTP_DONE:
		mr_http_head_request(&head);
		verdict = mr_http_head_parse(&head, &self->message, &self->limits, exchange->bytes,
					     exchange->have_bytes);
		MR_ASSERT(verdict == MR_HTTP_DONE); /* as it was before its content */
		respond(run, &self->message, exchange->bytes, false);
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
		respond(run, &self->message, bytes, false);
		return self->message.head_bytes;
	case MR_HTTP_REFUSED:
		self->tally[MR_SITE_refused]++;
		refuse(run, mr_http_status_of(self->message.refusal));
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
	struct run run = run_begin(context, tcp, conn);
	uint32_t at = 0;

	if (mr_unlikely(!run.self->sites)) { /* a listener that is being taken away */
		run_abort(&run, MR_SITE_no_site);
		return count;
	}
	/* Each round takes at least one byte, or is the last. */
	while (at < count && !run.ended) {
		if (mr_unlikely(run.word & WORD_LINGER)) {
			at = count;
			break;
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
	run_end(&run);
	return run.ended ? count : at;
}

static void
h1_acked(void *context, struct mr_tcp *tcp, uint32_t conn, uint32_t bytes)
{
	uint64_t word = mr_tcp_app_word(tcp, conn);

	(void)context;
	(void)bytes;
	mr_tcp_app_word_set(tcp, conn, (word & ~WORD_STALLED) | WORD_PROGRESS);
	if (mr_unlikely(word & WORD_STALLED))
		mr_tcp_resume(tcp, conn);
}

static void
h1_peer_closed(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	struct run run = run_begin(context, tcp, conn);

	if (run.word & WORD_HANDLE) {
		run.self->tally[MR_SITE_cut_off]++;
		exchange_release(&run);
	}
	run_end(&run);
	mr_tcp_close(tcp, conn); /* what is queued goes out first */
}

static void
h1_deadline(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	struct run run = run_begin(context, tcp, conn);
	struct mr_site_server *self = run.self;

	if (run.word & WORD_HANDLE && self->sites) {
		self->tally[exchange_at(&run)->content ? MR_SITE_late_content
						       : MR_SITE_late_head]++;
		refuse(&run, 408);
	} else if (mr_tcp_queued(tcp, conn) && run.word & WORD_PROGRESS) {
		run.word &= ~WORD_PROGRESS;
		mr_tcp_deadline(tcp, conn, self->config.idle_ms);
	} else if (mr_tcp_queued(tcp, conn)) {
		run_abort(&run, MR_SITE_late_send);
	} else {
		self->tally[MR_SITE_idle] += !(run.word & WORD_LINGER);
		exchange_release(&run);
		run_end(&run);
		run.ended = true;
		mr_tcp_close(tcp, conn);
	}
	run_end(&run);
}

static void
h1_closed(void *context, struct mr_tcp *tcp, uint32_t conn, enum mr_tcp_reason reason)
{
	struct run run = run_begin(context, tcp, conn);

	(void)reason;
	exchange_release(&run);
	run_end(&run);
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
