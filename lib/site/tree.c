/* SPDX-License-Identifier: Apache-2.0
 *
 * site/tree - where roots lie: the store, the table of paths, the way to memory and back.
 */
#include "tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SEED = 0x73697465 };

/* ---- the store ---- */

int
mr_site_store_create(struct mr_site_store **out, uint64_t reserved_bytes, bool huge,
		     uint32_t worker_count, struct mr_error *error)
{
	struct mr_site_store *self = calloc(1, sizeof(*self));

	if (!self)
		return mr_error_set(error, -ENOMEM, "out of memory");
	self->watch_fd = -1;
	pthread_mutex_init(&self->lock, NULL);
	if (mr_arena_create(&self->arena, "sites", reserved_bytes, huge, error) ||
	    mr_pins_create(&self->pins, &self->arena, worker_count, TREE_TREES_MAX, error)) {
		mr_site_store_destroy(self);
		return error->code;
	}
	if (mr_extents_create(&self->extents, &self->arena)) {
		mr_site_store_destroy(self);
		return mr_error_set(error, -ENOMEM, "out of memory");
	}
	*out = self;
	return 0;
}

void
mr_site_store_destroy(struct mr_site_store *self)
{
	if (!self)
		return;
	if (self->extents)
		mr_extents_destroy(self->extents);
	mr_arena_destroy(&self->arena);
	pthread_mutex_destroy(&self->lock);
	free(self);
}

void
mr_site_store_watch(struct mr_site_store *self, int fd)
{
	self->watch_fd = fd;
}

static void
region_unpin(void *context, uint32_t pin)
{
	struct mr_site_server *self = context;

	mr_pin_drop(&self->store->pins, self->worker, pin);
}

void
mr_site_server_region(struct mr_site_server *self, struct mr_site_store *store,
		      struct mr_tcp_region *out)
{
	self->store = store;
	*out = (struct mr_tcp_region){ .base = store->arena.base,
				       .byte_count = store->arena.reserved_bytes,
				       .unpin = region_unpin,
				       .context = self };
}

/* ---- a tree ---- */

const struct site_file *
site_tree_find(const struct mr_site_tree *tree, const uint8_t *path, size_t path_bytes)
{
	uint64_t hash = site_hash(PATH_SEED, path, path_bytes);

	/* Half of the slots are free, so a free one is met. */
	for (uint64_t at = hash;; at++) {
		const struct site_file *file = &tree->files[at & tree->file_mask];

		if (file->hash == hash && file->path.byte_count == path_bytes &&
		    !memcmp(file->path.bytes, path, path_bytes))
			return file;
		if (!file->hash)
			return NULL;
	}
}

struct site_file *
site_tree_place(struct mr_site_tree *tree, struct site_text path)
{
	uint64_t hash = site_hash(PATH_SEED, path.bytes, path.byte_count);
	uint64_t at = hash;

	while (tree->files[at & tree->file_mask].hash)
		at++;
	tree->files[at & tree->file_mask] = (struct site_file){ .hash = hash, .path = path };
	return &tree->files[at & tree->file_mask];
}

bool
mr_site_tree_idle(const struct mr_site_tree *self)
{
	return mr_pins_idle(&self->store->pins, self->slot);
}

void
mr_site_tree_free(struct mr_site_tree *self)
{
	struct mr_site_store *store;

	if (!self)
		return;
	store = self->store;
	pthread_mutex_lock(&store->lock);
	for (struct site_object *at = self->objects; at; at = at->next)
		if (at->room_bytes) /* a form that is a file too has its room there */
			mr_extents_put(store->extents, at->offset, at->room_bytes);
	store->slots[self->slot] = false;
	pthread_mutex_unlock(&store->lock);
	site_memory_free(&self->memory);
	free(self->watches);
	free(self);
}

bool
mr_site_tree_watches(const struct mr_site_tree *self, int watch)
{
	for (uint32_t i = 0; i < self->watch_count; i++)
		if (self->watches[i] == watch)
			return true;
	return false;
}

void
mr_site_tree_info(const struct mr_site_tree *self, struct mr_site_tree_info *out)
{
	*out = (struct mr_site_tree_info){ .files = self->file_count,
					   .skipped = self->skipped,
					   .byte_count = self->byte_count };
}
