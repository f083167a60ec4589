/* SPDX-License-Identifier: Apache-2.0
 *
 * impair - makes any port behave like a bad link: the model of net/link on real frames and a real
 * clock. For tests, never for service.
 *
 * Each queue has a line for each direction, with its own history drawn from (seed, queue,
 * direction). Frames wait in their own mbufs, so queue_frames of them are missing from the pool at
 * most, for each line. Delayed frames move when the worker polls: a worker that sleeps (poll:
 * adaptive) adds up to MR_WORKER_SLEEP_MAX_US, and a burst is read at one time.
 *
 * Two ports, one of them impaired, with a loop that carries frames from each to the other, are a
 * bridge for Linux-to-Linux tests: tests/lab/impair_bridge.c.
 *
 * Owner:  the port, from mr_impair_attach to mr_port_close. Thread: a line by its queue's worker;
 * counts by any. Memory: the heap at attach; mbufs of the frames that wait. Clock: CLOCK_MONOTONIC,
 * once per burst (the one place on the data path that reads it: a port with a hook).
 *
 * (1) Every frame given to a line is delivered, freed and counted, or freed at the close.
 */
#ifndef MR_DRIVERS_IMPAIR_IMPAIR_H
#define MR_DRIVERS_IMPAIR_IMPAIR_H

#include "net/net.h"
#include "port/port.h"

enum { MR_IMPAIR_QUEUE_DEFAULT = 1000, MR_IMPAIR_QUEUE_MAX = 65536 };

struct mr_impair_config {
	struct mr_net_link_config
		link; /* mtu: of the IP packet, as a port's; both directions alike */
	uint64_t seed;
	uint32_t drop_every;   /* lose each frame whose number in its line is a multiple; 0: none */
	uint32_t queue_frames; /* under way in one line; 0: MR_IMPAIR_QUEUE_DEFAULT */
};

enum mr_impair_direction { MR_IMPAIR_RX, MR_IMPAIR_TX, MR_IMPAIR_DIRECTIONS };

struct mr_impair_counts {
	uint64_t frames, delivered; /* given to the line; left it, duplicates included */
	uint64_t lost;              /* by chance, and by drop_every */
	uint64_t queue_full;        /* behind the rate, or queue_frames under way */
	uint64_t too_big;
	uint64_t no_mbuf;   /* a copy could not be made: a duplicate, or a frame to be corrupted */
	uint64_t port_full; /* the device did not take it */
	uint64_t duplicated, reordered, corrupted;
};

/* mr_impair_attach puts the link between port and its workers; port is open, and no worker is on it
 * yet. */
MR_MUST_USE int mr_impair_attach(struct mr_port *port, const struct mr_impair_config *config,
				 struct mr_error *error);

/* mr_impair_counts adds up one direction of a port over its queues; false: it is not impaired. */
bool mr_impair_counts(const struct mr_port *port, enum mr_impair_direction direction,
		      struct mr_impair_counts *out);

#endif
