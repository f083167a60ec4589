/* SPDX-License-Identifier: Apache-2.0
 *
 * vhost - socket files, and the arguments of net_vhost and net_virtio_user.
 */
#include "vhost/vhost.h"

#include <errno.h>
#include <rte_log.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { VHOST_RING_MIN = 64, VHOST_RING_MAX = 4096, VHOST_DESCRIPTORS = 1024 };

static int
vhost_prepare(struct mr_port *port, struct mr_port_plan *plan, struct mr_error *error)
{
	(void)plan;
	if (!port->config.memif_server)
		return 0;
	return mr_port_socket_clean(port, port->config.target, SOCK_STREAM, error);
}

static int
vhost_describe(struct mr_port *port, uint16_t unit, char name[MR_PORT_DEVICE_NAME_BYTES],
	       char arguments[MR_PORT_ARGUMENTS_BYTES], struct mr_error *error)
{
	(void)unit;
	(void)error;
	snprintf(name, MR_PORT_DEVICE_NAME_BYTES, "net_vhost%u", port->index);
	snprintf(arguments, MR_PORT_ARGUMENTS_BYTES, "iface=%s,queues=%u,client=%d",
		 port->config.target, port->queue_count, !port->config.memif_server);
	return 0;
}

static int
virtio_user_prepare(struct mr_port *port, struct mr_port_plan *plan, struct mr_error *error)
{
	/* The PMD sets its rings up with the size that the device was made with. */
	plan->rx_descriptors = plan->tx_descriptors = 0;
	if (port->config.memif_server)
		return mr_port_socket_clean(port, port->config.target, SOCK_STREAM, error);
	if (access(port->config.target, F_OK) != 0)
		return mr_error_set(error, -errno,
				    "port %s: %s: %s; start the vhost side first, or be the server "
				    "(role: server)",
				    port->config.name, port->config.target, strerror(errno));
	return 0;
}

static int
virtio_user_describe(struct mr_port *port, uint16_t unit, char name[MR_PORT_DEVICE_NAME_BYTES],
		     char arguments[MR_PORT_ARGUMENTS_BYTES], struct mr_error *error)
{
	const struct mr_port_config *config = &port->config;
	uint16_t wanted = config->rx_descriptors ? config->rx_descriptors : VHOST_DESCRIPTORS;
	unsigned int ring = VHOST_RING_MIN; /* a power of two, as split rings must be */
	char mac[8 + MR_MAC_TEXT_BYTES] = "";

	(void)unit;
	(void)error;
	while (ring < VHOST_RING_MAX && ring < wanted)
		ring *= 2;
	if (config->has_mac) {
		memcpy(mac, ",mac=", 6);
		mr_mac_format(&config->mac, mac + 5);
	}
	snprintf(name, MR_PORT_DEVICE_NAME_BYTES, "net_virtio_user%u", port->index);
	snprintf(arguments, MR_PORT_ARGUMENTS_BYTES,
		 "path=%s,queues=%u,queue_size=%u,server=%d,packed_vq=%d%s%s", config->target,
		 port->queue_count, ring, config->memif_server, config->virtio_packed,
		 port->queue_count > 1 ? ",cq=1" : "", mac);
	return 0;
}

static int
virtio_user_started(struct mr_port *port, struct mr_error *error)
{
	(void)port;
	(void)error;
	/* A server without a peer says so at each look at its link. */
	rte_log_set_level_pattern("pmd.net.virtio.*", RTE_LOG_CRIT);
	return 0;
}

/* A server whose peer is gone must not be closed: net_virtio_user of DPDK 22.11 then closes the
 * socket that EAL's interrupt thread still waits for, which aborts the process. What it holds goes
 * with the process. */
static void
virtio_user_stopping(struct mr_port *port)
{
	struct rte_eth_link link = { 0 };

	if (!port->device_count || !port->config.memif_server)
		return;
	if (rte_eth_link_get_nowait(port->devices[0], &link) == 0 &&
	    link.link_status == RTE_ETH_LINK_UP)
		return;
	port->device_count = 0;
	mr_log(MR_LOG_INFO, "port %s: nobody at %s: the device is left to the end of the process",
	       port->config.name, port->config.target);
}

/* Neither PMD removes the file that it has made. */
static void
vhost_stopped(struct mr_port *port)
{
	if (port->config.memif_server && port->device_count == 0 && port->queues)
		unlink(port->config.target);
}

const struct mr_port_driver mr_vhost_driver = {
	.kind = "vhost",
	.help = "path of a UNIX socket, and the role",
	.caps = MR_PORT_CAP_CHAINED | MR_PORT_CAP_EXTERNAL | MR_PORT_CAP_MULTI_QUEUE,
	.prepare = vhost_prepare,
	.describe = vhost_describe,
	.stopped = vhost_stopped,
};

const struct mr_port_driver mr_virtio_user_driver = {
	.kind = "virtio-user",
	.help = "path of a vhost-user socket, and the role",
	.caps = MR_PORT_CAP_CHAINED | MR_PORT_CAP_MULTI_QUEUE,
	.prepare = virtio_user_prepare,
	.describe = virtio_user_describe,
	.started = virtio_user_started,
	.stopping = virtio_user_stopping,
	.stopped = vhost_stopped,
};
