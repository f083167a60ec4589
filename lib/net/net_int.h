/* SPDX-License-Identifier: Apache-2.0
 *
 * net/net_int - what the parts of lib/net share: wire offsets, the snapshot's layout, small steps.
 *
 * Owner:  nobody: the snapshot is const, a frame its caller's, struct mr_net its worker's.
 * Thread: as net/net.h says of each. Memory: none but a snapshot's.
 */
#ifndef MR_NET_NET_INT_H
#define MR_NET_NET_INT_H

#include <assert.h>
#include <netinet/in.h>

#include "net/net.h"

enum {
	ETH_BYTES = 14,
	ETH_TYPE_V4 = 0x0800,
	ETH_TYPE_ARP = 0x0806,
	ETH_TYPE_VLAN = 0x8100,
	ETH_TYPE_SERVICE_VLAN = 0x88a8,
	ETH_TYPE_OLD_STACK = 0x9100,
	ETH_TYPE_V6 = 0x86dd,
	VLAN_ID_MASK = 0xfff,

	ARP_BYTES = 28,
	V4_BYTES = 20,
	V6_BYTES = 40,
	UDP_BYTES = 8,
	TCP_BYTES = 20,
	ICMP_BYTES = 8,

	V4_DONT_FRAGMENT = 0x4000,
	V4_ERROR_BYTES = 576,  /* RFC 1812 4.3.2.3: the whole error packet */
	V6_ERROR_BYTES = 1280, /* RFC 4443 2.4 (c) */

	ICMP_ECHO_REPLY = 0,
	ICMP_UNREACHABLE = 3,
	ICMP_ECHO = 8,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETER = 12,
	ICMP_CODE_PROTOCOL = 2,
	ICMP_CODE_PORT = 3,
	ICMP_CODE_TOO_BIG = 4,

	ICMP6_UNREACHABLE = 1,
	ICMP6_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_PARAMETER = 4,
	ICMP6_CODE_PORT = 4,
	ICMP6_INFORMATIONAL = 128, /* types below are errors */
	ICMP6_ECHO = 128,
	ICMP6_ECHO_REPLY = 129,
	ND_ROUTER_SOLICIT = 133,
	ND_ROUTER_ADVERT = 134,
	ND_SOLICIT = 135,
	ND_ADVERT = 136,
	ND_REDIRECT = 137,
	ND_BYTES = 24, /* of a solicitation or advertisement, without options */
	ND_OPTION_SOURCE = 1,
	ND_OPTION_TARGET = 2,
	ND_HOP_LIMIT = 255,
	ND_FLAG_SOLICITED = 0x40,
	ND_FLAG_OVERRIDE = 0x20,

	HOP_NONE = 0xff,
	BUCKET_VIPS = 3,
	NEIGHBOUR_SLOTS = MR_NET_NEXT_HOP_MAX,
};

/* ---- snapshot ---- */

/* One probe, one cache line. A bucket that is not full ends the search. */
struct net_vip_bucket {
	struct mr_addr addrs[BUCKET_VIPS];
	uint16_t vips[BUCKET_VIPS];
	uint16_t count;
	uint8_t reserved[8];
};
static_assert(sizeof(struct net_vip_bucket) == MR_CACHE_LINE, "one probe, one line");

/* A run of struct net_service, sorted by low. */
struct net_service_run {
	uint16_t first, count;
};

struct net_service {
	uint32_t low, high; /* protocol << 16 | port */
	uint32_t app;
};

struct net_interface {
	struct mr_mac mac;
	uint16_t mtu;
	uint16_t vlan_count;
	bool punts, retypes_tags;
	uint32_t vlans[MR_NET_VLAN_MAX];
	uint8_t hops[MR_NET_VLAN_MAX]
		    [2]; /* [vlan index][family is 6]: index in hops, or HOP_NONE */
};

struct net_hop {
	uint64_t key; /* that the neighbour table has it under */
	struct mr_net_next_hop hop;
};

struct mr_net_snapshot {
	/* const after build; reader: any, under RCU */
	struct net_vip_bucket *buckets;
	struct mr_addr *vips;
	struct net_service_run *vip_services; /* of each VIP; services for all are `any` */
	struct net_service *services;
	uint64_t icmp_interval_ns, icmp_burst_ns;
	uint32_t bucket_mask, probe_max;
	struct net_service_run any;
	uint16_t vip_count, interface_count, hop_count;
	bool own_services; /* some VIP has services of its own */
	struct net_interface interfaces[MR_NET_IF_MAX];
	struct net_hop hops[MR_NET_NEXT_HOP_MAX];
};

/* mr_addr_from_v4 by two whole stores: built of bytes it stalls whoever reads it next (5 ns a
 * packet). */
static inline void
net_addr_v4(struct mr_addr *out, const uint8_t *four_bytes)
{
	uint32_t v4;

	memcpy(&v4, four_bytes, 4);
	out->halves[0] = 0;
	out->halves[1] = (uint64_t)v4 << 32 | 0xffff0000u;
}

static inline uint64_t
net_addr_hash(const struct mr_addr *addr)
{
	return mr_hash_fold(mr_hash_fold(0, addr->halves[1]), addr->halves[0]);
}

/* net_vip_find returns the index of addr, or -1. */
static inline int32_t
net_vip_find(const struct mr_net_snapshot *self, const struct mr_addr *addr)
{
	uint32_t at = (uint32_t)net_addr_hash(addr);

	for (uint32_t probe = 0; probe < self->probe_max; probe++, at++) {
		const struct net_vip_bucket *bucket = &self->buckets[at & self->bucket_mask];

		for (uint32_t i = 0; i < bucket->count; i++)
			if (mr_addr_equal(&bucket->addrs[i], addr))
				return bucket->vips[i];
		if (bucket->count < BUCKET_VIPS)
			break;
	}
	return -1;
}

/* net_service_find returns the app of (vip, protocol, port), or MR_NET_APP_NONE. */
uint8_t net_service_find(const struct mr_net_snapshot *self, uint16_t vip, uint8_t protocol,
			 uint16_t port);

/* net_hop_key is never 0. */
uint64_t net_hop_key(const struct mr_net_next_hop *hop);

/* net_hop_find returns the index of the next hop addr on (interface, vlan), or -1. */
int net_hop_find(const struct mr_net_snapshot *self, const struct mr_addr *addr, uint16_t interface,
		 uint32_t vlan);

/* net_neighbour_mac writes the MAC known for key; false when there is none. Any thread. */
bool net_neighbour_mac(const struct mr_net_neighbours *self, uint64_t key, struct mr_mac *out);

/* net_ask_write writes the ARP request or solicitation for hop: to the MAC `known`, or to all when
 * that is zero. Returns its bytes; 0 when no address of ours can ask. Control thread. */
uint16_t net_ask_write(const struct mr_net_snapshot *snapshot, const struct mr_net_next_hop *hop,
		       const struct mr_mac *known, uint8_t *out, uint16_t room_bytes);

/* ---- counting ---- */

static inline enum mr_net_verdict
net_count(struct mr_net *self, enum mr_net_metric outcome, enum mr_net_verdict verdict)
{
	self->tally[outcome]++;
	return verdict;
}

static inline enum mr_net_verdict
net_drop(struct mr_net *self, enum mr_net_metric reason)
{
	return net_count(self, reason, MR_NET_DROP);
}

/* net_punt gives the frame to the kernel where the interface has one behind it, else drops it. */
static inline enum mr_net_verdict
net_punt(struct mr_net *self, const struct mr_net_packet *packet, enum mr_net_metric reason)
{
	if (self->snapshot->interfaces[packet->interface].punts)
		return net_count(self, MR_NET_punt, MR_NET_PUNT);
	return net_drop(self, reason);
}

/* ---- the parts, in the order a frame passes them ---- */

enum mr_net_verdict arp_input(struct mr_net *self, struct mr_net_packet *packet, uint64_t now_ns);
enum mr_net_verdict ipv4_input(struct mr_net *self, struct mr_net_packet *packet,
			       bool rx_checksum_good, uint64_t now_ns);
enum mr_net_verdict ipv6_input(struct mr_net *self, struct mr_net_packet *packet,
			       bool rx_checksum_good, uint64_t now_ns);
enum mr_net_verdict udp_input(struct mr_net *self, struct mr_net_packet *packet, uint16_t l4_bytes,
			      bool rx_checksum_good, uint64_t now_ns);
enum mr_net_verdict tcp_input(struct mr_net *self, struct mr_net_packet *packet, uint16_t l4_bytes,
			      bool rx_checksum_good);
enum mr_net_verdict icmp_input(struct mr_net *self, struct mr_net_packet *packet, uint16_t l4_bytes,
			       uint64_t now_ns);
/* icmp6_input also takes what went to a group address (vip is UINT16_MAX): only discovery may. */
enum mr_net_verdict icmp6_input(struct mr_net *self, struct mr_net_packet *packet,
				uint16_t l4_bytes, uint64_t now_ns);
enum mr_net_verdict nd_input(struct mr_net *self, struct mr_net_packet *packet, uint16_t l4_bytes,
			     uint64_t now_ns);

/* icmp_error turns the packet into an ICMP or ICMPv6 error about itself, or drops it when the rate
 * is spent; `reason` is counted in any case. data is the message's second word. */
MR_COLD enum mr_net_verdict icmp_error(struct mr_net *self, struct mr_net_packet *packet,
				       uint8_t type, uint8_t code, uint32_t data,
				       enum mr_net_metric reason, uint64_t now_ns);

/* icmp_error_read fills packet->error_* from the packet quoted at `inner` and finds the VIP. */
enum mr_net_verdict icmp_error_read(struct mr_net *self, struct mr_net_packet *packet,
				    const uint8_t *inner, uint16_t inner_bytes,
				    enum mr_net_metric accepted);

/* icmp_take takes one token of the bucket *full_ns; false when it is empty. */
bool icmp_take(const struct mr_net_snapshot *snapshot, uint64_t *full_ns, uint64_t now_ns);

/* net_conflict_event tells, at most once a second, that mac claims addr. */
MR_COLD void net_conflict_event(struct mr_net *self, const struct mr_addr *addr, const uint8_t *mac,
				const struct mr_net_packet *packet, uint64_t now_ns);

/* net_mac_load gives the 6 bytes of a MAC address as a number to compare; its lowest bit marks a
 * group (little-endian). */
static inline uint64_t
net_mac_load(const void *mac)
{
	uint32_t head;
	uint16_t tail;

	memcpy(&head, mac, 4);
	memcpy(&tail, (const uint8_t *)mac + 4, 2);
	return head | (uint64_t)tail << 32;
}

/* net_mac_is_host says whether a loaded address can be one interface's: no group's, not nobody's.
 */
static inline bool
net_mac_is_host(uint64_t mac)
{
	return mac != 0 && !(mac & 1);
}

/* net_own_mac says whether one of our interfaces has this address. */
bool net_own_mac(const struct mr_net_snapshot *self, const uint8_t *mac);

/* net_out_mac writes the MAC that answers to packet's source go to; false when it is not known. */
static inline bool
net_out_mac(const struct mr_net *self, const struct mr_net_packet *packet, struct mr_mac *out)
{
	const struct net_interface *interface = &self->snapshot->interfaces[packet->interface];
	uint8_t hop = interface->hops[packet->vlan_index][packet->family == 6];

	if (mr_likely(hop == HOP_NONE) ||
	    (packet->src.bytes[0] == 0xfe && (packet->src.bytes[1] & 0xc0) == 0x80)) {
		memcpy(out, packet->bytes + MR_MAC_BYTES, MR_MAC_BYTES);
		return true;
	}
	return net_neighbour_mac(self->neighbours, self->snapshot->hops[hop].key, out);
}

/* net_eth_turn writes the addresses of an answer; tags and EtherType stay, priority bits do not.
 */
static inline void
net_eth_turn(const struct mr_net *self, struct mr_net_packet *packet, const struct mr_mac *to)
{
	memcpy(packet->bytes, to, MR_MAC_BYTES);
	memcpy(packet->bytes + MR_MAC_BYTES, &self->snapshot->interfaces[packet->interface].mac,
	       MR_MAC_BYTES);
	if (packet->l3_offset == ETH_BYTES)
		return;
	mr_store_be16(packet->bytes + packet->l3_offset - MR_NET_TAG_BYTES,
		      mr_vlan_inner(packet->vlan));
	if (mr_vlan_outer(packet->vlan))
		mr_store_be16(packet->bytes + ETH_BYTES, mr_vlan_outer(packet->vlan));
}

/* net_tags_write writes the tags of vlan, each with the EtherType before it, at the place of the
 * EtherType, and returns the bytes. */
static inline uint16_t
net_tags_write(uint8_t *at, uint32_t vlan)
{
	uint16_t bytes = 0;

	if (mr_vlan_outer(vlan)) {
		mr_store_be16(at, ETH_TYPE_SERVICE_VLAN);
		mr_store_be16(at + 2, mr_vlan_outer(vlan));
		bytes = MR_NET_TAG_BYTES;
	}
	mr_store_be16(at + bytes, ETH_TYPE_VLAN);
	mr_store_be16(at + bytes + 2, mr_vlan_inner(vlan));
	return bytes + MR_NET_TAG_BYTES;
}

/* net_mtu is what an IP packet on vlan may have. One 802.1Q tag is never counted; a pair is, as not
 * all that carry frames allow for it (Linux' packet sockets, and veth by half, do not). */
static inline uint16_t
net_mtu(const struct mr_net_snapshot *self, uint16_t interface, uint32_t vlan)
{
	return self->interfaces[interface].mtu - (mr_vlan_outer(vlan) ? 2 * MR_NET_TAG_BYTES : 0);
}

/* net_ip_write writes an IP header without options in front of l4_bytes; returns its bytes. */
static inline uint16_t
net_ip_write(uint8_t *h, uint8_t family, const struct mr_addr *src, const struct mr_addr *dst,
	     uint8_t protocol, uint8_t ecn, uint8_t hop_limit, uint16_t l4_bytes)
{
	if (family == 4) {
		/* RFC 6864 4.1: an atomic datagram's ID means nothing; 0 with DF set. */
		uint32_t from = src->words[3], to = dst->words[3];
		uint32_t length = __builtin_bswap32(0x45000000u | (uint32_t)ecn << 16 |
						    (V4_BYTES + l4_bytes));
		uint32_t flags = __builtin_bswap32(V4_DONT_FRAGMENT);
		uint32_t life =
			__builtin_bswap32((uint32_t)hop_limit << 24 | (uint32_t)protocol << 16);
		uint64_t sum = (uint64_t)length + flags + life + from + to;
		uint64_t middle;

		/* Summed in registers: reading back what was just stored in other widths stalls. */
		life |= (uint32_t)(uint16_t)~mr_net_sum_fold(sum) << 16;
		sum = length | (uint64_t)flags << 32;
		middle = life | (uint64_t)from << 32;
		memcpy(h, &sum, 8);
		memcpy(h + 8, &middle, 8);
		memcpy(h + 16, &to, 4);
		return V4_BYTES;
	}
	mr_store_be32(h, 0x60000000u | (uint32_t)ecn << 20);
	mr_store_be32(h + 4, (uint32_t)l4_bytes << 16 | (uint32_t)protocol << 8 | hop_limit);
	memcpy(h + 8, src->bytes, 16);
	memcpy(h + 24, dst->bytes, 16);
	return V6_BYTES;
}

/* net_turn writes the Ethernet and IP headers of an answer of l4_bytes lying at l3_offset + 20 or
 * 40; sets l4_offset and frame_bytes. False, counted, when the way out is not known. */
static inline bool
net_turn(struct mr_net *self, struct mr_net_packet *packet, uint8_t protocol, uint16_t l4_bytes)
{
	struct mr_mac to;

	if (mr_unlikely(!net_out_mac(self, packet, &to))) {
		self->tally[MR_NET_tx_unresolved]++;
		return false;
	}
	net_eth_turn(self, packet, &to);
	packet->l4_offset = (uint16_t)(packet->l3_offset +
				       net_ip_write(packet->bytes + packet->l3_offset,
						    packet->family, &packet->dst, &packet->src,
						    protocol, 0, MR_NET_TTL, l4_bytes));
	packet->frame_bytes = (uint16_t)(packet->l4_offset + l4_bytes);
	return true;
}

static inline uint16_t
net_ip_bytes(uint8_t family)
{
	return family == 4 ? V4_BYTES : V6_BYTES;
}

#endif
