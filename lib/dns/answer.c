/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/answer - one lookup in one zone set becomes one wire answer (RFC 1034 4.3.2, 4592, 6672).
 *
 * (1) What is written never passes limit: an RRset goes in whole or not at all, and then TC is set.
 * (2) The name asked for stands uncompressed in the message, in the question or in the last CNAME.
 *     Owners are pointers to it, or to its end where they are its ancestors.
 */
#include "dns/dns_int.h"

enum step { STEP_DONE, STEP_NO_DATA, STEP_FOLLOW };

/* ---- writing ---- */

/* Puts rrset with its owner at owner_at; returns how many records, 0 (and TC) when it does not fit.
 */
static inline unsigned
put_rrset(struct dns_answer *self, const struct mr_zone_rrset *rrset, uint32_t owner_at)
{
	uint32_t start = self->at, bytes = rrset->wire_bytes;
	unsigned count = rrset->rr_count;

	if (mr_unlikely(self->dnssec_ok)) {
		bytes += rrset->sig_bytes;
		count += rrset->sig_count;
	}
	if (mr_unlikely(!dns_put_bytes(self, rrset->wire, bytes))) {
		self->truncated = true;
		return 0;
	}
	if (mr_unlikely(owner_at != MR_DNS_HEADER_BYTES))
		dns_point_owners(self->message + start, count, owner_at);
	return count;
}

unsigned
dns_put_rrset(struct dns_answer *self, const struct mr_zone_rrset *rrset, uint32_t owner_at)
{
	return put_rrset(self, rrset, owner_at);
}

/* Puts the first parts of a block; false when they do not fit or its pointers would not reach. */
static bool
put_block(struct dns_answer *self, const struct mr_zone_block *block, uint32_t bytes)
{
	uint32_t base = self->at, name_end = self->name_at + self->name->bytes;

	if (base > DNS_CHAIN_BYTES || !dns_put_bytes(self, mr_zone_block_wire(block), bytes))
		return false;
	for (unsigned i = 0; i < block->link_count && block->links[i].at < bytes; i++) {
		uint16_t value = block->links[i].value;
		uint32_t to = value & MR_ZONE_LINK_SUFFIX
				      ? name_end - (value & ~(uint32_t)MR_ZONE_LINK_SUFFIX)
				      : base + value;

		mr_store_be16(self->message + base + block->links[i].at, (uint16_t)(0xc000 | to));
	}
	return true;
}

/* RFC 2308: the SOA of the zone that says no. */
static void
put_negative(struct dns_answer *self, const struct mr_zone *zone)
{
	const struct mr_zone_block *block = mr_zone_ref(zone, zone->negative);
	bool sigs = self->dnssec_ok;

	if (put_block(self, block, block->bytes[0] + (sigs ? block->bytes[1] : 0u)))
		self->authority_count += block->counts[0] + (sigs ? block->counts[1] : 0);
	else
		self->truncated = true;
}

/* How many labels the suffix of name has that starts at that offset. */
static unsigned
labels_from(const struct mr_zone_name *name, unsigned at)
{
	unsigned labels = name->labels;

	while (mr_zone_name_at(name, labels) < at)
		labels--;
	return labels;
}

static MR_COLD void
put_referral(struct dns_answer *self, const struct mr_zone *zone, const struct mr_zone_node *cut)
{
	const struct mr_zone_block *block = mr_zone_ref(zone, cut->link);
	uint32_t needed = (uint32_t)block->bytes[0] + block->bytes[1];
	unsigned cut_at = self->name->bytes - (unsigned)cut->name_bytes - zone->origin_bytes;
	const struct mr_zone_rrset *ds =
		self->dnssec_ok ? mr_zone_node_rrset(cut, MR_ZONE_DS) : NULL;

	self->tally[MR_DNS_found_referral]++;
	DNS_STEP(self, MR_DNS_found_referral, zone, cut);
	if (self->answer_count == 0)
		self->authoritative = false;
	if (ds) /* RFC 4035 3.1.4 */
		self->authority_count += (uint16_t)put_rrset(self, ds, self->name_at + cut_at);
	else
		dns_denial_no_data(self, zone, cut, labels_from(self->name, cut_at));
	dns_denial_put(self);
	if (put_block(self, block, needed + block->bytes[2])) {
		self->additional_count += block->counts[1] + block->counts[2];
	} else if (put_block(self, block, needed)) {
		self->additional_count += block->counts[1];
		self->tally[MR_DNS_glue_left_out]++;
		DNS_STEP(self, MR_DNS_glue_left_out, zone, cut);
	} else { /* RFC 9471 3.1 */
		self->truncated = true;
		if (!put_block(self, block, block->bytes[0]))
			return;
	}
	self->authority_count += block->counts[0];
}

/* ---- looking up ---- */

/* A chain may pass one DNAME several times; a message has it once (RFC 2181 5). */
static bool
put_dname(struct dns_answer *self, const struct mr_zone_node *node,
	  const struct mr_zone_rrset *dname, uint32_t owner_at)
{
	unsigned put;

	for (unsigned i = 0; i < self->dname_count; i++)
		if (self->dnames[i] == node)
			return true;
	put = put_rrset(self, dname, owner_at);
	self->answer_count += (uint16_t)put;
	MR_ASSERT(self->dname_count < MR_ARRAY_COUNT(self->dnames));
	self->dnames[self->dname_count++] = node;
	return put > 0;
}

/* RFC 6672 3.2: the DNAME, and the CNAME that follows from it. */
static MR_COLD enum step
follow_dname(struct dns_answer *self, const struct mr_zone *zone, const struct mr_zone_node *node)
{
	const struct mr_zone_rrset *dname = mr_zone_node_rrset(node, MR_ZONE_DNAME);
	const uint8_t *rr = dname->wire;
	unsigned owner_bytes = (unsigned)node->name_bytes + zone->origin_bytes;
	unsigned prefix_bytes = self->name->bytes - owner_bytes;
	unsigned target_bytes = mr_load_be16(rr + 10);
	unsigned cname_bytes = prefix_bytes + target_bytes;
	uint32_t start;

	self->tally[MR_DNS_found_dname]++;
	DNS_STEP(self, MR_DNS_found_dname, zone, node);
	if (!put_dname(self, node, dname, self->name_at + prefix_bytes))
		return STEP_DONE;
	if (cname_bytes > MR_ZONE_NAME_BYTES) {
		self->rcode = DNS_YXDOMAIN;
		return STEP_DONE;
	}
	start = self->at;
	if (start + MR_ZONE_RR_FIXED_BYTES + cname_bytes > self->limit) {
		self->truncated = true;
		return STEP_DONE;
	}
	uint8_t *to = self->message + start;

	mr_store_be16(to, (uint16_t)(0xc000 | self->name_at));
	mr_store_be16(to + 2, MR_ZONE_CNAME);
	mr_store_be16(to + 4, MR_ZONE_CLASS_IN);
	memcpy(to + 6, rr + 6, 4);
	mr_store_be16(to + 10, (uint16_t)cname_bytes);
	memcpy(to + 12, self->message + self->name_at, prefix_bytes);
	memcpy(to + 12 + prefix_bytes, rr + MR_ZONE_RR_FIXED_BYTES, target_bytes);
	self->at += MR_ZONE_RR_FIXED_BYTES + cname_bytes;
	self->answer_count++;
	self->name_at = start + MR_ZONE_RR_FIXED_BYTES;
	/* RFC 1034 3.6.2: who asks for the CNAME has it. */
	return self->qtype == MR_ZONE_CNAME ? STEP_DONE : STEP_FOLLOW;
}

static enum step
follow_cname(struct dns_answer *self, const struct mr_zone_node *node)
{
	const struct mr_zone_rrset *cname = mr_zone_node_rrset(node, MR_ZONE_CNAME);
	uint32_t start = self->at;
	unsigned put = put_rrset(self, cname, self->name_at);

	self->answer_count += (uint16_t)put;
	self->tally[MR_DNS_found_cname]++;
	DNS_STEP(self, MR_DNS_found_cname, NULL, node);
	if (put == 0)
		return STEP_DONE;
	self->name_at = start + MR_ZONE_RR_FIXED_BYTES;
	return STEP_FOLLOW;
}

/* RFC 8482 4.1: one RRset for ANY. */
static MR_COLD bool
put_any(struct dns_answer *self, const struct mr_zone_node *node)
{
	const struct mr_zone_rrset *rrset = mr_zone_node_rrsets(node);

	for (unsigned i = 0; i < node->rrset_count; i++, rrset = mr_zone_rrset_next(rrset)) {
		if (rrset->rr_count == 0)
			continue;
		self->tally[MR_DNS_found_any]++;
		DNS_STEP(self, MR_DNS_found_any, NULL, node);
		self->answer_count += (uint16_t)put_rrset(self, rrset, self->name_at);
		return true;
	}
	return false;
}

/* All signatures of a name: they are stored with what they cover. */
static MR_COLD bool
put_signatures(struct dns_answer *self, const struct mr_zone_node *node)
{
	const struct mr_zone_rrset *rrset = mr_zone_node_rrsets(node);
	bool any = false;

	for (unsigned i = 0; i < node->rrset_count && !self->truncated;
	     i++, rrset = mr_zone_rrset_next(rrset)) {
		uint32_t start = self->at;

		if (rrset->sig_count == 0)
			continue;
		any = true;
		if (!dns_put_bytes(self, rrset->wire + rrset->wire_bytes, rrset->sig_bytes)) {
			self->truncated = true;
			break;
		}
		dns_point_owners(self->message + start, rrset->sig_count, self->name_at);
		self->answer_count += rrset->sig_count;
	}
	return any;
}

/* What node has is the answer. */
static inline enum step
answer_from_node(struct dns_answer *self, const struct mr_zone *zone,
		 const struct mr_zone_node *node)
{
	const struct mr_zone_rrset *rrset = mr_zone_node_rrset(node, self->qtype);

	if (mr_likely(rrset != NULL)) {
		self->tally[MR_DNS_found_rrset]++;
		DNS_STEP(self, MR_DNS_found_rrset, zone, node);
		self->answer_count += (uint16_t)put_rrset(self, rrset, self->name_at);
		return STEP_DONE;
	}
	if (self->qtype == MR_ZONE_ANY && put_any(self, node))
		return STEP_DONE;
	if (self->qtype == MR_ZONE_RRSIG && put_signatures(self, node)) {
		self->tally[MR_DNS_found_rrset]++;
		DNS_STEP(self, MR_DNS_found_rrset, zone, node);
		return STEP_DONE;
	}
	if (node->flags & MR_ZONE_NODE_CNAME)
		return follow_cname(self, node);
	self->tally[MR_DNS_found_nodata]++;
	DNS_STEP(self, MR_DNS_found_nodata, zone, node);
	put_negative(self, zone);
	return STEP_NO_DATA;
}

/* RFC 4592: the wildcard below the closest encloser, which has that many labels, stands for the
 * name. */
static MR_COLD enum step
answer_from_wildcard(struct dns_answer *self, const struct mr_zone *zone,
		     const struct mr_zone_node *wildcard, unsigned labels)
{
	uint32_t name_at = self->name_at, followed_at;
	enum step step;

	self->tally[MR_DNS_found_wildcard]++;
	DNS_STEP(self, MR_DNS_found_wildcard, zone, wildcard);
	step = answer_from_node(self, zone, wildcard);
	followed_at = self->name_at; /* the proof is of the name that was asked for */
	self->name_at = name_at;
	dns_denial_wildcard(self, zone, wildcard, labels, step == STEP_NO_DATA);
	self->name_at = followed_at;
	return step;
}

/* RFC 1034 4.3.2 step 3, for a name that is within zone. */
static enum step
answer_in_zone(struct dns_answer *self, const struct mr_zone *zone)
{
	const struct mr_zone_name *name = self->name;
	const struct mr_zone_node *node = NULL, *above;
	bool exact;
	unsigned labels;

	self->authoritative = true;
	if (name->labels <= zone->labels_max)
		node = mr_zone_probe(zone, name, name->labels);
	exact = node != NULL;
	if (!exact) {
		labels = self->missing.labels;
		node = self->missing.closest;
		if (!node)
			node = mr_zone_closest(zone, name, name->labels, &labels);
	}
	DNS_STEP(self, MR_DNS_TRACE_ZONE, zone, NULL);
	DNS_STEP(self, exact ? MR_DNS_TRACE_EXACT : MR_DNS_TRACE_CLOSEST, zone, node);

	/* 3b, and RFC 6672: what stands above. The parent answers for the DS of its cut. */
	if (mr_unlikely(node->above)) {
		above = mr_zone_ref(zone, node->above);
		if (!(above->flags & MR_ZONE_NODE_DELEGATION))
			return follow_dname(self, zone, above);
		if (!(exact && above == node && self->qtype == MR_ZONE_DS)) {
			put_referral(self, zone, above);
			return STEP_DONE;
		}
	}
	/* 3a */
	if (mr_likely(exact)) {
		enum step step = answer_from_node(self, zone, node);

		if (mr_unlikely(step == STEP_NO_DATA && self->dnssec_ok))
			dns_denial_no_data(self, zone, node, name->labels);
		return step;
	}
	/* 3c */
	if (node->flags & MR_ZONE_NODE_DNAME)
		return follow_dname(self, zone, node);
	if (node->link)
		return answer_from_wildcard(self, zone, mr_zone_ref(zone, node->link), labels);
	self->tally[MR_DNS_found_missing]++;
	DNS_STEP(self, MR_DNS_found_missing, zone, node);
	self->rcode = DNS_NXDOMAIN; /* also of a chain's last name: RFC 6604 3 */
	put_negative(self, zone);
	if (mr_unlikely(self->dnssec_ok))
		dns_denial_missing(self, zone, node, labels);
	return STEP_DONE;
}

/* The zone that answers for name; for a DS that is the parent's, where we have it (RFC
 * 4035 3.1.4.1).
 */
static inline const struct mr_zone *
zone_for(const struct mr_zone_set *zones, const struct mr_zone_name *name, uint16_t qtype)
{
	if (mr_unlikely(qtype == MR_ZONE_DS && name->labels > 0)) {
		const struct mr_zone *parent = mr_zone_set_match(zones, name, name->labels - 1u);

		if (parent)
			return parent;
	}
	return mr_zone_set_match(zones, name, name->labels);
}

/* The chain goes on under the name that name_at says, while it is in our zones. */
static MR_COLD void
answer_chain(struct dns_answer *self, const struct mr_zone_set *zones)
{
	uint64_t seen[MR_DNS_CNAME_MAX + 1];
	const struct mr_zone_name *qname = self->name;
	struct mr_zone_name target;

	seen[0] = qname->hash[qname->labels];
	for (unsigned hop = 1;; hop++) {
		const struct mr_zone *zone;
		unsigned bytes;

		if (hop > MR_DNS_CNAME_MAX || self->at > DNS_CHAIN_BYTES) {
			self->tally[MR_DNS_chain_limit]++;
			DNS_STEP(self, MR_DNS_chain_limit, NULL, NULL);
			return;
		}
		bytes = mr_zone_name_scan(&target, &zones->key, self->message + self->name_at,
					  self->at - self->name_at, self->at - self->name_at);
		MR_ASSERT_SLOW(bytes > 0);
		self->name = &target;
		self->missing.closest = self->missing.cover = NULL;
		seen[hop] = target.hash[target.labels];
		for (unsigned i = 0; i < hop; i++) {
			if (seen[i] == seen[hop]) {
				self->tally[MR_DNS_chain_loop]++;
				DNS_STEP(self, MR_DNS_chain_loop, NULL, NULL);
				return;
			}
		}
		zone = zone_for(zones, &target, self->qtype);
		if (!zone) {
			self->tally[MR_DNS_found_outside]++;
			DNS_STEP(self, MR_DNS_found_outside, NULL, NULL);
			return;
		}
		if (bytes == 0 || answer_in_zone(self, zone) != STEP_FOLLOW)
			return;
	}
}

/* ---- the whole ---- */

const struct mr_zone *
dns_zone_for(const struct mr_zone_set *zones, const struct dns_query *query)
{
	return zone_for(zones, &query->qname, query->qtype);
}

void
dns_answer_start(struct dns_answer *self, struct mr_dns *dns, const struct dns_query *query,
		 const struct mr_dns_item *item)
{
	uint32_t limit = item->room_bytes;

	if (item->client.transport == MR_DNS_UDP) {
		uint32_t udp = MR_DNS_UDP_BYTES;

		if (query->edns) /* RFC 6891 6.2.3: less than 512 counts as 512 */
			udp = MR_MAX(udp, MR_MIN(query->edns_bytes, dns_payload_bytes(dns, item)));
		limit = MR_MIN(limit, udp);
	}
	self->message = item->message;
	self->at = query->question_end;
	self->whole_limit = limit;
	self->limit = limit - (query->edns ? DNS_OPT_BYTES : 0);
	self->option_bytes = 0;
	if (mr_unlikely(query->options)) {
		uint32_t bytes = dns_options_bytes(query, dns->config);

		if (self->limit >= self->at + bytes) {
			self->option_bytes = (uint16_t)bytes;
			self->limit -= bytes;
		}
	}
	self->ede = DNS_EDE_NONE;
	self->room = item->room_bytes;
	self->name_at = MR_DNS_HEADER_BYTES;
	self->name = &query->qname;
	self->missing = query->missing;
	self->answer_count = self->authority_count = self->additional_count = 0;
	self->rcode = query->rcode;
	self->qtype = query->qtype;
	self->authoritative = self->truncated = false;
	self->dname_count = self->proof_count = 0;
	self->dnssec_ok = query->dnssec_ok;
	self->tally = dns->tally;
}

void
dns_answer_lookup(struct dns_answer *self, const struct mr_zone_set *zones,
		  const struct dns_query *query)
{
	if (mr_unlikely(!query->zone)) {
		self->tally[MR_DNS_found_no_zone]++;
		DNS_STEP(self, MR_DNS_found_no_zone, NULL, NULL);
		self->rcode = DNS_REFUSED;
		self->ede = DNS_EDE_NOT_AUTHORITATIVE;
		return;
	}
	if (mr_unlikely(answer_in_zone(self, query->zone) == STEP_FOLLOW))
		answer_chain(self, zones);
	if (mr_unlikely(self->proof_count > 0))
		dns_denial_put(self);
	if (mr_unlikely(dns_has_related(self->qtype)) && self->answer_count > 0)
		dns_related_put(self, zones, query->question_end);
}

static void
put_opt(struct dns_answer *self, const struct mr_dns *dns, const struct dns_query *query,
	uint16_t payload_bytes)
{
	uint8_t *to = self->message + self->at;

	to[0] = 0;
	mr_store_be16(to + 1, MR_ZONE_OPT);
	mr_store_be16(to + 3, payload_bytes);
	mr_store_be32(to + 5, (uint32_t)(self->rcode >> 4) << 24 | (self->dnssec_ok ? 0x8000 : 0));
	mr_store_be16(to + 9, 0);
	self->at += DNS_OPT_BYTES;
	self->additional_count++;
	if (mr_unlikely(query->options || self->ede != DNS_EDE_NONE))
		dns_options_put(self, query, dns->config);
}

static const uint16_t rcode_metrics[] = {
	[DNS_NOERROR] = MR_DNS_rcode_noerror,   [DNS_FORMERR] = MR_DNS_rcode_formerr,
	[DNS_SERVFAIL] = MR_DNS_rcode_servfail, [DNS_NXDOMAIN] = MR_DNS_rcode_nxdomain,
	[DNS_NOTIMP] = MR_DNS_rcode_notimp,     [DNS_REFUSED] = MR_DNS_rcode_refused,
	[DNS_YXDOMAIN] = MR_DNS_rcode_yxdomain, [DNS_NOTAUTH] = MR_DNS_rcode_notauth,
	[DNS_BADVERS] = MR_DNS_rcode_badvers,   [DNS_BADCOOKIE] = MR_DNS_rcode_badcookie,
};

static inline void
count_rcode(uint32_t *tally, uint16_t rcode)
{
	MR_ASSERT_SLOW(rcode < MR_ARRAY_COUNT(rcode_metrics) && rcode_metrics[rcode]);
	tally[rcode_metrics[rcode]]++;
}

void
dns_answer_withdraw(struct mr_dns *dns, const struct dns_query *query,
		    const struct mr_dns_item *item)
{
	uint16_t rcode = query->action == DNS_LOOKUP ? item->message[3] & 15 : query->rcode;

	dns->tally[rcode_metrics[rcode]]--;
	dns->tally[MR_DNS_answer_bytes] -= item->answer_bytes;
}

void
dns_answer_finish(struct dns_answer *self, struct mr_dns *dns, const struct dns_query *query,
		  struct mr_dns_item *item, const struct dns_tsig *tsig)
{
	uint8_t *message = self->message;
	uint16_t flags = DNS_QR | (query->flags & (DNS_OPCODE | DNS_RD | DNS_CD));

	if (query->edns)
		put_opt(self, dns, query, dns_payload_bytes(dns, item));
	if (mr_unlikely(tsig != NULL))
		dns_tsig_put(tsig, self);
	if (self->authoritative)
		flags |= DNS_AA;
	if (mr_unlikely(self->truncated)) {
		flags |= DNS_TC;
		self->tally[MR_DNS_truncated]++;
		DNS_STEP(self, MR_DNS_truncated, NULL, NULL);
	}
	mr_store_be16(message + 2, (uint16_t)(flags | (self->rcode & 15)));
	mr_store_be16(message + 4, query->question_end > MR_DNS_HEADER_BYTES);
	mr_store_be16(message + 6, self->answer_count);
	mr_store_be16(message + 8, self->authority_count);
	mr_store_be16(message + 10, self->additional_count);
	count_rcode(self->tally, self->rcode);
	self->tally[MR_DNS_answer_bytes] += self->at;
	MR_ASSERT_SLOW(self->at <= item->room_bytes);
	item->answer_bytes = (uint16_t)self->at;
	item->outcome = MR_DNS_ANSWER;
}
