/* SPDX-License-Identifier: Apache-2.0
 *
 * net/icmp6 - ICMPv6: echo, errors about what we sent, and the door to neighbour discovery.
 *
 * Spec: RFC 4443 2.4, 3, 4.
 */
#include "net/net_int.h"

static enum mr_net_verdict
icmp6_echo(struct mr_net *self, struct mr_net_packet *packet, uint16_t l4_bytes, uint64_t now_ns)
{
	uint8_t *h = packet->bytes + packet->l4_offset, *to;
	uint64_t sum;

	if (!icmp_take(self->snapshot, &self->echo_full_ns, now_ns))
		return net_drop(self, MR_NET_echo_limited);
	to = packet->bytes + packet->l3_offset + V6_BYTES;
	if (to != h)
		memmove(to, h, l4_bytes);
	if (!net_turn(self, packet, IPPROTO_ICMPV6, l4_bytes))
		return net_drop(self, MR_NET_echo_v6);
	to[0] = ICMP6_ECHO_REPLY;
	to[2] = to[3] = 0;
	sum = mr_net_sum_pseudo(&packet->dst, &packet->src, IPPROTO_ICMPV6, l4_bytes);
	mr_net_checksum_store(to + 2, mr_net_sum_bytes(sum, to, l4_bytes));
	return net_count(self, MR_NET_echo_v6, MR_NET_REPLY);
}

enum mr_net_verdict
icmp6_input(struct mr_net *self, struct mr_net_packet *packet, uint16_t l4_bytes, uint64_t now_ns)
{
	const uint8_t *h = packet->bytes + packet->l4_offset;
	uint64_t sum;

	if (l4_bytes < ICMP_BYTES)
		return net_drop(self, MR_NET_icmp_truncated);
	sum = mr_net_sum_pseudo(&packet->src, &packet->dst, IPPROTO_ICMPV6, l4_bytes);
	if (mr_net_sum_fold(mr_net_sum_bytes(sum, h, l4_bytes)) != 0xffff)
		return net_drop(self, MR_NET_icmp_checksum);
	if (h[0] >= ND_ROUTER_SOLICIT && h[0] <= ND_REDIRECT)
		return nd_input(self, packet, l4_bytes, now_ns);
	if (packet->vip == UINT16_MAX)
		return net_punt(self, packet, MR_NET_v6_not_ours);
	if (h[0] == ICMP6_ECHO && h[1] == 0)
		return icmp6_echo(self, packet, l4_bytes, now_ns);
	if (h[0] < ICMP6_UNREACHABLE || h[0] > ICMP6_PARAMETER)
		return net_drop(self, MR_NET_icmp_type);
	packet->error_type = h[0];
	packet->error_code = h[1];
	packet->error_mtu = h[0] == ICMP6_TOO_BIG ? mr_load_be32(h + 4) : 0;
	return icmp_error_read(self, packet, h + ICMP_BYTES, l4_bytes - ICMP_BYTES,
			       MR_NET_icmp_error_v6);
}
