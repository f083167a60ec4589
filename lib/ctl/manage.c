/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/manage - the commands that change something: zone reload, config check and load, drain, stop.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl_int.h"
#include "ctl/schema.h"

json_t *
command_drain(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	const char *state = json_string_value(json_object_get(call->args, "state"));
	bool *draining = &self->box.group->draining;
	bool on = !state || !strcmp(state, "on");

	if (!on && strcmp(state, "off")) {
		(void)mr_error_set(error, -EINVAL, "drain: on or off, not '%.64s'", state);
		return NULL;
	}
	if (*draining != on)
		mr_log(MR_LOG_NOTICE,
		       on ? "draining: health is 503, HTTP connections end" : "back in service");
	__atomic_store_n(draining, on, __ATOMIC_RELAXED);
	return json_pack("{sb}", "draining", on);
}

json_t *
command_log_reopen(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	(void)call;
	if (!self->box.group->access) {
		(void)mr_error_set(error, -ENOENT,
				   "there is no access log: access_log.file is empty");
		return NULL;
	}
	mr_site_access_reopen(self->box.group->access);
	return json_pack("{sb}", "asked", true);
}

/* A change that somebody waits for. */
struct pending {
	struct world_change change;
	struct mr_ctl *ctl;
	struct mr_call_id call;
	bool answered_to; /* false: a signal asked */
};

static json_t *
pending_zones(const struct pending *self)
{
	json_t *zones = json_array();

	for (size_t i = 0;
	     i < self->change.txn.work_count && !(self->change.works[i] & WORLD_WORK_ROOT); i++)
		json_array_append_new(zones, ctl_zone_json(self->ctl, self->change.works[i]));
	return zones;
}

static void
pending_done(struct world_change *change, int rc, const struct mr_error *error)
{
	struct pending *self = MR_CONTAINER_OF(change, struct pending, change);
	uint64_t took_ns = mr_clock_now_ns() - change->txn.started_ns;
	json_t *message;

	if (rc)
		mr_log(MR_LOG_ERROR, "%s failed: %s", change->txn.what, error->text);
	else
		mr_log(MR_LOG_NOTICE, "%s: generation %llu, %zu file%s or folder%s read in %llu ms",
		       change->txn.what,
		       (unsigned long long)self->ctl->worlds.running->shown.generation,
		       change->txn.work_count, change->txn.work_count == 1 ? "" : "s",
		       change->txn.work_count == 1 ? "" : "s",
		       (unsigned long long)(took_ns / MR_NS_PER_MS));
	if (self->answered_to) {
		if (rc)
			message = mr_rpc_failure(rc == -EBUSY ? "busy" : "failed", error->text);
		else
			message = mr_rpc_result(
				json_pack("{sI sI so sO*}", "generation",
					  (json_int_t)self->ctl->worlds.running->shown.generation,
					  "took_ns", (json_int_t)took_ns, "zones",
					  pending_zones(self), "changes", change->changes));
		mr_server_answer(self->ctl->server, self->call, message);
	}
	world_change_release(change);
	free(self);
}

static struct pending *
pending_of(struct mr_ctl *ctl, const struct mr_call *call, const char *what,
	   enum world_change_kind kind)
{
	struct pending *self = calloc(1, sizeof(*self));

	if (!self)
		return NULL;
	self->change = (struct world_change){ .txn = { .ops = &world_ops, .what = what },
					      .worlds = &ctl->worlds,
					      .kind = kind,
					      .done = pending_done };
	self->ctl = ctl;
	self->answered_to = call != NULL;
	if (call)
		self->call = call->id;
	return self;
}

void
ctl_reload(struct mr_ctl *self, const struct mr_call *call, const char *zone)
{
	struct pending *pending = pending_of(self, call, "zone reload", WORLD_ZONES);

	if (!pending) {
		if (call)
			mr_server_answer(self->server, call->id,
					 mr_rpc_failure("failed", "out of memory"));
		return;
	}
	snprintf(pending->change.zone, sizeof(pending->change.zone), "%s", zone);
	mr_txn_submit(self->engine, &pending->change.txn);
}

void
ctl_reload_root(struct mr_ctl *self, const char *folder)
{
	struct pending *pending = pending_of(self, NULL, "site reload", WORLD_ROOTS);

	if (!pending)
		return;
	snprintf(pending->change.root, sizeof(pending->change.root), "%s", folder);
	mr_txn_submit(self->engine, &pending->change.txn);
}

void
ctl_resolve(struct mr_ctl *self)
{
	struct pending *pending = pending_of(self, NULL, "names of origins", WORLD_NAMES);

	if (pending)
		mr_txn_submit(self->engine, &pending->change.txn);
	else
		self->worlds.names_changed = true; /* again at the next tick */
}

json_t *
command_zone_reload(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	const char *zone = json_string_value(json_object_get(call->args, "name"));

	(void)error;
	ctl_reload(self, call, zone && strcmp(zone, "all") ? zone : "");
	return NULL; /* pending_done answers */
}

/* candidate_load reads what may become the running configuration. */
static int
candidate_load(const struct mr_ctl *self, const struct mr_call *call, struct mr_config **candidate,
	       struct mr_error *error)
{
	const struct mr_config_control *running = &self->worlds.running->config->control;
	const char *path = json_string_value(json_object_get(call->args, "file"));
	int rc = mr_config_load(path, candidate, error);

	if (!rc && running->socket_fixed) {
		(*candidate)->control.socket_fixed = true;
		memcpy((*candidate)->control.socket, running->socket, sizeof(running->socket));
	}
	return rc;
}

json_t *
command_config_load(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	struct mr_config *candidate = NULL;
	struct pending *pending;

	if (candidate_load(self, call, &candidate, error)) {
		mr_metric_add(self->metrics, MR_CONTROL_config_load_fail, 1);
		return NULL;
	}
	pending = pending_of(self, call, "config load", WORLD_CONFIG);
	if (!pending) {
		mr_config_free(candidate);
		(void)mr_error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	pending->change.config = pending->change.candidate = candidate;
	mr_txn_submit(self->engine, &pending->change.txn);
	return NULL;
}

/* command_config_check parses and compares; zone files are read when it is loaded (or by millraced
 * --check), since reading them here would hold up the control thread. */
json_t *
command_config_check(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	const char *path = json_string_value(json_object_get(call->args, "file"));
	struct mr_config *candidate = NULL;
	json_t *changes, *change;
	bool restart = false;
	size_t i;

	if (candidate_load(self, call, &candidate, error))
		return NULL;
	if (mr_config_check_machine(candidate, error)) {
		mr_config_free(candidate);
		return NULL;
	}
	changes = mr_config_changes(self->worlds.running->config, candidate);
	mr_config_free(candidate);
	json_array_foreach(changes, i, change) restart |=
		!strcmp(json_string_value(json_object_get(change, "applies")), "restart");
	return json_pack("{ss so sb}", "file", path, "changes", changes, "needs_restart", restart);
}

json_t *
command_config_show(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	(void)call;
	(void)error;
	return json_pack("{ss so}", "file", self->worlds.running->config->path, "config",
			 mr_config_json(self->worlds.running->config));
}

json_t *
command_config_schema(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	(void)self;
	(void)call;
	(void)error;
	return json_pack("{so}", "keys", mr_schema_json());
}

json_t *
command_stop(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	(void)error;
	mr_log(MR_LOG_NOTICE, "stopping, as uid %u asks", (unsigned)call->uid);
	mr_ctl_stop(self);
	return json_pack("{sb}", "stopping", 1);
}
