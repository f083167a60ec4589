/* SPDX-License-Identifier: Apache-2.0
 *
 * site/metrics - the counters of lib/site. Add rows, never rename.
 *
 * Owner:  struct mr_site_server; one block for each worker. Thread: its worker writes, any
 *         reads (relaxed). Memory: of the registry (metric/metric.h).
 */
#ifndef MR_SITE_METRICS_H
#define MR_SITE_METRICS_H

/* clang-format off */
/* X(name, kind, unit, help) */
#define SITE_METRICS(X) \
	X(accept, COUNTER, CONNECTIONS, "Connections accepted") \
	X(close, COUNTER, CONNECTIONS, "Connections ended") \
	X(request, COUNTER, REQUESTS, "Requests whose head was read") \
	X(request_http10, COUNTER, REQUESTS, "Of them HTTP/1.0") \
	X(request_head, COUNTER, REQUESTS, "Of them HEAD") \
	X(request_content, COUNTER, REQUESTS, "Of them with content") \
	X(request_split, COUNTER, REQUESTS, "Of them not whole in one segment") \
	X(status_1xx, COUNTER, REQUESTS, "Answered 1xx") \
	X(status_2xx, COUNTER, REQUESTS, "Answered 2xx") \
	X(status_3xx, COUNTER, REQUESTS, "Answered 3xx") \
	X(status_4xx, COUNTER, REQUESTS, "Answered 4xx") \
	X(status_5xx, COUNTER, REQUESTS, "Answered 5xx") \
	X(answer_byte, COUNTER, BYTES, "Heads and content given to connections") \
	X(refused, COUNTER, REQUESTS, "Refused: not a valid message") \
	X(no_site, COUNTER, REQUESTS, "Refused: no site of that host here (421)") \
	X(no_route, COUNTER, REQUESTS, "Refused: no route of that path (404)") \
	X(no_file, COUNTER, REQUESTS, "Refused: no file of that path below the root (404)") \
	X(over_rate, COUNTER, REQUESTS, "Refused: more than the rate of their route (429)") \
	X(late_head, COUNTER, CONNECTIONS, "Closed: a head took too long (408)") \
	X(late_content, COUNTER, CONNECTIONS, "Closed: content took too long (408)") \
	X(late_send, COUNTER, CONNECTIONS, "Closed: the peer takes nothing of what we send") \
	X(idle, COUNTER, CONNECTIONS, "Closed: no request for too long") \
	X(cut_off, COUNTER, CONNECTIONS, "Closed by the peer inside a request") \
	X(request_limit, COUNTER, CONNECTIONS, "Closed: enough requests") \
	X(stall, COUNTER, EVENTS, "Stopped reading: the send queue is full") \
	X(cut_short, COUNTER, CONNECTIONS, "Ended within an answer: its origin failed") \
	X(trailer_drop, COUNTER, REQUESTS, "Trailers of a request that were not passed on: too long") \
	X(no_exchange, COUNTER, REQUESTS, "Refused: all buffers for incomplete requests are taken (503)") \
	X(log_drop, COUNTER, REQUESTS, "Not in the access log: no room in the worker's buffer") \
	X(no_memory, COUNTER, CONNECTIONS, "Aborted: lib/tcp took less than an answer")
/* clang-format on */

#endif
