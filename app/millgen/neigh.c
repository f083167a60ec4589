/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/neigh - answers and asks for link addresses.
 */
#include "neigh.h"

#include <string.h>

enum {
	NEIGH_ARP_BYTES = 14 + 28,
	NEIGH_ARP_REQUEST = 1,
	NEIGH_ARP_REPLY = 2,
	NEIGH_ND_OFFSET = GEN_ETHER_BYTES + GEN_IPV6_BYTES,
	NEIGH_ND_BYTES = 24,
	NEIGH_ND_OPTION_BYTES = 8,
	NEIGH_ICMPV6 = 58,
	NEIGH_SOLICITATION = 135,
	NEIGH_ADVERTISEMENT = 136,
	NEIGH_OPTION_SOURCE = 1,
	NEIGH_OPTION_TARGET = 2,
	NEIGH_HOP_LIMIT = 255,
};

/* neigh_ours says whether addr is one of the clients'. */
static bool
neigh_ours(const struct gen_neigh *self, const struct mr_addr *addr)
{
	for (uint16_t i = 0; i < self->way_count; i++)
		if (mr_prefix_covers(&self->ways[i]->prefix, addr))
			return true;
	return false;
}

static void
neigh_learn(struct gen_neigh *self, const struct mr_addr *addr, const uint8_t *mac)
{
	for (uint16_t i = 0; i < self->way_count; i++)
		if (mr_addr_equal(&self->hops[i].addr, addr)) {
			memcpy(self->hops[i].mac.bytes, mac, MR_MAC_BYTES);
			self->hops[i].known = true;
		}
}

static uint16_t
neigh_arp(struct gen_neigh *self, uint8_t *frame, uint32_t frame_bytes)
{
	static const uint8_t ethernet_ipv4[6] = { 0, 1, 0x08, 0x00, 6, 4 };
	uint8_t *arp = frame + GEN_ETHER_BYTES;
	struct mr_addr sender, wanted;

	if (frame_bytes < NEIGH_ARP_BYTES || memcmp(arp, ethernet_ipv4, 6) != 0)
		return 0;
	sender = mr_addr_from_v4(arp + 14);
	wanted = mr_addr_from_v4(arp + 24);
	neigh_learn(self, &sender, arp + 8);
	if (mr_load_be16(arp + 6) != NEIGH_ARP_REQUEST || !neigh_ours(self, &wanted) ||
	    mr_addr_equal(&sender, &wanted))
		return 0;
	mr_store_be16(arp + 6, NEIGH_ARP_REPLY);
	memcpy(arp + 18, arp + 8, 10);
	memcpy(arp + 8, self->mac.bytes, MR_MAC_BYTES);
	memcpy(arp + 14, wanted.bytes + 12, 4);
	memcpy(frame, frame + 6, MR_MAC_BYTES);
	memcpy(frame + 6, self->mac.bytes, MR_MAC_BYTES);
	return NEIGH_ARP_BYTES;
}

static void
neigh_nd_checksum(uint8_t *frame, uint16_t nd_bytes)
{
	uint8_t *ip = frame + GEN_ETHER_BYTES, *nd = frame + NEIGH_ND_OFFSET;
	uint64_t sum;
	uint16_t folded;

	memset(nd + 2, 0, 2);
	sum = gen_sum_bytes(0, ip + 8, 32);
	sum = gen_sum_bytes(sum, nd, nd_bytes);
	sum += (uint64_t)__builtin_bswap16(NEIGH_ICMPV6) + __builtin_bswap16(nd_bytes);
	folded = (uint16_t)~gen_sum_fold(sum);
	memcpy(nd + 2, &folded, 2);
}

static bool
neigh_nd_checksum_holds(const uint8_t *frame, uint16_t nd_bytes)
{
	uint64_t sum = gen_sum_bytes(0, frame + GEN_ETHER_BYTES + 8, 32);

	sum = gen_sum_bytes(sum, frame + NEIGH_ND_OFFSET, nd_bytes);
	sum += (uint64_t)__builtin_bswap16(NEIGH_ICMPV6) + __builtin_bswap16(nd_bytes);
	return gen_sum_fold(sum) == 0xffff;
}

/* neigh_option returns the link address that an option of `type` carries, or NULL. */
static const uint8_t *
neigh_option(const uint8_t *nd, uint16_t nd_bytes, uint8_t type)
{
	for (uint16_t at = NEIGH_ND_BYTES; at + NEIGH_ND_OPTION_BYTES <= nd_bytes;
	     at = (uint16_t)(at + nd[at + 1] * 8)) {
		if (nd[at] == type)
			return nd + at + 2;
		if (!nd[at + 1])
			return NULL;
	}
	return NULL;
}

/* neigh_advertise turns a solicitation around. */
static uint16_t
neigh_advertise(const struct gen_neigh *self, uint8_t *frame)
{
	uint8_t *ip = frame + GEN_ETHER_BYTES, *nd = frame + NEIGH_ND_OFFSET;
	static const uint8_t all_nodes[16] = { 0xff, 2, [15] = 1 };
	static const uint8_t all_nodes_mac[6] = { 0x33, 0x33, [5] = 1 };
	static const uint8_t unspecified[16];
	bool probe = memcmp(ip + 8, unspecified, 16) == 0; /* duplicate address detection */

	memcpy(frame, probe ? all_nodes_mac : frame + 6, MR_MAC_BYTES);
	memcpy(frame + 6, self->mac.bytes, MR_MAC_BYTES);
	memcpy(ip + 24, probe ? all_nodes : ip + 8, 16);
	memcpy(ip + 8, nd + 8, 16);
	mr_store_be16(ip + 4, NEIGH_ND_BYTES + NEIGH_ND_OPTION_BYTES);
	ip[7] = NEIGH_HOP_LIMIT;
	nd[0] = NEIGH_ADVERTISEMENT;
	nd[1] = 0;
	mr_store_be32(nd + 4, probe ? 0x20000000 : 0x60000000); /* override; solicited */
	nd[24] = NEIGH_OPTION_TARGET;
	nd[25] = 1;
	memcpy(nd + 26, self->mac.bytes, MR_MAC_BYTES);
	neigh_nd_checksum(frame, NEIGH_ND_BYTES + NEIGH_ND_OPTION_BYTES);
	return NEIGH_ND_OFFSET + NEIGH_ND_BYTES + NEIGH_ND_OPTION_BYTES;
}

static uint16_t
neigh_nd(struct gen_neigh *self, uint8_t *frame, uint32_t frame_bytes)
{
	uint8_t *ip = frame + GEN_ETHER_BYTES, *nd = frame + NEIGH_ND_OFFSET;
	struct mr_addr wanted, sender;
	const uint8_t *mac;
	uint16_t nd_bytes;

	if (frame_bytes < NEIGH_ND_OFFSET + NEIGH_ND_BYTES || ip[0] >> 4 != 6 ||
	    ip[6] != NEIGH_ICMPV6 || ip[7] != NEIGH_HOP_LIMIT || nd[1] != 0)
		return 0;
	nd_bytes = mr_load_be16(ip + 4);
	if (nd_bytes < NEIGH_ND_BYTES || nd_bytes > 128 ||
	    nd_bytes + 0u + NEIGH_ND_OFFSET > frame_bytes ||
	    !neigh_nd_checksum_holds(frame, nd_bytes))
		return 0;
	wanted = mr_addr_from_v6(nd + 8);
	sender = mr_addr_from_v6(ip + 8);
	if (nd[0] == NEIGH_ADVERTISEMENT) {
		mac = neigh_option(nd, nd_bytes, NEIGH_OPTION_TARGET);
		neigh_learn(self, &wanted, mac ? mac : frame + 6);
		return 0;
	}
	if (nd[0] != NEIGH_SOLICITATION)
		return 0;
	mac = neigh_option(nd, nd_bytes, NEIGH_OPTION_SOURCE);
	if (mac)
		neigh_learn(self, &sender, mac);
	return neigh_ours(self, &wanted) ? neigh_advertise(self, frame) : 0;
}

uint16_t
gen_neigh_input(struct gen_neigh *self, uint8_t *frame, uint32_t frame_bytes)
{
	if (frame_bytes < GEN_ETHER_BYTES)
		return 0;
	switch (mr_load_be16(frame + 12)) {
	case GEN_ETHERTYPE_ARP:
		return neigh_arp(self, frame, frame_bytes);
	case GEN_ETHERTYPE_IPV6:
		return neigh_nd(self, frame, frame_bytes);
	default:
		return 0;
	}
}

uint16_t
gen_neigh_ask(const struct gen_neigh *self, uint16_t way_index, uint8_t *frame)
{
	const struct gen_way *way = self->ways[way_index];
	const struct mr_addr *hop = &self->hops[way_index].addr;
	uint8_t *ip = frame + GEN_ETHER_BYTES, *nd = frame + NEIGH_ND_OFFSET;

	memset(frame, 0, GEN_NEIGH_FRAME_BYTES);
	memcpy(frame + 6, self->mac.bytes, MR_MAC_BYTES);
	if (way->family == 4) {
		static const uint8_t request[8] = { 0, 1, 0x08, 0x00, 6, 4, 0, NEIGH_ARP_REQUEST };

		memset(frame, 0xff, MR_MAC_BYTES);
		mr_store_be16(frame + 12, GEN_ETHERTYPE_ARP);
		memcpy(ip, request, sizeof(request));
		memcpy(ip + 8, self->mac.bytes, MR_MAC_BYTES);
		memcpy(ip + 14, way->source.bytes + 12, 4);
		memcpy(ip + 24, hop->bytes + 12, 4);
		return 60; /* the least that Ethernet carries */
	}
	frame[0] = frame[1] = 0x33;
	frame[2] = 0xff;
	memcpy(frame + 3, hop->bytes + 13, 3);
	mr_store_be16(frame + 12, GEN_ETHERTYPE_IPV6);
	ip[0] = 0x60;
	mr_store_be16(ip + 4, NEIGH_ND_BYTES + NEIGH_ND_OPTION_BYTES);
	ip[6] = NEIGH_ICMPV6;
	ip[7] = NEIGH_HOP_LIMIT;
	memcpy(ip + 8, way->source.bytes, 16);
	ip[24] = 0xff; /* ff02::1:ffXX:XXXX, the solicited-node group */
	ip[25] = 2;
	ip[35] = 1;
	ip[36] = 0xff;
	memcpy(ip + 37, hop->bytes + 13, 3);
	nd[0] = NEIGH_SOLICITATION;
	memcpy(nd + 8, hop->bytes, 16);
	nd[24] = NEIGH_OPTION_SOURCE;
	nd[25] = 1;
	memcpy(nd + 26, self->mac.bytes, MR_MAC_BYTES);
	neigh_nd_checksum(frame, NEIGH_ND_BYTES + NEIGH_ND_OPTION_BYTES);
	return NEIGH_ND_OFFSET + NEIGH_ND_BYTES + NEIGH_ND_OPTION_BYTES;
}

bool
gen_neigh_known(const struct gen_neigh *self)
{
	for (uint16_t i = 0; i < self->way_count; i++)
		if (!self->hops[i].known)
			return false;
	return true;
}
