/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/world - the heap of what is to come, frames on their way, and checks of what leaves.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "sim.h"

enum { TURN_BUDGET = 1000, STUCK_STEP_NS = 200000 };

/* ---- the heap ---- */

static bool
before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

void
sim_push(struct sim_world *w, struct sim_event *event)
{
	uint32_t i = w->heap_count++;

	if (w->heap_count > w->heap_room) {
		w->heap_room = w->heap_room ? 2 * w->heap_room : 1024;
		w->heap = realloc(w->heap, w->heap_room * sizeof(*w->heap));
		MR_ASSERT(w->heap);
	}
	event->order = w->order++;
	for (; i && before(event, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		w->heap[i] = w->heap[(i - 1) / 2];
	w->heap[i] = *event;
}

static struct sim_event
pop(struct sim_world *w)
{
	struct sim_event top = w->heap[0], last = w->heap[--w->heap_count];
	uint32_t i = 0;

	while (true) {
		uint32_t child = 2 * i + 1;

		if (child >= w->heap_count)
			break;
		if (child + 1 < w->heap_count && before(&w->heap[child + 1], &w->heap[child]))
			child++;
		if (!before(&w->heap[child], &last))
			break;
		w->heap[i] = w->heap[child];
		i = child;
	}
	w->heap[i] = last;
	return top;
}

void
sim_app_in(struct sim_world *w, struct sim_side *s, uint64_t in_us)
{
	struct sim_event e = { .at_ns = w->now_ns + in_us * 1000, .kind = SIM_APP, .to = s->index };

	if (s->app_scheduled)
		return;
	s->app_scheduled = true;
	sim_push(w, &e);
}

/* ---- what leaves ---- */

static struct sim_side *
side_by_flow(struct sim_world *w, uint32_t host, const struct mr_tcp_flow *flow)
{
	for (uint32_t i = 2 * w->pair_count; i-- > 0;) { /* the latest first */
		struct sim_side *s = &w->sides[i];

		if (s->started && s->host == host && s->flow.local_port == flow->local_port &&
		    s->flow.remote_port == flow->remote_port &&
		    mr_addr_equal(&s->flow.remote, &flow->remote))
			return s;
	}
	return NULL;
}

static void
check_payload(const struct sim_world *w, const struct sim_side *s, const struct mr_tcp_segment *seg)
{
	uint32_t offset = seg->seq - s->iss - 1, right;

	if (seg->payload_bytes == 0)
		return;
	if (offset + seg->payload_bytes > s->queued)
		sim_fail(w, "side %u: sends %u + %u of %llu", s->index, offset, seg->payload_bytes,
			 (unsigned long long)s->queued);
	right = sim_differ(w, s, offset, seg->payload, seg->payload_bytes);
	if (right < seg->payload_bytes)
		sim_fail(w, "side %u: wrong byte leaves at %u of the stream", s->index,
			 offset + right);
}

static void
check_edges(const struct sim_world *w, struct sim_side *s, struct sim_side *peer,
	    const struct mr_tcp_segment *seg)
{
	uint8_t scale = s->wscale_sent && peer->wscale_sent ? s->wscale : 0;
	uint32_t edge = seg->ack + ((uint32_t)seg->wnd << (seg->flags & MR_TCP_SYN ? 0 : scale));
	uint32_t end = seg->seq + seg->payload_bytes;

	if (s->edge_known && peer->edge_known && seg->payload_bytes &&
	    (int32_t)(end - peer->edge) > 1)
		sim_fail(w, "side %u: sends %u bytes beyond the peer's window", s->index,
			 end - peer->edge);
	if (!(seg->flags & MR_TCP_ACK) || seg->flags & MR_TCP_RST)
		return;
	if (s->edge_known && (int32_t)(edge - s->edge) <= -(1 << scale))
		sim_fail(w, "side %u: its window's edge moves left by %u", s->index,
			 s->edge - edge);
	if (!s->edge_known || (int32_t)(edge - s->edge) > 0)
		s->edge = edge;
	s->edge_known = true;
}

static void
trace_leaving(const struct sim_world *w, uint32_t host, const struct mr_tcp_flow *flow,
	      const struct sim_side *s, const struct mr_tcp_segment *seg)
{
	uint32_t iss = s && s->iss_known ? s->iss : 0, irs = 0;
	char sacks[160] = "";
	int at = 0;

	if (s && w->sides[s->index ^ 1].iss_known)
		irs = w->sides[s->index ^ 1].iss;
	for (uint32_t i = 0; i < seg->sack_count; i++)
		at += snprintf(sacks + at, sizeof(sacks) - (size_t)at, " [%u..%u)",
			       seg->sacks[i].left - irs, seg->sacks[i].right - irs);
	sim_trace(w, "host %u:%u -> :%u %s%s%s%s seq %u ack %u wnd %u len %u%s", host,
		  flow->local_port, flow->remote_port, seg->flags & MR_TCP_SYN ? "S" : "",
		  seg->flags & MR_TCP_FIN ? "F" : "", seg->flags & MR_TCP_RST ? "R" : "",
		  seg->flags & MR_TCP_ACK ? "." : "", seg->seq - iss, seg->ack - irs, seg->wnd,
		  seg->payload_bytes, sacks);
}

static void
check_leaving(struct sim_world *w, uint32_t host, const struct mr_tcp_flow *flow,
	      const uint8_t *bytes, uint32_t byte_count)
{
	struct sim_side *s = side_by_flow(w, host, flow);
	struct mr_tcp_segment seg;

	if (!mr_tcp_segment_parse(bytes, byte_count, &seg))
		sim_fail(w, "a segment leaves that cannot be parsed");
	if (seg.options_broken || byte_count + (w->v6 ? 40u : 20u) > w->hosts[host].config.mtu)
		sim_fail(w, "a segment leaves that is broken or too large");
	if (w->trace)
		trace_leaving(w, host, flow, s, &seg);
	if (s == NULL)
		return;
	if (seg.flags & MR_TCP_SYN) {
		s->wscale_sent = seg.wscale != MR_TCP_WSCALE_NONE;
		s->wscale = s->wscale_sent ? seg.wscale : 0;
		s->iss = seg.seq;
		s->iss_known = true;
	}
	if (!s->iss_known)
		return;
	if (!(seg.flags & MR_TCP_RST))
		check_payload(w, s, &seg);
	/* what a closed side answers is no announcement */
	if (!s->closed)
		check_edges(w, s, &w->sides[s->index ^ 1], &seg);
}

static void
icmp_too_big(struct sim_world *w, uint32_t host, const struct mr_tcp_flow *flow, uint32_t seq,
	     uint32_t mtu)
{
	struct sim_event e = { .at_ns = w->now_ns + 1000000,
			       .kind = SIM_ICMP,
			       .to = host,
			       .flow = *flow,
			       .seq = seq,
			       .mtu = mtu };

	if (!w->icmp_quiet)
		sim_push(w, &e);
	sim_note(w, SIM_F_link_too_big);
	if (w->icmp_quiet)
		sim_note(w, SIM_F_icmp_silent);
}

/* set_urgent is somebody on the way who sets URG and a pointer, and mends the checksum. */
static void
set_urgent(struct sim_world *w, struct sim_event *e)
{
	e->bytes[13] |= MR_TCP_URG;
	mr_store_be16(e->bytes + 16, 0);
	mr_store_be16(e->bytes + 18, (uint16_t)sim_below(w, 65536));
	mr_store_be16(e->bytes + 16, mr_tcp_checksum(&e->flow, e->bytes, e->byte_count));
	sim_note(w, SIM_F_link_urgent);
}

static bool
leads_nowhere(const struct sim_world *w, uint32_t to, uint16_t path)
{
	return path >= SIM_PATH_LIE || (!w->healed && path != w->hosts[to].path);
}

/* path_seen is the path by which a frame of this host seems to come. A side lies once: the stack
 * bears one wrong MAC address, not any number of them. */
static uint16_t
path_seen(struct sim_world *w, uint32_t from, const struct mr_tcp_flow *flow)
{
	struct sim_side *s = w->path_lies && !w->healed && sim_more_chance(w, 10)
				     ? side_by_flow(w, from, flow)
				     : NULL;

	if (s == NULL || s->lied)
		return w->hosts[from].path;
	s->lied = true;
	sim_note(w, SIM_F_path_lie);
	sim_trace(w, "host %u seems to be reached by another path", from);
	return (uint16_t)(SIM_PATH_LIE + s->index);
}

static void
carry(struct sim_world *w, uint32_t from, const struct mr_tcp_out *out, const uint8_t *bytes,
      uint32_t byte_count)
{
	uint32_t to = sim_host_at(w, &out->flow.remote)->index;
	uint32_t ip_bytes = byte_count + (w->v6 ? 40 : 20);
	struct mr_net_link_fate fate;
	struct mr_net_link *link;

	link = from ? &w->hosts[from].up : &w->hosts[to].down;
	if (w->hosts[from].dead || w->hosts[to].dead || leads_nowhere(w, to, out->flow.path))
		return;
	mr_net_link_offer(link, ip_bytes, out->ecn != 0, w->now_ns, &fate);
	if (fate.verdict == MR_NET_LINK_TOO_BIG)
		icmp_too_big(w, from, &out->flow, mr_load_be32(bytes + 4), link->config.mtu);
	for (int i = 0; i < fate.copy_count; i++) {
		int32_t bit = fate.copies[i].corrupt_bit;
		struct sim_event e = {
			.at_ns = fate.copies[i].arrive_ns,
			.kind = SIM_FRAME,
			.to = to,
			.byte_count = byte_count,
			.bytes = malloc(byte_count),
			.ecn = fate.marked ? MR_TCP_CE : out->ecn,
			.flow = { .local = out->flow.remote,
				  .remote = out->flow.local,
				  .local_port = out->flow.remote_port,
				  .remote_port = out->flow.local_port,
				  .path = path_seen(w, from, &out->flow) },
		};

		MR_ASSERT(e.bytes);
		memcpy(e.bytes, bytes, byte_count);
		if (sim_chance(w, w->urgent_percent))
			set_urgent(w, &e);
		if (bit >=
		    0) /* the IP header has its own checksum: only TCP's bytes are of interest */
			e.bytes[(uint32_t)bit / 8 % byte_count] ^= (uint8_t)(1 << bit % 8);
		sim_push(w, &e);
	}
}

bool
sim_output(void *context, const struct mr_tcp_out *out)
{
	struct sim_host *host = context;
	struct sim_world *w = host->world;
	uint8_t bytes[9300];
	uint32_t byte_count = out->header_bytes;
	uint16_t sum;

	if (w->ended)
		return true;
	memcpy(bytes, out->header, out->header_bytes);
	for (int i = 0; i < out->piece_count; i++) {
		memcpy(bytes + byte_count, out->pieces[i].bytes, out->pieces[i].byte_count);
		byte_count += out->pieces[i].byte_count;
	}
	if (byte_count != (uint32_t)out->header_bytes + out->payload_bytes)
		sim_fail(w, "pieces of %u bytes for a payload of %u",
			 byte_count - out->header_bytes, out->payload_bytes);
	if (!w->healed && sim_below(w, 500) == 0) { /* no room in the queue of the port */
		sim_note(w, SIM_F_link_refused);
		return false;
	}
	sum = mr_tcp_checksum(&out->flow, bytes, byte_count);
	mr_store_be16(bytes + 16, sum);
	w->frames++;
	check_leaving(w, host->index, &out->flow, bytes, byte_count);
	if (w->pcap)
		sim_pcap_frame(w->pcap, w->now_ns - w->start_ns, &out->flow, bytes, byte_count);
	carry(w, host->index, out, bytes, byte_count);
	return true;
}

/* ---- what happens ---- */

static void
turn(struct sim_world *w, uint32_t host)
{
	uint64_t reneged = w->hosts[host].metrics[MR_TCP_sack_reneged];

	while (mr_tcp_turn(w->hosts[host].tcp, w->now_ns, TURN_BUDGET) >= TURN_BUDGET)
		;
	if (w->hosts[host].metrics[MR_TCP_sack_reneged] > reneged)
		sim_trace(w, "host %u believes that its peer reneged", host);
}

struct sim_host *
sim_host_at(struct sim_world *w, const struct mr_addr *addr)
{
	for (uint32_t i = 0; i < w->host_count; i++)
		if (mr_addr_equal(&w->hosts[i].addr, addr))
			return &w->hosts[i];
	sim_fail(w, "a segment to nobody");
}

static struct mr_tcp_in
segment_in(const struct mr_tcp_flow *flow, const uint8_t *bytes, uint32_t byte_count, uint8_t ecn)
{
	return (struct mr_tcp_in){ .bytes = bytes,
				   .byte_count = (uint16_t)byte_count,
				   .ecn = ecn,
				   .app = flow->local_port == SIM_SERVER_PORT ? 0 : MR_TCP_APP_NONE,
				   .flow = *flow };
}

void
sim_put(struct sim_world *w, uint32_t host, const struct mr_tcp_flow *flow, const uint8_t *bytes,
	uint32_t byte_count, uint8_t ecn)
{
	struct mr_tcp_in in = segment_in(flow, bytes, byte_count, ecn);

	in.flow.path = sim_host_at(w, &flow->remote)->path;

	mr_tcp_input(w->hosts[host].tcp, &in);
}

/* take gives a host all that its queue holds, as one burst. */
static void
take(struct sim_world *w, uint32_t to)
{
	struct sim_host *host = &w->hosts[to];
	struct mr_tcp_in ins[MR_TCP_BURST_MAX];

	for (uint32_t i = 0; i < host->held_count; i++)
		ins[i] = segment_in(&host->held[i].flow, host->held[i].bytes,
				    host->held[i].byte_count, host->held[i].ecn);
	if (host->held_count && !host->dead)
		mr_tcp_input_burst(host->tcp, ins, host->held_count);
	w->features[SIM_F_link_burst] |= host->held_count > 1;
	for (uint32_t i = 0; i < host->held_count; i++)
		free(host->held[i].bytes);
	host->held_count = 0;
}

/* arrive takes the bytes of the frame. */
static void
arrive(struct sim_world *w, const struct sim_event *e)
{
	struct sim_host *host = &w->hosts[e->to];

	if (host->dead || mr_tcp_checksum(&e->flow, e->bytes, e->byte_count) != 0) {
		free(e->bytes); /* lib/net drops it */
		return;
	}
	host->held[host->held_count++] = *e;
	if (host->moderation_ns == 0 || host->held_count == MR_TCP_BURST_MAX) {
		take(w, e->to);
	} else if (host->held_count == 1) {
		struct sim_event look = { .at_ns = w->now_ns + host->moderation_ns,
					  .kind = SIM_BURST,
					  .to = e->to };

		sim_push(w, &look);
	}
	if (w->reneging && !w->healed && sim_chance(w, 3))
		for (uint32_t i = 0; i < 2 * w->pair_count; i++)
			if (w->sides[i].host == e->to)
				sim_renege(w, &w->sides[i]);
}

static void
heal(struct sim_world *w)
{
	sim_trace(w, "the network heals");
	w->healed = true;
	for (uint32_t i = 1; i < w->host_count; i++)
		for (int k = 0; k < 2; k++) {
			struct mr_net_link_config *c =
				k ? &w->hosts[i].up.config : &w->hosts[i].down.config;

			c->loss_ppm = c->burst_loss_ppm = c->corrupt_ppm = c->duplicate_ppm = 0;
			c->reorder_ppm = c->mark_ppm = 0;
			c->rate_bps = MR_MAX(c->rate_bps, 100000000ull) * (c->rate_bps != 0);
			c->delay_ns = MR_MIN(c->delay_ns, 20 * MR_NS_PER_MS);
		}
	for (uint32_t i = 0; i < 2 * w->pair_count; i++)
		sim_app_in(w, &w->sides[i], 0);
}

static void
link_change(struct sim_world *w, const struct sim_event *e)
{
	struct mr_net_link_config *up = &w->hosts[e->to].up.config;
	struct mr_net_link_config *down = &w->hosts[e->to].down.config;

	if (e->kind == SIM_PATH) {
		w->hosts[e->to].path++;
		sim_note(w, SIM_F_path_change);
		sim_trace(w, "host %u is reached by path %u", e->to, w->hosts[e->to].path);
		if (e->mtu)
			up->mtu = down->mtu = e->mtu;
		return;
	}
	if (e->kind == SIM_LINK_DELAY) {
		up->delay_ns = down->delay_ns = e->delay_ns;
		sim_note(w, SIM_F_link_delay_jump);
		sim_trace(w, "the path's delay becomes %llu us",
			  (unsigned long long)e->delay_ns / 1000);
		return;
	}
	sim_note(w, e->mtu < up->mtu ? SIM_F_link_mtu_down : SIM_F_link_mtu_up);
	up->mtu = down->mtu = e->mtu;
	sim_trace(w, "the path's MTU becomes %u", e->mtu);
}

/* host_of says which host something happens at, or UINT32_MAX. */
static uint32_t
host_of(const struct sim_world *w, const struct sim_event *e)
{
	switch (e->kind) {
	case SIM_FRAME:
	case SIM_BURST:
	case SIM_ICMP:
		return e->to;
	case SIM_APP:
	case SIM_RESUME:
	case SIM_FORGE:
		return w->sides[e->to].host;
	case SIM_REOPEN:
		return w->sides[2 * e->to].host;
	case SIM_HEAL:
	case SIM_LINK_MTU:
	case SIM_LINK_DELAY:
	case SIM_PATH:
	case SIM_DEATH:
		break;
	}
	return UINT32_MAX;
}

static void
happen(struct sim_world *w, struct sim_event *e)
{
	uint32_t host = host_of(w, e);

	if (host != UINT32_MAX)
		turn(w, host);
	switch (e->kind) {
	case SIM_FRAME:
		arrive(w, e);
		break;
	case SIM_BURST:
		take(w, e->to);
		break;
	case SIM_APP:
		w->sides[e->to].app_scheduled = false;
		sim_app(w, &w->sides[e->to]);
		break;
	case SIM_RESUME:
		sim_resume(w, &w->sides[e->to]);
		break;
	case SIM_HEAL:
		heal(w);
		break;
	case SIM_LINK_MTU:
	case SIM_LINK_DELAY:
	case SIM_PATH:
		link_change(w, e);
		break;
	case SIM_ICMP:
		sim_icmp(w, e);
		break;
	case SIM_REOPEN:
		sim_reopen(w, e->to);
		break;
	case SIM_FORGE:
		sim_forge(w, &w->sides[e->to]);
		break;
	case SIM_DEATH:
		sim_trace(w, "host %u is heard of no more", e->to);
		w->hosts[e->to].dead = true;
		sim_note(w, SIM_F_peer_dead);
		break;
	}
	if (host != UINT32_MAX)
		sim_look(w, host);
	if (host != UINT32_MAX && (w->trace || w->events % SIM_AUDIT_EVENTS == 0))
		sim_audit(w, host);
}

static bool
over(const struct sim_world *w)
{
	for (uint32_t i = 0; i < w->host_count; i++) {
		const struct sim_host *h = &w->hosts[i];

		if (h->metrics[MR_TCP_connection_open] || h->metrics[MR_TCP_connection_time_wait])
			return false;
	}
	for (uint32_t i = 0; i < w->heap_count; i++)
		if (w->heap[i].kind == SIM_FRAME || w->heap[i].kind == SIM_BURST ||
		    w->heap[i].kind == SIM_HEAL || w->heap[i].kind == SIM_REOPEN)
			return false;
	return true;
}

void
sim_run(struct sim_world *w)
{
	uint64_t limit_ns = w->heal_ns + 900 * MR_NS_PER_S;

	for (w->events = 0;; w->events++) {
		uint64_t at_ns = w->heap_count ? w->heap[0].at_ns : UINT64_MAX;
		bool timer = false;

		for (uint32_t i = 0; i < w->host_count; i++) {
			uint64_t next_ns =
				MR_MAX(mr_tcp_next_ns(w->hosts[i].tcp), w->now_ns + STUCK_STEP_NS);

			if (next_ns < at_ns &&
			    w->hosts[i].metrics[MR_TCP_connection_open] +
				    w->hosts[i].metrics[MR_TCP_connection_time_wait]) {
				at_ns = next_ns;
				timer = true;
			}
		}
		if (at_ns == UINT64_MAX || (w->healed && over(w)))
			return;
		w->now_ns = at_ns;
		if (at_ns > limit_ns || w->events > SIM_EVENT_MAX)
			sim_fail(w, "does not come to an end: %llu s after the start, %llu events",
				 (unsigned long long)((at_ns - w->start_ns) / MR_NS_PER_S),
				 (unsigned long long)w->events);
		if (timer) {
			for (uint32_t i = 0; i < w->host_count; i++)
				if (mr_tcp_next_ns(w->hosts[i].tcp) <= at_ns) {
					turn(w, i);
					sim_look(w, i);
				}
		} else {
			struct sim_event e = pop(w);

			happen(w, &e);
		}
	}
}
