/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/tuple - the space of 4-tuples that a run may use, walked round, and what must rest.
 *
 *   tuple = ((port - port_low) * clients + client) * ways + way
 *
 * A reply's addresses and ports give its tuple by two multiplications; the tuple's low bits are the
 * connection's slot. Tuples are taken in order, so a tuple comes again after all the others have
 * been used. A tuple may be taken when time_wait has passed since the last close in its block of
 * neighbours: by then no honest server holds it in TIME_WAIT. So remembering costs 4 bytes a block,
 * and TIME_WAIT on this side no state at all (client.h).
 *
 * Owner:  the client (client.h).
 * Thread: made on the control thread; taken and closed by the generator core.
 * Memory: at most 256 KiB of blocks, from the heap.
 * Spec:   RFC 9293 3.6.1 (TIME-WAIT).
 */
#ifndef MILLGEN_TUPLE_H
#define MILLGEN_TUPLE_H

#include "way.h"

enum {
	GEN_TUPLE_BLOCKS_MAX = 1 << 16,
	GEN_TUPLE_SECONDS = 1024, /* of closes that are remembered, to tell live TIME_WAITs */
};
#define GEN_TUPLE_MAX 0x7fffffffu

struct gen_tuples {
	/* const after make */
	struct gen_way ways[GEN_LANE_MAX];
	uint32_t way_count, client_count; /* clients of each way */
	uint16_t port_low;
	uint32_t port_count;
	uint32_t count;
	uint32_t time_wait_ms;
	uint8_t block_shift;
	uint64_t way_inverse, client_inverse;
	/* owner: the generator core */
	uint32_t next;
	uint32_t entered;    /* the block that next may be taken from; UINT32_MAX: none yet */
	uint32_t *closed_ms; /* by block: the last close, 0 never */
	uint32_t closes[GEN_TUPLE_SECONDS];
	uint32_t second; /* of the newest entry in closes */
};

struct gen_tuple_parts {
	uint32_t way, client;
	uint16_t port;
};

/* gen_tuples_make lays the space over ways (ways and way_count are set already). Every way gets
 * the same number of clients; ports are as many as keep the number below GEN_TUPLE_MAX. */
MR_MUST_USE int gen_tuples_make(struct gen_tuples *self, uint16_t port_low, uint32_t port_count,
				uint32_t time_wait_ms, struct mr_error *error);
void gen_tuples_free(struct gen_tuples *self);

/* gen_tuples_per_s returns how many connections a second the space can carry for ever. */
uint64_t gen_tuples_per_s(const struct gen_tuples *self);

/* gen_tuples_live returns how many tuples were closed within the last time_wait. */
uint64_t gen_tuples_live(const struct gen_tuples *self, uint32_t now_ms);

/* gen_tuple_divide is a / d by the inverse UINT64_MAX / d + 1; exact for 32-bit a. */
static inline uint32_t
gen_tuple_divide(uint32_t a, uint32_t d, uint64_t inverse)
{
	return d == 1 ? a : (uint32_t)(((__uint128_t)a * inverse) >> 64);
}

static inline struct gen_tuple_parts
gen_tuple_parts(const struct gen_tuples *self, uint32_t tuple)
{
	uint32_t rest = gen_tuple_divide(tuple, self->way_count, self->way_inverse);
	uint32_t port = gen_tuple_divide(rest, self->client_count, self->client_inverse);

	return (struct gen_tuple_parts){ .way = tuple - rest * self->way_count,
					 .client = rest - port * self->client_count,
					 .port = (uint16_t)(self->port_low + port) };
}

/* gen_tuple_of returns the tuple of (way, low 32 bits of the client's address, its port), or
 * UINT32_MAX when it is none of ours. */
static inline uint32_t
gen_tuple_of(const struct gen_tuples *self, uint32_t way, uint32_t address, uint16_t port)
{
	uint32_t client = address - self->ways[way].client_base;
	uint32_t place = (uint32_t)port - self->port_low;

	if (mr_unlikely(client >= self->client_count || place >= self->port_count))
		return UINT32_MAX;
	return (place * self->client_count + client) * self->way_count + way;
}

/* gen_tuple_rests says whether a tuple of this block was closed within time_wait. Time never stands
 * at 0. */
static inline bool
gen_tuple_rests(const struct gen_tuples *self, uint32_t tuple, uint32_t now_ms)
{
	uint32_t closed_ms = self->closed_ms[tuple >> self->block_shift];

	return closed_ms && now_ms - closed_ms < self->time_wait_ms;
}

/* gen_tuple_ready says whether `next` may be taken: a block is looked at when it is entered, for
 * after that its closes are those of this round. (Who finds that a connection of this very tuple
 * lived until a moment ago passes over it: client.c.) */
static inline bool
gen_tuple_ready(struct gen_tuples *self, uint32_t now_ms)
{
	uint32_t block = self->next >> self->block_shift;

	if (mr_likely(block == self->entered))
		return true;
	if (gen_tuple_rests(self, self->next, now_ms))
		return false;
	self->entered = block;
	return true;
}

/* gen_tuple_pass goes on to the next tuple. */
static inline void
gen_tuple_pass(struct gen_tuples *self)
{
	if (mr_unlikely(++self->next == self->count)) {
		self->next = 0;
		self->entered = UINT32_MAX;
	}
}

/* gen_tuple_close remembers that a connection of this tuple was closed. */
static inline void
gen_tuple_close(struct gen_tuples *self, uint32_t tuple, uint32_t now_ms)
{
	uint32_t second = now_ms / 1000;

	self->closed_ms[tuple >> self->block_shift] = now_ms ? now_ms : 1;
	if (mr_unlikely(second - self->second > GEN_TUPLE_SECONDS))
		self->second = second - GEN_TUPLE_SECONDS;
	while (mr_unlikely(self->second != second))
		self->closes[++self->second % GEN_TUPLE_SECONDS] = 0;
	self->closes[second % GEN_TUPLE_SECONDS]++;
}

#endif
