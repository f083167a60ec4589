/* SPDX-License-Identifier: Apache-2.0
 *
 * metric - counters, gauges and log-linear histograms with one writer each, declared in tables.
 *
 * A module lists its metrics once:
 *
 *   header:
 *     #define NET_METRICS(X)                                                       \
 *             X(rx_frame,      COUNTER, FRAMES, "Frames received")                 \
 *             X(drop_checksum, COUNTER, FRAMES, "Dropped: IPv4 header checksum")
 *     #define NET_METRIC_ID(name, ...) MR_NET_##name,
 *     enum { NET_METRICS(NET_METRIC_ID) MR_NET_METRIC_COUNT };
 *     MR_METRIC_DECLARE(mr_net_metric_table);
 *   source:
 *     MR_METRIC_DEFINE("net", mr_net_metric_table, NET_METRICS);
 *
 * and a block of MR_NET_METRIC_COUNT values per writer is attached to the registry at boot. Names,
 * help, JSON and Prometheus text come from the table: add rows, never rename.
 *
 * Owner:  a block belongs to the one thread that writes it, and starts and ends on cache lines of
 *         its own. The registry belongs to the control thread.
 * Thread: writers add with relaxed stores (no locked instruction); any thread reads with relaxed
 *         loads. Attaching is for boot, before other threads read the registry.
 * Memory: blocks from the heap at boot, kept until the registry goes.
 */
#ifndef MR_METRIC_METRIC_H
#define MR_METRIC_METRIC_H

#include "base/base.h"

enum mr_metric_kind { MR_METRIC_COUNTER, MR_METRIC_GAUGE };

enum mr_metric_unit {
	MR_UNIT_NONE,
	MR_UNIT_FRAMES,
	MR_UNIT_PACKETS,
	MR_UNIT_QUERIES,
	MR_UNIT_BYTES,
	MR_UNIT_EVENTS,
	MR_UNIT_CONNECTIONS,
	MR_UNIT_SEGMENTS,
	MR_UNIT_REQUESTS,
	MR_UNIT_TURNS,
	MR_UNIT_NANOSECONDS,
	MR_UNIT_SECONDS,
	MR_UNIT_OBJECTS,
};

struct mr_metric_def {
	const char *name;
	enum mr_metric_kind kind;
	enum mr_metric_unit unit;
	const char *help;
};

struct mr_metric_table {
	const char *module;
	const struct mr_metric_def *defs;
	uint16_t count;
};

#define MR_METRIC_ROW_(name, kind, unit, help) { #name, MR_METRIC_##kind, MR_UNIT_##unit, help },

#define MR_METRIC_DECLARE(table_symbol) extern const struct mr_metric_table table_symbol

#define MR_METRIC_DEFINE(module_name, table_symbol, ROWS)                                   \
	static const struct mr_metric_def table_symbol##_defs[] = { ROWS(MR_METRIC_ROW_) }; \
	const struct mr_metric_table table_symbol = { module_name, table_symbol##_defs,     \
						      MR_ARRAY_COUNT(table_symbol##_defs) }

/* mr_metric_add adds n to one value of the caller's own block. */
static inline void
mr_metric_add(uint64_t *block, unsigned index, uint64_t n)
{
	__atomic_store_n(&block[index], block[index] + n, __ATOMIC_RELAXED);
}

static inline void
mr_metric_set(uint64_t *block, unsigned index, uint64_t value)
{
	__atomic_store_n(&block[index], value, __ATOMIC_RELAXED);
}

static inline uint64_t
mr_metric_read(const uint64_t *block, unsigned index)
{
	return __atomic_load_n(&block[index], __ATOMIC_RELAXED);
}

/* mr_metric_flush adds a tally from the stack to the block: one relaxed store for each value that
 * is not zero. */
static inline void
mr_metric_flush(uint64_t *block, const uint32_t *tally, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (tally[i])
			mr_metric_add(block, i, tally[i]);
}

/* ---- histogram ---- */

/* Log-linear: 32 linear steps per power of two, so a value is kept within 1/32 (3.2 %); from 0 to
 * 2^40 (18 minutes in nanoseconds), all above in the last bucket. */
enum {
	MR_HISTOGRAM_STEP_BITS = 5,
	MR_HISTOGRAM_MAX_BITS = 40,
	MR_HISTOGRAM_BUCKETS = (MR_HISTOGRAM_MAX_BITS - MR_HISTOGRAM_STEP_BITS + 1)
			       << MR_HISTOGRAM_STEP_BITS,
};

struct mr_histogram {
	uint64_t sum, max;
	uint64_t counts[MR_HISTOGRAM_BUCKETS];
};

static inline unsigned
mr_histogram_bucket(uint64_t value)
{
	unsigned bits, bucket;

	if (value < 1u << MR_HISTOGRAM_STEP_BITS)
		return (unsigned)value;
	bits = 63 - (unsigned)__builtin_clzll(value); /* value has its top bit at `bits` */
	bucket = ((bits - MR_HISTOGRAM_STEP_BITS + 1) << MR_HISTOGRAM_STEP_BITS) +
		 ((unsigned)(value >> (bits - MR_HISTOGRAM_STEP_BITS)) &
		  ((1u << MR_HISTOGRAM_STEP_BITS) - 1));
	return MR_MIN(bucket, (unsigned)MR_HISTOGRAM_BUCKETS - 1);
}

/* mr_histogram_record counts value n times; single writer, any number of readers. */
static inline void
mr_histogram_record(struct mr_histogram *self, uint64_t value, uint64_t n)
{
	unsigned bucket = mr_histogram_bucket(value);

	__atomic_store_n(&self->counts[bucket], self->counts[bucket] + n, __ATOMIC_RELAXED);
	__atomic_store_n(&self->sum, self->sum + value * n, __ATOMIC_RELAXED);
	if (value > self->max)
		__atomic_store_n(&self->max, value, __ATOMIC_RELAXED);
}

/* mr_histogram_lower and _upper give the half-open range [lower .. upper) of values in a bucket;
 * the last one is open above: its upper is UINT64_MAX. */
uint64_t mr_histogram_lower(unsigned bucket);
uint64_t mr_histogram_upper(unsigned bucket);

/* mr_histogram_merge adds a relaxed snapshot of from to self (a private copy of the reader). While
 * the writer goes on, counts and sum may differ by what came in between. */
void mr_histogram_merge(struct mr_histogram *self, const struct mr_histogram *from);
uint64_t mr_histogram_count(const struct mr_histogram *self);

/* mr_histogram_quantile returns the greatest value (never above max) of the bucket that holds
 * quantile q of [0 .. 1], which is the ceil(q * count)-th smallest: at most 1/32 above the truth,
 * never below it. 0 when empty. */
uint64_t mr_histogram_quantile(const struct mr_histogram *self, double q);

/* ---- registry: who has which block ---- */

/* The registry is built at boot by one thread and const after; reading it needs no lock. A scope
 * names the writer ("worker0", "control", a port), and becomes a label. */
struct mr_metric_registry;

MR_MUST_USE struct mr_metric_registry *mr_metric_registry_create(void);
void mr_metric_registry_destroy(struct mr_metric_registry *self);

/* mr_metric_attach gives a zeroed block of table->count values for scope (copied, at most
 * MR_NAME_MAX - 1 bytes kept). A table has each scope once: two blocks would be two writers. Ends
 * the process when memory is out or the scope is taken: boot only. The registry owns the block. */
MR_MUST_USE uint64_t *mr_metric_attach(struct mr_metric_registry *self,
				       const struct mr_metric_table *table, const char *scope);

/* mr_metric_visit calls visit for each value, tables in order of first attachment, then defs, then
 * scopes. */
void mr_metric_visit(const struct mr_metric_registry *self,
		     void (*visit)(void *context, const struct mr_metric_table *table,
				   const struct mr_metric_def *def, const char *scope,
				   uint64_t value),
		     void *context);

/* mr_metric_sum adds one value over all scopes. */
uint64_t mr_metric_sum(const struct mr_metric_registry *self, const struct mr_metric_table *table,
		       unsigned index);

/* A histogram is declared by its module as a table of one row, and attached like a block. */
struct mr_histogram_def {
	const char *module, *name;
	enum mr_metric_unit unit;
	const char *help;
};

/* mr_metric_attach_histogram gives an empty histogram, on cache lines of its own. As
 * mr_metric_attach in all else. */
MR_MUST_USE struct mr_histogram *mr_metric_attach_histogram(struct mr_metric_registry *self,
							    const struct mr_histogram_def *def,
							    const char *scope);

/* mr_metric_visit_histograms calls visit for each live histogram, defs in order of first
 * attachment, then scopes. visit merges it into a copy of its own before it reckons. */
void mr_metric_visit_histograms(const struct mr_metric_registry *self,
				void (*visit)(void *context, const struct mr_histogram_def *def,
					      const char *scope,
					      const struct mr_histogram *histogram),
				void *context);

/* mr_metric_unit_name returns "frames", "nanoseconds" …, "" for MR_UNIT_NONE. */
const char *mr_metric_unit_name(enum mr_metric_unit unit);

#endif
