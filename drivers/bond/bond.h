/* SPDX-License-Identifier: Apache-2.0
 *
 * bond - several devices as one port, by DPDK's bonding driver: one MAC, one set of queues.
 *
 * Its members are devices, not ports: they have a kind and a target, everything else (queues,
 * descriptors, MTU, VLANs) is the bond's and is set on each of them. Each is made and ended by its
 * own kind's driver, below this one.
 *
 *   active-backup  one member sends and receives: the first in the list that has link
 *   balance-xor    all do; the hash of a frame's addresses (and ports) chooses who sends it
 *   802.3ad        the same between members that the switch agrees to by LACP
 *
 * Who has link: a card's driver knows, and DPDK's bonding follows it. AF_PACKET's
 * does not know, so here the control thread asks the kernel and names the member that serves; which
 * is all that active-backup needs, and the other two modes could not do. When another member
 * begins to serve, the port says so, and addresses are announced again for the switch to learn.
 *
 * LACP's own frames go out when a queue transmits: the receive hook does it every BOND_LACP_POLLS
 * polls, with nothing else to send.
 *
 * Owner:  the control thread; queue q of all members belongs to one worker. EAL's interrupt thread
 *         watches links and runs LACP's timers.
 * Thread: link by the control thread, the hook by the queue's worker.
 * Memory: the members' own; in 802.3ad DPDK takes a small mbuf pool for each member.
 * Spec:   IEEE 802.1AX (LACP); the DPDK Programmer's Guide, "Link Bonding".
 *
 * (1) A member is the bond's alone: it is opened before the bond and closed after it.
 * (2) Frames are made flat before they are sent: DPDK 22.11 does not hand a bond's offloads down.
 */
#ifndef MR_DRIVERS_BOND_BOND_H
#define MR_DRIVERS_BOND_BOND_H

#include "port/port.h"

extern const struct mr_port_driver mr_bond_driver;

#endif
