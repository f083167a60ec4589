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

/* What the box answers on: DNS on every address, and what is configured to be tested. Each entry is
 * a service of lib/net, and a rule that brings its packets to us. */
enum { LISTENERS_MAX = 2 + MR_TCP_SERVICE_MAX };

static size_t
listeners(const struct mr_config *config, struct mr_net_service out[LISTENERS_MAX])
{
	const uint16_t port = config->dns.port;
	size_t count = 0;

	out[count++] =
		(struct mr_net_service){ UINT16_MAX, IPPROTO_UDP, MR_NET_APP_DNS, port, port };
	if (config->tcp.connections)
		out[count++] = (struct mr_net_service){ UINT16_MAX, IPPROTO_TCP, MR_NET_APP_DNS,
							port, port };
	for (size_t i = 0; i < config->test_service_count; i++) {
		const struct mr_config_test_service *from = &config->test_services[i];
		uint16_t vip = UINT16_MAX;

		for (uint16_t v = 0; v < config->vip_count; v++)
			if (mr_addr_equal(&config->vips[v], &from->vip))
				vip = v;
		out[count++] = (struct mr_net_service){ vip, IPPROTO_TCP,
							(uint8_t)(MR_NET_APP_ECHO + from->service),
							from->port, from->port };
	}
	return count;
}

int
world_net_build(const struct mr_worker_group *group, const struct mr_config *config,
		struct mr_net_snapshot **out, struct mr_error *error)
{
	struct mr_net_interface interfaces[MR_NET_IF_MAX] = { 0 };
	struct mr_net_next_hop hops[MR_NET_NEXT_HOP_MAX];
	struct mr_net_service services[LISTENERS_MAX];
	struct mr_net_config net = { .vips = config->vips,
				     .vip_count = config->vip_count,
				     .interfaces = interfaces,
				     .interface_count = group->port_count,
				     .services = services,
				     .service_count = listeners(config, services),
				     .next_hops = hops,
				     .icmp_rate_pps = config->net.icmp_rate_pps };

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

/* steer_rules: what is listened on, and the echo and errors of each service address. Everything
 * else of it (other ports) stays with the kernel. */
static size_t
steer_rules(const struct mr_config *config, struct mr_port_steer_rule *out)
{
	struct mr_net_service services[LISTENERS_MAX];
	const size_t service_count = listeners(config, services);
	size_t count = 0;

	for (size_t i = 0; i < config->vip_count; i++) {
		const struct mr_addr *vip = &config->vips[i];
		const uint8_t icmp = mr_addr_is_v4(vip) ? IPPROTO_ICMP : IPPROTO_ICMPV6;

		out[count++] = (struct mr_port_steer_rule){ *vip, icmp, 0, UINT16_MAX };
		for (size_t j = 0; j < service_count; j++)
			if (services[j].vip == UINT16_MAX || services[j].vip == i)
				out[count++] =
					(struct mr_port_steer_rule){ *vip, services[j].protocol,
								     services[j].port_low,
								     services[j].port_high };
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
	struct mr_net_service services[LISTENERS_MAX];
	struct mr_port_steer_rule *rules =
		calloc((listeners(config, services) + 1) * config->vip_count, sizeof(*rules));
	size_t rule_count;
	int rc = 0;

	*done_count = 0;
	if (!rules)
		return mr_error_set(error, -ENOMEM, "out of memory");
	rule_count = steer_rules(config, rules);
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
