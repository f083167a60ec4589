/* SPDX-License-Identifier: Apache-2.0
 *
 * site/load - a folder into a tree: read, named, typed, tagged, compressed. Loader threads.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tree.h"

enum { PATH_BYTES = 4096, FIELD_BYTES = 1024, READ_BYTES = 1 << 20 };

struct load {
	struct mr_site_tree *tree;
	const char *folder;
	const _Atomic bool *cancelled;
	struct mr_error *error;
	int root_fd;
	/* names so far, before the table is made */
	struct load_name {
		struct site_text path;      /* canonical */
		struct site_object *object; /* NULL: a folder */
	} * names;
	size_t name_count, name_room;
};

static int
load_fail(struct load *self, int rc, const char *path, const char *what)
{
	return mr_error_set(self->error, rc, "%s%s: %s", self->folder, path, what);
}

/* name_add remembers one path; path is text of a file system. -1: it has no canonical form. */
static int
name_add(struct load *self, const char *path, struct site_object *object)
{
	static const char plain[] = "-._~!$&'()*+,;=:@/";
	uint8_t escaped[3 * PATH_BYTES], canonical[MR_HTTP_PATH_ROOM(3 * PATH_BYTES)];
	size_t bytes = 0, canonical_bytes = 0;

	for (const uint8_t *at = (const uint8_t *)path; *at; at++) {
		uint8_t c = *at, letter = (uint8_t)((c | 0x20) - 'a');

		if (letter < 26 || (uint8_t)(c - '0') < 10 || strchr(plain, c))
			escaped[bytes++] = c;
		else
			bytes += (size_t)sprintf((char *)escaped + bytes, "%%%02X", c);
	}
	if (bytes)
		canonical_bytes = mr_http_path(escaped, bytes, canonical, sizeof(canonical));
	if (bytes && !canonical_bytes)
		return -1;
	if (self->name_count == self->name_room) {
		size_t room = self->name_room ? 2 * self->name_room : 256;
		struct load_name *names = realloc(self->names, room * sizeof(*names));

		if (!names)
			return mr_error_set(self->error, -ENOMEM, "out of memory");
		self->names = names;
		self->name_room = room;
	}
	self->names[self->name_count++] = (struct load_name){
		.path = site_text_copy(&self->tree->memory, canonical, canonical_bytes),
		.object = object,
	};
	return 0;
}

/* ---- objects ---- */

/* room_take gives room for a body; 0 bytes need none. */
static int
room_take(struct load *self, uint64_t bytes, uint64_t *offset)
{
	struct mr_site_store *store = self->tree->store;
	int rc;

	*offset = 0;
	if (!bytes)
		return 0;
	pthread_mutex_lock(&store->lock);
	rc = mr_extents_get(store->extents, bytes, offset);
	pthread_mutex_unlock(&store->lock);
	if (rc)
		return mr_error_set(self->error, rc, "%s: no room for its files: see memory.sites",
				    self->folder);
	return 0;
}

static struct site_object *
object_add(struct load *self, uint64_t offset, uint64_t room_bytes)
{
	struct site_object *object = site_memory_take(&self->tree->memory, sizeof(*object));

	if (!object)
		return NULL;
	object->offset = offset;
	object->room_bytes = room_bytes;
	object->next = self->tree->objects;
	self->tree->objects = object;
	return object;
}

/* file_read gives the object of an open file, without its head. */
static int
file_read(struct load *self, int fd, const struct stat *at, const char *path,
	  struct site_object **out)
{
	uint64_t offset, want = (uint64_t)at->st_size;
	struct site_object *object;
	int rc = room_take(self, want, &offset);

	if (rc)
		return rc;
	object = object_add(self, offset, want);
	if (!object)
		return mr_error_set(self->error, -ENOMEM, "out of memory");
	while (object->byte_count < want) {
		ssize_t n = read(fd, self->tree->store->arena.base + offset + object->byte_count,
				 MR_MIN(want - object->byte_count, (uint64_t)READ_BYTES));

		if (atomic_load_explicit(self->cancelled, memory_order_relaxed))
			return mr_error_set(self->error, -ECANCELED, "cancelled");
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return load_fail(self, -errno, path, strerror(errno));
		if (n == 0) /* it has become shorter: the next load sees that */
			break;
		object->byte_count += (uint64_t)n;
	}
	object->modified_s = at->st_mtim.tv_sec;
	*out = object;
	return 0;
}

/* object_pack gives a form of from in a coding, or NULL when that is not worth while. */
static struct site_object *
object_pack(struct load *self, const struct site_object *from, enum mr_http_coding coding)
{
	struct mr_site_store *store = self->tree->store;
	size_t most = from->byte_count - from->byte_count / 8, bytes;
	struct site_object *object = NULL;
	uint8_t *packed = malloc(most);
	uint64_t offset;

	if (!packed || atomic_load_explicit(self->cancelled, memory_order_relaxed)) {
		free(packed);
		return NULL;
	}
	bytes = site_compress(coding, store->arena.base + from->offset, from->byte_count, packed,
			      most);
	if (bytes && !room_take(self, bytes, &offset)) {
		memcpy(store->arena.base + offset, packed, bytes);
		object = object_add(self, offset, bytes);
		if (object) {
			object->byte_count = bytes;
			object->modified_s = from->modified_s;
		}
	}
	free(packed);
	return object;
}

/* object_finish makes the head: of a file of this name, in this coding, which is one of several. */
static void
object_finish(struct load *self, struct site_object *object, struct site_text path,
	      enum mr_http_coding coding, bool several)
{
	static const struct mr_hash_key key = { 0x6d696c6c72616365, 0x65746167 };
	struct site_memory *memory = &self->tree->memory;
	uint8_t room[3 * FIELD_BYTES];
	char tag[MR_HTTP_ETAG_BYTES], date[MR_HTTP_DATE_BYTES];
	const uint8_t *name = memrchr(path.bytes, '/', path.byte_count);
	struct mr_writer out = mr_writer_over(room, sizeof(room));
	uint64_t hash = mr_hash_bytes(&key, site_tree_bytes(self->tree, object->offset),
				      object->byte_count);
	unsigned tag_bytes = mr_http_etag_format(hash, object->byte_count, tag);
	size_t name_bytes = (size_t)(path.bytes + path.byte_count - ++name);
	size_t length_at, type_at, fields_at, tag_at;
	const char *type;
	bool is_text;

	type = mr_http_media_type(name, name_bytes, &is_text);
	mr_http_date_format(object->modified_s, date);
	mr_http_put_status(&out, 200);
	length_at = (size_t)(out.at - room);
	mr_http_put_number(&out, MR_HTTP_FIELD_CONTENT_LENGTH, object->byte_count);
	type_at = (size_t)(out.at - room);
	mr_http_put_field(&out, MR_HTTP_FIELD_CONTENT_TYPE, type, strlen(type));
	fields_at = (size_t)(out.at - room);
	mr_http_put_field(&out, MR_HTTP_FIELD_SERVER, "millrace", 8);
	tag_at = (size_t)(out.at - room) + 7; /* behind `etag: "` */
	mr_http_put_field(&out, MR_HTTP_FIELD_ETAG, tag, tag_bytes);
	mr_http_put_field(&out, MR_HTTP_FIELD_LAST_MODIFIED, date, sizeof(date));
	mr_http_put_field(&out, MR_HTTP_FIELD_ACCEPT_RANGES, "bytes", 5);
	if (coding != MR_HTTP_IDENTITY)
		mr_http_put_field(&out, MR_HTTP_FIELD_CONTENT_ENCODING, mr_http_coding_name(coding),
				  strlen(mr_http_coding_name(coding)));
	if (several)
		mr_http_put_field(&out, MR_HTTP_FIELD_VARY, "accept-encoding", 15);
	memory->failed |= out.failed;
	object->head = site_text_copy(memory, room, (size_t)(out.at - room));
	if (memory->failed)
		return;
	object->length = (struct site_text){ object->head.bytes + length_at,
					     (uint32_t)(type_at - length_at) };
	object->type =
		(struct site_text){ object->head.bytes + type_at, (uint32_t)(fields_at - type_at) };
	object->fields = (struct site_text){ object->head.bytes + fields_at,
					     object->head.byte_count - (uint32_t)fields_at };
	object->etag = (struct mr_http_etag){ .text = object->head.bytes + tag_at,
					      .bytes = (uint16_t)(tag_bytes - 2) };
}

/* ---- folders ---- */

static bool
name_hidden(const char *folder, const char *name)
{
	return name[0] == '.' && (folder[0] || strcmp(name, ".well-known"));
}

/* open_beneath opens a path of the root; nothing leads out of it, by dots or by links. */
static int
open_beneath(const struct load *self, const char *path, uint64_t flags)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };

	/* path begins with a slash, or is empty: the root */
	return (int)syscall(SYS_openat2, self->root_fd, *path ? path + 1 : ".", &how, sizeof(how));
}

static int
load_file(struct load *self, const char *path)
{
	int fd = open_beneath(self, path, 0), rc = 0;
	struct site_object *object = NULL;
	struct stat at;

	if (fd < 0 || fstat(fd, &at) || !S_ISREG(at.st_mode) || at.st_size > TREE_FILE_BYTES_MAX) {
		self->tree->skipped++;
		goto out;
	}
	if (self->tree->file_count == TREE_FILES_MAX) {
		rc = load_fail(self, -E2BIG, path, "more files than a root may have");
		goto out;
	}
	rc = file_read(self, fd, &at, path, &object);
	if (rc)
		goto out;
	self->tree->file_count++;
	self->tree->byte_count += object->byte_count;
	rc = name_add(self, path, object);
	if (rc == -1) {
		self->tree->skipped++;
		rc = 0;
	}
out:
	if (fd >= 0)
		close(fd);
	return rc;
}

static int
load_watch(struct load *self, int fd)
{
	struct mr_site_tree *tree = self->tree;
	char name[32];
	int watch, *watches;

	if (tree->store->watch_fd < 0)
		return 0;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	watch = inotify_add_watch(tree->store->watch_fd, name,
				  IN_CREATE | IN_DELETE | IN_CLOSE_WRITE | IN_MOVED_FROM |
					  IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR);
	watches = realloc(tree->watches, (tree->watch_count + 1) * sizeof(*watches));
	if (watch < 0 || !watches)
		return mr_error_set(self->error, watch < 0 ? -errno : -ENOMEM,
				    "%s: cannot be watched: %s", self->folder, strerror(errno));
	tree->watches = watches;
	tree->watches[tree->watch_count++] = watch;
	return 0;
}

static int load_folder(struct load *self, const char *path, unsigned depth);

static int
load_entry(struct load *self, const char *folder, const struct dirent *entry, unsigned depth)
{
	char path[PATH_BYTES];
	struct stat at;

	if (name_hidden(folder, entry->d_name))
		return 0;
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >= sizeof(path) ||
	    fstatat(self->root_fd, path + 1, &at, AT_SYMLINK_NOFOLLOW)) {
		self->tree->skipped++;
		return 0;
	}
	if (S_ISDIR(at.st_mode))
		return load_folder(self, path, depth + 1);
	return load_file(self, path);
}

static int
load_folder(struct load *self, const char *path, unsigned depth)
{
	int fd = open_beneath(self, path, O_DIRECTORY | O_NOFOLLOW), rc;
	const struct dirent *entry;
	DIR *dir;

	if (fd < 0 || depth > TREE_DEPTH_MAX) {
		if (fd >= 0)
			close(fd);
		self->tree->skipped++;
		return depth ? 0 : load_fail(self, -errno, path, strerror(errno));
	}
	/* before it is read: what changes meanwhile is told */
	rc = load_watch(self, fd);
	dir = rc ? NULL : fdopendir(fd);
	if (!dir) {
		close(fd);
		return rc ? rc : load_fail(self, -errno, path, strerror(errno));
	}
	rc = name_add(self, path, NULL);
	while (rc >= 0 && (entry = readdir(dir))) {
		if (atomic_load_explicit(self->cancelled, memory_order_relaxed))
			rc = mr_error_set(self->error, -ECANCELED, "cancelled");
		else if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			rc = load_entry(self, path, entry, depth);
	}
	closedir(dir);
	return rc == -1 ? 0 : rc;
}

/* ---- the table ---- */

/* forms_add gives file what lies beside it ("a.css.br"), and a compressed form. */
static void
forms_add(struct load *self, struct site_file *file)
{
	static const struct {
		const char *suffix;
		enum mr_http_coding coding;
	} siblings[] = { { ".gz", MR_HTTP_GZIP },
			 { ".zst", MR_HTTP_ZSTD },
			 { ".br", MR_HTTP_BROTLI } };
	const struct site_object *plain = file->forms[MR_HTTP_IDENTITY];
	uint8_t path[MR_HTTP_PATH_ROOM(3 * PATH_BYTES) + 8];
	bool is_text;

	memcpy(path, file->path.bytes, file->path.byte_count);
	for (size_t i = 0; i < MR_ARRAY_COUNT(siblings); i++) {
		size_t bytes = strlen(siblings[i].suffix);
		const struct site_file *other;
		struct site_object *form;

		memcpy(path + file->path.byte_count, siblings[i].suffix, bytes);
		other = site_tree_find(self->tree, path, file->path.byte_count + bytes);
		if (!other || other->folder)
			continue;
		/* a form has a head of its own, and the same room */
		form = object_add(self, other->forms[MR_HTTP_IDENTITY]->offset, 0);
		if (!form)
			return;
		form->byte_count = other->forms[MR_HTTP_IDENTITY]->byte_count;
		form->modified_s = other->forms[MR_HTTP_IDENTITY]->modified_s;
		file->forms[siblings[i].coding] = form;
	}
	(void)mr_http_media_type(file->path.bytes, file->path.byte_count, &is_text);
	if (is_text && plain->byte_count >= TREE_COMPRESS_BYTES)
		for (size_t i = 0; i < MR_ARRAY_COUNT(siblings); i++) {
			enum mr_http_coding coding = siblings[i].coding;

			if (!file->forms[coding])
				file->forms[coding] = object_pack(self, plain, coding);
		}
	for (int i = 0; i < MR_HTTP_CODING_COUNT; i++)
		file->available |= (uint8_t)((file->forms[i] != NULL) << i);
}

static int
table_make(struct load *self)
{
	struct mr_site_tree *tree = self->tree;
	uint64_t slots = 4;

	while (slots < 4 * self->name_count) /* a folder may take two */
		slots *= 2;
	tree->files = site_memory_take(&tree->memory, slots * sizeof(*tree->files));
	tree->file_mask = slots - 1;
	if (tree->memory.failed)
		return mr_error_set(self->error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < self->name_count; i++) {
		struct site_file *file;

		if (site_tree_find(tree, self->names[i].path.bytes, self->names[i].path.byte_count))
			continue; /* two names of the file system are one path */
		file = site_tree_place(tree, self->names[i].path);
		file->folder = !self->names[i].object;
		file->forms[MR_HTTP_IDENTITY] = self->names[i].object;
	}
	for (uint64_t i = 0; i <= tree->file_mask; i++) {
		struct site_file *file = &tree->files[i];

		if (file->hash && !file->folder)
			forms_add(self, file);
	}
	for (uint64_t i = 0; i <= tree->file_mask; i++) {
		const struct site_file *file = &tree->files[i];

		for (int form = 0; file->hash && !file->folder && form < MR_HTTP_CODING_COUNT;
		     form++)
			if (file->forms[form])
				object_finish(self,
					      (struct site_object *)(uintptr_t)file->forms[form],
					      file->path, (enum mr_http_coding)form,
					      file->available != 1u << MR_HTTP_IDENTITY);
	}
	return tree->memory.failed ? mr_error_set(self->error, -ENOMEM, "out of memory") : 0;
}

/* indexes_add: "/x/" is "/x/index.html". */
static int
indexes_add(struct load *self)
{
	static const char index[] = "/index.html";
	struct mr_site_tree *tree = self->tree;
	uint8_t path[MR_HTTP_PATH_ROOM(3 * PATH_BYTES) + sizeof(index)];

	for (size_t i = 0; i < self->name_count; i++) {
		size_t bytes = self->names[i].path.byte_count;
		const struct site_file *file;
		struct site_file *slashed;

		if (self->names[i].object)
			continue;
		memcpy(path, self->names[i].path.bytes, bytes);
		memcpy(path + bytes, index, sizeof(index));
		file = site_tree_find(tree, path, bytes + sizeof(index) - 1);
		if (!file || file->folder)
			continue;
		slashed = site_tree_place(tree, site_text_copy(&tree->memory, path, bytes + 1));
		memcpy(slashed->forms, file->forms, sizeof(slashed->forms));
		slashed->available = file->available;
	}
	return tree->memory.failed ? mr_error_set(self->error, -ENOMEM, "out of memory") : 0;
}

static int
tree_begin(struct mr_site_store *store, struct mr_site_tree **out, struct mr_error *error)
{
	struct mr_site_tree *tree = calloc(1, sizeof(*tree));
	uint32_t slot = 0;

	if (!tree)
		return mr_error_set(error, -ENOMEM, "out of memory");
	tree->store = store;
	pthread_mutex_lock(&store->lock);
	while (slot < TREE_TREES_MAX && store->slots[slot])
		slot++;
	if (slot < TREE_TREES_MAX)
		store->slots[slot] = true;
	pthread_mutex_unlock(&store->lock);
	if (slot == TREE_TREES_MAX) {
		free(tree);
		return mr_error_set(error, -ENOSPC, "too many roots at once");
	}
	tree->slot = slot;
	*out = tree;
	return 0;
}

int
mr_site_tree_load(struct mr_site_store *store, const char *folder, const _Atomic bool *cancelled,
		  struct mr_site_tree **out, struct mr_error *error)
{
	struct load self = { .folder = folder, .cancelled = cancelled, .error = error };
	int rc = tree_begin(store, &self.tree, error);

	if (rc)
		return rc;
	self.root_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	rc = self.root_fd < 0 ? load_fail(&self, -errno, "", strerror(errno))
			      : load_folder(&self, "", 0);
	if (!rc)
		rc = table_make(&self);
	if (!rc)
		rc = indexes_add(&self);
	if (self.root_fd >= 0)
		close(self.root_fd);
	free(self.names);
	if (rc) {
		mr_site_tree_free(self.tree);
		return rc;
	}
	*out = self.tree;
	return 0;
}
