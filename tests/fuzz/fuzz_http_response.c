/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz/http_response - any bytes as the answer to a request of any method; as fuzz/http_request.
 */
#include "http/http.h"
#include "../http/drive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static struct drive_result whole, split, again;
static const struct mr_http_limits limits = MR_HTTP_LIMITS_DEFAULT;

/* Written for an HTTP/1.1 client, so that only read-until-close becomes chunked. */
static void
check_written(const struct drive_result *first, const uint8_t *bytes)
{
	static const struct mr_http_forward how = { .client_minor = 1, .upgrade = true };
	static uint8_t out[2][1 << 17];
	struct mr_writer one = mr_writer_over(out[0], sizeof(out[0]));
	struct mr_writer two = mr_writer_over(out[1], sizeof(out[1]));
	struct mr_http_message expected = first->message;
	struct mr_http_limits wide = limits;
	enum mr_http_framing framing;

	wide.head_bytes = MR_HTTP_HEAD_BYTES_MAX;
	wide.fields = MR_HTTP_FIELDS_MAX;
	framing = mr_http_write_response(&one, &first->message, bytes, &how);
	MR_ASSERT(!one.failed);
	drive(&again, MR_HTTP_RESPONSE, (enum mr_http_method)first->message.method, &wide, out[0],
	      (size_t)(one.at - out[0]), 0, 0, false);
	MR_ASSERT(again.verdict != MR_HTTP_REFUSED && again.message.head_bytes == one.at - out[0]);
	if (expected.framing == MR_HTTP_CLOSE)
		expected.framing = MR_HTTP_CHUNKED;
	MR_ASSERT(framing == expected.framing);
	drive_same_message(&expected, bytes, &again.message, out[0]);
	mr_http_write_response(&two, &again.message, out[0], &how);
	MR_ASSERT(two.at - out[1] == one.at - out[0] &&
		  memcmp(out[0], out[1], (size_t)(one.at - out[0])) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	enum mr_http_method method;
	bool ended;

	if (bytes < 2 || bytes > 65536)
		return 0;
	method = (enum mr_http_method)(data[0] % MR_HTTP_METHOD_COUNT);
	ended = data[1] & 1;
	drive(&whole, MR_HTTP_RESPONSE, method, &limits, data + 2, bytes - 2, 0, 0, ended);
	drive(&split, MR_HTTP_RESPONSE, method, &limits, data + 2, bytes - 2,
	      bytes < 2000 ? data[1] >> 5 : 0, data[1], ended);
	drive_same(&whole, &split);
	if (whole.message.head_bytes > 0 && whole.message.refusal == MR_HTTP_REFUSED_NOT)
		check_written(&whole, data + 2);
	return 0;
}
