/* SPDX-License-Identifier: Apache-2.0
 *
 * bond - the life of a bond and of its members.
 */
#include "bond/bond.h"

#include <errno.h>
#include <rte_eth_bond.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BOND_LACP_POLLS = 64 /* LACP wants its frames sent at least every 100 ms */ };

/* owner: the queue's worker */
struct bond_queue {
	uint32_t polls;
} MR_LINE_ALIGNED;

struct bond {
	/* const after open */
	struct mr_port *members; /* [member_count] */
	uint16_t member_count;
	bool asks_kernel; /* some member's PMD does not know its link */
	struct bond_queue *queues;
	/* owner: the control thread */
	uint16_t serving; /* device of active-backup's member; what DPDK calls primary */
};

/* ---- members ---- */

static int
bond_member_check(const struct mr_port *port, const struct mr_port_member *from,
		  const struct mr_port_driver *driver, struct mr_error *error)
{
	if (!driver || !(driver->caps & MR_PORT_CAP_MEMBER))
		return mr_error_set(error, -EINVAL,
				    "port %s: a device of kind \"%s\" cannot be in a bond",
				    port->config.name, from->kind);
	if (driver->link && port->config.bond.mode != MR_PORT_BOND_ACTIVE_BACKUP)
		return mr_error_set(error, -EINVAL,
				    "port %s: %s: %s: DPDK does not see this kind's link, so it "
				    "can be a member in mode active-backup only",
				    port->config.name, from->kind, from->target);
	return 0;
}

/* bond_member_prepare sets up member number `at` and lets its kind see the plan. */
static int
bond_member_prepare(const struct mr_port *port, struct bond *self, uint16_t at,
		    struct mr_port_plan *plan, struct mr_error *error)
{
	const struct mr_port_member *from = &port->config.bond.members[at];
	const struct mr_port_driver *driver = mr_port_driver_find(from->kind);
	struct mr_port *member = &self->members[at];
	struct mr_port_plan wanted = *plan;
	int code = bond_member_check(port, from, driver, error);

	if (code)
		return code;
	member->config.device = *from;
	memcpy(member->config.name, port->config.name, sizeof(member->config.name));
	member->config.rx_descriptors = port->config.rx_descriptors;
	member->config.tx_descriptors = port->config.tx_descriptors;
	/* Above all indices of ports: device names are made of it. */
	member->index = (uint16_t)(MR_PORT_MAX + port->index * MR_PORT_MEMBER_MAX + at);
	member->driver = driver;
	member->caps = driver->caps;
	self->member_count = (uint16_t)(at + 1);
	self->asks_kernel |= driver->link != NULL;
	code = driver->prepare(member, &wanted, error);
	if (!code && wanted.device_count != 1)
		code = mr_error_set(error, -EINVAL,
				    "port %s: %s: %s: takes a device for each queue, which cannot "
				    "be bonded",
				    port->config.name, from->kind, from->target);
	plan->queue_count = MR_MIN(plan->queue_count, wanted.queue_count);
	return code;
}

static int
bond_prepare(struct mr_port *port, struct mr_port_plan *plan, struct mr_error *error)
{
	const uint32_t all = MR_PORT_CAP_RSS | MR_PORT_CAP_MULTI_QUEUE;
	struct bond *self = calloc(1, sizeof(*self));
	uint32_t retypes = 0;
	int code = 0;

	port->driver_state = self;
	if (port->config.bond.member_count < 2 ||
	    port->config.bond.member_count > MR_PORT_MEMBER_MAX)
		return mr_error_set(error, -EINVAL, "port %s: %zu members; a bond has 2 to %d",
				    port->config.name, port->config.bond.member_count,
				    MR_PORT_MEMBER_MAX);
	if (self)
		self->members = calloc(MR_PORT_MEMBER_MAX, sizeof(*self->members));
	if (self && self->members)
		self->queues =
			aligned_alloc(MR_CACHE_LINE, plan->queue_count * sizeof(*self->queues));
	if (!self || !self->members || !self->queues)
		return mr_error_set(error, -ENOMEM, "port %s: no memory", port->config.name);
	memset(self->queues, 0, plan->queue_count * sizeof(*self->queues));
	port->caps = all;
	for (uint16_t i = 0; i < port->config.bond.member_count && !code; i++) {
		code = bond_member_prepare(port, self, i, plan, error);
		port->caps &= self->members[i].caps;
		retypes |= self->members[i].caps & MR_PORT_CAP_RETYPES_TAGS;
	}
	port->caps |= retypes;
	for (uint16_t i = 0; i < self->member_count && !code; i++) {
		self->members[i].queue_count = plan->queue_count;
		code = mr_port_probe(&self->members[i], 0, error);
	}
	self->serving = self->members[0].devices[0];
	return code;
}

static int
bond_describe(struct mr_port *port, uint16_t unit, char name[MR_PORT_DEVICE_NAME_BYTES],
	      char arguments[MR_PORT_ARGUMENTS_BYTES], struct mr_error *error)
{
	static const int modes[] = { [MR_PORT_BOND_ACTIVE_BACKUP] = BONDING_MODE_ACTIVE_BACKUP,
				     [MR_PORT_BOND_BALANCE_XOR] = BONDING_MODE_BALANCE,
				     [MR_PORT_BOND_802_3AD] = BONDING_MODE_8023AD };
	static const char *const policies[] = { [MR_PORT_BOND_LAYER2] = "l2",
						[MR_PORT_BOND_LAYER23] = "l23",
						[MR_PORT_BOND_LAYER34] = "l34" };
	const struct mr_port_bond *bond = &port->config.bond;
	const struct bond *self = port->driver_state;
	char device[RTE_ETH_NAME_MAX_LEN], mac[MR_MAC_TEXT_BYTES];
	size_t used;

	(void)unit;
	snprintf(name, MR_PORT_DEVICE_NAME_BYTES, "net_bonding%u", port->index);
	used = (size_t)snprintf(arguments, MR_PORT_ARGUMENTS_BYTES, "mode=%d,xmit_policy=%s",
				modes[bond->mode], policies[bond->policy]);
	if (port->config.has_mac)
		used += (size_t)snprintf(arguments + used, MR_PORT_ARGUMENTS_BYTES - used,
					 ",mac=%s", mr_mac_format(&port->config.mac, mac));
	/* Fits: a name has at most 63 characters, and there are MR_PORT_MEMBER_MAX + 1 of them. */
	for (uint16_t i = 0; i < self->member_count; i++) {
		if (rte_eth_dev_get_name_by_port(self->members[i].devices[0], device))
			return mr_error_set(error, -ENODEV, "port %s: a member is gone",
					    port->config.name);
		used += (size_t)snprintf(arguments + used, MR_PORT_ARGUMENTS_BYTES - used,
					 ",slave=%s", device);
		if (!i)
			used += (size_t)snprintf(arguments + used, MR_PORT_ARGUMENTS_BYTES - used,
						 ",primary=%s", device);
	}
	return used < MR_PORT_ARGUMENTS_BYTES ? 0 : -ENAMETOOLONG;
}

/* ---- LACP ---- */

static uint16_t
lacp_rx(const struct mr_port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t count)
{
	const struct bond *self = port->driver_state;
	const struct mr_port_queue *q = &port->queues[queue];

	if (mr_unlikely(++self->queues[queue].polls % BOND_LACP_POLLS == 0))
		rte_eth_tx_burst(q->device, q->id, pkts, 0);
	return mr_port_device_rx(port, queue, pkts, count);
}

static uint64_t
lacp_lost(const struct mr_port *port)
{
	(void)port;
	return 0;
}

static void
lacp_closing(struct mr_port *port)
{
	(void)port;
}

static const struct mr_port_hook bond_lacp_hook = {
	.rx = lacp_rx,
	.tx = mr_port_device_tx,
	.lost = lacp_lost,
	.closing = lacp_closing,
};

/* ---- start, links, end ---- */

static int
bond_started(struct mr_port *port, struct mr_error *error)
{
	struct bond *self = port->driver_state;
	int code = 0;

	port->config.bond.members = NULL; /* was the configuration's */
	if (port->config.bond.mode == MR_PORT_BOND_802_3AD)
		port->hook = &bond_lacp_hook;
	for (uint16_t i = 0; i < self->member_count && !code; i++) {
		struct mr_port *member = &self->members[i];

		/* Frames to the bond's MAC come to a device that may have another one. */
		if (rte_eth_promiscuous_enable(member->devices[0]))
			mr_log(MR_LOG_WARNING, "port %s: %s takes no promiscuous mode",
			       port->config.name, member->config.target);
		if (member->driver->started)
			code = member->driver->started(member, error);
	}
	return code;
}

static bool
member_link(struct mr_port *member)
{
	struct rte_eth_link link = { 0 };

	if (member->driver->link)
		return member->driver->link(member);
	return rte_eth_link_get_nowait(member->devices[0], &link) == 0 &&
	       link.link_status == RTE_ETH_LINK_UP;
}

/* bond_choose names the first member that has link as the one that serves; false: none has, or the
 * bonding driver has not looked at its members yet (it does within 10 ms). */
static bool
bond_choose(const struct mr_port *port, const struct bond *self)
{
	uint16_t active[MR_PORT_MEMBER_MAX];

	if (rte_eth_bond_active_slaves_get(port->devices[0], active, MR_PORT_MEMBER_MAX) <
	    self->member_count)
		return false;
	for (uint16_t i = 0; i < self->member_count; i++) {
		if (!member_link(&self->members[i]))
			continue;
		if (self->members[i].devices[0] != self->serving)
			(void)rte_eth_bond_primary_set(port->devices[0],
						       self->members[i].devices[0]);
		return true;
	}
	return false;
}

/* bond_serving_follow notices that another member serves than at the last look. */
static void
bond_serving_follow(struct mr_port *port, struct bond *self)
{
	int serving = rte_eth_bond_primary_get(port->devices[0]);

	if (serving < 0 || serving == self->serving)
		return;
	self->serving = (uint16_t)serving;
	port->moved = true;
	for (uint16_t i = 0; i < self->member_count; i++)
		if (self->members[i].devices[0] == serving)
			mr_log(MR_LOG_NOTICE, "port %s: %s serves now", port->config.name,
			       self->members[i].config.target);
}

static bool
bond_link(struct mr_port *port)
{
	struct bond *self = port->driver_state;
	struct rte_eth_link link = { 0 };
	bool up;

	if (self->asks_kernel)
		up = bond_choose(port, self);
	else
		up = rte_eth_link_get_nowait(port->devices[0], &link) == 0 &&
		     link.link_status == RTE_ETH_LINK_UP;
	if (up && port->config.bond.mode == MR_PORT_BOND_ACTIVE_BACKUP)
		bond_serving_follow(port, self);
	return up;
}

static void
bond_stopped(struct mr_port *port)
{
	struct bond *self = port->driver_state;

	if (!self)
		return;
	while (self->member_count > 0)
		mr_port_close(&self->members[--self->member_count]);
	free(self->members);
	free(self->queues);
	free(self);
	port->driver_state = NULL;
}

const struct mr_port_driver mr_bond_driver = {
	.kind = "bond",
	.help = "several devices as one port",
	.caps = MR_PORT_CAP_RSS | MR_PORT_CAP_MULTI_QUEUE,
	.prepare = bond_prepare,
	.describe = bond_describe,
	.started = bond_started,
	.link = bond_link,
	.stopped = bond_stopped,
};
