/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/text_generate - $GENERATE, as BIND's manual describes it.
 *
 *   $GENERATE start-stop[/step] owner [TTL] [class] type data
 *
 * In owner and data stands $ for the value, $$ or \$ for a dollar sign, and
 * ${offset[,width[,base]]} for value + offset in base d, o, x, X, or n, N (hexadecimal digits as
 * labels, last one first), filled with zeros to width; the width of n and N counts the dots. Data
 * that is one quoted string is taken without its quotes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text_int.h"

/* The text being made: the record of one value. */
struct generate_out {
	char *text;
	size_t bytes, room_bytes;
	bool full;
};

static void
generate_put(struct generate_out *out, char c)
{
	if (out->bytes == out->room_bytes)
		out->full = true;
	else
		out->text[out->bytes++] = c;
}

static void
generate_put_text(struct generate_out *out, const char *text)
{
	for (; *text; text++)
		generate_put(out, *text);
}

/* generate_range reads start-stop[/step]. */
static int
generate_range(struct mr_text *self, const struct text_token *token, uint64_t *start,
	       uint64_t *stop, uint64_t *step)
{
	const char *range = text_of(&self->entry, token);
	char text[64], *dash, *slash;

	if (strlen(range) >= sizeof(text))
		return mr_text_fail(self, token, "a range is start-stop or start-stop/step");
	strcpy(text, range);
	dash = strchr(text, '-');
	slash = strchr(text, '/');
	*step = 1;
	if (slash)
		*slash = '\0';
	if (dash)
		*dash = '\0';
	if (!dash || !mr_text_number(text, INT32_MAX, start) ||
	    !mr_text_number(dash + 1, INT32_MAX, stop) ||
	    (slash && !mr_text_number(slash + 1, INT32_MAX, step)))
		return mr_text_fail(self, token,
				    "\"%.64s\" is no range: start-stop or start-stop/step", range);
	if (*start > *stop || *step == 0)
		return mr_text_fail(self, token, "the range \"%.64s\" is empty or has no step",
				    range);
	if ((*stop - *start) / *step >= TEXT_GENERATE_MAX)
		return mr_text_fail(self, token, "more than %d records", TEXT_GENERATE_MAX);
	return 0;
}

static void
generate_nibbles(struct generate_out *out, uint64_t value, unsigned width, char base)
{
	const char *digits = base == 'n' ? "0123456789abcdef" : "0123456789ABCDEF";

	for (;;) {
		generate_put(out, digits[value & 15]);
		value >>= 4;
		width -= width > 0;
		if (value == 0 && width == 0)
			return;
		generate_put(out, '.');
		width -= width > 0;
		/* a width that ends on a dot ends there, as BIND writes it */
		if (value == 0 && width == 0)
			return;
	}
}

/* generate_modifier reads "{offset[,width[,base]]}" at text and writes the value; returns its
 * length, 0 when it is none. */
static size_t
generate_modifier(struct mr_text *self, const struct text_token *token, const char *text,
		  struct generate_out *out)
{
	char number[2 * TEXT_GENERATE_WIDTH_MAX], base = 'd', close;
	unsigned width = 0;
	int offset, used = 0;
	int64_t value;

	if (sscanf(text, "{%d%n%c", &offset, &used, &close) == 2 && close == ',' &&
	    text[used + 1] >= '0' && text[used + 1] <= '9') {
		int more = 0;

		if (sscanf(text + used, ",%3u%n%c", &width, &more, &close) != 2)
			close = '\0';
		used = close ? used + more : 0;
		if (close == ',') {
			base = text[used + 1];
			used += 2;
		}
	}
	if (used == 0 || text[used] != '}' || !base || !strchr("doxXnN", base) ||
	    width > TEXT_GENERATE_WIDTH_MAX) {
		mr_text_fail(self, token,
			     "a modifier is ${offset,width,base}: width 0 to %d, base d o x X n N",
			     TEXT_GENERATE_WIDTH_MAX);
		return 0;
	}
	value = (int64_t)self->generate_value + offset;
	if (value < 0) {
		mr_text_fail(self, token, "the value %lld is negative", (long long)value);
		return 0;
	}
	if (base == 'n' || base == 'N') {
		generate_nibbles(out, (uint64_t)value, width, base);
		return (size_t)used + 1;
	}
	if (base == 'o')
		snprintf(number, sizeof(number), "%0*llo", (int)width, (unsigned long long)value);
	else if (base == 'd')
		snprintf(number, sizeof(number), "%0*llu", (int)width, (unsigned long long)value);
	else
		snprintf(number, sizeof(number), base == 'x' ? "%0*llx" : "%0*llX", (int)width,
			 (unsigned long long)value);
	generate_put_text(out, number);
	return (size_t)used + 1;
}

/* generate_expand writes template with its dollars replaced. */
static int
generate_expand(struct mr_text *self, const struct text_token *token, const char *template,
		struct generate_out *out)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", self->generate_value);
	while (*template) {
		char c = *template ++;
		size_t taken;

		if (c == '\\' && *template) {
			generate_put(out, c);
			generate_put(out, *template ++);
		} else if (c != '$')
			generate_put(out, c);
		else if (*template == '$')
			generate_put(out, *template ++);
		else if (*template == '{') {
			taken = generate_modifier(self, token, template, out);
			if (taken == 0)
				return -EINVAL;
			template += taken;
		} else
			generate_put_text(out, number);
	}
	return 0;
}

/* generate_one makes, reads and gives the record of self->generate_value. */
static int
generate_one(struct mr_text *self, const struct text_token *tokens, const char *owner,
	     const char *data, uint32_t type_index, struct generate_out *out)
{
	struct text_source text = { .fd = -1, .line = self->entry.line };
	struct text_token line = { .line = self->entry.line };
	int status;

	out->bytes = 0;
	out->full = false;
	if (generate_expand(self, &tokens[2], owner, out))
		return -EINVAL;
	for (uint32_t i = 3; i <= type_index; i++) {
		generate_put(out, ' ');
		generate_put_text(out, text_of(&self->entry, &tokens[i]));
	}
	generate_put(out, ' ');
	if (generate_expand(self, &tokens[type_index + 1], data, out))
		return -EINVAL;
	if (out->full)
		return mr_text_fail(self, &line, "the record made is too long");
	text.path = self->source->path;
	text.buffer = (uint8_t *)out->text;
	text.end = out->bytes;
	status = mr_text_lex(self, &text, &self->generated);
	if (status < 0)
		return status;
	if (status == 0 || self->generated.blank_owner || text.at != text.end)
		return mr_text_fail(self, &line, "owner and data make no record");
	return mr_text_record(self, &self->generated);
}

/* generate_type finds the type among the tokens after the owner: [TTL] [class] type. */
static int
generate_type(struct mr_text *self, uint32_t *type_index)
{
	const struct text_entry *entry = &self->entry;

	for (uint32_t i = 3; i < MR_MIN(entry->count, 6u); i++) {
		uint16_t type;

		if (!mr_text_type(text_of(entry, &entry->tokens[i]), &type))
			continue;
		if (type == LDNS_RR_TYPE_SOA)
			return mr_text_fail(self, &entry->tokens[i], "a zone has one SOA");
		if (i + 1 == entry->count)
			break;
		*type_index = i;
		return 0;
	}
	return mr_text_fail(self, &entry->tokens[0],
			    "after $GENERATE come start-stop[/step], owner, [TTL], [class], type "
			    "and data");
}

/* generate_template copies what stands from token first on: as it is meant, or without its quotes
 * when it is one quoted string. */
static bool
generate_template(struct text_entry *entry, uint32_t first, uint32_t count, char *out)
{
	const struct text_token *token = &entry->tokens[first];
	const char *text = text_of(entry, token);
	uint32_t all = entry->count;
	size_t bytes;

	if (first > 2 && count == 1 && token->quoted) {
		for (; *text; text++) {
			if (text[0] == '\\' && text[1] == '"')
				text++;
			*out++ = *text == '\n' ? ' ' : *text;
		}
		*out = '\0';
		return true;
	}
	entry->count = first + count;
	bytes = mr_text_emit(entry, first, out, TEXT_LINE_BYTES);
	entry->count = all;
	return bytes > 0;
}

int
mr_text_generate(struct mr_text *self)
{
	struct text_entry *entry = &self->entry;
	uint64_t start, stop, step;
	struct generate_out out = { .room_bytes = TEXT_ENTRY_BYTES };
	char *owner = malloc(TEXT_LINE_BYTES), *data = malloc(TEXT_LINE_BYTES);
	uint32_t type_index = 0;
	int status = -EINVAL;

	out.text = malloc(out.room_bytes);
	if (!self->generated.text)
		self->generated.text = malloc(TEXT_ENTRY_BYTES);
	if (!self->generated.tokens)
		self->generated.tokens = malloc(TEXT_TOKENS * sizeof(*entry->tokens));
	if (!owner || !data || !out.text || !self->generated.text || !self->generated.tokens) {
		status = mr_error_set(self->error, -ENOMEM, "no memory for $GENERATE");
		goto out;
	}
	if (generate_type(self, &type_index) ||
	    generate_range(self, &entry->tokens[1], &start, &stop, &step))
		goto out;
	if (!generate_template(entry, 2, 1, owner) ||
	    !generate_template(entry, type_index + 1, entry->count - type_index - 1, data)) {
		status =
			mr_text_fail(self, &entry->tokens[0], "owner or data is empty or too long");
		goto out;
	}
	self->generating = true;
	status = 0;
	for (uint64_t value = start; value <= stop && status == 0; value += step) {
		self->generate_value = (uint32_t)value;
		status = generate_one(self, entry->tokens, owner, data, type_index, &out);
	}
	self->generating = false;
out:
	free(out.text);
	free(data);
	free(owner);
	return status;
}
