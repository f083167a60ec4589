/* SPDX-License-Identifier: Apache-2.0
 *
 * worker/turns - the account of turns: how long, and what ran in the longest.
 */
#include "worker/worker_int.h"

static const enum mr_worker_metric stage_metrics[MR_STAGES] = {
	[MR_STAGE_RX] = MR_WORKER_stage_rx_time,
	[MR_STAGE_NET] = MR_WORKER_stage_net_time,
	[MR_STAGE_TCP] = MR_WORKER_stage_tcp_time,
	[MR_STAGE_DNS] = MR_WORKER_stage_dns_time,
	[MR_STAGE_TX] = MR_WORKER_stage_tx_time,
	[MR_STAGE_JOBS] = MR_WORKER_stage_jobs_time,
	[MR_STAGE_TIMERS] = MR_WORKER_stage_timers_time,
};

const char *
mr_turn_stage_name(enum mr_turn_stage stage)
{
	static const char *const names[MR_STAGES] = { "rx", "net",  "tcp",   "dns",
						      "tx", "jobs", "timers" };

	return stage < MR_STAGES ? names[stage] : "?";
}

/* record_write copies a record so that another thread may be reading it. */
static void
record_write(struct mr_turn_record *to, const struct mr_turn_record *from)
{
	__atomic_store_n(&to->at_ns, from->at_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&to->spent_ns, from->spent_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&to->timed, from->timed, __ATOMIC_RELAXED);
	for (int i = 0; i < MR_STAGES; i++) {
		__atomic_store_n(&to->done[i], from->done[i], __ATOMIC_RELAXED);
		__atomic_store_n(&to->stage_ns[i], from->stage_ns[i], __ATOMIC_RELAXED);
	}
}

MR_COLD static void
turn_note(struct mr_worker *self, const struct mr_turn_record *record, bool is_long)
{
	uint32_t sequence = self->turn_sequence;

	__atomic_store_n(&self->turn_sequence, sequence + 1, __ATOMIC_RELAXED);
	/* The odd number is seen before any of the new values is. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	if (record->spent_ns > self->turns[0].spent_ns)
		record_write(&self->turns[0], record);
	if (record->timed && record->spent_ns > self->turns[1].spent_ns)
		record_write(&self->turns[1], record);
	if (is_long) {
		record_write(&self->turns[MR_TURN_LATEST + self->turn_latest], record);
		self->turn_latest = (self->turn_latest + 1) % (MR_TURN_ROWS - MR_TURN_LATEST);
	}
	/* release: the new values are seen before the even number is. */
	__atomic_store_n(&self->turn_sequence, sequence + 2, __ATOMIC_RELEASE);
}

bool
mr_worker_turns(const struct mr_worker *self, struct mr_turn_record out[MR_TURN_ROWS])
{
	/* acquire: the records are read after the number that they belong to */
	uint32_t sequence = __atomic_load_n(&self->turn_sequence, __ATOMIC_ACQUIRE);

	for (int row = 0; row < MR_TURN_ROWS; row++) {
		const struct mr_turn_record *from = &self->turns[row];

		out[row].at_ns = __atomic_load_n(&from->at_ns, __ATOMIC_RELAXED);
		out[row].spent_ns = __atomic_load_n(&from->spent_ns, __ATOMIC_RELAXED);
		out[row].timed = __atomic_load_n(&from->timed, __ATOMIC_RELAXED);
		for (int i = 0; i < MR_STAGES; i++) {
			out[row].done[i] = __atomic_load_n(&from->done[i], __ATOMIC_RELAXED);
			out[row].stage_ns[i] =
				__atomic_load_n(&from->stage_ns[i], __ATOMIC_RELAXED);
		}
	}
	/* The records are read before the number is looked at again. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return !(sequence & 1) &&
	       __atomic_load_n(&self->turn_sequence, __ATOMIC_RELAXED) == sequence;
}

/* stages_take books the stage times of a timed turn. */
static void
stages_take(struct mr_worker *self, struct mr_turn_record *record)
{
	struct worker_account *account = &self->account;

	record->timed = true;
	mr_metric_add(self->metrics, MR_WORKER_turn_timed, 1);
	for (int i = 0; i < MR_STAGES; i++) {
		record->stage_ns[i] = worker_clock_span_ns(&self->clock, account->stage_tsc[i]);
		mr_metric_add(self->metrics, stage_metrics[i], record->stage_ns[i]);
	}
}

/* answers_take times the messages of one transport that the turn has seen. */
static inline void
answers_take(struct mr_worker *self, unsigned transport, uint64_t spent_ns)
{
	uint64_t seen = self->dns.metrics[MR_DNS_transport_udp + transport];
	uint64_t count = seen - self->answers_timed[transport];

	if (!count)
		return;
	self->answers_timed[transport] = seen;
	mr_histogram_record(self->answer_ns[transport], spent_ns, count);
}

void
worker_account_close(struct mr_worker *self, uint64_t spent_ns)
{
	struct worker_account *account = &self->account;
	bool is_long = spent_ns > MR_TURN_LONG_US * MR_NS_PER_US;
	struct mr_turn_record record;

	mr_histogram_record(self->turn_ns, spent_ns, 1);
	for (unsigned i = 0; i < WORKER_TIMED_TRANSPORTS; i++)
		answers_take(self, i, spent_ns);
	mr_metric_add(self->metrics, MR_WORKER_busy_time, spent_ns);
	account->count++;
	account->timed_left -= account->timed_left > 0;
	if (mr_likely(!account->timed && !is_long))
		return;
	record = (struct mr_turn_record){ .at_ns = self->now_ns, .spent_ns = spent_ns };
	for (int i = 0; i < MR_STAGES; i++)
		record.done[i] = account->done[i];
	if (account->timed)
		stages_take(self, &record);
	if (is_long) {
		mr_metric_add(self->metrics, MR_WORKER_turn_long, 1);
		account->timed_left = MR_TURN_AFTER_LONG;
	}
	turn_note(self, &record, is_long);
}
