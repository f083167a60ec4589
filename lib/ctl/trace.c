/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/trace - why a question is answered as it is, and what a zone holds at a name; ldns prints it.
 */
#include <errno.h>
#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/ctl_int.h"

/* ---- records of a name ---- */

/* One record of rrset, whose owner is name, as text behind *text. */
static void
record_text(const uint8_t *name, unsigned name_bytes, const uint8_t *rr, char **text)
{
	size_t rest = MR_ZONE_RR_FIXED_BYTES - 2 + mr_load_be16(rr + 10), at = 0;
	uint8_t *wire = malloc(name_bytes + rest);
	ldns_rr *record = NULL;
	char *line = NULL, *longer;

	if (wire) {
		memcpy(wire, name, name_bytes);
		memcpy(wire + name_bytes, rr + 2, rest);
		if (!ldns_wire2rr(&record, wire, name_bytes + rest, &at, LDNS_SECTION_ANSWER))
			line = ldns_rr2str(record);
	}
	if (line && *text) {
		longer = realloc(*text, strlen(*text) + strlen(line) + 1);
		if (longer) {
			strcat(longer, line);
			*text = longer;
		}
		free(line);
	} else if (line) {
		*text = line;
	}
	ldns_rr_free(record);
	free(wire);
}

static void
rrset_text(const struct mr_zone_name *name, const struct mr_zone_rrset *rrset, char **text)
{
	const uint8_t *rr = rrset->wire;

	for (unsigned i = 0; i < (unsigned)rrset->rr_count + rrset->sig_count; i++) {
		record_text(name->lower, name->bytes, rr, text);
		rr += MR_ZONE_RR_FIXED_BYTES + mr_load_be16(rr + 10);
	}
}

/* A name of zone: absolute with its final dot or the zone's name at its end, relative else. */
static int
name_in_zone(const struct world *world, const struct mr_zone *zone, const char *text,
	     struct mr_zone_name *out, struct mr_error *error)
{
	uint8_t wire[MR_ZONE_NAME_BYTES + MR_ZONE_NAME_BYTES];
	int bytes = strcmp(text, "@") ? mr_zone_name_from_text(text, wire) : 1;
	bool final = text[strlen(text) - 1] == '.';

	if (!strcmp(text, "@"))
		wire[0] = 0;
	if (bytes > 0 && mr_zone_name_scan(out, &world->set->key, wire, (size_t)bytes,
					   sizeof(wire)) == (unsigned)bytes) {
		if (out->bytes >= zone->origin_bytes &&
		    !memcmp(out->lower + out->bytes - zone->origin_bytes, zone->origin,
			    zone->origin_bytes))
			return 0;
		memcpy(wire + bytes - 1, zone->origin, zone->origin_bytes);
		bytes += zone->origin_bytes - 1;
		if (!final && mr_zone_name_scan(out, &world->set->key, wire, (size_t)bytes,
						sizeof(wire)) == (unsigned)bytes)
			return 0;
	}
	return mr_error_set(error, -EINVAL, "%.300s is no name of this zone", text);
}

json_t *
ctl_records_json(const struct mr_ctl *self, size_t index, size_t word_count,
		 const char *const *words, struct mr_error *error)
{
	const struct world *world = self->worlds.running;
	const struct mr_zone *zone = world->zones[index].zone;
	uint16_t type = word_count > 1 ? (uint16_t)ldns_get_rr_type_by_name(words[1]) : 0;
	const struct mr_zone_rrset *rrset = NULL;
	const struct mr_zone_node *node;
	struct mr_zone_name name;
	struct mr_zone_view view;
	char *text = NULL;
	json_t *result;

	if (word_count > 2) {
		(void)mr_error_set(error, -EINVAL, "zone show: ZONE [NAME [TYPE]]");
		return NULL;
	}
	if (word_count > 1 && !type) {
		(void)mr_error_set(error, -EINVAL, "%.64s is no type", words[1]);
		return NULL;
	}
	if (name_in_zone(world, zone, words[0], &name, error))
		return NULL;
	node = mr_zone_probe(zone, &name, name.labels);
	if (node)
		rrset = mr_zone_node_rrsets(node);
	for (unsigned i = 0; node && i < node->rrset_count; i++, rrset = mr_zone_rrset_next(rrset))
		if (!type || rrset->type == type)
			rrset_text(&name, rrset, &text);
	/* NSEC3 records stand at names that nobody may ask for. */
	if ((!type || type == MR_ZONE_NSEC3) &&
	    !mr_zone_find_rrset(self->box.store, zone, name.lower, name.bytes, MR_ZONE_NSEC3,
				&view))
		rrset_text(&name, view.rrset, &text);
	if (!text && !node) {
		(void)mr_error_set(error, -ENOENT, "the zone has no name %.300s", words[0]);
		return NULL;
	}
	result = json_pack("{ss}", "text",
			   text   ? text
			   : type ? "; no records of this type\n"
				  : "; no records: names below it exist\n");
	free(text);
	return result;
}

/* ---- trace ---- */

struct question {
	uint8_t name[MR_ZONE_NAME_BYTES];
	int name_bytes;
	uint16_t qtype;
	struct mr_addr client;
	bool dnssec_ok, tcp;
};

static int
question_read(struct question *self, size_t word_count, const char *const *words,
	      struct mr_error *error)
{
	*self = (struct question){ .client = mr_addr_from_v4("\177\0\0\1") };
	if (word_count < 2)
		return mr_error_set(error, -EINVAL,
				    "trace query: NAME TYPE [--do] [--client ADDRESS] [--tcp]");
	self->name_bytes = mr_zone_name_from_text(words[0], self->name);
	self->qtype = (uint16_t)ldns_get_rr_type_by_name(words[1]);
	if (self->name_bytes < 0)
		return mr_error_set(error, -EINVAL, "%.300s is no name", words[0]);
	if (!self->qtype)
		return mr_error_set(error, -EINVAL, "%.64s is no type", words[1]);
	if (self->qtype == MR_ZONE_AXFR || self->qtype == MR_ZONE_IXFR)
		return mr_error_set(error, -EINVAL, "a transfer is not looked up: no steps");
	for (size_t i = 2; i < word_count; i++) {
		if (!strcmp(words[i], "--do"))
			self->dnssec_ok = true;
		else if (!strcmp(words[i], "--tcp"))
			self->tcp = true;
		else if (strcmp(words[i], "--client") || i + 1 == word_count ||
			 mr_addr_parse(words[++i], &self->client))
			return mr_error_set(
				error, -EINVAL,
				"trace query: --do, --tcp or --client ADDRESS, not %.64s",
				words[i]);
	}
	return 0;
}

/* The query as a resolver would send it: EDNS, 1232 bytes. */
static uint16_t
question_wire(const struct question *self, uint8_t message[512])
{
	struct mr_writer writer = mr_writer_over(message, 512);

	mr_writer_be32(&writer, 0x12340000);
	mr_writer_bytes(&writer, "\0\1\0\0\0\0\0\1", 8);
	mr_writer_bytes(&writer, self->name, (size_t)self->name_bytes);
	mr_writer_be16(&writer, self->qtype);
	mr_writer_be16(&writer, MR_ZONE_CLASS_IN);
	mr_writer_bytes(&writer, "\0\0\x29\x04\xd0\0\0", 7);
	mr_writer_be16(&writer, self->dnssec_ok ? 0x8000 : 0);
	mr_writer_be16(&writer, 0);
	MR_ASSERT(!writer.failed);
	return (uint16_t)(writer.at - message);
}

static json_t *
steps_json(const struct mr_dns_trace *trace)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < trace->count; i++) {
		const struct mr_dns_trace_step *step = &trace->steps[i];
		char name[MR_ZONE_NAME_TEXT_BYTES], zone[MR_ZONE_NAME_TEXT_BYTES] = "";
		char node[MR_ZONE_NAME_TEXT_BYTES] = "";
		uint8_t wire[MR_ZONE_NAME_BYTES + 1];

		mr_zone_name_to_text(step->name, name);
		if (step->zone)
			mr_zone_name_to_text(step->zone->origin, zone);
		if (step->node) { /* without a zone: relative to it */
			memcpy(wire, step->node->name, step->node->name_bytes);
			wire[step->node->name_bytes] = 0;
			if (step->zone)
				memcpy(wire + step->node->name_bytes, step->zone->origin,
				       step->zone->origin_bytes);
			mr_zone_name_to_text(wire, node);
			if (!step->zone && strlen(node) > 1)
				node[strlen(node) - 1] = 0;
		}
		json_array_append_new(list,
				      json_pack("{ss ss ss ss}", "name", name, "zone", zone, "node",
						node, "step", mr_dns_trace_text(step->what)));
	}
	return list;
}

/* What the rate limits say of client now. */
static const char *
rrl_text(const struct mr_ctl *self, const struct question *question)
{
	const struct mr_dns_rrl_config *config = &self->worlds.running->dns.rrl;
	const struct mr_worker_group *group = self->box.group;
	struct mr_dns_rrl_seen seen[MR_DNS_RRL_SEEN];

	if (config->mode == MR_DNS_RRL_OFF)
		return "off";
	if (question->tcp)
		return "not over TCP";
	if (mr_dns_rrl_allowed(config, &question->client))
		return "exempt: on the allow list";
	for (uint16_t i = 0; i < group->worker_count; i++) {
		unsigned count = 0;

		if (group->workers[i])
			count = mr_dns_rrl_list(mr_worker_rrl(group->workers[i]), seen,
						MR_DNS_RRL_SEEN);
		for (unsigned j = 0; j < count; j++)
			if (mr_prefix_covers(&seen[j].prefix, &question->client))
				return "its network was limited: see show rrl";
	}
	return "its network has not been limited";
}

static char *
message_text(const uint8_t *message, uint16_t bytes)
{
	ldns_pkt *pkt = NULL;
	char *text = NULL;

	if (bytes && !ldns_wire2pkt(&pkt, message, bytes)) {
		ldns_pkt_set_timestamp(pkt, (struct timeval){ .tv_sec = time(NULL) });
		text = ldns_pkt2str(pkt);
	}
	ldns_pkt_free(pkt);
	return text;
}

json_t *
command_trace_query(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	static uint8_t message[MR_DNS_STREAM_ANSWER_BYTES + 64]; /* the control thread's */
	static struct mr_dns_trace trace;
	const char *words[MR_COMMAND_WORDS_MAX];
	size_t count = mr_command_words(json_object_get(call->args, "question"), words);
	struct mr_dns dns = { .config = &self->worlds.running->dns };
	struct mr_dns_item item = { .message = message, .room_bytes = MR_DNS_STREAM_ANSWER_BYTES };
	char client[MR_ADDR_TEXT_BYTES], *text;
	struct question question;
	json_t *result;

	if (question_read(&question, count, words, error))
		return NULL;
	item.message_bytes = question_wire(&question, message);
	item.client = (struct mr_dns_client){ .addr = question.client,
					      .now_ns = mr_clock_now_ns(),
					      .transport = question.tcp ? MR_DNS_TCP : MR_DNS_UDP };
	mr_dns_trace(&dns, self->worlds.running->set, &item, &trace);
	text = message_text(message, item.answer_bytes);
	result = json_pack("{ss ss ss ss so ss*}", "client",
			   mr_addr_format(&question.client, client), "transport",
			   question.tcp ? "TCP" : "UDP", "outcome",
			   item.outcome == MR_DNS_DROP ? "dropped" : "answered", "rrl",
			   rrl_text(self, &question), "steps", steps_json(&trace), "text", text);
	free(text);
	return result;
}
