/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/hostile - what the network and strangers do: forged segments, ICMP, paths that change, hosts
 * that vanish, receivers that renege; and what is to be seen of it inside the TCBs.
 *
 * A forger knows the four-tuple but not the numbers (RFC 5961 1.2): the simulator looks the numbers
 * up only to miss them closely. In a strict seed nothing he sends may do harm.
 */
#include "sim.h"

enum forgery {
	FORGE_RST_IN,    /* in the window, not in the exact place */
	FORGE_RST_OUT,   /* outside */
	FORGE_RST_EXACT, /* he guessed it: only where anything may end */
	FORGE_SYN,
	FORGE_ACK_FUTURE,
	FORGE_ACK_PAST,
	FORGE_DATA,
	FORGE_NO_ACK,
	FORGE_GARBAGE,
	FORGE_ICMP,
	FORGERIES,
};

static struct tcp_tcb *
tcb_of(struct sim_world *w, const struct sim_side *s)
{
	const struct mr_tcp *tcp = w->hosts[s->host].tcp;
	uint32_t slot =
		s->started ? tcp_table_find(tcp, tcp_flow_hash(tcp, &s->flow), &s->flow) : 0;

	return slot && !(slot & TCP_SLOT_TIME_WAIT) ? tcp_tcb(tcp, slot) : NULL;
}

/* ---- reneging (RFC 2018 8) ---- */

/* sim_renege drops all that lies behind RCV.NXT, though it may have been reported. */
void
sim_renege(struct sim_world *w, struct sim_side *s)
{
	struct mr_tcp *tcp = w->hosts[s->host].tcp;
	struct tcp_tcb *t = tcb_of(w, s);
	struct tcp_rx *rx = t ? tcp_rx(tcp, t) : NULL;
	uint32_t *link;

	if (rx == NULL)
		return;
	link = &rx->head;
	while (*link && seq_lt(tcp_chunk(tcp, *link)->seq, t->rcv_nxt))
		link = &tcp_chunk(tcp, *link)->next;
	if (*link == 0)
		return;
	while (*link) {
		uint32_t gone = *link;

		rx->chunk_count--;
		rx->byte_count -= tcp_chunk(tcp, gone)->bytes;
		*link = tcp_chunk(tcp, gone)->next;
		mr_pool_put(&tcp->chunks, gone);
	}
	rx->hint = 0;
	rx->recent_count = 0;
	rx->has_fin = 0;
	if (rx->head == 0)
		tcp_receive_release(tcp, t);
	sim_note(w, SIM_F_peer_reneges);
	sim_trace(w, "side %u reneges", s->index);
}

/* ---- forged segments ---- */

static uint32_t
window_of(const struct tcp_tcb *t)
{
	return t->rcv_adv - t->rcv_nxt;
}

static uint32_t
outside(struct sim_world *w, const struct tcp_tcb *t)
{
	if (sim_chance(w, 50))
		return t->rcv_nxt - 2000 - sim_below(w, 1 << 30);
	return t->rcv_nxt + window_of(t) + 1 + sim_below(w, 1 << 30);
}

static uint32_t
bad_ack(struct sim_world *w, const struct tcp_tcb *t, bool future)
{
	if (future)
		return t->snd_nxt + 1 + sim_below(w, 1 << 30);
	return t->snd_una - ((uint32_t)t->snd_wnd_max << t->snd_wscale) - 1 - sim_below(w, 1 << 30);
}

static void
send_forged(struct sim_world *w, struct sim_side *s, struct mr_tcp_segment *seg)
{
	uint8_t bytes[MR_TCP_HEADER_MAX_BYTES + SIM_FORGED_BYTES_MAX];
	uint32_t header_bytes;

	seg->src_port = s->flow.remote_port;
	seg->dst_port = s->flow.local_port;
	header_bytes = mr_tcp_segment_write(seg, bytes);
	memset(bytes + header_bytes, 0x55, seg->payload_bytes);
	sim_trace(w, "side %u gets forged flags %02x seq %u ack %u len %u", s->index, seg->flags,
		  seg->seq, seg->ack, seg->payload_bytes);
	sim_put(w, s->host, &s->flow, bytes, header_bytes + seg->payload_bytes, 0);
}

/* garbage is a segment outside the window with anything in it, or cut short. */
static void
send_garbage(struct sim_world *w, struct sim_side *s, uint32_t seq)
{
	uint8_t bytes[SIM_FORGED_BYTES_MAX];
	uint32_t count = sim_below(w, sizeof(bytes));

	for (uint32_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)mr_rng_next(&w->rng);
	mr_store_be16(bytes, s->flow.remote_port);
	mr_store_be16(bytes + 2, s->flow.local_port);
	mr_store_be32(bytes + 4, seq);
	sim_note(w, SIM_F_forged_garbage);
	sim_trace(w, "side %u gets %u bytes of garbage, flags %02x", s->index, count, bytes[13]);
	sim_put(w, s->host, &s->flow, bytes, count, 0);
}

static void
forge_icmp(struct sim_world *w, const struct sim_side *s, const struct tcp_tcb *t)
{
	bool in_flight = t->snd_una != t->snd_nxt && sim_chance(w, 50);
	struct sim_event e = { .to = s->host,
			       .flow = s->flow,
			       .seq = in_flight ? t->snd_una : t->snd_nxt + sim_below(w, 1 << 30),
			       .mtu = 68 + sim_below(w, 1500) };
	enum mr_tcp_icmp kind = (enum mr_tcp_icmp)sim_below(w, 3);

	/* RFC 9293 3.9.2.2: an opening may be ended by it */
	if (w->strict && in_flight && t->state == MR_TCP_SYN_SENT)
		return;
	sim_note(w, in_flight ? SIM_F_icmp_error : SIM_F_forged_icmp);
	sim_trace(w, "side %u gets an ICMP error %d, %s", s->index, kind,
		  in_flight ? "in flight" : "forged");
	mr_tcp_icmp(w->hosts[e.to].tcp, &e.flow, e.seq, kind, 3, 1, e.mtu);
}

void
sim_icmp(struct sim_world *w, const struct sim_event *e)
{
	mr_tcp_icmp(w->hosts[e->to].tcp, &e->flow, e->seq, MR_TCP_ICMP_TOO_BIG, 3, 4, e->mtu);
}

/* forge_syn: to an open connection it is a nuisance; where a SYN is awaited it is the peer's, so
 * that only a wrong ACK tells the two apart. */
static void
forge_syn(struct sim_world *w, const struct tcp_tcb *t, struct mr_tcp_segment *seg)
{
	seg->flags = MR_TCP_SYN;
	seg->seq = sim_chance(w, 50) ? outside(w, t) : t->rcv_nxt + sim_below(w, window_of(t) + 1);
	seg->mss = (uint16_t)sim_below(w, 1500);
	seg->wscale = (uint8_t)sim_below(w, 15);
	seg->sack_permitted = sim_chance(w, 50);
	if (t->state == MR_TCP_SYN_SENT || sim_chance(w, 50)) {
		seg->flags |= MR_TCP_ACK;
		seg->ack = bad_ack(w, t, true);
	}
	sim_note(w, SIM_F_forged_syn);
}

static void
forge_rst(struct sim_world *w, const struct tcp_tcb *t, struct mr_tcp_segment *seg,
	  enum forgery forgery)
{
	seg->flags = MR_TCP_RST;
	if (forgery == FORGE_RST_EXACT) {
		seg->seq = t->rcv_nxt;
		seg->flags |= MR_TCP_ACK;
		seg->ack = t->snd_nxt;
		sim_note(w, SIM_F_forged_rst_exact);
		return;
	}
	seg->seq = forgery == FORGE_RST_IN ? t->rcv_nxt + 1 + sim_below(w, window_of(t) + 1)
					   : outside(w, t);
	sim_note(w, SIM_F_forged_rst);
}

void
sim_forge(struct sim_world *w, struct sim_side *s)
{
	enum forgery forgery = (enum forgery)sim_below(w, FORGERIES);
	struct tcp_tcb *t = tcb_of(w, s);
	struct mr_tcp_segment seg = { .flags = MR_TCP_ACK,
				      .wnd = (uint16_t)sim_below(w, 65536),
				      .wscale = MR_TCP_WSCALE_NONE };

	if (t == NULL || w->hosts[s->host].dead)
		return;
	if (w->strict && forgery == FORGE_RST_EXACT)
		forgery = FORGE_RST_IN;
	if (forgery == FORGE_GARBAGE && t->state == MR_TCP_SYN_SENT)
		forgery = FORGE_NO_ACK; /* it might be a SYN */
	seg.seq = t->rcv_nxt + sim_below(w, window_of(t) + 1);
	seg.has_ts = (t->flags & TCP_TS) && sim_chance(w, 80);
	seg.tsval = t->ts_recent + sim_below(w, 20000) - 5000;
	seg.ack = t->snd_nxt;
	switch (forgery) {
	case FORGE_RST_IN:
	case FORGE_RST_OUT:
	case FORGE_RST_EXACT:
		forge_rst(w, t, &seg, forgery);
		break;
	case FORGE_SYN:
		forge_syn(w, t, &seg);
		break;
	case FORGE_ACK_FUTURE:
	case FORGE_ACK_PAST:
		seg.ack = bad_ack(w, t, forgery == FORGE_ACK_FUTURE);
		sim_note(w, SIM_F_forged_ack);
		break;
	case FORGE_DATA:
		seg.ack = bad_ack(w, t, sim_chance(w, 50));
		seg.payload_bytes = (uint16_t)(1 + sim_below(w, SIM_FORGED_BYTES_MAX - 1));
		seg.flags |= sim_chance(w, 30) ? MR_TCP_FIN : 0;
		sim_note(w, SIM_F_forged_data);
		break;
	case FORGE_NO_ACK:
		seg.flags = sim_chance(w, 50) ? MR_TCP_FIN : MR_TCP_PSH;
		break;
	case FORGE_GARBAGE:
		send_garbage(w, s, outside(w, t));
		return;
	case FORGE_ICMP:
		forge_icmp(w, s, t);
		return;
	case FORGERIES:
		break;
	}
	send_forged(w, s, &seg);
}

/* ---- what will happen ---- */

static void
plan(struct sim_world *w, struct sim_event *e, uint64_t within_us)
{
	e->at_ns = w->now_ns + 1000ull * sim_below(w, (uint32_t)within_us);
	sim_push(w, e);
}

static void
plan_path(struct sim_world *w, uint32_t host)
{
	if (sim_chance(w, 15)) {
		struct sim_event mtu = { .kind = SIM_LINK_MTU,
					 .to = host,
					 .mtu = (w->v6 ? 1280 : 576) + sim_below(w, 1000) };

		plan(w, &mtu, sim_chance(w, 50) ? 1 : 5000000);
		if (sim_chance(w, 50)) {
			mtu.mtu = 9216;
			plan(w, &mtu, 30000000);
		}
	}
	for (uint32_t i = sim_chance(w, 20) ? 1 + sim_below(w, 4) : 0; i; i--) {
		struct sim_event jump = { .kind = SIM_LINK_DELAY,
					  .to = host,
					  .delay_ns = sim_below(w, 600000) * 1000ull };

		plan(w, &jump, sim_chance(w, 50) ? 1000000 : 20000000);
	}
}

void
sim_hostile_plan(struct sim_world *w)
{
	w->icmp_quiet = sim_chance(w, 30);
	w->reneging = sim_chance(w, 10);
	w->urgent_percent = sim_chance(w, 5) ? 5 : 0;
	for (uint32_t i = 1; i < w->host_count; i++)
		plan_path(w, i);
	for (uint32_t i = sim_chance(w, 25) ? 1 + sim_below(w, 60) : 0; i; i--) {
		struct sim_event forge = { .kind = SIM_FORGE,
					   .to = sim_below(w, 2 * w->pair_count) };

		plan(w, &forge, 1000ull << (2 * sim_below(w, 8)));
	}
	if (w->mortal) {
		struct sim_event death = { .kind = SIM_DEATH,
					   .to = 1 + sim_below(w, w->host_count - 1) };

		plan(w, &death, sim_chance(w, 50) ? 500000 : 20000000);
	}
}

/* ---- what is to be seen ---- */

static const int state_features[MR_TCP_STATES] = {
	[MR_TCP_SYN_SENT] = SIM_F_state_syn_sent,
	[MR_TCP_SYN_RECEIVED] = SIM_F_state_syn_received,
	[MR_TCP_ESTABLISHED] = SIM_F_state_established,
	[MR_TCP_FIN_WAIT_1] = SIM_F_state_fin_wait_1,
	[MR_TCP_FIN_WAIT_2] = SIM_F_state_fin_wait_2,
	[MR_TCP_CLOSE_WAIT] = SIM_F_state_close_wait,
	[MR_TCP_CLOSING] = SIM_F_state_closing,
	[MR_TCP_LAST_ACK] = SIM_F_state_last_ack,
	[MR_TCP_TIME_WAIT] = SIM_F_state_time_wait,
};

static void
look_at(struct sim_world *w, const struct mr_tcp *tcp, const struct tcp_tcb *t)
{
	const struct tcp_tx *tx = tcp_tx(tcp, t);
	bool *f = w->features;

	f[state_features[t->state]] = true;
	f[SIM_F_timer_tlp] |= t->timer == TCP_TIMER_TLP;
	f[SIM_F_timer_reorder] |= t->timer == TCP_TIMER_REORDER;
	f[SIM_F_timer_persist] |= t->timer == TCP_TIMER_PERSIST;
	f[SIM_F_timer_pace] |= t->timer == TCP_TIMER_PACE;
	f[SIM_F_phase_recovery] |= t->phase == TCP_PHASE_RECOVERY;
	f[SIM_F_phase_loss] |= t->phase == TCP_PHASE_LOSS;
	f[SIM_F_phase_cwr] |= t->phase == TCP_PHASE_CWR;
	f[SIM_F_rack_reordering] |= (t->flags & TCP_REORDERING) != 0;
	f[SIM_F_rack_window] |= (t->reo & 15) > 1;
	f[SIM_F_slow_start_left] |= t->cc.ssthresh && t->cc.ssthresh != MR_TCP_SSTHRESH_MAX;
	f[SIM_F_zero_window] |= t->state >= MR_TCP_ESTABLISHED && t->snd_wnd == 0;
	f[SIM_F_backoff] |= t->backoff > 2;
	f[SIM_F_frto_undecided] |= tx && tx->frto == 2;
}

void
sim_look(struct sim_world *w, uint32_t host)
{
	const struct mr_tcp *tcp = w->hosts[host].tcp;

	for (uint32_t conn = 1; conn < tcp->tcbs.fresh; conn++)
		if (!(tcp_tcb(tcp, conn)->generation & 1))
			look_at(w, tcp, tcp_tcb(tcp, conn));
}
