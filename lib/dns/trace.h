/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/trace - one query answered with a record of every step of the decision.
 *
 * It runs the answering code itself, compiled a second time with its DNS_STEP marks switched on; in
 * the workers' copy they are nothing.
 *
 * Owner:  the caller. Thread: any that may read the zones; a struct mr_dns of the caller's own.
 * Memory: the caller's; steps beyond MR_DNS_TRACE_STEPS are counted only.
 */
#ifndef MR_DNS_TRACE_H
#define MR_DNS_TRACE_H

#include "dns/dns.h"

enum { MR_DNS_TRACE_STEPS = 96 };

/* Steps that have no counter. */
enum mr_dns_trace_mark {
	MR_DNS_TRACE_ZONE = MR_DNS_METRIC_COUNT, /* zone is the closest that we have */
	MR_DNS_TRACE_EXACT,                      /* node is the name */
	MR_DNS_TRACE_CLOSEST,                    /* node is its closest encloser */
	MR_DNS_TRACE_PROOF,                      /* node has a record that proves what is not */
};

struct mr_dns_trace_step {
	uint16_t what;                    /* enum mr_dns_metric, or mr_dns_trace_mark */
	const struct mr_zone *zone;       /* NULL: of none */
	const struct mr_zone_node *node;  /* NULL: of none */
	uint8_t name[MR_ZONE_NAME_BYTES]; /* that is asked for now, lower-cased wire */
};

struct mr_dns_trace {
	unsigned count, lost;
	struct mr_dns_trace_step steps[MR_DNS_TRACE_STEPS];
	/* of the query, as it was read */
	bool looked_up, edns, dnssec_ok, cookie_given, cookie_valid;
	uint32_t tally[MR_DNS_METRIC_COUNT]; /* what a worker would have counted */
};

/* mr_dns_trace answers item as mr_dns_answer does, without rate limits and transfers. self has no
 * `transfers`; its tally must be zero and is left for the caller in trace->tally. */
void mr_dns_trace(struct mr_dns *self, const struct mr_zone_set *zones, struct mr_dns_item *item,
		  struct mr_dns_trace *trace);

/* What a step says, for people. */
const char *mr_dns_trace_text(uint16_t what);

#endif
