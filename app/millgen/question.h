/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/question - what is asked: a pattern with a number in it, or a file of questions.
 *
 * A pattern "h%u.example.com A" stands for count names, and the answer to each is a function of its
 * number, so that a reply can be judged by itself: A is 10.0.0.0 + number, AAAA is 2001:db8:: +
 * number, TXT is the number in decimal. `millgen zone` writes the zone that gives these answers.
 *
 * Owner:  made on the control thread, const after.
 * Thread: any reader. The chooser belongs to the generator core.
 * Memory: a list's questions lie in one block, each padded so that 32-byte copies may overrun.
 * Spec:   RFC 1035 (names), 3597 (TYPEnnn).
 */
#ifndef MILLGEN_QUESTION_H
#define MILLGEN_QUESTION_H

#include "base/base.h"

enum {
	GEN_QUESTION_MAX_BYTES = 255 + 4,
	GEN_QUESTION_PAD_BYTES = 32,
	GEN_DIGITS_MAX = 8,
	GEN_NUMBER_LIMIT = 100000000, /* numbers of a pattern are below this: 8 digits */
	GEN_RDATA_MAX_BYTES = 16,
	GEN_QUESTION_LIST_MAX = 64 << 20,
};

enum gen_qtype { GEN_QTYPE_A = 1, GEN_QTYPE_TXT = 16, GEN_QTYPE_AAAA = 28 };

struct gen_question {
	uint32_t offset; /* in the block */
	uint16_t bytes;  /* QNAME, QTYPE, QCLASS */
	uint16_t sum;    /* folded, from an even offset */
};

struct gen_question_set {
	uint32_t count;
	bool is_pattern;
	/* pattern: head, the number, tail; wire form, with the length of the number's label missing
	 * that of the number */
	uint8_t head[GEN_QUESTION_MAX_BYTES + GEN_QUESTION_PAD_BYTES];
	uint8_t tail[GEN_QUESTION_MAX_BYTES + GEN_QUESTION_PAD_BYTES];
	uint16_t head_bytes, tail_bytes;
	uint16_t label_offset; /* of the length byte that grows with the number */
	uint16_t qtype;
	/* list */
	struct gen_question *list;
	uint8_t *block;
};

/* gen_question_pattern reads "name-with-%u TYPE" (TYPE may be left out: A). */
MR_MUST_USE int gen_question_pattern(struct gen_question_set *self, const char *text,
				     uint32_t count, struct mr_error *error);
/* gen_question_load reads a file of lines "name TYPE", as dnsperf and kxdpgun do; "#" and ";" begin
 * a comment. Errors name file and line. */
MR_MUST_USE int gen_question_load(struct gen_question_set *self, const char *path,
				  struct mr_error *error);
void gen_question_free(struct gen_question_set *self);

/* gen_question_write writes question number index as wire into out and returns its bytes. It is the
 * plain form that templates, and tests, are held against. */
uint16_t gen_question_write(const struct gen_question_set *self, uint32_t index,
			    uint8_t out[GEN_QUESTION_MAX_BYTES]);

/* gen_digits writes number (below GEN_NUMBER_LIMIT) in decimal, first digit in the lowest byte,
 * zeros above the last, and returns how many digits it has: no table, no branch. */
static inline unsigned
gen_digits(uint32_t number, uint64_t *digits)
{
	uint64_t fours = number / 10000 | (uint64_t)(number % 10000) << 32;
	uint64_t hundreds = ((fours * 10486) >> 20) & 0x0000007f0000007full;
	uint64_t twos = (fours - hundreds * 100) << 16 | hundreds;
	uint64_t tens = ((twos * 103) >> 10) & 0x000f000f000f000full;
	uint64_t ones = (twos - tens * 10) << 8 | tens;
	unsigned zeros = (unsigned)__builtin_ctzll(ones | 1ull << 56) / 8;

	*digits = (ones | 0x3030303030303030ull) >> (8 * zeros);
	return 8 - zeros;
}

/* gen_question_bytes returns what gen_question_write would. */
static inline uint16_t
gen_question_bytes(const struct gen_question_set *self, uint32_t index)
{
	uint64_t digits;

	if (!self->is_pattern)
		return self->list[index].bytes;
	return (uint16_t)(self->head_bytes + gen_digits(index, &digits) + self->tail_bytes);
}

/* gen_question_rdata writes the rdata that number has; returns its bytes, 0 when the type has no
 * rule. */
static inline uint16_t
gen_question_rdata(uint16_t qtype, uint32_t number, uint8_t out[GEN_RDATA_MAX_BYTES])
{
	switch (qtype) {
	case GEN_QTYPE_A:
		mr_store_be32(out, 0x0a000000u + number);
		return 4;
	case GEN_QTYPE_AAAA:
		mr_store_be64(out, 0x20010db800000000ull);
		mr_store_be64(out + 8, number);
		return 16;
	default:
		return 0;
	}
}

/* ---- which question next ---- */

enum gen_choice { GEN_CHOICE_SEQUENTIAL, GEN_CHOICE_UNIFORM, GEN_CHOICE_ZIPF, GEN_CHOICE_MISSING };

struct gen_chooser {
	enum gen_choice choice;
	uint32_t count;
	uint32_t next;       /* sequential */
	uint32_t drawn_mask; /* Zipf: a long sequence drawn beforehand, walked round */
	uint32_t *drawn;
};

/* gen_choice_read reads --choose; *choice is the default before. */
MR_MUST_USE int gen_choice_read(const char *how, bool missing_allowed, enum gen_choice *choice,
				double *exponent, struct mr_error *error);
/* gen_chooser_create makes a chooser among count questions; exponent is Zipf's. MISSING gives
 * numbers of a pattern that are not in its zone. */
MR_MUST_USE int gen_chooser_create(struct gen_chooser *self, enum gen_choice choice, uint32_t count,
				   double exponent, uint64_t seed, struct mr_error *error);
void gen_chooser_destroy(struct gen_chooser *self);

/* gen_chooser_at returns a question as a function of seq and 32 random bits of it. */
static inline uint32_t
gen_chooser_at(const struct gen_chooser *self, uint64_t seq, uint32_t random)
{
	switch (self->choice) {
	case GEN_CHOICE_UNIFORM:
		return (uint32_t)((uint64_t)random * self->count >> 32);
	case GEN_CHOICE_MISSING:
		return self->count +
		       (uint32_t)((uint64_t)random * (GEN_NUMBER_LIMIT - self->count) >> 32);
	case GEN_CHOICE_ZIPF:
		return self->drawn[seq & self->drawn_mask];
	case GEN_CHOICE_SEQUENTIAL:
		break;
	}
	return (uint32_t)(seq % self->count);
}

/* gen_chooser_pick returns the question of query seq; random is 32 random bits of that query. */
static inline uint32_t
gen_chooser_pick(struct gen_chooser *self, uint64_t seq, uint32_t random)
{
	if (mr_likely(self->choice != GEN_CHOICE_SEQUENTIAL))
		return gen_chooser_at(self, seq, random);
	random = self->next;
	self->next = random + 1 == self->count ? 0 : random + 1;
	return random;
}

/* gen_mix turns a number into 64 random bits (the finalizer of splitmix64). */
static inline uint64_t
gen_mix(uint64_t x)
{
	x = (x + 0x9e3779b97f4a7c15ull) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 31) * 0x94d049bb133111ebull;
	return x ^ x >> 30;
}

#endif
