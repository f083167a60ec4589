/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections to origins, in virtual time: which are kept and used again, what ends them, and what
 * is said in front of the first request.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "chain.h"

#define GET "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n"
#define OK5 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static const struct mr_site_route_config route = { .prefix = "/",
						   .action = MR_SITE_PROXY,
						   .proxy = "app" };

static int
setup(void **state)
{
	struct chain *chain = chain_start(&route, 1, 1, NULL);

	*state = chain;
	chain_connect(chain);
	return 0;
}

static int
teardown(void **state)
{
	chain_stop(*state);
	return 0;
}

static void
assert_answered(struct chain *chain)
{
	if (!strstr(chain->got, "\r\n\r\nhello"))
		fail_msg("no answer in \"%.600s\"", chain->got);
}

static void
test_kept_link_that_died_costs_nothing(void **state)
{
	struct chain *chain = *state;

	chain_text(chain, GET);
	chain_reply(chain, OK5);
	chain_forget(chain);
	chain_text(chain, GET);
	chain_origin_abort(chain); /* it was asked by the kept one */
	assert_int_equal(chain->link_count, 2);
	assert_int_equal(chain_metric(chain, MR_PROXY_kept_dead), 1);
	assert_int_equal(chain_metric(chain, MR_PROXY_retry), 0);
	chain_reply(chain, OK5);
	assert_answered(chain);
}

static void
test_octets_behind_an_answer_end_the_link(void **state)
{
	struct chain *chain = *state;

	chain_text(chain, GET);
	chain_reply(chain, OK5 "HTTP/1.1 200 OK\r\n");
	assert_answered(chain);
	assert_int_equal(chain_metric(chain, MR_PROXY_kept_data), 1);
	chain_forget(chain);
	chain_text(chain, GET);
	assert_int_equal(chain->link_count, 2);
	chain_reply(chain, OK5);
	chain_reply(chain, "more");
	assert_int_equal(chain_metric(chain, MR_PROXY_kept_data), 2);
}

static void
test_kept_links_end_with_their_origin(void **state)
{
	struct chain *chain = *state;

	chain_text(chain, GET);
	chain_reply(chain, OK5);
	assert_false(chain->links[0].closed);
	chain->servers[0].port = 8009;
	chain_upstreams(chain, 1);
	chain_run(chain);
	assert_true(chain->links[0].closed);
	assert_int_equal(chain_metric(chain, MR_PROXY_kept_unwanted), 1);
}

static void
test_kept_links_end_when_idle(void **state)
{
	struct chain *chain = *state;

	chain_text(chain, GET);
	chain_reply(chain, OK5);
	chain_wait(chain, 4900);
	assert_false(chain->links[0].closed);
	chain_wait(chain, 200);
	assert_true(chain->links[0].closed);
	assert_int_equal(chain_metric(chain, MR_PROXY_kept_idle), 1);
}

/* ---- the PROXY protocol ---- */

static uint16_t
client_port(const struct chain *chain)
{
	struct mr_tcp_view view;

	assert_true(mr_tcp_view(chain->tcp[CHAIN_CLIENT], chain->conn, &view));
	return view.flow.local_port;
}

static void
announce(struct chain *chain, enum mr_upstream_announce how)
{
	chain->group.announce = how;
	chain_upstreams(chain, 1);
}

static void
assert_announced(struct chain *chain)
{
	char line[MR_PROXY_HEADER_V1_BYTES + 16];
	int bytes = snprintf(line, sizeof(line), "PROXY TCP4 192.0.2.1 192.0.2.80 %u 80\r\nGET /",
			     client_port(chain));

	assert_int_equal(strncmp(chain->asked, line, (size_t)bytes), 0);
	assert_null(strstr(chain->asked + bytes, "PROXY"));
}

static void
test_announced_link_serves_one_request(void **state)
{
	struct chain *chain = *state;

	announce(chain, MR_UPSTREAM_ANNOUNCE_V1);
	for (uint32_t i = 1; i <= 3; i++) {
		chain_forget(chain);
		if (i == 3) /* another client */
			chain_connect(chain);
		chain_text(chain, GET);
		assert_int_equal(chain->link_count, i);
		assert_announced(chain);
		chain_reply(chain, OK5);
		assert_answered(chain);
		assert_true(chain->links[i - 1].closed);
	}
	assert_int_equal(chain_metric(chain, MR_PROXY_keep), 0);
}

/* A link that was kept before the group was to announce has said nothing, and is nobody's. */
static void
test_announce_begins_and_ends_by_reload(void **state)
{
	struct chain *chain = *state;

	chain_text(chain, GET);
	chain_reply(chain, OK5);
	announce(chain, MR_UPSTREAM_ANNOUNCE_V1);
	chain_forget(chain);
	chain_text(chain, GET);
	assert_int_equal(chain->link_count, 2);
	assert_announced(chain);
	chain_reply(chain, OK5);
	announce(chain, MR_UPSTREAM_ANNOUNCE_NO);
	chain_forget(chain);
	chain_text(chain, GET);
	assert_int_equal(strncmp(chain->asked, "GET /a ", 7), 0);
	assert_int_equal(chain->link_count, 2); /* by the first one */
	chain_reply(chain, OK5);
	assert_answered(chain);
}

/* By version 2, with the Host of the origin, which is written where the header ends. */
static void
test_announced_in_version_2(void **state)
{
	struct chain *chain = *state;
	struct mr_proxy_header header;
	struct mr_addr client, box;

	assert_int_equal(mr_addr_parse("192.0.2.1", &client), 0);
	assert_int_equal(mr_addr_parse("192.0.2.80", &box), 0);
	chain->group.host = MR_UPSTREAM_HOST_ORIGIN;
	announce(chain, MR_UPSTREAM_ANNOUNCE_V2);
	chain_text(chain, GET);
	assert_int_equal(mr_proxy_header_read((const uint8_t *)chain->asked, chain->asked_bytes,
					      &header),
			 MR_PROXY_HEADER_DONE);
	assert_false(header.local);
	assert_true(mr_addr_equal(&header.source, &client));
	assert_true(mr_addr_equal(&header.destination, &box));
	assert_int_equal(header.source_port, client_port(chain));
	assert_int_equal(header.destination_port, 80);
	assert_int_equal(strncmp(chain->asked + header.byte_count,
				 "GET /a HTTP/1.1\r\nhost: 10.0.0.1:8001\r\nvia: ", 43),
			 0);
	chain_reply(chain, OK5);
	assert_answered(chain);
}

/* A second try is a second link: it begins as the first did. */
static void
test_announced_again_when_tried_again(void **state)
{
	struct chain *chain = *state;

	announce(chain, MR_UPSTREAM_ANNOUNCE_V1);
	chain_text(chain, GET);
	assert_announced(chain);
	chain_forget(chain);
	chain_origin_abort(chain);
	chain_wait(chain, 60);
	assert_int_equal(chain->link_count, 2);
	assert_announced(chain);
	chain_reply(chain, OK5);
	assert_answered(chain);
	assert_int_equal(chain_metric(chain, MR_PROXY_retry), 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_kept_link_that_died_costs_nothing),
		TEST(test_octets_behind_an_answer_end_the_link),
		TEST(test_kept_links_end_with_their_origin),
		TEST(test_kept_links_end_when_idle),
		TEST(test_announced_link_serves_one_request),
		TEST(test_announce_begins_and_ends_by_reload),
		TEST(test_announced_in_version_2),
		TEST(test_announced_again_when_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
