/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/txn - the transaction core: everything that changes a running instance goes through it.
 *
 *   QUEUED     waits for the one before it
 *   BUILDING   its works run on loader threads, several at once; the control loop goes on
 *   COMMITTED  one publication was made, what it replaced is retired
 *   FAILED     nothing was published; what was built is gone
 *
 * State        next                                                        [function]
 *   -         -> QUEUED     taken                                           [mr_txn_submit]
 *   QUEUED    -> BUILDING   plan: what is to be built                       [txn_start]
 *   BUILDING  -> BUILDING   a loader takes the next work                    [txn_loader]
 *   BUILDING  -> COMMITTED  all works good: assemble, apply, publish        [txn_finish]
 *   QUEUED, BUILDING -> FAILED  plan, a work, assemble or apply failed, or the engine ends:
 *                               discard                                     [txn_finish]
 *
 * (1) At most one transaction is BUILDING, so a commit always builds on what is published.
 * (2) publish is called at most once, and nothing that can fail comes after it.
 * (3) Exactly one of publish and discard is called for each transaction whose plan was called.
 * (4) done is called exactly once, last, with the first error by number of work.
 *
 * Owner:  the control thread; a work belongs to the loader that took it until it returns.
 * Thread: the control thread, except mr_txn_ops.work. Loaders are joined before assemble.
 * Memory: the heap; MR_TXN_QUEUE transactions wait at most.
 */
#ifndef MR_CTL_TXN_H
#define MR_CTL_TXN_H

#include <sched.h>

#include "base/base.h"
#include "metric/metric.h"

enum {
	MR_TXN_QUEUE = 32,
	MR_TXN_LOADER_MAX = 16,
};

#define CONTROL_METRICS(X)                                                                       \
	X(transaction_commit, COUNTER, EVENTS, "Transactions committed")                         \
	X(transaction_fail, COUNTER, EVENTS, "Transactions that failed: nothing changed")        \
	X(transaction_refuse, COUNTER, EVENTS, "Transactions refused: too many waiting")         \
	X(zone_load, COUNTER, EVENTS, "Zones loaded and published")                              \
	X(zone_load_fail, COUNTER, EVENTS, "Zones that could not be loaded: the old ones serve") \
	X(config_load, COUNTER, EVENTS, "Configurations loaded")                                 \
	X(config_load_fail, COUNTER, EVENTS, "Configurations refused")                           \
	X(client_accept, COUNTER, CONNECTIONS, "Control connections accepted")                   \
	X(client_refuse, COUNTER, CONNECTIONS, "Control connections refused: role, or too many") \
	X(client_slow, COUNTER, CONNECTIONS, "Control connections closed: too slow")             \
	X(client_broken, COUNTER, CONNECTIONS, "Control connections closed: not our protocol")   \
	X(request, COUNTER, REQUESTS, "Control requests")                                        \
	X(request_fail, COUNTER, REQUESTS, "Control requests that failed")

#define CONTROL_METRIC_ID(name, ...) MR_CONTROL_##name,
enum mr_control_metric { CONTROL_METRICS(CONTROL_METRIC_ID) MR_CONTROL_METRIC_COUNT };
MR_METRIC_DECLARE(mr_control_metric_table);

struct mr_txn;

/* The parts of one kind of transaction. plan, assemble and apply may be NULL. */
struct mr_txn_ops {
	int (*plan)(struct mr_txn *txn, struct mr_error *error);               /* sets work_count */
	int (*work)(struct mr_txn *txn, size_t index, struct mr_error *error); /* loader thread */
	int (*assemble)(struct mr_txn *txn, struct mr_error *error);
	int (*apply)(struct mr_txn *txn, struct mr_error *error); /* undoes itself when it fails */
	void (*publish)(struct mr_txn *txn); /* one store; retires what was there */
	void (*discard)(struct mr_txn *txn);
	/* done tells who asked; the struct is the caller's again. rc is 0 or error->code. */
	void (*done)(struct mr_txn *txn, int rc, const struct mr_error *error);
};

/* Part of the caller's struct, which lives until done. */
struct mr_txn {
	const struct mr_txn_ops *ops;
	const char *what;  /* "zone reload": for status and the log */
	size_t work_count; /* set by plan */
	uint64_t started_ns;
	/* shared: relaxed; written by loaders */
	_Atomic size_t work_taken, work_done;
	_Atomic bool cancelled; /* a long work looks at it now and then and returns -ECANCELED */
};

struct mr_txn_engine;

/* mr_txn_engine_create makes the engine: at most loader_count loaders at once, on cpus (NULL: where
 * the caller runs). metrics is a block of MR_CONTROL_METRIC_COUNT, borrowed. */
MR_MUST_USE int mr_txn_engine_create(struct mr_txn_engine **self, unsigned loader_count,
				     const cpu_set_t *cpus, uint64_t *metrics,
				     struct mr_error *error);
/* mr_txn_engine_destroy cancels what runs and what waits (their done is called with -ECANCELED). */
void mr_txn_engine_destroy(struct mr_txn_engine *self);

/* mr_txn_submit begins txn, or queues it. Whatever happens, done is called: from inside this call
 * when plan fails, the queue is full, or there is no work and so nothing to wait for. */
void mr_txn_submit(struct mr_txn_engine *self, struct mr_txn *txn);

/* mr_txn_fd becomes readable when mr_txn_turn has something to do. */
int mr_txn_fd(const struct mr_txn_engine *self);
void mr_txn_turn(struct mr_txn_engine *self);

/* mr_txn_wait turns until nothing runs or waits: for boot and for tests. */
void mr_txn_wait(struct mr_txn_engine *self);

/* mr_txn_current returns the one that is BUILDING, or NULL; *waiting is how many are behind it. */
const struct mr_txn *mr_txn_current(const struct mr_txn_engine *self, size_t *waiting);

#endif
