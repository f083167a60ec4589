/* SPDX-License-Identifier: Apache-2.0
 *
 * net/arp - answer for our addresses, learn next hops, notice who claims what is ours.
 *
 * Spec: RFC 826 (packet reception), RFC 5227 1.1, 2.4 (conflicts, announcements).
 */
#include "net/net_int.h"

enum {
	ARP_HTYPE = 0,
	ARP_PTYPE = 2,
	ARP_LENGTHS = 4,
	ARP_OPERATION = 6,
	ARP_SHA = 8,
	ARP_SPA = 14,
	ARP_THA = 18,
	ARP_TPA = 24,
	ARP_REQUEST = 1,
	ARP_REPLY = 2,
};

#define ARP_DEFEND_INTERVAL_NS (10 * MR_NS_PER_S) /* RFC 5227 1.1: DEFEND_INTERVAL */

/* arp_source_valid: 0.0.0.0 asks as a probe (RFC 5227 1.1), which only a request may. */
static bool
arp_source_valid(const uint8_t *spa, bool request)
{
	if (mr_load_be32(spa) == 0)
		return request;
	return spa[0] != 0 && spa[0] != 127 && spa[0] < 224;
}

/* An address of ours in the sender's place: RFC 5227 2.4 (b), defend by one announcement unless we
 * did so lately. */
MR_COLD static enum mr_net_verdict
arp_conflict(struct mr_net *self, struct mr_net_packet *packet, uint64_t now_ns)
{
	uint8_t *arp = packet->bytes + packet->l3_offset;
	const struct mr_mac *own = &self->snapshot->interfaces[packet->interface].mac;
	static const struct mr_mac broadcast = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };

	net_conflict_event(self, &packet->src, arp + ARP_SHA, packet, now_ns);
	if (now_ns < self->arp_defend_ns)
		return net_drop(self, MR_NET_arp_conflict);
	self->arp_defend_ns = now_ns + ARP_DEFEND_INTERVAL_NS;
	net_eth_turn(self, packet, &broadcast);
	mr_store_be16(arp + ARP_OPERATION, ARP_REQUEST);
	memcpy(arp + ARP_SHA, own, MR_MAC_BYTES);
	memset(arp + ARP_THA, 0, MR_MAC_BYTES);
	memcpy(arp + ARP_TPA, arp + ARP_SPA, 4);
	packet->frame_bytes = packet->l3_offset + ARP_BYTES;
	self->tally[MR_NET_arp_defend]++;
	return net_count(self, MR_NET_arp_conflict, MR_NET_REPLY);
}

static enum mr_net_verdict
arp_answer(struct mr_net *self, struct mr_net_packet *packet)
{
	uint8_t *arp = packet->bytes + packet->l3_offset;
	struct mr_mac asker;
	uint8_t spa[4];

	memcpy(&asker, arp + ARP_SHA, MR_MAC_BYTES);
	memcpy(spa, arp + ARP_SPA, 4);
	net_eth_turn(self, packet, &asker);
	mr_store_be16(arp + ARP_OPERATION, ARP_REPLY);
	memcpy(arp + ARP_SHA, &self->snapshot->interfaces[packet->interface].mac, MR_MAC_BYTES);
	memcpy(arp + ARP_SPA, arp + ARP_TPA, 4);
	memcpy(arp + ARP_THA, &asker, MR_MAC_BYTES);
	memcpy(arp + ARP_TPA, spa, 4);
	packet->frame_bytes = packet->l3_offset + ARP_BYTES;
	return net_count(self, MR_NET_arp_request, MR_NET_REPLY);
}

enum mr_net_verdict
arp_input(struct mr_net *self, struct mr_net_packet *packet, uint64_t now_ns)
{
	const uint8_t *arp = packet->bytes + packet->l3_offset;
	uint16_t operation;
	int32_t vip;

	if (packet->frame_bytes < packet->l3_offset + ARP_BYTES)
		return net_drop(self, MR_NET_arp_truncated);
	if (mr_load_be32(arp) != (1u << 16 | ETH_TYPE_V4) ||
	    mr_load_be16(arp + ARP_LENGTHS) != (MR_MAC_BYTES << 8 | 4) ||
	    !net_mac_is_host(net_mac_load(arp + ARP_SHA)))
		return net_drop(self, MR_NET_arp_malformed);
	operation = mr_load_be16(arp + ARP_OPERATION);
	if (operation != ARP_REQUEST && operation != ARP_REPLY)
		return net_punt(self, packet, MR_NET_arp_operation);
	if (!arp_source_valid(arp + ARP_SPA, operation == ARP_REQUEST))
		return net_drop(self, MR_NET_arp_source);
	packet->family = 4;
	packet->src = mr_addr_from_v4(arp + ARP_SPA);
	packet->dst = mr_addr_from_v4(arp + ARP_TPA);
	if (net_vip_find(self->snapshot, &packet->src) >= 0) {
		if (net_own_mac(self->snapshot, arp + ARP_SHA))
			return net_drop(self, MR_NET_eth_loop);
		return arp_conflict(self, packet, now_ns);
	}
	if (operation == ARP_REQUEST) {
		vip = net_vip_find(self->snapshot, &packet->dst);
		if (vip >= 0) {
			packet->vip = (uint16_t)vip;
			return arp_answer(self, packet);
		}
	}
	/* A next hop's reply to us, or its gratuitous announcement in either form. */
	if ((operation == ARP_REPLY || mr_addr_equal(&packet->src, &packet->dst)) &&
	    net_hop_find(self->snapshot, &packet->src, packet->interface, packet->vlan) >= 0) {
		memcpy(&packet->learn_mac, arp + ARP_SHA, MR_MAC_BYTES);
		return net_count(self, MR_NET_arp_learn, MR_NET_LEARN);
	}
	return net_punt(self, packet, MR_NET_arp_other);
}
