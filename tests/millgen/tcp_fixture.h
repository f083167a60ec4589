/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/tcp_fixture - a client, and a server's segments written by hand, 16 bits at a time.
 */
#ifndef TEST_MILLGEN_TCP_FIXTURE_H
#define TEST_MILLGEN_TCP_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "fixture.h"

enum { HZ = 1000000000, SERVER_ISS = 0xfffffff0 /* it wraps in every answer */, FRAMES = 64 };

/* What the client sent, taken apart. */
struct sent {
	uint32_t blocks[3][2]; /* SACK */
	uint32_t seq, ack, bytes, ts_val, ts_ecr;
	uint16_t port, window;
	uint8_t flags, client[16];
	uint8_t payload[1600];
};

struct tcp_fixture {
	struct gen_client *client;
	struct gen_out out;
	struct gen_tally tally;
	uint8_t frames[FRAMES][2048];
	uint64_t now_ns;
	/* the server's side of the connection that is spoken with */
	struct sent sent;  /* the last one taken */
	uint32_t snd, rcv; /* next to be sent; expected */
	uint16_t port;
	uint8_t address[16];
	bool timestamps;
};

static struct tcp_fixture t;

static inline void
tick(uint64_t ms)
{
	t.now_ns += ms * 1000000;
	gen_client_time(t.client, t.now_ns);
	gen_client_timers(t.client, UINT32_MAX);
	gen_client_flush(t.client);
}

struct setup {
	bool v6, client_closes, no_timestamps;
	uint32_t requests, connections, again_ms, active_ppm;
	uint64_t idle_ns;
	enum gen_slow slow;
	bool flood;
	uint8_t pipeline;
	uint16_t mss;
	uint64_t seed;
	const char *path, *source;
	uint32_t objects;
};

static inline void
begin(const struct setup *with)
{
	struct gen_http_options http = { .path = with->path ? with->path : "/",
					 .host = "test",
					 .objects = with->objects ? with->objects : 1,
					 .status = 200,
					 .least_bytes = 150 };
	struct gen_client *client =
		aligned_alloc(MR_CACHE_LINE, mr_round_up(sizeof(*client), MR_CACHE_LINE));
	struct mr_error error = { 0 };
	struct mr_prefix prefix;
	struct mr_addr target;

	memset(&t, 0, sizeof(t));
	memset(client, 0, sizeof(*client));
	t.client = client;
	t.timestamps = !with->no_timestamps;
	assert_int_equal(mr_addr_parse(with->v6 ? "2001:db8::80" : "192.0.2.80", &target), 0);
	assert_int_equal(mr_prefix_parse(with->source ? with->source
					 : with->v6   ? "2001:db8:1::/112"
						      : "10.1.0.0/24",
					 &prefix),
			 0);
	client->tuples.way_count = 1;
	assert_int_equal(gen_way_make(&client->tuples.ways[0], &target, 80, &prefix, 0, &error), 0);
	assert_int_equal(gen_tuples_make(&client->tuples, 1024, 64, 60000, &error), 0);
	client->ask.per_connection = with->requests;
	client->ask.pipeline = with->pipeline ? with->pipeline : 1;
	client->ask.client_closes = with->client_closes;
	assert_int_equal(gen_chooser_create(&client->ask.chooser, GEN_CHOICE_UNIFORM, http.objects,
					    1, 1, &error),
			 0);
	assert_int_equal(gen_ask_http(&client->ask, &http, &error), 0);
	client->options = (struct gen_client_options){
		.segment = { .mtu = 1500,
			     .mss = with->mss,
			     .window_scale = 7,
			     .timestamps = !with->no_timestamps,
			     .sack = true,
			     .ttl = 64 },
		.window_bytes = 256 << 10,
		.timeout_tsc = 5ull * HZ,
		.timeout_ms = 5000,
		.connections = with->connections,
		.again_ms = with->again_ms,
		.active_ppm = with->active_ppm,
		.idle_ns = with->idle_ns,
		.slow = with->slow,
		.flood = with->flood,
		.slot_bits = 10,
		.seed = with->seed,
	};
	assert_int_equal(gen_client_create(client, HZ, 1000, &error), 0);
	t.now_ns = 1000;
	t.tally.table = &gen_tcp_verdicts;
	client->tally = &t.tally;
	client->out = &t.out;
	client->asking = true;
	t.out.room = FRAMES;
	for (unsigned i = 0; i < FRAMES; i++)
		t.out.frames[i] = t.frames[i];
	gen_segment_templates_make(&client->templates, &client->tuples, &client->options.segment);
	t.snd = SERVER_ISS;
}

static inline void
end(void)
{
	gen_client_destroy(t.client);
	free(t.client);
}

static inline uint64_t
count(enum gen_tcp_verdict verdict)
{
	return t.tally.verdicts[verdict];
}

/* take removes the client's next frame and checks all that must hold for any. */
static inline bool
take(void)
{
	uint8_t *frame = t.out.frames[0], *tcp;
	unsigned l4 = fixture_l4(frame), bytes, header;

	if (!t.out.count)
		return false;
	bytes = t.out.bytes[0];
	tcp = frame + l4;
	header = (tcp[12] >> 4) * 4u;
	if (l4 == 34) {
		assert_int_equal(mr_load_be16(frame + 16), bytes - 14);
		assert_int_equal(fixture_fold(fixture_sum(0, frame + 14, 20)), 0xffff);
	} else {
		assert_int_equal(mr_load_be16(frame + 18), bytes - 54);
	}
	assert_int_equal(fixture_fold(
				 fixture_sum(l4 == 34 ? fixture_sum(6 + bytes - l4, frame + 26, 8)
						      : fixture_sum(6 + bytes - l4, frame + 22, 32),
					     tcp, bytes - l4)),
			 0xffff);
	t.sent = (struct sent){ .seq = mr_load_be32(tcp + 4),
				.ack = mr_load_be32(tcp + 8),
				.port = mr_load_be16(tcp),
				.flags = tcp[13],
				.window = mr_load_be16(tcp + 14),
				.bytes = bytes - l4 - header };
	assert_int_equal(mr_load_be16(tcp + 2), 80);
	if (header == 32 && !(t.sent.flags & GEN_SYN)) {
		assert_int_equal(mr_load_be32(tcp + 20), 0x0101080a);
		t.sent.ts_val = mr_load_be32(tcp + 24);
		t.sent.ts_ecr = mr_load_be32(tcp + 28);
	} else if (header == 40) {
		t.sent.ts_val = mr_load_be32(tcp + 28);
	} else if (header == 60) {
		assert_int_equal(mr_load_be32(tcp + 32), 0x0101051a);
		for (unsigned i = 0; i < 6; i++)
			t.sent.blocks[i / 2][i % 2] = mr_load_be32(tcp + 36 + 4 * i);
	}
	memcpy(t.sent.payload, tcp + header, t.sent.bytes);
	memcpy(t.sent.client, frame + (l4 == 34 ? 26 : 22), l4 == 34 ? 4 : 16);
	t.out.count--;
	memmove(t.out.frames, t.out.frames + 1, (FRAMES - 1) * sizeof(t.out.frames[0]));
	memmove(t.out.bytes, t.out.bytes + 1, (FRAMES - 1) * sizeof(t.out.bytes[0]));
	t.out.frames[FRAMES - 1] = frame;
	return true;
}

/* expect takes a frame that has these flags and this much payload. */
static inline void
expect(uint8_t flags, uint32_t bytes)
{
	assert_true(take());
	assert_int_equal(t.sent.flags, flags);
	assert_int_equal(t.sent.bytes, bytes);
}

static inline void
expect_nothing(void)
{
	assert_false(take());
}

/* reply_ts gives the client a segment of the server at any sequence number. */
static inline enum gen_parse
reply_ts(uint8_t flags, uint32_t seq, uint32_t ack, const void *payload, uint32_t bytes,
	 uint32_t ts_val)
{
	uint8_t frame[2048] = { 0 }, *tcp;
	bool v6 = t.client->tuples.ways[0].family == 6;
	unsigned l4 = v6 ? 54 : 34, header = 20;
	const struct gen_way *way = &t.client->tuples.ways[0];
	struct gen_segment segment;
	enum gen_parse parse;

	tcp = frame + l4;
	if (flags & GEN_SYN) {
		mr_store_be32(tcp + 20, 0x02040000 | 1460);
		mr_store_be32(tcp + 24, 0x01030307);
		header += 8;
	}
	if (t.timestamps) {
		mr_store_be32(tcp + header, 0x0101080a);
		mr_store_be32(tcp + header + 4, ts_val);
		mr_store_be32(tcp + header + 8, t.sent.ts_val);
		header += 12;
	}
	mr_store_be16(frame + 12, v6 ? 0x86dd : 0x0800);
	if (v6) {
		frame[14] = 0x60;
		mr_store_be16(frame + 18, (uint16_t)(header + bytes));
		frame[20] = 6;
		memcpy(frame + 22, way->target.bytes, 16);
		memcpy(frame + 38, t.address, 16);
	} else {
		frame[14] = 0x45;
		mr_store_be16(frame + 16, (uint16_t)(20 + header + bytes));
		frame[23] = 6;
		memcpy(frame + 26, way->target.bytes + 12, 4);
		memcpy(frame + 30, t.address, 4);
		mr_store_be16(frame + 24, (uint16_t)~fixture_fold(fixture_sum(0, frame + 14, 20)));
	}
	mr_store_be16(tcp, 80);
	mr_store_be16(tcp + 2, t.port);
	mr_store_be32(tcp + 4, seq);
	mr_store_be32(tcp + 8, ack);
	tcp[12] = (uint8_t)(header / 4 << 4);
	tcp[13] = flags;
	mr_store_be16(tcp + 14, flags & GEN_SYN ? 65535 : 512);
	if (bytes)
		memcpy(tcp + header, payload, bytes);
	mr_store_be16(tcp + 16,
		      (uint16_t)~fixture_fold(
			      fixture_sum(v6 ? fixture_sum(6 + header + bytes, frame + 22, 32)
					     : fixture_sum(6 + header + bytes, frame + 26, 8),
					  tcp, header + bytes)));
	parse = gen_segment_parse(&t.client->tuples, frame, l4 + header + bytes, &segment);
	if (parse == GEN_PARSE_OK) {
		gen_client_segment(t.client, &segment);
		gen_client_flush(t.client);
	}
	return parse;
}

static inline void
reply(uint8_t flags, uint32_t seq, uint32_t ack, const void *payload, uint32_t bytes)
{
	assert_int_equal(reply_ts(flags, seq, ack, payload, bytes, (uint32_t)(t.now_ns / 1000000)),
			 GEN_PARSE_OK);
}

/* say sends text as the next bytes, with flags; the server has taken all that the client sent. */
static inline void
say(uint8_t flags, const char *text)
{
	uint32_t bytes = (uint32_t)strlen(text);

	reply(flags | GEN_ACK, t.snd, t.rcv, text, bytes);
	t.snd += bytes + !!(flags & GEN_FIN);
}

/* opened begins a connection with a batch and takes its SYN. */
static inline void
opened(uint8_t batch)
{
	assert_true(gen_client_can_open(t.client));
	gen_client_open(t.client, t.now_ns, batch);
	expect(GEN_SYN, 0);
	t.port = t.sent.port;
	memcpy(t.address, t.sent.client, 16);
	t.rcv = t.sent.seq + 1;
	t.snd = SERVER_ISS;
}

/* established goes on to the handshake's end, and takes the request. */
static inline void
established(uint8_t batch)
{
	opened(batch);
	reply(GEN_SYN | GEN_ACK, t.snd++, t.rcv, NULL, 0);
	assert_true(take());
	assert_int_equal(t.sent.ack, t.snd);
	assert_int_equal(t.sent.seq, t.rcv);
	if (t.timestamps)
		assert_int_equal(t.sent.ts_ecr, t.now_ns / 1000000);
	if (batch)
		assert_true(t.sent.bytes >= 150);
	t.rcv += t.sent.bytes;
}

/* closed finishes a close that the server has begun by its FIN. */
static inline void
closed(void)
{
	expect(GEN_FIN | GEN_ACK, 0);
	assert_int_equal(t.sent.ack, t.snd);
	assert_int_equal(t.sent.seq, t.rcv);
	reply(GEN_ACK, t.snd, ++t.rcv, NULL, 0);
	expect_nothing();
	assert_int_equal(t.client->open_count, 0);
}

#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
#define ALIVE  "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\nhello"

#endif
