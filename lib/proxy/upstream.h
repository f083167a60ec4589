/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy/upstream - groups of origins: which of them is asked next, and which of them is well.
 *
 *   configuration, resolved names -> [mr_upstreams_build] -> struct mr_upstreams, published by RCU
 *   an exchange begins            -> [mr_upstream_pick]     an origin, counted as busy
 *   an exchange ends              -> [mr_origin_report]     how it went
 *   a check ends                  -> [mr_origin_checked]    up or down (proxy/check)
 *   ten times a second            -> [mr_origin_table_tick] ejections end, slots are given back
 *
 * A snapshot is immutable and lives for a turn; what changes lies in slots. An origin (group,
 * configured server, address, port) keeps its slot from snapshot to snapshot, and with it health,
 * counts and averages: a reload or a name that resolves anew loses nothing. What outlives a turn
 * keeps a struct mr_origin_ref, whose generation tells a slot that was given to somebody else.
 *
 * Owner:  snapshots and the table belong to the control thread; a struct mr_upstream_worker to its
 *         worker; a line of struct mr_origin_shared says whose each field is.
 * Thread: pick, begin, report on the worker, inside a turn; build, free, tick by the control
 *         thread. Everything takes `now_ns` and draws chance from the worker's mr_rng.
 * Memory: snapshots are on the heap; tables have MR_ORIGIN_SLOTS places, taken at boot.
 *
 * An origin takes new exchanges when all three let it:
 *
 *   admin     ENABLED  -> DRAINED   no new exchanges; running ones end; checks go on [operator]
 *             any      -> DISABLED  the same, kept connections close, no checks      [operator]
 *             any      -> ENABLED                                                    [operator]
 *   check     UNKNOWN  -> UP, DOWN  the first result decides                 [mr_origin_checked]
 *             UP       -> DOWN      `fall` failures in a row                 [mr_origin_checked]
 *             DOWN     -> UP        `rise` successes in a row; slow start    [mr_origin_checked]
 *             (UNKNOWN takes exchanges: a group without checks stays there)
 *   ejection  IN       -> OUT       so many failures in a row, as one worker counts them, and
 *                                   fewer than max_percent of the group out  [mr_origin_report]
 *             OUT      -> IN        time * (times before + 1), at most max_time, has passed;
 *                                   slow start                           [mr_origin_table_tick]
 *             (each `time` IN without another forgives one of the times before)
 *
 * Of those that do, an exchange gets one that it has not tried and that has room (max_exchanges):
 *
 *   round-robin  smooth weighted: of a b c with 5 1 1, a a b a c a a; state per worker
 *   least        the fewest exchanges for its weight, of all workers (others' as of the last tick)
 *   two          of two drawn by chance, the one with fewer for its weight; by `average`: with the
 *                lesser product of exchanges and mean latency
 *   hash         Maglev: a table of MR_MAGLEV_SIZE places shared out by weight. An origin that is
 *                out leaves the table as it is: its keys alone go elsewhere (to further places of
 *                the table, drawn by the key), and come back with it
 *
 * Backups are asked when no other is left. Slow start: an origin that comes (back) is weighed from
 * a tenth to all of its weight, linearly, over slow_start; not by hash, where it would move keys.
 *
 * (1) pick looks at each origin of the group a bounded number of times (MR_UPSTREAM_ORIGIN_MAX).
 * (2) A counted exchange is reported exactly once.
 * (3) A slot is given away only when no snapshot has it, and no worker counts anything on it.
 *
 * Source: the smooth weighted round robin is nginx's (2012, "Upstream: smooth weighted round-robin
 *         balancing"); Mitzenmacher, "The power of two choices in randomized load balancing"
 *         (2001); Eisenbud et al., "Maglev: a fast and reliable software network load balancer"
 *         (NSDI 2016), 3.4.
 */
#ifndef MR_PROXY_UPSTREAM_H
#define MR_PROXY_UPSTREAM_H

#include "base/base.h"

enum {
	MR_UPSTREAM_MAX = 256,        /* groups */
	MR_UPSTREAM_SERVER_MAX = 64,  /* of one group, as configured */
	MR_UPSTREAM_ORIGIN_MAX = 128, /* of one group, names resolved */
	MR_ORIGIN_SLOTS = 2048,     /* of all groups, with those that are leaving; 0 is nobody's */
	MR_ORIGIN_HOST_BYTES = 254, /* a name or an address as configured, NUL included */
	MR_ORIGIN_WEIGHT_MAX = 256,
	MR_MAGLEV_SIZE = 65537,     /* prime; 500 places for each of MR_UPSTREAM_ORIGIN_MAX */
	MR_UPSTREAM_STATUS_MAX = 8, /* ranges of an expected status */
};

/* ---- what is configured ---- */

enum mr_upstream_policy {
	MR_UPSTREAM_ROUND_ROBIN,
	MR_UPSTREAM_LEAST,
	MR_UPSTREAM_TWO,         /* power of two choices, by exchanges */
	MR_UPSTREAM_TWO_AVERAGE, /* the same, by exchanges and latency */
	MR_UPSTREAM_HASH,
};

/* What the key of a hash is made of; the caller of mr_upstream_pick makes it. */
enum mr_upstream_key { MR_UPSTREAM_KEY_URL, MR_UPSTREAM_KEY_CLIENT, MR_UPSTREAM_KEY_HEADER };

enum mr_upstream_check { MR_UPSTREAM_CHECK_OFF, MR_UPSTREAM_CHECK_TCP, MR_UPSTREAM_CHECK_HTTP };

/* Host of a request that is passed on. */
enum mr_upstream_host { MR_UPSTREAM_HOST_CLIENT, MR_UPSTREAM_HOST_ORIGIN };

/* PROXY protocol towards an origin (proxy/proxy_protocol). */
enum mr_upstream_announce {
	MR_UPSTREAM_ANNOUNCE_NO,
	MR_UPSTREAM_ANNOUNCE_V1,
	MR_UPSTREAM_ANNOUNCE_V2
};

struct mr_upstream_server {
	char host[MR_ORIGIN_HOST_BYTES]; /* an address (IPv6 without brackets) or a name */
	uint16_t port;
	bool is_name;
	struct mr_addr addr; /* unless is_name */
	uint16_t weight;     /* 1 .. MR_ORIGIN_WEIGHT_MAX */
	bool backup;
	uint32_t max_exchanges; /* at once, of all workers; 0: any number */
};

struct mr_upstream_status {
	uint16_t low, high;
};

struct mr_upstream_check_config {
	int kind;      /* enum mr_upstream_check */
	uint16_t port; /* 0: the server's */
	uint64_t interval_ns, timeout_ns;
	uint16_t rise, fall;
	/* HTTP */
	const char *path, *host; /* host NULL: the server's */
	const char *body;        /* must occur in the first MR_CHECK_BODY_BYTES; NULL: any */
	struct mr_upstream_status *statuses;
	size_t status_count; /* 0: 200-399 */
};

struct mr_upstream_ejection_config {
	uint16_t failures;         /* 5xx, time-outs, broken answers in a row; 0: never */
	uint16_t connect_failures; /* in a row; 0: never */
	uint16_t max_percent;      /* of a group's origins; one alone is never ejected */
	uint64_t time_ns, max_time_ns;
};

/* For the data path. Zero means what the schema's default says only in a configuration read by it;
 * here 0 is none. */
struct mr_upstream_limits {
	uint32_t connect_ms, first_byte_ms, between_ms, total_ms;
	uint32_t idle_connections; /* kept, of each origin and worker */
	uint32_t idle_ms;
	uint32_t connection_requests; /* then it is closed */
	uint16_t retries;
	uint16_t retry_percent; /* of a group's exchanges, at most */
	uint32_t queue_limit;   /* exchanges that wait for room, of each worker */
	uint32_t queue_ms;
};

struct mr_upstream_config {
	char name[MR_NAME_MAX];
	struct mr_upstream_server *servers;
	size_t server_count;
	int policy;             /* enum mr_upstream_policy */
	int key;                /* enum mr_upstream_key */
	const char *key_header; /* of KEY_HEADER */
	int host;               /* enum mr_upstream_host */
	int announce;           /* enum mr_upstream_announce */
	uint64_t slow_start_ns;
	struct mr_upstream_check_config check;
	struct mr_upstream_ejection_config ejection;
	struct mr_upstream_limits limits;
};

/* mr_upstream_config_check says what is wrong with a group, or NULL; *at is what of it is. */
const char *mr_upstream_config_check(const struct mr_upstream_config *self, const void **at);

/* ---- what is shared: slots ---- */

enum mr_origin_admin { MR_ORIGIN_ENABLED, MR_ORIGIN_DRAINED, MR_ORIGIN_DISABLED };
enum mr_origin_health { MR_ORIGIN_UNKNOWN, MR_ORIGIN_UP, MR_ORIGIN_DOWN };

/* How a check ended, for people. */
enum mr_check_result {
	MR_CHECK_NONE, /* none yet */
	MR_CHECK_OK,
	MR_CHECK_REFUSED, /* no connection */
	MR_CHECK_TIMEOUT,
	MR_CHECK_BROKEN, /* closed, or not HTTP */
	MR_CHECK_STATUS, /* not an expected one */
	MR_CHECK_BODY,   /* what must be in it is not */
	MR_CHECK_RESULTS,
};
const char *mr_check_result_name(enum mr_check_result result);

/* All by relaxed atomics but where said. */
struct mr_origin_shared {
	/* owner: control; reader: any */
	uint32_t generation MR_LINE_ALIGNED;
	uint8_t admin; /* enum mr_origin_admin */
	/* owner: the worker that checks it (mr_origin_checker); reader: any */
	uint8_t health;      /* enum mr_origin_health */
	uint8_t last_result; /* enum mr_check_result */
	uint8_t streak;      /* results against health in a row */
	uint16_t last_status;
	uint32_t checks, checks_failed;
	uint64_t checked_ns; /* when the last check ended; 0: none */
	/* when it came (back): slow start; written with health, and by control */
	uint64_t since_ns;
	/* shared: any worker sets it by CAS from 0, control sets it to 0 */
	uint64_t ejected_until_ns;
	/* owner: who has set ejected_until_ns, then control */
	uint32_t ejections;   /* all there were */
	uint16_t eject_times; /* that lengthen the next */
};
static_assert(sizeof(struct mr_origin_shared) == MR_CACHE_LINE, "one line for a look at an origin");

struct mr_origin_table;
struct mr_upstreams;

MR_MUST_USE int mr_origin_table_create(struct mr_origin_table **out, uint16_t worker_count,
				       struct mr_error *error);
void mr_origin_table_destroy(struct mr_origin_table *self); /* NULL is fine */

/* mr_origin_table_tick ends ejections, tells workers what the others have, and gives slots back.
 * running is the snapshot that is published, or NULL. Control thread, every 100 ms. */
void mr_origin_table_tick(struct mr_origin_table *self, const struct mr_upstreams *running,
			  uint64_t now_ns);

/* mr_origin_table_tell writes to the log who went up or down, or was ejected, since the last call.
 */
void mr_origin_table_tell(struct mr_origin_table *self, const struct mr_upstreams *running);

/* ---- a snapshot ---- */

/* What outlives a turn. */
struct mr_origin_ref {
	uint16_t slot; /* 0: none */
	uint32_t generation;
};

/* How origins of one family are reached: from which address, out of which port. */
struct mr_origin_way {
	struct mr_addr source;
	uint32_t vlan;
	uint8_t interface;
	bool known; /* false: no address or no next hop of that family */
};

struct mr_origin {
	struct mr_origin_ref ref;
	struct mr_origin_way way;
	struct mr_addr addr;
	uint16_t port;
	uint16_t weight;
	bool backup;
	bool checked;           /* by active checks; else its health is of another time */
	uint16_t group, server; /* which of the snapshot, and of its configuration */
	uint16_t check_request_bytes;
	const char *check_request; /* HTTP checks: what is sent */
	uint32_t active_limit;     /* exchanges at once, of one worker; UINT32_MAX: any */
	struct mr_origin_shared *shared;
};

struct mr_upstream {
	const struct mr_upstream_config *config; /* a copy of it, with its texts */
	uint32_t index;
	uint16_t slot; /* of what the group shares */
	uint16_t origin_count, backup_count;
	uint16_t eject_limit;            /* origins that may be ejected at once */
	const struct mr_origin *origins; /* backups last */
	const uint8_t *maglev[2]; /* HASH: origins, backups: MR_MAGLEV_SIZE indices; NULL: none */
};

/* Addresses that a configured name stands for now. */
struct mr_origin_addrs {
	const struct mr_addr *addrs;
	size_t count;
};

/* What mr_upstreams_build is told. */
struct mr_upstreams_input {
	const struct mr_upstream_config *groups;
	size_t group_count;
	/* resolve gives what a name stands for; a name that has never been resolved has none */
	struct mr_origin_addrs (*resolve)(void *context, const char *name);
	void *context;
	struct mr_origin_way way_v4, way_v6;
	uint64_t now_ns;
};

/* mr_upstreams_build makes a snapshot whose group i is groups[i] (nothing of the input is kept).
 * New origins take slots of table; -ENOSPC when there are none. */
MR_MUST_USE int mr_upstreams_build(struct mr_origin_table *table,
				   const struct mr_upstreams_input *input,
				   struct mr_upstreams **out, struct mr_error *error);
/* mr_upstreams_free: nobody reads it any more. Slots that no other snapshot has begin to leave. */
void mr_upstreams_free(struct mr_upstreams *self); /* NULL is fine */

uint32_t mr_upstreams_count(const struct mr_upstreams *self);
const struct mr_upstream *mr_upstreams_at(const struct mr_upstreams *self, uint32_t index);
/* mr_upstreams_find gives the group of this name, or NULL. */
const struct mr_upstream *mr_upstreams_find(const struct mr_upstreams *self, const char *name);
/* mr_upstreams_origin gives the origin of ref and its group, or NULL when it is not in self. */
const struct mr_origin *mr_upstreams_origin(const struct mr_upstreams *self,
					    struct mr_origin_ref ref,
					    const struct mr_upstream **group);

/* ---- one worker ---- */

struct mr_origin_worker {
	/* owner: worker; reader: any, relaxed */
	uint32_t active MR_LINE_ALIGNED; /* exchanges */
	uint32_t open;                   /* connections, kept ones too */
	/* owner: control, every tick; what the other workers have */
	uint32_t others;
	/* owner: worker */
	int32_t turn;      /* round robin: what it is owed */
	uint16_t failures; /* in a row */
	uint16_t connect_failures;
	uint32_t average_us; /* of latency */
	uint64_t average_ns; /* when it was last reckoned */
	/* owner: worker; reader: any, relaxed */
	uint64_t exchanges, failed, connect_failed; /* all there were */
	uint32_t generation;                        /* whose all this is */
};
static_assert(sizeof(struct mr_origin_worker) == MR_CACHE_LINE, "a line for each origin");

struct mr_upstream_worker {
	/* owner: worker */
	const struct mr_upstreams *upstreams; /* of this turn; NULL: none */
	struct mr_origin_worker *origins;     /* by slot */
	struct mr_origin_table *table;
	struct mr_rng rng;
};

/* mr_upstream_worker_create takes worker number `worker` of table; seed decides its chances. */
void mr_upstream_worker_create(struct mr_upstream_worker *self, struct mr_origin_table *table,
			       uint16_t worker, uint64_t seed);

/* Which origins of the group an exchange has tried; zeroed at its start. */
struct mr_upstream_tried {
	uint64_t bits[MR_UPSTREAM_ORIGIN_MAX / 64];
};

enum mr_upstream_verdict {
	MR_UPSTREAM_PICKED,
	MR_UPSTREAM_FULL, /* who could be asked has all it may have: wait, or 503 */
	MR_UPSTREAM_NONE, /* nobody can be asked: 502 or 503 */
};

/* mr_upstream_hash makes a key of bytes; the same in every process, so that boxes agree. */
uint64_t mr_upstream_hash(const void *bytes, size_t byte_count);

/* mr_upstream_pick gives the origin for the next try of an exchange, counts the exchange on it and
 * marks it tried; *out is NULL unless PICKED. key_hash is for HASH only. */
MR_HOT MR_MUST_USE enum mr_upstream_verdict
mr_upstream_pick(const struct mr_upstream *group, struct mr_upstream_worker *worker,
		 uint64_t key_hash, struct mr_upstream_tried *tried, uint64_t now_ns,
		 const struct mr_origin **out);

enum mr_origin_outcome {
	MR_ORIGIN_OK,             /* an answer below 500, whole */
	MR_ORIGIN_5XX,            /* an answer of 500 or above */
	MR_ORIGIN_CONNECT_FAILED, /* refused, or in connect_ms no connection */
	MR_ORIGIN_TIMED_OUT,      /* no answer in time */
	MR_ORIGIN_BROKEN,         /* reset, closed too early, not HTTP */
	MR_ORIGIN_LEFT,           /* ended by us or the client: says nothing about the origin */
};

/* mr_origin_report ends what pick has counted. latency_ns is from sending the request to the
 * answer's head; 0: none. Also right when the origin is no longer in the snapshot. */
void mr_origin_report(struct mr_upstream_worker *worker, struct mr_origin_ref ref,
		      enum mr_origin_outcome outcome, uint64_t latency_ns, uint64_t now_ns);

/* mr_origin_opened and _closed count connections to an origin, kept ones too: its slot is not given
 * away while there is one. */
static inline void
mr_origin_opened(struct mr_upstream_worker *worker, struct mr_origin_ref ref)
{
	uint32_t *open = &worker->origins[ref.slot].open;

	__atomic_store_n(open, *open + 1, __ATOMIC_RELAXED);
}

static inline void
mr_origin_closed(struct mr_upstream_worker *worker, struct mr_origin_ref ref)
{
	uint32_t *open = &worker->origins[ref.slot].open;

	MR_ASSERT_SLOW(*open > 0);
	__atomic_store_n(open, *open - 1, __ATOMIC_RELAXED);
}

/* mr_origin_keeps says whether connections to ref may be kept: it is in the snapshot and not
 * DISABLED. A kept connection of one that says no is closed. */
bool mr_origin_keeps(const struct mr_upstreams *upstreams, struct mr_origin_ref ref);

/* ---- the operator ---- */

/* mr_origin_order sets what an operator wants of a server of a group: its host or host:port as
 * configured, or one address of it; also of addresses that its name comes to stand for later. It
 * holds until the next order, across reloads, as long as the server is configured. Returns how many
 * origins it was for, or -ENOENT, -ENOSPC. Control thread. */
MR_MUST_USE int mr_origin_order(struct mr_origin_table *self, const struct mr_upstreams *running,
				const char *group, const char *server, enum mr_origin_admin admin,
				struct mr_error *error);

/* An origin as it is now, all workers together. */
struct mr_origin_view {
	const struct mr_upstream_server *server;
	struct mr_addr addr;
	bool takes; /* new exchanges */
	enum mr_origin_admin admin;
	enum mr_origin_health health;
	enum mr_check_result last_result;
	uint16_t last_status; /* 0: none */
	uint32_t checks, checks_failed, ejections;
	uint64_t checked_ns, ejected_until_ns; /* 0: none */
	uint32_t weight;                       /* now: slow start; 256 for each of the configured */
	uint64_t active, open, exchanges, failed, connect_failed;
	uint64_t average_us; /* of the workers that have one */
};
void mr_origin_view(const struct mr_origin_table *self, const struct mr_upstream *group,
		    const struct mr_origin *origin, uint64_t now_ns, struct mr_origin_view *out);

const char *mr_origin_admin_name(enum mr_origin_admin admin);
const char *mr_origin_health_name(enum mr_origin_health health);

/* mr_origin_takes says whether an origin takes new exchanges, room aside. */
bool mr_origin_takes(const struct mr_origin *origin);

#endif
