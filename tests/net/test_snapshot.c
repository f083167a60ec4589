/* SPDX-License-Identifier: Apache-2.0
 *
 * net/snapshot - what may be configured and what may not; every address is found.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frames.h"

static struct mr_net_config config;
static struct mr_net_interface interfaces[MR_NET_IF_MAX + 1];
static struct mr_net_snapshot *snapshot;
static struct mr_addr vips[4];

static int
setup(void **state)
{
	(void)state;
	memset(&config, 0, sizeof(config));
	memset(interfaces, 0, sizeof(interfaces));
	for (int i = 0; i <= MR_NET_IF_MAX; i++)
		interfaces[i].mtu = 1500;
	vips[0] = addr_of(VIP_V4);
	vips[1] = addr_of(VIP_V6);
	config.vips = vips;
	config.vip_count = 2;
	config.interfaces = interfaces;
	config.interface_count = 1;
	snapshot = NULL;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	mr_net_snapshot_free(snapshot);
	return 0;
}

static int
build(void)
{
	struct mr_error error = { 0 };
	int rc;

	mr_net_snapshot_free(snapshot);
	snapshot = NULL;
	rc = mr_net_snapshot_build(&config, &snapshot, &error);
	assert_int_equal(rc, error.code);
	assert_int_equal(rc != 0, error.text[0] != '\0');
	return rc;
}

static void
test_snapshot_minimal(void **state)
{
	(void)state;
	assert_int_equal(build(), 0);
	assert_int_equal(mr_net_snapshot_vip_count(snapshot), 2);
	assert_int_equal(mr_net_snapshot_vlan_count(snapshot, 0), 1);
	assert_int_equal(mr_net_snapshot_vlan_count(snapshot, 1), 0);
	config.vip_count = 0;
	config.interface_count = 0;
	assert_int_equal(build(), 0);
}

static void
test_snapshot_refuses_addresses_no_host_serves(void **state)
{
	static const char *const bad[] = { "0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255",
					   "::",      "::1",       "ff02::1",   VIP_V4 };

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(bad); i++) {
		vips[1] = addr_of(bad[i]);
		assert_int_equal(build(), -EINVAL);
	}
}

static void
test_snapshot_refuses_overlapping_services(void **state)
{
	struct mr_net_service services[2] = { { 0, 17, MR_NET_APP_DNS, 53, 60 },
					      { 0, 17, MR_NET_APP_ECHO, 60, 70 } };

	(void)state;
	config.services = services;
	config.service_count = 2;
	assert_int_equal(build(), -EINVAL);
	services[1].vip = UINT16_MAX;
	assert_int_equal(build(), -EINVAL);
	services[1].vip = 1;
	assert_int_equal(build(), 0);
	services[1].vip = 0;
	services[1].port_low = 61;
	assert_int_equal(build(), 0);
	services[1].port_low = 60;
	services[1].protocol = 6;
	assert_int_equal(build(), 0);
}

static void
test_snapshot_refuses_services_that_make_no_sense(void **state)
{
	struct mr_net_service good = { 1, 17, MR_NET_APP_DNS, 53, 53 }, s;

	(void)state;
	config.services = &s;
	config.service_count = 1;
	s = good;
	assert_int_equal(build(), 0);
	s.vip = 2;
	assert_int_equal(build(), -EINVAL);
	s = good;
	s.protocol = 132;
	assert_int_equal(build(), -EINVAL);
	s = good;
	s.port_low = 0;
	assert_int_equal(build(), -EINVAL);
	s = good;
	s.port_high = 52;
	assert_int_equal(build(), -EINVAL);
	s = good;
	s.app = MR_NET_APP_NONE;
	assert_int_equal(build(), -EINVAL);
}

static void
test_snapshot_bounds(void **state)
{
	static struct mr_addr many[MR_NET_VIP_MAX + 1];
	static struct mr_net_service services[MR_NET_SERVICE_MAX + 1];

	(void)state;
	config.interface_count = MR_NET_IF_MAX;
	assert_int_equal(build(), 0);
	config.interface_count = MR_NET_IF_MAX + 1;
	assert_int_equal(build(), -EINVAL);
	config.interface_count = 1;
	for (uint32_t i = 0; i < MR_ARRAY_COUNT(services); i++)
		services[i] = (struct mr_net_service){ UINT16_MAX, 17, MR_NET_APP_ECHO,
						       (uint16_t)(i + 1), (uint16_t)(i + 1) };
	config.services = services;
	config.service_count = MR_NET_SERVICE_MAX;
	assert_int_equal(build(), 0);
	config.service_count++;
	assert_int_equal(build(), -EINVAL);
	config.service_count = 0;
	for (uint32_t i = 0; i < MR_ARRAY_COUNT(many); i++) {
		many[i] = addr_of("10.0.0.0");
		mr_store_be32(many[i].bytes + 12, 0x0a000000 + i);
	}
	config.vips = many;
	config.vip_count = MR_NET_VIP_MAX;
	assert_int_equal(build(), 0);
	assert_int_equal(mr_net_snapshot_vip_count(snapshot), MR_NET_VIP_MAX);
	config.vip_count++;
	assert_int_equal(build(), -EINVAL);
}

static void
test_snapshot_interface_bounds(void **state)
{
	static const uint32_t wrong[] = { 4095, 4095 << 16 | 1, 1 << 16 | 4095, 1 << 16 };

	(void)state;
	interfaces[0].vlan_count = MR_NET_VLAN_MAX;
	for (uint16_t i = 0; i < MR_NET_VLAN_MAX; i++)
		interfaces[0].vlans[i] = 4094 - i;
	assert_int_equal(build(), 0);
	interfaces[0].vlan_count++;
	assert_int_equal(build(), -EINVAL);
	interfaces[0].vlan_count = 1;
	for (size_t i = 0; i < MR_ARRAY_COUNT(wrong); i++) {
		interfaces[0].vlans[0] = wrong[i];
		assert_int_equal(build(), -EINVAL);
	}
	interfaces[0].vlans[0] = mr_vlan_pair(4094, 4094);
	assert_int_equal(build(), 0);
	interfaces[0].vlans[0] = 0;
	interfaces[0].mtu = 575;
	assert_int_equal(build(), -EINVAL);
	interfaces[0].mtu = 576;
	assert_int_equal(build(), 0);
}

static void
test_snapshot_next_hops(void **state)
{
	struct mr_net_next_hop hops[MR_NET_NEXT_HOP_MAX + 1] = { { addr_of(HOP_V4), 0, 0 },
								 { addr_of(HOP_V6), 0, 0 } };

	(void)state;
	config.next_hops = hops;
	config.next_hop_count = 2;
	assert_int_equal(build(), 0);
	hops[1].addr = addr_of("198.18.0.2"); /* a second one of the family */
	assert_int_equal(build(), -EINVAL);
	hops[1].addr = addr_of(VIP_V6);
	assert_int_equal(build(), -EINVAL);
	hops[1].addr = addr_of("ff02::2");
	assert_int_equal(build(), -EINVAL);
	hops[1] = (struct mr_net_next_hop){ addr_of(HOP_V6), 1, 0 };
	assert_int_equal(build(), -EINVAL);
	hops[1] = (struct mr_net_next_hop){ addr_of(HOP_V6), 0, 5 };
	assert_int_equal(build(), -EINVAL);
	config.next_hop_count = MR_NET_NEXT_HOP_MAX + 1;
	assert_int_equal(build(), -EINVAL);
}

/* Every one of 65,535 addresses is found, none beside them is. */
static void
test_snapshot_finds_every_address(void **state)
{
	static struct mr_addr many[MR_NET_VIP_MAX];
	static struct frame frame;
	static struct mr_net net;
	static uint64_t metrics[MR_NET_METRIC_COUNT];
	struct mr_net_packet packet;

	(void)state;
	for (uint32_t i = 0; i < MR_NET_VIP_MAX; i++) {
		many[i] = addr_of(i % 2 ? "10.0.0.0" : "2001:db8:5::");
		mr_store_be32(many[i].bytes + 12, 0x0a000000 + i);
	}
	config.vips = many;
	config.vip_count = MR_NET_VIP_MAX;
	memcpy(&interfaces[0].mac, rig_mac(0), 6);
	assert_int_equal(build(), 0);
	net = (struct mr_net){ .snapshot = snapshot, .metrics = metrics };
	for (uint32_t i = 0; i < MR_NET_VIP_MAX; i++) {
		char text[MR_ADDR_TEXT_BYTES];

		frame_tcp(&frame, 0, i % 2 ? PEER_V4 : PEER_V6, mr_addr_format(&many[i], text), 80,
			  0);
		packet.bytes = frame.bytes;
		packet.frame_bytes = packet.room_bytes = (uint16_t)frame.count;
		packet.interface = 0;
		assert_int_equal(mr_net_input(&net, &packet, false, 1), MR_NET_TCP);
		assert_int_equal(packet.vip, i);
		many[i].bytes[12] = 11;
		frame_tcp(&frame, 0, i % 2 ? PEER_V4 : PEER_V6, mr_addr_format(&many[i], text), 80,
			  0);
		packet.frame_bytes = (uint16_t)frame.count;
		assert_int_equal(mr_net_input(&net, &packet, false, 1), MR_NET_DROP);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_snapshot_minimal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_snapshot_refuses_addresses_no_host_serves,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_snapshot_refuses_overlapping_services, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_snapshot_refuses_services_that_make_no_sense,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_snapshot_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_snapshot_interface_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_snapshot_next_hops, setup, teardown),
		cmocka_unit_test_setup_teardown(test_snapshot_finds_every_address, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
