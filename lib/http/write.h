/* SPDX-License-Identifier: Apache-2.0
 *
 * http/write - heads made afresh: nothing of a received message goes on but what was understood.
 *
 * Of a parsed message these are written anew: the start line (always HTTP/1.1), Host, Connection,
 * Upgrade, TE, Content-Length, Transfer-Encoding. The other fields follow in their order, without
 * those that are hop-by-hop (RFC 9110 7.6.1) or that Connection names. So framing is said once, and
 * it is ours.
 *
 * Owner:  nobody. Thread: any. Memory: writes into the caller's writer, whose `failed` says that
 * the room
 *         was too small, or that the request has no authority. Requires: the message was parsed to
 *         DONE.
 * Spec:   RFC 9112 3, 4, 6; RFC 9110 6.6.1 (Date), 7.6 (forwarding).
 */
#ifndef MR_HTTP_WRITE_H
#define MR_HTTP_WRITE_H

#include "http/message.h"

/* A field that the caller adds; text is borrowed. */
struct mr_http_extra {
	const char *name, *value;
	uint16_t name_bytes, value_bytes;
};

/* How a message is passed on; all zero is: as it came. */
struct mr_http_forward {
	const uint8_t *target;    /* requests: path and query to ask for; NULL: as received */
	const uint8_t *authority; /* requests: Host; NULL: the message's */
	uint16_t target_bytes, authority_bytes;
	const char *via;  /* our name, added to Via; NULL: none */
	const char *date; /* MR_HTTP_DATE_BYTES, for a response without Date; NULL: none */
	const struct mr_http_extra *extras;
	uint16_t extra_count;
	struct mr_http_field_set drop; /* field ids not to be copied */
	uint8_t client_minor;          /* responses: the version of who gets it: 0 or 1 */
	bool close;                    /* say that the connection ends after this message */
	bool upgrade;                  /* let a WebSocket upgrade, or a 101, pass */
	bool trailers;                 /* pass on TE: trailers and Trailer */
};

/* mr_http_write_request writes the head of a request, up to its empty line, and returns how the
 * content has to be sent: NO_BODY, LENGTH or CHUNKED. */
MR_NONNULL enum mr_http_framing mr_http_write_request(struct mr_writer *out,
						      const struct mr_http_message *message,
						      const uint8_t *bytes,
						      const struct mr_http_forward *how);

/* mr_http_write_response writes the head of a response and returns how its content has to be sent:
 * also CLOSE (to an HTTP/1.0 client, where the length is not known beforehand) or TUNNEL. */
MR_NONNULL enum mr_http_framing mr_http_write_response(struct mr_writer *out,
						       const struct mr_http_message *message,
						       const uint8_t *bytes,
						       const struct mr_http_forward *how);

/* mr_http_write_trailers writes the fields of a trailer section that may stand there, and its
 * end. */
MR_NONNULL void mr_http_write_trailers(struct mr_writer *out, const struct mr_http_message *message,
				       const uint8_t *bytes);

/* The parts, for messages of our own. Names and values are the caller's to know valid. */
MR_NONNULL void mr_http_put_status(struct mr_writer *out, uint16_t status);
MR_NONNULL void mr_http_put(struct mr_writer *out, const void *name, size_t name_bytes,
			    const void *value, size_t value_bytes);
MR_NONNULL void mr_http_put_field(struct mr_writer *out, enum mr_http_field_id id,
				  const void *value, size_t value_bytes);
MR_NONNULL void mr_http_put_number(struct mr_writer *out, enum mr_http_field_id id, uint64_t value);
MR_NONNULL void mr_http_put_end(struct mr_writer *out);

#endif
