/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/client_segment - what a segment does to its connection.
 */
#include "client_int.h"

enum {
	CLIENT_DEFAULT_MSS = 536,       /* RFC 9293 3.7.1; IPv6 allows more, this is safe */
	CLIENT_SMALL_WINDOW = 32 << 10, /* below it a batch may not have been sent whole */
	CLIENT_RTO_LEAST = 4,           /* 200 ms */
	CLIENT_RTO_UNIT_MS = 50,
};

/* client_rtt feeds a sample: a decaying maximum of three times the round trip stands in for
 * RFC 6298's estimate, which it is not below. */
static inline void
client_rtt(struct gen_client *self, struct gen_conn *conn, uint32_t ts_ecr)
{
	uint32_t sample_ms = self->ts_base + self->now_ms - ts_ecr, rto;

	if (sample_ms > 60000)
		return;
	rto = MR_MIN(sample_ms * 3 / CLIENT_RTO_UNIT_MS + 1, (uint32_t)UINT8_MAX);
	if (conn->rto_50ms != CLIENT_RTO_FIRST)
		rto = MR_MAX(rto, conn->rto_50ms - conn->rto_50ms / 8u);
	conn->rto_50ms = (uint8_t)MR_MAX(rto, (uint32_t)CLIENT_RTO_LEAST);
}

/* client_syn_sent: RFC 9293 3.10.7.3. */
static void
client_syn_sent(struct gen_client *self, struct gen_conn *conn, const struct gen_segment *in)
{
	const struct gen_way *way;
	uint32_t mss;

	if ((in->flags & GEN_ACK) && in->ack != conn->snd_nxt) {
		client_note(self, GEN_TCP_bad_ack);
		if (!(in->flags & GEN_RST))
			client_reply(self, in, GEN_RST, in->ack, 0);
		return;
	}
	if (in->flags & GEN_RST) {
		if (in->flags & GEN_ACK)
			client_end(self, conn, GEN_TCP_refused);
		else
			client_note(self, GEN_TCP_bad_reset);
		return;
	}
	if ((in->flags & (GEN_SYN | GEN_ACK)) != (GEN_SYN | GEN_ACK)) {
		client_note(self, GEN_TCP_stray); /* no server opens towards a client */
		return;
	}
	conn->rcv_nxt = in->seq + 1;
	conn->snd_una = in->ack;
	conn->retries = 0;
	if (in->has_timestamps && self->options.segment.timestamps) {
		conn->flags |= GEN_CONN_TIMESTAMPS;
		conn->ts_recent = in->ts_val;
		client_rtt(self, conn, in->ts_ecr);
	}
	if (in->window_scale != UINT8_MAX && self->options.segment.window_scale)
		conn->window_scale = in->window_scale;
	/* A SYN's window is not scaled. */
	conn->snd_wnd = in->window >> conn->window_scale;
	mss = in->mss ? in->mss : CLIENT_DEFAULT_MSS;
	way = &self->tuples.ways[in->tuple % self->tuples.way_count];
	mss = MR_MIN(mss, (uint32_t)gen_segment_mss(&self->options.segment, way->family));
	mss -= conn->flags & GEN_CONN_TIMESTAMPS ? MR_MIN(mss - 1, GEN_TCP_TIMESTAMP_BYTES + 0u)
						 : 0;
	conn->mss = (uint16_t)mss;
	client_state(self, conn, GEN_ESTABLISHED);
	client_note(self, GEN_TCP_established);
	if (mr_unlikely(self->options.slow)) {
		client_slow_established(self, conn);
	} else if (conn->open) {
		client_owe(self, conn); /* carried by the request, unless the window is closed */
		client_send_batch(self, conn, conn->snd_nxt, GEN_CLIENT_OUT_PER_INPUT - 1);
		client_arm_sent(self, conn);
	} else {
		client_owe(self, conn);
		client_idle(self, conn);
	}
}

/* client_acked takes an acknowledgement of something new; false when the connection is no more. */
static bool
client_acked(struct gen_client *self, struct gen_conn *conn, const struct gen_segment *in,
	     bool was_small)
{
	bool all = in->ack == conn->snd_nxt;

	conn->snd_una = in->ack;
	conn->retries = 0;
	if (in->has_timestamps && in->ts_ecr)
		client_rtt(self, conn, in->ts_ecr);
	switch ((enum gen_conn_state)conn->state) {
	case GEN_ESTABLISHED:
		if (mr_unlikely(conn->flags & GEN_CONN_RECOVER)) {
			if (all)
				conn->flags &= (uint8_t)~GEN_CONN_RECOVER;
			else if (conn->open) /* the next hole, RFC 6582's partial acknowledgement */
				client_send_batch(self, conn, conn->snd_una, 1);
		}
		if (mr_unlikely(self->options.slow))
			return true; /* its timer does what is done */
		if (mr_unlikely(was_small) && conn->open)
			client_send_batch(self, conn, conn->snd_nxt, 2);
		if (conn->open) /* the timer now waits for the rest, or for the answer */
			client_arm_sent(self, conn);
		return true;
	case GEN_FIN_WAIT_1:
		if (all) {
			client_state(self, conn, GEN_FIN_WAIT_2);
			client_arm(self, conn, self->options.timeout_ms, false);
		}
		return true;
	case GEN_CLOSING:
	case GEN_LAST_ACK:
		if (!all)
			return true;
		client_end(self, conn, GEN_TCP_closed);
		return false;
	case GEN_FIN_WAIT_2:
	case GEN_SYN_SENT:
	case GEN_CLOSED:
		return true;
	}
	return true;
}

/* client_acceptable makes the tests of RFC 9293 3.10.7.4 and 7323 5.3 before anything is believed;
 * false: the segment is done with. */
static bool
client_acceptable(struct gen_client *self, struct gen_conn *conn, const struct gen_segment *in)
{
	int32_t offset = (int32_t)(in->seq - conn->rcv_nxt);
	int32_t end = offset + in->payload_bytes + !!(in->flags & (GEN_SYN | GEN_FIN));
	int32_t window = (int32_t)self->options.window_bytes;

	if (mr_unlikely(in->flags & GEN_RST)) {
		/* RFC 5961 3.2: only the very next sequence number resets. */
		if (offset == 0) {
			client_end(self, conn, GEN_TCP_reset);
			return false;
		}
		client_note(self, GEN_TCP_bad_reset);
		if (offset > 0 && offset < window)
			client_owe(self, conn);
		return false;
	}
	if (conn->flags & GEN_CONN_TIMESTAMPS) {
		if (mr_unlikely(!in->has_timestamps ||
				(int32_t)(in->ts_val - conn->ts_recent) < 0)) {
			client_note(self, GEN_TCP_paws);
			client_owe(self, conn);
			return false;
		}
	}
	if (mr_unlikely(offset > 0 || end < 0 || (offset < 0 && end == 0))) {
		enum gen_tcp_verdict what = offset < 0     ? GEN_TCP_old_segment
					    : end > window ? GEN_TCP_beyond_window
							   : GEN_TCP_reordered;

		client_note(self, what);
		/* An acknowledgement at once: it is what tells the sender (RFC 5681 4.2). */
		client_emit(self, conn, GEN_ACK, conn->snd_nxt);
		return false;
	}
	if (mr_unlikely(end > window)) {
		client_note(self, GEN_TCP_beyond_window);
		client_owe(self, conn);
		return false;
	}
	if (mr_unlikely((in->flags & (GEN_SYN | GEN_ACK)) != GEN_ACK)) {
		/* RFC 5961 4.2: a SYN gets a challenge; without an ACK there is nothing to do. */
		client_note(self, in->flags & GEN_SYN ? GEN_TCP_old_segment : GEN_TCP_bad_header);
		client_owe(self, conn);
		return false;
	}
	return true;
}

/* client_stray answers what no connection waits for: RFC 9293 3.10.7.1 and 3.10.7.8 (TIME-WAIT). */
static MR_COLD void
client_stray(struct gen_client *self, const struct gen_segment *in)
{
	uint32_t end = in->seq + in->payload_bytes + !!(in->flags & GEN_FIN);

	if (gen_tuple_rests(&self->tuples, in->tuple, self->now_ms) && !(in->flags & GEN_SYN)) {
		client_note(self, in->flags & GEN_FIN ? GEN_TCP_late_fin : GEN_TCP_stray);
		if ((in->flags & (GEN_FIN | GEN_ACK | GEN_RST)) == (GEN_FIN | GEN_ACK))
			client_reply(self, in, GEN_ACK, in->ack, end);
		return;
	}
	client_note(self, GEN_TCP_stray);
	if (in->flags & GEN_RST)
		return;
	if (in->flags & GEN_ACK)
		client_reply(self, in, GEN_RST, in->ack, 0);
	else
		client_reply(self, in, GEN_RST | GEN_ACK, 0, end + !!(in->flags & GEN_SYN));
}

void
gen_client_segment(struct gen_client *self, const struct gen_segment *in)
{
	struct gen_conn *conn = &self->conns[in->tuple & self->slot_mask];
	uint32_t acked, flight, skip;
	bool was_small;

	if (mr_unlikely(self->options.flood)) {
		client_flooded(self, in);
		return;
	}
	if (mr_unlikely(conn->tuple != in->tuple || conn->state == GEN_CLOSED)) {
		client_stray(self, in);
		return;
	}
	if (conn->state == GEN_SYN_SENT) {
		client_syn_sent(self, conn, in);
		return;
	}
	if (mr_unlikely(!client_acceptable(self, conn, in)))
		return;
	if (conn->flags & GEN_CONN_TIMESTAMPS)
		conn->ts_recent = in->ts_val;
	acked = in->ack - conn->snd_una;
	flight = conn->snd_nxt - conn->snd_una;
	if (mr_unlikely(acked > flight && (int32_t)acked > 0)) {
		client_note(self, GEN_TCP_bad_ack);
		client_owe(self, conn);
		return;
	}
	was_small = (uint32_t)conn->snd_wnd << conn->window_scale < CLIENT_SMALL_WINDOW;
	if ((int32_t)acked >= 0)
		conn->snd_wnd = in->window;
	if (acked && acked <= flight) {
		if (!client_acked(self, conn, in, was_small))
			return;
	} else if (mr_unlikely(was_small) && conn->state == GEN_ESTABLISHED && conn->open &&
		   !self->options.slow) {
		client_send_batch(self, conn, conn->snd_nxt, 2);
	}
	if (mr_unlikely(self->options.slow == GEN_SLOW_zero_window && in->payload_bytes)) {
		client_emit(self, conn, GEN_ACK, conn->snd_nxt); /* it was told to send none */
		return;
	}
	if (mr_unlikely(self->options.slow == GEN_SLOW_sack_bomb && in->payload_bytes))
		return;                 /* its timer says what came */
	skip = conn->rcv_nxt - in->seq; /* 0, or what came already of it */
	if (in->payload_bytes > skip) {
		uint32_t fresh = in->payload_bytes - skip;

		conn->rcv_nxt += fresh;
		if (mr_likely(self->options.slow != GEN_SLOW_slow_reader))
			client_owe(self, conn); /* a slow reader's timer does it */
		if (!client_data(self, conn, in->payload + skip, fresh))
			return;
	} else if (in->payload_bytes) {
		client_owe(self, conn);
	}
	if (in->flags & GEN_FIN)
		client_fin(self, conn);
}
