/* SPDX-License-Identifier: Apache-2.0
 *
 * net/ipv4 - RFC 791 and RFC 1122: lengths, checksum, addresses, options, fragments.
 */
#include <stdlib.h>

#include "rig.h"

static void
query(void)
{
	frame_udp(&frame, IF_PLAIN, -1, PEER_V4, VIP_V4, 4000, 53, 20);
}

/* with_options makes a query with IPv4 options of count bytes (a multiple of 4). */
static void
with_options(const uint8_t *options, size_t count)
{
	frame_eth(&frame, IF_PLAIN, -1, 0x0800);
	frame_ip(&frame, PEER_V4, VIP_V4, 17, count, 8 + 12);
	memcpy(frame.bytes + 34, options, count);
	mr_store_be16(frame.bytes + frame.l4, 4000);
	mr_store_be16(frame.bytes + frame.l4 + 2, 53);
	mr_store_be16(frame.bytes + frame.l4 + 4, 20);
	frame_seal(&frame);
}

static void
test_ipv4_version_and_header_length(void **state)
{
	(void)state;
	query();
	frame.bytes[14] = 0x55;
	expect(IF_PLAIN, MR_NET_DROP, v4_version);
	frame.bytes[14] = 0x44;
	expect(IF_PLAIN, MR_NET_DROP, v4_header_length);
	frame.bytes[14] = 0x40;
	expect(IF_PLAIN, MR_NET_DROP, v4_header_length);
}

static void
test_ipv4_total_length_that_lies(void **state)
{
	(void)state;
	query();
	mr_store_be16(frame.bytes + 16, 19);
	frame_seal(&frame);
	expect(IF_PLAIN, MR_NET_DROP, v4_length);
	mr_store_be16(frame.bytes + 16, 20); /* whole header, no payload */
	frame_seal(&frame);
	expect(IF_PLAIN, MR_NET_DROP, udp_length);
	query();
	mr_store_be16(frame.bytes + 16, (uint16_t)(frame.count - 14 + 1));
	frame_seal(&frame);
	expect(IF_PLAIN, MR_NET_DROP, v4_truncated);
	mr_store_be16(frame.bytes + 16, 0xffff);
	frame_seal(&frame);
	expect(IF_PLAIN, MR_NET_DROP, v4_truncated);
}

static void
test_ipv4_header_longer_than_the_packet(void **state)
{
	(void)state;
	query();
	frame.bytes[14] = 0x4f;
	mr_store_be16(frame.bytes + 16, 48);
	expect(IF_PLAIN, MR_NET_DROP, v4_length); /* 60 bytes of header in 48 */
}

static void
test_ipv4_checksum_every_bit_counts(void **state)
{
	(void)state;
	for (size_t bit = 0; bit < 160; bit++) {
		query();
		frame.bytes[14 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(rig_input(&rig, IF_PLAIN, frame.bytes, frame.count, 2048),
				 MR_NET_DROP);
	}
	query();
	frame.bytes[14 + 5] ^= 1;
	expect(IF_PLAIN, MR_NET_DROP, v4_checksum);
}

/* RFC 1122 3.2.1.7: not dropped for its TTL at the destination. */
static void
test_ipv4_ttl_of_zero_is_accepted(void **state)
{
	(void)state;
	for (uint8_t ttl = 0; ttl < 3; ttl++) {
		query();
		frame.bytes[14 + 8] = ttl;
		frame_seal(&frame);
		expect(IF_PLAIN, MR_NET_UDP, udp);
	}
}

static void
test_ipv4_destination_that_is_not_ours(void **state)
{
	static const char *const others[] = { "192.0.2.54", "255.255.255.255", "224.0.0.1",
					      "0.0.0.0", "127.0.0.1" };

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(others); i++) {
		frame_udp(&frame, IF_PLAIN, -1, PEER_V4, others[i], 4000, 53, 20);
		expect(IF_PLAIN, MR_NET_DROP, v4_not_ours);
		frame_udp(&frame, IF_PUNT, -1, PEER_V4, others[i], 4000, 53, 20);
		expect(IF_PUNT, MR_NET_PUNT, punt);
	}
}

/* RFC 1122 3.3.6: unicast inside a link broadcast is dropped in silence. */
static void
test_ipv4_in_a_link_broadcast(void **state)
{
	(void)state;
	frame_udp(&frame, IF_PLAIN, -1, PEER_V4, VIP_V4, 4000, 54, 20);
	memcpy(frame.bytes, broadcast_mac, 6);
	expect(IF_PLAIN, MR_NET_DROP, v4_link_group);
}

static void
test_ipv4_sources_at_both_sides_of_each_bound(void **state)
{
	static const struct {
		const char *addr;
		enum mr_net_metric outcome;
	} cases[] = {
		{ "0.0.0.0", MR_NET_v4_source_zero },
		{ "0.255.255.255", MR_NET_v4_source_zero },
		{ "1.0.0.0", MR_NET_udp },
		{ "126.255.255.255", MR_NET_udp },
		{ "127.0.0.0", MR_NET_v4_source_loopback },
		{ "127.255.255.255", MR_NET_v4_source_loopback },
		{ "128.0.0.0", MR_NET_udp },
		{ "223.255.255.255", MR_NET_udp },
		{ "224.0.0.0", MR_NET_v4_source_multicast },
		{ "239.255.255.255", MR_NET_v4_source_multicast },
		{ "240.0.0.0", MR_NET_v4_source_reserved },
		{ "255.255.255.255", MR_NET_v4_source_reserved },
		{ VIP_V4, MR_NET_v4_source_own },
		{ VIP_V4_OTHER, MR_NET_v4_source_own },
	};

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(cases); i++) {
		frame_udp(&frame, IF_PLAIN, -1, cases[i].addr, VIP_V4, 4000, 53, 20);
		assert_int_equal(rig_input(&rig, IF_PLAIN, frame.bytes, frame.count, 2048),
				 cases[i].outcome == MR_NET_udp ? MR_NET_UDP : MR_NET_DROP);
		assert_int_equal(rig_outcome(&rig), cases[i].outcome);
	}
}

static void
test_ipv4_fragments_are_dropped(void **state)
{
	static const uint16_t fragments[] = { 0x2000, 0x0001, 0x1fff, 0x2001 };
	static const uint16_t whole[] = { 0x0000, 0x4000, 0x8000 };

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(fragments); i++) {
		query();
		mr_store_be16(frame.bytes + 14 + 6, fragments[i]);
		frame_seal(&frame);
		expect(IF_PLAIN, MR_NET_DROP, v4_fragment);
	}
	for (size_t i = 0; i < MR_ARRAY_COUNT(whole); i++) {
		query();
		mr_store_be16(frame.bytes + 14 + 6, whole[i]);
		frame_seal(&frame);
		expect(IF_PLAIN, MR_NET_UDP, udp);
	}
}

static void
test_ipv4_options_are_walked_and_left_out_of_the_answer(void **state)
{
	static const uint8_t good[][12] = {
		{ 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 },
		{ 0, 131, 0, 0 }, /* nothing counts behind the end of the list */
		{ 148, 4, 0, 0, 7, 8, 4, 0, 0, 0, 0, 1 },    /* router alert, record route */
		{ 68, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0 },    /* time stamp, to the last byte */
		{ 200, 2, 201, 10, 0, 0, 0, 0, 0, 0, 0, 0 }, /* unknown ones */
	};

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(good); i++) {
		with_options(good[i], 12);
		expect(IF_PLAIN, MR_NET_UDP, udp);
		assert_int_equal(rig.packet.payload_offset, 14 + 32 + 8);
		assert_int_equal(rig.packet.payload_bytes, 12);
		memcpy(rig.packet.bytes + rig.packet.payload_offset, "answer", 6);
		assert_true(mr_net_udp_reply(&rig.net, &rig.packet, 6));
		assert_null(frame_check(rig.packet.bytes, rig.packet.frame_bytes));
		assert_memory_equal(rig.packet.bytes + 14 + 20 + 8, "answer", 6);
	}
}

static void
test_ipv4_source_routes_are_refused(void **state)
{
	static const uint8_t routes[][8] = { { 131, 7, 4, 10, 0, 0, 1, 0 },
					     { 137, 7, 4, 10, 0, 0, 1, 0 },
					     { 1, 1, 1, 137, 3, 4, 0, 0 } };

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(routes); i++) {
		with_options(routes[i], 8);
		expect(IF_PLAIN, MR_NET_DROP, v4_source_route);
		assert_false(rig_noted(&rig, MR_NET_icmp_error_tx));
	}
}

/* RFC 1122 3.2.2.5: a parameter problem that points at the octet. */
static void
test_ipv4_options_that_lie_are_told(void **state)
{
	static const struct {
		uint8_t options[8], pointer;
	} bad[] = {
		{ { 7, 0 }, 20 },
		{ { 7, 1 }, 20 },
		{ { 7, 9, 0, 0, 0, 0, 0, 0 }, 20 },
		{ { 1, 1, 1, 7, 6, 0, 0, 0 }, 23 },
		{ { 1, 1, 1, 1, 1, 1, 1, 7 }, 27 }, /* no room for its length */
	};

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(bad); i++) {
		with_options(bad[i].options, 8);
		expect(IF_PLAIN, MR_NET_REPLY, v4_options);
		assert_int_equal(mr_load_be16(rig.packet.bytes + 34), 12 << 8);
		assert_int_equal(rig.packet.bytes[14 + 20 + 4], bad[i].pointer);
	}
}

static void
test_ipv4_options_that_lie_in_an_error_are_not_told(void **state)
{
	static const uint8_t lie[4] = { 7, 9 };

	(void)state;
	frame_eth(&frame, IF_PLAIN, -1, 0x0800);
	frame_ip(&frame, PEER_V4, VIP_V4, 1, 4, 8 + 28);
	memcpy(frame.bytes + 34, lie, 4);
	frame.bytes[frame.l4] = 3;
	frame_seal(&frame);
	expect(IF_PLAIN, MR_NET_DROP, v4_options);
	frame.bytes[frame.l4] = 8; /* an echo request is no error */
	frame_seal(&frame);
	expect(IF_PLAIN, MR_NET_REPLY, v4_options);
}

static void
test_ipv4_protocol_unknown_is_told(void **state)
{
	(void)state;
	query();
	frame.bytes[14 + 9] = 132;
	frame.protocol = 132;
	frame_seal(&frame);
	expect(IF_PLAIN, MR_NET_REPLY, v4_protocol);
	assert_int_equal(mr_load_be16(rig.packet.bytes + 34), 3 << 8 | 2);
	memcpy(frame.bytes, rig_mac(IF_PUNT), 6);
	expect(IF_PUNT, MR_NET_PUNT, punt);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ipv4_version_and_header_length, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_ipv4_total_length_that_lies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ipv4_header_longer_than_the_packet, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_ipv4_checksum_every_bit_counts, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_ipv4_ttl_of_zero_is_accepted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ipv4_destination_that_is_not_ours, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_ipv4_in_a_link_broadcast, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ipv4_sources_at_both_sides_of_each_bound,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_ipv4_fragments_are_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_ipv4_options_are_walked_and_left_out_of_the_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ipv4_source_routes_are_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_ipv4_options_that_lie_are_told, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_ipv4_options_that_lie_in_an_error_are_not_told,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_ipv4_protocol_unknown_is_told, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
