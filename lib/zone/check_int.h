/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/check_int - what the two halves of the check share: check.c reads, check_data.c looks at the
 * finished zone.
 *
 * Owner:  the call of mr_zone_check, for which all of it lives. Thread: the caller's.
 * Memory: the heap, given back at its end.
 */
#ifndef MR_ZONE_CHECK_INT_H
#define MR_ZONE_CHECK_INT_H

#include "zone/zone_int.h"

enum { CHECK_SIGNERS = 64, CHECK_SOON_S = 3 * 86400 };

/* A record that names another: where it was written, its owner and its target. */
struct check_note {
	uint32_t line, column;
	uint16_t file, type;
	uint8_t owner_bytes, target_bytes;
	uint8_t names[]; /* wire: the owner, then the target; padded to 8 */
};

/* A key that signed something: the first record that says so. */
struct check_signer {
	uint16_t tag, file;
	uint8_t algorithm;
	uint32_t line, column;
};

struct check {
	const char *path;
	struct mr_zone_builder *builder;
	uint8_t origin[MR_ZONE_NAME_BYTES]; /* lower-cased */
	unsigned origin_bytes;
	uint32_t now_s; /* modulo 2^32, as RRSIGs have it */
	struct zone_heap notes;
	char **files;
	uint16_t file_count;
	bool lost_memory;
	unsigned signer_count;
	struct check_signer signers[CHECK_SIGNERS];
	void (*on_finding)(void *context, const struct mr_zone_finding *finding);
	void *context;
	struct mr_zone_check_result *result;
};

/* check_tell counts a finding and tells it unless there were enough of its rule. line 0: about no
 * one line. */
void check_tell(struct check *self, enum mr_zone_check_rule rule, const char *file, uint32_t line,
		uint32_t column, const char *format, ...) MR_PRINTF(6, 7);

/* check_data looks at the finished zone. */
void check_data(struct check *self, const struct mr_zone_store *store, const struct mr_zone *zone);

/* The lower-cased wire name of bytes ends with the zone's origin. */
bool check_within(const struct check *self, const uint8_t *name, unsigned bytes);

static inline const char *
check_file(const struct check *self, uint16_t file)
{
	return file < self->file_count ? self->files[file] : self->path;
}

#endif
