/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/ports - the source port of an active open.
 *
 * A worker's ports are those with (port & port_mask) == port_value, so whoever receives an answer
 * knows by its destination port alone whose it is. Towards one destination they are gone through in
 * order, from a place that nobody outside can foresee: the port used longest ago comes next. A port
 * whose four-tuple lives, or is in TIME-WAIT, is passed over.
 *
 * Spec: RFC 6056 3.3.4 (double-hash port selection).
 */
#include "tcp/tcp_int.h"

void
tcp_ports_create(struct mr_tcp *self)
{
	for (unsigned i = 0; i < TCP_PORT_COUNTERS; i++)
		self->port_next[i] = (uint32_t)mr_rng_next(&self->rng);
}

/* ports_of returns how many ports this worker has, and the first. */
static uint32_t
ports_of(const struct mr_tcp_config *c, uint32_t *first)
{
	*first = c->port_low + ((uint32_t)(c->port_value - c->port_low) & c->port_mask);
	return *first > c->port_high ? 0 : (c->port_high - *first) / (c->port_mask + 1u) + 1;
}

bool
tcp_port_choose(struct mr_tcp *self, struct mr_tcp_flow *flow, uint64_t *hash)
{
	uint32_t first, count = ports_of(&self->config, &first), *next;
	uint64_t destination;

	flow->local_port = 0;
	destination = tcp_flow_hash(self, flow);
	next = &self->port_next[destination >> 32 & (TCP_PORT_COUNTERS - 1)];
	for (int i = 0; count && i < TCP_PORT_TRIES; i++) {
		uint32_t index = ((uint32_t)destination + (*next)++) % count;

		flow->local_port = (uint16_t)(first + index * (self->config.port_mask + 1u));
		*hash = tcp_flow_hash(self, flow);
		if (tcp_table_find(self, *hash, flow) == 0)
			return true;
	}
	tcp_count(self, MR_TCP_connect_no_port);
	return false;
}
