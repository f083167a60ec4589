/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/main - sim --seeds A..B [--jobs N] [--keep-going] [--cover] [--plant N] | --seed S [--trace]
 *            [--pcap FILE] [--plant N]
 *
 * Seeds are shared out to N processes (--jobs). A seed that fails ends its process, prints what was
 * wrong and how to replay it, and another process takes its place; without --keep-going that is the
 * end of the run. At the end comes the table of features (coverage.h); --cover makes one that no
 * seed had a failure. --plant switches one of the planted mistakes of tcp_int.h on: then it is a
 * failure when no seed finds it.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim.h"

enum {
	JOB_MAX = 64,
	SEED_SECONDS_MAX = 240, /* longer is a loop without end */
	PROGRESS_SEEDS = 100000,
	EXIT_COUNTED = 3, /* a process that has noted its failure itself */
};

/* Shared by all processes of a run. */
struct run {
	/* shared: relaxed counters */
	uint64_t next, to, passed, failed, first_failed, frames, events;
	uint64_t features[SIM_FEATURE_COUNT];
	uint64_t current[JOB_MAX]; /* the seed that each process is at */
};

struct options {
	uint64_t from, to;
	uint32_t jobs;
	bool keep_going, cover, trace, one;
	const char *pcap;
};

int mr_tcp_plant;
static struct run *run;
static struct options options = { .jobs = 1 };

static void
add(uint64_t *counter, uint64_t count)
{
	__atomic_fetch_add(counter, count, __ATOMIC_RELAXED);
}

static void
note_failure(uint64_t seed)
{
	uint64_t first = __atomic_load_n(&run->first_failed, __ATOMIC_RELAXED);

	add(&run->failed, 1);
	while (seed < first) /* until another process has a lower one, or this one stands */
		if (__atomic_compare_exchange_n(&run->first_failed, &first, seed, false,
						__ATOMIC_RELAXED, __ATOMIC_RELAXED))
			break;
	if (!options.keep_going && mr_tcp_plant == 0)
		__atomic_store_n(&run->next, UINT64_MAX / 2, __ATOMIC_RELAXED);
}

void
sim_fail(const struct sim_world *w, const char *format, ...)
{
	va_list args;

	note_failure(w->seed);
	if (mr_tcp_plant == 0 || options.one) {
		printf("sim: seed %llu fails at %.6f s: ", (unsigned long long)w->seed,
		       (double)(w->now_ns - w->start_ns) / 1e9);
		va_start(args, format);
		vprintf(format, args);
		va_end(args);
		printf("\nsim: replay by: sim --seed %llu --trace\n", (unsigned long long)w->seed);
		fflush(stdout);
	}
	_exit(EXIT_COUNTED);
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
run_seed(uint64_t seed, uint8_t *pattern)
{
	static struct sim_world w; /* too large for the stack */

	w = (struct sim_world){ .seed = seed, .pattern = pattern, .trace = options.trace };
	if (options.pcap)
		w.pcap = sim_pcap_open(options.pcap);
	mr_rng_seed(&w.rng, seed);
	sim_scenario(&w);
	sim_run(&w);
	sim_scenario_end(&w);
	add(&run->passed, 1);
	add(&run->frames, w.frames);
	add(&run->events, w.events);
	for (uint32_t i = 0; i < SIM_FEATURE_COUNT; i++)
		if (w.features[i])
			add(&run->features[i], 1);
	for (uint32_t i = 0; i < w.heap_count; i++)
		if (w.heap[i].kind == SIM_FRAME)
			free(w.heap[i].bytes);
	free(w.heap);
	if (w.pcap)
		fclose(w.pcap);
}

/* work takes seeds until none is left. */
static _Noreturn void
work(uint32_t job, uint8_t *pattern)
{
	if (mr_tcp_plant && freopen("/dev/null", "w", stderr) == NULL)
		_exit(2); /* what an assertion says of a planted mistake is of no interest */
	while (true) {
		uint64_t seed = __atomic_fetch_add(&run->next, 1, __ATOMIC_RELAXED);

		if (seed > run->to)
			break;
		run->current[job] = seed;
		alarm(SEED_SECONDS_MAX);
		run_seed(seed, pattern);
		if (seed % PROGRESS_SEEDS == 0) {
			printf("sim: seed %llu, %llu passed, %llu failed\n",
			       (unsigned long long)seed, (unsigned long long)run->passed,
			       (unsigned long long)run->failed);
			fflush(stdout);
		}
	}
	_exit(0);
}

static pid_t
start(uint32_t job, uint8_t *pattern)
{
	pid_t pid = fork();

	if (pid == 0)
		work(job, pattern);
	if (pid < 0) {
		perror("sim: fork");
		exit(2);
	}
	return pid;
}

/* work_all keeps the processes at work until the seeds are at an end. */
static void
work_all(uint8_t *pattern)
{
	pid_t pids[JOB_MAX];
	uint32_t alive = options.jobs;

	for (uint32_t i = 0; i < options.jobs; i++)
		pids[i] = start(i, pattern);
	while (alive) {
		int status;
		pid_t pid = wait(&status);
		uint32_t job = 0;

		while (job < options.jobs && pids[job] != pid)
			job++;
		if (job == options.jobs)
			continue;
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
			alive--;
			continue;
		}
		if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_COUNTED) {
			note_failure(run->current[job]); /* an assertion, a sanitizer, no end */
			if (mr_tcp_plant == 0)
				printf("sim: seed %llu ends by status %x\n",
				       (unsigned long long)run->current[job], (unsigned)status);
		}
		pids[job] = start(job, pattern);
	}
}

static int
report(double seconds)
{
	static const char *const plants[] = { TCP_PLANTS(TCP_PLANT_NAME) };
	uint64_t seeds = run->passed + run->failed;
	uint32_t missing;

	if (mr_tcp_plant) {
		printf("sim: %s is found by %llu of %llu seeds, first by %llu\n",
		       plants[mr_tcp_plant], (unsigned long long)run->failed,
		       (unsigned long long)seeds, (unsigned long long)run->first_failed);
		return run->failed == 0;
	}
	missing = sim_features_print(run->features, MR_MAX(run->passed, 1ull));
	printf("sim: %llu seeds passed, %llu failed; %llu frames, %llu events; %.1f s, %u jobs: "
	       "%.0f seeds/s\n",
	       (unsigned long long)run->passed, (unsigned long long)run->failed,
	       (unsigned long long)run->frames, (unsigned long long)run->events, seconds,
	       options.jobs, (double)seeds / seconds);
	if (options.cover && missing)
		printf("sim: %u features were never seen\n", missing);
	return run->failed || run->passed == 0 || (options.cover && missing);
}

static int
usage(void)
{
	fprintf(stderr, "usage: sim --seeds A..B [--jobs N] [--keep-going] [--cover] [--plant N] | "
			"--seed S [--trace] [--pcap FILE] [--plant N]\n");
	return 2;
}

static bool
parse(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *name = argv[i];
		char *end;

		if (strcmp(name, "--trace") == 0) {
			options.trace = true;
		} else if (strcmp(name, "--keep-going") == 0) {
			options.keep_going = true;
		} else if (strcmp(name, "--cover") == 0) {
			options.cover = true;
		} else if (i + 1 == argc) {
			return false;
		} else if (strcmp(name, "--pcap") == 0) {
			options.pcap = argv[++i];
		} else if (strcmp(name, "--plant") == 0) {
			mr_tcp_plant = atoi(argv[++i]);
		} else if (strcmp(name, "--jobs") == 0) {
			options.jobs = (uint32_t)atoi(argv[++i]);
		} else if (strcmp(name, "--seed") == 0) {
			options.one = true;
			options.from = options.to = strtoull(argv[++i], &end, 0);
		} else if (strcmp(name, "--seeds") == 0) {
			options.from = strtoull(argv[++i], &end, 0);
			if (strncmp(end, "..", 2) != 0)
				return false;
			options.to = strtoull(end + 2, &end, 0);
		} else {
			return false;
		}
	}
	return options.to >= options.from && options.to && options.jobs > 0 &&
	       options.jobs <= JOB_MAX && mr_tcp_plant >= 0 && mr_tcp_plant < TCP_PLANT_COUNT &&
	       (options.one || (!options.trace && !options.pcap));
}

static double
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
	static uint8_t pattern[2 * SIM_PATTERN];
	double start_s = now_s();
	struct mr_rng rng;

	if (!parse(argc, argv))
		return usage();
	run = mmap(NULL, sizeof(*run), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (run == MAP_FAILED)
		return 2;
	run->next = options.from;
	run->to = options.to;
	run->first_failed = UINT64_MAX;
	mr_rng_seed(&rng, 1);
	for (uint32_t i = 0; i < SIM_PATTERN; i++)
		pattern[i] = pattern[i + SIM_PATTERN] = (uint8_t)mr_rng_next(&rng);
	if (options.one) {
		run_seed(options.from, pattern);
		if (options.trace)
			return 0;
	} else {
		work_all(pattern);
	}
	return report(now_s() - start_s);
}
