/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/http/smuggling - each form has its status, however its bytes are split; and what is
 * accepted and passed on says the same to the next one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "drive.h"
#include "smuggling.h"

struct form {
	const char *name;
	unsigned status;
	const char *bytes;
	size_t byte_count;
};

#define FORM_ROW(name, status, bytes) { name, status, bytes, sizeof(bytes) - 1 },
static const struct form forms[] = { SMUGGLING_FORMS(FORM_ROW) };
static const struct mr_http_limits limits = MR_HTTP_LIMITS_DEFAULT;
static struct drive_result whole, split;

static unsigned
status_of(const struct drive_result *result)
{
	if (result->verdict == MR_HTTP_REFUSED)
		return mr_http_status_of((enum mr_http_refusal)result->refusal);
	return result->verdict == MR_HTTP_DONE ? 200 : 0;
}

static void
test_forms_have_status(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (unsigned i = 0; i < MR_ARRAY_COUNT(forms); i++) {
		const struct form *form = &forms[i];

		drive(&whole, MR_HTTP_REQUEST, MR_HTTP_METHOD_OTHER, &limits, form->bytes,
		      form->byte_count, 0, 0, false);
		if (status_of(&whole) != form->status && ++wrong)
			print_error("%s: %u (%s), not %u\n", form->name, status_of(&whole),
				    mr_http_refusal_name((enum mr_http_refusal)whole.refusal),
				    form->status);
		if (form->status == 200)
			assert_int_equal(whole.used_bytes, form->byte_count);
		else
			assert_true(whole.message.close || whole.message.head_bytes > 0);
	}
	assert_int_equal(wrong, 0);
	assert_true(MR_ARRAY_COUNT(forms) >= 100);
}

/* Every reason to refuse a request's head or framing has a form that shows it. Bounds are tested on
 * both sides in test_head.c and test_body.c; STATUS is of responses, CUT_OFF of connections. */
static void
test_forms_show_every_refusal(void **state)
{
	bool seen[MR_HTTP_REFUSAL_COUNT] = { [MR_HTTP_REFUSED_NOT] = true,
					     [MR_HTTP_REFUSED_STATUS] = true,
					     [MR_HTTP_REFUSED_CUT_OFF] = true };

	(void)state;
	for (unsigned i = 0; i < MR_ARRAY_COUNT(forms); i++) {
		drive(&whole, MR_HTTP_REQUEST, MR_HTTP_METHOD_OTHER, &limits, forms[i].bytes,
		      forms[i].byte_count, 0, 0, false);
		seen[whole.refusal] = true;
	}
	for (unsigned i = 0; i < MR_HTTP_REFUSAL_COUNT; i++) {
		uint16_t status = mr_http_status_of(i);

		if (!seen[i] && status != 413 && status != 414 && status != 431)
			fail_msg("no form is refused for %s", mr_http_refusal_name(i));
	}
}

static void
test_forms_split_anywhere(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MR_ARRAY_COUNT(forms); i++) {
		const struct form *form = &forms[i];

		drive(&whole, MR_HTTP_REQUEST, MR_HTTP_METHOD_OTHER, &limits, form->bytes,
		      form->byte_count, 0, 0, false);
		for (size_t cut = 1; cut < form->byte_count; cut++) {
			drive(&split, MR_HTTP_REQUEST, MR_HTTP_METHOD_OTHER, &limits, form->bytes,
			      form->byte_count, 0, cut, false);
			drive_same(&whole, &split);
		}
		drive(&split, MR_HTTP_REQUEST, MR_HTTP_METHOD_OTHER, &limits, form->bytes,
		      form->byte_count, 1, 0, false);
		drive_same(&whole, &split);
	}
}

static void
test_accepted_forms_pass_on(void **state)
{
	static const struct mr_http_forward how = { 0 };
	static struct drive_result again;

	(void)state;
	for (unsigned i = 0; i < MR_ARRAY_COUNT(forms); i++) {
		uint8_t out[1024];
		struct mr_writer writer = mr_writer_over(out, sizeof(out));

		if (forms[i].status != 200)
			continue;
		drive(&whole, MR_HTTP_REQUEST, MR_HTTP_METHOD_OTHER, &limits, forms[i].bytes,
		      forms[i].byte_count, 0, 0, false);
		mr_http_write_request(&writer, &whole.message, (const uint8_t *)forms[i].bytes,
				      &how);
		assert_false(writer.failed);
		drive(&again, MR_HTTP_REQUEST, MR_HTTP_METHOD_OTHER, &limits, out,
		      (size_t)(writer.at - out), 0, 0, false);
		assert_int_not_equal(again.verdict, MR_HTTP_REFUSED);
		drive_same_message(&whole.message, (const uint8_t *)forms[i].bytes, &again.message,
				   out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms_have_status),
		cmocka_unit_test(test_forms_show_every_refusal),
		cmocka_unit_test(test_forms_split_anywhere),
		cmocka_unit_test(test_accepted_forms_pass_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
