/* SPDX-License-Identifier: Apache-2.0
 *
 * base/error - why a control-path call failed, in words for the operator.
 *
 * Control-path functions return 0 or -errno and fill the struct mr_error that the caller lent them.
 * The first error stands: a later mr_error_set on the same struct is ignored, so a cleanup path
 * cannot hide the cause. Text says what is wrong, where (file:line:column where there is one), and
 * what to do.
 *
 * Owner: the caller. Thread: any. Memory: none beyond the struct.
 */
#ifndef MR_BASE_ERROR_H
#define MR_BASE_ERROR_H

#include "base/types.h"

enum { MR_ERROR_TEXT_BYTES = 512 };

struct mr_error {
	int code; /* 0 or -errno */
	char text[MR_ERROR_TEXT_BYTES];
};

/* mr_error_set records code (a negative errno) with formatted text and returns the code that
 * stands. self may be NULL: then only the code is returned. */
int mr_error_set(struct mr_error *self, int code, const char *format, ...) MR_PRINTF(3, 4);

#endif
