/* SPDX-License-Identifier: Apache-2.0
 *
 * worker/turn - one burst, from frames to answers, in stages.
 *
 *   frames -> [burst_net] parse, verify, answer what lib/net answers
 *          -> [worker_tcp_burst] all segments of the burst together
 *          -> [burst_dns] answer all queries of the burst together
 *          -> [worker_lanes_flush] give replies to their ports
 */
#include "worker/worker_int.h"

#include <netinet/in.h>
#include <string.h>

enum {
	FRAMES_AHEAD = 6, /* that are fetched while one is read */
	FRAME_LINES = 3,  /* of a usual question and its answer */
};

static void
lane_drop(struct mr_worker *self, struct worker_lane *lane)
{
	self->tally[MR_WORKER_tx_full] += lane->count;
	rte_pktmbuf_free_bulk(lane->pkts, lane->count);
	lane->count = 0;
}

/* lane_keep holds what is left after sent for the next turn: waiting here would stop every other
 * queue of this worker. A port that takes nothing for long (its link is down) loses it. */
MR_COLD static void
lane_keep(struct mr_worker *self, struct worker_lane *lane, uint16_t sent)
{
	lane->full_ns = self->now_ns;
	lane->count -= sent;
	memmove(lane->pkts, lane->pkts + sent, lane->count * sizeof(lane->pkts[0]));
	if (self->now_ns - lane->taken_ns > MR_WORKER_TX_HOLD_MS * MR_NS_PER_MS)
		lane_drop(self, lane);
}

/* lane_flush sends what the lane holds, and returns how many frames have left it. */
static uint32_t
lane_flush(struct mr_worker *self, uint16_t port_index)
{
	struct mr_port *port = self->group->ports[port_index];
	struct worker_lane *lane = &self->lanes[port_index];
	uint16_t sent = 0;

	if (self->index >= port->queue_count) {
		uint16_t owner = self->index % port->queue_count;

		sent = lane->count;
		for (uint16_t i = 0; i < lane->count; i++)
			worker_hand_over(self, owner, lane->pkts[i], port_index, WORKER_OUT);
		lane->count = 0;
		return sent;
	}
	for (int attempt = 0; attempt < MR_WORKER_TX_RETRY && sent < lane->count; attempt++)
		sent += mr_port_tx(port, self->index, lane->pkts + sent, lane->count - sent);
	self->tally[MR_WORKER_tx] += sent;
	self->account.done[MR_STAGE_TX] += sent;
	if (sent)
		lane->taken_ns = self->now_ns;
	if (mr_unlikely(sent < lane->count))
		lane_keep(self, lane, sent);
	else
		lane->count = 0;
	return sent;
}

bool
worker_lane_room(struct mr_worker *self, uint16_t port)
{
	struct worker_lane *lane = &self->lanes[port];

	if (mr_likely(lane->count < LANE_DATA_MAX))
		return true;
	if (lane->full_ns != self->now_ns)
		lane_flush(self, port);
	return lane->count < LANE_DATA_MAX;
}

/* worker_lane_add puts pkt, now frame_bytes long, into the lane of port; a full lane is sent first,
 * and has no room if the port took none. */
void
worker_lane_add(struct mr_worker *self, uint16_t port, struct rte_mbuf *pkt, uint16_t frame_bytes)
{
	struct worker_lane *lane = &self->lanes[port];

	if (mr_unlikely(lane->count == MR_ARRAY_COUNT(lane->pkts)))
		lane_flush(self, port);
	if (mr_unlikely(lane->count == MR_ARRAY_COUNT(lane->pkts))) {
		self->tally[MR_WORKER_tx_full]++;
		rte_pktmbuf_free(pkt);
		return;
	}
	if (!lane->count)
		lane->taken_ns = self->now_ns;
	pkt->data_len = frame_bytes;
	pkt->pkt_len = frame_bytes;
	pkt->ol_flags &= RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL; /* whose the bytes are */
	lane->pkts[lane->count++] = pkt;
}

uint32_t
worker_lanes_flush(struct mr_worker *self)
{
	uint32_t sent = 0;

	for (uint16_t port = 0; port < self->group->port_count; port++)
		if (self->lanes[port].count)
			sent += lane_flush(self, port);
	return sent;
}

/* worker_lanes_drop gives back what is still held when the worker ends. */
void
worker_lanes_drop(struct mr_worker *self)
{
	for (uint16_t port = 0; port < self->group->port_count; port++)
		lane_drop(self, &self->lanes[port]);
}

/* flow_worker says which worker serves this flow when a port has fewer queues than there are
 * workers. */
static uint16_t
flow_worker(const struct mr_worker *self, const struct mr_net_packet *packet,
	    const struct mr_addr *remote)
{
	const struct {
		struct mr_addr src, dst;
		uint64_t ports; /* 64 bits: a hash over padding would not be the flow's alone */
	} flow = { *remote, packet->dst, (uint64_t)packet->src_port << 16 | packet->dst_port };
	static_assert(sizeof(flow) == 40, "no padding");
	uint64_t hash = mr_hash_bytes(&self->group->flow_key, &flow, sizeof(flow));

	return (uint16_t)(((hash & UINT32_MAX) * self->group->worker_count) >> 32);
}

/* segment_worker says whose connection a segment, or an ICMP error about one, belongs to: a port
 * that a worker has opened from says so itself, whatever queue it came by. */
static uint16_t
segment_worker(const struct mr_worker *self, const struct mr_net_packet *packet,
	       const struct mr_addr *remote, bool listened, bool spread)
{
	uint16_t owner =
		listened ? MR_WORKER_MAX : worker_port_owner(self->group, packet->dst_port);

	if (owner < MR_WORKER_MAX)
		return owner;
	return spread ? flow_worker(self, packet, remote) : self->index;
}

/* packet_punt takes pkt as it came: what lib/net reads it leaves as it was. */
static void
packet_punt(struct mr_worker *self, uint16_t port, struct rte_mbuf *pkt)
{
	bool taken = mr_port_punt_give(self->group->ports[port], self->index, pkt);

	self->tally[taken ? MR_WORKER_punt : MR_WORKER_punt_full]++;
}

/* handed_over gives pkt to worker `to`; false when that is this one. */
static bool
handed_over(struct mr_worker *self, uint16_t to, const struct mr_net_packet *packet,
	    struct rte_mbuf *pkt)
{
	if (mr_likely(to == self->index))
		return false;
	worker_hand_over(self, to, pkt, packet->interface, WORKER_IN);
	return true;
}

/* error_input takes an ICMP error about a segment that one of the workers has sent. */
MR_COLD static void
error_input(struct mr_worker *self, const struct mr_net_packet *packet, struct rte_mbuf *pkt,
	    bool spread)
{
	uint16_t to = segment_worker(self, packet, &packet->error_remote, false, spread);

	if (packet->protocol == IPPROTO_TCP && handed_over(self, to, packet, pkt))
		return;
	worker_tcp_icmp(self, packet);
	rte_pktmbuf_free(pkt);
}

MR_COLD static void
packet_learn(struct mr_worker *self, const struct mr_net_packet *packet, struct rte_mbuf *pkt)
{
	worker_note(self, &(struct mr_worker_note){
				  .kind = MR_NOTE_NEIGHBOUR,
				  .mac = packet->learn_mac,
				  .hop = { .addr = packet->src,
					   .interface = packet->interface,
					   .vlan = packet->vlan },
			  });
	/* The router may be the kernel's too: it waits for the same answer. */
	if (self->group->ports[packet->interface]->punt)
		packet_punt(self, packet->interface, pkt);
	else
		rte_pktmbuf_free(pkt);
}

/* query_add makes the next DNS item of the burst out of a datagram. */
static inline void
query_add(struct mr_worker *self, uint16_t item_index, uint16_t packet_index, struct rte_mbuf *pkt)
{
	const struct mr_net_packet *packet = &self->burst.packets[packet_index];
	struct mr_dns_item *item = &self->burst.items[item_index];

	item->message = packet->bytes + packet->payload_offset;
	item->message_bytes = packet->payload_bytes;
	item->room_bytes = mr_net_udp_room(&self->net, packet);
	item->client.addr = packet->src;
	item->client.vip = packet->dst;
	item->client.port = packet->src_port;
	item->client.now_ns = self->now_ns;
	item->client.transport = MR_DNS_UDP;
	item->client.multicast = false; /* lib/net delivers what was sent to a VIP, and only that */
	self->burst.item_pkts[item_index] = pkt;
	self->burst.item_packets[item_index] = packet_index;
}

/* frame_prefetch fetches the lines of a frame that another core or a device has written, to be
 * written: the answer goes where the question is, and a line that is only read first must be asked
 * for twice. Not by __builtin_prefetch, which makes a plain fetch of it for x86-64-v3. */
static inline void
frame_prefetch(struct rte_mbuf *pkt)
{
	const uint8_t *frame = rte_pktmbuf_mtod(pkt, const uint8_t *);

	for (unsigned line = 0; line < FRAME_LINES; line++)
		__asm__ volatile("prefetchw %0" : : "m"(frame[line * MR_CACHE_LINE]));
}

/* burst_net runs every frame through lib/net and returns how many DNS queries wait in burst.items.
 * `spread` is set for frames that came from a port with too few queues. */
static uint16_t
burst_net(struct mr_worker *self, struct rte_mbuf **pkts, const uint16_t *ports, uint16_t count,
	  bool spread)
{
	uint16_t item_count = 0;

	for (uint16_t i = 0; i < count && i < FRAMES_AHEAD; i++)
		frame_prefetch(pkts[i]);
	for (uint16_t i = 0; i < count; i++) {
		struct mr_net_packet *packet = &self->burst.packets[i];
		struct rte_mbuf *pkt = pkts[i];
		bool checksum_good;

		if (i + FRAMES_AHEAD < count)
			frame_prefetch(pkts[i + FRAMES_AHEAD]);
		if (mr_unlikely(pkt->nb_segs > 1 && rte_pktmbuf_linearize(pkt))) {
			self->tally[MR_WORKER_linearise_fail]++;
			rte_pktmbuf_free(pkt);
			continue;
		}
		checksum_good = (pkt->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) ==
				RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		packet->bytes = rte_pktmbuf_mtod(pkt, uint8_t *);
		packet->frame_bytes = pkt->data_len;
		packet->room_bytes = pkt->buf_len - pkt->data_off;
		packet->interface = ports[i];
		switch (mr_net_input(&self->net, packet, checksum_good, self->now_ns)) {
		case MR_NET_UDP:
			if (!spread || !handed_over(self, flow_worker(self, packet, &packet->src),
						    packet, pkt))
				query_add(self, item_count++, i, pkt);
			break;
		case MR_NET_REPLY:
			worker_lane_add(self, ports[i], pkt, packet->frame_bytes);
			break;
		case MR_NET_LEARN:
			packet_learn(self, packet, pkt);
			break;
		case MR_NET_TCP:
			if (!handed_over(self,
					 segment_worker(self, packet, &packet->src,
							packet->app != MR_NET_APP_NONE, spread),
					 packet, pkt))
				worker_tcp_add(self, packet, pkt);
			break;
		case MR_NET_PUNT:
			packet_punt(self, ports[i], pkt);
			break;
		case MR_NET_ICMP_ERROR:
			error_input(self, packet, pkt, spread);
			break;
		case MR_NET_DROP:
			rte_pktmbuf_free(pkt);
			break;
		}
	}
	return item_count;
}

static void
burst_dns(struct mr_worker *self, uint16_t item_count)
{
	mr_dns_answer_burst(&self->dns, self->world->zones, self->burst.items, item_count);
	for (uint16_t i = 0; i < item_count; i++) {
		struct mr_dns_item *item = &self->burst.items[i];
		struct mr_net_packet *packet = &self->burst.packets[self->burst.item_packets[i]];
		struct rte_mbuf *pkt = self->burst.item_pkts[i];

		switch ((enum mr_dns_outcome)item->outcome) {
		case MR_DNS_ANSWER:
			if (mr_net_udp_reply(&self->net, packet, item->answer_bytes))
				worker_lane_add(self, packet->interface, pkt, packet->frame_bytes);
			else
				rte_pktmbuf_free(pkt); /* counted by lib/net */
			break;
		case MR_DNS_DEFER:
			self->tally[MR_WORKER_dns_defer_lost]++;
			rte_pktmbuf_free(pkt);
			break;
		case MR_DNS_DROP:
			rte_pktmbuf_free(pkt);
			break;
		case MR_DNS_TRANSFER: /* only over streams */
			MR_ASSERT(0);
		}
	}
}

static void
burst_serve(struct mr_worker *self, struct rte_mbuf **pkts, const uint16_t *ports, uint16_t count,
	    bool spread)
{
	uint16_t item_count = burst_net(self, pkts, ports, count, spread);
	uint32_t segment_count = self->burst.segment_count;

	worker_stage_end(self, MR_STAGE_NET, count);
	worker_tcp_burst(self);
	worker_stage_end(self, MR_STAGE_TCP, segment_count);
	if (item_count)
		burst_dns(self, item_count);
	mr_dns_flush(&self->dns); /* connections ask too */
	mr_site_server_flush(&self->http);
	mr_net_flush(&self->net);
	worker_stage_end(self, MR_STAGE_DNS, item_count);
	worker_lanes_flush(self);
	worker_stage_end(self, MR_STAGE_TX, 0); /* counted by lane_flush */
}

/* queue_punts sends what the kernel wants sent by this queue: a burst at most. */
static uint16_t
queue_punts(struct mr_worker *self, uint16_t port_index)
{
	struct rte_mbuf *pkts[MR_PUNT_BURST];
	uint16_t count =
		mr_port_punt_take(self->group->ports[port_index], self->index, pkts, MR_PUNT_BURST);

	if (mr_likely(!count))
		return 0;
	for (uint16_t i = 0; i < count; i++)
		worker_lane_add(self, port_index, pkts[i], pkts[i]->data_len);
	self->tally[MR_WORKER_punt_out] += count;
	lane_flush(self, port_index);
	return count;
}

uint32_t
worker_turn_queue(struct mr_worker *self, uint16_t port_index)
{
	const struct mr_port *port = self->group->ports[port_index];
	struct rte_mbuf *pkts[MR_BURST_MAX];
	uint16_t ports[MR_BURST_MAX];
	uint16_t count, punted;

	if (self->index >= port->queue_count)
		return 0;
	punted = queue_punts(self, port_index);
	count = mr_port_rx(port, self->index, pkts, MR_BURST_MAX);
	if (!count)
		return punted;
	for (uint16_t i = 0; i < count; i++)
		ports[i] = port_index;
	self->tally[MR_WORKER_rx] += count;
	worker_stage_end(self, MR_STAGE_RX, count + punted);
	burst_serve(self, pkts, ports, count, port->queue_count < self->group->worker_count);
	return count + punted;
}

uint32_t
worker_turn_dispatch(struct mr_worker *self)
{
	uint32_t done = 0;

	for (uint16_t from = 0; from <= self->group->worker_count; from++) {
		struct rte_ring *ring = self->group->rings[self->index][from];
		void *entries[MR_BURST_MAX];
		struct rte_mbuf *pkts[MR_BURST_MAX];
		uint16_t ports[MR_BURST_MAX];
		uint16_t taken, in_count = 0;

		if (from == self->index)
			continue;
		taken = (uint16_t)rte_ring_sc_dequeue_burst(ring, entries, MR_BURST_MAX, NULL);
		for (uint16_t i = 0; i < taken; i++) {
			struct rte_mbuf *pkt = worker_ring_pkt(entries[i]);
			uint16_t port = worker_ring_port(entries[i]);

			if (worker_ring_direction(entries[i]) == WORKER_OUT) {
				worker_lane_add(self, port, pkt, pkt->data_len);
				continue;
			}
			pkts[in_count] = pkt;
			ports[in_count++] = port;
		}
		worker_stage_end(self, MR_STAGE_RX, taken);
		if (in_count)
			burst_serve(self, pkts, ports, in_count, false);
		else if (taken)
			worker_lanes_flush(self);
		self->tally[MR_WORKER_dispatch_in] += taken;
		done += taken;
	}
	return done;
}
