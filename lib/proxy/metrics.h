/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy/metrics - the counters of lib/proxy. Add rows, never rename.
 *
 * Owner:  struct mr_proxy; one block for each worker. Thread: its worker writes, any
 *         reads (relaxed). Memory: of the registry (metric/metric.h).
 */
#ifndef MR_PROXY_METRICS_H
#define MR_PROXY_METRICS_H

/* clang-format off */
/* X(name, kind, unit, help) */
#define PROXY_METRICS(X) \
	X(exchange, COUNTER, REQUESTS, "Requests taken to be passed on") \
	X(exchange_end, COUNTER, REQUESTS, "Of them ended, however") \
	X(answer, COUNTER, REQUESTS, "Answers passed on whole") \
	X(answer_5xx, COUNTER, REQUESTS, "Of them with a status of 500 or above") \
	X(answer_interim, COUNTER, REQUESTS, "Interim answers (1xx)") \
	X(answer_early, COUNTER, REQUESTS, "Answers that were whole before their request was") \
	X(answer_byte, COUNTER, BYTES, "Content of answers") \
	X(content_byte, COUNTER, BYTES, "Content of requests") \
	X(tunnel, COUNTER, REQUESTS, "Connections that became tunnels (101)") \
	X(client_left, COUNTER, REQUESTS, "Ended: the client went away") \
	X(connect, COUNTER, CONNECTIONS, "Connections to origins begun") \
	X(connect_fail, COUNTER, CONNECTIONS, "Of them refused, or not there in time") \
	X(reuse, COUNTER, REQUESTS, "Requests that went by a kept connection") \
	X(keep, COUNTER, CONNECTIONS, "Connections kept after an answer") \
	X(kept_dead, COUNTER, CONNECTIONS, "Kept connections that died under a request, before any octet") \
	X(kept_closed, COUNTER, CONNECTIONS, "Kept connections that the origin closed") \
	X(kept_idle, COUNTER, CONNECTIONS, "Kept connections closed: not used for too long") \
	X(kept_unwanted, COUNTER, CONNECTIONS, "Kept connections closed: their origin is leaving or disabled") \
	X(kept_data, COUNTER, CONNECTIONS, "Connections closed: octets that belong to no answer") \
	X(link_evicted, COUNTER, CONNECTIONS, "Kept connections closed: others need their place") \
	X(retry, COUNTER, REQUESTS, "Tries after a first one") \
	X(retry_refused, COUNTER, REQUESTS, "Not tried again: not safe") \
	X(retry_spent, COUNTER, REQUESTS, "Not tried again: no try left, or none in the group's budget") \
	X(wait, COUNTER, REQUESTS, "Waited for room in their group") \
	X(fail_connect, COUNTER, REQUESTS, "Failed: no connection to an origin (502, 504)") \
	X(fail_broken, COUNTER, REQUESTS, "Failed: the origin closed before an answer (502)") \
	X(fail_cut, COUNTER, REQUESTS, "Failed: the origin closed within its answer (cut)") \
	X(answer_refused, COUNTER, REQUESTS, "Failed: the origin's answer is not a valid one (502, or cut)") \
	X(late_answer, COUNTER, REQUESTS, "Failed: no answer within first_byte (504)") \
	X(late_octet, COUNTER, REQUESTS, "Failed: nothing moved for between (504, or cut)") \
	X(late_total, COUNTER, REQUESTS, "Failed: not whole within total (504, or cut)") \
	X(late_queue, COUNTER, REQUESTS, "Failed: no room within queue_timeout (503)") \
	X(queue_full, COUNTER, REQUESTS, "Failed: no room, and too many wait already (503)") \
	X(no_origin, COUNTER, REQUESTS, "Failed: no origin takes requests (503)") \
	X(no_group, COUNTER, REQUESTS, "Failed: its group is gone (503)") \
	X(no_exchange, COUNTER, REQUESTS, "Failed: all exchanges are taken (503)") \
	X(no_large, COUNTER, REQUESTS, "Failed: all buffers for long heads are taken (503, 502)") \
	X(no_link, COUNTER, REQUESTS, "Failed: no place or port for a connection (503)") \
	X(no_memory, COUNTER, REQUESTS, "Failed: lib/tcp took less than a head or a chunk (503, or cut)") \
	X(head_long, COUNTER, REQUESTS, "Failed: a head does not fit when it is written (431, 502)") \
	X(stall_client, COUNTER, EVENTS, "Stopped reading an origin: its client does not") \
	X(stall_origin, COUNTER, EVENTS, "Stopped reading a client: its origin does not")
/* clang-format on */

#endif
