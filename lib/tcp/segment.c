/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/segment - header and option reading and writing, and the checksum.
 */
#include "tcp/segment.h"

enum {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_MSS = 2,
	OPTION_WSCALE = 3,
	OPTION_SACK_PERMITTED = 4,
	OPTION_SACK = 5,
	OPTION_TIMESTAMPS = 8,
};

static void
parse_sack(struct mr_tcp_segment *out, const uint8_t *value, uint32_t value_bytes)
{
	for (uint32_t at = 0; at + 8 <= value_bytes && out->sack_count < MR_TCP_SACK_MAX; at += 8) {
		struct mr_tcp_block *block = &out->sacks[out->sack_count++];

		block->left = mr_load_be32(value + at);
		block->right = mr_load_be32(value + at + 4);
	}
}

/* parse_option takes one option's value. Options that only a SYN may carry count only there
 * (RFC 9293 3.1 for MSS; RFC 7323 2.2, RFC 2018 2). A known kind of a wrong length is skipped. */
static void
parse_option(struct mr_tcp_segment *out, uint8_t kind, const uint8_t *value, uint32_t value_bytes)
{
	bool syn = out->flags & MR_TCP_SYN;

	switch (kind) {
	case OPTION_MSS:
		if (syn && value_bytes == 2)
			out->mss = mr_load_be16(value);
		break;
	case OPTION_WSCALE:
		if (syn && value_bytes == 1) /* RFC 7323 2.3: above 14 is taken as 14 */
			out->wscale = MR_MIN(value[0], MR_TCP_WSCALE_MAX);
		break;
	case OPTION_SACK_PERMITTED:
		if (syn && value_bytes == 0)
			out->sack_permitted = true;
		break;
	case OPTION_SACK:
		if (!syn && value_bytes % 8 == 0)
			parse_sack(out, value, value_bytes);
		break;
	case OPTION_TIMESTAMPS:
		if (value_bytes == 8) {
			out->has_ts = true;
			out->tsval = mr_load_be32(value);
			out->tsecr = mr_load_be32(value + 4);
		}
		break;
	}
}

static void
parse_options(struct mr_tcp_segment *out, const uint8_t *at, const uint8_t *end)
{
	while (at < end && *at != OPTION_END) { /* at most 40 rounds */
		if (*at == OPTION_NOP) {
			at++;
			continue;
		}
		if (end - at < 2 || at[1] < 2 || at[1] > end - at) {
			out->options_broken = true;
			return;
		}
		parse_option(out, at[0], at + 2, at[1] - 2u);
		at += at[1];
	}
}

bool
mr_tcp_segment_parse(const void *bytes, uint32_t byte_count, struct mr_tcp_segment *out)
{
	const uint8_t *p = bytes;
	uint32_t header_bytes;

	if (byte_count < MR_TCP_HEADER_BYTES || byte_count > UINT16_MAX)
		return false;
	header_bytes = (p[12] >> 4) * 4u;
	if (header_bytes < MR_TCP_HEADER_BYTES || header_bytes > byte_count)
		return false;
	*out = (struct mr_tcp_segment){
		.src_port = mr_load_be16(p),
		.dst_port = mr_load_be16(p + 2),
		.seq = mr_load_be32(p + 4),
		.ack = mr_load_be32(p + 8),
		.flags = p[13],
		.header_bytes = (uint8_t)header_bytes,
		.wnd = mr_load_be16(p + 14),
		.payload = p + header_bytes,
		.payload_bytes = (uint16_t)(byte_count - header_bytes),
		.wscale = MR_TCP_WSCALE_NONE,
	};
	parse_options(out, p + MR_TCP_HEADER_BYTES, p + header_bytes);
	return true;
}

/* write_options returns the end of what it wrote, on a 4-byte border. */
static uint8_t *
write_options(const struct mr_tcp_segment *s, uint8_t *at)
{
	uint8_t *end = at + MR_TCP_HEADER_MAX_BYTES - MR_TCP_HEADER_BYTES;
	uint32_t block_count;

	if (s->mss) {
		*at++ = OPTION_MSS;
		*at++ = 4;
		mr_store_be16(at, s->mss);
		at += 2;
	}
	if (s->has_ts) { /* the two bytes before it align it: SACK permitted, or NOPs */
		*at++ = s->sack_permitted ? OPTION_SACK_PERMITTED : OPTION_NOP;
		*at++ = s->sack_permitted ? 2 : OPTION_NOP;
		*at++ = OPTION_TIMESTAMPS;
		*at++ = 10;
		mr_store_be32(at, s->tsval);
		mr_store_be32(at + 4, s->tsecr);
		at += 8;
	} else if (s->sack_permitted) {
		*at++ = OPTION_NOP;
		*at++ = OPTION_NOP;
		*at++ = OPTION_SACK_PERMITTED;
		*at++ = 2;
	}
	if (s->wscale != MR_TCP_WSCALE_NONE) {
		*at++ = OPTION_NOP;
		*at++ = OPTION_WSCALE;
		*at++ = 3;
		*at++ = s->wscale;
	}
	if (s->sack_count && end - at >= 12) {
		block_count = MR_MIN(s->sack_count, (uint32_t)(end - at - 4) / 8);
		*at++ = OPTION_NOP;
		*at++ = OPTION_NOP;
		*at++ = OPTION_SACK;
		*at++ = (uint8_t)(2 + 8 * block_count);
		for (uint32_t i = 0; i < block_count; i++, at += 8) {
			mr_store_be32(at, s->sacks[i].left);
			mr_store_be32(at + 4, s->sacks[i].right);
		}
	}
	return at;
}

uint8_t
mr_tcp_segment_write(const struct mr_tcp_segment *s, uint8_t *out)
{
	uint8_t header_bytes = (uint8_t)(write_options(s, out + MR_TCP_HEADER_BYTES) - out);

	mr_store_be16(out, s->src_port);
	mr_store_be16(out + 2, s->dst_port);
	mr_store_be32(out + 4, s->seq);
	mr_store_be32(out + 8, s->ack);
	out[12] = (uint8_t)(header_bytes / 4 << 4);
	out[13] = s->flags;
	mr_store_be16(out + 14, s->wnd);
	memset(out + 16, 0, 4); /* checksum, urgent pointer (never sent: RFC 6093) */
	return header_bytes;
}

uint64_t
mr_tcp_checksum_add(uint64_t sum, const void *bytes, size_t byte_count)
{
	const uint8_t *p = bytes;

	for (; byte_count >= 4; p += 4, byte_count -= 4)
		sum += mr_load_be32(p);
	if (byte_count >= 2)
		sum += (uint64_t)mr_load_be16(p) << 16;
	if (byte_count & 1)
		sum += byte_count == 3 ? (uint64_t)p[2] << 8 : (uint64_t)p[0] << 24;
	return sum;
}

uint16_t
mr_tcp_checksum(const struct mr_tcp_flow *flow, const void *tcp, uint32_t tcp_bytes)
{
	bool v4 = mr_addr_is_v4(&flow->local);
	size_t skip = v4 ? 12 : 0;
	uint64_t sum = (uint64_t)tcp_bytes + 6; /* IPPROTO_TCP */

	sum = mr_tcp_checksum_add(sum, flow->local.bytes + skip, 16 - skip);
	sum = mr_tcp_checksum_add(sum, flow->remote.bytes + skip, 16 - skip);
	sum = mr_tcp_checksum_add(sum, tcp, tcp_bytes);
	while (sum >> 16) /* 64 bits fold in at most 4 rounds */
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}
