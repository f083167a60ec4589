/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/names - asked, kept for the TTL within its bounds, kept on failure, forgotten when unwanted.
 * A resolver of our own answers on a port of the loopback; the clock is the test's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../lib/ctl/names.h"

enum { REAL_TRIES = 20000 };

/* What the resolver says: addresses 192.0.2.N for each N of last, or rcode. */
static struct {
	int fd;
	uint16_t port;
	unsigned asked;
	uint8_t rcode, count, last[8];
	uint32_t ttl;
	bool silent;
} server;

static struct names *names;
static struct mr_config *config;
static uint64_t now_ns;

static void
server_open(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001) };
	socklen_t bytes = sizeof(at);

	server.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_true(server.fd >= 0);
	assert_int_equal(bind(server.fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(server.fd, (struct sockaddr *)&at, &bytes), 0);
	server.port = ntohs(at.sin_port);
}

/* server_serve answers one question, if there is one. */
static void
server_serve(void)
{
	uint8_t message[1024];
	struct sockaddr_in from;
	socklen_t from_bytes = sizeof(from);
	ssize_t bytes = recvfrom(server.fd, message, sizeof(message), 0, (struct sockaddr *)&from,
				 &from_bytes);
	size_t at = 12;

	if (bytes < 17)
		return;
	server.asked++;
	if (server.silent)
		return;
	while (message[at])
		at += 1u + message[at];
	at += 5;
	message[2] = 0x85;
	message[3] = 0x80 | server.rcode;
	memset(message + 6, 0, 6); /* no records but those below */
	message[7] = server.count;
	for (uint8_t i = 0; i < server.count; i++) {
		const uint8_t record[] = { 0xc0,
					   12,
					   0,
					   1,
					   0,
					   1,
					   (uint8_t)(server.ttl >> 24),
					   (uint8_t)(server.ttl >> 16),
					   (uint8_t)(server.ttl >> 8),
					   (uint8_t)server.ttl,
					   0,
					   4,
					   192,
					   0,
					   2,
					   server.last[i] };

		memcpy(message + at, record, sizeof(record));
		at += sizeof(record);
	}
	assert_int_equal(sendto(server.fd, message, at, 0, (struct sockaddr *)&from, from_bytes),
			 (ssize_t)at);
}

/* settle ticks at the present time until asked questions have been answered, and says whether
 * something has changed. */
static bool
settle(unsigned asked)
{
	bool changed = false;

	for (int i = 0; i < REAL_TRIES; i++) {
		bool done = server.asked >= asked;

		server_serve();
		changed |= names_tick(names, now_ns);
		if (done && (changed || i > 50))
			break;
		nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
	}
	assert_int_equal(server.asked, asked);
	return changed;
}

static size_t
known(uint8_t *first)
{
	struct mr_origin_addrs addrs = names_addrs(names, "app.test");

	if (addrs.count && first)
		*first = addrs.addrs[0].bytes[15];
	return addrs.count;
}

static struct mr_config *
config_of(const char *name)
{
	struct mr_error error = { 0 };
	struct mr_config *out;
	char text[1024];
	int bytes =
		snprintf(text, sizeof(text),
			 "ports: [{name: up, afxdp: eth0, next_hop: [192.0.2.254]}]\n"
			 "vips: [192.0.2.1]\n"
			 "resolver: {servers: [127.0.0.1], port: %u, min_ttl: 5s, max_ttl: 60s}\n"
			 "upstreams: [{name: app, servers: [{address: %s}]}]\n",
			 server.port, name);

	assert_int_equal(mr_config_parse(text, (size_t)bytes, "m.yaml", &out, &error), 0);
	return out;
}

static int
setup(void **state)
{
	struct mr_error error = { 0 };

	(void)state;
	memset(&server, 0, sizeof(server));
	server_open();
	server.count = 1;
	server.last[0] = 10;
	server.ttl = 30;
	now_ns = 1000 * MR_NS_PER_S;
	config = config_of("app.test");
	assert_int_equal(names_create(&names, &error), 0);
	assert_int_equal(names_want(names, config, &error), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	names_destroy(names);
	mr_config_free(config);
	close(server.fd);
	return 0;
}

static void
test_answer_is_kept_for_its_ttl(void **state)
{
	uint8_t first = 0;

	(void)state;
	assert_int_equal(known(NULL), 0);
	assert_true(settle(1));
	assert_int_equal(known(&first), 1);
	assert_int_equal(first, 10);
	server.last[0] = 11;
	now_ns += 30 * MR_NS_PER_S - 1;
	assert_false(settle(1));
	now_ns += 1;
	assert_true(settle(2));
	assert_int_equal(known(&first), 1);
	assert_int_equal(first, 11);
}

static void
test_ttl_is_bounded_both_ways(void **state)
{
	(void)state;
	server.ttl = 0;
	assert_true(settle(1));
	now_ns += 5 * MR_NS_PER_S - 1;
	assert_false(settle(1));
	now_ns += 1;
	server.ttl = 1000000;
	assert_false(settle(2)); /* the same address */
	now_ns += 60 * MR_NS_PER_S - 1;
	assert_false(settle(2));
	now_ns += 1;
	assert_false(settle(3));
}

static void
test_order_of_addresses_changes_nothing(void **state)
{
	uint8_t first = 0;

	(void)state;
	server.count = 3;
	memcpy(server.last, (uint8_t[]){ 7, 9, 8 }, 3);
	assert_true(settle(1));
	assert_int_equal(known(&first), 3);
	assert_int_equal(first, 7);
	memcpy(server.last, (uint8_t[]){ 9, 8, 7 }, 3);
	now_ns += 30 * MR_NS_PER_S;
	assert_false(settle(2));
	memcpy(server.last, (uint8_t[]){ 9, 9, 7 }, 3); /* one has gone, one is told twice */
	now_ns += 30 * MR_NS_PER_S;
	assert_true(settle(3));
	assert_int_equal(known(NULL), 2);
}

static void
test_failure_keeps_the_last_answer_and_backs_off(void **state)
{
	struct names_view view;
	uint8_t first = 0;

	(void)state;
	assert_true(settle(1));
	server.rcode = 3; /* NXDOMAIN */
	server.count = 0;
	now_ns += 30 * MR_NS_PER_S;
	assert_false(settle(2));
	assert_int_equal(known(&first), 1);
	assert_int_equal(first, 10);
	assert_true(names_at(names, 0, &view));
	assert_int_equal(view.failures, 1);
	assert_non_null(view.fault);
	assert_int_equal(view.next_ns, now_ns + 5 * MR_NS_PER_S);
	now_ns += 5 * MR_NS_PER_S;
	server.rcode = 0; /* no address of this family */
	assert_false(settle(3));
	assert_true(names_at(names, 0, &view));
	assert_int_equal(view.next_ns, now_ns + 10 * MR_NS_PER_S);
	for (unsigned i = 4; i < 10; i++) {
		now_ns = view.next_ns;
		assert_false(settle(i));
		assert_true(names_at(names, 0, &view));
	}
	assert_int_equal(view.next_ns, now_ns + 60 * MR_NS_PER_S); /* at most */
	server.count = 1;
	server.last[0] = 12;
	now_ns = view.next_ns;
	assert_true(settle(10));
	assert_true(names_at(names, 0, &view));
	assert_int_equal(view.failures, 0);
	assert_null(view.fault);
	assert_int_equal(known(&first), 1);
	assert_int_equal(first, 12);
}

static void
test_name_nobody_wants_is_forgotten(void **state)
{
	struct mr_error error = { 0 };
	struct mr_config *other = config_of("192.0.2.9");

	(void)state;
	assert_true(settle(1));
	assert_int_equal(names_want(names, other, &error), 0);
	assert_int_equal(known(NULL), 0);
	assert_false(names_at(names, 0, &(struct names_view){ 0 }));
	assert_int_equal(names_want(names, config, &error), 0);
	assert_true(settle(2));
	mr_config_free(other);
}

static void
test_name_is_dropped_while_it_is_asked_for(void **state)
{
	struct mr_error error = { 0 };
	struct mr_config *other = config_of("other.test");

	(void)state;
	server.silent = true;
	assert_false(settle(1));
	assert_int_equal(names_want(names, other, &error), 0);
	server.silent = false;
	assert_true(settle(2));
	assert_int_equal(names_addrs(names, "other.test").count, 1);
	mr_config_free(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answer_is_kept_for_its_ttl, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ttl_is_bounded_both_ways, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order_of_addresses_changes_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_failure_keeps_the_last_answer_and_backs_off,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_name_nobody_wants_is_forgotten, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_name_is_dropped_while_it_is_asked_for, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("ctl_names", tests, NULL, NULL);
}
