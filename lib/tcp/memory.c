/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/memory - the pools of a stack: what they take, and what is in them.
 */
#include "tcp/tcp_int.h"

/* One row per class; offsets are 0 where the class is not a pool. */
static const struct {
	const char *name;
	uint32_t object_bytes;
	size_t pool, limit; /* in struct mr_tcp, in struct mr_tcp_config */
} classes[MR_TCP_CLASSES] = {
#define POOL(name, object, pool, limit)                              \
	{                                                            \
		name, sizeof(object), offsetof(struct mr_tcp, pool), \
			offsetof(struct mr_tcp_config, limit)        \
	}
	[MR_TCP_CLASS_TCB] = POOL("tcb", struct tcp_tcb, tcbs, conn_limit),
	[MR_TCP_CLASS_TIMER] = { "timer", sizeof(struct mr_wheel_node), 0,
				 offsetof(struct mr_tcp_config, conn_limit) },
	[MR_TCP_CLASS_TABLE] = { "table", sizeof(struct tcp_bucket), 0, 0 },
	[MR_TCP_CLASS_TIME_WAIT] = { "time-wait", sizeof(struct tcp_time_wait), 0,
				     offsetof(struct mr_tcp_config, time_wait_limit) },
	[MR_TCP_CLASS_PREFIX] = { "prefix count", sizeof(uint32_t), 0, 0 },
	[MR_TCP_CLASS_TX] = POOL("send state", struct tcp_tx, txs, tx_limit),
	[MR_TCP_CLASS_RX] = POOL("kept input", struct tcp_rx, rxs, rx_limit),
	[MR_TCP_CLASS_EXTENT] = POOL("extent", struct tcp_extent, extents, extent_limit),
	[MR_TCP_CLASS_RUN] = POOL("run", struct tcp_run, runs, run_limit),
	[MR_TCP_CLASS_CHUNK] = POOL("chunk", struct tcp_chunk, chunks, chunk_limit),
#undef POOL
};

static uint32_t
limit_of(const struct mr_tcp_config *config, enum mr_tcp_class which)
{
	return *(const uint32_t *)(const void *)((const uint8_t *)config + classes[which].limit);
}

static const struct mr_pool *
pool_of(const struct mr_tcp *self, enum mr_tcp_class which)
{
	return (const struct mr_pool *)(const void *)((const uint8_t *)self + classes[which].pool);
}

uint64_t
mr_tcp_bytes(const struct mr_tcp_config *config)
{
	uint64_t bytes = tcp_table_bytes((uint64_t)config->conn_limit + config->time_wait_limit) +
			 tcp_prefix_bytes(config);

	for (enum mr_tcp_class i = 0; i < MR_TCP_CLASSES; i++) {
		/* object 0 of a pool is nobody's */
		uint64_t count = (uint64_t)limit_of(config, i) + (i != MR_TCP_CLASS_TIME_WAIT);

		if (i != MR_TCP_CLASS_TABLE && i != MR_TCP_CLASS_PREFIX)
			bytes += count * classes[i].object_bytes;
	}
	return bytes;
}

int
tcp_memory_create(struct mr_tcp *self, struct mr_arena *arena, struct mr_error *error)
{
	uint64_t bytes = ((uint64_t)self->config.conn_limit + 1) * sizeof(struct mr_wheel_node);
	uint64_t offset;

	for (enum mr_tcp_class i = 0; i < MR_TCP_CLASSES; i++) {
		struct mr_pool *pool = (struct mr_pool *)(uintptr_t)pool_of(self, i);
		int rc = classes[i].pool == 0 ? 0
					      : mr_pool_create(pool, arena, classes[i].object_bytes,
							       limit_of(&self->config, i), error);

		if (rc)
			return rc;
	}
	if (mr_arena_take(arena, bytes, MR_CACHE_LINE, &offset) != 0)
		return mr_arena_shortage(arena, bytes, error);
	self->timers = mr_arena_at(arena, offset);
	return 0;
}

void
mr_tcp_memory(const struct mr_tcp *self, enum mr_tcp_class which, struct mr_tcp_usage *out)
{
	const struct mr_pool *pool = pool_of(self, which);

	*out = (struct mr_tcp_usage){ .name = classes[which].name,
				      .object_bytes = classes[which].object_bytes };
	if (which == MR_TCP_CLASS_TABLE) { /* it never shrinks */
		out->used = out->peak = __atomic_load_n(&self->table.count, __ATOMIC_RELAXED);
		out->limit = self->table.overflow_end;
		return;
	}
	if (which == MR_TCP_CLASS_PREFIX) {
		out->used = out->peak = out->limit =
			tcp_prefix_bytes(&self->config) / classes[which].object_bytes;
		return;
	}
	out->limit = limit_of(&self->config, which);
	if (which == MR_TCP_CLASS_TIME_WAIT) {
		out->used = mr_metric_read(self->metrics, MR_TCP_connection_time_wait);
		out->peak = __atomic_load_n(&self->tw_peak, __ATOMIC_RELAXED);
		return;
	}
	if (which == MR_TCP_CLASS_TIMER)
		pool = &self->tcbs; /* a node for each */
	out->used = __atomic_load_n(&pool->used, __ATOMIC_RELAXED);
	out->peak = __atomic_load_n(&pool->peak, __ATOMIC_RELAXED);
}
