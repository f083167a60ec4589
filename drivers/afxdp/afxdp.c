/* SPDX-License-Identifier: Apache-2.0
 *
 * afxdp - the life of an AF_XDP port.
 */
#include "afxdp/afxdp_int.h"

#include <errno.h>
#include <net/if.h>
#include <rte_log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "steer_object.h"

/* afxdp_object makes the compiled program a file that the PMD can open by name, with no name in any
 * directory. */
static int
afxdp_object(struct afxdp *self, const struct mr_port *port, struct mr_error *error)
{
	self->object_fd = memfd_create("millrace-steer", MFD_CLOEXEC);
	if (self->object_fd < 0 || write(self->object_fd, steer_object, sizeof(steer_object)) !=
					   (ssize_t)sizeof(steer_object))
		return mr_error_set(error, -errno, "port %s: no memory for the XDP program: %s",
				    port->config.name, strerror(errno));
	return 0;
}

static int
afxdp_plan(const struct afxdp *self, const struct mr_port *port, struct mr_port_plan *plan,
	   struct mr_error *error)
{
	bool combined;
	uint16_t have = afxdp_queues(self, port->config.target, &combined);

	if (have > plan->queue_count)
		return mr_error_set(error, -EINVAL,
				    "port %s: %s spreads its frames over %u queues, but %u are "
				    "served: the others' frames would be lost; set `ethtool -L %s "
				    "%s %u` or have %u workers",
				    port->config.name, port->config.target, have, plan->queue_count,
				    port->config.target, combined ? "combined" : "rx",
				    plan->queue_count, have);
	plan->queue_count = have;
	plan->device_count = combined ? 1 : have;
	return 0;
}

static int
afxdp_up(struct afxdp *self, const struct mr_port *port, struct mr_error *error)
{
	short flags;
	int code = afxdp_flags(self, port->config.target, &flags);

	if (code)
		return mr_error_set(error, code, "port %s: %s: %s", port->config.name,
				    port->config.target, strerror(-code));
	if (!(flags & IFF_UP))
		return mr_error_set(error, -ENETDOWN,
				    "port %s: interface %s is down; `ip link set %s up` first",
				    port->config.name, port->config.target, port->config.target);
	/* Solicitations come to a multicast address per VIP; a NIC's filter must let them in. */
	if (!(flags & (IFF_ALLMULTI | IFF_PROMISC))) {
		code = afxdp_flags_set(self, port->config.target, (short)(flags | IFF_ALLMULTI));
		self->set_allmulti = code == 0;
	}
	if (code)
		mr_log(MR_LOG_WARNING, "port %s: %s takes no all-multicast mode: %s",
		       port->config.name, port->config.target, strerror(-code));
	return 0;
}

/* afxdp_allowed asks the kernel for one socket, to say in time what DPDK would not say at all. */
static int
afxdp_allowed(const struct mr_port *port, struct mr_error *error)
{
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (errno == EPERM || errno == EACCES)
		return mr_error_set(error, -EPERM,
				    "port %s (afxdp: %s): not permitted; start millraced as root",
				    port->config.name, port->config.target);
	return mr_error_set(error, -errno,
			    "port %s (afxdp: %s): this kernel gives no AF_XDP socket: %s; "
			    "`afpacket: %s` may work",
			    port->config.name, port->config.target, strerror(errno),
			    port->config.target);
}

static int
afxdp_prepare(struct mr_port *port, struct mr_port_plan *plan, struct mr_error *error)
{
	struct afxdp *self = malloc(sizeof(*self));
	int code;

	if (!self)
		return mr_error_set(error, -ENOMEM, "port %s: no memory", port->config.name);
	*self = (struct afxdp){ .control_fd = -1,
				.lock_fd = -1,
				.object_fd = -1,
				.program_fd = -1,
				.link_fd = -1,
				.sockets_fd = -1,
				.tables_fd = -1,
				.counts_fd = -1,
				.table_fds = { -1, -1 } };
	port->driver_state = self;
	self->interface =
		strlen(port->config.target) < IFNAMSIZ ? if_nametoindex(port->config.target) : 0;
	if (!self->interface)
		return mr_error_set(error, -ENODEV, "port %s: there is no interface \"%s\"",
				    port->config.name, port->config.target);
	code = afxdp_allowed(port, error);
	if (code)
		return code;
	self->control_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (self->control_fd < 0)
		return mr_error_set(error, -errno, "port %s: %s", port->config.name,
				    strerror(errno));
	code = afxdp_lock(self, port, error);
	if (!code)
		code = afxdp_evict(self, port, error);
	if (!code)
		code = afxdp_up(self, port, error);
	if (!code)
		code = afxdp_plan(self, port, plan, error);
	self->device_count = plan->device_count;
	if (!code)
		code = afxdp_object(self, port, error);
	return code;
}

static int
afxdp_describe(struct mr_port *port, uint16_t unit, char name[MR_PORT_DEVICE_NAME_BYTES],
	       char arguments[MR_PORT_ARGUMENTS_BYTES], struct mr_error *error)
{
	struct afxdp *self = port->driver_state;
	uint16_t queue_count = self->device_count > 1 ? 1 : port->queue_count;

	(void)error;
	afxdp_sockets_mark(self);
	snprintf(name, MR_PORT_DEVICE_NAME_BYTES, "net_af_xdp%u_%u", port->index, unit);
	snprintf(arguments, MR_PORT_ARGUMENTS_BYTES,
		 "iface=%s,start_queue=%u,queue_count=%u,xdp_prog=/proc/self/fd/%d,busy_budget=0",
		 port->config.target, unit, queue_count, self->object_fd);
	return 0;
}

static int
afxdp_joined(struct mr_port *port, uint16_t unit, struct mr_error *error)
{
	return afxdp_program_take(port->driver_state, port, unit, error);
}

static int
afxdp_started(struct mr_port *port, struct mr_error *error)
{
	struct afxdp *self = port->driver_state;

	close(self->object_fd);
	self->object_fd = -1;
	return afxdp_program_link(self, port, error);
}

/* afxdp_stopping detaches the program, before the PMD looks for one to remove. The PMD asks the
 * kernel to detach whatever is there; without privileges that fails, and it would say so. */
static void
afxdp_stopping(struct mr_port *port)
{
	struct afxdp *self = port->driver_state;

	if (!self || self->link_fd < 0)
		return;
	close(self->link_fd);
	self->link_fd = -1;
	rte_log_set_level_pattern("pmd.net.af_xdp*", RTE_LOG_CRIT);
}

static bool
afxdp_link(struct mr_port *port)
{
	const struct afxdp *self = port->driver_state;
	short flags;

	return afxdp_flags(self, port->config.target, &flags) == 0 && (flags & IFF_UP) &&
	       (flags & IFF_RUNNING);
}

static void
afxdp_stopped(struct mr_port *port)
{
	struct afxdp *self = port->driver_state;
	short flags;

	if (!self)
		return;
	rte_log_set_level_pattern("pmd.net.af_xdp*", RTE_LOG_NOTICE);
	if (self->set_allmulti && afxdp_flags(self, port->config.target, &flags) == 0)
		(void)!afxdp_flags_set(self, port->config.target, (short)(flags & ~IFF_ALLMULTI));
	/* The lock is the last: then another instance may come. */
	const int fds[] = { self->link_fd,   self->program_fd,   self->control_fd,
			    self->object_fd, self->sockets_fd,   self->tables_fd,
			    self->counts_fd, self->table_fds[0], self->table_fds[1],
			    self->lock_fd };
	for (size_t i = 0; i < MR_ARRAY_COUNT(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(self);
	port->driver_state = NULL;
}

const struct mr_port_driver mr_afxdp_driver = {
	.kind = "afxdp",
	.help = "a kernel interface, shared with the kernel by steering rules",
	.caps = MR_PORT_CAP_MULTI_QUEUE | MR_PORT_CAP_STEER,
	.prepare = afxdp_prepare,
	.describe = afxdp_describe,
	.joined = afxdp_joined,
	.started = afxdp_started,
	.steer = afxdp_steer,
	.link = afxdp_link,
	.stopping = afxdp_stopping,
	.stopped = afxdp_stopped,
};
