/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/check - the invariants of tcp/tcp.h, asserted after every entry in slow builds.
 */
#include "tcp/tcp_int.h"

/* (3) */
static void
check_board(const struct mr_tcp *self, const struct tcp_tcb *t, const struct tcp_tx *tx)
{
	uint32_t at = t->snd_una, sacked = 0, lost = 0, count = 0, last = 0;

	for (uint32_t run = tx->run_head; run; run = tcp_run(self, run)->next) {
		const struct tcp_run *r = tcp_run(self, run);

		MR_ASSERT(r->seq == at && seq_gt(r->end, r->seq));
		MR_ASSERT((r->flags & (TCP_RUN_SACKED | TCP_RUN_LOST)) !=
			  (TCP_RUN_SACKED | TCP_RUN_LOST));
		sacked += r->flags & TCP_RUN_SACKED ? r->end - r->seq : 0;
		lost += r->flags & TCP_RUN_LOST ? r->end - r->seq : 0;
		at = r->end;
		last = run;
		count++;
		MR_ASSERT(count <= MR_TCP_RUN_MAX);
	}
	if (tcp_state_synchronized(t->state))
		MR_ASSERT(at == t->snd_nxt);
	MR_ASSERT(count == tx->run_count && last == tx->run_tail && lost == tx->lost_bytes);
	MR_ASSERT(!(t->flags & TCP_SACK) || sacked == tx->sacked_bytes);
}

/* (4) */
static void
check_queue(const struct mr_tcp *self, const struct tcp_tcb *t, const struct tcp_tx *tx)
{
	uint32_t at =
		tcp_state_synchronized(t->state) ? seq_min(t->snd_una, t->snd_end) : t->snd_nxt;
	uint32_t count = 0, own = 0, open = 0, last = 0;

	for (uint32_t extent = tx->extent_head; extent; extent = tcp_extent(self, extent)->next) {
		const struct tcp_extent *e = tcp_extent(self, extent);

		MR_ASSERT(e->seq == at);
		at += e->bytes;
		own += e->kind == TCP_EXTENT_OWN ? e->bytes : 0;
		open += e->open;
		last = extent;
		count++;
		MR_ASSERT(count <= MR_TCP_EXTENT_MAX);
	}
	MR_ASSERT(at == t->snd_end && count == tx->extent_count && last == tx->extent_tail);
	MR_ASSERT(own == tx->own_bytes && open == tx->open_count);
}

/* (5) */
static void
check_kept(const struct mr_tcp *self, const struct tcp_tcb *t, const struct tcp_rx *rx)
{
	uint32_t bytes = 0, count = 0, unread = tcp_receive_unread(self, t), at = rx->read_seq;

	for (uint32_t chunk = rx->head; chunk; chunk = tcp_chunk(self, chunk)->next) {
		const struct tcp_chunk *c = tcp_chunk(self, chunk);

		MR_ASSERT(c->bytes > 0 && c->begin + c->bytes <= MR_TCP_CHUNK_BYTES);
		MR_ASSERT(seq_geq(c->seq, at));
		MR_ASSERT(seq_geq(c->seq, rx->read_seq + unread) || c->seq == at);
		at = c->seq + c->bytes;
		bytes += c->bytes;
		count++;
	}
	MR_ASSERT(count == rx->chunk_count && bytes == rx->byte_count && bytes >= unread);
	MR_ASSERT(t->flags & TCP_FIN_RCVD || seq_leq(at, t->rcv_adv));
}

void
tcp_check(const struct mr_tcp *self, const struct tcp_tcb *t)
{
	const struct tcp_tx *tx = tcp_tx(self, t);
	const struct tcp_rx *rx = tcp_rx(self, t);
	bool fin = t->flags & TCP_FIN_SENT;

	MR_ASSERT(t->state > MR_TCP_CLOSED && t->state < MR_TCP_STATES);
	MR_ASSERT(!(t->generation & 1));
	/* (1) */
	MR_ASSERT(seq_leq(t->snd_una, t->snd_nxt) && seq_leq(t->snd_nxt, t->snd_end + fin));
	/* (2) */
	if (tcp_state_synchronized(t->state))
		MR_ASSERT(seq_leq(t->rcv_nxt, t->rcv_adv));
	if (tx) {
		check_board(self, t, tx);
		check_queue(self, t, tx);
	} else if (tcp_state_synchronized(t->state)) {
		MR_ASSERT(t->snd_una == t->snd_nxt && t->snd_end + fin == t->snd_nxt);
	}
	if (rx)
		check_kept(self, t, rx);
	/* (6) */
	if (t->snd_una != t->snd_nxt) {
		MR_ASSERT(t->timer != TCP_TIMER_NONE);
		MR_ASSERT(mr_wheel_is_scheduled(&self->wheel, tcp_conn(self, t)));
	}
	MR_ASSERT(t->cc.cwnd > 0 || !tcp_state_synchronized(t->state));
}
