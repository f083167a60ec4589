/* SPDX-License-Identifier: Apache-2.0
 *
 * port/tx - gives frames to a device in the form that it can send, and to the kernel.
 */
#include "port/port.h"

/* tx_is_flat says whether the device can send pkt as it is. */
static inline bool
tx_is_flat(const struct mr_port *self, const struct rte_mbuf *pkt)
{
	if (pkt->nb_segs > 1 && !(self->caps & MR_PORT_CAP_CHAINED))
		return false;
	return RTE_MBUF_DIRECT(pkt) || (self->caps & MR_PORT_CAP_EXTERNAL);
}

/* tx_flatten puts a flat copy in the place of *pkt, or returns false when it will not fit into one
 * buffer or there is none. Offload requests are kept. */
static MR_COLD bool
tx_flatten(struct mr_port_queue *queue, struct rte_mbuf **pkt)
{
	struct rte_mbuf *from = *pkt, *flat;

	/* Joined in place when the first segment is ours alone and has room for the rest. */
	if (RTE_MBUF_DIRECT(from) && rte_mbuf_refcnt_read(from) == 1 &&
	    rte_pktmbuf_tailroom(from) >= from->pkt_len - from->data_len)
		return rte_pktmbuf_linearize(from) == 0;
	if (from->pkt_len >
	    rte_pktmbuf_data_room_size(queue->pool) - (uint32_t)RTE_PKTMBUF_HEADROOM)
		return false;
	flat = rte_pktmbuf_copy(from, queue->pool, 0, UINT32_MAX);
	if (!flat)
		return false;
	flat->ol_flags = from->ol_flags & ~(RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL);
	flat->tx_offload = from->tx_offload;
	rte_pktmbuf_free(from);
	*pkt = flat;
	return true;
}

/* tx_all_flat says at once whether each of a burst is one segment with bytes of its own, which
 * every device can send. */
static inline bool
tx_all_flat(struct rte_mbuf *const *pkts, uint16_t count)
{
	uint64_t foreign = 0;
	unsigned segments = 0;

	for (uint16_t i = 0; i < count; i++) {
		foreign |= pkts[i]->ol_flags;
		segments |= pkts[i]->nb_segs;
	}
	return segments <= 1 && !(foreign & (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL));
}

/* tx_prepare makes pkts[0 .. count) flat and returns how many of them can go. Frames that cannot
 * are freed, and the gap closed by moving the earlier ones up: *pkts then starts later. */
static uint16_t
tx_prepare(const struct mr_port *self, struct mr_port_queue *queue, struct rte_mbuf **pkts,
	   uint16_t count, uint16_t *dropped)
{
	uint16_t copied = 0, lost = 0;

	/* Backwards, so that what stays the caller's stays at the end of its array. */
	for (uint16_t i = count; i-- > 0;) {
		if (mr_unlikely(!tx_is_flat(self, pkts[i]))) {
			if (!tx_flatten(queue, &pkts[i])) {
				rte_pktmbuf_free(pkts[i]);
				lost++;
				continue;
			}
			copied++;
		}
		pkts[i + lost] = pkts[i];
	}
	if (mr_unlikely(copied | lost)) {
		__atomic_store_n(&queue->tx_copied, queue->tx_copied + copied, __ATOMIC_RELAXED);
		__atomic_store_n(&queue->tx_unsendable, queue->tx_unsendable + lost,
				 __ATOMIC_RELAXED);
	}
	*dropped = lost;
	return count - lost;
}

uint16_t
mr_port_device_tx(const struct mr_port *self, uint16_t queue, struct rte_mbuf **pkts,
		  uint16_t count)
{
	struct mr_port_queue *q = &self->queues[queue];
	uint16_t dropped = 0, taken;

	if ((self->caps & (MR_PORT_CAP_CHAINED | MR_PORT_CAP_EXTERNAL)) !=
		    (MR_PORT_CAP_CHAINED | MR_PORT_CAP_EXTERNAL) &&
	    mr_unlikely(!tx_all_flat(pkts, count)))
		count = tx_prepare(self, q, pkts, count, &dropped);
	if (mr_likely(!self->gated))
		return dropped + rte_eth_tx_burst(q->device, q->id, pkts + dropped, count);
	if (!mr_port_gate_enter(self, q))
		return dropped;
	taken = rte_eth_tx_burst(q->device, q->id, pkts + dropped, count);
	mr_port_gate_leave(q);
	return dropped + taken;
}

bool
mr_port_punt_give(const struct mr_port *self, uint16_t queue, struct rte_mbuf *pkt)
{
	if (self->punt && queue < self->queue_count &&
	    rte_ring_sp_enqueue(self->punt->to_kernel[queue], pkt) == 0)
		return true;
	rte_pktmbuf_free(pkt);
	return false;
}
