/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/undo - a retransmission that was not needed takes its window reduction back.
 *
 * Each episode (fast recovery, or recovery from a timeout) remembers cwnd and ssthresh as they were
 * before it, and what it has sent again. It was spurious when
 *   - the ACK of the first retransmission echoes a timestamp from before it (Eifel, RFC 3522): what
 *     arrived was the original; or
 *   - DSACKs have reported all that was sent again as duplicates (RFC 3708). They may come when the
 *     episode is over: it can be undone until the next one begins.
 * F-RTO (recovery.c) finds the same without either option, after timeouts only.
 *
 * The response is Linux's, not RFC 4015's: cwnd and ssthresh go back to what they were (RFC 4015
 * 3.2 would creep up to it in slow start). An ACK with ECE says that there is congestion all the
 * same: then nothing is undone (RFC 4015 3.2 step 0).
 *
 * Episode          next                                               [function]
 *   (none)      -> open       recovery or timeout begins              [tcp_undo_begin]
 *   open        -> sent       the first retransmission                [tcp_undo_sent]
 *   sent        -> (none)     spurious, or ECE                        [tcp_undo_ack]
 *   open, sent  -> open       the next episode begins                 [tcp_undo_begin]
 */
#include "tcp/tcp_int.h"

void
tcp_undo_begin(const struct tcp_tcb *t, struct tcp_tx *tx)
{
	tx->prior_cwnd = t->cc.cwnd;
	tx->prior_ssthresh = t->cc.ssthresh;
	tx->undo_bytes = 0;
	tx->bits = (uint8_t)((tx->bits & ~TCP_TX_UNDO_SENT) | TCP_TX_UNDO);
}

void
tcp_undo_sent(const struct mr_tcp *self, const struct tcp_tcb *t, struct tcp_tx *tx, uint32_t seq,
	      uint32_t count)
{
	if (!(tx->bits & TCP_TX_UNDO))
		return;
	if (!(tx->bits & TCP_TX_UNDO_SENT)) {
		tx->undo_seq = seq;
		tx->undo_tsval = tcp_tsval(self, t);
		tx->bits |= TCP_TX_UNDO_SENT;
	}
	tx->undo_bytes += count;
}

/* tcp_undo_window gives cwnd and ssthresh back; F-RTO does so too. */
void
tcp_undo_window(const struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx)
{
	t->cc.cwnd =
		t->phase == TCP_PHASE_LOSS ? tx->prior_cwnd : MR_MAX(t->cc.cwnd, tx->prior_cwnd);
	t->cc.ssthresh = tx->prior_ssthresh;
	if (t->cc.ssthresh == MR_TCP_SSTHRESH_MAX) /* HyStart++'s rounds are gone */
		t->cc.ssthresh = MR_MAX(t->cc.cwnd, 2u * t->snd_mss);
	if (self->config.cc->undone)
		self->config.cc->undone(&t->cc);
	tx->bits = (uint8_t)(tx->bits & ~(TCP_TX_UNDO | TCP_TX_UNDO_SENT));
}

/* forget_losses: what was marked lost was late. What really is lost RACK will find again. */
static void
forget_losses(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx)
{
	for (uint32_t handle = tx->run_head; handle;) { /* at most RUN_MAX */
		struct tcp_run *run = tcp_run(self, handle);

		run->flags = (uint8_t)(run->flags & ~TCP_RUN_LOST);
		handle = run->next;
	}
	tx->lost_bytes = 0;
	tx->dupacks = 0;
	tx->frto = 0;
	tx->bits = (uint8_t)(tx->bits & ~TCP_TX_HEAD_AGAIN);
	if (!(t->flags & TCP_SACK))
		tx->sacked_bytes = 0;
}

static bool
by_timestamp(const struct tcp_tcb *t, const struct tcp_tx *tx, const struct tcp_ack *ack)
{
	return ack->una_advanced && (t->flags & TCP_TS) && ack->seg->has_ts &&
	       seq_gt(ack->seg->ack, tx->undo_seq) && seq_lt(ack->seg->tsecr, tx->undo_tsval);
}

static bool
by_dsack(struct tcp_tx *tx, const struct tcp_ack *ack)
{
	const struct mr_tcp_block *d = &ack->seg->sacks[0];

	if (!ack->dsack || seq_lt(d->left, tx->undo_seq) || tx->undo_bytes == 0)
		return false;
	tx->undo_bytes -= MR_MIN(tx->undo_bytes, d->right - d->left);
	return tx->undo_bytes == 0;
}

void
tcp_undo_ack(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, const struct tcp_ack *ack)
{
	bool eifel, dsack;

	if (!(tx->bits & TCP_TX_UNDO_SENT))
		return;
	if ((t->flags & TCP_ECN) && ack->seg->flags & MR_TCP_ECE) {
		tx->bits = (uint8_t)(tx->bits & ~(TCP_TX_UNDO | TCP_TX_UNDO_SENT));
		return;
	}
	eifel = by_timestamp(t, tx, ack);
	dsack = by_dsack(tx, ack);
	if (!eifel && !dsack)
		return;
	tcp_count(self, eifel ? MR_TCP_spurious_eifel : MR_TCP_spurious_dsack);
	tcp_undo_window(self, t, tx);
	if (t->phase == TCP_PHASE_RECOVERY || t->phase == TCP_PHASE_LOSS) {
		/* late, not lost: RACK gives the path more time from now on (RFC 8985 6.2.1) */
		if (t->phase == TCP_PHASE_RECOVERY)
			t->flags |= TCP_REORDERING;
		forget_losses(self, t, tx);
		t->phase = TCP_PHASE_OPEN;
		tcp_backoff_keep(t);
	}
}
