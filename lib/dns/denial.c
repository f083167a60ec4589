/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/denial - the proofs that go with what is not there (RFC 4035 3.1.3, RFC 5155 7.2).
 *
 * Proofs are noted while a chain is followed and written when its answers are: authority comes
 * behind them. What can be known of an existing name was found when the zone was built; only a name
 * that does not exist is searched for, once per step of a chain.
 *
 *   what is said              NSEC                              NSEC3
 *   name error                qname covered, "*" covered        encloser, next closer, "*"
 *   no data                   at the name, or covering an ENT   at the name; else as opt-out
 *   no data by wildcard       qname covered, at the wildcard    encloser, next closer, wildcard
 *   wildcard answer           qname covered                     next closer
 *   referral without DS       at the cut                        at the cut; else as opt-out
 *   opt-out                   -                                 provable encloser, next closer
 */
#include "dns/dns_int.h"

/* An NSEC3 and its signature (RSA, 1024 bits), behind the head of their node. */
enum { PROOF_BYTES = 276 };

static inline void
fetch_proof(const struct mr_zone_node *node)
{
	mr_zone_prefetch_bytes(node, PROOF_BYTES);
}

static void
note(struct dns_answer *self, const struct mr_zone *zone, const struct mr_zone_node *node)
{
	if (!node || self->proof_count == DNS_PROOFS_MAX)
		return;
	for (unsigned i = 0; i < self->proof_count; i++)
		if (self->proofs[i].node == node)
			return;
	fetch_proof(node);
	self->proofs[self->proof_count++] = (struct dns_proof){
		.node = node,
		.type = zone->denial_kind == MR_ZONE_BY_NSEC ? MR_ZONE_NSEC : MR_ZONE_NSEC3,
		.origin_at = (uint16_t)(self->name_at + self->name->bytes - zone->origin_bytes),
	};
}

/* What covers the suffix of the name now asked for with that many labels. */
static const struct mr_zone_node *
cover(const struct dns_answer *self, const struct mr_zone *zone, unsigned labels)
{
	if (mr_likely(self->missing.cover && self->missing.cover_labels == labels))
		return self->missing.cover;
	return mr_zone_cover(zone, self->name, labels);
}

static void
note_offset(struct dns_answer *self, const struct mr_zone *zone, uint32_t offset)
{
	if (offset)
		note(self, zone, mr_zone_ref(zone, offset));
}

/* RFC 5155 7.2.1, from the ancestor with that many labels upwards: the first that has an NSEC3, and
 * the cover of the name one label longer. Returns that ancestor, or NULL. */
static const struct mr_zone_node *
note_encloser(struct dns_answer *self, const struct mr_zone *zone, unsigned labels)
{
	for (;; labels--) {
		const struct mr_zone_node *node = mr_zone_probe(zone, self->name, labels);

		if (node && mr_zone_node_proof(node)->match) {
			note_offset(self, zone, mr_zone_node_proof(node)->match);
			note(self, zone, cover(self, zone, labels + 1));
			return node;
		}
		if (labels == zone->origin_labels)
			return NULL;
	}
}

static inline bool
is_asked(const struct dns_answer *self, const struct mr_zone *zone)
{
	return self->dnssec_ok && zone->denial_kind != MR_ZONE_UNSIGNED && !self->truncated;
}

/* Finds the closest encloser, and says whether a name below it is to be covered: *labels of it. */
static bool
seek_encloser(struct dns_query *query, unsigned *labels)
{
	const struct mr_zone *zone = query->zone;
	const struct mr_zone_name *name = &query->qname;
	struct dns_missing *missing = &query->missing;
	const struct mr_zone_proof *proof;

	if (name->labels == zone->origin_labels)
		return false;
	missing->closest = mr_zone_closest(zone, name, name->labels, labels);
	missing->labels = (uint8_t)*labels;
	if (missing->closest->above) /* what is below has no proof of its own */
		return false;
	proof = mr_zone_node_proof(missing->closest);
	if (proof->wildcard)
		fetch_proof(mr_zone_ref(zone, proof->wildcard));
	if (zone->denial_kind == MR_ZONE_BY_NSEC) {
		*labels = name->labels;
		return true;
	}
	*labels += 1;
	if (!proof->match) /* opt-out: the provable encloser is further up */
		return false;
	fetch_proof(mr_zone_ref(zone, proof->match));
	return true;
}

void
dns_denial_seek(struct dns_query *const *queries, unsigned count)
{
	struct mr_zone_cover wanted[MR_BURST_MAX];
	struct dns_query *askers[MR_BURST_MAX];
	unsigned wanted_count = 0;

	MR_ASSERT(count <= MR_BURST_MAX);
	for (unsigned i = 0; i < count; i++) {
		struct mr_zone_cover *question = &wanted[wanted_count];

		if (!seek_encloser(queries[i], &question->labels))
			continue;
		question->zone = queries[i]->zone;
		question->name = &queries[i]->qname;
		askers[wanted_count++] = queries[i];
	}
	mr_zone_cover_burst(wanted, wanted_count);
	for (unsigned i = 0; i < wanted_count; i++) {
		askers[i]->missing.cover = wanted[i].node;
		askers[i]->missing.cover_labels = (uint8_t)wanted[i].labels;
		fetch_proof(wanted[i].node);
	}
}

void
dns_denial_missing(struct dns_answer *self, const struct mr_zone *zone,
		   const struct mr_zone_node *encloser, unsigned labels)
{
	if (!is_asked(self, zone))
		return;
	if (zone->denial_kind == MR_ZONE_BY_NSEC3)
		encloser = note_encloser(self, zone, labels);
	else
		note(self, zone, cover(self, zone, self->name->labels));
	if (encloser)
		note_offset(self, zone, mr_zone_node_proof(encloser)->wildcard);
}

void
dns_denial_no_data(struct dns_answer *self, const struct mr_zone *zone,
		   const struct mr_zone_node *node, unsigned labels)
{
	if (!is_asked(self, zone))
		return;
	if (mr_zone_node_proof(node)->match)
		note_offset(self, zone, mr_zone_node_proof(node)->match);
	else if (zone->denial_kind == MR_ZONE_BY_NSEC3 && labels > zone->origin_labels)
		note_encloser(self, zone, labels - 1);
}

void
dns_denial_wildcard(struct dns_answer *self, const struct mr_zone *zone,
		    const struct mr_zone_node *wildcard, unsigned labels, bool no_data)
{
	if (!is_asked(self, zone))
		return;
	if (zone->denial_kind == MR_ZONE_BY_NSEC)
		note(self, zone, cover(self, zone, self->name->labels));
	else if (no_data)
		note_encloser(self, zone, labels);
	else
		note(self, zone, cover(self, zone, labels + 1));
	if (no_data)
		note_offset(self, zone, mr_zone_node_proof(wildcard)->match);
}

/* Puts the label before the zone's name; where that stands the question or a CNAME has. */
static void
put_label(struct dns_answer *self, const struct dns_proof *proof)
{
	dns_put_bytes(self, proof->node->name, proof->node->name_bytes); /* the caller has room */
}

/* Beyond the reach of pointers every record has its owner's label. */
static MR_COLD void
put_proof_far(struct dns_answer *self, const struct dns_proof *proof,
	      const struct mr_zone_rrset *rrset)
{
	unsigned count = (unsigned)rrset->rr_count + rrset->sig_count;
	uint32_t bytes = (uint32_t)rrset->wire_bytes + rrset->sig_bytes;
	const uint8_t *rr = rrset->wire;

	if (self->at + bytes + count * proof->node->name_bytes > self->limit) {
		self->truncated = true;
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		uint32_t rr_bytes = MR_ZONE_RR_FIXED_BYTES + mr_load_be16(rr + 10);

		put_label(self, proof);
		mr_store_be16(self->message + self->at, (uint16_t)(0xc000 | proof->origin_at));
		self->at += 2;
		dns_put_bytes(self, rr + 2, rr_bytes - 2);
		rr += rr_bytes;
	}
	self->authority_count += (uint16_t)count;
}

/* The first owner is a label and a pointer, the others point to it. */
static void
put_proof(struct dns_answer *self, const struct dns_proof *proof)
{
	const struct mr_zone_rrset *rrset = mr_zone_node_rrset(proof->node, proof->type);
	uint32_t start = self->at, bytes;
	unsigned count;
	uint8_t *first;

	if (!rrset) /* an ordered node has its record; a zone's records do not change */
		return;
	if (mr_unlikely(start > DNS_POINTER_MAX)) {
		put_proof_far(self, proof, rrset);
		return;
	}
	bytes = (uint32_t)rrset->wire_bytes + rrset->sig_bytes;
	count = (unsigned)rrset->rr_count + rrset->sig_count;
	if (mr_unlikely(start + proof->node->name_bytes + bytes > self->limit)) {
		self->truncated = true;
		return;
	}
	put_label(self, proof);
	first = self->message + self->at;
	dns_put_bytes(self, rrset->wire, bytes);
	dns_point_owners(first, 1, proof->origin_at);
	dns_point_owners(first + MR_ZONE_RR_FIXED_BYTES + mr_load_be16(rrset->wire + 10), count - 1,
			 start);
	self->authority_count += (uint16_t)count;
}

void
dns_denial_put(struct dns_answer *self)
{
	for (unsigned i = 0; i < self->proof_count && !self->truncated; i++)
		put_proof(self, &self->proofs[i]);
	self->tally[MR_DNS_denial] += self->proof_count;
	self->proof_count = 0;
}
