/* SPDX-License-Identifier: Apache-2.0
 *
 * afxdp - a port on a kernel interface, shared with the kernel: our own XDP program (steer.bpf.c)
 * takes the frames of the service addresses, everything else stays with the kernel.
 *
 * Owner:  the control thread; queue q's socket belongs to its worker.
 * Thread: open, steering, counts and close by the control thread; rx and tx by the queue's worker.
 * Memory: two rule tables of 8,192 keys in the kernel; the mbuf pool of each queue is registered as
 *         the socket's memory (copy mode where the driver has no zero copy), and 4,096 of its mbufs
 *         are held by the rings.
 * Spec:   linux/Documentation/networking/af_xdp.rst; steer.h says what the maps hold.
 *
 * One instance per interface and network namespace: an abstract UNIX socket is held while the port
 * is open, and goes with the process. A program named millrace_steer that nobody holds was left
 * behind by a start that was killed half-way, and is removed; any other XDP program is refused.
 *
 * What the interface must be: up, with its frames whole. A program sees neither a VLAN tag that the
 * hardware has taken out (set `ethtool -K DEV rxvlan off`, and for 802.1ad
 * `rx-vlan-stag-hw-parse off`) nor, on a veth, a checksum or a tag that the sender left to be put
 * in later (`ethtool -K PEER tx off txvlan off tx-vlan-stag-hw-insert off` at the other end). All
 * receive queues must be served, one worker each: `ethtool -L DEV combined N`. Where the kernel has
 * the service addresses too (on lo, say), it must not resolve neighbours in their name, as the
 * answers are ours: `sysctl net.ipv4.conf.all.arp_announce=2`.
 *
 * System calls of a worker: sendto (a kick per transmitted burst), and nothing else: busy polling
 * is off, so that an empty rx is a look at memory (with it, recvfrom; without need-wakeup support,
 * poll).
 *
 * Privileges: mr_port_open needs CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF and CAP_SYS_ADMIN (maps by
 * id). Steering, counters and the link afterwards need none: they use descriptors kept from then.
 * Neither does the end: the program is attached by a BPF link, which goes with its descriptor.
 */
#ifndef MR_DRIVERS_AFXDP_AFXDP_H
#define MR_DRIVERS_AFXDP_AFXDP_H

#include "port/port.h"

extern const struct mr_port_driver mr_afxdp_driver;

struct mr_afxdp_count {
	const char *name;
	const char *help;
	uint64_t frames;
};

/* mr_afxdp_counts reads the steering program's counters, by reason, over all CPUs. Returns how many
 * of the at most `room` entries of out it filled; 0 for a port of another kind. */
size_t mr_afxdp_counts(const struct mr_port *port, struct mr_afxdp_count *out, size_t room);

#endif
