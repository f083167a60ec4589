/* SPDX-License-Identifier: Apache-2.0
 *
 * site/route - which route of a site a path takes.
 *
 * One table holds all paths of all sites, keyed by (site, kind, path). The longest prefix is found
 * by trying the lengths that the site's prefixes have, longest first, where a segment ends.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "site_int.h"

/* ---- checks ---- */

/* A value that goes into a head: no octet that could end it. */
static bool
value_valid(const char *value)
{
	for (; *value; value++)
		if ((uint8_t)*value < ' ' && *value != '\t')
			return false;
	return true;
}

static const char *
edit_check(const struct mr_site_edit *edit)
{
	static const char *const ours[] = { "date",           "connection",
					    "content-length", "transfer-encoding",
					    "keep-alive",     "upgrade" };
	size_t bytes = strlen(edit->name);

	if (!bytes || bytes > MR_HTTP_NAME_BYTES_MAX ||
	    strspn(edit->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			       "!#$%&'*+-.^_`|~") != bytes)
		return "a header's name is a token (RFC 9110 5.6.2)";
	for (size_t i = 0; i < MR_ARRAY_COUNT(ours); i++)
		if (mr_http_same((const uint8_t *)edit->name, bytes, ours[i]))
			return "this header is the connection's, not a route's";
	if (edit->value && !value_valid(edit->value))
		return "a header's value has a control character";
	return NULL;
}

static const char *
path_check(const char *path)
{
	uint8_t canonical[MR_HTTP_PATH_ROOM(MR_SITE_PATH_BYTES)];
	size_t bytes = strlen(path), canonical_bytes;

	if (path[0] != '/' || bytes > MR_SITE_PATH_BYTES)
		return "a path begins with '/' and has at most 4096 characters";
	canonical_bytes = mr_http_path((const uint8_t *)path, bytes, canonical, sizeof(canonical));
	if (canonical_bytes != bytes || memcmp(canonical, path, bytes))
		return "a path is written in its canonical form: no escapes that need not be, no "
		       "dot segments";
	return NULL;
}

/* edits_bytes is the most that all edits together come to: lines, and names that they replace. */
static size_t
edits_bytes(const struct mr_site_route_config *route)
{
	size_t bytes = 0;

	for (size_t i = 0; i < route->edit_count; i++) {
		const struct mr_site_edit *edit = &route->edits[i];

		bytes += 2 * strlen(edit->name) + (edit->value ? strlen(edit->value) : 0) + 5;
	}
	return bytes;
}

const char *
mr_site_route_check(const struct mr_site_route_config *route)
{
	const char *fault = NULL;

	if (!!route->path + !!route->prefix + !!route->regex != 1)
		return "a route has one of path, prefix, regex";
	if (!route->regex)
		fault = path_check(route->path ? route->path : route->prefix);
	if (!fault && route->rewrite)
		fault = route->action == MR_SITE_ROOT || route->action == MR_SITE_PROXY
				? path_check(route->rewrite)
				: "only a root or a proxy has a rewrite";
	for (size_t i = 0; i < route->edit_count && !fault; i++)
		fault = edit_check(&route->edits[i]);
	if (!fault)
		fault = mr_site_limits_check(&route->limits);
	if (fault)
		return fault;
	switch ((enum mr_site_action)route->action) {
	case MR_SITE_RESPOND:
		if (route->status < 200 || route->status > 599)
			return "a status of an answer is 200 to 599";
		if (route->body && strlen(route->body) > MR_SITE_BODY_BYTES)
			return "a body of an answer has at most 65536 octets";
		if ((route->status == 204 || route->status == 304) && route->body && *route->body)
			return "this status has no body (RFC 9110 6.4.1)";
		return route->type && !value_valid(route->type) ? "a type has a control character"
								: NULL;
	case MR_SITE_REDIRECT:
		if (route->status < 300 || route->status > 308 || route->status == 304)
			return "a redirect has a status of 300 to 308, not 304";
		return !route->to || !*route->to || !value_valid(route->to)
			       ? "a redirect says where to"
			       : NULL;
	case MR_SITE_ROOT:
		return route->root[0] ? NULL : "a root is a folder";
	case MR_SITE_PROXY:
		return edits_bytes(route) > H1_PROXY_EDIT_BYTES
			       ? "the headers of a route to an origin have at most 1200 octets"
			       : NULL;
	case MR_SITE_HEALTH:
		return route->body && strlen(route->body) > MR_SITE_BODY_BYTES
			       ? "a body of an answer has at most 65536 octets"
			       : NULL;
	}
	return "a route has an action";
}

/* ---- build ---- */

static uint64_t
path_seed(uint32_t site, bool prefix)
{
	return (uint64_t)site << 1 | prefix;
}

static struct site_path_entry *
path_slot(const struct mr_site_set *self, uint32_t site, bool prefix, const uint8_t *path,
	  size_t bytes)
{
	uint64_t hash = site_hash(path_seed(site, prefix), path, bytes);

	/* Half of the slots are free, so a free one is met. */
	for (uint64_t at = hash;; at++) {
		struct site_path_entry *entry = &self->paths[at & self->path_mask];

		if (!entry->hash ||
		    (entry->hash == hash && entry->site == site && entry->prefix == prefix &&
		     entry->path.byte_count == bytes && !memcmp(entry->path.bytes, path, bytes)))
			return entry;
	}
}

static int
length_order(const void *left, const void *right)
{
	return *(const uint16_t *)right - *(const uint16_t *)left;
}

/* lengths_build lists the lengths of the site's prefixes, longest first, each once. */
static void
lengths_build(struct mr_site_set *self, struct site *site, const struct mr_site_config *from)
{
	uint16_t *lengths = site_memory_take(&self->memory, from->route_count * sizeof(*lengths));
	size_t count = 0, kept = 0;

	if (!lengths)
		return;
	for (size_t i = 0; i < from->route_count; i++)
		if (from->routes[i].prefix)
			lengths[count++] = (uint16_t)strlen(from->routes[i].prefix);
	qsort(lengths, count, sizeof(*lengths), length_order);
	for (size_t i = 0; i < count; i++)
		if (!kept || lengths[kept - 1] != lengths[i])
			lengths[kept++] = lengths[i];
	site->prefix_lengths = lengths;
	site->prefix_length_count = (uint16_t)kept;
}

bool
site_route_takes(const struct site_route *route, const uint8_t *name, size_t name_bytes)
{
	const char *at = (const char *)route->removed.bytes, *end = at + route->removed.byte_count;

	while (at < end) { /* at most MR_SITE_EDIT_MAX */
		const char *line = memchr(at, '\n', (size_t)(end - at));

		if ((size_t)(line - at) == name_bytes &&
		    !strncasecmp(at, (const char *)name, name_bytes))
			return true;
		at = line + 1;
	}
	return false;
}

/* edits_make: what the edits of a route do to heads that are not made with it. */
static void
edits_make(struct mr_site_set *self, struct site_route *route,
	   const struct mr_site_route_config *from)
{
	uint8_t lines[MR_SITE_HEAD_BYTES / 2];
	char names[MR_SITE_EDIT_MAX * (MR_HTTP_NAME_BYTES_MAX + 1)];
	struct mr_writer out = mr_writer_over(lines, sizeof(lines));
	size_t used = 0;

	site_edits_put(&out, from->edits, from->edit_count);
	self->memory.failed |= out.failed;
	for (size_t i = 0; i < from->edit_count; i++)
		if (from->edits[i].kind != MR_SITE_EDIT_ADD)
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s\n",
						 from->edits[i].name);
	route->edited = used > 0;
	route->extra = site_text_copy(&self->memory, lines, (size_t)(out.at - lines));
	route->removed = site_text_copy(&self->memory, names, used);
}

static void
rewrite_make(struct mr_site_set *self, struct site_route *route,
	     const struct mr_site_route_config *from)
{
	if (from->rewrite)
		route->rewrite =
			site_text_copy(&self->memory, from->rewrite, strlen(from->rewrite));
	route->cut_all = from->rewrite && !from->prefix;
	if (from->prefix) /* "/a" and "/a/" both leave a path that begins with a slash */
		route->cut_bytes = (uint16_t)(strlen(from->prefix) -
					      (from->prefix[strlen(from->prefix) - 1] == '/'));
}

static void
root_make(struct mr_site_set *self, struct site_route *route,
	  const struct mr_site_route_config *from, const char *const *roots, size_t root_count)
{
	while (route->root < root_count && strcmp(roots[route->root], from->root))
		route->root++;
	MR_ASSERT(route->root < root_count);
	edits_make(self, route, from);
	rewrite_make(self, route, from);
}

static void
proxy_make(struct mr_site_set *self, struct site_route *route,
	   const struct mr_site_route_config *from)
{
	route->upstream = from->upstream;
	edits_make(self, route, from);
	rewrite_make(self, route, from);
}

/* health_make: both answers are of this moment only. */
static void
health_make(struct mr_site_set *self, struct site_route *route,
	    const struct mr_site_route_config *from)
{
	static const char type[] = "text/plain; charset=utf-8", draining[] = "draining\n";
	const char *body = from->body ? from->body : "ok\n";
	struct mr_site_edit edits[MR_SITE_EDIT_MAX + 1] = { { "Cache-Control", "no-store",
							      MR_SITE_EDIT_SET } };

	for (size_t i = 0; i < from->edit_count; i++)
		edits[i + 1] = from->edits[i];
	site_answer_make(&self->memory, &route->answer, 200, from->type ? from->type : type, body,
			 strlen(body), NULL, edits, from->edit_count + 1);
	site_answer_make(&self->memory, &route->draining, 503, type, draining, sizeof(draining) - 1,
			 NULL, edits, from->edit_count + 1);
}

static void
route_make(struct mr_site_set *self, struct site_route *route,
	   const struct mr_site_route_config *from)
{
	const char *body = from->action == MR_SITE_RESPOND && from->body ? from->body : "";

	site_answer_make(&self->memory, &route->answer, from->status,
			 from->type ? from->type : "text/plain; charset=utf-8", body, strlen(body),
			 from->action == MR_SITE_REDIRECT ? from->to : NULL, from->edits,
			 from->edit_count);
}

static int
site_build(struct mr_site_set *self, uint32_t index, const struct mr_site_config *from,
	   const char *const *roots, size_t root_count, struct mr_error *error)
{
	struct site *site = &self->sites[index];

	site->route_count = (uint32_t)from->route_count;
	site->routes = site_memory_take(&self->memory, from->route_count * sizeof(*site->routes));
	lengths_build(self, site, from);
	if (self->memory.failed)
		return mr_error_set(error, -ENOMEM, "out of memory for sites");
	for (size_t i = 0; i < from->route_count; i++) {
		const struct mr_site_route_config *route = &from->routes[i];
		const char *text = route->path ? route->path : route->prefix;
		bool prefix = route->prefix != NULL;
		size_t bytes = text ? strlen(text) : 0;
		struct site_path_entry *entry =
			text ? path_slot(self, index, prefix, (const uint8_t *)text, bytes) : NULL;

		if (entry && entry->hash)
			return mr_error_set(error, -EINVAL, "site %s has two routes for the %s %s",
					    from->name, prefix ? "prefix" : "path", text);
		site->routes[i].action = (uint16_t)route->action;
		if (route->action == MR_SITE_ROOT)
			root_make(self, &site->routes[i], route, roots, root_count);
		else if (route->action == MR_SITE_PROXY)
			proxy_make(self, &site->routes[i], route);
		else if (route->action == MR_SITE_HEALTH)
			health_make(self, &site->routes[i], route);
		else
			route_make(self, &site->routes[i], route);
		if (!entry) /* by regular expression: regex.c */
			continue;
		*entry = (struct site_path_entry){
			.hash = site_hash(path_seed(index, prefix), (const uint8_t *)text, bytes),
			.path = site_text_copy(&self->memory, text, bytes),
			.site = index,
			.prefix = prefix,
			.route = &site->routes[i],
		};
	}
	return 0;
}

int
site_routes_build(struct mr_site_set *self, const struct mr_site_config *sites,
		  const char *const *roots, size_t root_count, struct mr_error *error)
{
	uint64_t total = 0, slots = 2;
	int rc = 0;

	for (uint32_t i = 0; i < self->site_count; i++)
		total += sites[i].route_count;
	while (slots < 2 * total)
		slots *= 2;
	self->paths = site_memory_take(&self->memory, slots * sizeof(*self->paths));
	if (!self->paths)
		return mr_error_set(error, -ENOMEM, "out of memory for sites");
	self->path_mask = slots - 1;
	for (uint32_t i = 0; i < self->site_count && !rc; i++)
		rc = site_build(self, i, &sites[i], roots, root_count, error);
	return rc;
}

/* ---- reading ---- */

const struct site_route *
site_route_find(const struct mr_site_set *self, const struct site *site, const uint8_t *path,
		size_t path_bytes, uint32_t worker)
{
	uint32_t index = (uint32_t)(site - self->sites);
	const struct site_path_entry *entry = path_slot(self, index, false, path, path_bytes);

	if (entry->hash)
		return entry->route;
	for (uint16_t i = 0; i < site->prefix_length_count; i++) { /* at most MR_SITE_ROUTE_MAX */
		size_t bytes = site->prefix_lengths[i];

		if (bytes > path_bytes ||
		    (bytes < path_bytes && path[bytes] != '/' && path[bytes - 1] != '/'))
			continue;
		entry = path_slot(self, index, true, path, bytes);
		if (entry->hash)
			return entry->route;
	}
	return site->has_regex ? site_regex_find(self, index, path, path_bytes, worker) : NULL;
}
