/* SPDX-License-Identifier: Apache-2.0
 *
 * port/port - opens, watches and closes ports.
 */
#include <errno.h>
#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/port_int.h"

enum { PORT_DESCRIPTORS = 1024, PORT_CACHE_MBUFS = 256 };

struct rte_mempool *
mr_port_mbuf_pool_create(uint16_t worker, uint32_t mbuf_count, struct mr_error *error)
{
	char name[RTE_MEMPOOL_NAMESIZE];
	struct rte_mempool *pool;

	snprintf(name, sizeof(name), "mbufs-%u", worker);
	mr_port_eal_forget_error();
	pool = rte_pktmbuf_pool_create(name, mbuf_count, PORT_CACHE_MBUFS, 0,
				       RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!pool)
		mr_error_set(error, -rte_errno, "no memory for %u mbufs of worker %u: %s",
			     mbuf_count, worker, rte_strerror(rte_errno));
	return pool;
}

/* port_error says what failed, with what DPDK said about it. */
static int
port_error(const struct mr_port *self, int code, const char *what, struct mr_error *error)
{
	return mr_error_set(error, code < 0 ? code : -EIO, "port %s (%s: %s): %s: %s",
			    self->config.name, self->config.kind, self->config.target, what,
			    mr_port_eal_error());
}

int
mr_port_probe(struct mr_port *self, uint16_t unit, struct mr_error *error)
{
	char name[MR_PORT_DEVICE_NAME_BYTES], arguments[MR_PORT_ARGUMENTS_BYTES];
	const char *bus = self->driver->bus ? self->driver->bus : "vdev";
	int code = self->driver->describe(self, unit, name, arguments, error);

	if (code)
		return code;
	mr_port_eal_forget_error();
	code = rte_eal_hotplug_add(bus, name, arguments);
	if (code && code != -EEXIST) /* a card is known since EAL's start */
		return port_error(self, code, "no such device for DPDK", error);
	code = rte_eth_dev_get_port_by_name(name, &self->devices[unit]);
	if (code) {
		rte_eal_hotplug_remove(bus, name);
		return port_error(self, code, "the device is not a port", error);
	}
	self->device_count++;
	return 0;
}

/* port_setup configures device number `unit` with its share of the queues. */
static int
port_setup(struct mr_port *self, uint16_t unit, const struct mr_port_plan *plan,
	   struct rte_mempool *const *pools, struct mr_error *error)
{
	uint16_t device = self->devices[unit], first = plan->device_count > 1 ? unit : 0;
	uint16_t queue_count = plan->device_count > 1 ? 1 : self->queue_count;
	struct rte_eth_conf conf = { .rxmode.mq_mode = RTE_ETH_MQ_RX_NONE };
	struct rte_eth_dev_info info;
	int code;

	mr_port_eal_forget_error();
	code = rte_eth_dev_info_get(device, &info);
	if (code)
		return port_error(self, code, "cannot read its properties", error);
	conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	if (self->config.mtu)
		conf.rxmode.mtu = self->config.mtu;
	if ((self->caps & MR_PORT_CAP_RSS) && queue_count > 1) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf =
			info.flow_type_rss_offloads &
			(RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP);
	}
	code = rte_eth_dev_configure(device, queue_count, queue_count, &conf);
	if (code)
		return port_error(self, code, "cannot be configured", error);
	for (uint16_t i = 0; i < queue_count; i++) {
		uint16_t q = first + i;

		self->queues[q] =
			(struct mr_port_queue){ .device = device, .id = i, .pool = pools[q] };
		code = rte_eth_rx_queue_setup(device, i, plan->rx_descriptors, SOCKET_ID_ANY, NULL,
					      pools[q]);
		if (code)
			return port_error(self, code, "a receive queue cannot be set up", error);
		code = rte_eth_tx_queue_setup(device, i, plan->tx_descriptors, SOCKET_ID_ANY, NULL);
		if (code)
			return port_error(self, code, "a transmit queue cannot be set up", error);
	}
	return self->driver->joined ? self->driver->joined(self, unit, error) : 0;
}

static int
port_start(struct mr_port *self, struct mr_error *error)
{
	struct rte_ether_addr mac;
	uint16_t mtu = 0;
	int code;

	mr_port_eal_forget_error();
	for (uint16_t unit = 0; unit < self->device_count; unit++) {
		code = rte_eth_dev_start(self->devices[unit]);
		if (code)
			return port_error(self, code, "cannot be started", error);
	}
	code = rte_eth_macaddr_get(self->devices[0], &mac);
	if (code)
		return port_error(self, code, "has no hardware address", error);
	memcpy(self->mac.bytes, mac.addr_bytes, sizeof(self->mac.bytes));
	if (self->config.has_mac)
		self->mac = self->config.mac;
	if (rte_eth_dev_get_mtu(self->devices[0], &mtu) == 0 && !self->mtu)
		self->mtu = mtu;
	return self->driver->started ? self->driver->started(self, error) : 0;
}

static int
port_check(const struct mr_port *self, uint16_t worker_count, struct mr_error *error)
{
	char known[256] = "";
	size_t used = 0;

	if (!self->driver) {
		for (size_t i = 0; mr_port_driver_at(i) && used < sizeof(known); i++)
			used += (size_t)snprintf(known + used, sizeof(known) - used, " %s",
						 mr_port_driver_at(i)->kind);
		return mr_error_set(error, -EINVAL, "port %s: unknown kind \"%s\"; known:%s",
				    self->config.name, self->config.kind, known);
	}
	if (!self->config.target[0])
		return mr_error_set(error, -EINVAL, "port %s: kind %s needs a target: %s",
				    self->config.name, self->config.kind, self->driver->help);
	if (strchr(self->config.target, ',') || strchr(self->config.target, '='))
		return mr_error_set(error, -EINVAL,
				    "port %s: \"%s\" must not hold a comma or an equals sign",
				    self->config.name, self->config.target);
	if (!worker_count || worker_count > MR_QUEUE_MAX || self->config.queue_count > worker_count)
		return mr_error_set(error, -EINVAL,
				    "port %s: %u queues for %u workers (at most %d)",
				    self->config.name, self->config.queue_count, worker_count,
				    MR_QUEUE_MAX);
	return 0;
}

int
mr_port_open(struct mr_port *self, uint16_t index, const struct mr_port_config *config,
	     uint16_t worker_count, struct rte_mempool *const *pools, struct mr_error *error)
{
	struct mr_port_plan plan = {
		.queue_count = config->queue_count ? config->queue_count : worker_count,
		.device_count = 1,
		.rx_descriptors = config->rx_descriptors,
		.tx_descriptors = config->tx_descriptors,
	};
	int code;

	memset(self, 0, sizeof(*self));
	self->config = *config;
	self->index = index;
	self->mtu = config->mtu;
	self->driver = mr_port_driver_find(config->kind);
	code = port_check(self, worker_count, error);
	if (code) {
		self->driver = NULL;
		return code;
	}
	self->caps = self->driver->caps;
	code = self->driver->prepare(self, &plan, error);
	if (code)
		goto fail;
	MR_ASSERT(plan.queue_count > 0 && plan.queue_count <= worker_count);
	MR_ASSERT(plan.device_count == 1 || plan.device_count == plan.queue_count);
	if (!plan.rx_descriptors)
		plan.rx_descriptors = PORT_DESCRIPTORS;
	if (!plan.tx_descriptors)
		plan.tx_descriptors = PORT_DESCRIPTORS;
	self->queue_count = plan.queue_count;
	self->queues = aligned_alloc(MR_CACHE_LINE, plan.queue_count * sizeof(*self->queues));
	if (!self->queues) {
		code = mr_error_set(error, -ENOMEM, "port %s: no memory", config->name);
		goto fail;
	}
	memset(self->queues, 0, plan.queue_count * sizeof(*self->queues));
	for (uint16_t unit = 0; unit < plan.device_count && !code; unit++) {
		code = mr_port_probe(self, unit, error);
		if (!code)
			code = port_setup(self, unit, &plan, pools, error);
	}
	if (!code)
		code = port_start(self, error);
	if (code)
		goto fail;
	mr_port_poll_link(self);
	return 0;
fail:
	mr_port_close(self);
	return code;
}

void
mr_port_close(struct mr_port *self)
{
	if (!self->driver)
		return;
	if (self->hook)
		self->hook->closing(self);
	self->hook = NULL;
	if (self->punt)
		self->punt->closing(self);
	self->punt = NULL;
	if (self->driver->stopping)
		self->driver->stopping(self);
	while (self->device_count > 0) {
		struct rte_eth_dev_info info;
		uint16_t device = self->devices[--self->device_count];

		if (rte_eth_dev_info_get(device, &info) != 0)
			continue;
		if (rte_eth_dev_stop(device) != 0)
			mr_log(MR_LOG_WARNING, "port %s: the device does not stop",
			       self->config.name);
		rte_eth_dev_close(device);
		rte_dev_remove(info.device);
	}
	if (self->driver->stopped)
		self->driver->stopped(self);
	free(self->queues);
	self->queues = NULL;
	self->queue_count = 0;
	self->driver = NULL;
	self->driver_state = NULL;
	__atomic_store_n(&self->link_up, false, __ATOMIC_RELAXED);
}

int
mr_port_steer(struct mr_port *self, const struct mr_port_steer *steer, struct mr_error *error)
{
	return self->driver->steer ? self->driver->steer(self, steer, error) : 0;
}

bool
mr_port_poll_link(struct mr_port *self)
{
	bool was = __atomic_load_n(&self->link_up, __ATOMIC_RELAXED), is, moved;
	struct rte_eth_link link = { 0 };

	if (self->driver->link)
		is = self->driver->link(self);
	else
		is = rte_eth_link_get_nowait(self->devices[0], &link) == 0 &&
		     link.link_status == RTE_ETH_LINK_UP;
	__atomic_store_n(&self->link_up, is, __ATOMIC_RELAXED);
	moved = self->moved;
	self->moved = false;
	return is != was || (is && moved);
}

void
mr_port_stats(const struct mr_port *self, struct mr_port_stats *out)
{
	memset(out, 0, sizeof(*out));
	if (self->hook)
		out->impaired = self->hook->lost(self);
	if (self->punt) {
		const struct mr_port_punt *punt = self->punt;

		out->punt_to_kernel = __atomic_load_n(&punt->to_kernel_frames, __ATOMIC_RELAXED);
		out->punt_from_kernel =
			__atomic_load_n(&punt->from_kernel_frames, __ATOMIC_RELAXED);
		out->punt_dropped = __atomic_load_n(&punt->dropped, __ATOMIC_RELAXED);
	}
	for (uint16_t unit = 0; unit < self->device_count; unit++) {
		struct rte_eth_stats stats;

		if (rte_eth_stats_get(self->devices[unit], &stats) != 0)
			continue;
		out->rx_frames += stats.ipackets;
		out->rx_bytes += stats.ibytes;
		out->tx_frames += stats.opackets;
		out->tx_bytes += stats.obytes;
		out->rx_missed += stats.imissed;
		out->rx_errors += stats.ierrors;
		out->tx_errors += stats.oerrors;
		out->rx_no_mbuf += stats.rx_nombuf;
	}
	for (uint16_t q = 0; q < self->queue_count; q++) {
		out->tx_copied += __atomic_load_n(&self->queues[q].tx_copied, __ATOMIC_RELAXED);
		out->tx_unsendable +=
			__atomic_load_n(&self->queues[q].tx_unsendable, __ATOMIC_RELAXED);
	}
}
