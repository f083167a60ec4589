/* SPDX-License-Identifier: Apache-2.0
 *
 * evlog/format - a record and its table's words, as one line of text.
 */
#include "evlog/evlog.h"

#include <stdarg.h>
#include <stdio.h>

struct text {
	char *out;
	size_t used, room_bytes; /* used < room_bytes: the NUL has its place */
};

static void MR_PRINTF(2, 3) put(struct text *text, const char *format, ...)
{
	size_t room = text->room_bytes - text->used;
	va_list arguments;
	int wanted;

	va_start(arguments, format);
	wanted = vsnprintf(text->out + text->used, room, format, arguments);
	va_end(arguments);
	if (wanted > 0)
		text->used += MR_MIN((size_t)wanted, room - 1);
}

/* put_wire writes bytes that a stranger may have chosen: no control byte reaches a terminal, no
 * line feed makes a second line, and a backslash is not mistaken for ours. */
static void
put_wire(struct text *text, const uint8_t *bytes, size_t byte_count)
{
	for (size_t i = 0; i < byte_count && bytes[i]; i++) {
		if (bytes[i] >= 0x20 && bytes[i] < 0x7f && bytes[i] != '\\')
			put(text, "%c", bytes[i]);
		else
			put(text, "\\x%02x", bytes[i]);
	}
}

static void
put_u(struct text *text, const uint64_t *words)
{
	put(text, "%llu", (unsigned long long)words[0]);
}

static void
put_x(struct text *text, const uint64_t *words)
{
	put(text, "0x%llx", (unsigned long long)words[0]);
}

static void
put_ns(struct text *text, const uint64_t *words)
{
	char duration[MR_UNITS_TEXT_BYTES];

	put(text, "%s", mr_units_format_duration(words[0], duration));
}

static void
put_mac(struct text *text, const uint64_t *words)
{
	char mac_text[MR_MAC_TEXT_BYTES];
	struct mr_mac mac;

	memcpy(mac.bytes, words, MR_MAC_BYTES);
	put(text, "%s", mr_mac_format(&mac, mac_text));
}

static void
put_addr(struct text *text, const uint64_t *words)
{
	char addr_text[MR_ADDR_TEXT_BYTES];
	struct mr_addr addr = { .halves = { words[0], words[1] } };

	put(text, "%s", mr_addr_format(&addr, addr_text));
}

static void
put_text(struct text *text, const uint64_t *words)
{
	uint8_t bytes[MR_EVLOG_TEXT_BYTES];

	memcpy(bytes, words, sizeof(bytes));
	put_wire(text, bytes, sizeof(bytes));
}

static const struct placeholder {
	const char *name;
	unsigned words;
	void (*put)(struct text *text, const uint64_t *words);
} placeholders[] = {
	{ "{u}", 1, put_u },     { "{x}", 1, put_x },       { "{ns}", 1, put_ns },
	{ "{mac}", 1, put_mac }, { "{addr}", 2, put_addr }, { "{text}", 2, put_text },
};

static const struct placeholder *
placeholder_at(const char *format)
{
	for (size_t i = 0; i < MR_ARRAY_COUNT(placeholders); i++)
		if (!strncmp(format, placeholders[i].name, strlen(placeholders[i].name)))
			return &placeholders[i];
	return NULL;
}

size_t
mr_evlog_format(const struct mr_evlog_record *record, char *out, size_t room_bytes)
{
	const struct mr_evlog_table *table = record->table;
	struct text text = { out, 0, room_bytes };
	const struct mr_evlog_def *def;
	unsigned used = 0;

	MR_ASSERT(room_bytes);
	out[0] = '\0';
	if (!table || record->kind >= table->count) {
		put(&text, "%s: unknown event %u", table ? table->module : "?", record->kind);
		return text.used;
	}
	def = &table->defs[record->kind];
	put(&text, "%s.%s: ", table->module, def->name);
	for (const char *at = def->format; *at;) {
		const struct placeholder *placeholder = *at == '{' ? placeholder_at(at) : NULL;

		if (!placeholder) {
			put(&text, "%c", *at++);
			continue;
		}
		if (used + placeholder->words <= MR_EVLOG_ARGUMENTS) {
			placeholder->put(&text, &record->arguments[used]);
			used += placeholder->words;
		} else {
			put(&text, "?");
		}
		at += strlen(placeholder->name);
	}
	return text.used;
}
