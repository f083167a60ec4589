/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/cookie - server cookies that any server with the same secret can check (RFC 7873, 9018).
 *
 * Server cookie: version 1, three zero octets, time in seconds, SipHash-2-4 of (client cookie,
 * those eight octets, client address) under the 16-octet secret.
 */
#include "dns/dns_int.h"

enum {
	VERSION = 1,
	FUTURE_S = 300, /* RFC 9018 4.3: older than an hour or more than 5 minutes ahead: bad; */
	OLD_S = 3600,
	RENEW_S = 1800, /* older than half an hour: a new one is given */
};

static inline uint64_t
rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void
sip_rounds(uint64_t v[4], unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

static uint64_t
load_le64(const uint8_t *from)
{
	return __builtin_bswap64(mr_load_be64(from));
}

/* SipHash-2-4, whose rounds RFC 9018 4.4 fixes. */
static uint64_t
sip_2_4(const uint8_t key[MR_DNS_COOKIE_SECRET_BYTES], const uint8_t *bytes, unsigned byte_count)
{
	uint64_t k0 = load_le64(key), k1 = load_le64(key + 8);
	uint64_t v[4] = { k0 ^ 0x736f6d6570736575ull, k1 ^ 0x646f72616e646f6dull,
			  k0 ^ 0x6c7967656e657261ull, k1 ^ 0x7465646279746573ull };
	uint8_t last[8] = { 0 };

	for (unsigned i = 0; i <= byte_count / 8; i++) {
		uint64_t word;

		if (i == byte_count / 8) {
			memcpy(last, bytes + i * 8, byte_count % 8);
			last[7] = (uint8_t)byte_count;
		}
		word = load_le64(i == byte_count / 8 ? last : bytes + i * 8);
		v[3] ^= word;
		sip_rounds(v, 2);
		v[0] ^= word;
	}
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* head: version, reserved, time. */
static uint64_t
cookie_hash(const uint8_t *secret, const uint8_t *client, const uint8_t *head,
	    const struct mr_addr *addr)
{
	uint8_t input[DNS_COOKIE_CLIENT_BYTES + 8 + 16];
	bool v4 = mr_addr_is_v4(addr);

	memcpy(input, client, DNS_COOKIE_CLIENT_BYTES);
	memcpy(input + DNS_COOKIE_CLIENT_BYTES, head, 8);
	memcpy(input + DNS_COOKIE_CLIENT_BYTES + 8, addr->bytes + (v4 ? 12 : 0), v4 ? 4 : 16);
	return sip_2_4(secret, input, DNS_COOKIE_CLIENT_BYTES + 8 + (v4 ? 4 : 16));
}

static uint32_t
wall_s(const struct mr_dns_config *config, const struct mr_dns_client *client)
{
	return (uint32_t)(client->now_ns / MR_NS_PER_S + config->wall_offset_s);
}

static bool
is_valid(const struct mr_dns_config *config, const struct mr_dns_client *client,
	 const uint8_t *cookie, bool *renew)
{
	const uint8_t *server = cookie + DNS_COOKIE_CLIENT_BYTES;
	int32_t age = (int32_t)(wall_s(config, client) - mr_load_be32(server + 4));

	if (server[0] != VERSION || age > OLD_S || age < -FUTURE_S)
		return false;
	for (unsigned i = 0; i < config->cookie_secret_count; i++) {
		uint64_t hash =
			cookie_hash(config->cookie_secrets[i], cookie, server, &client->addr);

		if (load_le64(server + 8) == hash) {
			*renew = i > 0 || age > RENEW_S;
			return true;
		}
	}
	return false;
}

void
dns_cookie_check(struct dns_query *query, const struct mr_dns_config *config,
		 const struct mr_dns_client *client, const uint8_t *data, unsigned bytes)
{
	uint8_t *server = query->cookie + DNS_COOKIE_CLIENT_BYTES;
	bool renew = true;

	memcpy(query->cookie, data,
	       bytes < DNS_COOKIE_BYTES ? DNS_COOKIE_CLIENT_BYTES : DNS_COOKIE_BYTES);
	query->options |= DNS_OPTION_COOKIE;
	if (bytes == DNS_COOKIE_BYTES && is_valid(config, client, query->cookie, &renew))
		query->cookie_valid = true;
	if (!renew) /* RFC 9018 4.3: the same again */
		return;
	uint64_t hash;

	mr_store_be32(server, (uint32_t)VERSION << 24);
	mr_store_be32(server + 4, wall_s(config, client));
	hash = cookie_hash(config->cookie_secrets[0], query->cookie, server, &client->addr);
	mr_store_be64(server + 8, __builtin_bswap64(hash));
}
