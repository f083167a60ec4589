/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/rpc and ctl/server - frames cut anywhere, requests that are none, clients that misbehave.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "ctl/server.h" /* the role rule is not part of ctl.h */
#include "fake.h"

/* ---- frames ---- */

/* feed puts bytes into frame in pieces of at most step; returns the last verdict. */
static int
feed(struct mr_rpc_frame *frame, const char *bytes, size_t count, size_t step, uint32_t limit)
{
	int rc = 0;

	while (!rc && count) {
		size_t room, piece;
		void *at;

		assert_int_equal(mr_rpc_frame_room(frame, &at, &room), 0);
		assert_true(room > 0);
		piece = MR_MIN(MR_MIN(room, step), count);
		memcpy(at, bytes, piece);
		bytes += piece;
		count -= piece;
		rc = mr_rpc_frame_took(frame, piece, limit);
	}
	return rc;
}

static void
a_frame_may_be_cut_at_each_byte(void **state)
{
	json_t *message = mr_rpc_request("zone reload", json_pack("{ss}", "name", "example.com"));
	size_t bytes;
	char *out;

	(void)state;
	assert_int_equal(mr_rpc_encode(message, 4096, &out, &bytes), 0);
	for (size_t cut = 0; cut <= bytes; cut++) {
		struct mr_rpc_frame frame = { 0 };
		int rc = feed(&frame, out, cut, 1 << 20, 4096);

		assert_int_equal(rc, cut == bytes);
		if (cut < bytes)
			rc = feed(&frame, out + cut, bytes - cut, 1 << 20, 4096);
		assert_int_equal(rc, 1);
		assert_int_equal(frame.body_bytes, bytes - 4);
		assert_memory_equal(frame.body, out + 4, bytes - 4);
		mr_rpc_frame_reset(&frame);
	}
	for (size_t step = 1; step < 9; step++) {
		struct mr_rpc_frame frame = { 0 };

		assert_int_equal(feed(&frame, out, bytes, step, 4096), 1);
		mr_rpc_frame_reset(&frame);
	}
	free(out);
	json_decref(message);
}

static void
lengths_have_bounds_on_both_sides(void **state)
{
	static const struct {
		uint32_t length;
		int rc;
	} heads[] = {
		{ 0, -EMSGSIZE },          { 1, 0 }, { 100, 0 }, { 101, -EMSGSIZE },
		{ UINT32_MAX, -EMSGSIZE },
	};

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(heads); i++) {
		struct mr_rpc_frame frame = { 0 };
		char head[4];

		mr_store_be32(head, heads[i].length);
		assert_int_equal(feed(&frame, head, 4, 4, 100), heads[i].rc);
		assert_null(frame.body); /* a promise takes no memory */
		mr_rpc_frame_reset(&frame);
	}
}

static void
a_large_body_grows_as_it_comes(void **state)
{
	struct mr_rpc_frame frame = { 0 };
	char head[4], some[1000];
	uint32_t peak = 0;

	(void)state;
	memset(some, 'x', sizeof(some));
	mr_store_be32(head, MR_RPC_FRAME_BYTES);
	assert_int_equal(feed(&frame, head, 4, 4, MR_RPC_FRAME_BYTES), 0);
	assert_int_equal(feed(&frame, some, sizeof(some), 1000, MR_RPC_FRAME_BYTES), 0);
	peak = frame.room_bytes;
	assert_true(peak <= 64 << 10);
	mr_rpc_frame_reset(&frame);
}

static void
an_answer_above_the_limit_is_not_encoded(void **state)
{
	json_t *message = mr_rpc_result(json_string("0123456789"));
	size_t bytes, size = json_dumpb(message, NULL, 0, JSON_COMPACT);
	char *out;

	(void)state;
	assert_int_equal(mr_rpc_encode(message, (uint32_t)size - 1, &out, &bytes), -EMSGSIZE);
	assert_int_equal(mr_rpc_encode(message, (uint32_t)size, &out, &bytes), 0);
	free(out);
	json_decref(message);
}

static void
requests_of_a_wrong_shape_are_named(void **state)
{
	static const struct {
		const char *body, *code, *text;
	} wrong[] = {
		{ "{\"v\":2,\"command\":\"status\"}", "unknown_version",
		  "version 2 is spoken by nobody here, only 1" },
		{ "{\"command\":\"status\"}", "bad_request", "the request has no version 'v'" },
		{ "{\"v\":1}", "bad_request", "the request has no 'command'" },
		{ "{\"v\":1,\"command\":7}", "bad_request", "the request has no 'command'" },
		{ "{\"v\":1,\"command\":\"status\",\"args\":[]}", "bad_request",
		  "the request's 'args' are not an object" },
		{ "[1]", "bad_request", "the request has no version 'v'" },
	};
	struct mr_error error;
	json_t *message, *args;
	const char *command;

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(wrong); i++) {
		error = (struct mr_error){ 0 };
		assert_string_equal(mr_rpc_request_read(wrong[i].body, strlen(wrong[i].body),
							&message, &command, &args, &error),
				    wrong[i].code);
		assert_string_equal(error.text, wrong[i].text);
	}
	assert_string_equal(mr_rpc_request_read("{\"v\":1,", 7, &message, &command, &args, NULL),
			    "bad_request");
	assert_string_equal(mr_rpc_request_read("{\"v\":1,\"v\":1}", 13, &message, &command, &args,
						NULL),
			    "bad_request");
}

/* ---- roles ---- */

static void
roles_follow_uid_and_groups(void **state)
{
	const gid_t groups[] = { 7, 50 };

	(void)state;
	assert_int_equal(mr_server_role(1000, 50, 0, 99, NULL, 0), MR_CTL_ADMIN);
	assert_int_equal(mr_server_role(1000, 50, 1000, 99, NULL, 0), MR_CTL_ADMIN);
	assert_int_equal(mr_server_role(1000, 50, 1001, 50, NULL, 0), MR_CTL_VIEWER);
	assert_int_equal(mr_server_role(1000, 50, 1001, 99, groups, 2), MR_CTL_VIEWER);
	assert_int_equal(mr_server_role(1000, 50, 1001, 99, groups, 1), MR_CTL_NOBODY);
	assert_int_equal(mr_server_role(1000, (gid_t)-1, 1001, (gid_t)-1, NULL, 0), MR_CTL_NOBODY);
}

static void
what_changes_things_is_for_administrators(void **state)
{
	static const char *const admin[] = { "config check", "config load",    "zone reload",
					     "log reopen",   "drain",          "stop",
					     "origin drain", "origin disable", "origin enable" };
	const struct mr_command *command;
	size_t found = 0;

	(void)state;
	for (size_t i = 0; (command = mr_command_at(i)); i++) {
		bool changes = false;

		for (size_t j = 0; j < MR_ARRAY_COUNT(admin); j++)
			changes |= !strcmp(admin[j], command->name);
		found += changes;
		assert_int_equal(command->role, changes ? MR_CTL_ADMIN : MR_CTL_VIEWER);
	}
	assert_int_equal(found, MR_ARRAY_COUNT(admin));
}

/* ---- the server ---- */

static void
start(struct fake_box *box)
{
	struct mr_error error = { 0 };

	assert_int_equal(fake_open(box, FAKE_CONFIG("[192.0.2.1]", FAKE_ZONES), &error), 0);
	assert_int_equal(fake_start(box, &error), 0);
}

/* raw sends bytes as they are and reads one answer. */
static json_t *
raw(const struct fake_box *box, const void *bytes, size_t count)
{
	int fd = mr_rpc_connect(box->socket_path, NULL);
	struct mr_rpc_frame frame = { 0 };
	json_t *answer;
	int rc = 0;

	assert_true(fd >= 0);
	assert_int_equal(send(fd, bytes, count, MSG_NOSIGNAL), count);
	while (!rc) {
		size_t room;
		ssize_t got;
		void *at;

		assert_int_equal(mr_rpc_frame_room(&frame, &at, &room), 0);
		got = recv(fd, at, room, 0);
		assert_true(got > 0);
		rc = mr_rpc_frame_took(&frame, (size_t)got, MR_RPC_FRAME_BYTES);
	}
	assert_int_equal(rc, 1);
	answer = json_loadb(frame.body, frame.body_bytes, 0, NULL);
	mr_rpc_frame_reset(&frame);
	close(fd);
	return answer;
}

static void
refused(const struct fake_box *box, const char *body, const char *code)
{
	char bytes[256];
	json_t *answer;

	mr_store_be32(bytes, (uint32_t)strlen(body));
	memcpy(bytes + 4, body, strlen(body));
	answer = raw(box, bytes, 4 + strlen(body));
	assert_string_equal(json_string_value(
				    json_object_get(json_object_get(answer, "error"), "code")),
			    code);
	json_decref(answer);
}

static void
the_server_refuses_by_code(void **state)
{
	struct fake_box box;
	json_t *answer;

	(void)state;
	start(&box);
	refused(&box, "garbage", "bad_request");
	refused(&box, "{\"v\":9,\"command\":\"status\"}", "unknown_version");
	refused(&box, "{\"v\":1,\"command\":\"statu\"}", "unknown_command");
	refused(&box, "{\"v\":1,\"command\":\"status\",\"args\":{\"x\":\"y\"}}", "bad_argument");
	refused(&box, "{\"v\":1,\"command\":\"zone show\"}", "bad_argument");
	refused(&box, "{\"v\":1,\"command\":\"zone show\",\"args\":{\"name\":7}}", "bad_argument");
	refused(&box, "{\"v\":1,\"command\":\"zone show\",\"args\":{\"name\":\"\"}}",
		"bad_argument");
	answer = raw(&box, "\xff\xff\xff\xff", 4);
	assert_string_equal(json_string_value(
				    json_object_get(json_object_get(answer, "error"), "code")),
			    "too_large");
	json_decref(answer);
	fake_stop(&box);
	fake_close(&box);
}

static void
many_clients_are_served_and_idle_ones_make_room(void **state)
{
	enum { CLIENTS = MR_SERVER_CLIENTS + 20 };
	int fds[CLIENTS];
	struct fake_box box;
	unsigned alive = 0;

	(void)state;
	start(&box);
	for (int i = 0; i < CLIENTS; i++) {
		json_t *answer = NULL;

		fds[i] = mr_rpc_connect(box.socket_path, NULL);
		assert_true(fds[i] >= 0);
		assert_int_equal(mr_rpc_call(fds[i], "status", NULL, &answer, NULL), 0);
		json_decref(answer);
	}
	for (int i = 0; i < CLIENTS; i++) { /* the oldest were let go, the newest still work */
		json_t *answer = NULL;

		if (!mr_rpc_call(fds[i], "status", NULL, &answer, NULL)) {
			alive++;
			json_decref(answer);
		} else {
			assert_true(i < CLIENTS - MR_SERVER_CLIENTS);
		}
		close(fds[i]);
	}
	assert_int_equal(alive, MR_SERVER_CLIENTS);
	fake_stop(&box);
	fake_close(&box);
}

static void
a_client_that_does_not_read_holds_up_nobody(void **state)
{
	json_t *request = mr_rpc_request("config schema", NULL), *answer;
	struct fake_box box;
	size_t bytes;
	char *frame;
	int fd;

	(void)state;
	start(&box);
	fd = mr_rpc_connect(box.socket_path, NULL);
	assert_int_equal(mr_rpc_encode(request, MR_RPC_REQUEST_BYTES, &frame, &bytes), 0);
	json_decref(request);
	/* asks until both buffers are full, and never reads */
	for (int i = 0; i < 100000; i++)
		if (send(fd, frame, bytes, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
	free(frame);
	for (int i = 0; i < 20; i++) {
		answer = fake_ask(&box, "status", NULL);
		assert_true(json_is_true(json_object_get(answer, "ok")));
		json_decref(answer);
	}
	close(fd);
	fake_stop(&box);
	fake_close(&box);
}

static void
a_client_that_leaves_amid_its_call_is_forgotten(void **state)
{
	json_t *request = mr_rpc_request("zone reload", NULL);
	struct fake_box box;
	size_t bytes;
	char *frame;

	(void)state;
	start(&box);
	assert_int_equal(mr_rpc_encode(request, MR_RPC_REQUEST_BYTES, &frame, &bytes), 0);
	json_decref(request);
	for (int i = 0; i < 20; i++) {
		int fd = mr_rpc_connect(box.socket_path, NULL);

		assert_int_equal(send(fd, frame, bytes, MSG_NOSIGNAL), bytes);
		close(fd);
	}
	free(frame);
	json_decref(fake_ask(&box, "zone reload", NULL)); /* behind all of them */
	fake_stop(&box);
	fake_close(&box);
}

static void
nobody_is_told_how_to_start(void **state)
{
	struct mr_error error = { 0 };

	(void)state;
	assert_int_equal(mr_rpc_connect("/nonexistent/m.sock", &error), -ENOENT);
	assert_string_equal(error.text,
			    "/nonexistent/m.sock: nobody listens; is millraced running?");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_may_be_cut_at_each_byte),
		cmocka_unit_test(lengths_have_bounds_on_both_sides),
		cmocka_unit_test(a_large_body_grows_as_it_comes),
		cmocka_unit_test(an_answer_above_the_limit_is_not_encoded),
		cmocka_unit_test(requests_of_a_wrong_shape_are_named),
		cmocka_unit_test(roles_follow_uid_and_groups),
		cmocka_unit_test(what_changes_things_is_for_administrators),
		cmocka_unit_test(the_server_refuses_by_code),
		cmocka_unit_test(many_clients_are_served_and_idle_ones_make_room),
		cmocka_unit_test(a_client_that_does_not_read_holds_up_nobody),
		cmocka_unit_test(a_client_that_leaves_amid_its_call_is_forgotten),
		cmocka_unit_test(nobody_is_told_how_to_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
