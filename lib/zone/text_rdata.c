/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/text_rdata - the type and data of a record, from tokens to wire.
 *
 * The commonest types are read here, because a zone of a million addresses spends most of its
 * loading there; every other type is ldns's, behind checks of what ldns lets through (numbers that
 * wrap, unknown types in a type bitmap). The generic form (RFC 3597 5) is read here for every type
 * and, where ldns knows the type, has to be that type's data.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "text_int.h"

/* Types assigned since ldns 1.8: known by name, written in the generic form. */
static const struct rdata_name {
	const char *name;
	uint16_t type;
} rdata_newer[] = {
	{ "DSYNC", 66 },    { "HHIT", 67 },    { "BRID", 68 }, { "NXNAME", 128 },
	{ "RESINFO", 261 }, { "WALLET", 262 }, { "CLA", 263 }, { "IPN", 264 },
};

static const struct rdata_name *
rdata_newer_find(const char *text)
{
	for (size_t i = 0; i < MR_ARRAY_COUNT(rdata_newer); i++)
		if (strcasecmp(text, rdata_newer[i].name) == 0)
			return &rdata_newer[i];
	return NULL;
}

bool
mr_text_number(const char *text, uint64_t max, uint64_t *value)
{
	uint64_t sum = 0;

	if (*text == '\0')
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		sum = sum * 10 + (uint64_t)(*text - '0');
		if (sum > max)
			return false;
	}
	*value = sum;
	return true;
}

bool
mr_text_type(const char *text, uint16_t *type)
{
	uint64_t number;

	if (strcasecmp(text, "A") == 0)
		*type = LDNS_RR_TYPE_A;
	else if (strcasecmp(text, "AAAA") == 0)
		*type = LDNS_RR_TYPE_AAAA;
	else if (strncasecmp(text, "TYPE", 4) == 0 && mr_text_number(text + 4, UINT16_MAX, &number))
		*type = (uint16_t)number;
	else {
		const struct rdata_name *newer = rdata_newer_find(text);

		*type = newer ? newer->type : (uint16_t)ldns_get_rr_type_by_name(text);
		return *type != 0;
	}
	return true;
}

static bool
rdata_ldns_knows(uint16_t type)
{
	const ldns_rr_descriptor *descriptor = ldns_rr_descript(type);

	return descriptor && descriptor->_type == (ldns_rr_type)type && type != LDNS_RR_TYPE_NULL;
}

/* ---- the types read here ---- */

int
mr_text_name(struct mr_text *self, const struct text_entry *entry, const struct text_token *token,
	     uint8_t wire[MR_ZONE_NAME_BYTES])
{
	int bytes;

	if (token->bytes == 1 && !token->quoted && entry->text[token->at] == '@' &&
	    self->source->origin_bytes) {
		memcpy(wire, self->source->origin, self->source->origin_bytes);
		return self->source->origin_bytes;
	}
	bytes = mr_name_parse(text_of(entry, token), token->bytes, self->source->origin,
			      self->source->origin_bytes, wire);
	if (bytes < 0)
		return mr_text_fail(self, token, "bad name \"%.64s\": %s", text_of(entry, token),
				    mr_name_error_text(bytes));
	return bytes;
}

static int
rdata_address(struct mr_text *self, const struct text_entry *entry, const struct text_token *token,
	      int family)
{
	if (inet_pton(family, text_of(entry, token), self->rdata) != 1)
		return mr_text_fail(self, token, "\"%.64s\" is not an IPv%d address",
				    text_of(entry, token), family == AF_INET ? 4 : 6);
	return family == AF_INET ? 4 : 16;
}

static int
rdata_mx(struct mr_text *self, const struct text_entry *entry, uint32_t first)
{
	const struct text_token *token = &entry->tokens[first];
	uint64_t preference;
	int bytes;

	if (!mr_text_number(text_of(entry, token), UINT16_MAX, &preference))
		return mr_text_fail(self, token, "\"%.64s\" is not a preference from 0 to 65535",
				    text_of(entry, token));
	mr_store_be16(self->rdata, (uint16_t)preference);
	bytes = mr_text_name(self, entry, token + 1, self->rdata + 2);
	return bytes < 0 ? bytes : bytes + 2;
}

/* rdata_string appends one <character-string> at `at`; returns where the next one goes. */
static int
rdata_string(struct mr_text *self, const struct text_entry *entry, const struct text_token *token,
	     int at)
{
	const char *text = text_of(entry, token);
	int bytes = 0;

	for (uint32_t i = 0; i < token->bytes; bytes++) {
		uint8_t octet = (uint8_t)text[i++];

		if (octet == '\\') {
			size_t taken = mr_text_escape(text + i, token->bytes - i, &octet);

			if (taken == 0)
				return mr_text_fail(self, token,
						    "a bad escape: it is \\DDD, 000 "
						    "to 255, or \\X");
			i += (uint32_t)taken;
		}
		if (bytes == 255)
			return mr_text_fail(self, token,
					    "a string longer than 255 octets: split it");
		if (at + 1 + bytes >= TEXT_RDATA_BYTES)
			return mr_text_fail(self, token, "more than 65535 octets of data");
		self->rdata[at + 1 + bytes] = octet;
	}
	if (at >= TEXT_RDATA_BYTES)
		return mr_text_fail(self, token, "more than 65535 octets of data");
	self->rdata[at] = (uint8_t)bytes;
	return at + 1 + bytes;
}

static int
rdata_strings(struct mr_text *self, const struct text_entry *entry, uint32_t first)
{
	int at = 0;

	for (uint32_t i = first; i < entry->count && at >= 0; i++)
		at = rdata_string(self, entry, &entry->tokens[i], at);
	return at;
}

/* ---- the generic form ---- */

static int
rdata_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* rdata_check asks ldns whether the bytes are data of a type that it knows. */
static bool
rdata_check(struct mr_text *self, uint16_t type, int bytes)
{
	uint8_t *wire = malloc(11 + (size_t)bytes); /* ".", type, class, TTL, length, data */
	size_t at = 0, kept = 0;
	ldns_rr *rr = NULL;
	bool good;

	if (!wire)
		return false;
	memset(wire, 0, 11);
	mr_store_be16(wire + 1, type);
	mr_store_be16(wire + 3, LDNS_RR_CLASS_IN);
	mr_store_be16(wire + 9, (uint16_t)bytes);
	memcpy(wire + 11, self->rdata, (size_t)bytes);
	good = ldns_wire2rr(&rr, wire, 11 + (size_t)bytes, &at, LDNS_SECTION_ANSWER) ==
		       LDNS_STATUS_OK &&
	       at == 11 + (size_t)bytes;
	/* a compressed name would come back longer */
	for (size_t i = 0; good && i < ldns_rr_rd_count(rr); i++)
		kept += ldns_rdf_size(ldns_rr_rdf(rr, i));
	good = good && kept == (size_t)bytes;
	ldns_rr_free(rr);
	free(wire);
	return good;
}

static bool
rdata_has_params(uint16_t type)
{
	return type == LDNS_RR_TYPE_SVCB || type == LDNS_RR_TYPE_HTTPS;
}

/* rdata_check_params wants each key of an SVCB or HTTPS once and in order (RFC 9460 2.2); ldns has
 * sorted those that it read, and looks at none in the generic form. */
static bool
rdata_check_params(const uint8_t *rdata, size_t bytes)
{
	struct mr_cursor cursor = mr_cursor_over(rdata, bytes);
	int32_t before = -1;
	uint8_t label;

	(void)mr_cursor_be16(&cursor);
	while ((label = mr_cursor_u8(&cursor)) > 0)
		(void)mr_cursor_take(&cursor, label);
	while (!cursor.failed && mr_cursor_left(&cursor) > 0) {
		int32_t key = mr_cursor_be16(&cursor);

		if (key <= before)
			return false;
		before = key;
		(void)mr_cursor_take(&cursor, mr_cursor_be16(&cursor));
	}
	return !cursor.failed;
}

static int
rdata_generic(struct mr_text *self, const struct text_entry *entry, uint32_t first, uint16_t type)
{
	const struct text_token *token = &entry->tokens[first];
	uint64_t bytes;
	size_t digits = 0;

	if (first + 1 >= entry->count ||
	    !mr_text_number(text_of(entry, token + 1), TEXT_RDATA_BYTES, &bytes))
		return mr_text_fail(self, token, "after \\# comes the length, 0 to 65535");
	for (uint32_t i = first + 2; i < entry->count; i++) {
		const char *text = text_of(entry, &entry->tokens[i]);

		for (; *text; text++) {
			int digit = rdata_hex_digit(*text);

			if (digit < 0)
				return mr_text_fail(self, &entry->tokens[i],
						    "\"%.64s\" is not hexadecimal",
						    text_of(entry, &entry->tokens[i]));
			if (digits / 2 >= bytes)
				return mr_text_fail(self, &entry->tokens[i],
						    "more data than the %u octets announced",
						    (unsigned)bytes);
			if (digits % 2 == 0)
				self->rdata[digits / 2] = (uint8_t)(digit << 4);
			else
				self->rdata[digits / 2] |= (uint8_t)digit;
			digits++;
		}
	}
	if (digits != 2 * bytes)
		return mr_text_fail(self, token + 1,
				    "%u octets announced, %zu hexadecimal digits "
				    "given",
				    (unsigned)bytes, digits);
	if (rdata_ldns_knows(type) && !rdata_check(self, type, (int)bytes))
		return mr_text_fail(self, token, "these octets are no data of this type");
	if (rdata_has_params(type) && !rdata_check_params(self->rdata, bytes))
		return mr_text_fail(self, token, "these parameters are cut, or not in order");
	return (int)bytes;
}

/* ---- the rest, by ldns ---- */

static bool
rdata_field_good(const char *text, ldns_rdf_type field)
{
	uint64_t value;
	bool digits = *text >= '0' && *text <= '9';

	switch ((int)field) { /* only the fields where ldns wraps or guesses */
	case LDNS_RDF_TYPE_INT8:
		return mr_text_number(text, UINT8_MAX, &value);
	case LDNS_RDF_TYPE_INT16:
		return mr_text_number(text, UINT16_MAX, &value);
	case LDNS_RDF_TYPE_INT32:
		return mr_text_number(text, UINT32_MAX, &value);
	case LDNS_RDF_TYPE_ALG:
		return !digits || mr_text_number(text, UINT8_MAX, &value);
	case LDNS_RDF_TYPE_CERT_ALG:
		return !digits || mr_text_number(text, UINT16_MAX, &value);
	case LDNS_RDF_TYPE_PERIOD:
		return mr_text_ttl(text, &value) && value <= UINT32_MAX;
	default:
		return true;
	}
}

/* rdata_check_name tells what is wrong with a name, and refuses the one that ldns misreads: it
 * takes a first label "@" for the origin. */
static int
rdata_check_name(struct mr_text *self, const struct text_entry *entry,
		 const struct text_token *token)
{
	uint8_t wire[MR_ZONE_NAME_BYTES];
	int bytes = mr_text_name(self, entry, token, wire);

	if (bytes < 0)
		return bytes;
	if (wire[0] == 1 && wire[1] == '@' &&
	    !(token->bytes == 1 && !token->quoted && self->source->origin_bytes))
		return mr_text_fail(self, token,
				    "a name whose first label is @ is taken here in "
				    "the generic form only: \\# length hex");
	return 0;
}

/* rdata_precheck refuses what ldns would take for something else, and names types that it does not
 * know by their numbers: TYPE0 in a bitmap would be a lie. */
static int
rdata_precheck(struct mr_text *self, const struct text_entry *entry, uint32_t first, uint16_t type)
{
	const ldns_rr_descriptor *descriptor = ldns_rr_descript(type);
	size_t fields = ldns_rr_descriptor_maximum(descriptor);

	if (type == LDNS_RR_TYPE_HIP) /* its text has another order than its wire */
		return 0;
	for (uint32_t i = 0; i < entry->count - first; i++) {
		const struct text_token *token = &entry->tokens[first + i];
		const char *text = text_of(entry, token);
		ldns_rdf_type field = i < fields ? ldns_rr_descriptor_field_type(descriptor, i)
						 : LDNS_RDF_TYPE_NONE;
		bool bitmap = type == LDNS_RR_TYPE_NSEC    ? i >= 1
			      : type == LDNS_RR_TYPE_NSEC3 ? i >= 5
							   : type == LDNS_RR_TYPE_CSYNC && i >= 2;
		uint16_t named;

		if ((bitmap || field == LDNS_RDF_TYPE_TYPE) && !mr_text_type(text, &named))
			return mr_text_fail(self, token, "unknown type \"%.64s\"", text);
		if (field == LDNS_RDF_TYPE_DNAME && rdata_check_name(self, entry, token))
			return -EINVAL;
		if (!bitmap && !rdata_field_good(text, field))
			return mr_text_fail(self, token, "\"%.64s\" is out of range or no number",
					    text);
	}
	return 0;
}

/* rdata_check_key reads the key of an IPSECKEY ahead of ldns, which loses memory when it is bad and
 * reads only its first word: the rest would be silently lost. */
static int
rdata_check_key(struct mr_text *self, const struct text_entry *entry, uint32_t first)
{
	const struct text_token *token = &entry->tokens[first + 4];
	ldns_rdf *key = NULL;

	if (entry->count <= first + 4)
		return 0;
	if (entry->count > first + 5)
		return mr_text_fail(self, token + 1, "write the key in one word");
	memcpy(self->line, text_of(entry, token), token->bytes);
	self->line[token->bytes] = '\0';
	if (token->bytes && ldns_str2rdf_b64(&key, self->line) != LDNS_STATUS_OK)
		return mr_text_fail(self, token, "the key is not base64");
	ldns_rdf_deep_free(key);
	return 0;
}

/* rdata_check_gateway reads the gateway of an IPSECKEY ahead of ldns, for the same reason. */
static int
rdata_check_gateway(struct mr_text *self, const struct text_entry *entry, uint32_t first)
{
	const struct text_token *kind, *gateway;
	ldns_status status = LDNS_STATUS_INVALID_STR;
	ldns_rdf *read = NULL;

	if (entry->count < first + 4)
		return mr_text_fail(self, &entry->tokens[first],
				    "an IPSECKEY has at least four fields");
	kind = &entry->tokens[first + 1];
	gateway = &entry->tokens[first + 3];
	memcpy(self->line, text_of(entry, gateway), gateway->bytes);
	self->line[gateway->bytes] = '\0';
	switch (kind->bytes == 1 ? *text_of(entry, kind) : 0) { /* RFC 4025 2.3 */
	case '0':
		return 0;
	case '1':
		status = ldns_str2rdf_a(&read, self->line);
		break;
	case '2':
		status = ldns_str2rdf_aaaa(&read, self->line);
		break;
	case '3':
		status = ldns_str2rdf_dname(&read, self->line);
		break;
	default:
		return mr_text_fail(self, kind, "a gateway type is 0, 1, 2 or 3");
	}
	ldns_rdf_deep_free(read);
	return status ? mr_text_fail(self, gateway, "this is no gateway of that type") : 0;
}

/* rdata_line writes the record that ldns is to read: ". 0 IN TYPE1 data". */
static bool
rdata_line(struct mr_text *self, const struct text_entry *entry, uint32_t first, uint16_t type)
{
	bool has_types = type == LDNS_RR_TYPE_NSEC || type == LDNS_RR_TYPE_NSEC3 ||
			 type == LDNS_RR_TYPE_CSYNC || type == LDNS_RR_TYPE_RRSIG;
	size_t at = (size_t)snprintf(self->line, TEXT_LINE_BYTES, ". 0 IN TYPE%u", type);

	for (uint32_t i = first; i < entry->count; i++) {
		struct text_entry one = { .text = entry->text,
					  .tokens = entry->tokens + i,
					  .count = 1 };
		const struct rdata_name *newer =
			has_types ? rdata_newer_find(text_of(entry, one.tokens)) : NULL;
		size_t bytes;

		if (TEXT_LINE_BYTES - at < 16)
			return false;
		if (!one.tokens->glued || i == first)
			self->line[at++] = ' ';
		if (newer)
			bytes = (size_t)sprintf(self->line + at, "TYPE%u", newer->type);
		else
			bytes = mr_text_emit(&one, 0, self->line + at, TEXT_LINE_BYTES - at);
		if (bytes == 0)
			return false;
		at += bytes;
	}
	return true;
}

static int
rdata_by_ldns(struct mr_text *self, const struct text_entry *entry, uint32_t first, uint16_t type,
	      const struct text_token *type_token)
{
	const struct text_token *where = first < entry->count ? &entry->tokens[first] : type_token;
	struct text_source *source = self->source;
	ldns_status status;
	ldns_rr *rr = NULL;
	size_t at = 0;
	int failed = rdata_precheck(self, entry, first, type);

	if (!failed && type == LDNS_RR_TYPE_IPSECKEY)
		failed = rdata_check_gateway(self, entry, first);
	if (!failed && type == LDNS_RR_TYPE_IPSECKEY)
		failed = rdata_check_key(self, entry, first);
	if (failed)
		return failed;
	if (!rdata_line(self, entry, first, type))
		return mr_text_fail(self, where, "this entry is too long for a record");
	if (!self->origin_rdf && source->origin_bytes)
		self->origin_rdf = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, source->origin_bytes,
							 source->origin);
	status = ldns_rr_new_frm_str(&rr, self->line, 0, self->origin_rdf, NULL);
	if (status != LDNS_STATUS_OK)
		return mr_text_fail(self, where, "bad data for type %.32s: %s",
				    text_of(entry, type_token), ldns_get_errorstr_by_id(status));
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *field = ldns_rr_rdf(rr, i);
		size_t bytes = ldns_rdf_size(field);

		if (at + bytes > TEXT_RDATA_BYTES) {
			ldns_rr_free(rr);
			return mr_text_fail(self, where, "more than 65535 octets of data");
		}
		memcpy(self->rdata + at, ldns_rdf_data(field), bytes);
		at += bytes;
	}
	ldns_rr_free(rr);
	if (rdata_has_params(type) && !rdata_check_params(self->rdata, at))
		return mr_text_fail(self, where, "a parameter is given twice");
	return (int)at;
}

static int
rdata_expect(struct mr_text *self, const struct text_entry *entry, uint32_t first, uint32_t count,
	     const struct text_token *type_token)
{
	if (entry->count - first < count)
		return mr_text_fail(self, type_token, "data is missing after %.32s",
				    text_of(entry, type_token));
	if (entry->count - first > count)
		return mr_text_fail(self, &entry->tokens[first + count],
				    "\"%.64s\" is too much for %.32s",
				    text_of(entry, &entry->tokens[first + count]),
				    text_of(entry, type_token));
	return 0;
}

int
mr_text_rdata(struct mr_text *self, const struct text_entry *entry, uint32_t first, uint16_t type,
	      const struct text_token *type_token)
{
	const struct text_token *token = &entry->tokens[first];

	if (first < entry->count && !token->quoted && strcmp(text_of(entry, token), "\\#") == 0)
		return rdata_generic(self, entry, first, type);
	switch (type) {
	case LDNS_RR_TYPE_A:
	case LDNS_RR_TYPE_AAAA:
		if (rdata_expect(self, entry, first, 1, type_token))
			return -EINVAL;
		return rdata_address(self, entry, token,
				     type == LDNS_RR_TYPE_A ? AF_INET : AF_INET6);
	case LDNS_RR_TYPE_NS:
	case LDNS_RR_TYPE_CNAME:
	case LDNS_RR_TYPE_PTR:
		if (rdata_expect(self, entry, first, 1, type_token))
			return -EINVAL;
		return mr_text_name(self, entry, token, self->rdata);
	case LDNS_RR_TYPE_MX:
		if (rdata_expect(self, entry, first, 2, type_token))
			return -EINVAL;
		return rdata_mx(self, entry, first);
	case LDNS_RR_TYPE_TXT:
		if (first == entry->count)
			return rdata_expect(self, entry, first, 1, type_token);
		return rdata_strings(self, entry, first);
	default:
		break;
	}
	if (!rdata_ldns_knows(type))
		return mr_text_fail(self, type_token,
				    "type %.32s is taken in the generic form only: \\# length hex",
				    text_of(entry, type_token));
	return rdata_by_ldns(self, entry, first, type, type_token);
}
