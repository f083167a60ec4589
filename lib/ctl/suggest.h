/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/suggest - "did you mean": the nearest of some words to what was written.
 *
 * Owner: nobody. Thread: any. Memory: none.
 * Source: optimal string alignment distance (insert, delete, replace, swap of neighbours).
 */
#ifndef MR_CTL_SUGGEST_H
#define MR_CTL_SUGGEST_H

#include "base/base.h"

enum { MR_SUGGEST_BYTES = 48 /* longer words are nobody's neighbours */ };

/* mr_suggest_distance counts the edits between two words; UINT_MAX when one is too long. */
unsigned mr_suggest_distance(const char *a, const char *b);

/* A search: offer every candidate, then ask for best (NULL when none is near enough: at most a
 * third of the written word's letters, and at least one, may differ). */
struct mr_suggest {
	const char *written;
	const char *best;
	unsigned best_distance;
};

struct mr_suggest mr_suggest_start(const char *written);
void mr_suggest_offer(struct mr_suggest *self, const char *candidate);

#endif
