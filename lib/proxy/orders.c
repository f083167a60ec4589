/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy/orders - what the operator says of origins, sees of them, and reads of them in the log.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/upstream_int.h"

/* ---- orders ---- */

static bool
order_is_for(const struct origin_order *self, const char *group, const char *host, uint16_t port)
{
	return self->used && self->port == port && !strcmp(self->group, group) &&
	       !strcmp(self->host, host);
}

enum mr_origin_admin
orders_find(const struct mr_origin_table *self, const char *group,
	    const struct mr_upstream_server *server, const struct mr_addr *addr)
{
	enum mr_origin_admin found = MR_ORIGIN_ENABLED;

	for (size_t i = 0; i < ORIGIN_ORDERS; i++) {
		const struct origin_order *order = &self->orders[i];

		if (!order_is_for(order, group, server->host, server->port))
			continue;
		if (mr_addr_equal(&order->addr, addr))
			return order->admin;
		if (mr_addr_unspecified(&order->addr))
			found = order->admin;
	}
	return found;
}

void
orders_forget(struct mr_origin_table *self, const struct mr_upstreams *running)
{
	for (size_t i = 0; i < ORIGIN_ORDERS; i++) {
		struct origin_order *order = &self->orders[i];
		const struct mr_upstream *group =
			running && order->used ? mr_upstreams_find(running, order->group) : NULL;
		bool stands = false;

		for (size_t k = 0; group && k < group->config->server_count; k++)
			stands |= order_is_for(order, group->config->name,
					       group->config->servers[k].host,
					       group->config->servers[k].port);
		order->used = stands;
	}
}

/* order_keep notes an order for all addresses of a server (addr NULL) or one; what it overrules
 * goes. */
static bool
order_keep(struct mr_origin_table *self, const char *group, const struct mr_upstream_server *server,
	   const struct mr_addr *addr, enum mr_origin_admin admin)
{
	static const struct mr_addr all;
	struct origin_order *place = NULL;

	addr = addr ? addr : &all;
	for (size_t i = 0; i < ORIGIN_ORDERS; i++) {
		struct origin_order *order = &self->orders[i];

		if (order_is_for(order, group, server->host, server->port) &&
		    (addr == &all || mr_addr_equal(&order->addr, addr)))
			order->used = false;
		if (!order->used && !place)
			place = order;
	}
	if (!place)
		return false;
	*place = (struct origin_order){
		.used = true, .admin = (uint8_t)admin, .port = server->port, .addr = *addr
	};
	memcpy(place->group, group, strlen(group) + 1);
	memcpy(place->host, server->host, sizeof(place->host));
	return true;
}

/* What an operator calls a server: host, host:port or [host]:port. */
struct asked {
	char host[MR_ORIGIN_HOST_BYTES];
	uint16_t port; /* 0: any */
	bool is_addr;
	struct mr_addr addr;
};

static bool
asked_read(const char *text, struct asked *out)
{
	const char *colon = strrchr(text, ':'), *end = text + strlen(text);
	bool bracket = *text == '[';

	*out = (struct asked){ 0 };
	if (bracket) {
		end = strchr(++text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return false;
		colon = end[1] ? end + 1 : NULL;
	} else if (colon && strchr(text, ':') != colon) {
		colon = NULL; /* an IPv6 address alone */
	} else if (colon) {
		end = colon;
	}
	if (colon) {
		char *rest;
		unsigned long port = strtoul(colon + 1, &rest, 10);

		if (rest == colon + 1 || *rest || !port || port > 65535)
			return false;
		out->port = (uint16_t)port;
	}
	if (end == text || end - text >= (ptrdiff_t)sizeof(out->host))
		return false;
	memcpy(out->host, text, (size_t)(end - text));
	out->is_addr = !mr_addr_parse(out->host, &out->addr);
	return true;
}

int
mr_origin_order(struct mr_origin_table *self, const struct mr_upstreams *running,
		const char *group_name, const char *server_text, enum mr_origin_admin admin,
		struct mr_error *error)
{
	const struct mr_upstream *group = running ? mr_upstreams_find(running, group_name) : NULL;
	struct asked asked;
	bool servers[MR_UPSTREAM_SERVER_MAX] = { false }, kept = true, named = false;
	int count = 0;

	if (!group)
		return mr_error_set(error, -ENOENT, "there is no upstream %.64s", group_name);
	if (!asked_read(server_text, &asked))
		return mr_error_set(error, -EINVAL, "'%.300s' is not a server", server_text);
	for (size_t i = 0; i < group->config->server_count; i++) {
		const struct mr_upstream_server *server = &group->config->servers[i];

		servers[i] = (!asked.port || asked.port == server->port) &&
			     (server->is_name
				      ? !strcasecmp(server->host, asked.host)
				      : asked.is_addr && mr_addr_equal(&server->addr, &asked.addr));
		named |= servers[i];
		if (servers[i])
			kept &= order_keep(self, group_name, server, NULL, admin);
	}
	for (uint16_t i = 0; i < group->origin_count; i++) {
		const struct mr_origin *origin = &group->origins[i];
		const struct mr_upstream_server *server = &group->config->servers[origin->server];
		bool one = asked.is_addr && mr_addr_equal(&origin->addr, &asked.addr) &&
			   (!asked.port || asked.port == origin->port);

		if (!servers[origin->server] && !one)
			continue;
		if (!servers[origin->server])
			kept &= order_keep(self, group_name, server, &origin->addr, admin);
		__atomic_store_n(&origin->shared->admin, (uint8_t)admin, __ATOMIC_RELAXED);
		count++;
	}
	if (!count && !named)
		return mr_error_set(error, -ENOENT, "upstream %s has no server %.300s", group_name,
				    server_text);
	if (!kept)
		return mr_error_set(error, -ENOSPC,
				    "done, but more than %d orders are not kept across reloads",
				    ORIGIN_ORDERS);
	return count;
}

/* ---- views ---- */

const char *
mr_origin_admin_name(enum mr_origin_admin admin)
{
	static const char *const names[] = { "enabled", "drained", "disabled" };

	return admin <= MR_ORIGIN_DISABLED ? names[admin] : "-";
}

const char *
mr_origin_health_name(enum mr_origin_health health)
{
	static const char *const names[] = { "unknown", "up", "down" };

	return health <= MR_ORIGIN_DOWN ? names[health] : "-";
}

void
mr_origin_view(const struct mr_origin_table *self, const struct mr_upstream *group,
	       const struct mr_origin *origin, uint64_t now_ns, struct mr_origin_view *out)
{
	const struct mr_origin_shared *shared = origin->shared;
	uint64_t average_us = 0, averages = 0;

	*out = (struct mr_origin_view){
		.server = &group->config->servers[origin->server],
		.addr = origin->addr,
		.takes = mr_origin_takes(origin),
		.admin = __atomic_load_n(&shared->admin, __ATOMIC_RELAXED),
		.health = __atomic_load_n(&shared->health, __ATOMIC_RELAXED),
		.last_result = __atomic_load_n(&shared->last_result, __ATOMIC_RELAXED),
		.last_status = __atomic_load_n(&shared->last_status, __ATOMIC_RELAXED),
		.checks = __atomic_load_n(&shared->checks, __ATOMIC_RELAXED),
		.checks_failed = __atomic_load_n(&shared->checks_failed, __ATOMIC_RELAXED),
		.ejections = __atomic_load_n(&shared->ejections, __ATOMIC_RELAXED),
		.checked_ns = __atomic_load_n(&shared->checked_ns, __ATOMIC_RELAXED),
		.ejected_until_ns = __atomic_load_n(&shared->ejected_until_ns, __ATOMIC_RELAXED),
		.weight = origin_weight(group, origin, now_ns),
	};
	for (uint16_t i = 0; i < self->worker_count; i++) {
		const struct mr_origin_worker *line = &self->workers[i][origin->ref.slot];
		uint32_t average = __atomic_load_n(&line->average_us, __ATOMIC_RELAXED);

		if (__atomic_load_n(&line->generation, __ATOMIC_RELAXED) != origin->ref.generation)
			continue; /* this worker has not asked it yet */
		out->active += __atomic_load_n(&line->active, __ATOMIC_RELAXED);
		out->open += __atomic_load_n(&line->open, __ATOMIC_RELAXED);
		out->exchanges += __atomic_load_n(&line->exchanges, __ATOMIC_RELAXED);
		out->failed += __atomic_load_n(&line->failed, __ATOMIC_RELAXED);
		out->connect_failed += __atomic_load_n(&line->connect_failed, __ATOMIC_RELAXED);
		average_us += average;
		averages += average != 0;
	}
	out->average_us = averages ? average_us / averages : 0;
}

/* ---- the log ---- */

static void
origin_tell(struct origin_owner *owner, const char *group, const struct mr_origin *origin)
{
	const struct mr_origin_shared *shared = origin->shared;
	uint8_t health = __atomic_load_n(&shared->health, __ATOMIC_RELAXED);
	bool ejected = __atomic_load_n(&shared->ejected_until_ns, __ATOMIC_RELAXED) != 0;
	char addr[MR_ADDR_TEXT_BYTES];

	mr_addr_format(&origin->addr, addr);
	if (health != owner->seen_health)
		mr_log(health == MR_ORIGIN_DOWN ? MR_LOG_WARNING : MR_LOG_NOTICE,
		       "upstream %s: %s port %u is %s (last check: %s)", group, addr, origin->port,
		       mr_origin_health_name(health),
		       mr_check_result_name(
			       __atomic_load_n(&shared->last_result, __ATOMIC_RELAXED)));
	if (ejected != owner->seen_ejected)
		mr_log(ejected ? MR_LOG_WARNING : MR_LOG_NOTICE, "upstream %s: %s port %u is %s",
		       group, addr, origin->port,
		       ejected ? "ejected: too many failures in a row" : "back after its ejection");
	owner->seen_health = health;
	owner->seen_ejected = ejected;
}

void
mr_origin_table_tell(struct mr_origin_table *self, const struct mr_upstreams *running)
{
	for (uint32_t i = 0; running && i < running->origin_count; i++) {
		const struct mr_origin *origin = &running->origins[i];

		origin_tell(&self->owners[origin->ref.slot],
			    running->groups[origin->group].config->name, origin);
	}
}
