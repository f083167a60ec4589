/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/check - what is wrong, or likely not meant, in a master file.
 *
 * Errors are what the loader refuses, by the loader's own reader and builder, all of them and not
 * only the first. Warnings are what it serves as written and its operator should know.
 *
 * Owner:  the caller. Thread: one, of the control plane; nothing is shared.
 * Memory: the builder's, a store of its own for the finished zone, and some 40 bytes for each
 *         record that points at a name; all given back at the end.
 * Spec:   RFC 1034 4.2.2 and 1912 2 (SOA, NS, glue), 2181 10.3 (targets are no aliases), 2182 5
 *         (two name servers), 4035 2 (signed zones), 4592 4, 6672 2.4 (below DNAME), 9276 3.1.
 */
#ifndef MR_ZONE_CHECK_H
#define MR_ZONE_CHECK_H

#include "base/base.h"

/* X(symbol, name, help): one row for each thing that is looked for. Add, never rename. */
#define ZONE_CHECK_RULES(X)                                                                       \
	X(REFUSED, "refused", "the loader refuses it")                                            \
	X(SOA_TIMES, "soa-times", "the SOA's timers contradict one another")                      \
	X(SOA_MAILBOX, "soa-mailbox", "the SOA's RNAME is no mailbox")                            \
	X(NS_SINGLE, "ns-single", "fewer than two name servers")                                  \
	X(MISSING_GLUE, "missing-glue", "a delegation whose name server has no address")          \
	X(TARGET_ALIAS, "target-alias", "NS, MX or SRV pointing at a CNAME, or below a DNAME")    \
	X(TARGET_MISSING, "target-missing", "a target in this zone that has nothing")             \
	X(CNAME_LOOP, "cname-loop", "aliases that lead back to themselves")                       \
	X(MISSING_DOT, "missing-dot", "a name with the origin twice at its end")                  \
	X(OCCLUDED, "occluded", "records below a delegation or a DNAME that are never answered")  \
	X(WILDCARD, "wildcard", "NS or DNAME at a wildcard")                                      \
	X(MERGED, "merged", "records written twice, or with different TTLs")                      \
	X(DS_PLACE, "ds-place", "DS where there is no delegation")                                \
	X(DNSKEY_PLACE, "dnskey-place", "DNSKEY that is not at the apex")                         \
	X(SIGNATURE_EXPIRED, "signature-expired", "RRSIG past its end")                           \
	X(SIGNATURE_SOON, "signature-soon", "RRSIG that ends within three days")                  \
	X(SIGNATURE_FUTURE, "signature-future", "RRSIG before its beginning")                     \
	X(SIGNATURE_SIGNER, "signature-signer", "RRSIG by another zone, or by no DNSKEY of this") \
	X(SIGNATURE_MISSING, "signature-missing", "a signed zone's RRset without RRSIG")          \
	X(NSEC3_COST, "nsec3-cost", "NSEC3 with more than 0 extra iterations")

#define ZONE_CHECK_ID_(symbol, ...) MR_ZONE_CHECK_##symbol,
enum mr_zone_check_rule { ZONE_CHECK_RULES(ZONE_CHECK_ID_) MR_ZONE_CHECK_COUNT };

/* The rule's name. */
const char *mr_zone_check_name(enum mr_zone_check_rule rule);

enum { MR_ZONE_CHECK_SHOWN = 20 }; /* findings of one rule that are told; all are counted */

/* text is whole: "file:line:column: what, and what to do", or "file: …" where it is about no one
 * line. Borrowed until the call returns. */
struct mr_zone_finding {
	enum mr_zone_check_rule rule;
	bool warning; /* else an error: the zone would not be loaded */
	const char *text;
};

struct mr_zone_check_result {
	char origin[1024]; /* MR_ZONE_NAME_TEXT_BYTES */
	uint32_t serial;
	uint64_t records, names; /* read; in the finished zone, 0 when there is none */
	uint64_t errors, warnings;
	uint64_t found[MR_ZONE_CHECK_COUNT];
};

/* mr_zone_check reads the master file at path as the loader does and tells on_finding what it
 * found, in the order of the file, then what concerns the whole zone (left out when the file has
 * errors). origin: the zone's name in text; NULL: the owner of the file's SOA,
 * or the file's name without ".zone" when that is written relatively. now_s: seconds since
 * 1970, for signatures. Returns 0 also when errors were found; -errno and error when the file
 * cannot be read at all or memory is out. */
MR_MUST_USE int
mr_zone_check(const char *path, const char *origin, int64_t now_s,
	      void (*on_finding)(void *context, const struct mr_zone_finding *finding),
	      void *context, struct mr_zone_check_result *result, struct mr_error *error);

#endif
