/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/transfer_query - may this client have this zone, and what is the first message?
 *
 * RFC 5936 2.2.1: NOTAUTH for a name that is no zone of ours, REFUSED where policy or a limit says
 * no. 4.2: AXFR has no meaning over UDP; IXFR over UDP is not given either: NOTIMP.
 */
#include "dns/dns_int.h"

enum { SOA_NUMBERS_BYTES = 20 };

const struct mr_dns_zone_options *
dns_zone_options(const struct mr_dns_config *config, const struct mr_zone *zone)
{
	uint32_t low = 0, high = config->zone_option_count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (config->zone_options[middle].zone < zone)
			low = middle + 1;
		else
			high = middle;
	}
	return low < config->zone_option_count && config->zone_options[low].zone == zone
		       ? &config->zone_options[low]
		       : NULL;
}

static bool
is_permitted(const struct mr_dns_zone_options *options, const struct mr_addr *client)
{
	for (uint32_t i = 0; options && i < options->transfer_count; i++)
		if (mr_prefix_covers(&options->transfer[i], client))
			return true;
	return false;
}

static uint32_t
zone_serial(const struct mr_zone *zone)
{
	const struct mr_zone_rrset *soa = mr_zone_node_rrset(mr_zone_apex(zone), MR_ZONE_SOA);

	return mr_load_be32(soa->wire + soa->wire_bytes - SOA_NUMBERS_BYTES);
}

static void
refuse(struct dns_query *query, struct mr_dns *self, enum dns_rcode rcode,
       enum mr_dns_metric reason)
{
	query->rcode = (uint16_t)rcode;
	self->tally[reason]++;
}

void
dns_transfer_judge(struct dns_query *query, struct mr_dns *self, const struct mr_zone_set *zones,
		   const struct mr_dns_item *item)
{
	const struct mr_dns_zone_options *options;
	const struct mr_zone *zone;

	query->action = DNS_ERROR; /* nothing is looked up */
	if (!self->transfers || item->client.transport == MR_DNS_UDP) {
		query->rcode = DNS_NOTIMP;
		return;
	}
	zone = mr_zone_set_match(zones, &query->qname, query->qname.labels);
	if (!zone || zone->origin_labels != query->qname.labels) {
		refuse(query, self, DNS_NOTAUTH, MR_DNS_transfer_notauth);
		return;
	}
	options = dns_zone_options(self->config, zone);
	if (!is_permitted(options, &item->client.addr)) {
		refuse(query, self, DNS_REFUSED, MR_DNS_transfer_refused);
		query->ede = DNS_EDE_PROHIBITED;
		return;
	}
	/* RFC 1995 2: who has this serial, or a newer one, gets one SOA. */
	if (query->qtype == MR_ZONE_IXFR &&
	    (int32_t)(query->ixfr_serial - zone_serial(zone)) >= 0) {
		query->soa_of = zone;
		self->tally[MR_DNS_transfer_current]++;
		return;
	}
	if (!dns_transfer_begin(self->transfers, options, query, mr_load_be16(item->message))) {
		refuse(query, self, DNS_REFUSED, MR_DNS_transfer_limit);
		return;
	}
	query->soa_of = zone;
	query->transfer = true;
}

void
dns_transfer_put(struct dns_answer *self, const struct dns_query *query)
{
	bool dnssec_ok = self->dnssec_ok;

	self->dnssec_ok = false; /* its RRSIG comes with the rest */
	self->authoritative = true;
	self->answer_count += (uint16_t)dns_put_rrset(
		self, mr_zone_node_rrset(mr_zone_apex(query->soa_of), MR_ZONE_SOA), self->name_at);
	self->dnssec_ok = dnssec_ok;
}
