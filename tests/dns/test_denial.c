/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/test_denial - zones signed by ldns and by dnssec-signzone; every answer is validated as a
 * resolver would: each RRset by its signature, each "no" by its proof.
 *
 * The same questions go to the unsigned zone: but for DNSSEC records both must say the same.
 */
#include <errno.h>
#include <unistd.h>

#include "validate.h"

enum { TEXT_BYTES = 1 << 20 };

static const char plain_zone[] =
	"example. 3600 IN SOA ns.example. host.example. 1 7200 3600 1209600 300\n"
	"example. 3600 IN NS ns.example.\n"
	"example. 3600 IN MX 10 www.example.\n"
	"ns.example. 3600 IN A 192.0.2.1\n"
	"www.example. 3600 IN A 192.0.2.2\n"
	"www.example. 3600 IN AAAA 2001:db8::2\n"
	"a.b.ent.example. 3600 IN A 192.0.2.3\n"
	"*.w.example. 3600 IN TXT \"wild\"\n"
	"*.w.example. 3600 IN A 192.0.2.4\n"
	"!bang.w.example. 3600 IN A 192.0.2.5\n"
	"*.cw.example. 3600 IN CNAME www.example.\n"
	"*.cx.example. 3600 IN CNAME nothing.at.ent.example.\n"
	"secure.example. 3600 IN NS ns.secure.example.\n"
	"secure.example. 3600 IN DS 1 13 2 "
	"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"
	"ns.secure.example. 3600 IN A 192.0.2.6\n"
	"insecure.example. 3600 IN NS ns.insecure.example.\n"
	"ns.insecure.example. 3600 IN A 192.0.2.7\n"
	"x.only.example. 3600 IN NS ns.elsewhere.\n"
	"d.example. 3600 IN DNAME w.example.\n"
	"c1.example. 3600 IN CNAME nothing.example.\n"
	"c2.example. 3600 IN CNAME here.w.example.\n"
	"c3.example. 3600 IN CNAME here.cw.example.\n"
	"c4.example. 3600 IN CNAME www.elsewhere.\n"
	"\\000zero.example. 3600 IN A 192.0.2.8\n"
	"\\001one.example. 3600 IN A 192.0.2.9\n"
	"z\\000.example. 3600 IN A 192.0.2.10\n"
	"z.example. 3600 IN A 192.0.2.11\n"
	"\\200high.example. 3600 IN A 192.0.2.12\n"
	"MiXed.example. 3600 IN A 192.0.2.13\n"
	"longcommonprefix1.example. 3600 IN A 192.0.2.14\n"
	"longcommonprefix2.example. 3600 IN A 192.0.2.15\n"
	"longcommonprefix3.example. 3600 IN A 192.0.2.16\n";

static const char *const names[] = {
	"",
	"ns.",
	"www.",
	"ent.",
	"b.ent.",
	"a.b.ent.",
	"w.",
	"*.w.",
	"any.w.",
	"more.any.w.",
	"!bang.w.",
	"cw.",
	"one.cw.",
	"one.cx.",
	"secure.",
	"below.secure.",
	"insecure.",
	"ns.insecure.",
	"only.",
	"x.only.",
	"below.x.only.",
	"y.only.",
	"d.",
	"below.d.",
	"c1.",
	"c2.",
	"c3.",
	"c4.",
	"\\000zero.",
	"\\001one.",
	"z\\000.",
	"z.",
	"\\200high.",
	"mixed.",
	"longcommonprefix1.",
	"longcommonprefix2.",
	"longcommonprefix3.",
};

static const char *const prefixes[] = {
	"", "zz.", "!.", "\\000.", "\\255.", "*.", "p.q.", "LONG."
};

/* ---- zones ---- */

enum signing { NSEC, NSEC3, NSEC3_OPT_OUT };

static char *
signed_by_ldns(enum signing how, ldns_signing_algorithm algorithm, uint16_t iterations)
{
	ldns_dnssec_zone *zone = ldns_dnssec_zone_new();
	ldns_rr_list *made = ldns_rr_list_new();
	ldns_key_list *keys = ldns_key_list_new();
	ldns_key *key = ldns_key_new_frm_algorithm(algorithm,
						   algorithm == LDNS_SIGN_RSASHA256 ? 1024 : 256);
	char *copy = strdup(plain_zone), *save = NULL, *text = calloc(1, TEXT_BYTES);
	uint8_t salt[] = { 0xab, 0xcd };
	ldns_status status;
	FILE *out;

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		ldns_rr *rr = NULL;

		assert_int_equal(ldns_rr_new_frm_str(&rr, line, 3600, NULL, NULL), LDNS_STATUS_OK);
		ldns_rr2canonical(rr);
		assert_int_equal(ldns_dnssec_zone_add_rr(zone, rr), LDNS_STATUS_OK);
	}
	ldns_key_set_pubkey_owner(key, ldns_dname_new_frm_str("example."));
	ldns_key_set_flags(key, 256);
	ldns_key_set_inception(key, (uint32_t)time(NULL) - 3600);
	ldns_key_set_expiration(key, (uint32_t)time(NULL) + 86400);
	ldns_key_list_push_key(keys, key);
	ldns_rr *dnskey = ldns_key2rr(key);

	ldns_rr_set_ttl(dnskey, 3600);
	ldns_key_set_keytag(key, ldns_calc_keytag(dnskey));
	assert_int_equal(ldns_dnssec_zone_add_rr(zone, dnskey), LDNS_STATUS_OK);
	status = how == NSEC
			 ? ldns_dnssec_zone_sign(zone, made, keys,
						 ldns_dnssec_default_replace_signatures, NULL)
			 : ldns_dnssec_zone_sign_nsec3(zone, made, keys,
						       ldns_dnssec_default_replace_signatures, NULL,
						       1, how == NSEC3_OPT_OUT, iterations,
						       iterations ? sizeof(salt) : 0, salt);
	assert_int_equal(status, LDNS_STATUS_OK);
	out = fmemopen(text, TEXT_BYTES, "w");
	ldns_dnssec_zone_print(out, zone);
	fclose(out);
	/* What ldns says beside the records. */
	char *to = text;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		size_t bytes = strlen(line);

		if (*line == ';' || bytes == 0)
			continue;
		memmove(to, line, bytes);
		to += bytes;
		*to++ = '\n';
	}
	*to = '\0';
	ldns_dnssec_zone_deep_free(zone);
	ldns_rr_list_free(made);
	ldns_key_list_free(keys);
	free(copy);
	return text;
}

/* ---- every question ---- */

static void
check_zone(const char *text)
{
	static const uint16_t types[] = { 1, 2, 5, 6, 15, 16, 28, 39, 43 };
	static const struct ask dnssec = { .edns_bytes = 4096,
					   .dnssec_ok = true,
					   .transport = MR_DNS_TCP };
	static const struct ask no_dnssec = { .edns_bytes = 4096, .transport = MR_DNS_TCP };
	static struct fixture f, g;
	ldns_pkt *dnskeys;
	ldns_rr_list *keys;

	fixture_open(&f);
	fixture_open(&g);
	fixture_zone(&f, "example.", text);
	fixture_zone(&g, "example.", plain_zone);
	fixture_set(&f);
	fixture_set(&g);
	dnskeys = fixture_ask(&f, "example.", LDNS_RR_TYPE_DNSKEY, &dnssec);
	keys = ldns_pkt_rr_list_by_type(dnskeys, LDNS_RR_TYPE_DNSKEY, LDNS_SECTION_ANSWER);
	assert_non_null(keys);
	for (size_t i = 0; i < MR_ARRAY_COUNT(names) * MR_ARRAY_COUNT(prefixes); i++) {
		char qname[128];

		snprintf(qname, sizeof(qname), "%s%sexample.", prefixes[i / MR_ARRAY_COUNT(names)],
			 names[i % MR_ARRAY_COUNT(names)]);
		for (size_t t = 0; t < MR_ARRAY_COUNT(types); t++) {
			ldns_pkt *answer = fixture_ask(&f, qname, types[t], &dnssec);
			ldns_pkt *plain = fixture_ask(&g, qname, types[t], &no_dnssec);
			ldns_pkt *quiet = fixture_ask(&f, qname, types[t], &no_dnssec);

			snprintf(asked, sizeof(asked), "%s type %u", qname, types[t]);
			check_answer(answer, plain, keys, qname, types[t]);
			/* RFC 4035 3.1: without DO no DNSSEC records */
			check_same_without_dnssec(ldns_pkt_authority(quiet),
						  ldns_pkt_authority(plain));
			assert_int_equal(ldns_rr_list_rr_count(ldns_pkt_authority(quiet)),
					 ldns_rr_list_rr_count(ldns_pkt_authority(plain)));
			ldns_pkt_free(answer);
			ldns_pkt_free(plain);
			ldns_pkt_free(quiet);
		}
	}
	ldns_rr_list_deep_free(keys);
	ldns_pkt_free(dnskeys);
	fixture_close(&f);
	fixture_close(&g);
}

static void
check_ldns(enum signing how, ldns_signing_algorithm algorithm, uint16_t iterations)
{
	char *text = signed_by_ldns(how, algorithm, iterations);

	check_zone(text);
	free(text);
}

static void
test_nsec_by_ldns(void **state)
{
	(void)state;
	check_ldns(NSEC, LDNS_SIGN_ECDSAP256SHA256, 0);
}

static void
test_nsec3_by_ldns(void **state)
{
	(void)state;
	check_ldns(NSEC3, LDNS_SIGN_ECDSAP256SHA256, 0);
	check_ldns(NSEC3, LDNS_SIGN_RSASHA256, 5);
}

static void
test_nsec3_opt_out_by_ldns(void **state)
{
	(void)state;
	check_ldns(NSEC3_OPT_OUT, LDNS_SIGN_ECDSAP256SHA256, 1);
}

/* ---- by the tools of BIND ---- */

static char *
read_file(const char *path)
{
	FILE *in = fopen(path, "r");
	char *text = calloc(1, TEXT_BYTES);
	size_t bytes;

	assert_non_null(in);
	bytes = fread(text, 1, TEXT_BYTES - 1, in);
	assert_true(bytes > 0 && bytes < TEXT_BYTES - 1);
	fclose(in);
	return text;
}

static void
run(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static void
check_bind(const char *algorithm, const char *options)
{
	char folder[] = "/tmp/test_denial.XXXXXX", command[600], path[100];
	FILE *out;
	char *text;

	if (system("command -v dnssec-signzone dnssec-keygen >/dev/null") != 0)
		skip();
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/zone", folder);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(plain_zone, out);
	fclose(out);
	snprintf(command, sizeof(command),
		 "cd %s && dnssec-keygen -q -a %s -n ZONE example. >/dev/null 2>&1 && "
		 "dnssec-keygen -q -a %s -f KSK -n ZONE example. >/dev/null 2>&1 && "
		 "dnssec-signzone -q -S -O full -o example. -f out %s zone >log 2>&1 && "
		 "grep -v '^;' out | sed 's/;.*//' >signed",
		 folder, algorithm, algorithm, options);
	run(command);
	snprintf(path, sizeof(path), "%s/signed", folder);
	text = read_file(path);
	check_zone(text);
	free(text);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	run(command);
}

static void
test_nsec_by_bind(void **state)
{
	(void)state;
	check_bind("ED25519", "");
}

static void
test_nsec3_by_bind(void **state)
{
	(void)state;
	check_bind("ECDSAP256SHA256", "-3 - -H 0");
}

static void
test_nsec3_opt_out_by_bind(void **state)
{
	(void)state;
	check_bind("RSASHA256 -b 1024", "-3 aabbccdd -H 3 -A");
}

/* ---- the rest ---- */

static void
test_rrsig_asked_gives_all_signatures(void **state)
{
	char *text = signed_by_ldns(NSEC3, LDNS_SIGN_ECDSAP256SHA256, 0);
	static struct fixture f;
	ldns_pkt *answer;

	(void)state;
	fixture_open(&f);
	fixture_zone(&f, "example.", text);
	fixture_set(&f);
	answer = fixture_ask(&f, "www.example.", LDNS_RR_TYPE_RRSIG, NULL);
	assert_int_equal(ldns_pkt_ancount(answer), 2); /* of A and AAAA */
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(ldns_rr_get_type(ldns_rr_list_rr(ldns_pkt_answer(answer), i)),
				 LDNS_RR_TYPE_RRSIG);
	ldns_pkt_free(answer);
	answer = fixture_ask(&f, "ent.example.", LDNS_RR_TYPE_RRSIG, NULL);
	assert_int_equal(ldns_pkt_ancount(answer), 0);
	assert_int_equal(ldns_pkt_nscount(answer), 1);
	ldns_pkt_free(answer);
	fixture_close(&f);
	free(text);
}

/* RFC 5155 7.2.8: the owner of an NSEC3 is no name of the zone. */
static void
test_nsec3_owner_asked_is_missing(void **state)
{
	static const struct ask dnssec = { .edns_bytes = 4096, .dnssec_ok = true };
	char *text = signed_by_ldns(NSEC3, LDNS_SIGN_ECDSAP256SHA256, 0);
	char owner[64] = "", *at = strstr(text, "\tNSEC3\t");
	static struct fixture f;
	ldns_pkt *answer;

	(void)state;
	assert_non_null(at);
	while (at > text && at[-1] != '\n')
		at--;
	snprintf(owner, sizeof(owner), "%.*s", (int)strcspn(at, "\t"), at);
	fixture_open(&f);
	fixture_zone(&f, "example.", text);
	fixture_set(&f);
	answer = fixture_ask(&f, owner, LDNS_RR_TYPE_NSEC3, &dnssec);
	assert_int_equal(ldns_pkt_get_rcode(answer), LDNS_RCODE_NXDOMAIN);
	assert_int_equal(ldns_pkt_ancount(answer), 0);
	ldns_pkt_free(answer);
	fixture_close(&f);
	free(text);
}

static void
test_iterations_at_bound_load_above_do_not(void **state)
{
	static const char zone[] = "example. 60 IN SOA a. b. 1 1 1 1 1\nexample. 60 IN NS a.\n"
				   "example. 60 IN NSEC3PARAM 1 0 %u -\n"
				   "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. 60 IN NSEC3 1 0 %u - "
				   "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom SOA\n";
	static struct fixture f;
	struct mr_error error = { 0 };
	struct mr_zone *made;
	char text[1000];

	(void)state;
	fixture_open(&f);
	snprintf(text, sizeof(text), zone, MR_ZONE_NSEC3_ITERATIONS, MR_ZONE_NSEC3_ITERATIONS);
	fixture_zone(&f, "example.", text);
	snprintf(text, sizeof(text), zone, MR_ZONE_NSEC3_ITERATIONS + 1, 1);
	assert_int_equal(fixture_build(f.store, "example.", text, &made, &error), -EINVAL);
	assert_non_null(strstr(error.text, "151 iterations"));
	fixture_close(&f);
}

/* A proof that does not fit sets TC, and leaves a message that can be read. */
static void
test_proof_without_room_truncates(void **state)
{
	char *text = signed_by_ldns(NSEC3, LDNS_SIGN_ECDSAP256SHA256, 0);
	static struct fixture f;
	bool whole = false;

	(void)state;
	fixture_open(&f);
	fixture_zone(&f, "example.", text);
	fixture_set(&f);
	for (uint16_t bytes = 512; bytes < 1100; bytes++) {
		struct ask ask = { .edns_bytes = bytes, .dnssec_ok = true };
		ldns_pkt *answer = fixture_ask(&f, "no.such.name.example.", 1, &ask);

		assert_true(f.answer_bytes <= bytes);
		assert_true(ldns_pkt_tc(answer) || ldns_pkt_nscount(answer) == 8);
		assert_false(whole && ldns_pkt_tc(answer));
		whole = !ldns_pkt_tc(answer);
		ldns_pkt_free(answer);
	}
	assert_true(whole);
	fixture_close(&f);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nsec_by_ldns),
		cmocka_unit_test(test_nsec3_by_ldns),
		cmocka_unit_test(test_nsec3_opt_out_by_ldns),
		cmocka_unit_test(test_nsec_by_bind),
		cmocka_unit_test(test_nsec3_by_bind),
		cmocka_unit_test(test_nsec3_opt_out_by_bind),
		cmocka_unit_test(test_rrsig_asked_gives_all_signatures),
		cmocka_unit_test(test_nsec3_owner_asked_is_missing),
		cmocka_unit_test(test_iterations_at_bound_load_above_do_not),
		cmocka_unit_test(test_proof_without_room_truncates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
