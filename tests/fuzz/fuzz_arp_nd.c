/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_arp_nd - ARP and neighbour discovery by fields, with the neighbour table behind it.
 *
 * Input: a row of 8-byte steps {kind, address choice, flags, where, value, MAC byte, cut or tags,
 * time}. A well-formed packet is built, one byte of it is changed, its sum is mended, and what is
 * learnt goes into the table. Invariants: those of rig_input; the table never names a group MAC;
 * questions are valid frames and stop at one round.
 */
#include <stdlib.h>

#include "../net/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const v4[] = { PEER_V4,   VIP_V4,       HOP_V4,
				  "0.0.0.0", "192.0.2.54", "255.255.255.255" };
static const char *const v6[] = { PEER_V6, VIP_V6, HOP_V6, "::", "ff02::1", "ff02::1:ff00:53" };

static void
build(struct frame *frame, const uint8_t step[8], uint16_t interface)
{
	unsigned a = step[1] % 6, b = step[1] / 6 % 6, c = step[1] / 36 % 6;

	if (step[0] & 1) {
		frame_nd(frame, interface, 133 + (step[0] >> 4) % 5, v6[a], v6[b], v6[c]);
		frame->bytes[frame->l4 + 4] = step[2];
		if (step[2] & 1) {
			frame->count -= 8;
			mr_store_be16(frame->bytes + frame->l3 + 4, 24);
		}
		frame->bytes[frame->l4 + 31] = step[5];
		if (step[3] && frame->l4 + step[3] % 32 < frame->count)
			frame->bytes[frame->l4 + step[3] % 32] = step[4];
		frame_seal(frame);
	} else {
		frame_arp(frame, interface, 1 + (step[0] >> 4) % 3, v4[a], v4[b]);
		frame->bytes[14 + 13] = step[5];
		if (step[3])
			frame->bytes[14 + step[3] % 28] = step[4];
	}
	if (step[6] & 0x80)
		frame->count -= MR_MIN(frame->count, step[6] & 0x3fu);
	else if (step[6] & 0x20)
		frame_tag(frame, step[6] & 1 ? VLAN_PAIR : 100);
}

static void
table_check(struct rig *rig)
{
	struct mr_net_neighbour_view views[4];
	uint8_t out[128];
	uint16_t bytes, interface;
	size_t count = mr_net_neighbours_list(rig->neighbours, rig->now_ns, views, 4);

	for (size_t i = 0; i < count; i++)
		if (views[i].mac.bytes[0] & 1)
			abort();
	for (int i = 0; (bytes = mr_net_neighbours_due(rig->neighbours, rig->snapshot, rig->now_ns,
						       out, sizeof(out), &interface));
	     i++)
		if (i == 2 || frame_check(out, bytes))
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct frame frame;
	struct rig rig;

	if (size > 8 * 64)
		return 0;
	rig_make(&rig, 1000);
	for (; size >= 8; data += 8, size -= 8) {
		uint16_t interface = (data[0] >> 1) % IF_COUNT;

		build(&frame, data, interface);
		rig.now_ns += (uint64_t)data[7] * 100 * MR_NS_PER_MS;
		if (rig_input(&rig, interface, frame.bytes, frame.count,
			      frame.count + (data[6] & 0x40 ? 0 : 64)) == MR_NET_LEARN) {
			struct mr_net_next_hop hop = { rig.packet.src, rig.packet.interface,
						       rig.packet.vlan };

			mr_net_neighbours_learn(rig.neighbours, &hop, &rig.packet.learn_mac,
						rig.now_ns);
		}
		table_check(&rig);
	}
	rig_end(&rig);
	return 0;
}
