/* SPDX-License-Identifier: Apache-2.0
 *
 * http/body - see body.h.
 */
#include "http_int.h"

enum body_state {
	BODY_DONE, /* 0: mr_http_body_is_done knows */
	BODY_LENGTH,
	BODY_TO_CLOSE,
	BODY_SIZE,
	/* the chunk's line behind its size (RFC 9112 7.1.1); BWS may stand around ; and = */
	BODY_EXT_BWS,        /* behind the size or a value: blank, ; or CR */
	BODY_EXT_NAME_FIRST, /* behind ; */
	BODY_EXT_NAME,
	BODY_EXT_NAME_BWS, /* behind a name and a blank: blank, = or ; */
	BODY_EXT_VALUE_FIRST,
	BODY_EXT_VALUE,
	BODY_EXT_QUOTED,
	BODY_EXT_ESCAPED,
	BODY_EXT_QUOTED_END,
	BODY_SIZE_LF,
	BODY_DATA,
	BODY_DATA_CR,
	BODY_DATA_LF,
	BODY_TRAILER_FIRST,
	BODY_TRAILER_NAME,
	BODY_TRAILER_VALUE,
	BODY_TRAILER_LF,
	BODY_END_LF,
	BODY_REFUSED,
};

enum { BODY_DIGITS_MAX = 16 };

void
mr_http_body_init(struct mr_http_body *self, const struct mr_http_message *message,
		  const struct mr_http_limits *limits)
{
	static const uint8_t first[] = { [MR_HTTP_NO_BODY] = BODY_DONE,
					 [MR_HTTP_LENGTH] = BODY_LENGTH,
					 [MR_HTTP_CHUNKED] = BODY_SIZE,
					 [MR_HTTP_CLOSE] = BODY_TO_CLOSE };

	MR_ASSERT(message->framing < MR_ARRAY_COUNT(first));
	*self = (struct mr_http_body){ .limit_bytes = limits->body_bytes,
				       .extension_left = limits->extension_bytes,
				       .trailer_left = limits->trailer_bytes,
				       .state = first[message->framing] };
	if (self->state == BODY_LENGTH)
		self->left = message->content_length;
}

MR_COLD static enum mr_http_verdict
body_refuse(struct mr_http_body *self, enum mr_http_refusal refusal)
{
	self->state = BODY_REFUSED;
	self->refusal = (uint8_t)refusal;
	return MR_HTTP_REFUSED;
}

enum mr_http_verdict
mr_http_body_end(struct mr_http_body *self)
{
	if (self->state == BODY_TO_CLOSE)
		self->state = BODY_DONE;
	if (self->state == BODY_DONE)
		return MR_HTTP_DONE;
	return self->state == BODY_REFUSED ? MR_HTTP_REFUSED
					   : body_refuse(self, MR_HTTP_REFUSED_CUT_OFF);
}

/* body_data gives out what there is, up to left. */
static void
body_data(struct mr_http_body *self, size_t byte_count, struct mr_http_piece *piece)
{
	piece->data_at = piece->used_bytes;
	piece->data_bytes = (size_t)MR_MIN(self->left, (uint64_t)(byte_count - piece->used_bytes));
	piece->used_bytes += piece->data_bytes;
	self->left -= piece->data_bytes;
	self->total += piece->data_bytes;
}

/* One digit more of a chunk's size. */
static enum mr_http_refusal
body_digit(struct mr_http_body *self, uint8_t value)
{
	if (++self->digits > BODY_DIGITS_MAX || self->left >> 59) /* at most 2^63 - 1 */
		return MR_HTTP_REFUSED_CHUNK_SIZE;
	self->left = self->left << 4 | value;
	if (self->left > self->limit_bytes || self->total > self->limit_bytes - self->left)
		return MR_HTTP_REFUSED_BODY_LARGE;
	return MR_HTTP_REFUSED_NOT;
}

/* What follows a size, a name or a value at an octet that ends it. */
static enum body_state
body_extension_next(uint8_t c, enum body_state blank)
{
	if (c == '\r')
		return blank == BODY_EXT_BWS ? BODY_SIZE_LF : BODY_REFUSED;
	return c == ';' ? BODY_EXT_NAME_FIRST : http_is_blank(c) ? blank : BODY_REFUSED;
}

/* body_extension takes one octet of *( BWS ";" BWS name [ BWS "=" BWS value ] ) and the CR. A blank
 * must be followed by what makes it BWS: at the end of the line it is none. */
static enum body_state
body_extension(enum body_state state, uint8_t c)
{
	bool token = http_class_has(&http_class_token, c);

	switch (state) {
	case BODY_EXT_BWS:
		return c == ';' ? BODY_EXT_NAME_FIRST : http_is_blank(c) ? state : BODY_REFUSED;
	case BODY_EXT_NAME_FIRST:
		return token ? BODY_EXT_NAME : http_is_blank(c) ? state : BODY_REFUSED;
	case BODY_EXT_NAME:
		if (token)
			return state;
		if (c == '=')
			return BODY_EXT_VALUE_FIRST;
		return c == '\r' ? BODY_SIZE_LF : body_extension_next(c, BODY_EXT_NAME_BWS);
	case BODY_EXT_NAME_BWS:
		return c == '=' ? BODY_EXT_VALUE_FIRST : body_extension_next(c, state);
	case BODY_EXT_VALUE_FIRST:
		if (c == '"')
			return BODY_EXT_QUOTED;
		return token ? BODY_EXT_VALUE : http_is_blank(c) ? state : BODY_REFUSED;
	case BODY_EXT_VALUE:
		return token ? state : body_extension_next(c, BODY_EXT_BWS);
	case BODY_EXT_QUOTED:
		if (c == '"')
			return BODY_EXT_QUOTED_END;
		if (c == '\\')
			return BODY_EXT_ESCAPED;
		return http_class_has(&http_class_value, c) ? state : BODY_REFUSED;
	case BODY_EXT_ESCAPED:
		return http_class_has(&http_class_value, c) ? BODY_EXT_QUOTED : BODY_REFUSED;
	case BODY_EXT_QUOTED_END:
		return body_extension_next(c, BODY_EXT_BWS);
	case BODY_DONE:
	case BODY_LENGTH:
	case BODY_TO_CLOSE:
	case BODY_SIZE:
	case BODY_SIZE_LF:
	case BODY_DATA:
	case BODY_DATA_CR:
	case BODY_DATA_LF:
	case BODY_TRAILER_FIRST:
	case BODY_TRAILER_NAME:
	case BODY_TRAILER_VALUE:
	case BODY_TRAILER_LF:
	case BODY_END_LF:
	case BODY_REFUSED:
		break;
	}
	return BODY_REFUSED;
}

/* body_chunk_octet takes one octet of a chunk's framing. */
static enum mr_http_refusal
body_chunk_octet(struct mr_http_body *self, uint8_t c)
{
	uint8_t value;

	switch ((enum body_state)self->state) {
	case BODY_SIZE:
		value = http_hex_value(c);
		if (value < 16)
			return body_digit(self, value);
		if (self->digits == 0)
			return MR_HTTP_REFUSED_CHUNK_SIZE;
		self->state = (uint8_t)body_extension_next(c, BODY_EXT_BWS);
		return self->state == BODY_REFUSED ? MR_HTTP_REFUSED_CHUNK_SIZE
						   : MR_HTTP_REFUSED_NOT;
	case BODY_EXT_BWS:
	case BODY_EXT_NAME_FIRST:
	case BODY_EXT_NAME:
	case BODY_EXT_NAME_BWS:
	case BODY_EXT_VALUE_FIRST:
	case BODY_EXT_VALUE:
	case BODY_EXT_QUOTED:
	case BODY_EXT_ESCAPED:
	case BODY_EXT_QUOTED_END:
		if (self->extension_left-- == 0)
			return MR_HTTP_REFUSED_CHUNK_EXTENSION;
		self->state = (uint8_t)body_extension((enum body_state)self->state, c);
		return self->state == BODY_REFUSED ? MR_HTTP_REFUSED_CHUNK_EXTENSION
						   : MR_HTTP_REFUSED_NOT;
	case BODY_SIZE_LF:
		self->state = self->left ? BODY_DATA : BODY_TRAILER_FIRST;
		self->digits = 0;
		return c == '\n' ? MR_HTTP_REFUSED_NOT : MR_HTTP_REFUSED_LINE_END;
	case BODY_DATA_CR:
		self->state = BODY_DATA_LF;
		return c == '\r' ? MR_HTTP_REFUSED_NOT : MR_HTTP_REFUSED_CHUNK_END;
	case BODY_DATA_LF:
		self->state = BODY_SIZE;
		return c == '\n' ? MR_HTTP_REFUSED_NOT : MR_HTTP_REFUSED_CHUNK_END;
	case BODY_DONE:
	case BODY_LENGTH:
	case BODY_TO_CLOSE:
	case BODY_DATA:
	case BODY_TRAILER_FIRST:
	case BODY_TRAILER_NAME:
	case BODY_TRAILER_VALUE:
	case BODY_TRAILER_LF:
	case BODY_END_LF:
	case BODY_REFUSED:
		break;
	}
	MR_ASSERT(0);
	return MR_HTTP_REFUSED_NOT;
}

/* body_trailer_octet takes one octet of the trailer section: strict in the same way as a head. */
static enum mr_http_refusal
body_trailer_octet(struct mr_http_body *self, uint8_t c)
{
	enum body_state next = BODY_REFUSED;

	if (self->trailer_left-- == 0)
		return MR_HTTP_REFUSED_TRAILER_LONG;
	if (self->state == BODY_TRAILER_FIRST) {
		if (c == '\r')
			next = BODY_END_LF;
		else if (http_class_has(&http_class_token, c))
			next = BODY_TRAILER_NAME;
	} else if (self->state == BODY_TRAILER_NAME) {
		if (c == ':')
			next = BODY_TRAILER_VALUE;
		else if (http_class_has(&http_class_token, c))
			next = BODY_TRAILER_NAME;
	} else if (self->state == BODY_TRAILER_VALUE) {
		if (c == '\r')
			next = BODY_TRAILER_LF;
		else if (http_class_has(&http_class_value, c))
			next = BODY_TRAILER_VALUE;
	} else if (c == '\n') {
		next = self->state == BODY_END_LF ? BODY_DONE : BODY_TRAILER_FIRST;
	}
	self->state = (uint8_t)next;
	return next == BODY_REFUSED ? MR_HTTP_REFUSED_TRAILER : MR_HTTP_REFUSED_NOT;
}

static enum mr_http_verdict
body_trailers(struct mr_http_body *self, const uint8_t *bytes, size_t byte_count,
	      struct mr_http_piece *piece)
{
	piece->trailer_at = piece->used_bytes;
	while (piece->used_bytes < byte_count && self->state != BODY_DONE) {
		enum mr_http_refusal refusal = body_trailer_octet(self, bytes[piece->used_bytes++]);

		if (refusal != MR_HTTP_REFUSED_NOT)
			return body_refuse(self, refusal);
	}
	piece->trailer_bytes = piece->used_bytes - piece->trailer_at;
	return self->state == BODY_DONE ? MR_HTTP_DONE : MR_HTTP_MORE;
}

static enum mr_http_verdict
body_chunked(struct mr_http_body *self, const uint8_t *bytes, size_t byte_count,
	     struct mr_http_piece *piece)
{
	while (piece->used_bytes < byte_count) {
		enum mr_http_refusal refusal;

		if (self->state == BODY_DATA) {
			if (piece->data_bytes > 0)
				return MR_HTTP_MORE; /* one piece of data a call */
			body_data(self, byte_count, piece);
			if (self->left == 0)
				self->state = BODY_DATA_CR;
			continue;
		}
		if (self->state >= BODY_TRAILER_FIRST)
			return body_trailers(self, bytes, byte_count, piece);
		refusal = body_chunk_octet(self, bytes[piece->used_bytes++]);
		if (refusal != MR_HTTP_REFUSED_NOT)
			return body_refuse(self, refusal);
	}
	return MR_HTTP_MORE;
}

enum mr_http_verdict
mr_http_body_feed(struct mr_http_body *self, const uint8_t *bytes, size_t byte_count,
		  struct mr_http_piece *piece)
{
	*piece = (struct mr_http_piece){ 0 };
	if (self->state == BODY_DONE)
		return MR_HTTP_DONE;
	if (self->state == BODY_REFUSED)
		return MR_HTTP_REFUSED;
	if (self->state == BODY_TO_CLOSE) {
		self->left = byte_count;
		if (self->total > self->limit_bytes || byte_count > self->limit_bytes - self->total)
			return body_refuse(self, MR_HTTP_REFUSED_BODY_LARGE);
		body_data(self, byte_count, piece);
		return MR_HTTP_MORE;
	}
	if (self->state != BODY_LENGTH)
		return body_chunked(self, bytes, byte_count, piece);
	body_data(self, byte_count, piece);
	if (self->left > 0)
		return MR_HTTP_MORE;
	self->state = BODY_DONE;
	return MR_HTTP_DONE;
}

void
mr_http_chunk_open(struct mr_writer *out, uint64_t data_bytes)
{
	static const char digits[] = "0123456789abcdef";
	unsigned count = data_bytes ? (67u - (unsigned)__builtin_clzll(data_bytes)) / 4 : 1;
	uint8_t *at = mr_writer_reserve(out, count + 2);

	if (!at)
		return;
	for (unsigned i = 0; i < count; i++)
		at[i] = (uint8_t)digits[data_bytes >> 4 * (count - 1 - i) & 15];
	at[count] = '\r';
	at[count + 1] = '\n';
}

void
mr_http_chunk_close(struct mr_writer *out)
{
	mr_writer_bytes(out, "\r\n", 2);
}

void
mr_http_chunk_last(struct mr_writer *out)
{
	mr_writer_bytes(out, "0\r\n", 3);
}
