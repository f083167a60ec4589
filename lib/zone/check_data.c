/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/check_data - the other half of the check: what only the whole zone shows.
 */
#include <stdlib.h>
#include <string.h>

#include <ldns/ldns.h>

#include "zone/check_int.h"

enum { CHECK_CHAIN = 16 }; /* CNAMEs that an answer follows */

struct found {
	const struct mr_zone_node
		*node; /* of the name itself, or of the wildcard for it; or NULL */
	const struct mr_zone_node *above; /* the topmost cut or DNAME at or above it; or NULL */
};

/* find says what the zone has at a lower-cased name that is within it. */
static struct found
find(const struct mr_zone_store *store, const struct mr_zone *zone, const uint8_t *wire,
     unsigned bytes)
{
	struct mr_zone_name name;
	const struct mr_zone_node *node = NULL;
	struct found found = { 0 };
	unsigned labels;

	if (!mr_zone_name_scan(&name, &store->key, wire, bytes, bytes))
		return found;
	if (name.labels <= zone->labels_max)
		node = mr_zone_probe(zone, &name, name.labels);
	found.node = node;
	if (!node)
		node = mr_zone_closest(zone, &name, name.labels, &labels);
	if (node->above)
		found.above = mr_zone_ref(zone, node->above);
	else if (!found.node && node->flags & MR_ZONE_NODE_DNAME)
		found.above = node;
	else if (!found.node && node->link)
		found.node = mr_zone_ref(zone, node->link);
	return found;
}

static bool
has_address(const struct mr_zone_node *node)
{
	return node &&
	       (mr_zone_node_rrset(node, MR_ZONE_A) || mr_zone_node_rrset(node, MR_ZONE_AAAA));
}

static const char *
note_text(const struct check_note *note, char owner[MR_ZONE_NAME_TEXT_BYTES],
	  char target[MR_ZONE_NAME_TEXT_BYTES])
{
	mr_zone_name_to_text(note->names, owner);
	mr_zone_name_to_text(note->names + note->owner_bytes, target);
	switch (note->type) {
	case MR_ZONE_NS:
		return "NS";
	case MR_ZONE_CNAME:
		return "CNAME";
	case MR_ZONE_MX:
		return "MX";
	case MR_ZONE_SRV:
		return "SRV";
	case MR_ZONE_SVCB:
		return "SVCB";
	default:
		return "HTTPS";
	}
}

static void
tell_note(struct check *self, enum mr_zone_check_rule rule, const struct check_note *note,
	  const char *what)
{
	char owner[MR_ZONE_NAME_TEXT_BYTES], target[MR_ZONE_NAME_TEXT_BYTES];
	const char *type = note_text(note, owner, target);

	check_tell(self, rule, check_file(self, note->file), note->line, note->column,
		   "%s %s points at %s, %s", owner, type, target, what);
}

/* Aliases are followed as an answer does; every step is a name of this zone. */
static void
check_cname(struct check *self, const struct mr_zone_store *store, const struct mr_zone *zone,
	    const struct check_note *note)
{
	uint8_t name[MR_ZONE_NAME_BYTES];
	unsigned bytes = note->target_bytes;

	memcpy(name, note->names + note->owner_bytes, bytes);
	for (unsigned hop = 0; hop < CHECK_CHAIN; hop++) {
		const struct mr_zone_rrset *cname;
		struct found found;

		if (!check_within(self, name, bytes))
			return;
		if (bytes == note->owner_bytes && !memcmp(name, note->names, bytes)) {
			tell_note(self, MR_ZONE_CHECK_CNAME_LOOP, note,
				  "and that leads back to it");
			return;
		}
		found = find(store, zone, name, bytes);
		if (found.above)
			return;
		if (!found.node) {
			if (hop == 0)
				tell_note(self, MR_ZONE_CHECK_TARGET_MISSING, note,
					  "which does not exist in this zone");
			return;
		}
		cname = mr_zone_node_rrset(found.node, MR_ZONE_CNAME);
		if (!cname)
			return;
		bytes = mr_load_be16(cname->wire + 10);
		for (unsigned i = 0; i < bytes; i++) {
			uint8_t octet = cname->wire[MR_ZONE_RR_FIXED_BYTES + i];

			name[i] = octet >= 'A' && octet <= 'Z' ? octet | 0x20 : octet;
		}
	}
}

/* RFC 1034 4.2.2, RFC 9471 2: glue is needed where the name server is named below the cut that
 * leads to it. */
static bool
needs_glue(const struct mr_zone *zone, const struct check_note *note, const struct found *found)
{
	unsigned cut_bytes = (unsigned)found->above->name_bytes + zone->origin_bytes;
	unsigned owner = note->owner_bytes;

	return note->type == MR_ZONE_NS && found->above->flags & MR_ZONE_NODE_DELEGATION &&
	       owner == cut_bytes &&
	       !memcmp(note->names, found->above->name, found->above->name_bytes);
}

static void
check_target(struct check *self, const struct mr_zone_store *store, const struct mr_zone *zone,
	     const struct check_note *note)
{
	const uint8_t *target = note->names + note->owner_bytes;
	struct found found;

	if (!check_within(self, target, note->target_bytes))
		return;
	found = find(store, zone, target, note->target_bytes);
	if (found.above && !(found.above->flags & MR_ZONE_NODE_DELEGATION)) {
		if (note->type != MR_ZONE_SVCB && note->type != MR_ZONE_HTTPS)
			tell_note(self, MR_ZONE_CHECK_TARGET_ALIAS, note,
				  "which is below a DNAME; it must be a name with addresses of its "
				  "own (RFC 2181 10.3)");
	} else if (found.above) {
		if (needs_glue(zone, note, &found) && !has_address(found.node))
			tell_note(self, MR_ZONE_CHECK_MISSING_GLUE, note,
				  "which only that child zone could resolve; add its A or AAAA "
				  "records here as glue");
	} else if (!found.node) {
		tell_note(self, MR_ZONE_CHECK_TARGET_MISSING, note,
			  "which does not exist in this zone");
	} else if (found.node->flags & MR_ZONE_NODE_CNAME) {
		if (note->type != MR_ZONE_SVCB && note->type != MR_ZONE_HTTPS)
			tell_note(self, MR_ZONE_CHECK_TARGET_ALIAS, note,
				  "which is a CNAME; it must be a name with addresses of its own "
				  "(RFC 2181 10.3)");
	} else if (!has_address(found.node) && note->type != MR_ZONE_SVCB &&
		   note->type != MR_ZONE_HTTPS) {
		tell_note(self, MR_ZONE_CHECK_TARGET_MISSING, note,
			  "which has no A or AAAA record");
	}
}

/* ---- RRsets ---- */

struct visit {
	struct check *check;
	const struct mr_zone_store *store;
	const struct mr_zone *zone;
};

static void
tell_rrset(struct check *self, enum mr_zone_check_rule rule, const struct mr_zone_view *view,
	   const char *what)
{
	char owner[MR_ZONE_NAME_TEXT_BYTES], *type = ldns_rr_type2str((ldns_rr_type)view->type);

	check_tell(self, rule, NULL, 0, 0, "%s %s %s", mr_zone_name_to_text(view->owner, owner),
		   type ? type : "?", what);
	free(type);
}

/* An RRset that answers for itself has to be signed (RFC 4035 2.2); the NS of a cut, and glue, must
 * not. */
static bool
is_occluded(const struct mr_zone_view *view, const struct found *found, bool *at_cut)
{
	const struct mr_zone_node *above = found->above;
	bool address = view->type == MR_ZONE_A || view->type == MR_ZONE_AAAA;

	*at_cut = above && above == found->node;
	if (!above)
		return false;
	if (!(above->flags & MR_ZONE_NODE_DELEGATION))
		return true;
	if (*at_cut &&
	    (view->type == MR_ZONE_NS || view->type == MR_ZONE_DS || view->type == MR_ZONE_NSEC))
		return false;
	return !address;
}

static int
visit_rrset(void *context, const struct mr_zone_view *view)
{
	struct visit *self = context;
	struct check *check = self->check;
	struct found found;
	bool at_cut;

	if (!view->rrset || view->type == MR_ZONE_NSEC3)
		return 0;
	found = find(self->store, self->zone, view->owner, view->owner_bytes);
	if (is_occluded(view, &found, &at_cut)) {
		tell_rrset(
			check, MR_ZONE_CHECK_OCCLUDED, view,
			"is below a delegation or a DNAME and is never answered; take it out, or "
			"move it to the child zone");
		return 0;
	}
	if (view->type == MR_ZONE_DS && !at_cut)
		tell_rrset(check, MR_ZONE_CHECK_DS_PLACE, view,
			   "stands where no NS delegates; DS belongs beside the NS of a child");
	if (self->zone->denial_kind != MR_ZONE_UNSIGNED && view->sig_count == 0 &&
	    (!found.above || (at_cut && (view->type == MR_ZONE_DS || view->type == MR_ZONE_NSEC))))
		tell_rrset(check, MR_ZONE_CHECK_SIGNATURE_MISSING, view,
			   "has no RRSIG in a signed zone; sign it again");
	return 0;
}

/* ---- the apex ---- */

/* RFC 4034 appendix B */
static uint16_t
key_tag(const uint8_t *rdata, unsigned bytes)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < bytes; i++)
		sum += i & 1 ? rdata[i] : (uint32_t)rdata[i] << 8;
	sum += sum >> 16 & 0xffff;
	return (uint16_t)sum;
}

static bool
has_key(const struct mr_zone_rrset *keys, const struct check_signer *signer)
{
	const uint8_t *rr = keys->wire;

	for (unsigned i = 0; i < keys->rr_count; i++) {
		unsigned bytes = mr_load_be16(rr + 10);
		const uint8_t *rdata = rr + MR_ZONE_RR_FIXED_BYTES;

		if (bytes > 4 && rdata[3] == signer->algorithm &&
		    key_tag(rdata, bytes) == signer->tag)
			return true;
		rr += MR_ZONE_RR_FIXED_BYTES + bytes;
	}
	return false;
}

static void
check_apex(struct check *self, const struct mr_zone *zone)
{
	const struct mr_zone_node *apex = mr_zone_apex(zone);
	const struct mr_zone_rrset *keys = mr_zone_node_rrset(apex, MR_ZONE_DNSKEY);

	if (mr_zone_node_rrset(apex, MR_ZONE_NS)->rr_count < 2)
		check_tell(self, MR_ZONE_CHECK_NS_SINGLE, NULL, 0, 0,
			   "%s has one name server; a zone wants at least two, in different "
			   "networks (RFC 2182 5)",
			   self->result->origin);
	for (unsigned i = 0; i < self->signer_count; i++) {
		const struct check_signer *signer = &self->signers[i];

		if (keys && has_key(keys, signer))
			continue;
		check_tell(self, MR_ZONE_CHECK_SIGNATURE_SIGNER, check_file(self, signer->file),
			   signer->line, signer->column,
			   "RRSIG by key %u of algorithm %u, which is no DNSKEY of %s; publish the "
			   "key, or sign again",
			   signer->tag, signer->algorithm, self->result->origin);
	}
}

void
check_data(struct check *self, const struct mr_zone_store *store, const struct mr_zone *zone)
{
	struct visit visit = { self, store, zone };
	struct mr_zone_info info;

	check_apex(self, zone);
	for (uint64_t at = 0; at < self->notes.used;) {
		const struct check_note *note =
			(const struct check_note *)(const void *)(self->notes.base + at);

		if (note->type == MR_ZONE_CNAME)
			check_cname(self, store, zone, note);
		else
			check_target(self, store, zone, note);
		at += mr_round_up(sizeof(*note) + note->owner_bytes + note->target_bytes,
				  MR_ZONE_UNIT_BYTES);
	}
	(void)mr_zone_visit(zone, visit_rrset, &visit);
	mr_zone_info(zone, &info);
	if (info.warnings)
		check_tell(self, MR_ZONE_CHECK_MERGED, NULL, 0, 0,
			   "%u times a record is written twice, or the TTLs of one RRset differ: "
			   "written once, with the lowest TTL, it means the same",
			   info.warnings);
}
