/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy/proxy_int - exchanges and links as they lie in their pools, and what the parts share.
 *
 * Owner: the worker. Thread: its worker. Memory: pools of struct mr_proxy. Spec: see proxy.h.
 */
#ifndef MR_PROXY_PROXY_INT_H
#define MR_PROXY_PROXY_INT_H

#include <string.h>

#include "proxy.h"

enum proxy_state {
	PROXY_WAIT,
	PROXY_CONNECT,
	PROXY_SENT,
	PROXY_HEAD,
	PROXY_BODY,
	PROXY_TUNNEL,
};

struct proxy_exchange {
	struct mr_wheel_node node;
	/* line 0, 1: every event */
	uint32_t client, link;        /* link 0: none */
	uint32_t large;               /* 0: what is kept lies in bytes */
	uint16_t note_bytes;          /* kept first, a multiple of 8 */
	uint16_t host_at, host_bytes; /* the value of Host in the request */
	uint32_t work_bytes; /* behind the note: the request; then an answer's head, or trailers */
	uint8_t state, method;
	uint8_t request_framing; /* enum mr_http_framing */
	uint8_t tries, interims;
	bool idempotent;
	bool client_1_0;
	bool upgrade;       /* an upgrade was asked for */
	bool content_taken; /* some of it: no other try */
	bool content_done;
	bool wants;        /* content waits at the client */
	bool stalled;      /* an answer waits at the origin */
	bool answered;     /* the head has gone to the client */
	bool answer_close; /* the link ends with the answer */
	bool by_kept;      /* this try went by a kept connection */
	bool kept_dead;    /* one kept link has died already */
	bool announced;    /* a PROXY header stands before the request: only for a new link */
	bool waits_room;   /* WAIT: in its group's queue; else a pause */
	bool paused;       /* since it was last picked for */
	bool broken;       /* half of something was sent: it fails when its timer fires */
	uint16_t status;   /* of the answer */
	struct mr_origin_ref ref; /* of this try; slot 0: nothing is counted */
	struct mr_http_head head;
	struct mr_http_body body;
	/* tries */
	uint32_t group, epoch; /* index, in the snapshot that was number epoch */
	uint32_t next, prev;   /* in its group's queue */
	uint64_t key;
	uint64_t sent_ns, latency_ns;
	uint64_t wake_ns, total_ns; /* 0: none */
	struct mr_upstream_tried tried, tried_before;
	struct mr_upstream_limits limits;
	char group_name[MR_NAME_MAX];
	_Alignas(8) uint8_t bytes[];
};
static_assert(sizeof(struct proxy_exchange) + MR_PROXY_NOTE_BYTES < MR_PROXY_SMALL_BYTES,
	      "a note lies beside it");

/* A link. Kept ones are chained by slot, the latest first, and all of them by age. */
struct proxy_link {
	uint32_t conn, exchange; /* exchange 0: kept */
	struct mr_origin_ref ref;
	uint32_t next, prev;   /* of the same slot */
	uint32_t newer, older; /* of all */
	uint32_t requests;
	bool gone; /* its connection is no more */
	uint64_t used_ns;
};
static_assert(sizeof(struct proxy_link) <= MR_CACHE_LINE, "a line each");

struct proxy_kept {
	uint32_t first, count;
};

struct proxy_group {
	uint32_t first, last, count; /* exchanges that wait for room */
	uint32_t credit;             /* tries, in hundredths */
};

static inline struct proxy_exchange *
proxy_exchange_at(const struct mr_proxy *self, uint32_t handle)
{
	return mr_pool_at(&self->exchanges, handle);
}

static inline struct proxy_link *
proxy_link_at(const struct mr_proxy *self, uint32_t handle)
{
	return mr_pool_at(&self->links, handle);
}

/* proxy_work is what lies behind the note. */
static inline uint8_t *
proxy_work(const struct mr_proxy *self, struct proxy_exchange *exchange)
{
	return (exchange->large ? (uint8_t *)mr_pool_at(&self->larges, exchange->large)
				: exchange->bytes) +
	       exchange->note_bytes;
}

static inline uint32_t
proxy_work_room(const struct proxy_exchange *exchange)
{
	return (exchange->large ? (uint32_t)MR_PROXY_LARGE_BYTES
				: (uint32_t)(MR_PROXY_SMALL_BYTES - sizeof(*exchange))) -
	       exchange->note_bytes;
}

/* proxy_work_grow moves note and work into a large buffer; false, counted: there is none. */
bool proxy_work_grow(struct mr_proxy *self, struct proxy_exchange *exchange);

/* ---- pool.c: links ---- */

/* proxy_link_take gives a kept link to origin, for a request that began at now; 0: none fits. */
uint32_t proxy_link_take(struct mr_proxy *self, const struct mr_origin *origin, bool idempotent);
/* proxy_link_open begins a connection; 0: no place, or no port. */
uint32_t proxy_link_open(struct mr_proxy *self, const struct mr_origin *origin);
/* proxy_link_keep: its exchange is over. */
void proxy_link_keep(struct mr_proxy *self, uint32_t link, const struct mr_upstream_limits *limits);
/* proxy_link_drop lets go of a link; its connection is closed, or reset. */
void proxy_link_drop(struct mr_proxy *self, uint32_t link, bool reset);
/* proxy_link_gone: the same, when the connection is no more. */
void proxy_link_gone(struct mr_proxy *self, uint32_t link);
/* proxy_link_idle_end closes a kept link for the reason that metric counts; proxy_link_idle_gone is
 * told that its connection is no more. */
void proxy_link_idle_end(struct mr_proxy *self, uint32_t link, enum mr_proxy_metric metric);
void proxy_link_idle_gone(struct mr_proxy *self, uint32_t link);
/* proxy_kept_sweep closes kept links that are not wanted, of the limit oldest. */
void proxy_kept_sweep(struct mr_proxy *self, uint32_t limit);

/* ---- exchange.c ---- */

/* proxy_exchange_go picks an origin and sends the request on its way, or waits, or fails. */
void proxy_exchange_go(struct mr_proxy *self, uint32_t handle);
/* proxy_exchange_send queues the request on its link, which is up. Returns 0, or the status that it
 * fails with, counted. */
MR_MUST_USE uint16_t proxy_exchange_send(struct mr_proxy *self, uint32_t handle);
/* proxy_exchange_over is proxy_exchange_fail of what was counted. */
void proxy_exchange_over(struct mr_proxy *self, uint32_t handle, enum mr_origin_outcome outcome,
			 uint16_t status);
/* proxy_exchange_retry: this try has failed, its link is gone. status: if it was the last. */
void proxy_exchange_retry(struct mr_proxy *self, uint32_t handle, enum mr_origin_outcome outcome,
			  enum mr_proxy_metric metric, uint16_t status);
/* proxy_exchange_fail ends it; its link, if any, is reset. status is not told once an answer has
 * begun. */
void proxy_exchange_fail(struct mr_proxy *self, uint32_t handle, enum mr_origin_outcome outcome,
			 enum mr_proxy_metric metric, uint16_t status);
/* proxy_exchange_end: the answer is whole. clean: no octet follows it. */
void proxy_exchange_end(struct mr_proxy *self, uint32_t handle, bool clean,
			const struct mr_http_message *trailers, const uint8_t *bytes);
void proxy_exchange_schedule(struct mr_proxy *self, uint32_t handle);
/* proxy_content_room is how many octets the origin takes now. */
uint32_t proxy_content_room(const struct mr_proxy *self, const struct proxy_exchange *exchange);

/* ---- queue.c: exchanges that wait ---- */

/* proxy_group_of gives the group of an exchange in the present upstreams, or NULL. */
const struct mr_upstream *proxy_group_of(struct mr_proxy *self, struct proxy_exchange *exchange);
/* proxy_queue_add puts it at the end of its group's queue; false: the queue is full. */
bool proxy_queue_add(struct mr_proxy *self, uint32_t handle, uint32_t limit);
void proxy_queue_remove(struct mr_proxy *self, uint32_t handle);
/* proxy_queue_wake lets those go on for whom there is room. */
void proxy_queue_wake(struct mr_proxy *self);
/* proxy_queue_move files all anew: the upstreams are others. */
void proxy_queue_move(struct mr_proxy *self);

/* ---- forward.c ---- */

/* proxy_forward_key gives the number that an origin is found by, where the group hashes. */
uint64_t proxy_forward_key(const struct mr_upstream *group, const struct mr_proxy_request *request);
/* proxy_forward_write writes the request into the work of exchange, with all that is told of the
 * client. Returns 0, or the status that it fails with. */
uint16_t proxy_forward_write(struct mr_proxy *self, struct proxy_exchange *exchange,
			     const struct mr_upstream *group,
			     const struct mr_proxy_request *request);
/* proxy_forward_host puts another value into Host. False: there is no room. */
bool proxy_forward_host(struct mr_proxy *self, struct proxy_exchange *exchange, const char *host,
			size_t host_bytes);

#endif
