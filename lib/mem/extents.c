/* SPDX-License-Identifier: Apache-2.0
 *
 * mem/extents - two-level segregated fit with its books on the heap.
 *
 * Every byte that was taken from the arena lies in just one piece. Pieces are records in one array,
 * chained by address (prev, next); free ones are also chained in their class, used ones in a hash
 * by offset. All sizes and offsets are multiples of a cache line and counted in lines here.
 *
 * (1) No two neighbours that touch are both free.
 * (2) A free piece of n lines lies in class_of(n), and the class's bit is set.
 * (3) A search starts in the first class whose every piece is large enough, so its head fits;
 *     only when there is none is one piece tried of the class that may hold a fit.
 */
#include "mem/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	STEP_BITS = 4, /* classes per power of two: waste by rounding is under 1/16 */
	STEPS = 1 << STEP_BITS,
	CLASS_ROWS = 64 - STEP_BITS,
	LINE_SHIFT = 6,
	GROW_LINES = (2 << 20) >> LINE_SHIFT,
	PIECES_FIRST = 64,
	TRY_MAX = 8, /* pieces looked at in a class that may hold a fit */
};

struct piece {
	uint64_t line, lines;       /* where, how many */
	uint32_t prev, next;        /* by address; 0 is none */
	uint32_t chain_prev, chain; /* free: its class. used: chain is the hash's */
	bool free;
};

struct mr_extents {
	struct mr_arena *arena;
	struct piece *pieces; /* [piece_limit]; record 0 is nobody */
	uint32_t *buckets;    /* [piece_limit], a power of two */
	uint32_t piece_limit, spare, fresh, last;
	uint64_t rows; /* bit r: some class of row r holds pieces */
	uint16_t steps[CLASS_ROWS];
	uint32_t heads[CLASS_ROWS][STEPS];
	struct mr_extents_stats stats;
};

static_assert(sizeof(struct piece) <= 40, "the books stay small");

/* class_of gives the row and step that lines falls into: linear below STEPS, then STEPS a doubling.
 */
static void
class_of(uint64_t lines, unsigned *row, unsigned *step)
{
	unsigned top = 63 - (unsigned)__builtin_clzll(lines);

	if (top < STEP_BITS) {
		*row = 0;
		*step = (unsigned)lines;
		return;
	}
	*row = top - STEP_BITS + 1;
	*step = (unsigned)(lines >> (top - STEP_BITS)) & (STEPS - 1);
}

static void
free_insert(struct mr_extents *self, uint32_t index)
{
	struct piece *piece = &self->pieces[index];
	unsigned row, step;

	class_of(piece->lines, &row, &step);
	piece->free = true;
	piece->chain_prev = 0;
	piece->chain = self->heads[row][step];
	if (piece->chain)
		self->pieces[piece->chain].chain_prev = index;
	self->heads[row][step] = index;
	self->steps[row] |= (uint16_t)(1u << step);
	self->rows |= 1ull << row;
	self->stats.free_pieces++;
	self->stats.free_bytes += piece->lines << LINE_SHIFT;
}

static void
free_remove(struct mr_extents *self, uint32_t index)
{
	struct piece *piece = &self->pieces[index];
	unsigned row, step;

	class_of(piece->lines, &row, &step);
	if (piece->chain)
		self->pieces[piece->chain].chain_prev = piece->chain_prev;
	if (piece->chain_prev)
		self->pieces[piece->chain_prev].chain = piece->chain;
	else
		self->heads[row][step] = piece->chain;
	if (!self->heads[row][step]) {
		self->steps[row] &= (uint16_t) ~(1u << step);
		if (!self->steps[row])
			self->rows &= ~(1ull << row);
	}
	piece->free = false;
	self->stats.free_pieces--;
	self->stats.free_bytes -= piece->lines << LINE_SHIFT;
}

static uint32_t *
bucket_of(const struct mr_extents *self, uint64_t line)
{
	uint64_t mixed = line * 0x9e3779b97f4a7c15ull;

	return &self->buckets[(mixed >> 32) & (self->piece_limit - 1)];
}

static void
used_insert(struct mr_extents *self, uint32_t index)
{
	struct piece *piece = &self->pieces[index];
	uint32_t *bucket = bucket_of(self, piece->line);

	piece->chain = *bucket;
	*bucket = index;
}

/* used_remove takes the piece that starts at line out of the hash; 0 when there is none. */
static uint32_t
used_remove(struct mr_extents *self, uint64_t line)
{
	uint32_t *link = bucket_of(self, line);

	while (*link && self->pieces[*link].line != line)
		link = &self->pieces[*link].chain;
	if (*link) {
		uint32_t index = *link;

		*link = self->pieces[index].chain;
		return index;
	}
	return 0;
}

/* books_grow doubles the records. Used pieces are hashed anew: amortised, one step a piece. */
static int
books_grow(struct mr_extents *self)
{
	uint32_t limit = self->piece_limit ? self->piece_limit * 2 : PIECES_FIRST;
	struct piece *pieces;
	uint32_t *buckets;

	if (limit < self->piece_limit)
		return -ENOMEM;
	buckets = calloc(limit, sizeof(*buckets));
	if (!buckets)
		return -ENOMEM;
	pieces = realloc(self->pieces, limit * sizeof(*pieces));
	if (!pieces) {
		free(buckets);
		return -ENOMEM;
	}
	free(self->buckets);
	self->pieces = pieces;
	self->buckets = buckets;
	self->piece_limit = limit;
	for (uint32_t i = self->last; i; i = pieces[i].prev)
		if (!pieces[i].free)
			used_insert(self, i);
	return 0;
}

/* record_get gives an unused record; the caller made sure by books_ensure that there is one. */
static uint32_t
record_get(struct mr_extents *self)
{
	uint32_t index = self->spare;

	if (index)
		self->spare = self->pieces[index].chain;
	else
		index = self->fresh++;
	MR_ASSERT(index < self->piece_limit);
	return index;
}

static void
record_put(struct mr_extents *self, uint32_t index)
{
	self->pieces[index].chain = self->spare;
	self->spare = index;
}

/* books_ensure makes room for two more records: one growth and one split. */
static int
books_ensure(struct mr_extents *self)
{
	return self->fresh + 2 <= self->piece_limit ? 0 : books_grow(self);
}

static uint32_t
find_fit(const struct mr_extents *self, uint64_t lines)
{
	unsigned row, step;
	uint32_t index;
	uint64_t rows;

	/* The class that lines falls into may hold shorter pieces: look at a few. */
	class_of(lines, &row, &step);
	index = self->heads[row][step];
	for (int i = 0; index && i < TRY_MAX; i++, index = self->pieces[index].chain)
		if (self->pieces[index].lines >= lines)
			return index;
	if (step + 1 < STEPS) {
		unsigned larger = self->steps[row] & ~0u << (step + 1);

		if (larger)
			return self->heads[row][__builtin_ctz(larger)];
	}
	rows = self->rows & ~0ull << (row + 1);
	if (!rows)
		return 0;
	row = (unsigned)__builtin_ctzll(rows);
	return self->heads[row][__builtin_ctz(self->steps[row])];
}

/* extents_grow takes more from the arena, so that one free piece at the end holds lines. What the
 * last piece has free already is counted when the arena continues right behind it. */
static uint32_t
extents_grow(struct mr_extents *self, uint64_t lines)
{
	struct piece *last = &self->pieces[self->last];
	uint64_t end = self->last ? last->line + last->lines : 0, missing = lines, offset, line;
	bool touches = self->last &&
		       end << LINE_SHIFT == mr_round_up(self->arena->taken_bytes, MR_CACHE_LINE);
	uint32_t index;

	if (touches && last->free)
		missing -= last->lines;
	for (uint64_t want = MR_MAX(missing, (uint64_t)GROW_LINES);; want = missing) {
		if (!mr_arena_take(self->arena, want << LINE_SHIFT, MR_CACHE_LINE, &offset)) {
			missing = want;
			break;
		}
		if (want == missing)
			return 0;
	}
	line = offset >> LINE_SHIFT;
	if (touches && last->free && line == end) {
		free_remove(self, self->last);
		last->lines += missing;
		free_insert(self, self->last);
		return self->last;
	}
	index = record_get(self);
	self->pieces[index] = (struct piece){ .line = line, .lines = missing, .prev = self->last };
	if (self->last)
		self->pieces[self->last].next = index;
	self->last = index;
	free_insert(self, index);
	return index;
}

static void
split(struct mr_extents *self, uint32_t index, uint64_t lines)
{
	uint32_t rest = record_get(self);
	struct piece *piece = &self->pieces[index];

	self->pieces[rest] = (struct piece){ .line = piece->line + lines,
					     .lines = piece->lines - lines,
					     .prev = index,
					     .next = piece->next };
	if (piece->next)
		self->pieces[piece->next].prev = rest;
	else
		self->last = rest;
	piece->next = rest;
	piece->lines = lines;
	free_insert(self, rest);
}

static uint64_t
lines_for(uint64_t bytes)
{
	return bytes ? (bytes - 1) / MR_CACHE_LINE + 1 : 1;
}

int
mr_extents_create(struct mr_extents **self, struct mr_arena *arena)
{
	struct mr_extents *made = calloc(1, sizeof(*made));

	if (!made)
		return -ENOMEM;
	made->arena = arena;
	made->fresh = 1;
	made->stats.limit_bytes = arena->reserved_bytes;
	if (books_grow(made)) {
		free(made);
		return -ENOMEM;
	}
	*self = made;
	return 0;
}

int
mr_extents_get(struct mr_extents *self, uint64_t bytes, uint64_t *offset)
{
	uint64_t lines = lines_for(bytes);
	uint32_t index;

	if (bytes > self->arena->reserved_bytes || books_ensure(self))
		return -ENOMEM;
	index = find_fit(self, lines);
	if (!index)
		index = extents_grow(self, lines);
	if (!index)
		return -ENOMEM;
	free_remove(self, index);
	if (self->pieces[index].lines > lines)
		split(self, index, lines);
	used_insert(self, index);
	self->stats.used_pieces++;
	self->stats.used_bytes += lines << LINE_SHIFT;
	self->stats.peak_bytes = MR_MAX(self->stats.peak_bytes, self->stats.used_bytes);
	*offset = self->pieces[index].line << LINE_SHIFT;
	return 0;
}

/* join makes one piece of low and its free neighbour high, and returns low. */
static uint32_t
join(struct mr_extents *self, uint32_t low, uint32_t high)
{
	struct piece *piece = &self->pieces[low], *gone = &self->pieces[high];

	piece->lines += gone->lines;
	piece->next = gone->next;
	if (gone->next)
		self->pieces[gone->next].prev = low;
	else
		self->last = low;
	record_put(self, high);
	return low;
}

static bool
touch(const struct mr_extents *self, uint32_t low, uint32_t high)
{
	return low && high &&
	       self->pieces[low].line + self->pieces[low].lines == self->pieces[high].line;
}

void
mr_extents_put(struct mr_extents *self, uint64_t offset, uint64_t bytes)
{
	uint32_t index = used_remove(self, offset >> LINE_SHIFT), prev, next;

	MR_ASSERT(index && offset % MR_CACHE_LINE == 0); /* given by mr_extents_get, once */
	MR_ASSERT(self->pieces[index].lines == lines_for(bytes));
	self->stats.used_pieces--;
	self->stats.used_bytes -= self->pieces[index].lines << LINE_SHIFT;
	prev = self->pieces[index].prev;
	next = self->pieces[index].next;
	if (touch(self, prev, index) && self->pieces[prev].free) {
		free_remove(self, prev);
		index = join(self, prev, index);
	}
	if (touch(self, index, next) && self->pieces[next].free) {
		free_remove(self, next);
		index = join(self, index, next);
	}
	free_insert(self, index);
}

void
mr_extents_stats(const struct mr_extents *self, struct mr_extents_stats *out)
{
	*out = self->stats;
}

void
mr_extents_destroy(struct mr_extents *self)
{
	if (!self)
		return;
	free(self->pieces);
	free(self->buckets);
	free(self);
}
