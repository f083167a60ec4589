/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/yaml - libyaml's events into the tree, by an explicit stack (no recursion).
 */
#include "ctl/yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "ctl/config.h"

enum { CHUNK_BYTES = 64 << 10 };

/* Nodes and texts live in chunks, freed together. */
struct yaml_chunk {
	struct yaml_chunk *next;
	size_t room_bytes, used_bytes;
	_Alignas(16) char bytes[];
};

struct mr_yaml {
	struct yaml_chunk *chunks;
	struct mr_yaml_node *root;
};

/* One collection that is open. */
struct yaml_level {
	struct mr_yaml_node *node;
	struct mr_yaml_node **tail; /* where the next child goes */
	struct mr_yaml_node *key;   /* MAP: waits for its value */
};

struct yaml_reader {
	yaml_parser_t parser;
	struct mr_yaml *document;
	const char *path;
	struct mr_error *error;
	struct yaml_level levels[MR_CONFIG_DEPTH];
	uint32_t depth, node_count;
	bool ended;
};

static void *
yaml_take(struct mr_yaml *self, size_t bytes)
{
	struct yaml_chunk *chunk = self->chunks;
	void *taken;

	bytes = mr_round_up(bytes, 16);
	if (!chunk || chunk->room_bytes - chunk->used_bytes < bytes) {
		size_t room_bytes = MR_MAX(bytes, (size_t)CHUNK_BYTES);

		chunk = malloc(sizeof(*chunk) + room_bytes);
		if (!chunk)
			return NULL;
		*chunk = (struct yaml_chunk){ self->chunks, room_bytes, 0 };
		self->chunks = chunk;
	}
	taken = chunk->bytes + chunk->used_bytes;
	chunk->used_bytes += bytes;
	return taken;
}

#define YAML_FAIL(reader, mark, ...) \
	yaml_fail(reader, (uint32_t)(mark).line + 1, (uint32_t)(mark).column + 1, __VA_ARGS__)

static int MR_PRINTF(4, 5) yaml_fail(struct yaml_reader *reader, uint32_t line, uint32_t column,
				     const char *format, ...)
{
	char what[MR_ERROR_TEXT_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	return mr_error_set(reader->error, -EINVAL, "%s:%u:%u: %s", reader->path, line, column,
			    what);
}

static int
yaml_parser_failed(struct yaml_reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;

	switch (parser->error) {
	case YAML_MEMORY_ERROR:
		return mr_error_set(reader->error, -ENOMEM, "%s: out of memory", reader->path);
	case YAML_READER_ERROR:
		return yaml_fail(reader, (uint32_t)parser->mark.line + 1,
				 (uint32_t)parser->mark.column + 1,
				 "not text: %s (byte %zu of the file)", parser->problem,
				 parser->problem_offset);
	case YAML_NO_ERROR:
	case YAML_SCANNER_ERROR:
	case YAML_PARSER_ERROR:
	case YAML_COMPOSER_ERROR:
	case YAML_WRITER_ERROR:
	case YAML_EMITTER_ERROR:
		break;
	}
	return YAML_FAIL(reader, parser->problem_mark, "not YAML: %s",
			 parser->problem ? parser->problem : "unreadable");
}

static int
yaml_refuse_duplicate(struct yaml_reader *reader, const struct mr_yaml_node *map,
		      const struct mr_yaml_node *key)
{
	const struct mr_yaml_node *other;

	for (other = map->first; other; other = other->next)
		if (!strcmp(other->text, key->text))
			return yaml_fail(reader, key->line, key->column,
					 "'%.64s' is written twice, first on line %u", key->text,
					 other->line);
	if (map->child_count >= MR_YAML_KEYS)
		return yaml_fail(reader, key->line, key->column, "more than %d keys in one mapping",
				 MR_YAML_KEYS);
	return 0;
}

/* yaml_attach hangs node where the document stands now: root, list item, key or value. */
static int
yaml_attach(struct yaml_reader *reader, struct mr_yaml_node *node)
{
	struct yaml_level *level;

	if (!reader->depth) {
		reader->document->root = node;
		return 0;
	}
	level = &reader->levels[reader->depth - 1];
	if (level->node->kind == MR_YAML_MAP) {
		if (level->key) {
			level->key->value = node;
			level->key = NULL;
			return 0;
		}
		if (node->kind != MR_YAML_SCALAR)
			return yaml_fail(reader, node->line, node->column,
					 "expected a key, found a collection");
		if (yaml_refuse_duplicate(reader, level->node, node))
			return -EINVAL;
		level->key = node;
	}
	level->node->child_count++;
	*level->tail = node;
	level->tail = &node->next;
	return 0;
}

/* yaml_node_add makes a node of the event; a collection becomes the new top level. */
static int
yaml_node_add(struct yaml_reader *reader, const yaml_event_t *event, enum mr_yaml_kind kind,
	      const yaml_char_t *anchor, bool tagged)
{
	struct mr_yaml_node *node;

	if (anchor)
		return YAML_FAIL(reader, event->start_mark, "anchors (&%.32s) are not used here",
				 (const char *)anchor);
	if (tagged)
		return YAML_FAIL(reader, event->start_mark, "tags (!…) are not used here");
	if (++reader->node_count > MR_CONFIG_NODES)
		return YAML_FAIL(reader, event->start_mark, "more than %d values in one file",
				 MR_CONFIG_NODES);
	node = yaml_take(reader->document, sizeof(*node));
	if (!node)
		return mr_error_set(reader->error, -ENOMEM, "%s: out of memory", reader->path);
	*node = (struct mr_yaml_node){ .kind = kind,
				       .line = (uint32_t)event->start_mark.line + 1,
				       .column = (uint32_t)event->start_mark.column + 1 };
	if (kind == MR_YAML_SCALAR) {
		size_t bytes = event->data.scalar.length;

		if (memchr(event->data.scalar.value, 0, bytes))
			return YAML_FAIL(reader, event->start_mark, "a NUL character in a text");
		node->text = yaml_take(reader->document, bytes + 1);
		if (!node->text)
			return mr_error_set(reader->error, -ENOMEM, "%s: out of memory",
					    reader->path);
		memcpy(node->text, event->data.scalar.value, bytes);
		node->text[bytes] = 0;
		node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
		return yaml_attach(reader, node);
	}
	if (yaml_attach(reader, node))
		return -EINVAL;
	if (reader->depth == MR_CONFIG_DEPTH)
		return YAML_FAIL(reader, event->start_mark, "nested more than %d deep",
				 MR_CONFIG_DEPTH);
	reader->levels[reader->depth++] = (struct yaml_level){ node, &node->first, NULL };
	return 0;
}

static int
yaml_event(struct yaml_reader *reader, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return 0;
	case YAML_STREAM_END_EVENT:
		reader->ended = true;
		return 0;
	case YAML_DOCUMENT_START_EVENT:
		if (reader->document->root)
			return YAML_FAIL(reader, event->start_mark,
					 "a second document; one file holds one");
		return 0;
	case YAML_ALIAS_EVENT:
		return YAML_FAIL(reader, event->start_mark, "aliases (*%.32s) are not used here",
				 (const char *)event->data.alias.anchor);
	case YAML_SCALAR_EVENT:
		return yaml_node_add(reader, event, MR_YAML_SCALAR, event->data.scalar.anchor,
				     event->data.scalar.tag != NULL);
	case YAML_SEQUENCE_START_EVENT:
		return yaml_node_add(reader, event, MR_YAML_LIST, event->data.sequence_start.anchor,
				     event->data.sequence_start.tag != NULL);
	case YAML_MAPPING_START_EVENT:
		return yaml_node_add(reader, event, MR_YAML_MAP, event->data.mapping_start.anchor,
				     event->data.mapping_start.tag != NULL);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		MR_ASSERT(reader->depth > 0);
		reader->depth--;
		return 0;
	}
	return 0;
}

int
mr_yaml_parse(const char *text, size_t text_bytes, const char *path, struct mr_yaml **out,
	      struct mr_error *error)
{
	struct yaml_reader reader = { .path = path, .error = error };
	int rc = 0;

	if (text_bytes > MR_CONFIG_FILE_BYTES)
		return mr_error_set(error, -EFBIG, "%s: larger than %d MiB", path,
				    MR_CONFIG_FILE_BYTES >> 20);
	reader.document = calloc(1, sizeof(*reader.document));
	if (!reader.document || !yaml_parser_initialize(&reader.parser)) {
		free(reader.document);
		return mr_error_set(error, -ENOMEM, "%s: out of memory", path);
	}
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, text_bytes);
	while (!rc && !reader.ended) { /* bounded by the text: each event takes some of it */
		yaml_event_t event;

		if (!yaml_parser_parse(&reader.parser, &event)) {
			rc = yaml_parser_failed(&reader);
			break;
		}
		rc = yaml_event(&reader, &event);
		yaml_event_delete(&event);
	}
	if (!rc && !reader.document->root)
		rc = mr_error_set(error, -EINVAL, "%s:1:1: expected a mapping, found nothing",
				  path);
	yaml_parser_delete(&reader.parser);
	if (rc) {
		mr_yaml_free(reader.document);
		return rc;
	}
	*out = reader.document;
	return 0;
}

const struct mr_yaml_node *
mr_yaml_root(const struct mr_yaml *self)
{
	return self->root;
}

void
mr_yaml_free(struct mr_yaml *self)
{
	if (!self)
		return;
	while (self->chunks) {
		struct yaml_chunk *chunk = self->chunks;

		self->chunks = chunk->next;
		free(chunk);
	}
	free(self);
}
