/* SPDX-License-Identifier: Apache-2.0
 *
 * mem/arena - one anonymous file, mapped piece after piece into one reserved range.
 */
#include "mem/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	ARENA_HUGE_BYTES = 2 << 20,
	ARENA_SMALL_BYTES = 4096,
	ARENA_SMALL_STEP_BYTES = 1 << 20, /* ordinary pages come in steps of this: fewer calls */
	ARENA_ALIGN_MAX = 4096,
};

/* hugepage_number reads one of the kernel's counts of 2 MiB pages; -1 when there is none. */
static long
hugepage_number(const char *which)
{
	char path[128];
	long number = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-2048kB/%s", which);
	file = fopen(path, "re");
	if (!file)
		return -1;
	if (fscanf(file, "%ld", &number) != 1)
		number = -1;
	fclose(file);
	return number;
}

static long
hugepages_free(void)
{
	return MR_MAX(hugepage_number("free_hugepages") - hugepage_number("resv_hugepages"), 0l);
}

uint64_t
mr_mem_available_bytes(bool huge)
{
	unsigned long long kib = 0;
	char line[128];
	FILE *file;

	if (huge)
		return (uint64_t)hugepages_free() * ARENA_HUGE_BYTES;
	file = fopen("/proc/meminfo", "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return (uint64_t)kib * 1024;
}

static int
shortage_of_hugepages(const struct mr_arena *self, uint64_t wanted, struct mr_error *error)
{
	long total = hugepage_number("nr_hugepages");
	long free_now = hugepages_free();
	long missing = (long)wanted - free_now;

	if (total < 0)
		return mr_error_set(error, -ENOMEM,
				    "arena %s: this kernel has no 2 MiB hugepages; set memory: "
				    "{hugepages: off}",
				    self->name);
	if (missing <= 0)
		return mr_error_set(error, -ENOMEM,
				    "arena %s: the kernel refuses %llu 2 MiB hugepages though %ld "
				    "are free (a cgroup's hugetlb limit?); raise it or set memory: "
				    "{hugepages: off}",
				    self->name, (unsigned long long)wanted, free_now);
	return mr_error_set(error, -ENOMEM,
			    "arena %s: %ld more 2 MiB hugepages are needed (%llu wanted, %ld "
			    "free); echo %ld > /proc/sys/vm/nr_hugepages, or set memory: "
			    "{hugepages: off}",
			    self->name, missing, (unsigned long long)wanted, free_now,
			    total + missing);
}

int
mr_arena_shortage(const struct mr_arena *self, uint64_t bytes, struct mr_error *error)
{
	char limit[MR_UNITS_TEXT_BYTES], taken[MR_UNITS_TEXT_BYTES], wanted[MR_UNITS_TEXT_BYTES];
	uint64_t left = self->reserved_bytes - self->taken_bytes, mapped_left;

	mr_units_format_bytes(bytes, wanted);
	if (bytes > left)
		return mr_error_set(error, -ENOMEM,
				    "arena %s: %s more do not fit its limit of %s (%s taken); "
				    "raise the limit",
				    self->name, wanted,
				    mr_units_format_bytes(self->reserved_bytes, limit),
				    mr_units_format_bytes(self->taken_bytes, taken));
	mapped_left = self->mapped_bytes - MR_MIN(self->taken_bytes, self->mapped_bytes);
	if (self->huge && bytes > mapped_left)
		return shortage_of_hugepages(self,
					     mr_round_up(bytes - mapped_left, ARENA_HUGE_BYTES) /
						     ARENA_HUGE_BYTES,
					     error);
	return mr_error_set(error, -ENOMEM, "arena %s: the machine has no memory for %s more",
			    self->name, wanted);
}

/* arena_grow maps the file up to mapped_bytes. fallocate comes first, because it alone fails
 * cleanly: a page that a later touch must find is a SIGBUS when there is none. */
static int
arena_grow(struct mr_arena *self, uint64_t mapped_bytes)
{
	uint64_t from = self->mapped_bytes, bytes = mapped_bytes - from;
	void *at = self->base + from;
	int result;

	do
		result = fallocate(self->fd, 0, (off_t)from, (off_t)bytes) ? -errno : 0;
	while (result == -EINTR);
	if (result)
		goto shrink;
	if (mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_POPULATE, self->fd,
		 (off_t)from) == MAP_FAILED) {
		/* A failed MAP_FIXED may leave a hole that a stranger's mapping could fall into. */
		MR_ASSERT(mmap(at, bytes, PROT_NONE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
			       0) == at);
		goto shrink;
	}
	self->mapped_bytes = mapped_bytes;
	return 0;
shrink:
	/* What fallocate got before it failed goes back. Should that fail, the file is only longer
	 * than its mapping, and the next growth uses it. */
	result = ftruncate(self->fd, (off_t)from);
	(void)result;
	return -ENOMEM;
}

static int
arena_reserve(struct mr_arena *self, uint64_t reserved_bytes)
{
	uint64_t slack = self->page_bytes;
	uint8_t *raw = mmap(NULL, reserved_bytes + slack, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t before;

	if (raw == MAP_FAILED)
		return -errno;
	before = mr_round_up((uintptr_t)raw, slack) - (uintptr_t)raw;
	if (before)
		munmap(raw, before);
	munmap(raw + before + reserved_bytes, slack - before);
	self->base = raw + before;
	self->reserved_bytes = reserved_bytes;
	return 0;
}

int
mr_arena_create(struct mr_arena *self, const char *name, uint64_t reserved_bytes, bool huge,
		struct mr_error *error)
{
	unsigned flags = MFD_CLOEXEC | (huge ? MFD_HUGETLB | MFD_HUGE_2MB : 0);
	int result;

	*self = (struct mr_arena){ .fd = -1, .huge = huge };
	snprintf(self->name, sizeof(self->name), "%s", name);
	self->page_bytes = huge ? ARENA_HUGE_BYTES : ARENA_SMALL_BYTES;
	if (!reserved_bytes || reserved_bytes > 1ull << 46)
		return mr_error_set(error, -EINVAL, "arena %s: a size of %llu bytes makes no sense",
				    name, (unsigned long long)reserved_bytes);
	self->fd = memfd_create(name, flags);
	if (self->fd < 0) {
		result = mr_error_set(error, -errno, "arena %s: memfd_create%s: %s", name,
				      huge ? " on 2 MiB hugepages" : "", strerror(errno));
		goto fail;
	}
	result = arena_reserve(self, mr_round_up(reserved_bytes, self->page_bytes));
	if (result) {
		mr_error_set(error, result, "arena %s: no address space for %llu bytes: %s", name,
			     (unsigned long long)reserved_bytes, strerror(-result));
		goto fail;
	}
	if (huge && arena_grow(self, ARENA_HUGE_BYTES)) {
		result = mr_arena_shortage(self, 1, error);
		goto fail;
	}
	self->taken_bytes = MR_CACHE_LINE; /* offset 0 means none */
	return 0;
fail:
	mr_arena_destroy(self);
	return result;
}

int
mr_arena_take(struct mr_arena *self, uint64_t bytes, uint32_t align_bytes, uint64_t *offset)
{
	uint64_t start = mr_round_up(self->taken_bytes, align_bytes), end;

	MR_ASSERT(align_bytes && align_bytes <= ARENA_ALIGN_MAX &&
		  (align_bytes & (align_bytes - 1)) == 0);
	if (start > self->reserved_bytes || bytes > self->reserved_bytes - start)
		return -ENOMEM;
	end = start + bytes;
	if (end > self->mapped_bytes) {
		uint64_t step = self->huge ? ARENA_HUGE_BYTES : ARENA_SMALL_STEP_BYTES;
		uint64_t mapped = MR_MIN(mr_round_up(end, step), self->reserved_bytes);
		int result = arena_grow(self, mapped);

		if (result)
			return result;
	}
	self->taken_bytes = end;
	*offset = start;
	return 0;
}

void
mr_arena_destroy(struct mr_arena *self)
{
	if (self->base)
		munmap(self->base, self->reserved_bytes);
	if (self->base || self->fd > 0)
		close(self->fd);
	*self = (struct mr_arena){ .fd = -1 };
}
