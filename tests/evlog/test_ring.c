/* SPDX-License-Identifier: Apache-2.0
 *
 * evlog/ring - order, loss and its count, alone and between two threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "evlog/evlog.h"

#define TEST_EVENTS(X)           \
	X(number, NOTICE, "{u}") \
	X(five, INFO, "{u} {u} {u} {u} {u}")
#define TEST_ID(name, ...) TEST_##name,
enum { TEST_EVENTS(TEST_ID) TEST_COUNT };

extern const struct mr_evlog_table test_table;
MR_EVLOG_DEFINE("test", test_table, TEST_EVENTS);

struct heard {
	char text[4096];
	int last_level;
};

static void
hear(void *context, enum mr_log_level level, const char *line)
{
	struct heard *heard = context;

	strcat(heard->text, line);
	strcat(heard->text, "|");
	heard->last_level = level;
}

static void
post(struct mr_evlog_ring *ring, uint64_t number)
{
	struct mr_evlog_record r = { .table = &test_table,
				     .kind = TEST_number,
				     .lost_before = 77, /* is not the producer's to say */
				     .arguments = { number } };

	mr_evlog_post(ring, &r);
}

static void
test_drain_keeps_order_and_limit(void **state)
{
	struct mr_evlog_ring *ring = mr_evlog_ring_create("worker0", 4);
	struct heard heard = { 0 };

	(void)state;
	assert_int_equal(mr_evlog_drain(ring, 10, hear, &heard), 0);
	for (uint64_t i = 0; i < 3; i++)
		post(ring, i);
	assert_int_equal(mr_evlog_drain(ring, 2, hear, &heard), 2);
	assert_int_equal(mr_evlog_drain(ring, 10, hear, &heard), 1);
	assert_string_equal(heard.text, "worker0: test.number: 0|worker0: test.number: 1|"
					"worker0: test.number: 2|");
	assert_int_equal(heard.last_level, MR_LOG_NOTICE);
	assert_int_equal(mr_evlog_lost(ring), 0);
	mr_evlog_ring_destroy(ring);
	mr_evlog_ring_destroy(NULL);
}

static void
test_full_ring_drops_and_next_record_tells(void **state)
{
	struct mr_evlog_ring *ring = mr_evlog_ring_create("w", 2);
	struct heard heard = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 5; i++) /* 0 and 1 fit */
		post(ring, i);
	assert_int_equal(mr_evlog_lost(ring), 3);
	assert_int_equal(mr_evlog_drain(ring, 1, hear, &heard), 1);
	post(ring, 5);
	post(ring, 6); /* lost again, before anybody posts */
	assert_int_equal(mr_evlog_drain(ring, 9, hear, &heard), 2);
	post(ring, 7);
	assert_int_equal(mr_evlog_drain(ring, 9, hear, &heard), 1);
	post(ring, 8);
	assert_int_equal(mr_evlog_drain(ring, 9, hear, &heard), 1);
	assert_string_equal(heard.text,
			    "w: test.number: 0|w: test.number: 1|"
			    "w: 3 events lost here: the ring was full|w: test.number: 5|"
			    "w: 1 events lost here: the ring was full|w: test.number: 7|"
			    "w: test.number: 8|");
	assert_int_equal(mr_evlog_lost(ring), 4);
	mr_evlog_ring_destroy(ring);
}

static void
test_ring_of_one_works(void **state)
{
	struct mr_evlog_ring *ring = mr_evlog_ring_create("w", 1);

	(void)state;
	for (uint64_t i = 0; i < 100; i++) {
		struct heard heard = { 0 };
		char want[64];

		post(ring, i);
		assert_int_equal(mr_evlog_drain(ring, 9, hear, &heard), 1);
		sprintf(want, "w: test.number: %llu|", (unsigned long long)i);
		assert_string_equal(heard.text, want);
	}
	mr_evlog_ring_destroy(ring);
}

/* ---- two threads ---- */

enum { POSTED = 300000 };

struct pair {
	struct mr_evlog_ring *ring;
	_Atomic bool done;
	uint64_t drained, told_lost, next;
	bool wrong;
};

static void *
producer_run(void *context)
{
	struct pair *pair = context;

	for (uint64_t i = 0; i < POSTED; i++) {
		struct mr_evlog_record r = { .table = &test_table,
					     .kind = TEST_five,
					     .arguments = { i, i + 1, i + 2, i + 3, i + 4 } };

		mr_evlog_post(pair->ring, &r);
		if (i % 50000 == 0)
			sched_yield(); /* on one CPU both sides shall meet */
	}
	atomic_store(&pair->done, true);
	return NULL;
}

/* check_line follows the numbers: each record is whole, and what is missing was told. */
static void
check_line(void *context, enum mr_log_level level, const char *line)
{
	struct pair *pair = context;
	unsigned long long a[5], lost;

	(void)level;
	if (sscanf(line, "w: %llu events lost", &lost) == 1) {
		pair->told_lost += lost;
		pair->next += lost;
		return;
	}
	if (sscanf(line, "w: test.five: %llu %llu %llu %llu %llu", &a[0], &a[1], &a[2], &a[3],
		   &a[4]) != 5 ||
	    a[0] != pair->next)
		pair->wrong = true;
	for (unsigned i = 1; i < 5; i++)
		if (a[i] != a[0] + i)
			pair->wrong = true;
	pair->next++;
	pair->drained++;
}

static void
two_threads(uint32_t record_count)
{
	struct pair pair = { .ring = mr_evlog_ring_create("w", record_count) };
	pthread_t producer;
	bool done;

	assert_int_equal(pthread_create(&producer, NULL, producer_run, &pair), 0);
	do {
		done = atomic_load(&pair.done);
		mr_evlog_drain(pair.ring, 1000, check_line, &pair);
	} while (!done);
	pthread_join(producer, NULL);
	while (mr_evlog_drain(pair.ring, 1000, check_line, &pair))
		;
	assert_false(pair.wrong);
	assert_int_equal(pair.drained + mr_evlog_lost(pair.ring), POSTED);
	assert_int_equal(pair.told_lost + (POSTED - pair.next), mr_evlog_lost(pair.ring));
	print_message("%u records: %llu drained, %llu lost\n", record_count,
		      (unsigned long long)pair.drained,
		      (unsigned long long)mr_evlog_lost(pair.ring));
	mr_evlog_ring_destroy(pair.ring);
}

static void
test_two_threads_reconcile(void **state)
{
	(void)state;
	two_threads(2);       /* nearly all is lost */
	two_threads(1 << 19); /* nothing is */
	two_threads(1024);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drain_keeps_order_and_limit),
		cmocka_unit_test(test_full_ring_drops_and_next_record_tells),
		cmocka_unit_test(test_ring_of_one_works),
		cmocka_unit_test(test_two_threads_reconcile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
