/* SPDX-License-Identifier: Apache-2.0
 *
 * http/date - HTTP-date as text and as seconds of the UNIX epoch, without locale, zone or clock.
 *
 * Owner: nobody. Thread: any; formatting belongs off the hot path: once a second for Date, once per
 * object for Last-Modified. Memory: none. Spec: RFC 9110 5.6.7.
 */
#ifndef MR_HTTP_DATE_H
#define MR_HTTP_DATE_H

#include "http/message.h"

/* Years 0000 to 9999 can be written. */
#define MR_HTTP_DATE_MIN_S (-62167219200ll)
#define MR_HTTP_DATE_MAX_S 253402300799ll

/* mr_http_date_parse reads IMF-fixdate, RFC 850 and asctime forms, strictly. A year of two digits
 * that would lie more than 50 years ahead of now_s means the century before. False when it is no
 * date. */
MR_NONNULL MR_MUST_USE bool mr_http_date_parse(const uint8_t *text, size_t bytes, int64_t now_s,
					       int64_t *seconds);

/* mr_http_date_format writes IMF-fixdate, without NUL; seconds out of range are brought into it. */
MR_NONNULL void mr_http_date_format(int64_t seconds, char out[MR_HTTP_DATE_BYTES]);

#endif
