/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/rig - starts and stops what a run stands on.
 */
#include "rig.h"

#include <errno.h>
#include <rte_cycles.h>
#include <rte_launch.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "afpacket/afpacket.h"
#include "afxdp/afxdp.h"
#include "memif/memif.h"
#include "pcap/pcap.h"

enum {
	RIG_MBUFS = 8191,
	RIG_MBUFS_SPARE = 2047,
	RIG_LCORE = 1,
	RIG_POLL_NS = 20000000,
	RIG_LINK_POLL_NS = 10000000,
};

static volatile sig_atomic_t rig_signal;

static void
rig_on_signal(int number)
{
	rig_signal = number;
}

bool
gen_rig_interrupted(void)
{
	return rig_signal != 0;
}

static int
rig_cpus(const char *text, struct mr_port_eal_config *out, struct mr_error *error)
{
	unsigned generator, control;
	long last = sysconf(_SC_NPROCESSORS_ONLN) - 1;
	int fields, used = 0;

	out->worker_count = 1;
	out->worker_cpus[0] = out->control_cpu = (uint16_t)last;
	if (!text)
		return 0;
	fields = sscanf(text, "%u%n,%u%n", &generator, &used, &control, &used);
	if (fields < 1 || text[used] || generator > UINT16_MAX)
		return mr_error_set(error, -EINVAL, "--cpus: '%s' is not GENERATOR[,CONTROL]",
				    text);
	out->worker_cpus[0] = (uint16_t)generator;
	out->control_cpu = (uint16_t)(fields == 2 ? control : generator);
	return 0;
}

/* rig_wait_link returns 0 when the link is up within the time. */
static int
rig_wait_link(struct gen_rig *self, struct mr_error *error)
{
	uint64_t deadline_ns = mr_clock_now_ns() + self->options->link_wait_ns;
	const struct timespec pause = { .tv_nsec = RIG_LINK_POLL_NS };

	for (;;) {
		mr_port_poll_link(&self->port);
		if (self->port.link_up)
			return 0;
		if (mr_clock_now_ns() >= deadline_ns || gen_rig_interrupted())
			return mr_error_set(error, -ENOLINK, "port %s: no link on %s",
					    self->port.config.kind, self->port.config.target);
		nanosleep(&pause, NULL);
	}
}

int
gen_rig_open(struct gen_rig *self, const struct gen_options *options, struct mr_error *error)
{
	struct mr_port_eal_config eal = { .huge = !options->no_huge,
					  .memory_bytes = options->memory_bytes };
	struct sigaction action = { .sa_handler = rig_on_signal };
	struct mr_port_config config;

	memset(self, 0, sizeof(*self));
	self->options = options;
	if (!options->port) {
		mr_error_set(error, -EINVAL, "--port is missing");
		return GEN_EXIT_USAGE;
	}
	if (gen_options_port(options->port, &config, error) || rig_cpus(options->cpus, &eal, error))
		return GEN_EXIT_USAGE;
	config.queue_count = 1;
	config.memif_zero_copy &= !options->no_huge && !config.memif_server;
	if (!config.has_mac && strcmp(config.kind, "memif") == 0) {
		static const struct mr_mac mac = { { 0x02, 0x6d, 0x67, 0, 0, 1 } };

		config.mac = mac;
		config.has_mac = true;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	mr_port_driver_register(&mr_memif_driver);
	mr_port_driver_register(&mr_afxdp_driver);
	mr_port_driver_register(&mr_afpacket_driver);
	mr_port_driver_register(&mr_pcap_driver);
	if (mr_port_eal_start(&eal, error)) {
		if (error->code == -ENOMEM)
			fprintf(stderr,
				"millgen: --memory asks for less, --no-huge for no hugepages\n");
		return GEN_EXIT_USAGE;
	}
	self->eal_started = true;
	self->tsc_hz = rte_get_tsc_hz();
	/* Both rings full, bursts, the pool's cache; not more: what goes round stays in cache. */
	self->pool = mr_port_mbuf_pool_create(0,
					      MR_MAX((uint32_t)RIG_MBUFS,
						     2u * config.rx_descriptors + RIG_MBUFS_SPARE),
					      error);
	if (!self->pool)
		return GEN_EXIT_USAGE;
	if (mr_port_open(&self->port, 0, &config, 1, &self->pool, error))
		return GEN_EXIT_LINK;
	return rig_wait_link(self, error) ? GEN_EXIT_LINK : GEN_EXIT_OK;
}

void
gen_rig_linger(struct gen_rig *self)
{
	uint64_t deadline_ns = mr_clock_now_ns() + self->options->linger_ns;
	const struct timespec pause = { .tv_nsec = RIG_LINK_POLL_NS };

	while (self->port.link_up && mr_clock_now_ns() < deadline_ns && !gen_rig_interrupted()) {
		nanosleep(&pause, NULL);
		mr_port_poll_link(&self->port);
	}
}

void
gen_rig_close(struct gen_rig *self)
{
	mr_port_close(&self->port);
	if (self->eal_started)
		mr_port_eal_stop();
	self->eal_started = false;
}

int
gen_rig_launch(struct gen_rig *self, int (*function)(void *), void *context, bool *stop,
	       const bool *done, void (*second)(void *), void *second_context)
{
	const struct timespec pause = { .tv_nsec = RIG_POLL_NS };
	uint64_t next_ns = mr_clock_now_ns() + MR_NS_PER_S;
	int code = 0;

	if (rte_eal_remote_launch(function, context, RIG_LCORE) != 0)
		return -EBUSY;
	while (!__atomic_load_n(done, __ATOMIC_ACQUIRE)) {
		nanosleep(&pause, NULL);
		mr_port_poll_link(&self->port);
		if (!self->port.link_up && !code)
			code = -ENOLINK;
		if (gen_rig_interrupted() && !code)
			code = -EINTR;
		if (code)
			__atomic_store_n(stop, true, __ATOMIC_RELAXED);
		if (mr_clock_now_ns() >= next_ns) {
			second(second_context);
			next_ns += MR_NS_PER_S;
		}
	}
	rte_eal_wait_lcore(RIG_LCORE);
	return code;
}
