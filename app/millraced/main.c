/* SPDX-License-Identifier: Apache-2.0
 *
 * millraced - the box: read the configuration, take what needs privileges, let go of them, serve.
 *
 * Exit: 0 ended as told, 1 could not start or serve, 2 usage, 5 the configuration is wrong.
 */
#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boot.h"
#include "privilege.h"

enum { EXIT_USAGE = 2, EXIT_CONFIG = 5 };

static const char help[] =
	"millraced - DNS from user space, without the kernel in the packet's way\n"
	"\n"
	"  millraced [--config FILE] [--socket PATH]   serve until SIGTERM, SIGINT or `millctl stop`\n"
	"  millraced --check FILE                      say OK, or what is wrong and where\n"
	"\n"
	"  -c, --config FILE   the configuration (default /etc/millrace/millraced.yaml)\n"
	"  -C, --check FILE    check FILE and the zones it names, and end: exit 0 or 5\n"
	"  -s, --socket PATH   the control socket, instead of the one in the configuration\n"
	"      --help-config   every key of the configuration: type, bounds, default, meaning\n"
	"      --help-ports    the kinds of port\n"
	"  -h, --help          this\n"
	"  -V, --version       the version\n"
	"\n"
	"Exit status: 0 ended as told, 1 could not start or serve, 2 usage, 5 the configuration is wrong.\n";

struct options {
	const char *config, *check, *socket;
};

static void
ports_print(void)
{
	const struct mr_port_driver *driver;

	for (size_t i = 0; (driver = mr_port_driver_at(i)); i++)
		printf("%-12s %s\n", driver->kind, driver->help);
}

/* options_read returns -1 to go on, or the exit status. */
static int
options_read(struct options *self, int argument_count, char **arguments)
{
	enum { HELP_CONFIG = 256, HELP_PORTS };
	static const struct option table[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", required_argument, NULL, 'C' },
		{ "socket", required_argument, NULL, 's' },
		{ "help-config", no_argument, NULL, HELP_CONFIG },
		{ "help-ports", no_argument, NULL, HELP_PORTS },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int option;

	*self = (struct options){ .config = "/etc/millrace/millraced.yaml" };
	while ((option = getopt_long(argument_count, arguments, "c:C:s:hV", table, NULL)) != -1) {
		switch (option) {
		case 'c':
			self->config = optarg;
			break;
		case 'C':
			self->check = optarg;
			break;
		case 's':
			self->socket = optarg;
			break;
		case HELP_CONFIG:
			mr_schema_print(stdout);
			return 0;
		case HELP_PORTS:
			ports_print();
			return 0;
		case 'h':
			fputs(help, stdout);
			return 0;
		case 'V':
			puts("millraced " MR_VERSION);
			return 0;
		default:
			fputs("millraced: see millraced --help\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argument_count) {
		fprintf(stderr, "millraced: unexpected '%s'; see millraced --help\n",
			arguments[optind]);
		return EXIT_USAGE;
	}
	return -1;
}

static int
check(const char *path)
{
	char summary[MR_CONFIG_SUMMARY_BYTES], warning[MR_CONFIG_WARNING_BYTES];
	struct mr_config *config = NULL;
	struct mr_error error = { 0 };

	if (mr_config_load(path, &config, &error) || mr_config_check(config, summary, &error)) {
		fprintf(stderr, "%s\n", error.text);
		mr_config_free(config);
		return EXIT_CONFIG;
	}
	for (size_t i = 0; mr_config_warning(config, i, warning); i++)
		fprintf(stderr, "warning: %s\n", warning);
	printf("OK: %s\n", summary);
	mr_config_free(config);
	return 0;
}

/* run_dir_of writes the folder of the socket, when it is ours to give away: below /run/millrace. */
static const char *
run_dir_of(const struct mr_config *config, char out[MR_CONFIG_SOCKET_BYTES])
{
	char copy[MR_CONFIG_SOCKET_BYTES];

	snprintf(copy, sizeof(copy), "%s", config->control.socket);
	snprintf(out, MR_CONFIG_SOCKET_BYTES, "%s", dirname(copy));
	return strcmp(out, "/run/millrace") == 0 ? out : "";
}

static int
serve(const struct mr_config *config)
{
	static struct boot boot;
	static struct mr_watch watch;
	struct mr_ctl_box box = { .version = MR_VERSION };
	struct mr_error error = { 0 };
	struct mr_ctl *ctl = NULL;
	char run_dir[MR_CONFIG_SOCKET_BYTES], warning[MR_CONFIG_WARNING_BYTES];
	int status = EXIT_FAILURE;

	if (mr_ctl_create(&ctl, config, &error))
		goto out;
	if (boot_open(&boot, config, &error))
		goto out;
	mr_watch_start(&watch, &boot.group);
	box.group = &boot.group;
	box.world = &boot.world;
	box.store = boot.store;
	box.sites = boot.group.sites;
	box.pools = boot.pools;
	box.pool_count = boot.group.worker_count;
	box.watch = &watch;
	if (mr_ctl_boot(ctl, &box, config, &error)) {
		status = error.code == -ECANCELED                         ? EXIT_SUCCESS
			 : error.code == -EINVAL || error.code == -ENOENT ? EXIT_CONFIG
									  : EXIT_FAILURE;
		goto out;
	}
	for (size_t i = 0; mr_config_warning(config, i, warning); i++)
		mr_log(MR_LOG_WARNING, "%s", warning);
	if (!config->memory.hugepages)
		mr_log(MR_LOG_WARNING, "hugepages are off: expect a TLB miss on most packets and "
				       "look-ups; scripts/setup reserves some");
	if (boot_run(&boot, &error) ||
	    privilege_drop(config->user, run_dir_of(config, run_dir), &error))
		goto out;
	mr_log(MR_LOG_NOTICE,
	       "millraced " MR_VERSION
	       " serves: %zu port(s), %zu address(es), %zu zone(s), %zu worker(s)",
	       config->port_count, config->vip_count, config->dns.zone_count,
	       config->cpus.worker_count);
	mr_ctl_run(ctl);
	status = EXIT_SUCCESS;
out:
	if (status)
		mr_log(MR_LOG_ERROR, "%s", error.text);
	boot_halt(&boot);
	mr_ctl_destroy(ctl);
	boot_close(&boot);
	return status;
}

/* path_full puts the current folder before path, in room: `config check` and `config load` are told
 * full names, and compare with ours. What does not fit stays as it is. */
static const char *
path_full(const char *path, char room[MR_CONFIG_PATH_BYTES])
{
	size_t used;

	if (path[0] == '/' || !getcwd(room, MR_CONFIG_PATH_BYTES))
		return path;
	used = strlen(room);
	if ((size_t)snprintf(room + used, MR_CONFIG_PATH_BYTES - used, "/%s", path) >=
	    MR_CONFIG_PATH_BYTES - used)
		return path;
	return room;
}

int
main(int argument_count, char **arguments)
{
	struct options options;
	struct mr_config *config = NULL;
	struct mr_error error = { 0 };
	char path[MR_CONFIG_PATH_BYTES];
	int status;

	boot_drivers();
	status = options_read(&options, argument_count, arguments);
	if (status >= 0)
		return status;
	if (options.check)
		return check(options.check);
	options.config = path_full(options.config, path);
	if (mr_config_load(options.config, &config, &error)) {
		mr_log(MR_LOG_ERROR, "%s", error.text);
		return EXIT_CONFIG;
	}
	if (options.socket &&
	    (size_t)snprintf(config->control.socket, sizeof(config->control.socket), "%s",
			     options.socket) >= sizeof(config->control.socket)) {
		fprintf(stderr, "millraced: --socket: longer than %zu bytes\n",
			sizeof(config->control.socket) - 1);
		mr_config_free(config);
		return EXIT_USAGE;
	}
	config->control.socket_fixed = options.socket != NULL;
	mr_log_level_set(config->log.level);
	status = serve(config);
	mr_config_free(config);
	return status;
}
