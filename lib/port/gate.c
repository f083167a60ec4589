/* SPDX-License-Identifier: Apache-2.0
 *
 * port/gate - keeps workers out of a PMD while its memory goes away.
 */
#include <time.h>

#include "port/port.h"

void
mr_port_gate_open(struct mr_port *self)
{
	/* Release: what the PMD mapped comes before the first entry. */
	__atomic_store_n(&self->gate_open, true, __ATOMIC_RELEASE);
}

void
mr_port_gate_close(struct mr_port *self)
{
	const struct timespec pause = { .tv_nsec = 20000 };

	__atomic_store_n(&self->gate_open, false, __ATOMIC_RELAXED);
	/* The store of gate_open must be seen before `inside` is read; a worker stores and loads
	 * them in the other order, so one of the two sees the other. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (uint16_t q = 0; q < self->queue_count; q++) {
		/* A worker leaves after one burst: the bound is the burst, and the scheduler. */
		while (__atomic_load_n(&self->queues[q].inside, __ATOMIC_ACQUIRE))
			nanosleep(&pause, NULL);
	}
}
