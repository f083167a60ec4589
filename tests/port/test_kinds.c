/* SPDX-License-Identifier: Apache-2.0
 *
 * The kinds that need a peer or a card: what they check, and the arguments that they give DPDK.
 * Without EAL: their calls are made one by one. A card is a folder that looks like sysfs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "pci/pci.h"
#include "vhost/vhost.h"

static char directory[64];
static char name[MR_PORT_DEVICE_NAME_BYTES], arguments[MR_PORT_ARGUMENTS_BYTES];

static const char *
path(const char *format, const char *part)
{
	static char text[8][160];
	static unsigned int turn;
	char *out = text[turn++ % 8];
	int used = snprintf(out, sizeof(text[0]), "%s/", directory);

	snprintf(out + used, sizeof(text[0]) - (size_t)used, format, part);
	return out;
}

static struct mr_port
port_of(const struct mr_port_driver *driver, const char *target)
{
	struct mr_port port = { .driver = driver, .index = 3, .queue_count = 1 };

	snprintf(port.config.name, sizeof(port.config.name), "p");
	snprintf(port.config.target, sizeof(port.config.target), "%s", target);
	return port;
}

static void
assert_arguments(struct mr_port *port, const char *device, const char *expected)
{
	struct mr_error error = { 0 };

	assert_int_equal(port->driver->describe(port, 0, name, arguments, &error), 0);
	assert_string_equal(name, device);
	assert_string_equal(arguments, expected);
}

static void
test_vhost_arguments(void **state)
{
	struct mr_port port = port_of(&mr_vhost_driver, "/run/v");

	(void)state;
	assert_arguments(&port, "net_vhost3", "iface=/run/v,queues=1,client=1");
	port.config.memif_server = true;
	port.queue_count = 4;
	assert_arguments(&port, "net_vhost3", "iface=/run/v,queues=4,client=0");
}

static void
test_virtio_user_arguments(void **state)
{
	struct mr_port port = port_of(&mr_virtio_user_driver, "/run/v");

	(void)state;
	assert_arguments(&port, "net_virtio_user3",
			 "path=/run/v,queues=1,queue_size=1024,server=0,packed_vq=0");
	port.config.memif_server = port.config.virtio_packed = port.config.has_mac = true;
	port.config.mac = (struct mr_mac){ { 2, 0, 0, 0, 0, 9 } };
	port.config.rx_descriptors = 300; /* up to a power of two */
	port.queue_count = 2;
	assert_arguments(&port, "net_virtio_user3",
			 "path=/run/v,queues=2,queue_size=512,server=1,packed_vq=1,cq=1,"
			 "mac=02:00:00:00:00:09");
	port.config.rx_descriptors = 32768; /* at most 4,096 */
	assert_int_equal(port.driver->describe(&port, 0, name, arguments, NULL), 0);
	assert_non_null(strstr(arguments, "queue_size=4096,"));
	port.config.rx_descriptors = 1;
	assert_int_equal(port.driver->describe(&port, 0, name, arguments, NULL), 0);
	assert_non_null(strstr(arguments, "queue_size=64,"));
}

static void
test_virtio_user_client_needs_its_server(void **state)
{
	struct mr_port port = port_of(&mr_virtio_user_driver, path("%s", "nobody"));
	struct mr_port_plan plan = { .rx_descriptors = 300 };
	struct mr_error error = { 0 };

	(void)state;
	assert_int_equal(port.driver->prepare(&port, &plan, &error), -ENOENT);
	assert_non_null(strstr(error.text, "start the vhost side first"));
	port.config.memif_server = true;
	assert_int_equal(port.driver->prepare(&port, &plan, &error), 0);
	assert_int_equal(plan.rx_descriptors, 0);
}

static int
listen_at(const char *where)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", where);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void
test_server_removes_the_stale_and_refuses_the_living(void **state)
{
	struct mr_port port = port_of(&mr_vhost_driver, path("%s", "sock"));
	struct mr_port_plan plan = { 0 };
	struct mr_error error = { 0 };
	int fd = listen_at(port.config.target);
	FILE *file;

	(void)state;
	assert_int_equal(port.driver->prepare(&port, &plan, &error), 0); /* a client may */
	port.config.memif_server = true;
	assert_int_equal(port.driver->prepare(&port, &plan, &error), -EADDRINUSE);
	assert_non_null(strstr(error.text, "another program serves"));
	close(fd);
	assert_int_equal(access(port.config.target, F_OK), 0);
	assert_int_equal(port.driver->prepare(&port, &plan, &error), 0);
	assert_int_equal(access(port.config.target, F_OK), -1);
	file = fopen(port.config.target, "w");
	fclose(file);
	error = (struct mr_error){ 0 };
	assert_int_equal(port.driver->prepare(&port, &plan, &error), -EEXIST);
	assert_non_null(strstr(error.text, "is not a socket"));
	unlink(port.config.target);
}

static void
card_make(const char *address, const char *class, const char *driver, const char *interface)
{
	char folder[100], file_name[160];
	FILE *file;

	snprintf(folder, sizeof(folder), "%s", path("%s", address));
	assert_int_equal(mkdir(folder, 0700), 0);
	snprintf(file_name, sizeof(file_name), "%s/class", folder);
	file = fopen(file_name, "w");
	fputs(class, file);
	fclose(file);
	if (driver) {
		snprintf(file_name, sizeof(file_name), "%s/driver", folder);
		assert_int_equal(symlink(driver, file_name), 0);
	}
	if (interface) {
		snprintf(file_name, sizeof(file_name), "%s/net", folder);
		assert_int_equal(mkdir(file_name, 0700), 0);
		snprintf(file_name, sizeof(file_name), "%s/net/%s", folder, interface);
		assert_int_equal(mkdir(file_name, 0700), 0);
	}
}

static void
assert_card(const char *address, int result, const char *words)
{
	struct mr_error error = { 0 };

	assert_int_equal(mr_pci_check(directory, address, "up", &error), result);
	if (!strstr(error.text, words))
		fail_msg("\"%s\" does not say \"%s\"", error.text, words);
}

static void
test_pci_card_that_fits_and_those_that_do_not(void **state)
{
	(void)state;
	card_make("0000:03:00.0", "0x020000\n", "../../../bus/pci/drivers/vfio-pci", NULL);
	card_make("0000:03:00.1", "0x020000\n", "../../../bus/pci/drivers/ixgbe", "eth7");
	card_make("0000:03:00.2", "0x020000\n", NULL, NULL);
	card_make("0000:03:00.3", "0x010802\n", "../../../bus/pci/drivers/nvme", NULL);
	card_make("0000:03:00.4", "0x020700\n", "../../../bus/pci/drivers/mlx5_core", "eth8");
	assert_card("0000:03:00.0", 0, "");
	assert_card("0000:03:00.4", 0, "");
	assert_card("0000:04:00.0", -ENODEV, "port up: there is no PCI device 0000:04:00.0");
	assert_card("0000:03:00.1", -EBUSY,
		    "belongs to the kernel (driver ixgbe, interface eth7); bind it to vfio-pci");
	assert_card("0000:03:00.1", -EBUSY, "dpdk-devbind.py -b vfio-pci 0000:03:00.1`");
	assert_card("0000:03:00.1", -EBUSY, "or share it: afxdp: eth7");
	assert_card("0000:03:00.2", -EBUSY, "is bound to no driver; bind it");
	assert_card("0000:03:00.3", -ENOTSUP, "is no network card");
}

static void
test_pci_arguments(void **state)
{
	struct mr_port port = port_of(&mr_pci_driver, "0000:03:00.0");

	(void)state;
	assert_arguments(&port, "0000:03:00.0", "");
	assert_string_equal(mr_pci_driver.bus, "pci");
}

static int
setup(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/mr-kinds-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vhost_arguments),
		cmocka_unit_test(test_virtio_user_arguments),
		cmocka_unit_test(test_virtio_user_client_needs_its_server),
		cmocka_unit_test(test_server_removes_the_stale_and_refuses_the_living),
		cmocka_unit_test(test_pci_card_that_fits_and_those_that_do_not),
		cmocka_unit_test(test_pci_arguments),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
