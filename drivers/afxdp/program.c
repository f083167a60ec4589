/* SPDX-License-Identifier: Apache-2.0
 *
 * afxdp/program - takes the steering program over from the PMD, which loads it, and attaches it in
 * a way that ends with the process.
 *
 * The PMD attaches what it loads by netlink: that outlives a crash. We take the program's
 * descriptor, detach it, and attach it again by a BPF link, which the kernel undoes when its
 * descriptor is closed, be it by close, by exit or by SIGKILL, with or without privileges.
 *
 * On an interface without combined channels (a veth) the PMD opens one queue per device, and would
 * attach a copy of the program for each. Then the first device's program stays, and the other
 * devices' sockets are put into its map; to know them, we look which AF_XDP socket has come.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "afxdp/afxdp_int.h"

enum { PROGRAM_MAPS_MAX = 16 };

static bool
program_is_socket(int fd)
{
	int domain = 0;
	socklen_t bytes = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) == 0 && domain == AF_XDP;
}

void
afxdp_sockets_mark(struct afxdp *self)
{
	memset(self->known_fds, 0, sizeof(self->known_fds));
	for (int fd = 0; fd < AFXDP_FD_MAX; fd++)
		if (program_is_socket(fd))
			self->known_fds[fd / 64] |= 1ull << fd % 64;
}

static int
program_new_socket(const struct afxdp *self)
{
	for (int fd = 0; fd < AFXDP_FD_MAX; fd++)
		if (!(self->known_fds[fd / 64] >> fd % 64 & 1) && program_is_socket(fd))
			return fd;
	return -ENOENT;
}

/* program_map_keep takes fd, of the map called name, into its place. */
static void
program_map_keep(struct afxdp *self, const char *name, int fd)
{
	int *place = !strcmp(name, "steer_tables")   ? &self->tables_fd
		     : !strcmp(name, "steer_counts") ? &self->counts_fd
		     : !strcmp(name, "xsks_map")     ? &self->sockets_fd
						     : NULL;

	if (place && *place < 0)
		*place = fd;
	else
		close(fd);
}

/* program_tables_open gets the descriptors of tables A and B, which only steer_tables refers to. */
static int
program_tables_open(struct afxdp *self)
{
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t slot = STEER_SLOT_A + i, id = 0;

		if (bpf_map_lookup_elem(self->tables_fd, &slot, &id) != 0)
			return -errno;
		self->table_fds[i] = bpf_map_get_fd_by_id(id);
		if (self->table_fds[i] < 0)
			return -errno;
	}
	return 0;
}

static int
program_maps_open(struct afxdp *self)
{
	uint32_t map_ids[PROGRAM_MAPS_MAX] = { 0 };
	struct bpf_prog_info info = { .nr_map_ids = PROGRAM_MAPS_MAX,
				      .map_ids = (uintptr_t)map_ids };
	uint32_t info_bytes = sizeof(info);

	if (bpf_obj_get_info_by_fd(self->program_fd, &info, &info_bytes) != 0)
		return -errno;
	for (uint32_t i = 0; i < MR_MIN(info.nr_map_ids, (uint32_t)PROGRAM_MAPS_MAX); i++) {
		struct bpf_map_info map = { 0 };
		uint32_t map_bytes = sizeof(map);
		int fd = bpf_map_get_fd_by_id(map_ids[i]);

		if (fd < 0)
			return -errno;
		if (bpf_obj_get_info_by_fd(fd, &map, &map_bytes) == 0)
			program_map_keep(self, map.name, fd);
		else
			close(fd);
	}
	if (self->tables_fd < 0 || self->counts_fd < 0 || self->sockets_fd < 0)
		return -ENOENT;
	return program_tables_open(self);
}

int
afxdp_program_take(struct afxdp *self, const struct mr_port *port, uint16_t unit,
		   struct mr_error *error)
{
	uint32_t id = 0, queue = unit;
	int socket_fd, code = bpf_xdp_query_id((int)self->interface, 0, &id);

	if (code || !id)
		return mr_error_set(error, code ? code : -ENOENT,
				    "port %s: no XDP program on %s after loading it",
				    port->config.name, port->config.target);
	if (unit == 0) {
		self->program_fd = bpf_prog_get_fd_by_id(id);
		code = self->program_fd < 0 ? self->program_fd : program_maps_open(self);
	} else {
		socket_fd = program_new_socket(self);
		code = socket_fd < 0 ? socket_fd : 0;
		if (!code &&
		    bpf_map_update_elem(self->sockets_fd, &queue, &socket_fd, BPF_ANY) != 0)
			code = -errno;
	}
	if (!code)
		code = bpf_xdp_detach((int)self->interface, 0, NULL);
	if (code)
		return mr_error_set(error, code,
				    "port %s: cannot take over the steering program on %s: %s",
				    port->config.name, port->config.target, strerror(-code));
	return 0;
}

int
afxdp_program_link(struct afxdp *self, const struct mr_port *port, struct mr_error *error)
{
	self->link_fd = bpf_link_create(self->program_fd, (int)self->interface, BPF_XDP, NULL);
	if (self->link_fd < 0)
		return mr_error_set(error, self->link_fd,
				    "port %s: the steering program cannot be attached to %s: %s",
				    port->config.name, port->config.target,
				    strerror(-self->link_fd));
	close(self->program_fd);
	self->program_fd = -1;
	return 0;
}
