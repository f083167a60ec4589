/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/stream - DNS over a byte stream of lib/tcp: two bytes of length, then a message, again and
 * again.
 *
 * Owner:  one struct mr_dns_stream belongs to one worker, as its struct mr_tcp does.
 * Thread: its worker, inside mr_tcp_input and mr_tcp_turn.
 * Memory: a message that lies whole in a segment is answered without being kept. What ends in the
 *         middle of one is gathered in a pooled buffer, held only until the message is whole.
 *         Answers go into the send queue.
 * Spec:   RFC 7766 (TCP), RFC 1035 4.2.2 (length prefix), RFC 7828 (keep-alive: a client that asks
 *         is told idle_ms, which holds for every connection).
 *
 * State of a connection   next                                                  [function]
 *   BETWEEN -> BETWEEN    a whole message in the segment: answered              [message_whole]
 *   BETWEEN -> WITHIN     the segment ends in a message or its length           [partial_begin]
 *   WITHIN  -> BETWEEN    the message is whole: answered                        [partial_gather]
 *   BETWEEN -> GIVING     a zone is given: its generator is in the send queue   [transfer_start]
 *   GIVING  -> BETWEEN    every byte of it is acknowledged                      [transfer_step]
 *   any     -> (closing)  idle_ms between messages, message_ms within one       [stream_deadline]
 *   any     -> (aborted)  answers are not taken: SLOW_PERIODS of idle_ms without
 *                         an empty queue, or one of GIVING with too few bytes   [deadline_of_slow]
 *   any     -> (closing)  query_limit messages, a length or a message that no
 *                         query has                                             [stream_close]
 *   any     -> (closing)  the peer's FIN                                       [stream_peer_closed]
 *
 * (1) A message longer than MR_DNS_STREAM_MESSAGE_BYTES is not read: no query is.
 * (2) Nothing is taken from the stream while the send queue has no room for the longest answer: a
 *     peer that does not read is not read from.
 *     While a zone is given nothing is read: queries are answered in their order.
 * (3) The deadline of a message that has begun is not moved by its later bytes.
 */
#ifndef MR_DNS_STREAM_H
#define MR_DNS_STREAM_H

#include "dns/dns.h"
#include "dns/transfer.h"
#include "tcp/tcp.h"

enum {
	MR_DNS_STREAM_MESSAGE_BYTES =
		4094, /* of a query; with its length it fills a partial buffer */
	MR_DNS_STREAM_PARTIAL_BYTES = 4096 + MR_CACHE_LINE,
	MR_DNS_STREAM_ANSWER_BYTES = 65535,
	MR_DNS_STREAM_SLOW_PERIODS = 6,   /* of idle_ms, in which a peer must take what is queued */
	MR_DNS_STREAM_GIVE_BYTES = 16384, /* of a transfer that it must take in one of them */
};

struct mr_dns_stream_config {
	uint32_t partial_limit; /* connections that may be within a message at once; 0: 1,024 */
	uint32_t idle_ms;       /* between messages; 0: 10,000 */
	uint32_t message_ms;    /* from a message's first byte to its last; 0: 3,000 */
	uint32_t query_limit;   /* messages of one connection, at most 2^24 - 1; 0: 100,000 */
	struct mr_dns_transfer_config transfers;
};

struct mr_dns_stream {
	/* owner: worker */
	struct mr_dns *dns;
	const struct mr_zone_set *zones; /* of this turn: set by the worker before mr_tcp_turn */
	uint64_t now_ns;                 /* of this turn */
	struct mr_dns_stream_config config;
	uint16_t idle_100ms; /* idle_ms as clients are told it (RFC 7828) */
	struct mr_pool partials;
	uint8_t *scratch; /* 2 + MR_DNS_STREAM_ANSWER_BYTES */
	struct mr_dns_transfers transfers;
};

/* mr_dns_stream_create takes its buffers from arena. dns is borrowed. */
MR_MUST_USE int mr_dns_stream_create(struct mr_dns_stream *self, struct mr_dns *dns,
				     const struct mr_dns_stream_config *config,
				     struct mr_arena *arena, struct mr_error *error);

/* The application's events; context is the struct mr_dns_stream. */
extern const struct mr_tcp_app_ops mr_dns_stream_ops;

#endif
