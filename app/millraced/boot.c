/* SPDX-License-Identifier: Apache-2.0
 *
 * millraced/boot - in order, and back in the reverse order.
 */
#include "boot.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <rte_launch.h>
#include <rte_lcore.h>

#include "afpacket/afpacket.h"
#include "afxdp/afxdp.h"
#include "bond/bond.h"
#include "impair/impair.h"
#include "memif/memif.h"
#include "pcap/pcap.h"
#include "pci/pci.h"
#include "tap/tap.h"
#include "vhost/vhost.h"

enum {
	CONTROL_MBUFS = 1024,
	MBUF_COST_BYTES = 3072, /* room, headers, the pool's own, and what alignment wastes */
	EAL_BASE_BYTES = 48 << 20,
	HELPER_THREADS = 1,
};

#define CONNECTION_BYTES (1ull << 40) /* address space only: mapped as pools are made */

void
boot_drivers(void)
{
	mr_port_driver_register(&mr_afxdp_driver);
	mr_port_driver_register(&mr_afpacket_driver);
	mr_port_driver_register(&mr_memif_driver);
	mr_port_driver_register(&mr_pcap_driver);
	mr_port_driver_register(&mr_pci_driver);
	mr_port_driver_register(&mr_vhost_driver);
	mr_port_driver_register(&mr_virtio_user_driver);
	mr_port_driver_register(&mr_bond_driver);
}

/* eal_card adds a card, of a port or of a bond's member, to those that DPDK may look at. */
static int
eal_card(struct mr_port_eal_config *eal, const struct mr_port_member *device, const char *port,
	 struct mr_error *error)
{
	if (strcmp(device->kind, mr_pci_driver.kind))
		return 0;
	if (eal->pci_count == MR_ARRAY_COUNT(eal->pci))
		return mr_error_set(error, -E2BIG, "port %s: %s: more than %zu cards", port,
				    device->target, MR_ARRAY_COUNT(eal->pci));
	/* Before DPDK looks at it: a card that the kernel uses is not to be touched. */
	if (mr_pci_check(MR_PCI_DEVICES, device->target, port, error))
		return error->code;
	eal->pci[eal->pci_count++] = device->target;
	return 0;
}

static int
eal_open(struct boot *self, struct mr_error *error)
{
	const struct mr_config *config = self->config;
	uint64_t mbufs =
		CONTROL_MBUFS + (uint64_t)config->memory.packet_buffers * config->cpus.worker_count;
	struct mr_port_eal_config eal = {
		.huge = config->memory.hugepages,
		.memory_bytes = EAL_BASE_BYTES + mbufs * MBUF_COST_BYTES,
		.control_cpu = config->cpus.control,
		.worker_count = (uint16_t)config->cpus.worker_count,
	};

	for (size_t i = 0; i < config->cpus.worker_count; i++)
		eal.worker_cpus[i] = config->cpus.workers[i];
	for (size_t i = 0; i < config->port_count; i++) {
		const struct mr_port_config *port = &config->ports[i].port;

		if (eal_card(&eal, &port->device, port->name, error))
			return error->code;
		for (size_t m = 0; m < port->bond.member_count; m++)
			if (eal_card(&eal, &port->bond.members[m], port->name, error))
				return error->code;
	}
	if (mr_port_eal_start(&eal, error))
		return error->code;
	self->eal_started = true;
	return 0;
}

static int
pools_open(struct boot *self, struct mr_error *error)
{
	uint16_t worker_count = (uint16_t)self->config->cpus.worker_count;

	for (uint16_t i = 0; i < worker_count; i++) {
		self->pools[i] =
			mr_port_mbuf_pool_create(i, self->config->memory.packet_buffers, error);
		if (!self->pools[i])
			return error->code;
	}
	self->group.control_pool = mr_port_mbuf_pool_create(worker_count, CONTROL_MBUFS, error);
	return self->group.control_pool ? 0 : error->code;
}

/* port_impair makes a bad link of a port that is configured as one. */
static int
port_impair(struct mr_port *port, const struct mr_config_port *from, struct mr_error *error)
{
	const struct mr_impair_config impair = { .link = from->impair.link,
						 .seed = from->impair.seed,
						 .drop_every = from->impair.drop_every,
						 .queue_frames = from->impair.queue_frames };

	if (!mr_config_impairs(from))
		return 0;
	return mr_impair_attach(port, &impair, error);
}

static int
ports_open(struct boot *self, struct mr_error *error)
{
	for (size_t i = 0; i < self->config->port_count; i++) {
		struct mr_port *port = &self->port_room[i];

		if (mr_port_open(port, (uint16_t)i, &self->config->ports[i].port,
				 (uint16_t)self->config->cpus.worker_count, self->pools, error))
			return error->code;
		self->ports[self->port_count++] = port;
		if (port_impair(port, &self->config->ports[i], error))
			return error->code;
		if (self->config->ports[i].punt[0] &&
		    mr_tap_attach(port, self->config->ports[i].punt, self->group.control_pool,
				  error))
			return error->code;
	}
	return 0;
}

static void
test_services_set(struct mr_tcp_service_config *self, const struct mr_config *config)
{
	for (size_t i = 0; i < config->test_service_count; i++) {
		const struct mr_config_test_service *from = &config->test_services[i];

		self->listeners[self->listener_count++] = (struct mr_tcp_service_listener){
			.vip = from->vip,
			.every_vip = mr_addr_unspecified(&from->vip),
			.kind = (uint8_t)from->service,
			.port = from->port,
			.request_bytes = from->request_bytes,
			.byte_count = from->byte_count,
		};
	}
}

/* connections_check says, before anything of it is taken, what memory connections need, and refuses
 * when it is not there. */
static int
connections_check(const struct mr_config *config, struct mr_error *error)
{
	uint64_t each = mr_worker_tcp_bytes(&config->tcp), bytes = each * config->cpus.worker_count;
	uint64_t proxy =
		bytes ? mr_proxy_bytes(&config->proxy.worker) * config->cpus.worker_count : 0;
	uint64_t available = mr_mem_available_bytes(config->memory.hugepages);
	const char *kind = config->memory.hugepages ? "hugepages" : "memory";
	char wanted[MR_UNITS_TEXT_BYTES], have[MR_UNITS_TEXT_BYTES];

	mr_units_format_bytes(bytes, wanted);
	mr_units_format_bytes(available, have);
	if (bytes <= available && proxy > available - bytes)
		return mr_error_set(error, -ENOMEM,
				    "proxy: exchanges of each of %zu worker(s) need %" PRIu64
				    " MiB beside %s of connections, and only %s of %s is free: "
				    "lower proxy.exchanges",
				    config->cpus.worker_count, (proxy >> 20) + 1, wanted, have,
				    kind);
	if (bytes > available)
		return mr_error_set(
			error, -ENOMEM,
			"tcp: %u connections of each of %zu worker(s) need %s, and only "
			"%s of %s is free: lower tcp.connections%s",
			config->tcp.connections, config->cpus.worker_count, wanted, have, kind,
			config->memory.hugepages ? ", or raise vm.nr_hugepages" : "");
	if (bytes)
		mr_log(MR_LOG_INFO,
		       "tcp: %u connections of each of %zu worker(s) take %s, %u bytes each with "
		       "what active ones share; %s of %s is free",
		       config->tcp.connections, config->cpus.worker_count, wanted,
		       (unsigned)(each / config->tcp.connections), have, kind);
	return 0;
}

static int
workers_open(struct boot *self, struct mr_error *error)
{
	const struct mr_config *config = self->config;
	struct mr_worker_group *group = &self->group;

	group->worker_count = (uint16_t)config->cpus.worker_count;
	group->port_count = self->port_count;
	group->ports = self->ports;
	group->world = &self->world;
	group->poll = config->poll;
	group->pools = self->pools;
	group->arena = &self->connections;
	group->tcp = config->tcp;
	if (config->tcp_secrets[0] && mr_rng_secret_file(config->tcp_secrets, &group->tcp_keys,
							 sizeof(group->tcp_keys), error))
		return error->code;
	group->dns_stream.idle_ms = config->dns.tcp_idle_ms;
	group->dns_stream.query_limit = config->dns.tcp_queries;
	test_services_set(&group->test_services, config);
	group->zone_counters = config->dns.zone_counters;
	group->rrl_prefixes = config->dns.rrl.prefixes;
	group->dns_stream.transfers.limit = config->dns.transfer_limit;
	group->dns_stream.transfers.zone_limit = config->dns.transfer_zone_limit;
	group->http = config->http;
	group->proxy = config->proxy.worker;
	memcpy(group->proxy.name, config->name, sizeof(group->proxy.name));
	if (config->tcp.connections &&
	    mr_origin_table_create(&group->origins, group->worker_count, error))
		return error->code;
	group->metrics = mr_metric_registry_create();
	group->books = mr_site_books_create(group->worker_count, error);
	if (!group->books ||
	    mr_site_access_create(&group->access, &config->access_log, group->worker_count,
				  mr_metric_attach(group->metrics, &mr_site_log_metric_table,
						   "log"),
				  error))
		return error->code;
	group->neighbours = mr_net_neighbours_create();
	if (!group->neighbours)
		return mr_error_set(error, -ENOMEM, "no memory for the neighbour table");
	group->helpers = mr_job_helpers_create(HELPER_THREADS, config->cpus.control, error);
	if (!group->helpers)
		return error->code;
	return mr_worker_group_create(group, config->cpus.workers, error);
}

int
boot_open(struct boot *self, const struct mr_config *config, struct mr_error *error)
{
	*self = (struct boot){ .config = config };
	if (eal_open(self, error) || pools_open(self, error) || ports_open(self, error) ||
	    mr_zone_store_create(&self->store, config->memory.zones_bytes, config->memory.hugepages,
				 error) ||
	    mr_site_store_create(&self->group.sites, config->memory.sites_bytes,
				 config->memory.hugepages, (uint32_t)config->cpus.worker_count,
				 error) ||
	    connections_check(config, error) ||
	    mr_arena_create(&self->connections, "connections", CONNECTION_BYTES,
			    config->memory.hugepages, error) ||
	    workers_open(self, error)) {
		boot_close(self);
		return error->code;
	}
	return 0;
}

static int
worker_main(void *worker)
{
	return mr_worker_run(worker);
}

int
boot_run(struct boot *self, struct mr_error *error)
{
	MR_ASSERT(self->world);
	if (logs_start(&self->logs, &self->group, error))
		return error->code;
	for (uint16_t i = 0; i < self->group.worker_count; i++) {
		/* lcore 0 is the control thread, lcore i + 1 runs worker i: see mr_port_eal_start.
		 */
		int failure = rte_eal_remote_launch(worker_main, self->group.workers[i], i + 1u);

		if (failure)
			return mr_error_set(error, failure, "cannot start worker %u on CPU %u: %s",
					    i, self->config->cpus.workers[i], strerror(-failure));
		self->launched++;
	}
	return 0;
}

void
boot_halt(struct boot *self)
{
	if (self->launched)
		mr_worker_stop(&self->group);
	for (uint16_t i = 0; i < self->launched; i++)
		rte_eal_wait_lcore(i + 1u);
	if (self->launched)
		mr_worker_group_abandon(&self->group); /* what they pin can go with its world */
	self->launched = 0;
	logs_stop(&self->logs);
}

void
boot_close(struct boot *self)
{
	while (self->port_count > 0)
		mr_port_close(self->ports[--self->port_count]);
	mr_job_helpers_destroy(self->group.helpers);
	if (self->group.worker_count)
		mr_worker_group_destroy(&self->group);
	if (self->group.neighbours)
		mr_net_neighbours_destroy(self->group.neighbours);
	mr_site_access_destroy(self->group.access);
	mr_site_books_destroy(self->group.books);
	mr_metric_registry_destroy(self->group.metrics);
	if (self->connections.base)
		mr_arena_destroy(&self->connections);
	if (self->store)
		mr_zone_store_destroy(self->store);
	mr_site_store_destroy(self->group.sites);
	mr_origin_table_destroy(self->group.origins);
	for (size_t i = 0; i < MR_ARRAY_COUNT(self->pools); i++)
		rte_mempool_free(self->pools[i]);
	rte_mempool_free(self->group.control_pool);
	if (self->eal_started)
		mr_port_eal_stop();
	*self = (struct boot){ 0 };
}
