/* SPDX-License-Identifier: Apache-2.0
 *
 * base/units - sizes, durations, rates and percents as an operator writes them.
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

/* mr_units_rate reads "64kbit", "10Mbit" or "1Gbit" a second; returns 0, -EINVAL (a unit must be
 * named) or -ERANGE. */
MR_MUST_USE int mr_units_rate(const char *text, uint64_t *rate_bps);

/* mr_units_percent reads "1%", "0.01%" or "100%", at most four digits behind the point, as parts of
 * a million; returns 0, -EINVAL or -ERANGE (over 100%). */
MR_MUST_USE int mr_units_percent(const char *text, uint32_t *ppm);

enum { MR_UNITS_TEXT_BYTES = 24 };
/* mr_units_format_bytes writes like "1.5 GiB"; mr_units_format_duration like "12.5 us". Both return
 * out. */
const char *mr_units_format_bytes(uint64_t bytes, char out[MR_UNITS_TEXT_BYTES]);
const char *mr_units_format_duration(uint64_t duration_ns, char out[MR_UNITS_TEXT_BYTES]);

#endif
