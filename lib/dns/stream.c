/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/stream - from bytes to messages to answers.
 *
 * A connection's application word: the partial buffer's handle in the low half, messages seen in
 * the high half.
 */
#include "dns/stream.h"

#include <string.h>

enum { LENGTH_BYTES = 2 };

/* A message that is being gathered: its length's two bytes first. */
struct partial {
	uint32_t have_bytes;
	uint8_t bytes[LENGTH_BYTES + MR_DNS_STREAM_MESSAGE_BYTES];
};
static_assert(sizeof(struct partial) <= MR_DNS_STREAM_PARTIAL_BYTES, "fits its pool");

int
mr_dns_stream_create(struct mr_dns_stream *self, struct mr_dns *dns,
		     const struct mr_dns_stream_config *config, struct mr_arena *arena,
		     struct mr_error *error)
{
	uint64_t offset;

	*self = (struct mr_dns_stream){ .dns = dns, .config = *config };
	if (!self->config.partial_limit)
		self->config.partial_limit = 1024;
	if (!self->config.idle_ms)
		self->config.idle_ms = 10000;
	if (!self->config.message_ms)
		self->config.message_ms = 3000;
	if (!self->config.query_limit)
		self->config.query_limit = 100000;
	if (mr_arena_take(arena, LENGTH_BYTES + MR_DNS_STREAM_ANSWER_BYTES, MR_CACHE_LINE, &offset))
		return mr_arena_shortage(arena, LENGTH_BYTES + MR_DNS_STREAM_ANSWER_BYTES, error);
	self->scratch = mr_arena_at(arena, offset);
	return mr_pool_create(&self->partials, arena, MR_DNS_STREAM_PARTIAL_BYTES,
			      self->config.partial_limit, error);
}

static uint32_t
partial_handle(uint64_t word)
{
	return (uint32_t)word;
}

static uint32_t
messages_seen(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

static uint64_t
word_of(uint32_t partial, uint32_t messages)
{
	return (uint64_t)messages << 32 | partial;
}

/* stream_close ends the connection after what is queued; metric says why. */
static void
stream_close(struct mr_dns_stream *self, struct mr_tcp *tcp, uint32_t conn,
	     enum mr_dns_metric metric)
{
	self->dns->tally[metric]++;
	mr_tcp_close(tcp, conn);
}

/* message_answer answers the message_bytes bytes of query at scratch + LENGTH_BYTES. False: the
 * connection is over. */
static bool
message_answer(struct mr_dns_stream *self, struct mr_tcp *tcp, uint32_t conn,
	       uint16_t message_bytes)
{
	uint64_t word = mr_tcp_app_word(tcp, conn);
	struct mr_dns_item item = {
		.message = self->scratch + LENGTH_BYTES,
		.message_bytes = message_bytes,
		.room_bytes = MR_DNS_STREAM_ANSWER_BYTES,
		.client = { .transport = MR_DNS_TCP, .now_ns = self->now_ns },
	};
	struct mr_tcp_view view;
	uint32_t sent, bytes;

	if (!mr_tcp_view(tcp, conn, &view))
		return false;
	item.client.addr = view.flow.remote;
	item.client.vip = view.flow.local;
	item.client.port = view.flow.remote_port;
	mr_dns_answer(self->dns, self->zones, &item);
	mr_tcp_app_word_set(tcp, conn, word_of(partial_handle(word), messages_seen(word) + 1));
	if (item.outcome != MR_DNS_ANSWER) {
		stream_close(self, tcp, conn, MR_DNS_stream_refused);
		return false;
	}
	mr_store_be16(self->scratch, item.answer_bytes);
	bytes = LENGTH_BYTES + item.answer_bytes;
	sent = mr_tcp_send(tcp, conn, self->scratch, bytes);
	if (sent < bytes) { /* a pool of the stack is empty: half an answer would be a lie */
		self->dns->tally[MR_DNS_stream_no_memory]++;
		mr_tcp_abort(tcp, conn);
		return false;
	}
	if (messages_seen(word) + 1 >= self->config.query_limit) {
		stream_close(self, tcp, conn, MR_DNS_stream_query_limit);
		return false;
	}
	return true;
}

/* length_check says whether a message of this length may be a query; if not, the connection is
 * over. */
static bool
length_check(struct mr_dns_stream *self, struct mr_tcp *tcp, uint32_t conn, uint16_t message_bytes)
{
	if (message_bytes >= MR_DNS_HEADER_BYTES && message_bytes <= MR_DNS_STREAM_MESSAGE_BYTES)
		return true;
	stream_close(self, tcp, conn, MR_DNS_stream_length);
	return false;
}

/* partial_begin takes a buffer for the message that begins here. False: none is left, the
 * connection is over. */
static bool
partial_begin(struct mr_dns_stream *self, struct mr_tcp *tcp, uint32_t conn)
{
	uint32_t handle = mr_pool_get(&self->partials);
	struct partial *partial;

	if (!handle) {
		self->dns->tally[MR_DNS_stream_no_memory]++;
		mr_tcp_abort(tcp, conn);
		return false;
	}
	partial = mr_pool_at(&self->partials, handle);
	partial->have_bytes = 0;
	mr_tcp_app_word_set(tcp, conn, word_of(handle, messages_seen(mr_tcp_app_word(tcp, conn))));
	mr_tcp_deadline(tcp, conn, self->config.message_ms);
	return true;
}

static void
partial_end(struct mr_dns_stream *self, struct mr_tcp *tcp, uint32_t conn)
{
	uint64_t word = mr_tcp_app_word(tcp, conn);

	mr_pool_put(&self->partials, partial_handle(word));
	mr_tcp_app_word_set(tcp, conn, word_of(0, messages_seen(word)));
}

/* partial_gather adds what it can of count bytes and returns how many it took; *over is set when
 * the connection has ended. Called again until the length, and then the message, is whole. */
static uint32_t
partial_gather(struct mr_dns_stream *self, struct mr_tcp *tcp, uint32_t conn, const uint8_t *bytes,
	       uint32_t count, bool *over)
{
	struct partial *partial =
		mr_pool_at(&self->partials, partial_handle(mr_tcp_app_word(tcp, conn)));
	uint32_t want = LENGTH_BYTES, taken;
	uint16_t message_bytes = 0;

	if (partial->have_bytes >= LENGTH_BYTES) {
		message_bytes = mr_load_be16(partial->bytes);
		want = LENGTH_BYTES + message_bytes;
	}
	taken = MR_MIN(count, want - partial->have_bytes);
	memcpy(partial->bytes + partial->have_bytes, bytes, taken);
	partial->have_bytes += taken;
	if (partial->have_bytes == LENGTH_BYTES && want == LENGTH_BYTES)
		*over = !length_check(self, tcp, conn, mr_load_be16(partial->bytes));
	if (message_bytes && partial->have_bytes == want) {
		memcpy(self->scratch + LENGTH_BYTES, partial->bytes + LENGTH_BYTES, message_bytes);
		partial_end(self, tcp, conn);
		*over = !message_answer(self, tcp, conn, message_bytes);
		if (!*over)
			mr_tcp_deadline(tcp, conn, self->config.idle_ms);
	}
	return taken;
}

/* message_whole answers the message at the front of count bytes if it lies there whole, and returns
 * its bytes, its length included; 0 when it does not. */
static uint32_t
message_whole(struct mr_dns_stream *self, struct mr_tcp *tcp, uint32_t conn, const uint8_t *bytes,
	      uint32_t count, bool *over)
{
	uint16_t message_bytes;

	if (count < LENGTH_BYTES)
		return 0;
	message_bytes = mr_load_be16(bytes);
	if (!length_check(self, tcp, conn, message_bytes)) {
		*over = true;
		return 0;
	}
	if (count < LENGTH_BYTES + (uint32_t)message_bytes)
		return 0;
	memcpy(self->scratch + LENGTH_BYTES, bytes + LENGTH_BYTES, message_bytes);
	*over = !message_answer(self, tcp, conn, message_bytes);
	if (!*over)
		mr_tcp_deadline(tcp, conn, self->config.idle_ms);
	return LENGTH_BYTES + message_bytes;
}

static uint32_t
stream_readable(void *context, struct mr_tcp *tcp, uint32_t conn, const uint8_t *bytes,
		uint32_t count)
{
	struct mr_dns_stream *self = context;
	bool over = false;
	uint32_t at = 0;

	/* Each round takes at least one byte, or is the last. */
	while (at < count && !over) {
		uint32_t taken = 0;

		if (mr_tcp_room(tcp, conn) < LENGTH_BYTES + MR_DNS_STREAM_ANSWER_BYTES)
			break; /* (2): `acked` comes back for the rest */
		if (!partial_handle(mr_tcp_app_word(tcp, conn))) {
			taken = message_whole(self, tcp, conn, bytes + at, count - at, &over);
			if (!taken && !over)
				over = !partial_begin(self, tcp, conn);
		}
		if (!taken && !over)
			taken = partial_gather(self, tcp, conn, bytes + at, count - at, &over);
		at += taken;
	}
	return over ? count : at;
}

static void
stream_accepted(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	struct mr_dns_stream *self = context;

	self->dns->tally[MR_DNS_stream_accept]++;
	mr_tcp_app_word_set(tcp, conn, 0);
	mr_tcp_deadline(tcp, conn, self->config.idle_ms);
}

static void
stream_acked(void *context, struct mr_tcp *tcp, uint32_t conn, uint32_t bytes)
{
	(void)context;
	(void)bytes;
	mr_tcp_resume(tcp, conn);
}

static void
stream_peer_closed(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	(void)context;
	mr_tcp_close(tcp, conn); /* what is queued goes out first */
}

static void
stream_deadline(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	struct mr_dns_stream *self = context;
	bool within = partial_handle(mr_tcp_app_word(tcp, conn)) != 0;

	stream_close(self, tcp, conn, within ? MR_DNS_stream_message_late : MR_DNS_stream_idle);
}

static void
stream_closed(void *context, struct mr_tcp *tcp, uint32_t conn, enum mr_tcp_reason reason)
{
	struct mr_dns_stream *self = context;

	(void)reason;
	if (partial_handle(mr_tcp_app_word(tcp, conn)))
		partial_end(self, tcp, conn);
	self->dns->tally[MR_DNS_stream_close]++;
}

const struct mr_tcp_app_ops mr_dns_stream_ops = {
	.name = "dns",
	.accepted = stream_accepted,
	.readable = stream_readable,
	.acked = stream_acked,
	.peer_closed = stream_peer_closed,
	.deadline = stream_deadline,
	.closed = stream_closed,
};
