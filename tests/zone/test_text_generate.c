/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/text_generate - $GENERATE, its modifiers and its bounds.
 */
#include "text_fixture.h"

static void
test_generate_counts_and_steps(void **state)
{
	struct fixture *self = *state;

	fixture_good(self,
		     "$TTL 60\n"
		     "a A 192.0.2.9\n"
		     "$GENERATE 1-3 host$ A 192.0.2.$\n"
		     "$generate 0-10/5 $.x 7 IN CNAME c$.org.\n"
		     "$GENERATE 4-4 one IN 8 A 192.0.2.$ ; comment\n",
		     8);
	assert_string_equal(self->records[1].owner, "host1.example.com.");
	assert_string_equal(self->records[3].owner, "host3.example.com.");
	fixture_rdata(self, 3, "\xc0\0\2\3", 4);
	assert_int_equal(self->records[3].ttl, 60);
	assert_int_equal(self->records[3].line, 3);
	assert_string_equal(self->records[6].owner, "10.x.example.com.");
	assert_int_equal(self->records[6].ttl, 7);
	fixture_rdata(self, 6, "\3c10\3org", 9);
	assert_int_equal(self->records[7].ttl, 8);
}

static void
test_generate_modifiers(void **state)
{
	struct fixture *self = *state;
	static const struct {
		const char *owner, *expected; /* at value 26 */
	} rows[] = {
		{ "a${0}", "a26" },           { "a${1,4}", "a0027" },   { "a${-6,3,d}", "a020" },
		{ "a${0,0,x}", "a1a" },       { "a${0,4,X}", "a001A" }, { "a${0,5,o}", "a00032" },
		{ "a${0,0,n}", "aa.1" },      { "a${0,1,n}", "aa.1" },  { "a${0,5,N}", "aA.1.0" },
		{ "a${0,6,n}b", "aa.1.0.b" }, { "a$$b", "a\\$b" },      { "a\\$b", "a\\$b" },
		{ "$-$", "26-26" },
	};

	for (size_t i = 0; i < MR_ARRAY_COUNT(rows); i++) {
		char text[128], expected[128];

		snprintf(text, sizeof(text), "$TTL 1\n$GENERATE 26-26 %s A 192.0.2.1\n",
			 rows[i].owner);
		snprintf(expected, sizeof(expected), "%s.example.com.", rows[i].expected);
		fixture_good(self, text, 1);
		assert_string_equal(self->records[0].owner, expected);
	}
	fixture_good(self, "$TTL 1\n$GENERATE 26-26 a A 192.0.2.${-26}\n", 1);
	fixture_rdata(self, 0, "\xc0\0\2\0", 4);
	fixture_bad(self, "$TTL 1\n$GENERATE 26-26 a${-27} A 192.0.2.1\n", "2:17:", "negative");
	fixture_bad(self, "$TTL 1\n$GENERATE 1-2 a${0,128} A 192.0.2.1\n", "2:15:", "modifier");
	fixture_bad(self, "$TTL 1\n$GENERATE 1-2 a${0,1,y} A 192.0.2.1\n", "2:15:", "modifier");
	fixture_bad(self, "$TTL 1\n$GENERATE 1-2 a${} A 192.0.2.1\n", "2:15:", "modifier");
	fixture_bad(self, "$TTL 1\n$GENERATE 1-2 a${1 A 192.0.2.1\n", "2:15:", "modifier");
	fixture_bad(self, "$TTL 1\n$GENERATE 1-2 a${1,2 A 192.0.2.1\n", "2:15:", "modifier");
	fixture_bad(self, "$TTL 1\n$GENERATE 1-2 a${1,} A 192.0.2.1\n", "2:15:", "modifier");
	fixture_bad(self, "$TTL 1\n$GENERATE 1-2 a${0,1,} A 192.0.2.1\n", "2:15:", "modifier");
}

static void
test_generate_data_of_several_tokens(void **state)
{
	struct fixture *self = *state;

	fixture_good(self,
		     "$TTL 1\n"
		     "$GENERATE 1-1 a MX \"1$ mail$\"\n"
		     "$GENERATE 2-2 b MX 1$ mail$\n"
		     "$GENERATE 3-3 c TXT \"\\\"one ; $\\\"\"\n"
		     "$GENERATE 4-4 d TXT \"x $\" (\n \"y $\" )\n"
		     "e A 192.0.2.1\n",
		     5);
	fixture_rdata(self, 0, "\0\13\5mail1\7example\3com", 21);
	fixture_rdata(self, 1, "\0\14\5mail2\7example\3com", 21);
	fixture_rdata(self, 2, "\7one ; 3", 8);
	fixture_rdata(self, 3, "\3x 4\3y 4", 8);
	assert_int_equal(self->records[4].line, 7);
}

static void
test_generate_errors_are_told(void **state)
{
	struct fixture *self = *state;

	fixture_bad(self, "$GENERATE\n", "1:1:", "after $GENERATE come");
	fixture_bad(self, "$GENERATE 1-2 a A\n", "1:1:", "after $GENERATE come");
	fixture_bad(self, "$GENERATE 1-2 a NOTYPE x\n", "1:1:", "after $GENERATE come");
	fixture_bad(self, "$GENERATE 1-2 a SOA \"a b 1 2 3 4 5\"\n", "1:17:", "one SOA");
	fixture_bad(self, "$GENERATE 1 a A 192.0.2.1\n", "1:11:", "no range");
	fixture_bad(self, "$GENERATE -1-1 a A 192.0.2.1\n", "1:11:", "no range");
	fixture_bad(self, "$GENERATE 1-x a A 192.0.2.1\n", "1:11:", "no range");
	fixture_bad(self, "$GENERATE 0-2147483648 a A 192.0.2.1\n", "1:11:", "no range");
	fixture_bad(self, "$GENERATE 2-1 a A 192.0.2.1\n", "1:11:", "empty");
	fixture_bad(self, "$GENERATE 1-2/0 a A 192.0.2.1\n", "1:11:", "no step");
	fixture_bad(self, "$GENERATE 0-4194304 a A 192.0.2.1\n", "1:11:", "more than 4194304");
	fixture_bad(self, "$GENERATE 2147483647-2147483647 a A 192.0.2.1\n", "1:", "no TTL");
	fixture_bad(self, "$TTL 1\n\n$GENERATE 254-300 a$ A 192.0.2.$\n",
		    "3:", "\"192.0.2.256\" is not an IPv4 address ($GENERATE at 256)");
	assert_int_equal(self->count, 2);
	fixture_bad(self, "$TTL 1\n$GENERATE 1-2 a A \"192.0.2.1 (\"\n", "2:", "never closed");
	fixture_bad(self, "$TTL 1\n$GENERATE 1-2 a A \"\"\n", "2:", "missing after A");
}

static void
test_generate_count_is_bounded(void **state)
{
	struct fixture *self = *state;

	self->refuse_at = 70000;
	fixture_bad(self, "$TTL 1\n$GENERATE 0-4194303 a$ A 192.0.2.1\n", "2:", "refused");
	assert_int_equal(self->count, 70000);
	self->refuse_at = 0;
	fixture_good(self, "$TTL 1\n$GENERATE 0-65535 a$ A 192.0.2.1\n", 65536);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_generate_counts_and_steps),
		FIXTURE_TEST(test_generate_modifiers),
		FIXTURE_TEST(test_generate_data_of_several_tokens),
		FIXTURE_TEST(test_generate_errors_are_told),
		FIXTURE_TEST(test_generate_count_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
