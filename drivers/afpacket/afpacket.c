/* SPDX-License-Identifier: Apache-2.0
 *
 * afpacket - the checks and the arguments of net_af_packet.
 */
#include "afpacket/afpacket.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { AFPACKET_FRAMES = 512, AFPACKET_FRAME_BYTES = 2048, AFPACKET_BLOCK_BYTES = 4096 };

struct afpacket {
	int control_fd;
};

static bool
afpacket_link(struct mr_port *port)
{
	const struct afpacket *self = port->driver_state;
	struct ifreq ifr = { 0 };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%.*s", IFNAMSIZ - 1, port->config.target);
	return ioctl(self->control_fd, SIOCGIFFLAGS, &ifr) == 0 && (ifr.ifr_flags & IFF_UP) &&
	       (ifr.ifr_flags & IFF_RUNNING);
}

static int
afpacket_prepare(struct mr_port *port, struct mr_port_plan *plan, struct mr_error *error)
{
	struct afpacket *self;

	(void)plan;
	if (strlen(port->config.target) >= IFNAMSIZ || !if_nametoindex(port->config.target))
		return mr_error_set(error, -ENODEV, "port %s: there is no interface \"%s\"",
				    port->config.name, port->config.target);
	self = malloc(sizeof(*self));
	if (!self)
		return mr_error_set(error, -ENOMEM, "port %s: no memory", port->config.name);
	port->driver_state = self;
	self->control_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (self->control_fd < 0)
		return mr_error_set(error, -errno, "port %s: %s", port->config.name,
				    strerror(errno));
	if (!afpacket_link(port))
		mr_log(MR_LOG_NOTICE, "port %s: interface %s has no link yet", port->config.name,
		       port->config.target);
	return 0;
}

static int
afpacket_describe(struct mr_port *port, uint16_t unit, char name[MR_PORT_DEVICE_NAME_BYTES],
		  char arguments[MR_PORT_ARGUMENTS_BYTES], struct mr_error *error)
{
	uint16_t frames =
		port->config.rx_descriptors ? port->config.rx_descriptors : AFPACKET_FRAMES;

	(void)unit;
	(void)error;
	snprintf(name, MR_PORT_DEVICE_NAME_BYTES, "net_af_packet%u", port->index);
	snprintf(arguments, MR_PORT_ARGUMENTS_BYTES,
		 "iface=%s,qpairs=%u,blocksz=%d,framesz=%d,framecnt=%u", port->config.target,
		 port->queue_count, AFPACKET_BLOCK_BYTES, AFPACKET_FRAME_BYTES,
		 (frames + 1u) & ~1u);
	return 0;
}

static void
afpacket_stopped(struct mr_port *port)
{
	struct afpacket *self = port->driver_state;

	if (!self)
		return;
	if (self->control_fd >= 0)
		close(self->control_fd);
	free(self);
	port->driver_state = NULL;
}

const struct mr_port_driver mr_afpacket_driver = {
	.kind = "afpacket",
	.help = "a kernel interface, by packet sockets",
	.caps = MR_PORT_CAP_MULTI_QUEUE | MR_PORT_CAP_RETYPES_TAGS | MR_PORT_CAP_MEMBER,
	.prepare = afpacket_prepare,
	.describe = afpacket_describe,
	.link = afpacket_link,
	.stopped = afpacket_stopped,
};
