/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/http/drive - one message, head and content, through the parsers, fed in pieces.
 */
#ifndef MR_TESTS_HTTP_DRIVE_H
#define MR_TESTS_HTTP_DRIVE_H

#include "http/http.h"

enum { DRIVE_BYTES = 1 << 18 };

/* Everything that the parsers said, so that two runs can be compared. */
struct drive_result {
	enum mr_http_verdict verdict;
	uint8_t refusal;
	size_t used_bytes; /* by head and content; unless refused */
	size_t data_bytes, trailer_bytes;
	struct mr_http_message message;
	uint8_t data[DRIVE_BYTES], trailers[DRIVE_BYTES];
};

/* drive runs a message through: step_bytes at a time, or everything at once if it is 0, but with a
 * cut at cut_at as well. The bytes lie in a heap block of their exact size at each step. ended: the
 * connection closes behind them. */
void drive(struct drive_result *result, enum mr_http_kind kind, enum mr_http_method method,
	   const struct mr_http_limits *limits, const void *bytes, size_t byte_count,
	   size_t step_bytes, size_t cut_at, bool ended);

/* drive_same asserts that two results say the same. */
void drive_same(const struct drive_result *a, const struct drive_result *b);

/* drive_same_message asserts that b says of bytes_b what a says of bytes_a, when b was written
 * from a: everything but what is hop-by-hop. */
void drive_same_message(const struct mr_http_message *a, const uint8_t *bytes_a,
			const struct mr_http_message *b, const uint8_t *bytes_b);

#endif
