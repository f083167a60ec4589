/* SPDX-License-Identifier: Apache-2.0
 *
 * chain - a client, a box (lib/site with lib/proxy) and an origin, each upon a stack of lib/tcp,
 * joined in virtual time. The client and the origin say what a test tells them.
 */
#ifndef TESTS_PROXY_CHAIN_H
#define TESTS_PROXY_CHAIN_H

#include "site/site.h"

enum {
	CHAIN_CLIENT,
	CHAIN_BOX,
	CHAIN_ORIGIN,
	CHAIN_HOSTS,
	CHAIN_QUEUE = 4096,
	CHAIN_TEXT_BYTES = 1 << 20,
	CHAIN_SERVERS = 2,
	CHAIN_LINKS = 256,
};

struct chain_segment {
	struct mr_tcp_flow flow;
	uint16_t byte_count;
	uint8_t bytes[2048];
};

/* A connection of the origin's. */
struct chain_link {
	uint32_t conn; /* 0: none, or gone */
	bool closed;   /* by the box */
	uint16_t port; /* which server it came to */
};

struct chain {
	struct mr_arena arena;
	struct mr_tcp *tcp[CHAIN_HOSTS];
	uint64_t tcp_metrics[CHAIN_HOSTS][MR_TCP_METRIC_COUNT];
	struct mr_site_server server;
	struct mr_site_set *set;
	struct mr_proxy proxy;
	uint64_t site_metrics[MR_SITE_METRIC_COUNT], proxy_metrics[MR_PROXY_METRIC_COUNT];
	struct mr_origin_table *table;
	struct mr_upstreams *upstreams;
	uint64_t generation;
	struct mr_upstream_config group;
	struct mr_upstream_server servers[CHAIN_SERVERS];
	uint64_t now_ns;
	/* the client */
	uint32_t conn;
	bool open, peer_closed, closed, paused;
	size_t got_bytes;
	char *got;
	/* the origin */
	bool refuses, deaf, origin_paused;
	struct chain_link links[CHAIN_LINKS]; /* in the order of their coming */
	uint32_t link_count;
	uint32_t asked_by; /* the connection that spoke last */
	size_t asked_bytes;
	char *asked; /* what came on all of them */
	struct chain_segment *queue[CHAIN_HOSTS];
	uint32_t head[CHAIN_HOSTS], tail[CHAIN_HOSTS];
};

/* chain_start makes all; the group has two servers, 10.0.0.1 and 10.0.0.2, of which servers are
 * there. limits NULL: some of a second. routes are the site's. */
struct chain *chain_start(const struct mr_site_route_config *routes, size_t route_count,
			  uint32_t servers, const struct mr_upstream_limits *limits);
void chain_stop(struct chain *self);
/* chain_upstreams publishes the group anew, as a reload does. */
void chain_upstreams(struct chain *self, uint32_t servers);

void chain_connect(struct chain *self);
void chain_run(struct chain *self);
void chain_wait(struct chain *self, uint32_t ms);
/* chain_text: the client says text. */
void chain_text(struct chain *self, const char *text);
void chain_say(struct chain *self, const void *bytes, size_t count);
void chain_client_fin(struct chain *self);
void chain_client_abort(struct chain *self);
void chain_client_resume(struct chain *self);
/* chain_reply: the origin says text, on the connection that it was asked by last. */
void chain_reply(struct chain *self, const char *text);
void chain_reply_bytes(struct chain *self, const void *bytes, size_t count);
void chain_origin_fin(struct chain *self);
void chain_origin_abort(struct chain *self);
void chain_origin_resume(struct chain *self);
/* chain_forget: what came to either side up to now. */
void chain_forget(struct chain *self);

uint64_t chain_metric(struct chain *self, enum mr_proxy_metric metric);
uint32_t chain_held(const struct chain *self);

#endif
