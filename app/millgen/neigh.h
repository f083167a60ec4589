/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/neigh - ARP and neighbour discovery for the clients, and the way to the targets.
 *
 * Every address of the source prefixes is answered for with the port's own link address. The next
 * hop of a way (the target itself, or --via) is asked for until it answers.
 *
 * Owner:  the mode.
 * Thread: the generator core, or the control thread while that does not run.
 * Memory: answers in place.
 * Spec:   RFC 826 (ARP), RFC 4861 4.3, 4.4, 7.2 (neighbour discovery).
 */
#ifndef MILLGEN_NEIGH_H
#define MILLGEN_NEIGH_H

#include "base/base.h"
#include "way.h"

enum { GEN_NEIGH_FRAME_BYTES = 86 };

struct gen_hop {
	struct mr_addr addr;
	struct mr_mac mac;
	bool known;
};

struct gen_neigh {
	uint16_t way_count;
	const struct gen_way *ways[GEN_LANE_MAX];
	struct mr_mac mac;                 /* ours */
	struct gen_hop hops[GEN_LANE_MAX]; /* by way */
};

/* gen_neigh_input looks at a frame that is no reply. It returns the bytes of an answer made in
 * place, to be sent, or 0; a next hop's address is learned on the way. room: 128 bytes. */
MR_MUST_USE uint16_t gen_neigh_input(struct gen_neigh *self, uint8_t *frame, uint32_t frame_bytes);

/* gen_neigh_ask writes the question for a way's next hop and returns its bytes. */
uint16_t gen_neigh_ask(const struct gen_neigh *self, uint16_t way, uint8_t *frame);

/* gen_neigh_known says whether every way's next hop is known. */
bool gen_neigh_known(const struct gen_neigh *self);

#endif
