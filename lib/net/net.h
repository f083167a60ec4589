/* SPDX-License-Identifier: Apache-2.0
 *
 * net - Ethernet, 802.1Q, ARP, IPv4, IPv6, neighbour discovery, ICMP and UDP, on plain bytes.
 *
 * Sans-IO: a function of (snapshot, frame bytes, now). It knows no mbuf, port or clock, so fuzzers
 * and the simulator run the same code. One frame lies in one contiguous buffer with room behind it;
 * the worker linearises. Answers are made in place, in the buffer that brought the question.
 *
 * Owner:  struct mr_net belongs to one worker; the snapshot is immutable and shared under RCU; the
 * neighbour table is written by the control thread only, one 64-bit store per entry, and read by
 * any. Memory: no allocation; rate limits and tallies are in struct mr_net. Spec:   RFC 826, 5227
 * (ARP); 791, 1122, 6864 (IPv4); 8200, 7045 (IPv6); 792, 1812 4.3.2 (ICMP); 4443 (ICMPv6); 4861,
 * 4862, 7527 (ND); 768, 6935 (UDP); 802.1Q.
 *
 * Frame          -> verdict                                              [function]
 *   not ours, short, lying length, bad checksum  -> DROP + its counter    [input_*]
 *   ARP request / NS for a VIP, echo request     -> REPLY in place        [arp_input nd_input
 * icmp_input] ARP reply / NA of a next hop                 -> LEARN for control     [arp_input
 * nd_input] UDP / TCP to a service                       -> UDP / TCP             [udp_input
 * tcp_input] UDP to a VIP's closed port                   -> REPLY (port unreachable, limited) or
 * PUNT
 */
#ifndef MR_NET_NET_H
#define MR_NET_NET_H

#include "base/base.h"
#include "evlog/evlog.h"
#include "metric/metric.h"

enum {
	MR_NET_VIP_MAX = 65536,
	MR_NET_IF_MAX = MR_PORT_MAX,
	MR_NET_VLAN_MAX = 16, /* tags that one interface serves; 0 stands for untagged */
	MR_NET_NEXT_HOP_MAX = 64,
	MR_NET_SERVICE_MAX = 1024,
	MR_NET_EXT_HEADER_MAX = 8, /* IPv6 extension headers walked before a packet is dropped */
	MR_NET_HEADROOM_BYTES = 14 + 4 + 40 + 8,
};

/* ---- snapshot: what the box is, built by the control thread ---- */

/* What receives a datagram or connection; lib/net only carries the number. */
enum mr_net_app { MR_NET_APP_NONE, MR_NET_APP_DNS, MR_NET_APP_HTTP, MR_NET_APP_TEST };

struct mr_net_service {
	uint16_t vip;     /* index in vips, or UINT16_MAX for all */
	uint8_t protocol; /* IPPROTO_UDP or IPPROTO_TCP */
	uint8_t app;
	uint16_t port_low, port_high; /* host order, inclusive */
};

struct mr_net_interface {
	struct mr_mac mac;
	uint16_t mtu;
	uint16_t vlan_count;
	uint16_t vlans[MR_NET_VLAN_MAX];
	bool punts; /* what is not ours goes to the kernel by the worker, not counted as a drop */
};

struct mr_net_next_hop {
	struct mr_addr addr;
	uint16_t interface, vlan;
};

struct mr_net_config {
	const struct mr_addr *vips;
	size_t vip_count;
	const struct mr_net_interface *interfaces; /* by port index */
	size_t interface_count;
	const struct mr_net_service *services;
	size_t service_count;
	const struct mr_net_next_hop
		*next_hops; /* the default way out, per (interface, family); may be none */
	size_t next_hop_count;
	uint32_t icmp_rate_pps; /* errors and echo replies of one worker, each; 0 is the default of
				   1000 */
};

struct mr_net_snapshot; /* immutable, one piece of memory */

/* mr_net_snapshot_build gives a snapshot (free with _free after a grace period); -EINVAL with error
 * filled when two services overlap, a VIP is a multicast, loopback or unspecified address, or a
 * bound is passed. */
MR_MUST_USE int mr_net_snapshot_build(const struct mr_net_config *config,
				      struct mr_net_snapshot **out, struct mr_error *error);
void mr_net_snapshot_free(struct mr_net_snapshot *self);

/* ---- one worker's network ---- */

#define NET_METRIC_ID(name, ...) MR_NET_##name,
/* The rows are in net/metrics.h: one for each frame kind accepted, one for each reason to drop. */
#include "net/metrics.h"
enum mr_net_metric { NET_METRICS(NET_METRIC_ID) MR_NET_METRIC_COUNT };
MR_METRIC_DECLARE(mr_net_metric_table);

enum mr_net_verdict {
	MR_NET_DROP,  /* free it; counted */
	MR_NET_REPLY, /* in place: send frame_bytes at bytes back on the same port */
	MR_NET_UDP,   /* a datagram for packet->service's app */
	MR_NET_TCP,   /* a segment for the TCP stack (or the kernel, while there is none) */
	MR_NET_PUNT,  /* for the kernel; only where the interface punts, else counted and dropped */
	MR_NET_LEARN, /* free it, after telling the control thread packet->learn_* */
};

/* One frame in flight between stages. Offsets are from `bytes`. Filled by mr_net_input. */
struct mr_net_packet {
	uint8_t *bytes;       /* Ethernet header */
	uint16_t frame_bytes; /* without padding, once IP is parsed */
	uint16_t room_bytes;  /* from `bytes` to the end of the buffer */
	uint16_t l3_offset, l4_offset;
	uint16_t payload_offset,
		payload_bytes; /* UDP payload; TCP: from the end of the TCP header */
	uint16_t vip;          /* index of the destination */
	uint16_t interface;
	uint16_t vlan;  /* 0 untagged */
	uint8_t family; /* 4 or 6 */
	uint8_t protocol;
	uint8_t app;
	uint8_t ecn;                 /* the two bits of the IP header */
	uint16_t src_port, dst_port; /* host order */
	struct mr_addr src, dst;
	struct mr_mac learn_mac; /* MR_NET_LEARN: src is at learn_mac */
};

struct mr_net_neighbours;

struct mr_net {
	/* owner: worker */
	const struct mr_net_snapshot
		*snapshot; /* loaded under RCU at the start of a burst by the worker */
	const struct mr_net_neighbours *neighbours;
	uint64_t *metrics; /* MR_NET_METRIC_COUNT */
	struct mr_evlog_ring *evlog;
	uint32_t tally[MR_NET_METRIC_COUNT]; /* of this burst; mr_net_flush empties it */
	uint64_t icmp_tokens_ns, icmp_last_ns;
};

/* mr_net_input parses, verifies and where it can answers one frame. packet->bytes, frame_bytes,
 * room_bytes and interface are set by the caller; rx_checksum_good says that the device vouches for
 * the L4 checksum. */
MR_HOT MR_NONNULL enum mr_net_verdict mr_net_input(struct mr_net *self,
						   struct mr_net_packet *packet,
						   bool rx_checksum_good, uint64_t now_ns);

/* mr_net_udp_reply turns the datagram in packet around: addresses, ports, TTL, lengths and
 * checksums, with payload_bytes of answer lying at payload_offset. Sets frame_bytes. Returns false,
 * counted, when the way out is a next hop that is not resolved. An answer that does not fit the
 * interface's MTU is sent in one piece only if it fits; the caller has asked mr_net_udp_room first.
 * IPv4 ID is 0 with DF set (RFC 6864). */
MR_HOT MR_NONNULL bool mr_net_udp_reply(struct mr_net *self, struct mr_net_packet *packet,
					uint16_t payload_bytes);

/* mr_net_udp_room returns how many payload bytes an answer to packet may have: by MTU and by
 * room_bytes. */
MR_HOT MR_NONNULL uint16_t mr_net_udp_room(const struct mr_net *self,
					   const struct mr_net_packet *packet);

/* mr_net_flush adds the burst's tally to the metrics. */
void mr_net_flush(struct mr_net *self);

/* ---- neighbours and announcements: control thread ---- */

/* One entry per next hop: state and MAC in one 64-bit word. INCOMPLETE -> REACHABLE -> STALE ->
 * PROBE -> gone. */
MR_MUST_USE struct mr_net_neighbours *mr_net_neighbours_create(void);
void mr_net_neighbours_destroy(struct mr_net_neighbours *self);
/* mr_net_neighbours_set replaces the list of next hops, keeping what is known of those that stay.
 */
void mr_net_neighbours_set(struct mr_net_neighbours *self, const struct mr_net_next_hop *hops,
			   size_t count);
/* mr_net_neighbours_learn takes what a worker saw (MR_NET_LEARN). */
void mr_net_neighbours_learn(struct mr_net_neighbours *self, const struct mr_addr *addr,
			     const struct mr_mac *mac, uint64_t now_ns);
/* mr_net_neighbours_due writes the frame of the next ARP request or NS that is due into out and
 * returns its bytes, with *interface to send it on; 0 when nothing is due. Called by the control
 * thread until 0, once per 100 ms. */
uint16_t mr_net_neighbours_due(struct mr_net_neighbours *self,
			       const struct mr_net_snapshot *snapshot, uint64_t now_ns,
			       uint8_t *out, uint16_t room_bytes, uint16_t *interface);

struct mr_net_neighbour_view {
	struct mr_net_next_hop hop;
	struct mr_mac mac;
	const char *state;
	uint64_t age_ns;
};
size_t mr_net_neighbours_list(const struct mr_net_neighbours *self, uint64_t now_ns,
			      struct mr_net_neighbour_view *out, size_t room_count);

/* mr_net_announce writes the gratuitous ARP or unsolicited NA for one (interface, vlan index, vip)
 * into out and returns its bytes; the control thread walks all of them when a link comes up or a
 * VIP is added. */
uint16_t mr_net_announce(const struct mr_net_snapshot *snapshot, uint16_t interface,
			 uint16_t vlan_index, uint16_t vip, uint8_t *out, uint16_t room_bytes);
uint16_t mr_net_snapshot_vip_count(const struct mr_net_snapshot *snapshot);
uint16_t mr_net_snapshot_vlan_count(const struct mr_net_snapshot *snapshot, uint16_t interface);

#endif
