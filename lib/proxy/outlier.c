/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy/outlier - how exchanges went: counts, mean latency, and who is ejected for a time.
 */
#include "proxy/upstream_int.h"

enum {
	AVERAGE_MAX_US = 1 << 30,
	AVERAGE_PARTS = 64, /* the least that one latency counts is one of these */
	EJECT_TRIES = MR_WORKER_MAX,
};
#define AVERAGE_TAU_MS 10000ull

/* average_add: a latency above the mean is taken at once, a lower one by how long the mean has
 * stood: an origin that becomes slow is known at once, one that was lucky once is not. */
static void
average_add(struct mr_origin_worker *line, uint64_t latency_ns, uint64_t now_ns)
{
	uint64_t latency_us = MR_MIN(latency_ns / MR_NS_PER_US, (uint64_t)AVERAGE_MAX_US);
	uint64_t elapsed_ms = (now_ns - MR_MIN(line->average_ns, now_ns)) / MR_NS_PER_MS;
	uint64_t part = MR_MAX(elapsed_ms, AVERAGE_TAU_MS / AVERAGE_PARTS);
	uint64_t average_us = line->average_us;

	if (latency_us >= average_us)
		average_us = latency_us;
	else
		average_us -= (average_us - latency_us) * part / (AVERAGE_TAU_MS + part);
	__atomic_store_n(&line->average_us, (uint32_t)average_us, __ATOMIC_RELAXED);
	line->average_ns = now_ns;
}

/* place_take counts one more ejected of the group, if it may have one more. */
static bool
place_take(uint32_t *ejected, uint32_t limit)
{
	uint32_t count = __atomic_load_n(ejected, __ATOMIC_RELAXED);

	for (int i = 0; i < EJECT_TRIES && count < limit; i++)
		if (__atomic_compare_exchange_n(ejected, &count, count + 1, false, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

static bool
origin_eject(struct mr_upstream_worker *worker, const struct mr_upstream *group,
	     const struct mr_origin *origin, uint64_t now_ns)
{
	const struct mr_upstream_ejection_config *config = &group->config->ejection;
	struct mr_origin_shared *shared = origin->shared;
	uint32_t *ejected = &worker->table->groups[group->slot].ejected;
	uint16_t times = __atomic_load_n(&shared->eject_times, __ATOMIC_RELAXED);
	uint64_t until_ns = now_ns + MR_MIN(config->time_ns * (times + 1u), config->max_time_ns);
	uint64_t none = 0;

	if (__atomic_load_n(&shared->ejected_until_ns, __ATOMIC_RELAXED) ||
	    !place_take(ejected, group->eject_limit))
		return false;
	if (!__atomic_compare_exchange_n(&shared->ejected_until_ns, &none, until_ns, false,
					 __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
		__atomic_sub_fetch(ejected, 1, __ATOMIC_RELAXED); /* another worker was first */
		return false;
	}
	__atomic_store_n(&shared->eject_times, (uint16_t)MR_MIN(times + 1, UINT16_MAX),
			 __ATOMIC_RELAXED);
	__atomic_store_n(&shared->ejections, shared->ejections + 1, __ATOMIC_RELAXED);
	return true;
}

static uint16_t
one_more(uint16_t count)
{
	return count < UINT16_MAX ? count + 1 : count;
}

/* Counts in a row; true when it is enough. */
static bool
line_judge(struct mr_origin_worker *line, const struct mr_upstream_ejection_config *config,
	   enum mr_origin_outcome outcome)
{
	switch (outcome) {
	case MR_ORIGIN_OK:
		line->failures = 0;
		line->connect_failures = 0;
		return false;
	case MR_ORIGIN_CONNECT_FAILED:
		line->connect_failures = one_more(line->connect_failures);
		return config->connect_failures &&
		       line->connect_failures >= config->connect_failures;
	case MR_ORIGIN_5XX:
	case MR_ORIGIN_TIMED_OUT:
	case MR_ORIGIN_BROKEN:
		line->connect_failures = 0;
		line->failures = one_more(line->failures);
		return config->failures && line->failures >= config->failures;
	case MR_ORIGIN_LEFT:
		return false;
	}
	return false;
}

void
mr_origin_report(struct mr_upstream_worker *worker, struct mr_origin_ref ref,
		 enum mr_origin_outcome outcome, uint64_t latency_ns, uint64_t now_ns)
{
	struct mr_origin_worker *line = &worker->origins[ref.slot];
	const struct mr_upstream *group = NULL;
	const struct mr_origin *origin = mr_upstreams_origin(worker->upstreams, ref, &group);

	MR_ASSERT(line->active > 0);
	__atomic_store_n(&line->active, line->active - 1, __ATOMIC_RELAXED);
	if (outcome == MR_ORIGIN_CONNECT_FAILED)
		__atomic_store_n(&line->connect_failed, line->connect_failed + 1, __ATOMIC_RELAXED);
	else if (outcome != MR_ORIGIN_OK && outcome != MR_ORIGIN_LEFT)
		__atomic_store_n(&line->failed, line->failed + 1, __ATOMIC_RELAXED);
	if (latency_ns)
		average_add(line, latency_ns, now_ns);
	if (!origin || !line_judge(line, &group->config->ejection, outcome))
		return;
	if (origin_eject(worker, group, origin, now_ns)) {
		line->failures = 0;
		line->connect_failures = 0;
	}
}
