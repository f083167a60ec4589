/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy/maglev - the table of a consistent hash.
 *
 * Each origin has a permutation of all places, drawn from its address and port alone; in turns, as
 * often as its weight says, each takes the first place of its permutation that is still free. So
 * the table does not depend on the order of the file, and two tables that differ by one origin
 * agree in nearly all that is not that origin's.
 *
 * Source: Eisenbud et al., "Maglev: a fast and reliable software network load balancer" (NSDI
 * 2016), 3.4; places in proportion to weight as there.
 */
#include <stdlib.h>
#include <string.h>

#include "proxy/upstream_int.h"

enum { FREE = 0xff };
static_assert((int)MR_UPSTREAM_ORIGIN_MAX < (int)FREE, "an index is a byte");

/* Fixed, so that boxes agree. */
static const struct mr_hash_key offset_key = { 0x6d6167, 0x6f666673 };
static const struct mr_hash_key skip_key = { 0x6d6167, 0x736b6970 };
static const struct mr_hash_key text_key = { 0x6b6579, 0x75707374 };

struct permutation {
	uint32_t at, skip;
	uint32_t owed;  /* of a turn, in parts of the greatest weight */
	uint8_t origin; /* its index in the group */
	struct mr_addr addr;
	uint16_t port, weight;
};

static int
permutation_order(const void *left, const void *right)
{
	const struct permutation *a = left, *b = right;
	int order = memcmp(&a->addr, &b->addr, sizeof(a->addr));

	return order ? order : a->port - b->port;
}

static void
permutation_make(struct permutation *self, const struct mr_origin *origin, uint8_t index)
{
	uint8_t identity[18];

	memcpy(identity, &origin->addr, 16);
	identity[16] = (uint8_t)(origin->port >> 8);
	identity[17] = (uint8_t)origin->port;
	*self = (struct permutation){
		.at = (uint32_t)(mr_hash_bytes(&offset_key, identity, 18) % MR_MAGLEV_SIZE),
		.skip = (uint32_t)(mr_hash_bytes(&skip_key, identity, 18) % (MR_MAGLEV_SIZE - 1)) +
			1,
		.origin = index,
		.addr = origin->addr,
		.port = origin->port,
		.weight = origin->weight,
	};
}

/* permutation_take takes the next free place; there is one. */
static void
permutation_take(struct permutation *self, uint8_t *out)
{
	while (out[self->at] != FREE)
		self->at = (self->at + self->skip) % MR_MAGLEV_SIZE;
	out[self->at] = self->origin;
}

void
maglev_build(const struct mr_origin *origins, uint32_t count, uint8_t *out)
{
	struct permutation turns[MR_UPSTREAM_ORIGIN_MAX];
	uint32_t taken = 0, greatest = 1;

	MR_ASSERT(count > 0 && count <= MR_UPSTREAM_ORIGIN_MAX);
	for (uint32_t i = 0; i < count; i++) {
		permutation_make(&turns[i], &origins[i], (uint8_t)i);
		greatest = MR_MAX(greatest, origins[i].weight);
	}
	qsort(turns, count, sizeof(turns[0]), permutation_order);
	memset(out, FREE, MR_MAGLEV_SIZE);
	while (taken < MR_MAGLEV_SIZE)
		for (uint32_t i = 0; i < count && taken < MR_MAGLEV_SIZE; i++) {
			turns[i].owed += turns[i].weight;
			if (turns[i].owed < greatest)
				continue;
			turns[i].owed -= greatest;
			permutation_take(&turns[i], out);
			taken++;
		}
}

uint64_t
mr_upstream_hash(const void *bytes, size_t byte_count)
{
	return mr_hash_bytes(&text_key, bytes, byte_count);
}
