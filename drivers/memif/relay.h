/* SPDX-License-Identifier: Apache-2.0
 *
 * memif/relay - see memif.h for why and for the states.
 *
 * Owner:  struct memif, whose part it is; each field says whose it is.
 * Thread: listen, start, stop and close by the control thread; one thread of its own between.
 * Memory: none beside the struct; descriptors.
 */
#ifndef MR_DRIVERS_MEMIF_RELAY_H
#define MR_DRIVERS_MEMIF_RELAY_H

#include <pthread.h>
#include <sys/un.h>

#include "port/port.h"

enum relay_state { RELAY_IDLE, RELAY_SHAKING, RELAY_READY, RELAY_OPEN };

struct relay {
	/* const after open */
	struct mr_port *port;
	bool server;
	struct sockaddr_un public_address, private_address;
	socklen_t private_bytes; /* of the address: a client's is abstract, and goes with us */
	int listen_fd;           /* server: public; client: private */
	int wake_fd;             /* eventfd: end */
	pthread_t thread;
	bool running;
	/* owner: the relay thread while it runs, else the control thread */
	enum relay_state state;
	int peer_fd, pmd_fd;
	/* shared: relaxed; set by the relay (client only), cleared by the control thread */
	bool restart_wanted;
};

/* relay_listen makes the socket that others connect to; 0 or -errno. */
int relay_listen(struct relay *self);
int relay_start(struct relay *self);
/* relay_stop closes the gate and ends the thread; the connections stay for relay_close, so that the
 * PMD hears nothing while the control thread stops it. */
void relay_stop(struct relay *self);
void relay_close(struct relay *self);

#endif
