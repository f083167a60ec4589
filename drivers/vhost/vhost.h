/* SPDX-License-Identifier: Apache-2.0
 *
 * vhost - the two ends of a virtio network device over a UNIX socket: `vhost` is the device (what a
 * virtual machine or a container's virtio-user talks to), `virtio-user` the driver's side of it.
 *
 * Either end may be the server of the socket. A server stays when its peer dies and takes the next
 * one; vhost as client comes back to its server by itself; virtio-user as client needs its server
 * at the start and does not come back, so where it is to outlive its peer it must be the server
 * (which waits for its first peer at the start).
 *
 * vhost copies between its mbufs and the peer's rings, so it sends chains and foreign buffers as
 * they are. virtio-user lends the peer all of EAL's memory, and nothing else: a buffer from
 * elsewhere is copied before it is sent. The peer is trusted with that memory.
 *
 * Owner:  the control thread; queue q is its worker's.
 * Thread: open and close by the control thread; rx and tx by the queue's worker, without a system
 *         call (but eventfd writes towards a peer that asks to be kicked). DPDK has one of its own
 *         for the sockets, and one for each of a client's attempts to come back.
 * Memory: of vhost none but mbufs; of virtio-user its rings.
 * Spec:   virtio 1.1 (split and packed rings); the vhost-user protocol of QEMU.
 */
#ifndef MR_DRIVERS_VHOST_VHOST_H
#define MR_DRIVERS_VHOST_VHOST_H

#include "port/port.h"

extern const struct mr_port_driver mr_vhost_driver;
extern const struct mr_port_driver mr_virtio_user_driver;

#endif
