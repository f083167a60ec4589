/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/names - what the names of origins stand for.
 */
#include "ctl/names.h"

#include <ares.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASK_TIMEOUT_MS = 1500, ASK_TRIES = 2, BACKOFF_SHIFT_MAX = 16, CSV_BYTES = 512 };

struct name {
	struct name *next;
	struct names *names;
	char host[MR_ORIGIN_HOST_BYTES];
	bool wanted, asking;
	int fault; /* of c-ares; 0: none */
	uint32_t failures;
	uint64_t next_ns;
	size_t count;
	struct mr_addr addrs[MR_UPSTREAM_ORIGIN_MAX];
};

struct names {
	struct name *first;
	ares_channel channel;
	bool open, changed;
	char servers[CSV_BYTES]; /* as c-ares was told */
	int family;
	uint32_t asking;
	uint64_t now_ns, ttl_min_ns, ttl_max_ns;
};

/* ---- answers ---- */

static int
addr_order(const void *left, const void *right)
{
	return memcmp(left, right, sizeof(struct mr_addr));
}

/* answer_read gathers addresses, each once, and the least TTL. */
static size_t
answer_read(const struct ares_addrinfo *from, struct mr_addr out[MR_UPSTREAM_ORIGIN_MAX],
	    uint64_t *ttl_s)
{
	size_t count = 0, kept = 0;

	*ttl_s = UINT32_MAX;
	for (const struct ares_addrinfo_cname *at = from->cnames; at; at = at->next)
		*ttl_s = MR_MIN(*ttl_s, (uint64_t)MR_MAX(at->ttl, 0));
	for (const struct ares_addrinfo_node *at = from->nodes; at; at = at->ai_next) {
		const void *addr = at->ai_addr;

		*ttl_s = MR_MIN(*ttl_s, (uint64_t)MR_MAX(at->ai_ttl, 0));
		if (count == MR_UPSTREAM_ORIGIN_MAX)
			break;
		if (at->ai_family == AF_INET)
			out[count++] =
				mr_addr_from_v4(&((const struct sockaddr_in *)addr)->sin_addr);
		else if (at->ai_family == AF_INET6)
			out[count++] =
				mr_addr_from_v6(&((const struct sockaddr_in6 *)addr)->sin6_addr);
	}
	qsort(out, count, sizeof(out[0]), addr_order);
	for (size_t i = 0; i < count; i++)
		if (!kept || !mr_addr_equal(&out[kept - 1], &out[i]))
			out[kept++] = out[i];
	return kept;
}

static void
name_failed(struct name *self, int fault)
{
	const struct names *names = self->names;
	uint32_t shift = MR_MIN(self->failures, (uint32_t)BACKOFF_SHIFT_MAX);

	if (fault != self->fault)
		mr_log(MR_LOG_WARNING, "name %s: %s%s", self->host, ares_strerror(fault),
		       self->count ? "; the last answer is kept" : "");
	self->fault = fault;
	self->failures++;
	self->next_ns = names->now_ns + MR_MIN(names->ttl_min_ns << shift, names->ttl_max_ns);
}

static void
name_answered(void *context, int status, int timeouts, struct ares_addrinfo *answer)
{
	struct name *self = context;
	struct names *names = self->names;
	struct mr_addr addrs[MR_UPSTREAM_ORIGIN_MAX];
	uint64_t ttl_s = 0, ttl_ns;
	size_t count = 0;

	(void)timeouts;
	self->asking = false;
	names->asking--;
	if (status == ARES_SUCCESS && answer)
		count = answer_read(answer, addrs, &ttl_s);
	if (answer)
		ares_freeaddrinfo(answer);
	if (status == ARES_EDESTRUCTION)
		return; /* asked again on another channel */
	if (!count) {
		name_failed(self, status == ARES_SUCCESS ? ARES_ENODATA : status);
		return;
	}
	if (self->fault)
		mr_log(MR_LOG_NOTICE, "name %s: resolved again", self->host);
	self->fault = 0;
	self->failures = 0;
	ttl_ns = ttl_s * MR_NS_PER_S;
	self->next_ns =
		names->now_ns + MR_MIN(MR_MAX(ttl_ns, names->ttl_min_ns), names->ttl_max_ns);
	if (count == self->count && !memcmp(addrs, self->addrs, count * sizeof(addrs[0])))
		return;
	memcpy(self->addrs, addrs, count * sizeof(addrs[0]));
	self->count = count;
	names->changed = true;
}

/* ---- questions ---- */

static void
names_ask(struct names *self)
{
	const struct ares_addrinfo_hints hints = { .ai_family = self->family,
						   .ai_flags = ARES_AI_NOSORT };

	for (struct name *at = self->first; at && self->asking < NAMES_ASKING; at = at->next) {
		char absolute[MR_ORIGIN_HOST_BYTES + 1];

		if (at->asking || self->now_ns < at->next_ns)
			continue;
		at->asking = true;
		self->asking++;
		snprintf(absolute, sizeof(absolute), "%s.", at->host);
		ares_getaddrinfo(self->channel, absolute, NULL, &hints, name_answered, at);
	}
}

static void
names_read(struct names *self)
{
	ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
	/* unsigned: the library's macro for it shifts a 1 into the sign bit */
	unsigned bits = (unsigned)ares_getsock(self->channel, sockets, ARES_GETSOCK_MAXNUM);

	for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		struct pollfd at = { .fd = sockets[i] };

		if (bits >> i & 1)
			at.events |= POLLIN;
		if (bits >> (ARES_GETSOCK_MAXNUM + i) & 1)
			at.events |= POLLOUT;
		if (!at.events || poll(&at, 1, 0) <= 0)
			continue;
		ares_process_fd(self->channel,
				at.revents & (POLLIN | POLLERR | POLLHUP) ? at.fd : ARES_SOCKET_BAD,
				at.revents & POLLOUT ? at.fd : ARES_SOCKET_BAD);
	}
	ares_process_fd(self->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* time-outs */
}

bool
names_tick(struct names *self, uint64_t now_ns)
{
	bool changed;

	self->now_ns = now_ns;
	if (self->open && self->first) {
		names_ask(self);
		names_read(self);
	}
	changed = self->changed;
	self->changed = false;
	return changed;
}

/* ---- which names, and whom ---- */

/* channel_open makes the channel anew when others are to be asked. */
static int
channel_open(struct names *self, const struct mr_config_resolver *config, struct mr_error *error)
{
	struct ares_options options = { .timeout = ASK_TIMEOUT_MS, .tries = ASK_TRIES };
	char servers[CSV_BYTES] = "", addr[MR_ADDR_TEXT_BYTES];
	size_t used = 0;
	int rc;

	for (size_t i = 0; i < config->server_count; i++)
		used += (size_t)snprintf(servers + used, sizeof(servers) - used,
					 mr_addr_is_v4(&config->servers[i]) ? "%s%s:%u"
									    : "%s[%s]:%u",
					 i ? "," : "", mr_addr_format(&config->servers[i], addr),
					 config->port);
	if (self->open && !strcmp(servers, self->servers))
		return 0;
	if (self->open)
		ares_destroy(self->channel);
	self->open = false;
	rc = ares_init_options(&self->channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
	if (rc)
		return mr_error_set(error, -EIO, "resolver: %s", ares_strerror(rc));
	self->open = true;
	memcpy(self->servers, servers, sizeof(servers));
	rc = *servers ? ares_set_servers_ports_csv(self->channel, servers) : 0;
	return rc ? mr_error_set(error, -EIO, "resolver.servers: %s", ares_strerror(rc)) : 0;
}

static struct name *
name_find(const struct names *self, const char *host)
{
	for (struct name *at = self->first; at; at = at->next)
		if (!strcasecmp(at->host, host))
			return at;
	return NULL;
}

static int
name_want(struct names *self, const char *host, struct mr_error *error)
{
	struct name *name = name_find(self, host);

	if (!name) {
		name = calloc(1, sizeof(*name));
		if (!name)
			return mr_error_set(error, -ENOMEM, "out of memory");
		name->names = self;
		snprintf(name->host, sizeof(name->host), "%s", host);
		name->next = self->first;
		self->first = name;
	}
	name->wanted = true;
	return 0;
}

/* names_forget frees who is not wanted; one that is being asked for waits for its answer. */
static void
names_forget(struct names *self)
{
	struct name **link = &self->first;

	while (*link) {
		struct name *at = *link;

		if (at->wanted || at->asking) {
			link = &at->next;
			continue;
		}
		*link = at->next;
		free(at);
	}
}

int
names_want(struct names *self, const struct mr_config *config, struct mr_error *error)
{
	struct mr_origin_way v4, v6;
	int rc = 0;

	mr_config_way(config, true, &v4);
	mr_config_way(config, false, &v6);
	self->family = v4.known && v6.known ? AF_UNSPEC : v4.known ? AF_INET : AF_INET6;
	self->ttl_min_ns = config->resolver.ttl_min_ns;
	self->ttl_max_ns = config->resolver.ttl_max_ns;
	for (struct name *at = self->first; at; at = at->next)
		at->wanted = false;
	for (size_t i = 0; i < config->upstream_count; i++)
		for (size_t k = 0; k < config->upstreams[i].server_count && !rc; k++)
			if (config->upstreams[i].servers[k].is_name)
				rc = name_want(self, config->upstreams[i].servers[k].host, error);
	names_forget(self);
	if (!rc && self->first)
		rc = channel_open(self, &config->resolver, error);
	return rc;
}

struct mr_origin_addrs
names_addrs(const struct names *self, const char *name)
{
	const struct name *found = name_find(self, name);

	return found ? (struct mr_origin_addrs){ found->addrs, found->count }
		     : (struct mr_origin_addrs){ NULL, 0 };
}

bool
names_at(const struct names *self, size_t index, struct names_view *out)
{
	const struct name *at = self->first;

	while (at && index--)
		at = at->next;
	if (!at)
		return false;
	*out = (struct names_view){ .name = at->host,
				    .count = at->count,
				    .next_ns = at->next_ns,
				    .failures = at->failures,
				    .fault = at->fault ? ares_strerror(at->fault) : NULL };
	return true;
}

int
names_create(struct names **out, struct mr_error *error)
{
	struct names *self = calloc(1, sizeof(*self));

	if (!self || ares_library_init(ARES_LIB_INIT_ALL)) {
		free(self);
		return mr_error_set(error, -ENOMEM, "no memory for the resolver");
	}
	*out = self;
	return 0;
}

void
names_destroy(struct names *self)
{
	if (!self)
		return;
	if (self->open)
		ares_destroy(self->channel);
	while (self->first) {
		struct name *next = self->first->next;

		free(self->first);
		self->first = next;
	}
	ares_library_cleanup();
	free(self);
}
