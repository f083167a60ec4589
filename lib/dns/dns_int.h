/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/dns_int - one query between the stages of a burst, and what the stages share.
 *
 * Owner:  queries, answers and limits belong to the call that answers the burst; what they point
 *         to in zones and in the configuration is borrowed until it returns.
 * Thread: the caller's, who has a struct mr_dns of its own: a worker, or a trace of the control
 *         thread.
 * Memory: the caller's stack and the message; nothing is allocated or kept from burst to burst.
 * Spec:   as dns/dns.h; RFC 1035 4.1.1, 6895 2 (header, RCODEs), 8914 4 (extended errors).
 */
#ifndef MR_DNS_DNS_INT_H
#define MR_DNS_DNS_INT_H

#include "dns/dns.h"

/* A step of the decision; dns/trace.c compiles dns/answer.c once more with a meaning for it. */
#ifndef DNS_STEP
#define DNS_STEP(answer, what, zone, node) ((void)0)
#endif

enum {
	DNS_OPT_BYTES = 11,
	DNS_ADDITIONAL_MAX = 16, /* records of a query that are looked at */
	/* Compression pointers reach 16383. Chains end where the message is longer than this, so
	 * that every pointer into a prebuilt block or a chain's last name is within reach. */
	DNS_CHAIN_BYTES = 9000,
	DNS_POINTER_MAX = 0x3fff,
	DNS_PROOFS_MAX = 3 * (MR_DNS_CNAME_MAX + 1), /* no step needs more than three */
};

enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5,
	DNS_YXDOMAIN = 6,
	DNS_NOTAUTH = 9,
	DNS_BADVERS = 16,
	DNS_BADCOOKIE = 23,
};

enum dns_header_flag {
	DNS_QR = 0x8000,
	DNS_OPCODE = 0x7800,
	DNS_AA = 0x0400,
	DNS_TC = 0x0200,
	DNS_RD = 0x0100,
	DNS_CD = 0x0010,
};

enum { DNS_CLASS_CH = 3 };
enum dns_opcode { DNS_OPCODE_QUERY = 0, DNS_OPCODE_NOTIFY = 4, DNS_OPCODE_UPDATE = 5 };

enum dns_action { DNS_DROP, DNS_ERROR, DNS_LOOKUP };

/* RFC 8914 4 */
enum dns_ede {
	DNS_EDE_PROHIBITED = 18,
	DNS_EDE_NOT_AUTHORITATIVE = 20,
	DNS_EDE_NOT_SUPPORTED = 21,
	DNS_EDE_NONE = 0xffff,
};

enum dns_option {
	DNS_OPTION_NSID = 1,
	DNS_OPTION_COOKIE = 2,
	DNS_OPTION_ECS = 4,
	DNS_OPTION_KEEPALIVE = 8,
	DNS_OPTION_PADDING = 16,
};
enum { DNS_COOKIE_CLIENT_BYTES = 8, DNS_COOKIE_BYTES = 24, DNS_ECS_BYTES = 20 };

/* What an early step of the burst has found of a question's name that is not at its home: only
 * where the memory of an answer is that can be seen beforehand. NULL: not looked for. */
struct dns_missing {
	const struct mr_zone_node *closest; /* encloser, if the name is not there at all */
	const struct mr_zone_node *cover;   /* of the name's suffix with cover_labels */
	uint8_t labels, cover_labels;       /* labels: of closest */
};

struct dns_query {
	const struct mr_zone *zone; /* of the question, or NULL */
	struct dns_missing missing; /* of the question, in that zone */
	uint16_t flags;             /* of the query's header */
	uint16_t qtype;
	uint16_t question_end; /* MR_DNS_HEADER_BYTES when the question is not given back */
	uint16_t edns_bytes;   /* the size that the client offers */
	uint16_t usual_bytes;  /* that an answer like this one's has; 0: as short as a question */
	uint16_t rcode;        /* of DNS_ERROR */
	uint16_t ede;          /* of DNS_ERROR: enum dns_ede */
	uint16_t tsig_at;      /* where the TSIG record is; 0: none */
	uint8_t action;        /* enum dns_action */
	uint8_t options;       /* bits of enum dns_option: what the answer's OPT has */
	bool edns, dnssec_ok;
	bool cookie_valid;                /* the client showed a cookie of ours */
	bool to_tcp;                      /* the answer is TC and nothing else */
	bool transfer;                    /* soa_of and then all of that zone: one is offered */
	bool chaos;                       /* chaos_text answers a question of class CH */
	uint16_t idle_100ms;              /* of the keep-alive to be given */
	uint8_t ecs_bytes;                /* of the option to be given back */
	uint8_t cookie[DNS_COOKIE_BYTES]; /* to be given back */
	uint8_t ecs[DNS_ECS_BYTES];
	const char *chaos_text;
	const struct mr_zone *soa_of; /* a transfer's answer begins with its SOA */
	uint32_t ixfr_serial;         /* that the client has */
	struct mr_zone_name qname;    /* filled when action is DNS_LOOKUP */
};

/* What a refused TSIG gets back. */
struct dns_tsig {
	uint16_t bytes;
	uint8_t record[600];
};

/* An NSEC or NSEC3 that is to be in the answer; origin_at: where its zone's name stands. */
struct dns_proof {
	const struct mr_zone_node *node;
	uint16_t type, origin_at;
};

/* One answer while it is written. */
struct dns_answer {
	uint8_t *message;
	uint32_t at;          /* bytes written */
	uint32_t limit;       /* bytes that the records may fill: room for the OPT is kept back */
	uint32_t whole_limit; /* limit with that room */
	uint32_t room;        /* bytes that may be touched */
	uint32_t name_at;     /* where the name now asked for stands in the message */
	const struct mr_zone_name *name; /* that name */
	struct dns_missing missing;      /* of that name */
	uint16_t answer_count, authority_count, additional_count;
	uint16_t rcode, qtype;
	uint16_t ede;          /* enum dns_ede */
	uint16_t option_bytes; /* room kept for EDNS options */
	bool authoritative, truncated, dnssec_ok;
	uint8_t dname_count, proof_count;
	const struct mr_zone_node *dnames[MR_DNS_CNAME_MAX + 1]; /* that are in the answer */
	struct dns_proof proofs[DNS_PROOFS_MAX];
	uint32_t *tally;
};

/* dns_query_parse reads the whole message of item, strictly, and says what is to be done. */
void dns_query_parse(struct dns_query *query, struct mr_dns *self, const struct mr_zone_set *zones,
		     struct mr_dns_item *item);

/* dns_additional_parse walks count records from at to the end of the message (OPT, TSIG; the rest
 * is passed over). On failure query->rcode is set; else it stays. */
MR_COLD void dns_additional_parse(struct dns_query *query, struct mr_dns *self,
				  struct mr_dns_item *item, unsigned at, unsigned count);

/* dns_options_read reads the options of an OPT; false: FORMERR. dns_options_bytes says how much the
 * answer's take, dns_options_put writes them behind the OPT. */
MR_COLD bool dns_options_read(struct dns_query *query, struct mr_dns *self,
			      struct mr_dns_item *item, const uint8_t *rdata, uint16_t rdata_bytes);
uint32_t dns_options_bytes(const struct dns_query *query, const struct mr_dns_config *config);
void dns_options_put(struct dns_answer *self, const struct dns_query *query,
		     const struct mr_dns_config *config);

/* dns_cookie_check judges a COOKIE option and fills query->cookie with what is answered. */
void dns_cookie_check(struct dns_query *query, const struct mr_dns_config *config,
		      const struct mr_dns_client *client, const uint8_t *data, unsigned bytes);

/* dns_cookie_require answers a question over UDP with BADCOOKIE or TC unless its cookie is valid.
 */
MR_COLD void dns_cookie_require(struct dns_query *query, const struct mr_dns_item *item);

/* dns_chaos_text returns the text for a question of class CH, or NULL: refused. dns_chaos_put
 * writes it. */
MR_COLD const char *dns_chaos_text(const struct dns_query *query,
				   const struct mr_dns_config *config);
MR_COLD void dns_chaos_put(struct dns_answer *self, const struct dns_query *query);

/* dns_ixfr_parse reads what an IXFR query has behind its question: the client's SOA in the
 * authority section, then EDNS. */
MR_COLD void dns_ixfr_parse(struct dns_query *query, struct mr_dns *self, struct mr_dns_item *item,
			    unsigned at);

/* dns_transfer_judge decides a question for AXFR or IXFR: query->rcode, or a transfer is begun.
 * dns_transfer_put writes the first record. */
MR_COLD void dns_transfer_judge(struct dns_query *query, struct mr_dns *self,
				const struct mr_zone_set *zones, const struct mr_dns_item *item);
MR_COLD void dns_transfer_put(struct dns_answer *self, const struct dns_query *query);
/* dns_transfer_begin offers the zone of options; false: a limit. */
MR_COLD bool dns_transfer_begin(struct mr_dns_transfers *self,
				const struct mr_dns_zone_options *options,
				const struct dns_query *query, uint16_t id);

/* Rate limits of one burst: where the cells of each item's client are. */
struct dns_limits {
	struct {
		struct mr_dns_rrl_line *line; /* NULL: not to be limited */
		uint32_t tag;
	} at[MR_BURST_MAX];
};
static inline bool
dns_limits_on(const struct mr_dns *self)
{
	return self->config->rrl.mode != MR_DNS_RRL_OFF && self->rrl && self->rrl->lines;
}
/* dns_limits_fetch fetches what dns_limits_apply will look at, which takes back answers that are
 * too many: item->outcome becomes DROP, or the answer empty with TC. */
MR_COLD void dns_limits_fetch(struct dns_limits *self, const struct mr_dns *dns,
			      const struct mr_dns_item *items, uint16_t count);
MR_COLD void dns_limits_apply(const struct dns_limits *self, struct mr_dns *dns,
			      const struct dns_query *queries, struct mr_dns_item *items,
			      uint16_t count);

/* dns_write_other answers what is not looked up; a dropped one too, by dropping it. */
MR_COLD void dns_write_other(struct mr_dns *self, const struct dns_query *query,
			     struct mr_dns_item *item);

/* dns_answer_withdraw takes the finished answer of item out of the tally: it is not sent. */
MR_COLD void dns_answer_withdraw(struct mr_dns *dns, const struct dns_query *query,
				 const struct mr_dns_item *item);

/* dns_zone_options returns what is special of zone, or NULL. Not for every query: it searches. */
const struct mr_dns_zone_options *dns_zone_options(const struct mr_dns_config *config,
						   const struct mr_zone *zone);

/* dns_zone_for returns the zone that answers query, or NULL. */
const struct mr_zone *dns_zone_for(const struct mr_zone_set *zones, const struct dns_query *query);

/* dns_answer_start makes the empty answer to query; dns_answer_lookup fills it from zones;
 * dns_answer_finish writes OPT, TSIG (may be NULL) and header, and sets the item's outcome. */
void dns_answer_start(struct dns_answer *self, struct mr_dns *dns, const struct dns_query *query,
		      const struct mr_dns_item *item);
void dns_answer_lookup(struct dns_answer *self, const struct mr_zone_set *zones,
		       const struct dns_query *query);
void dns_answer_finish(struct dns_answer *self, struct mr_dns *dns, const struct dns_query *query,
		       struct mr_dns_item *item, const struct dns_tsig *tsig);

/* dns_put_bytes copies from a zone, which is readable 64 bytes behind its end; false when it does
 * not fit. */
static inline bool
dns_put_bytes(struct dns_answer *self, const uint8_t *from, uint32_t bytes)
{
	uint8_t *to = self->message + self->at;

	if (mr_unlikely(self->at + bytes > self->limit))
		return false;
	if (mr_likely(self->at + bytes + 31 <= self->room)) {
		for (uint32_t i = 0; i < bytes; i += 32) {
			__m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(from + i));

			_mm256_storeu_si256((__m256i *)(void *)(to + i), v);
		}
	} else {
		memcpy(to, from, bytes);
	}
	self->at += bytes;
	return true;
}

/* dns_point_owners makes the owners of count records, each two bytes, point to owner_at. */
static inline void
dns_point_owners(uint8_t *rr, unsigned count, uint32_t owner_at)
{
	for (unsigned i = 0; i < count; i++) {
		mr_store_be16(rr, (uint16_t)(0xc000 | owner_at));
		rr += MR_ZONE_RR_FIXED_BYTES + mr_load_be16(rr + 10);
	}
}

/* dns_put_rrset puts rrset with its owner at owner_at; returns how many records, 0 (and TC) when it
 * does not fit. */
unsigned dns_put_rrset(struct dns_answer *self, const struct mr_zone_rrset *rrset,
		       uint32_t owner_at);

/* dns_related_put adds what belongs to the answer section, which begins at `at`: addresses of name
 * servers, mail exchangers and services that are in our zones. */
MR_COLD void dns_related_put(struct dns_answer *answer, const struct mr_zone_set *zones,
			     uint32_t at);
/* dns_has_related says whether records of type lead to other names. */
static inline bool
dns_has_related(uint16_t type)
{
	const uint64_t low = 1ull << MR_ZONE_NS | 1ull << MR_ZONE_MX | 1ull << MR_ZONE_SRV;

	return type < 64 ? low >> type & 1 : type == MR_ZONE_SVCB || type == MR_ZONE_HTTPS;
}

/* What is not there, of the name now asked for; nothing unless the client wants DNSSEC of a signed
 * zone. labels are those of the closest encloser (missing, wildcard) or of the node (no_data).
 * dns_denial_put writes what was noted, before any additional record. dns_denial_seek finds
 * beforehand, and fetches, what the others will need for names in signed zones: for count queries
 * (at most MR_BURST_MAX) together. */
void dns_denial_seek(struct dns_query *const *queries, unsigned count);
void dns_denial_missing(struct dns_answer *self, const struct mr_zone *zone,
			const struct mr_zone_node *encloser, unsigned labels);
void dns_denial_no_data(struct dns_answer *self, const struct mr_zone *zone,
			const struct mr_zone_node *node, unsigned labels);
void dns_denial_wildcard(struct dns_answer *self, const struct mr_zone *zone,
			 const struct mr_zone_node *wildcard, unsigned labels, bool no_data);
void dns_denial_put(struct dns_answer *self);

/* dns_tsig_refuse saves from the query what a BADKEY answer repeats (before it is overwritten), and
 * dns_tsig_put writes that record. */
MR_COLD void dns_tsig_refuse(struct dns_tsig *self, const struct dns_query *query,
			     const struct mr_dns_item *item);
MR_COLD void dns_tsig_put(const struct dns_tsig *self, struct dns_answer *answer);

static inline uint16_t
dns_payload_bytes(const struct mr_dns *self, const struct mr_dns_item *item)
{
	return mr_addr_is_v4(&item->client.addr) ? self->config->udp_payload_v4_bytes
						 : self->config->udp_payload_v6_bytes;
}

#endif
