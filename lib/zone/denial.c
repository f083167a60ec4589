/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/denial - which NSEC or NSEC3 of a signed zone covers a name.
 *
 * A name's order (RFC 4034 6.1) is made comparable by memcmp: labels from the right, each closed by
 * a zero octet, the octets 0 and 1 within a label written as 1 1 and 1 2. A hash is its own order.
 */
#include "zone/zone_int.h"

void
zone_order_name(const uint8_t *relative, unsigned bytes, unsigned enough, struct zone_order *order)
{
	uint8_t starts[MR_ZONE_LABELS + 1];
	unsigned count = 0;
	uint8_t *to = order->key;

	for (unsigned at = 0; at < bytes; at += relative[at] + 1u)
		starts[count++] = (uint8_t)at;
	while (count > 0 && to < order->key + enough) {
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

	if (mr_likely(denial->iterations == 0 && denial->salt_bytes == 0)) { /* RFC 9276 3.1 */
		zone_sha1(name, bytes, order->key);
		order->bytes = ZONE_NSEC3_HASH_BYTES;
		return;
	}
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
		zone_order_name(node->name, node->name_bytes, ZONE_ORDER_BYTES, order);
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

/* How many of the ZONE_CHAIN_STEP ascending numbers at step are below key. */
static inline unsigned
step_below(const uint64_t *step, uint64_t key)
{
	const __m256i sign = _mm256_set1_epi64x(INT64_MIN); /* the compare is a signed one */
	const __m256i wanted = _mm256_xor_si256(_mm256_set1_epi64x((int64_t)key), sign);
	unsigned below = 0;

	for (unsigned i = 0; i < ZONE_CHAIN_STEP; i += 4) {
		__m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(step + i));
		__m256i less = _mm256_cmpgt_epi64(wanted, _mm256_xor_si256(v, sign));

		below += (unsigned)_mm_popcnt_u32(
			(unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(less)));
	}
	return below;
}

/* One question on its way down the levels. */
struct search {
	const struct mr_zone_denial *denial;
	uint64_t key;
	uint32_t start, below; /* below: how many of the last level's keys are below key */
};

/* Looks at one step of a level, and finds where the next is. */
static inline void
search_level(struct search *self, const struct mr_zone *zone, unsigned level)
{
	const uint64_t *keys = mr_zone_ref(zone, self->denial->levels[level]);

	self->below = self->start + step_below(keys + self->start, self->key);
	/* All but a level's first step begin with what is below. */
	self->start = self->below ? (self->below - 1) * ZONE_CHAIN_STEP : 0;
}

/* How many of all keys are below key. */
static uint32_t
chain_below(const struct mr_zone *zone, const struct mr_zone_denial *denial, uint64_t key)
{
	struct search search = { .denial = denial, .key = key };

	for (unsigned level = denial->level_count; level-- > 0;)
		search_level(&search, zone, level);
	return search.below;
}

static inline bool
chain_has(const struct mr_zone *zone, const struct mr_zone_denial *denial, uint32_t index,
	  uint64_t key)
{
	const uint64_t *keys = mr_zone_ref(zone, denial->levels[0]);

	return index < denial->count && keys[index] == key;
}

static inline uint32_t
chain_before(const struct mr_zone_denial *denial, uint32_t index)
{
	return index ? index - 1 : denial->count - 1;
}

/* The entry that zone_order_find wants, where the key of entry low is order's too: the rest of the
 * names, or of the hashes, decides. */
static MR_COLD uint32_t
chain_settle(const struct mr_zone *zone, const struct mr_zone_denial *denial,
	     const struct zone_order *order, uint32_t low, bool *exact)
{
	const uint32_t *nodes = mr_zone_ref(zone, denial->nodes);
	uint64_t key = zone_order_key(order);
	uint32_t high = key == UINT64_MAX ? denial->count : chain_below(zone, denial, key + 1);

	while (low < high) {
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
	return chain_before(denial, low);
}

uint32_t
zone_order_find(const struct mr_zone *zone, const struct zone_order *order, bool *exact)
{
	const struct mr_zone_denial *denial = mr_zone_ref(zone, zone->denial);
	uint64_t key = zone_order_key(order);
	uint32_t low = chain_below(zone, denial, key);

	*exact = false;
	if (chain_has(zone, denial, low, key))
		return chain_settle(zone, denial, order, low, exact);
	return chain_before(denial, low);
}

static inline void
order_of(const struct mr_zone_cover *question, const struct mr_zone_denial *denial, unsigned enough,
	 struct zone_order *order)
{
	const struct mr_zone *zone = question->zone;
	const struct mr_zone_name *name = question->name;
	unsigned at = mr_zone_name_at(name, question->labels), bytes = name->bytes - at;

	if (zone->denial_kind == MR_ZONE_BY_NSEC)
		zone_order_name(name->lower + at, bytes - zone->origin_bytes, enough, order);
	else
		zone_order_hash(denial, name->lower + at, bytes, order);
}

static void
search_end(const struct search *self, struct mr_zone_cover *question)
{
	const struct mr_zone *zone = question->zone;
	const uint32_t *nodes = mr_zone_ref(zone, self->denial->nodes);
	struct zone_order order;
	uint32_t index;
	bool exact;

	if (mr_unlikely(chain_has(zone, self->denial, self->below, self->key))) {
		order_of(question, self->denial, ZONE_ORDER_BYTES, &order);
		index = chain_settle(zone, self->denial, &order, self->below, &exact);
	} else {
		index = chain_before(self->denial, self->below);
	}
	question->node = mr_zone_ref(zone, nodes[index]);
}

void
mr_zone_cover_burst(struct mr_zone_cover *questions, unsigned count)
{
	struct search searches[MR_BURST_MAX];
	unsigned levels = 0;

	MR_ASSERT(count <= MR_BURST_MAX);
	for (unsigned i = 0; i < count; i++) {
		const struct mr_zone *zone = questions[i].zone;
		const struct mr_zone_denial *denial = mr_zone_ref(zone, zone->denial);
		struct zone_order order;

		order_of(&questions[i], denial, ZONE_KEY_BYTES, &order);
		searches[i] = (struct search){ .denial = denial, .key = zone_order_key(&order) };
		levels = MR_MAX(levels, denial->level_count);
	}
	while (levels-- > 0)
		for (unsigned i = 0; i < count; i++)
			if (mr_likely(levels < searches[i].denial->level_count))
				search_level(&searches[i], questions[i].zone, levels);
	for (unsigned i = 0; i < count; i++)
		search_end(&searches[i], &questions[i]);
}

const struct mr_zone_node *
mr_zone_cover(const struct mr_zone *zone, const struct mr_zone_name *name, unsigned labels)
{
	struct mr_zone_cover question = { .zone = zone, .name = name, .labels = labels };

	if (zone->denial_kind == MR_ZONE_UNSIGNED)
		return NULL;
	mr_zone_cover_burst(&question, 1);
	return question.node;
}
