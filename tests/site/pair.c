/* SPDX-License-Identifier: Apache-2.0
 *
 * pair - see pair.h.
 */
#include "pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CLIENT, SERVER, APP = 1, TURN_BUDGET = 64, ROUNDS = 100000 };

static bool
pair_queue(struct pair *self, int to, const struct mr_tcp_out *out)
{
	struct pair_segment *segment = &self->queue[to][self->tail[to]++ % PAIR_QUEUE];
	uint8_t *at = segment->bytes;

	assert_true(self->tail[to] - self->head[to] <= PAIR_QUEUE);
	segment->flow = (struct mr_tcp_flow){ .local = out->flow.remote,
					      .remote = out->flow.local,
					      .local_port = out->flow.remote_port,
					      .remote_port = out->flow.local_port };
	segment->byte_count = (uint16_t)(out->header_bytes + out->payload_bytes);
	assert_true(segment->byte_count <= sizeof(segment->bytes));
	memcpy(at, out->header, out->header_bytes);
	at += out->header_bytes;
	for (int i = 0; i < out->piece_count; i++) {
		memcpy(at, out->pieces[i].bytes, out->pieces[i].byte_count);
		at += out->pieces[i].byte_count;
	}
	return true;
}

static bool
client_output(void *context, const struct mr_tcp_out *out)
{
	return pair_queue(context, SERVER, out);
}

static bool
server_output(void *context, const struct mr_tcp_out *out)
{
	return pair_queue(context, CLIENT, out);
}

static void
client_accepted(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	struct pair *self = context;

	(void)tcp;
	if (conn == self->conn)
		self->open = true;
}

static uint32_t
client_readable(void *context, struct mr_tcp *tcp, uint32_t conn, const uint8_t *bytes,
		uint32_t count)
{
	struct pair *self = context;

	(void)tcp;
	if (self->paused)
		return 0;
	if (conn != self->conn)
		return count;
	if (self->got_bytes + count > PAIR_GOT_BYTES) /* the first ones were seen */
		self->got_bytes = 0;
	memcpy(self->got + self->got_bytes, bytes, count);
	self->got_bytes += count;
	self->got[self->got_bytes] = 0;
	return count;
}

static void
client_peer_closed(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	struct pair *self = context;

	if (conn == self->conn)
		self->peer_closed = true;
	mr_tcp_close(tcp, conn);
}

static void
client_closed(void *context, struct mr_tcp *tcp, uint32_t conn, enum mr_tcp_reason reason)
{
	struct pair *self = context;

	(void)tcp;
	if (conn != self->conn)
		return;
	self->closed = true;
	self->reason = reason;
	self->conn = 0;
}

static const struct mr_tcp_app_ops client_ops = {
	.name = "client",
	.accepted = client_accepted,
	.readable = client_readable,
	.peer_closed = client_peer_closed,
	.closed = client_closed,
};

void
pair_replace(struct pair *self, const struct mr_site_config *sites, size_t site_count)
{
	struct mr_error error = { 0 };
	struct mr_site_set *old = self->set;

	assert_int_equal(mr_site_set_build(sites, site_count, &self->folder, self->folder != NULL,
					   1, &self->set, &error),
			 0);
	self->server.sites = self->set;
	mr_site_set_free(old);
}

struct pair *
pair_start_on(const struct mr_site_config *sites, size_t site_count,
	      const struct mr_site_server_config *config, const char *folder)
{
	struct pair *self = calloc(1, sizeof(*self));
	struct mr_error error = { 0 };
	struct mr_tcp_config tcp = { .conn_limit = 256,
				     .time_wait_limit = 256,
				     .tx_limit = 256,
				     .rx_limit = 256,
				     .extent_limit = 4096,
				     .run_limit = 4096,
				     .chunk_limit = 4096,
				     .half_open_limit = 64,
				     .output_context = self };
	struct mr_tcp_app apps[2] = { { .ops = &client_ops, .context = self, .nodelay = true },
				      { .ops = &mr_site_h1_ops, .nodelay = true } };

	self->now_ns = 1000 * MR_NS_PER_S;
	assert_int_equal(mr_arena_create(&self->arena, "pair", 1ull << 32, false, &error), 0);
	apps[SERVER].context = &self->server;
	for (int i = 0; i < 2; i++) {
		tcp.output = i == CLIENT ? client_output : server_output;
		tcp.metrics = self->tcp_metrics[i];
		tcp.isn_key.k0 = (uint64_t)i + 1;
		assert_int_equal(mr_tcp_create(&self->tcp[i], &tcp, &self->arena, self->now_ns,
					       &error),
				 0);
		mr_tcp_app_set(self->tcp[i], APP, &apps[i]);
		self->queue[i] = calloc(PAIR_QUEUE, sizeof(*self->queue[i]));
	}
	self->server.metrics = self->metrics;
	assert_int_equal(mr_site_server_create(&self->server, config, &self->arena, &error), 0);
	if (folder) {
		const _Atomic bool cancelled = false;
		struct mr_tcp_region region;

		self->folder = folder;
		assert_int_equal(mr_site_store_create(&self->store, 64 << 20, false, 1, &error), 0);
		if (mr_site_tree_load(self->store, folder, &cancelled, &self->tree, &error))
			fail_msg("%s", error.text);
		mr_site_server_region(&self->server, self->store, &region);
		mr_tcp_region_set(self->tcp[SERVER], MR_SITE_REGION, &region);
		self->server.roots = &self->tree;
	}
	mr_site_clock_tick(&self->server.clock, 784111777);
	pair_replace(self, sites, site_count);
	return self;
}

struct pair *
pair_start(const struct mr_site_config *sites, size_t site_count,
	   const struct mr_site_server_config *config)
{
	return pair_start_on(sites, site_count, config, NULL);
}

void
pair_stop(struct pair *self)
{
	for (int i = 0; i < 2; i++)
		mr_tcp_destroy(self->tcp[i]);
	assert_int_equal(pair_held(self), 0);
	assert_int_equal(pair_metric(self, MR_SITE_accept), pair_metric(self, MR_SITE_close));
	mr_site_set_free(self->set);
	if (self->tree)
		assert_true(mr_site_tree_idle(self->tree));
	mr_site_tree_free(self->tree);
	mr_site_store_destroy(self->store);
	mr_arena_destroy(&self->arena);
	free(self->queue[0]);
	free(self->queue[1]);
	free(self);
}

void
pair_run(struct pair *self)
{
	self->server.now_ns = self->now_ns;
	for (int i = 0; i < ROUNDS; i++) {
		bool moved = false;

		for (int to = 0; to < 2; to++) {
			const struct pair_segment *segment;
			struct mr_tcp_in in;

			mr_tcp_turn(self->tcp[to], self->now_ns, TURN_BUDGET);
			if (self->head[to] == self->tail[to])
				continue;
			segment = &self->queue[to][self->head[to]++ % PAIR_QUEUE];
			in = (struct mr_tcp_in){ .bytes = segment->bytes,
						 .byte_count = segment->byte_count,
						 .app = APP,
						 .flow = segment->flow };
			mr_tcp_input(self->tcp[to], &in);
			moved = true;
		}
		if (!moved)
			return;
	}
	fail_msg("segments never end");
}

void
pair_wait(struct pair *self, uint32_t ms)
{
	for (uint32_t i = 0; i < ms; i += 5) {
		self->now_ns += 5 * MR_NS_PER_MS;
		pair_run(self);
	}
}

void
pair_connect(struct pair *self)
{
	struct mr_tcp_flow flow = { .remote_port = PAIR_PORT };

	assert_int_equal(mr_addr_parse("192.0.2.1", &flow.local), 0);
	assert_int_equal(mr_addr_parse("192.0.2.80", &flow.remote), 0);
	self->now_ns += 10 * MR_NS_PER_MS; /* a port may be one in TIME-WAIT: RFC 6191 */
	self->open = self->peer_closed = self->closed = self->paused = false;
	self->got_bytes = 0;
	self->got[0] = 0;
	self->conn = mr_tcp_connect(self->tcp[CLIENT], &flow, APP, 0);
	assert_int_not_equal(self->conn, 0);
	pair_run(self);
	assert_true(self->open);
}

void
pair_say(struct pair *self, const void *bytes, size_t count)
{
	if (!self->conn) /* the server has closed already */
		return;
	assert_int_equal(mr_tcp_send(self->tcp[CLIENT], self->conn, bytes, (uint32_t)count), count);
	pair_run(self);
}

void
pair_text(struct pair *self, const char *text)
{
	pair_say(self, text, strlen(text));
}

void
pair_resume(struct pair *self)
{
	self->paused = false;
	mr_tcp_resume(self->tcp[CLIENT], self->conn);
	pair_run(self);
}

uint64_t
pair_metric(struct pair *self, enum mr_site_metric metric)
{
	mr_site_server_flush(&self->server);
	return self->metrics[metric];
}

uint32_t
pair_held(const struct pair *self)
{
	return self->server.exchanges.used + self->server.larges.used;
}
