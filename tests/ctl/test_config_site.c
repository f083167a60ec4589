/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/config_site - sites: what is read, what is refused and in which words, and the way back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config_text.h"

#define BASE        "ports: [{name: up, afxdp: eth0}]\nvips: [192.0.2.1, '2001:db8::1']\n"
#define SITE(rest)  BASE "sites:\n  - name: www\n" rest
#define ROUTE(text) SITE("    routes: [" text "]\n")

#define FULL                                                                                   \
	SITE("    hosts: [www.example.com, '*.example.org', '[2001:db8::1]']\n"                \
	     "    listen: [8080, '192.0.2.1:81', '[2001:db8::1]:82', '*:83']\n"                \
	     "    limits: {rate: 1000, body: 1MiB}\n"                                          \
	     "    routes:\n"                                                                   \
	     "      - {path: /, respond: {body: \"a: b\\n\", type: text/html}}\n"              \
	     "      - prefix: /old\n        redirect: {to: 'https://x/?a=b#c'}\n"              \
	     "        headers:\n          - {name: X-A, value: \"b: \\\"c\\\"\"}\n"            \
	     "          - {name: server, edit: remove}\n"                                      \
	     "      - {regex: '\\.html?$', root: /srv, rewrite: /x}\n"                         \
	     "      - {path: /health, health: {}, limits: {requests: 7}}\n"                    \
	     "    request_id: on\n    errors: [{status: 404, body: none, type: text/plain}]\n" \
	     "  - {name: two, listen: [84], routes: [{path: /, respond: {status: 204}}]}\n"    \
	     "http: {idle_timeout: 1000, requests: 7}\n")

static void
test_everything_is_read(void **state)
{
	struct mr_config *config = config_of(FULL);
	const struct mr_site_config *site = config->sites;

	(void)state;
	assert_int_equal(config->site_count, 2);
	assert_int_equal(config->http.idle_ms, 1000);
	assert_int_equal(config->http.request_limit, 7);
	assert_int_equal(config->http.header_ms, 10000);
	assert_string_equal(site->name, "www");
	assert_int_equal(site->host_count, 3);
	assert_string_equal(site->hosts[1], "*.example.org");
	assert_int_equal(site->listen_count, 4);
	assert_true(site->listens[0].any && site->listens[3].any);
	assert_int_equal(site->listens[3].port, 83);
	assert_false(site->listens[1].any);
	assert_int_equal(site->listens[2].port, 82);
	assert_true(mr_addr_equal(&site->listens[2].addr, &config->vips[1]));
	assert_int_equal(site->route_count, 4);
	assert_int_equal(site->limits.rate, 1000);
	assert_int_equal(site->limits.body_bytes, 1 << 20);
	assert_int_equal(site->routes[3].action, MR_SITE_HEALTH);
	assert_int_equal(site->routes[3].limits.requests, 7);
	assert_string_equal(site->routes[2].regex, "\\.html?$");
	assert_string_equal(site->routes[2].root, "/srv");
	assert_true(site->request_id);
	assert_string_equal(site->errors[0].body, "none");
	assert_int_equal(site->routes[0].action, MR_SITE_RESPOND);
	assert_int_equal(site->routes[0].status, 200);
	assert_string_equal(site->routes[0].body, "a: b\n");
	assert_string_equal(site->routes[1].prefix, "/old");
	assert_int_equal(site->routes[1].action, MR_SITE_REDIRECT);
	assert_int_equal(site->routes[1].status, 302);
	assert_int_equal(site->routes[1].edit_count, 2);
	assert_string_equal(site->routes[1].edits[0].value, "b: \"c\"");
	assert_int_equal(site->routes[1].edits[1].kind, MR_SITE_EDIT_REMOVE);
	assert_int_equal(config->sites[1].routes[0].status, 204);
	assert_string_equal(config->sites[1].hosts[0], "*");
	mr_config_free(config);
}

static void
test_each_fault_is_refused_in_its_words(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ SITE(""), "m.yaml:4:5: sites[].routes is missing" },
		{ ROUTE("{path: /}"), "m.yaml:5:14: a route needs an action" },
		{ ROUTE("{path: /, respond: {}, redirect: {to: x}}"),
		  "this route has the action respond already" },
		{ ROUTE("{respond: {}}"), "a route has one of path, prefix, regex" },
		{ ROUTE("{path: /, prefix: /, respond: {}}"),
		  "a route has one of path, prefix, regex" },
		{ ROUTE("{path: a, respond: {}}"), "a path begins with '/'" },
		{ ROUTE("{path: /%7e, respond: {}}"), "canonical form" },
		{ ROUTE("{path: /, redirect: {status: 301}}"), "a redirect says where to" },
		{ ROUTE("{path: /, respond: {status: 600}}"),
		  "expected a number from 200 to 599, found '600'" },
		{ ROUTE("{path: /, rewrite: /x, respond: {}}"),
		  "only a root or a proxy has a rewrite" },
		{ SITE("    errors: [{status: 400}]\n    routes: [{path: /, respond: {}}]\n"),
		  "the errors of a site are 404, 405, 408" },
		{ ROUTE("{path: /, respond: {boddy: x}}"), "did you mean 'body'?" },
		{ ROUTE("{path: /, health: {}, limits: {burst: 5}}"), "a burst without a rate" },
		{ SITE("    limits: {burst: 5}\n    routes: [{path: /, respond: {}}]\n"),
		  "m.yaml:4:5: sites[].limits: a burst without a rate" },
		{ ROUTE("{path: /, respond: {}, headers: [{name: date, value: x}]}"),
		  "this header is the connection's" },
		{ SITE("    hosts: ['*x']\n    routes: [{path: /, respond: {}}]\n"),
		  "m.yaml:5:13: sites[].hosts[]: a wildcard is" },
		{ SITE("    listen: ['192.0.2.9:80']\n    routes: [{path: /, respond: {}}]\n"),
		  "m.yaml:5:14: sites[].listen[]: 192.0.2.9:80 is not at one of the vips" },
		{ SITE("    listen: [53]\n    routes: [{path: /, respond: {}}]\n"),
		  "port 53 is DNS's" },
		{ SITE("    listen: [0]\n    routes: [{path: /, respond: {}}]\n"),
		  "expected PORT, ADDRESS:PORT or [ADDRESS]:PORT, found '0'" },
		{ SITE("    listen: ['2001:db8::1:80']\n    routes: [{path: /, respond: {}}]\n"),
		  "found '2001:db8::1:80'" },
		{ ROUTE("{path: /, respond: {}}") "  - {name: www, routes: [{path: /, respond: {}}]}\n",
		  "two sites are called www" },
		{ ROUTE("{path: /, respond: {}}") "tcp: {connections: 0}\n",
		  "there are none without tcp.connections" },
		{ ROUTE("{path: /, respond: {}}") "test_services: [{service: echo, port: 80}]\n",
		  "port 80 is a site's" },
	};

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(cases); i++) {
		struct mr_error error = { 0 };
		struct mr_config *config = NULL;

		assert_int_not_equal(mr_config_parse(cases[i].text, strlen(cases[i].text), "m.yaml",
						     &config, &error),
				     0);
		if (!strstr(error.text, cases[i].error))
			fail_msg("case %zu: \"%s\" has no \"%s\"", i, error.text, cases[i].error);
	}
}

static void
test_yaml_and_back_changes_nothing(void **state)
{
	struct mr_config *config = config_of(FULL);
	json_t *json = mr_config_json(config);
	char *yaml = mr_config_yaml(json);

	(void)state;
	assert_non_null(strstr(yaml, "192.0.2.1:81"));
	json_decref(json);
	free(yaml);
	mr_config_free(config);
	round_trip(FULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_is_read),
		cmocka_unit_test(test_each_fault_is_refused_in_its_words),
		cmocka_unit_test(test_yaml_and_back_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
