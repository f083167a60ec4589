/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/validate - a resolver's eye: signatures and proofs of one answer, by ldns (RFC 4035 5, RFC
 * 5155 8, RFC 6840 4).
 */
#ifndef MR_TESTS_DNS_VALIDATE_H
#define MR_TESTS_DNS_VALIDATE_H

#include "fixture.h"

struct proof {
	const ldns_rr_list *authority;
	ldns_rdf *apex;
	bool opt_out; /* the last cover had the flag */
};

static inline bool
says_type(const ldns_rr *rr, uint16_t type)
{
	bool nsec = ldns_rr_get_type(rr) == LDNS_RR_TYPE_NSEC;

	return ldns_nsec_bitmap_covers_type(nsec ? ldns_rr_rdf(rr, 1) : ldns_nsec3_bitmap(rr),
					    type);
}

static inline ldns_rdf *
hash_of(const ldns_rr *nsec3, const ldns_rdf *name)
{
	ldns_rdf *hash = ldns_nsec3_hash_name_frm_nsec3(nsec3, (ldns_rdf *)(uintptr_t)name);
	ldns_rdf *apex = ldns_dname_left_chop(ldns_rr_owner(nsec3));

	assert_int_equal(ldns_dname_cat(hash, apex), LDNS_STATUS_OK);
	ldns_rdf_deep_free(apex);
	return hash;
}

static inline const ldns_rr *
matching(const struct proof *p, const ldns_rdf *name)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(p->authority); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(p->authority, i);
		bool same = false;

		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_NSEC) {
			same = ldns_dname_compare(ldns_rr_owner(rr), name) == 0;
		} else if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_NSEC3) {
			ldns_rdf *hash = hash_of(rr, name);

			same = ldns_dname_compare(ldns_rr_owner(rr), hash) == 0;
			ldns_rdf_deep_free(hash);
		}
		if (same)
			return rr;
	}
	return NULL;
}

static inline bool
between(const ldns_rdf *owner, const ldns_rdf *name, const ldns_rdf *next)
{
	bool behind = ldns_dname_compare(owner, name) < 0,
	     before = ldns_dname_compare(name, next) < 0;

	if (ldns_dname_compare(owner, next) < 0)
		return behind && before;
	return behind || before; /* the last of the chain */
}

static inline const ldns_rr *
covering(struct proof *p, const ldns_rdf *name)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(p->authority); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(p->authority, i);
		bool covers = false;

		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_NSEC) {
			covers = between(ldns_rr_owner(rr), name, ldns_rr_rdf(rr, 0));
			/* RFC 6840 4.1: the parent's side says nothing of what is below. */
			if (covers && ldns_dname_is_subdomain(name, ldns_rr_owner(rr)) &&
			    ((says_type(rr, 2) && !says_type(rr, 6)) || says_type(rr, 39)))
				covers = false;
		} else if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_NSEC3) {
			ldns_rdf *hash = hash_of(rr, name), *next = ldns_dname_new_frm_str("");
			char *label = ldns_rdf2str(ldns_nsec3_next_owner(rr));
			ldns_rdf *apex = ldns_dname_left_chop(ldns_rr_owner(rr));

			ldns_rdf_deep_free(next);
			next = ldns_dname_new_frm_str(label);
			assert_int_equal(ldns_dname_cat(next, apex), LDNS_STATUS_OK);
			covers = between(ldns_rr_owner(rr), hash, next);
			p->opt_out = ldns_nsec3_optout(rr);
			free(label);
			ldns_rdf_deep_free(apex);
			ldns_rdf_deep_free(next);
			ldns_rdf_deep_free(hash);
		}
		if (covers)
			return rr;
	}
	return NULL;
}

/* The closest encloser of name that is proved, with the next closer name; NULL when none is. */
static inline ldns_rdf *
proved_encloser(struct proof *p, const ldns_rdf *name)
{
	ldns_rdf *next = ldns_rdf_clone(name);

	while (ldns_dname_label_count(next) > ldns_dname_label_count(p->apex)) {
		ldns_rdf *above = ldns_dname_left_chop(next);
		const ldns_rr *cover = covering(p, next);
		bool nsec = cover && ldns_rr_get_type(cover) == LDNS_RR_TYPE_NSEC;
		bool proved = cover && matching(p, above);

		if (nsec) /* an owner or a next name below it shows that it exists */
			proved = ldns_dname_compare(ldns_rr_owner(cover), above) == 0 ||
				 ldns_dname_is_subdomain(ldns_rr_owner(cover), above) ||
				 ldns_dname_is_subdomain(ldns_rr_rdf(cover, 0), above);
		ldns_rdf_deep_free(next);
		if (proved)
			return above;
		next = above;
	}
	ldns_rdf_deep_free(next);
	return NULL;
}

static inline ldns_rdf *
star_below(const ldns_rdf *name)
{
	ldns_rdf *star = ldns_dname_new_frm_str("*");

	assert_int_equal(ldns_dname_cat(star, name), LDNS_STATUS_OK);
	return star;
}

static inline bool
proves_missing(struct proof *p, const ldns_rdf *name)
{
	ldns_rdf *encloser = proved_encloser(p, name), *star;
	bool good;

	if (!encloser)
		return false;
	star = star_below(encloser);
	good = covering(p, star) != NULL;
	ldns_rdf_deep_free(star);
	ldns_rdf_deep_free(encloser);
	return good;
}

static inline bool
lacks(const ldns_rr *denial, uint16_t type)
{
	if (!denial || says_type(denial, type) || says_type(denial, LDNS_RR_TYPE_CNAME))
		return false;
	/* RFC 6840 4.4, 4.1: DS is the parent's, all else the child's. */
	if (type == LDNS_RR_TYPE_DS)
		return !says_type(denial, LDNS_RR_TYPE_SOA);
	return !says_type(denial, LDNS_RR_TYPE_NS) || says_type(denial, LDNS_RR_TYPE_SOA);
}

static inline bool
proves_no_data(struct proof *p, const ldns_rdf *name, uint16_t type)
{
	const ldns_rr *denial = matching(p, name);
	ldns_rdf *encloser, *star;
	bool good;

	if (denial)
		return lacks(denial, type);
	denial = covering(p, name);
	if (denial && ldns_rr_get_type(denial) == LDNS_RR_TYPE_NSEC &&
	    ldns_dname_is_subdomain(ldns_rr_rdf(denial, 0), name))
		return true; /* an empty non-terminal */
	encloser = proved_encloser(p, name);
	if (!encloser)
		return false;
	star = star_below(encloser);
	good = lacks(matching(p, star), type);
	ldns_rdf_deep_free(star);
	ldns_rdf_deep_free(encloser);
	/* Under an opt-out an unsigned delegation may stand, at the name or below it. */
	return good || p->opt_out;
}

static char asked[160]; /* for what fails */

/* RFC 6672 3.1: a CNAME that stands below a DNAME of the same answer. */
static inline bool
is_synthesised(const ldns_rr_list *section, const ldns_rdf *owner)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(section); i++)
		if (ldns_rr_get_type(ldns_rr_list_rr(section, i)) == LDNS_RR_TYPE_DNAME &&
		    ldns_dname_is_subdomain(owner, ldns_rr_owner(ldns_rr_list_rr(section, i))))
			return true;
	return false;
}

static inline void
check_signatures(struct proof *p, const ldns_rr_list *section, const ldns_rr_list *keys,
		 bool referral)
{
	ldns_rr_list *left = ldns_rr_list_clone(section);
	ldns_rr_list *set;

	while ((set = ldns_rr_list_pop_rrset(left)) != NULL) {
		const ldns_rr *first = ldns_rr_list_rr(set, 0);
		uint16_t type = (uint16_t)ldns_rr_get_type(first);
		ldns_rr_list *sigs = ldns_rr_list_new();
		bool synthesised =
			type == LDNS_RR_TYPE_CNAME && is_synthesised(section, ldns_rr_owner(first));

		for (size_t i = 0; i < ldns_rr_list_rr_count(section); i++) {
			ldns_rr *rr = ldns_rr_list_rr(section, i);

			if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_RRSIG &&
			    ldns_rdf2rr_type(ldns_rr_rrsig_typecovered(rr)) == type &&
			    ldns_dname_compare(ldns_rr_owner(rr), ldns_rr_owner(first)) == 0)
				ldns_rr_list_push_rr(sigs, ldns_rr_clone(rr));
		}
		if (type != LDNS_RR_TYPE_RRSIG && !synthesised &&
		    !(referral && type == LDNS_RR_TYPE_NS)) {
			ldns_status status = ldns_verify(set, sigs, keys, NULL);
			uint8_t labels;

			if (status != LDNS_STATUS_OK) {
				ldns_rr_list_print(stderr, set);
				fail_msg("%s: %s", asked, ldns_get_errorstr_by_id(status));
			}
			labels = ldns_rdf2native_int8(
				ldns_rr_rrsig_labels(ldns_rr_list_rr(sigs, 0)));
			if (ldns_dname_label_count(ldns_rr_owner(first)) > labels &&
			    !ldns_dname_is_wildcard(ldns_rr_owner(first))) {
				ldns_rdf *next = ldns_dname_clone_from(
					ldns_rr_owner(first),
					(uint16_t)(ldns_dname_label_count(ldns_rr_owner(first)) -
						   labels - 1));

				assert_non_null(covering(p, next)); /* RFC 4035 5.3.4 */
				ldns_rdf_deep_free(next);
			}
		}
		ldns_rr_list_deep_free(sigs);
		ldns_rr_list_deep_free(set);
	}
	ldns_rr_list_deep_free(left);
}

static inline void
check_same_without_dnssec(const ldns_rr_list *have, const ldns_rr_list *want)
{
	ldns_rr_list *left = ldns_rr_list_new();
	ldns_rr_list *other = ldns_rr_list_clone(want);

	for (size_t i = 0; i < ldns_rr_list_rr_count(have); i++) {
		ldns_rr *rr = ldns_rr_list_rr(have, i);

		switch ((int)ldns_rr_get_type(rr)) {
		case LDNS_RR_TYPE_RRSIG:
		case LDNS_RR_TYPE_NSEC:
		case LDNS_RR_TYPE_NSEC3:
			break;
		case LDNS_RR_TYPE_DS:
			if (!ldns_rr_list_contains_rr(other, rr))
				break;
			/* fall through */
		default:
			ldns_rr_list_push_rr(left, ldns_rr_clone(rr));
		}
	}
	ldns_rr_list_sort(left);
	ldns_rr_list_sort(other);
	assert_int_equal(ldns_rr_list_rr_count(left), ldns_rr_list_rr_count(other));
	assert_int_equal(ldns_rr_list_compare(left, other), 0);
	ldns_rr_list_deep_free(left);
	ldns_rr_list_deep_free(other);
}

static inline bool
has_type(const ldns_rr_list *list, const ldns_rdf *owner, ldns_rr_type type)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++)
		if (ldns_rr_get_type(ldns_rr_list_rr(list, i)) == type &&
		    (!owner ||
		     ldns_dname_compare(ldns_rr_owner(ldns_rr_list_rr(list, i)), owner) == 0))
			return true;
	return false;
}

static inline void
check_answer(const ldns_pkt *answer, const ldns_pkt *plain, const ldns_rr_list *keys,
	     const char *qname, uint16_t qtype)
{
	ldns_rdf *apex = ldns_dname_new_frm_str("example.");
	ldns_rdf *name = ldns_dname_new_frm_str(qname);
	struct proof p = { .authority = ldns_pkt_authority(answer), .apex = apex };
	bool soa = has_type(p.authority, NULL, LDNS_RR_TYPE_SOA);
	bool ns = has_type(p.authority, NULL, LDNS_RR_TYPE_NS);

	for (size_t i = 0; i < ldns_rr_list_rr_count(ldns_pkt_answer(answer)); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(ldns_pkt_answer(answer), i);

		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_CNAME &&
		    (qtype != LDNS_RR_TYPE_CNAME ||
		     is_synthesised(ldns_pkt_answer(answer), name)) &&
		    ldns_dname_compare(ldns_rr_owner(rr), name) == 0) {
			ldns_rdf_deep_free(name);
			name = ldns_rdf_clone(ldns_rr_rdf(rr, 0));
		}
	}
	assert_int_equal(ldns_pkt_get_rcode(answer), ldns_pkt_get_rcode(plain));
	assert_int_equal(ldns_pkt_aa(answer), ldns_pkt_aa(plain));
	check_same_without_dnssec(ldns_pkt_answer(answer), ldns_pkt_answer(plain));
	check_same_without_dnssec(ldns_pkt_authority(answer), ldns_pkt_authority(plain));
	check_signatures(&p, ldns_pkt_answer(answer), keys, false);
	check_signatures(&p, ldns_pkt_authority(answer), keys, ns);
	if (ldns_pkt_get_rcode(answer) == LDNS_RCODE_NXDOMAIN) {
		if (!proves_missing(&p, name))
			fail_msg("%s: the proof that a name is missing lacks", asked);
	} else if (soa && ldns_dname_compare(name, apex) == 0 && qtype == LDNS_RR_TYPE_DS) {
		assert_non_null(matching(&p, name)); /* the parent is not here to be asked */
	} else if (soa) {
		if (!proves_no_data(&p, name, qtype))
			fail_msg("%s: the proof that a type is missing lacks", asked);
	} else if (ns) {
		const ldns_rdf *cut = NULL;

		for (size_t i = 0; i < ldns_rr_list_rr_count(p.authority); i++)
			if (ldns_rr_get_type(ldns_rr_list_rr(p.authority, i)) == LDNS_RR_TYPE_NS)
				cut = ldns_rr_owner(ldns_rr_list_rr(p.authority, i));
		if (!has_type(p.authority, cut, LDNS_RR_TYPE_DS) &&
		    !proves_no_data(&p, cut, LDNS_RR_TYPE_DS))
			fail_msg("%s: the proof that a delegation is insecure lacks", asked);
	}
	ldns_rdf_deep_free(name);
	ldns_rdf_deep_free(apex);
}

#endif
