/* SPDX-License-Identifier: Apache-2.0
 *
 * afxdp/steer - what the XDP program and its loader both know: the layout of the maps.
 *
 * steer_tables holds three rule tables: the active one, and A and B, one of which is also the
 * active one. The control thread fills the other one and then makes it active by one update, after
 * which the kernel itself waits until no CPU runs the program on the old table. So a packet sees
 * the old rules or the new ones, whole, and a rule that is in both never misses.
 *
 * Owner:  the control thread writes the rule tables; of a counter, each CPU its own.
 * Thread: the program on any CPU, in the kernel.
 * Memory: the kernel's, until the last descriptor of a map is closed.
 */
#ifndef MR_DRIVERS_AFXDP_STEER_H
#define MR_DRIVERS_AFXDP_STEER_H

#include <linux/types.h>

#define STEER_PROGRAM_NAME "millrace_steer"

enum {
	STEER_ENTRIES_MAX = 8192, /* keys of one table */
	STEER_RANGES_MAX = 16,    /* port ranges of one (address, protocol) */
	STEER_QUEUES_MAX = 64,
	STEER_HEADERS_MAX = 6, /* IPv6 extension headers that are walked over */
};

enum steer_slot {
	STEER_SLOT_ACTIVE, /* what the program reads */
	STEER_SLOT_A,      /* the loader finds the tables by these two */
	STEER_SLOT_B,
	STEER_SLOTS
};

enum steer_kind {
	STEER_RULE = 1, /* (VIP, protocol) -> port ranges */
	STEER_VIP,      /* address of ours: ARP and neighbour discovery */
	STEER_HOP,      /* a next hop, whose answers to us are ours */
	STEER_VLAN,     /* address[0..3]: outer and inner number, big-endian; 0 is untagged */
};

struct steer_key {
	__u8 address[16]; /* IPv4 mapped to ::ffff:a.b.c.d */
	__u8 kind;
	__u8 protocol;
	__u8 zero[2];
};

struct steer_range {
	__u16 low, high; /* host order, inclusive */
};

struct steer_value {
	__u32 range_count;
	struct steer_range ranges[STEER_RANGES_MAX];
};

/* X(name, help): where a frame went and why; the counters of map steer_counts, per CPU. */
#define STEER_REASONS(X)                                                            \
	X(ours_rule, "Ours: a rule for address, protocol and port")                 \
	X(ours_fragment, "Ours: a fragment for an address and protocol with rules") \
	X(ours_icmp_error, "Ours: an ICMP error about a packet of ours")            \
	X(ours_arp, "Ours: ARP for a VIP, from a VIP, or from a next hop to one")   \
	X(ours_nd, "Ours: neighbour discovery, likewise")                           \
	X(kernel_no_rule, "Kernel: no rule")                                        \
	X(kernel_arp, "Kernel: other ARP")                                          \
	X(kernel_vlan, "Kernel: would be ours, but on a VLAN that is not served")   \
	X(kernel_other, "Kernel: neither IP nor ARP")                               \
	X(kernel_malformed, "Kernel: too short for what it says")                   \
	X(kernel_headers, "Kernel: more IPv6 extension headers than are walked")    \
	X(kernel_no_socket, "Kernel: would be ours, but its queue has no socket")

#define STEER_REASON_ENUM(name, help) STEER_##name,
enum steer_reason { STEER_REASONS(STEER_REASON_ENUM) STEER_REASON_COUNT };

#endif
