/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/loop - epoll, a timerfd and a signalfd.
 */
#include "ctl/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct mr_loop_source {
	int fd;
	bool removed;
	mr_loop_fn *fn;
	void *context;
	struct mr_loop_source *next; /* in the list of removed ones */
};

struct mr_loop {
	int epoll_fd, timer_fd, signal_fd;
	bool stopped;
	struct mr_loop_source *removed, *timer, *signals;
	void (*tick)(void *context, uint64_t now_ns);
	void *tick_context;
	void (*on_signal)(void *context, int signal_number);
	void *signal_context;
};

static void
loop_tick(void *context, uint32_t events)
{
	struct mr_loop *self = context;
	uint64_t ticks; /* several missed ones are one */

	(void)events;
	if (read(self->timer_fd, &ticks, sizeof(ticks)) == sizeof(ticks) && self->tick)
		self->tick(self->tick_context, mr_clock_now_ns());
}

static void
loop_signal(void *context, uint32_t events)
{
	struct mr_loop *self = context;
	struct signalfd_siginfo info;

	(void)events;
	if (read(self->signal_fd, &info, sizeof(info)) == sizeof(info) && self->on_signal)
		self->on_signal(self->signal_context, (int)info.ssi_signo);
}

int
mr_loop_create(struct mr_loop **out, struct mr_error *error)
{
	const struct itimerspec period = { { 0, MR_LOOP_TICK_MS * 1000000l },
					   { 0, MR_LOOP_TICK_MS * 1000000l } };
	struct mr_loop *self = calloc(1, sizeof(*self));
	sigset_t signals;

	if (!self)
		return mr_error_set(error, -ENOMEM, "out of memory");
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	self->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	self->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (self->epoll_fd < 0 || self->timer_fd < 0 || self->signal_fd < 0 ||
	    timerfd_settime(self->timer_fd, 0, &period, NULL)) {
		int rc = mr_error_set(error, -errno, "event loop: %s", strerror(errno));

		mr_loop_destroy(self);
		return rc;
	}
	self->timer = mr_loop_add(self, self->timer_fd, EPOLLIN, loop_tick, self, error);
	self->signals = mr_loop_add(self, self->signal_fd, EPOLLIN, loop_signal, self, error);
	if (!self->timer || !self->signals) {
		mr_loop_destroy(self);
		return error ? error->code : -ENOMEM;
	}
	*out = self;
	return 0;
}

static void
loop_free_removed(struct mr_loop *self)
{
	while (self->removed) {
		struct mr_loop_source *source = self->removed;

		self->removed = source->next;
		free(source);
	}
}

void
mr_loop_destroy(struct mr_loop *self)
{
	if (!self)
		return;
	mr_loop_remove(self, self->timer);
	mr_loop_remove(self, self->signals);
	loop_free_removed(self);
	if (self->epoll_fd >= 0)
		close(self->epoll_fd);
	if (self->timer_fd >= 0)
		close(self->timer_fd);
	if (self->signal_fd >= 0)
		close(self->signal_fd);
	free(self);
}

struct mr_loop_source *
mr_loop_add(struct mr_loop *self, int fd, uint32_t epoll_events, mr_loop_fn *fn, void *context,
	    struct mr_error *error)
{
	struct mr_loop_source *source = calloc(1, sizeof(*source));
	struct epoll_event event = { .events = epoll_events, .data.ptr = source };

	if (!source) {
		(void)mr_error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	*source = (struct mr_loop_source){ .fd = fd, .fn = fn, .context = context };
	if (epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, fd, &event)) {
		(void)mr_error_set(error, -errno, "epoll: %s", strerror(errno));
		free(source);
		return NULL;
	}
	return source;
}

void
mr_loop_change(struct mr_loop *self, struct mr_loop_source *source, uint32_t epoll_events)
{
	struct epoll_event event = { .events = epoll_events, .data.ptr = source };

	MR_ASSERT(!source->removed);
	MR_ASSERT(!epoll_ctl(self->epoll_fd, EPOLL_CTL_MOD, source->fd, &event));
}

void
mr_loop_remove(struct mr_loop *self, struct mr_loop_source *source)
{
	if (!source)
		return;
	MR_ASSERT(!source->removed);
	(void)epoll_ctl(self->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	source->removed = true;
	source->next = self->removed;
	self->removed = source;
}

void
mr_loop_on_tick(struct mr_loop *self, void (*fn)(void *context, uint64_t now_ns), void *context)
{
	self->tick = fn;
	self->tick_context = context;
}

void
mr_loop_on_signal(struct mr_loop *self, void (*fn)(void *context, int signal_number), void *context)
{
	self->on_signal = fn;
	self->signal_context = context;
}

void
mr_loop_turn(struct mr_loop *self, int timeout_ms)
{
	struct epoll_event events[MR_LOOP_EVENTS];
	int count = epoll_wait(self->epoll_fd, events, MR_LOOP_EVENTS, timeout_ms);

	for (int i = 0; i < count; i++) {
		struct mr_loop_source *source = events[i].data.ptr;

		if (!source->removed) /* by an earlier callback of this round */
			source->fn(source->context, events[i].events);
	}
	loop_free_removed(self);
}

void
mr_loop_run(struct mr_loop *self)
{
	while (!self->stopped)
		mr_loop_turn(self, -1);
}

void
mr_loop_stop(struct mr_loop *self)
{
	self->stopped = true;
}
