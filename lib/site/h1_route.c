/* SPDX-License-Identifier: Apache-2.0
 *
 * site/h1_route - from a request to its site, its canonical path and its route.
 */
#include <string.h>

#include "h1_int.h"

enum { ID_BYTES_MAX = 64 /* of a request's own X-Request-ID */ };

/* id_take takes the request's own id where it is one, or makes one. */
static void
id_take(struct run *run, const struct request *request)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-_.:=+/";
	const struct mr_http_field *field =
		mr_http_first(request->message, MR_HTTP_FIELD_X_REQUEST_ID);
	struct mr_site_server *self = run->self;
	uint64_t word = 0;
	bool usable = field && field->value_bytes && field->value_bytes <= ID_BYTES_MAX;

	for (uint16_t i = 0; usable && i < field->value_bytes; i++)
		usable = memchr(plain, request->bytes[field->value_at + i], sizeof(plain) - 1);
	if (usable) {
		run->id = request->bytes + field->value_at;
		run->id_bytes = (uint8_t)field->value_bytes;
		return;
	}
	for (size_t i = 0; i < sizeof(run->id_text); i++) {
		if (i % 16 == 0) {
			self->id_count++;
			word = mr_hash_bytes(&self->id_key, &self->id_count,
					     sizeof(self->id_count));
		}
		run->id_text[i] = "0123456789abcdef"[word >> (i % 16 * 4) & 15];
	}
	run->id = (const uint8_t *)run->id_text;
	run->id_bytes = sizeof(run->id_text);
}

void
h1_id(struct run *run, const struct request *request)
{
	if (mr_unlikely(request->site && request->site->request_id))
		id_take(run, request);
	else
		run->id = NULL;
}

const struct site_answer *
h1_route(struct run *run, struct request *request)
{
	const struct mr_http_message *message = request->message;
	const struct mr_site_server *self = run->self;
	const struct mr_site_set *sites = self->sites;
	const struct site *site;

	request->missing = -1;
	if (mr_unlikely(message->target_form == MR_HTTP_ASTERISK_FORM))
		return &sites->options_all;
	if (mr_unlikely(!mr_tcp_view(run->tcp, run->conn, &run->view)))
		return &sites->errors[SITE_500];
	site = site_find(sites, &run->view.flow.local, run->view.flow.local_port,
			 request->bytes + message->host.at, message->host.bytes);
	if (mr_unlikely(!site)) {
		request->missing = MR_SITE_no_site;
		return &sites->errors[SITE_421];
	}
	request->site = site;
	request->path = request->bytes + message->path.at;
	request->path_bytes = message->path.bytes;
	if (mr_unlikely(!message->path_plain || !request->path_bytes)) {
		request->path_bytes = mr_http_path(request->path, request->path_bytes, self->path,
						   MR_HTTP_PATH_ROOM(MR_HTTP_HEAD_BYTES_MAX));
		request->path = self->path;
	}
	request->route =
		site_route_find(sites, site, request->path, request->path_bytes, self->worker);
	if (mr_likely(request->route))
		return NULL;
	request->missing = MR_SITE_no_route;
	return site_error(sites, site, SITE_404);
}
