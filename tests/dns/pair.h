/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/pair - a client and mr_dns_stream on two stacks of lib/tcp, joined by a wire in virtual time:
 * a step is a millisecond, a segment takes one step, and every so many are lost.
 */
#ifndef MR_TESTS_DNS_PAIR_H
#define MR_TESTS_DNS_PAIR_H

#include "fixture.h"

enum { PAIR_SEGMENTS = 4096, PAIR_SEGMENT_BYTES = 1600, PAIR_PIN_SLOT = 5, PAIR_APP = 0 };

struct pair_segment {
	struct mr_tcp_flow flow;
	uint16_t bytes;
	bool to_server;
	uint8_t data[PAIR_SEGMENT_BYTES];
};

struct pair {
	struct fixture *f;
	struct mr_arena arena;
	struct mr_pins pins;
	struct mr_tcp *server, *client;
	struct mr_dns_stream stream;
	struct mr_dns_zone_options options;
	struct mr_prefix acl;
	uint64_t server_metrics[MR_TCP_METRIC_COUNT], client_metrics[MR_TCP_METRIC_COUNT];
	uint64_t now_ns;
	uint32_t drop_every, dropped_at; /* one in so many is lost; 0: none */
	/* the wire */
	struct pair_segment *segments;
	uint32_t head, tail;
	/* the client */
	uint32_t conn;
	bool open, over, paused;
	enum mr_tcp_reason reason;
	uint8_t *got;
	uint32_t got_bytes, got_room;
	uint32_t take_max; /* bytes of a step; 0: all */
	uint32_t taken;    /* in this step */
};

static inline bool
pair_output(struct pair *self, const struct mr_tcp_out *out, bool to_server)
{
	struct pair_segment *segment = &self->segments[self->head % PAIR_SEGMENTS];
	uint8_t *at = segment->data + out->header_bytes;

	assert_true(self->head - self->tail < PAIR_SEGMENTS);
	if (self->drop_every && ++self->dropped_at % self->drop_every == 0)
		return true;
	memcpy(segment->data, out->header, out->header_bytes);
	for (unsigned i = 0; i < out->piece_count; i++) {
		memcpy(at, out->pieces[i].bytes, out->pieces[i].byte_count);
		at += out->pieces[i].byte_count;
	}
	segment->bytes = (uint16_t)(at - segment->data);
	segment->to_server = to_server;
	segment->flow = (struct mr_tcp_flow){ .local = out->flow.remote,
					      .remote = out->flow.local,
					      .local_port = out->flow.remote_port,
					      .remote_port = out->flow.local_port };
	self->head++;
	return true;
}

static bool
pair_server_output(void *context, const struct mr_tcp_out *out)
{
	return pair_output(context, out, false);
}

static bool
pair_client_output(void *context, const struct mr_tcp_out *out)
{
	return pair_output(context, out, true);
}

static void
pair_accepted(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	(void)tcp;
	(void)conn;
	((struct pair *)context)->open = true;
}

static uint32_t
pair_readable(void *context, struct mr_tcp *tcp, uint32_t conn, const uint8_t *bytes,
	      uint32_t count)
{
	struct pair *self = context;

	(void)tcp;
	(void)conn;
	if (self->paused)
		return 0;
	if (self->take_max)
		count = MR_MIN(count, self->take_max - MR_MIN(self->taken, self->take_max));
	assert_true(self->got_bytes + count <= self->got_room);
	memcpy(self->got + self->got_bytes, bytes, count);
	self->got_bytes += count;
	self->taken += count;
	return count;
}

static void
pair_closed(void *context, struct mr_tcp *tcp, uint32_t conn, enum mr_tcp_reason reason)
{
	struct pair *self = context;

	(void)tcp;
	(void)conn;
	self->over = true;
	self->reason = reason;
}

static const struct mr_tcp_app_ops pair_ops = {
	.name = "client",
	.accepted = pair_accepted,
	.readable = pair_readable,
	.closed = pair_closed,
};

static inline void
pair_stack(struct pair *self, struct mr_tcp **tcp, uint64_t *metrics,
	   bool (*output)(void *, const struct mr_tcp_out *))
{
	struct mr_tcp_config config = { .conn_limit = 64,
					.time_wait_limit = 64,
					.tx_limit = 64,
					.rx_limit = 64,
					.extent_limit = 1024,
					.run_limit = 4096,
					.chunk_limit = 4096,
					.half_open_limit = 64,
					.table_key = { 1, 2 },
					.isn_key = { 3, 4 },
					.cookie_key = { 5, 6 },
					.rng_seed = 7,
					.output = output,
					.output_context = self,
					.metrics = metrics };
	struct mr_error error = { 0 };

	assert_int_equal(mr_tcp_create(tcp, &config, &self->arena, self->now_ns, &error), 0);
}

/* pair_open joins a client to the zones of f; config may be all zeros. Whole zones are for
 * everybody in 192.0.2.0/24; zone 0 is the one that has them. */
static inline void
pair_open(struct pair *self, struct fixture *f, struct mr_dns_stream_config *config)
{
	struct mr_tcp_app client = { .ops = &pair_ops, .context = self, .nodelay = true };
	struct mr_tcp_app server = { .ops = &mr_dns_stream_ops,
				     .context = &self->stream,
				     .nodelay = true };
	struct mr_tcp_gen gen = { .ops = &mr_dns_transfer_gen_ops,
				  .context = &self->stream.transfers };
	struct mr_error error = { 0 };

	*self = (struct pair){ .f = f, .now_ns = MR_NS_PER_S };
	self->segments = calloc(PAIR_SEGMENTS, sizeof(*self->segments));
	self->got_room = 64 << 20;
	self->got = malloc(self->got_room);
	assert_non_null(self->segments);
	assert_non_null(self->got);
	assert_int_equal(mr_arena_create(&self->arena, "pair", 256 << 20, false, &error), 0);
	assert_int_equal(mr_pins_create(&self->pins, &self->arena, 2, 16, &error), 0);
	pair_stack(self, &self->server, self->server_metrics, pair_server_output);
	pair_stack(self, &self->client, self->client_metrics, pair_client_output);
	config->transfers.pins = &self->pins;
	config->transfers.worker = 1;
	assert_int_equal(mr_dns_stream_create(&self->stream, &f->dns, config, &self->arena, &error),
			 0);
	self->stream.zones = f->set;
	mr_tcp_app_set(self->server, PAIR_APP, &server);
	mr_tcp_app_set(self->client, PAIR_APP, &client);
	mr_tcp_gen_set(self->server, 0, &gen);
	assert_int_equal(mr_prefix_parse("192.0.2.0/24", &self->acl), 0);
	self->options = (struct mr_dns_zone_options){ .zone = f->zones[0],
						      .transfer = &self->acl,
						      .transfer_count = 1,
						      .pin_slot = PAIR_PIN_SLOT };
	f->config.zone_options = &self->options;
	f->config.zone_option_count = 1;
}

static inline void
pair_close(struct pair *self)
{
	mr_tcp_destroy(self->client);
	mr_tcp_destroy(self->server);
	assert_int_equal(self->pins.counts[1][PAIR_PIN_SLOT], 0);
	assert_int_equal(self->stream.partials.used, 0);
	mr_arena_destroy(&self->arena);
	free(self->segments);
	free(self->got);
	self->f->dns.transfers = NULL;
	self->f->config.zone_option_count = 0;
}

static inline void
pair_step(struct pair *self)
{
	uint32_t end = self->head;

	self->now_ns += MR_NS_PER_MS;
	self->taken = 0;
	self->stream.now_ns = self->now_ns;
	mr_tcp_turn(self->server, self->now_ns, 64);
	mr_tcp_turn(self->client, self->now_ns, 64);
	if (!self->paused && self->open && !self->over)
		mr_tcp_resume(self->client, self->conn);
	while (self->tail != end) {
		struct pair_segment *segment = &self->segments[self->tail++ % PAIR_SEGMENTS];
		struct mr_tcp_in in = { .bytes = segment->data,
					.byte_count = segment->bytes,
					.app = segment->to_server ? PAIR_APP : MR_TCP_APP_NONE,
					.flow = segment->flow };

		mr_tcp_input(segment->to_server ? self->server : self->client, &in);
	}
	mr_dns_flush(&self->f->dns);
}

static inline void
pair_run(struct pair *self, unsigned steps)
{
	for (unsigned i = 0; i < steps; i++)
		pair_step(self);
}

/* pair_connect opens a connection from 192.0.2.1, or from another host. */
static inline void
pair_connect(struct pair *self, const char *from)
{
	struct mr_tcp_flow flow = { .remote = mr_addr_from_v4("\xc0\x00\x02\x35"),
				    .remote_port = 53 };

	assert_int_equal(mr_addr_parse(from ? from : "192.0.2.1", &flow.local), 0);
	self->open = self->over = false;
	self->got_bytes = 0;
	self->conn = mr_tcp_connect(self->client, &flow, PAIR_APP, 0);
	assert_int_not_equal(self->conn, 0);
	for (int i = 0; i < 5000 && !self->open; i++)
		pair_step(self);
	assert_true(self->open);
}

/* pair_ask sends one question, with its length. */
static inline void
pair_ask(struct pair *self, const char *name, uint16_t qtype)
{
	ldns_rdf *wire = ldns_dname_new_frm_str(name);
	const struct ask ask = { .transport = MR_DNS_TCP };
	uint8_t message[514];
	uint16_t bytes = fixture_question(message + 2, ldns_rdf_data(wire), ldns_rdf_size(wire),
					  qtype, &ask);

	mr_store_be16(message, bytes);
	assert_int_equal(mr_tcp_send(self->client, self->conn, message, bytes + 2u), bytes + 2u);
	ldns_rdf_deep_free(wire);
}

/* pair_message gives message number index of those that came, or NULL. */
static inline const uint8_t *
pair_message(const struct pair *self, unsigned index, uint16_t *bytes)
{
	uint32_t at = 0;

	for (;; index--) {
		if (at + 2 > self->got_bytes)
			return NULL;
		*bytes = mr_load_be16(self->got + at);
		if (at + 2 + *bytes > self->got_bytes)
			return NULL;
		if (index == 0)
			return self->got + at + 2;
		at += 2u + *bytes;
	}
}

#endif
