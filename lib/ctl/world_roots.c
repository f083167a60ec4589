/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/world_roots - the folders that sites serve: read by loaders, shared between worlds, watched.
 *
 * A change in a folder is waited out for ROOT_SETTLE_NS, then the folder is read again by a
 * transaction of its own. What changes while it is read is told of again, to the world that runs
 * then.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "ctl/ctl_int.h"
#include "ctl/world_int.h"

#define ROOT_SETTLE_NS (200 * MR_NS_PER_MS)

/* ---- plan, work, assemble ---- */

static struct world_root *
root_find(const struct world *world, const char *folder)
{
	for (size_t i = 0; world && i < world->root_count; i++)
		if (!strcmp(world->roots[i].folder, folder))
			return &world->roots[i];
	return NULL;
}

/* roots_list lists the distinct folders of a configuration. */
static int
roots_list(struct world *next, const struct mr_config *config, struct mr_error *error)
{
	size_t most = 0;

	for (size_t i = 0; i < config->site_count; i++)
		most += config->sites[i].route_count;
	next->roots = calloc(most + 1, sizeof(*next->roots));
	next->trees = calloc(most + 1, sizeof(struct mr_site_tree *));
	if (!next->roots || !next->trees)
		return mr_error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < config->site_count; i++)
		for (size_t k = 0; k < config->sites[i].route_count; k++) {
			const struct mr_site_route_config *route = &config->sites[i].routes[k];

			if (route->action == MR_SITE_ROOT && !root_find(next, route->root))
				memcpy(next->roots[next->root_count++].folder, route->root,
				       sizeof(route->root));
		}
	return 0;
}

int
world_roots_plan(struct world_change *self, struct mr_error *error)
{
	const struct world *running = self->worlds->running;
	struct world *next = self->next;
	uint32_t *works;
	int rc = roots_list(next, self->config, error);

	if (rc)
		return rc;
	works = realloc(self->works,
			(self->config->dns.zone_count + next->root_count + 1) * sizeof(*works));
	if (!works)
		return mr_error_set(error, -ENOMEM, "out of memory");
	self->works = works;
	for (size_t i = 0; i < next->root_count; i++) {
		struct world_root *root = &next->roots[i];
		const struct world_root *old = root_find(running, root->folder);

		if (old && (self->kind != WORLD_ROOTS || strcmp(self->root, root->folder)))
			*root = *old;
		else
			works[self->txn.work_count++] = WORLD_WORK_ROOT | (uint32_t)i;
	}
	return 0;
}

int
world_roots_work(struct world_change *self, uint32_t index, struct mr_error *error)
{
	struct world_root *root = &self->next->roots[index];

	return mr_site_tree_load(self->worlds->box->sites, root->folder, &self->txn.cancelled,
				 &root->tree, error);
}

int
world_roots_build(struct world *next, struct mr_error *error)
{
	const char **folders = calloc(next->root_count + 1, sizeof(*folders));
	int rc;

	if (!folders)
		return mr_error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < next->root_count; i++)
		folders[i] = next->roots[i].folder;
	rc = mr_site_set_build(next->config->sites, next->config->site_count, folders,
			       next->root_count, next->worlds->box->group->worker_count,
			       &next->sites, error);
	if (!rc && next->worlds->box->group->books)
		mr_site_books_assign(next->worlds->box->group->books, next->sites);
	free(folders);
	return rc;
}

void
world_roots_show(struct world *next)
{
	for (size_t i = 0; i < next->root_count; i++)
		next->trees[i] = next->roots[i].tree;
	next->shown.roots = next->trees;
}

/* ---- sharing and the end ---- */

void
world_roots_keep(struct world *self, struct world *other)
{
	for (size_t i = 0; i < self->root_count; i++) {
		struct world_root *twin = root_find(other, self->roots[i].folder);

		if (!twin)
			continue;
		/* what changed while it was read is still to be read */
		twin->changed_ns = MR_MAX(twin->changed_ns, self->roots[i].changed_ns);
		if (twin->tree == self->roots[i].tree)
			self->roots[i].tree = NULL;
	}
}

bool
world_roots_idle(const struct world *self)
{
	for (size_t i = 0; i < self->root_count; i++)
		if (self->roots[i].tree && !mr_site_tree_idle(self->roots[i].tree))
			return false;
	return true;
}

void
world_roots_free(struct world *self)
{
	for (size_t i = 0; i < self->root_count; i++)
		mr_site_tree_free(self->roots[i].tree);
	free(self->roots);
	free(self->trees);
}

/* ---- watching ---- */

static void
watch_event(void *context, uint32_t epoll_events)
{
	struct mr_ctl *self = context;
	struct world *running = self->worlds.running;
	_Alignas(struct inotify_event) char events[4096];
	ssize_t bytes = read(self->watch_fd, events, sizeof(events));
	uint64_t now_ns = mr_clock_now_ns();

	(void)epoll_events;
	for (ssize_t at = 0; at < bytes;) {
		const struct inotify_event *event = (const void *)(events + at);

		at += (ssize_t)sizeof(*event) + event->len;
		if (event->mask & IN_IGNORED)
			continue;
		for (size_t i = 0; running && i < running->root_count; i++) {
			struct world_root *root = &running->roots[i];

			/* too many events: any root may have changed */
			if (event->mask & IN_Q_OVERFLOW ||
			    mr_site_tree_watches(root->tree, event->wd))
				root->changed_ns = now_ns;
		}
	}
}

int
ctl_roots_watch(struct mr_ctl *self, struct mr_error *error)
{
	self->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (self->watch_fd < 0) {
		mr_log(MR_LOG_WARNING, "folders of sites are not watched: %s", strerror(errno));
		return 0;
	}
	mr_site_store_watch(self->box.sites, self->watch_fd);
	self->watch_source =
		mr_loop_add(self->loop, self->watch_fd, EPOLLIN, watch_event, self, error);
	return self->watch_source ? 0 : -ENOMEM;
}

void
ctl_roots_tick(struct mr_ctl *self, uint64_t now_ns)
{
	struct world *running = self->worlds.running;
	size_t waiting;

	if (mr_txn_current(self->engine, &waiting))
		return; /* one after the other: each sees what the one before has done */
	for (size_t i = 0; i < running->root_count; i++) {
		struct world_root *root = &running->roots[i];

		if (!root->changed_ns || now_ns - root->changed_ns < ROOT_SETTLE_NS)
			continue;
		root->changed_ns = 0;
		ctl_reload_root(self, root->folder);
		return;
	}
}
