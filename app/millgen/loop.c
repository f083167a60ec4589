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
	struct gen_pace pace;
	uint64_t first_seq, measure_seq, measure_tsc, end_tsc, drain_tsc;
	struct rte_mbuf *pending[GEN_BURST];
	uint64_t pending_intended[GEN_BURST];
	uint16_t pending_first, pending_count;
	bool measuring;
};

static inline void
loop_count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* loop_other looks at what is no reply; it keeps the buffer when it sends an answer in it. */
static MR_COLD bool
loop_other(struct gen_loop *self, struct rte_mbuf *pkt)
{
	uint16_t answer_bytes;

	if (pkt->nb_segs > 1)
		return false;
	answer_bytes =
		gen_neigh_input(&self->neigh, rte_pktmbuf_mtod(pkt, uint8_t *), pkt->data_len);
	if (!answer_bytes)
		return false;
	pkt->data_len = answer_bytes;
	pkt->pkt_len = answer_bytes;
	loop_count(&self->tally.asked_for_us, 1);
	return mr_port_tx(self->port, 0, &pkt, 1) == 1;
}

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
				loop_count(&self->tally.rcodes[reply.rcode], 1);
		} else if (verdict == GEN_other && loop_other(self, pkts[i])) {
			pkts[i] = NULL;
			kept++;
			continue;
		} else if (!state->measuring) {
			continue;
		}
		verdicts[verdict]++;
	}
	for (unsigned v = 0; v < GEN_VERDICT_COUNT; v++)
		if (verdicts[v])
			loop_count(&self->tally.verdicts[v], verdicts[v]);
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

	if (state->pace.period_q32) {
		while (count < GEN_BURST) {
			uint64_t intended = gen_pace_intended(&state->pace, n + count);

			if (intended > now || intended >= state->end_tsc)
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
	uint64_t seq = self->seq - count, measured = 0;

	if (taken < count)
		loop_count(&self->tally.tx_full, 1);
	if (!taken)
		return;
	if (mr_likely(seq >= state->measure_seq))
		measured = taken;
	else if (seq + taken > state->measure_seq)
		measured = seq + taken - state->measure_seq;
	if (measured) {
		uint64_t lag = now - state->pending_intended[first];

		loop_count(&self->tally.sent, measured);
		mr_histogram_record(&self->tally.lag, gen_loop_ns(self, lag), measured);
	}
	state->pending_first = (uint16_t)(first + taken);
	state->pending_count = (uint16_t)(count - taken);
}

static void
loop_start(struct gen_loop *self, struct loop_state *state)
{
	const struct gen_run *run = &self->run;
	uint64_t now = rte_rdtsc() + self->tsc_hz / 1000;
	double cycles_per_ns = (double)self->tsc_hz / 1e9;

	memset(state, 0, sizeof(*state));
	memset(&self->tally, 0, sizeof(self->tally));
	/* A fresh round, so that no reply of the run before can be taken for one of this. */
	self->seq = (self->seq | self->frames->slot_mask) + 1;
	state->first_seq = self->seq;
	state->measure_tsc = now + (uint64_t)((double)run->warm_up_ns * cycles_per_ns);
	state->end_tsc = state->measure_tsc + (uint64_t)((double)run->duration_ns * cycles_per_ns);
	state->drain_tsc = state->end_tsc + (uint64_t)((double)run->drain_ns * cycles_per_ns);
	state->measure_seq = UINT64_MAX;
	if (run->rate_qps) {
		state->pace = gen_pace_start(now, run->rate_qps, self->tsc_hz);
		state->measure_seq =
			self->seq + gen_pace_scheduled(&state->pace, state->measure_tsc - 1);
	} else {
		state->pace.start_tsc = now;
	}
}

/* loop_phase opens and closes MEASURE; returns false when the run is over. */
static inline bool
loop_phase(struct gen_loop *self, struct loop_state *state, uint64_t now)
{
	uint64_t answered;

	if (mr_unlikely(!state->measuring && now >= state->measure_tsc)) {
		state->measuring = true;
		if (!self->run.rate_qps)
			state->measure_seq = self->seq;
	}
	if (mr_likely(now < state->end_tsc))
		return !__atomic_load_n(&self->stop, __ATOMIC_RELAXED);
	answered = self->tally.verdicts[GEN_ok] + self->tally.verdicts[GEN_truncated] +
		   self->tally.verdicts[GEN_wrong_rcode] + self->tally.verdicts[GEN_wrong_answer] +
		   self->tally.verdicts[GEN_wrong_cookie];
	return !state->pending_count ? answered < self->tally.sent && now < state->drain_tsc
				     : now < state->drain_tsc;
}

static void
loop_finish(struct gen_loop *self, struct loop_state *state)
{
	uint64_t now = MR_MIN(rte_rdtsc(), state->end_tsc);

	if (state->pending_count)
		rte_pktmbuf_free_bulk(state->pending + state->pending_first, state->pending_count);
	if (now > state->measure_tsc)
		self->tally.measured_ns = gen_loop_ns(self, now - state->measure_tsc);
	self->tally.scheduled = self->tally.sent;
	if (state->pace.period_q32 && now > state->measure_tsc)
		self->tally.scheduled = gen_pace_scheduled(&state->pace, now - 1) -
					(state->measure_seq - state->first_seq);
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
		if (!state.pending_count && now < state.end_tsc && now >= state.pace.start_tsc)
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

static void
loop_ask(struct gen_loop *self)
{
	for (uint16_t lane = 0; lane < self->frames->lane_count; lane++) {
		struct rte_mbuf *pkt;

		if (self->neigh.hops[lane].known)
			continue;
		pkt = rte_pktmbuf_alloc(self->pool);
		if (!pkt)
			return;
		pkt->data_len = gen_neigh_ask(&self->neigh, lane, rte_pktmbuf_mtod(pkt, uint8_t *));
		pkt->pkt_len = pkt->data_len;
		if (mr_port_tx(self->port, 0, &pkt, 1) != 1)
			rte_pktmbuf_free(pkt);
	}
}

int
gen_loop_resolve(struct gen_loop *self, uint64_t timeout_ns)
{
	uint64_t start_ns = mr_clock_now_ns(), asked_ns = 0, now_ns = start_ns;
	const struct timespec pause = { .tv_nsec = 200000 };

	for (; now_ns - start_ns < timeout_ns; now_ns = mr_clock_now_ns()) {
		struct rte_mbuf *pkts[GEN_BURST];
		uint16_t count;

		if (gen_neigh_known(&self->neigh))
			return 0;
		if (__atomic_load_n(&self->stop, __ATOMIC_RELAXED))
			return -EINTR;
		if (!asked_ns || now_ns - asked_ns >= LOOP_ASK_NS) {
			loop_ask(self);
			asked_ns = now_ns;
		}
		count = mr_port_rx(self->port, 0, pkts, GEN_BURST);
		for (uint16_t i = 0; i < count; i++)
			if (!loop_other(self, pkts[i]))
				rte_pktmbuf_free(pkts[i]);
		if (!count)
			nanosleep(&pause, NULL);
	}
	return gen_neigh_known(&self->neigh) ? 0 : -ETIMEDOUT;
}
