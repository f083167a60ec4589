/* SPDX-License-Identifier: Apache-2.0
 *
 * net/snapshot - build what the box is: addresses, services, interfaces, ways out.
 *
 * One piece of memory, laid out [struct, buckets, addresses, service runs, services]. Control
 * thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "net/net_int.h"

enum { SERVICE_ALL = UINT16_MAX, ICMP_RATE_DEFAULT_PPS = 1000, ICMP_BURST_MS = 250 };

/* ---- what is asked for, checked ---- */

static bool
addr_is_host_v4(const struct mr_addr *addr)
{
	uint8_t first = addr->bytes[12];

	return first != 0 && first != 127 && first < 224;
}

static bool
addr_is_host_v6(const struct mr_addr *addr)
{
	bool short_form = addr->halves[0] == 0 && addr->words[2] == 0 &&
			  mr_load_be32(addr->bytes + 12) <= 1; /* :: and ::1 */

	return !short_form && addr->bytes[0] != 0xff;
}

static int
vips_check(const struct mr_net_config *config, struct mr_error *error)
{
	char text[MR_ADDR_TEXT_BYTES];

	if (config->vip_count > MR_NET_VIP_MAX)
		return mr_error_set(error, -EINVAL, "%zu addresses: at most %d", config->vip_count,
				    MR_NET_VIP_MAX);
	for (size_t i = 0; i < config->vip_count; i++) {
		const struct mr_addr *vip = &config->vips[i];

		if (!(mr_addr_is_v4(vip) ? addr_is_host_v4(vip) : addr_is_host_v6(vip)))
			return mr_error_set(
				error, -EINVAL,
				"address %s: a service address is one host's unicast address",
				mr_addr_format(vip, text));
	}
	return 0;
}

static int
service_check(const struct mr_net_config *config, const struct mr_net_service *s,
	      struct mr_error *error)
{
	if (s->vip != SERVICE_ALL && s->vip >= config->vip_count)
		return mr_error_set(error, -EINVAL, "service on address %u: there are %zu", s->vip,
				    config->vip_count);
	if (s->protocol != IPPROTO_UDP && s->protocol != IPPROTO_TCP)
		return mr_error_set(error, -EINVAL, "service of protocol %u: only UDP and TCP",
				    s->protocol);
	if (s->port_low == 0 || s->port_low > s->port_high)
		return mr_error_set(error, -EINVAL, "service on ports %u-%u: not a range",
				    s->port_low, s->port_high);
	if (s->app == MR_NET_APP_NONE)
		return mr_error_set(error, -EINVAL, "service on port %u has no application",
				    s->port_low);
	return 0;
}

static int
services_check(const struct mr_net_config *config, struct mr_error *error)
{
	if (config->service_count > MR_NET_SERVICE_MAX)
		return mr_error_set(error, -EINVAL, "%zu services: at most %d",
				    config->service_count, MR_NET_SERVICE_MAX);
	for (size_t i = 0; i < config->service_count; i++) {
		const struct mr_net_service *a = &config->services[i];
		int rc = service_check(config, a, error);

		if (rc)
			return rc;
		for (size_t j = 0; j < i; j++) {
			const struct mr_net_service *b = &config->services[j];

			if (a->protocol == b->protocol && a->port_low <= b->port_high &&
			    b->port_low <= a->port_high &&
			    (a->vip == b->vip || a->vip == SERVICE_ALL || b->vip == SERVICE_ALL))
				return mr_error_set(
					error, -EINVAL,
					"services on ports %u-%u and %u-%u of one address overlap",
					b->port_low, b->port_high, a->port_low, a->port_high);
		}
	}
	return 0;
}

/* Both numbers of a pair are VLANs: 0 is for priority only, 4095 reserved (802.1Q table 9-2). */
static bool
vlan_valid(uint32_t vlan)
{
	return mr_vlan_inner(vlan) <= MR_VLAN_MAX && mr_vlan_outer(vlan) <= MR_VLAN_MAX &&
	       (mr_vlan_inner(vlan) || !mr_vlan_outer(vlan));
}

static int
interfaces_check(const struct mr_net_config *config, struct mr_error *error)
{
	char text[MR_VLAN_TEXT_BYTES];

	if (config->interface_count > MR_NET_IF_MAX)
		return mr_error_set(error, -EINVAL, "%zu interfaces: at most %d",
				    config->interface_count, MR_NET_IF_MAX);
	for (size_t i = 0; i < config->interface_count; i++) {
		const struct mr_net_interface *interface = &config->interfaces[i];

		if (interface->vlan_count > MR_NET_VLAN_MAX)
			return mr_error_set(error, -EINVAL, "interface %zu: %u VLANs, at most %d",
					    i, interface->vlan_count, MR_NET_VLAN_MAX);
		for (uint16_t v = 0; v < interface->vlan_count; v++)
			if (!vlan_valid(interface->vlans[v]))
				return mr_error_set(error, -EINVAL,
						    "interface %zu: VLAN %s is not in 0..4094", i,
						    mr_vlan_format(interface->vlans[v], text));
		if (interface->mtu < V4_ERROR_BYTES)
			return mr_error_set(error, -EINVAL, "interface %zu: MTU %u, at least %d", i,
					    interface->mtu, V4_ERROR_BYTES);
	}
	return 0;
}

/* ---- next hops ---- */

uint64_t
net_hop_key(const struct mr_net_next_hop *hop)
{
	uint64_t key =
		mr_hash_fold(net_addr_hash(&hop->addr), (uint64_t)hop->interface << 32 | hop->vlan);

	return key ? key : 1;
}

int
net_hop_find(const struct mr_net_snapshot *self, const struct mr_addr *addr, uint16_t interface,
	     uint32_t vlan)
{
	for (uint16_t i = 0; i < self->hop_count; i++) {
		const struct mr_net_next_hop *hop = &self->hops[i].hop;

		if (hop->interface == interface && hop->vlan == vlan &&
		    mr_addr_equal(&hop->addr, addr))
			return i;
	}
	return -1;
}

static int
hop_place(struct mr_net_snapshot *self, const struct mr_net_next_hop *hop, struct mr_error *error)
{
	struct net_interface *interface;
	char text[MR_ADDR_TEXT_BYTES], vlan[MR_VLAN_TEXT_BYTES];
	bool v6 = !mr_addr_is_v4(&hop->addr);
	uint16_t v;

	mr_addr_format(&hop->addr, text);
	if (hop->interface >= self->interface_count)
		return mr_error_set(error, -EINVAL, "next hop %s: there is no interface %u", text,
				    hop->interface);
	if (!(v6 ? addr_is_host_v6(&hop->addr) : addr_is_host_v4(&hop->addr)) ||
	    net_vip_find(self, &hop->addr) >= 0)
		return mr_error_set(error, -EINVAL, "next hop %s: not another host's address",
				    text);
	interface = &self->interfaces[hop->interface];
	for (v = 0; v < interface->vlan_count && interface->vlans[v] != hop->vlan; v++)
		;
	if (v == interface->vlan_count)
		return mr_error_set(error, -EINVAL,
				    "next hop %s: interface %u does not serve VLAN %s", text,
				    hop->interface, mr_vlan_format(hop->vlan, vlan));
	if (interface->hops[v][v6] != HOP_NONE)
		return mr_error_set(error, -EINVAL,
				    "next hop %s: a second IPv%d way out of interface %u, VLAN %s",
				    text, v6 ? 6 : 4, hop->interface,
				    mr_vlan_format(hop->vlan, vlan));
	interface->hops[v][v6] = (uint8_t)self->hop_count;
	self->hops[self->hop_count].hop = *hop;
	self->hops[self->hop_count++].key = net_hop_key(hop);
	return 0;
}

static int
hops_place(struct mr_net_snapshot *self, const struct mr_net_config *config, struct mr_error *error)
{
	if (config->next_hop_count > MR_NET_NEXT_HOP_MAX)
		return mr_error_set(error, -EINVAL, "%zu next hops: at most %d",
				    config->next_hop_count, MR_NET_NEXT_HOP_MAX);
	for (size_t i = 0; i < config->next_hop_count; i++) {
		int rc = hop_place(self, &config->next_hops[i], error);

		if (rc)
			return rc;
	}
	return 0;
}

/* ---- tables ---- */

static void
interfaces_place(struct mr_net_snapshot *self, const struct mr_net_config *config)
{
	self->interface_count = (uint16_t)config->interface_count;
	for (size_t i = 0; i < config->interface_count; i++) {
		const struct mr_net_interface *from = &config->interfaces[i];
		struct net_interface *to = &self->interfaces[i];

		to->mac = from->mac;
		to->mtu = from->mtu;
		to->punts = from->punts;
		to->retypes_tags = from->retypes_tags;
		to->vlan_count = from->vlan_count ? from->vlan_count : 1;
		if (from->vlan_count)
			memcpy(to->vlans, from->vlans, from->vlan_count * sizeof(from->vlans[0]));
		memset(to->hops, HOP_NONE, sizeof(to->hops));
	}
}

static int
vip_place(struct mr_net_snapshot *self, const struct mr_addr *vip, struct mr_error *error)
{
	uint32_t at = (uint32_t)net_addr_hash(vip), probe = 0;
	char text[MR_ADDR_TEXT_BYTES];
	struct net_vip_bucket *bucket;

	if (net_vip_find(self, vip) >= 0)
		return mr_error_set(error, -EINVAL, "address %s is there twice",
				    mr_addr_format(vip, text));
	/* There are more places than addresses, so a bucket with room is found. */
	for (;; probe++) {
		bucket = &self->buckets[(at + probe) & self->bucket_mask];
		if (bucket->count < BUCKET_VIPS)
			break;
	}
	bucket->addrs[bucket->count] = *vip;
	bucket->vips[bucket->count++] = self->vip_count;
	self->vips[self->vip_count++] = *vip;
	self->probe_max = MR_MAX(self->probe_max, probe + 1);
	return 0;
}

static int
service_compare(const void *left, const void *right)
{
	const struct mr_net_service *a = left, *b = right;

	if (a->vip != b->vip)
		return a->vip < b->vip ? -1 : 1;
	if (a->protocol != b->protocol)
		return a->protocol < b->protocol ? -1 : 1;
	return a->port_low < b->port_low ? -1 : a->port_low > b->port_low;
}

static void
services_place(struct mr_net_snapshot *self, struct mr_net_service *sorted, size_t count)
{
	qsort(sorted, count, sizeof(*sorted), service_compare);
	for (size_t i = 0; i < count; i++) {
		const struct mr_net_service *s = &sorted[i];
		struct net_service_run *run =
			s->vip == SERVICE_ALL ? &self->any : &self->vip_services[s->vip];

		if (run->count++ == 0)
			run->first = (uint16_t)i;
		self->own_services |= s->vip != SERVICE_ALL;
		self->services[i].low = (uint32_t)s->protocol << 16 | s->port_low;
		self->services[i].high = (uint32_t)s->protocol << 16 | s->port_high;
		self->services[i].app = s->app;
	}
}

static struct mr_net_snapshot *
snapshot_alloc(const struct mr_net_config *config)
{
	uint64_t buckets = 1, offsets[5], bytes;
	struct mr_net_snapshot *self;
	uint8_t *base;

	while (buckets * BUCKET_VIPS < config->vip_count * 2)
		buckets *= 2;
	offsets[0] = mr_round_up(sizeof(*self), MR_CACHE_LINE);
	offsets[1] = offsets[0] + buckets * sizeof(struct net_vip_bucket);
	offsets[2] = offsets[1] + config->vip_count * sizeof(struct mr_addr);
	offsets[3] = offsets[2] + config->vip_count * sizeof(struct net_service_run);
	offsets[4] = offsets[3] + config->service_count * sizeof(struct net_service);
	bytes = mr_round_up(offsets[4], MR_CACHE_LINE);
	base = aligned_alloc(MR_CACHE_LINE, bytes);
	if (!base)
		return NULL;
	memset(base, 0, bytes);
	self = (struct mr_net_snapshot *)(void *)base;
	self->buckets = (struct net_vip_bucket *)(void *)(base + offsets[0]);
	self->vips = (struct mr_addr *)(void *)(base + offsets[1]);
	self->vip_services = (struct net_service_run *)(void *)(base + offsets[2]);
	self->services = (struct net_service *)(void *)(base + offsets[3]);
	self->bucket_mask = (uint32_t)buckets - 1;
	self->probe_max = 1;
	return self;
}

static int
snapshot_fill(struct mr_net_snapshot *self, const struct mr_net_config *config,
	      struct mr_error *error)
{
	uint32_t rate_pps = config->icmp_rate_pps ? config->icmp_rate_pps : ICMP_RATE_DEFAULT_PPS;
	struct mr_net_service *sorted;
	int rc;

	self->icmp_interval_ns = MR_MAX(MR_NS_PER_S / rate_pps, 1);
	self->icmp_burst_ns = ICMP_BURST_MS * MR_NS_PER_MS;
	interfaces_place(self, config);
	for (size_t i = 0; i < config->vip_count; i++) {
		rc = vip_place(self, &config->vips[i], error);
		if (rc)
			return rc;
	}
	rc = hops_place(self, config, error);
	if (rc || !config->service_count)
		return rc;
	sorted = malloc(config->service_count * sizeof(*sorted));
	if (!sorted)
		return mr_error_set(error, -ENOMEM, "out of memory for services");
	memcpy(sorted, config->services, config->service_count * sizeof(*sorted));
	services_place(self, sorted, config->service_count);
	free(sorted);
	return 0;
}

int
mr_net_snapshot_build(const struct mr_net_config *config, struct mr_net_snapshot **out,
		      struct mr_error *error)
{
	struct mr_net_snapshot *self;
	int rc = vips_check(config, error);

	if (!rc)
		rc = services_check(config, error);
	if (!rc)
		rc = interfaces_check(config, error);
	if (rc)
		return rc;
	self = snapshot_alloc(config);
	if (!self)
		return mr_error_set(error, -ENOMEM, "out of memory for %zu addresses",
				    config->vip_count);
	rc = snapshot_fill(self, config, error);
	if (rc) {
		mr_net_snapshot_free(self);
		return rc;
	}
	*out = self;
	return 0;
}

void
mr_net_snapshot_free(struct mr_net_snapshot *self)
{
	free(self);
}

/* ---- reading ---- */

/* run_find is a binary search: at most 10 steps of MR_NET_SERVICE_MAX. */
static uint8_t
run_find(const struct net_service *services, struct net_service_run run, uint32_t wanted)
{
	uint32_t low = run.first, high = (uint32_t)run.first + run.count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (wanted < services[middle].low)
			high = middle;
		else if (wanted > services[middle].high)
			low = middle + 1;
		else
			return (uint8_t)services[middle].app;
	}
	return MR_NET_APP_NONE;
}

uint8_t
net_service_find(const struct mr_net_snapshot *self, uint16_t vip, uint8_t protocol, uint16_t port)
{
	uint32_t wanted = (uint32_t)protocol << 16 | port;
	uint8_t app = run_find(self->services, self->any, wanted);

	if (app == MR_NET_APP_NONE && self->own_services)
		app = run_find(self->services, self->vip_services[vip], wanted);
	return app;
}

uint16_t
mr_net_snapshot_vip_count(const struct mr_net_snapshot *snapshot)
{
	return snapshot->vip_count;
}

uint16_t
mr_net_snapshot_vlan_count(const struct mr_net_snapshot *snapshot, uint16_t interface)
{
	return interface < snapshot->interface_count ? snapshot->interfaces[interface].vlan_count
						     : 0;
}
