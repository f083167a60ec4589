/* SPDX-License-Identifier: Apache-2.0
 *
 * pair - a server of lib/site and a client, each upon a stack of lib/tcp, joined back to back in
 * virtual time.
 */
#ifndef PAIR_H
#define PAIR_H

#include "site/site.h"

enum { PAIR_PORT = 80, PAIR_GOT_BYTES = 1 << 20, PAIR_QUEUE = 4096 };

struct pair_segment {
	struct mr_tcp_flow flow;
	uint16_t byte_count;
	uint8_t bytes[2048];
};

struct pair {
	struct mr_arena arena;
	struct mr_tcp *tcp[2]; /* 0 the client, 1 the server */
	struct mr_site_server server;
	struct mr_site_set *set;
	const char *folder; /* NULL, or the one root */
	struct mr_site_store *store;
	struct mr_site_tree *tree;
	uint64_t metrics[MR_SITE_METRIC_COUNT];
	uint64_t tcp_metrics[2][MR_TCP_METRIC_COUNT];
	uint64_t now_ns;
	uint32_t conn; /* the client's */
	bool open, peer_closed, closed, paused;
	enum mr_tcp_reason reason;
	size_t got_bytes;
	char got[PAIR_GOT_BYTES + 1];
	/* what is under way, to each side */
	struct pair_segment *queue[2];
	uint32_t head[2], tail[2];
};

/* pair_start makes both; sites and config are borrowed for the call. pair_stop frees all and checks
 * that nothing is held. */
struct pair *pair_start(const struct mr_site_config *sites, size_t site_count,
			const struct mr_site_server_config *config);
/* pair_start_on also reads folder, the root of every route that has one. */
struct pair *pair_start_on(const struct mr_site_config *sites, size_t site_count,
			   const struct mr_site_server_config *config, const char *folder);
void pair_stop(struct pair *self);

/* pair_replace gives the server other sites, as a reload does. */
void pair_replace(struct pair *self, const struct mr_site_config *sites, size_t site_count);

/* pair_connect opens a connection and forgets what came on the last one. */
void pair_connect(struct pair *self);
/* pair_say sends bytes in one piece and lets segments pass until none is under way. */
void pair_say(struct pair *self, const void *bytes, size_t count);
void pair_text(struct pair *self, const char *text);
void pair_run(struct pair *self);
/* pair_wait lets ms pass. */
void pair_wait(struct pair *self, uint32_t ms);
/* pair_resume: the client reads again. */
void pair_resume(struct pair *self);

uint64_t pair_metric(struct pair *self, enum mr_site_metric metric);
/* pair_held is how many buffers the server holds. */
uint32_t pair_held(const struct pair *self);

#endif
