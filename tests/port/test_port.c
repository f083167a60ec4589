/* SPDX-License-Identifier: Apache-2.0
 *
 * Ports in a real DPDK without hugepages or network: capture files in, capture files out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "afpacket/afpacket.h"
#include "afxdp/afxdp.h"
#include "memif/memif.h"
#include "pcap/pcap.h"
#include "port/port.h"

enum { FRAMES = 100, MBUFS = 4095, FRAME_MAX = 1514 };

static struct rte_mempool *pool;
static char directory[64];
static struct mr_port_driver flat_driver; /* pcap, as if it could send neither chains nor foreign
					     buffers */

static const char *
path(const char *name)
{
	static char text[4][MR_PORT_TARGET_BYTES];
	static unsigned int turn;
	char *out = text[turn++ % 4];

	snprintf(out, MR_PORT_TARGET_BYTES, "%s/%s", directory, name);
	return out;
}

static uint16_t
frame_bytes(unsigned int index)
{
	return (uint16_t)(60 + index * 14);
}

static void
frame_fill(uint8_t *frame, unsigned int index)
{
	for (uint16_t i = 0; i < frame_bytes(index); i++)
		frame[i] = (uint8_t)(i * 7 + index);
}

/* capture_write makes a capture file of FRAMES frames, byte by byte: the other side of the test. */
static void
capture_write(const char *name)
{
	const uint32_t header[6] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1 };
	uint8_t frame[FRAME_MAX];
	FILE *file = fopen(path(name), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(header, sizeof(header), 1, file), 1);
	for (unsigned int i = 0; i < FRAMES; i++) {
		const uint32_t record[4] = { 1, i, frame_bytes(i), frame_bytes(i) };

		frame_fill(frame, i);
		assert_int_equal(fwrite(record, sizeof(record), 1, file), 1);
		assert_int_equal(fwrite(frame, frame_bytes(i), 1, file), 1);
	}
	fclose(file);
}

/* capture_check reads a capture and returns how many frames it holds, all of which must be those of
 * capture_write, in order. */
static unsigned int
capture_check(const char *name)
{
	uint8_t frame[FRAME_MAX], expected[FRAME_MAX];
	uint32_t header[6], record[4];
	unsigned int count = 0;
	FILE *file = fopen(path(name), "r");

	assert_non_null(file);
	assert_int_equal(fread(header, sizeof(header), 1, file), 1);
	while (fread(record, sizeof(record), 1, file) == 1) {
		assert_int_equal(record[2], frame_bytes(count));
		assert_int_equal(fread(frame, record[2], 1, file), 1);
		frame_fill(expected, count);
		assert_memory_equal(frame, expected, record[2]);
		count++;
	}
	fclose(file);
	return count;
}

static struct mr_port_config
config_of(const char *kind, const char *target, const char *out)
{
	struct mr_port_config config = { .name = "p0" };

	snprintf(config.kind, sizeof(config.kind), "%s", kind);
	snprintf(config.target, sizeof(config.target), "%s", target);
	snprintf(config.pcap_out, sizeof(config.pcap_out), "%s", out);
	return config;
}

/* pool_settle: buffers that this thread's cache or the devices held are back. */
static void
assert_no_leak(void)
{
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

static void
test_driver_find_known_and_unknown(void **state)
{
	size_t count = 0;

	(void)state;
	assert_ptr_equal(mr_port_driver_find("pcap"), &mr_pcap_driver);
	assert_ptr_equal(mr_port_driver_find("afxdp"), &mr_afxdp_driver);
	assert_null(mr_port_driver_find("pca"));
	assert_null(mr_port_driver_find(""));
	while (mr_port_driver_at(count))
		count++;
	assert_int_equal(count, 5);
	mr_port_driver_register(&mr_pcap_driver); /* again: no change */
	assert_null(mr_port_driver_at(count));
}

static void
test_eal_start_twice_refused(void **state)
{
	struct mr_port_eal_config config = { .worker_count = 1, .memory_bytes = 1 << 20 };
	struct mr_error error = { 0 };

	(void)state;
	assert_int_equal(mr_port_eal_start(&config, &error), -EALREADY);
	assert_string_equal(error.text, "DPDK is started already");
}

static void
assert_refused(const struct mr_port_config *config, uint16_t workers, const char *reason)
{
	struct mr_port port;
	struct mr_error error = { 0 };
	struct rte_mempool *pools[2] = { pool, pool };

	assert_true(mr_port_open(&port, 0, config, workers, pools, &error) < 0);
	if (!strstr(error.text, reason))
		fail_msg("\"%s\" does not say \"%s\"", error.text, reason);
	mr_port_close(&port); /* bears it */
	assert_no_leak();
}

static void
test_open_refused(void **state)
{
	struct mr_port_config config = config_of("nope", "x", "");
	char two_commas[] = "a,b=c";

	(void)state;
	assert_refused(&config, 1, "unknown kind \"nope\"; known: afxdp afpacket memif pcap flat");
	config = config_of("pcap", "", "");
	assert_refused(&config, 1, "needs a target: a capture file to replay");
	config = config_of("pcap", two_commas, "");
	assert_refused(&config, 1, "must not hold a comma");
	config = config_of("pcap", path("in.pcap"), two_commas);
	assert_refused(&config, 1, "must not hold a comma");
	config = config_of("pcap", path("in.pcap"), path("in.pcap"));
	assert_refused(&config, 1, "read and written at once");
	config = config_of("pcap", path("missing.pcap"), "");
	assert_refused(&config, 1, "No such file");
	config = config_of("pcap", path("text"), ""); /* not a capture: DPDK's own words */
	assert_refused(&config, 1, "no such device for DPDK");
	config = config_of("pcap", path("in.pcap"), "");
	assert_refused(&config, 0, "queues for 0 workers");
	config.queue_count = 2;
	assert_refused(&config, 1, "2 queues for 1 workers");
	config = config_of("afxdp", "no-such-if0", "");
	assert_refused(&config, 1, "there is no interface \"no-such-if0\"");
	config = config_of("afxdp", "a-name-longer-than-the-kernel-takes", "");
	assert_refused(&config, 1, "there is no interface");
	config = config_of("afpacket", "no-such-if0", "");
	assert_refused(&config, 1, "there is no interface \"no-such-if0\"");
	config = config_of("memif", path("text"), "");
	config.memif_server = true;
	assert_refused(&config, 1, "is not a socket");
}

static void
test_pcap_round_trip(void **state)
{
	struct mr_port_config config = config_of("pcap", path("in.pcap"), path("out.pcap"));
	struct rte_mbuf *pkts[MR_BURST_MAX];
	struct mr_port_stats stats;
	struct mr_error error = { 0 };
	struct mr_port port;
	uint16_t count;

	(void)state;
	config.has_mac = true;
	config.mac = (struct mr_mac){ { 2, 0, 0, 0, 0, 7 } };
	/* Twice: closing leaves nothing behind. */
	for (int turn = 0; turn < 2; turn++) {
		assert_int_equal(mr_port_open(&port, 3, &config, 2,
					      (struct rte_mempool *[]){ pool, pool }, &error),
				 0);
		assert_int_equal(port.queue_count, 1);
		assert_int_equal(port.mac.bytes[5], 7);
		assert_true(port.link_up);
		assert_false(mr_port_poll_link(&port));
		while ((count = mr_port_rx(&port, 0, pkts, 7)) > 0)
			assert_int_equal(mr_port_tx(&port, 0, pkts, count), count);
		mr_port_stats(&port, &stats);
		assert_int_equal(stats.rx_frames, FRAMES);
		assert_int_equal(stats.tx_frames, FRAMES);
		assert_int_equal(stats.rx_bytes, stats.tx_bytes);
		assert_int_equal(stats.tx_copied, 0);
		assert_int_equal(mr_port_steer(&port, NULL, &error), 0); /* does not steer */
		mr_port_close(&port);
		mr_port_close(&port);
		assert_int_equal(capture_check("out.pcap"), FRAMES);
		assert_no_leak();
	}
}

/* chain_of cuts frame number `index` into segments of at most piece_bytes. */
static struct rte_mbuf *
chain_of(unsigned int index, uint16_t piece_bytes)
{
	uint8_t frame[FRAME_MAX];
	struct rte_mbuf *head = NULL;

	frame_fill(frame, index);
	for (uint16_t at = 0; at < frame_bytes(index); at += piece_bytes) {
		uint16_t take = MR_MIN(piece_bytes, frame_bytes(index) - at);
		struct rte_mbuf *piece = rte_pktmbuf_alloc(pool);

		assert_non_null(piece);
		memcpy(rte_pktmbuf_append(piece, take), frame + at, take);
		if (!head)
			head = piece;
		else
			assert_int_equal(rte_pktmbuf_chain(head, piece), 0);
	}
	return head;
}

static void
test_tx_flat_device_gets_flat_frames(void **state)
{
	struct mr_port_config config = config_of("flat", path("in.pcap"), path("flat.pcap"));
	struct rte_mempool *pools[1] = { pool };
	struct rte_mbuf *pkts[4], *held;
	struct mr_port_stats stats;
	struct mr_error error = { 0 };
	struct mr_port port;

	(void)state;
	assert_int_equal(mr_port_open(&port, 0, &config, 1, pools, &error), 0);
	pkts[0] = chain_of(0, FRAME_MAX); /* flat already */
	pkts[1] = chain_of(1, 20);        /* joined in place */
	pkts[2] = chain_of(2, 30);        /* somebody else holds it: copied */
	held = pkts[2];
	rte_mbuf_refcnt_update(held, 1);
	held = rte_pktmbuf_alloc(pool); /* indirect: copied */
	pkts[3] = rte_pktmbuf_clone(chain_of(3, FRAME_MAX), pool);
	rte_pktmbuf_free(held);
	held = pkts[2];
	assert_int_equal(mr_port_tx(&port, 0, pkts, 4), 4);
	rte_pktmbuf_free(held);
	mr_port_stats(&port, &stats);
	assert_int_equal(stats.tx_copied, 3);
	assert_int_equal(stats.tx_unsendable, 0);
	assert_int_equal(stats.tx_frames, 4);
	mr_port_close(&port);
	assert_int_equal(capture_check("flat.pcap"), 4);
}

static void
test_tx_too_long_to_be_flat_dropped(void **state)
{
	struct mr_port_config config = config_of("flat", path("in.pcap"), path("flat.pcap"));
	struct rte_mempool *pools[1] = { pool };
	struct rte_mbuf *pkts[3], *piece;
	struct mr_port_stats stats;
	struct mr_error error = { 0 };
	struct mr_port port;

	(void)state;
	assert_int_equal(mr_port_open(&port, 0, &config, 1, pools, &error), 0);
	pkts[0] = chain_of(0, FRAME_MAX);
	pkts[1] = rte_pktmbuf_alloc(pool); /* 2,049 bytes: one more than a buffer holds */
	assert_non_null(rte_pktmbuf_append(pkts[1], 2048));
	piece = rte_pktmbuf_alloc(pool);
	assert_non_null(rte_pktmbuf_append(piece, 1));
	assert_int_equal(rte_pktmbuf_chain(pkts[1], piece), 0);
	pkts[2] = chain_of(1, FRAME_MAX);
	assert_int_equal(mr_port_tx(&port, 0, pkts, 3), 3);
	mr_port_stats(&port, &stats);
	assert_int_equal(stats.tx_unsendable, 1);
	assert_int_equal(stats.tx_frames, 2);
	mr_port_close(&port);
	assert_int_equal(capture_check("flat.pcap"), 2);
	assert_no_leak();
}

static int
setup(void **state)
{
	struct mr_port_eal_config config = { .worker_count = 1, .memory_bytes = 64 << 20 };
	struct mr_error error = { 0 };
	FILE *file;

	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/mr-port-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	capture_write("in.pcap");
	file = fopen(path("text"), "w");
	fputs("not a capture file, and longer than its header would be\n", file);
	fclose(file);
	flat_driver = mr_pcap_driver;
	flat_driver.kind = "flat";
	flat_driver.caps = 0;
	mr_port_driver_register(&mr_afxdp_driver);
	mr_port_driver_register(&mr_afpacket_driver);
	mr_port_driver_register(&mr_memif_driver);
	mr_port_driver_register(&mr_pcap_driver);
	mr_port_driver_register(&flat_driver);
	if (mr_port_eal_start(&config, &error) != 0) {
		fprintf(stderr, "%s\n", error.text);
		return -1;
	}
	pool = mr_port_mbuf_pool_create(0, MBUFS, &error);
	return pool ? 0 : -1;
}

static int
teardown(void **state)
{
	static const char *const names[] = { "in.pcap", "out.pcap", "flat.pcap", "text" };

	(void)state;
	rte_mempool_free(pool);
	mr_port_eal_stop();
	for (size_t i = 0; i < MR_ARRAY_COUNT(names); i++)
		unlink(path(names[i]));
	return rmdir(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_driver_find_known_and_unknown),
		cmocka_unit_test(test_eal_start_twice_refused),
		cmocka_unit_test(test_open_refused),
		cmocka_unit_test(test_pcap_round_trip),
		cmocka_unit_test(test_tx_flat_device_gets_flat_frames),
		cmocka_unit_test(test_tx_too_long_to_be_flat_dropped),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
