/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/rpc - frames and messages.
 */
#include "ctl/rpc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { RPC_GROW_BYTES = 16 << 10 };

/* ---- frames ---- */

int
mr_rpc_frame_room(struct mr_rpc_frame *self, void **at, size_t *room_bytes)
{
	if (self->head_bytes < sizeof(self->head)) {
		*at = self->head + self->head_bytes;
		*room_bytes = sizeof(self->head) - self->head_bytes;
		return 0;
	}
	if (self->have_bytes == self->room_bytes) {
		/* Doubling, but never past what was promised, and one byte for a NUL. */
		uint64_t room = MR_MAX((uint64_t)self->room_bytes * 2, (uint64_t)RPC_GROW_BYTES);
		char *body;

		room = MR_MIN(room, (uint64_t)self->body_bytes);
		body = realloc(self->body, room + 1);
		if (!body)
			return -ENOMEM;
		self->body = body;
		self->room_bytes = (uint32_t)room;
	}
	*at = self->body + self->have_bytes;
	*room_bytes = self->room_bytes - self->have_bytes;
	return 0;
}

int
mr_rpc_frame_took(struct mr_rpc_frame *self, size_t bytes, uint32_t limit_bytes)
{
	if (self->head_bytes < sizeof(self->head)) {
		MR_ASSERT(bytes <= sizeof(self->head) - self->head_bytes);
		self->head_bytes += (uint32_t)bytes;
		if (self->head_bytes < sizeof(self->head))
			return 0;
		self->body_bytes = mr_load_be32(self->head);
		return self->body_bytes && self->body_bytes <= limit_bytes ? 0 : -EMSGSIZE;
	}
	MR_ASSERT(bytes <= self->room_bytes - self->have_bytes);
	self->have_bytes += (uint32_t)bytes;
	if (self->have_bytes < self->body_bytes)
		return 0;
	self->body[self->have_bytes] = 0;
	return 1;
}

void
mr_rpc_frame_reset(struct mr_rpc_frame *self)
{
	free(self->body);
	*self = (struct mr_rpc_frame){ 0 };
}

int
mr_rpc_encode(const json_t *message, uint32_t limit_bytes, char **frame, size_t *frame_bytes)
{
	size_t body_bytes = json_dumpb(message, NULL, 0, JSON_COMPACT);
	char *bytes;

	if (!body_bytes)
		return -EINVAL;
	if (body_bytes > limit_bytes)
		return -EMSGSIZE;
	bytes = malloc(body_bytes + 4);
	if (!bytes)
		return -ENOMEM;
	mr_store_be32(bytes, (uint32_t)body_bytes);
	json_dumpb(message, bytes + 4, body_bytes, JSON_COMPACT);
	*frame = bytes;
	*frame_bytes = body_bytes + 4;
	return 0;
}

/* ---- messages ---- */

json_t *
mr_rpc_request(const char *command, json_t *args)
{
	return json_pack("{si ss so}", "v", MR_RPC_VERSION, "command", command, "args",
			 args ? args : json_object());
}

json_t *
mr_rpc_result(json_t *result)
{
	return json_pack("{si sb so}", "v", MR_RPC_VERSION, "ok", 1, "result",
			 result ? result : json_object());
}

json_t *
mr_rpc_failure(const char *code, const char *text)
{
	json_t *message = json_pack("{si sb s{ss ss}}", "v", MR_RPC_VERSION, "ok", 0, "error",
				    "code", code, "text", text);

	/* A file's name may be no UTF-8; the code still says what happened. */
	return message ? message
		       : json_pack("{si sb s{ss ss}}", "v", MR_RPC_VERSION, "ok", 0, "error",
				   "code", code, "text", "(the text is not UTF-8)");
}

const char *
mr_rpc_request_read(const char *body, size_t body_bytes, json_t **message, const char **command,
		    json_t **args, struct mr_error *error)
{
	json_error_t json_error;
	json_t *request = json_loadb(body, body_bytes, JSON_REJECT_DUPLICATES, &json_error);
	const char *code = "bad_request";
	json_t *version, *value;

	if (!request) {
		(void)mr_error_set(error, -EINVAL, "the request is not JSON: %s", json_error.text);
		return code;
	}
	version = json_object_get(request, "v");
	*command = json_string_value(json_object_get(request, "command"));
	value = json_object_get(request, "args");
	if (!json_is_integer(version)) {
		(void)mr_error_set(error, -EINVAL, "the request has no version 'v'");
	} else if (json_integer_value(version) != MR_RPC_VERSION) {
		(void)mr_error_set(error, -EINVAL, "version %lld is spoken by nobody here, only %d",
				   (long long)json_integer_value(version), MR_RPC_VERSION);
		code = "unknown_version";
	} else if (!*command) {
		(void)mr_error_set(error, -EINVAL, "the request has no 'command'");
	} else if (value && !json_is_object(value)) {
		(void)mr_error_set(error, -EINVAL, "the request's 'args' are not an object");
	} else {
		*message = request;
		*args = value;
		return NULL;
	}
	json_decref(request);
	return code;
}

/* ---- client ---- */

int
mr_rpc_connect(const char *path, struct mr_error *error)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, rc;

	if (strlen(path) >= sizeof(addr.sun_path))
		return mr_error_set(error, -ENAMETOOLONG, "%s: the socket's name is too long",
				    path);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return mr_error_set(error, -errno, "socket: %s", strerror(errno));
	if (!connect(fd, (const struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	rc = -errno;
	close(fd);
	if (rc == -ENOENT || rc == -ECONNREFUSED)
		return mr_error_set(error, rc, "%s: nobody listens; is millraced running?", path);
	if (rc == -EACCES)
		return mr_error_set(error, rc, "%s: permission denied; be root or in its group",
				    path);
	return mr_error_set(error, rc, "%s: %s", path, strerror(-rc));
}

static int
rpc_send(int fd, const char *bytes, size_t byte_count)
{
	while (byte_count) {
		ssize_t sent = send(fd, bytes, byte_count, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -errno;
		bytes += sent;
		byte_count -= (size_t)sent;
	}
	return 0;
}

static int
rpc_receive(int fd, struct mr_rpc_frame *frame)
{
	int rc = 0;

	while (!rc) {
		size_t room_bytes;
		void *at;
		ssize_t got;

		rc = mr_rpc_frame_room(frame, &at, &room_bytes);
		if (rc)
			break;
		got = recv(fd, at, room_bytes, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -ECONNRESET;
		rc = mr_rpc_frame_took(frame, (size_t)got, MR_RPC_FRAME_BYTES);
	}
	return rc < 0 ? rc : 0;
}

int
mr_rpc_call(int fd, const char *command, json_t *args, json_t **response, struct mr_error *error)
{
	json_t *request = mr_rpc_request(command, args);
	struct mr_rpc_frame frame = { 0 };
	size_t bytes;
	char *out;
	int rc = request ? mr_rpc_encode(request, MR_RPC_REQUEST_BYTES, &out, &bytes) : -EINVAL;

	json_decref(request);
	if (rc)
		return mr_error_set(error, rc, "the request cannot be sent: %s", strerror(-rc));
	rc = rpc_send(fd, out, bytes);
	free(out);
	if (!rc || rc == -EPIPE) /* a server that refuses may have answered and closed */
		rc = rpc_receive(fd, &frame);
	if (rc) {
		mr_rpc_frame_reset(&frame);
		return mr_error_set(error, rc, "the connection broke: %s", strerror(-rc));
	}
	*response = json_loadb(frame.body, frame.body_bytes, 0, NULL);
	mr_rpc_frame_reset(&frame);
	if (!json_is_boolean(json_object_get(*response, "ok"))) {
		json_decref(*response);
		return mr_error_set(error, -EPROTO, "the answer is not understood");
	}
	return 0;
}
