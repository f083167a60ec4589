/* SPDX-License-Identifier: Apache-2.0
 *
 * chain - see chain.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chain.h"

enum { APP = 1, LINK_APP = 2, TURN_BUDGET = 64, ROUNDS = 200000, TURN_MS = 5 };

static const char *const addresses[CHAIN_HOSTS] = { "192.0.2.1", "192.0.2.80", NULL };

static struct mr_addr
addr_of(const char *text)
{
	struct mr_addr addr;

	assert_int_equal(mr_addr_parse(text, &addr), 0);
	return addr;
}

static bool
chain_output(void *context, const struct mr_tcp_out *out)
{
	struct chain *self = context;
	struct mr_addr client = addr_of(addresses[CHAIN_CLIENT]),
		       box = addr_of(addresses[CHAIN_BOX]);
	int to = mr_addr_equal(&out->flow.remote, &client) ? CHAIN_CLIENT
		 : mr_addr_equal(&out->flow.remote, &box)  ? CHAIN_BOX
							   : CHAIN_ORIGIN;
	struct chain_segment *segment = &self->queue[to][self->tail[to]++ % CHAIN_QUEUE];
	uint8_t *at = segment->bytes;

	assert_true(self->tail[to] - self->head[to] <= CHAIN_QUEUE);
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

static size_t
text_add(char *text, size_t have, const uint8_t *bytes, uint32_t count)
{
	if (have + count > CHAIN_TEXT_BYTES) /* the first ones were seen */
		have = 0;
	memcpy(text + have, bytes, count);
	text[have + count] = 0;
	return have + count;
}

/* ---- the client ---- */

static void
client_accepted(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	struct chain *self = context;

	(void)tcp;
	self->open |= conn == self->conn;
}

static uint32_t
client_readable(void *context, struct mr_tcp *tcp, uint32_t conn, const uint8_t *bytes,
		uint32_t count)
{
	struct chain *self = context;

	(void)tcp;
	if (self->paused)
		return 0;
	if (conn == self->conn)
		self->got_bytes = text_add(self->got, self->got_bytes, bytes, count);
	return count;
}

static void
client_peer_closed(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	struct chain *self = context;

	self->peer_closed |= conn == self->conn;
	mr_tcp_shutdown(tcp, conn);
}

static void
client_closed(void *context, struct mr_tcp *tcp, uint32_t conn, enum mr_tcp_reason reason)
{
	struct chain *self = context;

	(void)tcp;
	(void)reason;
	if (conn != self->conn)
		return;
	self->closed = true;
	self->conn = 0;
}

static const struct mr_tcp_app_ops client_ops = {
	.name = "client",
	.accepted = client_accepted,
	.readable = client_readable,
	.peer_closed = client_peer_closed,
	.closed = client_closed,
};

/* ---- the origin ---- */

static struct chain_link *
link_of(struct chain *self, uint32_t conn)
{
	for (uint32_t i = 0; i < self->link_count; i++)
		if (self->links[i].conn == conn)
			return &self->links[i];
	return NULL;
}

static void
origin_accepted(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	struct chain *self = context;
	struct mr_tcp_view view;

	assert_true(self->link_count < CHAIN_LINKS);
	assert_true(mr_tcp_view(tcp, conn, &view));
	self->links[self->link_count++] =
		(struct chain_link){ .conn = conn, .port = view.flow.local_port };
}

static uint32_t
origin_readable(void *context, struct mr_tcp *tcp, uint32_t conn, const uint8_t *bytes,
		uint32_t count)
{
	struct chain *self = context;

	(void)tcp;
	if (self->origin_paused)
		return 0;
	self->asked_by = conn;
	self->asked_bytes = text_add(self->asked, self->asked_bytes, bytes, count);
	return count;
}

static void
origin_peer_closed(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	struct chain_link *link = link_of(context, conn);

	(void)tcp;
	if (link)
		link->closed = true;
}

static void
origin_closed(void *context, struct mr_tcp *tcp, uint32_t conn, enum mr_tcp_reason reason)
{
	struct chain_link *link = link_of(context, conn);

	(void)tcp;
	(void)reason;
	if (link) {
		link->closed = true;
		link->conn = 0;
	}
}

static const struct mr_tcp_app_ops origin_ops = {
	.name = "origin",
	.accepted = origin_accepted,
	.readable = origin_readable,
	.peer_closed = origin_peer_closed,
	.closed = origin_closed,
};

/* ---- the box ---- */

static uint32_t
box_connect(void *context, const struct mr_origin *origin, uint64_t word)
{
	struct chain *self = context;
	const struct mr_tcp_flow flow = { .local = addr_of(addresses[CHAIN_BOX]),
					  .remote = origin->addr,
					  .remote_port = origin->port };

	return mr_tcp_connect(self->tcp[CHAIN_BOX], &flow, LINK_APP, word);
}

static struct mr_origin_addrs
resolve_nothing(void *context, const char *name)
{
	(void)context;
	(void)name;
	return (struct mr_origin_addrs){ NULL, 0 };
}

void
chain_upstreams(struct chain *self, uint32_t servers)
{
	struct mr_upstreams_input input = { .groups = &self->group,
					    .group_count = 1,
					    .resolve = resolve_nothing,
					    .way_v4.known = true,
					    .way_v6.known = true,
					    .now_ns = self->now_ns };
	struct mr_upstreams *next;
	struct mr_error error;

	self->group.server_count = servers;
	assert_int_equal(mr_upstreams_build(self->table, &input, &next, &error), 0);
	mr_proxy_turn(&self->proxy, next, ++self->generation, self->now_ns);
	mr_upstreams_free(self->upstreams);
	self->upstreams = next;
}

static void
group_make(struct chain *self, const struct mr_upstream_limits *limits)
{
	static const struct mr_upstream_limits plain = { .connect_ms = 1000,
							 .first_byte_ms = 2000,
							 .between_ms = 1000,
							 .idle_connections = 8,
							 .idle_ms = 5000,
							 .retries = 2,
							 .retry_percent = 20 };

	self->group = (struct mr_upstream_config){ .name = "app",
						   .servers = self->servers,
						   .limits = limits ? *limits : plain };
	for (uint32_t i = 0; i < CHAIN_SERVERS; i++) {
		self->servers[i] =
			(struct mr_upstream_server){ .port = (uint16_t)(8001 + i), .weight = 1 };
		snprintf(self->servers[i].host, sizeof(self->servers[i].host), "10.0.0.%u", i + 1);
		self->servers[i].addr = addr_of(self->servers[i].host);
	}
}

static void
stacks_make(struct chain *self)
{
	struct mr_tcp_config tcp = { .conn_limit = 256,
				     .time_wait_limit = 256,
				     .tx_limit = 256,
				     .rx_limit = 256,
				     .extent_limit = 4096,
				     .run_limit = 4096,
				     .chunk_limit = 4096,
				     .half_open_limit = 64,
				     .output = chain_output,
				     .output_context = self };
	struct mr_tcp_app apps[] = {
		{ .ops = &client_ops, .context = self, .nodelay = true },
		{ .ops = &mr_site_h1_ops, .context = &self->server, .nodelay = true },
		{ .ops = &origin_ops, .context = self, .nodelay = true },
		{ .ops = &mr_proxy_link_ops,
		  .context = &self->proxy,
		  .nodelay = true,
		  .receive_max_bytes = 128 << 10 }
	};
	struct mr_error error;

	for (int i = 0; i < CHAIN_HOSTS; i++) {
		tcp.metrics = self->tcp_metrics[i];
		tcp.isn_key.k0 = (uint64_t)i + 1;
		assert_int_equal(mr_tcp_create(&self->tcp[i], &tcp, &self->arena, self->now_ns,
					       &error),
				 0);
		mr_tcp_app_set(self->tcp[i], APP, &apps[i]);
		self->queue[i] = calloc(CHAIN_QUEUE, sizeof(*self->queue[i]));
	}
	mr_tcp_app_set(self->tcp[CHAIN_BOX], LINK_APP, &apps[3]);
}

struct chain *
chain_start(const struct mr_site_route_config *routes, size_t route_count, uint32_t servers,
	    const struct mr_upstream_limits *limits)
{
	static const char *hosts[] = { "*" };
	struct mr_site_listen listen = { .any = true, .port = 80 };
	struct mr_site_config site = { .name = "a",
				       .hosts = hosts,
				       .host_count = 1,
				       .listens = &listen,
				       .listen_count = 1,
				       .routes = (struct mr_site_route_config *)(uintptr_t)routes,
				       .route_count = route_count };
	const struct mr_site_server_config http = { .idle_ms = 60000, .body_ms = 2000 };
	const struct mr_proxy_config config = { .exchange_limit = 32, .name = "box" };
	struct chain *self = calloc(1, sizeof(*self));
	struct mr_error error = { 0 };

	self->now_ns = 1000 * MR_NS_PER_S;
	self->got = calloc(1, CHAIN_TEXT_BYTES + 1);
	self->asked = calloc(1, CHAIN_TEXT_BYTES + 1);
	assert_int_equal(mr_arena_create(&self->arena, "chain", 1ull << 32, false, &error), 0);
	stacks_make(self);
	self->server.metrics = self->site_metrics;
	assert_int_equal(mr_site_server_create(&self->server, &http, &self->arena, &error), 0);
	mr_site_clock_tick(&self->server.clock, 784111777);
	assert_int_equal(mr_site_set_build(&site, 1, NULL, 0, 1, &self->set, &error), 0);
	self->server.sites = self->set;
	assert_int_equal(mr_proxy_create(&self->proxy, &config, &self->arena, self->now_ns, &error),
			 0);
	assert_int_equal(mr_origin_table_create(&self->table, 1, &error), 0);
	mr_upstream_worker_create(&self->proxy.policy, self->table, 0, 42);
	self->proxy.metrics = self->proxy_metrics;
	self->proxy.tcp = self->tcp[CHAIN_BOX];
	self->proxy.connect = box_connect;
	self->proxy.connect_context = self;
	assert_int_equal(mr_site_server_proxy(&self->server, &self->proxy, &self->arena, &error),
			 0);
	group_make(self, limits);
	chain_upstreams(self, servers);
	return self;
}

void
chain_stop(struct chain *self)
{
	for (int i = 0; i < CHAIN_HOSTS; i++)
		mr_tcp_destroy(self->tcp[i]);
	assert_int_equal(chain_held(self), 0);
	assert_int_equal(self->proxy.links.used, 0);
	assert_int_equal(chain_metric(self, MR_PROXY_exchange),
			 chain_metric(self, MR_PROXY_exchange_end));
	mr_site_set_free(self->set);
	mr_upstreams_free(self->upstreams);
	mr_origin_table_destroy(self->table);
	mr_arena_destroy(&self->arena);
	for (int i = 0; i < CHAIN_HOSTS; i++)
		free(self->queue[i]);
	free(self->got);
	free(self->asked);
	free(self);
}

/* ---- time ---- */

/* drops says whether a segment to the origin is lost: it is not there, or says nothing. */
static bool
drops(const struct chain *self, int to)
{
	return to == CHAIN_ORIGIN && self->deaf;
}

void
chain_run(struct chain *self)
{
	for (int i = 0; i < ROUNDS; i++) {
		bool moved = false;

		self->server.now_ns = self->now_ns;
		mr_proxy_turn(&self->proxy, self->upstreams, self->generation, self->now_ns);
		for (int to = 0; to < CHAIN_HOSTS; to++) {
			const struct chain_segment *segment;
			struct mr_tcp_in in;

			mr_tcp_turn(self->tcp[to], self->now_ns, TURN_BUDGET);
			if (self->head[to] == self->tail[to])
				continue;
			segment = &self->queue[to][self->head[to]++ % CHAIN_QUEUE];
			moved = true;
			if (drops(self, to))
				continue;
			in = (struct mr_tcp_in){ .bytes = segment->bytes,
						 .byte_count = segment->byte_count,
						 .app = to == CHAIN_ORIGIN && self->refuses
								? MR_TCP_APP_NONE
								: APP,
						 .flow = segment->flow };
			mr_tcp_input(self->tcp[to], &in);
		}
		if (!moved)
			return;
	}
	fail_msg("segments never end");
}

void
chain_wait(struct chain *self, uint32_t ms)
{
	for (uint32_t i = 0; i < ms; i += TURN_MS) {
		self->now_ns += TURN_MS * MR_NS_PER_MS;
		chain_run(self);
	}
}

/* ---- what tests say ---- */

void
chain_connect(struct chain *self)
{
	struct mr_tcp_flow flow = { .local = addr_of(addresses[CHAIN_CLIENT]),
				    .remote = addr_of(addresses[CHAIN_BOX]),
				    .remote_port = 80 };

	self->now_ns += 10 * MR_NS_PER_MS;
	self->open = self->peer_closed = self->closed = self->paused = false;
	chain_forget(self);
	self->conn = mr_tcp_connect(self->tcp[CHAIN_CLIENT], &flow, APP, 0);
	assert_int_not_equal(self->conn, 0);
	chain_run(self);
	assert_true(self->open);
}

void
chain_forget(struct chain *self)
{
	self->got_bytes = self->asked_bytes = 0;
	self->got[0] = self->asked[0] = 0;
}

void
chain_say(struct chain *self, const void *bytes, size_t count)
{
	assert_int_not_equal(self->conn, 0);
	assert_int_equal(mr_tcp_send(self->tcp[CHAIN_CLIENT], self->conn, bytes, (uint32_t)count),
			 count);
	chain_run(self);
}

void
chain_text(struct chain *self, const char *text)
{
	chain_say(self, text, strlen(text));
}

void
chain_client_fin(struct chain *self)
{
	mr_tcp_shutdown(self->tcp[CHAIN_CLIENT], self->conn);
	chain_run(self);
}

void
chain_client_abort(struct chain *self)
{
	mr_tcp_abort(self->tcp[CHAIN_CLIENT], self->conn);
	chain_run(self);
}

void
chain_client_resume(struct chain *self)
{
	self->paused = false;
	mr_tcp_resume(self->tcp[CHAIN_CLIENT], self->conn);
	chain_run(self);
}

void
chain_reply_bytes(struct chain *self, const void *bytes, size_t count)
{
	assert_non_null(link_of(self, self->asked_by));
	assert_int_equal(mr_tcp_send(self->tcp[CHAIN_ORIGIN], self->asked_by, bytes,
				     (uint32_t)count),
			 count);
	chain_run(self);
}

void
chain_reply(struct chain *self, const char *text)
{
	chain_reply_bytes(self, text, strlen(text));
}

void
chain_origin_fin(struct chain *self)
{
	mr_tcp_shutdown(self->tcp[CHAIN_ORIGIN], self->asked_by);
	chain_run(self);
}

void
chain_origin_abort(struct chain *self)
{
	mr_tcp_abort(self->tcp[CHAIN_ORIGIN], self->asked_by);
	chain_run(self);
}

void
chain_origin_resume(struct chain *self)
{
	self->origin_paused = false;
	for (uint32_t i = 0; i < self->link_count; i++)
		if (self->links[i].conn)
			mr_tcp_resume(self->tcp[CHAIN_ORIGIN], self->links[i].conn);
	chain_run(self);
}

uint64_t
chain_metric(struct chain *self, enum mr_proxy_metric metric)
{
	mr_proxy_flush(&self->proxy);
	return self->proxy_metrics[metric];
}

uint32_t
chain_held(const struct chain *self)
{
	return self->server.exchanges.used + self->server.larges.used + self->proxy.exchanges.used +
	       self->proxy.larges.used;
}
