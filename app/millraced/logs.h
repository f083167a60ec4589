/* SPDX-License-Identifier: Apache-2.0
 *
 * millraced/logs - the log thread: what workers posted becomes lines, off the data cores.
 *
 * Owner: main. Thread: its own, pinned to the control CPU. Memory: the struct.
 */
#ifndef MILLRACED_LOGS_H
#define MILLRACED_LOGS_H

#include <pthread.h>

#include "worker/worker.h"

struct logs {
	struct mr_worker_group *group;
	pthread_t thread;
	bool started;
	bool stop; /* shared: set by main */
};

MR_MUST_USE int logs_start(struct logs *self, struct mr_worker_group *group,
			   struct mr_error *error);

/* logs_stop writes what is still in the rings, and joins the thread. */
void logs_stop(struct logs *self);

#endif
