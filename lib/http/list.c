/* SPDX-License-Identifier: Apache-2.0
 *
 * http/list - small grammar that many fields share: lists, numbers, words without case.
 */
#include "http_int.h"

bool
mr_http_same(const uint8_t *text, size_t bytes, const char *lower)
{
	size_t i;

	for (i = 0; i < bytes && lower[i]; i++) {
		uint8_t c = text[i];

		if ((uint8_t)(c - 'A') < 26)
			c |= 0x20;
		if (c != (uint8_t)lower[i])
			return false;
	}
	return i == bytes && lower[i] == 0;
}

bool
http_digits(const uint8_t *text, size_t bytes, uint64_t *value)
{
	uint64_t sum = 0;
	bool over = false;

	for (size_t i = 0; i < bytes; i++) {
		unsigned digit = (unsigned)text[i] - '0';

		if (digit > 9)
			return false;
		over |= __builtin_mul_overflow(sum, 10u, &sum);
		over |= __builtin_add_overflow(sum, digit, &sum);
	}
	*value = over ? UINT64_MAX : sum;
	return bytes > 0;
}

bool
mr_http_list_next(struct mr_http_list *self, const uint8_t **element, size_t *bytes)
{
	while (self->at < self->end) {
		const uint8_t *from = self->at, *to;
		bool quoted = false;

		for (; self->at < self->end && (quoted || *self->at != ','); self->at++) {
			if (*self->at == '"')
				quoted = !quoted;
			else if (quoted && *self->at == '\\' && self->at + 1 < self->end)
				self->at++;
		}
		to = self->at;
		if (self->at <
		    self->end) { /* the comma; behind the last one stands an element too */
			self->at++;
			self->empty_seen |= self->at == self->end;
		}
		while (from < to && http_is_blank(*from))
			from++;
		while (to > from && http_is_blank(to[-1]))
			to--;
		if (from == to) {
			self->empty_seen = true;
			continue;
		}
		*element = from;
		*bytes = (size_t)(to - from);
		return true;
	}
	return false;
}
