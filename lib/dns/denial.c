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

enum {
	PROOF_LINES = 4 /* of a record with one signature; fetched while the next is searched for */
};

static void
note(struct dns_answer *self, const struct mr_zone *zone, const struct mr_zone_node *node)
{
	if (!node || self->proof_count == DNS_PROOFS_MAX)
		return;
	for (unsigned i = 0; i < self->proof_count; i++)
		if (self->proofs[i].node == node)
			return;
	for (unsigned line = 0; line < PROOF_LINES; line++)
		mr_zone_prefetch((const uint8_t *)node + line * MR_CACHE_LINE);
	self->proofs[self->proof_count++] = (struct dns_proof){
		.node = node,
		.type = zone->denial_kind == MR_ZONE_BY_NSEC ? MR_ZONE_NSEC : MR_ZONE_NSEC3,
		.origin_at = (uint16_t)(self->name_at + self->name->bytes - zone->origin_bytes),
	};
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
			note(self, zone, mr_zone_cover(zone, self->name, labels + 1));
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

void
dns_denial_missing(struct dns_answer *self, const struct mr_zone *zone,
		   const struct mr_zone_node *encloser, unsigned labels)
{
	if (!is_asked(self, zone))
		return;
	if (zone->denial_kind == MR_ZONE_BY_NSEC3)
		encloser = note_encloser(self, zone, labels);
	else
		note(self, zone, mr_zone_cover(zone, self->name, self->name->labels));
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
		note(self, zone, mr_zone_cover(zone, self->name, self->name->labels));
	else if (no_data)
		note_encloser(self, zone, labels);
	else
		note(self, zone, mr_zone_cover(zone, self->name, labels + 1));
	if (no_data)
		note_offset(self, zone, mr_zone_node_proof(wildcard)->match);
}

/* Says the owner of one record: the label before the zone's name, which the question or a CNAME
 * has. A pointer to the first of the set, where a pointer reaches. */
static uint32_t
put_owner(uint8_t *to, const struct dns_proof *proof, uint32_t first_at, bool first)
{
	unsigned bytes = proof->node->name_bytes;

	if (!first && first_at <= DNS_POINTER_MAX) {
		mr_store_be16(to, (uint16_t)(0xc000 | first_at));
		return 2;
	}
	memcpy(to, proof->node->name, bytes);
	mr_store_be16(to + bytes, (uint16_t)(0xc000 | proof->origin_at));
	return bytes + 2;
}

static void
put_proof(struct dns_answer *self, const struct dns_proof *proof)
{
	const struct mr_zone_rrset *rrset = mr_zone_node_rrset(proof->node, proof->type);
	unsigned count = rrset ? (unsigned)rrset->rr_count + rrset->sig_count : 0;
	const uint8_t *rr = rrset ? rrset->wire : NULL;
	uint32_t start = self->at, owners_bytes, bytes;

	if (count == 0) /* an ordered node has its record; a zone's records do not change */
		return;
	owners_bytes = proof->node->name_bytes + 2u;
	owners_bytes =
		start <= DNS_POINTER_MAX ? owners_bytes + 2 * (count - 1) : owners_bytes * count;
	bytes = (uint32_t)rrset->wire_bytes + rrset->sig_bytes - 2 * count + owners_bytes;
	if (start + bytes > self->limit) {
		self->truncated = true;
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		uint32_t rest = MR_ZONE_RR_FIXED_BYTES - 2 + mr_load_be16(rr + 10);

		self->at += put_owner(self->message + self->at, proof, start, i == 0);
		dns_put_bytes(self, rr + 2, rest); /* fits: see above */
		rr += rest + 2;
	}
	MR_ASSERT_SLOW(self->at == start + bytes);
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
