/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/ask_dns - queries in a stream, and which of them an answer is for.
 */
#include "ask_dns.h"

#include <string.h>

#include "match.h"

enum { ASK_DNS_LENGTH_BYTES = 2, ASK_DNS_FLAG_QR = 0x8000 };

/* The ID of query `number`: no two outstanding ones share it, and it gives the number back. */
static inline uint16_t
ask_dns_id(const struct gen_ask *self, uint32_t tuple, uint32_t number)
{
	return (uint16_t)(number ^ gen_mix(tuple ^ self->seed));
}

uint16_t
gen_ask_dns_write(const struct gen_ask *self, uint32_t tuple, uint32_t number, uint8_t *out)
{
	const struct gen_frames *frames = self->match->frames;
	uint8_t *dns = out + ASK_DNS_LENGTH_BYTES;
	uint16_t bytes = GEN_DNS_BYTES;

	memset(dns, 0, GEN_DNS_BYTES);
	mr_store_be16(dns, ask_dns_id(self, tuple, number));
	mr_store_be16(dns + 2, frames->options.recursion_desired ? 0x0100 : 0);
	mr_store_be16(dns + 4, 1);
	mr_store_be16(dns + 10, frames->edns_bytes ? 1 : 0);
	bytes = (uint16_t)(bytes + gen_question_write(frames->questions,
						      gen_ask_object(self, tuple, number),
						      dns + GEN_DNS_BYTES));
	memcpy(dns + bytes, frames->edns, frames->edns_bytes);
	bytes = (uint16_t)(bytes + frames->edns_bytes);
	mr_store_be16(out, bytes);
	return (uint16_t)(bytes + ASK_DNS_LENGTH_BYTES);
}

uint16_t
gen_ask_dns_bytes(const struct gen_ask *self, uint32_t tuple, uint32_t number)
{
	const struct gen_frames *frames = self->match->frames;

	return (uint16_t)(ASK_DNS_LENGTH_BYTES + GEN_DNS_BYTES + frames->edns_bytes +
			  gen_question_bytes(frames->questions,
					     gen_ask_object(self, tuple, number)));
}

/* ask_dns_judge judges one whole message. */
static struct gen_bite
ask_dns_judge(struct gen_ask *self, const struct gen_conn *conn, const uint8_t *dns, uint32_t bytes)
{
	static const enum gen_tcp_verdict verdicts[GEN_VERDICT_COUNT] = {
		[GEN_ok] = GEN_TCP_ok,
		[GEN_truncated] = GEN_TCP_truncated,
		[GEN_wrong_rcode] = GEN_TCP_wrong_status,
		[GEN_wrong_answer] = GEN_TCP_wrong_body,
		[GEN_wrong_question] = GEN_TCP_wrong_question,
		[GEN_malformed] = GEN_TCP_malformed,
	};
	struct gen_bite bite = { .broken = true, .verdict = GEN_TCP_malformed };
	uint32_t number, index;
	uint8_t rcode = 0;

	if (bytes < GEN_DNS_BYTES || !(mr_load_be16(dns + 2) & ASK_DNS_FLAG_QR))
		return bite;
	index = (uint16_t)((mr_load_be16(dns) ^ ask_dns_id(self, conn->tuple, 0)) - conn->ask_done);
	number = conn->ask_done + index;
	/* conn->left tells which are answered; behind the batch nothing was asked. */
	if (index >= conn->batch - conn->ask_done % self->pipeline || (conn->left >> index & 1)) {
		bite.verdict = GEN_TCP_unasked;
		return bite;
	}
	bite = (struct gen_bite){ .done = true, .index = (uint8_t)index };
	bite.verdict =
		verdicts[gen_match_message(self->match, dns, bytes,
					   gen_ask_object(self, conn->tuple, number), &rcode)];
	gen_tally_add(&self->rcodes[rcode], 1);
	return bite;
}

struct gen_bite
gen_ask_dns_eat(struct gen_ask *self, struct gen_conn *conn, const uint8_t *bytes,
		uint32_t byte_count)
{
	struct gen_bite bite = { .broken = true, .verdict = GEN_TCP_malformed };
	uint32_t had = 0, wanted = ASK_DNS_LENGTH_BYTES, piece;
	struct gen_partial *partial;

	if (mr_likely(conn->parse != GEN_AT_PARTIAL)) {
		if (byte_count >= ASK_DNS_LENGTH_BYTES)
			wanted += mr_load_be16(bytes);
		if (mr_likely(byte_count >= ASK_DNS_LENGTH_BYTES && byte_count >= wanted)) {
			bite = ask_dns_judge(self, conn, bytes + ASK_DNS_LENGTH_BYTES,
					     wanted - ASK_DNS_LENGTH_BYTES);
			bite.bytes = wanted;
			return bite;
		}
	} else {
		partial = &self->partials[conn->crc];
		had = partial->bytes;
		if (had == 1) /* the length itself is cut */
			wanted += (uint32_t)partial->data[0] << 8 | bytes[0];
		else
			wanted += mr_load_be16(partial->data);
	}
	piece = MR_MIN(byte_count, wanted > had ? wanted - had : 0);
	if (byte_count + had < ASK_DNS_LENGTH_BYTES)
		piece = byte_count;
	partial = gen_partial_add(self, conn, bytes, piece);
	if (!partial)
		return bite;
	bite = (struct gen_bite){ .bytes = piece };
	if (partial->bytes >= ASK_DNS_LENGTH_BYTES &&
	    partial->bytes == ASK_DNS_LENGTH_BYTES + mr_load_be16(partial->data)) {
		bite = ask_dns_judge(self, conn, partial->data + ASK_DNS_LENGTH_BYTES,
				     partial->bytes - ASK_DNS_LENGTH_BYTES + 0u);
		bite.bytes = piece;
		gen_ask_drop(self, conn);
	}
	return bite;
}
