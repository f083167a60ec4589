/* SPDX-License-Identifier: Apache-2.0
 *
 * http/negotiate - see negotiate.h.
 */
#include "http_int.h"

static const char *const negotiate_names[MR_HTTP_CODING_COUNT] = {
	[MR_HTTP_IDENTITY] = "identity",
	[MR_HTTP_GZIP] = "gzip",
	[MR_HTTP_ZSTD] = "zstd",
	[MR_HTTP_BROTLI] = "br",
};

const char *
mr_http_coding_name(enum mr_http_coding coding)
{
	return negotiate_names[coding];
}

/* qvalue: "0" or "1", a point and at most three digits; thousandths, or -1. */
static int
negotiate_q(const uint8_t *text, size_t bytes)
{
	int value = 0;

	if (bytes == 0 || bytes > 5 || text[0] > '1' || text[0] < '0' ||
	    (bytes > 1 && text[1] != '.'))
		return -1;
	for (size_t i = 0; i < 5; i++) {
		if (i == 1)
			continue;
		if (i < bytes && !http_is_digit(text[i]))
			return -1;
		value = value * 10 + (i < bytes ? text[i] - '0' : 0);
	}
	return value <= 1000 ? value : -1;
}

int
mr_http_weight(const uint8_t *element, size_t *bytes)
{
	const uint8_t *at = memchr(element, ';', *bytes), *end = element + *bytes;
	int weight = 1000;

	if (!at)
		return weight;
	*bytes = (size_t)(at - element);
	while (*bytes > 0 && http_is_blank(element[*bytes - 1]))
		--*bytes;
	while (at < end) { /* each turn steps over one semicolon */
		const uint8_t *from = ++at, *to;

		at = memchr(from, ';', (size_t)(end - from));
		at = at ? at : end;
		for (to = at; to > from && http_is_blank(to[-1]); to--)
			;
		while (from < to && http_is_blank(*from))
			from++;
		if (to - from < 2 || (from[0] | 0x20) != 'q' || from[1] != '=')
			continue;
		weight = negotiate_q(from + 2, (size_t)(to - from - 2));
	}
	return weight;
}

int
mr_http_coding_choose(const struct mr_http_message *message, const uint8_t *bytes,
		      unsigned available)
{
	const struct mr_http_field *field = mr_http_first(message, MR_HTTP_FIELD_ACCEPT_ENCODING);
	int weights[MR_HTTP_CODING_COUNT], any = -1, best = -1;

	if (!field) /* any coding will do, which says nothing of what the client can read */
		return MR_HTTP_IDENTITY;
	for (unsigned i = 0; i < MR_HTTP_CODING_COUNT; i++)
		weights[i] = -1;
	for (; field; field = mr_http_next(message, field)) {
		struct mr_http_list list =
			mr_http_list_over(bytes + field->value_at, field->value_bytes);
		const uint8_t *element;
		size_t element_bytes;

		while (mr_http_list_next(&list, &element, &element_bytes)) {
			int weight = mr_http_weight(element, &element_bytes);

			if (weight < 0)
				continue;
			if (element_bytes == 1 && element[0] == '*')
				any = weight;
			for (unsigned i = 0; i < MR_HTTP_CODING_COUNT; i++)
				if (mr_http_same(element, element_bytes, negotiate_names[i]) ||
				    (i == MR_HTTP_GZIP &&
				     mr_http_same(element, element_bytes, "x-gzip")))
					weights[i] = weight;
		}
	}
	for (unsigned i = 0; i < MR_HTTP_CODING_COUNT; i++) {
		if (weights[i] < 0) /* identity is acceptable unless it is excluded, but last */
			weights[i] = any >= 0 ? any : i == MR_HTTP_IDENTITY ? 1 : 0;
		if (i != MR_HTTP_IDENTITY && !(available >> i & 1))
			continue;
		if (weights[i] > 0 && (best < 0 || weights[i] >= weights[best]))
			best = (int)i;
	}
	return best;
}

struct negotiate_media {
	const char *extension, *type;
	bool is_text;
};

/* clang-format off */
static const struct negotiate_media negotiate_media[] = {
	{ "html", "text/html; charset=utf-8", true },
	{ "htm", "text/html; charset=utf-8", true },
	{ "css", "text/css; charset=utf-8", true },
	{ "js", "text/javascript; charset=utf-8", true },
	{ "mjs", "text/javascript; charset=utf-8", true },
	{ "json", "application/json", true },
	{ "map", "application/json", true },
	{ "jsonld", "application/ld+json", true },
	{ "webmanifest", "application/manifest+json", true },
	{ "txt", "text/plain; charset=utf-8", true },
	{ "md", "text/markdown; charset=utf-8", true },
	{ "csv", "text/csv; charset=utf-8", true },
	{ "ics", "text/calendar; charset=utf-8", true },
	{ "vtt", "text/vtt; charset=utf-8", true },
	{ "xml", "application/xml", true },
	{ "xhtml", "application/xhtml+xml", true },
	{ "rss", "application/rss+xml", true },
	{ "atom", "application/atom+xml", true },
	{ "svg", "image/svg+xml", true },
	{ "yaml", "application/yaml", true },
	{ "yml", "application/yaml", true },
	{ "wasm", "application/wasm", true },
	{ "png", "image/png", false },
	{ "jpg", "image/jpeg", false },
	{ "jpeg", "image/jpeg", false },
	{ "gif", "image/gif", false },
	{ "webp", "image/webp", false },
	{ "avif", "image/avif", false },
	{ "jxl", "image/jxl", false },
	{ "bmp", "image/bmp", true },
	{ "ico", "image/vnd.microsoft.icon", true },
	{ "tif", "image/tiff", false },
	{ "tiff", "image/tiff", false },
	{ "woff", "font/woff", false },
	{ "woff2", "font/woff2", false },
	{ "ttf", "font/ttf", true },
	{ "otf", "font/otf", true },
	{ "mp3", "audio/mpeg", false },
	{ "m4a", "audio/mp4", false },
	{ "aac", "audio/aac", false },
	{ "flac", "audio/flac", false },
	{ "ogg", "audio/ogg", false },
	{ "opus", "audio/ogg", false },
	{ "wav", "audio/wav", false },
	{ "mp4", "video/mp4", false },
	{ "m4v", "video/mp4", false },
	{ "webm", "video/webm", false },
	{ "ogv", "video/ogg", false },
	{ "mov", "video/quicktime", false },
	{ "m3u8", "application/vnd.apple.mpegurl", true },
	{ "mpd", "application/dash+xml", true },
	{ "m4s", "video/iso.segment", false },
	{ "ts", "video/mp2t", false },
	{ "pdf", "application/pdf", false },
	{ "rtf", "application/rtf", true },
	{ "epub", "application/epub+zip", false },
	{ "zip", "application/zip", false },
	{ "gz", "application/gzip", false },
	{ "zst", "application/zstd", false },
	{ "bz2", "application/x-bzip2", false },
	{ "xz", "application/x-xz", false },
	{ "7z", "application/x-7z-compressed", false },
	{ "tar", "application/x-tar", true },
	{ "bin", "application/octet-stream", false },
};
/* clang-format on */

const char *
mr_http_media_type(const uint8_t *name, size_t bytes, bool *is_text)
{
	size_t dot = bytes;

	while (dot > 0 && name[dot - 1] != '.' && name[dot - 1] != '/')
		dot--;
	*is_text = false;
	if (dot == 0 || name[dot - 1] == '/')
		return "application/octet-stream";
	for (unsigned i = 0; i < MR_ARRAY_COUNT(negotiate_media); i++)
		if (mr_http_same(name + dot, bytes - dot, negotiate_media[i].extension)) {
			*is_text = negotiate_media[i].is_text;
			return negotiate_media[i].type;
		}
	return "application/octet-stream";
}
