/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/match - judges replies.
 */
#include "match.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MATCH_VERDICT_ROW(name, class, help) { #name, help, GEN_CLASS_##class },
static const struct gen_verdict_row match_verdict_rows[] = { GEN_VERDICTS(MATCH_VERDICT_ROW) };
const struct gen_verdict_table gen_match_verdicts = { match_verdict_rows, GEN_VERDICT_COUNT };

enum {
	MATCH_UDP = 17,
	MATCH_FLAG_QR = 0x8000,
	MATCH_FLAG_TC = 0x0200,
	MATCH_OPCODE = 0x7800,
	MATCH_CLASS_IN = 1,
	MATCH_TYPE_OPT = 41,
	MATCH_OPTION_COOKIE = 10,
	MATCH_RECORD_MAX = 256, /* records walked in search of the OPT */
};

/* A datagram, and which of its ends is the client. Offsets are from the frame. */
struct match_datagram {
	const uint8_t *client_addr, *target_addr; /* 4 or 16 bytes */
	const uint8_t *dns;
	uint32_t dns_bytes;
	uint16_t client_port, target_port;
	uint8_t family;
};

int
gen_match_create(struct gen_match *self, const struct gen_frames *frames,
		 const struct gen_match_options *options, struct mr_error *error)
{
	size_t bytes = (frames->slot_mask + 1) * sizeof(*self->slots);

	self->frames = frames;
	self->options = *options;
	self->slots = aligned_alloc(MR_CACHE_LINE, bytes);
	if (!self->slots)
		return mr_error_set(error, -ENOMEM, "no memory for %zu outstanding queries",
				    (size_t)frames->slot_mask + 1);
	memset(self->slots, 0, bytes);
	return 0;
}

void
gen_match_destroy(struct gen_match *self)
{
	free(self->slots);
	self->slots = NULL;
}

void
gen_match_forget(struct gen_match *self)
{
	memset(self->slots, 0, (self->frames->slot_mask + 1) * sizeof(*self->slots));
}

/* match_equal compares bytes eight at a time; both sides are readable for 8 bytes more. */
static inline bool
match_equal(const uint8_t *a, const uint8_t *b, unsigned bytes)
{
	uint64_t x, y, differ = 0;
	unsigned at = 0;

	for (; at + 8 <= bytes; at += 8) {
		memcpy(&x, a + at, 8);
		memcpy(&y, b + at, 8);
		differ |= x ^ y;
	}
	if (at < bytes) {
		memcpy(&x, a + at, 8);
		memcpy(&y, b + at, 8);
		differ |= (x ^ y) << (8 * (at + 8 - bytes));
	}
	return differ == 0;
}

/* match_parse_ip checks the IP header and returns the offset of UDP, or a verdict below zero. */
static inline int
match_parse_ip(const uint8_t *frame, uint32_t frame_bytes, struct match_datagram *out,
	       uint32_t *l4_bytes, uint64_t *pseudo)
{
	const uint8_t *ip = frame + GEN_ETHER_BYTES;
	uint16_t type = mr_load_be16(frame + 12);

	if (mr_likely(type == GEN_ETHERTYPE_IPV4)) {
		uint16_t total_bytes = mr_load_be16(ip + 2);

		if (ip[0] != 0x45 || ip[9] != MATCH_UDP || (mr_load_be16(ip + 6) & 0x3fff))
			return -GEN_other;
		if (total_bytes < GEN_IPV4_BYTES ||
		    total_bytes + 0u + GEN_ETHER_BYTES > frame_bytes)
			return -GEN_malformed;
		if (gen_sum_fold(gen_sum_bytes(0, ip, GEN_IPV4_BYTES)) != 0xffff)
			return -GEN_checksum;
		*l4_bytes = total_bytes - GEN_IPV4_BYTES;
		*pseudo = gen_sum_bytes(0, ip + 12, 8);
		out->family = 4;
		out->target_addr = ip + 12;
		out->client_addr = ip + 16;
		return GEN_ETHER_BYTES + GEN_IPV4_BYTES;
	}
	if (type != GEN_ETHERTYPE_IPV6 || ip[0] >> 4 != 6 || ip[6] != MATCH_UDP)
		return -GEN_other;
	*l4_bytes = mr_load_be16(ip + 4);
	if (*l4_bytes + GEN_ETHER_BYTES + GEN_IPV6_BYTES > frame_bytes)
		return -GEN_malformed;
	*pseudo = gen_sum_bytes(0, ip + 8, 32);
	out->family = 6;
	out->target_addr = ip + 8;
	out->client_addr = ip + 24;
	return GEN_ETHER_BYTES + GEN_IPV6_BYTES;
}

/* match_parse takes a frame apart down to the DNS message; returns 0 or a verdict below zero. */
static inline int
match_parse(const uint8_t *frame, uint32_t frame_bytes, struct match_datagram *out)
{
	uint32_t l4_bytes;
	uint64_t sum;
	uint16_t udp_bytes;
	const uint8_t *udp;
	int offset;

	if (frame_bytes < GEN_ETHER_BYTES + GEN_IPV4_BYTES + GEN_UDP_BYTES)
		return -GEN_other;
	offset = match_parse_ip(frame, frame_bytes, out, &l4_bytes, &sum);
	if (offset < 0)
		return offset;
	udp = frame + offset;
	if (l4_bytes < GEN_UDP_BYTES)
		return -GEN_malformed;
	udp_bytes = mr_load_be16(udp + 4);
	if (udp_bytes < GEN_UDP_BYTES + GEN_DNS_BYTES || udp_bytes > l4_bytes)
		return -GEN_malformed;
	/* Zero stands for "not computed": every target here has to compute it. */
	if (!udp[6] && !udp[7])
		return -GEN_checksum;
	sum = gen_sum_bytes(sum, udp, udp_bytes);
	sum = gen_sum_add(sum,
			  (uint64_t)__builtin_bswap16(MATCH_UDP) + __builtin_bswap16(udp_bytes));
	if (gen_sum_fold(sum) != 0xffff)
		return -GEN_checksum;
	out->target_port = mr_load_be16(udp);
	out->client_port = mr_load_be16(udp + 2);
	out->dns = udp + GEN_UDP_BYTES;
	out->dns_bytes = udp_bytes - GEN_UDP_BYTES;
	return 0;
}

/* match_slot returns the slot that (port, ID) can only mean, and *round_low, the bits of the round
 * that the port tells; NULL when the port is none of ours. */
static inline struct gen_slot *
match_slot(const struct gen_match *self, uint16_t port, uint16_t id, uint32_t *round_low)
{
	const struct gen_frames *frames = self->frames;
	uint32_t place = (uint32_t)port - frames->options.port_low;
	uint32_t index = (uint32_t)(uint16_t)(id * GEN_ID_INVERSE) << frames->port_bits |
			 (place & ((1u << frames->port_bits) - 1));

	*round_low = place >> frames->port_bits;
	if (*round_low > frames->epoch_mask || index > frames->slot_mask)
		return NULL;
	return &self->slots[index];
}

static inline bool
match_addresses(const struct gen_lane *lane, const struct match_datagram *in, uint64_t random)
{
	uint32_t client = gen_frame_client(lane, random);

	if (in->family != lane->way.family || in->target_port != lane->way.target_port)
		return false;
	if (lane->way.family == 4)
		return match_equal(in->target_addr, lane->way.target.bytes + 12, 4) &&
		       mr_load_be32(in->client_addr) == lane->way.client_base + client;
	return match_equal(in->target_addr, lane->way.target.bytes, 16) &&
	       match_equal(in->client_addr, lane->way.source.bytes, 12) &&
	       mr_load_be32(in->client_addr + 12) == lane->way.client_base + client;
}

static MR_COLD uint16_t
match_question_mixed(const struct gen_match *self, const struct match_datagram *in, uint64_t seq,
		     uint32_t question)
{
	uint8_t wire[GEN_QUESTION_MAX_BYTES + 8];
	uint16_t bytes = gen_question_write(self->frames->questions, question, wire);

	gen_frame_case(self->frames, seq, wire, (uint16_t)(bytes - 4));
	if (in->dns_bytes < (uint32_t)GEN_DNS_BYTES + bytes ||
	    memcmp(in->dns + GEN_DNS_BYTES, wire, bytes) != 0)
		return 0;
	return bytes;
}

/* match_question returns the bytes of the question when it is the one that was asked, else 0. */
static inline uint16_t
match_question(const struct gen_match *self, const struct match_datagram *in,
	       const struct gen_lane *lane, uint64_t seq, uint32_t question)
{
	const struct gen_question_set *set = self->frames->questions;
	const uint8_t *got = in->dns + GEN_DNS_BYTES, *wanted;
	uint64_t digits, eight, got_eight;
	unsigned digit_count, bytes;

	if (mr_unlikely(self->frames->options.random_case))
		return match_question_mixed(self, in, seq, question);
	if (!set->is_pattern) {
		const struct gen_question *q = &set->list[question];

		if (in->dns_bytes < (uint32_t)GEN_DNS_BYTES + q->bytes ||
		    !match_equal(got, set->block + q->offset, q->bytes))
			return 0;
		return q->bytes;
	}
	digit_count = gen_digits(question, &digits);
	bytes = set->head_bytes + digit_count + set->tail_bytes;
	if (in->dns_bytes < GEN_DNS_BYTES + bytes)
		return 0;
	wanted = lane->templates[digit_count].bytes + lane->question_offset;
	memcpy(&eight, wanted + set->head_bytes, 8);
	memcpy(&got_eight, got + set->head_bytes, 8);
	if ((eight | digits) != got_eight || !match_equal(got, wanted, set->head_bytes) ||
	    !match_equal(got + set->head_bytes + digit_count,
			 wanted + set->head_bytes + digit_count, set->tail_bytes))
		return 0;
	return (uint16_t)bytes;
}

/* match_skip_name steps over an owner name: labels, or a pointer. */
static bool
match_skip_name(struct mr_cursor *in)
{
	for (;;) {
		uint8_t length = mr_cursor_u8(in);

		if (in->failed)
			return false;
		if (length >= 0xc0)
			return mr_cursor_take(in, 1) != NULL;
		if (!length)
			return true;
		if (length > 63 || !mr_cursor_take(in, length))
			return false;
	}
}

/* match_rdata checks that the first answer is the question's record with the number's rdata. */
static inline bool
match_rdata(const struct gen_match *self, const struct match_datagram *in, uint16_t question_bytes,
	    uint32_t number)
{
	uint16_t qtype = self->frames->questions->qtype, expected_bytes;
	uint8_t expected[GEN_RDATA_MAX_BYTES + 8];
	struct mr_cursor at = mr_cursor_over(in->dns, in->dns_bytes);
	const uint8_t *record, *owner;

	if (mr_load_be16(in->dns + 6) == 0)
		return false;
	expected_bytes = gen_question_rdata(qtype, number, expected);
	(void)mr_cursor_take(&at, (size_t)GEN_DNS_BYTES + question_bytes);
	owner = mr_cursor_take(&at, 2);
	if (mr_unlikely(!owner || mr_load_be16(owner) != 0xc000 + GEN_DNS_BYTES)) {
		at = mr_cursor_over(in->dns, in->dns_bytes);
		(void)mr_cursor_take(&at, (size_t)GEN_DNS_BYTES + question_bytes);
		if (!match_skip_name(&at))
			return false;
	}
	record = mr_cursor_take(&at, 10u + expected_bytes);
	return record && mr_load_be16(record) == qtype &&
	       mr_load_be16(record + 2) == MATCH_CLASS_IN &&
	       mr_load_be16(record + 8) == expected_bytes &&
	       match_equal(record + 10, expected, expected_bytes);
}

/* match_cookie looks for the OPT record; when it carries a cookie, that must begin with ours. */
static MR_COLD enum gen_verdict
match_cookie(const struct match_datagram *in, uint16_t question_bytes, uint64_t ours)
{
	struct mr_cursor at = mr_cursor_over(in->dns, in->dns_bytes);
	unsigned count = 0u + mr_load_be16(in->dns + 6) + mr_load_be16(in->dns + 8) +
			 mr_load_be16(in->dns + 10);

	(void)mr_cursor_take(&at, (size_t)GEN_DNS_BYTES + question_bytes);
	for (unsigned i = 0; i < count && i < MATCH_RECORD_MAX; i++) {
		uint16_t type, bytes;
		struct mr_cursor options;
		const uint8_t *rdata;

		if (!match_skip_name(&at))
			return GEN_malformed;
		type = mr_cursor_be16(&at);
		(void)mr_cursor_take(&at, 6);
		bytes = mr_cursor_be16(&at);
		rdata = mr_cursor_take(&at, bytes);
		if (!rdata)
			return GEN_malformed;
		if (type != MATCH_TYPE_OPT)
			continue;
		options = mr_cursor_over(rdata, bytes);
		while (mr_cursor_left(&options)) {
			uint16_t code = mr_cursor_be16(&options);
			uint16_t option_bytes = mr_cursor_be16(&options);
			const uint8_t *option = mr_cursor_take(&options, option_bytes);

			if (!option)
				return GEN_malformed;
			if (code == MATCH_OPTION_COOKIE &&
			    (option_bytes < 8 || memcmp(option, &ours, 8) != 0))
				return GEN_wrong_cookie;
		}
	}
	return GEN_ok;
}

/* match_message judges the DNS message of a reply that belongs to query seq. */
static inline enum gen_verdict
match_message(const struct gen_match *self, const struct match_datagram *in, uint64_t random,
	      const struct gen_lane *lane, uint16_t question_bytes, uint32_t question,
	      struct gen_reply *reply)
{
	uint16_t flags = mr_load_be16(in->dns + 2);

	reply->rcode = flags & 15;
	if (!(self->options.rcodes >> reply->rcode & 1))
		return GEN_wrong_rcode;
	if (mr_unlikely(self->frames->options.cookie)) {
		enum gen_verdict verdict =
			match_cookie(in, question_bytes,
				     gen_frame_cookie(self->frames,
						      gen_frame_client(lane, random)));

		if (verdict != GEN_ok)
			return verdict;
	}
	if (mr_unlikely(flags & MATCH_FLAG_TC))
		return GEN_truncated;
	if (self->options.check_rdata && reply->rcode == 0 &&
	    !match_rdata(self, in, question_bytes, question))
		return GEN_wrong_answer;
	return GEN_ok;
}

/* match_turn swaps the ends of a reflected frame whose addresses came back as they were sent. */
static void
match_turn(struct match_datagram *in)
{
	struct match_datagram from = *in;

	in->client_addr = from.target_addr;
	in->target_addr = from.client_addr;
	in->client_port = from.target_port;
	in->target_port = from.client_port;
}

enum gen_verdict
gen_match_reply(struct gen_match *self, const uint8_t *frame, uint32_t frame_bytes,
		uint64_t now_tsc, struct gen_reply *reply)
{
	const struct gen_frames *frames = self->frames;
	bool reflected = self->options.expect == GEN_EXPECT_REFLECTION;
	struct match_datagram in;
	const struct gen_lane *lane;
	uint16_t question_bytes, flags;
	uint32_t round_low, round;
	struct gen_slot *slot;
	uint64_t random;
	int code;

	reply->found = false;
	code = match_parse(frame, frame_bytes, &in);
	if (mr_unlikely(code))
		return (enum gen_verdict) - code;
	if (reflected && in.client_port == frames->lanes[0].way.target_port)
		match_turn(&in);
	slot = match_slot(self, in.client_port, mr_load_be16(in.dns), &round_low);
	flags = mr_load_be16(in.dns + 2);
	if (mr_unlikely(!slot || !slot->state || ((flags & MATCH_FLAG_QR) == 0) != reflected))
		return GEN_stray;
	round = (slot->state >> 1) - 1;
	if (mr_unlikely((round & frames->epoch_mask) != round_low))
		return GEN_late;
	reply->seq = (uint64_t)round << frames->options.slot_bits | (uint64_t)(slot - self->slots);
	reply->intended_tsc = slot->intended_tsc;
	random = gen_frame_random(frames, reply->seq);
	lane = gen_frame_lane(frames, reply->seq);
	if (mr_unlikely(!match_addresses(lane, &in, random)))
		return GEN_wrong_address;
	question_bytes = match_question(self, &in, lane, reply->seq, slot->question);
	if (mr_unlikely(!question_bytes || mr_load_be16(in.dns + 4) != 1))
		return GEN_wrong_question;
	if (mr_unlikely(slot->state & 1))
		return GEN_duplicate;
	slot->state |= 1;
	if (mr_unlikely(now_tsc - slot->intended_tsc > self->options.time_limit &&
			now_tsc > slot->intended_tsc))
		return GEN_late;
	reply->found = true;
	if (reflected)
		return GEN_ok;
	if (mr_unlikely(flags & MATCH_OPCODE))
		return GEN_malformed;
	return match_message(self, &in, random, lane, question_bytes, slot->question, reply);
}

enum gen_verdict
gen_match_message(const struct gen_match *self, const uint8_t *dns, uint32_t dns_bytes,
		  uint32_t question, uint8_t *rcode)
{
	struct match_datagram in = { .dns = dns, .dns_bytes = dns_bytes };
	uint8_t wire[GEN_QUESTION_MAX_BYTES + 8];
	uint16_t bytes = gen_question_write(self->frames->questions, question, wire);
	struct gen_reply reply = { .found = true };
	enum gen_verdict verdict;

	if (mr_load_be16(dns + 2) & MATCH_OPCODE)
		return GEN_malformed;
	if (mr_load_be16(dns + 4) != 1 || dns_bytes < (uint32_t)GEN_DNS_BYTES + bytes ||
	    memcmp(dns + GEN_DNS_BYTES, wire, bytes) != 0)
		return GEN_wrong_question;
	verdict = match_message(self, &in, 0, NULL, bytes, question, &reply);
	*rcode = reply.rcode;
	return verdict;
}
