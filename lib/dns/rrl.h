/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/rrl - response rate limiting: no prefix gets more answers of one class over UDP than it could
 * want, so that a forged source is not worth forging.
 *
 * Owner:  one struct mr_dns_rrl belongs to one worker.
 * Thread: its worker; shares are set, and what is limited is read, by the control thread.
 * Memory: a table of lines, taken at create; nothing after. A prefix has one line, whose eight
 *         cells are its classes (and zones, for NXDOMAIN); lines are shared by hash.
 *
 * A cell is a clock: the time at which its answers so far would have been due at the rate. An
 * answer moves it on by the cost of one; one that would take it further than the burst ahead of now
 * is limited: one in slip, by lot, is sent empty with TC, so that a real client comes by TCP; the
 * others are not sent. (The "virtual scheduling" form of a leaky bucket, ITU-T I.371.)
 *
 * (1) One line is touched per answer, and fetched beforehand. With RRL off: nothing, but one test
 *     for a burst.
 * (2) A line whose cells are all in use gives the least used one away: a flood of prefixes may cost
 *     limits, never answers.
 * (3) A valid cookie, or the allow list, exempts; both are asked only when the limit is reached.
 * (4) The rate is of all workers together. Each has a share of it, in proportion to what it was
 *     asked in the last 100 ms, set by mr_dns_rrl_rebalance.
 */
#ifndef MR_DNS_RRL_H
#define MR_DNS_RRL_H

#include "base/base.h"
#include "mem/mem.h"

enum {
	MR_DNS_RRL_CELLS = 8,
	MR_DNS_RRL_SEEN = 64, /* limited prefixes that are remembered, for people */
	MR_DNS_RRL_RATE_MAX = 100000,
};

enum mr_dns_rrl_class {
	MR_DNS_RRL_ANSWER,
	MR_DNS_RRL_NXDOMAIN, /* of one zone */
	MR_DNS_RRL_NODATA,
	MR_DNS_RRL_REFERRAL,
	MR_DNS_RRL_ERROR,
	MR_DNS_RRL_CLASSES,
};

enum mr_dns_rrl_mode { MR_DNS_RRL_OFF, MR_DNS_RRL_LOG, MR_DNS_RRL_ON };

/* Immutable, part of struct mr_dns_config. */
struct mr_dns_rrl_config {
	uint8_t mode;             /* enum mr_dns_rrl_mode; LOG: all is done but limiting */
	uint8_t v4_bits, v6_bits; /* of a prefix; 24 and 56 are usual */
	uint16_t slip;            /* 0: none is sent; 1: all are sent with TC */
	uint32_t rates[MR_DNS_RRL_CLASSES]; /* answers a second; 0: not limited */
	uint32_t burst_ms;                  /* a prefix may be so far ahead of its rate */
	uint32_t allow_count;
	const struct mr_prefix *allow;
};

/* A limited prefix as people see it. */
struct mr_dns_rrl_seen {
	struct mr_prefix prefix;
	uint8_t rrl_class; /* enum mr_dns_rrl_class */
	uint64_t limited;  /* answers since it was first seen */
	uint64_t first_ns, last_ns;
};

struct mr_dns_rrl_line;
struct mr_dns_rrl_slot;

struct mr_dns_rrl {
	/* owner: worker */
	struct mr_dns_rrl_line *lines; /* const after create; NULL: no RRL */
	uint64_t line_mask;
	struct mr_hash_key key;
	struct mr_rng rng; /* which of the limited ones slips */
	struct mr_dns_rrl_slot *seen;
	/* shared: written by the worker, read and compared by the control thread */
	uint32_t demand[MR_DNS_RRL_CLASSES] MR_LINE_ALIGNED;
	/* owner: ctl; reader: worker, relaxed. Parts of 65536 of every rate; 0: all of it. */
	uint32_t share[MR_DNS_RRL_CLASSES] MR_LINE_ALIGNED;
	uint32_t told[MR_DNS_RRL_CLASSES]; /* owner: ctl: demand at the last rebalancing */
};

/* mr_dns_rrl_create makes a table of at least prefix_count lines (0: none, RRL stays off). */
MR_MUST_USE int mr_dns_rrl_create(struct mr_dns_rrl *self, uint32_t prefix_count,
				  struct mr_arena *arena, struct mr_error *error);

enum mr_dns_rrl_verdict {
	MR_DNS_RRL_PASS,
	MR_DNS_RRL_LIMIT, /* send nothing */
	MR_DNS_RRL_SLIP,  /* send it empty, with TC */
};

/* mr_dns_rrl_line_of returns where client's cells are, and fetches them. */
struct mr_dns_rrl_line *mr_dns_rrl_line_of(const struct mr_dns_rrl *self,
					   const struct mr_dns_rrl_config *config,
					   const struct mr_addr *client, uint32_t *tag);

/* mr_dns_rrl_charge takes one answer of that class at now_ns; false: the limit is reached.
 * zone_hash is looked at for NXDOMAIN. */
MR_MUST_USE bool mr_dns_rrl_charge(struct mr_dns_rrl *self, const struct mr_dns_rrl_config *config,
				   struct mr_dns_rrl_line *line, uint32_t tag,
				   enum mr_dns_rrl_class rrl_class, uint64_t zone_hash,
				   uint64_t now_ns);

/* mr_dns_rrl_limit remembers that client was limited, and says what becomes of the answer. *is_new:
 * it was not limited lately. */
MR_COLD enum mr_dns_rrl_verdict mr_dns_rrl_limit(struct mr_dns_rrl *self,
						 const struct mr_dns_rrl_config *config,
						 const struct mr_addr *client,
						 enum mr_dns_rrl_class rrl_class, uint64_t now_ns,
						 bool *is_new);

/* mr_dns_rrl_allowed says whether client is on the allow list. */
MR_COLD bool mr_dns_rrl_allowed(const struct mr_dns_rrl_config *config,
				const struct mr_addr *client);

/* mr_dns_rrl_rebalance gives every worker its share. Control thread, every 100 ms. */
void mr_dns_rrl_rebalance(struct mr_dns_rrl *const *workers, unsigned worker_count);

/* mr_dns_rrl_list copies at most room limited prefixes into out and returns how many. Any thread;
 * what is being written just now is left out. */
unsigned mr_dns_rrl_list(const struct mr_dns_rrl *self, struct mr_dns_rrl_seen *out, unsigned room);

const char *mr_dns_rrl_class_name(enum mr_dns_rrl_class rrl_class);

#endif
