/* SPDX-License-Identifier: Apache-2.0
 *
 * drivers/impair on a real DPDK port without hugepages or network: capture files in and out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "impair/impair.h"
#include "pcap/pcap.h"

enum { FRAMES = 100, MBUFS = 4095, FRAME_BYTES = 200 };

static struct rte_mempool *pool;
static char in_path[64], out_path[64];
static struct mr_port port;
static struct rte_mbuf *seen[4 * FRAMES];
static uint16_t seen_count;

static void
open_port(const char *in, const char *out, const struct mr_impair_config *impair)
{
	struct mr_port_config config = { .name = "p0", .kind = "pcap" };
	struct mr_error error = { 0 };

	snprintf(config.target, sizeof(config.target), "%s", in);
	snprintf(config.pcap_out, sizeof(config.pcap_out), "%s", out);
	if (mr_port_open(&port, 0, &config, 1, &pool, &error))
		fail_msg("%s", error.text);
	if (impair)
		assert_int_equal(mr_impair_attach(&port, impair, &error), 0);
}

/* close_port: whatever was under way is given back. */
static void
close_port(void)
{
	rte_pktmbuf_free_bulk(seen, seen_count);
	seen_count = 0;
	mr_port_close(&port);
	assert_null(port.hook);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

static struct rte_mbuf *
frame_make(uint8_t number)
{
	struct rte_mbuf *pkt = rte_pktmbuf_alloc(pool);

	assert_non_null(pkt);
	memset(rte_pktmbuf_append(pkt, FRAME_BYTES), number, FRAME_BYTES);
	return pkt;
}

/* number_of is the frame's number: what most of a few bytes say, as one bit may have been flipped.
 */
static unsigned int
number_of(const struct rte_mbuf *pkt)
{
	const uint8_t *bytes = rte_pktmbuf_mtod(pkt, const uint8_t *);

	return bytes[20] == bytes[90] ? bytes[20] : bytes[150];
}

static void
send_frames(void)
{
	for (unsigned int i = 0; i < FRAMES; i++) {
		struct rte_mbuf *pkt = frame_make((uint8_t)i);

		assert_int_equal(mr_port_tx(&port, 0, &pkt, 1), 1);
	}
}

/* receive polls until `turns` polls in a row gave nothing. */
static void
receive(unsigned int turns)
{
	for (unsigned int empty = 0; empty < turns; empty++) {
		uint16_t count = mr_port_rx(&port, 0, seen + seen_count, 16);

		assert_true(seen_count + count + 16u < MR_ARRAY_COUNT(seen));
		seen_count += count;
		empty = count ? 0 : empty;
	}
}

static struct mr_impair_counts
counts(enum mr_impair_direction direction)
{
	struct mr_impair_counts c;

	assert_true(mr_impair_counts(&port, direction, &c));
	return c;
}

static void
test_rx_drop_every_tenth(void **state)
{
	struct mr_port_stats stats;

	(void)state;
	open_port(in_path, "", &(struct mr_impair_config){ .drop_every = 10 });
	receive(50);
	assert_int_equal(seen_count, 90);
	for (unsigned int i = 0; i < 90; i++)
		assert_int_equal(number_of(seen[i]), i + i / 9);
	assert_int_equal(counts(MR_IMPAIR_RX).lost, 10);
	assert_int_equal(counts(MR_IMPAIR_RX).delivered, 90);
	mr_port_stats(&port, &stats);
	assert_int_equal(stats.impaired, 10);
	close_port();
}

static void
test_rx_duplicate_and_corrupt_all(void **state)
{
	const struct mr_impair_config impair = { .link = { .duplicate_ppm = 1000000,
							   .corrupt_ppm = 1000000 } };

	(void)state;
	open_port(in_path, "", &impair);
	receive(50);
	assert_int_equal(seen_count, 2 * FRAMES);
	for (unsigned int i = 0; i < seen_count; i++) {
		const uint8_t *bytes = rte_pktmbuf_mtod(seen[i], const uint8_t *);
		int flipped = 0;

		assert_int_equal(number_of(seen[i]), i / 2);
		for (unsigned int b = 0; b < FRAME_BYTES; b++)
			flipped += __builtin_popcount(bytes[b] ^ (i / 2));
		assert_int_equal(flipped, 1);
	}
	assert_int_equal(counts(MR_IMPAIR_RX).corrupted, 2 * FRAMES);
	close_port();
}

static void
test_rx_delay_holds_and_close_frees(void **state)
{
	const struct mr_impair_config impair = { .link = { .delay_ns = 3600 * MR_NS_PER_S },
						 .queue_frames = 60 };

	(void)state;
	open_port(in_path, "", &impair);
	receive(50);
	assert_int_equal(seen_count, 0);
	assert_int_equal(counts(MR_IMPAIR_RX).queue_full, 40);
	assert_int_equal(rte_mempool_in_use_count(pool), 60);
	close_port();
}

static void
test_rx_delay_is_kept(void **state)
{
	const struct mr_impair_config impair = { .link = { .delay_ns = 20 * MR_NS_PER_MS } };
	uint64_t begun_ns = mr_clock_now_ns();

	(void)state;
	open_port(in_path, "", &impair);
	while (!seen_count && mr_clock_now_ns() < begun_ns + 5 * MR_NS_PER_S)
		seen_count += mr_port_rx(&port, 0, seen, 16);
	assert_true(mr_clock_now_ns() >= begun_ns + 20 * MR_NS_PER_MS);
	while (seen_count < FRAMES && mr_clock_now_ns() < begun_ns + 5 * MR_NS_PER_S)
		seen_count += mr_port_rx(&port, 0, seen + seen_count, 16);
	assert_int_equal(seen_count, FRAMES);
	close_port();
}

static void
test_tx_loses_delays_and_writes_the_rest(void **state)
{
	const struct mr_impair_config impair = {
		.link = { .delay_ns = MR_NS_PER_MS, .loss_ppm = 300000, .mtu = FRAME_BYTES - 14 },
		.seed = 3,
	};
	uint64_t begun_ns = mr_clock_now_ns(), delivered;
	unsigned int last = 0;

	(void)state;
	open_port(in_path, out_path, &impair);
	send_frames();
	while (counts(MR_IMPAIR_TX).delivered + counts(MR_IMPAIR_TX).lost < FRAMES &&
	       mr_clock_now_ns() < begun_ns + 5 * MR_NS_PER_S)
		seen_count += mr_port_rx(&port, 0, seen + seen_count, 16);
	delivered = counts(MR_IMPAIR_TX).delivered;
	assert_int_equal(delivered + counts(MR_IMPAIR_TX).lost, FRAMES);
	assert_in_range(delivered, 40, 95);
	close_port();
	open_port(out_path, "", NULL);
	receive(5);
	assert_int_equal(seen_count, delivered);
	for (unsigned int i = 0; i < seen_count; i++) { /* in order */
		assert_true(!i || number_of(seen[i]) > last);
		last = number_of(seen[i]);
	}
	close_port();
}

static void
test_tx_corrupts_a_copy_of_what_others_hold(void **state)
{
	const struct mr_impair_config impair = { .link = { .corrupt_ppm = 1000000,
							   .mtu = FRAME_BYTES - 14 } };
	struct rte_mbuf *pkt, *held;

	(void)state;
	open_port(in_path, out_path, &impair);
	pkt = frame_make(9);
	held = pkt;
	rte_mbuf_refcnt_update(held, 1);
	assert_int_equal(mr_port_tx(&port, 0, &pkt, 1), 1);
	for (unsigned int b = 0; b < FRAME_BYTES; b++)
		assert_int_equal(rte_pktmbuf_mtod(held, uint8_t *)[b], 9);
	rte_pktmbuf_free(held);
	pkt = frame_make(9);
	assert_non_null(rte_pktmbuf_append(pkt, 1)); /* one byte over the MTU */
	assert_int_equal(mr_port_tx(&port, 0, &pkt, 1), 1);
	assert_int_equal(counts(MR_IMPAIR_TX).too_big, 1);
	assert_int_equal(counts(MR_IMPAIR_TX).delivered, 1);
	for (uint32_t over = 0; over < 2; over++) { /* two tags do not count, the byte after does */
		pkt = frame_make(9);
		assert_non_null(rte_pktmbuf_append(pkt, (uint16_t)(8 + over)));
		mr_store_be16(rte_pktmbuf_mtod_offset(pkt, uint8_t *, 12), 0x88a8);
		mr_store_be16(rte_pktmbuf_mtod_offset(pkt, uint8_t *, 16), 0x8100);
		assert_int_equal(mr_port_tx(&port, 0, &pkt, 1), 1);
		assert_int_equal(counts(MR_IMPAIR_TX).too_big, 1 + over);
	}
	close_port();
}

static int
setup(void **state)
{
	static const uint32_t header[6] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1 };
	struct mr_port_eal_config config = { .worker_count = 1, .memory_bytes = 64 << 20 };
	struct mr_error error = { 0 };
	FILE *file;

	(void)state;
	snprintf(in_path, sizeof(in_path), "/tmp/mr-impair-%d.in", getpid());
	snprintf(out_path, sizeof(out_path), "/tmp/mr-impair-%d.out", getpid());
	file = fopen(out_path, "w"); /* an empty capture, to have something to read */
	if (!file || fwrite(header, sizeof(header), 1, file) != 1 || fclose(file))
		return -1;
	mr_port_driver_register(&mr_pcap_driver);
	if (mr_port_eal_start(&config, &error)) {
		fprintf(stderr, "%s\n", error.text);
		return -1;
	}
	pool = mr_port_mbuf_pool_create(0, MBUFS, &error);
	if (!pool)
		return -1;
	open_port(out_path, in_path, NULL);
	send_frames();
	mr_port_close(&port);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	rte_mempool_free(pool);
	mr_port_eal_stop();
	unlink(in_path);
	return unlink(out_path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rx_drop_every_tenth),
		cmocka_unit_test(test_rx_duplicate_and_corrupt_all),
		cmocka_unit_test(test_rx_delay_holds_and_close_frees),
		cmocka_unit_test(test_rx_delay_is_kept),
		cmocka_unit_test(test_tx_loses_delays_and_writes_the_rest),
		cmocka_unit_test(test_tx_corrupts_a_copy_of_what_others_hold),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
