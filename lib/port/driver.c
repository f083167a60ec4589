/* SPDX-License-Identifier: Apache-2.0
 *
 * port/driver - the kinds of port that this program knows, and what several of them do.
 */
#include "port/port.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { DRIVER_MAX = 16 };

/* owner: the control thread, filled at boot */
static const struct mr_port_driver *drivers[DRIVER_MAX];
static size_t driver_count;

void
mr_port_driver_register(const struct mr_port_driver *driver)
{
	if (mr_port_driver_find(driver->kind) == driver)
		return;
	MR_ASSERT(driver_count < DRIVER_MAX && !mr_port_driver_find(driver->kind));
	MR_ASSERT(driver->prepare && driver->describe);
	MR_ASSERT(!(driver->caps & MR_PORT_CAP_STEER) == !driver->steer);
	drivers[driver_count++] = driver;
}

const struct mr_port_driver *
mr_port_driver_find(const char *kind)
{
	for (size_t i = 0; i < driver_count; i++)
		if (strcmp(drivers[i]->kind, kind) == 0)
			return drivers[i];
	return NULL;
}

const struct mr_port_driver *
mr_port_driver_at(size_t index)
{
	return index < driver_count ? drivers[index] : NULL;
}

int
mr_port_socket_clean(const struct mr_port *self, const char *path, int type, struct mr_error *error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat status;
	int fd, code;

	if (strlen(path) >= sizeof(address.sun_path))
		return mr_error_set(error, -ENAMETOOLONG, "port %s: the path %s is too long",
				    self->config.name, path);
	if (lstat(path, &status) != 0)
		return 0;
	if (!S_ISSOCK(status.st_mode))
		return mr_error_set(error, -EEXIST, "port %s: %s exists and is not a socket",
				    self->config.name, path);
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return mr_error_set(error, -errno, "port %s: %s", self->config.name,
				    strerror(errno));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	code = connect(fd, (const struct sockaddr *)&address, sizeof(address)) ? errno : 0;
	close(fd);
	if (code != ECONNREFUSED)
		return mr_error_set(error, -EADDRINUSE,
				    "port %s: another program serves %s; stop it or choose "
				    "another path",
				    self->config.name, path);
	if (unlink(path) != 0)
		return mr_error_set(error, -errno, "port %s: cannot remove the stale %s: %s",
				    self->config.name, path, strerror(errno));
	return 0;
}
