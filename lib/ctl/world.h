/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/world - from a configuration and its zone files to a published struct mr_world, by one
 * transaction.
 *
 *   plan      which zones must be read; which new keys need a restart         [world_plan]
 *   work      one zone file -> one zone, on a loader thread                   [world_work]
 *   assemble  network snapshot, zone set, world                               [world_assemble]
 *   apply     steering rules of all ports; put back when one port fails       [world_apply]
 *   publish   one store; neighbours, log level; the old world is retired      [world_publish]
 *
 * What did not change is shared between the old world and the new one: zones whose file was not
 * asked for, the network snapshot on a zone reload, the configuration.
 *
 * The zone store belongs to one thread at a time: loaders take store_lock for laying a zone out;
 * the control thread takes it by trying only (a tick that cannot have it reclaims at the next), so
 * it never waits for a loader.
 *
 * A zone that may be transferred has a slot in the workers' pins. When the last world that has it
 * goes while a transfer runs, the zone alone stays until its pins are dropped.
 *
 * Owner: the control thread. Thread: see ctl/txn. Memory: the heap; zones in the store.
 */
#ifndef MR_CTL_WORLD_H
#define MR_CTL_WORLD_H

#include <pthread.h>
#include <time.h>

#include "ctl/box.h"
#include "ctl/txn.h"

struct worlds;
struct names;

/* What lets a transfer outlive the world that its zone was taken from. */
struct world_pin {
	struct worlds *worlds;
	struct mr_zone *zone;
	uint32_t slot; /* of the workers' pins */
};

/* A zone of a world, at the same index as in its configuration. */
struct world_zone {
	struct mr_zone *zone;
	struct world_pin *pin; /* NULL: it was never to be transferred */
	bool pin_is_new;       /* made by the change that is going on */
	time_t loaded;         /* wall clock, for people */
	uint64_t load_ns;
};

/* A folder that sites serve. */
struct world_root {
	char folder[MR_SITE_ROOT_BYTES];
	struct mr_site_tree *tree;
	uint64_t changed_ns; /* something in it has changed since it was read; 0: nothing */
};

/* A world and all its parts. A part that the next world shares is taken out of the old one before
 * the old one is retired. */
struct world {
	struct mr_world shown; /* what workers see */
	struct worlds *worlds;
	const struct mr_config *config;
	struct mr_net_snapshot *net;
	struct mr_zone_set *set;
	struct mr_dns_config dns;
	struct mr_dns_zone_options *zone_options; /* of dns */
	struct mr_site_set *sites;
	size_t root_count;
	struct world_root *roots;
	struct mr_site_tree **trees; /* the same, as workers see them */
	struct mr_upstreams *upstreams;
	size_t zone_count;
	struct world_zone *zones;
};

/* The counters that a zone has for itself: who had them before is taken off. */
struct world_counter {
	bool taken;
	uint64_t base[MR_DNS_ZONE_COUNTS];
};

/* What all transactions share. */
struct worlds {
	const struct mr_ctl_box *box;
	struct world *running;   /* NULL before the first commit */
	struct mr_config *owned; /* the running configuration, when `config load` brought it */
	uint64_t *metrics;       /* MR_CONTROL_METRIC_COUNT */
	pthread_mutex_t store_lock;
	struct world_counter *counters;   /* group->zone_counters + 1, made when first wanted */
	uint32_t counter_next;            /* none below it is free */
	struct names *names;              /* of origins */
	const struct mr_config *names_of; /* whose they are; only compared */
	bool names_changed;               /* since upstreams were built */
	uint64_t pins_taken[MR_PIN_SLOTS / 64];            /* a bit for each slot */
	uint8_t cookie_secret[MR_DNS_COOKIE_SECRET_BYTES]; /* drawn at start */
};

enum world_change_kind { WORLD_BOOT, WORLD_CONFIG, WORLD_ZONES, WORLD_ROOTS, WORLD_NAMES };

enum { WORLD_WORK_ROOT = 1u << 31 }; /* this work is root number .., not zone */

/* One change. The caller fills the first part and gives it to mr_txn_submit; done gets it back. */
struct world_change {
	struct mr_txn txn; /* ops: world_ops */
	struct worlds *worlds;
	enum world_change_kind kind;
	const struct mr_config *config;     /* BOOT: borrowed; CONFIG: the candidate */
	struct mr_config *candidate;        /* CONFIG: taken, on success; freed on failure */
	char zone[MR_ZONE_NAME_TEXT_BYTES]; /* ZONES: one, with its final dot; empty: all */
	char root[MR_SITE_ROOT_BYTES];      /* ROOTS: the folder to read again */
	void (*done)(struct world_change *change, int rc, const struct mr_error *error);
	/* filled as it goes */
	struct world *next;
	uint32_t *works; /* indices of zones to read, then roots by WORLD_WORK_ROOT */
	json_t *changes; /* CONFIG: mr_config_changes */
	bool published;
};

extern const struct mr_txn_ops world_ops;

/* world_counters_give gives the zones that a change has read their counters: those of their name's
 * zone in running (may be NULL), else free ones, else 0. -ENOMEM. world_counters_keep takes back
 * what self does not use. world_counts is what a zone's are now; the zone whose counter is 0 has
 * none. */
MR_MUST_USE int world_counters_give(struct world *next, const struct world *running,
				    struct mr_error *error);
void world_counters_keep(struct worlds *worlds, const struct world *self);
void world_counts(const struct worlds *worlds, uint32_t counter, uint64_t out[MR_DNS_ZONE_COUNTS]);

/* world_change_release frees what the change holds; the struct itself is the caller's. */
void world_change_release(struct world_change *self);

/* world_free frees a world that nobody reads: its set, network and those zones it still holds. */
void world_free(struct world *self);

/* world_zone_find returns the index of the zone called name (final dot or not, any case), or
 * SIZE_MAX. */
size_t world_zone_find(const struct mr_config *config, const char *name);

#endif
