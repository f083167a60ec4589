/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/segment - TCP segments: taken apart with every check, and built from templates.
 *
 * Owner:  templates are made on the control thread, const after. Thread: the generator core.
 * Memory: none of its own.
 * Spec:   RFC 9293 3.1 (header), 7323 (window scale, timestamps), 2018 (SACK), 1071 (checksum).
 */
#ifndef MILLGEN_SEGMENT_H
#define MILLGEN_SEGMENT_H

#include "tuple.h"

enum {
	GEN_TCP_BYTES = 20,
	GEN_TCP_MAX_BYTES = 60,
	GEN_SACK_BYTES = 24,          /* of the blocks of GEN_SHAPE_SACK */
	GEN_TCP_TIMESTAMP_BYTES = 12, /* with two NOPs */
	GEN_TCP_PROTOCOL = 6,
	GEN_SEGMENT_TEMPLATE_BYTES = 128,
	GEN_FIN = 1,
	GEN_SYN = 2,
	GEN_RST = 4,
	GEN_PSH = 8,
	GEN_ACK = 16,
};

enum gen_segment_shape {
	GEN_SHAPE_PLAIN,     /* no option */
	GEN_SHAPE_TIMESTAMP, /* with timestamps */
	GEN_SHAPE_SYN,       /* all that a SYN offers */
	GEN_SHAPE_SACK,      /* with timestamps and three blocks: the blocks are the payload */
	GEN_SHAPES,
};

struct gen_segment_options {
	uint16_t mss; /* offered at most; 0: what fits the MTU */
	uint16_t mtu;
	uint8_t window_scale;
	bool timestamps, sack;
	uint8_t ttl;
};

struct gen_segment_template {
	uint64_t tcp_sum; /* pseudo-header and TCP, what is patched as zero */
	uint64_t ip_sum;
	uint16_t header_bytes; /* up to the payload */
	uint16_t tcp_bytes;    /* of the TCP header */
	uint8_t bytes[GEN_SEGMENT_TEMPLATE_BYTES] MR_LINE_ALIGNED;
};

/* [way][shape] */
struct gen_segment_templates {
	struct gen_segment_template of[GEN_LANE_MAX][GEN_SHAPES];
};

/* gen_segment_mss returns the MSS that is offered on a way of a family. */
static inline uint16_t
gen_segment_mss(const struct gen_segment_options *options, uint8_t family)
{
	uint16_t most = (uint16_t)(options->mtu - GEN_TCP_BYTES -
				   (family == 4 ? GEN_IPV4_BYTES : GEN_IPV6_BYTES));

	return options->mss ? MR_MIN(options->mss, most) : most;
}

/* gen_segment_templates_make needs the ways' link addresses. */
void gen_segment_templates_make(struct gen_segment_templates *self, const struct gen_tuples *tuples,
				const struct gen_segment_options *options);

/* What is different from segment to segment. */
struct gen_segment_out {
	uint32_t tuple;
	uint32_t seq, ack;
	uint32_t ts_val, ts_ecr;
	uint16_t window;
	uint8_t flags;
	enum gen_segment_shape shape;
};

/* gen_segment_room returns how far into a frame the payload of shape begins. */
static inline uint16_t
gen_segment_room(const struct gen_segment_templates *self, uint32_t way,
		 enum gen_segment_shape shape)
{
	return self->of[way][shape].header_bytes;
}

/* gen_segment_build writes headers and checksums before a payload that is already in place, and
 * returns the frame's length. parts are those of out->tuple. */
MR_HOT uint16_t gen_segment_build(const struct gen_segment_templates *self,
				  const struct gen_tuples *tuples,
				  const struct gen_tuple_parts *parts, uint8_t *frame,
				  const struct gen_segment_out *out, uint16_t payload_bytes);

/* A segment that came. */
struct gen_segment {
	const uint8_t *payload;
	uint32_t tuple;
	uint32_t seq, ack;
	uint32_t ts_val, ts_ecr;
	uint16_t payload_bytes;
	uint16_t window;
	uint16_t mss; /* of a SYN; 0: not told */
	uint8_t flags;
	uint8_t window_scale; /* of a SYN; UINT8_MAX: not told */
	bool has_timestamps;
};

enum gen_parse {
	GEN_PARSE_OK,
	GEN_PARSE_OTHER,    /* no TCP segment to a client */
	GEN_PARSE_FOREIGN,  /* TCP, but of a target or to a port that is none of ours */
	GEN_PARSE_LENGTH,   /* lengths or options do not hold */
	GEN_PARSE_CHECKSUM, /* IP or TCP checksum */
};

/* gen_segment_parse takes a frame apart and checks all that can be checked without a connection. */
MR_HOT MR_NONNULL enum gen_parse gen_segment_parse(const struct gen_tuples *tuples,
						   const uint8_t *frame, uint32_t frame_bytes,
						   struct gen_segment *out);

#endif
