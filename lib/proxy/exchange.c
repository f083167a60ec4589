/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy/exchange - one request and its answer: from the first try to the end.
 */
#include "proxy_int.h"

#include <stdio.h>

enum {
	CHUNK_ROOM = MR_HTTP_CHUNK_OPEN_BYTES + MR_HTTP_CHUNK_CLOSE_BYTES,
	END_ROOM = 8192,     /* kept for trailers */
	PAUSE_DOUBLINGS = 7, /* then 1.28 s each */
};

bool
proxy_work_grow(struct mr_proxy *self, struct proxy_exchange *exchange)
{
	uint32_t large = mr_pool_get(&self->larges);

	MR_ASSERT(!exchange->large);
	if (!large) {
		self->tally[MR_PROXY_no_large]++;
		return false;
	}
	memcpy(mr_pool_at(&self->larges, large), exchange->bytes,
	       exchange->note_bytes + exchange->work_bytes);
	exchange->large = large;
	return true;
}

void
proxy_exchange_schedule(struct mr_proxy *self, uint32_t handle)
{
	const struct proxy_exchange *exchange = proxy_exchange_at(self, handle);
	uint64_t wake_ns = exchange->wake_ns, total_ns = exchange->total_ns;

	if (!wake_ns || (total_ns && total_ns < wake_ns))
		wake_ns = total_ns;
	if (wake_ns)
		mr_wheel_schedule(&self->wheel, handle, wake_ns);
	else
		mr_wheel_cancel(&self->wheel, handle);
}

static void
exchange_report(struct mr_proxy *self, struct proxy_exchange *exchange,
		enum mr_origin_outcome outcome)
{
	if (!exchange->ref.slot)
		return;
	mr_origin_report(&self->policy, exchange->ref, outcome, exchange->latency_ns, self->now_ns);
	exchange->ref = (struct mr_origin_ref){ 0 };
}

/* exchange_release gives all back: a try that is under way ends as outcome says. */
static void
exchange_release(struct mr_proxy *self, uint32_t handle, enum mr_origin_outcome outcome)
{
	struct proxy_exchange *exchange = proxy_exchange_at(self, handle);

	exchange_report(self, exchange, outcome);
	if (exchange->link)
		proxy_link_drop(self, exchange->link, true);
	proxy_queue_remove(self, handle);
	mr_wheel_cancel(&self->wheel, handle);
	if (exchange->large)
		mr_pool_put(&self->larges, exchange->large);
	mr_pool_put(&self->exchanges, handle);
	self->tally[MR_PROXY_exchange_end]++;
}

void
proxy_exchange_over(struct mr_proxy *self, uint32_t handle, enum mr_origin_outcome outcome,
		    uint16_t status)
{
	struct proxy_exchange *exchange = proxy_exchange_at(self, handle);

	/* a reset of the link tells nobody: its word is taken away first */
	exchange_report(self, exchange, outcome);
	self->client->fail(self->client_context, exchange->client, exchange->answered ? 0 : status);
	exchange_release(self, handle, outcome);
}

void
proxy_exchange_fail(struct mr_proxy *self, uint32_t handle, enum mr_origin_outcome outcome,
		    enum mr_proxy_metric metric, uint16_t status)
{
	self->tally[metric]++;
	proxy_exchange_over(self, handle, outcome, status);
}

/* ---- tries ---- */

/* exchange_host: what Host is to this origin, where the group says that it is the origin's. */
static bool
exchange_host(struct mr_proxy *self, struct proxy_exchange *exchange,
	      const struct mr_upstream *group, const struct mr_origin *origin)
{
	const struct mr_upstream_server *server = &group->config->servers[origin->server];
	char text[MR_ORIGIN_HOST_BYTES + 10];
	bool literal = !server->is_name && !mr_addr_is_v4(&server->addr);
	int bytes;

	if (group->config->host == MR_UPSTREAM_HOST_CLIENT)
		return true;
	bytes = origin->port == 80
			? snprintf(text, sizeof(text), literal ? "[%s]" : "%s", server->host)
			: snprintf(text, sizeof(text), literal ? "[%s]:%u" : "%s:%u", server->host,
				   origin->port);
	return proxy_forward_host(self, exchange, text, (size_t)bytes);
}

/* exchange_wait: origins are full. */
static uint16_t
exchange_wait(struct mr_proxy *self, uint32_t handle)
{
	struct proxy_exchange *exchange = proxy_exchange_at(self, handle);

	if (exchange->waits_room)
		return 0;
	if (!proxy_queue_add(self, handle, exchange->limits.queue_limit)) {
		self->tally[MR_PROXY_queue_full]++;
		return 503;
	}
	self->tally[MR_PROXY_wait]++;
	exchange->state = PROXY_WAIT;
	if (exchange->limits.queue_ms)
		exchange->wake_ns = self->now_ns + exchange->limits.queue_ms * MR_NS_PER_MS;
	proxy_exchange_schedule(self, handle);
	return 0;
}

uint16_t
proxy_exchange_send(struct mr_proxy *self, uint32_t handle)
{
	struct proxy_exchange *exchange = proxy_exchange_at(self, handle);
	uint32_t conn = proxy_link_at(self, exchange->link)->conn;

	if (mr_unlikely(mr_tcp_send(self->tcp, conn, proxy_work(self, exchange),
				    exchange->work_bytes) != exchange->work_bytes)) {
		self->tally[MR_PROXY_no_memory]++;
		return 503;
	}
	exchange->state = PROXY_SENT;
	exchange->sent_ns = self->now_ns;
	mr_http_head_response(&exchange->head, (enum mr_http_method)exchange->method);
	mr_tcp_deadline(self->tcp, conn,
			exchange->content_done ? exchange->limits.first_byte_ms
					       : exchange->limits.between_ms);
	return 0;
}

/* exchange_link: over a kept link, or a new one. */
static uint16_t
exchange_link(struct mr_proxy *self, uint32_t handle, const struct mr_origin *origin)
{
	struct proxy_exchange *exchange = proxy_exchange_at(self, handle);
	uint32_t link = 0;

	if (!exchange->kept_dead && !exchange->announced)
		link = proxy_link_take(self, origin, exchange->idempotent);
	exchange->by_kept = link != 0;
	if (!link)
		link = proxy_link_open(self, origin);
	if (!link) {
		self->tally[MR_PROXY_no_link]++;
		return 503;
	}
	exchange->link = link;
	proxy_link_at(self, link)->exchange = handle;
	if (exchange->by_kept) {
		self->tally[MR_PROXY_reuse]++;
		return proxy_exchange_send(self, handle);
	}
	exchange->state = PROXY_CONNECT;
	mr_tcp_deadline(self->tcp, proxy_link_at(self, link)->conn, exchange->limits.connect_ms);
	return 0;
}

/* exchange_pause: all that there are were tried; they are again, later. */
static void
exchange_pause(struct mr_proxy *self, uint32_t handle)
{
	struct proxy_exchange *exchange = proxy_exchange_at(self, handle);

	memset(&exchange->tried, 0, sizeof(exchange->tried));
	exchange->paused = true;
	exchange->state = PROXY_WAIT;
	exchange->wake_ns = self->now_ns + (MR_PROXY_PAUSE_MS * MR_NS_PER_MS
					    << MR_MIN(exchange->tries, PAUSE_DOUBLINGS));
	proxy_exchange_schedule(self, handle);
}

/* exchange_none: nobody can be asked. */
static uint16_t
exchange_none(struct mr_proxy *self, uint32_t handle)
{
	struct proxy_exchange *exchange = proxy_exchange_at(self, handle);

	if (exchange->tries && (!exchange->paused || exchange->tries < exchange->limits.retries)) {
		exchange->tries += exchange->paused;
		proxy_queue_remove(self, handle);
		exchange_pause(self, handle);
		return 0;
	}
	self->tally[MR_PROXY_no_origin]++;
	return 503;
}

/* exchange_pick gives an origin; NULL with *status 0: it waits. */
static const struct mr_origin *
exchange_pick(struct mr_proxy *self, uint32_t handle, const struct mr_upstream *group,
	      uint16_t *status)
{
	struct proxy_exchange *exchange = proxy_exchange_at(self, handle);
	const struct mr_origin *origin;

	exchange->tried_before = exchange->tried;
	*status = 0;
	switch (mr_upstream_pick(group, &self->policy, exchange->key, &exchange->tried,
				 self->now_ns, &origin)) {
	case MR_UPSTREAM_PICKED:
		proxy_queue_remove(self, handle);
		exchange->ref = origin->ref;
		exchange->latency_ns = 0;
		exchange->wake_ns = 0;
		exchange->paused = false;
		proxy_exchange_schedule(self, handle);
		return origin;
	case MR_UPSTREAM_FULL:
		*status = exchange_wait(self, handle);
		break;
	case MR_UPSTREAM_NONE:
		*status = exchange_none(self, handle);
		break;
	}
	return NULL;
}

/* exchange_try picks an origin and sends the request on its way, or waits. Returns 0, or the status
 * that it fails with, counted. */
static uint16_t
exchange_try(struct mr_proxy *self, uint32_t handle)
{
	struct proxy_exchange *exchange = proxy_exchange_at(self, handle);
	const struct mr_upstream *group = proxy_group_of(self, exchange);
	const struct mr_origin *origin;
	uint16_t status;

	if (mr_unlikely(!group)) {
		self->tally[MR_PROXY_no_group]++;
		return 503;
	}
	origin = exchange_pick(self, handle, group, &status);
	if (!origin)
		return status;
	if (mr_unlikely(!exchange_host(self, exchange, group, origin))) {
		self->tally[MR_PROXY_head_long]++;
		return 503;
	}
	return exchange_link(self, handle, origin);
}

void
proxy_exchange_go(struct mr_proxy *self, uint32_t handle)
{
	uint16_t status = exchange_try(self, handle);

	if (status)
		proxy_exchange_over(self, handle, MR_ORIGIN_LEFT, status);
}

/* exchange_may_retry: see "When a request is tried again" in proxy.h. */
static bool
exchange_may_retry(struct mr_proxy *self, struct proxy_exchange *exchange, bool sent)
{
	uint32_t *credit = &self->groups[exchange->group].credit;

	if (exchange->content_taken || exchange->interims || exchange->answered ||
	    (sent && !exchange->idempotent)) {
		self->tally[MR_PROXY_retry_refused]++;
		return false;
	}
	if (exchange->tries >= exchange->limits.retries || (sent && *credit < 100)) {
		self->tally[MR_PROXY_retry_spent]++;
		return false;
	}
	*credit -= sent ? 100 : 0;
	exchange->tries++;
	self->tally[MR_PROXY_retry]++;
	return true;
}

void
proxy_exchange_retry(struct mr_proxy *self, uint32_t handle, enum mr_origin_outcome outcome,
		     enum mr_proxy_metric metric, uint16_t status)
{
	struct proxy_exchange *exchange = proxy_exchange_at(self, handle);
	bool sent = exchange->state != PROXY_CONNECT;

	MR_ASSERT_SLOW(!exchange->link);
	if (exchange->by_kept && exchange->state == PROXY_SENT) {
		self->tally[MR_PROXY_kept_dead]++;
		outcome = MR_ORIGIN_LEFT;
		if (exchange->idempotent && !exchange->content_taken && !exchange->interims) {
			exchange->kept_dead = true; /* so this happens once */
			exchange->tried = exchange->tried_before;
			exchange_report(self, exchange, outcome);
			proxy_exchange_go(self, handle);
			return;
		}
	}
	exchange_report(self, exchange, outcome);
	if (exchange->state != PROXY_HEAD && exchange_may_retry(self, exchange, sent))
		proxy_exchange_go(self, handle);
	else
		proxy_exchange_fail(self, handle, outcome, metric, status);
}

/* ---- from a client ---- */

static uint64_t
after(uint64_t now_ns, uint32_t ms)
{
	return ms ? now_ns + ms * MR_NS_PER_MS : 0;
}

/* exchange_fill: a fresh exchange in a group. */
static void
exchange_fill(struct mr_proxy *self, struct proxy_exchange *exchange,
	      const struct mr_upstream *group, const struct mr_proxy_request *request)
{
	const struct mr_http_message *message = request->message;

	*exchange = (struct proxy_exchange){
		.note_bytes = (uint16_t)mr_round_up(request->note_bytes, 8),
		.method = message->method,
		.idempotent = mr_http_method_is_idempotent((enum mr_http_method)message->method),
		.client_1_0 = message->version_minor == 0,
		.upgrade = message->websocket,
		.content_done = message->framing == MR_HTTP_NO_BODY,
		.group = group->index,
		.epoch = self->epoch,
		.limits = group->config->limits,
		.total_ns = after(self->now_ns, group->config->limits.total_ms),
	};
	memcpy(exchange->group_name, group->config->name, sizeof(exchange->group_name));
	memcpy(exchange->bytes, request->note, request->note_bytes);
	if (group->config->policy == MR_UPSTREAM_HASH)
		exchange->key = proxy_forward_key(group, request);
}

uint16_t
mr_proxy_begin(struct mr_proxy *self, const struct mr_proxy_request *request, uint32_t client,
	       uint32_t *out)
{
	const struct mr_upstreams *upstreams = self->policy.upstreams;
	const struct mr_upstream *group;
	struct proxy_exchange *exchange;
	struct proxy_group *counts;
	uint16_t status;
	uint32_t handle;

	MR_ASSERT(request->note_bytes <= MR_PROXY_NOTE_BYTES);
	self->tally[MR_PROXY_exchange]++;
	if (!upstreams || request->group >= mr_upstreams_count(upstreams)) {
		self->tally[MR_PROXY_no_group]++;
		self->tally[MR_PROXY_exchange_end]++;
		return 503;
	}
	handle = mr_pool_get(&self->exchanges);
	if (!handle) {
		self->tally[MR_PROXY_no_exchange]++;
		self->tally[MR_PROXY_exchange_end]++;
		return 503;
	}
	group = mr_upstreams_at(upstreams, request->group);
	exchange = proxy_exchange_at(self, handle);
	exchange_fill(self, exchange, group, request);
	exchange->client = client;
	counts = &self->groups[group->index];
	counts->credit =
		MR_MIN(counts->credit + exchange->limits.retry_percent, 100u * MR_PROXY_BUDGET);
	status = proxy_forward_write(self, exchange, group, request);
	if (!status)
		status = exchange_try(self, handle);
	if (status) {
		exchange_release(self, handle, MR_ORIGIN_LEFT);
		return status;
	}
	*out = handle;
	return 0;
}

void *
mr_proxy_note(struct mr_proxy *self, uint32_t handle)
{
	struct proxy_exchange *exchange = proxy_exchange_at(self, handle);

	return proxy_work(self, exchange) - exchange->note_bytes;
}

/* ---- content ---- */

uint32_t
proxy_content_room(const struct mr_proxy *self, const struct proxy_exchange *exchange)
{
	uint32_t conn, queued, room;

	if (!exchange->link || exchange->state < PROXY_SENT)
		return 0;
	conn = proxy_link_at(self, exchange->link)->conn;
	queued = mr_tcp_queued(self->tcp, conn);
	if (queued + END_ROOM >= self->config.buffer_bytes)
		return 0;
	room = MR_MIN(mr_tcp_room(self->tcp, conn), self->config.buffer_bytes - queued);
	room = room > END_ROOM ? room - END_ROOM : 0;
	return MR_MIN(room, MR_PROXY_HEAD_BYTES - CHUNK_ROOM); /* so that a chunk fits in scratch */
}

uint32_t
mr_proxy_content_room(struct mr_proxy *self, uint32_t handle)
{
	struct proxy_exchange *exchange = proxy_exchange_at(self, handle);
	uint32_t room = proxy_content_room(self, exchange);

	if (!room) {
		self->tally[MR_PROXY_stall_origin] += !exchange->wants;
		exchange->wants = true;
	}
	return room;
}

/* content_chunk sends count octets as a chunk, in one piece. */
static bool
content_chunk(struct mr_proxy *self, uint32_t conn, const uint8_t *bytes, uint32_t count)
{
	struct mr_writer out = mr_writer_over(self->scratch, MR_PROXY_HEAD_BYTES);

	mr_http_chunk_open(&out, count);
	mr_writer_bytes(&out, bytes, count);
	mr_http_chunk_close(&out);
	MR_ASSERT_SLOW(!out.failed);
	return mr_tcp_send(self->tcp, conn, self->scratch, (uint32_t)(out.at - self->scratch)) ==
	       (uint32_t)(out.at - self->scratch);
}

/* content_broken: half of something was sent. It fails when its timer fires, not within the event
 * of the client. */
static MR_COLD void
content_broken(struct mr_proxy *self, uint32_t handle)
{
	struct proxy_exchange *exchange = proxy_exchange_at(self, handle);

	self->tally[MR_PROXY_no_memory]++;
	exchange->broken = true;
	exchange->wake_ns = self->now_ns;
	proxy_exchange_schedule(self, handle);
}

uint32_t
mr_proxy_content(struct mr_proxy *self, uint32_t handle, const uint8_t *bytes, uint32_t count)
{
	struct proxy_exchange *exchange = proxy_exchange_at(self, handle);
	uint32_t conn;

	count = MR_MIN(count, mr_proxy_content_room(self, handle));
	if (!count)
		return 0;
	conn = proxy_link_at(self, exchange->link)->conn;
	exchange->content_taken = true;
	if (exchange->request_framing != MR_HTTP_CHUNKED || exchange->state == PROXY_TUNNEL)
		count = mr_tcp_send(self->tcp, conn, bytes, count);
	else if (mr_unlikely(!content_chunk(self, conn, bytes, count)))
		content_broken(self, handle);
	exchange->wants |= !count;
	self->tally[MR_PROXY_content_byte] += count;
	mr_tcp_deadline(self->tcp, conn, exchange->limits.between_ms);
	return count;
}

void
mr_proxy_content_end(struct mr_proxy *self, uint32_t handle, const struct mr_http_message *trailers,
		     const uint8_t *bytes)
{
	struct proxy_exchange *exchange = proxy_exchange_at(self, handle);
	struct mr_writer out = mr_writer_over(self->scratch, MR_PROXY_HEAD_BYTES);
	uint32_t conn;

	MR_ASSERT(exchange->link); /* some of it was taken, or none was ever to come */
	conn = proxy_link_at(self, exchange->link)->conn;
	exchange->content_done = true;
	if (exchange->state == PROXY_TUNNEL) {
		mr_tcp_shutdown(self->tcp, conn);
		return;
	}
	if (exchange->request_framing == MR_HTTP_CHUNKED) {
		uint32_t count;

		mr_http_chunk_last(&out);
		if (trailers)
			mr_http_write_trailers(&out, trailers, bytes);
		else
			mr_http_put_end(&out);
		count = (uint32_t)(out.at - self->scratch);
		if (mr_tcp_send(self->tcp, conn, self->scratch, count) != count)
			content_broken(self, handle);
	}
	if (exchange->state == PROXY_SENT)
		mr_tcp_deadline(self->tcp, conn, exchange->limits.first_byte_ms);
}

/* ---- the end ---- */

void
proxy_exchange_end(struct mr_proxy *self, uint32_t handle, bool clean,
		   const struct mr_http_message *trailers, const uint8_t *bytes)
{
	struct proxy_exchange *exchange = proxy_exchange_at(self, handle);
	uint32_t link = exchange->link;

	self->tally[MR_PROXY_answer]++;
	self->tally[MR_PROXY_answer_5xx] += exchange->status >= 500;
	self->tally[MR_PROXY_answer_early] += !exchange->content_done;
	self->tally[MR_PROXY_kept_data] += !clean;
	exchange_report(self, exchange, exchange->status >= 500 ? MR_ORIGIN_5XX : MR_ORIGIN_OK);
	exchange->link = 0;
	if (clean && !exchange->answer_close && exchange->content_done && !exchange->broken &&
	    !exchange->announced)
		proxy_link_keep(self, link, &exchange->limits);
	else
		proxy_link_drop(self, link, !clean || !exchange->content_done);
	self->client->end(self->client_context, exchange->client, trailers, bytes);
	exchange_release(self, handle, MR_ORIGIN_LEFT);
}

void
mr_proxy_leave(struct mr_proxy *self, uint32_t handle)
{
	const struct proxy_exchange *exchange = proxy_exchange_at(self, handle);

	if (exchange->state == PROXY_TUNNEL) {
		exchange_release(self, handle, MR_ORIGIN_OK);
		return;
	}
	self->tally[MR_PROXY_client_left]++;
	exchange_release(self, handle, MR_ORIGIN_LEFT);
}
