/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/query - the header and question of one message, strictly bounded.
 */
#include "dns/dns_int.h"

static MR_COLD void
query_error(struct dns_query *query, struct mr_dns *self, enum dns_rcode rcode,
	    enum mr_dns_metric reason)
{
	query->action = DNS_ERROR;
	query->rcode = (uint16_t)rcode;
	self->tally[reason]++;
}

static inline void
count_qtype(struct mr_dns *self, uint16_t qtype)
{
	static const uint16_t classes[] = {
		[MR_ZONE_A] = MR_DNS_qtype_a,         [MR_ZONE_NS] = MR_DNS_qtype_ns,
		[MR_ZONE_CNAME] = MR_DNS_qtype_cname, [MR_ZONE_SOA] = MR_DNS_qtype_soa,
		[MR_ZONE_PTR] = MR_DNS_qtype_ptr,     [MR_ZONE_MX] = MR_DNS_qtype_mx,
		[MR_ZONE_TXT] = MR_DNS_qtype_txt,     [MR_ZONE_AAAA] = MR_DNS_qtype_aaaa,
		[MR_ZONE_SRV] = MR_DNS_qtype_srv,     [MR_ZONE_DS] = MR_DNS_qtype_ds,
		[MR_ZONE_OPT] = MR_DNS_qtype_meta,    [MR_ZONE_DNSKEY] = MR_DNS_qtype_dnskey,
		[MR_ZONE_SVCB] = MR_DNS_qtype_svcb,   [MR_ZONE_HTTPS] = MR_DNS_qtype_svcb,
		[MR_ZONE_TKEY] = MR_DNS_qtype_meta,   [MR_ZONE_TSIG] = MR_DNS_qtype_meta,
		[MR_ZONE_IXFR] = MR_DNS_qtype_xfr,    [MR_ZONE_AXFR] = MR_DNS_qtype_xfr,
		[MR_ZONE_MAILB] = MR_DNS_qtype_meta,  [MR_ZONE_MAILA] = MR_DNS_qtype_meta,
		[MR_ZONE_ANY] = MR_DNS_qtype_any,     [MR_ZONE_CAA] = MR_DNS_qtype_caa,
	};
	uint16_t metric = qtype < MR_ARRAY_COUNT(classes) ? classes[qtype] : 0;

	self->tally[metric ? metric : (uint16_t)MR_DNS_qtype_other]++;
}

/* Types that no zone holds. OPT and TSIG are not questions at all. */
static enum dns_rcode
meta_rcode(uint16_t qtype)
{
	switch (qtype) {
	case MR_ZONE_OPT:
	case MR_ZONE_TSIG:
		return DNS_FORMERR;
	case MR_ZONE_TKEY:
	case MR_ZONE_MAILB:
	case MR_ZONE_MAILA:
		return DNS_NOTIMP;
	default:
		return DNS_NOERROR;
	}
}

static MR_COLD void
other_opcode(struct dns_query *query, struct mr_dns *self, unsigned opcode)
{
	switch (opcode) {
	case DNS_OPCODE_NOTIFY:
		query_error(query, self, DNS_NOTIMP, MR_DNS_notimp_notify);
		break;
	case DNS_OPCODE_UPDATE:
		query_error(query, self, DNS_NOTIMP, MR_DNS_notimp_update);
		break;
	default: /* IQUERY (RFC 3425), STATUS, and what nobody has assigned */
		query_error(query, self, DNS_NOTIMP, MR_DNS_notimp_opcode);
		break;
	}
}

/* What the question may not be; the rest is looked up. */
static inline void
judge_question(struct dns_query *query, struct mr_dns *self, const struct mr_zone_set *zones,
	       const struct mr_dns_item *item, uint16_t qclass)
{
	enum dns_rcode meta;

	if (mr_unlikely(query->tsig_at)) {
		query->action = DNS_ERROR; /* RFC 8945 5.2.1: no key of ours */
		query->rcode = DNS_NOTAUTH;
		return;
	}
	if (mr_unlikely(qclass != MR_ZONE_CLASS_IN)) {
		query->chaos_text =
			qclass == DNS_CLASS_CH ? dns_chaos_text(query, self->config) : NULL;
		query->chaos = query->chaos_text != NULL;
		query->action = DNS_ERROR; /* nothing is looked up */
		if (!query->chaos)
			query_error(query, self, DNS_REFUSED, MR_DNS_refused_class);
		return;
	}
	count_qtype(self, query->qtype);
	if (mr_unlikely(query->qtype == MR_ZONE_AXFR || query->qtype == MR_ZONE_IXFR)) {
		dns_transfer_judge(query, self, zones, item);
		return;
	}
	meta = meta_rcode(query->qtype);
	if (mr_unlikely(meta != DNS_NOERROR)) {
		query->action = DNS_ERROR;
		query->rcode = (uint16_t)meta;
		self->tally[MR_DNS_formerr_qtype] += meta == DNS_FORMERR;
		return;
	}
	query->action = DNS_LOOKUP;
}

static inline bool
drops(struct mr_dns *self, const struct mr_dns_item *item)
{
	if (mr_unlikely(item->message_bytes < MR_DNS_HEADER_BYTES)) {
		self->tally[MR_DNS_drop_short]++;
		return true;
	}
	if (mr_unlikely(item->message[2] & (DNS_QR >> 8))) {
		self->tally[MR_DNS_drop_response]++;
		return true;
	}
	if (mr_unlikely(item->client.multicast)) {
		self->tally[MR_DNS_drop_multicast]++;
		return true;
	}
	return false;
}

/* RFC 7873 5.4: no question, and a cookie. */
static MR_COLD bool
asks_for_cookie(struct dns_query *query, struct mr_dns *self, struct mr_dns_item *item)
{
	if (self->config->cookie_secret_count == 0 || mr_load_be16(item->message + 4) != 0 ||
	    mr_load_be32(item->message + 6) != 0 || mr_load_be16(item->message + 10) == 0)
		return false;
	dns_additional_parse(query, self, item, MR_DNS_HEADER_BYTES,
			     mr_load_be16(item->message + 10));
	if (query->tsig_at ||
	    (query->rcode == DNS_NOERROR && !(query->options & DNS_OPTION_COOKIE)))
		return false;
	query->action = DNS_ERROR;
	return true;
}

/* RFC 7873 5.2.3, where cookies are required: over UDP only who showed one before is answered. */
void
dns_cookie_require(struct dns_query *query, const struct mr_dns_item *item)
{
	if (query->action != DNS_LOOKUP || item->client.transport != MR_DNS_UDP ||
	    query->cookie_valid)
		return;
	if (query->options & DNS_OPTION_COOKIE)
		query->rcode = DNS_BADCOOKIE;
	else
		query->to_tcp = true;
	query->action = DNS_ERROR;
}

/* The one additional record of usual queries: an OPT of version 0 without options, at the end. */
static inline bool
read_plain_opt(struct dns_query *query, struct mr_dns *self, const struct mr_dns_item *item,
	       unsigned at)
{
	const uint8_t *opt = item->message + at;

	if (at + DNS_OPT_BYTES != item->message_bytes || opt[0] != 0 ||
	    mr_load_be16(opt + 1) != MR_ZONE_OPT || opt[6] != 0 || mr_load_be16(opt + 9) != 0)
		return false;
	query->edns = true;
	query->edns_bytes = mr_load_be16(opt + 3);
	query->dnssec_ok = opt[7] >> 7;
	self->tally[MR_DNS_edns]++;
	self->tally[MR_DNS_edns_do] += query->dnssec_ok;
	return true;
}

void
dns_query_parse(struct dns_query *query, struct mr_dns *self, const struct mr_zone_set *zones,
		struct mr_dns_item *item)
{
	const uint8_t *message = item->message;
	unsigned name_bytes, end, opcode;
	uint16_t additional_count;

	MR_ASSERT_SLOW(item->room_bytes >= item->message_bytes);
	query->action = DNS_DROP;
	query->zone = NULL;
	query->usual_bytes = 0;
	query->missing.closest = query->missing.cover = NULL;
	query->options = 0;
	query->edns = query->dnssec_ok = query->cookie_valid = false;
	query->to_tcp = query->chaos = query->transfer = false;
	query->soa_of = NULL;
	query->rcode = DNS_NOERROR;
	query->ede = DNS_EDE_NONE;
	query->tsig_at = 0;
	query->question_end = MR_DNS_HEADER_BYTES;
	memset(&item->client.ecs, 0, sizeof(item->client.ecs));
	self->tally[MR_DNS_query]++;
	self->tally[MR_DNS_transport_udp + MR_MIN(item->client.transport, MR_DNS_QUIC)]++;
	if (drops(self, item))
		return;
	query->flags = mr_load_be16(message + 2);
	opcode = (query->flags & DNS_OPCODE) >> 11;
	if (mr_unlikely(opcode != DNS_OPCODE_QUERY)) {
		other_opcode(query, self, opcode);
		return;
	}
	if (mr_unlikely(mr_load_be16(message + 4) != 1)) { /* RFC 9619 */
		if (asks_for_cookie(query, self, item))
			return;
		query_error(query, self, DNS_FORMERR, MR_DNS_formerr_qdcount);
		return;
	}
	name_bytes = mr_zone_name_scan(&query->qname, &zones->key, message + MR_DNS_HEADER_BYTES,
				       item->message_bytes - MR_DNS_HEADER_BYTES,
				       item->room_bytes - MR_DNS_HEADER_BYTES);
	end = MR_DNS_HEADER_BYTES + name_bytes + 4;
	if (mr_unlikely(name_bytes == 0 || end > item->message_bytes)) {
		query_error(query, self, DNS_FORMERR, MR_DNS_formerr_question);
		return;
	}
	query->question_end = (uint16_t)end;
	query->qtype = mr_load_be16(message + end - 4);
	additional_count = mr_load_be16(message + 10);
	if (mr_unlikely(query->qtype == MR_ZONE_IXFR))
		dns_ixfr_parse(query, self, item, end);
	else if (mr_unlikely(mr_load_be32(message + 6))) /* a query has no answers */
		query_error(query, self, DNS_FORMERR, MR_DNS_formerr_sections);
	else if (additional_count == 0 && mr_unlikely(end != item->message_bytes))
		query_error(query, self, DNS_FORMERR, MR_DNS_formerr_trailing);
	else if (additional_count > 1 ||
		 (additional_count == 1 && !read_plain_opt(query, self, item, end)))
		dns_additional_parse(query, self, item, end, additional_count);
	if (mr_likely(query->rcode == DNS_NOERROR))
		judge_question(query, self, zones, item, mr_load_be16(message + end - 2));
}
