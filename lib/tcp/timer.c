/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/timer - the clock's side of a connection: one wheel node, and what may be due when it fires.
 *
 * A TCB keeps up to four deadlines (transmission, delayed ACK, the application's or FIN-WAIT's, and
 * keep-alive, which is reckoned from last_rx_ms); its node stands at the earliest or before it. A
 * node that fires too early is only put back: a deadline that moves out costs nothing.
 *
 * Spec: RFC 6298 (RTO), RFC 8985 7.2 (PTO), RFC 9293 3.8.3 (R2), 3.8.4 (keep-alive), 3.8.6.1
 *       (persist), 3.8.6.3 (delayed ACK).
 */
#include "tcp/tcp_int.h"

enum {
	CLOCK_GRANULARITY_US = 1000,
	PEER_ACK_DELAY_US = 200000, /* what a lone segment's ACK may wait at the peer */
	PTO_MIN_US = 10000,         /* below it a host that is merely busy looks like a loss */
	BACKOFF_SHIFT_MAX = 16,
};

/* RFC 6298 2.2, 2.3; srtt is kept times 8, rttvar times 4. */
void
tcp_rtt_sample(struct mr_tcp *self, struct tcp_tcb *t, uint32_t rtt_us)
{
	(void)self;
	t->rto_kept = 0;
	rtt_us = MR_MAX(MR_MIN(rtt_us, 1u << 27), 1u);
	t->min_rtt_us = t->srtt_us ? MR_MIN(t->min_rtt_us, rtt_us) : rtt_us;
	if (t->srtt_us == 0) {
		t->srtt_us = rtt_us << 3;
		t->rttvar_us = rtt_us << 1;
	} else {
		int32_t error = (int32_t)(rtt_us - (t->srtt_us >> 3));
		uint32_t deviation = (uint32_t)(error < 0 ? -error : error);

		t->rttvar_us += deviation - (t->rttvar_us >> 2);
		t->srtt_us = MR_MAX((uint32_t)((int32_t)t->srtt_us + error), 8u);
	}
}

/* tcp_backoff_keep: an ACK of what was sent again is no sample (Karn), so the doublings that it
 * ends stay until one comes. Else, where the round trip has become longer than the RTO and there
 * are no timestamps, everything would be sent again for ever. */
void
tcp_backoff_keep(struct tcp_tcb *t)
{
	t->rto_kept = (uint8_t)MR_MIN(t->rto_kept + t->backoff, BACKOFF_SHIFT_MAX);
	t->backoff = 0;
}

/* The RTO with its back-off. */
uint32_t
tcp_rto_us(const struct mr_tcp *self, const struct tcp_tcb *t)
{
	uint64_t rto_us = self->config.rto_initial_ms * 1000ull;

	if (t->srtt_us) {
		rto_us = (t->srtt_us >> 3) + MR_MAX(t->rttvar_us, (uint32_t)CLOCK_GRANULARITY_US);
		rto_us = MR_MAX(rto_us, self->config.rto_min_ms * 1000ull);
	}
	rto_us <<= MR_MIN(t->backoff + t->rto_kept, BACKOFF_SHIFT_MAX);
	return (uint32_t)MR_MIN(rto_us, self->config.rto_max_ms * 1000ull);
}

void
tcp_timer_set(struct mr_tcp *self, struct tcp_tcb *t, enum tcp_timer timer, uint32_t in_us)
{
	t->timer = (uint8_t)timer;
	t->xmit_at_us = self->now_us + in_us;
}

static bool
tlp_eligible(const struct tcp_tcb *t, const struct tcp_tx *tx)
{
	return (t->flags & TCP_SACK) && t->phase == TCP_PHASE_OPEN && t->srtt_us &&
	       t->backoff + t->rto_kept == 0 && tx->sacked_bytes == 0 && tx->lost_bytes == 0 &&
	       tx->tlp == 0;
}

static uint32_t
pto_us(const struct mr_tcp *self, const struct tcp_tcb *t)
{
	uint32_t pto = t->srtt_us >> 2; /* twice SRTT */

	if (t->snd_nxt - t->snd_una <= t->snd_mss)
		pto += PEER_ACK_DELAY_US;
	return MR_MIN(MR_MAX(pto, (uint32_t)PTO_MIN_US), tcp_rto_us(self, t));
}

void
tcp_timer_send_side(struct mr_tcp *self, struct tcp_tcb *t, bool restart)
{
	const struct tcp_tx *tx = tcp_tx(self, t);
	enum tcp_timer want;

	if (!tcp_state_synchronized(t->state)) {
		if (t->timer == TCP_TIMER_NONE || restart)
			tcp_timer_set(self, t, TCP_TIMER_RTO, tcp_rto_us(self, t));
		return;
	}
	if (tx == NULL) {
		if (t->timer != TCP_TIMER_NONE) {
			t->timer = TCP_TIMER_NONE;
			t->xmit_at_us = self->now_ms;
		}
		return;
	}
	if (t->timer == TCP_TIMER_PACE)
		return; /* comes soon, and looks at everything again */
	if (t->snd_una == t->snd_nxt) {
		bool fin_waits = (t->flags & TCP_FIN_QUEUED) && !(t->flags & TCP_FIN_SENT) &&
				 tx->open_count == 0;

		want = tcp_sendq_ready(self, t, tx) != t->snd_nxt || fin_waits ? TCP_TIMER_PERSIST
									       : TCP_TIMER_NONE;
		if (TCP_PLANTED(PERSIST_LOST))
			want = TCP_TIMER_NONE;
	} else if (t->timer == TCP_TIMER_REORDER) {
		return;
	} else if (t->snd_wnd == 0) {
		want = TCP_TIMER_PERSIST;
	} else {
		want = tlp_eligible(t, tx) ? TCP_TIMER_TLP : TCP_TIMER_RTO;
	}
	if (want == TCP_TIMER_NONE)
		t->timer = TCP_TIMER_NONE;
	else if (t->timer != want || restart)
		tcp_timer_set(self, t, want,
			      want == TCP_TIMER_TLP ? pto_us(self, t) : tcp_rto_us(self, t));
}

static uint64_t
in_us(const struct mr_tcp *self, uint32_t at_us)
{
	int32_t left = (int32_t)(at_us - self->now_us);

	return self->now_ns + (left > 0 ? (uint64_t)left * MR_NS_PER_US : 0);
}

static uint64_t
in_ms(const struct mr_tcp *self, uint32_t at_ms)
{
	int32_t left = (int32_t)(at_ms - self->now_ms);

	return self->now_ns + (left > 0 ? (uint64_t)left * MR_NS_PER_MS : 0);
}

static bool
keepalive_runs(const struct tcp_tcb *t)
{
	return (t->flags & TCP_KEEPALIVE) && tcp_state_synchronized(t->state) &&
	       t->snd_una == t->snd_nxt && t->timer == TCP_TIMER_NONE;
}

static uint32_t
keepalive_at_ms(const struct mr_tcp *self, const struct tcp_tcb *t)
{
	return t->last_rx_ms + self->config.keepalive_idle_ms +
	       t->probes * self->config.keepalive_interval_ms;
}

/* tcp_timer_arm puts the node at the earliest deadline, unless it stands before it already. */
void
tcp_timer_arm(struct mr_tcp *self, struct tcp_tcb *t)
{
	uint32_t conn = tcp_conn(self, t);
	uint64_t at_ns = UINT64_MAX;

	if (t->timer != TCP_TIMER_NONE)
		at_ns = in_us(self, t->xmit_at_us);
	if (t->flags & TCP_ACK_LATER)
		at_ns = MR_MIN(at_ns, in_us(self, t->delack_at_us));
	if (t->flags & (TCP_DEADLINE | TCP_FIN_WAIT_TIMED))
		at_ns = MR_MIN(at_ns, in_ms(self, t->deadline_ms));
	if (keepalive_runs(t))
		at_ns = MR_MIN(at_ns, in_ms(self, keepalive_at_ms(self, t)));
	if (TCP_PLANTED(RTO_LOST) && t->timer == TCP_TIMER_RTO && t->backoff == 1)
		at_ns = UINT64_MAX;
	if (at_ns == UINT64_MAX)
		return;
	if (!mr_wheel_is_scheduled(&self->wheel, conn) ||
	    mr_wheel_node(&self->wheel, conn)->deadline_ns > at_ns)
		mr_wheel_schedule(&self->wheel, conn, at_ns);
}

static void
syn_timeout(struct mr_tcp *self, struct tcp_tcb *t)
{
	uint8_t limit = t->state == MR_TCP_SYN_SENT ? self->config.syn_retries
						    : self->config.synack_retries;

	if (t->backoff >= limit) {
		tcp_conn_end(self, t, MR_TCP_END_TIMEOUT);
		return;
	}
	t->backoff++;
	t->flags |= TCP_SYN_AGAIN;
	tcp_count(self, MR_TCP_retransmit);
	tcp_send_syn(self, t);
	tcp_timer_send_side(self, t, true);
}

/* lower_mss: after two timeouts of a segment above the smallest that every path must carry, it may
 * be its size that makes it vanish (RFC 8899 4.3, RFC 2923 2.1: a black hole). First by a quarter,
 * then to the smallest. */
static void
lower_mss(struct mr_tcp *self, struct tcp_tcb *t, const struct tcp_tx *tx)
{
	const struct tcp_run *head = tx->run_head ? tcp_run(self, tx->run_head) : NULL;
	uint32_t floor = (mr_addr_is_v4(&t->flow.local) ? MR_TCP_PMTU_MIN_V4 - 40
							: MR_TCP_PMTU_MIN_V6 - 60) -
			 (t->flags & TCP_TS ? 12 : 0);
	uint32_t size = head ? MR_MIN(head->end - head->seq, (uint32_t)t->snd_mss) : 0;

	if (t->backoff < 2 || size <= floor)
		return;
	tcp_pmtu_lower(self, t, t->backoff == 2 ? MR_MAX(floor, size - size / 4) : floor);
	tcp_count(self, MR_TCP_black_hole);
}

static void
rto_fire(struct mr_tcp *self, struct tcp_tcb *t)
{
	struct tcp_tx *tx = tcp_tx(self, t);

	tcp_conn_path_other(self, t);
	if (!tcp_state_synchronized(t->state)) {
		syn_timeout(self, t);
		return;
	}
	if (tx == NULL || t->snd_una == t->snd_nxt)
		return;
	if (t->backoff >= self->config.data_retries) {
		tcp_conn_end(self, t, MR_TCP_END_TIMEOUT);
		return;
	}
	lower_mss(self, t, tx);
	tcp_recovery_timeout(self, t, tx);
	t->backoff++;
}

/* persist_fire probes a window that is shut, or too small for a segment. A peer that goes on
 * acknowledging may keep it shut for persist_limit_ms, then it is reset: a bound on what a hoarder
 * can hold (RFC 6429; RFC 9293 3.8.6.1 leaves it to us). */
static void
persist_fire(struct mr_tcp *self, struct tcp_tcb *t)
{
	struct tcp_tx *tx = tcp_tx(self, t);
	uint32_t usable = t->snd_una + t->snd_wnd - t->snd_nxt;

	if (tx == NULL)
		return;
	tcp_conn_path_other(self, t);
	if (!(tx->bits & TCP_TX_PERSIST)) {
		tx->bits |= TCP_TX_PERSIST;
		tx->persist_since_ms = self->now_ms;
	} else if (self->now_ms - tx->persist_since_ms > self->config.persist_limit_ms) {
		tcp_conn_reset(self, t, MR_TCP_END_PERSIST);
		return;
	}
	if (t->snd_una != t->snd_nxt) {
		if (tx->run_head && !(tcp_run(self, tx->run_head)->flags & TCP_RUN_SACKED))
			tcp_send_again(self, t, tx, tcp_run(self, tx->run_head), 1);
	} else {
		if ((int32_t)usable <= 0)
			usable = 1;
		tcp_send_probe(self, t, tx, usable);
	}
	if (t->backoff < BACKOFF_SHIFT_MAX)
		t->backoff++;
}

static void
xmit_fire(struct mr_tcp *self, struct tcp_tcb *t)
{
	enum tcp_timer timer = t->timer;
	struct tcp_tx *tx = tcp_tx(self, t);

	t->timer = TCP_TIMER_NONE;
	switch (timer) {
	case TCP_TIMER_RTO:
		rto_fire(self, t);
		break;
	case TCP_TIMER_TLP:
		if (tx && t->snd_una != t->snd_nxt) {
			tcp_recovery_probe(self, t, tx);
			/* RFC 8985 7.3: whether it went or not, the RTO comes next */
			tcp_timer_set(self, t, TCP_TIMER_RTO, tcp_rto_us(self, t));
		}
		break;
	case TCP_TIMER_REORDER:
		if (tx)
			tcp_recovery_reorder_timer(self, t, tx);
		break;
	case TCP_TIMER_PERSIST:
		persist_fire(self, t);
		break;
	case TCP_TIMER_PACE: /* tcp_leave goes on sending */
	case TCP_TIMER_NONE:
		break;
	}
}

static void
keepalive_fire(struct mr_tcp *self, struct tcp_tcb *t)
{
	if (t->probes >= self->config.keepalive_probes) {
		tcp_conn_reset(self, t, MR_TCP_END_KEEPALIVE);
		return;
	}
	if (t->probes++)
		tcp_conn_path_other(self, t);
	tcp_send_keepalive(self, t);
}

static void
deadline_fire(struct mr_tcp *self, struct tcp_tcb *t)
{
	const struct mr_tcp_app *app = tcp_app(self, t);

	if (t->flags & TCP_FIN_WAIT_TIMED) {
		tcp_conn_end(self, t, MR_TCP_END_FIN_WAIT);
		return;
	}
	t->flags &= ~(uint32_t)TCP_DEADLINE;
	if ((t->flags & (TCP_TOLD | TCP_ACTIVE)) && app->ops->deadline)
		app->ops->deadline(app->context, self, tcp_conn(self, t));
}

uint64_t
tcp_timer_expire(void *context, uint32_t conn, uint64_t now_ns)
{
	struct mr_tcp *self = context;
	struct tcp_tcb *t = tcp_tcb(self, conn);
	bool entered = tcp_enter(t);

	(void)now_ns;
	if (t->timer != TCP_TIMER_NONE && (int32_t)(self->now_us - t->xmit_at_us) >= 0)
		xmit_fire(self, t);
	if ((t->flags & TCP_ACK_LATER) && (int32_t)(self->now_us - t->delack_at_us) >= 0)
		t->flags |= TCP_ACK_NOW;
	if (!(t->flags & TCP_ENDED) && (t->flags & (TCP_DEADLINE | TCP_FIN_WAIT_TIMED)) &&
	    (int32_t)(self->now_ms - t->deadline_ms) >= 0)
		deadline_fire(self, t);
	if (!(t->flags & TCP_ENDED) && keepalive_runs(t) &&
	    (int32_t)(self->now_ms - keepalive_at_ms(self, t)) >= 0)
		keepalive_fire(self, t);
	tcp_leave(self, t, entered);
	return 0; /* tcp_leave has armed what comes next */
}
