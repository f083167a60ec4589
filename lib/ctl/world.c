/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/world - the transaction that every reload is.
 */
#include "ctl/world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ctl/suggest.h"
#include "ctl/world_int.h"

/* ---- plan ---- */

size_t
world_zone_find(const struct mr_config *config, const char *name)
{
	size_t bytes = strlen(name);

	if (bytes > 1 && name[bytes - 1] == '.')
		bytes--;
	for (size_t i = 0; i < config->dns.zone_count; i++) {
		const char *zone = config->dns.zones[i].name;

		if (!strncasecmp(zone, name, bytes) && (!strcmp(zone + bytes, ".") || !zone[bytes]))
			return i;
	}
	return SIZE_MAX;
}

static int
unknown_zone(const struct mr_config *config, const char *name, struct mr_error *error)
{
	struct mr_suggest suggest = mr_suggest_start(name);

	for (size_t i = 0; i < config->dns.zone_count; i++)
		mr_suggest_offer(&suggest, config->dns.zones[i].name);
	if (suggest.best)
		return mr_error_set(error, -ENOENT, "no zone %.300s here; did you mean %s?", name,
				    suggest.best);
	return mr_error_set(error, -ENOENT, "no zone %.300s here", name);
}

/* plan_config refuses a candidate that a running instance cannot become. */
static int
plan_config(struct world_change *self, struct mr_error *error)
{
	const struct mr_config *running = self->worlds->running->config;
	char keys[MR_ERROR_TEXT_BYTES / 2] = "";
	size_t i, used = 0, count = 0;
	json_t *change;

	self->changes = mr_config_changes(running, self->config);
	json_array_foreach(self->changes, i, change)
	{
		const char *key = json_string_value(json_object_get(change, "key"));

		if (strcmp(json_string_value(json_object_get(change, "applies")), "restart"))
			continue;
		count++;
		if (used < sizeof(keys))
			used += (size_t)snprintf(keys + used, sizeof(keys) - used, "%s%s",
						 used ? ", " : "", key);
	}
	if (!count)
		return 0;
	return mr_error_set(error, -EPERM, "%s: nothing was changed: %s need%s a restart",
			    self->config->path, keys, count == 1 ? "s" : "");
}

static int
zone_order(const void *left, const void *right)
{
	const struct mr_config_zone *a = *(const struct mr_config_zone *const *)left;
	const struct mr_config_zone *b = *(const struct mr_config_zone *const *)right;

	return strcasecmp(a->name, b->name);
}

/* plan_zones shares what stays (same name, same file, not asked for) and lists what to read. */
static int
plan_zones(struct world_change *self, struct mr_error *error)
{
	const struct world *running = self->worlds->running;
	const struct mr_config_dns *to = &self->config->dns;
	const struct mr_config_dns *from = running ? &running->config->dns : NULL;
	size_t from_count = from ? from->zone_count : 0;
	const struct mr_config_zone **sorted = calloc(from_count + 1, sizeof(*sorted));

	if (!sorted)
		return mr_error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < from_count; i++)
		sorted[i] = &from->zones[i];
	qsort(sorted, from_count, sizeof(*sorted), zone_order);
	for (size_t i = 0; i < to->zone_count; i++) {
		const struct mr_config_zone *zone = &to->zones[i], **match = NULL;
		bool asked = self->kind == WORLD_ZONES &&
			     (!self->zone[0] || !strcasecmp(zone->name, self->zone));

		if (!asked && from_count)
			match = bsearch(&zone, sorted, from_count, sizeof(*sorted), zone_order);
		if (match && !strcmp((*match)->file, zone->file))
			self->next->zones[i] = running->zones[*match - from->zones];
		else
			self->works[self->txn.work_count++] = (uint32_t)i;
	}
	free(sorted);
	return 0;
}

/* Zones and roots are read again, names resolve anew, without a new configuration. */
static bool
world_same_config(const struct world_change *self)
{
	return self->kind == WORLD_ZONES || self->kind == WORLD_ROOTS || self->kind == WORLD_NAMES;
}

static int
world_plan(struct mr_txn *txn, struct mr_error *error)
{
	struct world_change *self = MR_CONTAINER_OF(txn, struct world_change, txn);
	const struct world *running = self->worlds->running;
	int rc = 0;

	txn->work_count = 0;
	if (world_same_config(self))
		self->config = running->config;
	if (self->kind == WORLD_CONFIG)
		rc = plan_config(self, error);
	if (rc)
		return rc;
	if (self->zone[0]) {
		size_t index = world_zone_find(self->config, self->zone);

		if (index == SIZE_MAX)
			return unknown_zone(self->config, self->zone, error);
		snprintf(self->zone, sizeof(self->zone), "%s", self->config->dns.zones[index].name);
	}
	self->next = calloc(1, sizeof(*self->next));
	self->works = calloc(self->config->dns.zone_count + 1, sizeof(*self->works));
	if (self->next)
		self->next->zones =
			calloc(self->config->dns.zone_count + 1, sizeof(*self->next->zones));
	if (!self->next || !self->works || !self->next->zones)
		return mr_error_set(error, -ENOMEM, "out of memory");
	self->next->worlds = self->worlds;
	self->next->config = self->config;
	self->next->zone_count = self->config->dns.zone_count;
	rc = plan_zones(self, error);
	return rc ? rc : world_roots_plan(self, error);
}

/* ---- work: loader threads ---- */

struct zone_reading {
	const struct mr_txn *txn;
	struct mr_zone_builder *builder;
};

static int
zone_record(void *context, const struct mr_zone_record *record, struct mr_error *error)
{
	const struct zone_reading *self = context;

	if (atomic_load_explicit(&self->txn->cancelled, memory_order_relaxed))
		return mr_error_set(error, -ECANCELED, "cancelled");
	return mr_zone_builder_add(self->builder, record, error);
}

static int
zone_work(struct world_change *self, uint32_t index, struct mr_error *error)
{
	const struct mr_config_zone *from = &self->config->dns.zones[index];
	struct world_zone *to = &self->next->zones[index];
	struct zone_reading reading = { .txn = &self->txn };
	uint64_t started_ns = mr_clock_now_ns();
	uint8_t origin[MR_ZONE_NAME_BYTES];
	int origin_bytes = mr_zone_name_from_text(from->name, origin), rc;

	MR_ASSERT(origin_bytes > 0); /* the configuration holds only names */
	rc = mr_zone_builder_create(&reading.builder, origin, (uint16_t)origin_bytes, error);
	if (rc)
		return rc;
	rc = mr_zone_text_read(from->file, from->name, zone_record, &reading, error);
	if (!rc) {
		struct mr_error whole = { 0 }; /* what is wrong with all of it names no line */

		pthread_mutex_lock(&self->worlds->store_lock);
		rc = mr_zone_builder_finish(reading.builder, self->worlds->box->store, &to->zone,
					    &whole);
		pthread_mutex_unlock(&self->worlds->store_lock);
		if (rc)
			rc = mr_error_set(error, rc, "%s: %s", from->file, whole.text);
	}
	mr_zone_builder_destroy(reading.builder);
	to->loaded = time(NULL);
	to->load_ns = mr_clock_now_ns() - started_ns;
	return rc;
}

static int
world_work(struct mr_txn *txn, size_t index, struct mr_error *error)
{
	struct world_change *self = MR_CONTAINER_OF(txn, struct world_change, txn);
	uint32_t work = self->works[index];

	return work & WORLD_WORK_ROOT ? world_roots_work(self, work & ~WORLD_WORK_ROOT, error)
				      : zone_work(self, work, error);
}

/* ---- assemble, apply, publish: control thread ---- */

static int
world_assemble(struct mr_txn *txn, struct mr_error *error)
{
	struct world_change *self = MR_CONTAINER_OF(txn, struct world_change, txn);
	const struct world *running = self->worlds->running;
	struct world *next = self->next;
	struct mr_zone **zones;
	int rc = 0;

	if (world_same_config(self)) { /* shared */
		next->net = running->net;
		next->sites = running->sites;
	} else {
		rc = world_net_build(self->worlds->box->group, self->config, &next->net, error);
		if (!rc)
			rc = world_roots_build(next, error);
	}
	if (!rc && (!world_same_config(self) || self->kind == WORLD_NAMES))
		rc = world_upstreams_build(next, error);
	else if (!rc)
		next->upstreams = running->upstreams;
	if (rc)
		return rc;
	zones = calloc(next->zone_count + 1, sizeof(struct mr_zone *));
	if (!zones)
		return mr_error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < next->zone_count; i++)
		zones[i] = next->zones[i].zone;
	rc = mr_zone_set_build(self->worlds->box->store, zones, next->zone_count, &next->set,
			       error);
	free(zones);
	if (rc)
		return rc;
	rc = world_counters_give(next, running, error);
	if (rc)
		return rc;
	rc = world_dns_build(&self->config->dns, self->worlds->cookie_secret, &next->dns, error);
	if (!rc)
		rc = world_zone_options(next, error);
	if (rc)
		return rc;
	next->shown = (struct mr_world){ .generation = running ? running->shown.generation + 1 : 1,
					 .net = next->net,
					 .zones = next->set,
					 .dns = &next->dns,
					 .sites = next->sites,
					 .upstreams = next->upstreams };
	world_roots_show(next);
	return 0;
}

static int
world_apply(struct mr_txn *txn, struct mr_error *error)
{
	struct world_change *self = MR_CONTAINER_OF(txn, struct world_change, txn);
	const struct world *running = self->worlds->running;

	if (world_same_config(self))
		return 0;
	return world_steer(self->worlds->box->group, self->config, running ? running->config : NULL,
			   error);
}

/* world_take_shared leaves in self only what next does not use. */
static void
world_take_shared(struct world *self, struct world *next)
{
	world_roots_keep(self, next);
	if (self->net == next->net)
		self->net = NULL;
	if (self->sites == next->sites)
		self->sites = NULL;
	if (self->upstreams == next->upstreams)
		self->upstreams = NULL;
	/* Zones keep their order in a reload; after `config load` any order is possible, so each is
	 * looked for by name in the set: a zone that the new set gives back is shared. */
	for (size_t i = 0; i < self->zone_count; i++) {
		struct mr_zone *zone = self->zones[i].zone;
		uint8_t origin[MR_ZONE_NAME_BYTES];
		int bytes = mr_zone_name_from_text(self->config->dns.zones[i].name, origin);

		if (bytes > 0 && mr_zone_set_find(next->set, origin, (uint16_t)bytes) == zone)
			self->zones[i].zone = NULL;
	}
}

static void
world_release(void *item)
{
	world_free(item);
}

static bool
world_ready(const void *item)
{
	return world_roots_idle(item);
}

static void
config_release(void *item)
{
	mr_config_free(item);
}

static void
world_publish(struct mr_txn *txn)
{
	struct world_change *self = MR_CONTAINER_OF(txn, struct world_change, txn);
	struct worlds *worlds = self->worlds;
	struct world *old = worlds->running, *next = self->next;

	mr_rcu_publish(worlds->box->world, &next->shown);
	for (size_t i = 0; i < next->zone_count; i++)
		next->zones[i].pin_is_new = false;
	worlds->running = next;
	world_counters_keep(worlds, next);
	self->next = NULL;
	self->published = true;
	if (!world_same_config(self)) {
		world_neighbours_set(worlds->box->group, self->config);
		mr_log_level_set(self->config->log.level);
	}
	if (old) {
		world_take_shared(old, next);
		mr_rcu_retire(world_release, world_ready, old);
	}
	if (self->kind != WORLD_CONFIG)
		return;
	if (worlds->owned)
		mr_rcu_retire(config_release, NULL, worlds->owned);
	worlds->owned = self->candidate;
	self->candidate = NULL;
}

static void
world_discard(struct mr_txn *txn)
{
	struct world_change *self = MR_CONTAINER_OF(txn, struct world_change, txn);
	const struct world *running = self->worlds->running;
	struct world *next = self->next;

	if (!next)
		return;
	/* Only what this change has read is its own. */
	for (size_t i = 0, work = 0; i < next->zone_count; i++) {
		struct world_zone *zone = &next->zones[i];

		if (work < txn->work_count && self->works[work] == i) {
			work++;
			continue;
		}
		zone->zone = NULL;
		if (zone->pin_is_new)
			world_pin_free(zone->pin);
	}
	world_counters_keep(self->worlds, running);
	if (running)
		world_roots_keep(next, self->worlds->running);
	if (running && next->net == running->net)
		next->net = NULL;
	if (running && next->sites == running->sites)
		next->sites = NULL;
	if (running && next->upstreams == running->upstreams)
		next->upstreams = NULL;
	world_free(next);
	self->next = NULL;
}

static void
world_done(struct mr_txn *txn, int rc, const struct mr_error *error)
{
	struct world_change *self = MR_CONTAINER_OF(txn, struct world_change, txn);
	uint64_t *metrics = self->worlds->metrics;

	if (!rc)
		mr_metric_add(metrics, MR_CONTROL_zone_load, txn->work_count);
	else if (self->kind == WORLD_ZONES)
		mr_metric_add(metrics, MR_CONTROL_zone_load_fail, 1);
	if (self->kind == WORLD_CONFIG)
		mr_metric_add(metrics, rc ? MR_CONTROL_config_load_fail : MR_CONTROL_config_load,
			      1);
	self->done(self, rc, error);
}

const struct mr_txn_ops world_ops = {
	.plan = world_plan,
	.work = world_work,
	.assemble = world_assemble,
	.apply = world_apply,
	.publish = world_publish,
	.discard = world_discard,
	.done = world_done,
};

void
world_change_release(struct world_change *self)
{
	free(self->works);
	json_decref(self->changes);
	mr_config_free(self->candidate);
	self->works = NULL;
	self->changes = NULL;
	self->candidate = NULL;
}

void
world_free(struct world *self)
{
	if (!self)
		return;
	if (self->set)
		mr_zone_set_free(self->set);
	if (self->net)
		mr_net_snapshot_free(self->net);
	mr_site_set_free(self->sites);
	mr_upstreams_free(self->upstreams);
	world_roots_free(self);
	for (size_t i = 0; i < self->zone_count; i++)
		if (self->zones[i].zone)
			world_zone_release(self->worlds, &self->zones[i]);
	free(self->zone_options);
	free(self->zones);
	free(self);
}
