/* SPDX-License-Identifier: Apache-2.0
 *
 * base/addr - IPv4, IPv6 and Ethernet addresses, prefixes and VLANs, as text and as bytes.
 *
 * An IPv4 address is kept as its IPv4-mapped IPv6 form (::ffff:a.b.c.d), so one comparison and one
 * hash serve both families and no address is ambiguous: a real ::ffff:0:0/96 address on the wire is
 * refused by lib/net.
 *
 * A VLAN is one number, so one comparison serves: 0 is untagged, up to 4094 a single 802.1Q tag,
 * and an 802.1ad pair has the service tag's number in the upper 16 bits.
 *
 * Owner: the caller. Thread: any. Memory: none. Spec: RFC 4291, RFC 5952 (text), RFC 4632
 * (prefixes), IEEE 802.1Q-2018 9.5, 9.6 (tags).
 */
#ifndef MR_BASE_ADDR_H
#define MR_BASE_ADDR_H

#include <string.h>

#include "base/types.h"

enum {
	MR_ADDR_TEXT_BYTES = 48,
	MR_PREFIX_TEXT_BYTES = 52,
	MR_MAC_BYTES = 6,
	MR_MAC_TEXT_BYTES = 18,
	MR_VLAN_TEXT_BYTES = 12,
	MR_VLAN_MAX = 4094,
};

struct mr_addr {
	union {
		uint8_t bytes[16];
		uint32_t words[4];
		uint64_t halves[2];
	};
};

struct mr_prefix {
	struct mr_addr addr; /* bits after the length are zero */
	uint8_t bits;        /* 0..128, counted in the mapped form: 10.0.0.0/8 is 104 */
};

struct mr_mac {
	uint8_t bytes[MR_MAC_BYTES];
};

static inline struct mr_addr
mr_addr_from_v4(const void *four_bytes)
{
	struct mr_addr a = { .bytes = { [10] = 0xff, [11] = 0xff } };

	memcpy(a.bytes + 12, four_bytes, 4);
	return a;
}

static inline struct mr_addr
mr_addr_from_v6(const void *sixteen_bytes)
{
	struct mr_addr a;

	memcpy(a.bytes, sixteen_bytes, 16);
	return a;
}

static inline bool
mr_addr_is_v4(const struct mr_addr *a)
{
	return a->halves[0] == 0 && a->words[2] == __builtin_bswap32(0x0000ffff);
}

static inline bool
mr_addr_equal(const struct mr_addr *a, const struct mr_addr *b)
{
	return a->halves[0] == b->halves[0] && a->halves[1] == b->halves[1];
}

/* mr_addr_unspecified: "::", which is no host's; what a zeroed struct is. */
static inline bool
mr_addr_unspecified(const struct mr_addr *addr)
{
	return !(addr->halves[0] | addr->halves[1]);
}

/* mr_addr_parse reads "192.0.2.1" or "2001:db8::1"; returns 0 or -EINVAL. */
MR_MUST_USE int mr_addr_parse(const char *text, struct mr_addr *out);

/* mr_addr_format writes the RFC 5952 text into out (MR_ADDR_TEXT_BYTES) and returns out. */
const char *mr_addr_format(const struct mr_addr *addr, char out[MR_ADDR_TEXT_BYTES]);

/* mr_prefix_parse reads "192.0.2.0/24", "2001:db8::/32" or a bare address (a host prefix). Host
 * bits that are set are an error: -EINVAL. */
MR_MUST_USE int mr_prefix_parse(const char *text, struct mr_prefix *out);
const char *mr_prefix_format(const struct mr_prefix *prefix, char out[MR_PREFIX_TEXT_BYTES]);
bool mr_prefix_covers(const struct mr_prefix *prefix, const struct mr_addr *addr);

/* mr_mac_parse reads "02:00:00:00:00:01"; returns 0 or -EINVAL. */
MR_MUST_USE int mr_mac_parse(const char *text, struct mr_mac *out);
const char *mr_mac_format(const struct mr_mac *mac, char out[MR_MAC_TEXT_BYTES]);

/* mr_vlan_pair makes the VLAN of two tags; mr_vlan_outer is its service tag's number, 0 for a
 * single tag or none; mr_vlan_inner the number of the tag next to the packet. */
static inline uint32_t
mr_vlan_pair(uint16_t outer, uint16_t inner)
{
	return (uint32_t)outer << 16 | inner;
}

static inline uint16_t
mr_vlan_outer(uint32_t vlan)
{
	return (uint16_t)(vlan >> 16);
}

static inline uint16_t
mr_vlan_inner(uint32_t vlan)
{
	return (uint16_t)vlan;
}

/* mr_vlan_parse reads "0", "100" or, outer first, "200/100"; returns 0 or -EINVAL. Both numbers of
 * a pair are at least 1. */
MR_MUST_USE int mr_vlan_parse(const char *text, uint32_t *out);
const char *mr_vlan_format(uint32_t vlan, char out[MR_VLAN_TEXT_BYTES]);

#endif
