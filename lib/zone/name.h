/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/name - a name on the data path: lower-cased once, every suffix hashed in the same pass.
 *
 * A name of n labels has n + 1 suffixes; suffix d is the ancestor that has d labels (suffix 0 is
 * the root, suffix n the name itself). Labels are folded from the root down, so hash[d] falls out
 * for every d, and a missing name costs no more hashing than one that exists.
 *
 * Owner: the caller, on its stack. Thread: any. Memory: the struct; nothing is kept of the wire.
 * Spec:  RFC 1035 3.1 (labels, 255 bytes), RFC 4343 (case: A-Z only, and any octet may occur).
 */
#ifndef MR_ZONE_NAME_H
#define MR_ZONE_NAME_H

#include <immintrin.h>
#include <string.h>

#include "base/base.h"

enum {
	MR_ZONE_NAME_BYTES = 255,
	MR_ZONE_LABEL_BYTES = 63,
	MR_ZONE_LABELS = 127,
	MR_ZONE_NAME_STEP_BYTES = 32, /* lower-casing and comparing go by this many */
};

struct mr_zone_name {
	uint8_t bytes;  /* with the root label */
	uint8_t labels; /* without it */
	uint8_t offsets[MR_ZONE_LABELS +
			1]; /* offsets[i]: of label i from the left; [labels]: root */
	uint64_t hash[MR_ZONE_LABELS + 1]; /* hash[d]: of the suffix of d labels */
	uint8_t lower[256 + MR_ZONE_NAME_STEP_BYTES];
};

/* mr_zone_prefetch fetches the line at p. Not __builtin_prefetch: gcc 12 takes a function that does
 * nothing else for pure and drops the call. */
static inline void
mr_zone_prefetch(const void *p)
{
	__asm__ volatile("prefetcht0 %0" : : "m"(*(const char *)p));
}

/* mr_zone_prefetch_bytes fetches the lines of byte_count bytes. */
static inline void
mr_zone_prefetch_bytes(const void *p, unsigned byte_count)
{
	const uint8_t *at = p, *last = at + byte_count - 1;

	for (; at < last; at += MR_CACHE_LINE)
		mr_zone_prefetch(at);
	mr_zone_prefetch(last);
}

/* mr_zone_name_at returns the offset in the name where its suffix of that many labels starts. */
static inline unsigned
mr_zone_name_at(const struct mr_zone_name *self, unsigned labels)
{
	return self->offsets[self->labels - labels];
}

/* mr_zone_lower32 lower-cases 32 bytes. Length octets (at most 63) are below 'A' and stay as they
 * are, so a whole wire name can go through. */
static inline void
mr_zone_lower32(uint8_t *to, const uint8_t *from)
{
	__m256i v = _mm256_loadu_si256((const __m256i *)(const void *)from);
	/* Signed compare: move 'A'..'Z' to the bottom of the signed range. */
	__m256i moved = _mm256_add_epi8(v, _mm256_set1_epi8((char)(0x80 - 'A')));
	__m256i upper = _mm256_cmpgt_epi8(_mm256_set1_epi8((char)(-128 + 26)), moved);

	v = _mm256_or_si256(v, _mm256_and_si256(upper, _mm256_set1_epi8(0x20)));
	_mm256_storeu_si256((__m256i *)(void *)to, v);
}

/* mr_zone_same compares byte_count bytes; both sides are readable up to the next multiple of 32. */
static inline bool
mr_zone_same(const uint8_t *a, const uint8_t *b, unsigned byte_count)
{
	for (; byte_count > 32; byte_count -= 32, a += 32, b += 32) {
		__m256i x = _mm256_loadu_si256((const __m256i *)(const void *)a);
		__m256i y = _mm256_loadu_si256((const __m256i *)(const void *)b);

		if (_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, y)) != -1)
			return false;
	}
	__m256i x = _mm256_loadu_si256((const __m256i *)(const void *)a);
	__m256i y = _mm256_loadu_si256((const __m256i *)(const void *)b);
	uint32_t same = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, y));

	return _bzhi_u32(~same, byte_count) == 0;
}

/* mr_zone_label_fold folds one lower-cased label (with its length octet) into state. Eight bytes
 * behind the label must be readable. */
static inline uint64_t
mr_zone_label_fold(uint64_t state, const struct mr_hash_key *key, const uint8_t *label)
{
	unsigned left = label[0] + 1u;
	uint64_t input;

	for (; left > 8; left -= 8, label += 8) {
		memcpy(&input, label, 8);
		state = mr_hash_fold(state, input ^ key->k1);
	}
	memcpy(&input, label, 8);
	return mr_hash_fold(state, _bzhi_u64(input, left * 8) ^ key->k1);
}

/* mr_zone_name_scan reads one uncompressed name at wire, of at most wire_bytes, and fills self.
 * readable_bytes (>= wire_bytes) may be touched. Returns the bytes that the name has, or 0 when it
 * is malformed: it runs past the end, is longer than 255 bytes, or has a compression pointer or
 * another label type. */
static inline unsigned
mr_zone_name_scan(struct mr_zone_name *self, const struct mr_hash_key *key, const uint8_t *wire,
		  size_t wire_bytes, size_t readable_bytes)
{
	unsigned bound = (unsigned)MR_MIN(wire_bytes, (size_t)MR_ZONE_NAME_BYTES);
	unsigned at = 0, labels = 0;
	uint64_t state = key->k0;

	for (;;) {
		if (mr_unlikely(at >= bound || wire[at] > MR_ZONE_LABEL_BYTES))
			return 0;
		self->offsets[labels] = (uint8_t)at;
		if (wire[at] == 0)
			break;
		at += wire[at] + 1u;
		labels++; /* at most 127: each label takes two bytes of 254 */
	}
	at++;
	self->bytes = (uint8_t)at;
	self->labels = (uint8_t)labels;
	if (mr_unlikely(readable_bytes < mr_round_up(at, MR_ZONE_NAME_STEP_BYTES))) {
		memcpy(self->lower, wire, at);
		wire = self->lower;
	}
	for (unsigned i = 0; i < at; i += MR_ZONE_NAME_STEP_BYTES)
		mr_zone_lower32(self->lower + i, wire + i);
	self->hash[0] = state;
	for (unsigned d = 1; d <= labels; d++) {
		state = mr_zone_label_fold(state, key, self->lower + self->offsets[labels - d]);
		self->hash[d] = state;
	}
	return at;
}

#endif
