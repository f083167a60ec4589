/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/chain - which NSEC covers a name, against a look at every one (RFC 4034 6.1), with chains of
 * as many entries as fill a level of the search, and one less and more.
 */
#include "../dns/fixture.h"

enum { LABEL_ROOM = 24, ASKED = 3000 };

static const uint8_t origin[] = "\7example";

/* Few letters, so that many names begin alike, with octets that sort below others' end. */
static uint8_t
random_label(struct mr_rng *rng, uint8_t *wire)
{
	static const uint8_t octets[] = { 0, 1, '-', 'a', 'a', 'a', 0xff };
	unsigned count = 1 + (unsigned)mr_rng_below(rng, LABEL_ROOM - 4);

	wire[0] = (uint8_t)count;
	for (unsigned i = 1; i <= count; i++)
		wire[i] = octets[mr_rng_below(rng, sizeof(octets))];
	return (uint8_t)(count + 1);
}

static void
add(struct mr_zone_builder *builder, const uint8_t *label, unsigned bytes, uint16_t type,
    const void *rdata, uint16_t rdata_bytes)
{
	uint8_t owner[LABEL_ROOM + sizeof(origin)];
	struct mr_error error = { 0 };
	struct mr_zone_record record = { .owner = owner,
					 .owner_bytes = (uint16_t)(bytes + sizeof(origin)),
					 .rdata = rdata,
					 .rdata_bytes = rdata_bytes,
					 .ttl = 60,
					 .type = type,
					 .rr_class = MR_ZONE_CLASS_IN,
					 .file = "test" };

	memcpy(owner, label, bytes);
	memcpy(owner + bytes, origin, sizeof(origin));
	assert_int_equal(mr_zone_builder_add(builder, &record, &error), 0);
}

/* RFC 4034 6.1, of single labels: as octet strings, the shorter first. The apex is before all. */
static int
compare_labels(const uint8_t *a, unsigned a_bytes, const uint8_t *b, unsigned b_bytes)
{
	unsigned shared = MR_MIN(a_bytes, b_bytes);
	int order;

	if (shared == 0)
		return (int)a_bytes - (int)b_bytes;
	order = memcmp(a + 1, b + 1, shared - 1);
	return order ? order : (int)a_bytes - (int)b_bytes;
}

static void
check_chain(unsigned count)
{
	static const uint8_t soa[] = "\0\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1";
	static const uint8_t nsec[] = "\0\0\1\x40";
	static const struct mr_hash_key key = { 1, 2 };
	struct mr_zone_store *store;
	struct mr_zone_builder *builder;
	struct mr_error error = { 0 };
	struct mr_zone *zone;
	uint8_t(*labels)[LABEL_ROOM] = calloc(count, LABEL_ROOM);
	struct mr_rng rng;

	assert_non_null(labels);
	mr_rng_seed(&rng, count);
	assert_int_equal(mr_zone_store_create(&store, 1ull << 32, false, &error), 0);
	assert_int_equal(mr_zone_builder_create(&builder, origin, sizeof(origin), &error), 0);
	add(builder, origin, 0, MR_ZONE_SOA, soa, sizeof(soa) - 1);
	add(builder, origin, 0, MR_ZONE_NS, "", 1);
	add(builder, origin, 0, MR_ZONE_NSEC, nsec, sizeof(nsec) - 1);
	for (unsigned i = 1; i < count; i++) { /* number 0 is the apex */
		unsigned bytes = random_label(&rng, labels[i]);

		labels[i][0] += 2; /* no two are the same; none of these is a letter */
		labels[i][bytes++] = (uint8_t)(0x80 + i / 64);
		labels[i][bytes++] = (uint8_t)(0x80 + i % 64);
		add(builder, labels[i], bytes, MR_ZONE_NSEC, nsec, sizeof(nsec) - 1);
	}
	assert_int_equal(mr_zone_builder_finish(builder, store, &zone, &error), 0);
	mr_zone_builder_destroy(builder);
	for (unsigned i = 0; i < ASKED; i++) {
		uint8_t asked[LABEL_ROOM + sizeof(origin)];
		unsigned bytes = random_label(&rng, asked), best = 0, taken = i % count;
		const struct mr_zone_node *node;
		struct mr_zone_name name;

		if (i % 4 == 0 && taken > 0) { /* one that is there */
			bytes = labels[taken][0] + 1u;
			memcpy(asked, labels[taken], bytes);
		}
		memcpy(asked + bytes, origin, sizeof(origin));
		assert_int_not_equal(mr_zone_name_scan(&name, &key, asked, bytes + sizeof(origin),
						       bytes + sizeof(origin)),
				     0);
		for (unsigned k = 1; k < count; k++) {
			const uint8_t *best_label = labels[best];

			if (compare_labels(labels[k], labels[k][0] + 1u, asked, bytes) <= 0 &&
			    compare_labels(labels[k], labels[k][0] + 1u, best_label,
					   best ? best_label[0] + 1u : 0) > 0)
				best = k;
		}
		node = mr_zone_cover(zone, &name, name.labels);
		assert_non_null(node);
		assert_int_equal(node->name_bytes, best ? labels[best][0] + 1 : 0);
		assert_memory_equal(node->name, labels[best], node->name_bytes);
	}
	mr_zone_release(store, zone);
	mr_zone_store_destroy(store);
	free(labels);
}

static void
test_cover_is_the_last_that_is_not_behind(void **state)
{
	static const unsigned counts[] = { 1, 2, 15, 16, 17, 255, 256, 257, 4095, 4096, 4097 };

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(counts); i++)
		check_chain(counts[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cover_is_the_last_that_is_not_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
