/* SPDX-License-Identifier: Apache-2.0
 *
 * net/input - Ethernet, 802.1Q and 802.1ad: who is read, who is not, each with its counter.
 */

#include "rig.h"

static void
test_input_runt_is_counted(void **state)
{
	(void)state;
	frame_udp(&frame, IF_PLAIN, -1, PEER_V4, VIP_V4, 4000, 53, 20);
	for (frame.count = 0; frame.count < 14; frame.count++)
		expect(IF_PLAIN, MR_NET_DROP, eth_runt);
	expect(IF_PLAIN, MR_NET_DROP, v4_truncated);
}

/* Every frame cut at every length, in a block of exactly that size: the sanitizer is the judge. */
static void
test_input_cut_anywhere_stays_inside(void **state)
{
	(void)state;
	for (int kind = 0; kind < 11; kind++) {
		size_t whole;

		switch (kind) {
		case 0:
			frame_udp(&frame, IF_PLAIN, -1, PEER_V4, VIP_V4, 4000, 53, 20);
			break;
		case 1:
			frame_udp(&frame, IF_PLAIN, 100, PEER_V6, VIP_V6, 4000, 53, 20);
			break;
		case 2:
			frame_tcp(&frame, IF_PLAIN, PEER_V4, VIP_V4, 53, 20);
			break;
		case 3:
			frame_tcp(&frame, IF_PLAIN, PEER_V6, VIP_V6, 53, 20);
			break;
		case 4:
			frame_echo(&frame, IF_PLAIN, PEER_V4, VIP_V4, 20);
			break;
		case 5:
			frame_echo(&frame, IF_PLAIN, PEER_V6, VIP_V6, 20);
			break;
		case 6:
			frame_arp(&frame, IF_PLAIN, 1, PEER_V4, VIP_V4);
			break;
		case 7:
			frame_nd(&frame, IF_PLAIN, 135, PEER_V6, "ff02::1:ff00:53", VIP_V6);
			break;
		case 8:
			frame_nd(&frame, IF_HOP, 136, HOP_V6, VIP_V6, HOP_V6);
			break;
		case 9:
			frame_udp(&frame, IF_PLAIN, VLAN_PAIR, PEER_V4, VIP_V4, 4000, 53, 20);
			break;
		default:
			frame_udp(&frame, IF_PLAIN, -1, PEER_V4, VIP_V4, 4000, 54, 20);
			break;
		}
		whole = frame.count;
		for (size_t cut = 0; cut < whole; cut++)
			assert_int_equal(rig_input(&rig, kind == 8 ? IF_HOP : IF_PLAIN, frame.bytes,
						   cut, cut),
					 MR_NET_DROP);
		assert_int_not_equal(rig_input(&rig, kind == 8 ? IF_HOP : IF_PLAIN, frame.bytes,
					       whole, whole + 64),
				     MR_NET_DROP);
	}
}

static void
test_input_padding_is_cut_off(void **state)
{
	(void)state;
	frame_udp(&frame, IF_PLAIN, -1, PEER_V4, VIP_V4, 4000, 53, 4);
	frame.count = 60;
	expect(IF_PLAIN, MR_NET_UDP, udp);
	assert_int_equal(rig.packet.frame_bytes, 14 + 20 + 8 + 4);
	assert_int_equal(rig.packet.payload_bytes, 4);
	frame_arp(&frame, IF_PLAIN, 1, PEER_V4, VIP_V4);
	frame.count = 60;
	expect(IF_PLAIN, MR_NET_REPLY, arp_request);
	assert_int_equal(rig.packet.frame_bytes, 42);
}

static void
test_input_foreign_mac_is_dropped(void **state)
{
	(void)state;
	frame_udp(&frame, IF_PLAIN, -1, PEER_V4, VIP_V4, 4000, 53, 4);
	frame.bytes[5] ^= 0x40;
	expect(IF_PLAIN, MR_NET_DROP, eth_foreign);
	/* Also where the kernel listens: unicast to another host is not for it either. */
	expect(IF_PUNT, MR_NET_DROP, eth_foreign);
}

static void
test_input_group_mac_is_for_the_kernel(void **state)
{
	static const uint8_t lldp[6] = { 0x01, 0x80, 0xc2, 0, 0, 0x0e };

	(void)state;
	frame_udp(&frame, IF_PLAIN, -1, PEER_V4, VIP_V4, 4000, 53, 4);
	memcpy(frame.bytes, lldp, 6);
	expect(IF_PLAIN, MR_NET_DROP, eth_foreign);
	expect(IF_PUNT, MR_NET_PUNT, punt);
}

static void
test_input_source_mac_of_a_group_or_zero_is_dropped(void **state)
{
	(void)state;
	frame_udp(&frame, IF_PLAIN, -1, PEER_V4, VIP_V4, 4000, 53, 4);
	frame.bytes[6] |= 1;
	expect(IF_PLAIN, MR_NET_DROP, eth_source);
	memset(frame.bytes + 6, 0, 6);
	expect(IF_PLAIN, MR_NET_DROP, eth_source);
}

static void
test_input_own_frame_come_back_is_dropped(void **state)
{
	(void)state;
	frame_arp(&frame, IF_PLAIN, 1, PEER_V4, VIP_V4);
	memcpy(frame.bytes + 6, rig_mac(IF_PLAIN), 6);
	expect(IF_PLAIN, MR_NET_DROP, eth_loop);
}

static void
test_input_ethertype_unknown(void **state)
{
	(void)state;
	frame_udp(&frame, IF_PLAIN, -1, PEER_V4, VIP_V4, 4000, 53, 4);
	mr_store_be16(frame.bytes + 12, 0x88b5);
	expect(IF_PLAIN, MR_NET_DROP, eth_type);
	mr_store_be16(frame.bytes + 12, 40); /* 802.3 length */
	expect(IF_PLAIN, MR_NET_DROP, eth_type);
	memcpy(frame.bytes, rig_mac(IF_PUNT), 6);
	expect(IF_PUNT, MR_NET_PUNT, punt);
}

static void
test_input_vlan_known_is_read_and_kept(void **state)
{
	(void)state;
	frame_udp(&frame, IF_PLAIN, 100, PEER_V4, VIP_V4, 4000, 53, 4);
	frame.bytes[14] |= 0xe0; /* priority 7 is not part of the number */
	expect(IF_PLAIN, MR_NET_UDP, udp);
	assert_int_equal(rig.packet.vlan, 100);
	assert_true(mr_net_udp_reply(&rig.net, &rig.packet, 4));
	assert_null(frame_check(rig.packet.bytes, rig.packet.frame_bytes));
	assert_int_equal(mr_load_be16(rig.packet.bytes + 12), 0x8100);
	assert_int_equal(mr_load_be16(rig.packet.bytes + 14), 100);
}

static void
test_input_vlan_priority_tag_is_untagged(void **state)
{
	(void)state;
	frame_udp(&frame, IF_PLAIN, 0, PEER_V4, VIP_V4, 4000, 53, 4);
	expect(IF_PLAIN, MR_NET_UDP, udp);
	assert_int_equal(rig.packet.vlan, 0);
}

static void
test_input_vlan_unknown_is_dropped_or_punted(void **state)
{
	(void)state;
	frame_udp(&frame, IF_PLAIN, 101, PEER_V4, VIP_V4, 4000, 53, 4);
	expect(IF_PLAIN, MR_NET_DROP, vlan_unknown);
	frame_udp(&frame, IF_PLAIN, 4095, PEER_V4, VIP_V4, 4000, 53, 4);
	expect(IF_PLAIN, MR_NET_DROP, vlan_unknown);
	frame_udp(&frame, IF_PUNT, 100, PEER_V4, VIP_V4, 4000, 53, 4);
	expect(IF_PUNT, MR_NET_PUNT, punt);
}

/* expect_pair: what we send has both tags of VLAN_PAIR, without priority. */
static void
expect_pair(void)
{
	const uint8_t *bytes = rig.packet.bytes;

	assert_null(frame_check(bytes, rig.packet.frame_bytes));
	assert_int_equal(mr_load_be16(bytes + 12), 0x88a8);
	assert_int_equal(mr_load_be16(bytes + 14), 200);
	assert_int_equal(mr_load_be16(bytes + 16), 0x8100);
	assert_int_equal(mr_load_be16(bytes + 18), 100);
}

/* 802.1Q 9.6: a customer tag inside a service tag; every answer goes back inside both. */
static void
test_input_pair_known_is_read_and_kept(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		const char *peer = v6 ? PEER_V6 : PEER_V4, *vip = v6 ? VIP_V6 : VIP_V4;

		frame_udp(&frame, IF_PLAIN, VLAN_PAIR, peer, vip, 4000, 53, 4);
		frame.bytes[14] |= 0xf0; /* priority 7, drop eligible */
		frame.bytes[18] |= 0x60;
		expect(IF_PLAIN, MR_NET_UDP, udp);
		assert_int_equal(rig.packet.vlan, VLAN_PAIR);
		assert_true(mr_net_udp_reply(&rig.net, &rig.packet, 4));
		expect_pair();
		frame_echo(&frame, IF_PLAIN, peer, vip, 30);
		frame_tag(&frame, VLAN_PAIR);
		assert_int_equal(rig_input(&rig, IF_PLAIN, frame.bytes, frame.count, 2048),
				 MR_NET_REPLY);
		expect_pair();
		frame_udp(&frame, IF_PLAIN, VLAN_PAIR, peer, vip, 4000, 54, 4); /* unreachable */
		expect(IF_PLAIN, MR_NET_REPLY, udp_closed_port);
		expect_pair();
	}
	frame_arp(&frame, IF_PLAIN, 1, PEER_V4, VIP_V4);
	frame_tag(&frame, VLAN_PAIR);
	expect(IF_PLAIN, MR_NET_REPLY, arp_request);
	expect_pair();
	frame_nd(&frame, IF_PLAIN, 135, PEER_V6, "ff02::1:ff00:53", VIP_V6);
	frame_tag(&frame, VLAN_PAIR);
	expect(IF_PLAIN, MR_NET_REPLY, nd_solicit);
	expect_pair();
}

static void
test_input_pair_unknown_is_dropped_or_punted(void **state)
{
	static const uint32_t unknown[] = { 200 << 16 | 101, 201 << 16 | 100, 100 << 16 | 200,
					    200 << 16 };

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(unknown); i++) {
		frame_udp(&frame, IF_PLAIN, (int)unknown[i], PEER_V4, VIP_V4, 4000, 53, 4);
		expect(IF_PLAIN, MR_NET_DROP, vlan_unknown);
		memcpy(frame.bytes, rig_mac(IF_PUNT), 6);
		expect(IF_PUNT, MR_NET_PUNT, punt);
	}
}

static void
test_input_other_stacks_are_dropped(void **state)
{
	static const uint16_t types[][3] = {
		{ 0x8100, 0x8100, 0x0800 }, { 0x8100, 0x88a8, 0x0800 }, { 0x8100, 0x9100, 0x0800 },
		{ 0x88a8, 0x88a8, 0x0800 }, { 0x88a8, 0x9100, 0x0800 }, { 0x9100, 0x8100, 0x0800 },
		{ 0x88a8, 0x8100, 0x8100 }, { 0x88a8, 0x8100, 0x88a8 },
	};

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(types); i++) {
		frame_udp(&frame, IF_PLAIN, VLAN_PAIR, PEER_V4, VIP_V4, 4000, 53, 4);
		for (size_t tag = 0; tag < 3; tag++)
			mr_store_be16(frame.bytes + 12 + 4 * tag, types[i][tag]);
		expect(IF_PLAIN, MR_NET_DROP, vlan_stack);
	}
	/* A service tag alone, and one that is there for its priority only. */
	frame_udp(&frame, IF_PLAIN, 100, PEER_V4, VIP_V4, 4000, 53, 4);
	mr_store_be16(frame.bytes + 12, 0x88a8);
	expect(IF_PLAIN, MR_NET_DROP, vlan_stack);
	frame_udp(&frame, IF_PLAIN, VLAN_PAIR, PEER_V4, VIP_V4, 4000, 53, 4);
	mr_store_be16(frame.bytes + 14, 0xe000);
	expect(IF_PLAIN, MR_NET_DROP, vlan_stack);
}

/* A device that gives a pair's first tag as 0x8100 is told from one that gives one tag only. */
static void
test_input_pair_by_a_device_that_retypes(void **state)
{
	(void)state;
	frame_udp(&frame, IF_RETYPES, VLAN_PAIR, PEER_V4, VIP_V4, 4000, 53, 4);
	mr_store_be16(frame.bytes + 12, 0x8100);
	expect(IF_RETYPES, MR_NET_UDP, udp);
	assert_int_equal(rig.packet.vlan, VLAN_PAIR);
	assert_true(mr_net_udp_reply(&rig.net, &rig.packet, 4));
	expect_pair();
	frame_udp(&frame, IF_RETYPES, 100, PEER_V4, VIP_V4, 4000, 53, 4);
	expect(IF_RETYPES, MR_NET_UDP, udp);
	assert_int_equal(rig.packet.vlan, 100);
	frame_udp(&frame, IF_RETYPES, 100, PEER_V4, VIP_V4, 4000, 53, 4);
	mr_store_be16(frame.bytes + 16, 0x88a8);
	expect(IF_RETYPES, MR_NET_DROP, vlan_stack);
}

static void
test_input_pair_cut_off(void **state)
{
	(void)state;
	frame_udp(&frame, IF_PLAIN, VLAN_PAIR, PEER_V4, VIP_V4, 4000, 53, 4);
	for (frame.count = 14; frame.count < 22; frame.count++)
		expect(IF_PLAIN, MR_NET_DROP, vlan_truncated);
	expect(IF_PLAIN, MR_NET_DROP, v4_truncated);
}

static void
test_input_vlan_tag_cut_off(void **state)
{
	(void)state;
	frame_udp(&frame, IF_PLAIN, 100, PEER_V4, VIP_V4, 4000, 53, 4);
	for (frame.count = 14; frame.count < 18; frame.count++)
		expect(IF_PLAIN, MR_NET_DROP, vlan_truncated);
	expect(IF_PLAIN, MR_NET_DROP, v4_truncated);
}

static void
test_input_interface_that_is_not_there(void **state)
{
	(void)state;
	frame_udp(&frame, IF_PLAIN, -1, PEER_V4, VIP_V4, 4000, 53, 4);
	assert_int_equal(rig_input(&rig, IF_COUNT, frame.bytes, frame.count, 2048), MR_NET_DROP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_input_runt_is_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_input_cut_anywhere_stays_inside, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_input_padding_is_cut_off, setup, teardown),
		cmocka_unit_test_setup_teardown(test_input_foreign_mac_is_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_input_group_mac_is_for_the_kernel, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_input_source_mac_of_a_group_or_zero_is_dropped,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_input_own_frame_come_back_is_dropped, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_input_ethertype_unknown, setup, teardown),
		cmocka_unit_test_setup_teardown(test_input_vlan_known_is_read_and_kept, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_input_vlan_priority_tag_is_untagged, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_input_vlan_unknown_is_dropped_or_punted, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_input_pair_known_is_read_and_kept, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_input_pair_unknown_is_dropped_or_punted, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_input_other_stacks_are_dropped, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_input_pair_by_a_device_that_retypes, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_input_pair_cut_off, setup, teardown),
		cmocka_unit_test_setup_teardown(test_input_vlan_tag_cut_off, setup, teardown),
		cmocka_unit_test_setup_teardown(test_input_interface_that_is_not_there, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
