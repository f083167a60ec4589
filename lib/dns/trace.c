/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/trace - dns/answer once more, with its steps told.
 */
#define dns_put_rrset                      dns_traced_put_rrset
#define dns_zone_for                       dns_traced_zone_for
#define dns_answer_start                   dns_traced_answer_start
#define dns_answer_lookup                  dns_traced_answer_lookup
#define dns_answer_finish                  dns_traced_answer_finish
#define dns_answer_withdraw                dns_traced_answer_withdraw
#define DNS_STEP(answer, what, zone, node) step_note(answer, what, zone, node)

#include "dns/dns_int.h"
#include "dns/trace.h"

static _Thread_local struct mr_dns_trace *recorder;

static void
step_note(const struct dns_answer *answer, unsigned what, const struct mr_zone *zone,
	  const struct mr_zone_node *node)
{
	struct mr_dns_trace_step *step = &recorder->steps[recorder->count];

	if (recorder->count == MR_DNS_TRACE_STEPS) {
		recorder->lost++;
		return;
	}
	recorder->count++;
	*step = (struct mr_dns_trace_step){ .what = (uint16_t)what, .zone = zone, .node = node };
	memcpy(step->name, answer->name->lower, answer->name->bytes);
}

static void
traced_denial_put(struct dns_answer *self)
{
	for (unsigned i = 0; i < self->proof_count; i++)
		step_note(self, MR_DNS_TRACE_PROOF, NULL, self->proofs[i].node);
	dns_denial_put(self);
}
#define dns_denial_put traced_denial_put

#include "answer.c"

void
mr_dns_trace(struct mr_dns *self, const struct mr_zone_set *zones, struct mr_dns_item *item,
	     struct mr_dns_trace *trace)
{
	struct dns_query query;
	struct dns_answer answer;

	MR_ASSERT(!self->transfers);
	memset(trace, 0, sizeof(*trace));
	dns_query_parse(&query, self, zones, item);
	if (self->config->cookie_policy == MR_DNS_COOKIE_REQUIRE)
		dns_cookie_require(&query, item);
	trace->looked_up = query.action == DNS_LOOKUP;
	trace->edns = query.edns;
	trace->dnssec_ok = query.dnssec_ok;
	trace->cookie_given = query.options & DNS_OPTION_COOKIE;
	trace->cookie_valid = query.cookie_valid;
	if (trace->looked_up) {
		recorder = trace;
		query.zone = dns_zone_for(zones, &query);
		dns_answer_start(&answer, self, &query, item);
		dns_answer_lookup(&answer, zones, &query);
		dns_answer_finish(&answer, self, &query, item, NULL);
		recorder = NULL;
	} else {
		dns_write_other(self, &query, item);
	}
	memcpy(trace->tally, self->tally, sizeof(trace->tally));
}

const char *
mr_dns_trace_text(uint16_t what)
{
	static const char *const marks[] = {
		"the zone with the longest matching name",
		"the name is there",
		"the name is not there; its closest encloser",
		"proof from the zone's chain",
	};

	return what < MR_DNS_METRIC_COUNT ? mr_dns_metric_table.defs[what].help
					  : marks[what - MR_DNS_METRIC_COUNT];
}
