/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/tcp - from options to a client, to runs, to results.
 */
#include "tcp.h"

#include <errno.h>
#include <rte_cycles.h>
#include <stdlib.h>
#include <string.h>

enum {
	TCP_HTTP_PORT = 80,
	TCP_DNS_PORT = 53,
	TCP_SLOT_BITS_LOW = 12,
	TCP_SLOT_BITS_HIGH = 20,
	TCP_DRAIN_SPARE_MS = 500,
	TCP_OUTSTANDING = 256, /* of a flood: what a ring of the port holds */
	TCP_FLOOD_MAX = 100000000,
};

enum tcp_scenario { TCP_CONNECT_CLOSE, TCP_KEEPALIVE, TCP_HOLD, TCP_SLOW, TCP_FLOOD_SYN };

static const struct {
	const char *name;
	enum tcp_scenario scenario;
} tcp_scenarios[] = {
	{ "connect-close", TCP_CONNECT_CLOSE },
	{ "keepalive", TCP_KEEPALIVE },
	{ "hold", TCP_HOLD },
	{ "slow", TCP_SLOW },
	{ "flood-syn", TCP_FLOOD_SYN },
};

struct tcp_mode {
	const struct gen_options *options;
	struct gen_match *dns; /* NULL: HTTP */
	enum gen_choice choice;
	double exponent;
	enum tcp_scenario scenario;
	struct gen_tcp_loop *loop;
	struct gen_rig rig;
	struct gen_load load;
};

static int
tcp_scenario(struct tcp_mode *self, struct mr_error *error)
{
	const char *name = self->options->scenario ? self->options->scenario : "connect-close";

	for (size_t i = 0; i < MR_ARRAY_COUNT(tcp_scenarios); i++)
		if (strcmp(name, tcp_scenarios[i].name) == 0) {
			self->scenario = tcp_scenarios[i].scenario;
			return 0;
		}
	return mr_error_set(error, -EINVAL, "--scenario: '%s' is none", name);
}

/* tcp_ask_http makes what is asked of an HTTP server. */
static int
tcp_ask_http(struct tcp_mode *self, struct mr_error *error)
{
	const struct gen_options *options = self->options;
	struct gen_ask *ask = &self->loop->client.ask;
	struct gen_http_options http = { .path = options->path ? options->path : "/",
					 .host = options->host ? options->host : "millgen",
					 .objects = 1,
					 .status = (uint16_t)options->status,
					 .least_bytes = (uint16_t)options->request_bytes,
					 .body = options->body };
	enum gen_choice choice = GEN_CHOICE_UNIFORM;
	double exponent;
	int code;

	if (options->close && strcmp(options->close, "client") == 0)
		ask->client_closes = true;
	else if (options->close && strcmp(options->close, "server") != 0)
		return mr_error_set(error, -EINVAL, "--close: '%s' is not client or server",
				    options->close);
	if (strstr(http.path, "%u"))
		http.objects = (uint32_t)options->count;
	code = gen_choice_read(options->choose, false, &choice, &exponent, error);
	if (!code)
		code = gen_chooser_create(&ask->chooser, choice, http.objects, exponent,
					  options->seed, error);
	return code ? code : gen_ask_http(ask, &http, error);
}

/* tcp_ask makes what is asked, and how much of it on one connection. */
static int
tcp_ask(struct tcp_mode *self, struct mr_error *error)
{
	const struct gen_options *options = self->options;
	struct gen_ask *ask = &self->loop->client.ask;
	bool kept = options->connections != 0;

	ask->seed = gen_mix(options->seed);
	ask->pipeline = (uint8_t)options->pipeline;
	ask->per_connection = options->requests == UINT64_MAX ? 0 : (uint32_t)options->requests;
	if (options->requests == UINT64_MAX && self->scenario == TCP_CONNECT_CLOSE && !kept)
		ask->per_connection = ask->pipeline;
	if (self->scenario == TCP_HOLD || self->scenario == TCP_SLOW)
		ask->per_connection = 0;
	if (!ask->per_connection && !kept && self->scenario != TCP_FLOOD_SYN)
		return mr_error_set(error, -EINVAL, "--connections is needed");
	if (ask->per_connection % ask->pipeline)
		return mr_error_set(error, -EINVAL,
				    "requests on a connection are a multiple of --pipeline");
	if (!self->dns)
		return tcp_ask_http(self, error);
	ask->client_closes = true;
	ask->match = self->dns;
	if (gen_chooser_create(&ask->chooser, self->choice, self->dns->frames->questions->count,
			       self->exponent, options->seed, error))
		return error->code;
	return gen_ask_dns(ask, error);
}

/* tcp_tuples lays the space of addresses and ports, and refuses a rate that it cannot carry. */
static int
tcp_tuples(struct tcp_mode *self, struct mr_error *error)
{
	const struct gen_options *options = self->options;
	struct gen_client *client = &self->loop->client;
	struct gen_tuples *tuples = &client->tuples;
	uint32_t port_low = 1024, port_count = 64512;
	uint64_t fastest = gen_load_fastest(&self->load), per_s;
	int code = gen_hop_ways(options, self->dns ? TCP_DNS_PORT : TCP_HTTP_PORT, tuples->ways,
				&tuples->way_count, error);

	if (!code && options->source_ports)
		code = gen_hop_ports(options->source_ports, &port_low, &port_count, error);
	if (!code)
		code = gen_tuples_make(tuples, (uint16_t)port_low, port_count,
				       (uint32_t)(options->time_wait_ns / MR_NS_PER_MS), error);
	if (code)
		return code;
	if (client->ask.per_connection)
		fastest /= client->ask.per_connection;
	per_s = gen_tuples_per_s(tuples);
	if (self->scenario == TCP_CONNECT_CLOSE && fastest > per_s)
		return mr_error_set(
			error, -ERANGE,
			"%u addresses with %u ports carry %llu connections/s when each pair rests "
			"for --time-wait; %llu/s need more --source addresses or --source-ports",
			tuples->client_count * tuples->way_count, tuples->port_count,
			(unsigned long long)per_s, (unsigned long long)fastest);
	if (options->connections > tuples->count)
		return mr_error_set(error, -ERANGE,
				    "%u addresses with %u ports are too few for "
				    "%llu connections",
				    tuples->client_count * tuples->way_count, tuples->port_count,
				    (unsigned long long)options->connections);
	return 0;
}

/* tcp_slot_bits chooses how many connections there may be at once: those of one time limit. */
static uint8_t
tcp_slot_bits(const struct tcp_mode *self)
{
	double fastest = (double)gen_load_fastest(&self->load);
	uint64_t wanted = self->options->connections;
	uint8_t bits = TCP_SLOT_BITS_LOW;

	if (self->scenario == TCP_CONNECT_CLOSE) {
		double slots = fastest * (double)self->options->timeout_ns / 1e9 * 1.1;

		wanted = fastest <= 0 || slots > 1 << TCP_SLOT_BITS_HIGH ? 1 << TCP_SLOT_BITS_HIGH
									 : (uint64_t)slots;
	}
	while (bits < GEN_CLIENT_SLOT_BITS_MAX && 1ull << bits < wanted)
		bits++;
	return bits;
}

static int
tcp_prepare(struct tcp_mode *self, struct mr_error *error)
{
	const struct gen_options *options = self->options;
	struct gen_client_options *client = &self->loop->client.options;
	struct gen_neigh *neigh = &self->loop->neigh;
	const struct gen_tuples *tuples = &self->loop->client.tuples;
	int code = gen_load_read(&self->load, options, self->dns ? "dns over tcp" : "tcp", error);

	if (!code)
		code = tcp_scenario(self, error);
	if (!code)
		code = tcp_ask(self, error);
	if (!code)
		code = tcp_tuples(self, error);
	if (code)
		return code;
	client->segment = (struct gen_segment_options){ .mss = (uint16_t)options->mss,
							.window_scale = 7,
							.timestamps = !options->no_timestamps,
							.sack = true,
							.ttl = (uint8_t)options->ttl };
	client->window_bytes = (uint32_t)options->window_bytes;
	client->timeout_ms = (uint32_t)(options->timeout_ns / MR_NS_PER_MS);
	client->seed = gen_mix(options->seed);
	client->slot_bits = tcp_slot_bits(self);
	client->flood = self->scenario == TCP_FLOOD_SYN;
	if (self->scenario == TCP_CONNECT_CLOSE || self->scenario == TCP_KEEPALIVE)
		client->connections = (uint32_t)options->connections;
	if (self->scenario == TCP_SLOW) {
		client->slow = gen_slow_read(options->variant);
		if (!client->slow)
			return mr_error_set(error, -EINVAL, "--variant: '%s' is none",
					    options->variant ? options->variant : "");
	}
	if (self->scenario == TCP_HOLD || self->scenario == TCP_SLOW) {
		if (!self->load.rate_qps || self->load.step_count)
			return mr_error_set(error, -EINVAL, "hold and slow open at one --rate");
		self->loop->limit = options->connections;
		client->again_ms = (uint32_t)(options->again_ns / MR_NS_PER_MS);
		client->idle_ns = options->idle_ns;
		client->active_ppm = (uint32_t)(options->active_percent * 10000 + 0.5);
	}
	self->loop->abandon = options->abandon;
	if (options->flood && (gen_options_number(options->flood, &self->loop->flood_qps) ||
			       !self->loop->flood_qps || self->loop->flood_qps > TCP_FLOOD_MAX))
		return mr_error_set(error, -EINVAL, "--flood: '%s' is no rate", options->flood);
	self->loop->outstanding =
		options->outstanding ? (uint32_t)options->outstanding : TCP_OUTSTANDING;
	neigh->way_count = (uint16_t)tuples->way_count;
	for (uint32_t i = 0; i < tuples->way_count; i++)
		neigh->ways[i] = &tuples->ways[i];
	return 0;
}

/* tcp_connect opens the port and finds the way to the targets; returns an exit status. */
static int
tcp_connect(struct tcp_mode *self, struct mr_error *error)
{
	const struct gen_options *options = self->options;
	struct gen_tcp_loop *loop = self->loop;
	struct gen_client *client = &loop->client;
	struct gen_tuples *tuples = &client->tuples;
	int status = gen_rig_open(&self->rig, options, error);

	if (status)
		return status;
	loop->port = &self->rig.port;
	loop->pool = self->rig.pool;
	loop->neigh.mac = self->rig.port.mac;
	client->options.timeout_tsc =
		(uint64_t)((double)options->timeout_ns / 1e9 * (double)self->rig.tsc_hz);
	if (gen_client_create(client, self->rig.tsc_hz, rte_rdtsc(), error) ||
	    gen_hop_set(&loop->neigh, options->via, options->target_mac, error) ||
	    gen_hop_steer(&loop->neigh, loop->port, GEN_TCP_PROTOCOL, tuples->port_low,
			  (uint16_t)(tuples->port_low + tuples->port_count - 1), error))
		return GEN_EXIT_USAGE;
	status = gen_hop_find(&loop->neigh, loop->port, loop->pool, &loop->stop, options, error);
	if (status)
		return status;
	client->options.segment.mtu = loop->port->mtu;
	for (uint32_t i = 0; i < tuples->way_count; i++) {
		tuples->ways[i].source_mac = loop->neigh.mac;
		tuples->ways[i].target_mac = loop->neigh.hops[i].mac;
	}
	gen_segment_templates_make(&client->templates, tuples, &client->options.segment);
	/* Another run of this program may have used tuples a moment ago: begin somewhere. */
	tuples->next = (uint32_t)(gen_mix(rte_rdtsc()) % tuples->count);
	self->load.report.frame_bytes =
		(uint16_t)(gen_segment_room(&client->templates, 0, GEN_SHAPE_TIMESTAMP) +
			   gen_ask_bytes(&client->ask, 0, 0));
	self->load.rig = &self->rig;
	self->load.function = gen_tcp_loop_run;
	self->load.context = loop;
	self->load.run = &loop->run;
	self->load.tally = &loop->tally;
	self->load.stop = &loop->stop;
	self->load.done = &loop->done;
	self->load.drain_spare_ns = TCP_DRAIN_SPARE_MS * MR_NS_PER_MS;
	return GEN_EXIT_OK;
}

static int
tcp_main(struct tcp_mode *self, struct mr_error *error)
{
	int status = GEN_EXIT_USAGE;

	self->loop = aligned_alloc(MR_CACHE_LINE, mr_round_up(sizeof(*self->loop), MR_CACHE_LINE));
	MR_ASSERT(self->loop);
	memset(self->loop, 0, sizeof(*self->loop));
	if (!tcp_prepare(self, error)) {
		status = tcp_connect(self, error);
		if (!status) {
			status = gen_load_measure(&self->load, error);
			gen_rig_linger(&self->rig);
		}
		gen_rig_close(&self->rig);
	}
	gen_client_destroy(&self->loop->client);
	gen_chooser_destroy(&self->loop->client.ask.chooser);
	free(self->loop);
	free(self);
	return status;
}

int
gen_tcp_main(const struct gen_options *options, struct mr_error *error)
{
	struct tcp_mode *self = calloc(1, sizeof(*self));

	MR_ASSERT(self);
	self->options = options;
	return tcp_main(self, error);
}

int
gen_tcp_dns(const struct gen_options *options, struct gen_match *match, enum gen_choice choice,
	    double exponent, struct mr_error *error)
{
	struct tcp_mode *self = calloc(1, sizeof(*self));

	MR_ASSERT(self);
	self->options = options;
	self->dns = match;
	self->choice = choice;
	self->exponent = exponent;
	if (options->cookie || options->random_case)
		mr_error_set(error, -EINVAL, "--cookie and --random-case are for UDP");
	else
		return tcp_main(self, error);
	free(self);
	return GEN_EXIT_USAGE;
}
