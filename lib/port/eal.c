/* SPDX-License-Identifier: Apache-2.0
 *
 * port/eal - starts DPDK's environment with arguments that no user writes.
 */
#include <errno.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mem/mem.h"
#include "port/port_int.h"

enum { EAL_ARGUMENTS_MAX = 24 + 2 * MR_PORT_MAX, EAL_TEXT_BYTES = 4096, EAL_LINE_BYTES = 256 };

/* owner: the control thread */
static struct {
	bool started;
	int argument_count;
	char *arguments[EAL_ARGUMENTS_MAX];
	char text[EAL_TEXT_BYTES];
	size_t text_bytes;
	FILE *log;
} eal;

/* The first line that DPDK called an error, of those that one failure brings: the cause. Whatever
 * thread logs it writes it, once: who takes the state from NONE to WRITING. The control thread
 * reads it right after a call that failed, when it is KEPT, and makes it NONE again.
 * shared: eal_error under eal_error_state's release and acquire */
enum { EAL_ERROR_NONE, EAL_ERROR_WRITING, EAL_ERROR_KEPT };
static int eal_error_state;
static char eal_error[EAL_LINE_BYTES];

static void
eal_error_keep(const char *bytes, int length)
{
	int expected = EAL_ERROR_NONE;

	if (!__atomic_compare_exchange_n(&eal_error_state, &expected, EAL_ERROR_WRITING, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	snprintf(eal_error, sizeof(eal_error), "%.*s", length, bytes);
	__atomic_store_n(&eal_error_state, EAL_ERROR_KEPT, __ATOMIC_RELEASE);
}

static ssize_t
eal_log_write(void *cookie, const char *bytes, size_t byte_count)
{
	size_t length = byte_count;
	bool severe = rte_log_cur_msg_loglevel() <= (int)RTE_LOG_ERR;

	(void)cookie;
	while (length && bytes[length - 1] == '\n')
		length--;
	if (!length)
		return (ssize_t)byte_count;
	if (severe)
		eal_error_keep(bytes, (int)length);
	mr_log(severe ? MR_LOG_WARNING : MR_LOG_DEBUG, "dpdk: %.*s", (int)length, bytes);
	return (ssize_t)byte_count;
}

const char *
mr_port_eal_error(void)
{
	bool kept = __atomic_load_n(&eal_error_state, __ATOMIC_ACQUIRE) == EAL_ERROR_KEPT;

	return kept ? eal_error : "DPDK gave no reason";
}

void
mr_port_eal_forget_error(void)
{
	int expected = EAL_ERROR_KEPT;

	/* One that is being written right now belongs to what comes. */
	(void)__atomic_compare_exchange_n(&eal_error_state, &expected, EAL_ERROR_NONE, false,
					  __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static void MR_PRINTF(1, 2) eal_argument(const char *format, ...)
{
	size_t room = sizeof(eal.text) - eal.text_bytes;
	va_list arguments;
	int used;

	va_start(arguments, format);
	used = vsnprintf(eal.text + eal.text_bytes, room, format, arguments);
	va_end(arguments);
	MR_ASSERT(used >= 0 && (size_t)used < room && eal.argument_count < EAL_ARGUMENTS_MAX - 1);
	eal.arguments[eal.argument_count++] = eal.text + eal.text_bytes;
	eal.text_bytes += (size_t)used + 1;
}

static int
eal_check(const struct mr_port_eal_config *config, struct mr_error *error)
{
	long cpu_count = sysconf(_SC_NPROCESSORS_CONF);

	if (eal.started)
		return mr_error_set(error, -EALREADY, "DPDK is started already");
	MR_ASSERT(config->pci_count <= MR_PORT_MAX);
	if (!config->worker_count || config->worker_count > MR_WORKER_MAX)
		return mr_error_set(error, -EINVAL, "worker count %u is not 1..%d",
				    config->worker_count, MR_WORKER_MAX);
	if (config->control_cpu >= cpu_count)
		return mr_error_set(error, -EINVAL, "control CPU %u: this machine has CPUs 0..%ld",
				    config->control_cpu, cpu_count - 1);
	for (uint16_t i = 0; i < config->worker_count; i++)
		if (config->worker_cpus[i] >= cpu_count)
			return mr_error_set(error, -EINVAL,
					    "CPU %u of worker %u: this machine has CPUs 0..%ld",
					    config->worker_cpus[i], i, cpu_count - 1);
	if (config->huge && mr_mem_available_bytes(true) < config->memory_bytes)
		return mr_error_set(
			error, -ENOMEM,
			"%llu MiB of hugepages are wanted and %llu MiB are free; reserve "
			"with `sysctl vm.nr_hugepages=N` (2 MiB each) or run without: "
			"hugepages: off",
			(unsigned long long)config->memory_bytes >> 20,
			(unsigned long long)mr_mem_available_bytes(true) >> 20);
	return 0;
}

static void
eal_arguments_make(const struct mr_port_eal_config *config)
{
	char lcores[16 * (MR_WORKER_MAX + 1)];
	size_t used = (size_t)snprintf(lcores, sizeof(lcores), "0@%u", config->control_cpu);

	for (uint16_t i = 0; i < config->worker_count; i++)
		used += (size_t)snprintf(lcores + used, sizeof(lcores) - used, ",%u@%u", i + 1,
					 config->worker_cpus[i]);
	eal.argument_count = 0;
	eal.text_bytes = 0;
	eal_argument("millrace");
	if (config->huge) {
		eal_argument("--in-memory");
		/* memif's zero copy and a successor process need one file per segment list. */
		eal_argument("--single-file-segments");
	} else {
		/* DPDK 22.11 takes --in-memory and --no-huge only apart; this is the same. */
		eal_argument("--no-huge");
		eal_argument("--no-shconf");
	}
	if (!config->pci_count)
		eal_argument("--no-pci");
	for (uint16_t i = 0; i < config->pci_count; i++) {
		eal_argument("-a");
		eal_argument("%s", config->pci[i]);
	}
	/* Virtual addresses: a pool is one piece, as AF_XDP's memory must be. */
	eal_argument("--iova-mode=va");
	eal_argument("--no-telemetry");
	eal_argument("--log-level=warning");
	eal_argument("--file-prefix=millrace-%ld", (long)getpid());
	eal_argument("--main-lcore=0");
	eal_argument("--lcores=%s", lcores);
	eal_argument("-m");
	eal_argument("%llu", (unsigned long long)(config->memory_bytes + (1 << 20) - 1) >> 20);
}

int
mr_port_eal_start(const struct mr_port_eal_config *config, struct mr_error *error)
{
	cookie_io_functions_t log = { .write = eal_log_write };
	int code = eal_check(config, error);

	if (code)
		return code;
	eal_arguments_make(config);
	eal.log = fopencookie(NULL, "w", log);
	if (!eal.log)
		return mr_error_set(error, -ENOMEM, "no memory for DPDK's log");
	setvbuf(eal.log, NULL, _IOLBF, 0);
	rte_openlog_stream(eal.log);
	mr_port_eal_forget_error();
	if (rte_eal_init(eal.argument_count, eal.arguments) < 0) {
		code = mr_error_set(error, rte_errno ? -rte_errno : -EIO, "DPDK does not start: %s",
				    mr_port_eal_error());
		rmdir(rte_eal_get_runtime_dir());
		rte_openlog_stream(NULL);
		fclose(eal.log);
		return code;
	}
	rmdir(rte_eal_get_runtime_dir()); /* made, and not used without a shared config */
	eal.started = true;
	return 0;
}

void
mr_port_eal_stop(void)
{
	if (!eal.started)
		return;
	rte_eal_cleanup();
	rte_openlog_stream(NULL);
	fclose(eal.log);
	eal.started = false;
}
