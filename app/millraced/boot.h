/* SPDX-License-Identifier: Apache-2.0
 *
 * millraced/boot - from a checked configuration to ports, memory and workers, and back.
 *
 *   [boot_open]   EAL -> drivers -> pools -> ports -> zone store -> workers (made, not running)
 *   [boot_run]    workers turn, the log thread writes     (a world has been published before)
 *   [boot_halt]   workers and the log thread end
 *   [boot_close]  everything in reverse order
 *
 * Owner: main. Thread: the control thread. Memory: all that the process will use on the data path.
 */
#ifndef MILLRACED_BOOT_H
#define MILLRACED_BOOT_H

#include "ctl/ctl.h"
#include "logs.h"

struct boot {
	const struct mr_config *config;
	struct mr_port port_room[MR_PORT_MAX];
	struct mr_port *ports[MR_PORT_MAX];
	uint16_t port_count;
	struct rte_mempool *pools[MR_WORKER_MAX];
	struct mr_zone_store *store;
	struct mr_arena connections; /* TCBs, timers, buffers of all workers */
	struct mr_worker_group group;
	const struct mr_world *world; /* what is published */
	struct logs logs;
	bool eal_started;
	uint16_t launched;
};

/* boot_drivers registers the port kinds that this program links. */
void boot_drivers(void);

/* boot_open does all that needs privileges. On failure nothing is left and error says why. */
MR_MUST_USE int boot_open(struct boot *self, const struct mr_config *config,
			  struct mr_error *error);
MR_MUST_USE int boot_run(struct boot *self, struct mr_error *error);
void boot_halt(struct boot *self);
void boot_close(struct boot *self);

#endif
