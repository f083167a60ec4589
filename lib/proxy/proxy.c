/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy/proxy - one worker's proxy: its pools, its turn.
 */
#include "proxy_int.h"

enum { SWEEP_LIMIT = 256 /* kept links, once a second */, TIMER_SHIFT = 20 };

MR_METRIC_DEFINE("proxy", mr_proxy_metric_table, PROXY_METRICS);

static struct mr_proxy_config
config_filled(const struct mr_proxy_config *from)
{
	struct mr_proxy_config c = *from;

	c.exchange_limit = c.exchange_limit ? c.exchange_limit : 2048;
	c.large_limit = c.large_limit ? c.large_limit : (c.exchange_limit + 15) / 16;
	c.buffer_bytes = c.buffer_bytes ? c.buffer_bytes : 128 << 10;
	if (!c.name[0])
		memcpy(c.name, "millrace", sizeof("millrace"));
	return c;
}

uint64_t
mr_proxy_bytes(const struct mr_proxy_config *config)
{
	const struct mr_proxy_config c = config_filled(config);

	return (uint64_t)c.exchange_limit * (MR_PROXY_SMALL_BYTES + 2 * sizeof(struct proxy_link)) +
	       (uint64_t)c.large_limit * MR_PROXY_LARGE_BYTES +
	       MR_ORIGIN_SLOTS * sizeof(struct proxy_kept) +
	       MR_UPSTREAM_MAX * sizeof(struct proxy_group) + MR_PROXY_HEAD_BYTES;
}

void
mr_proxy_memory(const struct mr_proxy *self, enum mr_proxy_pool which, struct mr_tcp_usage *out)
{
	static const char *const names[MR_PROXY_POOLS] = { [MR_PROXY_EXCHANGES] = "exchanges",
							   [MR_PROXY_LARGES] = "long heads",
							   [MR_PROXY_LINKS] = "links" };
	const struct mr_pool *const pools[MR_PROXY_POOLS] = { [MR_PROXY_EXCHANGES] =
								      &self->exchanges,
							      [MR_PROXY_LARGES] = &self->larges,
							      [MR_PROXY_LINKS] = &self->links };
	const struct mr_pool *pool = pools[which];

	*out = (struct mr_tcp_usage){ .name = names[which],
				      .object_bytes = pool->stride_bytes,
				      .used = __atomic_load_n(&pool->used, __ATOMIC_RELAXED),
				      .peak = __atomic_load_n(&pool->peak, __ATOMIC_RELAXED),
				      .limit = pool->limit };
}

int
mr_proxy_create(struct mr_proxy *self, const struct mr_proxy_config *config, struct mr_arena *arena,
		uint64_t now_ns, struct mr_error *error)
{
	const uint64_t kept_bytes = MR_ORIGIN_SLOTS * sizeof(*self->kept);
	const uint64_t group_bytes = MR_UPSTREAM_MAX * sizeof(*self->groups);
	const uint64_t bytes = kept_bytes + group_bytes + MR_PROXY_HEAD_BYTES;
	struct mr_http_limits limits = MR_HTTP_LIMITS_DEFAULT;
	uint64_t offset;

	self->config = config_filled(config);
	self->limits = limits;
	self->now_ns = now_ns;
	if (mr_pool_create(&self->exchanges, arena, MR_PROXY_SMALL_BYTES,
			   self->config.exchange_limit, error) ||
	    mr_pool_create(&self->larges, arena, MR_PROXY_LARGE_BYTES, self->config.large_limit,
			   error) ||
	    mr_pool_create(&self->links, arena, sizeof(struct proxy_link),
			   2 * self->config.exchange_limit, error))
		return error ? error->code : -1;
	if (mr_arena_take(arena, bytes, MR_CACHE_LINE, &offset))
		return mr_arena_shortage(arena, bytes, error);
	self->kept = mr_arena_at(arena, offset);
	memset(self->kept, 0, bytes);
	self->groups = (void *)((uint8_t *)self->kept + kept_bytes);
	self->scratch = (uint8_t *)self->groups + group_bytes;
	for (uint32_t i = 0; i < MR_UPSTREAM_MAX; i++)
		self->groups[i].credit = 100 * MR_PROXY_BUDGET;
	mr_wheel_init(&self->wheel, self->exchanges.base, MR_PROXY_SMALL_BYTES,
		      offsetof(struct proxy_exchange, node), TIMER_SHIFT, now_ns);
	return 0;
}

void
mr_proxy_flush(struct mr_proxy *self)
{
	mr_metric_flush(self->metrics, self->tally, MR_PROXY_METRIC_COUNT);
	memset(self->tally, 0, sizeof(self->tally));
}

/* exchange_due: a pause is over, or a time has passed. */
static uint64_t
exchange_due(void *context, uint32_t handle, uint64_t now_ns)
{
	struct mr_proxy *self = context;
	struct proxy_exchange *exchange = proxy_exchange_at(self, handle);

	if (exchange->broken) {
		proxy_exchange_over(self, handle, MR_ORIGIN_LEFT, 503);
	} else if (exchange->total_ns && now_ns >= exchange->total_ns) {
		proxy_exchange_fail(self, handle, MR_ORIGIN_TIMED_OUT, MR_PROXY_late_total, 504);
	} else if (exchange->waits_room) {
		proxy_exchange_fail(self, handle, MR_ORIGIN_LEFT, MR_PROXY_late_queue, 503);
	} else {
		exchange->wake_ns = 0;
		proxy_exchange_go(self, handle);
	}
	return 0;
}

void
mr_proxy_turn(struct mr_proxy *self, const struct mr_upstreams *upstreams, uint64_t generation,
	      uint64_t now_ns)
{
	self->now_ns = now_ns;
	self->policy.upstreams = upstreams;
	if (mr_unlikely(self->generation != generation)) {
		self->generation = generation;
		self->epoch++;
		proxy_queue_move(self);
		proxy_kept_sweep(self, self->links.limit);
	}
	if (mr_unlikely(now_ns - self->swept_ns > MR_NS_PER_S)) { /* by an operator's word */
		self->swept_ns = now_ns;
		proxy_kept_sweep(self, SWEEP_LIMIT);
	}
	mr_wheel_advance(&self->wheel, now_ns, MR_PROXY_TIMERS_PER_TURN, exchange_due, self);
	if (mr_unlikely(self->waiting))
		proxy_queue_wake(self);
}
