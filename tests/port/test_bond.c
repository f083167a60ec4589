/* SPDX-License-Identifier: Apache-2.0
 *
 * drivers/bond over DPDK's null devices, without hugepages or network.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <rte_eth_bond.h>

#include "bond/bond.h"

enum { MBUFS = 2047, FRAMES = 64 };

static struct rte_mempool *pool;
static struct mr_port port;
static bool links[MR_PORT_MEMBER_MAX]; /* of members of kind "deaf", by the digit they end with */

/* ---- two kinds of member: one whose link DPDK knows, one whose link it does not ---- */

static int
null_prepare(struct mr_port *self, struct mr_port_plan *plan, struct mr_error *error)
{
	(void)plan;
	return strcmp(self->config.target, "broken")
		       ? 0
		       : mr_error_set(error, -ENODEV, "port %s: broken", self->config.name);
}

static int
null_describe(struct mr_port *self, uint16_t unit, char name[MR_PORT_DEVICE_NAME_BYTES],
	      char arguments[MR_PORT_ARGUMENTS_BYTES], struct mr_error *error)
{
	(void)unit;
	(void)error;
	snprintf(name, MR_PORT_DEVICE_NAME_BYTES, "net_null%u", self->index);
	snprintf(arguments, MR_PORT_ARGUMENTS_BYTES, "no-rx=1");
	return 0;
}

static bool
deaf_link(struct mr_port *self)
{
	return links[self->config.target[strlen(self->config.target) - 1] - '0'];
}

static const struct mr_port_driver null_driver = { .kind = "null",
						   .help = "nothing",
						   .caps = MR_PORT_CAP_MEMBER |
							   MR_PORT_CAP_MULTI_QUEUE,
						   .prepare = null_prepare,
						   .describe = null_describe };
static const struct mr_port_driver deaf_driver = { .kind = "deaf",
						   .help = "nothing, and its link is unknown",
						   .caps = MR_PORT_CAP_MEMBER |
							   MR_PORT_CAP_RETYPES_TAGS,
						   .prepare = null_prepare,
						   .describe = null_describe,
						   .link = deaf_link };
static const struct mr_port_driver lone_driver = {
	.kind = "lone", .help = "for no bond", .prepare = null_prepare, .describe = null_describe
};

static int
open_bond(enum mr_port_bond_mode mode, struct mr_port_member *members, size_t count,
	  struct mr_error *error)
{
	struct mr_port_config config = {
		.name = "b0",
		.kind = "bond",
		.target = "b0",
		.bond = { .members = members, .member_count = count, .mode = (int)mode },
		.has_mac = true,
		.mac = { { 2, 0, 0, 0, 0, 7 } }
	};

	return mr_port_open(&port, 1, &config, 1, &pool, error);
}

static void
close_bond(void)
{
	mr_port_close(&port);
	assert_int_equal(rte_eth_dev_count_avail(), 0);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

/* until polls the link and the queue until *what says yes; at most three seconds. */
static bool
until(bool (*what)(void))
{
	const struct timespec pause = { .tv_nsec = 100000 };
	struct rte_mbuf *pkts[16];

	for (int i = 0; i < 30000 && !what(); i++) {
		mr_port_poll_link(&port);
		for (int n = 0; n < 64; n++)
			assert_int_equal(mr_port_rx(&port, 0, pkts, 16), 0);
		nanosleep(&pause, NULL);
	}
	return what();
}

static bool
is_up(void)
{
	return port.link_up;
}

static bool
has_sent(void)
{
	struct mr_port_stats stats;

	mr_port_stats(&port, &stats);
	return stats.tx_frames > 0;
}

static void
send_frames(void)
{
	struct rte_mbuf *pkts[FRAMES];

	for (uint8_t i = 0; i < FRAMES; i++) {
		uint8_t *frame;

		pkts[i] = rte_pktmbuf_alloc(pool);
		assert_non_null(pkts[i]);
		frame = (uint8_t *)rte_pktmbuf_append(pkts[i], 60);
		memset(frame, i, 60);
		frame[0] = 2;
	}
	assert_int_equal(mr_port_tx(&port, 0, pkts, FRAMES), FRAMES);
}

static void
test_each_mode_opens_sends_and_leaves_nothing(void **state)
{
	struct mr_port_member members[] = { { "null", "n0" }, { "null", "n1" } };
	struct mr_port_stats stats;
	struct mr_error error = { 0 };

	(void)state;
	for (int mode = MR_PORT_BOND_ACTIVE_BACKUP; mode <= MR_PORT_BOND_802_3AD; mode++) {
		if (open_bond((enum mr_port_bond_mode)mode, members, 2, &error))
			fail_msg("mode %d: %s", mode, error.text);
		assert_memory_equal(port.mac.bytes, "\2\0\0\0\0\7", 6);
		assert_int_equal(port.caps, MR_PORT_CAP_MULTI_QUEUE);
		assert_null(port.config.bond.members);
		if (mode == MR_PORT_BOND_802_3AD) {
			/* LACP speaks first, though nothing is sent. */
			assert_true(until(has_sent));
		} else {
			assert_true(until(is_up));
			send_frames();
			mr_port_stats(&port, &stats);
			assert_int_equal(stats.tx_frames, FRAMES);
		}
		close_bond();
	}
}

static void
test_member_with_link_serves(void **state)
{
	struct mr_port_member members[] = { { "deaf", "d0" }, { "deaf", "d1" } };
	struct mr_error error = { 0 };
	uint16_t bond, first, second;

	(void)state;
	links[0] = links[1] = false;
	if (open_bond(MR_PORT_BOND_ACTIVE_BACKUP, members, 2, &error))
		fail_msg("%s", error.text);
	assert_true(port.caps & MR_PORT_CAP_RETYPES_TAGS);
	assert_false(port.link_up);
	assert_int_equal(rte_eth_dev_get_port_by_name("net_bonding1", &bond), 0);
	assert_int_equal(rte_eth_dev_get_port_by_name("net_null20", &first), 0);
	assert_int_equal(rte_eth_dev_get_port_by_name("net_null21", &second), 0);
	links[0] = links[1] = true;
	assert_true(until(is_up)); /* by the first */
	assert_int_equal(rte_eth_bond_primary_get(bond), first);
	assert_false(mr_port_poll_link(&port));
	links[0] = false; /* up all the same, by another way */
	assert_true(mr_port_poll_link(&port));
	assert_true(port.link_up);
	assert_int_equal(rte_eth_bond_primary_get(bond), second);
	send_frames();
	links[0] = true; /* the first is preferred */
	assert_true(mr_port_poll_link(&port));
	assert_true(port.link_up);
	assert_int_equal(rte_eth_bond_primary_get(bond), first);
	assert_false(mr_port_poll_link(&port));
	links[0] = links[1] = false;
	assert_true(mr_port_poll_link(&port));
	assert_false(port.link_up);
	assert_false(mr_port_poll_link(&port));
	close_bond();
}

static void
test_bad_bonds_say_why(void **state)
{
	struct mr_port_member good[] = { { "null", "a" },
					 { "null", "b" },
					 { "null", "c" },
					 { "null", "d" },
					 { "null", "e" } },
			      lone[] = { { "null", "a" }, { "lone", "b" } },
			      none[] = { { "null", "a" }, { "nosuch", "b" } },
			      deaf[] = { { "null", "a" }, { "deaf", "0" } },
			      broken[] = { { "null", "a" }, { "null", "broken" } };
	const struct {
		struct mr_port_member *members;
		size_t count;
		enum mr_port_bond_mode mode;
		int code;
		const char *text;
	} cases[] = {
		{ good, 1, MR_PORT_BOND_ACTIVE_BACKUP, -EINVAL, "1 members; a bond has 2 to 4" },
		{ good, 5, MR_PORT_BOND_ACTIVE_BACKUP, -EINVAL, "5 members; a bond has 2 to 4" },
		{ lone, 2, MR_PORT_BOND_ACTIVE_BACKUP, -EINVAL, "\"lone\" cannot be in a bond" },
		{ none, 2, MR_PORT_BOND_ACTIVE_BACKUP, -EINVAL, "\"nosuch\" cannot be in a bond" },
		{ deaf, 2, MR_PORT_BOND_BALANCE_XOR, -EINVAL, "active-backup only" },
		{ deaf, 2, MR_PORT_BOND_802_3AD, -EINVAL, "active-backup only" },
		{ broken, 2, MR_PORT_BOND_ACTIVE_BACKUP, -ENODEV, "port b0: broken" },
	};

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(cases); i++) {
		struct mr_error error = { 0 };

		assert_int_equal(open_bond(cases[i].mode, cases[i].members, cases[i].count, &error),
				 cases[i].code);
		assert_non_null(strstr(error.text, cases[i].text));
		assert_int_equal(rte_eth_dev_count_avail(), 0);
	}
}

static int
setup(void **state)
{
	struct mr_port_eal_config config = { .worker_count = 1, .memory_bytes = 128 << 20 };
	struct mr_error error = { 0 };

	(void)state;
	mr_port_driver_register(&null_driver);
	mr_port_driver_register(&deaf_driver);
	mr_port_driver_register(&lone_driver);
	mr_port_driver_register(&mr_bond_driver);
	if (mr_port_eal_start(&config, &error)) {
		fprintf(stderr, "%s\n", error.text);
		return -1;
	}
	pool = mr_port_mbuf_pool_create(0, MBUFS, &error);
	return pool ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	rte_mempool_free(pool);
	mr_port_eal_stop();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_mode_opens_sends_and_leaves_nothing),
		cmocka_unit_test(test_member_with_link_serves),
		cmocka_unit_test(test_bad_bonds_say_why),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
