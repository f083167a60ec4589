/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl - the whole control plane by its socket: commands, reloads, refusals, and what stays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

#include "fake.h"

static void
start_counting(struct fake_box *box, uint32_t zone_counters)
{
	struct mr_error error = { 0 };
	int rc = fake_open(box, FAKE_CONFIG("[192.0.2.1]", FAKE_ZONES), &error);

	box->group.zone_counters = zone_counters;
	if (!rc)
		rc = fake_start(box, &error);
	if (rc)
		print_error("%s\n", error.text);
	assert_int_equal(rc, 0);
}

static void
start(struct fake_box *box)
{
	start_counting(box, 0);
}

static void
stop(struct fake_box *box)
{
	fake_stop(box);
	fake_close(box);
}

static const json_t *
at(const json_t *from, const char *key)
{
	const json_t *value = json_object_get(from, key);

	assert_non_null(value);
	return value;
}

static json_t *
good(const struct fake_box *box, const char *command, json_t *args)
{
	json_t *response = fake_ask(box, command, args);

	assert_non_null(response);
	if (!json_is_true(json_object_get(response, "ok")))
		print_error("%s\n", json_string_value(at(at(response, "error"), "text")));
	assert_true(json_is_true(at(response, "ok")));
	return response;
}

static void
bad(const struct fake_box *box, const char *command, json_t *args, const char *code,
    const char *text)
{
	json_t *response = fake_ask(box, command, args);

	assert_non_null(response);
	assert_true(json_is_false(at(response, "ok")));
	assert_string_equal(json_string_value(at(at(response, "error"), "text")), text);
	assert_string_equal(json_string_value(at(at(response, "error"), "code")), code);
	json_decref(response);
}

static json_int_t
counter(const struct fake_box *box, const char *name)
{
	json_t *response = good(box, "show counters", json_pack("{ss}", "prefix", name));
	json_t *rows = json_object_get(json_object_get(response, "result"), "counters");
	json_int_t value = -1;
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) if (!strcmp(json_string_value(at(row, "counter")), name))
		value = json_integer_value(at(row, "value"));
	json_decref(response);
	return value;
}

/* serial of a zone as the published world has it; -1: no such zone */
static json_int_t
serial(const struct fake_box *box, const char *zone)
{
	json_t *response = fake_ask(box, "zone show", json_pack("{ss}", "name", zone));
	json_int_t value = -1;

	if (json_is_true(at(response, "ok")))
		value = json_integer_value(at(at(at(response, "result"), "zone"), "serial"));
	json_decref(response);
	return value;
}

static json_int_t
generation(const struct fake_box *box)
{
	json_t *response = good(box, "status", NULL);
	json_int_t value = json_integer_value(at(at(response, "result"), "generation"));

	json_decref(response);
	return value;
}

static void
every_command_that_looks_answers(void **state)
{
	const struct mr_command *command;
	struct fake_box box;

	(void)state;
	start(&box);
	for (size_t i = 0; (command = mr_command_at(i)); i++) {
		json_t *args = json_object();

		if (command->role != MR_CTL_VIEWER || mr_command_is_local(command)) {
			json_decref(args);
			continue;
		}
		if (command->kind == MR_COMMAND_WORDS)
			json_object_set_new(args, command->arg,
					    json_pack("[ss]", "www.one.test", "A"));
		if (command->kind == MR_COMMAND_ZONE || command->kind == MR_COMMAND_ZONE_WORDS)
			json_object_set_new(args, command->arg, json_string("One.Test"));
		json_decref(good(&box, command->name, args));
	}
	bad(&box, "zone check", json_pack("{ss}", "file", "x"), "unknown_command",
	    "zone check is done by millctl, not here");
	assert_int_equal(generation(&box), 1);
	assert_int_equal(box.steers, 1);
	assert_int_equal(box.steer_rules, 3); /* UDP, TCP and ICMP */
	stop(&box);
}

static const char *
text_of(json_t *response)
{
	const char *text = json_string_value(at(at(response, "result"), "text"));

	assert_non_null(text);
	return text;
}

static void
records_of_a_name_are_shown_as_the_file_has_them(void **state)
{
	static const char *const names[] = { "ns", "ns.one.test", "NS.ONE.test." };
	struct fake_box box;
	json_t *response;

	(void)state;
	start(&box);
	for (size_t i = 0; i < MR_ARRAY_COUNT(names); i++) {
		response =
			good(&box, "zone show", json_pack("{s[ss]}", "name", "one.test", names[i]));
		assert_string_equal(text_of(response), "ns.one.test.\t60\tIN\tA\t192.0.2.53\n");
		json_decref(response);
	}
	response = good(&box, "zone show", json_pack("{s[sss]}", "name", "one.test", "@", "SOA"));
	assert_non_null(strstr(text_of(response), "SOA"));
	assert_null(strstr(text_of(response), "\tNS\t"));
	json_decref(response);
	response = good(&box, "zone show", json_pack("{s[sss]}", "name", "one.test", "ns", "MX"));
	assert_non_null(strstr(text_of(response), "no records"));
	json_decref(response);
	bad(&box, "zone show", json_pack("{s[ss]}", "name", "one.test", "nobody"), "failed",
	    "the zone has no name nobody");
	bad(&box, "zone show", json_pack("{s[ss]}", "name", "one.test", "ns.two.test."), "failed",
	    "ns.two.test. is no name of this zone");
	bad(&box, "zone show", json_pack("{s[sss]}", "name", "one.test", "ns", "NOTYPE"), "failed",
	    "NOTYPE is no type");
	stop(&box);
}

static void
a_trace_tells_the_steps_and_the_answer(void **state)
{
	struct fake_box box;
	json_t *response, *steps;
	const char *text;

	(void)state;
	start(&box);
	response = good(&box, "trace query",
			json_pack("{s[sssss]}", "question", "nobody.ns.one.test", "A", "--do",
				  "--client", "2001:db8::1"));
	text = text_of(response);
	assert_non_null(strstr(text, "rcode: NXDOMAIN"));
	assert_non_null(strstr(text, "one.test.\t60\tIN\tSOA"));
	steps = json_object_get(at(response, "result"), "steps");
	assert_int_equal(json_array_size(steps), 3);
	assert_string_equal(json_string_value(json_object_get(json_array_get(steps, 0), "zone")),
			    "one.test.");
	assert_string_equal(json_string_value(json_object_get(json_array_get(steps, 1), "node")),
			    "ns.one.test.");
	assert_string_equal(json_string_value(json_object_get(at(response, "result"), "client")),
			    "2001:db8::1");
	json_decref(response);
	bad(&box, "trace query", json_pack("{ss}", "question", "one.test"), "failed",
	    "trace query: NAME TYPE [--do] [--client ADDRESS] [--tcp]");
	bad(&box, "trace query", json_pack("{s[ss]}", "question", "one.test", "AXFR"), "failed",
	    "a transfer is not looked up: no steps");
	bad(&box, "trace query", json_pack("{s[sss]}", "question", "one.test", "A", "--no"),
	    "failed", "trace query: --do, --tcp or --client ADDRESS, not --no");
	bad(&box, "trace query", json_pack("{s[sss]}", "question", "one.test", "A", "--client"),
	    "failed", "trace query: --do, --tcp or --client ADDRESS, not --client");
	stop(&box);
}

static void
zone_reload_takes_the_new_file(void **state)
{
	struct fake_box box;
	json_t *response;

	(void)state;
	start(&box);
	fake_write(&box, "one", FAKE_ZONE("one.test.", 2, "www 60 IN A 192.0.2.80\n"));
	fake_write(&box, "two", FAKE_ZONE("two.test.", 2, ""));
	response = good(&box, "zone reload", json_pack("{ss}", "name", "ONE.test"));
	assert_int_equal(json_array_size(json_object_get(at(response, "result"), "zones")), 1);
	json_decref(response);
	assert_int_equal(serial(&box, "one.test"), 2);
	assert_int_equal(serial(&box, "two.test."), 1);
	assert_int_equal(generation(&box), 2);
	json_decref(good(&box, "zone reload", NULL));
	assert_int_equal(serial(&box, "two.test"), 2);
	json_decref(good(&box, "zone reload", json_pack("{ss}", "name", "all")));
	assert_int_equal(generation(&box), 4);
	assert_int_equal(counter(&box, "control.transaction_commit"), 4);
	assert_int_equal(counter(&box, "control.zone_load"), 2 + 1 + 2 + 2);
	assert_int_equal(box.steers, 1); /* a zone reload steers nothing */
	stop(&box);
}

static void
a_bad_zone_changes_nothing(void **state)
{
	char text[256];
	struct fake_box box;

	(void)state;
	start(&box);
	fake_write(&box, "one", FAKE_ZONE("one.test.", 5, ""));
	fake_write(&box, "two", "@ 60 IN A 192.0.2.1\n");
	snprintf(text, sizeof(text), "%s/two: the zone two.test. has no SOA at its apex",
		 box.folder);
	bad(&box, "zone reload", NULL, "failed", text);
	assert_int_equal(serial(&box, "one.test"), 1); /* all or nothing */
	assert_int_equal(serial(&box, "two.test"), 1);
	assert_int_equal(generation(&box), 1);
	assert_int_equal(counter(&box, "control.transaction_fail"), 1);
	assert_int_equal(counter(&box, "control.zone_load_fail"), 1);
	bad(&box, "zone reload", json_pack("{ss}", "name", "ome.test."), "failed",
	    "no zone ome.test. here; did you mean one.test.?");
	bad(&box, "zone show", json_pack("{ss}", "name", "x"), "failed", "no zone x here");
	stop(&box);
}

static void
config_load_takes_what_is_live(void **state)
{
	struct fake_box box;
	char path[256];
	json_t *response;

	(void)state;
	start(&box);
	snprintf(path, sizeof(path), "%s/n.yaml", box.folder);
	fake_write(&box, "three", FAKE_ZONE("three.test.", 33, ""));
	fake_write(&box, "one", FAKE_ZONE("one.test.", 9, "")); /* same name and file: not read */
	fake_write(&box, "n.yaml",
		   FAKE_CONFIG("[192.0.2.1, '2001:db8::1']",
			       "  zones:\n    - {name: three.test, file: three}\n"
			       "    - {name: one.test, file: one}\n"));
	response = good(&box, "config check", json_pack("{ss}", "file", path));
	assert_true(json_is_false(at(at(response, "result"), "needs_restart")));
	json_decref(response);
	assert_int_equal(generation(&box), 1);
	response = good(&box, "config load", json_pack("{ss}", "file", path));
	assert_int_equal(json_array_size(json_object_get(at(response, "result"), "zones")), 1);
	assert_int_equal(json_array_size(json_object_get(at(response, "result"), "changes")), 3);
	json_decref(response);
	assert_int_equal(serial(&box, "three.test"), 33);
	assert_int_equal(serial(&box, "one.test"), 1);
	assert_int_equal(serial(&box, "two.test"), -1);
	assert_int_equal(box.steer_rules, 6);
	/* and back, twice: configurations that were loaded are retired */
	json_decref(good(&box, "config load", json_pack("{ss}", "file", box.config_path)));
	json_decref(good(&box, "config load", json_pack("{ss}", "file", path)));
	assert_int_equal(serial(&box, "two.test"), -1);
	assert_int_equal(counter(&box, "control.config_load"), 3);
	stop(&box);
}

static bool
has_counters(const struct fake_box *box, const char *zone)
{
	json_t *response = good(box, "zone show", json_pack("{ss}", "name", zone));
	bool has = json_object_get(at(at(response, "result"), "zone"), "queries") != NULL;

	json_decref(response);
	return has;
}

static void
counters_are_few_and_go_on(void **state)
{
	struct fake_box box;
	char path[128];

	(void)state;
	start_counting(&box, 1);
	assert_true(has_counters(&box, "one.test"));
	assert_false(has_counters(&box, "two.test"));
	json_decref(good(&box, "zone reload", NULL)); /* each keeps what it has */
	assert_true(has_counters(&box, "one.test"));
	assert_false(has_counters(&box, "two.test"));
	/* one.test goes, and its counters with it: they are free for the next that is read */
	snprintf(path, sizeof(path), "%s/n.yaml", box.folder);
	fake_write(&box, "n.yaml",
		   FAKE_CONFIG("[192.0.2.1]", "  zones: [{name: two.test, file: two}]\n"));
	json_decref(good(&box, "config load", json_pack("{ss}", "file", path)));
	assert_false(has_counters(&box, "two.test"));
	json_decref(good(&box, "zone reload", json_pack("{ss}", "name", "two.test")));
	assert_true(has_counters(&box, "two.test"));
	stop(&box);
}

static void
config_load_refuses_what_it_cannot(void **state)
{
	struct fake_box box;
	char path[128], text[512];

	(void)state;
	start(&box);
	snprintf(path, sizeof(path), "%s/n.yaml", box.folder);
	fake_write(&box, "n.yaml",
		   FAKE_CONFIG("[192.0.2.1]", FAKE_ZONES "poll: busy\nuser: root\n"));
	snprintf(text, sizeof(text), "%s: nothing was changed: user, poll need a restart", path);
	bad(&box, "config load", json_pack("{ss}", "file", path), "failed", text);
	fake_write(&box, "n.yaml", FAKE_CONFIG("[192.0.2.1]", FAKE_ZONES "pol: busy\n"));
	snprintf(text, sizeof(text),
		 "%s:12:1: 'pol' is not a key of the configuration; did you mean 'poll'?", path);
	bad(&box, "config load", json_pack("{ss}", "file", path), "failed", text);
	bad(&box, "config check", json_pack("{ss}", "file", path), "failed", text);
	/* the port refuses: the new zone is let go, the old world serves */
	fake_write(&box, "three", FAKE_ZONE("three.test.", 33, ""));
	fake_write(&box, "n.yaml",
		   FAKE_CONFIG("[192.0.2.9]", "  zones: [{name: three.test, file: three}]\n"));
	__atomic_store_n(&box.steer_refuses, true, __ATOMIC_RELAXED);
	bad(&box, "config load", json_pack("{ss}", "file", path), "failed",
	    "the fake port refuses");
	__atomic_store_n(&box.steer_refuses, false, __ATOMIC_RELAXED);
	assert_int_equal(serial(&box, "three.test"), -1);
	assert_int_equal(serial(&box, "two.test"), 1);
	assert_int_equal(generation(&box), 1);
	assert_int_equal(counter(&box, "control.config_load_fail"), 4 - 1); /* check is no load */
	json_decref(good(&box, "config load", json_pack("{ss}", "file", path)));
	assert_int_equal(serial(&box, "three.test"), 33);
	stop(&box);
}

static void
memory_of_old_zones_comes_back(void **state)
{
	struct mr_extents_stats before, after;
	struct fake_box box;

	(void)state;
	start(&box);
	mr_zone_store_stats(box.store, &before);
	for (int i = 0; i < 50; i++)
		json_decref(good(&box, "zone reload", NULL));
	fake_stop(&box); /* what waits for the tick is reclaimed by destroy; so let ticks do it */
	for (int i = 0; i < 50 && mr_rcu_reclaim(); i++)
		;
	mr_zone_store_stats(box.store, &after);
	assert_int_equal(before.used_bytes, after.used_bytes);
	fake_close(&box);
}

static void
status_answers_during_a_long_load(void **state)
{
	struct mr_error error = { 0 };
	struct fake_box box;
	json_t *response = NULL;
	unsigned answers = 0;
	char path[256];
	FILE *file;
	int fd;

	(void)state;
	start(&box);
	snprintf(path, sizeof(path), "%s/one", box.folder);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(FAKE_ZONE("one.test.", 7, ""), file);
	for (int i = 0; i < 200000; i++)
		fprintf(file, "host%d 60 IN A 10.%d.%d.%d\n", i, i >> 16 & 255, i >> 8 & 255,
			i & 255);
	fclose(file);
	fd = mr_rpc_connect(box.socket_path, &error);
	assert_true(fd >= 0);
	{ /* ask, without waiting */
		json_t *request = mr_rpc_request("zone reload", NULL);
		size_t bytes;
		char *frame;

		assert_int_equal(mr_rpc_encode(request, MR_RPC_REQUEST_BYTES, &frame, &bytes), 0);
		assert_int_equal(write(fd, frame, bytes), bytes);
		free(frame);
		json_decref(request);
	}
	for (;;) {
		json_t *status = good(&box, "status", NULL);
		const json_t *result = at(status, "result");
		bool busy = json_is_object(at(result, "transaction"));

		answers += busy;
		if (json_integer_value(at(result, "generation")) == 2) {
			json_decref(status);
			break;
		}
		json_decref(status);
	}
	assert_true(answers > 3); /* while it was at work */
	json_decref(response);
	close(fd);
	assert_int_equal(serial(&box, "one.test"), 7);
	stop(&box);
}

static void
stop_during_a_load_ends_soon(void **state)
{
	struct mr_error error = { 0 };
	struct fake_box box;
	json_t *request = mr_rpc_request("zone reload", NULL);
	size_t bytes;
	char *frame;
	int fd;

	(void)state;
	start(&box);
	fd = mr_rpc_connect(box.socket_path, &error);
	assert_int_equal(mr_rpc_encode(request, MR_RPC_REQUEST_BYTES, &frame, &bytes), 0);
	json_decref(request);
	for (int i = 0; i < 40;
	     i++) /* more than wait in the queue: one client, so they are serial */
		assert_int_equal(write(fd, frame, bytes), bytes);
	free(frame);
	fake_stop(&box);
	close(fd);
	fake_close(&box);
}

static void
a_second_instance_is_refused(void **state)
{
	struct mr_error error = { 0 };
	struct mr_ctl *second = NULL;
	struct fake_box box;
	char text[256];

	(void)state;
	start(&box);
	assert_int_equal(mr_ctl_create(&second, box.config, &error), -EADDRINUSE);
	snprintf(text, sizeof(text), "%s: another millraced is running on this socket",
		 box.socket_path);
	assert_string_equal(error.text, text);
	assert_int_equal(generation(&box), 1); /* the first one is not disturbed */
	stop(&box);
}

/* leave_stale_socket is what a crashed run leaves: bound, and nobody listens. */
static void
leave_stale_socket(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(addr.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
}

static void
a_stale_socket_is_replaced_and_a_file_is_not(void **state)
{
	struct mr_error error = { 0 };
	struct fake_box box;
	struct stat is;

	(void)state;
	assert_int_equal(fake_open(&box, FAKE_CONFIG("[192.0.2.1]", FAKE_ZONES), &error), 0);
	mr_ctl_destroy(box.ctl);
	box.ctl = NULL;
	assert_int_equal(stat(box.socket_path, &is), -1);
	fake_write(&box, "m.sock", "not a socket");
	assert_int_equal(mr_ctl_create(&box.ctl, box.config, &error), -EEXIST);
	unlink(box.socket_path);
	leave_stale_socket(box.socket_path);
	fake_write(&box, "m.sock.lock", "");
	error = (struct mr_error){ 0 };
	assert_int_equal(mr_ctl_create(&box.ctl, box.config, &error), 0);
	assert_int_equal(stat(box.socket_path, &is), 0);
	assert_int_equal(is.st_mode & 0777, 0660);
	assert_int_equal(fake_start(&box, &error), 0);
	stop(&box);
}

static void
a_bad_zone_at_boot_publishes_nothing(void **state)
{
	struct mr_error error = { 0 };
	struct fake_box box;

	(void)state;
	assert_int_equal(fake_open(&box, FAKE_CONFIG("[192.0.2.1]", FAKE_ZONES), &error), 0);
	fake_write(&box, "two", "@ 60 IN A 192.0.2.300\n");
	assert_true(fake_start(&box, &error) < 0);
	assert_non_null(strstr(error.text, "two:1"));
	assert_null(box.world);
	fake_close(&box);
}

static void
check_says_what_is_there(void **state)
{
	char summary[MR_CONFIG_SUMMARY_BYTES] = "", text[512], memory[MR_UNITS_TEXT_BYTES];
	struct mr_error error = { 0 };
	struct fake_box box;
	struct mr_config *config = NULL;

	(void)state;
	start(&box);
	assert_int_equal(mr_config_check(box.config, summary, &error), 0);
	snprintf(text, sizeof(text),
		 "1 port, 1 address, 2 zones with 6 records; 16384 TCP connections in %s for each "
		 "worker",
		 mr_units_format_bytes(mr_worker_tcp_bytes(&box.config->tcp), memory));
	assert_string_equal(summary, text);
	fake_write(&box, "n.yaml",
		   FAKE_CONFIG("[192.0.2.1]", "  zones: [{name: a, file: missing}]\n"));
	snprintf(text, sizeof(text), "%s/n.yaml", box.folder);
	assert_int_equal(mr_config_load(text, &config, &error), 0);
	assert_true(mr_config_check(config, summary, &error) < 0);
	snprintf(text, sizeof(text),
		 "%s/n.yaml:9:27: zone a.: %s/missing: No such file or directory", box.folder,
		 box.folder);
	assert_string_equal(error.text, text);
	config->cpus.workers[0] = 1023;
	error = (struct mr_error){ 0 };
	assert_true(mr_config_check(config, summary, &error) < 0);
	assert_non_null(
		strstr(error.text, "n.yaml:3:18: cpus.workers[]: this machine has no CPU 1023"));
	config->cpus.workers[0] = 0;
	config->tcp.buffer_bytes = 1ull << 40; /* more than any machine of ours has */
	error = (struct mr_error){ 0 };
	assert_true(mr_config_check(config, summary, &error) < 0);
	assert_non_null(strstr(error.text, "tcp: 16384 connections of each of 1 worker(s), with "
					   "16384 in TIME-WAIT, need 1.0 TiB of memory, and this"));
	mr_config_free(config);
	stop(&box);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_command_that_looks_answers),
		cmocka_unit_test(records_of_a_name_are_shown_as_the_file_has_them),
		cmocka_unit_test(a_trace_tells_the_steps_and_the_answer),
		cmocka_unit_test(zone_reload_takes_the_new_file),
		cmocka_unit_test(a_bad_zone_changes_nothing),
		cmocka_unit_test(config_load_takes_what_is_live),
		cmocka_unit_test(counters_are_few_and_go_on),
		cmocka_unit_test(config_load_refuses_what_it_cannot),
		cmocka_unit_test(memory_of_old_zones_comes_back),
		cmocka_unit_test(status_answers_during_a_long_load),
		cmocka_unit_test(stop_during_a_load_ends_soon),
		cmocka_unit_test(a_second_instance_is_refused),
		cmocka_unit_test(a_stale_socket_is_replaced_and_a_file_is_not),
		cmocka_unit_test(a_bad_zone_at_boot_publishes_nothing),
		cmocka_unit_test(check_says_what_is_there),
	};

	mr_log_level_set((enum mr_log_level)0); /* failures are provoked here */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
