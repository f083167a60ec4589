/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/loop - one turn: replies first, then what is due.
 */
#include "loop.h"

#include <errno.h>
#include <rte_cycles.h>
#include <rte_prefetch.h>
#include <string.h>

enum {
	LOOP_RX_BURSTS = 4, /* that one turn takes at most before it sends */
	LOOP_AHEAD = 8,     /* frames that are fetched while one is judged */
	LOOP_ASK_NS = 200000000,
};

/* What a run keeps in registers and on its stack. */
struct loop_state {
	struct gen_phase phase;
	uint64_t first_seq, measure_seq;
	struct rte_mbuf *pending[GEN_BURST];
	uint64_t pending_intended[GEN_BURST];
	uint16_t pending_first, pending_count;
};

/* loop_prefetch fetches both cache lines of a usual reply, which the peer's core has written. */
static inline void
loop_prefetch(const struct rte_mbuf *pkt)
{
	const uint8_t *frame = rte_pktmbuf_mtod(pkt, const uint8_t *);

	rte_prefetch0(frame);
	rte_prefetch0(frame + MR_CACHE_LINE);
}

/* loop_receive judges one burst of replies; returns how many frames came. */
static MR_HOT uint16_t
loop_receive(struct gen_loop *self, const struct loop_state *state)
{
	struct rte_mbuf *pkts[GEN_BURST];
	uint32_t verdicts[GEN_VERDICT_COUNT] = { 0 };
	uint16_t count = mr_port_rx(self->port, 0, pkts, GEN_BURST), kept = 0;
	uint64_t now;

	if (!count)
		return 0;
	now = rte_rdtsc();
	for (uint16_t i = 0; i < count && i < LOOP_AHEAD; i++)
		loop_prefetch(pkts[i]);
	for (uint16_t i = 0; i < count; i++) {
		const uint8_t *frame = rte_pktmbuf_mtod(pkts[i], const uint8_t *);
		struct gen_reply reply;
		enum gen_verdict verdict;

		if (i + LOOP_AHEAD < count)
			loop_prefetch(pkts[i + LOOP_AHEAD]);

		verdict = gen_match_reply(&self->match, frame, pkts[i]->data_len, now, &reply);
		if (mr_likely(reply.found)) {
			uint64_t cycles = now - reply.intended_tsc;

			if (mr_unlikely(reply.seq < state->measure_seq))
				continue;
			/* A query may be built a moment before it is due in a full burst. */
			cycles = (int64_t)cycles < 0 ? 0 : cycles;
			mr_histogram_record(&self->tally.latency, gen_loop_ns(self, cycles), 1);
			if (mr_likely(self->match.options.expect == GEN_EXPECT_ANSWER))
				gen_tally_add(&self->tally.rcodes[reply.rcode], 1);
		} else if (verdict == GEN_other &&
			   gen_hop_answer(&self->neigh, self->port, pkts[i])) {
			gen_tally_add(&self->tally.asked_for_us, 1);
			pkts[i] = NULL;
			kept++;
			continue;
		} else if (!state->phase.measuring) {
			continue;
		}
		verdicts[verdict]++;
	}
	for (unsigned v = 0; v < GEN_VERDICT_COUNT; v++)
		if (verdicts[v])
			gen_tally_add(&self->tally.verdicts[v], verdicts[v]);
	if (mr_likely(!kept)) {
		rte_pktmbuf_free_bulk(pkts, count);
	} else {
		for (uint16_t i = 0; i < count; i++)
			rte_pktmbuf_free(pkts[i]); /* NULL is nothing */
	}
	return count;
}

/* loop_build makes a burst of what is due. */
static MR_HOT void
loop_build(struct gen_loop *self, struct loop_state *state, uint64_t now)
{
	uint64_t n = self->seq - state->first_seq;
	uint16_t count = 0;

	if (state->phase.pace.period_q32) {
		while (count < GEN_BURST) {
			uint64_t intended = gen_pace_intended(&state->phase.pace, n + count);

			if (intended > now || intended >= state->phase.end_tsc)
				break;
			state->pending_intended[count++] = intended;
		}
	} else {
		while (count < GEN_BURST)
			state->pending_intended[count++] = now;
	}
	state->pending_first = 0;
	if (!count || rte_pktmbuf_alloc_bulk(self->pool, state->pending, count) != 0)
		return; /* the peer holds all buffers: the next turn tries again */
	for (uint16_t i = 0; i < count; i++) {
		struct rte_mbuf *pkt = state->pending[i];
		uint64_t seq = self->seq + i, random = gen_frame_random(self->frames, seq);
		uint32_t question = gen_chooser_pick(&self->chooser, seq, (uint32_t)(random >> 32));
		uint16_t bytes = gen_frame_build(self->frames, rte_pktmbuf_mtod(pkt, uint8_t *),
						 seq, random, question);

		pkt->data_len = bytes;
		pkt->pkt_len = bytes;
		gen_match_take(&self->match, seq, state->pending_intended[i], question);
	}
	self->seq += count;
	state->pending_count = count;
}

/* loop_send hands pending frames to the port. */
static MR_HOT void
loop_send(struct gen_loop *self, struct loop_state *state, uint64_t now)
{
	uint16_t first = state->pending_first, count = state->pending_count;
	uint16_t taken = mr_port_tx(self->port, 0, state->pending + first, count);
	uint64_t seq = self->seq - count, measured;

	if (taken < count)
		gen_tally_add(&self->tally.tx_full, 1);
	if (!taken)
		return;
	measured = gen_phase_counts(&state->phase, seq - state->first_seq, taken);
	if (measured) {
		uint64_t lag = now - state->pending_intended[first];

		gen_tally_add(&self->tally.sent, measured);
		mr_histogram_record(&self->tally.lag, gen_loop_ns(self, lag), measured);
	}
	state->pending_first = (uint16_t)(first + taken);
	state->pending_count = (uint16_t)(count - taken);
}

static void
loop_start(struct gen_loop *self, struct loop_state *state)
{
	memset(state, 0, sizeof(*state));
	memset(&self->tally, 0, sizeof(self->tally));
	self->tally.table = &gen_match_verdicts;
	/* A fresh round, so that no reply of the run before can be taken for one of this. */
	self->seq = (self->seq | self->frames->slot_mask) + 1;
	state->first_seq = self->seq;
	gen_phase_start(&state->phase, &self->run, self->tsc_hz, rte_rdtsc() + self->tsc_hz / 1000);
	state->measure_seq =
		state->phase.pace.period_q32 ? self->seq + state->phase.measure_n : UINT64_MAX;
}

/* loop_phase opens and closes MEASURE; returns false when the run is over. */
static inline bool
loop_phase(struct gen_loop *self, struct loop_state *state, uint64_t now)
{
	uint64_t answered;

	bool sending = gen_phase_turn(&state->phase, now, self->seq - state->first_seq);

	if (state->phase.measuring && mr_unlikely(state->measure_seq == UINT64_MAX))
		state->measure_seq = state->first_seq + state->phase.measure_n;
	if (mr_likely(sending))
		return !__atomic_load_n(&self->stop, __ATOMIC_RELAXED);
	answered = self->tally.verdicts[GEN_ok] + self->tally.verdicts[GEN_truncated] +
		   self->tally.verdicts[GEN_wrong_rcode] + self->tally.verdicts[GEN_wrong_answer] +
		   self->tally.verdicts[GEN_wrong_cookie];
	return !state->pending_count ? answered < self->tally.sent && now < state->phase.drain_tsc
				     : now < state->phase.drain_tsc;
}

static void
loop_finish(struct gen_loop *self, struct loop_state *state)
{
	if (state->pending_count)
		rte_pktmbuf_free_bulk(state->pending + state->pending_first, state->pending_count);
	gen_phase_finish(&state->phase, &self->tally, rte_rdtsc(), self->tsc_hz);
}

int
gen_loop_run(void *context)
{
	struct gen_loop *self = context;
	struct loop_state state;
	uint64_t now, turns = 0, idle = 0;

	loop_start(self, &state);
	for (;;) {
		uint16_t received = 0;

		for (unsigned i = 0; i < LOOP_RX_BURSTS; i++) {
			uint16_t count = loop_receive(self, &state);

			received += count;
			if (count < GEN_BURST)
				break;
		}
		now = rte_rdtsc();
		if (!loop_phase(self, &state, now))
			break;
		if (!state.pending_count && now < state.phase.end_tsc &&
		    now >= state.phase.pace.start_tsc)
			loop_build(self, &state, now);
		if (state.pending_count)
			loop_send(self, &state, now);
		else
			idle += !received;
		turns++;
	}
	loop_finish(self, &state);
	self->tally.turns = turns;
	self->tally.idle_turns = idle;
	__atomic_store_n(&self->done, true, __ATOMIC_RELEASE);
	return 0;
}
