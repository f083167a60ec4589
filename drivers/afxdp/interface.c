/* SPDX-License-Identifier: Apache-2.0
 *
 * afxdp/interface - one instance per interface, foreign and left-over programs, flags, channels.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "afxdp/afxdp_int.h"

int
afxdp_lock(struct afxdp *self, const struct mr_port *port, struct mr_error *error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int length;

	self->lock_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (self->lock_fd < 0)
		return mr_error_set(error, -errno, "port %s: %s", port->config.name,
				    strerror(errno));
	/* An abstract name: per network namespace, as the interface's number, and gone with us. */
	length = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "millrace/afxdp/%u",
			  self->interface);
	if (bind(self->lock_fd, (struct sockaddr *)&address,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) == 0)
		return 0;
	if (errno == EADDRINUSE)
		return mr_error_set(error, -EBUSY,
				    "port %s: another millrace already serves interface %s; stop "
				    "that one first",
				    port->config.name, port->config.target);
	return mr_error_set(error, -errno, "port %s: %s", port->config.name, strerror(errno));
}

int
afxdp_evict(struct afxdp *self, const struct mr_port *port, struct mr_error *error)
{
	const char *interface = port->config.target;
	struct bpf_prog_info info = { 0 };
	uint32_t id = 0, info_bytes = sizeof(info);
	int fd, code = bpf_xdp_query_id((int)self->interface, 0, &id);

	if (code)
		return mr_error_set(error, code, "port %s: cannot ask %s for its XDP program: %s",
				    port->config.name, interface, strerror(-code));
	if (!id)
		return 0;
	fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0)
		return mr_error_set(error, fd,
				    "port %s: cannot look at XDP program %u on %s: %s (needs "
				    "CAP_SYS_ADMIN)",
				    port->config.name, id, interface, strerror(-fd));
	code = bpf_obj_get_info_by_fd(fd, &info, &info_bytes);
	close(fd);
	if (code || strcmp(info.name, STEER_PROGRAM_NAME) != 0)
		return mr_error_set(error, -EBUSY,
				    "port %s: %s carries another program's XDP program (\"%s\", "
				    "id %u); stop its owner, or remove it with `ip link set dev "
				    "%s xdp off`",
				    port->config.name, interface, info.name, id, interface);
	code = bpf_xdp_detach((int)self->interface, 0, NULL);
	if (code)
		return mr_error_set(error, code,
				    "port %s: cannot remove the left-over XDP program from %s: %s",
				    port->config.name, interface, strerror(-code));
	mr_log(MR_LOG_NOTICE, "port %s: removed the XDP program that a dead run left on %s",
	       port->config.name, interface);
	return 0;
}

static int
interface_ioctl(const struct afxdp *self, const char *interface, unsigned long request,
		struct ifreq *ifr)
{
	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", interface);
	return ioctl(self->control_fd, request, ifr) ? -errno : 0;
}

uint16_t
afxdp_queues(const struct afxdp *self, const char *interface, bool *combined)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	struct ifreq ifr = { .ifr_data = (char *)&channels };
	uint32_t count = 1;

	*combined = true;
	if (interface_ioctl(self, interface, SIOCETHTOOL, &ifr) == 0) {
		*combined = channels.max_combined > 0;
		count = channels.combined_count + channels.rx_count;
	}
	return (uint16_t)MR_MIN(MR_MAX(count, 1u), (uint32_t)MR_QUEUE_MAX);
}

int
afxdp_flags(const struct afxdp *self, const char *interface, short *flags)
{
	struct ifreq ifr = { 0 };
	int code = interface_ioctl(self, interface, SIOCGIFFLAGS, &ifr);

	*flags = ifr.ifr_flags;
	return code;
}

int
afxdp_flags_set(const struct afxdp *self, const char *interface, short flags)
{
	struct ifreq ifr = { .ifr_flags = flags };

	return interface_ioctl(self, interface, SIOCSIFFLAGS, &ifr);
}
