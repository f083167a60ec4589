/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/command - the rows, and reading what a person typed by them.
 */
#include "ctl/command.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/suggest.h"

#define COMMAND_ROW(symbol, name, role, kind, required, arg, help) \
	{ name, MR_CTL_##role, MR_COMMAND_##kind, required, arg, help },

static const struct mr_command commands[] = { MR_COMMANDS(COMMAND_ROW)
						      MR_LOCAL_COMMANDS(COMMAND_ROW) };

const struct mr_command *
mr_command_at(size_t index)
{
	return index < MR_ARRAY_COUNT(commands) ? &commands[index] : NULL;
}

const struct mr_command *
mr_command_find(const char *name)
{
	for (size_t i = 0; i < MR_ARRAY_COUNT(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

bool
mr_command_is_local(const struct mr_command *command)
{
	return command - commands >= MR_COMMAND_COUNT;
}

const char *
mr_command_nearest(const char *name)
{
	struct mr_suggest suggest = mr_suggest_start(name);

	/* The whole name; or, of one word, the name that begins with it: "sho" is a show command. */
	for (size_t i = 0; i < MR_ARRAY_COUNT(commands); i++)
		mr_suggest_offer(&suggest, commands[i].name);
	for (size_t i = 0; !suggest.best && i < MR_ARRAY_COUNT(commands); i++)
		if (!strncmp(commands[i].name, name, strlen(name)))
			suggest.best = commands[i].name;
	return suggest.best;
}

/* command_begins returns how many of words the command's name takes up; 0 when they are others. */
static size_t
command_begins(const struct mr_command *command, size_t word_count, const char *const *words)
{
	const char *rest = command->name;
	size_t taken = 0;

	while (taken < word_count) {
		size_t bytes = strcspn(rest, " ");

		if (strlen(words[taken]) != bytes || memcmp(words[taken], rest, bytes))
			return 0;
		taken++;
		if (!rest[bytes])
			return taken;
		rest += bytes + 1;
	}
	return 0;
}

/* command_unknown_in says what a group of commands (the first word) takes. */
static void
command_unknown_in(const char *group, const char *second, const char *members,
		   struct mr_error *error)
{
	struct mr_suggest suggest = mr_suggest_start(second ? second : "");
	size_t bytes = strlen(group);

	for (size_t i = 0; second && i < MR_ARRAY_COUNT(commands); i++)
		if (!strncmp(commands[i].name, group, bytes) && commands[i].name[bytes] == ' ')
			mr_suggest_offer(&suggest, commands[i].name + bytes + 1);
	if (!second)
		(void)mr_error_set(error, -EINVAL, "%s what? %s", group, members);
	else if (suggest.best)
		(void)mr_error_set(error, -EINVAL, "no command '%s %.64s'; did you mean '%s %s'?",
				   group, second, group, suggest.best);
	else
		(void)mr_error_set(error, -EINVAL, "no command '%s %.64s'; %s takes %s", group,
				   second, group, members);
}

static void
command_unknown(size_t word_count, const char *const *words, struct mr_error *error)
{
	size_t used = 0, bytes = strlen(words[0]);
	char typed[128], members[256] = "";
	const char *nearest;

	for (size_t i = 0; i < MR_ARRAY_COUNT(commands); i++) {
		if (strncmp(commands[i].name, words[0], bytes) || commands[i].name[bytes] != ' ')
			continue;
		used += (size_t)snprintf(members + used, sizeof(members) - used, "%s%s",
					 used ? ", " : "", commands[i].name + bytes + 1);
	}
	if (used) {
		command_unknown_in(words[0], word_count > 1 ? words[1] : NULL, members, error);
		return;
	}
	snprintf(typed, sizeof(typed), "%s%s%s", words[0], word_count > 1 ? " " : "",
		 word_count > 1 ? words[1] : "");
	nearest = mr_command_nearest(typed);
	if (!nearest)
		nearest = mr_command_nearest(words[0]);
	if (nearest)
		(void)mr_error_set(error, -EINVAL, "no command '%.64s'; did you mean '%s'?", typed,
				   nearest);
	else
		(void)mr_error_set(error, -EINVAL, "no command '%.64s'; see millctl --help", typed);
}

static json_t *
command_file(const char *word)
{
	char folder[PATH_MAX];

	if (word[0] == '/' || !getcwd(folder, sizeof(folder)))
		return json_string(word);
	return json_sprintf("%s/%s", folder, word);
}

static bool
takes_words(const struct mr_command *command)
{
	return command->kind == MR_COMMAND_WORDS || command->kind == MR_COMMAND_ZONE_WORDS;
}

static json_t *
command_words(size_t word_count, const char *const *words)
{
	json_t *list = json_array();

	for (size_t i = 0; i < word_count; i++) {
		if (json_array_append_new(list, json_string(words[i]))) { /* not UTF-8 */
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

const struct mr_command *
mr_command_read(size_t word_count, const char *const *words, json_t **args, struct mr_error *error)
{
	const struct mr_command *command = NULL;
	size_t taken = 0, room;
	json_t *value;

	MR_ASSERT(word_count > 0);
	for (size_t i = 0; i < MR_ARRAY_COUNT(commands); i++) {
		size_t begins = command_begins(&commands[i], word_count, words);

		if (begins > taken) {
			taken = begins;
			command = &commands[i];
		}
	}
	if (!command) {
		command_unknown(word_count, words, error);
		return NULL;
	}
	room = takes_words(command) ? MR_COMMAND_WORDS_MAX : command->arg != NULL;
	if (word_count > taken + room) {
		(void)mr_error_set(error, -EINVAL, "%s: '%.64s' is one word too many",
				   command->name, words[taken + room]);
		return NULL;
	}
	if (word_count == taken && command->required) {
		(void)mr_error_set(error, -EINVAL, "%s: which %s?", command->name, command->arg);
		return NULL;
	}
	*args = json_object();
	if (word_count == taken)
		return command;
	if (word_count > taken + 1)
		value = command_words(word_count - taken, words + taken);
	else
		value = command->kind == MR_COMMAND_FILE ? command_file(words[taken])
							 : json_string(words[taken]);
	if (!value || json_object_set_new(*args, command->arg, value)) {
		(void)mr_error_set(error, -EINVAL, "%s: the %s is not UTF-8", command->name,
				   command->arg);
		json_decref(*args);
		return NULL;
	}
	return command;
}

static bool
is_text(const json_t *value)
{
	return json_is_string(value) && json_string_length(value) &&
	       strlen(json_string_value(value)) == json_string_length(value);
}

static bool
is_argument(const struct mr_command *command, const json_t *value)
{
	size_t count = takes_words(command) ? json_array_size(value) : 0;

	if (count == 0)
		return is_text(value);
	for (size_t i = 0; i < count; i++)
		if (!is_text(json_array_get(value, i)))
			return false;
	return count <= MR_COMMAND_WORDS_MAX;
}

size_t
mr_command_words(const json_t *value, const char *words[MR_COMMAND_WORDS_MAX])
{
	size_t count = json_array_size(value);

	if (!json_is_array(value)) {
		words[0] = json_string_value(value);
		return words[0] != NULL;
	}
	for (size_t i = 0; i < count; i++)
		words[i] = json_string_value(json_array_get(value, i));
	return count;
}

int
mr_command_check(const struct mr_command *command, const json_t *args, struct mr_error *error)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)args, key, value)
	{
		if (!command->arg || strcmp(key, command->arg))
			return mr_error_set(error, -EINVAL, "%s takes no '%.64s'", command->name,
					    key);
		if (!is_argument(command, value))
			return mr_error_set(error, -EINVAL, "%s: '%s' must be a text",
					    command->name, key);
	}
	if (command->required && !json_object_get(args, command->arg))
		return mr_error_set(error, -EINVAL, "%s: which %s?", command->name, command->arg);
	return 0;
}
