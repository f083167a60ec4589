/* SPDX-License-Identifier: Apache-2.0
 *
 * afxdp - the life of an AF_XDP port.
 */
#include "afxdp/afxdp_int.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
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
				.tables_fd = -1,
				.counts_fd = -1,
				.table_fds = { -1, -1 } };
	port->driver_state = self;
	self->interface =
		strlen(port->config.target) < IFNAMSIZ ? if_nametoindex(port->config.target) : 0;
	if (!self->interface)
		return mr_error_set(error, -ENODEV, "port %s: there is no interface \"%s\"",
				    port->config.name, port->config.target);
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
	if (!code)
		code = afxdp_object(self, port, error);
	return code;
}

static int
afxdp_describe(struct mr_port *port, uint16_t unit, char name[MR_PORT_DEVICE_NAME_BYTES],
	       char arguments[MR_PORT_ARGUMENTS_BYTES], struct mr_error *error)
{
	const struct afxdp *self = port->driver_state;

	(void)unit;
	(void)error;
	snprintf(name, MR_PORT_DEVICE_NAME_BYTES, "net_af_xdp%u", port->index);
	snprintf(arguments, MR_PORT_ARGUMENTS_BYTES,
		 "iface=%s,start_queue=0,queue_count=%u,xdp_prog=/proc/self/fd/%d,busy_budget=0",
		 port->config.target, port->queue_count, self->object_fd);
	return 0;
}

static int
afxdp_started(struct mr_port *port, struct mr_error *error)
{
	struct afxdp *self = port->driver_state;

	close(self->object_fd);
	self->object_fd = -1;
	return afxdp_maps_find(self, port, error);
}

static bool
afxdp_link(struct mr_port *port)
{
	const struct afxdp *self = port->driver_state;
	short flags;

	return afxdp_flags(self, port->config.target, &flags) == 0 && (flags & IFF_UP) &&
	       (flags & IFF_RUNNING);
}

/* afxdp_detach makes sure that our program is gone; the PMD has removed it as a rule. */
static void
afxdp_detach(const struct afxdp *self, const struct mr_port *port)
{
	uint32_t id = 0;

	if (!self->program_id || bpf_xdp_query_id((int)self->interface, 0, &id) != 0 ||
	    id != self->program_id)
		return;
	if (bpf_xdp_detach((int)self->interface, 0, NULL) != 0)
		mr_log(MR_LOG_WARNING,
		       "port %s: the XDP program stays on %s (it passes everything to the kernel; "
		       "the next start removes it)",
		       port->config.name, port->config.target);
}

static void
afxdp_stopped(struct mr_port *port)
{
	struct afxdp *self = port->driver_state;
	int *fds[6];
	short flags;

	if (!self)
		return;
	afxdp_detach(self, port);
	if (self->set_allmulti && afxdp_flags(self, port->config.target, &flags) == 0)
		(void)!afxdp_flags_set(self, port->config.target, (short)(flags & ~IFF_ALLMULTI));
	fds[0] = &self->control_fd;
	fds[1] = &self->object_fd;
	fds[2] = &self->tables_fd;
	fds[3] = &self->counts_fd;
	fds[4] = &self->table_fds[0];
	fds[5] = &self->table_fds[1];
	for (size_t i = 0; i < MR_ARRAY_COUNT(fds); i++)
		if (*fds[i] >= 0)
			close(*fds[i]);
	if (self->lock_fd >= 0)
		close(self->lock_fd); /* last: now another instance may come */
	free(self);
	port->driver_state = NULL;
}

const struct mr_port_driver mr_afxdp_driver = {
	.kind = "afxdp",
	.help = "a kernel interface, shared with the kernel by steering rules",
	.caps = MR_PORT_CAP_MULTI_QUEUE | MR_PORT_CAP_STEER,
	.prepare = afxdp_prepare,
	.describe = afxdp_describe,
	.started = afxdp_started,
	.steer = afxdp_steer,
	.link = afxdp_link,
	.stopped = afxdp_stopped,
};
