/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/audit - whether every object of a host's pools is in exactly one place.
 *
 * tcp_check looks at one connection; an object that two connections hold, or that is held and free
 * at once, only a walk over all of them shows.
 */
#include "sim.h"

enum { AUDIT_OBJECT_MAX = 8192 };

struct audit {
	struct sim_world *w;
	const struct mr_pool *pool;
	const char *what;
	uint32_t held;
	bool seen[AUDIT_OBJECT_MAX];
};

static void
begin(struct audit *a, struct sim_world *w, const struct mr_pool *pool, const char *what)
{
	MR_ASSERT(pool->limit < AUDIT_OBJECT_MAX);
	a->w = w;
	a->pool = pool;
	a->what = what;
	a->held = 0;
	memset(a->seen, 0, pool->fresh);
}

static void
hold(struct audit *a, uint32_t handle)
{
	if (handle == 0 || handle >= a->pool->fresh)
		sim_fail(a->w, "%s %u was never given", a->what, handle);
	if (a->seen[handle])
		sim_fail(a->w, "%s %u is held twice", a->what, handle);
	a->seen[handle] = true;
	a->held++;
}

/* finish: what is not held is free, and all of it. */
static void
finish(struct audit *a)
{
	uint32_t held = a->held;

	if (held != a->pool->used)
		sim_fail(a->w, "%u of %s are held, %u in use", held, a->what, a->pool->used);
	for (uint32_t h = a->pool->free_head; h; h = *(const uint32_t *)mr_pool_at(a->pool, h))
		hold(a, h);
	if (a->held != a->pool->fresh - 1)
		sim_fail(a->w, "%s: %u held or free of %u", a->what, a->held, a->pool->fresh - 1);
}

static const struct tcp_tcb *
live(const struct mr_tcp *tcp, uint32_t conn)
{
	const struct tcp_tcb *t = tcp_tcb(tcp, conn);

	return t->generation & 1 ? NULL : t;
}

void
sim_audit(struct sim_world *w, uint32_t host)
{
	static struct audit chunks, runs, extents, txs, rxs;
	const struct mr_tcp *tcp = w->hosts[host].tcp;

	begin(&chunks, w, &tcp->chunks, "chunk");
	begin(&runs, w, &tcp->runs, "run");
	begin(&extents, w, &tcp->extents, "extent");
	begin(&txs, w, &tcp->txs, "send state");
	begin(&rxs, w, &tcp->rxs, "receive state");
	for (uint32_t conn = 1; conn < tcp->tcbs.fresh; conn++) {
		const struct tcp_tcb *t = live(tcp, conn);
		const struct tcp_tx *tx = t ? tcp_tx(tcp, t) : NULL;
		const struct tcp_rx *rx = t ? tcp_rx(tcp, t) : NULL;

		if (tx)
			hold(&txs, t->tx);
		if (rx)
			hold(&rxs, t->rx);
		for (uint32_t h = rx ? rx->head : 0; h; h = tcp_chunk(tcp, h)->next)
			hold(&chunks, h);
		for (uint32_t h = tx ? tx->run_head : 0; h; h = tcp_run(tcp, h)->next)
			hold(&runs, h);
		for (uint32_t h = tx ? tx->extent_head : 0; h; h = tcp_extent(tcp, h)->next) {
			const struct tcp_extent *e = tcp_extent(tcp, h);

			hold(&extents, h);
			if (e->kind == TCP_EXTENT_OWN)
				hold(&chunks, e->chunk_or_pin);
		}
	}
	finish(&chunks);
	finish(&runs);
	finish(&extents);
	finish(&txs);
	finish(&rxs);
}
