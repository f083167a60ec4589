/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/stack - one worker's stack: made at boot, turned once per turn.
 */
#include <errno.h>
#include <stdlib.h>

#include "tcp/tcp_int.h"

MR_METRIC_DEFINE("tcp", mr_tcp_metric_table, TCP_METRICS);

enum { WHEEL_TICK_SHIFT = 17 }; /* 131 us: RACK's reordering window is a fraction of the RTT */

#define DEFAULT(field, value) \
	(self->config.field = self->config.field ? self->config.field : (value))

static void
defaults(struct mr_tcp *self)
{
	DEFAULT(mtu, 1500);
	DEFAULT(receive_initial_bytes, 65536);
	DEFAULT(receive_max_bytes, 1 << 20);
	DEFAULT(send_max_bytes, 1 << 18);
	DEFAULT(rto_initial_ms, 1000);
	DEFAULT(rto_min_ms, 200);
	DEFAULT(rto_max_ms, 60000);
	DEFAULT(delayed_ack_ms, 40);
	DEFAULT(time_wait_ms, 60000);
	DEFAULT(fin_wait_ms, 60000);
	DEFAULT(persist_limit_ms, 300000);
	DEFAULT(pmtu_raise_ms, 600000);
	DEFAULT(keepalive_idle_ms, 7200000);
	DEFAULT(keepalive_interval_ms, 75000);
	DEFAULT(keepalive_probes, 9);
	DEFAULT(syn_retries, 7); /* 183 s: RFC 9293 MUST-23 */
	DEFAULT(synack_retries, 5);
	DEFAULT(data_retries, 15);
	DEFAULT(cc, &mr_tcp_cc_cubic);
	DEFAULT(prefix_v4_bits, 24);
	DEFAULT(prefix_v6_bits, 64);
	DEFAULT(progress_bytes, 2048);
	DEFAULT(port_low, 32768);
	DEFAULT(port_high, 65535);
}

static int
check_config(const struct mr_tcp_config *c, struct mr_error *error)
{
	if (c->output == NULL || c->metrics == NULL)
		return mr_error_set(error, -EINVAL, "tcp: output and metrics must be given");
	if (c->conn_limit == 0 || c->conn_limit > MR_WHEEL_HANDLE_MAX || c->tx_limit == 0 ||
	    c->rx_limit == 0 || c->extent_limit == 0 || c->run_limit == 0 || c->chunk_limit == 0)
		return mr_error_set(error, -EINVAL, "tcp: every pool needs a limit");
	if (c->time_wait_limit == 0 || (c->time_wait_limit & (c->time_wait_limit - 1)) ||
	    c->time_wait_limit > MR_WHEEL_HANDLE_MAX)
		return mr_error_set(error, -EINVAL,
				    "tcp: the TIME-WAIT limit %u is not a power of two",
				    c->time_wait_limit);
	if (c->mtu < 576 || c->mtu > 9216)
		return mr_error_set(error, -EINVAL, "tcp: MTU %u is not between 576 and 9216",
				    c->mtu);
	if (c->receive_initial_bytes < 4096 || c->receive_max_bytes < c->receive_initial_bytes ||
	    c->receive_max_bytes > 60u << 20)
		return mr_error_set(error, -EINVAL,
				    "tcp: receive window %u to %u is not within 4 KiB and 60 MiB",
				    c->receive_initial_bytes, c->receive_max_bytes);
	if (c->delayed_ack_ms > 500) /* RFC 9293 MUST-40 */
		return mr_error_set(error, -EINVAL, "tcp: an ACK may be delayed by 500 ms at most");
	if (c->prefix_v4_bits > 32 || c->prefix_v6_bits > 64)
		return mr_error_set(error, -EINVAL,
				    "tcp: prefixes of /%u and /%u, not within /32 and /64",
				    c->prefix_v4_bits, c->prefix_v6_bits);
	if (c->port_low > c->port_high || (c->port_value & ~c->port_mask) ||
	    (c->port_mask & (c->port_mask + 1)))
		return mr_error_set(error, -EINVAL, "tcp: no source port fits");
	return 0;
}

static void
set_now(struct mr_tcp *self, uint64_t now_ns)
{
	self->now_ns = now_ns;
	self->now_us = (uint32_t)(now_ns / MR_NS_PER_US);
	self->now_ms = (uint32_t)(now_ns / MR_NS_PER_MS);
}

int
mr_tcp_create(struct mr_tcp **out, const struct mr_tcp_config *config, struct mr_arena *arena,
	      uint64_t now_ns, struct mr_error *error)
{
	struct mr_tcp *self = calloc(1, sizeof(*self));
	int rc;

	if (self == NULL)
		return mr_error_set(error, -ENOMEM, "tcp: out of memory");
	self->config = *config;
	self->metrics = config->metrics;
	defaults(self);
	rc = check_config(&self->config, error);
	if (rc == 0)
		rc = tcp_memory_create(self, arena, error);
	if (rc == 0)
		rc = tcp_table_create(self, arena, error);
	if (rc == 0)
		rc = tcp_prefix_create(self, arena, error);
	if (rc == 0)
		rc = tcp_timewait_create(self, arena, error);
	if (rc) {
		free(self);
		return rc;
	}
	mr_rng_seed(&self->rng, config->rng_seed);
	tcp_ports_create(self);
	set_now(self, now_ns);
	self->table.splits_left = TCP_SPLITS_PER_TURN;
	self->walk_left = TCP_WALK_PER_TURN;
	mr_wheel_init(&self->wheel, self->timers, sizeof(struct mr_wheel_node), 0, WHEEL_TICK_SHIFT,
		      now_ns);
	*out = self;
	return 0;
}

static bool
discard(void *context, const struct mr_tcp_out *segment)
{
	(void)context;
	(void)segment;
	return true;
}

void
mr_tcp_destroy(struct mr_tcp *self)
{
	if (self == NULL)
		return;
	self->config.output = discard;
	for (uint32_t conn = 1; conn < self->tcbs.fresh; conn++) {
		uint32_t generation = tcp_tcb(self, conn)->generation;

		if (generation && !(generation & 1)) /* 0: the table has refused it */
			mr_tcp_abort(self, conn);
	}
	free(self);
}

void
mr_tcp_app_set(struct mr_tcp *self, uint8_t app, const struct mr_tcp_app *what)
{
	MR_ASSERT(app < MR_TCP_APP_MAX && what->ops);
	self->apps[app] = *what;
}

const char *
mr_tcp_app_name(const struct mr_tcp *self, uint8_t app)
{
	return app < MR_TCP_APP_MAX && self->apps[app].ops ? self->apps[app].ops->name : "-";
}

void
mr_tcp_region_set(struct mr_tcp *self, uint8_t region, const struct mr_tcp_region *what)
{
	MR_ASSERT(region < MR_TCP_REGION_MAX && what->base && what->unpin);
	self->regions[region] = *what;
}

void
mr_tcp_gen_set(struct mr_tcp *self, uint8_t gen, const struct mr_tcp_gen *what)
{
	MR_ASSERT(gen < MR_TCP_GEN_MAX && what->ops);
	self->gens[gen] = *what;
}

uint32_t
mr_tcp_turn(struct mr_tcp *self, uint64_t now_ns, uint32_t timer_budget)
{
	uint32_t done;

	MR_ASSERT(now_ns >= self->now_ns);
	set_now(self, now_ns);
	self->table.splits_left = TCP_SPLITS_PER_TURN;
	self->walk_left = TCP_WALK_PER_TURN;
	tcp_reclaim(self);
	done = mr_wheel_advance(&self->wheel, now_ns, timer_budget, tcp_timer_expire, self);
	if (done < timer_budget)
		done += tcp_timewait_expire(self, timer_budget - done);
	if (done >= timer_budget)
		tcp_count(self, MR_TCP_timer_late);
	return done;
}

uint64_t
mr_tcp_next_ns(const struct mr_tcp *self)
{
	uint64_t next_ns = mr_wheel_next_ns(&self->wheel);

	if (self->tw_head != self->tw_tail) {
		const struct tcp_time_wait *e =
			&self->time_waits[self->tw_head & (self->config.time_wait_limit - 1)];
		int32_t left_ms = e->hash ? (int32_t)(e->expires_ms - self->now_ms) : 0;

		next_ns = MR_MIN(next_ns, self->now_ns + (left_ms > 0 ? (uint64_t)left_ms : 0) *
								 MR_NS_PER_MS);
	}
	return next_ns;
}
