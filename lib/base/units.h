/* SPDX-License-Identifier: Apache-2.0
 *
 * base/units - sizes and durations as an operator writes them.
 *
 * Owner: nobody. Thread: any but workers. Memory: none.
 */
#ifndef MR_BASE_UNITS_H
#define MR_BASE_UNITS_H

#include "base/types.h"

/* mr_units_bytes reads "4096", "64KiB", "2MiB", "1GiB", "10kB", "5MB" or "1GB"; returns 0, -EINVAL
 * or -ERANGE. */
MR_MUST_USE int mr_units_bytes(const char *text, uint64_t *bytes);

/* mr_units_duration reads "250ns", "10us", "5ms", "3s", "2m", "1h", "1d"; returns 0, -EINVAL (a
 * unit must be named) or -ERANGE. */
MR_MUST_USE int mr_units_duration(const char *text, uint64_t *duration_ns);

enum { MR_UNITS_TEXT_BYTES = 24 };
/* mr_units_format_bytes writes like "1.5 GiB"; mr_units_format_duration like "12.5 us". Both return
 * out. */
const char *mr_units_format_bytes(uint64_t bytes, char out[MR_UNITS_TEXT_BYTES]);
const char *mr_units_format_duration(uint64_t duration_ns, char out[MR_UNITS_TEXT_BYTES]);

#endif
