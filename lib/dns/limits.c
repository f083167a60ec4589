/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/limits - the rate limits of one burst: which class an answer is of, and what becomes of it.
 *
 * An answer is judged when it is made, because its class is not known before; making it costs less
 * than telling beforehand.
 */
#include "dns/dns_int.h"

#define DNS_EVENTS(X)       X(rate_limited, NOTICE, "rate limits: answers to {addr} and its prefix")
#define EVENT_ID(name, ...) EVENT_##name,
enum { DNS_EVENTS(EVENT_ID) };
MR_EVLOG_DEFINE("dns", dns_event_table, DNS_EVENTS);

void
dns_limits_fetch(struct dns_limits *self, const struct mr_dns *dns, const struct mr_dns_item *items,
		 uint16_t count)
{
	for (uint16_t i = 0; i < count; i++) {
		self->at[i].line = NULL; /* over a stream the address is no forgery */
		if (items[i].client.transport == MR_DNS_UDP)
			self->at[i].line =
				mr_dns_rrl_line_of(dns->rrl, &dns->config->rrl,
						   &items[i].client.addr, &self->at[i].tag);
	}
}

static enum mr_dns_rrl_class
class_of(const uint8_t *message)
{
	unsigned rcode = message[3] & 15;

	if (rcode == DNS_NXDOMAIN)
		return MR_DNS_RRL_NXDOMAIN;
	if (rcode != DNS_NOERROR)
		return MR_DNS_RRL_ERROR;
	if (mr_load_be16(message + 6) > 0)
		return MR_DNS_RRL_ANSWER;
	return message[2] & (DNS_AA >> 8) ? MR_DNS_RRL_NODATA : MR_DNS_RRL_REFERRAL;
}

static void
post_event(const struct mr_dns *dns, const struct mr_dns_item *item)
{
	struct mr_evlog_record record = { .now_ns = item->client.now_ns,
					  .table = &dns_event_table,
					  .kind = EVENT_rate_limited };

	mr_evlog_put_addr(&record, 0, &item->client.addr);
	if (dns->evlog)
		mr_evlog_post(dns->evlog, &record);
}

/* RFC 6891 7 holds of this answer too, so it is made anew: header, question, OPT. */
static void
slip(struct mr_dns *dns, const struct dns_query *query, struct mr_dns_item *item)
{
	struct dns_answer answer;
	uint16_t rcode = item->message[3] & 15;

	dns_answer_start(&answer, dns, query, item);
	answer.truncated = true;
	if (query->action == DNS_LOOKUP)
		answer.rcode = rcode;
	dns_answer_finish(&answer, dns, query, item, NULL);
	dns->tally[MR_DNS_rrl_slip]++;
}

static MR_COLD void
limit(struct mr_dns *dns, const struct dns_query *query, struct mr_dns_item *item,
      enum mr_dns_rrl_class rrl_class)
{
	const struct mr_dns_rrl_config *config = &dns->config->rrl;
	enum mr_dns_rrl_verdict verdict;
	bool is_new;

	if (query->cookie_valid) {
		dns->tally[MR_DNS_rrl_cookie]++;
		return;
	}
	if (mr_dns_rrl_allowed(config, &item->client.addr)) {
		dns->tally[MR_DNS_rrl_allowed]++;
		return;
	}
	verdict = mr_dns_rrl_limit(dns->rrl, config, &item->client.addr, rrl_class,
				   item->client.now_ns, &is_new);
	dns->tally[MR_DNS_rrl_answer + rrl_class]++;
	if (is_new)
		post_event(dns, item);
	if (config->mode == MR_DNS_RRL_LOG) {
		dns->tally[MR_DNS_rrl_would]++;
		return;
	}
	dns_answer_withdraw(dns, query, item);
	if (verdict == MR_DNS_RRL_SLIP) {
		slip(dns, query, item);
		return;
	}
	item->outcome = MR_DNS_DROP;
	item->answer_bytes = 0;
	dns->tally[MR_DNS_rrl_drop]++;
}

_Static_assert(MR_DNS_rrl_error - MR_DNS_rrl_answer == MR_DNS_RRL_ERROR,
	       "classes and their counters stand in one order");

void
dns_limits_apply(const struct dns_limits *self, struct mr_dns *dns, const struct dns_query *queries,
		 struct mr_dns_item *items, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++) {
		const struct dns_query *query = &queries[i];
		enum mr_dns_rrl_class rrl_class;

		if (!self->at[i].line || items[i].outcome != MR_DNS_ANSWER)
			continue;
		rrl_class = class_of(items[i].message);
		if (!mr_dns_rrl_charge(dns->rrl, &dns->config->rrl, self->at[i].line,
				       self->at[i].tag, rrl_class,
				       query->zone ? query->zone->hash : 0, items[i].client.now_ns))
			limit(dns, query, &items[i], rrl_class);
	}
}
