/* SPDX-License-Identifier: Apache-2.0
 *
 * site/tree - a root as it was read: files by their canonical paths, in forms and pieces ready to
 * be sent.
 *
 * Owner:  the control thread frees; the loader that makes it until then.
 * Thread: const after load; read by any worker, pinned while a response refers to it.
 * Memory: bodies lie in the store's arena, the rest on the heap.
 */
#ifndef MR_SITE_TREE_H
#define MR_SITE_TREE_H

#include <pthread.h>

#include "site_int.h"

enum {
	TREE_DEPTH_MAX = 32,
	TREE_FILES_MAX = 1 << 20,
	TREE_FILE_BYTES_MAX = 1 << 30,
	TREE_TREES_MAX = 4096,     /* of all versions that somebody still reads */
	TREE_COMPRESS_BYTES = 256, /* a shorter text is not worth it */
};

struct mr_site_store {
	pthread_mutex_t lock; /* of extents and slots; held for a moment only */
	struct mr_arena arena;
	struct mr_extents *extents;
	struct mr_pins pins;
	bool slots[TREE_TREES_MAX];
	int watch_fd; /* -1: none */
};

/* One form of a file: as it is, or coded. */
struct site_object {
	uint64_t offset, byte_count, room_bytes;
	struct site_text head;   /* of a 200, but Date, Connection and the empty line */
	struct site_text length; /* the lines of it */
	struct site_text type;
	struct site_text fields;
	struct mr_http_etag etag;
	int64_t modified_s;
	struct site_object *next; /* of the tree */
};

struct site_file {
	uint64_t hash; /* 0: free */
	struct site_text path;
	const struct site_object *forms[MR_HTTP_CODING_COUNT];
	uint8_t available; /* bits by enum mr_http_coding */
	bool folder;       /* only its path with a slash is something */
};

struct mr_site_tree {
	struct mr_site_store *store;
	struct site_memory memory;
	struct site_file *files;
	uint64_t file_mask;
	struct site_object *objects;
	uint32_t slot;
	uint32_t file_count, skipped;
	uint64_t byte_count;
	int *watches; /* inotify's numbers of its folders */
	uint32_t watch_count;
};

static inline const uint8_t *
site_tree_bytes(const struct mr_site_tree *tree, uint64_t offset)
{
	return tree->store->arena.base + offset;
}

/* site_compress writes a coding of bytes into out and returns its length; 0: it has no room there,
 * or there is no memory. */
size_t site_compress(enum mr_http_coding coding, const uint8_t *bytes, size_t count, uint8_t *out,
		     size_t room);

/* site_tree_find looks a canonical path up; it begins with a slash. */
const struct site_file *site_tree_find(const struct mr_site_tree *tree, const uint8_t *path,
				       size_t path_bytes);
/* site_tree_place makes an entry for a path that has none. At load. */
struct site_file *site_tree_place(struct mr_site_tree *tree, struct site_text path);

#endif
