/* SPDX-License-Identifier: Apache-2.0
 *
 * memif - a port over shared memory: another DPDK or VPP process on this box (millgen).
 *
 * net_memif of DPDK 22.11 unmaps the shared memory on EAL's interrupt thread as soon as the peer's
 * control connection ends, while a worker may be reading from it: a crash, on either side. So the
 * PMD never talks to the peer directly. A relay (one thread per port, asleep unless somebody
 * connects or leaves) owns the socket of the configuration and passes control messages between the
 * peer and the PMD, which has a private socket beside it. When the peer goes, or says anything that
 * could make the PMD let go, the relay first closes the port's gate and waits for the workers to
 * leave the PMD, and only then lets the PMD know. It opens the gate when the PMD has said that it
 * is connected.
 *
 *   IDLE -> SHAKING    peer and PMD both there                        [relay_join]
 *   SHAKING -> READY   CONNECTED passed by                            [relay_pass]
 *   READY -> OPEN      the PMD's link is up: gate opened              [relay_settle]
 *   any -> IDLE        either side left, or DISCONNECT: gate closed   [relay_part]
 *
 * A second defect of the same PMD: a server whose peer is gone before its greeting is written
 * closes the descriptor that EAL still waits for, and EAL aborts the process. So the relay never
 * leaves before it has been greeted, and nobody else connects to the PMD.
 *
 * A third, of clients with zero copy, is in memif/descriptor.c.
 *
 * The relay also makes the order of starting free: a client waits for its server, and comes back to
 * it (the control thread restarts the device from the link poll). The peer is trusted with this
 * port's shared memory: a lying descriptor can still crash the PMD, so the socket file's mode is
 * the fence.
 *
 * Owner:  the control thread; the relay thread between started and stopping.
 * Thread: rx and tx by the queue's worker, inside the gate; the rest as above.
 * Memory: the PMD's rings and buffers are shared with the peer; one struct memif a port, on the
 *         heap.
 *
 * System calls of the worker: none (both ends poll; the PMD masks interrupts).
 * Threads' system calls: poll, accept4, connect, socket, recvmsg, sendmsg, close, nanosleep here;
 * accept, recvmsg, sendmsg, mmap, munmap, memfd_create, ftruncate, fcntl, eventfd2 on EAL's.
 */
#ifndef MR_DRIVERS_MEMIF_MEMIF_H
#define MR_DRIVERS_MEMIF_MEMIF_H

#include "port/port.h"

extern const struct mr_port_driver mr_memif_driver;

#endif
