/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/service - echo, discard and chargen, as events and one generator.
 *
 * chargen's application word: while it waits, the bytes that have come; then CHARGEN_SENDING and
 * the bytes that were acknowledged. What it sends is cut into generators of CHARGEN_PIECE_BYTES, of
 * which two are queued at a time; a generator's cookie is its length.
 */
#include "tcp/service.h"

#include <string.h>

MR_METRIC_DEFINE("test_service", mr_tcp_service_metric_table, TCP_SERVICE_METRICS);

/* Whole patterns, so that every piece begins like the first. */
#define CHARGEN_PIECE_BYTES \
	((uint64_t)MR_TCP_EXTENT_BYTES_MAX / MR_TCP_CHARGEN_BYTES * MR_TCP_CHARGEN_BYTES)
#define CHARGEN_SENDING (UINT64_C(1) << 63)

static void
service_accepted(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	struct mr_tcp_services *self = context;

	mr_metric_add(self->metrics, MR_TCP_SERVICE_accept, 1);
	mr_tcp_app_word_set(tcp, conn, 0);
	mr_tcp_deadline(tcp, conn, MR_TCP_SERVICE_IDLE_MS);
}

static void
service_peer_closed(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	(void)context;
	mr_tcp_close(tcp, conn); /* what is queued goes out first */
}

static void
service_fail(struct mr_tcp_services *self, struct mr_tcp *tcp, uint32_t conn,
	     enum mr_tcp_service_metric metric)
{
	mr_metric_add(self->metrics, metric, 1);
	mr_tcp_abort(tcp, conn);
}

static void
service_deadline(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	service_fail(context, tcp, conn, MR_TCP_SERVICE_idle);
}

static void
service_closed(void *context, struct mr_tcp *tcp, uint32_t conn, enum mr_tcp_reason reason)
{
	struct mr_tcp_services *self = context;

	(void)tcp;
	(void)conn;
	(void)reason;
	mr_metric_add(self->metrics, MR_TCP_SERVICE_close, 1);
}

/* ---- echo ---- */

static uint32_t
echo_readable(void *context, struct mr_tcp *tcp, uint32_t conn, const uint8_t *bytes,
	      uint32_t count)
{
	struct mr_tcp_services *self = context;
	uint32_t taken = mr_tcp_send(tcp, conn, bytes, count);

	mr_metric_add(self->metrics, MR_TCP_SERVICE_echo_bytes, taken);
	if (taken)
		mr_tcp_deadline(tcp, conn, MR_TCP_SERVICE_IDLE_MS);
	return taken; /* (1): `acked` comes back for the rest */
}

static void
echo_acked(void *context, struct mr_tcp *tcp, uint32_t conn, uint32_t bytes)
{
	(void)context;
	(void)bytes;
	mr_tcp_deadline(tcp, conn, MR_TCP_SERVICE_IDLE_MS);
	mr_tcp_resume(tcp, conn);
}

/* ---- discard ---- */

static uint32_t
discard_readable(void *context, struct mr_tcp *tcp, uint32_t conn, const uint8_t *bytes,
		 uint32_t count)
{
	struct mr_tcp_services *self = context;

	(void)bytes;
	mr_metric_add(self->metrics, MR_TCP_SERVICE_discard_bytes, count);
	mr_tcp_deadline(tcp, conn, MR_TCP_SERVICE_IDLE_MS);
	return count;
}

/* ---- chargen ---- */

/* chargen_listener is the entry that conn came by: at most MR_TCP_SERVICE_MAX are looked at. */
static const struct mr_tcp_service_listener *
chargen_listener(const struct mr_tcp_services *self, const struct mr_tcp *tcp, uint32_t conn)
{
	struct mr_tcp_view view;

	if (!mr_tcp_view(tcp, conn, &view))
		return NULL;
	for (size_t i = 0; i < self->config.listener_count; i++) {
		const struct mr_tcp_service_listener *at = &self->config.listeners[i];

		if (at->kind == MR_TCP_CHARGEN && at->port == view.flow.local_port &&
		    (at->every_vip || mr_addr_equal(&at->vip, &view.flow.local)))
			return at;
	}
	return NULL;
}

/* chargen_queue queues piece number `piece`, if there is one, and FIN behind the last. False: the
 * connection is over. */
static bool
chargen_queue(struct mr_tcp_services *self, struct mr_tcp *tcp, uint32_t conn,
	      const struct mr_tcp_service_listener *listener, uint64_t piece)
{
	uint64_t begin = piece * CHARGEN_PIECE_BYTES, bytes = CHARGEN_PIECE_BYTES;
	bool last = false;

	if (listener->byte_count) {
		if (begin >= listener->byte_count)
			return true;
		last = listener->byte_count - begin <= bytes;
		bytes = MR_MIN(bytes, listener->byte_count - begin);
	}
	if (!mr_tcp_send_gen(tcp, conn, self->gen, bytes)) {
		service_fail(self, tcp, conn, MR_TCP_SERVICE_no_memory);
		return false;
	}
	if (last)
		mr_tcp_shutdown(tcp, conn);
	return true;
}

/* chargen_advance begins to send once the request is whole. */
static void
chargen_advance(struct mr_tcp_services *self, struct mr_tcp *tcp, uint32_t conn, uint32_t count)
{
	const struct mr_tcp_service_listener *listener = chargen_listener(self, tcp, conn);
	uint64_t word = mr_tcp_app_word(tcp, conn) + count;

	mr_tcp_app_word_set(tcp, conn, word);
	if (!listener || word < listener->request_bytes)
		return;
	mr_tcp_app_word_set(tcp, conn, CHARGEN_SENDING);
	if (chargen_queue(self, tcp, conn, listener, 0))
		(void)chargen_queue(self, tcp, conn, listener, 1);
}

static void
chargen_accepted(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	service_accepted(context, tcp, conn);
	chargen_advance(context, tcp, conn, 0);
}

static uint32_t
chargen_readable(void *context, struct mr_tcp *tcp, uint32_t conn, const uint8_t *bytes,
		 uint32_t count)
{
	(void)bytes;
	if (!(mr_tcp_app_word(tcp, conn) & CHARGEN_SENDING))
		chargen_advance(context, tcp, conn, count);
	return count;
}

static void
chargen_acked(void *context, struct mr_tcp *tcp, uint32_t conn, uint32_t bytes)
{
	struct mr_tcp_services *self = context;
	uint64_t before = mr_tcp_app_word(tcp, conn) & ~CHARGEN_SENDING;
	uint64_t piece = (before + bytes) / CHARGEN_PIECE_BYTES;

	mr_metric_add(self->metrics, MR_TCP_SERVICE_chargen_bytes, bytes);
	mr_tcp_app_word_set(tcp, conn, CHARGEN_SENDING | (before + bytes));
	mr_tcp_deadline(tcp, conn, MR_TCP_SERVICE_IDLE_MS);
	if (piece != before / CHARGEN_PIECE_BYTES) {
		const struct mr_tcp_service_listener *listener = chargen_listener(self, tcp, conn);

		if (listener)
			(void)chargen_queue(self, tcp, conn, listener, piece + 1);
	}
}

static void
chargen_peer_closed(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	const struct mr_tcp_service_listener *listener = chargen_listener(context, tcp, conn);

	if (!(mr_tcp_app_word(tcp, conn) & CHARGEN_SENDING))
		mr_tcp_close(tcp, conn); /* the request will not become whole */
	else if (listener && !listener->byte_count)
		mr_tcp_abort(tcp, conn); /* the only end there is */
}

static uint32_t
chargen_plan(void *context, uint64_t cookie, uint32_t offset, uint32_t room_bytes, bool *end)
{
	uint32_t left = (uint32_t)cookie - offset;

	(void)context;
	*end = left <= room_bytes;
	return MR_MIN(left, room_bytes);
}

static void
chargen_fill(void *context, uint64_t cookie, uint32_t offset, uint8_t *out, uint32_t count)
{
	const struct mr_tcp_services *self = context;
	uint32_t at = offset % MR_TCP_CHARGEN_BYTES;

	(void)cookie;
	for (uint32_t done = 0, n; done < count; done += n, at = 0) { /* each round is a pattern */
		n = MR_MIN(count - done, MR_TCP_CHARGEN_BYTES - at);
		memcpy(out + done, self->pattern + at, n);
	}
}

static void
chargen_gen_acked(void *context, uint64_t cookie, uint32_t offset)
{
	(void)context;
	(void)cookie;
	(void)offset;
}

static void
chargen_gen_release(void *context, uint64_t cookie)
{
	(void)context;
	(void)cookie;
}

static const struct mr_tcp_gen_ops chargen_gen = {
	.plan = chargen_plan,
	.fill = chargen_fill,
	.acked = chargen_gen_acked,
	.release = chargen_gen_release,
};

const struct mr_tcp_app_ops mr_tcp_service_ops[MR_TCP_SERVICE_KINDS] = {
	[MR_TCP_ECHO] = {
		.name = "echo",
		.accepted = service_accepted,
		.readable = echo_readable,
		.acked = echo_acked,
		.peer_closed = service_peer_closed,
		.deadline = service_deadline,
		.closed = service_closed,
	},
	[MR_TCP_DISCARD] = {
		.name = "discard",
		.accepted = service_accepted,
		.readable = discard_readable,
		.peer_closed = service_peer_closed,
		.deadline = service_deadline,
		.closed = service_closed,
	},
	[MR_TCP_CHARGEN] = {
		.name = "chargen",
		.accepted = chargen_accepted,
		.readable = chargen_readable,
		.acked = chargen_acked,
		.peer_closed = chargen_peer_closed,
		.deadline = service_deadline,
		.closed = service_closed,
	},
};

/* The pattern of RFC 864: 72 of the 95 printing characters a line, each line begins one later. */
void
mr_tcp_services_create(struct mr_tcp_services *self, const struct mr_tcp_service_config *config,
		       struct mr_tcp *tcp, uint8_t gen, uint64_t *metrics)
{
	const struct mr_tcp_gen what = { .ops = &chargen_gen, .context = self };

	*self = (struct mr_tcp_services){ .config = *config, .gen = gen, .metrics = metrics };
	for (unsigned line = 0; line < MR_TCP_CHARGEN_LINES; line++) {
		uint8_t *at = self->pattern + line * MR_TCP_CHARGEN_LINE_BYTES;

		for (unsigned i = 0; i < MR_TCP_CHARGEN_LINE_BYTES - 2; i++)
			at[i] = (uint8_t)(' ' + (line + i) % MR_TCP_CHARGEN_LINES);
		memcpy(at + MR_TCP_CHARGEN_LINE_BYTES - 2, "\r\n", 2);
	}
	mr_tcp_gen_set(tcp, gen, &what);
}
