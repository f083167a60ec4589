/* SPDX-License-Identifier: Apache-2.0
 *
 * net/announce - frames that nobody asked for: announcements of our addresses, questions for next
 * hops.
 *
 * Spec: RFC 5227 2.3 (ARP announcement), RFC 4861 7.2.2 (solicitation), 7.2.6 (unsolicited
 * advertisement), RFC 2464 7 (group MACs).
 */
#include "net/net_int.h"

static const struct mr_mac broadcast = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };

/* eth_write returns the bytes of the Ethernet header and, for vlan > 0, tags. */
static uint16_t
eth_write(uint8_t *out, const struct mr_mac *to, const struct mr_mac *from, uint32_t vlan,
	  uint16_t type)
{
	uint16_t at = 2 * MR_MAC_BYTES;

	memcpy(out, to, MR_MAC_BYTES);
	memcpy(out + MR_MAC_BYTES, from, MR_MAC_BYTES);
	if (vlan)
		at += net_tags_write(out + at, vlan);
	mr_store_be16(out + at, type);
	return at + 2;
}

static uint16_t
arp_request_write(uint8_t *out, const struct mr_mac *to, const struct mr_mac *from, uint32_t vlan,
		  const uint8_t *spa, const uint8_t *tpa)
{
	uint16_t at = eth_write(out, to, from, vlan, ETH_TYPE_ARP);
	uint8_t *arp = out + at;

	mr_store_be32(arp, 1u << 16 | ETH_TYPE_V4);
	mr_store_be32(arp + 4, MR_MAC_BYTES << 24 | 4 << 16 | 1);
	memcpy(arp + 8, from, MR_MAC_BYTES);
	memcpy(arp + 14, spa, 4);
	memset(arp + 18, 0, MR_MAC_BYTES);
	memcpy(arp + 24, tpa, 4);
	return at + ARP_BYTES;
}

/* nd_write writes a solicitation or advertisement with one link-layer address option, ours. */
static uint16_t
nd_write(uint8_t *out, const struct mr_mac *to, const struct mr_mac *from, uint32_t vlan,
	 const struct mr_addr *src, const struct mr_addr *dst, uint8_t type, uint8_t flags,
	 const struct mr_addr *target)
{
	uint16_t at = eth_write(out, to, from, vlan, ETH_TYPE_V6);
	const uint16_t l4_bytes = ND_BYTES + 8;
	uint8_t *h;
	uint64_t sum;

	at += net_ip_write(out + at, 6, src, dst, IPPROTO_ICMPV6, 0, ND_HOP_LIMIT, l4_bytes);
	h = out + at;
	mr_store_be32(h, (uint32_t)type << 24);
	mr_store_be32(h + 4, (uint32_t)flags << 24);
	memcpy(h + 8, target, 16);
	h[24] = type == ND_SOLICIT ? ND_OPTION_SOURCE : ND_OPTION_TARGET;
	h[25] = 1;
	memcpy(h + 26, from, MR_MAC_BYTES);
	sum = mr_net_sum_pseudo(src, dst, IPPROTO_ICMPV6, l4_bytes);
	mr_net_checksum_store(h + 2, mr_net_sum_bytes(sum, h, l4_bytes));
	return at + l4_bytes;
}

enum { NET_FRAME_MAX = ETH_BYTES + 2 * MR_NET_TAG_BYTES + V6_BYTES + ND_BYTES + 8 };

uint16_t
mr_net_announce(const struct mr_net_snapshot *snapshot, uint16_t interface, uint16_t vlan_index,
		uint16_t vip, uint8_t *out, uint16_t room_bytes)
{
	static const struct mr_addr all_nodes = { .bytes = { 0xff, 2, [15] = 1 } };
	static const struct mr_mac all_nodes_mac = { { 0x33, 0x33, 0, 0, 0, 1 } };
	const struct net_interface *from = &snapshot->interfaces[interface];
	const struct mr_addr *addr;

	if (interface >= snapshot->interface_count || vlan_index >= from->vlan_count ||
	    vip >= snapshot->vip_count || room_bytes < NET_FRAME_MAX)
		return 0;
	addr = &snapshot->vips[vip];
	if (mr_addr_is_v4(addr))
		return arp_request_write(out, &broadcast, &from->mac, from->vlans[vlan_index],
					 addr->bytes + 12, addr->bytes + 12);
	return nd_write(out, &all_nodes_mac, &from->mac, from->vlans[vlan_index], addr, &all_nodes,
			ND_ADVERT, ND_FLAG_OVERRIDE, addr);
}

uint16_t
net_ask_write(const struct mr_net_snapshot *snapshot, const struct mr_net_next_hop *hop,
	      const struct mr_mac *known, uint8_t *out, uint16_t room_bytes)
{
	static const struct mr_mac nobody;
	const struct mr_addr *asker = NULL;
	struct mr_addr group = { .bytes = { 0xff, 2, [11] = 1, [12] = 0xff } };
	struct mr_mac group_mac = { { 0x33, 0x33, 0xff } };
	bool v4 = mr_addr_is_v4(&hop->addr), unicast = memcmp(known, &nobody, MR_MAC_BYTES);
	const struct net_interface *from = &snapshot->interfaces[hop->interface];

	if (hop->interface >= snapshot->interface_count || room_bytes < NET_FRAME_MAX)
		return 0;
	for (uint16_t i = 0; i < snapshot->vip_count && !asker; i++)
		if (mr_addr_is_v4(&snapshot->vips[i]) == v4)
			asker = &snapshot->vips[i];
	if (!asker)
		return 0;
	if (v4)
		return arp_request_write(out, unicast ? known : &broadcast, &from->mac, hop->vlan,
					 asker->bytes + 12, hop->addr.bytes + 12);
	memcpy(group.bytes + 13, hop->addr.bytes + 13, 3);
	memcpy(group_mac.bytes + 3, hop->addr.bytes + 13, 3);
	return nd_write(out, unicast ? known : &group_mac, &from->mac, hop->vlan, asker,
			unicast ? &hop->addr : &group, ND_SOLICIT, 0, &hop->addr);
}
