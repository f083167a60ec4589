/* SPDX-License-Identifier: Apache-2.0
 *
 * http/fields - the field names, methods, status codes and refusals that the box knows: one row
 * each.
 *
 * A name's slot is http_name_slot(name) (table.c): a perfect hash, so that one compare decides. To
 * add a field: add its row with any free slot, run test http_table, write the slot that it prints.
 * If two names want one slot, the two multipliers in table.c have to be drawn again.
 *
 * Owner:  nobody: tables of constants. Thread: any. Memory: none.
 * Spec:   RFC 9110 (semantics), the IANA field name registry.
 */
#ifndef MR_HTTP_FIELDS_H
#define MR_HTTP_FIELDS_H

enum {
	FIELD_HOP = 1,         /* hop-by-hop: never forwarded (RFC 9110 7.6.1) */
	FIELD_ONE_Q = 2,       /* a request that has it twice is refused */
	FIELD_ONE_S = 4,       /* a response that has it twice is refused */
	FIELD_PINNED = 8,      /* Connection may not name it: 400 */
	FIELD_NO_TRAILER = 16, /* dropped when it comes in a trailer section (RFC 9110 6.5.1) */
};

/* clang-format off */
/* X(id, name, slot, flags) */
#define HTTP_FIELDS(X) \
	X(HOST, "host", 100, FIELD_ONE_Q | FIELD_PINNED | FIELD_NO_TRAILER) \
	X(CONTENT_LENGTH, "content-length", 167, FIELD_ONE_Q | FIELD_ONE_S | FIELD_PINNED | FIELD_NO_TRAILER) \
	X(TRANSFER_ENCODING, "transfer-encoding", 270, FIELD_HOP | FIELD_NO_TRAILER) \
	X(CONNECTION, "connection", 46, FIELD_HOP | FIELD_NO_TRAILER) \
	X(KEEP_ALIVE, "keep-alive", 29, FIELD_HOP | FIELD_NO_TRAILER) \
	X(PROXY_CONNECTION, "proxy-connection", 70, FIELD_HOP | FIELD_NO_TRAILER) \
	X(TE, "te", 148, FIELD_HOP | FIELD_NO_TRAILER) \
	X(TRAILER, "trailer", 41, FIELD_NO_TRAILER) \
	X(UPGRADE, "upgrade", 49, FIELD_HOP | FIELD_NO_TRAILER) \
	X(HTTP2_SETTINGS, "http2-settings", 319, FIELD_HOP | FIELD_NO_TRAILER) \
	X(EXPECT, "expect", 443, FIELD_NO_TRAILER) \
	X(PROXY_AUTHENTICATE, "proxy-authenticate", 375, FIELD_HOP | FIELD_NO_TRAILER) \
	X(PROXY_AUTHORIZATION, "proxy-authorization", 312, FIELD_HOP | FIELD_ONE_Q | FIELD_NO_TRAILER) \
	X(VIA, "via", 317, FIELD_NO_TRAILER) \
	X(FORWARDED, "forwarded", 439, FIELD_NO_TRAILER) \
	X(X_FORWARDED_FOR, "x-forwarded-for", 169, FIELD_NO_TRAILER) \
	X(X_FORWARDED_HOST, "x-forwarded-host", 223, FIELD_NO_TRAILER) \
	X(X_FORWARDED_PROTO, "x-forwarded-proto", 345, FIELD_NO_TRAILER) \
	X(X_FORWARDED_PORT, "x-forwarded-port", 355, FIELD_NO_TRAILER) \
	X(X_REAL_IP, "x-real-ip", 229, FIELD_NO_TRAILER) \
	X(X_REQUEST_ID, "x-request-id", 14, 0) \
	X(ACCEPT, "accept", 181, FIELD_NO_TRAILER) \
	X(ACCEPT_CHARSET, "accept-charset", 96, FIELD_NO_TRAILER) \
	X(ACCEPT_ENCODING, "accept-encoding", 8, FIELD_NO_TRAILER) \
	X(ACCEPT_LANGUAGE, "accept-language", 332, FIELD_NO_TRAILER) \
	X(ACCEPT_RANGES, "accept-ranges", 234, 0) \
	X(ACCESS_CONTROL_ALLOW_CREDENTIALS, "access-control-allow-credentials", 140, 0) \
	X(ACCESS_CONTROL_ALLOW_HEADERS, "access-control-allow-headers", 352, 0) \
	X(ACCESS_CONTROL_ALLOW_METHODS, "access-control-allow-methods", 235, 0) \
	X(ACCESS_CONTROL_ALLOW_ORIGIN, "access-control-allow-origin", 379, 0) \
	X(ACCESS_CONTROL_EXPOSE_HEADERS, "access-control-expose-headers", 37, 0) \
	X(ACCESS_CONTROL_MAX_AGE, "access-control-max-age", 227, 0) \
	X(ACCESS_CONTROL_REQUEST_HEADERS, "access-control-request-headers", 506, FIELD_NO_TRAILER) \
	X(ACCESS_CONTROL_REQUEST_METHOD, "access-control-request-method", 64, FIELD_NO_TRAILER) \
	X(AGE, "age", 17, FIELD_NO_TRAILER) \
	X(ALLOW, "allow", 350, 0) \
	X(ALT_SVC, "alt-svc", 274, 0) \
	X(AUTHORIZATION, "authorization", 444, FIELD_ONE_Q | FIELD_NO_TRAILER) \
	X(CACHE_CONTROL, "cache-control", 370, FIELD_NO_TRAILER) \
	X(CACHE_STATUS, "cache-status", 403, 0) \
	X(CDN_CACHE_CONTROL, "cdn-cache-control", 185, FIELD_NO_TRAILER) \
	X(CONTENT_DIGEST, "content-digest", 480, 0) \
	X(CONTENT_DISPOSITION, "content-disposition", 314, FIELD_NO_TRAILER) \
	X(CONTENT_ENCODING, "content-encoding", 321, FIELD_NO_TRAILER) \
	X(CONTENT_LANGUAGE, "content-language", 261, 0) \
	X(CONTENT_LOCATION, "content-location", 158, FIELD_NO_TRAILER) \
	X(CONTENT_RANGE, "content-range", 335, FIELD_ONE_Q | FIELD_ONE_S | FIELD_NO_TRAILER) \
	X(CONTENT_SECURITY_POLICY, "content-security-policy", 189, FIELD_NO_TRAILER) \
	X(CONTENT_TYPE, "content-type", 38, FIELD_ONE_Q | FIELD_NO_TRAILER) \
	X(COOKIE, "cookie", 128, FIELD_NO_TRAILER) \
	X(DATE, "date", 366, FIELD_NO_TRAILER) \
	X(DNT, "dnt", 86, FIELD_NO_TRAILER) \
	X(EARLY_DATA, "early-data", 150, FIELD_NO_TRAILER) \
	X(ETAG, "etag", 268, 0) \
	X(EXPIRES, "expires", 113, FIELD_NO_TRAILER) \
	X(FROM, "from", 308, FIELD_NO_TRAILER) \
	X(IF_MATCH, "if-match", 109, FIELD_NO_TRAILER) \
	X(IF_MODIFIED_SINCE, "if-modified-since", 296, FIELD_ONE_Q | FIELD_NO_TRAILER) \
	X(IF_NONE_MATCH, "if-none-match", 367, FIELD_NO_TRAILER) \
	X(IF_RANGE, "if-range", 91, FIELD_ONE_Q | FIELD_NO_TRAILER) \
	X(IF_UNMODIFIED_SINCE, "if-unmodified-since", 301, FIELD_ONE_Q | FIELD_NO_TRAILER) \
	X(LAST_MODIFIED, "last-modified", 289, 0) \
	X(LINK, "link", 71, 0) \
	X(LOCATION, "location", 395, FIELD_ONE_S | FIELD_NO_TRAILER) \
	X(MAX_FORWARDS, "max-forwards", 26, FIELD_ONE_Q | FIELD_NO_TRAILER) \
	X(ORIGIN, "origin", 114, FIELD_NO_TRAILER) \
	X(PRAGMA, "pragma", 124, FIELD_NO_TRAILER) \
	X(PRIORITY, "priority", 294, FIELD_NO_TRAILER) \
	X(RANGE, "range", 290, FIELD_ONE_Q | FIELD_NO_TRAILER) \
	X(REFERER, "referer", 322, FIELD_NO_TRAILER) \
	X(REPR_DIGEST, "repr-digest", 190, 0) \
	X(RETRY_AFTER, "retry-after", 43, FIELD_NO_TRAILER) \
	X(SEC_CH_UA, "sec-ch-ua", 411, FIELD_NO_TRAILER) \
	X(SEC_CH_UA_MOBILE, "sec-ch-ua-mobile", 383, FIELD_NO_TRAILER) \
	X(SEC_CH_UA_PLATFORM, "sec-ch-ua-platform", 405, FIELD_NO_TRAILER) \
	X(SEC_FETCH_DEST, "sec-fetch-dest", 473, FIELD_NO_TRAILER) \
	X(SEC_FETCH_MODE, "sec-fetch-mode", 392, FIELD_NO_TRAILER) \
	X(SEC_FETCH_SITE, "sec-fetch-site", 248, FIELD_NO_TRAILER) \
	X(SEC_FETCH_USER, "sec-fetch-user", 351, FIELD_NO_TRAILER) \
	X(SEC_GPC, "sec-gpc", 228, FIELD_NO_TRAILER) \
	X(SEC_WEBSOCKET_ACCEPT, "sec-websocket-accept", 390, FIELD_NO_TRAILER) \
	X(SEC_WEBSOCKET_EXTENSIONS, "sec-websocket-extensions", 192, FIELD_NO_TRAILER) \
	X(SEC_WEBSOCKET_KEY, "sec-websocket-key", 291, FIELD_NO_TRAILER) \
	X(SEC_WEBSOCKET_PROTOCOL, "sec-websocket-protocol", 245, FIELD_NO_TRAILER) \
	X(SEC_WEBSOCKET_VERSION, "sec-websocket-version", 380, FIELD_NO_TRAILER) \
	X(SERVER, "server", 184, 0) \
	X(SERVER_TIMING, "server-timing", 205, 0) \
	X(SET_COOKIE, "set-cookie", 111, FIELD_NO_TRAILER) \
	X(STRICT_TRANSPORT_SECURITY, "strict-transport-security", 360, FIELD_NO_TRAILER) \
	X(SURROGATE_CONTROL, "surrogate-control", 454, FIELD_NO_TRAILER) \
	X(SURROGATE_KEY, "surrogate-key", 103, FIELD_NO_TRAILER) \
	X(TRACEPARENT, "traceparent", 438, FIELD_NO_TRAILER) \
	X(UPGRADE_INSECURE_REQUESTS, "upgrade-insecure-requests", 137, FIELD_NO_TRAILER) \
	X(USER_AGENT, "user-agent", 141, FIELD_NO_TRAILER) \
	X(VARY, "vary", 418, FIELD_NO_TRAILER) \
	X(WARNING, "warning", 324, 0) \
	X(WWW_AUTHENTICATE, "www-authenticate", 334, FIELD_NO_TRAILER) \
	X(X_CONTENT_TYPE_OPTIONS, "x-content-type-options", 337, FIELD_NO_TRAILER) \
	X(X_FRAME_OPTIONS, "x-frame-options", 30, FIELD_NO_TRAILER)

/* X(id, text, flags: safe, idempotent) - RFC 9110 9.3, RFC 5789 */
#define HTTP_METHODS(X) \
	X(GET, "GET", true, true) \
	X(HEAD, "HEAD", true, true) \
	X(POST, "POST", false, false) \
	X(PUT, "PUT", false, true) \
	X(DELETE, "DELETE", false, true) \
	X(CONNECT, "CONNECT", false, false) \
	X(OPTIONS, "OPTIONS", true, true) \
	X(TRACE, "TRACE", true, true) \
	X(PATCH, "PATCH", false, false)

/* X(code, reason) - RFC 9110 15 and the IANA registry */
#define HTTP_STATUSES(X) \
	X(100, "Continue") \
	X(101, "Switching Protocols") \
	X(103, "Early Hints") \
	X(200, "OK") \
	X(201, "Created") \
	X(202, "Accepted") \
	X(203, "Non-Authoritative Information") \
	X(204, "No Content") \
	X(205, "Reset Content") \
	X(206, "Partial Content") \
	X(300, "Multiple Choices") \
	X(301, "Moved Permanently") \
	X(302, "Found") \
	X(303, "See Other") \
	X(304, "Not Modified") \
	X(307, "Temporary Redirect") \
	X(308, "Permanent Redirect") \
	X(400, "Bad Request") \
	X(401, "Unauthorized") \
	X(403, "Forbidden") \
	X(404, "Not Found") \
	X(405, "Method Not Allowed") \
	X(406, "Not Acceptable") \
	X(408, "Request Timeout") \
	X(409, "Conflict") \
	X(410, "Gone") \
	X(411, "Length Required") \
	X(412, "Precondition Failed") \
	X(413, "Content Too Large") \
	X(414, "URI Too Long") \
	X(415, "Unsupported Media Type") \
	X(416, "Range Not Satisfiable") \
	X(417, "Expectation Failed") \
	X(421, "Misdirected Request") \
	X(422, "Unprocessable Content") \
	X(425, "Too Early") \
	X(426, "Upgrade Required") \
	X(428, "Precondition Required") \
	X(429, "Too Many Requests") \
	X(431, "Request Header Fields Too Large") \
	X(451, "Unavailable For Legal Reasons") \
	X(500, "Internal Server Error") \
	X(501, "Not Implemented") \
	X(502, "Bad Gateway") \
	X(503, "Service Unavailable") \
	X(504, "Gateway Timeout") \
	X(505, "HTTP Version Not Supported") \
	X(511, "Network Authentication Required")

/* Why a message is refused. X(id, status, help): the status is what a client is told of its
 * request; a response from an origin that is refused is always a 502 to the client. */
#define HTTP_REFUSALS(X) \
	X(START_LINE, 400, "The start line is malformed") \
	X(METHOD_LONG, 501, "The method is longer than any known") \
	X(METHOD_POLICY, 405, "TRACE or CONNECT, which policy refuses") \
	X(TARGET_LONG, 414, "The request target is too long") \
	X(TARGET, 400, "The request target is malformed or does not fit its method") \
	X(TARGET_ESCAPE, 400, "A malformed percent escape, or an escaped NUL, in the path") \
	X(VERSION, 505, "Not HTTP/1.x") \
	X(LINE_END, 400, "A bare CR or a bare LF") \
	X(OCTET, 400, "NUL or another control octet in a field value") \
	X(FIELD_NAME, 400, "A field name is malformed, or white space stands before the colon") \
	X(FOLDED, 400, "A field line begins with white space (obs-fold)") \
	X(FIELD_LONG, 431, "A field line, or a name, is too long") \
	X(FIELD_COUNT, 431, "Too many fields") \
	X(HEAD_LONG, 431, "The head is too long") \
	X(FIELD_TWICE, 400, "A field that may stand once came twice") \
	X(HOST_MISSING, 400, "No Host in HTTP/1.1") \
	X(HOST, 400, "The authority is malformed") \
	X(CONNECTION, 400, "Connection is malformed or names a field that it may not") \
	X(LENGTH, 400, "Content-Length is not a plain decimal number, or may not be here") \
	X(LENGTH_LARGE, 413, "Content-Length is over the limit") \
	X(LENGTH_AND_CODING, 400, "Content-Length and Transfer-Encoding together") \
	X(CODING, 400, "Transfer-Encoding is malformed, or chunked is not its last") \
	X(CODING_UNKNOWN, 501, "A transfer coding that is not implemented") \
	X(CODING_VERSION, 400, "Transfer-Encoding in HTTP/1.0") \
	X(EXPECT, 417, "An expectation that is not 100-continue") \
	X(STATUS, 400, "The status code is not in 100..599") \
	X(CHUNK_SIZE, 400, "A chunk size is malformed or too large") \
	X(CHUNK_EXTENSION, 400, "A chunk extension is malformed or too long") \
	X(CHUNK_END, 400, "A chunk does not end where its size says") \
	X(BODY_LARGE, 413, "The content is over the limit") \
	X(TRAILER, 400, "The trailer section is malformed") \
	X(TRAILER_LONG, 431, "The trailer section is too long") \
	X(CUT_OFF, 400, "The connection closed inside the message")
/* clang-format on */

#endif
