/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/listen - a SYN to a service, with a TCB or with a cookie; initial sequence numbers.
 *
 * A cookie is the initial sequence number of a SYN+ACK that nobody remembers (RFC 4987 3.6):
 *
 *    31                    9   8   7   5 4      1   0
 *   +-----------------------+---+-----+--------+------+
 *   | keyed hash            | e | mss | wscale | sack |    e: the epoch's lowest bit
 *   +-----------------------+---+-----+--------+------+
 *
 * The hash covers the four-tuple, the peer's initial number, the epoch (32.8 s), the options and
 * our timestamp, so all of them come back intact or not at all. Timestamps need no bit: the ACK
 * carries them or does not. Where it does, the echo must be that very timestamp, of the last
 * minute; its lowest bit says whether ECN was agreed. Without timestamps ECN is not offered.
 *
 * Spec: RFC 9293 3.10.7.2, 3.4.1 (ISN), RFC 6528, RFC 4987, RFC 7323 5.1 and 7.1.
 */
#include "tcp/tcp_int.h"

enum {
	COOKIE_EPOCH_SHIFT = 15,
	COOKIE_HASH_SHIFT = 9,
	COOKIE_AGE_MAX_MS = 66000,
	COOKIE_WSCALE_NONE = 15,
};

static const uint16_t cookie_mss[8] = { 216, 536, 1220, 1300, 1360, 1400, 1440, 1460 };

uint32_t
tcp_iss(const struct mr_tcp *self, const struct mr_tcp_flow *flow)
{
	/* RFC 9293 3.4.1: a clock of about 4 us, and a keyed function of the four-tuple */
	return (uint32_t)(self->now_ns >> 12) +
	       (uint32_t)mr_hash_bytes(&self->config.isn_key, flow,
				       offsetof(struct mr_tcp_flow, path));
}

/* The offset of our timestamps towards one peer: the same for each incarnation of a four-tuple, so
 * that they go up across them (RFC 6191). */
uint32_t
tcp_ts_offset(uint64_t hash)
{
	return (uint32_t)(mr_hash_fold(hash, 0x7473u) >> 16);
}

static uint32_t
cookie_make(const struct mr_tcp *self, const struct mr_tcp_flow *flow, uint32_t irs, uint32_t epoch,
	    uint32_t options, uint32_t tsval)
{
	uint32_t key[13];
	uint32_t low = (epoch & 1) << 8 | options;

	static_assert(sizeof(key) == offsetof(struct mr_tcp_flow, path) + 16, "no padding");
	memcpy(key, flow, offsetof(struct mr_tcp_flow, path));
	key[9] = irs;
	key[10] = epoch;
	key[11] = options;
	key[12] = tsval; /* 0 without the option */
	return (uint32_t)mr_hash_bytes(&self->config.cookie_key, key, sizeof(key))
		       << COOKIE_HASH_SHIFT |
	       low;
}

/* cookie_timestamp: not later than now, so that those that follow are not older. */
static void
cookie_timestamp(const struct mr_tcp *self, const struct mr_tcp_segment *syn, uint64_t hash,
		 struct mr_tcp_segment *seg)
{
	uint32_t now = self->now_ms + tcp_ts_offset(hash);
	bool ecn = !self->config.no_ecn &&
		   (syn->flags & (MR_TCP_ECE | MR_TCP_CWR)) == (MR_TCP_ECE | MR_TCP_CWR);

	seg->has_ts = true;
	seg->tsval = (now & 1) == ecn ? now : now - 1;
	seg->tsecr = syn->tsval;
	if (ecn)
		seg->flags |= MR_TCP_ECE;
}

static void
cookie_send(struct mr_tcp *self, const struct mr_tcp_in *in, const struct mr_tcp_segment *syn,
	    uint64_t hash)
{
	const struct mr_tcp_config *c = &self->config;
	uint32_t mss = syn->mss ? syn->mss : MR_TCP_MSS_DEFAULT_V4, index = 7, options;
	bool sack = syn->sack_permitted && !c->no_sack;
	bool wscale = syn->wscale != MR_TCP_WSCALE_NONE && !c->no_window_scale;
	struct mr_tcp_segment seg = { .flags = MR_TCP_SYN | MR_TCP_ACK,
				      .ack = syn->seq + 1,
				      .sack_permitted = sack,
				      .wscale = MR_TCP_WSCALE_NONE };

	while (index && cookie_mss[index] > mss)
		index--;
	options = index << 5 | (wscale ? syn->wscale : COOKIE_WSCALE_NONE) << 1 | sack;
	if (syn->has_ts && !c->no_timestamps)
		cookie_timestamp(self, syn, hash, &seg);
	seg.seq = cookie_make(self, &in->flow, syn->seq, self->now_ms >> COOKIE_EPOCH_SHIFT,
			      options, seg.tsval);
	seg.mss = (uint16_t)tcp_mss_of(self, &in->flow);
	seg.wnd = (uint16_t)MR_MIN(c->receive_initial_bytes, 65535u);
	if (wscale)
		for (seg.wscale = 0; c->receive_max_bytes >> seg.wscale > 65535;) /* at most 14 */
			seg.wscale++;
	self->cookies_out = true;
	self->cookie_last_ms = self->now_ms;
	tcp_count(self, MR_TCP_cookie_tx);
	tcp_reply(self, &in->flow, &seg);
}

/* cookie_options returns the options of the cookie that seg acknowledges, or -1. */
static int
cookie_options(const struct mr_tcp *self, const struct mr_tcp_in *in,
	       const struct mr_tcp_segment *seg, uint64_t hash)
{
	uint32_t cookie = seg->ack - 1, epoch = self->now_ms >> COOKIE_EPOCH_SHIFT;

	epoch -= (epoch ^ cookie >> 8) & 1; /* this epoch or the one before */
	if (cookie_make(self, &in->flow, seg->seq - 1, epoch, cookie & 0xff,
			seg->has_ts ? seg->tsecr : 0) != cookie)
		return -1;
	if (seg->has_ts && self->now_ms + tcp_ts_offset(hash) - seg->tsecr > COOKIE_AGE_MAX_MS)
		return -1;
	return (int)(cookie & 0xff);
}

static struct tcp_tcb *
cookie_open(struct mr_tcp *self, const struct mr_tcp_in *in, const struct mr_tcp_segment *seg,
	    uint64_t hash, uint32_t options)
{
	uint8_t wscale = options >> 1 & 15;
	struct mr_tcp_segment syn = { .seq = seg->seq - 1,
				      .wnd = seg->wnd,
				      .mss = cookie_mss[options >> 5],
				      .wscale = wscale == COOKIE_WSCALE_NONE ? MR_TCP_WSCALE_NONE
									     : wscale,
				      .sack_permitted = options & 1,
				      .has_ts = seg->has_ts,
				      .tsval = seg->tsval };
	struct tcp_tcb *t;

	if (!tcp_prefix_allows(self, &in->flow.remote))
		return NULL;
	t = tcp_conn_open(self, &in->flow, hash, in->app, MR_TCP_SYN_RECEIVED, 0);
	if (t == NULL && tcp_evict(self, &in->flow.remote))
		t = tcp_conn_open(self, &in->flow, hash, in->app, MR_TCP_SYN_RECEIVED, 0);
	if (t == NULL)
		return NULL;
	t->rcv_nxt = t->last_ack_sent = seg->seq;
	t->rcv_adv += t->rcv_nxt;
	t->snd_una = seg->ack - 1; /* the ACK is taken by input_ack, as for any SYN+ACK */
	t->snd_nxt = t->snd_end = seg->ack;
	tcp_conn_negotiate(self, t, &syn);
	if ((t->flags & TCP_TS) && seg->tsecr & 1 && !self->config.no_ecn)
		t->flags |= TCP_ECN;
	return t;
}

struct tcp_tcb *
tcp_listen_cookie(struct mr_tcp *self, const struct mr_tcp_in *in, const struct mr_tcp_segment *seg,
		  uint64_t hash)
{
	struct tcp_tcb *t = NULL;
	int options;

	if (!self->cookies_out || in->app == MR_TCP_APP_NONE ||
	    (seg->flags & (MR_TCP_RST | MR_TCP_SYN | MR_TCP_ACK)) != MR_TCP_ACK)
		return NULL;
	if (self->now_ms - self->cookie_last_ms > COOKIE_AGE_MAX_MS) {
		self->cookies_out = false;
		return NULL;
	}
	options = cookie_options(self, in, seg, hash);
	if (options < 0) {
		tcp_count(self, MR_TCP_cookie_bad);
		return NULL;
	}
	t = cookie_open(self, in, seg, hash, (uint32_t)options);
	tcp_count(self, t ? MR_TCP_cookie_accept : MR_TCP_drop_no_connection);
	return t;
}

static void
listen_syn(struct mr_tcp *self, const struct mr_tcp_in *in, const struct mr_tcp_segment *seg,
	   uint64_t hash, uint32_t iss_above)
{
	struct tcp_tcb *t = NULL;
	bool entered;

	if (!tcp_prefix_allows(self, &in->flow.remote))
		return;
	if (self->half_open < self->config.half_open_limit)
		t = tcp_conn_open(self, &in->flow, hash, in->app, MR_TCP_CLOSED, 0);
	if (t == NULL) {
		cookie_send(self, in, seg, hash);
		return;
	}
	entered = tcp_enter(t);
	tcp_conn_state(self, t, MR_TCP_SYN_RECEIVED);
	t->rcv_nxt = t->last_ack_sent = seg->seq + 1;
	t->rcv_adv += t->rcv_nxt;
	t->snd_una = tcp_iss(self, &in->flow);
	if (iss_above && seq_leq(t->snd_una, iss_above)) /* RFC 9293 3.10.7.4, TIME-WAIT */
		t->snd_una = iss_above + 65536;
	t->snd_nxt = t->snd_end = t->snd_una + 1;
	if (!self->config.no_ecn &&
	    (seg->flags & (MR_TCP_ECE | MR_TCP_CWR)) == (MR_TCP_ECE | MR_TCP_CWR))
		t->flags |= TCP_ECN;
	tcp_conn_negotiate(self, t, seg);
	tcp_send_syn(self, t);
	tcp_timer_set(self, t, TCP_TIMER_RTO, tcp_rto_us(self, t));
	tcp_leave(self, t, entered);
}

/* tcp_listen: RFC 9293 3.10.7.1 and 3.10.7.2, for a segment that belongs to no connection.
 * iss_above: our number must lie above it (0: any). */
void
tcp_listen(struct mr_tcp *self, const struct mr_tcp_in *in, const struct mr_tcp_segment *seg,
	   uint64_t hash, uint32_t iss_above)
{
	/* first: RST */
	if (seg->flags & MR_TCP_RST) {
		tcp_count(self, MR_TCP_drop_closed);
		return;
	}
	/* second: ACK; and everything where nobody listens */
	if (seg->flags & MR_TCP_ACK && in->app != MR_TCP_APP_NONE && self->cookies_out &&
	    !(seg->flags & MR_TCP_SYN)) {
		/* While cookies are out this may be a later segment that has overtaken the one with
		 * the cookie: a RST would kill a good connection. The first will come again. */
		tcp_count(self, MR_TCP_drop_closed);
		return;
	}
	if (seg->flags & MR_TCP_ACK || in->app == MR_TCP_APP_NONE) {
		tcp_count(self, MR_TCP_drop_closed);
		tcp_reply_rst(self, in, seg);
		return;
	}
	/* third: SYN */
	if (seg->flags & MR_TCP_SYN) {
		listen_syn(self, in, seg, hash, iss_above);
		return;
	}
	/* fourth: anything else */
	tcp_count(self, MR_TCP_drop_no_ack);
}
