/* SPDX-License-Identifier: Apache-2.0
 *
 * worker/turns - which turns are timed, which are kept, and what is told of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/worker_int.h"

static struct mr_worker worker;
static struct mr_histogram histogram;
static struct mr_histogram answers[WORKER_TIMED_TRANSPORTS];
static uint64_t metrics[MR_WORKER_METRIC_COUNT];
static uint64_t dns_metrics[MR_DNS_METRIC_COUNT];
static struct mr_turn_record records[MR_TURN_ROWS];

static int
setup(void **state)
{
	(void)state;
	memset(&worker, 0, sizeof(worker));
	memset(&histogram, 0, sizeof(histogram));
	memset(metrics, 0, sizeof(metrics));
	memset(answers, 0, sizeof(answers));
	memset(dns_metrics, 0, sizeof(dns_metrics));
	worker.metrics = metrics;
	worker.turn_ns = &histogram;
	worker.dns.metrics = dns_metrics;
	for (unsigned i = 0; i < WORKER_TIMED_TRANSPORTS; i++)
		worker.answer_ns[i] = &answers[i];
	worker_clock_start(&worker.clock, 0, 0, MR_NS_PER_S); /* a counter of nanoseconds */
	return 0;
}

/* turn makes one that did `done` packets and took so long; at is when it began. */
static void
turn(uint64_t at_ns, uint64_t spent_us, uint32_t done)
{
	worker.now_ns = at_ns;
	worker_account_open(&worker, rte_rdtsc());
	worker_stage_end(&worker, MR_STAGE_RX, done);
	worker_stage_end(&worker, MR_STAGE_TCP, done / 2);
	worker_account_close(&worker, spent_us * MR_NS_PER_US);
}

static void
test_one_in_a_sample_is_timed(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 3 * MR_TURN_SAMPLE; i++)
		turn(i + 1, 10, 1);
	assert_int_equal(metrics[MR_WORKER_turn_timed], 3);
	assert_int_equal(metrics[MR_WORKER_turn_long], 0);
	assert_true(metrics[MR_WORKER_stage_rx_time] > 0);
	assert_int_equal(metrics[MR_WORKER_stage_dns_time], 0);
	assert_int_equal(mr_histogram_count(&histogram), 3 * MR_TURN_SAMPLE);
}

static void
test_each_answer_takes_its_turn_s_time(void **state)
{
	(void)state;
	dns_metrics[MR_DNS_transport_udp + MR_DNS_UDP] = 5;
	turn(1, 10, 5);
	assert_int_equal(mr_histogram_count(&answers[MR_DNS_UDP]), 5);
	assert_int_equal(mr_histogram_count(&answers[MR_DNS_TCP]), 0);
	turn(2, 10, 0); /* nothing was asked since */
	assert_int_equal(mr_histogram_count(&answers[MR_DNS_UDP]), 5);
	dns_metrics[MR_DNS_transport_udp + MR_DNS_TCP] = 1;
	turn(3, 10, 1);
	assert_int_equal(mr_histogram_count(&answers[MR_DNS_TCP]), 1);
}

static void
test_long_turn_times_the_next_ones(void **state)
{
	(void)state;
	turn(1, 10, 1); /* the first is a sample */
	turn(2, MR_TURN_LONG_US, 1);
	assert_int_equal(metrics[MR_WORKER_turn_long], 0);
	turn(3, MR_TURN_LONG_US + 1, 1);
	assert_int_equal(metrics[MR_WORKER_turn_long], 1);
	for (uint32_t i = 0; i < 2 * MR_TURN_AFTER_LONG; i++)
		turn(4, 10, 1);
	assert_int_equal(metrics[MR_WORKER_turn_timed], 1 + MR_TURN_AFTER_LONG);
}

static void
test_worst_and_latest_are_kept(void **state)
{
	uint32_t latest = MR_TURN_ROWS - MR_TURN_LATEST;
	uint64_t oldest = UINT64_MAX;

	(void)state;
	turn(1, 10, 1);
	turn(100, 900, 64); /* not timed */
	for (uint32_t i = 0; i < 20; i++)
		turn(1000 + i, 100 + i, 8);
	assert_true(mr_worker_turns(&worker, records));
	assert_int_equal(records[0].at_ns, 100);
	assert_int_equal(records[0].spent_ns, 900 * MR_NS_PER_US);
	assert_false(records[0].timed);
	assert_int_equal(records[0].done[MR_STAGE_RX], 64);
	assert_int_equal(records[0].done[MR_STAGE_TCP], 32);
	assert_int_equal(records[1].at_ns, 1019);
	assert_true(records[1].timed && records[1].stage_ns[MR_STAGE_RX] > 0);
	for (uint32_t i = 0; i < latest; i++)
		oldest = MR_MIN(oldest, records[MR_TURN_LATEST + i].at_ns);
	assert_int_equal(oldest, 1020 - latest);
}

static void
test_reader_sees_that_it_is_being_written(void **state)
{
	(void)state;
	turn(1, 100, 1);
	assert_true(mr_worker_turns(&worker, records));
	worker.turn_sequence++;
	assert_false(mr_worker_turns(&worker, records));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_one_in_a_sample_is_timed, setup),
		cmocka_unit_test_setup(test_each_answer_takes_its_turn_s_time, setup),
		cmocka_unit_test_setup(test_long_turn_times_the_next_ones, setup),
		cmocka_unit_test_setup(test_worst_and_latest_are_kept, setup),
		cmocka_unit_test_setup(test_reader_sees_that_it_is_being_written, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
