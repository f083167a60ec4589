/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/options - numbers, end points, ports, and the table's reader.
 */
#include "fixture.h"

#include "options.h"

static void
test_number_suffixes(void **state)
{
	static const struct {
		const char *text;
		uint64_t value;
	} rows[] = { { "0", 0 },
		     { "1500", 1500 },
		     { "250k", 250000 },
		     { "1.5M", 1500000 },
		     { "2G", 2000000000 } };
	static const char *const wrong[] = {
		"", "k", "-1", "1x", "1kk", "nan", "inf", "0.5", "1e30"
	};
	uint64_t value;

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(rows); i++) {
		assert_int_equal(gen_options_number(rows[i].text, &value), 0);
		assert_int_equal(value, rows[i].value);
	}
	for (size_t i = 0; i < MR_ARRAY_COUNT(wrong); i++)
		assert_int_not_equal(gen_options_number(wrong[i], &value), 0);
}

static void
test_endpoint_forms(void **state)
{
	static const struct {
		const char *text, *addr;
		uint16_t port;
	} rows[] = { { "192.0.2.1", "192.0.2.1", 53 },
		     { "192.0.2.1:5300", "192.0.2.1", 5300 },
		     { "2001:db8::1", "2001:db8::1", 53 },
		     { "[2001:db8::1]:65535", "2001:db8::1", 65535 },
		     { "[2001:db8::1]", "2001:db8::1", 53 } };
	static const char *const wrong[] = {
		"",       "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:x", "[::1",
		"[::1]x", "host",        "[::1]:"
	};
	char text[MR_ADDR_TEXT_BYTES];
	struct mr_addr addr;
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(rows); i++) {
		port = 53;
		assert_int_equal(gen_options_endpoint(rows[i].text, &addr, &port), 0);
		assert_string_equal(mr_addr_format(&addr, text), rows[i].addr);
		assert_int_equal(port, rows[i].port);
	}
	for (size_t i = 0; i < MR_ARRAY_COUNT(wrong); i++)
		assert_int_not_equal(gen_options_endpoint(wrong[i], &addr, &port), 0);
}

static void
test_port_words(void **state)
{
	static const char *const wrong[] = {
		"memif",         ":x", "memif:/x,what", "memif:/x,ring=x", "memif:/x,ring=20000",
		"memif:/x,mac=1"
	};
	struct mr_port_config config;
	struct mr_error error = { 0 };

	(void)state;
	assert_int_equal(gen_options_port("memif:/run/x.sock,server,ring=512,mac=02:00:00:00:00:07",
					  &config, &error),
			 0);
	assert_string_equal(config.kind, "memif");
	assert_string_equal(config.target, "/run/x.sock");
	assert_true(config.memif_server && config.has_mac);
	assert_int_equal(config.rx_descriptors, 512);
	assert_int_equal(config.mac.bytes[5], 7);
	assert_int_equal(gen_options_port("memif:/run/x.sock", &config, &error), 0);
	assert_true(config.memif_zero_copy && !config.memif_server);
	assert_int_equal(gen_options_port("memif:/run/x.sock,copy", &config, &error), 0);
	assert_false(config.memif_zero_copy);
	for (size_t i = 0; i < MR_ARRAY_COUNT(wrong); i++)
		assert_int_not_equal(gen_options_port(wrong[i], &config, NULL), 0);
}

static int
parse(struct gen_options *options, const char *const *words, int count)
{
	bool help;

	memset(options, 0, sizeof(*options));
	options->mode = GEN_MODE_DNS;
	return gen_options_parse(options, count, (char **)(uintptr_t)words, &help, NULL);
}

static void
test_table_reads_each_kind(void **state)
{
	static const char *const words[] = { "--target",  "192.0.2.1", "--target=2001:db8::1",
					     "--clients", "5k",        "--loss",
					     "0.5%",      "--json",    "--duration=250ms",
					     "--memory",  "64MiB" };
	struct gen_options options;

	(void)state;
	assert_int_equal(parse(&options, words, MR_ARRAY_COUNT(words)), 0);
	assert_int_equal(options.targets.count, 2);
	assert_string_equal(options.targets.items[1], "2001:db8::1");
	assert_int_equal(options.clients, 5000);
	assert_true(options.loss_percent > 0.49 && options.loss_percent < 0.51);
	assert_true(options.json);
	assert_int_equal(options.duration_ns, 250000000);
	assert_int_equal(options.memory_bytes, 64 << 20);
}

static void
test_table_refuses(void **state)
{
	static const char *const wrong[][2] = {
		{ "--what", "1" },        { "--ttl", "0" },         { "--ttl", "256" },
		{ "--duration", "5" },    { "--loss", "101" },      { "--loss", "x" },
		{ "--json=1", "--json" }, { "--json", "--target" }, { "--memory", "x" },
	};
	struct gen_options options;

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(wrong); i++)
		assert_int_not_equal(parse(&options, wrong[i], 2), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number_suffixes),
		cmocka_unit_test(test_endpoint_forms),
		cmocka_unit_test(test_port_words),
		cmocka_unit_test(test_table_reads_each_kind),
		cmocka_unit_test(test_table_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
