/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/client_slow - clients that behave badly on purpose, for a server to bear or to shed.
 *
 * Each connection is looked at every again_ms, by its timer. A connection that the server ends is
 * not opened again; what is open at the end is told.
 */
#include "client_int.h"

enum {
	SLOW_HOLES = 7,        /* single bytes sent out of order in one look, fewer than its room */
	SLOW_READ_BYTES = 256, /* that a slow reader's window opens by */
	SLOW_RESETS = 4,
	SLOW_SACKS = 7,           /* segments of three blocks in one look */
	SLOW_SACK_SPAN = 4 * 536, /* they lie in so many bytes, which any first window has */
	SLOW_FLOOD_PORT = 1024,
	SLOW_FLOOD_PORTS = 0x7fff,
};

#define SLOW_NAME(name, help) #name,
static const char *const slow_names[] = { "", GEN_SLOW_VARIANTS(SLOW_NAME) };

enum gen_slow
gen_slow_read(const char *text)
{
	for (unsigned i = 1; text && i < MR_ARRAY_COUNT(slow_names); i++) {
		const char *name = slow_names[i], *at = text;

		for (; *name && (*name == *at || (*name == '_' && *at == '-')); name++)
			at++;
		if (!*name && !*at)
			return (enum gen_slow)i;
	}
	return GEN_SLOW_none;
}

uint16_t
client_slow_window(const struct gen_client *self, const struct gen_conn *conn)
{
	if (conn->state < GEN_ESTABLISHED)
		return self->window;
	switch (self->options.slow) {
	case GEN_SLOW_zero_window:
		return 0;
	case GEN_SLOW_slow_reader:
		return (uint16_t)(SLOW_READ_BYTES >> self->options.segment.window_scale);
	case GEN_SLOW_none:
	case GEN_SLOW_idle:
	case GEN_SLOW_slowloris:
	case GEN_SLOW_ooo_bomb:
	case GEN_SLOW_sack_bomb:
	case GEN_SLOW_rst_inject:
		break;
	}
	return self->window;
}

/* slow_byte sends one byte of the request, `offset` bytes behind what was sent in order. */
static void
slow_byte(struct gen_client *self, struct gen_conn *conn, uint32_t offset)
{
	uint16_t mss = conn->mss;
	uint32_t next = conn->snd_nxt;

	conn->mss = 1;
	client_send_batch(self, conn, next + offset, 1);
	conn->mss = mss;
	if (offset) /* nothing of it is in order */
		conn->snd_nxt = next;
}

void
client_slow_established(struct gen_client *self, struct gen_conn *conn)
{
	conn->flags |= GEN_CONN_HELD;
	client_count(self, conn, GEN_TCP_ok, 1); /* the unit is the connection */
	client_owe(self, conn);
	if (self->options.slow == GEN_SLOW_zero_window ||
	    self->options.slow == GEN_SLOW_slow_reader || self->options.slow == GEN_SLOW_sack_bomb)
		client_send_batch(self, conn, conn->snd_nxt, 1);
	client_arm(self, conn, self->options.again_ms, true);
}

/* slow_sack says that three single bytes came, with holes between them, and what is before them did
 * not: RFC 2018 3. Each makes the sender's board finer. */
static void
slow_sack(struct gen_client *self, struct gen_conn *conn)
{
	uint8_t blocks[GEN_SACK_BYTES];

	for (uint8_t *at = blocks; at < blocks + sizeof(blocks); at += 8) {
		uint32_t left = conn->rcv_nxt + 1 + (conn->retries++ * 2u) % SLOW_SACK_SPAN;

		mr_store_be32(at, left);
		mr_store_be32(at + 4, left + 1);
	}
	client_emit_sack(self, conn, blocks);
}

void
client_slow_look(struct gen_client *self, struct gen_conn *conn)
{
	uint32_t bytes = gen_ask_bytes(&self->ask, conn->tuple, conn->ask_done);
	uint32_t sent = conn->snd_nxt - conn->ask_seq;

	switch (self->options.slow) {
	case GEN_SLOW_slowloris:
		if (sent + 1 < bytes) /* never the last byte */
			slow_byte(self, conn, 0);
		break;
	case GEN_SLOW_ooo_bomb:
		/* Every other byte, behind one that never comes. */
		for (uint32_t i = 0; i < SLOW_HOLES; i++)
			slow_byte(self, conn, 1 + (conn->retries++ * 2u) % (bytes - 1));
		break;
	case GEN_SLOW_sack_bomb:
		if (conn->snd_una != conn->snd_nxt)
			client_send_batch(self, conn, conn->snd_una, 1);
		for (uint32_t i = 0; i < SLOW_SACKS; i++)
			slow_sack(self, conn);
		break;
	case GEN_SLOW_slow_reader:
	case GEN_SLOW_zero_window:
		if (conn->snd_una != conn->snd_nxt)
			client_send_batch(self, conn, conn->snd_una, 1);
		else if (self->options.slow == GEN_SLOW_slow_reader)
			client_emit(self, conn, GEN_ACK, conn->snd_nxt);
		break;
	case GEN_SLOW_rst_inject:
		/* In the window, and none the next sequence number: RFC 5961 3.2. */
		for (uint32_t i = 0; i < SLOW_RESETS; i++)
			client_emit(self, conn, GEN_RST, conn->snd_nxt + 1 + i * 1000);
		break;
	case GEN_SLOW_none:
	case GEN_SLOW_idle:
		break;
	}
	client_arm(self, conn, self->options.again_ms, true);
}

/* ---- a flood of SYNs: no state at all ---- */

void
gen_client_flood(struct gen_client *self)
{
	uint32_t tuple = self->tuples.next;
	struct gen_tuple_parts parts = gen_tuple_parts(&self->tuples, tuple);

	client_note(self, GEN_TCP_opened);
	client_syn(self, &parts, (uint32_t)gen_mix(tuple ^ self->options.seed));
	gen_tuple_pass(&self->tuples);
}

void
gen_client_flood_beside(struct gen_client *self, uint64_t n)
{
	uint64_t drawn = gen_mix(n ^ self->options.seed);
	struct gen_tuple_parts parts = {
		.way = (uint32_t)(n % self->tuples.way_count),
		.client = self->tuples.client_count + (drawn & UINT16_MAX),
		.port = (uint16_t)(SLOW_FLOOD_PORT + (drawn >> 16 & SLOW_FLOOD_PORTS)),
	};

	client_note(self, GEN_TCP_flood_sent);
	client_syn(self, &parts, (uint32_t)(drawn >> 32));
}

void
client_flooded(struct gen_client *self, const struct gen_segment *in)
{
	uint32_t iss = (uint32_t)gen_mix(in->tuple ^ self->options.seed);

	if (!(in->flags & GEN_ACK) || in->ack != iss + 1) {
		client_note(self, GEN_TCP_bad_ack);
		return;
	}
	if (self->now_tsc < self->measure_tsc)
		return;
	client_note(self, in->flags & GEN_RST   ? GEN_TCP_refused
			  : in->flags & GEN_SYN ? GEN_TCP_ok
						: GEN_TCP_stray);
}
