/* SPDX-License-Identifier: Apache-2.0
 *
 * afpacket - a port on a kernel interface by packet sockets, where AF_XDP is not to be had.
 *
 * It takes copies: every frame that the interface receives comes here, and goes to the kernel too.
 * So it does not steer, and the kernel must not know the VIPs: were they configured on an interface
 * (even lo), the kernel would answer for them as well. Frames that are not for a VIP are dropped by
 * lib/net.
 *
 * The kernel takes the first VLAN tag off, and DPDK puts one back that is always 0x8100: the first
 * of two is taken for 802.1ad's.
 *
 * Owner:  the control thread; queue q's ring belongs to its worker (several queues are a fanout
 *         group by flow hash).
 * Thread: open and close by the control thread, rx and tx by the queue's worker.
 * Memory: rings of 2 KiB frames, rx_descriptors of them each way.
 *
 * System calls of the worker: poll (transmit ring full), sendto (one per burst).
 * Privileges: CAP_NET_RAW at open. Spec: packet(7).
 */
#ifndef MR_DRIVERS_AFPACKET_AFPACKET_H
#define MR_DRIVERS_AFPACKET_AFPACKET_H

#include "port/port.h"

extern const struct mr_port_driver mr_afpacket_driver;

#endif
