/* SPDX-License-Identifier: Apache-2.0
 *
 * http/sf_parse - text to nodes: RFC 9651 4.2, in the order of its sections.
 */
#include "http_int.h"

struct sf_run {
	struct mr_http_sf *self;
	const uint8_t *at, *end;
};

/* A chain of nodes that grows at its end. */
struct sf_chain {
	uint16_t first, last; /* index + 1 */
};

static bool
sf_peek(const struct sf_run *run, uint8_t c)
{
	return run->at < run->end && *run->at == c;
}

static bool
sf_take(struct sf_run *run, uint8_t c)
{
	if (!sf_peek(run, c))
		return false;
	run->at++;
	return true;
}

static void
sf_skip(struct sf_run *run, bool tabs)
{
	while (run->at < run->end && (*run->at == ' ' || (tabs && *run->at == '\t')))
		run->at++;
}

static bool
sf_is_lower(uint8_t c)
{
	return (uint8_t)(c - 'a') < 26;
}

/* sf_node takes a node from the room; 0 when there is none left. */
static uint16_t
sf_node(struct mr_http_sf *self)
{
	if (self->node_count >= self->node_room)
		return 0;
	self->nodes[self->node_count] = (struct mr_http_sf_node){ 0 };
	return ++self->node_count;
}

static bool
sf_put(struct mr_http_sf *self, uint8_t c)
{
	if (self->text_used >= self->text_room)
		return false;
	self->text[self->text_used++] = c;
	return true;
}

/* 4.2.3.3 */
static bool
sf_key(struct sf_run *run, struct mr_http_sf_node *node)
{
	const uint8_t *from = run->at;

	if (run->at == run->end || !(sf_is_lower(*run->at) || *run->at == '*'))
		return false;
	while (run->at < run->end && (sf_is_lower(*run->at) || http_is_digit(*run->at) ||
				      (*run->at && strchr("_-.*", *run->at))))
		run->at++;
	if (run->at - from > UINT16_MAX)
		return false;
	node->key = from;
	node->key_bytes = (uint16_t)(run->at - from);
	return true;
}

/* 4.2.4: an integer of at most 15 digits, or a decimal of at most 12 and 3. */
static bool
sf_number(struct sf_run *run, struct mr_http_sf_node *node)
{
	bool negative = sf_take(run, '-');
	unsigned digits = 0, fraction = 0;
	bool point = false;
	int64_t value = 0;

	for (; run->at < run->end; run->at++) {
		if (!point && *run->at == '.') {
			if (digits == 0 || digits > 12)
				return false;
			point = true;
			continue;
		}
		if (!http_is_digit(*run->at))
			break;
		if (++digits > (point ? 16u : 15u) || (point && ++fraction > 3))
			return false;
		value = value * 10 + (*run->at - '0');
	}
	if (digits == 0 || (point && fraction == 0))
		return false;
	node->type = point ? MR_HTTP_SF_DECIMAL : MR_HTTP_SF_INTEGER;
	for (; point && fraction < 3; fraction++)
		value *= 10;
	node->number = negative ? -value : value;
	return true;
}

/* 4.2.5 */
static bool
sf_string(struct sf_run *run, struct mr_http_sf_node *node)
{
	uint32_t from = run->self->text_used;

	for (run->at++; run->at < run->end; run->at++) {
		uint8_t c = *run->at;

		if (c == '"') {
			run->at++;
			node->type = MR_HTTP_SF_STRING;
			node->text = run->self->text + from;
			node->text_bytes = run->self->text_used - from;
			return true;
		}
		if (c == '\\') {
			if (++run->at == run->end || (*run->at != '"' && *run->at != '\\'))
				return false;
			c = *run->at;
		} else if (c < ' ' || c > '~')
			return false;
		if (!sf_put(run->self, c))
			return false;
	}
	return false;
}

/* 4.2.6 */
static void
sf_token(struct sf_run *run, struct mr_http_sf_node *node)
{
	const uint8_t *from = run->at++;

	while (run->at < run->end &&
	       (http_class_has(&http_class_token, *run->at) || *run->at == ':' || *run->at == '/'))
		run->at++;
	node->type = MR_HTTP_SF_TOKEN;
	node->text = from;
	node->text_bytes = (uint32_t)(run->at - from);
}

static int
sf_base64(uint8_t c)
{
	if (http_is_alpha(c))
		return c >= 'a' ? c - 'a' + 26 : c - 'A';
	if (http_is_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* 4.2.7. Padding may be missing and its bits may be set, but it stands only at the end. */
static bool
sf_bytes(struct sf_run *run, struct mr_http_sf_node *node)
{
	uint32_t from = run->self->text_used, bits = 0;
	unsigned digits = 0, padding = 0;

	for (run->at++; run->at < run->end && *run->at != ':'; run->at++) {
		int digit = sf_base64(*run->at);

		if (*run->at == '=' && padding < 2 && digits % 4 >= 2) {
			padding++;
			continue;
		}
		if (digit < 0 || padding > 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		if (digits++ % 4 &&
		    !sf_put(run->self, (uint8_t)(bits >> (6 - 2 * ((digits - 1) % 4)))))
			return false;
	}
	if (digits % 4 == 1 || (padding && (digits + padding) % 4 != 0))
		return false;
	node->type = MR_HTTP_SF_BYTES;
	node->text = run->self->text + from;
	node->text_bytes = run->self->text_used - from;
	return sf_take(run, ':');
}

/* Well-formed UTF-8 (RFC 3629): neither overlong nor a surrogate nor over U+10FFFF. */
static bool
sf_is_utf8(const uint8_t *text, size_t bytes)
{
	for (size_t at = 0; at < bytes;) {
		uint8_t c = text[at++], low = 0x80, high = 0xbf;
		unsigned more = c < 0x80   ? 0
				: c < 0xc2 ? 9
				: c < 0xe0 ? 1
				: c < 0xf0 ? 2
				: c < 0xf5 ? 3
					   : 9;

		if (more > bytes - at)
			return false;
		if (c == 0xe0)
			low = 0xa0;
		else if (c == 0xed)
			high = 0x9f;
		else if (c == 0xf0)
			low = 0x90;
		else if (c == 0xf4)
			high = 0x8f;
		for (; more > 0; more--, low = 0x80, high = 0xbf)
			if (text[at] < low || text[at++] > high)
				return false;
	}
	return true;
}

/* 4.2.10: %"…" with lower-case escapes of what is not printable ASCII. */
static bool
sf_display(struct sf_run *run, struct mr_http_sf_node *node)
{
	uint32_t from = run->self->text_used;

	run->at++;
	if (!sf_take(run, '"'))
		return false;
	for (; run->at < run->end && *run->at != '"'; run->at++) {
		uint8_t c = *run->at;

		if (c < ' ' || c > '~')
			return false;
		if (c == '%') {
			if (run->end - run->at < 3 ||
			    http_is_alpha(run->at[1] | 0x20) != sf_is_lower(run->at[1]) ||
			    http_is_alpha(run->at[2] | 0x20) != sf_is_lower(run->at[2]) ||
			    http_hex_value(run->at[1]) > 15 || http_hex_value(run->at[2]) > 15)
				return false;
			c = (uint8_t)(http_hex_value(run->at[1]) << 4 | http_hex_value(run->at[2]));
			run->at += 2;
		}
		if (!sf_put(run->self, c))
			return false;
	}
	node->type = MR_HTTP_SF_DISPLAY;
	node->text = run->self->text + from;
	node->text_bytes = run->self->text_used - from;
	return sf_take(run, '"') && sf_is_utf8(node->text, node->text_bytes);
}

/* 4.2.3.1 */
static bool
sf_bare_item(struct sf_run *run, struct mr_http_sf_node *node)
{
	uint8_t c;

	if (run->at == run->end)
		return false;
	c = *run->at;
	if (c == '-' || http_is_digit(c))
		return sf_number(run, node);
	if (c == '"')
		return sf_string(run, node);
	if (c == ':')
		return sf_bytes(run, node);
	if (c == '%')
		return sf_display(run, node);
	if (c == '*' || http_is_alpha(c)) {
		sf_token(run, node);
		return true;
	}
	run->at++;
	if (c == '?') { /* 4.2.8 */
		node->type = MR_HTTP_SF_BOOLEAN;
		node->number = sf_peek(run, '1');
		return sf_take(run, '0') || sf_take(run, '1');
	}
	if (c != '@' || !sf_number(run, node) || node->type != MR_HTTP_SF_INTEGER)
		return false;
	node->type = MR_HTTP_SF_DATE; /* 4.2.9 */
	return true;
}

static void
sf_append(struct mr_http_sf *self, struct sf_chain *chain, uint16_t node)
{
	if (chain->last)
		self->nodes[chain->last - 1].next = node;
	else
		chain->first = node;
	chain->last = node;
}

/* sf_append_keyed puts a node at the end, or in place of the one that has its key. */
static void
sf_append_keyed(struct mr_http_sf *self, struct sf_chain *chain, uint16_t index)
{
	struct mr_http_sf_node *node = &self->nodes[index - 1];

	for (uint16_t at = chain->first; at; at = self->nodes[at - 1].next) {
		struct mr_http_sf_node *other = &self->nodes[at - 1];

		if (other->key_bytes == node->key_bytes &&
		    memcmp(other->key, node->key, node->key_bytes) == 0) {
			node->next = other->next;
			*other = *node;
			return;
		}
	}
	sf_append(self, chain, index);
}

/* 4.2.3.2 */
static bool
sf_parameters(struct sf_run *run, uint16_t *params)
{
	struct sf_chain chain = { 0 };

	while (sf_take(run, ';')) {
		uint16_t index = sf_node(run->self);
		struct mr_http_sf_node *node = run->self->nodes + index - 1;

		sf_skip(run, false);
		if (!index || !sf_key(run, node))
			return false;
		node->type = MR_HTTP_SF_BOOLEAN;
		node->number = 1;
		if (sf_take(run, '=') && !sf_bare_item(run, node))
			return false;
		sf_append_keyed(run->self, &chain, index);
	}
	*params = chain.first;
	return true;
}

/* 4.2.3 */
static bool
sf_item(struct sf_run *run, uint16_t index)
{
	return sf_bare_item(run, &run->self->nodes[index - 1]) &&
	       sf_parameters(run, &run->self->nodes[index - 1].params);
}

/* 4.2.1.2 */
static bool
sf_inner_list(struct sf_run *run, uint16_t index)
{
	struct sf_chain chain = { 0 };

	run->at++;
	for (;;) {
		uint16_t item;

		sf_skip(run, false);
		if (sf_take(run, ')'))
			break;
		item = sf_node(run->self);
		if (!item || !sf_item(run, item))
			return false;
		if (run->at == run->end || (*run->at != ' ' && *run->at != ')'))
			return false;
		sf_append(run->self, &chain, item);
	}
	run->self->nodes[index - 1].type = MR_HTTP_SF_INNER;
	run->self->nodes[index - 1].inner = chain.first;
	return sf_parameters(run, &run->self->nodes[index - 1].params);
}

static bool
sf_item_or_inner(struct sf_run *run, uint16_t index)
{
	return sf_peek(run, '(') ? sf_inner_list(run, index) : sf_item(run, index);
}

/* One member of a dictionary (4.2.2). */
static bool
sf_member(struct sf_run *run, uint16_t index)
{
	struct mr_http_sf_node *node = &run->self->nodes[index - 1];

	if (!sf_key(run, node))
		return false;
	if (sf_take(run, '='))
		return sf_item_or_inner(run, index);
	node->type = MR_HTTP_SF_BOOLEAN;
	node->number = 1;
	return sf_parameters(run, &node->params);
}

/* 4.2.1, 4.2.2: the members of one line. */
static bool
sf_members(struct sf_run *run, struct sf_chain *chain)
{
	while (run->at < run->end) {
		uint16_t index = sf_node(run->self);

		if (!index)
			return false;
		if (run->self->kind == MR_HTTP_SF_LIST) {
			if (!sf_item_or_inner(run, index))
				return false;
			sf_append(run->self, chain, index);
		} else {
			if (!sf_member(run, index))
				return false;
			sf_append_keyed(run->self, chain, index);
		}
		sf_skip(run, true);
		if (run->at == run->end)
			return true;
		if (!sf_take(run, ','))
			return false;
		sf_skip(run, true);
		if (run->at == run->end)
			return false; /* a comma with nothing behind it */
	}
	return true;
}

bool
mr_http_sf_parse(struct mr_http_sf *self, enum mr_http_sf_kind kind,
		 const struct mr_http_sf_line *lines, unsigned count)
{
	struct sf_chain chain = { 0 };
	bool good = count <= MR_HTTP_SF_LINES_MAX && (kind != MR_HTTP_SF_ITEM || count == 1);

	MR_ASSERT(self->node_room <= MR_HTTP_SF_NODES_MAX);
	self->kind = (uint8_t)kind;
	self->node_count = self->first = 0;
	self->text_used = 0;
	for (unsigned i = 0; good && i < count; i++) {
		struct sf_run run = { self, lines[i].text, lines[i].text + lines[i].bytes };

		sf_skip(&run, false);
		if (kind == MR_HTTP_SF_ITEM) {
			chain.first = sf_node(self);
			good = chain.first && sf_item(&run, chain.first);
		} else if (count > 1 && run.at == run.end)
			good = false; /* joined with the others it would leave a comma alone */
		else
			good = sf_members(&run, &chain);
		sf_skip(&run, false);
		good = good && run.at == run.end;
	}
	if (good)
		self->first = chain.first;
	else
		self->node_count = 0;
	return good;
}

const struct mr_http_sf_node *
mr_http_sf_find(const struct mr_http_sf *self, uint16_t first, const char *key)
{
	size_t bytes = strlen(key);

	for (const struct mr_http_sf_node *at = mr_http_sf_at(self, first); at;
	     at = mr_http_sf_at(self, at->next))
		if (at->key_bytes == bytes && memcmp(at->key, key, bytes) == 0)
			return at;
	return NULL;
}
