/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz/proxy - any octets of an origin, over lib/tcp in virtual time: what the client is given does
 * not depend on how they come, an answer of the box is one that can be read, and nothing is held
 * when both have gone.
 */
#include <string.h>

#include "../http/drive.h"
#include "../proxy/chain.h"

enum {
	BYTES_MAX = 4096,  /* of an origin */
	SINGLY_MAX = 512,  /* sent one by one too: a segment each */
	ENDS_MS = 1000,    /* within which a client has its answer when the origin is gone */
	CONTROL_BYTES = 3, /* which request; where the cut is */
};

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const struct {
	const char *text;
	enum mr_http_method method;
} requests[] = {
	{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", MR_HTTP_GET },
	{ "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", MR_HTTP_HEAD },
	{ "GET / HTTP/1.0\r\nHost: a\r\n\r\n", MR_HTTP_GET },
	{ "POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n"
	  "Content-Length: 3\r\n\r\nabc",
	  MR_HTTP_POST },
};
static const struct mr_site_route_config routes[] = {
	{ .prefix = "/", .action = MR_SITE_PROXY, .proxy = "app" },
};

/* What a client has got. */
struct outcome {
	bool whole; /* the origin's answer, from its first octet to its last */
	size_t interim_bytes;
	struct drive_result answer;
	uint8_t text[BYTES_MAX * 16];
};

static struct chain *chain;
static struct outcome at_once, parted;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	/* no retries: a failed answer would be asked for again, of the same octets */
	static const struct mr_upstream_limits limits = { .connect_ms = 1000,
							  .first_byte_ms = 2000,
							  .between_ms = 1000,
							  .idle_connections = 1,
							  .idle_ms = 5000 };

	(void)argc;
	(void)argv;
	chain = chain_start(routes, MR_ARRAY_COUNT(routes), 1, &limits);
	return 0;
}

static bool
origin_there(void)
{
	return chain->link_count == 1 && chain->links[0].conn && !chain->links[0].closed;
}

static void
origin_say(const uint8_t *bytes, size_t count)
{
	if (count && origin_there())
		chain_reply_bytes(chain, bytes, count);
}

/* outcome_read reads what the client has got, in the way of a client: interim answers, then one.
 * An answer of ours, or the origin's when it was whole, is one that can be read to its end. */
static void
outcome_read(struct outcome *self, enum mr_http_method method)
{
	static const struct mr_http_limits wide = { .head_bytes = MR_HTTP_HEAD_BYTES_MAX,
						    .field_line_bytes = MR_HTTP_HEAD_BYTES_MAX,
						    .target_bytes = MR_HTTP_HEAD_BYTES_MAX,
						    .trailer_bytes = MR_HTTP_HEAD_BYTES_MAX,
						    .extension_bytes = MR_HTTP_HEAD_BYTES_MAX,
						    .body_bytes = UINT64_MAX,
						    .fields = MR_HTTP_FIELDS_MAX };
	struct drive_result *answer = &self->answer;
	size_t at = 0;

	MR_ASSERT(chain->got_bytes <= sizeof(self->text));
	memcpy(self->text, chain->got, chain->got_bytes);
	for (;;) {
		drive(answer, MR_HTTP_RESPONSE, method, &wide, self->text + at,
		      chain->got_bytes - at, 0, 0, true);
		MR_ASSERT(answer->message.refusal == MR_HTTP_REFUSED_NOT);
		if (answer->message.head_bytes == 0 || answer->message.status >= 200)
			break;
		at += answer->message.head_bytes;
	}
	self->interim_bytes = at;
	MR_ASSERT(!self->whole ||
		  (answer->verdict == MR_HTTP_DONE && at + answer->used_bytes == chain->got_bytes));
}

/* ask is one request, and an origin that says bytes: at once, in two parts, or one by one; then it
 * closes. */
static void
ask(struct outcome *self, unsigned request, const uint8_t *bytes, size_t count, size_t cut,
    bool singly)
{
	uint64_t answers = chain_metric(chain, MR_PROXY_answer);

	chain->link_count = 0;
	chain_connect(chain);
	chain_text(chain, requests[request].text);
	MR_ASSERT(origin_there());
	for (size_t i = 0; singly && i < count; i++)
		origin_say(bytes + i, 1);
	if (!singly) {
		origin_say(bytes, cut);
		origin_say(bytes + cut, count - cut);
	}
	if (origin_there())
		chain_origin_fin(chain);
	for (int ms = 0; ms < ENDS_MS && chain_held(chain); ms += 5)
		chain_wait(chain, 5);
	MR_ASSERT(chain_held(chain) == 0);
	self->whole = chain_metric(chain, MR_PROXY_answer) > answers;
	if (chain->conn)
		chain_client_fin(chain);
	for (int ms = 0; ms < ENDS_MS && (chain->conn || chain->proxy.links.used); ms += 5)
		chain_wait(chain, 5);
	MR_ASSERT(!chain->conn && chain->proxy.links.used == 0);
	outcome_read(self, requests[request].method);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	size_t count = bytes - CONTROL_BYTES, cut;
	unsigned request;

	if (bytes < CONTROL_BYTES || count > BYTES_MAX)
		return 0;
	request = data[0] % MR_ARRAY_COUNT(requests);
	cut = (size_t)(data[1] << 8 | data[2]) % (count + 1);
	data += CONTROL_BYTES;
	ask(&at_once, request, data, count, count, false);
	for (int singly = 0; singly <= (count <= SINGLY_MAX); singly++) {
		ask(&parted, request, data, count, cut, singly != 0);
		/* an answer that fails may have been told of before it did, or not */
		MR_ASSERT(parted.whole == at_once.whole);
		if (!parted.whole)
			continue;
		MR_ASSERT(parted.interim_bytes == at_once.interim_bytes &&
			  memcmp(parted.text, at_once.text, at_once.interim_bytes) == 0);
		at_once.answer.used_bytes = parted.answer.used_bytes; /* chunks are cut anew */
		drive_same(&at_once.answer, &parted.answer);
	}
	return 0;
}
