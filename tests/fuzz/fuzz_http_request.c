/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz/http_request - any bytes as requests: the outcome does not depend on how they are split, and
 * what is accepted says the same after it was written afresh, which is then written the same again.
 */
#include "http/http.h"
#include "../http/drive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static struct drive_result whole, split, again;
static const struct mr_http_limits limits = MR_HTTP_LIMITS_DEFAULT;
/* small ones, so that their edges are met */
static const struct mr_http_limits tight = { .head_bytes = 200,
					     .target_bytes = 20,
					     .field_line_bytes = 40,
					     .trailer_bytes = 30,
					     .extension_bytes = 10,
					     .body_bytes = 50,
					     .fields = 5,
					     .allow_trace = true,
					     .allow_connect = true };

static void
check_canonical(const struct mr_http_message *message, const uint8_t *bytes)
{
	static uint8_t once[1 << 18], twice[1 << 18];
	const uint8_t *path = bytes + message->path.at;
	size_t length = mr_http_path(path, message->path.bytes, once, sizeof(once));

	if (message->target_form != MR_HTTP_ORIGIN_FORM &&
	    message->target_form != MR_HTTP_ABSOLUTE_FORM)
		return;
	MR_ASSERT(length > 0 && length <= MR_HTTP_PATH_ROOM(message->path.bytes));
	MR_ASSERT(once[0] == '/' && !memmem(once, length, "/../", 4) &&
		  !memmem(once, length, "/./", 3));
	MR_ASSERT(mr_http_path(once, length, twice, sizeof(twice)) == length &&
		  memcmp(once, twice, length) == 0);
	if (message->path_plain)
		MR_ASSERT(length == message->path.bytes && memcmp(once, path, length) == 0);
}

static void
check_written(const struct drive_result *first, const uint8_t *bytes)
{
	static const struct mr_http_forward how = { 0 };
	static uint8_t out[2][1 << 17];
	struct mr_writer one = mr_writer_over(out[0], sizeof(out[0]));
	struct mr_writer two = mr_writer_over(out[1], sizeof(out[1]));
	struct mr_http_limits wide = limits;

	wide.head_bytes = MR_HTTP_HEAD_BYTES_MAX;
	wide.allow_trace = wide.allow_connect = true;
	wide.body_bytes = UINT64_MAX;
	wide.fields = MR_HTTP_FIELDS_MAX;
	mr_http_write_request(&one, &first->message, bytes, &how);
	if (one.failed) {
		MR_ASSERT(first->message.authority.bytes == 0);
		return;
	}
	drive(&again, MR_HTTP_REQUEST, MR_HTTP_METHOD_OTHER, &wide, out[0],
	      (size_t)(one.at - out[0]), 0, 0, false);
	MR_ASSERT(again.verdict != MR_HTTP_REFUSED && again.message.head_bytes == one.at - out[0]);
	drive_same_message(&first->message, bytes, &again.message, out[0]);
	mr_http_write_request(&two, &again.message, out[0], &how);
	MR_ASSERT(two.at - out[1] == one.at - out[0] &&
		  memcmp(out[0], out[1], (size_t)(one.at - out[0])) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	const struct mr_http_limits *used = bytes > 0 && data[0] & 1 ? &tight : &limits;
	size_t step = bytes > 1 ? data[1] % 7 : 0, cut = bytes > 2 ? data[2] : 0;

	if (bytes < 3 || bytes > 65536)
		return 0;
	data += 3;
	bytes -= 3;
	drive(&whole, MR_HTTP_REQUEST, MR_HTTP_METHOD_OTHER, used, data, bytes, 0, 0, false);
	drive(&split, MR_HTTP_REQUEST, MR_HTTP_METHOD_OTHER, used, data, bytes,
	      bytes < 2000 ? step : 0, cut, false);
	drive_same(&whole, &split);
	MR_ASSERT(whole.used_bytes <= bytes);
	if (whole.message.head_bytes > 0 && whole.message.refusal == MR_HTTP_REFUSED_NOT) {
		check_written(&whole, data);
		check_canonical(&whole.message, data);
	}
	return 0;
}
