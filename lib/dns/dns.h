/* SPDX-License-Identifier: Apache-2.0
 *
 * dns - authoritative answers: one function for every transport, worked in stages over a burst.
 *
 * Owner:  struct mr_dns belongs to one worker.
 * Thread: its worker. Zones are read under RCU, inside one burst.
 * Memory: allocates nothing; an answer is written over its query, in [message .. message +
 *         room_bytes), behind the question, which stays as it came (its case too).
 * Spec:   RFC 1034 4.3.2 (lookup), 1035 (format), 2181, 2308 (negative answers), 3597, 4035 3.1
 *         and 5155 7.2 (zones that are signed), 4343, 4592 (wildcards), 4892 (CH), 5001 (NSID),
 *         6672 (DNAME), 6891 (EDNS), 7828 (keep-alive), 7830 and 8467 (padding), 7871
 *         (ECS, scope 0), 7873 and 9018 (cookies), 8020, 8482
 *         (ANY), 5936 and 1995 (transfers, over streams), 8914 (extended errors), 8945 5.2.1 (a
 *         TSIG key that we do not have), 9471 (glue), 9619 (one question).
 *
 * Steps of a query: parse and hash -> find zone, prefetch bucket -> prefetch RRset -> write. The
 * queries of a burst take them in turn, some places apart: what one waits for arrives while others
 * work.
 *
 * One query:
 *   START        -> DROP    short, a response, sent to a group                 [dns_query_parse]
 *   START        -> ERROR   FORMERR NOTIMP REFUSED BADVERS                     [dns_query_parse]
 *   START        -> LOOKUP                                                     [dns_query_parse]
 *   LOOKUP       -> DATA NODATA MISSING REFERRAL REFUSED, or CNAME, DNAME      [answer_in_zone]
 *   CNAME, DNAME -> LOOKUP  the new name, at most MR_DNS_CNAME_MAX times       [dns_answer_lookup]
 *   all but DROP -> sent                                                       [dns_answer_finish]
 *
 * (1) An answer is never longer than room_bytes, nor over UDP than 512 bytes or what both sides'
 *     EDNS sizes allow. What does not fit is left out by whole RRsets, and TC is set.
 * (2) The first 12 bytes and the question are the query's, but for the flags and counts.
 * (3) A message with QR set is never answered.
 */
#ifndef MR_DNS_DNS_H
#define MR_DNS_DNS_H

#include "base/base.h"
#include "evlog/evlog.h"
#include "metric/metric.h"
#include "dns/rrl.h"
#include "zone/zone.h"

enum {
	MR_DNS_HEADER_BYTES = 12,
	MR_DNS_UDP_BYTES = 512, /* RFC 1035 4.2.1: without EDNS */
	MR_DNS_CNAME_MAX = 16,
};

enum mr_dns_transport { MR_DNS_UDP, MR_DNS_TCP, MR_DNS_TLS, MR_DNS_HTTPS, MR_DNS_QUIC };

/* Who asks, and how it came. */
struct mr_dns_client {
	struct mr_addr addr;
	struct mr_addr vip;
	struct mr_prefix ecs; /* filled by the parser when the query carries RFC 7871; bits 0 and
				 addr zero if not */
	uint64_t now_ns;
	uint16_t port;
	uint8_t transport; /* enum mr_dns_transport */
	bool encrypted;    /* nobody on the way sees lengths only by chance: padding is answered */
	uint16_t idle_100ms; /* how long the connection is kept when idle; 0: there is none, or none
				that is told so (RFC 7828; never UDP, nor QUIC: RFC 9250 5.5.2) */
	bool multicast;      /* arrived by broadcast or multicast: never answered */
};

enum mr_dns_outcome {
	MR_DNS_ANSWER, /* answer_bytes at message */
	MR_DNS_DROP,   /* counted; send nothing */
	/* answer_bytes at message, then all of a zone: mr_dns_transfers.offered, to be queued or
	 * ended by the caller. Only over streams. */
	MR_DNS_TRANSFER,
	MR_DNS_DEFER, /* a job was submitted; the answer comes as an event */
};

struct mr_dns_item {
	uint8_t *message;       /* the query; becomes the answer */
	uint16_t message_bytes; /* of the query */
	uint16_t room_bytes; /* that the transport can carry and the buffer has; >= message_bytes */
	uint16_t answer_bytes; /* out */
	uint8_t outcome;       /* out: enum mr_dns_outcome */
	struct mr_dns_client client;
};

#define DNS_METRIC_ID(name, ...) MR_DNS_##name,
#include "dns/metrics.h"
enum mr_dns_metric { DNS_METRICS(DNS_METRIC_ID) MR_DNS_METRIC_COUNT };
MR_METRIC_DECLARE(mr_dns_metric_table);

enum {
	MR_DNS_ID_BYTES = 64,
	MR_DNS_COOKIE_SECRET_BYTES = 16,
	MR_DNS_COOKIE_SECRETS = 4,
};

/* What is done about DNS cookies over UDP. */
enum mr_dns_cookie_policy {
	MR_DNS_COOKIE_ANSWER,  /* given to who sends one */
	MR_DNS_COOKIE_REQUIRE, /* and who has no valid one gets BADCOOKIE, or is sent to TCP */
};

/* What is so for one zone and not for all. */
struct mr_dns_zone_options {
	const struct mr_zone *zone;
	const struct mr_prefix *transfer; /* who may have the whole zone */
	uint32_t transfer_count;
	uint32_t pin_slot; /* of this version of the zone */
};

struct mr_dns_config {
	uint16_t udp_payload_v4_bytes,
		udp_payload_v6_bytes; /* EDNS size offered and obeyed; default 1232 */
	uint8_t nsid_bytes;           /* 0: NSID is not answered */
	uint8_t cookie_policy;        /* enum mr_dns_cookie_policy */
	uint8_t cookie_secret_count;  /* the first signs, all are accepted; 0: no cookies */
	uint8_t cookie_secrets[MR_DNS_COOKIE_SECRETS][MR_DNS_COOKIE_SECRET_BYTES];
	struct mr_dns_rrl_config rrl;
	uint32_t zone_option_count;
	const struct mr_dns_zone_options *zone_options; /* by address of the zone, ascending */
	int64_t wall_offset_s; /* seconds from the zero of client.now_ns to 1970 */
	char nsid[MR_DNS_ID_BYTES];
	/* TXT of class CH, RFC 4892; empty: refused. */
	char version[MR_DNS_ID_BYTES];  /* version.bind, version.server */
	char identity[MR_DNS_ID_BYTES]; /* id.server, hostname.bind */
};

struct mr_dns_transfers;

/* What became of the questions for names in one zone, before rate limits. */
enum mr_dns_zone_count {
	MR_DNS_ZONE_ANSWER,
	MR_DNS_ZONE_NODATA,
	MR_DNS_ZONE_NXDOMAIN,
	MR_DNS_ZONE_REFERRAL,
	MR_DNS_ZONE_FAIL,                            /* another rcode */
	MR_DNS_ZONE_CLASSES,                         /* each question is in one of these */
	MR_DNS_ZONE_TRUNCATED = MR_DNS_ZONE_CLASSES, /* of them, sent with TC */
	MR_DNS_ZONE_COUNTS,
};

struct mr_dns_zone_line {
	/* owner: worker; reader: any, relaxed */
	uint64_t counts[MR_DNS_ZONE_COUNTS];
} MR_LINE_ALIGNED;
static_assert(sizeof(struct mr_dns_zone_line) == MR_CACHE_LINE, "a zone costs one line");

const char *mr_dns_zone_count_name(enum mr_dns_zone_count which);

struct mr_dns {
	const struct mr_dns_config *config;  /* under RCU */
	struct mr_dns_transfers *transfers;  /* NULL: none are given */
	struct mr_dns_rrl *rrl;              /* NULL: answers are not limited */
	uint64_t *metrics;                   /* MR_DNS_METRIC_COUNT */
	struct mr_dns_zone_line *zone_lines; /* by struct mr_zone's counter; NULL: not counted */
	uint32_t zone_line_count;
	struct mr_evlog_ring *evlog;
	uint32_t tally[MR_DNS_METRIC_COUNT];
};

/* mr_dns_answer_burst answers count items (at most MR_BURST_MAX) from zones: fills
 * answer_bytes, outcome and client.ecs of each. Counts into self->tally. */
MR_HOT MR_NONNULL void mr_dns_answer_burst(struct mr_dns *self, const struct mr_zone_set *zones,
					   struct mr_dns_item *items, uint16_t count);

/* mr_dns_answer is a burst of one. */
MR_NONNULL void mr_dns_answer(struct mr_dns *self, const struct mr_zone_set *zones,
			      struct mr_dns_item *item);

/* mr_dns_flush adds the burst's tally to the metrics. */
void mr_dns_flush(struct mr_dns *self);

#include "dns/transfer.h" /* before stream.h, which has it as a part */

#include "dns/stream.h"
#include "dns/trace.h"

#endif
