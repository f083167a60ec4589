/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/text - master files: open files, directives, and what a record leaves unsaid.
 *
 * What an $INCLUDE changes: the origin and the owner are given back at its end (RFC 1035 5.1); the
 * TTLs are not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text_int.h"

int
mr_text_fail(struct mr_text *self, const struct text_token *token, const char *format, ...)
{
	const struct text_entry *entry = self->generating ? &self->generated : &self->entry;
	uint32_t line = token ? token->line : entry->line;
	char what[MR_ERROR_TEXT_BYTES], column[16] = "", value[48] = "";
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	if (token && token->column)
		snprintf(column, sizeof(column), "%u:", token->column);
	if (self->generating)
		snprintf(value, sizeof(value), " ($GENERATE at %u)", self->generate_value);
	return mr_error_set(self->error, -EINVAL, "%s:%u:%s %s%s", self->source->path, line, column,
			    what, value);
}

bool
mr_text_ttl(const char *text, uint64_t *ttl)
{
	static const char units[] = "wdhms";
	static const uint32_t seconds[] = { 604800, 86400, 3600, 60, 1 };
	const uint64_t cap = 1ull << 32;
	uint64_t sum = 0, number = 0;
	bool has_digit = false, has_unit = false;

	for (; *text; text++) {
		const char *unit;

		if (*text >= '0' && *text <= '9') {
			number = MR_MIN(number * 10 + (uint64_t)(*text - '0'), cap);
			has_digit = true;
			continue;
		}
		unit = strchr(units, *text | 0x20);
		if (!unit || !*unit || !has_digit)
			return false;
		sum = MR_MIN(sum + number * seconds[unit - units], cap);
		number = 0;
		has_digit = false;
		has_unit = true;
	}
	if (has_digit == has_unit) /* "5m30" leaves open thirty of what */
		return false;
	*ttl = has_unit ? sum : number;
	return true;
}

/* ---- files ---- */

static void
text_close(struct mr_text *self)
{
	struct text_source *source = &self->stack[--self->depth];

	close(source->fd);
	free(source->buffer);
	free(source->path);
	self->source = self->depth ? source - 1 : NULL;
	ldns_rdf_deep_free(self->origin_rdf);
	self->origin_rdf = NULL;
}

/* text_check_file refuses what cannot be read to its end, and what is being read already. */
static const char *
text_check_file(const struct mr_text *self, struct text_source *source)
{
	struct stat status;

	if (fstat(source->fd, &status))
		return strerror(errno);
	if (!S_ISREG(status.st_mode))
		return "not a regular file";
	source->device = status.st_dev;
	source->inode = status.st_ino;
	for (unsigned i = 0; i < self->depth; i++)
		if (self->stack[i].device == source->device &&
		    self->stack[i].inode == source->inode)
			return "it includes itself";
	return NULL;
}

static void
text_skip_mark(struct text_source *source)
{
	static const uint8_t mark[3] = { 0xef, 0xbb, 0xbf }; /* U+FEFF, as some editors put it */
	ssize_t got = pread(source->fd, source->buffer, sizeof(mark), 0);

	if (got == sizeof(mark) && memcmp(source->buffer, mark, sizeof(mark)) == 0)
		source->line_start = source->base =
			(uint64_t)MR_MAX(lseek(source->fd, sizeof(mark), SEEK_SET), 0);
}

/* text_open makes path the innermost source. token is where its name was written, NULL for the
 * zone's own file. */
static int
text_open(struct mr_text *self, const char *path, const struct text_token *token)
{
	struct text_source *source = &self->stack[self->depth];
	const char *problem;
	int code;

	MR_ASSERT(self->depth < MR_ARRAY_COUNT(self->stack));
	*source = (struct text_source){ .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK),
					.line = 1 };
	code = source->fd < 0 ? -errno : -EINVAL;
	problem = source->fd < 0 ? strerror(errno) : text_check_file(self, source);
	if (!problem) {
		source->path = strdup(path);
		source->buffer = malloc(TEXT_BUFFER_BYTES);
		if (!source->path || !source->buffer) {
			code = -ENOMEM;
			problem = strerror(ENOMEM);
		}
	}
	if (problem) {
		if (token)
			code = mr_text_fail(self, token, "cannot include %.256s: %s", path,
					    problem);
		else
			mr_error_set(self->error, code, "%s: %s", path, problem);
		if (source->fd >= 0)
			close(source->fd);
		free(source->buffer);
		free(source->path);
		return code;
	}
	text_skip_mark(source);
	if (self->depth > 0) {
		memcpy(source->origin, self->source->origin, self->source->origin_bytes);
		source->origin_bytes = self->source->origin_bytes;
	}
	self->depth++;
	self->source = source;
	return 0;
}

/* ---- directives ---- */

static int
text_set_origin(struct mr_text *self, const struct text_token *token)
{
	uint8_t wire[MR_ZONE_NAME_BYTES];
	int bytes = mr_text_name(self, &self->entry, token, wire);

	if (bytes < 0)
		return bytes;
	memcpy(self->source->origin, wire, (size_t)bytes);
	self->source->origin_bytes = (uint16_t)bytes;
	ldns_rdf_deep_free(self->origin_rdf);
	self->origin_rdf = NULL;
	return 0;
}

static int
text_include(struct mr_text *self)
{
	const struct text_entry *entry = &self->entry;
	const struct text_token *token = &entry->tokens[1];
	const char *name = text_of(entry, token), *slash = strrchr(self->source->path, '/');
	struct text_source *parent = self->source;
	uint8_t origin[MR_ZONE_NAME_BYTES];
	int origin_bytes = 0, status;
	char *path;

	if (self->depth > MR_ZONE_INCLUDE_DEPTH)
		return mr_text_fail(self, token, "more than %d files deep", MR_ZONE_INCLUDE_DEPTH);
	if (self->include_count++ == TEXT_INCLUDES_MAX)
		return mr_text_fail(self, token, "more than %d includes", TEXT_INCLUDES_MAX);
	if (entry->count > 2) {
		origin_bytes = mr_text_name(self, entry, &entry->tokens[2], origin);
		if (origin_bytes < 0)
			return origin_bytes;
	}
	if (name[0] == '/' || !slash)
		path = strdup(name);
	else if (asprintf(&path, "%.*s%s", (int)(slash + 1 - parent->path), parent->path, name) < 0)
		path = NULL;
	if (!path)
		return mr_error_set(self->error, -ENOMEM, "no memory for a file name");
	status = text_open(self, path, token);
	free(path);
	if (status || !origin_bytes)
		return status;
	memcpy(self->source->origin, origin, (size_t)origin_bytes);
	self->source->origin_bytes = (uint16_t)origin_bytes;
	ldns_rdf_deep_free(self->origin_rdf);
	self->origin_rdf = NULL;
	return 0;
}

static int
text_ttl_value(struct mr_text *self, const struct text_entry *entry, const struct text_token *token,
	       uint32_t *ttl)
{
	uint64_t value;

	if (!mr_text_ttl(text_of(entry, token), &value))
		return mr_text_fail(self, token, "\"%.64s\" is no TTL: seconds, or like 1h30m",
				    text_of(entry, token));
	if (value > TEXT_TTL_MAX)
		return mr_text_fail(self, token, "TTL %.64s is out of range, 0 to %d seconds",
				    text_of(entry, token), TEXT_TTL_MAX);
	*ttl = (uint32_t)value;
	return 0;
}

static int
text_directive(struct mr_text *self)
{
	const struct text_entry *entry = &self->entry;
	const struct text_token *first = &entry->tokens[0];
	const char *name = text_of(entry, first);
	bool origin = strcasecmp(name, "$ORIGIN") == 0, ttl = strcasecmp(name, "$TTL") == 0;
	bool include = strcasecmp(name, "$INCLUDE") == 0;

	if (strcasecmp(name, "$GENERATE") == 0)
		return mr_text_generate(self);
	if (!origin && !ttl && !include)
		return mr_text_fail(self, first,
				    "unknown directive \"%.64s\": there are $ORIGIN, $TTL, "
				    "$INCLUDE and $GENERATE",
				    name);
	if (entry->count < 2)
		return mr_text_fail(self, first, "%s needs %s", name,
				    origin ? "a name"
				    : ttl  ? "a TTL"
					   : "a file name");
	if (entry->count > (include ? 3u : 2u))
		return mr_text_fail(self, &entry->tokens[include ? 3 : 2],
				    "\"%.64s\" is too much for %s",
				    text_of(entry, &entry->tokens[include ? 3 : 2]), name);
	if (origin)
		return text_set_origin(self, &entry->tokens[1]);
	if (include)
		return text_include(self);
	self->has_default_ttl = true;
	return text_ttl_value(self, entry, &entry->tokens[1], &self->default_ttl);
}

/* ---- records ---- */

static int
text_owner(struct mr_text *self, const struct text_entry *entry)
{
	struct text_source *source = self->source;
	int bytes;

	if (entry->blank_owner) {
		if (source->owner_bytes)
			return 0;
		return mr_text_fail(self, &entry->tokens[0],
				    "no owner: the line begins with white space, and no record "
				    "comes before it in this file");
	}
	bytes = mr_text_name(self, entry, &entry->tokens[0], source->owner);
	if (bytes < 0) {
		source->owner_bytes = 0;
		return bytes;
	}
	source->owner_bytes = (uint16_t)bytes;
	return 0;
}

/* text_class says whether text is a class; what is not IN is refused by the caller. */
static bool
text_class(const char *text, uint16_t *rr_class)
{
	uint64_t number;

	if (strcasecmp(text, "IN") == 0)
		*rr_class = LDNS_RR_CLASS_IN;
	else if (strcasecmp(text, "CH") == 0)
		*rr_class = LDNS_RR_CLASS_CH;
	else if (strcasecmp(text, "HS") == 0)
		*rr_class = LDNS_RR_CLASS_HS;
	else if (strncasecmp(text, "CLASS", 5) == 0 &&
		 mr_text_number(text + 5, UINT16_MAX, &number))
		*rr_class = (uint16_t)number;
	else
		return false;
	return true;
}

/* text_record_ttl fills in a TTL that was not written. */
static int
text_record_ttl(struct mr_text *self, struct mr_zone_record *record, bool written,
		const struct text_token *type_token)
{
	if (record->type == LDNS_RR_TYPE_SOA && record->rdata_bytes >= 22) {
		uint32_t minimum = mr_load_be32(record->rdata + record->rdata_bytes - 4);

		self->soa_minimum = MR_MIN(minimum, (uint32_t)TEXT_TTL_MAX);
		self->has_soa_minimum = true;
	}
	if (written) {
		self->last_ttl = record->ttl;
		self->has_last_ttl = true;
	} else if (self->has_default_ttl)
		record->ttl = self->default_ttl;
	else if (self->has_last_ttl)
		record->ttl = self->last_ttl;
	else if (self->has_soa_minimum)
		record->ttl = self->soa_minimum;
	else
		return mr_text_fail(self, type_token,
				    "no TTL: none is written here or before, and "
				    "there is no $TTL");
	return 0;
}

static bool
text_type_is_meta(uint16_t type)
{
	return type == 0 || type == LDNS_RR_TYPE_OPT || (type >= 128 && type <= 255) ||
	       type == UINT16_MAX; /* RFC 6895 3.1 */
}

/* text_head reads [TTL] [class] type in either order of the first two, from token *at on. */
static int
text_head(struct mr_text *self, const struct text_entry *entry, uint32_t *at,
	  struct mr_zone_record *record, bool *ttl_written)
{
	const struct text_token *token;
	const char *text;
	bool class_written = false;

	for (;; (*at)++) {
		if (*at == entry->count)
			return mr_text_fail(self, &entry->tokens[*at - 1],
					    "the type is missing after \"%.64s\"",
					    text_of(entry, &entry->tokens[*at - 1]));
		token = &entry->tokens[*at];
		text = text_of(entry, token);
		if (!*ttl_written && *text >= '0' && *text <= '9') {
			if (text_ttl_value(self, entry, token, &record->ttl))
				return -EINVAL;
			*ttl_written = true;
		} else if (!class_written && text_class(text, &record->rr_class))
			class_written = true;
		else
			break;
		if (class_written && record->rr_class != LDNS_RR_CLASS_IN)
			return mr_text_fail(self, token, "class %.32s: only IN is served", text);
	}
	if (token->quoted || !mr_text_type(text, &record->type))
		return mr_text_fail(self, token, "unknown type \"%.64s\"", text);
	if (text_type_is_meta(record->type))
		return mr_text_fail(self, token, "%.32s is not a type of zone data", text);
	return 0;
}

int
mr_text_record(struct mr_text *self, const struct text_entry *entry)
{
	struct mr_zone_record record = { .rr_class = LDNS_RR_CLASS_IN,
					 .owner = self->source->owner,
					 .rdata = self->rdata,
					 .file = self->source->path,
					 .line = entry->line,
					 .column = entry->tokens[0].column };
	uint32_t at = entry->blank_owner ? 0 : 1;
	bool ttl_written = false;
	int bytes, status;

	if (text_owner(self, entry) || text_head(self, entry, &at, &record, &ttl_written))
		return -EINVAL;
	bytes = mr_text_rdata(self, entry, at + 1, record.type, &entry->tokens[at]);
	if (bytes < 0)
		return bytes;
	record.owner_bytes = self->source->owner_bytes;
	record.rdata_bytes = (uint16_t)bytes;
	if (text_record_ttl(self, &record, ttl_written, &entry->tokens[at]))
		return -EINVAL;
	status = self->on_record(self->context, &record, self->error);
	if (status && !(self->error && self->error->code))
		mr_text_fail(self, NULL, "the record was refused");
	return status;
}

static int
text_apply(struct mr_text *self)
{
	const struct text_entry *entry = &self->entry;
	const struct text_token *first = &entry->tokens[0];

	if (entry->text[first->at] != '$' || first->quoted)
		return mr_text_record(self, entry);
	if (entry->blank_owner)
		return mr_text_fail(self, first, "a directive begins in the first column");
	return text_directive(self);
}

/* text_applied is text_apply; an error in the text of one entry is told to who wants to go on. */
static int
text_applied(struct mr_text *self)
{
	int status = text_apply(self);

	if (status != -EINVAL || !self->on_error)
		return status;
	status = self->on_error(self->context, self->error);
	if (!status)
		self->error->code = 0; /* so that the next one is kept */
	return status;
}

static int
text_run(struct mr_text *self)
{
	while (self->depth > 0) {
		int status = mr_text_lex(self, self->source, &self->entry);

		if (status > 0)
			status = text_applied(self);
		else if (status == 0)
			text_close(self);
		if (status < 0)
			return status;
	}
	return 0;
}

int
mr_zone_text_read(const char *path, const char *origin, mr_zone_record_fn *on_record, void *context,
		  struct mr_error *error)
{
	return mr_zone_text_scan(path, origin, on_record, NULL, context, error);
}

int
mr_zone_text_scan(const char *path, const char *origin, mr_zone_record_fn *on_record,
		  mr_zone_text_error_fn *on_error, void *context, struct mr_error *error)
{
	struct mr_text *self = calloc(1, sizeof(*self));
	int status = -ENOMEM, bytes;

	if (self) {
		self->entry.text = malloc(TEXT_ENTRY_BYTES);
		self->entry.tokens = malloc(TEXT_TOKENS * sizeof(*self->entry.tokens));
		self->rdata = malloc(TEXT_RDATA_BYTES);
		self->line = malloc(TEXT_LINE_BYTES);
	}
	if (!self || !self->entry.text || !self->entry.tokens || !self->rdata || !self->line) {
		mr_error_set(error, status, "%s: no memory to read it", path);
		goto out;
	}
	self->error = error;
	self->on_record = on_record;
	self->on_error = on_error;
	self->context = context;
	status = text_open(self, path, NULL);
	if (status)
		goto out;
	if (origin) {
		bytes = mr_zone_name_from_text(origin, self->source->origin);
		if (bytes < 0) {
			status = mr_error_set(error, bytes, "\"%.256s\" is not a zone's name",
					      origin);
			goto out;
		}
		self->source->origin_bytes = (uint16_t)bytes;
	}
	status = text_run(self);
out:
	while (self && self->depth > 0)
		text_close(self);
	if (self) {
		free(self->line);
		free(self->rdata);
		free(self->entry.tokens);
		free(self->entry.text);
		free(self->generated.tokens);
		free(self->generated.text);
	}
	free(self);
	return status;
}
