/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/text_fixture - write master files, read them, keep what came out. For the tests of the
 * reader.
 */
#ifndef MR_TEST_ZONE_TEXT_FIXTURE_H
#define MR_TEST_ZONE_TEXT_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "zone/zone.h"

enum { FIXTURE_RECORDS = 64, FIXTURE_FILES = 16, FIXTURE_RDATA = 512 };

struct fixture_record {
	char owner[MR_ZONE_NAME_TEXT_BYTES];
	uint8_t rdata[FIXTURE_RDATA]; /* the first octets */
	uint32_t ttl, line;
	uint16_t type, rdata_bytes;
};

struct fixture {
	char folder[64];
	char files[FIXTURE_FILES][128];
	size_t file_count;
	struct fixture_record records[FIXTURE_RECORDS]; /* the first ones */
	uint64_t count;
	uint64_t refuse_at; /* on_record fails at this one; 0: never */
	struct mr_error error;
};

static inline int
fixture_on_record(void *context, const struct mr_zone_record *record, struct mr_error *error)
{
	struct fixture *self = context;

	if (self->count < FIXTURE_RECORDS) {
		struct fixture_record *kept = &self->records[self->count];

		mr_zone_name_to_text(record->owner, kept->owner);
		memcpy(kept->rdata, record->rdata, MR_MIN(record->rdata_bytes, FIXTURE_RDATA));
		kept->rdata_bytes = record->rdata_bytes;
		kept->ttl = record->ttl;
		kept->line = record->line;
		kept->type = record->type;
		assert_int_equal(record->rr_class, 1);
	}
	self->count++;
	if (self->count == self->refuse_at)
		return mr_error_set(error, -EINVAL, "%s:%u: refused by the test", record->file,
				    record->line);
	return 0;
}

static inline int
fixture_setup(void **state)
{
	struct fixture *self = calloc(1, sizeof(*self));

	strcpy(self->folder, "/tmp/mr_text_XXXXXX");
	*state = self;
	return mkdtemp(self->folder) ? 0 : -1;
}

static inline int
fixture_teardown(void **state)
{
	struct fixture *self = *state;

	for (size_t i = 0; i < self->file_count; i++)
		unlink(self->files[i]);
	rmdir(self->folder);
	free(self);
	return 0;
}

/* fixture_file writes a file of the folder; returns its path. */
static inline const char *
fixture_file_bytes(struct fixture *self, const char *name, const void *bytes, size_t byte_count)
{
	char path[128];
	size_t index = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", self->folder, name);
	while (index < self->file_count && strcmp(self->files[index], path) != 0)
		index++;
	assert_true(index < FIXTURE_FILES);
	if (index == self->file_count)
		strcpy(self->files[self->file_count++], path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, byte_count, file), byte_count);
	assert_int_equal(fclose(file), 0);
	return self->files[index];
}

static inline const char *
fixture_file(struct fixture *self, const char *name, const char *text)
{
	return fixture_file_bytes(self, name, text, strlen(text));
}

static inline int
fixture_read_path(struct fixture *self, const char *path, const char *origin)
{
	self->count = 0;
	memset(&self->error, 0, sizeof(self->error));
	memset(self->records, 0, sizeof(self->records));
	return mr_zone_text_read(path, origin, fixture_on_record, self, &self->error);
}

/* fixture_read reads text as the zone example.com. */
static inline int
fixture_read(struct fixture *self, const char *text)
{
	return fixture_read_path(self, fixture_file(self, "zone", text), "example.com");
}

/* fixture_good reads text and expects count records. */
static inline void
fixture_good(struct fixture *self, const char *text, uint64_t count)
{
	int status = fixture_read(self, text);

	if (status || self->count != count)
		fail_msg("status %d, %lu records, expected %lu: %s\n%s", status,
			 (unsigned long)self->count, (unsigned long)count, self->error.text, text);
}

/* fixture_bad reads text and expects a failure at place ("3:" or "3:7:"), told with words. */
static inline void
fixture_bad(struct fixture *self, const char *text, const char *place, const char *words)
{
	int status = fixture_read(self, text);
	char prefix[192];

	snprintf(prefix, sizeof(prefix), "%s/zone:%s", self->folder, place);
	if (status >= 0 || strncmp(self->error.text, prefix, strlen(prefix)) != 0 ||
	    !strstr(self->error.text, words))
		fail_msg("status %d, expected %s … %s, got \"%s\" for:\n%s", status, place, words,
			 self->error.text, text);
	assert_int_equal(self->error.code, status);
}

static inline void
fixture_rdata(const struct fixture *self, size_t index, const void *rdata, size_t rdata_bytes)
{
	assert_true(index < self->count);
	assert_int_equal(self->records[index].rdata_bytes, rdata_bytes);
	assert_memory_equal(self->records[index].rdata, rdata, rdata_bytes);
}

#define FIXTURE_TEST(function) \
	cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

#endif
