/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/config - the typed configuration: what the YAML file says, with defaults filled in.
 *
 *   file -> [mr_config_load] -> struct mr_config -> [mr_config_check] -> boot, or a transaction
 *
 * What each key means, its bounds and its default stand in the schema table (ctl/schema), nowhere
 * else. A struct mr_config is complete and consistent in itself: names are unique, every port has
 * exactly one kind, a next hop lies on a VLAN of its port. Whether the machine agrees (files, CPUs,
 * users) is the deep check's business.
 *
 * Owner:  whoever loaded it, until mr_config_free; const between. The transaction core owns the
 *         running one.
 * Thread: any but workers, one at a time while it is built.
 * Memory: the heap; everything is bounded by the schema (MR_CONFIG_* below).
 *
 * (1) A failed load leaves nothing behind, and error says "FILE:LINE:COLUMN: what was expected".
 * (2) File names in it are absolute, or relative to the working directory of the process; in the
 *     file they are relative to the file's folder.
 */
#ifndef MR_CTL_CONFIG_H
#define MR_CTL_CONFIG_H

#include <jansson.h>

#include "base/base.h"
#include "net/net.h"
#include "port/port.h"
#include "proxy/proxy.h"
#include "worker/worker.h"
#include "zone/zone.h"

enum {
	MR_CONFIG_FILE_BYTES = 16 << 20, /* a larger file is refused */
	MR_CONFIG_DEPTH = 8,             /* nesting of the YAML document */
	MR_CONFIG_NODES = 1 << 20,       /* scalars, lists and mappings in one document */
	MR_CONFIG_PATH_BYTES = 256,      /* of a file name, NUL included */
	MR_CONFIG_SOCKET_BYTES = 108,    /* sockaddr_un's bound, NUL included */
	MR_CONFIG_ZONE_MAX = 1 << 17,    /* five nodes each: see MR_CONFIG_NODES */
	MR_CONFIG_TRANSFER_MAX = 256,    /* prefixes in one list */
	MR_CONFIG_CPU_MAX = 1024,        /* CPU numbers are below this */
};

/* The keys that name a port's kind, and that of a bond's member. */
#define MR_CONFIG_MEMBER_KINDS "pci, afpacket"
#define MR_CONFIG_PORT_KINDS   "afxdp, afpacket, memif, vhost, virtio-user, pci, pcap, bond"

struct mr_config_memory {
	bool hugepages;
	uint32_t packet_buffers; /* mbufs of each worker's pool */
	uint64_t sites_bytes;    /* likewise for the files of sites */
	uint64_t zones_bytes;    /* address space reserved for zones; mapped as zones need it */
};

struct mr_config_cpus {
	uint16_t *workers; /* worker i runs on workers[i] */
	size_t worker_count;
	uint16_t control; /* control, log and loader threads */
};

/* A router on a port: where answers go that are not for the reverse path. */
struct mr_config_next_hop {
	struct mr_addr addr;
	uint32_t vlan; /* one of the port's; 0 is untagged */
};

/* A port as a bad link, for tests: what drivers/impair takes. */
struct mr_config_impair {
	struct mr_net_link_config link; /* mtu: of the IP packet */
	uint32_t drop_every, queue_frames, seed;
};

struct mr_config_port {
	struct mr_port_config port; /* as mr_port_open takes it */
	struct mr_config_impair impair;
	char punt[16];     /* TAP interface for what is not ours; empty: none */
	uint32_t *vlans;   /* at least one (base/addr); 0 is untagged */
	size_t vlan_count; /* <= MR_NET_VLAN_MAX */
	struct mr_config_next_hop *next_hops;
	size_t next_hop_count;
};

struct mr_config_zone {
	const char *name; /* as written, with the final dot; both live as long as the whole */
	const char *file;
	bool transfer_own; /* `transfer` is written here; else dns.transfer holds */
	struct mr_prefix *transfer;
	size_t transfer_count;
};

enum mr_config_cookies {
	MR_CONFIG_COOKIES_OFF,
	MR_CONFIG_COOKIES_ANSWER,
	MR_CONFIG_COOKIES_REQUIRE,
};

struct mr_config_rrl {
	int mode;          /* enum mr_dns_rrl_mode */
	uint32_t prefixes; /* lines of each worker's table */
	uint32_t rates[MR_DNS_RRL_CLASSES];
	uint32_t burst_ms;
	uint16_t slip, v4_bits, v6_bits;
	struct mr_prefix *allow;
	size_t allow_count;
};

struct mr_config_dns {
	uint16_t port;
	uint16_t udp_payload_v4_bytes, udp_payload_v6_bytes;
	uint32_t tcp_idle_ms, tcp_queries;
	/* who this is; empty: not told */
	char nsid[MR_DNS_ID_BYTES], version[MR_DNS_ID_BYTES], identity[MR_DNS_ID_BYTES];
	int cookies;                               /* enum mr_config_cookies */
	char cookie_secrets[MR_CONFIG_PATH_BYTES]; /* a file, or empty: drawn at start */
	char zone_dir[MR_CONFIG_PATH_BYTES];       /* where a zone without `file` has NAME.zone */
	struct mr_config_rrl rrl;
	uint32_t zone_counters;                       /* zones counted by themselves */
	uint32_t transfer_limit, transfer_zone_limit; /* of each worker */
	struct mr_prefix *transfer;                   /* who may have a zone that says nothing */
	size_t transfer_count;
	struct mr_config_zone *zones;
	size_t zone_count;
};

/* How origins are reached, and where their names are asked for. */
struct mr_config_proxy {
	struct mr_addr *sources; /* at most one of each family, of the vips */
	size_t source_count;
	char port[MR_NAME_MAX];        /* by whose next hops; empty: the first that has one */
	struct mr_proxy_config worker; /* but its name */
};

enum { MR_CONFIG_RESOLVER_MAX = 4 };

struct mr_config_resolver {
	struct mr_addr *servers; /* none: /etc/resolv.conf's */
	size_t server_count;
	uint16_t port;
	uint64_t ttl_min_ns, ttl_max_ns;
};

struct mr_config_test_service {
	int service;        /* enum mr_tcp_service_kind */
	struct mr_addr vip; /* unspecified: every one */
	uint16_t port;
	uint32_t request_bytes; /* chargen's */
	uint64_t byte_count;
};

struct mr_config_net {
	uint32_t icmp_rate_pps; /* echo replies and errors, each, of one worker */
};

struct mr_config_control {
	char socket[MR_CONFIG_SOCKET_BYTES];
	/* the command line named the socket: the file's is ignored, at `config load` too */
	bool socket_fixed;
	char group[MR_NAME_MAX]; /* its members may read; empty: root and the process' user only */
};

struct mr_config_log {
	enum mr_log_level level;
};

struct mr_config_text;   /* texts of the document, freed with it */
struct mr_config_places; /* where each value was written, for errors after parsing */

struct mr_config {
	char name[MR_NAME_MAX];
	char user[MR_NAME_MAX]; /* to drop to; empty: stay (capabilities are dropped all the same)
				 */
	enum mr_worker_poll poll;
	struct mr_config_memory memory;
	struct mr_config_cpus cpus;
	struct mr_config_port *ports;
	size_t port_count; /* 1 .. MR_PORT_MAX */
	struct mr_addr *vips;
	size_t vip_count;
	struct mr_config_dns dns;
	struct mr_site_server_config http;
	struct mr_site_access_config access_log;
	struct mr_site_config *sites;
	size_t site_count;
	struct mr_config_proxy proxy;
	struct mr_config_resolver resolver;
	struct mr_upstream_config *upstreams;
	size_t upstream_count;
	struct mr_worker_tcp tcp;               /* of each worker */
	char tcp_secrets[MR_CONFIG_PATH_BYTES]; /* a file, or empty: drawn at start */
	struct mr_config_test_service *test_services;
	size_t test_service_count;
	struct mr_config_net net;
	struct mr_config_control control;
	struct mr_config_log log;
	char path[MR_CONFIG_PATH_BYTES]; /* the file it came from */
	struct mr_config_places *places;
	struct mr_config_text *texts;
};

/* mr_config_load reads and parses the file at path and gives the configuration in *out. Returns 0,
 * -ENOENT and such for the file itself, -EINVAL for what is written in it. */
MR_MUST_USE int mr_config_load(const char *path, struct mr_config **out, struct mr_error *error);

/* mr_config_parse is mr_config_load of text that is in memory; path is for errors and for relative
 * file names. Pure: it looks at nothing but its arguments. */
MR_MUST_USE int mr_config_parse(const char *text, size_t text_bytes, const char *path,
				struct mr_config **out, struct mr_error *error);

/* mr_config_check is the deep check: are the CPUs, the user and the group there, are the port kinds
 * linked into this program, does every zone file load? It opens no port and writes nothing; zones
 * are loaded into memory of its own and let go. The summary that `--check` prints is written to
 * summary (NULL: not wanted), e.g. "1 port, 2 addresses, 3 zones with 1234 records". */
enum { MR_CONFIG_SUMMARY_BYTES = 256 };
MR_MUST_USE int mr_config_check(const struct mr_config *self, char summary[MR_CONFIG_SUMMARY_BYTES],
				struct mr_error *error);

/* mr_config_check_machine is the quick half of it: everything but the zone files. */
MR_MUST_USE int mr_config_check_machine(const struct mr_config *self, struct mr_error *error);

/* mr_config_warning writes warning number index, "FILE:LINE:COLUMN: what is there for tests only",
 * into out; false when there are no more. Nothing it says makes a configuration wrong. */
enum { MR_CONFIG_WARNING_BYTES = 512 };
bool mr_config_warning(const struct mr_config *self, size_t index,
		       char out[MR_CONFIG_WARNING_BYTES]);

/* mr_config_way says how origins of a family are reached; way->known is false when no next hop of
 * it is configured, or no service address. */
void mr_config_way(const struct mr_config *self, bool v4, struct mr_origin_way *way);

/* mr_config_impairs says whether a port is to be a bad link. */
bool mr_config_impairs(const struct mr_config_port *port);

/* mr_config_place writes "FILE:LINE:COLUMN" of the value at this address inside self (for example
 * &self->cpus.control, &self->vips[2], &self->dns.zones[0]) into out and returns out; just "FILE"
 * when the value is a default. */
enum { MR_CONFIG_PLACE_BYTES = MR_CONFIG_PATH_BYTES + 24 };
const char *mr_config_place(const struct mr_config *self, const void *value,
			    char out[MR_CONFIG_PLACE_BYTES]);

/* mr_config_json gives the whole configuration, defaults included, as a JSON object in the shape of
 * the file (a new reference; what is not set is left out). mr_config_yaml writes such an object as
 * YAML that mr_config_parse reads back to the same configuration. */
json_t *mr_config_json(const struct mr_config *self);
char *mr_config_yaml(const json_t *config); /* to be freed by the caller */

/* mr_config_vlan_json gives a VLAN as the file has it: 100, or "200/100" (a new reference). */
json_t *mr_config_vlan_json(uint32_t vlan);

/* mr_config_changes compares two configurations key by key and gives a JSON list of
 * {"key": "ports[uplink].mtu", "from": …, "to": …, "applies": "live" | "restart"}; items of a list
 * of mappings are matched by their name. An absent side is left out. */
json_t *mr_config_changes(const struct mr_config *from, const struct mr_config *to);

/* mr_config_free takes self; NULL is fine. */
void mr_config_free(struct mr_config *self);

#endif
