/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/tcp_loop - one turn: what came, what is due, what is late; then everything leaves.
 */
#include "tcp_loop.h"

#include <rte_cycles.h>
#include <rte_prefetch.h>
#include <string.h>

enum {
	TCP_RX_BURSTS = 4,
	TCP_AHEAD = 8,
	TCP_TIMERS = 256,     /* that one turn looks at */
	TCP_ROOM = 128,       /* frames that must be free before a burst is taken */
	TCP_HANDSHAKES = 256, /* under way at once, while connections are opened to be kept */
	TCP_DUES = 32,        /* units begun in one turn: no more than answers are taken in one */
	TCP_FLOOD_LATE = 128, /* SYNs of a flood that may be late */
	TCP_CLOSES = 64,      /* begun in one turn */
	TCP_CLOSING = 2048,   /* and under way at once */
	TCP_PREPARE_S = 30,
};

struct tcp_state {
	struct gen_phase phase;
	uint64_t n;           /* the next unit */
	uint64_t blocked_tsc; /* the last time that a unit had to wait for a connection */
	struct gen_pace flood;
	uint64_t flood_n; /* the next SYN of the flood */
};

/* tcp_room returns how many frames may be made, but for the acknowledgements that are owed. */
static inline uint32_t
tcp_room(const struct gen_tcp_loop *self)
{
	uint32_t spoken_for = self->out.count + self->client.due_count;

	return self->out.room - MR_MIN(spoken_for, (uint32_t)self->out.room);
}

/* tcp_refill gets buffers for all frames that may be made. */
static void
tcp_refill(struct gen_tcp_loop *self)
{
	struct gen_out *out = &self->out;
	uint16_t wanted = GEN_OUT_MAX - out->room;

	if (!wanted || rte_pktmbuf_alloc_bulk(self->pool, self->mbufs + out->room, wanted) != 0)
		return; /* the peer holds all buffers: the next turn tries again */
	for (uint16_t i = out->room; i < GEN_OUT_MAX; i++)
		out->frames[i] = rte_pktmbuf_mtod(self->mbufs[i], uint8_t *);
	out->room = GEN_OUT_MAX;
}

/* tcp_send hands frames to the port; what it does not take stays in front. */
static MR_HOT void
tcp_send(struct gen_tcp_loop *self)
{
	struct gen_out *out = &self->out;
	uint16_t taken, left;

	for (uint16_t i = 0; i < out->count; i++) {
		self->mbufs[i]->data_len = out->bytes[i];
		self->mbufs[i]->pkt_len = out->bytes[i];
	}
	taken = mr_port_tx(self->port, 0, self->mbufs, out->count);
	if (taken < out->count)
		gen_tally_add(&self->tally.tx_full, 1);
	if (self->flood_qps) {
		gen_tally_add(&self->tally.verdicts[GEN_TCP_overflow], out->count - taken);
		out->count = taken; /* the others' buffers are used again */
	}
	if (!taken)
		return;
	left = (uint16_t)(out->room - taken);
	memmove(self->mbufs, self->mbufs + taken, left * sizeof(self->mbufs[0]));
	memmove(out->frames, out->frames + taken, left * sizeof(out->frames[0]));
	memmove(out->bytes, out->bytes + taken, left * sizeof(out->bytes[0]));
	out->room = left;
	out->count = (uint16_t)(out->count - taken);
}

/* tcp_judge counts a frame that is no segment to be worked on; true: pkt was taken. */
static MR_COLD bool
tcp_judge(struct gen_tcp_loop *self, struct rte_mbuf *pkt, enum gen_parse parse)
{
	static const enum gen_tcp_verdict verdicts[] = {
		[GEN_PARSE_OTHER] = GEN_TCP_other,
		[GEN_PARSE_FOREIGN] = GEN_TCP_stray,
		[GEN_PARSE_LENGTH] = GEN_TCP_bad_header,
		[GEN_PARSE_CHECKSUM] = GEN_TCP_checksum,
	};

	if (parse == GEN_PARSE_OTHER && gen_hop_answer(&self->neigh, self->port, pkt)) {
		gen_tally_add(&self->tally.asked_for_us, 1);
		return true;
	}
	gen_tally_add(&self->tally.verdicts[parse == GEN_PARSE_FOREIGN && self->flood_qps
						    ? GEN_TCP_flood_answered
						    : verdicts[parse]],
		      1);
	return false;
}

/* tcp_receive works on one burst in two stages, so that connections are fetched meanwhile. */
static MR_HOT uint16_t
tcp_receive(struct gen_tcp_loop *self)
{
	struct rte_mbuf *pkts[GEN_BURST];
	struct gen_segment segments[GEN_BURST];
	uint16_t count = mr_port_rx(self->port, 0, pkts, GEN_BURST), segment_count = 0;

	if (!count)
		return 0;
	gen_client_time(&self->client, rte_rdtsc());
	for (uint16_t i = 0; i < count && i < TCP_AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], const uint8_t *));
	for (uint16_t i = 0; i < count; i++) {
		const uint8_t *frame = rte_pktmbuf_mtod(pkts[i], const uint8_t *);
		struct gen_segment *segment = &segments[segment_count];
		enum gen_parse parse;

		if (i + TCP_AHEAD < count)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + TCP_AHEAD], const uint8_t *));
		parse = gen_segment_parse(&self->client.tuples, frame, pkts[i]->data_len, segment);
		if (mr_likely(parse == GEN_PARSE_OK)) {
			gen_client_prefetch(&self->client, segment);
			segment_count++;
		} else if (tcp_judge(self, pkts[i], parse)) {
			pkts[i] = NULL;
		}
	}
	for (uint16_t i = 0; i < segment_count; i++)
		gen_client_segment(&self->client, &segments[i]);
	for (uint16_t i = 0; i < count; i++)
		rte_pktmbuf_free(pkts[i]); /* NULL is nothing */
	return count;
}

/* tcp_begin puts one batch on its way; false when there is no connection for it. */
static inline bool
tcp_begin(struct gen_tcp_loop *self, struct tcp_state *state, uint64_t intended)
{
	struct gen_client *client = &self->client;
	uint8_t batch = client->ask.pipeline;

	if (mr_unlikely(client->options.flood)) {
		gen_client_flood(client);
		return true;
	}
	if (!self->limit && gen_client_ask(client, intended, batch))
		return true;
	if (client->options.connections ||
	    (!state->phase.pace.period_q32 && client->open_count >= self->outstanding))
		return false;
	if (!gen_client_can_open(client)) {
		self->tally.shortage = "no address and port had rested for --time-wait";
		return false;
	}
	gen_client_open(client, intended, batch);
	return true;
}

/* tcp_due sends what is due. */
static MR_HOT void
tcp_due(struct gen_tcp_loop *self, struct tcp_state *state, uint64_t now)
{
	unsigned most = self->client.options.flood ? GEN_OUT_MAX : TCP_DUES;
	uint8_t batch = self->client.ask.pipeline;

	for (unsigned i = 0; i < most && tcp_room(self) >= GEN_CLIENT_OUT_PER_INPUT; i++) {
		uint64_t intended = state->phase.pace.period_q32
					    ? gen_pace_intended(&state->phase.pace, state->n)
					    : now;
		uint64_t counts, since;

		if (intended > now || intended >= state->phase.end_tsc ||
		    (self->limit && state->n >= self->limit)) {
			if (self->limit && state->n >= self->limit && !self->tally.ramp_ns)
				self->tally.ramp_ns =
					(uint64_t)((double)(now - state->phase.pace.start_tsc) *
						   1e9 / (double)self->client.tsc_hz);
			return;
		}
		if (!tcp_begin(self, state, intended)) {
			state->blocked_tsc = now;
			return;
		}
		/* Waiting for a free connection is the target's doing, and in the latency; what the
		 * generator is late on top of it is its own. */
		since = MR_MAX(intended, state->blocked_tsc);
		counts = intended >= self->client.measure_tsc ? batch : 0;
		state->n += batch;
		if (counts) {
			gen_tally_add(&self->tally.sent, counts);
			mr_histogram_record(&self->tally.lag,
					    (uint64_t)(((__uint128_t)(now - since) *
							self->client.ns_per_cycle_q32) >>
						       32),
					    counts);
		}
	}
}

/* tcp_flood sends the SYNs of nobody that are due, in the room that others have left. What it is
 * late with for more than a moment it leaves out. */
static void
tcp_flood(struct gen_tcp_loop *self, struct tcp_state *state, uint64_t now)
{
	uint64_t due = gen_pace_scheduled(&state->flood, now);

	if (due > state->flood_n + TCP_FLOOD_LATE)
		state->flood_n = due - TCP_FLOOD_LATE;
	for (; state->flood_n < due && tcp_room(self) > GEN_CLIENT_OUT_PER_INPUT; state->flood_n++)
		gen_client_flood_beside(&self->client, state->flood_n);
}

/* tcp_keep opens connections until there are as many as are to be kept open. */
static void
tcp_keep(struct gen_tcp_loop *self)
{
	struct gen_client *client = &self->client;

	while (client->open_count < client->options.connections &&
	       client->handshakes < TCP_HANDSHAKES && tcp_room(self) >= GEN_CLIENT_OUT_PER_INPUT &&
	       gen_client_can_open(client))
		gen_client_open(client, client->now_tsc, 0);
}

/* tcp_turn receives, and does what is late; returns how many frames came. */
static uint16_t
tcp_turn(struct gen_tcp_loop *self)
{
	uint16_t received = 0;

	tcp_refill(self);
	for (unsigned i = 0; i < TCP_RX_BURSTS && tcp_room(self) >= TCP_ROOM; i++) {
		uint16_t count = tcp_receive(self);

		received = (uint16_t)(received + count);
		if (count < GEN_BURST)
			break;
	}
	gen_client_time(&self->client, rte_rdtsc());
	gen_client_timers(&self->client, MR_MIN((uint32_t)TCP_TIMERS, tcp_room(self) / 2));
	return received;
}

static void
tcp_leave(struct gen_tcp_loop *self)
{
	gen_client_flush(&self->client);
	if (self->out.count)
		tcp_send(self);
	if (self->client.held_count > self->tally.held_most)
		self->tally.held_most = self->client.held_count;
}

static inline bool
tcp_stopped(const struct gen_tcp_loop *self)
{
	return __atomic_load_n(&self->stop, __ATOMIC_RELAXED);
}

/* tcp_prepare opens what is to be open before the schedule begins. */
static void
tcp_prepare(struct gen_tcp_loop *self)
{
	struct gen_client *client = &self->client;
	uint64_t end_tsc = rte_rdtsc() + TCP_PREPARE_S * client->tsc_hz;

	while (client->held_count < client->options.connections && client->now_tsc < end_tsc &&
	       !tcp_stopped(self)) {
		tcp_turn(self);
		tcp_keep(self);
		tcp_leave(self);
	}
}

/* tcp_close closes what is open, and waits for it. */
static void
tcp_close(struct gen_tcp_loop *self)
{
	struct gen_client *client = &self->client;
	uint64_t end_tsc = UINT64_MAX;
	bool more = true;

	gen_client_close_begin(client);
	while (client->open_count && client->now_tsc < end_tsc && !tcp_stopped(self)) {
		tcp_turn(self);
		if (more && tcp_room(self) >= 2 * TCP_CLOSES &&
		    client->open_count - client->held_count < TCP_CLOSING) {
			more = gen_client_close_some(client, TCP_CLOSES);
			if (!more)
				end_tsc = client->now_tsc + client->options.timeout_tsc;
		}
		tcp_leave(self);
	}
	tcp_leave(self);
}

/* tcp_running says whether the run goes on, and opens MEASURE. */
static inline bool
tcp_running(struct gen_tcp_loop *self, struct tcp_state *state, uint64_t now)
{
	bool sending = gen_phase_turn(&state->phase, now, state->n);

	self->client.asking = sending;
	if (sending)
		return !tcp_stopped(self);
	if (now >= state->phase.drain_tsc)
		return false;
	return gen_tally_sum(&self->tally, GEN_CLASS_RIGHT) +
		       gen_tally_sum(&self->tally, GEN_CLASS_WRONG) +
		       self->tally.verdicts[GEN_TCP_no_answer] <
	       self->tally.sent;
}

static void
tcp_start(struct gen_tcp_loop *self, struct tcp_state *state)
{
	memset(&self->tally, 0, sizeof(self->tally));
	self->tally.table = &gen_tcp_verdicts;
	self->client.tally = &self->tally;
	self->client.out = &self->out;
	self->client.measure_tsc = UINT64_MAX;
	gen_client_time(&self->client, rte_rdtsc());
	if (self->client.options.connections)
		tcp_prepare(self);
	*state = (struct tcp_state){ 0 };
	gen_phase_start(&state->phase, &self->run, self->client.tsc_hz,
			rte_rdtsc() + self->client.tsc_hz / 1000);
	if (self->flood_qps)
		state->flood = gen_pace_start(state->phase.pace.start_tsc, self->flood_qps,
					      self->client.tsc_hz);
	/* In a flood a unit is meant to leave when it leaves. */
	self->client.measure_tsc = state->phase.measure_tsc;
}

int
gen_tcp_loop_run(void *context)
{
	struct gen_tcp_loop *self = context;
	struct tcp_state state;
	uint64_t turns = 0, idle = 0;

	tcp_start(self, &state);
	for (;;) {
		uint16_t received = tcp_turn(self);
		uint64_t now = self->client.now_tsc;

		if (!tcp_running(self, &state, now))
			break;
		if (now >= state.phase.pace.start_tsc && now < state.phase.end_tsc) {
			if (self->client.options.connections)
				tcp_keep(self);
			tcp_due(self, &state, now);
			if (self->flood_qps)
				tcp_flood(self, &state, now);
		}
		idle += !received && !self->out.count;
		tcp_leave(self);
		turns++;
	}
	gen_phase_finish(&state.phase, &self->tally, rte_rdtsc(), self->client.tsc_hz);
	if (self->limit && state.n >= self->limit)
		self->tally.scheduled = self->tally.sent;
	/* A batch counts whole, or not at all, at both ends of MEASURE. */
	self->tally.scheduled -=
		MR_MIN(self->tally.scheduled - MR_MIN(self->tally.sent, self->tally.scheduled),
		       2ull * (self->client.ask.pipeline - 1));
	self->tally.held_last = self->client.held_count;
	if (!self->abandon)
		tcp_close(self);
	gen_client_forget(&self->client);
	self->tally.resting = gen_tuples_live(&self->client.tuples, self->client.now_ms);
	self->tally.turns = turns;
	self->tally.idle_turns = idle;
	memcpy(self->tally.rcodes, self->client.ask.rcodes, sizeof(self->tally.rcodes));
	__atomic_store_n(&self->done, true, __ATOMIC_RELEASE);
	return 0;
}
