/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/input - SEGMENT ARRIVES, in the order of RFC 9293 3.10.7.
 *
 * What other RFCs add stands in its place among the steps: PAWS and TS.Recent (7323 5.3, 4.3) and
 * DSACK (2883) at the sequence check, 5961 at RST, SYN and ACK, recovery at the ACK.
 */
#include "tcp/tcp_int.h"

/* ---- 3.10.7.3 SYN-SENT ---- */

/* How long ago the SYN or SYN+ACK left, if it left once only (Karn); else 0. */
static uint32_t
handshake_rtt_us(const struct mr_tcp *self, const struct tcp_tcb *t)
{
	uint32_t sent_us = t->xmit_at_us - tcp_rto_us(self, t);

	if (t->flags & TCP_SYN_AGAIN || t->timer != TCP_TIMER_RTO || t->backoff)
		return 0;
	return MR_MAX(self->now_us - sent_us, 1u);
}

static void
input_syn_sent(struct mr_tcp *self, struct tcp_tcb *t, const struct mr_tcp_in *in,
	       const struct mr_tcp_segment *seg)
{
	bool ack = seg->flags & MR_TCP_ACK;
	uint32_t rtt_us;

	/* first: the ACK bit */
	if (ack && seg->ack != t->snd_nxt) {
		tcp_count(self, MR_TCP_drop_ack);
		tcp_reply_rst(self, in, seg);
		return;
	}
	/* second: RST */
	if (seg->flags & MR_TCP_RST) {
		if (ack)
			tcp_conn_end(self, t, MR_TCP_END_REFUSED);
		else
			tcp_count(self, MR_TCP_drop_closed);
		return;
	}
	/* fourth: SYN (third, security, is nothing to us); fifth: neither */
	if (!(seg->flags & MR_TCP_SYN)) {
		tcp_count(self, MR_TCP_drop_flags);
		return;
	}
	t->rcv_nxt = seg->seq + 1;
	t->rcv_adv += t->rcv_nxt;
	t->last_ack_sent = t->rcv_nxt;
	rtt_us = ack ? handshake_rtt_us(self, t) : 0;
	tcp_conn_negotiate(self, t, seg);
	if (!ack) { /* simultaneous open */
		if (!self->config.no_ecn &&
		    (seg->flags & (MR_TCP_ECE | MR_TCP_CWR)) == (MR_TCP_ECE | MR_TCP_CWR))
			t->flags |= TCP_ECN;
		tcp_conn_state(self, t, MR_TCP_SYN_RECEIVED);
		tcp_send_syn(self, t);
		tcp_timer_send_side(self, t, true);
		return;
	}
	if (!self->config.no_ecn && !(t->flags & TCP_SYN_AGAIN) &&
	    (seg->flags & (MR_TCP_ECE | MR_TCP_CWR)) == MR_TCP_ECE)
		t->flags |= TCP_ECN;
	t->snd_una = seg->ack;
	if (rtt_us)
		tcp_rtt_sample(self, t, rtt_us);
	t->flags |= TCP_ACK_NOW;
	tcp_conn_established(self, t);
	if (!(t->flags & TCP_ENDED) && (seg->payload_bytes || seg->flags & MR_TCP_FIN))
		tcp_receive(self, t, seg->seq + 1, seg->payload,
			    MR_MIN((uint32_t)seg->payload_bytes, t->rcv_adv - t->rcv_nxt),
			    (seg->flags & MR_TCP_FIN) &&
				    seg->payload_bytes < t->rcv_adv - t->rcv_nxt);
}

/* ---- 3.10.7.4 first: the sequence number ---- */

/* paws_ok: RFC 7323 5.3 R1. RST is never tested. TS.Recent is invalid after 24 days of silence. */
static bool
paws_ok(struct mr_tcp *self, struct tcp_tcb *t, const struct mr_tcp_segment *seg)
{
	bool older = seq_lt(seg->tsval, t->ts_recent);

	if (TCP_PLANTED(PAWS_COMPARE))
		older = seg->tsval < t->ts_recent;
	if (!(t->flags & TCP_TS) || (seg->flags & MR_TCP_RST))
		return true;
	if (!seg->has_ts) { /* 3.2: agreed, and missing */
		tcp_count(self, MR_TCP_drop_no_timestamp);
		return false;
	}
	if (!older || self->now_ms - t->last_rx_ms > 24u * 86400 * 1000)
		return true;
	tcp_count(self, MR_TCP_drop_paws);
	if (seg->payload_bytes || tcp_challenge_allowed(self, t))
		t->flags |= TCP_ACK_NOW;
	return false;
}

/* acceptable: the four cases of the table in 3.4. */
static bool
acceptable(const struct tcp_tcb *t, const struct mr_tcp_segment *seg)
{
	uint32_t len = mr_tcp_segment_len(seg), wnd = t->rcv_adv - t->rcv_nxt;
	bool left_in = seg->seq - t->rcv_nxt < wnd;
	bool right_in = seg->seq + len - 1 - t->rcv_nxt < wnd;

	if (TCP_PLANTED(WRAP_COMPARE))
		return seg->seq >= t->rcv_nxt && seg->seq <= t->rcv_nxt + wnd;
	if (len == 0)
		return wnd == 0 ? seg->seq == t->rcv_nxt : left_in || seg->seq == t->rcv_nxt;
	return wnd > 0 && (left_in || right_in ||
			   (seq_leq(seg->seq, t->rcv_nxt) && seq_gt(seg->seq + len, t->rcv_nxt)));
}

/* rescue: two kinds of segments lie outside the window and still tell something. Returns whether
 * seg, changed, is to be taken. */
static bool
rescue(struct mr_tcp *self, struct tcp_tcb *t, struct mr_tcp_segment *seg)
{
	uint8_t kind = seg->flags & (MR_TCP_SYN | MR_TCP_ACK | MR_TCP_RST);

	/* a simultaneous open answers our SYN by SYN+ACK: its SYN is old, its ACK is not */
	if (t->state == MR_TCP_SYN_RECEIVED && kind == (MR_TCP_SYN | MR_TCP_ACK) &&
	    (t->flags & TCP_ACTIVE) && seg->seq + 1 == t->rcv_nxt) {
		seg->flags &= (uint8_t)~MR_TCP_SYN;
		seg->seq++;
		seg->wnd = (uint16_t)(seg->wnd >> t->snd_wscale); /* a SYN's is not scaled */
		return true;
	}
	/* 3.10.7.4: while the window is shut, valid ACKs are taken all the same */
	if (kind == MR_TCP_ACK && seg->seq == t->rcv_nxt && t->rcv_adv == t->rcv_nxt) {
		tcp_count(self, MR_TCP_drop_window);
		seg->payload_bytes = 0;
		seg->flags &= (uint8_t)~MR_TCP_FIN;
		t->flags |= TCP_ACK_NOW;
		return true;
	}
	return false;
}

static void
not_acceptable(struct mr_tcp *self, struct tcp_tcb *t, const struct mr_tcp_in *in,
	       const struct mr_tcp_segment *seg)
{
	uint32_t len = mr_tcp_segment_len(seg);

	if (seg->flags & MR_TCP_RST) {
		tcp_count(self, MR_TCP_drop_window);
		return;
	}
	/* what comes again says that our answers do not arrive: this one goes where it came from */
	tcp_conn_path(t, in->flow.path);
	if (t->state == MR_TCP_SYN_RECEIVED && seg->flags & MR_TCP_SYN &&
	    seg->seq + 1 == t->rcv_nxt) {
		if (tcp_challenge_allowed(self, t))
			tcp_send_syn(self, t); /* our SYN+ACK was lost */
		return;
	}
	if (seg->flags & MR_TCP_SYN) { /* RFC 5961 4.2 */
		tcp_challenge(self, t);
		return;
	}
	if (len && seq_leq(seg->seq + len, t->rcv_nxt)) { /* old data: RFC 2883 */
		tcp_count(self, MR_TCP_duplicate);
		if (TCP_PLANTED(ACK_FORGOTTEN))
			return;
		if (seg->payload_bytes)
			tcp_send_dsack(self, t, seg->seq, seg->seq + seg->payload_bytes);
		else
			t->flags |= TCP_ACK_NOW;
		return;
	}
	tcp_count(self, MR_TCP_drop_window);
	if (len || tcp_challenge_allowed(self, t))
		t->flags |= TCP_ACK_NOW;
}

/* trim cuts the segment to the window. Returns false when nothing of what it carried is left. */
static void
trim(struct mr_tcp *self, struct tcp_tcb *t, struct mr_tcp_segment *seg)
{
	uint32_t wnd = t->rcv_adv - t->rcv_nxt, offset;

	if (seq_lt(seg->seq, t->rcv_nxt)) {
		uint32_t old = t->rcv_nxt - seg->seq, cut;

		if (seg->flags & MR_TCP_SYN) {
			seg->flags &= (uint8_t)~MR_TCP_SYN;
			seg->seq++;
			old--;
		}
		cut = MR_MIN(old, (uint32_t)seg->payload_bytes);
		if (cut && seg->payload_bytes > cut && (t->flags & TCP_SACK))
			tcp_send_dsack(self, t, seg->seq, seg->seq + cut);
		seg->payload += cut;
		seg->payload_bytes = (uint16_t)(seg->payload_bytes - cut);
		seg->seq += cut;
	}
	offset = seg->seq - t->rcv_nxt;
	if (offset <= wnd && mr_tcp_segment_len(seg) > wnd - offset) {
		seg->payload_bytes = (uint16_t)MR_MIN((uint32_t)seg->payload_bytes, wnd - offset);
		seg->flags &= (uint8_t)~MR_TCP_FIN;
	}
}

/* ---- second and fourth: RST, SYN ---- */

static void
input_rst(struct mr_tcp *self, struct tcp_tcb *t, const struct mr_tcp_segment *seg)
{
	/* RFC 5961 3.2: only in the exact place; elsewhere in the window a challenge */
	if (seg->seq != t->rcv_nxt) {
		tcp_challenge(self, t);
		return;
	}
	if (t->state == MR_TCP_TIME_WAIT) {
		/* RFC 1337: everything has arrived; the application is only slow to read it */
		tcp_count(self, MR_TCP_drop_closed);
		return;
	}
	tcp_conn_end(self, t,
		     t->state == MR_TCP_SYN_RECEIVED ? MR_TCP_END_REFUSED : MR_TCP_END_RESET);
}

/* ---- fifth: ACK ---- */

/* input_window: SND.WND from a segment that is not older than the last that set it. The RFC also
 * compares SEG.ACK with SND.WL2, but SND.WL2 <= SND.UNA <= SEG.ACK always holds here. An ACK that
 * advances is newer whatever its SEG.SEQ (a retransmission): the old SND.WND, counted from the new
 * SND.UNA, would reach beyond the edge that the peer has announced. */
static bool
input_window(struct tcp_tcb *t, const struct mr_tcp_segment *seg)
{
	uint32_t wnd = (uint32_t)seg->wnd << t->snd_wscale, before = t->snd_wnd;

	if (seq_lt(seg->seq, t->snd_wl1) && seg->ack == t->snd_una)
		return false;
	t->snd_wnd = wnd;
	t->snd_wl1 = seq_max(seg->seq, t->snd_wl1);
	t->snd_wnd_max = MR_MAX(t->snd_wnd_max, seg->wnd);
	return wnd != before;
}

static void
rtt_from_ack(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, struct tcp_ack *ack)
{
	if (ack->rtt_us && t->srtt_us)
		t->min_rtt_us = MR_MIN(t->min_rtt_us, ack->rtt_us);
	/* one sample per round trip, so that the gains of RFC 6298 hold (RFC 7323 4.2) */
	if (!seq_gt(t->snd_una, tx->rtt_seq) && t->rto_kept == 0)
		return;
	if (ack->srtt_rtt_us) {
		tcp_rtt_sample(self, t, ack->srtt_rtt_us);
		tx->rtt_seq = t->snd_nxt;
	} else if (ack->una_advanced && (t->flags & TCP_TS) && ack->seg->has_ts &&
		   ack->seg->tsecr) {
		uint32_t rtt_ms = tcp_tsval(self, t) - ack->seg->tsecr; /* 7323 4.1 */

		if (rtt_ms < 1u << 17) {
			tcp_rtt_sample(self, t, MR_MAX(rtt_ms * 1000, 1u));
			tx->rtt_seq = t->snd_nxt;
		}
	}
}

/* window_reopened: what was sent as a probe, or fell to a shrunken window, goes again at once. */
static void
window_reopened(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx)
{
	struct tcp_run *head = tx->run_head ? tcp_run(self, tx->run_head) : NULL;

	t->backoff = 0;
	t->timer = TCP_TIMER_NONE;
	tx->bits = (uint8_t)(tx->bits & ~TCP_TX_PERSIST);
	if (head && !(head->flags & TCP_RUN_SACKED))
		tcp_send_again(self, t, tx, head, UINT32_MAX);
}

/* input_ack takes SEG.ACK, the window and SACK. Returns false when the segment is to be dropped. */
static bool
input_ack(struct mr_tcp *self, struct tcp_tcb *t, const struct mr_tcp_segment *seg)
{
	const struct mr_tcp_app *app = tcp_app(self, t);
	struct tcp_tx *tx = tcp_tx(self, t);
	struct tcp_ack ack = { .seg = seg,
			       .prior_una = t->snd_una,
			       .prior_flight = t->snd_nxt - t->snd_una };
	bool wnd_changed, persisting = t->timer == TCP_TIMER_PERSIST;
	uint32_t data_acked;

	/* RFC 5961 5.2 */
	if (seq_gt(seg->ack, t->snd_nxt) ||
	    seq_lt(seg->ack, t->snd_una - ((uint32_t)t->snd_wnd_max << t->snd_wscale))) {
		tcp_count(self, MR_TCP_drop_ack);
		tcp_challenge(self, t);
		return false;
	}
	if (seq_lt(seg->ack, t->snd_una))
		return true; /* an old ACK tells nothing; its data may */
	wnd_changed = input_window(t, seg);
	ack.acked_bytes = seg->ack - t->snd_una;
	ack.una_advanced = ack.acked_bytes > 0;
	ack.duplicate = !ack.una_advanced && ack.prior_flight && seg->payload_bytes == 0 &&
			!(seg->flags & MR_TCP_FIN) && (!wnd_changed || seg->sack_count);
	if (tx == NULL)
		return true;
	ack.prior_pipe = tcp_pipe(t, tx);
	data_acked = ack.acked_bytes - (seq_gt(seg->ack, t->snd_end) && ack.una_advanced);
	t->snd_una = seg->ack;
	tcp_board_acked(self, t, tx, &ack);
	tcp_pmtu_acked(self, t, tx);
	if (t->flags & TCP_SACK)
		tcp_board_sacked(self, t, tx, &ack);
	if (ack.una_advanced && t->backoff)
		tcp_backoff_keep(t);
	rtt_from_ack(self, t, tx, &ack);
	if (ack.una_advanced) {
		tx->advanced_ms = self->now_ms;
		tcp_sendq_acked(self, t, tx, seq_min(t->snd_una, t->snd_end));
	}
	if (ack.prior_flight)
		tcp_recovery_ack(self, t, tx, &ack);
	if (seq_geq(t->snd_una, tx->limited_seq))
		t->flags &= ~(uint32_t)TCP_CWND_LIMITED;
	if (t->snd_wnd && persisting)
		window_reopened(self, t, tx);
	if (ack.una_advanced && t->timer != TCP_TIMER_REORDER)
		tcp_timer_send_side(self, t, true); /* RFC 6298 5.3 */
	if (!tcp_progress(self, t, tx))
		return false;
	if (data_acked && (t->flags & TCP_TOLD) && app->ops->acked)
		app->ops->acked(app->context, self, tcp_conn(self, t), data_acked);
	return true;
}

/* input_fin_acked: the transitions that our FIN's ACK makes. */
static void
input_fin_acked(struct mr_tcp *self, struct tcp_tcb *t)
{
	if (!(t->flags & TCP_FIN_SENT) || t->snd_una != t->snd_nxt)
		return;
	if (t->state == MR_TCP_FIN_WAIT_1)
		tcp_conn_state(self, t, MR_TCP_FIN_WAIT_2);
	else if (t->state == MR_TCP_CLOSING)
		tcp_conn_state(self, t, MR_TCP_TIME_WAIT);
	/* LAST_ACK ends in tcp_conn_settle_end */
}

/* input_syn_received: the ACK of our SYN. */
static bool
input_syn_received(struct mr_tcp *self, struct tcp_tcb *t, const struct mr_tcp_in *in,
		   const struct mr_tcp_segment *seg)
{
	uint32_t rtt_us;

	if (seg->ack != t->snd_nxt) { /* SND.UNA < SEG.ACK <= SND.NXT: one number */
		tcp_count(self, MR_TCP_drop_ack);
		tcp_reply_rst(self, in, seg);
		return false;
	}
	rtt_us = handshake_rtt_us(self, t);
	t->snd_una = seg->ack;
	t->snd_wnd = (uint32_t)seg->wnd << t->snd_wscale;
	t->snd_wnd_max = MR_MAX(t->snd_wnd_max, seg->wnd);
	t->snd_wl1 = seg->seq;
	if (rtt_us)
		tcp_rtt_sample(self, t, rtt_us);
	tcp_conn_established(self, t);
	if (!(t->flags & TCP_ENDED) && t->state == MR_TCP_ESTABLISHED &&
	    (t->flags & TCP_FIN_QUEUED)) /* closed before it was open */
		tcp_conn_state(self, t, MR_TCP_FIN_WAIT_1);
	return !(t->flags & TCP_ENDED);
}

/* ---- the steps ---- */

static void
input_conn(struct mr_tcp *self, struct tcp_tcb *t, const struct mr_tcp_in *in,
	   struct mr_tcp_segment *seg)
{
	uint32_t seq = seg->seq;

	if (t->state == MR_TCP_SYN_SENT) {
		input_syn_sent(self, t, in, seg);
		return;
	}
	/* first: sequence number */
	if (!paws_ok(self, t, seg))
		return;
	if (!acceptable(t, seg) && !rescue(self, t, seg)) {
		not_acceptable(self, t, in, seg);
		return;
	}
	/* second: RST */
	if (seg->flags & MR_TCP_RST) {
		input_rst(self, t, seg);
		return;
	}
	/* third: security; fourth: SYN (RFC 5961 4.2) */
	if (seg->flags & MR_TCP_SYN) {
		tcp_challenge(self, t);
		return;
	}
	/* fifth: ACK */
	if (!(seg->flags & MR_TCP_ACK)) {
		tcp_count(self, MR_TCP_drop_no_ack);
		return;
	}
	if (t->state == MR_TCP_SYN_RECEIVED && !input_syn_received(self, t, in, seg))
		return;
	if (!input_ack(self, t, seg) || t->flags & TCP_ENDED)
		return;
	/* RFC 7323 4.3 (3): the segment is the one that Last.ACK.sent waits for, or older */
	if ((t->flags & TCP_TS) && seg->has_ts && seq_leq(seq, t->last_ack_sent) &&
	    seq_geq(seg->tsval, t->ts_recent))
		t->ts_recent = seg->tsval;
	t->last_rx_ms = self->now_ms;
	t->probes = 0;
	tcp_conn_path(t, in->flow.path);
	input_fin_acked(self, t);
	/* RFC 3168 6.1.3: the receiver's side of ECN */
	if (t->flags & TCP_ECN) {
		if (seg->flags & MR_TCP_CWR)
			t->flags &= ~(uint32_t)TCP_ECE;
		if (in->ecn == MR_TCP_CE && seg->payload_bytes)
			t->flags |= TCP_ECE | TCP_ACK_NOW;
	}
	/* sixth: URG is tolerated, the pointer ignored (RFC 6093) */
	MR_COUNT_IF(seg->flags & MR_TCP_URG, self->metrics[MR_TCP_urgent]);
	/* seventh: text; eighth: FIN */
	trim(self, t, seg);
	if (seg->payload_bytes == 0 && !(seg->flags & MR_TCP_FIN))
		return;
	if ((t->flags & TCP_READ_CLOSED) && seg->payload_bytes) { /* 3.6.1 */
		tcp_count(self, MR_TCP_drop_fin_wait);
		tcp_conn_reset(self, t, MR_TCP_END_ABORT);
		return;
	}
	if (!(t->flags & TCP_FIN_RCVD))
		tcp_receive(self, t, seg->seq, seg->payload, seg->payload_bytes,
			    seg->flags & MR_TCP_FIN);
}

static void
input_one(struct mr_tcp *self, const struct mr_tcp_in *in, uint64_t hash)
{
	struct mr_tcp_segment seg;
	struct tcp_tcb *t;
	uint32_t slot;
	bool entered;

	tcp_count(self, MR_TCP_segment_rx);
	if (!mr_tcp_segment_parse(in->bytes, in->byte_count, &seg)) {
		tcp_count(self, MR_TCP_drop_short);
		return;
	}
	MR_COUNT_IF(seg.options_broken, self->metrics[MR_TCP_option_broken]);
	if ((seg.flags & MR_TCP_SYN) && (seg.flags & (MR_TCP_FIN | MR_TCP_RST))) {
		tcp_count(self, MR_TCP_drop_flags);
		return;
	}
	slot = tcp_table_find(self, hash, &in->flow);
	if (slot & TCP_SLOT_TIME_WAIT) {
		tcp_timewait_input(self, slot, in, &seg, hash);
		return;
	}
	t = slot ? tcp_tcb(self, slot) : tcp_listen_cookie(self, in, &seg, hash);
	if (t == NULL) {
		tcp_listen(self, in, &seg, hash, 0);
		return;
	}
	entered = tcp_enter(t);
	input_conn(self, t, in, &seg);
	tcp_leave(self, t, entered);
}

void
mr_tcp_input(struct mr_tcp *self, const struct mr_tcp_in *in)
{
	input_one(self, in, tcp_flow_hash(self, &in->flow));
}

void
mr_tcp_input_burst(struct mr_tcp *self, const struct mr_tcp_in *ins, uint32_t count)
{
	uint64_t hashes[MR_TCP_BURST_MAX];

	MR_ASSERT(count <= MR_TCP_BURST_MAX);
	for (uint32_t i = 0; i < count; i++) {
		hashes[i] = tcp_flow_hash(self, &ins[i].flow);
		tcp_table_prefetch_bucket(self, hashes[i]);
	}
	for (uint32_t i = 0; i < count; i++)
		tcp_table_prefetch_entry(self, hashes[i]);
	for (uint32_t i = 0; i < count; i++) {
		self->in_burst = i + 1 < count;
		input_one(self, &ins[i], hashes[i]);
	}
	tcp_ack_burst(self);
}
