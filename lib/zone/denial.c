/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/denial - which NSEC or NSEC3 of a signed zone covers a name.
 *
 * A name's order (RFC 4034 6.1) is made comparable by memcmp: labels from the right, each closed by
 * a zero octet, the octets 0 and 1 within a label written as 1 1 and 1 2. A hash is its own order.
 */
#include "zone/zone_int.h"

void
zone_order_name(const uint8_t *relative, unsigned bytes, struct zone_order *order)
{
	uint8_t starts[MR_ZONE_LABELS + 1];
	unsigned count = 0;
	uint8_t *to = order->key;

	for (unsigned at = 0; at < bytes; at += relative[at] + 1u)
		starts[count++] = (uint8_t)at;
	while (count > 0) {
		const uint8_t *label = relative + starts[--count];

		for (unsigned i = 1; i <= label[0]; i++) {
			if (label[i] <= 1)
				*to++ = 1;
			*to++ = label[i] <= 1 ? label[i] + 1 : label[i];
		}
		*to++ = 0;
	}
	order->bytes = (unsigned)(to - order->key);
}

void
zone_order_hash(const struct mr_zone_denial *denial, const uint8_t *name, unsigned bytes,
		struct zone_order *order)
{
	uint8_t input[2 * MR_ZONE_NAME_BYTES + 2];

	memcpy(input, name, bytes);
	for (unsigned i = 0; i <= denial->iterations; i++) {
		memcpy(input + bytes, denial->salt, denial->salt_bytes);
		zone_sha1(input, bytes + denial->salt_bytes, order->key);
		bytes = ZONE_NSEC3_HASH_BYTES;
		memcpy(input, order->key, bytes);
	}
	order->bytes = ZONE_NSEC3_HASH_BYTES;
}

void
zone_order_node(const struct mr_zone *zone, const struct mr_zone_node *node,
		struct zone_order *order)
{
	const uint8_t *text = node->name + 1;
	uint64_t bits = 0;
	unsigned held = 0;
	uint8_t *to = order->key;

	if (zone->denial_kind == MR_ZONE_BY_NSEC) {
		zone_order_name(node->name, node->name_bytes, order);
		return;
	}
	/* RFC 4648 7; which label is an NSEC3's was checked when the chain was made. */
	for (unsigned i = 0; i < ZONE_NSEC3_LABEL_BYTES; i++) {
		bits = bits << 5 | (unsigned)(text[i] <= '9' ? text[i] - '0' : text[i] - 'a' + 10);
		held += 5;
		if (held >= 8) {
			held -= 8;
			*to++ = (uint8_t)(bits >> held);
		}
	}
	order->bytes = ZONE_NSEC3_HASH_BYTES;
}

int
zone_order_compare(const struct zone_order *a, const struct zone_order *b)
{
	int order = memcmp(a->key, b->key, MR_MIN(a->bytes, b->bytes));

	return order ? order : (int)a->bytes - (int)b->bytes;
}

uint64_t
zone_order_key(const struct zone_order *order)
{
	uint8_t first[8] = { 0 };

	memcpy(first, order->key, MR_MIN(order->bytes, 8u));
	return mr_load_be64(first);
}

/* How many of the count numbers at sorted are below key. */
static inline uint32_t
count_below(const uint64_t *sorted, uint32_t count, uint64_t key)
{
	uint32_t below = 0;

	while (count > 1) {
		uint32_t half = count / 2;

		below += sorted[below + half - 1] < key ? half : 0;
		count -= half;
	}
	return below + (count == 1 && sorted[below] < key);
}

static uint32_t
chain_below(const struct mr_zone *zone, const struct mr_zone_denial *denial, uint64_t key)
{
	const uint64_t *keys = mr_zone_ref(zone, denial->keys);
	const uint64_t *tops = mr_zone_ref(zone, denial->tops);
	uint32_t steps = count_below(tops, denial->top_count, key), start;

	if (steps == 0)
		return 0;
	start = (steps - 1) * ZONE_CHAIN_STEP;
	return start +
	       count_below(keys + start, MR_MIN(ZONE_CHAIN_STEP, denial->count - start), key);
}

uint32_t
zone_order_find(const struct mr_zone *zone, const struct zone_order *order, bool *exact)
{
	const struct mr_zone_denial *denial = mr_zone_ref(zone, zone->denial);
	const uint64_t *keys = mr_zone_ref(zone, denial->keys);
	const uint32_t *nodes = mr_zone_ref(zone, denial->nodes);
	uint64_t key = zone_order_key(order);
	uint32_t low = chain_below(zone, denial, key), high = low;

	*exact = false;
	if (low < denial->count && keys[low] == key)
		high = key == UINT64_MAX ? denial->count : chain_below(zone, denial, key + 1);
	while (low < high) { /* those whose first 8 bytes are the same */
		uint32_t middle = low + (high - low) / 2;
		struct zone_order entry;
		int differs;

		zone_order_node(zone, mr_zone_ref(zone, nodes[middle]), &entry);
		differs = zone_order_compare(&entry, order);
		if (differs == 0) {
			*exact = true;
			return middle;
		}
		if (differs < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? low - 1 : denial->count - 1;
}

const struct mr_zone_node *
mr_zone_cover(const struct mr_zone *zone, const struct mr_zone_name *name, unsigned labels)
{
	const struct mr_zone_denial *denial = mr_zone_ref(zone, zone->denial);
	unsigned at = mr_zone_name_at(name, labels);
	const uint32_t *nodes;
	struct zone_order order;
	bool exact;

	if (zone->denial_kind == MR_ZONE_UNSIGNED)
		return NULL;
	if (zone->denial_kind == MR_ZONE_BY_NSEC)
		zone_order_name(name->lower + at, name->bytes - at - zone->origin_bytes, &order);
	else
		zone_order_hash(denial, name->lower + at, name->bytes - at, &order);
	nodes = mr_zone_ref(zone, denial->nodes);
	return mr_zone_ref(zone, nodes[zone_order_find(zone, &order, &exact)]);
}
