/* SPDX-License-Identifier: Apache-2.0
 *
 * net/udp - verify a datagram, find its service, turn the answer around; verify a TCP segment.
 *
 * Spec: RFC 768; RFC 8200 8.1 (no zero checksum over IPv6); RFC 1122 4.1.3; RFC 9293 3.1.
 */
#include "net/net_int.h"

static enum mr_net_verdict
udp_closed(struct mr_net *self, struct mr_net_packet *packet, uint64_t now_ns)
{
	if (self->snapshot->interfaces[packet->interface].punts)
		return net_count(self, MR_NET_punt, MR_NET_PUNT);
	return packet->family == 4 ? icmp_error(self, packet, ICMP_UNREACHABLE, ICMP_CODE_PORT, 0,
						MR_NET_udp_closed_port, now_ns)
				   : icmp_error(self, packet, ICMP6_UNREACHABLE, ICMP6_CODE_PORT, 0,
						MR_NET_udp_closed_port, now_ns);
}

enum mr_net_verdict
udp_input(struct mr_net *self, struct mr_net_packet *packet, uint16_t l4_bytes,
	  bool rx_checksum_good, uint64_t now_ns)
{
	const uint8_t *h = packet->bytes + packet->l4_offset;
	uint16_t udp_bytes;
	uint64_t sum;

	if (mr_unlikely(l4_bytes < UDP_BYTES))
		return net_drop(self, MR_NET_udp_length);
	udp_bytes = mr_load_be16(h + 4);
	/* What lies behind the UDP length and inside the IP length is ignored, as everywhere. */
	if (mr_unlikely(udp_bytes < UDP_BYTES || udp_bytes > l4_bytes))
		return net_drop(self, MR_NET_udp_length);
	if (mr_unlikely(h[6] == 0 && h[7] == 0)) {
		if (packet->family == 6)
			return net_drop(self, MR_NET_udp_zero_checksum);
	} else if (!rx_checksum_good) {
		sum = mr_net_sum_pseudo(&packet->src, &packet->dst, IPPROTO_UDP, udp_bytes);
		if (mr_unlikely(mr_net_sum_fold(mr_net_sum_bytes(sum, h, udp_bytes)) != 0xffff))
			return net_drop(self, MR_NET_udp_checksum);
	}
	packet->src_port = mr_load_be16(h);
	packet->dst_port = mr_load_be16(h + 2);
	if (mr_unlikely(packet->src_port == 0))
		return net_drop(self, MR_NET_udp_source_port);
	packet->app = net_service_find(self->snapshot, packet->vip, IPPROTO_UDP, packet->dst_port);
	if (mr_unlikely(packet->app == MR_NET_APP_NONE))
		return udp_closed(self, packet, now_ns);
	packet->payload_offset = packet->l4_offset + UDP_BYTES;
	packet->payload_bytes = udp_bytes - UDP_BYTES;
	return net_count(self, MR_NET_udp, MR_NET_UDP);
}

uint16_t
mr_net_udp_room(const struct mr_net *self, const struct mr_net_packet *packet)
{
	uint16_t mtu = net_mtu(self->snapshot, packet->interface, packet->vlan);
	uint16_t header_bytes = net_ip_bytes(packet->family) + UDP_BYTES;
	uint16_t by_mtu = mtu > header_bytes ? mtu - header_bytes : 0;
	uint16_t by_buffer = packet->room_bytes - packet->payload_offset;

	return MR_MIN(by_mtu, by_buffer);
}

bool
mr_net_udp_reply(struct mr_net *self, struct mr_net_packet *packet, uint16_t payload_bytes)
{
	uint16_t udp_bytes = UDP_BYTES + payload_bytes;
	uint16_t offset = packet->l3_offset + net_ip_bytes(packet->family) + UDP_BYTES;
	uint64_t sum, head;
	uint16_t check;
	uint8_t *h;

	MR_ASSERT(packet->payload_offset + payload_bytes <= packet->room_bytes);
	/* The question's options and extension headers are not sent back. */
	if (mr_unlikely(offset != packet->payload_offset)) {
		memmove(packet->bytes + offset, packet->bytes + packet->payload_offset,
			payload_bytes);
		packet->payload_offset = offset;
	}
	if (mr_unlikely(!net_turn(self, packet, IPPROTO_UDP, udp_bytes)))
		return false;
	packet->payload_bytes = payload_bytes;
	h = packet->bytes + packet->l4_offset;
	/* Summed in a register: reading back what was just stored in other widths stalls. */
	head = __builtin_bswap64((uint64_t)packet->dst_port << 48 |
				 (uint64_t)packet->src_port << 32 | (uint64_t)udp_bytes << 16);
	sum = mr_net_sum_pseudo(&packet->dst, &packet->src, IPPROTO_UDP, udp_bytes);
	sum = mr_net_sum_bytes(mr_net_sum_add(sum, head), h + UDP_BYTES, payload_bytes);
	check = (uint16_t)~mr_net_sum_fold(sum);
	check = check ? check : 0xffff; /* RFC 768: zero would say that there is none */
	head |= (uint64_t)check << 48;
	memcpy(h, &head, UDP_BYTES);
	self->tally[MR_NET_udp_reply]++;
	return true;
}

enum mr_net_verdict
tcp_input(struct mr_net *self, struct mr_net_packet *packet, uint16_t l4_bytes,
	  bool rx_checksum_good)
{
	const uint8_t *h = packet->bytes + packet->l4_offset;
	uint16_t header_bytes;
	uint64_t sum;

	if (mr_unlikely(l4_bytes < TCP_BYTES))
		return net_drop(self, MR_NET_tcp_length);
	header_bytes = (h[12] >> 4) * 4;
	if (mr_unlikely(header_bytes < TCP_BYTES || header_bytes > l4_bytes))
		return net_drop(self, MR_NET_tcp_length);
	if (!rx_checksum_good) {
		sum = mr_net_sum_pseudo(&packet->src, &packet->dst, IPPROTO_TCP, l4_bytes);
		if (mr_unlikely(mr_net_sum_fold(mr_net_sum_bytes(sum, h, l4_bytes)) != 0xffff))
			return net_drop(self, MR_NET_tcp_checksum);
	}
	packet->src_port = mr_load_be16(h);
	packet->dst_port = mr_load_be16(h + 2);
	if (mr_unlikely(packet->src_port == 0 || packet->dst_port == 0))
		return net_drop(self, MR_NET_tcp_port);
	packet->app = net_service_find(self->snapshot, packet->vip, IPPROTO_TCP, packet->dst_port);
	if (packet->app == MR_NET_APP_NONE && self->snapshot->interfaces[packet->interface].punts)
		return net_count(self, MR_NET_punt, MR_NET_PUNT);
	packet->payload_offset = packet->l4_offset + header_bytes;
	packet->payload_bytes = l4_bytes - header_bytes;
	return net_count(self, MR_NET_tcp, MR_NET_TCP);
}
