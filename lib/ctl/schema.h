/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/schema - the one table of configuration keys.
 *
 * A row is a key: where it stands in the file, what it may hold, its default, its unit, what it
 * does, and whether a running instance takes a new value. The parser, `config schema`, `config
 * show`, the comparison of two configurations and millctl's completion are all driven by it: a new
 * key is one row here and one field in struct mr_config.
 *
 * Owner: nobody; const. Thread: any. Memory: none.
 */
#ifndef MR_CTL_SCHEMA_H
#define MR_CTL_SCHEMA_H

#include <jansson.h>
#include <stdio.h>

#include "base/base.h"

enum mr_schema_type {
	MR_SCHEMA_MAP,    /* rows below it: "path.key" */
	MR_SCHEMA_LIST,   /* its items are the row "path[]" */
	MR_SCHEMA_NAME,   /* char[room] of letters, digits, '-', '_', '.' */
	MR_SCHEMA_PATH,   /* char[room], or as TEXT when room is 0; relative to the file's folder */
	MR_SCHEMA_DOMAIN, /* as TEXT; the final dot is added */
	MR_SCHEMA_TEXT,   /* const char *: any text; it lives as long as the configuration */
	MR_SCHEMA_BOOL,   /* bool: on|off, yes|no, true|false */
	MR_SCHEMA_U16,    /* uint16_t */
	MR_SCHEMA_U32,    /* uint32_t */
	MR_SCHEMA_SIZE,   /* uint64_t bytes, written like 64MiB */
	MR_SCHEMA_DURATION,  /* uint64_t nanoseconds, written like 10ms */
	MR_SCHEMA_RATE,      /* uint64_t bits a second, written like 10Mbit */
	MR_SCHEMA_PERCENT,   /* uint32_t parts of a million, written like 0.5% */
	MR_SCHEMA_CHOICE,    /* int (an enum), one of choices */
	MR_SCHEMA_ADDR,      /* struct mr_addr */
	MR_SCHEMA_PREFIX,    /* struct mr_prefix */
	MR_SCHEMA_MAC,       /* struct mr_mac, and a bool that says it is there */
	MR_SCHEMA_VLAN,      /* uint32_t (base/addr): NUMBER or OUTER/INNER */
	MR_SCHEMA_NEXT_HOP,  /* struct mr_config_next_hop: ADDRESS or ADDRESS@VLAN */
	MR_SCHEMA_LISTEN,    /* struct mr_site_listen: ADDRESS:PORT, [ADDRESS]:PORT or PORT */
	MR_SCHEMA_SERVER,    /* struct mr_upstream_server: HOST:PORT, [ADDRESS]:PORT or HOST */
	MR_SCHEMA_STATUS,    /* struct mr_upstream_status: 200 or 200-299 */
	MR_SCHEMA_KIND,      /* struct mr_port_member: the key is the kind, the value its target */
	MR_SCHEMA_KIND_PATH, /* the same, where the target is a file name */
	MR_SCHEMA_KIND_PCI,  /* the same, where the target is a PCI address; 0000: is added */
};

/* When a new value takes effect. */
enum mr_schema_apply {
	MR_SCHEMA_BOOT, /* at the next start; `config load` refuses the change */
	MR_SCHEMA_LIVE, /* at `config load` */
};

struct mr_schema_choice {
	const char *text;
	int value;
};

struct mr_schema_row {
	const char *path; /* "ports[].mtu" */
	enum mr_schema_type type;
	enum mr_schema_apply apply;
	bool required;
	uint32_t offset;      /* of the value in the struct of the nearest list item above, or of
				 struct mr_config */
	uint32_t aux_offset;  /* LIST: of the size_t count; MAC: of the bool */
	uint32_t room;        /* bytes of a text; of one item of a list */
	uint64_t low, high;   /* bounds of a number, of a text's length, of a list's count */
	const char *fallback; /* the default as an operator would write it; NULL: none, zeroed */
	const char *unit;     /* "bytes", "packets/s", … or "" */
	const char *help;
	const struct mr_schema_choice *choices; /* ends with text NULL */
	const char *key;                        /* LIST of mappings: the key that names an item */
};

/* mr_schema_at walks the rows, parents before children; NULL at the end. mr_schema_find returns the
 * row of exactly this path, or NULL. */
const struct mr_schema_row *mr_schema_at(size_t index);
const struct mr_schema_row *mr_schema_find(const char *path);

/* mr_schema_child walks the keys of the mapping at parent (NULL: the document); *walk starts at 0.
 * mr_schema_key is the last part of a row's path. */
const struct mr_schema_row *mr_schema_child(const struct mr_schema_row *parent, size_t *walk);
const char *mr_schema_key(const struct mr_schema_row *row);

/* mr_schema_expected writes what a value of row must look like ("a number from 1 to 65535"). */
enum { MR_SCHEMA_EXPECTED_BYTES = 160 };
const char *mr_schema_expected(const struct mr_schema_row *row, char out[MR_SCHEMA_EXPECTED_BYTES]);

/* mr_schema_json gives the table as a JSON list (a new reference); mr_schema_print writes it for a
 * person, grouped and aligned. */
json_t *mr_schema_json(void);
void mr_schema_print(FILE *out);

#endif
