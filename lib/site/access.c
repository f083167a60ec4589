/* SPDX-License-Identifier: Apache-2.0
 *
 * site/access - the file: opened, written in large pieces, opened again.
 */
#include "access_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	WRITE_BYTES = 256 << 10, /* gathered before a write */
	RECORDS_PER_RING = 4096, /* in one drain: the next ring waits no longer */
};

MR_METRIC_DEFINE("access_log", mr_site_log_metric_table, SITE_LOG_METRICS);

struct mr_site_access {
	/* const after create */
	struct mr_site_access_config config;
	struct mr_site_access_ring *rings[MR_WORKER_MAX];
	uint16_t worker_count;
	/* owner: log thread */
	int fd;
	uint32_t reopened; /* of reopen_asked */
	uint64_t *metrics;
	char *pending;
	size_t pending_bytes;
	uint32_t pending_lines;
	/* shared: relaxed counter */
	uint32_t reopen_asked MR_LINE_ALIGNED;
};

static int
file_open(const char *path)
{
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
}

int
mr_site_access_create(struct mr_site_access **out, const struct mr_site_access_config *config,
		      uint16_t worker_count, uint64_t *metrics, struct mr_error *error)
{
	struct mr_site_access *self;

	*out = NULL;
	if (!config->file[0])
		return 0;
	self = aligned_alloc(MR_CACHE_LINE, mr_round_up(sizeof(*self), MR_CACHE_LINE));
	if (!self)
		return mr_error_set(error, -ENOMEM, "no memory for the access log");
	*self = (struct mr_site_access){ .config = *config, .metrics = metrics };
	self->fd = file_open(config->file);
	if (self->fd < 0) {
		int rc = mr_error_set(error, -errno, "access log %s: %s", config->file,
				      strerror(errno));

		mr_site_access_destroy(self);
		return rc;
	}
	self->pending = malloc(WRITE_BYTES + ACCESS_LINE_BYTES);
	for (; self->worker_count < worker_count; self->worker_count++) {
		uint16_t i = self->worker_count;

		self->rings[i] =
			access_ring_create(config->buffer_bytes ? config->buffer_bytes
								: MR_SITE_ACCESS_BUFFER_BYTES,
					   config->sample);
		if (!self->rings[i] || !self->pending) {
			mr_site_access_destroy(self);
			return mr_error_set(error, -ENOMEM, "no memory for the access log");
		}
	}
	*out = self;
	return 0;
}

void
mr_site_access_destroy(struct mr_site_access *self)
{
	if (!self)
		return;
	for (uint16_t i = 0; i < MR_WORKER_MAX; i++)
		free(self->rings[i]);
	if (self->fd >= 0)
		close(self->fd);
	free(self->pending);
	free(self);
}

struct mr_site_access_ring *
mr_site_access_ring(struct mr_site_access *self, uint16_t worker)
{
	return self ? self->rings[worker] : NULL;
}

void
mr_site_access_reopen(struct mr_site_access *self)
{
	__atomic_fetch_add(&self->reopen_asked, 1, __ATOMIC_RELAXED);
}

/* pending_write writes what is gathered; what is not taken is lost, and counted. A line may be cut
 * in two then: the next one begins behind a line feed. */
static void
pending_write(struct mr_site_access *self)
{
	size_t done = 0;

	while (done < self->pending_bytes) {
		ssize_t n = write(self->fd, self->pending + done, self->pending_bytes - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	mr_metric_add(self->metrics, MR_SITE_LOG_byte, done);
	if (mr_likely(done == self->pending_bytes)) {
		mr_metric_add(self->metrics, MR_SITE_LOG_line, self->pending_lines);
		self->pending_bytes = 0;
	} else {
		uint32_t written = 0;
		bool cut = done && self->pending[done - 1] != '\n';

		/* the first may be the end of a line that was cut before */
		for (size_t i = self->pending[0] == '\n'; i < done; i++)
			written += self->pending[i] == '\n';
		mr_metric_add(self->metrics, MR_SITE_LOG_line, written);
		mr_metric_add(self->metrics, MR_SITE_LOG_drop, self->pending_lines - written);
		self->pending[0] = '\n';
		self->pending_bytes = cut;
	}
	self->pending_lines = 0;
}

static void
file_reopen(struct mr_site_access *self)
{
	uint32_t asked = __atomic_load_n(&self->reopen_asked, __ATOMIC_RELAXED);
	int fd;

	if (asked == self->reopened)
		return;
	self->reopened = asked;
	fd = file_open(self->config.file);
	if (fd < 0) {
		mr_log(MR_LOG_ERROR, "access log %s: %s; the old one is written on",
		       self->config.file, strerror(errno));
		return;
	}
	close(self->fd);
	self->fd = fd;
	mr_metric_add(self->metrics, MR_SITE_LOG_reopen, 1);
}

static uint32_t
ring_drain(struct mr_site_access *self, struct mr_site_access_ring *ring, uint64_t now_ns,
	   uint64_t realtime_ns)
{
	const struct access_record *record;
	uint32_t count = 0;

	while (count < RECORDS_PER_RING && (record = access_ring_next(ring))) {
		self->pending_bytes +=
			access_line(record, (enum mr_site_access_format)self->config.format,
				    realtime_ns - (now_ns - record->now_ns),
				    self->pending + self->pending_bytes);
		self->pending_lines++;
		access_ring_release(ring, record);
		count++;
		if (self->pending_bytes >= WRITE_BYTES)
			pending_write(self);
	}
	return count;
}

uint32_t
mr_site_access_drain(struct mr_site_access *self, uint64_t now_ns, uint64_t realtime_ns)
{
	uint32_t count = 0;

	for (uint16_t i = 0; i < self->worker_count; i++)
		count += ring_drain(self, self->rings[i], now_ns, realtime_ns);
	if (self->pending_lines)
		pending_write(self);
	file_reopen(self);
	return count;
}
