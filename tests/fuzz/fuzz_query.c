/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz/query - any message against zones that have one of everything.
 *
 * The first byte chooses transport, room and how the zone is signed. What must hold: a response
 * is never answered; an answer keeps the ID, is within its bounds, and is a message that ldns can
 * read.
 */
#include <stdlib.h>

#include <ldns/ldns.h>

#include "dns/dns.h"

static const char *const lines[] = {
	"example. 60 IN SOA ns.example. host.example. 1 2 3 4 30",
	"example. 60 IN NS ns.example.",
	"ns.example. 60 IN A 192.0.2.1",
	"www.example. 60 IN A 192.0.2.2",
	"www.example. 60 IN AAAA 2001:db8::2",
	"a.b.c.example. 60 IN TXT \"deep\"",
	"*.w.example. 60 IN MX 10 mail.example.",
	"l.example. 60 IN CNAME m.example.",
	"m.example. 60 IN CNAME l.example.",
	"*.d.example. 60 IN CNAME www.example.",
	"dn.example. 60 IN DNAME w.example.",
	"big.dn.example. 60 IN A 192.0.2.9",
	"s.example. 60 IN NS ns.s.example.",
	"s.example. 60 IN NS ns.t.example.",
	"s.example. 60 IN DS 1 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
	"ns.s.example. 60 IN A 192.0.2.3",
	"t.example. 60 IN NS ns.t.example.",
	"ns.t.example. 60 IN AAAA 2001:db8::3",
	"self.example. 60 IN DNAME self.self.example.",
};

/* What makes the zone a signed one. Nobody looks at the signatures. */
static const char *const nsec_lines[] = {
	"example. 60 IN NSEC a.b.c.example. NS SOA RRSIG NSEC",
	"example. 60 IN RRSIG NSEC 13 1 60 20300101000000 20200101000000 1 example. AAAAAAAA",
	"a.b.c.example. 60 IN NSEC ns.example. TXT RRSIG NSEC",
	"ns.example. 60 IN NSEC www.example. A RRSIG NSEC",
	"www.example. 60 IN NSEC example. A AAAA RRSIG NSEC",
	"www.example. 60 IN RRSIG A 13 2 60 20300101000000 20200101000000 1 example. AAAAAAAA",
};

/* The apex, c, w and www. */
static const char *const nsec3_lines[] = {
	"example. 60 IN NSEC3PARAM 1 0 0 -",
	"3msev9usmd4br9s97v51r2tdvmr9iqo1.example. 60 IN NSEC3 1 1 0 - "
	"9kqnrpnekplbct2m3k9jh3cljviok2b5 A RRSIG",
	"9kqnrpnekplbct2m3k9jh3cljviok2b5.example. 60 IN NSEC3 1 1 0 - "
	"atutakms2nniod8sie19kmfb3uqd60kq A RRSIG",
	"atutakms2nniod8sie19kmfb3uqd60kq.example. 60 IN NSEC3 1 1 0 - "
	"tf4v2jbvf5iq28bheot32e5nsh2dbof3 A RRSIG",
	"tf4v2jbvf5iq28bheot32e5nsh2dbof3.example. 60 IN NSEC3 1 1 0 - "
	"3msev9usmd4br9s97v51r2tdvmr9iqo1 A RRSIG",
	"example. 60 IN RRSIG SOA 13 1 60 20300101000000 20200101000000 1 example. AAAAAAAA",
};

static const struct {
	const char *const *lines;
	size_t count;
} forms[] = {
	{ NULL, 0 },
	{ nsec_lines, MR_ARRAY_COUNT(nsec_lines) },
	{ nsec3_lines, MR_ARRAY_COUNT(nsec3_lines) },
};

static struct mr_zone_store *store;
static struct mr_zone_set *sets[MR_ARRAY_COUNT(forms)];

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
add_line(struct mr_zone_builder *builder, const char *line)
{
	struct mr_zone_record record = { .file = "fuzz" };
	struct mr_error error = { 0 };
	uint8_t *wire, *at;
	size_t bytes;
	ldns_rr *rr;

	must(ldns_rr_new_frm_str(&rr, line, 60, NULL, NULL) == LDNS_STATUS_OK);
	must(ldns_rr2wire(&wire, rr, LDNS_SECTION_ANSWER, &bytes) == LDNS_STATUS_OK);
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
	must(mr_zone_builder_add(builder, &record, &error) == 0);
	free(wire);
	ldns_rr_free(rr);
}

static void
make_zones(void)
{
	static const uint8_t origin[] = "\7example";
	struct mr_error error = { 0 };

	must(mr_zone_store_create(&store, 1ull << 30, false, &error) == 0);
	for (size_t form = 0; form < MR_ARRAY_COUNT(forms); form++) {
		struct mr_zone_builder *builder;
		struct mr_zone *zone;

		must(mr_zone_builder_create(&builder, origin, sizeof(origin), &error) == 0);
		for (size_t i = 0; i < MR_ARRAY_COUNT(lines); i++)
			add_line(builder, lines[i]);
		for (size_t i = 0; i < forms[form].count; i++)
			add_line(builder, forms[form].lines[i]);
		must(mr_zone_builder_finish(builder, store, &zone, &error) == 0);
		mr_zone_builder_destroy(builder);
		must(mr_zone_set_build(store, &zone, 1, &sets[form], &error) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mr_dns_config config = { .udp_payload_v4_bytes = 1232,
						     .udp_payload_v6_bytes = 1232,
						     .nsid = "fuzz",
						     .nsid_bytes = 4,
						     .cookie_secret_count = 2,
						     .version = "v",
						     .identity = "i" };
	static uint64_t metrics[MR_DNS_METRIC_COUNT];
	static struct mr_dns dns = { .config = &config, .metrics = metrics };

	if (!store)
		make_zones();
	if (size < 1 || size > 4096)
		return 0;
	bool tcp = data[0] & 1;
	uint16_t bytes = (uint16_t)(size - 1);
	uint16_t room = (uint16_t)(bytes + ((data[0] >> 1) * 16));
	uint8_t *message = malloc(room + 1u); /* its own piece, so that ASan sees a byte too far */
	struct mr_dns_item item = { .message = message,
				    .message_bytes = bytes,
				    .room_bytes = room,
				    .client.transport = tcp ? MR_DNS_TCP : MR_DNS_UDP };

	memcpy(message, data + 1, bytes);
	mr_dns_answer(&dns, sets[data[0] % MR_ARRAY_COUNT(sets)], &item);
	mr_dns_flush(&dns);
	if (item.outcome == MR_DNS_ANSWER) {
		ldns_pkt *packet;

		must(bytes >= 12 && !(data[3] & 0x80));
		must(item.answer_bytes >= 12 && item.answer_bytes <= room);
		must(tcp || item.answer_bytes <= 1232);
		must(memcmp(message, data + 1, 2) == 0 && message[2] & 0x80);
		must(ldns_wire2pkt(&packet, message, item.answer_bytes) == LDNS_STATUS_OK);
		if (ldns_pkt_qdcount(packet)) { /* as it came, case and all */
			size_t end = 12;

			for (; message[end]; end += message[end] + 1u)
				;
			must(memcmp(message + 12, data + 13, end - 12 + 5) == 0);
		}
		ldns_pkt_free(packet);
	} else {
		must(item.outcome == MR_DNS_DROP && item.answer_bytes == 0);
		must(bytes < 12 || data[3] & 0x80);
	}
	free(message);
	return 0;
}
