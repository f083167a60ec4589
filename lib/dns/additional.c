/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/additional - what a query carries behind its question: EDNS and TSIG.
 *
 * RFC 6891 6.1.1: one OPT at most, its owner the root. 6.1.3: another version gets BADVERS, and its
 * options are not read.
 * RFC 8945 5.1: TSIG is the last record. We have no keys yet, so 5.2.1 applies: NOTAUTH, BADKEY.
 */
#include "dns/dns_int.h"

enum { TSIG_BADKEY = 17, TSIG_CLASS_ANY = 255 };

struct record {
	uint16_t start, owner_end, type, rr_class, rdata_bytes;
	uint32_t ttl;
	const uint8_t *rdata;
};

/* Steps over a name, which may end in a pointer that leads to before it. */
static bool
skip_name(const struct mr_dns_item *item, unsigned *at)
{
	unsigned start = *at, end = item->message_bytes;

	for (unsigned i = *at, labels = 0; i < end && labels <= MR_ZONE_LABELS; labels++) {
		uint8_t octet = item->message[i];

		if (octet == 0) {
			*at = i + 1;
			return i + 1 - start <= MR_ZONE_NAME_BYTES;
		}
		if (octet >= 0xc0) {
			unsigned to;

			if (i + 2 > end)
				return false;
			to = mr_load_be16(item->message + i) & DNS_POINTER_MAX;
			*at = i + 2;
			return to >= MR_DNS_HEADER_BYTES && to < start;
		}
		if (octet > MR_ZONE_LABEL_BYTES)
			return false;
		i += octet + 1u;
	}
	return false;
}

static bool
read_record(const struct mr_dns_item *item, unsigned *at, struct record *record)
{
	struct mr_cursor cursor;

	record->start = (uint16_t)*at;
	if (!skip_name(item, at))
		return false;
	record->owner_end = (uint16_t)*at;
	cursor = mr_cursor_over(item->message + *at, item->message_bytes - *at);
	record->type = mr_cursor_be16(&cursor);
	record->rr_class = mr_cursor_be16(&cursor);
	record->ttl = mr_cursor_be32(&cursor);
	record->rdata_bytes = mr_cursor_be16(&cursor);
	record->rdata = mr_cursor_take(&cursor, record->rdata_bytes);
	*at = (unsigned)(cursor.at - item->message);
	return !cursor.failed;
}

static enum dns_rcode
read_opt(struct dns_query *query, struct mr_dns *self, struct mr_dns_item *item,
	 const struct record *record)
{
	unsigned version = record->ttl >> 16 & 0xff;

	if (record->owner_end - record->start != 1)
		return DNS_FORMERR;
	query->edns = true;
	query->edns_bytes = record->rr_class;
	query->dnssec_ok = record->ttl & 0x8000;
	self->tally[MR_DNS_edns]++;
	self->tally[MR_DNS_edns_do] += query->dnssec_ok;
	if (version != 0)
		return DNS_BADVERS;
	return record->rdata_bytes == 0 || dns_options_read(query, self, item, record->rdata,
							    record->rdata_bytes)
		       ? DNS_NOERROR
		       : DNS_FORMERR;
}

/* RFC 8945 4.2: algorithm, time (6), fudge, MAC, original ID, error, other data. */
static bool
tsig_is_sound(const struct record *record)
{
	struct mr_cursor cursor = mr_cursor_over(record->rdata, record->rdata_bytes);
	uint8_t octet;

	do {
		octet = mr_cursor_u8(&cursor);
		if (octet > MR_ZONE_LABEL_BYTES)
			return false;
		mr_cursor_take(&cursor, octet);
	} while (octet && !cursor.failed);
	if (cursor.at - record->rdata > MR_ZONE_NAME_BYTES)
		return false;
	mr_cursor_take(&cursor, 8);
	mr_cursor_take(&cursor, mr_cursor_be16(&cursor));
	mr_cursor_take(&cursor, 4);
	mr_cursor_take(&cursor, mr_cursor_be16(&cursor));
	return !cursor.failed && mr_cursor_left(&cursor) == 0 &&
	       record->rr_class == TSIG_CLASS_ANY && record->ttl == 0;
}

static void
fail(struct dns_query *query, struct mr_dns *self, enum dns_rcode rcode, enum mr_dns_metric reason)
{
	query->action = DNS_ERROR;
	query->rcode = (uint16_t)rcode;
	self->tally[reason] += rcode == DNS_FORMERR;
}

void
dns_additional_parse(struct dns_query *query, struct mr_dns *self, struct mr_dns_item *item,
		     unsigned at, unsigned count)
{
	enum dns_rcode opt = DNS_NOERROR;
	unsigned opt_count = 0;

	if (count > DNS_ADDITIONAL_MAX) {
		fail(query, self, DNS_FORMERR, MR_DNS_formerr_additional);
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		struct record record;

		if (!read_record(item, &at, &record)) {
			fail(query, self, DNS_FORMERR, MR_DNS_formerr_additional);
			return;
		}
		if (record.type == MR_ZONE_OPT && opt_count++ == 0) {
			opt = read_opt(query, self, item, &record);
		} else if (record.type == MR_ZONE_OPT) {
			query->edns = false; /* which of them should we answer? */
			opt = DNS_FORMERR;
		}
		if (record.type == MR_ZONE_TSIG) {
			if (i + 1 != count || !tsig_is_sound(&record)) {
				fail(query, self, DNS_FORMERR, MR_DNS_formerr_tsig);
				return;
			}
			query->tsig_at = record.start;
		}
	}
	if (at != item->message_bytes)
		fail(query, self, DNS_FORMERR, MR_DNS_formerr_trailing);
	else if (opt != DNS_NOERROR)
		fail(query, self, opt, MR_DNS_formerr_opt);
}

/* RFC 1995 3: one SOA, whose serial is what the client has. */
void
dns_ixfr_parse(struct dns_query *query, struct mr_dns *self, struct mr_dns_item *item, unsigned at)
{
	unsigned additional_count = mr_load_be16(item->message + 10), rdata_at, end;
	struct record soa;

	if (mr_load_be32(item->message + 6) != 1 || !read_record(item, &at, &soa) ||
	    soa.type != MR_ZONE_SOA || soa.rr_class != MR_ZONE_CLASS_IN) {
		fail(query, self, DNS_FORMERR, MR_DNS_formerr_sections);
		return;
	}
	rdata_at = (unsigned)(soa.rdata - item->message);
	end = rdata_at + soa.rdata_bytes;
	if (!skip_name(item, &rdata_at) || !skip_name(item, &rdata_at) || rdata_at + 20 != end) {
		fail(query, self, DNS_FORMERR, MR_DNS_formerr_sections);
		return;
	}
	query->ixfr_serial = mr_load_be32(item->message + rdata_at);
	if (additional_count)
		dns_additional_parse(query, self, item, at, additional_count);
	else if (at != item->message_bytes)
		fail(query, self, DNS_FORMERR, MR_DNS_formerr_trailing);
}

void
dns_tsig_refuse(struct dns_tsig *self, const struct dns_query *query,
		const struct mr_dns_item *item)
{
	struct mr_writer writer = mr_writer_over(self->record, sizeof(self->record));
	unsigned at = query->tsig_at;
	struct record record;
	unsigned algorithm_bytes = 0, owner_bytes;
	uint8_t *length;

	self->bytes = 0;
	if (!read_record(item, &at, &record))
		return;
	owner_bytes = record.owner_end - record.start;
	for (unsigned i = record.start;; i += item->message[i] + 1u) {
		/* A pointer must lead into the question, which stays, to mean the same again. */
		if (item->message[i] >= 0xc0 &&
		    (mr_load_be16(item->message + i) & DNS_POINTER_MAX) >= query->question_end)
			return;
		if (item->message[i] == 0 || item->message[i] >= 0xc0)
			break;
	}
	while (record.rdata[algorithm_bytes])
		algorithm_bytes += record.rdata[algorithm_bytes] + 1u;
	algorithm_bytes++;
	const uint8_t *behind = record.rdata + algorithm_bytes; /* time, fudge, MAC */
	const uint8_t *original_id = behind + 10 + mr_load_be16(behind + 8);

	mr_writer_bytes(&writer, item->message + record.start, owner_bytes);
	mr_writer_be16(&writer, MR_ZONE_TSIG);
	mr_writer_be16(&writer, TSIG_CLASS_ANY);
	mr_writer_be32(&writer, 0);
	length = mr_writer_reserve(&writer, 2);
	mr_writer_bytes(&writer, record.rdata, algorithm_bytes + 8);
	mr_writer_be16(&writer, 0); /* no MAC: the answer is not signed */
	mr_writer_bytes(&writer, original_id, 2);
	mr_writer_be16(&writer, TSIG_BADKEY);
	mr_writer_be16(&writer, 0);
	if (writer.failed)
		return;
	mr_store_be16(length, (uint16_t)(writer.at - length - 2));
	self->bytes = (uint16_t)(writer.at - self->record);
}

void
dns_tsig_put(const struct dns_tsig *self, struct dns_answer *answer)
{
	if (self->bytes == 0 || answer->at + self->bytes > answer->whole_limit)
		return;
	memcpy(answer->message + answer->at, self->record, self->bytes);
	answer->at += self->bytes;
	answer->additional_count++;
}
