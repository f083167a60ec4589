/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/ctl_int - the running control plane, as its commands see it.
 *
 * Owner:  the control thread. Thread: that alone, as all handlers run on it.
 * Memory: one struct mr_ctl, on the heap, from mr_ctl_create to mr_ctl_destroy.
 */
#ifndef MR_CTL_CTL_INT_H
#define MR_CTL_CTL_INT_H

#include "ctl/box.h"
#include "ctl/server.h"
#include "ctl/world.h"

struct mr_ctl {
	struct mr_loop *loop;
	struct mr_server *server;
	struct mr_txn_engine *engine;
	struct mr_loop_source *engine_source;
	struct mr_ctl_box box;
	struct worlds worlds;
	/* of the server before the registry is there; then moved into its block */
	uint64_t early_metrics[MR_CONTROL_METRIC_COUNT];
	uint64_t *metrics;
	uint64_t started_ns;
	/* queries over the last second */
	uint64_t sampled_ns, sampled_queries, query_rate;
	int watch_fd; /* inotify, of the folders of sites; 0: not made */
	struct mr_loop_source *watch_source;
	bool booted, stopping;
};

/* A handler returns the result (a new reference); or NULL with error filled; or NULL without, when
 * it will answer later by mr_server_answer. */
typedef json_t *command_fn(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error);

#define CTL_HANDLER_(symbol, ...) command_fn command_##symbol;
MR_COMMANDS(CTL_HANDLER_)

/* ctl_zone_json describes zone index of the running world. */
json_t *ctl_zone_json(const struct mr_ctl *self, size_t index);

/* ctl_records_json gives the records of words[0] (an owner; and of type words[1]) in zone index. */
json_t *ctl_records_json(const struct mr_ctl *self, size_t index, size_t word_count,
			 const char *const *words, struct mr_error *error);

/* ctl_reload submits a reload of one zone (or "": all); call NULL: nobody waits for the answer. */
void ctl_reload(struct mr_ctl *self, const struct mr_call *call, const char *zone);

/* ctl_rrl_tick gives every worker its share of the rate limits. */
void ctl_rrl_tick(struct mr_ctl *self);
/* ctl_reload_root submits that a folder of sites is read again. */
void ctl_reload_root(struct mr_ctl *self, const char *folder);

/* ctl_resolve submits that upstreams are built again: names stand for other addresses. */
void ctl_resolve(struct mr_ctl *self);

/* world_upstreams.c: ejections end, names are asked for, changes are logged. */
void ctl_upstreams_tick(struct mr_ctl *self, uint64_t now_ns);

/* world_roots.c: watches the folders of sites; reads again what has changed. */
MR_MUST_USE int ctl_roots_watch(struct mr_ctl *self, struct mr_error *error);
void ctl_roots_tick(struct mr_ctl *self, uint64_t now_ns);

/* ctl_queries is the sum of all workers' queries. */
uint64_t ctl_queries(const struct mr_ctl *self);

#endif
