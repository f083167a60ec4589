/* SPDX-License-Identifier: Apache-2.0
 *
 * worker - the run-to-completion loop: one pinned thread that takes packets to answers.
 *
 *   turn: clock -> TCP timers                              bounded                [worker_tcp_turn]
 *         -> rx burst -> net -> tcp, dns -> tx burst     per queue              [turn_queue]
 *         -> dispatch rings (other workers, control)      bounded                [turn_dispatch]
 *         -> job completions                              bounded                [turn_jobs]
 *         -> timers                                       bounded                [turn_timers]
 *         -> quiescent state -> idle policy                                      [mr_worker_run]
 *
 * Owner:  a struct mr_worker belongs to its thread once mr_worker_run starts; the fields under
 *         `reader: any` may be read by others at any time.
 * Thread: mr_worker_run on the pinned core. mr_worker_stop, _send and _notes by the control thread.
 * Memory: everything is taken at mr_worker_group_create. Nothing is allocated in a turn.
 *
 * (1) Time is read once per turn, from the time stamp counter, which the control thread keeps in
 *     step with its own clock.
 * (2) Nothing loaded from the world is kept past the turn's quiescent state; what must live longer
 *     is pinned.
 * (3) A queue is touched by its owner only: worker i owns queue q of a port when q == i; a port
 *     with fewer queues than workers is spread over all of them by the flow's hash, through the
 *     dispatch rings, and answers return the same way.
 * (4) Each stage of a turn is bounded, so a turn is.
 * (5) The source port of a connection that we open says whose it is: its low bits are the worker's
 *     number. Whatever queue an answer comes by, it reaches that worker, through the dispatch rings
 *     if need be; so does an ICMP error about it.
 */
#ifndef MR_WORKER_WORKER_H
#define MR_WORKER_WORKER_H

#include "base/base.h"
#include "dns/dns.h"
#include "evlog/evlog.h"
#include "metric/metric.h"
#include "net/net.h"
#include "port/port.h"
#include "proxy/proxy.h"
#include "rcu/rcu.h"
#include "site/site.h"
#include "tcp/tcp.h"
#include "zone/zone.h"

/* ---- the world: the one thing that is published ---- */

/* Immutable once published. The control thread builds a new one for every change, publishes it by
 * one pointer store, and retires the old one and whatever of its parts the new one does not share.
 */
struct mr_world {
	uint64_t generation;
	const struct mr_net_snapshot *net;
	const struct mr_zone_set *zones;
	const struct mr_dns_config *dns;
	const struct mr_site_set *sites;      /* NULL: none */
	struct mr_site_tree *const *roots;    /* of them */
	const struct mr_upstreams *upstreams; /* NULL: none */
};

/* ---- jobs: what a worker may not do itself ---- */

enum { MR_JOB_MAX = 1024 /* in flight per worker */, MR_JOB_WORDS = 5 };

struct mr_worker;
struct mr_job;

/* run: on a helper thread, may block. done: back on the worker that submitted, inside a turn. */
typedef void mr_job_run_fn(struct mr_job *job);
typedef void mr_job_done_fn(struct mr_worker *worker, struct mr_job *job);

struct mr_job {
	mr_job_run_fn *run;
	mr_job_done_fn *done;
	uint32_t handle; /* whom it is for; done checks that its generation still stands */
	uint32_t generation;
	uint16_t worker;
	/* arguments and results; what they point to belongs to the job */
	uint64_t words[MR_JOB_WORDS];
};

struct mr_job_helpers; /* the helper threads of a process */

/* mr_job_helpers_create starts thread_count threads on cpu (UINT16_MAX: not pinned). They sleep
 * when idle. */
MR_MUST_USE struct mr_job_helpers *mr_job_helpers_create(uint16_t thread_count, uint16_t cpu,
							 struct mr_error *error);
/* mr_job_helpers_destroy finishes the job in hand of each thread and joins it. */
void mr_job_helpers_destroy(struct mr_job_helpers *self);

/* ---- notes: what workers tell the control thread ---- */

enum mr_worker_note_kind { MR_NOTE_NEIGHBOUR };

struct mr_worker_note {
	uint8_t kind;
	struct mr_mac mac;
	struct mr_net_next_hop hop;
};

/* ---- worker ---- */

enum mr_worker_poll { MR_POLL_BUSY, MR_POLL_ADAPTIVE };

enum {
	MR_DISPATCH_RING = 1024, /* packets waiting from one worker to another */
	MR_NOTE_RING = 256,
	MR_WORKER_SOURCE_PORT_LOW = 32768, /* of active opens, up to 65535 */
	MR_PIN_SLOTS = 4096,               /* 0 is nobody's */
	MR_WORKER_TX_RETRY = 8,     /* times that a full port is asked again within one burst */
	MR_WORKER_TX_HOLD_MS = 100, /* that frames wait for a port that takes none */
	MR_TIMER_MAX = 4096,        /* running timers of one worker */
	MR_WORKER_TIMERS_PER_TURN = 256,
	MR_WORKER_SPIN_TURNS = 512, /* empty turns before an adaptive worker sleeps */
	MR_WORKER_SLEEP_MIN_US = 10,
	MR_WORKER_SLEEP_MAX_US = 250,
};

#define WORKER_METRIC_ID(name, ...) MR_WORKER_##name,
#include "worker/metrics.h"
enum mr_worker_metric { WORKER_METRICS(WORKER_METRIC_ID) MR_WORKER_METRIC_COUNT };
MR_METRIC_DECLARE(mr_worker_metric_table);

/* ---- turns: what ran in the long ones ---- */

/* A turn's length is told by the one reading of the counter that begins the next. Its stages are
 * timed, by one more reading each, only in turns that are: one in MR_TURN_SAMPLE, and the
 * MR_TURN_AFTER_LONG that follow a long one, as long turns seldom come alone. How much each stage
 * did is known of every turn. */
enum {
	MR_TURN_LONG_US = 50,
	MR_TURN_SAMPLE = 1024,
	MR_TURN_AFTER_LONG = 64,
	MR_TURN_ROWS = 9, /* the worst since the start, the worst timed one, and the latest long */
	MR_TURN_LATEST = 2,
};

enum mr_turn_stage {
	MR_STAGE_RX,
	MR_STAGE_NET,
	MR_STAGE_TCP,
	MR_STAGE_DNS,
	MR_STAGE_TX,
	MR_STAGE_JOBS,
	MR_STAGE_TIMERS,
	MR_STAGES,
};

struct mr_turn_record {
	uint64_t at_ns, spent_ns; /* at_ns: when it began; 0: no such turn yet */
	bool timed;
	uint32_t done[MR_STAGES];     /* packets, datagrams, segments, jobs, timers */
	uint64_t stage_ns[MR_STAGES]; /* if timed */
};

const char *mr_turn_stage_name(enum mr_turn_stage stage);

/* Time stamp counter -> nanoseconds on the scale of mr_clock_now_ns: base_ns + (tsc - base_tsc) *
 * scale / 2^32. The counter's frequency is known to some parts in a thousand only and the kernel's
 * clock is slewed, so the control thread sets this ten times a second; a worker takes it over at
 * the start of a turn. */
struct mr_worker_clock {
	/* owner: ctl; reader: workers, a seqlock under sequence (odd while it is written) */
	uint32_t sequence MR_LINE_ALIGNED;
	uint64_t base_tsc, base_ns, scale;
	/* owner: ctl: the last sample */
	uint64_t seen_tsc, seen_ns;
};

/* TCP of each worker. Zero in all but the first means the default. */
struct mr_worker_tcp {
	uint32_t connections;  /* 0: none, TCP is dropped */
	uint32_t active;       /* with something queued or kept; an eighth, at most 131,072 */
	uint64_t buffer_bytes; /* of what is queued or kept; 1 KiB for each active one, >= 8 MiB */
	uint32_t time_waits;   /* as many as connections, but at least 1,024; rounded up */
	uint32_t time_wait_ms; /* 10 s */
	uint32_t half_open;    /* above which cookies go out; a sixteenth, at most 8,192 */
	uint32_t prefix_limit; /* of one source prefix; a quarter, at least 1,024 */
	uint32_t prefix_v4_bits, prefix_v6_bits; /* 24 and 64 */
	uint32_t progress_ms, progress_bytes;    /* the least that a reader takes; any; 2,048 */
	uint32_t persist_ms;                     /* how long a window may stay shut; 60 s */
};

/* Of the table, of initial sequence numbers (RFC 6528), of SYN cookies: kept by who wants a restart
 * to go on with them. */
struct mr_worker_tcp_keys {
	struct mr_hash_key table, isn, cookie;
};

/* What all workers of a process share: made at boot, const after, but for the clock. */
struct mr_worker_group {
	uint16_t worker_count;
	uint16_t port_count;
	struct mr_port *const *ports; /* by index */
	struct mr_worker *workers[MR_WORKER_MAX];
	const struct mr_world **world; /* where the control thread publishes */
	struct mr_net_neighbours *neighbours;
	struct mr_metric_registry *metrics;
	struct mr_job_helpers *helpers;         /* NULL: jobs are refused */
	struct rte_mempool *const *pools;       /* [worker_count]: for segments that workers send */
	struct mr_arena *arena;                 /* for what connections need */
	struct mr_dns_stream_config dns_stream; /* but for transfers.worker, .pins, .gen */
	uint32_t zone_counters;                 /* zones that are counted by themselves */
	uint32_t rrl_prefixes;                  /* of each worker's table; 0: no rate limits */
	struct mr_pins pins; /* of zones and whatever else connections give; by slot */
	struct mr_site_server_config http;
	struct mr_site_store *sites;   /* NULL: no roots */
	struct mr_site_access *access; /* NULL: no access log */
	struct mr_site_books *books;   /* NULL: sites are not counted */
	struct mr_proxy_config proxy;
	struct mr_origin_table *origins; /* NULL: nothing is passed on */
	struct mr_worker_tcp tcp;
	struct mr_worker_tcp_keys tcp_keys;         /* zero: drawn */
	struct mr_tcp_service_config test_services; /* none: no listeners */
	struct rte_mempool *control_pool;           /* for frames that the control thread sends */
	enum mr_worker_poll poll;
	/* drawn by mr_worker_group_create: nobody can aim at a worker */
	struct mr_hash_key flow_key;
	/* rings[to][from]; from == worker_count is the control thread */
	struct rte_ring *rings[MR_WORKER_MAX][MR_WORKER_MAX + 1];
	struct mr_worker_clock clock;
	struct mr_site_clock day; /* the time of day, for HTTP */
	bool draining;            /* owner: ctl; reader: workers, relaxed */
};

/* What any thread may read of a worker. */
struct mr_worker_view {
	uint16_t index, cpu;
	bool running, asleep;
	uint64_t heartbeat_ns; /* time of the last turn */
	uint64_t generation;   /* of the world that it last saw */
	const uint64_t *metrics;
	const struct mr_histogram *turn_ns; /* of turns that did something */
	const struct mr_evlog_ring *evlog;
	/* group->zone_counters + 1 of them: [0] counts all other zones; NULL: none are counted */
	const struct mr_dns_zone_line *zone_lines;
};

/* mr_worker_group_create makes the workers of group (its other fields filled by the caller), with
 * queues, rings and metric blocks. cpus[i] is where the caller will run worker i. On failure
 * nothing is left. */
MR_MUST_USE int mr_worker_group_create(struct mr_worker_group *group, const uint16_t *cpus,
				       struct mr_error *error);
void mr_worker_group_destroy(struct mr_worker_group *group);

/* mr_worker_tcp_bytes is what the connections of one worker will take of the arena. */
uint64_t mr_worker_tcp_bytes(const struct mr_worker_tcp *tcp);

/* mr_worker_run turns until mr_worker_stop. The calling thread must be pinned; it registers with
 * RCU. Returns 0. */
int mr_worker_run(struct mr_worker *self);
void mr_worker_stop(struct mr_worker_group *group); /* any thread, also a signal handler */

/* mr_worker_group_abandon ends all connections, without a word to their peers, and drops what they
 * pin. When no worker runs any more. */
void mr_worker_group_abandon(struct mr_worker_group *group);

/* mr_worker_rrl is a worker's rate limits, for mr_dns_rrl_rebalance and mr_dns_rrl_list. */
struct mr_dns_rrl *mr_worker_rrl(struct mr_worker *self);

/* mr_worker_tcp is a worker's stack, for mr_tcp_view from any thread; NULL without connections. */
const struct mr_tcp *mr_worker_tcp(const struct mr_worker *self);
/* mr_worker_proxy is its proxy, for mr_proxy_memory; NULL without connections. */
const struct mr_proxy *mr_worker_proxy(const struct mr_worker *self);

void mr_worker_view(const struct mr_worker *self, struct mr_worker_view *out);
/* mr_worker_turns copies the records of long turns: [0] the worst of all, [1] the worst of those
 * timed, from MR_TURN_LATEST on the latest that were long, in no order. False: the worker was
 * writing, ask again. Any thread. */
MR_MUST_USE bool mr_worker_turns(const struct mr_worker *self,
				 struct mr_turn_record out[MR_TURN_ROWS]);
struct mr_evlog_ring *mr_worker_evlog(struct mr_worker *self);

/* mr_worker_clock_tick keeps the workers' time in step with mr_clock_now_ns; it never goes back.
 * Control thread, every 100 ms. */
void mr_worker_clock_tick(struct mr_worker_group *group);

/* mr_worker_send gives one frame to the owner of a queue of port, to be sent; -ENOBUFS when it
 * cannot. Control thread. */
MR_MUST_USE int mr_worker_send(struct mr_worker_group *group, uint16_t port, const uint8_t *frame,
			       uint16_t frame_bytes);

/* mr_worker_notes takes at most limit notes of one worker. Control thread. */
uint32_t mr_worker_notes(struct mr_worker *self, struct mr_worker_note *out, uint32_t limit);

/* mr_job_submit gives a job to the helpers; false, counted, when none is free. On the worker,
 * inside a turn. */
bool mr_job_submit(struct mr_worker *self, mr_job_run_fn *run, mr_job_done_fn *done,
		   uint32_t handle, uint32_t generation, const uint64_t words[MR_JOB_WORDS]);

/* mr_timer_start calls fire(worker, owner, generation) once, in a turn at least delay_ns from now
 * and at most one tick (1.05 ms) and the wheel's backlog later. Returns the timer, for
 * mr_timer_cancel before it fires; 0, counted, when all are taken. On the worker, inside a turn. */
typedef void mr_timer_fn(struct mr_worker *worker, uint32_t owner, uint32_t generation);
uint32_t mr_timer_start(struct mr_worker *self, uint64_t delay_ns, mr_timer_fn *fire,
			uint32_t owner, uint32_t generation);
void mr_timer_cancel(struct mr_worker *self, uint32_t timer);

/* Where an active open goes: from one of the box's addresses, out of one interface, by its next hop
 * (of this VLAN and family), which must be configured. */
struct mr_worker_origin {
	struct mr_addr source, remote;
	uint16_t remote_port;
	uint32_t vlan;
	uint8_t interface;
};

/* mr_worker_connect opens a connection from a source port that the stack chooses: one whose answers
 * every worker knows to be this one's (MR_WORKER_SOURCE_PORT_LOW and above; nothing may listen
 * there, and a shared port must be steered to bring them). Returns what mr_tcp_connect does. On the
 * worker, inside a turn. */
MR_MUST_USE uint32_t mr_worker_connect(struct mr_worker *self, const struct mr_worker_origin *to,
				       uint8_t app, uint64_t app_word);

/* mr_worker_now_ns is this turn's time, on the scale of mr_clock_now_ns. */
uint64_t mr_worker_now_ns(const struct mr_worker *self);

#endif
