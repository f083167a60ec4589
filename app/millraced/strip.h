/* SPDX-License-Identifier: Apache-2.0
 *
 * millraced/strip - take the capabilities of the threads that run beside the caller.
 *
 * Capabilities belong to a thread, and no system call takes them from another one: each lays its
 * own down. DPDK's threads cannot be told where they start, so all are told by a signal, SIGURG,
 * whose handler does it. A thread that blocks signals must leave this one open. (glibc carries
 * setresuid to all threads in the same way.)
 *
 * Owner:  the process. Thread: the control thread.
 * Memory: none kept.
 * Spec:   capabilities(7), signal-safety(7).
 */
#ifndef MILLRACED_STRIP_H
#define MILLRACED_STRIP_H

#include "base/base.h"

/* strip_others takes all capabilities from every thread but the caller, for good. Threads that the
 * caller starts later have the caller's to begin with. System calls of those that have some are
 * interrupted. Returns 0, or -errno when a thread still has some after seconds of asking. */
MR_MUST_USE int strip_others(struct mr_error *error);

#endif
