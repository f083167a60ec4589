/* SPDX-License-Identifier: Apache-2.0
 *
 * http/head - see head.h. The order of the code is the order of the states there.
 */
#include "http_int.h"

enum head_state {
	HEAD_START,
	HEAD_METHOD,
	HEAD_TARGET,
	HEAD_VERSION,
	HEAD_STATUS,
	HEAD_REASON,
	HEAD_LINE_LF,
	HEAD_FIELD,
	HEAD_NAME,
	HEAD_OWS,
	HEAD_VALUE,
	HEAD_VALUE_LF,
	HEAD_END_LF,
	HEAD_DONE,
	HEAD_REFUSED,
};

/* What one step of the machine comes to. */
enum head_step { STEP_GO, STEP_MORE, STEP_REFUSED };

struct head_run {
	struct mr_http_head *self;
	struct mr_http_message *message;
	const struct mr_http_limits *limits;
	const uint8_t *bytes;
	uint32_t end; /* of what may be looked at: the bytes given, or the limit */
};

static void
head_init(struct mr_http_head *self, enum mr_http_kind kind, enum mr_http_method request_method)
{
	static const uint8_t first[] = { [MR_HTTP_REQUEST] = HEAD_START,
					 [MR_HTTP_RESPONSE] = HEAD_STATUS,
					 [MR_HTTP_TRAILERS] = HEAD_FIELD };

	*self = (struct mr_http_head){ .kind = (uint8_t)kind,
				       .request_method = (uint8_t)request_method,
				       .state = first[kind] };
}

void
mr_http_head_request(struct mr_http_head *self)
{
	head_init(self, MR_HTTP_REQUEST, MR_HTTP_METHOD_OTHER);
}

void
mr_http_head_response(struct mr_http_head *self, enum mr_http_method request_method)
{
	head_init(self, MR_HTTP_RESPONSE, request_method);
}

void
mr_http_head_trailers(struct mr_http_head *self)
{
	head_init(self, MR_HTTP_TRAILERS, MR_HTTP_METHOD_OTHER);
}

bool
mr_http_head_begun(const struct mr_http_head *self)
{
	return self->at > 0 && self->state != HEAD_START;
}

MR_COLD static enum head_step
head_refuse(const struct head_run *run, enum mr_http_refusal refusal)
{
	run->self->state = HEAD_REFUSED;
	run->message->refusal = (uint8_t)refusal;
	run->message->close = true;
	run->message->kind = run->self->kind;
	return STEP_REFUSED;
}

/* Nothing is left to look at: wait, unless the limit is what ended it. */
MR_COLD static enum head_step
head_short(const struct head_run *run)
{
	if (run->self->at < run->limits->head_bytes)
		return STEP_MORE;
	if (run->self->state == HEAD_METHOD)
		return head_refuse(run, MR_HTTP_REFUSED_METHOD_LONG);
	if (run->self->state == HEAD_TARGET)
		return head_refuse(run, MR_HTTP_REFUSED_TARGET_LONG);
	return head_refuse(run, MR_HTTP_REFUSED_HEAD_LONG);
}

/* Empty lines before a start line are skipped (RFC 9112 2.2), a bounded number of them. */
static enum head_step
head_start(const struct head_run *run)
{
	struct mr_http_head *self = run->self;

	for (; self->at < run->end; self->at++) {
		uint8_t c = run->bytes[self->at];
		bool lf = self->empty_lines & 1; /* a CR was just seen */

		if (lf && c != '\n')
			return head_refuse(run, MR_HTTP_REFUSED_LINE_END);
		if (!lf && c != '\r') {
			self->mark = self->at;
			self->state = HEAD_METHOD;
			return STEP_GO;
		}
		if (++self->empty_lines > 2 * MR_HTTP_EMPTY_LINES_MAX)
			return head_refuse(run, MR_HTTP_REFUSED_START_LINE);
	}
	return head_short(run);
}

/* head_token scans on, in a class and up to limit octets from the mark. */
static inline enum head_step
head_token(const struct head_run *run, const struct http_class *class, uint32_t limit,
	   enum mr_http_refusal too_long)
{
	struct mr_http_head *self = run->self;
	uint32_t stop = MR_MIN(run->end, self->mark + limit + 1);

	self->at = http_scan(class, run->bytes, self->at, stop);
	if (mr_unlikely(self->at - self->mark > limit))
		return head_refuse(run, too_long);
	return mr_likely(self->at < run->end) ? STEP_GO : head_short(run);
}

/* head_pattern compares with a text in which D stands for any digit. */
static enum head_step
head_pattern(const struct head_run *run, const char *pattern, uint32_t pattern_bytes,
	     enum mr_http_refusal otherwise)
{
	struct mr_http_head *self = run->self;

	for (; self->at - self->mark < pattern_bytes; self->at++) {
		char expected = pattern[self->at - self->mark];

		if (self->at == run->end)
			return head_short(run);
		if (expected == 'D' ? !http_is_digit(run->bytes[self->at])
				    : run->bytes[self->at] != (uint8_t)expected)
			return head_refuse(run, otherwise);
	}
	return STEP_GO;
}

static struct mr_http_span
head_span(const struct mr_http_head *self)
{
	return (struct mr_http_span){ (uint16_t)self->mark, (uint16_t)(self->at - self->mark) };
}

/* Major version 1 is ours; 0.9, 2.0 and the like have a form of their own. */
static enum head_step
head_version(const struct head_run *run)
{
	struct mr_http_head *self = run->self;
	enum head_step step = head_pattern(run, "HTTP/D.D", 8, MR_HTTP_REFUSED_START_LINE);
	const uint8_t *text = run->bytes + self->mark;

	if (step != STEP_GO)
		return step;
	if (text[5] != '1')
		return head_refuse(run, MR_HTTP_REFUSED_VERSION);
	run->message->version_minor = (uint8_t)(text[7] - '0');
	return STEP_GO;
}

/* head_lf takes the LF that ends a start line or a field. */
static inline enum head_step
head_lf(const struct head_run *run)
{
	struct mr_http_head *self = run->self;

	if (self->at == run->end)
		return head_short(run);
	if (run->bytes[self->at] != '\n')
		return head_refuse(run, MR_HTTP_REFUSED_LINE_END);
	self->at++;
	self->state = HEAD_FIELD;
	return STEP_GO;
}

/* head_line_cr takes the CR behind a start line. */
static enum head_step
head_line_cr(const struct head_run *run)
{
	uint8_t c = run->bytes[run->self->at];

	if (c != '\r')
		return head_refuse(run, c == '\n' ? MR_HTTP_REFUSED_LINE_END
						  : MR_HTTP_REFUSED_START_LINE);
	run->self->at++;
	run->self->state = HEAD_LINE_LF;
	return head_lf(run);
}

static enum head_step
head_request_version(const struct head_run *run)
{
	enum head_step step = head_version(run);

	if (step != STEP_GO)
		return step;
	return run->self->at < run->end ? head_line_cr(run) : head_short(run);
}

static enum head_step
head_target(const struct head_run *run)
{
	struct mr_http_head *self = run->self;
	enum head_step step = head_token(run, &http_class_target, run->limits->target_bytes,
					 MR_HTTP_REFUSED_TARGET_LONG);
	uint8_t c;

	if (step != STEP_GO)
		return step;
	c = run->bytes[self->at];
	if (c != ' ' || self->at == self->mark) /* CR: no version, so HTTP/0.9 */
		return head_refuse(run, c == ' ' || c == '\r' || c == '\n'
						? MR_HTTP_REFUSED_START_LINE
						: MR_HTTP_REFUSED_TARGET);
	run->message->target = head_span(self);
	self->mark = ++self->at;
	self->state = HEAD_VERSION;
	return head_request_version(run);
}

static enum head_step
head_method(const struct head_run *run)
{
	struct mr_http_head *self = run->self;
	enum head_step step = head_token(run, &http_class_token, MR_HTTP_METHOD_BYTES_MAX,
					 MR_HTTP_REFUSED_METHOD_LONG);

	if (step != STEP_GO)
		return step;
	if (run->bytes[self->at] != ' ' || self->at == self->mark)
		return head_refuse(run, MR_HTTP_REFUSED_START_LINE);
	run->message->method_text = head_span(self);
	self->mark = ++self->at;
	self->state = HEAD_TARGET;
	return head_target(run);
}

static enum head_step
head_reason(const struct head_run *run)
{
	struct mr_http_head *self = run->self;
	enum head_step step = head_token(run, &http_class_value, run->limits->field_line_bytes,
					 MR_HTTP_REFUSED_HEAD_LONG);

	if (step != STEP_GO)
		return step;
	run->message->reason = head_span(self);
	return head_line_cr(run);
}

/* Origins are met that leave out the space behind a code without a reason: nothing is ambiguous in
 * that, so it is let pass. */
static enum head_step
head_status(const struct head_run *run)
{
	struct mr_http_head *self = run->self;
	enum head_step step = head_version(run);
	const uint8_t *text = run->bytes + self->mark;

	if (step != STEP_GO)
		return step;
	step = head_pattern(run, "HTTP/1.D DDD", 12, MR_HTTP_REFUSED_START_LINE);
	if (step != STEP_GO)
		return step;
	if (self->at == run->end)
		return head_short(run);
	run->message->status =
		(uint16_t)((text[9] - '0') * 100 + (text[10] - '0') * 10 + (text[11] - '0'));
	if (run->message->status < 100 || run->message->status > 599)
		return head_refuse(run, MR_HTTP_REFUSED_STATUS);
	if (run->bytes[self->at] != ' ')
		return head_line_cr(run);
	self->mark = ++self->at;
	self->state = HEAD_REASON;
	return head_reason(run);
}

/* Gateways that make variables of names take _ for -. So a name that would become one of framing,
 * routing or the connection is not let by (there is no such field in any registry). */
MR_COLD static bool
head_is_disguised(const uint8_t *name, uint32_t bytes)
{
	uint8_t dashed[MR_HTTP_NAME_BYTES_MAX];
	enum mr_http_field_id id;

	for (uint32_t i = 0; i < bytes; i++)
		dashed[i] = name[i] == '_' ? '-' : name[i];
	id = mr_http_field_find(dashed, bytes, bytes);
	return mr_http_field_flags(id) & (FIELD_PINNED | FIELD_HOP);
}

/* head_push adds the field line that ends before the CR at self->at. */
static inline enum head_step
head_push(const struct head_run *run)
{
	struct mr_http_head *self = run->self;
	struct mr_http_message *message = run->message;
	uint32_t name_bytes = self->name_end - self->mark, value_end = self->at;
	static const uint8_t once[] = { [MR_HTTP_REQUEST] = FIELD_ONE_Q,
					[MR_HTTP_RESPONSE] = FIELD_ONE_S,
					[MR_HTTP_TRAILERS] = 0 }; /* what matters is dropped */
	enum mr_http_field_id id;

	if (message->field_count >= run->limits->fields)
		return head_refuse(run, MR_HTTP_REFUSED_FIELD_COUNT);
	while (value_end > self->value_at && http_is_blank(run->bytes[value_end - 1]))
		value_end--;
	id = mr_http_field_find(run->bytes + self->mark, name_bytes, run->end - self->mark);
	message->fields[message->field_count++] =
		(struct mr_http_field){ .name_at = (uint16_t)self->mark,
					.name_bytes = (uint8_t)name_bytes,
					.value_at = (uint16_t)self->value_at,
					.value_bytes = (uint16_t)(value_end - self->value_at),
					.id = (uint8_t)id };
	if (id == MR_HTTP_FIELD_OTHER) {
		if (mr_unlikely(memchr(run->bytes + self->mark, '_', name_bytes)) &&
		    head_is_disguised(run->bytes + self->mark, name_bytes))
			return head_refuse(run, MR_HTTP_REFUSED_FIELD_NAME);
		return STEP_GO;
	}
	if (message->known[id] == 0)
		message->known[id] = message->field_count;
	else if (mr_http_field_flags(id) & once[message->kind])
		return head_refuse(run, MR_HTTP_REFUSED_FIELD_TWICE);
	return STEP_GO;
}

static inline enum head_step
head_value(const struct head_run *run)
{
	struct mr_http_head *self = run->self;
	enum head_step step = head_token(run, &http_class_value, run->limits->field_line_bytes,
					 MR_HTTP_REFUSED_FIELD_LONG);

	if (mr_unlikely(step != STEP_GO))
		return step;
	if (mr_unlikely(run->bytes[self->at] != '\r'))
		return head_refuse(run, run->bytes[self->at] == '\n' ? MR_HTTP_REFUSED_LINE_END
								     : MR_HTTP_REFUSED_OCTET);
	step = head_push(run);
	if (mr_unlikely(step != STEP_GO))
		return step;
	self->at++;
	self->state = HEAD_VALUE_LF;
	return head_lf(run);
}

static inline enum head_step
head_ows(const struct head_run *run)
{
	struct mr_http_head *self = run->self;
	uint32_t stop = MR_MIN(run->end, self->mark + run->limits->field_line_bytes + 1);

	while (self->at < stop && http_is_blank(run->bytes[self->at]))
		self->at++;
	if (mr_unlikely(self->at - self->mark > run->limits->field_line_bytes))
		return head_refuse(run, MR_HTTP_REFUSED_FIELD_LONG);
	if (mr_unlikely(self->at == run->end))
		return head_short(run);
	self->value_at = self->at;
	self->state = HEAD_VALUE;
	return head_value(run);
}

static inline enum head_step
head_name(const struct head_run *run)
{
	struct mr_http_head *self = run->self;
	enum head_step step = head_token(run, &http_class_token, MR_HTTP_NAME_BYTES_MAX,
					 MR_HTTP_REFUSED_FIELD_LONG);

	if (mr_unlikely(step != STEP_GO))
		return step;
	if (mr_unlikely(run->bytes[self->at] != ':' || self->at == self->mark))
		return head_refuse(run, MR_HTTP_REFUSED_FIELD_NAME);
	self->name_end = self->at++;
	self->state = HEAD_OWS;
	return head_ows(run);
}

static inline enum head_step
head_field(const struct head_run *run)
{
	struct mr_http_head *self = run->self;
	uint8_t c;

	if (mr_unlikely(self->at == run->end))
		return head_short(run);
	c = run->bytes[self->at];
	self->mark = self->at;
	if (mr_unlikely(c == '\r')) {
		self->at++;
		self->state = HEAD_END_LF;
		return STEP_GO;
	}
	if (mr_unlikely(http_is_blank(c) || c == '\n'))
		return head_refuse(run,
				   c == '\n' ? MR_HTTP_REFUSED_LINE_END : MR_HTTP_REFUSED_FOLDED);
	self->state = HEAD_NAME;
	return head_name(run);
}

/* head_end takes the LF of the empty line and asks what it all means. */
static enum head_step
head_end(const struct head_run *run)
{
	struct mr_http_head *self = run->self;
	struct mr_http_message *message = run->message;
	enum mr_http_refusal refusal = MR_HTTP_REFUSED_NOT;

	if (self->at == run->end)
		return head_short(run);
	if (run->bytes[self->at] != '\n')
		return head_refuse(run, MR_HTTP_REFUSED_LINE_END);
	self->at++;
	message->head_bytes = (uint16_t)self->at;
	if (self->kind == MR_HTTP_REQUEST)
		refusal = http_request_finish(message, run->limits, run->bytes);
	else if (self->kind == MR_HTTP_RESPONSE)
		refusal = http_response_finish(message, run->limits, run->bytes);
	if (refusal != MR_HTTP_REFUSED_NOT)
		return head_refuse(run, refusal);
	self->state = HEAD_DONE;
	return STEP_GO;
}

/* The fields need no clearing: field_count says how many there are. */
static void
head_clear(const struct mr_http_head *self, struct mr_http_message *message)
{
	memset(message, 0, offsetof(struct mr_http_message, fields));
	message->kind = self->kind;
	message->method = self->request_method;
}

enum mr_http_verdict
mr_http_head_parse(struct mr_http_head *self, struct mr_http_message *message,
		   const struct mr_http_limits *limits, const uint8_t *bytes, size_t byte_count)
{
	const struct head_run run = { .self = self,
				      .message = message,
				      .limits = limits,
				      .bytes = bytes,
				      .end = (uint32_t)MR_MIN(byte_count, limits->head_bytes) };
	enum head_step step = STEP_GO;

	MR_ASSERT(self->at <= byte_count && limits->head_bytes <= MR_HTTP_HEAD_BYTES_MAX &&
		  limits->fields <= MR_HTTP_FIELDS_MAX);
	if (self->at == 0 && self->state != HEAD_REFUSED)
		head_clear(self, message);
	while (step == STEP_GO) { /* each turn takes an octet, but for one change of state */
		switch ((enum head_state)self->state) {
		case HEAD_START:
			step = head_start(&run);
			break;
		case HEAD_METHOD:
			step = head_method(&run);
			break;
		case HEAD_TARGET:
			step = head_target(&run);
			break;
		case HEAD_VERSION:
			step = head_request_version(&run);
			break;
		case HEAD_STATUS:
			step = head_status(&run);
			break;
		case HEAD_REASON:
			step = head_reason(&run);
			break;
		case HEAD_LINE_LF:
			step = head_lf(&run);
			break;
		case HEAD_FIELD:
			step = head_field(&run);
			break;
		case HEAD_NAME:
			step = head_name(&run);
			break;
		case HEAD_OWS:
			step = head_ows(&run);
			break;
		case HEAD_VALUE:
			step = head_value(&run);
			break;
		case HEAD_VALUE_LF:
			step = head_lf(&run);
			break;
		case HEAD_END_LF:
			step = head_end(&run);
			break;
		case HEAD_DONE:
			return MR_HTTP_DONE;
		case HEAD_REFUSED:
			return MR_HTTP_REFUSED;
		}
	}
	return step == STEP_MORE ? MR_HTTP_MORE : MR_HTTP_REFUSED;
}
