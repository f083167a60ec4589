/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/segment - one TCP segment: bytes to fields, fields to bytes.
 *
 * Owner:  the caller.
 * Thread: any.
 * Memory: borrows the segment's bytes; allocates nothing.
 * Spec:   RFC 9293 3.1 (header, options 0-2), RFC 7323 (3 window scale, 8 timestamps), RFC 2018
 *         (4 SACK permitted, 5 SACK), RFC 3168 6.1 (ECE, CWR), RFC 8200 8.1 and 9293 3.1
 *         (checksum).
 *
 * (1) A parsed segment points only into the bytes that were given.
 * (2) A broken option ends the option list, with options_broken set; what came before it stands
 *     (RFC 9293 MUST-7). An option of an unknown kind is stepped over by its length (MUST-6).
 */
#ifndef MR_TCP_SEGMENT_H
#define MR_TCP_SEGMENT_H

#include "base/base.h"

enum {
	MR_TCP_HEADER_BYTES = 20,
	MR_TCP_HEADER_MAX_BYTES = 60,
	MR_TCP_SACK_MAX = 4, /* blocks that fit in 40 bytes of options; 3 beside timestamps */
	MR_TCP_WSCALE_MAX = 14,
	MR_TCP_WSCALE_NONE = 0xff,
};

enum mr_tcp_flag {
	MR_TCP_FIN = 0x01,
	MR_TCP_SYN = 0x02,
	MR_TCP_RST = 0x04,
	MR_TCP_PSH = 0x08,
	MR_TCP_ACK = 0x10,
	MR_TCP_URG = 0x20,
	MR_TCP_ECE = 0x40,
	MR_TCP_CWR = 0x80,
};

/* The two ends of a connection and the way out to the far one. Everything is seen from this box. */
struct mr_tcp_flow {
	struct mr_addr local, remote;
	uint16_t local_port, remote_port;
	/* opaque: where the latest segment came in, given back with each one that goes out */
	uint16_t path;
	uint16_t path_kept; /* a connection's own: where two in a row came in; see tcp_conn_path */
};

struct mr_tcp_block {
	uint32_t left, right; /* [left .. right) */
};

struct mr_tcp_segment {
	uint16_t src_port, dst_port;
	uint32_t seq, ack;
	uint8_t flags; /* enum mr_tcp_flag */
	uint8_t header_bytes;
	uint16_t wnd; /* as on the wire, not scaled */
	const uint8_t *payload;
	uint16_t payload_bytes;
	uint16_t mss;   /* 0: no option */
	uint8_t wscale; /* MR_TCP_WSCALE_NONE: no option; never above MR_TCP_WSCALE_MAX */
	uint8_t sack_count;
	bool sack_permitted, has_ts, options_broken;
	uint32_t tsval, tsecr;
	struct mr_tcp_block sacks[MR_TCP_SACK_MAX];
};

/* SEG.LEN of RFC 9293: payload, SYN and FIN each count. */
static inline uint32_t
mr_tcp_segment_len(const struct mr_tcp_segment *s)
{
	return s->payload_bytes + !!(s->flags & MR_TCP_SYN) + !!(s->flags & MR_TCP_FIN);
}

/* mr_tcp_segment_parse reads byte_count bytes, TCP header first. Returns false when they are too
 * few for the header or for what the data offset says. */
MR_MUST_USE bool mr_tcp_segment_parse(const void *bytes, uint32_t byte_count,
				      struct mr_tcp_segment *out);

/* mr_tcp_segment_write writes the header with the options that `s` names (in the order MSS, SACK
 * permitted, timestamps, window scale, SACK; padded by NOPs to 4 bytes) into out, which has
 * MR_TCP_HEADER_MAX_BYTES, with a zero checksum. Returns its bytes. SACK blocks that do not fit are
 * left out. payload is not touched. */
uint8_t mr_tcp_segment_write(const struct mr_tcp_segment *s, uint8_t *out);

/* mr_tcp_checksum_add adds bytes to a ones' complement sum; all but the last piece must be even. */
uint64_t mr_tcp_checksum_add(uint64_t sum, const void *bytes, size_t byte_count);

/* mr_tcp_checksum returns the checksum field of the tcp_bytes bytes at tcp (0 when the field
 * already holds the right value) under the pseudo-header of flow; the direction does not matter to
 * the sum. */
uint16_t mr_tcp_checksum(const struct mr_tcp_flow *flow, const void *tcp, uint32_t tcp_bytes);

#endif
