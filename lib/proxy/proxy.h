/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy - requests that somebody else answers: exchanges with origins, and connections to them.
 *
 *   a request, whole head          -> [mr_proxy_begin]     an exchange, or the status to answer
 *   its content, as it comes       -> [mr_proxy_content] [mr_proxy_content_end]
 *   the answer, as it comes        -> struct mr_proxy_client_ops: head, data, end, or fail
 *   the client takes more again    -> [mr_proxy_resume];   it is gone -> [mr_proxy_leave]
 *
 * Nothing here knows how the client is spoken to: lib/site writes HTTP/1.1, another server of
 * messages would write its own frames. Towards origins it is HTTP/1.1 over lib/tcp. What goes on is
 * made afresh from what was understood (http/write): framing is ours on both sides.
 *
 * Owner:  a struct mr_proxy belongs to one worker; upstreams are a snapshot of the control thread.
 * Thread: its worker, inside mr_tcp_input, mr_tcp_turn and mr_proxy_turn.
 * Memory: pools of one arena, taken at create. See "What one exchange may cost" below.
 * Spec:   RFC 9110 7.6 (forwarding), 9.2.2 (retries), 10.1.1 and 15.2 (100-continue, 1xx); RFC 9112
 *         7, 9; RFC 7239 (Forwarded); RFC 6455 (the upgrade; what follows is a tunnel).
 *
 * An exchange, and what makes the transitions                                   [function]
 *   (none)   -> CONNECT   an origin was picked, a new connection begins           [exchange_try]
 *   (none)   -> SENT      the same, by a kept connection                          [exchange_try]
 *   (none)   -> WAIT      origins are full, or before another try                 [exchange_wait]
 *   WAIT     -> CONNECT, SENT  there is room, or the pause is over                [exchange_try]
 *   CONNECT  -> SENT      established: content may flow                           [link_accepted]
 *   CONNECT, SENT -> WAIT, CONNECT, SENT  it failed and may be tried again        [exchange_retry]
 *   SENT     -> HEAD      the first octet of an answer, not the whole head        [answer_head]
 *   SENT, HEAD -> SENT    an interim answer (1xx) was passed on                   [answer_begin]
 *   SENT, HEAD -> BODY    the head of the answer was passed on                    [answer_begin]
 *   SENT, HEAD -> TUNNEL  101: octets both ways                                   [answer_begin]
 *   BODY, HEAD -> (end)   the answer is whole                                     [exchange_end]
 *   TUNNEL   -> (end)     both sides have closed                                  [exchange_end]
 *   any      -> (end)     failed: 502, 503, 504, or cut                           [exchange_fail]
 *   any      -> (end)     the client is gone                                      [mr_proxy_leave]
 *
 * A connection to an origin (a link)
 *   CONNECT -> BUSY       established                                             [link_accepted]
 *   BUSY    -> KEPT       the answer was whole, and both sides may go on          [link_keep]
 *   KEPT    -> BUSY       another exchange takes it, the latest first             [link_take]
 *   any     -> (end)      closed, reset, idle_ms, enough requests, not wanted     [link_drop]
 *
 * When a kept connection is not used again (RFC 9112 9.3): the answer said close, or was delimited
 * by it; the request was not sent whole; octets followed the answer; connection_requests; the
 * origin is leaving or disabled; a PROXY header began it (proxy_protocol of the group): then it is
 * one client's, and kept apart by client, such ones would mostly wait for nobody. A request that
 * is not idempotent takes a kept connection only within MR_PROXY_FRESH_MS of its last use: a close
 * of the origin may be under way.
 *
 * When a request is tried again: no octet of an answer has come, none of its content was taken, it
 * is idempotent or was never sent (no connection came about), there are tries left (retries) and
 * the group's budget allows, where the request was sent: each exchange of a group brings
 * retry_percent / 100 of a try, at most MR_PROXY_BUDGET of them are saved up. Another origin is
 * asked at once; the same ones again after a pause of MR_PROXY_PAUSE_MS, doubled each time. A kept
 * connection that dies before any octet costs neither a try nor budget: it was closed before the
 * request came (RFC 9112 9.3.1).
 *
 * Times, each of the group: connect_ms (504), first_byte_ms from the request's last octet taken to
 * the answer's first (504), between_ms without progress while it is the origin's turn (cut),
 * total_ms (504, or cut), queue_ms in WAIT (503). 0: no bound.
 *
 * What one exchange may cost, beyond its connections' fixed state
 *   MR_PROXY_SMALL_BYTES, plus MR_PROXY_LARGE_BYTES where a head does not fit      [no_large]
 *   buffer_bytes queued to the client, as many unread from the origin: an origin is not read from
 *   while its client does not read                                                 [stall_client]
 *   buffer_bytes queued to the origin: a client is not read from while its origin does not
 *                                                                                  [stall_origin]
 * Exchanges of a worker: exchange_limit, then 503 [no_exchange]. Waiting ones of a group:
 * queue_limit, then 503 [queue_full]. Links: twice as many as exchanges; the oldest kept one goes
 * first [link_evicted]. Interim answers: MR_PROXY_INTERIM_MAX, then 502 [answer_refused].
 *
 * (1) A link has at most one exchange, an exchange at most one link.
 * (2) What mr_upstream_pick has counted is reported once: when the try ends.
 * (3) Nothing of a snapshot is kept past the turn: an exchange keeps its origin's ref and its
 *     group's name, and looks the group up again when the snapshot is another.
 * (4) When an op of the client has returned false, the exchange is gone; in end and fail its note
 *     can still be read, and nothing else may be done with it.
 */
#ifndef MR_PROXY_PROXY_H
#define MR_PROXY_PROXY_H

#include "base/base.h"
#include "http/http.h"
#include "mem/mem.h"
#include "metric/metric.h"
#include "tcp/tcp.h"

#include "proxy/check.h"
#include "proxy/proxy_protocol.h"
#include "proxy/upstream.h"

enum {
	MR_PROXY_SMALL_BYTES = 3072,  /* a browser's request, with its note for the access log */
	MR_PROXY_LARGE_BYTES = 24576, /* the longest head, a note, and what is added */
	MR_PROXY_HEAD_BYTES = 20480,  /* of a head that goes on, ours added */
	MR_PROXY_NOTE_BYTES = 1344,   /* that a client may keep in an exchange */
	MR_PROXY_FRESH_MS = 500,
	MR_PROXY_PAUSE_MS = 10,
	MR_PROXY_BUDGET = 100, /* tries that a group may have saved up */
	MR_PROXY_INTERIM_MAX = 16,
	MR_PROXY_TIMERS_PER_TURN = 64,
	MR_PROXY_WAKE_PER_TURN = 64, /* waiting exchanges that are looked at in a turn */
};

#define PROXY_METRIC_ID(name, ...) MR_PROXY_##name,
#include "proxy/metrics.h"
enum mr_proxy_metric { PROXY_METRICS(PROXY_METRIC_ID) MR_PROXY_METRIC_COUNT };
MR_METRIC_DECLARE(mr_proxy_metric_table);

/* What is told to origins of who asked. */
enum mr_proxy_forwarded {
	MR_PROXY_FORWARDED_REPLACE, /* what the client says of itself is dropped */
	MR_PROXY_FORWARDED_APPEND,  /* ours stands behind it: clients are proxies that we trust */
	MR_PROXY_FORWARDED_OFF,     /* nothing is added, nothing dropped */
};

/* Zero means the default. */
struct mr_proxy_config {
	uint32_t exchange_limit; /* of each worker; 0: 2,048 */
	uint32_t large_limit;    /* of them with a long head; 0: a sixteenth */
	uint32_t buffer_bytes;   /* each way; 0: 131,072 */
	int forwarded;           /* enum mr_proxy_forwarded */
	char name[MR_NAME_MAX];  /* in Via; empty: millrace */
};

/* Who asks. Every op runs inside an event of an origin's connection, or mr_proxy_turn, never inside
 * mr_proxy_begin; of the calls below only mr_proxy_resume runs them. `client` is what begin was
 * given. false: the client is gone, and has said so by mr_proxy_leave. */
struct mr_proxy_client_ops {
	/* room: octets of an answer that would be taken now, its framing included */
	uint32_t (*room)(void *context, uint32_t client);
	/* head: an interim answer, or the answer, as it was read; how is filled with what is to be
	 * done to it, and may be added to. whole: the request's content has been sent. */
	bool (*head)(void *context, uint32_t client, struct mr_http_message *message,
		     const uint8_t *bytes, struct mr_http_forward *how, bool whole);
	bool (*data)(void *context, uint32_t client, const uint8_t *bytes, uint32_t count);
	/* flush: no more of it comes in this event */
	bool (*flush)(void *context, uint32_t client);
	/* end: the answer is whole; trailers NULL: there are none. In a tunnel: the origin has
	 * closed its side, and the exchange goes on. */
	void (*end)(void *context, uint32_t client, const struct mr_http_message *trailers,
		    const uint8_t *bytes);
	/* fail: there is no answer but this status; 0: what was begun cannot be ended, cut it */
	void (*fail)(void *context, uint32_t client, uint16_t status);
	/* want: content is taken again */
	void (*want)(void *context, uint32_t client);
};

struct mr_proxy {
	/* owner: worker */
	struct mr_upstream_worker policy; /* with the upstreams of this turn */
	struct mr_tcp *tcp;
	/* connect opens a connection to origin for application `app` of the caller; 0: none */
	uint32_t (*connect)(void *context, const struct mr_origin *origin, uint64_t word);
	void *connect_context;
	const struct mr_proxy_client_ops *client;
	void *client_context;
	struct mr_proxy_config config;
	struct mr_http_limits limits; /* of answers */
	struct mr_pool exchanges, larges, links;
	struct mr_wheel wheel;      /* of exchanges: total_ms, queue_ms, pauses */
	struct proxy_kept *kept;    /* by slot of an origin */
	struct proxy_group *groups; /* by index of a group */
	uint32_t kept_oldest, kept_newest;
	uint64_t generation; /* of the last turn */
	uint32_t epoch;      /* how many snapshots were seen */
	uint32_t waiting;    /* exchanges in WAIT for room */
	uint64_t swept_ns;   /* when kept links were last looked at */
	uint64_t now_ns;
	uint64_t *metrics;
	uint32_t tally[MR_PROXY_METRIC_COUNT]; /* since mr_proxy_flush */
	struct mr_http_message message;        /* of the answer in hand */
	uint8_t *scratch;                      /* forwarding fields of a request */
};

MR_MUST_USE int mr_proxy_create(struct mr_proxy *self, const struct mr_proxy_config *config,
				struct mr_arena *arena, uint64_t now_ns, struct mr_error *error);
/* mr_proxy_bytes is what mr_proxy_create takes of an arena, but for alignment. */
uint64_t mr_proxy_bytes(const struct mr_proxy_config *config);
void mr_proxy_flush(struct mr_proxy *self);

/* mr_proxy_memory tells of one pool, to any thread. */
enum mr_proxy_pool { MR_PROXY_EXCHANGES, MR_PROXY_LARGES, MR_PROXY_LINKS, MR_PROXY_POOLS };
void mr_proxy_memory(const struct mr_proxy *self, enum mr_proxy_pool which,
		     struct mr_tcp_usage *out);

/* mr_proxy_turn takes the time and the upstreams of a turn: timers fire, who waits may go on, kept
 * connections to what is gone are closed. generation is another when the upstreams may be. Before
 * the turn's segments. */
void mr_proxy_turn(struct mr_proxy *self, const struct mr_upstreams *upstreams, uint64_t generation,
		   uint64_t now_ns);

/* ---- one exchange ---- */

struct mr_proxy_request {
	const struct mr_http_message *message;
	const uint8_t *bytes;
	uint32_t group;        /* index in the upstreams */
	const uint8_t *target; /* path and query to ask for; its path is canonical */
	uint16_t target_bytes;
	struct mr_addr client, local; /* as the connection has them */
	uint16_t client_port, local_port;
	bool https;
	const uint8_t *id; /* X-Request-ID; NULL: as it came */
	uint8_t id_bytes;
	const void *note; /* kept for the client */
	uint32_t note_bytes;
};

/* mr_proxy_begin sends the request on and returns 0 with the exchange's handle, or the status to
 * answer. client is given to the ops. */
MR_MUST_USE uint16_t mr_proxy_begin(struct mr_proxy *self, const struct mr_proxy_request *request,
				    uint32_t client, uint32_t *exchange);

/* mr_proxy_note is the note, 8-aligned; it moves when any other call is made. */
void *mr_proxy_note(struct mr_proxy *self, uint32_t exchange);

/* mr_proxy_content_room is how many octets of content (in a tunnel: of any) are taken now; when it
 * says 0, want tells when there is more. */
uint32_t mr_proxy_content_room(struct mr_proxy *self, uint32_t exchange);

/* mr_proxy_content takes octets of content, and returns how many: fewer than there is room for when
 * lib/tcp has no memory. mr_proxy_content_end: that was all; trailers NULL: none. In a tunnel: the
 * client has closed its side. */
MR_MUST_USE uint32_t mr_proxy_content(struct mr_proxy *self, uint32_t exchange,
				      const uint8_t *bytes, uint32_t count);
void mr_proxy_content_end(struct mr_proxy *self, uint32_t exchange,
			  const struct mr_http_message *trailers, const uint8_t *bytes);

/* mr_proxy_resume: the client has room again. The exchange may end within. */
void mr_proxy_resume(struct mr_proxy *self, uint32_t exchange);

/* mr_proxy_leave: the client is gone. */
void mr_proxy_leave(struct mr_proxy *self, uint32_t exchange);

/* Links over lib/tcp; context is the struct mr_proxy. */
extern const struct mr_tcp_app_ops mr_proxy_link_ops;

#endif
