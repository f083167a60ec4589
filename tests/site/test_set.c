/* SPDX-License-Identifier: Apache-2.0
 *
 * Which site, and which route.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../lib/site/site_int.h"

static struct mr_site_listen on_any = { .any = true, .port = 80 };
static struct mr_site_listen on_8080 = { .any = true, .port = 8080 };

static struct mr_site_route_config
route_of(const char *path, const char *prefix, const char *body)
{
	return (struct mr_site_route_config){ .path = path,
					      .prefix = prefix,
					      .action = MR_SITE_RESPOND,
					      .status = 200,
					      .body = body };
}

static const struct site *
find(const struct mr_site_set *set, const char *addr, uint16_t port, const char *host)
{
	struct mr_addr parsed;

	assert_int_equal(mr_addr_parse(addr, &parsed), 0);
	return site_find(set, &parsed, port, (const uint8_t *)host, strlen(host));
}

static const char *
site_name(const struct mr_site_set *set, const char *addr, uint16_t port, const char *host)
{
	const struct site *site = find(set, addr, port, host);

	return site ? (const char *)site->name.bytes : "-";
}

static void
test_host_exact_before_wildcard_before_any(void **state)
{
	const char *exact[] = { "www.example.com", "[2001:db8::80]" },
		   *wild[] = { "*.example.com" }, *deep[] = { "*.a.example.com" }, *all[] = { "*" },
		   *own[] = { "www.example.com" };
	struct mr_site_listen on_addr = { .port = 80 };
	struct mr_site_route_config route = route_of(NULL, "/", "x");
	const struct mr_site_config sites[] = {
		{ "exact", exact, 2, &on_any, 1, &route, 1 },
		{ "wild", wild, 1, &on_any, 1, &route, 1 },
		{ "deep", deep, 1, &on_any, 1, &route, 1 },
		{ "all", all, 1, &on_8080, 1, &route, 1 },
		{ "own", own, 1, &on_addr, 1, &route, 1 },
	};
	struct mr_error error = { 0 };
	struct mr_site_set *set;

	(void)state;
	assert_int_equal(mr_addr_parse("192.0.2.7", &on_addr.addr), 0);
	assert_int_equal(mr_site_set_build(sites, 5, NULL, 0, 1, &set, &error), 0);
	assert_string_equal(site_name(set, "192.0.2.1", 80, "www.example.com"), "exact");
	assert_string_equal(site_name(set, "192.0.2.1", 80, "WWW.Example.COM."), "exact");
	assert_string_equal(site_name(set, "192.0.2.1", 80, "[2001:DB8::80]"), "exact");
	assert_string_equal(site_name(set, "192.0.2.1", 80, "x.example.com"), "wild");
	assert_string_equal(site_name(set, "192.0.2.1", 80, "x.y.example.com"), "wild");
	assert_string_equal(site_name(set, "192.0.2.1", 80, "x.a.example.com"), "deep");
	assert_string_equal(site_name(set, "192.0.2.1", 80, "a.example.com"), "wild");
	assert_string_equal(site_name(set, "192.0.2.1", 80, "example.com"), "-");
	assert_string_equal(site_name(set, "192.0.2.1", 80, "xexample.com"), "-");
	assert_string_equal(site_name(set, "192.0.2.1", 80, ""), "-");
	assert_string_equal(site_name(set, "192.0.2.1", 8080, "example.com"), "all");
	assert_string_equal(site_name(set, "192.0.2.1", 8080, ""), "all");
	assert_string_equal(site_name(set, "192.0.2.1", 81, "www.example.com"), "-");
	assert_string_equal(site_name(set, "192.0.2.7", 80, "www.example.com"), "own");
	assert_string_equal(site_name(set, "192.0.2.7", 80, "x.example.com"), "wild");
	mr_site_set_free(set);
}

static void
test_host_of_two_sites_refused(void **state)
{
	const char *hosts[] = { "www.example.com" }, *again[] = { "a", "WWW.EXAMPLE.COM" };
	struct mr_site_route_config route = route_of(NULL, "/", "x");
	struct mr_site_config sites[] = { { "one", hosts, 1, &on_any, 1, &route, 1 },
					  { "two", again, 2, &on_any, 1, &route, 1 } };
	struct mr_error error = { 0 };
	struct mr_site_set *set = NULL;

	(void)state;
	assert_int_equal(mr_site_set_build(sites, 2, NULL, 0, 1, &set, &error), -EINVAL);
	assert_non_null(strstr(error.text, "one and two both have the host www.example.com"));
	sites[1].listens = &on_8080;
	assert_int_equal(mr_site_set_build(sites, 2, NULL, 0, 1, &set, &error), 0);
	mr_site_set_free(set);
}

static void
test_host_check_both_sides(void **state)
{
	char longest[MR_SITE_HOST_BYTES + 2];

	(void)state;
	memset(longest, 'a', sizeof(longest));
	longest[MR_SITE_HOST_BYTES] = 0;
	assert_null(mr_site_host_check(longest));
	longest[MR_SITE_HOST_BYTES] = 'a';
	longest[MR_SITE_HOST_BYTES + 1] = 0;
	assert_non_null(mr_site_host_check(longest));
	assert_null(mr_site_host_check("*"));
	assert_null(mr_site_host_check("*.a"));
	assert_null(mr_site_host_check("[::1]"));
	assert_non_null(mr_site_host_check(""));
	assert_non_null(mr_site_host_check("*a"));
	assert_non_null(mr_site_host_check("*."));
	assert_non_null(mr_site_host_check("a."));
	assert_non_null(mr_site_host_check("a*"));
	assert_non_null(mr_site_host_check("a:80"));
	assert_non_null(mr_site_host_check("[::1"));
	assert_non_null(mr_site_host_check("[1.2.3.4]"));
}

static const char *
route_body(const struct mr_site_set *set, const struct site *site, const char *path)
{
	static char body[16];
	const struct site_route *route =
		site_route_find(set, site, (const uint8_t *)path, strlen(path), 0);

	if (!route)
		return "-";
	memcpy(body, route->answer.body.bytes, route->answer.body.byte_count);
	body[route->answer.body.byte_count] = 0;
	return body;
}

static void
test_route_exact_before_longest_prefix(void **state)
{
	const char *hosts[] = { "*" };
	struct mr_site_route_config routes[] = {
		route_of(NULL, "/a", "a"),       route_of(NULL, "/a/b", "ab"),
		route_of("/a/b/c", NULL, "abc"), route_of(NULL, "/d/", "d"),
		route_of("/", NULL, "root"),
	};
	const struct mr_site_config sites[] = { { "one", hosts, 1, &on_any, 1, routes, 5 },
						{ "two", hosts, 1, &on_8080, 1, routes, 1 } };
	struct mr_error error = { 0 };
	struct mr_site_set *set;
	const struct site *one, *two;

	(void)state;
	assert_int_equal(mr_site_set_build(sites, 2, NULL, 0, 1, &set, &error), 0);
	one = find(set, "192.0.2.1", 80, "h");
	two = find(set, "192.0.2.1", 8080, "h");
	assert_string_equal(route_body(set, one, "/"), "root");
	assert_string_equal(route_body(set, one, "/a"), "a");
	assert_string_equal(route_body(set, one, "/a/"), "a");
	assert_string_equal(route_body(set, one, "/ab"), "-");
	assert_string_equal(route_body(set, one, "/a/x/y"), "a");
	assert_string_equal(route_body(set, one, "/a/b"), "ab");
	assert_string_equal(route_body(set, one, "/a/bb"), "a");
	assert_string_equal(route_body(set, one, "/a/b/c"), "abc");
	assert_string_equal(route_body(set, one, "/a/b/c/"), "ab");
	assert_string_equal(route_body(set, one, "/d"), "-");
	assert_string_equal(route_body(set, one, "/d/"), "d");
	assert_string_equal(route_body(set, one, "/d/e"), "d");
	assert_string_equal(route_body(set, two, "/a/b/c"), "a");
	assert_string_equal(route_body(set, two, "/"), "-");
	mr_site_set_free(set);
}

static void
test_route_regex_last_and_first_of_its_site(void **state)
{
	const char *hosts[] = { "*" };
	struct mr_site_route_config routes[] = {
		{ .regex = "\\.php$", .action = MR_SITE_RESPOND, .status = 200, .body = "php" },
		route_of(NULL, "/a", "a"),
		{ .regex = "^/x/[0-9]+", .action = MR_SITE_RESPOND, .status = 200, .body = "x" },
		{ .regex = "^/x", .action = MR_SITE_RESPOND, .status = 200, .body = "later" },
	};
	struct mr_site_route_config other[] = {
		{ .regex = "^/x", .action = MR_SITE_RESPOND, .status = 200, .body = "other" },
	};
	const struct mr_site_config sites[] = { { "one", hosts, 1, &on_any, 1, routes, 4 },
						{ "two", hosts, 1, &on_8080, 1, other, 1 } };
	struct mr_error error = { 0 };
	struct mr_site_set *set;
	const struct site *one, *two;

	(void)state;
	assert_int_equal(mr_site_set_build(sites, 2, NULL, 0, 1, &set, &error), 0);
	one = find(set, "192.0.2.1", 80, "h");
	two = find(set, "192.0.2.1", 8080, "h");
	assert_string_equal(route_body(set, one, "/b.php"), "php");
	assert_string_equal(route_body(set, one, "/b.php5"), "-");
	assert_string_equal(route_body(set, one, "/a/b.php"), "a"); /* a prefix goes first */
	assert_string_equal(route_body(set, one, "/x/7"), "x");
	assert_string_equal(route_body(set, one, "/x/7.php"), "php");
	assert_string_equal(route_body(set, one, "/x/y"), "later");
	assert_string_equal(route_body(set, two, "/x/7"), "other");
	assert_string_equal(route_body(set, two, "/b.php"), "-");
	mr_site_set_free(set);
	other[0].regex = "(";
	assert_int_equal(mr_site_set_build(sites, 2, NULL, 0, 1, &set, &error), -EINVAL);
	assert_non_null(strstr(error.text, "regex (: "));
}

static void
test_route_twice_refused(void **state)
{
	const char *hosts[] = { "*" };
	struct mr_site_route_config routes[] = { route_of(NULL, "/a", "1"),
						 route_of("/a", NULL, "2"),
						 route_of(NULL, "/a", "3") };
	struct mr_site_config site = { "one", hosts, 1, &on_any, 1, routes, 3 };
	struct mr_error error = { 0 };
	struct mr_site_set *set = NULL;

	(void)state;
	assert_int_equal(mr_site_set_build(&site, 1, NULL, 0, 1, &set, &error), -EINVAL);
	assert_string_equal(error.text, "site one has two routes for the prefix /a");
	site.route_count = 2;
	assert_int_equal(mr_site_set_build(&site, 1, NULL, 0, 1, &set, &error), 0);
	mr_site_set_free(set);
}

static void
test_route_check_both_sides(void **state)
{
	struct mr_site_edit edit = { "X-A", "b", MR_SITE_EDIT_SET };
	struct mr_site_route_config route = route_of("/a", NULL, NULL);

	(void)state;
	assert_null(mr_site_route_check(&route));
	route.prefix = "/";
	assert_non_null(mr_site_route_check(&route));
	route.path = NULL;
	assert_null(mr_site_route_check(&route));
	route.prefix = "/%41"; /* canonical: /A */
	assert_non_null(mr_site_route_check(&route));
	route.prefix = "/a/../b";
	assert_non_null(mr_site_route_check(&route));
	route.prefix = "/a%2Fb";
	assert_null(mr_site_route_check(&route));
	route.status = 204;
	assert_null(mr_site_route_check(&route));
	route.body = "x";
	assert_non_null(mr_site_route_check(&route));
	route.status = 199;
	assert_non_null(mr_site_route_check(&route));
	route.status = 599;
	assert_null(mr_site_route_check(&route));
	route.status = 600;
	assert_non_null(mr_site_route_check(&route));
	route.action = MR_SITE_REDIRECT;
	route.status = 304;
	route.to = "/x";
	assert_non_null(mr_site_route_check(&route));
	route.status = 308;
	assert_null(mr_site_route_check(&route));
	route.edits = &edit;
	route.edit_count = 1;
	assert_null(mr_site_route_check(&route));
	edit.value = "b\r\nc: d";
	assert_non_null(mr_site_route_check(&route));
	edit.value = "b";
	edit.name = "Content-Length";
	assert_non_null(mr_site_route_check(&route));
	edit.name = "a b";
	assert_non_null(mr_site_route_check(&route));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host_exact_before_wildcard_before_any),
		cmocka_unit_test(test_host_of_two_sites_refused),
		cmocka_unit_test(test_host_check_both_sides),
		cmocka_unit_test(test_route_exact_before_longest_prefix),
		cmocka_unit_test(test_route_regex_last_and_first_of_its_site),
		cmocka_unit_test(test_route_twice_refused),
		cmocka_unit_test(test_route_check_both_sides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
