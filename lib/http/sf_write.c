/* SPDX-License-Identifier: Apache-2.0
 *
 * http/sf_write - nodes to text: RFC 9651 4.1.
 */
#include "http_int.h"

static void
sf_write_text(struct mr_writer *out, const char *text)
{
	mr_writer_bytes(out, text, strlen(text));
}

/* 4.1.4: at most 15 digits. */
static void
sf_write_integer(struct mr_writer *out, int64_t value)
{
	uint8_t digits[16];
	size_t at = sizeof(digits);
	int64_t left = value < 0 ? -(value + 1) : value; /* INT64_MIN has no opposite */

	if (value > MR_HTTP_SF_INTEGER_MAX || value < -MR_HTTP_SF_INTEGER_MAX) {
		out->failed = true;
		return;
	}
	left += value < 0;
	do
		digits[--at] = (uint8_t)('0' + left % 10);
	while (left /= 10);
	if (value < 0)
		digits[--at] = '-';
	mr_writer_bytes(out, digits + at, sizeof(digits) - at);
}

/* 4.1.5: at least one digit behind the point, no zeros that say nothing. */
static void
sf_write_decimal(struct mr_writer *out, int64_t thousandths)
{
	int64_t whole = thousandths / 1000, fraction = thousandths % 1000;
	int divisor = 100;

	if (whole > 999999999999ll || whole < -999999999999ll) {
		out->failed = true;
		return;
	}
	if (fraction < 0)
		fraction = -fraction;
	if (whole == 0 && thousandths < 0)
		mr_writer_u8(out, '-');
	sf_write_integer(out, whole);
	mr_writer_u8(out, '.');
	do {
		mr_writer_u8(out, (uint8_t)('0' + fraction / divisor));
		fraction %= divisor;
		divisor /= 10;
	} while (fraction > 0);
}

/* 4.1.6 */
static void
sf_write_string(struct mr_writer *out, const struct mr_http_sf_node *node)
{
	mr_writer_u8(out, '"');
	for (uint32_t i = 0; i < node->text_bytes; i++) {
		uint8_t c = node->text[i];

		if (c < ' ' || c > '~')
			out->failed = true;
		if (c == '"' || c == '\\')
			mr_writer_u8(out, '\\');
		mr_writer_u8(out, c);
	}
	mr_writer_u8(out, '"');
}

/* 4.1.7 */
static void
sf_write_token(struct mr_writer *out, const struct mr_http_sf_node *node)
{
	if (node->text_bytes == 0 || (node->text[0] != '*' && !http_is_alpha(node->text[0])))
		out->failed = true;
	for (uint32_t i = 0; i < node->text_bytes; i++)
		if (!http_class_has(&http_class_token, node->text[i]) && node->text[i] != ':' &&
		    node->text[i] != '/')
			out->failed = true;
	mr_writer_bytes(out, node->text, node->text_bytes);
}

/* 4.1.8 */
static void
sf_write_bytes(struct mr_writer *out, const struct mr_http_sf_node *node)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	mr_writer_u8(out, ':');
	for (uint32_t i = 0; i < node->text_bytes; i += 3) {
		uint32_t left = node->text_bytes - i, bits = (uint32_t)node->text[i] << 16;

		bits |= left > 1 ? (uint32_t)node->text[i + 1] << 8 : 0;
		bits |= left > 2 ? node->text[i + 2] : 0;
		mr_writer_u8(out, (uint8_t)digits[bits >> 18]);
		mr_writer_u8(out, (uint8_t)digits[bits >> 12 & 63]);
		mr_writer_u8(out, left > 1 ? (uint8_t)digits[bits >> 6 & 63] : '=');
		mr_writer_u8(out, left > 2 ? (uint8_t)digits[bits & 63] : '=');
	}
	mr_writer_u8(out, ':');
}

/* 4.1.11 */
static void
sf_write_display(struct mr_writer *out, const struct mr_http_sf_node *node)
{
	static const char digits[] = "0123456789abcdef";

	mr_writer_bytes(out, "%\"", 2);
	for (uint32_t i = 0; i < node->text_bytes; i++) {
		uint8_t c = node->text[i];

		if (c >= ' ' && c <= '~' && c != '%' && c != '"') {
			mr_writer_u8(out, c);
			continue;
		}
		mr_writer_u8(out, '%');
		mr_writer_u8(out, (uint8_t)digits[c >> 4]);
		mr_writer_u8(out, (uint8_t)digits[c & 15]);
	}
	mr_writer_u8(out, '"');
}

/* 4.1.3.1 */
static void
sf_write_bare(struct mr_writer *out, const struct mr_http_sf_node *node)
{
	switch ((enum mr_http_sf_type)node->type) {
	case MR_HTTP_SF_INTEGER:
		sf_write_integer(out, node->number);
		return;
	case MR_HTTP_SF_DECIMAL:
		sf_write_decimal(out, node->number);
		return;
	case MR_HTTP_SF_STRING:
		sf_write_string(out, node);
		return;
	case MR_HTTP_SF_TOKEN:
		sf_write_token(out, node);
		return;
	case MR_HTTP_SF_BYTES:
		sf_write_bytes(out, node);
		return;
	case MR_HTTP_SF_BOOLEAN:
		sf_write_text(out, node->number ? "?1" : "?0");
		return;
	case MR_HTTP_SF_DATE:
		mr_writer_u8(out, '@');
		sf_write_integer(out, node->number);
		return;
	case MR_HTTP_SF_DISPLAY:
		sf_write_display(out, node);
		return;
	case MR_HTTP_SF_INNER:
		break;
	}
	out->failed = true; /* an inner list stands only as a member */
}

/* 4.1.1.3 */
static void
sf_write_key(struct mr_writer *out, const struct mr_http_sf_node *node)
{
	for (unsigned i = 0; i < node->key_bytes; i++) {
		uint8_t c = node->key[i];
		bool lower = (uint8_t)(c - 'a') < 26 || c == '*';

		if (!lower && (i == 0 || !(http_is_digit(c) || c == '_' || c == '-' || c == '.')))
			out->failed = true;
	}
	if (node->key_bytes == 0)
		out->failed = true;
	else
		mr_writer_bytes(out, node->key, node->key_bytes);
}

/* 4.1.1.2 */
static void
sf_write_parameters(struct mr_writer *out, const struct mr_http_sf *self, uint16_t first)
{
	for (const struct mr_http_sf_node *at = mr_http_sf_at(self, first); at;
	     at = mr_http_sf_at(self, at->next)) {
		mr_writer_u8(out, ';');
		sf_write_key(out, at);
		if (at->type == MR_HTTP_SF_BOOLEAN && at->number)
			continue;
		mr_writer_u8(out, '=');
		sf_write_bare(out, at);
	}
}

/* 4.1.1.1 */
static void
sf_write_item(struct mr_writer *out, const struct mr_http_sf *self,
	      const struct mr_http_sf_node *node)
{
	if (node->type != MR_HTTP_SF_INNER) {
		sf_write_bare(out, node);
	} else {
		mr_writer_u8(out, '(');
		for (const struct mr_http_sf_node *at = mr_http_sf_at(self, node->inner); at;) {
			sf_write_bare(out, at);
			sf_write_parameters(out, self, at->params);
			at = mr_http_sf_at(self, at->next);
			if (at)
				mr_writer_u8(out, ' ');
		}
		mr_writer_u8(out, ')');
	}
	sf_write_parameters(out, self, node->params);
}

void
mr_http_sf_write(struct mr_writer *out, const struct mr_http_sf *self)
{
	const struct mr_http_sf_node *at = mr_http_sf_at(self, self->first);

	while (at) {
		if (self->kind == MR_HTTP_SF_DICTIONARY) {
			bool flag = at->type == MR_HTTP_SF_BOOLEAN && at->number;

			sf_write_key(out, at);
			if (flag) {
				sf_write_parameters(out, self, at->params);
			} else {
				mr_writer_u8(out, '=');
				sf_write_item(out, self, at);
			}
		} else
			sf_write_item(out, self, at);
		at = mr_http_sf_at(self, at->next);
		if (at && self->kind != MR_HTTP_SF_ITEM)
			sf_write_text(out, ", ");
	}
}
