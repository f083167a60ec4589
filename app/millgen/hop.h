/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/hop - finds the way to the targets, and lets them find the clients, on a real port.
 *
 * Owner:  a struct gen_neigh is its mode's.
 * Thread: the control thread while no run is on; gen_hop_answer on the generator core during one.
 * Memory: frames from the pool that it is given; answers go out in the buffer of the question.
 */
#ifndef MILLGEN_HOP_H
#define MILLGEN_HOP_H

#include "neigh.h"
#include "options.h"

/* gen_hop_answer looks at a frame that is no reply. It returns true when it took pkt and sent the
 * answer in it. */
bool gen_hop_answer(struct gen_neigh *neigh, struct mr_port *port, struct rte_mbuf *pkt);

/* gen_hop_set lays the next hops (via and mac are texts, NULL: the target itself, ask for it). */
MR_MUST_USE int gen_hop_set(struct gen_neigh *neigh, const char *via, const char *mac,
			    struct mr_error *error);

/* gen_hop_ways reads --target and --source: each target with each source of its family. */
MR_MUST_USE int gen_hop_ways(const struct gen_options *options, uint16_t default_port,
			     struct gen_way ways[GEN_LANE_MAX], uint32_t *way_count,
			     struct mr_error *error);
/* gen_hop_ports reads "LOW-HIGH". */
MR_MUST_USE int gen_hop_ports(const char *text, uint32_t *low, uint32_t *count,
			      struct mr_error *error);

/* gen_hop_resolve asks for all next hops until they are known, at most timeout_ns. Control thread,
 * while no run is on. Returns 0, -ETIMEDOUT, or -EINTR when *stop was set. */
MR_MUST_USE int gen_hop_resolve(struct gen_neigh *neigh, struct mr_port *port,
				struct rte_mempool *pool, const bool *stop, uint64_t timeout_ns);

/* gen_hop_find is gen_hop_resolve with the options' patience; returns an exit status. */
MR_MUST_USE int gen_hop_find(struct gen_neigh *neigh, struct mr_port *port,
			     struct rte_mempool *pool, const bool *stop,
			     const struct gen_options *options, struct mr_error *error);

/* gen_hop_steer asks a port that shares its device with the kernel for what comes to the clients at
 * these ports. */
MR_MUST_USE int gen_hop_steer(const struct gen_neigh *neigh, struct mr_port *port, uint8_t protocol,
			      uint16_t port_low, uint16_t port_high, struct mr_error *error);

#endif
