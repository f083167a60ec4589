/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/net/frames - see frames.h.
 */
#include "frames.h"

#include <stdio.h>
#include <stdlib.h>

const uint8_t peer_mac[6] = { 2, 0xaa, 0, 0, 0, 9 };
const uint8_t broadcast_mac[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
static const uint8_t interface_macs[IF_COUNT][6] = {
	{ 2, 0, 0, 0, 0, 1 }, { 2, 0, 0, 0, 0, 2 }, { 2, 0, 0, 0, 0, 3 }, { 2, 0, 0, 0, 0, 4 }
};

static void
fail(const char *why)
{
	fprintf(stderr, "tests/net: %s\n", why);
	abort();
}

struct mr_addr
addr_of(const char *text)
{
	struct mr_addr a;

	if (mr_addr_parse(text, &a))
		fail(text);
	return a;
}

const uint8_t *
rig_mac(uint16_t interface)
{
	return interface_macs[interface];
}

void
rig_make(struct rig *self, uint32_t icmp_rate_pps)
{
	struct mr_addr vips[VIP_COUNT] = { addr_of(VIP_V4), addr_of(VIP_V6),
					   addr_of(VIP_V4_OTHER) };
	struct mr_net_interface interfaces[IF_COUNT] = {
		[IF_PLAIN] = { .mtu = 1500, .vlan_count = 3, .vlans = { 0, 100, VLAN_PAIR } },
		[IF_PUNT] = { .mtu = 1500, .punts = true },
		[IF_HOP] = { .mtu = 1280, .vlan_count = 2, .vlans = { 0, 7 } },
		[IF_RETYPES] = { .mtu = 1500,
				 .vlan_count = 3,
				 .vlans = { 0, 100, VLAN_PAIR },
				 .retypes_tags = true },
	};
	struct mr_net_service services[] = {
		{ UINT16_MAX, 17, MR_NET_APP_DNS, 53, 53 },
		{ UINT16_MAX, 6, MR_NET_APP_DNS, 53, 53 },
		{ 2, 17, MR_NET_APP_ECHO, 5000, 5010 },
	};
	struct mr_net_next_hop hops[] = { { addr_of(HOP_V4), IF_HOP, 0 },
					  { addr_of(HOP_V6), IF_HOP, 0 } };
	struct mr_net_config config = { vips, VIP_COUNT, interfaces, IF_COUNT,     services,
					3,    hops,      2,          icmp_rate_pps };
	struct mr_error error = { 0 };

	memset(self, 0, sizeof(*self));
	for (int i = 0; i < IF_COUNT; i++)
		memcpy(&interfaces[i].mac, interface_macs[i], 6);
	if (mr_net_snapshot_build(&config, &self->snapshot, &error))
		fail(error.text);
	self->neighbours = mr_net_neighbours_create();
	mr_net_neighbours_set(self->neighbours, hops, 2);
	self->net.snapshot = self->snapshot;
	self->net.neighbours = self->neighbours;
	self->net.metrics = self->metrics;
	self->now_ns = 1000 * MR_NS_PER_S;
}

void
rig_end(struct rig *self)
{
	mr_net_snapshot_free(self->snapshot);
	mr_net_neighbours_destroy(self->neighbours);
	free(self->block);
}

enum mr_net_verdict
rig_input(struct rig *self, uint16_t interface, const uint8_t *bytes, size_t count, size_t room)
{
	enum mr_net_verdict verdict;
	const char *wrong;

	free(self->block);
	self->block = malloc(room ? room : 1);
	memcpy(self->block, bytes, count);
	if (room > count)
		memset(self->block + count, 0xa5, room - count);
	memset(&self->packet, 0x5a, sizeof(self->packet)); /* what is read must have been set */
	self->packet.bytes = self->block;
	self->packet.frame_bytes = (uint16_t)count;
	self->packet.room_bytes = (uint16_t)room;
	self->packet.interface = interface;
	memcpy(self->before, self->metrics, sizeof(self->before));
	verdict = mr_net_input(&self->net, &self->packet, false, self->now_ns);
	mr_net_flush(&self->net);
	(void)rig_outcome(self);
	if (self->packet.frame_bytes > room)
		fail("frame longer than its room");
	if (verdict == MR_NET_REPLY) {
		wrong = frame_check(self->packet.bytes, self->packet.frame_bytes);
		if (wrong)
			fail(wrong);
	}
	return verdict;
}

enum mr_net_metric
rig_outcome(const struct rig *self)
{
	int found = -1;

	for (int i = 0; i < MR_NET_OUTCOME_COUNT; i++) {
		uint64_t added = self->metrics[i] - self->before[i];

		if (added > 1 || (added == 1 && found >= 0))
			fail("one frame counted twice");
		if (added)
			found = i;
	}
	if (found < 0)
		fail("a frame was not counted");
	return (enum mr_net_metric)found;
}

bool
rig_noted(const struct rig *self, enum mr_net_metric note)
{
	return self->metrics[note] != self->before[note];
}

/* ---- frames ---- */

uint16_t
sum_naive(uint32_t sum, const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)sum;
}

static uint16_t
l4_sum(const uint8_t *ip, bool v6, uint8_t protocol, const uint8_t *l4, size_t l4_count)
{
	uint32_t sum = protocol + (uint32_t)(l4_count & 0xffff);

	if (!v6 && protocol == 1)
		return sum_naive(0, l4, l4_count);
	sum = sum_naive(sum, v6 ? ip + 8 : ip + 12, v6 ? 32 : 8);
	return sum_naive(sum, l4, l4_count);
}

static size_t
checksum_at(uint8_t protocol)
{
	return protocol == 17 ? 6 : protocol == 6 ? 16 : 2;
}

void
frame_eth(struct frame *self, uint16_t interface, int vlan, uint16_t type)
{
	memset(self, 0, sizeof(*self));
	memcpy(self->bytes, interface_macs[interface], 6);
	memcpy(self->bytes + 6, peer_mac, 6);
	self->l3 = 14;
	mr_store_be16(self->bytes + 12, type);
	self->count = self->l3;
	if (vlan >= 0)
		frame_tag(self, (uint32_t)vlan);
}

void
frame_tag(struct frame *self, uint32_t vlan)
{
	size_t more = vlan >> 16 ? 8 : 4;

	memmove(self->bytes + 12 + more, self->bytes + 12, self->count - 12);
	if (vlan >> 16) {
		mr_store_be16(self->bytes + 12, 0x88a8);
		mr_store_be16(self->bytes + 14, (uint16_t)(vlan >> 16));
	}
	mr_store_be16(self->bytes + 8 + more, 0x8100);
	mr_store_be16(self->bytes + 10 + more, (uint16_t)vlan);
	self->count += more;
	self->l3 += more;
	self->l4 += more;
}

void
frame_ip(struct frame *self, const char *src, const char *dst, uint8_t protocol, size_t extra_bytes,
	 size_t l4_bytes)
{
	struct mr_addr from = addr_of(src), to = addr_of(dst);
	uint8_t *h = self->bytes + self->l3;

	self->protocol = protocol;
	if (mr_addr_is_v4(&from)) {
		self->l4 = self->l3 + 20 + extra_bytes;
		h[0] = (uint8_t)(0x40 | (20 + extra_bytes) / 4);
		mr_store_be16(h + 2, (uint16_t)(20 + extra_bytes + l4_bytes));
		mr_store_be16(h + 4, 0x1234);
		h[8] = 57;
		h[9] = protocol;
		memcpy(h + 12, from.bytes + 12, 4);
		memcpy(h + 16, to.bytes + 12, 4);
	} else {
		self->l4 = self->l3 + 40 + extra_bytes;
		h[0] = 0x60;
		mr_store_be16(h + 4, (uint16_t)(extra_bytes + l4_bytes));
		h[6] = protocol;
		h[7] = 57;
		memcpy(h + 8, from.bytes, 16);
		memcpy(h + 24, to.bytes, 16);
	}
	self->count = self->l4 + l4_bytes;
}

void
frame_seal(struct frame *self)
{
	uint8_t *ip = self->bytes + self->l3, *l4 = self->bytes + self->l4;
	bool v6 = mr_load_be16(ip - 2) == 0x86dd;
	size_t l4_count = self->count - self->l4;
	uint16_t check;

	if (!v6) {
		mr_store_be16(ip + 10, 0);
		mr_store_be16(ip + 10, (uint16_t)~sum_naive(0, ip, (ip[0] & 15) * 4u));
	}
	if (l4_count < checksum_at(self->protocol) + 2)
		return;
	if (self->protocol == 17)
		l4_count = mr_load_be16(l4 + 4);
	mr_store_be16(l4 + checksum_at(self->protocol), 0);
	check = (uint16_t)~l4_sum(ip, v6, self->protocol, l4, l4_count);
	if (check == 0 && self->protocol == 17)
		check = 0xffff;
	mr_store_be16(l4 + checksum_at(self->protocol), check);
}

static void
fill(uint8_t *at, size_t count)
{
	for (size_t i = 0; i < count; i++)
		at[i] = (uint8_t)(i * 7 + 1);
}

void
frame_udp(struct frame *self, uint16_t interface, int vlan, const char *src, const char *dst,
	  uint16_t src_port, uint16_t dst_port, size_t payload_bytes)
{
	bool v6 = strchr(src, ':') != NULL;

	frame_eth(self, interface, vlan, v6 ? 0x86dd : 0x0800);
	frame_ip(self, src, dst, 17, 0, 8 + payload_bytes);
	mr_store_be16(self->bytes + self->l4, src_port);
	mr_store_be16(self->bytes + self->l4 + 2, dst_port);
	mr_store_be16(self->bytes + self->l4 + 4, (uint16_t)(8 + payload_bytes));
	fill(self->bytes + self->l4 + 8, payload_bytes);
	frame_seal(self);
}

void
frame_tcp(struct frame *self, uint16_t interface, const char *src, const char *dst,
	  uint16_t dst_port, size_t payload_bytes)
{
	bool v6 = strchr(src, ':') != NULL;

	frame_eth(self, interface, -1, v6 ? 0x86dd : 0x0800);
	frame_ip(self, src, dst, 6, 0, 20 + payload_bytes);
	mr_store_be16(self->bytes + self->l4, 40000);
	mr_store_be16(self->bytes + self->l4 + 2, dst_port);
	mr_store_be32(self->bytes + self->l4 + 4, 0x01020304);
	self->bytes[self->l4 + 12] = 5 << 4;
	self->bytes[self->l4 + 13] = 0x02;
	fill(self->bytes + self->l4 + 20, payload_bytes);
	frame_seal(self);
}

void
frame_echo(struct frame *self, uint16_t interface, const char *src, const char *dst,
	   size_t payload_bytes)
{
	bool v6 = strchr(src, ':') != NULL;

	frame_eth(self, interface, -1, v6 ? 0x86dd : 0x0800);
	frame_ip(self, src, dst, v6 ? 58 : 1, 0, 8 + payload_bytes);
	self->bytes[self->l4] = v6 ? 128 : 8;
	mr_store_be32(self->bytes + self->l4 + 4, 0x00070001);
	fill(self->bytes + self->l4 + 8, payload_bytes);
	frame_seal(self);
}

void
frame_arp(struct frame *self, uint16_t interface, uint16_t operation, const char *spa,
	  const char *tpa)
{
	struct mr_addr from = addr_of(spa), to = addr_of(tpa);
	uint8_t *arp = self->bytes + 14;

	frame_eth(self, interface, -1, 0x0806);
	mr_store_be16(arp, 1);
	mr_store_be16(arp + 2, 0x0800);
	arp[4] = 6;
	arp[5] = 4;
	mr_store_be16(arp + 6, operation);
	memcpy(arp + 8, peer_mac, 6);
	memcpy(arp + 14, from.bytes + 12, 4);
	memcpy(arp + 24, to.bytes + 12, 4);
	if (operation == 1)
		memcpy(self->bytes, broadcast_mac, 6);
	self->count = 14 + 28;
}

void
frame_nd(struct frame *self, uint16_t interface, uint8_t type, const char *src, const char *dst,
	 const char *target)
{
	struct mr_addr to = addr_of(dst), about = addr_of(target);
	uint8_t *h;

	frame_eth(self, interface, -1, 0x86dd);
	if (to.bytes[0] == 0xff) {
		self->bytes[0] = self->bytes[1] = 0x33;
		memcpy(self->bytes + 2, to.bytes + 12, 4);
	}
	frame_ip(self, src, dst, 58, 0, 32);
	self->bytes[self->l3 + 7] = 255;
	h = self->bytes + self->l4;
	h[0] = type;
	memcpy(h + 8, about.bytes, 16);
	h[24] = type == 135 ? 1 : 2;
	h[25] = 1;
	memcpy(h + 26, peer_mac, 6);
	frame_seal(self);
}

/* ---- the second opinion ---- */

static const char *
l4_check(const uint8_t *ip, bool v6, uint8_t protocol, const uint8_t *l4, size_t count)
{
	if (protocol == 17) {
		if (count < 8 || mr_load_be16(l4 + 4) != count)
			return "UDP length";
		if (mr_load_be16(l4 + 6) == 0)
			return "UDP checksum is zero";
		if (mr_load_be16(l4) == 0 || mr_load_be16(l4 + 2) == 0)
			return "UDP port 0";
	} else if (protocol == (v6 ? 58 : 1)) {
		if (count < 8)
			return "ICMP cut off";
	} else if (protocol == 6) {
		if (count < 20)
			return "TCP cut off";
	} else
		return "unknown protocol";
	return l4_sum(ip, v6, protocol, l4, count) == 0xffff ? NULL : "L4 checksum";
}

static const char *
v4_check(const uint8_t *ip, size_t count)
{
	if (count < 20 || ip[0] != 0x45)
		return "IPv4 header";
	if (mr_load_be16(ip + 2) != count)
		return "IPv4 total length";
	if (sum_naive(0, ip, 20) != 0xffff)
		return "IPv4 checksum";
	if (mr_load_be16(ip + 6) != 0x4000 || ip[8] != 64)
		return "IPv4 flags or TTL";
	if (ip[12] >= 224 || ip[16] >= 224 || ip[16] == 0 || ip[16] == 127)
		return "IPv4 address";
	return l4_check(ip, false, ip[9], ip + 20, count - 20);
}

static const char *
v6_check(const uint8_t *ip, size_t count)
{
	bool nd;

	if (count < 48 || ip[0] >> 4 != 6)
		return "IPv6 header";
	if (mr_load_be16(ip + 4) != count - 40)
		return "IPv6 payload length";
	nd = ip[6] == 58 && ip[40] >= 133 && ip[40] <= 137;
	if (ip[7] != (nd ? 255 : 64))
		return "IPv6 hop limit";
	if (ip[8] == 0xff || (ip[24] == 0xff && !nd))
		return "IPv6 address";
	return l4_check(ip, true, ip[6], ip + 40, count - 40);
}

static const char *
arp_check(const uint8_t *arp, size_t count, const uint8_t *eth)
{
	static const uint8_t head[6] = { 0, 1, 8, 0, 6, 4 };

	if (count != 28 || memcmp(arp, head, 6) || arp[6] != 0 || arp[7] < 1 || arp[7] > 2)
		return "ARP packet";
	return memcmp(arp + 8, eth + 6, 6) ? "ARP sender is not the frame's" : NULL;
}

const char *
frame_check(const uint8_t *bytes, size_t count)
{
	size_t l3 = 14;
	bool own = false;

	if (count < 14)
		return "runt";
	for (int i = 0; i < IF_COUNT; i++)
		own |= !memcmp(bytes + 6, interface_macs[i], 6);
	if (!own)
		return "source MAC is not ours";
	if (!memcmp(bytes, "\0\0\0\0\0", 6))
		return "destination MAC is zero";
	if (mr_load_be16(bytes + 12) == 0x88a8) {
		if (count < 22 || !mr_load_be16(bytes + 14) || mr_load_be16(bytes + 14) > 4094 ||
		    mr_load_be16(bytes + 16) != 0x8100)
			return "service tag";
		l3 = 18;
	}
	if (mr_load_be16(bytes + l3 - 2) == 0x8100) {
		if (count < l3 + 4 || mr_load_be16(bytes + l3) > 4094)
			return "VLAN tag";
		l3 += 4;
	}
	switch (mr_load_be16(bytes + l3 - 2)) {
	case 0x0800:
		return v4_check(bytes + l3, count - l3);
	case 0x86dd:
		return v6_check(bytes + l3, count - l3);
	case 0x0806:
		return arp_check(bytes + l3, count - l3, bytes);
	default:
		return "EtherType";
	}
}
