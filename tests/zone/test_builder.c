/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/builder - what is refused, what is merged, and that everything put in is found again.
 */
#include <errno.h>

#include "../dns/fixture.h"

#define SOA "example. 60 IN SOA ns.example. host.example. 9 2 3 4 30\n"
#define NS  "example. 60 IN NS ns.example.\n"

static struct mr_zone_store *
open_store(void)
{
	struct mr_zone_store *store;
	struct mr_error error = { 0 };

	assert_int_equal(mr_zone_store_create(&store, 1ull << 32, false, &error), 0);
	return store;
}

static void
close_store(struct mr_zone_store *store)
{
	struct mr_extents_stats stats;

	mr_zone_store_stats(store, &stats);
	assert_int_equal(stats.used_bytes, 0);
	mr_zone_store_destroy(store);
}

static const struct {
	const char *lines, *says;
} refused[] = {
	{ NS, "no SOA" },
	{ SOA, "no NS" },
	{ "", "no SOA" },
	{ SOA NS "www.other. 60 IN A 192.0.2.1\n", "not within" },
	{ SOA NS "badexample. 60 IN A 192.0.2.1\n", "not within" },
	{ SOA NS "www.example. 60 CH TXT \"x\"\n", "class 3" },
	{ SOA NS "example. 60 IN SOA ns.example. host.example. 10 2 3 4 30\n", "second SOA" },
	{ SOA NS "www.example. 60 IN SOA ns.example. host.example. 10 2 3 4 30\n", "SOA below" },
	{ SOA NS "a.example. 60 IN CNAME b.example.\na.example. 60 IN A 192.0.2.1\n",
	  "a.example. has a CNAME beside" },
	{ SOA NS "a.example. 60 IN A 192.0.2.1\nA.example. 60 IN CNAME b.example.\n",
	  "CNAME beside" },
	{ SOA NS "a.example. 60 IN CNAME b.example.\na.example. 60 IN CNAME c.example.\n",
	  "second CNAME" },
	{ SOA NS "a.example. 60 IN DNAME b.example.\na.example. 60 IN DNAME c.example.\n",
	  "second DNAME" },
	{ SOA NS "example. 60 IN CNAME b.example.\n", "CNAME beside" },
	{ SOA NS
	  "a.example. 60 IN RRSIG \\# 23 00000d02 0000003c 00000000 00000000 0001 00 01020304\n",
	  "not what type 46" },
	{ SOA NS
	  "a.example. 60 IN RRSIG \\# 23 00ff0d02 0000003c 00000000 00000000 0001 00 01020304\n",
	  "not what type 46" },
};

static void
test_bad_zones_are_refused_in_words(void **state)
{
	struct mr_zone_store *store = open_store();

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(refused); i++) {
		struct mr_error error = { 0 };
		struct mr_zone *zone;

		assert_int_equal(fixture_build(store, "example.", refused[i].lines, &zone, &error),
				 -EINVAL);
		if (!strstr(error.text, refused[i].says))
			fail_msg("\"%s\" does not say \"%s\"", error.text, refused[i].says);
	}
	close_store(store);
}

static void
test_rdata_that_lies_is_refused(void **state)
{
	static const struct {
		uint16_t type, bytes;
		const char *rdata;
	} rows[] = {
		{ 1, 3, "abc" },
		{ 1, 5, "abcde" },
		{ 28, 15, "0123456789abcde" },
		{ 2, 3, "\1a\1" },
		{ 2, 4, "\1a\0x" },
		{ 5, 2, "\xc0\x0c" },
		{ 5, 0, "" },
		{ 6, 21,
		  "\0"
		  "0123456789abcdefghij" },
		{ 15, 2, "\0\1" },
		{ 33, 6, "\0\0\0\0\0\1" },
		{ 41, 0, "" },
		{ 0, 0, "" },
		{ 255, 0, "" },
		{ 252, 0, "" },
		{ 46, 18, "0123456789abcdefgh" },
	};
	static const uint8_t origin[] = "\7example";
	struct mr_zone_builder *builder;
	struct mr_error error = { 0 };

	(void)state;
	assert_int_equal(mr_zone_builder_create(&builder, origin, sizeof(origin), &error), 0);
	for (size_t i = 0; i < MR_ARRAY_COUNT(rows); i++) {
		struct mr_error each = { 0 };
		struct mr_zone_record record = { .owner = origin,
						 .owner_bytes = sizeof(origin),
						 .rdata = (const uint8_t *)rows[i].rdata,
						 .rdata_bytes = rows[i].bytes,
						 .type = rows[i].type,
						 .rr_class = 1,
						 .file = "f",
						 .line = 7 };

		if (mr_zone_builder_add(builder, &record, &each) != -EINVAL)
			fail_msg("row %zu was taken", i);
		assert_non_null(strstr(each.text, "f:7:"));
	}
	mr_zone_builder_destroy(builder);
}

static void
test_duplicates_merge_and_ttls_fall(void **state)
{
	struct mr_zone_store *store = open_store();
	struct mr_error error = { 0 };
	struct mr_zone *zone;
	struct mr_zone_info info;
	struct mr_zone_view view;
	uint16_t type, bytes;
	uint32_t ttl;

	(void)state;
	assert_int_equal(fixture_build(store, "example.",
				       SOA NS "example. 60 IN NS NS.Example.\n"
					      "www.example. 300 IN A 192.0.2.1\n"
					      "WWW.example. 200 IN A 192.0.2.2\n"
					      "www.EXAMPLE. 250 IN A 192.0.2.1\n"
					      "x.example. 4294967295 IN A 192.0.2.1\n",
				       &zone, &error),
			 0);
	mr_zone_info(zone, &info);
	assert_string_equal(info.origin, "example.");
	assert_int_equal(info.serial, 9);
	assert_int_equal(info.records, 5);
	assert_int_equal(info.rrsets, 4);
	assert_int_equal(info.names, 3);
	assert_true(info.warnings > 0);
	assert_int_equal(mr_zone_find_rrset(store, zone, (const uint8_t *)"\3WwW\7example", 13, 1,
					    &view),
			 0);
	assert_int_equal(view.rr_count, 2);
	assert_int_equal(view.ttl, 200);
	assert_memory_equal(mr_zone_rr(&view, 1, &type, &ttl, &bytes), "\xc0\0\2\2", 4);
	assert_int_equal(ttl, 200);
	assert_null(mr_zone_rr(&view, 2, &type, &ttl, &bytes));
	assert_int_equal(mr_zone_find_rrset(store, zone, (const uint8_t *)"\1x\7example", 11, 1,
					    &view),
			 0);
	assert_int_equal(view.ttl, 0); /* RFC 2181 8 */
	assert_int_equal(mr_zone_find_rrset(store, zone, (const uint8_t *)"\1x\7example", 11, 28,
					    &view),
			 -ENOENT);
	assert_int_equal(mr_zone_find_rrset(store, zone, (const uint8_t *)"\1x\5other", 9, 1,
					    &view),
			 -ENOENT);
	mr_zone_release(store, zone);
	close_store(store);
}

static void
test_rrset_bounds_from_both_sides(void **state)
{
	static char lines[512 * 1024];
	struct mr_zone_store *store = open_store();

	(void)state;
	for (unsigned count = MR_ZONE_RRS_PER_SET - 1; count <= MR_ZONE_RRS_PER_SET + 1; count++) {
		size_t at = (size_t)snprintf(lines, sizeof(lines), SOA NS);
		struct mr_error error = { 0 };
		struct mr_zone *zone;

		/* 16 bytes each, so it is the bytes that bound A records: 65000 / 16 = 4062 */
		for (unsigned i = 0; i < count - 34; i++)
			at += (size_t)snprintf(lines + at, sizeof(lines) - at,
					       "m.example. 60 IN A 10.0.%u.%u\n", i / 256, i % 256);
		int code = fixture_build(store, "example.", lines, &zone, &error);

		if ((count - 34) * 16 <= MR_ZONE_RRSET_BYTES) {
			assert_int_equal(code, 0);
			mr_zone_release(store, zone);
		} else {
			assert_int_equal(code, -EINVAL);
			assert_non_null(strstr(error.text, "fits no message"));
		}
	}
	close_store(store);
}

static int
count_view(void *context, const struct mr_zone_view *view)
{
	uint64_t *counts = context;

	counts[0]++;
	counts[1] += view->rr_count;
	counts[2] += view->type == 0;
	return 0;
}

/* Record i of a zone of names of many depths: two at the apex, then \4nnnn [\1d\1q\1r]* example,
 * every third three labels deeper. Its owner is written to owner, the bytes of *i are its address.
 */
static void
many_record(const unsigned *i, uint8_t owner[64], struct mr_zone_record *record)
{
	static const uint8_t origin[] = "\7example";
	static const struct {
		uint16_t type, bytes;
		const char *rdata;
	} apex[] = { { 6, 33, "\2ns\7example\0\0\0\0\0\7\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1" },
		     { 2, 12, "\2ns\7example" } };

	*record = (struct mr_zone_record){ .owner = owner, .ttl = 60, .rr_class = 1 };
	if (*i < 2) {
		memcpy(owner, origin, sizeof(origin));
		record->owner_bytes = sizeof(origin);
		record->type = apex[*i].type;
		record->rdata = (const uint8_t *)apex[*i].rdata;
		record->rdata_bytes = apex[*i].bytes;
	} else {
		unsigned n = *i - 2, at = 5;

		owner[0] = 4;
		for (int k = 0; k < 4; k++)
			owner[1 + k] = (uint8_t)('a' + (n >> (4 * k) & 15));
		if (n % 3 == 0) {
			uint8_t hex = (uint8_t)('a' + n % 7);
			uint8_t deep[] = { 1, hex, 1, 'q', 1, 'r' };

			memcpy(owner + at, deep, sizeof(deep));
			at += sizeof(deep);
		}
		memcpy(owner + at, origin, sizeof(origin));
		record->owner_bytes = (uint16_t)(at + sizeof(origin));
		record->type = 1;
		record->rdata = (const uint8_t *)i;
		record->rdata_bytes = 4;
	}
}

/* Names of many depths: each is found, its neighbours are not, and the walk sees all of them. */
static void
test_many_names_are_all_found(void **state)
{
	enum { NAMES = 20000 };
	static const uint8_t origin[] = "\7example";
	struct mr_zone_store *store = open_store();
	struct mr_zone_builder *builder;
	struct mr_error error = { 0 };
	struct mr_zone *zone;
	struct mr_zone_info info;
	uint64_t counts[3] = { 0 };

	(void)state;
	assert_int_equal(mr_zone_builder_create(&builder, origin, sizeof(origin), &error), 0);
	for (unsigned i = 0; i < NAMES + 2; i++) {
		uint8_t owner[64];
		struct mr_zone_record record;

		many_record(&i, owner, &record);
		if (mr_zone_builder_add(builder, &record, &error))
			fail_msg("%s", error.text);
	}
	if (mr_zone_builder_finish(builder, store, &zone, &error))
		fail_msg("%s", error.text);
	mr_zone_builder_destroy(builder);
	mr_zone_info(zone, &info);
	assert_int_equal(info.records, NAMES + 2);
	/* apex, the names, and the empty non-terminals r, q.r and seven d.q.r */
	assert_int_equal(info.names, 1 + NAMES + 2 + 7);
	assert_int_equal(mr_zone_visit(zone, count_view, counts), 0);
	assert_int_equal(counts[0], info.rrsets + 9);
	assert_int_equal(counts[1], info.records);
	assert_int_equal(counts[2], 9);
	for (unsigned n = 0; n < 65536; n++) {
		uint8_t name[] = "\4aaaa\7example";
		struct mr_zone_view view;
		bool there = n < NAMES && n % 3 != 0;

		for (int k = 0; k < 4; k++)
			name[1 + k] = (uint8_t)('A' + (n >> (4 * k) & 15));
		assert_int_equal(mr_zone_find_rrset(store, zone, name, sizeof(name), 1, &view),
				 there ? 0 : -ENOENT);
	}
	mr_zone_release(store, zone);
	close_store(store);
}

/* ---- sets ---- */

static void
test_set_matches_the_longest_origin(void **state)
{
	static const char *const origins[] = { "example.", "a.example.", "c.b.a.example.", "." };
	static const struct {
		const char *name, *zone;
	} rows[] = {
		{ "example.", "example." },
		{ "x.example.", "example." },
		{ "a.example.", "a.example." },
		{ "b.a.example.", "a.example." },
		{ "c.b.a.example.", "c.b.a.example." },
		{ "x.c.b.a.example.", "c.b.a.example." },
		{ "xa.example.", "example." },
		{ "other.", "." },
		{ ".", "." },
		{ "A.EXAMPLE.", "a.example." },
	};
	static struct fixture f;

	(void)state;
	fixture_open(&f);
	for (size_t i = 0; i < MR_ARRAY_COUNT(origins); i++) {
		char lines[256];

		snprintf(lines, sizeof(lines), "%s 60 IN SOA a. b. 1 2 3 4 5\n%s 60 IN NS a.\n",
			 origins[i], origins[i]);
		fixture_zone(&f, origins[i], lines);
	}
	fixture_set(&f);
	assert_int_equal(mr_zone_set_count(f.set), 4);
	for (size_t i = 0; i < MR_ARRAY_COUNT(rows); i++) {
		ldns_rdf *name = ldns_dname_new_frm_str(rows[i].name);
		struct mr_zone_name scanned;
		struct mr_zone_info info;
		const struct mr_zone *zone;

		assert_int_equal(mr_zone_name_scan(&scanned, &f.set->key, ldns_rdf_data(name),
						   ldns_rdf_size(name), ldns_rdf_size(name)),
				 ldns_rdf_size(name));
		zone = mr_zone_set_match(f.set, &scanned, scanned.labels);
		assert_non_null(zone);
		mr_zone_info(zone, &info);
		assert_string_equal(info.origin, rows[i].zone);
		ldns_rdf_deep_free(name);
	}
	assert_ptr_equal(mr_zone_set_find(f.set, (const uint8_t *)"\7EXAMPLE", 9), f.zones[0]);
	assert_ptr_equal(mr_zone_set_find(f.set, (const uint8_t *)"", 1), f.zones[3]);
	assert_null(mr_zone_set_find(f.set, (const uint8_t *)"\1x\7example", 11));
	fixture_close(&f);
}

static void
test_set_refuses_an_origin_twice(void **state)
{
	struct mr_zone_store *store = open_store();
	struct mr_error error = { 0 };
	struct mr_zone *zones[2];
	struct mr_zone_set *set;

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(fixture_build(store, "example.", SOA NS, &zones[i], &error), 0);
	assert_int_equal(mr_zone_set_build(store, zones, 2, &set, &error), -EEXIST);
	assert_non_null(strstr(error.text, "example."));
	mr_zone_release(store, zones[0]);
	mr_zone_release(store, zones[1]);
	close_store(store);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_zones_are_refused_in_words),
		cmocka_unit_test(test_rdata_that_lies_is_refused),
		cmocka_unit_test(test_duplicates_merge_and_ttls_fall),
		cmocka_unit_test(test_rrset_bounds_from_both_sides),
		cmocka_unit_test(test_many_names_are_all_found),
		cmocka_unit_test(test_set_matches_the_longest_origin),
		cmocka_unit_test(test_set_refuses_an_origin_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
