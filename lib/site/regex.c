/* SPDX-License-Identifier: Apache-2.0
 *
 * site/regex - the regular expressions of all sites in one Hyperscan database.
 *
 * One scan of the path tells all that match; the first of the site's in the order of the file is
 * taken. Each worker has scratch of its own, made with the set.
 */
#include <errno.h>
#include <hs/hs.h>
#include <stdlib.h>
#include <string.h>

#include "site_int.h"

struct site_regexes {
	hs_database_t *database;
	hs_scratch_t *scratch[MR_WORKER_MAX];
	uint32_t worker_count;
	uint32_t count;
	struct {
		uint32_t site;
		const struct site_route *route;
	} entries[];
};

struct regex_search {
	const struct site_regexes *regexes;
	uint32_t site;
	uint32_t best; /* the lowest number so far */
};

void
site_regexes_free(struct site_regexes *self)
{
	if (!self)
		return;
	for (uint32_t i = 0; i < self->worker_count; i++)
		(void)hs_free_scratch(self->scratch[i]);
	(void)hs_free_database(self->database);
	free(self);
}

static int
scratch_make(struct site_regexes *self, uint32_t worker_count)
{
	for (uint32_t i = 0; i < worker_count; i++) {
		if (hs_alloc_scratch(self->database, &self->scratch[i]) != HS_SUCCESS)
			return -ENOMEM;
		self->worker_count++;
	}
	return 0;
}

static int
compile(struct site_regexes *self, const char *const *texts, struct mr_error *error)
{
	hs_compile_error_t *fault = NULL;
	unsigned *flags = calloc(self->count, sizeof(*flags));
	unsigned *numbers = calloc(self->count, sizeof(*numbers));
	int rc = flags && numbers ? 0 : mr_error_set(error, -ENOMEM, "out of memory for sites");

	for (uint32_t i = 0; !rc && i < self->count; i++) {
		flags[i] = HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY | HS_FLAG_DOTALL;
		numbers[i] = i;
	}
	if (!rc && hs_compile_multi(texts, flags, numbers, self->count, HS_MODE_BLOCK, NULL,
				    &self->database, &fault) != HS_SUCCESS) {
		rc = mr_error_set(error, -EINVAL, "regex %s: %s",
				  fault->expression >= 0 ? texts[fault->expression] : "",
				  fault->message);
		(void)hs_free_compile_error(fault);
	}
	free(flags);
	free(numbers);
	return rc;
}

int
site_regexes_build(struct mr_site_set *self, const struct mr_site_config *sites,
		   uint32_t worker_count, struct mr_error *error)
{
	struct site_regexes *regexes;
	const char **texts;
	uint32_t count = 0, most = 0;
	int rc;

	for (uint32_t i = 0; i < self->site_count; i++)
		most += self->sites[i].route_count;
	regexes = calloc(1, sizeof(*regexes) + most * sizeof(regexes->entries[0]));
	texts = calloc(most + 1, sizeof(*texts));
	if (!regexes || !texts) {
		free(regexes);
		free(texts);
		return mr_error_set(error, -ENOMEM, "out of memory for sites");
	}
	for (uint32_t i = 0; i < self->site_count; i++)
		for (uint32_t k = 0; k < self->sites[i].route_count; k++) {
			if (!sites[i].routes[k].regex)
				continue;
			texts[count] = sites[i].routes[k].regex;
			regexes->entries[count].site = i;
			regexes->entries[count++].route = &self->sites[i].routes[k];
			self->sites[i].has_regex = true;
		}
	regexes->count = count;
	self->regexes = regexes;
	rc = count ? compile(regexes, texts, error) : 0;
	if (!rc && count && scratch_make(regexes, worker_count))
		rc = mr_error_set(error, -ENOMEM, "out of memory for sites");
	free(texts);
	return rc;
}

static int
regex_matched(unsigned number, unsigned long long from, unsigned long long to, unsigned flags,
	      void *context)
{
	struct regex_search *search = context;

	(void)from;
	(void)to;
	(void)flags;
	if (search->regexes->entries[number].site == search->site)
		search->best = MR_MIN(search->best, number);
	return 0;
}

const struct site_route *
site_regex_find(const struct mr_site_set *self, uint32_t site, const uint8_t *path,
		size_t path_bytes, uint32_t worker)
{
	const struct site_regexes *regexes = self->regexes;
	struct regex_search search = { regexes, site, UINT32_MAX };

	if (hs_scan(regexes->database, (const char *)path, (unsigned)path_bytes, 0,
		    regexes->scratch[worker], regex_matched, &search) != HS_SUCCESS ||
	    search.best == UINT32_MAX)
		return NULL;
	return regexes->entries[search.best].route;
}
