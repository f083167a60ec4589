/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/text - directives, what a record leaves unsaid, and where errors are told to be.
 */
#include "text_fixture.h"

static void
test_origin_is_relative_and_absolute(void **state)
{
	struct fixture *self = *state;

	fixture_good(self,
		     "$TTL 60\n"
		     "@ A 192.0.2.1\n"
		     "$ORIGIN sub\n"
		     "www A 192.0.2.2\n"
		     "$origin other.org.\n"
		     "@ A 192.0.2.3\n"
		     "a.b NS @\n",
		     4);
	assert_string_equal(self->records[0].owner, "example.com.");
	assert_string_equal(self->records[1].owner, "www.sub.example.com.");
	assert_string_equal(self->records[2].owner, "other.org.");
	assert_string_equal(self->records[3].owner, "a.b.other.org.");
	fixture_rdata(self, 3, "\5other\3org", 11);
	assert_int_equal(self->records[3].line, 7);
}

static void
test_origin_missing_is_told(void **state)
{
	struct fixture *self = *state;
	const char *path = fixture_file(self, "zone", "$TTL 1\nwww A 192.0.2.1\n");

	assert_int_not_equal(fixture_read_path(self, path, NULL), 0);
	assert_non_null(strstr(self->error.text, "zone:2:1: bad name \"www\": relative, and there "
						 "is no origin"));
	path = fixture_file(self, "zone", "$TTL 1\n$ORIGIN example.com.\nwww A 192.0.2.1\n");
	assert_int_equal(fixture_read_path(self, path, NULL), 0);
	path = fixture_file(self, "zone", "$TTL 1\n. A 192.0.2.1\n");
	assert_int_equal(fixture_read_path(self, path, "."), 0);
	assert_string_equal(self->records[0].owner, ".");
	assert_int_not_equal(fixture_read_path(self, path, "a..b"), 0);
}

static void
test_ttl_rules_in_their_order(void **state)
{
	struct fixture *self = *state;

	/* the last one written, until there is a $TTL */
	fixture_good(self,
		     "a 100 A 192.0.2.1\n"
		     "b A 192.0.2.1\n"
		     "$TTL 1h30m\n"
		     "c A 192.0.2.1\n"
		     "d 7 IN A 192.0.2.1\n"
		     "e IN A 192.0.2.1\n"
		     "f IN 2147483647 A 192.0.2.1\n"
		     "g 1W2D3H4M5S A 192.0.2.1\n"
		     "h 0 A 192.0.2.1\n",
		     8);
	assert_int_equal(self->records[0].ttl, 100);
	assert_int_equal(self->records[1].ttl, 100);
	assert_int_equal(self->records[2].ttl, 5400);
	assert_int_equal(self->records[3].ttl, 7);
	assert_int_equal(self->records[4].ttl, 5400);
	assert_int_equal(self->records[5].ttl, 2147483647);
	assert_int_equal(self->records[6].ttl, 604800 + 2 * 86400 + 3 * 3600 + 4 * 60 + 5);
	assert_int_equal(self->records[7].ttl, 0);
	/* the SOA's minimum when there is neither */
	fixture_good(self, "@ SOA a b 1 2 3 4 300\n@ NS a\nb 9 A 192.0.2.1\nc A 192.0.2.1\n", 4);
	assert_int_equal(self->records[0].ttl, 300);
	assert_int_equal(self->records[1].ttl, 300);
	assert_int_equal(self->records[3].ttl, 9);
	fixture_bad(self, "a A 192.0.2.1\n", "1:3:", "no TTL");
}

static void
test_ttl_out_of_range_is_told(void **state)
{
	struct fixture *self = *state;

	fixture_bad(self, "\na 2147483648 A 192.0.2.1\n", "2:3:", "TTL 2147483648 is out of range");
	fixture_bad(self, "$TTL 99999999999999999999\n", "1:6:", "out of range");
	fixture_bad(self, "$TTL 4000w\n", "1:6:", "out of range");
	fixture_bad(self, "$TTL 5m30\n", "1:6:", "is no TTL");
	fixture_bad(self, "$TTL m\n", "1:6:", "is no TTL");
	fixture_bad(self, "$TTL -1\n", "1:6:", "is no TTL");
	fixture_bad(self, "$TTL\n", "1:1:", "needs a TTL");
	fixture_bad(self, "$TTL 1 2\n", "1:8:", "\"2\" is too much");
	fixture_bad(self, "a 1x A 192.0.2.1\n", "1:3:", "is no TTL");
}

static void
test_owner_is_carried_over_blank(void **state)
{
	struct fixture *self = *state;

	fixture_good(self,
		     "$TTL 1\n"
		     "a A 192.0.2.1\n"
		     "\tA 192.0.2.2\n"
		     "\n"
		     "   ; a comment alone\n"
		     "\n"
		     "  3 IN TXT x\n",
		     3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(self->records[i].owner, "a.example.com.");
	assert_int_equal(self->records[2].line, 7);
	fixture_bad(self, "$TTL 1\n\n A 192.0.2.1\n", "3:2:", "no owner");
	fixture_bad(self, " $TTL 1\n", "1:2:", "first column");
}

static void
test_class_and_type_are_told(void **state)
{
	struct fixture *self = *state;

	fixture_good(self, "a IN 5 A 192.0.2.1\nb 5 CLASS1 TYPE1 192.0.2.1\nc in a 192.0.2.1\n", 3);
	fixture_bad(self, "$TTL 1\na CH A 192.0.2.1\n", "2:3:", "only IN is served");
	fixture_bad(self, "$TTL 1\na CLASS5 A 192.0.2.1\n", "2:3:", "only IN is served");
	fixture_bad(self, "$TTL 1\na NOTYPE x\n", "2:3:", "unknown type \"NOTYPE\"");
	fixture_bad(self, "$TTL 1\na IN IN A 192.0.2.1\n", "2:6:", "unknown type \"IN\"");
	fixture_bad(self, "$TTL 1\na 1 2 A 192.0.2.1\n", "2:5:", "unknown type \"2\"");
	fixture_bad(self, "$TTL 1\na\n", "2:1:", "type is missing after \"a\"");
	fixture_bad(self, "$TTL 1\na IN\n", "2:3:", "type is missing after \"IN\"");
	fixture_bad(self, "$TTL 1\na ANY x\n", "2:3:", "not a type of zone data");
	fixture_bad(self, "$TTL 1\na TYPE0 \\# 0\n", "2:3:", "not a type of zone data");
	fixture_bad(self, "$TTL 1\na TYPE65535 \\# 0\n", "2:3:", "not a type of zone data");
	fixture_bad(self, "$TTL 1\na TYPE65536 \\# 0\n", "2:3:", "unknown type");
	fixture_bad(self, "$TTL 1\na OPT \\# 0\n", "2:3:", "not a type of zone data");
}

static void
test_directive_unknown_is_told(void **state)
{
	struct fixture *self = *state;

	fixture_bad(self, "\n\n$DATE now\n", "3:1:", "unknown directive \"$DATE\"");
	fixture_bad(self, "$ORIGIN\n", "1:1:", "needs a name");
	fixture_bad(self, "$ORIGIN a b\n", "1:11:", "\"b\" is too much");
	fixture_bad(self, "$ORIGIN a..b\n", "1:9:", "an empty label");
	fixture_bad(self, "$INCLUDE\n", "1:1:", "needs a file name");
	fixture_bad(self, "$INCLUDE a b c\n", "1:14:", "\"c\" is too much");
}

static void
test_include_gives_back_origin_and_owner(void **state)
{
	struct fixture *self = *state;

	fixture_file(self, "inner name", "@ A 192.0.2.2\n$ORIGIN deep\nx 9 A 192.0.2.3\n$TTL 77\n");
	fixture_good(self,
		     "$TTL 60\n"
		     "a A 192.0.2.1\n"
		     "$INCLUDE \"inner name\" sub ; with an origin\n"
		     " A 192.0.2.4\n"
		     "b A 192.0.2.5\n",
		     5);
	assert_string_equal(self->records[1].owner, "sub.example.com.");
	assert_int_equal(self->records[1].ttl, 60);
	assert_int_equal(self->records[1].line, 1);
	assert_string_equal(self->records[2].owner, "x.deep.sub.example.com.");
	assert_string_equal(self->records[3].owner, "a.example.com.");
	assert_int_equal(self->records[3].ttl, 77); /* a $TTL stays */
	assert_string_equal(self->records[4].owner, "b.example.com.");
}

static void
test_include_without_origin_takes_the_current(void **state)
{
	struct fixture *self = *state;
	char text[256];
	const char *path = fixture_file(self, "inner", "x A 192.0.2.2");

	snprintf(text, sizeof(text), "$TTL 1\n$ORIGIN sub\n$INCLUDE %s\n$INCLUDE inner\n", path);
	fixture_good(self, text, 2);
	assert_string_equal(self->records[0].owner, "x.sub.example.com.");
	assert_string_equal(self->records[1].owner, "x.sub.example.com.");
	/* an included file begins without an owner */
	fixture_file(self, "inner", "\n A 192.0.2.2\n");
	assert_int_not_equal(fixture_read(self, "$TTL 1\na A 192.0.2.1\n$INCLUDE inner\n"), 0);
	assert_non_null(strstr(self->error.text, "/inner:2:2: no owner"));
}

static void
test_include_failures_are_told(void **state)
{
	struct fixture *self = *state;

	fixture_bad(self, "\n$INCLUDE nowhere\n", "2:10:", "No such file");
	fixture_bad(self, "\n$INCLUDE .\n", "2:10:", "not a regular file");
	fixture_bad(self, "$INCLUDE /dev/zero\n", "1:10:", "not a regular file");
	fixture_bad(self, "$INCLUDE zone\n", "1:10:", "it includes itself");
	fixture_file(self, "one", "\n$INCLUDE zone\n");
	assert_int_not_equal(fixture_read(self, "$INCLUDE one\n"), 0);
	assert_non_null(strstr(self->error.text, "/one:2:10: cannot include"));
	assert_non_null(strstr(self->error.text, "it includes itself"));
	/* the zone's own file */
	assert_int_equal(fixture_read_path(self, "/nowhere/zone", "example.com"), -2);
	assert_string_equal(self->error.text, "/nowhere/zone: No such file or directory");
	assert_int_not_equal(fixture_read_path(self, self->folder, "example.com"), 0);
	assert_non_null(strstr(self->error.text, "not a regular file"));
}

static void
test_include_depth_is_bounded(void **state)
{
	struct fixture *self = *state;
	char name[16], text[64];

	for (int i = 1; i <= MR_ZONE_INCLUDE_DEPTH; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		snprintf(text, sizeof(text),
			 i < MR_ZONE_INCLUDE_DEPTH ? "$INCLUDE f%d\n" : "a 1 A 192.0.2.1\n", i + 1);
		fixture_file(self, name, text);
	}
	fixture_good(self, "$INCLUDE f1\n", 1);
	snprintf(text, sizeof(text), "$INCLUDE g\n");
	fixture_file(self, name, text);
	fixture_file(self, "g", "a 1 A 192.0.2.1\n");
	assert_int_not_equal(fixture_read(self, "$INCLUDE f1\n"), 0);
	assert_non_null(strstr(self->error.text, "/f10:1:10: more than 10 files deep"));
}

static void
test_record_refused_ends_the_reading(void **state)
{
	struct fixture *self = *state;

	self->refuse_at = 2;
	fixture_bad(self, "$TTL 1\na A 192.0.2.1\nb A 192.0.2.2\nc A 192.0.2.3\n",
		    "3:", "refused by the test");
	assert_int_equal(self->count, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_origin_is_relative_and_absolute),
		FIXTURE_TEST(test_origin_missing_is_told),
		FIXTURE_TEST(test_ttl_rules_in_their_order),
		FIXTURE_TEST(test_ttl_out_of_range_is_told),
		FIXTURE_TEST(test_owner_is_carried_over_blank),
		FIXTURE_TEST(test_class_and_type_are_told),
		FIXTURE_TEST(test_directive_unknown_is_told),
		FIXTURE_TEST(test_include_gives_back_origin_and_owner),
		FIXTURE_TEST(test_include_without_origin_takes_the_current),
		FIXTURE_TEST(test_include_failures_are_told),
		FIXTURE_TEST(test_include_depth_is_bounded),
		FIXTURE_TEST(test_record_refused_ends_the_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
