/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/text_lex - bytes of a master file to entries of tokens (RFC 1035 5.1).
 *
 * An entry ends at the end of its line, unless a parenthesis is open. Comments, parentheses and
 * line ends are gone afterwards; escapes stay as they were written, because what they mean depends
 * on the field. A line ends in LF or CR LF.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "text_int.h"

enum { LEX_WORD, LEX_BLANK, LEX_NEWLINE, LEX_COMMENT, LEX_QUOTE, LEX_OPEN, LEX_CLOSE, LEX_NUL };

static const uint8_t lex_class[256] = {
	['\0'] = LEX_NUL,   [' '] = LEX_BLANK,    ['\t'] = LEX_BLANK,
	['\r'] = LEX_BLANK, ['\n'] = LEX_NEWLINE, [';'] = LEX_COMMENT,
	['"'] = LEX_QUOTE,  ['('] = LEX_OPEN,     [')'] = LEX_CLOSE,
};

/* lex_refill returns 1 when there is a byte to read, 0 at the end of the file, or -errno. */
static int
lex_refill(struct mr_text *self, struct text_source *source)
{
	ssize_t got;

	if (source->fd < 0)
		return 0;
	do
		got = read(source->fd, source->buffer, TEXT_BUFFER_BYTES);
	while (got < 0 && errno == EINTR);
	if (got < 0) {
		int code = -errno;

		return mr_error_set(self->error, code, "%s: cannot read: %s", source->path,
				    strerror(-code));
	}
	source->base += source->end;
	source->at = 0;
	source->end = (size_t)got;
	return got > 0;
}

/* lex_peek puts the next byte into *c, without taking it. Returns as lex_refill does. */
static inline int
lex_peek(struct mr_text *self, struct text_source *source, uint8_t *c)
{
	if (mr_unlikely(source->at == source->end)) {
		int status = lex_refill(self, source);

		if (status <= 0)
			return status;
	}
	*c = source->buffer[source->at];
	return 1;
}

static inline void
lex_newline(struct text_source *source)
{
	source->line++;
	source->line_start = source->base + source->at;
}

static uint32_t
lex_column(const struct text_source *source)
{
	uint64_t column = source->base + source->at - source->line_start + 1;

	return source->fd < 0 ? 0 : (uint32_t)MR_MIN(column, UINT32_MAX);
}

static int
lex_fail(struct mr_text *self, const struct text_source *source, const char *what)
{
	struct text_token here = { .line = source->line, .column = lex_column(source) };

	return mr_text_fail(self, &here, "%s", what);
}

static int
lex_comment(struct mr_text *self, struct text_source *source)
{
	for (;;) {
		const uint8_t *from = source->buffer + source->at;
		const uint8_t *newline = memchr(from, '\n', source->end - source->at);
		int status;

		if (newline) {
			source->at += (size_t)(newline - from);
			return 0;
		}
		source->at = source->end;
		status = lex_refill(self, source);
		if (status <= 0)
			return status;
	}
}

static inline int
lex_put(struct mr_text *self, const struct text_source *source, struct text_entry *entry, uint8_t c)
{
	/* one octet stays free for the token's NUL */
	if (mr_unlikely(entry->text_bytes >= TEXT_ENTRY_BYTES - 1))
		return lex_fail(self, source, "this entry is too long for a record");
	entry->text[entry->text_bytes++] = (char)c;
	return 0;
}

/* lex_quoted reads on after the opening quote. A line end inside belongs to the string. */
static int
lex_quoted(struct mr_text *self, struct text_source *source, struct text_entry *entry,
	   const struct text_token *token)
{
	bool escaped = false;
	uint8_t c;
	int status;

	while ((status = lex_peek(self, source, &c)) > 0) {
		if (c == '\0')
			return lex_fail(self, source, "a NUL octet: this is not a text file");
		source->at++;
		if (c == '\n') {
			lex_newline(source);
			if (entry->text_bytes > token->at &&
			    entry->text[entry->text_bytes - 1] == '\r')
				entry->text_bytes--; /* CR LF is one line end */
		}
		if (c == '"' && !escaped)
			return 0;
		escaped = c == '\\' && !escaped;
		if (lex_put(self, source, entry, c))
			return -EINVAL;
	}
	return status < 0 ? status : mr_text_fail(self, token, "this quote is never closed");
}

static int
lex_word(struct mr_text *self, struct text_source *source, struct text_entry *entry)
{
	bool escaped = false;
	uint8_t c;
	int status;

	while ((status = lex_peek(self, source, &c)) > 0) {
		if (lex_class[c] != LEX_WORD && (!escaped || c == '\n' || c == '\r' || c == '\0'))
			break;
		escaped = c == '\\' && !escaped;
		if (lex_put(self, source, entry, c))
			return -EINVAL;
		source->at++;
	}
	if (status >= 0 && escaped)
		return lex_fail(self, source, "a backslash with nothing after it");
	return status < 0 ? status : 0;
}

static int
lex_token(struct mr_text *self, struct text_source *source, struct text_entry *entry, bool quoted,
	  bool glued)
{
	struct text_token *token = &entry->tokens[entry->count];
	int status;

	if (entry->count == TEXT_TOKENS || entry->text_bytes >= TEXT_ENTRY_BYTES - 1)
		return lex_fail(self, source, "this entry is too long for a record");
	*token = (struct text_token){ .at = entry->text_bytes,
				      .line = source->line,
				      .column = lex_column(source),
				      .quoted = quoted,
				      .glued = glued };
	if (entry->count == 0)
		entry->line = source->line;
	if (quoted) {
		source->at++;
		status = lex_quoted(self, source, entry, token);
	} else
		status = lex_word(self, source, entry);
	if (status)
		return status;
	token->bytes = entry->text_bytes - token->at;
	entry->text[entry->text_bytes++] = '\0';
	entry->count++;
	return 0;
}

int
mr_text_lex(struct mr_text *self, struct text_source *source, struct text_entry *entry)
{
	struct text_token open = { 0 }; /* the outermost open parenthesis */
	unsigned depth = 0;
	bool line_begins = true, glued = false;
	uint8_t c;
	int status;

	entry->text_bytes = entry->count = 0;
	entry->blank_owner = false;
	entry->line = source->line;
	while ((status = lex_peek(self, source, &c)) > 0) {
		bool was_glued = glued;

		glued = false;
		switch (lex_class[c]) {
		case LEX_NEWLINE:
			source->at++;
			lex_newline(source);
			if (depth > 0)
				break;
			if (entry->count > 0)
				return 1;
			line_begins = true;
			entry->blank_owner = false;
			continue;
		case LEX_BLANK:
			entry->blank_owner |= line_begins && c != '\r';
			source->at++;
			break;
		case LEX_COMMENT:
			status = lex_comment(self, source);
			break;
		case LEX_OPEN:
			if (depth++ == 0)
				open = (struct text_token){ .line = source->line,
							    .column = lex_column(source) };
			source->at++;
			break;
		case LEX_CLOSE:
			if (depth == 0)
				return lex_fail(self, source,
						"a closing parenthesis that was never opened");
			depth--;
			source->at++;
			break;
		case LEX_NUL:
			return lex_fail(self, source, "a NUL octet: this is not a text file");
		default:
			status = lex_token(self, source, entry, c == '"', was_glued);
			glued = true;
		}
		if (status < 0)
			return status;
		line_begins = false;
	}
	if (status < 0)
		return status;
	if (depth > 0)
		return mr_text_fail(self, &open, "this parenthesis is never closed");
	return entry->count > 0;
}

size_t
mr_text_emit(const struct text_entry *entry, uint32_t first, char *out, size_t room_bytes)
{
	size_t at = 0;

	for (uint32_t i = first; i < entry->count; i++) {
		const struct text_token *token = &entry->tokens[i];
		const char *text = text_of(entry, token);

		/* a space, two quotes, \DDD for every octet, NUL */
		if (room_bytes - at < 4 * (size_t)token->bytes + 4)
			return 0;
		if (i > first && !token->glued)
			out[at++] = ' ';
		if (token->quoted)
			out[at++] = '"';
		for (uint32_t k = 0; k < token->bytes; k++) {
			char c = text[k];
			bool escaped = c == '\\' && k + 1 < token->bytes;

			if (escaped)
				c = text[++k];
			if (strchr(";()\"\n\r\t", c) || (escaped && c == ' ')) {
				const uint8_t octet = (uint8_t)c;

				out[at++] = '\\';
				out[at++] = (char)('0' + octet / 100);
				out[at++] = (char)('0' + octet / 10 % 10);
				out[at++] = (char)('0' + octet % 10);
			} else {
				if (escaped)
					out[at++] = '\\';
				out[at++] = c;
			}
		}
		if (token->quoted)
			out[at++] = '"';
	}
	out[at] = '\0';
	return at;
}
