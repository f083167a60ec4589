/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/rpc - the wire between millctl and millraced: length-prefixed JSON over a UNIX socket.
 *
 *   frame     4 bytes of length, big-endian, then that many bytes of JSON (1 .. the receiver's
 * limit) request   {"v": 1, "command": "zone reload", "args": {"name": "example.com"}} response
 * {"v": 1, "ok": true, "result": …}
 *             {"v": 1, "ok": false, "error": {"code": "failed", "text": "…"}}
 *
 * One response for each request, in order. Error codes are for programs and stay as they are:
 *
 *   bad_request      not JSON, or not of this shape           unknown_command
 *   unknown_version                                           bad_argument
 *   forbidden        the role does not reach                  failed     the command says why
 *   busy             ask again later                          too_large  the frame, or the answer
 *
 * Owner: the caller. Thread: any but workers. Memory: the heap; a frame's room grows as its bytes
 * come, so a length that lies costs nothing.
 */
#ifndef MR_CTL_RPC_H
#define MR_CTL_RPC_H

#include <jansson.h>

#include "base/base.h"

enum {
	MR_RPC_VERSION = 1,
	MR_RPC_FRAME_BYTES = 16 << 20,  /* of a response */
	MR_RPC_REQUEST_BYTES = 1 << 20, /* of a request */
};

/* ---- reading frames ---- */

/* One frame as it comes. Zero it to begin. */
struct mr_rpc_frame {
	uint8_t head[4];
	uint32_t head_bytes; /* that are here */
	uint32_t body_bytes; /* promised by head */
	uint32_t have_bytes, room_bytes;
	char *body;
};

/* mr_rpc_frame_room says where the next bytes go and how many at most: never past this frame. */
MR_MUST_USE int mr_rpc_frame_room(struct mr_rpc_frame *self, void **at, size_t *room_bytes);

/* mr_rpc_frame_took counts bytes that were put there. Returns 1 when the frame is whole, 0 when
 * more must come, -EMSGSIZE when its length is 0 or above limit_bytes (there is no way to go on).
 */
MR_MUST_USE int mr_rpc_frame_took(struct mr_rpc_frame *self, size_t bytes, uint32_t limit_bytes);

/* mr_rpc_frame_reset frees the body and makes the frame ready for the next one. */
void mr_rpc_frame_reset(struct mr_rpc_frame *self);

/* ---- writing ---- */

/* mr_rpc_encode gives message as one frame on the heap; -EMSGSIZE above limit_bytes. */
MR_MUST_USE int mr_rpc_encode(const json_t *message, uint32_t limit_bytes, char **frame,
			      size_t *frame_bytes);

/* mr_rpc_request, _result and _failure make messages (new references). args and result are taken;
 * NULL stands for an empty object. */
json_t *mr_rpc_request(const char *command, json_t *args);
json_t *mr_rpc_result(json_t *result);
json_t *mr_rpc_failure(const char *code, const char *text);

/* mr_rpc_request_read takes a body apart: *message is a new reference that command and args point
 * into. On failure returns the error's code, with what to say in error; NULL on success. */
const char *mr_rpc_request_read(const char *body, size_t body_bytes, json_t **message,
				const char **command, json_t **args, struct mr_error *error);

/* ---- the client's side ---- */

/* mr_rpc_connect gives a socket connected to path, or -errno with error filled. */
MR_MUST_USE int mr_rpc_connect(const char *path, struct mr_error *error);

/* mr_rpc_call sends one request and waits for its response (a new reference, whole). args is taken.
 * Returns 0 or -errno when the connection failed. */
MR_MUST_USE int mr_rpc_call(int fd, const char *command, json_t *args, json_t **response,
			    struct mr_error *error);

#endif
