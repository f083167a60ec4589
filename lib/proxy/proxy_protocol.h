/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy/proxy_protocol - the PROXY protocol, versions 1 and 2: who is behind a connection, said in
 * front of its first octet.
 *
 *   in   a load balancer in front of us says whose connection it passes on. It is believed only
 *        from peers that are configured as such, and there it must be: a listener that takes it
 *        takes nothing else. What it says is the client for Forwarded, access rules, hashes and
 *        logs; limits on the peer's connections stay with the peer's own address, which is the only
 *        one that TCP has proved. LOCAL and UNKNOWN mean the peer speaks for itself (a health
 *        check): then its own address is the client's.
 *   out  we say it to an origin. Our connection to it then belongs to one client: it serves no
 *        other one, so such connections are not kept. Checks by HTTP say LOCAL or UNKNOWN.
 *
 * What is refused closes the connection without a word (the specification, 2): the peer is no
 * proxy, or speaks another language.
 *
 * Strict: one blank between words, CR LF within 107 octets, numbers without leading zeros and
 * within bounds, addresses of the family that was named, nothing behind the ports. In version 2:
 * only TCP (or UNSPEC), a length of at most MR_PROXY_HEADER_BYTES, whole TLVs to its end, a CRC32c
 * that is right where there is one.
 *
 * Owner: nobody; pure. Thread: any. Memory: none.
 * Spec:  "The PROXY protocol, Versions 1 & 2", Willy Tarreau, HAProxy (2020), 2.1, 2.2, 2.2.3.
 */
#ifndef MR_PROXY_PROXY_PROTOCOL_H
#define MR_PROXY_PROXY_PROTOCOL_H

#include "base/base.h"

enum {
	MR_PROXY_HEADER_V1_BYTES = 107,    /* the longest line, CR LF included */
	MR_PROXY_HEADER_BYTES = 2048,      /* the longest header that is taken */
	MR_PROXY_HEADER_WRITE_BYTES = 128, /* more than any that is written */
};

struct mr_proxy_header {
	bool local;                         /* nobody is named: the peer speaks for itself */
	struct mr_addr source, destination; /* of one family */
	uint16_t source_port, destination_port;
	uint32_t byte_count; /* that the header took */
};

enum mr_proxy_header_verdict {
	MR_PROXY_HEADER_MORE,
	MR_PROXY_HEADER_DONE,
	MR_PROXY_HEADER_REFUSED,
};

/* mr_proxy_header_read reads what begins a connection: all of it that has come, again each time; of
 * more than MR_PROXY_HEADER_BYTES it never says MORE. *out is filled when it is DONE. */
MR_MUST_USE enum mr_proxy_header_verdict
mr_proxy_header_read(const uint8_t *bytes, size_t byte_count, struct mr_proxy_header *out);

/* mr_proxy_header_write_v1 and _v2 write a header, byte_count aside; addresses of two families
 * are UNKNOWN or LOCAL, as there is no way to say them. */
void mr_proxy_header_write_v1(struct mr_writer *out, const struct mr_proxy_header *header);
void mr_proxy_header_write_v2(struct mr_writer *out, const struct mr_proxy_header *header);

#endif
