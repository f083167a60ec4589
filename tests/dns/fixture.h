/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/fixture - zones from lines of text, questions, and answers read back, all by ldns: nothing
 * here shares a line with what is tested.
 */
#ifndef MR_TESTS_DNS_FIXTURE_H
#define MR_TESTS_DNS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ldns/ldns.h>

#include "dns/dns.h"

enum { FIXTURE_ZONES = 16, FIXTURE_BYTES = 65535 };

struct fixture {
	struct mr_zone_store *store;
	struct mr_zone *zones[FIXTURE_ZONES];
	size_t zone_count;
	struct mr_zone_set *set;
	struct mr_dns_config config;
	struct mr_dns dns;
	uint64_t metrics[MR_DNS_METRIC_COUNT];
	uint8_t message[FIXTURE_BYTES + 64];
	uint16_t answer_bytes;
};

static inline void
fixture_open(struct fixture *self)
{
	struct mr_error error = { 0 };

	memset(self, 0, sizeof(*self));
	if (mr_zone_store_create(&self->store, 1ull << 32, false, &error)) {
		fprintf(stderr, "%s\n", error.text);
		abort();
	}
	self->config.udp_payload_v4_bytes = 1232;
	self->config.udp_payload_v6_bytes = 1232;
	self->dns.config = &self->config;
	self->dns.metrics = self->metrics;
}

static inline void
fixture_set(struct fixture *self)
{
	struct mr_error error = { 0 };

	mr_zone_set_free(self->set);
	if (mr_zone_set_build(self->store, self->zones, self->zone_count, &self->set, &error)) {
		fprintf(stderr, "%s\n", error.text);
		abort();
	}
}

static inline void
fixture_close(struct fixture *self)
{
	mr_zone_set_free(self->set);
	for (size_t i = 0; i < self->zone_count; i++)
		mr_zone_release(self->store, self->zones[i]);
	struct mr_extents_stats stats;

	mr_zone_store_stats(self->store, &stats);
	if (stats.used_bytes != 0)
		abort(); /* what was taken is given back */
	mr_zone_store_destroy(self->store);
}

static inline int
fixture_add_rr(struct mr_zone_builder *builder, const ldns_rr *rr, struct mr_error *error)
{
	uint8_t *wire, *at;
	size_t bytes;
	struct mr_zone_record record = { .file = "test", .line = 1 };

	if (ldns_rr2wire(&wire, rr, LDNS_SECTION_ANSWER, &bytes) != LDNS_STATUS_OK)
		abort();
	for (at = wire; *at; at += *at + 1)
		;
	at++;
	record.owner = wire;
	record.owner_bytes = (uint16_t)(at - wire);
	record.type = mr_load_be16(at);
	record.rr_class = mr_load_be16(at + 2);
	record.ttl = mr_load_be32(at + 4);
	record.rdata_bytes = mr_load_be16(at + 8);
	record.rdata = at + 10;
	int code = mr_zone_builder_add(builder, &record, error);

	free(wire);
	return code;
}

/* fixture_build makes a zone of lines (each a whole record, separated by newlines) and returns the
 * code of the first failure. */
static inline int
fixture_build(struct mr_zone_store *store, const char *origin, const char *lines,
	      struct mr_zone **zone, struct mr_error *error)
{
	ldns_rdf *apex = ldns_dname_new_frm_str(origin);
	struct mr_zone_builder *builder = NULL;
	char *copy = strdup(lines), *save = NULL;
	int code = mr_zone_builder_create(&builder, ldns_rdf_data(apex),
					  (uint16_t)ldns_rdf_size(apex), error);

	for (char *line = strtok_r(copy, "\n", &save); !code && line;
	     line = strtok_r(NULL, "\n", &save)) {
		ldns_rr *rr = NULL;
		ldns_status status = ldns_rr_new_frm_str(&rr, line, 3600, apex, NULL);

		if (status != LDNS_STATUS_OK) {
			fprintf(stderr, "ldns: %s: %s\n", ldns_get_errorstr_by_id(status), line);
			abort();
		}
		code = fixture_add_rr(builder, rr, error);
		ldns_rr_free(rr);
	}
	if (!code)
		code = mr_zone_builder_finish(builder, store, zone, error);
	mr_zone_builder_destroy(builder);
	free(copy);
	ldns_rdf_deep_free(apex);
	return code;
}

static inline void
fixture_zone(struct fixture *self, const char *origin, const char *lines)
{
	struct mr_error error = { 0 };

	if (fixture_build(self->store, origin, lines, &self->zones[self->zone_count], &error)) {
		fprintf(stderr, "%s\n", error.text);
		abort();
	}
	self->zone_count++;
}

/* How a question is put. */
struct ask {
	uint16_t room_bytes; /* 0: all */
	uint16_t edns_bytes; /* 0: no EDNS */
	uint16_t flags;      /* RD, CD, opcode … */
	uint8_t transport;
	bool dnssec_ok;
	bool v6;
};

/* fixture_send gives query_bytes of self->message to be answered; 0: dropped. */
static inline uint16_t
fixture_send(struct fixture *self, uint16_t query_bytes, const struct ask *ask)
{
	struct mr_dns_item item = {
		.message = self->message,
		.message_bytes = query_bytes,
		.room_bytes = ask->room_bytes ? ask->room_bytes : FIXTURE_BYTES,
		.client = { .addr = mr_addr_from_v4("\300\0\2\1"), .transport = ask->transport },
	};

	if (ask->v6)
		item.client.addr = mr_addr_from_v6("\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1");
	mr_dns_answer(&self->dns, self->set, &item);
	mr_dns_flush(&self->dns);
	self->answer_bytes = item.answer_bytes;
	return item.outcome == MR_DNS_ANSWER ? item.answer_bytes : 0;
}

static inline uint16_t
fixture_question(uint8_t *message, const uint8_t *name, size_t name_bytes, uint16_t qtype,
		 const struct ask *ask)
{
	struct mr_writer w = mr_writer_over(message, 512);

	mr_writer_be16(&w, 0x1234);
	mr_writer_be16(&w, ask->flags);
	mr_writer_be16(&w, 1);
	mr_writer_be32(&w, 0);
	mr_writer_be16(&w, ask->edns_bytes || ask->dnssec_ok);
	mr_writer_bytes(&w, name, name_bytes);
	mr_writer_be16(&w, qtype);
	mr_writer_be16(&w, 1);
	if (ask->edns_bytes || ask->dnssec_ok) {
		mr_writer_u8(&w, 0);
		mr_writer_be16(&w, 41);
		mr_writer_be16(&w, ask->edns_bytes);
		mr_writer_be32(&w, ask->dnssec_ok ? 0x8000 : 0);
		mr_writer_be16(&w, 0);
	}
	assert_false(w.failed);
	return (uint16_t)(w.at - message);
}

/* fixture_ask asks and returns the answer as ldns reads it (to be freed). */
static inline ldns_pkt *
fixture_ask(struct fixture *self, const char *qname, uint16_t qtype, const struct ask *how)
{
	static const struct ask plain;
	const struct ask *ask = how ? how : &plain;
	ldns_rdf *name = ldns_dname_new_frm_str(qname);
	ldns_pkt *answer = NULL;
	uint16_t bytes, question_bytes;
	uint8_t question[512];

	bytes = fixture_question(self->message, ldns_rdf_data(name), ldns_rdf_size(name), qtype,
				 ask);
	question_bytes = (uint16_t)(ldns_rdf_size(name) + 4);
	memcpy(question, self->message + 12, question_bytes);
	bytes = fixture_send(self, bytes, ask);
	ldns_rdf_deep_free(name);
	assert_true(bytes > 0);
	assert_int_equal(ldns_wire2pkt(&answer, self->message, bytes), LDNS_STATUS_OK);
	assert_memory_equal(self->message, "\x12\x34", 2);
	assert_memory_equal(self->message + 12, question, question_bytes);
	return answer;
}

#endif
