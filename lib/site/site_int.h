/* SPDX-License-Identifier: Apache-2.0
 *
 * site/site_int - how a set lies in memory, and what the parts share.
 *
 * Owner:  a set and all that it points to belong to the control thread; states of meters and the
 *         scratch space of expressions, each to one worker.
 * Thread: builders off the data path; what finds, on workers, within a turn.
 * Memory: blocks of a struct site_memory on the heap, freed together; const after build, but for
 *         what is a worker's.
 */
#ifndef MR_SITE_SITE_INT_H
#define MR_SITE_SITE_INT_H

#include "site.h"

/* ---- memory of a set: blocks, freed together ---- */

struct site_block;

struct site_memory {
	struct site_block *blocks;
	uint8_t *at, *end;
	bool failed;
};

/* site_memory_take gives zeroed bytes at 16-byte alignment; NULL, remembered, when memory is
 * out. */
void *site_memory_take(struct site_memory *self, size_t bytes);
void site_memory_free(struct site_memory *self);

struct site_text {
	const uint8_t *bytes;
	uint32_t byte_count;
};

struct site_text site_text_copy(struct site_memory *memory, const void *bytes, size_t byte_count);

/* ---- answers made beforehand ---- */

/* head: the status line and fields, but Date, Connection and the empty line. */
struct site_answer {
	struct site_text head, body;
	uint16_t status;
};

/* site_answer_make builds one in memory; type NULL: no Content-Type, location NULL: none. edits are
 * carried out upon the fields of ours. */
void site_answer_make(struct site_memory *memory, struct site_answer *out, uint16_t status,
		      const char *type, const void *body, size_t body_bytes, const char *location,
		      const struct mr_site_edit *edits, size_t edit_count);

enum { H1_PROXY_EDIT_BYTES = 1200 /* what edits of a route to an origin may come to */ };

/* Statuses that we answer with by ourselves. */
enum site_error {
	SITE_400,
	SITE_404,
	SITE_405,
	SITE_408,
	SITE_413,
	SITE_414,
	SITE_417,
	SITE_421,
	SITE_429,
	SITE_431,
	SITE_500,
	SITE_501,
	SITE_502,
	SITE_503,
	SITE_504,
	SITE_505,
	SITE_ERRORS
};

enum site_error site_error_of(uint16_t status);
uint16_t site_error_status(enum site_error error);

/* ---- a set ---- */

enum { SITE_METER_NONE = UINT32_MAX };

/* A route's bounds, its site's and the server's taken together; 0: the server's. */
struct site_limits {
	uint64_t body_bytes;
	uint32_t header_bytes, body_ms, idle_ms, requests;
	uint32_t meter; /* SITE_METER_NONE: any rate */
};

/* A rate, as each worker has its share of it: virtual scheduling (ITU-T I.371's GCRA). */
struct site_meter {
	uint64_t interval_ns; /* between two requests, at one worker */
	uint64_t ahead_ns;    /* how far due_ns may lie ahead */
};

/* Where a worker keeps its side of a meter. */
struct site_meter_state {
	uint64_t due_ns;
};

struct site_route {
	struct site_answer answer;   /* but of ROOT */
	struct site_answer draining; /* HEALTH */
	struct site_limits limits;
	bool limited; /* limits has anything */
	uint16_t action;
	bool edited;        /* edits take fields away that we make */
	uint32_t upstream;  /* PROXY: index of its group */
	uint16_t cut_bytes; /* ROOT, PROXY: of the path, before it is looked for */
	uint32_t root;
	struct site_text rewrite; /* ROOT: stands for what is cut; bytes NULL: nothing does */
	bool cut_all;
	struct site_text extra;   /* ROOT: field lines that edits add */
	struct site_text removed; /* ROOT: names in lower case, each ended by a line feed */
};

/* site_route_takes says whether the edits take the field of this name away. */
bool site_route_takes(const struct site_route *route, const uint8_t *name, size_t name_bytes);

struct site {
	struct site_text name;
	const uint16_t *prefix_lengths; /* longest first */
	uint16_t prefix_length_count;
	struct site_route *routes;
	uint32_t route_count;
	uint32_t page; /* of its counters */
	bool has_regex, request_id, log_off;
	const struct site_answer *errors[SITE_ERRORS]; /* NULL: the set's */
};

/* One open-addressed table holds the exact paths and the prefixes of all sites. */
struct site_path_entry {
	uint64_t hash; /* 0: free */
	struct site_text path;
	uint32_t site;
	bool prefix;
	const struct site_route *route;
};

/* Another one the hosts of all listeners. A wildcard is kept as ".example.com", "*" as "". */
struct site_host_entry {
	uint64_t hash; /* 0: free */
	struct site_text host;
	uint16_t listener;
	uint32_t site;
};

struct mr_site_set {
	struct site_memory memory;
	struct site *sites;
	uint32_t site_count;
	struct mr_site_listen *listeners; /* each once */
	uint32_t listener_count;
	struct site_host_entry *hosts;
	uint64_t host_mask;
	struct site_path_entry *paths;
	uint64_t path_mask;
	struct site_answer errors[SITE_ERRORS];
	struct site_answer options_all; /* OPTIONS * */
	struct site_regexes *regexes;
	struct site_meter *meters;
	uint32_t meter_count;
	/* owner: worker, [worker][meter]: the one thing here that changes */
	struct site_meter_state *meter_states[MR_WORKER_MAX];
};

/* site_error gives the answer for an error, the site's own if it has one. */
static inline const struct site_answer *
site_error(const struct mr_site_set *self, const struct site *site, enum site_error error)
{
	return site && site->errors[error] ? site->errors[error] : &self->errors[error];
}

/* site_find gives the site for a host (any case) on the listener of (addr, port), or NULL. */
const struct site *site_find(const struct mr_site_set *self, const struct mr_addr *addr,
			     uint16_t port, const uint8_t *host, size_t host_bytes);

/* site_route_find gives the route of a canonical path, or NULL. */
const struct site_route *site_route_find(const struct mr_site_set *self, const struct site *site,
					 const uint8_t *path, size_t path_bytes, uint32_t worker);

/* limits.c: the bounds of all routes, and the meters of a set for worker_count workers. */
void site_limits_build(struct mr_site_set *self, const struct mr_site_config *sites,
		       uint32_t worker_count);
/* site_admit says whether a meter lets one more request pass. */
bool site_admit(const struct mr_site_set *self, uint32_t meter, uint32_t worker, uint64_t now_ns);

/* regex.c */
struct site_regexes;
int site_regexes_build(struct mr_site_set *self, const struct mr_site_config *sites,
		       uint32_t worker_count, struct mr_error *error);
void site_regexes_free(struct site_regexes *self);
const struct site_route *site_regex_find(const struct mr_site_set *self, uint32_t site,
					 const uint8_t *path, size_t path_bytes, uint32_t worker);

int site_routes_build(struct mr_site_set *self, const struct mr_site_config *sites,
		      const char *const *roots, size_t root_count, struct mr_error *error);

/* site_edits_put writes the lines that edits leave standing. */
void site_edits_put(struct mr_writer *out, const struct mr_site_edit *edits, size_t edit_count);

static inline uint64_t
site_hash(uint64_t seed, const uint8_t *bytes, size_t byte_count)
{
	uint64_t state = mr_hash_fold(seed, byte_count);

	for (; byte_count > 8; byte_count -= 8, bytes += 8)
		state = mr_hash_fold(state, mr_load_tail8(bytes, 8));
	state = mr_hash_finish(mr_hash_fold(state, mr_load_tail8(bytes, byte_count)));
	return state ? state : 1;
}

#endif
