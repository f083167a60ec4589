/* SPDX-License-Identifier: Apache-2.0
 *
 * afxdp/afxdp_int - what the parts of this driver tell each other.
 *
 * Owner:  the control thread, from open to close. Thread: that alone; no worker comes here.
 * Memory: one struct afxdp a port, on the heap.
 */
#ifndef MR_DRIVERS_AFXDP_AFXDP_INT_H
#define MR_DRIVERS_AFXDP_AFXDP_INT_H

#include "afxdp/afxdp.h"
#include "afxdp/steer.h"

enum { AFXDP_FD_MAX = 4096 }; /* descriptors that are searched for the PMD's sockets */

struct afxdp {
	/* const after open */
	unsigned int interface; /* index */
	uint16_t device_count;  /* DPDK devices: one, or one per queue */
	int control_fd;         /* a socket for ioctl */
	int lock_fd;            /* bound to the instance's abstract name */
	int object_fd;          /* memfd with the program, for the PMD to load */
	int program_fd, link_fd;
	int sockets_fd, tables_fd, counts_fd; /* maps */
	int table_fds[2];
	bool set_allmulti; /* undone at close */
	/* owner: the control thread */
	uint32_t active;                       /* which table is active */
	uint64_t known_fds[AFXDP_FD_MAX / 64]; /* AF_XDP sockets that are not the next device's */
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

/* ---- program.c: the steering program's attachment ---- */

/* afxdp_sockets_mark remembers which AF_XDP sockets there are, before a device is made. */
void afxdp_sockets_mark(struct afxdp *self);
/* afxdp_program_take takes over, for the first device, the program that the PMD has attached; for
 * the others, puts the device's socket into the first one's map. Either way nothing is attached
 * afterwards. */
int afxdp_program_take(struct afxdp *self, const struct mr_port *port, uint16_t unit,
		       struct mr_error *error);
/* afxdp_program_link attaches the program for as long as this process lives. */
int afxdp_program_link(struct afxdp *self, const struct mr_port *port, struct mr_error *error);

/* ---- rules.c: the program's maps ---- */

int afxdp_steer(struct mr_port *port, const struct mr_port_steer *steer, struct mr_error *error);

#endif
