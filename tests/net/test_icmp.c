/* SPDX-License-Identifier: Apache-2.0
 *
 * net/icmp - RFC 792, 4443, 1122 3.2.2: echo, errors made and read, rates.
 */
#include <stdlib.h>

#include "rig.h"

static void
test_icmp_echo_of_any_size_comes_back(void **state)
{
	static const size_t sizes[] = { 0, 1, 7, 8, 9, 56, 57, 1400, 1471, 1472 };

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(sizes); i++) {
		frame_echo(&frame, IF_PLAIN, PEER_V4, VIP_V4, sizes[i]);
		expect(IF_PLAIN, MR_NET_REPLY, echo_v4);
		assert_int_equal(rig.packet.frame_bytes, frame.count);
		assert_int_equal(rig.packet.bytes[34], 0);
		assert_memory_equal(rig.packet.bytes + 38, frame.bytes + 38, 4 + sizes[i]);
		frame_echo(&frame, IF_PLAIN, PEER_V6, VIP_V6, sizes[i]);
		expect(IF_PLAIN, MR_NET_REPLY, echo_v6);
		assert_int_equal(rig.packet.bytes[54], 129);
		assert_memory_equal(rig.packet.bytes + 58, frame.bytes + 58, 4 + sizes[i]);
	}
}

static void
test_icmp_checksum_and_length(void **state)
{
	(void)state;
	frame_echo(&frame, IF_PLAIN, PEER_V4, VIP_V4, 20);
	frame.bytes[frame.count - 1] ^= 1;
	expect(IF_PLAIN, MR_NET_DROP, icmp_checksum);
	frame_echo(&frame, IF_PLAIN, PEER_V6, VIP_V6, 20);
	frame.bytes[frame.count - 1] ^= 1;
	expect(IF_PLAIN, MR_NET_DROP, icmp_checksum);
	for (size_t have = 0; have < 8; have++) {
		frame_eth(&frame, IF_PLAIN, -1, 0x0800);
		frame_ip(&frame, PEER_V4, VIP_V4, 1, 0, have);
		frame_seal(&frame);
		expect(IF_PLAIN, MR_NET_DROP, icmp_truncated);
		frame_eth(&frame, IF_PLAIN, -1, 0x86dd);
		frame_ip(&frame, PEER_V6, VIP_V6, 58, 0, have);
		frame_seal(&frame);
		expect(IF_PLAIN, MR_NET_DROP, icmp_truncated);
	}
}

static void
test_icmp_types_that_a_host_ignores(void **state)
{
	static const uint8_t v4[] = { 0, 4, 5, 9, 10, 13, 15, 17, 255 };
	static const uint8_t v6[] = { 0, 5, 100, 127, 129, 130, 138, 255 };

	(void)state;
	for (size_t i = 0; i < sizeof(v4); i++) {
		frame_echo(&frame, IF_PLAIN, PEER_V4, VIP_V4, 40);
		frame.bytes[frame.l4] = v4[i];
		frame_seal(&frame);
		expect(IF_PLAIN, MR_NET_DROP, icmp_type);
	}
	for (size_t i = 0; i < sizeof(v6); i++) {
		frame_echo(&frame, IF_PLAIN, PEER_V6, VIP_V6, 40);
		frame.bytes[frame.l4] = v6[i];
		frame_seal(&frame);
		expect(IF_PLAIN, MR_NET_DROP, icmp_type);
	}
}

/* 1000/s is the default: 250 ms of burst, then one a millisecond. */
static void
test_icmp_echo_is_limited(void **state)
{
	int answered = 0;

	(void)state;
	frame_echo(&frame, IF_PLAIN, PEER_V4, VIP_V4, 20);
	for (int i = 0; i < 1000; i++)
		answered +=
			rig_input(&rig, IF_PLAIN, frame.bytes, frame.count, 2048) == MR_NET_REPLY;
	assert_int_equal(answered, 251);
	expect(IF_PLAIN, MR_NET_DROP, echo_limited);
	rig.now_ns += MR_NS_PER_MS - 1;
	expect(IF_PLAIN, MR_NET_DROP, echo_limited);
	rig.now_ns += 1;
	expect(IF_PLAIN, MR_NET_REPLY, echo_v4);
	expect(IF_PLAIN, MR_NET_DROP, echo_limited);
	/* Errors have a bucket of their own. */
	frame_udp(&frame, IF_PLAIN, -1, PEER_V4, VIP_V4, 4000, 54, 20);
	expect(IF_PLAIN, MR_NET_REPLY, udp_closed_port);
}

static void
test_icmp_errors_are_limited(void **state)
{
	int told = 0;

	(void)state;
	frame_udp(&frame, IF_PLAIN, -1, PEER_V6, VIP_V6, 4000, 54, 20);
	for (int i = 0; i < 400; i++)
		told += rig_input(&rig, IF_PLAIN, frame.bytes, frame.count, 2048) == MR_NET_REPLY;
	assert_int_equal(told, 251);
	expect(IF_PLAIN, MR_NET_DROP, udp_closed_port);
	assert_true(rig_noted(&rig, MR_NET_icmp_error_limited));
}

/* Port unreachable quotes as much as fits 576 (v4) or 1280 (v6). */
static void
test_icmp_closed_port_is_told_with_the_packet(void **state)
{
	static const size_t sizes[] = { 0, 1, 100, 519, 520, 521, 1183, 1184, 1185, 1400 };

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(sizes); i++) {
		size_t quoted;

		frame_udp(&frame, IF_PLAIN, -1, PEER_V4, VIP_V4, 4000, 54, sizes[i]);
		expect(IF_PLAIN, MR_NET_REPLY, udp_closed_port);
		quoted = MR_MIN(28 + sizes[i], 576 - 28u);
		assert_int_equal(rig.packet.frame_bytes, 14 + 28 + quoted);
		assert_int_equal(mr_load_be16(rig.packet.bytes + 34), 3 << 8 | 3);
		assert_memory_equal(rig.packet.bytes + 42, frame.bytes + 14, quoted);

		frame_udp(&frame, IF_PLAIN, -1, PEER_V6, VIP_V6, 4000, 54, sizes[i]);
		expect(IF_PLAIN, MR_NET_REPLY, udp_closed_port);
		quoted = MR_MIN(48 + sizes[i], 1280 - 48u);
		assert_int_equal(rig.packet.frame_bytes, 14 + 48 + quoted);
		assert_int_equal(mr_load_be16(rig.packet.bytes + 54), 1 << 8 | 4);
		assert_memory_equal(rig.packet.bytes + 62, frame.bytes + 14, quoted);
	}
}

static void
test_icmp_error_quotes_what_the_buffer_holds(void **state)
{
	(void)state;
	frame_udp(&frame, IF_PLAIN, -1, PEER_V4, VIP_V4, 4000, 54, 100);
	/* At least the header and 8 bytes: 28 + 28 of room are in the frame already. */
	assert_int_equal(rig_input(&rig, IF_PLAIN, frame.bytes, frame.count, frame.count),
			 MR_NET_REPLY);
	assert_int_equal(rig.packet.frame_bytes, frame.count);
	frame_udp(&frame, IF_PLAIN, -1, PEER_V4, VIP_V4, 4000, 54, 0);
	assert_int_equal(rig_input(&rig, IF_PLAIN, frame.bytes, frame.count, frame.count + 27),
			 MR_NET_DROP);
	assert_true(rig_noted(&rig, MR_NET_tx_room));
	assert_int_equal(rig_input(&rig, IF_PLAIN, frame.bytes, frame.count, frame.count + 28),
			 MR_NET_REPLY);
}

/* ---- errors that we receive ---- */

/* error_v4 is an error of type and code about a packet that VIP_V4 sent to PEER_V4. */
static void
error_v4(uint8_t type, uint8_t code, const char *inner_src, uint8_t protocol, size_t after)
{
	struct mr_addr from = addr_of(inner_src), to = addr_of(PEER_V4);
	uint8_t *inner;

	frame_eth(&frame, IF_PLAIN, -1, 0x0800);
	frame_ip(&frame, "203.0.113.1", VIP_V4, 1, 0, 8 + 20 + after);
	frame.bytes[frame.l4] = type;
	frame.bytes[frame.l4 + 1] = code;
	mr_store_be16(frame.bytes + frame.l4 + 6, 1400);
	inner = frame.bytes + frame.l4 + 8;
	inner[0] = 0x45;
	inner[9] = protocol;
	memcpy(inner + 12, from.bytes + 12, 4);
	memcpy(inner + 16, to.bytes + 12, 4);
	if (after >= 8) {
		mr_store_be16(inner + 20, 53);
		mr_store_be16(inner + 22, 40000);
		mr_store_be32(inner + 24, 0xdeadbeef);
	}
	frame_seal(&frame);
}

static void
test_icmp_error_about_our_segment_is_handed_on(void **state)
{
	struct mr_addr peer = addr_of(PEER_V4), vip = addr_of(VIP_V4);

	(void)state;
	error_v4(3, 4, VIP_V4, 6, 8);
	expect(IF_PLAIN, MR_NET_ICMP_ERROR, icmp_error_v4);
	assert_int_equal(rig.packet.error_type, 3);
	assert_int_equal(rig.packet.error_code, 4);
	assert_int_equal(rig.packet.error_mtu, 1400);
	assert_int_equal(rig.packet.error_seq, 0xdeadbeef);
	assert_int_equal(rig.packet.protocol, 6);
	assert_int_equal(rig.packet.src_port, 40000);
	assert_int_equal(rig.packet.dst_port, 53);
	assert_int_equal(rig.packet.vip, 0);
	assert_true(mr_addr_equal(&rig.packet.error_remote, &peer));
	assert_true(mr_addr_equal(&rig.packet.dst, &vip));
	error_v4(11, 0, VIP_V4, 17, 8);
	expect(IF_PLAIN, MR_NET_ICMP_ERROR, icmp_error_v4);
	assert_int_equal(rig.packet.error_mtu, 0);
	assert_int_equal(rig.packet.error_seq, 0);
}

static void
test_icmp_error_about_what_is_not_ours(void **state)
{
	(void)state;
	error_v4(3, 3, "192.0.2.54", 17, 8);
	expect(IF_PLAIN, MR_NET_DROP, icmp_inner_foreign);
	for (size_t after = 0; after < 8; after++) {
		error_v4(3, 3, VIP_V4, 17, after);
		expect(IF_PLAIN, MR_NET_DROP, icmp_inner);
	}
	error_v4(3, 3, VIP_V4, 17, 8);
	frame.bytes[frame.l4 + 8] = 0x65;
	frame_seal(&frame);
	expect(IF_PLAIN, MR_NET_DROP, icmp_inner);
	error_v4(3, 3, VIP_V4, 17, 8);
	frame.bytes[frame.l4 + 8] = 0x44;
	frame_seal(&frame);
	expect(IF_PLAIN, MR_NET_DROP, icmp_inner);
	error_v4(3, 3, VIP_V4, 17, 8);
	frame.bytes[frame.l4 + 8 + 7] = 1; /* a later fragment has no ports */
	frame_seal(&frame);
	expect(IF_PLAIN, MR_NET_DROP, icmp_inner);
}

static void
test_icmp6_packet_too_big_is_handed_on(void **state)
{
	struct mr_addr peer = addr_of(PEER_V6), vip = addr_of(VIP_V6);
	uint8_t *inner;

	(void)state;
	frame_eth(&frame, IF_PLAIN, -1, 0x86dd);
	frame_ip(&frame, "2001:db8:7::7", VIP_V6, 58, 0, 8 + 40 + 8);
	frame.bytes[frame.l4] = 2;
	mr_store_be32(frame.bytes + frame.l4 + 4, 1280);
	inner = frame.bytes + frame.l4 + 8;
	inner[0] = 0x60;
	inner[6] = 6;
	memcpy(inner + 8, vip.bytes, 16);
	memcpy(inner + 24, peer.bytes, 16);
	mr_store_be16(inner + 40, 53);
	mr_store_be16(inner + 42, 40001);
	frame_seal(&frame);
	expect(IF_PLAIN, MR_NET_ICMP_ERROR, icmp_error_v6);
	assert_int_equal(rig.packet.error_mtu, 1280);
	assert_int_equal(rig.packet.src_port, 40001);
	assert_true(mr_addr_equal(&rig.packet.error_remote, &peer));
	frame.count--;
	mr_store_be16(frame.bytes + 18, 8 + 40 + 7);
	frame_seal(&frame);
	expect(IF_PLAIN, MR_NET_DROP, icmp_inner);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_icmp_echo_of_any_size_comes_back, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_icmp_checksum_and_length, setup, teardown),
		cmocka_unit_test_setup_teardown(test_icmp_types_that_a_host_ignores, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_icmp_echo_is_limited, setup, teardown),
		cmocka_unit_test_setup_teardown(test_icmp_errors_are_limited, setup, teardown),
		cmocka_unit_test_setup_teardown(test_icmp_closed_port_is_told_with_the_packet,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_icmp_error_quotes_what_the_buffer_holds, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_icmp_error_about_our_segment_is_handed_on,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_icmp_error_about_what_is_not_ours, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_icmp6_packet_too_big_is_handed_on, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
