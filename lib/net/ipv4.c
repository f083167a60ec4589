/* SPDX-License-Identifier: Apache-2.0
 *
 * net/ipv4 - verify an IPv4 packet and hand its payload on.
 *
 * Spec: RFC 791 3.1, RFC 1122 3.2.1 and 3.3.6, RFC 6890 2.2.2 (which sources no host has), RFC 7126
 * 4.3 to 4.4 (source routes). A TTL of 0 or 1 is no reason to drop at the destination (RFC 1122
 * 3.2.1.7).
 */
#include "net/net_int.h"

enum {
	V4_OPTION_END = 0,
	V4_OPTION_NOP = 1,
	V4_OPTION_LOOSE_ROUTE = 131,
	V4_OPTION_STRICT_ROUTE = 137,
	V4_FRAGMENT_BITS = 0x3fff, /* more fragments, and the offset */
};

/* ipv4_source_check returns rx_frame, which is no reason, for a source that a host can have. */
static inline enum mr_net_metric
ipv4_source_check(const uint8_t *src)
{
	uint8_t first = src[0];

	if (mr_likely((uint8_t)(first - 1) < 223 && first != 127))
		return MR_NET_rx_frame;
	if (first == 0)
		return MR_NET_v4_source_zero;
	if (first == 127)
		return MR_NET_v4_source_loopback;
	return first < 240 ? MR_NET_v4_source_multicast : MR_NET_v4_source_reserved;
}

/* ipv4_options walks [at .. end); true when the packet may pass. *pointer is the octet at fault. */
MR_COLD static bool
ipv4_options(const uint8_t *header, uint16_t header_bytes, enum mr_net_metric *reason,
	     uint8_t *pointer)
{
	uint16_t at = V4_BYTES;

	for (int i = 0; i < MR_NET_OPTION_MAX && at < header_bytes; i++) {
		uint8_t type = header[at];

		if (type == V4_OPTION_END)
			return true;
		if (type == V4_OPTION_NOP) {
			at++;
			continue;
		}
		*pointer = (uint8_t)at;
		if (type == V4_OPTION_LOOSE_ROUTE || type == V4_OPTION_STRICT_ROUTE) {
			*reason = MR_NET_v4_source_route;
			return false;
		}
		if (at + 2 > header_bytes || header[at + 1] < 2 ||
		    at + header[at + 1] > header_bytes) {
			*reason = MR_NET_v4_options;
			return false;
		}
		at += header[at + 1];
	}
	return true;
}

/* ipv4_header verifies the header and sets the frame's true end; rx_frame means that it is whole.
 */
static inline enum mr_net_metric
ipv4_header(struct mr_net_packet *packet, uint16_t *header_bytes)
{
	const uint8_t *h = packet->bytes + packet->l3_offset;
	uint32_t have = (uint32_t)packet->frame_bytes - packet->l3_offset;
	uint16_t total_bytes;
	uint64_t sum;

	if (mr_unlikely(have < V4_BYTES))
		return MR_NET_v4_truncated;
	if (mr_unlikely(h[0] >> 4 != 4))
		return MR_NET_v4_version;
	*header_bytes = (h[0] & 15) * 4;
	if (mr_unlikely(*header_bytes < V4_BYTES))
		return MR_NET_v4_header_length;
	total_bytes = mr_load_be16(h + 2);
	if (mr_unlikely(total_bytes < *header_bytes))
		return MR_NET_v4_length;
	if (mr_unlikely(total_bytes > have))
		return MR_NET_v4_truncated;
	sum = mr_likely(*header_bytes == V4_BYTES) ? mr_net_sum_bytes(0, h, V4_BYTES)
						   : mr_net_sum_bytes(0, h, *header_bytes);
	if (mr_unlikely(mr_net_sum_fold(sum) != 0xffff))
		return MR_NET_v4_checksum;
	packet->frame_bytes = packet->l3_offset + total_bytes;
	return MR_NET_rx_frame;
}

/* What is legal in form and still not answered; rx_frame lets it pass. */
static inline enum mr_net_metric
ipv4_policy(const struct mr_net *self, const struct mr_net_packet *packet, const uint8_t *h)
{
	enum mr_net_metric reason;

	if (mr_unlikely(packet->link_group))
		return MR_NET_v4_link_group; /* RFC 1122 3.3.6 */
	reason = ipv4_source_check(h + 12);
	if (mr_unlikely(reason != MR_NET_rx_frame))
		return reason;
	if (mr_unlikely(net_vip_find(self->snapshot, &packet->src) >= 0))
		return MR_NET_v4_source_own;
	if (mr_unlikely(mr_load_be16(h + 6) & V4_FRAGMENT_BITS))
		return MR_NET_v4_fragment;
	return MR_NET_rx_frame;
}

enum mr_net_verdict
ipv4_input(struct mr_net *self, struct mr_net_packet *packet, bool rx_checksum_good,
	   uint64_t now_ns)
{
	const uint8_t *h = packet->bytes + packet->l3_offset;
	uint16_t header_bytes, l4_bytes;
	enum mr_net_metric reason = ipv4_header(packet, &header_bytes);
	uint8_t pointer = 0;
	int32_t vip;

	if (mr_unlikely(reason != MR_NET_rx_frame))
		return net_drop(self, reason);
	packet->family = 4;
	net_addr_v4(&packet->src, h + 12);
	net_addr_v4(&packet->dst, h + 16);
	vip = net_vip_find(self->snapshot, &packet->dst);
	if (mr_unlikely(vip < 0))
		return net_punt(self, packet, MR_NET_v4_not_ours);
	reason = ipv4_policy(self, packet, h);
	if (mr_unlikely(reason != MR_NET_rx_frame))
		return net_drop(self, reason);
	packet->vip = (uint16_t)vip;
	packet->protocol = h[9];
	packet->ecn = h[1] & 3;
	packet->l4_offset = packet->l3_offset + header_bytes;
	l4_bytes = packet->frame_bytes - packet->l4_offset;
	if (mr_unlikely(header_bytes > V4_BYTES) &&
	    !ipv4_options(h, header_bytes, &reason, &pointer)) {
		if (reason == MR_NET_v4_source_route)
			return net_drop(self, reason);
		/* RFC 1122 3.2.2.5: a host says which octet it could not read. */
		return icmp_error(self, packet, ICMP_PARAMETER, 0, (uint32_t)pointer << 24, reason,
				  now_ns);
	}
	if (mr_likely(packet->protocol == IPPROTO_UDP))
		return udp_input(self, packet, l4_bytes, rx_checksum_good, now_ns);
	if (packet->protocol == IPPROTO_TCP)
		return tcp_input(self, packet, l4_bytes, rx_checksum_good);
	if (packet->protocol == IPPROTO_ICMP)
		return icmp_input(self, packet, l4_bytes, now_ns);
	if (self->snapshot->interfaces[packet->interface].punts)
		return net_count(self, MR_NET_punt, MR_NET_PUNT);
	return icmp_error(self, packet, ICMP_UNREACHABLE, ICMP_CODE_PROTOCOL, 0, MR_NET_v4_protocol,
			  now_ns);
}
