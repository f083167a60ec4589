/* SPDX-License-Identifier: Apache-2.0
 *
 * mem/arena - growing in place, both kinds of pages, and how it says no.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "mem/mem.h"

enum { MIB = 1 << 20 };

static long
hugepages_free(void)
{
	FILE *file = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "re");
	long number = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%ld", &number) != 1)
		number = 0;
	fclose(file);
	return number;
}

static void
test_arena_take_gives_aligned_zeroed_growing(void **state)
{
	struct mr_arena arena;
	struct mr_error error = { 0 };
	uint64_t offset, last_end = 0;
	uint8_t *base;

	(void)state;
	assert_int_equal(mr_arena_create(&arena, "test", 16 * MIB, false, &error), 0);
	base = arena.base;
	for (uint32_t align = 1; align <= 4096; align *= 2) {
		const uint8_t *at;

		assert_int_equal(mr_arena_take(&arena, 300001, align, &offset), 0);
		assert_true(offset >= MR_CACHE_LINE);
		assert_int_equal(offset % align, 0);
		assert_true(offset >= last_end);
		last_end = offset + 300001;
		at = mr_arena_at(&arena, offset);
		for (int i = 0; i < 300001; i++)
			assert_int_equal(at[i], 0);
		memset(mr_arena_at(&arena, offset), 0xa5, 300001);
	}
	assert_ptr_equal(arena.base, base);
	assert_true(arena.mapped_bytes >= arena.taken_bytes);
	assert_true(arena.mapped_bytes <= arena.reserved_bytes);
	mr_arena_destroy(&arena);
	mr_arena_destroy(&arena); /* twice is nothing */
}

static void
test_arena_take_pages_are_resident(void **state)
{
	struct mr_arena arena;
	unsigned char resident[8 * MIB / 4096];
	uint64_t offset;

	(void)state;
	assert_int_equal(mr_arena_create(&arena, "test", 8 * MIB, false, NULL), 0);
	assert_int_equal(mr_arena_take(&arena, 5 * MIB, 4096, &offset), 0);
	assert_int_equal(mincore(arena.base, arena.mapped_bytes, resident), 0);
	for (size_t i = 0; i < arena.mapped_bytes / 4096; i++)
		assert_true(resident[i] & 1);
	mr_arena_destroy(&arena);
}

static void
test_arena_take_at_limit_is_exact(void **state)
{
	struct mr_arena arena;
	struct mr_error error = { 0 };
	uint64_t offset;

	(void)state;
	assert_int_equal(mr_arena_create(&arena, "small", 3 * 4096 - 1, false, &error), 0);
	assert_int_equal(arena.reserved_bytes, 3 * 4096);
	assert_int_equal(mr_arena_take(&arena, 3 * 4096 - 63, 64, &offset), -ENOMEM);
	assert_int_equal(arena.taken_bytes, MR_CACHE_LINE);
	assert_int_equal(mr_arena_take(&arena, 3 * 4096 - 64, 64, &offset), 0);
	assert_int_equal(offset, 64);
	assert_int_equal(mr_arena_take(&arena, 0, 1, &offset), 0);
	assert_int_equal(mr_arena_take(&arena, 1, 1, &offset), -ENOMEM);
	assert_int_equal(mr_arena_take(&arena, UINT64_MAX, 1, &offset), -ENOMEM);
	assert_int_equal(mr_arena_shortage(&arena, 1, &error), -ENOMEM);
	assert_non_null(strstr(error.text, "arena small"));
	assert_non_null(strstr(error.text, "limit"));
	mr_arena_destroy(&arena);
}

static void
test_arena_create_refuses_senseless_sizes(void **state)
{
	struct mr_arena arena;
	struct mr_error error = { 0 };

	(void)state;
	assert_int_equal(mr_arena_create(&arena, "none", 0, false, &error), -EINVAL);
	assert_int_equal(error.code, -EINVAL);
	mr_arena_destroy(&arena);
	assert_int_equal(mr_arena_create(&arena, "vast", UINT64_MAX, false, NULL), -EINVAL);
}

/* A name of any length is kept in part, and a second arena lies elsewhere. */
static void
test_arena_create_two_are_apart(void **state)
{
	struct mr_arena one, two;
	uint64_t a, b;
	char name[200];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(mr_arena_create(&one, name, MIB, false, NULL), 0);
	assert_int_equal(mr_arena_create(&two, "two", MIB, false, NULL), 0);
	assert_int_equal(mr_arena_take(&one, 4096, 64, &a), 0);
	assert_int_equal(mr_arena_take(&two, 4096, 64, &b), 0);
	memset(mr_arena_at(&one, a), 1, 4096);
	memset(mr_arena_at(&two, b), 2, 4096);
	assert_int_equal(*(uint8_t *)mr_arena_at(&one, a), 1);
	assert_int_equal(strlen(one.name), MR_NAME_MAX - 1);
	mr_arena_destroy(&one);
	mr_arena_destroy(&two);
}

static void
test_arena_huge_take_lies_on_huge_pages(void **state)
{
	struct mr_arena arena;
	struct mr_error error = { 0 };
	struct statfs file_system;
	uint64_t offset;
	long before = hugepages_free();

	(void)state;
	if (before < 3) {
		print_message("skipped: %ld free 2 MiB hugepages, 3 are needed\n", before);
		skip();
	}
	assert_int_equal(mr_arena_create(&arena, "huge", 64 * MIB, true, &error), 0);
	assert_int_equal((uintptr_t)arena.base % (2 * MIB), 0);
	assert_int_equal(arena.mapped_bytes, 2 * MIB);
	assert_int_equal(mr_arena_take(&arena, 5 * MIB, 64, &offset), 0);
	assert_int_equal(arena.mapped_bytes, 6 * MIB);
	memset(mr_arena_at(&arena, offset), 0x5a, 5 * MIB);
	assert_int_equal(fstatfs(arena.fd, &file_system), 0);
	assert_int_equal(file_system.f_bsize, 2 * MIB);
	mr_arena_destroy(&arena);
}

/* More than the machine has: refused at once, in words, and what is there goes on working. */
static void
test_arena_huge_take_beyond_free_says_how_many(void **state)
{
	struct mr_arena arena;
	struct mr_error error = { 0 };
	uint64_t offset, too_many;
	long free_now = hugepages_free();
	int result;

	(void)state;
	too_many = (uint64_t)(free_now + 65536) * 2 * MIB;
	result = mr_arena_create(&arena, "huge", too_many, true, &error);
	if (result) { /* none at all */
		assert_int_equal(error.code, result);
		assert_non_null(strstr(error.text, "hugepages: off"));
		print_message("skipped the rest: %s\n", error.text);
		skip();
	}
	assert_int_equal(mr_arena_take(&arena, too_many - 4096, 64, &offset), -ENOMEM);
	assert_int_equal(arena.mapped_bytes, 2 * MIB);
	assert_int_equal(mr_arena_shortage(&arena, too_many - 4096, &error), -ENOMEM);
	assert_non_null(strstr(error.text, "more 2 MiB hugepages are needed"));
	assert_non_null(strstr(error.text, "/proc/sys/vm/nr_hugepages"));
	assert_int_equal(mr_arena_take(&arena, MIB, 64, &offset), 0);
	memset(mr_arena_at(&arena, offset), 1, MIB);
	mr_arena_destroy(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arena_take_gives_aligned_zeroed_growing),
		cmocka_unit_test(test_arena_take_pages_are_resident),
		cmocka_unit_test(test_arena_take_at_limit_is_exact),
		cmocka_unit_test(test_arena_create_refuses_senseless_sizes),
		cmocka_unit_test(test_arena_create_two_are_apart),
		cmocka_unit_test(test_arena_huge_take_lies_on_huge_pages),
		cmocka_unit_test(test_arena_huge_take_beyond_free_says_how_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
