/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/related - the addresses of the names that an answer speaks of, where they fit (RFC 1035 3.3.9
 * and 3.3.11, 2782, 9460 4.1).
 *
 * Owners in the answer section are pointers and names in its data are whole, so it is read as it
 * was written. Nothing here sets TC: what is additional may be left out.
 */
#include "dns/dns_int.h"

enum { RELATED_NAMES_MAX = 16 };

struct related {
	struct dns_answer *answer;
	const struct mr_zone_set *zones;
	unsigned count;
	const struct mr_zone_node *nodes[RELATED_NAMES_MAX]; /* that are done */
};

/* Where the name stands in the data of the types that have one. */
static unsigned
name_offset(uint16_t type)
{
	switch (type) {
	case MR_ZONE_MX:
	case MR_ZONE_SVCB:
	case MR_ZONE_HTTPS:
		return 2;
	case MR_ZONE_SRV:
		return 6;
	default:
		return 0;
	}
}

static void
put_type(struct dns_answer *self, const struct mr_zone_node *node, uint16_t type, uint32_t owner_at)
{
	const struct mr_zone_rrset *rrset = mr_zone_node_rrset(node, type);
	bool truncated = self->truncated;

	if (rrset)
		self->additional_count += (uint16_t)dns_put_rrset(self, rrset, owner_at);
	self->truncated = truncated;
}

/* Two names of the message, both whole: an owner is a pointer to one (answer's (2)). */
static bool
same_name(const struct related *self, uint32_t at, uint32_t other_at)
{
	const struct dns_answer *answer = self->answer;
	struct mr_zone_name names[2];
	const uint32_t places[2] = { at, other_at };

	for (unsigned i = 0; i < 2; i++)
		if (!mr_zone_name_scan(&names[i], &self->zones->key, answer->message + places[i],
				       answer->at - places[i], answer->at - places[i]))
			return false;
	return names[0].bytes == names[1].bytes &&
	       !memcmp(names[0].lower, names[1].lower, names[0].bytes);
}

/* put_name puts what the name at `at` has. owner_at: of the record that names it; what is asked for
 * stands there already. */
static void
put_name(struct related *self, uint32_t at, uint32_t owner_at, bool service)
{
	struct dns_answer *answer = self->answer;
	struct mr_zone_name name;
	const struct mr_zone *zone;
	const struct mr_zone_node *node;
	unsigned bytes;

	bytes = mr_zone_name_scan(&name, &self->zones->key, answer->message + at, answer->at - at,
				  answer->at - at);
	zone = bytes ? mr_zone_set_match(self->zones, &name, name.labels) : NULL;
	node = zone ? mr_zone_probe(zone, &name, name.labels) : NULL;
	/* What stands below a cut is glue: that is for who asks for the servers. */
	if (!node || (node->above && answer->qtype != MR_ZONE_NS))
		return;
	for (unsigned i = 0; i < self->count; i++)
		if (self->nodes[i] == node)
			return;
	self->nodes[self->count++] = node;
	put_type(answer, node, MR_ZONE_A, at);
	put_type(answer, node, MR_ZONE_AAAA, at);
	if (service && !same_name(self, at, owner_at)) /* RFC 9460 4.1 */
		put_type(answer, node, answer->qtype, at);
}

void
dns_related_put(struct dns_answer *answer, const struct mr_zone_set *zones, uint32_t at)
{
	struct related related = { .answer = answer, .zones = zones };
	unsigned offset = name_offset(answer->qtype);
	bool service = answer->qtype == MR_ZONE_SVCB || answer->qtype == MR_ZONE_HTTPS;

	for (unsigned i = 0; i < answer->answer_count && related.count < RELATED_NAMES_MAX; i++) {
		const uint8_t *rr = answer->message + at;
		uint32_t data_at = at + MR_ZONE_RR_FIXED_BYTES;
		uint32_t owner_at = mr_load_be16(rr) & DNS_POINTER_MAX;

		at = data_at + mr_load_be16(rr + 10);
		if (mr_load_be16(rr + 2) != answer->qtype || data_at + offset > DNS_POINTER_MAX)
			continue;
		/* RFC 9460 2.5: "." is the owner, but for an alias it is nobody. */
		if (service && answer->message[data_at + offset] == 0) {
			if (mr_load_be16(rr + MR_ZONE_RR_FIXED_BYTES) != 0)
				put_name(&related, owner_at, owner_at, false);
			continue;
		}
		put_name(&related, data_at + offset, owner_at, service);
	}
}
