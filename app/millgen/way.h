/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/way - one target with the clients that speak to it.
 *
 * Owner: made on the control thread, const after. Thread: any reader. Memory: the struct.
 * Spec:  RFC 791, 8200 (the headers that frames begin with).
 */
#ifndef MILLGEN_WAY_H
#define MILLGEN_WAY_H

#include "base/base.h"
#include "sum.h"

enum {
	GEN_ETHER_BYTES = 14,
	GEN_IPV4_BYTES = 20,
	GEN_IPV6_BYTES = 40,
	GEN_ETHERTYPE_IPV4 = 0x0800,
	GEN_ETHERTYPE_ARP = 0x0806,
	GEN_ETHERTYPE_IPV6 = 0x86dd,
	GEN_LANE_MAX = 4, /* ways of one run */
};

struct gen_way {
	uint8_t family;     /* 4 or 6 */
	uint16_t l4_offset; /* of the UDP or TCP header */
	uint16_t target_port;
	uint32_t client_base; /* low 32 bits of the first client's address */
	uint32_t client_count;
	struct mr_addr target;
	struct mr_addr source; /* first client */
	struct mr_prefix prefix;
	struct mr_mac source_mac, target_mac; /* when they are known */
};

/* gen_way_make lays a way: client_limit addresses of prefix (0: all of them; a network and
 * broadcast address is nobody's). Families must agree. */
MR_MUST_USE int gen_way_make(struct gen_way *self, const struct mr_addr *target,
			     uint16_t target_port, const struct mr_prefix *prefix,
			     uint32_t client_limit, struct mr_error *error);

/* gen_way_header writes the Ethernet and IP headers of a packet whose IP payload is l4_bytes of
 * protocol; client address and, with l4_bytes 0, lengths are left zero, and so is the checksum. */
void gen_way_header(const struct gen_way *self, uint8_t *frame, uint8_t protocol, uint8_t ttl,
		    uint16_t l4_bytes);

#endif
