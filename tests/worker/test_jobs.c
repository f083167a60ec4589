/* SPDX-License-Identifier: Apache-2.0
 *
 * worker/jobs, worker/timers and worker/dispatch - one worker that the test drives by hand, and
 * real helper threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "worker/worker_int.h"

static struct mr_worker_group group;
static struct mr_world world;
static const struct mr_world *published = &world;
static uint32_t done_count;
static uint64_t done_sum;
static uint32_t fired_count;
static uint32_t fired_owner, fired_generation;

static int
setup(void **state)
{
	struct mr_port_eal_config eal = { .memory_bytes = 64 << 20,
					  .worker_count = 2,
					  .worker_cpus = { 0, 0 } };
	const uint16_t cpus[] = { 0, 0 };
	struct mr_error error = { 0 };

	(void)state;
	assert_int_equal(mr_port_eal_start(&eal, &error), 0);
	group = (struct mr_worker_group){
		.worker_count = 2,
		.world = &published,
		.metrics = mr_metric_registry_create(),
		.neighbours = mr_net_neighbours_create(),
		.helpers = mr_job_helpers_create(2, UINT16_MAX, &error),
		.control_pool = mr_port_mbuf_pool_create(2, 4095, &error),
	};
	assert_non_null(group.helpers);
	assert_non_null(group.control_pool);
	assert_int_equal(mr_worker_group_create(&group, cpus, &error), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	mr_job_helpers_destroy(group.helpers);
	mr_worker_group_destroy(&group);
	mr_net_neighbours_destroy(group.neighbours);
	mr_metric_registry_destroy(group.metrics);
	rte_mempool_free(group.control_pool);
	mr_port_eal_stop();
	return 0;
}

static void
job_square(struct mr_job *job)
{
	job->words[1] = job->words[0] * job->words[0];
}

static void
job_done(struct mr_worker *worker, struct mr_job *job)
{
	assert_ptr_equal(worker, group.workers[0]);
	assert_int_equal(job->handle + 1, job->generation);
	assert_int_equal(job->words[1], job->words[0] * job->words[0]);
	done_count++;
	done_sum += job->words[1];
}

/* jobs_finish takes completions until count have come, or two seconds are over. */
static void
jobs_finish(uint32_t count)
{
	uint64_t end_ns = mr_clock_now_ns() + 2 * MR_NS_PER_S;

	while (done_count < count && mr_clock_now_ns() < end_ns)
		if (!worker_turn_jobs(group.workers[0]))
			nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
	assert_int_equal(done_count, count);
}

static void
test_jobs_come_back_with_their_results(void **state)
{
	struct mr_worker *worker = group.workers[0];
	uint64_t expected = 0;

	(void)state;
	done_count = 0;
	done_sum = 0;
	for (uint32_t i = 0; i < MR_JOB_MAX; i++) {
		const uint64_t words[MR_JOB_WORDS] = { i };

		assert_true(mr_job_submit(worker, job_square, job_done, i, i + 1, words));
		expected += (uint64_t)i * i;
	}
	jobs_finish(MR_JOB_MAX);
	assert_int_equal(done_sum, expected);
	assert_int_equal(worker->job_free_count, MR_JOB_MAX);
}

static void
job_wait(struct mr_job *job)
{
	while (!__atomic_load_n((bool *)(uintptr_t)job->words[2], __ATOMIC_ACQUIRE))
		nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
	job_square(job);
}

static void
test_jobs_beyond_the_bound_are_refused_and_counted(void **state)
{
	struct mr_worker *worker = group.workers[0];
	bool open = false;
	uint64_t words[MR_JOB_WORDS] = { 0, 0, (uintptr_t)&open };

	(void)state;
	done_count = 0;
	worker->tally[MR_WORKER_job_refused] = 0;
	for (uint32_t i = 0; i < MR_JOB_MAX; i++)
		assert_true(mr_job_submit(worker, job_wait, job_done, i, i + 1, words));
	assert_false(mr_job_submit(worker, job_wait, job_done, 0, 1, words));
	assert_int_equal(worker->tally[MR_WORKER_job_refused], 1);
	__atomic_store_n(&open, true, __ATOMIC_RELEASE);
	jobs_finish(MR_JOB_MAX);
}

static void
timer_fired(struct mr_worker *worker, uint32_t owner, uint32_t generation)
{
	assert_ptr_equal(worker, group.workers[0]);
	fired_count++;
	fired_owner = owner;
	fired_generation = generation;
}

static void
test_timer_fires_once_and_not_early(void **state)
{
	struct mr_worker *worker = group.workers[0];

	(void)state;
	fired_count = 0;
	worker->now_ns = mr_clock_now_ns();
	worker_turn_timers(worker);
	assert_int_not_equal(mr_timer_start(worker, 10 * MR_NS_PER_MS, timer_fired, 7, 9), 0);
	worker->now_ns += 10 * MR_NS_PER_MS - 1;
	worker_turn_timers(worker);
	assert_int_equal(fired_count, 0);
	worker->now_ns += 3 * MR_NS_PER_MS;
	worker_turn_timers(worker);
	assert_int_equal(fired_count, 1);
	assert_int_equal(fired_owner, 7);
	assert_int_equal(fired_generation, 9);
	worker->now_ns += MR_NS_PER_S;
	worker_turn_timers(worker);
	assert_int_equal(fired_count, 1);
}

static void
test_timer_cancelled_does_not_fire_and_is_free_again(void **state)
{
	struct mr_worker *worker = group.workers[0];
	uint32_t timers[MR_TIMER_MAX];

	(void)state;
	fired_count = 0;
	worker->tally[MR_WORKER_timer_refused] = 0;
	for (uint32_t i = 0; i < MR_TIMER_MAX; i++) {
		timers[i] = mr_timer_start(worker, MR_NS_PER_MS, timer_fired, i, 1);
		assert_int_not_equal(timers[i], 0);
	}
	assert_int_equal(mr_timer_start(worker, MR_NS_PER_MS, timer_fired, 0, 1), 0);
	assert_int_equal(worker->tally[MR_WORKER_timer_refused], 1);
	for (uint32_t i = 0; i < MR_TIMER_MAX; i++)
		mr_timer_cancel(worker, timers[i]);
	worker->now_ns += MR_NS_PER_S;
	worker_turn_timers(worker);
	assert_int_equal(fired_count, 0);
	assert_int_not_equal(mr_timer_start(worker, 0, timer_fired, 0, 1), 0);
	worker->now_ns += MR_NS_PER_S;
	worker_turn_timers(worker);
	assert_int_equal(fired_count, 1);
}

static void
test_notes_keep_order_and_count_what_is_lost(void **state)
{
	struct mr_worker *worker = group.workers[1];
	struct mr_worker_note out[MR_NOTE_RING + 1];

	(void)state;
	for (uint16_t i = 0; i < MR_NOTE_RING + 3; i++)
		worker_note(worker, &(struct mr_worker_note){ .hop = { .vlan = i } });
	assert_int_equal(worker->tally[MR_WORKER_note_lost], 3);
	assert_int_equal(mr_worker_notes(worker, out, 10), 10);
	assert_int_equal(out[9].hop.vlan, 9);
	assert_int_equal(mr_worker_notes(worker, out, MR_NOTE_RING), MR_NOTE_RING - 10);
	assert_int_equal(out[0].hop.vlan, 10);
	assert_int_equal(mr_worker_notes(worker, out, 1), 0);
}

static void
test_hand_over_carries_port_and_direction(void **state)
{
	struct mr_worker *worker = group.workers[0];
	struct rte_mbuf *pkt = rte_pktmbuf_alloc(group.control_pool);
	void *entry = NULL;

	(void)state;
	assert_non_null(pkt);
	worker_hand_over(worker, 1, pkt, MR_PORT_MAX - 1, WORKER_OUT);
	assert_int_equal(rte_ring_sc_dequeue(group.rings[1][0], &entry), 0);
	assert_ptr_equal(worker_ring_pkt(entry), pkt);
	assert_int_equal(worker_ring_port(entry), MR_PORT_MAX - 1);
	assert_int_equal(worker_ring_direction(entry), WORKER_OUT);
	rte_pktmbuf_free(pkt);
}

static void
test_hand_over_to_a_full_ring_frees_and_counts(void **state)
{
	struct mr_worker *worker = group.workers[0];
	unsigned before = rte_mempool_avail_count(group.control_pool);

	(void)state;
	worker->tally[MR_WORKER_dispatch_full] = 0;
	for (int i = 0; i < MR_DISPATCH_RING + 5; i++)
		worker_hand_over(worker, 1, rte_pktmbuf_alloc(group.control_pool), 0, WORKER_IN);
	/* A ring of N holds N - 1. */
	assert_int_equal(worker->tally[MR_WORKER_dispatch_full], 6);
	for (void *entry = NULL; rte_ring_sc_dequeue(group.rings[1][0], &entry) == 0;)
		rte_pktmbuf_free(worker_ring_pkt(entry));
	assert_int_equal(rte_mempool_avail_count(group.control_pool), before);
}

static void
test_rings_of_the_most_workers_are_made(void **state)
{
	static struct mr_worker_group large = { .worker_count = MR_WORKER_MAX };
	struct mr_error error = { 0 };

	(void)state;
	assert_int_equal(worker_rings_create(&large, &error), 0);
	assert_non_null(large.rings[MR_WORKER_MAX - 1][MR_WORKER_MAX]);
	assert_null(large.rings[3][3]);
	worker_rings_destroy(&large);
	assert_null(large.rings[0][1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jobs_come_back_with_their_results),
		cmocka_unit_test(test_jobs_beyond_the_bound_are_refused_and_counted),
		cmocka_unit_test(test_timer_fires_once_and_not_early),
		cmocka_unit_test(test_timer_cancelled_does_not_fire_and_is_free_again),
		cmocka_unit_test(test_notes_keep_order_and_count_what_is_lost),
		cmocka_unit_test(test_hand_over_carries_port_and_direction),
		cmocka_unit_test(test_hand_over_to_a_full_ring_frees_and_counts),
		cmocka_unit_test(test_rings_of_the_most_workers_are_made),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
