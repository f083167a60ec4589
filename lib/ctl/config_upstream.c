/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/config_upstream - what one row of the schema cannot say about groups of origins.
 */
#include <errno.h>
#include <string.h>

#include "ctl/config_int.h"

/* ---- how they are reached ---- */

/* The first service address of a family, or the one that is written. */
static const struct mr_addr *
way_source(const struct mr_config *self, bool v4)
{
	for (size_t i = 0; i < self->proxy.source_count; i++)
		if (mr_addr_is_v4(&self->proxy.sources[i]) == v4)
			return &self->proxy.sources[i];
	for (size_t i = 0; i < self->vip_count; i++)
		if (mr_addr_is_v4(&self->vips[i]) == v4)
			return &self->vips[i];
	return NULL;
}

void
mr_config_way(const struct mr_config *self, bool v4, struct mr_origin_way *way)
{
	const struct mr_addr *source = way_source(self, v4);

	*way = (struct mr_origin_way){ 0 };
	for (size_t i = 0; i < self->port_count && source; i++) {
		const struct mr_config_port *port = &self->ports[i];

		if (self->proxy.port[0] && strcmp(self->proxy.port, port->port.name))
			continue;
		for (size_t k = 0; k < port->next_hop_count; k++) {
			const struct mr_config_next_hop *hop = &port->next_hops[k];

			if (mr_addr_is_v4(&hop->addr) != v4)
				continue;
			*way = (struct mr_origin_way){ .source = *source,
						       .vlan = hop->vlan,
						       .interface = (uint8_t)i,
						       .known = true };
			return;
		}
	}
}

static int
finish_sources(struct config_reader *reader)
{
	const struct mr_config *config = reader->config;
	const struct mr_config_proxy *proxy = &config->proxy;
	char text[MR_ADDR_TEXT_BYTES];
	bool found = !proxy->port[0];

	for (size_t i = 0; i < proxy->source_count; i++) {
		bool served = false;

		for (size_t k = 0; k < config->vip_count; k++)
			served |= mr_addr_equal(&config->vips[k], &proxy->sources[i]);
		if (!served)
			return config_fail_at(reader, &proxy->sources[i],
					      "proxy.sources[]: %s is not one of the vips",
					      mr_addr_format(&proxy->sources[i], text));
		if (i && mr_addr_is_v4(&proxy->sources[0]) == mr_addr_is_v4(&proxy->sources[1]))
			return config_fail_at(reader, &proxy->sources[i],
					      "proxy.sources[]: one address of each family");
	}
	for (size_t i = 0; i < config->port_count; i++)
		found |= !strcmp(config->ports[i].port.name, proxy->port);
	if (!found)
		return config_fail_at(reader, proxy->port, "proxy.port: there is no port '%s'",
				      proxy->port);
	return 0;
}

/* ---- groups ---- */

static int
finish_server(struct config_reader *reader, const struct mr_upstream_server *server)
{
	bool v4 = mr_addr_is_v4(&server->addr);
	struct mr_origin_way way, other;

	mr_config_way(reader->config, v4, &way);
	mr_config_way(reader->config, !v4, &other);
	if (way.known || (server->is_name && other.known))
		return 0;
	return config_fail_at(reader, server,
			      "upstreams[].servers[]: %s cannot be reached: no port has a next_hop "
			      "%s, or there is no service address of that family",
			      server->host,
			      server->is_name ? ""
			      : v4            ? "by IPv4"
					      : "by IPv6");
}

static int
finish_group(struct config_reader *reader, const struct mr_upstream_config *group)
{
	const void *at = group;
	const char *fault = mr_upstream_config_check(group, &at);
	int rc = fault ? config_fail_at(reader, at, "upstreams[]: %s: %s", group->name, fault) : 0;

	for (size_t i = 0; i < group->server_count && !rc; i++)
		rc = finish_server(reader, &group->servers[i]);
	return rc;
}

int
config_finish_upstreams(struct config_reader *reader)
{
	const struct mr_config *config = reader->config;
	int rc = finish_sources(reader);

	if (!rc && config->resolver.ttl_max_ns < config->resolver.ttl_min_ns)
		rc = config_fail_at(reader, &config->resolver.ttl_max_ns,
				    "resolver.max_ttl: it is below min_ttl");
	if (!rc && config->upstream_count && !config->tcp.connections)
		rc = config_fail_at(reader, &config->upstreams,
				    "upstreams: there are none without tcp.connections");
	for (size_t i = 0; i < config->upstream_count && !rc; i++) {
		for (size_t k = 0; k < i; k++)
			if (!strcmp(config->upstreams[k].name, config->upstreams[i].name))
				return config_fail_at(reader, &config->upstreams[i],
						      "two groups of upstreams are called %s",
						      config->upstreams[i].name);
		rc = finish_group(reader, &config->upstreams[i]);
	}
	return rc;
}
