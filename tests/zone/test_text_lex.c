/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/text_lex - where entries begin and end.
 */
#include "text_fixture.h"

static void
test_parentheses_join_lines(void **state)
{
	struct fixture *self = *state;

	fixture_good(self,
		     "$TTL 1\n"
		     "@ SOA a b ( ; the serial; follows \" ( not\n"
		     "  1 ; one\n"
		     "\n"
		     "  ( 2 3 )\n"
		     "4 5 )\n"
		     "(x\n A 192.0.2.1)\n"
		     "y A (192.0.2.2\n"
		     ")\n"
		     "z A 192.0.2.3\n",
		     4);
	assert_int_equal(self->records[0].line, 2);
	assert_int_equal(self->records[1].line, 7);
	assert_string_equal(self->records[1].owner, "x.example.com.");
	assert_int_equal(self->records[2].line, 9);
	assert_int_equal(self->records[3].line, 11);
	fixture_bad(self, "$TTL 1\n@ SOA a b (\n1 2 3 4 5\n\n", "2:11:", "never closed");
	fixture_bad(self, "$TTL 1\n@ A 192.0.2.1 )\n", "2:15:", "never opened");
}

static void
test_quotes_keep_everything(void **state)
{
	struct fixture *self = *state;

	fixture_good(self,
		     "$TTL 1\n"
		     "a TXT \"semi;colon (paren)\" \"\\\"q\\\" \\065\\\\\" \"\"\n"
		     "b TXT \"two\n"
		     "lines\" after ; comment \"\n"
		     "c TXT x\"y z\"w ; glued\n"
		     "d TXT \"tab\there\"\n",
		     4);
	fixture_rdata(self, 0, "\22semi;colon (paren)\6\"q\" A\\", 27);
	assert_int_equal(self->records[0].rdata_bytes, 19 + 7 + 1);
	fixture_rdata(self, 1, "\11two\nlines\5after", 16);
	fixture_rdata(self, 2, "\1x\3y z\1w", 8);
	fixture_rdata(self, 3, "\10tab\there", 9);
	assert_int_equal(self->records[2].line, 5); /* lines inside quotes are counted */
	fixture_bad(self, "$TTL 1\na TXT ok\nb TXT \"never\nclosed\n", "3:7:", "never closed");
}

static void
test_escapes_outside_quotes(void **state)
{
	struct fixture *self = *state;

	fixture_good(self,
		     "$TTL 1\n"
		     "a\\.b\\;c TXT p\\;q\\ r\\(\\)\\\"\\010\n"
		     "\\@ A 192.0.2.1\n"
		     "\\$TTL A 192.0.2.1\n"
		     "\"$TTL\" A 192.0.2.1\n",
		     4);
	assert_string_equal(self->records[0].owner, "a\\.b\\;c.example.com.");
	fixture_rdata(self, 0, "\11p;q r()\"\n", 10);
	assert_string_equal(self->records[1].owner, "\\@.example.com.");
	assert_string_equal(self->records[2].owner, "\\$TTL.example.com.");
	assert_string_equal(self->records[3].owner, "\\$TTL.example.com.");
	fixture_bad(self, "$TTL 1\na TXT b\\\nc A 192.0.2.1\n", "2:9:", "nothing after it");
	fixture_bad(self, "$TTL 1\na TXT b\\256\n", "2:7:", "bad escape");
	fixture_bad(self, "$TTL 1\na TXT b\\25\n", "2:7:", "bad escape");
	fixture_bad(self, "$TTL 1\na\\999 A 192.0.2.1\n", "2:1:", "bad escape");
}

static void
test_line_ends_of_every_kind(void **state)
{
	struct fixture *self = *state;

	fixture_good(self,
		     "$TTL 1\r\n"
		     "a TXT (\r\n\"x\r\ny\" z ; c\r\n)\r\n"
		     "\r\n"
		     "\tA 192.0.2.1\r\n"
		     "b A 192.0.2.2",
		     3);
	fixture_rdata(self, 0, "\3x\ny\1z", 6);
	assert_string_equal(self->records[1].owner, "a.example.com.");
	assert_int_equal(self->records[1].line, 7);
	assert_int_equal(self->records[2].line, 8);
	fixture_good(self, "a 1 A 192.0.2.1 ; no end of line", 1);
	fixture_good(self, "", 0);
	fixture_good(self, "\n \n\t; nothing\n;", 0);
	fixture_good(self, "\xef\xbb\xbf$TTL 5\na A 192.0.2.1\n", 1);
	fixture_bad(self, "\xef\xbb\xbf$TTX 5\n", "1:1:", "unknown directive");
}

static void
test_nul_is_refused(void **state)
{
	struct fixture *self = *state;
	static const char *const texts[] = { "$TTL 1\na\0b", "$TTL 1\n\"\0", "$TTL 1\n\0" };

	for (size_t i = 0; i < MR_ARRAY_COUNT(texts); i++) {
		const char *path = fixture_file_bytes(self, "zone", texts[i], 10 - i);

		assert_int_not_equal(fixture_read_path(self, path, "example.com"), 0);
		assert_non_null(strstr(self->error.text, "/zone:2:"));
		assert_non_null(strstr(self->error.text, "NUL octet"));
	}
}

/* An entry as large as rdata can be is read, across many buffers; a larger one is told. */
static void
test_entry_size_is_bounded(void **state)
{
	struct fixture *self = *state;
	size_t room = 3u << 20, at;
	char *text = malloc(room);

	at = (size_t)sprintf(text, "$TTL 1\na TXT (\n");
	for (int i = 0; i < 255; i++) { /* 255 strings of 255 octets, and 254 more: 65535 */
		text[at++] = '"';
		for (int k = 0; k < 255; k++)
			at += (size_t)sprintf(text + at, "\\%03d", k);
		at += (size_t)sprintf(text + at, "\" ; %0100d\n", i);
	}
	text[at] = '\0';
	sprintf(text + at, "\"%0254d\" )\nb A 192.0.2.1\n", 0);
	fixture_good(self, text, 2);
	assert_int_equal(self->records[0].rdata_bytes, 65535);
	assert_int_equal(self->records[1].line, 259);
	sprintf(text + at, "\"%0255d\" )\n", 0);
	fixture_bad(self, text, "258:1:", "more than 65535 octets");
	/* one token without end, quoted and not; many tokens without end */
	memset(text, 'x', room - 1);
	text[room - 1] = '\0';
	fixture_bad(self, text, "1:", "too long for a record");
	text[0] = '"';
	fixture_bad(self, text, "1:", "too long for a record");
	for (size_t i = 0; i < room - 1; i++)
		text[i] = i ? " \n"[i & 1] : '(';
	for (size_t i = 2; i < room - 1; i += 4)
		text[i] = 'x';
	fixture_bad(self, text, "", "too long for a record");
	/* comments and blank lines are no entry: any size */
	memset(text, ';', room - 1);
	fixture_good(self, text, 0);
	memset(text, '\n', room - 1);
	fixture_good(self, text, 0);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_parentheses_join_lines),
		FIXTURE_TEST(test_quotes_keep_everything),
		FIXTURE_TEST(test_escapes_outside_quotes),
		FIXTURE_TEST(test_line_ends_of_every_kind),
		FIXTURE_TEST(test_nul_is_refused),
		FIXTURE_TEST(test_entry_size_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
