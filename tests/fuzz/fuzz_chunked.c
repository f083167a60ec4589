/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz/chunked - any bytes as a chunked body; and what comes out, encoded again, comes out the
 * same. Trailers that the decoder lets by are a section that the head parser accepts, and the
 * reverse.
 */
#include "http/http.h"
#include "../http/drive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static struct drive_result whole, split, again;
static uint8_t message[DRIVE_BYTES];

static const char head[] = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
static const struct mr_http_limits limits = { .head_bytes = 65535,
					      .target_bytes = 8192,
					      .field_line_bytes = 65000,
					      .trailer_bytes = 4096,
					      .extension_bytes = 64,
					      .body_bytes = 1 << 20,
					      .fields = MR_HTTP_FIELDS_MAX };

static void
check_trailers(const struct drive_result *result, struct mr_writer *out)
{
	struct mr_http_head parser;
	static struct mr_http_message trailers;
	enum mr_http_verdict verdict;

	mr_http_head_trailers(&parser);
	verdict = mr_http_head_parse(&parser, &trailers, &limits, result->trailers,
				     result->trailer_bytes);
	if (verdict == MR_HTTP_REFUSED) { /* what only the head parser bounds */
		MR_ASSERT(trailers.refusal == MR_HTTP_REFUSED_FIELD_COUNT ||
			  trailers.refusal == MR_HTTP_REFUSED_FIELD_LONG ||
			  trailers.refusal == MR_HTTP_REFUSED_FIELD_NAME);
		mr_http_put_end(out);
		return;
	}
	MR_ASSERT(verdict == MR_HTTP_DONE && trailers.head_bytes == result->trailer_bytes);
	mr_http_write_trailers(out, &trailers, result->trailers);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct mr_writer out = mr_writer_over(message, sizeof(message));
	size_t step;

	if (bytes < 1 || bytes > 65536)
		return 0;
	step = bytes < 2000 ? data[0] % 5 : 0;
	mr_writer_bytes(&out, head, sizeof(head) - 1);
	mr_writer_bytes(&out, data + 1, bytes - 1);
	bytes = (size_t)(out.at - message);
	drive(&whole, MR_HTTP_REQUEST, MR_HTTP_METHOD_OTHER, &limits, message, bytes, 0, 0, false);
	drive(&split, MR_HTTP_REQUEST, MR_HTTP_METHOD_OTHER, &limits, message, bytes, step,
	      sizeof(head) + data[0], false);
	drive_same(&whole, &split);
	if (whole.verdict != MR_HTTP_DONE)
		return 0;
	out = mr_writer_over(message, sizeof(message));
	mr_writer_bytes(&out, head, sizeof(head) - 1);
	for (size_t at = 0; at < whole.data_bytes;) {
		size_t chunk = MR_MIN(whole.data_bytes - at, 1 + at % 40);

		mr_http_chunk_open(&out, chunk);
		mr_writer_bytes(&out, whole.data + at, chunk);
		mr_http_chunk_close(&out);
		at += chunk;
	}
	mr_http_chunk_last(&out);
	check_trailers(&whole, &out);
	if (out.failed)
		return 0;
	drive(&again, MR_HTTP_REQUEST, MR_HTTP_METHOD_OTHER, &limits, message,
	      (size_t)(out.at - message), 0, 0, false);
	if (again.refusal == MR_HTTP_REFUSED_TRAILER_LONG) /* blanks that were left out come back */
		return 0;
	MR_ASSERT(again.verdict == MR_HTTP_DONE && again.data_bytes == whole.data_bytes);
	MR_ASSERT(memcmp(again.data, whole.data, whole.data_bytes) == 0);
	MR_ASSERT(again.used_bytes == (size_t)(out.at - message));
	return 0;
}
