/* SPDX-License-Identifier: Apache-2.0
 *
 * port/port_int - what the parts of this room tell each other.
 *
 * Owner:  the first thread that logs an error, until the control thread forgets it.
 * Thread: DPDK logs on any; these two are the control thread's. Memory: one line, static.
 */
#ifndef MR_PORT_PORT_INT_H
#define MR_PORT_PORT_INT_H

#include <stdarg.h>

#include "port/port.h"

/* mr_port_eal_error is the first line that DPDK logged as an error since _forget_error. */
const char *mr_port_eal_error(void);
void mr_port_eal_forget_error(void);

#endif
