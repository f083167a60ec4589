/* SPDX-License-Identifier: Apache-2.0
 *
 * net/nd - RFC 4861: solicitations, advertisements, and what a host ignores.
 */

#include "rig.h"

#define GROUP "ff02::1:ff00:53" /* solicited-node group of VIP_V6 */

static void
test_nd_solicitation_is_answered_solicited(void **state)
{
	const uint8_t *h;
	struct mr_addr peer = addr_of(PEER_V6), vip = addr_of(VIP_V6);

	(void)state;
	frame_nd(&frame, IF_PLAIN, 135, PEER_V6, GROUP, VIP_V6);
	frame.bytes[frame.l4 + 31] = 0x77; /* the option's MAC, not the frame's, is answered */
	frame_seal(&frame);
	expect(IF_PLAIN, MR_NET_REPLY, nd_solicit);
	assert_memory_equal(rig.packet.bytes, "\x02\xaa\0\0\0\x77", 6);
	assert_memory_equal(rig.packet.bytes + 14 + 8, vip.bytes, 16);
	assert_memory_equal(rig.packet.bytes + 14 + 24, peer.bytes, 16);
	h = rig.packet.bytes + 54;
	assert_int_equal(h[0], 136);
	assert_int_equal(mr_load_be32(h + 4), 0x60000000); /* solicited, override, no router */
	assert_memory_equal(h + 8, vip.bytes, 16);
	assert_memory_equal(h + 24, "\x02\x01", 2);
	assert_memory_equal(h + 26, rig_mac(IF_PLAIN), 6);
	assert_int_equal(rig.packet.frame_bytes, 14 + 40 + 32);
}

/* RFC 4861 7.3: reachability is asked by unicast and may leave out the option. */
static void
test_nd_unicast_solicitation_without_option(void **state)
{
	(void)state;
	frame_nd(&frame, IF_PLAIN, 135, PEER_V6, VIP_V6, VIP_V6);
	frame.count -= 8;
	mr_store_be16(frame.bytes + 14 + 4, 24);
	frame_seal(&frame);
	expect(IF_PLAIN, MR_NET_REPLY, nd_solicit);
	assert_memory_equal(rig.packet.bytes, peer_mac, 6);
	/* The answer is longer than the question: not beyond the buffer. */
	assert_int_equal(rig_input(&rig, IF_PLAIN, frame.bytes, frame.count, frame.count + 7),
			 MR_NET_DROP);
	assert_true(rig_noted(&rig, MR_NET_tx_room));
	assert_int_equal(rig_input(&rig, IF_PLAIN, frame.bytes, frame.count, frame.count + 8),
			 MR_NET_REPLY);
}

/* RFC 4862 5.4, RFC 4861 7.2.4: to all nodes, not solicited. */
static void
test_nd_dad_probe_is_answered_to_all(void **state)
{
	struct mr_addr all = addr_of("ff02::1");

	(void)state;
	frame_nd(&frame, IF_PLAIN, 135, "::", GROUP, VIP_V6);
	frame.count -= 8;
	mr_store_be16(frame.bytes + 14 + 4, 24);
	frame_seal(&frame);
	expect(IF_PLAIN, MR_NET_REPLY, nd_solicit);
	assert_memory_equal(rig.packet.bytes, "\x33\x33\0\0\0\x01", 6);
	assert_memory_equal(rig.packet.bytes + 14 + 24, all.bytes, 16);
	assert_int_equal(mr_load_be32(rig.packet.bytes + 58), 0x20000000);
	/* With a source option, or to all nodes, it is no probe (7.1.1). */
	frame_nd(&frame, IF_PLAIN, 135, "::", GROUP, VIP_V6);
	expect(IF_PLAIN, MR_NET_DROP, nd_malformed);
	frame_nd(&frame, IF_PLAIN, 135, "::", "ff02::1", VIP_V6);
	frame.count -= 8;
	mr_store_be16(frame.bytes + 14 + 4, 24);
	frame_seal(&frame);
	expect(IF_PLAIN, MR_NET_DROP, nd_malformed);
}

static void
test_nd_hop_limit_is_255(void **state)
{
	(void)state;
	frame_nd(&frame, IF_PLAIN, 135, PEER_V6, GROUP, VIP_V6);
	frame.bytes[14 + 7] = 254;
	frame_seal(&frame);
	expect(IF_PLAIN, MR_NET_DROP, nd_hop_limit);
}

static void
test_nd_checksum_is_checked(void **state)
{
	(void)state;
	frame_nd(&frame, IF_PLAIN, 135, PEER_V6, GROUP, VIP_V6);
	frame.bytes[frame.l4 + 3] ^= 1;
	expect(IF_PLAIN, MR_NET_DROP, icmp_checksum);
}

static void
test_nd_malformed_is_dropped(void **state)
{
	static const struct {
		uint8_t at, value;
	} faults[] = {
		{ 1, 1 },    /* code */
		{ 8, 0xff }, /* target is a group */
		{ 25, 0 },   /* option of no length */
		{ 25, 2 },   /* option beyond the packet */
		{ 26, 1 },   /* link-layer address of a group */
	};

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(faults); i++) {
		frame_nd(&frame, IF_PLAIN, 135, PEER_V6, GROUP, VIP_V6);
		frame.bytes[frame.l4 + faults[i].at] = faults[i].value;
		frame_seal(&frame);
		expect(IF_PLAIN, MR_NET_DROP, nd_malformed);
	}
	frame_nd(&frame, IF_PLAIN, 135, PEER_V6, GROUP, VIP_V6);
	memset(frame.bytes + frame.l4 + 26, 0, MR_MAC_BYTES); /* link-layer address of nobody */
	frame_seal(&frame);
	expect(IF_PLAIN, MR_NET_DROP, nd_malformed);
	for (size_t cut = 9; cut < 32; cut++) { /* 24 bytes are a whole one */
		if (cut == 24)
			continue;
		frame_nd(&frame, IF_PLAIN, 135, PEER_V6, GROUP, VIP_V6);
		frame.count = frame.l4 + cut;
		mr_store_be16(frame.bytes + 14 + 4, (uint16_t)cut);
		frame_seal(&frame);
		expect(IF_PLAIN, MR_NET_DROP, nd_malformed);
	}
}

/* RFC 6980: discovery in a fragment, even a whole one, is ignored. */
static void
test_nd_with_fragment_header_is_dropped(void **state)
{
	(void)state;
	frame_nd(&frame, IF_PLAIN, 135, PEER_V6, GROUP, VIP_V6);
	memmove(frame.bytes + frame.l4 + 8, frame.bytes + frame.l4, 32);
	memset(frame.bytes + frame.l4, 0, 8);
	frame.bytes[frame.l4] = 58;
	frame.bytes[14 + 6] = 44;
	mr_store_be16(frame.bytes + 14 + 4, 40);
	frame.l4 += 8;
	frame.count += 8;
	frame_seal(&frame);
	expect(IF_PLAIN, MR_NET_DROP, nd_malformed);
}

static void
test_nd_about_others(void **state)
{
	(void)state;
	frame_nd(&frame, IF_PLAIN, 135, PEER_V6, "ff02::1:ff00:54", "2001:db8::54");
	expect(IF_PLAIN, MR_NET_DROP, nd_other);
	frame_nd(&frame, IF_PLAIN, 136, PEER_V6, VIP_V6, PEER_V6);
	expect(IF_PLAIN, MR_NET_DROP, nd_other);
	frame_nd(&frame, IF_PUNT, 135, PEER_V6, "ff02::1:ff00:54", "2001:db8::54");
	expect(IF_PUNT, MR_NET_PUNT, punt);
}

/* A mapped target is no IPv6 address of ours, though the table keeps IPv4 in that form. */
static void
test_nd_mapped_target_is_not_ours(void **state)
{
	struct mr_addr vip = addr_of(VIP_V4);

	(void)state;
	frame_nd(&frame, IF_PLAIN, 135, PEER_V6, GROUP, VIP_V6);
	memcpy(frame.bytes + frame.l4 + 8, vip.bytes, 16);
	frame_seal(&frame);
	expect(IF_PLAIN, MR_NET_DROP, nd_other);
}

static void
test_nd_router_messages_are_ignored(void **state)
{
	(void)state;
	for (uint8_t type = 133; type <= 134; type++) {
		frame_nd(&frame, IF_PLAIN, type, "fe80::99", "ff02::1", PEER_V6);
		expect(IF_PLAIN, MR_NET_DROP, nd_router);
	}
	frame_nd(&frame, IF_PLAIN, 137, "fe80::99", VIP_V6, PEER_V6);
	expect(IF_PLAIN, MR_NET_DROP, nd_redirect);
	frame_nd(&frame, IF_PUNT, 134, "fe80::99", "ff02::1", PEER_V6);
	expect(IF_PUNT, MR_NET_PUNT, punt);
}

static void
test_nd_advertisement_of_our_address_is_a_conflict(void **state)
{
	(void)state;
	frame_nd(&frame, IF_PLAIN, 136, PEER_V6, "ff02::1", VIP_V6);
	expect(IF_PLAIN, MR_NET_DROP, nd_conflict);
	memcpy(frame.bytes + frame.l4 + 26, rig_mac(IF_PUNT), 6); /* our other interface */
	frame_seal(&frame);
	expect(IF_PLAIN, MR_NET_DROP, eth_loop);
}

static void
advert(uint8_t flags, bool with_option, uint8_t last)
{
	frame_nd(&frame, IF_HOP, 136, HOP_V6, flags & 0x40 ? VIP_V6 : "ff02::1", HOP_V6);
	frame.bytes[frame.l4 + 4] = flags;
	frame.bytes[frame.l4 + 31] = last;
	if (!with_option) {
		frame.count -= 8;
		mr_store_be16(frame.bytes + 14 + 4, 24);
	}
	frame_seal(&frame);
}

/* RFC 4861 7.2.5. */
static void
test_nd_next_hop_is_learnt_by_its_flags(void **state)
{
	struct mr_net_next_hop hop = { addr_of(HOP_V6), IF_HOP, 0 };

	(void)state;
	advert(0x40, false, 0); /* nothing known, nothing told */
	expect(IF_HOP, MR_NET_DROP, nd_malformed);
	advert(0x40, true, 9);
	expect(IF_HOP, MR_NET_LEARN, nd_learn);
	assert_memory_equal(&rig.packet.learn_mac, peer_mac, 6);
	assert_true(mr_addr_equal(&rig.packet.src, &hop.addr));
	mr_net_neighbours_learn(rig.neighbours, &hop, &rig.packet.learn_mac, rig.now_ns);
	advert(0x40, false, 0); /* confirms */
	expect(IF_HOP, MR_NET_LEARN, nd_learn);
	assert_memory_equal(&rig.packet.learn_mac, peer_mac, 6);
	advert(0x40, true, 8); /* another MAC without override */
	expect(IF_HOP, MR_NET_DROP, nd_no_override);
	advert(0x20, true, 8); /* unsolicited, override: a fail-over */
	expect(IF_HOP, MR_NET_LEARN, nd_learn);
	assert_int_equal(rig.packet.learn_mac.bytes[5], 8);
	/* Solicited and to a group contradict each other. */
	advert(0x20, true, 8);
	frame.bytes[frame.l4 + 4] = 0x60;
	frame_seal(&frame);
	expect(IF_HOP, MR_NET_DROP, nd_malformed);
}

static void
test_nd_advertisement_from_nowhere_is_malformed(void **state)
{
	(void)state;
	frame_nd(&frame, IF_HOP, 136, "::", "ff02::1", HOP_V6);
	expect(IF_HOP, MR_NET_DROP, nd_malformed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nd_solicitation_is_answered_solicited, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_nd_unicast_solicitation_without_option, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_nd_dad_probe_is_answered_to_all, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_nd_hop_limit_is_255, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nd_checksum_is_checked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nd_malformed_is_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nd_with_fragment_header_is_dropped, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_nd_about_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nd_mapped_target_is_not_ours, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nd_router_messages_are_ignored, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_nd_advertisement_of_our_address_is_a_conflict,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_nd_next_hop_is_learnt_by_its_flags, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_nd_advertisement_from_nowhere_is_malformed,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
