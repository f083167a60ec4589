/* SPDX-License-Identifier: Apache-2.0
 *
 * metric/registry - which tables there are, and who writes which block of them.
 *
 * Two lists of the same shape: kinds (a table or a histogram's def) in order of first attachment,
 * each with its scopes in order of attachment. Tens of entries, walked by the control thread only.
 */
#include "metric/metric.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct scope {
	struct scope *next;
	void *values; /* uint64_t[count] or struct mr_histogram */
	char name[MR_NAME_MAX];
};

struct kind {
	struct kind *next;
	const void *def; /* struct mr_metric_table or struct mr_histogram_def */
	struct scope *scopes;
};

struct mr_metric_registry {
	struct kind *tables;
	struct kind *histograms;
};

static void *
zeroed(size_t bytes)
{
	size_t whole = mr_round_up(MR_MAX(bytes, 1), MR_CACHE_LINE);
	void *p = aligned_alloc(MR_CACHE_LINE, whole);

	MR_ASSERT(p); /* boot only: no memory for a few counters means no service */
	return memset(p, 0, whole);
}

/* attach finds or appends def among kinds, and appends scope with values of bytes to it. */
static void *
attach(struct kind **kinds, const void *def, const char *name, size_t bytes)
{
	struct kind **kind = kinds;
	struct scope **scope, *made;
	char kept[MR_NAME_MAX];

	snprintf(kept, sizeof(kept), "%s", name);
	while (*kind && (*kind)->def != def)
		kind = &(*kind)->next;
	if (!*kind) {
		*kind = zeroed(sizeof(**kind));
		(*kind)->def = def;
	}
	for (scope = &(*kind)->scopes; *scope; scope = &(*scope)->next)
		MR_ASSERT(strcmp((*scope)->name, kept)); /* one writer a block */
	made = zeroed(sizeof(*made));
	made->values = zeroed(bytes);
	memcpy(made->name, kept, sizeof(made->name));
	*scope = made;
	return made->values;
}

struct mr_metric_registry *
mr_metric_registry_create(void)
{
	return zeroed(sizeof(struct mr_metric_registry));
}

static void
kinds_free(struct kind *kind)
{
	while (kind) {
		struct kind *next_kind = kind->next;
		struct scope *scope = kind->scopes;

		while (scope) {
			struct scope *next = scope->next;

			free(scope->values);
			free(scope);
			scope = next;
		}
		free(kind);
		kind = next_kind;
	}
}

void
mr_metric_registry_destroy(struct mr_metric_registry *self)
{
	if (!self)
		return;
	kinds_free(self->tables);
	kinds_free(self->histograms);
	free(self);
}

uint64_t *
mr_metric_attach(struct mr_metric_registry *self, const struct mr_metric_table *table,
		 const char *scope)
{
	return attach(&self->tables, table, scope, table->count * sizeof(uint64_t));
}

struct mr_histogram *
mr_metric_attach_histogram(struct mr_metric_registry *self, const struct mr_histogram_def *def,
			   const char *scope)
{
	return attach(&self->histograms, def, scope, sizeof(struct mr_histogram));
}

void
mr_metric_visit(const struct mr_metric_registry *self,
		void (*visit)(void *context, const struct mr_metric_table *table,
			      const struct mr_metric_def *def, const char *scope, uint64_t value),
		void *context)
{
	for (const struct kind *kind = self->tables; kind; kind = kind->next) {
		const struct mr_metric_table *table = kind->def;

		for (unsigned i = 0; i < table->count; i++)
			for (const struct scope *s = kind->scopes; s; s = s->next)
				visit(context, table, &table->defs[i], s->name,
				      mr_metric_read(s->values, i));
	}
}

uint64_t
mr_metric_sum(const struct mr_metric_registry *self, const struct mr_metric_table *table,
	      unsigned index)
{
	const struct kind *kind = self->tables;
	uint64_t sum = 0;

	MR_ASSERT(index < table->count);
	while (kind && kind->def != table)
		kind = kind->next;
	for (const struct scope *s = kind ? kind->scopes : NULL; s; s = s->next)
		sum += mr_metric_read(s->values, index);
	return sum;
}

void
mr_metric_visit_histograms(const struct mr_metric_registry *self,
			   void (*visit)(void *context, const struct mr_histogram_def *def,
					 const char *scope, const struct mr_histogram *histogram),
			   void *context)
{
	for (const struct kind *kind = self->histograms; kind; kind = kind->next)
		for (const struct scope *s = kind->scopes; s; s = s->next)
			visit(context, kind->def, s->name, s->values);
}

const char *
mr_metric_unit_name(enum mr_metric_unit unit)
{
	switch (unit) {
	case MR_UNIT_NONE:
		return "";
	case MR_UNIT_FRAMES:
		return "frames";
	case MR_UNIT_PACKETS:
		return "packets";
	case MR_UNIT_QUERIES:
		return "queries";
	case MR_UNIT_BYTES:
		return "bytes";
	case MR_UNIT_EVENTS:
		return "events";
	case MR_UNIT_CONNECTIONS:
		return "connections";
	case MR_UNIT_SEGMENTS:
		return "segments";
	case MR_UNIT_REQUESTS:
		return "requests";
	case MR_UNIT_TURNS:
		return "turns";
	case MR_UNIT_NANOSECONDS:
		return "nanoseconds";
	case MR_UNIT_SECONDS:
		return "seconds";
	case MR_UNIT_OBJECTS:
		return "objects";
	}
	return "";
}
