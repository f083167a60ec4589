/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/pmtu - the size of segments goes down when the path says so, and is tried again upwards.
 *
 * Down: an ICMP error (tcp/icmp), or segments that vanish (tcp/timer): a black hole.
 * Up: a connection whose segments are smaller than its peer and our link allow sends, once in
 * pmtu_raise_ms, one segment that is larger: a probe. First the largest; when that is lost, halfway
 * down, until the difference is not worth it. A probe carries new data that are due anyway, in
 * SACK connections outside recovery only, with enough behind it that its loss is noticed soon. Its
 * loss is no sign of congestion (RFC 4821 7.5): its bytes go again in segments that are known to
 * fit, without a recovery.
 *
 * Probe           next                                                 [function]
 *   (none)     -> in flight  the time has come, and there is data      [tcp_pmtu_probe_sent]
 *   in flight  -> (none)     acknowledged: segments are that large now [tcp_pmtu_acked]
 *   in flight  -> (none)     lost, or timeout: search below it         [tcp_pmtu_lost, _timeout]
 *   in flight  -> (none)     a router says what would fit              [tcp_pmtu_told]
 *
 * The time: connections count epochs of pmtu_raise_ms since they were opened, modulo 16, in four
 * bits of the TCB. One that was lowered in epoch n may probe from n + 2 on, so it waits between one
 * and two intervals.
 *
 * Spec: RFC 8899 4 and 5 (PLPMTUD), RFC 4821 7 (for TCP), RFC 1191 6.3 (not within five minutes).
 */
#include "tcp/tcp_int.h"

enum { WORTH_BYTES = 32 };

static uint32_t
epoch_of(const struct mr_tcp *self, const struct tcp_tcb *t)
{
	return (self->now_ms - t->opened_ms) / self->config.pmtu_raise_ms & 15;
}

static void
wait_from_now(const struct mr_tcp *self, struct tcp_tcb *t)
{
	uint32_t not_before = (epoch_of(self, t) + 1) & 15;

	t->challenge_count = (uint8_t)((t->challenge_count & 15) | not_before << 4);
}

static bool
time_has_come(const struct mr_tcp *self, const struct tcp_tcb *t)
{
	uint32_t since = (epoch_of(self, t) - (t->challenge_count >> 4)) & 15;

	return since > 0 && since < 15; /* 15: the epoch in which it was lowered */
}

/* tcp_pmtu_lower makes segments smaller. */
void
tcp_pmtu_lower(struct mr_tcp *self, struct tcp_tcb *t, uint32_t mss)
{
	struct tcp_tx *tx = tcp_tx(self, t);

	t->snd_mss = (uint16_t)mss;
	wait_from_now(self, t);
	if (tx)
		tx->probe_limit = 0;
}

/* probe_size says how large a probe would be; 0: none is worth it. */
static uint32_t
probe_size(const struct tcp_tcb *t, const struct tcp_tx *tx)
{
	uint32_t size = tx->probe_limit ? (t->snd_mss + tx->probe_limit) / 2u : t->mss_max;

	return size >= t->snd_mss + (uint32_t)WORTH_BYTES ? size : 0;
}

static bool
may_probe(const struct mr_tcp *self, const struct tcp_tcb *t, const struct tcp_tx *tx)
{
	return (t->flags & TCP_SACK) && t->phase == TCP_PHASE_OPEN && tx->probe_end == 0 &&
	       tx->lost_bytes == 0 && tx->sacked_bytes == 0 && tx->tlp == 0 &&
	       t->backoff + t->rto_kept == 0 && (tx->probe_limit || time_has_come(self, t));
}

/* tcp_pmtu_probe_size returns the size of the probe that is to leave now, or 0; usable is what the
 * peer's window lets through. */
uint32_t
tcp_pmtu_probe_size(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, uint32_t usable)
{
	uint32_t size, unsent, pipe = tcp_pipe(t, tx);
	uint32_t room = MR_MIN(usable, t->cc.cwnd > pipe ? t->cc.cwnd - pipe : 0);

	if (!may_probe(self, t, tx))
		return 0;
	size = probe_size(t, tx);
	if (size == 0) { /* the search is over */
		wait_from_now(self, t);
		tx->probe_limit = 0;
		return 0;
	}
	/* RFC 4821 7.4: with what tells of its loss behind it */
	unsent = tcp_sendq_plan(self, t, tx, size + TCP_DUP_THRESH * t->snd_mss) - t->snd_nxt;
	if (unsent < size + TCP_DUP_THRESH * t->snd_mss ||
	    room < size + TCP_DUP_THRESH * t->snd_mss)
		return 0;
	return size;
}

/* tcp_pmtu_probe_sent: the segment that ends at end is a probe of so many bytes. */
void
tcp_pmtu_probe_sent(struct mr_tcp *self, struct tcp_tx *tx, uint32_t end, uint32_t size)
{
	tcp_count(self, MR_TCP_pmtu_probe);
	tx->probe_end = end ? end : 1; /* 0 is none; a byte more in 2^32 does no harm */
	tx->probe_mss = (uint16_t)size;
}

void
tcp_pmtu_acked(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx)
{
	if (mr_likely(tx->probe_end == 0) || seq_lt(t->snd_una, tx->probe_end))
		return;
	tx->probe_end = 0;
	if (tx->probe_mss <= t->snd_mss)
		return;
	tcp_count(self, MR_TCP_pmtu_raised);
	t->snd_mss = tx->probe_mss;
	if (probe_size(t, tx) == 0) {
		wait_from_now(self, t);
		tx->probe_limit = 0;
	}
}

/* give_up: the search goes on below limit while there is a send state, or begins anew later. */
static void
give_up(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, uint32_t limit)
{
	wait_from_now(self, t);
	tcp_count(self, MR_TCP_pmtu_probe_lost);
	tx->probe_end = 0;
	tx->probe_limit = (uint16_t)limit;
}

/* tcp_pmtu_lost looks whether the probe is among what has been marked lost, and returns whether it
 * is all of it: then there is no congestion. */
bool
tcp_pmtu_lost(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx)
{
	uint32_t start = tx->probe_end - tx->probe_mss, bytes = 0;

	if (mr_likely(tx->probe_end == 0) || tx->lost_bytes == 0)
		return false;
	for (uint32_t handle = tx->run_head; handle;) { /* at most RUN_MAX */
		const struct tcp_run *run = tcp_run(self, handle);

		if ((run->flags & TCP_RUN_LOST) && seq_geq(run->seq, start) &&
		    seq_leq(run->end, tx->probe_end))
			bytes += run->end - run->seq;
		handle = run->next;
	}
	if (bytes == 0)
		return false;
	give_up(self, t, tx, tx->probe_mss);
	return bytes == tx->lost_bytes;
}

/* tcp_pmtu_timeout: a probe that is in flight when the retransmission timer fires has failed. */
void
tcp_pmtu_timeout(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx)
{
	if (tx->probe_end)
		give_up(self, t, tx, tx->probe_mss);
}

/* tcp_pmtu_told: a router says how large a packet may be; if the probe was too large for it, the
 * search goes on below that. Returns false when this says nothing new. */
bool
tcp_pmtu_told(struct mr_tcp *self, struct tcp_tcb *t, uint32_t mss)
{
	struct tcp_tx *tx = tcp_tx(self, t);

	if (tx == NULL || tx->probe_end == 0 || mss < t->snd_mss || mss >= tx->probe_mss)
		return false;
	give_up(self, t, tx, mss + 1);
	return true;
}
