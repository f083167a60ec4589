/* SPDX-License-Identifier: Apache-2.0
 *
 * http/range - see range.h.
 */
#include "http_int.h"

/* One range-spec: "first-last", "first-" or "-suffix" (14.1.1). Returns 1 when it covers something,
 * 0 when it is valid and covers nothing, -1 when it is malformed. */
static int
range_spec(const uint8_t *text, size_t bytes, uint64_t length, struct mr_http_range *range)
{
	const uint8_t *dash = memchr(text, '-', bytes);
	size_t head = dash ? (size_t)(dash - text) : 0, tail = dash ? bytes - head - 1 : 0;
	uint64_t first = 0, last = UINT64_MAX;

	if (!dash || (head == 0 && tail == 0) || (head > 0 && !http_digits(text, head, &first)) ||
	    (tail > 0 && !http_digits(dash + 1, tail, &last)))
		return -1;
	if (head == 0) { /* the last so many octets */
		if (last == 0 || length == 0)
			return 0;
		*range = (struct mr_http_range){ length - MR_MIN(last, length), length - 1 };
		return 1;
	}
	if (first > last)
		return -1;
	if (first >= length)
		return 0;
	*range = (struct mr_http_range){ first, MR_MIN(last, length - 1) };
	return 1;
}

enum mr_http_range_verdict
mr_http_range(const uint8_t *value, size_t bytes, uint64_t length,
	      struct mr_http_range ranges[MR_HTTP_RANGES_MAX], unsigned *count)
{
	struct mr_http_list list;
	const uint8_t *spec;
	size_t spec_bytes;
	unsigned specs = 0, overlaps = 0;

	*count = 0;
	if (bytes < 6 || !mr_http_same(value, 6, "bytes="))
		return MR_HTTP_RANGE_WHOLE;
	list = mr_http_list_over(value + 6, bytes - 6);
	while (mr_http_list_next(&list, &spec, &spec_bytes)) {
		struct mr_http_range range;
		int covers = range_spec(spec, spec_bytes, length, &range);

		if (covers < 0 || ++specs > MR_HTTP_RANGES_MAX) {
			*count = 0;
			return MR_HTTP_RANGE_WHOLE;
		}
		if (covers == 0)
			continue;
		for (unsigned i = 0; i < *count; i++)
			if (range.first <= ranges[i].last && ranges[i].first <= range.last &&
			    ++overlaps > MR_HTTP_RANGE_OVERLAPS_MAX) {
				*count = 0;
				return MR_HTTP_RANGE_WHOLE;
			}
		ranges[(*count)++] = range;
	}
	if (specs == 0)
		return MR_HTTP_RANGE_WHOLE;
	return *count ? MR_HTTP_RANGE_PARTS : MR_HTTP_RANGE_BEYOND;
}

bool
mr_http_content_range(const uint8_t *value, size_t bytes, struct mr_http_range *range,
		      uint64_t *length)
{
	const uint8_t *dash, *slash, *end = value + bytes;

	if (bytes < 6 || !mr_http_same(value, 6, "bytes "))
		return false;
	value += 6;
	dash = memchr(value, '-', (size_t)(end - value));
	slash = dash ? memchr(dash, '/', (size_t)(end - dash)) : NULL;
	if (!slash || !http_digits(value, (size_t)(dash - value), &range->first) ||
	    !http_digits(dash + 1, (size_t)(slash - dash - 1), &range->last) ||
	    range->first > range->last || range->last == UINT64_MAX)
		return false;
	*length = UINT64_MAX;
	if (end - slash == 2 && slash[1] == '*')
		return true;
	return http_digits(slash + 1, (size_t)(end - slash - 1), length) && range->last < *length;
}

static void
range_number(struct mr_writer *out, uint64_t value)
{
	uint8_t digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (uint8_t)('0' + value % 10);
	while (value /= 10);
	mr_writer_bytes(out, digits + at, sizeof(digits) - at);
}

void
mr_http_put_content_range(struct mr_writer *out, const struct mr_http_range *range, uint64_t length)
{
	mr_writer_bytes(out, "content-range: bytes ", 21);
	if (range) {
		range_number(out, range->first);
		mr_writer_u8(out, '-');
		range_number(out, range->last);
	} else
		mr_writer_u8(out, '*');
	mr_writer_u8(out, '/');
	range_number(out, length);
	mr_http_put_end(out);
}
