/* SPDX-License-Identifier: Apache-2.0
 *
 * pci - a network card by its PCI address, wholly ours: the fastest kind of port. What the kernel
 * is still to see goes to it by `punt`.
 *
 * The card must be bound to vfio-pci (with an IOMMU), or be of a kind whose driver shares it with
 * DPDK (mlx4, mlx5). Only the cards that the configuration names are looked at.
 *
 * Owner:  the control thread; queue q is its worker's.
 * Thread: open and close by the control thread; rx and tx by the queue's worker, without a system
 *         call.
 * Memory: the card reads and writes EAL's memory, and nothing else: a buffer from elsewhere is
 *         copied before it is sent.
 *
 * Privileges: /dev/vfio/GROUP and locked memory at mr_port_eal_start and mr_port_open.
 */
#ifndef MR_DRIVERS_PCI_PCI_H
#define MR_DRIVERS_PCI_PCI_H

#include "port/port.h"

#define MR_PCI_DEVICES "/sys/bus/pci/devices"

extern const struct mr_port_driver mr_pci_driver;

/* mr_pci_check says whether the device at address (DDDD:BB:DD.F) can be a port, as its folder below
 * devices (MR_PCI_DEVICES) tells: -ENODEV, -ENOTSUP for what is no network card, -EBUSY with
 * the way to bind it for one that the kernel has. name is the port's, for error. */
MR_MUST_USE int mr_pci_check(const char *devices, const char *address, const char *name,
			     struct mr_error *error);

#endif
