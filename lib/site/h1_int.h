/* SPDX-License-Identifier: Apache-2.0
 *
 * site/h1_int - what the parts that answer over HTTP/1.1 share.
 *
 * Owner:  an exchange belongs to the connection whose word has its handle; a run and a request to
 *         the event that made them.
 * Thread: the worker of the server, inside an event of lib/tcp or of lib/proxy.
 * Memory: exchanges lie in the server's two pools; runs and requests on the stack. What a request
 *         points to of its head, of sites and of routes is good until the event is over.
 */
#ifndef MR_SITE_H1_INT_H
#define MR_SITE_H1_INT_H

#include "site_int.h"

enum {
	H1_SHORT_BODY_BYTES = 4096, /* goes out in one piece with its head */
	H1_TAIL_BYTES = 192,        /* Date, Connection and the empty line */
	H1_ANSWER_BYTES = MR_SITE_HEAD_BYTES + H1_TAIL_BYTES + H1_SHORT_BODY_BYTES,
	H1_EXCHANGE_BYTES = 2048,        /* of a small one: most heads */
	H1_REQUESTS_MAX = (1 << 20) - 1, /* of one connection: bits of its word */
	H1_PASSING_BYTES = 40960,        /* of an answer that is passed on, in one event */
};

#define WORD_HANDLE   0x7fffffffull
#define WORD_LARGE    (1ull << 31)
#define WORD_EXCHANGE (WORD_HANDLE | WORD_LARGE)
#define WORD_REQUEST  (1ull << 32) /* one of 20 bits */
#define WORD_REQUESTS ((uint64_t)H1_REQUESTS_MAX << 32)
#define WORD_LINGER   (1ull << 52)
#define WORD_STALLED  (1ull << 53) /* reading waits for room in the send queue */
#define WORD_PROGRESS (1ull << 54) /* something has moved since the last deadline */
#define WORD_PROXY    (1ull << 55) /* the handle is an exchange of lib/proxy */

/* A request that is not whole: its head, from its first octet. */
struct h1_exchange {
	struct mr_http_head head;
	struct mr_http_body body;
	uint32_t have_bytes;
	bool content; /* the head is whole: have_bytes octets */
	uint64_t began_ns;
	uint8_t bytes[];
};

/* One event's work on one connection. */
struct run {
	struct mr_site_server *self;
	struct mr_tcp *tcp;
	uint64_t word;
	uint32_t conn;
	bool ended; /* aborted: conn means nothing any more */
	/* the value of X-Request-ID; NULL: none is sent */
	const uint8_t *id;
	uint8_t id_bytes;
	char id_text[32];
	bool close; /* the answer says that the connection ends */
	/* of the answer, once it is queued */
	uint16_t status;
	uint32_t head_bytes;
	uint64_t sent_bytes;
	struct mr_tcp_view view; /* h1_view */
};

/* What is answered. path is canonical. */
struct request {
	const struct mr_http_message *message;
	const uint8_t *bytes;
	const uint8_t *path;
	size_t path_bytes;
	const struct site *site;
	const struct site_route *route;
	int missing; /* enum mr_site_metric: why there is no route; -1 else */
};

/* h1_run begins the work of an event, h1_run_end keeps what it did to the word. */
struct run h1_run(void *context, struct mr_tcp *tcp, uint32_t conn);
void h1_run_end(const struct run *run);
/* h1_release gives back what the connection holds for a request. */
void h1_release(struct run *run);
/* h1_finish: FIN follows what is queued; what still comes is read and dropped for a while, since
 * a reset for it could overtake the answer (RFC 9112 9.6). */
void h1_finish(struct run *run);
/* h1_refuse answers what is no request, or none that can be served, and ends the connection. */
MR_COLD void h1_refuse(struct run *run, uint16_t status);

/* h1_abort ends the connection at once; metric says why. */
void h1_abort(struct run *run, enum mr_site_metric metric);

/* h1_send queues count bytes; false: the stack took less, and the connection was aborted. */
bool h1_send(struct run *run, const uint8_t *bytes, uint32_t count);
/* h1_send_ref queues bytes of tree's store, pinned; the same. */
bool h1_send_ref(struct run *run, const struct mr_site_tree *tree, uint64_t offset,
		 uint64_t byte_count);

/* h1_status begins an answer: its status is counted. */
static inline void
h1_status(struct run *run, uint16_t status)
{
	run->self->tally[MR_SITE_status_1xx + status / 100 - 1]++;
	run->status = status;
	run->sent_bytes = 0;
}

/* h1_log counts and logs an answer; request->bytes is NULL when what came was none. */
void h1_log(struct run *run, const struct request *request, uint64_t began_ns);

/* h1_log_texts points entry to what is said of a request, h1_log_post logs it with what the run has
 * of the answer. */
void h1_log_texts(const struct run *run, const struct request *request,
		  struct mr_site_access_entry *entry);
void h1_log_post(struct run *run, struct mr_site_access_entry *entry, uint64_t spent_ns);

/* h1_count counts an answer on a site's page, where sites are counted. */
void h1_count(const struct run *run, uint32_t page_index, uint64_t spent_ns);

/* h1_tail ends a head, which began at the server's answer: what is known only now. */
void h1_tail(struct run *run, struct mr_writer *out, uint8_t minor);

/* h1_answer sends an answer made beforehand. */
void h1_answer(struct run *run, const struct mr_http_message *message,
	       const struct site_answer *answer);

/* h1_route fills the request's site, route and path; what it returns else is the answer. It counts
 * nothing. */
const struct site_answer *h1_route(struct run *run, struct request *request);

/* h1_id gives the run the id that goes with the request's answer, where the site wants one. */
void h1_id(struct run *run, const struct request *request);

/* h1_static answers from the tree of a route (static.c). */
void h1_static(struct run *run, const struct request *request);

/* ---- h1_proxy.c: requests that an origin answers ---- */

/* h1_proxy passes the request on, and answers it if that cannot be; WORD_PROXY says which. */
void h1_proxy(struct run *run, const struct request *request);
/* The connection's events while an exchange lasts. readable returns how many are taken;
 * peer_closed, whether the exchange goes on. */
uint32_t h1_proxy_readable(struct run *run, const uint8_t *bytes, uint32_t count);
bool h1_proxy_peer_closed(struct run *run);
void h1_proxy_deadline(struct run *run);
/* h1_proxy_leave: the connection ends, or the exchange is not wanted any more. */
void h1_proxy_leave(struct run *run);

#endif
