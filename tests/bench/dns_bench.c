/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/dns - what the store and the answer path cost alone: no packets, one thread.
 *
 *   dns_bench [names [huge]]     default 1000000, ordinary pages
 *
 * Builds a zone of that many distinct names with one A record each, then answers bursts of 32 made
 * beforehand, and prints one JSON line per case: nanoseconds per query, the median of seven rounds.
 */
#include <stdio.h>
#include <stdlib.h>

#include "dns/dns.h"

enum { BURST = 64, QUERIES = 1 << 18, ROUNDS = 7, SLOT_BYTES = 512 };
enum { MESSAGE_ROOM = 2048 + 320 }; /* as mbufs lie */

struct bench {
	struct mr_zone_store *store;
	struct mr_zone *zone;
	struct mr_zone_set *set;
	struct mr_dns dns;
	uint64_t metrics[MR_DNS_METRIC_COUNT];
	uint64_t names;
	uint8_t *queries; /* QUERIES of SLOT_BYTES */
	uint16_t *query_bytes;
	uint8_t *buffers; /* BURST of MESSAGE_ROOM: where a burst's messages lie */
};

static _Noreturn void
give_up(const struct mr_error *error)
{
	fprintf(stderr, "dns_bench: %s\n", error->text);
	exit(1);
}

static uint16_t
name_of(uint8_t *wire, const char *format, unsigned long long number)
{
	char label[64];
	int bytes = snprintf(label, sizeof(label), format, number);

	wire[0] = (uint8_t)bytes;
	memcpy(wire + 1, label, (size_t)bytes);
	memcpy(wire + 1 + bytes, "\7example\3com", 13);
	return (uint16_t)(1 + bytes + 13);
}

static void
add(struct mr_zone_builder *builder, const uint8_t *owner, uint16_t owner_bytes, uint16_t type,
    const void *rdata, uint16_t rdata_bytes)
{
	struct mr_error error = { 0 };
	struct mr_zone_record record = { .owner = owner,
					 .owner_bytes = owner_bytes,
					 .rdata = rdata,
					 .rdata_bytes = rdata_bytes,
					 .ttl = 3600,
					 .type = type,
					 .rr_class = MR_ZONE_CLASS_IN,
					 .file = "bench" };

	if (mr_zone_builder_add(builder, &record, &error))
		give_up(&error);
}

static void
build(struct bench *self, bool huge)
{
	static const uint8_t apex[] = "\7example\3com";
	static const uint8_t soa[] = "\2ns\7example\3com\0\4host\7example\3com\0"
				     "\0\0\0\1\0\0\x1c\x20\0\0\xe\x10\0\x12\x75\0\0\0\1\x2c";
	static const uint8_t ns[] = "\2ns\7example\3com";
	struct mr_zone_builder *builder;
	struct mr_error error = { 0 };
	struct mr_zone_info info;
	uint64_t start = mr_clock_now_ns(), added, finished;

	if (mr_zone_store_create(&self->store, 16ull << 30, huge, &error) ||
	    mr_zone_builder_create(&builder, apex, sizeof(apex), &error))
		give_up(&error);
	add(builder, apex, sizeof(apex), MR_ZONE_SOA, soa, sizeof(soa) - 1);
	add(builder, apex, sizeof(apex), MR_ZONE_NS, ns, sizeof(ns));
	for (uint64_t i = 0; i < self->names; i++) {
		uint8_t wire[64], address[4];
		uint16_t bytes = name_of(wire, "h%llu", i);

		mr_store_be32(address, 0x0a000000u + (uint32_t)i);
		add(builder, wire, bytes, MR_ZONE_A, address, 4);
	}
	added = mr_clock_now_ns();
	if (mr_zone_builder_finish(builder, self->store, &self->zone, &error))
		give_up(&error);
	finished = mr_clock_now_ns();
	mr_zone_builder_destroy(builder);
	if (mr_zone_set_build(self->store, &self->zone, 1, &self->set, &error))
		give_up(&error);
	mr_zone_info(self->zone, &info);
	printf("{\"bench\":\"zone-build\",\"records\":%llu,\"add_ms\":%.1f,\"finish_ms\":%.1f,"
	       "\"bytes_per_record\":%.1f,\"bucket_bytes\":%llu,\"node_bytes\":%llu,"
	       "\"wire_bytes\":%llu}\n",
	       (unsigned long long)info.records, (double)(added - start) / 1e6,
	       (double)(finished - added) / 1e6, (double)info.bytes / (double)info.records,
	       (unsigned long long)info.bucket_bytes, (unsigned long long)info.node_bytes,
	       (unsigned long long)info.wire_bytes);
}

static void
make_queries(struct bench *self, const char *format, uint64_t below, bool edns)
{
	struct mr_rng rng;

	mr_rng_seed(&rng, 1);
	for (uint32_t i = 0; i < QUERIES; i++) {
		uint8_t *message = self->queries + (size_t)i * SLOT_BYTES;
		struct mr_writer w = mr_writer_over(message, SLOT_BYTES);
		uint8_t wire[128];
		uint16_t bytes =
			name_of(wire, format, (unsigned long long)mr_rng_below(&rng, below));

		mr_writer_be16(&w, (uint16_t)i);
		mr_writer_be16(&w, 0);
		mr_writer_be16(&w, 1);
		mr_writer_be32(&w, 0);
		mr_writer_be16(&w, edns);
		mr_writer_bytes(&w, wire, bytes);
		mr_writer_be16(&w, MR_ZONE_A);
		mr_writer_be16(&w, MR_ZONE_CLASS_IN);
		if (edns)
			mr_writer_bytes(&w, "\0\0\x29\x04\xd0\0\0\0\0\0\0", 11);
		self->query_bytes[i] = (uint16_t)(w.at - message);
	}
}

static int
compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The copy that stands for the device's delivery is measured too and taken off. */
static double
one_round(struct bench *self, bool answer)
{
	struct mr_dns_item items[BURST] = { 0 };
	uint64_t start = mr_clock_now_ns();

	for (uint32_t at = 0; at < QUERIES; at += BURST) {
		for (uint32_t i = 0; i < BURST; i++) {
			uint8_t *message = self->buffers + (size_t)i * MESSAGE_ROOM;

			memcpy(message, self->queries + (size_t)(at + i) * SLOT_BYTES, 64);
			items[i].message = message;
			items[i].message_bytes = self->query_bytes[at + i];
			items[i].room_bytes = 1472;
		}
		if (answer) {
			mr_dns_answer_burst(&self->dns, self->set, items, BURST);
			mr_dns_flush(&self->dns);
		} else {
			__asm__ volatile("" ::"r"(items) : "memory");
		}
	}
	return (double)(mr_clock_now_ns() - start) / QUERIES;
}

static void
measure(struct bench *self, const char *name)
{
	double rounds[ROUNDS], copies[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		copies[i] = one_round(self, false);
		rounds[i] = one_round(self, true);
	}
	qsort(rounds, ROUNDS, sizeof(rounds[0]), compare_double);
	qsort(copies, ROUNDS, sizeof(copies[0]), compare_double);
	printf("{\"bench\":\"%s\",\"names\":%llu,\"burst\":%d,\"ns_per_query\":%.1f,"
	       "\"ns_best\":%.1f,\"ns_copy\":%.1f}\n",
	       name, (unsigned long long)self->names, BURST,
	       rounds[ROUNDS / 2] - copies[ROUNDS / 2], rounds[0] - copies[0], copies[ROUNDS / 2]);
}

int
main(int argc, char **argv)
{
	static struct bench bench;
	static const struct mr_dns_config config = { 1232, 1232 };
	static struct mr_dns_zone_line lines[2];

	bool huge = argc > 2 && strcmp(argv[2], "huge") == 0;

	bench.names = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
	bench.queries = calloc(QUERIES, SLOT_BYTES);
	bench.query_bytes = calloc(QUERIES, sizeof(*bench.query_bytes));
	bench.buffers = calloc(BURST, MESSAGE_ROOM);
	bench.dns.config = &config;
	bench.dns.metrics = bench.metrics;
	bench.dns.zone_lines = lines;
	bench.dns.zone_line_count = 2;
	if (bench.names == 0 || !bench.queries || !bench.query_bytes || !bench.buffers)
		return 1;
	build(&bench, huge);
	make_queries(&bench, "h%llu", 1, false);
	measure(&bench, "dns-one-name");
	make_queries(&bench, "h%llu", bench.names, false);
	measure(&bench, "dns-hit");
	make_queries(&bench, "h%llu", bench.names, true);
	measure(&bench, "dns-hit-edns");
	make_queries(&bench, "x%llu", UINT64_MAX >> 1, false);
	measure(&bench, "dns-miss");
	make_queries(&bench, "a.b.c.x%llu", UINT64_MAX >> 1, false);
	measure(&bench, "dns-miss-odd-label");
	printf("{\"bench\":\"dns-verdicts\",\"noerror\":%llu,\"nxdomain\":%llu}\n",
	       (unsigned long long)bench.metrics[MR_DNS_rcode_noerror],
	       (unsigned long long)bench.metrics[MR_DNS_rcode_nxdomain]);
	mr_zone_set_free(bench.set);
	mr_zone_release(bench.store, bench.zone);
	mr_zone_store_destroy(bench.store);
	free(bench.queries);
	free(bench.query_bytes);
	free(bench.buffers);
	return 0;
}
