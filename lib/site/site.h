/* SPDX-License-Identifier: Apache-2.0
 *
 * site - what the box serves over HTTP: sites, their routes, and the connections that ask.
 *
 *   configuration -> [mr_site_set_build] -> struct mr_site_set, immutable, published under RCU
 *   TCP events    -> [mr_site_h1_ops]    -> requests -> route -> answer into the send queue
 *
 * Which site: the listener that the connection came to (address and port; one of its own before
 * one of any address), then the host: exact, then the longest wildcard, then "*". "*.example.com"
 * stands for every name below example.com. A host that no site has is 421.
 *
 * Which route of a site, by the canonical path (http/path): exact, then the longest prefix, then
 * the first regular expression in the order of the file that matches anywhere in the path. A prefix
 * ends where a segment does: "/a" holds "/a" and "/a/b", not "/ab"; "/a/" holds "/a/b" only.
 * Nothing fits: 404.
 *
 * Owner:  a set belongs to the control thread, which builds and frees it; a server to one worker.
 * Thread: building and freeing off the data path; the server inside mr_tcp_input and mr_tcp_turn.
 * Memory: a set is on the heap, const after build; a server's buffers are pools of one arena.
 * Spec:   RFC 9110, 9112; RFC 9112 9 for connections.
 *
 * A connection over HTTP/1.1, and what makes the transitions                 [function]
 *   IDLE    -> IDLE     whole requests without content: answered                [request_whole]
 *   IDLE    -> HEAD     the segment ends inside a head                          [exchange_begin]
 *   IDLE    -> CONTENT  a head whose content follows                            [exchange_begin]
 *   HEAD    -> CONTENT  the head is whole, content follows                      [exchange_head]
 *   HEAD    -> IDLE     the head is whole: answered                             [exchange_head]
 *   CONTENT -> IDLE     the content is whole: answered                          [exchange_content]
 *   any     -> LINGER   the answer says close, or what came was refused: FIN    [run_finish]
 *                       follows what is queued; input is read and dropped
 *   LINGER  -> (end)    the peer's FIN, or linger_ms                        [h1_peer_closed]
 *   any     -> (end)    header_ms, body_ms, idle_ms, no progress in sending    [h1_deadline]
 *
 * (1) In IDLE a connection is its TCB: no buffer is held. Its application word says the rest.
 * (2) Nothing is taken from a connection while its send queue has no room for the longest answer:
 *     a peer that does not read is not read from.
 * (3) The deadline of a head, or of content, that has begun is not moved by its later bytes.
 * (4) A set is used within one turn only; an exchange that waits keeps the request's head and finds
 *     its route anew when it goes on. So a set can be replaced at any time.
 */
#ifndef MR_SITE_SITE_H
#define MR_SITE_SITE_H

#include "base/base.h"
#include "http/http.h"
#include "mem/mem.h"
#include "metric/metric.h"
#include "proxy/proxy.h"
#include "site/access.h"
#include "site/books.h"
#include "tcp/tcp.h"

enum {
	MR_SITE_MAX = 16384,
	MR_SITE_HOST_MAX = 1024, /* of one site */
	MR_SITE_LISTEN_MAX = 64, /* of one site */
	MR_SITE_LISTENERS = 256, /* of all sites together */
	MR_SITE_ROUTE_MAX = 4096,
	MR_SITE_ERROR_MAX = 16,
	MR_SITE_EDIT_MAX = 32, /* header edits of one route */
	MR_SITE_HOST_BYTES = 253,
	MR_SITE_PATH_BYTES = 4096,  /* of a route */
	MR_SITE_BODY_BYTES = 65536, /* of a fixed answer */
	MR_SITE_ROOT_BYTES = 256,   /* a folder's name, NUL included */
	MR_SITE_HEAD_BYTES = 8192,  /* of the head of an answer of ours */
};

/* ---- what is configured ---- */

struct mr_site_listen {
	struct mr_addr addr; /* unless any */
	uint16_t port;
	bool any; /* every service address */
};

enum mr_site_edit_kind { MR_SITE_EDIT_SET, MR_SITE_EDIT_ADD, MR_SITE_EDIT_REMOVE };

struct mr_site_edit {
	const char *name, *value; /* value NULL: empty, or remove */
	int kind;                 /* enum mr_site_edit_kind */
};

/* HEALTH: 200 for a load balancer in front, 503 and the end of the connection while draining. */
enum mr_site_action {
	MR_SITE_RESPOND,
	MR_SITE_REDIRECT,
	MR_SITE_ROOT,
	MR_SITE_HEALTH,
	MR_SITE_PROXY,
};

/* Bounds of requests. Zero: of a route, the site's; of a site, the server's. */
struct mr_site_limits {
	uint64_t body_bytes;   /* of content: 413 above */
	uint32_t header_bytes; /* of a head: 431 above. The server's: 16,384, and no more */
	uint32_t body_ms, idle_ms;
	uint32_t requests; /* of one connection */
	uint32_t rate;     /* requests/s, all workers together: 429 above. The server has none */
	uint32_t burst;    /* requests at once; 0: as many as in a second */
};

struct mr_site_route_config {
	const char *path, *prefix,
		*regex; /* one of them, the others NULL; path, prefix canonical */
	const char *
		rewrite; /* ROOT, PROXY: looked for instead of path, prefix or what regex matched */
	int action;      /* enum mr_site_action */
	uint16_t status;
	const char *body, *type;       /* RESPOND, HEALTH; NULL: none (HEALTH: ok), text/plain */
	const char *to;                /* REDIRECT: Location */
	const char *proxy;             /* PROXY: the group that answers */
	uint32_t upstream;             /* PROXY: its index */
	char root[MR_SITE_ROOT_BYTES]; /* ROOT: a folder */
	struct mr_site_edit *edits;
	size_t edit_count;
	struct mr_site_limits limits;
};

/* The content of an answer of ours that is an error, where a site is known: see
 * mr_site_error_check. */
struct mr_site_error_config {
	uint16_t status;
	const char *body, *type; /* NULL: none, text/html */
};

struct mr_site_config {
	char name[MR_NAME_MAX];
	const char **hosts;
	size_t host_count;
	struct mr_site_listen *listens;
	size_t listen_count;
	struct mr_site_route_config *routes;
	size_t route_count;
	struct mr_site_error_config *errors;
	size_t error_count;
	bool request_id; /* answers have X-Request-ID: the request's, or one of ours */
	bool log;        /* its answers are in the access log, if there is one */
	struct mr_site_limits limits;
};

/* mr_site_host_check says what is wrong with a host of the configuration ("www.example.com",
 * "*.example.com", "[2001:db8::1]", "*"), or NULL; mr_site_route_check does so with a route. */
const char *mr_site_host_check(const char *host);
const char *mr_site_route_check(const struct mr_site_route_config *route);
const char *mr_site_error_check(const struct mr_site_error_config *page);
const char *mr_site_limits_check(const struct mr_site_limits *limits);

/* ---- a set of sites ---- */

struct mr_site_set;

/* mr_site_set_build compiles sites; nothing of them is kept. roots are the distinct folders of
 * their routes, in the order of the trees that the server will be given. -EINVAL when two sites
 * have one host on one listener, or a site one route twice. */
MR_MUST_USE int mr_site_set_build(const struct mr_site_config *sites, size_t count,
				  const char *const *roots, size_t root_count,
				  uint32_t worker_count, struct mr_site_set **out,
				  struct mr_error *error);
void mr_site_set_free(struct mr_site_set *self); /* NULL is fine */

/* ---- static roots ---- */

/* A folder is read whole, by a loader thread, into a tree of pinned immutable objects; a change in
 * it makes another tree. In a tree:
 *   - names are canonical paths; "/x/" is "/x/index.html", and "/x" is redirected to it
 *   - what begins with a dot is not there, but for /.well-known (RFC 8615)
 *   - links are followed to files inside of the folder only; links to folders are not
 *   - "a.css.br", ".zst" and ".gz" beside "a.css" are forms of it; of a text those that are
 *     not there are made
 *   - a file is at most 1 GiB; a tree has at most 2^20 files in 32 levels */
struct mr_site_store;
struct mr_site_tree;

/* mr_site_store_create reserves reserved_bytes for the files of all trees, old and new together. */
MR_MUST_USE int mr_site_store_create(struct mr_site_store **out, uint64_t reserved_bytes, bool huge,
				     uint32_t worker_count, struct mr_error *error);
void mr_site_store_destroy(struct mr_site_store *self); /* all trees were freed; NULL is fine */
/* mr_site_store_watch makes later loads watch their folders by inotify, on fd. */
void mr_site_store_watch(struct mr_site_store *self, int fd);

/* mr_site_tree_load reads a folder. Loader threads; it looks at *cancelled now and then. */
MR_MUST_USE int mr_site_tree_load(struct mr_site_store *store, const char *folder,
				  const _Atomic bool *cancelled, struct mr_site_tree **out,
				  struct mr_error *error);
/* mr_site_tree_idle: no worker holds a pin. After that, and a grace period, it may be freed. */
bool mr_site_tree_idle(const struct mr_site_tree *self);
void mr_site_tree_free(struct mr_site_tree *self);
/* mr_site_tree_watches says whether an inotify number is one of its folders'. */
bool mr_site_tree_watches(const struct mr_site_tree *self, int watch);

struct mr_site_tree_info {
	uint32_t files, skipped; /* skipped: too large, hidden links out, not readable */
	uint64_t byte_count;
};
void mr_site_tree_info(const struct mr_site_tree *self, struct mr_site_tree_info *out);

/* ---- the time of day, once a second ---- */

/* The text of Date, made by the control thread and copied by each worker when it has changed. */
struct mr_site_clock {
	/* owner: ctl; reader: workers, a seqlock under sequence (odd while it is written) */
	uint32_t sequence MR_LINE_ALIGNED;
	int64_t now_s;
	uint64_t date[4]; /* MR_HTTP_DATE_BYTES */
};

/* mr_site_clock_tick writes the time of day, if it is another second. Control thread. */
void mr_site_clock_tick(struct mr_site_clock *self, int64_t now_s);
/* mr_site_clock_follow takes the group's time over. Worker; it never waits for the writer. */
void mr_site_clock_follow(struct mr_site_clock *self, const struct mr_site_clock *group);

/* ---- one worker's server ---- */

#define SITE_METRIC_ID(name, ...) MR_SITE_##name,
#include "site/metrics.h"
enum mr_site_metric { SITE_METRICS(SITE_METRIC_ID) MR_SITE_METRIC_COUNT };
MR_METRIC_DECLARE(mr_site_metric_table);

/* Zero means the default. */
struct mr_site_server_config {
	uint32_t header_ms;      /* from a head's first octet to its last; 0: 10,000 */
	uint32_t body_ms;        /* likewise for content that no action wants; 0: 30,000 */
	uint32_t idle_ms;        /* between requests, and without progress in sending; 0: 60,000 */
	uint32_t linger_ms;      /* reading on after a close of ours; 0: 3,000 */
	uint32_t request_limit;  /* requests of one connection; 0: 100,000; at most 2^20 - 1 */
	uint32_t body_bytes;     /* content that no action wants is 413 above; 0: 1 MiB */
	uint32_t exchange_limit; /* connections within a request at once; 0: 2,048 */
	uint32_t large_limit;    /* of them with a head above 2 KiB; 0: a sixteenth of them */
};

struct mr_site_server {
	/* owner: worker */
	uint64_t now_ns;                   /* of this turn */
	bool draining;                     /* of this turn: answers end their connections */
	const struct mr_site_set *sites;   /* of this turn; NULL: none */
	struct mr_site_tree *const *roots; /* of this turn, as mr_site_set_build was told */
	struct mr_site_store *store;
	uint32_t worker; /* whose pins are taken */
	struct mr_site_clock clock;
	struct mr_site_server_config config;
	struct mr_http_limits limits;
	struct mr_pool exchanges, larges;
	struct mr_http_message message;     /* of the request in hand */
	struct mr_site_access_ring *access; /* NULL: none */
	struct mr_site_page *pages;         /* NULL: sites are not counted */
	uint64_t *metrics;
	uint32_t tally[MR_SITE_METRIC_COUNT]; /* since mr_site_server_flush */
	uint8_t *path;                        /* canonical path of the request in hand */
	uint8_t *answer;                      /* a head and a short body */
	struct mr_proxy *proxy;               /* NULL: nothing is passed on */
	uint8_t *passing;                     /* of an answer that is passed on, in one event */
	uint32_t passing_bytes;
	struct mr_hash_key id_key; /* of request ids, and how many were made */
	uint64_t id_count;
	char boundary[32]; /* between parts of an answer; drawn at start */
};

/* mr_site_server_create takes its buffers from arena. */
MR_MUST_USE int mr_site_server_create(struct mr_site_server *self,
				      const struct mr_site_server_config *config,
				      struct mr_arena *arena, struct mr_error *error);
void mr_site_server_flush(struct mr_site_server *self);

/* mr_site_server_proxy gives the server who passes requests on, and makes it the proxy's client. */
MR_MUST_USE int mr_site_server_proxy(struct mr_site_server *self, struct mr_proxy *proxy,
				     struct mr_arena *arena, struct mr_error *error);

enum { MR_SITE_REGION = 0 }; /* lib/tcp's number of the store */

/* mr_site_server_region gives what lib/tcp has to know of the store: the worker registers it as
 * MR_SITE_REGION. */
void mr_site_server_region(struct mr_site_server *self, struct mr_site_store *store,
			   struct mr_tcp_region *out);

/* HTTP/1.1 over lib/tcp; context is the struct mr_site_server. */
extern const struct mr_tcp_app_ops mr_site_h1_ops;

#endif
