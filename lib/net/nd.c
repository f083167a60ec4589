/* SPDX-License-Identifier: Apache-2.0
 *
 * net/nd - IPv6 neighbour discovery, as much as a host with fixed addresses and next hops needs.
 *
 * Router advertisements and redirects change nothing here: the way out is configuration. They go to
 * the kernel where the interface punts.
 *
 * Spec: RFC 4861 7.1 (validation), 7.2.4 (advertisements sent), 7.2.5 (received); RFC 4862 5.4 (DAD
 * of others); RFC 6980 (no fragment headers).
 */
#include "net/net_int.h"

static const uint8_t nd_all_nodes[16] = { 0xff, 2, [15] = 1 };

/* nd_options finds one link-layer address; *mac is NULL when the option is not there. False: some
 * option's length lies (RFC 4861 7.1: all must be above zero), or it names a group or nobody. */
static bool
nd_options(const uint8_t *at, const uint8_t *end, uint8_t wanted, const uint8_t **mac)
{
	*mac = NULL;
	for (int i = 0; i < MR_NET_OPTION_MAX && at < end; i++) {
		uint16_t option_bytes;

		if (end - at < 8)
			return false;
		option_bytes = at[1] * 8;
		if (option_bytes == 0 || end - at < option_bytes)
			return false;
		if (at[0] == wanted && option_bytes == 8) {
			if (!net_mac_is_host(net_mac_load(at + 2)))
				return false;
			*mac = at + 2;
		}
		at += option_bytes;
	}
	return at == end;
}

/* nd_advert_make turns the solicitation into its answer. */
static enum mr_net_verdict
nd_advert_make(struct mr_net *self, struct mr_net_packet *packet, const struct mr_addr *target,
	       const uint8_t *asker)
{
	const uint16_t l4_bytes = ND_BYTES + 8;
	bool probe = mr_addr_unspecified(&packet->src);
	struct mr_mac to = { { 0x33, 0x33, 0, 0, 0, 1 } };
	uint8_t *h;
	uint64_t sum;

	packet->l4_offset = packet->l3_offset + V6_BYTES;
	if (packet->l4_offset + l4_bytes > packet->room_bytes) {
		self->tally[MR_NET_tx_room]++;
		return net_drop(self, MR_NET_nd_solicit);
	}
	if (!probe)
		memcpy(&to, asker, MR_MAC_BYTES);
	else
		memcpy(packet->src.bytes, nd_all_nodes, 16);
	packet->dst = *target;
	packet->frame_bytes = packet->l4_offset + l4_bytes;
	net_eth_turn(self, packet, &to);
	net_ip_write(packet->bytes + packet->l3_offset, 6, target, &packet->src, IPPROTO_ICMPV6, 0,
		     ND_HOP_LIMIT, l4_bytes);
	h = packet->bytes + packet->l4_offset;
	mr_store_be32(h, (uint32_t)ND_ADVERT << 24);
	mr_store_be32(h + 4, (uint32_t)(ND_FLAG_OVERRIDE | (probe ? 0 : ND_FLAG_SOLICITED)) << 24);
	memcpy(h + 8, target, 16);
	h[24] = ND_OPTION_TARGET;
	h[25] = 1;
	memcpy(h + 26, &self->snapshot->interfaces[packet->interface].mac, MR_MAC_BYTES);
	sum = mr_net_sum_pseudo(target, &packet->src, IPPROTO_ICMPV6, l4_bytes);
	mr_net_checksum_store(h + 2, mr_net_sum_bytes(sum, h, l4_bytes));
	return net_count(self, MR_NET_nd_solicit, MR_NET_REPLY);
}

/* RFC 4861 7.1.1. */
static enum mr_net_verdict
nd_solicit_input(struct mr_net *self, struct mr_net_packet *packet, const uint8_t *h,
		 const uint8_t *end)
{
	bool probe = mr_addr_unspecified(&packet->src);
	struct mr_addr target = mr_addr_from_v6(h + 8);
	const uint8_t *mac;
	uint8_t asker[MR_MAC_BYTES];
	int32_t vip;

	if (!nd_options(h + ND_BYTES, end, ND_OPTION_SOURCE, &mac))
		return net_drop(self, MR_NET_nd_malformed);
	/* A probe goes to the solicited-node group (all-nodes is none) and names no source. */
	if (probe && (mac || packet->dst.bytes[11] != 1))
		return net_drop(self, MR_NET_nd_malformed);
	vip = mr_addr_is_v4(&target) ? -1 : net_vip_find(self->snapshot, &target);
	if (vip < 0)
		return net_punt(self, packet, MR_NET_nd_other);
	packet->vip = (uint16_t)vip;
	memcpy(asker, mac ? mac : packet->bytes + MR_MAC_BYTES, MR_MAC_BYTES);
	return nd_advert_make(self, packet, &target, asker);
}

/* RFC 4861 7.1.2, 7.2.5. */
static enum mr_net_verdict
nd_advert_input(struct mr_net *self, struct mr_net_packet *packet, const uint8_t *h,
		const uint8_t *end, uint64_t now_ns)
{
	struct mr_addr target = mr_addr_from_v6(h + 8);
	const uint8_t *mac;
	struct mr_mac known;
	bool is_known;
	int hop;

	if (!nd_options(h + ND_BYTES, end, ND_OPTION_TARGET, &mac) ||
	    (packet->dst.bytes[0] == 0xff && (h[4] & ND_FLAG_SOLICITED)))
		return net_drop(self, MR_NET_nd_malformed);
	if (!mr_addr_is_v4(&target) && net_vip_find(self->snapshot, &target) >= 0) {
		if (!mac)
			mac = packet->bytes + MR_MAC_BYTES;
		if (net_own_mac(self->snapshot, mac))
			return net_drop(self, MR_NET_eth_loop);
		net_conflict_event(self, &target, mac, packet, now_ns);
		return net_drop(self, MR_NET_nd_conflict);
	}
	hop = mr_addr_is_v4(&target)
		      ? -1
		      : net_hop_find(self->snapshot, &target, packet->interface, packet->vlan);
	if (hop < 0)
		return net_punt(self, packet, MR_NET_nd_other);
	is_known = net_neighbour_mac(self->neighbours, self->snapshot->hops[hop].key, &known);
	/* Without an address it can only confirm what is known. */
	if (!mac && !is_known)
		return net_drop(self, MR_NET_nd_malformed);
	if (mac && is_known && !(h[4] & ND_FLAG_OVERRIDE) && memcmp(mac, &known, MR_MAC_BYTES))
		return net_drop(self, MR_NET_nd_no_override);
	packet->src = target;
	if (mac)
		memcpy(&packet->learn_mac, mac, MR_MAC_BYTES);
	else
		packet->learn_mac = known;
	return net_count(self, MR_NET_nd_learn, MR_NET_LEARN);
}

enum mr_net_verdict
nd_input(struct mr_net *self, struct mr_net_packet *packet, uint16_t l4_bytes, uint64_t now_ns)
{
	const uint8_t *h = packet->bytes + packet->l4_offset, *end = h + l4_bytes;

	if (packet->bytes[packet->l3_offset + 7] != ND_HOP_LIMIT)
		return net_drop(self, MR_NET_nd_hop_limit);
	if (h[1] != 0 || packet->atomic_fragment)
		return net_drop(self, MR_NET_nd_malformed);
	if (h[0] == ND_ROUTER_SOLICIT || h[0] == ND_ROUTER_ADVERT)
		return net_punt(self, packet, MR_NET_nd_router);
	if (h[0] == ND_REDIRECT)
		return net_punt(self, packet, MR_NET_nd_redirect);
	if (l4_bytes < ND_BYTES || h[8] == 0xff ||
	    (h[0] == ND_ADVERT && mr_addr_unspecified(&packet->src)))
		return net_drop(self, MR_NET_nd_malformed);
	return h[0] == ND_SOLICIT ? nd_solicit_input(self, packet, h, end)
				  : nd_advert_input(self, packet, h, end, now_ns);
}
