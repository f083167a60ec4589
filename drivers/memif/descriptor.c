/* SPDX-License-Identifier: Apache-2.0
 *
 * memif/descriptor - stands between net_memif and EAL's descriptors of packet memory.
 *
 * With zero copy the PMD (22.11) sends those descriptors to its server, and when the server is gone
 * closes them, though they are EAL's: the next server would be given whatever has their numbers by
 * then, and that would be closed in its turn. So the PMD, which asks by this name for each
 * connection anew, is given duplicates that are its own to close. Programs with this driver export
 * the name (drivers/meson.build), so that the loader finds it before EAL's.
 *
 * Thread: EAL's interrupt thread.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <rte_memory.h>

int
rte_memseg_get_fd(const struct rte_memseg *segment)
{
	int (*of_eal)(const struct rte_memseg *) =
		(int (*)(const struct rte_memseg *))dlsym(RTLD_NEXT, "rte_memseg_get_fd");
	int fd = of_eal ? of_eal(segment) : -ENOTSUP;

	return fd < 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}
