/* SPDX-License-Identifier: Apache-2.0
 *
 * http/message - what a parsed head is: offsets into the caller's bytes, and what they mean.
 *
 * Owner:  the caller. Thread: the one that owns the connection. Memory: no pointers: every span
 * counts
 *         from the first byte of the head, so the bytes may move between calls (they are handed in
 *         again each time) and a message may lie in a shared arena.
 */
#ifndef MR_HTTP_MESSAGE_H
#define MR_HTTP_MESSAGE_H

#include "base/base.h"
#include "http/fields.h"

enum {
	MR_HTTP_FIELDS_MAX = 128, /* fields of one message; a limit may be lower, never higher */
	MR_HTTP_HEAD_BYTES_MAX = 65535, /* of one head: spans are 16 bits */
	MR_HTTP_NAME_BYTES_MAX = 255,   /* of a field name */
	MR_HTTP_METHOD_BYTES_MAX = 32,  /* of a method */
	MR_HTTP_EMPTY_LINES_MAX = 2,    /* before a start line (RFC 9112 2.2) */
	MR_HTTP_OPTIONS_MAX = 32,       /* members of Connection */
	MR_HTTP_CODINGS_MAX = 4,        /* members of Transfer-Encoding */
	MR_HTTP_DATE_BYTES = 29,        /* "Sun, 06 Nov 1994 08:49:37 GMT" */
};

#define HTTP_FIELD_ID(id, ...) MR_HTTP_FIELD_##id,
enum mr_http_field_id {
	MR_HTTP_FIELD_OTHER, /* not in the table */
	HTTP_FIELDS(HTTP_FIELD_ID) MR_HTTP_FIELD_COUNT
};

#define HTTP_METHOD_ID(id, ...) MR_HTTP_##id,
enum mr_http_method { MR_HTTP_METHOD_OTHER, HTTP_METHODS(HTTP_METHOD_ID) MR_HTTP_METHOD_COUNT };

#define HTTP_REFUSAL_ID(id, ...) MR_HTTP_REFUSED_##id,
enum mr_http_refusal { MR_HTTP_REFUSED_NOT, HTTP_REFUSALS(HTTP_REFUSAL_ID) MR_HTTP_REFUSAL_COUNT };

enum mr_http_verdict {
	MR_HTTP_MORE,    /* all bytes are used up and more are needed */
	MR_HTTP_DONE,    /* the head, the piece or the body is complete */
	MR_HTTP_REFUSED, /* see refusal; answer its status and close */
};

enum mr_http_kind { MR_HTTP_REQUEST, MR_HTTP_RESPONSE, MR_HTTP_TRAILERS };

/* How the content is delimited (RFC 9112 6.3). */
enum mr_http_framing {
	MR_HTTP_NO_BODY,
	MR_HTTP_LENGTH, /* content_length octets */
	MR_HTTP_CHUNKED,
	MR_HTTP_CLOSE,  /* responses only: up to the end of the connection */
	MR_HTTP_TUNNEL, /* 101, or 2xx to CONNECT: no longer HTTP */
};

/* RFC 9112 3.2. */
enum mr_http_target_form {
	MR_HTTP_ORIGIN_FORM,
	MR_HTTP_ABSOLUTE_FORM,
	MR_HTTP_AUTHORITY_FORM,
	MR_HTTP_ASTERISK_FORM,
};

enum mr_http_scheme { MR_HTTP_SCHEME_NONE, MR_HTTP_SCHEME_HTTP, MR_HTTP_SCHEME_HTTPS };

struct mr_http_span {
	uint16_t at, bytes;
};

struct mr_http_field {
	uint16_t name_at, value_at, value_bytes; /* the value without the white space around it */
	uint8_t name_bytes;
	uint8_t id; /* enum mr_http_field_id */
};
static_assert(sizeof(struct mr_http_field) == 8, "eight fields a cache line");
static_assert(MR_HTTP_FIELD_COUNT <= 128, "two words of bits hold the known fields");

/* A set of field ids. */
struct mr_http_field_set {
	uint64_t words[2];
};

struct mr_http_message {
	uint8_t kind;          /* enum mr_http_kind */
	uint8_t refusal;       /* enum mr_http_refusal */
	uint8_t method;        /* requests; of a response: that of the request it answers */
	uint8_t version_minor; /* as received; 2 and more mean 1 (RFC 9110 2.5) */
	uint8_t framing;       /* enum mr_http_framing */
	uint8_t target_form;   /* enum mr_http_target_form */
	uint8_t scheme;        /* of absolute-form; else NONE */
	uint8_t field_count;
	uint16_t status; /* responses */
	uint16_t head_bytes;
	bool close;           /* the connection ends after this exchange (RFC 9112 9.3, 9.6) */
	bool expect_continue; /* RFC 9110 10.1.1; never set in HTTP/1.0 */
	bool upgrade;      /* Connection: upgrade and an Upgrade field (RFC 9110 7.8); 1.1 only */
	bool websocket;    /* and that field lists websocket (RFC 6455) */
	bool te_trailers;  /* TE: trailers: the client takes trailer fields */
	bool path_plain;   /* the path is its own canonical form: no need of mr_http_path */
	bool length_given; /* Content-Length came, also where framing has no use for it */
	bool odd_body;     /* a response that may have no content names a length or a coding */
	uint64_t content_length;
	struct mr_http_span method_text, target, reason;
	struct mr_http_span authority; /* of absolute-form, else Host; host and port */
	struct mr_http_span host;      /* without port, with the brackets of an IPv6 literal */
	struct mr_http_span path;      /* as received; empty in asterisk and authority form */
	struct mr_http_span query;     /* behind '?'; has_query tells "/a?" from "/a" */
	bool has_query;
	uint16_t port;                /* 0: not named */
	struct mr_http_field_set hop; /* known fields not to be forwarded from this message */
	uint64_t hop_other[2]; /* and the unknown ones that Connection names: by field index */
	uint8_t known[MR_HTTP_FIELD_COUNT]; /* index + 1 of the first field of that id; 0: absent */
	struct mr_http_field fields[MR_HTTP_FIELDS_MAX];
};

struct mr_http_limits {
	uint32_t head_bytes;       /* 431 above; at most MR_HTTP_HEAD_BYTES_MAX. Default 16384 */
	uint32_t target_bytes;     /* 414 above. Default 8192 (RFC 9112 3: at least 8000) */
	uint32_t field_line_bytes; /* 431 above, without its CR LF. Default 8192 */
	uint32_t trailer_bytes;    /* 431 above, per body. Default 4096 */
	uint32_t extension_bytes;  /* of chunk extensions, per body; 400 above. Default 4096 */
	uint64_t body_bytes;       /* 413 above. Default UINT64_MAX: no limit */
	uint8_t fields;            /* 431 above; at most MR_HTTP_FIELDS_MAX. Default 100 */
	bool allow_trace, allow_connect; /* Default: refused with 405 */
};

#define MR_HTTP_LIMITS_DEFAULT                                                            \
	{                                                                                 \
		.head_bytes = 16384, .target_bytes = 8192, .field_line_bytes = 8192,      \
		.trailer_bytes = 4096, .extension_bytes = 4096, .body_bytes = UINT64_MAX, \
		.fields = 100                                                             \
	}

/* mr_http_status_of returns the status code for a refusal of a request. */
uint16_t mr_http_status_of(enum mr_http_refusal refusal);
/* mr_http_refusal_name and _help are for logs and counters' names. */
const char *mr_http_refusal_name(enum mr_http_refusal refusal);
const char *mr_http_refusal_help(enum mr_http_refusal refusal);

/* mr_http_reason returns the reason phrase of a status code, or "" for one not in the table. */
const char *mr_http_reason(uint16_t status);

/* mr_http_method_name returns "" for MR_HTTP_METHOD_OTHER. Safe and idempotent: RFC 9110 9.2. */
const char *mr_http_method_name(enum mr_http_method method);
bool mr_http_method_is_safe(enum mr_http_method method);
bool mr_http_method_is_idempotent(enum mr_http_method method);
enum mr_http_method mr_http_method_find(const uint8_t *text, size_t bytes);

/* mr_http_field_find returns the id of a name, whatever its case; name consists of token
 * characters. Up to readable_bytes (>= bytes) may be touched: 32 make it fast. */
enum mr_http_field_id mr_http_field_find(const uint8_t *name, size_t bytes, size_t readable_bytes);
const char *mr_http_field_name(enum mr_http_field_id id);
uint8_t mr_http_field_name_bytes(enum mr_http_field_id id);
uint8_t mr_http_field_flags(enum mr_http_field_id id);

static inline bool
mr_http_field_set_has(const struct mr_http_field_set *self, unsigned id)
{
	return self->words[id / 64] >> (id % 64) & 1;
}

static inline void
mr_http_field_set_add(struct mr_http_field_set *self, unsigned id)
{
	self->words[id / 64] |= 1ull << (id % 64);
}

/* mr_http_first returns the first field with id, or NULL. */
static inline const struct mr_http_field *
mr_http_first(const struct mr_http_message *self, enum mr_http_field_id id)
{
	return self->known[id] ? &self->fields[self->known[id] - 1] : NULL;
}

/* mr_http_next returns the next field of the same id behind field, or NULL. */
static inline const struct mr_http_field *
mr_http_next(const struct mr_http_message *self, const struct mr_http_field *field)
{
	const struct mr_http_field *end = self->fields + self->field_count;

	for (const struct mr_http_field *at = field + 1; at < end; at++)
		if (at->id == field->id)
			return at;
	return NULL;
}

/* A walk over the elements of a comma-separated list (RFC 9110 5.6.1): commas inside quoted strings
 * do not count, white space around an element is taken off, empty elements are skipped but
 * noted. */
struct mr_http_list {
	const uint8_t *at, *end;
	bool empty_seen;
};

static inline struct mr_http_list
mr_http_list_over(const uint8_t *value, size_t bytes)
{
	return (struct mr_http_list){ value, value + bytes, false };
}

/* mr_http_list_next gives the next element, or returns false at the end. */
bool mr_http_list_next(struct mr_http_list *self, const uint8_t **element, size_t *bytes);

/* mr_http_same compares without regard to case of A-Z; lower is written in lower case. */
bool mr_http_same(const uint8_t *text, size_t bytes, const char *lower);

#endif
