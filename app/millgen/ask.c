/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/ask - HTTP requests and the judgement of their answers; buffers for what is cut.
 */
#include "ask.h"

#include <errno.h>
#include <fcntl.h>
#include <nmmintrin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "ask_dns.h"

#define ASK_VERDICT_ROW(name, class, help) { #name, help, GEN_CLASS_##class },
static const struct gen_verdict_row ask_verdict_rows[] = { GEN_TCP_VERDICTS(ASK_VERDICT_ROW) };
const struct gen_verdict_table gen_tcp_verdicts = { ask_verdict_rows, GEN_TCP_VERDICT_COUNT };
static_assert((int)GEN_TCP_VERDICT_COUNT <= (int)GEN_VERDICT_MAX, "the tally has room for all");

enum { ASK_FILE_MAX = 1 << 24 };

/* What a head says. */
struct ask_head {
	uint16_t status;
	bool has_length, closes;
	uint32_t length;
};

static uint32_t
ask_crc(uint32_t crc, const uint8_t *bytes, size_t byte_count)
{
	uint64_t words, state = crc;

	for (; byte_count >= 8; bytes += 8, byte_count -= 8) {
		memcpy(&words, bytes, 8);
		state = _mm_crc32_u64(state, words);
	}
	for (size_t i = 0; i < byte_count; i++)
		state = _mm_crc32_u8((uint32_t)state, bytes[i]);
	return (uint32_t)state;
}

/* ask_learn_file reads the right body of one object. */
static int
ask_learn_file(struct gen_object *object, const char *pattern, uint32_t number,
	       struct mr_error *error)
{
	const char *mark = strstr(pattern, "%u");
	uint8_t block[65536];
	char path[4096];
	ssize_t got;
	int file;

	snprintf(path, sizeof(path), mark ? "%.*s%u%s" : "%.*s",
		 mark ? (int)(mark - pattern) : (int)strlen(pattern), pattern, number,
		 mark ? mark + 2 : "");
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return mr_error_set(error, -errno, "--body: %s: %s", path, strerror(errno));
	*object = (struct gen_object){ .crc = UINT32_MAX };
	while ((got = read(file, block, sizeof(block))) > 0 && object->bytes < ASK_FILE_MAX) {
		object->crc = ask_crc(object->crc, block, (size_t)got);
		object->bytes += (uint32_t)got;
	}
	close(file);
	return got ? mr_error_set(error, -EIO, "--body: %s cannot be read, or is too long", path)
		   : 0;
}

static int
ask_objects(struct gen_ask *self, const struct gen_http_options *options, struct mr_error *error)
{
	int code = 0;

	self->objects = calloc(options->objects, sizeof(*self->objects));
	if (!self->objects)
		return mr_error_set(error, -ENOMEM, "no memory for %u objects", options->objects);
	for (uint32_t i = 0; i < options->objects && !code; i++) {
		if (options->body && (i == 0 || strstr(options->body, "%u")))
			code = ask_learn_file(&self->objects[i], options->body, i, error);
		else if (options->body)
			self->objects[i] = self->objects[0];
		else
			self->objects[i].bytes = GEN_OBJECT_UNKNOWN;
	}
	return code;
}

/* ask_partials: one more than is used, as reading may overrun a message (match.h). */
static int
ask_partials(struct gen_ask *self, struct mr_error *error)
{
	self->partials = calloc(GEN_ASK_PARTIALS + 1, sizeof(*self->partials));
	self->partial_free = calloc(GEN_ASK_PARTIALS, sizeof(*self->partial_free));
	if (!self->partials || !self->partial_free)
		return mr_error_set(error, -ENOMEM, "no memory for cut messages");
	for (uint32_t i = 0; i < GEN_ASK_PARTIALS; i++)
		self->partial_free[i] = GEN_ASK_PARTIALS - 1 - i;
	self->partial_count = GEN_ASK_PARTIALS;
	return 0;
}

int
gen_ask_http(struct gen_ask *self, const struct gen_http_options *options, struct mr_error *error)
{
	const char *mark = strstr(options->path, "%u"), *rest = mark ? mark + 2 : "";
	int head_bytes = mark ? (int)(mark - options->path) : (int)strlen(options->path);

	if (options->path[0] != '/' || strpbrk(options->path, " \t\r\n") ||
	    strpbrk(options->host, " \t\r\n/"))
		return mr_error_set(error, -EINVAL,
				    "--path begins with '/', and neither it nor --host has blanks");
	if (strlen(options->path) + strlen(options->host) > GEN_ASK_MAX_BYTES / 2 ||
	    options->least_bytes > GEN_ASK_MAX_BYTES / 2)
		return mr_error_set(error, -EINVAL, "a request of more than %d bytes",
				    GEN_ASK_MAX_BYTES / 2);
	self->kind = GEN_ASK_HTTP;
	self->numbered = mark != NULL;
	self->status = options->status;
	self->head_bytes = (uint16_t)snprintf((char *)self->head, sizeof(self->head), "GET %.*s",
					      head_bytes, options->path);
	for (unsigned last = 0; last < 2; last++) {
		char *tail = (char *)self->tails[last];
		int bytes = snprintf(tail, GEN_ASK_MAX_BYTES,
				     "%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: millgen\r\n"
				     "Accept: */*\r\n%s",
				     rest, options->host, last ? "Connection: close\r\n" : "");
		/* A number has a digit at least; "X-Fill: \r\n\r\n" is 12 bytes. */
		int fill = options->least_bytes - self->head_bytes - self->numbered - bytes - 12;

		if (fill > 0)
			bytes += snprintf(tail + bytes, (size_t)(GEN_ASK_MAX_BYTES - bytes),
					  "X-Fill: %0*d\r\n", fill, 0);
		bytes += snprintf(tail + bytes, (size_t)(GEN_ASK_MAX_BYTES - bytes), "\r\n");
		self->tail_bytes[last] = (uint16_t)bytes;
	}
	if (ask_objects(self, options, error))
		return error->code;
	return ask_partials(self, error);
}

int
gen_ask_dns(struct gen_ask *self, struct mr_error *error)
{
	self->kind = GEN_ASK_DNS;
	return ask_partials(self, error);
}

void
gen_ask_free(struct gen_ask *self)
{
	free(self->objects);
	free(self->partials);
	free(self->partial_free);
	self->objects = NULL;
	self->partials = NULL;
	self->partial_free = NULL;
}

/* ask_last says whether the request is to ask for the close. */
static inline bool
ask_last(const struct gen_ask *self, uint32_t number)
{
	return number + 1 == self->per_connection && !self->client_closes;
}

uint16_t
gen_ask_bytes(const struct gen_ask *self, uint32_t tuple, uint32_t number)
{
	uint64_t digits;
	unsigned digit_count = 0;

	if (self->kind == GEN_ASK_DNS)
		return gen_ask_dns_bytes(self, tuple, number);
	if (self->numbered)
		digit_count = gen_digits(gen_ask_object(self, tuple, number), &digits);
	return (uint16_t)(self->head_bytes + digit_count +
			  self->tail_bytes[ask_last(self, number)]);
}

uint16_t
gen_ask_write(const struct gen_ask *self, uint32_t tuple, uint32_t number, uint8_t *out)
{
	bool last = ask_last(self, number);
	uint8_t *at = out;
	uint64_t digits;

	if (self->kind == GEN_ASK_DNS)
		return gen_ask_dns_write(self, tuple, number, out);
	memcpy(at, self->head, self->head_bytes);
	at += self->head_bytes;
	if (self->numbered) {
		unsigned count = gen_digits(gen_ask_object(self, tuple, number), &digits);

		memcpy(at, &digits, 8); /* what is above the last digit is overwritten */
		at += count;
	}
	memcpy(at, self->tails[last], self->tail_bytes[last]);
	return (uint16_t)(at + self->tail_bytes[last] - out);
}

/* ---- the answer ---- */

struct gen_partial *
gen_partial_add(struct gen_ask *self, struct gen_conn *conn, const uint8_t *bytes,
		uint32_t byte_count)
{
	struct gen_partial *partial;

	if (conn->parse != GEN_AT_PARTIAL) {
		if (!self->partial_count)
			return NULL;
		conn->crc = self->partial_free[--self->partial_count];
		conn->parse = GEN_AT_PARTIAL;
		self->partials[conn->crc].bytes = 0;
	}
	partial = &self->partials[conn->crc];
	if (partial->bytes + byte_count > GEN_ASK_PARTIAL_BYTES)
		return NULL;
	memcpy(partial->data + partial->bytes, bytes, byte_count);
	partial->bytes = (uint16_t)(partial->bytes + byte_count);
	return partial;
}

void
gen_ask_drop(struct gen_ask *self, struct gen_conn *conn)
{
	if (conn->parse == GEN_AT_PARTIAL)
		self->partial_free[self->partial_count++] = conn->crc;
	conn->parse = GEN_AT_START;
}

/* ask_field reads one header field; false when it does not hold. */
static bool
ask_field(const uint8_t *line, size_t bytes, struct ask_head *head)
{
	static const char length[] = "content-length:", connection[] = "connection:",
			  coding[] = "transfer-encoding:";
	const char *text = (const char *)line;

	if ((line[0] | 0x20) == 'c') {
		if (bytes >= sizeof(length) && strncasecmp(text, length, sizeof(length) - 1) == 0) {
			uint64_t value = 0;
			size_t at = sizeof(length) - 1;

			while (at < bytes && line[at] == ' ')
				at++;
			if (at == bytes || head->has_length)
				return false;
			for (; at < bytes && line[at] >= '0' && line[at] <= '9'; at++)
				if ((value = value * 10 + line[at] - '0') > INT32_MAX)
					return false;
			head->has_length = true;
			head->length = (uint32_t)value;
			return at == bytes || line[at] == ' ';
		}
		if (bytes >= sizeof(connection) &&
		    strncasecmp(text, connection, sizeof(connection) - 1) == 0)
			head->closes |= bytes >= sizeof(connection) + 4 &&
					(strncasecmp(text + bytes - 5, "close", 5) == 0);
	} else if ((line[0] | 0x20) == 't' && bytes >= sizeof(coding)) {
		/* Not asked for, and not read. */
		return strncasecmp(text, coding, sizeof(coding) - 1) != 0;
	}
	return true;
}

/* ask_head reads a head that lies together. Returns its bytes, 0 when more must come, -1 when it
 * is none. */
static int
ask_head(const uint8_t *bytes, size_t byte_count, struct ask_head *head)
{
	static const char version[] = "HTTP/1.1 ";
	const uint8_t *at = bytes, *end = bytes + byte_count, *line_end;

	*head = (struct ask_head){ 0 };
	for (;;) {
		size_t line_bytes;

		line_end = memchr(at, '\n', (size_t)(end - at));
		if (!line_end)
			return 0;
		if (line_end == at || line_end[-1] != '\r')
			return -1;
		line_bytes = (size_t)(line_end - at) - 1;
		if (!head->status) {
			if (line_bytes < 12 || (memcmp(at, version, 7) != 0) || at[8] != ' ')
				return -1;
			head->closes = at[7] == '0';
			for (unsigned i = 9; i < 12; i++) {
				if (at[i] < '0' || at[i] > '9')
					return -1;
				head->status = (uint16_t)(head->status * 10 + at[i] - '0');
			}
			if (head->status < 100 || (line_bytes > 12 && at[12] != ' '))
				return -1;
		} else if (!line_bytes) {
			return (int)(line_end + 1 - bytes);
		} else if (!ask_field(at, line_bytes, head)) {
			return -1;
		}
		at = line_end + 1;
	}
}

static inline struct gen_object *
ask_object(struct gen_ask *self, const struct gen_conn *conn)
{
	return &self->objects[gen_ask_object(self, conn->tuple, conn->ask_done)];
}

/* ask_judge compares a whole body with what its object is; its length was compared before. */
static enum gen_tcp_verdict
ask_judge(struct gen_object *object, uint32_t crc)
{
	if (object->bytes & GEN_OBJECT_UNKNOWN) {
		object->bytes &= ~GEN_OBJECT_UNKNOWN;
		object->crc = crc;
	}
	return object->crc == crc ? GEN_TCP_ok : GEN_TCP_wrong_body;
}

/* ask_length says whether bytes is the object's length, and learns it. */
static bool
ask_length(struct gen_object *object, uint32_t bytes)
{
	if (object->bytes == GEN_OBJECT_UNKNOWN)
		object->bytes |= bytes;
	return (object->bytes & ~GEN_OBJECT_UNKNOWN) == bytes;
}

/* ask_begin takes a head, decides how the body goes on, and returns the head's bytes: 0 when more
 * must come, -1 when it is none. */
static int
ask_begin(struct gen_ask *self, struct gen_conn *conn, const uint8_t *bytes, uint32_t byte_count)
{
	struct ask_head head;
	int head_bytes = ask_head(bytes, byte_count, &head);

	if (head_bytes <= 0)
		return head_bytes;
	if (head.status == 204 || head.status == 304) {
		head.has_length = true;
		head.length = 0;
	}
	/* A 100 was not asked for; without a length the connection's end is the body's. */
	if (head.status / 100 == 1 || (!head.has_length && !head.closes))
		return -1;
	if (head.closes)
		conn->flags |= GEN_CONN_SERVER_CLOSES;
	conn->crc = UINT32_MAX;
	conn->left = head.length;
	if (!head.has_length)
		conn->parse = GEN_AT_BODY_TO_END;
	else if (head.status == self->status)
		conn->parse = ask_length(ask_object(self, conn), head.length) ? GEN_AT_BODY
									      : GEN_AT_WRONG_LENGTH;
	if (head.status != self->status) {
		conn->parse = GEN_AT_WRONG_STATUS;
		conn->left = head.has_length ? head.length : UINT32_MAX;
	}
	return head_bytes;
}

/* ask_gather takes a head that is cut: it is gathered until it is whole. */
static MR_COLD struct gen_bite
ask_gather(struct gen_ask *self, struct gen_conn *conn, const uint8_t *bytes, uint32_t byte_count)
{
	uint32_t had = conn->parse == GEN_AT_PARTIAL ? self->partials[conn->crc].bytes : 0;
	uint32_t room = MR_MIN(byte_count, GEN_ASK_PARTIAL_BYTES - had), handle;
	struct gen_bite bite = { .bytes = room, .verdict = GEN_TCP_malformed };
	struct gen_partial *partial = gen_partial_add(self, conn, bytes, room);
	int head_bytes;

	if (!partial || !room) {
		bite.broken = true;
		return bite;
	}
	handle = conn->crc;
	head_bytes = ask_begin(self, conn, partial->data, partial->bytes);
	bite.broken = head_bytes < 0;
	if (head_bytes > 0) {
		self->partial_free[self->partial_count++] = handle;
		bite.bytes = (uint32_t)head_bytes - had;
	}
	return bite;
}

struct gen_bite
gen_ask_eat(struct gen_ask *self, struct gen_conn *conn, const uint8_t *bytes, uint32_t byte_count)
{
	struct gen_bite bite = { 0 };
	uint32_t piece;
	int head_bytes;

	if (self->kind == GEN_ASK_DNS)
		return gen_ask_dns_eat(self, conn, bytes, byte_count);
	if (conn->parse == GEN_AT_PARTIAL) {
		bite = ask_gather(self, conn, bytes, byte_count);
		if (conn->parse == GEN_AT_PARTIAL || bite.broken)
			return bite;
	} else if (conn->parse == GEN_AT_START) {
		head_bytes = ask_begin(self, conn, bytes, byte_count);
		if (mr_unlikely(head_bytes <= 0)) {
			if (head_bytes == 0)
				return ask_gather(self, conn, bytes, byte_count);
			return (struct gen_bite){ .bytes = byte_count,
						  .broken = true,
						  .verdict = GEN_TCP_malformed };
		}
		bite.bytes = (uint32_t)head_bytes;
	}
	piece = byte_count - bite.bytes;
	if (conn->parse == GEN_AT_BODY_TO_END) {
		conn->crc = ask_crc(conn->crc, bytes + bite.bytes, piece);
		conn->left = MR_MIN(conn->left + piece, (uint32_t)INT32_MAX);
		bite.bytes = byte_count;
		return bite;
	}
	piece = MR_MIN(piece, conn->left);
	if (conn->parse == GEN_AT_BODY)
		conn->crc = ask_crc(conn->crc, bytes + bite.bytes, piece);
	bite.bytes += piece;
	conn->left -= piece;
	if (conn->left)
		return bite;
	bite.done = true;
	bite.verdict = conn->parse == GEN_AT_BODY ? ask_judge(ask_object(self, conn), conn->crc)
		       : conn->parse == GEN_AT_WRONG_STATUS ? GEN_TCP_wrong_status
							    : GEN_TCP_wrong_length;
	conn->parse = GEN_AT_START;
	return bite;
}

struct gen_bite
gen_ask_end(struct gen_ask *self, struct gen_conn *conn)
{
	struct gen_bite bite = { .done = true, .verdict = GEN_TCP_closed_early };

	if (self->kind != GEN_ASK_HTTP)
		return bite;
	if (conn->parse == GEN_AT_BODY_TO_END)
		bite.verdict = ask_length(ask_object(self, conn), conn->left)
				       ? ask_judge(ask_object(self, conn), conn->crc)
				       : GEN_TCP_wrong_length;
	else if (conn->parse == GEN_AT_WRONG_STATUS && conn->left > INT32_MAX)
		bite.verdict = GEN_TCP_wrong_status;
	return bite;
}
