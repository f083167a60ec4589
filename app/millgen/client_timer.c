/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/client_timer - what happens when nothing happens.
 */
#include "client_int.h"

enum {
	TIMER_RTO_UNIT_MS = 50,
	TIMER_RETRIES_MAX = 8, /* of a FIN; requests and SYNs end at the time limit */
	TIMER_BACKOFF_MAX = 6,
};

static void
timer_link(struct gen_client *self, struct gen_conn *conn, uint32_t deadline_ms)
{
	uint32_t *head = gen_timer_slot(&self->timer, deadline_ms);

	conn->timer_next = *head;
	*head = client_slot(self, conn) + 1;
	conn->flags |= GEN_CONN_LINKED;
}

void
client_arm(struct gen_client *self, struct gen_conn *conn, uint32_t delay_ms, bool far)
{
	conn->deadline_ms = self->now_ms + delay_ms;
	if (conn->flags & GEN_CONN_LINKED)
		return;
	timer_link(self, conn,
		   far ? conn->deadline_ms
		       : self->now_ms + MR_MIN(delay_ms, (uint32_t)GEN_TIMER_NEAR_MS));
}

/* timer_left returns the ms until the outstanding batch is given up, at least 1. */
static uint32_t
timer_left(const struct gen_client *self, const struct gen_conn *conn)
{
	uint64_t gone = self->now_tsc > conn->intended_tsc ? self->now_tsc - conn->intended_tsc : 0;
	uint64_t left = self->options.timeout_tsc > gone ? self->options.timeout_tsc - gone : 0;

	return (uint32_t)(((__uint128_t)left * self->ms_per_cycle_q64) >> 64) + 1;
}

static bool
timer_over(const struct gen_client *self, const struct gen_conn *conn)
{
	return self->now_tsc > conn->intended_tsc &&
	       self->now_tsc - conn->intended_tsc >= self->options.timeout_tsc;
}

void
client_arm_sent(struct gen_client *self, struct gen_conn *conn)
{
	uint32_t rto_ms = (uint32_t)conn->rto_50ms * TIMER_RTO_UNIT_MS
			  << MR_MIN(conn->retries, (uint8_t)TIMER_BACKOFF_MAX);

	if (conn->open || conn->state == GEN_SYN_SENT)
		rto_ms = MR_MIN(rto_ms, timer_left(self, conn));
	client_arm(self, conn, rto_ms, false);
}

/* timer_established: the answer does not come, or the close, or it is time to ask again. */
static void
timer_established(struct gen_client *self, struct gen_conn *conn)
{
	if (conn->open) {
		if (timer_over(self, conn)) {
			client_abort(self, conn, GEN_TCP_no_answer);
		} else if (conn->snd_una != conn->snd_nxt) {
			client_note(self, GEN_TCP_data_again);
			conn->retries++;
			conn->flags |= GEN_CONN_RECOVER;
			client_send_batch(self, conn, conn->snd_una, 1);
			client_arm_sent(self, conn);
		} else {
			/* Acknowledged; or the window was closed before the first byte of it. */
			conn->retries = 1;
			client_send_batch(self, conn, conn->snd_nxt, 1);
			client_arm(self, conn, timer_left(self, conn), false);
		}
	} else if (conn->flags & (GEN_CONN_LAST_RIGHT | GEN_CONN_SERVER_CLOSES)) {
		client_abort(self, conn, GEN_TCP_not_closed);
	} else if ((conn->flags & GEN_CONN_HELD) && self->asking) {
		if (self->now_tsc >= self->measure_tsc)
			gen_tally_add(&self->tally->sent, 1);
		client_batch(self, conn, self->now_tsc, 1);
	}
}

static void
timer_fire(struct gen_client *self, struct gen_conn *conn)
{
	conn->deadline_ms = 0;
	switch ((enum gen_conn_state)conn->state) {
	case GEN_CLOSED:
		return;
	case GEN_SYN_SENT:
		if (timer_over(self, conn)) {
			client_end(self, conn, GEN_TCP_no_answer);
			return;
		}
		client_note(self, GEN_TCP_syn_again);
		conn->retries++;
		client_emit(self, conn, GEN_SYN, conn->snd_una);
		client_arm_sent(self, conn);
		return;
	case GEN_ESTABLISHED:
		if (mr_unlikely(self->options.slow))
			client_slow_look(self, conn);
		else
			timer_established(self, conn);
		return;
	case GEN_FIN_WAIT_1:
	case GEN_CLOSING:
	case GEN_LAST_ACK:
		if (conn->retries++ < TIMER_RETRIES_MAX) {
			client_note(self, GEN_TCP_fin_again);
			client_emit(self, conn, GEN_FIN | GEN_ACK, conn->snd_nxt - 1);
			client_arm_sent(self, conn);
			return;
		}
		client_abort(self, conn, GEN_TCP_not_closed);
		return;
	case GEN_FIN_WAIT_2:
		client_abort(self, conn, GEN_TCP_not_closed);
		return;
	}
}

/* timer_next_look: what is busy may be given a nearer deadline, and is looked at often. */
static inline uint32_t
timer_next_look(const struct gen_client *self, const struct gen_conn *conn)
{
	if ((conn->flags & GEN_CONN_HELD) && (!conn->open || self->options.slow))
		return conn->deadline_ms;
	return MR_MIN(conn->deadline_ms, self->now_ms + GEN_TIMER_NEAR_MS);
}

void
gen_client_timers(struct gen_client *self, uint32_t limit)
{
	struct gen_timer *timer = &self->timer;
	uint32_t now_tick = self->now_ms >> GEN_TIMER_SHIFT;

	for (; timer->tick <= now_tick; timer->tick++) {
		uint32_t *head = &timer->heads[timer->tick & (GEN_TIMER_SLOTS - 1)];

		while (*head) {
			struct gen_conn *conn = &self->conns[*head - 1];

			if (!limit--)
				return;
			*head = conn->timer_next;
			if (*head)
				__builtin_prefetch(&self->conns[*head - 1], 1);
			conn->flags &= (uint8_t)~GEN_CONN_LINKED;
			if (!conn->deadline_ms || conn->state == GEN_CLOSED)
				continue;
			if (conn->deadline_ms > self->now_ms)
				timer_link(self, conn, timer_next_look(self, conn));
			else
				timer_fire(self, conn);
		}
	}
}
