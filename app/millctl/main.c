/* SPDX-License-Identifier: Apache-2.0
 *
 * millctl - ask and tell a running millraced, over its UNIX socket.
 *
 * Exit codes: 0 done, 1 the command failed, 2 wrong usage, 3 no connection. With --json, standard
 * output is one JSON value, also on failure: {"error": {"code": …, "text": …}}.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "ctl/ctl.h"
#include "exit.h"
#include "interactive.h"
#include "render.h"
#include "zone.h"

enum { MORE_MAX = 16 };

#define DEFAULT_SOCKET "/run/millrace/millraced.sock"

struct session {
	const char *socket;
	bool json;
	int fd; /* -1: not connected yet */
};

static void
usage(FILE *out)
{
	const struct mr_command *command;

	fputs("millctl - ask and tell a running millraced\n"
	      "\n"
	      "  millctl [OPTION…] COMMAND [ARGUMENT]    do one thing\n"
	      "  millctl [OPTION…]                       a prompt, on a terminal\n"
	      "\n"
	      "Commands:\n",
	      out);
	for (size_t i = 0; (command = mr_command_at(i)); i++) {
		char line[64], arg[32] = "";

		if (command->arg) {
			snprintf(arg, sizeof(arg), command->required ? " %s" : " [%s]",
				 command->arg);
			for (char *c = arg; *c; c++)
				if (*c >= 'a' && *c <= 'z')
					*c = (char)(*c - 'a' + 'A');
		}
		snprintf(line, sizeof(line), "%s%s", command->name, arg);
		fprintf(out, "  %-24s %s\n", line, command->help);
	}
	fputs("\n"
	      "Options:\n"
	      "  -s, --socket PATH        where millraced listens (" DEFAULT_SOCKET ")\n"
	      "  -j, --json               print results, and errors, as JSON\n"
	      "  -h, --help               this text\n"
	      "  -V, --version            the version\n"
	      "\n"
	      "Exit codes: 0 done, 1 the command failed, 2 wrong usage, 3 no connection.\n",
	      out);
}

static int
fail(const struct session *self, int status, const char *code, const char *text)
{
	if (self->json) {
		json_t *message = json_pack("{s{ss ss}}", "error", "code", code, "text", text);

		render_json(stdout, message);
		json_decref(message);
	} else {
		fprintf(stderr, "millctl: %s\n", text);
	}
	return status;
}

/* schema_local answers `config schema` without a server: the table is linked in here too. */
static int
schema_local(const struct session *self)
{
	if (self->json) {
		json_t *keys = json_pack("{so}", "keys", mr_schema_json());

		render_json(stdout, keys);
		json_decref(keys);
	} else {
		mr_schema_print(stdout);
	}
	return EXIT_DONE;
}

static int
session_connect(struct session *self)
{
	struct mr_error error = { 0 };

	if (self->fd >= 0)
		return EXIT_DONE;
	self->fd = mr_rpc_connect(self->socket, &error);
	return self->fd >= 0 ? EXIT_DONE : fail(self, EXIT_CONNECT, "no_connection", error.text);
}

static int
session_print(const struct session *self, const struct mr_command *command, const json_t *response)
{
	const json_t *error = json_object_get(response, "error");
	const json_t *result = json_object_get(response, "result");

	if (!json_is_true(json_object_get(response, "ok"))) {
		const char *code = json_string_value(json_object_get(error, "code"));
		const char *text = json_string_value(json_object_get(error, "text"));

		return fail(self, EXIT_FAILED, code ? code : "failed", text ? text : "failed");
	}
	if (self->json)
		render_json(stdout, result);
	else
		render_result(stdout, command->name, result);
	return EXIT_DONE;
}

static int
run(void *context, size_t word_count, const char *const *words)
{
	struct session *self = context;
	struct mr_error error = { 0 };
	const struct mr_command *command;
	json_t *args = NULL, *response = NULL;
	int status;

	if (!strcmp(words[0], "help")) {
		usage(stdout);
		return EXIT_DONE;
	}
	command = mr_command_read(word_count, words, &args, &error);
	if (!command)
		return fail(self, EXIT_USAGE, "usage", error.text);
	if (!strcmp(command->name, "config schema")) {
		json_decref(args);
		return schema_local(self);
	}
	if (mr_command_is_local(command)) {
		status = zone_check(args, self->json, &error);
		json_decref(args);
		return error.code ? fail(self, status, "failed", error.text) : status;
	}
	status = session_connect(self);
	if (status) {
		json_decref(args);
		return status;
	}
	if (mr_rpc_call(self->fd, command->name, args, &response, &error)) {
		close(self->fd);
		self->fd = -1; /* the next command connects again */
		return fail(self, EXIT_CONNECT, "no_connection", error.text);
	}
	status = session_print(self, command, response);
	json_decref(response);
	fflush(stdout);
	return status;
}

/* run_words is run with more words behind those. */
static int
run_words(struct session *self, size_t word_count, const char *const *words, size_t more_count,
	  const char *const *more)
{
	const char **all = calloc(word_count + more_count, sizeof(*all));
	int status;

	if (!all)
		return fail(self, EXIT_FAILED, "failed", "out of memory");
	memcpy(all, words, word_count * sizeof(*all));
	memcpy(all + word_count, more, more_count * sizeof(*all));
	status = run(self, word_count + more_count, all);
	free(all);
	return status;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "do", no_argument, NULL, 'd' },
		{ "tcp", no_argument, NULL, 't' },
		{ "client", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ "origin", required_argument, NULL, 'o' },
		{ "strict", no_argument, NULL, 'S' },
		{ NULL, 0, NULL, 0 },
	};
	struct session session = { DEFAULT_SOCKET, false, -1 };
	const char *more[MORE_MAX];
	size_t more_count = 0;
	int option, status;

	/* Options may stand anywhere: `millctl status --json`. */
	while (more_count + 2 <= MORE_MAX &&
	       (option = getopt_long(argc, argv, "s:jhV", options, NULL)) != -1) {
		switch (option) {
		case 's':
			session.socket = optarg;
			break;
		case 'j':
			session.json = true;
			break;
		case 'o': /* these are words of `zone check`, behind those by position */
			more[more_count++] = "--origin";
			more[more_count++] = optarg;
			break;
		case 'S':
			more[more_count++] = "--strict";
			break;
		case 'd': /* and these of `trace query` */
			more[more_count++] = "--do";
			break;
		case 't':
			more[more_count++] = "--tcp";
			break;
		case 'c':
			more[more_count++] = "--client";
			more[more_count++] = optarg;
			break;
		case 'h':
			usage(stdout);
			return EXIT_DONE;
		case 'V':
			puts("millctl " MR_VERSION);
			return EXIT_DONE;
		default:
			fputs("try: millctl --help\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc)
		status = run_words(&session, (size_t)(argc - optind),
				   (const char *const *)(argv + optind), more_count, more);
	else if (isatty(STDIN_FILENO))
		status = interactive_run(run, &session);
	else {
		usage(stderr);
		status = EXIT_USAGE;
	}
	if (session.fd >= 0)
		close(session.fd);
	return status;
}
