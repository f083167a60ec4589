/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/conn - the life of a TCB: opened, agreed, established, finished, ended.
 *
 * Every change of state goes through tcp_conn_state; every end through tcp_conn_end, which gives
 * back all that the connection held and tells the application last.
 */
#include "tcp/tcp_int.h"

/* The identity line is written under its generation: readers see it odd, or changed, and give up.
 */
static void
identity_write(struct tcp_tcb *t, const struct mr_tcp_flow *flow, uint8_t app, uint8_t state,
	       uint32_t now_ms)
{
	uint32_t words[sizeof(*flow) / 4];

	memcpy(words, flow, sizeof(*flow));
	/* the release store of the even generation orders all of these before it */
	for (size_t i = 0; i < MR_ARRAY_COUNT(words); i++)
		__atomic_store_n((uint32_t *)(void *)&t->flow + i, words[i], __ATOMIC_RELAXED);
	__atomic_store_n(&t->app, app, __ATOMIC_RELAXED);
	__atomic_store_n(&t->state, state, __ATOMIC_RELAXED);
	__atomic_store_n(&t->opened_ms, now_ms, __ATOMIC_RELAXED);
	__atomic_store_n(&t->generation, t->generation + 1, __ATOMIC_RELEASE);
}

bool
mr_tcp_view(const struct mr_tcp *self, uint32_t conn, struct mr_tcp_view *out)
{
	const struct tcp_tcb *t = tcp_tcb(self, conn);
	uint32_t before = __atomic_load_n(&t->generation, __ATOMIC_ACQUIRE);
	uint32_t words[sizeof(out->flow) / 4];

	if (before & 1)
		return false;
	for (size_t i = 0; i < MR_ARRAY_COUNT(words); i++)
		words[i] = __atomic_load_n((const uint32_t *)(const void *)&t->flow + i,
					   __ATOMIC_RELAXED);
	out->app = __atomic_load_n(&t->app, __ATOMIC_RELAXED);
	out->state = __atomic_load_n(&t->state, __ATOMIC_RELAXED);
	out->opened_ms = __atomic_load_n(&t->opened_ms, __ATOMIC_RELAXED);
	/* forbids the loads above to come after the second look at the generation */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (__atomic_load_n(&t->generation, __ATOMIC_RELAXED) != before || before == 0)
		return false;
	memcpy(&out->flow, words, sizeof(out->flow));
	out->conn = conn;
	out->generation = before;
	return true;
}

struct tcp_tcb *
tcp_conn_open(struct mr_tcp *self, const struct mr_tcp_flow *flow, uint64_t hash, uint8_t app,
	      enum mr_tcp_state state, uint64_t app_word)
{
	const struct mr_tcp_config *c = &self->config;
	uint32_t conn = mr_pool_get(&self->tcbs), generation;
	struct tcp_tcb *t;

	if (conn == 0)
		return NULL;
	if (!tcp_table_insert(self, hash, conn)) {
		mr_pool_put(&self->tcbs, conn);
		return NULL;
	}
	tcp_prefix_add(self, &flow->remote, 1);
	t = tcp_tcb(self, conn);
	generation = t->generation | 1; /* a TCB that was never used has 0 */
	__atomic_store_n(&t->generation, generation, __ATOMIC_RELAXED);
	/* forbids the stores below to become visible before the odd generation */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	t->receive_kib = (uint16_t)(c->receive_initial_bytes / 1024);
	t->mss_max = 0;
	t->app_word = app_word;
	memset((uint8_t *)t + MR_CACHE_LINE, 0, sizeof(*t) - MR_CACHE_LINE);
	identity_write(t, flow, app, (uint8_t)state, self->now_ms);
	__atomic_store_n(&t->flow.path_kept, flow->path, __ATOMIC_RELAXED);
	t->ts_offset = tcp_ts_offset(hash);
	t->last_rx_ms = self->now_ms;
	t->ack_count = TCP_QUICK_ACKS;
	t->reo = 1;
	t->snd_mss = mr_addr_is_v4(&flow->local) ? MR_TCP_MSS_DEFAULT_V4 : MR_TCP_MSS_DEFAULT_V6;
	while (c->receive_max_bytes >> t->rcv_wscale > 65535) /* at most 14 */
		t->rcv_wscale++;
	t->rcv_adv = MR_MIN(c->receive_initial_bytes, 65535u); /* rcv_nxt is 0 yet */
	if (self->apps[app].nodelay)
		t->flags |= TCP_NODELAY;
	if (self->apps[app].keepalive)
		t->flags |= TCP_KEEPALIVE;
	mr_metric_set(self->metrics, MR_TCP_connection_open, self->tcbs.used);
	return t;
}

void
tcp_conn_state(struct mr_tcp *self, struct tcp_tcb *t, enum mr_tcp_state state)
{
	if (t->state == state)
		return;
	if (t->flags & TCP_LISTED) {
		t->flags &= ~(uint32_t)TCP_LISTED;
		self->half_open--;
		mr_metric_set(self->metrics, MR_TCP_connection_half_open, self->half_open);
	}
	__atomic_store_n(&t->state, (uint8_t)state, __ATOMIC_RELAXED);
	if (state == MR_TCP_SYN_RECEIVED) {
		t->flags |= TCP_LISTED;
		self->half_open++;
		mr_metric_set(self->metrics, MR_TCP_connection_half_open, self->half_open);
	}
	if (state == MR_TCP_FIN_WAIT_2 && (t->flags & TCP_READ_CLOSED)) {
		t->flags = (t->flags & ~(uint32_t)TCP_DEADLINE) | TCP_FIN_WAIT_TIMED;
		t->deadline_ms = self->now_ms + self->config.fin_wait_ms;
	}
}

/* tcp_conn_negotiate: SND.WND of a SYN is not scaled (RFC 7323 2.2). */
void
tcp_conn_negotiate(struct mr_tcp *self, struct tcp_tcb *t, const struct mr_tcp_segment *syn)
{
	const struct mr_tcp_config *c = &self->config;
	bool v4 = mr_addr_is_v4(&t->flow.local);
	uint32_t mss = syn->mss ? syn->mss : (v4 ? MR_TCP_MSS_DEFAULT_V4 : MR_TCP_MSS_DEFAULT_V6);

	mss = MR_MIN(MR_MAX(mss, (uint32_t)MR_TCP_MSS_MIN), tcp_mss_of(self, &t->flow));
	t->flags &= ~(uint32_t)(TCP_TS | TCP_SACK | TCP_WSCALE);
	if (syn->has_ts && !c->no_timestamps) {
		t->flags |= TCP_TS;
		t->ts_recent = syn->tsval;
		mss -= 12;
	}
	if (syn->sack_permitted && !c->no_sack)
		t->flags |= TCP_SACK;
	if (syn->wscale != MR_TCP_WSCALE_NONE && !c->no_window_scale) {
		t->flags |= TCP_WSCALE;
		t->snd_wscale = syn->wscale;
	} else {
		t->rcv_wscale = 0;
	}
	t->mss_max = t->snd_mss = (uint16_t)mss;
	t->snd_wnd = syn->wnd;
	t->snd_wnd_max = (uint16_t)(syn->wnd >> t->snd_wscale); /* is kept as later ones come */
	t->snd_wl1 = syn->seq;
	mr_tcp_cc_init(&t->cc, mss, t->snd_nxt);
	if (t->flags & TCP_SYN_AGAIN)
		t->cc.cwnd = mss; /* RFC 5681 3.1: the SYN was lost */
}

void
tcp_conn_established(struct mr_tcp *self, struct tcp_tcb *t)
{
	const struct mr_tcp_app *app = tcp_app(self, t);

	tcp_conn_state(self, t, MR_TCP_ESTABLISHED);
	tcp_count(self, t->flags & TCP_ACTIVE ? MR_TCP_connect : MR_TCP_accept);
	t->backoff = 0;
	t->timer = TCP_TIMER_NONE;
	t->xmit_at_us = self->now_ms;
	t->drs_seq = t->rcv_nxt;
	t->drs_ms = (uint16_t)self->now_ms;
	if (t->flags & TCP_SYN_AGAIN && t->srtt_us == 0) { /* RFC 6298 5.7: RTO of 3 s */
		t->srtt_us = 1000000u << 3;
		t->rttvar_us = 2000000;
		t->min_rtt_us = 1000000;
	}
	mr_tcp_cc_init(&t->cc, t->snd_mss, t->snd_nxt);
	if (t->flags & TCP_SYN_AGAIN)
		t->cc.cwnd = t->snd_mss;
	t->flags |= TCP_TOLD;
	if (app->ops->accepted)
		app->ops->accepted(app->context, self, tcp_conn(self, t));
}

/* tcp_conn_finish queues our FIN behind what is queued. */
void
tcp_conn_finish(struct mr_tcp *self, struct tcp_tcb *t)
{
	switch ((enum mr_tcp_state)t->state) {
	case MR_TCP_SYN_SENT:
		tcp_conn_end(self, t, MR_TCP_END_ABORT); /* RFC 9293 3.10.4 */
		return;
	case MR_TCP_SYN_RECEIVED:
	case MR_TCP_ESTABLISHED:
	case MR_TCP_CLOSE_WAIT:
		break;
	case MR_TCP_CLOSED:
	case MR_TCP_FIN_WAIT_1:
	case MR_TCP_FIN_WAIT_2:
	case MR_TCP_CLOSING:
	case MR_TCP_LAST_ACK:
	case MR_TCP_TIME_WAIT:
	case MR_TCP_STATES:
		return;
	}
	/* A peer that owes us nothing and may never answer is not to have what senders need: those
	 * that are told of a time-out could hold every send state there is. */
	if (t->state == MR_TCP_ESTABLISHED && t->tx == 0 && tcp_pool_reserved(&self->txs)) {
		tcp_conn_reset(self, t, MR_TCP_END_SHED);
		return;
	}
	if (tcp_tx_get(self, t) == NULL) { /* not even a FIN can be kept: shed */
		tcp_conn_reset(self, t, MR_TCP_END_ABORT);
		return;
	}
	t->flags |= TCP_FIN_QUEUED;
	if (t->state == MR_TCP_ESTABLISHED)
		tcp_conn_state(self, t, MR_TCP_FIN_WAIT_1);
	else if (t->state == MR_TCP_CLOSE_WAIT)
		tcp_conn_state(self, t, MR_TCP_LAST_ACK);
	/* SYN_RECEIVED: input_ack goes on to FIN_WAIT_1 */
}

static const enum mr_tcp_metric close_metrics[MR_TCP_END_REASONS] = {
	[MR_TCP_END_OK] = MR_TCP_close_ok,
	[MR_TCP_END_RESET] = MR_TCP_close_reset,
	[MR_TCP_END_REFUSED] = MR_TCP_close_refused,
	[MR_TCP_END_TIMEOUT] = MR_TCP_close_timeout,
	[MR_TCP_END_KEEPALIVE] = MR_TCP_close_keepalive,
	[MR_TCP_END_PERSIST] = MR_TCP_close_persist,
	[MR_TCP_END_UNREACHABLE] = MR_TCP_close_unreachable,
	[MR_TCP_END_ABORT] = MR_TCP_close_abort,
	[MR_TCP_END_FIN_WAIT] = MR_TCP_close_fin_wait,
	[MR_TCP_END_SLOW] = MR_TCP_close_slow,
	[MR_TCP_END_SHED] = MR_TCP_close_shed,
};

/* end gives everything back; slot is what takes the TCB's place in the table (0: nothing). */
static void
end(struct mr_tcp *self, struct tcp_tcb *t, enum mr_tcp_reason reason)
{
	const struct mr_tcp_app *app = tcp_app(self, t);
	uint32_t conn = tcp_conn(self, t);

	MR_ASSERT(t->flags & TCP_BUSY); /* tcp_leave frees it */
	tcp_tx_release(self, t);
	tcp_receive_release(self, t);
	mr_wheel_cancel(&self->wheel, conn);
	tcp_prefix_add(self, &t->flow.remote, -1);
	tcp_conn_state(self, t, MR_TCP_CLOSED);
	__atomic_store_n(&t->generation, t->generation + 1, __ATOMIC_RELEASE);
	t->flags |= TCP_ENDED;
	if ((t->flags & (TCP_TOLD | TCP_ACTIVE)) == 0)
		return; /* a half-open that nobody has heard of */
	tcp_count(self, close_metrics[reason]);
	if (app->ops->closed)
		app->ops->closed(app->context, self, conn, reason);
}

void
tcp_conn_end(struct mr_tcp *self, struct tcp_tcb *t, enum mr_tcp_reason reason)
{
	if (t->flags & TCP_ENDED)
		return;
	tcp_table_replace(self, tcp_flow_hash(self, &t->flow), tcp_conn(self, t), 0);
	end(self, t, reason);
}

void
tcp_conn_reset(struct mr_tcp *self, struct tcp_tcb *t, enum mr_tcp_reason reason)
{
	if (t->flags & TCP_ENDED)
		return;
	tcp_send_rst(self, t);
	tcp_conn_end(self, t, reason);
}

void
tcp_conn_settle_end(struct mr_tcp *self, struct tcp_tcb *t)
{
	bool last_ack = t->state == MR_TCP_LAST_ACK && (t->flags & TCP_FIN_SENT) &&
			t->snd_una == t->snd_nxt;
	uint64_t hash;

	if ((t->state != MR_TCP_TIME_WAIT && !last_ack) || tcp_receive_unread(self, t))
		return;
	if (last_ack) {
		tcp_conn_end(self, t, MR_TCP_END_OK);
		return;
	}
	hash = tcp_flow_hash(self, &t->flow);
	tcp_timewait_enter(self, t, hash);
	end(self, t, MR_TCP_END_OK);
}

/* tcp_conn_path: answers go where the latest segment came from. One segment may lie: no checksum
 * covers a MAC address. So the path that two in a row came by is kept beside it. */
void
tcp_conn_path(struct tcp_tcb *t, uint16_t path)
{
	if (mr_unlikely(t->flow.path != path))
		__atomic_store_n(&t->flow.path, path, __ATOMIC_RELAXED);
	else if (mr_unlikely(t->flow.path_kept != path))
		__atomic_store_n(&t->flow.path_kept, path, __ATOMIC_RELAXED);
}

/* tcp_conn_path_other: nobody answers on this path. One that only listens would never say that we
 * talk to the wall, so the other path is tried, in turns. */
void
tcp_conn_path_other(struct mr_tcp *self, struct tcp_tcb *t)
{
	uint16_t path = t->flow.path, kept = t->flow.path_kept;

	if (path == kept)
		return;
	tcp_count(self, MR_TCP_path_changed);
	__atomic_store_n(&t->flow.path, kept, __ATOMIC_RELAXED);
	__atomic_store_n(&t->flow.path_kept, path, __ATOMIC_RELAXED);
}

/* tcp_enter returns whether this is the outermost entry on t. */
bool
tcp_enter(struct tcp_tcb *t)
{
	bool entered = !(t->flags & TCP_BUSY);

	t->flags |= TCP_BUSY;
	return entered;
}

void
tcp_leave(struct mr_tcp *self, struct tcp_tcb *t, bool entered)
{
	if (!entered)
		return;
	if (!(t->flags & TCP_ENDED)) {
		if (tcp_receive_window_due(self, t))
			tcp_ack_soon(self, t);
		tcp_output(self, t);
		tcp_conn_settle_end(self, t);
	}
	if (!(t->flags & TCP_ENDED)) {
		tcp_tx_release_idle(self, t);
		tcp_timer_send_side(self, t, false);
		tcp_timer_arm(self, t);
#ifdef MR_SLOW_CHECKS
		tcp_check(self, t);
#endif
	}
	t->flags &= ~(uint32_t)TCP_BUSY;
	if (t->flags & TCP_ENDED) {
		mr_pool_put(&self->tcbs, tcp_conn(self, t));
		mr_metric_set(self->metrics, MR_TCP_connection_open, self->tcbs.used);
	}
}
