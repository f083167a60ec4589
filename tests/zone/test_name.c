/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/name - presentation form to wire and back; both sides of 63, 127 and 255.
 */
#include "text_fixture.h"

static void
test_name_forms(void **state)
{
	uint8_t wire[MR_ZONE_NAME_BYTES];
	char text[MR_ZONE_NAME_TEXT_BYTES];

	(void)state;
	assert_int_equal(mr_zone_name_from_text("WWW.Example.com", wire), 17);
	assert_memory_equal(wire, "\3WWW\7Example\3com", 17);
	assert_string_equal(mr_zone_name_to_text(wire, text), "WWW.Example.com.");
	assert_int_equal(mr_zone_name_from_text("www.example.com.", wire), 17);
	assert_int_equal(mr_zone_name_from_text(".", wire), 1);
	assert_string_equal(mr_zone_name_to_text(wire, text), ".");
	assert_int_equal(mr_zone_name_from_text("a\\.b\\000\\255\\\\.c", wire), 10);
	assert_memory_equal(wire, "\6a.b\0\377\\\1c", 10);
	assert_string_equal(mr_zone_name_to_text(wire, text), "a\\.b\\000\\255\\\\.c.");
	assert_int_equal(mr_zone_name_from_text("*.\\@.\\$", wire), 7);
	assert_string_equal(mr_zone_name_to_text(wire, text), "*.\\@.\\$.");
}

static void
test_name_errors(void **state)
{
	static const char *const bad[] = { "",     "..",    ".a",     "a..",    "a..b",  "a\\",
					   "a\\2", "a\\25", "a\\256", "a\\2x5", "a\\999" };
	uint8_t wire[MR_ZONE_NAME_BYTES];

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(bad); i++)
		if (mr_zone_name_from_text(bad[i], wire) != -EINVAL)
			fail_msg("\"%s\" was read", bad[i]);
}

static void
test_name_bounds(void **state)
{
	uint8_t wire[MR_ZONE_NAME_BYTES];
	char text[MR_ZONE_NAME_TEXT_BYTES], back[MR_ZONE_NAME_TEXT_BYTES];
	size_t at = 0;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[63] = '\0';
	assert_int_equal(mr_zone_name_from_text(text, wire), 65);
	text[63] = 'a';
	text[64] = '\0';
	assert_int_equal(mr_zone_name_from_text(text, wire), -EINVAL);
	/* 127 labels of one octet: 255 */
	for (int i = 0; i < MR_ZONE_LABELS; i++)
		at += (size_t)sprintf(text + at, "x.");
	assert_int_equal(mr_zone_name_from_text(text, wire), MR_ZONE_NAME_BYTES);
	text[at - 1] = '\0';
	assert_int_equal(mr_zone_name_from_text(text, wire), MR_ZONE_NAME_BYTES);
	assert_string_equal(mr_zone_name_to_text(wire, back) + 2, back + 2);
	strcpy(text + at - 1, "y.");
	assert_int_equal(mr_zone_name_from_text(text, wire), -EINVAL);
	strcpy(text + at - 1, ".y");
	assert_int_equal(mr_zone_name_from_text(text, wire), -EINVAL);
	/* the longest text: every octet escaped */
	at = 0;
	for (int i = 0; i < 253; i++)
		at += (size_t)sprintf(text + at, i == 63 || i == 127 || i == 191 ? "." : "\\001");
	text[at] = '\0';
	assert_int_equal(mr_zone_name_from_text(text, wire), MR_ZONE_NAME_BYTES);
	assert_int_equal(strlen(mr_zone_name_to_text(wire, back)), at + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name_forms),
		cmocka_unit_test(test_name_errors),
		cmocka_unit_test(test_name_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
