/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/show - the commands that only look.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_mempool.h>

#include "ctl/ctl_int.h"

static json_t *
integer(uint64_t value)
{
	return json_integer((json_int_t)value);
}

/* ---- status ---- */

static json_t *
status_workers(const struct mr_worker_group *group, uint64_t now_ns)
{
	unsigned running = 0, stalled = 0;

	for (uint16_t i = 0; i < group->worker_count; i++) {
		struct mr_worker_view view;

		mr_worker_view(group->workers[i], &view);
		running += view.running;
		stalled += view.running && now_ns > view.heartbeat_ns + MR_WATCH_STALL_NS;
	}
	return json_pack("{si si si}", "count", group->worker_count, "running", running, "stalled",
			 stalled);
}

static json_t *
status_transaction(const struct mr_ctl *self)
{
	size_t waiting;
	const struct mr_txn *txn = mr_txn_current(self->engine, &waiting);

	if (!txn)
		return json_null();
	return json_pack("{ss sI sI sI sI}", "what", txn->what, "done",
			 (json_int_t)atomic_load_explicit(&txn->work_done, memory_order_relaxed),
			 "total", (json_int_t)txn->work_count, "waiting", (json_int_t)waiting,
			 "since_ns", (json_int_t)(mr_clock_now_ns() - txn->started_ns));
}

json_t *
command_status(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	const struct world *world = self->worlds.running;
	const struct mr_config *config = world->config;
	const struct mr_worker_group *group = self->box.group;
	uint64_t now_ns = mr_clock_now_ns(), records = 0;
	unsigned up = 0;

	(void)call;
	(void)error;
	for (uint16_t i = 0; i < group->port_count; i++)
		up += __atomic_load_n(&group->ports[i]->link_up, __ATOMIC_RELAXED);
	for (size_t i = 0; i < world->zone_count; i++) {
		struct mr_zone_info info;

		mr_zone_info(world->zones[i].zone, &info);
		records += info.records;
	}
	return json_pack("{ss ss si sI sI ss sb sb so s{si si} s{sI sI} sI sI so s{sI sI}}", "name",
			 config->name, "version", self->box.version ? self->box.version : "unknown",
			 "pid", (int)getpid(), "uptime_ns", (json_int_t)(now_ns - self->started_ns),
			 "generation", (json_int_t)world->shown.generation, "config", config->path,
			 "hugepages", config->memory.hugepages, "draining",
			 __atomic_load_n(&group->draining, __ATOMIC_RELAXED), "workers",
			 status_workers(group, now_ns), "ports", "count", (int)group->port_count,
			 "up", (int)up, "zones", "count", (json_int_t)world->zone_count, "records",
			 (json_int_t)records, "queries", (json_int_t)ctl_queries(self),
			 "queries_per_s", (json_int_t)self->query_rate, "transaction",
			 status_transaction(self), "transactions", "committed",
			 (json_int_t)mr_metric_read(self->metrics, MR_CONTROL_transaction_commit),
			 "failed",
			 (json_int_t)mr_metric_read(self->metrics, MR_CONTROL_transaction_fail));
}

/* ---- workers and ports ---- */

json_t *
command_show_workers(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	const struct mr_worker_group *group = self->box.group;
	struct mr_histogram *turns = calloc(1, sizeof(*turns));
	uint64_t now_ns = mr_clock_now_ns();
	json_t *list;

	(void)call;
	if (!turns) {
		(void)mr_error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	list = json_array();
	for (uint16_t i = 0; i < group->worker_count; i++) {
		struct mr_worker_view view;
		const char *state;

		mr_worker_view(group->workers[i], &view);
		memset(turns, 0, sizeof(*turns));
		if (view.turn_ns)
			mr_histogram_merge(turns, view.turn_ns);
		state = !view.running                                    ? "stopped"
			: view.asleep                                    ? "asleep"
			: now_ns > view.heartbeat_ns + MR_WATCH_STALL_NS ? "stalled"
									 : "running";
		json_array_append_new(
			list,
			json_pack("{si si ss sI sI sI sI sI sI}", "worker", (int)view.index, "cpu",
				  (int)view.cpu, "state", state, "heartbeat_ns",
				  (json_int_t)(now_ns > view.heartbeat_ns
						       ? now_ns - view.heartbeat_ns
						       : 0),
				  "generation", (json_int_t)view.generation, "turns",
				  (json_int_t)mr_histogram_count(turns), "turn_p50_ns",
				  (json_int_t)mr_histogram_quantile(turns, 0.5), "turn_p99_ns",
				  (json_int_t)mr_histogram_quantile(turns, 0.99), "turn_max_ns",
				  (json_int_t)turns->max));
	}
	free(turns);
	return json_pack("{so}", "workers", list);
}

/* turn_row adds one turn to list: stages as "name count" or, if they were timed, "name count
 * time". */
static void
turn_row(json_t *list, uint16_t worker, const char *which, const struct mr_turn_record *record,
	 uint64_t now_ns)
{
	json_t *stages = json_object();
	char text[256] = "";
	size_t used = 0;

	for (enum mr_turn_stage i = 0; i < MR_STAGES; i++) {
		char spent[MR_UNITS_TEXT_BYTES];

		json_object_set_new(stages, mr_turn_stage_name(i),
				    record->timed ? json_pack("{sI sI}", "done",
							      (json_int_t)record->done[i], "ns",
							      (json_int_t)record->stage_ns[i])
						  : json_pack("{sI}", "done",
							      (json_int_t)record->done[i]));
		if (!record->done[i] && !(record->timed && record->stage_ns[i]))
			continue;
		used += (size_t)snprintf(
			text + used, sizeof(text) - used, "%s%s %u%s%s", used ? ", " : "",
			mr_turn_stage_name(i), record->done[i], record->timed ? " in " : "",
			record->timed ? mr_units_format_duration(record->stage_ns[i], spent) : "");
	}
	json_array_append_new(list,
			      json_pack("{si ss sI sI sb ss so}", "worker", (int)worker, "which",
					which, "spent_ns", (json_int_t)record->spent_ns, "age_ns",
					(json_int_t)(now_ns - MR_MIN(record->at_ns, now_ns)),
					"timed", (int)record->timed, "did", text, "stages",
					stages));
}

json_t *
command_show_turns(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	enum { TRIES = 16 };
	const struct mr_worker_group *group = self->box.group;
	uint64_t now_ns = mr_clock_now_ns();
	json_t *list = json_array();

	(void)call;
	(void)error;
	for (uint16_t worker = 0; worker < group->worker_count; worker++) {
		struct mr_turn_record records[MR_TURN_ROWS];
		int tries = TRIES;

		while (tries && !mr_worker_turns(group->workers[worker], records))
			tries--;
		for (int row = 0; tries && row < MR_TURN_ROWS; row++)
			if (records[row].at_ns)
				turn_row(list, worker,
					 row == 0   ? "worst"
					 : row == 1 ? "worst timed"
						    : "long",
					 &records[row], now_ns);
	}
	return json_pack("{so}", "turns", list);
}

json_t *
command_show_ports(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	const struct mr_worker_group *group = self->box.group;
	json_t *list = json_array();

	(void)call;
	(void)error;
	for (uint16_t i = 0; i < group->port_count; i++) {
		const struct mr_port *port = group->ports[i];
		struct mr_port_stats stats = { 0 };
		char mac[MR_MAC_TEXT_BYTES];

		mr_port_stats(port, &stats);
		json_array_append_new(
			list,
			json_pack("{ss ss ss ss ss si si sI sI sI sI sI sI sI sI sI sI}", "name",
				  port->config.name, "kind", port->config.kind, "target",
				  port->config.target, "link",
				  __atomic_load_n(&port->link_up, __ATOMIC_RELAXED) ? "up" : "down",
				  "mac", mr_mac_format(&port->mac, mac), "mtu", (int)port->mtu,
				  "queues", (int)port->queue_count, "rx_frames",
				  (json_int_t)stats.rx_frames, "rx_bytes",
				  (json_int_t)stats.rx_bytes, "tx_frames",
				  (json_int_t)stats.tx_frames, "tx_bytes",
				  (json_int_t)stats.tx_bytes, "rx_lost",
				  (json_int_t)(stats.rx_missed + stats.rx_errors +
					       stats.rx_no_mbuf),
				  "tx_errors", (json_int_t)stats.tx_errors, "impaired",
				  (json_int_t)stats.impaired, "punt_to_kernel",
				  (json_int_t)stats.punt_to_kernel, "punt_from_kernel",
				  (json_int_t)stats.punt_from_kernel, "punt_dropped",
				  (json_int_t)stats.punt_dropped));
	}
	return json_pack("{so}", "ports", list);
}

json_t *
command_show_neighbours(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	const struct mr_worker_group *group = self->box.group;
	struct mr_net_neighbour_view views[MR_NET_NEXT_HOP_MAX];
	json_t *list = json_array();
	size_t count = 0;

	(void)call;
	(void)error;
	if (group->neighbours)
		count = mr_net_neighbours_list(group->neighbours, mr_clock_now_ns(), views,
					       MR_ARRAY_COUNT(views));
	for (size_t i = 0; i < count; i++) {
		char addr[MR_ADDR_TEXT_BYTES], mac[MR_MAC_TEXT_BYTES];
		uint16_t port = views[i].hop.interface;

		json_array_append_new(
			list,
			json_pack("{ss ss so ss ss sI}", "address",
				  mr_addr_format(&views[i].hop.addr, addr), "port",
				  port < group->port_count ? group->ports[port]->config.name : "?",
				  "vlan", mr_config_vlan_json(views[i].hop.vlan), "mac",
				  mr_mac_format(&views[i].mac, mac), "state", views[i].state,
				  "age_ns", (json_int_t)views[i].age_ns));
	}
	return json_pack("{so}", "neighbours", list);
}

/* ---- connections ---- */

enum { CONNECTION_ROWS = 1000 };

static bool
begins_with(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

/* connection_row adds one connection to list when filter wants it. */
static void
connection_row(json_t *list, const struct mr_tcp *tcp, const struct mr_tcp_view *view,
	       uint16_t worker, const char *filter)
{
	char local[MR_ADDR_TEXT_BYTES + 8], remote[MR_ADDR_TEXT_BYTES + 8],
		text[MR_ADDR_TEXT_BYTES];
	const char *state = mr_tcp_state_name(view->state);

	snprintf(local, sizeof(local), "%s:%u", mr_addr_format(&view->flow.local, text),
		 view->flow.local_port);
	snprintf(remote, sizeof(remote), "%s:%u", mr_addr_format(&view->flow.remote, text),
		 view->flow.remote_port);
	if (filter && !begins_with(state, filter) && !begins_with(local, filter) &&
	    !begins_with(remote, filter))
		return;
	json_array_append_new(list, json_pack("{si ss ss ss ss}", "worker", (int)worker, "state",
					      state, "local", local, "remote", remote, "app",
					      mr_tcp_app_name(tcp, view->app)));
}

json_t *
command_show_connections(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	const struct mr_worker_group *group = self->box.group;
	const char *filter = json_string_value(json_object_get(call->args, "filter"));
	json_t *list = json_array();
	json_int_t total = 0;

	(void)error;
	for (uint16_t i = 0; i < group->worker_count; i++) {
		const struct mr_tcp *tcp = mr_worker_tcp(group->workers[i]);

		for (uint32_t conn = 1; tcp && conn <= group->tcp.connections; conn++) {
			struct mr_tcp_view view;

			if (!mr_tcp_view(tcp, conn, &view))
				continue;
			total++;
			if (json_array_size(list) < CONNECTION_ROWS)
				connection_row(list, tcp, &view, i, filter);
		}
	}
	return json_pack("{so sI}", "connections", list, "total", total);
}

/* ---- zones ---- */

/* zone_counts adds what was asked of the zone, if it has counters of its own. */
static void
zone_counts(const struct mr_ctl *self, const struct mr_zone *zone, json_t *row)
{
	uint64_t counts[MR_DNS_ZONE_COUNTS], queries = 0;
	json_t *results;

	if (!zone->counter)
		return;
	results = json_object();
	world_counts(&self->worlds, zone->counter, counts);
	for (enum mr_dns_zone_count i = 0; i < MR_DNS_ZONE_COUNTS; i++) {
		json_object_set_new(results, mr_dns_zone_count_name(i), integer(counts[i]));
		queries += i < MR_DNS_ZONE_CLASSES ? counts[i] : 0;
	}
	json_object_set_new(row, "queries", integer(queries));
	json_object_set_new(row, "results", results);
}

json_t *
ctl_zone_json(const struct mr_ctl *self, size_t index)
{
	const struct world *world = self->worlds.running;
	const struct world_zone *zone = &world->zones[index];
	struct mr_zone_info info;
	char loaded[32];
	struct tm broken;
	json_t *row;

	mr_zone_info(zone->zone, &info);
	gmtime_r(&zone->loaded, &broken);
	strftime(loaded, sizeof(loaded), "%Y-%m-%dT%H:%M:%SZ", &broken);
	row = json_pack("{ss sI sI sI sI sI ss ss* sI}", "name",
			world->config->dns.zones[index].name, "serial", (json_int_t)info.serial,
			"records", (json_int_t)info.records, "rrsets", (json_int_t)info.rrsets,
			"names", (json_int_t)info.names, "bytes", (json_int_t)info.bytes, "loaded",
			loaded, "file", world->config->dns.zones[index].file, "load_ns",
			(json_int_t)zone->load_ns);
	zone_counts(self, zone->zone, row);
	return row;
}

json_t *
command_show_zones(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	json_t *list = json_array();

	(void)call;
	(void)error;
	for (size_t i = 0; i < self->worlds.running->zone_count; i++)
		json_array_append_new(list, ctl_zone_json(self, i));
	return json_pack("{so}", "zones", list);
}

json_t *
command_zone_list(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	return command_show_zones(self, call, error);
}

json_t *
command_zone_show(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	const char *words[MR_COMMAND_WORDS_MAX];
	size_t count = mr_command_words(json_object_get(call->args, "name"), words);
	size_t index = world_zone_find(self->worlds.running->config, words[0]);

	if (index == SIZE_MAX) {
		(void)mr_error_set(error, -ENOENT, "no zone %.300s here", words[0]);
		return NULL;
	}
	if (count > 1)
		return ctl_records_json(self, index, count - 1, words + 1, error);
	return json_pack("{so}", "zone", ctl_zone_json(self, index));
}

/* ---- counters ---- */

struct counters {
	json_t *rows; /* "net.rx_frame" -> row */
	const char *prefix;
};

/* unit_text is the metric's own name of the unit, but for times: a table has them short. */
static const char *
unit_text(enum mr_metric_unit unit)
{
	if (unit == MR_UNIT_NANOSECONDS)
		return "ns";
	return unit == MR_UNIT_SECONDS ? "s" : mr_metric_unit_name(unit);
}

static void
counters_visit(void *context, const struct mr_metric_table *table, const struct mr_metric_def *def,
	       const char *scope, uint64_t value)
{
	struct counters *self = context;
	char name[96];
	json_t *row, *total;

	snprintf(name, sizeof(name), "%s.%s", table->module, def->name);
	if (self->prefix ? strncmp(name, self->prefix, strlen(self->prefix)) != 0 : !value)
		return;
	row = json_object_get(self->rows, name);
	if (!row) {
		row = json_pack("{ss sI ss s{} ss}", "counter", name, "value", (json_int_t)0,
				"unit", unit_text(def->unit), "scopes", "help", def->help);
		json_object_set_new(self->rows, name, row);
	}
	total = json_object_get(row, "value");
	json_integer_set(total, json_integer_value(total) + (json_int_t)value);
	json_object_set_new(json_object_get(row, "scopes"), scope, integer(value));
}

json_t *
command_show_counters(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	struct counters counters = {
		.rows = json_object(),
		.prefix = json_string_value(json_object_get(call->args, "prefix")),
	};
	json_t *list = json_array(), *row;
	const char *name;

	(void)error;
	if (self->box.group->metrics)
		mr_metric_visit(self->box.group->metrics, counters_visit, &counters);
	json_object_foreach(counters.rows, name, row) json_array_append(list, row);
	json_decref(counters.rows);
	return json_pack("{so}", "counters", list);
}

/* ---- memory ---- */

/* process_bytes reads one "Name:  123 kB" line of /proc/self/status; 0 when it is not there. */
static uint64_t
process_bytes(const char *name)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long long kib = 0;
	char line[256];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)) &&
		    sscanf(line + strlen(name), ": %llu kB", &kib) == 1)
			break;
	fclose(file);
	return (uint64_t)kib * 1024;
}

/* memory_row says what one kind of object of worker takes. */
static void
memory_row(json_t *list, uint16_t worker, const char *room, const struct mr_tcp_usage *usage)
{
	char name[64];

	snprintf(name, sizeof(name), "worker%u %s %s", worker, room, usage->name);
	json_array_append_new(list,
			      json_pack("{ss sI sI sI si}", "memory", name, "used",
					(json_int_t)(usage->used * usage->object_bytes), "peak",
					(json_int_t)(usage->peak * usage->object_bytes), "limit",
					(json_int_t)(usage->limit * usage->object_bytes),
					"object_bytes", (int)usage->object_bytes));
}

/* memory_worker adds a row for each kind of what connections and requests of a worker take. */
static void
memory_worker(json_t *list, uint16_t index, const struct mr_worker *worker)
{
	const struct mr_tcp *tcp = mr_worker_tcp(worker);
	const struct mr_proxy *proxy = mr_worker_proxy(worker);
	struct mr_tcp_usage usage;

	for (enum mr_tcp_class i = 0; tcp && i < MR_TCP_CLASSES; i++) {
		mr_tcp_memory(tcp, i, &usage);
		memory_row(list, index, "tcp", &usage);
	}
	for (enum mr_proxy_pool i = 0; proxy && i < MR_PROXY_POOLS; i++) {
		mr_proxy_memory(proxy, i, &usage);
		memory_row(list, index, "proxy", &usage);
	}
}

json_t *
command_show_memory(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	const struct world *world = self->worlds.running;
	struct mr_extents_stats stats = { 0 };
	json_t *list = json_array();
	uint64_t records = 0, bytes = 0;

	(void)call;
	(void)error;
	/* A loader that is laying a zone out has the store for a moment. */
	if (!pthread_mutex_trylock(&self->worlds.store_lock)) {
		mr_zone_store_stats(self->box.store, &stats);
		pthread_mutex_unlock(&self->worlds.store_lock);
	}
	for (size_t i = 0; i < world->zone_count; i++) {
		struct mr_zone_info info;

		mr_zone_info(world->zones[i].zone, &info);
		records += info.records;
		bytes += info.bytes;
	}
	json_array_append_new(list, json_pack("{ss sI sI sI}", "memory", "zone store", "used",
					      (json_int_t)stats.used_bytes, "peak",
					      (json_int_t)stats.peak_bytes, "limit",
					      (json_int_t)stats.limit_bytes));
	for (size_t i = 0; i < self->box.pool_count; i++) {
		struct rte_mempool *pool = self->box.pools[i];
		uint64_t object = pool->elt_size + pool->header_size + pool->trailer_size;

		json_array_append_new(list, json_pack("{ss sI sI}", "memory", pool->name, "used",
						      (json_int_t)(rte_mempool_in_use_count(pool) *
								   object),
						      "limit", (json_int_t)(pool->size * object)));
	}
	for (uint16_t i = 0; i < self->box.group->worker_count; i++)
		memory_worker(list, i, self->box.group->workers[i]);
	json_array_append_new(list, json_pack("{ss sI sI}", "memory", "process (resident)", "used",
					      (json_int_t)process_bytes("VmRSS"), "peak",
					      (json_int_t)process_bytes("VmHWM")));
	json_array_append_new(list, json_pack("{ss sI}", "memory", "process (hugepages)", "used",
					      (json_int_t)process_bytes("HugetlbPages")));
	return json_pack("{so s{sI sI sf}}", "memory", list, "zones", "records",
			 (json_int_t)records, "bytes", (json_int_t)bytes, "bytes_per_record",
			 records ? (double)bytes / (double)records : 0.0);
}
