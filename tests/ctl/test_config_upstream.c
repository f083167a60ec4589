/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/config_upstream - groups of origins: what is read, what is refused, and the way back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config_text.h"

#define BASE                                                                  \
	"ports:\n  - {name: down, afxdp: eth0}\n"                             \
	"  - {name: up, afxdp: eth1, vlans: [7], next_hop: [198.51.100.1]}\n" \
	"vips: ['2001:db8::1', 192.0.2.1, 192.0.2.2]\n"
#define GROUP(rest)   BASE "upstreams:\n  - name: app\n    " rest "\n"
#define SERVERS(list) GROUP("servers: [" list "]")

static void
refused(const char *text, const char *place, const char *words)
{
	struct mr_error error = { 0 };
	struct mr_config *config = NULL;

	if (!mr_config_parse(text, strlen(text), "m.yaml", &config, &error)) {
		print_message("not refused: %s\n", text);
		mr_config_free(config);
		fail();
	}
	if (strncmp(error.text, place, strlen(place)) || !strstr(error.text, words)) {
		print_message("%s\nwanted %s .. %s\n", error.text, place, words);
		fail();
	}
}

static const char full[] =
	GROUP("servers:\n"
	      "      - {address: '192.0.2.80:8080', weight: 3, max_exchanges: 9}\n"
	      "      - {address: app.example.net., backup: yes}\n"
	      "      - {address: 'app.example.net:81'}\n"
	      "    balance: hash\n    hash_key: header\n    hash_header: X-User\n"
	      "    slow_start: 30s\n    host: origin\n    proxy_protocol: v2\n"
	      "    connect_timeout: 100\n    retries: 0\n"
	      "    check: {kind: http, port: 9000, interval: 500ms, timeout: 200ms, rise: 1,\n"
	      "            fall: 2, path: /ok, host: h, status: [200, 300-308], body: fine}\n"
	      "    ejection: {failures: 7, time: 1s, max_time: 4s, max_percent: 10}\n"
	      "  - name: plain\n    servers: [{address: 192.0.2.81}]\n"
	      "proxy: {sources: [192.0.2.2], port: up}\n"
	      "resolver: {servers: [192.0.2.53], port: 5353, min_ttl: 1s, max_ttl: 60s}");

static void
test_everything_is_read(void **state)
{
	struct mr_config *config = config_of(full);
	const struct mr_upstream_config *group = config->upstreams;
	struct mr_origin_way way;

	(void)state;
	assert_int_equal(config->upstream_count, 2);
	assert_int_equal(group->server_count, 3);
	assert_string_equal(group->servers[0].host, "192.0.2.80");
	assert_int_equal(group->servers[0].port, 8080);
	assert_int_equal(group->servers[0].weight, 3);
	assert_int_equal(group->servers[0].max_exchanges, 9);
	assert_false(group->servers[0].is_name);
	assert_string_equal(group->servers[1].host, "app.example.net");
	assert_true(group->servers[1].is_name && group->servers[1].backup);
	assert_int_equal(group->servers[1].port, 80);
	assert_int_equal(group->policy, MR_UPSTREAM_HASH);
	assert_int_equal(group->key, MR_UPSTREAM_KEY_HEADER);
	assert_string_equal(group->key_header, "X-User");
	assert_int_equal(group->slow_start_ns, 30 * MR_NS_PER_S);
	assert_int_equal(group->host, MR_UPSTREAM_HOST_ORIGIN);
	assert_int_equal(group->announce, MR_UPSTREAM_ANNOUNCE_V2);
	assert_int_equal(group->limits.connect_ms, 100);
	assert_int_equal(group->limits.retries, 0);
	assert_int_equal(group->check.kind, MR_UPSTREAM_CHECK_HTTP);
	assert_int_equal(group->check.port, 9000);
	assert_int_equal(group->check.status_count, 2);
	assert_int_equal(group->check.statuses[0].high, 200);
	assert_int_equal(group->check.statuses[1].low, 300);
	assert_int_equal(group->check.statuses[1].high, 308);
	assert_string_equal(group->check.body, "fine");
	assert_int_equal(group->ejection.failures, 7);
	assert_int_equal(group->ejection.max_time_ns, 4 * MR_NS_PER_S);
	assert_int_equal(group[1].ejection.connect_failures, 3);
	assert_int_equal(group[1].check.kind, MR_UPSTREAM_CHECK_OFF);
	assert_int_equal(config->resolver.port, 5353);
	assert_int_equal(config->resolver.ttl_max_ns, 60 * MR_NS_PER_S);
	mr_config_way(config, true, &way);
	assert_true(way.known);
	assert_int_equal(way.interface, 1);
	assert_int_equal(way.vlan, 7);
	assert_true(mr_addr_equal(&way.source, &config->vips[2]));
	mr_config_way(config, false, &way); /* no next hop of that family */
	assert_false(way.known);
	mr_config_free(config);
}

static void
test_what_is_shown_is_read_back(void **state)
{
	struct mr_config *config = config_of(full), *again;
	json_t *json = mr_config_json(config), *changes;
	char *yaml = mr_config_yaml(json);

	(void)state;
	again = config_of(yaml);
	changes = mr_config_changes(config, again);
	assert_int_equal(json_array_size(changes), 0);
	json_decref(changes);
	again->upstreams[0].servers[2].weight = 5;
	changes = mr_config_changes(config, again);
	assert_int_equal(json_array_size(changes), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(changes, 0), "key")),
			    "upstreams[app].servers[app.example.net:81].weight");
	assert_string_equal(json_string_value(
				    json_object_get(json_array_get(changes, 0), "applies")),
			    "live");
	json_decref(changes);
	json_decref(json);
	free(yaml);
	mr_config_free(config);
	mr_config_free(again);
}

static void
test_each_fault_has_its_place(void **state)
{
	(void)state;
	refused(SERVERS("{address: '2001:db8::2'}"), "m.yaml:7:25: ", "expected HOST, HOST:PORT");
	refused(SERVERS("{address: '[2001:db8::2'}"), "m.yaml:7:25: ", "expected HOST");
	refused(SERVERS("{address: '192.0.2.300'}"), "m.yaml:7:25: ", "expected HOST");
	refused(SERVERS("{address: 'a b'}"), "m.yaml:7:25: ", "expected HOST");
	refused(SERVERS("{address: 'a:0'}"), "m.yaml:7:25: ", "expected HOST");
	refused(SERVERS("{address: 'a:65536'}"), "m.yaml:7:25: ", "expected HOST");
	refused(SERVERS("{address: a, weight: 257}"), "m.yaml:7:36: ", "1 to 256");
	refused(SERVERS("{address: a, wieght: 2}"), "m.yaml:7:28: ", "did you mean 'weight'");
	refused(SERVERS("{address: '[2001:db8::2]:80'}"), "m.yaml:7:15: ", "cannot be reached");
	refused(SERVERS("{address: a}, {address: 'A:80'}"), "m.yaml:7:29: ", "once");
	refused(SERVERS(""), "m.yaml:7:14: ", "1 to 64 entries");
	refused(SERVERS("{address: a}") "    balance: fair\n",
		"m.yaml:8:14: ", "round-robin, least");
	refused(SERVERS("{address: a}") "    balance: hash\n    hash_key: header\n",
		"m.yaml:6:5: ", "needs its name");
	refused(SERVERS("{address: a}") "    check: {kind: tcp, path: /}\n",
		"m.yaml:8:19: ", "of HTTP checks only");
	refused(SERVERS("{address: a}") "    check: {kind: http, path: x}\n",
		"m.yaml:8:19: ", "begins with a slash");
	refused(SERVERS("{address: a}") "    check: {kind: http, status: [299-200]}\n",
		"m.yaml:8:34: ", "a range like 200-299");
	refused(SERVERS("{address: a}") "    check: {kind: tcp, timeout: 3s}\n",
		"m.yaml:8:19: ", "timeout is above interval");
	refused(SERVERS("{address: a}") "    ejection: {time: 301s}\n",
		"m.yaml:6:5: ", "max_time is below");
	refused(SERVERS("{address: a}") "  - {name: app, servers: [{address: b}]}\n",
		"m.yaml:8:5: ", "two groups");
	refused(BASE "proxy: {sources: [192.0.2.9]}\n", "m.yaml:5:19: ", "not one of the vips");
	refused(BASE "proxy: {sources: [192.0.2.1, 192.0.2.2]}\n",
		"m.yaml:5:30: ", "one address of each family");
	refused(BASE "proxy: {port: left}\n", "m.yaml:5:15: ", "no port 'left'");
	refused(BASE "resolver: {min_ttl: 9s, max_ttl: 8s}\n", "m.yaml:5:34: ", "below min_ttl");
	refused(SERVERS("{address: a}") "tcp: {connections: 0}\n",
		"m.yaml:6:3: ", "without tcp.connections");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_is_read),
		cmocka_unit_test(test_what_is_shown_is_read_back),
		cmocka_unit_test(test_each_fault_has_its_place),
	};

	return cmocka_run_group_tests_name("ctl_config_upstream", tests, NULL, NULL);
}
