/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/server - the UNIX socket: who may come in, and one request at a time from each.
 *
 * Client      next                                                     [function]
 *   READING -> CALLING  a whole request is here: on_call                [client_read]
 *   CALLING -> WRITING  mr_server_answer, at once or from a later event [mr_server_answer]
 *   WRITING -> READING  the response has been taken                     [client_write]
 *   any     -> closed   it left, or broke a rule: too slow, too large   [client_close]
 *
 * A client that goes away while CALLING is closed at once; its answer finds nobody and is dropped
 * (a call names its client by slot and generation).
 *
 * A socket has one owner: a lock file beside it ("SOCKET.lock", flock) is held while the server
 * lives, so a second instance is refused before it touches anything, and a socket file that a
 * crashed run left is known to be stale and is replaced.
 *
 * Owner:  the control thread. Thread: the control thread.
 * Memory: MR_SERVER_CLIENTS clients; of each, one request (<= MR_RPC_REQUEST_BYTES) or one response
 *         (<= MR_RPC_FRAME_BYTES).
 */
#ifndef MR_CTL_SERVER_H
#define MR_CTL_SERVER_H

#include <sys/types.h>

#include "ctl/command.h"
#include "ctl/loop.h"
#include "ctl/rpc.h"

enum { MR_SERVER_CLIENTS = 64 };
#define MR_SERVER_SLOW_NS (10 * MR_NS_PER_S) /* without a byte moving, amid a frame */

struct mr_server;

/* One request on its way. A copy of id is all that is needed to answer later. */
struct mr_call_id {
	uint32_t slot, generation;
};

struct mr_call {
	struct mr_call_id id;
	enum mr_ctl_role role;
	uid_t uid;
	pid_t pid;
	const struct mr_command *command;
	json_t *args; /* borrowed until on_call returns; NULL or an object that fits the command */
};

struct mr_server_config {
	const char *path;  /* of the socket */
	const char *group; /* whose members are viewers; "" for none */
	const char *user;  /* that the process will become; "" to stay: may use its own socket */
	uint64_t *const *metrics; /* where the block of MR_CONTROL_METRIC_COUNT is; it may move */
	/* on_call answers by mr_server_answer, before it returns or later. */
	void (*on_call)(void *context, const struct mr_call *call);
	void *context;
};

/* mr_server_create locks, listens, and serves from loop. -EADDRINUSE when another instance lives on
 * this socket. */
MR_MUST_USE int mr_server_create(struct mr_server **self, struct mr_loop *loop,
				 const struct mr_server_config *config, struct mr_error *error);

/* mr_server_destroy closes all clients and removes the socket and its lock. */
void mr_server_destroy(struct mr_server *self);

/* mr_server_answer sends message (taken) to whoever made the call. */
void mr_server_answer(struct mr_server *self, struct mr_call_id id, json_t *message);

/* mr_server_tick closes who is too slow. Every 100 ms. */
void mr_server_tick(struct mr_server *self, uint64_t now_ns);

/* mr_server_flush waits at most timeout_ms for the responses that are being written: the last act
 * before the end. */
void mr_server_flush(struct mr_server *self, int timeout_ms);

size_t mr_server_client_count(const struct mr_server *self);

/* mr_server_role is the rule itself: root and server_uid are admins; a member of group (primary or
 * among groups) is a viewer. group (gid_t)-1: nobody is. */
enum mr_ctl_role mr_server_role(uid_t server_uid, gid_t group, uid_t uid, gid_t gid,
				const gid_t *groups, size_t group_count);

#endif
