/* SPDX-License-Identifier: Apache-2.0
 *
 * base/log - lines for the operator, from the control plane only.
 *
 * A worker never calls this: it posts to lib/evlog, and the log thread writes through here. Lines
 * go to standard error, with the sd-daemon priority prefix "<N>" when standard error is the journal
 * (JOURNAL_STREAM is set), else with a time stamp.
 *
 * Owner: the process. Thread: any but workers; lines are written whole. Memory: none.
 */
#ifndef MR_BASE_LOG_H
#define MR_BASE_LOG_H

#include "base/types.h"

enum mr_log_level {
	MR_LOG_ERROR = 3,
	MR_LOG_WARNING = 4,
	MR_LOG_NOTICE = 5,
	MR_LOG_INFO = 6,
	MR_LOG_DEBUG = 7
};

/* mr_log_level_set keeps lines of level and more severe; the default is MR_LOG_INFO. */
void mr_log_level_set(enum mr_log_level level);

/* mr_log writes one line of at most 1,023 bytes; a newline is added. */
void mr_log(enum mr_log_level level, const char *format, ...) MR_PRINTF(2, 3);

#endif
