/* SPDX-License-Identifier: Apache-2.0
 *
 * pcap - the file checks and the arguments of net_pcap.
 */
#include "pcap/pcap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int
pcap_prepare(struct mr_port *port, struct mr_port_plan *plan, struct mr_error *error)
{
	const char *out = port->config.pcap_out;

	if (access(port->config.target, R_OK) != 0)
		return mr_error_set(error, -errno, "port %s: %s: %s", port->config.name,
				    port->config.target, strerror(errno));
	if (strchr(out, ',') || strchr(out, '='))
		return mr_error_set(error, -EINVAL,
				    "port %s: \"%s\" must not hold a comma or an equals sign",
				    port->config.name, out);
	if (strcmp(out, port->config.target) == 0)
		return mr_error_set(error, -EINVAL, "port %s: %s would be read and written at once",
				    port->config.name, out);
	plan->queue_count = 1;
	return 0;
}

static int
pcap_describe(struct mr_port *port, uint16_t unit, char name[MR_PORT_DEVICE_NAME_BYTES],
	      char arguments[MR_PORT_ARGUMENTS_BYTES], struct mr_error *error)
{
	const struct mr_port_config *config = &port->config;

	(void)unit;
	(void)error;
	snprintf(name, MR_PORT_DEVICE_NAME_BYTES, "net_pcap%u", port->index);
	snprintf(arguments, MR_PORT_ARGUMENTS_BYTES, "rx_pcap=%s%s%s", config->target,
		 config->pcap_out[0] ? ",tx_pcap=" : "", config->pcap_out);
	return 0;
}

const struct mr_port_driver mr_pcap_driver = {
	.kind = "pcap",
	.help = "a capture file to replay",
	.caps = MR_PORT_CAP_CHAINED | MR_PORT_CAP_EXTERNAL,
	.prepare = pcap_prepare,
	.describe = pcap_describe,
};
