/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/frame - query frames: a template per length, patched per query, checksums by parts.
 *
 * A query is a function of its sequence number and its question: the sequence number gives the
 * client (address), ID and source port, and, by a keyed mix, all that is random. So the matcher
 * needs to keep only the question and the time (match.h), and no reply is looked up by hashing.
 *
 *   index = seq mod slots              slots = 2^slot_bits
 *   port  = port_low + index mod ports + ports * (seq / slots mod epochs)
 *   ID    = (index / ports) * odd, mod 2^16
 *
 * Owner:  made on the control thread; const after, except the chooser's state.
 * Thread: the generator core builds.
 * Memory: writes at most GEN_FRAME_ROOM_BYTES of each frame buffer.
 * Spec:   RFC 791, 8200, 768, 1035, 6891 (EDNS), 3225 (DO), 7873 (cookies), draft 0x20 (case).
 */
#ifndef MILLGEN_FRAME_H
#define MILLGEN_FRAME_H

#include "base/base.h"
#include "question.h"
#include "way.h"

enum {
	GEN_UDP_BYTES = 8,
	GEN_DNS_BYTES = 12,
	GEN_EDNS_MAX_BYTES = 11 + 12,
	GEN_TEMPLATE_BYTES = 384,
	GEN_FRAME_ROOM_BYTES = 448, /* of a buffer that frames are built in */
	GEN_SLOT_BITS_MIN = 8,
	GEN_SLOT_BITS_MAX = 24,
};

struct gen_frame_options {
	uint16_t edns_bytes; /* UDP payload size offered; 0: no EDNS */
	bool dnssec_ok;
	bool cookie;
	bool random_case;
	bool recursion_desired;
	uint8_t ttl;
	uint8_t slot_bits; /* log2 of queries remembered at once */
	uint16_t port_low; /* source ports begin here */
	uint16_t port_count;
	uint64_t seed;
};

struct gen_template {
	uint64_t udp_sum; /* pseudo-header, UDP and DNS, with what is patched as zero */
	uint64_t ip_sum;  /* IPv4 */
	uint16_t frame_bytes;
	uint8_t bytes[GEN_TEMPLATE_BYTES] MR_LINE_ALIGNED;
};

/* A lane is a way with its templates. Queries take the lanes in turn. */
struct gen_lane {
	struct gen_way way;
	uint16_t question_offset; /* of QNAME */
	/* [d]: for numbers of d digits; [0]: for lists, without the question */
	struct gen_template templates[GEN_DIGITS_MAX + 1];
};

struct gen_frames {
	struct gen_frame_options options;
	const struct gen_question_set *questions;
	uint64_t slot_mask, seed;
	uint8_t port_bits; /* log2 of the ports that the slot index uses */
	uint16_t epoch_mask;
	uint16_t lane_count;
	uint16_t edns_bytes; /* of the OPT record */
	uint8_t edns[GEN_EDNS_MAX_BYTES + 9];
	struct gen_lane lanes[GEN_LANE_MAX];
};

/* gen_frames_create checks options (port_count is rounded down to a power of two). */
MR_MUST_USE int gen_frames_create(struct gen_frames *self, const struct gen_question_set *questions,
				  const struct gen_frame_options *options, struct mr_error *error);

/* gen_frames_add_lane adds a target with its clients: client_limit of prefix (0: all of them; a
 * network and broadcast address is nobody's). Families must agree. */
MR_MUST_USE int gen_frames_add_lane(struct gen_frames *self, const struct mr_addr *target,
				    uint16_t target_port, const struct mr_prefix *prefix,
				    uint32_t client_limit, struct mr_error *error);

/* gen_frames_set_macs fills in link addresses when they are known, and makes the templates. */
void gen_frames_set_macs(struct gen_frames *self, uint16_t lane, const struct mr_mac *source,
			 const struct mr_mac *target);

/* ---- what a sequence number stands for ---- */

static inline uint16_t
gen_frame_port(const struct gen_frames *self, uint64_t seq)
{
	uint32_t ports = 1u << self->port_bits;
	uint32_t epoch = (uint32_t)(seq >> self->options.slot_bits) & self->epoch_mask;

	return (uint16_t)(self->options.port_low + ((uint32_t)seq & (ports - 1)) + ports * epoch);
}

enum { GEN_ID_FACTOR = 0x9e35, GEN_ID_INVERSE = 0x441d };

static inline uint16_t
gen_frame_id(const struct gen_frames *self, uint64_t seq)
{
	return (uint16_t)(((seq & self->slot_mask) >> self->port_bits) * GEN_ID_FACTOR);
}

/* gen_frame_random returns the 64 random bits of query seq: the low half is for the client, the
 * high half for the question. */
static inline uint64_t
gen_frame_random(const struct gen_frames *self, uint64_t seq)
{
	return gen_mix(seq ^ self->seed);
}

static inline uint32_t
gen_frame_client(const struct gen_lane *lane, uint64_t random)
{
	return (uint32_t)((random & 0xffffffff) * lane->way.client_count >> 32);
}

static inline const struct gen_lane *
gen_frame_lane(const struct gen_frames *self, uint64_t seq)
{
	return mr_likely(self->lane_count == 1) ? &self->lanes[0]
						: &self->lanes[seq % self->lane_count];
}

/* gen_frame_case turns letters of a name to upper case by random bits of (seed, seq). */
void gen_frame_case(const struct gen_frames *self, uint64_t seq, uint8_t *name,
		    uint16_t name_bytes);

/* gen_frame_cookie returns the client cookie of a client: the same for its every query. */
static inline uint64_t
gen_frame_cookie(const struct gen_frames *self, uint32_t client)
{
	return gen_mix(client + (self->seed << 1));
}

/* gen_frame_build writes query seq, asking question, and returns the frame's length. */
MR_HOT uint16_t gen_frame_build(const struct gen_frames *self, uint8_t *frame, uint64_t seq,
				uint64_t random, uint32_t question);

#endif
