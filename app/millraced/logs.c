/* SPDX-License-Identifier: Apache-2.0
 *
 * millraced/logs - drain, write, rest.
 */
#include "logs.h"

#include <string.h>
#include <time.h>

enum { LINES_PER_ROUND = 256, REST_MS = 50, REST_BUSY_MS = 1 };

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

/* access_drain returns how long to rest: a busy worker fills its buffer in milliseconds. */
static long
access_drain(const struct logs *self)
{
	struct mr_site_access *access = self->group->access;
	struct timespec now;

	if (!access)
		return REST_MS;
	clock_gettime(CLOCK_REALTIME, &now);
	return mr_site_access_drain(access, mr_clock_now_ns(),
				    (uint64_t)now.tv_sec * MR_NS_PER_S + (uint64_t)now.tv_nsec)
		       ? REST_BUSY_MS
		       : REST_MS;
}

static void *
logs_main(void *argument)
{
	struct logs *self = argument;

	while (!__atomic_load_n(&self->stop, __ATOMIC_RELAXED)) {
		long rest_ms;

		rings_drain(self);
		rest_ms = access_drain(self);
		nanosleep(&(struct timespec){ .tv_nsec = rest_ms * (long)MR_NS_PER_MS }, NULL);
	}
	rings_drain(self);
	while (access_drain(self) != REST_MS)
		;
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
