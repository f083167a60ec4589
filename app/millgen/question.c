/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/question - reads patterns and files of questions.
 */
#include "question.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sum.h"

enum { QUESTION_LINE_BYTES = 1200 };

static const struct {
	const char *name;
	uint16_t type;
} question_types[] = {
	{ "A", 1 },       { "NS", 2 },          { "CNAME", 5 },  { "SOA", 6 },    { "PTR", 12 },
	{ "HINFO", 13 },  { "MX", 15 },         { "TXT", 16 },   { "RP", 17 },    { "AFSDB", 18 },
	{ "AAAA", 28 },   { "LOC", 29 },        { "SRV", 33 },   { "NAPTR", 35 }, { "CERT", 37 },
	{ "DNAME", 39 },  { "DS", 43 },         { "SSHFP", 44 }, { "RRSIG", 46 }, { "NSEC", 47 },
	{ "DNSKEY", 48 }, { "NSEC3PARAM", 51 }, { "TLSA", 52 },  { "CDS", 59 },   { "CDNSKEY", 60 },
	{ "SVCB", 64 },   { "HTTPS", 65 },      { "SPF", 99 },   { "ANY", 255 },  { "CAA", 257 },
};

static bool
question_type(const char *text, uint16_t *type)
{
	char *end;
	unsigned long number;

	for (size_t i = 0; i < MR_ARRAY_COUNT(question_types); i++)
		if (strcasecmp(text, question_types[i].name) == 0) {
			*type = question_types[i].type;
			return true;
		}
	if (strncasecmp(text, "TYPE", 4) != 0 || !isdigit((unsigned char)text[4]))
		return false;
	number = strtoul(text + 4, &end, 10);
	if (*end || number > UINT16_MAX)
		return false;
	*type = (uint16_t)number;
	return true;
}

/* question_escape reads one byte of a name at *text, "\." and "\DDD" included; -1 when malformed. */
static int
question_escape(const char **text)
{
	const unsigned char *p = (const unsigned char *)*text;
	int byte;

	if (p[0] != '\\') {
		*text += 1;
		return p[0];
	}
	if (!isdigit(p[1])) {
		*text += p[1] ? 2 : 1;
		return p[1] ? p[1] : -1;
	}
	if (!isdigit(p[2]) || !isdigit(p[3]))
		return -1;
	byte = (p[1] - '0') * 100 + (p[2] - '0') * 10 + (p[3] - '0');
	*text += 4;
	return byte <= 255 ? byte : -1;
}

/* question_name writes a name as labels and returns its bytes, or 0 with *wrong saying why. Where
 * "%u" stands, *number_offset and *label_offset tell (only when number_offset is not NULL). */
static uint16_t
question_name(const char *text, uint8_t out[GEN_QUESTION_MAX_BYTES], uint16_t *number_offset,
	      uint16_t *label_offset, const char **wrong)
{
	unsigned label = 0, at = 1, number_label = UINT32_MAX;

	if (strcmp(text, ".") == 0)
		text = "";
	while (*text) {
		int byte;

		if (*text == '.') {
			if (at - label == 1 && label != number_label) {
				*wrong = "an empty label";
				return 0;
			}
			out[label] = (uint8_t)(at - label - 1);
			label = at++;
			text++;
			continue;
		}
		if (number_offset && strncmp(text, "%u", 2) == 0) {
			*number_offset = (uint16_t)at;
			*label_offset = (uint16_t)label;
			number_label = label;
			number_offset = NULL;
			text += 2;
			continue;
		}
		byte = question_escape(&text);
		if (byte < 0) {
			*wrong = "a malformed escape";
			return 0;
		}
		if (at - label > 63 || at >= 254) {
			*wrong = at >= 254 ? "a name of more than 255 bytes"
					   : "a label of more than 63 bytes";
			return 0;
		}
		out[at++] = (uint8_t)byte;
	}
	out[label] = (uint8_t)(at - label - 1);
	if (out[label] || label == number_label)
		out[at++] = 0;
	return (uint16_t)at;
}

int
gen_question_pattern(struct gen_question_set *self, const char *text, uint32_t count,
		     struct mr_error *error)
{
	char name[QUESTION_LINE_BYTES], type[32] = "A";
	uint8_t wire[GEN_QUESTION_MAX_BYTES];
	uint16_t bytes, number = 0;
	const char *wrong = NULL;

	memset(self, 0, sizeof(*self));
	self->is_pattern = true;
	self->count = count;
	if (count < 1 || count >= GEN_NUMBER_LIMIT)
		return mr_error_set(error, -ERANGE, "count %u is not 1..%d", count,
				    GEN_NUMBER_LIMIT - 1);
	if (strlen(text) >= sizeof(name) || sscanf(text, "%1199s %31s", name, type) < 1)
		return mr_error_set(error, -EINVAL, "a pattern is like 'h%%u.example.com A'");
	if (!question_type(type, &self->qtype))
		return mr_error_set(error, -EINVAL, "pattern '%s': unknown type '%s'", text, type);
	bytes = question_name(name, wire, &number, &self->label_offset, &wrong);
	if (!bytes)
		return mr_error_set(error, -EINVAL, "pattern '%s': %s", text, wrong);
	if (!number)
		return mr_error_set(error, -EINVAL, "pattern '%s' has no %%u", text);
	if (wire[self->label_offset] + GEN_DIGITS_MAX > 63 || bytes + GEN_DIGITS_MAX > 255)
		return mr_error_set(error, -EINVAL, "pattern '%s': no room for %d digits", text,
				    GEN_DIGITS_MAX);
	self->head_bytes = number;
	memcpy(self->head, wire, number);
	self->tail_bytes = (uint16_t)(bytes - number + 4);
	memcpy(self->tail, wire + number, bytes - number);
	mr_store_be16(self->tail + bytes - number, self->qtype);
	mr_store_be16(self->tail + bytes - number + 2, 1);
	return 0;
}

/* question_append adds one question to the list; block and list grow by doubling. */
static int
question_append(struct gen_question_set *self, size_t *room, size_t *block_room,
		size_t *block_bytes, const uint8_t *wire, uint16_t bytes)
{
	size_t padded = mr_round_up(bytes + GEN_QUESTION_PAD_BYTES, 32);
	struct gen_question *q;

	if (self->count == *room) {
		size_t wanted = *room ? *room * 2 : 1024;
		void *grown = realloc(self->list, wanted * sizeof(*self->list));

		if (!grown)
			return -ENOMEM;
		self->list = grown;
		*room = wanted;
	}
	if (*block_bytes + padded > *block_room) {
		size_t wanted = *block_room ? *block_room * 2 : 65536;
		void *grown = realloc(self->block, wanted);

		if (!grown)
			return -ENOMEM;
		self->block = grown;
		*block_room = wanted;
	}
	if (*block_bytes + padded > UINT32_MAX || self->count == GEN_QUESTION_LIST_MAX)
		return -EFBIG;
	q = &self->list[self->count++];
	*q = (struct gen_question){ (uint32_t)*block_bytes, bytes,
				    gen_sum_fold(gen_sum_bytes(0, wire, bytes)) };
	memset(self->block + *block_bytes, 0, padded);
	memcpy(self->block + *block_bytes, wire, bytes);
	*block_bytes += padded;
	return 0;
}

int
gen_question_load(struct gen_question_set *self, const char *path, struct mr_error *error)
{
	char line[QUESTION_LINE_BYTES], name[QUESTION_LINE_BYTES], type[32];
	size_t room = 0, block_room = 0, block_bytes = 0, line_number = 0;
	uint8_t wire[GEN_QUESTION_MAX_BYTES];
	const char *wrong = NULL;
	int code = 0, fields;
	FILE *file;

	memset(self, 0, sizeof(*self));
	file = fopen(path, "re");
	if (!file)
		return mr_error_set(error, -errno, "%s: %s", path, strerror(errno));
	while (!code && fgets(line, sizeof(line), file)) {
		uint16_t bytes, qtype;

		line_number++;
		if (!strchr(line, '\n') && !feof(file)) {
			code = mr_error_set(error, -EINVAL, "%s:%zu: the line is too long", path,
					    line_number);
			break;
		}
		fields = sscanf(line, "%1199s %31s", name, type);
		if (fields < 1 || name[0] == '#' || name[0] == ';')
			continue;
		if (fields < 2 || !question_type(type, &qtype)) {
			code = mr_error_set(error, -EINVAL, "%s:%zu: expected 'name TYPE'%s%s",
					    path, line_number, fields < 2 ? "" : "; unknown type ",
					    fields < 2 ? "" : type);
			break;
		}
		bytes = question_name(name, wire, NULL, NULL, &wrong);
		if (!bytes) {
			code = mr_error_set(error, -EINVAL, "%s:%zu: %s", path, line_number, wrong);
			break;
		}
		mr_store_be16(wire + bytes, qtype);
		mr_store_be16(wire + bytes + 2, 1);
		code = question_append(self, &room, &block_room, &block_bytes, wire,
				       (uint16_t)(bytes + 4));
		if (code)
			mr_error_set(error, code, "%s:%zu: no memory for more questions", path,
				     line_number);
	}
	fclose(file);
	if (!code && !self->count)
		code = mr_error_set(error, -EINVAL, "%s: no questions", path);
	if (code)
		gen_question_free(self);
	return code;
}

void
gen_question_free(struct gen_question_set *self)
{
	free(self->list);
	free(self->block);
	self->list = NULL;
	self->block = NULL;
	self->count = 0;
}

uint16_t
gen_question_write(const struct gen_question_set *self, uint32_t index,
		   uint8_t out[GEN_QUESTION_MAX_BYTES])
{
	char digits[GEN_DIGITS_MAX + 3];
	int count;

	if (!self->is_pattern) {
		const struct gen_question *q = &self->list[index];

		memcpy(out, self->block + q->offset, q->bytes);
		return q->bytes;
	}
	MR_ASSERT(index < GEN_NUMBER_LIMIT);
	count = snprintf(digits, sizeof(digits), "%u", index);
	memcpy(out, self->head, self->head_bytes);
	out[self->label_offset] = (uint8_t)(out[self->label_offset] + count);
	memcpy(out + self->head_bytes, digits, (size_t)count);
	memcpy(out + self->head_bytes + count, self->tail, self->tail_bytes);
	return (uint16_t)(self->head_bytes + count + self->tail_bytes);
}
