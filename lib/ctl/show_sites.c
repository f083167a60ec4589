/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/show_sites - the sites that are served, and what their roots hold.
 */
#include <stdio.h>
#include <string.h>

#include "ctl/command.h"
#include "ctl/config_int.h"
#include "ctl/ctl_int.h"

enum { LIST_TEXT_BYTES = 512 };

static json_t *
listens_json(const struct mr_site_config *site)
{
	char all[LIST_TEXT_BYTES] = "", one[CONFIG_LISTEN_BYTES];
	size_t used = 0;

	for (size_t i = 0; i < site->listen_count && used < sizeof(all); i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", i ? " " : "",
					 config_listen_text(&site->listens[i], one));
	return json_string(all);
}

static json_t *
hosts_json(const struct mr_site_config *site)
{
	char all[LIST_TEXT_BYTES] = "";
	size_t used = 0;

	for (size_t i = 0; i < site->host_count && used < sizeof(all); i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", i ? " " : "",
					 site->hosts[i]);
	return json_string(all);
}

/* site_roots adds up the roots of a site, each once. */
static void
site_roots(const struct world *world, const struct mr_site_config *site,
	   struct mr_site_tree_info *sum)
{
	*sum = (struct mr_site_tree_info){ 0 };
	for (size_t i = 0; i < world->root_count; i++) {
		struct mr_site_tree_info info;
		bool mine = false;

		for (size_t k = 0; k < site->route_count && !mine; k++)
			mine = !strcmp(site->routes[k].root, world->roots[i].folder);
		if (!mine)
			continue;
		mr_site_tree_info(world->roots[i].tree, &info);
		sum->files += info.files;
		sum->skipped += info.skipped;
		sum->byte_count += info.byte_count;
	}
}

json_t *
command_show_sites(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	const struct world *world = self->worlds.running;
	json_t *list = json_array();

	(void)call;
	(void)error;
	for (size_t i = 0; i < world->config->site_count; i++) {
		const struct mr_site_config *site = &world->config->sites[i];
		struct mr_site_tree_info roots;

		site_roots(world, site, &roots);
		json_array_append_new(list, json_pack("{ss so so sI sI sI sI}", "name", site->name,
						      "listen", listens_json(site), "hosts",
						      hosts_json(site), "routes",
						      (json_int_t)site->route_count, "files",
						      (json_int_t)roots.files, "bytes",
						      (json_int_t)roots.byte_count, "skipped",
						      (json_int_t)roots.skipped));
	}
	return json_pack("{so}", "sites", list);
}
