/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/rig - a port, its buffers and a generator core, set up from options and taken down.
 *
 * Owner:  the mode. Thread: the control thread; what it launches, on the generator core.
 * Memory: a pool of packet buffers, EAL's, from open to close.
 *
 * States: closed -> open (link up) -> running <-> open -> closed.
 */
#ifndef MILLGEN_RIG_H
#define MILLGEN_RIG_H

#include "options.h"
#include "port/port.h"

struct gen_rig {
	const struct gen_options *options;
	struct mr_port port;
	struct rte_mempool *pool;
	uint64_t tsc_hz;
	bool eal_started;
};

/* gen_rig_open starts DPDK, opens the port and waits for its link. Returns GEN_EXIT_OK,
 * GEN_EXIT_USAGE or GEN_EXIT_LINK, with error filled. */
MR_MUST_USE int gen_rig_open(struct gen_rig *self, const struct gen_options *options,
			     struct mr_error *error);
void gen_rig_close(struct gen_rig *self);

/* gen_rig_linger stays attached for the option's time, or until the other side leaves. */
void gen_rig_linger(struct gen_rig *self);

/* gen_rig_launch runs function(context) on the generator core; once a second, and while the link
 * is up, second(second_context) is called here. Returns 0; -ENOLINK when the link was lost, -EINTR
 * after SIGINT or SIGTERM: *stop was set then, and the function has returned. */
MR_MUST_USE int gen_rig_launch(struct gen_rig *self, int (*function)(void *), void *context,
			       bool *stop, const bool *done, void (*second)(void *),
			       void *second_context);

/* gen_rig_interrupted says whether SIGINT or SIGTERM came. */
bool gen_rig_interrupted(void);

#endif
