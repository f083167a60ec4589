/* SPDX-License-Identifier: Apache-2.0
 *
 * worker/segments - how much memory a worker's connections take, by what the operator asks for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/worker.h"

static uint64_t
bytes_of(uint32_t connections, uint64_t buffer_bytes)
{
	struct mr_worker_tcp tcp = { .connections = connections, .buffer_bytes = buffer_bytes };

	return mr_worker_tcp_bytes(&tcp);
}

static void
test_few_connections_share_several_windows(void **state)
{
	(void)state;
	assert_int_equal(bytes_of(0, 0), 0);
	assert_int_equal(bytes_of(64, 0), bytes_of(64, 8 << 20));
	/* an eighth of them is active, with 1 KiB each: 8 MiB here, more behind */
	assert_int_equal(bytes_of(65536, 0), bytes_of(65536, 8 << 20));
	assert_int_equal(bytes_of(131072, 0), bytes_of(131072, 16 << 20));
}

static void
test_what_the_operator_says_is_taken(void **state)
{
	(void)state;
	assert_int_equal(bytes_of(16384, 8 << 20) - bytes_of(16384, 4 << 20), 4 << 20);
	assert_int_equal(bytes_of(16384, 16 << 20) - bytes_of(16384, 8 << 20), 8 << 20);
	/* but for what a single window wants twice */
	assert_int_equal(bytes_of(16384, 1), bytes_of(16384, 2 << 20));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few_connections_share_several_windows),
		cmocka_unit_test(test_what_the_operator_says_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
