/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/chaos - which server this is, in class CH (RFC 4892, and the names that came before it).
 */
#include "dns/dns_int.h"

const char *
dns_chaos_text(const struct dns_query *query, const struct mr_dns_config *config)
{
	static const struct {
		const char *name;
		uint8_t bytes;
		bool version;
	} names[] = {
		{ "\7version\4bind", 14, true },
		{ "\7version\6server", 16, true },
		{ "\2id\6server", 11, false },
		{ "\10hostname\4bind", 15, false },
	};

	for (unsigned i = 0; i < MR_ARRAY_COUNT(names); i++) {
		const char *text = names[i].version ? config->version : config->identity;

		if (query->qname.bytes == names[i].bytes &&
		    memcmp(query->qname.lower, names[i].name, names[i].bytes) == 0)
			return text[0] ? text : NULL;
	}
	return NULL;
}

void
dns_chaos_put(struct dns_answer *self, const struct dns_query *query)
{
	unsigned bytes = (unsigned)strnlen(query->chaos_text, MR_DNS_ID_BYTES - 1);
	uint8_t *to = self->message + self->at;

	self->authoritative = true;
	self->tally[MR_DNS_found_chaos]++;
	if (query->qtype != MR_ZONE_TXT && query->qtype != MR_ZONE_ANY)
		return;
	if (self->at + MR_ZONE_RR_FIXED_BYTES + 1 + bytes > self->limit) {
		self->truncated = true;
		return;
	}
	mr_store_be16(to, MR_ZONE_OWNER_POINTER);
	mr_store_be16(to + 2, MR_ZONE_TXT);
	mr_store_be16(to + 4, DNS_CLASS_CH);
	mr_store_be32(to + 6, 0);
	mr_store_be16(to + 10, (uint16_t)(bytes + 1));
	to[MR_ZONE_RR_FIXED_BYTES] = (uint8_t)bytes;
	memcpy(to + MR_ZONE_RR_FIXED_BYTES + 1, query->chaos_text, bytes);
	self->at += MR_ZONE_RR_FIXED_BYTES + 1 + bytes;
	self->answer_count++;
}
