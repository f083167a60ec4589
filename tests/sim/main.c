/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/main - sim --seeds A..B | --seed S [--trace] [--pcap FILE] [--plant N] [--expect-failure]
 *
 * Prints the seed that fails and what was wrong; that seed alone replays it. --plant switches one
 * of the planted mistakes of tcp_int.h on; with --expect-failure the exit code says whether it was
 * found.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "sim.h"

int mr_tcp_plant;
static uint64_t seed_now;
static bool expect_failure;

static _Noreturn void
failed(void)
{
	fflush(stdout);
	_exit(expect_failure ? 0 : 1);
}

void
sim_fail(const struct sim_world *w, const char *format, ...)
{
	va_list args;

	printf("sim: seed %llu fails at %.6f s: ", (unsigned long long)w->seed,
	       (double)(w->now_ns - w->start_ns) / 1e9);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\nsim: replay by: sim --seed %llu --trace\n", (unsigned long long)w->seed);
	failed();
}

void
sim_trace(const struct sim_world *w, const char *format, ...)
{
	va_list args;

	if (!w->trace)
		return;
	printf("%12.6f ", (double)(w->now_ns - w->start_ns) / 1e9);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

static void
on_abort(int signal_number)
{
	char text[96];
	int n = snprintf(text, sizeof(text), "sim: seed %llu: an assertion failed\n",
			 (unsigned long long)seed_now);

	(void)signal_number;
	if (write(STDOUT_FILENO, text, (size_t)n) < 0)
		_exit(2);
	_exit(expect_failure ? 0 : 1);
}

static void
run_seed(uint64_t seed, uint8_t *pattern, bool trace, const char *pcap, uint64_t *frames,
	 uint64_t *events)
{
	static struct sim_world w; /* too large for the stack */

	w = (struct sim_world){ .seed = seed, .pattern = pattern, .trace = trace };
	seed_now = seed;
	if (pcap)
		w.pcap = sim_pcap_open(pcap);
	mr_rng_seed(&w.rng, seed);
	sim_scenario(&w);
	sim_run(&w);
	sim_scenario_end(&w);
	*frames += w.frames;
	*events += w.events;
	for (uint32_t i = 0; i < w.heap_count; i++)
		if (w.heap[i].kind == SIM_FRAME)
			free(w.heap[i].bytes);
	free(w.heap);
	if (w.pcap)
		fclose(w.pcap);
}

static int
usage(void)
{
	fprintf(stderr, "usage: sim --seeds A..B | --seed S [--trace] [--pcap FILE] [--plant N] "
			"[--expect-failure]\n");
	return 2;
}

int
main(int argc, char **argv)
{
	uint64_t from = 0, to = 0, frames = 0, events = 0;
	bool trace = false;
	const char *pcap = NULL;
	uint8_t *pattern = malloc(2 * SIM_PATTERN);
	struct mr_rng rng;
	clock_t start = clock();
	double seconds;

	for (int i = 1; i < argc; i++) {
		char *end;

		if (strcmp(argv[i], "--trace") == 0) {
			trace = true;
		} else if (strcmp(argv[i], "--expect-failure") == 0) {
			expect_failure = true;
		} else if (i + 1 == argc) {
			return usage();
		} else if (strcmp(argv[i], "--pcap") == 0) {
			pcap = argv[++i];
		} else if (strcmp(argv[i], "--plant") == 0) {
			mr_tcp_plant = atoi(argv[++i]);
		} else if (strcmp(argv[i], "--seed") == 0) {
			from = to = strtoull(argv[++i], &end, 0);
		} else if (strcmp(argv[i], "--seeds") == 0) {
			from = strtoull(argv[++i], &end, 0);
			if (strncmp(end, "..", 2) != 0)
				return usage();
			to = strtoull(end + 2, &end, 0);
		} else {
			return usage();
		}
	}
	if (pattern == NULL || to < from)
		return usage();
	signal(SIGABRT, on_abort);
	mr_rng_seed(&rng, 1);
	for (uint32_t i = 0; i < SIM_PATTERN; i++)
		pattern[i] = pattern[i + SIM_PATTERN] = (uint8_t)mr_rng_next(&rng);
	for (uint64_t seed = from; seed <= to; seed++)
		run_seed(seed, pattern, trace, pcap, &frames, &events);
	seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
	printf("sim: %llu seeds, %llu frames, %llu events, %.1f s of CPU: %.0f seeds/s\n",
	       (unsigned long long)(to - from + 1), (unsigned long long)frames,
	       (unsigned long long)events, seconds, (double)(to - from + 1) / seconds);
	free(pattern);
	return expect_failure ? 1 : 0;
}
