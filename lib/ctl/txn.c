/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/txn - one at a time, built by several, published by one.
 */
#include "ctl/txn.h"

#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

MR_METRIC_DEFINE("control", mr_control_metric_table, CONTROL_METRICS);

struct mr_txn_engine {
	/* const after create */
	unsigned loader_limit;
	bool has_cpus;
	cpu_set_t cpus;
	uint64_t *metrics;
	int event_fd;
	/* owner: control thread */
	struct mr_txn *current, *queue[MR_TXN_QUEUE];
	size_t queue_count;
	pthread_t loaders[MR_TXN_LOADER_MAX];
	unsigned loader_count;
	bool ending;
	/* shared: under lock */
	pthread_mutex_t lock;
	unsigned running;    /* loaders that have not come home */
	size_t failed_index; /* of the work whose error stands */
	struct mr_error failed;
};

int
mr_txn_engine_create(struct mr_txn_engine **out, unsigned loader_count, const cpu_set_t *cpus,
		     uint64_t *metrics, struct mr_error *error)
{
	struct mr_txn_engine *self = calloc(1, sizeof(*self));

	if (!self)
		return mr_error_set(error, -ENOMEM, "out of memory");
	self->loader_limit = MR_MAX(MR_MIN(loader_count, (unsigned)MR_TXN_LOADER_MAX), 1u);
	self->metrics = metrics;
	if (cpus) {
		self->has_cpus = true;
		self->cpus = *cpus;
	}
	self->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (self->event_fd < 0) {
		int rc = mr_error_set(error, -errno, "eventfd: %s", strerror(errno));

		free(self);
		return rc;
	}
	pthread_mutex_init(&self->lock, NULL);
	*out = self;
	return 0;
}

/* ---- loader threads ---- */

static void
txn_work_failed(struct mr_txn_engine *self, struct mr_txn *txn, size_t index, int rc,
		const struct mr_error *error)
{
	pthread_mutex_lock(&self->lock);
	/* Works that stopped because of another's failure say nothing new. */
	if (rc != -ECANCELED && (!self->failed.code || index < self->failed_index)) {
		self->failed = *error;
		self->failed_index = index;
		if (!error->code)
			self->failed.code = mr_error_set(&self->failed, rc, "%s", strerror(-rc));
	}
	pthread_mutex_unlock(&self->lock);
	atomic_store_explicit(&txn->cancelled, true, memory_order_relaxed);
}

/* loader_lay_down gives up all capabilities but those to read files: none is left of what the
 * control thread keeps while it serves. */
static void
loader_lay_down(void)
{
	const uint32_t reading = 1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH;
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, data))
		return;
	data[0].effective &= reading;
	data[0].permitted &= reading;
	data[0].inheritable = 0;
	data[1] = (struct __user_cap_data_struct){ 0 };
	(void)syscall(SYS_capset, &header, data);
}

static void *
txn_loader(void *context)
{
	struct mr_txn_engine *self = context;
	struct mr_txn *txn = self->current;
	const uint64_t one = 1;
	unsigned left;

	if (self->has_cpus)
		(void)pthread_setaffinity_np(pthread_self(), sizeof(self->cpus), &self->cpus);
	loader_lay_down();
	(void)pthread_setname_np(pthread_self(), "mr-loader");
	while (!atomic_load_explicit(&txn->cancelled, memory_order_relaxed)) {
		size_t index = atomic_fetch_add_explicit(&txn->work_taken, 1, memory_order_relaxed);
		struct mr_error error = { 0 };
		int rc;

		if (index >= txn->work_count)
			break;
		rc = txn->ops->work(txn, index, &error);
		if (rc)
			txn_work_failed(self, txn, index, rc, &error);
		atomic_fetch_add_explicit(&txn->work_done, 1, memory_order_relaxed);
	}
	pthread_mutex_lock(&self->lock);
	left = --self->running;
	pthread_mutex_unlock(&self->lock);
	if (!left && write(self->event_fd, &one, sizeof(one)) < 0)
		return NULL; /* the counter is full: it is readable anyway */
	return NULL;
}

static void
txn_join(struct mr_txn_engine *self)
{
	while (self->loader_count)
		pthread_join(self->loaders[--self->loader_count], NULL);
}

/* txn_spawn starts the loaders; one is enough to go on with. */
static int
txn_spawn(struct mr_txn_engine *self, struct mr_error *error)
{
	size_t wanted = MR_MIN((size_t)self->loader_limit, self->current->work_count);
	sigset_t all, before;
	int rc = 0;

	self->failed = (struct mr_error){ 0 };
	sigfillset(&all); /* signals are the control thread's */
	pthread_sigmask(SIG_BLOCK, &all, &before);
	for (size_t i = 0; i < wanted && !rc; i++) {
		pthread_mutex_lock(&self->lock);
		self->running++;
		pthread_mutex_unlock(&self->lock);
		rc = pthread_create(&self->loaders[i], NULL, txn_loader, self);
		if (!rc) {
			self->loader_count++;
			continue;
		}
		pthread_mutex_lock(&self->lock);
		self->running--;
		pthread_mutex_unlock(&self->lock);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc && !self->loader_count)
		return mr_error_set(error, -rc, "a loader thread cannot start: %s", strerror(rc));
	return 0;
}

/* ---- the control thread's part ---- */

/* txn_finish takes the current transaction to COMMITTED or FAILED. All its loaders are joined. */
static void
txn_finish(struct mr_txn_engine *self, struct mr_error *error, bool planned)
{
	struct mr_txn *txn = self->current;
	int rc = error->code;

	if (!rc && txn->ops->assemble)
		rc = txn->ops->assemble(txn, error);
	if (!rc && txn->ops->apply)
		rc = txn->ops->apply(txn, error);
	if (rc) {
		if (!error->code)
			rc = mr_error_set(error, rc, "%s", strerror(-rc));
		if (planned)
			txn->ops->discard(txn);
		mr_metric_add(self->metrics, MR_CONTROL_transaction_fail, 1);
	} else {
		txn->ops->publish(txn);
		mr_metric_add(self->metrics, MR_CONTROL_transaction_commit, 1);
	}
	self->current = NULL;
	txn->ops->done(txn, rc, error);
}

/* txn_start takes txn from QUEUED to BUILDING, or straight to its end. */
static void
txn_start(struct mr_txn_engine *self, struct mr_txn *txn)
{
	struct mr_error error = { 0 };
	bool planned = false;
	int rc = 0;

	self->current = txn;
	txn->started_ns = mr_clock_now_ns();
	atomic_init(&txn->work_taken, 0);
	atomic_init(&txn->work_done, 0);
	atomic_init(&txn->cancelled, false);
	if (self->ending)
		rc = mr_error_set(&error, -ECANCELED, "%s: millraced is stopping", txn->what);
	if (!rc) {
		planned = true;
		rc = txn->ops->plan ? txn->ops->plan(txn, &error) : 0;
	}
	if (!rc && txn->work_count)
		rc = txn_spawn(self, &error);
	if (!rc && txn->work_count)
		return; /* BUILDING */
	if (rc && !error.code)
		(void)mr_error_set(&error, rc, "%s", strerror(-rc));
	txn_finish(self, &error, planned);
}

/* txn_next starts what waits, until one of them is BUILDING. */
static void
txn_next(struct mr_txn_engine *self)
{
	while (!self->current && self->queue_count) {
		struct mr_txn *txn = self->queue[0];

		memmove(self->queue, self->queue + 1, --self->queue_count * sizeof(self->queue[0]));
		txn_start(self, txn);
	}
}

void
mr_txn_submit(struct mr_txn_engine *self, struct mr_txn *txn)
{
	if (self->queue_count == MR_TXN_QUEUE) {
		struct mr_error error = { 0 };
		int rc = mr_error_set(&error, -EBUSY, "%s: %d changes are waiting; try again",
				      txn->what, MR_TXN_QUEUE);

		mr_metric_add(self->metrics, MR_CONTROL_transaction_refuse, 1);
		txn->ops->done(txn, rc, &error);
		return;
	}
	self->queue[self->queue_count++] = txn;
	txn_next(self);
}

int
mr_txn_fd(const struct mr_txn_engine *self)
{
	return self->event_fd;
}

void
mr_txn_turn(struct mr_txn_engine *self)
{
	struct mr_error error;
	uint64_t count;
	unsigned running;

	if (read(self->event_fd, &count, sizeof(count)) < 0 || !self->current)
		return; /* nothing new */
	pthread_mutex_lock(&self->lock);
	running = self->running;
	error = self->failed;
	pthread_mutex_unlock(&self->lock);
	if (running) /* a loader was home before the next one had started */
		return;
	txn_join(self);
	if (!error.code && self->ending)
		(void)mr_error_set(&error, -ECANCELED, "%s: millraced is stopping",
				   self->current->what);
	txn_finish(self, &error, true);
	txn_next(self);
}

void
mr_txn_wait(struct mr_txn_engine *self)
{
	while (self->current) {
		struct pollfd event = { self->event_fd, POLLIN, 0 };

		(void)poll(&event, 1, -1);
		mr_txn_turn(self);
	}
}

void
mr_txn_engine_destroy(struct mr_txn_engine *self)
{
	if (!self)
		return;
	self->ending = true;
	if (self->current)
		atomic_store_explicit(&self->current->cancelled, true, memory_order_relaxed);
	mr_txn_wait(self); /* what waits ends in txn_start */
	pthread_mutex_destroy(&self->lock);
	close(self->event_fd);
	free(self);
}

const struct mr_txn *
mr_txn_current(const struct mr_txn_engine *self, size_t *waiting)
{
	*waiting = self->queue_count;
	return self->current;
}
