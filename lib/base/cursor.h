/* SPDX-License-Identifier: Apache-2.0
 *
 * base/cursor - sticky-error reading and writing of byte strings in network order.
 *
 * A failed read returns zero and sets `failed`; all later calls fail too. So a parser reads
 * straight down and asks once, at the end, whether every byte was there.
 *
 * Owner: the caller, on its stack. Thread: any. Memory: borrows [at .. end).
 */
#ifndef MR_BASE_CURSOR_H
#define MR_BASE_CURSOR_H

#include <string.h>

#include "base/types.h"

struct mr_cursor {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

struct mr_writer {
	uint8_t *at;
	uint8_t *end;
	bool failed;
};

static inline struct mr_cursor
mr_cursor_over(const void *bytes, size_t byte_count)
{
	return (struct mr_cursor){ (const uint8_t *)bytes, (const uint8_t *)bytes + byte_count,
				   false };
}

static inline size_t
mr_cursor_left(const struct mr_cursor *self)
{
	return (size_t)(self->end - self->at);
}

/* mr_cursor_take returns the next byte_count bytes and steps over them, or NULL when they are not
 * there. */
static inline const uint8_t *
mr_cursor_take(struct mr_cursor *self, size_t byte_count)
{
	const uint8_t *taken = self->at;

	if (mr_unlikely(self->failed || mr_cursor_left(self) < byte_count)) {
		self->failed = true;
		return NULL;
	}
	self->at += byte_count;
	return taken;
}

static inline uint8_t
mr_cursor_u8(struct mr_cursor *self)
{
	const uint8_t *p = mr_cursor_take(self, 1);

	return p ? p[0] : 0;
}

static inline uint16_t
mr_load_be16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap16(v);
}

static inline uint32_t
mr_load_be32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

static inline uint64_t
mr_load_be64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap64(v);
}

static inline void
mr_store_be16(void *p, uint16_t v)
{
	v = __builtin_bswap16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void
mr_store_be32(void *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void
mr_store_be64(void *p, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, sizeof(v));
}

static inline uint16_t
mr_cursor_be16(struct mr_cursor *self)
{
	const uint8_t *p = mr_cursor_take(self, 2);

	return p ? mr_load_be16(p) : 0;
}

static inline uint32_t
mr_cursor_be32(struct mr_cursor *self)
{
	const uint8_t *p = mr_cursor_take(self, 4);

	return p ? mr_load_be32(p) : 0;
}

static inline struct mr_writer
mr_writer_over(void *bytes, size_t room_bytes)
{
	return (struct mr_writer){ (uint8_t *)bytes, (uint8_t *)bytes + room_bytes, false };
}

static inline size_t
mr_writer_room(const struct mr_writer *self)
{
	return (size_t)(self->end - self->at);
}

/* mr_writer_reserve returns room for byte_count bytes and steps over it, or NULL when there is not
 * enough. */
static inline uint8_t *
mr_writer_reserve(struct mr_writer *self, size_t byte_count)
{
	uint8_t *reserved = self->at;

	if (mr_unlikely(self->failed || mr_writer_room(self) < byte_count)) {
		self->failed = true;
		return NULL;
	}
	self->at += byte_count;
	return reserved;
}

static inline void
mr_writer_u8(struct mr_writer *self, uint8_t v)
{
	uint8_t *p = mr_writer_reserve(self, 1);

	if (p)
		p[0] = v;
}

static inline void
mr_writer_be16(struct mr_writer *self, uint16_t v)
{
	uint8_t *p = mr_writer_reserve(self, 2);

	if (p)
		mr_store_be16(p, v);
}

static inline void
mr_writer_be32(struct mr_writer *self, uint32_t v)
{
	uint8_t *p = mr_writer_reserve(self, 4);

	if (p)
		mr_store_be32(p, v);
}

static inline void
mr_writer_bytes(struct mr_writer *self, const void *bytes, size_t byte_count)
{
	uint8_t *p = mr_writer_reserve(self, byte_count);

	if (p)
		memcpy(p, bytes, byte_count);
}

#endif
