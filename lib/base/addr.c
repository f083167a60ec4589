/* SPDX-License-Identifier: Apache-2.0
 *
 * base/addr - text to bytes and back.
 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int
mr_addr_parse(const char *text, struct mr_addr *out)
{
	uint8_t bytes[16];

	if (inet_pton(AF_INET, text, bytes) == 1) {
		*out = mr_addr_from_v4(bytes);
		return 0;
	}
	if (inet_pton(AF_INET6, text, bytes) == 1) {
		*out = mr_addr_from_v6(bytes);
		return mr_addr_is_v4(out) ? -EINVAL : 0; /* mapped form is ours alone */
	}
	return -EINVAL;
}

const char *
mr_addr_format(const struct mr_addr *addr, char out[MR_ADDR_TEXT_BYTES])
{
	bool v4 = mr_addr_is_v4(addr);

	return inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? addr->bytes + 12 : addr->bytes, out,
			 MR_ADDR_TEXT_BYTES);
}

static struct mr_addr
addr_masked(const struct mr_addr *addr, unsigned bits)
{
	struct mr_addr masked = *addr;

	for (unsigned i = 0; i < 16; i++) {
		unsigned kept = bits > 8 * i ? MR_MIN(bits - 8 * i, 8u) : 0;

		masked.bytes[i] &= (uint8_t)(0xff00 >> kept);
	}
	return masked;
}

int
mr_prefix_parse(const char *text, struct mr_prefix *out)
{
	char address[MR_ADDR_TEXT_BYTES];
	const char *slash = strchr(text, '/');
	size_t address_bytes = slash ? (size_t)(slash - text) : strlen(text);
	unsigned long bits, family_bits;
	char *end;

	if (address_bytes >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, address_bytes);
	address[address_bytes] = '\0';
	if (mr_addr_parse(address, &out->addr))
		return -EINVAL;
	family_bits = mr_addr_is_v4(&out->addr) ? 32 : 128;
	bits = family_bits;
	if (slash) {
		if (slash[1] < '0' || slash[1] > '9')
			return -EINVAL;
		bits = strtoul(slash + 1, &end, 10);
		if (*end || bits > family_bits)
			return -EINVAL;
	}
	out->bits = (uint8_t)(bits + 128 - family_bits);
	return mr_prefix_covers(out, &out->addr) ? 0 : -EINVAL;
}

const char *
mr_prefix_format(const struct mr_prefix *prefix, char out[MR_PREFIX_TEXT_BYTES])
{
	char address[MR_ADDR_TEXT_BYTES];
	unsigned bits = prefix->bits - (mr_addr_is_v4(&prefix->addr) ? 96 : 0);

	snprintf(out, MR_PREFIX_TEXT_BYTES, "%s/%u", mr_addr_format(&prefix->addr, address),
		 bits & 0xff);
	return out;
}

bool
mr_prefix_covers(const struct mr_prefix *prefix, const struct mr_addr *addr)
{
	struct mr_addr masked = addr_masked(addr, prefix->bits);

	return mr_addr_equal(&masked, &prefix->addr);
}

int
mr_mac_parse(const char *text, struct mr_mac *out)
{
	unsigned b[MR_MAC_BYTES];
	int used = 0;

	if (strlen(text) != MR_MAC_TEXT_BYTES - 1 ||
	    sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		   &used) != 6 ||
	    used != MR_MAC_TEXT_BYTES - 1)
		return -EINVAL;
	for (int i = 0; i < MR_MAC_BYTES; i++)
		out->bytes[i] = (uint8_t)b[i];
	return 0;
}

const char *
mr_mac_format(const struct mr_mac *mac, char out[MR_MAC_TEXT_BYTES])
{
	const uint8_t *b = mac->bytes;

	snprintf(out, MR_MAC_TEXT_BYTES, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3],
		 b[4], b[5]);
	return out;
}

/* vlan_number reads decimal digits without leading zeros; NULL when there are none or too many. */
static const char *
vlan_number(const char *text, uint32_t *out)
{
	size_t digits = strspn(text, "0123456789");

	if (!digits || digits > 4 || (digits > 1 && *text == '0'))
		return NULL;
	*out = (uint32_t)strtoul(text, NULL, 10);
	return *out <= MR_VLAN_MAX ? text + digits : NULL;
}

int
mr_vlan_parse(const char *text, uint32_t *out)
{
	uint32_t outer = 0, inner;
	const char *end = vlan_number(text, &inner);

	if (end && *end == '/') {
		outer = inner;
		end = vlan_number(end + 1, &inner);
		if (!outer || !inner)
			return -EINVAL;
	}
	if (!end || *end)
		return -EINVAL;
	*out = mr_vlan_pair((uint16_t)outer, (uint16_t)inner);
	return 0;
}

const char *
mr_vlan_format(uint32_t vlan, char out[MR_VLAN_TEXT_BYTES])
{
	if (mr_vlan_outer(vlan))
		snprintf(out, MR_VLAN_TEXT_BYTES, "%u/%u", mr_vlan_outer(vlan),
			 mr_vlan_inner(vlan));
	else
		snprintf(out, MR_VLAN_TEXT_BYTES, "%u", mr_vlan_inner(vlan));
	return out;
}
