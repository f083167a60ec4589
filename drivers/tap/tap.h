/* SPDX-License-Identifier: Apache-2.0
 *
 * tap - the kernel behind a port that DPDK owns whole: a TAP interface with the port's Ethernet
 * address, so that SSH, BGP, ICMP and DHCP go on over the same wire.
 *
 *   wire -> worker -> lib/net says PUNT -> ring per queue -> punt thread -> write -> kernel
 *   kernel -> punt thread: read -> ring -> worker of queue 0 -> wire
 *
 * The interface belongs to the operator: its addresses, routes and VLANs are set as on any other.
 * One that exists (ip tuntap add dev NAME mode tap) is taken over and stays, with its addresses,
 * when the port closes; else it is made, and goes with the process.
 *
 * Frames pass whole, tags and all; checksums are complete in both directions. What the service
 * addresses answer for is not seen by the kernel, so it must not have them.
 *
 * Owner:  the port, from mr_tap_attach to mr_port_close. Thread: one of its own, made by the
 * control thread and on its CPU; asleep when idle (looks every 2 ms, or 100 us for a while after a
 * frame). Memory: MR_PUNT_RING frames each way and queue; frames from the kernel take mbufs of the
 * pool given at attach. System calls: ppoll, read, write of the punt thread; none of a worker.
 * Privileges: CAP_NET_ADMIN at attach.
 */
#ifndef MR_DRIVERS_TAP_TAP_H
#define MR_DRIVERS_TAP_TAP_H

#include "port/port.h"

/* mr_tap_attach puts the TAP interface `name` behind an open port; no worker is on it yet. pool is
 * borrowed until the port is closed. */
MR_MUST_USE int mr_tap_attach(struct mr_port *port, const char *name, struct rte_mempool *pool,
			      struct mr_error *error);

#endif
