/* SPDX-License-Identifier: Apache-2.0
 *
 * memif - the socket file's checks and the arguments of net_memif.
 */
#include "memif/memif.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { MEMIF_LOG2_RING_MIN = 6, MEMIF_LOG2_RING_MAX = 14 };

/* memif_clean removes the socket file that a dead server left; a living one is refused. */
static int
memif_clean(const struct mr_port *port, struct mr_error *error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = port->config.target;
	struct stat status;
	int fd, code;

	if (lstat(path, &status) != 0)
		return 0;
	if (!S_ISSOCK(status.st_mode))
		return mr_error_set(error, -EEXIST, "port %s: %s exists and is not a socket",
				    port->config.name, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return mr_error_set(error, -errno, "port %s: %s", port->config.name,
				    strerror(errno));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	code = connect(fd, (struct sockaddr *)&address, sizeof(address)) ? errno : 0;
	close(fd);
	if (code != ECONNREFUSED)
		return mr_error_set(error, -EADDRINUSE,
				    "port %s: another program serves %s; stop it or choose "
				    "another path",
				    port->config.name, path);
	if (unlink(path) != 0)
		return mr_error_set(error, -errno, "port %s: cannot remove the stale %s: %s",
				    port->config.name, path, strerror(errno));
	return 0;
}

static int
memif_prepare(struct mr_port *port, struct mr_port_plan *plan, struct mr_error *error)
{
	if (!plan->rx_descriptors)
		plan->rx_descriptors = 1024;
	return port->config.memif_server ? memif_clean(port, error) : 0;
}

static int
memif_describe(struct mr_port *port, uint16_t unit, char name[MR_PORT_DEVICE_NAME_BYTES],
	       char arguments[MR_PORT_ARGUMENTS_BYTES], struct mr_error *error)
{
	const struct mr_port_config *config = &port->config;
	unsigned int log2_ring = MEMIF_LOG2_RING_MIN;
	char mac[8 + MR_MAC_TEXT_BYTES] = "";
	uint16_t wanted = config->rx_descriptors ? config->rx_descriptors : 1024;

	(void)unit;
	(void)error;
	while (log2_ring < MEMIF_LOG2_RING_MAX && 1u << log2_ring < wanted)
		log2_ring++;
	if (config->has_mac) {
		memcpy(mac, ",mac=", 6);
		mr_mac_format(&config->mac, mac + 5);
	}
	snprintf(name, MR_PORT_DEVICE_NAME_BYTES, "net_memif%u", port->index);
	snprintf(arguments, MR_PORT_ARGUMENTS_BYTES,
		 "role=%s,socket=%s,socket-abstract=no,rsize=%u%s",
		 config->memif_server ? "server" : "client", config->target, log2_ring, mac);
	return 0;
}

const struct mr_port_driver mr_memif_driver = {
	.kind = "memif",
	.help = "path of a UNIX socket, and the role",
	.caps = MR_PORT_CAP_CHAINED | MR_PORT_CAP_EXTERNAL | MR_PORT_CAP_MULTI_QUEUE,
	.prepare = memif_prepare,
	.describe = memif_describe,
};
