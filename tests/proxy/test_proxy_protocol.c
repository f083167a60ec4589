/* SPDX-License-Identifier: Apache-2.0
 *
 * The PROXY protocol: tables from the words of its specification, each also octet by octet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../lib/proxy/proxy_protocol.h"

#define SIG   "\r\n\r\n\0\r\nQUIT\n"
#define ADDR4 "\xc0\x00\x02\x01\xc6\x33\x64\x02\xdc\x04\x01\xbb"
#define V(s)  s, sizeof(s) - 1
#define TEN   "xxxxxxxxxx"

/* read_split reads all, after each shorter part has said MORE. */
static enum mr_proxy_header_verdict
read_split(const void *bytes, size_t count, struct mr_proxy_header *out)
{
	enum mr_proxy_header_verdict whole = mr_proxy_header_read(bytes, count, out);

	for (size_t i = 0; i < count && whole == MR_PROXY_HEADER_DONE && i < out->byte_count; i++) {
		struct mr_proxy_header part;

		assert_int_equal(mr_proxy_header_read(bytes, i, &part), MR_PROXY_HEADER_MORE);
	}
	return whole;
}

static void
test_what_is_right_is_read(void **state)
{
	static const struct {
		const char *bytes;
		size_t count;
		const char *source, *destination; /* NULL: nobody */
		uint16_t source_port, destination_port;
		size_t behind; /* octets that follow the header */
	} rows[] = {
		/* 2.1: the longest lines, and the example */
		{ V("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
		  "255.255.255.255", "255.255.255.255", 65535, 65535, 0 },
		{ V("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\nGET / HTTP/1.1\r\n"),
		  "192.168.0.1", "192.168.0.11", 56324, 443, 16 },
		{ V("PROXY TCP6 ffff:f:f:f:f:f:f:ffff ffff:f:f:f:f:f:f:fff0 65535 0\r\n"),
		  "ffff:f:f:f:f:f:f:ffff", "ffff:f:f:f:f:f:f:fff0", 65535, 0, 0 },
		{ V("PROXY UNKNOWN\r\n"), NULL, NULL, 0, 0, 0 },
		{ V("PROXY UNKNOWN ffff:f:f:f:f:f:f:ffff whatever 1 2\r\n"), NULL, NULL, 0, 0, 0 },
		/* 2.2: version 2 */
		{ V(SIG "\x21\x11\x00\x0c" ADDR4 "rest"), "192.0.2.1", "198.51.100.2", 56324, 443,
		  4 },
		{ V(SIG "\x21\x21\x00\x24"
			"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
			"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\x00\x01\x00\x02"),
		  "2001:db8::1", "2001:db8::2", 1, 2, 0 },
		{ V(SIG "\x20\x00\x00\x00"), NULL, NULL, 0, 0, 0 },
		{ V(SIG "\x20\x11\x00\x0c" ADDR4), NULL, NULL, 0, 0, 0 }, /* LOCAL: skipped */
		{ V(SIG "\x21\x00\x00\x03"
			"abc"),
		  NULL, NULL, 0, 0, 0 }, /* UNSPEC: skipped */
		/* TLVs: an empty one and one of two octets */
		{ V(SIG "\x21\x11\x00\x14" ADDR4 "\x04\x00\x00\x01\x00\x02h2"), "192.0.2.1",
		  "198.51.100.2", 56324, 443, 0 },
	};

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(rows); i++) {
		struct mr_proxy_header header;
		char text[MR_ADDR_TEXT_BYTES];

		assert_int_equal(read_split(rows[i].bytes, rows[i].count, &header),
				 MR_PROXY_HEADER_DONE);
		assert_int_equal(header.byte_count, rows[i].count - rows[i].behind);
		assert_int_equal(header.local, rows[i].source == NULL);
		if (header.local)
			continue;
		assert_string_equal(mr_addr_format(&header.source, text), rows[i].source);
		assert_string_equal(mr_addr_format(&header.destination, text), rows[i].destination);
		assert_int_equal(header.source_port, rows[i].source_port);
		assert_int_equal(header.destination_port, rows[i].destination_port);
	}
}

static void
test_what_is_wrong_is_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t count;
	} rows[] = {
		{ V("GET / HTTP/1.1\r\n") },
		{ V("proxy TCP4 1.2.3.4 1.2.3.5 1 2\r\n") },
		{ V("PROXY TCP5 1.2.3.4 1.2.3.5 1 2\r\n") },
		{ V("PROXY  TCP4 1.2.3.4 1.2.3.5 1 2\r\n") },
		{ V("PROXY TCP4  1.2.3.4 1.2.3.5 1 2\r\n") },
		{ V("PROXY TCP4 1.2.3.4 1.2.3.5 1 2 \r\n") },
		{ V("PROXY TCP4 1.2.3.4 1.2.3.5 1 2\n") },
		{ V("PROXY TCP4 1.2.3.4 1.2.3.5 1\r2\r\n") },
		{ V("PROXY TCP4 1.2.3.4 1.2.3.5 1\r\n") },
		{ V("PROXY TCP4 1.2.3.4 1.2.3.5 1 2 3\r\n") },
		{ V("PROXY TCP4 1.2.3.4 1.2.3.5 01 2\r\n") },
		{ V("PROXY TCP4 1.2.3.4 1.2.3.5 1 65536\r\n") },
		{ V("PROXY TCP4 1.2.3.4 1.2.3.5 +1 2\r\n") },
		{ V("PROXY TCP4 1.2.3.4 1.2.3.5 1 999999\r\n") },
		{ V("PROXY TCP4 1.2.3.04 1.2.3.5 1 2\r\n") },
		{ V("PROXY TCP4 1.2.3 1.2.3.5 1 2\r\n") },
		{ V("PROXY TCP4 ::1 ::2 1 2\r\n") },
		{ V("PROXY TCP6 1.2.3.4 1.2.3.5 1 2\r\n") },
		{ V("PROXY TCP6 ::ffff:1.2.3.4 ::1 1 2\r\n") },
		{ V("PROXY TCP4 1.2.3.4\0 1.2.3.5 1 2\r\n") },
		{ V("PROXY UNKNOWNS\r\n") },
		{ V("PROXY \r\n") },
		{ V("PROXY UNKNOWN " TEN TEN TEN TEN TEN TEN TEN TEN TEN "xx\r\n") }, /* 108 */
		{ V(SIG "\x11\x11\x00\x0c" ADDR4) },            /* version 1 in a binary header */
		{ V(SIG "\x22\x11\x00\x0c" ADDR4) },            /* a command that is not */
		{ V(SIG "\x21\x12\x00\x0c" ADDR4) },            /* UDP */
		{ V(SIG "\x21\x31\x00\xd8") },                  /* a UNIX socket */
		{ V(SIG "\x21\x11\x00\x0b" ADDR4) },            /* shorter than its addresses */
		{ V(SIG "\x21\x11\xff\xff" ADDR4) },            /* longer than any */
		{ V(SIG "\x21\x11\x00\x0e" ADDR4 "\x04\x00") }, /* half a TLV */
		{ V(SIG "\x21\x11\x00\x10" ADDR4 "\x04\x00\x02x") }, /* a TLV cut off */
		{ V(SIG "\x21\x11\x00\x13" ADDR4 "\x03\x00\x04\x01\x02\x03\x04") }, /* CRC */
		{ V("\r\n\r\n\0\r\nQUIZ") },
	};

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(rows); i++) {
		struct mr_proxy_header header;

		if (read_split(rows[i].bytes, rows[i].count, &header) != MR_PROXY_HEADER_REFUSED)
			fail_msg("row %zu is taken", i);
	}
}

static void
test_longest_unknown_line_is_taken(void **state)
{
	static const char line[] = "PROXY UNKNOWN " TEN TEN TEN TEN TEN TEN TEN TEN TEN "x\r\n";
	struct mr_proxy_header header;

	(void)state;
	assert_int_equal(sizeof(line) - 1, MR_PROXY_HEADER_V1_BYTES);
	assert_int_equal(read_split(line, sizeof(line) - 1, &header), MR_PROXY_HEADER_DONE);
}

static void
test_what_is_written_is_read_back(void **state)
{
	static const struct {
		const char *source, *destination;
		const char *v1;
	} rows[] = {
		{ "192.0.2.1", "198.51.100.2", "PROXY TCP4 192.0.2.1 198.51.100.2 0 65535\r\n" },
		{ "2001:db8::1", "2001:db8::2", "PROXY TCP6 2001:db8::1 2001:db8::2 0 65535\r\n" },
		{ "2001:db8::1", "192.0.2.1", "PROXY UNKNOWN\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < 2 * MR_ARRAY_COUNT(rows); i++) {
		struct mr_proxy_header header = { .source_port = 0, .destination_port = 65535 };
		struct mr_proxy_header again;
		uint8_t bytes[MR_PROXY_HEADER_WRITE_BYTES];
		struct mr_writer out = mr_writer_over(bytes, sizeof(bytes));
		size_t count;

		assert_int_equal(mr_addr_parse(rows[i / 2].source, &header.source), 0);
		assert_int_equal(mr_addr_parse(rows[i / 2].destination, &header.destination), 0);
		(i % 2 ? mr_proxy_header_write_v2 : mr_proxy_header_write_v1)(&out, &header);
		count = (size_t)(out.at - bytes);
		assert_false(out.failed);
		if (i % 2 == 0) {
			assert_int_equal(count, strlen(rows[i / 2].v1));
			assert_memory_equal(bytes, rows[i / 2].v1, count);
		}
		assert_int_equal(read_split(bytes, count, &again), MR_PROXY_HEADER_DONE);
		assert_int_equal(again.byte_count, count);
		assert_int_equal(again.local, i / 2 == 2);
		if (again.local)
			continue;
		assert_true(mr_addr_equal(&again.source, &header.source));
		assert_true(mr_addr_equal(&again.destination, &header.destination));
		assert_int_equal(again.destination_port, 65535);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_right_is_read),
		cmocka_unit_test(test_what_is_wrong_is_refused),
		cmocka_unit_test(test_longest_unknown_line_is_taken),
		cmocka_unit_test(test_what_is_written_is_read_back),
	};

	return cmocka_run_group_tests_name("proxy_proxy_protocol", tests, NULL, NULL);
}
