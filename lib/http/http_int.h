/* SPDX-License-Identifier: Apache-2.0
 *
 * http/http_int - what the parts of lib/http share.
 *
 * Owner:  nobody: small steps on the caller's bytes, as all of http/http.h. Thread: any.
 * Memory: the caller's.
 */
#ifndef MR_HTTP_HTTP_INT_H
#define MR_HTTP_HTTP_INT_H

#include "http/http.h"
#include "scan.h"

static inline bool
http_is_digit(uint8_t c)
{
	return (uint8_t)(c - '0') < 10;
}

static inline bool
http_is_alpha(uint8_t c)
{
	return (uint8_t)((c | 0x20) - 'a') < 26;
}

/* The value of a hexadecimal digit, or 255. */
static inline uint8_t
http_hex_value(uint8_t c)
{
	if (http_is_digit(c))
		return (uint8_t)(c - '0');
	c |= 0x20;
	return (uint8_t)(c - 'a') < 6 ? (uint8_t)(c - 'a' + 10) : 255;
}

static inline bool
http_is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* http_is_token tells whether there is a token (RFC 9110 5.6.2): at least one tchar, nothing
 * else. */
static inline bool
http_is_token(const uint8_t *text, size_t bytes)
{
	return bytes > 0 && http_scan(&http_class_token, text, 0, (uint32_t)bytes) == bytes;
}

/* http_digits reads a decimal number of nothing but digits; false when it is none. Too large a one
 * becomes UINT64_MAX. */
bool http_digits(const uint8_t *text, size_t bytes, uint64_t *value);

/* The slot of a name in the table of fields: perfect for the names that are in it. */
unsigned http_name_slot(const uint8_t *name, size_t bytes);

/* What the fields of a complete head mean; each returns the first fault or MR_HTTP_REFUSED_NOT. */
enum mr_http_refusal http_request_finish(struct mr_http_message *message,
					 const struct mr_http_limits *limits, const uint8_t *bytes);
enum mr_http_refusal http_response_finish(struct mr_http_message *message,
					  const struct mr_http_limits *limits,
					  const uint8_t *bytes);

/* Shared by both directions (framing.c). */
enum mr_http_refusal http_connection(struct mr_http_message *message, const uint8_t *bytes);
enum mr_http_refusal http_coding(const struct mr_http_message *message, const uint8_t *bytes);
enum mr_http_refusal http_length(struct mr_http_message *message,
				 const struct mr_http_limits *limits, const uint8_t *bytes);
#endif
