/* SPDX-License-Identifier: Apache-2.0
 *
 * pci - is the card there, and is it ours?
 */
#include "pci/pci.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PCI_PATH_BYTES = 256, PCI_CLASS_NETWORK = 0x02 };

/* Kernel drivers with which DPDK drives a card: the first hand it over whole, the last share it. */
static const char *const fitting_drivers[] = { "vfio-pci", "uio_pci_generic", "igb_uio",
					       "mlx4_core", "mlx5_core" };

/* pci_interface writes the name of the kernel's interface on the device, or "". */
static void
pci_interface(const char *folder, char out[MR_NAME_MAX])
{
	char path[PCI_PATH_BYTES];
	struct dirent *entry;
	DIR *net;

	*out = 0;
	snprintf(path, sizeof(path), "%.200s/net", folder);
	net = opendir(path);
	while (net && !*out && (entry = readdir(net)))
		if (entry->d_name[0] != '.')
			snprintf(out, MR_NAME_MAX, "%.*s", MR_NAME_MAX - 1, entry->d_name);
	if (net)
		closedir(net);
}

static bool
pci_is_network(const char *folder)
{
	char path[PCI_PATH_BYTES];
	unsigned int class = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%.200s/class", folder);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (fscanf(file, "%x", &class) != 1)
		class = 0;
	fclose(file);
	return class >> 16 == PCI_CLASS_NETWORK;
}

int
mr_pci_check(const char *devices, const char *address, const char *name, struct mr_error *error)
{
	char folder[PCI_PATH_BYTES], path[PCI_PATH_BYTES], link[PCI_PATH_BYTES] = "";
	char interface[MR_NAME_MAX];
	const char *driver;

	snprintf(folder, sizeof(folder), "%.150s/%.32s", devices, address);
	if (access(folder, F_OK) != 0)
		return mr_error_set(error, -ENODEV,
				    "port %s: there is no PCI device %s; `lspci -D` lists them",
				    name, address);
	if (!pci_is_network(folder))
		return mr_error_set(error, -ENOTSUP, "port %s: PCI device %s is no network card",
				    name, address);
	snprintf(path, sizeof(path), "%.200s/driver", folder);
	if (readlink(path, link, sizeof(link) - 1) < 0)
		return mr_error_set(error, -EBUSY,
				    "port %s: PCI device %s is bound to no driver; bind it: "
				    "`modprobe vfio-pci; dpdk-devbind.py -b vfio-pci %s`",
				    name, address, address);
	driver = strrchr(link, '/') ? strrchr(link, '/') + 1 : link;
	for (size_t i = 0; i < MR_ARRAY_COUNT(fitting_drivers); i++)
		if (!strcmp(driver, fitting_drivers[i]))
			return 0;
	pci_interface(folder, interface);
	return mr_error_set(error, -EBUSY,
			    "port %s: PCI device %s belongs to the kernel (driver %.32s%s%s); bind "
			    "it to vfio-pci, which takes it from the kernel: `modprobe vfio-pci; "
			    "dpdk-devbind.py -b vfio-pci %s`, or share it: afxdp: %s",
			    name, address, driver, *interface ? ", interface " : "", interface,
			    address, *interface ? interface : "INTERFACE");
}

static int
pci_prepare(struct mr_port *port, struct mr_port_plan *plan, struct mr_error *error)
{
	(void)plan;
	return mr_pci_check(MR_PCI_DEVICES, port->config.target, port->config.name, error);
}

static int
pci_describe(struct mr_port *port, uint16_t unit, char name[MR_PORT_DEVICE_NAME_BYTES],
	     char arguments[MR_PORT_ARGUMENTS_BYTES], struct mr_error *error)
{
	(void)unit;
	(void)error;
	snprintf(name, MR_PORT_DEVICE_NAME_BYTES, "%.*s", MR_PORT_DEVICE_NAME_BYTES - 1,
		 port->config.target);
	*arguments = 0;
	return 0;
}

static int
pci_started(struct mr_port *port, struct mr_error *error)
{
	/* Neighbour discovery asks groups. */
	if (rte_eth_allmulticast_enable(port->devices[0]) &&
	    rte_eth_promiscuous_enable(port->devices[0]))
		return mr_error_set(error, -EIO,
				    "port %s: the card takes neither all multicasts nor all frames",
				    port->config.name);
	return 0;
}

const struct mr_port_driver mr_pci_driver = {
	.kind = "pci",
	.help = "the PCI address of a network card",
	.bus = "pci",
	.caps = MR_PORT_CAP_CHAINED | MR_PORT_CAP_MULTI_QUEUE | MR_PORT_CAP_RSS |
		MR_PORT_CAP_ZERO_COPY | MR_PORT_CAP_MEMBER,
	.prepare = pci_prepare,
	.describe = pci_describe,
	.started = pci_started,
};
