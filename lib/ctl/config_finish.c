/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/config_finish - what one row of the schema cannot say: names are unique, keys go together.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ctl/config_int.h"

/* ---- one port ---- */

const struct mr_yaml_node *
config_key_find(const struct mr_yaml_node *map, const char *key)
{
	for (const struct mr_yaml_node *at = map->first; at; at = at->next)
		if (!strcmp(at->text, key))
			return at;
	return NULL;
}

/* Keys of a port that only some kinds take. */
static const struct {
	const char *key, *kinds[6];
} port_keys[] = {
	{ "out", { "pcap" } },
	{ "role", { "memif", "vhost", "virtio-user" } },
	{ "ring", { "virtio-user" } },
	{ "zero_copy", { "memif" } },
	{ "mac", { "memif", "pcap", "virtio-user", "bond" } },
	{ "punt", { "memif", "vhost", "virtio-user", "pci", "bond" } },
};

static bool
port_key_fits(const char *const kinds[6], const char *kind)
{
	for (int i = 0; i < 6 && kinds[i]; i++)
		if (!strcmp(kind, kinds[i]))
			return true;
	return false;
}

static int
port_refuse_keys(struct config_reader *reader, const struct mr_yaml_node *node,
		 const struct mr_port_config *port)
{
	for (size_t i = 0; i < MR_ARRAY_COUNT(port_keys); i++) {
		const struct mr_yaml_node *key = config_key_find(node, port_keys[i].key);

		if (!key || port_key_fits(port_keys[i].kinds, port->kind))
			continue;
		return config_fail(reader, key, "'%s' is not for a port of kind %s", key->text,
				   port->kind);
	}
	return 0;
}

/* port_finish_bond: a port with the key `bond` is of that kind; its members are the devices. */
static int
port_finish_bond(struct config_reader *reader, const struct mr_yaml_node *node,
		 struct mr_config_port *port)
{
	const struct mr_yaml_node *key = config_key_find(node, "bond");
	const struct mr_port_bond *bond = &port->port.bond;

	if (!key)
		return 0;
	if (port->port.kind[0])
		return config_fail(reader, key,
				   "bond: this port is already %s: %s; a port has one "
				   "kind",
				   port->port.kind, port->port.target);
	memcpy(port->port.kind, "bond", sizeof("bond"));
	memcpy(port->port.target, port->port.name, sizeof(port->port.name));
	if (!bond->member_count)
		return config_fail(reader, key, "ports[].bond.members is missing: its devices");
	for (size_t i = 0; i < bond->member_count; i++) {
		const struct mr_port_member *member = &bond->members[i];

		if (!member->kind[0])
			return config_fail_at(
				reader, member,
				"ports[].bond.members[]: expected exactly one of " MR_CONFIG_MEMBER_KINDS);
		if (strcmp(member->kind, "afpacket"))
			continue;
		if (bond->mode != MR_PORT_BOND_ACTIVE_BACKUP)
			return config_fail_at(reader, member->target,
					      "ports[].bond: afpacket can be a member in mode "
					      "active-backup only, as DPDK does not see its link");
		if (port->punt[0])
			return config_fail_at(reader, port->punt,
					      "ports[].punt: the kernel has %s itself",
					      member->target);
	}
	if (bond->mode == MR_PORT_BOND_802_3AD && mr_config_impairs(port))
		return config_fail(reader, key, "ports[].impair: not with a bond of mode 802.3ad");
	return config_place_add(reader, port->port.target, key);
}

/* A router or a service address is one host's: not many, not nobody, not this machine itself. */
static const char *
addr_fault(const struct mr_addr *addr)
{
	static const struct mr_addr loopback = { .bytes = { [15] = 1 } };

	if (mr_addr_is_v4(addr)) {
		uint8_t first = addr->bytes[12];

		if (!first)
			return "0.0.0.0/8 is no host's address";
		if (first == 127)
			return "a loopback address stays inside the kernel";
		if (first >= 240)
			return "240.0.0.0/4 is reserved";
		return first >= 224 ? "a multicast address is not one host's" : NULL;
	}
	if (mr_addr_unspecified(addr))
		return "the unspecified address is no host's";
	if (mr_addr_equal(addr, &loopback))
		return "a loopback address stays inside the kernel";
	return addr->bytes[0] == 0xff ? "a multicast address is not one host's" : NULL;
}

static int
port_finish_hops(struct config_reader *reader, struct mr_config_port *port)
{
	for (size_t i = 0; i < port->next_hop_count; i++) {
		struct mr_config_next_hop *hop = &port->next_hops[i];
		const char *fault = addr_fault(&hop->addr);
		char text[MR_VLAN_TEXT_BYTES];
		bool served = false;

		if (fault)
			return config_fail_at(reader, hop, "ports[].next_hop[]: %s", fault);
		if (hop->vlan == CONFIG_VLAN_UNSET)
			hop->vlan = port->vlans[0];
		for (size_t v = 0; v < port->vlan_count; v++)
			served |= port->vlans[v] == hop->vlan;
		if (!served)
			return config_fail_at(
				reader, hop,
				"ports[].next_hop[]: VLAN %s is not among the port's vlans",
				mr_vlan_format(hop->vlan, text));
		for (size_t j = 0; j < i; j++)
			if (mr_addr_equal(&port->next_hops[j].addr, &hop->addr) &&
			    port->next_hops[j].vlan == hop->vlan)
				return config_fail_at(reader, hop,
						      "ports[].next_hop[]: listed twice");
	}
	return 0;
}

int
config_finish_port(struct config_reader *reader, const struct mr_yaml_node *node,
		   struct mr_config_port *port)
{
	char text[MR_VLAN_TEXT_BYTES];
	int rc = port_finish_bond(reader, node, port);

	if (rc)
		return rc;
	if (!port->port.kind[0])
		return config_fail(reader, node,
				   "port '%s' needs exactly one of " MR_CONFIG_PORT_KINDS,
				   port->port.name);
	rc = port_refuse_keys(reader, node, &port->port);
	if (rc)
		return rc;
	if (port->port.mtu && port->port.mtu < 576)
		return config_fail_at(
			reader, &port->port.mtu,
			"ports[].mtu: expected 0 or a number from 576 to 9216, found '%u'",
			port->port.mtu);
	if (port->port.memif_zero_copy && port->port.memif_server)
		return config_fail_at(reader, &port->port.memif_zero_copy,
				      "ports[].zero_copy: only a client's packets need no copy");
	for (size_t i = 0; i < port->vlan_count; i++)
		for (size_t j = 0; j < i; j++)
			if (port->vlans[i] == port->vlans[j])
				return config_fail_at(reader, &port->vlans[i],
						      "ports[].vlans[]: %s is listed twice",
						      mr_vlan_format(port->vlans[i], text));
	return port_finish_hops(reader, port);
}

/* ---- one zone ---- */

int
config_finish_zone(struct config_reader *reader, const struct mr_yaml_node *node,
		   struct mr_config_zone *zone)
{
	const char *folder = reader->config->dns.zone_dir;
	int name_bytes = (int)strlen(zone->name) - 1; /* without the final dot */
	char file[MR_CONFIG_PATH_BYTES];

	zone->transfer_own = config_key_find(node, "transfer") != NULL;
	if (zone->file)
		return 0;
	if (!folder[0])
		return config_fail(reader, node, "zone %s needs a file, or dns needs a zone_dir",
				   zone->name);
	if (strchr(zone->name, '/'))
		return config_fail(reader, node, "zone %s needs a file: its name has a slash",
				   zone->name);
	if ((size_t)snprintf(file, sizeof(file), "%s/%.*s.zone", folder,
			     name_bytes ? name_bytes : 4,
			     name_bytes ? zone->name : "root") >= sizeof(file))
		return config_fail(reader, node,
				   "zone %s needs a file: its name is too long for one",
				   zone->name);
	zone->file = config_text_keep(reader->config, file);
	if (!zone->file)
		return mr_error_set(reader->error, -ENOMEM, "out of memory");
	return 0;
}

/* ---- everything ---- */

static int
finish_cpus(struct config_reader *reader)
{
	struct mr_config_cpus *cpus = &reader->config->cpus;
	char place[MR_CONFIG_PLACE_BYTES];

	for (size_t i = 0; i < cpus->worker_count; i++)
		for (size_t j = 0; j < i; j++)
			if (cpus->workers[i] == cpus->workers[j])
				return config_fail_at(reader, &cpus->workers[i],
						      "cpus.workers[]: CPU %u is listed twice",
						      cpus->workers[i]);
	/* Not written: the lowest CPU without a worker. */
	if (strcmp(mr_config_place(reader->config, &cpus->control, place), reader->config->path))
		return 0;
	for (size_t i = 0; i < cpus->worker_count; i++) {
		if (cpus->workers[i] != cpus->control)
			continue;
		cpus->control++;
		i = (size_t)-1; /* again from the first; at most worker_count times */
	}
	return 0;
}

/* port_device gives device number `at` of a port: of its members, or its own; NULL at the end. */
static const struct mr_port_member *
port_device(const struct mr_config_port *port, size_t at)
{
	const struct mr_port_bond *bond = &port->port.bond;

	if (!bond->member_count)
		return at ? NULL : &port->port.device;
	return at < bond->member_count ? &bond->members[at] : NULL;
}

/* port_devices_apart: no device of port is one of the devices of other that stand before it. */
static int
port_devices_apart(struct config_reader *reader, const struct mr_config_port *port,
		   const struct mr_config_port *other)
{
	const struct mr_port_member *a, *b;

	for (size_t i = 0; (a = port_device(port, i)); i++)
		for (size_t j = 0; (port != other || j < i) && (b = port_device(other, j)); j++)
			if (!strcmp(a->target, b->target))
				return config_fail_at(reader, a->target,
						      "%s: '%s' is already %s '%s'", a->kind,
						      a->target,
						      other->port.bond.member_count ? "in bond"
										    : "port",
						      other->port.name);
	return 0;
}

static int
finish_ports(struct config_reader *reader)
{
	struct mr_config *config = reader->config;
	size_t hop_count = 0;

	for (size_t i = 0; i < config->port_count; i++) {
		const struct mr_port_config *port = &config->ports[i].port;

		hop_count += config->ports[i].next_hop_count;
		if (hop_count > MR_NET_NEXT_HOP_MAX)
			return config_fail_at(
				reader, &config->ports[i].next_hops,
				"ports[].next_hop: more than %d on all ports together",
				MR_NET_NEXT_HOP_MAX);
		for (size_t j = 0; j < i; j++) {
			const struct mr_port_config *other = &config->ports[j].port;

			if (!strcmp(port->name, other->name))
				return config_fail_at(reader, port, "two ports are called '%s'",
						      port->name);
		}
		for (size_t j = 0; j <= i; j++)
			if (port_devices_apart(reader, &config->ports[i], &config->ports[j]))
				return reader->error->code;
	}
	return 0;
}

/* Both comparisons order equal values by place, so that the later one is reported. */
static int
vip_compare(const void *left, const void *right)
{
	const struct mr_addr *a = *(const struct mr_addr *const *)left;
	const struct mr_addr *b = *(const struct mr_addr *const *)right;
	int order = memcmp(a, b, sizeof(*a));

	return order ? order : (a > b) - (a < b);
}

static int
zone_compare(const void *left, const void *right)
{
	const struct mr_config_zone *a = *(const struct mr_config_zone *const *)left;
	const struct mr_config_zone *b = *(const struct mr_config_zone *const *)right;
	int order = strcasecmp(a->name, b->name);

	return order ? order : (a > b) - (a < b);
}

/* sorted_by gives pointers to the items in order; NULL when memory is out. */
static const void **
sorted_by(const void *items, size_t count, size_t item_bytes,
	  int (*compare)(const void *, const void *))
{
	const void **sorted = calloc(count + 1, sizeof(*sorted));

	if (!sorted)
		return NULL;
	for (size_t i = 0; i < count; i++)
		sorted[i] = (const char *)items + i * item_bytes;
	qsort(sorted, count, sizeof(*sorted), compare);
	return sorted;
}

static int
finish_vips(struct config_reader *reader)
{
	struct mr_config *config = reader->config;
	const struct mr_addr **sorted;
	char text[MR_ADDR_TEXT_BYTES];
	int rc = 0;

	for (size_t i = 0; i < config->vip_count; i++) {
		const char *fault = addr_fault(&config->vips[i]);

		if (fault)
			return config_fail_at(reader, &config->vips[i], "vips[]: %s", fault);
	}
	sorted = (const struct mr_addr **)sorted_by(config->vips, config->vip_count,
						    sizeof(*config->vips), vip_compare);
	if (!sorted)
		return mr_error_set(reader->error, -ENOMEM, "out of memory");
	for (size_t i = 1; i < config->vip_count && !rc; i++)
		if (mr_addr_equal(sorted[i - 1], sorted[i]))
			rc = config_fail_at(reader, sorted[i], "vips[]: %s is listed twice",
					    mr_addr_format(sorted[i], text));
	free(sorted);
	return rc;
}

static int
finish_zones(struct config_reader *reader)
{
	struct mr_config_dns *dns = &reader->config->dns;
	const struct mr_config_zone **sorted;
	int rc = 0;

	sorted = (const struct mr_config_zone **)sorted_by(dns->zones, dns->zone_count,
							   sizeof(*dns->zones), zone_compare);
	if (!sorted)
		return mr_error_set(reader->error, -ENOMEM, "out of memory");
	for (size_t i = 1; i < dns->zone_count && !rc; i++)
		if (!strcasecmp(sorted[i - 1]->name, sorted[i]->name))
			rc = config_fail_at(reader, sorted[i], "zone %s is listed twice",
					    sorted[i]->name);
	free(sorted);
	return rc;
}

/* Two listeners meet when one's packets could be the other's. */
static bool
services_meet(const struct mr_config_test_service *a, const struct mr_config_test_service *b)
{
	return a->port == b->port &&
	       (mr_addr_unspecified(&a->vip) || mr_addr_unspecified(&b->vip) ||
		mr_addr_equal(&a->vip, &b->vip));
}

static int
finish_test_service(struct config_reader *reader, struct mr_config_test_service *service)
{
	static const uint16_t ports[MR_TCP_SERVICE_KINDS] = {
		[MR_TCP_ECHO] = 7, [MR_TCP_DISCARD] = 9, [MR_TCP_CHARGEN] = 19
	};
	const struct mr_config *config = reader->config;
	bool served = mr_addr_unspecified(&service->vip);

	if (!service->port)
		service->port = ports[service->service];
	if (service->service != MR_TCP_CHARGEN && (service->byte_count || service->request_bytes))
		return config_fail_at(reader, service,
				      "test_services[]: only chargen has bytes and request");
	for (size_t i = 0; i < config->vip_count && !served; i++)
		served = mr_addr_equal(&config->vips[i], &service->vip);
	if (!served)
		return config_fail_at(reader, &service->vip,
				      "test_services[].vip: not one of vips");
	if (service->port == config->dns.port)
		return config_fail_at(reader, service, "test_services[]: port %u is dns.port",
				      service->port);
	return 0;
}

static int
finish_test_services(struct config_reader *reader)
{
	struct mr_config *config = reader->config;

	if (config->test_service_count && !config->tcp.connections)
		return config_fail_at(reader, &config->test_services,
				      "test_services: tcp.connections is 0");
	for (size_t i = 0; i < config->test_service_count; i++) {
		int rc = finish_test_service(reader, &config->test_services[i]);

		for (size_t j = 0; j < i && !rc; j++)
			if (services_meet(&config->test_services[i], &config->test_services[j]))
				rc = config_fail_at(reader, &config->test_services[i],
						    "test_services[]: port %u is listed twice",
						    config->test_services[i].port);
		if (rc)
			return rc;
	}
	return 0;
}

int
config_finish(struct config_reader *reader)
{
	struct mr_config_dns *dns = &reader->config->dns;
	int rc = finish_cpus(reader);

	if (!dns->udp_payload_v6_bytes)
		dns->udp_payload_v6_bytes = dns->udp_payload_v4_bytes;
	if (!rc)
		rc = finish_ports(reader);
	if (!rc)
		rc = finish_vips(reader);
	if (!rc)
		rc = finish_test_services(reader);
	if (!rc)
		rc = finish_zones(reader);
	if (!rc)
		rc = config_finish_upstreams(reader);
	return rc ? rc : config_finish_sites(reader);
}
