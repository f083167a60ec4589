/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz/site_h1 - any octets of a client, over lib/tcp in virtual time: the answers are the same
 * whether they come at once, in two parts, or one by one, and nothing is held when it has gone.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../site/pair.h"

enum {
	BYTES_MAX = 4096,  /* of a client */
	SINGLY_MAX = 512,  /* sent one by one too: a segment each */
	REQUESTS_MAX = 6,  /* of a connection, so that the limit is met */
	ENDS_MS = 1000,    /* within which a connection is over when its client is */
	CONTROL_BYTES = 2, /* where the cut is */
};

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static struct pair *pair;
static char root[] = "/tmp/fuzz_site_h1.XXXXXX";
static const char *hosts[] = { "a.example", "*.b.example", "[2001:db8::1]" };
static const char *strict_hosts[] = { "strict.example" };
static struct mr_site_listen listens[] = { { .any = true, .port = PAIR_PORT } };
static struct mr_site_edit edits[] = { { "X-A", "1", MR_SITE_EDIT_ADD },
				       { "Server", NULL, MR_SITE_EDIT_REMOVE } };
static struct mr_site_route_config routes[] = {
	{ .path = "/", .action = MR_SITE_RESPOND, .status = 200, .body = "hello" },
	{ .path = "/none", .action = MR_SITE_RESPOND, .status = 204 },
	{ .path = "/health", .action = MR_SITE_HEALTH },
	{ .prefix = "/go",
	  .action = MR_SITE_REDIRECT,
	  .status = 308,
	  .to = "https://b.example/",
	  .edits = edits,
	  .edit_count = MR_ARRAY_COUNT(edits) },
	{ .prefix = "/f", .action = MR_SITE_ROOT, .root = "" },
	{ .regex = "^/r[0-9]+", .action = MR_SITE_ROOT, .root = "", .rewrite = "/" },
};
static struct mr_site_route_config strict_routes[] = {
	{ .prefix = "/",
	  .action = MR_SITE_RESPOND,
	  .status = 200,
	  .body = "strict",
	  .limits = { .body_bytes = 8, .header_bytes = 64, .requests = 2 } },
};
static struct mr_site_error_config pages[] = { { 404, "nothing", "text/plain" },
					       { 413, "much", "text/plain" } };
static struct mr_site_config sites[] = {
	{ .name = "a",
	  .hosts = hosts,
	  .host_count = MR_ARRAY_COUNT(hosts),
	  .listens = listens,
	  .listen_count = 1,
	  .routes = routes,
	  .route_count = MR_ARRAY_COUNT(routes),
	  .errors = pages,
	  .error_count = MR_ARRAY_COUNT(pages) },
	{ .name = "strict",
	  .hosts = strict_hosts,
	  .host_count = 1,
	  .listens = listens,
	  .listen_count = 1,
	  .routes = strict_routes,
	  .route_count = 1 },
};

static void
file_make(const char *name, const char *text)
{
	char path[sizeof(root) + 16];
	struct timespec times[2] = { { .tv_sec = 784111777 }, { .tv_sec = 784111777 } };
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	file = fopen(path, "w");
	MR_ASSERT(file && fputs(text, file) >= 0 && fclose(file) == 0);
	MR_ASSERT(utimensat(AT_FDCWD, path, times, 0) == 0);
}

static void
file_remove(const char *name)
{
	char path[sizeof(root) + 16];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	unlink(path);
}

/* A root is read whole when the server starts: its folder is gone before the first input. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const struct mr_site_server_config config = { .request_limit = REQUESTS_MAX,
							     .body_bytes = 256 };

	(void)argc;
	(void)argv;
	MR_ASSERT(mkdtemp(root));
	file_make("index.html", "<p>index");
	file_make("t", "0123456789abcdefghijklmnopqrstuvwxyz");
	file_make("t.gz", "packed");
	for (size_t i = 0; i < MR_ARRAY_COUNT(routes); i++)
		if (routes[i].action == MR_SITE_ROOT)
			memcpy(routes[i].root, root, sizeof(root));
	pair = pair_start_on(sites, MR_ARRAY_COUNT(sites), &config, root);
	file_remove("index.html");
	file_remove("t");
	file_remove("t.gz");
	rmdir(root);
	return 0;
}

/* say stops where the server has ended the connection: it reads no more. */
static bool
say(const uint8_t *bytes, size_t count)
{
	if (count == 0 || pair->peer_closed || pair->closed)
		return !pair->peer_closed && !pair->closed;
	pair_say(pair, bytes, count);
	return !pair->peer_closed && !pair->closed;
}

/* talk is one connection: bytes, a part until cut and the rest, or one by one; then the end. */
static size_t
talk(const uint8_t *bytes, size_t count, size_t cut, bool singly, char *answers)
{
	pair_connect(pair);
	for (size_t i = 0; singly && i < count && say(bytes + i, 1); i++)
		;
	if (!singly && say(bytes, cut))
		say(bytes + cut, count - cut);
	if (!pair->peer_closed && !pair->closed) {
		mr_tcp_shutdown(pair->tcp[0], pair->conn);
		pair_run(pair);
	}
	for (int ms = 0; ms < ENDS_MS && !pair->peer_closed && !pair->closed; ms += 5)
		pair_wait(pair, 5);
	MR_ASSERT(pair->peer_closed || pair->closed);
	MR_ASSERT(pair_held(pair) == 0);
	MR_ASSERT(pair_metric(pair, MR_SITE_no_memory) == 0);
	memcpy(answers, pair->got, pair->got_bytes);
	return pair->got_bytes;
}

/* Whether the answer to an expectation ends the connection depends on whether its content has come
 * with it: the one thing that a cut may change (RFC 9110 10.1.1). */
static bool
expects(const uint8_t *bytes, size_t count)
{
	static const char word[] = "expect";

	for (size_t i = 0; i + sizeof(word) - 1 <= count; i++)
		if (mr_http_same(bytes + i, sizeof(word) - 1, word))
			return true;
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static char whole[PAIR_GOT_BYTES + 1], parted[PAIR_GOT_BYTES + 1];
	size_t whole_bytes, count = bytes - CONTROL_BYTES;
	bool same;

	if (bytes < CONTROL_BYTES || count > BYTES_MAX)
		return 0;
	same = !expects(data + CONTROL_BYTES, count);
	whole_bytes = talk(data + CONTROL_BYTES, count, count, false, whole);
	for (int singly = 0; singly <= (count <= SINGLY_MAX); singly++) {
		size_t cut = (size_t)(data[0] << 8 | data[1]) % (count + 1);
		size_t parted_bytes = talk(data + CONTROL_BYTES, count, cut, singly != 0, parted);

		MR_ASSERT(!same ||
			  (parted_bytes == whole_bytes && memcmp(parted, whole, whole_bytes) == 0));
	}
	return 0;
}
