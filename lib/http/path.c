/* SPDX-License-Identifier: Apache-2.0
 *
 * http/path - see path.h.
 */
#include "http_int.h"

static bool
path_is_unreserved(uint8_t c)
{
	return http_is_alpha(c) || http_is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

/* path_octet reads the next octet, escaped or not; *escaped tells how it is to be written. Returns
 * how many bytes it took, 0 when it is refused. */
static size_t
path_octet(const uint8_t *path, size_t left, uint8_t *octet, bool *escaped)
{
	uint8_t c = path[0], high, low;

	*octet = c;
	*escaped = c == '[' || c == ']' || c == '|' || c == '^';
	if (mr_likely(http_class_has(&http_class_plain, c)))
		return 1;
	if (c != '%')
		return *escaped;
	if (left < 3)
		return 0;
	high = http_hex_value(path[1]);
	low = http_hex_value(path[2]);
	if (high > 15 || low > 15 || (high | low) == 0)
		return 0;
	*octet = (uint8_t)(high << 4 | low);
	*escaped = !path_is_unreserved(*octet);
	return 3;
}

bool
mr_http_path_check(const uint8_t *path, size_t bytes)
{
	uint8_t octet;
	bool escaped;

	for (size_t at = 0, taken; at < bytes; at += taken) {
		taken = path_octet(path + at, bytes - at, &octet, &escaped);
		if (taken == 0)
			return false;
	}
	return true;
}

/* path_close ends the segment out[from .. length): dot segments go, and a closing ".." takes the
 * segment before it along. Returns the new length; what remains always ends in a slash or in a
 * segment. */
static size_t
path_close(const uint8_t *out, size_t from, size_t length)
{
	if (length - from == 1 && out[from] == '.')
		return from;
	if (length - from != 2 || out[from] != '.' || out[from + 1] != '.')
		return length;
	if (from == 1)
		return from;
	for (from--; out[from - 1] != '/'; from--) /* out[0] is a slash */
		;
	return from;
}

size_t
mr_http_path(const uint8_t *path, size_t bytes, uint8_t *out, size_t room_bytes)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t length = 1, from = 1, at = bytes > 0 && path[0] == '/', taken;
	uint8_t octet;
	bool escaped;

	if (room_bytes < 1)
		return 0;
	out[0] = '/';
	for (; at < bytes; at += taken) {
		taken = path_octet(path + at, bytes - at, &octet, &escaped);
		if (taken == 0 || room_bytes - length < 3)
			return 0;
		if (escaped) {
			out[length++] = '%';
			out[length++] = (uint8_t)digits[octet >> 4];
			out[length++] = (uint8_t)digits[octet & 15];
		} else if (octet == '/') {
			size_t closed = path_close(out, from, length);

			if (closed == length) /* an ordinary segment: its slash follows */
				out[length++] = '/';
			else
				length = closed;
			from = length;
		} else
			out[length++] = octet;
	}
	return path_close(out, from, length);
}
