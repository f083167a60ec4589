/* SPDX-License-Identifier: Apache-2.0
 *
 * site/limits - bounds of routes: a route's own, else its site's; and request rates.
 *
 * A rate is shared by the workers in equal parts, and counted anew when the sites are replaced. The
 * meters are those of routes that have a rate, and one for the rest of a site that has one.
 */
#include <string.h>

#include "site_int.h"

/* A rate of one, with one worker in MR_WORKER_MAX, and the greatest burst: far below 2^63. */
enum { RATE_MAX = 100000000, BURST_MAX = 100000000 };

const char *
mr_site_limits_check(const struct mr_site_limits *limits)
{
	const struct mr_http_limits most = MR_HTTP_LIMITS_DEFAULT;

	if (limits->header_bytes > most.head_bytes)
		return "a head has at most 16384 octets";
	if (limits->rate > RATE_MAX || limits->burst > BURST_MAX)
		return "a rate, and a burst, is at most 100000000";
	return limits->burst && !limits->rate ? "a burst without a rate" : NULL;
}

static uint32_t
meter_make(struct mr_site_set *self, const struct mr_site_limits *from, uint32_t worker_count)
{
	uint64_t burst = from->burst ? from->burst : from->rate;
	struct site_meter *meter;

	if (!from->rate || !self->meters)
		return SITE_METER_NONE;
	meter = &self->meters[self->meter_count];
	meter->interval_ns = MR_NS_PER_S * worker_count / from->rate;
	/* at least one request may come */
	meter->ahead_ns = meter->interval_ns * ((burst + worker_count - 1) / worker_count);
	return self->meter_count++;
}

static struct site_limits
limits_join(const struct mr_site_limits *own, const struct mr_site_limits *site)
{
	return (struct site_limits){
		.body_bytes = own->body_bytes ? own->body_bytes : site->body_bytes,
		.header_bytes = own->header_bytes ? own->header_bytes : site->header_bytes,
		.body_ms = own->body_ms ? own->body_ms : site->body_ms,
		.idle_ms = own->idle_ms ? own->idle_ms : site->idle_ms,
		.requests = own->requests ? own->requests : site->requests,
	};
}

void
site_limits_build(struct mr_site_set *self, const struct mr_site_config *sites,
		  uint32_t worker_count)
{
	size_t meters = 0;

	for (uint32_t i = 0; i < self->site_count; i++) {
		meters += sites[i].limits.rate != 0;
		for (size_t k = 0; k < sites[i].route_count; k++)
			meters += sites[i].routes[k].limits.rate != 0;
	}
	if (meters)
		self->meters = site_memory_take(&self->memory, meters * sizeof(*self->meters));
	for (uint32_t i = 0; i < self->site_count; i++) {
		const struct mr_site_config *from = &sites[i];
		uint32_t shared = meter_make(self, &from->limits, worker_count);

		for (size_t k = 0; k < from->route_count; k++) {
			struct site_route *route = &self->sites[i].routes[k];
			const struct mr_site_limits *own = &from->routes[k].limits;
			struct site_limits *limits = &route->limits;

			*limits = limits_join(own, &from->limits);
			limits->meter = own->rate ? meter_make(self, own, worker_count) : shared;
			route->limited = limits->body_bytes || limits->header_bytes ||
					 limits->body_ms || limits->idle_ms || limits->requests ||
					 limits->meter != SITE_METER_NONE;
		}
	}
	for (uint32_t i = 0; self->meter_count && i < worker_count; i++) {
		size_t bytes = self->meter_count * sizeof(struct site_meter_state);
		/* two workers never write one line */
		uint8_t *room = site_memory_take(&self->memory, bytes + 2 * MR_CACHE_LINE);

		if (room)
			self->meter_states[i] =
				(void *)mr_round_up((uintptr_t)room, (uintptr_t)MR_CACHE_LINE);
	}
}

bool
site_admit(const struct mr_site_set *self, uint32_t meter, uint32_t worker, uint64_t now_ns)
{
	const struct site_meter *rate = &self->meters[meter];
	struct site_meter_state *state = &self->meter_states[worker][meter];
	uint64_t due_ns = MR_MAX(state->due_ns, now_ns) + rate->interval_ns;

	if (due_ns - now_ns > rate->ahead_ns)
		return false;
	state->due_ns = due_ns;
	return true;
}
