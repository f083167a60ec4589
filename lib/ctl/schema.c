/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/schema - the table.
 */
#include "ctl/schema.h"

#include <string.h>

#include "ctl/config.h"

static const struct mr_schema_choice poll_choices[] = {
	{ "busy", MR_POLL_BUSY },
	{ "adaptive", MR_POLL_ADAPTIVE },
	{ NULL, 0 },
};

static const struct mr_schema_choice role_choices[] = {
	{ "client", false },
	{ "server", true },
	{ NULL, 0 },
};

static const struct mr_schema_choice ring_choices[] = {
	{ "split", false },
	{ "packed", true },
	{ NULL, 0 },
};

static const struct mr_schema_choice bond_mode_choices[] = {
	{ "active-backup", MR_PORT_BOND_ACTIVE_BACKUP },
	{ "balance-xor", MR_PORT_BOND_BALANCE_XOR },
	{ "802.3ad", MR_PORT_BOND_802_3AD },
	{ NULL, 0 },
};

static const struct mr_schema_choice bond_policy_choices[] = {
	{ "layer2", MR_PORT_BOND_LAYER2 },
	{ "layer23", MR_PORT_BOND_LAYER23 },
	{ "layer34", MR_PORT_BOND_LAYER34 },
	{ NULL, 0 },
};

static const struct mr_schema_choice level_choices[] = {
	{ "error", MR_LOG_ERROR }, { "warning", MR_LOG_WARNING }, { "notice", MR_LOG_NOTICE },
	{ "info", MR_LOG_INFO },   { "debug", MR_LOG_DEBUG },     { NULL, 0 },
};

static const struct mr_schema_choice cookie_choices[] = {
	{ "off", MR_CONFIG_COOKIES_OFF },
	{ "answer", MR_CONFIG_COOKIES_ANSWER },
	{ "require", MR_CONFIG_COOKIES_REQUIRE },
	{ NULL, 0 },
};

static const struct mr_schema_choice service_choices[] = {
	{ "echo", MR_TCP_ECHO },
	{ "discard", MR_TCP_DISCARD },
	{ "chargen", MR_TCP_CHARGEN },
	{ NULL, 0 },
};

static const struct mr_schema_choice edit_choices[] = {
	{ "set", MR_SITE_EDIT_SET },
	{ "add", MR_SITE_EDIT_ADD },
	{ "remove", MR_SITE_EDIT_REMOVE },
	{ NULL, 0 },
};

static const struct mr_schema_choice balance_choices[] = {
	{ "round-robin", MR_UPSTREAM_ROUND_ROBIN },
	{ "least", MR_UPSTREAM_LEAST },
	{ "two", MR_UPSTREAM_TWO },
	{ "two-latency", MR_UPSTREAM_TWO_AVERAGE },
	{ "hash", MR_UPSTREAM_HASH },
	{ NULL, 0 },
};

static const struct mr_schema_choice hash_choices[] = {
	{ "url", MR_UPSTREAM_KEY_URL },
	{ "client", MR_UPSTREAM_KEY_CLIENT },
	{ "header", MR_UPSTREAM_KEY_HEADER },
	{ NULL, 0 },
};

static const struct mr_schema_choice host_choices[] = {
	{ "client", MR_UPSTREAM_HOST_CLIENT },
	{ "origin", MR_UPSTREAM_HOST_ORIGIN },
	{ NULL, 0 },
};

static const struct mr_schema_choice announce_choices[] = {
	{ "off", MR_UPSTREAM_ANNOUNCE_NO },
	{ "v1", MR_UPSTREAM_ANNOUNCE_V1 },
	{ "v2", MR_UPSTREAM_ANNOUNCE_V2 },
	{ NULL, 0 },
};

static const struct mr_schema_choice check_choices[] = {
	{ "off", MR_UPSTREAM_CHECK_OFF },
	{ "tcp", MR_UPSTREAM_CHECK_TCP },
	{ "http", MR_UPSTREAM_CHECK_HTTP },
	{ NULL, 0 },
};

static const struct mr_schema_choice access_choices[] = {
	{ "combined", MR_SITE_ACCESS_COMBINED },
	{ "json", MR_SITE_ACCESS_JSON },
	{ NULL, 0 },
};

static const struct mr_schema_choice forwarded_choices[] = {
	{ "replace", MR_PROXY_FORWARDED_REPLACE },
	{ "append", MR_PROXY_FORWARDED_APPEND },
	{ "off", MR_PROXY_FORWARDED_OFF },
	{ NULL, 0 },
};

static const struct mr_schema_choice rrl_choices[] = {
	{ "off", MR_DNS_RRL_OFF },
	{ "log", MR_DNS_RRL_LOG },
	{ "on", MR_DNS_RRL_ON },
	{ NULL, 0 },
};

#define OF(field)      .offset = offsetof(struct mr_config, field)
#define PORT(field)    .offset = offsetof(struct mr_config_port, field)
#define ZONE(field)    .offset = offsetof(struct mr_config_zone, field)
#define TEST(field)    .offset = offsetof(struct mr_config_test_service, field)
#define SITE(field)    .offset = offsetof(struct mr_site_config, field)
#define ROUTE(field)   .offset = offsetof(struct mr_site_route_config, field)
#define PAGE(field)    .offset = offsetof(struct mr_site_error_config, field)
#define EDIT(field)    .offset = offsetof(struct mr_site_edit, field)
#define GROUP(field)   .offset = offsetof(struct mr_upstream_config, field)
#define SERVER(field)  .offset = offsetof(struct mr_upstream_server, field)
#define ROOM(s, field) .room = sizeof(((struct s *)0)->field)
#define ITEMS(s, field, count_field)                                                        \
	.offset = offsetof(struct s, field), .aux_offset = offsetof(struct s, count_field), \
	.room = sizeof(*((struct s *)0)->field)

/* Order: as an operator writes them. A row's parent stands before it. */
static const struct mr_schema_row rows[] = {
	{ "name", MR_SCHEMA_NAME, MR_SCHEMA_BOOT, OF(name), ROOM(mr_config, name), .low = 1,
	  .high = MR_NAME_MAX - 1, .fallback = "millrace",
	  .help = "What this instance calls itself in status and metrics" },
	{ "user", MR_SCHEMA_NAME, MR_SCHEMA_BOOT, OF(user), ROOM(mr_config, user),
	  .high = MR_NAME_MAX - 1, .fallback = "",
	  .help = "Account to run as once everything is open; empty: stay who started it" },
	{ "poll", MR_SCHEMA_CHOICE, MR_SCHEMA_BOOT, OF(poll), .fallback = "adaptive",
	  .choices = poll_choices,
	  .help = "busy: workers never sleep (appliance); adaptive: they sleep when idle" },

	{ "memory", MR_SCHEMA_MAP, .help = "Memory that is taken at start" },
	{ "memory.hugepages", MR_SCHEMA_BOOL, MR_SCHEMA_BOOT, OF(memory.hugepages),
	  .fallback = "on", .help = "off: ordinary pages; every packet then costs TLB misses" },
	{ "memory.packet_buffers", MR_SCHEMA_U32, MR_SCHEMA_BOOT, OF(memory.packet_buffers),
	  .low = 1024, .high = 4 << 20, .fallback = "16384", .unit = "buffers",
	  .help = "Packet buffers of each worker, about 2.3 KiB each" },
	{ "memory.zones", MR_SCHEMA_SIZE, MR_SCHEMA_BOOT, OF(memory.zones_bytes), .low = 1 << 20,
	  .high = 1ull << 42, .fallback = "1GiB", .unit = "bytes",
	  .help = "The most that zones may take, old and new version together; used as needed" },

	{ "memory.sites", MR_SCHEMA_SIZE, MR_SCHEMA_BOOT, OF(memory.sites_bytes), .low = 1 << 20,
	  .high = 1ull << 42, .fallback = "1GiB", .unit = "bytes",
	  .help = "The same for the files that sites serve" },

	{ "cpus", MR_SCHEMA_MAP, .help = "Which CPU does what" },
	{ "cpus.workers", MR_SCHEMA_LIST, MR_SCHEMA_BOOT,
	  ITEMS(mr_config, cpus.workers, cpus.worker_count), .low = 1, .high = MR_WORKER_MAX,
	  .fallback = "0", .help = "One worker on each of these CPUs" },
	{ "cpus.workers[]", MR_SCHEMA_U16, MR_SCHEMA_BOOT, .high = MR_CONFIG_CPU_MAX - 1,
	  .help = "A CPU number" },
	{ "cpus.control", MR_SCHEMA_U16, MR_SCHEMA_BOOT, OF(cpus.control),
	  .high = MR_CONFIG_CPU_MAX - 1, .fallback = "",
	  .help = "CPU of the control, log and loader threads; default: the lowest without a worker" },

	{ "ports", MR_SCHEMA_LIST, MR_SCHEMA_BOOT, ITEMS(mr_config, ports, port_count), .low = 1,
	  .high = MR_PORT_MAX, .required = true, .key = "name",
	  .help = "Packet ports; each has exactly one of " MR_CONFIG_PORT_KINDS },
	{ "ports[]", MR_SCHEMA_MAP, .help = "A port" },
	{ "ports[].name", MR_SCHEMA_NAME, MR_SCHEMA_BOOT, PORT(port.name),
	  ROOM(mr_config_port, port.name), .required = true, .low = 1, .high = MR_NAME_MAX - 1,
	  .help = "What the port is called here" },
	{ "ports[].afxdp", MR_SCHEMA_KIND, MR_SCHEMA_BOOT, PORT(port.device), .low = 1, .high = 15,
	  .unit = "interface", .help = "A network interface shared with the kernel (AF_XDP)" },
	{ "ports[].afpacket", MR_SCHEMA_KIND, MR_SCHEMA_BOOT, PORT(port.device), .low = 1,
	  .high = 15, .unit = "interface",
	  .help = "A network interface by AF_PACKET, where AF_XDP is not" },
	{ "ports[].memif", MR_SCHEMA_KIND_PATH, MR_SCHEMA_BOOT, PORT(port.device), .low = 1,
	  .high = MR_PORT_TARGET_BYTES - 1, .unit = "socket",
	  .help = "Shared memory with another process on this machine" },
	{ "ports[].pcap", MR_SCHEMA_KIND_PATH, MR_SCHEMA_BOOT, PORT(port.device), .low = 1,
	  .high = MR_PORT_TARGET_BYTES - 1, .unit = "file",
	  .help = "A capture to replay; what is sent goes to `out`" },
	{ "ports[].vhost", MR_SCHEMA_KIND_PATH, MR_SCHEMA_BOOT, PORT(port.device), .low = 1,
	  .high = MR_PORT_TARGET_BYTES - 1, .unit = "socket",
	  .help = "A virtio device for a virtual machine or a virtio-user (vhost-user)" },
	{ "ports[].virtio-user", MR_SCHEMA_KIND_PATH, MR_SCHEMA_BOOT, PORT(port.device), .low = 1,
	  .high = MR_PORT_TARGET_BYTES - 1, .unit = "socket",
	  .help = "The driver's side of a vhost-user socket" },
	{ "ports[].pci", MR_SCHEMA_KIND_PCI, MR_SCHEMA_BOOT, PORT(port.device), .low = 7,
	  .high = 12, .unit = "address",
	  .help = "A network card by its PCI address, bound to vfio-pci: ours alone" },
	{ "ports[].bond", MR_SCHEMA_MAP, .help = "Several devices as one port" },
	{ "ports[].bond.members", MR_SCHEMA_LIST, MR_SCHEMA_BOOT,
	  ITEMS(mr_config_port, port.bond.members, port.bond.member_count), .low = 2,
	  .high = MR_PORT_MEMBER_MAX, .help = "Its devices, the preferred one first" },
	{ "ports[].bond.members[]", MR_SCHEMA_MAP,
	  .help = "A device: one of " MR_CONFIG_MEMBER_KINDS },
	{ "ports[].bond.members[].pci", MR_SCHEMA_KIND_PCI, MR_SCHEMA_BOOT, .low = 7, .high = 12,
	  .unit = "address", .help = "A network card by its PCI address, bound to vfio-pci" },
	{ "ports[].bond.members[].afpacket", MR_SCHEMA_KIND, MR_SCHEMA_BOOT, .low = 1, .high = 15,
	  .unit = "interface",
	  .help = "A network interface by AF_PACKET; in mode active-backup only" },
	{ "ports[].bond.mode", MR_SCHEMA_CHOICE, MR_SCHEMA_BOOT, PORT(port.bond.mode),
	  .fallback = "active-backup", .choices = bond_mode_choices,
	  .help = "One member at a time; all, by a hash; all that the switch agrees to (LACP)" },
	{ "ports[].bond.policy", MR_SCHEMA_CHOICE, MR_SCHEMA_BOOT, PORT(port.bond.policy),
	  .fallback = "layer34", .choices = bond_policy_choices,
	  .help = "What the hash is of: Ethernet addresses, IP addresses too, ports too" },
	{ "ports[].out", MR_SCHEMA_PATH, MR_SCHEMA_BOOT, PORT(port.pcap_out),
	  ROOM(mr_config_port, port.pcap_out), .low = 1, .high = MR_PORT_TARGET_BYTES - 1,
	  .unit = "file",
	  .help = "pcap only: capture file for what is sent; without it, discarded" },
	{ "ports[].role", MR_SCHEMA_CHOICE, MR_SCHEMA_BOOT, PORT(port.memif_server),
	  .room = sizeof(bool), .fallback = "client", .choices = role_choices,
	  .help = "memif, vhost, virtio-user: server makes the socket, client connects to it" },
	{ "ports[].ring", MR_SCHEMA_CHOICE, MR_SCHEMA_BOOT, PORT(port.virtio_packed),
	  .room = sizeof(bool), .fallback = "split", .choices = ring_choices,
	  .help = "virtio-user only: layout of the rings; packed is faster" },
	{ "ports[].zero_copy", MR_SCHEMA_BOOL, MR_SCHEMA_BOOT, PORT(port.memif_zero_copy),
	  .fallback = "no",
	  .help = "memif client only: nothing is copied; the server maps all our packet memory" },
	{ "ports[].mac", MR_SCHEMA_MAC, MR_SCHEMA_BOOT, PORT(port.mac),
	  .aux_offset = offsetof(struct mr_config_port, port.has_mac),
	  .help = "memif, pcap, virtio-user, bond only: Ethernet address of the port" },
	{ "ports[].queues", MR_SCHEMA_U16, MR_SCHEMA_BOOT, PORT(port.queue_count),
	  .high = MR_QUEUE_MAX, .fallback = "0", .unit = "queues",
	  .help = "0: one for each worker, at most what the device has" },
	{ "ports[].rx_descriptors", MR_SCHEMA_U16, MR_SCHEMA_BOOT, PORT(port.rx_descriptors),
	  .high = 32768, .fallback = "0", .unit = "frames",
	  .help = "Receive ring of a queue; 0: the kind's default" },
	{ "ports[].tx_descriptors", MR_SCHEMA_U16, MR_SCHEMA_BOOT, PORT(port.tx_descriptors),
	  .high = 32768, .fallback = "0", .unit = "frames",
	  .help = "Transmit ring of a queue; 0: the kind's default" },
	{ "ports[].mtu", MR_SCHEMA_U16, MR_SCHEMA_BOOT, PORT(port.mtu), .high = 9216,
	  .fallback = "0", .unit = "bytes",
	  .help = "Largest IP packet (576 and up); 0: the device's. 8 less inside two VLAN tags" },
	{ "ports[].vlans", MR_SCHEMA_LIST, MR_SCHEMA_LIVE, ITEMS(mr_config_port, vlans, vlan_count),
	  .low = 1, .high = MR_NET_VLAN_MAX, .fallback = "0",
	  .help = "VLANs that are served here; 0 is untagged, 100 one 802.1Q tag, 200/100 two "
		  "(802.1ad)" },
	{ "ports[].vlans[]", MR_SCHEMA_VLAN, MR_SCHEMA_LIVE,
	  .help = "A VLAN number, or OUTER/INNER" },
	{ "ports[].next_hop", MR_SCHEMA_LIST, MR_SCHEMA_LIVE,
	  ITEMS(mr_config_port, next_hops, next_hop_count), .high = MR_NET_NEXT_HOP_MAX,
	  .help = "Routers for answers; without any, answers go back the way the query came" },
	{ "ports[].next_hop[]", MR_SCHEMA_NEXT_HOP, MR_SCHEMA_LIVE,
	  .help = "ADDRESS, or ADDRESS@VLAN where the port has several" },

	{ "ports[].punt", MR_SCHEMA_NAME, MR_SCHEMA_BOOT, PORT(punt), ROOM(mr_config_port, punt),
	  .low = 1, .high = 15, .unit = "interface",
	  .help = "TAP interface by which the kernel sees what is not ours; not for ports that it "
		  "has itself" },
	{ "ports[].impair", MR_SCHEMA_MAP,
	  .help = "For tests: make this port a bad link, each way alike" },
	{ "ports[].impair.loss", MR_SCHEMA_PERCENT, MR_SCHEMA_BOOT, PORT(impair.link.loss_ppm),
	  .help = "Frames that are lost" },
	{ "ports[].impair.burst_loss", MR_SCHEMA_PERCENT, MR_SCHEMA_BOOT,
	  PORT(impair.link.burst_loss_ppm), .help = "Losses that are followed by another one" },
	{ "ports[].impair.drop_every", MR_SCHEMA_U32, MR_SCHEMA_BOOT, PORT(impair.drop_every),
	  .high = UINT32_MAX, .fallback = "0", .unit = "frames",
	  .help = "Each frame whose number is a multiple is lost; 0: none" },
	{ "ports[].impair.duplicate", MR_SCHEMA_PERCENT, MR_SCHEMA_BOOT,
	  PORT(impair.link.duplicate_ppm), .help = "Frames that arrive twice" },
	{ "ports[].impair.corrupt", MR_SCHEMA_PERCENT, MR_SCHEMA_BOOT,
	  PORT(impair.link.corrupt_ppm), .help = "Frames that arrive with one bit flipped" },
	{ "ports[].impair.reorder", MR_SCHEMA_PERCENT, MR_SCHEMA_BOOT,
	  PORT(impair.link.reorder_ppm), .help = "Frames that others may overtake" },
	{ "ports[].impair.reorder_by", MR_SCHEMA_DURATION, MR_SCHEMA_BOOT,
	  PORT(impair.link.reorder_ns), .high = 60 * MR_NS_PER_S, .fallback = "1ms",
	  .help = "The most that an overtaken frame is late" },
	{ "ports[].impair.delay", MR_SCHEMA_DURATION, MR_SCHEMA_BOOT, PORT(impair.link.delay_ns),
	  .high = 60 * MR_NS_PER_S, .help = "Each frame arrives this much later" },
	{ "ports[].impair.jitter", MR_SCHEMA_DURATION, MR_SCHEMA_BOOT, PORT(impair.link.jitter_ns),
	  .high = 60 * MR_NS_PER_S, .help = "And up to this much later still, in order" },
	{ "ports[].impair.rate", MR_SCHEMA_RATE, MR_SCHEMA_BOOT, PORT(impair.link.rate_bps),
	  .low = 1, .high = 1000000000000, .help = "Bits a second; without: as fast as it goes" },
	{ "ports[].impair.queue_bytes", MR_SCHEMA_U32, MR_SCHEMA_BOOT,
	  PORT(impair.link.queue_bytes), .high = UINT32_MAX, .fallback = "0", .unit = "bytes",
	  .help = "What may wait for the rate; 0: only `queue` is the bound" },
	{ "ports[].impair.queue", MR_SCHEMA_U32, MR_SCHEMA_BOOT, PORT(impair.queue_frames),
	  .low = 1, .high = 65536, .fallback = "1000", .unit = "frames",
	  .help = "Frames under way at once, in each direction of each queue" },
	{ "ports[].impair.mtu", MR_SCHEMA_U32, MR_SCHEMA_BOOT, PORT(impair.link.mtu), .high = 9216,
	  .fallback = "0", .unit = "bytes", .help = "Larger IP packets are lost; 0: none" },
	{ "ports[].impair.seed", MR_SCHEMA_U32, MR_SCHEMA_BOOT, PORT(impair.seed),
	  .high = UINT32_MAX, .fallback = "0",
	  .help = "The same seed and the same frames give the same link" },

	{ "vips", MR_SCHEMA_LIST, MR_SCHEMA_LIVE, ITEMS(mr_config, vips, vip_count), .low = 1,
	  .high = MR_NET_VIP_MAX, .required = true,
	  .help = "Service addresses: what this box answers for" },
	{ "vips[]", MR_SCHEMA_ADDR, MR_SCHEMA_LIVE, .help = "An IPv4 or IPv6 address" },

	{ "dns", MR_SCHEMA_MAP, .help = "Authoritative DNS" },
	{ "dns.port", MR_SCHEMA_U16, MR_SCHEMA_LIVE, OF(dns.port), .low = 1, .high = 65535,
	  .fallback = "53", .help = "UDP and TCP port that is answered on every service address" },
	{ "dns.udp_payload", MR_SCHEMA_U16, MR_SCHEMA_LIVE, OF(dns.udp_payload_v4_bytes),
	  .low = 512, .high = 4096, .fallback = "1232", .unit = "bytes",
	  .help = "Largest DNS message over UDP, offered and obeyed (EDNS)" },
	{ "dns.udp_payload_v6", MR_SCHEMA_U16, MR_SCHEMA_LIVE, OF(dns.udp_payload_v6_bytes),
	  .low = 512, .high = 4096, .fallback = "", .unit = "bytes",
	  .help = "The same over IPv6; default: udp_payload" },
	{ "dns.tcp_idle", MR_SCHEMA_U32, MR_SCHEMA_BOOT, OF(dns.tcp_idle_ms), .low = 100,
	  .high = 3600000, .fallback = "10000", .unit = "ms",
	  .help = "A TCP connection without a query for this long is closed" },
	{ "dns.tcp_queries", MR_SCHEMA_U32, MR_SCHEMA_BOOT, OF(dns.tcp_queries), .low = 1,
	  .high = (1 << 24) - 1, .fallback = "100000", .unit = "queries",
	  .help = "A TCP connection is closed after this many" },
	{ "dns.rrl", MR_SCHEMA_MAP,
	  .help = "Rate limits of answers over UDP, for each network that asks" },
	{ "dns.rrl.mode", MR_SCHEMA_CHOICE, MR_SCHEMA_LIVE, OF(dns.rrl.mode), .fallback = "off",
	  .choices = rrl_choices,
	  .help = "log: count and log what would be limited, limit nothing" },
	{ "dns.rrl.answer", MR_SCHEMA_U32, MR_SCHEMA_LIVE, OF(dns.rrl.rates[MR_DNS_RRL_ANSWER]),
	  .high = MR_DNS_RRL_RATE_MAX, .fallback = "1000", .unit = "answers/s",
	  .help = "Answers with data; 0: not limited" },
	{ "dns.rrl.nxdomain", MR_SCHEMA_U32, MR_SCHEMA_LIVE, OF(dns.rrl.rates[MR_DNS_RRL_NXDOMAIN]),
	  .high = MR_DNS_RRL_RATE_MAX, .fallback = "200", .unit = "answers/s",
	  .help = "Names that do not exist, in one zone; 0: not limited" },
	{ "dns.rrl.nodata", MR_SCHEMA_U32, MR_SCHEMA_LIVE, OF(dns.rrl.rates[MR_DNS_RRL_NODATA]),
	  .high = MR_DNS_RRL_RATE_MAX, .fallback = "200", .unit = "answers/s",
	  .help = "Names without the type asked for; 0: not limited" },
	{ "dns.rrl.referral", MR_SCHEMA_U32, MR_SCHEMA_LIVE, OF(dns.rrl.rates[MR_DNS_RRL_REFERRAL]),
	  .high = MR_DNS_RRL_RATE_MAX, .fallback = "200", .unit = "answers/s",
	  .help = "Referrals; 0: not limited" },
	{ "dns.rrl.error", MR_SCHEMA_U32, MR_SCHEMA_LIVE, OF(dns.rrl.rates[MR_DNS_RRL_ERROR]),
	  .high = MR_DNS_RRL_RATE_MAX, .fallback = "100", .unit = "answers/s",
	  .help = "REFUSED, FORMERR and such; 0: not limited" },
	{ "dns.rrl.burst", MR_SCHEMA_U32, MR_SCHEMA_LIVE, OF(dns.rrl.burst_ms), .low = 1,
	  .high = 60000, .fallback = "1000", .unit = "ms",
	  .help = "A network may be so far ahead of its rate" },
	{ "dns.rrl.slip", MR_SCHEMA_U16, MR_SCHEMA_LIVE, OF(dns.rrl.slip), .high = 100,
	  .fallback = "2",
	  .help = "One in so many limited answers is sent empty with TC; 0: none, 1: all" },
	{ "dns.rrl.v4_prefix", MR_SCHEMA_U16, MR_SCHEMA_LIVE, OF(dns.rrl.v4_bits), .low = 8,
	  .high = 32, .fallback = "24", .unit = "bits", .help = "Size of an IPv4 network" },
	{ "dns.rrl.v6_prefix", MR_SCHEMA_U16, MR_SCHEMA_LIVE, OF(dns.rrl.v6_bits), .low = 16,
	  .high = 128, .fallback = "56", .unit = "bits", .help = "Size of an IPv6 network" },
	{ "dns.rrl.allow", MR_SCHEMA_LIST, MR_SCHEMA_LIVE,
	  ITEMS(mr_config, dns.rrl.allow, dns.rrl.allow_count), .high = MR_CONFIG_TRANSFER_MAX,
	  .help = "Networks that are not limited" },
	{ "dns.rrl.allow[]", MR_SCHEMA_PREFIX, MR_SCHEMA_LIVE, .help = "A network, or a host" },
	{ "dns.rrl.prefixes", MR_SCHEMA_U32, MR_SCHEMA_BOOT, OF(dns.rrl.prefixes), .high = 1 << 24,
	  .fallback = "16384", .unit = "networks",
	  .help = "That each worker remembers, 64 bytes each; 0: limits cannot be switched on" },
	{ "dns.zone_counters", MR_SCHEMA_U32, MR_SCHEMA_BOOT, OF(dns.zone_counters), .high = 100000,
	  .fallback = "1000", .unit = "zones",
	  .help = "Zones that have counters of their own, 64 bytes on each worker; the rest share" },
	{ "dns.transfer_limit", MR_SCHEMA_U32, MR_SCHEMA_BOOT, OF(dns.transfer_limit), .high = 4096,
	  .fallback = "16", .unit = "transfers",
	  .help = "Zones that one worker gives away at once (AXFR), some 22 KiB each; 0: none" },
	{ "dns.transfer_zone_limit", MR_SCHEMA_U32, MR_SCHEMA_BOOT, OF(dns.transfer_zone_limit),
	  .high = 4096, .fallback = "0", .unit = "transfers",
	  .help = "The same of one zone; 0: transfer_limit" },
	{ "dns.transfer", MR_SCHEMA_LIST, MR_SCHEMA_LIVE,
	  ITEMS(mr_config, dns.transfer, dns.transfer_count), .high = MR_CONFIG_TRANSFER_MAX,
	  .help = "Who may have whole zones (AXFR, over TCP); zones may say otherwise" },
	{ "dns.transfer[]", MR_SCHEMA_PREFIX, MR_SCHEMA_LIVE, .help = "A network, or a host" },
	{ "dns.nsid", MR_SCHEMA_NAME, MR_SCHEMA_LIVE, OF(dns.nsid), ROOM(mr_config, dns.nsid),
	  .high = MR_DNS_ID_BYTES - 1, .fallback = "",
	  .help = "Name of this server for who asks by EDNS (RFC 5001); empty: not told" },
	{ "dns.version", MR_SCHEMA_NAME, MR_SCHEMA_LIVE, OF(dns.version),
	  ROOM(mr_config, dns.version), .high = MR_DNS_ID_BYTES - 1, .fallback = "",
	  .help = "Answer to version.bind and version.server in class CH; empty: refused" },
	{ "dns.identity", MR_SCHEMA_NAME, MR_SCHEMA_LIVE, OF(dns.identity),
	  ROOM(mr_config, dns.identity), .high = MR_DNS_ID_BYTES - 1, .fallback = "",
	  .help = "Answer to id.server and hostname.bind in class CH; empty: refused" },
	{ "dns.cookies", MR_SCHEMA_CHOICE, MR_SCHEMA_LIVE, OF(dns.cookies), .fallback = "answer",
	  .choices = cookie_choices,
	  .help = "DNS cookies (RFC 9018); require: over UDP no answer without one" },
	{ "dns.cookie_secrets", MR_SCHEMA_PATH, MR_SCHEMA_LIVE, OF(dns.cookie_secrets),
	  ROOM(mr_config, dns.cookie_secrets), .low = 1, .high = MR_CONFIG_PATH_BYTES - 1,
	  .unit = "file",
	  .help = "Secrets of 32 hex digits a line, the first signs; default: drawn at start" },
	{ "dns.zone_dir", MR_SCHEMA_PATH, MR_SCHEMA_LIVE, OF(dns.zone_dir),
	  ROOM(mr_config, dns.zone_dir), .low = 1, .high = MR_CONFIG_PATH_BYTES - 1,
	  .unit = "folder", .help = "Where a zone that names no file has NAME.zone" },
	{ "dns.zones", MR_SCHEMA_LIST, MR_SCHEMA_LIVE, ITEMS(mr_config, dns.zones, dns.zone_count),
	  .high = MR_CONFIG_ZONE_MAX, .key = "name",
	  .help = "Zones that this box is authoritative for" },
	{ "dns.zones[]", MR_SCHEMA_MAP, .help = "A zone" },
	{ "dns.zones[].name", MR_SCHEMA_DOMAIN, MR_SCHEMA_LIVE, ZONE(name), .required = true,
	  .low = 1, .high = MR_ZONE_NAME_TEXT_BYTES - 2,
	  .help = "The zone's name, e.g. example.com" },
	{ "dns.zones[].file", MR_SCHEMA_PATH, MR_SCHEMA_LIVE, ZONE(file), .low = 1,
	  .high = MR_CONFIG_PATH_BYTES - 1, .unit = "file",
	  .help = "Zone file (RFC 1035); default: NAME.zone in zone_dir" },
	{ "dns.zones[].transfer", MR_SCHEMA_LIST, MR_SCHEMA_LIVE,
	  ITEMS(mr_config_zone, transfer, transfer_count), .high = MR_CONFIG_TRANSFER_MAX,
	  .help = "Who may have this zone; []: nobody; default: dns.transfer" },
	{ "dns.zones[].transfer[]", MR_SCHEMA_PREFIX, MR_SCHEMA_LIVE,
	  .help = "A network, or a host" },

#include "ctl/schema_sites.h"
#include "ctl/schema_upstreams.h"

	{ "tcp", MR_SCHEMA_MAP, .help = "TCP connections" },
	{ "tcp.connections", MR_SCHEMA_U32, MR_SCHEMA_BOOT, OF(tcp.connections), .low = 0,
	  .high = 67108864, .fallback = "16384", .unit = "connections",
	  .help = "TCP connections of each worker; 0: TCP stays with the kernel" },
	{ "tcp.active", MR_SCHEMA_U32, MR_SCHEMA_BOOT, OF(tcp.active), .high = 16777216,
	  .fallback = "0", .unit = "connections",
	  .help = "Of these, how many may have data queued, in flight or unread; 0: an eighth" },
	{ "tcp.buffers", MR_SCHEMA_SIZE, MR_SCHEMA_BOOT, OF(tcp.buffer_bytes), .high = 1ll << 40,
	  .fallback = "0",
	  .help = "Memory of each worker for that data; 0: 1 KiB for each active connection, at "
		  "least 8 MiB" },
	{ "tcp.time_wait", MR_SCHEMA_U32, MR_SCHEMA_BOOT, OF(tcp.time_wait_ms), .low = 1000,
	  .high = 240000, .fallback = "10000", .unit = "ms",
	  .help = "How long a closed connection stays in TIME-WAIT; RFC 9293: 240 s" },
	{ "tcp.time_waits", MR_SCHEMA_U32, MR_SCHEMA_BOOT, OF(tcp.time_waits), .high = 67108864,
	  .fallback = "0", .unit = "connections",
	  .help = "Connections of each worker in TIME-WAIT; 0: as many as connections" },
	{ "tcp.half_open", MR_SCHEMA_U32, MR_SCHEMA_BOOT, OF(tcp.half_open), .high = 16777216,
	  .fallback = "0", .unit = "connections",
	  .help = "Connections of each worker that are being opened, above which SYN cookies are "
		  "sent; 0: a sixteenth, at most 8,192" },
	{ "tcp.prefix_limit", MR_SCHEMA_U32, MR_SCHEMA_BOOT, OF(tcp.prefix_limit), .high = 67108864,
	  .fallback = "0", .unit = "connections",
	  .help = "Connections of each worker from one source prefix; 0: a quarter, at least 1,024. "
		  "Where there is no room at all, who has many makes it" },
	{ "tcp.prefix_v4", MR_SCHEMA_U32, MR_SCHEMA_BOOT, OF(tcp.prefix_v4_bits), .low = 8,
	  .high = 32, .fallback = "24", .unit = "bits", .help = "What a prefix is in IPv4" },
	{ "tcp.prefix_v6", MR_SCHEMA_U32, MR_SCHEMA_BOOT, OF(tcp.prefix_v6_bits), .low = 16,
	  .high = 64, .fallback = "64", .unit = "bits", .help = "What a prefix is in IPv6" },
	{ "tcp.progress", MR_SCHEMA_U32, MR_SCHEMA_BOOT, OF(tcp.progress_ms), .high = 3600000,
	  .fallback = "30000", .unit = "ms",
	  .help = "A reader that acknowledges less than progress_bytes in this time, while there "
		  "is more for it, is reset; 0: never" },
	{ "tcp.progress_bytes", MR_SCHEMA_U32, MR_SCHEMA_BOOT, OF(tcp.progress_bytes), .low = 1,
	  .high = 16777216, .fallback = "2048", .unit = "bytes", .help = "See progress" },
	{ "tcp.persist", MR_SCHEMA_U32, MR_SCHEMA_BOOT, OF(tcp.persist_ms), .low = 1000,
	  .high = 3600000, .fallback = "60000", .unit = "ms",
	  .help = "A peer may keep its window shut for so long" },
	{ "tcp.secrets", MR_SCHEMA_PATH, MR_SCHEMA_BOOT, OF(tcp_secrets),
	  ROOM(mr_config, tcp_secrets), .low = 1, .high = MR_CONFIG_PATH_BYTES - 1, .unit = "file",
	  .help = "Keys of the table, of sequence numbers and of SYN cookies, for the next start to "
		  "go on with; made when it is not there; default: drawn at start" },

	{ "test_services", MR_SCHEMA_LIST, MR_SCHEMA_BOOT,
	  ITEMS(mr_config, test_services, test_service_count), .high = MR_TCP_SERVICE_MAX,
	  .help = "For tests of TCP: whoever reaches them makes the box send" },
	{ "test_services[]", MR_SCHEMA_MAP, .help = "A test service" },
	{ "test_services[].service", MR_SCHEMA_CHOICE, MR_SCHEMA_BOOT, TEST(service),
	  .required = true, .choices = service_choices,
	  .help = "echo sends back, discard counts, chargen makes bytes (RFC 862, 863, 864)" },
	{ "test_services[].vip", MR_SCHEMA_ADDR, MR_SCHEMA_BOOT, TEST(vip),
	  .help = "One of vips; default: every one" },
	{ "test_services[].port", MR_SCHEMA_U16, MR_SCHEMA_BOOT, TEST(port), .high = 65535,
	  .fallback = "0", .help = "TCP port; 0: 7, 9 or 19, as the RFCs say" },
	{ "test_services[].bytes", MR_SCHEMA_SIZE, MR_SCHEMA_BOOT, TEST(byte_count),
	  .high = 1ull << 50, .fallback = "0", .unit = "bytes",
	  .help = "chargen only: how many it sends before it closes; 0: no end" },
	{ "test_services[].request", MR_SCHEMA_U32, MR_SCHEMA_BOOT, TEST(request_bytes),
	  .high = 1 << 30, .fallback = "0", .unit = "bytes",
	  .help = "chargen only: how many it waits for before it sends" },

	{ "net", MR_SCHEMA_MAP, .help = "Network behaviour" },
	{ "net.icmp_rate", MR_SCHEMA_U32, MR_SCHEMA_LIVE, OF(net.icmp_rate_pps), .low = 1,
	  .high = 1000000, .fallback = "1000", .unit = "packets/s",
	  .help = "Echo replies, and errors, that one worker sends in a second" },

	{ "control", MR_SCHEMA_MAP, .help = "The socket that millctl talks to" },
	{ "control.socket", MR_SCHEMA_PATH, MR_SCHEMA_BOOT, OF(control.socket),
	  ROOM(mr_config, control.socket), .low = 1, .high = MR_CONFIG_SOCKET_BYTES - 1,
	  .fallback = "/run/millrace/millraced.sock", .unit = "file", .help = "UNIX socket" },
	{ "control.group", MR_SCHEMA_NAME, MR_SCHEMA_BOOT, OF(control.group),
	  ROOM(mr_config, control.group), .high = MR_NAME_MAX - 1, .fallback = "",
	  .help = "Group whose members may look (not change); root may do everything" },

	{ "log", MR_SCHEMA_MAP, .help = "What is written to the log" },
	{ "log.level", MR_SCHEMA_CHOICE, MR_SCHEMA_LIVE, OF(log.level), .fallback = "info",
	  .choices = level_choices, .help = "The least severe lines that are kept" },
};

const struct mr_schema_row *
mr_schema_at(size_t index)
{
	return index < MR_ARRAY_COUNT(rows) ? &rows[index] : NULL;
}

const struct mr_schema_row *
mr_schema_find(const char *path)
{
	for (size_t i = 0; i < MR_ARRAY_COUNT(rows); i++)
		if (!strcmp(rows[i].path, path))
			return &rows[i];
	return NULL;
}

const struct mr_schema_row *
mr_schema_child(const struct mr_schema_row *parent, size_t *walk)
{
	size_t prefix = parent ? strlen(parent->path) : 0;

	while (*walk < MR_ARRAY_COUNT(rows)) {
		const struct mr_schema_row *row = &rows[(*walk)++];
		const char *rest = row->path + prefix;

		if (parent && (strncmp(row->path, parent->path, prefix) || *rest++ != '.'))
			continue;
		if (!strpbrk(rest, ".["))
			return row;
	}
	return NULL;
}

const char *
mr_schema_key(const struct mr_schema_row *row)
{
	const char *dot = strrchr(row->path, '.');

	return dot ? dot + 1 : row->path;
}
