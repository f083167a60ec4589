/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/recovery - what an ACK, a timeout and a probe mean for the window and for what goes again.
 *
 * Phase        next                                                       [function]
 *   OPEN     -> RECOVERY  something was marked lost                       [recovery_enter]
 *   OPEN     -> CWR       ECE                                             [tcp_recovery_ack]
 *   CWR      -> RECOVERY  something was marked lost                       [recovery_enter]
 *   any      -> LOSS      retransmission timeout                          [tcp_recovery_timeout]
 *   LOSS     -> OPEN      F-RTO finds the timeout spurious                [frto_ack]
 *   RECOVERY, LOSS -> OPEN  a timestamp or DSACKs show it was spurious    [tcp_undo_ack]
 *   not OPEN -> OPEN      SND.UNA reaches recovery_point                  [phase_end]
 *
 * With SACK, losses are found by RACK-TLP (RFC 8985), which stands in for the duplicate counting of
 * RFC 6675; pipe is RFC 6675's. Without SACK, by three duplicate ACKs and partial ACKs (RFC 6582),
 * and each duplicate counts as one segment that has left the network. cwnd within a recovery is
 * PRR's (RFC 6937, with the slow-start reduction bound only while SND.UNA moves).
 */
#include "tcp/tcp_int.h"

enum { WALK_AGAIN_US = 1000 /* when a turn's walking was used up */ };

void
tcp_cc_env(const struct mr_tcp *self, const struct tcp_tcb *t, struct mr_tcp_cc_env *env)
{
	*env = (struct mr_tcp_cc_env){
		.now_us = self->now_us,
		.mss = t->snd_mss,
		.snd_una = t->snd_una,
		.snd_nxt = t->snd_nxt,
		.flight_bytes = t->snd_nxt - t->snd_una,
		.srtt_us = t->srtt_us >> 3,
		.min_rtt_us = t->min_rtt_us,
		.cwnd_limited = t->flags & TCP_CWND_LIMITED,
	};
}

static void
reduce(struct mr_tcp *self, struct tcp_tcb *t, uint32_t flight_bytes, enum mr_tcp_cc_cause cause)
{
	struct mr_tcp_cc_env env;

	tcp_cc_env(self, t, &env);
	env.flight_bytes = flight_bytes;
	self->config.cc->reduce(&t->cc, &env, cause);
}

/* ---- RACK (RFC 8985 6.2) ---- */

/* step 4: the reordering window */
uint32_t
tcp_reo_wnd_us(const struct tcp_tcb *t, const struct tcp_tx *tx)
{
	uint32_t reo_wnd_us;

	if (!(t->flags & TCP_REORDERING) &&
	    (t->phase == TCP_PHASE_RECOVERY || t->phase == TCP_PHASE_LOSS ||
	     tx->sacked_bytes > (TCP_DUP_THRESH - 1u) * t->snd_mss))
		return 0;
	reo_wnd_us = MR_MAX(t->reo & 15u, 1u) * (t->min_rtt_us / 4);
	return MR_MIN(reo_wnd_us, t->srtt_us >> 3);
}

static void
rack_dsack(struct tcp_tcb *t, struct tcp_tx *tx, const struct tcp_ack *ack)
{
	if ((tx->bits & TCP_TX_DSACK_ROUND) && seq_geq(t->snd_una, tx->dsack_round))
		tx->bits = (uint8_t)(tx->bits & ~TCP_TX_DSACK_ROUND);
	if (ack->dsack && !(tx->bits & TCP_TX_DSACK_ROUND)) {
		uint32_t mult = MR_MIN(MR_MAX(t->reo & 15u, 1u) + 1, 15u);

		tx->bits |= TCP_TX_DSACK_ROUND;
		tx->dsack_round = t->snd_nxt;
		t->reo = (uint8_t)(15u << 4 | mult); /* kept for 15 recoveries; the RFC says 16 */
	}
}

/* rack_overtook says whether what was delivered last had left after run. Within one turn time
 * stands still, and sequence numbers tell the order of new data, and of retransmissions; but a
 * retransmission may have left after new data of the same turn. */
static bool
rack_overtook(const struct tcp_tx *tx, const struct tcp_run *run)
{
	if (run->sent_us == tx->rack_sent_us && (run->flags & TCP_RUN_AGAIN) &&
	    !(tx->bits & TCP_TX_RACK_AGAIN))
		return false;
	return tcp_sent_after(tx->rack_sent_us, tx->rack_end, run->sent_us, run->end);
}

/* rack_detect marks lost what was sent sufficiently before something that has arrived (step 5), and
 * returns in how many microseconds the next could be marked; 0: none waits. */
static uint32_t
rack_detect(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx)
{
	uint32_t reo_wnd_us = tcp_reo_wnd_us(t, tx), wait_us = 0;

	if (!(tx->bits & TCP_TX_RACK_VALID))
		return 0;
	if (self->walk_left == 0) {
		tcp_count(self, MR_TCP_walk_shed);
		return WALK_AGAIN_US;
	}
	for (uint32_t handle = tx->run_head; handle;) { /* at most RUN_MAX */
		struct tcp_run *run = tcp_run(self, handle);
		int32_t left_us;

		tcp_walk(self, 1);
		handle = run->next;
		if (run->flags & (TCP_RUN_SACKED | TCP_RUN_LOST) || !rack_overtook(tx, run))
			continue;
		left_us = (int32_t)(run->sent_us + tx->rack_rtt_us + reo_wnd_us - self->now_us);
		if (left_us <= 0)
			tcp_board_mark(self, tx, run);
		else
			wait_us = MR_MAX(wait_us, (uint32_t)left_us);
	}
	return wait_us;
}

/* ---- without SACK (RFC 6582) ---- */

static void
mark_head(struct mr_tcp *self, const struct tcp_tcb *t, struct tcp_tx *tx)
{
	struct tcp_run *head = tx->run_head ? tcp_run(self, tx->run_head) : NULL;

	if (head == NULL || head->flags & TCP_RUN_LOST)
		return;
	if (head->end - head->seq > t->snd_mss &&
	    !tcp_board_cut(self, tx, head, head->seq + t->snd_mss))
		return; /* the timeout will see to it */
	tcp_board_mark(self, tx, head);
}

static void
duplicates_ack(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, const struct tcp_ack *ack)
{
	uint32_t flight = t->snd_nxt - t->snd_una, holes;

	if (ack->una_advanced) {
		uint32_t arrived =
			ack->acked_bytes > t->snd_mss ? ack->acked_bytes - t->snd_mss : 0;

		tx->dupacks = 0;
		tx->sacked_bytes -= MR_MIN(tx->sacked_bytes, arrived);
		if (t->phase == TCP_PHASE_OPEN || t->phase == TCP_PHASE_CWR)
			tx->sacked_bytes = 0;
		else if (t->phase == TCP_PHASE_RECOVERY && seq_lt(t->snd_una, tx->recovery_point)) {
			mark_head(self, t, tx); /* a partial ACK: the next hole, at once */
			tx->bits |= TCP_TX_HEAD_AGAIN;
		}
	} else if (ack->duplicate) {
		tx->dupacks = (uint8_t)MR_MIN(tx->dupacks + 1, 255);
		tx->sacked_bytes += t->snd_mss;
		if (tx->dupacks >= TCP_DUP_THRESH && t->phase <= TCP_PHASE_CWR &&
		    seq_geq(t->snd_una, tx->recovery_point))
			mark_head(self, t, tx);
	}
	holes = MR_MIN(flight, MR_MAX(tx->lost_bytes, (uint32_t)t->snd_mss));
	tx->sacked_bytes = MR_MIN(tx->sacked_bytes, flight - holes);
}

/* ---- recovery and PRR ---- */

static void
recovery_enter(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, const struct tcp_ack *ack)
{
	uint32_t flight = ack ? ack->prior_flight : t->snd_nxt - t->snd_una;

	if (t->phase == TCP_PHASE_OPEN) { /* CWR has reduced for this window already */
		tcp_undo_begin(t, tx);
		reduce(self, t, flight, MR_TCP_CC_FAST);
	}
	tcp_count(self, MR_TCP_retransmit_fast);
	t->phase = TCP_PHASE_RECOVERY;
	tx->recovery_point = t->snd_nxt;
	tx->recover_fs = MR_MAX(flight, 1u);
	tx->prr_delivered = tx->prr_out = 0;
	tx->tlp = 0;
	tx->bits |= TCP_TX_HEAD_AGAIN;
	if (t->flags & TCP_ECN)
		t->flags |= TCP_CWR; /* RFC 3168 6.1.2: any reduction is told */
}

static void
prr(const struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, const struct tcp_ack *ack)
{
	uint32_t pipe = tcp_pipe(t, tx), count, delivered = ack->delivered_bytes;

	(void)self;
	if (!(t->flags & TCP_SACK) && ack->duplicate)
		delivered += t->snd_mss;
	tx->prr_delivered += delivered;
	if (pipe > t->cc.ssthresh) {
		uint64_t share =
			((uint64_t)tx->prr_delivered * t->cc.ssthresh + tx->recover_fs - 1) /
			tx->recover_fs;

		count = share > tx->prr_out ? (uint32_t)share - tx->prr_out : 0;
	} else {
		uint32_t limit =
			tx->prr_delivered > tx->prr_out ? tx->prr_delivered - tx->prr_out : 0;

		if (ack->una_advanced && !ack->lost_again) /* slow-start reduction bound */
			limit = MR_MAX(limit, delivered) + t->snd_mss;
		count = MR_MIN(t->cc.ssthresh - pipe, limit);
	}
	t->cc.cwnd = MR_MAX(pipe + count, (uint32_t)t->snd_mss);
}

static void
phase_end(struct tcp_tcb *t, struct tcp_tx *tx)
{
	if (t->phase == TCP_PHASE_RECOVERY || t->phase == TCP_PHASE_CWR)
		t->cc.cwnd = MR_MAX(MR_MIN(t->cc.ssthresh, (uint32_t)1 << 30), 2u * t->snd_mss);
	if (t->phase != TCP_PHASE_CWR && t->reo >> 4) { /* RFC 8985 6.2 step 4 */
		t->reo = (uint8_t)(t->reo - 16);
		if (t->reo >> 4 == 0)
			t->reo = 1;
	}
	t->phase = TCP_PHASE_OPEN;
	tx->frto = 0;
	tx->bits = (uint8_t)(tx->bits & ~TCP_TX_HEAD_AGAIN);
	tx->dupacks = 0;
	if (!(t->flags & TCP_SACK))
		tx->sacked_bytes = 0;
}

/* ---- retransmission timeout (RFC 6298 5.4-5.6, RFC 8985 6.3) and F-RTO (RFC 5682) ---- */

/* mark_timeout marks everything that can be presumed lost after a timeout. */
static void
mark_timeout(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx)
{
	bool rack = (t->flags & TCP_SACK) && (tx->bits & TCP_TX_RACK_VALID);
	uint32_t age_us = tx->rack_rtt_us + tcp_reo_wnd_us(t, tx);

	if (!(t->flags & TCP_SACK))
		tx->sacked_bytes = 0;
	for (uint32_t handle = tx->run_head; handle;) { /* at most RUN_MAX */
		struct tcp_run *run = tcp_run(self, handle);

		if (handle == tx->run_head || !rack ||
		    (int32_t)(self->now_us - run->sent_us - age_us) >= 0)
			tcp_board_mark(self, tx, run);
		handle = run->next;
	}
}

void
tcp_recovery_timeout(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx)
{
	struct tcp_run *head = tx->run_head ? tcp_run(self, tx->run_head) : NULL;
	bool first = t->phase != TCP_PHASE_LOSS && t->backoff == 0;

	tcp_count(self, MR_TCP_retransmit_timeout);
	if (t->phase != TCP_PHASE_LOSS) {
		tcp_undo_begin(t, tx);
		if (t->phase == TCP_PHASE_OPEN)
			reduce(self, t, t->snd_nxt - t->snd_una, MR_TCP_CC_TIMEOUT);
	}
	if (head && head->flags & TCP_RUN_SACKED && (t->flags & TCP_SACK)) {
		/* RFC 2018 8: the peer has dropped what it had SACKed */
		tcp_count(self, MR_TCP_sack_reneged);
		tcp_board_forget_sacks(self, tx);
	}
	tcp_pmtu_timeout(self, t, tx);
	t->phase = TCP_PHASE_LOSS;
	t->cc.cwnd = t->snd_mss;
	tx->recovery_point = t->snd_nxt;
	tx->tlp = 0;
	tx->frto = first && head && !(head->flags & TCP_RUN_AGAIN);
	if (tx->frto)
		mark_head(self, t, tx);
	else
		mark_timeout(self, t, tx);
	tx->bits |= TCP_TX_HEAD_AGAIN;
	if (t->flags & TCP_ECN)
		t->flags |= TCP_CWR;
}

/* frto_ack takes the first and the second ACK after a timeout (RFC 5682 2.1 and 3.1). */
static void
frto_ack(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, const struct tcp_ack *ack)
{
	bool advanced = ack->una_advanced;

	if (tx->frto == 1 && advanced && seq_lt(t->snd_una, tx->recovery_point)) {
		tx->frto = 2; /* (2b): up to two new segments */
		t->cc.cwnd = tcp_pipe(t, tx) + 2u * t->snd_mss;
		return;
	}
	if (tx->frto == 1 && !advanced && ack->delivered_bytes == 0 && !ack->duplicate)
		return; /* a window update */
	if (tx->frto == 2 && ack->original && (advanced || (t->flags & TCP_SACK))) {
		/* (3b): it was not lost, only late */
		tcp_count(self, MR_TCP_spurious_timeout);
		tcp_undo_window(self, t, tx);
		tcp_backoff_keep(t);
		t->phase = TCP_PHASE_OPEN;
		tx->frto = 0;
		return;
	}
	if (tx->frto == 2 && !advanced && !ack->duplicate && ack->delivered_bytes == 0)
		return;
	tx->frto = 0; /* (2a), (3a): it was a loss */
	t->cc.cwnd = t->snd_mss * (advanced ? 2u : 1u);
	mark_timeout(self, t, tx);
}

/* ---- tail loss probe (RFC 8985 7) ---- */

void
tcp_recovery_probe(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx)
{
	struct tcp_run *last = NULL;

	tcp_count(self, MR_TCP_tail_loss_probe);
	if (tcp_send_probe(self, t, tx, t->snd_mss)) {
		tx->tlp = 1;
		tx->tlp_end = t->snd_nxt;
		return;
	}
	if (tx->run_tail)
		last = tcp_run(self, tx->run_tail);
	if (last == NULL || last->flags & TCP_RUN_SACKED)
		return;
	if (last->end - last->seq > t->snd_mss) {
		uint32_t whole = (last->end - last->seq - 1) / t->snd_mss * t->snd_mss;

		if (!tcp_board_cut(self, tx, last, last->seq + whole))
			return;
		last = tcp_run(self, tx->run_tail);
	}
	if (tcp_send_again(self, t, tx, last, t->snd_mss)) {
		tx->tlp = 2;
		tx->tlp_end = t->snd_nxt;
	}
}

/* tlp_ack: 7.4.2. */
static void
tlp_ack(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, const struct tcp_ack *ack)
{
	if (tx->tlp == 0 || seq_lt(ack->seg->ack, tx->tlp_end))
		return;
	if (tx->tlp == 2 && !ack->dsack && seq_gt(ack->seg->ack, tx->tlp_end)) {
		/* the probe repaired a loss that nobody else has noticed */
		if (t->phase == TCP_PHASE_OPEN) {
			reduce(self, t, ack->prior_flight, MR_TCP_CC_FAST);
			t->cc.cwnd = t->cc.ssthresh;
		}
		tx->tlp = 0;
	} else if (tx->tlp == 1 || ack->dsack || ack->duplicate) {
		tx->tlp = 0; /* both the original and the probe arrived */
	}
}

/* ---- an ACK ---- */

static void
ecn_ack(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, const struct tcp_ack *ack)
{
	if (!(t->flags & TCP_ECN) || !(ack->seg->flags & MR_TCP_ECE) ||
	    t->phase != TCP_PHASE_OPEN || ack->prior_flight == 0)
		return;
	tcp_count(self, MR_TCP_ecn_reduced); /* RFC 3168 6.1.2: once per window */
	reduce(self, t, ack->prior_flight, MR_TCP_CC_ECN);
	t->cc.cwnd = t->cc.ssthresh;
	t->phase = TCP_PHASE_CWR;
	t->flags |= TCP_CWR;
	tx->recovery_point = t->snd_nxt;
}

static void
grow(struct mr_tcp *self, struct tcp_tcb *t, const struct tcp_ack *ack)
{
	struct mr_tcp_cc_env env;

	if (!ack->una_advanced)
		return;
	tcp_cc_env(self, t, &env);
	env.acked_bytes = ack->acked_bytes;
	env.flight_bytes = ack->prior_flight;
	env.rtt_us = ack->rtt_us;
	env.cwnd_limited = env.cwnd_limited || t->phase == TCP_PHASE_LOSS;
	self->config.cc->acked(&t->cc, &env);
}

static void
detect(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, struct tcp_ack *ack)
{
	uint32_t lost_before = tx->lost_bytes, wait_us = 0;
	bool probe_alone;

	if (tx->frto)
		return; /* undecided: nothing is marked until the second ACK */
	if (t->flags & TCP_SACK) {
		/* in order and never retransmitted: nothing was sent before what has arrived */
		if (tx->sacked_bytes || t->phase >= TCP_PHASE_RECOVERY || tx->tlp == 2)
			wait_us = rack_detect(self, t, tx);
	} else {
		duplicates_ack(self, t, tx, ack);
	}
	ack->lost_again = tx->lost_bytes > lost_before;
	probe_alone = tcp_pmtu_lost(self, t, tx);
	if (tx->lost_bytes && t->phase <= TCP_PHASE_CWR && !probe_alone)
		recovery_enter(self, t, tx, ack);
	if (wait_us)
		tcp_timer_set(self, t, TCP_TIMER_REORDER, wait_us);
	else if (t->timer == TCP_TIMER_REORDER)
		t->timer = TCP_TIMER_NONE; /* tcp_timer_send_side says what comes instead */
}

void
tcp_recovery_ack(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, struct tcp_ack *ack)
{
	/* what brought cwnd to ssthresh opens it no further (RFC 6937 3) */
	bool reduced = t->phase == TCP_PHASE_RECOVERY || t->phase == TCP_PHASE_CWR;

	rack_dsack(t, tx, ack);
	tlp_ack(self, t, tx, ack);
	tcp_undo_ack(self, t, tx, ack);
	if (t->phase == TCP_PHASE_LOSS && tx->frto && seq_lt(t->snd_una, tx->recovery_point))
		frto_ack(self, t, tx, ack);
	if (t->phase != TCP_PHASE_OPEN && seq_geq(t->snd_una, tx->recovery_point))
		phase_end(t, tx);
	detect(self, t, tx, ack);
	ecn_ack(self, t, tx, ack);
	switch ((enum tcp_phase)t->phase) {
	case TCP_PHASE_RECOVERY:
		prr(self, t, tx, ack);
		break;
	case TCP_PHASE_OPEN:
	case TCP_PHASE_LOSS:
		if (tx->frto == 0 && !reduced)
			grow(self, t, ack);
		break;
	case TCP_PHASE_CWR:
		break;
	}
}

/* The reordering window has passed for something: look again (RFC 8985 6.2 step 5). */
void
tcp_recovery_reorder_timer(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx)
{
	uint32_t wait_us = rack_detect(self, t, tx);
	bool probe_alone = tcp_pmtu_lost(self, t, tx);

	if (tx->lost_bytes && t->phase <= TCP_PHASE_CWR && !probe_alone) {
		recovery_enter(self, t, tx, NULL);
		t->cc.cwnd = MR_MAX(tcp_pipe(t, tx) + t->snd_mss, (uint32_t)t->snd_mss);
	}
	if (wait_us)
		tcp_timer_set(self, t, TCP_TIMER_REORDER, wait_us);
}
