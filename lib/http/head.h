/* SPDX-License-Identifier: Apache-2.0
 *
 * http/head - a resumable parser of message heads (and trailer sections).
 *
 * Hand in all bytes of the head that have come so far, each time; the parser goes on where it
 * stopped.
 *
 *   START   -> METHOD            empty lines skipped     [head_start]
 *   METHOD  -> TARGET                                    [head_method]
 *   TARGET  -> VERSION                                   [head_target]
 *   VERSION -> LINE_LF           the request line is had [head_request_version]
 *   STATUS  -> REASON, LINE_LF   a response begins here  [head_status]
 *   REASON  -> LINE_LF                                   [head_reason]
 *   LINE_LF -> FIELD                                     [head_line_lf]
 *   FIELD   -> NAME              a field line            [head_field]
 *   NAME    -> OWS -> VALUE                              [head_name] [head_ows]
 *   VALUE   -> VALUE_LF -> FIELD                         [head_value] [head_value_lf]
 *   FIELD   -> END_LF -> DONE    the empty line          [head_end]
 *           and what it all means    [http_request_finish] [http_response_finish]
 *   any     -> REFUSED           the first fault         [head_refuse]
 *
 * (1) Every octet is scanned once; a call looks at fewer than 32 octets again, whatever was fed
 *     before.
 * (2) The outcome does not depend on how the bytes were split.
 * (3) DONE or REFUSED once is DONE or REFUSED for ever, until the parser is initialised again.
 *
 * Owner:  the connection. Thread: its worker. Memory: 24 bytes; nothing is kept of the bytes.
 * Spec:   RFC 9112 2 to 6.
 */
#ifndef MR_HTTP_HEAD_H
#define MR_HTTP_HEAD_H

#include "http/message.h"

struct mr_http_head {
	uint32_t at;   /* octets looked at */
	uint32_t mark; /* where the token, or the field line, begins */
	uint32_t name_end;
	uint32_t value_at;
	uint8_t state, kind, empty_lines, request_method;
};

/* mr_http_head_request, _response and _trailers make ready for the next message of a connection.
 * request_method is what the response answers: it decides whether there is content. */
void mr_http_head_request(struct mr_http_head *self);
void mr_http_head_response(struct mr_http_head *self, enum mr_http_method request_method);
void mr_http_head_trailers(struct mr_http_head *self);

/* mr_http_head_parse goes on with bytes[0 .. byte_count), which begin with the head's first octet
 * and are at least what the last call was given. On MR_HTTP_DONE message is filled and
 * message->head_bytes octets are the head; what follows is content or the next message. On
 * MR_HTTP_REFUSED message->refusal says why, and close is set. limits stay the same during a
 * head. */
MR_HOT MR_NONNULL MR_MUST_USE enum mr_http_verdict
mr_http_head_parse(struct mr_http_head *self, struct mr_http_message *message,
		   const struct mr_http_limits *limits, const uint8_t *bytes, size_t byte_count);

/* mr_http_head_begun tells whether anything but empty lines has come: a connection that closes
 * before that was idle, not cut off. */
bool mr_http_head_begun(const struct mr_http_head *self);

#endif
