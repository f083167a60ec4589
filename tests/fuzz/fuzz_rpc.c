/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_rpc - any bytes from a client: into a live server with a fake box, by its socket. Then an
 * honest client must be served.
 *
 * `stop` is answered and the loop goes on: the fuzzer turns it itself.
 */
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>

#include "../ctl/fake.h"
#include "ctl/ctl_int.h"

static struct fake_box box;

static void
box_close(void)
{
	fake_close(&box);
}

static void
box_open(void)
{
	struct mr_error error = { 0 };

	mr_log_level_set((enum mr_log_level)0);
	MR_ASSERT(!fake_open(&box, FAKE_CONFIG("[192.0.2.1]", FAKE_ZONES), &error));
	MR_ASSERT(!mr_ctl_boot(box.ctl, &box.box, box.config, &error));
	mr_log_level_set((enum mr_log_level)0);
	atexit(box_close);
}

/* drain takes what the server has said, so that it never waits for this client. */
static void
drain(int fd)
{
	char bytes[4096];

	while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count)
{
	json_t *request, *message = NULL, *args = NULL;
	struct mr_rpc_frame frame = { 0 };
	struct mr_error error = { 0 };
	const char *command;
	size_t sent = 0;
	int fd;

	if (!box.ctl)
		box_open();
	fd = mr_rpc_connect(box.socket_path, &error);
	MR_ASSERT(fd >= 0);
	while (sent < byte_count) {
		ssize_t took =
			send(fd, bytes + sent, byte_count - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (took <= 0)
			break;
		sent += (size_t)took;
	}
	for (int i = 0; i < 8; i++) {
		mr_loop_turn(box.ctl->loop, 0);
		drain(fd);
	}
	mr_txn_wait(box.ctl->engine);
	close(fd);
	/* The same bytes as one body, without the framing. */
	if (!mr_rpc_request_read((const char *)bytes, byte_count, &message, &command, &args,
				 &error))
		json_decref(message);
	/* And an honest one. */
	fd = mr_rpc_connect(box.socket_path, &error);
	MR_ASSERT(fd >= 0);
	request = mr_rpc_request("status", NULL);
	{
		size_t frame_bytes;
		char *out;

		MR_ASSERT(!mr_rpc_encode(request, MR_RPC_REQUEST_BYTES, &out, &frame_bytes));
		MR_ASSERT(send(fd, out, frame_bytes, MSG_NOSIGNAL) == (ssize_t)frame_bytes);
		free(out);
	}
	json_decref(request);
	for (int i = 0;; i++) {
		size_t room;
		ssize_t got;
		void *at;

		MR_ASSERT(i < 1000);
		mr_loop_turn(box.ctl->loop, 0);
		MR_ASSERT(!mr_rpc_frame_room(&frame, &at, &room));
		got = recv(fd, at, room, MSG_DONTWAIT);
		if (got > 0 && mr_rpc_frame_took(&frame, (size_t)got, MR_RPC_FRAME_BYTES) == 1)
			break;
	}
	MR_ASSERT(strstr(frame.body, "\"ok\":true"));
	mr_rpc_frame_reset(&frame);
	close(fd);
	return 0;
}
