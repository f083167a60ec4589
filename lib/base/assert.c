/* SPDX-License-Identifier: Apache-2.0
 *
 * base/assert - the end of a process that found itself wrong.
 */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void
mr_assert_failed(const char *expression, const char *file, int line)
{
	fprintf(stderr, "millrace: %s:%d: assertion failed: %s\n", file, line, expression);
	abort();
}
