/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/world_upstreams - groups of origins: their part of a world, and what is done for them ten
 * times a second.
 */
#include "ctl/ctl_int.h"
#include "ctl/names.h"
#include "ctl/world_int.h"

static struct mr_origin_addrs
resolve(void *context, const char *name)
{
	return names_addrs(context, name);
}

int
world_upstreams_build(struct world *next, struct mr_error *error)
{
	struct worlds *worlds = next->worlds;
	struct mr_origin_table *table = worlds->box->group->origins;
	struct mr_upstreams_input input = { .groups = next->config->upstreams,
					    .group_count = next->config->upstream_count,
					    .resolve = resolve,
					    .context = worlds->names,
					    .now_ns = mr_clock_now_ns() };

	if (!table)
		return 0;
	mr_config_way(next->config, true, &input.way_v4);
	mr_config_way(next->config, false, &input.way_v6);
	return mr_upstreams_build(table, &input, &next->upstreams, error);
}

void
ctl_upstreams_tick(struct mr_ctl *self, uint64_t now_ns)
{
	struct worlds *worlds = &self->worlds;
	const struct world *running = worlds->running;
	struct mr_error error = { 0 };

	if (!self->box.group->origins)
		return;
	mr_origin_table_tick(self->box.group->origins, running->upstreams, now_ns);
	mr_origin_table_tell(self->box.group->origins, running->upstreams);
	if (worlds->names_of != running->config) {
		if (names_want(worlds->names, running->config, &error))
			mr_log(MR_LOG_ERROR, "%s", error.text);
		worlds->names_of = running->config;
	}
	if (names_tick(worlds->names, now_ns))
		worlds->names_changed = true;
	/* One change at a time, as each sees what the one before has done. */
	if (worlds->names_changed && !mr_txn_current(self->engine, &(size_t){ 0 })) {
		worlds->names_changed = false;
		ctl_resolve(self);
	}
}
