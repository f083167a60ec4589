/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy/upstream_int - the table of slots, and a snapshot, as the parts of proxy/upstream see them.
 *
 * Owner:  the control thread; a struct mr_origin_worker, the worker whose it is (proxy/upstream.h).
 * Thread: owners, orders and snapshots under construction: control. Workers read a published
 *         snapshot within a turn, and write what is labelled shared by atomics.
 * Memory: on the heap; the table for the life of the process, a snapshot's blocks with it.
 */
#ifndef MR_PROXY_UPSTREAM_INT_H
#define MR_PROXY_UPSTREAM_INT_H

#include "proxy/upstream.h"

/* Whose a slot is. Control thread only. */
struct origin_owner {
	uint32_t snapshots; /* that have it */
	bool used, leaving;
	uint16_t group_slot;
	uint16_t port;
	struct mr_addr addr;
	char host[MR_ORIGIN_HOST_BYTES];
	uint64_t returned_ns; /* of the last ejection's end, or of the last forgiving */
	uint8_t seen_health;  /* that the log has told of */
	bool seen_ejected;
};

/* What a group shares. */
struct upstream_shared {
	/* shared: any worker adds one before it ejects, control takes it away */
	uint32_t ejected MR_LINE_ALIGNED;
	/* owner: control */
	uint32_t snapshots;
	char name[MR_NAME_MAX];
};

/* What an operator has said of a server; outlives its slots. addr unspecified: all of its. */
struct origin_order {
	bool used;
	uint8_t admin;
	uint16_t port;
	struct mr_addr addr;
	char group[MR_NAME_MAX];
	char host[MR_ORIGIN_HOST_BYTES];
};

enum { ORIGIN_ORDERS = 1024 };

struct mr_origin_table {
	struct mr_origin_shared shared[MR_ORIGIN_SLOTS];
	struct upstream_shared groups[2 * MR_UPSTREAM_MAX]; /* of the old snapshot and the new */
	struct origin_owner owners[MR_ORIGIN_SLOTS];
	struct origin_order orders[ORIGIN_ORDERS];
	struct mr_origin_worker *workers[MR_WORKER_MAX]; /* by slot */
	uint16_t worker_count;
	uint16_t next_slot; /* where the search for a free one begins */
};

struct upstream_block {
	struct upstream_block *next;
	_Alignas(16) uint8_t bytes[];
};

struct mr_upstreams {
	struct mr_origin_table *table;
	struct upstream_block *blocks;
	struct mr_upstream *groups;
	uint32_t group_count;
	struct mr_origin *origins; /* of all groups, one after the other */
	uint32_t origin_count;
	uint16_t by_slot[MR_ORIGIN_SLOTS]; /* index + 1 */
};

/* maglev.c: fills out[MR_MAGLEV_SIZE] with indices into origins; count > 0. */
void maglev_build(const struct mr_origin *origins, uint32_t count, uint8_t *out);

/* orders.c: what holds for an origin that is new; and what no longer stands in running goes. */
enum mr_origin_admin orders_find(const struct mr_origin_table *self, const char *group,
				 const struct mr_upstream_server *server,
				 const struct mr_addr *addr);
void orders_forget(struct mr_origin_table *self, const struct mr_upstreams *running);

/* balance.c */
/* origin_weight is what the origin weighs now, in 1/256. */
uint32_t origin_weight(const struct mr_upstream *group, const struct mr_origin *origin,
		       uint64_t now_ns);

static inline bool
tried_has(const struct mr_upstream_tried *self, uint32_t index)
{
	return self->bits[index / 64] >> (index % 64) & 1;
}

#endif
