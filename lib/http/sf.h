/* SPDX-License-Identifier: Apache-2.0
 *
 * http/sf - Structured Fields: lists, dictionaries and items, read and written.
 *
 * A value becomes nodes in an array of the caller's, linked by index + 1 (0: none):
 *
 *   first -> member -next-> member -next-> ...     of a list or dictionary; an item is one
 *              |- params -> parameter -next-> ...    nodes with a key and a value
 *              '- inner  -> item -next-> item ...    of an inner list; each has its own params
 *
 * Text of tokens and keys points into the field's bytes; strings, byte sequences and display
 * strings are decoded into a buffer of the caller's, which needs at most as many bytes as the field
 * has.
 *
 * (1) A field that breaks one rule fails as a whole (RFC 9651 4.2), as does one with more nodes
 *     than room.
 * (2) A key that comes twice keeps its first place and its last value.
 * (3) Writing what was read gives the canonical form; reading that gives the same nodes.
 *
 * A key is searched among those before it, so a worker gives room for tens of nodes, not thousands.
 *
 * Owner:  the caller. Thread: any. Memory: nodes and text of the caller's; nothing is allocated.
 * Spec:   RFC 9651.
 */
#ifndef MR_HTTP_SF_H
#define MR_HTTP_SF_H

#include "base/base.h"

enum {
	MR_HTTP_SF_NODES_MAX =
		4096, /* of one field: 1,024 members and their parameters are required */
	MR_HTTP_SF_LINES_MAX = 64, /* field lines of one field */
};

#define MR_HTTP_SF_INTEGER_MAX 999999999999999ll

enum mr_http_sf_kind { MR_HTTP_SF_ITEM, MR_HTTP_SF_LIST, MR_HTTP_SF_DICTIONARY };

enum mr_http_sf_type {
	MR_HTTP_SF_INTEGER,
	MR_HTTP_SF_DECIMAL, /* number is in thousandths */
	MR_HTTP_SF_STRING,
	MR_HTTP_SF_TOKEN,
	MR_HTTP_SF_BYTES,
	MR_HTTP_SF_BOOLEAN, /* number is 0 or 1 */
	MR_HTTP_SF_DATE,    /* number is in seconds */
	MR_HTTP_SF_DISPLAY, /* UTF-8 */
	MR_HTTP_SF_INNER,   /* an inner list */
};

struct mr_http_sf_node {
	const uint8_t *key; /* of dictionary members and parameters */
	union {
		const uint8_t *text;
		int64_t number;
	};
	uint32_t text_bytes;
	uint16_t key_bytes;
	uint16_t next, params, inner; /* index + 1 */
	uint8_t type;                 /* enum mr_http_sf_type */
};

struct mr_http_sf_line {
	const uint8_t *text;
	size_t bytes;
};

struct mr_http_sf {
	struct mr_http_sf_node *nodes;
	uint8_t *text;
	uint32_t text_room, text_used;
	uint16_t node_room, node_count; /* node_room is at most MR_HTTP_SF_NODES_MAX */
	uint16_t first;                 /* index + 1 */
	uint8_t kind;                   /* enum mr_http_sf_kind */
};

/* mr_http_sf_parse reads a field of the given kind from its lines, in their order, into the nodes
 * and the text buffer that self names. False when it is malformed or does not fit; self is then
 * empty. Values that are cut at a line's end fail (4.2 lets them). */
MR_NONNULL MR_MUST_USE bool mr_http_sf_parse(struct mr_http_sf *self, enum mr_http_sf_kind kind,
					     const struct mr_http_sf_line *lines, unsigned count);

/* mr_http_sf_write writes the canonical form. out->failed is set when the room is too small or a
 * node holds what cannot be written (4.1): a number out of range, text outside its type's octets.
 * An empty list or dictionary writes nothing: the field is then to be left out. */
MR_NONNULL void mr_http_sf_write(struct mr_writer *out, const struct mr_http_sf *self);

/* mr_http_sf_find returns the member, or parameter, with that key in the chain that begins at first
 * (index + 1), or NULL. */
MR_NONNULL const struct mr_http_sf_node *mr_http_sf_find(const struct mr_http_sf *self,
							 uint16_t first, const char *key);

static inline const struct mr_http_sf_node *
mr_http_sf_at(const struct mr_http_sf *self, uint16_t index_plus_1)
{
	return index_plus_1 ? &self->nodes[index_plus_1 - 1] : NULL;
}

#endif
