/* SPDX-License-Identifier: Apache-2.0
 *
 * http/body - where the content of a message ends: a resumable decoder, and the chunked encoder.
 *
 *   LENGTH   -> DONE                         the last octet     [mr_http_body_feed]
 *   TO_CLOSE -> DONE                         the end            [mr_http_body_end]
 *   SIZE     -> EXT_..., SIZE_LF             a chunk's line     [body_chunk_octet]
 *   EXT_...  -> EXT_..., SIZE_LF             its extensions     [body_extension]
 *   SIZE_LF  -> DATA, or TRAILER_... at 0                       [body_chunk_octet]
 *   DATA     -> DATA_CR -> DATA_LF -> SIZE                      [body_chunked]
 *   TRAILER_... -> END_LF -> DONE            the trailers       [body_trailer_octet]
 *   any      -> REFUSED                      the first fault    [body_refuse]
 *
 * (1) A call uses up at least one octet, or is DONE or REFUSED, or was given none.
 * (2) Not one octet behind the body's last is used: the next message of the pipeline begins there.
 * (3) Chunk extensions are checked and dropped; all of a body together are at most extension_bytes,
 *     all of its trailer section at most trailer_bytes, a chunk size has at most 16 digits.
 *
 * Owner:  the connection. Thread: its worker. Memory: 48 bytes; nothing is kept of the bytes.
 * Spec:   RFC 9112 6.3, 7.1, 8.
 */
#ifndef MR_HTTP_BODY_H
#define MR_HTTP_BODY_H

#include "http/message.h"

struct mr_http_body {
	uint64_t left;  /* of the content, or of this chunk */
	uint64_t total; /* content octets given out */
	uint64_t limit_bytes;
	uint32_t extension_left, trailer_left;
	uint8_t state, refusal, digits;
};

/* What one call found. Data lies at bytes[data_at .. + data_bytes), trailer lines likewise: a
 * caller who wants to pass them on collects them and, when the body is DONE, reads them with a head
 * parser made ready by mr_http_head_trailers. */
struct mr_http_piece {
	size_t used_bytes;
	size_t data_at, data_bytes;
	size_t trailer_at, trailer_bytes;
};

/* mr_http_body_init makes ready for the content of message. Requires framing other than TUNNEL. */
MR_NONNULL void mr_http_body_init(struct mr_http_body *self, const struct mr_http_message *message,
				  const struct mr_http_limits *limits);

/* mr_http_body_feed goes on with bytes that were not used up before. On MORE with bytes left over,
 * call again behind piece->used_bytes. Data and trailers come in order, at most one of both per
 * call. */
MR_HOT MR_NONNULL MR_MUST_USE enum mr_http_verdict mr_http_body_feed(struct mr_http_body *self,
								     const uint8_t *bytes,
								     size_t byte_count,
								     struct mr_http_piece *piece);

/* mr_http_body_end tells what the end of the connection means: DONE or REFUSED (cut off). */
MR_NONNULL MR_MUST_USE enum mr_http_verdict mr_http_body_end(struct mr_http_body *self);

static inline bool
mr_http_body_is_done(const struct mr_http_body *self)
{
	return self->state == 0;
}

/* The encoder. A chunk is mr_http_chunk_open, its data (at least one octet), mr_http_chunk_close;
 * the body ends with mr_http_chunk_last, fields written with mr_http_put, and mr_http_put_end. */
enum { MR_HTTP_CHUNK_OPEN_BYTES = 18, MR_HTTP_CHUNK_CLOSE_BYTES = 2 };
MR_NONNULL void mr_http_chunk_open(struct mr_writer *out, uint64_t data_bytes);
MR_NONNULL void mr_http_chunk_close(struct mr_writer *out);
MR_NONNULL void mr_http_chunk_last(struct mr_writer *out);

#endif
