/* SPDX-License-Identifier: Apache-2.0
 *
 * worker/worker - making, turning, resting and ending workers.
 */
#include "worker/worker_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

MR_METRIC_DEFINE("worker", mr_worker_metric_table, WORKER_METRICS);

static const struct mr_histogram_def turn_histogram = { "worker", "turn_time", MR_UNIT_NANOSECONDS,
							"Length of turns that did something" };

/* A question waits for its whole burst, so the time of the turn is the time of each: from the
 * moment its frame was taken from the queue until the answer was given to the port. */
static const struct mr_histogram_def answer_histograms[WORKER_TIMED_TRANSPORTS] = {
	[MR_DNS_UDP] = { "dns", "latency_udp", MR_UNIT_NANOSECONDS,
			 "From a query's frame to its answer's, over UDP" },
	[MR_DNS_TCP] = { "dns", "latency_tcp", MR_UNIT_NANOSECONDS,
			 "From a query's last segment to its answer's first, over TCP" },
};

enum { EVLOG_RECORDS = 1024 };

uint64_t
mr_worker_now_ns(const struct mr_worker *self)
{
	return self->now_ns;
}

/* ---- a turn ---- */

/* turn_begin reads the clock, closes the account of the turn before, and looks at the world. */
static void
turn_begin(struct mr_worker *self, bool did_something)
{
	uint64_t tsc, now_ns;

	worker_clock_follow(&self->clock, &self->group->clock);
	tsc = rte_rdtsc();
	if (did_something)
		worker_account_close(self,
				     worker_clock_span_ns(&self->clock, tsc - self->turn_tsc));
	self->turn_tsc = tsc;
	worker_account_open(self, tsc);
	now_ns = worker_clock_ns(&self->clock, tsc);
	self->now_ns = MR_MAX(now_ns, self->now_ns); /* a missed taking-over may have run ahead */
	__atomic_store_n(&self->heartbeat_ns, self->now_ns, __ATOMIC_RELAXED);
	self->world = mr_rcu_load(self->group->world);
	self->net.snapshot = self->world->net;
	self->dns.config = self->world->dns;
	__atomic_store_n(&self->generation, self->world->generation, __ATOMIC_RELAXED);
}

static uint32_t
turn_serve(struct mr_worker *self)
{
	uint32_t done = worker_lanes_flush(self), jobs, timers; /* what the turn before held */

	worker_stage_end(self, MR_STAGE_TX, 0); /* counted by lane_flush */
	done += worker_tcp_turn(self);
	worker_stage_end(self, MR_STAGE_TIMERS, 0); /* what fired is counted there */
	for (uint16_t port = 0; port < self->group->port_count; port++)
		done += worker_turn_queue(self, port);
	done += worker_turn_dispatch(self);
	jobs = worker_turn_jobs(self);
	worker_stage_end(self, MR_STAGE_JOBS, jobs);
	timers = worker_turn_timers(self);
	worker_stage_end(self, MR_STAGE_TIMERS, timers);
	if (jobs + timers) { /* what they have sent does not wait for somebody else's burst */
		mr_net_flush(&self->net);
		worker_lanes_flush(self);
	}
	return done + jobs + timers;
}

static void
turn_end(struct mr_worker *self, uint32_t done)
{
	self->tally[MR_WORKER_turn] = 1;
	self->tally[MR_WORKER_turn_empty] = done == 0;
	mr_metric_flush(self->metrics, self->tally, MR_WORKER_METRIC_COUNT);
	for (unsigned i = 0; i < MR_WORKER_METRIC_COUNT; i++)
		self->tally[i] = 0;
	mr_rcu_quiescent();
}

/* turn_rest is the idle policy: an adaptive worker that found nothing for MR_WORKER_SPIN_TURNS
 * turns sleeps, longer each time, out of RCU's sight so that no writer waits for it. */
static void
turn_rest(struct mr_worker *self, uint32_t done)
{
	if (done) {
		self->empty_turns = 0;
		self->sleep_us = MR_WORKER_SLEEP_MIN_US;
		return;
	}
	if (self->group->poll == MR_POLL_BUSY || ++self->empty_turns < MR_WORKER_SPIN_TURNS) {
		rte_pause();
		return;
	}
	if (self->tcp && mr_tcp_next_ns(self->tcp) < self->now_ns + self->sleep_us * MR_NS_PER_US)
		return;
	if (mr_wheel_next_ns(&self->wheel) < self->now_ns + self->sleep_us * MR_NS_PER_US)
		return;
	mr_metric_add(self->metrics, MR_WORKER_sleep, 1);
	__atomic_store_n(&self->asleep, true, __ATOMIC_RELAXED);
	mr_rcu_offline();
	nanosleep(&(struct timespec){ .tv_nsec = self->sleep_us * 1000l }, NULL);
	mr_rcu_online();
	__atomic_store_n(&self->asleep, false, __ATOMIC_RELAXED);
	self->sleep_us = MR_MIN(self->sleep_us * 2, (uint32_t)MR_WORKER_SLEEP_MAX_US);
}

int
mr_worker_run(struct mr_worker *self)
{
	uint32_t done = 0;

	mr_rcu_register();
	self->turn_tsc = rte_rdtsc();
	__atomic_store_n(&self->running, true, __ATOMIC_RELAXED);
	while (!__atomic_load_n(&self->stop, __ATOMIC_RELAXED)) {
		turn_begin(self, done > 0);
		done = turn_serve(self);
		turn_end(self, done);
		turn_rest(self, done);
	}
	worker_lanes_drop(self);
	__atomic_store_n(&self->running, false, __ATOMIC_RELAXED);
	mr_rcu_unregister();
	return 0;
}

void
mr_worker_stop(struct mr_worker_group *group)
{
	for (uint16_t i = 0; i < group->worker_count; i++)
		__atomic_store_n(&group->workers[i]->stop, true, __ATOMIC_RELAXED);
}

/* ---- making and ending ---- */

static int
zone_lines_create(struct mr_worker *self)
{
	struct mr_dns *dns = &self->dns;

	dns->zone_line_count = self->group->zone_counters + 1;
	dns->zone_lines =
		aligned_alloc(MR_CACHE_LINE, dns->zone_line_count * sizeof(*dns->zone_lines));
	if (!dns->zone_lines)
		return -ENOMEM;
	memset(dns->zone_lines, 0, dns->zone_line_count * sizeof(*dns->zone_lines));
	return 0;
}

static struct mr_worker *
worker_create(struct mr_worker_group *group, uint16_t index, uint16_t cpu, struct mr_error *error)
{
	struct mr_worker *self = aligned_alloc(MR_CACHE_LINE, sizeof(*self));

	if (!self) {
		mr_error_set(error, -ENOMEM, "no memory for worker %u", index);
		return NULL;
	}
	memset(self, 0, sizeof(*self));
	self->group = group;
	self->index = index;
	self->cpu = cpu;
	self->sleep_us = MR_WORKER_SLEEP_MIN_US;
	snprintf(self->scope, sizeof(self->scope), "worker%u", index);
	self->metrics = mr_metric_attach(group->metrics, &mr_worker_metric_table, self->scope);
	self->turn_ns = mr_metric_attach_histogram(group->metrics, &turn_histogram, self->scope);
	for (unsigned i = 0; i < WORKER_TIMED_TRANSPORTS; i++)
		self->answer_ns[i] = mr_metric_attach_histogram(group->metrics,
								&answer_histograms[i], self->scope);
	self->net.metrics = mr_metric_attach(group->metrics, &mr_net_metric_table, self->scope);
	self->tcp_metrics = mr_metric_attach(group->metrics, &mr_tcp_metric_table, self->scope);
	self->dns.metrics = mr_metric_attach(group->metrics, &mr_dns_metric_table, self->scope);
	self->evlog = mr_evlog_ring_create(self->scope, EVLOG_RECORDS);
	self->net.evlog = self->evlog;
	self->net.neighbours = group->neighbours;
	self->dns.evlog = self->evlog;
	self->dns.rrl = &self->rrl;
	if (!self->evlog)
		mr_error_set(error, -ENOMEM, "no memory for the event ring of worker %u", index);
	else if (group->zone_counters && zone_lines_create(self))
		mr_error_set(error, -ENOMEM, "no memory for the zone counters of worker %u", index);
	return self;
}

static void
worker_destroy(struct mr_worker *self)
{
	free(self->dns.zone_lines);
	worker_tcp_destroy(self);
	worker_timers_destroy(self);
	worker_jobs_destroy(self);
	if (self->evlog)
		mr_evlog_ring_destroy(self->evlog);
	free(self);
}

int
mr_worker_group_create(struct mr_worker_group *group, const uint16_t *cpus, struct mr_error *error)
{
	static const struct mr_worker_tcp_keys no_keys;

	MR_ASSERT(group->worker_count > 0 && group->worker_count <= MR_WORKER_MAX);
	MR_ASSERT(group->port_count <= MR_PORT_MAX);
	mr_rng_secret(&group->flow_key, sizeof(group->flow_key));
	if (!memcmp(&group->tcp_keys, &no_keys, sizeof(no_keys)))
		mr_rng_secret(&group->tcp_keys, sizeof(group->tcp_keys));
	worker_clock_start(&group->clock, rte_rdtsc(), mr_clock_now_ns(), rte_get_tsc_hz());
	mr_site_clock_tick(&group->day, (int64_t)time(NULL));
	if (worker_rings_create(group, error)) {
		worker_rings_destroy(group);
		return error ? error->code : -ENOMEM;
	}
	if (group->tcp.connections &&
	    mr_pins_create(&group->pins, group->arena, group->worker_count, MR_PIN_SLOTS, error)) {
		worker_rings_destroy(group);
		return error ? error->code : -ENOMEM;
	}
	for (uint16_t i = 0; i < group->worker_count; i++) {
		struct mr_worker *worker = worker_create(group, i, cpus[i], error);

		group->workers[i] = worker;
		if (!worker || !worker->evlog ||
		    (group->zone_counters && !worker->dns.zone_lines) ||
		    mr_dns_rrl_create(&worker->rrl, group->rrl_prefixes, group->arena, error) ||
		    worker_jobs_create(worker, error) || worker_timers_create(worker, error) ||
		    worker_tcp_create(worker, error)) {
			mr_worker_group_destroy(group);
			return error ? error->code : -ENOMEM;
		}
	}
	return 0;
}

void
mr_worker_group_destroy(struct mr_worker_group *group)
{
	worker_rings_destroy(group);
	for (uint16_t i = 0; i < group->worker_count; i++) {
		if (group->workers[i])
			worker_destroy(group->workers[i]);
		group->workers[i] = NULL;
	}
}

void
mr_worker_group_abandon(struct mr_worker_group *group)
{
	for (uint16_t i = 0; i < group->worker_count; i++)
		worker_tcp_destroy(group->workers[i]);
}

/* ---- what others may read ---- */

void
mr_worker_view(const struct mr_worker *self, struct mr_worker_view *out)
{
	*out = (struct mr_worker_view){
		.index = self->index,
		.cpu = self->cpu,
		.running = __atomic_load_n(&self->running, __ATOMIC_RELAXED),
		.asleep = __atomic_load_n(&self->asleep, __ATOMIC_RELAXED),
		.heartbeat_ns = __atomic_load_n(&self->heartbeat_ns, __ATOMIC_RELAXED),
		.generation = __atomic_load_n(&self->generation, __ATOMIC_RELAXED),
		.metrics = self->metrics,
		.turn_ns = self->turn_ns,
		.evlog = self->evlog,
		.zone_lines = self->dns.zone_lines,
	};
}

const struct mr_tcp *
mr_worker_tcp(const struct mr_worker *self)
{
	return self->tcp;
}

const struct mr_proxy *
mr_worker_proxy(const struct mr_worker *self)
{
	return self->proxy.tcp ? &self->proxy : NULL;
}

struct mr_dns_rrl *
mr_worker_rrl(struct mr_worker *self)
{
	return &self->rrl;
}

struct mr_evlog_ring *
mr_worker_evlog(struct mr_worker *self)
{
	return self->evlog;
}
