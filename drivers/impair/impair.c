/* SPDX-License-Identifier: Apache-2.0
 *
 * impair - lines of frames under way, ordered by when they arrive.
 */
#include "impair/impair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TAGS_MAX = 2 };

struct impair_arrival {
	uint64_t at_ns;
	uint64_t order; /* breaks ties: first sent, first to arrive */
	struct rte_mbuf *pkt;
};

/* One direction of one queue. owner: the queue's worker; counts: reader any, relaxed */
struct impair_line {
	struct mr_net_link link;
	struct mr_impair_counts counts;
	uint64_t order;
	uint32_t room, count, drop_every;
	struct impair_arrival *arrivals; /* heap, [room] */
} MR_LINE_ALIGNED;

struct impair {
	uint16_t queue_count;
	struct impair_line *lines; /* [queue_count * MR_IMPAIR_DIRECTIONS] */
};

static inline struct impair_line *
line_of(const struct mr_port *port, uint16_t queue, enum mr_impair_direction direction)
{
	const struct impair *self = port->hook_state;

	return &self->lines[queue * MR_IMPAIR_DIRECTIONS + direction];
}

static inline void
count_add(uint64_t *count, uint64_t more)
{
	__atomic_store_n(count, *count + more, __ATOMIC_RELAXED);
}

/* ---- the heap ---- */

static inline bool
arrival_before(const struct impair_arrival *a, const struct impair_arrival *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void
line_add(struct impair_line *self, struct rte_mbuf *pkt, uint64_t at_ns)
{
	struct impair_arrival added = { at_ns, self->order++, pkt };
	uint32_t at = self->count++;

	MR_ASSERT(at < self->room);
	for (; at && arrival_before(&added, &self->arrivals[(at - 1) / 2]); at = (at - 1) / 2)
		self->arrivals[at] = self->arrivals[(at - 1) / 2];
	self->arrivals[at] = added;
}

static struct rte_mbuf *
line_pop(struct impair_line *self)
{
	struct rte_mbuf *first = self->arrivals[0].pkt;
	struct impair_arrival moved = self->arrivals[--self->count];
	uint32_t at = 0, child;

	while ((child = 2 * at + 1) < self->count) {
		if (child + 1 < self->count &&
		    arrival_before(&self->arrivals[child + 1], &self->arrivals[child]))
			child++;
		if (!arrival_before(&self->arrivals[child], &moved))
			break;
		self->arrivals[at] = self->arrivals[child];
		at = child;
	}
	self->arrivals[at] = moved;
	return first;
}

/* ---- frames into a line ---- */

/* frame_bytes is what the model sees: tags are no part of the MTU. */
static uint32_t
frame_bytes(const struct rte_mbuf *pkt)
{
	const uint8_t *eth = rte_pktmbuf_mtod(pkt, const uint8_t *);
	uint16_t tag_bytes = 0;

	for (int i = 0; i < TAGS_MAX && pkt->data_len >= RTE_ETHER_HDR_LEN + tag_bytes; i++) {
		uint16_t type = mr_load_be16(eth + 2 * MR_MAC_BYTES + tag_bytes);

		if (type != RTE_ETHER_TYPE_VLAN && type != RTE_ETHER_TYPE_QINQ)
			break;
		tag_bytes += MR_NET_TAG_BYTES;
	}
	return pkt->pkt_len - MR_MIN(tag_bytes, pkt->pkt_len);
}

/* line_flip gives pkt with one bit flipped, in a buffer of its own; NULL, pkt freed, when there is
 * no buffer. */
static struct rte_mbuf *
line_flip(struct rte_mbuf *pkt, struct rte_mempool *pool, uint32_t bit)
{
	if (pkt->nb_segs > 1 || !RTE_MBUF_DIRECT(pkt) || rte_mbuf_refcnt_read(pkt) > 1) {
		struct rte_mbuf *copy = rte_pktmbuf_copy(pkt, pool, 0, UINT32_MAX);

		rte_pktmbuf_free(pkt);
		if (!copy)
			return NULL;
		pkt = copy;
	}
	if (bit / 8 < pkt->data_len) /* a copy of a long chain is a chain: its head is enough */
		*rte_pktmbuf_mtod_offset(pkt, uint8_t *, bit / 8) ^= (uint8_t)(1u << bit % 8);
	return pkt;
}

static void
line_refuse(struct rte_mbuf *pkt, uint64_t *count)
{
	count_add(count, 1);
	rte_pktmbuf_free(pkt);
}

/* line_send takes pkt and decides about it. */
static void
line_send(struct impair_line *self, struct rte_mbuf *pkt, struct rte_mempool *pool, uint64_t now_ns)
{
	struct mr_impair_counts *counts = &self->counts;
	struct rte_mbuf *copies[MR_NET_LINK_COPY_MAX] = { pkt };
	struct mr_net_link_fate fate;

	count_add(&counts->frames, 1);
	mr_net_link_offer(&self->link, frame_bytes(pkt), false, now_ns, &fate);
	switch (fate.verdict) {
	case MR_NET_LINK_PASS:
		break;
	case MR_NET_LINK_LOST:
		line_refuse(pkt, &counts->lost);
		return;
	case MR_NET_LINK_DROPPED:
		line_refuse(pkt, &counts->queue_full);
		return;
	case MR_NET_LINK_TOO_BIG:
		line_refuse(pkt, &counts->too_big);
		return;
	}
	if (self->drop_every && counts->frames % self->drop_every == 0) {
		line_refuse(pkt, &counts->lost);
		return;
	}
	if (fate.copy_count > self->room - self->count) {
		line_refuse(pkt, &counts->queue_full);
		return;
	}
	for (uint8_t i = 1; i < fate.copy_count; i++)
		copies[i] = rte_pktmbuf_copy(pkt, pool, 0, UINT32_MAX);
	for (uint8_t i = 0; i < fate.copy_count; i++) {
		if (copies[i] && fate.copies[i].corrupt_bit >= 0)
			copies[i] =
				line_flip(copies[i], pool, (uint32_t)fate.copies[i].corrupt_bit);
		if (copies[i])
			line_add(self, copies[i], fate.copies[i].arrive_ns);
		else
			count_add(&counts->no_mbuf, 1);
	}
	__atomic_store_n(&counts->duplicated, self->link.duplicated, __ATOMIC_RELAXED);
	__atomic_store_n(&counts->reordered, self->link.reordered, __ATOMIC_RELAXED);
	__atomic_store_n(&counts->corrupted, self->link.corrupted, __ATOMIC_RELAXED);
}

/* ---- and out of it ---- */

static uint16_t
line_take(struct impair_line *self, struct rte_mbuf **pkts, uint16_t count, uint64_t now_ns)
{
	uint16_t taken = 0;

	while (taken < count && self->count && self->arrivals[0].at_ns <= now_ns)
		pkts[taken++] = line_pop(self);
	if (taken)
		count_add(&self->counts.delivered, taken);
	return taken;
}

/* line_forward sends what has arrived at the far end of a transmit line: a burst at most, as the
 * worker comes by again at once. */
static void
line_forward(const struct mr_port *port, uint16_t queue, uint64_t now_ns)
{
	struct impair_line *line = line_of(port, queue, MR_IMPAIR_TX);
	struct rte_mbuf *pkts[MR_BURST_MAX];
	uint16_t count = line_take(line, pkts, MR_BURST_MAX, now_ns), sent;

	if (!count)
		return;
	sent = mr_port_device_tx(port, queue, pkts, count);
	if (sent < count) {
		count_add(&line->counts.port_full, count - sent);
		rte_pktmbuf_free_bulk(pkts + sent, count - sent);
	}
}

/* ---- the hook ---- */

static uint16_t
impair_rx(const struct mr_port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t count)
{
	struct impair_line *line = line_of(port, queue, MR_IMPAIR_RX);
	struct rte_mbuf *burst[MR_BURST_MAX];
	uint16_t taken = mr_port_device_rx(port, queue, burst, MR_BURST_MAX);
	uint64_t now_ns = mr_clock_now_ns();

	for (uint16_t i = 0; i < taken; i++)
		line_send(line, burst[i], port->queues[queue].pool, now_ns);
	line_forward(port, queue, now_ns);
	return line_take(line, pkts, count, now_ns);
}

/* impair_tx takes all: what a full line does not hold is lost, as on a wire. */
static uint16_t
impair_tx(const struct mr_port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t count)
{
	struct impair_line *line = line_of(port, queue, MR_IMPAIR_TX);
	uint64_t now_ns = mr_clock_now_ns();

	for (uint16_t i = 0; i < count; i++)
		line_send(line, pkts[i], port->queues[queue].pool, now_ns);
	line_forward(port, queue, now_ns);
	return count;
}

bool
mr_impair_counts(const struct mr_port *port, enum mr_impair_direction direction,
		 struct mr_impair_counts *out)
{
	const struct impair *self = port->hook_state;
	uint64_t *sums = (uint64_t *)out;

	memset(out, 0, sizeof(*out));
	if (!port->hook || port->hook->rx != impair_rx)
		return false;
	for (uint16_t q = 0; q < self->queue_count; q++) {
		const uint64_t *counts = (const uint64_t *)&line_of(port, q, direction)->counts;

		for (size_t i = 0; i < sizeof(*out) / sizeof(*sums); i++)
			sums[i] += __atomic_load_n(&counts[i], __ATOMIC_RELAXED);
	}
	return true;
}

static uint64_t
impair_lost(const struct mr_port *port)
{
	uint64_t sum = 0;

	for (int d = 0; d < MR_IMPAIR_DIRECTIONS; d++) {
		struct mr_impair_counts c;

		if (mr_impair_counts(port, (enum mr_impair_direction)d, &c))
			sum += c.lost + c.queue_full + c.too_big + c.no_mbuf + c.port_full;
	}
	return sum;
}

static void
impair_closing(struct mr_port *port)
{
	struct impair *self = port->hook_state;

	for (uint16_t i = 0; i < self->queue_count * MR_IMPAIR_DIRECTIONS; i++) {
		struct impair_line *line = &self->lines[i];

		while (line->count)
			rte_pktmbuf_free(line_pop(line));
		free(line->arrivals);
	}
	free(self->lines);
	free(self);
	port->hook_state = NULL;
}

static const struct mr_port_hook impair_hook = {
	.rx = impair_rx,
	.tx = impair_tx,
	.lost = impair_lost,
	.closing = impair_closing,
};

static bool
line_init(struct impair_line *self, const struct mr_impair_config *config, uint64_t number)
{
	struct mr_net_link_config link = config->link;

	self->room = config->queue_frames ? config->queue_frames : MR_IMPAIR_QUEUE_DEFAULT;
	self->drop_every = config->drop_every;
	self->arrivals = calloc(self->room, sizeof(*self->arrivals));
	if (link.mtu)
		link.mtu += RTE_ETHER_HDR_LEN;
	mr_net_link_init(&self->link, &link, mr_hash_fold(config->seed, number + 1));
	return self->arrivals;
}

int
mr_impair_attach(struct mr_port *port, const struct mr_impair_config *config,
		 struct mr_error *error)
{
	uint16_t line_count = port->queue_count * MR_IMPAIR_DIRECTIONS;
	struct impair *self = calloc(1, sizeof(*self));
	bool made;

	MR_ASSERT(!port->hook && port->driver && config->queue_frames <= MR_IMPAIR_QUEUE_MAX);
	if (self)
		self->lines = aligned_alloc(MR_CACHE_LINE, line_count * sizeof(*self->lines));
	if (!self || !self->lines) {
		free(self);
		return mr_error_set(error, -ENOMEM, "port %s: no memory", port->config.name);
	}
	memset(self->lines, 0, line_count * sizeof(*self->lines));
	self->queue_count = port->queue_count;
	made = true;
	for (uint16_t i = 0; i < line_count; i++)
		made &= line_init(&self->lines[i], config, i);
	port->hook_state = self;
	if (!made) {
		impair_closing(port);
		return mr_error_set(error, -ENOMEM, "port %s: no memory", port->config.name);
	}
	port->hook = &impair_hook;
	return 0;
}
