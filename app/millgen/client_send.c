/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/client_send - segments of a connection.
 */
#include <string.h>

#include "client_int.h"

/* client_frame returns the next frame's buffer, or NULL. */
static inline uint8_t *
client_frame(struct gen_client *self)
{
	struct gen_out *out = self->out;

	if (mr_unlikely(out->count == out->room)) {
		client_note(self, GEN_TCP_no_room);
		return NULL;
	}
	return out->frames[out->count];
}

static inline void
client_fill(const struct gen_client *self, struct gen_conn *conn, uint8_t flags, uint32_t seq,
	    struct gen_segment_out *out)
{
	*out = (struct gen_segment_out){ .tuple = conn->tuple,
					 .seq = seq,
					 .ack = flags & GEN_ACK ? conn->rcv_nxt : 0,
					 .ts_val = self->ts_base + self->now_ms,
					 .ts_ecr = conn->ts_recent,
					 .window = mr_likely(!self->options.slow)
							   ? self->window
							   : client_slow_window(self, conn),
					 .flags = flags,
					 .shape = flags & GEN_SYN ? GEN_SHAPE_SYN
						  : conn->flags & GEN_CONN_TIMESTAMPS
							  ? GEN_SHAPE_TIMESTAMP
							  : GEN_SHAPE_PLAIN };
	if (flags & GEN_SYN) /* a SYN's window is not scaled */
		out->window = (uint16_t)MR_MIN(self->options.window_bytes, (uint32_t)UINT16_MAX);
	conn->flags &= (uint8_t)~GEN_CONN_ACK_DUE;
}

void
client_emit(struct gen_client *self, struct gen_conn *conn, uint8_t flags, uint32_t seq)
{
	struct gen_tuple_parts parts = gen_tuple_parts(&self->tuples, conn->tuple);
	uint8_t *frame = client_frame(self);
	struct gen_segment_out out;

	if (!frame)
		return;
	client_fill(self, conn, flags, seq, &out);
	self->out->bytes[self->out->count++] =
		gen_segment_build(&self->templates, &self->tuples, &parts, frame, &out, 0);
}

void
client_emit_sack(struct gen_client *self, struct gen_conn *conn,
		 const uint8_t blocks[GEN_SACK_BYTES])
{
	struct gen_tuple_parts parts = gen_tuple_parts(&self->tuples, conn->tuple);
	uint8_t *frame = client_frame(self);
	struct gen_segment_out out;

	if (!frame)
		return;
	client_fill(self, conn, GEN_ACK, conn->snd_nxt, &out);
	out.shape = GEN_SHAPE_SACK;
	memcpy(frame + gen_segment_room(&self->templates, parts.way, out.shape), blocks,
	       GEN_SACK_BYTES);
	self->out->bytes[self->out->count++] =
		gen_segment_build(&self->templates, &self->tuples, &parts, frame, &out,
				  GEN_SACK_BYTES);
}

/* client_stream writes up to room_bytes of the outstanding requests, from `offset` bytes behind the
 * oldest one's begin, and returns how many it wrote. */
static uint32_t
client_stream(const struct gen_client *self, const struct gen_conn *conn, uint32_t offset,
	      uint8_t *out, uint32_t room_bytes)
{
	uint8_t whole[GEN_ASK_MAX_BYTES + GEN_ASK_OVERRUN_BYTES];
	uint32_t written = 0, number = conn->ask_done;
	uint8_t pipeline = self->ask.pipeline;
	unsigned count = pipeline == 1 ? 1 : conn->batch - number % pipeline;

	for (; count && written < room_bytes; count--, number++) {
		uint32_t bytes = gen_ask_bytes(&self->ask, conn->tuple, number), piece;

		if (offset >= bytes) {
			offset -= bytes;
			continue;
		}
		if (mr_likely(!offset && bytes <= room_bytes - written)) {
			written += gen_ask_write(&self->ask, conn->tuple, number, out + written);
			continue;
		}
		gen_ask_write(&self->ask, conn->tuple, number, whole);
		piece = MR_MIN(bytes - offset, room_bytes - written);
		memcpy(out + written, whole + offset, piece);
		written += piece;
		offset = 0;
	}
	return written;
}

void
client_send_batch(struct gen_client *self, struct gen_conn *conn, uint32_t from,
		  unsigned segment_limit)
{
	struct gen_tuple_parts parts = gen_tuple_parts(&self->tuples, conn->tuple);
	enum gen_segment_shape shape =
		conn->flags & GEN_CONN_TIMESTAMPS ? GEN_SHAPE_TIMESTAMP : GEN_SHAPE_PLAIN;
	uint16_t header_bytes = gen_segment_room(&self->templates, parts.way, shape);
	uint32_t window = (uint32_t)conn->snd_wnd << conn->window_scale;

	for (unsigned i = 0; i < segment_limit; i++) {
		uint32_t flight = from - conn->snd_una, bytes;
		/* A closed window is probed by a byte, whenever the timer comes (RFC 9293 3.8.6.1).
		 */
		uint32_t open = window > flight ? window - flight : conn->retries && !flight;
		uint32_t room = MR_MIN((uint32_t)conn->mss, open);
		struct gen_segment_out out;
		uint8_t *frame;

		if (!room)
			return;
		frame = client_frame(self);
		if (!frame)
			return;
		bytes = client_stream(self, conn, from - conn->ask_seq, frame + header_bytes, room);
		if (!bytes)
			return;
		client_fill(self, conn, GEN_ACK | GEN_PSH, from, &out);
		self->out->bytes[self->out->count++] =
			gen_segment_build(&self->templates, &self->tuples, &parts, frame, &out,
					  (uint16_t)bytes);
		from += bytes;
		if ((int32_t)(from - conn->snd_nxt) > 0)
			conn->snd_nxt = from;
	}
}

void
client_reply(struct gen_client *self, const struct gen_segment *to, uint8_t flags, uint32_t seq,
	     uint32_t ack)
{
	struct gen_tuple_parts parts = gen_tuple_parts(&self->tuples, to->tuple);
	struct gen_segment_out out = { .tuple = to->tuple,
				       .seq = seq,
				       .ack = ack,
				       .ts_val = self->ts_base + self->now_ms,
				       .ts_ecr = to->ts_val,
				       .window = flags & GEN_RST ? 0 : self->window,
				       .flags = flags,
				       .shape = to->has_timestamps ? GEN_SHAPE_TIMESTAMP
								   : GEN_SHAPE_PLAIN };
	uint8_t *frame = client_frame(self);

	if (frame)
		self->out->bytes[self->out->count++] =
			gen_segment_build(&self->templates, &self->tuples, &parts, frame, &out, 0);
}

void
client_syn(struct gen_client *self, const struct gen_tuple_parts *parts, uint32_t iss)
{
	struct gen_segment_out out = { .seq = iss,
				       .ts_val = self->ts_base + self->now_ms,
				       .window = UINT16_MAX,
				       .flags = GEN_SYN,
				       .shape = GEN_SHAPE_SYN };
	uint8_t *frame = client_frame(self);

	if (frame)
		self->out->bytes[self->out->count++] =
			gen_segment_build(&self->templates, &self->tuples, parts, frame, &out, 0);
}

void
client_owe(struct gen_client *self, struct gen_conn *conn)
{
	if (conn->flags & GEN_CONN_ACK_DUE)
		return;
	if (mr_unlikely(self->due_count == MR_ARRAY_COUNT(self->due)))
		gen_client_flush(self);
	conn->flags |= GEN_CONN_ACK_DUE;
	self->due[self->due_count++] = client_slot(self, conn);
}

void
gen_client_flush(struct gen_client *self)
{
	for (uint32_t i = 0; i < self->due_count; i++) {
		struct gen_conn *conn = &self->conns[self->due[i]];

		if ((conn->flags & GEN_CONN_ACK_DUE) && conn->state > GEN_SYN_SENT)
			client_emit(self, conn, GEN_ACK, conn->snd_nxt);
	}
	self->due_count = 0;
}
