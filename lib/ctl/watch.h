/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/watch - what the control thread looks after, ten times a second.
 *
 *   links        a port whose link comes up announces all its VIPs again           [watch_links]
 *   VIPs         a new network snapshot announces them, on every port that is up    [mr_watch_tick]
 *   neighbours   what workers learnt goes into the table; due requests go out  [watch_neighbours]
 *   time         the workers' clocks follow the kernel's                  [mr_worker_clock_tick]
 *   workers      one that has not turned for MR_WATCH_STALL_NS is reported, once    [watch_workers]
 *
 * Announcements are paced: at most MR_WATCH_FRAMES_PER_TICK a tick, MR_WATCH_ROUNDS rounds,
 * MR_WATCH_ROUND_NS apart (RFC 5227 2.3: ANNOUNCE_NUM 2, ANNOUNCE_INTERVAL 2 s; RFC 9131 for IPv6).
 *
 * Owner: the control thread. Thread: the control thread. Memory: the struct.
 */
#ifndef MR_CTL_WATCH_H
#define MR_CTL_WATCH_H

#include "worker/worker.h"

enum { MR_WATCH_FRAMES_PER_TICK = 128, MR_WATCH_ROUNDS = 2 };
#define MR_WATCH_ROUND_NS (2 * MR_NS_PER_S)
#define MR_WATCH_STALL_NS (2 * MR_NS_PER_S)

/* Where the announcing of one port stands: (vlan, vip) is next; rounds still to go, the next not
 * before due_ns. */
struct mr_watch_announce {
	uint64_t due_ns;
	uint32_t vip;
	uint16_t vlan_index;
	uint16_t rounds_left;
};

#define WATCH_METRICS(X)                                                                   \
	X(link_up, COUNTER, EVENTS, "Links that came up")                                  \
	X(link_down, COUNTER, EVENTS, "Links that went down")                              \
	X(link_moved, COUNTER, EVENTS, "Bonds that another member serves since")           \
	X(announce, COUNTER, FRAMES, "Gratuitous ARPs and unsolicited NAs sent")           \
	X(neighbour_learn, COUNTER, EVENTS, "Neighbour answers taken from workers")        \
	X(neighbour_ask, COUNTER, FRAMES, "ARP requests and neighbour solicitations sent") \
	X(send_full, COUNTER, FRAMES, "Frames put off: the worker's ring was full")        \
	X(worker_stall, COUNTER, EVENTS, "Workers found not turning")

#define WATCH_METRIC_ID(name, ...) MR_WATCH_##name,
enum mr_watch_metric { WATCH_METRICS(WATCH_METRIC_ID) MR_WATCH_METRIC_COUNT };
MR_METRIC_DECLARE(mr_watch_metric_table);

struct mr_watch {
	struct mr_worker_group *group;
	/* the snapshot that the last announcing began with */
	const struct mr_net_snapshot *announced;
	struct mr_watch_announce announces[MR_PORT_MAX];
	uint64_t *metrics;
	bool stalled[MR_WORKER_MAX];
};

/* mr_watch_start takes the group (borrowed) and attaches its counters under scope "control". */
void mr_watch_start(struct mr_watch *self, struct mr_worker_group *group);

/* mr_watch_tick does what is due at now_ns. Every 100 ms, by the control loop's timer. */
void mr_watch_tick(struct mr_watch *self, uint64_t now_ns);

#endif
