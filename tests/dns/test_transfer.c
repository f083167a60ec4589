/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/transfer - who gets a zone, and is it all of it? Read back by ldns, over a whole TCP.
 */
#include "pair.h"

#define SMALL                                                                                   \
	"example.com. 3600 IN SOA ns1.example.com. host.example.com. 7 7200 3600 1209600 300\n" \
	"example.com. 3600 IN NS ns1.example.com.\n"                                            \
	"ns1.example.com. 3600 IN A 192.0.2.1\n"                                                \
	"www.example.com. 60 IN A 192.0.2.80\n"                                                 \
	"www.example.com. 60 IN A 192.0.2.81\n"                                                 \
	"*.wild.example.com. 60 IN TXT \"w\"\n"                                                 \
	"sub.example.com. 60 IN NS ns.sub.example.com.\n"                                       \
	"ns.sub.example.com. 60 IN A 192.0.2.9\n"                                               \
	"deep.ns.sub.example.com. 60 IN TXT \"occluded\"\n"                                     \
	"a.b.c.example.com. 60 IN TXT \"below empty ones\"\n"

static const uint8_t origin[] = "\7example\3com";

/* ---- what is read back ---- */

struct records {
	char **text;
	size_t count, room, messages;
};

static void
records_add(struct records *self, ldns_rr *rr)
{
	if (self->count == self->room) {
		self->room = self->room * 2 + 64;
		self->text = realloc(self->text, self->room * sizeof(*self->text));
	}
	ldns_rr2canonical(rr);
	self->text[self->count++] = ldns_rr2str(rr);
}

static void
records_free(struct records *self)
{
	for (size_t i = 0; i < self->count; i++)
		free(self->text[i]);
	free(self->text);
}

static int
text_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Answer records of message number `first` and those behind it. */
static struct records
records_of(const struct pair *pair, unsigned first)
{
	struct records records = { 0 };
	const uint8_t *at = pair->got, *end = pair->got + pair->got_bytes;

	for (unsigned i = 0; at + 2 <= end && at + 2 + mr_load_be16(at) <= end; i++) {
		uint16_t bytes = mr_load_be16(at);
		ldns_pkt *pkt;

		at += 2u + bytes;
		if (i < first)
			continue;
		assert_int_equal(ldns_wire2pkt(&pkt, at - bytes, bytes), LDNS_STATUS_OK);
		assert_int_equal(ldns_pkt_id(pkt), 0x1234);
		assert_int_equal(ldns_pkt_get_rcode(pkt), 0);
		assert_true(ldns_pkt_qr(pkt) && ldns_pkt_aa(pkt) && !ldns_pkt_tc(pkt));
		assert_int_equal(ldns_pkt_qdcount(pkt), i == first);
		for (size_t r = 0; r < ldns_pkt_ancount(pkt); r++)
			records_add(&records, ldns_rr_list_rr(ldns_pkt_answer(pkt), r));
		records.messages++;
		ldns_pkt_free(pkt);
	}
	return records;
}

/* The first and the last are the SOA; all others, sorted, are what the lines say. */
static void
records_match(struct records *records, const char *lines)
{
	struct records expected = { 0 };
	char *copy = strdup(lines), *save = NULL;

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		ldns_rr *rr = NULL;

		assert_int_equal(ldns_rr_new_frm_str(&rr, line, 3600, NULL, NULL), 0);
		records_add(&expected, rr);
		ldns_rr_free(rr);
	}
	free(copy);
	assert_true(records->count > 2);
	assert_non_null(strstr(records->text[0], "SOA"));
	assert_string_equal(records->text[0], records->text[records->count - 1]);
	qsort(records->text, records->count - 1, sizeof(char *), text_order);
	qsort(expected.text, expected.count, sizeof(char *), text_order);
	assert_int_equal(records->count - 1, expected.count);
	for (size_t i = 0; i < expected.count; i++)
		assert_string_equal(records->text[i], expected.text[i]);
	records_free(&expected);
}

static unsigned
rcode_of(const struct pair *pair, unsigned index)
{
	uint16_t bytes;
	const uint8_t *message = pair_message(pair, index, &bytes);

	assert_non_null(message);
	return message[3] & 15;
}

/* ---- fixtures ---- */

static struct fixture f;
static struct pair pair;

static void
open_small(struct mr_dns_stream_config *config)
{
	if (!config->transfers.limit)
		config->transfers.limit = 4;
	fixture_open(&f);
	fixture_zone(&f, "example.com.", SMALL);
	fixture_set(&f);
	pair_open(&pair, &f, config);
}

static void
close_all(void)
{
	pair_close(&pair);
	fixture_close(&f);
}

/* Lines of a zone with many names, a set larger than a message, and one record larger than that. */
static char *
large_lines(unsigned names)
{
	size_t room = 1 << 20 | (size_t)names * 96;
	char *lines = malloc(room), *at = lines;

	at += sprintf(at, "%s", SMALL);
	for (unsigned i = 0; i < names; i++)
		at += sprintf(at, "host-%u.example.com. 60 IN A 10.%u.%u.%u\n", i, i >> 16,
			      i >> 8 & 255, i & 255);
	for (unsigned i = 0; i < 200; i++)
		at += sprintf(at, "set.example.com. 60 IN TXT \"%0250u\"\n", i);
	at += sprintf(at, "one.example.com. 60 IN TXT");
	for (unsigned i = 0; i < 200; i++)
		at += sprintf(at, " \"%0250u\"", i);
	sprintf(at, "\n");
	return lines;
}

static void
run_until_quiet(unsigned steps)
{
	uint32_t before = UINT32_MAX;

	for (unsigned i = 0; i < steps && before != pair.got_bytes; i += 3000) {
		before = pair.got_bytes;
		pair_run(&pair, 3000);
	}
}

/* ---- tests ---- */

static void
test_small_zone_whole(void **state)
{
	struct mr_dns_stream_config config = { 0 };
	struct records records;

	(void)state;
	open_small(&config);
	pair_connect(&pair, NULL);
	pair_ask(&pair, "example.com.", 252);
	pair_run(&pair, 50);
	records = records_of(&pair, 0);
	records_match(&records, SMALL);
	records_free(&records);
	assert_int_equal(f.metrics[MR_DNS_transfer_done], 1);
	assert_int_equal(f.metrics[MR_DNS_transfer_fail], 0);
	close_all();
}

static void
test_queries_around_it_keep_their_order(void **state)
{
	struct mr_dns_stream_config config = { 0 };
	struct records records;
	const uint8_t *end;
	uint16_t bytes = 0;
	uint32_t all;

	(void)state;
	open_small(&config);
	pair_connect(&pair, NULL);
	pair_ask(&pair, "www.example.com.", 1);
	pair_ask(&pair, "example.com.", 252);
	pair_ask(&pair, "example.com.", 252);
	pair_ask(&pair, "nobody.example.com.", 1);
	pair_run(&pair, 100);
	assert_int_equal(rcode_of(&pair, 0), 0);
	assert_int_equal(rcode_of(&pair, 5), 3); /* two messages of each transfer */
	assert_null(pair_message(&pair, 6, &bytes));
	all = pair.got_bytes;
	end = pair_message(&pair, 2, &bytes);
	assert_non_null(end);
	pair.got_bytes = (uint32_t)(end - pair.got) + bytes;
	records = records_of(&pair, 1);
	records_match(&records, SMALL);
	records_free(&records);
	pair.got_bytes = all;
	assert_int_equal(f.metrics[MR_DNS_transfer_done], 2);
	close_all();
}

static void
test_large_zone_lossy_wire_many_extents(void **state)
{
	char *lines = large_lines(20000);
	struct mr_dns_stream_config config = { .transfers = { .limit = 2,
							      .extent_bytes = 150000 } };
	struct records records;

	(void)state;
	fixture_open(&f);
	fixture_zone(&f, "example.com.", lines);
	fixture_set(&f);
	pair_open(&pair, &f, &config);
	pair.drop_every = 41;
	pair_connect(&pair, NULL);
	pair_ask(&pair, "example.com.", 252);
	run_until_quiet(600000);
	assert_true(pair.server_metrics[MR_TCP_retransmit] > 3);
	records = records_of(&pair, 0);
	assert_in_range(records.messages, 30, 60);
	records_match(&records, lines);
	records_free(&records);
	assert_int_equal(f.metrics[MR_DNS_transfer_done], 1);
	close_all();
	free(lines);
}

/* Each offset has one byte, however it is asked for. */
static void
test_fill_gives_the_same_bytes(void **state)
{
	enum { BYTES = 150000 };
	const struct mr_tcp_gen_ops *ops = &mr_dns_transfer_gen_ops;
	struct mr_dns_stream_config config = { 0 };
	uint8_t *whole = malloc(BYTES * 2), *part = malloc(BYTES * 2);
	char *lines = large_lines(2000);
	struct mr_rng rng = { 0 };
	const struct ask ask = { .transport = MR_DNS_TCP };
	uint32_t planned = 0, transfer;
	bool end = false;

	(void)state;
	config.transfers.limit = 2;
	fixture_open(&f);
	fixture_zone(&f, "example.com.", lines);
	fixture_set(&f);
	pair_open(&pair, &f, &config);
	mr_rng_seed(&rng, 1);
	fixture_send(&f, fixture_question(f.message, origin, sizeof(origin), 252, &ask), &ask);
	transfer = pair.stream.transfers.offered;
	assert_int_not_equal(transfer, 0);
	while (!end) {
		uint32_t room = 1 + (uint32_t)mr_rng_below(&rng, 4000), more;

		more = ops->plan(&pair.stream.transfers, transfer, planned, room, &end);
		assert_true(more <= room && (more || end));
		ops->fill(&pair.stream.transfers, transfer, planned, whole + planned, more);
		planned += more;
		assert_true(planned < BYTES * 2);
	}
	assert_true(planned > BYTES);
	for (unsigned i = 0; i < 2000; i++) {
		uint32_t at = (uint32_t)mr_rng_below(&rng, planned);
		uint32_t count = (uint32_t)mr_rng_below(&rng, 60000);

		count = MR_MIN(count, planned - at);
		ops->fill(&pair.stream.transfers, transfer, at, part, count);
		assert_memory_equal(part, whole + at, count);
	}
	ops->acked(&pair.stream.transfers, transfer, planned);
	mr_dns_transfer_end(&pair.stream.transfers, transfer);
	pair.stream.transfers.offered = 0;
	close_all();
	free(lines);
	free(whole);
	free(part);
}

static void
test_who_may_and_what(void **state)
{
	struct mr_dns_stream_config config = { 0 };

	(void)state;
	open_small(&config);
	pair_connect(&pair, NULL);
	pair_ask(&pair, "www.example.com.", 252);
	pair_ask(&pair, "example.org.", 252);
	pair_run(&pair, 50);
	assert_int_equal(rcode_of(&pair, 0), 9);
	assert_int_equal(rcode_of(&pair, 1), 9);
	assert_int_equal(f.metrics[MR_DNS_transfer_notauth], 2);
	pair_connect(&pair, "192.0.3.1");
	pair_ask(&pair, "example.com.", 252);
	pair_run(&pair, 50);
	assert_int_equal(rcode_of(&pair, 0), 5);
	assert_int_equal(f.metrics[MR_DNS_transfer_refused], 1);
	f.config.zone_option_count = 0; /* nothing said: nobody */
	pair_connect(&pair, NULL);
	pair_ask(&pair, "example.com.", 252);
	pair_run(&pair, 50);
	assert_int_equal(rcode_of(&pair, 0), 5);
	assert_int_equal(f.metrics[MR_DNS_transfer_begin], 0);
	close_all();
}

static void
test_none_over_udp_or_without_transfers(void **state)
{
	const struct ask udp = { 0 }, tcp = { .transport = MR_DNS_TCP };
	struct mr_dns_stream_config config = { 0 };

	(void)state;
	open_small(&config);
	fixture_send(&f, fixture_question(f.message, origin, sizeof(origin), 252, &udp), &udp);
	assert_int_equal(f.message[3] & 15, 4);
	f.dns.transfers = NULL;
	fixture_send(&f, fixture_question(f.message, origin, sizeof(origin), 252, &tcp), &tcp);
	assert_int_equal(f.message[3] & 15, 4);
	close_all();
}

/* An IXFR query; serial: what the client has. extra: more bytes behind it. */
static void
ask_ixfr(uint32_t serial, bool with_soa)
{
	struct mr_writer w;
	uint8_t message[600];

	w = mr_writer_over(message + 2, 598);
	mr_writer_bytes(&w, "\x12\x34\0\0\0\1\0\0\0", 9);
	mr_writer_u8(&w, with_soa);
	mr_writer_bytes(&w, "\0\1", 2);
	mr_writer_bytes(&w, origin, sizeof(origin));
	mr_writer_be32(&w, 251u << 16 | 1);
	if (with_soa) {
		mr_writer_bytes(&w, "\xc0\x0c\0\6\0\1\0\0\0\0\0\x18\xc0\x0c\xc0\x0c", 16);
		mr_writer_be32(&w, serial);
		mr_writer_bytes(&w, (uint8_t[16]){ 0 }, 16);
	}
	mr_writer_bytes(&w, "\0\0\x29\x04\xd0\0\0\0\0\0\0", 11);
	mr_store_be16(message, (uint16_t)(w.at - message - 2));
	assert_int_equal(mr_tcp_send(pair.client, pair.conn, message, (uint32_t)(w.at - message)),
			 w.at - message);
	pair_run(&pair, 50);
}

static void
test_ixfr_by_serial(void **state)
{
	static const struct {
		uint32_t serial;
		bool whole;
	} rows[] = {
		{ 6, true },
		{ 7, false },
		{ 8, false },
		{ 7 + 0x7fffffffu, false },
		{ 7u - 0x7fffffff, true },
	};
	struct mr_dns_stream_config config = { 0 };

	(void)state;
	open_small(&config);
	for (size_t i = 0; i < MR_ARRAY_COUNT(rows); i++) {
		struct records records;

		pair_connect(&pair, NULL);
		ask_ixfr(rows[i].serial, true);
		records = records_of(&pair, 0);
		assert_non_null(strstr(records.text[0], "SOA"));
		if (rows[i].whole)
			records_match(&records, SMALL);
		else
			assert_int_equal(records.count, 1);
		records_free(&records);
	}
	assert_int_equal(f.metrics[MR_DNS_transfer_current], 3);
	pair_connect(&pair, NULL);
	ask_ixfr(1, false); /* RFC 1995 3: it has the client's SOA */
	assert_int_equal(rcode_of(&pair, 0), 1);
	close_all();
}

static void
test_limits(void **state)
{
	struct mr_dns_stream_config config = { .transfers = { .limit = 1 } };
	char *lines = large_lines(20000);

	(void)state;
	fixture_open(&f);
	fixture_zone(&f, "example.com.", lines);
	fixture_set(&f);
	pair_open(&pair, &f, &config);
	pair_connect(&pair, NULL);
	pair.paused = true;
	pair_ask(&pair, "example.com.", 252);
	pair_run(&pair, 100);
	assert_int_equal(pair.pins.counts[1][PAIR_PIN_SLOT], 1);
	pair_connect(&pair, NULL);
	pair.paused = false;
	pair_ask(&pair, "example.com.", 252);
	pair_run(&pair, 100);
	assert_int_equal(rcode_of(&pair, 0), 5);
	assert_int_equal(f.metrics[MR_DNS_transfer_limit], 1);
	close_all(); /* ends the first one: its pin is dropped */
	free(lines);
}

/* Free ones are not counted, whatever the pool has written into them. */
static void
test_zone_limit_counts_those_that_go_on(void **state)
{
	struct mr_dns_stream_config config = { .transfers = { .limit = 8, .zone_limit = 2 } };
	const struct ask ask = { .transport = MR_DNS_TCP };
	uint32_t taken[2];

	(void)state;
	open_small(&config);
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 3; i++) {
			fixture_send(&f,
				     fixture_question(f.message, origin, sizeof(origin), 252, &ask),
				     &ask);
			assert_int_equal(f.message[3] & 15, i < 2 ? 0 : 5);
			if (i < 2)
				taken[i] = pair.stream.transfers.offered;
			pair.stream.transfers.offered = 0;
		}
		for (int i = 0; i < 2; i++)
			mr_dns_transfer_end(&pair.stream.transfers, taken[i]);
	}
	assert_int_equal(f.metrics[MR_DNS_transfer_limit] + f.dns.tally[MR_DNS_transfer_limit], 4);
	close_all();
}

static void
test_slow_reader_gets_it_and_a_stuck_one_is_reset(void **state)
{
	struct mr_dns_stream_config config = { .transfers = { .limit = 1 }, .idle_ms = 1000 };
	char *lines = large_lines(40000);
	struct records records;

	(void)state;
	fixture_open(&f);
	fixture_zone(&f, "example.com.", lines);
	fixture_set(&f);
	pair_open(&pair, &f, &config);
	pair.take_max = 200; /* bytes of a millisecond: 10 s and more for the zone */
	pair_connect(&pair, NULL);
	pair_ask(&pair, "example.com.", 252);
	run_until_quiet(100000);
	records = records_of(&pair, 0);
	records_match(&records, lines);
	records_free(&records);
	assert_int_equal(f.metrics[MR_DNS_transfer_done], 1);

	pair_connect(&pair, NULL);
	pair_ask(&pair, "example.com.", 252);
	pair_run(&pair, 500);
	pair.paused = true;
	pair_run(&pair, 5000);
	assert_true(pair.over);
	assert_int_equal(pair.reason, MR_TCP_END_RESET);
	assert_int_equal(f.metrics[MR_DNS_stream_slow], 1);
	assert_int_equal(f.metrics[MR_DNS_transfer_fail], 1);
	assert_int_equal(pair.pins.counts[1][PAIR_PIN_SLOT], 0);
	close_all();
	free(lines);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_zone_whole),
		cmocka_unit_test(test_queries_around_it_keep_their_order),
		cmocka_unit_test(test_large_zone_lossy_wire_many_extents),
		cmocka_unit_test(test_fill_gives_the_same_bytes),
		cmocka_unit_test(test_who_may_and_what),
		cmocka_unit_test(test_none_over_udp_or_without_transfers),
		cmocka_unit_test(test_ixfr_by_serial),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_zone_limit_counts_those_that_go_on),
		cmocka_unit_test(test_slow_reader_gets_it_and_a_stuck_one_is_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
