/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/config - the document into the typed tree, driven by the schema table.
 */
#include "ctl/config.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/config_int.h"
#include "ctl/suggest.h"

static int config_read_map(struct config_reader *reader, const struct mr_schema_row *row,
			   const struct mr_yaml_node *node, const struct mr_yaml_node *where,
			   void *base);

/* ---- places and failures ---- */

struct config_place {
	const void *value;
	uint32_t line, column;
};

struct mr_config_places {
	size_t count, room;
	struct config_place *at;
};

int
config_place_add(struct config_reader *reader, const void *value, const struct mr_yaml_node *node)
{
	struct mr_config_places *places = reader->config->places;

	if (!node->line) /* a default */
		return 0;
	if (places->count == places->room) {
		size_t room = places->room ? places->room * 2 : 64;
		struct config_place *at = realloc(places->at, room * sizeof(*at));

		if (!at)
			return mr_error_set(reader->error, -ENOMEM, "out of memory");
		places->at = at;
		places->room = room;
	}
	places->at[places->count++] = (struct config_place){ value, node->line, node->column };
	return 0;
}

static const struct config_place *
config_place_find(const struct mr_config *self, const void *value)
{
	for (size_t i = 0; i < self->places->count; i++)
		if (self->places->at[i].value == value)
			return &self->places->at[i];
	return NULL;
}

const char *
mr_config_place(const struct mr_config *self, const void *value, char out[MR_CONFIG_PLACE_BYTES])
{
	const struct config_place *place = config_place_find(self, value);

	if (place)
		snprintf(out, MR_CONFIG_PLACE_BYTES, "%s:%u:%u", self->path, place->line,
			 place->column);
	else
		snprintf(out, MR_CONFIG_PLACE_BYTES, "%s", self->path);
	return out;
}

int
config_fail(struct config_reader *reader, const struct mr_yaml_node *node, const char *format, ...)
{
	char what[MR_ERROR_TEXT_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	return mr_error_set(reader->error, -EINVAL, "%s:%u:%u: %s", reader->config->path,
			    MR_MAX(node->line, 1u), MR_MAX(node->column, 1u), what);
}

int
config_fail_at(struct config_reader *reader, const void *value, const char *format, ...)
{
	char what[MR_ERROR_TEXT_BYTES], place[MR_CONFIG_PLACE_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	return mr_error_set(reader->error, -EINVAL, "%s: %s",
			    mr_config_place(reader->config, value, place), what);
}

int
config_wrong(struct config_reader *reader, const struct mr_schema_row *row,
	     const struct mr_yaml_node *node)
{
	char expected[MR_SCHEMA_EXPECTED_BYTES];
	const char *name = row->path, *text = mr_schema_expected(row, expected);

	switch (node->kind) {
	case MR_YAML_LIST:
		return config_fail(reader, node, "%s: expected %s, found a list", name, text);
	case MR_YAML_MAP:
		return config_fail(reader, node, "%s: expected %s, found a mapping", name, text);
	case MR_YAML_SCALAR:
		break;
	}
	if (!*node->text && !node->quoted)
		return config_fail(reader, node, "%s: expected %s, found nothing", name, text);
	return config_fail(reader, node, "%s: expected %s, found '%.64s'", name, text, node->text);
}

/* ---- texts ---- */

struct mr_config_text {
	struct mr_config_text *next;
	char bytes[];
};

const char *
config_text_keep(struct mr_config *config, const char *text)
{
	size_t bytes = strlen(text) + 1;
	struct mr_config_text *kept = malloc(sizeof(*kept) + bytes);

	if (!kept)
		return NULL;
	memcpy(kept->bytes, text, bytes);
	kept->next = config->texts;
	config->texts = kept;
	return kept->bytes;
}

static void
texts_free(struct mr_config *self)
{
	while (self->texts) {
		struct mr_config_text *next = self->texts->next;

		free(self->texts);
		self->texts = next;
	}
}

/* ---- reading by rows ---- */

static const struct mr_yaml_node *
map_find(const struct mr_yaml_node *map, const char *key)
{
	for (const struct mr_yaml_node *at = map ? map->first : NULL; at; at = at->next)
		if (!strcmp(at->text, key))
			return at->value;
	return NULL;
}

/* config_is_kind says whether ports have a key of this name for their kind. */
static bool
config_is_kind(const char *key)
{
	const struct mr_schema_row *row;
	char path[MR_NAME_MAX + sizeof("ports[].")];

	snprintf(path, sizeof(path), "ports[].%.*s", MR_NAME_MAX - 1, key);
	row = mr_schema_find(path);
	return !strcmp(path, "ports[].bond") || (row && config_row_is_kind(row));
}

/* config_refuse_unknown fails on the first key that no row knows. */
static int
config_refuse_unknown(struct config_reader *reader, const struct mr_schema_row *row,
		      const struct mr_yaml_node *map)
{
	for (const struct mr_yaml_node *key = map->first; key; key = key->next) {
		struct mr_suggest suggest = mr_suggest_start(key->text);
		const struct mr_schema_row *child;
		size_t walk = 0;
		const char *of = row ? row->path : "the configuration";

		while ((child = mr_schema_child(row, &walk))) {
			if (!strcmp(mr_schema_key(child), key->text))
				break;
			mr_suggest_offer(&suggest, mr_schema_key(child));
		}
		if (child)
			continue;
		if (row && !strcmp(row->path, "ports[].bond.members[]") &&
		    config_is_kind(key->text))
			return config_fail(
				reader, key,
				"a device of kind %s cannot be in a bond, only " MR_CONFIG_MEMBER_KINDS,
				key->text);
		if (suggest.best)
			return config_fail(reader, key,
					   "'%.64s' is not a key of %s; did you mean '%s'?",
					   key->text, of, suggest.best);
		return config_fail(reader, key, "'%.64s' is not a key of %s", key->text, of);
	}
	return 0;
}

/* config_finish_item runs the checks that belong to one item of a list. */
static int
config_finish_item(struct config_reader *reader, const struct mr_schema_row *row,
		   const struct mr_yaml_node *node, void *item)
{
	if (!strcmp(row->path, "ports[]"))
		return config_finish_port(reader, node, item);
	if (!strcmp(row->path, "dns.zones[]"))
		return config_finish_zone(reader, node, item);
	if (!strcmp(row->path, "sites[]"))
		return config_finish_site(reader, node, item);
	if (!strcmp(row->path, "sites[].routes[]"))
		return config_finish_route(reader, node, item);
	return 0;
}

static int
config_read_item(struct config_reader *reader, const struct mr_schema_row *row,
		 const struct mr_yaml_node *node, void *item)
{
	int rc;

	if (row->type != MR_SCHEMA_MAP)
		return config_read_scalar(reader, row, node, item);
	if (node->kind != MR_YAML_MAP)
		return config_wrong(reader, row, node);
	rc = config_place_add(reader, item, node);
	if (!rc)
		rc = config_read_map(reader, row, node, node, item);
	return rc ? rc : config_finish_item(reader, row, node, item);
}

static int
config_read_list(struct config_reader *reader, const struct mr_schema_row *row,
		 const struct mr_yaml_node *node, void *base)
{
	void **items = (void **)((char *)base + row->offset);
	size_t *count = (size_t *)((char *)base + row->aux_offset);
	char path[MR_NAME_MAX + 2];
	const struct mr_schema_row *item_row;
	const struct mr_yaml_node *item;
	int rc = config_place_add(reader, items, node);

	if (rc)
		return rc;
	if (node->kind != MR_YAML_LIST)
		return config_wrong(reader, row, node);
	if (node->child_count < row->low || node->child_count > row->high) {
		char expected[MR_SCHEMA_EXPECTED_BYTES];

		return config_fail(reader, node, "%s: expected %s, found %u", row->path,
				   mr_schema_expected(row, expected), node->child_count);
	}
	snprintf(path, sizeof(path), "%s[]", row->path);
	item_row = mr_schema_find(path);
	MR_ASSERT(item_row);
	if (!node->child_count)
		return 0;
	/* The items never move afterwards: their addresses name their places. */
	*items = calloc(node->child_count, row->room);
	if (!*items)
		return mr_error_set(reader->error, -ENOMEM, "out of memory");
	for (item = node->first; item; item = item->next) {
		/* counted before it is read: freeing walks what was begun */
		void *at = (char *)*items + (*count)++ * row->room;

		rc = config_read_item(reader, item_row, item, at);
		if (rc)
			return rc;
	}
	return 0;
}

static int
config_read_default(struct config_reader *reader, const struct mr_schema_row *row,
		    const struct mr_yaml_node *where, void *base)
{
	struct mr_yaml_node scalar = { .kind = MR_YAML_SCALAR }, list = { .kind = MR_YAML_LIST };
	char text[MR_CONFIG_PATH_BYTES];

	if (row->type == MR_SCHEMA_MAP)
		return config_read_map(reader, row, NULL, where, base);
	if (row->required)
		return config_fail(reader, where, "%s is missing: %s", row->path, row->help);
	if (!row->fallback || !*row->fallback)
		return 0;
	snprintf(text, sizeof(text), "%s", row->fallback);
	scalar.text = text;
	if (row->type != MR_SCHEMA_LIST)
		return config_read_scalar(reader, row, &scalar, (char *)base + row->offset);
	list.first = &scalar;
	list.child_count = 1;
	return config_read_list(reader, row, &list, base);
}

/* config_read_map reads the keys below row from node, which may be NULL: then all are defaults.
 * where is the place for "is missing". */
static int
config_read_map(struct config_reader *reader, const struct mr_schema_row *row,
		const struct mr_yaml_node *node, const struct mr_yaml_node *where, void *base)
{
	const struct mr_schema_row *child;
	size_t walk = 0;
	int rc = node ? config_refuse_unknown(reader, row, node) : 0;

	while (!rc && (child = mr_schema_child(row, &walk))) {
		const struct mr_yaml_node *value = map_find(node, mr_schema_key(child));

		if (!value)
			rc = config_read_default(reader, child, where, base);
		else if (child->type == MR_SCHEMA_LIST)
			rc = config_read_list(reader, child, value, base);
		else if (child->type != MR_SCHEMA_MAP)
			rc = config_read_scalar(reader, child, value, (char *)base + child->offset);
		else if (value->kind != MR_YAML_MAP)
			rc = config_wrong(reader, child, value);
		else
			rc = config_read_map(reader, child, value, value, base);
		if (!rc && value && child->type == MR_SCHEMA_MAC)
			*(bool *)((char *)base + child->aux_offset) = true;
	}
	return rc;
}

/* ---- whole files ---- */

int
mr_config_parse(const char *text, size_t text_bytes, const char *path, struct mr_config **out,
		struct mr_error *error)
{
	struct config_reader reader = { .error = error };
	const struct mr_yaml_node *root;
	struct mr_yaml *document;
	int rc;

	if (strlen(path) >= MR_CONFIG_PATH_BYTES)
		return mr_error_set(error, -ENAMETOOLONG, "%.64s…: the file's name is too long",
				    path);
	rc = mr_yaml_parse(text, text_bytes, path, &document, error);
	if (rc)
		return rc;
	reader.config = calloc(1, sizeof(*reader.config));
	if (reader.config)
		reader.config->places = calloc(1, sizeof(*reader.config->places));
	if (!reader.config || !reader.config->places) {
		rc = mr_error_set(error, -ENOMEM, "%s: out of memory", path);
		goto failed;
	}
	memcpy(reader.config->path, path, strlen(path) + 1);
	root = mr_yaml_root(document);
	if (root->kind == MR_YAML_MAP)
		rc = config_read_map(&reader, NULL, root, root, reader.config);
	else
		rc = config_fail(&reader, root, "expected a mapping (key: value), found %s",
				 root->kind == MR_YAML_LIST ? "a list" : "a text");
	if (!rc)
		rc = config_finish(&reader);
	if (rc)
		goto failed;
	mr_yaml_free(document);
	*out = reader.config;
	return 0;
failed:
	mr_yaml_free(document);
	mr_config_free(reader.config);
	return rc;
}

/* file_read gives the whole file, NUL-terminated; it may be a pipe, so its size is not asked. */
static int
file_read(const char *path, char **out, size_t *out_bytes, struct mr_error *error)
{
	FILE *file = fopen(path, "re");
	size_t room_bytes = 64 << 10, bytes = 0;
	char *text = NULL;
	int rc = 0;

	if (!file)
		return mr_error_set(error, -errno, "%s: %s", path, strerror(errno));
	do {
		char *larger;

		room_bytes *= 2;
		larger = realloc(text, room_bytes + 1);
		if (!larger) {
			rc = mr_error_set(error, -ENOMEM, "%s: out of memory", path);
			break;
		}
		text = larger;
		errno = 0;
		bytes += fread(text + bytes, 1, room_bytes - bytes, file);
		if (ferror(file))
			rc = mr_error_set(error, errno ? -errno : -EIO, "%s: %s", path,
					  strerror(errno ? errno : EIO));
	} while (!rc && bytes == room_bytes && bytes <= MR_CONFIG_FILE_BYTES);
	fclose(file);
	if (rc) {
		free(text);
		return rc;
	}
	text[bytes] = 0;
	*out = text;
	*out_bytes = bytes;
	return 0;
}

int
mr_config_load(const char *path, struct mr_config **out, struct mr_error *error)
{
	size_t text_bytes = 0;
	struct mr_config *config;
	cpu_set_t cpus;
	char *text = NULL;
	int rc = file_read(path, &text, &text_bytes, error);

	if (rc)
		return rc;
	rc = mr_config_parse(text, text_bytes, path, &config, error);
	free(text);
	if (rc)
		return rc;
	/* A machine of one CPU has no second one to be the default. */
	if (!config_place_find(config, &config->cpus.control) &&
	    !sched_getaffinity(0, sizeof(cpus), &cpus) && !CPU_ISSET(config->cpus.control, &cpus))
		config->cpus.control = config->cpus.workers[0];
	*out = config;
	return 0;
}

bool
mr_config_impairs(const struct mr_config_port *port)
{
	const struct mr_net_link_config *link = &port->impair.link;

	return link->loss_ppm || link->duplicate_ppm || link->reorder_ppm || link->corrupt_ppm ||
	       link->delay_ns || link->jitter_ns || link->rate_bps || link->mtu ||
	       port->impair.drop_every;
}

static void
sites_free(struct mr_config *self)
{
	for (size_t i = 0; i < self->site_count; i++) {
		struct mr_site_config *site = &self->sites[i];

		for (size_t k = 0; k < site->route_count; k++)
			free(site->routes[k].edits);
		free(site->routes);
		free(site->hosts);
		free(site->errors);
		free(site->listens);
	}
	free(self->sites);
}

void
mr_config_free(struct mr_config *self)
{
	if (!self)
		return;
	for (size_t i = 0; i < self->port_count; i++) {
		free(self->ports[i].vlans);
		free(self->ports[i].next_hops);
		free(self->ports[i].port.bond.members);
	}
	free(self->ports);
	free(self->vips);
	free(self->cpus.workers);
	free(self->dns.transfer);
	free(self->dns.rrl.allow);
	for (size_t i = 0; i < self->dns.zone_count; i++)
		free(self->dns.zones[i].transfer);
	free(self->dns.zones);
	free(self->test_services);
	sites_free(self);
	for (size_t i = 0; i < self->upstream_count; i++) {
		free(self->upstreams[i].servers);
		free(self->upstreams[i].check.statuses);
	}
	free(self->upstreams);
	free(self->proxy.sources);
	free(self->resolver.servers);
	texts_free(self);
	if (self->places)
		free(self->places->at);
	free(self->places);
	free(self);
}
