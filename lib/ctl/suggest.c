/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/suggest - three rows of the alignment matrix are enough.
 */
#include "ctl/suggest.h"

#include <limits.h>
#include <string.h>

unsigned
mr_suggest_distance(const char *a, const char *b)
{
	size_t a_bytes = strlen(a), b_bytes = strlen(b);
	unsigned rows[3][MR_SUGGEST_BYTES + 1];

	if (a_bytes > MR_SUGGEST_BYTES || b_bytes > MR_SUGGEST_BYTES)
		return UINT_MAX;
	for (size_t j = 0; j <= b_bytes; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a_bytes; i++) {
		unsigned *row = rows[i % 3];
		const unsigned *above = rows[(i + 2) % 3], *second = rows[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_bytes; j++) {
			unsigned replace = above[j - 1] + (a[i - 1] != b[j - 1]);
			unsigned best = MR_MIN(MR_MIN(above[j], row[j - 1]) + 1, replace);

			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = MR_MIN(best, second[j - 2] + 1);
			row[j] = best;
		}
	}
	return rows[a_bytes % 3][b_bytes];
}

struct mr_suggest
mr_suggest_start(const char *written)
{
	size_t third = strlen(written) / 3;

	return (struct mr_suggest){ written, NULL, (unsigned)MR_MAX(third, (size_t)1) + 1 };
}

void
mr_suggest_offer(struct mr_suggest *self, const char *candidate)
{
	unsigned distance = mr_suggest_distance(self->written, candidate);

	if (distance < self->best_distance) {
		self->best = candidate;
		self->best_distance = distance;
	}
}
