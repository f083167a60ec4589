/* SPDX-License-Identifier: Apache-2.0
 *
 * net/link - a link as a pure function of its state, its seed and a frame: what will become of it?
 *
 * One struct is one direction. It holds no frames: mr_net_link_offer says when each copy of a frame
 * arrives and what has happened to it, and the caller keeps the frames until then. So a simulator
 * with virtual time and an impairing bridge with a real clock run the same model, and one seed
 * replays one history.
 *
 * In this order: too big, lost, queued (rate and queue), marked (ECN), corrupted, delayed,
 * reordered, duplicated.
 *
 * Owner: the caller. Thread: one at a time. Memory: the struct.
 */
#ifndef MR_NET_LINK_H
#define MR_NET_LINK_H

#include "base/base.h"

enum { MR_NET_LINK_COPY_MAX = 2 };

struct mr_net_link_config {
	uint64_t delay_ns;    /* each frame, one way */
	uint64_t jitter_ns;   /* plus [0 .. jitter_ns), order kept */
	uint64_t reorder_ns;  /* a reordered frame is late by [0 .. reorder_ns), order not kept */
	uint64_t rate_bps;    /* bits per second; 0: infinite */
	uint32_t queue_bytes; /* waiting for the rate; 0: unbounded */
	uint32_t loss_ppm;    /* frames per million */
	uint32_t burst_loss_ppm; /* chance that a loss is followed by another (Gilbert) */
	uint32_t duplicate_ppm, reorder_ppm, corrupt_ppm;
	uint32_t mark_ppm;   /* ECN-capable frames marked CE whatever the queue */
	uint32_t mark_bytes; /* and those that find this much in the queue; 0: none */
	uint32_t mtu;        /* bytes of a frame; 0: any */
};

struct mr_net_link {
	struct mr_net_link_config config; /* the caller may change it at any time */
	struct mr_rng rng;
	uint64_t free_ns;  /* when the rate has sent all that waits */
	uint64_t order_ns; /* the latest arrival of a frame in order */
	bool losing;       /* the last frame was lost */
	uint64_t frames, lost, dropped, duplicated, reordered, corrupted, marked, too_big;
};

enum mr_net_link_verdict {
	MR_NET_LINK_PASS,
	MR_NET_LINK_LOST,
	MR_NET_LINK_DROPPED, /* the queue was full */
	MR_NET_LINK_TOO_BIG,
};

struct mr_net_link_fate {
	enum mr_net_link_verdict verdict;
	uint8_t copy_count;
	bool marked; /* CE, if the frame was ECN-capable */
	struct {
		uint64_t arrive_ns;
		int32_t corrupt_bit; /* to be flipped, counted from the frame's first; -1: none */
	} copies[MR_NET_LINK_COPY_MAX];
};

/* mr_net_link_init starts an idle link; its whole history is a function of config, seed and what is
 * offered when. */
void mr_net_link_init(struct mr_net_link *self, const struct mr_net_link_config *config,
		      uint64_t seed);

/* mr_net_link_offer decides about one frame of frame_bytes at now_ns, which does not go back. */
void mr_net_link_offer(struct mr_net_link *self, uint32_t frame_bytes, bool ecn_capable,
		       uint64_t now_ns, struct mr_net_link_fate *fate);

#endif
