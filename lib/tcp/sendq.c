/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/sendq - the queue of extents: bytes that wait, or are in flight, or may have to go again.
 *
 * Extents lie in order from SND.UNA to snd_end without a gap. A generator is open until it has
 * planned its last byte: nothing behind it has been sent yet, so what it plans moves the sequence
 * numbers of the extents behind it.
 */
#include "tcp/tcp_int.h"

struct tcp_tx *
tcp_tx_get(struct mr_tcp *self, struct tcp_tcb *t)
{
	struct tcp_tx *tx;

	if (t->tx)
		return tcp_tx(self, t);
	t->tx = mr_pool_get(&self->txs);
	if (t->tx == 0) {
		tcp_count(self, MR_TCP_no_tx);
		return NULL;
	}
	tx = tcp_tx(self, t);
	*tx = (struct tcp_tx){ .rtt_seq = t->snd_nxt,
			       .recovery_point = t->snd_una,
			       .conn = tcp_conn(self, t),
			       .advanced_ms = self->now_ms,
			       .progress_ms = self->now_ms,
			       .progress_una = t->snd_una };
	if (t->timer == TCP_TIMER_NONE && t->srtt_us &&
	    self->now_ms - t->xmit_at_us > tcp_rto_us(self, t) / 1000) {
		struct mr_tcp_cc_env env;

		tcp_cc_env(self, t, &env);
		self->config.cc->restart(&t->cc, &env); /* RFC 5681 4.1 */
	}
	return tx;
}

static void
extent_release(struct mr_tcp *self, struct tcp_tx *tx, uint32_t extent)
{
	struct tcp_extent *e = tcp_extent(self, extent);

	switch ((enum tcp_extent_kind)e->kind) {
	case TCP_EXTENT_OWN:
		tx->own_bytes -= e->bytes;
		mr_pool_put(&self->chunks, e->chunk_or_pin);
		break;
	case TCP_EXTENT_REF:
		if (!TCP_PLANTED(PIN_LEAK) || e->cut == 0)
			self->regions[e->source].unpin(self->regions[e->source].context,
						       e->chunk_or_pin);
		break;
	case TCP_EXTENT_GEN:
		tx->open_count -= e->open;
		self->gens[e->source].ops->release(self->gens[e->source].context, e->where);
		break;
	}
	mr_pool_put(&self->extents, extent);
	tx->extent_count--;
}

void
tcp_tx_release(struct mr_tcp *self, struct tcp_tcb *t)
{
	struct tcp_tx *tx = tcp_tx(self, t);

	if (tx == NULL)
		return;
	for (uint32_t extent = tx->extent_head; extent;) { /* at most MR_TCP_EXTENT_MAX */
		uint32_t next = tcp_extent(self, extent)->next;

		extent_release(self, tx, extent);
		extent = next;
	}
	tcp_board_release(self, tx);
	tx->conn = 0;
	mr_pool_put(&self->txs, t->tx);
	t->tx = 0;
}

void
tcp_tx_release_idle(struct mr_tcp *self, struct tcp_tcb *t)
{
	const struct tcp_tx *tx = tcp_tx(self, t);
	bool fin_waits = (t->flags & TCP_FIN_QUEUED) && !(t->flags & TCP_FIN_SENT);

	if (tx && tx->extent_count == 0 && t->snd_una == t->snd_nxt && !fin_waits) {
		tcp_tx_release(self, t);
		t->phase = TCP_PHASE_OPEN;
		t->timer = TCP_TIMER_NONE;
		t->xmit_at_us = self->now_ms; /* idle since */
	}
}

static struct tcp_extent *
extent_append(struct mr_tcp *self, struct tcp_tcb *t, enum tcp_extent_kind kind, uint8_t source)
{
	struct tcp_tx *tx = tcp_tx_get(self, t);
	struct tcp_extent *e;
	uint32_t extent;

	if (tx == NULL || tx->extent_count == MR_TCP_EXTENT_MAX)
		return NULL;
	extent = mr_pool_get(&self->extents);
	if (extent == 0)
		return NULL;
	e = tcp_extent(self, extent);
	*e = (struct tcp_extent){ .seq = t->snd_end, .kind = (uint8_t)kind, .source = source };
	if (tx->extent_tail)
		tcp_extent(self, tx->extent_tail)->next = extent;
	else
		tx->extent_head = extent;
	tx->extent_tail = extent;
	tx->extent_count++;
	return e;
}

/* own_append makes an OWN extent with an empty chunk, or returns NULL with nothing changed. */
static struct tcp_extent *
own_append(struct mr_tcp *self, struct tcp_tcb *t)
{
	bool reserved = t->tx && tcp_tx(self, t)->own_bytes && tcp_pool_reserved(&self->chunks);
	uint32_t chunk = reserved ? 0 : mr_pool_get(&self->chunks);
	struct tcp_extent *e;

	if (chunk == 0)
		return NULL;
	e = extent_append(self, t, TCP_EXTENT_OWN, 0);
	if (e == NULL) {
		mr_pool_put(&self->chunks, chunk);
		return NULL;
	}
	tcp_chunk(self, chunk)->bytes = 0;
	e->chunk_or_pin = chunk;
	return e;
}

uint32_t
tcp_sendq_own(struct mr_tcp *self, struct tcp_tcb *t, const uint8_t *bytes, uint32_t count)
{
	struct tcp_tx *tx = tcp_tx_get(self, t);
	uint32_t done = 0;

	if (tx == NULL)
		return 0;
	count = MR_MIN(count, self->config.send_max_bytes -
				      MR_MIN(tx->own_bytes, self->config.send_max_bytes));
	while (done < count) { /* each round fills a chunk or ends */
		struct tcp_extent *e = tx->extent_tail ? tcp_extent(self, tx->extent_tail) : NULL;
		struct tcp_chunk *chunk;
		uint32_t n;

		if (e == NULL || e->kind != TCP_EXTENT_OWN ||
		    tcp_chunk(self, e->chunk_or_pin)->bytes == MR_TCP_CHUNK_BYTES) {
			e = own_append(self, t);
			if (e == NULL)
				break;
		}
		chunk = tcp_chunk(self, e->chunk_or_pin);
		n = MR_MIN(count - done, (uint32_t)MR_TCP_CHUNK_BYTES - chunk->bytes);
		memcpy(chunk->data + chunk->bytes, bytes + done, n);
		chunk->bytes = (uint16_t)(chunk->bytes + n);
		e->bytes += n;
		tx->own_bytes += n;
		t->snd_end += n;
		done += n;
	}
	return done;
}

bool
tcp_sendq_ref(struct mr_tcp *self, struct tcp_tcb *t, uint8_t region, uint64_t offset,
	      uint32_t count, uint32_t pin)
{
	struct tcp_extent *e;

	MR_ASSERT(region < MR_TCP_REGION_MAX && self->regions[region].base);
	MR_ASSERT(count <= MR_TCP_EXTENT_BYTES_MAX &&
		  offset + count <= self->regions[region].byte_count);
	e = extent_append(self, t, TCP_EXTENT_REF, region);
	if (e == NULL)
		return false;
	e->bytes = count;
	e->chunk_or_pin = pin;
	e->where = offset;
	t->snd_end += count;
	return true;
}

bool
tcp_sendq_gen(struct mr_tcp *self, struct tcp_tcb *t, uint8_t gen, uint64_t cookie)
{
	struct tcp_extent *e;

	MR_ASSERT(gen < MR_TCP_GEN_MAX && self->gens[gen].ops);
	e = extent_append(self, t, TCP_EXTENT_GEN, gen);
	if (e == NULL)
		return false;
	e->open = 1;
	e->where = cookie;
	tcp_tx(self, t)->open_count++;
	return true;
}

/* gen_plan asks an open generator for more and moves what lies behind it. Returns false when it has
 * nothing now. */
static bool
gen_plan(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, struct tcp_extent *e,
	 uint32_t want)
{
	const struct mr_tcp_gen *gen = &self->gens[e->source];
	uint32_t offset = e->cut + e->bytes;
	uint32_t room = MR_MIN(want, MR_TCP_EXTENT_BYTES_MAX - offset);
	bool end = false;
	uint32_t more = room ? gen->ops->plan(gen->context, e->where, offset, room, &end) : 0;

	MR_ASSERT(more <= room);
	e->bytes += more;
	t->snd_end += more;
	for (uint32_t extent = e->next; more && extent;) { /* at most MR_TCP_EXTENT_MAX */
		struct tcp_extent *behind = tcp_extent(self, extent);

		behind->seq += more;
		extent = behind->next;
	}
	if (end || room == 0) {
		e->open = 0;
		tx->open_count--;
	}
	return more || end || room == 0;
}

uint32_t
tcp_sendq_plan(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, uint32_t want)
{
	uint32_t extent = tx->extent_head;

	while (tx->open_count && extent) { /* a round goes to the next extent or plans more */
		struct tcp_extent *e = tcp_extent(self, extent);
		uint32_t end = e->seq + e->bytes;

		if (!e->open) {
			extent = e->next;
			continue;
		}
		if (end - t->snd_nxt >= want)
			return end;
		if (!gen_plan(self, t, tx, e, want - (end - t->snd_nxt)))
			return e->seq + e->bytes;
	}
	if (tx->extent_head && tcp_extent(self, tx->extent_head)->bytes == 0)
		tcp_sendq_acked(self, t, tx, t->snd_una); /* a generator that made nothing */
	return t->snd_end;
}

uint32_t
tcp_sendq_ready(const struct mr_tcp *self, const struct tcp_tcb *t, const struct tcp_tx *tx)
{
	for (uint32_t extent = tx->open_count ? tx->extent_head : 0; extent;) {
		const struct tcp_extent *e = tcp_extent(self, extent);

		if (e->open)
			return e->seq + e->bytes;
		extent = e->next;
	}
	return t->snd_end;
}

static const uint8_t *
extent_bytes(struct mr_tcp *self, const struct tcp_extent *e, uint32_t offset, uint32_t count,
	     uint32_t *scratch_used)
{
	uint8_t *out;

	switch ((enum tcp_extent_kind)e->kind) {
	case TCP_EXTENT_OWN:
		return tcp_chunk(self, e->chunk_or_pin)->data + offset;
	case TCP_EXTENT_REF:
		return self->regions[e->source].base + e->where + offset;
	case TCP_EXTENT_GEN:
		out = self->scratch + *scratch_used;
		if (TCP_PLANTED(GEN_OFFSET) && e->cut)
			offset -= e->cut;
		self->gens[e->source].ops->fill(self->gens[e->source].context, e->where, offset,
						out, count);
		*scratch_used += count;
		return out;
	}
	MR_ASSERT(0);
	return NULL;
}

/* tcp_sendq_gather names in self->out the pieces of [seq .. seq + count) and returns how many bytes
 * of it they hold: fewer when there are too many pieces. */
uint32_t
tcp_sendq_gather(struct mr_tcp *self, const struct tcp_tcb *t, const struct tcp_tx *tx,
		 uint32_t seq, uint32_t count)
{
	uint32_t done = 0, scratch_used = 0;

	(void)t;
	self->out.piece_count = 0;
	for (uint32_t extent = tx->extent_head; extent && done < count;) {
		const struct tcp_extent *e = tcp_extent(self, extent);
		uint32_t from = seq + done - e->seq; /* >= bytes: behind this extent */

		extent = e->next;
		if (from >= e->bytes)
			continue;
		if (self->out.piece_count == MR_TCP_PIECE_MAX)
			break;
		struct mr_tcp_piece *piece = &self->out.pieces[self->out.piece_count++];

		piece->byte_count = MR_MIN(count - done, e->bytes - from);
		piece->bytes =
			extent_bytes(self, e, e->cut + from, piece->byte_count, &scratch_used);
		done += piece->byte_count;
	}
	return done;
}

/* tcp_sendq_acked lets go of everything below una. */
void
tcp_sendq_acked(struct mr_tcp *self, struct tcp_tcb *t, struct tcp_tx *tx, uint32_t una)
{
	while (tx->extent_head) {
		uint32_t extent = tx->extent_head;
		struct tcp_extent *e = tcp_extent(self, extent);
		uint32_t n = MR_MIN(una - e->seq, e->bytes);

		if (seq_lt(una, e->seq))
			break;
		e->seq += n;
		e->cut += n;
		e->bytes -= n;
		if (e->kind == TCP_EXTENT_OWN)
			tx->own_bytes -= n;
		if (e->kind == TCP_EXTENT_GEN && n)
			self->gens[e->source].ops->acked(self->gens[e->source].context, e->where,
							 e->cut);
		if (e->bytes || e->open)
			break;
		tx->extent_head = e->next;
		if (tx->extent_tail == extent)
			tx->extent_tail = 0;
		extent_release(self, tx, extent);
	}
	(void)t;
}
