/* SPDX-License-Identifier: Apache-2.0
 *
 * site/server - one worker's server: its bounds, its buffers, its counters.
 */
#include <string.h>

#include "h1_int.h"

MR_METRIC_DEFINE("http", mr_site_metric_table, SITE_METRICS);

int
mr_site_server_create(struct mr_site_server *self, const struct mr_site_server_config *config,
		      struct mr_arena *arena, struct mr_error *error)
{
	const uint64_t path_bytes = MR_HTTP_PATH_ROOM(MR_HTTP_HEAD_BYTES_MAX);
	const uint64_t answer_bytes = H1_ANSWER_BYTES;
	struct mr_http_limits limits = MR_HTTP_LIMITS_DEFAULT;
	struct mr_site_server_config *c = &self->config;
	uint8_t drawn[sizeof(self->boundary)];
	uint64_t offset;

	c->header_ms = config->header_ms ? config->header_ms : 10000;
	c->body_ms = config->body_ms ? config->body_ms : 30000;
	c->idle_ms = config->idle_ms ? config->idle_ms : 60000;
	c->linger_ms = config->linger_ms ? config->linger_ms : 3000;
	c->request_limit = config->request_limit ? config->request_limit : 100000;
	c->body_bytes = config->body_bytes ? config->body_bytes : 1 << 20;
	c->exchange_limit = config->exchange_limit ? config->exchange_limit : 2048;
	c->large_limit = config->large_limit ? config->large_limit : (c->exchange_limit + 15) / 16;
	MR_ASSERT(c->request_limit <= H1_REQUESTS_MAX);
	limits.body_bytes = UINT64_MAX; /* the route's: content_begin */
	self->limits = limits;
	mr_rng_secret(drawn, sizeof(drawn));
	mr_rng_secret(&self->id_key, sizeof(self->id_key));
	for (size_t i = 0; i < sizeof(self->boundary); i++)
		self->boundary[i] = "0123456789abcdef"[drawn[i] & 15];
	if (mr_arena_take(arena, path_bytes + answer_bytes, MR_CACHE_LINE, &offset))
		return mr_arena_shortage(arena, path_bytes + answer_bytes, error);
	self->path = mr_arena_at(arena, offset);
	self->answer = self->path + path_bytes;
	if (mr_pool_create(&self->exchanges, arena, H1_EXCHANGE_BYTES, c->exchange_limit, error))
		return error ? error->code : -1;
	/* one octet more than a head may have: the parser refuses before there is no room */
	return mr_pool_create(&self->larges, arena,
			      (uint32_t)mr_round_up(sizeof(struct h1_exchange) + limits.head_bytes +
							    1,
						    MR_CACHE_LINE),
			      c->large_limit, error);
}

void
mr_site_server_flush(struct mr_site_server *self)
{
	mr_metric_flush(self->metrics, self->tally, MR_SITE_METRIC_COUNT);
	memset(self->tally, 0, sizeof(self->tally));
	if (self->proxy)
		mr_proxy_flush(self->proxy);
}
