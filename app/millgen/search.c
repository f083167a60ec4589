/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/search - halving between good and bad.
 */
#include "search.h"

uint64_t
gen_search_highest(int (*trial)(void *context, uint64_t rate_qps, struct gen_trial *out),
		   void *context, bool *flood_is_best, int *code)
{
	struct gen_trial flood = { 0 }, at;
	uint64_t low = 0, high, rate;

	*flood_is_best = false;
	*code = trial(context, 0, &flood);
	if (*code || flood.sent_qps < 1)
		return 0;
	high = (uint64_t)flood.sent_qps;
	if (flood.good) {
		*flood_is_best = true;
		low = high;
	}
	/* What a flooded target still answers is near what it can: a good first guess. */
	rate = (uint64_t)(flood.answered_qps * 0.98);
	if (rate < 1 || rate >= high)
		rate = high / 2;
	for (unsigned i = 0; i < GEN_SEARCH_TRIALS_MAX && rate; i++) {
		if (high - low <= high / 50)
			break;
		*code = trial(context, rate, &at);
		if (*code)
			return 0;
		if (at.good)
			low = rate;
		else
			high = rate;
		/* The first failures step down gently: the guess was near. */
		rate = low ? low + (high - low) / 2 : high - high / 8 - (i > 3 ? high / 3 : 0);
	}
	return low;
}
