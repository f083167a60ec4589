/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/way - targets, clients, and the headers between them.
 */
#include "way.h"

#include <errno.h>
#include <string.h>

int
gen_way_make(struct gen_way *self, const struct mr_addr *target, uint16_t target_port,
	     const struct mr_prefix *prefix, uint32_t client_limit, struct mr_error *error)
{
	char text[MR_PREFIX_TEXT_BYTES], target_text[MR_ADDR_TEXT_BYTES];
	bool is_v4 = mr_addr_is_v4(target);
	unsigned host_bits = 128u - prefix->bits;
	uint64_t count = host_bits >= 32 ? UINT32_MAX : 1ull << host_bits;

	if (is_v4 != (mr_addr_is_v4(&prefix->addr) && prefix->bits >= 96))
		return mr_error_set(error, -EINVAL, "target %s and source %s: two families",
				    mr_addr_format(target, target_text),
				    mr_prefix_format(prefix, text));
	*self = (struct gen_way){ .family = is_v4 ? 4 : 6,
				  .l4_offset = GEN_ETHER_BYTES +
					       (is_v4 ? GEN_IPV4_BYTES : GEN_IPV6_BYTES),
				  .target = *target,
				  .target_port = target_port,
				  .prefix = *prefix,
				  .source = prefix->addr,
				  .client_base = mr_load_be32(prefix->addr.bytes + 12) };
	if (host_bits > 1) { /* the first is a network or anycast address, the last a broadcast */
		self->client_base++;
		count -= 2;
	}
	if (client_limit && client_limit < count)
		count = client_limit;
	self->client_count = (uint32_t)count;
	mr_store_be32(self->source.bytes + 12, self->client_base);
	return 0;
}

void
gen_way_header(const struct gen_way *self, uint8_t *frame, uint8_t protocol, uint8_t ttl,
	       uint16_t l4_bytes)
{
	uint8_t *ip = frame + GEN_ETHER_BYTES;

	memcpy(frame, self->target_mac.bytes, MR_MAC_BYTES);
	memcpy(frame + 6, self->source_mac.bytes, MR_MAC_BYTES);
	mr_store_be16(frame + 12, self->family == 4 ? GEN_ETHERTYPE_IPV4 : GEN_ETHERTYPE_IPV6);
	if (self->family == 4) {
		ip[0] = 0x45;
		mr_store_be16(ip + 2, l4_bytes ? (uint16_t)(l4_bytes + GEN_IPV4_BYTES) : 0);
		mr_store_be16(ip + 6, 0x4000); /* DF; ID 0 is then right (RFC 6864) */
		ip[8] = ttl;
		ip[9] = protocol;
		memcpy(ip + 16, self->target.bytes + 12, 4);
		return;
	}
	ip[0] = 0x60;
	mr_store_be16(ip + 4, l4_bytes);
	ip[6] = protocol;
	ip[7] = ttl;
	memcpy(ip + 8, self->source.bytes, 12);
	memcpy(ip + 24, self->target.bytes, 16);
}
