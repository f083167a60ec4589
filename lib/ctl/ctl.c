/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/ctl - the control plane put together: loop, server, transactions, ticks.
 */
#include "ctl/ctl.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "ctl/ctl_int.h"
#include "ctl/names.h"

enum { CTL_FLUSH_MS = 500, CTL_RECLAIM_MS = 2000 };

/* ---- calls ---- */

static command_fn *const handlers[] = {
#define CTL_HANDLER_ROW(symbol, ...) [MR_COMMAND_##symbol] = command_##symbol,
	MR_COMMANDS(CTL_HANDLER_ROW)
};

static void
ctl_call(void *context, const struct mr_call *call)
{
	struct mr_ctl *self = context;
	struct mr_error error = { 0 };
	json_t *result = NULL;

	if (!self->booted) {
		mr_server_answer(self->server, call->id,
				 mr_rpc_failure("busy", "millraced is starting; try again"));
		return;
	}
	if (call->command->role == MR_CTL_ADMIN)
		mr_log(MR_LOG_INFO, "control: %s by uid %u, pid %d", call->command->name,
		       (unsigned)call->uid, (int)call->pid);
	result = handlers[call->command - mr_command_at(0)](self, call, &error);
	if (result)
		mr_server_answer(self->server, call->id, mr_rpc_result(result));
	else if (error.code)
		mr_server_answer(self->server, call->id,
				 mr_rpc_failure(error.code == -EBUSY ? "busy" : "failed",
						error.text));
}

/* ---- events ---- */

uint64_t
ctl_queries(const struct mr_ctl *self)
{
	if (!self->box.group || !self->box.group->metrics)
		return 0;
	return mr_metric_sum(self->box.group->metrics, &mr_dns_metric_table, MR_DNS_query);
}

static void
ctl_sample(struct mr_ctl *self, uint64_t now_ns)
{
	uint64_t queries, elapsed_ns = now_ns - self->sampled_ns;

	if (elapsed_ns < MR_NS_PER_S)
		return;
	queries = ctl_queries(self);
	if (self->sampled_ns)
		self->query_rate = (uint64_t)((double)(queries - self->sampled_queries) *
					      (double)MR_NS_PER_S / (double)elapsed_ns);
	self->sampled_queries = queries;
	self->sampled_ns = now_ns;
}

static void
ctl_tick(void *context, uint64_t now_ns)
{
	struct mr_ctl *self = context;

	mr_server_tick(self->server, now_ns);
	if (!self->booted)
		return;
	ctl_sample(self, now_ns);
	ctl_rrl_tick(self);
	/* Releasing zones needs the store; a loader that has it now is done by the next tick. */
	if (!pthread_mutex_trylock(&self->worlds.store_lock)) {
		(void)mr_rcu_reclaim();
		pthread_mutex_unlock(&self->worlds.store_lock);
	}
	ctl_roots_tick(self, now_ns);
	ctl_upstreams_tick(self, now_ns);
	if (self->box.watch)
		mr_watch_tick(self->box.watch, now_ns);
	if (self->box.tick)
		self->box.tick(self->box.context, now_ns);
}

static void
ctl_signal(void *context, int signal_number)
{
	struct mr_ctl *self = context;

	if (signal_number == SIGUSR1) {
		if (self->booted && self->box.group->access)
			mr_site_access_reopen(self->box.group->access);
		return;
	}
	mr_log(MR_LOG_NOTICE, "%s",
	       signal_number == SIGHUP ? "SIGHUP: all zones are read again"
				       : "stopping on a signal");
	if (signal_number != SIGHUP)
		mr_ctl_stop(self);
	else if (self->booted)
		ctl_reload(self, NULL, "");
}

static void
ctl_engine_event(void *context, uint32_t events)
{
	struct mr_ctl *self = context;

	(void)events;
	mr_txn_turn(self->engine);
}

/* ---- life ---- */

int
mr_ctl_create(struct mr_ctl **out, const struct mr_config *config, struct mr_error *error)
{
	struct mr_ctl *self = calloc(1, sizeof(*self));
	struct mr_server_config server;
	int rc;

	if (!self)
		return mr_error_set(error, -ENOMEM, "out of memory");
	self->started_ns = mr_clock_now_ns();
	self->metrics = self->early_metrics;
	pthread_mutex_init(&self->worlds.store_lock, NULL);
	mr_rng_secret(self->worlds.cookie_secret, sizeof(self->worlds.cookie_secret));
	rc = mr_loop_create(&self->loop, error);
	if (rc) {
		mr_ctl_destroy(self);
		return rc;
	}
	server = (struct mr_server_config){ .path = config->control.socket,
					    .group = config->control.group,
					    .user = config->user,
					    .metrics = &self->metrics,
					    .on_call = ctl_call,
					    .context = self };
	rc = mr_server_create(&self->server, self->loop, &server, error);
	if (rc) {
		mr_ctl_destroy(self);
		return rc;
	}
	mr_loop_on_tick(self->loop, ctl_tick, self);
	mr_loop_on_signal(self->loop, ctl_signal, self);
	*out = self;
	return 0;
}

/* ctl_loader_cpus gives loaders every CPU that no worker has, or, when there is none, the control
 * thread's; and as many loaders. */
static unsigned
ctl_loader_cpus(const struct mr_config *config, cpu_set_t *cpus)
{
	CPU_ZERO(cpus);
	for (long i = 0; i < sysconf(_SC_NPROCESSORS_ONLN) && i < CPU_SETSIZE; i++)
		CPU_SET((int)i, cpus);
	for (size_t i = 0; i < config->cpus.worker_count; i++)
		CPU_CLR(config->cpus.workers[i], cpus);
	if (!CPU_COUNT(cpus))
		CPU_SET(config->cpus.control, cpus);
	return (unsigned)CPU_COUNT(cpus);
}

struct boot_change {
	struct world_change change;
	int rc;
	struct mr_error *error;
};

static void
boot_done(struct world_change *change, int rc, const struct mr_error *error)
{
	struct boot_change *self = MR_CONTAINER_OF(change, struct boot_change, change);

	self->rc = rc ? mr_error_set(self->error, rc, "%s", error->text) : 0;
	world_change_release(change);
}

int
mr_ctl_boot(struct mr_ctl *self, const struct mr_ctl_box *box, const struct mr_config *config,
	    struct mr_error *error)
{
	struct boot_change boot = { .change = { .txn = { .ops = &world_ops, .what = "start" },
						.worlds = &self->worlds,
						.kind = WORLD_BOOT,
						.config = config,
						.done = boot_done },
				    .error = error };
	cpu_set_t cpus;
	size_t waiting;
	unsigned loader_count = ctl_loader_cpus(config, &cpus);
	int rc;

	MR_ASSERT(!self->booted && box->group && box->world && box->store);
	self->box = *box;
	self->worlds.box = &self->box;
	if (box->group->metrics) {
		self->metrics =
			mr_metric_attach(box->group->metrics, &mr_control_metric_table, "control");
		memcpy(self->metrics, self->early_metrics, sizeof(self->early_metrics));
	}
	self->worlds.metrics = self->metrics;
	rc = mr_txn_engine_create(&self->engine, loader_count, &cpus, self->metrics, error);
	if (rc)
		return rc;
	self->engine_source = mr_loop_add(self->loop, mr_txn_fd(self->engine), EPOLLIN,
					  ctl_engine_event, self, error);
	if (!self->engine_source)
		return -ENOMEM;
	if (names_create(&self->worlds.names, error))
		return -ENOMEM;
	if (box->sites && ctl_roots_watch(self, error))
		return -ENOMEM;
	mr_txn_submit(self->engine, &boot.change.txn);
	/* The loop turns meanwhile: clients hear that we are starting, a signal ends the start. */
	while (mr_txn_current(self->engine, &waiting) && !self->stopping)
		mr_loop_turn(self->loop, -1);
	if (self->stopping) {
		mr_txn_engine_destroy(self->engine); /* cancels: boot.change must not outlive us */
		self->engine = NULL;
		return mr_error_set(error, -ECANCELED, "stopped while starting");
	}
	if (boot.rc)
		return boot.rc;
	self->booted = true;
	return 0;
}

void
mr_ctl_run(struct mr_ctl *self)
{
	while (!self->stopping)
		mr_loop_turn(self->loop, -1);
	mr_server_flush(self->server, CTL_FLUSH_MS);
}

void
mr_ctl_stop(struct mr_ctl *self)
{
	self->stopping = true;
}

void
mr_ctl_destroy(struct mr_ctl *self)
{
	if (!self)
		return;
	mr_txn_engine_destroy(self->engine); /* done may still answer: before the server */
	free(self->worlds.counters);
	if (self->loop)
		mr_loop_remove(self->loop, self->engine_source);
	if (self->watch_source)
		mr_loop_remove(self->loop, self->watch_source);
	if (self->watch_fd > 0)
		close(self->watch_fd);
	mr_server_destroy(self->server);
	mr_loop_destroy(self->loop);
	if (self->box.world)
		mr_rcu_publish(self->box.world, (const struct mr_world *)NULL);
	if (mr_rcu_barrier(CTL_RECLAIM_MS)) /* pins of workers that have ended are dropped */
		mr_log(MR_LOG_WARNING, "something is still pinned at the end");
	world_free(self->worlds.running);
	(void)mr_rcu_barrier(CTL_RECLAIM_MS);
	names_destroy(self->worlds.names);
	mr_config_free(self->worlds.owned);
	pthread_mutex_destroy(&self->worlds.store_lock);
	free(self);
}
