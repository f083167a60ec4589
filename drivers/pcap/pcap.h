/* SPDX-License-Identifier: Apache-2.0
 *
 * pcap - a port that replays a capture file and writes what is sent to another one.
 *
 * Frames come in file order, as fast as they are asked for, once; then rx gives nothing. So the
 * same file gives the same packets in the same bursts every time. One queue. What is sent goes to
 * config.pcap_out, or nowhere when that is empty.
 *
 * Owner: stateless; the files belong to the PMD from open to close. System calls of the worker:
 * read, write (buffered), gettimeofday.
 * Spec: libpcap's savefile format, through net_pcap of DPDK 22.11.
 */
#ifndef MR_DRIVERS_PCAP_PCAP_H
#define MR_DRIVERS_PCAP_PCAP_H

#include "port/port.h"

extern const struct mr_port_driver mr_pcap_driver;

#endif
