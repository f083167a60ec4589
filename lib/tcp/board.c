/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/board - the retransmission board: what is in flight, in runs.
 *
 * A run is a range that left in one turn and shares one fate; it is split where an ACK, a SACK or a
 * retransmission cuts it. Runs lie in order from SND.UNA to SND.NXT without a gap.
 *
 * Run                    next                                             [function]
 *   in flight         -> gone       acknowledged                          [tcp_board_acked]
 *   in flight         -> SACKED     reported                              [tcp_board_sacked]
 *   in flight         -> LOST       RACK, three duplicates, timeout       [tcp_board_mark]
 *   LOST              -> in flight  sent again (AGAIN)                    [tcp_board_again]
 *   LOST              -> SACKED     it was only late                      [tcp_board_sacked]
 *   SACKED            -> in flight  the peer reneged                      [tcp_board_forget_sacks]
 *
 * Spec: RFC 2018, 2883, 6675 (the board), RFC 8985 6.2 steps 1-3 (what an ACK teaches).
 */
#include "tcp/tcp_int.h"

/* RACK_sent_after of RFC 8985 6.1: equal times are told apart by sequence number. */
bool
tcp_sent_after(uint32_t us_1, uint32_t end_1, uint32_t us_2, uint32_t end_2)
{
	return us_1 == us_2 ? seq_gt(end_1, end_2) : (int32_t)(us_1 - us_2) > 0;
}

bool
tcp_board_room(const struct mr_tcp *self, const struct tcp_tx *tx)
{
	return tx->run_count < MR_TCP_RUN_MAX &&
	       (self->runs.free_head || self->runs.fresh <= self->runs.limit);
}

/* tcp_board_sent notes that [seq .. end) left now; seq is SND.NXT. */
bool
tcp_board_sent(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, uint32_t seq,
	       uint32_t end)
{
	struct tcp_run *tail = tx->run_tail ? tcp_run(self, tx->run_tail) : NULL;
	uint32_t run;

	tx->last_sent_us = self->now_us;
	/* Whole segments only: the number of segments in a run is then its length over the MSS. */
	if (tail && tail->flags == 0 && tail->sent_us == self->now_us &&
	    (tail->end - tail->seq) % t->snd_mss == 0 && end != tx->probe_end &&
	    seq != tx->probe_end) {
		tail->end = end;
		return true;
	}
	run = mr_pool_get(&self->runs);
	if (run == 0)
		return false;
	*tcp_run(self, run) = (struct tcp_run){ .seq = seq, .end = end, .sent_us = self->now_us };
	if (tail)
		tail->next = run;
	else
		tx->run_head = run;
	tx->run_tail = run;
	tx->run_count++;
	return true;
}

bool
tcp_board_cut(struct mr_tcp *self, struct tcp_tx *tx, struct tcp_run *run, uint32_t end)
{
	uint32_t rest;

	if (run->end == end)
		return true;
	if (tx->run_count == MR_TCP_RUN_MAX || (rest = mr_pool_get(&self->runs)) == 0) {
		tcp_count(self, MR_TCP_no_run);
		return false;
	}
	*tcp_run(self, rest) = *run; /* `next` and `end` are the rest's now */
	tcp_run(self, rest)->seq = end;
	if (run->next == 0)
		tx->run_tail = rest;
	run->next = rest;
	run->end = end;
	tx->run_count++;
	return true;
}

struct tcp_run *
tcp_board_lost(struct mr_tcp *self, const struct tcp_tx *tx)
{
	for (uint32_t run = tx->lost_bytes ? tx->run_head : 0; run;) { /* at most RUN_MAX */
		struct tcp_run *r = tcp_run(self, run);

		if (r->flags & TCP_RUN_LOST)
			return r;
		run = r->next;
	}
	return NULL;
}

void
tcp_board_mark(struct mr_tcp *self, struct tcp_tx *tx, struct tcp_run *run)
{
	(void)self;
	if (run->flags & (TCP_RUN_LOST | TCP_RUN_SACKED))
		return;
	run->flags |= TCP_RUN_LOST;
	tx->lost_bytes += run->end - run->seq;
}

/* tcp_board_again notes that the whole of run left again now. */
void
tcp_board_again(struct mr_tcp *self, struct tcp_tx *tx, struct tcp_run *run)
{
	if (run->flags & TCP_RUN_LOST)
		tx->lost_bytes -= run->end - run->seq;
	run->flags = (uint8_t)((run->flags & ~TCP_RUN_LOST) | TCP_RUN_AGAIN);
	run->times = (uint8_t)MR_MIN(run->times + 1, 255);
	run->sent_us = self->now_us;
	tx->last_sent_us = self->now_us;
}

/* echoes_first says whether the ACK was caused by an earlier transmission than the last (RFC 8985
 * 6.2 step 2): its timestamp echo is older than that, or it comes sooner than a round trip can. */
static bool
echoes_first(const struct mr_tcp *self, const struct tcp_tcb *t, const struct tcp_run *run,
	     const struct tcp_ack *ack)
{
	uint32_t rtt_us = self->now_us - run->sent_us;

	if ((t->flags & TCP_TS) && ack->seg->has_ts) {
		uint32_t sent_tsval = tcp_tsval(self, t) - rtt_us / 1000;

		if (seq_lt(ack->seg->tsecr + 1, sent_tsval)) /* both clocks round down */
			return true;
	}
	return rtt_us < t->min_rtt_us;
}

/* delivered takes what one run teaches when it is acknowledged or SACKed for the first time. */
static void
delivered(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, const struct tcp_run *run,
	  uint32_t end, struct tcp_ack *ack)
{
	uint32_t rtt_us = MR_MAX(self->now_us - run->sent_us, 1u);

	ack->delivered_bytes += end - run->seq;
	if (!(run->flags & TCP_RUN_AGAIN)) {
		ack->rtt_us = ack->rtt_us ? MR_MIN(ack->rtt_us, rtt_us) : rtt_us;
		ack->srtt_rtt_us = MR_MAX(ack->srtt_rtt_us, rtt_us);
		if (seq_lt(run->seq, tx->recovery_point))
			ack->original = true;
		/* step 3 */
		if ((tx->bits & TCP_TX_RACK_VALID) && seq_lt(end, tx->rack_fack))
			t->flags |= TCP_REORDERING;
	} else if (echoes_first(self, t, run, ack)) {
		return;
	}
	if (!(tx->bits & TCP_TX_RACK_VALID) || seq_gt(end, tx->rack_fack))
		tx->rack_fack = end;
	if (!(tx->bits & TCP_TX_RACK_VALID) ||
	    tcp_sent_after(run->sent_us, end, tx->rack_sent_us, tx->rack_end)) {
		tx->rack_sent_us = run->sent_us;
		tx->rack_end = end;
		tx->rack_rtt_us = rtt_us;
		tx->bits = (uint8_t)((tx->bits & ~TCP_TX_RACK_AGAIN) | TCP_TX_RACK_VALID |
				     (run->flags & TCP_RUN_AGAIN ? TCP_TX_RACK_AGAIN : 0));
	}
}

/* tcp_board_acked takes away what lies below SND.UNA, which has been moved already. */
void
tcp_board_acked(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, struct tcp_ack *ack)
{
	bool again = false;

	while (tx->run_head) { /* each round takes a run away, or is the last */
		uint32_t head = tx->run_head;
		struct tcp_run *run = tcp_run(self, head);
		uint32_t end = seq_min(run->end, t->snd_una), bytes = end - run->seq;

		if (seq_leq(t->snd_una, run->seq))
			break;
		if (run->flags & TCP_RUN_SACKED)
			tx->sacked_bytes -= bytes;
		else
			delivered(self, t, tx, run, end, ack);
		if (run->flags & TCP_RUN_AGAIN)
			again = true;
		if (run->flags & TCP_RUN_LOST)
			tx->lost_bytes -= bytes;
		run->seq = end;
		if (seq_lt(end, run->end))
			break;
		tx->run_head = run->next;
		if (tx->run_head == 0)
			tx->run_tail = 0;
		mr_pool_put(&self->runs, head);
		tx->run_count--;
	}
	/* What lies behind a hole has waited at the peer until the hole was filled: no round trip
	 * (Karn's rule, RFC 6298 3, taken to what a retransmission uncovers). */
	if (again)
		ack->rtt_us = ack->srtt_rtt_us = 0;
}

/* merge_next joins a SACKed run with the SACKed one behind it, so that a peer's SACKs cannot fill
 * the board. */
static void
merge_next(struct mr_tcp *self, struct tcp_tx *tx, struct tcp_run *run)
{
	uint32_t gone = run->next;
	struct tcp_run *next = tcp_run(self, gone);

	run->end = next->end;
	run->next = next->next;
	run->flags |= next->flags;
	if (tx->run_tail == gone)
		tx->run_tail = (uint32_t)(((uint8_t *)run - self->runs.base) / sizeof(*run));
	mr_pool_put(&self->runs, gone);
	tx->run_count--;
}

static void
sack_run(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, struct tcp_run *run,
	 struct tcp_ack *ack)
{
	delivered(self, t, tx, run, run->end, ack);
	if (run->flags & TCP_RUN_LOST)
		tx->lost_bytes -= run->end - run->seq;
	run->flags = (uint8_t)((run->flags & ~TCP_RUN_LOST) | TCP_RUN_SACKED);
	tx->sacked_bytes += run->end - run->seq;
}

/* sack_block marks [left .. right), cutting runs at its edges. When no run is left to cut, the part
 * is left unmarked: that costs a retransmission, no more. */
static void
sack_block(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, uint32_t left, uint32_t right,
	   struct tcp_ack *ack)
{
	struct tcp_run *before = NULL;

	for (uint32_t handle = tx->run_head; handle;) { /* at most RUN_MAX */
		struct tcp_run *run = tcp_run(self, handle);

		tcp_walk(self, 1);
		if (seq_leq(right, run->seq))
			break;
		if (seq_lt(run->seq, left) && seq_lt(left, run->end) &&
		    !(run->flags & TCP_RUN_SACKED) && !tcp_board_cut(self, tx, run, left))
			break;
		if (seq_geq(run->seq, left) && !(run->flags & TCP_RUN_SACKED)) {
			if (seq_lt(right, run->end) && !tcp_board_cut(self, tx, run, right))
				break;
			sack_run(self, t, tx, run, ack);
		}
		if (before && before->flags & TCP_RUN_SACKED && run->flags & TCP_RUN_SACKED) {
			merge_next(self, tx, before);
			run = before;
		}
		before = run;
		handle = run->next;
	}
	if (before && before->flags & TCP_RUN_SACKED && before->next &&
	    tcp_run(self, before->next)->flags & TCP_RUN_SACKED)
		merge_next(self, tx, before);
}

/* is_dsack: RFC 2883 4: the first block lies below the cumulative ACK, or inside the second. */
static bool
is_dsack(const struct mr_tcp_segment *seg)
{
	const struct mr_tcp_block *a = &seg->sacks[0], *b = &seg->sacks[1];

	if (seq_lt(a->left, seg->ack))
		return true;
	return seg->sack_count > 1 && seq_geq(a->left, b->left) && seq_leq(a->right, b->right);
}

/* tcp_board_sacked takes the segment's SACK blocks. Those that name what was never sent, or is
 * acknowledged, or is empty, are ignored. */
void
tcp_board_sacked(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, struct tcp_ack *ack)
{
	const struct mr_tcp_segment *seg = ack->seg;
	uint32_t i = 0;

	if (seg->sack_count && is_dsack(seg)) {
		const struct mr_tcp_block *d = &seg->sacks[0];

		/* one that claims more than was ever sent lately is no report */
		if (seq_lt(d->left, d->right) && seq_leq(d->right, t->snd_nxt) &&
		    d->right - d->left <= UINT16_MAX) {
			ack->dsack = true;
			tcp_count(self, MR_TCP_dsack_rx);
		}
		i = 1;
	}
	for (; i < seg->sack_count; i++) {
		uint32_t left = seg->sacks[i].left, right = seg->sacks[i].right;

		if (TCP_PLANTED(SACK_OFF_BY_ONE) && seq_lt(right, t->snd_nxt))
			right++;
		if (seq_geq(left, right) || seq_leq(right, t->snd_una) ||
		    seq_gt(right, t->snd_nxt) || seq_lt(left, t->snd_una))
			continue;
		if (self->walk_left == 0) { /* what it says, the next ACK says again */
			tcp_count(self, MR_TCP_walk_shed);
			break;
		}
		sack_block(self, t, tx, left, right, ack);
	}
}

void
tcp_board_forget_sacks(struct mr_tcp *self, struct tcp_tx *tx)
{
	for (uint32_t handle = tx->run_head; handle;) { /* at most RUN_MAX */
		struct tcp_run *run = tcp_run(self, handle);

		run->flags = (uint8_t)(run->flags & ~TCP_RUN_SACKED);
		handle = run->next;
	}
	tx->sacked_bytes = 0;
}

void
tcp_board_release(struct mr_tcp *self, struct tcp_tx *tx)
{
	for (uint32_t handle = tx->run_head; handle;) { /* at most RUN_MAX */
		uint32_t next = tcp_run(self, handle)->next;

		mr_pool_put(&self->runs, handle);
		handle = next;
	}
	tx->run_head = tx->run_tail = 0;
	tx->run_count = 0;
	tx->sacked_bytes = tx->lost_bytes = 0;
}
