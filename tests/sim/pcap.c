/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/pcap - what leaves, as pcapng of raw IP packets.
 */
#include "sim.h"

static void
block(FILE *file, uint32_t type, const void *body, uint32_t body_bytes)
{
	uint32_t total = (body_bytes + 3) / 4 * 4 + 12, zero = 0;

	fwrite(&type, 4, 1, file);
	fwrite(&total, 4, 1, file);
	fwrite(body, 1, body_bytes, file);
	fwrite(&zero, 1, (4 - body_bytes % 4) % 4, file);
	fwrite(&total, 4, 1, file);
}

FILE *
sim_pcap_open(const char *path)
{
	FILE *file = fopen(path, "wb");
	const uint32_t section[] = { 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff };
	const uint32_t interface[] = { 101, 0 }; /* LINKTYPE_RAW, no snap length */

	if (file) {
		block(file, 0x0a0d0d0a, section, sizeof(section));
		block(file, 1, interface, sizeof(interface));
	}
	return file;
}

void
sim_pcap_frame(FILE *file, uint64_t now_ns, const struct mr_tcp_flow *flow, const uint8_t *tcp,
	       uint32_t byte_count)
{
	uint8_t body[20 + 40 + 9300] = { 0 }, *ip = body + 20;
	bool v4 = mr_addr_is_v4(&flow->local);
	uint32_t ip_bytes = v4 ? 20 : 40, words[5];
	uint64_t now_us = now_ns / 1000, sum;

	if (v4) {
		ip[0] = 0x45;
		mr_store_be16(ip + 2, (uint16_t)(ip_bytes + byte_count));
		ip[6] = 0x40;
		ip[8] = 64;
		ip[9] = 6;
		memcpy(ip + 12, flow->local.bytes + 12, 4);
		memcpy(ip + 16, flow->remote.bytes + 12, 4);
		sum = mr_tcp_checksum_add(0, ip, 20);
		while (sum >> 16)
			sum = (sum & 0xffff) + (sum >> 16);
		mr_store_be16(ip + 10, (uint16_t)~sum);
	} else {
		ip[0] = 0x60;
		mr_store_be16(ip + 4, (uint16_t)byte_count);
		ip[6] = 6;
		ip[7] = 64;
		memcpy(ip + 8, flow->local.bytes, 16);
		memcpy(ip + 24, flow->remote.bytes, 16);
	}
	memcpy(ip + ip_bytes, tcp, byte_count);
	words[0] = 0;
	words[1] = (uint32_t)(now_us >> 32);
	words[2] = (uint32_t)now_us;
	words[3] = words[4] = ip_bytes + byte_count;
	memcpy(body, words, 20);
	block(file, 6, body, 20 + ip_bytes + byte_count);
}
