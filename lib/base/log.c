/* SPDX-License-Identifier: Apache-2.0
 *
 * base/log - one write(2) per line, so that lines of several threads do not mix.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static _Atomic int log_level = MR_LOG_INFO;

static const char *
level_word(enum mr_log_level level)
{
	switch (level) {
	case MR_LOG_ERROR:
		return "error: ";
	case MR_LOG_WARNING:
		return "warning: ";
	case MR_LOG_NOTICE:
	case MR_LOG_INFO:
		return "";
	case MR_LOG_DEBUG:
		return "debug: ";
	}
	return "";
}

void
mr_log_level_set(enum mr_log_level level)
{
	atomic_store_explicit(&log_level, level, memory_order_relaxed);
}

void
mr_log(enum mr_log_level level, const char *format, ...)
{
	char line[1024];
	size_t used, wanted;
	va_list arguments;

	if ((int)level > atomic_load_explicit(&log_level, memory_order_relaxed))
		return;
	if (getenv("JOURNAL_STREAM")) {
		used = (size_t)snprintf(line, sizeof(line), "<%d>", level);
	} else {
		struct timespec now;
		struct tm broken;

		clock_gettime(CLOCK_REALTIME, &now);
		gmtime_r(&now.tv_sec, &broken);
		used = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &broken);
		used += (size_t)snprintf(line + used, sizeof(line) - used, ".%03ldZ %s",
					 now.tv_nsec / 1000000, level_word(level));
	}
	va_start(arguments, format);
	wanted = (size_t)vsnprintf(line + used, sizeof(line) - used - 1, format, arguments);
	va_end(arguments);
	used = MR_MIN(used + wanted, sizeof(line) - 2);
	line[used++] = '\n';
	if (write(STDERR_FILENO, line, used) < 0)
		return; /* nowhere left to say it */
}
