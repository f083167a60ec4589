/* SPDX-License-Identifier: Apache-2.0
 *
 * net_bench - nanoseconds per packet of lib/net alone: frame in, verified, answered, checksummed.
 *
 * A burst of 64 different frames is worked through again and again, inputs first and then answers,
 * as a worker does. Before each round the frames are copied back; the copying alone is timed and
 * subtracted. One JSON line per case, best of five passes.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../net/frames.h"

enum { BURST = 64, FRAME_ROOM = 2048 + 320 /* as mbufs lie */, ROUNDS = 20000 };

static struct mr_net_packet packets[BURST];
static uint8_t frames[BURST][FRAME_ROOM], pristine[BURST][FRAME_ROOM];

struct result {
	double ns;
	uint64_t answered;
};

static struct result
run(struct rig *rig, size_t count, uint16_t answer, bool work)
{
	uint64_t begin = mr_clock_now_ns();
	struct result result = { 0, 0 };

	for (int round = 0; round < ROUNDS; round++) {
		/* The whole burst first, so that no frame is read out of the store buffer. */
		for (int i = 0; i < BURST; i++) {
			memcpy(frames[i], pristine[i], count);
			packets[i].bytes = frames[i];
			packets[i].frame_bytes = (uint16_t)count;
			packets[i].room_bytes = FRAME_ROOM;
			packets[i].interface = IF_PLAIN;
		}
		__asm__ volatile("" : : "r"(frames), "r"(packets) : "memory");
		if (!work)
			continue;
		for (int i = 0; i < BURST; i++)
			result.answered +=
				mr_net_input(&rig->net, &packets[i], false, begin) == MR_NET_UDP;
		for (int i = 0; answer && i < BURST; i++)
			result.answered -= !mr_net_udp_reply(&rig->net, &packets[i], answer);
		mr_net_flush(&rig->net);
	}
	result.ns = (double)(mr_clock_now_ns() - begin) / ((double)ROUNDS * BURST);
	return result;
}

static void
bench(struct rig *rig, const char *name, const char *src, const char *dst, size_t payload,
      uint16_t answer)
{
	double best = 1e9, copy = 1e9;
	static struct frame frame;

	for (int i = 0; i < BURST; i++) {
		frame_udp(&frame, IF_PLAIN, -1, src, dst, (uint16_t)(1024 + i), 53, payload);
		memcpy(pristine[i], frame.bytes, frame.count);
	}
	for (int pass = 0; pass < 5; pass++) {
		struct result worked = run(rig, frame.count, answer, true);

		if (worked.answered != (uint64_t)ROUNDS * BURST) {
			fprintf(stderr, "net_bench: not every frame was answered\n");
			exit(1);
		}
		best = MR_MIN(best, worked.ns);
		copy = MR_MIN(copy, run(rig, frame.count, answer, false).ns);
	}
	printf("{\"bench\":\"net\",\"case\":\"%s\",\"payload_bytes\":%zu,\"answer_bytes\":%u,"
	       "\"ns_per_packet\":%.1f,\"copy_ns\":%.1f}\n",
	       name, payload, answer, best - copy, copy);
}

int
main(void)
{
	static struct rig rig;

	rig_make(&rig, 0);
	bench(&rig, "udp4_in", PEER_V4, VIP_V4, 40, 0);
	bench(&rig, "udp4_turn", PEER_V4, VIP_V4, 40, 56);
	bench(&rig, "udp6_in", PEER_V6, VIP_V6, 40, 0);
	bench(&rig, "udp6_turn", PEER_V6, VIP_V6, 40, 56);
	bench(&rig, "udp4_turn_large", PEER_V4, VIP_V4, 40, 1232);
	rig_end(&rig);
	return 0;
}
