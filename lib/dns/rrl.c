/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/rrl - the table, the clocks in it, and the shares.
 */
#include "dns/dns_int.h"

#include <string.h>

enum {
	SHARE_ONE = 65536,
	SEEN_WAYS = 4,
	SEEN_LATE_MS = 10000, /* not limited for so long: it may be forgotten, or is new again */
};

/* Times are in microseconds, modulo 2^32: an hour. */
struct cell {
	uint32_t tag; /* 0: free */
	uint32_t due_us;
};

struct mr_dns_rrl_line {
	struct cell cells[MR_DNS_RRL_CELLS];
};
_Static_assert(sizeof(struct mr_dns_rrl_line) == MR_CACHE_LINE, "one line per answer");

/* sequence is odd while the worker writes. */
struct mr_dns_rrl_slot {
	uint32_t sequence;
	uint32_t tag;
	struct mr_dns_rrl_seen seen;
};

int
mr_dns_rrl_create(struct mr_dns_rrl *self, uint32_t prefix_count, struct mr_arena *arena,
		  struct mr_error *error)
{
	uint64_t lines = 64, offset, bytes, seed;

	memset(self, 0, sizeof(*self));
	if (!prefix_count)
		return 0;
	while (lines < prefix_count)
		lines *= 2;
	bytes = lines * sizeof(struct mr_dns_rrl_line);
	if (mr_arena_take(arena, bytes, MR_CACHE_LINE, &offset))
		return mr_arena_shortage(arena, bytes, error);
	self->lines = mr_arena_at(arena, offset);
	self->line_mask = lines - 1;
	bytes = MR_DNS_RRL_SEEN * sizeof(struct mr_dns_rrl_slot);
	if (mr_arena_take(arena, bytes, MR_CACHE_LINE, &offset))
		return mr_arena_shortage(arena, bytes, error);
	self->seen = mr_arena_at(arena, offset);
	mr_rng_secret(&self->key, sizeof(self->key));
	mr_rng_secret(&seed, sizeof(seed));
	mr_rng_seed(&self->rng, seed);
	return 0;
}

static struct mr_prefix
prefix_of(const struct mr_dns_rrl_config *config, const struct mr_addr *client)
{
	unsigned bits = mr_addr_is_v4(client) ? config->v4_bits + 96u : config->v6_bits;
	struct mr_prefix prefix = { .addr = *client, .bits = (uint8_t)bits };
	uint64_t high = bits >= 64 ? UINT64_MAX : ~(UINT64_MAX >> bits);
	uint64_t low = bits <= 64 ? 0 : ~(bits == 128 ? 0 : UINT64_MAX >> (bits - 64));

	prefix.addr.halves[0] &= __builtin_bswap64(high);
	prefix.addr.halves[1] &= __builtin_bswap64(low);
	return prefix;
}

static uint64_t
prefix_hash(const struct mr_dns_rrl *self, const struct mr_prefix *prefix)
{
	uint64_t state = mr_hash_fold(self->key.k0, prefix->addr.halves[0] ^ self->key.k1);

	return mr_hash_finish(mr_hash_fold(state, prefix->addr.halves[1] ^ self->key.k1));
}

struct mr_dns_rrl_line *
mr_dns_rrl_line_of(const struct mr_dns_rrl *self, const struct mr_dns_rrl_config *config,
		   const struct mr_addr *client, uint32_t *tag)
{
	struct mr_prefix prefix = prefix_of(config, client);
	uint64_t hash = prefix_hash(self, &prefix);
	struct mr_dns_rrl_line *line = &self->lines[hash & self->line_mask];

	mr_zone_prefetch(line);
	*tag = (uint32_t)(hash >> 32);
	return line;
}

/* The cell of tag, or one that is taken for it: free, or the one with least ahead of it. */
static struct cell *
line_cell(struct mr_dns_rrl_line *line, uint32_t tag, uint32_t now_us, uint32_t burst_us)
{
	struct cell *least = NULL;
	uint32_t least_us = UINT32_MAX;

	for (unsigned i = 0; i < MR_DNS_RRL_CELLS; i++) {
		struct cell *cell = &line->cells[i];
		uint32_t ahead_us = cell->due_us - now_us;

		if (cell->tag == tag)
			return cell;
		if (!cell->tag || ahead_us > burst_us) /* long past */
			ahead_us = 0;
		if (ahead_us < least_us) {
			least_us = ahead_us;
			least = cell;
		}
	}
	*least = (struct cell){ .tag = tag, .due_us = now_us };
	return least;
}

bool
mr_dns_rrl_charge(struct mr_dns_rrl *self, const struct mr_dns_rrl_config *config,
		  struct mr_dns_rrl_line *line, uint32_t tag, enum mr_dns_rrl_class rrl_class,
		  uint64_t zone_hash, uint64_t now_ns)
{
	uint32_t now_us = (uint32_t)(now_ns / 1000), burst_us = config->burst_ms * 1000;
	uint32_t share = __atomic_load_n(&self->share[rrl_class], __ATOMIC_RELAXED);
	uint32_t rate = config->rates[rrl_class], ahead_us, cost_us;
	struct cell *cell;

	__atomic_store_n(&self->demand[rrl_class], self->demand[rrl_class] + 1, __ATOMIC_RELAXED);
	if (!rate)
		return true;
	tag ^= (uint32_t)(rrl_class + 1) * 0x9e3779b1u;
	if (rrl_class == MR_DNS_RRL_NXDOMAIN)
		tag ^= (uint32_t)(zone_hash >> 32);
	/* A share below 1 / 4096 of the rate counts as that. */
	cost_us = (uint32_t)((uint64_t)MR_NS_PER_S / 1000 * SHARE_ONE /
			     ((uint64_t)rate * (share ? MR_MAX(share, 16u) : SHARE_ONE)));
	cell = line_cell(line, tag | !tag, now_us, burst_us);
	ahead_us = cell->due_us - now_us;
	if (ahead_us > burst_us) { /* before now, or so long ago that the clock went round */
		ahead_us = 0;
		cell->due_us = now_us;
	}
	if (ahead_us + cost_us > MR_MAX(burst_us, cost_us))
		return false;
	cell->due_us += cost_us;
	return true;
}

bool
mr_dns_rrl_allowed(const struct mr_dns_rrl_config *config, const struct mr_addr *client)
{
	for (uint32_t i = 0; i < config->allow_count; i++)
		if (mr_prefix_covers(&config->allow[i], client))
			return true;
	return false;
}

/* ---- what people see ---- */

/* The slot of a prefix and class; another's when all its ways are taken: the one that was limited
 * longest ago goes. */
static struct mr_dns_rrl_slot *
seen_slot(const struct mr_dns_rrl *self, uint64_t hash, uint32_t tag)
{
	struct mr_dns_rrl_slot *way = &self->seen[hash % (MR_DNS_RRL_SEEN / SEEN_WAYS) * SEEN_WAYS];
	struct mr_dns_rrl_slot *oldest = way;

	for (unsigned i = 0; i < SEEN_WAYS; i++) {
		if (way[i].tag == tag)
			return &way[i];
		if (way[i].seen.last_ns < oldest->seen.last_ns)
			oldest = &way[i];
	}
	return oldest;
}

enum mr_dns_rrl_verdict
mr_dns_rrl_limit(struct mr_dns_rrl *self, const struct mr_dns_rrl_config *config,
		 const struct mr_addr *client, enum mr_dns_rrl_class rrl_class, uint64_t now_ns,
		 bool *is_new)
{
	struct mr_prefix prefix = prefix_of(config, client);
	uint64_t hash = prefix_hash(self, &prefix) + rrl_class;
	uint32_t tag = (uint32_t)(hash >> 32 ^ hash << 8) | 1;
	struct mr_dns_rrl_slot *slot = seen_slot(self, hash, tag);
	struct mr_dns_rrl_seen seen = slot->seen;

	*is_new = slot->tag != tag || now_ns - seen.last_ns > SEEN_LATE_MS * MR_NS_PER_MS;
	if (*is_new)
		seen = (struct mr_dns_rrl_seen){ .prefix = prefix,
						 .rrl_class = (uint8_t)rrl_class,
						 .first_ns = now_ns };
	seen.limited++;
	seen.last_ns = now_ns;
	__atomic_store_n(&slot->sequence, slot->sequence + 1, __ATOMIC_RELAXED);
	/* forbids what follows to be seen before the odd sequence */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	slot->tag = tag;
	slot->seen = seen;
	__atomic_store_n(&slot->sequence, slot->sequence + 1, __ATOMIC_RELEASE);
	if (!config->slip || mr_rng_below(&self->rng, config->slip))
		return MR_DNS_RRL_LIMIT;
	return MR_DNS_RRL_SLIP;
}

unsigned
mr_dns_rrl_list(const struct mr_dns_rrl *self, struct mr_dns_rrl_seen *out, unsigned room)
{
	unsigned count = 0;

	for (unsigned i = 0; self->seen && i < MR_DNS_RRL_SEEN && count < room; i++) {
		const struct mr_dns_rrl_slot *slot = &self->seen[i];
		uint32_t before = __atomic_load_n(&slot->sequence, __ATOMIC_ACQUIRE);

		out[count] = slot->seen;
		/* forbids the copy to be read after the second look */
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (!(before & 1) && out[count].limited &&
		    __atomic_load_n(&slot->sequence, __ATOMIC_RELAXED) == before)
			count++;
	}
	return count;
}

const char *
mr_dns_rrl_class_name(enum mr_dns_rrl_class rrl_class)
{
	static const char *const names[MR_DNS_RRL_CLASSES] = { "answer", "nxdomain", "nodata",
							       "referral", "error" };

	return names[rrl_class];
}

/* ---- shares ---- */

/* Half of a rate goes to all alike, so that who was not asked just now is not at a loss; half by
 * what each was asked. */
void
mr_dns_rrl_rebalance(struct mr_dns_rrl *const *workers, unsigned worker_count)
{
	for (unsigned c = 0; c < MR_DNS_RRL_CLASSES; c++) {
		uint32_t asked[MR_WORKER_MAX];
		uint64_t sum = 0;

		for (unsigned i = 0; i < worker_count; i++) {
			uint32_t demand = __atomic_load_n(&workers[i]->demand[c], __ATOMIC_RELAXED);

			asked[i] = demand - workers[i]->told[c];
			workers[i]->told[c] = demand;
			sum += asked[i];
		}
		for (unsigned i = 0; i < worker_count; i++) {
			uint64_t part = sum ? (uint64_t)asked[i] * (SHARE_ONE / 2) / sum
					    : SHARE_ONE / 2 / worker_count;

			__atomic_store_n(&workers[i]->share[c],
					 (uint32_t)(part + SHARE_ONE / 2 / worker_count),
					 __ATOMIC_RELAXED);
		}
	}
}
