/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/conn - one connection of the TCP client: 64 bytes, and nothing beside them.
 *
 * Connections lie in a table; the slot is the low bits of the tuple (tuple.h). A request's bytes
 * are a function of (tuple, number of the request), so nothing that was sent is kept, and what is
 * retransmitted is made again.
 *
 * Owner:  the client (client.h). Thread: the generator core.
 * Memory: one cache line each, no pointer in it.
 */
#ifndef MILLGEN_CONN_H
#define MILLGEN_CONN_H

#include "base/base.h"

/* CLOSE-WAIT lasts no time here: a FIN is answered by our own. TIME-WAIT needs no state (client.h).
 */
enum gen_conn_state {
	GEN_CLOSED,
	GEN_SYN_SENT,
	GEN_ESTABLISHED,
	GEN_FIN_WAIT_1,
	GEN_FIN_WAIT_2,
	GEN_CLOSING,
	GEN_LAST_ACK,
};

enum gen_conn_flag {
	GEN_CONN_LINKED = 1 << 0,     /* in the ring of timers; outlives CLOSED */
	GEN_CONN_READY = 1 << 1,      /* in the ring of idle connections; outlives CLOSED */
	GEN_CONN_TIMESTAMPS = 1 << 2, /* both sides offered them */
	GEN_CONN_ACK_DUE = 1 << 3,    /* at the end of this burst; in the list of these */
	GEN_CONN_RECOVER = 1 << 4,    /* something was retransmitted and not all is acknowledged */
	GEN_CONN_SERVER_CLOSES = 1 << 5, /* it said so in its last answer */
	GEN_CONN_LAST_RIGHT = 1 << 6,    /* the last answer was right: counted after the close */
	GEN_CONN_HELD = 1 << 7,          /* asked again by its own timer */
};

/* Where in an answer the stream is. */
enum gen_parse_at {
	GEN_AT_START,   /* of an answer */
	GEN_AT_PARTIAL, /* in what has to lie together; gathered in a buffer */
	GEN_AT_BODY,
	GEN_AT_WRONG_STATUS, /* in the body of an answer that is wrong already */
	GEN_AT_WRONG_LENGTH,
	GEN_AT_BODY_TO_END, /* of the connection */
};

struct gen_conn {
	uint64_t intended_tsc; /* of the batch that is out */
	uint32_t tuple;        /* the last one that this slot had, when CLOSED */
	uint32_t snd_una, snd_nxt, rcv_nxt;
	uint32_t ts_recent;   /* TS.Recent; CLOSED: closed at, ms */
	uint32_t timer_next;  /* handle + 1 */
	uint32_t deadline_ms; /* 0: none */
	uint32_t ask_done;    /* requests answered; with several outstanding: the first gap */
	uint32_t ask_seq;     /* sequence number at which request ask_done begins */
	uint32_t left;        /* BODY: bytes to come; else DNS: which after ask_done are answered */
	uint32_t crc;         /* BODY: CRC32C so far; PARTIAL: the buffer */
	uint16_t snd_wnd;     /* unscaled */
	uint16_t mss;         /* payload bytes of a segment to the peer */
	uint8_t state, flags, window_scale, parse;
	uint8_t rto_50ms, retries;
	uint8_t batch, open; /* requests of the batch; those not answered yet */
};
static_assert(sizeof(struct gen_conn) == MR_CACHE_LINE, "10 M fit beside a server under test");

#endif
