/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/segment - headers and options.
 */
#include "segment.h"

#include <string.h>

enum {
	SEGMENT_OPTION_END = 0,
	SEGMENT_OPTION_NOP = 1,
	SEGMENT_OPTION_MSS = 2,
	SEGMENT_OPTION_SCALE = 3,
	SEGMENT_OPTION_SACK_PERMITTED = 4,
	SEGMENT_OPTION_TIMESTAMPS = 8,
	SEGMENT_OFFSET_FLAGS = 13,
};

/* NOP, NOP, timestamps: as everybody lays them. */
#define SEGMENT_TIMESTAMPS_BE 0x0101080au

/* segment_options writes the options of a shape and returns their bytes, a multiple of four. */
static uint16_t
segment_options(uint8_t *at, uint8_t family, enum gen_segment_shape shape,
		const struct gen_segment_options *options)
{
	struct mr_writer out = mr_writer_over(at, GEN_TCP_MAX_BYTES - GEN_TCP_BYTES);

	if (shape == GEN_SHAPE_SYN) {
		mr_writer_be32(&out, 0x02040000u | gen_segment_mss(options, family));
		mr_writer_be16(&out, options->sack ? 0x0402 : 0x0101);
		mr_writer_be16(&out, options->timestamps ? 0x080a : 0x0101);
		if (options->timestamps)
			mr_writer_bytes(&out, "\0\0\0\0\0\0\0", 8);
		if (options->window_scale)
			mr_writer_be32(&out, 0x01030300u | options->window_scale);
	} else if (shape == GEN_SHAPE_TIMESTAMP || shape == GEN_SHAPE_SACK) {
		mr_writer_be32(&out, SEGMENT_TIMESTAMPS_BE);
		mr_writer_bytes(&out, "\0\0\0\0\0\0\0", 8);
		if (shape == GEN_SHAPE_SACK)
			mr_writer_be32(&out, 0x01010500u | (2 + GEN_SACK_BYTES));
	}
	MR_ASSERT(!out.failed);
	return (uint16_t)(out.at - at);
}

static void
segment_template_make(struct gen_segment_template *self, const struct gen_way *way,
		      enum gen_segment_shape shape, const struct gen_segment_options *options)
{
	uint8_t *tcp = self->bytes + way->l4_offset, *ip = self->bytes + GEN_ETHER_BYTES;

	memset(self, 0, sizeof(*self));
	gen_way_header(way, self->bytes, GEN_TCP_PROTOCOL, options->ttl, 0);
	mr_store_be16(tcp + 2, way->target_port);
	self->tcp_bytes = (uint16_t)(GEN_TCP_BYTES + segment_options(tcp + GEN_TCP_BYTES,
								     way->family, shape, options));
	tcp[12] = (uint8_t)((self->tcp_bytes + (shape == GEN_SHAPE_SACK ? GEN_SACK_BYTES : 0)) / 4
			    << 4);
	self->header_bytes = (uint16_t)(way->l4_offset + self->tcp_bytes);
	if (way->family == 4)
		self->ip_sum = gen_sum_bytes(0, ip, GEN_IPV4_BYTES);
	self->tcp_sum = gen_sum_bytes(0, tcp, self->tcp_bytes);
	self->tcp_sum = gen_sum_add(self->tcp_sum, __builtin_bswap16(GEN_TCP_PROTOCOL));
	if (way->family == 4)
		self->tcp_sum = gen_sum_bytes(self->tcp_sum, way->target.bytes + 12, 4);
	else
		self->tcp_sum = gen_sum_bytes(self->tcp_sum, ip + 8, 32);
}

void
gen_segment_templates_make(struct gen_segment_templates *self, const struct gen_tuples *tuples,
			   const struct gen_segment_options *options)
{
	for (uint32_t way = 0; way < tuples->way_count; way++)
		for (unsigned shape = 0; shape < GEN_SHAPES; shape++)
			segment_template_make(&self->of[way][shape], &tuples->ways[way],
					      (enum gen_segment_shape)shape, options);
}

/* segment_put stores a big-endian number and returns it as it lies in memory, to be summed. */
static inline uint32_t
segment_put(uint8_t *at, uint32_t value)
{
	uint32_t be = __builtin_bswap32(value);

	memcpy(at, &be, 4);
	return be;
}

uint16_t
gen_segment_build(const struct gen_segment_templates *self, const struct gen_tuples *tuples,
		  const struct gen_tuple_parts *parts, uint8_t *frame,
		  const struct gen_segment_out *out, uint16_t payload_bytes)
{
	const struct gen_way *way = &tuples->ways[parts->way];
	const struct gen_segment_template *template = &self->of[parts->way][out->shape];
	uint8_t *ip = frame + GEN_ETHER_BYTES, *tcp = frame + way->l4_offset, *payload;
	uint16_t l4_bytes = (uint16_t)(template->tcp_bytes + payload_bytes), be;
	uint64_t sum = gen_sum_fold(template->tcp_sum);
	uint32_t address_be = __builtin_bswap32(way->client_base + parts->client);

	/* The payload begins behind the template's end, so copy exactly that much. */
	memcpy(frame, template->bytes, GEN_ETHER_BYTES + GEN_IPV4_BYTES);
	memcpy(frame + GEN_ETHER_BYTES + GEN_IPV4_BYTES,
	       template->bytes + GEN_ETHER_BYTES + GEN_IPV4_BYTES,
	       template->header_bytes - (size_t)(GEN_ETHER_BYTES + GEN_IPV4_BYTES));
	payload = frame + template->header_bytes;
	be = __builtin_bswap16(parts->port);
	memcpy(tcp, &be, 2);
	sum += be;
	sum += segment_put(tcp + 4, out->seq);
	sum += segment_put(tcp + 8, out->ack);
	tcp[SEGMENT_OFFSET_FLAGS] = out->flags;
	sum += (uint64_t)out->flags << 8;
	be = __builtin_bswap16(out->window);
	memcpy(tcp + 14, &be, 2);
	sum += be;
	if (out->shape == GEN_SHAPE_TIMESTAMP || out->shape == GEN_SHAPE_SACK) {
		sum += segment_put(tcp + GEN_TCP_BYTES + 4, out->ts_val);
		sum += segment_put(tcp + GEN_TCP_BYTES + 8, out->ts_ecr);
	} else if (out->shape == GEN_SHAPE_SYN &&
		   tcp[GEN_TCP_BYTES + 6] == SEGMENT_OPTION_TIMESTAMPS) {
		sum += segment_put(tcp + GEN_TCP_BYTES + 8, out->ts_val);
	}
	sum += (uint64_t)address_be + __builtin_bswap16(l4_bytes);
	sum = gen_sum_bytes(sum, payload, payload_bytes);
	if (way->family == 4) {
		uint16_t total_be = __builtin_bswap16((uint16_t)(l4_bytes + GEN_IPV4_BYTES));

		memcpy(ip + 2, &total_be, 2);
		memcpy(ip + 12, &address_be, 4);
		be = (uint16_t)~gen_sum_fold(gen_sum_fold(template->ip_sum) + (uint64_t)address_be +
					     total_be);
		memcpy(ip + 10, &be, 2);
	} else {
		mr_store_be16(ip + 4, l4_bytes);
		memcpy(ip + 20, &address_be, 4);
	}
	be = (uint16_t)~gen_sum_fold(sum);
	memcpy(tcp + 16, &be, 2);
	return (uint16_t)(template->header_bytes + payload_bytes);
}

/* segment_parse_options walks options that are not the usual twelve bytes; false: they do not
 * hold. */
static bool
segment_parse_options(const uint8_t *at, uint32_t bytes, struct gen_segment *out)
{
	while (bytes) {
		uint8_t kind = at[0], length;

		if (kind == SEGMENT_OPTION_END)
			return true;
		if (kind == SEGMENT_OPTION_NOP) {
			at++;
			bytes--;
			continue;
		}
		if (bytes < 2 || at[1] < 2 || at[1] > bytes)
			return false;
		length = at[1];
		if (kind == SEGMENT_OPTION_MSS && length == 4) {
			out->mss = mr_load_be16(at + 2);
		} else if (kind == SEGMENT_OPTION_SCALE && length == 3) {
			out->window_scale = MR_MIN(at[2], 14); /* RFC 7323 2.3 */
		} else if (kind == SEGMENT_OPTION_TIMESTAMPS && length == 10) {
			out->has_timestamps = true;
			out->ts_val = mr_load_be32(at + 2);
			out->ts_ecr = mr_load_be32(at + 6);
		}
		at += length;
		bytes -= length;
	}
	return true;
}

/* segment_tuple finds the way whose target sent the packet to one of its clients; addresses are the
 * whole 4 or 16 bytes. UINT32_MAX: none. */
static inline uint32_t
segment_tuple(const struct gen_tuples *tuples, uint8_t family, const uint8_t *target,
	      const uint8_t *client, const uint8_t *tcp)
{
	unsigned bytes = family == 4 ? 4 : 16, skip = 16 - bytes;

	for (uint32_t i = 0; i < tuples->way_count; i++) {
		const struct gen_way *way = &tuples->ways[i];
		uint32_t tuple;

		if (way->family != family || way->target_port != mr_load_be16(tcp) ||
		    memcmp(way->target.bytes + skip, target, bytes) != 0 ||
		    memcmp(way->source.bytes + skip, client, bytes - 4) != 0)
			continue;
		tuple = gen_tuple_of(tuples, i, mr_load_be32(client + bytes - 4),
				     mr_load_be16(tcp + 2));
		if (tuple != UINT32_MAX)
			return tuple;
	}
	return UINT32_MAX;
}

/* segment_parse_tcp checks the TCP header, found at tcp with l4_bytes. */
static inline enum gen_parse
segment_parse_tcp(const uint8_t *tcp, uint32_t l4_bytes, uint64_t pseudo, struct gen_segment *out)
{
	uint32_t header_bytes, option_bytes;

	if (l4_bytes < GEN_TCP_BYTES || l4_bytes > UINT16_MAX)
		return GEN_PARSE_LENGTH;
	header_bytes = (tcp[12] >> 4) * 4u;
	if (header_bytes < GEN_TCP_BYTES || header_bytes > l4_bytes)
		return GEN_PARSE_LENGTH;
	pseudo = gen_sum_bytes(pseudo, tcp, l4_bytes);
	pseudo = gen_sum_add(pseudo, (uint64_t)__builtin_bswap16(GEN_TCP_PROTOCOL) +
					     __builtin_bswap16((uint16_t)l4_bytes));
	if (gen_sum_fold(pseudo) != 0xffff)
		return GEN_PARSE_CHECKSUM;
	out->seq = mr_load_be32(tcp + 4);
	out->ack = mr_load_be32(tcp + 8);
	out->flags = tcp[SEGMENT_OFFSET_FLAGS];
	out->window = mr_load_be16(tcp + 14);
	out->payload = tcp + header_bytes;
	out->payload_bytes = (uint16_t)(l4_bytes - header_bytes);
	out->mss = 0;
	out->window_scale = UINT8_MAX;
	out->has_timestamps = false;
	option_bytes = header_bytes - GEN_TCP_BYTES;
	if (mr_likely(option_bytes == GEN_TCP_TIMESTAMP_BYTES &&
		      mr_load_be32(tcp + GEN_TCP_BYTES) == SEGMENT_TIMESTAMPS_BE)) {
		out->has_timestamps = true;
		out->ts_val = mr_load_be32(tcp + GEN_TCP_BYTES + 4);
		out->ts_ecr = mr_load_be32(tcp + GEN_TCP_BYTES + 8);
		return GEN_PARSE_OK;
	}
	return segment_parse_options(tcp + GEN_TCP_BYTES, option_bytes, out) ? GEN_PARSE_OK
									     : GEN_PARSE_LENGTH;
}

enum gen_parse
gen_segment_parse(const struct gen_tuples *tuples, const uint8_t *frame, uint32_t frame_bytes,
		  struct gen_segment *out)
{
	const uint8_t *ip = frame + GEN_ETHER_BYTES, *tcp, *target, *client;
	uint32_t l4_bytes;
	enum gen_parse parse;
	uint64_t pseudo;
	uint8_t family;

	if (frame_bytes < GEN_ETHER_BYTES + GEN_IPV4_BYTES + GEN_TCP_BYTES)
		return GEN_PARSE_OTHER;
	if (mr_load_be16(frame + 12) == GEN_ETHERTYPE_IPV4) {
		uint16_t total_bytes = mr_load_be16(ip + 2);

		if (ip[0] != 0x45 || ip[9] != GEN_TCP_PROTOCOL || (mr_load_be16(ip + 6) & 0x3fff))
			return GEN_PARSE_OTHER;
		if (total_bytes < GEN_IPV4_BYTES ||
		    total_bytes + 0u + GEN_ETHER_BYTES > frame_bytes)
			return GEN_PARSE_LENGTH;
		if (gen_sum_fold(gen_sum_bytes(0, ip, GEN_IPV4_BYTES)) != 0xffff)
			return GEN_PARSE_CHECKSUM;
		family = 4;
		l4_bytes = total_bytes - GEN_IPV4_BYTES;
		pseudo = gen_sum_bytes(0, ip + 12, 8);
		target = ip + 12;
		client = ip + 16;
		tcp = ip + GEN_IPV4_BYTES;
	} else {
		if (mr_load_be16(frame + 12) != GEN_ETHERTYPE_IPV6 || ip[0] >> 4 != 6 ||
		    ip[6] != GEN_TCP_PROTOCOL)
			return GEN_PARSE_OTHER;
		l4_bytes = mr_load_be16(ip + 4);
		if (l4_bytes + GEN_ETHER_BYTES + GEN_IPV6_BYTES > frame_bytes)
			return GEN_PARSE_LENGTH;
		family = 6;
		pseudo = gen_sum_bytes(0, ip + 8, 32);
		target = ip + 8;
		client = ip + 24;
		tcp = ip + GEN_IPV6_BYTES;
	}
	parse = segment_parse_tcp(tcp, l4_bytes, pseudo, out);
	if (mr_unlikely(parse != GEN_PARSE_OK))
		return parse;
	out->tuple = segment_tuple(tuples, family, target, client, tcp);
	return mr_likely(out->tuple != UINT32_MAX) ? GEN_PARSE_OK : GEN_PARSE_FOREIGN;
}
