/* SPDX-License-Identifier: Apache-2.0
 *
 * millraced/strip - signals threads until none has a capability.
 */
#include "strip.h"

#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	/* Ignored unless somebody asks for it, and pending at most once: one that comes late does
	 * no harm. */
	STRIP_SIGNAL = SIGURG,
	STRIP_ROUNDS_MAX = 3000,
	STRIP_REST_US = 1000,
	STATUS_BYTES = 4096,
};

/* own_strip gives up the calling thread's capabilities. Async-signal-safe. */
static void
own_strip(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	syscall(SYS_capset, &header, none);
}

static void
strip_on_signal(int number)
{
	int kept = errno;

	(void)number;
	own_strip();
	errno = kept;
}

/* thread_is_bare reads a thread's permitted capabilities; one that is gone has none. */
static bool
thread_is_bare(const char *tid)
{
	char path[64], text[STATUS_BYTES];
	const char *line;
	size_t bytes;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%.16s/status", tid);
	file = fopen(path, "re");
	if (!file)
		return true;
	bytes = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[bytes] = '\0';
	line = strstr(text, "\nCapPrm:");
	return bytes == 0 || (line && strtoull(line + strlen("\nCapPrm:"), NULL, 16) == 0);
}

/* threads_ask signals every other thread that has capabilities. Returns the number of one of them,
 * 0 when there is none, or -errno. */
static int
threads_ask(void)
{
	const long self = syscall(SYS_gettid);
	const struct dirent *entry;
	DIR *tasks = opendir("/proc/self/task");
	int found = 0;

	if (!tasks)
		return -errno;
	while ((entry = readdir(tasks))) {
		long tid = strtol(entry->d_name, NULL, 10);

		if (tid <= 0 || tid == self || thread_is_bare(entry->d_name))
			continue;
		syscall(SYS_tgkill, getpid(), tid, STRIP_SIGNAL);
		found = (int)tid;
	}
	closedir(tasks);
	return found;
}

int
strip_others(struct mr_error *error)
{
	const struct sigaction action = { .sa_handler = strip_on_signal, .sa_flags = SA_RESTART };
	int found = 0;

	if (sigaction(STRIP_SIGNAL, &action, NULL))
		return mr_error_set(error, -errno, "cannot handle signals: %s", strerror(errno));
	for (unsigned round = 0; round < STRIP_ROUNDS_MAX; round++) {
		found = threads_ask();
		if (found == 0)
			return 0;
		if (found < 0)
			return mr_error_set(error, found, "cannot read /proc/self/task: %s",
					    strerror(-found));
		nanosleep(&(struct timespec){ .tv_nsec = STRIP_REST_US * 1000L }, NULL);
	}
	return mr_error_set(error, -ETIMEDOUT, "thread %d keeps its capabilities", found);
}
