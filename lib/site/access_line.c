/* SPDX-License-Identifier: Apache-2.0
 *
 * site/access_line - records as text. Log thread: here formatting is what it is for.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "access_int.h"

/* A line in the making; there is always room (ACCESS_LINE_BYTES). */
struct line {
	char *room;
	size_t used;
};

static void MR_PRINTF(2, 3) put(struct line *self, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	self->used += (size_t)vsnprintf(self->room + self->used, ACCESS_LINE_BYTES - self->used,
					format, arguments);
	va_end(arguments);
}

/* put_escaped writes octets, those that are not plain by their number. */
static void
put_escaped(struct line *self, const uint8_t *bytes, size_t count, const char *escape)
{
	for (size_t i = 0; i < count; i++) {
		uint8_t c = bytes[i];

		if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\')
			self->room[self->used++] = (char)c;
		else
			self->used += (size_t)sprintf(self->room + self->used, "%s%02x", escape, c);
	}
}

static const uint8_t *
text_of(const struct access_record *record, enum mr_site_access_text which)
{
	const uint8_t *at = record->texts;

	for (int i = 0; i < (int)which; i++)
		at += record->lengths[i];
	return at;
}

/* put_text writes a text, or "-" where there is none. */
static void
put_text(struct line *self, const struct access_record *record, enum mr_site_access_text which)
{
	if (record->lengths[which])
		put_escaped(self, text_of(record, which), record->lengths[which], "\\x");
	else
		put(self, "-");
}

static void
line_combined(struct line *self, const struct access_record *record, const struct tm *at)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char client[MR_ADDR_TEXT_BYTES];

	put(self, "%s - - [%02d/%.3s/%04d:%02d:%02d:%02d +0000] \"",
	    mr_addr_format(&record->client, client), at->tm_mday, months + 3 * at->tm_mon,
	    at->tm_year + 1900, at->tm_hour, at->tm_min, at->tm_sec);
	put_text(self, record, MR_SITE_ACCESS_METHOD);
	if (record->parsed) {
		put(self, " ");
		put_text(self, record, MR_SITE_ACCESS_TARGET);
		put(self, " HTTP/1.%u", record->version_minor);
	}
	put(self, "\" %u %llu \"", record->status, (unsigned long long)record->content_bytes);
	put_text(self, record, MR_SITE_ACCESS_REFERER);
	put(self, "\" \"");
	put_text(self, record, MR_SITE_ACCESS_AGENT);
	put(self, "\"\n");
}

static void
line_json(struct line *self, const struct access_record *record, const struct tm *at, unsigned ms)
{
#define ACCESS_NAME_(id, json, n) json,
	static const char *const names[] = { MR_SITE_ACCESS_TEXTS(ACCESS_NAME_) };
	char client[MR_ADDR_TEXT_BYTES];

	put(self, "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03uZ\",\"client\":\"%s\",\"port\":%u",
	    at->tm_year + 1900, at->tm_mon + 1, at->tm_mday, at->tm_hour, at->tm_min, at->tm_sec,
	    ms, mr_addr_format(&record->client, client), record->client_port);
	for (int i = 0; i < MR_SITE_ACCESS_TEXT_COUNT; i++) {
		if (!record->lengths[i])
			continue;
		put(self, ",\"%s\":\"", names[i]);
		put_escaped(self, text_of(record, (enum mr_site_access_text)i), record->lengths[i],
			    "\\u00");
		put(self, "\"");
	}
	if (record->parsed)
		put(self, ",\"version\":\"1.%u\"", record->version_minor);
	put(self, ",\"status\":%u,\"sent\":%llu,\"content\":%llu,\"spent_ns\":%llu}\n",
	    record->status, (unsigned long long)record->sent_bytes,
	    (unsigned long long)record->content_bytes, (unsigned long long)record->spent_ns);
}

size_t
access_line(const struct access_record *record, enum mr_site_access_format format,
	    uint64_t realtime_ns, char *room)
{
	struct line line = { .room = room };
	time_t seconds = (time_t)(realtime_ns / MR_NS_PER_S);
	struct tm at;

	gmtime_r(&seconds, &at);
	switch (format) {
	case MR_SITE_ACCESS_COMBINED:
		line_combined(&line, record, &at);
		break;
	case MR_SITE_ACCESS_JSON:
		line_json(&line, record, &at, (unsigned)(realtime_ns % MR_NS_PER_S / MR_NS_PER_MS));
		break;
	}
	return line.used;
}
