/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/proxy/groups - one group of origins.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "groups.h"

struct mr_upstream_server
groups_server(unsigned index, int weight)
{
	struct mr_upstream_server server = { .port = 80,
					     .weight = (uint16_t)abs(weight),
					     .backup = weight < 0 };

	snprintf(server.host, sizeof(server.host), "192.0.2.%u", index + 1);
	assert_int_equal(mr_addr_parse(server.host, &server.addr), 0);
	return server;
}

static struct mr_origin_addrs
resolve_nothing(void *context, const char *name)
{
	(void)context;
	(void)name;
	return (struct mr_origin_addrs){ NULL, 0 };
}

void
groups_reload(struct groups *self)
{
	struct mr_upstreams_input input = { .groups = &self->config,
					    .group_count = 1,
					    .resolve = resolve_nothing,
					    .way_v4.known = true,
					    .way_v6.known = true,
					    .now_ns = self->now_ns };
	struct mr_upstreams *next;
	struct mr_error error = { 0 };

	assert_int_equal(mr_upstreams_build(self->table, &input, &next, &error), 0);
	mr_upstreams_free(self->now);
	self->now = next;
	for (uint16_t i = 0; i < self->worker_count; i++)
		self->workers[i].upstreams = next;
}

void
groups_open(struct groups *self, enum mr_upstream_policy policy, const int *weights,
	    uint16_t worker_count)
{
	struct mr_error error = { 0 };

	*self = (struct groups){ .worker_count = worker_count, .now_ns = 1000 * MR_NS_PER_S };
	self->config = (struct mr_upstream_config){ .name = "app",
						    .servers = self->servers,
						    .policy = policy,
						    .check.kind = MR_UPSTREAM_CHECK_TCP };
	for (; weights[self->config.server_count]; self->config.server_count++)
		self->servers[self->config.server_count] =
			groups_server((unsigned)self->config.server_count,
				      weights[self->config.server_count]);
	assert_int_equal(mr_origin_table_create(&self->table, worker_count, &error), 0);
	for (uint16_t i = 0; i < worker_count; i++)
		mr_upstream_worker_create(&self->workers[i], self->table, i, 42 + i);
	groups_reload(self);
}

void
groups_close(struct groups *self)
{
	mr_upstreams_free(self->now);
	mr_origin_table_destroy(self->table);
}

const struct mr_upstream *
groups_group(const struct groups *self)
{
	return mr_upstreams_at(self->now, 0);
}

static const struct mr_origin *
origin_of(const struct groups *self, unsigned index)
{
	const struct mr_upstream *group = groups_group(self);

	for (uint16_t i = 0; i < group->origin_count; i++)
		if (group->origins[i].server == index)
			return &group->origins[i];
	fail();
	return NULL;
}

struct mr_origin_shared *
groups_shared(const struct groups *self, unsigned index)
{
	return origin_of(self, index)->shared;
}

struct mr_origin_ref
groups_ref(const struct groups *self, unsigned index)
{
	return origin_of(self, index)->ref;
}

int
groups_pick(struct groups *self, uint64_t key, struct mr_upstream_tried *tried,
	    struct mr_origin_ref *ref)
{
	struct mr_upstream_tried none = { { 0 } };
	const struct mr_origin *origin;
	enum mr_upstream_verdict verdict =
		mr_upstream_pick(groups_group(self), &self->workers[0], key, tried ? tried : &none,
				 self->now_ns, &origin);

	assert_int_equal(verdict == MR_UPSTREAM_PICKED, origin != NULL);
	if (!origin)
		return -1;
	if (ref)
		*ref = origin->ref;
	return origin->server;
}

void
groups_report(struct groups *self, unsigned worker, struct mr_origin_ref ref,
	      enum mr_origin_outcome outcome)
{
	mr_origin_report(&self->workers[worker], ref, outcome, 0, self->now_ns);
}

int
groups_ask(struct groups *self, uint64_t key)
{
	struct mr_origin_ref ref;
	int server = groups_pick(self, key, NULL, &ref);

	if (server >= 0)
		groups_report(self, 0, ref, MR_ORIGIN_OK);
	return server;
}
