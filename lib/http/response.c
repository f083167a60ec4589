/* SPDX-License-Identifier: Apache-2.0
 *
 * http/response - what the fields of a response's head mean.
 */
#include "http_int.h"

/* RFC 9112 6.3, in its order. What an origin says against the rules is refused (a 502 to the
 * client), but for a length or a coding where no content can be: it is known where that ends, so
 * the response is used and the connection is not used again. */
static enum mr_http_refusal
response_framing(struct mr_http_message *message, const struct mr_http_limits *limits,
		 const uint8_t *bytes)
{
	bool coding = mr_http_first(message, MR_HTTP_FIELD_TRANSFER_ENCODING);
	enum mr_http_refusal refusal = http_length(message, limits, bytes);
	bool bodiless = message->status < 200 || message->status == 204;

	if (refusal == MR_HTTP_REFUSED_LENGTH_LARGE &&
	    (message->method == MR_HTTP_HEAD || message->status == 304))
		refusal = MR_HTTP_REFUSED_NOT; /* nothing of that size comes */
	if (refusal != MR_HTTP_REFUSED_NOT)
		return refusal;
	if (coding && message->length_given)
		return MR_HTTP_REFUSED_LENGTH_AND_CODING;
	if (coding && message->version_minor == 0)
		return MR_HTTP_REFUSED_CODING_VERSION;
	if (coding) {
		refusal = http_coding(message, bytes);
		if (refusal != MR_HTTP_REFUSED_NOT)
			return refusal;
	}
	/* 1. no content, whatever the fields say */
	message->odd_body = bodiless && (coding || message->content_length > 0);
	message->close |= message->odd_body;
	message->framing = MR_HTTP_NO_BODY;
	if (message->method == MR_HTTP_HEAD || bodiless || message->status == 304) {
		if (message->status == 101)
			message->framing = MR_HTTP_TUNNEL;
		return MR_HTTP_REFUSED_NOT;
	}
	/* 2. CONNECT */
	if (message->method == MR_HTTP_CONNECT && message->status < 300)
		message->framing = MR_HTTP_TUNNEL;
	/* 4., 6., 8. */
	else if (coding)
		message->framing = MR_HTTP_CHUNKED;
	else if (message->length_given)
		message->framing = message->content_length ? MR_HTTP_LENGTH : MR_HTTP_NO_BODY;
	else {
		message->framing = MR_HTTP_CLOSE;
		message->close = true;
	}
	return MR_HTTP_REFUSED_NOT;
}

enum mr_http_refusal
http_response_finish(struct mr_http_message *message, const struct mr_http_limits *limits,
		     const uint8_t *bytes)
{
	enum mr_http_refusal refusal = http_connection(message, bytes);

	if (refusal != MR_HTTP_REFUSED_NOT)
		return refusal;
	return response_framing(message, limits, bytes);
}
