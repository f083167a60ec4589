/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy/balance - which origin of a group is asked next.
 */
#include <string.h>

#include "proxy/upstream_int.h"

enum {
	RAMP_FULL = 256,  /* what an origin weighs is in parts of this */
	RAMP_FIRST = 26,  /* a tenth: where slow start begins */
	HASH_PLACES = 16, /* of the table that a key may come to before it is asked another way */
	TURN_BOUND = 1 << 28,
};
#define AVERAGE_TAU_NS (10 * MR_NS_PER_S) /* of latency */

/* Those of a group that an exchange may go to. */
struct candidates {
	uint32_t count;
	bool full; /* there were others, without room */
	uint8_t indices[MR_UPSTREAM_ORIGIN_MAX];
};

/* ---- one origin ---- */

bool
mr_origin_takes(const struct mr_origin *origin)
{
	const struct mr_origin_shared *shared = origin->shared;

	return origin->way.known &&
	       __atomic_load_n(&shared->admin, __ATOMIC_RELAXED) == MR_ORIGIN_ENABLED &&
	       !(origin->checked &&
		 __atomic_load_n(&shared->health, __ATOMIC_RELAXED) == MR_ORIGIN_DOWN) &&
	       !__atomic_load_n(&shared->ejected_until_ns, __ATOMIC_RELAXED);
}

uint32_t
origin_weight(const struct mr_upstream *group, const struct mr_origin *origin, uint64_t now_ns)
{
	uint64_t since_ns = __atomic_load_n(&origin->shared->since_ns, __ATOMIC_RELAXED);
	uint64_t slow_ns = group->config->slow_start_ns, ramp = RAMP_FULL;

	if (since_ns && now_ns < since_ns + slow_ns) {
		uint64_t elapsed_ns = now_ns - MR_MIN(since_ns, now_ns);

		ramp = RAMP_FIRST +
		       (RAMP_FULL - RAMP_FIRST) * (elapsed_ns >> 10) / MR_MAX(slow_ns >> 10, 1ull);
	}
	return (uint32_t)(origin->weight * ramp);
}

/* worker_line gives what the worker keeps of an origin; a slot's new owner begins anew. */
static struct mr_origin_worker *
worker_line(struct mr_upstream_worker *worker, const struct mr_origin *origin)
{
	struct mr_origin_worker *line = &worker->origins[origin->ref.slot];

	if (mr_unlikely(line->generation != origin->ref.generation)) {
		MR_ASSERT_SLOW(!line->active && !line->open);
		line->turn = 0;
		line->failures = 0;
		line->connect_failures = 0;
		line->average_us = 0;
		line->average_ns = 0;
		__atomic_store_n(&line->exchanges, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&line->failed, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&line->connect_failed, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&line->generation, origin->ref.generation, __ATOMIC_RELAXED);
	}
	return line;
}

/* Whether an origin may be asked; *full when only room is wanting. */
static bool
origin_free(const struct mr_upstream *group, struct mr_upstream_worker *worker, uint32_t index,
	    const struct mr_upstream_tried *tried, bool *full)
{
	const struct mr_origin *origin = &group->origins[index];

	if (tried_has(tried, index) || !mr_origin_takes(origin))
		return false;
	if (worker_line(worker, origin)->active < origin->active_limit)
		return true;
	*full = true;
	return false;
}

static void
candidates_gather(struct candidates *self, const struct mr_upstream *group,
		  struct mr_upstream_worker *worker, const struct mr_upstream_tried *tried,
		  bool backup)
{
	uint32_t primary_count = group->origin_count - group->backup_count;
	uint32_t from = backup ? primary_count : 0;
	uint32_t to = backup ? group->origin_count : primary_count;

	self->count = 0;
	for (uint32_t i = from; i < to; i++)
		if (origin_free(group, worker, i, tried, &self->full))
			self->indices[self->count++] = (uint8_t)i;
}

/* ---- policies: each returns an index of the group; count > 0 ---- */

static uint32_t
choose_turn(const struct candidates *from, const struct mr_upstream *group,
	    struct mr_upstream_worker *worker, uint64_t now_ns)
{
	struct mr_origin_worker *best = NULL;
	uint32_t index = from->indices[0];
	int32_t total = 0;

	for (uint32_t i = 0; i < from->count; i++) {
		const struct mr_origin *origin = &group->origins[from->indices[i]];
		struct mr_origin_worker *line = worker_line(worker, origin);
		int32_t weight = (int32_t)origin_weight(group, origin, now_ns);

		/* who is long in one choice and seldom in another drifts; it need not wrap */
		line->turn = MR_MIN(line->turn + weight, TURN_BOUND);
		total += weight;
		if (best && line->turn <= best->turn)
			continue;
		best = line;
		index = from->indices[i];
	}
	best->turn = MR_MAX(best->turn - total, -TURN_BOUND);
	return index;
}

/* What an exchange more would be for an origin, before its weight divides it. */
static uint64_t
origin_load(struct mr_upstream_worker *worker, const struct mr_origin *origin, bool average,
	    uint64_t now_ns)
{
	const struct mr_origin_worker *line = worker_line(worker, origin);
	uint64_t load = 1ull + line->active + __atomic_load_n(&line->others, __ATOMIC_RELAXED);
	uint64_t idle_ns = now_ns - MR_MIN(line->average_ns, now_ns);
	uint64_t tau_ms = AVERAGE_TAU_NS / MR_NS_PER_MS;

	if (!average)
		return load;
	/* What is long ago counts less, so that a slow one is asked again some time. */
	return load * (1 + line->average_us * tau_ms / (tau_ms + idle_ns / MR_NS_PER_MS));
}

/* Whether a is the lighter one. Loads are below 2^57, weights below 2^17. */
static bool
lighter(uint64_t load_a, uint32_t weight_a, uint64_t load_b, uint32_t weight_b)
{
	return (__uint128_t)load_a * weight_b < (__uint128_t)load_b * weight_a;
}

static uint32_t
choose_least(const struct candidates *from, const struct mr_upstream *group,
	     struct mr_upstream_worker *worker, uint64_t now_ns)
{
	uint32_t start = (uint32_t)mr_rng_below(&worker->rng, from->count);
	uint32_t best = from->indices[start], best_weight = 0;
	uint64_t best_load = 0;

	for (uint32_t i = 0; i < from->count; i++) {
		uint32_t index = from->indices[(start + i) % from->count];
		const struct mr_origin *origin = &group->origins[index];
		uint64_t load = origin_load(worker, origin, false, now_ns);
		uint32_t weight = origin_weight(group, origin, now_ns);

		if (i && !lighter(load, weight, best_load, best_weight))
			continue;
		best = index;
		best_load = load;
		best_weight = weight;
	}
	return best;
}

static uint32_t
choose_two(const struct candidates *from, const struct mr_upstream *group,
	   struct mr_upstream_worker *worker, bool average, uint64_t now_ns)
{
	uint32_t first = (uint32_t)mr_rng_below(&worker->rng, from->count), second;
	const struct mr_origin *a, *b;

	if (from->count == 1)
		return from->indices[0];
	second = (uint32_t)mr_rng_below(&worker->rng, from->count - 1);
	second += second >= first; /* another one */
	a = &group->origins[from->indices[first]];
	b = &group->origins[from->indices[second]];
	return lighter(origin_load(worker, b, average, now_ns), origin_weight(group, b, now_ns),
		       origin_load(worker, a, average, now_ns), origin_weight(group, a, now_ns))
		       ? from->indices[second]
		       : from->indices[first];
}

/* choose_hash asks the table, at places that the key draws one after the other. */
static bool
choose_hash(const struct mr_upstream *group, struct mr_upstream_worker *worker, uint64_t key_hash,
	    const struct mr_upstream_tried *tried, bool backup, bool *full, uint32_t *out)
{
	uint32_t first = backup ? group->origin_count - group->backup_count : 0;
	const uint8_t *table = group->maglev[backup];
	uint64_t draw = key_hash;

	for (int i = 0; table && i < HASH_PLACES; i++) {
		uint32_t index = first + table[draw % MR_MAGLEV_SIZE];

		*out = index;
		if (origin_free(group, worker, index, tried, full))
			return true;
		draw = mr_hash_finish(draw + 1);
	}
	return false;
}

/* choose_rendezvous is for a key whose places were all of origins that are out: who makes most of
 * the key has it. */
static uint32_t
choose_rendezvous(const struct candidates *from, const struct mr_upstream *group, uint64_t key_hash)
{
	uint32_t best = from->indices[0];
	uint64_t most = 0;

	for (uint32_t i = 0; i < from->count; i++) {
		const struct mr_origin *origin = &group->origins[from->indices[i]];
		uint64_t mark = mr_hash_finish(
			mr_hash_fold(mr_hash_fold(key_hash, origin->addr.halves[0] ^ origin->port),
				     origin->addr.halves[1]));

		if (mark <= most)
			continue;
		most = mark;
		best = from->indices[i];
	}
	return best;
}

static uint32_t
choose(const struct candidates *from, const struct mr_upstream *group,
       struct mr_upstream_worker *worker, uint64_t key_hash, uint64_t now_ns)
{
	switch ((enum mr_upstream_policy)group->config->policy) {
	case MR_UPSTREAM_ROUND_ROBIN:
		break;
	case MR_UPSTREAM_LEAST:
		return choose_least(from, group, worker, now_ns);
	case MR_UPSTREAM_TWO:
		return choose_two(from, group, worker, false, now_ns);
	case MR_UPSTREAM_TWO_AVERAGE:
		return choose_two(from, group, worker, true, now_ns);
	case MR_UPSTREAM_HASH:
		return choose_rendezvous(from, group, key_hash);
	}
	return choose_turn(from, group, worker, now_ns);
}

/* ---- an exchange ---- */

void
mr_upstream_worker_create(struct mr_upstream_worker *self, struct mr_origin_table *table,
			  uint16_t worker, uint64_t seed)
{
	MR_ASSERT(worker < table->worker_count);
	*self = (struct mr_upstream_worker){ .table = table, .origins = table->workers[worker] };
	mr_rng_seed(&self->rng, seed);
}

static const struct mr_origin *
take(const struct mr_upstream *group, struct mr_upstream_worker *worker, uint32_t index,
     struct mr_upstream_tried *tried)
{
	const struct mr_origin *origin = &group->origins[index];
	struct mr_origin_worker *line = worker_line(worker, origin);

	tried->bits[index / 64] |= 1ull << (index % 64);
	__atomic_store_n(&line->active, line->active + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&line->exchanges, line->exchanges + 1, __ATOMIC_RELAXED);
	return origin;
}

enum mr_upstream_verdict
mr_upstream_pick(const struct mr_upstream *group, struct mr_upstream_worker *worker,
		 uint64_t key_hash, struct mr_upstream_tried *tried, uint64_t now_ns,
		 const struct mr_origin **out)
{
	struct candidates candidates;
	uint32_t index;

	candidates.full = false;
	*out = NULL;
	for (int backup = 0; backup < 2; backup++) {
		if (group->config->policy == MR_UPSTREAM_HASH &&
		    choose_hash(group, worker, key_hash, tried, backup, &candidates.full, &index)) {
			*out = take(group, worker, index, tried);
			return MR_UPSTREAM_PICKED;
		}
		candidates_gather(&candidates, group, worker, tried, backup);
		if (!candidates.count)
			continue;
		index = choose(&candidates, group, worker, key_hash, now_ns);
		*out = take(group, worker, index, tried);
		return MR_UPSTREAM_PICKED;
	}
	return candidates.full ? MR_UPSTREAM_FULL : MR_UPSTREAM_NONE;
}
