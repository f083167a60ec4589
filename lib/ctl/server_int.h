/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/server_int - the socket file, its folder and its lock.
 *
 * Owner:  struct mr_server. Thread: the control thread.
 * Memory: none beside the struct; descriptors.
 */
#ifndef MR_CTL_SERVER_INT_H
#define MR_CTL_SERVER_INT_H

#include <sys/types.h>

#include "ctl/config.h"
#include "ctl/server.h"

struct server_socket {
	int fd, lock_fd;
	uid_t uid; /* who may do everything, besides root */
	gid_t gid; /* who may look; (gid_t)-1: nobody */
	char path[MR_CONFIG_SOCKET_BYTES];
	char lock_path[MR_CONFIG_SOCKET_BYTES + 8];
};

MR_MUST_USE int server_socket_open(struct server_socket *self,
				   const struct mr_server_config *config, struct mr_error *error);
void server_socket_close(struct server_socket *self);

#endif
