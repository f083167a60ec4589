/* SPDX-License-Identifier: Apache-2.0
 *
 * millraced/privilege - user, capabilities, no-new-privs, seccomp, in this order.
 */
#include "privilege.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "strip.h"

/* Taking an AF_XDP interface out of all-multicast mode at the end. (The XDP program needs none: it
 * goes with its link's descriptor.) */
static const unsigned kept_capabilities[] = { CAP_NET_ADMIN };

/* One row for each system call that a running process makes; the comment says who. */
static const int allowed_calls[] = {
	/* everybody: memory, time, locks, ending */
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(mprotect),
	SCMP_SYS(madvise),
	SCMP_SYS(mremap),
	SCMP_SYS(brk),
	SCMP_SYS(futex),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(sched_yield),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(getrandom),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(tgkill),
	SCMP_SYS(gettid),
	SCMP_SYS(getpid),
	SCMP_SYS(membarrier),
	SCMP_SYS(sigaltstack),
	/* workers, inside poll-mode drivers */
	SCMP_SYS(sendto),
	SCMP_SYS(recvfrom),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	/* EAL's interrupt thread and memif's control channel */
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_create), /* DPDK makes its set anew when a device comes or goes */
	SCMP_SYS(epoll_create1),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg),
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	SCMP_SYS(socket),
	SCMP_SYS(connect),
	SCMP_SYS(shutdown),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(ioctl),
	SCMP_SYS(memfd_create),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate),
	SCMP_SYS(eventfd2),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	/* control and loader threads: files, threads, the socket, steering maps */
	SCMP_SYS(openat),
	SCMP_SYS(openat2),
	SCMP_SYS(inotify_add_watch),
	SCMP_SYS(close),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(lseek),
	SCMP_SYS(pread64),
	SCMP_SYS(readlink),
	SCMP_SYS(getdents64),
	SCMP_SYS(getcwd),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(fcntl),
	SCMP_SYS(flock),
	SCMP_SYS(dup),
	SCMP_SYS(pipe2),
	SCMP_SYS(uname),
	SCMP_SYS(sysinfo),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(clone),
	SCMP_SYS(clone3),
	SCMP_SYS(capget), /* a loader lays down what it inherits */
	SCMP_SYS(capset),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(prctl),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sched_setaffinity),
	SCMP_SYS(sched_getparam),
	SCMP_SYS(sched_getscheduler),
	SCMP_SYS(bpf),
};

static int
user_drop(const char *user, const char *run_dir, struct mr_error *error)
{
	struct passwd *entry;

	if (!*user || geteuid() != 0)
		return 0;
	errno = 0;
	entry = getpwnam(user);
	if (!entry)
		return mr_error_set(error, -ENOENT, "user '%s' does not exist", user);
	if (*run_dir && chown(run_dir, entry->pw_uid, entry->pw_gid))
		return mr_error_set(error, -errno, "cannot give %s to user '%s': %s", run_dir, user,
				    strerror(errno));
	/* glibc carries the change to all threads; only this one keeps its permitted capabilities
	 * over it. */
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) || initgroups(user, entry->pw_gid) ||
	    setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) ||
	    setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid))
		return mr_error_set(error, -errno, "cannot become user '%s': %s", user,
				    strerror(errno));
	return 0;
}

static int
capabilities_drop(struct mr_error *error)
{
	bool had[MR_ARRAY_COUNT(kept_capabilities)]; /* not all, when no root has started us */

	capng_get_caps_process();
	for (size_t i = 0; i < MR_ARRAY_COUNT(had); i++)
		had[i] = capng_have_capability(CAPNG_PERMITTED, kept_capabilities[i]);
	capng_clear(CAPNG_SELECT_CAPS);
	for (size_t i = 0; i < MR_ARRAY_COUNT(had); i++)
		if (had[i])
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
				     kept_capabilities[i]);
	if (capng_apply(CAPNG_SELECT_CAPS))
		return mr_error_set(error, -EPERM, "cannot reduce capabilities: %s",
				    strerror(errno));
	return strip_others(error);
}

static int
calls_filter(struct mr_error *error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int failure = filter ? 0 : -ENOMEM;

	if (!failure)
		failure = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	for (size_t i = 0; !failure && i < MR_ARRAY_COUNT(allowed_calls); i++)
		failure = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed_calls[i], 0);
	if (!failure)
		failure = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(execve), 0);
	if (!failure)
		failure = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(execveat), 0);
	if (!failure)
		failure = seccomp_load(filter);
	seccomp_release(filter);
	if (failure)
		return mr_error_set(error, failure, "cannot load the system call filter: %s",
				    strerror(-failure));
	return 0;
}

int
privilege_drop(const char *user, const char *run_dir, struct mr_error *error)
{
	int failure = user_drop(user, run_dir, error);

	if (!failure)
		failure = capabilities_drop(error);
	if (!failure && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		failure =
			mr_error_set(error, -errno, "cannot set no-new-privs: %s", strerror(errno));
	return failure ? failure : calls_filter(error);
}
