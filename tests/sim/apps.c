/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/apps - what the two ends of a connection do, and whether what they see is right.
 */
#include "sim.h"

#define GHOST       UINT64_MAX
#define LIFETIME_NS (4 * MR_NS_PER_S) /* longer than any frame can be on its way */

static struct sim_side *
side_of(struct sim_host *host, uint32_t conn)
{
	struct sim_world *w = host->world;
	uint64_t word = mr_tcp_app_word(host->tcp, conn);
	struct mr_tcp_view view;

	if (word)
		return &w->sides[word - 1];
	if (!mr_tcp_view(host->tcp, conn, &view))
		sim_fail(w, "an accepted connection has no identity");
	for (uint32_t i = 2 * w->pair_count; i-- > 0;) { /* the latest first */
		struct sim_side *s = &w->sides[i];

		if (s->started && !s->active && s->flow.remote_port == view.flow.remote_port &&
		    mr_addr_equal(&s->flow.remote, &view.flow.remote)) {
			mr_tcp_app_word_set(host->tcp, conn, i + 1);
			return s;
		}
	}
	sim_fail(w, "a connection that nobody opened: port %u", view.flow.remote_port);
}

static void
check_live(struct sim_world *w, const struct sim_side *s, const char *what)
{
	if (s->closed || (!s->accepted && !s->active))
		sim_fail(w, "side %u: %s outside its life", s->index, what);
}

/* by_chance: a late copy of an old ACK bears a cookie that is still valid, or a later segment bears
 * by chance (2^-23) one that is: nobody can tell, but for us. */
static bool
by_chance(const struct sim_host *host, uint32_t conn, const struct sim_side *peer)
{
	return !peer->iss_known || tcp_tcb(host->tcp, conn)->rcv_nxt != peer->iss + 1;
}

static void
on_accepted(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	struct sim_host *host = context;
	struct sim_world *w = host->world;
	struct sim_side *s = side_of(host, conn);

	if (!w->strict && !s->active &&
	    (s->accepted || by_chance(host, conn, &w->sides[s->index ^ 1]))) {
		mr_tcp_app_word_set(tcp, conn, GHOST);
		mr_tcp_abort(tcp, conn);
		return;
	}
	if (s->accepted)
		sim_fail(w, "side %u: accepted twice", s->index);
	s->accepted = true;
	s->conn = conn;
	/* of several cookies the peer may have answered an earlier one than the last */
	s->iss = tcp_tcb(tcp, conn)->snd_una - 1;
	w->features[SIM_F_cookie_ecn] |= !s->active && host->config.half_open_limit == 0 &&
					 (tcp_tcb(tcp, conn)->flags & TCP_ECN);
	sim_trace(w, "side %u accepted", s->index);
	if (s->lazy_start)
		sim_app_in(w, s, sim_below(w, 3000000));
	else
		sim_app(w, s);
}

static void
check_bytes(struct sim_world *w, struct sim_side *s, const uint8_t *bytes, uint32_t count)
{
	const struct sim_side *peer = &w->sides[s->index ^ 1];

	uint32_t right = sim_differ(w, peer, s->received, bytes, count);

	if (right < count)
		sim_fail(w, "side %u: wrong byte at %llu of the stream", s->index,
			 (unsigned long long)(s->received + right));
	if (s->received + count > peer->queued)
		sim_fail(w, "side %u: more bytes than were sent", s->index);
}

static void
strike(struct sim_world *w, struct sim_side *s)
{
	if (s->finished || s->received + s->acked < s->quit_at)
		return;
	s->finished = true;
	sim_trace(w, "side %u %s", s->index, s->finish == SIM_ABORT ? "aborts" : "closes early");
	sim_note(w, s->finish == SIM_ABORT ? SIM_F_app_abort : SIM_F_close_early);
	if (s->finish == SIM_ABORT)
		mr_tcp_abort(w->hosts[s->host].tcp, s->conn);
	else
		mr_tcp_close(w->hosts[s->host].tcp, s->conn);
}

static uint32_t
on_readable(void *context, struct mr_tcp *tcp, uint32_t conn, const uint8_t *bytes, uint32_t count)
{
	struct sim_host *host = context;
	struct sim_world *w = host->world;
	struct sim_side *s = side_of(host, conn);
	uint32_t take = count;

	(void)tcp;
	check_live(w, s, "readable");
	if (s->peer_closed)
		sim_fail(w, "side %u: bytes after the end", s->index);
	if (s->read_max) {
		if (s->waits_to_read)
			take = 0;
		else
			take = 1 + sim_below(w, s->read_max);
		take = MR_MIN(take, count);
	}
	sim_trace(w, "side %u is shown %u at %llu, takes %u", s->index, count,
		  (unsigned long long)s->received, take);
	check_bytes(w, s, bytes, take);
	if (s->finished && s->finish == SIM_SHUTDOWN && take)
		sim_note(w, SIM_F_half_close);
	s->received += take;
	if (take < count && !s->waits_to_read) {
		s->waits_to_read = true;
		sim_app_in(w, s, s->read_gap_us);
	}
	if (s->finish == SIM_CLOSE_EARLY || s->finish == SIM_ABORT)
		strike(w, s);
	return take;
}

static void
on_acked(void *context, struct mr_tcp *tcp, uint32_t conn, uint32_t bytes)
{
	struct sim_host *host = context;
	struct sim_world *w = host->world;
	struct sim_side *s = side_of(host, conn);

	(void)tcp;
	check_live(w, s, "acked");
	s->acked += bytes;
	if (s->acked > s->queued)
		sim_fail(w, "side %u: more acknowledged than queued", s->index);
	if (s->finish == SIM_CLOSE_EARLY || s->finish == SIM_ABORT)
		strike(w, s);
	if (!s->closed && !s->finished && s->write_gap_us == 0)
		sim_app(w, s);
}

static void
on_peer_closed(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	struct sim_host *host = context;
	struct sim_world *w = host->world;
	struct sim_side *s = side_of(host, conn);
	const struct sim_side *peer = &w->sides[s->index ^ 1];

	(void)tcp;
	check_live(w, s, "peer_closed");
	if (s->peer_closed)
		sim_fail(w, "side %u: peer_closed twice", s->index);
	s->peer_closed = true;
	sim_trace(w, "side %u peer_closed after %llu", s->index, (unsigned long long)s->received);
	if (s->received != peer->queued)
		sim_fail(w, "side %u: the end came at %llu of %llu", s->index,
			 (unsigned long long)s->received, (unsigned long long)peer->queued);
	if (!s->finished)
		sim_app_in(w, s, sim_chance(w, 50) ? 0 : sim_below(w, 100000));
}

/* reopen_later: after an end in order TIME-WAIT protects the next connection from what is still on
 * its way; after any other end only waiting does. */
static void
reopen_later(struct sim_world *w, const struct sim_side *s, const struct sim_side *peer)
{
	bool in_order = s->ended_well && peer->ended_well;
	struct sim_event e = { .at_ns = w->now_ns + (in_order ? 0 : LIFETIME_NS) +
					(sim_chance(w, 50) ? 0 : sim_below(w, 3000000000u)),
			       .kind = SIM_REOPEN,
			       .to = w->again[s->index / 2] };

	w->again[s->index / 2] = 0;
	sim_push(w, &e);
}

static void
on_closed(void *context, struct mr_tcp *tcp, uint32_t conn, enum mr_tcp_reason reason)
{
	struct sim_host *host = context;
	struct sim_world *w = host->world;
	struct sim_side *s, *peer;

	if (mr_tcp_app_word(tcp, conn) == GHOST)
		return;
	s = side_of(host, conn);
	check_live(w, s, "closed");
	s->closed = true;
	s->reason = reason;
	s->ended_well = reason == MR_TCP_END_OK;
	sim_trace(w, "side %u closed: %s", s->index, mr_tcp_reason_name(reason));
	peer = &w->sides[s->index ^ 1];
	if (w->again[s->index / 2] && (peer->closed || !peer->accepted))
		reopen_later(w, s, peer);
}

const struct mr_tcp_app_ops sim_app_ops = {
	.name = "sim",
	.accepted = on_accepted,
	.readable = on_readable,
	.acked = on_acked,
	.peer_closed = on_peer_closed,
	.closed = on_closed,
};

/* ---- generators ---- */

static uint32_t
gen_plan(void *context, uint64_t cookie, uint32_t offset, uint32_t room_bytes, bool *end)
{
	struct sim_world *w = context;
	struct sim_gen *g = &w->gens[cookie];
	uint32_t n = MR_MIN(room_bytes, g->total - g->planned);

	if (!g->live || offset != g->planned)
		sim_fail(w, "generator %u planned at %u of %u", (unsigned)cookie, offset,
			 g->planned);
	if (n && sim_chance(w, 10)) { /* nothing yet */
		if (!g->waiting) {
			struct sim_event e = { .at_ns = w->now_ns + 1000ull * sim_below(w, 200000),
					       .kind = SIM_RESUME,
					       .to = g->side };

			g->waiting = true;
			sim_push(w, &e);
		}
		return 0;
	}
	g->waiting = false;
	if (n > 1 && sim_chance(w, 30))
		n = 1 + sim_below(w, n);
	g->planned += n;
	*end = g->planned == g->total;
	return n;
}

static void
gen_fill(void *context, uint64_t cookie, uint32_t offset, uint8_t *out, uint32_t count)
{
	struct sim_world *w = context;
	struct sim_gen *g = &w->gens[cookie];

	if (!g->live || offset < g->acked || offset + count > g->planned) {
		if (mr_tcp_plant == 0 || !g->live || offset + count > g->planned)
			sim_fail(w, "generator %u asked for %u + %u; acked %u, planned %u",
				 (unsigned)cookie, offset, count, g->acked, g->planned);
	}
	memcpy(out, sim_bytes(w, &w->sides[g->side], g->start + offset), count);
}

static void
gen_acked(void *context, uint64_t cookie, uint32_t offset)
{
	struct sim_world *w = context;
	struct sim_gen *g = &w->gens[cookie];

	if (!g->live || offset <= g->acked || offset > g->planned)
		sim_fail(w, "generator %u acked to %u after %u", (unsigned)cookie, offset,
			 g->acked);
	g->acked = offset;
}

static void
gen_release(void *context, uint64_t cookie)
{
	struct sim_world *w = context;

	if (!w->gens[cookie].live)
		sim_fail(w, "generator %u released twice", (unsigned)cookie);
	w->gens[cookie].live = false;
}

const struct mr_tcp_gen_ops sim_gen_ops = {
	.plan = gen_plan,
	.fill = gen_fill,
	.acked = gen_acked,
	.release = gen_release,
};

void
sim_unpin(void *context, uint32_t pin)
{
	struct sim_host *host = context;

	if (host->pins == 0 || pin != 7)
		sim_fail(host->world, "a pin given back that was not taken");
	host->pins--;
}

/* ---- writing ---- */

static bool
write_ref(struct sim_world *w, struct sim_side *s, uint32_t n)
{
	struct sim_host *host = &w->hosts[s->host];

	n = MR_MIN(n, (uint32_t)SIM_PATTERN);
	host->pins++;
	s->queued += n; /* before the call: it may send, and the peer's check must know */
	if (mr_tcp_send_ref(host->tcp, s->conn, 0, (s->base + s->queued - n) % SIM_PATTERN, n, 7))
		return true;
	host->pins--;
	s->queued -= n;
	return false;
}

static bool
write_gen(struct sim_world *w, struct sim_side *s, uint32_t n)
{
	uint32_t gen = w->gen_count;

	if (gen == SIM_GEN_MAX)
		return write_ref(w, s, n);
	w->gens[gen] =
		(struct sim_gen){ .side = s->index, .start = s->queued, .total = n, .live = true };
	w->gen_count++;
	s->queued += n;
	if (mr_tcp_send_gen(w->hosts[s->host].tcp, s->conn, 0, gen))
		return true;
	w->gens[gen].live = false;
	s->queued -= n;
	return false;
}

static bool
write_own(struct sim_world *w, struct sim_side *s, uint32_t n)
{
	uint32_t at = (uint32_t)((s->base + s->queued) % SIM_PATTERN), taken;

	n = MR_MIN(n, (uint32_t)SIM_PATTERN);
	s->queued += n;
	taken = mr_tcp_send(w->hosts[s->host].tcp, s->conn, w->pattern + at, n);
	s->queued -= n - taken;
	return taken == n;
}

static bool
write_some(struct sim_world *w, struct sim_side *s)
{
	uint64_t want = 1 + sim_below(w, s->write_max);
	uint32_t n = (uint32_t)MR_MIN(want, s->total - s->queued);
	enum sim_write write = s->write;

	if (write == SIM_WRITE_MIXED)
		write = (enum sim_write)sim_below(w, 3);
	switch (write) {
	case SIM_WRITE_OWN:
		return write_own(w, s, n);
	case SIM_WRITE_REF:
		return write_ref(w, s, n);
	case SIM_WRITE_GEN:
	case SIM_WRITE_MIXED:
		return write_gen(w, s, n);
	}
	return false;
}

static void
finish(struct sim_world *w, struct sim_side *s)
{
	const struct sim_side *peer = &w->sides[s->index ^ 1];
	struct mr_tcp *tcp = w->hosts[s->host].tcp;

	if (s->finished || s->closed)
		return;
	if (s->finish == SIM_CLOSE && !s->peer_closed && s->received < peer->total)
		return; /* a well-behaved close waits for what is to come */
	s->finished = true;
	sim_trace(w, "side %u %s", s->index, s->finish == SIM_SHUTDOWN ? "shuts down" : "closes");
	if (s->finish == SIM_SHUTDOWN)
		mr_tcp_shutdown(tcp, s->conn);
	else
		mr_tcp_close(tcp, s->conn);
}

/* sim_app: the side gets to run. */
void
sim_app(struct sim_world *w, struct sim_side *s)
{
	if (!s->accepted || s->closed)
		return;
	if (s->waits_to_read) {
		s->waits_to_read = false;
		mr_tcp_resume(w->hosts[s->host].tcp, s->conn);
		if (s->closed)
			return;
	}
	if (s->finished)
		return;
	for (int i = 0; i < 64 && s->queued < s->total && !s->closed && !s->finished; i++) {
		if (!write_some(w, s)) {
			sim_app_in(w, s, 1000 + sim_below(w, 100000));
			return;
		}
		if (s->write_gap_us) {
			sim_app_in(w, s, sim_below(w, s->write_gap_us));
			return;
		}
	}
	if (s->queued < s->total) {
		sim_app_in(w, s, 1000);
	} else if (s->finish == SIM_SHUTDOWN || s->finish == SIM_CLOSE) {
		finish(w, s);
		if (!s->finished)
			sim_app_in(w, s, 50000);
	} else if (s->peer_closed || w->healed) {
		finish(w, s); /* it would have struck by now */
	}
}

void
sim_resume(struct sim_world *w, struct sim_side *s)
{
	for (uint32_t i = 0; i < w->gen_count; i++)
		if (w->gens[i].side == s->index)
			w->gens[i].waiting = false;
	if (s->accepted && !s->closed)
		mr_tcp_resume(w->hosts[s->host].tcp, s->conn);
}
