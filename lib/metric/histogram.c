/* SPDX-License-Identifier: Apache-2.0
 *
 * metric/histogram - the reader's side: bounds, merging, quantiles.
 */
#include "metric/metric.h"

enum { STEPS = 1 << MR_HISTOGRAM_STEP_BITS };

uint64_t
mr_histogram_lower(unsigned bucket)
{
	unsigned group = bucket >> MR_HISTOGRAM_STEP_BITS;
	uint64_t step = bucket & (STEPS - 1);

	MR_ASSERT(bucket < MR_HISTOGRAM_BUCKETS);
	return group ? (STEPS + step) << (group - 1) : step;
}

uint64_t
mr_histogram_upper(unsigned bucket)
{
	return bucket == MR_HISTOGRAM_BUCKETS - 1 ? UINT64_MAX : mr_histogram_lower(bucket + 1);
}

void
mr_histogram_merge(struct mr_histogram *self, const struct mr_histogram *from)
{
	self->sum += __atomic_load_n(&from->sum, __ATOMIC_RELAXED);
	self->max = MR_MAX(self->max, __atomic_load_n(&from->max, __ATOMIC_RELAXED));
	for (unsigned i = 0; i < MR_HISTOGRAM_BUCKETS; i++)
		self->counts[i] += __atomic_load_n(&from->counts[i], __ATOMIC_RELAXED);
}

uint64_t
mr_histogram_count(const struct mr_histogram *self)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < MR_HISTOGRAM_BUCKETS; i++)
		count += __atomic_load_n(&self->counts[i], __ATOMIC_RELAXED);
	return count;
}

uint64_t
mr_histogram_quantile(const struct mr_histogram *self, double q)
{
	uint64_t count = mr_histogram_count(self), seen = 0, rank;
	uint64_t max = __atomic_load_n(&self->max, __ATOMIC_RELAXED);
	double exact = q * (double)count;

	if (!count)
		return 0;
	rank = exact > 0 ? (uint64_t)exact : 0;
	if ((double)rank < exact)
		rank++;
	rank = MR_MIN(MR_MAX(rank, 1ull), count);
	for (unsigned i = 0; i < MR_HISTOGRAM_BUCKETS - 1; i++) {
		seen += __atomic_load_n(&self->counts[i], __ATOMIC_RELAXED);
		if (seen >= rank)
			return MR_MIN(mr_histogram_upper(i) - 1, max);
	}
	return max;
}
