/* SPDX-License-Identifier: Apache-2.0
 *
 * http/path - the one canonical form of a path, which decides both the route and the cache key.
 *
 * - Escapes of unreserved octets (letters, digits, -._~) are decoded, once; all others stay
 *   escapes, with upper-case digits: %2F is not a slash, %25 does not begin another escape.
 * - Dot segments are removed afterwards, so %2e%2e is one too; above the root they vanish (RFC 3986
 *   5.2.4).
 * - Empty segments stay: "/a//b" is not "/a/b".
 * - [ ] | ^, which browsers send as they are, become escapes.
 * - A malformed escape, %00, control octets, octets from 0x80 on and " < > \ ` { } # ? are refused.
 * - The result begins with "/"; an empty path is "/". What is canonical stays as it is.
 *
 * The query belongs to the resource and is never rewritten: it may hold any target octet.
 *
 * Owner: nobody. Thread: any. Memory: writes out[0 .. room_bytes). Spec: RFC 3986 5.2.4, 6.2.2.
 */
#ifndef MR_HTTP_PATH_H
#define MR_HTTP_PATH_H

#include "base/base.h"

/* The most that a canonical path of that many bytes can take. */
#define MR_HTTP_PATH_ROOM(bytes) (3 * (size_t)(bytes) + 1)

/* mr_http_path writes the canonical form and returns its length; 0 when the path is refused or
 * room_bytes are too few. out may not overlap path. */
MR_NONNULL MR_MUST_USE size_t mr_http_path(const uint8_t *path, size_t bytes, uint8_t *out,
					   size_t room_bytes);

/* mr_http_path_check tells whether a path has a canonical form. Requests are refused (400) that
 * have none, so mr_http_path cannot fail on the path of a parsed message, given room. */
MR_NONNULL MR_MUST_USE bool mr_http_path_check(const uint8_t *path, size_t bytes);

#endif
