/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/world_net - addresses, services, next hops and steering rules out of a configuration.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/world_int.h"

/* next_hops gathers the next hops of all ports; at most MR_NET_NEXT_HOP_MAX by the schema's rule.
 */
static size_t
next_hops(const struct mr_config *config, struct mr_net_next_hop out[MR_NET_NEXT_HOP_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < config->port_count; i++)
		for (size_t j = 0; j < config->ports[i].next_hop_count; j++) {
			const struct mr_config_next_hop *hop = &config->ports[i].next_hops[j];

			MR_ASSERT(count < MR_NET_NEXT_HOP_MAX);
			out[count++] = (struct mr_net_next_hop){ .addr = hop->addr,
								 .interface = (uint16_t)i,
								 .vlan = hop->vlan };
		}
	return count;
}

/* What the box answers on: DNS on every address, sites, and what is configured to be tested. Each
 * entry is a service of lib/net, and a rule that brings its packets to us. */
struct listeners {
	size_t count;
	bool full;
	struct mr_net_service services[MR_NET_SERVICE_MAX];
};

static uint16_t
vip_index(const struct mr_config *config, const struct mr_addr *addr)
{
	for (uint16_t i = 0; i < config->vip_count; i++)
		if (mr_addr_equal(&config->vips[i], addr))
			return i;
	return UINT16_MAX; /* every one */
}

/* listeners_add keeps what is not there already: sites share listeners, and one on every address
 * takes in those of the same application on single ones. */
static void
listeners_add(struct listeners *self, uint16_t vip, uint8_t protocol, uint8_t app, uint16_t port)
{
	size_t kept = 0;

	for (size_t i = 0; i < self->count; i++) {
		const struct mr_net_service *at = &self->services[i];
		bool same = at->app == app && at->protocol == protocol && at->port_low == port;

		if (same && (at->vip == vip || at->vip == UINT16_MAX))
			return;
		if (!same || vip != UINT16_MAX)
			self->services[kept++] = *at;
	}
	self->count = kept;
	self->full |= self->count == MR_NET_SERVICE_MAX;
	if (!self->full)
		self->services[self->count++] =
			(struct mr_net_service){ vip, protocol, app, port, port };
}

static int
listeners_gather(struct listeners *self, const struct mr_config *config, struct mr_error *error)
{
	self->count = 0;
	self->full = false;
	listeners_add(self, UINT16_MAX, IPPROTO_UDP, MR_NET_APP_DNS, config->dns.port);
	if (config->tcp.connections)
		listeners_add(self, UINT16_MAX, IPPROTO_TCP, MR_NET_APP_DNS, config->dns.port);
	for (size_t i = 0; i < config->site_count; i++)
		for (size_t k = 0; k < config->sites[i].listen_count; k++) {
			const struct mr_site_listen *from = &config->sites[i].listens[k];

			listeners_add(self, from->any ? UINT16_MAX : vip_index(config, &from->addr),
				      IPPROTO_TCP, MR_NET_APP_HTTP, from->port);
		}
	for (size_t i = 0; i < config->test_service_count; i++) {
		const struct mr_config_test_service *from = &config->test_services[i];

		listeners_add(self, vip_index(config, &from->vip), IPPROTO_TCP,
			      (uint8_t)(MR_NET_APP_ECHO + from->service), from->port);
	}
	return self->full
		       ? mr_error_set(error, -EINVAL, "more than %d listeners", MR_NET_SERVICE_MAX)
		       : 0;
}

int
world_net_build(const struct mr_worker_group *group, const struct mr_config *config,
		struct mr_net_snapshot **out, struct mr_error *error)
{
	struct mr_net_interface interfaces[MR_NET_IF_MAX] = { 0 };
	struct mr_net_next_hop hops[MR_NET_NEXT_HOP_MAX];
	struct listeners listeners;
	struct mr_net_config net = { .vips = config->vips,
				     .vip_count = config->vip_count,
				     .interfaces = interfaces,
				     .interface_count = group->port_count,
				     .services = listeners.services,
				     .next_hops = hops,
				     .icmp_rate_pps = config->net.icmp_rate_pps };
	int rc = listeners_gather(&listeners, config, error);

	if (rc)
		return rc;
	net.service_count = listeners.count;
	MR_ASSERT(group->port_count <= config->port_count);
	for (uint16_t i = 0; i < group->port_count; i++) {
		const struct mr_config_port *from = &config->ports[i];

		interfaces[i].mac = group->ports[i]->mac;
		interfaces[i].mtu = group->ports[i]->mtu;
		interfaces[i].punts = group->ports[i]->punt;
		interfaces[i].retypes_tags =
			(group->ports[i]->caps & MR_PORT_CAP_RETYPES_TAGS) != 0;
		interfaces[i].vlan_count = (uint16_t)from->vlan_count;
		memcpy(interfaces[i].vlans, from->vlans, from->vlan_count * sizeof(from->vlans[0]));
	}
	net.next_hop_count = next_hops(config, hops);
	return mr_net_snapshot_build(&net, out, error);
}

/* is_source says whether origins are asked from this address. */
static bool
is_source(const struct mr_config *config, const struct mr_addr *vip)
{
	struct mr_origin_way way;

	mr_config_way(config, mr_addr_is_v4(vip), &way);
	return way.known && mr_addr_equal(&way.source, vip);
}

/* steer_rules: what is listened on, the echo and errors of each service address, and what origins
 * answer to it. Everything else of it (other ports) stays with the kernel. */
static size_t
steer_rules(const struct mr_config *config, const struct listeners *listeners,
	    struct mr_port_steer_rule *out)
{
	size_t count = 0;

	for (size_t i = 0; i < config->vip_count; i++) {
		const struct mr_addr *vip = &config->vips[i];
		const uint8_t icmp = mr_addr_is_v4(vip) ? IPPROTO_ICMP : IPPROTO_ICMPV6;

		out[count++] = (struct mr_port_steer_rule){ *vip, icmp, 0, UINT16_MAX };
		if (config->upstream_count && is_source(config, vip))
			out[count++] = (struct mr_port_steer_rule){ *vip, IPPROTO_TCP,
								    MR_WORKER_SOURCE_PORT_LOW,
								    UINT16_MAX };
		for (size_t j = 0; j < listeners->count; j++) {
			const struct mr_net_service *at = &listeners->services[j];

			if (at->vip == UINT16_MAX || at->vip == i)
				out[count++] =
					(struct mr_port_steer_rule){ *vip, at->protocol,
								     at->port_low, at->port_high };
		}
	}
	return count;
}

static int
steer_port(struct mr_port *port, const struct mr_config *config,
	   const struct mr_port_steer_rule *rules, size_t rule_count, struct mr_error *error)
{
	const struct mr_config_port *from = &config->ports[port->index];
	struct mr_addr hops[MR_NET_NEXT_HOP_MAX];
	struct mr_port_steer steer = { .rules = rules,
				       .rule_count = rule_count,
				       .next_hops = hops,
				       .next_hop_count = from->next_hop_count,
				       .vlans = from->vlans,
				       .vlan_count = from->vlan_count };

	for (size_t i = 0; i < from->next_hop_count; i++)
		hops[i] = from->next_hops[i].addr;
	return mr_port_steer(port, &steer, error);
}

static int
steer_all(const struct mr_worker_group *group, uint16_t port_count, const struct mr_config *config,
	  uint16_t *done_count, struct mr_error *error)
{
	struct mr_port_steer_rule *rules;
	struct listeners listeners;
	size_t rule_count;
	int rc = listeners_gather(&listeners, config, error);

	*done_count = 0;
	if (rc)
		return rc;
	rules = calloc((listeners.count + 2) * config->vip_count, sizeof(*rules));
	if (!rules)
		return mr_error_set(error, -ENOMEM, "out of memory");
	rule_count = steer_rules(config, &listeners, rules);
	for (uint16_t i = 0; i < port_count && !rc; i++) {
		rc = steer_port(group->ports[i], config, rules, rule_count, error);
		if (!rc)
			(*done_count)++;
	}
	free(rules);
	return rc;
}

int
world_steer(const struct mr_worker_group *group, const struct mr_config *config,
	    const struct mr_config *running, struct mr_error *error)
{
	uint16_t done_count, back_count;
	struct mr_error back = { 0 };
	int rc = steer_all(group, group->port_count, config, &done_count, error);

	if (!rc || !running)
		return rc;
	/* The one that refused has kept its rules; the ones before it take theirs back. */
	if (steer_all(group, done_count, running, &back_count, &back))
		mr_log(MR_LOG_ERROR, "a port did not take its old rules back: %s", back.text);
	return rc;
}

void
world_neighbours_set(const struct mr_worker_group *group, const struct mr_config *config)
{
	struct mr_net_next_hop hops[MR_NET_NEXT_HOP_MAX];

	if (group->neighbours)
		mr_net_neighbours_set(group->neighbours, hops, next_hops(config, hops));
}
