/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz/millgen - frames that come to the generator: replies to judge, ARP, neighbour discovery.
 *
 * The first byte says which query is outstanding and whether the checksums are mended, so that the
 * fuzzer gets past them; the rest is the frame.
 */
#include <stdlib.h>

#include "../../app/millgen/match.h"
#include "../../app/millgen/neigh.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static struct gen_question_set questions;
static struct gen_frames frames;
static struct gen_match match;
static struct gen_neigh neigh;

static void
fuzz_begin(void)
{
	struct gen_frame_options options = { .ttl = 64,
					     .slot_bits = 8,
					     .port_low = 16384,
					     .port_count = 16,
					     .edns_bytes = 1232,
					     .cookie = true };
	struct gen_match_options match_options = { .rcodes = 1,
						   .check_rdata = true,
						   .time_limit = 1 };
	static const char *const ends[2][2] = { { "192.0.2.53", "10.64.0.0/30" },
						{ "2001:db8::53", "2001:db8:1::/127" } };
	struct mr_mac mac = { { 2 } };

	if (gen_question_pattern(&questions, "h%u.x A", 10, NULL) ||
	    gen_frames_create(&frames, &questions, &options, NULL))
		abort();
	for (uint16_t lane = 0; lane < 2; lane++) {
		struct mr_addr target;
		struct mr_prefix source;

		if (mr_addr_parse(ends[lane][0], &target) ||
		    mr_prefix_parse(ends[lane][1], &source) ||
		    gen_frames_add_lane(&frames, &target, 53, &source, 0, NULL))
			abort();
		gen_frames_set_macs(&frames, lane, &mac, &mac);
		neigh.hops[lane].addr = target;
		neigh.ways[lane] = &frames.lanes[lane].way;
	}
	if (gen_match_create(&match, &frames, &match_options, NULL))
		abort();
	neigh.way_count = 2;
}

/* fuzz_mend makes the checksums of a datagram hold, where its lengths do. */
static void
fuzz_mend(uint8_t *frame, size_t count)
{
	unsigned l4 = count > 13 && frame[12] == 0x08 ? 34 : 54;
	uint16_t udp_bytes, sum;
	uint64_t total;

	if (count < l4 + 8u)
		return;
	if (l4 == 54 && frame[20] == 58 && mr_load_be16(frame + 18) + 54u <= count) {
		uint16_t nd_bytes = mr_load_be16(frame + 18);

		memset(frame + 56, 0, 2);
		total = gen_sum_bytes(gen_sum_bytes(0, frame + 22, 32), frame + 54, nd_bytes);
		total = gen_sum_add(total,
				    (uint64_t)__builtin_bswap16(58) + __builtin_bswap16(nd_bytes));
		sum = (uint16_t)~gen_sum_fold(total);
		memcpy(frame + 56, &sum, 2);
		return;
	}
	udp_bytes = mr_load_be16(frame + l4 + 4);
	if (udp_bytes < 8 || udp_bytes + l4 > count)
		return;
	mr_store_be16(frame + l4 + 6, 0);
	total = l4 == 34 ? gen_sum_bytes(0, frame + 26, 8) : gen_sum_bytes(0, frame + 22, 32);
	total = gen_sum_bytes(total, frame + l4, udp_bytes);
	total = gen_sum_add(total, (uint64_t)__builtin_bswap16(17) + __builtin_bswap16(udp_bytes));
	sum = (uint16_t)~gen_sum_fold(total);
	memcpy(frame + l4 + 6, &sum, 2);
	if (l4 == 34) {
		memset(frame + 24, 0, 2);
		sum = (uint16_t)~gen_sum_fold(gen_sum_bytes(0, frame + 14, 20));
		memcpy(frame + 24, &sum, 2);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct gen_reply reply;
	uint8_t *frame;
	uint64_t seq;

	if (!match.slots)
		fuzz_begin();
	if (count < 1 || count > 2048)
		return 0;
	seq = bytes[0] >> 1;
	gen_match_take(&match, seq, 0, (uint32_t)(seq % 10));
	frame = malloc(count - 1 + 128);
	if (!frame)
		return 0;
	memset(frame, 0, count - 1 + 128);
	memcpy(frame, bytes + 1, count - 1);
	if (bytes[0] & 1)
		fuzz_mend(frame, count - 1);
	if (gen_match_reply(&match, frame, (uint32_t)(count - 1), 1, &reply) == GEN_other) {
		uint16_t answer_bytes = gen_neigh_input(&neigh, frame, (uint32_t)(count - 1));

		if (answer_bytes > 86)
			abort();
	}
	free(frame);
	return 0;
}
