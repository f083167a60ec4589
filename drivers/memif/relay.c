/* SPDX-License-Identifier: Apache-2.0
 *
 * memif/relay - stands between the peer and net_memif.
 */
#include "memif/relay.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* The memif protocol's messages are 128 bytes; the first two say which. */
enum {
	RELAY_MESSAGE_BYTES = 128,
	RELAY_CONNECTED = 7,
	RELAY_DISCONNECT = 8,
	RELAY_RETRY_MS = 100, /* a client's server is not there yet */
	RELAY_HELLO_MS = 5000,
	RELAY_SETTLE_MS = 1, /* the PMD is about to have its link */
};

static void
relay_drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* relay_part ends the connection on both sides: workers out first. */
static void
relay_part(struct relay *self)
{
	mr_port_gate_close(self->port);
	if (self->pmd_fd >= 0 && !self->server)
		__atomic_store_n(&self->restart_wanted, true, __ATOMIC_RELAXED);
	relay_drop(&self->pmd_fd);
	relay_drop(&self->peer_fd);
	self->state = RELAY_IDLE;
}

static int
relay_connect(const struct sockaddr_un *address, socklen_t bytes)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)address, bytes) != 0)
		relay_drop(&fd);
	return fd;
}

/* relay_join completes the pair: who listens has one end, and connects the other. */
static void
relay_join(struct relay *self)
{
	struct pollfd hello;

	if (self->server) {
		self->pmd_fd = relay_connect(&self->private_address, self->private_bytes);
		hello = (struct pollfd){ self->pmd_fd, POLLIN, 0 };
		/* The PMD speaks first. Were the connection closed before it has, its write would
		 * fail, and the way it then leaves makes EAL's interrupt thread abort the process.
		 */
		if (self->pmd_fd < 0 || poll(&hello, 1, RELAY_HELLO_MS) != 1)
			relay_drop(&self->peer_fd);
	} else {
		self->peer_fd = relay_connect(&self->public_address, sizeof(self->public_address));
	}
	if (self->peer_fd >= 0 && self->pmd_fd >= 0)
		self->state = RELAY_SHAKING;
	else if (self->server)
		relay_drop(&self->pmd_fd);
}

/* relay_pass takes one message, with its descriptor if it has one, from one side to the other.
 * Returns false when the connection is over. */
static bool
relay_pass(struct relay *self, int from, int to)
{
	uint8_t message[RELAY_MESSAGE_BYTES], control[CMSG_SPACE(sizeof(int)) * 2];
	struct iovec part = { message, sizeof(message) };
	struct msghdr header = { .msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control) };
	ssize_t bytes = recvmsg(from, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	struct cmsghdr *item;
	uint16_t type;
	bool sent;

	if (bytes < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (bytes != sizeof(message))
		return false;
	memcpy(&type, message, sizeof(type));
	/* Once connected, a peer has nothing to say that leaves the PMD's memory in place. */
	if (from == self->peer_fd && (self->state >= RELAY_READY || type == RELAY_DISCONNECT))
		mr_port_gate_close(self->port);
	sent = sendmsg(to, &header, MSG_NOSIGNAL) == sizeof(message);
	for (item = CMSG_FIRSTHDR(&header); item; item = CMSG_NXTHDR(&header, item)) {
		int fd;

		if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(&fd, CMSG_DATA(item), sizeof(fd)); /* a message carries one at most */
		close(fd);
	}
	if (!sent || type == RELAY_DISCONNECT ||
	    (from == self->peer_fd && self->state >= RELAY_READY))
		return false;
	if (type == RELAY_CONNECTED)
		self->state = RELAY_READY;
	return true;
}

/* relay_settle opens the gate when the PMD has mapped everything. */
static void
relay_settle(struct relay *self)
{
	struct rte_eth_link link = { 0 };

	if (rte_eth_link_get_nowait(self->port->devices[0], &link) != 0 ||
	    link.link_status != RTE_ETH_LINK_UP)
		return;
	mr_port_gate_open(self->port);
	self->state = RELAY_OPEN;
}

static void
relay_accept(struct relay *self)
{
	struct ucred who;
	socklen_t bytes = sizeof(who);
	int fd = accept4(self->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (self->server)
		self->peer_fd = fd;
	else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &bytes) == 0 && who.pid == getpid())
		self->pmd_fd = fd;
	else
		close(fd); /* an abstract name has no mode: only our own PMD is let in */
}

static int
relay_timeout_ms(const struct relay *self)
{
	if (self->state == RELAY_READY)
		return RELAY_SETTLE_MS;
	return self->state == RELAY_IDLE && self->pmd_fd >= 0 ? RELAY_RETRY_MS : -1;
}

static void *
relay_main(void *argument)
{
	struct relay *self = argument;

	for (;;) {
		bool single = self->peer_fd < 0 && self->pmd_fd < 0;
		/* One peer at a time: others wait in the listener's queue. */
		struct pollfd fds[] = { { self->wake_fd, POLLIN, 0 },
					{ single ? self->listen_fd : -1, POLLIN, 0 },
					{ self->peer_fd, POLLIN, 0 },
					{ self->pmd_fd, POLLIN, 0 } };

		if (poll(fds, MR_ARRAY_COUNT(fds), relay_timeout_ms(self)) < 0 && errno != EINTR)
			break;
		if (fds[0].revents)
			break;
		if (fds[1].revents)
			relay_accept(self);
		if ((fds[2].revents && !relay_pass(self, self->peer_fd, self->pmd_fd)) ||
		    (fds[3].revents && !relay_pass(self, self->pmd_fd, self->peer_fd)))
			relay_part(self);
		if (self->state == RELAY_READY)
			relay_settle(self);
		if (self->state == RELAY_IDLE && (self->peer_fd >= 0 || self->pmd_fd >= 0))
			relay_join(self);
	}
	return NULL;
}

int
relay_listen(struct relay *self)
{
	const struct sockaddr_un *address =
		self->server ? &self->public_address : &self->private_address;
	socklen_t bytes = self->server ? sizeof(*address) : self->private_bytes;
	int code;

	self->wake_fd = eventfd(0, EFD_CLOEXEC);
	if (self->wake_fd < 0)
		return -errno;
	self->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (self->listen_fd >= 0 &&
	    bind(self->listen_fd, (const struct sockaddr *)address, bytes) == 0 &&
	    listen(self->listen_fd, 1) == 0)
		return 0;
	code = -errno;
	relay_drop(&self->listen_fd); /* so that relay_close leaves another one's file alone */
	return code;
}

int
relay_start(struct relay *self)
{
	sigset_t all, before;
	int code;

	sigfillset(&all);
	sigdelset(&all, SIGURG); /* which takes capabilities away: millraced/strip */
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the control thread's */
	code = pthread_create(&self->thread, NULL, relay_main, self);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	self->running = code == 0;
	return -code;
}

void
relay_stop(struct relay *self)
{
	uint64_t one = 1;

	if (!self->running)
		return;
	if (write(self->wake_fd, &one, sizeof(one)) != sizeof(one))
		mr_log(MR_LOG_ERROR, "memif: the relay cannot be woken: %s", strerror(errno));
	pthread_join(self->thread, NULL);
	self->running = false;
	mr_port_gate_close(self->port);
}

void
relay_close(struct relay *self)
{
	relay_drop(&self->peer_fd);
	relay_drop(&self->pmd_fd);
	relay_drop(&self->wake_fd);
	if (self->listen_fd >= 0 && self->server)
		unlink(self->public_address.sun_path);
	relay_drop(&self->listen_fd);
}
