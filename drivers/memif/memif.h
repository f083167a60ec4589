/* SPDX-License-Identifier: Apache-2.0
 *
 * memif - a port over shared memory: another DPDK or VPP process on this box (millgen).
 */
#ifndef MR_DRIVERS_MEMIF_MEMIF_H
#define MR_DRIVERS_MEMIF_MEMIF_H

#include "port/port.h"

extern const struct mr_port_driver mr_memif_driver;

#endif
