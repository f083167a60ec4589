/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/text_int - what the parts of the master file reader share. For text*.c and name.c only.
 *
 *   bytes of a file -> [mr_text_lex] -> one entry of tokens -> [mr_text_apply] directive or record
 *   record          -> [mr_text_rdata] -> wire -> on_record
 *   $GENERATE       -> [mr_text_generate] -> text of one record -> [mr_text_lex] again
 *
 * Owner:  the call of mr_zone_text_read; all of it lives for that.
 * Thread: the loader that made the call.
 * Memory: fixed at the start (an entry, its tokens, one rdata, one buffer per open file): the size
 * of a file does not matter.
 * Spec:   RFC 1035 5.1, RFC 2308 4 ($TTL), RFC 3597 5 (\#), RFC 9460 2.1 (key="value").
 */
#ifndef MR_ZONE_TEXT_INT_H
#define MR_ZONE_TEXT_INT_H

#include <sys/types.h>

#include <ldns/ldns.h>

#include "zone/zone.h"

enum {
	TEXT_BUFFER_BYTES = 1 << 16,
	/* 65,535 octets of rdata written as \DDD are 256 KiB; what is longer is no record. */
	TEXT_ENTRY_BYTES = 1 << 19,
	/* 65,535 empty strings, and what stands before them. */
	TEXT_TOKENS = 65536 + 8,
	TEXT_LINE_BYTES = 4 * TEXT_ENTRY_BYTES,
	TEXT_RDATA_BYTES = 65535,
	TEXT_INCLUDES_MAX = 10000,     /* files opened for one zone */
	TEXT_GENERATE_MAX = 1 << 22,   /* records of one $GENERATE */
	TEXT_GENERATE_WIDTH_MAX = 127, /* digits of one ${offset,width,base} */
	TEXT_TTL_MAX = 0x7fffffff,     /* RFC 2181 8 */
};

struct text_token {
	uint32_t at; /* in the entry's text; NUL-terminated, escapes kept, quotes taken off */
	uint32_t bytes;
	uint32_t line, column; /* column 0: not known */
	bool quoted;
	bool glued; /* no white space before it: key="value" */
};

/* One entry: a directive or a record, however many lines it takes. */
struct text_entry {
	char *text;
	struct text_token *tokens;
	uint32_t text_bytes, count;
	uint32_t line;
	bool blank_owner; /* the line begins with white space */
};

/* A file that is being read, or a text in memory (fd -1, all of it in buffer). */
struct text_source {
	int fd;
	char *path; /* for errors; not NULL */
	uint8_t *buffer;
	size_t at, end;      /* unread bytes: buffer[at .. end) */
	uint64_t base;       /* offset in the file of buffer[0] */
	uint64_t line_start; /* offset in the file of the line's first byte */
	uint32_t line;
	dev_t device;
	ino_t inode;
	/* what an $INCLUDE gives back at its end */
	uint8_t origin[MR_ZONE_NAME_BYTES], owner[MR_ZONE_NAME_BYTES];
	uint16_t origin_bytes, owner_bytes; /* 0: none yet */
};

struct mr_text {
	struct text_source *source; /* the innermost of stack */
	struct text_source stack[MR_ZONE_INCLUDE_DEPTH + 1];
	unsigned depth; /* files open */
	unsigned include_count;
	struct text_entry entry, generated;
	uint8_t *rdata;
	char *line;           /* normalised text for ldns */
	ldns_rdf *origin_rdf; /* of source->origin; NULL when it has to be made again */
	/* TTL rules, in this order: written, $TTL (RFC 2308 4), the last one written (RFC 1035
	 * 5.1), the SOA's minimum */
	uint32_t default_ttl, last_ttl, soa_minimum;
	bool has_default_ttl, has_last_ttl, has_soa_minimum;
	bool generating;
	uint32_t generate_value;
	mr_zone_record_fn *on_record;
	mr_zone_text_error_fn *on_error; /* NULL: the first one ends it */
	void *context;
	struct mr_error *error;
};

/* mr_text_fail writes "file:line:column: what" and returns -EINVAL. token says where, NULL the
 * entry's first line. */
MR_COLD int mr_text_fail(struct mr_text *self, const struct text_token *token, const char *format,
			 ...) MR_PRINTF(3, 4);

/* mr_text_lex reads the next entry of source. Returns 1 and the entry (count > 0), 0 at the end, or
 * an error. */
int mr_text_lex(struct mr_text *self, struct text_source *source, struct text_entry *entry);

/* mr_text_record makes one record of entry and gives it to on_record. */
int mr_text_record(struct mr_text *self, const struct text_entry *entry);

/* mr_text_generate expands the $GENERATE in self->entry. */
int mr_text_generate(struct mr_text *self);

/* mr_text_rdata turns the tokens from index first on into self->rdata; returns its bytes (0 ..
 * 65535) or an error. type_token is where the type was written. */
int mr_text_rdata(struct mr_text *self, const struct text_entry *entry, uint32_t first,
		  uint16_t type, const struct text_token *type_token);

/* mr_text_emit writes tokens first .. count - 1 to out so that any reader of master files takes
 * them as they were meant: one line, quotes back on, no comment, no parenthesis. Returns bytes, or
 * 0 when room is too small. */
size_t mr_text_emit(const struct text_entry *entry, uint32_t first, char *out, size_t room_bytes);

/* mr_text_name reads token as a name relative to the source's origin; returns its bytes or an
 * error. */
int mr_text_name(struct mr_text *self, const struct text_entry *entry,
		 const struct text_token *token, uint8_t wire[MR_ZONE_NAME_BYTES]);

/* mr_text_ttl reads "3600" or "1h30m"; false when text is no TTL. *ttl is capped at 2^32, so that
 * out of range can be told from not a number. */
bool mr_text_ttl(const char *text, uint64_t *ttl);

/* mr_text_type reads "A", "TYPE65280", …; false when there is no such type. */
bool mr_text_type(const char *text, uint16_t *type);

/* mr_text_number reads decimal digits only; false for anything else or above max. */
bool mr_text_number(const char *text, uint64_t max, uint64_t *value);

static inline const char *
text_of(const struct text_entry *entry, const struct text_token *token)
{
	return entry->text + token->at;
}

/* Why a name was not read. */
enum text_name_error {
	TEXT_NAME_EMPTY = -1,    /* nothing at all, or an empty label */
	TEXT_NAME_LABEL = -2,    /* a label above 63 octets */
	TEXT_NAME_LONG = -3,     /* above 255 octets */
	TEXT_NAME_ESCAPE = -4,   /* \ at the end, \DDD above 255 or not three digits */
	TEXT_NAME_RELATIVE = -5, /* relative, and origin_bytes is 0 */
};

/* mr_name_parse reads bytes of text; returns the wire's bytes or an enum text_name_error. */
int mr_name_parse(const char *text, size_t bytes, const uint8_t *origin, size_t origin_bytes,
		  uint8_t wire[MR_ZONE_NAME_BYTES]);
const char *mr_name_error_text(int error);

/* mr_text_escape reads the escape after a backslash at text (RFC 1035 5.1: \DDD or \X); returns how
 * many characters it took, 0 when it is none. */
size_t mr_text_escape(const char *text, size_t bytes, uint8_t *octet);

#endif
