/* SPDX-License-Identifier: Apache-2.0
 *
 * base/assert - two classes of assertion, both for programmer errors only.
 *
 * MR_ASSERT       always compiled in; cheap; a false one ends the process with file and line.
 * MR_ASSERT_SLOW  compiled in when MR_SLOW_CHECKS is set (debug, CI and fuzz builds).
 *
 * Bytes from the wire, a peer, a file or the operator are never asserted on: they get a verdict and
 * a counter (MR_COUNT_IF for what is odd but survivable), or a struct mr_error.
 *
 * Owner:  nobody. Thread: any. Memory: none.
 */
#ifndef MR_BASE_ASSERT_H
#define MR_BASE_ASSERT_H

#include "base/types.h"

MR_COLD _Noreturn void mr_assert_failed(const char *expression, const char *file, int line);

#define MR_ASSERT(expression) \
	(mr_likely(expression) ? (void)0 : mr_assert_failed(#expression, __FILE__, __LINE__))

#ifdef MR_SLOW_CHECKS
#define MR_ASSERT_SLOW(expression) MR_ASSERT(expression)
#else
#define MR_ASSERT_SLOW(expression) ((void)sizeof(!(expression)))
#endif

/* MR_COUNT_IF adds one to *counter (a plain tally on the stack or a mr_counter's value) when odd.
 */
#define MR_COUNT_IF(odd, counter) ((counter) += mr_unlikely(odd) ? 1 : 0)

#endif
