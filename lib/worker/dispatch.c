/* SPDX-License-Identifier: Apache-2.0
 *
 * worker/dispatch - single-producer single-consumer rings: worker to worker, control to worker,
 * worker to control.
 */
#include "worker/worker_int.h"

#include <errno.h>
#include <rte_malloc.h>
#include <stdio.h>
#include <string.h>

void
worker_hand_over(struct mr_worker *self, uint16_t to, struct rte_mbuf *pkt, uint16_t port,
		 enum worker_direction direction)
{
	void *entry = worker_ring_entry(pkt, port, direction);

	if (rte_ring_sp_enqueue(self->group->rings[to][self->index], entry)) {
		self->tally[MR_WORKER_dispatch_full]++;
		rte_pktmbuf_free(pkt);
		return;
	}
	self->tally[MR_WORKER_dispatch_out]++;
}

int
mr_worker_send(struct mr_worker_group *group, uint16_t port, const uint8_t *frame,
	       uint16_t frame_bytes)
{
	/* Queue 0 of every port belongs to worker 0. */
	struct rte_ring *ring = group->rings[0][group->worker_count];
	struct rte_mbuf *pkt = rte_pktmbuf_alloc(group->control_pool);
	char *room;

	if (!pkt)
		return -ENOBUFS;
	room = rte_pktmbuf_append(pkt, frame_bytes);
	if (!room || (memcpy(room, frame, frame_bytes),
		      rte_ring_sp_enqueue(ring, worker_ring_entry(pkt, port, WORKER_OUT)))) {
		rte_pktmbuf_free(pkt);
		return -ENOBUFS;
	}
	return 0;
}

void
worker_note(struct mr_worker *self, const struct mr_worker_note *note)
{
	uint32_t head = self->note_head;

	/* acquire: the slot is written only after the reader's copy out of it */
	if (head - __atomic_load_n(&self->note_tail, __ATOMIC_ACQUIRE) == MR_NOTE_RING) {
		self->tally[MR_WORKER_note_lost]++;
		return;
	}
	self->notes[head & (MR_NOTE_RING - 1)] = *note;
	/* release: the note is whole before the reader sees the head */
	__atomic_store_n(&self->note_head, head + 1, __ATOMIC_RELEASE);
}

uint32_t
mr_worker_notes(struct mr_worker *self, struct mr_worker_note *out, uint32_t limit)
{
	uint32_t tail = self->note_tail;
	uint32_t waiting = __atomic_load_n(&self->note_head, __ATOMIC_ACQUIRE) - tail;
	uint32_t count = MR_MIN(waiting, limit);

	for (uint32_t i = 0; i < count; i++)
		out[i] = self->notes[(tail + i) & (MR_NOTE_RING - 1)];
	__atomic_store_n(&self->note_tail, tail + count, __ATOMIC_RELEASE);
	return count;
}

/* ring_make: rte_ring_create would take a memzone for each, and DPDK has 2,560 of those: the rings
 * of 50 workers. */
static struct rte_ring *
ring_make(const char *name)
{
	struct rte_ring *ring =
		rte_zmalloc("mr_dispatch", (size_t)rte_ring_get_memsize(MR_DISPATCH_RING),
			    MR_CACHE_LINE);

	if (ring && rte_ring_init(ring, name, MR_DISPATCH_RING, RING_F_SP_ENQ | RING_F_SC_DEQ)) {
		rte_free(ring);
		return NULL;
	}
	return ring;
}

int
worker_rings_create(struct mr_worker_group *group, struct mr_error *error)
{
	for (uint16_t to = 0; to < group->worker_count; to++) {
		for (uint16_t from = 0; from <= group->worker_count; from++) {
			char name[RTE_RING_NAMESIZE];

			if (from == to)
				continue;
			snprintf(name, sizeof(name), "mr_%u_to_%u", from, to);
			group->rings[to][from] = ring_make(name);
			if (!group->rings[to][from])
				return mr_error_set(
					error, -ENOMEM,
					"no memory for the dispatch ring from worker %u to %u",
					from, to);
		}
	}
	return 0;
}

void
worker_rings_destroy(struct mr_worker_group *group)
{
	for (uint16_t to = 0; to < group->worker_count; to++) {
		for (uint16_t from = 0; from <= group->worker_count; from++) {
			struct rte_ring *ring = group->rings[to][from];
			void *entry;

			while (ring && rte_ring_sc_dequeue(ring, &entry) == 0)
				rte_pktmbuf_free(worker_ring_pkt(entry));
			rte_free(ring);
			group->rings[to][from] = NULL;
		}
	}
}
