/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/name - names between presentation form and wire (RFC 1035 3.1, 5.1).
 */
#include <errno.h>
#include <stdio.h>

#include "text_int.h"

static bool
name_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

size_t
mr_text_escape(const char *text, size_t bytes, uint8_t *octet)
{
	unsigned value;

	if (bytes == 0)
		return 0;
	if (!name_is_digit(text[0])) {
		*octet = (uint8_t)text[0];
		return 1;
	}
	if (bytes < 3 || !name_is_digit(text[1]) || !name_is_digit(text[2]))
		return 0;
	value = (unsigned)(text[0] - '0') * 100 + (unsigned)(text[1] - '0') * 10 +
		(unsigned)(text[2] - '0');
	if (value > 255)
		return 0;
	*octet = (uint8_t)value;
	return 3;
}

int
mr_name_parse(const char *text, size_t bytes, const uint8_t *origin, size_t origin_bytes,
	      uint8_t wire[MR_ZONE_NAME_BYTES])
{
	size_t label = 0, out = 1; /* wire[label] is the length octet of the label being read */

	if (bytes == 1 && text[0] == '.') {
		wire[0] = 0;
		return 1;
	}
	for (size_t i = 0; i < bytes;) {
		uint8_t octet = (uint8_t)text[i++];

		if (octet == '.') {
			if (out == label + 1)
				return TEXT_NAME_EMPTY;
			wire[label] = (uint8_t)(out - label - 1);
			label = out++;
			if (label >= MR_ZONE_NAME_BYTES)
				return TEXT_NAME_LONG;
			continue;
		}
		if (octet == '\\') {
			size_t taken = mr_text_escape(text + i, bytes - i, &octet);

			if (taken == 0)
				return TEXT_NAME_ESCAPE;
			i += taken;
		}
		if (out - label > MR_ZONE_LABEL_BYTES)
			return TEXT_NAME_LABEL;
		if (out >= MR_ZONE_NAME_BYTES)
			return TEXT_NAME_LONG;
		wire[out++] = octet;
	}
	if (out == 1)
		return TEXT_NAME_EMPTY;
	if (out == label + 1) { /* the text ended in a dot: absolute */
		wire[label] = 0;
		return (int)out;
	}
	if (origin_bytes == 0)
		return TEXT_NAME_RELATIVE;
	wire[label] = (uint8_t)(out - label - 1);
	if (out + origin_bytes > MR_ZONE_NAME_BYTES)
		return TEXT_NAME_LONG;
	memcpy(wire + out, origin, origin_bytes);
	return (int)(out + origin_bytes);
}

const char *
mr_name_error_text(int error)
{
	switch ((enum text_name_error)error) {
	case TEXT_NAME_EMPTY:
		return "an empty label";
	case TEXT_NAME_LABEL:
		return "a label longer than 63 octets";
	case TEXT_NAME_LONG:
		return "longer than 255 octets";
	case TEXT_NAME_ESCAPE:
		return "a bad escape: it is \\DDD, 000 to 255, or \\X";
	case TEXT_NAME_RELATIVE:
		return "relative, and there is no origin";
	}
	return "not a name";
}

int
mr_zone_name_from_text(const char *text, uint8_t wire[MR_ZONE_NAME_BYTES])
{
	static const uint8_t root[1] = { 0 };
	int bytes = mr_name_parse(text, strlen(text), root, sizeof(root), wire);

	return bytes > 0 ? bytes : -EINVAL;
}

const char *
mr_zone_name_to_text(const uint8_t *wire, char out[MR_ZONE_NAME_TEXT_BYTES])
{
	size_t at = 0;
	unsigned wire_bytes = 1;

	/* 254 octets as \DDD are 1,016 characters: what is a name always has room. */
	for (; *wire && *wire <= MR_ZONE_LABEL_BYTES; wire += *wire + 1) {
		wire_bytes += *wire + 1u;
		if (wire_bytes > MR_ZONE_NAME_BYTES)
			break;
		for (unsigned i = 1; i <= *wire; i++) {
			uint8_t c = wire[i];

			if (c <= ' ' || c > '~')
				at += (size_t)snprintf(out + at, 5, "\\%03u", c);
			else {
				if (strchr(".;\"\\()@$", c))
					out[at++] = '\\';
				out[at++] = (char)c;
			}
		}
		out[at++] = '.';
	}
	if (at == 0)
		out[at++] = '.';
	out[at] = '\0';
	return out;
}
