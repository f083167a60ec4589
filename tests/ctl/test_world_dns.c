/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/test_world_dns - the file of cookie secrets, and what goes to the workers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl/world_int.h"

#define ONE "e5e973e5a6b2a43f48e7dc849e37bfcf"
#define TWO "DD3BDF9344b678b185a6f5cb60fca715"

static const uint8_t drawn[MR_DNS_COOKIE_SECRET_BYTES] = "drawn at start!";
static struct mr_dns_config made;
static struct mr_error failure;

/* Builds from a file of that text (NULL: no file). */
static int
build(const char *text, int cookies)
{
	char path[] = "/tmp/test_world_dns.XXXXXX";
	struct mr_config_dns config = { .udp_payload_v4_bytes = 1232,
					.udp_payload_v6_bytes = 1280,
					.nsid = "box",
					.cookies = cookies };
	int rc;

	if (text) {
		int fd = mkstemp(path);

		assert_true(fd >= 0);
		assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
		close(fd);
		strcpy(config.cookie_secrets, path);
	}
	memset(&failure, 0, sizeof(failure));
	rc = world_dns_build(&config, drawn, &made, &failure);
	if (text)
		unlink(path);
	return rc;
}

static void
test_secrets_in_order_comments_passed_over(void **state)
{
	(void)state;
	assert_int_equal(build("# new\n" ONE "\n\n  " TWO "  \r\n", MR_CONFIG_COOKIES_ANSWER), 0);
	assert_int_equal(made.cookie_secret_count, 2);
	assert_memory_equal(made.cookie_secrets[0], "\xe5\xe9\x73\xe5", 4);
	assert_memory_equal(made.cookie_secrets[1], "\xdd\x3b\xdf\x93", 4);
	assert_int_equal(made.nsid_bytes, 3);
	assert_int_equal(made.udp_payload_v6_bytes, 1280);
	assert_int_equal(made.cookie_policy, MR_DNS_COOKIE_ANSWER);
	assert_int_equal(build(ONE "\n" ONE "\n" ONE "\n" ONE "\n", MR_CONFIG_COOKIES_REQUIRE), 0);
	assert_int_equal(made.cookie_secret_count, MR_DNS_COOKIE_SECRETS);
	assert_int_equal(made.cookie_policy, MR_DNS_COOKIE_REQUIRE);
}

static void
test_bad_secrets_are_refused_and_not_told(void **state)
{
	static const char *const bad[] = {
		"",
		"# only\n",
		"abc\n",
		ONE "0\n",
		ONE " x\n",
		"g" ONE "\n",
		ONE "\n" ONE "\n" ONE "\n" ONE "\n" ONE "\n",
	};

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(bad); i++) {
		assert_int_not_equal(build(bad[i], MR_CONFIG_COOKIES_ANSWER), 0);
		assert_true(failure.text[0] != '\0');
		assert_null(strstr(failure.text, "e5e9"));
	}
}

static void
test_without_a_file_the_drawn_secret_signs(void **state)
{
	(void)state;
	assert_int_equal(build(NULL, MR_CONFIG_COOKIES_ANSWER), 0);
	assert_int_equal(made.cookie_secret_count, 1);
	assert_memory_equal(made.cookie_secrets[0], drawn, sizeof(drawn));
	assert_int_equal(build(NULL, MR_CONFIG_COOKIES_OFF), 0);
	assert_int_equal(made.cookie_secret_count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secrets_in_order_comments_passed_over),
		cmocka_unit_test(test_bad_secrets_are_refused_and_not_told),
		cmocka_unit_test(test_without_a_file_the_drawn_secret_signs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
