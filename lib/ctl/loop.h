/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/loop - the control thread's event loop: descriptors, one 100 ms tick, signals.
 *
 * Nothing in a callback may wait. What takes long runs on a loader thread (ctl/txn) and comes back
 * through an eventfd.
 *
 * Owner: the control thread. Thread: the control thread; mr_loop_stop also from a callback.
 * Memory: the heap; a source that is removed is freed after the round of events that saw it, so a
 * callback may remove any source, its own too.
 */
#ifndef MR_CTL_LOOP_H
#define MR_CTL_LOOP_H

#include "base/base.h"

enum { MR_LOOP_EVENTS = 64 /* taken per round */, MR_LOOP_TICK_MS = 100 };

struct mr_loop;
struct mr_loop_source;

typedef void mr_loop_fn(void *context, uint32_t epoll_events);

MR_MUST_USE int mr_loop_create(struct mr_loop **self, struct mr_error *error);
void mr_loop_destroy(struct mr_loop *self);

/* mr_loop_add watches fd (borrowed) for epoll_events and calls fn; NULL with error filled when it
 * cannot. mr_loop_change sets other events (0: pause); mr_loop_remove forgets the source. */
MR_MUST_USE struct mr_loop_source *mr_loop_add(struct mr_loop *self, int fd, uint32_t epoll_events,
					       mr_loop_fn *fn, void *context,
					       struct mr_error *error);
void mr_loop_change(struct mr_loop *self, struct mr_loop_source *source, uint32_t epoll_events);
void mr_loop_remove(struct mr_loop *self, struct mr_loop_source *source);

/* mr_loop_on_tick and _on_signal set what is called every MR_LOOP_TICK_MS, and for a signal of the
 * set that mr_loop_create blocked in this thread: SIGTERM, SIGINT, SIGHUP. Threads started
 * afterwards inherit the block; workers want it too. */
void mr_loop_on_tick(struct mr_loop *self, void (*fn)(void *context, uint64_t now_ns),
		     void *context);
void mr_loop_on_signal(struct mr_loop *self, void (*fn)(void *context, int signal_number),
		       void *context);

/* mr_loop_turn waits at most timeout_ms for events (-1: for ever) and serves one round. */
void mr_loop_turn(struct mr_loop *self, int timeout_ms);

/* mr_loop_run turns until mr_loop_stop. */
void mr_loop_run(struct mr_loop *self);
void mr_loop_stop(struct mr_loop *self);

#endif
