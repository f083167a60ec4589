/* SPDX-License-Identifier: Apache-2.0
 *
 * base/clock - the time of day's stand-in: nanoseconds since boot, for the control plane.
 *
 * Workers do not call this: lib/worker reads the time stamp counter once per turn and hands
 * `now_ns` down, on the same scale. Pure parts (lib/net, lib/tcp, lib/dns) take now_ns as an
 * argument and never ask.
 *
 * Owner:  nobody. Thread: any but workers. Memory: none.
 */
#ifndef MR_BASE_CLOCK_H
#define MR_BASE_CLOCK_H

#include <time.h>

#include "base/types.h"

static inline uint64_t
mr_clock_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * MR_NS_PER_S + (uint64_t)now.tv_nsec;
}

#endif
