/* SPDX-License-Identifier: Apache-2.0
 *
 * lab/dns_double - a DNS server at the other end of a memif link that errs on purpose, and counts.
 *
 *   dns_double SOCKET CPU [FAULT]
 *
 * Answers A questions for "h<number>.example.com" at 192.0.2.53 with 10.0.0.0 + number. FAULT:
 *   drop=N        every Nth query gets no answer
 *   rdata=N       every Nth answer has another address
 *   rcode=N       every Nth answer is SERVFAIL
 *   checksum=N    every Nth answer has a bad UDP checksum
 *   question=N    every Nth answer has another name in its question
 *   twice=N       every Nth answer is sent twice
 *   delay=US      answers leave this many microseconds after their query came
 * At the end (SIGTERM) it prints "received R answered A faults F".
 */
#include <inttypes.h>
#include <rte_cycles.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memif/memif.h"
#include "port/port.h"

enum { ETHER = 14, IPV4 = 20, UDP = 8, DNS = 12, DELAY_MAX = 8192, BURST = 32 };

enum fault { NONE, DROP, RDATA, RCODE, CHECKSUM, QUESTION, TWICE, DELAY, FAULTS };

static const char *const fault_names[FAULTS] = { "none",     "drop",     "rdata", "rcode",
						 "checksum", "question", "twice", "delay" };

struct waiting {
	struct rte_mbuf *pkt;
	uint64_t due_tsc;
};

struct double_server {
	struct mr_port port;
	struct rte_mempool *pool;
	enum fault fault;
	uint64_t every, received, answered, faults;
	struct waiting waiting[DELAY_MAX];
	uint32_t first, count;
};

static const uint8_t server_addr[4] = { 192, 0, 2, 53 };
static volatile sig_atomic_t ended;

static void
on_signal(int number)
{
	(void)number;
	ended = 1;
}

static uint32_t
sum_bytes(uint32_t sum, const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		sum += i & 1 ? bytes[i] : (uint32_t)bytes[i] << 8;
	return sum;
}

static uint16_t
sum_end(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void
swap(uint8_t *a, uint8_t *b, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint8_t kept = a[i];

		a[i] = b[i];
		b[i] = kept;
	}
}

static bool
answer_arp(struct double_server *self, struct rte_mbuf *pkt)
{
	uint8_t *frame = rte_pktmbuf_mtod(pkt, uint8_t *), *arp = frame + ETHER;

	if (mr_load_be16(frame + 12) != 0x0806 || pkt->data_len < 42 ||
	    mr_load_be16(arp + 6) != 1 || memcmp(arp + 24, server_addr, 4) != 0)
		return false;
	mr_store_be16(arp + 6, 2);
	memcpy(arp + 18, arp + 8, 10);
	memcpy(arp + 8, self->port.mac.bytes, 6);
	memcpy(arp + 14, server_addr, 4);
	memcpy(frame, frame + 6, 6);
	memcpy(frame + 6, self->port.mac.bytes, 6);
	return mr_port_tx(&self->port, 0, &pkt, 1) == 1;
}

/* answer_make turns a query into its answer, with the fault when hit; false when it is none. */
static bool
answer_make(struct rte_mbuf *pkt, enum fault hit)
{
	uint8_t *frame = rte_pktmbuf_mtod(pkt, uint8_t *), *ip = frame + ETHER, *udp = ip + IPV4;
	uint8_t *dns = udp + UDP, *name = dns + DNS, *at = name;
	uint16_t udp_bytes, sum;
	uint32_t number;

	if (pkt->data_len < ETHER + IPV4 + UDP + DNS + 20 || mr_load_be16(frame + 12) != 0x0800 ||
	    ip[9] != 17 || memcmp(ip + 16, server_addr, 4) != 0)
		return false;
	number = (uint32_t)strtoul((const char *)name + 2, NULL, 10);
	while (*at)
		at += *at + 1;
	at += 5;
	if (hit == QUESTION)
		name[1] ^= 1;
	mr_store_be16(dns + 2, hit == RCODE ? 0x8402 : 0x8400);
	mr_store_be16(dns + 6, 1);
	mr_store_be16(dns + 10, 0);
	mr_store_be16(at, 0xc00c);
	mr_store_be32(at + 2, 1 << 16 | 1);
	mr_store_be32(at + 6, 3600);
	mr_store_be16(at + 10, 4);
	mr_store_be32(at + 12, 0x0a000000 + number + (hit == RDATA ? 1 : 0));
	at += 16;
	pkt->data_len = (uint16_t)(at - frame);
	pkt->pkt_len = pkt->data_len;
	udp_bytes = (uint16_t)(at - udp);
	swap(frame, frame + 6, 6);
	swap(ip + 12, ip + 16, 4);
	swap(udp, udp + 2, 2);
	mr_store_be16(ip + 2, (uint16_t)(at - ip));
	mr_store_be16(ip + 10, 0);
	mr_store_be16(ip + 10, sum_end(sum_bytes(0, ip, IPV4)));
	mr_store_be16(udp + 4, udp_bytes);
	mr_store_be16(udp + 6, 0);
	sum = sum_end(sum_bytes(sum_bytes(17u + udp_bytes, ip + 12, 8), udp, udp_bytes));
	sum = sum ? sum : 0xffff; /* RFC 768: zero says "none" */
	mr_store_be16(udp + 6, hit == CHECKSUM ? sum ^ 0x0101 : sum);
	return true;
}

static void
send_one(struct double_server *self, struct rte_mbuf *pkt)
{
	uint64_t until_tsc = rte_rdtsc() + rte_get_tsc_hz();

	/* A generator that is held up for a moment is no fault of ours. */
	while (mr_port_tx(&self->port, 0, &pkt, 1) != 1)
		if (ended || rte_rdtsc() > until_tsc) {
			rte_pktmbuf_free(pkt);
			return;
		}
	self->answered++;
}

static void
serve(struct double_server *self, struct rte_mbuf *pkt)
{
	bool hits = self->fault != NONE && self->fault != DELAY;
	struct rte_mbuf *copy = NULL;
	enum fault hit;

	if (answer_arp(self, pkt))
		return;
	hit = hits && (self->received + 1) % self->every == 0 ? self->fault : NONE;
	if (!answer_make(pkt, hit)) {
		rte_pktmbuf_free(pkt);
		return;
	}
	self->received++;
	self->faults += hit != NONE;
	if (hit == DROP) {
		rte_pktmbuf_free(pkt);
		return;
	}
	if (self->fault == DELAY) {
		if (self->count == DELAY_MAX) {
			rte_pktmbuf_free(pkt);
			return;
		}
		self->waiting[(self->first + self->count++) % DELAY_MAX] =
			(struct waiting){ pkt,
					  rte_rdtsc() + self->every * rte_get_tsc_hz() / 1000000 };
		return;
	}
	if (hit == TWICE)
		copy = rte_pktmbuf_copy(pkt, self->pool, 0, UINT32_MAX);
	send_one(self, pkt);
	if (copy)
		send_one(self, copy);
}

static void
serve_until_ended(struct double_server *self)
{
	uint64_t turns = 0;

	while (!ended) {
		struct rte_mbuf *pkts[BURST];
		uint16_t count = mr_port_rx(&self->port, 0, pkts, BURST);

		for (uint16_t i = 0; i < count; i++)
			serve(self, pkts[i]);
		while (self->count && rte_rdtsc() >= self->waiting[self->first].due_tsc) {
			send_one(self, self->waiting[self->first].pkt);
			self->first = (self->first + 1) % DELAY_MAX;
			self->count--;
		}
		if ((++turns & 0xffff) == 0)
			mr_port_poll_link(&self->port);
	}
}

static bool
parse_fault(struct double_server *self, const char *text)
{
	const char *equals = strchr(text, '=');

	for (unsigned i = 1; equals && i < FAULTS; i++)
		if (strlen(fault_names[i]) == (size_t)(equals - text) &&
		    strncmp(text, fault_names[i], strlen(fault_names[i])) == 0) {
			self->fault = (enum fault)i;
			self->every = strtoull(equals + 1, NULL, 10);
			return self->every > 0;
		}
	return false;
}

int
main(int argc, char **argv)
{
	static struct double_server self;
	struct mr_port_config config = { .name = "double",
					 .kind = "memif",
					 .memif_server = true,
					 .has_mac = true,
					 .mac = { { 2, 0, 0, 0, 0, 0x53 } },
					 .queue_count = 1 };
	struct mr_port_eal_config eal = { .huge = true,
					  .memory_bytes = 64 << 20,
					  .worker_count = 1 };
	struct sigaction action = { .sa_handler = on_signal };
	struct mr_error error = { 0 };

	if (argc < 3 || argc > 4 || strlen(argv[1]) >= sizeof(config.target) ||
	    (argc == 4 && !parse_fault(&self, argv[3]))) {
		fprintf(stderr, "usage: dns_double SOCKET CPU [FAULT=N]\n");
		return 2;
	}
	strcpy(config.target, argv[1]);
	eal.control_cpu = eal.worker_cpus[0] = (uint16_t)atoi(argv[2]);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	mr_port_driver_register(&mr_memif_driver);
	if (mr_port_eal_start(&eal, &error))
		goto fail;
	self.pool = mr_port_mbuf_pool_create(0, 16383, &error);
	if (!self.pool || mr_port_open(&self.port, 0, &config, 1, &self.pool, &error))
		goto fail;
	serve_until_ended(&self);
	printf("received %" PRIu64 " answered %" PRIu64 " faults %" PRIu64 "\n", self.received,
	       self.answered, self.faults);
	fflush(stdout);
	mr_port_close(&self.port);
	mr_port_eal_stop();
	return 0;
fail:
	fprintf(stderr, "dns_double: %s\n", error.text);
	return 1;
}
