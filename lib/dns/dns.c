/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/dns - a burst in stages, so that the memory of one query is fetched while others are worked
 * on.
 */
#include "dns/dns_int.h"

MR_METRIC_DEFINE("dns", mr_dns_metric_table, DNS_METRICS);

/* So many queries take a step together, and what they will read at the next one arrives while
 * others are worked on: no more lines are under way at once than the CPU has buffers for. */
enum { BLOCK_QUERIES = 16 };

/* Of a message: how far it is in cache when it comes, and where usual signed answers end. */
enum { SIGNED_HERE_BYTES = 150, SIGNED_FOUND_BYTES = 256, SIGNED_MISSING_BYTES = 1024 };
enum { SIGNED_AHEAD = 4 };        /* answers before the one that is written over them */
enum { SIGNED_NODE_BYTES = 216 }; /* of a node: up to the end of its first RRset, an address */

/* The lines that the lookup will ask first: the home of the name, or of the deepest ancestor that
 * the zone can have. */
static inline void
prefetch_bucket(const struct dns_query *query)
{
	const struct mr_zone *zone = query->zone;
	unsigned labels = MR_MIN(query->qname.labels, zone->labels_max);

	mr_zone_prefetch(mr_zone_home(zone, query->qname.hash[labels]));
}

/* What a signed answer will be written over: its lines are the peer's or the device's, and each
 * store into one that is not here waits for it. A usual question's own are here. */
static inline void
prefetch_room(const struct dns_query *query, const struct mr_dns_item *item)
{
	unsigned end = MR_MIN(item->room_bytes, query->usual_bytes);

	for (unsigned at = SIGNED_HERE_BYTES; at < end; at += MR_CACHE_LINE)
		__asm__ volatile("prefetchw %0" : : "m"(item->message[at]));
}

/* Says whether the name is missing where it should have proofs. */
static inline bool
prefetch_node(struct dns_query *query)
{
	const struct mr_zone *zone = query->zone;
	unsigned labels = MR_MIN(query->qname.labels, zone->labels_max);
	const struct mr_zone_node *node = mr_zone_candidate(zone, query->qname.hash[labels]);

	if (node)
		mr_zone_prefetch(node);
	if (mr_likely(!query->dnssec_ok || zone->denial_kind == MR_ZONE_UNSIGNED))
		return false;
	query->usual_bytes = node ? SIGNED_FOUND_BYTES : SIGNED_MISSING_BYTES;
	if (node)
		mr_zone_prefetch_bytes(node, SIGNED_NODE_BYTES);
	return !node;
}

/* What is answered without looking. */
static void
put_other(struct dns_answer *answer, const struct dns_query *query)
{
	answer->ede = query->rcode == DNS_NOTIMP ? (uint16_t)DNS_EDE_NOT_SUPPORTED : query->ede;
	if (query->to_tcp) {
		answer->truncated = true;
		answer->tally[MR_DNS_cookie_wanted]++;
	} else if (query->soa_of) {
		dns_transfer_put(answer, query);
	} else if (query->chaos && query->rcode == DNS_NOERROR) {
		dns_chaos_put(answer, query);
	}
}

const char *
mr_dns_zone_count_name(enum mr_dns_zone_count which)
{
	static const char *const names[] = { "answer",   "nodata", "nxdomain",
					     "referral", "fail",   "truncated" };

	return which < MR_DNS_ZONE_COUNTS ? names[which] : "?";
}

static inline enum mr_dns_zone_count
zone_class(const struct dns_answer *answer)
{
	if (mr_unlikely(answer->rcode != DNS_NOERROR))
		return answer->rcode == DNS_NXDOMAIN ? MR_DNS_ZONE_NXDOMAIN : MR_DNS_ZONE_FAIL;
	if (mr_likely(answer->answer_count > 0))
		return MR_DNS_ZONE_ANSWER;
	if (!answer->authoritative)
		return MR_DNS_ZONE_REFERRAL;
	/* what did not fit is there all the same */
	return answer->truncated ? MR_DNS_ZONE_ANSWER : MR_DNS_ZONE_NODATA;
}

/* One increment of the worker's own; zone: of the question. */
static inline void
count_zone(struct mr_dns *self, const struct mr_zone *zone, const struct dns_answer *answer)
{
	struct mr_dns_zone_line *line;

	if (mr_unlikely(!zone || !self->zone_lines))
		return;
	MR_ASSERT_SLOW(zone->counter < self->zone_line_count);
	line = &self->zone_lines[zone->counter];
	mr_metric_add(line->counts, zone_class(answer), 1);
	if (mr_unlikely(answer->truncated))
		mr_metric_add(line->counts, MR_DNS_ZONE_TRUNCATED, 1);
}

static void
write_item(struct mr_dns *self, const struct mr_zone_set *zones, const struct dns_query *query,
	   struct mr_dns_item *item)
{
	struct dns_answer answer;

	dns_answer_start(&answer, self, query, item);
	dns_answer_lookup(&answer, zones, query);
	dns_answer_finish(&answer, self, query, item, NULL);
	count_zone(self, query->zone, &answer);
}

void
dns_write_other(struct mr_dns *self, const struct dns_query *query, struct mr_dns_item *item)
{
	bool tsig_refused = query->tsig_at && query->rcode == DNS_NOTAUTH;
	struct dns_answer answer;
	struct dns_tsig tsig;

	if (query->action == DNS_DROP) {
		item->outcome = MR_DNS_DROP;
		item->answer_bytes = 0;
		return;
	}
	if (tsig_refused)
		dns_tsig_refuse(&tsig, query, item);
	dns_answer_start(&answer, self, query, item);
	put_other(&answer, query);
	dns_answer_finish(&answer, self, query, item, tsig_refused ? &tsig : NULL);
	if (query->transfer)
		item->outcome = MR_DNS_TRANSFER;
}

struct burst {
	struct mr_dns *dns;
	const struct mr_zone_set *zones;
	struct dns_query *queries;
	struct mr_dns_item *items;
	unsigned count;
};

/* The steps, each over a block of queries that starts at `from`: nothing to do when that is not in
 * the burst (before it, that is above it, as unsigned numbers are). */

static inline unsigned
block_end(const struct burst *self, unsigned from)
{
	return MR_MIN(from + BLOCK_QUERIES, self->count);
}

static inline void
step_parse(struct burst *self, unsigned from)
{
	bool require = self->dns->config->cookie_policy == MR_DNS_COOKIE_REQUIRE;

	for (unsigned i = from, end = block_end(self, from); i < end; i++) {
		struct dns_query *query = &self->queries[i];

		dns_query_parse(query, self->dns, self->zones, &self->items[i]);
		if (mr_unlikely(require))
			dns_cookie_require(query, &self->items[i]);
		if (mr_likely(query->action == DNS_LOOKUP))
			mr_zone_set_prefetch(self->zones, &query->qname);
	}
}

static inline void
step_zone(struct burst *self, unsigned from)
{
	for (unsigned i = from, end = block_end(self, from); i < end; i++) {
		struct dns_query *query = &self->queries[i];

		if (mr_unlikely(query->action != DNS_LOOKUP))
			continue;
		query->zone = dns_zone_for(self->zones, query);
		if (mr_likely(query->zone != NULL))
			prefetch_bucket(query);
	}
}

static inline void
step_node(struct burst *self, unsigned from)
{
	struct dns_query *missing[BLOCK_QUERIES];
	unsigned missing_count = 0;

	for (unsigned i = from, end = block_end(self, from); i < end; i++) {
		struct dns_query *query = &self->queries[i];

		if (mr_likely(query->zone != NULL) && prefetch_node(query))
			missing[missing_count++] = query;
	}
	if (mr_unlikely(missing_count > 0))
		dns_denial_seek(missing, missing_count);
}

static inline void
step_write(struct burst *self, unsigned from)
{
	/* The block behind this one has had its nodes found. */
	for (unsigned i = 0; i < SIGNED_AHEAD && i < self->count && from == 0; i++)
		prefetch_room(&self->queries[i], &self->items[i]);
	for (unsigned i = from, end = block_end(self, from); i < end; i++) {
		if (i + SIGNED_AHEAD < self->count)
			prefetch_room(&self->queries[i + SIGNED_AHEAD],
				      &self->items[i + SIGNED_AHEAD]);
		if (mr_likely(self->queries[i].action == DNS_LOOKUP))
			write_item(self->dns, self->zones, &self->queries[i], &self->items[i]);
		else
			dns_write_other(self->dns, &self->queries[i], &self->items[i]);
	}
}

void
mr_dns_answer_burst(struct mr_dns *self, const struct mr_zone_set *zones, struct mr_dns_item *items,
		    uint16_t count)
{
	struct dns_query
		queries[MR_BURST_MAX]; /* 1.5 KB each, of which a query touches a few lines */
	struct burst burst = { self, zones, queries, items, count };
	bool limited = dns_limits_on(self);
	struct dns_limits limits; /* untouched when they are off */

	MR_ASSERT(count <= MR_BURST_MAX);
	if (mr_unlikely(limited))
		dns_limits_fetch(&limits, self, items, count);
	for (unsigned from = 0; from < count + 3u * BLOCK_QUERIES; from += BLOCK_QUERIES) {
		step_parse(&burst, from);
		step_zone(&burst, from - BLOCK_QUERIES);
		step_node(&burst, from - 2 * BLOCK_QUERIES);
		step_write(&burst, from - 3 * BLOCK_QUERIES);
	}
	if (mr_unlikely(limited))
		dns_limits_apply(&limits, self, queries, items, count);
}

void
mr_dns_answer(struct mr_dns *self, const struct mr_zone_set *zones, struct mr_dns_item *item)
{
	mr_dns_answer_burst(self, zones, item, 1);
}

void
mr_dns_flush(struct mr_dns *self)
{
	mr_metric_flush(self->metrics, self->tally, MR_DNS_METRIC_COUNT);
	memset(self->tally, 0, sizeof(self->tally));
}
