/* SPDX-License-Identifier: Apache-2.0
 *
 * lab/steer_echo - a program of lib/port alone: shows what a port receives, bounces UDP back.
 *
 *   steer_echo KIND TARGET [option...]
 *     workers=N        queues, each polled by one lcore (default 1)
 *     huge             hugepages
 *     zero-copy        memif client: copies nothing; has hugepages
 *     server           memif, vhost, virtio-user: server role
 *     packed           virtio-user: packed rings
 *     out=FILE         pcap: what is sent
 *     rule=ADDR,PROTO,LOW,HIGH   steering rule; may be repeated
 *     hop=ADDR  vlan=TAG         may be repeated
 *     seconds=N        ends by itself (default: runs until SIGTERM)
 *     drop-caps        gives all capabilities up after opening
 *     quiet            prints no frames (for rates), never sleeps
 *     generate         sends 64-byte UDP frames as fast as it can, counts what comes back
 *     chains           sends 300 chained and foreign frames, compares what comes back, ends
 *     cpus=A,B         control thread's CPU and the first worker's (the next ones follow)
 *
 * Lines: "ready", "link up|down", one line per frame: "rx QUEUE [vlan N] TYPE details". Commands on
 * standard input, one a line: "rule …", "clear", "hop …", "vlan …" change the wanted steering,
 * "steer" applies it and prints "steered" or the error, "stats", "counts".
 */
#include <arpa/inet.h>
#include <cap-ng.h>
#include <errno.h>
#include <poll.h>
#include <rte_ether.h>
#include <rte_launch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../port/chain.h"
#include "afpacket/afpacket.h"
#include "afxdp/afxdp.h"
#include "memif/memif.h"
#include "pcap/pcap.h"
#include "port/port.h"
#include "vhost/vhost.h"

enum { RULES_MAX = 1024, HOPS_MAX = 16, MBUFS = 16384, LINE_BYTES = 256 };

static struct mr_port port;
static struct mr_port_steer_rule rules[RULES_MAX];
static struct mr_addr hops[HOPS_MAX];
static uint32_t vlans[MR_PORT_VLAN_MAX];
static struct mr_port_steer steer = { .rules = rules, .next_hops = hops, .vlans = vlans };
static struct mr_port_config config;
static struct mr_port_eal_config eal = { .worker_count = 1 };
static bool drop_caps, quiet, generate, chains;
static unsigned int seconds;
static volatile sig_atomic_t stop_wanted;
static bool stop;
static uint64_t received[MR_QUEUE_MAX], bounced[MR_QUEUE_MAX];

static void
on_signal(int number)
{
	(void)number;
	stop_wanted = 1;
}

static bool
rule_parse(const char *text)
{
	char address[64];
	unsigned int protocol, low, high;
	struct mr_port_steer_rule *rule = &rules[steer.rule_count];

	if (steer.rule_count == RULES_MAX ||
	    sscanf(text, "%63[^,],%u,%u,%u", address, &protocol, &low, &high) != 4 ||
	    mr_addr_parse(address, &rule->addr) != 0)
		return false;
	rule->protocol = (uint8_t)protocol;
	rule->port_low = (uint16_t)low;
	rule->port_high = (uint16_t)high;
	steer.rule_count++;
	return true;
}

/* wanted_parse takes "rule=…", "hop=…", "vlan=…" (as a command: with a space). */
static bool
wanted_parse(const char *text)
{
	if (strncmp(text, "rule", 4) == 0)
		return rule_parse(text + 5);
	if (strncmp(text, "hop", 3) == 0)
		return steer.next_hop_count < HOPS_MAX &&
		       mr_addr_parse(text + 4, &hops[steer.next_hop_count++]) == 0;
	if (strncmp(text, "vlan", 4) == 0 && steer.vlan_count < MR_PORT_VLAN_MAX)
		return mr_vlan_parse(text + 5, &vlans[steer.vlan_count++]) == 0;
	return false;
}

static bool
option_parse(const char *text)
{
	if (sscanf(text, "workers=%hu", &eal.worker_count) == 1 ||
	    sscanf(text, "seconds=%u", &seconds) == 1)
		return true;
	if (strcmp(text, "huge") == 0)
		return eal.huge = true;
	if (strcmp(text, "server") == 0)
		return config.memif_server = true;
	if (strcmp(text, "zero-copy") == 0)
		return eal.huge = config.memif_zero_copy = true;
	if (strcmp(text, "chains") == 0)
		return chains = quiet = true;
	if (strcmp(text, "packed") == 0)
		return config.virtio_packed = true;
	if (strcmp(text, "drop-caps") == 0)
		return drop_caps = true;
	if (strcmp(text, "quiet") == 0)
		return quiet = true;
	if (strcmp(text, "generate") == 0)
		return generate = quiet = true;
	if (sscanf(text, "cpus=%hu,%hu", &eal.control_cpu, &eal.worker_cpus[0]) == 2)
		return true;
	if (strncmp(text, "out=", 4) == 0) {
		snprintf(config.pcap_out, sizeof(config.pcap_out), "%s", text + 4);
		return true;
	}
	return wanted_parse(text);
}

/* frame_show prints one frame and says whether it is UDP over IPv4, for bouncing. */
static bool
frame_show(uint16_t queue, const uint8_t *frame, uint16_t frame_bytes)
{
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN], vlan[24] = "";
	uint16_t type;
	const uint8_t *p;

	if (frame_bytes < 42)
		return false;
	type = mr_load_be16(frame + 12);
	p = frame + 14;
	if (type == RTE_ETHER_TYPE_VLAN) {
		snprintf(vlan, sizeof(vlan), " vlan %u", mr_load_be16(p) & 0xfff);
		type = mr_load_be16(p + 2);
		p += 4;
	}
	if (type == RTE_ETHER_TYPE_ARP) {
		inet_ntop(AF_INET, p + 14, from, sizeof(from));
		inet_ntop(AF_INET, p + 24, to, sizeof(to));
		printf("rx %u%s arp %u %s > %s\n", queue, vlan, p[7], from, to);
		return false;
	}
	if (type == RTE_ETHER_TYPE_IPV4) {
		const uint8_t *l4 = p + (p[0] & 15) * 4;

		inet_ntop(AF_INET, p + 12, from, sizeof(from));
		inet_ntop(AF_INET, p + 16, to, sizeof(to));
		printf("rx %u%s ipv4 %u %s > %s port %u type %u\n", queue, vlan, p[9], from, to,
		       mr_load_be16(l4 + 2), l4[0]);
		return p[9] == IPPROTO_UDP;
	}
	if (type == RTE_ETHER_TYPE_IPV6) {
		inet_ntop(AF_INET6, p + 8, from, sizeof(from));
		inet_ntop(AF_INET6, p + 24, to, sizeof(to));
		printf("rx %u%s ipv6 %u %s > %s port %u type %u\n", queue, vlan, p[6], from, to,
		       mr_load_be16(p + 42), p[40]);
		return p[6] == IPPROTO_UDP;
	}
	printf("rx %u%s type %04x\n", queue, vlan, type);
	return false;
}

/* frame_bounce turns a UDP frame round; its checksums stay true. */
static void
frame_bounce(uint8_t *frame)
{
	uint8_t *p = frame + 14, swap[16];
	size_t address_bytes, source;

	memcpy(swap, frame, 6);
	memcpy(frame, frame + 6, 6);
	memcpy(frame + 6, swap, 6);
	if (mr_load_be16(frame + 12) == RTE_ETHER_TYPE_VLAN)
		p += 4;
	address_bytes = (p[0] >> 4) == 4 ? 4 : 16;
	source = (p[0] >> 4) == 4 ? 12 : 8;
	memcpy(swap, p + source, address_bytes);
	memcpy(p + source, p + source + address_bytes, address_bytes);
	memcpy(p + source + address_bytes, swap, address_bytes);
	p += (p[0] >> 4) == 4 ? (p[0] & 15) * 4 : 40;
	memcpy(swap, p, 2);
	memcpy(p, p + 2, 2);
	memcpy(p + 2, swap, 2);
}

static bool
is_udp(const uint8_t *frame)
{
	uint16_t type = mr_load_be16(frame + 12);
	const uint8_t *p = frame + 14;

	if (type == RTE_ETHER_TYPE_VLAN) {
		type = mr_load_be16(p + 2);
		p += 4;
	}
	return (type == RTE_ETHER_TYPE_IPV4 && p[9] == IPPROTO_UDP) ||
	       (type == RTE_ETHER_TYPE_IPV6 && p[6] == IPPROTO_UDP);
}

static int
generator(uint16_t queue)
{
	static const uint8_t head[42] = { 2,    0, 0,  0,  0, 1, 2, 0, 0,  0,  0, 2, 8,  0,
					  0x45, 0, 0,  46, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0,
					  0,    1, 10, 0,  0, 2, 0, 9, 0,  9,  0, 26 };
	struct mr_port_queue *q = &port.queues[queue];

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		struct rte_mbuf *pkts[MR_BURST_MAX];
		uint16_t count = mr_port_rx(&port, queue, pkts, MR_BURST_MAX), sent;

		received[queue] += count;
		rte_pktmbuf_free_bulk(pkts, count);
		if (rte_pktmbuf_alloc_bulk(q->pool, pkts, 32) != 0)
			continue;
		for (uint16_t i = 0; i < 32; i++)
			memcpy(rte_pktmbuf_append(pkts[i], 60), head, sizeof(head));
		sent = mr_port_tx(&port, queue, pkts, 32);
		bounced[queue] += sent;
		rte_pktmbuf_free_bulk(pkts + sent, 32u - sent);
	}
	return 0;
}

/* chains_run sends one frame at a time, so that none is lost for want of room, and each until it is
 * back: at most CHAIN_TRIES times. */
static int
chains_run(uint16_t queue)
{
	enum { CHAIN_FRAMES = 300, CHAIN_TRIES = 50, CHAIN_LOOKS = 200 };
	unsigned int good = 0, bad = 0, tries = 0;

	for (uint16_t number = 0; number < CHAIN_FRAMES && tries < CHAIN_TRIES; tries++) {
		struct rte_mbuf *pkt = chain_make(port.queues[queue].pool, number), *back[32];
		bool seen = false;

		if (!pkt || !mr_port_tx(&port, queue, &pkt, 1)) {
			rte_pktmbuf_free(pkt);
			usleep(20000);
			continue;
		}
		for (int look = 0; look < CHAIN_LOOKS && !seen; look++) {
			uint16_t count = mr_port_rx(&port, queue, back, 32), found;

			for (uint16_t i = 0; i < count; i++) {
				bool ours = back[i]->pkt_len == CHAIN_BYTES;

				bad += ours && !chain_check(back[i], &found);
				seen |= ours && chain_check(back[i], &found) && found == number;
			}
			rte_pktmbuf_free_bulk(back, count);
			if (!seen)
				usleep(100);
		}
		if (!seen)
			continue;
		good++;
		number++;
		tries = 0;
	}
	printf("chains good %u bad %u\n", good, bad);
	fflush(stdout);
	stop_wanted = 1;
	return 0;
}

static int
worker(void *argument)
{
	uint16_t queue = (uint16_t)(uintptr_t)argument;

	if (chains)
		return chains_run(queue);

	if (generate)
		return generator(queue);

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		struct rte_mbuf *pkts[MR_BURST_MAX];
		uint16_t count = mr_port_rx(&port, queue, pkts, MR_BURST_MAX), back = 0, sent;

		for (uint16_t i = 0; i < count; i++) {
			uint8_t *frame = rte_pktmbuf_mtod(pkts[i], uint8_t *);

			if (!quiet)
				frame_show(queue, frame, pkts[i]->data_len);
			if (is_udp(frame)) {
				frame_bounce(frame);
				pkts[back++] = pkts[i];
			} else {
				rte_pktmbuf_free(pkts[i]);
			}
		}
		if (count && !quiet)
			fflush(stdout);
		sent = mr_port_tx(&port, queue, pkts, back);
		received[queue] += count;
		bounced[queue] += sent;
		while (sent < back)
			rte_pktmbuf_free(pkts[sent++]);
		if (!count && !quiet)
			usleep(200); /* the lab has two CPUs */
	}
	return 0;
}

static void
command(char *line)
{
	struct mr_afxdp_count counts[32];
	struct mr_port_stats stats;
	struct mr_error error = { 0 };

	line[strcspn(line, "\n")] = 0;
	if (strcmp(line, "clear") == 0) {
		steer.rule_count = steer.next_hop_count = steer.vlan_count = 0;
	} else if (strcmp(line, "steer") == 0) {
		if (mr_port_steer(&port, &steer, &error) != 0)
			printf("error: %s\n", error.text);
		else
			printf("steered\n");
	} else if (strcmp(line, "counts") == 0) {
		size_t n = mr_afxdp_counts(&port, counts, MR_ARRAY_COUNT(counts));

		for (size_t i = 0; i < n; i++)
			printf("count %s %llu\n", counts[i].name,
			       (unsigned long long)counts[i].frames);
	} else if (strcmp(line, "stats") == 0) {
		mr_port_stats(&port, &stats);
		printf("stats rx %llu tx %llu missed %llu errors %llu nombuf %llu\n",
		       (unsigned long long)stats.rx_frames, (unsigned long long)stats.tx_frames,
		       (unsigned long long)stats.rx_missed, (unsigned long long)stats.tx_errors,
		       (unsigned long long)stats.rx_no_mbuf);
	} else if (!wanted_parse(line)) {
		printf("error: what is \"%s\"?\n", line);
	}
}

static void
control(void)
{
	uint64_t end_ns = seconds ? mr_clock_now_ns() + seconds * MR_NS_PER_S : UINT64_MAX;
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	char line[LINE_BYTES];

	while (!stop_wanted && mr_clock_now_ns() < end_ns) {
		if (mr_port_poll_link(&port))
			printf("link %s\n", port.link_up ? "up" : "down");
		fflush(stdout);
		if (poll(&input, 1, 50) > 0) {
			if (fgets(line, sizeof(line), stdin))
				command(line);
			else
				input.fd = -1; /* nobody commands */
		}
	}
}

static int
run(void)
{
	struct rte_mempool *pools[MR_WORKER_MAX];
	struct mr_error error = { 0 };
	uint64_t began_ns = mr_clock_now_ns(), ready_ns, total = 0, back = 0;

	for (uint16_t i = 1; i < eal.worker_count; i++)
		eal.worker_cpus[i] =
			(uint16_t)((eal.worker_cpus[0] + i) % sysconf(_SC_NPROCESSORS_ONLN));
	eal.memory_bytes = (32ull + 96 * eal.worker_count) << 20;
	if (mr_port_eal_start(&eal, &error) != 0)
		goto fail;
	printf("eal %llu ms\n",
	       (unsigned long long)((mr_clock_now_ns() - began_ns) / MR_NS_PER_MS));
	for (uint16_t i = 0; i < eal.worker_count; i++) {
		pools[i] = mr_port_mbuf_pool_create(i, MBUFS, &error);
		if (!pools[i])
			goto fail;
	}
	if (mr_port_open(&port, 0, &config, eal.worker_count, pools, &error) != 0)
		goto fail;
	if (drop_caps) {
		capng_clear(CAPNG_SELECT_BOTH);
		if (capng_apply(CAPNG_SELECT_BOTH) != 0)
			printf("error: capabilities stay\n");
	}
	if (mr_port_steer(&port, &steer, &error) != 0)
		goto fail_port;
	ready_ns = mr_clock_now_ns();
	for (uint16_t q = 0; q < port.queue_count; q++)
		rte_eal_remote_launch(worker, (void *)(uintptr_t)q, q + 1u);
	printf("ready %s queues %u mtu %u %llu ms\n", port.link_up ? "up" : "down",
	       port.queue_count, port.mtu,
	       (unsigned long long)((mr_clock_now_ns() - began_ns) / MR_NS_PER_MS));
	fflush(stdout);
	control();
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	rte_eal_mp_wait_lcore();
	for (uint16_t q = 0; q < port.queue_count; q++) {
		total += received[q];
		back += bounced[q];
	}
	printf("total rx %llu tx %llu in %llu ms\n", (unsigned long long)total,
	       (unsigned long long)back,
	       (unsigned long long)((mr_clock_now_ns() - ready_ns) / MR_NS_PER_MS));
	mr_port_close(&port);
	mr_port_eal_stop();
	return 0;
fail_port:
	mr_port_close(&port);
fail:
	printf("error: %s\n", error.text);
	mr_port_eal_stop();
	return 1;
}

int
main(int argument_count, char **arguments)
{
	if (argument_count < 3)
		return 2;
	mr_port_driver_register(&mr_afxdp_driver);
	mr_port_driver_register(&mr_afpacket_driver);
	mr_port_driver_register(&mr_memif_driver);
	mr_port_driver_register(&mr_pcap_driver);
	mr_port_driver_register(&mr_vhost_driver);
	mr_port_driver_register(&mr_virtio_user_driver);
	snprintf(config.name, sizeof(config.name), "p0");
	snprintf(config.kind, sizeof(config.kind), "%s", arguments[1]);
	snprintf(config.target, sizeof(config.target), "%s", arguments[2]);
	for (int i = 3; i < argument_count; i++)
		if (!option_parse(arguments[i])) {
			fprintf(stderr, "steer_echo: what is \"%s\"?\n", arguments[i]);
			return 2;
		}
	setvbuf(stdin, NULL, _IONBF, 0); /* poll must see what is not read yet */
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	return run();
}
