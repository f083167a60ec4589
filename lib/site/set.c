/* SPDX-License-Identifier: Apache-2.0
 *
 * site/set - sites compiled: which site a host on a listener is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "site_int.h"

enum { LISTENER_NONE = UINT32_MAX };

/* ---- checks of what is configured ---- */

static bool
host_octet(uint8_t c)
{
	return (uint8_t)((c | 0x20) - 'a') < 26 || (uint8_t)(c - '0') < 10 || c == '-' ||
	       c == '_' || c == '.';
}

const char *
mr_site_host_check(const char *host)
{
	size_t bytes = strlen(host);
	struct mr_addr addr;
	char inside[MR_ADDR_TEXT_BYTES];

	if (!strcmp(host, "*"))
		return NULL;
	if (!bytes || bytes > MR_SITE_HOST_BYTES)
		return "a host has 1 to 253 characters";
	if (host[0] == '[') {
		if (bytes < 4 || bytes - 2 >= sizeof(inside) || host[bytes - 1] != ']')
			return "an IPv6 host stands in brackets";
		snprintf(inside, sizeof(inside), "%.*s", (int)(bytes - 2), host + 1);
		return mr_addr_parse(inside, &addr) || mr_addr_is_v4(&addr)
			       ? "an IPv6 host stands in brackets"
			       : NULL;
	}
	if (host[0] == '*' && (host[1] != '.' || bytes < 3))
		return "a wildcard is *.example.com, or * for every host";
	if (host[bytes - 1] == '.')
		return "a host stands without its final dot";
	for (size_t i = host[0] == '*' ? 2 : 0; i < bytes; i++)
		if (!host_octet((uint8_t)host[i]))
			return "a host is letters, digits, '-', '_' and '.'";
	return NULL;
}

/* ---- listeners ---- */

static bool
listen_same(const struct mr_site_listen *a, const struct mr_site_listen *b)
{
	return a->port == b->port && a->any == b->any &&
	       (a->any || mr_addr_equal(&a->addr, &b->addr));
}

static uint32_t
listener_find(const struct mr_site_set *self, const struct mr_site_listen *wanted)
{
	for (uint32_t i = 0; i < self->listener_count; i++)
		if (listen_same(&self->listeners[i], wanted))
			return i;
	return LISTENER_NONE;
}

static int
listeners_build(struct mr_site_set *self, const struct mr_site_config *sites, size_t count,
		struct mr_error *error)
{
	size_t total = 0;

	for (size_t i = 0; i < count; i++)
		total += sites[i].listen_count;
	self->listeners = site_memory_take(&self->memory, total * sizeof(*self->listeners));
	if (!self->listeners)
		return mr_error_set(error, -ENOMEM, "out of memory for sites");
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < sites[i].listen_count; k++) {
			if (listener_find(self, &sites[i].listens[k]) != LISTENER_NONE)
				continue;
			if (self->listener_count == MR_SITE_LISTENERS)
				return mr_error_set(error, -EINVAL, "more than %d listeners",
						    MR_SITE_LISTENERS);
			self->listeners[self->listener_count++] = sites[i].listens[k];
		}
	return 0;
}

/* ---- hosts ---- */

static struct site_host_entry *
host_slot(const struct mr_site_set *self, uint32_t listener, const uint8_t *host, size_t bytes)
{
	uint64_t hash = site_hash(listener, host, bytes);

	/* Half of the slots are free, so a free one is met. */
	for (uint64_t at = hash;; at++) {
		struct site_host_entry *entry = &self->hosts[at & self->host_mask];

		if (!entry->hash ||
		    (entry->hash == hash && entry->listener == listener &&
		     entry->host.byte_count == bytes && !memcmp(entry->host.bytes, host, bytes)))
			return entry;
	}
}

static int
host_add(struct mr_site_set *self, uint32_t site, const char *host,
	 const struct mr_site_listen *listen, struct mr_error *error)
{
	uint32_t listener = listener_find(self, listen);
	size_t bytes;
	uint8_t lower[MR_SITE_HOST_BYTES + 1];
	struct site_host_entry *entry;

	if (host[0] == '*')
		host++; /* ".example.com", or "" */
	bytes = strlen(host);
	for (size_t i = 0; i < bytes; i++)
		lower[i] = (uint8_t)(host[i] >= 'A' && host[i] <= 'Z' ? host[i] | 0x20 : host[i]);
	lower[bytes] = 0;
	entry = host_slot(self, listener, lower, bytes);
	if (entry->hash)
		return mr_error_set(error, -EINVAL,
				    "sites %s and %s both have the host %s%s on port %u",
				    (const char *)self->sites[entry->site].name.bytes,
				    (const char *)self->sites[site].name.bytes,
				    bytes && lower[0] != '.' ? "" : "*", (const char *)lower,
				    listen->port);
	*entry = (struct site_host_entry){ .hash = site_hash(listener, lower, bytes),
					   .host = site_text_copy(&self->memory, lower, bytes),
					   .listener = (uint16_t)listener,
					   .site = site };
	return 0;
}

static int
hosts_build(struct mr_site_set *self, const struct mr_site_config *sites, struct mr_error *error)
{
	uint64_t total = 0, slots = 2;
	int rc = 0;

	for (uint32_t i = 0; i < self->site_count; i++)
		total += (uint64_t)sites[i].host_count * sites[i].listen_count;
	while (slots < 2 * total)
		slots *= 2;
	self->hosts = site_memory_take(&self->memory, slots * sizeof(*self->hosts));
	if (!self->hosts)
		return mr_error_set(error, -ENOMEM, "out of memory for sites");
	self->host_mask = slots - 1;
	for (uint32_t i = 0; i < self->site_count; i++)
		for (size_t h = 0; h < sites[i].host_count; h++)
			for (size_t l = 0; l < sites[i].listen_count && !rc; l++)
				rc = host_add(self, i, sites[i].hosts[h], &sites[i].listens[l],
					      error);
	return rc;
}

/* ---- build ---- */

static const struct mr_site_edit allow = { "Allow", "GET, HEAD, OPTIONS", MR_SITE_EDIT_ADD };
static const struct mr_site_edit retry = { "Retry-After", "1", MR_SITE_EDIT_ADD };

/* error_edits gives the one field that a status has to have, or NULL (RFC 9110 15.5.6; RFC 6585 4).
 */
static const struct mr_site_edit *
error_edits(uint16_t status)
{
	return status == 405 ? &allow : status == 429 ? &retry : NULL;
}

/* errors_build: the page of an error is its status line. */
static void
errors_build(struct mr_site_set *self)
{
	for (int i = 0; i < SITE_ERRORS; i++) {
		uint16_t status = site_error_status((enum site_error)i);
		char body[64];
		int bytes = snprintf(body, sizeof(body), "%u %s\n", status, mr_http_reason(status));

		site_answer_make(&self->memory, &self->errors[i], status,
				 "text/plain; charset=utf-8", body, (size_t)bytes, NULL,
				 error_edits(status), error_edits(status) != NULL);
	}
	site_answer_make(&self->memory, &self->options_all, 204, NULL, NULL, 0, NULL, &allow, 1);
}

/* pages_build makes the errors that sites have of their own. */
static void
pages_build(struct mr_site_set *self, const struct mr_site_config *sites)
{
	for (uint32_t i = 0; i < self->site_count; i++) {
		struct site *site = &self->sites[i];

		site->request_id = sites[i].request_id;
		site->log_off = !sites[i].log;
		for (size_t k = 0; k < sites[i].error_count; k++) {
			const struct mr_site_error_config *from = &sites[i].errors[k];
			const char *body = from->body ? from->body : "";
			struct site_answer *page = site_memory_take(&self->memory, sizeof(*page));

			if (!page)
				return;
			site_answer_make(&self->memory, page, from->status,
					 from->type ? from->type : "text/html; charset=utf-8", body,
					 strlen(body), NULL, error_edits(from->status),
					 error_edits(from->status) != NULL);
			site->errors[site_error_of(from->status)] = page;
		}
	}
}

const char *
mr_site_error_check(const struct mr_site_error_config *page)
{
	static const uint16_t known[] = { 404, 405, 408, 413, 429, 431, 501 };

	for (size_t i = 0; i < MR_ARRAY_COUNT(known); i++)
		if (page->status == known[i])
			return NULL;
	return "the errors of a site are 404, 405, 408, 413, 429, 431 and 501";
}

int
mr_site_set_build(const struct mr_site_config *sites, size_t count, const char *const *roots,
		  size_t root_count, uint32_t worker_count, struct mr_site_set **out,
		  struct mr_error *error)
{
	struct mr_site_set *self = calloc(1, sizeof(*self));
	int rc;

	if (!self)
		return mr_error_set(error, -ENOMEM, "out of memory for sites");
	MR_ASSERT(count <= MR_SITE_MAX);
	self->site_count = (uint32_t)count;
	self->sites = site_memory_take(&self->memory, count * sizeof(*self->sites));
	for (size_t i = 0; self->sites && i < count; i++)
		self->sites[i].name =
			site_text_copy(&self->memory, sites[i].name, strlen(sites[i].name) + 1);
	errors_build(self);
	rc = self->memory.failed ? mr_error_set(error, -ENOMEM, "out of memory for sites")
				 : listeners_build(self, sites, count, error);
	if (!rc)
		rc = hosts_build(self, sites, error);
	if (!rc)
		rc = site_routes_build(self, sites, roots, root_count, error);
	if (!rc)
		rc = site_regexes_build(self, sites, worker_count, error);
	if (!rc) {
		pages_build(self, sites);
		site_limits_build(self, sites, worker_count);
	}
	if (!rc && self->memory.failed)
		rc = mr_error_set(error, -ENOMEM, "out of memory for sites");
	if (rc) {
		mr_site_set_free(self);
		return rc;
	}
	*out = self;
	return 0;
}

void
mr_site_set_free(struct mr_site_set *self)
{
	if (!self)
		return;
	site_regexes_free(self->regexes);
	site_memory_free(&self->memory);
	free(self);
}

/* ---- reading ---- */

/* site_on looks for the host, then for each suffix that begins with a dot, then for "". */
static const struct site *
site_on(const struct mr_site_set *self, uint32_t listener, const uint8_t *host, size_t bytes)
{
	const struct site_host_entry *entry = host_slot(self, listener, host, bytes);

	if (mr_likely(entry->hash))
		return &self->sites[entry->site];
	for (size_t i = 1; i <= bytes; i++) { /* at most MR_SITE_HOST_BYTES */
		if (i < bytes && host[i] != '.')
			continue;
		entry = host_slot(self, listener, host + i, bytes - i);
		if (entry->hash)
			return &self->sites[entry->site];
	}
	return NULL;
}

const struct site *
site_find(const struct mr_site_set *self, const struct mr_addr *addr, uint16_t port,
	  const uint8_t *host, size_t host_bytes)
{
	uint8_t lower[MR_SITE_HOST_BYTES + 1];
	uint32_t any = LISTENER_NONE;
	const struct site *site = NULL;

	if (host_bytes && host[host_bytes - 1] == '.')
		host_bytes--;
	if (host_bytes > MR_SITE_HOST_BYTES)
		return NULL;
	for (size_t i = 0; i < host_bytes; i++)
		lower[i] = (uint8_t)(host[i] | ((uint8_t)(host[i] - 'A') < 26) << 5);
	for (uint32_t i = 0; i < self->listener_count; i++) { /* at most MR_SITE_LISTENERS */
		const struct mr_site_listen *at = &self->listeners[i];

		if (at->port != port)
			continue;
		if (at->any)
			any = i;
		else if (mr_addr_equal(&at->addr, addr))
			site = site_on(self, i, lower, host_bytes);
	}
	return !site && any != LISTENER_NONE ? site_on(self, any, lower, host_bytes) : site;
}
