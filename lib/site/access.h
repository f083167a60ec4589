/* SPDX-License-Identifier: Apache-2.0
 *
 * site/access - the access log: workers post what was asked and answered, the log thread writes it.
 *
 *   worker: [mr_site_access_post] -> its own ring of bytes -> log thread: [mr_site_access_drain]
 *
 * A worker copies a record of fixed fields and the texts of the request, cut to the bounds below,
 * unformatted; a record that finds no room is dropped and counted. The log thread makes lines and
 * writes many with one call. What a file system does not take is dropped and counted too: nobody
 * waits for a disk but the log thread.
 *
 * The file is opened at boot, appended to, and opened again by its name when asked, so that it can
 * be renamed first (logrotate). If that fails the old one is written on.
 *
 * Formats:
 *   combined  as Apache and nginx write it; '"', '\' and all that is not printable ASCII is \xNN
 *   json      one object a line; octets from 0x80 on are taken as ISO 8859-1
 *
 * Owner:  the application makes and ends it; ring i belongs to worker i, its other side and the
 *         file to the log thread.
 * Thread: post: the worker; drain: the log thread; reopen: any.
 * Memory: the heap, at boot; buffer_bytes for each worker.
 * Spec:   none but custom (the Combined Log Format of the Apache HTTP Server).
 *
 * Of a request that an origin answers less is kept until then: all texts together, with the lines
 * that the route's edits add, at most 1,264 octets; a long Referer is cut first, then the target.
 *
 * (1) posted = written + dropped + still in a ring.
 * (2) Lines of one worker stand in the order of its answers; workers follow one another in pieces.
 */
#ifndef MR_SITE_ACCESS_H
#define MR_SITE_ACCESS_H

#include "base/base.h"
#include "metric/metric.h"

enum mr_site_access_format { MR_SITE_ACCESS_COMBINED, MR_SITE_ACCESS_JSON };

/* What of a request is kept, and how many octets at most. X(id, json, bytes) */
#define MR_SITE_ACCESS_TEXTS(X)    \
	X(SITE, "site", 64)        \
	X(METHOD, "method", 32)    \
	X(TARGET, "target", 2048)  \
	X(HOST, "host", 256)       \
	X(REFERER, "referer", 512) \
	X(AGENT, "agent", 512)     \
	X(ID, "id", 64)

#define MR_SITE_ACCESS_ID_(id, ...)      MR_SITE_ACCESS_##id,
#define MR_SITE_ACCESS_SUM_(id, json, n) +(n)
enum mr_site_access_text { MR_SITE_ACCESS_TEXTS(MR_SITE_ACCESS_ID_) MR_SITE_ACCESS_TEXT_COUNT };

enum {
	MR_SITE_ACCESS_PATH_BYTES = 256,
	MR_SITE_ACCESS_TEXT_BYTES = 0 MR_SITE_ACCESS_TEXTS(MR_SITE_ACCESS_SUM_),
	MR_SITE_ACCESS_BUFFER_BYTES = 1 << 20,     /* of a worker, unless configured */
	MR_SITE_ACCESS_BUFFER_MIN_BYTES = 1 << 14, /* a few of the longest records */
};

/* Zero means the default. */
struct mr_site_access_config {
	char file[MR_SITE_ACCESS_PATH_BYTES]; /* empty: no access log */
	int format;                           /* enum mr_site_access_format */
	uint32_t sample;                      /* one of so many answers; 0 and 1: all */
	uint64_t buffer_bytes;                /* a power of two is made of it */
};

struct mr_site_access_entry {
	uint64_t now_ns;        /* when it was answered, on the scale of mr_clock_now_ns */
	uint64_t spent_ns;      /* since its first octet came */
	uint64_t sent_bytes;    /* head and content */
	uint64_t content_bytes; /* of them */
	struct mr_addr client;
	uint16_t client_port;
	uint16_t status;
	uint8_t version_minor;
	bool parsed; /* there was a request to read */
	struct {
		const uint8_t *bytes;
		uint32_t byte_count; /* cut to its bound by the post */
	} texts[MR_SITE_ACCESS_TEXT_COUNT];
};

#define SITE_LOG_METRICS(X)                                                         \
	X(line, COUNTER, EVENTS, "Lines of the access log written")                 \
	X(byte, COUNTER, BYTES, "Bytes of them")                                    \
	X(drop, COUNTER, EVENTS, "Lines that could not be written: disk full, say") \
	X(reopen, COUNTER, EVENTS, "Times that the access log was opened again")
#define SITE_LOG_METRIC_ID(name, ...) MR_SITE_LOG_##name,
enum mr_site_log_metric { SITE_LOG_METRICS(SITE_LOG_METRIC_ID) MR_SITE_LOG_METRIC_COUNT };
MR_METRIC_DECLARE(mr_site_log_metric_table);

struct mr_site_access;
struct mr_site_access_ring;

/* mr_site_access_create opens the file and makes a ring for each worker. *out is NULL when config
 * names no file. metrics: MR_SITE_LOG_METRIC_COUNT values that the log thread will write. */
MR_MUST_USE int mr_site_access_create(struct mr_site_access **out,
				      const struct mr_site_access_config *config,
				      uint16_t worker_count, uint64_t *metrics,
				      struct mr_error *error);
/* mr_site_access_destroy: all was drained; nobody posts. NULL is fine. */
void mr_site_access_destroy(struct mr_site_access *self);

/* mr_site_access_ring gives a worker its ring; NULL when self is. */
struct mr_site_access_ring *mr_site_access_ring(struct mr_site_access *self, uint16_t worker);

/* mr_site_access_post copies entry into the ring; false: there was no room. It posts one of
 * `sample` and says true for the others. Worker. */
bool mr_site_access_post(struct mr_site_access_ring *self,
			 const struct mr_site_access_entry *entry);

/* mr_site_access_drain writes what is there, and opens the file again if that was asked for.
 * Returns how many lines. realtime_ns is the time of day now, at now_ns of mr_clock_now_ns. Log
 * thread. */
uint32_t mr_site_access_drain(struct mr_site_access *self, uint64_t now_ns, uint64_t realtime_ns);

/* mr_site_access_reopen asks for the file to be opened again by its name. Any thread. */
void mr_site_access_reopen(struct mr_site_access *self);

#endif
