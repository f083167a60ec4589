/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/ask - what a TCP client asks, and whether the stream that comes back answers it.
 *
 * Request `number` of a connection is a function of (tuple, number). HTTP: an object is chosen, and
 * the answer is right when its status, length and CRC32C are; an object whose content is not known
 * is learned from its first answer. DNS: a question is chosen, and its answer judged as over UDP
 * (match.h); answers may come in any order.
 *
 * Owner:  made on the control thread; learns on the generator core.
 * Thread: reads and answers on the generator core.
 * Memory: a buffer pool for heads and messages that a segment boundary cuts; 8 bytes an object.
 * Spec:   RFC 9112 (HTTP/1.1), RFC 1035 4.2.2 and RFC 7766 (DNS over TCP).
 */
#ifndef MILLGEN_ASK_H
#define MILLGEN_ASK_H

#include "conn.h"
#include "question.h"
#include "tally.h"

enum {
	GEN_ASK_MAX_BYTES = 1024,     /* of one request */
	GEN_ASK_PIPELINE_MAX = 32,    /* requests of one batch */
	GEN_ASK_PARTIALS = 4096,      /* cut heads or messages at a time */
	GEN_ASK_PARTIAL_BYTES = 4094, /* of a head or message that is cut */
	GEN_ASK_OVERRUN_BYTES = 64,   /* that writing may touch behind a request */
};

/* X(name, class, help): add, never rename. What ends a request, a connection, or is told of
 * segments. */
#define GEN_TCP_VERDICTS(X)                                                                    \
	X(ok, RIGHT, "answered rightly, and closed as agreed where a close was due")           \
	X(truncated, RIGHT, "answered rightly, with TC set")                                   \
	X(wrong_status, WRONG, "answered with another status or RCODE than expected")          \
	X(wrong_length, WRONG, "the body has another length than this object's")               \
	X(wrong_body, WRONG, "the body (or record) is another than this object's (name's)")    \
	X(wrong_question, WRONG, "a message with another question than was asked")             \
	X(malformed, WRONG, "what came is no answer of the protocol")                          \
	X(closed_early, WRONG, "the server closed before the answer was whole")                \
	X(reset, WRONG, "the server reset the connection")                                     \
	X(refused, WRONG, "the server refused the connection")                                 \
	X(not_closed, WRONG, "answered, but the close was not completed in time")              \
	X(no_answer, NOTE, "given up at the time limit (these are missing)")                   \
	X(unasked, FOREIGN, "bytes that no request asked for")                                 \
	X(checksum, FOREIGN, "a segment with a bad IP or TCP checksum")                        \
	X(bad_header, FOREIGN, "a segment whose lengths or options do not hold")               \
	X(bad_ack, FOREIGN, "a segment that acknowledges what was never sent")                 \
	X(beyond_window, FOREIGN, "data behind the window that was offered")                   \
	X(bad_reset, FOREIGN, "a reset with a wrong sequence number")                          \
	X(stray, NOTE, "a segment of no open connection")                                      \
	X(late_fin, NOTE, "a FIN sent again to a connection in TIME-WAIT, acknowledged again") \
	X(old_segment, NOTE, "data that had come already")                                     \
	X(reordered, NOTE, "data that came before its turn (not kept; asked for again)")       \
	X(paws, NOTE, "a segment with an old timestamp")                                       \
	X(syn_again, NOTE, "SYNs sent again")                                                  \
	X(data_again, NOTE, "requests sent again")                                             \
	X(fin_again, NOTE, "FINs sent again")                                                  \
	X(opened, NOTE, "connections begun")                                                   \
	X(established, NOTE, "handshakes done")                                                \
	X(closed, NOTE, "connections closed by both sides")                                    \
	X(peer_closed, NOTE, "connections that the server ended, idle or slow ones")           \
	X(no_tuple, NOTE, "turns without an address and port that had rested long enough")     \
	X(no_slot, NOTE, "tuples passed over: an older connection was still there")            \
	X(no_room, NOTE, "segments that found no buffer (sent again later)")                   \
	X(flood_sent, NOTE, "SYNs of the flood beside the load")                               \
	X(flood_answered, NOTE, "segments that came back to where the flood came from")        \
	X(overflow, NOTE, "frames dropped because the port took no more, of flood and load")   \
	X(other, NOTE, "a frame that is no TCP segment to a client")

enum gen_tcp_verdict {
#define GEN_TCP_VERDICT_ID(name, class, help) GEN_TCP_##name,
	GEN_TCP_VERDICTS(GEN_TCP_VERDICT_ID)
#undef GEN_TCP_VERDICT_ID
		GEN_TCP_VERDICT_COUNT
};

extern const struct gen_verdict_table gen_tcp_verdicts;

enum gen_ask_kind { GEN_ASK_NONE, GEN_ASK_HTTP, GEN_ASK_DNS };

#define GEN_OBJECT_UNKNOWN 0x80000000u

/* What an object's body is. */
struct gen_object {
	uint32_t bytes; /* GEN_OBJECT_UNKNOWN; with its bit set: the CRC is not known yet */
	uint32_t crc;
};

/* A gathered head or message. */
struct gen_partial {
	uint16_t bytes;
	uint8_t data[GEN_ASK_PARTIAL_BYTES];
};

struct gen_http_options {
	const char *path; /* with %u: the object's number */
	const char *host;
	uint32_t objects;
	uint16_t status;      /* that is right */
	uint16_t least_bytes; /* of a request */
	const char *body;     /* file with the right body, %u in its name as in path; NULL: learn */
};

struct gen_match;

struct gen_ask {
	/* const during a run */
	enum gen_ask_kind kind;
	uint32_t per_connection; /* requests; 0: without end */
	uint8_t pipeline;
	bool client_closes; /* else the last request asks the server to */
	uint64_t seed;
	struct gen_chooser chooser;
	/* HTTP: head, number, tail; one tail asks for the close */
	uint8_t head[GEN_ASK_MAX_BYTES], tails[2][GEN_ASK_MAX_BYTES];
	uint16_t head_bytes, tail_bytes[2];
	bool numbered; /* the path has a number in it */
	uint16_t status;
	/* DNS */
	struct gen_match *match;
	/* owner: the generator core */
	struct gen_object *objects;
	struct gen_partial *partials;
	uint32_t *partial_free; /* a stack of those */
	uint32_t partial_count;
	uint64_t rcodes[16];
};

/* gen_ask_http makes an asker of HTTP requests; the chooser is made already. */
MR_MUST_USE int gen_ask_http(struct gen_ask *self, const struct gen_http_options *options,
			     struct mr_error *error);
/* gen_ask_dns makes an asker of DNS queries; match and the chooser are made already. */
MR_MUST_USE int gen_ask_dns(struct gen_ask *self, struct mr_error *error);
void gen_ask_free(struct gen_ask *self);

/* gen_ask_object returns what request `number` of a connection is about. */
static inline uint32_t
gen_ask_object(const struct gen_ask *self, uint32_t tuple, uint32_t number)
{
	uint64_t random = gen_mix(((uint64_t)tuple << 32 | number) ^ self->seed);

	if (self->chooser.count == 1)
		return 0;
	return gen_chooser_at(&self->chooser, (uint64_t)tuple + number, (uint32_t)(random >> 32));
}

/* gen_ask_bytes and gen_ask_write return the length of a request, and write it. */
uint16_t gen_ask_bytes(const struct gen_ask *self, uint32_t tuple, uint32_t number);
uint16_t gen_ask_write(const struct gen_ask *self, uint32_t tuple, uint32_t number, uint8_t *out);

/* What a piece of the stream brought. */
struct gen_bite {
	uint32_t bytes; /* eaten; less than there were when an answer ended in them */
	bool done;      /* an answer ended */
	uint8_t index;  /* done: which of the outstanding, from the oldest */
	enum gen_tcp_verdict verdict;
	bool broken; /* the stream cannot be read on; verdict says why */
};

/* gen_ask_eat reads the next bytes of a connection's stream. Requests are outstanding. */
MR_HOT struct gen_bite gen_ask_eat(struct gen_ask *self, struct gen_conn *conn,
				   const uint8_t *bytes, uint32_t byte_count);

/* gen_ask_end says what the end of the stream means for the oldest outstanding request. */
struct gen_bite gen_ask_end(struct gen_ask *self, struct gen_conn *conn);

/* gen_ask_drop gives back what a connection that ends still holds. */
void gen_ask_drop(struct gen_ask *self, struct gen_conn *conn);

/* For the two kinds: gen_partial_add gathers up to byte_count bytes; it returns the buffer, or NULL
 * when there is none or it is full. */
struct gen_partial *gen_partial_add(struct gen_ask *self, struct gen_conn *conn,
				    const uint8_t *bytes, uint32_t byte_count);

#endif
