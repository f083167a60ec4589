/* SPDX-License-Identifier: Apache-2.0
 *
 * millraced/privilege - give away what is needed only to start.
 *
 * Opening ports, programs and hugepages needs root; serving does not. After the last port is open:
 *
 *   user           setresuid/setresgid to the configured user, in all threads; none configured:
 *                  stays as it is
 *   capabilities   the control thread keeps kept_capabilities; workers, helpers, log and EAL
 *                  threads have none (strip); loaders, which start later, lay down what they
 *                  inherit (ctl/txn)
 *   no-new-privs   in all threads
 *   seccomp        an allow list, in all threads: anything else fails with EPERM, a program start
 *                  kills
 *
 * Owner:  the process.
 * Thread: the control thread, once, after all long-lived threads exist.
 * Memory: none kept.
 */
#ifndef MILLRACED_PRIVILEGE_H
#define MILLRACED_PRIVILEGE_H

#include "base/base.h"

/* privilege_drop does all of the above. user may be empty. run_dir (may be empty) is handed to the
 * user, so that the socket in it can be removed at the end. Returns 0 or -errno with error filled.
 */
MR_MUST_USE int privilege_drop(const char *user, const char *run_dir, struct mr_error *error);

#endif
