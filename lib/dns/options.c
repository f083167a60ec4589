/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/options - the EDNS options that are understood, read from a query and written to its answer.
 *
 * Others are passed over (RFC 6891 6.1.2). Keep-alive (7828) is answered where the transport has a
 * connection, padding (7830) where it is encrypted; elsewhere they are passed over too.
 */
#include "dns/dns_int.h"

enum {
	OPTION_NSID = 3,
	OPTION_ECS = 8,
	OPTION_COOKIE = 10,
	OPTION_KEEPALIVE = 11,
	OPTION_PADDING = 12,
	OPTION_EDE = 15,
};
enum { KEEPALIVE_BYTES = 2, PADDING_BLOCK_BYTES = 468 /* RFC 8467 4.1 */ };
enum { FAMILY_V4 = 1, FAMILY_V6 = 2, ECS_FIXED_BYTES = 4, OPTION_HEAD_BYTES = 4 };
enum { COOKIE_LEAST_BYTES = 16, COOKIE_MOST_BYTES = 40 };

/* RFC 7871 6: family, source length, scope (0 in a query), and no more address than the length
 * needs, with zeros behind it. Families that are not known are passed over. */
static bool
read_ecs(struct dns_query *query, struct mr_dns_item *item, const uint8_t *data, unsigned bytes)
{
	unsigned family, bits, address_bytes;
	uint8_t address[16] = { 0 };

	if (bytes < ECS_FIXED_BYTES)
		return false;
	family = mr_load_be16(data);
	bits = data[2];
	address_bytes = (bits + 7) / 8;
	if (data[3] != 0 || bytes - ECS_FIXED_BYTES != address_bytes)
		return false;
	if (family != FAMILY_V4 && family != FAMILY_V6)
		return true;
	if (bits > (family == FAMILY_V4 ? 32u : 128u))
		return false;
	memcpy(address, data + ECS_FIXED_BYTES, address_bytes);
	if (bits % 8 && address[bits / 8] & (0xff >> bits % 8))
		return false;
	item->client.ecs.addr =
		family == FAMILY_V4 ? mr_addr_from_v4(address) : mr_addr_from_v6(address);
	item->client.ecs.bits = (uint8_t)(family == FAMILY_V4 ? bits + 96 : bits);
	memcpy(query->ecs, data, bytes); /* 7.2.1: as it came, and scope 0: true of every client */
	query->ecs_bytes = (uint8_t)bytes;
	query->options |= DNS_OPTION_ECS;
	return true;
}

bool
dns_options_read(struct dns_query *query, struct mr_dns *self, struct mr_dns_item *item,
		 const uint8_t *rdata, uint16_t rdata_bytes)
{
	struct mr_cursor cursor = mr_cursor_over(rdata, rdata_bytes);
	const struct mr_dns_config *config = self->config;
	bool ecs = false;

	while (mr_cursor_left(&cursor) > 0 && !cursor.failed) {
		uint16_t code = mr_cursor_be16(&cursor);
		uint16_t bytes = mr_cursor_be16(&cursor);
		const uint8_t *data = mr_cursor_take(&cursor, bytes);

		if (!data)
			break;
		switch (code) {
		case OPTION_ECS:
			if (ecs || !read_ecs(query, item, data, bytes))
				return false;
			ecs = true;
			self->tally[MR_DNS_edns_ecs]++;
			break;
		case OPTION_NSID: /* RFC 5001 2.1: empty; what is in it is not looked at */
			query->options |= config->nsid_bytes > 0 ? DNS_OPTION_NSID : 0;
			self->tally[MR_DNS_edns_nsid]++;
			break;
		case OPTION_COOKIE: /* RFC 7873 5.2.2, and 5.2: all but the first are ignored */
			if (bytes != DNS_COOKIE_CLIENT_BYTES &&
			    (bytes < COOKIE_LEAST_BYTES || bytes > COOKIE_MOST_BYTES))
				return false;
			if (config->cookie_secret_count == 0 ||
			    (query->options & DNS_OPTION_COOKIE))
				break;
			dns_cookie_check(query, config, &item->client, data, bytes);
			self->tally[MR_DNS_edns_cookie]++;
			self->tally[MR_DNS_edns_cookie_valid] += query->cookie_valid;
			break;
		case OPTION_KEEPALIVE:
			if (!item->client.idle_100ms) /* RFC 7828 3.2.1: over UDP ignored */
				break;
			if (bytes) /* the same: a client's has no timeout */
				return false;
			query->options |= DNS_OPTION_KEEPALIVE;
			query->idle_100ms = item->client.idle_100ms;
			self->tally[MR_DNS_edns_keepalive]++;
			break;
		case OPTION_PADDING: /* its octets may be anything: RFC 7830 3 */
			query->options |= item->client.encrypted ? DNS_OPTION_PADDING : 0;
			self->tally[MR_DNS_edns_padding]++;
			break;
		default:
			break;
		}
	}
	return !cursor.failed;
}

uint32_t
dns_options_bytes(const struct dns_query *query, const struct mr_dns_config *config)
{
	uint32_t bytes = 0;

	if (query->options & DNS_OPTION_NSID)
		bytes += OPTION_HEAD_BYTES + config->nsid_bytes;
	if (query->options & DNS_OPTION_COOKIE)
		bytes += OPTION_HEAD_BYTES + DNS_COOKIE_BYTES;
	if (query->options & DNS_OPTION_ECS)
		bytes += OPTION_HEAD_BYTES + query->ecs_bytes;
	if (query->options & DNS_OPTION_KEEPALIVE)
		bytes += OPTION_HEAD_BYTES + KEEPALIVE_BYTES;
	return bytes;
}

static void
put_option(struct dns_answer *self, uint16_t code, const void *data, unsigned bytes)
{
	uint8_t *to = self->message + self->at;

	mr_store_be16(to, code);
	mr_store_be16(to + 2, (uint16_t)bytes);
	memcpy(to + OPTION_HEAD_BYTES, data, bytes);
	self->at += OPTION_HEAD_BYTES + bytes;
}

/* RFC 8467 4.1: the message becomes a multiple of a block, or as large as it may be. */
static void
put_padding(struct dns_answer *self)
{
	uint32_t bytes = self->at + OPTION_HEAD_BYTES;
	uint32_t padded =
		(bytes + PADDING_BLOCK_BYTES - 1) / PADDING_BLOCK_BYTES * PADDING_BLOCK_BYTES;
	uint8_t *to = self->message + self->at;

	if (bytes > self->whole_limit)
		return;
	padded = MR_MIN(padded, self->whole_limit);
	mr_store_be16(to, OPTION_PADDING);
	mr_store_be16(to + 2, (uint16_t)(padded - bytes));
	memset(to + OPTION_HEAD_BYTES, 0, padded - bytes);
	self->at = padded;
}

void
dns_options_put(struct dns_answer *self, const struct dns_query *query,
		const struct mr_dns_config *config)
{
	uint32_t start = self->at;
	uint8_t ede[2], idle[KEEPALIVE_BYTES];

	if (self->option_bytes) {
		if (query->options & DNS_OPTION_NSID)
			put_option(self, OPTION_NSID, config->nsid, config->nsid_bytes);
		if (query->options & DNS_OPTION_COOKIE)
			put_option(self, OPTION_COOKIE, query->cookie, DNS_COOKIE_BYTES);
		if (query->options & DNS_OPTION_ECS)
			put_option(self, OPTION_ECS, query->ecs, query->ecs_bytes);
		if (query->options & DNS_OPTION_KEEPALIVE) {
			mr_store_be16(idle, query->idle_100ms);
			put_option(self, OPTION_KEEPALIVE, idle, sizeof(idle));
		}
	}
	/* RFC 8914: what a client can do without, so no room is kept for it. */
	if (self->ede != DNS_EDE_NONE &&
	    self->at + OPTION_HEAD_BYTES + sizeof(ede) <= self->whole_limit) {
		mr_store_be16(ede, self->ede);
		put_option(self, OPTION_EDE, ede, sizeof(ede));
	}
	if (query->options & DNS_OPTION_PADDING) /* the last, as it counts the others */
		put_padding(self);
	mr_store_be16(self->message + start - 2, (uint16_t)(self->at - start));
}
