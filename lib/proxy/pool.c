/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy/pool - links: connections to origins, and those of them that are kept.
 */
#include "proxy_int.h"

/* ---- kept ones ---- */

static void
kept_remove(struct mr_proxy *self, uint32_t handle)
{
	struct proxy_link *link = proxy_link_at(self, handle);
	struct proxy_kept *kept = &self->kept[link->ref.slot];

	if (link->prev)
		proxy_link_at(self, link->prev)->next = link->next;
	else
		kept->first = link->next;
	if (link->next)
		proxy_link_at(self, link->next)->prev = link->prev;
	if (link->older)
		proxy_link_at(self, link->older)->newer = link->newer;
	else
		self->kept_oldest = link->newer;
	if (link->newer)
		proxy_link_at(self, link->newer)->older = link->older;
	else
		self->kept_newest = link->older;
	kept->count--;
}

static void
kept_add(struct mr_proxy *self, uint32_t handle)
{
	struct proxy_link *link = proxy_link_at(self, handle);
	struct proxy_kept *kept = &self->kept[link->ref.slot];

	link->prev = 0;
	link->next = kept->first;
	if (kept->first)
		proxy_link_at(self, kept->first)->prev = handle;
	kept->first = handle;
	kept->count++;
	link->newer = 0;
	link->older = self->kept_newest;
	if (self->kept_newest)
		proxy_link_at(self, self->kept_newest)->newer = handle;
	else
		self->kept_oldest = handle;
	self->kept_newest = handle;
}

uint32_t
proxy_link_take(struct mr_proxy *self, const struct mr_origin *origin, bool idempotent)
{
	uint32_t handle = self->kept[origin->ref.slot].first;
	struct proxy_link *link;

	if (!handle)
		return 0;
	link = proxy_link_at(self, handle); /* the latest: if it is not fresh, none is */
	MR_ASSERT_SLOW(link->ref.generation == origin->ref.generation);
	if (!idempotent && self->now_ns - link->used_ns > MR_PROXY_FRESH_MS * MR_NS_PER_MS)
		return 0;
	kept_remove(self, handle);
	mr_tcp_deadline(self->tcp, link->conn, 0);
	return handle;
}

void
proxy_link_keep(struct mr_proxy *self, uint32_t handle, const struct mr_upstream_limits *limits)
{
	struct proxy_link *link = proxy_link_at(self, handle);

	link->exchange = 0;
	link->requests++;
	if ((limits->connection_requests && link->requests >= limits->connection_requests) ||
	    self->kept[link->ref.slot].count >= limits->idle_connections ||
	    !mr_origin_keeps(self->policy.upstreams, link->ref)) {
		proxy_link_drop(self, handle, false);
		return;
	}
	link->used_ns = self->now_ns;
	kept_add(self, handle);
	mr_tcp_deadline(self->tcp, link->conn, limits->idle_ms);
	self->tally[MR_PROXY_keep]++;
}

void
proxy_kept_sweep(struct mr_proxy *self, uint32_t limit)
{
	uint32_t handle = self->kept_oldest, next;

	for (; handle && limit; handle = next, limit--) {
		struct proxy_link *link = proxy_link_at(self, handle);

		next = link->newer;
		if (mr_origin_keeps(self->policy.upstreams, link->ref))
			continue;
		self->tally[MR_PROXY_kept_unwanted]++;
		kept_remove(self, handle);
		proxy_link_drop(self, handle, false);
	}
}

/* ---- all ---- */

uint32_t
proxy_link_open(struct mr_proxy *self, const struct mr_origin *origin)
{
	uint32_t handle = mr_pool_get(&self->links), oldest = self->kept_oldest;
	struct proxy_link *link;

	if (!handle && oldest) { /* kept ones are the first that go */
		self->tally[MR_PROXY_link_evicted]++;
		kept_remove(self, oldest);
		proxy_link_drop(self, oldest, false);
		handle = mr_pool_get(&self->links);
	}
	if (!handle)
		return 0;
	link = proxy_link_at(self, handle);
	*link = (struct proxy_link){ .ref = origin->ref };
	link->conn = self->connect(self->connect_context, origin, handle);
	if (!link->conn) {
		mr_pool_put(&self->links, handle);
		return 0;
	}
	self->tally[MR_PROXY_connect]++;
	mr_origin_opened(&self->policy, link->ref);
	return handle;
}

void
proxy_link_gone(struct mr_proxy *self, uint32_t handle)
{
	mr_origin_closed(&self->policy, proxy_link_at(self, handle)->ref);
	mr_pool_put(&self->links, handle);
}

void
proxy_link_drop(struct mr_proxy *self, uint32_t handle, bool reset)
{
	uint32_t conn = proxy_link_at(self, handle)->conn;

	if (proxy_link_at(self, handle)->gone) {
		proxy_link_gone(self, handle);
		return;
	}
	mr_tcp_app_word_set(self->tcp, conn, 0); /* its events are nobody's now */
	proxy_link_gone(self, handle);
	if (reset)
		mr_tcp_abort(self->tcp, conn);
	else
		mr_tcp_close(self->tcp, conn);
}

void
proxy_link_idle_end(struct mr_proxy *self, uint32_t handle, enum mr_proxy_metric metric)
{
	self->tally[metric]++;
	kept_remove(self, handle);
	proxy_link_drop(self, handle, metric == MR_PROXY_kept_data);
}

void
proxy_link_idle_gone(struct mr_proxy *self, uint32_t handle)
{
	self->tally[MR_PROXY_kept_closed]++;
	kept_remove(self, handle);
	proxy_link_gone(self, handle);
}
