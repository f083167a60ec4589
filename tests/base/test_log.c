/* SPDX-License-Identifier: Apache-2.0
 *
 * base/log - what comes out on standard error: whole lines, levels, and its two prefixes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

static int saved_stderr;
static FILE *caught;

static int
catch_stderr(void **state)
{
	(void)state;
	caught = tmpfile();
	saved_stderr = dup(STDERR_FILENO);
	unsetenv("JOURNAL_STREAM");
	mr_log_level_set(MR_LOG_INFO);
	return !caught || dup2(fileno(caught), STDERR_FILENO) < 0;
}

static int
release_stderr(void **state)
{
	(void)state;
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	fclose(caught);
	return 0;
}

/* next_line reads a caught line without its line feed; NULL at the end. */
static const char *
next_line(void)
{
	static char line[4096];

	if (!fgets(line, sizeof(line), caught))
		return NULL;
	assert_non_null(strchr(line, '\n'));
	*strchr(line, '\n') = '\0';
	return line;
}

static void
test_log_stamps_and_names_the_level(void **state)
{
	unsigned year, month, day, hour, minute, second, ms;
	int used = 0;
	const char *line;

	(void)state;
	mr_log(MR_LOG_WARNING, "port %s: %d", "a", 7);
	mr_log(MR_LOG_ERROR, "e");
	mr_log(MR_LOG_INFO, "i");
	rewind(caught);
	line = next_line();
	assert_int_equal(sscanf(line, "%4u-%2u-%2uT%2u:%2u:%2u.%3uZ %n", &year, &month, &day, &hour,
				&minute, &second, &ms, &used),
			 7);
	assert_int_equal(used, strlen("2026-01-01T00:00:00.000Z "));
	assert_string_equal(line + used, "warning: port a: 7");
	assert_string_equal(next_line() + used, "error: e");
	assert_string_equal(next_line() + used, "i");
	assert_null(next_line());
}

static void
test_log_under_the_journal_has_priorities(void **state)
{
	(void)state;
	setenv("JOURNAL_STREAM", "8:1", 1);
	mr_log(MR_LOG_ERROR, "e %d", 1);
	mr_log(MR_LOG_NOTICE, "n");
	unsetenv("JOURNAL_STREAM");
	rewind(caught);
	assert_string_equal(next_line(), "<3>e 1");
	assert_string_equal(next_line(), "<5>n");
	assert_null(next_line());
}

static void
test_log_level_both_sides(void **state)
{
	(void)state;
	mr_log(MR_LOG_DEBUG, "hidden");
	mr_log_level_set(MR_LOG_DEBUG);
	mr_log(MR_LOG_DEBUG, "shown");
	mr_log_level_set(MR_LOG_ERROR);
	mr_log(MR_LOG_WARNING, "hidden");
	mr_log(MR_LOG_ERROR, "shown too");
	rewind(caught);
	assert_string_equal(strchr(next_line(), ' '), " debug: shown");
	assert_string_equal(strchr(next_line(), ' '), " error: shown too");
	assert_null(next_line());
}

static void
test_log_long_line_is_cut_to_1023(void **state)
{
	char text[3000];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	mr_log(MR_LOG_INFO, "%s", text);
	mr_log(MR_LOG_INFO, "next");
	rewind(caught);
	assert_in_range(strlen(next_line()) + 1, 1022, 1023);
	assert_string_equal(strchr(next_line(), ' '), " next");
}

enum { THREADS = 4, LINES = 500 };

static void *
log_many(void *context)
{
	for (int i = 0; i < LINES; i++)
		mr_log(MR_LOG_INFO, "[%s %04d %s]", (const char *)context, i,
		       (const char *)context);
	return NULL;
}

static void
test_log_lines_of_threads_do_not_mix(void **state)
{
	static const char *const names[THREADS] = { "aaaaaaaa", "bbbbbbbb", "cccccccc",
						    "dddddddd" };
	pthread_t threads[THREADS];
	const char *line;
	int seen = 0;

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, log_many,
						(void *)(uintptr_t)names[i]),
				 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	rewind(caught);
	for (; (line = next_line()); seen++) {
		char first[16], last[16];
		int number;

		assert_int_equal(sscanf(strchr(line, ' '), " [%8[a-d] %4d %8[a-d]]", first, &number,
					last),
				 3);
		assert_string_equal(first, last);
		assert_int_equal(strlen(first), 8);
	}
	assert_int_equal(seen, THREADS * LINES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_log_stamps_and_names_the_level, catch_stderr,
						release_stderr),
		cmocka_unit_test_setup_teardown(test_log_under_the_journal_has_priorities,
						catch_stderr, release_stderr),
		cmocka_unit_test_setup_teardown(test_log_level_both_sides, catch_stderr,
						release_stderr),
		cmocka_unit_test_setup_teardown(test_log_long_line_is_cut_to_1023, catch_stderr,
						release_stderr),
		cmocka_unit_test_setup_teardown(test_log_lines_of_threads_do_not_mix, catch_stderr,
						release_stderr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
