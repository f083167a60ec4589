/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_frame - one frame of any bytes into mr_net_input, answered when it is a datagram.
 *
 * Input: one byte (interface, room, whether to mend the checksums), then the frame. Mended frames
 * reach what stands behind the checksums. Invariants: nothing outside the frame's room is touched
 * (ASan, exact block), one outcome a frame, each answer passes the independent checker.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../net/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
mend(struct frame *frame)
{
	size_t ip, header;

	frame->l3 = 14;
	for (int i = 0; i < 2; i++)
		if (mr_load_be16(frame->bytes + frame->l3 - 2) == 0x8100 ||
		    mr_load_be16(frame->bytes + frame->l3 - 2) == 0x88a8)
			frame->l3 += 4;
	ip = frame->l3;
	if (frame->count < ip + 40)
		return;
	if (mr_load_be16(frame->bytes + ip - 2) == 0x0800) {
		header = (frame->bytes[ip] & 15) * 4u;
		if (header < 20 || frame->count < ip + header + 20)
			return;
		frame->l4 = ip + header;
		frame->protocol = frame->bytes[ip + 9];
	} else if (mr_load_be16(frame->bytes + ip - 2) == 0x86dd) {
		frame->l4 = ip + 40;
		frame->protocol = frame->bytes[ip + 6];
		for (int i = 0; i < 10 && frame->count >= frame->l4 + 8; i++) {
			const uint8_t *ext = frame->bytes + frame->l4;

			if (frame->protocol != 0 && frame->protocol != 43 &&
			    frame->protocol != 44 && frame->protocol != 60)
				break;
			frame->l4 += frame->protocol == 44 ? 8 : (ext[1] + 1u) * 8;
			frame->protocol = ext[0];
		}
		if (frame->count < frame->l4 + 20)
			return;
	} else
		return;
	if (frame->protocol == 17 &&
	    mr_load_be16(frame->bytes + frame->l4 + 4) > frame->count - frame->l4)
		return;
	if (frame->protocol != 17 && frame->protocol != 6 && frame->protocol != 1 &&
	    frame->protocol != 58)
		frame->protocol = 1; /* the IPv4 header is mended all the same */
	frame_seal(frame);
}

static void
reply(struct rig *rig, uint16_t room)
{
	uint16_t payload = mr_net_udp_room(&rig->net, &rig->packet);
	const char *wrong;

	if (rig->packet.payload_offset + payload > room)
		abort();
	memset(rig->packet.bytes + rig->packet.payload_offset, 0x42, payload);
	if (!mr_net_udp_reply(&rig->net, &rig->packet, payload))
		return;
	wrong = rig->packet.frame_bytes > room
			? "answer beyond its room"
			: frame_check(rig->packet.bytes, rig->packet.frame_bytes);
	if (wrong) {
		fprintf(stderr, "fuzz_frame: %s\n", wrong);
		abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rig rig;
	static struct frame frame;
	enum mr_net_verdict verdict;
	struct mr_net_path path;
	uint16_t interface, room;
	uint8_t head[MR_NET_HEADER_MAX_BYTES];

	if (!rig.snapshot)
		rig_make(&rig, 1000000);
	if (size < 1 || size - 1 > 2000)
		return 0;
	frame.count = size - 1;
	memcpy(frame.bytes, data + 1, frame.count);
	memset(frame.bytes + frame.count, 0, 64);
	interface = data[0] % IF_COUNT;
	room = (uint16_t)(frame.count + (data[0] & 0x80 ? 0 : (data[0] >> 2 & 15) * 16));
	if (data[0] & 0x40)
		mend(&frame);
	rig.now_ns += MR_NS_PER_MS;
	verdict = rig_input(&rig, interface, frame.bytes, frame.count, room);
	if (verdict == MR_NET_UDP || verdict == MR_NET_TCP) {
		mr_net_path_of(&rig.packet, &path);
		if (mr_net_path_write(&rig.net, &path, 6, 2, 20, head) !=
			    mr_net_path_header_bytes(&path) &&
		    interface != IF_HOP)
			abort();
	}
	if (verdict == MR_NET_UDP)
		reply(&rig, room);
	if (rig.packet.room_bytes < rig.packet.frame_bytes)
		abort();
	return 0;
}
