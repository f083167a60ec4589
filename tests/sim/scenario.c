/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/scenario - what one seed stands for: hosts, options, links, applications, and the end.
 */
#include <stdlib.h>

#include "sim.h"

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
		/* in a strict seed nobody may be shed: enough for sixteen full queues */
		.extent_limit = small       ? 16
				: w->strict ? 4096
					    : 1024,
		.run_limit = small       ? 24
			     : w->strict ? 8000
					 : 4096,
		.chunk_limit = small       ? 24
			       : w->strict ? 4096
					   : 768,
		/* with cookies a lost ACK can leave one side alone: only probes will tell it */
		.half_open_limit = !w->strict && sim_chance(w, 50) ? 0 : 16,
		.mtu = sim_chance(w, 60) ? 1500 : (uint16_t)(576 + sim_below(w, 8000)),
		.receive_initial_bytes = sim_chance(w, 50) ? 65536 : 4096 << sim_below(w, 5),
		.send_max_bytes = 1024 + sim_below(w, 262144),
		.rto_min_ms = sim_chance(w, 70) ? 200 : 50 + sim_below(w, 1000),
		.delayed_ack_ms = 1 + sim_below(w, 200),
		/* longer than an outage (heal_ns) and the longest back-off after it, or a FIN that
		 * comes again meets nobody, and one that comes late finds its reader gone */
		.time_wait_ms = w->strict ? 240000 : 1000 + sim_below(w, 20000),
		.fin_wait_ms = w->strict ? 240000 : 120000,
		.persist_limit_ms = 3600000,
		.pmtu_raise_ms = 200 + sim_below(w, 20000),
		.keepalive_idle_ms = 5000 + sim_below(w, 60000),
		.keepalive_interval_ms = 20000,
		.keepalive_probes = 50,
		/* Who is born of a cookie knows one path only. If that lied and the peer comes no
		 * more, nothing but R2 (RFC 9293 3.8.3) ends it: that is to be soon enough. */
		.data_retries = w->path_lies && !w->strict ? 12 : 60,
		.syn_retries = 60,
		.synack_retries = 12,
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
	if (w->mortal) { /* somebody will vanish: that must be noticed before the seed is over */
		c->data_retries = 4 + (uint8_t)sim_below(w, 5);
		c->syn_retries = c->synack_retries = 5;
		c->keepalive_probes = 3;
		c->persist_limit_ms = 60000;
		c->fin_wait_ms = 3000;
	}
	w->features[SIM_F_small_pools] |= small;
	w->features[SIM_F_cookies_only] |= host->index == 0 && c->half_open_limit == 0;
	w->features[SIM_F_no_sack] |= c->no_sack;
	w->features[SIM_F_no_timestamps] |= c->no_timestamps;
	w->features[SIM_F_no_window_scale] |= c->no_window_scale;
	w->features[SIM_F_no_ecn] |= c->no_ecn;
	sim_note(w, c->cc == &mr_tcp_cc_cubic ? SIM_F_cubic : SIM_F_newreno);
}

/* One arena for each host, for all seeds, as if it were new each time: else mapping pages would be
 * half of the work. Of the chunks only those that were used are zeroed: no one reads the others. */
static struct mr_arena arenas[SIM_HOST_MAX];

static void
arena_ready(struct sim_world *w, uint32_t index)
{
	struct mr_error error = { 0 };

	if (arenas[index].base == NULL &&
	    mr_arena_create(&arenas[index], "sim", ARENA_BYTES, false, &error) != 0)
		sim_fail(w, "no arena: %s", error.text);
}

static void
arena_reset(struct mr_arena *arena, const struct mr_pool *chunks)
{
	uint8_t *end = arena->base + arena->taken_bytes;
	uint8_t *used = chunks->base + (size_t)chunks->fresh * chunks->stride_bytes;
	uint8_t *behind = chunks->base + ((size_t)chunks->limit + 1) * chunks->stride_bytes;

	memset(arena->base + MR_CACHE_LINE, 0, (size_t)(used - arena->base) - MR_CACHE_LINE);
	memset(behind, 0, (size_t)(end - behind));
	arena->taken_bytes = MR_CACHE_LINE;
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
	arena_ready(w, index);
	if (mr_tcp_create(&host->tcp, &host->config, &arenas[index], w->now_ns, &error) != 0)
		sim_fail(w, "no host: %s", error.text);
	sim_note(w, app.nodelay ? SIM_F_nodelay : SIM_F_nagle);
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
			w->features[SIM_F_link_burst_loss] |= c.loss_ppm && c.burst_loss_ppm;
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
	if (kind < 98)
		return 1 + sim_below(w, 200000);
	return 1 + sim_below(w, 4000000);
}

static void
side_create(struct sim_world *w, struct sim_side *s)
{
	static const enum sim_feature writes[] = { SIM_F_write_own, SIM_F_write_ref,
						   SIM_F_write_gen, SIM_F_write_mixed };

	s->base = sim_below(w, SIM_PATTERN);
	s->total = transfer_bytes(w);
	if (w->features
		    [SIM_F_small_pools]) /* what finds no room goes again after a timeout: slow */
		s->total = MR_MIN(s->total, 300000);
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
		sim_note(w, SIM_F_read_slow);
	}
	s->lazy_start = sim_chance(w, 20);
	s->finish = sim_chance(w, 50) ? SIM_SHUTDOWN : SIM_CLOSE;
	if (!w->strict && sim_chance(w, 25)) {
		s->finish = sim_chance(w, 50) ? SIM_ABORT : SIM_CLOSE_EARLY;
		s->quit_at = 1 + sim_below(w, 100000);
	}
	sim_note(w, s->total ? writes[s->write] : SIM_F_write_nothing);
	w->features[SIM_F_write_bytes] |= s->total && s->write_max == 1;
	w->features[SIM_F_write_large] |= s->total > 1000000;
	w->features[SIM_F_app_lazy] |= s->lazy_start;
}

/* A slow reader of a large transfer would take longer than the scenario lasts, and so would a small
 * window: no more than it goes in one round trip, and that may take 1.2 s. */
static void
pair_bound(const struct sim_world *w, struct sim_side *reader, struct sim_side *writer)
{
	uint64_t window = w->hosts[reader->host].config.receive_max_bytes, reads;

	writer->total = MR_MIN(writer->total, 250 * window);
	reads = reader->read_max ? 2 * writer->total / reader->read_max : 0;
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

/* pair_open: the client connects; in a simultaneous open the server does too. */
static bool
pair_open(struct sim_world *w, uint32_t pair)
{
	struct sim_side *client = &w->sides[2 * pair], *server = client + 1;

	client->started = server->started = true;
	client->flow.path = w->hosts[0].path;
	server->flow.path = w->hosts[client->host].path;
	client->conn =
		mr_tcp_connect(w->hosts[client->host].tcp, &client->flow, 0, client->index + 1);
	if (client->conn && server->active)
		server->conn = mr_tcp_connect(w->hosts[0].tcp, &server->flow, 0, server->index + 1);
	if (client->conn && (server->conn || !server->active))
		return true;
	if (client->conn == 0)
		client->closed = server->closed = true;
	else
		server->closed = true; /* only the server has no TCB left: the client is refused */
	return false;
}

static void
pair_create(struct sim_world *w, uint32_t pair, uint32_t host, uint16_t port, bool simultaneous)
{
	struct sim_side *client = &w->sides[2 * pair], *server = client + 1;

	for (int k = 0; k < 2; k++) {
		w->sides[2 * pair + (uint32_t)k].index = 2 * pair + (uint32_t)k;
		side_create(w, &w->sides[2 * pair + (uint32_t)k]);
	}
	client->active = true;
	client->host = host;
	pair_bound(w, client, server);
	pair_bound(w, server, client);
	server->flow = flow_to(w, host, port);
	if (simultaneous) {
		server->active = true;
		server->flow.local_port = (uint16_t)(7000 + pair);
		sim_note(w, SIM_F_open_simultaneous);
	}
	client->flow = (struct mr_tcp_flow){ .local = w->hosts[host].addr,
					     .remote = w->hosts[0].addr,
					     .local_port = port,
					     .remote_port = server->flow.local_port };
}

void
sim_reopen(struct sim_world *w, uint32_t pair)
{
	struct sim_side *client = &w->sides[2 * pair];

	sim_trace(w, "port %u is used again", client->flow.local_port);
	if (pair_open(w, pair))
		sim_note(w, SIM_F_four_tuple_again);
	else /* the client itself is in TIME-WAIT */
		client[0].started = client[1].started = false;
}

/* more_create: in some worlds hosts let frames wait for others. */
static void
more_create(struct sim_world *w)
{
	for (uint32_t i = 0; i < w->host_count; i++) {
		w->hosts[i].path = SIM_PATH_FIRST;
		if (sim_more_chance(w, 30))
			w->hosts[i].moderation_ns = 1 + mr_rng_below(&w->more_rng, 1000000);
	}
}

/* paths_plan: some hosts are reached by another router in the middle, which may have a smaller MTU
 * behind it. */
static void
paths_plan(struct sim_world *w)
{
	for (uint32_t i = sim_more_chance(w, 15) ? 1 + sim_more_chance(w, 50) : 0; i; i--) {
		struct sim_event move = {
			.kind = SIM_PATH,
			.to = (uint32_t)mr_rng_below(&w->more_rng, w->host_count),
			.at_ns = w->start_ns + mr_rng_below(&w->more_rng, sim_more_chance(w, 50)
										  ? 20000000
										  : 5000000000),
		};

		if (move.to && sim_more_chance(w, 30)) /* the links are the clients' */
			move.mtu =
				(w->v6 ? 1280 : 576) + (uint32_t)mr_rng_below(&w->more_rng, 1000);
		sim_push(w, &move);
	}
}

static void
events_create(struct sim_world *w)
{
	struct sim_event heal = { .at_ns = w->heal_ns, .kind = SIM_HEAL };

	sim_push(w, &heal);
	sim_hostile_plan(w);
	paths_plan(w);
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
		sim_note(w, SIM_F_sequence_wrap);
		forward = 0u - near - tcp_iss(tcp, &f);
		w->now_ns += (uint64_t)forward << 12;
	} else if (kind < 30) {
		near = sim_below(w, 3000);
		sim_note(w, SIM_F_timestamp_wrap);
		forward = 0u - near - (tcp->now_ms + tcp_ts_offset(tcp_flow_hash(tcp, &f)));
		w->now_ns += forward * MR_NS_PER_MS;
	}
	for (uint32_t i = 0; i < w->host_count; i++)
		mr_tcp_turn(w->hosts[i].tcp, w->now_ns, 1);
}

/* pairs_create: most have a port of their own; some use that of an earlier pair when it has ended,
 * and some open from both sides. */
static void
pairs_create(struct sim_world *w, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t host = 1 + sim_below(w, w->host_count - 1);
		uint16_t port = (uint16_t)(1024 + i * 100 + sim_below(w, 100));
		bool again = i && sim_chance(w, 30) && !w->sides[2 * i - 1].active;

		if (again) {
			host = w->sides[2 * i - 2].host;
			port = w->sides[2 * i - 2].flow.local_port;
			w->again[i - 1] = (uint8_t)i;
		}
		if (i == 0) {
			struct mr_tcp_flow flow = flow_to(w, host, port);

			clock_near_wrap(w, &flow);
			w->start_ns = w->now_ns;
			w->heal_ns = w->now_ns + MR_NS_PER_S * (5 + sim_below(w, 120));
		}
		w->pair_count = i + 1;
		pair_create(w, i, host, port, !again && sim_chance(w, 5));
	}
}

void
sim_scenario(struct sim_world *w)
{
	uint32_t pairs = 1;

	w->strict = sim_chance(w, 60);
	w->v6 = sim_chance(w, 30);
	w->mortal = !w->strict && sim_chance(w, 15);
	mr_rng_seed(&w->more_rng, ~w->seed);
	w->path_lies = sim_more_chance(w, 10);
	w->host_count = 2;
	if (sim_chance(w, 4)) { /* many against one */
		w->host_count += sim_below(w, SIM_HOST_MAX - 1);
		pairs = 1 + sim_below(w, SIM_PAIR_MAX);
	} else if (sim_chance(w, 30)) {
		w->host_count += sim_below(w, 3);
		pairs = 1 + sim_below(w, 8);
	}
	w->features[SIM_F_strict] = w->strict;
	w->features[SIM_F_ipv6] = w->v6;
	w->features[SIM_F_many_clients] = w->host_count > 4;
	w->features[SIM_F_many_connections] = pairs > 8;
	w->now_ns = MR_NS_PER_S + (mr_rng_next(&w->rng) >> 14); /* up to 13 days */
	for (uint32_t i = 0; i < w->host_count; i++) {
		host_create(w, i);
		if (i)
			links_create(w, &w->hosts[i]);
	}
	more_create(w);
	pairs_create(w, pairs);
	events_create(w);
	for (uint32_t i = 0; i < pairs; i++)
		if ((i == 0 || w->again[i - 1] != i) && !pair_open(w, i) && w->strict)
			sim_fail(w, "connect refused");
}

static void
check_pair(struct sim_world *w, const struct sim_side *client, const struct sim_side *server)
{
	const struct sim_side *sides[2] = { client, server };

	for (int i = 0; i < 2 && client->started; i++) {
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

static void
note_links(struct sim_world *w)
{
	bool *f = w->features;

	for (uint32_t i = 1; i < w->host_count; i++)
		for (int k = 0; k < 2; k++) {
			const struct mr_net_link *l = k ? &w->hosts[i].up : &w->hosts[i].down;

			f[SIM_F_link_loss] |= l->lost > 0;
			f[SIM_F_link_full] |= l->dropped > 0;
			f[SIM_F_link_duplicate] |= l->duplicated > 0;
			f[SIM_F_link_reorder] |= l->reordered > 0;
			f[SIM_F_link_corrupt] |= l->corrupted > 0;
			f[SIM_F_link_mark] |= l->marked > 0;
		}
}

static void
note_counters(struct sim_world *w)
{
	for (uint32_t i = 0; i < w->host_count; i++)
		for (uint32_t k = 0; k < MR_TCP_METRIC_COUNT; k++)
			w->features[SIM_F_OWN_COUNT + k] |= w->hosts[i].metrics[k] != 0;
}

void
sim_scenario_end(struct sim_world *w)
{
	note_links(w);
	note_counters(w);
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
		if (h->metrics[MR_TCP_sack_reneged] && !w->reneging)
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
		struct mr_pool chunks = w->hosts[i].tcp->chunks;

		mr_tcp_destroy(w->hosts[i].tcp);
		arena_reset(&arenas[i], &chunks);
	}
}
