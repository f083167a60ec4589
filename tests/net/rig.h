/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/net/rig - what every test that sends frames at lib/net begins with: a box and a frame of
 * the file's own, anew for each test, and the question whether the frame got what it should.
 */
#ifndef MR_TESTS_NET_RIG_H
#define MR_TESTS_NET_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "frames.h"

static struct rig rig;
static struct frame frame __attribute__((unused)); /* where nothing is sent */

static int
setup(void **state)
{
	(void)state;
	rig_make(&rig, 1000);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	rig_end(&rig);
	return 0;
}

/* expect sends the frame and compares verdict and outcome. */
#define expect(interface, verdict, outcome)                                                      \
	do {                                                                                     \
		assert_int_equal(rig_input(&rig, interface, frame.bytes, frame.count, 2048),     \
				 verdict);                                                       \
		assert_string_equal(mr_net_metric_table.defs[rig_outcome(&rig)].name, #outcome); \
	} while (0)

#endif
