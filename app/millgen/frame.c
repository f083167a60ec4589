/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/frame - makes the templates and builds query frames from them.
 */
#include "frame.h"

#include <errno.h>
#include <string.h>

enum {
	FRAME_PROTOCOL_UDP = 17,
	FRAME_TYPE_OPT = 41,
	FRAME_OPTION_COOKIE = 10,
	FRAME_COOKIE_BYTES = 8,
	FRAME_COPY_BYTES = 32,
};

static void
frame_make_edns(struct gen_frames *self)
{
	const struct gen_frame_options *options = &self->options;
	struct mr_writer out = mr_writer_over(self->edns, sizeof(self->edns));

	if (!options->edns_bytes)
		return;
	mr_writer_u8(&out, 0);
	mr_writer_be16(&out, FRAME_TYPE_OPT);
	mr_writer_be16(&out, options->edns_bytes);
	mr_writer_be32(&out, options->dnssec_ok ? 0x8000 : 0);
	mr_writer_be16(&out, options->cookie ? 4 + FRAME_COOKIE_BYTES : 0);
	if (options->cookie) {
		mr_writer_be16(&out, FRAME_OPTION_COOKIE);
		mr_writer_be16(&out, FRAME_COOKIE_BYTES);
		mr_writer_bytes(&out, "\0\0\0\0\0\0\0", FRAME_COOKIE_BYTES);
	}
	MR_ASSERT(!out.failed);
	self->edns_bytes = (uint16_t)(out.at - self->edns);
}

int
gen_frames_create(struct gen_frames *self, const struct gen_question_set *questions,
		  const struct gen_frame_options *options, struct mr_error *error)
{
	unsigned port_bits, epoch_bits = 0;

	memset(self, 0, sizeof(*self));
	self->options = *options;
	self->questions = questions;
	if ((options->dnssec_ok || options->cookie) && !options->edns_bytes)
		return mr_error_set(error, -EINVAL, "DO and cookies need EDNS");
	if (options->edns_bytes && options->edns_bytes < 512)
		return mr_error_set(error, -EINVAL, "EDNS payload size %u is below 512",
				    options->edns_bytes);
	if (options->slot_bits < GEN_SLOT_BITS_MIN || options->slot_bits > GEN_SLOT_BITS_MAX)
		return mr_error_set(error, -EINVAL, "outstanding queries are 2^%d .. 2^%d",
				    GEN_SLOT_BITS_MIN, GEN_SLOT_BITS_MAX);
	if (!options->port_count || options->port_low + options->port_count > 65536 ||
	    !options->port_low)
		return mr_error_set(error, -EINVAL, "source ports %u .. %u are not in 1 .. 65535",
				    options->port_low, options->port_low + options->port_count - 1);
	/* At least sixteen ports within one round of slots, so that receive-side scaling sees
	 * several flows of one client; more when the IDs do not reach. */
	port_bits = options->slot_bits > 20 ? options->slot_bits - 16u : 4u;
	while (1u << (port_bits + epoch_bits + 1) <= options->port_count)
		epoch_bits++;
	if (1u << port_bits > options->port_count) {
		if (options->slot_bits > 16 + 31 - __builtin_clz(options->port_count))
			return mr_error_set(error, -EINVAL,
					    "%u source ports are too few for %u outstanding "
					    "queries",
					    options->port_count, 1u << options->slot_bits);
		port_bits = 31 - (unsigned)__builtin_clz(options->port_count);
	}
	self->port_bits = (uint8_t)port_bits;
	self->epoch_mask = (uint16_t)((1u << epoch_bits) - 1);
	self->slot_mask = (1ull << options->slot_bits) - 1;
	self->seed = gen_mix(options->seed);
	frame_make_edns(self);
	return 0;
}

int
gen_frames_add_lane(struct gen_frames *self, const struct mr_addr *target, uint16_t target_port,
		    const struct mr_prefix *prefix, uint32_t client_limit, struct mr_error *error)
{
	struct gen_lane *lane = &self->lanes[self->lane_count];
	int code;

	if (self->lane_count == GEN_LANE_MAX)
		return mr_error_set(error, -E2BIG, "at most %d pairs of target and source",
				    GEN_LANE_MAX);
	code = gen_way_make(&lane->way, target, target_port, prefix, client_limit, error);
	if (code)
		return code;
	lane->question_offset = (uint16_t)(lane->way.l4_offset + GEN_UDP_BYTES + GEN_DNS_BYTES);
	self->lane_count++;
	return 0;
}

/* frame_make makes the template for a question; without one, lengths are left zero. */
static void
frame_make(const struct gen_frames *self, const struct gen_lane *lane, struct gen_template *out,
	   const uint8_t *question, uint16_t question_bytes)
{
	uint8_t *ip = out->bytes + GEN_ETHER_BYTES, *udp = out->bytes + lane->way.l4_offset;
	uint8_t *dns = udp + GEN_UDP_BYTES, *at = dns + GEN_DNS_BYTES;
	uint16_t udp_bytes, edns_bytes = question ? self->edns_bytes : 0;

	memset(out, 0, sizeof(*out));
	udp_bytes = (uint16_t)(GEN_UDP_BYTES + GEN_DNS_BYTES + question_bytes + edns_bytes);
	out->frame_bytes = (uint16_t)(lane->way.l4_offset + udp_bytes);
	gen_way_header(&lane->way, out->bytes, FRAME_PROTOCOL_UDP, self->options.ttl,
		       question ? udp_bytes : 0);
	mr_store_be16(udp + 2, lane->way.target_port);
	if (question)
		mr_store_be16(udp + 4, udp_bytes);
	mr_store_be16(dns + 2, self->options.recursion_desired ? 0x0100 : 0);
	mr_store_be16(dns + 4, 1);
	mr_store_be16(dns + 10, self->edns_bytes ? 1 : 0);
	if (question) {
		memcpy(at, question, question_bytes);
		memcpy(at + question_bytes, self->edns, edns_bytes);
	}
	if (lane->way.family == 4)
		out->ip_sum = gen_sum_bytes(0, ip, GEN_IPV4_BYTES);
	/* Pseudo-header: target address, protocol, length, and what is constant of the source. */
	out->udp_sum = gen_sum_bytes(0, udp, (size_t)(out->frame_bytes - lane->way.l4_offset));
	out->udp_sum = gen_sum_add(out->udp_sum, __builtin_bswap16(FRAME_PROTOCOL_UDP));
	if (question)
		out->udp_sum = gen_sum_add(out->udp_sum, __builtin_bswap16(udp_bytes));
	if (lane->way.family == 4)
		out->udp_sum = gen_sum_bytes(out->udp_sum, lane->way.target.bytes + 12, 4);
	else
		out->udp_sum = gen_sum_bytes(out->udp_sum, ip + 8, 32);
}

void
gen_frames_set_macs(struct gen_frames *self, uint16_t lane_index, const struct mr_mac *source,
		    const struct mr_mac *target)
{
	struct gen_lane *lane = &self->lanes[lane_index];
	const struct gen_question_set *questions = self->questions;
	uint8_t wire[GEN_QUESTION_MAX_BYTES];
	uint32_t number = 1;

	lane->way.source_mac = *source;
	lane->way.target_mac = *target;
	if (!questions->is_pattern) {
		frame_make(self, lane, &lane->templates[0], NULL, 0);
		return;
	}
	for (unsigned digits = 1; digits <= GEN_DIGITS_MAX; digits++, number *= 10) {
		uint16_t bytes = gen_question_write(questions, number, wire);

		memset(wire + questions->head_bytes, 0, digits);
		frame_make(self, lane, &lane->templates[digits], wire, bytes);
	}
}

void
gen_frame_case(const struct gen_frames *self, uint64_t seq, uint8_t *name, uint16_t name_bytes)
{
	uint64_t bits = 0;

	for (uint16_t i = 0; i < name_bytes; i++, bits >>= 1) {
		if (i % 64 == 0)
			bits = gen_mix(gen_mix(seq + i) ^ ~self->seed);
		/* Length bytes are below 64, so they are no letters. */
		if ((bits & 1) && (uint8_t)((name[i] | 0x20) - 'a') < 26)
			name[i] ^= 0x20;
	}
}

/* frame_copy copies in steps of 32 bytes; both sides have room for the overrun. */
static inline void
frame_copy(uint8_t *to, const uint8_t *from, unsigned bytes)
{
	unsigned at = 0;

	do {
		memcpy(to + at, from + at, FRAME_COPY_BYTES);
		at += FRAME_COPY_BYTES;
	} while (at < bytes);
}

/* frame_put_list lays the headers, a question of a list and the OPT record, patches the lengths,
 * and returns the frame's length; *udp_sum and *ip_sum grow by what was added. */
static uint16_t
frame_put_list(const struct gen_frames *self, const struct gen_lane *lane, uint8_t *frame,
	       uint32_t question, uint64_t *udp_sum, uint64_t *ip_sum)
{
	const struct gen_question *q = &self->questions->list[question];
	const struct gen_template *template = &lane->templates[0];
	uint16_t udp_bytes =
		(uint16_t)(GEN_UDP_BYTES + GEN_DNS_BYTES + q->bytes + self->edns_bytes);
	uint8_t *at = frame + lane->question_offset;
	uint64_t edns_sum = gen_sum_fold(gen_sum_bytes(0, self->edns, self->edns_bytes));

	frame_copy(frame, template->bytes, lane->question_offset);
	frame_copy(at, self->questions->block + q->offset, q->bytes);
	memcpy(at + q->bytes, self->edns, sizeof(self->edns));
	mr_store_be16(frame + lane->way.l4_offset + 4, udp_bytes);
	*udp_sum += 2ull * __builtin_bswap16(udp_bytes) + q->sum + gen_sum_at(edns_sum, q->bytes);
	if (lane->way.family == 4) {
		uint16_t ip_bytes = (uint16_t)(udp_bytes + GEN_IPV4_BYTES);

		mr_store_be16(frame + GEN_ETHER_BYTES + 2, ip_bytes);
		*ip_sum += __builtin_bswap16(ip_bytes);
	} else {
		mr_store_be16(frame + GEN_ETHER_BYTES + 4, udp_bytes);
	}
	return (uint16_t)(lane->way.l4_offset + udp_bytes);
}

/* frame_put_pattern lays the template of the number's length and puts the digits in. */
static inline uint16_t
frame_put_pattern(const struct gen_frames *self, const struct gen_lane *lane, uint8_t *frame,
		  uint32_t number, uint64_t *udp_sum, uint64_t *ip_sum)
{
	unsigned offset = lane->question_offset + self->questions->head_bytes;
	const struct gen_template *template;
	uint64_t digits, tail;

	template = &lane->templates[gen_digits(number, &digits)];
	frame_copy(frame, template->bytes, template->frame_bytes);
	/* The template has zeros for the digits, and eight bytes reach into the tail. */
	memcpy(&tail, template->bytes + offset, 8);
	tail |= digits;
	memcpy(frame + offset, &tail, 8);
	*udp_sum = template->udp_sum;
	*udp_sum = gen_sum_add(*udp_sum, gen_sum_at(digits, offset));
	*ip_sum = template->ip_sum;
	return template->frame_bytes;
}

/* frame_put_case mixes the case of the name, and returns the sum's change. */
static MR_COLD uint64_t
frame_put_case(const struct gen_frames *self, const struct gen_lane *lane, uint8_t *frame,
	       uint16_t frame_bytes, uint64_t seq)
{
	uint8_t *name = frame + lane->question_offset;
	uint16_t name_bytes =
		(uint16_t)(frame_bytes - lane->question_offset - self->edns_bytes - 4);
	uint64_t before = gen_sum_fold(gen_sum_bytes(0, name, name_bytes));

	gen_frame_case(self, seq, name, name_bytes);
	return gen_sum_add(gen_sum_fold(gen_sum_bytes(0, name, name_bytes)), 0xffff - before);
}

static MR_COLD uint64_t
frame_put_cookie(const struct gen_frames *self, uint8_t *frame, uint16_t frame_bytes,
		 uint32_t client)
{
	unsigned offset = frame_bytes - FRAME_COOKIE_BYTES;
	uint64_t cookie = gen_frame_cookie(self, client);

	memcpy(frame + offset, &cookie, FRAME_COOKIE_BYTES);
	return gen_sum_at(cookie, offset);
}

uint16_t
gen_frame_build(const struct gen_frames *self, uint8_t *frame, uint64_t seq, uint64_t random,
		uint32_t question)
{
	const struct gen_lane *lane = gen_frame_lane(self, seq);
	uint32_t client = gen_frame_client(lane, random), address_be;
	uint16_t id_be = __builtin_bswap16(gen_frame_id(self, seq)), frame_bytes, sum;
	uint16_t port_be = __builtin_bswap16(gen_frame_port(self, seq));
	uint8_t *ip = frame + GEN_ETHER_BYTES, *udp = frame + lane->way.l4_offset;
	uint64_t udp_sum = 0, ip_sum = 0;

	if (mr_likely(self->questions->is_pattern)) {
		frame_bytes = frame_put_pattern(self, lane, frame, question, &udp_sum, &ip_sum);
	} else {
		udp_sum = gen_sum_fold(lane->templates[0].udp_sum);
		ip_sum = gen_sum_fold(lane->templates[0].ip_sum);
		frame_bytes = frame_put_list(self, lane, frame, question, &udp_sum, &ip_sum);
	}
	if (mr_unlikely(self->options.random_case))
		udp_sum = gen_sum_add(udp_sum, frame_put_case(self, lane, frame, frame_bytes, seq));
	if (mr_unlikely(self->options.cookie))
		udp_sum = gen_sum_add(udp_sum, frame_put_cookie(self, frame, frame_bytes, client));

	address_be = __builtin_bswap32(lane->way.client_base + client);
	udp_sum = gen_sum_add(udp_sum, (uint64_t)address_be + id_be + port_be);
	if (lane->way.family == 4) {
		memcpy(ip + 12, &address_be, 4);
		sum = (uint16_t)~gen_sum_fold(gen_sum_add(ip_sum, address_be));
		memcpy(ip + 10, &sum, 2);
	} else {
		memcpy(ip + 20, &address_be, 4);
	}
	memcpy(udp, &port_be, 2);
	memcpy(udp + GEN_UDP_BYTES, &id_be, 2);
	sum = (uint16_t)~gen_sum_fold(udp_sum);
	sum = sum ? sum : 0xffff; /* RFC 768: zero says "no checksum" */
	memcpy(udp + 6, &sum, 2);
	return frame_bytes;
}
