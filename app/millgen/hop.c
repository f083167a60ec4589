/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/hop - neighbours on a real port.
 */
#include "hop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOP_ASK_NS = 200000000, HOP_STEER_MAX = 4096, HOP_BURST = 64 };

bool
gen_hop_answer(struct gen_neigh *neigh, struct mr_port *port, struct rte_mbuf *pkt)
{
	uint16_t answer_bytes;

	if (pkt->nb_segs > 1)
		return false;
	answer_bytes = gen_neigh_input(neigh, rte_pktmbuf_mtod(pkt, uint8_t *), pkt->data_len);
	if (!answer_bytes)
		return false;
	pkt->data_len = answer_bytes;
	pkt->pkt_len = answer_bytes;
	return mr_port_tx(port, 0, &pkt, 1) == 1;
}

int
gen_hop_set(struct gen_neigh *neigh, const char *via, const char *mac, struct mr_error *error)
{
	for (uint16_t i = 0; i < neigh->way_count; i++) {
		struct gen_hop *hop = &neigh->hops[i];

		hop->addr = neigh->ways[i]->target;
		if (via && (mr_addr_parse(via, &hop->addr) ||
			    mr_addr_is_v4(&hop->addr) != (neigh->ways[i]->family == 4)))
			return mr_error_set(error, -EINVAL,
					    "--via: '%s' is no address of the family", via);
		hop->known = mac != NULL;
		if (mac && mr_mac_parse(mac, &hop->mac))
			return mr_error_set(error, -EINVAL, "--target-mac: '%s' is none", mac);
	}
	return 0;
}

int
gen_hop_ways(const struct gen_options *options, uint16_t default_port,
	     struct gen_way ways[GEN_LANE_MAX], uint32_t *way_count, struct mr_error *error)
{
	*way_count = 0;
	if (!options->targets.count || !options->sources.count)
		return mr_error_set(error, -EINVAL, "--target and --source are needed");
	for (unsigned t = 0; t < options->targets.count; t++) {
		uint32_t before = *way_count;
		uint16_t port = default_port;
		struct mr_addr target;

		if (gen_options_endpoint(options->targets.items[t], &target, &port))
			return mr_error_set(error, -EINVAL, "--target: '%s' is not ADDR[:PORT]",
					    options->targets.items[t]);
		for (unsigned s = 0; s < options->sources.count; s++) {
			struct mr_prefix source;

			if (mr_prefix_parse(options->sources.items[s], &source))
				return mr_error_set(error, -EINVAL,
						    "--source: '%s' is no prefix (host bits are "
						    "to be zero)",
						    options->sources.items[s]);
			if (mr_addr_is_v4(&target) != mr_addr_is_v4(&source.addr))
				continue;
			if (*way_count == GEN_LANE_MAX)
				return mr_error_set(error, -E2BIG,
						    "at most %d pairs of target and source",
						    GEN_LANE_MAX);
			if (gen_way_make(&ways[(*way_count)++], &target, port, &source,
					 (uint32_t)options->clients, error))
				return error->code;
		}
		if (*way_count == before)
			return mr_error_set(error, -EINVAL, "no --source of the family of %s",
					    options->targets.items[t]);
	}
	return 0;
}

int
gen_hop_ports(const char *text, uint32_t *low, uint32_t *count, struct mr_error *error)
{
	unsigned first, last;
	int used = 0;

	if (sscanf(text, "%u-%u%n", &first, &last, &used) != 2 || text[used] || first < 1 ||
	    last < first || last > 65535)
		return mr_error_set(error, -EINVAL, "--source-ports: '%s' is not LOW-HIGH", text);
	*low = first;
	*count = last - first + 1;
	return 0;
}

static void
hop_ask(const struct gen_neigh *neigh, struct mr_port *port, struct rte_mempool *pool)
{
	for (uint16_t way = 0; way < neigh->way_count; way++) {
		struct rte_mbuf *pkt;

		if (neigh->hops[way].known)
			continue;
		pkt = rte_pktmbuf_alloc(pool);
		if (!pkt)
			return;
		pkt->data_len = gen_neigh_ask(neigh, way, rte_pktmbuf_mtod(pkt, uint8_t *));
		pkt->pkt_len = pkt->data_len;
		if (mr_port_tx(port, 0, &pkt, 1) != 1)
			rte_pktmbuf_free(pkt);
	}
}

int
gen_hop_resolve(struct gen_neigh *neigh, struct mr_port *port, struct rte_mempool *pool,
		const bool *stop, uint64_t timeout_ns)
{
	uint64_t start_ns = mr_clock_now_ns(), asked_ns = 0, now_ns = start_ns;
	const struct timespec pause = { .tv_nsec = 200000 };

	for (; now_ns - start_ns < timeout_ns; now_ns = mr_clock_now_ns()) {
		struct rte_mbuf *pkts[HOP_BURST];
		uint16_t count;

		if (gen_neigh_known(neigh))
			return 0;
		if (__atomic_load_n(stop, __ATOMIC_RELAXED))
			return -EINTR;
		if (!asked_ns || now_ns - asked_ns >= HOP_ASK_NS) {
			hop_ask(neigh, port, pool);
			asked_ns = now_ns;
		}
		count = mr_port_rx(port, 0, pkts, HOP_BURST);
		for (uint16_t i = 0; i < count; i++)
			if (!gen_hop_answer(neigh, port, pkts[i]))
				rte_pktmbuf_free(pkts[i]);
		if (!count)
			nanosleep(&pause, NULL);
	}
	return gen_neigh_known(neigh) ? 0 : -ETIMEDOUT;
}

int
gen_hop_find(struct gen_neigh *neigh, struct mr_port *port, struct rte_mempool *pool,
	     const bool *stop, const struct gen_options *options, struct mr_error *error)
{
	if (!gen_hop_resolve(neigh, port, pool, stop, options->link_wait_ns))
		return GEN_EXIT_OK;
	mr_error_set(error, -EHOSTUNREACH,
		     "nobody answers for the link address of %s (ARP, neighbour discovery); "
		     "--via and --target-mac may help",
		     options->via ? options->via : options->targets.items[0]);
	return GEN_EXIT_LINK;
}

int
gen_hop_steer(const struct gen_neigh *neigh, struct mr_port *port, uint8_t protocol,
	      uint16_t port_low, uint16_t port_high, struct mr_error *error)
{
	struct mr_addr hops[GEN_LANE_MAX];
	static const uint32_t untagged = 0;
	struct mr_port_steer steer = { .next_hops = hops,
				       .next_hop_count = neigh->way_count,
				       .vlans = &untagged,
				       .vlan_count = 1 };
	struct mr_port_steer_rule *rules;
	int code;

	if (!(port->caps & MR_PORT_CAP_STEER))
		return 0;
	for (uint16_t i = 0; i < neigh->way_count; i++) {
		hops[i] = neigh->hops[i].addr;
		steer.rule_count += neigh->ways[i]->client_count;
	}
	if (steer.rule_count > HOP_STEER_MAX)
		return mr_error_set(error, -E2BIG,
				    "%zu clients are too many for a port that is shared with the "
				    "kernel (at most %d); use --clients",
				    steer.rule_count, HOP_STEER_MAX);
	rules = calloc(steer.rule_count, sizeof(*rules));
	if (!rules)
		return mr_error_set(error, -ENOMEM, "no memory for steering rules");
	steer.rules = rules;
	steer.rule_count = 0;
	for (uint16_t i = 0; i < neigh->way_count; i++)
		for (uint32_t c = 0; c < neigh->ways[i]->client_count; c++) {
			struct mr_port_steer_rule *rule = &rules[steer.rule_count++];

			rule->addr = neigh->ways[i]->source;
			mr_store_be32(rule->addr.bytes + 12, neigh->ways[i]->client_base + c);
			rule->protocol = protocol;
			rule->port_low = port_low;
			rule->port_high = port_high;
		}
	code = mr_port_steer(port, &steer, error);
	free(rules);
	return code;
}
