/* SPDX-License-Identifier: Apache-2.0
 *
 * tap - the interface, and the thread between it and the workers' rings.
 */
#include "tap/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <net/if_arp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define TAP_AWAKE_NS (100 * MR_NS_PER_US)
#define TAP_IDLE_NS  (2 * MR_NS_PER_MS)
#define TAP_ERROR_NS (100 * MR_NS_PER_MS)

enum {
	TAP_AWAKE_LOOKS = 1000, /* empty looks before the thread counts as idle */
	TAP_TAGS_BYTES = 8,     /* two VLAN tags */
};

struct tap {
	struct mr_port_punt punt; /* first: the port's pointer is to it */
	/* const after attach */
	int fd;
	uint16_t queue_count;
	struct rte_mempool *pool;
	pthread_t thread;
	bool running;
	/* shared: set by the control thread */
	bool stop;
};

static inline void
count_add(uint64_t *count, uint64_t more)
{
	__atomic_store_n(count, *count + more, __ATOMIC_RELAXED);
}

/* ---- the punt thread ---- */

/* tap_give writes a burst of each queue's frames to the kernel and returns how many. */
static unsigned int
tap_give(struct tap *self)
{
	struct rte_mbuf *pkts[MR_PUNT_BURST];
	unsigned int total = 0;

	for (uint16_t q = 0; q < self->queue_count; q++) {
		unsigned int count = rte_ring_sc_dequeue_burst(self->punt.to_kernel[q],
							       (void **)pkts, MR_PUNT_BURST, NULL);

		for (unsigned int i = 0; i < count; i++) {
			/* Workers make chains flat before they read them. */
			bool taken = pkts[i]->nb_segs == 1 &&
				     write(self->fd, rte_pktmbuf_mtod(pkts[i], void *),
					   pkts[i]->data_len) == pkts[i]->data_len;

			count_add(taken ? &self->punt.to_kernel_frames : &self->punt.dropped, 1);
		}
		rte_pktmbuf_free_bulk(pkts, count);
		total += count;
	}
	return total;
}

/* tap_take reads a burst of the kernel's frames. *failed says that the interface is gone. */
static unsigned int
tap_take(struct tap *self, bool *failed)
{
	uint8_t nowhere[64]; /* reading less than the frame drops it */
	unsigned int count;

	for (count = 0; count < MR_PUNT_BURST; count++) {
		struct rte_mbuf *pkt = rte_pktmbuf_alloc(self->pool);
		ssize_t bytes = pkt ? read(self->fd, rte_pktmbuf_mtod(pkt, void *),
					   rte_pktmbuf_tailroom(pkt))
				    : read(self->fd, nowhere, sizeof(nowhere));

		if (bytes < RTE_ETHER_HDR_LEN) {
			rte_pktmbuf_free(pkt);
			*failed = bytes < 0 && errno != EAGAIN && errno != EINTR;
			return count;
		}
		if (pkt) {
			pkt->data_len = (uint16_t)bytes;
			pkt->pkt_len = (uint32_t)bytes;
		}
		if (pkt && rte_ring_sp_enqueue(self->punt.from_kernel, pkt) == 0) {
			count_add(&self->punt.from_kernel_frames, 1);
			continue;
		}
		rte_pktmbuf_free(pkt);
		count_add(&self->punt.dropped, 1);
	}
	return count;
}

static void *
tap_main(void *argument)
{
	struct tap *self = argument;
	struct pollfd readable = { .fd = self->fd, .events = POLLIN };
	unsigned int empty = 0;

	while (!__atomic_load_n(&self->stop, __ATOMIC_RELAXED)) {
		struct timespec pause = { .tv_nsec = empty < TAP_AWAKE_LOOKS ? TAP_AWAKE_NS
									     : TAP_IDLE_NS };
		bool failed = false;

		if (tap_give(self) + tap_take(self, &failed)) {
			empty = 0;
			continue;
		}
		empty += empty < TAP_AWAKE_LOOKS;
		readable.fd = self->fd;
		if (failed) { /* the interface is down or gone: poll would not wait */
			pause.tv_nsec = TAP_ERROR_NS;
			readable.fd = -1;
		}
		ppoll(&readable, 1, &pause, NULL);
	}
	return NULL;
}

/* ---- the interface ---- */

static int
tap_fail(const struct mr_port *port, const char *name, const char *what, struct mr_error *error)
{
	return mr_error_set(error, errno ? -errno : -EIO, "port %s: punt: %s: %s: %s",
			    port->config.name, name, what, strerror(errno));
}

static int
tap_setup(const struct tap *self, const struct mr_port *port, const char *name, int control_fd,
	  struct mr_error *error)
{
	uint32_t room = rte_pktmbuf_data_room_size(self->pool) - RTE_PKTMBUF_HEADROOM -
			RTE_ETHER_HDR_LEN - TAP_TAGS_BYTES;
	struct ifreq ifr = { 0 };

	memcpy(ifr.ifr_name, name, strlen(name) + 1);
	ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(ifr.ifr_hwaddr.sa_data, port->mac.bytes, sizeof(port->mac.bytes));
	if (ioctl(control_fd, SIOCSIFHWADDR, &ifr))
		return tap_fail(port, name, "cannot be given the port's Ethernet address", error);
	ifr.ifr_mtu = (int)MR_MIN(room, port->mtu);
	if (ioctl(control_fd, SIOCSIFMTU, &ifr))
		return tap_fail(port, name, "cannot be given the port's MTU", error);
	if (ioctl(control_fd, SIOCGIFFLAGS, &ifr))
		return tap_fail(port, name, "cannot be asked for its flags", error);
	ifr.ifr_flags = (short)(ifr.ifr_flags | IFF_UP);
	if (ioctl(control_fd, SIOCSIFFLAGS, &ifr))
		return tap_fail(port, name, "cannot be set up", error);
	return 0;
}

static int
tap_open(struct tap *self, const struct mr_port *port, const char *name, struct mr_error *error)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int control_fd, code;

	if (!*name || strlen(name) >= IFNAMSIZ)
		return mr_error_set(error, -EINVAL, "port %s: punt: \"%s\" is no interface's name",
				    port->config.name, name);
	self->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (self->fd < 0)
		return tap_fail(port, name, "/dev/net/tun", error);
	memcpy(ifr.ifr_name, name, strlen(name) + 1);
	if (ioctl(self->fd, TUNSETIFF, &ifr)) {
		if (errno == EBUSY)
			return mr_error_set(error, -EBUSY,
					    "port %s: punt: %s: another program has this "
					    "interface open",
					    port->config.name, name);
		return tap_fail(port, name, "cannot be made a TAP interface", error);
	}
	control_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (control_fd < 0)
		return tap_fail(port, name, "socket", error);
	code = tap_setup(self, port, name, control_fd, error);
	close(control_fd);
	return code;
}

/* ---- rings, and the end ---- */

static struct rte_ring *
tap_ring(const struct mr_port *port, const char *way, uint16_t queue)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "punt-%u-%s-%u", port->index, way, queue);
	return rte_ring_create(name, MR_PUNT_RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static void
tap_ring_free(struct rte_ring *ring)
{
	void *pkt;

	while (ring && rte_ring_sc_dequeue(ring, &pkt) == 0)
		rte_pktmbuf_free(pkt);
	rte_ring_free(ring);
}

static void
tap_closing(struct mr_port *port)
{
	struct tap *self = MR_CONTAINER_OF(port->punt, struct tap, punt);

	if (self->running) {
		__atomic_store_n(&self->stop, true, __ATOMIC_RELAXED);
		pthread_join(self->thread, NULL);
	}
	for (uint16_t q = 0; self->punt.to_kernel && q < self->queue_count; q++)
		tap_ring_free(self->punt.to_kernel[q]);
	tap_ring_free(self->punt.from_kernel);
	if (self->fd >= 0)
		close(self->fd);
	free(self->punt.to_kernel);
	free(self);
	port->punt = NULL;
}

static int
tap_start(struct tap *self)
{
	sigset_t all, before;
	int code;

	sigfillset(&all);
	sigdelset(&all, SIGURG); /* which takes capabilities away: millraced/strip */
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the control thread's */
	code = pthread_create(&self->thread, NULL, tap_main, self);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	self->running = code == 0;
	return -code;
}

int
mr_tap_attach(struct mr_port *port, const char *name, struct rte_mempool *pool,
	      struct mr_error *error)
{
	struct tap *self = calloc(1, sizeof(*self));
	bool made;
	int code;

	MR_ASSERT(port->driver && !port->punt);
	if (!self)
		return mr_error_set(error, -ENOMEM, "port %s: no memory", port->config.name);
	self->fd = -1;
	self->pool = pool;
	self->queue_count = port->queue_count;
	self->punt.closing = tap_closing;
	port->punt = &self->punt;
	self->punt.to_kernel = calloc(self->queue_count, sizeof(*self->punt.to_kernel));
	self->punt.from_kernel = tap_ring(port, "out", 0);
	made = self->punt.to_kernel && self->punt.from_kernel;
	for (uint16_t q = 0; made && q < self->queue_count; q++) {
		self->punt.to_kernel[q] = tap_ring(port, "in", q);
		made = self->punt.to_kernel[q];
	}
	code = made ? tap_open(self, port, name, error)
		    : mr_error_set(error, -ENOMEM, "port %s: no memory for the rings of %s",
				   port->config.name, name);
	if (!code && (code = tap_start(self)))
		code = mr_error_set(error, code, "port %s: no thread for %s: %s", port->config.name,
				    name, strerror(-code));
	if (code)
		tap_closing(port);
	return code;
}
