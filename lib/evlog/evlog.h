/* SPDX-License-Identifier: Apache-2.0
 *
 * evlog - what workers have to say, without formatting, waiting or losing count.
 *
 * A worker posts fixed records of one cache line to its own single-producer single-consumer ring;
 * the log thread drains all rings and formats them to lib/base/log (or another sink). A full ring
 * drops the record and counts it; the next record that fits carries the number lost.
 *
 * Kinds are declared by their modules in tables, as metrics are:
 *
 *   #define NET_EVENTS(X) X(arp_conflict, WARNING, "{addr} is also claimed by {mac}")
 *
 * Placeholders take arguments in order: {u} {x} {addr} (two words) {mac} {ns} {text} (two words, 16
 * bytes, NUL padded).
 *
 * Owner:  ring i belongs to producer i; the consumer side to the log thread.
 * Thread: post by the producer; drain by one thread.
 * Memory: from an arena or the heap at boot.
 */
#ifndef MR_EVLOG_EVLOG_H
#define MR_EVLOG_EVLOG_H

#include "base/base.h"

enum { MR_EVLOG_ARGUMENTS = 5 };

struct mr_evlog_def {
	const char *name;
	enum mr_log_level level;
	const char *format;
};

struct mr_evlog_table {
	const char *module;
	const struct mr_evlog_def *defs;
	uint16_t count;
};

#define MR_EVLOG_ROW_(name, level, format) { #name, MR_LOG_##level, format },
#define MR_EVLOG_DEFINE(module_name, table_symbol, ROWS)                                  \
	static const struct mr_evlog_def table_symbol##_defs[] = { ROWS(MR_EVLOG_ROW_) }; \
	const struct mr_evlog_table table_symbol = { module_name, table_symbol##_defs,    \
						     MR_ARRAY_COUNT(table_symbol##_defs) }

struct mr_evlog_record {
	uint64_t now_ns;
	const struct mr_evlog_table
		*table; /* same process only: records never leave it unformatted */
	uint16_t kind;  /* index in table */
	uint16_t reserved;
	uint32_t lost_before; /* records dropped since the last one that fitted */
	uint64_t arguments[MR_EVLOG_ARGUMENTS];
};

struct mr_evlog_ring;

/* mr_evlog_ring_create makes a ring of record_count (a power of two) records named scope
 * ("worker0"). */
MR_MUST_USE struct mr_evlog_ring *mr_evlog_ring_create(const char *scope, uint32_t record_count);
void mr_evlog_ring_destroy(struct mr_evlog_ring *self);

/* mr_evlog_post copies record into the ring, or drops it and counts. Producer only; no system call.
 */
void mr_evlog_post(struct mr_evlog_ring *self, const struct mr_evlog_record *record);

/* mr_evlog_drain formats at most limit records of one ring into sink and returns how many. Log
 * thread only. */
uint32_t mr_evlog_drain(struct mr_evlog_ring *self, uint32_t limit,
			void (*sink)(void *context, enum mr_log_level level, const char *line),
			void *context);

/* mr_evlog_lost returns how many records this ring has dropped since boot. Any thread. */
uint64_t mr_evlog_lost(const struct mr_evlog_ring *self);

/* mr_evlog_format writes one record as text into out and returns its length; the pure part, for
 * tests. */
size_t mr_evlog_format(const struct mr_evlog_record *record, char *out, size_t room_bytes);

#endif
