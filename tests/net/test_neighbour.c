/* SPDX-License-Identifier: Apache-2.0
 *
 * net/neighbour - next hops: asked, learnt, aged, given up; announcements.
 */
#include "rig.h"

static const struct mr_mac gateway = { { 2, 0xbb, 0, 0, 0, 1 } };
static uint8_t out[128];
static uint16_t interface;

static uint16_t
due(void)
{
	uint16_t bytes = mr_net_neighbours_due(rig.neighbours, rig.snapshot, rig.now_ns, out,
					       sizeof(out), &interface);

	if (bytes) {
		assert_null(frame_check(out, bytes));
		assert_int_equal(interface, IF_HOP);
		assert_memory_equal(out + 6, rig_mac(IF_HOP), 6);
	}
	return bytes;
}

/* drain returns how many questions are due now. */
static int
drain(void)
{
	int count = 0;

	while (due())
		assert_true(++count < 10);
	return count;
}

static struct mr_net_neighbour_view
view(const char *addr)
{
	struct mr_net_neighbour_view views[MR_NET_NEXT_HOP_MAX];
	struct mr_addr wanted = addr_of(addr);
	size_t count =
		mr_net_neighbours_list(rig.neighbours, rig.now_ns, views, MR_NET_NEXT_HOP_MAX);

	for (size_t i = 0; i < count; i++)
		if (mr_addr_equal(&views[i].hop.addr, &wanted))
			return views[i];
	fail_msg("%s is not in the list", addr);
	return views[0];
}

static void
learn(const char *addr, const struct mr_mac *mac)
{
	struct mr_net_next_hop hop = { addr_of(addr), IF_HOP, 0 };

	mr_net_neighbours_learn(rig.neighbours, &hop, mac, rig.now_ns);
}

static void
test_neighbour_first_questions(void **state)
{
	bool v4 = false, v6 = false;
	struct mr_addr hop4 = addr_of(HOP_V4), hop6 = addr_of(HOP_V6),
		       group = addr_of("ff02::1:ff00:1");

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_not_equal(due(), 0);
		if (mr_load_be16(out + 12) == 0x0806) {
			v4 = true;
			assert_memory_equal(out, broadcast_mac, 6);
			assert_int_equal(mr_load_be16(out + 20), 1);
			assert_memory_equal(out + 14 + 24, hop4.bytes + 12, 4);
		} else {
			v6 = true;
			assert_memory_equal(out, "\x33\x33\xff\0\0\x01", 6);
			assert_memory_equal(out + 14 + 24, group.bytes, 16);
			assert_int_equal(out[54], 135);
			assert_memory_equal(out + 62, hop6.bytes, 16);
			assert_memory_equal(out + 78, "\x01\x01", 2);
		}
	}
	assert_true(v4 && v6);
	assert_int_equal(due(), 0);
	assert_string_equal(view(HOP_V4).state, "incomplete");
}

static void
test_neighbour_incomplete_backs_off(void **state)
{
	static const uint64_t waits_s[] = { 1, 2, 4, 8, 16, 32, 32, 32 };

	(void)state;
	learn(HOP_V6, &gateway);
	assert_int_equal(drain(), 1);
	for (size_t i = 0; i < MR_ARRAY_COUNT(waits_s); i++) {
		rig.now_ns += waits_s[i] * MR_NS_PER_S - 1;
		learn(HOP_V6, &gateway);
		assert_int_equal(drain(), 0);
		rig.now_ns++;
		assert_int_equal(drain(), 1);
	}
}

static void
test_neighbour_reachable_then_probed_then_given_up(void **state)
{
	static const struct mr_mac zero;

	(void)state;
	drain();
	learn(HOP_V4, &gateway);
	learn(HOP_V6, &gateway);
	assert_string_equal(view(HOP_V4).state, "reachable");
	rig.now_ns += 30 * MR_NS_PER_S - 1;
	learn(HOP_V6, &gateway);
	assert_int_equal(drain(), 0);
	rig.now_ns++;
	for (int i = 0; i < 3; i++) {
		assert_int_not_equal(due(), 0);
		assert_memory_equal(out, gateway.bytes, 6); /* by unicast */
		assert_int_equal(due(), 0);
		assert_string_equal(view(HOP_V4).state, "probe");
		assert_memory_equal(view(HOP_V4).mac.bytes, &gateway, 6); /* still used */
		rig.now_ns += MR_NS_PER_S;
	}
	assert_int_not_equal(due(), 0);
	assert_memory_equal(out, broadcast_mac, 6);
	assert_string_equal(view(HOP_V4).state, "incomplete");
	assert_memory_equal(view(HOP_V4).mac.bytes, &zero, 6);
	learn(HOP_V4, &gateway);
	assert_string_equal(view(HOP_V4).state, "reachable");
}

static void
test_neighbour_v6_probe_is_unicast_to_the_address(void **state)
{
	struct mr_addr hop6 = addr_of(HOP_V6);

	(void)state;
	drain();
	learn(HOP_V6, &gateway);
	rig.now_ns += 30 * MR_NS_PER_S;
	learn(HOP_V4, &gateway);
	assert_int_not_equal(due(), 0);
	assert_memory_equal(out, gateway.bytes, 6);
	assert_memory_equal(out + 14 + 24, hop6.bytes, 16);
}

static void
test_neighbour_probe_answered(void **state)
{
	(void)state;
	drain();
	learn(HOP_V4, &gateway);
	rig.now_ns += 31 * MR_NS_PER_S;
	learn(HOP_V6, &gateway);
	assert_int_equal(drain(), 1);
	learn(HOP_V4, &gateway);
	assert_string_equal(view(HOP_V4).state, "reachable");
	assert_int_equal(view(HOP_V4).age_ns, 0);
	assert_int_equal(view(HOP_V4).conflicts, 0);
}

static void
test_neighbour_another_mac_is_a_conflict(void **state)
{
	static const struct mr_mac other = { { 2, 0xcc, 0, 0, 0, 1 } };
	static const struct mr_mac group = { { 3, 0xcc, 0, 0, 0, 1 } };

	(void)state;
	learn(HOP_V4, &gateway);
	learn(HOP_V4, &other);
	assert_int_equal(view(HOP_V4).conflicts, 1);
	assert_memory_equal(view(HOP_V4).mac.bytes, &other, 6);
	learn(HOP_V4, &group); /* never a group */
	assert_memory_equal(view(HOP_V4).mac.bytes, &other, 6);
}

/* fe80::1 on another interface or tag is another host. */
static void
test_neighbour_learn_minds_interface_and_vlan(void **state)
{
	struct mr_net_next_hop elsewhere = { addr_of(HOP_V6), IF_PLAIN, 0 };

	(void)state;
	mr_net_neighbours_learn(rig.neighbours, &elsewhere, &gateway, rig.now_ns);
	elsewhere = (struct mr_net_next_hop){ addr_of(HOP_V6), IF_HOP, 200 << 16 };
	mr_net_neighbours_learn(rig.neighbours, &elsewhere, &gateway, rig.now_ns);
	elsewhere = (struct mr_net_next_hop){ addr_of(HOP_V6), IF_HOP, 7 };
	mr_net_neighbours_learn(rig.neighbours, &elsewhere, &gateway, rig.now_ns);
	assert_string_equal(view(HOP_V6).state, "incomplete");
}

static void
test_neighbour_set_keeps_what_stays(void **state)
{
	struct mr_net_next_hop hops[MR_NET_NEXT_HOP_MAX];
	struct mr_net_neighbour_view views[MR_NET_NEXT_HOP_MAX + 1];

	(void)state;
	learn(HOP_V4, &gateway);
	learn(HOP_V6, &gateway);
	hops[0] = (struct mr_net_next_hop){ addr_of(HOP_V6), IF_HOP, 0 };
	for (uint16_t i = 1; i < MR_NET_NEXT_HOP_MAX; i++) {
		hops[i] = (struct mr_net_next_hop){ addr_of("198.18.1.0"), IF_HOP, 0 };
		hops[i].addr.bytes[15] = (uint8_t)i;
	}
	mr_net_neighbours_set(rig.neighbours, hops, MR_NET_NEXT_HOP_MAX);
	assert_int_equal(mr_net_neighbours_list(rig.neighbours, rig.now_ns, views,
						MR_NET_NEXT_HOP_MAX + 1),
			 MR_NET_NEXT_HOP_MAX);
	assert_string_equal(view(HOP_V6).state, "reachable");
	for (size_t i = 0; i < MR_NET_NEXT_HOP_MAX; i++)
		assert_string_equal(views[i].state,
				    mr_addr_is_v4(&views[i].hop.addr) ? "incomplete" : "reachable");
	mr_net_neighbours_set(rig.neighbours, NULL, 0);
	assert_int_equal(mr_net_neighbours_list(rig.neighbours, rig.now_ns, views, 4), 0);
	assert_int_equal(due(), 0);
}

static void
test_neighbour_with_small_room_writes_nothing(void **state)
{
	(void)state;
	assert_int_equal(mr_net_neighbours_due(rig.neighbours, rig.snapshot, rig.now_ns, out, 93,
					       &interface),
			 0);
	assert_int_equal(mr_net_announce(rig.snapshot, IF_PLAIN, 0, 0, out, 93), 0);
}

/* ---- announcements ---- */

static void
test_announce_v4_is_a_request_about_itself(void **state)
{
	struct mr_addr vip = addr_of(VIP_V4);

	(void)state;
	assert_int_equal(mr_net_announce(rig.snapshot, IF_PLAIN, 0, 0, out, sizeof(out)), 42);
	assert_null(frame_check(out, 42));
	assert_memory_equal(out, broadcast_mac, 6);
	assert_int_equal(mr_load_be16(out + 20), 1);
	assert_memory_equal(out + 14 + 14, vip.bytes + 12, 4);
	assert_memory_equal(out + 14 + 24, vip.bytes + 12, 4);
	assert_int_equal(mr_net_announce(rig.snapshot, IF_PLAIN, 1, 0, out, sizeof(out)), 46);
	assert_null(frame_check(out, 46));
	assert_int_equal(mr_load_be16(out + 14), 100);
	assert_int_equal(mr_net_announce(rig.snapshot, IF_PLAIN, 2, 0, out, sizeof(out)), 50);
	assert_null(frame_check(out, 50));
	assert_int_equal(mr_load_be32(out + 12), 0x88a800c8);
	assert_int_equal(mr_load_be32(out + 16), 0x81000064);
}

static void
test_announce_v6_is_unsolicited_and_overrides(void **state)
{
	struct mr_addr all = addr_of("ff02::1"), vip = addr_of(VIP_V6);

	(void)state;
	assert_int_equal(mr_net_announce(rig.snapshot, IF_PLAIN, 0, 1, out, sizeof(out)), 86);
	assert_null(frame_check(out, 86));
	assert_memory_equal(out, "\x33\x33\0\0\0\x01", 6);
	assert_memory_equal(out + 14 + 24, all.bytes, 16);
	assert_int_equal(out[54], 136);
	assert_int_equal(mr_load_be32(out + 58), 0x20000000);
	assert_memory_equal(out + 62, vip.bytes, 16);
	assert_memory_equal(out + 80, rig_mac(IF_PLAIN), 6);
}

static void
test_announce_of_what_is_not_there(void **state)
{
	(void)state;
	assert_int_equal(mr_net_announce(rig.snapshot, IF_COUNT, 0, 0, out, sizeof(out)), 0);
	assert_int_equal(mr_net_announce(rig.snapshot, IF_PLAIN, 3, 0, out, sizeof(out)), 0);
	assert_int_equal(mr_net_announce(rig.snapshot, IF_PLAIN, 0, VIP_COUNT, out, sizeof(out)),
			 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_neighbour_first_questions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_neighbour_incomplete_backs_off, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_neighbour_reachable_then_probed_then_given_up,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_neighbour_v6_probe_is_unicast_to_the_address,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_neighbour_probe_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(test_neighbour_another_mac_is_a_conflict, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_neighbour_learn_minds_interface_and_vlan,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_neighbour_set_keeps_what_stays, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_neighbour_with_small_room_writes_nothing,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_announce_v4_is_a_request_about_itself, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_announce_v6_is_unsolicited_and_overrides,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_announce_of_what_is_not_there, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
