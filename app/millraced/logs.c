/* SPDX-License-Identifier: Apache-2.0
 *
 * millraced/logs - drain, write, rest.
 */
#include "logs.h"

#include <string.h>
#include <time.h>

enum { LINES_PER_ROUND = 256, REST_MS = 50 };

static void
line_write(void *context, enum mr_log_level level, const char *line)
{
	(void)context;
	mr_log(level, "%s", line);
}

static void
rings_drain(struct logs *self)
{
	for (uint16_t i = 0; i < self->group->worker_count; i++)
		mr_evlog_drain(mr_worker_evlog(self->group->workers[i]), LINES_PER_ROUND,
			       line_write, NULL);
}

static void *
logs_main(void *argument)
{
	struct logs *self = argument;

	while (!__atomic_load_n(&self->stop, __ATOMIC_RELAXED)) {
		rings_drain(self);
		nanosleep(&(struct timespec){ .tv_nsec = REST_MS * (long)MR_NS_PER_MS }, NULL);
	}
	rings_drain(self);
	return NULL;
}

int
logs_start(struct logs *self, struct mr_worker_group *group, struct mr_error *error)
{
	int failure;

	*self = (struct logs){ .group = group };
	failure = pthread_create(&self->thread, NULL, logs_main, self);
	if (failure)
		return mr_error_set(error, -failure, "cannot start the log thread: %s",
				    strerror(failure));
	pthread_setname_np(self->thread, "mr-log");
	self->started = true;
	return 0;
}

void
logs_stop(struct logs *self)
{
	if (!self->started)
		return;
	__atomic_store_n(&self->stop, true, __ATOMIC_RELAXED);
	pthread_join(self->thread, NULL);
	self->started = false;
}
