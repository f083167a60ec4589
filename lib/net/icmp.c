/* SPDX-License-Identifier: Apache-2.0
 *
 * net/icmp - ICMP for IPv4: echo, errors about what we sent; and making errors of both families.
 *
 * Spec: RFC 792; RFC 1122 3.2.2 (never about errors, fragments, groups: fragments and groups do not
 * come this far); RFC 1812 4.3.2.3 and 4.3.2.8; RFC 4443 2.4.
 */
#include "net/net_int.h"

/* A bucket is the time at which it will be full again; a token costs one interval. */
bool
icmp_take(const struct mr_net_snapshot *snapshot, uint64_t *full_ns, uint64_t now_ns)
{
	uint64_t full = MR_MAX(*full_ns, now_ns);

	if (full - now_ns > snapshot->icmp_burst_ns)
		return false;
	*full_ns = full + snapshot->icmp_interval_ns;
	return true;
}

static enum mr_net_verdict
icmp_echo(struct mr_net *self, struct mr_net_packet *packet, uint16_t l4_bytes, uint64_t now_ns)
{
	uint8_t *h = packet->bytes + packet->l4_offset, *to;

	if (!icmp_take(self->snapshot, &self->echo_full_ns, now_ns))
		return net_drop(self, MR_NET_echo_limited);
	to = packet->bytes + packet->l3_offset + V4_BYTES;
	if (to != h)
		memmove(to, h, l4_bytes);
	if (!net_turn(self, packet, IPPROTO_ICMP, l4_bytes))
		return net_drop(self, MR_NET_echo_v4);
	to[0] = ICMP_ECHO_REPLY;
	to[2] = to[3] = 0;
	mr_net_checksum_store(to + 2, mr_net_sum_bytes(0, to, l4_bytes));
	return net_count(self, MR_NET_echo_v4, MR_NET_REPLY);
}

/* icmp_inner_v4 returns the bytes of the quoted header, 0 when it is none of ours to read. */
static uint16_t
icmp_inner_v4(struct mr_net_packet *packet, const uint8_t *inner, uint16_t inner_bytes,
	      struct mr_addr *ours)
{
	uint16_t header_bytes;

	if (inner_bytes < V4_BYTES || inner[0] >> 4 != 4)
		return 0;
	header_bytes = (inner[0] & 15) * 4;
	/* Ports lie in the first fragment only. */
	if (header_bytes < V4_BYTES || (mr_load_be16(inner + 6) & 0x1fff))
		return 0;
	packet->protocol = inner[9];
	*ours = mr_addr_from_v4(inner + 12);
	packet->error_remote = mr_addr_from_v4(inner + 16);
	return header_bytes;
}

static uint16_t
icmp_inner_v6(struct mr_net_packet *packet, const uint8_t *inner, uint16_t inner_bytes,
	      struct mr_addr *ours)
{
	if (inner_bytes < V6_BYTES || inner[0] >> 4 != 6)
		return 0;
	packet->protocol = inner[6]; /* we send no extension headers */
	*ours = mr_addr_from_v6(inner + 8);
	packet->error_remote = mr_addr_from_v6(inner + 24);
	return V6_BYTES;
}

enum mr_net_verdict
icmp_error_read(struct mr_net *self, struct mr_net_packet *packet, const uint8_t *inner,
		uint16_t inner_bytes, enum mr_net_metric accepted)
{
	uint16_t header_bytes;
	struct mr_addr ours;
	int32_t vip;

	header_bytes = packet->family == 4 ? icmp_inner_v4(packet, inner, inner_bytes, &ours)
					   : icmp_inner_v6(packet, inner, inner_bytes, &ours);
	/* RFC 792: 64 bits of what followed the header are always quoted. */
	if (!header_bytes || inner_bytes < header_bytes + 8)
		return net_drop(self, MR_NET_icmp_inner);
	vip = net_vip_find(self->snapshot, &ours);
	if (vip < 0)
		return net_drop(self, MR_NET_icmp_inner_foreign);
	packet->vip = (uint16_t)vip;
	packet->dst = ours;
	packet->src_port = packet->dst_port = 0;
	packet->error_seq = 0;
	if (packet->protocol == IPPROTO_TCP || packet->protocol == IPPROTO_UDP) {
		packet->dst_port = mr_load_be16(inner + header_bytes);
		packet->src_port = mr_load_be16(inner + header_bytes + 2);
	}
	if (packet->protocol == IPPROTO_TCP)
		packet->error_seq = mr_load_be32(inner + header_bytes + 4);
	return net_count(self, accepted, MR_NET_ICMP_ERROR);
}

enum mr_net_verdict
icmp_input(struct mr_net *self, struct mr_net_packet *packet, uint16_t l4_bytes, uint64_t now_ns)
{
	const uint8_t *h = packet->bytes + packet->l4_offset;

	if (l4_bytes < ICMP_BYTES)
		return net_drop(self, MR_NET_icmp_truncated);
	if (mr_net_sum_fold(mr_net_sum_bytes(0, h, l4_bytes)) != 0xffff)
		return net_drop(self, MR_NET_icmp_checksum);
	if (h[0] == ICMP_ECHO && h[1] == 0)
		return icmp_echo(self, packet, l4_bytes, now_ns);
	if (h[0] != ICMP_UNREACHABLE && h[0] != ICMP_TIME_EXCEEDED && h[0] != ICMP_PARAMETER)
		return net_drop(self, MR_NET_icmp_type);
	packet->error_type = h[0];
	packet->error_code = h[1];
	packet->error_mtu =
		h[0] == ICMP_UNREACHABLE && h[1] == ICMP_CODE_TOO_BIG ? mr_load_be16(h + 6) : 0;
	return icmp_error_read(self, packet, h + ICMP_BYTES, l4_bytes - ICMP_BYTES,
			       MR_NET_icmp_error_v4);
}

/* RFC 1122 3.2.2: an error is never about an error. IPv6's walk has seen to that in lib/net/ipv6.
 */
static bool
icmp_is_error(const struct mr_net_packet *packet)
{
	uint8_t type;

	if (packet->family != 4 || packet->protocol != IPPROTO_ICMP)
		return false;
	if (packet->frame_bytes <= packet->l4_offset)
		return true;
	type = packet->bytes[packet->l4_offset];
	return type != ICMP_ECHO && type != ICMP_ECHO_REPLY;
}

enum mr_net_verdict
icmp_error(struct mr_net *self, struct mr_net_packet *packet, uint8_t type, uint8_t code,
	   uint32_t data, enum mr_net_metric reason, uint64_t now_ns)
{
	bool v4 = packet->family == 4;
	uint16_t head_bytes = net_ip_bytes(packet->family) + ICMP_BYTES;
	uint32_t quote_bytes = (uint32_t)packet->frame_bytes - packet->l3_offset;
	uint32_t room_bytes = (uint32_t)packet->room_bytes - packet->l3_offset;
	uint8_t *quote = packet->bytes + packet->l3_offset, *h = quote + head_bytes - ICMP_BYTES;
	uint32_t least_bytes = (uint32_t)(packet->l4_offset - packet->l3_offset) + 8;
	uint64_t sum = 0;
	uint16_t l4_bytes;

	self->tally[reason]++;
	if (icmp_is_error(packet))
		return MR_NET_DROP;
	room_bytes = MR_MIN(room_bytes, (uint32_t)(v4 ? V4_ERROR_BYTES : V6_ERROR_BYTES));
	least_bytes = MR_MIN(least_bytes, quote_bytes);
	if (room_bytes < head_bytes + least_bytes) {
		self->tally[MR_NET_tx_room]++;
		return MR_NET_DROP;
	}
	if (!icmp_take(self->snapshot, &self->icmp_error_full_ns, now_ns)) {
		self->tally[MR_NET_icmp_error_limited]++;
		return MR_NET_DROP;
	}
	quote_bytes = MR_MIN(quote_bytes, room_bytes - head_bytes);
	memmove(quote + head_bytes, quote, quote_bytes);
	l4_bytes = (uint16_t)(ICMP_BYTES + quote_bytes);
	if (!net_turn(self, packet, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, l4_bytes))
		return MR_NET_DROP;
	mr_store_be32(h, (uint32_t)type << 24 | (uint32_t)code << 16);
	mr_store_be32(h + 4, data);
	if (!v4)
		sum = mr_net_sum_pseudo(&packet->dst, &packet->src, IPPROTO_ICMPV6, l4_bytes);
	mr_net_checksum_store(h + 2, mr_net_sum_bytes(sum, h, l4_bytes));
	self->tally[MR_NET_icmp_error_tx]++;
	return MR_NET_REPLY;
}
