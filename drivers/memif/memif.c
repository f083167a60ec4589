/* SPDX-License-Identifier: Apache-2.0
 *
 * memif - the life of a shared-memory port: socket files, the PMD's arguments, coming back.
 */
#include "memif/memif.h"

#include <errno.h>
#include <rte_eal.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memif/relay.h"

enum { MEMIF_LOG2_RING_MIN = 6, MEMIF_LOG2_RING_MAX = 14, MEMIF_DESCRIPTORS = 1024 };

/* A client restarts its device this long after the PMD was told that the server is gone: until then
 * EAL's interrupt thread may be at the device. */
#define MEMIF_RESTART_NS (200 * MR_NS_PER_MS)

struct memif {
	struct relay relay;
	uint64_t restart_ns; /* when to restart; 0: not wanted */
};

/* memif_addresses: a server's PMD listens at a file beside the public one; a client's PMD connects
 * to an abstract name. */
static int
memif_addresses(const struct mr_port *port, struct relay *relay, struct mr_error *error)
{
	char *path = relay->private_address.sun_path;
	size_t room = sizeof(relay->private_address.sun_path);
	int length;

	relay->public_address.sun_family = relay->private_address.sun_family = AF_UNIX;
	snprintf(relay->public_address.sun_path, room, "%s", port->config.target);
	if (relay->server) {
		length = snprintf(path, room, "%s.pmd", port->config.target);
		relay->private_bytes = sizeof(relay->private_address);
	} else {
		length = snprintf(path + 1, room - 1, "millrace/memif/%ld/%u", (long)getpid(),
				  port->index);
		relay->private_bytes =
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
	}
	if ((size_t)length >= room)
		return mr_error_set(error, -ENAMETOOLONG, "port %s: the path %s is too long by %zu",
				    port->config.name, port->config.target,
				    (size_t)length - room + 1);
	return 0;
}

static int
memif_prepare(struct mr_port *port, struct mr_port_plan *plan, struct mr_error *error)
{
	struct memif *self = calloc(1, sizeof(*self));
	struct relay *relay = &self->relay;
	int code;

	(void)plan;
	if (!self)
		return mr_error_set(error, -ENOMEM, "port %s: no memory", port->config.name);
	relay->listen_fd = relay->wake_fd = relay->peer_fd = relay->pmd_fd = -1;
	relay->port = port;
	relay->server = port->config.memif_server;
	port->driver_state = self;
	port->gated = true;
	code = memif_addresses(port, relay, error);
	if (!code && relay->server)
		code = mr_port_socket_clean(port, port->config.target, SOCK_SEQPACKET, error);
	if (code)
		return code;
	if (!relay->server && port->config.memif_zero_copy) {
		if (!rte_eal_has_hugepages())
			return mr_error_set(
				error, -EINVAL,
				"port %s: zero copy shares hugepages, and there are none",
				port->config.name);
		/* The ring carries offsets into EAL's own segments; other memory has none. */
		port->caps &= ~(uint32_t)MR_PORT_CAP_EXTERNAL;
		port->caps |= MR_PORT_CAP_ZERO_COPY;
	}
	/* The PMD writes to its control connection without asking for no SIGPIPE. */
	signal(SIGPIPE, SIG_IGN);
	code = relay_listen(relay);
	if (code)
		return mr_error_set(error, code, "port %s: cannot listen at %s: %s",
				    port->config.name, port->config.target, strerror(-code));
	/* Who has the public name has the private one. It is not tried first: see relay_join. */
	if (relay->server)
		unlink(relay->private_address.sun_path);
	return 0;
}

static int
memif_describe(struct mr_port *port, uint16_t unit, char name[MR_PORT_DEVICE_NAME_BYTES],
	       char arguments[MR_PORT_ARGUMENTS_BYTES], struct mr_error *error)
{
	const struct mr_port_config *config = &port->config;
	const struct memif *self = port->driver_state;
	const char *path = self->relay.private_address.sun_path;
	bool server = self->relay.server;
	unsigned int log2_ring = MEMIF_LOG2_RING_MIN;
	char mac[8 + MR_MAC_TEXT_BYTES] = "";
	uint16_t wanted = config->rx_descriptors ? config->rx_descriptors : MEMIF_DESCRIPTORS;

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
		 "role=%s,socket=%s,socket-abstract=%s,rsize=%u%s%s", server ? "server" : "client",
		 path + (server ? 0 : 1), server ? "no" : "yes", log2_ring, mac,
		 config->memif_zero_copy && !server ? ",zero-copy=yes" : "");
	return 0;
}

static int
memif_joined(struct mr_port *port, uint16_t unit, struct mr_error *error)
{
	const struct memif *self = port->driver_state;
	const char *path = self->relay.private_address.sun_path;

	(void)unit;
	/* Nobody passes the relay by. The device takes no connection before it is started. */
	if (self->relay.server && chmod(path, S_IRUSR | S_IWUSR) != 0)
		return mr_error_set(error, -errno, "port %s: %s: %s", port->config.name, path,
				    strerror(errno));
	return 0;
}

static int
memif_started(struct mr_port *port, struct mr_error *error)
{
	struct memif *self = port->driver_state;
	int code = relay_start(&self->relay);

	return code ? mr_error_set(error, code, "port %s: no thread for the relay: %s",
				   port->config.name, strerror(-code))
		    : 0;
}

/* memif_restart lets a client's device connect (to the relay) again. */
static void
memif_restart(struct mr_port *port, struct memif *self)
{
	uint64_t now_ns = mr_clock_now_ns();

	if (__atomic_exchange_n(&self->relay.restart_wanted, false, __ATOMIC_RELAXED))
		self->restart_ns = now_ns + MEMIF_RESTART_NS;
	if (!self->restart_ns || now_ns < self->restart_ns)
		return;
	self->restart_ns = 0;
	/* The gate is closed: the workers see neither. */
	if (rte_eth_dev_stop(port->devices[0]) != 0 || rte_eth_dev_start(port->devices[0]) != 0)
		mr_log(MR_LOG_ERROR, "port %s: the device does not start again", port->config.name);
}

static bool
memif_link(struct mr_port *port)
{
	memif_restart(port, port->driver_state);
	return __atomic_load_n(&port->gate_open, __ATOMIC_RELAXED);
}

static void
memif_stopping(struct mr_port *port)
{
	struct memif *self = port->driver_state;

	if (self)
		relay_stop(&self->relay);
}

static void
memif_stopped(struct mr_port *port)
{
	struct memif *self = port->driver_state;

	if (!self)
		return;
	relay_close(&self->relay);
	free(self);
	port->driver_state = NULL;
}

const struct mr_port_driver mr_memif_driver = {
	.kind = "memif",
	.help = "path of a UNIX socket, and the role",
	.caps = MR_PORT_CAP_CHAINED | MR_PORT_CAP_EXTERNAL | MR_PORT_CAP_MULTI_QUEUE,
	.prepare = memif_prepare,
	.describe = memif_describe,
	.joined = memif_joined,
	.started = memif_started,
	.link = memif_link,
	.stopping = memif_stopping,
	.stopped = memif_stopped,
};
