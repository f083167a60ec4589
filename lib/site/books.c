/* SPDX-License-Identifier: Apache-2.0
 *
 * site/books - see books.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "site_int.h"

struct mr_site_books {
	/* owner: ctl */
	uint32_t name_count; /* page 0's among them */
	char names[MR_SITE_BOOK_MAX][MR_NAME_MAX];
	/* const after create; pages: owner: worker; reader: any */
	uint16_t worker_count;
	struct mr_site_page *pages[MR_WORKER_MAX];
};

struct mr_site_books *
mr_site_books_create(uint16_t worker_count, struct mr_error *error)
{
	const size_t bytes = MR_SITE_BOOK_MAX * sizeof(struct mr_site_page);
	struct mr_site_books *self = calloc(1, sizeof(*self));

	for (uint16_t i = 0; self && i < worker_count; i++) {
		self->pages[i] = aligned_alloc(MR_CACHE_LINE, bytes);
		if (!self->pages[i]) {
			mr_site_books_destroy(self);
			self = NULL;
			break;
		}
		memset(self->pages[i], 0, bytes);
	}
	if (!self) {
		mr_error_set(error, -ENOMEM, "no memory for the counters of sites");
		return NULL;
	}
	self->worker_count = worker_count;
	strcpy(self->names[0], "(others)");
	self->name_count = 1;
	return self;
}

void
mr_site_books_destroy(struct mr_site_books *self)
{
	if (!self)
		return;
	for (uint16_t i = 0; i < MR_WORKER_MAX; i++)
		free(self->pages[i]);
	free(self);
}

/* name_find gives the page of a name; 0: it has none of its own. */
static uint32_t
name_find(const struct mr_site_books *self, const char *name)
{
	for (uint32_t i = 1; i < self->name_count; i++)
		if (!strcmp(self->names[i], name))
			return i;
	return 0;
}

void
mr_site_books_assign(struct mr_site_books *self, struct mr_site_set *set)
{
	for (uint32_t i = 0; i < set->site_count; i++) {
		const char *name = (const char *)set->sites[i].name.bytes;
		uint32_t page = name_find(self, name);

		if (!page && self->name_count < MR_SITE_BOOK_MAX) {
			page = self->name_count++;
			strcpy(self->names[page], name); /* both are MR_NAME_MAX */
		}
		set->sites[i].page = page;
	}
}

struct mr_site_page *
mr_site_books_pages(struct mr_site_books *self, uint16_t worker)
{
	return self->pages[worker];
}

static uint64_t
load(const uint64_t *value)
{
	return __atomic_load_n(value, __ATOMIC_RELAXED);
}

void
mr_site_books_sum(const struct mr_site_books *self, const char *name, struct mr_site_page *out)
{
	uint32_t page = name_find(self, name);

	*out = (struct mr_site_page){ 0 };
	for (uint16_t w = 0; w < self->worker_count; w++) {
		const struct mr_site_page *from = &self->pages[w][page];

		for (int i = 0; i < MR_SITE_COUNTS; i++)
			out->counts[i] += load(&from->counts[i]);
		for (int i = 0; i < MR_SITE_BOOK_BUCKETS; i++)
			out->times[i] += load(&from->times[i]);
	}
}

uint64_t
mr_site_page_quantile(const struct mr_site_page *self, double q)
{
	uint64_t total = 0, seen = 0;

	for (int i = 0; i < MR_SITE_BOOK_BUCKETS; i++)
		total += self->times[i];
	for (int i = 0; total && i < MR_SITE_BOOK_BUCKETS; i++) {
		seen += self->times[i];
		if ((double)seen >= q * (double)total)
			return 1ull << (10 + i);
	}
	return 0;
}
