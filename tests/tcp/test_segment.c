/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/segment - headers and options both ways, and their limits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tcp/tcp.h"

static uint32_t
build(uint8_t *out, uint8_t flags, const uint8_t *options, uint32_t option_bytes)
{
	memset(out, 0, MR_TCP_HEADER_BYTES);
	mr_store_be16(out, 1000);
	mr_store_be16(out + 2, 80);
	mr_store_be32(out + 4, 0xfffffffe);
	mr_store_be32(out + 8, 7);
	out[12] = (uint8_t)((MR_TCP_HEADER_BYTES + option_bytes) / 4 << 4);
	out[13] = flags;
	mr_store_be16(out + 14, 512);
	memcpy(out + MR_TCP_HEADER_BYTES, option_bytes ? options : out, option_bytes);
	return MR_TCP_HEADER_BYTES + option_bytes;
}

static void
test_parse_short_is_refused(void **state)
{
	uint8_t bytes[64];
	struct mr_tcp_segment seg;
	uint32_t n = build(bytes, MR_TCP_ACK, NULL, 0);

	(void)state;
	assert_true(mr_tcp_segment_parse(bytes, n, &seg));
	assert_false(mr_tcp_segment_parse(bytes, n - 1, &seg));
	bytes[12] = 4 << 4; /* a header of 16 bytes */
	assert_false(mr_tcp_segment_parse(bytes, n, &seg));
	bytes[12] = 6 << 4; /* longer than the segment */
	assert_false(mr_tcp_segment_parse(bytes, n, &seg));
	assert_true(mr_tcp_segment_parse(bytes, n + 4, &seg));
	assert_int_equal(seg.payload_bytes, 0);
}

static void
test_parse_all_options(void **state)
{
	static const uint8_t options[] = { 2, 4, 0x05, 0xb4, 1, 3, 3, 9, 4, 2, 8, 10,
					   0, 0, 0,    5,    0, 0, 0, 6, 1, 1, 1, 0 };
	uint8_t bytes[64];
	struct mr_tcp_segment seg;

	(void)state;
	assert_true(mr_tcp_segment_parse(bytes, build(bytes, MR_TCP_SYN, options, sizeof(options)),
					 &seg));
	assert_int_equal(seg.mss, 1460);
	assert_int_equal(seg.wscale, 9);
	assert_true(seg.sack_permitted && seg.has_ts && !seg.options_broken);
	assert_int_equal(seg.tsval, 5);
	assert_int_equal(seg.tsecr, 6);
	assert_int_equal(mr_tcp_segment_len(&seg), 1);
}

static void
test_parse_syn_options_count_only_on_syn(void **state)
{
	static const uint8_t options[] = { 2, 4, 0x05, 0xb4, 1, 3, 3, 9, 4, 2, 1, 1 };
	uint8_t bytes[64];
	struct mr_tcp_segment seg;

	(void)state;
	assert_true(mr_tcp_segment_parse(bytes, build(bytes, MR_TCP_ACK, options, sizeof(options)),
					 &seg));
	assert_int_equal(seg.mss, 0);
	assert_int_equal(seg.wscale, MR_TCP_WSCALE_NONE);
	assert_false(seg.sack_permitted);
}

static void
test_parse_broken_options_end_the_list(void **state)
{
	static const uint8_t zero[] = { 8, 0, 0, 0 }, one[] = { 8, 1, 1, 1 },
			     past[] = { 1, 1, 8, 10 }, lone[] = { 1, 1, 1, 8 };
	static const uint8_t *const cases[] = { zero, one, past, lone };
	uint8_t bytes[64];
	struct mr_tcp_segment seg;

	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_true(
			mr_tcp_segment_parse(bytes, build(bytes, MR_TCP_ACK, cases[i], 4), &seg));
		assert_true(seg.options_broken);
		assert_false(seg.has_ts);
	}
}

static void
test_parse_unknown_and_misfit_options_are_skipped(void **state)
{
	static const uint8_t options[] = { 254, 6, 1, 2, 3, 4, 8,  9, 0, 0,
					   0,   0, 0, 0, 0, 5, 10, 1, 1, 0 };
	static const uint8_t wide[] = { 77, 3, 9, 3, 3, 200, 2, 3, 9, 0, 0, 0 };
	uint8_t bytes[64];
	struct mr_tcp_segment seg;

	(void)state;
	assert_true(mr_tcp_segment_parse(bytes, build(bytes, MR_TCP_ACK, options, sizeof(options)),
					 &seg));
	assert_false(seg.has_ts); /* a timestamp of 9 bytes */
	assert_true(
		mr_tcp_segment_parse(bytes, build(bytes, MR_TCP_SYN, wide, sizeof(wide)), &seg));
	assert_int_equal(seg.wscale, MR_TCP_WSCALE_MAX);
	assert_int_equal(seg.mss, 0); /* an MSS of one byte */
	assert_false(seg.options_broken);
}

static void
test_write_then_parse_is_the_same(void **state)
{
	struct mr_rng rng;

	(void)state;
	mr_rng_seed(&rng, 42);
	for (int round = 0; round < 20000; round++) {
		uint64_t r = mr_rng_next(&rng);
		bool syn = r & 1;
		struct mr_tcp_segment in = {
			.src_port = (uint16_t)(r >> 8),
			.dst_port = (uint16_t)(r >> 24),
			.seq = (uint32_t)mr_rng_next(&rng),
			.ack = (uint32_t)mr_rng_next(&rng),
			.flags = syn ? MR_TCP_SYN : MR_TCP_ACK,
			.wnd = (uint16_t)(r >> 40),
			.mss = syn && r & 2 ? 1 + (uint16_t)(r >> 50) : 0,
			.wscale = syn && r & 4 ? (r >> 4) % 15 : MR_TCP_WSCALE_NONE,
			.sack_permitted = syn && r & 8,
			.has_ts = r & 16,
			.tsval = (uint32_t)mr_rng_next(&rng),
			.tsecr = (uint32_t)mr_rng_next(&rng),
			.sack_count = syn ? 0 : (r >> 5) % 5,
		};
		struct mr_tcp_segment out;
		uint8_t bytes[MR_TCP_HEADER_MAX_BYTES], n, fit = in.has_ts ? 3 : 4;

		for (int i = 0; i < MR_TCP_SACK_MAX; i++)
			in.sacks[i] = (struct mr_tcp_block){ (uint32_t)i, (uint32_t)r };
		n = mr_tcp_segment_write(&in, bytes);
		assert_true(n <= MR_TCP_HEADER_MAX_BYTES && n % 4 == 0);
		assert_true(mr_tcp_segment_parse(bytes, n, &out));
		assert_false(out.options_broken);
		assert_int_equal(out.header_bytes, n);
		assert_true(in.seq == out.seq && in.ack == out.ack && in.wnd == out.wnd);
		assert_true(in.src_port == out.src_port && in.dst_port == out.dst_port);
		assert_true(in.mss == out.mss && in.wscale == out.wscale);
		assert_true(in.sack_permitted == out.sack_permitted && in.has_ts == out.has_ts);
		if (in.has_ts)
			assert_true(in.tsval == out.tsval && in.tsecr == out.tsecr);
		assert_int_equal(out.sack_count, MR_MIN(in.sack_count, fit));
		assert_memory_equal(in.sacks, out.sacks, out.sack_count * sizeof(in.sacks[0]));
	}
}

static void
test_checksum_known_and_verifies(void **state)
{
	/* RFC 1071's way by hand: 10.0.0.1 -> 10.0.0.2, a bare ACK */
	struct mr_tcp_flow flow = { .local = mr_addr_from_v4("\x0a\x00\x00\x01"),
				    .remote = mr_addr_from_v4("\x0a\x00\x00\x02") };
	uint8_t bytes[64] = { 0 };
	uint32_t sum;

	(void)state;
	build(bytes, MR_TCP_ACK, NULL, 0);
	bytes[12] = 5 << 4;
	sum = 0x0a00 + 0x0001 + 0x0a00 + 0x0002 + 6 + 23; /* pseudo-header */
	sum += 1000 + 80 + 0xffff + 0xfffe + 7 + 0x5010 + 512 + 0x6162 + 0x6300;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	memcpy(bytes + 20, "abc", 3);
	assert_int_equal(mr_tcp_checksum(&flow, bytes, 23), (uint16_t)~sum);
	mr_store_be16(bytes + 16, (uint16_t)~sum);
	assert_int_equal(mr_tcp_checksum(&flow, bytes, 23), 0);
	for (int bit = 0; bit < 23 * 8; bit++) { /* no single bit goes unseen */
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(mr_tcp_checksum(&flow, bytes, 23), 0);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_short_is_refused),
		cmocka_unit_test(test_parse_all_options),
		cmocka_unit_test(test_parse_syn_options_count_only_on_syn),
		cmocka_unit_test(test_parse_broken_options_end_the_list),
		cmocka_unit_test(test_parse_unknown_and_misfit_options_are_skipped),
		cmocka_unit_test(test_write_then_parse_is_the_same),
		cmocka_unit_test(test_checksum_known_and_verifies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
