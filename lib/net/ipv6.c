/* SPDX-License-Identifier: Apache-2.0
 *
 * net/ipv6 - verify an IPv6 packet, walk its extension headers, hand its payload on.
 *
 * Spec: RFC 8200 4 (extension headers), RFC 5095 (routing type 0 is as unknown as any other), RFC
 * 6946 (atomic fragments), RFC 8504 5.3 (bounds on headers and options), RFC 4443 3.4.
 */
#include "net/net_int.h"

enum {
	NEXT_HOP_BY_HOP = 0,
	NEXT_ROUTING = 43,
	NEXT_FRAGMENT = 44,
	NEXT_NONE = 59,
	NEXT_DESTINATION = 60,
	FRAGMENT_BITS = 0xfff9, /* offset, and more fragments */
	OPTION_PAD1 = 0,
	PARAMETER_FIELD = 0,
	PARAMETER_NEXT_HEADER = 1,
	PARAMETER_OPTION = 2,
	OPTION_SKIP = 0,
	OPTION_DISCARD = 1,
	OPTION_TELL = 2, /* 3 tells unicast only; we never tell a group */
};

/* Where the walk stands, and how it failed. */
struct ext_walk {
	uint16_t at, end;    /* from the IP header */
	uint16_t next_field; /* where `next` was named */
	uint8_t next;
	uint8_t options_left; /* of MR_NET_OPTION_MAX */
	enum mr_net_metric reason;
	bool tell; /* by a parameter problem of `code` at `pointer` */
	uint8_t code;
	uint16_t pointer;
};

static bool
ext_fail(struct ext_walk *walk, enum mr_net_metric reason)
{
	walk->reason = reason;
	return false;
}

static bool
ext_fail_telling(struct ext_walk *walk, enum mr_net_metric reason, uint8_t code, uint16_t pointer)
{
	walk->tell = true;
	walk->code = code;
	walk->pointer = pointer;
	return ext_fail(walk, reason);
}

static bool
ext_options(struct ext_walk *walk, const uint8_t *ip, uint16_t end)
{
	uint16_t at = walk->at + 2;

	while (at < end) {
		if (walk->options_left-- == 0)
			return ext_fail(walk, MR_NET_v6_extension_bound);
		if (ip[at] == OPTION_PAD1) {
			at++;
			continue;
		}
		if (at + 2 > end || at + 2 + ip[at + 1] > end)
			return ext_fail_telling(walk, MR_NET_v6_option_malformed, PARAMETER_FIELD,
						MR_MIN(at + 1, end - 1));
		/* PadN is 1, and like all that we do not know it may be skipped: the top bits say.
		 */
		switch (ip[at] >> 6) {
		case OPTION_SKIP:
			break;
		case OPTION_DISCARD:
			return ext_fail(walk, MR_NET_v6_option);
		default:
			return ext_fail_telling(walk, MR_NET_v6_option, PARAMETER_OPTION, at);
		}
		at += 2 + ip[at + 1];
	}
	return true;
}

/* ext_step passes one extension header; false leaves the reason in walk. */
static bool
ext_step(struct ext_walk *walk, const uint8_t *ip, bool first, bool *fragment)
{
	uint16_t ext_bytes;
	const uint8_t *ext = ip + walk->at;

	if (walk->next == NEXT_HOP_BY_HOP && !first)
		return ext_fail_telling(walk, MR_NET_v6_extension_order, PARAMETER_NEXT_HEADER,
					walk->next_field);
	if (walk->end - walk->at < 8)
		return ext_fail(walk, MR_NET_v6_extension_truncated);
	ext_bytes = walk->next == NEXT_FRAGMENT ? 8 : (uint16_t)((ext[1] + 1) * 8);
	if (walk->end - walk->at < ext_bytes)
		return ext_fail(walk, MR_NET_v6_extension_truncated);
	switch (walk->next) {
	case NEXT_FRAGMENT:
		if (mr_load_be16(ext + 2) & FRAGMENT_BITS)
			return ext_fail(walk, MR_NET_v6_fragment);
		*fragment = true;
		break;
	case NEXT_ROUTING:
		if (ext[3] != 0)
			return ext_fail_telling(walk, MR_NET_v6_routing, PARAMETER_FIELD,
						walk->at + 2);
		break;
	default:
		if (!ext_options(walk, ip, walk->at + ext_bytes))
			return false;
	}
	walk->next = ext[0];
	walk->next_field = walk->at;
	walk->at += ext_bytes;
	return true;
}

static bool
ext_is_header(uint8_t next)
{
	return next == NEXT_HOP_BY_HOP || next == NEXT_DESTINATION || next == NEXT_ROUTING ||
	       next == NEXT_FRAGMENT;
}

/* ext_walk_all stops at the upper-layer header. */
MR_COLD static bool
ext_walk_all(struct ext_walk *walk, const uint8_t *ip, bool *fragment)
{
	for (int i = 0; i < MR_NET_EXT_HEADER_MAX; i++) {
		if (!ext_step(walk, ip, i == 0, fragment))
			return false;
		if (!ext_is_header(walk->next))
			return true;
	}
	return ext_fail(walk, MR_NET_v6_extension_bound);
}

/* RFC 4443 2.4 (e.1), (e.2): no error about an error or a redirect. The walk failed before its end,
 * so it goes on here over lengths alone, to see what the packet carries; what cannot be seen is
 * taken for an error. */
MR_COLD static bool
ext_carries_error(struct ext_walk walk, const uint8_t *ip)
{
	for (int i = 0; i < MR_NET_EXT_HEADER_MAX && ext_is_header(walk.next); i++) {
		uint16_t ext_bytes;

		if (walk.end - walk.at < 8)
			return true;
		ext_bytes = walk.next == NEXT_FRAGMENT ? 8 : (uint16_t)((ip[walk.at + 1] + 1) * 8);
		walk.next = ip[walk.at];
		walk.at += ext_bytes;
		if (walk.at > walk.end)
			return true;
	}
	if (walk.next != IPPROTO_ICMPV6)
		return ext_is_header(walk.next);
	return walk.at >= walk.end || ip[walk.at] < ICMP6_INFORMATIONAL ||
	       ip[walk.at] == ND_REDIRECT;
}

MR_COLD static enum mr_net_verdict
ipv6_refuse(struct mr_net *self, struct mr_net_packet *packet, const struct ext_walk *walk,
	    uint64_t now_ns)
{
	packet->l4_offset = packet->l3_offset + walk->at;
	if (!walk->tell || packet->vip == UINT16_MAX ||
	    ext_carries_error(*walk, packet->bytes + packet->l3_offset))
		return net_drop(self, walk->reason);
	return icmp_error(self, packet, ICMP6_PARAMETER, walk->code, walk->pointer, walk->reason,
			  now_ns);
}

static inline bool
addr_is_mapped(const uint8_t *addr)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(addr, mapped, sizeof(mapped));
}

/* ipv6_source_check returns rx_frame for a source that a host can have; `::` too when the packet
 * went to a group, where only duplicate address detection will take it. */
static inline enum mr_net_metric
ipv6_source_check(const struct mr_net *self, const struct mr_net_packet *packet)
{
	const struct mr_addr *src = &packet->src;

	if (mr_unlikely(src->halves[0] == 0)) {
		uint64_t low = __builtin_bswap64(src->halves[1]);

		if (low == 0 && packet->vip != UINT16_MAX)
			return MR_NET_v6_source_unspecified;
		if (low == 1)
			return MR_NET_v6_source_loopback;
	}
	if (mr_unlikely(src->bytes[0] == 0xff))
		return MR_NET_v6_source_multicast;
	if (mr_unlikely(net_vip_find(self->snapshot, src) >= 0))
		return MR_NET_v6_source_own;
	return MR_NET_rx_frame;
}

/* The groups that a host with only VIPs is in: all-nodes, and each VIP's solicited-node group. */
static bool
ipv6_group_wanted(const uint8_t *dst)
{
	static const uint8_t all_nodes[16] = { 0xff, 2, [15] = 1 };
	static const uint8_t solicited[13] = { 0xff, 2, [11] = 1, [12] = 0xff };

	return !memcmp(dst, all_nodes, sizeof(all_nodes)) ||
	       !memcmp(dst, solicited, sizeof(solicited));
}

/* ipv6_header verifies the header, fills addresses and vip; false leaves the verdict. */
static inline bool
ipv6_header(struct mr_net *self, struct mr_net_packet *packet, enum mr_net_verdict *verdict)
{
	const uint8_t *h = packet->bytes + packet->l3_offset;
	uint32_t have = (uint32_t)packet->frame_bytes - packet->l3_offset;
	enum mr_net_metric reason;
	int32_t vip;

	reason = have < V6_BYTES                                   ? MR_NET_v6_truncated
		 : h[0] >> 4 != 6                                  ? MR_NET_v6_version
		 : V6_BYTES + (uint32_t)mr_load_be16(h + 4) > have ? MR_NET_v6_truncated
		 : addr_is_mapped(h + 8) || addr_is_mapped(h + 24) ? MR_NET_v6_source_mapped
								   : MR_NET_rx_frame;
	if (mr_unlikely(reason != MR_NET_rx_frame)) {
		*verdict = net_drop(self, reason);
		return false;
	}
	packet->frame_bytes = packet->l3_offset + V6_BYTES + mr_load_be16(h + 4);
	packet->family = 6;
	packet->src = mr_addr_from_v6(h + 8);
	packet->dst = mr_addr_from_v6(h + 24);
	vip = net_vip_find(self->snapshot, &packet->dst);
	if (mr_unlikely(vip < 0 && !ipv6_group_wanted(h + 24))) {
		*verdict = net_punt(self, packet, MR_NET_v6_not_ours);
		return false;
	}
	packet->vip = vip < 0 ? UINT16_MAX : (uint16_t)vip;
	reason = vip >= 0 && packet->link_group ? MR_NET_v6_link_group
						: ipv6_source_check(self, packet);
	if (mr_unlikely(reason != MR_NET_rx_frame)) {
		*verdict = net_drop(self, reason);
		return false;
	}
	return true;
}

MR_COLD static enum mr_net_verdict
ipv6_other(struct mr_net *self, struct mr_net_packet *packet, const struct ext_walk *walk,
	   uint64_t now_ns)
{
	if (packet->vip == UINT16_MAX)
		return net_punt(self, packet, MR_NET_v6_not_ours);
	if (walk->next == NEXT_NONE)
		return net_drop(self, MR_NET_v6_no_next);
	if (self->snapshot->interfaces[packet->interface].punts)
		return net_count(self, MR_NET_punt, MR_NET_PUNT);
	return icmp_error(self, packet, ICMP6_PARAMETER, PARAMETER_NEXT_HEADER, walk->next_field,
			  MR_NET_v6_protocol, now_ns);
}

enum mr_net_verdict
ipv6_input(struct mr_net *self, struct mr_net_packet *packet, bool rx_checksum_good,
	   uint64_t now_ns)
{
	const uint8_t *h = packet->bytes + packet->l3_offset;
	enum mr_net_verdict verdict;
	struct ext_walk walk;
	uint16_t l4_bytes;

	if (mr_unlikely(!ipv6_header(self, packet, &verdict)))
		return verdict;
	packet->ecn = (h[1] >> 4) & 3;
	packet->atomic_fragment = false;
	walk = (struct ext_walk){ .at = V6_BYTES,
				  .end = packet->frame_bytes - packet->l3_offset,
				  .next = h[6],
				  .next_field = 6,
				  .options_left = MR_NET_OPTION_MAX };
	if (mr_unlikely(ext_is_header(walk.next)) &&
	    !ext_walk_all(&walk, h, &packet->atomic_fragment))
		return ipv6_refuse(self, packet, &walk, now_ns);
	packet->protocol = walk.next;
	packet->l4_offset = packet->l3_offset + walk.at;
	l4_bytes = packet->frame_bytes - packet->l4_offset;
	if (walk.next == IPPROTO_ICMPV6)
		return icmp6_input(self, packet, l4_bytes, now_ns);
	if (mr_unlikely(packet->vip == UINT16_MAX))
		return ipv6_other(self, packet, &walk, now_ns);
	if (mr_likely(walk.next == IPPROTO_UDP))
		return udp_input(self, packet, l4_bytes, rx_checksum_good, now_ns);
	if (walk.next == IPPROTO_TCP)
		return tcp_input(self, packet, l4_bytes, rx_checksum_good);
	return ipv6_other(self, packet, &walk, now_ns);
}
