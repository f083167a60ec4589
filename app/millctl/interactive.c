/* SPDX-License-Identifier: Apache-2.0
 *
 * millctl/interactive - libedit, its history in ~/.millctl_history.
 */
#include "interactive.h"

#include <histedit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "ctl/ctl.h"

enum { WORD_MAX = 16, HISTORY_LINES = 1000, PATH_ROOM = 512 };

static char *
prompt(EditLine *edit)
{
	static char text[] = "millrace> ";

	(void)edit;
	return text;
}

/* complete finds the commands that begin with what stands before the cursor. One: its rest is
 * inserted. Several: what they share is inserted, or they are listed. */
static unsigned char
complete(EditLine *edit, int key)
{
	const LineInfo *line = el_line(edit);
	size_t typed = (size_t)(line->cursor - line->buffer), matches = 0, shared = 0;
	const char *first = NULL;
	const struct mr_command *command;

	(void)key;
	for (size_t i = 0; (command = mr_command_at(i)); i++) {
		size_t common = typed;

		if (strncmp(command->name, line->buffer, typed))
			continue;
		if (!first) {
			first = command->name;
			shared = strlen(first);
		}
		while (first[common] && first[common] == command->name[common])
			common++;
		shared = MR_MIN(shared, common);
		matches++;
	}
	if (!matches)
		return CC_ERROR;
	if (shared > typed || matches == 1) {
		char rest[64];

		snprintf(rest, sizeof(rest), "%.*s%s", (int)(shared - typed), first + typed,
			 matches == 1 ? " " : "");
		return el_insertstr(edit, rest) ? CC_ERROR : CC_REFRESH;
	}
	fputc('\n', stdout);
	for (size_t i = 0; (command = mr_command_at(i)); i++)
		if (!strncmp(command->name, line->buffer, typed))
			printf("  %-20s %s\n", command->name, command->help);
	return CC_REDISPLAY;
}

static size_t
split(char *line, const char *words[WORD_MAX])
{
	size_t count = 0;
	char *rest = line, *word;

	while (count < WORD_MAX && (word = strsep(&rest, " \t\n")))
		if (*word)
			words[count++] = word;
	return count;
}

int
interactive_run(int (*run)(void *context, size_t word_count, const char *const *words),
		void *context)
{
	EditLine *edit = el_init("millctl", stdin, stdout, stderr);
	History *past = history_init();
	char path[PATH_ROOM] = "";
	const char *home = getenv("HOME"), *line;
	int status = 0, bytes;
	HistEvent event;

	if (!edit || !past)
		return 1;
	history(past, &event, H_SETSIZE, HISTORY_LINES);
	history(past, &event, H_SETUNIQUE, 1);
	if (home &&
	    (size_t)snprintf(path, sizeof(path), "%s/.millctl_history", home) < sizeof(path))
		history(past, &event, H_LOAD, path);
	el_set(edit, EL_PROMPT, prompt);
	el_set(edit, EL_EDITOR, "emacs");
	el_set(edit, EL_HIST, history, past);
	el_set(edit, EL_SIGNAL, 1);
	el_set(edit, EL_ADDFN, "complete", "complete a command", complete);
	el_set(edit, EL_BIND, "^I", "complete", NULL);
	while ((line = el_gets(edit, &bytes)) && bytes > 0) {
		const char *words[WORD_MAX];
		char *copy = strdup(line);
		size_t count = copy ? split(copy, words) : 0;
		bool quit = count && (!strcmp(words[0], "quit") || !strcmp(words[0], "exit"));

		if (count && !quit) {
			history(past, &event, H_ENTER, line);
			status = run(context, count, words);
		}
		free(copy);
		if (quit)
			break;
	}
	if (path[0])
		history(past, &event, H_SAVE, path);
	history_end(past);
	el_end(edit);
	return status;
}
