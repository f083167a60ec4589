/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/world_int - the network's and the answers' parts of a world.
 *
 * Owner:  a world that is being built is its transaction's; once shown, struct worlds' (world.h).
 * Thread: the control thread; world_roots_work on a loader.
 * Memory: the heap, and extents of the stores.
 */
#ifndef MR_CTL_WORLD_INT_H
#define MR_CTL_WORLD_INT_H

#include "ctl/config.h"
#include "worker/worker.h"

/* world_net_build makes the snapshot of config on the ports of group. */
MR_MUST_USE int world_net_build(const struct mr_worker_group *group, const struct mr_config *config,
				struct mr_net_snapshot **out, struct mr_error *error);

/* world_dns_build fills dns from config. drawn_secret signs cookies when no file of secrets is
 * named: it was drawn at start, so cookies outlive a `config load` but no restart. */
MR_MUST_USE int world_dns_build(const struct mr_config_dns *config,
				const uint8_t drawn_secret[MR_DNS_COOKIE_SECRET_BYTES],
				struct mr_dns_config *dns, struct mr_error *error);

/* world_zone_options fills self->dns with what its zones have of their own, and gives slots to
 * those that may be transferred. A zone without a slot is not transferred: that is logged. */
struct world;
MR_MUST_USE int world_zone_options(struct world *self, struct mr_error *error);
/* world_pin_free gives a slot back; world_zone_release lets a zone go once nobody transfers it. */
struct world_pin;
struct world_zone;
struct worlds;
void world_pin_free(struct world_pin *self);
void world_zone_release(struct worlds *worlds, struct world_zone *zone);

/* world_roots.c: plan lists what is to be read, work reads one, build makes the set of sites. */
struct world_change;
MR_MUST_USE int world_roots_plan(struct world_change *self, struct mr_error *error);
MR_MUST_USE int world_roots_work(struct world_change *self, uint32_t index, struct mr_error *error);
MR_MUST_USE int world_roots_build(struct world *next, struct mr_error *error);
void world_roots_show(struct world *next);
/* world_roots_keep leaves in self only the trees that other does not use. */
void world_roots_keep(struct world *self, struct world *other);
bool world_roots_idle(const struct world *self);
void world_roots_free(struct world *self);

/* world_upstreams.c: names stand for what is known of them now. */
MR_MUST_USE int world_upstreams_build(struct world *next, struct mr_error *error);

/* world_steer gives every port the rules of config; when one refuses, those before it get the rules
 * of running (NULL: none) back. */
MR_MUST_USE int world_steer(const struct mr_worker_group *group, const struct mr_config *config,
			    const struct mr_config *running, struct mr_error *error);

/* world_neighbours_set tells the neighbour table which next hops there are. */
void world_neighbours_set(const struct mr_worker_group *group, const struct mr_config *config);

#endif
