/* SPDX-License-Identifier: Apache-2.0
 *
 * net/metrics - the counters of lib/net. Add rows, never rename.
 *
 * (1) Every frame given to mr_net_input adds one to exactly one row of NET_OUTCOMES.
 * (2) NET_NOTES tells what else happened; one frame may add to any number of them.
 *
 * Owner:  struct mr_net counts (net/net.h); one block for each worker. Thread: its worker writes,
 *         any reads. Memory: of the registry (metric/metric.h).
 */
#ifndef MR_NET_METRICS_H
#define MR_NET_METRICS_H

/* X(name, kind, unit, help) */
#define NET_OUTCOMES_ACCEPTED(X)                                                         \
	X(udp, COUNTER, PACKETS, "UDP datagrams to a service")                           \
	X(tcp, COUNTER, SEGMENTS, "TCP segments to an address of ours")                  \
	X(echo_v4, COUNTER, PACKETS, "ICMP echo requests answered")                      \
	X(echo_v6, COUNTER, PACKETS, "ICMPv6 echo requests answered")                    \
	X(icmp_error_v4, COUNTER, PACKETS, "ICMP errors about packets that we sent")     \
	X(icmp_error_v6, COUNTER, PACKETS, "ICMPv6 errors about packets that we sent")   \
	X(arp_request, COUNTER, FRAMES, "ARP requests for an address of ours, answered") \
	X(arp_learn, COUNTER, FRAMES, "ARP packets that tell a next hop's MAC")          \
	X(nd_solicit, COUNTER, PACKETS,                                                  \
	  "Neighbour solicitations for an address of ours, answered")                    \
	X(nd_learn, COUNTER, PACKETS, "Neighbour advertisements of a next hop")          \
	X(punt, COUNTER, FRAMES, "Frames for the kernel")

#define NET_OUTCOMES_LINK(X)                                                                     \
	X(eth_runt, COUNTER, FRAMES, "Dropped: shorter than an Ethernet header")                 \
	X(eth_type, COUNTER, FRAMES, "Dropped: EtherType that nobody here reads")                \
	X(eth_foreign, COUNTER, FRAMES, "Dropped: for the MAC address of another")               \
	X(eth_source, COUNTER, FRAMES, "Dropped: source MAC is a group address or zero")         \
	X(eth_loop, COUNTER, FRAMES, "Dropped: source MAC is this interface's own")              \
	X(vlan_truncated, COUNTER, FRAMES, "Dropped: VLAN tag cut off")                          \
	X(vlan_stack, COUNTER, FRAMES, "Dropped: tags other than one 802.1Q or an 802.1ad pair") \
	X(vlan_unknown, COUNTER, FRAMES, "Dropped: VLAN that this interface does not serve")     \
	X(arp_truncated, COUNTER, FRAMES, "Dropped: ARP packet cut off")                         \
	X(arp_malformed, COUNTER, FRAMES,                                                        \
	  "Dropped: ARP not for IPv4 over Ethernet, or a group MAC in it")                       \
	X(arp_operation, COUNTER, FRAMES, "Dropped: ARP operation other than request and reply") \
	X(arp_source, COUNTER, FRAMES, "Dropped: ARP sender address that no host has")           \
	X(arp_other, COUNTER, FRAMES, "Dropped: ARP about addresses of others")                  \
	X(arp_conflict, COUNTER, FRAMES, "ARP in which another host claims an address of ours")

#define NET_OUTCOMES_V4(X)                                                                   \
	X(v4_truncated, COUNTER, PACKETS, "Dropped: IPv4 packet longer than its frame")      \
	X(v4_version, COUNTER, PACKETS, "Dropped: IPv4 version is not 4")                    \
	X(v4_header_length, COUNTER, PACKETS, "Dropped: IPv4 header length under 20 bytes")  \
	X(v4_length, COUNTER, PACKETS, "Dropped: IPv4 total length shorter than its header") \
	X(v4_checksum, COUNTER, PACKETS, "Dropped: IPv4 header checksum")                    \
	X(v4_not_ours, COUNTER, PACKETS, "Dropped: IPv4 destination is not ours")            \
	X(v4_link_group, COUNTER, PACKETS,                                                   \
	  "Dropped: IPv4 unicast in a link broadcast or multicast")                          \
	X(v4_source_zero, COUNTER, PACKETS, "Dropped: IPv4 source in 0.0.0.0/8")             \
	X(v4_source_loopback, COUNTER, PACKETS, "Dropped: IPv4 source in 127.0.0.0/8")       \
	X(v4_source_multicast, COUNTER, PACKETS, "Dropped: IPv4 source is multicast")        \
	X(v4_source_reserved, COUNTER, PACKETS,                                              \
	  "Dropped: IPv4 source is broadcast or in 240.0.0.0/4")                             \
	X(v4_source_own, COUNTER, PACKETS, "Dropped: IPv4 source is an address of ours")     \
	X(v4_options, COUNTER, PACKETS, "Dropped: IPv4 options with a length that lies")     \
	X(v4_source_route, COUNTER, PACKETS, "Dropped: IPv4 source route")                   \
	X(v4_fragment, COUNTER, PACKETS, "Dropped: IPv4 fragment")                           \
	X(v4_protocol, COUNTER, PACKETS, "Dropped: IPv4 protocol that nobody here speaks")

#define NET_OUTCOMES_V6(X)                                                                       \
	X(v6_truncated, COUNTER, PACKETS, "Dropped: IPv6 packet longer than its frame")          \
	X(v6_version, COUNTER, PACKETS, "Dropped: IPv6 version is not 6")                        \
	X(v6_not_ours, COUNTER, PACKETS, "Dropped: IPv6 destination is not ours")                \
	X(v6_link_group, COUNTER, PACKETS, "Dropped: IPv6 unicast in a link multicast")          \
	X(v6_source_unspecified, COUNTER, PACKETS, "Dropped: IPv6 source is ::")                 \
	X(v6_source_loopback, COUNTER, PACKETS, "Dropped: IPv6 source is ::1")                   \
	X(v6_source_multicast, COUNTER, PACKETS, "Dropped: IPv6 source is multicast")            \
	X(v6_source_mapped, COUNTER, PACKETS,                                                    \
	  "Dropped: IPv6 source or destination in ::ffff:0:0/96")                                \
	X(v6_source_own, COUNTER, PACKETS, "Dropped: IPv6 source is an address of ours")         \
	X(v6_extension_bound, COUNTER, PACKETS,                                                  \
	  "Dropped: too many IPv6 extension headers or options")                                 \
	X(v6_extension_truncated, COUNTER, PACKETS, "Dropped: IPv6 extension header cut off")    \
	X(v6_extension_order, COUNTER, PACKETS,                                                  \
	  "Dropped: IPv6 hop-by-hop header that is not first")                                   \
	X(v6_option, COUNTER, PACKETS, "Dropped: unknown IPv6 option that forbids skipping it")  \
	X(v6_option_malformed, COUNTER, PACKETS, "Dropped: IPv6 option with a length that lies") \
	X(v6_routing, COUNTER, PACKETS, "Dropped: IPv6 routing header with segments left")       \
	X(v6_fragment, COUNTER, PACKETS, "Dropped: IPv6 fragment")                               \
	X(v6_no_next, COUNTER, PACKETS, "Dropped: IPv6 packet with no next header")              \
	X(v6_protocol, COUNTER, PACKETS, "Dropped: IPv6 next header that nobody here speaks")

#define NET_OUTCOMES_L4(X)                                                                      \
	X(udp_length, COUNTER, PACKETS, "Dropped: UDP length under 8 or beyond the packet")     \
	X(udp_checksum, COUNTER, PACKETS, "Dropped: UDP checksum")                              \
	X(udp_zero_checksum, COUNTER, PACKETS, "Dropped: UDP over IPv6 without a checksum")     \
	X(udp_source_port, COUNTER, PACKETS, "Dropped: UDP source port 0")                      \
	X(udp_closed_port, COUNTER, PACKETS, "UDP to a port without a service")                 \
	X(tcp_length, COUNTER, SEGMENTS,                                                        \
	  "Dropped: TCP header cut off, or a data offset that lies")                            \
	X(tcp_checksum, COUNTER, SEGMENTS, "Dropped: TCP checksum")                             \
	X(tcp_port, COUNTER, SEGMENTS, "Dropped: TCP port 0")                                   \
	X(icmp_truncated, COUNTER, PACKETS, "Dropped: ICMP message cut off")                    \
	X(icmp_checksum, COUNTER, PACKETS, "Dropped: ICMP checksum")                            \
	X(icmp_type, COUNTER, PACKETS, "Dropped: ICMP type or code that a host ignores")        \
	X(icmp_inner, COUNTER, PACKETS, "Dropped: ICMP error that quotes no readable packet")   \
	X(icmp_inner_foreign, COUNTER, PACKETS,                                                 \
	  "Dropped: ICMP error about a packet that we never sent")                              \
	X(echo_limited, COUNTER, PACKETS, "Dropped: ICMP echo request over the rate limit")     \
	X(nd_hop_limit, COUNTER, PACKETS,                                                       \
	  "Dropped: neighbour discovery with a hop limit other than 255")                       \
	X(nd_malformed, COUNTER, PACKETS, "Dropped: malformed neighbour discovery")             \
	X(nd_other, COUNTER, PACKETS, "Dropped: neighbour discovery about addresses of others") \
	X(nd_no_override, COUNTER, PACKETS,                                                     \
	  "Dropped: advertisement of another MAC without the override flag")                    \
	X(nd_conflict, COUNTER, PACKETS,                                                        \
	  "Advertisements in which another host claims an address of ours")                     \
	X(nd_router, COUNTER, PACKETS, "Dropped: router solicitation or advertisement")         \
	X(nd_redirect, COUNTER, PACKETS, "Dropped: redirect")

#define NET_OUTCOMES(X)          \
	NET_OUTCOMES_ACCEPTED(X) \
	NET_OUTCOMES_LINK(X)     \
	NET_OUTCOMES_V4(X)       \
	NET_OUTCOMES_V6(X)       \
	NET_OUTCOMES_L4(X)

/* rx_frame stays the first: it marks the end of the outcomes. */
#define NET_NOTES(X)                                                                \
	X(rx_frame, COUNTER, FRAMES, "Frames received")                             \
	X(udp_reply, COUNTER, PACKETS, "UDP answers made")                          \
	X(path_tx, COUNTER, PACKETS, "Packets of connections given their headers")  \
	X(arp_defend, COUNTER, FRAMES, "ARP announcements made against a conflict") \
	X(icmp_error_tx, COUNTER, PACKETS, "ICMP errors made")                      \
	X(icmp_error_limited, COUNTER, PACKETS, "ICMP errors not made: rate limit") \
	X(tx_room, COUNTER, PACKETS, "Answers not made: buffer too small")          \
	X(tx_unresolved, COUNTER, PACKETS, "Answers not made: next hop without a MAC")

#define NET_METRICS(X)  \
	NET_OUTCOMES(X) \
	NET_NOTES(X)

#endif
