/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/sort - the log in the order of the buckets: by hash, then name, type and data.
 *
 * Three radix passes over the top 33 bits leave only records of one name, and a few strangers, in
 * one run; a run is finished by comparing. 10 M records take 3 passes, not 23 levels.
 */
#include <errno.h>
#include <stdlib.h>

#include "zone/zone_int.h"

enum { RADIX_BITS = 11, RADIX_PASSES = 3, RADIX_FIRST = 64 - RADIX_BITS * RADIX_PASSES };
enum { SMALL_RUN = 8, SMALL_ZONE = 512 };

uint32_t
zone_log_kind(const struct zone_log *record)
{
	if (record->type == MR_ZONE_RRSIG)
		return (uint32_t)mr_load_be16(zone_log_rdata(record)) << 1 | 1;
	return (uint32_t)record->type << 1;
}

/* Where a name that compares without case starts in the RDATA (RFC 4034 6.2 gives the types). */
static unsigned
caseless_from(const struct zone_log *record)
{
	switch (record->type) {
	case MR_ZONE_NS:
	case MR_ZONE_CNAME:
	case MR_ZONE_DNAME:
	case MR_ZONE_PTR:
		return 0;
	case MR_ZONE_MX:
		return 2;
	case MR_ZONE_SRV:
		return 6;
	default:
		return record->rdata_bytes;
	}
}

static inline int
lower_byte(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

int
zone_log_compare_data(const struct zone_log *a, const struct zone_log *b)
{
	const uint8_t *x = zone_log_rdata(a), *y = zone_log_rdata(b);
	unsigned both = MR_MIN(a->rdata_bytes, b->rdata_bytes);
	unsigned exact = MR_MIN(caseless_from(a), both);
	int order = memcmp(x, y, exact);

	for (unsigned i = exact; order == 0 && i < both; i++)
		order = lower_byte(x[i]) - lower_byte(y[i]);
	return order ? order : (int)a->rdata_bytes - (int)b->rdata_bytes;
}

bool
zone_log_same_name(const struct zone_log *a, const struct zone_log *b)
{
	return a->name_bytes == b->name_bytes && memcmp(a->bytes, b->bytes, a->name_bytes) == 0;
}

static int
compare(const void *left, const void *right, void *context)
{
	const struct zone_entry *a = left, *b = right;
	const struct mr_zone_builder *self = context;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	const struct zone_log *x = zone_log_at(self, a->at), *y = zone_log_at(self, b->at);
	int order = (int)x->name_bytes - (int)y->name_bytes;

	if (order == 0)
		order = memcmp(x->bytes, y->bytes, x->name_bytes);
	if (order == 0)
		order = (int)(zone_log_kind(x) - zone_log_kind(y));
	if (order == 0)
		order = zone_log_compare_data(x, y);
	if (order == 0)
		order = a->at < b->at ? -1 : 1; /* the first one written stays */
	return order;
}

static void
sort_run(struct mr_zone_builder *self, struct zone_entry *run, size_t count)
{
	if (count > SMALL_RUN) {
		qsort_r(run, count, sizeof(*run), compare, self);
		return;
	}
	for (size_t i = 1; i < count; i++) {
		struct zone_entry moving = run[i];
		size_t to = i;

		for (; to > 0 && compare(&run[to - 1], &moving, self) > 0; to--)
			run[to] = run[to - 1];
		run[to] = moving;
	}
}

static void
radix_pass(const struct zone_entry *from, struct zone_entry *to, size_t count, unsigned shift,
	   size_t *places)
{
	size_t total = 0;

	for (size_t bin = 0; bin < 1u << RADIX_BITS; bin++) {
		size_t here = places[bin];

		places[bin] = total;
		total += here;
	}
	for (size_t i = 0; i < count; i++)
		to[places[from[i].hash >> shift & ((1u << RADIX_BITS) - 1)]++] = from[i];
}

int
zone_sort(struct mr_zone_builder *self)
{
	size_t places[RADIX_PASSES][1u << RADIX_BITS];
	size_t count = self->entry_count;

	if (count < 2)
		return 0;
	if (count <= SMALL_ZONE) {
		qsort_r(self->entries, count, sizeof(*self->entries), compare, self);
		return 0;
	}
	memset(places, 0, sizeof(places));
	for (size_t i = 0; i < count; i++)
		for (unsigned pass = 0; pass < RADIX_PASSES; pass++)
			places[pass][self->entries[i].hash >> (RADIX_FIRST + pass * RADIX_BITS) &
				     ((1u << RADIX_BITS) - 1)]++;
	for (unsigned pass = 0; pass < RADIX_PASSES; pass++) {
		struct zone_entry *sorted = self->scratch;

		radix_pass(self->entries, sorted, count, RADIX_FIRST + pass * RADIX_BITS,
			   places[pass]);
		self->scratch = self->entries;
		self->entries = sorted;
	}
	for (size_t i = 0, next; i < count; i = next) {
		for (next = i + 1; next < count; next++)
			if ((self->entries[next].hash ^ self->entries[i].hash) >> RADIX_FIRST)
				break;
		if (next - i > 1)
			sort_run(self, self->entries + i, next - i);
	}
	return 0;
}
