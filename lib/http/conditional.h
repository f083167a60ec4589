/* SPDX-License-Identifier: Apache-2.0
 *
 * http/conditional - entity tags, and whether a conditional request goes on (RFC 9110 8.8, 13).
 *
 * Owner: nobody. Thread: any. Memory: borrows the text of tags.
 */
#ifndef MR_HTTP_CONDITIONAL_H
#define MR_HTTP_CONDITIONAL_H

#include "http/message.h"

enum { MR_HTTP_ETAG_BYTES = 35 }; /* of the tags that mr_http_etag_format makes, at most */

struct mr_http_etag {
	const uint8_t *text; /* between the quotes */
	uint16_t bytes;
	bool weak;
};

/* What is known of the representation that a request is about. */
struct mr_http_validator {
	struct mr_http_etag etag; /* text NULL: none */
	int64_t modified_s;       /* Last-Modified; INT64_MIN: none */
	bool exists;              /* there is a representation at all */
	bool modified_strong;     /* Last-Modified is a strong validator (8.8.2.2) */
};

enum mr_http_condition { MR_HTTP_PROCEED, MR_HTTP_NOT_MODIFIED, MR_HTTP_PRECONDITION_FAILED };

/* mr_http_etag_parse reads one entity-tag and nothing else. */
MR_NONNULL MR_MUST_USE bool mr_http_etag_parse(const uint8_t *text, size_t bytes,
					       struct mr_http_etag *etag);

/* mr_http_etag_same compares strongly or weakly (8.8.3.2). */
MR_NONNULL bool mr_http_etag_same(const struct mr_http_etag *a, const struct mr_http_etag *b,
				  bool strong);

/* mr_http_etag_format makes a strong tag, with its quotes, of what identifies a content: a hash of
 * it and its length. Returns its bytes; no NUL. Off the hot path: once per object. */
MR_NONNULL unsigned mr_http_etag_format(uint64_t hash, uint64_t length,
					char out[MR_HTTP_ETAG_BYTES]);

/* mr_http_condition evaluates a request's preconditions in the order of 13.2.2, steps 1 to 4. now_s
 * is the time of day, for dates with two-digit years. */
MR_NONNULL MR_MUST_USE enum mr_http_condition
mr_http_condition(const struct mr_http_message *message, const uint8_t *bytes,
		  const struct mr_http_validator *validator, int64_t now_s);

/* mr_http_range_applies is step 5: whether Range, if it is there and the method is GET, is to be
 * obeyed. */
MR_NONNULL MR_MUST_USE bool mr_http_range_applies(const struct mr_http_message *message,
						  const uint8_t *bytes,
						  const struct mr_http_validator *validator,
						  int64_t now_s);

#endif
