/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy/check - asking origins whether they are well, by the way that requests go.
 *
 * Checks run on workers, over our own TCP, from the address and out of the port that requests take:
 * on a port that is wholly ours the kernel could not reach an origin at all, and elsewhere it would
 * test another path than the one that matters. An origin is checked by one worker (its slot's
 * number decides), which writes what it finds into the shared line of the slot: any worker sees it
 * at its next pick.
 *
 *   (none)  -> CONNECT  its time has come                                       [slot_due]
 *   CONNECT -> (end)    tcp: a connection is there: ok                          [check_accepted]
 *   CONNECT -> HEAD     http: the request is sent                               [check_accepted]
 *   HEAD    -> (end)    the head is whole: its status is good and no body is expected, or it is
 *                       bad; not HTTP                                           [check_head]
 *   HEAD    -> CONTENT  the status is good, a body is expected                  [check_head]
 *   CONTENT -> (end)    it has come, or can come no more                        [check_content]
 *   any     -> (end)    timeout; refused; closed too early         [check_deadline, check_closed]
 *
 * The next check begins interval, give or take a tenth, after this one has begun, so that many
 * boxes do not ask in step; the first one within CHECK_FIRST_NS, so a new origin is soon known.
 * What cannot be begun here (no TCB, no buffer) says nothing about the origin.
 *
 * Owner:  a struct mr_origin_checker belongs to its worker.
 * Thread: its worker, inside a turn and the events of lib/tcp.
 * Memory: MR_CHECKS_MAX checks at once and a timer for each slot, of one arena, taken at create.
 */
#ifndef MR_PROXY_CHECK_H
#define MR_PROXY_CHECK_H

#include "http/http.h"
#include "mem/mem.h"
#include "metric/metric.h"
#include "proxy/upstream.h"
#include "tcp/tcp.h"

enum {
	MR_CHECKS_MAX = 64, /* at once, of each worker */
	MR_CHECK_HEAD_BYTES = 8192,
	MR_CHECK_BODY_BYTES = 4096,
	MR_CHECKS_PER_TURN = 16,
};

#define CHECK_METRICS(X)                                                             \
	X(check, COUNTER, EVENTS, "Checks of origins begun")                         \
	X(check_ok, COUNTER, EVENTS, "Of them good")                                 \
	X(check_fail, COUNTER, EVENTS, "Of them failed")                             \
	X(check_late, COUNTER, EVENTS, "Checks put off: as many run as may")         \
	X(check_no_connection, COUNTER, EVENTS, "Checks not begun: no TCB, no port") \
	X(origin_up, COUNTER, EVENTS, "Origins that a check has brought up")         \
	X(origin_down, COUNTER, EVENTS, "Origins that a check has taken down")

#define CHECK_METRIC_ID(name, ...) MR_CHECK_METRIC_##name,
enum mr_check_metric { CHECK_METRICS(CHECK_METRIC_ID) MR_CHECK_METRIC_COUNT };
MR_METRIC_DECLARE(mr_check_metric_table);

struct mr_origin_checker {
	/* owner: worker; the caller fills the first part before create */
	uint16_t worker, worker_count;
	struct mr_tcp *tcp;
	/* connect opens a connection to a port of origin; 0: none */
	uint32_t (*connect)(void *context, const struct mr_origin *origin, uint16_t port,
			    uint64_t word);
	void *connect_context;
	uint64_t *metrics;
	const struct mr_upstreams *upstreams; /* of this turn */
	uint64_t generation;                  /* of the last turn */
	uint64_t now_ns;
	struct mr_rng rng;
	struct mr_pool checks;
	struct checker_slot *slots; /* timers, by slot */
	struct mr_wheel wheel;
};

MR_MUST_USE int mr_origin_checker_create(struct mr_origin_checker *self, struct mr_arena *arena,
					 uint64_t seed, uint64_t now_ns, struct mr_error *error);

/* mr_origin_checker_turn begins what is due. generation is another when upstreams may be. */
void mr_origin_checker_turn(struct mr_origin_checker *self, const struct mr_upstreams *upstreams,
			    uint64_t generation, uint64_t now_ns);

/* mr_origin_checked takes one result for origin into its health, and says whether that is another
 * one now. The worker that checks it. */
bool mr_origin_checked(const struct mr_upstream *group, const struct mr_origin *origin,
		       enum mr_check_result result, uint16_t status, uint64_t now_ns);

/* Over lib/tcp; context is the struct mr_origin_checker, the application's word a check. */
extern const struct mr_tcp_app_ops mr_origin_check_ops;

#endif
