/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/client - the life of a connection: its beginning, its answers, its end.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "client_int.h"

enum {
	CLIENT_OPEN_TRIES = 256, /* tuples passed over in one search */
	CLIENT_HUGE_BYTES = 2 << 20,
	CLIENT_IDLE_ASKS = 2, /* of a held connection that does not go on */
};

static inline size_t
client_table_bytes(const struct gen_client *self)
{
	return mr_round_up(((size_t)self->slot_mask + 1) * sizeof(*self->conns), CLIENT_HUGE_BYTES);
}

int
gen_client_create(struct gen_client *self, uint64_t tsc_hz, uint64_t now_tsc,
		  struct mr_error *error)
{
	const struct gen_client_options *options = &self->options;

	MR_ASSERT(options->slot_bits >= GEN_CLIENT_SLOT_BITS_MIN &&
		  options->slot_bits <= GEN_CLIENT_SLOT_BITS_MAX);
	self->slot_mask = (uint32_t)((1ull << options->slot_bits) - 1);
	self->tsc_hz = tsc_hz;
	self->ms_per_cycle_q64 = (uint64_t)(1e3 / (double)tsc_hz * 0x1p64);
	self->ns_per_cycle_q32 = (uint64_t)(1e9 / (double)tsc_hz * 0x1p32);
	self->window = (uint16_t)MR_MIN(options->window_bytes >> options->segment.window_scale,
					(uint32_t)UINT16_MAX);
	self->conns = mmap(NULL, client_table_bytes(self), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	self->ready = calloc((size_t)self->slot_mask + 1, sizeof(*self->ready));
	if (self->conns == MAP_FAILED || !self->ready) {
		self->conns = NULL;
		return mr_error_set(error, -ENOMEM, "no memory for %u connections",
				    self->slot_mask + 1);
	}
	/* Where the kernel has large pages to give, a connection costs no TLB miss. */
	(void)madvise(self->conns, client_table_bytes(self), MADV_HUGEPAGE);
	/* And none is looked for, and cleared, while a schedule runs. */
	(void)madvise(self->conns, client_table_bytes(self), MADV_POPULATE_WRITE);
	self->base_tsc = now_tsc;
	self->ts_base = (uint32_t)(((__uint128_t)now_tsc * self->ms_per_cycle_q64) >> 64);
	gen_client_time(self, now_tsc);
	return 0;
}

void
gen_client_destroy(struct gen_client *self)
{
	if (self->conns)
		munmap(self->conns, client_table_bytes(self));
	free(self->ready);
	self->conns = NULL;
	self->ready = NULL;
	gen_tuples_free(&self->tuples);
	gen_ask_free(&self->ask);
}

uint32_t
gen_client_iss(const struct gen_client *self, uint32_t tuple)
{
	/* RFC 6528: a keyed hash of the 4-tuple, and a clock of 4 us. */
	return (uint32_t)gen_mix(tuple ^ self->options.seed) + (self->ts_base + self->now_ms) * 250;
}

/* ---- how a connection ends ---- */

void
client_end(struct gen_client *self, struct gen_conn *conn, enum gen_tcp_verdict verdict)
{
	if (conn->open && (!self->options.slow || conn->state == GEN_SYN_SENT))
		client_count(self, conn, verdict == GEN_TCP_closed ? GEN_TCP_closed_early : verdict,
			     conn->open);
	if (conn->flags & GEN_CONN_LAST_RIGHT)
		client_count(self, conn,
			     verdict == GEN_TCP_closed  ? GEN_TCP_ok
			     : verdict == GEN_TCP_reset ? GEN_TCP_reset
							: GEN_TCP_not_closed,
			     1);
	if (verdict == GEN_TCP_closed)
		client_note(self, GEN_TCP_closed);
	if (mr_unlikely(self->options.slow) && verdict == GEN_TCP_reset)
		client_note(self, GEN_TCP_peer_closed);
	gen_tuple_close(&self->tuples, conn->tuple, self->now_ms);
	gen_ask_drop(&self->ask, conn);
	client_state(self, conn, GEN_CLOSED);
	conn->open = 0;
	conn->deadline_ms = 0;
	conn->ts_recent = self->now_ms;
	conn->flags &= GEN_CONN_LINKED | GEN_CONN_READY;
}

void
client_abort(struct gen_client *self, struct gen_conn *conn, enum gen_tcp_verdict verdict)
{
	client_emit(self, conn, GEN_RST | GEN_ACK, conn->snd_nxt);
	client_end(self, conn, verdict);
}

/* client_close sends our FIN from a connection on which all is answered. */
static void
client_close(struct gen_client *self, struct gen_conn *conn, enum gen_conn_state state)
{
	client_emit(self, conn, GEN_FIN | GEN_ACK, conn->snd_nxt);
	conn->snd_nxt++;
	conn->retries = 0;
	client_state(self, conn, state);
	client_arm_sent(self, conn);
}

/* ---- how it begins ---- */

bool
gen_client_can_open(struct gen_client *self)
{
	struct gen_tuples *tuples = &self->tuples;

	for (unsigned i = 0; i < CLIENT_OPEN_TRIES; i++, gen_tuple_pass(tuples)) {
		const struct gen_conn *conn = &self->conns[tuples->next & self->slot_mask];

		if (!gen_tuple_ready(tuples, self->now_ms)) {
			client_note(self, GEN_TCP_no_tuple);
			return false;
		}
		if (mr_unlikely(conn->state != GEN_CLOSED)) {
			client_note(self, GEN_TCP_no_slot);
			continue;
		}
		/* This very tuple, and closed after its block was entered. */
		if (mr_unlikely(conn->tuple == tuples->next && conn->ts_recent &&
				self->now_ms - conn->ts_recent < tuples->time_wait_ms))
			continue;
		return true;
	}
	client_note(self, GEN_TCP_no_tuple);
	return false;
}

void
gen_client_open(struct gen_client *self, uint64_t intended_tsc, uint8_t batch)
{
	uint32_t tuple = self->tuples.next, iss = gen_client_iss(self, tuple);
	struct gen_conn *conn = &self->conns[tuple & self->slot_mask];

	gen_tuple_pass(&self->tuples);
	*conn = (struct gen_conn){
		.intended_tsc = intended_tsc,
		.tuple = tuple,
		.snd_una = iss,
		.snd_nxt = iss + 1,
		.ask_seq = iss + 1,
		.timer_next = conn->timer_next,
		.flags = conn->flags & (GEN_CONN_LINKED | GEN_CONN_READY),
		.rto_50ms = CLIENT_RTO_FIRST,
		.batch = batch,
		.open = batch,
	};
	client_state(self, conn, GEN_SYN_SENT);
	client_note(self, GEN_TCP_opened);
	client_emit(self, conn, GEN_SYN, iss);
	client_arm_sent(self, conn);
}

void
client_batch(struct gen_client *self, struct gen_conn *conn, uint64_t intended_tsc, uint8_t batch)
{
	conn->intended_tsc = intended_tsc;
	conn->batch = conn->open = batch;
	conn->retries = 0;
	client_send_batch(self, conn, conn->snd_nxt, GEN_CLIENT_OUT_PER_INPUT - 1);
	client_arm_sent(self, conn);
}

bool
gen_client_ask(struct gen_client *self, uint64_t intended_tsc, uint8_t batch)
{
	while (self->ready_count) {
		struct gen_conn *conn = &self->conns[self->ready[self->ready_first]];

		self->ready_first = (self->ready_first + 1) & self->slot_mask;
		self->ready_count--;
		conn->flags &= (uint8_t)~GEN_CONN_READY;
		if (mr_unlikely(conn->state != GEN_ESTABLISHED || conn->open ||
				(conn->flags & GEN_CONN_SERVER_CLOSES)))
			continue; /* closed since it was put here */
		client_batch(self, conn, intended_tsc, batch);
		return true;
	}
	return false;
}

/* client_active says whether a held connection is one of those that go on asking. */
static inline bool
client_active(const struct gen_client *self, const struct gen_conn *conn)
{
	return (gen_mix(conn->tuple + self->options.seed) >> 32) * 1000000 >> 32 <
	       self->options.active_ppm;
}

/* client_idle decides what a connection does on which nothing is outstanding. */
void
client_idle(struct gen_client *self, struct gen_conn *conn)
{
	conn->deadline_ms = 0;
	if (self->ask.per_connection && conn->ask_done == self->ask.per_connection) {
		if (self->ask.client_closes)
			client_close(self, conn, GEN_FIN_WAIT_1);
		else
			client_arm(self, conn, self->options.timeout_ms, false);
	} else if (conn->flags & GEN_CONN_SERVER_CLOSES) {
		client_arm(self, conn, self->options.timeout_ms, false);
	} else if (self->options.again_ms) {
		conn->flags |= GEN_CONN_HELD;
		if (conn->ask_done < CLIENT_IDLE_ASKS || client_active(self, conn))
			client_arm(self, conn, self->options.again_ms, true);
	} else if (!(conn->flags & GEN_CONN_READY)) {
		conn->flags |= GEN_CONN_READY;
		self->ready[(self->ready_first + self->ready_count++) & self->slot_mask] =
			client_slot(self, conn);
	}
}

/* ---- answers ---- */

/* client_answered takes the answer to one of the outstanding requests. */
static void
client_answered(struct gen_client *self, struct gen_conn *conn, const struct gen_bite *bite)
{
	bool right = bite->verdict == GEN_TCP_ok || bite->verdict == GEN_TCP_truncated, last;

	if (conn->intended_tsc >= self->measure_tsc) {
		uint64_t cycles =
			self->now_tsc > conn->intended_tsc ? self->now_tsc - conn->intended_tsc : 0;

		mr_histogram_record(&self->tally->latency,
				    (uint64_t)(((__uint128_t)cycles * self->ns_per_cycle_q32) >>
					       32),
				    1);
	}
	conn->open--;
	if (mr_likely(self->ask.kind != GEN_ASK_DNS)) {
		conn->ask_seq += gen_ask_bytes(&self->ask, conn->tuple, conn->ask_done);
		conn->ask_done++;
	} else {
		/* `left` has a bit for each request after the oldest that is answered already. */
		conn->left |= 1u << bite->index;
		for (; conn->left & 1; conn->left >>= 1) {
			conn->ask_seq += gen_ask_bytes(&self->ask, conn->tuple, conn->ask_done);
			conn->ask_done++;
		}
	}
	last = !conn->open && conn->ask_done == self->ask.per_connection;
	if (last && right)
		conn->flags |= GEN_CONN_LAST_RIGHT;
	else if (mr_likely(!self->options.slow))
		client_count(self, conn, bite->verdict, 1);
	if (!conn->open)
		client_idle(self, conn);
}

bool
client_data(struct gen_client *self, struct gen_conn *conn, const uint8_t *bytes,
	    uint32_t byte_count)
{
	while (byte_count) {
		struct gen_bite bite;

		if (mr_unlikely(!conn->open || conn->state != GEN_ESTABLISHED)) {
			client_note(self, GEN_TCP_unasked);
			return true;
		}
		bite = gen_ask_eat(&self->ask, conn, bytes, byte_count);
		if (mr_unlikely(bite.broken)) {
			client_abort(self, conn, bite.verdict);
			return false;
		}
		bytes += bite.bytes;
		byte_count -= bite.bytes;
		if (bite.done)
			client_answered(self, conn, &bite);
	}
	return true;
}

/* client_idled records how punctually the server has closed a connection that did not ask. Early is
 * more than a ms and what two clocks may differ by: the counter's frequency is known to 0.2 %. */
static void
client_idled(struct gen_client *self, const struct gen_conn *conn)
{
	uint64_t cycles = self->now_tsc - MR_MIN(conn->intended_tsc, self->now_tsc);
	uint64_t ns = (uint64_t)(((__uint128_t)cycles * self->ns_per_cycle_q32) >> 32);

	if (!self->options.idle_ns)
		return;
	if (ns + ns / 500 + MR_NS_PER_MS < self->options.idle_ns)
		gen_tally_add(&self->tally->idle_early, 1);
	else
		mr_histogram_record(&self->tally->idle, ns - MR_MIN(self->options.idle_ns, ns), 1);
}

/* client_fin takes the server's FIN, in its turn. */
void
client_fin(struct gen_client *self, struct gen_conn *conn)
{
	struct gen_bite bite;

	conn->rcv_nxt++;
	switch ((enum gen_conn_state)conn->state) {
	case GEN_ESTABLISHED:
		if (conn->open) {
			bite = gen_ask_end(&self->ask, conn);
			if (bite.verdict != GEN_TCP_closed_early) {
				client_answered(self, conn, &bite);
				conn->parse = GEN_AT_START;
			}
			if (!self->options.slow)
				client_count(self, conn, GEN_TCP_closed_early, conn->open);
			else
				client_note(self, GEN_TCP_peer_closed);
			conn->open = 0;
		} else if (!(conn->flags & (GEN_CONN_SERVER_CLOSES | GEN_CONN_LAST_RIGHT))) {
			client_note(self, GEN_TCP_peer_closed);
			client_idled(self, conn);
		}
		if (conn->state == GEN_ESTABLISHED) {
			client_close(self, conn, GEN_LAST_ACK);
			return;
		}
		client_state(self, conn, GEN_CLOSING); /* it closed when the answer ended */
		client_owe(self, conn);
		return;
	case GEN_FIN_WAIT_1:
		client_state(self, conn, GEN_CLOSING);
		client_owe(self, conn);
		return;
	case GEN_FIN_WAIT_2:
		client_emit(self, conn, GEN_ACK, conn->snd_nxt);
		client_end(self, conn, GEN_TCP_closed);
		return;
	case GEN_CLOSING:
	case GEN_LAST_ACK:
	case GEN_SYN_SENT:
	case GEN_CLOSED:
		client_owe(self, conn);
		return;
	}
}

/* ---- the end of a run ---- */

void
gen_client_close_begin(struct gen_client *self)
{
	self->close_next = 0;
}

bool
gen_client_close_some(struct gen_client *self, uint32_t limit)
{
	for (; self->close_next <= self->slot_mask && limit; self->close_next++) {
		struct gen_conn *conn = &self->conns[self->close_next];

		if (conn->state != GEN_ESTABLISHED)
			continue;
		limit--;
		/* What is outstanding now was given its time. */
		if (conn->open)
			client_abort(self, conn, GEN_TCP_no_answer);
		else
			client_close(self, conn, GEN_FIN_WAIT_1);
	}
	return self->close_next <= self->slot_mask;
}

void
gen_client_forget(struct gen_client *self)
{
	for (uint32_t slot = 0; slot <= self->slot_mask; slot++) {
		struct gen_conn *conn = &self->conns[slot];

		if (conn->state != GEN_CLOSED)
			client_end(self, conn, GEN_TCP_no_answer);
		conn->flags = 0;
	}
	memset(self->timer.heads, 0, sizeof(self->timer.heads));
	self->ready_count = self->due_count = 0;
}
