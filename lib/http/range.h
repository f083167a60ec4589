/* SPDX-License-Identifier: Apache-2.0
 *
 * http/range - which part of a representation a request asks for (RFC 9110 14).
 *
 * Owner: nobody. Thread: any. Memory: none.
 */
#ifndef MR_HTTP_RANGE_H
#define MR_HTTP_RANGE_H

#include "http/message.h"

enum {
	MR_HTTP_RANGES_MAX = 16,        /* more are not served as ranges (14.2) */
	MR_HTTP_RANGE_OVERLAPS_MAX = 1, /* ranges that touch octets of one before: likewise */
};

struct mr_http_range {
	uint64_t first, last; /* both are part of it */
};

enum mr_http_range_verdict {
	MR_HTTP_RANGE_WHOLE,  /* not asked for, malformed or excessive: send everything (200) */
	MR_HTTP_RANGE_PARTS,  /* 206 with ranges[0 .. count), in the order asked for */
	MR_HTTP_RANGE_BEYOND, /* 416 with the length in Content-Range */
};

/* mr_http_range reads the value of Range against a representation of length octets. */
MR_NONNULL MR_MUST_USE enum mr_http_range_verdict
mr_http_range(const uint8_t *value, size_t bytes, uint64_t length,
	      struct mr_http_range ranges[MR_HTTP_RANGES_MAX], unsigned *count);

/* mr_http_content_range reads "bytes 0-99/200" of a 206; an unknown length (*) becomes UINT64_MAX.
 * False when it is malformed, another unit or an unsatisfied range. */
MR_NONNULL MR_MUST_USE bool mr_http_content_range(const uint8_t *value, size_t bytes,
						  struct mr_http_range *range, uint64_t *length);

/* mr_http_put_content_range writes the field for one part; for a 416 when range is NULL. */
void mr_http_put_content_range(struct mr_writer *out, const struct mr_http_range *range,
			       uint64_t length);

#endif
