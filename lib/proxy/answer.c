/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy/answer - what comes from an origin: heads, content, ends; the events of links.
 *
 * Spec: RFC 9110 15.2 (interim answers), RFC 9112 6.3, 8 (incomplete messages), 9.3.
 */
#include "proxy_int.h"

/* Room that a head needs at the client: a head of ours, with what the client's side adds. */
enum { HEAD_ROOM = MR_PROXY_HEAD_BYTES + 8192 };

/* One event's work on one link. */
struct answer {
	struct mr_proxy *self;
	struct proxy_exchange *exchange;
	uint32_t handle, link, conn;
	bool over; /* the exchange has ended, or has left the link: both are another's */
};

static struct answer
answer_of(struct mr_proxy *self, uint32_t link)
{
	uint32_t handle = proxy_link_at(self, link)->exchange;

	return (struct answer){ .self = self,
				.exchange = proxy_exchange_at(self, handle),
				.handle = handle,
				.link = link,
				.conn = proxy_link_at(self, link)->conn };
}

static void
answer_fail(struct answer *answer, enum mr_proxy_metric metric)
{
	answer->over = true;
	proxy_exchange_fail(answer->self, answer->handle, MR_ORIGIN_BROKEN, metric, 502);
}

/* answer_stall: the client takes nothing; until it does, time is not the origin's. */
static void
answer_stall(struct answer *answer)
{
	answer->self->tally[MR_PROXY_stall_client]++;
	answer->exchange->stalled = true;
	mr_tcp_deadline(answer->self->tcp, answer->conn, 0);
}

static uint32_t
answer_room(const struct answer *answer)
{
	const struct mr_proxy *self = answer->self;

	return self->client->room(self->client_context, answer->exchange->client);
}

static void
answer_end(struct answer *answer, bool clean)
{
	struct mr_proxy *self = answer->self;
	struct proxy_exchange *exchange = answer->exchange;
	const uint8_t *work = proxy_work(self, exchange);
	struct mr_http_head head;

	answer->over = true;
	if (!exchange->work_bytes) {
		proxy_exchange_end(self, answer->handle, clean, NULL, NULL);
		return;
	}
	mr_http_head_trailers(&head);
	if (mr_http_head_parse(&head, &self->message, &self->limits, work, exchange->work_bytes) !=
	    MR_HTTP_DONE)
		proxy_exchange_fail(self, answer->handle, MR_ORIGIN_BROKEN, MR_PROXY_answer_refused,
				    502);
	else
		proxy_exchange_end(self, answer->handle, clean, &self->message, work);
}

/* ---- heads ---- */

/* answer_head_pass gives the head to the client. */
static bool
answer_head_pass(struct answer *answer, const uint8_t *bytes)
{
	struct mr_proxy *self = answer->self;
	struct proxy_exchange *exchange = answer->exchange;
	struct mr_http_forward how = { .via = self->config.name,
				       .client_minor = !exchange->client_1_0,
				       .upgrade = exchange->upgrade,
				       .trailers = true };

	if (self->client->head(self->client_context, exchange->client, &self->message, bytes, &how,
			       exchange->content_done))
		return true;
	answer->over = true;
	return false;
}

static void
answer_interim(struct answer *answer, const uint8_t *bytes)
{
	struct mr_proxy *self = answer->self;
	struct proxy_exchange *exchange = answer->exchange;

	self->tally[MR_PROXY_answer_interim]++;
	if (++exchange->interims > MR_PROXY_INTERIM_MAX) {
		answer_fail(answer, MR_PROXY_answer_refused);
		return;
	}
	if (!exchange->client_1_0 && !answer_head_pass(answer, bytes)) /* RFC 9110 15.2 */
		return;
	exchange->state = PROXY_SENT;
	mr_http_head_response(&exchange->head, (enum mr_http_method)exchange->method);
	mr_tcp_deadline(self->tcp, answer->conn,
			exchange->content_done ? exchange->limits.first_byte_ms : 0);
}

static void
answer_tunnel(struct answer *answer, const uint8_t *bytes)
{
	struct mr_proxy *self = answer->self;
	struct proxy_exchange *exchange = answer->exchange;

	if (!exchange->upgrade || !exchange->content_done) { /* nobody asked for that */
		answer_fail(answer, MR_PROXY_answer_refused);
		return;
	}
	self->tally[MR_PROXY_tunnel]++;
	exchange->content_done = false; /* what comes now */
	exchange->total_ns = 0;
	proxy_exchange_schedule(self, answer->handle);
	exchange->state = PROXY_TUNNEL;
	if (!answer_head_pass(answer, bytes))
		return;
	exchange->answered = true;
	self->client->want(self->client_context, exchange->client); /* it may have begun */
}

/* answer_begin: a head is whole; self->message tells of bytes. */
static void
answer_begin(struct answer *answer, const uint8_t *bytes)
{
	struct mr_proxy *self = answer->self;
	struct proxy_exchange *exchange = answer->exchange;
	const struct mr_http_message *message = &self->message;

	if (message->status == 101) {
		answer_tunnel(answer, bytes);
		return;
	}
	if (message->status < 200) {
		answer_interim(answer, bytes);
		return;
	}
	exchange->status = message->status;
	exchange->answer_close = message->close || message->framing == MR_HTTP_CLOSE;
	exchange->latency_ns = MR_MAX(self->now_ns - exchange->sent_ns, 1ull);
	exchange->state = PROXY_BODY;
	mr_http_body_init(&exchange->body, message, &self->limits);
	if (answer_head_pass(answer, bytes))
		exchange->answered = true;
}

/* answer_keep adds count octets to what is kept of a head, or of trailers. */
static bool
answer_keep(struct answer *answer, const uint8_t *bytes, uint32_t count)
{
	struct mr_proxy *self = answer->self;
	struct proxy_exchange *exchange = answer->exchange;

	if (exchange->work_bytes + count > proxy_work_room(exchange) &&
	    (exchange->large || !proxy_work_grow(self, exchange) ||
	     exchange->work_bytes + count > proxy_work_room(exchange))) {
		answer_fail(answer, MR_PROXY_head_long);
		return false;
	}
	memcpy(proxy_work(self, exchange) + exchange->work_bytes, bytes, count);
	exchange->work_bytes += count;
	return true;
}

/* answer_head takes octets of a head: read where they lie when it is whole, kept else. */
static uint32_t
answer_head(struct answer *answer, const uint8_t *bytes, uint32_t count)
{
	struct mr_proxy *self = answer->self;
	struct proxy_exchange *exchange = answer->exchange;
	bool split = exchange->state == PROXY_HEAD;
	uint32_t before = split ? exchange->work_bytes : 0;

	if (answer_room(answer) < HEAD_ROOM) {
		answer_stall(answer);
		return 0;
	}
	if (!split)
		exchange->work_bytes = 0; /* the request: an answer has come to it */
	else if (!answer_keep(answer, bytes, MR_MIN(count, self->limits.head_bytes + 1 - before)))
		return count;
	switch (mr_http_head_parse(&exchange->head, &self->message, &self->limits,
				   split ? proxy_work(self, exchange) : bytes,
				   split ? exchange->work_bytes : count)) {
	case MR_HTTP_MORE:
		exchange->state = PROXY_HEAD;
		if (!split && !answer_keep(answer, bytes, count))
			return count;
		mr_tcp_deadline(self->tcp, answer->conn, exchange->limits.between_ms);
		return split ? exchange->work_bytes - before : count;
	case MR_HTTP_REFUSED:
		answer_fail(answer, MR_PROXY_answer_refused);
		return count;
	case MR_HTTP_DONE:
		break;
	}
	exchange->work_bytes = 0;
	answer_begin(answer, split ? proxy_work(self, exchange) : bytes);
	return self->message.head_bytes - before;
}

/* ---- content ---- */

static uint32_t
answer_body(struct answer *answer, const uint8_t *bytes, uint32_t count)
{
	struct mr_proxy *self = answer->self;
	struct proxy_exchange *exchange = answer->exchange;
	uint32_t room = answer_room(answer);
	struct mr_http_piece piece;
	enum mr_http_verdict verdict;

	if (!room) {
		answer_stall(answer);
		return 0;
	}
	verdict = mr_http_body_feed(&exchange->body, bytes, MR_MIN(count, room), &piece);
	if (verdict == MR_HTTP_REFUSED) {
		answer_fail(answer, MR_PROXY_answer_refused);
		return count;
	}
	if (piece.data_bytes) {
		self->tally[MR_PROXY_answer_byte] += (uint32_t)piece.data_bytes;
		if (!self->client->data(self->client_context, exchange->client,
					bytes + piece.data_at, (uint32_t)piece.data_bytes)) {
			answer->over = true;
			return count;
		}
	}
	if (piece.trailer_bytes &&
	    !answer_keep(answer, bytes + piece.trailer_at, (uint32_t)piece.trailer_bytes))
		return count;
	if (verdict == MR_HTTP_DONE)
		answer_end(answer, piece.used_bytes == count);
	return (uint32_t)piece.used_bytes;
}

static uint32_t
answer_octets(struct answer *answer, const uint8_t *bytes, uint32_t count)
{
	struct mr_proxy *self = answer->self;
	uint32_t room = answer_room(answer);

	count = MR_MIN(count, room);
	if (!count) {
		answer_stall(answer);
		return 0;
	}
	self->tally[MR_PROXY_answer_byte] += count;
	answer->over =
		!self->client->data(self->client_context, answer->exchange->client, bytes, count);
	return count;
}

void
mr_proxy_resume(struct mr_proxy *self, uint32_t handle)
{
	struct proxy_exchange *exchange = proxy_exchange_at(self, handle);
	uint32_t conn;

	if (!exchange->stalled)
		return;
	exchange->stalled = false;
	conn = proxy_link_at(self, exchange->link)->conn;
	mr_tcp_deadline(self->tcp, conn, exchange->limits.between_ms);
	mr_tcp_resume(self->tcp, conn);
}

/* ---- events ---- */

static void
link_accepted(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	struct mr_proxy *self = context;
	uint32_t link = (uint32_t)mr_tcp_app_word(tcp, conn);
	struct answer answer;
	uint16_t status;

	if (!link)
		return;
	answer = answer_of(self, link);
	status = proxy_exchange_send(self, answer.handle);
	if (status)
		proxy_exchange_over(self, answer.handle, MR_ORIGIN_LEFT, status);
	else if (answer.exchange->wants) {
		answer.exchange->wants = false;
		self->client->want(self->client_context, answer.exchange->client);
	}
}

static uint32_t
link_readable(void *context, struct mr_tcp *tcp, uint32_t conn, const uint8_t *bytes,
	      uint32_t count)
{
	struct mr_proxy *self = context;
	uint32_t link = (uint32_t)mr_tcp_app_word(tcp, conn), at = 0, taken = 0;
	struct answer answer;

	if (!link)
		return count;
	if (!proxy_link_at(self, link)->exchange) {
		proxy_link_idle_end(self, link, MR_PROXY_kept_data);
		return count;
	}
	answer = answer_of(self, link);
	/* Each round takes at least one octet, or is the last. */
	while (at < count && !answer.over) {
		switch ((enum proxy_state)answer.exchange->state) {
		case PROXY_SENT:
		case PROXY_HEAD:
			taken = answer_head(&answer, bytes + at, count - at);
			break;
		case PROXY_BODY:
			taken = answer_body(&answer, bytes + at, count - at);
			break;
		case PROXY_TUNNEL:
			taken = answer_octets(&answer, bytes + at, count - at);
			break;
		case PROXY_WAIT: /* without a link, or with one that is not up */
		case PROXY_CONNECT:
			MR_ASSERT(0);
		}
		at += taken;
		/* an answer without content ends with its head */
		if (!answer.over && answer.exchange->state == PROXY_BODY &&
		    mr_http_body_is_done(&answer.exchange->body))
			answer_end(&answer, at == count);
		if (!taken)
			break;
	}
	if (!answer.over && !answer.exchange->stalled && answer.exchange->state >= PROXY_BODY)
		mr_tcp_deadline(tcp, conn, answer.exchange->limits.between_ms);
	if (!answer.over)
		answer.over = !self->client->flush(self->client_context, answer.exchange->client);
	return answer.over ? count : at;
}

static void
link_acked(void *context, struct mr_tcp *tcp, uint32_t conn, uint32_t bytes)
{
	struct mr_proxy *self = context;
	uint32_t link = (uint32_t)mr_tcp_app_word(tcp, conn);
	struct proxy_exchange *exchange;

	(void)bytes;
	if (!link || !proxy_link_at(self, link)->exchange)
		return;
	exchange = proxy_exchange_at(self, proxy_link_at(self, link)->exchange);
	if (exchange->content_done || exchange->state == PROXY_CONNECT)
		return;
	/* it has all that there is: now it is the client's turn */
	if (exchange->state == PROXY_SENT)
		mr_tcp_deadline(tcp, conn,
				mr_tcp_queued(tcp, conn) ? exchange->limits.between_ms : 0);
	if (exchange->wants && proxy_content_room(self, exchange)) {
		exchange->wants = false;
		self->client->want(self->client_context, exchange->client);
	}
}

/* link_ended: no octet comes any more. reset: the connection is gone, and with it what was sent. */
static void
link_ended(struct mr_proxy *self, uint32_t link, bool reset)
{
	struct answer answer = answer_of(self, link);
	struct proxy_exchange *exchange = answer.exchange;

	switch ((enum proxy_state)exchange->state) {
	case PROXY_TUNNEL:
		if (reset)
			answer_fail(&answer, MR_PROXY_fail_cut);
		else
			self->client->end(self->client_context, exchange->client, NULL, NULL);
		return;
	case PROXY_BODY:
		exchange->answer_close = true;
		if (!reset && mr_http_body_end(&exchange->body) == MR_HTTP_DONE)
			answer_end(&answer, true);
		else
			answer_fail(&answer, MR_PROXY_fail_cut);
		return;
	case PROXY_SENT:
	case PROXY_HEAD:
	case PROXY_CONNECT:
		break;
	case PROXY_WAIT:
		MR_ASSERT(0);
	}
	exchange->link = 0;
	if (reset)
		proxy_link_gone(self, link);
	else
		proxy_link_drop(self, link, false);
	if (exchange->state == PROXY_CONNECT) {
		self->tally[MR_PROXY_connect_fail]++;
		proxy_exchange_retry(self, answer.handle, MR_ORIGIN_CONNECT_FAILED,
				     MR_PROXY_fail_connect, 502);
	} else {
		proxy_exchange_retry(self, answer.handle, MR_ORIGIN_BROKEN, MR_PROXY_fail_broken,
				     502);
	}
}

static void
link_peer_closed(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	struct mr_proxy *self = context;
	uint32_t link = (uint32_t)mr_tcp_app_word(tcp, conn);

	if (!link)
		mr_tcp_close(tcp, conn);
	else if (proxy_link_at(self, link)->exchange)
		link_ended(self, link, false);
	else
		proxy_link_idle_end(self, link, MR_PROXY_kept_closed);
}

/* link_late: what the exchange waited for has not come. */
static void
link_late(struct mr_proxy *self, uint32_t link)
{
	struct answer answer = answer_of(self, link);
	struct proxy_exchange *exchange = answer.exchange;

	switch ((enum proxy_state)exchange->state) {
	case PROXY_CONNECT:
		self->tally[MR_PROXY_connect_fail]++;
		exchange->link = 0;
		proxy_link_drop(self, link, true);
		proxy_exchange_retry(self, answer.handle, MR_ORIGIN_CONNECT_FAILED,
				     MR_PROXY_fail_connect, 504);
		return;
	case PROXY_SENT:
		proxy_exchange_fail(self, answer.handle, MR_ORIGIN_TIMED_OUT,
				    exchange->content_done ? MR_PROXY_late_answer
							   : MR_PROXY_late_octet,
				    504);
		return;
	case PROXY_HEAD:
	case PROXY_BODY:
	case PROXY_TUNNEL:
		proxy_exchange_fail(self, answer.handle, MR_ORIGIN_TIMED_OUT, MR_PROXY_late_octet,
				    504);
		return;
	case PROXY_WAIT:
		MR_ASSERT(0);
	}
}

static void
link_deadline(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	struct mr_proxy *self = context;
	uint32_t link = (uint32_t)mr_tcp_app_word(tcp, conn);

	if (!link)
		return;
	if (proxy_link_at(self, link)->exchange)
		link_late(self, link);
	else
		proxy_link_idle_end(self, link, MR_PROXY_kept_idle);
}

static void
link_closed(void *context, struct mr_tcp *tcp, uint32_t conn, enum mr_tcp_reason reason)
{
	struct mr_proxy *self = context;
	uint32_t link = (uint32_t)mr_tcp_app_word(tcp, conn), handle;

	(void)reason;
	if (!link)
		return;
	handle = proxy_link_at(self, link)->exchange;
	if (!handle) {
		proxy_link_idle_gone(self, link);
		return;
	}
	mr_tcp_app_word_set(tcp, conn, 0);
	proxy_link_at(self, link)->gone = true; /* for who drops it below */
	link_ended(self, link, true);
}

const struct mr_tcp_app_ops mr_proxy_link_ops = {
	.name = "origin",
	.accepted = link_accepted,
	.readable = link_readable,
	.acked = link_acked,
	.peer_closed = link_peer_closed,
	.deadline = link_deadline,
	.closed = link_closed,
};
