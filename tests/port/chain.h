/* SPDX-License-Identifier: Apache-2.0
 *
 * port/chain - frames in every form that the stack sends: a chain of three segments, a buffer from
 * elsewhere, and a chain of both. A peer sends them back, and they must hold the same bytes.
 *
 * UDP over IPv4 with whole checksums of zero; the payload is a function of the frame's number.
 */
#ifndef MR_TESTS_PORT_CHAIN_H
#define MR_TESTS_PORT_CHAIN_H

#include <rte_malloc.h>
#include <string.h>

#include "port/port.h"

enum {
	CHAIN_HEAD_BYTES = 42,
	CHAIN_BYTES = 1000,
	CHAIN_CUT_ONE = CHAIN_HEAD_BYTES,
	CHAIN_CUT_TWO = 500,
	CHAIN_FORMS = 3,
};

static inline void
chain_fill(uint8_t frame[CHAIN_BYTES], uint16_t number)
{
	static const uint8_t head[CHAIN_HEAD_BYTES] = {
		2, 0,  0,  0, 0, 1,  2, 0, 0, 0,  0, 2, 8, 0, 0x45, 0, 0x03, 0xda, 0,    0, 0,
		0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 9,    0, 9,    0x03, 0xc6, 0, 0
	};

	memcpy(frame, head, sizeof(head));
	mr_store_be16(frame + CHAIN_HEAD_BYTES, number);
	for (uint16_t i = CHAIN_HEAD_BYTES + 2; i < CHAIN_BYTES; i++)
		frame[i] = (uint8_t)(i * 7 + number);
}

static void
chain_extern_free(void *address, void *opaque)
{
	(void)address;
	rte_free(opaque);
}

/* chain_extern makes an mbuf whose bytes lie outside of every pool; NULL when memory is out. */
static inline struct rte_mbuf *
chain_extern(struct rte_mempool *pool, const uint8_t *bytes, uint16_t count)
{
	uint16_t room = CHAIN_BYTES + 256;
	struct rte_mbuf *pkt = rte_pktmbuf_alloc(pool);
	uint8_t *memory = rte_malloc(NULL, room, 64);
	struct rte_mbuf_ext_shared_info *info;

	if (!pkt || !memory) {
		rte_pktmbuf_free(pkt);
		rte_free(memory);
		return NULL;
	}
	info = rte_pktmbuf_ext_shinfo_init_helper(memory, &room, chain_extern_free, memory);
	rte_pktmbuf_attach_extbuf(pkt, memory, rte_malloc_virt2iova(memory), room, info);
	memcpy(rte_pktmbuf_append(pkt, count), bytes, count);
	return pkt;
}

static inline struct rte_mbuf *
chain_direct(struct rte_mempool *pool, const uint8_t *bytes, uint16_t count)
{
	struct rte_mbuf *pkt = rte_pktmbuf_alloc(pool);

	if (pkt)
		memcpy(rte_pktmbuf_append(pkt, count), bytes, count);
	return pkt;
}

/* chain_make makes frame `number`, its form by turns. */
static inline struct rte_mbuf *
chain_make(struct rte_mempool *pool, uint16_t number)
{
	uint8_t frame[CHAIN_BYTES];
	struct rte_mbuf *head, *middle, *tail;

	chain_fill(frame, number);
	if (number % CHAIN_FORMS == 1)
		return chain_extern(pool, frame, CHAIN_BYTES);
	head = chain_direct(pool, frame, CHAIN_CUT_ONE);
	middle = number % CHAIN_FORMS
			 ? chain_extern(pool, frame + CHAIN_CUT_ONE, CHAIN_CUT_TWO - CHAIN_CUT_ONE)
			 : chain_direct(pool, frame + CHAIN_CUT_ONE, CHAIN_CUT_TWO - CHAIN_CUT_ONE);
	tail = chain_direct(pool, frame + CHAIN_CUT_TWO, CHAIN_BYTES - CHAIN_CUT_TWO);
	if (head && middle && tail && !rte_pktmbuf_chain(head, middle) &&
	    !rte_pktmbuf_chain(head, tail))
		return head;
	rte_pktmbuf_free(head);
	return NULL;
}

/* chain_check says whether a frame that came back holds what was sent under its number. */
static inline bool
chain_check(const struct rte_mbuf *pkt, uint16_t *number)
{
	uint8_t copy[CHAIN_BYTES], expected[CHAIN_BYTES];
	const uint8_t *got = rte_pktmbuf_read(pkt, 0, CHAIN_BYTES, copy);

	if (!got || pkt->pkt_len != CHAIN_BYTES)
		return false;
	*number = mr_load_be16(got + CHAIN_HEAD_BYTES);
	chain_fill(expected, *number);
	return !memcmp(got + CHAIN_HEAD_BYTES, expected + CHAIN_HEAD_BYTES,
		       CHAIN_BYTES - CHAIN_HEAD_BYTES);
}

#endif
