/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/transfer - zones given away over a stream: AXFR, and IXFR answered by all of the zone.
 *
 * The first message (question, SOA, OPT) is written by the answering path like any other. All that
 * follows is a generator of lib/tcp: messages of records, the SOA as the last, made when there is
 * room for them and made again when they are asked for again.
 *
 * Owner:  one struct mr_dns_transfers belongs to one worker.
 * Thread: its worker.
 * Memory: a pool of transfers, some 22 KiB each, and one message of the largest size, taken at
 *         create. A zone that is being transferred is pinned until the last byte is acknowledged
 *         or the connection has ended.
 * Spec:   RFC 5936 (AXFR), RFC 1995 4 (IXFR answered by the whole zone, or by one SOA when the
 *         client's is not older), RFC 1982 (serial numbers), RFC 8914 (extended errors).
 *
 * One transfer                                                                     [function]
 *   (none)  -> OFFERED   the question is for a zone and a client that may   [dns_transfer_judge]
 *   OFFERED -> QUEUED    its generator is in the queue                   [mr_dns_transfer_queue]
 *   QUEUED  -> WAITING   all bytes of an extent acknowledged, more to come         [gen_release]
 *   WAITING -> QUEUED    the next extent                                 [mr_dns_transfer_queue]
 *   any     -> (none)    done, or its connection is                        [mr_dns_transfer_end]
 *
 * (1) Bytes are a function of the zone and the place in it, so the same offset gives the same.
 * (2) At most MR_DNS_TRANSFER_MESSAGES messages are made and not acknowledged.
 * (3) An extent ends where a message does, below the largest that lib/tcp takes; so a zone may be
 *     of any size.
 * (4) Owners: the first of a message is whole, later ones point at its origin or at the owner
 *     before; names in RDATA are whole.
 */
#ifndef MR_DNS_TRANSFER_H
#define MR_DNS_TRANSFER_H

#include "dns/dns.h"
#include "tcp/tcp.h"

enum {
	MR_DNS_TRANSFER_MESSAGE_BYTES = 16384, /* unless one record is larger */
	MR_DNS_TRANSFER_MESSAGES = 256,
	MR_DNS_TRANSFER_EXTENT_BYTES = MR_TCP_EXTENT_BYTES_MAX - (1 << 18),
};

struct mr_dns_transfer_config {
	uint32_t limit;        /* at once on this worker; 0: none are given */
	uint32_t zone_limit;   /* of one zone; 0: limit */
	uint32_t extent_bytes; /* 0: MR_DNS_TRANSFER_EXTENT_BYTES */
	uint32_t worker;       /* whose counts in pins are ours */
	struct mr_pins *pins;
	uint8_t gen; /* the number of mr_dns_transfer_gen_ops in lib/tcp */
};

struct mr_dns_transfers {
	/* owner: worker */
	struct mr_dns *dns;
	struct mr_dns_transfer_config config;
	struct mr_pool pool;
	uint32_t offered;    /* by the last mr_dns_answer; 0: none */
	uint32_t scratch_of; /* whose message scratch holds; 0: nobody's */
	uint64_t scratch_index;
	uint8_t *scratch; /* a message of any size, with its length */
};

/* mr_dns_transfers_create takes its memory from arena and lets dns offer transfers. config->limit
 * of 0: AXFR and IXFR are answered NOTIMP. */
MR_MUST_USE int mr_dns_transfers_create(struct mr_dns_transfers *self, struct mr_dns *dns,
					const struct mr_dns_transfer_config *config,
					struct mr_arena *arena, struct mr_error *error);

/* mr_dns_transfer_queue puts what is to come into the queue of conn. False: no room there, nothing
 * changed. */
MR_MUST_USE bool mr_dns_transfer_queue(struct mr_dns_transfers *self, uint32_t transfer,
				       struct mr_tcp *tcp, uint32_t conn);

enum mr_dns_transfer_state {
	MR_DNS_TRANSFER_QUEUED,  /* going on */
	MR_DNS_TRANSFER_WAITING, /* to be queued again */
	MR_DNS_TRANSFER_DONE,    /* every byte is acknowledged */
};
enum mr_dns_transfer_state mr_dns_transfer_state(const struct mr_dns_transfers *self,
						 uint32_t transfer);
/* Bytes acknowledged since the last time this was asked. */
uint32_t mr_dns_transfer_progress(struct mr_dns_transfers *self, uint32_t transfer);

/* mr_dns_transfer_end takes transfer back and drops its pin; done or not is counted. */
void mr_dns_transfer_end(struct mr_dns_transfers *self, uint32_t transfer);

/* The generator; context is the struct mr_dns_transfers, cookie the transfer. */
extern const struct mr_tcp_gen_ops mr_dns_transfer_gen_ops;

#endif
