/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/tuple - makes the space, and tells what rests in it.
 */
#include "tuple.h"

#include <errno.h>
#include <stdlib.h>

int
gen_tuples_make(struct gen_tuples *self, uint16_t port_low, uint32_t port_count,
		uint32_t time_wait_ms, struct mr_error *error)
{
	uint64_t per_port;

	self->port_low = port_low;
	self->time_wait_ms = time_wait_ms;
	self->client_count = UINT32_MAX;
	for (uint32_t i = 0; i < self->way_count; i++)
		self->client_count = MR_MIN(self->client_count, self->ways[i].client_count);
	for (uint32_t i = 0; i < self->way_count; i++)
		for (uint32_t j = 0; j < i; j++)
			if (mr_addr_equal(&self->ways[i].target, &self->ways[j].target) &&
			    self->ways[i].target_port == self->ways[j].target_port &&
			    (mr_prefix_covers(&self->ways[i].prefix, &self->ways[j].source) ||
			     mr_prefix_covers(&self->ways[j].prefix, &self->ways[i].source)))
				return mr_error_set(error, -EINVAL,
						    "two --source of the same clients");
	per_port = (uint64_t)self->client_count * self->way_count;
	if (!port_low || !port_count || port_low + port_count > 65536)
		return mr_error_set(error, -EINVAL, "source ports %u .. %u are not in 1 .. 65535",
				    port_low, port_low + port_count - 1);
	if (!per_port || per_port > GEN_TUPLE_MAX)
		return mr_error_set(error, -E2BIG,
				    "%llu clients are too many (at most %u); use --clients",
				    (unsigned long long)per_port, GEN_TUPLE_MAX);
	self->port_count = (uint32_t)MR_MIN((uint64_t)port_count, GEN_TUPLE_MAX / per_port);
	self->count = (uint32_t)per_port * self->port_count;
	self->entered = UINT32_MAX;
	self->way_inverse = UINT64_MAX / self->way_count + 1;
	self->client_inverse = UINT64_MAX / self->client_count + 1;
	while ((self->count - 1) >> self->block_shift >= GEN_TUPLE_BLOCKS_MAX)
		self->block_shift++;
	self->closed_ms = calloc(GEN_TUPLE_BLOCKS_MAX, sizeof(*self->closed_ms));
	return self->closed_ms ? 0 : mr_error_set(error, -ENOMEM, "no memory for tuples");
}

void
gen_tuples_free(struct gen_tuples *self)
{
	free(self->closed_ms);
	self->closed_ms = NULL;
}

uint64_t
gen_tuples_per_s(const struct gen_tuples *self)
{
	return self->time_wait_ms ? (uint64_t)self->count * 1000 / self->time_wait_ms : UINT64_MAX;
}

uint64_t
gen_tuples_live(const struct gen_tuples *self, uint32_t now_ms)
{
	uint32_t second = now_ms / 1000, seconds = (self->time_wait_ms + 999) / 1000;
	uint64_t sum = 0;

	for (uint32_t ago = 0; ago <= seconds && ago <= second && ago < GEN_TUPLE_SECONDS; ago++)
		if (second - ago <= self->second &&
		    self->second - (second - ago) < GEN_TUPLE_SECONDS)
			sum += self->closes[(second - ago) % GEN_TUPLE_SECONDS];
	return sum;
}
