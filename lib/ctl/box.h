/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/box - what the control plane looks at and changes, lent by the application.
 *
 *   mr_ctl_create   lock the socket; from here on a second instance is refused
 *   (boot)          the application opens ports, memory and workers, and fills a struct mr_ctl_box
 *   mr_ctl_boot     the first transaction: zones are loaded, the first world is published
 *   (workers turn, privileges go)
 *   mr_ctl_run      serve until stop, SIGTERM or SIGINT
 *   (workers halt)
 *   mr_ctl_destroy  free every world, remove the socket
 *
 * Owner: the application, until mr_ctl_destroy. Thread: the control thread. Memory: borrowed.
 */
#ifndef MR_CTL_BOX_H
#define MR_CTL_BOX_H

#include "ctl/config.h"
#include "ctl/watch.h"
#include "worker/worker.h"

struct rte_mempool;

struct mr_ctl_box {
	const char *version;
	struct mr_worker_group *group;    /* workers, ports (in the order of the configuration),
					     metrics, neighbours */
	const struct mr_world **world;    /* where worlds are published: group->world */
	struct mr_zone_store *store;      /* where zones live */
	struct mr_site_store *sites;      /* where the files of sites live; NULL: no roots */
	struct rte_mempool *const *pools; /* packet buffers, for `show memory` */
	size_t pool_count;
	struct mr_watch *watch; /* NULL: none; its tick is called by the loop */
	/* tick is called every 100 ms, after the control plane's own; NULL: none */
	void (*tick)(void *context, uint64_t now_ns);
	void *context;
};

struct mr_ctl;

/* mr_ctl_create makes the loop and the socket that config names. -EADDRINUSE when another instance
 * lives there. Blocks SIGTERM, SIGINT and SIGHUP in this thread, so do it before starting others.
 */
MR_MUST_USE int mr_ctl_create(struct mr_ctl **self, const struct mr_config *config,
			      struct mr_error *error);

/* mr_ctl_boot loads config (borrowed until mr_ctl_destroy) and publishes the first world. Loaders
 * and the loop are at work while it waits; a failure publishes nothing. -ECANCELED when a signal
 * ended it. */
MR_MUST_USE int mr_ctl_boot(struct mr_ctl *self, const struct mr_ctl_box *box,
			    const struct mr_config *config, struct mr_error *error);

/* mr_ctl_run serves until something ends it. SIGHUP reloads all zones. */
void mr_ctl_run(struct mr_ctl *self);
void mr_ctl_stop(struct mr_ctl *self);

/* mr_ctl_destroy: no worker turns any more. NULL is fine. */
void mr_ctl_destroy(struct mr_ctl *self);

#endif
