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

static json_t *
site_json(const struct mr_site_config *site, const struct mr_site_tree_info *roots,
	  const struct mr_site_page *page)
{
	const uint64_t *counts = page->counts;

	return json_pack("{ss so so sI sI sI sI sI sI sI sI sI sI sI sI}", "name", site->name,
			 "listen", listens_json(site), "hosts", hosts_json(site), "routes",
			 (json_int_t)site->route_count, "files", (json_int_t)roots->files, "bytes",
			 (json_int_t)roots->byte_count, "skipped", (json_int_t)roots->skipped,
			 "requests", (json_int_t)counts[MR_SITE_COUNT_REQUEST], "status_2xx",
			 (json_int_t)counts[MR_SITE_COUNT_2XX], "status_3xx",
			 (json_int_t)counts[MR_SITE_COUNT_3XX], "status_4xx",
			 (json_int_t)counts[MR_SITE_COUNT_4XX], "status_5xx",
			 (json_int_t)counts[MR_SITE_COUNT_5XX], "sent_bytes",
			 (json_int_t)counts[MR_SITE_COUNT_BYTE], "time_p50_ns",
			 (json_int_t)mr_site_page_quantile(page, 0.5), "time_p99_ns",
			 (json_int_t)mr_site_page_quantile(page, 0.99));
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
		struct mr_site_page page = { 0 };

		site_roots(world, site, &roots);
		if (self->box.group->books)
			mr_site_books_sum(self->box.group->books, site->name, &page);
		json_array_append_new(list, site_json(site, &roots, &page));
	}
	return json_pack("{so}", "sites", list);
}
