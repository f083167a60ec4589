/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/config_site - what one row of the schema cannot say about sites and their routes.
 */
#include <errno.h>
#include <string.h>

#include "ctl/config_int.h"

/* The keys that are actions, and what each is. */
static const struct {
	const char *key;
	enum mr_site_action action;
	uint16_t status; /* unless another is written */
} actions[] = {
	{ "respond", MR_SITE_RESPOND, 200 }, { "redirect", MR_SITE_REDIRECT, 302 },
	{ "root", MR_SITE_ROOT, 200 },       { "health", MR_SITE_HEALTH, 200 },
	{ "proxy", MR_SITE_PROXY, 200 },
};

int
config_finish_route(struct config_reader *reader, const struct mr_yaml_node *node,
		    struct mr_site_route_config *route)
{
	const char *found = NULL, *fault;

	for (size_t i = 0; i < MR_ARRAY_COUNT(actions); i++) {
		const struct mr_yaml_node *key = config_key_find(node, actions[i].key);

		if (!key)
			continue;
		if (found)
			return config_fail(reader, key, "this route has the action %s already",
					   found);
		found = actions[i].key;
		route->action = (int)actions[i].action;
		if (!route->status)
			route->status = actions[i].status;
	}
	if (!found)
		return config_fail(reader, node,
				   "a route needs an action: respond, redirect, root, health or "
				   "proxy");
	fault = mr_site_route_check(route);
	return fault ? config_fail(reader, node, "sites[].routes[]: %s", fault) : 0;
}

int
config_finish_site(struct config_reader *reader, const struct mr_yaml_node *node,
		   struct mr_site_config *site)
{
	const char *wrong = mr_site_limits_check(&site->limits);

	if (wrong)
		return config_fail(reader, node, "sites[].limits: %s", wrong);
	for (size_t i = 0; i < site->host_count; i++) {
		const char *fault = mr_site_host_check(site->hosts[i]);

		if (fault)
			return config_fail_at(reader, &site->hosts[i], "sites[].hosts[]: %s",
					      fault);
	}
	for (size_t i = 0; i < site->error_count; i++) {
		const char *fault = mr_site_error_check(&site->errors[i]);

		if (fault)
			return config_fail_at(reader, &site->errors[i], "sites[].errors[]: %s",
					      fault);
	}
	return 0;
}

static bool
vip_listed(const struct mr_config *config, const struct mr_addr *addr)
{
	for (size_t i = 0; i < config->vip_count; i++)
		if (mr_addr_equal(&config->vips[i], addr))
			return true;
	return false;
}

static int
finish_listen(struct config_reader *reader, const struct mr_site_listen *listen)
{
	const struct mr_config *config = reader->config;
	char text[CONFIG_LISTEN_BYTES];

	if (!listen->any && !vip_listed(config, &listen->addr))
		return config_fail_at(reader, listen,
				      "sites[].listen[]: %s is not at one of the vips",
				      config_listen_text(listen, text));
	if (listen->port == config->dns.port)
		return config_fail_at(reader, listen, "sites[].listen[]: port %u is DNS's",
				      listen->port);
	for (size_t i = 0; i < config->test_service_count; i++)
		if (config->test_services[i].port == listen->port)
			return config_fail_at(reader, &config->test_services[i],
					      "test_services[]: port %u is a site's", listen->port);
	return 0;
}

/* finish_proxies finds the groups that routes pass requests on to. */
static int
finish_proxies(struct config_reader *reader, struct mr_site_config *site)
{
	const struct mr_config *config = reader->config;

	for (size_t i = 0; i < site->route_count; i++) {
		struct mr_site_route_config *route = &site->routes[i];
		uint32_t at = 0;

		if (route->action != MR_SITE_PROXY)
			continue;
		while (at < config->upstream_count &&
		       strcmp(config->upstreams[at].name, route->proxy))
			at++;
		if (at == config->upstream_count)
			return config_fail_at(reader, &route->proxy,
					      "sites[].routes[].proxy: no upstream is called %s",
					      route->proxy);
		route->upstream = at;
	}
	return 0;
}

int
config_finish_sites(struct config_reader *reader)
{
	struct mr_config *config = reader->config;
	int rc = 0;

	if (config->site_count && !config->tcp.connections)
		return config_fail_at(reader, &config->sites,
				      "sites: there are none without tcp.connections");
	for (size_t i = 0; i < config->site_count && !rc; i++) {
		struct mr_site_config *site = &config->sites[i];

		rc = finish_proxies(reader, site);
		if (rc)
			return rc;
		for (size_t k = 0; k < i; k++)
			if (!strcmp(config->sites[k].name, site->name))
				return config_fail_at(reader, site, "two sites are called %s",
						      site->name);
		for (size_t k = 0; k < site->listen_count && !rc; k++)
			rc = finish_listen(reader, &site->listens[k]);
	}
	return rc;
}
