/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/search - the highest rate that a target answers, by trials.
 *
 * Flood first: what the generator can send is the upper end, and what was answered of it the first
 * guess. Then up or down in growing strides, and halving, until the highest good and the lowest bad
 * rate are within 2 %. A trial is good when the loss is in the limit
 * and the generator kept its schedule.
 *
 * Owner:  the caller. Thread: the control thread; pure, trials are made by a callback.
 * Memory: none.
 */
#ifndef MILLGEN_SEARCH_H
#define MILLGEN_SEARCH_H

#include "base/base.h"

enum { GEN_SEARCH_TRIALS_MAX = 16, GEN_SEARCH_CONFIRM_MAX = 6 };

struct gen_trial {
	double sent_qps, answered_qps;
	bool good;
};

/* gen_search_highest makes trials (rate 0 is a flood) and returns the highest good rate, 0 when
 * none was. trial returns 0, or a negative errno that ends the search and is stored in *code.
 * flood_is_best tells that a flood was good: the target takes all that the generator gives. */
uint64_t gen_search_highest(int (*trial)(void *context, uint64_t rate_qps, struct gen_trial *out),
			    void *context, bool *flood_is_best, int *code);

#endif
