/* SPDX-License-Identifier: Apache-2.0
 *
 * net/arp - RFC 826 and RFC 5227: requests, probes, conflicts, next hops.
 */

#include "rig.h"

static void
test_arp_request_for_vip_is_answered(void **state)
{
	const uint8_t *arp;
	struct mr_addr vip = addr_of(VIP_V4), peer = addr_of(PEER_V4);

	(void)state;
	frame_arp(&frame, IF_PLAIN, 1, PEER_V4, VIP_V4);
	expect(IF_PLAIN, MR_NET_REPLY, arp_request);
	assert_memory_equal(rig.packet.bytes, peer_mac, 6);
	assert_memory_equal(rig.packet.bytes + 6, rig_mac(IF_PLAIN), 6);
	arp = rig.packet.bytes + 14;
	assert_int_equal(mr_load_be16(arp + 6), 2);
	assert_memory_equal(arp + 8, rig_mac(IF_PLAIN), 6);
	assert_memory_equal(arp + 14, vip.bytes + 12, 4);
	assert_memory_equal(arp + 18, peer_mac, 6);
	assert_memory_equal(arp + 24, peer.bytes + 12, 4);
}

static void
test_arp_probe_is_answered(void **state)
{
	(void)state;
	frame_arp(&frame, IF_PLAIN, 1, "0.0.0.0", VIP_V4);
	expect(IF_PLAIN, MR_NET_REPLY, arp_request);
	assert_int_equal(mr_load_be32(rig.packet.bytes + 14 + 24), 0);
	/* Only a question may come from nowhere. */
	frame_arp(&frame, IF_PLAIN, 2, "0.0.0.0", VIP_V4);
	expect(IF_PLAIN, MR_NET_DROP, arp_source);
}

static void
test_arp_of_others_is_not_answered(void **state)
{
	(void)state;
	frame_arp(&frame, IF_PLAIN, 1, PEER_V4, "192.0.2.54");
	expect(IF_PLAIN, MR_NET_DROP, arp_other);
	frame_arp(&frame, IF_PLAIN, 2, PEER_V4, VIP_V4); /* a reply nobody asked for */
	expect(IF_PLAIN, MR_NET_DROP, arp_other);
	frame_arp(&frame, IF_PUNT, 1, PEER_V4, "192.0.2.54");
	expect(IF_PUNT, MR_NET_PUNT, punt);
}

static void
test_arp_malformed_is_dropped(void **state)
{
	static const struct {
		uint8_t at, value;
	} faults[] = { { 1, 6 }, { 0, 1 },  { 2, 0x86 }, { 3, 1 },   { 4, 8 },
		       { 4, 5 }, { 5, 16 }, { 5, 3 },    { 8, 0xff } };

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(faults); i++) {
		frame_arp(&frame, IF_PLAIN, 1, PEER_V4, VIP_V4);
		frame.bytes[14 + faults[i].at] = faults[i].value;
		expect(IF_PLAIN, MR_NET_DROP, arp_malformed);
	}
	frame_arp(&frame, IF_PLAIN, 1, PEER_V4, VIP_V4);
	memset(frame.bytes + 14 + 8, 0, 6);
	expect(IF_PLAIN, MR_NET_DROP, arp_malformed);
}

static void
test_arp_operation_unknown_is_dropped(void **state)
{
	(void)state;
	for (uint16_t operation = 0; operation < 12; operation++) {
		if (operation == 1 || operation == 2)
			continue;
		frame_arp(&frame, IF_PLAIN, operation, PEER_V4, VIP_V4);
		expect(IF_PLAIN, MR_NET_DROP, arp_operation);
	}
}

static void
test_arp_sender_that_no_host_is(void **state)
{
	static const char *const bad[] = { "0.0.0.1",   "0.255.255.255", "127.0.0.1",
					   "224.0.0.1", "240.0.0.1",     "255.255.255.255" };
	static const char *const good[] = { "1.0.0.0", "126.255.255.255", "128.0.0.0",
					    "223.255.255.255" };

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(bad); i++) {
		frame_arp(&frame, IF_PLAIN, 1, bad[i], VIP_V4);
		expect(IF_PLAIN, MR_NET_DROP, arp_source);
	}
	for (size_t i = 0; i < MR_ARRAY_COUNT(good); i++) {
		frame_arp(&frame, IF_PLAIN, 1, good[i], VIP_V4);
		expect(IF_PLAIN, MR_NET_REPLY, arp_request);
	}
}

static void
test_arp_cut_off(void **state)
{
	(void)state;
	frame_arp(&frame, IF_PLAIN, 1, PEER_V4, VIP_V4);
	frame.count--;
	expect(IF_PLAIN, MR_NET_DROP, arp_truncated);
}

/* RFC 5227 2.4 (b): one announcement, then silence for ten seconds. */
static void
test_arp_conflict_is_defended_once_in_ten_seconds(void **state)
{
	struct mr_addr vip = addr_of(VIP_V4);

	(void)state;
	rig.net.evlog = mr_evlog_ring_create("test", 16);
	for (uint16_t operation = 1; operation <= 2; operation++) {
		frame_arp(&frame, IF_PLAIN, operation, VIP_V4, VIP_V4);
		expect(IF_PLAIN, MR_NET_REPLY, arp_conflict);
		assert_true(rig_noted(&rig, MR_NET_arp_defend));
		assert_memory_equal(rig.packet.bytes, broadcast_mac, 6);
		assert_int_equal(mr_load_be16(rig.packet.bytes + 20), 1);
		assert_memory_equal(rig.packet.bytes + 14 + 14, vip.bytes + 12, 4);
		assert_memory_equal(rig.packet.bytes + 14 + 24, vip.bytes + 12, 4);
		rig.now_ns += 10 * MR_NS_PER_S - 1;
		expect(IF_PLAIN, MR_NET_DROP, arp_conflict);
		rig.now_ns += 1;
	}
	mr_evlog_ring_destroy(rig.net.evlog);
}

struct seen {
	int lines;
	char last[512];
};

static void
sink(void *context, enum mr_log_level level, const char *line)
{
	struct seen *seen = context;

	assert_int_equal(level, MR_LOG_WARNING);
	seen->lines++;
	strncpy(seen->last, line, sizeof(seen->last) - 1);
}

static void
test_arp_conflict_is_told_with_both_macs_once_a_second(void **state)
{
	struct seen seen = { 0 };

	(void)state;
	rig.net.evlog = mr_evlog_ring_create("test", 16);
	frame_arp(&frame, IF_PLAIN, 2, VIP_V4, PEER_V4);
	for (int i = 0; i < 5; i++)
		expect(IF_PLAIN, i ? MR_NET_DROP : MR_NET_REPLY, arp_conflict);
	rig.now_ns += MR_NS_PER_S;
	expect(IF_PLAIN, MR_NET_DROP, arp_conflict);
	assert_int_equal(mr_evlog_drain(rig.net.evlog, 16, sink, &seen), 2);
	assert_int_equal(seen.lines, 2);
	assert_non_null(strstr(seen.last, VIP_V4));
	assert_non_null(strstr(seen.last, "02:aa:00:00:00:09"));
	assert_non_null(strstr(seen.last, "02:00:00:00:00:01"));
	mr_evlog_ring_destroy(rig.net.evlog);
}

/* Two interfaces on one link hear each other: no conflict. */
static void
test_arp_of_our_other_interface_is_no_conflict(void **state)
{
	(void)state;
	frame_arp(&frame, IF_PLAIN, 1, VIP_V4, VIP_V4);
	memcpy(frame.bytes + 6, rig_mac(IF_PUNT), 6);
	memcpy(frame.bytes + 14 + 8, rig_mac(IF_PUNT), 6);
	expect(IF_PLAIN, MR_NET_DROP, eth_loop);
}

static void
test_arp_next_hop_is_learnt(void **state)
{
	(void)state;
	frame_arp(&frame, IF_HOP, 2, HOP_V4, VIP_V4);
	expect(IF_HOP, MR_NET_LEARN, arp_learn);
	assert_memory_equal(&rig.packet.learn_mac, peer_mac, 6);
	frame_arp(&frame, IF_HOP, 1, HOP_V4, HOP_V4); /* gratuitous: a fail-over */
	expect(IF_HOP, MR_NET_LEARN, arp_learn);
	frame_arp(&frame, IF_HOP, 1, HOP_V4, "198.18.0.9"); /* asks for another */
	expect(IF_HOP, MR_NET_DROP, arp_other);
	frame_arp(&frame, IF_PLAIN, 2, HOP_V4, VIP_V4); /* on another interface */
	expect(IF_PLAIN, MR_NET_DROP, arp_other);
	frame_arp(&frame, IF_HOP, 1, HOP_V4, VIP_V4);
	expect(IF_HOP, MR_NET_REPLY, arp_request);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_arp_request_for_vip_is_answered, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_arp_probe_is_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(test_arp_of_others_is_not_answered, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_arp_malformed_is_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_arp_operation_unknown_is_dropped, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_arp_sender_that_no_host_is, setup, teardown),
		cmocka_unit_test_setup_teardown(test_arp_cut_off, setup, teardown),
		cmocka_unit_test_setup_teardown(test_arp_conflict_is_defended_once_in_ten_seconds,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_arp_conflict_is_told_with_both_macs_once_a_second, setup, teardown),
		cmocka_unit_test_setup_teardown(test_arp_of_our_other_interface_is_no_conflict,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_arp_next_hop_is_learnt, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
