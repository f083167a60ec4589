/* SPDX-License-Identifier: Apache-2.0
 *
 * afxdp/steer - the XDP program: frames for our VIPs go to user space, all others stay with the
 * kernel, untouched.
 *
 * Ours is
 *   IPv4 (options), IPv6 (extension headers, at most STEER_HEADERS_MAX) to an address, protocol and
 *   destination port of a rule; ICMP and ICMPv6 echo requests to an address with a rule for them;
 *   every fragment, the first too, to an (address, protocol) that has rules: pieces of a datagram
 *   must not be split between two stacks, and only the first piece has ports;
 *   ICMP errors to a VIP about a packet that we sent (inner source address, protocol, source port);
 *   ARP requests and NS for a VIP; ARP and NA that claim a VIP as theirs (a conflict);
 *   ARP replies and NA of a next hop, when they are addressed to a VIP. The kernel may use the same
 *   next hop: what it asked for itself stays its own.
 * One 802.1Q tag or an 802.1ad pair (0x88a8, then 0x8100) is looked through, if that VLAN is
 * served. A frame that cannot be parsed is the kernel's.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "steer.h"

struct rules {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STEER_ENTRIES_MAX);
	__type(key, struct steer_key);
	__type(value, struct steer_value);
};

struct rules steer_rules_a SEC(".maps");
struct rules steer_rules_b SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, STEER_SLOTS);
	__type(key, __u32);
	__array(values, struct rules);
} steer_tables SEC(".maps") = { .values = {
					[STEER_SLOT_ACTIVE] = &steer_rules_a,
					[STEER_SLOT_A] = &steer_rules_a,
					[STEER_SLOT_B] = &steer_rules_b,
				} };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, STEER_REASON_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} steer_counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, STEER_QUEUES_MAX);
	__type(key, __u32);
	__type(value, __u32);
} xsks_map SEC(".maps");

struct vlan_header {
	__be16 tag;
	__be16 type;
};

struct arp_packet { /* RFC 826 for Ethernet and IPv4 */
	__be16 hardware, type;
	__u8 hardware_bytes, type_bytes;
	__be16 operation;
	__u8 sender_mac[6], sender[4];
	__u8 target_mac[6], target[4];
} __attribute__((packed));

struct extension_header {
	__u8 next, length;
	__be16 fragment; /* of the fragment header */
};

struct nd_message { /* RFC 4861 4.3, 4.4 */
	__u8 type, code;
	__be16 checksum;
	__be32 flags;
	__u8 target[16];
};

/* RFC 792, RFC 4443, RFC 4861. */
enum {
	ICMP_UNREACHABLE = 3,
	ICMP_ECHO_REQUEST = 8,
	ICMP_EXCEEDED = 11,
	ICMP_PARAMETER = 12,
	ICMPV6_UNREACHABLE = 1, /* 1..4 are the errors */
	ICMPV6_PARAMETER = 4,
	ICMPV6_ECHO = 128,
	ICMPV6_NS = 135,
	ICMPV6_NA = 136,
};

enum { VLAN_ID_MASK = 0x0fff, FRAGMENT_V4 = 0x3fff, FRAGMENT_V6 = 0xfff9, ERROR_BYTES = 8 };

/* The packet after its network header. */
struct inner {
	void *at;
	__u8 protocol;
	_Bool fragment;
};

static __always_inline void
key_v4(struct steer_key *key, __u8 kind, const void *address)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->address[10] = 0xff;
	key->address[11] = 0xff;
	__builtin_memcpy(key->address + 12, address, 4);
	key->kind = kind;
}

static __always_inline void
key_v6(struct steer_key *key, __u8 kind, const void *address)
{
	__builtin_memset(key, 0, sizeof(*key));
	__builtin_memcpy(key->address, address, 16);
	key->kind = kind;
}

static __always_inline _Bool
has(void *rules, struct steer_key *key, __u8 kind)
{
	key->kind = kind;
	return bpf_map_lookup_elem(rules, key) != 0;
}

static __always_inline _Bool
has_port(void *rules, struct steer_key *key, __u8 protocol, __be16 port_be)
{
	const struct steer_value *value;
	__u16 port = bpf_ntohs(port_be);

	key->kind = STEER_RULE;
	key->protocol = protocol;
	value = bpf_map_lookup_elem(rules, key);
	if (!value)
		return 0;
	for (__u32 i = 0; i < STEER_RANGES_MAX; i++) {
		if (i >= value->range_count)
			break;
		if (port >= value->ranges[i].low && port <= value->ranges[i].high)
			return 1;
	}
	return 0;
}

static __always_inline int
steer_arp(void *rules, const void *at, const void *end)
{
	const struct arp_packet *arp = at;
	struct steer_key sender, target;

	if ((const void *)(arp + 1) > end)
		return STEER_kernel_malformed;
	if (arp->hardware != bpf_htons(1) || arp->type != bpf_htons(ETH_P_IP) ||
	    arp->hardware_bytes != 6 || arp->type_bytes != 4)
		return STEER_kernel_arp;
	key_v4(&sender, STEER_VIP, arp->sender);
	if (has(rules, &sender, STEER_VIP))
		return STEER_ours_arp;
	key_v4(&target, STEER_VIP, arp->target);
	if (!has(rules, &target, STEER_VIP))
		return STEER_kernel_arp;
	if (arp->operation == bpf_htons(1) || has(rules, &sender, STEER_HOP))
		return STEER_ours_arp;
	return STEER_kernel_arp;
}

/* steer_ports looks for a rule by the port at `at`: the destination's, or an inner packet's source.
 */
static __always_inline int
steer_ports(void *rules, struct steer_key *key, __u8 protocol, const __be16 *port, const void *end)
{
	if ((const void *)(port + 1) > end)
		return STEER_kernel_malformed;
	return has_port(rules, key, protocol, *port) ? STEER_ours_rule : STEER_kernel_no_rule;
}

static __always_inline struct inner
walk_v4(void *at, const void *end)
{
	struct inner inner = { 0 };
	struct iphdr *ip = at;
	__u32 header_bytes;

	if ((void *)(ip + 1) > end || ip->version != 4)
		return inner;
	header_bytes = ip->ihl * 4u;
	if (header_bytes < sizeof(*ip))
		return inner;
	inner.protocol = ip->protocol;
	inner.fragment = (ip->frag_off & bpf_htons(FRAGMENT_V4)) != 0;
	inner.at = at + header_bytes;
	return inner;
}

static __always_inline struct inner
walk_v6(void *at, const void *end, _Bool *endless)
{
	struct ipv6hdr *ip = at;
	struct inner inner = { 0 }, none = { 0 };

	if ((void *)(ip + 1) > end || ip->version != 6)
		return none;
	inner.protocol = ip->nexthdr;
	inner.at = ip + 1;
	for (int i = 0; i <= STEER_HEADERS_MAX; i++) {
		struct extension_header *extension = inner.at;

		if (inner.protocol != IPPROTO_HOPOPTS && inner.protocol != IPPROTO_ROUTING &&
		    inner.protocol != IPPROTO_DSTOPTS && inner.protocol != IPPROTO_FRAGMENT)
			return inner;
		if ((void *)(extension + 1) > end)
			return none;
		if (inner.protocol == IPPROTO_FRAGMENT) {
			inner.fragment = (extension->fragment & bpf_htons(FRAGMENT_V6)) != 0;
			inner.protocol = extension->next;
			inner.at += 8;
			if (inner.fragment)
				return inner; /* what follows may be the middle of anything */
		} else {
			inner.protocol = extension->next;
			inner.at += (extension->length + 1u) * 8u;
		}
	}
	*endless = 1;
	return none;
}

/* steer_error: an ICMP error is ours when the packet it tells of was. */
static __always_inline int
steer_error_v4(void *rules, void *at, const void *end)
{
	struct inner inner = walk_v4(at, end);
	struct iphdr *ip = at;
	struct steer_key key;

	if (!inner.at || (void *)(ip + 1) > end)
		return STEER_kernel_no_rule;
	key_v4(&key, STEER_RULE, &ip->saddr);
	if (steer_ports(rules, &key, inner.protocol, inner.at, end) == STEER_ours_rule)
		return STEER_ours_icmp_error;
	return STEER_kernel_no_rule;
}

static __always_inline int
steer_error_v6(void *rules, void *at, const void *end)
{
	_Bool endless = 0;
	struct inner inner = walk_v6(at, end, &endless);
	struct ipv6hdr *ip = at;
	struct steer_key key;

	if (!inner.at || (void *)(ip + 1) > end)
		return STEER_kernel_no_rule;
	key_v6(&key, STEER_RULE, &ip->saddr);
	if (steer_ports(rules, &key, inner.protocol, inner.at, end) == STEER_ours_rule)
		return STEER_ours_icmp_error;
	return STEER_kernel_no_rule;
}

static __always_inline int
steer_v4(void *rules, void *at, const void *end)
{
	struct inner inner = walk_v4(at, end);
	struct iphdr *ip = at;
	__u8 *type;
	struct steer_key key;

	if (!inner.at || (void *)(ip + 1) > end)
		return STEER_kernel_malformed;
	key_v4(&key, STEER_RULE, &ip->daddr);
	key.protocol = inner.protocol;
	if (inner.fragment)
		return has(rules, &key, STEER_RULE) ? STEER_ours_fragment : STEER_kernel_no_rule;
	if (inner.protocol != IPPROTO_ICMP)
		return steer_ports(rules, &key, inner.protocol, inner.at + 2, end);
	type = inner.at;
	if ((void *)type + ERROR_BYTES > end)
		return STEER_kernel_malformed;
	if (*type == ICMP_ECHO_REQUEST)
		return has(rules, &key, STEER_RULE) ? STEER_ours_rule : STEER_kernel_no_rule;
	if (*type == ICMP_UNREACHABLE || *type == ICMP_EXCEEDED || *type == ICMP_PARAMETER)
		return steer_error_v4(rules, inner.at + ERROR_BYTES, end);
	return STEER_kernel_no_rule;
}

/* steer_nd: a solicitation for a VIP, an advertisement that claims one, or one from a next hop. */
static __always_inline int
steer_nd(void *rules, struct steer_key *destination, const void *at, const void *end)
{
	const struct nd_message *nd = at;
	struct steer_key target;

	if ((const void *)(nd + 1) > end)
		return STEER_kernel_malformed;
	key_v6(&target, STEER_VIP, nd->target);
	if (has(rules, &target, STEER_VIP))
		return STEER_ours_nd;
	if (nd->type == ICMPV6_NA && has(rules, &target, STEER_HOP)) {
		destination->protocol = 0;
		if (has(rules, destination, STEER_VIP))
			return STEER_ours_nd;
	}
	return STEER_kernel_no_rule;
}

static __always_inline int
steer_v6(void *rules, void *at, const void *end)
{
	_Bool endless = 0;
	struct inner inner = walk_v6(at, end, &endless);
	struct ipv6hdr *ip = at;
	__u8 *type;
	struct steer_key key;

	if (!inner.at || (void *)(ip + 1) > end)
		return endless ? STEER_kernel_headers : STEER_kernel_malformed;
	key_v6(&key, STEER_RULE, &ip->daddr);
	key.protocol = inner.protocol;
	if (inner.fragment)
		return has(rules, &key, STEER_RULE) ? STEER_ours_fragment : STEER_kernel_no_rule;
	if (inner.protocol != IPPROTO_ICMPV6)
		return steer_ports(rules, &key, inner.protocol, inner.at + 2, end);
	type = inner.at;
	if ((void *)type + ERROR_BYTES > end)
		return STEER_kernel_malformed;
	if (*type == ICMPV6_ECHO)
		return has(rules, &key, STEER_RULE) ? STEER_ours_rule : STEER_kernel_no_rule;
	if (*type == ICMPV6_NS || *type == ICMPV6_NA)
		return steer_nd(rules, &key, inner.at, end);
	if (*type >= ICMPV6_UNREACHABLE && *type <= ICMPV6_PARAMETER)
		return steer_error_v6(rules, inner.at + ERROR_BYTES, end);
	return STEER_kernel_no_rule;
}

static __always_inline void
count(__u32 reason)
{
	__u64 *counter = bpf_map_lookup_elem(&steer_counts, &reason);

	if (counter)
		(*counter)++; /* per CPU, and XDP does not nest: one writer */
}

/* served says whether frames of this VLAN (0: no tag) are looked into. */
static __always_inline _Bool
served(void *rules, const __be16 vlan[2])
{
	struct steer_key key;

	__builtin_memset(&key, 0, sizeof(key));
	__builtin_memcpy(key.address, vlan, 2 * sizeof(vlan[0]));
	return has(rules, &key, STEER_VLAN);
}

static __always_inline int
steer(void *rules, void *at, const void *end)
{
	struct ethhdr *ethernet = at;
	struct vlan_header *tag = at + sizeof(*ethernet);
	__be16 type, vlan[2] = { 0, 0 }; /* outer, inner */
	int reason;

	if ((void *)(ethernet + 1) > end)
		return STEER_kernel_malformed;
	type = ethernet->h_proto;
	at = ethernet + 1;
	if (type == bpf_htons(ETH_P_8021AD)) {
		if ((void *)(tag + 1) > end)
			return STEER_kernel_malformed;
		if (tag->type != bpf_htons(ETH_P_8021Q))
			return STEER_kernel_other;
		vlan[0] = tag->tag & bpf_htons(VLAN_ID_MASK);
		if (!vlan[0])
			return STEER_kernel_vlan;
		type = tag->type;
		tag++;
	}
	if (type == bpf_htons(ETH_P_8021Q)) {
		if ((void *)(tag + 1) > end)
			return STEER_kernel_malformed;
		vlan[1] = tag->tag & bpf_htons(VLAN_ID_MASK);
		type = tag->type;
		at = tag + 1;
	}
	if (type == bpf_htons(ETH_P_IP))
		reason = steer_v4(rules, at, end);
	else if (type == bpf_htons(ETH_P_IPV6))
		reason = steer_v6(rules, at, end);
	else if (type == bpf_htons(ETH_P_ARP))
		reason = steer_arp(rules, at, end);
	else
		return STEER_kernel_other;
	if (reason <= STEER_ours_nd && !served(rules, vlan))
		return STEER_kernel_vlan;
	return reason;
}

SEC("xdp")
int
millrace_steer(struct xdp_md *context)
{
	__u32 active = STEER_SLOT_ACTIVE;
	void *rules = bpf_map_lookup_elem(&steer_tables, &active);
	int reason, action;

	if (!rules)
		return XDP_PASS;
	reason = steer(rules, (void *)(long)context->data, (void *)(long)context->data_end);
	if (reason > STEER_ours_nd) {
		count(reason);
		return XDP_PASS;
	}
	action = bpf_redirect_map(&xsks_map, context->rx_queue_index, XDP_PASS);
	count(action == XDP_REDIRECT ? reason : STEER_kernel_no_socket);
	return action;
}

/* Some helpers of the kernel may be called only by programs under the GPL; none is used here. The
 * string is what the kernel shows as the program's licence. */
char steer_license[] SEC("license") = "Apache-2.0";
