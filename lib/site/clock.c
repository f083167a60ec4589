/* SPDX-License-Identifier: Apache-2.0
 *
 * site/clock - Date is written once a second by one thread and read by many.
 */
#include <string.h>

#include "site_int.h"

void
mr_site_clock_tick(struct mr_site_clock *self, int64_t now_s)
{
	char text[sizeof(self->date)] = { 0 };
	uint64_t words[MR_ARRAY_COUNT(self->date)];
	uint32_t sequence = self->sequence;

	if (sequence && self->now_s == now_s)
		return;
	mr_http_date_format(now_s, text);
	memcpy(words, text, sizeof(words));
	__atomic_store_n(&self->sequence, sequence + 1, __ATOMIC_RELAXED);
	/* forbids the words to be seen before the odd sequence */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	__atomic_store_n(&self->now_s, now_s, __ATOMIC_RELAXED);
	for (size_t i = 0; i < MR_ARRAY_COUNT(words); i++)
		__atomic_store_n(&self->date[i], words[i], __ATOMIC_RELAXED);
	__atomic_store_n(&self->sequence, sequence + 2, __ATOMIC_RELEASE);
}

void
mr_site_clock_follow(struct mr_site_clock *self, const struct mr_site_clock *group)
{
	uint32_t sequence = __atomic_load_n(&group->sequence, __ATOMIC_ACQUIRE);
	struct mr_site_clock seen = { .sequence = sequence };

	if (mr_likely(sequence == self->sequence) || sequence & 1)
		return;
	seen.now_s = __atomic_load_n(&group->now_s, __ATOMIC_RELAXED);
	for (size_t i = 0; i < MR_ARRAY_COUNT(seen.date); i++)
		seen.date[i] = __atomic_load_n(&group->date[i], __ATOMIC_RELAXED);
	/* forbids the loads above to come after the second look at the sequence */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (__atomic_load_n(&group->sequence, __ATOMIC_RELAXED) == sequence)
		*self = seen;
}
