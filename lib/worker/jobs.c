/* SPDX-License-Identifier: Apache-2.0
 *
 * worker/jobs - work that may block, done by helper threads; completion comes back as an event on
 * the worker.
 *
 *   FREE    -> QUEUED   taken from the worker's own list, put on the helpers' ring [mr_job_submit]
 *   QUEUED  -> RUNNING  job->run on a helper thread                                [helper_main]
 *   RUNNING -> DONE     put on the worker's completion ring                        [helper_main]
 *   DONE    -> FREE     job->done inside a turn                               [worker_turn_jobs]
 *
 * (1) A job is in exactly one of these places, so a completion ring of MR_JOB_MAX entries never
 *     overflows.
 * (2) Submitting wakes nobody (that would be a system call): helpers look at the ring, and sleep at
 *     most HELPER_SLEEP_MAX_US between looks.
 */
#include "worker/worker_int.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { HELPER_RING = 16384, HELPER_MAX = 16, HELPER_SLEEP_MIN_US = 20, HELPER_SLEEP_MAX_US = 1000 };

struct mr_job_helpers {
	struct rte_ring *ring; /* all workers -> any helper */
	struct rte_ring *done[MR_WORKER_MAX];
	pthread_t threads[HELPER_MAX];
	uint16_t thread_count;
	bool stop;
};

static void
helper_sleep(uint32_t us)
{
	nanosleep(&(struct timespec){ .tv_nsec = us * 1000l }, NULL);
}

static void *
helper_main(void *argument)
{
	struct mr_job_helpers *self = argument;
	uint32_t sleep_us = HELPER_SLEEP_MIN_US;

	while (!__atomic_load_n(&self->stop, __ATOMIC_RELAXED)) {
		void *entry;
		struct mr_job *job;

		if (rte_ring_mc_dequeue(self->ring, &entry)) {
			helper_sleep(sleep_us);
			sleep_us = MR_MIN(sleep_us * 2, (uint32_t)HELPER_SLEEP_MAX_US);
			continue;
		}
		sleep_us = HELPER_SLEEP_MIN_US;
		job = entry;
		job->run(job);
		MR_ASSERT(rte_ring_mp_enqueue(self->done[job->worker], job) == 0); /* (1) */
	}
	return NULL;
}

struct mr_job_helpers *
mr_job_helpers_create(uint16_t thread_count, uint16_t cpu, struct mr_error *error)
{
	struct mr_job_helpers *self = calloc(1, sizeof(*self));
	pthread_attr_t attributes;
	cpu_set_t cpus;

	if (!self) {
		mr_error_set(error, -ENOMEM, "no memory for helper threads");
		return NULL;
	}
	self->ring = rte_ring_create("mr_jobs", HELPER_RING, SOCKET_ID_ANY, 0);
	if (!self->ring) {
		mr_error_set(error, -ENOMEM, "no memory for the job ring");
		free(self);
		return NULL;
	}
	pthread_attr_init(&attributes);
	if (cpu != UINT16_MAX) {
		CPU_ZERO(&cpus);
		CPU_SET(cpu, &cpus);
		pthread_attr_setaffinity_np(&attributes, sizeof(cpus), &cpus);
	}
	for (uint16_t i = 0; i < MR_MIN(thread_count, (uint16_t)HELPER_MAX); i++) {
		int failure = pthread_create(&self->threads[i], &attributes, helper_main, self);

		if (failure) {
			mr_error_set(error, -failure, "cannot start helper thread %u on CPU %u", i,
				     cpu);
			pthread_attr_destroy(&attributes);
			mr_job_helpers_destroy(self);
			return NULL;
		}
		pthread_setname_np(self->threads[i], "mr-helper");
		self->thread_count++;
	}
	pthread_attr_destroy(&attributes);
	return self;
}

void
mr_job_helpers_destroy(struct mr_job_helpers *self)
{
	if (!self)
		return;
	__atomic_store_n(&self->stop, true, __ATOMIC_RELAXED);
	for (uint16_t i = 0; i < self->thread_count; i++)
		pthread_join(self->threads[i], NULL);
	rte_ring_free(self->ring);
	free(self);
}

int
worker_jobs_create(struct mr_worker *self, struct mr_error *error)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "mr_done_%u", self->index);
	self->jobs = calloc(MR_JOB_MAX, sizeof(*self->jobs));
	self->job_done =
		rte_ring_create(name, MR_JOB_MAX, SOCKET_ID_ANY, RING_F_SC_DEQ | RING_F_EXACT_SZ);
	if (!self->jobs || !self->job_done)
		return mr_error_set(error, -ENOMEM, "no memory for the jobs of worker %u",
				    self->index);
	for (uint32_t i = 0; i < MR_JOB_MAX; i++)
		self->job_free[i] = MR_JOB_MAX - 1 - i;
	self->job_free_count = MR_JOB_MAX;
	if (self->group->helpers)
		self->group->helpers->done[self->index] = self->job_done;
	return 0;
}

void
worker_jobs_destroy(struct mr_worker *self)
{
	rte_ring_free(self->job_done);
	free(self->jobs);
}

bool
mr_job_submit(struct mr_worker *self, mr_job_run_fn *run, mr_job_done_fn *done, uint32_t handle,
	      uint32_t generation, const uint64_t words[MR_JOB_WORDS])
{
	struct mr_job *job;

	if (!self->group->helpers || !self->job_free_count) {
		self->tally[MR_WORKER_job_refused]++;
		return false;
	}
	job = &self->jobs[self->job_free[self->job_free_count - 1]];
	*job = (struct mr_job){ run, done, handle, generation, self->index, { 0 } };
	for (int i = 0; i < MR_JOB_WORDS; i++)
		job->words[i] = words[i];
	if (rte_ring_mp_enqueue(self->group->helpers->ring, job)) {
		self->tally[MR_WORKER_job_refused]++;
		return false;
	}
	self->job_free_count--;
	self->tally[MR_WORKER_job_submit]++;
	return true;
}

uint32_t
worker_turn_jobs(struct mr_worker *self)
{
	void *entries[MR_BURST_MAX];
	uint32_t count = rte_ring_sc_dequeue_burst(self->job_done, entries, MR_BURST_MAX, NULL);

	for (uint32_t i = 0; i < count; i++) {
		struct mr_job *job = entries[i];

		job->done(self, job);
		self->job_free[self->job_free_count++] = (uint32_t)(job - self->jobs);
	}
	self->tally[MR_WORKER_job_done] += count;
	return count;
}
