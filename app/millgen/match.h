/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/match - each reply to its query, by ID and source port as a direct index, and judged.
 *
 * A slot per outstanding query, taken in the order of sequence numbers. A reply's ID and port give
 * the slot; the slot's round (seq / slots) together with its place gives the sequence number back,
 * and so the client's address, case and cookie that the reply must show. No hashing, no search.
 *
 * Slot     next                                                      [function]
 *   FREE  -> SENT      a query takes it; what was there is forgotten  [gen_match_take]
 *   SENT  -> ANSWERED  the first reply that belongs to it             [gen_match_reply]
 *   ANSWERED stays     more replies are duplicates                    [gen_match_reply]
 *
 * Owner:  the generator core.
 * Thread: the same; counters may be read by any (relaxed).
 * Memory: slots from the heap at start.
 * Spec:   RFC 5452 9.1 (what makes a reply match), RFC 1035, RFC 6891, RFC 7873.
 */
#ifndef MILLGEN_MATCH_H
#define MILLGEN_MATCH_H

#include "base/base.h"
#include "frame.h"
#include "tally.h"

/* X(name, class, help): add, never rename. The order is that of the summary. */
#define GEN_VERDICTS(X)                                                                  \
	X(ok, RIGHT, "answered rightly")                                                 \
	X(truncated, RIGHT, "answered rightly, with TC set")                             \
	X(wrong_rcode, WRONG, "answered with another RCODE than expected")               \
	X(wrong_answer, WRONG, "answered with other records than the name has")          \
	X(wrong_question, FOREIGN, "a reply with another question than was asked")       \
	X(wrong_address, FOREIGN, "a reply from or to another address than the query's") \
	X(wrong_cookie, WRONG, "a reply with another client cookie")                     \
	X(malformed, FOREIGN, "a reply whose lengths or records do not hold")            \
	X(checksum, FOREIGN, "a reply with a bad IP or UDP checksum")                    \
	X(duplicate, DUPLICATE, "a second reply to the same query")                      \
	X(late, NOTE, "a reply after the time limit, or after its slot was given on")    \
	X(stray, NOTE, "a datagram that no query asked for")                             \
	X(other, NOTE, "a frame that is not a datagram to a client")

enum gen_verdict {
#define GEN_VERDICT_ID(name, class, help) GEN_##name,
	GEN_VERDICTS(GEN_VERDICT_ID)
#undef GEN_VERDICT_ID
		GEN_VERDICT_COUNT
};

extern const struct gen_verdict_table gen_match_verdicts;

/* What a target is asked to do: answer, or send the queries back (to measure the path itself). */
enum gen_expect { GEN_EXPECT_ANSWER, GEN_EXPECT_REFLECTION };

struct gen_match_options {
	enum gen_expect expect;
	uint16_t rcodes;     /* bit r: RCODE r is right */
	bool check_rdata;    /* pattern with a rule for its type: the first answer must follow it */
	uint64_t time_limit; /* in cycles; a reply after it is late */
};

struct gen_slot {
	uint64_t intended_tsc;
	uint32_t question;
	uint32_t state; /* 0 FREE, else round + 1 in the upper 31 bits, ANSWERED in the lowest */
};

struct gen_match {
	const struct gen_frames *frames;
	struct gen_match_options options;
	struct gen_slot *slots;
};

MR_MUST_USE int gen_match_create(struct gen_match *self, const struct gen_frames *frames,
				 const struct gen_match_options *options, struct mr_error *error);
void gen_match_destroy(struct gen_match *self);
/* gen_match_forget frees all slots, between two runs. */
void gen_match_forget(struct gen_match *self);

/* gen_match_take remembers query seq. */
static inline void
gen_match_take(struct gen_match *self, uint64_t seq, uint64_t intended_tsc, uint32_t question)
{
	struct gen_slot *slot = &self->slots[seq & self->frames->slot_mask];

	slot->intended_tsc = intended_tsc;
	slot->question = question;
	slot->state = (uint32_t)((seq >> self->frames->options.slot_bits) + 1) << 1;
}

/* What a reply turned out to be. */
struct gen_reply {
	uint64_t seq;          /* of the query, when it was found */
	uint64_t intended_tsc; /* likewise */
	uint8_t rcode;
	bool found; /* the reply belongs to an outstanding query, which is answered now */
};

/* gen_match_reply judges one frame of frame_bytes that came at now_tsc. The buffer is readable for
 * 64 bytes more. */
MR_HOT MR_NONNULL enum gen_verdict gen_match_reply(struct gen_match *self, const uint8_t *frame,
						   uint32_t frame_bytes, uint64_t now_tsc,
						   struct gen_reply *reply);

/* gen_match_message judges a DNS message that came by another way than a datagram and answers
 * question: its ID and QR are looked at already. Cookies and mixed case are not. The buffer is
 * readable for 64 bytes more. */
MR_NONNULL enum gen_verdict gen_match_message(const struct gen_match *self, const uint8_t *dns,
					      uint32_t dns_bytes, uint32_t question,
					      uint8_t *rcode);

#endif
