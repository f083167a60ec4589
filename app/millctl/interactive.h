/* SPDX-License-Identifier: Apache-2.0
 *
 * millctl/interactive - a prompt with history and completion from the command table (libedit).
 *
 * Owner:  the process, while interactive_run lasts: one prompt, one history.
 * Thread: the only one.
 * Memory: libedit's, freed before it returns.
 */
#ifndef MILLCTL_INTERACTIVE_H
#define MILLCTL_INTERACTIVE_H

#include <stddef.h>

/* interactive_run reads lines until end of file or `quit`, and hands the words of each to run.
 * Returns what the last run returned. */
int interactive_run(int (*run)(void *context, size_t word_count, const char *const *words),
		    void *context);

#endif
