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
	double up = 0.08, down = 0.1;

	*flood_is_best = false;
	*code = trial(context, 0, &flood);
	if (*code || flood.sent_qps < 1)
		return 0;
	high = (uint64_t)flood.sent_qps;
	if (flood.good) {
		*flood_is_best = true;
		low = high;
	}
	/* What a flooded target still answers is near what it can: a good first guess. From there
	 * up in growing strides, or down likewise, until the answer lies between two near rates. */
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
		if (!low)
			rate = high - (uint64_t)((double)high * MR_MIN(down, 0.5));
		else if ((double)high > (double)low * (1 + 2 * up))
			rate = low + (uint64_t)((double)low * up);
		else
			rate = low + (high - low) / 2;
		up *= low ? 2 : 1;
		down *= 2;
	}
	return low;
}
