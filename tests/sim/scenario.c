/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/scenario - what one seed stands for: hosts, options, links, applications, and the end.
 */
#include <stdlib.h>

#include "sim.h"
#include "../../lib/tcp/tcp_int.h" /* what is left at the end; where a clock has to stand */

enum { ARENA_BYTES = 64 << 20 };

static void
host_config(struct sim_world *w, struct sim_host *host)
{
	bool small = !w->strict && sim_chance(w, 30);
	struct mr_tcp_config *c = &host->config;

	*c = (struct mr_tcp_config){
		.conn_limit = small ? 4 : 32,
		.time_wait_limit = small ? 2 : 64,
		.tx_limit = small ? 2 : 32,
		.rx_limit = small ? 2 : 32,
		.extent_limit = small ? 16 : 1024,
		.run_limit = small ? 24 : 4096,
		.chunk_limit = small ? 24 : 768,
		/* with cookies a lost ACK can leave one side alone: only probes will tell it */
		.half_open_limit = !w->strict && sim_chance(w, 50) ? 0 : 16,
		.mtu = sim_chance(w, 60) ? 1500 : (uint16_t)(576 + sim_below(w, 8000)),
		.receive_initial_bytes = sim_chance(w, 50) ? 65536 : 4096 << sim_below(w, 5),
		.send_max_bytes = 1024 + sim_below(w, 262144),
		.rto_min_ms = sim_chance(w, 70) ? 200 : 50 + sim_below(w, 1000),
		.delayed_ack_ms = 1 + sim_below(w, 200),
		/* longer than any back-off, or a FIN that comes again meets nobody */
		.time_wait_ms = w->strict ? 150000 : 1000 + sim_below(w, 20000),
		.fin_wait_ms = 120000,
		.persist_limit_ms = 3600000,
		.keepalive_idle_ms = 5000 + sim_below(w, 60000),
		.keepalive_interval_ms = 20000,
		.keepalive_probes = 50,
		.data_retries = 60,
		.syn_retries = 60,
		.synack_retries = 30,
		.no_sack = sim_chance(w, 15),
		.no_timestamps = sim_chance(w, 20),
		.no_window_scale = sim_chance(w, 15),
		.no_ecn = sim_chance(w, 50),
		.cc = sim_chance(w, 50) ? &mr_tcp_cc_cubic : &mr_tcp_cc_newreno,
		.table_key = { mr_rng_next(&w->rng), mr_rng_next(&w->rng) },
		.isn_key = { mr_rng_next(&w->rng), mr_rng_next(&w->rng) },
		.cookie_key = { mr_rng_next(&w->rng), mr_rng_next(&w->rng) },
		.rng_seed = mr_rng_next(&w->rng),
		.output = sim_output,
		.output_context = host,
		.metrics = host->metrics,
	};
	c->receive_max_bytes = c->receive_initial_bytes << sim_below(w, 4);
	if (w->v6)
		c->mtu = MR_MAX(c->mtu, 1280);
}

static void
host_create(struct sim_world *w, uint32_t index)
{
	struct sim_host *host = &w->hosts[index];
	struct mr_error error = { 0 };
	struct mr_tcp_app app = { .ops = &sim_app_ops,
				  .context = host,
				  .nodelay = sim_chance(w, 50),
				  .keepalive = !w->strict || sim_chance(w, 30) };
	struct mr_tcp_region region = { .base = w->pattern,
					.byte_count = 2 * SIM_PATTERN,
					.unpin = sim_unpin,
					.context = host };
	struct mr_tcp_gen gen = { .ops = &sim_gen_ops, .context = w };
	uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = (uint8_t)(index + 1) };
	uint8_t v4[4] = { 10, 0, 0, (uint8_t)(index + 1) };

	host->world = w;
	host->index = index;
	host->addr = w->v6 ? mr_addr_from_v6(v6) : mr_addr_from_v4(v4);
	host_config(w, host);
	if (mr_arena_create(&host->arena, "sim", ARENA_BYTES, false, &error) != 0 ||
	    mr_tcp_create(&host->tcp, &host->config, &host->arena, w->now_ns, &error) != 0)
		sim_fail(w, "no host: %s", error.text);
	mr_tcp_app_set(host->tcp, 0, &app);
	mr_tcp_region_set(host->tcp, 0, &region);
	mr_tcp_gen_set(host->tcp, 0, &gen);
}

static void
links_create(struct sim_world *w, struct sim_host *host)
{
	bool bad = sim_chance(w, 70);
	uint64_t delay_ns = sim_chance(w, 50) ? sim_below(w, 2000000) : sim_below(w, 150000000);

	for (int k = 0; k < 2; k++) {
		struct mr_net_link_config c = {
			.delay_ns = delay_ns,
			.jitter_ns = sim_chance(w, 50) ? sim_below(w, 5000000) : 0,
			.mtu = 9216,
		};

		if (bad) {
			c.loss_ppm = sim_chance(w, 70) ? sim_below(w, 100000) : 0;
			c.loss_ppm = sim_chance(w, 5) ? 300000 : c.loss_ppm;
			c.burst_loss_ppm = sim_chance(w, 20) ? sim_below(w, 700000) : 0;
			c.duplicate_ppm = sim_chance(w, 30) ? sim_below(w, 100000) : 0;
			c.corrupt_ppm = sim_chance(w, 30) ? sim_below(w, 50000) : 0;
			c.reorder_ppm = sim_chance(w, 50) ? sim_below(w, 300000) : 0;
			c.reorder_ns = 1 + sim_below(w, 100000000);
			c.mark_ppm = sim_chance(w, 30) ? sim_below(w, 50000) : 0;
		}
		if (sim_chance(w, 50)) {
			c.rate_bps = 1000000ull << sim_below(w, 10);
			c.queue_bytes = 20000 + sim_below(w, 300000);
			c.mark_bytes = sim_chance(w, 50) ? c.queue_bytes / 3 : 0;
		}
		mr_net_link_init(k ? &host->up : &host->down, &c, mr_rng_next(&w->rng));
	}
}

static uint64_t
transfer_bytes(struct sim_world *w)
{
	uint32_t kind = sim_below(w, 100);

	if (kind < 10)
		return 0;
	if (kind < 50)
		return 1 + sim_below(w, 3000);
	if (kind < 94)
		return 1 + sim_below(w, 200000);
	return 1 + sim_below(w, 4000000);
}

static void
side_create(struct sim_world *w, struct sim_side *s)
{
	s->base = sim_below(w, SIM_PATTERN);
	s->total = transfer_bytes(w);
	s->write = (enum sim_write)sim_below(w, 4);
	s->write_max = sim_chance(w, 10) ? 1 : 1 + sim_below(w, 60000);
	/* small writes under Nagle's algorithm go one a round trip */
	s->total = MR_MIN(s->total, s->write_max * 1000ull);
	s->write_gap_us = sim_chance(w, 30) ? 1 + sim_below(w, 20000) : 0;
	if (s->write_gap_us && s->total / s->write_max > 2000)
		s->write_gap_us = 0;
	if (sim_chance(w, 30)) { /* a slow reader */
		s->read_max = 1 + sim_below(w, 20000);
		s->read_gap_us = 1 + sim_below(w, sim_chance(w, 20) ? 2000000 : 20000);
	}
	s->lazy_start = sim_chance(w, 20);
	s->finish = sim_chance(w, 50) ? SIM_SHUTDOWN : SIM_CLOSE;
	if (!w->strict && sim_chance(w, 25)) {
		s->finish = sim_chance(w, 50) ? SIM_ABORT : SIM_CLOSE_EARLY;
		s->quit_at = 1 + sim_below(w, 100000);
	}
}

/* A slow reader of a large transfer would take longer than the scenario lasts. */
static void
pair_bound(struct sim_side *reader, struct sim_side *writer)
{
	uint64_t reads = reader->read_max ? 2 * writer->total / reader->read_max : 0;

	if (reads * reader->read_gap_us > 100000000)
		reader->read_gap_us = (uint32_t)(100000000 / reads);
}

static struct mr_tcp_flow
flow_to(struct sim_world *w, uint32_t host, uint16_t port)
{
	return (struct mr_tcp_flow){ .local = w->hosts[0].addr,
				     .remote = w->hosts[host].addr,
				     .local_port = SIM_SERVER_PORT,
				     .remote_port = port };
}

static void
pair_create(struct sim_world *w, uint32_t pair, uint32_t host, uint16_t port)
{
	struct sim_side *client = &w->sides[2 * pair], *server = client + 1;

	for (int k = 0; k < 2; k++) {
		w->sides[2 * pair + (uint32_t)k].index = 2 * pair + (uint32_t)k;
		side_create(w, &w->sides[2 * pair + (uint32_t)k]);
	}
	pair_bound(client, server);
	pair_bound(server, client);
	client->active = true;
	client->host = host;
	client->flow = (struct mr_tcp_flow){ .local = w->hosts[host].addr,
					     .remote = w->hosts[0].addr,
					     .local_port = port,
					     .remote_port = SIM_SERVER_PORT };
	server->flow = flow_to(w, host, port);
	client->conn = mr_tcp_connect(w->hosts[host].tcp, &client->flow, 0, client->index + 1);
	if (client->conn == 0) {
		if (w->strict)
			sim_fail(w, "connect refused");
		client->closed = server->closed = true;
	}
}

static void
events_create(struct sim_world *w)
{
	struct sim_event heal = { .at_ns = w->heal_ns, .kind = SIM_HEAL };

	sim_push(w, &heal);
	w->icmp_quiet = sim_chance(w, 30);
	for (uint32_t i = 1; i < w->host_count; i++)
		if (sim_chance(w, 15)) {
			struct sim_event mtu = {
				.at_ns = w->now_ns + 1000ull * sim_below(w, 5000000),
				.kind = SIM_LINK,
				.to = i,
				.mtu = (w->v6 ? 1280 : 576) + sim_below(w, 1000),
			};

			sim_push(w, &mtu);
		}
}

/* In some seeds the clock starts where a sequence number or a timestamp of the first connection is
 * about to wrap: both are functions of the clock, so it is only moved forward. */
static void
clock_near_wrap(struct sim_world *w, const struct mr_tcp_flow *flow)
{
	const struct mr_tcp *tcp = w->hosts[0].tcp;
	struct mr_tcp_flow f = *flow;
	uint32_t kind = sim_below(w, 100), forward, near;

	if (kind < 15) {
		near = sim_below(w, 20000);
		forward = 0u - near - tcp_iss(tcp, &f);
		w->now_ns += (uint64_t)forward << 12;
	} else if (kind < 30) {
		near = sim_below(w, 3000);
		forward = 0u - near - (tcp->now_ms + tcp_ts_offset(tcp_flow_hash(tcp, &f)));
		w->now_ns += forward * MR_NS_PER_MS;
	}
	for (uint32_t i = 0; i < w->host_count; i++)
		mr_tcp_turn(w->hosts[i].tcp, w->now_ns, 1);
}

void
sim_scenario(struct sim_world *w)
{
	uint32_t pairs;

	w->strict = sim_chance(w, 60);
	w->v6 = sim_chance(w, 30);
	w->host_count = 2 + (sim_chance(w, 20) ? sim_below(w, SIM_HOST_MAX - 1) : 0);
	pairs = sim_chance(w, 70) ? 1 : 1 + sim_below(w, SIM_PAIR_MAX);
	w->now_ns = MR_NS_PER_S + (mr_rng_next(&w->rng) >> 14); /* up to 13 days */
	for (uint32_t i = 0; i < w->host_count; i++) {
		host_create(w, i);
		if (i)
			links_create(w, &w->hosts[i]);
	}
	for (uint32_t i = 0; i < pairs; i++) {
		uint32_t host = 1 + sim_below(w, w->host_count - 1);
		uint16_t port = (uint16_t)(1024 + i * 100 + sim_below(w, 100));

		if (i == 0) {
			struct mr_tcp_flow flow = flow_to(w, host, port);

			clock_near_wrap(w, &flow);
			w->start_ns = w->now_ns;
			w->heal_ns = w->now_ns + MR_NS_PER_S * (5 + sim_below(w, 120));
			events_create(w);
		}
		w->pair_count = i + 1;
		pair_create(w, i, host, port);
	}
}

static void
check_pair(struct sim_world *w, const struct sim_side *client, const struct sim_side *server)
{
	const struct sim_side *sides[2] = { client, server };

	for (int i = 0; i < 2; i++) {
		const struct sim_side *s = sides[i], *peer = sides[1 - i];

		if ((s->accepted || s->active) && !s->closed)
			sim_fail(w, "side %u was never closed", s->index);
		if (!w->strict)
			continue;
		if (!s->accepted)
			sim_fail(w, "side %u was never accepted", s->index);
		if (s->queued != s->total || s->acked != s->total)
			sim_fail(w, "side %u: %llu of %llu queued, %llu acknowledged", s->index,
				 (unsigned long long)s->queued, (unsigned long long)s->total,
				 (unsigned long long)s->acked);
		if (s->received != peer->total)
			sim_fail(w, "side %u: %llu of %llu received", s->index,
				 (unsigned long long)s->received, (unsigned long long)peer->total);
		if (!s->ended_well)
			sim_fail(w, "side %u ended by %s", s->index, mr_tcp_reason_name(s->reason));
	}
}

void
sim_scenario_end(struct sim_world *w)
{
	for (uint32_t i = 0; i < w->pair_count; i++)
		check_pair(w, &w->sides[2 * i], &w->sides[2 * i + 1]);
	for (uint32_t i = 0; i < w->host_count; i++) {
		struct sim_host *h = &w->hosts[i];
		const struct mr_tcp *tcp = h->tcp;

		if (tcp->tcbs.used || tcp->txs.used || tcp->rxs.used || tcp->runs.used ||
		    tcp->extents.used || tcp->chunks.used || tcp->wheel.count || tcp->half_open)
			sim_fail(w,
				 "host %u keeps %u TCBs %u txs %u rxs %u runs %u extents %u chunks "
				 "%llu timers",
				 i, tcp->tcbs.used, tcp->txs.used, tcp->rxs.used, tcp->runs.used,
				 tcp->extents.used, tcp->chunks.used,
				 (unsigned long long)tcp->wheel.count);
		if (h->metrics[MR_TCP_sack_reneged])
			sim_fail(w, "host %u believes in reneging, but nobody does", i);
		if (h->pins)
			sim_fail(w, "host %u keeps %u pins", i, h->pins);
		for (uint32_t b = 0; b < tcp->table.count; b++)
			for (int k = 0; k < TCP_BUCKET_SLOTS; k++)
				if (tcp->table.buckets[b].slots[k])
					sim_fail(w, "host %u keeps a table slot", i);
	}
	for (uint32_t i = 0; i < w->gen_count; i++)
		if (w->gens[i].live)
			sim_fail(w, "generator %u was never released", i);
	w->ended = true;
	for (uint32_t i = 0; i < w->host_count; i++) {
		mr_tcp_destroy(w->hosts[i].tcp);
		mr_arena_destroy(&w->hosts[i].arena);
	}
}
