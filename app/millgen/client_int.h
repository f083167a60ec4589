/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/client_int - what the parts of the client share: sending, timers, ends.
 *
 * Owner, thread and memory are those of client.h. In short:
 * Owner: the generator core. Thread: that. Memory: none of its own.
 */
#ifndef MILLGEN_CLIENT_INT_H
#define MILLGEN_CLIENT_INT_H

#include "client.h"

enum { CLIENT_RTO_FIRST = 20 }; /* units of 50 ms: 1 s, RFC 6298 2.1 */

/* client_count counts a unit's verdict, when the unit counts; client_note what is no unit's. */
static inline void
client_count(struct gen_client *self, const struct gen_conn *conn, enum gen_tcp_verdict verdict,
	     uint64_t n)
{
	if (conn->intended_tsc >= self->measure_tsc)
		gen_tally_add(&self->tally->verdicts[verdict], n);
}

static inline void
client_note(struct gen_client *self, enum gen_tcp_verdict verdict)
{
	gen_tally_add(&self->tally->verdicts[verdict], 1);
}

static inline uint32_t
client_slot(const struct gen_client *self, const struct gen_conn *conn)
{
	return (uint32_t)(conn - self->conns);
}

/* client_state is the one place that moves a connection on, and the counts of each state. */
static inline void
client_state(struct gen_client *self, struct gen_conn *conn, enum gen_conn_state state)
{
	self->open_count += (state != GEN_CLOSED) - (conn->state != GEN_CLOSED);
	self->handshakes += (state == GEN_SYN_SENT) - (conn->state == GEN_SYN_SENT);
	self->held_count += (state == GEN_ESTABLISHED) - (conn->state == GEN_ESTABLISHED);
	conn->state = (uint8_t)state;
}

/* ---- client_send.c ---- */

/* client_emit sends one segment without payload, with what is acknowledged so far. */
void client_emit(struct gen_client *self, struct gen_conn *conn, uint8_t flags, uint32_t seq);

/* client_emit_sack sends an ACK with three SACK blocks, big-endian edges. */
void client_emit_sack(struct gen_client *self, struct gen_conn *conn,
		      const uint8_t blocks[GEN_SACK_BYTES]);
/* client_send_batch sends the outstanding requests from sequence number `from` on, at most
 * segment_limit segments. */
void client_send_batch(struct gen_client *self, struct gen_conn *conn, uint32_t from,
		       unsigned segment_limit);
/* client_reply sends a segment that no connection stands behind. */
void client_reply(struct gen_client *self, const struct gen_segment *to, uint8_t flags,
		  uint32_t seq, uint32_t ack);
/* client_owe makes conn acknowledge at the end of the burst, at the latest. */
void client_owe(struct gen_client *self, struct gen_conn *conn);

/* client_syn sends a SYN that no connection stands behind. */
void client_syn(struct gen_client *self, const struct gen_tuple_parts *parts, uint32_t iss);

/* ---- client_slow.c ---- */

/* client_slow_established begins a connection's bad behaviour, client_slow_look goes on with it,
 * client_slow_window is what it offers. client_flooded takes the answer to a SYN of a flood. */
void client_slow_established(struct gen_client *self, struct gen_conn *conn);
void client_slow_look(struct gen_client *self, struct gen_conn *conn);
uint16_t client_slow_window(const struct gen_client *self, const struct gen_conn *conn);
void client_flooded(struct gen_client *self, const struct gen_segment *in);

/* ---- client_timer.c ---- */

/* client_arm lays the time of the next look at conn. far: it may be idle until then. */
void client_arm(struct gen_client *self, struct gen_conn *conn, uint32_t delay_ms, bool far);
/* client_arm_sent arms for what was just sent. */
void client_arm_sent(struct gen_client *self, struct gen_conn *conn);

/* ---- client.c ---- */

/* client_batch sends a batch that was meant to leave at intended_tsc. */
void client_batch(struct gen_client *self, struct gen_conn *conn, uint64_t intended_tsc,
		  uint8_t batch);
/* client_idle decides what a connection does on which nothing is outstanding. */
void client_idle(struct gen_client *self, struct gen_conn *conn);
/* client_data reads the stream on; false when the connection is no more. */
bool client_data(struct gen_client *self, struct gen_conn *conn, const uint8_t *bytes,
		 uint32_t byte_count);
/* client_fin takes the server's FIN, in its turn. */
void client_fin(struct gen_client *self, struct gen_conn *conn);
/* client_end ends a connection; verdict is that of what was outstanding (GEN_TCP_closed: both
 * sides closed). */
void client_end(struct gen_client *self, struct gen_conn *conn, enum gen_tcp_verdict verdict);
/* client_abort sends a RST and ends it. */
void client_abort(struct gen_client *self, struct gen_conn *conn, enum gen_tcp_verdict verdict);

#endif
