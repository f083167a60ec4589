/* SPDX-License-Identifier: Apache-2.0
 *
 * net/link - the fate of a frame.
 */
#include "net/link.h"

void
mr_net_link_init(struct mr_net_link *self, const struct mr_net_link_config *config, uint64_t seed)
{
	*self = (struct mr_net_link){ .config = *config };
	mr_rng_seed(&self->rng, seed);
}

static bool
chance(struct mr_net_link *self, uint32_t ppm)
{
	return ppm && mr_rng_below(&self->rng, 1000000) < ppm;
}

static uint64_t
within(struct mr_net_link *self, uint64_t bound_ns)
{
	return bound_ns ? mr_rng_below(&self->rng, bound_ns) : 0;
}

/* queue sets *left_ns to when the last bit has left; false when the queue is full. */
static bool
queue(struct mr_net_link *self, uint32_t frame_bytes, bool ecn_capable, uint64_t now_ns,
      struct mr_net_link_fate *fate, uint64_t *left_ns)
{
	const struct mr_net_link_config *c = &self->config;
	uint64_t waiting_ns = self->free_ns > now_ns ? self->free_ns - now_ns : 0, waiting_bytes;

	*left_ns = now_ns;
	if (c->rate_bps == 0)
		return true;
	waiting_bytes = (uint64_t)((__uint128_t)waiting_ns * c->rate_bps / 8 / MR_NS_PER_S);
	if (c->queue_bytes && waiting_bytes + frame_bytes > c->queue_bytes)
		return false;
	if (ecn_capable && c->mark_bytes && waiting_bytes > c->mark_bytes)
		fate->marked = true;
	self->free_ns = now_ns + waiting_ns + frame_bytes * 8ull * MR_NS_PER_S / c->rate_bps;
	*left_ns = self->free_ns;
	return true;
}

static uint64_t
arrival(struct mr_net_link *self, uint64_t left_ns)
{
	const struct mr_net_link_config *c = &self->config;
	uint64_t at_ns = left_ns + c->delay_ns + within(self, c->jitter_ns);

	if (c->reorder_ns && chance(self, c->reorder_ppm)) {
		self->reordered++;
		return at_ns + within(self, c->reorder_ns);
	}
	self->order_ns = MR_MAX(self->order_ns, at_ns);
	return self->order_ns;
}

void
mr_net_link_offer(struct mr_net_link *self, uint32_t frame_bytes, bool ecn_capable, uint64_t now_ns,
		  struct mr_net_link_fate *fate)
{
	const struct mr_net_link_config *c = &self->config;
	uint64_t left_ns;

	*fate = (struct mr_net_link_fate){ .verdict = MR_NET_LINK_PASS };
	self->frames++;
	if (c->mtu && frame_bytes > c->mtu) {
		self->too_big++;
		fate->verdict = MR_NET_LINK_TOO_BIG;
		return;
	}
	self->losing =
		chance(self, self->losing && c->burst_loss_ppm ? c->burst_loss_ppm : c->loss_ppm);
	if (self->losing) {
		self->lost++;
		fate->verdict = MR_NET_LINK_LOST;
		return;
	}
	if (!queue(self, frame_bytes, ecn_capable, now_ns, fate, &left_ns)) {
		self->dropped++;
		fate->verdict = MR_NET_LINK_DROPPED;
		return;
	}
	fate->marked |= ecn_capable && chance(self, c->mark_ppm);
	self->marked += fate->marked;
	fate->copy_count = 1;
	if (chance(self, c->duplicate_ppm)) {
		self->duplicated++;
		fate->copy_count = 2;
	}
	for (int i = 0; i < fate->copy_count; i++) {
		fate->copies[i].corrupt_bit = -1;
		if (chance(self, c->corrupt_ppm)) {
			self->corrupted++;
			fate->copies[i].corrupt_bit =
				(int32_t)mr_rng_below(&self->rng, frame_bytes * 8ull);
		}
		fate->copies[i].arrive_ns = arrival(self, left_ns);
	}
}
