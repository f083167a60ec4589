/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/api - the application's calls. Each is an entry of its own, unless made from inside one on
 * the same connection.
 */
#include "tcp/tcp_int.h"

/* one says that addr is one host's (RFC 9293 MUST-46): neither a group's, nor all, nor nobody's. */
static bool
one(const struct mr_addr *addr)
{
	if (mr_addr_is_v4(addr))
		return addr->bytes[12] != 0 && addr->bytes[12] < 224;
	return addr->bytes[0] != 0xff && !mr_addr_unspecified(addr);
}

uint32_t
mr_tcp_connect(struct mr_tcp *self, const struct mr_tcp_flow *flow, uint8_t app, uint64_t app_word)
{
	struct mr_tcp_flow f = *flow;
	struct tcp_tcb *t;
	uint64_t hash;
	bool entered;

	MR_ASSERT(app < MR_TCP_APP_MAX && self->apps[app].ops);
	if (!one(&f.remote))
		return 0;
	if (f.local_port == 0) {
		if (!tcp_port_choose(self, &f, &hash))
			return 0;
	} else {
		hash = tcp_flow_hash(self, &f);
		if (tcp_table_find(self, hash, &f))
			return 0;
	}
	t = tcp_conn_open(self, &f, hash, app, MR_TCP_SYN_SENT, app_word);
	if (t == NULL) {
		tcp_count(self, MR_TCP_drop_no_connection);
		return 0;
	}
	entered = tcp_enter(t);
	t->flags |= TCP_ACTIVE;
	t->snd_una = t->snd_nxt = tcp_iss(self, &f);
	t->snd_nxt++;
	t->snd_end = t->snd_nxt;
	tcp_send_syn(self, t);
	tcp_timer_set(self, t, TCP_TIMER_RTO, tcp_rto_us(self, t));
	tcp_leave(self, t, entered);
	return tcp_conn(self, t);
}

static bool
may_queue(const struct tcp_tcb *t)
{
	return !(t->flags & (TCP_FIN_QUEUED | TCP_ENDED)) && t->state != MR_TCP_CLOSED;
}

uint32_t
mr_tcp_send(struct mr_tcp *self, uint32_t conn, const void *bytes, uint32_t count)
{
	struct tcp_tcb *t = tcp_tcb(self, conn);
	bool entered;
	uint32_t taken;

	if (!may_queue(t))
		return 0;
	entered = tcp_enter(t);
	taken = tcp_sendq_own(self, t, bytes, count);
	tcp_leave(self, t, entered);
	return taken;
}

bool
mr_tcp_send_ref(struct mr_tcp *self, uint32_t conn, uint8_t region, uint64_t offset, uint32_t count,
		uint32_t pin)
{
	struct tcp_tcb *t = tcp_tcb(self, conn);
	bool entered, queued;

	if (!may_queue(t))
		return false;
	entered = tcp_enter(t);
	queued = tcp_sendq_ref(self, t, region, offset, count, pin);
	tcp_leave(self, t, entered);
	return queued;
}

bool
mr_tcp_send_gen(struct mr_tcp *self, uint32_t conn, uint8_t gen, uint64_t cookie)
{
	struct tcp_tcb *t = tcp_tcb(self, conn);
	bool entered, queued;

	if (!may_queue(t))
		return false;
	entered = tcp_enter(t);
	queued = tcp_sendq_gen(self, t, gen, cookie);
	tcp_leave(self, t, entered);
	return queued;
}

void
mr_tcp_resume(struct mr_tcp *self, uint32_t conn)
{
	struct tcp_tcb *t = tcp_tcb(self, conn);
	bool entered = tcp_enter(t);

	if (!(t->flags & TCP_ENDED)) {
		tcp_receive_show(self, t);
		tcp_receive_tell(self, t);
	}
	tcp_leave(self, t, entered);
}

uint32_t
mr_tcp_peek(const struct mr_tcp *self, uint32_t conn, uint32_t offset, void *out, uint32_t count)
{
	const struct tcp_tcb *t = tcp_tcb(self, conn);
	const struct tcp_rx *rx = tcp_rx(self, t);
	uint32_t unread = tcp_receive_unread(self, t), done = 0;

	if (rx == NULL || offset >= unread)
		return 0;
	count = MR_MIN(count, unread - offset);
	for (uint32_t chunk = rx->head; chunk && done < count;) { /* at most chunk_count */
		const struct tcp_chunk *c = tcp_chunk(self, chunk);
		uint32_t from = rx->read_seq + offset + done - c->seq, n;

		chunk = c->next;
		if (from >= c->bytes)
			continue;
		n = MR_MIN(count - done, c->bytes - from);
		memcpy((uint8_t *)out + done, c->data + c->begin + from, n);
		done += n;
	}
	return done;
}

void
mr_tcp_shutdown(struct mr_tcp *self, uint32_t conn)
{
	struct tcp_tcb *t = tcp_tcb(self, conn);
	bool entered = tcp_enter(t);

	if (!(t->flags & TCP_ENDED))
		tcp_conn_finish(self, t);
	tcp_leave(self, t, entered);
}

void
mr_tcp_close(struct mr_tcp *self, uint32_t conn)
{
	struct tcp_tcb *t = tcp_tcb(self, conn);
	bool entered = tcp_enter(t);

	if (!(t->flags & TCP_ENDED)) {
		const struct tcp_rx *rx = tcp_rx(self, t);

		if (rx && rx->byte_count) { /* RFC 9293 SHLD-3; also what came out of order */
			tcp_conn_reset(self, t, MR_TCP_END_ABORT);
		} else {
			t->flags |= TCP_READ_CLOSED;
			t->flags &= ~(uint32_t)TCP_DEADLINE;
			tcp_receive_release(self, t);
			tcp_conn_finish(self, t);
			if (!(t->flags & TCP_ENDED) && t->state == MR_TCP_FIN_WAIT_2) {
				t->flags |= TCP_FIN_WAIT_TIMED; /* after an earlier shutdown */
				t->deadline_ms = self->now_ms + self->config.fin_wait_ms;
			}
		}
	}
	tcp_leave(self, t, entered);
}

void
mr_tcp_abort(struct mr_tcp *self, uint32_t conn)
{
	struct tcp_tcb *t = tcp_tcb(self, conn);
	bool entered = tcp_enter(t);

	tcp_conn_reset(self, t, MR_TCP_END_ABORT);
	tcp_leave(self, t, entered);
}

void
mr_tcp_deadline(struct mr_tcp *self, uint32_t conn, uint32_t in_ms)
{
	struct tcp_tcb *t = tcp_tcb(self, conn);
	bool entered = tcp_enter(t);

	MR_ASSERT(in_ms <= INT32_MAX);
	if (!(t->flags & (TCP_FIN_WAIT_TIMED | TCP_READ_CLOSED))) {
		t->flags &= ~(uint32_t)TCP_DEADLINE;
		if (in_ms) {
			t->flags |= TCP_DEADLINE;
			t->deadline_ms = self->now_ms + in_ms;
		}
	}
	tcp_leave(self, t, entered);
}

uint64_t
mr_tcp_app_word(const struct mr_tcp *self, uint32_t conn)
{
	return tcp_tcb(self, conn)->app_word;
}

void
mr_tcp_app_word_set(struct mr_tcp *self, uint32_t conn, uint64_t word)
{
	tcp_tcb(self, conn)->app_word = word;
}

uint32_t
mr_tcp_generation(const struct mr_tcp *self, uint32_t conn)
{
	return tcp_tcb(self, conn)->generation;
}

bool
mr_tcp_alive(const struct mr_tcp *self, uint32_t conn, uint32_t generation)
{
	return !(generation & 1) && tcp_tcb(self, conn)->generation == generation;
}

uint32_t
mr_tcp_room(const struct mr_tcp *self, uint32_t conn)
{
	const struct tcp_tcb *t = tcp_tcb(self, conn);
	const struct tcp_tx *tx = tcp_tx(self, t);

	if (!may_queue(t))
		return 0;
	return self->config.send_max_bytes -
	       MR_MIN(tx ? tx->own_bytes : 0, self->config.send_max_bytes);
}

uint32_t
mr_tcp_queued(const struct mr_tcp *self, uint32_t conn)
{
	const struct tcp_tcb *t = tcp_tcb(self, conn);

	return t->snd_end - seq_min(t->snd_una, t->snd_end);
}

const char *
mr_tcp_state_name(enum mr_tcp_state state)
{
	static const char *const names[MR_TCP_STATES] = {
		"CLOSED",     "SYN-SENT",   "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
		"FIN-WAIT-2", "CLOSE-WAIT", "CLOSING",      "LAST-ACK",    "TIME-WAIT",
	};

	return state < MR_TCP_STATES ? names[state] : "?";
}

const char *
mr_tcp_reason_name(enum mr_tcp_reason reason)
{
	static const char *const names[MR_TCP_END_REASONS] = {
		"ok",          "reset", "refused",  "timeout", "keepalive", "persist",
		"unreachable", "abort", "fin-wait", "slow",    "shed",
	};

	return reason < MR_TCP_END_REASONS ? names[reason] : "?";
}
