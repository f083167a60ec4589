/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/main - a traffic generator: chooses the mode, tells errors.
 */
#include <stdio.h>
#include <string.h>

#include "dns.h"
#include "options.h"
#include "replay.h"
#include "tcp.h"

static const struct {
	const char *name;
	enum gen_mode mode;
	int (*run)(const struct gen_options *options, struct mr_error *error);
} main_modes[] = {
	{ "dns", GEN_MODE_DNS, gen_dns_main },
	{ "tcp", GEN_MODE_TCP, gen_tcp_main },
	{ "replay", GEN_MODE_REPLAY, gen_replay_main },
	{ "zone", GEN_MODE_ZONE, gen_zone_main },
};

int
main(int argc, char **argv)
{
	struct gen_options options = {
		.memory_bytes = 128 << 20,
		.link_wait_ns = 5 * MR_NS_PER_S,
		.ttl = 64,
		.count = 1000000,
		.duration_ns = 10 * MR_NS_PER_S,
		.warm_up_ns = MR_NS_PER_S,
		.timeout_ns = MR_NS_PER_S,
		.probe_ns = MR_NS_PER_S,
		.loss_percent = -1,
		.seed = 1,
		.status = 200,
		.request_bytes = 150,
		.requests = UINT64_MAX,
		.pipeline = 1,
		.time_wait_ns = 60 * MR_NS_PER_S,
		.again_ns = 60 * MR_NS_PER_S,
		.active_percent = 100,
		.window_bytes = 256 << 10,
		.loops = 1,
		.frames = 1000,
	};
	struct mr_error error = { 0 };
	bool help = false;
	int status;

	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		gen_options_help(0);
		return argc < 2 ? GEN_EXIT_USAGE : GEN_EXIT_OK;
	}
	for (size_t i = 0; i < MR_ARRAY_COUNT(main_modes); i++) {
		if (strcmp(argv[1], main_modes[i].name) != 0)
			continue;
		options.mode = main_modes[i].mode;
		if (options.mode == GEN_MODE_TCP)
			options.timeout_ns = 5 * MR_NS_PER_S;
		if (gen_options_parse(&options, argc - 2, argv + 2, &help, &error)) {
			fprintf(stderr, "millgen %s: %s (--help tells the options)\n", argv[1],
				error.text);
			return GEN_EXIT_USAGE;
		}
		/* Frames that wait in shared memory go when the generator goes. */
		if (options.mode == GEN_MODE_REPLAY && !options.linger_ns)
			options.linger_ns = 200 * MR_NS_PER_MS;
		if (options.loss_percent < 0) /* what an attack is to cost is not known */
			options.loss_percent =
				options.scenario && (strcmp(options.scenario, "slow") == 0 ||
						     strcmp(options.scenario, "flood-syn") == 0)
					? 100
					: 0.1;
		if (help) {
			gen_options_help(options.mode);
			return GEN_EXIT_OK;
		}
		status = main_modes[i].run(&options, &error);
		if (error.code)
			fprintf(stderr, "millgen %s: %s\n", argv[1], error.text);
		return status;
	}
	fprintf(stderr, "millgen: unknown mode '%s' (--help lists them)\n", argv[1]);
	return GEN_EXIT_USAGE;
}
