/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz/zone_text - any bytes as a master file. What is given out has to be well-formed: names that
 * end, data within its bounds, and the same once more when it is written down and read again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "zone/zone.h"

enum { FUZZ_RECORDS = 2000, FUZZ_CHECKED = 20 };

struct fuzz_seen {
	uint64_t count;
	bool nested;
	struct mr_zone_record expected;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void
fuzz_check_name(const uint8_t *wire, uint16_t bytes)
{
	unsigned at = 0;

	while (wire[at]) {
		MR_ASSERT(wire[at] <= MR_ZONE_LABEL_BYTES);
		at += wire[at] + 1u;
		MR_ASSERT(at < bytes);
	}
	MR_ASSERT(at + 1 == bytes && bytes <= MR_ZONE_NAME_BYTES);
}

static int fuzz_read(const void *data, size_t bytes, struct fuzz_seen *seen);

static void
fuzz_write_and_read(const struct mr_zone_record *record)
{
	struct fuzz_seen again = { .nested = true, .expected = *record };
	size_t room = MR_ZONE_NAME_TEXT_BYTES + 64 + 2 * (size_t)record->rdata_bytes, at;
	char *text = malloc(room), name[MR_ZONE_NAME_TEXT_BYTES];

	MR_ASSERT(text);
	at = (size_t)snprintf(text, room, "%s %u IN TYPE%u \\# %u ",
			      mr_zone_name_to_text(record->owner, name), record->ttl, record->type,
			      record->rdata_bytes);
	for (unsigned i = 0; i < record->rdata_bytes; i++)
		at += (size_t)snprintf(text + at, room - at, "%02x", record->rdata[i]);
	MR_ASSERT(fuzz_read(text, at, &again) == 0 && again.count == 1);
	free(text);
}

static int
fuzz_on_record(void *context, const struct mr_zone_record *record, struct mr_error *error)
{
	struct fuzz_seen *seen = context;
	const struct mr_zone_record *expected = &seen->expected;

	fuzz_check_name(record->owner, record->owner_bytes);
	MR_ASSERT(record->ttl <= INT32_MAX && record->rr_class == 1 && record->line > 0);
	if (seen->nested)
		MR_ASSERT(record->owner_bytes == expected->owner_bytes &&
			  memcmp(record->owner, expected->owner, expected->owner_bytes) == 0 &&
			  record->ttl == expected->ttl && record->type == expected->type &&
			  record->rdata_bytes == expected->rdata_bytes &&
			  memcmp(record->rdata, expected->rdata, expected->rdata_bytes) == 0);
	else if (seen->count < FUZZ_CHECKED)
		fuzz_write_and_read(record);
	if (++seen->count == FUZZ_RECORDS)
		return mr_error_set(error, -1, "enough");
	return 0;
}

static int
fuzz_read(const void *data, size_t bytes, struct fuzz_seen *seen)
{
	struct mr_error error = { 0 };
	char path[64];
	int fd = memfd_create("zone", MFD_CLOEXEC), status;

	MR_ASSERT(fd >= 0 && write(fd, data, bytes) == (ssize_t)bytes);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	status = mr_zone_text_read(path, "example.com", fuzz_on_record, seen, &error);
	MR_ASSERT((status == 0) == (error.code == 0));
	close(fd);
	return status;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct fuzz_seen seen = { 0 };
	char *name = strndup((const char *)data, bytes), text[MR_ZONE_NAME_TEXT_BYTES];
	uint8_t wire[MR_ZONE_NAME_BYTES], again[MR_ZONE_NAME_BYTES];
	int name_bytes;

	MR_ASSERT(name);
	name_bytes = mr_zone_name_from_text(name, wire);
	if (name_bytes > 0) {
		fuzz_check_name(wire, (uint16_t)name_bytes);
		MR_ASSERT(mr_zone_name_from_text(mr_zone_name_to_text(wire, text), again) ==
			  name_bytes);
		MR_ASSERT(memcmp(wire, again, (size_t)name_bytes) == 0);
	}
	free(name);
	fuzz_read(data, bytes, &seen);
	return 0;
}
