/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/defence - who goes first when something runs out, and who may not come at all.
 *
 * Prefixes. How many connections a source prefix has is counted in two rows of counters, each at a
 * place that a keyed hash gives; the smaller of the two is never below the truth, and above it only
 * when both places are shared. So the memory is fixed, however many prefixes there are.
 *
 * Eviction. When no TCB is left, a newcomer that has proved its address (a cookie) takes the place
 * of an idle connection whose prefix has more than twice as many as its own. A few are looked at,
 * drawn at random: prefixes that hold much are met often.
 *
 * Reclaim. When one of the pools runs low, connections that hold something and have got no further
 * for STALL_MS are reset: a hand goes round the send states, another round the kept inputs, a few
 * each turn.
 */
#include "tcp/tcp_int.h"

enum {
	PREFIX_ROWS = 2,
	PREFIX_PLACES_MIN = 1 << 10,
	PREFIX_PLACES_MAX = 1 << 16,
	EVICT_SAMPLES = 8,
	EVICTS_PER_TURN = 16,
	RECLAIM_PER_TURN = 16, /* objects that each hand looks at */
	LOW = 8,               /* a pool is low when less than one in so many is free */
	STALL_MS = 10000,
	STALL_LOW_MS = 1000, /* when less than one in 2 LOW is free */
};

/* ---- prefixes ---- */

static uint32_t
prefix_places(const struct mr_tcp_config *config)
{
	uint32_t places = PREFIX_PLACES_MIN;

	while (places < PREFIX_PLACES_MAX && places < config->conn_limit)
		places *= 2;
	return places;
}

uint64_t
tcp_prefix_bytes(const struct mr_tcp_config *config)
{
	return (uint64_t)prefix_places(config) * PREFIX_ROWS * sizeof(uint32_t);
}

int
tcp_prefix_create(struct mr_tcp *self, struct mr_arena *arena, struct mr_error *error)
{
	uint64_t bytes = tcp_prefix_bytes(&self->config), offset;

	if (mr_arena_take(arena, bytes, MR_CACHE_LINE, &offset) != 0)
		return mr_arena_shortage(arena, bytes, error);
	self->prefixes = mr_arena_at(arena, offset);
	self->prefix_mask = prefix_places(&self->config) - 1;
	return 0;
}

/* prefix_find gives the two counters of addr's prefix. */
static void
prefix_find(const struct mr_tcp *self, const struct mr_addr *addr, uint32_t *counters[PREFIX_ROWS])
{
	bool v4 = mr_addr_is_v4(addr);
	uint8_t bits = v4 ? self->config.prefix_v4_bits : self->config.prefix_v6_bits;
	uint64_t key = v4 ? __builtin_bswap32(addr->words[3]) : __builtin_bswap64(addr->halves[0]);
	uint64_t hash;

	key >>= (v4 ? 32 : 64) - bits;
	key ^= v4 ? 0 : 1ull << 63; /* with 64 bits of IPv6 two prefixes share a count: no harm */
	hash = mr_hash_bytes(&self->config.table_key, &key, sizeof(key));
	counters[0] = &self->prefixes[hash & self->prefix_mask];
	counters[1] = &self->prefixes[(hash >> 32 & self->prefix_mask) + self->prefix_mask + 1];
}

static uint32_t
prefix_count(const struct mr_tcp *self, const struct mr_addr *addr)
{
	uint32_t *counters[PREFIX_ROWS];

	prefix_find(self, addr, counters);
	return MR_MIN(*counters[0], *counters[1]);
}

void
tcp_prefix_add(struct mr_tcp *self, const struct mr_addr *addr, int change)
{
	uint32_t *counters[PREFIX_ROWS];

	prefix_find(self, addr, counters);
	*counters[0] += (uint32_t)change;
	*counters[1] += (uint32_t)change;
}

bool
tcp_prefix_allows(struct mr_tcp *self, const struct mr_addr *addr)
{
	uint32_t limit = self->config.prefix_limit;

	if (limit == 0 || prefix_count(self, addr) < limit)
		return true;
	tcp_count(self, MR_TCP_drop_prefix);
	return false;
}

/* ---- eviction ---- */

static bool
is_idle(const struct tcp_tcb *t)
{
	return !(t->generation & 1) && t->tx == 0 && t->rx == 0 &&
	       tcp_state_synchronized(t->state) && !(t->flags & (TCP_BUSY | TCP_ENDED));
}

/* tcp_evict resets one idle connection of a heavier prefix than addr's. Returns whether a TCB is
 * free now. */
bool
tcp_evict(struct mr_tcp *self, const struct mr_addr *addr)
{
	uint32_t most = 2 * prefix_count(self, addr) + 1;
	uint32_t samples[EVICT_SAMPLES];
	struct tcp_tcb *victim = NULL;
	bool entered;

	if (self->evicts_left == 0)
		return false;
	self->evicts_left--;
	for (int i = 0; i < EVICT_SAMPLES; i++) {
		samples[i] = 1 + (uint32_t)mr_rng_below(&self->rng, self->config.conn_limit);
		__builtin_prefetch(tcp_tcb(self, samples[i]));
		__builtin_prefetch((uint8_t *)tcp_tcb(self, samples[i]) + MR_CACHE_LINE);
	}
	for (int i = 0; i < EVICT_SAMPLES; i++) {
		struct tcp_tcb *t = tcp_tcb(self, samples[i]);
		uint32_t count = is_idle(t) ? prefix_count(self, &t->flow.remote) : 0;

		if (count > most) {
			most = count;
			victim = t;
		}
	}
	if (victim == NULL)
		return false;
	entered = tcp_enter(victim);
	tcp_conn_reset(self, victim, MR_TCP_END_SHED);
	tcp_leave(self, victim, entered);
	return true;
}

/* ---- reclaim ---- */

/* pools_low returns after how long without progress a connection is stalled; 0: nothing is low. */
static uint32_t
stall_ms(const struct mr_tcp *self)
{
	const struct mr_pool *pools[] = { &self->txs, &self->rxs, &self->runs, &self->extents,
					  &self->chunks };
	uint32_t stall = 0;

	for (size_t i = 0; i < MR_ARRAY_COUNT(pools); i++) {
		uint32_t left = pools[i]->limit - pools[i]->used;

		if (left < pools[i]->limit / LOW && stall == 0)
			stall = STALL_MS;
		if (left < pools[i]->limit / (2 * LOW))
			stall = STALL_LOW_MS;
	}
	return stall;
}

static void
shed(struct mr_tcp *self, uint32_t conn)
{
	struct tcp_tcb *t = tcp_tcb(self, conn);
	bool entered = tcp_enter(t);

	tcp_conn_reset(self, t, MR_TCP_END_SHED);
	tcp_leave(self, t, entered);
}

void
tcp_reclaim(struct mr_tcp *self)
{
	uint32_t stall = stall_ms(self);

	for (int i = 0; stall && i < RECLAIM_PER_TURN; i++) {
		self->tx_hand = self->tx_hand % self->txs.limit + 1;
		if (self->tx_hand < self->txs.fresh) {
			const struct tcp_tx *tx = mr_pool_at(&self->txs, self->tx_hand);

			if (tx->conn && self->now_ms - tx->advanced_ms >= stall)
				shed(self, tx->conn);
		}
		self->rx_hand = self->rx_hand % self->rxs.limit + 1;
		if (self->rx_hand < self->rxs.fresh) {
			const struct tcp_rx *rx = mr_pool_at(&self->rxs, self->rx_hand);

			if (rx->conn && self->now_ms - rx->advanced_ms >= stall)
				shed(self, rx->conn);
		}
	}
	self->evicts_left = EVICTS_PER_TURN;
}

/* tcp_pool_reserved says whether what is left of a pool is kept for connections that hold nothing
 * of it. */
bool
tcp_pool_reserved(const struct mr_pool *pool)
{
	return pool->limit - pool->used < pool->limit / LOW;
}

/* tcp_progress resets a peer that acknowledges, but so slowly that it is no reader: fewer than
 * progress_bytes in progress_ms while there was more for it. Returns false when it did. A peer that
 * is silent is dealt with by its retransmissions, one with a shut window by persist_limit_ms. */
bool
tcp_progress(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx)
{
	uint32_t period_ms = self->config.progress_ms;

	if (period_ms == 0 || self->now_ms - tx->progress_ms < period_ms)
		return true;
	if (t->snd_una - tx->progress_una < self->config.progress_bytes && tx->open_count == 0 &&
	    t->snd_una != t->snd_end) {
		tcp_conn_reset(self, t, MR_TCP_END_SLOW);
		return false;
	}
	tx->progress_ms = self->now_ms;
	tx->progress_una = t->snd_una;
	return true;
}
