/* SPDX-License-Identifier: Apache-2.0
 *
 * pcap - a port that replays a capture file and writes what is sent to another one.
 *
 * Frames come in file order, as fast as they are asked for, once; then rx gives nothing. So the
 * same file gives the same packets in the same bursts every time. One queue. What is sent goes to
 * config.pcap_out, or nowhere when that is empty.
 *
 * Owner:  stateless; the files belong to the PMD from open to close.
 * Thread: open and close by the control thread, rx and tx by the worker of the one queue, whose
 *         system calls are read, write (buffered) and gettimeofday.
 * Memory: mbufs alone; the files are read as they are asked for.
 * Spec:   libpcap's savefile format, through net_pcap of DPDK 22.11.
 */
#ifndef MR_DRIVERS_PCAP_PCAP_H
#define MR_DRIVERS_PCAP_PCAP_H

#include "port/port.h"

extern const struct mr_port_driver mr_pcap_driver;

#endif
