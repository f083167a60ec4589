/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz/edns - an OPT built of pieces, against a slow parser and writer of options that share no
 * line with lib/dns: what is refused, and every octet of the options that come back.
 *
 * Input: transport, client, placement, secrets, NSID; then options, each a kind, a length and as
 * many octets. A kind may be a cookie that the reference made, of any age and secret, so that valid
 * ones are met and not only guessed; the octets are then laid over it.
 */
#include <stdlib.h>

#include <ldns/ldns.h>

#include "dns/dns.h"

enum { NOERROR = 0, FORMERR = 1, BADVERS = 16 };
enum { NSID = 3, ECS = 8, COOKIE = 10, KEEPALIVE = 11, PADDING = 12 };
enum { NOW_S = 1700000000, IDLE_100MS = 300, BLOCK = 468, QUESTION_BYTES = 12 + 12 + 4 };
enum placement { ONE_OPT, TWO_OPTS, OWNER_NOT_ROOT, VERSION_1, PLACEMENTS };

static struct mr_zone_store *store;
static struct mr_zone_set *set;

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
make_zone(void)
{
	static const struct {
		uint16_t type;
		const char *owner, *rdata;
		uint16_t owner_bytes, rdata_bytes;
	} records[] = {
		{ 6, "\7example", "\1n\0\1h\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1", 9, 26 },
		{ 2, "\7example", "\2ns\7example", 9, 12 },
		{ 1, "\2ns\7example", "\300\0\2\1", 12, 4 },
	};
	struct mr_zone_builder *builder;
	struct mr_error error = { 0 };
	struct mr_zone *zone;

	must(!mr_zone_store_create(&store, 1ull << 30, false, &error));
	must(!mr_zone_builder_create(&builder, (const uint8_t *)"\7example", 9, &error));
	for (size_t i = 0; i < MR_ARRAY_COUNT(records); i++) {
		struct mr_zone_record record = {
			.owner = (const uint8_t *)records[i].owner,
			.rdata = (const uint8_t *)records[i].rdata,
			.ttl = 60,
			.owner_bytes = records[i].owner_bytes,
			.rdata_bytes = records[i].rdata_bytes,
			.type = records[i].type,
			.rr_class = 1,
		};

		must(!mr_zone_builder_add(builder, &record, &error));
	}
	must(!mr_zone_builder_finish(builder, store, &zone, &error));
	mr_zone_builder_destroy(builder);
	must(!mr_zone_set_build(store, &zone, 1, &set, &error));
}

/* ---- the reference: cookies ---- */

static uint64_t
little(const uint8_t *bytes, unsigned count)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < count; i++)
		value |= (uint64_t)bytes[i] << 8 * i;
	return value;
}

static uint64_t
turned(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

/* SipHash-2-4 as its paper has it. */
static uint64_t
siphash(const uint8_t key[16], const uint8_t *in, unsigned bytes)
{
	uint64_t a = little(key, 8) ^ 0x736f6d6570736575ull;
	uint64_t b = little(key + 8, 8) ^ 0x646f72616e646f6dull;
	uint64_t c = little(key, 8) ^ 0x6c7967656e657261ull;
	uint64_t d = little(key + 8, 8) ^ 0x7465646279746573ull;

	for (unsigned word = 0; word <= bytes / 8 + 1; word++) {
		bool last = word == bytes / 8 + 1;
		unsigned left = bytes - MR_MIN(word * 8, bytes);
		uint64_t m = last ? 0 : little(in + MR_MIN(word * 8, bytes), MR_MIN(left, 8u));

		if (word == bytes / 8)
			m |= (uint64_t)bytes << 56;
		d ^= last ? 0 : m;
		c ^= last ? 0xff : 0;
		for (int round = 0; round < (last ? 4 : 2); round++) {
			a += b, b = turned(b, 13), b ^= a, a = turned(a, 32);
			c += d, d = turned(d, 16), d ^= c;
			a += d, d = turned(d, 21), d ^= a;
			c += b, b = turned(b, 17), b ^= c, c = turned(c, 32);
		}
		a ^= last ? 0 : m;
	}
	return a ^ b ^ c ^ d;
}

/* Writes the 24 octets of RFC 9018 4 for the client cookie that is in them. */
static void
bake(uint8_t cookie[24], const uint8_t secret[16], uint32_t time_s, const uint8_t *addr,
     unsigned addr_bytes)
{
	uint8_t input[32];
	uint64_t hash;

	memcpy(cookie + 8, "\1\0\0\0", 4);
	for (int i = 0; i < 4; i++)
		cookie[12 + i] = (uint8_t)(time_s >> (24 - 8 * i));
	memcpy(input, cookie, 16);
	memcpy(input + 16, addr, addr_bytes);
	hash = siphash(secret, input, 16 + addr_bytes);
	for (int i = 0; i < 8; i++)
		cookie[16 + i] = (uint8_t)(hash >> 8 * i);
}

/* ---- the reference: options ---- */

struct reference {
	const struct mr_dns_config *config;
	uint8_t addr[16];
	unsigned addr_bytes;
	uint8_t transport;
	bool formerr;
	/* found in the query */
	bool nsid, keepalive, padding, ecs, cookie;
	uint8_t ecs_data[32], cookie_data[24];
	unsigned ecs_bytes;
};

static bool
ecs_is_sound(const uint8_t *data, unsigned bytes, bool *known)
{
	unsigned family, bits;

	if (bytes < 4)
		return false;
	family = data[0] * 256u + data[1];
	bits = data[2];
	*known = family == 1 || family == 2;
	if (data[3] || bytes != 4 + bits / 8 + (bits % 8 > 0))
		return false;
	if (!*known)
		return true;
	if (bits > (family == 1 ? 32u : 128u))
		return false;
	for (unsigned bit = bits; bit < (bytes - 4) * 8; bit++)
		if (data[4 + bit / 8] >> (7 - bit % 8) & 1)
			return false;
	return true;
}

static void
cookie_taken(struct reference *self, const uint8_t *data, unsigned bytes)
{
	uint8_t want[24];
	uint32_t made_s = 0;
	int64_t age = 0;

	memcpy(self->cookie_data, data, 8);
	bake(self->cookie_data, self->config->cookie_secrets[0], NOW_S, self->addr,
	     self->addr_bytes);
	if (bytes != 24)
		return;
	for (int i = 0; i < 4; i++)
		made_s = made_s << 8 | data[12 + i];
	age = (int32_t)(NOW_S - made_s);
	if (data[8] != 1 || age > 1800 || age < -300)
		return; /* bad, or old enough for a new one: the same answer */
	memcpy(want, data, 8);
	bake(want, self->config->cookie_secrets[0], made_s, self->addr, self->addr_bytes);
	/* the three octets behind the version are hashed as they came */
	if (memcmp(data + 9, "\0\0\0", 3))
		return;
	if (!memcmp(want, data, 24))
		memcpy(self->cookie_data, data, 24);
}

static void
option_read(struct reference *self, unsigned code, const uint8_t *data, unsigned bytes)
{
	bool known = false;

	switch (code) {
	case NSID:
		self->nsid = self->config->nsid_bytes > 0;
		break;
	case ECS:
		if (self->ecs || !ecs_is_sound(data, bytes, &known))
			self->formerr = true;
		else if (known) {
			memcpy(self->ecs_data, data, bytes);
			self->ecs_bytes = bytes;
		}
		self->ecs = true;
		break;
	case COOKIE:
		if (bytes != 8 && (bytes < 16 || bytes > 40))
			self->formerr = true;
		else if (!self->cookie && self->config->cookie_secret_count) {
			cookie_taken(self, data, bytes);
			self->cookie = true;
		}
		break;
	case KEEPALIVE:
		if (self->transport == MR_DNS_UDP)
			break;
		self->formerr |= bytes > 0;
		self->keepalive = true;
		break;
	case PADDING:
		self->padding = self->transport == MR_DNS_TLS;
		break;
	default:
		break;
	}
}

static void
options_read(struct reference *self, const uint8_t *options, unsigned bytes)
{
	for (unsigned at = 0; at < bytes && !self->formerr;) {
		unsigned code, count;

		if (bytes - at < 4) {
			self->formerr = true;
			return;
		}
		code = options[at] * 256u + options[at + 1];
		count = options[at + 2] * 256u + options[at + 3];
		at += 4;
		if (count > bytes - at) {
			self->formerr = true;
			return;
		}
		option_read(self, code, options + at, count);
		at += count;
	}
}

static unsigned
option_put(uint8_t *to, unsigned code, const void *data, unsigned bytes)
{
	to[0] = (uint8_t)(code >> 8);
	to[1] = (uint8_t)code;
	to[2] = (uint8_t)(bytes >> 8);
	to[3] = (uint8_t)bytes;
	memcpy(to + 4, data, bytes);
	return 4 + bytes;
}

/* What has to come back, behind used_bytes of message and OPT. */
static unsigned
options_expected(const struct reference *self, uint8_t *out, unsigned used_bytes)
{
	static const uint8_t zeros[BLOCK], idle[2] = { IDLE_100MS >> 8, IDLE_100MS & 0xff };
	unsigned at = 0, over;

	if (self->nsid)
		at += option_put(out + at, NSID, self->config->nsid, self->config->nsid_bytes);
	if (self->cookie)
		at += option_put(out + at, COOKIE, self->cookie_data, 24);
	if (self->ecs_bytes)
		at += option_put(out + at, ECS, self->ecs_data, self->ecs_bytes);
	if (self->keepalive)
		at += option_put(out + at, KEEPALIVE, idle, 2);
	if (self->padding) {
		over = (used_bytes + at + 4) % BLOCK;
		at += option_put(out + at, PADDING, zeros, over ? BLOCK - over : 0);
	}
	return at;
}

/* ---- one input ---- */

/* The options of the query, from what is left of the input. */
static unsigned
options_make(const struct reference *self, const uint8_t *data, size_t size, uint8_t *out,
	     unsigned room)
{
	static const uint16_t codes[] = {
		NSID, ECS, COOKIE, KEEPALIVE, PADDING, 15, 65001, COOKIE
	};
	unsigned at = 0;

	while (size >= 2) {
		unsigned kind = data[0] & 7, bytes = data[1] % 48, have, want = 0;
		uint8_t value[64] = "clientid";

		data += 2, size -= 2;
		if (kind == 7) { /* a baked one: age, which secret, then octets over it */
			uint32_t age = size > 0 ? data[0] * 16u : 0;
			unsigned secret = size > 1 ? data[1] & 1 : 0;

			bake(value, self->config->cookie_secrets[secret],
			     size > 1 && data[1] & 2 ? NOW_S + age : NOW_S - age, self->addr,
			     self->addr_bytes);
			want = 24;
			have = (unsigned)MR_MIN(size, (size_t)2);
			data += have, size -= have;
			bytes %= 3;
		}
		have = (unsigned)MR_MIN(size, (size_t)bytes);
		for (unsigned i = 0; i < have; i++)
			value[i] = kind == 7 ? value[i] ^ data[i] : data[i];
		data += have, size -= have;
		want = MR_MAX(want, bytes);
		if (at + 4 + want > room)
			break;
		at += option_put(out + at, codes[kind], value, want);
	}
	return at;
}

static void
judge(const struct reference *self, enum placement placement, const struct mr_dns_item *item)
{
	unsigned rcode, want = placement == TWO_OPTS || placement == OWNER_NOT_ROOT ? FORMERR
			       : placement == VERSION_1                             ? BADVERS
			       : self->formerr                                      ? FORMERR
										    : NOERROR;
	uint8_t expected[2048];
	unsigned bytes;
	ldns_pkt *packet;
	ldns_rdf *options;

	must(item->outcome == MR_DNS_ANSWER);
	must(ldns_wire2pkt(&packet, item->message, item->answer_bytes) == LDNS_STATUS_OK);
	rcode = (unsigned)ldns_pkt_get_rcode(packet) |
		(unsigned)ldns_pkt_edns_extended_rcode(packet) << 4;
	must(rcode == want);
	must(ldns_pkt_edns(packet) == (placement == ONE_OPT || placement == VERSION_1));
	if (want == NOERROR) {
		must(ldns_pkt_ancount(packet) == 1);
		bytes = options_expected(self, expected, QUESTION_BYTES + 16 + 11);
		options = ldns_pkt_edns_data(packet);
		must((options ? ldns_rdf_size(options) : 0) == bytes);
		must(!bytes || !memcmp(ldns_rdf_data(options), expected, bytes));
	}
	ldns_pkt_free(packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t transports[] = { MR_DNS_UDP, MR_DNS_TCP, MR_DNS_TLS, MR_DNS_UDP };
	static uint64_t metrics[MR_DNS_METRIC_COUNT];
	struct mr_dns_config config = { .udp_payload_v4_bytes = 4096,
					.udp_payload_v6_bytes = 4096,
					.wall_offset_s = NOW_S,
					.cookie_secrets = { "0123456789abcdef",
							    "fedcba9876543210" },
					.nsid = "fuzz" };
	struct mr_dns dns = { .config = &config, .metrics = metrics };
	struct reference reference = { .config = &config };
	uint8_t message[8192] = "\x12\x34\0\0\0\1\0\0\0\0\0\0\2ns\7example\0\0\1\0\1",
		options[1024];
	struct mr_dns_item item = { .message = message, .room_bytes = sizeof(message) };
	enum placement placement;
	unsigned bytes, at = QUESTION_BYTES;

	if (size < 4 || size > 2048)
		return 0;
	if (!set)
		make_zone();
	reference.transport = item.client.transport = transports[data[0] & 3];
	item.client.idle_100ms = reference.transport == MR_DNS_UDP ? 0 : IDLE_100MS;
	item.client.encrypted = reference.transport == MR_DNS_TLS;
	item.client.addr = data[0] & 4 ? mr_addr_from_v4(data) : mr_addr_from_v6(message);
	reference.addr_bytes = data[0] & 4 ? 4 : 16;
	memcpy(reference.addr, item.client.addr.bytes + 16 - reference.addr_bytes,
	       reference.addr_bytes);
	/* one secret or two change what is valid, not what comes back */
	config.cookie_secret_count = (data[0] >> 3 & 3) % 3;
	config.nsid_bytes = data[0] & 32 ? 4 : 0;
	placement = data[1] & 0x80 ? (enum placement)(data[1] & 3) : ONE_OPT;
	bytes = options_make(&reference, data + 2, size - 2, options, sizeof(options));
	if (data[1] & 0x40 && bytes) /* cut short */
		bytes -= 1 + data[1] % bytes;
	for (unsigned i = 0; i < (placement == TWO_OPTS ? 2 : 1); i++) {
		static const uint8_t head[] = { 0, 0, 41, 16, 0, 0, 0, 0, 0 };

		if (placement == OWNER_NOT_ROOT)
			memcpy(message + at, "\1x", 2), at += 2;
		memcpy(message + at, head, sizeof(head));
		message[at + 6] = placement == VERSION_1;
		at += (unsigned)sizeof(head);
		message[at] = (uint8_t)(bytes >> 8);
		message[at + 1] = (uint8_t)bytes;
		memcpy(message + at + 2, options, bytes);
		at += 2 + bytes;
		message[11]++;
	}
	item.message_bytes = (uint16_t)at;
	if (placement == ONE_OPT)
		options_read(&reference, options, bytes);
	mr_dns_answer(&dns, set, &item);
	judge(&reference, placement, &item);
	return 0;
}
