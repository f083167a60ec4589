/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/reference - random small zones, each question answered twice: by lib/dns, and by a slow
 * resolver that walks RFC 1034 4.3.2, RFC 4592 and RFC 6672 word by word over strings. They must
 * agree.
 *
 *   test_dns_reference [seed [rounds]]
 */
#include <ctype.h>

#include "fixture.h"

enum { RECORDS_MAX = 64, NAME_TEXT = 300, LINES_MAX = 128, LINE_BYTES = 800, ROUNDS = 400 };

struct rr {
	char owner[NAME_TEXT];
	char data[NAME_TEXT];
	uint16_t type;
	unsigned zone;
};

struct world {
	struct rr records[RECORDS_MAX];
	unsigned count;
	const char *origins[4];
	unsigned origin_count;
};

struct section {
	char lines[LINES_MAX][LINE_BYTES];
	unsigned count;
};

struct result {
	int rcode;
	bool aa;
	struct section answer, authority, additional;
};

static const struct {
	uint16_t type;
	const char *name;
} kinds[] = {
	{ 1, "A" },   { 2, "NS" },   { 5, "CNAME" },  { 6, "SOA" },
	{ 15, "MX" }, { 16, "TXT" }, { 39, "DNAME" }, { 43, "DS" },
};

static const char *
type_name(uint16_t type)
{
	for (size_t i = 0; i < MR_ARRAY_COUNT(kinds); i++)
		if (kinds[i].type == type)
			return kinds[i].name;
	abort();
}

/* ---- names as text, with a final dot; "." is the root ---- */

static bool
within(const char *name, const char *zone)
{
	size_t n = strlen(name), z = strlen(zone);

	if (strcmp(zone, ".") == 0)
		return true;
	return n >= z && strcmp(name + n - z, zone) == 0 && (n == z || name[n - z - 1] == '.');
}

static unsigned
labels(const char *name)
{
	unsigned count = 0;

	for (const char *c = name; *c; c++)
		count += *c == '.';
	return strcmp(name, ".") == 0 ? 0 : count;
}

/* The ancestor with that many labels. */
static const char *
ancestor(const char *name, unsigned count)
{
	for (unsigned have = labels(name); have > count; have--)
		name = strchr(name, '.') + 1;
	return count ? name : ".";
}

static bool
exists(const struct world *w, unsigned zone, const char *name)
{
	for (unsigned i = 0; i < w->count; i++)
		if (w->records[i].zone == zone && within(w->records[i].owner, name))
			return true;
	return false;
}

static bool
has(const struct world *w, unsigned zone, const char *name, uint16_t type)
{
	for (unsigned i = 0; i < w->count; i++)
		if (w->records[i].zone == zone && w->records[i].type == type &&
		    strcmp(w->records[i].owner, name) == 0)
			return true;
	return false;
}

static const char *
data_of(const struct world *w, unsigned zone, const char *name, uint16_t type)
{
	for (unsigned i = 0; i < w->count; i++)
		if (w->records[i].zone == zone && w->records[i].type == type &&
		    strcmp(w->records[i].owner, name) == 0)
			return w->records[i].data;
	abort();
}

/* ---- the reference ---- */

static void
say(struct section *section, const char *owner, unsigned ttl, uint16_t type, const char *data)
{
	assert_true(section->count < LINES_MAX);
	snprintf(section->lines[section->count++], LINE_BYTES, "%s\t%u\tIN\t%s\t%s", owner, ttl,
		 type_name(type), data);
}

static void
say_set(const struct world *w, unsigned zone, const char *name, uint16_t type, const char *owner,
	struct section *section)
{
	for (unsigned i = 0; i < w->count; i++)
		if (w->records[i].zone == zone && w->records[i].type == type &&
		    strcmp(w->records[i].owner, name) == 0)
			say(section, owner, 60, type, w->records[i].data);
}

static void
say_no(const struct world *w, unsigned zone, struct result *r)
{
	say(&r->authority, w->origins[zone], 30, 6, data_of(w, zone, w->origins[zone], 6));
}

static int
zone_of(const struct world *w, const char *name, bool above)
{
	int best = -1;

	for (unsigned i = 0; i < w->origin_count; i++)
		if (within(name, w->origins[i]) && !(above && strcmp(name, w->origins[i]) == 0) &&
		    (best < 0 || labels(w->origins[i]) > labels(w->origins[best])))
			best = (int)i;
	return best;
}

static void
refer(const struct world *w, unsigned zone, const char *cut, struct result *r)
{
	say_set(w, zone, cut, 2, cut, &r->authority);
	for (unsigned i = 0; i < w->count; i++)
		if (w->records[i].zone == zone && w->records[i].type == 2 &&
		    strcmp(w->records[i].owner, cut) == 0 &&
		    within(w->records[i].data, w->origins[zone]))
			say_set(w, zone, w->records[i].data, 1, w->records[i].data, &r->additional);
	if (r->answer.count == 0)
		r->aa = false;
}

/* Step 3a or 3c: node's data under the name owner. True: name was changed, start again. */
static bool
match(const struct world *w, unsigned zone, const char *node, char *name, uint16_t qtype,
      struct result *r)
{
	static const uint16_t order[] = { 1, 2, 5, 6, 15, 16, 39, 43 };

	if (qtype == 255) {
		for (size_t i = 0; i < MR_ARRAY_COUNT(order); i++) {
			if (has(w, zone, node, order[i])) {
				say_set(w, zone, node, order[i], name, &r->answer);
				return false;
			}
		}
	} else if (has(w, zone, node, qtype)) {
		say_set(w, zone, node, qtype, name, &r->answer);
		return false;
	} else if (has(w, zone, node, 5)) {
		say_set(w, zone, node, 5, name, &r->answer);
		strcpy(name, data_of(w, zone, node, 5));
		return true;
	}
	say_no(w, zone, r);
	return false;
}

static bool
dname(const struct world *w, unsigned zone, const char *node, char *name, uint16_t qtype,
      struct result *r)
{
	const char *target = data_of(w, zone, node, 39);
	char made[2 * NAME_TEXT];

	char line[LINE_BYTES];
	size_t prefix = strcmp(node, ".") ? strlen(name) - strlen(node) : strlen(name);
	bool said = false;

	/* RFC 2181 5: a message does not have a record twice. */
	snprintf(line, sizeof(line), "%s\t60\tIN\tDNAME\t%s", node, target);
	for (unsigned i = 0; i < r->answer.count; i++)
		said |= strcmp(r->answer.lines[i], line) == 0;
	if (!said)
		say_set(w, zone, node, 39, node, &r->answer);
	snprintf(made, sizeof(made), "%.*s%s", (int)prefix, name,
		 strcmp(target, ".") ? target : "");
	if (strlen(made) + 1 > 255) { /* plain labels: wire is text + 1 */
		r->rcode = 6;
		return false;
	}
	say(&r->answer, name, 60, 5, made);
	strcpy(name, made);
	return qtype != 5; /* RFC 1034 3.6.2: the CNAME made here is what was asked for */
}

/* One pass of 4.3.2 from step 2; true: start again with the new name. */
static bool
search(const struct world *w, unsigned zone, char *name, uint16_t qtype, struct result *r)
{
	const char *encloser = w->origins[zone];

	for (unsigned n = labels(w->origins[zone]); n <= labels(name); n++) {
		const char *here = ancestor(name, n);
		bool whole = n == labels(name);

		if (!exists(w, zone, here))
			break;
		encloser = here;
		if (n > labels(w->origins[zone]) && has(w, zone, here, 2) &&
		    !(whole && qtype == 43)) {
			refer(w, zone, here, r);
			return false;
		}
		if (whole)
			return match(w, zone, here, name, qtype, r);
		if (has(w, zone, here, 39))
			return dname(w, zone, here, name, qtype, r);
	}
	char star[2 * NAME_TEXT];

	snprintf(star, sizeof(star), "*.%s", strcmp(encloser, ".") ? encloser : "");
	if (exists(w, zone, star))
		return match(w, zone, star, name, qtype, r);
	r->rcode = 3;
	say_no(w, zone, r);
	return false;
}

/* RFC 1035 3.3.9, 3.3.11: addresses of the hosts that MX and NS records name. */
static void
relate(const struct world *w, uint16_t qtype, struct result *r)
{
	char seen[LINES_MAX][NAME_TEXT];
	unsigned seen_count = 0;

	for (unsigned i = 0; i < r->answer.count; i++) {
		const char *line = r->answer.lines[i], *target;
		bool again = false, below_cut = false;
		char kind[8];
		int zone;

		sscanf(line, "%*s\t%*u\tIN\t%7s", kind);
		if ((qtype != 15 && qtype != 2) || strcmp(kind, type_name(qtype)))
			continue;
		target = strrchr(line, qtype == 15 ? ' ' : '\t') + 1;
		for (unsigned k = 0; k < seen_count; k++)
			again |= strcmp(seen[k], target) == 0;
		zone = zone_of(w, target, false);
		if (again || zone < 0)
			continue;
		for (unsigned n = labels(w->origins[zone]) + 1; n <= labels(target); n++)
			below_cut |= has(w, (unsigned)zone, ancestor(target, n), 2);
		for (unsigned n = labels(w->origins[zone]); n < labels(target); n++)
			below_cut |= has(w, (unsigned)zone, ancestor(target, n), 39);
		strcpy(seen[seen_count++], target);
		if (!below_cut || qtype == 2)
			say_set(w, (unsigned)zone, target, 1, target, &r->additional);
	}
}

static void
resolve_name(const struct world *w, const char *qname, uint16_t qtype, struct result *r)
{
	char name[2 * NAME_TEXT], seen[20][NAME_TEXT];

	memset(r, 0, sizeof(*r));
	strcpy(name, qname);
	for (unsigned hop = 0; hop <= 16; hop++) {
		int zone = qtype == 43 ? zone_of(w, name, true) : -1;

		strcpy(seen[hop], name);
		for (unsigned i = 0; i < hop; i++)
			if (strcmp(seen[i], name) == 0)
				return;
		if (zone < 0)
			zone = zone_of(w, name, false);
		if (zone < 0) {
			if (hop == 0)
				r->rcode = 5;
			return;
		}
		r->aa = true;
		if (!search(w, (unsigned)zone, name, qtype, r))
			return;
	}
}

static void
resolve(const struct world *w, const char *qname, uint16_t qtype, struct result *r)
{
	resolve_name(w, qname, qtype, r);
	relate(w, qtype, r);
}

/* ---- random worlds ---- */

static void
random_name(struct mr_rng *rng, const char *below, unsigned most, char *out)
{
	static const char *const parts[] = { "a", "b", "c", "*", "a", "b" };

	out[0] = 0;
	for (uint64_t n = mr_rng_below(rng, most + 1); n > 0; n--) {
		strcat(out, parts[mr_rng_below(rng, MR_ARRAY_COUNT(parts))]);
		strcat(out, ".");
	}
	strcat(out, strcmp(below, ".") ? below : out[0] ? "" : ".");
}

static void
world_add(struct world *w, unsigned zone, const char *owner, uint16_t type, const char *data)
{
	bool apex = strcmp(owner, w->origins[zone]) == 0;

	/* A name with a CNAME has nothing else; a CNAME or DNAME is single; no record twice. */
	for (unsigned i = 0; i < w->count; i++) {
		const struct rr *rr = &w->records[i];

		if (rr->zone != zone || strcmp(rr->owner, owner))
			continue;
		if (rr->type == 5 || type == 5 || (rr->type == 39 && type == 39) ||
		    (rr->type == type && strcmp(rr->data, data) == 0))
			return;
	}
	if ((apex && (type == 5 || type == 43)) || w->count == RECORDS_MAX)
		return;
	struct rr *rr = &w->records[w->count++];

	strcpy(rr->owner, owner);
	strcpy(rr->data, data);
	rr->type = type;
	rr->zone = zone;
}

static void
random_world(struct mr_rng *rng, struct world *w)
{
	static const char *const shapes[][4] = {
		{ "example.", "other." },
		{ "example.", "a.example.", "other." },
		{ "example.", "b.a.example.", "other.", "c.other." },
		{ ".", "a." },
	};
	static const uint16_t types[] = { 1, 1, 1, 2, 2, 5, 5, 15, 16, 39, 43 };
	const char *const *shape = shapes[mr_rng_below(rng, MR_ARRAY_COUNT(shapes))];

	memset(w, 0, sizeof(*w));
	for (; w->origin_count < 4 && shape[w->origin_count]; w->origin_count++)
		w->origins[w->origin_count] = shape[w->origin_count];
	for (unsigned zone = 0; zone < w->origin_count; zone++) {
		char data[NAME_TEXT];

		world_add(w, zone, w->origins[zone], 6, "ns.test. host.test. 1 2 3 4 30");
		world_add(w, zone, w->origins[zone], 2, "ns.test.");
		for (uint64_t n = mr_rng_below(rng, 12); n > 0; n--) {
			uint16_t type = types[mr_rng_below(rng, MR_ARRAY_COUNT(types))];
			char owner[NAME_TEXT], target[NAME_TEXT];

			random_name(rng, w->origins[zone], 4, owner);
			random_name(rng, w->origins[mr_rng_below(rng, w->origin_count)], 3, target);
			if (mr_rng_below(rng, 8) == 0)
				strcpy(target, "away.test.");
			snprintf(data, sizeof(data), "%s", target);
			if (type == 1)
				snprintf(data, sizeof(data), "192.0.2.%u",
					 (unsigned)mr_rng_below(rng, 4));
			if (type == 15)
				snprintf(data, sizeof(data), "10 %s", target);
			if (type == 16)
				snprintf(data, sizeof(data), "\"t%u\"",
					 (unsigned)mr_rng_below(rng, 3));
			if (type == 43)
				strcpy(data, "12345 13 2 "
					     "0123456789abcdef0123456789abcdef0123456789abcdef"
					     "0123456789abcdef");
			world_add(w, zone, owner, type, data);
		}
	}
}

/* ---- comparing ---- */

static int
compare_lines(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void
read_section(const ldns_rr_list *list, struct section *out)
{
	out->count = 0;
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		char *text = ldns_rr2str(ldns_rr_list_rr(list, i));
		char *to = out->lines[out->count++];

		snprintf(to, LINE_BYTES, "%.*s", (int)strcspn(text, "\n"), text);
		free(text);
	}
}

static bool
same_section(struct section *a, struct section *b)
{
	qsort(a->lines, a->count, LINE_BYTES, compare_lines);
	qsort(b->lines, b->count, LINE_BYTES, compare_lines);
	if (a->count != b->count)
		return false;
	for (unsigned i = 0; i < a->count; i++)
		if (strcmp(a->lines[i], b->lines[i]))
			return false;
	return true;
}

static void
print_section(const char *title, const struct section *section)
{
	for (unsigned i = 0; i < section->count; i++)
		fprintf(stderr, "  %s %s\n", title, section->lines[i]);
}

static void
print_result(const char *who, const struct result *r)
{
	fprintf(stderr, "%s: rcode %d aa %d\n", who, r->rcode, r->aa);
	print_section("answer", &r->answer);
	print_section("authority", &r->authority);
	print_section("additional", &r->additional);
}

static void
check_question(struct fixture *f, const struct world *w, const char *qname, uint16_t qtype,
	       uint64_t seed)
{
	static const struct ask ask = { .transport = MR_DNS_TCP };
	static struct result want, have;
	ldns_pkt *answer = fixture_ask(f, qname, qtype, &ask);

	resolve(w, qname, qtype, &want);
	have.rcode = ldns_pkt_get_rcode(answer);
	have.aa = ldns_pkt_aa(answer);
	read_section(ldns_pkt_answer(answer), &have.answer);
	read_section(ldns_pkt_authority(answer), &have.authority);
	read_section(ldns_pkt_additional(answer), &have.additional);
	ldns_pkt_free(answer);
	if (have.rcode == want.rcode && have.aa == want.aa &&
	    same_section(&have.answer, &want.answer) &&
	    same_section(&have.authority, &want.authority) &&
	    same_section(&have.additional, &want.additional))
		return;
	fprintf(stderr, "seed %llu: %s type %u\n", (unsigned long long)seed, qname, qtype);
	for (unsigned i = 0; i < w->count; i++)
		fprintf(stderr, "  zone %s: %s %s %s\n", w->origins[w->records[i].zone],
			w->records[i].owner, type_name(w->records[i].type), w->records[i].data);
	print_result("want", &want);
	print_result("have", &have);
	fail();
}

static void
check_world(uint64_t seed)
{
	static const uint16_t types[] = { 1, 2, 5, 6, 15, 16, 28, 39, 43, 255 };
	static struct fixture f;
	static struct world w;
	struct mr_rng rng;

	mr_rng_seed(&rng, seed);
	random_world(&rng, &w);
	fixture_open(&f);
	for (unsigned zone = 0; zone < w.origin_count; zone++) {
		static char text[RECORDS_MAX * 2 * LINE_BYTES];
		size_t at = 0;

		for (unsigned i = 0; i < w.count; i++)
			if (w.records[i].zone == zone)
				at += (size_t)snprintf(text + at, sizeof(text) - at,
						       "%s 60 IN %s %s\n", w.records[i].owner,
						       type_name(w.records[i].type),
						       w.records[i].data);
		fixture_zone(&f, w.origins[zone], text);
	}
	fixture_set(&f);
	for (unsigned i = 0; i < 60; i++) {
		char qname[NAME_TEXT];

		random_name(&rng, w.origins[mr_rng_below(&rng, w.origin_count)], 5, qname);
		if (mr_rng_below(&rng, 4) == 0 && w.count)
			strcpy(qname, w.records[mr_rng_below(&rng, w.count)].owner);
		check_question(&f, &w, qname, types[mr_rng_below(&rng, MR_ARRAY_COUNT(types))],
			       seed);
	}
	fixture_close(&f);
}

static uint64_t first_seed = 1, round_count = ROUNDS;

static void
test_random_zones_agree_with_reference(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < round_count; i++)
		check_world(first_seed + i);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_zones_agree_with_reference),
	};

	if (argc > 1)
		first_seed = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		round_count = strtoull(argv[2], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
