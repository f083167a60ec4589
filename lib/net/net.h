/* SPDX-License-Identifier: Apache-2.0
 *
 * net - Ethernet and its VLAN tags, ARP, IPv4, IPv6, neighbour discovery, ICMP and UDP, on plain
 * bytes.
 *
 * Sans-IO: a function of (snapshot, frame bytes, now). It knows no mbuf, port or clock, so fuzzers
 * and the simulator run the same code. One frame lies in one contiguous buffer with room behind it;
 * the worker linearises. Answers are made in place, in the buffer that brought the question, and
 * always start where the question started.
 *
 * Owner:  struct mr_net belongs to one worker; the snapshot is immutable and shared under RCU; the
 *         neighbour table is written by the control thread only and read by any.
 * Thread: mr_net_input, _udp_*, _path_* and _flush by the worker; the rest by the control thread.
 * Memory: the data path allocates nothing; rate limits and tallies are in struct mr_net.
 * Spec:   RFC 826, 5227 (ARP); 791, 1122, 6864 (IPv4); 8200, 5095, 6946 (IPv6); 792, 1812 4.3.2
 *         (ICMP); 4443 (ICMPv6); 4861, 4862, 7527 (ND); 768, 6935 (UDP); IEEE 802.1Q, with 802.1ad.
 *
 * Frame                                      verdict                          [function]
 *   short, lying, corrupt, not for us     -> DROP and its counter, or PUNT    [eth_input *_input]
 *   ARP request for a VIP                 -> REPLY in place                   [arp_input]
 *   neighbour solicitation for a VIP      -> REPLY in place                   [nd_input]
 *   echo request, within the rate         -> REPLY in place         [icmp_input icmp6_input]
 *   ARP / advertisement of a next hop     -> LEARN, for the control thread [arp_input nd_input]
 *   datagram to a service                 -> UDP                              [udp_input]
 *   segment to a VIP                      -> TCP                              [tcp_input]
 *   datagram to a VIP's closed port,
 *     protocol, option that needs saying  -> REPLY (error, within the rate), else DROP or PUNT
 *   ICMP error about a packet of ours     -> ICMP_ERROR             [icmp_input icmp6_input]
 *
 * A frame has no tag, one 802.1Q tag, or an 802.1ad pair: 0x88a8, then 0x8100. Which of them an
 * interface serves is its list of VLANs (base/addr); any other stack of tags is dropped.
 *
 * The way out of an answer is the way in, backwards (source MAC, tags), unless a next hop is
 * configured for the interface, VLAN and family that the question came by; then it is that
 * neighbour's MAC. Answers to link-local addresses, and ARP and ND, always go straight back.
 */
#ifndef MR_NET_NET_H
#define MR_NET_NET_H

#include <assert.h>

#include "base/base.h"
#include "evlog/evlog.h"
#include "metric/metric.h"
#include "net/checksum.h"
#include "net/link.h"

enum {
	MR_NET_VIP_MAX = 65535, /* so that a count fits 16 bits, and UINT16_MAX can mean all */
	MR_NET_IF_MAX = MR_PORT_MAX,
	MR_NET_VLAN_MAX = 16, /* that one interface serves; 0 stands for untagged */
	MR_NET_TAG_BYTES = 4,
	MR_NET_NEXT_HOP_MAX = 64,
	MR_NET_SERVICE_MAX = 1024,
	MR_NET_EXT_HEADER_MAX = 8, /* IPv6 extension headers walked before a packet is dropped */
	MR_NET_OPTION_MAX = 64,    /* options walked in one packet: IPv4 has 40 bytes of them */
	MR_NET_HEADER_MAX_BYTES =
		14 + 2 * MR_NET_TAG_BYTES + 40, /* that mr_net_path_write writes */
	MR_NET_TTL = 64,                        /* of what we send; RFC 1700's default */
};

/* ---- snapshot: what the box is, built by the control thread ---- */

/* What receives a datagram or connection; lib/net only carries the number. */
enum mr_net_app {
	MR_NET_APP_NONE,
	MR_NET_APP_DNS,
	MR_NET_APP_HTTP,
	MR_NET_APP_CHECK, /* checks of origins: it listens nowhere */
	MR_NET_APP_ECHO,  /* test services: RFC 862, 863, 864 */
	MR_NET_APP_DISCARD,
	MR_NET_APP_CHARGEN,
	MR_NET_APP_ORIGIN, /* connections that we open; it listens nowhere */
	MR_NET_APPS,
};

struct mr_net_service {
	uint16_t vip;     /* index in vips, or UINT16_MAX for all */
	uint8_t protocol; /* IPPROTO_UDP or IPPROTO_TCP */
	uint8_t app;
	uint16_t port_low, port_high; /* host order, inclusive */
};

struct mr_net_interface {
	struct mr_mac mac;
	uint16_t mtu; /* of an IP packet; with an 802.1ad pair 8 less: the tags must fit too */
	uint16_t vlan_count; /* 0 means untagged only */
	uint32_t vlans[MR_NET_VLAN_MAX];
	bool punts; /* what is not ours goes to the kernel by the worker, not counted as a drop */
	bool retypes_tags; /* the device gives a pair's first tag as 0x8100: taken for 0x88a8 */
};

struct mr_net_next_hop {
	struct mr_addr addr;
	uint16_t interface;
	uint32_t vlan;
};

struct mr_net_config {
	const struct mr_addr *vips;
	size_t vip_count;
	const struct mr_net_interface *interfaces; /* by port index */
	size_t interface_count;
	const struct mr_net_service *services;
	size_t service_count;
	const struct mr_net_next_hop
		*next_hops; /* the way out, at most one per (interface, vlan, family) */
	size_t next_hop_count;
	uint32_t icmp_rate_pps; /* errors and echo replies of one worker, each; 0: the default, 1000
				 */
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
enum { MR_NET_OUTCOME_COUNT = MR_NET_rx_frame }; /* each frame adds one below this */
MR_METRIC_DECLARE(mr_net_metric_table);

enum mr_net_verdict {
	MR_NET_DROP,  /* free it; counted */
	MR_NET_REPLY, /* in place: send frame_bytes at bytes back on the same port */
	MR_NET_UDP,   /* a datagram for packet->service's app */
	MR_NET_TCP,   /* a segment for the TCP stack; app is NONE when no service listens there */
	MR_NET_PUNT,  /* for the kernel; only where the interface punts, else counted and dropped */
	MR_NET_LEARN, /* free it, after telling the control thread packet->learn_* */
	MR_NET_ICMP_ERROR, /* packet->error_* tells of a packet that we sent; for TCP and the PMTU
			    */
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
	uint32_t vlan;      /* 0 untagged, or tagged for priority only */
	uint8_t vlan_index; /* place of vlan in the interface's list */
	uint8_t family;     /* 4 or 6 */
	uint8_t protocol;
	uint8_t app;
	uint8_t ecn;                 /* the two bits of the IP header */
	uint16_t src_port, dst_port; /* host order */
	struct mr_addr src, dst;
	struct mr_mac learn_mac; /* MR_NET_LEARN: src is at learn_mac */
	bool link_group;         /* came by broadcast or multicast of the link */
	bool atomic_fragment;    /* IPv6: had a fragment header, but is whole (RFC 6946) */
	/* MR_NET_ICMP_ERROR: seen as if the remote had sent it, so one lookup serves both: src_port
	 * and protocol are the remote's, dst_port and vip ours; src is the host that reports. */
	uint8_t error_type, error_code;
	uint32_t error_mtu; /* of "packet too big", 0 when it names none */
	uint32_t
		error_seq; /* TCP only: sequence number of the segment, to be checked by RFC 5927 */
	struct mr_addr error_remote; /* where we sent it to */
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
	/* The earliest time at which a bucket is full again (a virtual clock: no division). */
	uint64_t icmp_error_full_ns, echo_full_ns;
	uint64_t conflict_event_ns, arp_defend_ns; /* when the next one may be made; 0 at start */
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

/* ---- the way out for what is not an answer in place: TCP ---- */

/* The way to one remote, as a connection keeps it: no pointers, so it outlives snapshots and the
 * process. */
struct mr_net_path {
	struct mr_addr local, remote;
	struct mr_mac mac; /* that the last packet came from; all zero when we began */
	uint8_t interface;
	uint8_t family;
	uint32_t vlan;
	bool tagged; /* with vlan 0: a priority tag */
	uint8_t reserved[3];
};
static_assert(sizeof(struct mr_net_path) <= 48, "lies in every connection");

/* mr_net_path_of is the way back to where packet came from. */
MR_NONNULL void mr_net_path_of(const struct mr_net_packet *packet, struct mr_net_path *path);

/* mr_net_path_header_bytes is what mr_net_path_write will write: Ethernet, tags, IP. */
static inline uint16_t
mr_net_path_header_bytes(const struct mr_net_path *path)
{
	return (uint16_t)(14 + (path->tagged ? MR_NET_TAG_BYTES : 0) +
			  (mr_vlan_outer(path->vlan) ? MR_NET_TAG_BYTES : 0) +
			  (path->family == 4 ? 20 : 40));
}

/* mr_net_path_write writes the headers for l4_bytes of protocol at frame, the L4 header following
 * them, and returns their bytes; 0, counted, when there is no MAC to send to. ecn is the two bits
 * of RFC 3168. */
MR_HOT MR_NONNULL uint16_t mr_net_path_write(struct mr_net *self, const struct mr_net_path *path,
					     uint8_t protocol, uint8_t ecn, uint16_t l4_bytes,
					     uint8_t *frame);

/* mr_net_path_l4_room is how many bytes of L4 header and payload one packet on path may have. */
MR_NONNULL uint16_t mr_net_path_l4_room(const struct mr_net *self, const struct mr_net_path *path);

/* mr_net_path_sum is the pseudo-header's part of a checksum: add the L4 bytes by mr_net_sum_bytes
 * and store it by mr_net_checksum_store. */
static inline uint64_t
mr_net_path_sum(const struct mr_net_path *path, uint8_t protocol, uint16_t l4_bytes)
{
	return mr_net_sum_pseudo(&path->local, &path->remote, protocol, l4_bytes);
}

/* ---- neighbours and announcements: control thread ---- */

/* One entry per next hop: its key, and state and MAC in one 64-bit word, so a reader needs no lock.
 *
 * State         next                                                        [function]
 *   INCOMPLETE -> REACHABLE  an answer was seen                              [_learn]
 *   INCOMPLETE -> itself     asked again by broadcast, 1, 2, 4 .. 32 s       [_due]
 *   REACHABLE  -> PROBE      nothing heard for 30 s: asked by unicast        [_due]
 *   PROBE      -> REACHABLE  an answer was seen                              [_learn]
 *   PROBE      -> INCOMPLETE three questions, 1 s apart, without an answer   [_due]
 *
 * Workers use the MAC in REACHABLE and PROBE. There is no STALE: the control thread does not see
 * who sends, so what is not confirmed is probed at once (RFC 4861 7.3.3 without DELAY). */
MR_MUST_USE struct mr_net_neighbours *mr_net_neighbours_create(void);
void mr_net_neighbours_destroy(struct mr_net_neighbours *self);
/* mr_net_neighbours_set replaces the list of next hops, keeping what is known of those that stay.
 */
void mr_net_neighbours_set(struct mr_net_neighbours *self, const struct mr_net_next_hop *hops,
			   size_t count);
/* mr_net_neighbours_learn takes what a worker saw (MR_NET_LEARN): hop is packet->src, ->interface
 * and ->vlan. Interface and VLAN count, since link-local next hops are often alike. */
void mr_net_neighbours_learn(struct mr_net_neighbours *self, const struct mr_net_next_hop *hop,
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
	uint64_t age_ns;    /* since its MAC was last confirmed; since it was added before that */
	uint32_t conflicts; /* times that another MAC claimed the address of a confirmed one */
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
