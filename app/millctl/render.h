/* SPDX-License-Identifier: Apache-2.0
 *
 * millctl/render - a command's result for a person: aligned tables and fields, from one table.
 *
 * Owner: nobody. Thread: one. Memory: the heap while it prints.
 */
#ifndef MILLCTL_RENDER_H
#define MILLCTL_RENDER_H

#include <jansson.h>
#include <stdio.h>

/* render_result prints result of the command called name; one that has no rows in the table is
 * printed as JSON. */
void render_result(FILE *out, const char *name, const json_t *result);

/* render_json prints any value indented. */
void render_json(FILE *out, const json_t *value);

#endif
