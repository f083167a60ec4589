/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy/upstream - snapshots of groups, and the slots that outlive them.
 */
#include "proxy/upstream_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/proxy_protocol.h"

enum { CHECK_REQUEST_BYTES = 2048 };

/* ---- the table ---- */

int
mr_origin_table_create(struct mr_origin_table **out, uint16_t worker_count, struct mr_error *error)
{
	size_t bytes = MR_ORIGIN_SLOTS * sizeof(struct mr_origin_worker);
	struct mr_origin_table *self = aligned_alloc(MR_CACHE_LINE, sizeof(*self));

	MR_ASSERT(worker_count > 0 && worker_count <= MR_WORKER_MAX);
	if (!self)
		return mr_error_set(error, -ENOMEM, "no memory for the table of origins");
	memset(self, 0, sizeof(*self));
	self->worker_count = worker_count;
	for (uint16_t i = 0; i < worker_count; i++) {
		self->workers[i] = aligned_alloc(MR_CACHE_LINE, bytes);
		if (!self->workers[i]) {
			mr_origin_table_destroy(self);
			return mr_error_set(error, -ENOMEM, "no memory for the table of origins");
		}
		memset(self->workers[i], 0, bytes);
	}
	*out = self;
	return 0;
}

void
mr_origin_table_destroy(struct mr_origin_table *self)
{
	if (!self)
		return;
	for (uint16_t i = 0; i < self->worker_count; i++)
		free(self->workers[i]);
	free(self);
}

/* slot_find gives the slot of an origin; 0: it has none. */
static uint16_t
slot_find(const struct mr_origin_table *self, uint16_t group_slot,
	  const struct mr_upstream_server *server, const struct mr_addr *addr)
{
	for (uint16_t i = 1; i < MR_ORIGIN_SLOTS; i++) {
		const struct origin_owner *owner = &self->owners[i];

		if (owner->used && owner->group_slot == group_slot && owner->port == server->port &&
		    mr_addr_equal(&owner->addr, addr) && !strcmp(owner->host, server->host))
			return i;
	}
	return 0;
}

/* slot_take gives a free slot to an origin; 0: there is none. A slot that has just come free is the
 * last to be taken again. */
static uint16_t
slot_take(struct mr_origin_table *self, uint16_t group_slot,
	  const struct mr_upstream_server *server, const struct mr_addr *addr, uint64_t since_ns)
{
	enum mr_origin_admin admin = orders_find(self, self->groups[group_slot].name, server, addr);

	for (uint16_t tries = 1; tries < MR_ORIGIN_SLOTS; tries++) {
		uint16_t slot = 1 + self->next_slot;
		struct mr_origin_shared *shared = &self->shared[slot];
		struct origin_owner *owner = &self->owners[slot];

		self->next_slot = (uint16_t)((self->next_slot + 1) % (MR_ORIGIN_SLOTS - 1));
		if (owner->used)
			continue;
		*owner = (struct origin_owner){
			.used = true, .group_slot = group_slot, .port = server->port, .addr = *addr
		};
		memcpy(owner->host, server->host, sizeof(owner->host));
		/* Nobody reads it: no snapshot has it. */
		*shared = (struct mr_origin_shared){ .generation = shared->generation + 1,
						     .admin = (uint8_t)admin,
						     .since_ns = since_ns };
		return slot;
	}
	return 0;
}

/* group_slot_take finds what the group of this name shares, or makes it; UINT16_MAX: no place. */
static uint16_t
group_slot_take(struct mr_origin_table *self, const char *name, bool *fresh)
{
	uint16_t found = UINT16_MAX;

	*fresh = false;
	for (uint16_t i = 0; i < MR_ARRAY_COUNT(self->groups); i++) {
		struct upstream_shared *group = &self->groups[i];

		if (group->name[0] && !strcmp(group->name, name))
			found = i;
	}
	for (uint16_t i = 0; found == UINT16_MAX && i < MR_ARRAY_COUNT(self->groups); i++) {
		if (self->groups[i].name[0])
			continue;
		memset(&self->groups[i], 0, sizeof(self->groups[i]));
		memcpy(self->groups[i].name, name, strlen(name) + 1);
		*fresh = true;
		found = i;
	}
	if (found != UINT16_MAX)
		self->groups[found].snapshots++;
	return found;
}

/* ---- memory of a snapshot ---- */

static void *
block_take(struct mr_upstreams *self, size_t bytes)
{
	struct upstream_block *block = calloc(1, sizeof(*block) + bytes);

	if (!block)
		return NULL;
	block->next = self->blocks;
	self->blocks = block;
	return block->bytes;
}

/* text_copy: a text that is not there stays so. */
static bool
text_copy(struct mr_upstreams *self, const char **text)
{
	size_t bytes = *text ? strlen(*text) + 1 : 0;
	char *copy = *text ? block_take(self, bytes) : NULL;

	if (!*text)
		return true;
	if (!copy)
		return false;
	memcpy(copy, *text, bytes);
	*text = copy;
	return true;
}

static const struct mr_upstream_config *
config_copy(struct mr_upstreams *self, const struct mr_upstream_config *from)
{
	struct mr_upstream_config *copy = block_take(self, sizeof(*copy));
	struct mr_upstream_server *servers =
		block_take(self, (from->server_count + 1) * sizeof(*servers));

	struct mr_upstream_status *statuses =
		block_take(self, (from->check.status_count + 1) * sizeof(*statuses));

	if (!copy || !servers || !statuses)
		return NULL;
	*copy = *from;
	for (size_t i = 0; i < from->server_count; i++)
		servers[i] = from->servers[i];
	for (size_t i = 0; i < from->check.status_count; i++)
		statuses[i] = from->check.statuses[i];
	copy->servers = servers;
	copy->check.statuses = statuses;
	return text_copy(self, &copy->key_header) && text_copy(self, &copy->check.path) &&
			       text_copy(self, &copy->check.host) &&
			       text_copy(self, &copy->check.body)
		       ? copy
		       : NULL;
}

/* ---- building ---- */

/* What one build knows beside its snapshot. */
struct building {
	struct mr_upstreams *self;
	const struct mr_upstreams_input *input;
	struct mr_error *error;
	bool told;  /* that a group has too many */
	bool fresh; /* the group in hand was not there before: it does not start slowly */
};

/* origin_listed: two servers of one name, or a name with an address twice, are one origin. */
static bool
origin_listed(const struct mr_upstreams *self, const struct mr_upstream *group, uint16_t slot)
{
	return self->by_slot[slot] && &self->origins[self->by_slot[slot] - 1] >= group->origins;
}

/* check_request_make writes what an HTTP check of origin sends. */
static int
check_request_make(struct mr_upstreams *self, const struct mr_upstream *group,
		   struct mr_origin *origin)
{
	const struct mr_upstream_check_config *config = &group->config->check;
	const struct mr_upstream_server *server = &group->config->servers[origin->server];
	bool v6 = !server->is_name && !mr_addr_is_v4(&origin->addr);
	const struct mr_proxy_header nobody = { .local = true };
	char host[MR_ORIGIN_HOST_BYTES + 16], *text;
	struct mr_writer out;
	int bytes, announce_bytes;

	if (config->kind != MR_UPSTREAM_CHECK_HTTP)
		return 0;
	bytes = snprintf(host, sizeof(host), v6 ? "[%s]" : "%s", server->host);
	if (server->port != 80)
		snprintf(host + bytes, sizeof(host) - (size_t)bytes, ":%u", server->port);
	text = block_take(self, CHECK_REQUEST_BYTES);
	if (!text)
		return -ENOMEM;
	out = mr_writer_over(text, CHECK_REQUEST_BYTES);
	if (group->config->announce == MR_UPSTREAM_ANNOUNCE_V1)
		mr_proxy_header_write_v1(&out, &nobody);
	else if (group->config->announce == MR_UPSTREAM_ANNOUNCE_V2)
		mr_proxy_header_write_v2(&out, &nobody);
	announce_bytes = (int)(out.at - (uint8_t *)text);
	bytes = snprintf(text + announce_bytes, (size_t)(CHECK_REQUEST_BYTES - announce_bytes),
			 "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: millrace-check\r\n"
			 "Connection: close\r\n\r\n",
			 config->path ? config->path : "/", config->host ? config->host : host);
	bytes += announce_bytes;
	MR_ASSERT(bytes < CHECK_REQUEST_BYTES); /* the schema bounds path and host */
	origin->check_request = text;
	origin->check_request_bytes = (uint16_t)bytes;
	return 0;
}

/* origin_add appends one origin to the group that is being built. */
static int
origin_add(struct building *building, struct mr_upstream *group, uint16_t server_index,
	   const struct mr_addr *addr)
{
	struct mr_upstreams *self = building->self;
	const struct mr_upstream_server *server = &group->config->servers[server_index];
	struct mr_origin_table *table = self->table;
	uint32_t workers = table->worker_count;
	struct mr_origin *origin = &self->origins[self->origin_count];
	uint16_t slot = slot_find(table, group->slot, server, addr);

	if (slot && origin_listed(self, group, slot))
		return 0;
	if (group->origin_count == MR_UPSTREAM_ORIGIN_MAX) {
		if (!building->told)
			mr_log(MR_LOG_WARNING,
			       "upstream %s: more than %d origins; the rest is not used",
			       group->config->name, MR_UPSTREAM_ORIGIN_MAX);
		building->told = true;
		return 0;
	}
	if (!slot)
		slot = slot_take(table, group->slot, server, addr,
				 building->fresh ? 0 : building->input->now_ns);
	if (!slot)
		return mr_error_set(building->error, -ENOSPC,
				    "upstream %s: more than %d origins on this box, with those "
				    "that are leaving",
				    group->config->name, MR_ORIGIN_SLOTS - 1);
	table->owners[slot].snapshots++;
	table->owners[slot].leaving = false;
	*origin = (struct mr_origin){
		.ref = { slot, table->shared[slot].generation },
		.way = mr_addr_is_v4(addr) ? building->input->way_v4 : building->input->way_v6,
		.addr = *addr,
		.port = server->port,
		.weight = server->weight,
		.backup = server->backup,
		.group = (uint16_t)group->index,
		.server = server_index,
		.active_limit = server->max_exchanges
					? (server->max_exchanges + workers - 1) / workers
					: UINT32_MAX,
		.shared = &table->shared[slot],
		.checked = group->config->check.kind != MR_UPSTREAM_CHECK_OFF,
	};
	self->by_slot[slot] = (uint16_t)++self->origin_count;
	group->origin_count++;
	group->backup_count += server->backup;
	return check_request_make(self, group, origin)
		       ? mr_error_set(building->error, -ENOMEM, "out of memory")
		       : 0;
}

static int
servers_add(struct building *building, struct mr_upstream *group, bool backup)
{
	int rc = 0;

	for (uint16_t i = 0; i < group->config->server_count && !rc; i++) {
		const struct mr_upstream_server *server = &group->config->servers[i];
		struct mr_origin_addrs found = { &server->addr, 1 };

		if (server->backup != backup)
			continue;
		if (server->is_name)
			found = building->input->resolve(building->input->context, server->host);
		for (size_t k = 0; k < found.count && !rc; k++)
			rc = origin_add(building, group, i, &found.addrs[k]);
	}
	return rc;
}

static int
maglev_add(struct building *building, struct mr_upstream *group)
{
	uint32_t primary_count = group->origin_count - group->backup_count;

	for (int tier = 0; tier < 2; tier++) {
		uint32_t count = tier ? group->backup_count : primary_count;
		uint8_t *table;

		if (!count)
			continue;
		table = block_take(building->self, MR_MAGLEV_SIZE);
		if (!table)
			return -ENOMEM;
		maglev_build(group->origins + (tier ? primary_count : 0), count, table);
		group->maglev[tier] = table;
	}
	return 0;
}

static int
group_add(struct building *building, const struct mr_upstream_config *from)
{
	struct mr_upstreams *self = building->self;
	struct mr_upstream *group = &self->groups[self->group_count];
	int rc;

	group->config = config_copy(self, from);
	if (!group->config)
		return mr_error_set(building->error, -ENOMEM, "out of memory");
	group->slot = group_slot_take(self->table, from->name, &building->fresh);
	if (group->slot == UINT16_MAX)
		return mr_error_set(building->error, -ENOSPC,
				    "upstream %s: too many groups, with those that are leaving",
				    from->name);
	group->index = self->group_count++;
	group->origins = &self->origins[self->origin_count];
	rc = servers_add(building, group, false);
	if (!rc)
		rc = servers_add(building, group, true);
	group->eject_limit =
		(uint16_t)(group->origin_count * group->config->ejection.max_percent / 100);
	if (!rc && group->config->policy == MR_UPSTREAM_HASH && maglev_add(building, group))
		rc = mr_error_set(building->error, -ENOMEM, "out of memory");
	return rc;
}

int
mr_upstreams_build(struct mr_origin_table *table, const struct mr_upstreams_input *input,
		   struct mr_upstreams **out, struct mr_error *error)
{
	struct mr_upstreams *self = calloc(1, sizeof(*self));
	struct building building = { .self = self, .input = input, .error = error };
	int rc = 0;

	MR_ASSERT(input->group_count <= MR_UPSTREAM_MAX);
	if (!self)
		return mr_error_set(error, -ENOMEM, "out of memory");
	self->table = table;
	self->groups = block_take(self, (input->group_count + 1) * sizeof(*self->groups));
	self->origins = block_take(self, MR_ORIGIN_SLOTS * sizeof(*self->origins));
	if (!self->groups || !self->origins)
		rc = mr_error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < input->group_count && !rc; i++)
		rc = group_add(&building, &input->groups[i]);
	if (rc) {
		mr_upstreams_free(self);
		return rc;
	}
	*out = self;
	return 0;
}

void
mr_upstreams_free(struct mr_upstreams *self)
{
	if (!self)
		return;
	for (uint32_t i = 0; i < self->origin_count; i++) {
		struct origin_owner *owner = &self->table->owners[self->origins[i].ref.slot];

		if (!--owner->snapshots)
			owner->leaving = true;
	}
	for (uint32_t i = 0; i < self->group_count; i++)
		self->table->groups[self->groups[i].slot].snapshots--;
	while (self->blocks) {
		struct upstream_block *next = self->blocks->next;

		free(self->blocks);
		self->blocks = next;
	}
	free(self);
}

/* ---- looking ---- */

uint32_t
mr_upstreams_count(const struct mr_upstreams *self)
{
	return self->group_count;
}

const struct mr_upstream *
mr_upstreams_at(const struct mr_upstreams *self, uint32_t index)
{
	return index < self->group_count ? &self->groups[index] : NULL;
}

const struct mr_upstream *
mr_upstreams_find(const struct mr_upstreams *self, const char *name)
{
	for (uint32_t i = 0; i < self->group_count; i++)
		if (!strcmp(self->groups[i].config->name, name))
			return &self->groups[i];
	return NULL;
}

const struct mr_origin *
mr_upstreams_origin(const struct mr_upstreams *self, struct mr_origin_ref ref,
		    const struct mr_upstream **group)
{
	const struct mr_origin *origin;

	if (!self || ref.slot >= MR_ORIGIN_SLOTS || !self->by_slot[ref.slot])
		return NULL;
	origin = &self->origins[self->by_slot[ref.slot] - 1];
	if (origin->ref.generation != ref.generation)
		return NULL;
	if (group)
		*group = &self->groups[origin->group];
	return origin;
}

bool
mr_origin_keeps(const struct mr_upstreams *upstreams, struct mr_origin_ref ref)
{
	const struct mr_origin *origin = mr_upstreams_origin(upstreams, ref, NULL);

	return origin &&
	       __atomic_load_n(&origin->shared->admin, __ATOMIC_RELAXED) != MR_ORIGIN_DISABLED;
}

/* ---- ten times a second ---- */

/* slot_others tells each worker what the others have on this slot, and returns what all have on
 * it: exchanges and connections. */
static uint64_t
slot_others(struct mr_origin_table *self, uint16_t slot)
{
	uint32_t counts[MR_WORKER_MAX];
	uint64_t all = 0, open = 0;

	for (uint16_t i = 0; i < self->worker_count; i++) {
		struct mr_origin_worker *worker = &self->workers[i][slot];

		counts[i] = __atomic_load_n(&worker->active, __ATOMIC_RELAXED);
		all += counts[i];
		open += __atomic_load_n(&worker->open, __ATOMIC_RELAXED);
	}
	for (uint16_t i = 0; i < self->worker_count; i++)
		__atomic_store_n(&self->workers[i][slot].others, (uint32_t)(all - counts[i]),
				 __ATOMIC_RELAXED);
	return all + open;
}

/* slot_return ends an ejection whose time is over, and forgives one that is long past. */
static void
slot_return(struct mr_origin_table *self, uint16_t slot, const struct mr_upstream *group,
	    uint64_t now_ns)
{
	struct mr_origin_shared *shared = &self->shared[slot];
	struct origin_owner *owner = &self->owners[slot];
	uint64_t until_ns = __atomic_load_n(&shared->ejected_until_ns, __ATOMIC_RELAXED);
	uint16_t times = __atomic_load_n(&shared->eject_times, __ATOMIC_RELAXED);

	/* Out of every snapshot it is out of the count, too. */
	if (until_ns && (now_ns >= until_ns || !group)) {
		__atomic_store_n(&shared->since_ns, now_ns, __ATOMIC_RELAXED);
		__atomic_store_n(&shared->ejected_until_ns, 0, __ATOMIC_RELAXED);
		__atomic_sub_fetch(&self->groups[owner->group_slot].ejected, 1, __ATOMIC_RELAXED);
		owner->returned_ns = now_ns;
		return;
	}
	if (until_ns || !times || !group ||
	    now_ns - owner->returned_ns < group->config->ejection.time_ns)
		return;
	__atomic_store_n(&shared->eject_times, (uint16_t)(times - 1), __ATOMIC_RELAXED);
	owner->returned_ns = now_ns;
}

/* groups_leave gives back what no snapshot and no slot needs. */
static void
groups_leave(struct mr_origin_table *self)
{
	bool needed[MR_ARRAY_COUNT(self->groups)] = { false };

	for (uint16_t slot = 1; slot < MR_ORIGIN_SLOTS; slot++)
		if (self->owners[slot].used)
			needed[self->owners[slot].group_slot] = true;
	for (size_t i = 0; i < MR_ARRAY_COUNT(self->groups); i++)
		if (!needed[i] && !self->groups[i].snapshots)
			self->groups[i].name[0] = 0;
}

void
mr_origin_table_tick(struct mr_origin_table *self, const struct mr_upstreams *running,
		     uint64_t now_ns)
{
	bool left = false;

	for (uint16_t slot = 1; slot < MR_ORIGIN_SLOTS; slot++) {
		struct origin_owner *owner = &self->owners[slot];
		struct mr_origin_ref ref = { slot, self->shared[slot].generation };
		const struct mr_upstream *group = NULL;
		uint64_t busy;

		if (!owner->used)
			continue;
		(void)mr_upstreams_origin(running, ref, &group);
		busy = slot_others(self, slot);
		slot_return(self, slot, group, now_ns);
		if (!owner->leaving || busy)
			continue;
		owner->used = false;
		left = true;
	}
	if (!left)
		return;
	groups_leave(self);
	orders_forget(self, running);
}
