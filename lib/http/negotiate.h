/* SPDX-License-Identifier: Apache-2.0
 *
 * http/negotiate - which content coding a client gets, and what type a file has.
 *
 * Owner: nobody. Thread: any. Memory: none. Spec: RFC 9110 12.4.2 (weights), 12.5.3
 * (Accept-Encoding).
 */
#ifndef MR_HTTP_NEGOTIATE_H
#define MR_HTTP_NEGOTIATE_H

#include "http/message.h"

/* In the order in which the box prefers them, the last first. */
enum mr_http_coding {
	MR_HTTP_IDENTITY,
	MR_HTTP_GZIP,
	MR_HTTP_ZSTD,
	MR_HTTP_BROTLI,
	MR_HTTP_CODING_COUNT
};

/* mr_http_coding_choose returns, of the codings in available (bits by enum mr_http_coding; identity
 * is taken to be there), the one that the client weighs highest, ours where it weighs them the
 * same; or -1 when it accepts none, not even identity (406, or identity all the same: the site's
 * choice). */
MR_NONNULL MR_MUST_USE int mr_http_coding_choose(const struct mr_http_message *message,
						 const uint8_t *bytes, unsigned available);

/* mr_http_coding_name is what Content-Encoding says: "gzip", "zstd", "br"; "identity" is never
 * sent. */
const char *mr_http_coding_name(enum mr_http_coding coding);

/* mr_http_weight reads the q of an element "x;q=0.5" in thousandths: 1000 if there is none, -1 if
 * it is malformed; *bytes becomes what stands before the first semicolon. */
MR_NONNULL int mr_http_weight(const uint8_t *element, size_t *bytes);

/* mr_http_media_type returns the type for the extension of a file's name, or
 * "application/octet-stream".
 * *is_text tells whether compressing it is worth while. Off the hot path: at load time. */
MR_NONNULL const char *mr_http_media_type(const uint8_t *name, size_t bytes, bool *is_text);

#endif
