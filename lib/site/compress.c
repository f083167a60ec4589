/* SPDX-License-Identifier: Apache-2.0
 *
 * site/compress - texts in the codings that clients take. Loader threads, once for each file.
 *
 * Spec: RFC 1952 (gzip), RFC 7932 (brotli), RFC 8878 and 9659 (zstd, windows of at most 8 MiB).
 */
#include <brotli/encode.h>
#include <zlib.h>
#include <zstd.h>

#include "tree.h"

enum {
	/* A folder that changes is read, and packed, again: so not the best that a coding can do,
	 * but some ten megabytes a second, and more for what is larger. */
	SMALL_BYTES = 256 << 10,
	BROTLI_SMALL = 9,
	BROTLI_LARGE = 5,
	ZSTD_SMALL = 15,
	ZSTD_LARGE = 6,
	ZSTD_WINDOW_BITS = 23,
};

static size_t
compress_gzip(const uint8_t *bytes, size_t count, uint8_t *out, size_t room)
{
	z_stream stream = { .next_in = (Bytef *)(uintptr_t)bytes,
			    .avail_in = (uInt)count,
			    .next_out = out,
			    .avail_out = (uInt)room };
	size_t made;

	/* 15 bits of window, and 16: gzip's framing, its time 0 */
	if (deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
		return 0;
	made = deflate(&stream, Z_FINISH) == Z_STREAM_END ? stream.total_out : 0;
	deflateEnd(&stream);
	return made;
}

static size_t
compress_brotli(const uint8_t *bytes, size_t count, uint8_t *out, size_t room)
{
	int quality = count <= SMALL_BYTES ? BROTLI_SMALL : BROTLI_LARGE;

	return BrotliEncoderCompress(quality, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_TEXT, count, bytes,
				     &room, out)
		       ? room
		       : 0;
}

static size_t
compress_zstd(const uint8_t *bytes, size_t count, uint8_t *out, size_t room)
{
	ZSTD_CCtx *context = ZSTD_createCCtx();
	size_t made = 0;

	if (!context)
		return 0;
	if (!ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel,
						 count <= SMALL_BYTES ? ZSTD_SMALL : ZSTD_LARGE)) &&
	    (count <= SMALL_BYTES ||
	     !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, ZSTD_WINDOW_BITS))))
		made = ZSTD_compress2(context, out, room, bytes, count);
	ZSTD_freeCCtx(context);
	return ZSTD_isError(made) ? 0 : made;
}

size_t
site_compress(enum mr_http_coding coding, const uint8_t *bytes, size_t count, uint8_t *out,
	      size_t room)
{
	switch (coding) {
	case MR_HTTP_GZIP:
		return compress_gzip(bytes, count, out, room);
	case MR_HTTP_BROTLI:
		return compress_brotli(bytes, count, out, room);
	case MR_HTTP_ZSTD:
		return compress_zstd(bytes, count, out, room);
	case MR_HTTP_IDENTITY:
	case MR_HTTP_CODING_COUNT:
		break;
	}
	return 0;
}
