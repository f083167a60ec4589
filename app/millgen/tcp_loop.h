/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/tcp_loop - the generator core of the modes that speak TCP.
 *
 * A run:
 *   PREPARE   connections that are kept open are opened (none when units open their own)
 *   WARM_UP, MEASURE, DRAIN   as in phase.h
 *   CLOSE     what is open is closed from this side, and both sides' FINs are waited for
 *
 * Owner:  struct gen_tcp_loop belongs to the control thread before and after a run, and to the
 * generator core during it. Thread: one core; it makes no system call while it runs.
 * Memory: mbufs of its own pool; frames that wait for the port are at most GEN_OUT_MAX.
 */
#ifndef MILLGEN_TCP_LOOP_H
#define MILLGEN_TCP_LOOP_H

#include "client.h"
#include "hop.h"
#include "phase.h"

struct gen_tcp_loop {
	/* const during a run */
	struct mr_port *port;
	struct rte_mempool *pool;
	struct gen_run run;
	uint32_t outstanding; /* flood: connections under way at most */
	uint64_t limit;       /* units that open a connection (hold); 0: no limit */
	uint64_t flood_qps;   /* SYNs of nobody beside it; then frames are dropped, not kept */
	bool abandon;         /* CLOSE is left out */
	/* owner: the generator core */
	struct gen_client client;
	struct gen_neigh neigh;
	struct gen_out out;
	struct rte_mbuf *mbufs[GEN_OUT_MAX]; /* of out.frames */
	struct gen_tally tally;
	/* shared: relaxed */
	bool stop; /* set by the control thread */
	bool done;
};

/* gen_tcp_loop_run does one run; gives it to rte_eal_remote_launch. context is a struct
 * gen_tcp_loop whose client is made. */
int gen_tcp_loop_run(void *context);

#endif
