/* SPDX-License-Identifier: Apache-2.0
 *
 * port/driver - the kinds of port that this program knows.
 */
#include "port/port.h"

#include <string.h>

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
