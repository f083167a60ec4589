/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy/group - is a group of the configuration right in itself?
 */
#include <string.h>

#include "proxy/upstream.h"

static const char *
servers_fault(const struct mr_upstream_config *self, const void **at)
{
	for (size_t i = 0; i < self->server_count; i++)
		for (size_t k = 0; k < i; k++) {
			const struct mr_upstream_server *one = &self->servers[k];
			const struct mr_upstream_server *other = &self->servers[i];

			if (one->port != other->port || strcasecmp(one->host, other->host))
				continue;
			*at = other;
			return "a server stands in a group once";
		}
	return NULL;
}

static const char *
check_fault(const struct mr_upstream_check_config *self, const void **at)
{
	bool http = self->kind == MR_UPSTREAM_CHECK_HTTP;

	*at = self;
	if (!http && (self->path || self->host || self->body || self->status_count))
		return "path, host, status and body are of HTTP checks only";
	if (self->path && (*self->path != '/' || self->path[strcspn(self->path, " \t\r\n#")]))
		return "a path begins with a slash and has no blanks";
	if (self->host && self->host[strcspn(self->host, " \t\r\n/")])
		return "a host has no blanks";
	if (self->kind != MR_UPSTREAM_CHECK_OFF && self->timeout_ns > self->interval_ns)
		return "a check ends before the next begins: timeout is above interval";
	for (size_t i = 0; i < self->status_count; i++) {
		*at = &self->statuses[i];
		if (self->statuses[i].low > self->statuses[i].high)
			return "a range of statuses goes up";
	}
	return NULL;
}

const char *
mr_upstream_config_check(const struct mr_upstream_config *self, const void **at)
{
	const char *fault = servers_fault(self, at);
	bool header = self->policy == MR_UPSTREAM_HASH && self->key == MR_UPSTREAM_KEY_HEADER;

	if (!fault)
		fault = check_fault(&self->check, at);
	if (fault)
		return fault;
	*at = self;
	if (header && !self->key_header)
		return "a hash of a header needs its name";
	if (self->ejection.max_time_ns < self->ejection.time_ns)
		return "an ejection's max_time is below its time";
	return NULL;
}

const char *
mr_check_result_name(enum mr_check_result result)
{
	static const char *const names[MR_CHECK_RESULTS] = {
		[MR_CHECK_NONE] = "none",       [MR_CHECK_OK] = "ok",
		[MR_CHECK_REFUSED] = "refused", [MR_CHECK_TIMEOUT] = "timeout",
		[MR_CHECK_BROKEN] = "broken",   [MR_CHECK_STATUS] = "status",
		[MR_CHECK_BODY] = "body",
	};

	return result < MR_CHECK_RESULTS ? names[result] : "none";
}
