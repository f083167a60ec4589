/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/receive - from payload to the application: in place when it can be, kept when it cannot.
 *
 *   [read_seq .. RCV.NXT)   kept, in order, not taken by the application yet (usually empty)
 *   [RCV.NXT .. rcv_adv)    the window; out-of-order chunks lie in it
 *
 * What arrives first for a sequence number stands. A chunk grows at its end while the next bytes
 * follow on, so that a stream of tiny segments takes no more room than a stream of large ones; how
 * many chunks one connection may hold is bound by its window.
 *
 * Spec: RFC 9293 3.8.6 (window), 3.8.6.2.2 (silly window, receiver), RFC 2018 4, RFC 7323 2.
 */
#include "tcp/tcp_int.h"

enum {
	CHUNKS_SPARE = 16,
	CHUNKS_SPARSE = 32, /* chunks that need not be half full */
};

uint32_t
tcp_receive_unread(const struct mr_tcp *self, const struct tcp_tcb *t)
{
	return t->rx ? t->rcv_nxt - (t->flags & TCP_FIN_RCVD) / TCP_FIN_RCVD -
			       tcp_rx(self, t)->read_seq
		     : 0;
}

void
tcp_receive_release(struct mr_tcp *self, struct tcp_tcb *t)
{
	if (t->rx == 0)
		return;
	for (uint32_t chunk = tcp_rx(self, t)->head; chunk;) { /* at most chunk_count */
		uint32_t next = tcp_chunk(self, chunk)->next;

		mr_pool_put(&self->chunks, chunk);
		chunk = next;
	}
	tcp_rx(self, t)->conn = 0;
	mr_pool_put(&self->rxs, t->rx);
	t->rx = 0;
}

static struct tcp_rx *
rx_get(struct mr_tcp *self, struct tcp_tcb *t, uint32_t read_seq)
{
	if (t->rx == 0) {
		t->rx = mr_pool_get(&self->rxs);
		if (t->rx == 0)
			return NULL;
		*tcp_rx(self, t) = (struct tcp_rx){ .read_seq = read_seq,
						    .conn = tcp_conn(self, t),
						    .advanced_ms = self->now_ms };
	}
	return tcp_rx(self, t);
}

static void
rx_release_empty(struct mr_tcp *self, struct tcp_tcb *t)
{
	const struct tcp_rx *rx = tcp_rx(self, t);

	if (rx && rx->head == 0 && !rx->has_fin)
		tcp_receive_release(self, t);
}

/* chunk_after makes an empty chunk for seq behind `before` (0: at the head). A peer that sends
 * crumbs gets few: beyond CHUNKS_SPARSE they must be half full on average. What is left of the pool
 * in the end is for who has none. */
static uint32_t
chunk_after(struct mr_tcp *self, const struct tcp_tcb *t, struct tcp_rx *rx, uint32_t before,
	    uint32_t seq)
{
	uint32_t limit = t->receive_kib * 1024u / (MR_TCP_CHUNK_BYTES / 2) + CHUNKS_SPARE;
	uint32_t dense = CHUNKS_SPARSE + 2 * rx->byte_count / MR_TCP_CHUNK_BYTES, chunk;
	struct tcp_chunk *c;

	if (rx->chunk_count >= MR_MIN(limit, dense) ||
	    (rx->chunk_count && tcp_pool_reserved(&self->chunks)))
		return 0;
	chunk = mr_pool_get(&self->chunks);
	if (chunk == 0)
		return 0;
	c = tcp_chunk(self, chunk);
	c->seq = seq;
	c->begin = c->bytes = 0;
	c->next = before ? tcp_chunk(self, before)->next : rx->head;
	if (before)
		tcp_chunk(self, before)->next = chunk;
	else
		rx->head = chunk;
	rx->chunk_count++;
	return chunk;
}

/* keep stores [seq .. seq + count), where it is not stored already. Returns how many bytes from the
 * front are now stored: fewer than count when chunks are out. */
static uint32_t
keep(struct mr_tcp *self, const struct tcp_tcb *t, struct tcp_rx *rx, uint32_t seq,
     const uint8_t *bytes, uint32_t count)
{
	uint32_t before = 0, done = 0, at;

	if (rx->hint && seq_leq(tcp_chunk(self, rx->hint)->seq, seq))
		before = rx->hint;
	at = before ? tcp_chunk(self, before)->next : rx->head;
	while (done < count) { /* each round steps over a chunk or stores bytes */
		tcp_walk(self, 1);
		struct tcp_chunk *b = before ? tcp_chunk(self, before) : NULL;
		const struct tcp_chunk *a = at ? tcp_chunk(self, at) : NULL;
		uint32_t from = seq + done, n = count - done, room;

		if (a && seq_leq(a->seq, from)) {
			before = at;
			at = a->next;
			continue;
		}
		if (b && seq_gt(b->seq + b->bytes, from)) { /* what came first stands */
			done += MR_MIN(b->seq + b->bytes - from, n);
			continue;
		}
		if (a && !TCP_PLANTED(REASSEMBLY_OVERLAP))
			n = MR_MIN(n, a->seq - from);
		room = b ? (uint32_t)MR_TCP_CHUNK_BYTES - b->begin - b->bytes : 0;
		if (b == NULL || b->seq + b->bytes != from || room == 0) {
			uint32_t made = chunk_after(self, t, rx, before, from);

			if (made == 0)
				break;
			before = made;
			continue;
		}
		n = MR_MIN(n, room);
		memcpy(b->data + b->begin + b->bytes, bytes + done, n);
		b->bytes = (uint16_t)(b->bytes + n);
		rx->byte_count += n;
		done += n;
		rx->hint = before;
	}
	return done;
}

/* drop_below lets go of kept bytes below seq. */
static void
drop_below(struct mr_tcp *self, struct tcp_rx *rx, uint32_t seq)
{
	while (rx->head) { /* each round frees a chunk, or is the last */
		uint32_t head = rx->head;
		struct tcp_chunk *c = tcp_chunk(self, head);
		uint32_t n;

		if (seq_leq(seq, c->seq))
			break;
		n = MR_MIN(seq - c->seq, (uint32_t)c->bytes);
		c->seq += n;
		c->begin = (uint16_t)(c->begin + n);
		c->bytes = (uint16_t)(c->bytes - n);
		rx->byte_count -= n;
		if (c->bytes)
			break;
		rx->head = c->next;
		if (rx->hint == head)
			rx->hint = 0;
		rx->chunk_count--;
		mr_pool_put(&self->chunks, head);
	}
}

static uint32_t
show(struct mr_tcp *self, struct tcp_tcb *t, const uint8_t *bytes, uint32_t count)
{
	const struct mr_tcp_app *app = tcp_app(self, t);
	uint32_t taken = count;

	if (!(t->flags & TCP_READ_CLOSED) && app->ops->readable) {
		t->flags |= TCP_READING;
		taken = app->ops->readable(app->context, self, tcp_conn(self, t), bytes, count);
		t->flags &= ~(uint32_t)TCP_READING;
		MR_ASSERT(taken <= count);
	}
	return taken;
}

/* tcp_receive_show shows kept in-order bytes until the application takes fewer than it is shown. */
void
tcp_receive_show(struct mr_tcp *self, struct tcp_tcb *t)
{
	if (t->flags & TCP_READING)
		return;
	while (!(t->flags & TCP_ENDED) && t->rx) { /* each round takes all of a chunk, or ends */
		struct tcp_rx *rx = tcp_rx(self, t);
		const struct tcp_chunk *c = rx->head ? tcp_chunk(self, rx->head) : NULL;
		uint32_t unread = tcp_receive_unread(self, t), count, taken;

		if (c == NULL || unread == 0)
			break;
		count = MR_MIN((uint32_t)c->bytes, unread);
		taken = show(self, t, c->data + c->begin, count);
		if ((t->flags & TCP_ENDED) || taken == 0)
			break;
		rx->read_seq += taken;
		drop_below(self, rx, rx->read_seq);
		if (taken < count)
			break;
	}
	if (!(t->flags & TCP_ENDED))
		rx_release_empty(self, t);
}

/* tcp_receive_tell: the peer's FIN is told once all before it has been taken. */
void
tcp_receive_tell(struct mr_tcp *self, struct tcp_tcb *t)
{
	const struct mr_tcp_app *app = tcp_app(self, t);

	if ((t->flags & (TCP_ENDED | TCP_FIN_RCVD | TCP_FIN_TOLD | TCP_READING)) != TCP_FIN_RCVD ||
	    tcp_receive_unread(self, t))
		return;
	t->flags |= TCP_FIN_TOLD;
	if (app->ops->peer_closed && !(t->flags & TCP_READ_CLOSED))
		app->ops->peer_closed(app->context, self, tcp_conn(self, t));
}

/* autotune opens the window when the application has taken, within one round trip, more than half
 * of what the window lets through: the window is then the limit. */
static void
autotune(struct mr_tcp *self, struct tcp_tcb *t)
{
	const struct mr_tcp_app *app = tcp_app(self, t);
	uint32_t limit =
		app->receive_max_bytes ? app->receive_max_bytes : self->config.receive_max_bytes;
	uint32_t rtt_ms = MR_MIN(MR_MAX((t->srtt_us >> 3) / 1000, 1u), 30000u);
	uint16_t elapsed_ms = (uint16_t)((uint16_t)self->now_ms - t->drs_ms);

	limit = MR_MIN(limit, self->config.receive_max_bytes); /* the scale was chosen for that */
	if (elapsed_ms < rtt_ms)
		return;
	if (elapsed_ms <= 2 * rtt_ms && tcp_receive_unread(self, t) == 0 &&
	    (t->rcv_nxt - t->drs_seq) * 2 > t->receive_kib * 1024u)
		t->receive_kib = (uint16_t)MR_MAX((uint32_t)t->receive_kib,
						  MR_MIN(t->receive_kib * 2u, limit / 1024));
	t->drs_seq = t->rcv_nxt;
	t->drs_ms = (uint16_t)self->now_ms;
}

/* in_order takes bytes at RCV.NXT: shown where they lie, unless older ones wait. Returns how many
 * are accepted. */
static uint32_t
in_order(struct mr_tcp *self, struct tcp_tcb *t, const uint8_t *bytes, uint32_t count)
{
	uint32_t taken = 0, kept, seq = t->rcv_nxt;
	struct tcp_rx *rx;

	if (tcp_receive_unread(self, t) == 0 && !(t->flags & TCP_READING)) {
		taken = show(self, t, bytes, count);
		if (t->flags & TCP_ENDED)
			return count;
	}
	if (taken == count) {
		rx = tcp_rx(self, t);
		if (rx) {
			rx->read_seq = seq + count;
			drop_below(self, rx, rx->read_seq);
		}
		return count;
	}
	rx = rx_get(self, t, seq);
	if (rx == NULL)
		return taken;
	if (rx->read_seq == seq) {
		rx->read_seq = seq + taken;
		drop_below(self, rx, rx->read_seq);
	}
	kept = keep(self, t, rx, seq + taken, bytes + taken, count - taken);
	rx_release_empty(self, t);
	return taken + kept;
}

/* reach moves RCV.NXT over kept bytes that now follow on, and over a FIN that waited for them. */
static void
reach(struct mr_tcp *self, struct tcp_tcb *t)
{
	struct tcp_rx *rx = tcp_rx(self, t);
	bool fin = false;

	if (rx == NULL)
		return;
	for (uint32_t chunk = rx->head; chunk;) { /* at most chunk_count */
		const struct tcp_chunk *c = tcp_chunk(self, chunk);

		if (seq_gt(c->seq, t->rcv_nxt))
			break;
		t->rcv_nxt = seq_max(t->rcv_nxt, c->seq + c->bytes);
		chunk = c->next;
	}
	if (rx->has_fin && seq_leq(rx->fin_seq, t->rcv_nxt)) {
		rx->has_fin = 0;
		fin = true;
	}
	while (rx->recent_count &&
	       seq_leq(rx->recent[rx->recent_count - 1], t->rcv_nxt)) /* at most SACK_MAX */
		rx->recent_count--;
	if (fin)
		tcp_receive_fin(self, t);
}

static void
note_recent(struct tcp_rx *rx, uint32_t seq)
{
	rx->latest_left = rx->latest_right = 0;
	memmove(rx->recent + 1, rx->recent, sizeof(rx->recent) - sizeof(rx->recent[0]));
	rx->recent[0] = seq;
	rx->recent_count = (uint8_t)MR_MIN(rx->recent_count + 1, MR_TCP_SACK_MAX);
}

/* note_kept notes what has been kept, all of it new, behind chunk `hint` as it was before. What
 * continues the latest range, or begins one right behind it, needs no walk through the chunks. */
static void
note_kept(const struct mr_tcp *self, struct tcp_rx *rx, uint32_t hint, uint32_t seq, uint32_t count)
{
	const struct tcp_chunk *last = tcp_chunk(self, rx->hint);
	bool known = rx->latest_left != rx->latest_right, continues, behind;

	continues = known && seq == rx->latest_right;
	behind = known && seq_gt(seq, rx->latest_right) && hint && last->seq == seq &&
		 tcp_chunk(self, hint)->next == rx->hint &&
		 tcp_chunk(self, hint)->seq + tcp_chunk(self, hint)->bytes == rx->latest_right;
	if (last->next && tcp_chunk(self, last->next)->seq == seq + count)
		continues = behind = false; /* and has closed a gap */
	if (continues) {                    /* a recent number of that range is there already */
		rx->latest_right = seq + count;
		return;
	}
	note_recent(rx, seq);
	if (behind) {
		rx->latest_left = seq;
		rx->latest_right = seq + count;
	}
}

static void
out_of_order(struct mr_tcp *self, struct tcp_tcb *t, uint32_t seq, const uint8_t *bytes,
	     uint32_t count, bool fin)
{
	struct tcp_rx *rx = rx_get(self, t, t->rcv_nxt);
	uint32_t before, kept, hint;

	t->flags |= TCP_ACK_NOW; /* RFC 5681 4.2 */
	if (rx == NULL || self->walk_left == 0) {
		tcp_count(self, rx ? MR_TCP_walk_shed : MR_TCP_drop_no_chunk);
		if (rx)
			rx_release_empty(self, t);
		return;
	}
	before = rx->byte_count;
	hint = rx->hint;
	kept = keep(self, t, rx, seq, bytes, count);
	if (kept < count) {
		tcp_count(self, MR_TCP_drop_no_chunk);
	} else if (fin) {
		rx->has_fin = 1;
		rx->fin_seq = seq + count;
	}
	if (kept) {
		if (rx->byte_count == before) { /* it was here already */
			tcp_count(self, MR_TCP_duplicate);
			tcp_send_dsack(self, t, seq, seq + kept);
		} else {
			tcp_count(self, MR_TCP_out_of_order);
		}
		if (rx->byte_count - before == count)
			note_kept(self, rx, hint, seq, count);
		else
			note_recent(rx, seq);
	}
	rx_release_empty(self, t);
}

/* ack_policy: RFC 9293 3.8.6.3 and RFC 5681 4.2: at once when a gap is filled; for every second
 * full segment, and for the first segments of a connection, once the burst they are of has been
 * taken; else within delayed_ack_ms. */
static void
ack_policy(struct mr_tcp *self, struct tcp_tcb *t, uint32_t count, bool had_gap)
{
	uint32_t waiting = t->ack_count >> 6;

	t->rcv_mss = (uint16_t)MR_MAX((uint32_t)t->rcv_mss, MR_MIN(count, 65535u));
	waiting += count >= t->rcv_mss;
	if (had_gap) {
		t->flags |= TCP_ACK_NOW;
		return;
	}
	if (waiting >= 2 || (t->ack_count & 63)) {
		tcp_ack_soon(self, t);
		return;
	}
	t->ack_count = (uint8_t)(waiting << 6 | (t->ack_count & 63));
	if (!(t->flags & TCP_ACK_LATER)) {
		t->flags |= TCP_ACK_LATER;
		t->delack_at_us = self->now_us + self->config.delayed_ack_ms * 1000;
	}
}

void
tcp_receive(struct mr_tcp *self, struct tcp_tcb *t, uint32_t seq, const uint8_t *bytes,
	    uint32_t count, bool fin)
{
	bool had_unread = tcp_receive_unread(self, t) > 0, had_gap;
	uint32_t accepted;

	had_gap = t->rx && tcp_rx(self, t)->byte_count > tcp_receive_unread(self, t);
	if (TCP_PLANTED(FIN_EARLY) && fin && seq != t->rcv_nxt && count == 0) {
		tcp_receive_fin(self, t);
		return;
	}
	if (seq != t->rcv_nxt) {
		out_of_order(self, t, seq, bytes, count, fin);
		return;
	}
	accepted = count ? in_order(self, t, bytes, count) : 0;
	if (t->flags & TCP_ENDED)
		return;
	mr_metric_add(self->metrics, MR_TCP_byte_rx, accepted);
	t->rcv_nxt += accepted;
	if (t->rx)
		tcp_rx(self, t)->advanced_ms = self->now_ms;
	if (accepted < count) {
		tcp_count(self, MR_TCP_drop_no_chunk);
		t->flags |= TCP_ACK_NOW;
		return;
	}
	if (count)
		ack_policy(self, t, count, had_gap);
	if (fin)
		tcp_receive_fin(self, t);
	else
		reach(self, t);
	if (had_gap || had_unread)
		tcp_receive_show(self, t);
	else
		rx_release_empty(self, t);
	if (t->flags & TCP_ENDED)
		return;
	tcp_receive_tell(self, t);
	if (!(t->flags & TCP_ENDED))
		autotune(self, t);
}

void
tcp_receive_fin(struct mr_tcp *self, struct tcp_tcb *t)
{
	if (t->flags & TCP_FIN_RCVD)
		return;
	if (t->rx) { /* nothing lies behind a FIN */
		struct tcp_rx *rx = tcp_rx(self, t);

		rx->has_fin = 0;
		rx->recent_count = 0;
	}
	t->flags |= TCP_FIN_RCVD | TCP_ACK_NOW;
	t->rcv_nxt++;
	t->rcv_adv = seq_max(t->rcv_adv, t->rcv_nxt);
	switch ((enum mr_tcp_state)t->state) {
	case MR_TCP_SYN_RECEIVED:
	case MR_TCP_ESTABLISHED:
		tcp_conn_state(self, t, MR_TCP_CLOSE_WAIT);
		break;
	case MR_TCP_FIN_WAIT_1:
		tcp_conn_state(self, t, MR_TCP_CLOSING);
		break;
	case MR_TCP_FIN_WAIT_2:
		tcp_conn_state(self, t, MR_TCP_TIME_WAIT);
		break;
	case MR_TCP_CLOSED:
	case MR_TCP_SYN_SENT:
	case MR_TCP_CLOSE_WAIT:
	case MR_TCP_CLOSING:
	case MR_TCP_LAST_ACK:
	case MR_TCP_TIME_WAIT:
	case MR_TCP_STATES:
		break;
	}
}

/* range_around finds the kept range that holds seq; false when it is in none beyond RCV.NXT. */
static bool
range_around(struct mr_tcp *self, const struct tcp_tcb *t, const struct tcp_rx *rx, uint32_t seq,
	     struct mr_tcp_block *out)
{
	bool open = false;

	for (uint32_t chunk = rx->head; chunk;) { /* at most chunk_count */
		const struct tcp_chunk *c = tcp_chunk(self, chunk);

		tcp_walk(self, 1);
		chunk = c->next;
		if (seq_lt(c->seq, t->rcv_nxt))
			continue;
		if (open && c->seq == out->right) {
			out->right = c->seq + c->bytes;
		} else {
			if (open && seq_gt(out->right, seq))
				break;
			*out = (struct mr_tcp_block){ c->seq, c->seq + c->bytes };
			open = true;
		}
	}
	return open && seq_leq(out->left, seq) && seq_gt(out->right, seq);
}

/* RFC 2018 4: the range that holds the latest segment first, then those reported before. These are
 * said in case an ACK was lost: they take no more than half of what a turn may walk, for else a
 * large window with a hole would leave nothing to keep what arrives. */
uint32_t
tcp_receive_sacks(struct mr_tcp *self, const struct tcp_tcb *t, struct mr_tcp_block *out,
		  uint32_t room)
{
	struct tcp_rx *rx = tcp_rx(self, t);
	uint32_t count = 0;

	for (uint32_t i = 0; rx && i < rx->recent_count && count < room && self->walk_left; i++) {
		bool seen = false;

		if (i > 0 && self->walk_left < TCP_WALK_PER_TURN / 2)
			break;
		if (i == 0 && rx->latest_left != rx->latest_right &&
		    seq_gt(rx->latest_left, t->rcv_nxt))
			out[count] = (struct mr_tcp_block){ rx->latest_left, rx->latest_right };
		else if (!range_around(self, t, rx, rx->recent[i], &out[count]))
			continue;
		if (i == 0) {
			rx->latest_left = out[0].left;
			rx->latest_right = out[0].right;
		}
		for (uint32_t k = 0; k < count; k++)
			seen |= out[k].left == out[count].left;
		count += !seen;
	}
	return count;
}

/* window_edge is where the right edge could stand now. A connection that holds chunks while they
 * are scarce would get no more of them: it is promised nothing beyond what it has been promised.
 * Its edge moves on when the application has taken what is kept, or a gap is filled: by then it
 * holds none, or others have given theirs back. */
static uint32_t
window_edge(const struct mr_tcp *self, const struct tcp_tcb *t)
{
	uint32_t size = t->receive_kib * 1024u, unread = tcp_receive_unread(self, t);

	if (t->rx && tcp_rx(self, t)->chunk_count && tcp_pool_reserved(&self->chunks))
		return t->rcv_adv;
	return t->rcv_nxt + (size > unread ? size - unread : 0);
}

/* tcp_receive_window returns the window field of a segment that leaves now, and moves the right
 * edge that it announces right, in steps worth telling. The field is rounded down to the scale, so
 * the peer may see the edge move left by less than one unit (RFC 7323 2.4); rcv_adv never does. */
uint16_t
tcp_receive_window(struct mr_tcp *self, struct tcp_tcb *t)
{
	uint32_t edge = window_edge(self, t), step, wnd;

	if (!tcp_state_synchronized(t->state)) /* tcp_send_syn has its own: not scaled */
		return (uint16_t)MR_MIN((t->rcv_adv - t->rcv_nxt) >> t->rcv_wscale, 65535u);
	step = MR_MIN(t->receive_kib * 512u, (uint32_t)MR_MAX(t->rcv_mss, 536));
	if (seq_lt(edge, t->rcv_adv + step))
		edge = t->rcv_adv;
	wnd = MR_MIN((edge - t->rcv_nxt) >> t->rcv_wscale, 65535u);
	t->rcv_adv = seq_max(t->rcv_adv, t->rcv_nxt + (wnd << t->rcv_wscale));
	t->flags = wnd ? t->flags & ~(uint32_t)TCP_RCV_FULL : t->flags | TCP_RCV_FULL;
	return (uint16_t)wnd;
}

/* tcp_receive_window_due: the application has read, and the peer should hear of it: the edge would
 * move by half the window or two segments, or the window was shut. */
bool
tcp_receive_window_due(const struct mr_tcp *self, const struct tcp_tcb *t)
{
	uint32_t edge = window_edge(self, t), step = 2u * MR_MAX(t->rcv_mss, 536);

	if (!tcp_state_synchronized(t->state) || t->flags & TCP_FIN_RCVD ||
	    seq_leq(edge, t->rcv_adv))
		return false;
	step = MR_MIN(t->receive_kib * 512u, t->flags & TCP_RCV_FULL ? step / 2 : step);
	return edge - t->rcv_adv >= step;
}
