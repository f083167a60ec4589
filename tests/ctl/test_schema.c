/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/schema, ctl/suggest, ctl/command - the tables are sane, and the nearest word is found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/ctl.h"
#include "ctl/suggest.h"

static bool
is_number(enum mr_schema_type type)
{
	return type == MR_SCHEMA_U16 || type == MR_SCHEMA_U32 || type == MR_SCHEMA_SIZE;
}

static void
each_row_is_whole(void **state)
{
	const struct mr_schema_row *row;

	(void)state;
	for (size_t i = 0; (row = mr_schema_at(i)); i++) {
		char parent[128], expected[MR_SCHEMA_EXPECTED_BYTES];
		char *dot;

		assert_ptr_equal(mr_schema_find(row->path), row); /* each path once */
		assert_true(row->help && *row->help);
		assert_true(*mr_schema_expected(row, expected));
		assert_true(row->low <= row->high || !row->high);
		assert_false(row->required && row->fallback);
		if (is_number(row->type))
			assert_true(row->high > 0);
		if (row->type == MR_SCHEMA_CHOICE)
			assert_non_null(row->choices);
		/* its parent stands before it */
		snprintf(parent, sizeof(parent), "%s", row->path);
		dot = strrchr(parent, '.');
		if (dot) {
			*dot = 0;
			assert_non_null(mr_schema_find(parent));
			assert_true(mr_schema_find(parent) < row);
		}
		if (row->type == MR_SCHEMA_LIST) {
			snprintf(parent, sizeof(parent), "%s[]", row->path);
			assert_non_null(mr_schema_find(parent));
			assert_true(row->room > 0);
		}
	}
}

static void
each_row_is_its_parents_child(void **state)
{
	const struct mr_schema_row *row, *child;
	size_t reached = 0, rows = 0;

	(void)state;
	for (size_t i = 0; (row = mr_schema_at(i)); i++) {
		size_t walk = 0;

		rows += !strstr(row->path, "[]") || strchr(strrchr(row->path, ']'), '.');
		if (row->type != MR_SCHEMA_MAP)
			continue;
		while ((child = mr_schema_child(row, &walk)))
			reached++;
	}
	for (size_t walk = 0; mr_schema_child(NULL, &walk);)
		reached++;
	assert_int_equal(reached, rows);
}

static void
the_table_can_be_printed(void **state)
{
	json_t *json = mr_schema_json();
	char *text = NULL;
	size_t bytes, rows = 0;
	FILE *out = open_memstream(&text, &bytes);

	(void)state;
	while (mr_schema_at(rows))
		rows++;
	assert_int_equal(json_array_size(json), rows);
	mr_schema_print(out);
	fclose(out);
	assert_non_null(strstr(text, "memory.packet_buffers"));
	assert_non_null(strstr(text, "default 16384"));
	free(text);
	json_decref(json);
}

static void
distances_are_counted(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned distance;
	} pairs[] = {
		{ "", "", 0 },         { "a", "", 1 },
		{ "", "abc", 3 },      { "port", "port", 0 },
		{ "prot", "port", 1 }, { "ports", "port", 1 },
		{ "pirt", "port", 1 }, { "kitten", "sitting", 3 },
	};
	char longest[MR_SUGGEST_BYTES + 2];

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(pairs); i++) {
		assert_int_equal(mr_suggest_distance(pairs[i].a, pairs[i].b), pairs[i].distance);
		assert_int_equal(mr_suggest_distance(pairs[i].b, pairs[i].a), pairs[i].distance);
	}
	memset(longest, 'a', sizeof(longest));
	longest[MR_SUGGEST_BYTES] = 0;
	assert_int_equal(mr_suggest_distance(longest, ""), MR_SUGGEST_BYTES);
	longest[MR_SUGGEST_BYTES] = 'a';
	longest[MR_SUGGEST_BYTES + 1] = 0;
	assert_int_equal(mr_suggest_distance(longest, ""), UINT_MAX);
}

static void
the_far_is_not_suggested(void **state)
{
	struct mr_suggest suggest = mr_suggest_start("xyz");

	(void)state;
	mr_suggest_offer(&suggest, "port");
	assert_null(suggest.best);
	suggest = mr_suggest_start("prot");
	mr_suggest_offer(&suggest, "part");
	mr_suggest_offer(&suggest, "port");
	assert_string_equal(suggest.best, "port");
}

static void
read_words(size_t count, const char *const *words, const char *name, const char *error_text)
{
	struct mr_error error = { 0 };
	json_t *args = NULL;
	const struct mr_command *command = mr_command_read(count, words, &args, &error);

	if (name) {
		assert_non_null(command);
		assert_string_equal(command->name, name);
	} else {
		assert_null(command);
		assert_string_equal(error.text, error_text);
	}
	json_decref(args);
}

#define WORDS(...)                                                                   \
	(sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)), (const char *[]) \
	{                                                                            \
		__VA_ARGS__                                                          \
	}

static void
words_become_commands(void **state)
{
	(void)state;
	read_words(WORDS("status"), "status", NULL);
	read_words(WORDS("zone", "reload"), "zone reload", NULL);
	read_words(WORDS("zone", "reload", "example.com"), "zone reload", NULL);
	read_words(WORDS("config", "load", "/x"), "config load", NULL);
	read_words(WORDS("zone", "show"), NULL, "zone show: which name?");
	read_words(WORDS("config", "load"), NULL, "config load: which file?");
	read_words(WORDS("status", "now"), NULL, "status: 'now' is one word too many");
	read_words(WORDS("zone", "reload", "a", "b"), NULL,
		   "zone reload: 'b' is one word too many");
	read_words(WORDS("stauts"), NULL, "no command 'stauts'; did you mean 'status'?");
	read_words(WORDS("show", "prots"), NULL,
		   "no command 'show prots'; did you mean 'show ports'?");
	read_words(WORDS("zone", "frobnicate"), NULL,
		   "no command 'zone frobnicate'; zone takes list, show, reload, check");
	read_words(WORDS("show"), NULL,
		   "show what? workers, turns, ports, zones, sites, counters, metrics, latency, "
		   "memory, neighbours, connections, rrl");
	read_words(WORDS("frobnicate"), NULL, "no command 'frobnicate'; see millctl --help");
}

static void
a_relative_file_is_made_absolute(void **state)
{
	json_t *args = NULL;
	const char *file;

	(void)state;
	assert_non_null(mr_command_read(WORDS("config", "load", "m.yaml"), &args, NULL));
	file = json_string_value(json_object_get(args, "file"));
	assert_int_equal(file[0], '/');
	assert_string_equal(file + strlen(file) - 7, "/m.yaml");
	json_decref(args);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_is_whole),
		cmocka_unit_test(each_row_is_its_parents_child),
		cmocka_unit_test(the_table_can_be_printed),
		cmocka_unit_test(distances_are_counted),
		cmocka_unit_test(the_far_is_not_suggested),
		cmocka_unit_test(words_become_commands),
		cmocka_unit_test(a_relative_file_is_made_absolute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
