/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/http/sf - Structured Fields: examples of RFC 9651, its limits, and the way there and back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "http/http.h"

enum { NODES = 1100, TEXT = 8192 };

static struct mr_http_sf_node nodes[NODES];
static uint8_t text[TEXT];
static struct mr_http_sf sf;

static bool
parse_lines(enum mr_http_sf_kind kind, const struct mr_http_sf_line *lines, unsigned count)
{
	sf = (struct mr_http_sf){
		.nodes = nodes, .node_room = NODES, .text = text, .text_room = TEXT
	};
	return mr_http_sf_parse(&sf, kind, lines, count);
}

/* The field lies in a block of its exact size, so that reading on is seen. */
static bool
parse(enum mr_http_sf_kind kind, const char *value, uint8_t **block)
{
	struct mr_http_sf_line line = { NULL, strlen(value) };

	*block = malloc(line.bytes + 1);
	memcpy(*block, value, line.bytes);
	*block = realloc(*block, line.bytes ? line.bytes : 1);
	line.text = *block;
	return parse_lines(kind, &line, 1);
}

struct sf_row {
	enum mr_http_sf_kind kind;
	const char *value, *expected; /* NULL: malformed */
};

#define I MR_HTTP_SF_ITEM
#define L MR_HTTP_SF_LIST
#define D MR_HTTP_SF_DICTIONARY
/* clang-format off */
static const struct sf_row rows[] = {
	/* 3.1 lists */
	{ L, "sugar, tea, rum", "sugar, tea, rum" },
	{ L, "(\"foo\" \"bar\"), (\"baz\"), (\"bat\" \"one\"), ()", "(\"foo\" \"bar\"), (\"baz\"), (\"bat\" \"one\"), ()" },
	{ L, "(\"foo\"; a=1;b=2);lvl=5, (\"bar\" \"baz\");lvl=1", "(\"foo\";a=1;b=2);lvl=5, (\"bar\" \"baz\");lvl=1" },
	{ L, "", "" },
	{ L, "  1 \t,\t 42  ", "1, 42" },
	{ L, "1,", NULL }, { L, ",1", NULL }, { L, "1 2", NULL }, { L, "1,,2", NULL }, { L, "\t1", NULL },
	{ L, "(1 2", NULL }, { L, "(1,2)", NULL }, { L, "(1\t2)", NULL }, { L, "( 1  2 )", "(1 2)" },
	{ L, "(1)(2)", NULL }, { L, "((1))", NULL }, { L, "(\"a\"\"b\")", NULL },
	/* 3.1.2 parameters */
	{ L, "abc;a=1;b=2; cde_456, (ghi;jk=4 l);q=\"9\";r=w", "abc;a=1;b=2;cde_456, (ghi;jk=4 l);q=\"9\";r=w" },
	{ I, "1; a; b=?0", "1;a;b=?0" },
	{ I, "1;a=1;b=2;a=3", "1;a=3;b=2" },
	{ I, "1 ;a", NULL }, { I, "1;A", NULL }, { I, "1;", NULL }, { I, "1;a=", NULL }, { I, "1;a =1", NULL },
	/* 3.2 dictionaries */
	{ D, "en=\"Applepie\", da=:w4ZibGV0w6ZydGU=:", "en=\"Applepie\", da=:w4ZibGV0w6ZydGU=:" },
	{ D, "a=?0, b, c; foo=bar", "a=?0, b, c;foo=bar" },
	{ D, "rating=1.5, feelings=(joy sadness)", "rating=1.5, feelings=(joy sadness)" },
	{ D, "a=(1 2), b=3, c=4;aa=bb, d=(5 6);valid", "a=(1 2), b=3, c=4;aa=bb, d=(5 6);valid" },
	{ D, "a=1,b=2,a=3", "a=3, b=2" },
	{ D, "a=1,b=2,a", "a, b=2" },
	{ D, "a=?1", "a" },
	{ D, "*k-_.9=1", "*k-_.9=1" },
	{ D, "a=", NULL }, { D, "a =1", NULL }, { D, "a= 1", NULL }, { D, "9=1", NULL }, { D, "A=1", NULL },
	{ D, "=1", NULL }, { D, "a=1;", NULL }, { D, "a=1 b=2", NULL }, { D, "a,", NULL },
	/* 3.3.1, 3.3.2 numbers */
	{ I, "42", "42" }, { I, "-0", "0" }, { I, "007", "7" }, { I, "  5  ", "5" },
	{ I, "999999999999999", "999999999999999" }, { I, "-999999999999999", "-999999999999999" },
	{ I, "1000000000000000", NULL }, { I, "-", NULL }, { I, "--1", NULL }, { I, "+1", NULL }, { I, "1a", NULL },
	{ I, "4.5", "4.5" }, { I, "-0.50", "-0.5" }, { I, "1.000", "1.0" }, { I, "0.001", "0.001" },
	{ I, "999999999999.999", "999999999999.999" }, { I, "1000000000000.0", NULL },
	{ I, "1.", NULL }, { I, ".1", NULL }, { I, "1.2345", NULL }, { I, "1.2.3", NULL }, { I, "1e3", NULL },
	/* 3.3.3 strings */
	{ I, "\"hello world\"", "\"hello world\"" }, { I, "\"a\\\"b\\\\c\"", "\"a\\\"b\\\\c\"" }, { I, "\"\"", "\"\"" },
	{ I, "\"a", NULL }, { I, "\"a\\", NULL }, { I, "\"a\\n\"", NULL }, { I, "\"\xc3\xbc\"", NULL },
	{ I, "\"\t\"", NULL }, { I, "'a'", NULL },
	/* 3.3.4 tokens */
	{ I, "foo123/456", "foo123/456" }, { I, "*", "*" }, { I, "a:b!#$%&'*+-.^_`|~", "a:b!#$%&'*+-.^_`|~" },
	{ I, "(a)", NULL }, { I, "a,b", NULL }, { I, "_a", NULL },
	/* 3.3.5 byte sequences */
	{ I, ":cHJldGVuZCB0aGlzIGlzIGJpbmFyeSBjb250ZW50Lg==:", ":cHJldGVuZCB0aGlzIGlzIGJpbmFyeSBjb250ZW50Lg==:" },
	{ I, "::", "::" }, { I, ":aGVsbG8:", ":aGVsbG8=:" }, { I, ":iZ==:", ":iQ==:" }, { I, ":+/Aa:", ":+/Aa:" },
	{ I, ":aGVsbG8", NULL }, { I, ":_-Ah:", NULL }, { I, ":a=b=:", NULL }, { I, ":a:", NULL }, { I, ":aGk==:", NULL },
	{ I, ":aG k=:", NULL }, { I, ":====:", NULL },
	/* 3.3.6 booleans, 3.3.7 dates */
	{ I, "?1", "?1" }, { I, "?0", "?0" }, { I, "?", NULL }, { I, "?2", NULL }, { I, "?true", NULL },
	{ I, "@1659578233", "@1659578233" }, { I, "@-1", "@-1" }, { I, "@1.5", NULL }, { I, "@", NULL }, { I, "@a", NULL },
	/* 3.3.8 display strings */
	{ I, "%\"This is intended for display to %c3%bcsers.\"", "%\"This is intended for display to %c3%bcsers.\"" },
	{ I, "%\"\"", "%\"\"" }, { I, "%\"%25%22%0a\"", "%\"%25%22%0a\"" }, { I, "%\"%61\\\"", "%\"a\\\"" },
	{ I, "%\"%f0%9f%98%80\"", "%\"%f0%9f%98%80\"" },
	{ I, "%\"%C3%BC\"", NULL }, { I, "%\"%c3\"", NULL }, { I, "%\"%c0%80\"", NULL }, { I, "%\"%ed%a0%80\"", NULL },
	{ I, "%\"%f4%90%80%80\"", NULL }, { I, "%\"%e0%80%80\"", NULL }, { I, "%\"%ff\"", NULL }, { I, "%\"%4\"", NULL },
	{ I, "%\"a", NULL }, { I, "%a", NULL }, { I, "%\"\xc3\xbc\"", NULL },
	{ I, "", NULL }, { I, "1, 2", NULL }, { I, "1\t", NULL }, { I, "\"a\" x", NULL },
};
/* clang-format on */

static void
test_rows_there_and_back(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MR_ARRAY_COUNT(rows); i++) {
		char out[256], again[256];
		struct mr_writer writer = mr_writer_over(out, sizeof(out));
		uint8_t *block;
		bool good = parse(rows[i].kind, rows[i].value, &block);

		if (good != (rows[i].expected != NULL))
			fail_msg("row %u: %s", i, rows[i].value);
		if (!good) {
			assert_int_equal(sf.first, 0);
			free(block);
			continue;
		}
		mr_http_sf_write(&writer, &sf);
		assert_false(writer.failed);
		free(block);
		*writer.at = 0;
		assert_string_equal(out, rows[i].expected);
		assert_true(parse(rows[i].kind, out, &block));
		writer = mr_writer_over(again, sizeof(again));
		mr_http_sf_write(&writer, &sf);
		*writer.at = 0;
		assert_string_equal(again, out);
		free(block);
	}
}

static void
test_values_are_read(void **state)
{
	const struct mr_http_sf_node *node;
	uint8_t *block;

	(void)state;
	assert_true(
		parse(D, "a=-1.5;p=:aGk=:, b=(x 2);q, c=\"s\\\\\", d=@7, e=%\"%c3%bc\"", &block));
	node = mr_http_sf_find(&sf, sf.first, "a");
	assert_int_equal(node->type, MR_HTTP_SF_DECIMAL);
	assert_int_equal(node->number, -1500);
	node = mr_http_sf_find(&sf, node->params, "p");
	assert_int_equal(node->type, MR_HTTP_SF_BYTES);
	assert_int_equal(node->text_bytes, 2);
	assert_memory_equal(node->text, "hi", 2);
	node = mr_http_sf_find(&sf, sf.first, "b");
	assert_int_equal(node->type, MR_HTTP_SF_INNER);
	assert_non_null(mr_http_sf_find(&sf, node->params, "q"));
	node = mr_http_sf_at(&sf, mr_http_sf_at(&sf, node->inner)->next);
	assert_int_equal(node->number, 2);
	assert_int_equal(node->next, 0);
	assert_memory_equal(mr_http_sf_find(&sf, sf.first, "c")->text, "s\\", 2);
	assert_int_equal(mr_http_sf_find(&sf, sf.first, "d")->number, 7);
	assert_memory_equal(mr_http_sf_find(&sf, sf.first, "e")->text, "\xc3\xbc", 2);
	assert_null(mr_http_sf_find(&sf, sf.first, "f"));
	free(block);
}

static void
test_lines_are_joined(void **state)
{
	static const struct mr_http_sf_line lines[] = { { (const uint8_t *)"a=1, b", 6 },
							{ (const uint8_t *)" c, a=2 ", 8 },
							{ (const uint8_t *)"", 0 } };
	char out[64];
	struct mr_writer writer = mr_writer_over(out, sizeof(out));

	(void)state;
	assert_true(parse_lines(D, lines, 2));
	mr_http_sf_write(&writer, &sf);
	*writer.at = 0;
	assert_string_equal(out, "a=2, b, c");
	assert_false(parse_lines(D, lines, 3));
	assert_false(parse_lines(I, lines, 2));
	assert_true(parse_lines(L, lines, 0));
}

/* RFC 9651 3.1, 3.2: at least 1024 members; and the room that is given is not passed. */
static void
test_room_both_sides(void **state)
{
	char value[8000];
	size_t at = 0;
	uint8_t *block;

	(void)state;
	for (unsigned i = 0; i < NODES; i++)
		at += (size_t)sprintf(value + at, i ? ",k%u" : "k%u", i);
	assert_true(parse(D, value, &block));
	assert_int_equal(sf.node_count, NODES);
	free(block);
	strcpy(value + at, ";p");
	assert_false(parse(D, value, &block));
	free(block);
	sf.text_room = 3;
	assert_true(mr_http_sf_parse(&sf, I,
				     &(struct mr_http_sf_line){ (const uint8_t *)"\"abc\"", 5 },
				     1));
	assert_false(mr_http_sf_parse(&sf, I,
				      &(struct mr_http_sf_line){ (const uint8_t *)"\"abcd\"", 6 },
				      1));
}

static void
test_write_refuses(void **state)
{
	static const struct mr_http_sf_node bad[] = {
		{ .type = MR_HTTP_SF_INTEGER, .number = MR_HTTP_SF_INTEGER_MAX + 1 },
		{ .type = MR_HTTP_SF_DECIMAL, .number = 1000000000000000ll },
		{ .type = MR_HTTP_SF_STRING, .text = (const uint8_t *)"\n", .text_bytes = 1 },
		{ .type = MR_HTTP_SF_TOKEN, .text = (const uint8_t *)"1a", .text_bytes = 2 },
		{ .type = MR_HTTP_SF_TOKEN, .text = (const uint8_t *)"a b", .text_bytes = 3 },
		{ .type = MR_HTTP_SF_TOKEN, .text_bytes = 0 },
		{ .type = MR_HTTP_SF_DATE, .number = INT64_MIN },
	};

	(void)state;
	for (unsigned i = 0; i < MR_ARRAY_COUNT(bad); i++) {
		struct mr_http_sf_node node = bad[i];
		struct mr_http_sf one = { .nodes = &node, .node_count = 1, .first = 1, .kind = I };
		char out[64];
		struct mr_writer writer = mr_writer_over(out, sizeof(out));

		mr_http_sf_write(&writer, &one);
		assert_true(writer.failed);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_there_and_back), cmocka_unit_test(test_values_are_read),
		cmocka_unit_test(test_lines_are_joined),    cmocka_unit_test(test_room_both_sides),
		cmocka_unit_test(test_write_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
