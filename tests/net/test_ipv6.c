/* SPDX-License-Identifier: Apache-2.0
 *
 * net/ipv6 - RFC 8200: lengths, addresses, extension headers within their bounds.
 */
#include <stdlib.h>

#include "rig.h"

static void
query(void)
{
	frame_udp(&frame, IF_PLAIN, -1, PEER_V6, VIP_V6, 4000, 53, 20);
}

/* with_chain makes a query (or other protocol) behind extension headers; their own next-header
 * fields are written here from `kinds`. */
static void
with_chain(const uint8_t *kinds, size_t kind_count, const uint8_t *chain, size_t chain_bytes,
	   uint8_t protocol)
{
	uint8_t *at;

	frame_eth(&frame, IF_PLAIN, -1, 0x86dd);
	frame_ip(&frame, PEER_V6, VIP_V6, protocol, chain_bytes, 8 + 12);
	frame.bytes[14 + 6] = kinds[0];
	at = frame.bytes + 54;
	memcpy(at, chain, chain_bytes);
	for (size_t i = 0; i < kind_count; i++) {
		at[0] = i + 1 < kind_count ? kinds[i + 1] : protocol;
		at += kinds[i] == 44 ? 8 : (at[1] + 1) * 8;
	}
	mr_store_be16(frame.bytes + frame.l4, 4000);
	mr_store_be16(frame.bytes + frame.l4 + 2, 53);
	mr_store_be16(frame.bytes + frame.l4 + 4, 20);
	frame_seal(&frame);
}

static void
one(uint8_t kind, const uint8_t *header, size_t bytes)
{
	with_chain(&kind, 1, header, bytes, 17);
}

static void
assert_parameter_problem(uint8_t code, uint32_t pointer)
{
	const uint8_t *h = rig.packet.bytes + 54;

	assert_int_equal(h[0], 4);
	assert_int_equal(h[1], code);
	assert_int_equal(mr_load_be32(h + 4), pointer);
}

static void
test_ipv6_version_and_length(void **state)
{
	(void)state;
	query();
	frame.bytes[14] = 0x40;
	expect(IF_PLAIN, MR_NET_DROP, v6_version);
	query();
	mr_store_be16(frame.bytes + 18, (uint16_t)(frame.count - 54 + 1));
	expect(IF_PLAIN, MR_NET_DROP, v6_truncated);
	mr_store_be16(frame.bytes + 18, 0xffff);
	expect(IF_PLAIN, MR_NET_DROP, v6_truncated);
	mr_store_be16(frame.bytes + 18, 0);
	expect(IF_PLAIN, MR_NET_DROP, udp_length);
	query();
	frame.count = 14 + 39;
	expect(IF_PLAIN, MR_NET_DROP, v6_truncated);
}

static void
test_ipv6_destination_that_is_not_ours(void **state)
{
	static const char *const others[] = { "2001:db8::54", "ff02::2", "ff05::1", "::1", "::" };

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(others); i++) {
		frame_udp(&frame, IF_PLAIN, -1, PEER_V6, others[i], 4000, 53, 20);
		expect(IF_PLAIN, MR_NET_DROP, v6_not_ours);
	}
	/* We are in these groups, but nothing of UDP or echo is for them. */
	frame_udp(&frame, IF_PLAIN, -1, PEER_V6, "ff02::1", 4000, 53, 20);
	expect(IF_PLAIN, MR_NET_DROP, v6_not_ours);
	frame_echo(&frame, IF_PLAIN, PEER_V6, "ff02::1", 20);
	expect(IF_PLAIN, MR_NET_DROP, v6_not_ours);
	frame_echo(&frame, IF_PUNT, PEER_V6, "ff02::1", 20);
	expect(IF_PUNT, MR_NET_PUNT, punt);
}

static void
test_ipv6_unicast_in_a_link_multicast(void **state)
{
	(void)state;
	query();
	memcpy(frame.bytes, "\x33\x33\xff\0\0\x53", 6);
	expect(IF_PLAIN, MR_NET_DROP, v6_link_group);
}

static void
test_ipv6_sources_that_no_host_has(void **state)
{
	(void)state;
	frame_udp(&frame, IF_PLAIN, -1, "::", VIP_V6, 4000, 53, 20);
	expect(IF_PLAIN, MR_NET_DROP, v6_source_unspecified);
	frame_udp(&frame, IF_PLAIN, -1, "::1", VIP_V6, 4000, 53, 20);
	expect(IF_PLAIN, MR_NET_DROP, v6_source_loopback);
	frame_udp(&frame, IF_PLAIN, -1, "::2", VIP_V6, 4000, 53, 20);
	expect(IF_PLAIN, MR_NET_UDP, udp);
	frame_udp(&frame, IF_PLAIN, -1, "ff02::5", VIP_V6, 4000, 53, 20);
	expect(IF_PLAIN, MR_NET_DROP, v6_source_multicast);
	frame_udp(&frame, IF_PLAIN, -1, "fe80::5", VIP_V6, 4000, 53, 20);
	expect(IF_PLAIN, MR_NET_UDP, udp);
	frame_udp(&frame, IF_PLAIN, -1, VIP_V6, VIP_V6, 4000, 53, 20);
	expect(IF_PLAIN, MR_NET_DROP, v6_source_own);
}

static void
test_ipv6_mapped_addresses_are_refused(void **state)
{
	struct mr_addr vip = addr_of(VIP_V4), peer = addr_of(PEER_V4);

	(void)state;
	query();
	memcpy(frame.bytes + 14 + 8, peer.bytes, 16);
	frame_seal(&frame);
	expect(IF_PLAIN, MR_NET_DROP, v6_source_mapped);
	query();
	memcpy(frame.bytes + 14 + 24, vip.bytes, 16);
	frame_seal(&frame);
	expect(IF_PLAIN, MR_NET_DROP, v6_source_mapped);
}

static void
test_ipv6_headers_that_may_be_skipped(void **state)
{
	static const uint8_t pad[8] = { 0, 0, 1, 4 }, alert[8] = { 0, 0, 5, 2, 0, 0, 1, 0 };
	static const uint8_t unknown[8] = { 0, 0, 0x3e, 4, 9, 9, 9, 9 };
	static const uint8_t pad1[8] = { 0 };
	static const uint8_t routed[8] = { 0, 0, 0, 0 }, routed4[8] = { 0, 0, 4, 0 };
	static const uint8_t atomic[8] = { 0, 0xff, 0, 6, 1, 2, 3, 4 };

	(void)state;
	one(0, alert, 8);
	expect(IF_PLAIN, MR_NET_UDP, udp);
	one(60, pad, 8);
	expect(IF_PLAIN, MR_NET_UDP, udp);
	one(60, unknown, 8);
	expect(IF_PLAIN, MR_NET_UDP, udp);
	one(60, pad1, 8);
	expect(IF_PLAIN, MR_NET_UDP, udp);
	/* RFC 5095: type 0 with no segments left is ignored, as any type is. */
	one(43, routed, 8);
	expect(IF_PLAIN, MR_NET_UDP, udp);
	one(43, routed4, 8);
	expect(IF_PLAIN, MR_NET_UDP, udp);
	/* RFC 6946: offset 0, no more fragments; the reserved bits mean nothing. */
	one(44, atomic, 8);
	expect(IF_PLAIN, MR_NET_UDP, udp);
	memset(rig.packet.bytes + rig.packet.payload_offset, 7, 12);
	assert_true(mr_net_udp_reply(&rig.net, &rig.packet, 12));
	assert_null(frame_check(rig.packet.bytes, rig.packet.frame_bytes));
	assert_int_equal(rig.packet.frame_bytes, 14 + 40 + 8 + 12);
}

static void
test_ipv6_routing_with_segments_left_is_told(void **state)
{
	static const uint8_t type0[24] = { 0, 2, 0, 1 }, type4[24] = { 0, 2, 4, 1 };

	(void)state;
	one(43, type0, 24);
	expect(IF_PLAIN, MR_NET_REPLY, v6_routing);
	assert_parameter_problem(0, 42);
	one(43, type4, 24);
	expect(IF_PLAIN, MR_NET_REPLY, v6_routing);
}

static void
test_ipv6_fragments_are_dropped(void **state)
{
	static const uint8_t first[8] = { 0, 0, 0, 1 }, later[8] = { 0, 0, 0, 8 };

	(void)state;
	one(44, first, 8);
	expect(IF_PLAIN, MR_NET_DROP, v6_fragment);
	one(44, later, 8);
	expect(IF_PLAIN, MR_NET_DROP, v6_fragment);
}

/* RFC 8200 4.2: the two top bits of an option that we do not know. */
static void
test_ipv6_options_by_their_top_bits(void **state)
{
	static uint8_t option[8] = { 0, 0, 1, 0, 0x7e, 2, 0, 0 };

	(void)state;
	option[4] = 0x7e;
	one(60, option, 8);
	expect(IF_PLAIN, MR_NET_DROP, v6_option);
	for (int top = 2; top <= 3; top++) {
		option[4] = (uint8_t)(top << 6 | 0x3e);
		one(60, option, 8);
		expect(IF_PLAIN, MR_NET_REPLY, v6_option);
		assert_parameter_problem(2, 44);
	}
	/* RFC 4443 2.4 (e): never about an error. */
	with_chain((const uint8_t[]){ 60 }, 1, option, 8, 58);
	frame.bytes[frame.l4] = 1;
	expect(IF_PLAIN, MR_NET_DROP, v6_option);
	frame.bytes[frame.l4] = 128;
	expect(IF_PLAIN, MR_NET_REPLY, v6_option);
	frame.bytes[frame.l4] = 137;
	expect(IF_PLAIN, MR_NET_DROP, v6_option);
}

/* The header at fault is longer than the fragment header behind it: each has its own length. */
static void
test_ipv6_error_behind_a_fragment_header_is_not_told(void **state)
{
	static const uint8_t kinds[] = { 60, 44 };
	static uint8_t chain[24] = { 0, 1, 0xbe, 12, [8] = 59 };

	(void)state;
	with_chain(kinds, 2, chain, sizeof(chain), 58);
	frame.bytes[frame.l4] = 1;
	expect(IF_PLAIN, MR_NET_DROP, v6_option);
	frame.bytes[frame.l4] = 128;
	expect(IF_PLAIN, MR_NET_REPLY, v6_option);
	assert_parameter_problem(2, 42);
}

static void
test_ipv6_option_length_that_lies(void **state)
{
	static const uint8_t beyond[8] = { 0, 0, 1, 5 }, cut[8] = { 0, 0, 1, 3, 0, 0, 0, 9 };

	(void)state;
	one(60, beyond, 8);
	expect(IF_PLAIN, MR_NET_REPLY, v6_option_malformed);
	assert_parameter_problem(0, 43);
	one(60, cut, 8); /* the last byte begins an option whose length is not there */
	expect(IF_PLAIN, MR_NET_REPLY, v6_option_malformed);
	assert_parameter_problem(0, 47);
}

static void
test_ipv6_hop_by_hop_only_first(void **state)
{
	static const uint8_t chain[16] = { 0, 0, 1, 4, 0, 0, 0, 0, 0, 0, 1, 4 };

	(void)state;
	with_chain((const uint8_t[]){ 60, 0 }, 2, chain, 16, 17);
	expect(IF_PLAIN, MR_NET_REPLY, v6_extension_order);
	assert_parameter_problem(1, 40);
	with_chain((const uint8_t[]){ 0, 60 }, 2, chain, 16, 17);
	expect(IF_PLAIN, MR_NET_UDP, udp);
}

static void
test_ipv6_extension_bound_at_both_sides(void **state)
{
	uint8_t chain[(MR_NET_EXT_HEADER_MAX + 1) * 8], kinds[MR_NET_EXT_HEADER_MAX + 1];

	(void)state;
	memset(kinds, 60, sizeof(kinds));
	for (size_t i = 0; i < sizeof(chain); i += 8)
		memcpy(chain + i, (const uint8_t[]){ 0, 0, 1, 4, 0, 0, 0, 0 }, 8);
	with_chain(kinds, MR_NET_EXT_HEADER_MAX, chain, MR_NET_EXT_HEADER_MAX * 8, 17);
	expect(IF_PLAIN, MR_NET_UDP, udp);
	with_chain(kinds, MR_NET_EXT_HEADER_MAX + 1, chain, sizeof(chain), 17);
	expect(IF_PLAIN, MR_NET_DROP, v6_extension_bound);
}

static void
test_ipv6_option_bound_at_both_sides(void **state)
{
	uint8_t header[80] = { 0, 9 }; /* 78 bytes of options */

	(void)state;
	/* 63 of one byte and one over the rest. */
	header[2 + 63] = 1;
	header[2 + 64] = 80 - 67;
	one(60, header, 80);
	expect(IF_PLAIN, MR_NET_UDP, udp);
	memset(header + 2, 0, 78);
	header[2 + 64] = 1;
	header[2 + 65] = 80 - 68;
	one(60, header, 80);
	expect(IF_PLAIN, MR_NET_DROP, v6_extension_bound);
}

static void
test_ipv6_extension_cut_off(void **state)
{
	static const uint8_t pad[8] = { 0, 0, 1, 4 };

	(void)state;
	for (size_t left = 0; left < 8; left++) {
		one(60, pad, 8);
		mr_store_be16(frame.bytes + 18, (uint16_t)left);
		expect(IF_PLAIN, MR_NET_DROP, v6_extension_truncated);
	}
	one(60, pad, 8);
	frame.bytes[54 + 1] = 255; /* longer than the packet */
	expect(IF_PLAIN, MR_NET_DROP, v6_extension_truncated);
}

static void
test_ipv6_no_next_header_is_silent(void **state)
{
	(void)state;
	query();
	frame.bytes[14 + 6] = 59;
	expect(IF_PLAIN, MR_NET_DROP, v6_no_next);
}

static void
test_ipv6_unknown_next_header_is_told(void **state)
{
	static const uint8_t pad[8] = { 0, 0, 1, 4 };

	(void)state;
	query();
	frame.bytes[14 + 6] = 132;
	expect(IF_PLAIN, MR_NET_REPLY, v6_protocol);
	assert_parameter_problem(1, 6);
	one(60, pad, 8);
	frame.bytes[54] = 132;
	expect(IF_PLAIN, MR_NET_REPLY, v6_protocol);
	assert_parameter_problem(1, 40);
	memcpy(frame.bytes, rig_mac(IF_PUNT), 6);
	expect(IF_PUNT, MR_NET_PUNT, punt);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ipv6_version_and_length, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ipv6_destination_that_is_not_ours, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_ipv6_unicast_in_a_link_multicast, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_ipv6_sources_that_no_host_has, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_ipv6_mapped_addresses_are_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_ipv6_headers_that_may_be_skipped, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_ipv6_routing_with_segments_left_is_told, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_ipv6_fragments_are_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ipv6_options_by_their_top_bits, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			test_ipv6_error_behind_a_fragment_header_is_not_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ipv6_option_length_that_lies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ipv6_hop_by_hop_only_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ipv6_extension_bound_at_both_sides, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_ipv6_option_bound_at_both_sides, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_ipv6_extension_cut_off, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ipv6_no_next_header_is_silent, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_ipv6_unknown_next_header_is_told, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
