/* SPDX-License-Identifier: Apache-2.0
 *
 * site/books - what each site has answered, counted by each worker for itself.
 *
 * A site keeps its page under its name, whatever is reloaded; a name is never forgotten. Names
 * beyond MR_SITE_BOOK_MAX share page 0, "(others)".
 *
 * Owner:  names: the control thread; page i of worker w: that worker.
 * Thread: counts are single-writer relaxed; any thread reads.
 * Memory: the heap, at boot: 256 bytes for each page.
 * Spec:   none: ours.
 */
#ifndef MR_SITE_BOOKS_H
#define MR_SITE_BOOKS_H

#include "base/base.h"

enum {
	MR_SITE_BOOK_MAX = 1024, /* pages, page 0 among them */
	MR_SITE_BOOK_BUCKETS = 24,
};

enum mr_site_count {
	MR_SITE_COUNT_REQUEST,
	MR_SITE_COUNT_2XX,
	MR_SITE_COUNT_3XX,
	MR_SITE_COUNT_4XX,
	MR_SITE_COUNT_5XX,
	MR_SITE_COUNT_BYTE, /* heads and content */
	MR_SITE_COUNTS,
};

struct mr_site_page {
	uint64_t counts[MR_SITE_COUNTS];
	/* How long requests took, from their first octet to their answer: bucket b is below 2^(10 +
	 * b) ns, the last one open above. */
	uint64_t times[MR_SITE_BOOK_BUCKETS];
	uint64_t reserved[2];
};
static_assert(sizeof(struct mr_site_page) == 256, "whole cache lines");

struct mr_site_books;
struct mr_site_set;

MR_MUST_USE struct mr_site_books *mr_site_books_create(uint16_t worker_count,
						       struct mr_error *error);
void mr_site_books_destroy(struct mr_site_books *self); /* NULL is fine */

/* mr_site_books_assign gives each site of a set, before it is published, its page. */
void mr_site_books_assign(struct mr_site_books *self, struct mr_site_set *set);

/* mr_site_books_pages is where a worker counts: MR_SITE_BOOK_MAX pages. */
struct mr_site_page *mr_site_books_pages(struct mr_site_books *self, uint16_t worker);

/* mr_site_books_sum adds up the pages of a site's name in all workers. */
void mr_site_books_sum(const struct mr_site_books *self, const char *name,
		       struct mr_site_page *out);

/* mr_site_page_quantile is the upper end of the bucket that holds quantile q; 0 when empty. */
uint64_t mr_site_page_quantile(const struct mr_site_page *self, double q);

static inline unsigned
mr_site_book_bucket(uint64_t spent_ns)
{
	uint64_t micro = spent_ns >> 10;
	unsigned bits = micro ? 64 - (unsigned)__builtin_clzll(micro) : 0;

	return MR_MIN(bits, (unsigned)MR_SITE_BOOK_BUCKETS - 1);
}

#endif
