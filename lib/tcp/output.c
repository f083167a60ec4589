/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/output - segments, made from the queue at the moment they leave.
 *
 * tcp_output, at the end of each entry, in this order:
 *   1. an ACK with SACK blocks, when one is due: data segments carry none
 *   2. what was marked lost, oldest first, as cwnd has room            [send_lost]
 *   3. new data, as both windows, Nagle and the silly window rule say  [send_new]
 *   4. the ACK that is due, if nothing has carried it
 *
 * Spec: RFC 9293 3.8.6.2.1 (SWS, Nagle), 3.10.4 (SEND), RFC 3168 6.1 (ECN), RFC 7323 3.2 (TSopt on
 *       every segment once agreed), RFC 6691 (MSS without options).
 */
#include "tcp/tcp_int.h"

enum { RETRY_US = 1000 };

static bool
emit(struct mr_tcp *self, const struct mr_tcp_flow *flow, const struct mr_tcp_segment *seg,
     uint8_t ecn)
{
	struct mr_tcp_out *out = &self->out;

	out->flow = *flow;
	out->ecn = ecn;
	out->payload_bytes = seg->payload_bytes;
	if (seg->payload_bytes == 0)
		out->piece_count = 0;
	out->header_bytes = mr_tcp_segment_write(seg, out->header);
	if (!self->config.output(self->config.output_context, out)) {
		tcp_count(self, MR_TCP_segment_tx_refused);
		return false;
	}
	tcp_count(self, MR_TCP_segment_tx);
	return true;
}

/* begin fills what every segment of a synchronized connection has. */
static void
begin(struct mr_tcp *self, struct tcp_tcb *t, struct mr_tcp_segment *seg, uint8_t flags,
      uint32_t seq)
{
	*seg = (struct mr_tcp_segment){
		.src_port = t->flow.local_port,
		.dst_port = t->flow.remote_port,
		.seq = seq,
		.ack = t->rcv_nxt,
		.flags = (uint8_t)(flags | MR_TCP_ACK | (t->flags & TCP_ECE ? MR_TCP_ECE : 0)),
		.wnd = tcp_receive_window(self, t),
		.wscale = MR_TCP_WSCALE_NONE,
		.has_ts = t->flags & TCP_TS,
		.tsval = tcp_tsval(self, t),
		.tsecr = t->ts_recent,
	};
}

/* acknowledged: a segment with the present RCV.NXT has left. */
static void
acknowledged(struct tcp_tcb *t)
{
	uint8_t quick = t->ack_count & 63;

	t->last_ack_sent = t->rcv_nxt;
	t->flags &= ~(uint32_t)(TCP_ACK_NOW | TCP_ACK_LATER | TCP_ACK_BURST);
	t->ack_count = quick ? quick - 1 : 0;
}

void
tcp_send_ack(struct mr_tcp *self, struct tcp_tcb *t)
{
	struct mr_tcp_segment seg;

	begin(self, t, &seg, 0, t->snd_nxt);
	if (t->flags & TCP_SACK)
		seg.sack_count = (uint8_t)tcp_receive_sacks(self, t, seg.sacks, MR_TCP_SACK_MAX);
	emit(self, &t->flow, &seg, 0);
	acknowledged(t);
}

/* tcp_ack_soon: a run of segments that came together is acknowledged together, once it has been
 * taken (RFC 9293 MUST-58, MUST-59); and its last segment with it, when their number is odd. */
void
tcp_ack_soon(struct mr_tcp *self, struct tcp_tcb *t)
{
	if (t->flags & TCP_ACK_BURST)
		return;
	if (!self->in_burst || self->burst_ack_count == MR_TCP_BURST_MAX) {
		t->flags |= TCP_ACK_NOW;
		return;
	}
	t->flags |= TCP_ACK_BURST;
	self->burst_acks[self->burst_ack_count++] = tcp_conn(self, t);
}

void
tcp_ack_burst(struct mr_tcp *self)
{
	for (uint32_t i = 0; i < self->burst_ack_count; i++) {
		struct tcp_tcb *t = tcp_tcb(self, self->burst_acks[i]);
		bool entered;

		/* ended since; or data has carried the ACK */
		if ((t->flags & (TCP_ACK_BURST | TCP_ENDED)) != TCP_ACK_BURST)
			continue;
		t->flags = (t->flags & ~(uint32_t)TCP_ACK_BURST) | TCP_ACK_NOW;
		entered = tcp_enter(t);
		tcp_leave(self, t, entered);
	}
	self->burst_ack_count = 0;
}

/* tcp_send_dsack reports a duplicate in the first block (RFC 2883 4), at once. */
void
tcp_send_dsack(struct mr_tcp *self, struct tcp_tcb *t, uint32_t left, uint32_t right)
{
	struct mr_tcp_segment seg;

	begin(self, t, &seg, 0, t->snd_nxt);
	if (t->flags & TCP_SACK) {
		seg.sacks[0] = (struct mr_tcp_block){ left, right };
		seg.sack_count = (uint8_t)(1 + tcp_receive_sacks(self, t, seg.sacks + 1,
								 MR_TCP_SACK_MAX - 1));
	}
	emit(self, &t->flow, &seg, 0);
	acknowledged(t);
}

/* One number below SND.NXT, no data: it must be answered (RFC 9293 3.8.4). */
void
tcp_send_keepalive(struct mr_tcp *self, struct tcp_tcb *t)
{
	struct mr_tcp_segment seg;

	begin(self, t, &seg, 0, t->snd_nxt - 1);
	emit(self, &t->flow, &seg, 0);
}

void
tcp_send_rst(struct mr_tcp *self, struct tcp_tcb *t)
{
	struct mr_tcp_segment seg;

	begin(self, t, &seg, MR_TCP_RST, t->snd_nxt);
	seg.flags &= (uint8_t)~MR_TCP_ECE;
	if (t->state == MR_TCP_SYN_SENT)
		return; /* RFC 9293 3.10.5: nobody there knows us */
	tcp_count(self, MR_TCP_rst_tx);
	emit(self, &t->flow, &seg, 0);
}

uint32_t
tcp_mss_of(const struct mr_tcp *self, const struct mr_tcp_flow *flow)
{
	const struct mr_tcp_config *c = &self->config;
	uint32_t room = c->mtu - (mr_addr_is_v4(&flow->local) ? 20u : 40u);

	if (c->room)
		room = MR_MIN(room, (uint32_t)c->room(c->output_context, flow));
	return MR_MAX(room, MR_TCP_HEADER_BYTES + (uint32_t)MR_TCP_MSS_MIN) - MR_TCP_HEADER_BYTES;
}

/* SYN or SYN+ACK, first or again: the sequence number is SND.UNA. */
void
tcp_send_syn(struct mr_tcp *self, struct tcp_tcb *t)
{
	bool passive = t->state == MR_TCP_SYN_RECEIVED;
	const struct mr_tcp_config *c = &self->config;
	struct mr_tcp_segment seg;

	begin(self, t, &seg, MR_TCP_SYN, t->snd_una);
	seg.flags &= (uint8_t)~MR_TCP_ECE;
	seg.wnd =
		(uint16_t)MR_MIN(t->rcv_adv - t->rcv_nxt, 65535u); /* RFC 7323 2.2: never scaled */
	seg.mss = (uint16_t)tcp_mss_of(self, &t->flow);
	if (passive) {
		seg.sack_permitted = t->flags & TCP_SACK;
		seg.wscale = t->flags & TCP_WSCALE ? t->rcv_wscale : MR_TCP_WSCALE_NONE;
		if (t->flags & TCP_ECN)
			seg.flags |= MR_TCP_ECE;
		t->last_ack_sent = t->rcv_nxt;
	} else {
		seg.flags &= (uint8_t)~MR_TCP_ACK;
		seg.ack = 0;
		seg.sack_permitted = !c->no_sack;
		seg.has_ts = !c->no_timestamps;
		seg.tsecr = 0;
		seg.wscale = c->no_window_scale ? MR_TCP_WSCALE_NONE : t->rcv_wscale;
		if (!c->no_ecn && !(t->flags & TCP_SYN_AGAIN)) /* RFC 3168 6.1.1.1: fall back */
			seg.flags |= MR_TCP_ECE | MR_TCP_CWR;
	}
	emit(self, &t->flow, &seg, 0);
}

void
tcp_reply(struct mr_tcp *self, const struct mr_tcp_flow *flow, struct mr_tcp_segment *seg)
{
	seg->src_port = flow->local_port;
	seg->dst_port = flow->remote_port;
	emit(self, flow, seg, 0);
}

void
tcp_reply_rst(struct mr_tcp *self, const struct mr_tcp_in *in, const struct mr_tcp_segment *seg)
{
	struct mr_tcp_segment rst = { .flags = MR_TCP_RST, .wscale = MR_TCP_WSCALE_NONE };

	if (seg->flags & MR_TCP_RST)
		return;
	if (seg->flags & MR_TCP_ACK) {
		rst.seq = seg->ack;
	} else {
		rst.ack = seg->seq + mr_tcp_segment_len(seg);
		rst.flags |= MR_TCP_ACK;
	}
	tcp_count(self, MR_TCP_rst_tx);
	tcp_reply(self, &in->flow, &rst);
}

/* At most TCP_CHALLENGE_PER_S a second, counted in the connection itself: RFC 5961 7 without a
 * shared counter that an onlooker could read. */
bool
tcp_challenge_allowed(struct mr_tcp *self, struct tcp_tcb *t)
{
	uint8_t second = (uint8_t)(self->now_ms >> 10);

	if (t->challenge_s != second) {
		t->challenge_s = second;
		t->challenge_count &= 0xf0;
	}
	if ((t->challenge_count & 15) == TCP_CHALLENGE_PER_S) {
		tcp_count(self, MR_TCP_challenge_ack_limited);
		return false;
	}
	t->challenge_count++;
	return true;
}

void
tcp_challenge(struct mr_tcp *self, struct tcp_tcb *t)
{
	if (!tcp_challenge_allowed(self, t))
		return;
	tcp_count(self, MR_TCP_challenge_ack);
	tcp_send_ack(self, t);
}

/* put_off: the output had no room; the rest leaves soon. An ACK may come before, but it may also be
 * delayed at the peer, as it waits for a second segment. */
static void
put_off(struct mr_tcp *self, struct tcp_tcb *t)
{
	if (t->timer != TCP_TIMER_REORDER) /* comes soon too, and looks at more */
		tcp_timer_set(self, t, TCP_TIMER_PACE, RETRY_US);
}

/* come_again: the rest leaves when an ACK or the timeout comes, or, if nothing is in flight, soon.
 */
static void
come_again(struct mr_tcp *self, struct tcp_tcb *t)
{
	if (t->snd_una == t->snd_nxt)
		tcp_timer_set(self, t, TCP_TIMER_PACE, RETRY_US);
}

/* send_data makes and sends one segment of `payload` bytes from seq, with FIN if asked and if all
 * the bytes before it fit. Returns how many sequence numbers left; 0: the output had no room. */
static uint32_t
send_data(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, uint32_t seq, uint32_t payload,
	  bool fin, bool again)
{
	struct mr_tcp_segment seg;
	uint32_t gathered = payload ? tcp_sendq_gather(self, t, tx, seq, payload) : 0;
	uint8_t flags = seq + gathered == t->snd_end ? MR_TCP_PSH : 0, ecn = 0;

	if (gathered < payload)
		fin = false;
	if (fin)
		flags |= MR_TCP_FIN;
	if (payload && !again && (t->flags & TCP_ECN)) {
		ecn = MR_TCP_ECT_0; /* RFC 3168 6.1.5: never on a retransmission */
		if (t->flags & TCP_CWR)
			flags |= MR_TCP_CWR;
	}
	begin(self, t, &seg, flags, seq);
	seg.payload_bytes = (uint16_t)gathered;
	if (!emit(self, &t->flow, &seg, ecn)) {
		put_off(self, t);
		return 0;
	}
	if (flags & MR_TCP_CWR)
		t->flags &= ~(uint32_t)TCP_CWR;
	acknowledged(t);
	mr_metric_add(self->metrics, MR_TCP_byte_tx, gathered);
	tx->prr_out += gathered + fin;
	return gathered + fin;
}

bool
tcp_send_again(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, struct tcp_run *run,
	       uint32_t count_max)
{
	uint32_t count = MR_MIN(run->end - run->seq, MR_MIN(count_max, (uint32_t)t->snd_mss));
	uint32_t payload = MR_MIN(count, t->snd_end - run->seq), sent;

	sent = send_data(self, t, tx, run->seq, payload, count > payload, true);
	if (sent == 0)
		return false;
	tcp_count(self, MR_TCP_retransmit);
	tcp_undo_sent(self, t, tx, run->seq, sent);
	/* With no run left to cut it, all of it counts as sent again, and the timeout will see to
	 * the rest: were it still lost, each ACK would send this segment again, without end. */
	(void)tcp_board_cut(self, tx, run, run->seq + sent);
	tcp_board_again(self, tx, run);
	return true;
}

/* note_new moves SND.NXT over what has just left. */
static void
note_new(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, uint32_t sent, bool fin)
{
	bool noted = tcp_board_sent(self, t, tx, t->snd_nxt, t->snd_nxt + sent);

	MR_ASSERT(noted); /* room was asked for before */
	t->snd_nxt += sent;
	if (fin && t->snd_nxt == t->snd_end + 1)
		t->flags |= TCP_FIN_SENT;
}

static bool
fin_ready(const struct tcp_tcb *t, const struct tcp_tx *tx)
{
	return (t->flags & TCP_FIN_QUEUED) && !(t->flags & TCP_FIN_SENT) && tx->open_count == 0;
}

uint32_t
tcp_send_probe(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, uint32_t count)
{
	uint32_t unsent = tcp_sendq_plan(self, t, tx, count) - t->snd_nxt, sent;
	bool fin = fin_ready(t, tx);
	uint32_t payload = MR_MIN(MR_MIN(unsent, count), (uint32_t)t->snd_mss);

	if (t->snd_nxt - t->snd_una + payload > t->snd_wnd && t->snd_wnd)
		return 0;
	fin = fin && payload == unsent && count > payload;
	if ((payload == 0 && !fin) || (t->flags & TCP_FIN_SENT) || !tcp_board_room(self, tx))
		return 0;
	sent = send_data(self, t, tx, t->snd_nxt, payload, fin, false);
	if (sent)
		note_new(self, t, tx, sent, fin);
	return sent;
}

static bool
cwnd_allows(const struct tcp_tcb *t, const struct tcp_tx *tx, uint32_t count)
{
	uint32_t pipe = tcp_pipe(t, tx);

	return pipe == 0 || pipe + count <= t->cc.cwnd;
}

/* pace_allows gates by the controller's rate, if it has one; sets the timer when it does not. */
static bool
pace_allows(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, uint32_t count)
{
	const struct mr_tcp_cc_ops *cc = self->config.cc;
	struct mr_tcp_cc_env env;
	uint64_t rate;
	int32_t wait_us;

	if (cc->pace == NULL)
		return true;
	tcp_cc_env(self, t, &env);
	rate = cc->pace(&t->cc, &env);
	if (rate == 0)
		return true;
	wait_us = (int32_t)(tx->pace_at_us - self->now_us);
	if (wait_us > 0 && wait_us < (1 << 27) && tx->run_head) {
		tcp_timer_set(self, t, TCP_TIMER_PACE, (uint32_t)wait_us);
		return false;
	}
	if (wait_us < 0 || tx->run_head == 0)
		tx->pace_at_us = self->now_us;
	tx->pace_at_us += (uint32_t)MR_MIN((uint64_t)count * 1000000 / rate, 1u << 26);
	return true;
}

static uint32_t
send_lost(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, uint32_t burst)
{
	struct tcp_run *run;

	while (burst && t->snd_wnd && (run = tcp_board_lost(self, tx)) != NULL) {
		uint32_t count = MR_MIN(run->end - run->seq, (uint32_t)t->snd_mss);

		if (!(tx->bits & TCP_TX_HEAD_AGAIN) && !cwnd_allows(t, tx, count)) {
			t->flags |= TCP_CWND_LIMITED;
			tx->limited_seq = t->snd_nxt;
			return 0;
		}
		/* RFC 9293 SHLD-16: only what lies in the window, but always the head */
		if (run->seq != t->snd_una && seq_geq(run->seq, t->snd_una + t->snd_wnd))
			return burst;
		if (!pace_allows(self, t, tx, count) ||
		    !tcp_send_again(self, t, tx, run, UINT32_MAX))
			return 0;
		tx->bits = (uint8_t)(tx->bits & ~TCP_TX_HEAD_AGAIN);
		burst--;
	}
	return burst;
}

/* worth_sending is the sender's side of the silly window rule, with Nagle (RFC 9293 3.8.6.2.1). */
static bool
worth_sending(const struct tcp_tcb *t, uint32_t count, uint32_t unsent, bool fin)
{
	if (count >= t->snd_mss)
		return true; /* (1) */
	if (count == unsent && (fin || (t->flags & TCP_NODELAY) || t->snd_nxt == t->snd_una))
		return true; /* (2), (3); a FIN waits for nothing */
	return count >= ((uint32_t)t->snd_wnd_max << t->snd_wscale) / 2 && count > 0; /* (4) */
}

static void
send_new(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, uint32_t burst)
{
	while (true) { /* each round takes one from burst, or is the last */
		uint32_t flight = t->snd_nxt - t->snd_una;
		uint32_t usable = t->snd_wnd > flight ? t->snd_wnd - flight : 0;
		uint32_t probe =
			tcp_pmtu_probe_due(self, t, tx, usable); /* may plan: comes first */
		uint32_t unsent = tcp_sendq_plan(self, t, tx, t->snd_mss) - t->snd_nxt, count, sent;
		bool fin = fin_ready(t, tx);

		if ((t->flags & TCP_FIN_SENT) || (unsent == 0 && !fin))
			return;
		count = probe ? probe : MR_MIN(MR_MIN(unsent, usable), (uint32_t)t->snd_mss);
		fin = fin && count == unsent && usable > count;
		if (!fin && (count == 0 || !worth_sending(t, count, unsent, fin)))
			return; /* the window, Nagle: persist or an ACK */
		if (!cwnd_allows(t, tx, count + fin)) {
			t->flags |= TCP_CWND_LIMITED;
			tx->limited_seq = t->snd_nxt;
			return;
		}
		if (burst-- == 0 || !tcp_board_room(self, tx)) {
			if (!tcp_board_room(self, tx))
				tcp_count(self, MR_TCP_no_run);
			come_again(self, t);
			return;
		}
		if (!pace_allows(self, t, tx, count))
			return;
		sent = send_data(self, t, tx, t->snd_nxt, count, fin, false);
		if (sent == 0)
			return;
		if (mr_unlikely(probe) && sent > t->snd_mss)
			tcp_pmtu_probe_sent(self, tx, t->snd_nxt + sent, sent);
		note_new(self, t, tx, sent, fin);
		if (t->timer == TCP_TIMER_TLP) /* RFC 8985 7.2: from the last new data on */
			tcp_timer_send_side(self, t, true);
	}
}

static bool
may_send(const struct tcp_tcb *t)
{
	switch ((enum mr_tcp_state)t->state) {
	case MR_TCP_ESTABLISHED:
	case MR_TCP_CLOSE_WAIT:
	case MR_TCP_FIN_WAIT_1:
	case MR_TCP_CLOSING:
	case MR_TCP_LAST_ACK:
		return true;
	case MR_TCP_CLOSED:
	case MR_TCP_SYN_SENT:
	case MR_TCP_SYN_RECEIVED:
	case MR_TCP_FIN_WAIT_2:
	case MR_TCP_TIME_WAIT:
	case MR_TCP_STATES:
		return false;
	}
	return false;
}

void
tcp_output(struct mr_tcp *self, struct tcp_tcb *t)
{
	struct tcp_tx *tx = tcp_tx(self, t);
	uint32_t burst = MR_TCP_SEND_BURST;

	if ((t->flags & TCP_ACK_NOW) && (t->flags & TCP_SACK) && t->rx)
		tcp_send_ack(self, t);
	if (tx && may_send(t)) {
		if (t->timer == TCP_TIMER_PACE)
			t->timer = TCP_TIMER_NONE;
		burst = send_lost(self, t, tx, burst);
		if (burst && (tx->lost_bytes == 0 || tx->frto))
			send_new(self, t, tx, burst);
	}
	if (t->flags & TCP_ACK_NOW)
		tcp_send_ack(self, t);
}
