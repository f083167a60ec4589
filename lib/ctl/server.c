/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/server - clients on a UNIX socket.
 */
#include "ctl/server.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl/server_int.h"
#include "ctl/txn.h"

enum { SERVER_READS_PER_EVENT = 16, SERVER_GROUPS = 256 };

enum client_state { CLIENT_FREE, CLIENT_READING, CLIENT_CALLING, CLIENT_WRITING };

struct client {
	struct mr_server *server;
	enum client_state state;
	enum mr_ctl_role role;
	bool last; /* close once the response is written */
	int fd;
	uint32_t generation;
	uid_t uid;
	pid_t pid;
	uint64_t moved_ns; /* last byte in or out */
	struct mr_loop_source *source;
	struct mr_rpc_frame in;
	char *out;
	size_t out_bytes, out_sent;
};

struct mr_server {
	struct mr_loop *loop;
	struct mr_loop_source *source;
	struct server_socket socket;
	struct mr_server_config config;
	size_t client_count;
	struct client clients[MR_SERVER_CLIENTS];
};

static void
server_count(struct mr_server *self, enum mr_control_metric metric)
{
	mr_metric_add(*self->config.metrics, metric, 1);
}

static void
client_close(struct client *client)
{
	mr_loop_remove(client->server->loop, client->source);
	close(client->fd);
	mr_rpc_frame_reset(&client->in);
	free(client->out);
	client->source = NULL;
	client->out = NULL;
	client->state = CLIENT_FREE;
	client->generation++; /* an answer that is on its way finds nobody */
	client->server->client_count--;
}

/* client_write sends what the socket takes; the rest at the next EPOLLOUT. */
static void
client_write(struct client *client)
{
	while (client->out_sent < client->out_bytes) {
		ssize_t sent =
			send(client->fd, client->out + client->out_sent,
			     client->out_bytes - client->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN) {
			mr_loop_change(client->server->loop, client->source, EPOLLOUT | EPOLLRDHUP);
			return;
		}
		if (sent < 0) {
			client_close(client);
			return;
		}
		client->out_sent += (size_t)sent;
		client->moved_ns = mr_clock_now_ns();
	}
	free(client->out);
	client->out = NULL;
	if (client->last) {
		client_close(client);
		return;
	}
	client->state = CLIENT_READING;
	mr_loop_change(client->server->loop, client->source, EPOLLIN | EPOLLRDHUP);
}

/* client_respond takes message. */
static void
client_respond(struct client *client, json_t *message)
{
	int rc = -ENOMEM;

	if (!json_is_true(json_object_get(message, "ok")))
		server_count(client->server, MR_CONTROL_request_fail);
	if (message)
		rc = mr_rpc_encode(message, MR_RPC_FRAME_BYTES, &client->out, &client->out_bytes);
	json_decref(message);
	if (rc == -EMSGSIZE) {
		message = mr_rpc_failure("too_large", "the answer is larger than 16 MiB");
		rc = mr_rpc_encode(message, MR_RPC_FRAME_BYTES, &client->out, &client->out_bytes);
		json_decref(message);
	}
	if (rc) {
		client_close(client);
		return;
	}
	client->out_sent = 0;
	client->moved_ns = mr_clock_now_ns();
	client->state = CLIENT_WRITING;
	client_write(client);
}

static void
client_call(struct client *client)
{
	struct mr_server *self = client->server;
	struct mr_error error = { 0 };
	struct mr_call call = { .id = { (uint32_t)(client - self->clients), client->generation },
				.role = client->role,
				.uid = client->uid,
				.pid = client->pid };
	const char *name, *nearest, *code;
	json_t *message = NULL;

	server_count(self, MR_CONTROL_request);
	client->state = CLIENT_CALLING;
	/* Nothing is read while a call runs; that the client leaves is still seen. */
	mr_loop_change(self->loop, client->source, EPOLLRDHUP);
	code = mr_rpc_request_read(client->in.body, client->in.body_bytes, &message, &name,
				   &call.args, &error);
	mr_rpc_frame_reset(&client->in);
	if (!code) {
		call.command = mr_command_find(name);
		nearest = call.command ? NULL : mr_command_nearest(name);
		if (!call.command) {
			code = "unknown_command";
			(void)mr_error_set(&error, -EINVAL,
					   nearest ? "no command '%.64s'; did you mean '%s'?"
						   : "no command '%.64s'",
					   name, nearest);
		} else if (mr_command_is_local(call.command)) {
			code = "unknown_command";
			(void)mr_error_set(&error, -EINVAL, "%s is done by millctl, not here",
					   name);
		} else if (call.command->role > call.role) {
			code = "forbidden";
			(void)mr_error_set(&error, -EPERM, "%s is for administrators", name);
		} else if (mr_command_check(call.command, call.args, &error)) {
			code = "bad_argument";
		}
	}
	if (code)
		client_respond(client, mr_rpc_failure(code, error.text));
	else
		self->config.on_call(self->config.context, &call);
	json_decref(message);
}

static void
client_read(struct client *client)
{
	for (int i = 0; i < SERVER_READS_PER_EVENT; i++) {
		size_t room_bytes;
		ssize_t got;
		void *at;
		int rc;

		if (mr_rpc_frame_room(&client->in, &at, &room_bytes)) {
			client_close(client);
			return;
		}
		got = recv(client->fd, at, room_bytes, MSG_DONTWAIT);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got <= 0) {
			client_close(client);
			return;
		}
		client->moved_ns = mr_clock_now_ns();
		rc = mr_rpc_frame_took(&client->in, (size_t)got, MR_RPC_REQUEST_BYTES);
		if (rc < 0) { /* no frame can be found after this one */
			server_count(client->server, MR_CONTROL_client_broken);
			client->last = true;
			client_respond(client,
				       mr_rpc_failure("too_large", "a request is 1 byte to 1 MiB"));
			return;
		}
		if (rc) {
			client_call(client);
			return;
		}
	}
}

static void
client_event(void *context, uint32_t events)
{
	struct client *client = context;

	switch (client->state) {
	case CLIENT_READING:
		if (events & EPOLLIN)
			client_read(client);
		else
			client_close(client);
		return;
	case CLIENT_CALLING:
		/* A client that has shut down its sending half, only, still waits for the answer;
		 * one that is gone altogether does not. */
		if (events & (EPOLLHUP | EPOLLERR))
			client_close(client);
		else
			mr_loop_change(client->server->loop, client->source, 0);
		return;
	case CLIENT_WRITING:
		if (events & (EPOLLHUP | EPOLLERR))
			client_close(client);
		else if (events & EPOLLOUT)
			client_write(client);
		return;
	case CLIENT_FREE:
		MR_ASSERT(0);
	}
}

/* ---- coming in ---- */

enum mr_ctl_role
mr_server_role(uid_t server_uid, gid_t group, uid_t uid, gid_t gid, const gid_t *groups,
	       size_t group_count)
{
	if (uid == 0 || uid == server_uid)
		return MR_CTL_ADMIN;
	if (group == (gid_t)-1)
		return MR_CTL_NOBODY;
	if (gid == group)
		return MR_CTL_VIEWER;
	for (size_t i = 0; i < group_count; i++)
		if (groups[i] == group)
			return MR_CTL_VIEWER;
	return MR_CTL_NOBODY;
}

/* server_turn_away says one line to a client that gets no slot, and closes it. */
static void
server_turn_away(struct mr_server *self, int fd, const char *code, const char *text)
{
	json_t *message = mr_rpc_failure(code, text);
	char *frame;
	size_t bytes;

	server_count(self, MR_CONTROL_client_refuse);
	if (!mr_rpc_encode(message, MR_RPC_FRAME_BYTES, &frame, &bytes)) {
		/* A fresh socket's buffer takes a line; if not, it is not worth waiting. */
		if (send(fd, frame, bytes, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			server_count(self, MR_CONTROL_client_slow);
		free(frame);
	}
	json_decref(message);
	close(fd);
}

static struct client *
server_slot(struct mr_server *self)
{
	struct client *idle = NULL;

	for (size_t i = 0; i < MR_SERVER_CLIENTS; i++)
		if (self->clients[i].state == CLIENT_FREE)
			return &self->clients[i];
	/* Full: who has been idle longest between requests makes room. */
	for (size_t i = 0; i < MR_SERVER_CLIENTS; i++) {
		struct client *client = &self->clients[i];

		if (client->state == CLIENT_READING && !client->in.head_bytes &&
		    (!idle || client->moved_ns < idle->moved_ns))
			idle = client;
	}
	if (idle)
		client_close(idle);
	return idle;
}

static void
server_admit(struct mr_server *self, int fd)
{
	struct ucred peer = { .pid = 0 };
	gid_t groups[SERVER_GROUPS];
	socklen_t peer_bytes = sizeof(peer), groups_bytes = sizeof(groups);
	struct client *client;
	enum mr_ctl_role role;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_bytes)) {
		server_turn_away(self, fd, "forbidden", "who are you?");
		return;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_bytes))
		groups_bytes = 0;
	role = mr_server_role(self->socket.uid, self->socket.gid, peer.uid, peer.gid, groups,
			      groups_bytes / sizeof(groups[0]));
	if (role == MR_CTL_NOBODY) {
		server_turn_away(self, fd, "forbidden", "neither root nor in the control group");
		return;
	}
	client = server_slot(self);
	if (!client) {
		server_turn_away(self, fd, "busy", "too many clients; try again");
		return;
	}
	*client = (struct client){ .server = self,
				   .state = CLIENT_READING,
				   .role = role,
				   .fd = fd,
				   .generation = client->generation,
				   .uid = peer.uid,
				   .pid = peer.pid,
				   .moved_ns = mr_clock_now_ns() };
	client->source =
		mr_loop_add(self->loop, fd, EPOLLIN | EPOLLRDHUP, client_event, client, NULL);
	if (!client->source) {
		client->state = CLIENT_FREE;
		close(fd);
		return;
	}
	self->client_count++;
	server_count(self, MR_CONTROL_client_accept);
}

static void
server_accept(void *context, uint32_t events)
{
	struct mr_server *self = context;

	(void)events;
	for (int i = 0; i < MR_SERVER_CLIENTS; i++) {
		int fd = accept4(self->socket.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return; /* nobody waits, or it left again */
		server_admit(self, fd);
	}
}

/* ---- the server ---- */

int
mr_server_create(struct mr_server **out, struct mr_loop *loop,
		 const struct mr_server_config *config, struct mr_error *error)
{
	struct mr_server *self = calloc(1, sizeof(*self));
	int rc;

	if (!self)
		return mr_error_set(error, -ENOMEM, "out of memory");
	self->loop = loop;
	self->config = *config;
	rc = server_socket_open(&self->socket, config, error);
	if (rc) {
		free(self);
		return rc;
	}
	self->source = mr_loop_add(loop, self->socket.fd, EPOLLIN, server_accept, self, error);
	if (!self->source) {
		server_socket_close(&self->socket);
		free(self);
		return error ? error->code : -ENOMEM;
	}
	*out = self;
	return 0;
}

void
mr_server_destroy(struct mr_server *self)
{
	if (!self)
		return;
	for (size_t i = 0; i < MR_SERVER_CLIENTS; i++)
		if (self->clients[i].state != CLIENT_FREE)
			client_close(&self->clients[i]);
	mr_loop_remove(self->loop, self->source);
	server_socket_close(&self->socket);
	free(self);
}

void
mr_server_answer(struct mr_server *self, struct mr_call_id id, json_t *message)
{
	struct client *client = &self->clients[id.slot];

	if (client->generation != id.generation || client->state != CLIENT_CALLING) {
		json_decref(message); /* it went away */
		return;
	}
	client_respond(client, message);
}

void
mr_server_tick(struct mr_server *self, uint64_t now_ns)
{
	for (size_t i = 0; i < MR_SERVER_CLIENTS; i++) {
		struct client *client = &self->clients[i];
		bool amid = client->state == CLIENT_WRITING ||
			    (client->state == CLIENT_READING && client->in.head_bytes);

		if (!amid || now_ns < client->moved_ns + MR_SERVER_SLOW_NS)
			continue;
		server_count(self, MR_CONTROL_client_slow);
		client_close(client);
	}
}

void
mr_server_flush(struct mr_server *self, int timeout_ms)
{
	uint64_t end_ns = mr_clock_now_ns() + (uint64_t)timeout_ms * MR_NS_PER_MS;

	for (size_t i = 0; i < MR_SERVER_CLIENTS; i++) {
		struct client *client = &self->clients[i];

		while (client->state == CLIENT_WRITING && mr_clock_now_ns() < end_ns) {
			struct pollfd event = { client->fd, POLLOUT, 0 };

			if (poll(&event, 1, 10) > 0)
				client_write(client);
		}
	}
}

size_t
mr_server_client_count(const struct mr_server *self)
{
	return self->client_count;
}
