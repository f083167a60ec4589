/* SPDX-License-Identifier: Apache-2.0
 *
 * worker/segments - lib/tcp on this worker's ports: frames to segments, segments to frames.
 *
 * The way back to a peer (MAC, tags, interface) is kept once per peer on the link, not once per
 * connection: lib/tcp carries its slot number as the flow's path.
 */
#include "worker/worker_int.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>

enum {
	TIMER_BUDGET = 64, /* of lib/tcp, in one turn: that many may all be closes, each a FIN */
	TCP_CHECKSUM_AT = 16,
	BUFFER_BYTES_MIN = 8 << 20,
};

/* ---- ways back ---- */

/* way_slot returns the slot of the way that path takes, or WORKER_WAYS when it has
 * none and no slot is free within the probes. */
static uint32_t
way_slot(struct mr_worker *self, const struct mr_net_path *path)
{
	struct worker_way way = { 0 };
	uint32_t slot;

	way.mac = path->mac;
	way.vlan = path->vlan;
	way.interface = path->interface;
	way.family = path->family;
	way.tagged = path->tagged;
	slot = (uint32_t)mr_hash_bytes(&self->group->flow_key, &way, sizeof(way));
	for (uint32_t i = 0; i < WORKER_WAY_PROBES; i++) {
		struct worker_way *at = &self->ways[(slot + i) % WORKER_WAYS];

		if (!at->family)
			*at = way;
		if (!memcmp(at, &way, sizeof(way)))
			return (slot + i) % WORKER_WAYS;
	}
	return WORKER_WAYS;
}

static uint32_t
way_of(struct mr_worker *self, const struct mr_net_packet *packet)
{
	struct mr_net_path path;

	mr_net_path_of(packet, &path);
	return way_slot(self, &path);
}

static void
way_path(const struct mr_worker *self, const struct mr_tcp_flow *flow, struct mr_net_path *path)
{
	const struct worker_way *way = &self->ways[flow->path];

	*path = (struct mr_net_path){
		.local = flow->local,
		.remote = flow->remote,
		.mac = way->mac,
		.vlan = way->vlan,
		.interface = way->interface,
		.family = way->family,
		.tagged = way->tagged,
	};
}

/* ---- out ---- */

/* segment_output is lib/tcp's way to the ports. False: no buffer now, or the port is full; ask
 * again later. */
static bool
segment_output(void *context, const struct mr_tcp_out *out)
{
	struct mr_worker *self = context;
	uint16_t l4_bytes = out->header_bytes + out->payload_bytes, headers;
	struct mr_net_path path;
	uint8_t *frame, *tcp, *at;
	struct rte_mbuf *pkt;
	uint64_t sum;

	if (out->payload_bytes &&
	    mr_unlikely(!worker_lane_room(self, self->ways[out->flow.path].interface))) {
		self->tally[MR_WORKER_tcp_put_off]++;
		return false;
	}
	pkt = rte_pktmbuf_alloc(self->group->pools[self->index]);
	if (mr_unlikely(!pkt)) {
		self->tally[MR_WORKER_tcp_no_buffer]++;
		return false;
	}
	way_path(self, &out->flow, &path);
	frame = rte_pktmbuf_mtod(pkt, uint8_t *);
	MR_ASSERT_SLOW(mr_net_path_header_bytes(&path) + l4_bytes <= rte_pktmbuf_tailroom(pkt));
	headers = mr_net_path_write(&self->net, &path, IPPROTO_TCP, out->ecn, l4_bytes, frame);
	if (mr_unlikely(!headers)) {
		rte_pktmbuf_free(pkt); /* no MAC for the next hop, counted: lost like any segment */
		return true;
	}
	tcp = at = frame + headers;
	memcpy(at, out->header, out->header_bytes);
	at += out->header_bytes;
	for (unsigned i = 0; i < out->piece_count; i++) {
		memcpy(at, out->pieces[i].bytes, out->pieces[i].byte_count);
		at += out->pieces[i].byte_count;
	}
	sum = mr_net_path_sum(&path, IPPROTO_TCP, l4_bytes);
	mr_net_checksum_store(tcp + TCP_CHECKSUM_AT, mr_net_sum_bytes(sum, tcp, l4_bytes));
	worker_lane_add(self, path.interface, pkt, headers + l4_bytes);
	return true;
}

/* segment_room: the interface, and the tags, of the way back. */
static uint16_t
segment_room(void *context, const struct mr_tcp_flow *flow)
{
	struct mr_worker *self = context;
	struct mr_net_path path;

	way_path(self, flow, &path);
	return mr_net_path_l4_room(&self->net, &path);
}

/* ---- in ---- */

void
worker_tcp_add(struct mr_worker *self, const struct mr_net_packet *packet, struct rte_mbuf *pkt)
{
	struct worker_burst *burst = &self->burst;
	uint32_t way = WORKER_WAYS;

	if (!self->tcp) {
		self->tally[MR_WORKER_tcp_unserved]++;
	} else {
		way = way_of(self, packet);
		self->tally[MR_WORKER_tcp_way_full] += way == WORKER_WAYS;
	}
	if (mr_unlikely(way == WORKER_WAYS)) {
		rte_pktmbuf_free(pkt);
		return;
	}
	burst->segment_pkts[burst->segment_count] = pkt;
	burst->segments[burst->segment_count++] = (struct mr_tcp_in){
		.bytes = packet->bytes + packet->l4_offset,
		.byte_count = packet->payload_offset + packet->payload_bytes - packet->l4_offset,
		.ecn = packet->ecn,
		.app = packet->app == MR_NET_APP_NONE ? MR_TCP_APP_NONE : packet->app,
		.flow = { .local = packet->dst,
			  .remote = packet->src,
			  .local_port = packet->dst_port,
			  .remote_port = packet->src_port,
			  .path = way },
	};
}

void
worker_tcp_burst(struct mr_worker *self)
{
	struct worker_burst *burst = &self->burst;

	if (!burst->segment_count)
		return;
	mr_tcp_input_burst(self->tcp, burst->segments, burst->segment_count);
	rte_pktmbuf_free_bulk(burst->segment_pkts, burst->segment_count);
	burst->segment_count = 0;
}

/* icmp_kind sorts an error by what RFC 1122 4.2.3.9 and RFC 5927 make of it. */
static enum mr_tcp_icmp
icmp_kind(const struct mr_net_packet *packet)
{
	if (packet->family == 4) {
		if (packet->error_type != ICMP_DEST_UNREACH)
			return MR_TCP_ICMP_SOFT;
		if (packet->error_code == ICMP_FRAG_NEEDED)
			return MR_TCP_ICMP_TOO_BIG;
		return packet->error_code == ICMP_PROT_UNREACH ||
				       packet->error_code == ICMP_PORT_UNREACH
			       ? MR_TCP_ICMP_HARD
			       : MR_TCP_ICMP_SOFT;
	}
	if (packet->error_type == ICMP6_PACKET_TOO_BIG)
		return MR_TCP_ICMP_TOO_BIG;
	if (packet->error_type == ICMP6_DST_UNREACH &&
	    (packet->error_code == ICMP6_DST_UNREACH_NOPORT ||
	     packet->error_code == ICMP6_DST_UNREACH_ADMIN))
		return MR_TCP_ICMP_HARD;
	return MR_TCP_ICMP_SOFT;
}

void
worker_tcp_icmp(struct mr_worker *self, const struct mr_net_packet *packet)
{
	struct mr_tcp_flow flow = { .local = packet->dst,
				    .remote = packet->error_remote,
				    .local_port = packet->dst_port,
				    .remote_port = packet->src_port };

	if (self->tcp && packet->protocol == IPPROTO_TCP)
		mr_tcp_icmp(self->tcp, &flow, packet->error_seq, icmp_kind(packet),
			    packet->error_type, packet->error_code, packet->error_mtu);
}

uint32_t
mr_worker_connect(struct mr_worker *self, const struct mr_worker_origin *to, uint8_t app,
		  uint64_t app_word)
{
	const struct mr_net_path path = {
		.vlan = to->vlan,
		.interface = to->interface,
		.family = mr_addr_is_v4(&to->remote) ? 4 : 6,
		.tagged = to->vlan != 0,
	};
	struct mr_tcp_flow flow = { .local = to->source,
				    .remote = to->remote,
				    .remote_port = to->remote_port };

	if (!self->tcp)
		return 0;
	flow.path = way_slot(self, &path);
	if (mr_unlikely(flow.path == WORKER_WAYS)) {
		self->tally[MR_WORKER_tcp_way_full]++;
		return 0;
	}
	return mr_tcp_connect(self->tcp, &flow, app, app_word);
}

uint32_t
worker_tcp_turn(struct mr_worker *self)
{
	uint32_t fired;

	if (!self->tcp)
		return 0;
	worker_apps_turn(self);
	fired = mr_tcp_turn(self->tcp, self->now_ns, TIMER_BUDGET);
	if (fired) {
		mr_dns_flush(&self->dns);
		mr_site_server_flush(&self->http);
		mr_net_flush(&self->net);
		worker_stage_end(self, MR_STAGE_TIMERS, fired);
		worker_lanes_flush(self);
		worker_stage_end(self, MR_STAGE_TX, 0); /* counted by lane_flush */
	}
	return fired;
}

/* ---- making and ending ---- */

static uint32_t
default_of(uint32_t value, uint32_t fallback, uint32_t floor)
{
	return value ? value : MR_MAX(fallback, floor);
}

/* tcp_limits sizes a worker's pools by the number of its connections and of those that are active
 * at once: of these, half may have kept input. Unless the operator says how much may be buffered it
 * is enough for several windows of 1 MiB, however few connections there are. */
static struct mr_tcp_config
tcp_limits(const struct mr_worker_tcp *tcp)
{
	uint32_t connections = tcp->connections;
	uint32_t active = default_of(tcp->active, MR_MIN(connections / 8, 1u << 17), 256);
	uint32_t time_waits = default_of(tcp->time_waits, connections, 1024);
	uint64_t buffer_bytes =
		tcp->buffer_bytes ? tcp->buffer_bytes : MR_MAX(active * 1024ull, BUFFER_BYTES_MIN);

	return (struct mr_tcp_config){
		.conn_limit = connections,
		.time_wait_limit = 1u << (32 - __builtin_clz(MR_MAX(time_waits, 2u) - 1)),
		.time_wait_ms = default_of(tcp->time_wait_ms, 10000, 1),
		.tx_limit = active,
		.rx_limit = MR_MAX(active / 2, 256u),
		.extent_limit = MR_MAX(active * 2, 1024u),
		.run_limit = MR_MAX(active * 2, 1024u),
		.chunk_limit =
			(uint32_t)MR_MIN(MR_MAX(buffer_bytes / (MR_TCP_CHUNK_BYTES + 16), 1024ull),
					 1ull << 31),
		.prefix_limit = default_of(tcp->prefix_limit, connections / 4, 1024),
		.prefix_v4_bits = (uint8_t)tcp->prefix_v4_bits,
		.prefix_v6_bits = (uint8_t)tcp->prefix_v6_bits,
		.progress_ms = tcp->progress_ms,
		.progress_bytes = tcp->progress_bytes,
		.persist_limit_ms = default_of(tcp->persist_ms, 60000, 1),
		.half_open_limit = default_of(tcp->half_open, MR_MIN(connections / 16, 8192u), 64),
	};
}

uint64_t
mr_worker_tcp_bytes(const struct mr_worker_tcp *tcp)
{
	struct mr_tcp_config config = tcp_limits(tcp);

	return tcp->connections ? mr_tcp_bytes(&config) : 0;
}

static struct mr_tcp_config
tcp_config(struct mr_worker *self)
{
	struct mr_tcp_config config = tcp_limits(&self->group->tcp);

	config.mtu = 1500;
	config.port_low = MR_WORKER_SOURCE_PORT_LOW;
	config.port_high = UINT16_MAX;
	config.port_mask = worker_port_mask(self->group);
	config.port_value = self->index;
	config.output = segment_output;
	config.room = segment_room;
	config.output_context = self;
	config.metrics = self->tcp_metrics;
	config.table_key = self->group->tcp_keys.table;
	config.isn_key = self->group->tcp_keys.isn;
	config.cookie_key = self->group->tcp_keys.cookie;
	mr_rng_secret(&config.rng_seed, sizeof(config.rng_seed));
	for (uint16_t i = 0; i < self->group->port_count; i++)
		config.mtu = MR_MIN(config.mtu, self->group->ports[i]->mtu);
	return config;
}

int
worker_tcp_create(struct mr_worker *self, struct mr_error *error)
{
	struct mr_tcp_config config;

	if (!self->group->tcp.connections)
		return 0;
	config = tcp_config(self);
	if (mr_tcp_create(&self->tcp, &config, self->group->arena, mr_clock_now_ns(), error))
		return error ? error->code : -ENOMEM;
	return worker_apps_create(self, error);
}

void
worker_tcp_destroy(struct mr_worker *self)
{
	if (self->tcp)
		mr_tcp_destroy(self->tcp);
	self->tcp = NULL;
}
