/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/command - the one table of commands, for the server, for millctl's help and for completion.
 *
 * A row is a command: its name, who may run it, what it takes, what it does. The handler of row
 * `show_workers` is command_show_workers (ctl/ctl_int.h); millctl links the table without them.
 *
 * Owner: nobody; const. Thread: any. Memory: none.
 */
#ifndef MR_CTL_COMMAND_H
#define MR_CTL_COMMAND_H

#include <jansson.h>

#include "base/base.h"

/* What a client may do; each role includes the ones before it. */
enum mr_ctl_role { MR_CTL_NOBODY, MR_CTL_VIEWER, MR_CTL_ADMIN };

enum mr_command_kind {
	MR_COMMAND_NONE,
	MR_COMMAND_TEXT,
	MR_COMMAND_FILE, /* millctl makes it absolute: the server has another working folder */
	MR_COMMAND_ZONE,
	MR_COMMAND_ZONE_WORDS, /* a zone, and more words */
	MR_COMMAND_WORDS,      /* one or more words: a text, or a list of texts */
};

enum { MR_COMMAND_WORDS_MAX = 8 };

/* At most one argument by position, which may be of several words; `required` says whether it must
 * be there. */
struct mr_command {
	const char *name; /* "zone reload" */
	enum mr_ctl_role role;
	enum mr_command_kind kind;
	bool required;
	const char *arg; /* its name in args, and in capitals in help; NULL: none */
	const char *help;
};

/* X(symbol, name, role, kind, required, arg, help) */
#define MR_COMMANDS(X)                                                                            \
	X(status, "status", VIEWER, NONE, 0, NULL, "Is it well, and since when?")                 \
	X(show_workers, "show workers", VIEWER, NONE, 0, NULL, "Workers: CPU, load, turn times")  \
	X(show_turns, "show turns", VIEWER, NONE, 0, NULL,                                        \
	  "Longest turns of each worker, and what ran in them")                                   \
	X(show_ports, "show ports", VIEWER, NONE, 0, NULL, "Ports: link, addresses, traffic")     \
	X(show_zones, "show zones", VIEWER, NONE, 0, NULL, "Zones: serial, records, memory")      \
	X(show_sites, "show sites", VIEWER, NONE, 0, NULL, "Sites: where, routes, files")         \
	X(show_counters, "show counters", VIEWER, TEXT, 0, "prefix",                              \
	  "Counters that are not zero (or whose name begins with PREFIX)")                        \
	X(show_metrics, "show metrics", VIEWER, NONE, 0, NULL,                                    \
	  "Everything that is counted and timed, as text for Prometheus")                         \
	X(show_latency, "show latency", VIEWER, NONE, 0, NULL,                                    \
	  "How long answers, and turns, take: percentiles")                                       \
	X(show_memory, "show memory", VIEWER, NONE, 0, NULL, "Where the memory is")               \
	X(show_neighbours, "show neighbours", VIEWER, NONE, 0, NULL, "Next hops and their state") \
	X(show_connections, "show connections", VIEWER, TEXT, 0, "filter",                        \
	  "TCP connections (whose address or state begins with FILTER), 1,000 at most")           \
	X(show_rrl, "show rrl", VIEWER, NONE, 0, NULL, "Networks that are rate limited")          \
	X(config_show, "config show", VIEWER, NONE, 0, NULL, "The running configuration")         \
	X(config_schema, "config schema", VIEWER, NONE, 0, NULL,                                  \
	  "Every key, its bounds and default")                                                    \
	X(config_check, "config check", ADMIN, FILE, 1, "file",                                   \
	  "Would FILE be accepted, and what would change?")                                       \
	X(config_load, "config load", ADMIN, FILE, 1, "file",                                     \
	  "Make FILE the running configuration")                                                  \
	X(zone_list, "zone list", VIEWER, NONE, 0, NULL, "The same as show zones")                \
	X(zone_show, "zone show", VIEWER, ZONE_WORDS, 1, "name",                                  \
	  "One zone in detail; NAME OWNER [TYPE]: records of it, as the file has them")           \
	X(trace_query, "trace query", VIEWER, WORDS, 1, "question",                               \
	  "NAME TYPE [--do] [--client ADDRESS] [--tcp]: how it is answered, step by step")        \
	X(zone_reload, "zone reload", ADMIN, ZONE, 0, "name",                                     \
	  "Read one zone's file again, or all (NAME left out, or `all`)")                         \
	X(log_reopen, "log reopen", ADMIN, NONE, 0, NULL,                                         \
	  "Open the access log again by its name, once it was renamed")                           \
	X(drain, "drain", ADMIN, TEXT, 0, "state",                                                \
	  "on (or nothing): health answers 503, HTTP connections end; off: back in service")      \
	X(origin_list, "origin list", VIEWER, NONE, 0, NULL,                                      \
	  "Origins: health, last check, ejections, what they have to do")                         \
	X(origin_drain, "origin drain", ADMIN, WORDS, 1, "server",                                \
	  "UPSTREAM SERVER: no new requests; what runs there ends")                               \
	X(origin_disable, "origin disable", ADMIN, WORDS, 1, "server",                            \
	  "The same, kept connections close, and it is not checked")                              \
	X(origin_enable, "origin enable", ADMIN, WORDS, 1, "server", "It takes requests again")   \
	X(stop, "stop", ADMIN, NONE, 0, NULL, "End millraced")

/* What millctl does by itself, where it is called: no server is asked. */
#define MR_LOCAL_COMMANDS(X)                                  \
	X(zone_check, "zone check", VIEWER, WORDS, 1, "file", \
	  "FILE [--origin NAME] [--strict]: read a zone as millraced would, and tell what is wrong")

#define MR_COMMAND_ID_(symbol, ...) MR_COMMAND_##symbol,
/* Behind MR_COMMAND_COUNT: the local ones. */
enum mr_command_id { MR_COMMANDS(MR_COMMAND_ID_) MR_COMMAND_COUNT };

const struct mr_command *mr_command_at(size_t index); /* NULL at the end */
const struct mr_command *mr_command_find(const char *name);

/* mr_command_is_local: no server knows it. */
bool mr_command_is_local(const struct mr_command *command);

/* mr_command_nearest returns the name that was probably meant, or NULL. */
const char *mr_command_nearest(const char *name);

/* mr_command_read takes words apart: the longest command that they begin with, and its argument in
 * *args (a new reference). Returns NULL with error filled, in the words that millctl prints. */
const struct mr_command *mr_command_read(size_t word_count, const char *const *words, json_t **args,
					 struct mr_error *error);

/* mr_command_words takes an argument that mr_command_check has passed apart, and returns how many
 * words it has; they are borrowed from it. */
size_t mr_command_words(const json_t *value, const char *words[MR_COMMAND_WORDS_MAX]);

/* mr_command_check says whether args are what command takes. */
MR_MUST_USE int mr_command_check(const struct mr_command *command, const json_t *args,
				 struct mr_error *error);

#endif
