/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy/proxy_protocol - the PROXY protocol, versions 1 and 2.
 */
#include "proxy/proxy_protocol.h"

#include <string.h>

static const uint8_t signature[12] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
				       0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a };

enum {
	V2_HEAD_BYTES = 16,
	V2_LOCAL = 0x20,
	V2_PROXY = 0x21,
	V2_UNSPEC = 0x00,
	V2_TCP4 = 0x11,
	V2_TCP6 = 0x21,
	V2_TCP4_BYTES = 12,
	V2_TCP6_BYTES = 36,
	TLV_CRC32C = 0x03,
	TLV_HEAD_BYTES = 3,
};

/* ---- version 1 ---- */

/* What is left of a line; the first fault stands. */
struct line {
	const char *at, *end;
	bool bad;
};

/* word_take copies the next word, which ends at a blank, or at the line's end when it is the last
 * one. */
static void
word_take(struct line *self, char *out, size_t room, bool last)
{
	const char *blank = memchr(self->at, ' ', (size_t)(self->end - self->at));
	const char *end = last ? self->end : blank;
	size_t bytes = end ? (size_t)(end - self->at) : 0;

	*out = 0;
	self->bad |=
		!end || (last && blank) || !bytes || bytes >= room || memchr(self->at, 0, bytes);
	if (self->bad)
		return;
	memcpy(out, self->at, bytes);
	out[bytes] = 0;
	self->at = last ? end : end + 1;
}

static void
addr_take(struct line *self, bool v4, struct mr_addr *out)
{
	char text[MR_ADDR_TEXT_BYTES];

	word_take(self, text, sizeof(text), false);
	/* ::ffff:192.0.2.1 is how we keep an IPv4 address, but no address of TCP6 on the wire */
	self->bad = self->bad || mr_addr_parse(text, out) || mr_addr_is_v4(out) != v4 ||
		    !strchr(text, ':') != v4;
}

static void
port_take(struct line *self, bool last, uint16_t *out)
{
	char text[6];
	uint32_t value = 0;

	word_take(self, text, sizeof(text), last);
	if (self->bad)
		return;
	self->bad = text[0] == '0' && text[1];
	for (const char *c = text; *c && !self->bad; c++) {
		self->bad = *c < '0' || *c > '9';
		value = value * 10 + (uint32_t)(*c - '0');
	}
	self->bad |= value > UINT16_MAX;
	*out = (uint16_t)value;
}

static enum mr_proxy_header_verdict
v1_read(const uint8_t *bytes, size_t byte_count, struct mr_proxy_header *out)
{
	size_t room = MR_MIN(byte_count, (size_t)MR_PROXY_HEADER_V1_BYTES);
	const uint8_t *feed = memchr(bytes, '\n', room);
	struct line line = { .at = (const char *)bytes + 6 };
	bool v4;

	if (!feed)
		return room == MR_PROXY_HEADER_V1_BYTES ? MR_PROXY_HEADER_REFUSED
							: MR_PROXY_HEADER_MORE;
	line.end = (const char *)feed - 1;
	*out = (struct mr_proxy_header){ .byte_count = (uint32_t)(feed + 1 - bytes) };
	if (out->byte_count < 8 || feed[-1] != '\r' ||
	    memchr(bytes, '\r', (size_t)(feed - 1 - bytes)))
		return MR_PROXY_HEADER_REFUSED;
	out->local = line.end - line.at >= 7 && !memcmp(line.at, "UNKNOWN", 7) &&
		     (line.end - line.at == 7 || line.at[7] == ' ');
	if (out->local) /* what else it says is to be ignored */
		return MR_PROXY_HEADER_DONE;
	if (line.end - line.at < 5 || memcmp(line.at, "TCP", 3) || line.at[4] != ' ' ||
	    (line.at[3] != '4' && line.at[3] != '6'))
		return MR_PROXY_HEADER_REFUSED;
	v4 = line.at[3] == '4';
	line.at += 5;
	addr_take(&line, v4, &out->source);
	addr_take(&line, v4, &out->destination);
	port_take(&line, false, &out->source_port);
	port_take(&line, true, &out->destination_port);
	return line.bad ? MR_PROXY_HEADER_REFUSED : MR_PROXY_HEADER_DONE;
}

/* ---- version 2 ---- */

/* crc32c of bytes, those of [zero_at .. zero_at + 4) taken for zeros. */
static uint32_t
crc32c(const uint8_t *bytes, size_t count, size_t zero_at)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < count; i++) {
		crc ^= i >= zero_at && i < zero_at + 4 ? 0 : bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

/* tlvs_good walks from at to the end of the header. */
static bool
tlvs_good(const uint8_t *bytes, size_t at, size_t end)
{
	while (at < end) {
		size_t value_bytes;

		if (end - at < TLV_HEAD_BYTES)
			return false;
		value_bytes = mr_load_be16(bytes + at + 1);
		if (end - at - TLV_HEAD_BYTES < value_bytes)
			return false;
		if (bytes[at] == TLV_CRC32C &&
		    (value_bytes != 4 || mr_load_be32(bytes + at + TLV_HEAD_BYTES) !=
						 crc32c(bytes, end, at + TLV_HEAD_BYTES)))
			return false;
		at += TLV_HEAD_BYTES + value_bytes;
	}
	return true;
}

static enum mr_proxy_header_verdict
v2_read(const uint8_t *bytes, size_t byte_count, struct mr_proxy_header *out)
{
	uint8_t command, family;
	size_t end, addresses = 0;

	if (byte_count < V2_HEAD_BYTES)
		return MR_PROXY_HEADER_MORE;
	command = bytes[12];
	family = bytes[13];
	end = V2_HEAD_BYTES + (size_t)mr_load_be16(bytes + 14);
	if ((command != V2_LOCAL && command != V2_PROXY) || end > MR_PROXY_HEADER_BYTES)
		return MR_PROXY_HEADER_REFUSED;
	*out = (struct mr_proxy_header){ .local = command == V2_LOCAL || family == V2_UNSPEC,
					 .byte_count = (uint32_t)end };
	if (!out->local) {
		addresses = family == V2_TCP4 ? V2_TCP4_BYTES : V2_TCP6_BYTES;
		if ((family != V2_TCP4 && family != V2_TCP6) || end < V2_HEAD_BYTES + addresses)
			return MR_PROXY_HEADER_REFUSED;
	}
	if (byte_count < end)
		return MR_PROXY_HEADER_MORE;
	if (out->local) /* its address block, if any, is to be skipped */
		return MR_PROXY_HEADER_DONE;
	bytes += V2_HEAD_BYTES;
	if (family == V2_TCP4) {
		out->source = mr_addr_from_v4(bytes);
		out->destination = mr_addr_from_v4(bytes + 4);
	} else {
		out->source = mr_addr_from_v6(bytes);
		out->destination = mr_addr_from_v6(bytes + 16);
		if (mr_addr_is_v4(&out->source) || mr_addr_is_v4(&out->destination))
			return MR_PROXY_HEADER_REFUSED;
	}
	out->source_port = mr_load_be16(bytes + addresses - 4);
	out->destination_port = mr_load_be16(bytes + addresses - 2);
	return tlvs_good(bytes - V2_HEAD_BYTES, V2_HEAD_BYTES + addresses, end)
		       ? MR_PROXY_HEADER_DONE
		       : MR_PROXY_HEADER_REFUSED;
}

enum mr_proxy_header_verdict
mr_proxy_header_read(const uint8_t *bytes, size_t byte_count, struct mr_proxy_header *out)
{
	size_t v1 = MR_MIN(byte_count, (size_t)6), v2 = MR_MIN(byte_count, sizeof(signature));

	if (!byte_count)
		return MR_PROXY_HEADER_MORE;
	if (!memcmp(bytes, "PROXY ", v1))
		return v1 == 6 ? v1_read(bytes, byte_count, out) : MR_PROXY_HEADER_MORE;
	if (memcmp(bytes, signature, v2))
		return MR_PROXY_HEADER_REFUSED;
	return v2 == sizeof(signature) ? v2_read(bytes, byte_count, out) : MR_PROXY_HEADER_MORE;
}

/* ---- writing ---- */

static bool
nobody(const struct mr_proxy_header *header)
{
	return header->local ||
	       mr_addr_is_v4(&header->source) != mr_addr_is_v4(&header->destination);
}

static void
number_put(struct mr_writer *out, uint16_t value)
{
	uint8_t digits[5];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (uint8_t)('0' + value % 10);
		value /= 10;
	} while (value);
	mr_writer_bytes(out, digits + at, sizeof(digits) - at);
}

void
mr_proxy_header_write_v1(struct mr_writer *out, const struct mr_proxy_header *header)
{
	char text[MR_ADDR_TEXT_BYTES];

	if (nobody(header)) {
		mr_writer_bytes(out, "PROXY UNKNOWN\r\n", 15);
		return;
	}
	mr_writer_bytes(out, mr_addr_is_v4(&header->source) ? "PROXY TCP4 " : "PROXY TCP6 ", 11);
	mr_addr_format(&header->source, text);
	mr_writer_bytes(out, text, strlen(text));
	mr_writer_u8(out, ' ');
	mr_addr_format(&header->destination, text);
	mr_writer_bytes(out, text, strlen(text));
	mr_writer_u8(out, ' ');
	number_put(out, header->source_port);
	mr_writer_u8(out, ' ');
	number_put(out, header->destination_port);
	mr_writer_bytes(out, "\r\n", 2);
}

void
mr_proxy_header_write_v2(struct mr_writer *out, const struct mr_proxy_header *header)
{
	bool local = nobody(header), v4 = mr_addr_is_v4(&header->source);
	size_t skip = v4 ? 12 : 0;

	mr_writer_bytes(out, signature, sizeof(signature));
	mr_writer_u8(out, local ? V2_LOCAL : V2_PROXY);
	mr_writer_u8(out, local ? V2_UNSPEC : v4 ? V2_TCP4 : V2_TCP6);
	mr_writer_be16(out, local ? 0 : v4 ? V2_TCP4_BYTES : V2_TCP6_BYTES);
	if (local)
		return;
	mr_writer_bytes(out, header->source.bytes + skip, 16 - skip);
	mr_writer_bytes(out, header->destination.bytes + skip, 16 - skip);
	mr_writer_be16(out, header->source_port);
	mr_writer_be16(out, header->destination_port);
}
