/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/transfer - a zone as a generator of messages.
 */
#include "dns/dns_int.h"

#include <string.h>

enum { LENGTH_BYTES = 2, HEAD_BYTES = LENGTH_BYTES + MR_DNS_HEADER_BYTES };

/* A message that was made and may be asked for again. */
struct piece {
	struct mr_zone_mark mark; /* before its first record */
	uint32_t at, bytes;       /* in the extent, its length's two bytes included */
};

struct transfer {
	uint32_t count; /* messages kept; first: the pool chains free ones through it */
	uint32_t pin_slot;
	const struct mr_zone *zone; /* NULL: free */
	struct mr_zone_mark next;   /* where the message after the last one starts */
	uint64_t first;             /* number of the oldest message that is kept */
	uint64_t cached;            /* number of the message in buffer; UINT64_MAX: none */
	uint32_t made_bytes;        /* of this extent */
	uint32_t acked_bytes, told_bytes;
	uint16_t id, flags;
	bool queued, last_made;
	struct piece pieces[MR_DNS_TRANSFER_MESSAGES]; /* by number, modulo */
	uint8_t buffer[LENGTH_BYTES + MR_DNS_TRANSFER_MESSAGE_BYTES];
};

int
mr_dns_transfers_create(struct mr_dns_transfers *self, struct mr_dns *dns,
			const struct mr_dns_transfer_config *config, struct mr_arena *arena,
			struct mr_error *error)
{
	const uint32_t stride = (uint32_t)mr_round_up(sizeof(struct transfer), MR_CACHE_LINE);
	uint64_t offset;

	*self = (struct mr_dns_transfers){ .dns = dns, .config = *config };
	if (!config->limit)
		return 0;
	if (!self->config.zone_limit)
		self->config.zone_limit = config->limit;
	if (!self->config.extent_bytes)
		self->config.extent_bytes = MR_DNS_TRANSFER_EXTENT_BYTES;
	if (mr_arena_take(arena, LENGTH_BYTES + MR_DNS_STREAM_ANSWER_BYTES, MR_CACHE_LINE, &offset))
		return mr_arena_shortage(arena, LENGTH_BYTES + MR_DNS_STREAM_ANSWER_BYTES, error);
	self->scratch = mr_arena_at(arena, offset);
	dns->transfers = self;
	return mr_pool_create(&self->pool, arena, stride, config->limit, error);
}

static struct transfer *
transfer_at(const struct mr_dns_transfers *self, uint32_t handle)
{
	return mr_pool_at(&self->pool, handle);
}

/* ---- begin and end ---- */

/* A transfer of the zone's newest version counts beside one of an older: they are the same zone. */
static bool
zone_is_full(const struct mr_dns_transfers *self, const struct mr_zone *zone)
{
	uint32_t count = 0;

	for (uint32_t handle = 1; handle < self->pool.fresh; handle++) { /* at most limit */
		const struct transfer *other = transfer_at(self, handle);

		count += other->zone && other->zone->hash == zone->hash;
	}
	return count >= self->config.zone_limit;
}

bool
dns_transfer_begin(struct mr_dns_transfers *self, const struct mr_dns_zone_options *options,
		   const struct dns_query *query, uint16_t id)
{
	struct transfer *transfer;

	MR_ASSERT(!self->offered);
	if (zone_is_full(self, options->zone))
		return false;
	self->offered = mr_pool_get(&self->pool);
	if (!self->offered)
		return false;
	transfer = transfer_at(self, self->offered);
	memset(transfer, 0, offsetof(struct transfer, pieces));
	transfer->zone = options->zone;
	transfer->pin_slot = options->pin_slot;
	transfer->cached = UINT64_MAX;
	transfer->id = id;
	transfer->flags = DNS_QR | DNS_AA | (query->flags & (DNS_RD | DNS_CD));
	mr_pin_take(self->config.pins, self->config.worker, transfer->pin_slot);
	self->dns->tally[MR_DNS_transfer_begin]++;
	return true;
}

void
mr_dns_transfer_end(struct mr_dns_transfers *self, uint32_t handle)
{
	struct transfer *transfer = transfer_at(self, handle);
	bool done = mr_dns_transfer_state(self, handle) == MR_DNS_TRANSFER_DONE;

	self->dns->tally[done ? MR_DNS_transfer_done : MR_DNS_transfer_fail]++;
	mr_pin_drop(self->config.pins, self->config.worker, transfer->pin_slot);
	if (self->scratch_of == handle)
		self->scratch_of = 0;
	transfer->zone = NULL;
	mr_pool_put(&self->pool, handle);
}

enum mr_dns_transfer_state
mr_dns_transfer_state(const struct mr_dns_transfers *self, uint32_t handle)
{
	const struct transfer *transfer = transfer_at(self, handle);

	if (transfer->queued)
		return MR_DNS_TRANSFER_QUEUED;
	return transfer->last_made && transfer->acked_bytes == transfer->made_bytes
		       ? MR_DNS_TRANSFER_DONE
		       : MR_DNS_TRANSFER_WAITING;
}

uint32_t
mr_dns_transfer_progress(struct mr_dns_transfers *self, uint32_t handle)
{
	struct transfer *transfer = transfer_at(self, handle);
	uint32_t progress = transfer->acked_bytes - transfer->told_bytes;

	transfer->told_bytes = transfer->acked_bytes;
	return progress;
}

bool
mr_dns_transfer_queue(struct mr_dns_transfers *self, uint32_t handle, struct mr_tcp *tcp,
		      uint32_t conn)
{
	struct transfer *transfer = transfer_at(self, handle);

	/* Before: lib/tcp may ask at once. Nothing of the extent before is asked for again. */
	transfer->queued = true;
	transfer->first += transfer->count;
	transfer->count = 0;
	transfer->made_bytes = transfer->acked_bytes = transfer->told_bytes = 0;
	if (mr_tcp_send_gen(tcp, conn, self->config.gen, handle))
		return true;
	transfer->queued = false;
	return false;
}

/* ---- one message ---- */

struct message {
	const struct mr_zone *zone;
	uint8_t *out;
	uint32_t at;                      /* bytes written, the length's included */
	uint32_t origin_at, owner_at;     /* in the message; 0: not there, or out of reach */
	const struct mr_zone_node *owner; /* whose name owner_at is */
	uint16_t record_count;
};

static inline void
put(struct message *self, const void *bytes, uint32_t count)
{
	memcpy(self->out + self->at, bytes, count);
	self->at += count;
}

static inline void
put_pointer(struct message *self, uint32_t to)
{
	mr_store_be16(self->out + self->at, (uint16_t)(0xc000 | to));
	self->at += 2;
}

static uint32_t
place(const struct message *self)
{
	uint32_t at = self->at - LENGTH_BYTES;

	return at <= DNS_POINTER_MAX ? at : 0;
}

/* message_put adds a record unless the message would be too large; the first always fits. */
static bool
message_put(struct message *self, const struct mr_zone_node *node, const uint8_t *rr)
{
	const struct mr_zone *zone = self->zone;
	bool again = node == self->owner && self->owner_at;
	uint32_t rest = 8u + 2 + mr_load_be16(rr + 10);
	uint32_t name = again ? 2u : node->name_bytes + (self->origin_at ? 2u : zone->origin_bytes);

	if (self->record_count &&
	    self->at + name + rest > LENGTH_BYTES + MR_DNS_TRANSFER_MESSAGE_BYTES)
		return false;
	MR_ASSERT(self->at + name + rest <= LENGTH_BYTES + MR_DNS_STREAM_ANSWER_BYTES);
	if (again) {
		put_pointer(self, self->owner_at);
	} else {
		self->owner = node;
		self->owner_at = place(self);
		put(self, node->name, node->name_bytes);
		if (self->origin_at) {
			put_pointer(self, self->origin_at);
		} else {
			self->origin_at = place(self);
			put(self, zone->origin, zone->origin_bytes);
		}
	}
	put(self, rr + 2, rest);
	self->record_count++;
	return true;
}

/* message_make writes the message that starts at *mark, moves *mark to the one after it, and says
 * whether it is the last. RFC 5936 2.2: the SOA is the first record of all and the last. */
static bool
message_make(const struct transfer *transfer, struct mr_zone_mark *mark, uint8_t *out,
	     uint32_t *bytes)
{
	const struct mr_zone *zone = transfer->zone;
	const struct mr_zone_node *apex = mr_zone_apex(zone);
	struct message message = { .zone = zone, .out = out, .at = HEAD_BYTES };
	struct mr_zone_walk walk;
	bool full = false;

	mr_zone_walk_start(&walk, zone, mark);
	while (!full && mr_zone_walk_next(&walk)) {
		if (walk.node != apex || mr_load_be16(walk.rr + 2) != MR_ZONE_SOA)
			full = !message_put(&message, walk.node, walk.rr);
		if (!full)
			*mark = walk.mark;
	}
	if (!full)
		full = !message_put(&message, apex, mr_zone_node_rrset(apex, MR_ZONE_SOA)->wire);
	mr_store_be16(out, (uint16_t)(message.at - LENGTH_BYTES));
	mr_store_be16(out + LENGTH_BYTES, transfer->id);
	mr_store_be16(out + LENGTH_BYTES + 2, transfer->flags);
	mr_store_be16(out + LENGTH_BYTES + 4, 0); /* RFC 5936 2.2.1: the question is in the first */
	mr_store_be16(out + LENGTH_BYTES + 6, message.record_count);
	mr_store_be32(out + LENGTH_BYTES + 8, 0);
	*bytes = message.at;
	return !full;
}

/* ---- the generator ---- */

/* message_keep makes the message that starts at *mark, number index, in the buffer that it fits. */
static bool
message_keep(struct mr_dns_transfers *self, uint32_t handle, uint64_t index,
	     struct mr_zone_mark *mark, uint32_t *bytes)
{
	struct transfer *transfer = transfer_at(self, handle);
	bool last = message_make(transfer, mark, self->scratch, bytes);

	self->scratch_of = handle;
	self->scratch_index = index;
	if (*bytes <= sizeof(transfer->buffer)) {
		memcpy(transfer->buffer, self->scratch, *bytes);
		transfer->cached = index;
	}
	return last;
}

static const uint8_t *
message_bytes(struct mr_dns_transfers *self, uint32_t handle, uint64_t index)
{
	struct transfer *transfer = transfer_at(self, handle);
	struct mr_zone_mark mark = transfer->pieces[index % MR_DNS_TRANSFER_MESSAGES].mark;
	uint32_t bytes;

	if (transfer->cached == index)
		return transfer->buffer;
	if (self->scratch_of != handle || self->scratch_index != index)
		message_keep(self, handle, index, &mark, &bytes);
	return self->scratch;
}

static bool
extent_is_full(const struct mr_dns_transfers *self, const struct transfer *transfer)
{
	return transfer->last_made || transfer->made_bytes >= self->config.extent_bytes;
}

static uint32_t
gen_plan(void *context, uint64_t cookie, uint32_t offset, uint32_t room_bytes, bool *end)
{
	struct mr_dns_transfers *self = context;
	struct transfer *transfer = transfer_at(self, (uint32_t)cookie);
	uint32_t more;

	while (transfer->made_bytes - offset < room_bytes && !extent_is_full(self, transfer) &&
	       transfer->count < MR_DNS_TRANSFER_MESSAGES) {
		uint64_t index = transfer->first + transfer->count;
		struct piece *piece = &transfer->pieces[index % MR_DNS_TRANSFER_MESSAGES];

		piece->mark = transfer->next;
		piece->at = transfer->made_bytes;
		transfer->last_made =
			message_keep(self, (uint32_t)cookie, index, &transfer->next, &piece->bytes);
		transfer->made_bytes += piece->bytes;
		transfer->count++;
		self->dns->tally[MR_DNS_transfer_message]++;
		self->dns->tally[MR_DNS_transfer_bytes] += piece->bytes;
	}
	more = MR_MIN(room_bytes, transfer->made_bytes - offset);
	*end = offset + more == transfer->made_bytes && extent_is_full(self, transfer);
	return more;
}

static void
gen_fill(void *context, uint64_t cookie, uint32_t offset, uint8_t *out, uint32_t count)
{
	struct mr_dns_transfers *self = context;
	struct transfer *transfer = transfer_at(self, (uint32_t)cookie);
	uint64_t index = transfer->first + transfer->count;
	const struct piece *piece;

	do { /* what is asked for is most often what was made last */
		MR_ASSERT(index > transfer->first);
		piece = &transfer->pieces[--index % MR_DNS_TRANSFER_MESSAGES];
	} while (piece->at > offset);
	while (count > 0) {
		uint32_t from = offset - piece->at, n = MR_MIN(count, piece->bytes - from);

		memcpy(out, message_bytes(self, (uint32_t)cookie, index) + from, n);
		out += n;
		offset += n;
		count -= n;
		piece = &transfer->pieces[++index % MR_DNS_TRANSFER_MESSAGES];
	}
}

static void
gen_acked(void *context, uint64_t cookie, uint32_t offset)
{
	struct transfer *transfer = transfer_at(context, (uint32_t)cookie);

	transfer->acked_bytes = offset;
	while (transfer->count > 0) {
		const struct piece *piece =
			&transfer->pieces[transfer->first % MR_DNS_TRANSFER_MESSAGES];

		if (piece->at + piece->bytes > offset)
			break;
		transfer->first++;
		transfer->count--;
	}
}

static void
gen_release(void *context, uint64_t cookie)
{
	transfer_at(context, (uint32_t)cookie)->queued = false;
}

const struct mr_tcp_gen_ops mr_dns_transfer_gen_ops = {
	.plan = gen_plan,
	.fill = gen_fill,
	.acked = gen_acked,
	.release = gen_release,
};
