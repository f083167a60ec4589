/* SPDX-License-Identifier: Apache-2.0
 *
 * lab/impair_bridge - carries frames between two ports through drivers/impair: what stands on one
 * side speaks to what stands on the other through a bad link.
 *
 *   impair_bridge KIND:TARGET KIND:TARGET [option...]
 *     loss=1% burst_loss=50% duplicate=1% reorder=1% corrupt=1%   of frames, each way
 *     delay=10ms jitter=1ms reorder_by=5ms   one way
 *     rate=10Mbit queue_bytes=N queue=FRAMES mtu=N drop_every=N seed=N
 *     server           of a memif pair
 *
 * Prints "ready", runs until SIGTERM or SIGINT, then prints the counts of each direction.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "afpacket/afpacket.h"
#include "impair/impair.h"
#include "memif/memif.h"
#include "pcap/pcap.h"

enum { MBUFS = 16384, LINK_POLL_TURNS = 4096 };

static struct mr_port ports[2];
static struct mr_impair_config impair;
static bool memif_server;
static volatile sig_atomic_t stop;

static void
on_signal(int number)
{
	(void)number;
	stop = 1;
}

static const struct {
	const char *key;
	uint32_t *ppm;
} percents[] = {
	{ "loss=", &impair.link.loss_ppm },
	{ "burst_loss=", &impair.link.burst_loss_ppm },
	{ "duplicate=", &impair.link.duplicate_ppm },
	{ "reorder=", &impair.link.reorder_ppm },
	{ "corrupt=", &impair.link.corrupt_ppm },
};

static const struct {
	const char *key;
	uint64_t *ns;
} durations[] = {
	{ "delay=", &impair.link.delay_ns },
	{ "jitter=", &impair.link.jitter_ns },
	{ "reorder_by=", &impair.link.reorder_ns },
};

static bool
option_parse(const char *text)
{
	for (size_t i = 0; i < MR_ARRAY_COUNT(percents); i++) {
		size_t bytes = strlen(percents[i].key);

		if (!strncmp(text, percents[i].key, bytes))
			return !mr_units_percent(text + bytes, percents[i].ppm);
	}
	for (size_t i = 0; i < MR_ARRAY_COUNT(durations); i++) {
		size_t bytes = strlen(durations[i].key);

		if (!strncmp(text, durations[i].key, bytes))
			return !mr_units_duration(text + bytes, durations[i].ns);
	}
	if (!strncmp(text, "rate=", 5))
		return !mr_units_rate(text + 5, &impair.link.rate_bps);
	if (!strcmp(text, "server"))
		return memif_server = true;
	return sscanf(text, "queue_bytes=%u", &impair.link.queue_bytes) == 1 ||
	       sscanf(text, "queue=%u", &impair.queue_frames) == 1 ||
	       sscanf(text, "mtu=%u", &impair.link.mtu) == 1 ||
	       sscanf(text, "drop_every=%u", &impair.drop_every) == 1 ||
	       sscanf(text, "seed=%lu", &impair.seed) == 1;
}

static int
port_open(uint16_t index, const char *text, struct rte_mempool *pool, struct mr_error *error)
{
	struct mr_port_config config = { .memif_server = memif_server };
	const char *colon = strchr(text, ':');

	if (!colon || colon - text >= MR_NAME_MAX)
		return mr_error_set(error, -EINVAL, "%s: KIND:TARGET is wanted", text);
	snprintf(config.name, sizeof(config.name), "p%u", index);
	snprintf(config.kind, sizeof(config.kind), "%.*s", (int)(colon - text), text);
	snprintf(config.target, sizeof(config.target), "%s", colon + 1);
	return mr_port_open(&ports[index], index, &config, 1, &pool, error);
}

/* carry moves one burst and returns how many frames. */
static uint16_t
carry(struct mr_port *from, struct mr_port *to)
{
	struct rte_mbuf *pkts[MR_BURST_MAX];
	uint16_t count = mr_port_rx(from, 0, pkts, MR_BURST_MAX), sent;

	if (!count)
		return 0;
	sent = mr_port_tx(to, 0, pkts, count);
	rte_pktmbuf_free_bulk(pkts + sent, count - sent);
	return count;
}

static void
counts_print(void)
{
	static const char *const names[] = { "forth", "back" };

	for (int d = 0; d < MR_IMPAIR_DIRECTIONS; d++) {
		struct mr_impair_counts c;

		mr_impair_counts(&ports[0], (enum mr_impair_direction)d, &c);
		printf("%s frames %lu delivered %lu lost %lu full %lu big %lu nombuf %lu portfull "
		       "%lu duplicated %lu reordered %lu corrupted %lu\n",
		       names[d], c.frames, c.delivered, c.lost, c.queue_full, c.too_big, c.no_mbuf,
		       c.port_full, c.duplicated, c.reordered, c.corrupted);
	}
}

static int
run(const char *one, const char *other)
{
	const struct timespec pause = { .tv_nsec = 50000 };
	struct mr_port_eal_config eal = { .worker_count = 1, .memory_bytes = 192ull << 20 };
	struct mr_error error = { 0 };
	struct rte_mempool *pool;

	if (mr_port_eal_start(&eal, &error))
		goto fail;
	pool = mr_port_mbuf_pool_create(0, MBUFS, &error);
	if (!pool || port_open(0, one, pool, &error) || port_open(1, other, pool, &error) ||
	    mr_impair_attach(&ports[0], &impair, &error))
		goto fail;
	printf("ready\n");
	fflush(stdout);
	for (uint32_t turn = 0; !stop; turn++) {
		if (turn % LINK_POLL_TURNS == 0)
			for (int i = 0; i < 2; i++)
				mr_port_poll_link(&ports[i]);
		if (!(carry(&ports[0], &ports[1]) + carry(&ports[1], &ports[0])))
			nanosleep(&pause, NULL); /* the lab has two CPUs */
	}
	counts_print();
	mr_port_close(&ports[1]);
	mr_port_close(&ports[0]);
	if (rte_mempool_in_use_count(pool))
		printf("error: %u mbufs are lost\n", rte_mempool_in_use_count(pool));
	mr_port_eal_stop();
	return 0;
fail:
	printf("error: %s\n", error.text);
	mr_port_close(&ports[1]);
	mr_port_close(&ports[0]);
	mr_port_eal_stop();
	return 1;
}

int
main(int argument_count, char **arguments)
{
	if (argument_count < 3)
		return 2;
	mr_port_driver_register(&mr_afpacket_driver);
	mr_port_driver_register(&mr_memif_driver);
	mr_port_driver_register(&mr_pcap_driver);
	for (int i = 3; i < argument_count; i++)
		if (!option_parse(arguments[i])) {
			fprintf(stderr, "impair_bridge: what is \"%s\"?\n", arguments[i]);
			return 2;
		}
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	return run(arguments[1], arguments[2]);
}
