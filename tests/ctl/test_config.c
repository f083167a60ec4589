/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/config - what is read, what is refused and in which words, and the way back to text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config_text.h"

#define MINIMAL "ports: [{name: up, afxdp: eth0}]\nvips: [192.0.2.1]\n"

static void
minimal_gives_defaults(void **state)
{
	struct mr_config *config = config_of(MINIMAL);

	(void)state;
	assert_string_equal(config->name, "millrace");
	assert_string_equal(config->user, "");
	assert_int_equal(config->poll, MR_POLL_ADAPTIVE);
	assert_true(config->memory.hugepages);
	assert_int_equal(config->memory.packet_buffers, 16384);
	assert_int_equal(config->memory.zones_bytes, 1ull << 30);
	assert_int_equal(config->cpus.worker_count, 1);
	assert_int_equal(config->cpus.workers[0], 0);
	assert_int_equal(config->cpus.control, 1);
	assert_int_equal(config->port_count, 1);
	assert_string_equal(config->ports[0].port.name, "up");
	assert_string_equal(config->ports[0].port.kind, "afxdp");
	assert_string_equal(config->ports[0].port.target, "eth0");
	assert_int_equal(config->ports[0].port.mtu, 0);
	assert_false(config->ports[0].port.has_mac);
	assert_int_equal(config->ports[0].vlan_count, 1);
	assert_int_equal(config->ports[0].vlans[0], 0);
	assert_int_equal(config->ports[0].next_hop_count, 0);
	assert_int_equal(config->vip_count, 1);
	assert_int_equal(config->dns.port, 53);
	assert_int_equal(config->dns.udp_payload_v4_bytes, 1232);
	assert_int_equal(config->dns.udp_payload_v6_bytes, 1232);
	assert_int_equal(config->dns.zone_count, 0);
	assert_int_equal(config->net.icmp_rate_pps, 1000);
	assert_string_equal(config->control.socket, "/run/millrace/millraced.sock");
	assert_int_equal(config->log.level, MR_LOG_INFO);
	mr_config_free(config);
}

#define FULL                                                                                     \
	"name: edge-1\nuser: nobody\npoll: busy\n"                                               \
	"memory: {hugepages: off, packet_buffers: 4096, zones: 64MiB}\n"                         \
	"cpus:\n  workers: [1, 2]\n  control: 3\n"                                               \
	"ports:\n"                                                                               \
	"  - name: up\n    afxdp: eth0\n    queues: 2\n    rx_descriptors: 2048\n"               \
	"    tx_descriptors: 1024\n    mtu: 1500\n    vlans: [0, 100, 200/100]\n"                \
	"    next_hop: [192.0.2.254, '2001:db8::1@200/100']\n"                                   \
	"  - name: mem\n    memif: run/m.sock\n    punt: tap0\n"                                 \
	"    role: server\n    mac: 02:00:00:00:00:01\n"                                         \
	"  - {name: cap, pcap: in.pcap, out: /tmp/out.pcap,"                                     \
	" impair: {loss: 0.5%, delay: 10ms,"                                                     \
	" rate: 10Mbit, jitter: 1500us, duplicate: 2%, mtu: 1400, drop_every: 9, seed: 7}}\n"    \
	"  - {name: fast, memif: run/f.sock, zero_copy: yes}\n"                                  \
	"  - {name: two, bond: {members: [{pci: '03:00.0'}, {pci: '0000:04:00.1'}],"             \
	" mode: 802.3ad, policy: layer23}}\n"                                                    \
	"vips: [192.0.2.1, '2001:db8::53']\n"                                                    \
	"dns:\n  port: 5353\n  udp_payload: 1400\n  udp_payload_v6: 1232\n  zone_dir: zones\n"   \
	"  zones:\n    - {name: example.com, file: ../other/e.zone}\n    - name: Example.NET.\n" \
	"    - name: .\n"                                                                        \
	"net: {icmp_rate: 50}\n"                                                                 \
	"control: {socket: m.sock, group: adm}\nlog: {level: debug}\n"

static void
everything_is_read(void **state)
{
	struct mr_config *config = config_of(FULL);
	char text[MR_ADDR_TEXT_BYTES], place[MR_CONFIG_PLACE_BYTES];

	(void)state;
	assert_string_equal(config->name, "edge-1");
	assert_string_equal(config->user, "nobody");
	assert_int_equal(config->poll, MR_POLL_BUSY);
	assert_false(config->memory.hugepages);
	assert_int_equal(config->memory.zones_bytes, 64 << 20);
	assert_int_equal(config->cpus.worker_count, 2);
	assert_int_equal(config->cpus.workers[1], 2);
	assert_int_equal(config->cpus.control, 3);
	assert_int_equal(config->port_count, 5);
	assert_int_equal(config->ports[0].port.queue_count, 2);
	assert_int_equal(config->ports[0].port.rx_descriptors, 2048);
	assert_int_equal(config->ports[0].port.tx_descriptors, 1024);
	assert_int_equal(config->ports[0].vlan_count, 3);
	assert_int_equal(config->ports[0].vlans[1], 100);
	assert_int_equal(config->ports[0].vlans[2], mr_vlan_pair(200, 100));
	assert_int_equal(config->ports[0].next_hops[0].vlan, 0);
	assert_int_equal(config->ports[0].next_hops[1].vlan, mr_vlan_pair(200, 100));
	assert_string_equal(mr_addr_format(&config->ports[0].next_hops[1].addr, text),
			    "2001:db8::1");
	assert_string_equal(config->ports[1].port.target, "/etc/millrace/run/m.sock");
	assert_true(config->ports[1].port.memif_server);
	assert_false(config->ports[1].port.memif_zero_copy);
	assert_true(config->ports[3].port.memif_zero_copy && !config->ports[3].port.memif_server);
	assert_true(config->ports[1].port.has_mac);
	assert_int_equal(config->ports[1].port.mac.bytes[5], 1);
	assert_string_equal(config->ports[2].port.target, "/etc/millrace/in.pcap");
	assert_string_equal(config->ports[2].port.pcap_out, "/tmp/out.pcap");
	assert_string_equal(config->ports[1].punt, "tap0");
	assert_string_equal(config->ports[4].port.kind, "bond");
	assert_int_equal(config->ports[4].port.bond.member_count, 2);
	assert_string_equal(config->ports[4].port.bond.members[0].target, "0000:03:00.0");
	assert_string_equal(config->ports[4].port.bond.members[1].kind, "pci");
	assert_int_equal(config->ports[4].port.bond.mode, MR_PORT_BOND_802_3AD);
	assert_int_equal(config->ports[4].port.bond.policy, MR_PORT_BOND_LAYER23);
	assert_false(mr_config_impairs(&config->ports[0]));
	assert_true(mr_config_impairs(&config->ports[2]));
	assert_int_equal(config->ports[2].impair.link.loss_ppm, 5000);
	assert_int_equal(config->ports[2].impair.link.duplicate_ppm, 20000);
	assert_int_equal(config->ports[2].impair.link.delay_ns, 10 * MR_NS_PER_MS);
	assert_int_equal(config->ports[2].impair.link.jitter_ns, 1500 * MR_NS_PER_US);
	assert_int_equal(config->ports[2].impair.link.rate_bps, 10000000);
	assert_int_equal(config->ports[2].impair.link.mtu, 1400);
	assert_int_equal(config->ports[2].impair.drop_every, 9);
	assert_int_equal(config->ports[2].impair.queue_frames, 1000);
	assert_int_equal(config->ports[2].impair.seed, 7);
	assert_int_equal(config->dns.port, 5353);
	assert_int_equal(config->dns.udp_payload_v4_bytes, 1400);
	assert_int_equal(config->dns.udp_payload_v6_bytes, 1232);
	assert_string_equal(config->dns.zones[0].name, "example.com.");
	assert_string_equal(config->dns.zones[0].file, "/etc/millrace/../other/e.zone");
	assert_string_equal(config->dns.zones[1].name, "Example.NET.");
	assert_string_equal(config->dns.zones[1].file, "/etc/millrace/zones/Example.NET.zone");
	assert_string_equal(config->dns.zones[2].file, "/etc/millrace/zones/root.zone");
	assert_string_equal(config->control.socket, "/etc/millrace/m.sock");
	assert_string_equal(config->control.group, "adm");
	assert_int_equal(config->log.level, MR_LOG_DEBUG);
	assert_string_equal(mr_config_place(config, &config->cpus.control, place),
			    "/etc/millrace/m.yaml:7:12");
	assert_string_equal(mr_config_place(config, &config->dns.zones[1], place),
			    "/etc/millrace/m.yaml:33:7");
	assert_string_equal(mr_config_place(config, &config->places, place),
			    "/etc/millrace/m.yaml");
	mr_config_free(config);
}

#define SERVICES                                                                    \
	"ports: [{name: up, afxdp: eth0, impair: {loss: 1%}}]\nvips: [192.0.2.1]\n" \
	"test_services:\n  - {service: echo}\n  - {service: discard, port: 90}\n"   \
	"  - {service: chargen, vip: 192.0.2.1, bytes: 1MiB}\n"                     \
	"  - {service: chargen, vip: 192.0.2.1, port: 7000, bytes: 128, request: 64}\n"

static void
test_services_get_their_ports_and_a_warning_each(void **state)
{
	struct mr_config *config = config_of(SERVICES);
	char text[MR_CONFIG_WARNING_BYTES];

	(void)state;
	assert_int_equal(config->test_service_count, 4);
	assert_int_equal(config->test_services[0].port, 7);
	assert_true(mr_addr_unspecified(&config->test_services[0].vip));
	assert_int_equal(config->test_services[1].port, 90);
	assert_int_equal(config->test_services[2].port, 19);
	assert_true(mr_addr_equal(&config->test_services[2].vip, &config->vips[0]));
	assert_int_equal(config->test_services[2].byte_count, 1 << 20);
	assert_int_equal(config->test_services[3].request_bytes, 64);
	assert_true(mr_config_warning(config, 0, text));
	assert_string_equal(text, "/etc/millrace/m.yaml:1:9: port up is a bad link on purpose: "
				  "see its `impair`");
	assert_true(mr_config_warning(config, 2, text));
	assert_string_equal(text, "/etc/millrace/m.yaml:5:5: TCP port 90 is a test service: anyone "
				  "who reaches it can make this box send");
	assert_true(mr_config_warning(config, 4, text));
	assert_false(mr_config_warning(config, 5, text));
	mr_config_free(config);
	config = config_of(MINIMAL);
	assert_false(mr_config_warning(config, 0, text));
	mr_config_free(config);
}

/* ---- refusals: the whole text, place included ---- */

#define PORT "ports: [{name: up, afxdp: eth0}]\n"
#define VIPS "vips: [192.0.2.1]\n"

static const struct {
	const char *text, *error;
} refused[] = {
	{ "", "m.yaml:1:1: expected a mapping, found nothing" },
	{ "# only a comment\n", "m.yaml:1:1: expected a mapping, found nothing" },
	{ "hello", "m.yaml:1:1: expected a mapping (key: value), found a text" },
	{ "- a\n", "m.yaml:1:1: expected a mapping (key: value), found a list" },
	{ "name: [\n", "m.yaml:2:1: not YAML: did not find expected node content" },
	{ "name: \"x\n", "m.yaml:2:1: not YAML: found unexpected end of stream" },
	{ "name: a\n\tuser: b\n",
	  "m.yaml:2:1: not YAML: found a tab character that violates indentation" },
	{ "name: \xff\n",
	  "m.yaml:1:1: not text: invalid leading UTF-8 octet (byte 6 of the file)" },
	{ "name: \"a\\0b\"\n", "m.yaml:1:7: a NUL character in a text" },
	{ "name: &x a\n", "m.yaml:1:7: anchors (&x) are not used here" },
	{ "name: *x\n", "m.yaml:1:7: aliases (*x) are not used here" },
	{ "name: !!str a\n", "m.yaml:1:7: tags (!…) are not used here" },
	{ "name: a\n---\nname: b\n", "m.yaml:2:1: a second document; one file holds one" },
	{ "? [a]\n: b\n", "m.yaml:1:3: expected a key, found a collection" },
	{ "name: a\nuser: b\nname: c\n", "m.yaml:3:1: 'name' is written twice, first on line 1" },
	{ "name: [[[[[[[[a]]]]]]]]\n", "m.yaml:1:14: nested more than 8 deep" },
	/* keys */
	{ PORT VIPS "nmae: x\n",
	  "m.yaml:3:1: 'nmae' is not a key of the configuration; did you mean 'name'?" },
	{ PORT VIPS "dns: {udp_payloads: 1}\n",
	  "m.yaml:3:7: 'udp_payloads' is not a key of dns; did you mean 'udp_payload'?" },
	{ VIPS "ports:\n  - {name: a, afxpd: eth0}\n",
	  "m.yaml:3:15: 'afxpd' is not a key of ports[]; did you mean 'afxdp'?" },
	{ PORT VIPS "zzz: 1\n", "m.yaml:3:1: 'zzz' is not a key of the configuration" },
	{ VIPS,
	  "m.yaml:1:1: ports is missing: Packet ports; each has exactly one of " MR_CONFIG_PORT_KINDS },
	{ PORT, "m.yaml:1:1: vips is missing: Service addresses: what this box answers for" },
	{ VIPS "ports: [{afxdp: eth0}]\n",
	  "m.yaml:2:9: ports[].name is missing: What the port is called here" },
	/* values */
	{ PORT VIPS "name:\n",
	  "m.yaml:3:6: name: expected a name (letters, digits, '-', '_', '.') of 1 to 31 "
	  "characters, found nothing" },
	{ PORT VIPS "name: 'a b'\n",
	  "m.yaml:3:7: name: expected a name (letters, digits, '-', '_', '.') of 1 to 31 "
	  "characters, found 'a b'" },
	{ PORT VIPS "name: abcdefghijklmnopqrstuvwxyz012345\n",
	  "m.yaml:3:7: name: expected a name (letters, digits, '-', '_', '.') of 1 to 31 "
	  "characters, found 'abcdefghijklmnopqrstuvwxyz012345'" },
	{ PORT VIPS "name: [a]\n",
	  "m.yaml:3:7: name: expected a name (letters, digits, '-', '_', '.') of 1 to 31 "
	  "characters, found a list" },
	{ PORT VIPS "poll: lazy\n", "m.yaml:3:7: poll: expected busy or adaptive, found 'lazy'" },
	{ PORT VIPS "poll: {a: b}\n",
	  "m.yaml:3:7: poll: expected busy or adaptive, found a mapping" },
	{ PORT VIPS "log: {level: loud}\n", "m.yaml:3:14: log.level: expected error, warning, "
					    "notice, info or debug, found 'loud'" },
	{ PORT VIPS "memory: {hugepages: maybe}\n",
	  "m.yaml:3:21: memory.hugepages: expected on or off, found 'maybe'" },
	{ PORT VIPS "memory: on\n",
	  "m.yaml:3:9: memory: expected a mapping (key: value), found 'on'" },
	{ VIPS "ports: [{name: a, pci: 0000:03:00}]\n",
	  "m.yaml:2:24: ports[].pci: expected a PCI address like 0000:03:00.0, found '0000:03:00'" },
	{ VIPS "ports: [{name: a, pci: 03:20.0}]\n",
	  "m.yaml:2:24: ports[].pci: expected a PCI address like 0000:03:00.0, found '03:20.0'" },
	{ VIPS "ports: [{name: a, pci: 03:1f.8}]\n",
	  "m.yaml:2:24: ports[].pci: expected a PCI address like 0000:03:00.0, found '03:1f.8'" },
	{ VIPS "ports: [{name: a, vhost: b, ring: packed}]\n",
	  "m.yaml:2:29: 'ring' is not for a port of kind vhost" },
	{ VIPS "ports: [{name: a, afxdp: b, punt: c}]\n",
	  "m.yaml:2:29: 'punt' is not for a port of kind afxdp" },
	{ VIPS "ports: [{name: a, pcap: b, impair: {loss: 5}}]\n",
	  "m.yaml:2:43: ports[].impair.loss: expected a percentage from 0% to 100%, like 0.5%, "
	  "found '5'" },
	{ VIPS "ports: [{name: a, pcap: b, impair: {delay: 61s}}]\n",
	  "m.yaml:2:44: ports[].impair.delay: expected a duration of at most 60.0 s, like 10ms, "
	  "found '61s'" },
	{ VIPS "ports: [{name: a, pcap: b, impair: {rate: 10}}]\n",
	  "m.yaml:2:43: ports[].impair.rate: expected a rate in bit, kbit, Mbit or Gbit a second, "
	  "like 10Mbit, found '10'" },
	{ VIPS "ports: [{name: a, pcap: b, impair: {los: 1%}}]\n",
	  "m.yaml:2:37: 'los' is not a key of ports[].impair; did you mean 'loss'?" },
	{ PORT VIPS "memory: {zones: 5XB}\n",
	  "m.yaml:3:17: memory.zones: expected a size from 1.0 MiB to 4.0 TiB, like 64MiB, found "
	  "'5XB'" },
	{ PORT VIPS "memory: {zones: 1048575}\n",
	  "m.yaml:3:17: memory.zones: expected a size from 1.0 MiB to 4.0 TiB, like 64MiB, found "
	  "'1048575'" },
	{ PORT VIPS "memory: {packet_buffers: 1023}\n",
	  "m.yaml:3:26: memory.packet_buffers: expected a number from 1024 to 4194304, found "
	  "'1023'" },
	{ PORT VIPS "dns: {port: 65536}\n",
	  "m.yaml:3:13: dns.port: expected a number from 1 to 65535, found '65536'" },
	{ PORT VIPS "dns: {port: 0}\n",
	  "m.yaml:3:13: dns.port: expected a number from 1 to 65535, found '0'" },
	{ PORT VIPS "dns: {port: -1}\n",
	  "m.yaml:3:13: dns.port: expected a number from 1 to 65535, found '-1'" },
	{ PORT VIPS "dns: {port: 18446744073709551669}\n",
	  "m.yaml:3:13: dns.port: expected a number from 1 to 65535, found "
	  "'18446744073709551669'" },
	{ PORT "vips: [192.0.2.256]\n",
	  "m.yaml:2:8: vips[]: expected an IPv4 or IPv6 address, found '192.0.2.256'" },
	{ PORT "vips: []\n", "m.yaml:2:7: vips: expected a list of 1 to 65535 entries, found 0" },
	{ PORT "vips: 192.0.2.1\n",
	  "m.yaml:2:7: vips: expected a list of 1 to 65535 entries, found '192.0.2.1'" },
	{ PORT "vips: [192.0.2.1, 192.0.2.2, 192.0.2.1]\n",
	  "m.yaml:2:30: vips[]: 192.0.2.1 is listed twice" },
	{ PORT "vips: [224.0.0.1]\n", "m.yaml:2:8: vips[]: a multicast address is not one host's" },
	{ PORT "vips: ['ff02::1']\n", "m.yaml:2:8: vips[]: a multicast address is not one host's" },
	{ PORT "vips: [127.0.0.1]\n",
	  "m.yaml:2:8: vips[]: a loopback address stays inside the kernel" },
	{ PORT "vips: ['::1']\n",
	  "m.yaml:2:8: vips[]: a loopback address stays inside the kernel" },
	{ PORT "vips: ['::']\n", "m.yaml:2:8: vips[]: the unspecified address is no host's" },
	{ PORT "vips: [0.0.0.0]\n", "m.yaml:2:8: vips[]: 0.0.0.0/8 is no host's address" },
	{ PORT "vips: [240.0.0.1]\n", "m.yaml:2:8: vips[]: 240.0.0.0/4 is reserved" },
	{ PORT VIPS "cpus: {workers: [0, 1, 0]}\n",
	  "m.yaml:3:24: cpus.workers[]: CPU 0 is listed twice" },
	{ PORT VIPS "cpus: {workers: []}\n",
	  "m.yaml:3:17: cpus.workers: expected a list of 1 to 64 entries, found 0" },
	/* ports */
	{ VIPS "ports: [eth0]\n",
	  "m.yaml:2:9: ports[]: expected a mapping (key: value), found 'eth0'" },
	{ VIPS "ports: [{name: up}]\n",
	  "m.yaml:2:9: port 'up' needs exactly one of " MR_CONFIG_PORT_KINDS "" },
	{ VIPS "ports: [{name: up, afxdp: eth0, memif: /m}]\n",
	  "m.yaml:2:40: memif: this port is already afxdp: eth0; a port has one kind" },
	{ VIPS "ports: [{name: up, afxdp: averylonginterface}]\n",
	  "m.yaml:2:27: ports[].afxdp: expected an interface name of 1 to 15 characters, found "
	  "'averylonginterface'" },
	{ VIPS "ports: [{name: up, afxdp: eth0, out: x}]\n",
	  "m.yaml:2:33: 'out' is not for a port of kind afxdp" },
	{ VIPS "ports: [{name: up, pcap: x, role: server}]\n",
	  "m.yaml:2:29: 'role' is not for a port of kind pcap" },
	{ VIPS "ports: [{name: up, vhost: x, zero_copy: yes}]\n",
	  "m.yaml:2:30: 'zero_copy' is not for a port of kind vhost" },
	{ VIPS "ports: [{name: up, memif: x, role: server, zero_copy: yes}]\n",
	  "m.yaml:2:55: ports[].zero_copy: only a client's packets need no copy" },
	{ VIPS "ports: [{name: up, afpacket: x, mac: 02:00:00:00:00:01}]\n",
	  "m.yaml:2:33: 'mac' is not for a port of kind afpacket" },
	{ VIPS "ports: [{name: up, memif: x, mac: 02:00:00:00:00}]\n",
	  "m.yaml:2:35: ports[].mac: expected an Ethernet address like 02:00:00:00:00:01, found "
	  "'02:00:00:00:00'" },
	{ VIPS "ports: [{name: up, afxdp: eth0, mtu: 575}]\n",
	  "m.yaml:2:38: ports[].mtu: expected 0 or a number from 576 to 9216, found '575'" },
	{ VIPS "ports: [{name: up, bond: {members: [{afpacket: a}, {afpacket: a}]}}]\n",
	  "m.yaml:2:63: afpacket: 'a' is already in bond 'up'" },
	{ VIPS "ports: [{name: up, bond: {members: [{afpacket: a}, {pci: '03:00.0'}]}},"
	       " {name: b, pci: '0000:03:00.0'}]\n",
	  "m.yaml:2:88: pci: '0000:03:00.0' is already in bond 'up'" },
	{ VIPS "ports: [{name: up, bond: {members: [{afpacket: a}, {memif: a}]}}]\n",
	  "m.yaml:2:53: a device of kind memif cannot be in a bond, only pci, afpacket" },
	{ VIPS "ports: [{name: up, bond: {members: [{afpacket: a}, {}]}}]\n",
	  "m.yaml:2:52: ports[].bond.members[]: expected exactly one of pci, afpacket" },
	{ VIPS "ports: [{name: up, bond: {members: [{afpacket: a}]}}]\n",
	  "m.yaml:2:36: ports[].bond.members: expected a list of 2 to 4 entries, found 1" },
	{ VIPS "ports: [{name: up, bond: {}}]\n",
	  "m.yaml:2:20: ports[].bond.members is missing: its devices" },
	{ VIPS
	  "ports: [{name: up, afxdp: e, bond: {members: [{pci: '03:00.0'}, {pci: '04:00.0'}]}}]\n",
	  "m.yaml:2:30: bond: this port is already afxdp: e; a port has one kind" },
	{ VIPS "ports: [{name: up, bond: {members: [{afpacket: a}, {afpacket: b}],"
	       " mode: balance-xor}}]\n",
	  "m.yaml:2:48: ports[].bond: afpacket can be a member in mode active-backup only, as "
	  "DPDK does not see its link" },
	{ VIPS "ports: [{name: up, punt: t0, bond: {members: [{afpacket: a}, {afpacket: b}]}}]\n",
	  "m.yaml:2:26: ports[].punt: the kernel has a itself" },
	{ VIPS "ports: [{name: up, impair: {loss: 1%}, bond: {mode: 802.3ad,"
	       " members: [{pci: '03:00.0'}, {pci: '04:00.0'}]}}]\n",
	  "m.yaml:2:40: ports[].impair: not with a bond of mode 802.3ad" },
	{ VIPS "ports: [{name: up, afxdp: eth0, vlans: [1, 1]}]\n",
	  "m.yaml:2:44: ports[].vlans[]: 1 is listed twice" },
	{ VIPS "ports: [{name: up, afxdp: eth0, vlans: [4095]}]\n",
	  "m.yaml:2:41: ports[].vlans[]: expected a number from 0 to 4094, or OUTER/INNER from 1/1 "
	  "to 4094/4094, found '4095'" },
	{ VIPS "ports: [{name: up, afxdp: eth0, vlans: [0, 200/0]}]\n",
	  "m.yaml:2:44: ports[].vlans[]: expected a number from 0 to 4094, or OUTER/INNER from 1/1 "
	  "to 4094/4094, found '200/0'" },
	{ VIPS "ports: [{name: up, afxdp: eth0, vlans: [200/100, 200/100]}]\n",
	  "m.yaml:2:50: ports[].vlans[]: 200/100 is listed twice" },
	{ VIPS "ports: [{name: up, afxdp: eth0, vlans: [100], next_hop: [192.0.2.9@200/100]}]\n",
	  "m.yaml:2:58: ports[].next_hop[]: VLAN 200/100 is not among the port's vlans" },
	{ VIPS "ports: [{name: up, afxdp: eth0, next_hop: [192.0.2.9@7]}]\n",
	  "m.yaml:2:44: ports[].next_hop[]: VLAN 7 is not among the port's vlans" },
	{ VIPS "ports: [{name: up, afxdp: eth0, next_hop: [router]}]\n",
	  "m.yaml:2:44: ports[].next_hop[]: expected ADDRESS or ADDRESS@VLAN, found 'router'" },
	{ VIPS "ports: [{name: up, afxdp: eth0, next_hop: [192.0.2.9, 192.0.2.9]}]\n",
	  "m.yaml:2:55: ports[].next_hop[]: listed twice" },
	{ VIPS "ports: [{name: up, afxdp: eth0, next_hop: [224.0.0.9]}]\n",
	  "m.yaml:2:44: ports[].next_hop[]: a multicast address is not one host's" },
	{ VIPS "ports: [{name: a, afxdp: eth0}, {name: a, afxdp: eth1}]\n",
	  "m.yaml:2:33: two ports are called 'a'" },
	{ VIPS "ports: [{name: a, afxdp: eth0}, {name: b, afpacket: eth0}]\n",
	  "m.yaml:2:53: afpacket: 'eth0' is already port 'a'" },
	/* test services */
	{ PORT VIPS "test_services: [{port: 7}]\n",
	  "m.yaml:3:17: test_services[].service is missing: echo sends back, discard counts, "
	  "chargen makes bytes (RFC 862, 863, 864)" },
	{ PORT VIPS "test_services: [{service: daytime}]\n",
	  "m.yaml:3:27: test_services[].service: expected echo, discard or chargen, found "
	  "'daytime'" },
	{ PORT VIPS "test_services: [{service: echo, bytes: 1}]\n",
	  "m.yaml:3:17: test_services[]: only chargen has bytes and request" },
	{ PORT VIPS "test_services: [{service: discard, request: 1}]\n",
	  "m.yaml:3:17: test_services[]: only chargen has bytes and request" },
	{ PORT VIPS "test_services: [{service: echo, vip: 192.0.2.2}]\n",
	  "m.yaml:3:38: test_services[].vip: not one of vips" },
	{ PORT VIPS "test_services: [{service: echo, port: 53}]\n",
	  "m.yaml:3:17: test_services[]: port 53 is dns.port" },
	{ PORT VIPS
	  "test_services: [{service: echo, vip: 192.0.2.1}, {service: chargen, port: 7}]\n",
	  "m.yaml:3:50: test_services[]: port 7 is listed twice" },
	{ PORT VIPS "tcp: {connections: 0}\ntest_services: [{service: echo}]\n",
	  "m.yaml:4:16: test_services: tcp.connections is 0" },
	/* zones */
	{ PORT VIPS "dns: {zones: [{name: a..b, file: x}]}\n",
	  "m.yaml:3:22: dns.zones[].name: expected a domain name, found 'a..b'" },
	{ PORT VIPS "dns: {zones: [{name: a}]}\n",
	  "m.yaml:3:15: zone a. needs a file, or dns needs a zone_dir" },
	{ PORT VIPS "dns: {zone_dir: z, zones: [{name: 0/25.2.0.192.in-addr.arpa}]}\n",
	  "m.yaml:3:28: zone 0/25.2.0.192.in-addr.arpa. needs a file: its name has a slash" },
	{ PORT VIPS "dns: {zones: [{name: a, file: x}, {name: A., file: y}]}\n",
	  "m.yaml:3:35: zone A. is listed twice" },
};

static void
each_fault_is_refused_in_its_words(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(refused); i++) {
		struct mr_error error = { 0 };
		struct mr_config *config = NULL;
		int rc = mr_config_parse(refused[i].text, strlen(refused[i].text), "m.yaml",
					 &config, &error);

		assert_int_equal(rc, -EINVAL);
		assert_null(config);
		if (strcmp(error.text, refused[i].error)) {
			print_error("said:     %s\nexpected: %s\n", error.text, refused[i].error);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

static void
bounds_of_lists_hold(void **state)
{
	char text[4096] = VIPS "ports:\n";
	struct mr_error error = { 0 };
	struct mr_config *config = NULL;
	size_t bytes = strlen(text);

	(void)state;
	for (int i = 0; i < MR_PORT_MAX; i++)
		bytes += (size_t)sprintf(text + bytes, "  - {name: p%d, afxdp: e%d}\n", i, i);
	config = config_of(text);
	assert_int_equal(config->port_count, MR_PORT_MAX);
	mr_config_free(config);
	config = NULL;
	strcat(text, "  - {name: one, afxdp: more}\n");
	assert_int_equal(mr_config_parse(text, strlen(text), "m", &config, &error), -EINVAL);
	assert_string_equal(error.text,
			    "m:3:3: ports: expected a list of 1 to 16 entries, found 17");
}

static void
a_large_file_is_refused(void **state)
{
	char *text = malloc(MR_CONFIG_FILE_BYTES + 1);
	struct mr_error error = { 0 };
	struct mr_config *config = NULL;

	(void)state;
	assert_non_null(text);
	memset(text, ' ', MR_CONFIG_FILE_BYTES + 1);
	assert_int_equal(mr_config_parse(text, MR_CONFIG_FILE_BYTES + 1, "m", &config, &error),
			 -EFBIG);
	assert_string_equal(error.text, "m: larger than 16 MiB");
	free(text);
}

static void
many_keys_of_one_mapping_are_refused(void **state)
{
	char text[1024] = "";
	struct mr_error error = { 0 };
	struct mr_config *config = NULL;

	(void)state;
	for (int i = 0; i < 65; i++)
		sprintf(text + strlen(text), "k%d: 1\n", i);
	assert_int_equal(mr_config_parse(text, strlen(text), "m", &config, &error), -EINVAL);
	assert_string_equal(error.text, "m:65:1: more than 64 keys in one mapping");
}

static void
a_missing_file_is_said(void **state)
{
	struct mr_error error = { 0 };
	struct mr_config *config = NULL;

	(void)state;
	assert_int_equal(mr_config_load("/nonexistent/m.yaml", &config, &error), -ENOENT);
	assert_string_equal(error.text, "/nonexistent/m.yaml: No such file or directory");
	error = (struct mr_error){ 0 };
	assert_int_equal(mr_config_load("/", &config, &error), -EISDIR);
	assert_string_equal(error.text, "/: Is a directory");
}

static void
a_file_is_loaded(void **state)
{
	char path[] = "/tmp/millrace-config-XXXXXX";
	struct mr_error error = { 0 };
	struct mr_config *config = NULL;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, MINIMAL, strlen(MINIMAL)), strlen(MINIMAL));
	close(fd);
	assert_int_equal(mr_config_load(path, &config, &error), 0);
	assert_string_equal(config->path, path);
	mr_config_free(config);
	unlink(path);
}

/* ---- and back ---- */

static void
yaml_and_back_changes_nothing(void **state)
{
	(void)state;
	round_trip(MINIMAL);
	round_trip(FULL);
	round_trip(SERVICES);
	round_trip(VIPS "ports: [{name: up, pcap: 'a: b #\"c\\\\', out: '-x', mtu: 576}]\n");
}

static void
changes_are_told_with_their_keys(void **state)
{
	struct mr_config *from = config_of(FULL);
	struct mr_config *to =
		config_of(VIPS "ports: [{name: up, afxdp: eth0, mtu: 9000, vlans: [5]}]\n"
			       "dns: {zones: [{name: example.com, file: /n}]}\n");
	json_t *changes = mr_config_changes(from, to), *change;
	char all[8192] = "";
	size_t i;

	(void)state;
	json_array_foreach(changes, i, change)
		sprintf(all + strlen(all), "%s %s\n",
			json_string_value(json_object_get(change, "key")),
			json_string_value(json_object_get(change, "applies")));
	assert_non_null(strstr(all, "ports[up].mtu restart\n"));
	assert_non_null(strstr(all, "ports[up].vlans live\n"));
	assert_non_null(strstr(all, "ports[mem] restart\n"));
	assert_non_null(strstr(all, "ports[cap] restart\n"));
	assert_non_null(strstr(all, "dns.zones[example.com.].file live\n"));
	assert_non_null(strstr(all, "dns.zones[Example.NET.] live\n"));
	assert_non_null(strstr(all, "vips live\n"));
	assert_non_null(strstr(all, "log.level live\n"));
	assert_non_null(strstr(all, "control.socket restart\n"));
	assert_null(strstr(all, "ports[up].name"));
	json_decref(changes);
	mr_config_free(from);
	mr_config_free(to);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(minimal_gives_defaults),
		cmocka_unit_test(everything_is_read),
		cmocka_unit_test(test_services_get_their_ports_and_a_warning_each),
		cmocka_unit_test(each_fault_is_refused_in_its_words),
		cmocka_unit_test(bounds_of_lists_hold),
		cmocka_unit_test(a_large_file_is_refused),
		cmocka_unit_test(many_keys_of_one_mapping_are_refused),
		cmocka_unit_test(a_missing_file_is_said),
		cmocka_unit_test(a_file_is_loaded),
		cmocka_unit_test(yaml_and_back_changes_nothing),
		cmocka_unit_test(changes_are_told_with_their_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
