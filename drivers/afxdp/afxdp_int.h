/* SPDX-License-Identifier: Apache-2.0
 *
 * afxdp/afxdp_int - what the parts of this driver tell each other.
 */
#ifndef MR_DRIVERS_AFXDP_AFXDP_INT_H
#define MR_DRIVERS_AFXDP_AFXDP_INT_H

#include "afxdp/afxdp.h"
#include "afxdp/steer.h"

struct afxdp {
	/* const after open */
	unsigned int interface; /* index */
	int control_fd;         /* a socket for ioctl */
	int lock_fd;            /* bound to the instance's abstract name */
	int object_fd;          /* memfd with the program, for the PMD to load */
	int tables_fd, counts_fd;
	int table_fds[2];
	uint32_t program_id;
	bool set_allmulti; /* undone at close */
	/* owner: the control thread */
	uint32_t active; /* which table is active */
};

/* ---- interface.c: the kernel's side of the device ---- */

/* afxdp_lock makes this process the interface's one user in its network namespace. */
int afxdp_lock(struct afxdp *self, const struct mr_port *port, struct mr_error *error);
/* afxdp_evict removes a left-over program of ours and refuses a foreign one. */
int afxdp_evict(struct afxdp *self, const struct mr_port *port, struct mr_error *error);
/* afxdp_queues returns how many receive queues the interface has in use; *combined says whether
 * they are channels that the PMD can open as one device. */
uint16_t afxdp_queues(const struct afxdp *self, const char *interface, bool *combined);
int afxdp_flags(const struct afxdp *self, const char *interface, short *flags);
int afxdp_flags_set(const struct afxdp *self, const char *interface, short flags);

/* ---- rules.c: the program's maps ---- */

/* afxdp_maps_find opens the maps of the program that the PMD has attached. */
int afxdp_maps_find(struct afxdp *self, const struct mr_port *port, struct mr_error *error);
int afxdp_steer(struct mr_port *port, const struct mr_port_steer *steer, struct mr_error *error);

#endif
