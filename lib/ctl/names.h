/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/names - what the names of origins stand for, kept fresh.
 *
 *   NEW    -> ASKING   at once                                              [names_ask]
 *   ASKING -> KNOWN    an answer with addresses: kept for its TTL           [name_answered]
 *   ASKING -> NEW, KNOWN  a failure, or an answer without: what was known stays; the next question
 *                      after ttl_min, doubled with each failure, ttl_max at most  [name_failed]
 *   KNOWN  -> ASKING   its time is over                                     [names_ask]
 *
 * A time is the least TTL of the answer's records, within [ttl_min .. ttl_max]. Questions go by
 * c-ares over the kernel's sockets, at most NAMES_ASKING at once; /etc/hosts is looked at first.
 *
 * (1) A name that was known is never unknown again, but when nobody wants it.
 * (2) names_tick says true when a set of addresses has become another one, whatever its order.
 *
 * Owner: the control thread. Thread: the control thread. Memory: the heap, by wanted names.
 * Spec:  RFC 1034 5.3 (a resolver's part); RFC 8767 (stale answers are better than none).
 */
#ifndef MR_CTL_NAMES_H
#define MR_CTL_NAMES_H

#include "ctl/config.h"

enum { NAMES_ASKING = 32 };

struct names;

MR_MUST_USE int names_create(struct names **out, struct mr_error *error);
void names_destroy(struct names *self); /* NULL is fine */

/* names_want takes the names of config's upstreams, and whom to ask. Others are forgotten. */
MR_MUST_USE int names_want(struct names *self, const struct mr_config *config,
			   struct mr_error *error);

/* names_addrs gives what is known of a name; the addresses are sorted, and live until the next
 * names_tick or names_want. */
struct mr_origin_addrs names_addrs(const struct names *self, const char *name);

/* names_tick asks what is due and takes answers. It does not wait. */
MR_MUST_USE bool names_tick(struct names *self, uint64_t now_ns);

struct names_view {
	const char *name;
	size_t count;
	uint64_t next_ns;  /* when it is asked for again */
	uint32_t failures; /* in a row */
	const char *fault; /* of the last one; NULL: none */
};
/* names_at walks the names; false at the end. */
bool names_at(const struct names *self, size_t index, struct names_view *out);

#endif
