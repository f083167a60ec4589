/* SPDX-License-Identifier: Apache-2.0
 *
 * site/memory - pieces that are made one by one and freed together.
 */
#include <stdlib.h>
#include <string.h>

#include "site_int.h"

enum { BLOCK_BYTES = 64 << 10, PIECE_ALIGN = 16 };

struct site_block {
	struct site_block *next;
	uint64_t reserved; /* so that pieces are aligned */
};

void *
site_memory_take(struct site_memory *self, size_t bytes)
{
	struct site_block *block;
	size_t room;
	uint8_t *piece;

	bytes = mr_round_up(MR_MAX(bytes, (size_t)1), PIECE_ALIGN);
	if (bytes > (size_t)(self->end - self->at)) {
		room = MR_MAX(bytes, (size_t)BLOCK_BYTES);
		block = calloc(1, sizeof(*block) + room);
		if (!block) {
			self->failed = true;
			return NULL;
		}
		block->next = self->blocks;
		self->blocks = block;
		self->at = (uint8_t *)(block + 1);
		self->end = self->at + room;
	}
	piece = self->at;
	self->at += bytes;
	return piece;
}

void
site_memory_free(struct site_memory *self)
{
	while (self->blocks) {
		struct site_block *next = self->blocks->next;

		free(self->blocks);
		self->blocks = next;
	}
	*self = (struct site_memory){ 0 };
}

struct site_text
site_text_copy(struct site_memory *memory, const void *bytes, size_t byte_count)
{
	uint8_t *copy = site_memory_take(memory, byte_count);

	if (!copy)
		return (struct site_text){ NULL, 0 };
	if (byte_count)
		memcpy(copy, bytes, byte_count);
	return (struct site_text){ copy, (uint32_t)byte_count };
}
