/* SPDX-License-Identifier: Apache-2.0
 *
 * site/h1_log - what is counted and logged of an answer, once it is queued.
 */
#include "h1_int.h"

static void
text_put(struct mr_site_access_entry *entry, enum mr_site_access_text which, const uint8_t *bytes,
	 struct mr_http_span span)
{
	entry->texts[which].bytes = bytes + span.at;
	entry->texts[which].byte_count = span.bytes;
}

static void
field_put(struct mr_site_access_entry *entry, enum mr_site_access_text which,
	  const struct request *request, enum mr_http_field_id id)
{
	const struct mr_http_field *field = mr_http_first(request->message, id);

	if (field) {
		entry->texts[which].bytes = request->bytes + field->value_at;
		entry->texts[which].byte_count = field->value_bytes;
	}
}

void
h1_log_texts(const struct run *run, const struct request *request,
	     struct mr_site_access_entry *entry)
{
	if (request->site) {
		entry->texts[MR_SITE_ACCESS_SITE].bytes = request->site->name.bytes;
		/* without its NUL */
		entry->texts[MR_SITE_ACCESS_SITE].byte_count = request->site->name.byte_count - 1;
	}
	if (request->bytes) {
		text_put(entry, MR_SITE_ACCESS_METHOD, request->bytes,
			 request->message->method_text);
		text_put(entry, MR_SITE_ACCESS_TARGET, request->bytes, request->message->target);
		text_put(entry, MR_SITE_ACCESS_HOST, request->bytes, request->message->host);
		field_put(entry, MR_SITE_ACCESS_REFERER, request, MR_HTTP_FIELD_REFERER);
		field_put(entry, MR_SITE_ACCESS_AGENT, request, MR_HTTP_FIELD_USER_AGENT);
	}
	if (run->id) {
		entry->texts[MR_SITE_ACCESS_ID].bytes = run->id;
		entry->texts[MR_SITE_ACCESS_ID].byte_count = run->id_bytes;
	}
}

void
h1_log_post(struct run *run, struct mr_site_access_entry *entry, uint64_t spent_ns)
{
	struct mr_site_server *self = run->self;

	entry->now_ns = self->now_ns;
	entry->spent_ns = spent_ns;
	entry->sent_bytes = run->sent_bytes;
	entry->content_bytes = run->sent_bytes - run->head_bytes;
	entry->client = run->view.flow.remote;
	entry->client_port = run->view.flow.remote_port;
	entry->status = run->status;
	if (!mr_site_access_post(self->access, entry))
		self->tally[MR_SITE_log_drop]++;
}

static void
access_post(struct run *run, const struct request *request, uint64_t spent_ns)
{
	struct mr_site_access_entry entry = { .parsed = request->bytes != NULL };

	if (entry.parsed)
		entry.version_minor = MR_MIN(request->message->version_minor, (uint8_t)1);
	h1_log_texts(run, request, &entry);
	h1_log_post(run, &entry, spent_ns);
}

void
h1_count(const struct run *run, uint32_t page_index, uint64_t spent_ns)
{
	struct mr_site_page *page = &run->self->pages[page_index];
	unsigned class = MR_SITE_COUNT_2XX + run->status / 100 - 2;

	mr_metric_add(page->counts, MR_SITE_COUNT_REQUEST, 1);
	if (class >= MR_SITE_COUNT_2XX && class <= MR_SITE_COUNT_5XX) /* 101 is in none */
		mr_metric_add(page->counts, class, 1);
	mr_metric_add(page->counts, MR_SITE_COUNT_BYTE, run->sent_bytes);
	mr_metric_add(page->times, mr_site_book_bucket(spent_ns), 1);
}

void
h1_log(struct run *run, const struct request *request, uint64_t began_ns)
{
	struct mr_site_server *self = run->self;
	uint64_t spent_ns = self->now_ns - began_ns;

	if (self->pages && request->site)
		h1_count(run, request->site->page, spent_ns);
	if (self->access && !(request->site && request->site->log_off))
		access_post(run, request, spent_ns);
}
