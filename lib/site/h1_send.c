/* SPDX-License-Identifier: Apache-2.0
 *
 * site/h1_send - an answer's octets on their way into the send queue.
 */
#include "h1_int.h"
#include "tree.h"

void
h1_tail(struct run *run, struct mr_writer *out, uint8_t minor)
{
	mr_writer_bytes(out, "Date: ", 6);
	mr_writer_bytes(out, run->self->clock.date, MR_HTTP_DATE_BYTES);
	if (mr_unlikely(run->id != NULL)) {
		mr_writer_bytes(out, "\r\nX-Request-ID: ", 16);
		mr_writer_bytes(out, run->id, run->id_bytes);
	}
	if (mr_unlikely(run->close))
		mr_writer_bytes(out, "\r\nConnection: close\r\n\r\n", 23);
	else if (mr_unlikely(minor == 0)) /* RFC 9112 9.3: 1.0 must be told */
		mr_writer_bytes(out, "\r\nConnection: keep-alive\r\n\r\n", 28);
	else
		mr_writer_bytes(out, "\r\n\r\n", 4);
	run->head_bytes = (uint32_t)(out->at - run->self->answer);
}

bool
h1_send(struct run *run, const uint8_t *bytes, uint32_t count)
{
	run->self->tally[MR_SITE_answer_byte] += count;
	run->sent_bytes += count;
	if (mr_likely(mr_tcp_send(run->tcp, run->conn, bytes, count) == count))
		return true;
	/* a pool of the stack is empty: half an answer would be a lie */
	h1_abort(run, MR_SITE_no_memory);
	return false;
}

bool
h1_send_ref(struct run *run, const struct mr_site_tree *tree, uint64_t offset, uint64_t byte_count)
{
	struct mr_site_server *self = run->self;

	static_assert((int)TREE_FILE_BYTES_MAX <= (int)MR_TCP_EXTENT_BYTES_MAX, "one extent");
	mr_metric_add(self->metrics, MR_SITE_answer_byte, byte_count);
	run->sent_bytes += byte_count;
	mr_pin_take(&self->store->pins, self->worker, tree->slot);
	if (mr_likely(mr_tcp_send_ref(run->tcp, run->conn, MR_SITE_REGION, offset,
				      (uint32_t)byte_count, tree->slot)))
		return true;
	mr_pin_drop(&self->store->pins, self->worker, tree->slot);
	h1_abort(run, MR_SITE_no_memory);
	return false;
}

void
h1_answer(struct run *run, const struct mr_http_message *message, const struct site_answer *answer)
{
	struct mr_site_server *self = run->self;
	struct mr_writer out = mr_writer_over(self->answer, H1_ANSWER_BYTES);
	bool wanted = message->method != MR_HTTP_HEAD && answer->body.byte_count;
	bool together = wanted && answer->body.byte_count <= H1_SHORT_BODY_BYTES;

	h1_status(run, answer->status);
	mr_writer_bytes(&out, answer->head.bytes, answer->head.byte_count);
	h1_tail(run, &out, message->version_minor);
	if (together)
		mr_writer_bytes(&out, answer->body.bytes, answer->body.byte_count);
	MR_ASSERT_SLOW(!out.failed);
	if (h1_send(run, self->answer, (uint32_t)(out.at - self->answer)) && wanted && !together)
		h1_send(run, answer->body.bytes, answer->body.byte_count);
}
