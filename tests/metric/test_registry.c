/* SPDX-License-Identifier: Apache-2.0
 *
 * metric/registry - tables, scopes, order of visiting, and reading while others write.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "metric/metric.h"

#define FISH_METRICS(X)                        \
	X(trout, COUNTER, FRAMES, "Trout met") \
	X(pike, GAUGE, OBJECTS, "Pike here")   \
	X(eel, COUNTER, BYTES, "Eel, in bytes")
#define FISH_ID(name, ...) FISH_##name,
enum { FISH_METRICS(FISH_ID) FISH_COUNT };
#define BIRD_METRICS(X)    X(heron, COUNTER, EVENTS, "Herons")
#define BIRD_ID(name, ...) BIRD_##name,
enum { BIRD_METRICS(BIRD_ID) BIRD_COUNT };

MR_METRIC_DECLARE(fish_table);
MR_METRIC_DEFINE("fish", fish_table, FISH_METRICS);
MR_METRIC_DECLARE(bird_table);
MR_METRIC_DEFINE("bird", bird_table, BIRD_METRICS);

static const struct mr_histogram_def delay = { "fish", "delay", MR_UNIT_NANOSECONDS, "Delay" };

static void
visit_to_text(void *context, const struct mr_metric_table *table, const struct mr_metric_def *def,
	      const char *scope, uint64_t value)
{
	char *text = context;

	sprintf(text + strlen(text), "%s.%s{%s}=%llu ", table->module, def->name, scope,
		(unsigned long long)value);
}

static void
visit_histogram_to_text(void *context, const struct mr_histogram_def *def, const char *scope,
			const struct mr_histogram *histogram)
{
	char *text = context;

	sprintf(text + strlen(text), "%s.%s{%s}#%llu ", def->module, def->name, scope,
		(unsigned long long)mr_histogram_count(histogram));
}

static void
test_visit_goes_table_def_scope(void **state)
{
	struct mr_metric_registry *registry = mr_metric_registry_create();
	uint64_t *fish0, *fish1, *bird;
	uint32_t tally[FISH_COUNT] = { [FISH_trout] = 3, [FISH_eel] = 5 };
	char text[1024] = "";

	(void)state;
	mr_metric_visit(registry, visit_to_text, text);
	assert_string_equal(text, "");
	fish0 = mr_metric_attach(registry, &fish_table, "worker0");
	bird = mr_metric_attach(registry, &bird_table, "control");
	fish1 = mr_metric_attach(registry, &fish_table, "worker1");
	mr_metric_add(fish0, FISH_trout, 40);
	mr_metric_flush(fish0, tally, FISH_COUNT);
	mr_metric_set(fish1, FISH_pike, 7);
	mr_metric_set(fish1, FISH_pike, 6);
	mr_metric_flush(fish1, tally, FISH_COUNT);
	mr_metric_add(bird, BIRD_heron, 1);
	mr_metric_visit(registry, visit_to_text, text);
	assert_string_equal(text, "fish.trout{worker0}=43 fish.trout{worker1}=3 "
				  "fish.pike{worker0}=0 fish.pike{worker1}=6 "
				  "fish.eel{worker0}=5 fish.eel{worker1}=5 bird.heron{control}=1 ");
	assert_int_equal(mr_metric_sum(registry, &fish_table, FISH_trout), 46);
	assert_int_equal(mr_metric_sum(registry, &bird_table, BIRD_heron), 1);
	assert_int_equal((uintptr_t)fish0 % MR_CACHE_LINE, 0);
	assert_int_equal((uintptr_t)fish1 % MR_CACHE_LINE, 0);
	mr_metric_registry_destroy(registry);
	mr_metric_registry_destroy(NULL);
}

static void
test_table_keeps_rows(void **state)
{
	(void)state;
	assert_int_equal(fish_table.count, FISH_COUNT);
	assert_string_equal(fish_table.module, "fish");
	assert_string_equal(fish_table.defs[FISH_pike].name, "pike");
	assert_int_equal(fish_table.defs[FISH_pike].kind, MR_METRIC_GAUGE);
	assert_int_equal(fish_table.defs[FISH_eel].unit, MR_UNIT_BYTES);
	assert_string_equal(fish_table.defs[FISH_eel].help, "Eel, in bytes");
	assert_string_equal(mr_metric_unit_name(MR_UNIT_NANOSECONDS), "nanoseconds");
	assert_string_equal(mr_metric_unit_name(MR_UNIT_NONE), "");
}

static void
test_sum_of_unattached_is_zero(void **state)
{
	struct mr_metric_registry *registry = mr_metric_registry_create();

	(void)state;
	assert_int_equal(mr_metric_sum(registry, &fish_table, FISH_eel), 0);
	mr_metric_registry_destroy(registry);
}

static void
test_histograms_are_visited(void **state)
{
	struct mr_metric_registry *registry = mr_metric_registry_create();
	struct mr_histogram *h0 = mr_metric_attach_histogram(registry, &delay, "worker0");
	struct mr_histogram *h1 = mr_metric_attach_histogram(registry, &delay, "worker1");
	char text[256] = "";

	(void)state;
	mr_histogram_record(h0, 5, 2);
	mr_histogram_record(h1, 5, 3);
	assert_int_equal((uintptr_t)h1 % MR_CACHE_LINE, 0);
	mr_metric_visit_histograms(registry, visit_histogram_to_text, text);
	assert_string_equal(text, "fish.delay{worker0}#2 fish.delay{worker1}#3 ");
	mr_metric_registry_destroy(registry);
}

static void
test_scope_longer_than_kept_is_cut(void **state)
{
	struct mr_metric_registry *registry = mr_metric_registry_create();
	char scope[3 * MR_NAME_MAX], text[1024] = "";
	uint64_t *block;

	(void)state;
	memset(scope, 's', sizeof(scope));
	scope[sizeof(scope) - 1] = '\0';
	block = mr_metric_attach(registry, &bird_table, scope);
	mr_metric_add(block, BIRD_heron, 2);
	mr_metric_visit(registry, visit_to_text, text);
	assert_int_equal(strlen(text), strlen("bird.heron{}=2 ") + MR_NAME_MAX - 1);
	mr_metric_registry_destroy(registry);
}

enum { WRITERS = 3, ADDS = 200000 };

struct writer {
	uint64_t *block;
	struct mr_histogram *histogram;
};

static void *
writer_run(void *context)
{
	struct writer *w = context;

	for (uint64_t i = 0; i < ADDS; i++) {
		mr_metric_add(w->block, FISH_trout, 1);
		mr_histogram_record(w->histogram, i, 1);
	}
	return NULL;
}

/* Sums never go back while writers add, and nothing is lost at the end. */
static void
test_readers_beside_writers_lose_nothing(void **state)
{
	struct mr_metric_registry *registry = mr_metric_registry_create();
	struct writer writers[WRITERS];
	pthread_t threads[WRITERS];
	struct mr_histogram merged = { 0 };
	uint64_t last = 0;

	(void)state;
	for (int i = 0; i < WRITERS; i++) {
		char scope[16];

		sprintf(scope, "worker%d", i);
		writers[i].block = mr_metric_attach(registry, &fish_table, scope);
		writers[i].histogram = mr_metric_attach_histogram(registry, &delay, scope);
	}
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, writer_run, &writers[i]), 0);
	for (int i = 0; i < 1000; i++) {
		uint64_t sum = mr_metric_sum(registry, &fish_table, FISH_trout);

		assert_true(sum >= last && sum <= (uint64_t)WRITERS * ADDS);
		last = sum;
		assert_true(mr_histogram_count(writers[0].histogram) <= ADDS);
	}
	for (int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(mr_metric_sum(registry, &fish_table, FISH_trout), WRITERS * ADDS);
	for (int i = 0; i < WRITERS; i++)
		mr_histogram_merge(&merged, writers[i].histogram);
	assert_int_equal(mr_histogram_count(&merged), WRITERS * ADDS);
	mr_metric_registry_destroy(registry);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_visit_goes_table_def_scope),
		cmocka_unit_test(test_table_keeps_rows),
		cmocka_unit_test(test_sum_of_unattached_is_zero),
		cmocka_unit_test(test_histograms_are_visited),
		cmocka_unit_test(test_scope_longer_than_kept_is_cut),
		cmocka_unit_test(test_readers_beside_writers_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
