/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/proxy/groups - one group of origins 192.0.2.1, .2, ... as the tests want it.
 */
#ifndef TESTS_PROXY_GROUPS_H
#define TESTS_PROXY_GROUPS_H

#include "../../lib/proxy/upstream_int.h"

/* weights end with 0; a negative one is a backup's. */
struct groups {
	struct mr_origin_table *table;
	struct mr_upstreams *now;
	struct mr_upstream_config config;
	struct mr_upstream_server servers[MR_UPSTREAM_SERVER_MAX];
	struct mr_upstream_worker workers[4];
	uint16_t worker_count;
	uint64_t now_ns;
};

void groups_open(struct groups *self, enum mr_upstream_policy policy, const int *weights,
		 uint16_t worker_count);
void groups_close(struct groups *self);
/* groups_server is server number index with this weight. */
struct mr_upstream_server groups_server(unsigned index, int weight);
/* groups_reload builds the group anew from servers and config, publishes it, and frees the old. */
void groups_reload(struct groups *self);

const struct mr_upstream *groups_group(const struct groups *self);
struct mr_origin_shared *groups_shared(const struct groups *self, unsigned index);

/* groups_pick picks for worker 0 and says which server it was (-1: none); groups_ask also reports
 * MR_ORIGIN_OK. */
int groups_pick(struct groups *self, uint64_t key, struct mr_upstream_tried *tried,
		struct mr_origin_ref *ref);
int groups_ask(struct groups *self, uint64_t key);
void groups_report(struct groups *self, unsigned worker, struct mr_origin_ref ref,
		   enum mr_origin_outcome outcome);
struct mr_origin_ref groups_ref(const struct groups *self, unsigned index);

#endif
