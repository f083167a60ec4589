/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/yaml - one YAML document as a small tree that remembers where everything was written.
 *
 * What a configuration does not need is refused, each with its place: anchors and aliases (so a
 * small file cannot unfold into a large tree), tags, several documents, keys that are not plain
 * text, a key written twice. Depth, nodes and keys of one mapping are bounded.
 *
 * Owner: the caller, until mr_yaml_free. Thread: any but workers. Memory: the heap.
 * Spec:  YAML 1.1, read by libyaml's event parser.
 */
#ifndef MR_CTL_YAML_H
#define MR_CTL_YAML_H

#include "base/base.h"

enum { MR_YAML_KEYS = 64 /* of one mapping */ };

enum mr_yaml_kind { MR_YAML_SCALAR, MR_YAML_LIST, MR_YAML_MAP };

struct mr_yaml_node {
	enum mr_yaml_kind kind;
	bool quoted;           /* a scalar in quotes is a text, even when it looks like a number */
	uint32_t line, column; /* from 1 */
	uint32_t child_count;
	struct mr_yaml_node *first; /* LIST: items; MAP: keys, each with its value */
	struct mr_yaml_node *next;
	struct mr_yaml_node *value; /* of a key */
	char *text;                 /* SCALAR: NUL-terminated, without other NULs */
};

struct mr_yaml; /* the document: owns its nodes */

/* mr_yaml_parse gives the document in *out; path is for errors: "PATH:LINE:COLUMN: what". */
MR_MUST_USE int mr_yaml_parse(const char *text, size_t text_bytes, const char *path,
			      struct mr_yaml **out, struct mr_error *error);
const struct mr_yaml_node *mr_yaml_root(const struct mr_yaml *self);
void mr_yaml_free(struct mr_yaml *self);

#endif
