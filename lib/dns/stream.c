/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/stream - from bytes to messages to answers.
 *
 * A connection's application word: in the low half the handle of a partial buffer, or of a transfer
 * when GIVING is set; in the high half 24 bits of messages seen and 8 of state.
 */
#include "dns/dns.h"

#include <errno.h>
#include <string.h>

enum { LENGTH_BYTES = 2, MESSAGES_MAX = (1 << 24) - 1 };

enum stream_flag {
	GIVING = 1, /* the handle is a transfer's */
	PEER_CLOSED = 2,
	SLOW_STEP = 4, /* and up: a count of periods in which the queue was never empty */
};

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
	self->idle_100ms = (uint16_t)MR_MIN(MR_MAX(self->config.idle_ms / 100, 1u), 0xffffu);
	MR_ASSERT(self->config.query_limit <= MESSAGES_MAX);
	if (mr_dns_transfers_create(&self->transfers, dns, &config->transfers, arena, error))
		return error ? error->code : -ENOMEM;
	if (mr_arena_take(arena, LENGTH_BYTES + MR_DNS_STREAM_ANSWER_BYTES, MR_CACHE_LINE, &offset))
		return mr_arena_shortage(arena, LENGTH_BYTES + MR_DNS_STREAM_ANSWER_BYTES, error);
	self->scratch = mr_arena_at(arena, offset);
	return mr_pool_create(&self->partials, arena, MR_DNS_STREAM_PARTIAL_BYTES,
			      self->config.partial_limit, error);
}

/* ---- the application word ---- */

static unsigned
word_flags(uint64_t word)
{
	return (uint8_t)(word >> 32);
}

static uint32_t
partial_handle(uint64_t word)
{
	return word_flags(word) & GIVING ? 0 : (uint32_t)word;
}

static uint32_t
transfer_handle(uint64_t word)
{
	return word_flags(word) & GIVING ? (uint32_t)word : 0;
}

static uint32_t
messages_seen(uint64_t word)
{
	return (uint32_t)(word >> 40);
}

static void
handle_set(struct mr_tcp *tcp, uint32_t conn, uint32_t handle, bool giving)
{
	uint64_t word = mr_tcp_app_word(tcp, conn) & ~((uint64_t)GIVING << 32 | UINT32_MAX);

	mr_tcp_app_word_set(tcp, conn, word | (uint64_t)giving << 32 | handle);
}

static void
flags_set(struct mr_tcp *tcp, uint32_t conn, unsigned flags)
{
	uint64_t word = mr_tcp_app_word(tcp, conn) & ~((uint64_t)UINT8_MAX << 32);

	mr_tcp_app_word_set(tcp, conn, word | (uint64_t)(uint8_t)flags << 32);
}

/* message_count counts one more message, and what was slow before is forgotten: there was room for
 * its answer. */
static uint32_t
message_count(struct mr_tcp *tcp, uint32_t conn)
{
	uint64_t word = mr_tcp_app_word(tcp, conn) + (1ull << 40);

	mr_tcp_app_word_set(tcp, conn, word);
	flags_set(tcp, conn, word_flags(word) & (SLOW_STEP - 1));
	return messages_seen(word);
}

/* stream_close ends the connection after what is queued; metric says why. */
static void
stream_close(struct mr_dns_stream *self, struct mr_tcp *tcp, uint32_t conn,
	     enum mr_dns_metric metric)
{
	self->dns->tally[metric]++;
	mr_tcp_close(tcp, conn);
}

/* ---- a zone ---- */

/* transfer_start queues the zone behind its first message. False: the connection is over. */
static bool
transfer_start(struct mr_dns_stream *self, struct mr_tcp *tcp, uint32_t conn)
{
	uint32_t transfer = self->transfers.offered;

	self->transfers.offered = 0;
	handle_set(tcp, conn, transfer, true); /* from here on `closed` ends it */
	if (mr_dns_transfer_queue(&self->transfers, transfer, tcp, conn))
		return true;
	self->dns->tally[MR_DNS_stream_no_memory]++;
	mr_tcp_abort(tcp, conn);
	return false;
}

/* transfer_withdraw takes an offer back: its first message could not be sent. */
static void
transfer_withdraw(struct mr_dns_stream *self)
{
	mr_dns_transfer_end(&self->transfers, self->transfers.offered);
	self->transfers.offered = 0;
}

/* transfer_step goes on when an extent is acknowledged: with the next one, or with queries. False:
 * the connection is over. */
static bool
transfer_step(struct mr_dns_stream *self, struct mr_tcp *tcp, uint32_t conn, uint32_t transfer)
{
	unsigned flags = word_flags(mr_tcp_app_word(tcp, conn));

	switch (mr_dns_transfer_state(&self->transfers, transfer)) {
	case MR_DNS_TRANSFER_QUEUED:
		return true;
	case MR_DNS_TRANSFER_WAITING:
		if (mr_dns_transfer_queue(&self->transfers, transfer, tcp, conn))
			return true;
		self->dns->tally[MR_DNS_stream_no_memory]++;
		mr_tcp_abort(tcp, conn);
		return false;
	case MR_DNS_TRANSFER_DONE:
		break;
	}
	handle_set(tcp, conn, 0, false);
	mr_dns_transfer_end(&self->transfers, transfer);
	if (flags & PEER_CLOSED ||
	    messages_seen(mr_tcp_app_word(tcp, conn)) >= self->config.query_limit) {
		mr_tcp_close(tcp, conn);
		return false;
	}
	mr_tcp_deadline(tcp, conn, self->config.idle_ms);
	return true;
}

/* ---- messages ---- */

/* answer_send queues the answer at scratch; false: a pool of the stack is empty, and as half an
 * answer would be a lie the connection is over. */
static bool
answer_send(struct mr_dns_stream *self, struct mr_tcp *tcp, uint32_t conn, uint16_t answer_bytes)
{
	uint32_t bytes = LENGTH_BYTES + answer_bytes;

	mr_store_be16(self->scratch, answer_bytes);
	if (mr_tcp_send(tcp, conn, self->scratch, bytes) == bytes)
		return true;
	self->dns->tally[MR_DNS_stream_no_memory]++;
	mr_tcp_abort(tcp, conn);
	return false;
}

/* message_answer answers the message_bytes bytes of query at scratch + LENGTH_BYTES. False: the
 * connection is over. */
static bool
message_answer(struct mr_dns_stream *self, struct mr_tcp *tcp, uint32_t conn,
	       uint16_t message_bytes)
{
	struct mr_dns_item item = {
		.message = self->scratch + LENGTH_BYTES,
		.message_bytes = message_bytes,
		.room_bytes = MR_DNS_STREAM_ANSWER_BYTES,
		.client = { .transport = MR_DNS_TCP,
			    .idle_100ms = self->idle_100ms,
			    .now_ns = self->now_ns },
	};
	struct mr_tcp_view view;
	uint32_t messages;

	if (!mr_tcp_view(tcp, conn, &view))
		return false;
	item.client.addr = view.flow.remote;
	item.client.vip = view.flow.local;
	item.client.port = view.flow.remote_port;
	mr_dns_answer(self->dns, self->zones, &item);
	messages = message_count(tcp, conn);
	if (item.outcome == MR_DNS_DROP) {
		stream_close(self, tcp, conn, MR_DNS_stream_refused);
		return false;
	}
	if (!answer_send(self, tcp, conn, item.answer_bytes)) {
		if (item.outcome == MR_DNS_TRANSFER)
			transfer_withdraw(self);
		return false;
	}
	if (item.outcome == MR_DNS_TRANSFER)
		return transfer_start(self, tcp, conn);
	if (messages >= self->config.query_limit) {
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
	handle_set(tcp, conn, handle, false);
	mr_tcp_deadline(tcp, conn, self->config.message_ms);
	return true;
}

static void
partial_end(struct mr_dns_stream *self, struct mr_tcp *tcp, uint32_t conn)
{
	mr_pool_put(&self->partials, partial_handle(mr_tcp_app_word(tcp, conn)));
	handle_set(tcp, conn, 0, false);
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

		if (transfer_handle(mr_tcp_app_word(tcp, conn)) ||
		    mr_tcp_room(tcp, conn) < LENGTH_BYTES + MR_DNS_STREAM_ANSWER_BYTES)
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
	uint32_t transfer = transfer_handle(mr_tcp_app_word(tcp, conn));

	(void)bytes;
	if (!transfer || transfer_step(context, tcp, conn, transfer))
		mr_tcp_resume(tcp, conn);
}

static void
stream_peer_closed(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	uint64_t word = mr_tcp_app_word(tcp, conn);

	(void)context;
	if (transfer_handle(word)) /* it may still have extents to queue */
		flags_set(tcp, conn, word_flags(word) | PEER_CLOSED);
	else
		mr_tcp_close(tcp, conn); /* what is queued goes out first */
}

/* deadline_of_slow: there is something that the peer has not taken. */
static void
deadline_of_slow(struct mr_dns_stream *self, struct mr_tcp *tcp, uint32_t conn)
{
	uint64_t word = mr_tcp_app_word(tcp, conn);
	uint32_t transfer = transfer_handle(word);
	unsigned flags = word_flags(word);
	bool moves;

	if (transfer) {
		moves = mr_dns_transfer_progress(&self->transfers, transfer) >=
			MR_DNS_STREAM_GIVE_BYTES;
	} else {
		moves = flags / SLOW_STEP + 1 < MR_DNS_STREAM_SLOW_PERIODS;
		flags_set(tcp, conn, flags + SLOW_STEP);
	}
	if (moves) {
		mr_tcp_deadline(tcp, conn, self->config.idle_ms);
		return;
	}
	self->dns->tally[MR_DNS_stream_slow]++;
	mr_tcp_abort(tcp, conn);
}

static void
stream_deadline(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	struct mr_dns_stream *self = context;
	bool within = partial_handle(mr_tcp_app_word(tcp, conn)) != 0;

	if (!within && mr_tcp_queued(tcp, conn) > 0)
		deadline_of_slow(self, tcp, conn);
	else
		stream_close(self, tcp, conn,
			     within ? MR_DNS_stream_message_late : MR_DNS_stream_idle);
}

static void
stream_closed(void *context, struct mr_tcp *tcp, uint32_t conn, enum mr_tcp_reason reason)
{
	struct mr_dns_stream *self = context;

	(void)reason;
	if (partial_handle(mr_tcp_app_word(tcp, conn)))
		partial_end(self, tcp, conn);
	if (transfer_handle(mr_tcp_app_word(tcp, conn)))
		mr_dns_transfer_end(&self->transfers, transfer_handle(mr_tcp_app_word(tcp, conn)));
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
