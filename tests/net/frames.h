/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/net/frames - a small box to send frames at, frames to send, and a second opinion on what
 * comes back.
 *
 * The checker and the sums here are written from the RFCs byte by byte and share nothing with
 * lib/net. Every frame is put into a heap block of exactly its room, so that the sanitizer sees a
 * read or write outside.
 */
#ifndef MR_TESTS_NET_FRAMES_H
#define MR_TESTS_NET_FRAMES_H

#include "net/net.h"

/* Interfaces of the rig. */
enum {
	IF_PLAIN,   /* untagged, VLAN 100, and the pair 200/100 */
	IF_PUNT,    /* has the kernel behind it */
	IF_HOP,     /* next hops 198.18.0.1 and fe80::1 untagged; VLAN 7 has none; MTU 1280 */
	IF_RETYPES, /* like IF_PLAIN, but gives a pair's first tag as 0x8100 */
	IF_COUNT,
};

/* VIPs of the rig, by index. */
#define VIP_V4       "192.0.2.53"
#define VIP_V6       "2001:db8::53"
#define VIP_V4_OTHER "192.0.2.80"
#define PEER_V4      "198.51.100.9"
#define PEER_V6      "2001:db8:9::9"
#define HOP_V4       "198.18.0.1"
#define HOP_V6       "fe80::1"
enum { VIP_COUNT = 3 };

struct rig {
	struct mr_net_snapshot *snapshot;
	struct mr_net_neighbours *neighbours;
	struct mr_net net;
	uint64_t metrics[MR_NET_METRIC_COUNT];
	uint64_t now_ns;
	struct mr_net_packet packet; /* of the last frame */
	uint8_t *block;              /* its bytes */
	uint64_t before[MR_NET_METRIC_COUNT];
};

void rig_make(struct rig *self, uint32_t icmp_rate_pps);
void rig_end(struct rig *self);

/* rig_input gives a frame to lib/net and returns the verdict. It ends the process when not exactly
 * one outcome was counted or an answer is not a valid frame. */
enum mr_net_verdict rig_input(struct rig *self, uint16_t interface, const uint8_t *bytes,
			      size_t count, size_t room);

/* rig_outcome is the one outcome that the last frame counted in; rig_noted says whether a note was
 * counted too. */
enum mr_net_metric rig_outcome(const struct rig *self);
bool rig_noted(const struct rig *self, enum mr_net_metric note);

/* rig_mac is the MAC of an interface; peer_mac that of the world. */
const uint8_t *rig_mac(uint16_t interface);
extern const uint8_t peer_mac[6], broadcast_mac[6];

/* ---- frames ---- */

struct frame {
	uint8_t bytes[4096];
	size_t count;
	size_t l3, l4;
	uint8_t protocol;
};

#define VLAN_PAIR (200 << 16 | 100)
/* frame_eth starts a frame to interface; vlan < 0 leaves out the tags. */
void frame_eth(struct frame *self, uint16_t interface, int vlan, uint16_t type);
/* frame_tag puts the tags of vlan into a finished frame. */
void frame_tag(struct frame *self, uint32_t vlan);
/* frame_ip adds an IPv4 or IPv6 header (by the form of the addresses) and zeroed room for
 * extra_bytes of options or extension headers and for l4_bytes; the lengths are right. */
void frame_ip(struct frame *self, const char *src, const char *dst, uint8_t protocol,
	      size_t extra_bytes, size_t l4_bytes);
/* frame_seal sets the IPv4 header checksum and the L4 checksum by what stands in the frame. */
void frame_seal(struct frame *self);

void frame_udp(struct frame *self, uint16_t interface, int vlan, const char *src, const char *dst,
	       uint16_t src_port, uint16_t dst_port, size_t payload_bytes);
void frame_tcp(struct frame *self, uint16_t interface, const char *src, const char *dst,
	       uint16_t dst_port, size_t payload_bytes);
void frame_echo(struct frame *self, uint16_t interface, const char *src, const char *dst,
		size_t payload_bytes);
void frame_arp(struct frame *self, uint16_t interface, uint16_t operation, const char *spa,
	       const char *tpa);
/* frame_nd makes a solicitation (135) or advertisement (136) with a link-layer address option. */
void frame_nd(struct frame *self, uint16_t interface, uint8_t type, const char *src,
	      const char *dst, const char *target);

/* frame_check is the second opinion: NULL, or what is wrong with a frame that we would send. */
const char *frame_check(const uint8_t *bytes, size_t count);

/* sum_naive is RFC 1071 as it is written; the result of whole data with its checksum is 0xffff. */
uint16_t sum_naive(uint32_t sum, const uint8_t *bytes, size_t count);

struct mr_addr addr_of(const char *text);

#endif
