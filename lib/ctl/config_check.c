/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/config_check - does the machine agree with the configuration?
 */
#include <errno.h>
#include <grp.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/config_int.h"

static int MR_PRINTF(4, 5) check_fail(const struct mr_config *self, const void *value,
				      struct mr_error *error, const char *format, ...)
{
	char what[MR_ERROR_TEXT_BYTES], place[MR_CONFIG_PLACE_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	return mr_error_set(error, -EINVAL, "%s: %s", mr_config_place(self, value, place), what);
}

static int
check_cpu(const struct mr_config *self, const uint16_t *cpu, const char *key,
	  struct mr_error *error)
{
	if (*cpu < sysconf(_SC_NPROCESSORS_CONF))
		return 0;
	return check_fail(self, cpu, error, "%s: this machine has no CPU %u, only 0 to %ld", key,
			  *cpu, sysconf(_SC_NPROCESSORS_CONF) - 1);
}

/* check_memory refuses what this machine could never hold. What is free just now is looked at when
 * the box starts. */
static int
check_memory(const struct mr_config *self, struct mr_error *error)
{
	uint64_t bytes = mr_worker_tcp_bytes(&self->tcp) * self->cpus.worker_count;
	uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	char wanted[MR_UNITS_TEXT_BYTES], have[MR_UNITS_TEXT_BYTES];

	if (bytes <= machine)
		return 0;
	return check_fail(self, &self->tcp.connections, error,
			  "tcp: %u connections of each of %zu worker(s), with %u in TIME-WAIT, "
			  "need %s of memory, and this machine has %s",
			  self->tcp.connections, self->cpus.worker_count,
			  self->tcp.time_waits ? self->tcp.time_waits : self->tcp.connections,
			  mr_units_format_bytes(bytes, wanted),
			  mr_units_format_bytes(machine, have));
}

/* check_own_address looks for one address of the kernel among the service addresses. */
static int
check_own_address(const struct mr_config *self, const struct mr_port_config *port,
		  const struct ifaddrs *own, struct mr_error *error)
{
	bool shared = !strcmp(port->kind, "afxdp"), copies = !strcmp(port->kind, "afpacket");
	char text[MR_ADDR_TEXT_BYTES];
	struct mr_addr addr;

	for (size_t m = 0; m < port->bond.member_count; m++)
		copies |= !strcmp(port->bond.members[m].kind, "afpacket");
	shared = shared && !strcmp(port->target, own->ifa_name);
	if (!own->ifa_addr || !(shared || copies))
		return 0;
	if (own->ifa_addr->sa_family == AF_INET)
		addr = mr_addr_from_v4(
			&((const struct sockaddr_in *)(const void *)own->ifa_addr)->sin_addr);
	else if (own->ifa_addr->sa_family == AF_INET6)
		addr = mr_addr_from_v6(
			&((const struct sockaddr_in6 *)(const void *)own->ifa_addr)->sin6_addr);
	else
		return 0;
	for (size_t i = 0; i < self->vip_count; i++) {
		char place[MR_CONFIG_PLACE_BYTES];

		if (!mr_addr_equal(&self->vips[i], &addr))
			continue;
		mr_addr_format(&addr, text);
		if (copies)
			return check_fail(
				self, &self->vips[i], error,
				"vips[]: the kernel has %s on %s and would answer for it "
				"too: afpacket gives each frame to both; remove it there, or "
				"use afxdp",
				text, own->ifa_name);
		mr_log(MR_LOG_WARNING,
		       "%s: vips[]: %s is an address of interface %s itself: ping and DNS of it are "
		       "answered here and no longer by the kernel",
		       mr_config_place(self, &self->vips[i], place), text, own->ifa_name);
	}
	return 0;
}

/* check_own_addresses: service addresses that the kernel has too. Packet sockets give each frame
 * to both, and the kernel would refuse what we answer. AF_XDP takes from the kernel what is
 * steered; on the interface itself that may be meant, and is told. */
static int
check_own_addresses(const struct mr_config *self, struct mr_error *error)
{
	struct ifaddrs *addresses;
	int rc = 0;

	if (getifaddrs(&addresses))
		return 0;
	for (const struct ifaddrs *at = addresses; at && !rc; at = at->ifa_next)
		for (size_t i = 0; i < self->port_count && !rc; i++)
			rc = check_own_address(self, &self->ports[i].port, at, error);
	freeifaddrs(addresses);
	return rc;
}

int
mr_config_check_machine(const struct mr_config *self, struct mr_error *error)
{
	int rc = 0;

	for (size_t i = 0; i < self->cpus.worker_count && !rc; i++)
		rc = check_cpu(self, &self->cpus.workers[i], "cpus.workers[]", error);
	if (!rc)
		rc = check_cpu(self, &self->cpus.control, "cpus.control", error);
	if (!rc)
		rc = check_memory(self, error);
	if (rc)
		return rc;
	if (self->user[0] && !getpwnam(self->user))
		return check_fail(self, self->user, error, "user: there is no account '%s'",
				  self->user);
	if (self->control.group[0] && !getgrnam(self->control.group))
		return check_fail(self, self->control.group, error,
				  "control.group: there is no group '%s'", self->control.group);
	for (size_t i = 0; i < self->port_count; i++) {
		const struct mr_port_config *port = &self->ports[i].port;

		/* No kinds at all: a program that opens no ports, as a test. */
		if (mr_port_driver_at(0) && !mr_port_driver_find(port->kind))
			return check_fail(self, port->target, error,
					  "ports[].%s: this program has no such kind of port",
					  port->kind);
	}
	return check_own_addresses(self, error);
}

bool
mr_config_warning(const struct mr_config *self, size_t index, char out[MR_CONFIG_WARNING_BYTES])
{
	char place[MR_CONFIG_PLACE_BYTES];

	for (size_t i = 0; i < self->port_count; i++) {
		if (!mr_config_impairs(&self->ports[i]) || index--)
			continue;
		snprintf(out, MR_CONFIG_WARNING_BYTES,
			 "%s: port %s is a bad link on purpose: see its `impair`",
			 mr_config_place(self, &self->ports[i], place), self->ports[i].port.name);
		return true;
	}
	if (index >= self->test_service_count)
		return false;
	snprintf(out, MR_CONFIG_WARNING_BYTES,
		 "%s: TCP port %u is a test service: anyone who reaches it can make this box send",
		 mr_config_place(self, &self->test_services[index], place),
		 self->test_services[index].port);
	return true;
}

/* check_zone loads one zone into store and lets it go. */
static int
check_zone(const struct mr_config *self, const struct mr_config_zone *from,
	   struct mr_zone_store *store, uint64_t *records, struct mr_error *error)
{
	struct mr_error failure = { 0 };
	struct mr_zone_info info;
	struct mr_zone *zone;
	int rc;

	if (access(from->file, R_OK))
		return check_fail(self, &from->file, error, "zone %s: %s: %s", from->name,
				  from->file, strerror(errno));
	rc = mr_zone_load(store, from->name, from->file, &zone, &failure);
	if (rc) /* what is wrong with the whole zone names no file */
		return mr_error_set(error, rc, "%s%s%s",
				    strstr(failure.text, from->file) ? "" : from->file,
				    strstr(failure.text, from->file) ? "" : ": ", failure.text);
	mr_zone_info(zone, &info);
	*records += info.records;
	mr_zone_release(store, zone);
	return 0;
}

/* check_sites compiles the sites, and looks whether their folders are there. */
static int
check_sites(const struct mr_config *self, struct mr_error *error)
{
	struct mr_site_set *set = NULL;
	const char **folders;
	size_t most = 0, count = 0;
	int rc = 0;

	for (size_t i = 0; i < self->site_count; i++)
		most += self->sites[i].route_count;
	folders = calloc(most + 1, sizeof(*folders));
	if (!folders)
		return mr_error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < self->site_count; i++)
		for (size_t k = 0; k < self->sites[i].route_count && !rc; k++) {
			const char *folder = self->sites[i].routes[k].root;

			if (!*folder)
				continue;
			folders[count++] = folder;
			if (access(folder, R_OK | X_OK))
				rc = check_fail(self, folder, error, "site %s: %s: %s",
						self->sites[i].name, folder, strerror(errno));
		}
	if (!rc) {
		struct mr_error fault = { 0 };

		rc = mr_site_set_build(self->sites, self->site_count, folders, count, 1, &set,
				       &fault);
		if (rc)
			rc = mr_error_set(error, rc, "%s: %s", self->path, fault.text);
	}
	mr_site_set_free(set);
	free(folders);
	return rc;
}

int
mr_config_check(const struct mr_config *self, char summary[MR_CONFIG_SUMMARY_BYTES],
		struct mr_error *error)
{
	struct mr_zone_store *store = NULL;
	uint64_t records = 0;
	char memory[MR_UNITS_TEXT_BYTES];
	int rc = mr_config_check_machine(self, error);

	if (!rc && self->dns.zone_count)
		rc = mr_zone_store_create(&store, self->memory.zones_bytes, false, error);
	for (size_t i = 0; i < self->dns.zone_count && !rc; i++)
		rc = check_zone(self, &self->dns.zones[i], store, &records, error);
	if (store)
		mr_zone_store_destroy(store);
	if (!rc)
		rc = check_sites(self, error);
	if (!rc && summary)
		snprintf(summary, MR_CONFIG_SUMMARY_BYTES,
			 "%zu port%s, %zu address%s, %zu zone%s with %llu record%s; "
			 "%u TCP connections in %s for each worker",
			 self->port_count, self->port_count == 1 ? "" : "s", self->vip_count,
			 self->vip_count == 1 ? "" : "es", self->dns.zone_count,
			 self->dns.zone_count == 1 ? "" : "s", (unsigned long long)records,
			 records == 1 ? "" : "s", self->tcp.connections,
			 mr_units_format_bytes(mr_worker_tcp_bytes(&self->tcp), memory));
	return rc;
}
