/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/timewait - the compact form of TIME-WAIT: a ring of 24-byte entries, oldest first.
 *
 * All entries live equally long, so the ring is in order of expiry. An entry whose time is started
 * again (a FIN came again) is moved to the end. When the ring is full the oldest goes early.
 *
 * Spec: RFC 9293 3.10.7.4 (TIME-WAIT), 3.6.1, RFC 6191 (a SYN may take it over), RFC 1337.
 */
#include "tcp/tcp_int.h"

enum { TS_KNOWN = 1 }; /* the lowest bit of expires_ms: ts_recent holds */

int
tcp_timewait_create(struct mr_tcp *self, struct mr_arena *arena, struct mr_error *error)
{
	uint64_t bytes = (uint64_t)self->config.time_wait_limit * sizeof(*self->time_waits), offset;

	MR_ASSERT((self->config.time_wait_limit & (self->config.time_wait_limit - 1)) == 0);
	if (mr_arena_take(arena, bytes, MR_CACHE_LINE, &offset) != 0)
		return mr_arena_shortage(arena, bytes, error);
	self->time_waits = mr_arena_at(arena, offset);
	return 0;
}

static struct tcp_time_wait *
entry_at(const struct mr_tcp *self, uint32_t index)
{
	return &self->time_waits[index & (self->config.time_wait_limit - 1)];
}

static uint32_t
slot_of(const struct mr_tcp *self, uint32_t index)
{
	return TCP_SLOT_TIME_WAIT | (index & (self->config.time_wait_limit - 1));
}

static struct tcp_time_wait *
entry_of(const struct mr_tcp *self, uint32_t slot)
{
	return &self->time_waits[slot & ~TCP_SLOT_TIME_WAIT];
}

bool
tcp_timewait_is(const struct mr_tcp *self, uint32_t slot, uint64_t hash)
{
	return entry_of(self, slot)->hash == hash;
}

uint64_t
tcp_timewait_hash(const struct mr_tcp *self, uint32_t slot)
{
	return entry_of(self, slot)->hash;
}

static void
gauge(struct mr_tcp *self, int change)
{
	uint64_t now = mr_metric_read(self->metrics, MR_TCP_connection_time_wait);

	now += (uint64_t)(int64_t)change;
	mr_metric_set(self->metrics, MR_TCP_connection_time_wait, now);
	if (now > self->tw_peak)
		__atomic_store_n(&self->tw_peak, now, __ATOMIC_RELAXED);
}

static void
forget(struct mr_tcp *self, uint32_t slot)
{
	struct tcp_time_wait *e = entry_of(self, slot);

	tcp_table_replace(self, e->hash, slot, 0);
	e->hash = 0;
	gauge(self, -1);
}

/* append makes room at the end of the ring and returns its index. */
static uint32_t
append(struct mr_tcp *self)
{
	if (self->tw_tail - self->tw_head == self->config.time_wait_limit) {
		if (entry_at(self, self->tw_head)->hash) {
			tcp_count(self, MR_TCP_time_wait_shed);
			forget(self, slot_of(self, self->tw_head));
		}
		self->tw_head++;
	}
	return self->tw_tail++;
}

/* tcp_timewait_enter puts an entry in the TCB's place in the table. */
void
tcp_timewait_enter(struct mr_tcp *self, struct tcp_tcb *t, uint64_t hash)
{
	uint32_t index = append(self);
	bool ts = t->flags & TCP_TS;

	*entry_at(self, index) = (struct tcp_time_wait){
		.hash = hash,
		.snd_nxt = t->snd_nxt,
		.rcv_nxt = t->rcv_nxt,
		.ts_recent = t->ts_recent,
		.expires_ms =
			((self->now_ms + self->config.time_wait_ms) & ~1u) | (ts ? TS_KNOWN : 0),
	};
	tcp_table_replace(self, hash, tcp_conn(self, t), slot_of(self, index));
	gauge(self, 1);
}

static void
restart(struct mr_tcp *self, uint32_t slot)
{
	struct tcp_time_wait copy = *entry_of(self, slot);
	uint32_t index;

	if (self->tw_tail - self->tw_head == self->config.time_wait_limit)
		return; /* no room to move: it keeps its time */
	index = append(self);
	copy.expires_ms =
		((self->now_ms + self->config.time_wait_ms) & ~1u) | (copy.expires_ms & TS_KNOWN);
	*entry_at(self, index) = copy;
	tcp_table_replace(self, copy.hash, slot, slot_of(self, index));
	entry_of(self, slot)->hash = 0;
}

uint32_t
tcp_timewait_expire(struct mr_tcp *self, uint32_t budget)
{
	uint32_t done = 0;

	while (self->tw_head != self->tw_tail && done < budget) {
		const struct tcp_time_wait *e = entry_at(self, self->tw_head);

		if (e->hash) {
			if ((int32_t)(self->now_ms - e->expires_ms) < 0)
				break;
			forget(self, slot_of(self, self->tw_head));
		}
		self->tw_head++;
		done++;
	}
	return done;
}

static void
answer(struct mr_tcp *self, const struct tcp_time_wait *e, const struct mr_tcp_in *in)
{
	struct mr_tcp_segment seg = {
		.seq = e->snd_nxt,
		.ack = e->rcv_nxt,
		.flags = MR_TCP_ACK,
		.wnd = 65535,
		.wscale = MR_TCP_WSCALE_NONE,
		.has_ts = e->expires_ms & TS_KNOWN,
		.tsval = self->now_ms + tcp_ts_offset(e->hash),
		.tsecr = e->ts_recent,
	};

	tcp_reply(self, &in->flow, &seg);
}

/* may_reuse: RFC 6191 2: the new SYN is surely newer than anything of the old connection. */
static bool
may_reuse(const struct tcp_time_wait *e, const struct mr_tcp_segment *syn)
{
	if ((e->expires_ms & TS_KNOWN) && syn->has_ts) {
		if (syn->tsval != e->ts_recent)
			return seq_gt(syn->tsval, e->ts_recent);
	}
	return seq_gt(syn->seq, e->rcv_nxt);
}

void
tcp_timewait_input(struct mr_tcp *self, uint32_t slot, const struct mr_tcp_in *in,
		   const struct mr_tcp_segment *seg, uint64_t hash)
{
	struct tcp_time_wait *e = entry_of(self, slot);
	uint32_t len = mr_tcp_segment_len(seg), snd_nxt = e->snd_nxt;

	if ((seg->flags & (MR_TCP_SYN | MR_TCP_ACK | MR_TCP_RST)) == MR_TCP_SYN) {
		if (in->app != MR_TCP_APP_NONE && may_reuse(e, seg)) {
			tcp_count(self, MR_TCP_time_wait_reused);
			forget(self, slot);
			tcp_listen(self, in, seg, hash, snd_nxt);
			return;
		}
		answer(self, e, in);
		return;
	}
	if (seg->flags & MR_TCP_RST) { /* only in its exact place: RFC 5961 3.2, RFC 1337 */
		if (seg->seq == e->rcv_nxt)
			forget(self, slot);
		return;
	}
	/* RFC 9293 3.10.7.4 first: what lies outside the (empty) window is acknowledged, but never
	 * an ACK by an ACK; eighth: a FIN that comes again starts the time again, and so does what
	 * comes again of the bytes before it: either says that our last ACK has not arrived */
	if (len == 0 && seg->seq == e->rcv_nxt) {
		tcp_count(self, MR_TCP_duplicate);
		return;
	}
	if (len == 0) {
		tcp_count(self, MR_TCP_drop_window);
		return;
	}
	answer(self, e, in);
	if (e->rcv_nxt - (seg->seq + len) < self->config.receive_max_bytes)
		restart(self, slot);
}
