/* SPDX-License-Identifier: Apache-2.0
 *
 * Files over HTTP/1.1: which file, which form of it, which part.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "pair.h"

enum { LARGE_BYTES = 300000 };

static char folder[] = "/tmp/mr-static-XXXXXX";
static const char *hosts[] = { "a.example" };
static struct mr_site_listen listens[] = { { .any = true, .port = PAIR_PORT } };
static struct mr_site_edit edits[] = { { "Cache-Control", "max-age=60", MR_SITE_EDIT_SET },
				       { "Server", NULL, MR_SITE_EDIT_REMOVE },
				       { "ETag", NULL, MR_SITE_EDIT_REMOVE } };
static struct mr_site_route_config routes[] = {
	{ .prefix = "/", .action = MR_SITE_ROOT },
	{ .prefix = "/edited", .action = MR_SITE_ROOT, .edits = edits, .edit_count = 3 },
	{ .prefix = "/slash/", .action = MR_SITE_ROOT },
	{ .path = "/exact", .action = MR_SITE_ROOT },
	{ .prefix = "/other", .action = MR_SITE_ROOT, .rewrite = "/dir/" },
	{ .path = "/one", .action = MR_SITE_ROOT, .rewrite = "/a.txt" },
};
static struct mr_site_error_config errors[] = { { 404, "nothing here", NULL } };
static const struct mr_site_config site = { "a", hosts, 1, listens, 1, routes, 6, errors, 1, true };
static const struct mr_site_server_config plain = { 0 };
static char large[LARGE_BYTES];

static void
put(const char *name, const void *bytes, size_t count)
{
	char path[256];
	struct timespec times[2] = { { .tv_sec = 784111777 }, { .tv_sec = 784111777 } };
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	out = fopen(path, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, count, out), count);
	fclose(out);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void
folder_make(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void
link_make(const char *to, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(symlink(to, path), 0);
}

static int
group_setup(void **state)
{
	char text[2000];

	(void)state;
	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = (char)(i * 7 + (i >> 9));
	memset(text, 'c', sizeof(text));
	folder_make("dir");
	folder_make("none");
	folder_make(".git");
	folder_make(".well-known");
	put("index.html", "top", 3);
	put("dir/index.html", "index", 5);
	put("dir/a b.txt", "blank", 5);
	put("a.txt", "0123456789", 10);
	put("exact", "exact", 5);
	put("empty", "", 0);
	put("large.bin", large, sizeof(large));
	put("s.css", text, sizeof(text));
	put("s.css.br", "brotli", 6);
	put(".hidden", "x", 1);
	put(".git/config", "x", 1);
	put(".well-known/x", "known", 5);
	link_make("a.txt", "inside");
	link_make("/etc/passwd", "outside");
	link_make("../../etc/passwd", "beyond");
	link_make("dir", "linked");
	return 0;
}

static int
group_teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static int
setup(void **state)
{
	for (size_t i = 0; i < MR_ARRAY_COUNT(routes); i++)
		snprintf(routes[i].root, sizeof(routes[i].root), "%s", folder);
	*state = pair_start_on(&site, 1, &plain, folder);
	pair_connect(*state);
	return 0;
}

static int
teardown(void **state)
{
	pair_stop(*state);
	return 0;
}

/* ask sends one request and returns what came for it. */
static const char *
ask(struct pair *pair, const char *method, const char *path, const char *fields)
{
	char text[1024];

	pair->got_bytes = 0;
	pair->got[0] = 0;
	snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: a.example\r\n%s\r\n", method, path,
		 fields);
	pair_text(pair, text);
	pair_wait(pair, 100);
	return pair->got;
}

static void
assert_status(struct pair *pair, const char *path, const char *fields, int status)
{
	const char *got = ask(pair, "GET", path, fields);

	if (atoi(got + 9) != status)
		fail_msg("%s %s: expected %d, got \"%.300s\"", path, fields, status, got);
}

static void
assert_has(const struct pair *pair, const char *text)
{
	if (!strstr(pair->got, text))
		fail_msg("no \"%s\" in \"%.600s\"", text, pair->got);
}

static const char *
body_of(const struct pair *pair)
{
	const char *end = strstr(pair->got, "\r\n\r\n");

	assert_non_null(end);
	return end + 4;
}

static void
assert_body(struct pair *pair, const char *path, const char *body)
{
	ask(pair, "GET", path, "");
	assert_int_equal(atoi(pair->got + 9), 200);
	assert_string_equal(body_of(pair), body);
}

static void
test_file_found_by_path(void **state)
{
	struct pair *pair = *state;

	assert_body(pair, "/", "top");
	assert_body(pair, "/index.html", "top");
	assert_body(pair, "/a.txt", "0123456789");
	assert_has(pair, "\r\ncontent-type: text/plain");
	assert_has(pair, "\r\ncontent-length: 10\r\n");
	assert_has(pair, "\r\nlast-modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
	assert_has(pair, "\r\netag: \"");
	assert_has(pair, "\r\naccept-ranges: bytes\r\n");
	assert_body(pair, "/dir/", "index");
	assert_body(pair, "/dir/a%20b.txt", "blank");
	assert_body(pair, "/x/../%61.txt", "0123456789");
	assert_body(pair, "/empty", "");
	assert_body(pair, "/edited/a.txt", "0123456789");
	assert_body(pair, "/slash/a.txt", "0123456789");
	assert_body(pair, "/slash/", "top");
	assert_body(pair, "/exact", "exact");
	assert_body(pair, "/inside", "0123456789");
	assert_body(pair, "/.well-known/x", "known");
	assert_body(pair, "/other/index.html", "index");
	assert_body(pair, "/other/a%20b.txt", "blank");
	assert_body(pair, "/one", "0123456789");
}

static void
test_file_not_found(void **state)
{
	static const char *const paths[] = {
		"/b.txt",       "/a.txt/",
		"/.hidden",     "/.git/config",
		"/.git/",       "/outside",
		"/beyond",      "/linked/",
		"/none/",       "//a.txt",
		"/A.TXT",       "/dir%2Findex.html",
		"/../a.txtx",   "/edited/edited/a.txt",
		"/dir/.hidden",
	};
	struct pair *pair = *state;

	for (size_t i = 0; i < MR_ARRAY_COUNT(paths); i++)
		assert_status(pair, paths[i], "", 404);
	assert_int_equal(pair_metric(pair, MR_SITE_no_file), MR_ARRAY_COUNT(paths));
}

static void
test_page_of_the_site(void **state)
{
	struct pair *pair = *state;

	assert_status(pair, "/missing", "", 404);
	assert_string_equal(body_of(pair), "nothing here");
	assert_has(pair, "\r\nContent-Type: text/html; charset=utf-8\r\n");
	ask(pair, "POST", "/a.txt", "Content-Length: 0\r\n");
	assert_string_equal(body_of(pair), "405 Method Not Allowed\n");
}

static void
test_request_id(void **state)
{
	struct pair *pair = *state;
	char first[33] = "", second[33] = "";

	ask(pair, "GET", "/a.txt", "X-Request-ID: aB-9_.:=+/\r\n");
	assert_has(pair, "\r\nX-Request-ID: aB-9_.:=+/\r\n");
	ask(pair, "GET", "/a.txt", "");
	assert_int_equal(sscanf(strstr(pair->got, "X-Request-ID: ") + 14, "%32[0-9a-f]", first), 1);
	ask(pair, "GET", "/a.txt", "X-Request-ID: a b\r\n");
	assert_int_equal(sscanf(strstr(pair->got, "X-Request-ID: ") + 14, "%32[0-9a-f]", second),
			 1);
	assert_int_equal(strlen(first), 32);
	assert_int_equal(strlen(second), 32);
	assert_string_not_equal(first, second);
}

static void
test_folder_redirected(void **state)
{
	struct pair *pair = *state;

	assert_status(pair, "/dir?x=1", "", 301);
	assert_has(pair, "\r\nlocation: /dir/?x=1\r\n");
	assert_status(pair, "/edited", "", 301);
	assert_has(pair, "\r\nlocation: /edited/\r\n");
	assert_status(pair, "/edited/dir", "", 301);
	assert_has(pair, "\r\nlocation: /edited/dir/\r\n");
}

static void
test_methods(void **state)
{
	struct pair *pair = *state;

	ask(pair, "HEAD", "/a.txt", "");
	assert_has(pair, "content-length: 10\r\n");
	assert_string_equal(body_of(pair), "");
	ask(pair, "POST", "/a.txt", "Content-Length: 0\r\n");
	assert_has(pair, "HTTP/1.1 405 ");
	assert_has(pair, "\r\nAllow: GET, HEAD, OPTIONS\r\n");
	ask(pair, "OPTIONS", "/a.txt", "");
	assert_has(pair, "HTTP/1.1 204 ");
	ask(pair, "BREW", "/a.txt", "");
	assert_has(pair, "HTTP/1.1 501 ");
}

static void
test_edits_carried_out(void **state)
{
	struct pair *pair = *state;

	assert_body(pair, "/edited/a.txt", "0123456789");
	assert_has(pair, "\r\nCache-Control: max-age=60\r\n");
	assert_null(strstr(pair->got, "server:"));
	assert_null(strstr(pair->got, "etag:"));
	assert_has(pair, "\r\nlast-modified:");
}

static void
test_conditions(void **state)
{
	struct pair *pair = *state;
	char tag[64], fields[128];

	ask(pair, "GET", "/a.txt", "");
	assert_int_equal(sscanf(strstr(pair->got, "etag: "), "etag: %60[^\r]", tag), 1);
	snprintf(fields, sizeof(fields), "If-None-Match: \"x\", %s\r\n", tag);
	assert_status(pair, "/a.txt", fields, 304);
	assert_has(pair, tag);
	assert_null(strstr(pair->got, "content-length"));
	assert_null(strstr(pair->got, "content-type"));
	assert_string_equal(body_of(pair), "");
	assert_status(pair, "/a.txt", "If-None-Match: \"x\"\r\n", 200);
	assert_status(pair, "/a.txt", "If-Match: \"x\"\r\n", 412);
	assert_status(pair, "/a.txt", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 304);
	assert_status(pair, "/a.txt", "If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n", 200);
	assert_status(pair, "/a.txt", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n",
		      412);
	snprintf(fields, sizeof(fields), "Range: bytes=0-1\r\nIf-Range: %s\r\n", tag);
	assert_status(pair, "/a.txt", fields, 206);
	assert_status(pair, "/a.txt", "Range: bytes=0-1\r\nIf-Range: \"x\"\r\n", 200);
}

static void
test_ranges(void **state)
{
	struct pair *pair = *state;

	assert_status(pair, "/a.txt", "Range: bytes=2-4\r\n", 206);
	assert_string_equal(body_of(pair), "234");
	assert_has(pair, "\r\ncontent-range: bytes 2-4/10\r\n");
	assert_has(pair, "\r\ncontent-length: 3\r\n");
	assert_status(pair, "/a.txt", "Range: bytes=-3\r\n", 206);
	assert_string_equal(body_of(pair), "789");
	assert_status(pair, "/a.txt", "Range: bytes=10-\r\n", 416);
	assert_has(pair, "\r\ncontent-range: bytes */10\r\n");
	assert_status(pair, "/a.txt", "Range: bytes=x\r\n", 200);
	assert_string_equal(body_of(pair), "0123456789");
}

/* What stands in a 206 of several parts is what its boundary and length say. */
static void
test_ranges_several(void **state)
{
	struct pair *pair = *state;
	char boundary[64], expected[512];
	unsigned long length;

	assert_status(pair, "/a.txt", "Range: bytes=0-0, 8-\r\n", 206);
	assert_int_equal(sscanf(strstr(pair->got, "boundary="), "boundary=%40[0-9a-f]", boundary),
			 1);
	assert_int_equal(sscanf(strstr(pair->got, "content-length: "), "content-length: %lu",
				&length),
			 1);
	assert_int_equal(strlen(boundary), 32);
	assert_int_equal(strlen(body_of(pair)), length);
	snprintf(expected, sizeof(expected),
		 "\r\n--%s\r\ncontent-type: text/plain; charset=utf-8\r\n"
		 "content-range: bytes 0-0/10\r\n\r\n0"
		 "\r\n--%s\r\ncontent-type: text/plain; charset=utf-8\r\n"
		 "content-range: bytes 8-9/10\r\n\r\n89\r\n--%s--\r\n",
		 boundary, boundary, boundary);
	assert_string_equal(body_of(pair), expected);
	ask(pair, "HEAD", "/a.txt", "Range: bytes=0-0, 8-\r\n"); /* RFC 9110 14.2: GET only */
	assert_has(pair, "HTTP/1.1 200 ");
}

static void
test_large_by_reference(void **state)
{
	struct pair *pair = *state;
	const char *body;

	ask(pair, "GET", "/large.bin", "");
	body = body_of(pair);
	assert_int_equal(pair->got + pair->got_bytes - body, LARGE_BYTES);
	assert_memory_equal(body, large, LARGE_BYTES);
	ask(pair, "GET", "/large.bin", "Range: bytes=100000-199999\r\n");
	body = body_of(pair);
	assert_int_equal(pair->got + pair->got_bytes - body, 100000);
	assert_memory_equal(body, large + 100000, 100000);
	assert_true(mr_site_tree_idle(pair->tree));
}

static void
test_large_pinned_while_sent(void **state)
{
	struct pair *pair = *state;

	pair->paused = true;
	pair_text(pair, "GET /large.bin HTTP/1.1\r\nHost: a.example\r\n\r\n");
	assert_false(mr_site_tree_idle(pair->tree));
	mr_tcp_abort(pair->tcp[0], pair->conn);
	pair_run(pair);
	assert_true(mr_site_tree_idle(pair->tree));
}

static void
test_codings(void **state)
{
	struct pair *pair = *state;

	assert_status(pair, "/s.css", "", 200);
	assert_has(pair, "\r\ncontent-length: 2000\r\n");
	assert_has(pair, "\r\nvary: accept-encoding\r\n");
	assert_status(pair, "/s.css", "Accept-Encoding: gzip, br\r\n", 200);
	assert_string_equal(body_of(pair), "brotli");
	assert_has(pair, "\r\ncontent-encoding: br\r\n");
	assert_has(pair, "\r\ncontent-type: text/css");
	assert_status(pair, "/s.css", "Accept-Encoding: gzip;q=1, br;q=0.5\r\n", 200);
	assert_has(pair, "\r\ncontent-encoding: gzip\r\n");
	assert_memory_equal(body_of(pair), "\x1f\x8b\x08", 3);
	/* there is no .zst: it was made */
	assert_status(pair, "/s.css", "Accept-Encoding: zstd\r\n", 200);
	assert_has(pair, "\r\ncontent-encoding: zstd\r\n");
	assert_memory_equal(body_of(pair), "\x28\xb5\x2f\xfd", 4);
	assert_status(pair, "/s.css", "Accept-Encoding: identity;q=0\r\n", 200);
	assert_has(pair, "\r\ncontent-length: 2000\r\n");
	assert_body(pair, "/s.css.br", "brotli");
	assert_null(strstr(pair->got, "content-encoding"));
	assert_body(pair, "/a.txt", "0123456789");
	assert_null(strstr(pair->got, "vary"));
}

static void
test_load_failures(void **state)
{
	struct pair *pair = *state;
	struct mr_error error = { 0 };
	const _Atomic bool cancelled = true, going = false;
	struct mr_site_tree *tree = NULL;
	struct mr_site_store *small;
	struct mr_site_tree_info info;

	mr_site_tree_info(pair->tree, &info);
	assert_int_equal(info.files, 11);
	assert_int_equal(info.skipped, 3); /* two links that lead out, one to a folder */
	assert_int_equal(mr_site_tree_load(pair->store, "/nonexistent", &going, &tree, &error),
			 -ENOENT);
	error = (struct mr_error){ 0 }; /* the first one stands */
	assert_int_equal(mr_site_tree_load(pair->store, folder, &cancelled, &tree, &error),
			 -ECANCELED);
	error = (struct mr_error){ 0 };
	assert_int_equal(mr_site_store_create(&small, 128 << 10, false, 1, &error), 0);
	assert_int_equal(mr_site_tree_load(small, folder, &going, &tree, &error), -ENOMEM);
	assert_non_null(strstr(error.text, "memory.sites"));
	mr_site_store_destroy(small);
}

int
main(void)
{
#define STATIC_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		STATIC_TEST(test_file_found_by_path),
		STATIC_TEST(test_file_not_found),
		STATIC_TEST(test_folder_redirected),
		STATIC_TEST(test_methods),
		STATIC_TEST(test_page_of_the_site),
		STATIC_TEST(test_request_id),
		STATIC_TEST(test_edits_carried_out),
		STATIC_TEST(test_conditions),
		STATIC_TEST(test_ranges),
		STATIC_TEST(test_ranges_several),
		STATIC_TEST(test_large_by_reference),
		STATIC_TEST(test_large_pinned_while_sent),
		STATIC_TEST(test_codings),
		STATIC_TEST(test_load_failures),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
