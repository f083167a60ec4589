/* SPDX-License-Identifier: Apache-2.0
 *
 * net/udp - RFC 768 and RFC 8200 8.1: datagrams in and out; RFC 9293 3.1: segments in.
 */
#include <stdlib.h>

#include "rig.h"

static const char *const families[2][2] = { { PEER_V4, VIP_V4 }, { PEER_V6, VIP_V6 } };

static void
query(int family, uint16_t port, size_t payload_bytes)
{
	frame_udp(&frame, IF_PLAIN, -1, families[family][0], families[family][1], 4000, port,
		  payload_bytes);
}

static void
test_udp_query_is_described(void **state)
{
	(void)state;
	for (int family = 0; family < 2; family++) {
		struct mr_addr src = addr_of(families[family][0]),
			       dst = addr_of(families[family][1]);

		query(family, 53, 31);
		frame.bytes[15] |= family ? 0x30 : 0x03; /* congestion experienced */
		frame_seal(&frame);
		expect(IF_PLAIN, MR_NET_UDP, udp);
		assert_int_equal(rig.packet.family, family ? 6 : 4);
		assert_int_equal(rig.packet.protocol, 17);
		assert_int_equal(rig.packet.app, MR_NET_APP_DNS);
		assert_int_equal(rig.packet.vip, family);
		assert_int_equal(rig.packet.ecn, 3);
		assert_int_equal(rig.packet.src_port, 4000);
		assert_int_equal(rig.packet.dst_port, 53);
		assert_int_equal(rig.packet.payload_bytes, 31);
		assert_memory_equal(rig.packet.bytes + rig.packet.payload_offset,
				    frame.bytes + frame.l4 + 8, 31);
		assert_true(mr_addr_equal(&rig.packet.src, &src));
		assert_true(mr_addr_equal(&rig.packet.dst, &dst));
	}
}

static void
test_udp_length_at_both_sides(void **state)
{
	(void)state;
	for (int family = 0; family < 2; family++) {
		query(family, 53, 20);
		mr_store_be16(frame.bytes + frame.l4 + 4, 7);
		expect(IF_PLAIN, MR_NET_DROP, udp_length);
		mr_store_be16(frame.bytes + frame.l4 + 4, 0);
		expect(IF_PLAIN, MR_NET_DROP, udp_length);
		mr_store_be16(frame.bytes + frame.l4 + 4, 29);
		expect(IF_PLAIN, MR_NET_DROP, udp_length);
		mr_store_be16(frame.bytes + frame.l4 + 4, 0xffff);
		expect(IF_PLAIN, MR_NET_DROP, udp_length);
		mr_store_be16(frame.bytes + frame.l4 + 4, 8); /* the rest is not the datagram's */
		frame_seal(&frame);
		expect(IF_PLAIN, MR_NET_UDP, udp);
		assert_int_equal(rig.packet.payload_bytes, 0);
		mr_store_be16(frame.bytes + frame.l4 + 4, 27);
		frame_seal(&frame);
		expect(IF_PLAIN, MR_NET_UDP, udp);
		assert_int_equal(rig.packet.payload_bytes, 19);
	}
}

static void
test_udp_checksum_every_bit_counts(void **state)
{
	(void)state;
	for (int family = 0; family < 2; family++) {
		query(family, 53, 13);
		for (size_t bit = 0; bit < (frame.count - frame.l4) * 8; bit++) {
			frame.bytes[frame.l4 + bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(rig_input(&rig, IF_PLAIN, frame.bytes, frame.count, 2048),
					 MR_NET_DROP);
			frame.bytes[frame.l4 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		frame.bytes[frame.l4 + 9] ^= 1;
		expect(IF_PLAIN, MR_NET_DROP, udp_checksum);
	}
}

static void
test_udp_zero_checksum_by_family(void **state)
{
	(void)state;
	query(0, 53, 20);
	mr_store_be16(frame.bytes + frame.l4 + 6, 0);
	expect(IF_PLAIN, MR_NET_UDP, udp);
	query(1, 53, 20);
	mr_store_be16(frame.bytes + frame.l4 + 6, 0);
	expect(IF_PLAIN, MR_NET_DROP, udp_zero_checksum);
}

/* The device may vouch for the sum of what it can read, but not for a sum that is not there. */
static void
test_udp_checksum_vouched_for_by_the_device(void **state)
{
	struct mr_net_packet packet = { 0 };

	(void)state;
	query(1, 53, 20);
	frame.bytes[frame.l4 + 6] ^= 1;
	packet.bytes = frame.bytes;
	packet.frame_bytes = (uint16_t)frame.count;
	packet.room_bytes = sizeof(frame.bytes);
	assert_int_equal(mr_net_input(&rig.net, &packet, true, 1), MR_NET_UDP);
	mr_store_be16(frame.bytes + frame.l4 + 6, 0);
	packet.frame_bytes = (uint16_t)frame.count;
	assert_int_equal(mr_net_input(&rig.net, &packet, true, 1), MR_NET_DROP);
}

static void
test_udp_source_port_zero(void **state)
{
	(void)state;
	frame_udp(&frame, IF_PLAIN, -1, PEER_V4, VIP_V4, 0, 53, 20);
	expect(IF_PLAIN, MR_NET_DROP, udp_source_port);
	frame_udp(&frame, IF_PLAIN, -1, PEER_V4, VIP_V4, 1, 53, 20);
	expect(IF_PLAIN, MR_NET_UDP, udp);
}

static void
test_udp_services_by_address_and_port(void **state)
{
	(void)state;
	frame_udp(&frame, IF_PLAIN, -1, PEER_V4, VIP_V4_OTHER, 4000, 5000, 20);
	expect(IF_PLAIN, MR_NET_UDP, udp);
	assert_int_equal(rig.packet.app, MR_NET_APP_ECHO);
	assert_int_equal(rig.packet.vip, 2);
	frame_udp(&frame, IF_PLAIN, -1, PEER_V4, VIP_V4_OTHER, 4000, 5010, 20);
	expect(IF_PLAIN, MR_NET_UDP, udp);
	frame_udp(&frame, IF_PLAIN, -1, PEER_V4, VIP_V4_OTHER, 4000, 53, 20);
	expect(IF_PLAIN, MR_NET_UDP, udp);
	assert_int_equal(rig.packet.app, MR_NET_APP_DNS);
	frame_udp(&frame, IF_PLAIN, -1, PEER_V4, VIP_V4_OTHER, 4000, 4999, 20);
	expect(IF_PLAIN, MR_NET_REPLY, udp_closed_port);
	frame_udp(&frame, IF_PLAIN, -1, PEER_V4, VIP_V4_OTHER, 4000, 5011, 20);
	expect(IF_PLAIN, MR_NET_REPLY, udp_closed_port);
	frame_udp(&frame, IF_PLAIN, -1, PEER_V4, VIP_V4, 4000, 5000, 20);
	expect(IF_PLAIN, MR_NET_REPLY, udp_closed_port);
	frame_udp(&frame, IF_PUNT, -1, PEER_V4, VIP_V4, 4000, 5000, 20);
	expect(IF_PUNT, MR_NET_PUNT, punt);
}

static void
test_udp_reply_goes_back_by_the_way_in(void **state)
{
	(void)state;
	for (int family = 0; family < 2; family++)
		for (uint16_t answer = 0; answer < 300; answer++) {
			query(family, 53, 20);
			expect(IF_PLAIN, MR_NET_UDP, udp);
			memset(rig.packet.bytes + rig.packet.payload_offset, answer, answer);
			assert_true(mr_net_udp_reply(&rig.net, &rig.packet, answer));
			assert_int_equal(rig.packet.frame_bytes, frame.l4 + 8 + answer);
			assert_null(frame_check(rig.packet.bytes, rig.packet.frame_bytes));
			assert_memory_equal(rig.packet.bytes, peer_mac, 6);
			assert_int_equal(mr_load_be16(rig.packet.bytes + frame.l4), 53);
			assert_int_equal(mr_load_be16(rig.packet.bytes + frame.l4 + 2), 4000);
		}
}

/* Of 65,536 payloads that differ in one word, one sums to zero: it must leave as 0xffff. */
static void
test_udp_reply_checksum_is_never_zero(void **state)
{
	int as_ffff = 0;

	(void)state;
	for (int family = 0; family < 2; family++) {
		query(family, 53, 20);
		for (uint32_t word = 0; word < 65536; word++) {
			uint16_t check;

			if (word == 0) {
				expect(IF_PLAIN, MR_NET_UDP, udp);
			}
			mr_store_be16(rig.packet.bytes + rig.packet.payload_offset, (uint16_t)word);
			assert_true(mr_net_udp_reply(&rig.net, &rig.packet, 2));
			check = mr_load_be16(rig.packet.bytes + frame.l4 + 6);
			assert_int_not_equal(check, 0);
			as_ffff += check == 0xffff;
			if (check == 0xffff)
				assert_null(frame_check(rig.packet.bytes, rig.packet.frame_bytes));
		}
	}
	assert_int_equal(as_ffff, 2);
}

static void
test_udp_room_by_mtu_and_buffer(void **state)
{
	(void)state;
	query(0, 53, 20);
	assert_int_equal(rig_input(&rig, IF_PLAIN, frame.bytes, frame.count, 2048), MR_NET_UDP);
	assert_int_equal(mr_net_udp_room(&rig.net, &rig.packet), 1472);
	assert_int_equal(rig_input(&rig, IF_PLAIN, frame.bytes, frame.count, 42 + 1471),
			 MR_NET_UDP);
	assert_int_equal(mr_net_udp_room(&rig.net, &rig.packet), 1471);
	assert_int_equal(rig_input(&rig, IF_PLAIN, frame.bytes, frame.count, frame.count),
			 MR_NET_UDP);
	assert_int_equal(mr_net_udp_room(&rig.net, &rig.packet), 20);
	query(1, 53, 20);
	assert_int_equal(rig_input(&rig, IF_PLAIN, frame.bytes, frame.count, 2048), MR_NET_UDP);
	assert_int_equal(mr_net_udp_room(&rig.net, &rig.packet), 1452);
}

/* Behind a next hop the answer waits for its MAC; link-local askers are on the link. */
static void
test_udp_reply_by_next_hop(void **state)
{
	static const struct mr_mac gateway = { { 2, 0xbb, 0, 0, 0, 1 } };
	static const struct {
		const char *src, *dst, *hop;
	} ways[] = { { PEER_V4, VIP_V4, HOP_V4 }, { PEER_V6, VIP_V6, HOP_V6 } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct mr_net_next_hop hop = { addr_of(ways[i].hop), IF_HOP, 0 };

		frame_udp(&frame, IF_HOP, -1, ways[i].src, ways[i].dst, 4000, 53, 20);
		expect(IF_HOP, MR_NET_UDP, udp);
		assert_false(mr_net_udp_reply(&rig.net, &rig.packet, 20));
		assert_int_equal(rig.net.tally[MR_NET_tx_unresolved], 1);
		mr_net_neighbours_learn(rig.neighbours, &hop, &gateway, rig.now_ns);
		expect(IF_HOP, MR_NET_UDP, udp);
		assert_true(mr_net_udp_reply(&rig.net, &rig.packet, 20));
		assert_memory_equal(rig.packet.bytes, gateway.bytes, 6);
		assert_null(frame_check(rig.packet.bytes, rig.packet.frame_bytes));
		/* Another tag of the same interface has no next hop. */
		frame_udp(&frame, IF_HOP, 7, ways[i].src, ways[i].dst, 4000, 53, 20);
		expect(IF_HOP, MR_NET_UDP, udp);
		assert_true(mr_net_udp_reply(&rig.net, &rig.packet, 20));
		assert_memory_equal(rig.packet.bytes, peer_mac, 6);
	}
	frame_udp(&frame, IF_HOP, -1, "fe80::77", VIP_V6, 4000, 53, 20);
	expect(IF_HOP, MR_NET_UDP, udp);
	assert_true(mr_net_udp_reply(&rig.net, &rig.packet, 20));
	assert_memory_equal(rig.packet.bytes, peer_mac, 6);
}

/* ---- TCP ---- */

static void
test_tcp_segment_is_described(void **state)
{
	(void)state;
	for (int family = 0; family < 2; family++) {
		frame_tcp(&frame, IF_PLAIN, families[family][0], families[family][1], 53, 33);
		expect(IF_PLAIN, MR_NET_TCP, tcp);
		assert_int_equal(rig.packet.app, MR_NET_APP_DNS);
		assert_int_equal(rig.packet.l4_offset, frame.l4);
		assert_int_equal(rig.packet.payload_offset, frame.l4 + 20);
		assert_int_equal(rig.packet.payload_bytes, 33);
		frame_tcp(&frame, IF_PLAIN, families[family][0], families[family][1], 54, 33);
		expect(IF_PLAIN, MR_NET_TCP, tcp); /* closed: for TCP to reset */
		assert_int_equal(rig.packet.app, MR_NET_APP_NONE);
	}
	frame_tcp(&frame, IF_PUNT, PEER_V4, VIP_V4, 54, 33);
	expect(IF_PUNT, MR_NET_PUNT, punt);
}

static void
test_tcp_data_offset_at_both_sides(void **state)
{
	(void)state;
	frame_tcp(&frame, IF_PLAIN, PEER_V4, VIP_V4, 53, 8);
	for (uint8_t words = 0; words < 16; words++) {
		frame.bytes[frame.l4 + 12] = (uint8_t)(words << 4);
		frame_seal(&frame);
		if (words < 5 || words > 7) {
			expect(IF_PLAIN, MR_NET_DROP, tcp_length);
		} else {
			expect(IF_PLAIN, MR_NET_TCP, tcp);
			assert_int_equal(rig.packet.payload_bytes, 28 - words * 4);
		}
	}
	frame_eth(&frame, IF_PLAIN, -1, 0x0800);
	frame_ip(&frame, PEER_V4, VIP_V4, 6, 0, 19);
	frame_seal(&frame);
	expect(IF_PLAIN, MR_NET_DROP, tcp_length);
}

static void
test_tcp_checksum_and_ports(void **state)
{
	(void)state;
	frame_tcp(&frame, IF_PLAIN, PEER_V6, VIP_V6, 53, 9);
	frame.bytes[frame.count - 1] ^= 0x80;
	expect(IF_PLAIN, MR_NET_DROP, tcp_checksum);
	frame_tcp(&frame, IF_PLAIN, PEER_V6, VIP_V6, 0, 9);
	expect(IF_PLAIN, MR_NET_DROP, tcp_port);
	frame_tcp(&frame, IF_PLAIN, PEER_V6, VIP_V6, 53, 9);
	mr_store_be16(frame.bytes + frame.l4, 0);
	frame_seal(&frame);
	expect(IF_PLAIN, MR_NET_DROP, tcp_port);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_udp_query_is_described, setup, teardown),
		cmocka_unit_test_setup_teardown(test_udp_length_at_both_sides, setup, teardown),
		cmocka_unit_test_setup_teardown(test_udp_checksum_every_bit_counts, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_udp_zero_checksum_by_family, setup, teardown),
		cmocka_unit_test_setup_teardown(test_udp_checksum_vouched_for_by_the_device, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_udp_source_port_zero, setup, teardown),
		cmocka_unit_test_setup_teardown(test_udp_services_by_address_and_port, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_udp_reply_goes_back_by_the_way_in, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_udp_reply_checksum_is_never_zero, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_udp_room_by_mtu_and_buffer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_udp_reply_by_next_hop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tcp_segment_is_described, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tcp_data_offset_at_both_sides, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_tcp_checksum_and_ports, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
