/* SPDX-License-Identifier: Apache-2.0
 *
 * http - HTTP messages: bytes in, meaning out, bytes out again. No sockets, no clock, no
 * allocation.
 *
 * A request is a message and a stream of content, whatever carried it. This room reads and writes
 * the form that HTTP/1.1 gives them; another framing fills the same struct mr_http_message from its
 * own frames.
 *
 *   bytes - head -> message - path ----> route and cache key
 *     |                |- conditional, range, negotiate -> what to answer
 *     |                '- write -------> a head made afresh, to an origin or to a client
 *     '-- body -> content, trailers, and where the next message begins
 *
 * One connection of a server:
 *
 *   IDLE    -> HEAD     octets came                             [mr_http_head_request]
 *   HEAD    -> HEAD     MORE                                    [mr_http_head_parse]
 *   HEAD    -> REFUSE   REFUSED: answer mr_http_status_of, close
 *   HEAD    -> CONTENT  DONE, framing is not NO_BODY            [mr_http_body_init]
 *                       expect_continue: say 100 before the first octet is awaited
 *   CONTENT -> CONTENT  MORE                                    [mr_http_body_feed]
 *   CONTENT -> REFUSE   REFUSED: as above, unless an answer has begun: then close
 *   HEAD    -> IDLE     DONE, no content and not message.close: the next octet begins a head
 *   CONTENT -> IDLE     DONE and not message.close: likewise
 *   both    -> LAST     DONE and message.close: answer, then close
 *   any     -> end      the peer closed: mr_http_head_begun tells an idle connection from a
 *                       broken head, mr_http_body_end complete content from content cut off
 *
 * A client goes the same way with mr_http_head_response; after a 1xx other than 101 another head
 * follows.
 *
 * (1) What is ambiguous is refused, not guessed. RFC 9112's "may accept" is read as no: bare LF or
 *     CR, obs-fold, blanks before the colon, Content-Length twice or with Transfer-Encoding, a
 *     coding other than chunked. Every refusal closes the connection (RFC 9112 9.6, 11).
 * (2) A message that is passed on is written afresh from what was understood, never copied whole.
 * (3) Time is linear in the octets, however they drip in; every bound has a name in mr_http_limits
 *     or in the enum of message.h.
 *
 * Where the RFCs leave a choice:
 *   - TRACE and CONNECT are 405 unless allowed; an unknown method is METHOD_OTHER, for the site to
 *     judge.
 *   - The host is letters, digits, "-._~" or an IPv6 literal in brackets; user information is
 *     refused.
 *   - The target may hold what browsers send as it is (| ^ [ ] everywhere, ` { } \ in the query);
 *     every other octet outside RFC 3986 is 400, so is one from 0x80 on.
 *   - absolute-form overrides Host, which still must be valid (RFC 9112 3.2.2).
 *   - Expect in HTTP/1.0 is ignored; anything but 100-continue in HTTP/1.1 is 417.
 *   - HTTP/1.2 and above are read as HTTP/1.1, other major versions are 505.
 *
 * Owner:  the caller owns every object; nothing refers to another.
 * Thread: any, one at a time per object.
 * Memory: fields are offsets into the caller's bytes; nothing is copied or kept.
 * Spec:   RFC 9110, 9112, 9651, 3986; the parts name their sections.
 */
#ifndef MR_HTTP_HTTP_H
#define MR_HTTP_HTTP_H

#include "http/message.h"
#include "http/head.h"
#include "http/body.h"
#include "http/path.h"
#include "http/write.h"
#include "http/date.h"
#include "http/range.h"
#include "http/conditional.h"
#include "http/negotiate.h"
#include "http/sf.h"

#endif
