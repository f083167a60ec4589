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
 *   MR_EVLOG_DEFINE("net", mr_net_event_table, NET_EVENTS);
 *
 * Placeholders take arguments in order:
 *   {u} {x}   one word, decimal or hexadecimal
 *   {ns}      one word, a duration
 *   {mac}     one word, by mr_evlog_put_mac
 *   {addr}    two words, by mr_evlog_put_addr
 *   {text}    two words, 16 bytes, NUL padded, by mr_evlog_put_text; what is not printable is
 *             written as \xNN, because it may come from the wire
 * What is no placeholder is written as it stands; one that finds no words left is written as "?".
 *
 * Owner:  ring i belongs to producer i; the consumer side to the log thread.
 * Thread: post by the producer; drain by one thread; mr_evlog_lost by any.
 * Memory: from the heap at boot.
 *
 * (1) posted = drained + lost + still in the ring, at any time.
 * (2) Records come out in the order of posting, whole.
 */
#ifndef MR_EVLOG_EVLOG_H
#define MR_EVLOG_EVLOG_H

#include "base/base.h"

enum {
	MR_EVLOG_ARGUMENTS = 5,
	MR_EVLOG_TEXT_BYTES = 16,
	MR_EVLOG_LINE_BYTES = 512, /* room that any line of a drain fits in; longer ones are cut */
};

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
	/* same process only: records never leave it unformatted */
	const struct mr_evlog_table *table;
	uint16_t kind; /* index in table */
	uint16_t reserved;
	uint32_t lost_before; /* dropped since the last one that fitted; filled by mr_evlog_post */
	uint64_t arguments[MR_EVLOG_ARGUMENTS];
};
static_assert(sizeof(struct mr_evlog_record) == MR_CACHE_LINE, "one record, one line");

static inline void
mr_evlog_put_addr(struct mr_evlog_record *record, unsigned first, const struct mr_addr *addr)
{
	record->arguments[first] = addr->halves[0];
	record->arguments[first + 1] = addr->halves[1];
}

static inline void
mr_evlog_put_mac(struct mr_evlog_record *record, unsigned index, const struct mr_mac *mac)
{
	record->arguments[index] = 0;
	memcpy(&record->arguments[index], mac->bytes, MR_MAC_BYTES);
}

/* mr_evlog_put_text keeps the first MR_EVLOG_TEXT_BYTES of byte_count bytes in two words. */
static inline void
mr_evlog_put_text(struct mr_evlog_record *record, unsigned first, const void *bytes,
		  size_t byte_count)
{
	record->arguments[first] = record->arguments[first + 1] = 0;
	memcpy(&record->arguments[first], bytes, MR_MIN(byte_count, (size_t)MR_EVLOG_TEXT_BYTES));
}

struct mr_evlog_ring;

/* mr_evlog_ring_create makes a ring of record_count (a power of two, at most 2^20) records named
 * scope ("worker0"). NULL when memory is out. */
MR_MUST_USE struct mr_evlog_ring *mr_evlog_ring_create(const char *scope, uint32_t record_count);
void mr_evlog_ring_destroy(struct mr_evlog_ring *self);

/* mr_evlog_post copies record into the ring, or drops it and counts. Producer only; no system call.
 */
void mr_evlog_post(struct mr_evlog_ring *self, const struct mr_evlog_record *record);

/* mr_evlog_drain formats at most limit records of one ring into sink and returns how many. A record
 * that carries lost ones is preceded by a WARNING line that says so. Log thread only. Lines are
 * "scope: module.name: text". */
uint32_t mr_evlog_drain(struct mr_evlog_ring *self, uint32_t limit,
			void (*sink)(void *context, enum mr_log_level level, const char *line),
			void *context);

/* mr_evlog_lost returns how many records this ring has dropped since boot. Any thread. */
uint64_t mr_evlog_lost(const struct mr_evlog_ring *self);

/* mr_evlog_format writes one record as text ("module.name: text", NUL terminated, cut to room_bytes
 * >= 1) into out and returns its length; the pure part, for tests. */
size_t mr_evlog_format(const struct mr_evlog_record *record, char *out, size_t room_bytes);

#endif
