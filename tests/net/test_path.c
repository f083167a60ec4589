/* SPDX-License-Identifier: Apache-2.0
 *
 * net/path - the way out of a connection, with and without next hop.
 */
#include <stdlib.h>

#include "rig.h"

static uint8_t out[256];

/* segment writes headers and a TCP header by path and gives it to the checker. */
static uint16_t
segment(const struct mr_net_path *path)
{
	uint16_t bytes = mr_net_path_write(&rig.net, path, 6, 1, 20 + 5, out);
	uint8_t *h = out + bytes;

	if (!bytes)
		return 0;
	assert_int_equal(bytes, mr_net_path_header_bytes(path));
	memset(h, 0x11, 25);
	mr_store_be16(h + 16, 0);
	mr_net_checksum_store(h + 16, mr_net_sum_bytes(mr_net_path_sum(path, 6, 25), h, 25));
	assert_null(frame_check(out, bytes + 25u));
	return bytes;
}

static void
test_path_goes_back_by_the_way_in(void **state)
{
	struct mr_net_path path;

	(void)state;
	for (int tags = 0; tags < 3; tags++)
		for (int family = 0; family < 2; family++) {
			static const int vlans[] = { -1, 100, VLAN_PAIR };

			frame_udp(&frame, IF_PLAIN, vlans[tags], family ? PEER_V6 : PEER_V4,
				  family ? VIP_V6 : VIP_V4, 4000, 53, 4);
			expect(IF_PLAIN, MR_NET_UDP, udp);
			mr_net_path_of(&rig.packet, &path);
			assert_int_equal(segment(&path), 14 + tags * 4 + 20 + family * 20);
			assert_memory_equal(out, peer_mac, 6);
			/* A pair of tags takes its place from the packet. */
			assert_int_equal(mr_net_path_l4_room(&rig.net, &path),
					 1480 - family * 20 - (tags == 2 ? 8 : 0));
			if (tags)
				assert_int_equal(mr_load_be16(out + 10 + tags * 4), 100);
			if (tags == 2)
				assert_int_equal(mr_load_be16(out + 14), 200);
			if (family) /* ECT(1) */
				assert_int_equal(out[14 + tags * 4 + 1], 0x10);
			else
				assert_int_equal(out[14 + tags * 4 + 1], 0x01);
		}
}

static void
test_path_by_next_hop_waits_for_its_mac(void **state)
{
	static const struct mr_mac gateway = { { 2, 0xbb, 0, 0, 0, 1 } };
	struct mr_net_next_hop hop = { addr_of(HOP_V4), IF_HOP, 0 };
	struct mr_net_path path;

	(void)state;
	frame_tcp(&frame, IF_HOP, PEER_V4, VIP_V4, 53, 4);
	expect(IF_HOP, MR_NET_TCP, tcp);
	mr_net_path_of(&rig.packet, &path);
	assert_int_equal(segment(&path), 0);
	assert_int_equal(rig.net.tally[MR_NET_tx_unresolved], 1);
	mr_net_neighbours_learn(rig.neighbours, &hop, &gateway, rig.now_ns);
	assert_int_equal(segment(&path), 34);
	assert_memory_equal(out, gateway.bytes, 6);
}

static void
test_path_without_mac_or_hop_is_unresolved(void **state)
{
	struct mr_net_path path = { .local = addr_of(VIP_V4),
				    .remote = addr_of(PEER_V4),
				    .interface = IF_PLAIN,
				    .family = 4 };

	(void)state;
	assert_int_equal(segment(&path), 0);
	memcpy(&path.mac, peer_mac, 6);
	assert_int_equal(segment(&path), 34);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_path_goes_back_by_the_way_in, setup, teardown),
		cmocka_unit_test_setup_teardown(test_path_by_next_hop_waits_for_its_mac, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_path_without_mac_or_hop_is_unresolved, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
